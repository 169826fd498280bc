package diag

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

const secret = "hunter2"

// The NT hash of "Password", [MS-NLMP] 4.2.2.1.2.
const passwordNTHash = "a4f49c406510bdcab6824ee7c30fd852"

func writeSecret(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "auth")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, p := range pairs {
			if k, v, _ := strings.Cut(p, "="); k == name {
				return v, true
			}
		}
		return "", false
	}
}

func answer(password string) func(string) (string, error) {
	return func(string) (string, error) { return password, nil }
}

func TestResolve(t *testing.T) {
	file := writeSecret(t, "username = alice\npassword = filepw\ndomain = FILE\n")
	passwordOnly := writeSecret(t, "password=filepw\ndomain=FILE\n")
	passwd := writeSecret(t, " first line \r\nsecond\n")
	hash, err := hex.DecodeString(passwordNTHash)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		from CredentialSources
		want Credentials
	}{
		{"flag", CredentialSources{User: "bob%pw"}, Credentials{User: "bob", Password: "pw"}},
		{"flag with backslash", CredentialSources{User: `DOM\bob%p%w\/`}, Credentials{Domain: "DOM", User: "bob", Password: `p%w\/`}},
		{"flag with slash", CredentialSources{User: "DOM/bob%pw"}, Credentials{Domain: "DOM", User: "bob", Password: "pw"}},
		{"UPN", CredentialSources{User: "bob@example.org%pw"}, Credentials{User: "bob@example.org", Password: "pw"}},
		{"empty password", CredentialSources{User: "bob%", Prompt: answer("no")}, Credentials{User: "bob"}},
		{"anonymous as smbclient has it", CredentialSources{User: "%", LookupEnv: environment("USER=root")}, Credentials{Anonymous: true}},
		{"flag beats file and environment", CredentialSources{User: "bob%pw", AuthFile: file, LookupEnv: environment("ERR32_USER=eve", "ERR32_PASSWD=x")}, Credentials{User: "bob", Password: "pw"}},
		{"file", CredentialSources{AuthFile: file, LookupEnv: environment("ERR32_USER=eve%x", "ERR32_PASSWD=x", "USER=root")}, Credentials{Domain: "FILE", User: "alice", Password: "filepw"}},
		{"user of the flag, password of the file", CredentialSources{User: "bob", AuthFile: passwordOnly}, Credentials{Domain: "FILE", User: "bob", Password: "filepw"}},
		{"same user in flag and file", CredentialSources{User: `D\ALICE`, AuthFile: file}, Credentials{Domain: "D", User: "ALICE", Password: "filepw"}},
		{"the file's domain does not join a UPN", CredentialSources{User: "bob@example.org", AuthFile: passwordOnly}, Credentials{User: "bob@example.org", Password: "filepw"}},
		{"user of the environment, password of the file", CredentialSources{AuthFile: passwordOnly, LookupEnv: environment("USER=root%x")}, Credentials{Domain: "FILE", User: "root", Password: "filepw"}},
		{"URL user", CredentialSources{URLUser: "bob", URLDomain: "DOM", LookupEnv: environment("USER=root%x", "PASSWD=pw")}, Credentials{Domain: "DOM", User: "bob", Password: "pw"}},
		{"flag beats URL", CredentialSources{User: "amy%pw", URLUser: "bob", URLDomain: "DOM"}, Credentials{User: "amy", Password: "pw"}},
		{"USER and PASSWD", CredentialSources{LookupEnv: environment("USER=bob", "PASSWD=pw")}, Credentials{User: "bob", Password: "pw"}},
		{"USER with a password", CredentialSources{LookupEnv: environment(`USER=D\bob%pw`, "PASSWD=x")}, Credentials{Domain: "D", User: "bob", Password: "pw"}},
		{"ERR32_USER hides USER", CredentialSources{LookupEnv: environment("ERR32_USER=amy", "USER=bob%x", "PASSWD=pw")}, Credentials{User: "amy", Password: "pw"}},
		{"ERR32_PASSWD_FILE beats PASSWD", CredentialSources{LookupEnv: environment("USER=bob", "PASSWD=x", "ERR32_PASSWD_FILE="+passwd)}, Credentials{User: "bob", Password: " first line "}},
		{"PASSWD beats PASSWD_FILE", CredentialSources{LookupEnv: environment("USER=bob", "PASSWD=pw", "PASSWD_FILE="+passwd)}, Credentials{User: "bob", Password: "pw"}},
		{"empty variables do not count", CredentialSources{LookupEnv: environment("ERR32_USER=", "USER=bob", "ERR32_PASSWD=", "PASSWD=pw")}, Credentials{User: "bob", Password: "pw"}},
		{"asked for", CredentialSources{LookupEnv: environment("USER=bob"), Prompt: answer("pw")}, Credentials{User: "bob", Password: "pw"}},
		{"no password, no user", CredentialSources{NoPass: true, LookupEnv: environment("USER=root", "PASSWD=x")}, Credentials{Anonymous: true}},
		{"no password, a user", CredentialSources{NoPass: true, User: `D\bob`, Prompt: answer("x")}, Credentials{Domain: "D", User: "bob"}},
		{"no password, a user of the environment", CredentialSources{NoPass: true, LookupEnv: environment("ERR32_USER=amy", "PASSWD=x")}, Credentials{User: "amy"}},
		{"NT hash", CredentialSources{User: "bob%" + passwordNTHash, PWNTHash: true}, Credentials{User: "bob", NTHash: hash}},
		{"NT hash in capitals", CredentialSources{User: "bob", PWNTHash: true, Prompt: answer(strings.ToUpper(passwordNTHash))}, Credentials{User: "bob", NTHash: hash}},
		{"LM:NT", CredentialSources{PWNTHash: true, LookupEnv: environment("USER=bob", "PASSWD=aad3b435b51404eeaad3b435b51404ee:"+passwordNTHash)}, Credentials{User: "bob", NTHash: hash}},
	}
	for _, tt := range tests {
		got, warnings, err := tt.from.Resolve()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if !reflect.DeepEqual(got, tt.want) {
			type bare Credentials // without the methods that hide the password
			t.Errorf("%s: got %+v, want %+v", tt.name, bare(got), bare(tt.want))
		}
		if len(warnings) != 0 {
			t.Errorf("%s: warnings %q", tt.name, warnings)
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	file := writeSecret(t, "username=alice\npassword="+secret+"\n")
	tests := []struct {
		name string
		from CredentialSources
		want []string
	}{
		{"nothing at all", CredentialSources{}, []string{"no user name", "--user", "--no-pass"}},
		{"login name only, no terminal", CredentialSources{LookupEnv: environment("USER=root")}, []string{`"root"`, "USER", "PASSWD_FILE"}},
		{"password without a user", CredentialSources{User: "%" + secret}, []string{"names no user"}},
		{"domain without a user", CredentialSources{User: `D\%` + secret}, []string{"names no user"}},
		{"another user's file", CredentialSources{User: "bob", AuthFile: file}, []string{`"bob"`, `"alice"`, "differ"}},
		{"another user's file, URL", CredentialSources{URLUser: "bob", AuthFile: file}, []string{"the URL", "differ"}},
		{"no hash", CredentialSources{User: "bob%" + secret, PWNTHash: true}, []string{"--user", "32 hexadecimal digits"}},
		{"short hash", CredentialSources{User: "bob%" + passwordNTHash[2:], PWNTHash: true}, []string{"32 hexadecimal digits"}},
		{"hash and no password", CredentialSources{NoPass: true, PWNTHash: true}, []string{"--no-pass", "--pw-nt-hash"}},
		{"no such file", CredentialSources{AuthFile: filepath.Join(t.TempDir(), "none")}, []string{"authentication file", "none"}},
		{"no such password file", CredentialSources{LookupEnv: environment("USER=bob", "PASSWD_FILE=/nonexistent")}, []string{"PASSWD_FILE", "/nonexistent"}},
		{"empty password file", CredentialSources{LookupEnv: environment("USER=bob", "PASSWD_FILE="+writeSecret(t, "\n"+secret))}, []string{"empty"}},
		{"bytes that are no text", CredentialSources{User: "bob%" + secret + "\xff"}, []string{"UTF-8"}},
		{"control character", CredentialSources{User: "bo\nb%" + secret}, []string{"control character"}},
		{"the terminal fails", CredentialSources{User: "bob", Prompt: func(string) (string, error) { return "", errors.New("gone") }}, []string{"gone"}},
	}
	for _, tt := range tests {
		_, _, err := tt.from.Resolve()
		if err == nil {
			t.Errorf("%s: no error", tt.name)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q, want it to hold %q", tt.name, err, want)
			}
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: error shows the password: %v", tt.name, err)
		}
	}
}

