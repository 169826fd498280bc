// Package cmdline reads the command line in front of a library that runs
// commands, and talks to the terminal: flags may stand anywhere, mistakes come
// with the corrected command, and secrets are never shown. Help and shell
// completion come from the same declarations.
package cmdline

import (
	"math"
	"slices"
	"strings"
)

// Command is one command, as it is declared.
type Command struct {
	Name        string
	Usage       string // one line
	Arguments   string // as the usage line shows them: empty for none, "NAME" for one, "[NAME]" for one at most, "NAME…" for one or more
	Description string // closes the help: more text, and examples
	Flags       []Flag
}

// Flag is one flag, as it is declared; the flags of urfave/cli have these
// methods. Flags of one name are alike in all commands. A bool flag takes no
// value.
type Flag interface {
	Names() []string     // the long name, then the letter if it has one
	TakesValue() bool    // false for a bool flag
	GetUsage() string    // "PLACEHOLDER: text" if it takes a value, else the text
	GetValue() string    // the default
	GetCategory() string // heading in the help; empty for the command's own flags
}

// limits returns how many arguments the command takes.
func (c *Command) limits() (least, most int) {
	switch {
	case c.Arguments == "":
		return 0, 0
	case strings.HasPrefix(c.Arguments, "["):
		return 0, 1
	case strings.HasSuffix(c.Arguments, "…"):
		return 1, math.MaxInt
	}
	return 1, 1
}

// flag finds a flag by its name or its letter; nil if the command has none.
func (c *Command) flag(name string) Flag {
	for _, f := range c.Flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}
