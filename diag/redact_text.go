package diag

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns s with every name that the Redactor knows, and whatever else
// looks like a path, an address or DOMAIN\user, replaced.
//
// A known name is replaced where it begins and ends with a word, the longest
// first. One that is also an ordinary word, as a share named "data" or a user
// named "lab", would make nonsense of every sentence that has the word, and
// tells nothing there. It is one of the words in redact_words.txt, which are
// those of err32's own messages, or a single character, or a number of up to
// four digits; and it is replaced only where it can be nothing but a name:
//
//   - as a part of a path, \\host\share\path or //host/share/path, or DOMAIN\user;
//   - as the whole of something in quotes;
//   - as the value of a flag that takes such a name, --of-user=lab;
//   - before " on " and a host, as err32 says who has a file open;
//   - where one of the sentences in namePhrases has a name.
//
// What must stay, stays: the numbers of sections in a specification, versions,
// times, ids, linux/amd64, BUILTIN\Administrators, and the names in capitals
// that stand for the reader's own, //SERVER/SHARE and DOMAIN\user.
func (r *Redactor) Text(s string) string {
	if r == nil {
		return s
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text(s)
}

func (r *Redactor) text(s string) string {
	return r.formed(s, aSentence)
}

// replaced returns what stands for a text of which some parts are known to be
// names.
func (r *Redactor) replaced(s string, named []namedPart) string {
	if out, ok := r.pseudonyms[kindText][folded(s)]; ok && !isOrdinary(folded(s)) {
		return out
	}
	var b strings.Builder
	at := 0
	for _, p := range named {
		b.WriteString(r.unnamed(s[at:p.begin]))
		b.WriteString(p.out)
		at = p.end
	}
	b.WriteString(r.unnamed(s[at:]))
	return b.String()
}

// unnamed returns what stands for a part of a text in which it is not known where
// names are.
func (r *Redactor) unnamed(s string) string {
	t := &textRedactor{r: r, s: s, words: words(s)}
	for t.at < len(t.words) {
		t.step()
	}
	return t.out.String()
}

// textRedactor goes through a text from word to word.
type textRedactor struct {
	r     *Redactor
	s     string
	words []word
	at    int // the word it stands before
	out   strings.Builder
}

// rest is the text from the place on.
func (t *textRedactor) rest() string { return t.s[t.words[t.at].begin:] }

// put writes what stands for the text up to an offset, and goes there.
func (t *textRedactor) put(text string, end int) {
	t.out.WriteString(text)
	for t.at < len(t.words) && t.words[t.at].begin < end {
		t.at++
	}
}

// keep writes the next n bytes as they are.
func (t *textRedactor) keep(n int) {
	begin := t.words[t.at].begin
	for t.at < len(t.words) && t.words[t.at].begin < begin+n {
		t.at++
	}
	end := len(t.s)
	if t.at < len(t.words) {
		end = t.words[t.at].begin
	}
	t.out.WriteString(t.s[begin:end])
}

// What is kept as it stands.
var (
	specReference = regexp.MustCompile(`^\[MS-[A-Z0-9]+\](?:,? (?:and |or |to )?[0-9]+(?:\.[0-9]+)+)*`)
	otherURL      = regexp.MustCompile(`^(?i:https?)://`)
	placeholder   = regexp.MustCompile(`^(?://(?:SERVER|HOST)(?:/SHARE)?(?:/(?:PATH|FILE|FOLDER|NAME))?\b|\\\\(?:SERVER|HOST)\\SHARE\b|DOMAIN\\(?:user|USER)\b|(?i:BUILTIN|NT AUTHORITY|NT SERVICE)\\+[A-Za-z]+|err32-[0-9a-f]{8}\.tmp(?:\.renamed)?\b)`)
)

// step takes the next word, or more.
func (t *textRedactor) step() {
	rest, w := t.rest(), t.words[t.at]
	first := t.boundary(w.begin)
	c, _ := utf8.DecodeRuneInString(rest)
	switch {
	case c == '[':
		if n := len(specReference.FindString(rest)); n > 0 {
			t.keep(n)
			return
		}
	case first && (c == 'h' || c == 'H'):
		if n := len(otherURL.FindString(rest)); n > 0 {
			t.keep(n)
			return
		}
	}
	if first {
		if n := len(placeholder.FindString(rest)); n > 0 && !t.knownPlaceholder(rest[:n]) {
			t.keep(n)
			return
		}
	}
	for _, take := range []func(string, bool) bool{t.flag, t.quoted, t.address, t.unc, t.localPath, t.pathBelow, t.mail, t.dotted, t.known} {
		if take(rest, first) {
			return
		}
	}
	t.keep(1)
}

// boundary reports whether a name or a path can begin at an offset.
func (t *textRedactor) boundary(at int) bool {
	c, _ := utf8.DecodeLastRuneInString(t.s[:at])
	return at == 0 || isStop(c) || c == '['
}

// isStop reports whether a character ends a path that is not known.
func isStop(c rune) bool {
	return unicode.IsSpace(c) || unicode.IsControl(c) || strings.ContainsRune("\"'`()<>|,;=→", c)
}

// knownPlaceholder reports whether what stands for the reader's own name is one
// of the site's: a server that is called SERVER.
func (t *textRedactor) knownPlaceholder(s string) bool {
	if strings.HasPrefix(s, "//") || strings.HasPrefix(s, `\\`) {
		host, _ := cutComponent(s[2:])
		return t.r.pseudonyms[kindHost][folded(host)] != ""
	}
	return strings.HasPrefix(s, "DOMAIN") && t.r.pseudonyms[kindDomain]["DOMAIN"] != ""
}

// pieceSize is how much of s is one piece without space, less the punctuation of the
// sentence around it.
func pieceSize(s string) int {
	n := strings.IndexFunc(s, isStop)
	if n < 0 {
		n = len(s)
	}
	return len(strings.TrimRight(s[:n], ".:!?"))
}

// endsName reports whether a name that ends before s is not the beginning of a
// longer one.
func endsName(s string) bool {
	trimmed := strings.TrimLeft(s, ".:!?")
	c, _ := utf8.DecodeRuneInString(trimmed)
	return trimmed == "" || isStop(c) || isSeparator(s[0]) || s[0] == ':' && trimmed == s[1:]
}

// flag takes a flag and its value.
func (t *textRedactor) flag(s string, first bool) bool {
	if !first || s[0] != '-' {
		return false
	}
	n := strings.IndexAny(s, "= ")
	if n < 0 || n+1 == len(s) {
		return false
	}
	kind, ok := nameFlags[strings.TrimLeft(s[:n], "-")]
	if !ok {
		return false
	}
	value := s[n+1:]
	if c := value[0]; c == '\'' || c == '"' {
		inner, size := cutQuoted(value)
		if size == 0 {
			return false
		}
		t.put(s[:n+1]+value[:1]+t.r.flagValue(kind, inner)+value[:1], t.words[t.at].begin+n+1+size)
		return true
	}
	size := pieceSize(value)
	if strings.HasPrefix(value, "-") || size == 0 || isUpper(value[:size]) && t.r.pseudonyms[kindUser][folded(value[:size])] == "" {
		return false // another flag, or --user USER%PASSWORD of the help
	}
	if kind == flagClientUser { // a comma is part of it
		if i := strings.IndexAny(value, " `'\""); i > size {
			size = i
		} else if i < 0 {
			size = len(value)
		}
	}
	t.put(s[:n+1]+t.r.flagValue(kind, value[:size]), t.words[t.at].begin+n+1+size)
	return true
}

func isUpper(s string) bool { return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ%") == "" }

// cutQuoted returns what is in the quotes that s begins with, and how long it is
// with them; 0 where they do not end, or the mark is an apostrophe.
func cutQuoted(s string) (inner string, size int) {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] == '"' && i+1 < len(s) && s[i+1] == '"':
			i++
		case s[i] != s[0]:
		case i+1 == len(s):
			return s[1:i], i + 1
		default:
			if c, _ := utf8.DecodeRuneInString(s[i+1:]); isStop(c) || strings.ContainsRune(".:!?", c) {
				return s[1:i], i + 1
			}
		}
	}
	return "", 0
}

