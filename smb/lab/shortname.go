package lab

import (
	"strconv"
	"strings"
)

// shortName returns the 8.3 name of a file, [MS-FSCC] 2.1.5.2.1. A name that is
// one already is its own, upcased. Others get the first letters that can stand
// in one, and the number of the file behind a tilde, so that no two are alike.
func (n *node) shortName() string {
	if isShortName(n.name) {
		return n.key
	}
	number := "~" + strings.ToUpper(strconv.FormatUint(n.id, 36))
	base, ext := n.key, ""
	if i := strings.LastIndexByte(n.key, '.'); i > 0 {
		base, ext = n.key[:i], shortLetters(n.key[i+1:], 3)
	}
	name := shortLetters(base, max(0, 8-len(number))) + number
	if ext != "" {
		name += "." + ext
	}
	return name
}

// childByShortName returns the entry of a directory with this 8.3 name, which
// is upcased, or nil.
func (n *node) childByShortName(key string) *node {
	base, _, _ := strings.Cut(key, ".")
	_, number, ok := strings.Cut(base, "~")
	if !ok {
		return nil
	}
	id, err := strconv.ParseUint(number, 36, 64)
	if err != nil {
		return nil
	}
	for _, c := range n.children {
		if c.id == id && c.shortName() == key {
			return c
		}
	}
	return nil
}

// isShortName reports whether a name is an 8.3 name.
func isShortName(name string) bool {
	base, ext, dot := strings.Cut(name, ".")
	if base == "" || len(base) > 8 || len(ext) > 3 || dot && ext == "" {
		return false
	}
	return shortLetters(base+ext, 11) == base+ext
}

// shortLetters returns the first letters of s, at most n, that an 8.3 name can
// have.
func shortLetters(s string, n int) string {
	var b strings.Builder
	for _, c := range s {
		if b.Len() == n {
			break
		}
		if c > ' ' && c < 0x7F && !strings.ContainsRune(`"*+,./:;<=>?[\]|`, c) {
			b.WriteRune(c)
		}
	}
	return b.String()
}
