package diag

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"unicode/utf8"
)

// maxSecretFile bounds authentication and password files, in bytes.
const maxSecretFile = 64 << 10

// authenticationFile is what a file for --authentication-file holds.
//
// The format is that of smbclient, tried with version 4.17: lines of
// key = value with the keys username, password and domain in any case. Blanks
// before the key, around the key and before the value do not count, so a
// password that begins with a blank cannot be written in it (PASSWD_FILE can
// hold one); all that follows up to the end of the line belongs to the
// password, trailing blanks too. Unlike smbclient, blanks after the user name
// and the domain do not count, username may be DOMAIN\user, lines that
// begin with # are comments, and any other line is an error.
type authenticationFile struct {
	domain, user, password string
	hasPassword            bool
}

// check completes a user name that came from elsewhere with the file's domain,
// and refuses to pair the file's password with another user.
func (f authenticationFile) check(who *logon) error {
	if f.user != "" && !strings.EqualFold(f.user, who.user) {
		return fmt.Errorf("the user %q from %s and the user %q of the authentication file differ", who.user, who.source, f.user)
	}
	if who.domain == "" && !strings.Contains(who.user, "@") {
		who.domain = f.domain
	}
	return nil
}

func readAuthenticationFile(name string) (f authenticationFile, warning string, err error) {
	data, warning, err := readSecretFile(name)
	if err != nil {
		return authenticationFile{}, "", fmt.Errorf("authentication file: %w", err)
	}
	if f, err = parseAuthenticationFile(data); err != nil {
		return authenticationFile{}, "", fmt.Errorf("authentication file %s: %w", name, err)
	}
	return f, warning, nil
}

// parseAuthenticationFile never shows a line in its errors, because a line that
// is not understood may be the password.
func parseAuthenticationFile(data string) (f authenticationFile, err error) {
	const keys = "username, password, domain"
	seen := map[string]int{}
	n := 0
	for line := range strings.Lines(data) {
		n++
		line = strings.TrimLeft(trimLineEnd(line), " \t")
		if strings.Trim(line, " \t\r") == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return authenticationFile{}, fmt.Errorf("line %d has no =; write key = value with the keys %s", n, keys)
		}
		key = strings.ToLower(strings.TrimRight(key, " \t"))
		if seen[key] != 0 {
			return authenticationFile{}, fmt.Errorf("line %d repeats the key of line %d", n, seen[key])
		}
		seen[key] = n
		value = strings.TrimLeft(value, " \t")
		switch key {
		case "username":
			f.user = strings.TrimRight(value, " \t")
			err = checkUserName(f.user, fmt.Sprintf("line %d", n))
			if strings.Contains(f.user, "%") {
				err = fmt.Errorf("line %d: the user name holds a %%; the password has its own line here", n)
			}
		case "password":
			f.password, f.hasPassword = value, true
		case "domain":
			f.domain = strings.TrimRight(value, " \t")
			err = checkUserName(f.domain, fmt.Sprintf("line %d", n))
		default:
			err = fmt.Errorf("line %d: the key is none of %s", n, keys)
		}
		if err != nil {
			return authenticationFile{}, err
		}
	}
	domain, user := splitDomain(f.user)
	f.user = user
	if domain != "" {
		f.domain = domain
	}
	return f, nil
}

// readPasswordFile returns the first line of the file, without its line end.
func readPasswordFile(name string) (password, warning string, err error) {
	data, warning, err := readSecretFile(name)
	if err != nil {
		return "", "", err
	}
	first, _, _ := strings.Cut(data, "\n")
	if password = strings.TrimSuffix(first, "\r"); password == "" {
		return "", "", fmt.Errorf("the first line of %s is empty; --no-pass uses an empty password", name)
	}
	return password, warning, nil
}

// readSecretFile reads a whole text file, drops a byte order mark, and warns if
// others may read the file.
func readSecretFile(name string) (data, warning string, err error) {
	file, err := os.Open(name)
	if err != nil {
		return "", "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", "", err
	}
	b, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	if err != nil {
		return "", "", err
	}
	switch {
	case len(b) > maxSecretFile:
		err = fmt.Errorf("%s is longer than %d bytes", name, maxSecretFile)
	case bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("\xfe\xff")):
		err = fmt.Errorf("%s is UTF-16 text; save it as UTF-8", name)
	case !utf8.Valid(b):
		err = fmt.Errorf("%s is not valid UTF-8", name)
	case bytes.IndexByte(b, 0) >= 0:
		err = errors.New(name + " holds a NUL")
	}
	if err != nil {
		return "", "", err
	}
	// Windows keeps its rights elsewhere; mode bits tell nothing there.
	if mode := info.Mode(); runtime.GOOS != "windows" && mode.IsRegular() && mode.Perm()&0o044 != 0 {
		warning = fmt.Sprintf("%s can be read by others (mode %04o); chmod 600 %s", name, mode.Perm(), name)
	}
	return strings.TrimPrefix(string(b), "\ufeff"), warning, nil
}

func trimLineEnd(line string) string {
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
}
