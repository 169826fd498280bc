package diag

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Redactor replaces the names of users, domains, hosts, shares and files by
// pseudonyms: user-1, domain-1, host-2, share-1, path-3.xlsx. A name has the
// same one wherever it occurs, in whatever case it is written, as SMB compares
// names. A host that is known by its name and by its address is two hosts, for
// nothing says that they are one. A nil *Redactor replaces nothing. The methods
// may be called from several goroutines.
//
// What a name is like stays visible as far as it tells nothing of the site: the
// separators of a path, its drive, stream and wildcards, a short ending such as
// .xlsx, and the names that err32 and SMB have themselves (err32-0a1b2c3d.tmp,
// IPC$, \srvsvc).
type Redactor struct {
	mu         sync.Mutex
	pseudonyms [kinds]map[string]string // by folded name
	names      [kinds][]string          // as it was first seen, in the order of the pseudonyms' numbers
	index      nameIndex                // of all of these, for texts
	traces     map[nameStart][]int      // how long the names are that must not be left in a message, by how they begin
	endings    map[string]bool          // the endings that were kept, folded
	keeps      bool                     // what looks like a pseudonym is one: the report is redacted
	first      [kinds]int               // the highest number that such a report has
	queries    map[queryID]pendingQuery // that are not answered yet
}

// nameKind is what a name is of.
type nameKind int

const (
	kindUser nameKind = iota // in the order in which a bare word is looked up
	kindHost
	kindDomain
	kindShare
	kindPath // a component of a path
	kindText // a text that belongs to the site as a whole
	kinds
)

var kindWords = [kinds]string{"user", "host", "domain", "share", "path", "text"}

// NewRedactor returns a Redactor that knows no name yet.
func NewRedactor() *Redactor {
	r := &Redactor{traces: map[nameStart][]int{}, endings: map[string]bool{}, queries: map[queryID]pendingQuery{}}
	for k := range r.pseudonyms {
		r.pseudonyms[k] = map[string]string{}
	}
	return r
}

// User returns what stands for a user, who may be written DOMAIN\user or
// user@domain, and makes the Redactor know the name: Text replaces it from then
// on. So do Host, Share and Path.
func (r *Redactor) User(name string) string {
	if r == nil {
		return name
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.user(name)
}

func (r *Redactor) user(name string) string {
	if i := strings.IndexAny(name, `\/`); i >= 0 {
		if ownDomain(name[:i]) {
			return name
		}
		return r.domain(name[:i]) + name[i:i+1] + r.user(strings.TrimLeft(name[i+1:], `\/`))
	}
	if i := strings.LastIndexByte(name, '@'); i > 0 {
		return r.pseudonym(kindUser, name[:i], "") + "@" + r.domain(name[i+1:])
	}
	return r.pseudonym(kindUser, name, "")
}

// ownDomain reports whether a domain is one that every Windows has.
func ownDomain(name string) bool {
	return strings.EqualFold(name, "BUILTIN") || strings.EqualFold(name, "NT AUTHORITY") || strings.EqualFold(name, "NT SERVICE")
}

func (r *Redactor) domain(name string) string {
	if name == "." { // the server's own
		return name
	}
	return r.pseudonym(kindDomain, name, "")
}

// Host returns what stands for a host: a name or an address, which may have a
// port behind it, and `\\` before it.
func (r *Redactor) Host(name string) string {
	if r == nil {
		return name
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.host(name)
}

func (r *Redactor) host(name string) string {
	bare := strings.TrimLeft(name, `\/`)
	slashes := name[:len(name)-len(bare)]
	if addr, err := netip.ParseAddr(bare); err == nil {
		return slashes + r.hostAt(addr)
	}
	port := ""
	if i := strings.LastIndexByte(bare, ':'); i >= 0 && isDigits(bare[i+1:]) {
		bare, port = bare[:i], bare[i:]
	}
	if inner, ok := strings.CutPrefix(bare, "["); ok && strings.HasSuffix(inner, "]") {
		bare = inner[:len(inner)-1]
	}
	if addr, err := netip.ParseAddr(bare); err == nil {
		return slashes + r.hostAt(addr) + port
	}
	return slashes + r.pseudonym(kindHost, bare, "") + port
}

// hostAt is the host at an address. Its zone is only what our own interface is
// called.
func (r *Redactor) hostAt(addr netip.Addr) string {
	return r.pseudonym(kindHost, addr.Unmap().WithZone("").String(), "")
}

// addr returns the address that stands for another one: the number is that of
// its pseudonym. The networks are the ones for tests and for documentation, RFC
// 2544 and RFC 3849.
func (r *Redactor) addr(a netip.Addr) netip.Addr {
	if r == nil || !a.IsValid() {
		return a
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := pseudonymNumber(r.hostAt(a))
	if a.Unmap().Is4() {
		return netip.AddrFrom4([4]byte{198, byte(18 + n>>16&1), byte(n >> 8), byte(n)})
	}
	return netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 12: byte(n >> 24), 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)})
}

