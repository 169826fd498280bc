package cmdline

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Values reads the flags of one command. The first mistake stays in Err, a
// *UsageError, and the reading goes on.
type Values struct {
	Flags interface{ String(name string) string }
	Err   error
}

// Fail makes err, unless it is nil, the mistake, unless there is one already.
func (v *Values) Fail(err error) {
	if err != nil && v.Err == nil {
		v.Err = Usagef("%v", err)
	}
}

// Failf makes the text the mistake, unless there is one already.
func (v *Values) Failf(format string, a ...any) { v.Fail(fmt.Errorf(format, a...)) }

// Parsed reads a flag with parse, whose error says what is accepted.
func Parsed[T any](v *Values, name string, parse func(string) (T, error)) T {
	value, err := parse(v.Flags.String(name))
	if err != nil {
		v.Failf("--%s: %w", name, err)
	}
	return value
}

// OneOf is a parse function that accepts the given words only, in upper or
// lower case, and returns the word as it is given here.
func OneOf(words ...string) func(string) (string, error) {
	return func(s string) (string, error) {
		i := slices.IndexFunc(words, func(w string) bool { return strings.EqualFold(w, s) })
		if i < 0 {
			return "", fmt.Errorf("%q is none of %s", s, strings.Join(words, ", "))
		}
		return words[i], nil
	}
}

// ParseDuration is a parse function for a duration that is not negative.
func ParseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration such as 500ms, 30s or 2m", s)
	}
	if d < 0 {
		return 0, fmt.Errorf("%s is negative", d)
	}
	return d, nil
}

// ParsePositive is ParseDuration for one that is not 0 either.
func ParsePositive(s string) (time.Duration, error) {
	d, err := ParseDuration(s)
	if err == nil && d == 0 {
		err = errors.New("0 is no time at all")
	}
	return d, err
}

// Within is a parse function for a whole number from least to most.
func Within(least, most int) func(string) (int, error) {
	return func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > most {
			return 0, fmt.Errorf("%q is not a whole number from %d to %d", s, least, most)
		}
		return n, nil
	}
}
