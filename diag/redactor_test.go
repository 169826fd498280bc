package diag

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestRedactorNames(t *testing.T) {
	r := NewRedactor()
	for _, c := range []struct {
		give func(string) string
		name string
		want string
	}{
		{r.User, "Alice", "user-1"},
		{r.User, "ALICE", "user-1"},
		{r.User, `EXAMPLE\alice`, `domain-1\user-1`},
		{r.User, `example/bob`, `domain-1/user-2`},
		{r.User, "bob@corp.example.net", "user-2@domain-2"},
		{r.User, `BUILTIN\Administrators`, `BUILTIN\Administrators`},
		{r.User, `.\bob`, `.\user-2`},
		{r.User, "Ärger", "user-3"},
		{r.User, "äRGER", "user-3"},
		{r.User, "user-1", "user-4"}, // a real user of that name
		{r.User, "", ""},
		{r.Host, "fs01", "host-1"},
		{r.Host, `\\FS01`, `\\host-1`},
		{r.Host, "fs01:4450", "host-1:4450"},
		{r.Host, "fs01.example.net", "host-2"},
		{r.Host, "10.20.0.7", "host-3"},
		{r.Host, "10.20.0.7:51044", "host-3:51044"},
		{r.Host, "::ffff:10.20.0.7", "host-3"},
		{r.Host, "fe80::1%eth0", "host-4"},
		{r.Host, "[FE80:0::1]:445", "host-4:445"},
		{r.Host, "fe80::1", "host-4"},
		{r.Share, "Projects", "share-1"},
		{r.Share, "projects", "share-1"},
		{r.Share, "IPC$", "IPC$"},
		{r.Share, "C$", "C$"},
		{r.Share, "Hidden$", "share-2"},
		{r.Path, `Finance\2026\Budget (do not edit).xlsx`, `path-1\path-2\path-3.xlsx`},
		{r.Path, `\\fs01\PROJECTS\finance\BUDGET (DO NOT EDIT).XLSX`, `\\host-1\share-1\path-1\path-3.xlsx`},
		{r.Path, `C:\Finance\2026\`, `C:\path-1\path-2\`},
		{r.Path, `\\?\D:\Finance`, `\\?\D:\path-1`},
		{r.Path, "/Finance/x", "/path-1/path-4"},
		{r.Path, `finance\Budget (do not edit).xlsx:notes:$DATA`, `path-1\path-3.xlsx:path-5:$DATA`},
		{r.Path, `x::$DATA`, `path-4::$DATA`},
		{r.Path, `finance\err32-0a1b2c3d.tmp`, `path-1\err32-0a1b2c3d.tmp`},
		{r.Path, `err32-0a1b2c3d.tmp.renamed`, `err32-0a1b2c3d.tmp.renamed`},
		{r.Path, `@GMT-2026.08.05-09.14.02\finance`, `@GMT-2026.08.05-09.14.02\path-1`},
		{r.Path, `finance\*`, `path-1\*`},
		{r.Path, `*.xlsx`, `*.xlsx`},
		{r.Path, `report*.doc?`, `path-6*path-7?`},
		{r.Path, `.`, `.`},
		{r.Path, `..\x`, `..\path-4`},
		{r.Path, `.secrets.json`, `path-8`},
		{r.Path, `a.longending`, `path-9`},
		{r.Path, `a.tar.gz`, `path-10.gz`},
		{r.Path, `a.ä`, `path-11`},
		{r.Path, `\srvsvc`, `\srvsvc`},
		{r.Path, `srvsvc`, `srvsvc`},
		{r.Path, `\PIPE\lsarpc`, `\PIPE\lsarpc`},
		{r.Path, `browser`, `path-12`},
	} {
		if got := c.give(c.name); got != c.want {
			t.Errorf("%q became %q, want %q", c.name, got, c.want)
		}
	}
	for give, want := range map[string]string{
		"10.20.0.7": "198.18.0.3", "::ffff:10.20.0.7": "198.18.0.3", "fe80::1%7": "2001:db8::4", "192.0.2.1": "198.18.0.5",
	} {
		if got := r.addr(netip.MustParseAddr(give)); give != "192.0.2.1" && got.String() != want {
			t.Errorf("%s became %s, want %s", give, got, want)
		}
	}
	if got := r.addr(netip.MustParseAddr("192.0.2.1")); got.String() != "198.18.0.5" || r.Host("192.0.2.1") != "host-5" {
		t.Errorf("192.0.2.1 became %s and %s", got, r.Host("192.0.2.1"))
	}
}

// Numbers beyond a byte need the whole of the network.
func TestRedactorManyAddresses(t *testing.T) {
	r := NewRedactor()
	seen := map[netip.Addr]bool{}
	network := netip.MustParsePrefix("198.18.0.0/15")
	for i := range 70_000 {
		a := r.addr(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
		if !network.Contains(a) || seen[a] {
			t.Fatalf("address %d became %s, which is outside of %s, or another's too", i, a, network)
		}
		seen[a] = true
	}
}

func TestNilRedactor(t *testing.T) {
	var r *Redactor
	report := &Report{Command: "table"}
	if r.User("a") != "a" || r.Host("b") != "b" || r.Share("c") != "c" || r.Path(`d\e`) != `d\e` || r.Text(`f\g`) != `f\g` ||
		r.Report(report) != report || string(r.message([]byte("x"))) != "x" || r.addr(netip.IPv6Loopback()) != netip.IPv6Loopback() {
		t.Error("a nil Redactor changes something")
	}
	r.learnEndpoint(&Endpoint{Target: Target{Server: "x"}})
}

func TestRedactorLearnsEndpoint(t *testing.T) {
	const password = "quetzalcoatl-password"
	r := NewRedactor()
	r.learnEndpoint(&Endpoint{
		Target:      Target{Server: "zanzibar", Share: "quixotry", Path: `xylophone\mnemonics.docx`, User: "kumquat", Domain: "OKLAHOMA"},
		Credentials: Credentials{Domain: "nebraska", User: "rhubarb", Password: password, NTHash: []byte("0123456789abcdef")},
		Again:       `err32 repro --user='NEBRASKA\rhubarb' '//zanzibar/quixotry/xylophone'`,
	})
	const text = "zanzibar, quixotry, xylophone, Mnemonics.docx, kumquat, oklahoma, Nebraska and RHUBARB"
	if got, want := r.Text(text), "host-1, share-1, path-1, path-2.docx, user-1, domain-1, domain-2 and user-2"; got != want {
		t.Errorf("%q became %q, want %q", text, got, want)
	}
	key := filepath.Join(t.TempDir(), "x.key.json")
	if err := r.WriteKeyFile(key, false); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), password) {
		t.Errorf("the key has the password: %s", data)
	}
	var file struct {
		Schema, About string
		Names         map[string]string
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"user-1": "kumquat", "user-2": "rhubarb", "domain-1": "OKLAHOMA", "domain-2": "nebraska", "host-1": "zanzibar",
		"share-1": "quixotry", "path-1": "xylophone", "path-2.docx": "mnemonics.docx",
	}
	if file.Schema != "err32-key/1" || file.About == "" || len(file.Names) != len(want) {
		t.Errorf("the key file is %s", data)
	}
	for pseudonym, name := range want {
		if file.Names[pseudonym] != name {
			t.Errorf("%s is %q in the key, want %q", pseudonym, file.Names[pseudonym], name)
		}
	}
	if u, d := strings.Index(string(data), `"user-2"`), strings.Index(string(data), `"domain-1"`); u > d {
		t.Error("the key is not in order")
	}
	if info, err := os.Stat(key); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v, %v", info.Mode(), err)
	}
	if err := r.WriteKeyFile(key, false); err == nil {
		t.Error("a key file was overwritten")
	}
	if err := r.WriteKeyFile(key, true); err != nil {
		t.Error(err)
	}
	empty := filepath.Join(t.TempDir(), "empty.key.json")
	if err := NewRedactor().WriteKeyFile(empty, false); err != nil {
		t.Fatal(err)
	}
	if data, err = os.ReadFile(empty); err != nil || json.Unmarshal(data, &file) != nil {
		t.Errorf("a key without names is %s, %v", data, err)
	}
}
