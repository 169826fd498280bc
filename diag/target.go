package diag

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// DefaultPort is the port of SMB over TCP, [MS-SMB2] 2.1.
const DefaultPort = 445

// Limits of names, in UTF-16 code units.
const (
	maxPathUnits      = 32760 // [MS-FSCC] 2.1.5
	maxComponentUnits = 255   // [MS-FSCC] 2.1.5.2 and 2.1.5.3
	maxShareUnits     = 80    // [MS-FSCC] 2.1.6
	maxServerBytes    = 253   // a DNS name, RFC 1035 2.3.4
)

// Target is what a command is pointed at: a server, or a share of it, or a
// path below that share.
type Target struct {
	Server string // host name or IP address, IPv6 without brackets
	Port   int    // 1 to 65535; 0 means DefaultPort
	Share  string // empty where the target is the server itself
	Path   string // below the share, with backslashes, none at either end; empty for the share's root
	User   string // log-on name, only from an smb:// URL
	Domain string // of the user, only from an smb:// URL
}

// ParseTarget reads //server[:port]/share[/path], \\server\share\path, the same
// with mixed slashes, smb://[[domain;]user@]server[:port]/share/path (percent-
// encoded), //server and server[:port]. IPv6 addresses stand in brackets.
//
// Separators in a row count as one, and those at the end are dropped. A name
// that SMB cannot carry is an error which names the component and the
// character. A password inside a URL is an error; no error shows it.
func ParseTarget(s string) (Target, error) {
	if s == "" {
		return Target{}, errors.New("target is empty; write //server/share")
	}
	if !utf8.ValidString(s) {
		return Target{}, errors.New("target is not valid UTF-8")
	}
	var t Target
	var err error
	scheme, rest, isURL := strings.Cut(s, "://")
	switch {
	case isURL && strings.EqualFold(scheme, "smb"):
		err = t.setURL(rest)
	case isURL && !strings.ContainsAny(scheme, `/\`):
		err = errors.New("target is a URL of another scheme; write smb://server/share or //server/share")
	case len(s) >= 2 && isSeparator(s[0]) && isSeparator(s[1]):
		err = t.setUNC(s[2:])
	case isSeparator(s[0]):
		err = errors.New(`target begins with one slash; write //server/share, or quote it '\\server\share' if the shell took a backslash`)
	case strings.ContainsAny(s, `/\`):
		err = errors.New("target does not begin with two slashes; write //server/share/path")
	default:
		err = t.setServer(s)
	}
	if err != nil {
		return Target{}, err
	}
	return t, nil
}

func isSeparator(c byte) bool { return c == '/' || c == '\\' }

// setUNC reads what follows the two separators.
func (t *Target) setUNC(rest string) error {
	server, rest := cutSeparator(rest)
	if err := t.setServer(server); err != nil {
		return err
	}
	var components []string
	for rest != "" {
		var c string
		if c, rest = cutSeparator(rest); c != "" {
			components = append(components, c)
		}
	}
	return t.setNames(components)
}

func cutSeparator(s string) (before, after string) {
	if i := strings.IndexAny(s, `/\`); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// setURL reads what follows smb://. It is not net/url's parser because that
// one quotes the whole text, password included, in its errors.
func (t *Target) setURL(rest string) error {
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		return fmt.Errorf("%q cannot stand in an smb:// URL; write it as %%%02X", rest[i], rest[i])
	}
	authority, path, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		if err := t.setURLUser(authority[:i]); err != nil {
			return err
		}
		authority = authority[i+1:]
	} else if strings.Contains(path, "@") && t.setServer(authority) != nil {
		// A user part with a raw slash in it: what looks like the server
		// may be half of a password.
		return errors.New("the part before the first slash of the URL is not a server; a slash in a user name is written %2F, and passwords do not belong in a URL")
	}
	server, err := url.PathUnescape(authority)
	if err != nil {
		return fmt.Errorf("server name: %w", err)
	}
	if err := t.setServer(server); err != nil {
		return err
	}
	var components []string
	for escaped := range strings.SplitSeq(path, "/") {
		if escaped == "" {
			continue
		}
		c, err := url.PathUnescape(escaped)
		if err != nil {
			return fmt.Errorf("path component %q: %w", escaped, err)
		}
		if !utf8.ValidString(c) {
			return fmt.Errorf("path component %q is not valid UTF-8 once decoded", escaped)
		}
		components = append(components, c)
	}
	return t.setNames(components)
}

// setURLUser reads [domain;]user. Its errors show nothing of the text, which
// may hold a password.
func (t *Target) setURLUser(escaped string) error {
	if strings.Contains(escaped, ":") {
		return errors.New("a password inside a URL is refused: URLs end up in shell histories, process lists and reports; use --user, --authentication-file or PASSWD_FILE")
	}
	text, err := url.PathUnescape(escaped)
	if err != nil {
		return errors.New("the user part of the URL is not percent-encoded properly")
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || strings.ContainsAny(text, "%:") {
		return errors.New(`the user part of the URL holds a character that a user name cannot have (a control character, "%" or ":")`)
	}
	user := text
	if domain, name, ok := strings.Cut(text, ";"); ok {
		t.Domain, user = domain, name
	}
	if user == "" {
		return errors.New("the user part of the URL is empty")
	}
	t.User = user
	return nil
}

// setServer reads server[:port].
func (t *Target) setServer(s string) error {
	if strings.Contains(s, "@") { // not shown: a password may stand before it
		return errors.New(`server name holds "@"; a user name is given with --user, or as smb://user@server/share`)
	}
	host, port, hasPort := s, "", false
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return errors.New(`server address: "[" without "]"`)
		}
		host = s[1:end]
		if rest := s[end+1:]; rest != "" {
			if port, hasPort = strings.CutPrefix(rest, ":"); !hasPort {
				return fmt.Errorf("server address: %q after the brackets is no :port", rest)
			}
		}
		if err := checkIPv6(host); err != nil {
			return err
		}
	} else {
		if strings.Count(s, ":") > 1 {
			return fmt.Errorf("server address %q: an IPv6 address stands in brackets, such as //[fe80::1]/share", s)
		}
		host, port, hasPort = strings.Cut(s, ":")
		if err := checkServerName(host); err != nil {
			return err
		}
	}
	if hasPort {
		n, err := ParsePort(port)
		if err != nil {
			return err
		}
		t.Port = n
	}
	t.Server = host
	return nil
}

