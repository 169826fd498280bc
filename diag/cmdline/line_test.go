package cmdline

import (
	"reflect"
	"strings"
	"testing"
)

// testFlag is a flag as a library for command lines would have it.
type testFlag struct {
	names                  []string
	value                  bool // it takes one
	usage, def, underTitle string
}

func (f testFlag) Names() []string     { return f.names }
func (f testFlag) TakesValue() bool    { return f.value }
func (f testFlag) GetUsage() string    { return f.usage }
func (f testFlag) GetValue() string    { return f.def }
func (f testFlag) GetCategory() string { return f.underTitle }

func commands() []Command {
	shared := func(name string) []Flag {
		return []Flag{
			testFlag{names: []string{name}, value: true},
			testFlag{names: []string{"user", "U"}, value: true},
			testFlag{names: []string{"no-pass", "N"}},
			testFlag{names: []string{"port", "p"}, value: true},
			testFlag{names: []string{"json"}},
		}
	}
	return []Command{
		{Name: "one", Arguments: "TARGET", Flags: shared("wait")},
		{Name: "many", Arguments: "TARGET…", Flags: shared("count")},
		{Name: "list", Arguments: "//SERVER[/SHARE]", Flags: shared("of-user")},
		{Name: "plain"},
		{Name: "version"},
		{Name: "help", Arguments: "[COMMAND]"},
	}
}

func TestLine(t *testing.T) {
	tests := []struct{ in, want []string }{
		{[]string{"one", "//s/x"}, []string{"one", "--", "//s/x"}},
		{[]string{"one", "//s/x", "--wait", "3s"}, []string{"one", "--wait=3s", "--", "//s/x"}},
		{[]string{"--json", "-Ubob%p=w", "one", `\\s\x`, "-p", "4450"}, []string{"one", "--json=true", "--user=bob%p=w", "--port=4450", "--", `\\s\x`}},
		{[]string{"one", "-NUbob", "x"}, []string{"one", "--no-pass=true", "--user=bob", "--", "x"}},
		{[]string{"one", "-Np=1", "-U", "-N", "x"}, []string{"one", "--no-pass=true", "--port=1", "--user=-N", "--", "x"}},
		{[]string{"one", "--user=", "x"}, []string{"one", "--user=", "--", "x"}},
		{[]string{"one", "--user", "--json", "x"}, []string{"one", "--user=--json", "--", "x"}},
		{[]string{"one", "-Ué%ü", "x"}, []string{"one", "--user=é%ü", "--", "x"}},
		{[]string{"many", "a", "--", "--json", "-x"}, []string{"many", "--", "a", "--json", "-x"}},
		{[]string{"many", "-1073741757", "-"}, []string{"many", "--", "-1073741757", "-"}},
		{[]string{"many", "a", "--json=false"}, []string{"many", "--json=false", "--", "a"}},
		{[]string{"--", "one", "--json"}, []string{"one", "--", "--json"}},
		{nil, []string{"help", "--"}},
		{[]string{"help", "one"}, []string{"help", "--", "one"}},
		{[]string{"one", "x", "y", "-h"}, []string{"help", "--", "one"}},
		{[]string{"--help"}, []string{"help", "--"}},
		{[]string{"help", "--help"}, []string{"help", "--"}},
		{[]string{"--version"}, []string{"version", "--"}},
		// --user filters where -U logs on, and only there.
		{[]string{"list", "s", "-U", "a%b", "--user", "c"}, []string{"list", "--user=a%b", "--of-user=c", "--", "s"}},
		{[]string{"--user=a", "list", "s", "-Ub"}, []string{"list", "--of-user=a", "--user=b", "--", "s"}},
		{[]string{"list", "s", "--user", "a%b"}, []string{"list", "--user=a%b", "--", "s"}},
		{[]string{"one", "s", "-Ua", "--user", "c"}, []string{"one", "--user=a", "--user=c", "--", "s"}},
	}
	for _, tt := range tests {
		got, err := Line(commands(), tt.in)
		if want := append([]string{"err32"}, tt.want...); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Line(%q) = %q, %v, want %q", tt.in, got, err, want)
		}
	}
}