// Share returns what stands for a share. Those that servers make by themselves
// keep their names.
func (r *Redactor) Share(name string) string {
	if r == nil {
		return name
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.share(name)
}

func (r *Redactor) share(name string) string {
	if ownShare(name) {
		return name
	}
	return r.pseudonym(kindShare, name, "")
}

// ownShare reports whether a server makes a share by itself: IPC$, ADMIN$ and
// those of its drives.
func ownShare(name string) bool {
	return strings.EqualFold(name, "IPC$") || strings.EqualFold(name, "ADMIN$") || len(name) == 2 && isLetter(name[0]) && name[1] == '$'
}

// Path returns what stands for a path, component by component: what lies in one
// folder does so afterwards.
func (r *Redactor) Path(path string) string {
	if r == nil {
		return path
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.path(path)
}

// pseudonym returns what stands for a name of a kind, and gives it the next
// number if it is new. ending is kept behind it.
func (r *Redactor) pseudonym(kind nameKind, name, ending string) string {
	if name == "" {
		return ""
	}
	key := folded(name)
	if p, ok := r.pseudonyms[kind][key]; ok {
		return p
	}
	if r.keeps && isPseudonym.MatchString(name) {
		return name
	}
	r.names[kind] = append(r.names[kind], name)
	p := fmt.Sprintf("%s-%d%s", kindWords[kind], r.first[kind]+len(r.names[kind]), ending)
	r.learn(kind, name, key, p)
	return p
}

// replace makes a text of the site known, and what stands for it.
func (r *Redactor) replace(text, by string) {
	if text == "" || text == by {
		return
	}
	key := folded(text)
	if _, ok := r.pseudonyms[kindText][key]; !ok {
		r.learn(kindText, text, key, by)
	}
}

func (r *Redactor) learn(kind nameKind, name, key, pseudonym string) {
	r.pseudonyms[kind][key] = pseudonym
	r.index.add(kind, name)
	if runes := []rune(key); len(runes) >= traceLength && !isOrdinary(key) {
		start := nameStart(runes)
		if !slices.Contains(r.traces[start], len(runes)) {
			r.traces[start] = append(r.traces[start], len(runes))
		}
	}
}

// isPseudonym tells the pseudonyms of a redacted report.
var isPseudonym = regexp.MustCompile(`^(?:user|host|domain|share|path)-[1-9][0-9]*(?:\.[A-Za-z0-9]{1,5})?$`)

func pseudonymNumber(p string) (n int) {
	_, digits, _ := strings.Cut(p, "-")
	for _, c := range digits {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// learnEndpoint makes the Redactor know what the command line says of a server
// and its user. It keeps no password.
func (r *Redactor) learnEndpoint(e *Endpoint) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t, c := e.Target, e.Credentials
	r.host(t.Server)
	r.share(t.Share)
	r.path(t.Path)
	for _, who := range [][2]string{{t.Domain, t.User}, {c.Domain, c.User}} {
		r.domain(who[0])
		r.user(who[1])
	}
	r.command(e.Again)
}

// folded is a name in the form in which SMB compares it: without regard to case.
func folded(name string) string {
	ascii := true
	for i := range len(name) {
		ascii = ascii && name[i] < utf8.RuneSelf
	}
	if ascii {
		return strings.ToUpper(name)
	}
	return strings.Map(foldRune, name)
}

// foldRune is the least of the runes that differ from c in case only, which for
// a letter of ASCII is its upper case.
func foldRune(c rune) rune {
	least := c
	for other := unicode.SimpleFold(c); other != c; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	return least
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
