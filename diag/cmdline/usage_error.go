package cmdline

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// UsageError is a command line that cannot be run.
type UsageError struct {
	Text string
	Hint string // the corrected command line, for a POSIX shell, with *** for passwords; empty where nobody knows it

	words []string // the line with this mistake set right
}

// Error returns the text.
func (e *UsageError) Error() string { return e.Text }

// Usagef makes a UsageError.
func Usagef(format string, a ...any) *UsageError {
	return &UsageError{Text: fmt.Sprintf(format, a...)}
}

// hinted adds the hint, unless another mistake is left in the corrected line.
func (l *line) hinted(e *UsageError) *UsageError {
	if e.words != nil {
		right := line{commands: l.commands, words: e.words}
		if right.read() == nil {
			e.Hint = right.shown(false)
		}
	}
	return e
}

// shown is the line as one would type it, or empty where it may hold a
// password that cannot be told from the rest: a URL that has not been read yet
// may have one.
func (l *line) shown(read bool) string {
	words := []string{"err32", l.command.Name}
	for _, f := range l.flags {
		w := "--" + f.name
		if name, _, ok := strings.Cut(f.value, "%"); ok && f.name == "user" {
			f.value = name + "%***"
		}
		if l.command.flag(f.name).TakesValue() || f.value != "true" {
			w += "=" + f.value
		}
		words = append(words, quote(w))
	}
	if slices.ContainsFunc(l.arguments, func(s string) bool { return strings.HasPrefix(s, "-") }) {
		words = append(words, "--")
	}
	for _, a := range l.arguments {
		if strings.Contains(a, "://") && strings.Contains(a, "@") && !read {
			return ""
		}
		words = append(words, quote(a))
	}
	return strings.Join(words, " ")
}

// Again is words, a command line without the program's name that [Line] has
// accepted and whose targets were read, as one would type it to run the same again, for a POSIX shell: with
// no password in it, and without the flags in drop. user is who logged on, for a
// line that names nobody itself; it may be empty. The result is empty for
// another line.
func Again(commands []Command, words []string, user string, drop ...string) string {
	l := line{commands: commands, words: words}
	if l.read() != nil {
		return ""
	}
	if user != "" && !l.namesUser() {
		l.flags = append(l.flags, given{name: "user", value: user})
	}
	kept := l.flags[:0]
	for _, f := range l.flags {
		if f.name == "user" {
			f.value, _, _ = strings.Cut(f.value, "%")
		}
		if !slices.Contains(drop, f.name) {
			kept = append(kept, f)
		}
	}
	l.flags = kept
	return l.shown(true)
}

// namesUser reports whether the line says who logs on.
func (l *line) namesUser() bool {
	return slices.ContainsFunc(l.flags, func(f given) bool { return f.name == "user" || f.name == "authentication-file" || f.name == "no-pass" }) ||
		slices.ContainsFunc(l.arguments, func(s string) bool { return strings.Contains(s, "://") && strings.Contains(s, "@") })
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

func (l *line) unknownCommand(i int) *UsageError {
	w := l.words[i]
	if isTarget(w) {
		return Usagef("COMMAND is missing before the TARGET; err32 help lists the commands")
	}
	var names []string
	for _, c := range l.commands {
		names = append(names, c.Name)
	}
	e := Usagef("unknown command %q; err32 help lists the commands", w)
	if name := nearest(w, names); name != "" {
		e = Usagef("unknown command %q; did you mean %s?", w, name)
		e.words = l.replaced(i, name)
	}
	return e
}

// unknownFlag is the error for the flag in word i. spelled is how to show it;
// all that may be a value is left out. written is the text that the name of the
// right flag may be near to.
func (l *line) unknownFlag(i int, spelled, written string) *UsageError {
	if spelled == "--password" {
		return Usagef("unknown flag --password; a password is given as --user USER%%PASSWORD, in an authentication file, or in PASSWD or PASSWD_FILE")
	}
	written, value, hasValue := strings.Cut(written, "=")
	var names, owners []string
	for _, c := range l.commands {
		for _, f := range c.Flags {
			switch name := f.Names()[0]; {
			case l.command == nil || l.command.Name == c.Name:
				names = append(names, name)
			case name == written:
				owners = append(owners, c.Name)
			}
		}
	}
	name := nearest(written, names)
	switch {
	case name != "":
		e := Usagef("unknown flag %s; did you mean --%s?", spelled, name)
		right := "--" + name
		if hasValue {
			right += "=" + value
		}
		e.words = l.replaced(i, right)
		return e
	case len(owners) > 0:
		return Usagef("unknown flag %s: it is a flag of %s, not of %s", spelled, strings.Join(owners, " and "), l.command.Name)
	case l.command != nil:
		return Usagef("unknown flag %s; err32 help %s lists the flags", spelled, l.command.Name)
	}
	return Usagef("unknown flag %s; err32 help COMMAND lists the flags", spelled)
}

func (l *line) replaced(i int, word string) []string {
	words := slices.Clone(l.words)
	words[i] = word
	return words
}

// spare is the error for more arguments than the command takes. The arguments
// are not shown: one may be the rest of a password that has a space in it. The
// corrected line keeps the ones that are targets.
func (l *line) spare(most int) *UsageError {
	e := Usagef("%s takes no arguments", l.command.Name)
	if most > 0 {
		what := strings.TrimPrefix(l.command.Arguments, "[")
		if what != l.command.Arguments {
			what = strings.TrimSuffix(what, "]")
		}
		e = Usagef("%s takes one %s, not %d; a name or a value with spaces in it needs quotes", l.command.Name, what, len(l.arguments))
	}
	for i, w := range l.words {
		if !slices.Contains(l.at, i) || (most > 0 && isTarget(w)) {
			e.words = append(e.words, w)
		}
	}
	return e
}

// nearest returns the name that s was meant to be: one it begins, when no other
// begins so, else the one with the fewest differences, two at most and fewer in
// a short word. It is empty when there is none.
func nearest(s string, names []string) string {
	slices.Sort(names)
	names = slices.Compact(names)
	var begun []string
	for _, name := range names {
		if len(s) >= 3 && strings.HasPrefix(name, strings.ToLower(s)) {
			begun = append(begun, name)
		}
	}
	if len(begun) == 1 {
		return begun[0]
	}
	best, least := "", min(2, len(s)/3)+1
	for _, name := range names {
		if d := distance(strings.ToLower(s), name); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that make b of a, in bytes.
func distance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		for j := range d[i] {
			switch {
			case i == 0 || j == 0:
				d[i][j] = i + j
			case a[i-1] == b[j-1]:
				d[i][j] = d[i-1][j-1]
			default:
				d[i][j] = 1 + min(d[i-1][j], d[i][j-1], d[i-1][j-1])
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					d[i][j] = min(d[i][j], 1+d[i-2][j-2])
				}
			}
		}
	}
	return d[len(a)][len(b)]
}
