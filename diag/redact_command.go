package diag

import "strings"

// flagKind is what the value of a flag names.
type flagKind int

const (
	flagUser       flagKind = iota // [DOMAIN\]USER
	flagHost                       // a client
	flagClientUser                 // CLIENT[,USER]
	flagPath                       // a path, of the server or of this machine
)

// nameFlags are the flags of err32 whose values are names.
var nameFlags = map[string]flagKind{
	"user": flagUser, "U": flagUser, "of-user": flagUser, "client": flagHost, "session": flagClientUser, "path": flagPath,
	"authentication-file": flagPath, "A": flagPath, "ready-file": flagPath, "report": flagPath, "bundle": flagPath, "capture": flagPath,
}

func (r *Redactor) flagValue(kind flagKind, value string) string {
	switch kind {
	case flagUser:
		return r.user(value)
	case flagHost:
		return r.host(value)
	case flagClientUser:
		client, user, ok := strings.Cut(value, ",")
		if !ok {
			return r.host(client)
		}
		return r.host(client) + "," + r.user(user)
	}
	return r.path(value)
}

// command is what stands for the command line of a report, which is written for
// a POSIX shell. What follows no flag is a target.
func (r *Redactor) command(line string) string {
	shell := splitShell(line)
	if len(shell) < 2 {
		return r.text(line)
	}
	out := shell[:2:2] // err32 and the command
	options := true
	for _, w := range shell[2:] {
		name, value, hasValue := strings.Cut(w, "=")
		switch kind, isName := nameFlags[strings.TrimLeft(name, "-")]; {
		case options && w == "--":
			options = false
		case options && strings.HasPrefix(w, "-"):
			if hasValue && isName {
				w = name + "=" + r.flagValue(kind, value)
			} else if hasValue {
				w = name + "=" + r.text(value)
			}
		case shell[1] == "report" || shell[1] == "explain":
			w = r.path(w)
		default:
			w = r.argument(w)
		}
		out = append(out, w)
	}
	for i, w := range out {
		out[i] = shellQuoted(w)
	}
	return strings.Join(out, " ")
}

// argument is what stands for a TARGET.
func (r *Redactor) argument(s string) string {
	rest, isURL := cutPrefixFold(s, "smb:")
	switch {
	case isURL:
		return s[:len(s)-len(rest)] + r.target(rest)
	case len(s) > 2 && isSeparator(s[0]) && isSeparator(s[1]):
		return r.target(s)
	}
	return r.host(s)
}

// splitShell splits a line that has no other quotes than apostrophes, and \'
// between them.
func splitShell(line string) []string {
	var all []string
	var w strings.Builder
	inside, any := false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\'':
			inside, any = !inside, true
		case inside:
			w.WriteByte(c)
		case c == '\\' && i+1 < len(line):
			i++
			w.WriteByte(line[i])
			any = true
		case c == ' ':
			if any {
				all = append(all, w.String())
			}
			w.Reset()
			any = false
		default:
			w.WriteByte(c)
			any = true
		}
	}
	if any {
		all = append(all, w.String())
	}
	return all
}

// shellQuoted makes one word for a POSIX shell.
func shellQuoted(s string) string {
	plain := func(c rune) bool { return isWordRune(c) || strings.ContainsRune("-./:=,@%+", c) }
	if s != "" && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
