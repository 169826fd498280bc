package cmdline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/mattn/go-isatty"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Width is how wide a page on stdout may be, in columns: COLUMNS, else what the
// terminal says, else 80.
func Width() int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if n, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && n > 0 {
		return n
	}
	return 80
}

// CanAsk reports whether a user can read a question and type an answer.
func CanAsk() bool {
	return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd()))
}

// Ask reads a line from the terminal without echo. When ctx ends meanwhile, the
// terminal gets its echo back.
func Ask(ctx context.Context, question string) (string, error) {
	stdin := int(os.Stdin.Fd())
	state, err := term.GetState(stdin)
	if err != nil {
		return "", err
	}
	fmt.Fprint(os.Stderr, question)
	defer fmt.Fprintln(os.Stderr)
	type answer struct {
		text []byte
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := term.ReadPassword(stdin)
		got <- answer{text, err}
	}()
	select {
	case a := <-got:
		return string(a.text), a.err
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), term.Restore(stdin, state))
	}
}

// Progress is one line on stderr that tells what happens now. Nil, which it is
// without a terminal, shows nothing.
type Progress struct {
	bar     bar
	counted bool // it is a bar by now
}

// bar is as much of a progress bar as is used. Were the library's type a field,
// the linker would keep all its methods, and with the one that serves HTTP
// nearly a fifth of the program.
type bar struct {
	describe func(string)
	set      func(int) error
	finish   func() error
}

// NewProgress starts a line, unless stderr is no terminal that can show it.
func NewProgress() *Progress {
	if !isatty.IsTerminal(os.Stderr.Fd()) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return &Progress{bar: newBar(-1, progressbar.OptionSpinnerType(14))}
}

func newBar(most int, option progressbar.Option) bar {
	b := progressbar.NewOptions(most, option,
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionSetPredictTime(false),
	)
	return bar{b.Describe, b.Set, b.Finish}
}

// Show replaces the text of the line. What would act on the terminal, or not
// fit on the line, is left out.
func (p *Progress) Show(text string) {
	if p == nil {
		return
	}
	room := 60
	if columns, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil && columns > 0 {
		room = max(columns-12, 20) // the spinner and the time stand beside it
	}
	text = strings.Map(printable, text)
	if twwidth.Width(text) > room {
		text = twwidth.Truncate(text, room-1, "…")
	}
	p.bar.describe(text)
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return -1
}

// Count makes the line a bar which shows that done of all are done.
func (p *Progress) Count(done, all int) {
	if p == nil {
		return
	}
	if !p.counted {
		p.bar.finish()
		p.bar, p.counted = newBar(all, progressbar.OptionShowCount()), true
	}
	p.bar.set(done)
}

// End takes the line away.
func (p *Progress) End() {
	if p != nil {
		p.bar.finish()
	}
}