// quoted takes a name or a path in quotes; what else is in quotes is text.
func (t *textRedactor) quoted(s string, first bool) bool {
	if !first || !strings.ContainsRune("'\"`", rune(s[0])) {
		return false
	}
	inner, size := cutQuoted(s)
	if size == 0 || inner == "" {
		return false
	}
	name := inner
	if s[0] == '"' {
		if unquoted, err := strconv.Unquote(s[:size]); err == nil {
			name = unquoted
		}
	}
	out, ok := t.r.whole(name)
	if !ok {
		return false
	}
	if s[0] == '"' && name != inner {
		out = strings.Trim(strconv.Quote(out), `"`)
	}
	t.put(s[:1]+out+s[size-1:size], t.words[t.at].begin+size)
	return true
}

// whole returns what stands for a text that may be one name, path or target.
func (r *Redactor) whole(name string) (string, bool) {
	switch {
	case placeholder.FindString(name) == name:
		return name, true
	case len(name) > 2 && isSeparator(name[0]) && isSeparator(name[1]) && !strings.ContainsAny(name, "`\"'"):
		return r.target(name), true
	}
	for kind := range kinds {
		if p, ok := r.pseudonyms[kind][folded(name)]; ok {
			return p, true
		}
	}
	switch i := strings.IndexByte(name, '\\'); {
	case i < 0 || strings.Contains(name, "//"):
		return "", false
	case i > 0 && strings.Count(name, `\`) == 1 && r.isLogOn(name[:i], name[i+1:]):
		return r.user(name), true
	case strings.HasPrefix(name, "--") || strings.HasPrefix(name, "err32 "):
		return "", false
	}
	return r.path(name), true
}

// isLogOn reports whether X\Y is a domain and a user, not a folder and a file.
func (r *Redactor) isLogOn(domain, user string) bool {
	_, isDomain := r.pseudonyms[kindDomain][folded(domain)]
	_, isUser := r.pseudonyms[kindUser][folded(user)]
	_, isPath := r.pseudonyms[kindPath][folded(domain)]
	return isUser && (isDomain || !isPath) || isDomain && !isPath
}

// logOn takes DOMAIN\user, whose backslash is size bytes away.
func (t *textRedactor) logOn(domain string, size int) bool {
	rest := t.rest()
	slashes := len(rest[size:]) - len(strings.TrimLeft(rest[size:], `\`))
	behind := rest[size+slashes:]
	n := strings.IndexFunc(behind, func(c rune) bool { return isStop(c) || c == '\\' })
	if n < 0 || behind[n] != '\\' {
		n = pieceSize(behind)
	} else {
		return false // it goes on: a path
	}
	at := t.at
	for at < len(t.words) && t.words[at].begin < t.words[t.at].begin+size+slashes {
		at++
	}
	if count, _ := t.r.index.longest(t.words[at:], 1<<kindUser); count > 0 {
		if end := t.words[at+count-1].end - t.words[at].begin; endsName(behind[end:]) {
			n = end
		}
	}
	if n == 0 || !t.r.isLogOn(domain, behind[:n]) {
		return false
	}
	t.put(t.r.domain(domain)+rest[size:size+slashes]+t.r.user(behind[:n]), t.words[t.at].begin+size+slashes+n)
	return true
}

var mailText = regexp.MustCompile(`^[\pL\pN_.+-]+@[\pL\pN_-]+(?:\.[\pL\pN_-]+)+`)

// mail takes user@domain.
func (t *textRedactor) mail(s string, first bool) bool {
	if !first || !strings.Contains(s, "@") {
		return false
	}
	m := strings.TrimRight(mailText.FindString(s), ".-")
	if m == "" {
		return false
	}
	t.put(t.r.user(m), t.words[t.at].begin+len(m))
	return true
}

var dottedText = regexp.MustCompile(`^[\pL\pN-]+(?:\.[\pL\pN-]+)+`)

// dotted takes a host's name that is not known, of which a part is: nas of
// example.net.
func (t *textRedactor) dotted(s string, first bool) bool {
	if !first {
		return false
	}
	m := strings.TrimRight(dottedText.FindString(s), "-")
	begin := t.words[t.at].begin
	for i := t.at + 1; i < len(t.words) && t.words[i].begin < begin+len(m); i++ {
		if t.s[t.words[i].begin-1] != '.' {
			continue
		}
		if count, _ := t.r.index.longest(t.words[i:], 1<<kindHost|1<<kindDomain); count > 0 && t.words[i+count-1].end <= begin+len(m) {
			t.put(t.r.host(m), begin+len(m))
			return true
		}
	}
	return false
}

// known takes a known name.
func (t *textRedactor) known(s string, _ bool) bool {
	const all = 1<<kindUser | 1<<kindHost | 1<<kindDomain | 1<<kindShare | 1<<kindPath | 1<<kindText
	count, found := t.r.index.longest(t.words[t.at:], all)
	if count == 0 {
		return false
	}
	begin, size := t.words[t.at].begin, t.words[t.at+count-1].end-t.words[t.at].begin
	name := s[:size]
	kind := nameKind(0)
	switch {
	case found == 1<<kindText:
		kind = kindText
	case found&(1<<kindShare) != 0 && strings.HasSuffix(t.s[:begin], "share "):
		kind = kindShare
	default:
		for found&(1<<kind) == 0 {
			kind++
		}
	}
	if kind == kindHost || kind == kindDomain { // fs01 of fs01.example.net
		if n := dottedName(s[size:]); n > 0 {
			t.put(t.r.host(s[:size+n]), begin+size+n)
			return true
		}
	}
	if isOrdinary(folded(name)) && !(found&(1<<kindUser) != 0 && t.onHost(count)) {
		return false
	}
	t.put(t.r.pseudonyms[kind][folded(name)], begin+size)
	return true
}

// dottedName is how much of a host's name stands behind its first label.
func dottedName(s string) int {
	n := 0
	for n < len(s) && (s[n] == '.' || n > 0 && s[n] == '-') {
		label := n + 1
		for label < len(s) && (isLetter(s[label]) || s[label] >= '0' && s[label] <= '9') {
			label++
		}
		if label == n+1 {
			break
		}
		n = label
	}
	return n
}

// onHost reports whether " on " and a host stand behind the next words.
func (t *textRedactor) onHost(count int) bool {
	behind := t.words[min(t.at+count, len(t.words)):]
	if len(behind) < 4 || behind[0].key != " " || behind[1].key != "ON" || behind[2].key != " " {
		return false
	}
	at := behind[3].begin
	n, _ := t.r.index.longest(behind[3:], 1<<kindHost)
	_, err := netip.ParseAddr(ipv4Text.FindString(t.s[at:]))
	return n > 0 || err == nil
}
