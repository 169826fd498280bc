package cmdline

import (
	"slices"
	"strconv"
	"strings"
)

// Line reads words, the command line without the program's name, into the one
// order that every library takes: the program, the command, its flags as
// --name=value, "--", the arguments.
//
// Flags stand anywhere, before the command too, until "--". Short ones may be
// joined (-Np4450) and have their value glued on. A word that begins with "-"
// and a digit is an argument. -h and --help, wherever they stand, give the
// command "help", and --version before any command gives "version".
//
// A command that has a flag --of-user can filter by user: there --user is that
// filter when -U is given to log on with.
//
// The error is a *UsageError.
func Line(commands []Command, words []string) ([]string, error) {
	l := line{commands: commands, words: words}
	err := l.read()
	if err != nil {
		return nil, l.hinted(err)
	}
	return l.ordered(), nil
}

// line is a command line as far as it is read.
type line struct {
	commands  []Command
	words     []string
	command   *Command // nil until its word is met
	flags     []given
	arguments []string
	at        []int // the word each argument is
}

// given is one flag of the line.
type given struct {
	name, value string // name is the long one
	short       bool   // written as -x
}

func (l *line) read() *UsageError {
	ended, help := false, len(l.words) == 0
	for i := 0; i < len(l.words); i++ {
		w := l.words[i]
		var err *UsageError
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
			help = true
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
	if help {
		l.askHelp()
		return nil
	}
	if l.command == nil {
		return Usagef("COMMAND is missing; err32 help lists the commands")
	}
	l.splitUser()
	return l.check()
}

// askHelp makes the line ask for the help of its command.
func (l *line) askHelp() {
	topic := l.command
	l.command, l.flags, l.arguments = l.find("help"), nil, nil
	if topic != nil && topic != l.command {
		l.arguments = []string{topic.Name}
	}
}

func (l *line) find(name string) *Command {
	for i, c := range l.commands {
		if c.Name == name {
			return &l.commands[i]
		}
	}
	return nil
}

// lookup finds a flag of the command; before the command is known, of any.
func (l *line) lookup(name string) Flag {
	for _, c := range l.commands {
		if l.command == nil || l.command.Name == c.Name {
			if f := c.flag(name); f != nil {
				return f
			}
		}
	}
	return nil
}

// long reads the word --name, --name=value, or --name and its value in the next
// word; it returns the last word it took.
func (l *line) long(i int) (int, *UsageError) {
	name, value, hasValue := strings.Cut(l.words[i][2:], "=")
	f := l.lookup(name)
	if f == nil || len(name) == 1 {
		return i, l.unknownFlag(i, "--"+name, l.words[i][2:])
	}
	switch {
	case !f.TakesValue():
		if !hasValue {
			value = "true"
		} else if _, err := strconv.ParseBool(value); err != nil {
			return i, Usagef("--%s takes no value", name)
		}
	case !hasValue:
		if i++; i == len(l.words) {
			return i, Usagef("--%s needs a value", name)
		}
		value = l.words[i]
	}
	l.flags = append(l.flags, given{name: f.Names()[0], value: value})
	return i, nil
}

// short reads the word -x, -xy, -xVALUE, or -x and its value in the next word.
func (l *line) short(i int) (int, *UsageError) {
	letters := l.words[i][1:]
	if name, _, _ := strings.Cut(letters, "="); len(name) > 1 && l.lookup(name) != nil {
		return i, l.unknownFlag(i, "-"+name, letters) // -port is not -p ort
	}
	for at, r := range letters {
		f := l.lookup(string(r))
		if f == nil {
			return i, l.unknownFlag(i, "-"+string(r), letters)
		}
		g := given{name: f.Names()[0], value: "true", short: true}
		if !f.TakesValue() {
			l.flags = append(l.flags, g)
			continue
		}
		if g.value = strings.TrimPrefix(letters[at+1:], "="); g.value == "" {
			if i++; i == len(l.words) {
				return i, Usagef("-%c needs a value", r)
			}
			g.value = l.words[i]
		}
		l.flags = append(l.flags, g)
		break
	}
	return i, nil
}

// splitUser makes --user the filter where -U is there to log on with.
func (l *line) splitUser() {
	if l.command.flag("of-user") == nil || !slices.ContainsFunc(l.flags, func(g given) bool { return g.name == "user" && g.short }) {
		return
	}
	for i, g := range l.flags {
		if g.name == "user" && !g.short {
			l.flags[i].name = "of-user"
		}
	}
}

// check looks at the whole line, now that the command is known.
func (l *line) check() *UsageError {
	c := l.command
	for _, f := range l.flags {
		if c.flag(f.name) == nil {
			return Usagef("%s has no flag --%s", c.Name, f.name)
		}
		if f.name == "of-user" && strings.Contains(f.value, "%") {
			return Usagef("-U logs on, so --user is the filter here, and takes no password")
		}
	}
	least, most := c.limits()
	switch n := len(l.arguments); {
	case n < least:
		return Usagef("%s is missing; err32 help %s shows examples", strings.TrimSuffix(c.Arguments, "…"), c.Name)
	case n > most:
		return l.spare(most)
	}
	return nil
}

// ordered is the line in its one order.
func (l *line) ordered() []string {
	out := []string{"err32", l.command.Name}
	for _, f := range l.flags {
		out = append(out, "--"+f.name+"="+f.value)
	}
	return append(append(out, "--"), l.arguments...)
}

func isTarget(s string) bool {
	return strings.HasPrefix(s, "//") || strings.HasPrefix(s, `\\`) || strings.HasPrefix(s, "smb://")
}
