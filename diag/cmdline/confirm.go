package cmdline

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
)

// Confirm shows text on stderr and asks on the terminal whether to go on; only
// "y" and "yes" are a yes. When ctx ends meanwhile, so does the question.
func Confirm(ctx context.Context, text string) (bool, error) {
	fmt.Fprintf(os.Stderr, "%sGo on? [y/N] ", text)
	type answer struct {
		line string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(os.Stdin).ReadString('\n')
		got <- answer{line, err}
	}()
	select {
	case a := <-got:
		word := strings.ToLower(strings.TrimSpace(a.line))
		if a.err != nil && word == "" {
			return false, a.err
		}
		return word == "y" || word == "yes", nil
	case <-ctx.Done():
		fmt.Fprintln(os.Stderr)
		return false, ctx.Err()
	}
}
