package diag

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Addresses as they stand in texts.
var (
	ipv4Text = regexp.MustCompile(`^[0-9]{1,3}(?:\.[0-9]{1,3}){3}`)
	ipv6Text = regexp.MustCompile(`^[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*(?:%[0-9A-Za-z_.-]*[0-9A-Za-z_])?`)
	macText  = regexp.MustCompile(`^[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}|^[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}`)
)

// mostAddress is how long an address with its zone may be.
const mostAddress = 128

// address takes an IP or a MAC address, in brackets or not.
func (t *textRedactor) address(s string, _ bool) bool {
	before, _ := utf8.DecodeLastRuneInString(t.s[:t.words[t.at].begin])
	if before == '.' && t.words[t.at].begin > 1 && isWordRune(rune(t.s[t.words[t.at].begin-2])) {
		return false // the middle of a longer number
	}
	inner := strings.TrimPrefix(s, "[")
	bracket := len(s) - len(inner)
	c := inner
	group := 0 // the digits it begins with
	for group < len(c) && group < 5 && isHexOrColon(c[group]) && c[group] != ':' {
		group++
	}
	if group == len(c) || group == 5 || !strings.ContainsRune(".:-", rune(c[group])) {
		return false
	}
	near := c[:min(len(c), mostAddress)] // to look through all of a long text each time would take for ever
	if m := macText.FindString(near); bracket == 0 && m != "" && endsAddress(c[len(m):]) {
		t.put(t.r.pseudonym(kindHost, m, ""), t.words[t.at].begin+len(m))
		return true
	}
	m := ipv4Text.FindString(near)
	if m == "" {
		if before == ':' || isWordRune(before) && before != 0 && t.words[t.at].begin > 0 {
			return false
		}
		m = ipv6Text.FindString(near)
		m = strings.TrimRight(m, ".")
		if strings.HasSuffix(m, ":") && !strings.HasSuffix(m, "::") {
			m = m[:len(m)-1]
		}
		if len(m) < 3 && bracket == 0 { // "::" alone is punctuation
			return false
		}
	}
	addr, err := netip.ParseAddr(m)
	if err != nil || !endsAddress(c[len(m):]) {
		return false
	}
	n := bracket + len(m)
	if bracket == 1 {
		if !strings.HasPrefix(c[len(m):], "]") {
			return false
		}
		n++
	}
	t.put(t.r.hostAt(addr), t.words[t.at].begin+n)
	return true
}

func isHexOrColon(c byte) bool {
	return c == ':' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// endsAddress reports whether what stands before s is a whole address.
func endsAddress(s string) bool {
	c, size := utf8.DecodeRuneInString(s)
	if s == "" {
		return true
	}
	if c == '.' || c == ':' {
		next, _ := utf8.DecodeRuneInString(s[size:])
		return len(s) == size || !isWordRune(next) || c == ':'
	}
	return !isWordRune(c) && c != '$' && c != '%'
}