// ParsePort reads a TCP port number, 1 to 65535, in decimal digits.
func ParsePort(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("port %q is not a number from 1 to 65535", s)
	}
	return int(n), nil
}

func checkIPv6(s string) error {
	addr, err := netip.ParseAddr(s)
	if err != nil || !addr.Is6() {
		return fmt.Errorf("server address %q in brackets is not an IPv6 address", s)
	}
	for _, r := range addr.Zone() {
		if !isNameRune(r) {
			return fmt.Errorf("server address %q: %q cannot stand in a zone", s, r)
		}
	}
	return nil
}

func checkServerName(s string) error {
	if s == "" {
		return errors.New("server name is empty; write //server/share")
	}
	if len(s) > maxServerBytes {
		return fmt.Errorf("server name is %d bytes long, more than %d", len(s), maxServerBytes)
	}
	for _, r := range s {
		if !isNameRune(r) {
			return fmt.Errorf("server name %q: %q cannot stand in a host name", s, r)
		}
	}
	return nil
}

// isNameRune reports whether r can stand in a host name; wider than DNS, for
// the sake of names in hosts files and non-ASCII names.
func isNameRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune("-._~", r)
}

// setNames takes the components after the server: the share, then the path.
func (t *Target) setNames(components []string) error {
	if len(components) == 0 {
		return nil
	}
	share, path := components[0], components[1:]
	if err := checkShare(share); err != nil {
		return err
	}
	for i, c := range path {
		if err := checkComponent(c, i == len(path)-1); err != nil {
			return err
		}
	}
	t.Share, t.Path = share, strings.Join(path, `\`)
	if n := utf16Units(t.Path); n > maxPathUnits {
		return fmt.Errorf("path is %d characters long, more than %d ([MS-FSCC] 2.1.5)", n, maxPathUnits)
	}
	return nil
}

// Characters that cannot stand in a name, besides the control characters 0 to
// 31. [MS-FSCC] 2.1.6 forbids more in a share name ([ ] + = ; ,), but servers
// exist that have such shares, so those are left to the server.
const forbiddenInName = `"/\:|<>*?`

func checkShare(s string) error {
	if err := checkName("share name", s, forbiddenInName, 0x20, "[MS-FSCC] 2.1.6"); err != nil {
		return err
	}
	if n := utf16Units(s); n > maxShareUnits {
		return fmt.Errorf("share name %q is %d characters long, more than %d ([MS-FSCC] 2.1.6)", s, n, maxShareUnits)
	}
	return nil
}

// checkComponent checks one path component; the last one may have a stream
// name and a stream type, file:stream:$DATA.
func checkComponent(s string, last bool) error {
	file, stream, hasStream := strings.Cut(s, ":")
	if !last || !hasStream {
		file, hasStream = s, false
	}
	if file == "" {
		return fmt.Errorf("path component %q: the file name before the stream name is empty", s)
	}
	if err := checkName("path component", file, forbiddenInName, 0x20, "[MS-FSCC] 2.1.5.2"); err != nil {
		return err
	}
	if n := utf16Units(file); n > maxComponentUnits {
		return fmt.Errorf("path component %q is %d characters long, more than %d ([MS-FSCC] 2.1.5.2)", file, n, maxComponentUnits)
	}
	if !hasStream {
		return nil
	}
	name, kind, hasKind := strings.Cut(stream, ":")
	if (name == "" && !hasKind) || (hasKind && kind == "") {
		return fmt.Errorf("path component %q: a stream is written file:stream or file:stream:$DATA ([MS-FSCC] 2.1.5)", s)
	}
	if n := utf16Units(name); n > maxComponentUnits {
		return fmt.Errorf("stream name %q is %d characters long, more than %d ([MS-FSCC] 2.1.5.3)", name, n, maxComponentUnits)
	}
	for _, part := range []string{name, kind} {
		if err := checkName("stream name", part, `/\:`, 1, "[MS-FSCC] 2.1.5.3"); err != nil {
			return err
		}
	}
	return nil
}

// checkName refuses the characters in forbidden, those below lowest, and the
// dot directory names.
func checkName(what, s, forbidden string, lowest rune, section string) error {
	if s == "." || s == ".." {
		return fmt.Errorf("%s %q must not be sent to a server ([MS-FSCC] 2.1.5.1); write the path without it", what, s)
	}
	for _, r := range s {
		if r < lowest || strings.ContainsRune(forbidden, r) {
			return fmt.Errorf("%s %q: %q cannot stand in a name (%s)", what, s, r, section)
		}
	}
	return nil
}

// utf16Units counts the UTF-16 code units that s, valid UTF-8, takes.
func utf16Units(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// Address returns host:port to dial, an IPv6 host in brackets.
func (t Target) Address() string {
	port := t.Port
	if port == 0 {
		port = DefaultPort
	}
	return net.JoinHostPort(t.Server, strconv.Itoa(port))
}

// String returns //server[:port][/share[/path]], which ParseTarget reads back.
// It holds no user name.
func (t Target) String() string {
	var b strings.Builder
	b.WriteString("//")
	if strings.Contains(t.Server, ":") {
		b.WriteString("[" + t.Server + "]")
	} else {
		b.WriteString(t.Server)
	}
	if t.Port != 0 {
		b.WriteString(":" + strconv.Itoa(t.Port))
	}
	if t.Share != "" {
		b.WriteString("/" + t.Share)
	}
	if t.Path != "" {
		b.WriteString("/" + strings.ReplaceAll(t.Path, `\`, "/"))
	}
	return b.String()
}

// NeedShare returns an error if the target names no share.
func (t Target) NeedShare() error {
	if t.Share == "" {
		return fmt.Errorf("target %s names no share; write %s/SHARE", t, t)
	}
	return nil
}
