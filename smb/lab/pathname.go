package lab

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"err32/smb"
)

// The longest names, in UTF-16 units, [MS-FSCC] 2.1.5 and 2.1.5.2.
const (
	maxPathUnits = 32760
	maxNameUnits = 255
)

// pathname is a path of a CREATE or rename, taken apart.
type pathname struct {
	names []string // from the root down; none for the root
	// data: the path ended in "::$DATA", the name of a file's only stream.
	data bool
	// slash: the path ended in a backslash, as only a directory's may.
	slash bool
}

// parsePathname takes apart a path below the root of a share, as [MS-FSA]
// 2.1.5.1 has it; the empty path is the root. Repeated backslashes count once.
//
// A path that begins with a backslash is STATUS_INVALID_PARAMETER. The
// components "." and "..", which clients must not send ([MS-FSCC] 2.1.5.1), are
// resolved by their text alone, as Windows does ([MS-SMB2] 3.3.5.9): above the
// root is STATUS_OBJECT_PATH_SYNTAX_BAD, and Windows' own exception, a path
// beginning with `name\..\`, is STATUS_INVALID_PARAMETER. Everything else that
// no file can be called, named streams among it, is STATUS_OBJECT_NAME_INVALID.
func parsePathname(path string) (pathname, smb.NTStatus) {
	if strings.HasPrefix(path, `\`) {
		return pathname{}, smb.StatusInvalidParameter
	}
	if utf16Len(path) > maxPathUnits {
		return pathname{}, smb.StatusObjectNameInvalid
	}
	var p pathname
	trimmed := strings.TrimRight(path, `\`)
	p.slash = trimmed != path
	const stream = "::$DATA"
	if n := len(trimmed) - len(stream); n >= 0 && strings.EqualFold(trimmed[n:], stream) {
		trimmed = trimmed[:n]
		p.data = true
		if p.slash || trimmed == "" || strings.HasSuffix(trimmed, `\`) {
			return pathname{}, smb.StatusObjectNameInvalid
		}
	}
	parts := strings.Split(trimmed, `\`)
	for i, part := range parts {
		switch {
		case part == "" || part == ".":
		case part == "..":
			if len(p.names) == 0 {
				return pathname{}, smb.StatusObjectPathSyntaxBad
			}
			if i == 1 && len(parts) > 2 {
				return pathname{}, smb.StatusInvalidParameter
			}
			p.names = p.names[:len(p.names)-1]
		case !validName(part):
			return pathname{}, smb.StatusObjectNameInvalid
		default:
			p.names = append(p.names, part)
		}
	}
	return p, smb.StatusSuccess
}

// validName reports whether a file can be called name, [MS-FSCC] 2.1.5.2.
func validName(name string) bool {
	return name != "." && name != ".." && validComponent(name, `"*/:<>?\|`)
}

// validComponent reports whether name has a possible length and none of the
// characters bad nor control characters.
func validComponent(name, bad string) bool {
	if name == "" || !utf8.ValidString(name) || utf16Len(name) > maxNameUnits || strings.ContainsAny(name, bad) {
		return false
	}
	for i := range len(name) {
		if name[i] < 0x20 {
			return false
		}
	}
	return true
}

// utf16Len returns the length of s in UTF-16 units.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}
