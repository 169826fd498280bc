package cmdline

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

func TestCommandHelp(t *testing.T) {
	got := CommandHelp(&cli.Command{
		Name: "one", Usage: "do it", ArgsUsage: "TARGET", Description: "Examples:\n  err32 one x",
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "wait", Value: time.Second, Usage: "DUR: for how long, in a text that does not fit on one line of the page"},
			&cli.BoolFlag{Name: "all", Usage: "every one"},
			&cli.StringFlag{Name: "a-name-that-is-long", Aliases: []string{"a"}, Category: "Log-on", Usage: "NAME: text"},
			&cli.IntFlag{Name: "n", Category: "Log-on", Usage: "N: text"},
		},
	})
	want := `err32 one - do it

Usage: err32 one [flags] TARGET

Flags:
      --wait DUR             for how long, in a text that does not fit on one
                             line of the page (default 1s)
      --all                  every one

Log-on:
  -a, --a-name-that-is-long NAME
                             text
      --n N                  text

Examples:
  err32 one x
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for line := range strings.Lines(got) {
		if utf8.RuneCountInString(line) > helpWidth+1 {
			t.Errorf("wider than the page: %s", line)
		}
	}
}
