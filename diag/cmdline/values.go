package cmdline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// Values reads the flags of one command. The first mistake stays in Err, a
// *UsageError, and the reading goes on.
type Values struct {
	Context *cli.Context
	Err     error
}

// Fail makes err, unless it is nil, the mistake, unless there is one already.
func (v *Values) Fail(err error) {
	if err != nil && v.Err == nil {
		v.Err = Usagef("%v", err)
	}
}

// Parsed reads a flag with parse, whose error says what is accepted.
func Parsed[T any](v *Values, name string, parse func(string) (T, error)) T {
	value, err := parse(v.Context.String(name))
	if err != nil {
		v.Fail(fmt.Errorf("--%s: %w", name, err))
	}
	return value
}

// OneOf is a parse function that accepts the given words only.
func OneOf(words ...string) func(string) (string, error) {
	return func(s string) (string, error) {
		if !slices.Contains(words, s) {
			return "", fmt.Errorf("%q is none of %s", s, strings.Join(words, ", "))
		}
		return s, nil
	}
}

// Duration reads a duration, which must not be negative. Where zero makes no
// sense, whyNotZero says why; it is empty where zero does.
func (v *Values) Duration(name, whyNotZero string) time.Duration {
	d := v.Context.Duration(name)
	switch {
	case d < 0:
		v.Fail(fmt.Errorf("--%s: %s is negative", name, d))
	case d == 0 && whyNotZero != "":
		v.Fail(fmt.Errorf("--%s: %s", name, whyNotZero))
	}
	return d
}
