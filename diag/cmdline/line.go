// Package cmdline reads the command line in front of urfave/cli, and talks to
// the terminal: flags may stand anywhere, mistakes come with the corrected
// command, and secrets are never shown.
package cmdline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/urfave/cli/v2"
)

// Line reads words, the command line without the program's name, into the one
// order that urfave/cli takes: the program, the command, its flags as
// --name=value, "--", the arguments.
//
// Flags stand anywhere, before the command too, until "--". Short ones may be
// joined (-Np4450) and may have their value glued on. A word that begins
// with "-" and a digit is an argument. -h and --help, wherever they stand, give
// the help command. Every flag must be one of the command's. arguments says for
// each command's name how many arguments it takes, at least and at most; a most
// of 0 is no limit, but a command without ArgsUsage takes none. The error is a
// *UsageError.
func Line(commands []*cli.Command, arguments map[string][2]int, words []string) ([]string, error) {
	l := line{commands: commands, words: words}
	if err := l.read(); err != nil {
		return nil, err
	}
	if l.help || (l.command == nil && len(words) == 0) {
		topic := []string{}
		if l.command != nil && l.command.Name != "help" {
			topic = append(topic, l.command.Name)
		}
		return append([]string{"err32", "help", "--"}, topic...), nil
	}
	if l.command == nil {
		return nil, Usagef("COMMAND is missing; err32 help lists the commands")
	}
	if err := l.check(arguments); err != nil {
		return nil, err
	}
	out := []string{"err32", l.command.Name}
	for _, f := range l.flags {
		out = append(out, "--"+f.name+"="+f.value)
	}
	return append(append(out, "--"), l.arguments...), nil
}

// line is a command line as far as it is read.
type line struct {
	commands  []*cli.Command
	words     []string
	command   *cli.Command // nil until its word is met
	flags     []given
	arguments []string
	at        []int // the word each argument is
	help      bool
}

// given is one flag of the line.
type given struct {
	name, value string // name is the long one
	short       bool   // written as -x
	after       bool   // stands after the command
	word        int
}

