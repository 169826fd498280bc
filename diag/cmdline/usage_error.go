package cmdline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// UsageError is a command line that cannot be run.
type UsageError struct {
	Text  string
	words []string // the line with this mistake set right; nil if nobody knows how
}

// Error returns the text.
func (e *UsageError) Error() string { return e.Text }

// Usagef makes a UsageError.
func Usagef(format string, a ...any) *UsageError {
	return &UsageError{Text: fmt.Sprintf(format, a...)}
}

// Corrected returns the corrected command line as one would type it in a POSIX
// shell, with *** for passwords. It is empty where nobody knows how to correct
// the line, or where that leaves another mistake.
func (e *UsageError) Corrected(commands []*cli.Command, arguments map[string][2]int) string {
	if e.words == nil {
		return ""
	}
	out, err := Line(commands, arguments, e.words)
	if err != nil {
		return ""
	}
	end := slices.Index(out, "--")
	shown := []string{"err32", out[1]}
	for _, w := range out[2:end] {
		if user, ok := strings.CutPrefix(w, "--user="); ok {
			if name, _, ok := strings.Cut(user, "%"); ok {
				w = "--user=" + name + "%***"
			}
		}
		shown = append(shown, quote(strings.TrimSuffix(w, "=true")))
	}
	if slices.ContainsFunc(out[end+1:], func(s string) bool { return strings.HasPrefix(s, "-") }) {
		shown = append(shown, "--")
	}
	for _, w := range out[end+1:] {
		if strings.Contains(w, "://") && strings.Contains(w, "@") {
			return "" // a URL that may hold a password
		}
		shown = append(shown, quote(w))
	}
	return strings.Join(shown, " ")
}

// later names the commands and flags that the contract has and this version
// does not.
var later = []string{"who", "release", "survey", "watch", "run", "report", "lab", "completion", "--report", "--capture", "--redact", "--keytab"}

func (l *line) unknownCommand(i int) error {
	w := l.words[i]
	switch {
	case slices.Contains(later, w):
		return Usagef("the command %s is not built yet in this version", w)
	case isTarget(w):
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
func (l *line) unknownFlag(i int, spelled, written string) error {
	switch {
	case slices.Contains(later, spelled):
		return Usagef("%s is not built yet in this version", spelled)
	case spelled == "--password":
		return Usagef(`unknown flag --password; a password is given as --user USER%%PASSWORD, in an authentication file, or in PASSWD or PASSWD_FILE`)
	}
	written, value, hasValue := strings.Cut(written, "=")
	var names, owners []string
	for _, c := range l.commands {
		for _, f := range c.Flags {
			if l.command == nil || l.command == c {
				names = append(names, f.Names()[0])
			} else if f.Names()[0] == written {
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
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row := rows[(i-1)%3], rows[i%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}
