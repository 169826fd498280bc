package cmdline

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestHelp(t *testing.T) {
	one := Command{
		Name: "one", Usage: "do it", Arguments: "TARGET", Description: "Examples:\n  err32 one x",
		Flags: []Flag{
			testFlag{names: []string{"wait"}, value: true, def: "1s", usage: "DUR: for how long, in a text that does not fit on one line of the page"},
			testFlag{names: []string{"all"}, usage: "every one"},
			testFlag{names: []string{"a-name-that-is-long", "a"}, value: true, underTitle: "Log-on", usage: "NAME: text"},
			testFlag{names: []string{"n"}, value: true, underTitle: "Log-on", usage: "N: text"},
		},
	}
	got := one.Help()
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