func TestLineRefuses(t *testing.T) {
	tests := []struct {
		in        string // words, blanks between them
		want      string
		corrected string
	}{
		{"oen //s/x", `unknown command "oen"; did you mean one?`, "err32 one //s/x"},
		{"frob", `unknown command "frob"; err32 help lists the commands`, ""},
		{"//s/x", "COMMAND is missing before the TARGET; err32 help lists the commands", ""},
		{"--json", "COMMAND is missing; err32 help lists the commands", ""},
		{"many", "TARGET is missing; err32 help many shows examples", ""},
		{"plain x", "plain takes no arguments", "err32 plain"},
		{"one --jsno //s/x", "unknown flag --jsno; did you mean --json?", "err32 one --json //s/x"},
		{"one -json //s/x", "unknown flag -json; did you mean --json?", "err32 one --json //s/x"},
		{"one -wait=3s -- -x", "unknown flag -wait; did you mean --wait?", "err32 one --wait=3s -- -x"},
		{"one --usr bob%hunter2 //s/x", "unknown flag --usr; did you mean --user?", "err32 one '--user=bob%***' //s/x"},
		{"one --wiat 3s --frob //s/x", "unknown flag --wiat; did you mean --wait?", ""},
		{"one --wiat 3s smb://u:hunter2@s/x", "unknown flag --wiat; did you mean --wait?", ""},
		{"one --count 3", "unknown flag --count: it is a flag of many, not of one", ""},
		{"--count 3 one", "one has no flag --count", ""},
		{"one -xhunter2", "unknown flag -x; err32 help one lists the flags", ""},
		{"--frob=hunter2 one", "unknown flag --frob; err32 help COMMAND lists the flags", ""},
		{"one --U=bob", "unknown flag --U; err32 help one lists the flags", ""},
		{"one --json=x", "--json takes no value", ""},
		{"one --user", "--user needs a value", ""},
		{"one -NU", "-U needs a value", ""},
		{"one --json", "TARGET is missing; err32 help one shows examples", ""},
		{"list", "//SERVER[/SHARE] is missing; err32 help list shows examples", ""},
		{"list //a b //c", "list takes one //SERVER[/SHARE], not 3; a name or a value with spaces in it needs quotes", ""},
		{"one x hunter2", "one takes one TARGET, not 2; a name or a value with spaces in it needs quotes", ""},
		{"one -Ubob%a hunter2 //s/x -N", "one takes one TARGET, not 2; a name or a value with spaces in it needs quotes", "err32 one '--user=bob%***' --no-pass //s/x"},
		{"list s -Ua --user b%hunter2", "-U logs on, so --user is the filter here, and takes no password", ""},
	}
	for _, tt := range tests {
		got, err := Line(commands(), strings.Fields(tt.in))
		usage, ok := err.(*UsageError)
		if !ok {
			t.Errorf("Line(%q) = %q, %v, want a usage error", tt.in, got, err)
			continue
		}
		if usage.Text != tt.want {
			t.Errorf("Line(%q): %q, want %q", tt.in, usage.Text, tt.want)
		}
		if got := usage.Hint; got != tt.corrected {
			t.Errorf("Line(%q) corrected: %q, want %q", tt.in, got, tt.corrected)
		}
	}
}

func TestAgain(t *testing.T) {
	for _, test := range []struct{ line, user, want string }{
		{`one -U bob%hunter2 //s/x --json`, "bob", "err32 one --user=bob //s/x"},
		{`one -Ubob%hunter2 -p 4450 //s/x`, "bob", "err32 one --user=bob --port=4450 //s/x"},
		{`--user=bob%hunter2 one //s/x`, "bob", "err32 one --user=bob //s/x"},
		{`one //s/x`, `CORP\bob`, `err32 one '--user=CORP\bob' //s/x`},
		{`one //s/x`, "", "err32 one //s/x"},
		{`one -N //s/x`, "bob", "err32 one --no-pass //s/x"},
		{`one smb://bob@s/x`, "bob", "err32 one smb://bob@s/x"},
		{`one --wrong //s/x`, "bob", ""},
	} {
		if got := Again(commands(), strings.Fields(test.line), test.user, "json"); got != test.want {
			t.Errorf("Again(%q, %q) = %q, want %q", test.line, test.user, got, test.want)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"authentication-file", "disconnect", "interval", "json", "retry-from", "retry-with", "user", "wait"}
	for in, want := range map[string]string{
		"disconect": "disconnect", "auth": "authentication-file", "Disconnect": "disconnect", "wiat": "wait", "iw": "", "retry": "",
		"jsn": "json", "retry_from": "retry-from", "frobnicate": "", "": "", "usre": "user", "password": "",
	} {
		if got := nearest(in, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"wiat", "wait", 1}, {"abc", "abc", 0}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func FuzzLine(f *testing.F) {
	for _, seed := range []string{"", "one\n//s/x\n--wait\n3s", "-NUx\nlist\ns\n--user\ny", "--\n-", "one\n-", "one\n--=", "-=\none", "help\n-h", "one\n-\xff\xfe"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words := strings.Split(s, "\n")
		out, err := Line(commands(), words)
		if err != nil {
			return
		}
		// What comes out means the same when it is read again.
		again, err := Line(commands(), out[1:])
		if err != nil || !reflect.DeepEqual(again, out) {
			t.Errorf("%q became %q, and that %q, %v", words, out, again, err)
		}
	})
}