func (l *line) read() error {
	ended := false
	for i := 0; i < len(l.words); i++ {
		w := l.words[i]
		var err error
		switch {
		case ended || len(w) < 2 || w[0] != '-' || (w[1] >= '0' && w[1] <= '9'):
			if l.command != nil {
				l.arguments, l.at = append(l.arguments, w), append(l.at, i)
			} else if l.command = l.find(w); l.command == nil {
				return l.unknownCommand(i)
			}
		case w == "--":
			ended = true
		case w == "-h" || w == "--help":
			l.help = true
		case w == "--version" && l.command == nil:
			l.command = l.find("version")
		case w[1] == '-':
			i, err = l.long(i)
		default:
			i, err = l.short(i)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *line) find(name string) *cli.Command {
	for _, c := range l.commands {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// lookup finds a flag of the command; before the command is known, of any.
func (l *line) lookup(name string) cli.Flag {
	for _, c := range l.commands {
		if l.command == nil || l.command == c {
			if f := flagOf(c, name); f != nil {
				return f
			}
		}
	}
	return nil
}

func flagOf(c *cli.Command, name string) cli.Flag {
	for _, f := range c.Flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func takesValue(f cli.Flag) bool { return f.(cli.DocGenerationFlag).TakesValue() }

// long reads the word --name, --name=value, or --name and its value in the next
// word; it returns the last word it took.
func (l *line) long(i int) (int, error) {
	name, value, hasValue := strings.Cut(l.words[i][2:], "=")
	f := l.lookup(name)
	if f == nil || len(name) == 1 {
		return i, l.unknownFlag(i, "--"+name, l.words[i][2:])
	}
	g := given{name: f.Names()[0], value: value, after: l.command != nil, word: i}
	switch {
	case !takesValue(f):
		if !hasValue {
			g.value = "true"
		} else if _, err := strconv.ParseBool(value); err != nil {
			return i, Usagef("--%s takes no value", g.name)
		}
	case !hasValue:
		if i++; i == len(l.words) {
			return i, Usagef("--%s needs a value", g.name)
		}
		g.value = l.words[i]
	}
	return i, l.give(f, g)
}

// short reads the word -x, -xy, -xVALUE, or -x and its value in the next word.
func (l *line) short(i int) (int, error) {
	letters := l.words[i][1:]
	if name, _, _ := strings.Cut(letters, "="); len(name) > 1 && l.lookup(name) != nil {
		return i, l.unknownFlag(i, "-"+name, letters) // -port is not -p ort
	}
	for at, r := range letters {
		f := l.lookup(string(r))
		if f == nil {
			return i, l.unknownFlag(i, "-"+string(r), letters)
		}
		g := given{name: f.Names()[0], value: "true", short: true, after: l.command != nil, word: i}
		if !takesValue(f) {
			if err := l.give(f, g); err != nil {
				return i, err
			}
			continue
		}
		if g.value = strings.TrimPrefix(letters[at+1:], "="); g.value == "" {
			if i++; i == len(l.words) {
				return i, Usagef("-%c needs a value", r)
			}
			g.value = l.words[i]
		}
		return i, l.give(f, g)
	}
	return i, nil
}

// give adds a flag. urfave/cli would name a bad number or duration in the words
// of package flag, so they are checked here.
func (l *line) give(f cli.Flag, g given) error {
	switch f.(type) {
	case *cli.DurationFlag:
		if _, err := time.ParseDuration(g.value); err != nil {
			return Usagef("--%s: %q is not a duration such as 500ms, 30s or 2m", g.name, g.value)
		}
	case *cli.IntFlag:
		if _, err := strconv.Atoi(g.value); err != nil {
			return Usagef("--%s: %q is not a whole number", g.name, g.value)
		}
	}
	l.flags = append(l.flags, g)
	return nil
}

// check looks at the whole line, now that the command is known.
func (l *line) check(arguments map[string][2]int) error {
	l.splitUser()
	for _, f := range l.flags {
		if flagOf(l.command, f.name) == nil {
			return &UsageError{Text: fmt.Sprintf("%s has no flag --%s", l.command.Name, f.name)}
		}
		if f.name == "of-user" && strings.Contains(f.value, "%") {
			return Usagef("-U logs on, so --user is the filter here, and takes no password")
		}
	}
	limits, n := arguments[l.command.Name], len(l.arguments)
	if n < limits[0] {
		return Usagef("%s is missing; err32 help %s shows examples", l.command.ArgsUsage, l.command.Name)
	}
	if limits[1] > 0 && n > limits[1] || l.command.ArgsUsage == "" && n > 0 {
		return l.spare(limits[1])
	}
	return nil
}

// splitUser makes --user, given to a command that can filter by user, that
// filter when -U is there to log on with.
func (l *line) splitUser() {
	if flagOf(l.command, "of-user") == nil || !slices.ContainsFunc(l.flags, func(g given) bool { return g.name == "user" && g.short }) {
		return
	}
	for i, g := range l.flags {
		if g.name == "user" && !g.short && g.after {
			l.flags[i].name = "of-user"
		}
	}
}

// spare is the error for more arguments than the command takes. The arguments
// are not shown: one may be the rest of a password that has a space in it.
func (l *line) spare(most int) error {
	e := Usagef("%s takes no arguments", l.command.Name)
	if most > 0 {
		what := l.command.ArgsUsage
		if inner, ok := strings.CutPrefix(what, "["); ok {
			what = strings.TrimSuffix(inner, "]")
		}
		e = Usagef("%s takes one %s, not %d; a name or a value with spaces in it needs quotes", l.command.Name, what, len(l.arguments))
	}
	var keep []int
	for i, a := range l.arguments {
		if isTarget(a) && len(keep) < most {
			keep = append(keep, l.at[i])
		}
	}
	if len(keep) == most {
		for i, w := range l.words {
			if !slices.Contains(l.at, i) || slices.Contains(keep, i) {
				e.words = append(e.words, w)
			}
		}
	}
	return e
}

func isTarget(s string) bool {
	return strings.HasPrefix(s, "//") || strings.HasPrefix(s, `\\`) || strings.HasPrefix(s, "smb://")
}

// quote makes one word of s for a POSIX shell.
func quote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("-_./:=,@%+", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
