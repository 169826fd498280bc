package diag

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// unc takes \\host\share\path, //host:port/share/path and smb://….
func (t *textRedactor) unc(s string, first bool) bool {
	if !first {
		return false
	}
	scheme := 0
	if _, ok := cutPrefixFold(s, "smb://"); ok {
		scheme = len("smb:")
	}
	u := s[scheme:]
	slashes := len(u) - len(strings.TrimLeft(u, `\/`))
	if slashes < 2 || slashes == len(u) {
		return false
	}
	begin := t.words[t.at].begin
	n := strings.IndexFunc(u[slashes:], func(c rune) bool { return isStop(c) && (c != ';' || scheme == 0) || c == '/' || c == '\\' })
	if n < 0 {
		n = len(u) - slashes
	}
	authority := u[slashes : slashes+n]
	if slashes+n == len(u) || !isSeparator(u[slashes+n]) {
		authority = authority[:len(strings.TrimRight(authority, ".:!?"))]
		n = len(authority)
	}
	if authority == "" {
		return false
	}
	var b strings.Builder
	b.WriteString(s[:scheme+slashes])
	if authority == "?" || authority == "." { // \\?\C:\…
		b.WriteString(authority)
		t.put(b.String(), begin+scheme+slashes+n)
		t.components(kindPath)
		return true
	}
	b.WriteString(t.r.authority(authority))
	t.put(b.String(), begin+scheme+slashes+n)
	t.components(kindShare)
	return true
}

// authority is what stands for [[domain;]user@]host[:port].
func (r *Redactor) authority(s string) string {
	who, host, ok := strings.Cut(s, "@")
	if !ok {
		return r.host(s)
	}
	domain, user, ok := strings.Cut(who, ";")
	if !ok {
		return r.user(who) + "@" + r.host(host)
	}
	return r.domain(domain) + ";" + r.user(user) + "@" + r.host(host)
}

// target is what stands for a whole target, in which spaces are part of names.
func (r *Redactor) target(s string) string {
	slashes := len(s) - len(strings.TrimLeft(s, `\/`))
	authority, rest := cutComponent(s[slashes:])
	out := s[:slashes] + r.authority(authority)
	sep := len(rest) - len(strings.TrimLeft(rest, `\/`))
	share, below := cutComponent(rest[sep:])
	return out + rest[:sep] + r.share(share) + r.path(below)
}

// components takes separators and the components behind them, to the end of the
// path. The first is of the kind.
func (t *textRedactor) components(kind nameKind) {
	for t.at < len(t.words) {
		s := t.rest()
		n := len(s) - len(strings.TrimLeft(s, `\/`))
		if n == 0 {
			return
		}
		t.keep(n)
		if t.at == len(t.words) {
			return
		}
		if hasDrive(t.rest()) {
			t.keep(2)
			continue
		}
		size := t.componentSize(kind)
		if size == 0 {
			return
		}
		name := t.rest()[:size]
		end := t.words[t.at].begin + size
		if kind == kindShare {
			t.put(t.r.share(name), end)
		} else {
			t.put(t.r.component(name), end)
		}
		kind = kindPath
	}
}

// componentSize is how long the component at the place is: the longest that is
// known, with its spaces, or what has none.
func (t *textRedactor) componentSize(kind nameKind) int {
	s := t.rest()
	size := strings.IndexFunc(s, func(c rune) bool { return isStop(c) || c == '/' || c == '\\' })
	switch {
	case size < 0:
		size = pieceSize(s)
	case !isSeparator(s[size]):
		size = pieceSize(s[:size])
	}
	count, _ := t.r.index.longest(t.words[t.at:], 1<<kind)
	if count > 0 {
		end := t.words[t.at+count-1].end - t.words[t.at].begin
		switch {
		case end+1 < len(s) && s[end] == ':' && pieceSize(s[end+1:]) > 0: // a stream
			return end + 1 + pieceSize(s[end+1:])
		case end > size && endsName(s[end:]):
			return end
		}
	}
	return size
}

// localPath takes C:\… and /home/….
func (t *textRedactor) localPath(s string, first bool) bool {
	if !first {
		return false
	}
	switch {
	case len(s) > 3 && hasDrive(s) && !unicode.IsSpace(rune(s[3])):
		t.keep(2)
	case len(s) > 1 && s[0] == '/' && (isWordRune(rune(s[1])) || s[1] == '.' || s[1] >= utf8.RuneSelf):
	default:
		return false
	}
	t.components(kindPath)
	return true
}

// pathBelow takes a path below a share, and DOMAIN\user: what has a backslash in
// it, or begins with a known name and goes on with a separator.
func (t *textRedactor) pathBelow(s string, first bool) bool {
	if !first {
		return false
	}
	if s[0] == '\\' {
		n := pieceSize(s)
		if n < 2 {
			return false
		}
		if isPipePath(s[:n]) {
			t.keep(n)
			return true
		}
		t.components(kindPath)
		return true
	}
	size := strings.IndexFunc(s, func(c rune) bool { return isStop(c) || c == '\\' })
	if size <= 0 || s[size] != '\\' {
		count, _ := t.r.index.longest(t.words[t.at:], 1<<kindPath|1<<kindShare|1<<kindDomain)
		if count == 0 {
			return false
		}
		size = t.words[t.at+count-1].end - t.words[t.at].begin
		if !strings.HasPrefix(s[size:], `\`) && !strings.HasPrefix(s[size:], "/") || size+1 == len(s) {
			return false
		}
		if s[size] == '/' && !t.knownBehind(size+1) { // read/write
			return false
		}
	}
	begin, name := t.words[t.at].begin, s[:size]
	if i := strings.IndexByte(name, '/'); i >= 0 && s[size] == '\\' { // a path with both separators
		size, name = i, s[:i]
		if i == 0 {
			return false
		}
	}
	if s[size] == '\\' && t.logOn(name, size) {
		return true
	}
	_, isShare := t.r.pseudonyms[kindShare][folded(name)]
	_, isPath := t.r.pseudonyms[kindPath][folded(name)]
	if isShare && !isPath {
		t.put(t.r.share(name), begin+size)
	} else {
		t.put(t.r.component(name), begin+size)
	}
	t.components(kindPath)
	return true
}

// knownBehind reports whether a known name of a path stands n bytes behind the
// place.
func (t *textRedactor) knownBehind(n int) bool {
	at := t.words[t.at].begin + n
	for i := t.at; i < len(t.words); i++ {
		if t.words[i].begin == at {
			count, _ := t.r.index.longest(t.words[i:], 1<<kindPath)
			return count > 0
		}
	}
	return false
}
