package diag

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Credentials is who logs on. However it is printed, logged or encoded, it
// shows the names only.
type Credentials struct {
	Domain    string // empty lets the server choose
	User      string // a plain name or a UPN, user@domain
	Password  string // may be empty; unused with NTHash
	NTHash    []byte // 16 bytes, the NTOWFv1 of [MS-NLMP] 3.3.1; nil when a password is used
	Anonymous bool   // an anonymous session; all else is empty
}

// String returns DOMAIN\user, user or "anonymous".
func (c Credentials) String() string {
	switch {
	case c.Anonymous:
		return "anonymous"
	case c.Domain != "":
		return c.Domain + `\` + c.User
	}
	return c.User
}

// name is who logs on, empty for anonymous.
func (c Credentials) name() string {
	if c.Anonymous {
		return ""
	}
	return c.String()
}

// GoString returns what String does.
func (c Credentials) GoString() string { return c.String() }

// Format writes what String returns, whatever the verb is.
func (c Credentials) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

// LogValue returns what String does.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON writes what String returns.
func (c Credentials) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// CredentialSources is where credentials may come from.
//
// The user name is the first of: User, URLUser, the authentication file,
// ERR32_USER, USER. The password is the first of: User, the authentication
// file, the variable that gave the user name (ERR32_USER and USER may hold
// user%password), ERR32_PASSWD, ERR32_PASSWD_FILE, PASSWD, PASSWD_FILE, Prompt.
// A domain comes with the user name, else from the authentication file.
// Variables that are empty count as not set.
type CredentialSources struct {
	User      string                            // [DOMAIN\]USER[%PASSWORD], DOMAIN/USER or USER@DOMAIN, as smbclient's -U; "%" is anonymous
	AuthFile  string                            // name of an authentication file
	NoPass    bool                              // use no password: anonymous, or an empty password where a user is named
	PWNTHash  bool                              // the password, from wherever it comes, is the NT hash: 32 hexadecimal digits, or LM:NT
	LookupEnv func(name string) (string, bool)  // os.LookupEnv; nil is an empty environment
	URLUser   string                            // Target.User
	URLDomain string                            // Target.Domain
	Prompt    func(text string) (string, error) // asks for the password without echo; nil where there is no terminal
}

// logon is a user name as one source gives it.
type logon struct {
	domain, user, password string
	hasPassword            bool
	source                 string // for messages
}

// Resolve picks the credentials. The warnings are for the user, one sentence
// each. No error or warning holds a password.
func (s CredentialSources) Resolve() (Credentials, []string, error) {
	var warnings []string
	var file authenticationFile
	if s.AuthFile != "" {
		var warning string
		var err error
		if file, warning, err = readAuthenticationFile(s.AuthFile); err != nil {
			return Credentials{}, nil, err
		}
		if warning != "" {
			warnings = append(warnings, warning)
		}
	}
	who, err := s.user(file)
	if err != nil {
		return Credentials{}, warnings, err
	}
	if s.NoPass {
		if s.PWNTHash {
			return Credentials{}, warnings, errors.New("--no-pass and --pw-nt-hash contradict each other")
		}
		if who.hasPassword {
			warnings = append(warnings, "--no-pass is given: the password from "+who.source+" is not used")
		}
		// The login name alone is not a wish to log on under it.
		if who.user == "" || who.source == "USER" {
			return Credentials{Anonymous: true}, warnings, nil
		}
		return Credentials{Domain: who.domain, User: who.user}, warnings, nil
	}
	if who.user == "" {
		if who.hasPassword && who.password == "" {
			return Credentials{Anonymous: true}, warnings, nil
		}
		return Credentials{}, warnings, errors.New("no user name: give --user USER, an authentication file (-A), or ERR32_USER; --no-pass logs on anonymously")
	}
	password, from, warning, err := s.password(who, file)
	if err != nil {
		return Credentials{}, warnings, err
	}
	if warning != "" {
		warnings = append(warnings, warning)
	}
	c := Credentials{Domain: who.domain, User: who.user, Password: password}
	if s.PWNTHash {
		if c.NTHash, err = parseNTHash(password); err != nil {
			return Credentials{}, warnings, fmt.Errorf("the password from %s: %w", from, err)
		}
		c.Password = ""
	}
	return c, warnings, nil
}

// user picks the user name, and the password that came with it.
func (s CredentialSources) user(file authenticationFile) (logon, error) {
	if s.User != "" {
		who, err := parseLogon(s.User, "--user")
		if err != nil {
			return logon{}, err
		}
		if !who.hasPassword {
			err = file.check(&who)
		}
		return who, err
	}
	if s.URLUser != "" {
		who := logon{domain: s.URLDomain, user: s.URLUser, source: "the URL"}
		return who, file.check(&who)
	}
	if file.user != "" {
		return logon{domain: file.domain, user: file.user, source: "the authentication file"}, nil
	}
	for _, name := range []string{"ERR32_USER", "USER"} {
		if v := s.env(name); v != "" {
			who, err := parseLogon(v, name)
			if err == nil {
				err = file.check(&who)
			}
			return who, err
		}
	}
	return logon{}, nil
}

// password finds the password for who, and tells where it was found.
func (s CredentialSources) password(who logon, file authenticationFile) (password, from, warning string, err error) {
	if who.hasPassword && who.source == "--user" {
		return who.password, who.source, "", nil
	}
	if file.hasPassword {
		return file.password, "the authentication file", "", nil
	}
	if who.hasPassword {
		return who.password, who.source, "", nil
	}
	for _, prefix := range []string{"ERR32_", ""} {
		if v := s.env(prefix + "PASSWD"); v != "" {
			return v, prefix + "PASSWD", "", checkPassword(v, prefix+"PASSWD")
		}
		if name := s.env(prefix + "PASSWD_FILE"); name != "" {
			password, warning, err := readPasswordFile(name)
			if err != nil {
				err = fmt.Errorf("%sPASSWD_FILE: %w", prefix, err)
			}
			return password, prefix + "PASSWD_FILE", warning, err
		}
	}
	name := Credentials{Domain: who.domain, User: who.user}.String()
	if s.Prompt == nil {
		return "", "", "", fmt.Errorf("no password for user %q (from %s), and no terminal to ask on: give --user USER%%PASSWORD, an authentication file (-A), PASSWD or PASSWD_FILE; --no-pass uses none", name, who.source)
	}
	what := "Password"
	if s.PWNTHash {
		what = "NT hash"
	}
	password, err = s.Prompt(fmt.Sprintf("%s for %s: ", what, name))
	if err != nil {
		return "", "", "", fmt.Errorf("asking for the password: %w", err)
	}
	return password, "the terminal", "", checkPassword(password, "the terminal")
}

func (s CredentialSources) env(name string) string {
	if s.LookupEnv == nil {
		return ""
	}
	v, _ := s.LookupEnv(name)
	return v
}

// parseLogon reads [DOMAIN\]USER[%PASSWORD]; a slash does for the backslash.
// The first % ends the user name, so a password may hold any character.
func parseLogon(s, source string) (logon, error) {
	name, password, hasPassword := strings.Cut(s, "%")
	who := logon{user: name, password: password, hasPassword: hasPassword, source: source}
	if err := checkUserName(name, source); err != nil {
		return logon{}, err
	}
	if err := checkPassword(password, source); err != nil {
		return logon{}, err
	}
	who.domain, who.user = splitDomain(name)
	if who.user == "" && (who.domain != "" || password != "") {
		return logon{}, fmt.Errorf(`%s names no user; write [DOMAIN\]USER[%%PASSWORD]`, source)
	}
	return who, nil
}

func splitDomain(name string) (domain, user string) {
	if i := strings.IndexAny(name, `\/`); i >= 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}

func checkUserName(name, source string) error {
	if !utf8.ValidString(name) {
		return fmt.Errorf("the user name from %s is not valid UTF-8", source)
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("the user name from %s holds a control character", source)
	}
	return nil
}

func checkPassword(password, source string) error {
	if !utf8.ValidString(password) {
		return fmt.Errorf("the password from %s is not valid UTF-8", source)
	}
	if strings.ContainsRune(password, 0) {
		return fmt.Errorf("the password from %s holds a NUL", source)
	}
	return nil
}

// parseNTHash reads 32 hexadecimal digits, or LM:NT as password dumps write
// it; the LM part is not used.
func parseNTHash(s string) ([]byte, error) {
	if _, nt, ok := strings.Cut(s, ":"); ok {
		s = nt
	}
	hash, err := hex.DecodeString(s)
	if err != nil || len(hash) != 16 {
		return nil, errors.New("with --pw-nt-hash it is 32 hexadecimal digits, or LM:NT")
	}
	return hash, nil
}
