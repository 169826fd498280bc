package diag

import (
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	tests := []struct {
		in   string
		want Target
		text string // String(), when not "//" + in's own form
	}{
		{"//server/share", Target{Server: "server", Share: "share"}, "//server/share"},
		{"//server/share/", Target{Server: "server", Share: "share"}, "//server/share"},
		{"//server:4450/share/a/b c.txt", Target{Server: "server", Port: 4450, Share: "share", Path: `a\b c.txt`}, "//server:4450/share/a/b c.txt"},
		{`\\server\share\a\b.txt`, Target{Server: "server", Share: "share", Path: `a\b.txt`}, "//server/share/a/b.txt"},
		{`\\server/share\a//b.txt\`, Target{Server: "server", Share: "share", Path: `a\b.txt`}, "//server/share/a/b.txt"},
		{`/\server\share`, Target{Server: "server", Share: "share"}, "//server/share"},
		{"//10.0.0.1/C$/Ärger/日本.txt", Target{Server: "10.0.0.1", Share: "C$", Path: `Ärger\日本.txt`}, "//10.0.0.1/C$/Ärger/日本.txt"},
		{"//s/my share/x", Target{Server: "s", Share: "my share", Path: "x"}, "//s/my share/x"},
		{"//[fe80::1]:4450/s/p", Target{Server: "fe80::1", Port: 4450, Share: "s", Path: "p"}, "//[fe80::1]:4450/s/p"},
		{"//[fe80::1%eth0]/s", Target{Server: "fe80::1%eth0", Share: "s"}, "//[fe80::1%eth0]/s"},
		{"[::1]:4450", Target{Server: "::1", Port: 4450}, "//[::1]:4450"},
		{"server", Target{Server: "server"}, "//server"},
		{"server.example:4450", Target{Server: "server.example", Port: 4450}, "//server.example:4450"},
		{"//server", Target{Server: "server"}, "//server"},
		{`\\server\`, Target{Server: "server"}, "//server"},
		{"//s/share/file:stream", Target{Server: "s", Share: "share", Path: "file:stream"}, "//s/share/file:stream"},
		{"//s/share/d/file::$DATA", Target{Server: "s", Share: "share", Path: `d\file::$DATA`}, "//s/share/d/file::$DATA"},
		{"//s/share/100%", Target{Server: "s", Share: "share", Path: "100%"}, "//s/share/100%"},
		{"smb://server/share/a%20b/c%23", Target{Server: "server", Share: "share", Path: `a b\c#`}, "//server/share/a b/c#"},
		{"SMB://server:4450/s+t", Target{Server: "server", Port: 4450, Share: "s+t"}, "//server:4450/s+t"},
		{"smb://bob@server/share", Target{Server: "server", Share: "share", User: "bob"}, "//server/share"},
		{"smb://dom;bob%40example@[::1]/share/x", Target{Server: "::1", Share: "share", Path: "x", User: "bob@example", Domain: "dom"}, "//[::1]/share/x"},
		{"smb://[fe80::1%25eth0]/share", Target{Server: "fe80::1%eth0", Share: "share"}, "//[fe80::1%eth0]/share"},
	}
	for _, tt := range tests {
		got, err := ParseTarget(tt.in)
		if err != nil {
			t.Errorf("ParseTarget(%q): %v", tt.in, err)
			continue
		}
		if got != tt.want {
			t.Errorf("ParseTarget(%q) = %+v, want %+v", tt.in, got, tt.want)
		}
		if got.String() != tt.text {
			t.Errorf("ParseTarget(%q).String() = %q, want %q", tt.in, got.String(), tt.text)
		}
	}
}

func TestParseTargetRefuses(t *testing.T) {
	long := strings.Repeat("x", 256)
	tests := []struct {
		in   string
		want []string // each stands in the error
	}{
		{"", []string{"empty"}},
		{"//", []string{"server name is empty"}},
		{"///share", []string{"server name is empty"}},
		{"/server/share", []string{"one slash", "//server/share"}},
		{`\server\share`, []string{"one slash", "quote"}},
		{"server/share", []string{"two slashes"}},
		{"http://server/share", []string{"another scheme", "smb://"}},
		{"//ser ver/share", []string{`"ser ver"`, `' '`}},
		{"//user@server/share", []string{`"@"`, "--user"}},
		{"//server:0/share", []string{`"0"`, "1 to 65535"}},
		{"//server:65536/share", []string{`"65536"`}},
		{"//server:+1/share", []string{`"+1"`}},
		{"//server:/share", []string{`port ""`}},
		{"//fe80::1/share", []string{"brackets"}},
		{"//[fe80::1/share", []string{`"]"`}},
		{"//[127.0.0.1]/share", []string{"IPv6"}},
		{"//[::1]445/share", []string{`"445"`}},
		{"//s/sh?re", []string{`share name "sh?re"`, `'?'`, "2.1.6"}},
		{"//s/" + long[:81], []string{"81", "80"}},
		{"//s/share/a*b/c", []string{`path component "a*b"`, `'*'`, "2.1.5.2"}},
		{"//s/share/a\x1fb", []string{`'\x1f'`}},
		{"//s/share/a:b/c", []string{`path component "a:b"`, `':'`}},
		{"//s/share/:b", []string{"empty"}},
		{"//s/share/a:", []string{"file:stream"}},
		{"//s/share/a:b:", []string{"file:stream"}},
		{"//s/share/a:b:c:d", []string{`':'`}},
		{"//s/share/../x", []string{`".."`, "2.1.5.1"}},
		{"//s/share/./x", []string{`"."`}},
		{"//s/share/" + long, []string{"256", "255"}},
		{"//s/share/" + strings.Repeat("😀", 128), []string{"256", "255"}},
		{"//s/share/x:" + long, []string{"stream name", "256"}},
		{"//s/share" + strings.Repeat("/"+long[:200], 164), []string{"32963", "32760"}},
		{"//s/share/\xff", []string{"UTF-8"}},
		{"smb://s/share/%ff", []string{"%ff", "UTF-8"}},
		{"smb://s/share/%zz", []string{"%zz"}},
		{"smb://s/share/a%2Fb", []string{`"a/b"`, `'/'`}},
		{`smb://s/share/a\b`, []string{`'\\'`}},
		{"smb://s/share/a?b", []string{"%3F"}},
		{"smb://s/share/a#b", []string{"%23"}},
		{"smb://@s/share", []string{"user part", "empty"}},
	}
	for _, tt := range tests {
		got, err := ParseTarget(tt.in)
		if err == nil {
			t.Errorf("ParseTarget(%.40q) = %+v, want an error", tt.in, got)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("ParseTarget(%.40q): %q, want it to hold %s", tt.in, err, want)
			}
		}
	}
}

