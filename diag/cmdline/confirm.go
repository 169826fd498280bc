package cmdline

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Confirm shows text on stderr and asks on the terminal whether to go on. Only
// "y" and "yes" are a yes, in any case; the end of the input is a no. When ctx
// ends meanwhile, so does the question, with the context's error.
func Confirm(ctx context.Context, text string) (bool, error) {
	fmt.Fprintf(os.Stderr, "%sGo on? [y/N] ", text)
	type answer struct {
		line string
		err  error
	}
	got := make(chan answer, 1)
	stdin := bufio.NewReader(os.Stdin)
	go func() {
		line, err := stdin.ReadString('\n')
		got <- answer{line, err}
	}()
	select {
	case a := <-got:
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if errors.Is(a.err, io.EOF) { // Ctrl-D, which ends no line
			fmt.Fprintln(os.Stderr)
			return false, nil
		}
		word := strings.ToLower(strings.TrimSpace(a.line))
		return a.err == nil && (word == "y" || word == "yes"), a.err
	case <-ctx.Done():
		fmt.Fprintln(os.Stderr)
		return false, ctx.Err()
	}
}
