package diag

import (
	"strings"
	"testing"
)

// The cases marked smbclient were tried with smbclient 4.17, by logging on.
func TestParseAuthenticationFile(t *testing.T) {
	full := authenticationFile{user: "bob", password: "lead ", hasPassword: true}
	tests := []struct {
		name, in string
		want     authenticationFile
	}{
		{"smbclient: blanks before the value go, those after it stay", "username=bob\npassword= lead \n", full},
		{"smbclient: blanks around =", "username = bob\npassword =    lead \n", full},
		{"smbclient: blanks before the key", "  username=bob\n\t password=lead \n", full},
		{"smbclient: case of keys", "USERNAME=bob\nPassWord=lead \n", full},
		{"smbclient: CRLF", "username=bob\r\npassword=lead \r\n", full},
		{"no line end at the end", "username=bob\npassword=lead ", full},
		{"blanks after the user name", "username = bob \npassword = lead \n", full},
		{"comments and blank lines", "# c\n\n  # d\n \t\r\nusername=bob\npassword=lead \n", full},
		{"password with = and #", "password=#a=b=\n", authenticationFile{password: "#a=b=", hasPassword: true}},
		{"empty password", "username=bob\npassword=\n", authenticationFile{user: "bob", hasPassword: true}},
		{"domain in the user name", "username=D\\bob\n", authenticationFile{domain: "D", user: "bob"}},
		{"empty domain in the user name", "username=\\bob\ndomain=D\n", authenticationFile{domain: "D", user: "bob"}},
		{"domain line", "username=bob\ndomain = D \n", authenticationFile{domain: "D", user: "bob"}},
		{"empty", "", authenticationFile{}},
	}
	for _, tt := range tests {
		got, err := parseAuthenticationFile(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("%s: got %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
	// A byte order mark is taken off where the file is read.
	if got, _, err := readAuthenticationFile(writeSecret(t, "\ufeffusername=bob\npassword=lead \n")); err != nil || got != full {
		t.Errorf("byte order mark: got %+v, %v", got, err)
	}
}

func TestReadAuthenticationFileRefuses(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"unknown key", "username=bob\nhunter2=x\n", "line 2"},
		{"no =", "# c\nhunter2\n", "line 2"},
		{"repeated key", "password=hunter2\n\npassword=x\n", "line 3 repeats the key of line 1"},
		{"password behind the user name", "username=bob%hunter2\n", "line 1"},
		{"control character", "username=bo\x01b\n", "control character"},
		{"NUL", "password=hunter2\x00\n", "NUL"},
		{"not UTF-8", "password=hunter2\xff\n", "UTF-8"},
		{"UTF-16", "\xff\xfeu\x00", "UTF-16"},
		{"too long", "password=hunter2" + strings.Repeat("x", maxSecretFile), "longer"},
	}
	for _, tt := range tests {
		file, _, err := readAuthenticationFile(writeSecret(t, tt.in))
		if err == nil {
			t.Errorf("%s: got %+v, want an error", tt.name, file)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %q, want it to hold %q and no password", tt.name, err, tt.want)
		}
	}
}

func FuzzParseAuthenticationFile(f *testing.F) {
	for _, seed := range []string{"", "username = bob\r\npassword= x \ndomain=D\n", "# c\n\n=\n", "username=D\\b%x", "password"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		file, err := parseAuthenticationFile(s)
		if err != nil && file != (authenticationFile{}) {
			t.Errorf("%q: both %+v and %v", s, file, err)
		}
	})
}