func TestParseTargetHidesPasswords(t *testing.T) {
	for _, in := range []string{
		"smb://bob:hunter2@server/share",
		"smb://dom;bob:hunter2@server/share",
		"smb://bob:@server/share",
		"smb://bob:hunter2@evil@server/share",
		"smb://bob:hunter2/x@server/share",
		"smb://bob%hunter2@server/share",
		"smb://bob%25hunter2@server/share",
		"smb://bob%3Ahunter2@server/share",
		"smb://bob:hunter2%zz@server/share",
		"//bob:hunter2@server/share",
		"//bob%hunter2@server/share",
		"bob:hunter2@server",
		"bob:hunter2://x@server",
	} {
		got, err := ParseTarget(in)
		if err == nil {
			t.Errorf("ParseTarget(%q) = %+v, want an error", in, got)
			continue
		}
		for _, secret := range []string{"hunter", "%hu", "evil"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("ParseTarget(%q): error shows the password: %v", in, err)
			}
		}
	}
}

func TestTargetAddress(t *testing.T) {
	for in, want := range map[string]string{
		"//server/share":     "server:445",
		"//[::1]/share":      "[::1]:445",
		"//[fe80::1%lo]:9/s": "[fe80::1%lo]:9",
		"10.0.0.1:4450":      "10.0.0.1:4450",
	} {
		target, err := ParseTarget(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := target.Address(); got != want {
			t.Errorf("%s: Address() = %q, want %q", in, got, want)
		}
	}
}

func TestNeedShare(t *testing.T) {
	if err := (Target{Server: "s", Share: "x"}).NeedShare(); err != nil {
		t.Error(err)
	}
	if err := (Target{Server: "s"}).NeedShare(); err == nil || !strings.Contains(err.Error(), "//s/SHARE") {
		t.Errorf("NeedShare() = %v, want it to show //s/SHARE", err)
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{
		"", "//", "server", "server:445", "//server", "//server/share", "//server:1/share/a/b", `\\server\share\a`, `/\s\h/x\y/`,
		"smb://d;u@s:9/share/a%20b", "smb://u:p@s/share", "//[::1]/s", "//[fe80::1%eth0]:4450/s/f:stream:$DATA", "//s/C$/100%",
		"smb://[fe80::1%25a]/x", "//s/sh/\xff", "//s/ / ", "//s/share/f:a\"b*", "smb://s/%2e%2e", "//s:0445/x", "//ſ/x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		target, err := ParseTarget(s)
		if err != nil {
			if target != (Target{}) {
				t.Errorf("ParseTarget(%q) returned both %+v and %v", s, target, err)
			}
			return
		}
		target.User, target.Domain = "", ""
		again, err := ParseTarget(target.String())
		if err != nil {
			t.Fatalf("%q became %q, which does not parse: %v", s, target.String(), err)
		}
		if again != target {
			t.Errorf("%q became %q: %+v, and parsed back %+v", s, target.String(), target, again)
		}
	})
}