func TestResolvePrompts(t *testing.T) {
	var asked []string
	ask := func(text string) (string, error) { asked = append(asked, text); return passwordNTHash, nil }
	for _, s := range []CredentialSources{{User: `D\bob`, Prompt: ask}, {User: "bob", PWNTHash: true, Prompt: ask}} {
		if _, _, err := s.Resolve(); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{`Password for D\bob: `, "NT hash for bob: "}; !reflect.DeepEqual(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
}

func TestResolveWarnings(t *testing.T) {
	if _, warnings, err := (CredentialSources{NoPass: true, User: "bob%" + secret}).Resolve(); err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "--no-pass") || strings.Contains(warnings[0], secret) {
		t.Errorf("unused password: warnings %q, error %v", warnings, err)
	}
	if runtime.GOOS == "windows" {
		return // mode bits tell nothing there
	}
	file := writeSecret(t, "username=bob\npassword=x\n")
	passwd := writeSecret(t, "x\n")
	for mode, want := range map[os.FileMode]int{0o600: 0, 0o640: 1, 0o604: 1, 0o700: 0} {
		for _, s := range []CredentialSources{{AuthFile: file}, {User: "bob", LookupEnv: environment("PASSWD_FILE=" + passwd)}} {
			for _, name := range []string{file, passwd} {
				if err := os.Chmod(name, mode); err != nil {
					t.Fatal(err)
				}
			}
			if _, warnings, err := s.Resolve(); err != nil || len(warnings) != want {
				t.Errorf("mode %o: warnings %q, error %v, want %d", mode, warnings, err, want)
			}
		}
	}
}

func TestCredentialsHideSecrets(t *testing.T) {
	hash, _ := hex.DecodeString(passwordNTHash)
	c := Credentials{Domain: "D", User: "bob", Password: secret, NTHash: hash}
	nested := struct {
		Endpoint Endpoint
		P        *Credentials
	}{Endpoint{Credentials: c}, &c}
	var outputs []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		outputs = append(outputs, fmt.Sprintf(verb, c), fmt.Sprintf(verb, &c), fmt.Sprintf(verb, nested))
	}
	for _, v := range []any{c, &c, nested} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		outputs = append(outputs, string(b))
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "a", c, "b", &c, "c", nested)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "a", c, "b", &c, "c", nested)
	outputs = append(outputs, log.String(), c.String(), c.GoString())
	for _, out := range outputs {
		lower := strings.ToLower(out)
		for _, s := range []string{secret, hex.EncodeToString([]byte(secret)), passwordNTHash, "164 244"} {
			if strings.Contains(lower, s) {
				t.Errorf("shows %s: %s", s, out)
			}
		}
	}
	if got := fmt.Sprintf("%v", c); got != `D\bob` {
		t.Errorf("prints as %q", got)
	}
}
