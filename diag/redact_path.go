package diag

import (
	"regexp"
	"strings"
)

// path is Path. The mutex is held.
func (r *Redactor) path(path string) string {
	if path == "" || isPipePath(path) {
		return path
	}
	var b strings.Builder
	rest := path
	switch {
	case hasDrive(path):
		b.WriteString(path[:2])
		rest = path[2:]
	case len(path) > 2 && isSeparator(path[0]) && isSeparator(path[1]) && !isSeparator(path[2]):
		host, after := cutComponent(path[2:])
		b.WriteString(path[:2])
		if host == "?" || host == "." { // \\?\C:\…
			b.WriteString(host)
			if after != "" {
				b.WriteString(after[:1] + r.path(after[1:]))
			}
			return b.String()
		}
		b.WriteString(r.host(host))
		if after == "" {
			return b.String()
		}
		share, below := cutComponent(after[1:])
		b.WriteByte(after[0])
		b.WriteString(r.share(share))
		rest = below
	}
	for rest != "" {
		if isSeparator(rest[0]) {
			b.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		var component string
		component, rest = cutComponent(rest)
		b.WriteString(r.component(component))
	}
	return b.String()
}

// cutComponent cuts a path before its first separator.
func cutComponent(path string) (component, rest string) {
	if i := strings.IndexAny(path, `/\`); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}

// hasDrive reports whether a path begins with a drive: C:, C:\….
func hasDrive(path string) bool {
	return len(path) >= 2 && isLetter(path[0]) && path[1] == ':' && (len(path) == 2 || isSeparator(path[2]))
}

// isPipePath reports whether a path is one of a named pipe that every server
// has: \srvsvc, \PIPE\lsarpc. Without a backslash any other than srvsvc may be
// a file.
func isPipePath(path string) bool {
	name := strings.TrimLeft(path, `\`)
	rest, pipe := cutPrefixFold(name, `pipe\`)
	if pipe {
		name = rest
	}
	if strings.EqualFold(name, "srvsvc") {
		return true
	}
	return (pipe || name != path) && pipesOfServers[strings.ToLower(name)]
}

// pipesOfServers are the named pipes of Windows and Samba.
var pipesOfServers = map[string]bool{
	"": true, "srvsvc": true, "wkssvc": true, "lsarpc": true, "lsass": true, "samr": true, "netlogon": true, "winreg": true,
	"svcctl": true, "spoolss": true, "eventlog": true, "epmapper": true, "atsvc": true, "browser": true, "ntsvcs": true, "initshutdown": true,
}

// The names of files that tell nothing of the site: err32's own, and the
// versions that a client asks for by time, [MS-SMB2] 2.2.13.
var ownFile = regexp.MustCompile(`^(?i:err32-[0-9a-f]{8}\.tmp(\.renamed)?|@GMT-[0-9.-]{19})$`)

// ownStream tells the types of streams and the names that every file system
// gives them, [MS-FSCC] 2.1.5.
var ownStream = regexp.MustCompile(`^(?i:\$(?:DATA|INDEX_ALLOCATION|BITMAP|I30|ATTRIBUTE_LIST|EA|EA_INFORMATION|FILE_NAME|REPARSE_POINT|STANDARD_INFORMATION|OBJECT_ID))?$`)

// component is what stands for one component, which may have a stream.
func (r *Redactor) component(name string) string {
	file, stream, ok := strings.Cut(name, ":")
	if !ok {
		return r.wild(name)
	}
	parts := []string{r.wild(file)}
	for part := range strings.SplitSeq(stream, ":") {
		if !ownStream.MatchString(part) {
			part = r.wild(part)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ":")
}

// wildcards are those of [MS-FSCC] 2.1.4.
const wildcards = `*?<>"`

// wild is what stands for a name that may hold wildcards.
func (r *Redactor) wild(name string) string {
	if !strings.ContainsAny(name, wildcards) {
		return r.name(name)
	}
	var b strings.Builder
	for rest := name; rest != ""; {
		if i := strings.IndexAny(rest, wildcards); i < 0 {
			b.WriteString(r.between(name, rest))
			break
		} else if i > 0 {
			b.WriteString(r.between(name, rest[:i]))
			rest = rest[i:]
		}
		b.WriteByte(rest[0])
		rest = rest[1:]
	}
	return b.String()
}

// between is what stands for a part of a pattern, between its wildcards.
func (r *Redactor) between(pattern, part string) string {
	if strings.HasSuffix(pattern, part) && len(part) < len(pattern) && (part == "." || part[0] == '.' && r.isEnding(part[1:])) {
		r.endings[folded(strings.Trim(part, "."))] = true
		return part
	}
	return r.name(part)
}

// name is what stands for one name of a file or folder. A short ending stays.
func (r *Redactor) name(name string) string {
	if strings.Trim(name, ".…") == "" || ownFile.MatchString(name) {
		return name
	}
	if i := strings.LastIndexByte(name, '.'); i > 0 && name[0] != '.' && r.isEnding(name[i+1:]) {
		r.endings[folded(name[i+1:])] = true
		return r.pseudonym(kindPath, name, name[i:])
	}
	return r.pseudonym(kindPath, name, "")
}

// isEnding reports whether the end of a name tells no more than what is in a
// file: it is short and plain, and nobody's name.
func (r *Redactor) isEnding(s string) bool {
	if len(s) == 0 || len(s) > 5 {
		return false
	}
	for i := range len(s) {
		if !isLetter(s[i]) && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	key := folded(s)
	for kind := range kindPath {
		if _, ok := r.pseudonyms[kind][key]; ok && !isOrdinary(key) {
			return false
		}
	}
	return true
}
