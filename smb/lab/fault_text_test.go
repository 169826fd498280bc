package lab

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"err32/smb"
)

func TestParseFault(t *testing.T) {
	for _, test := range []struct {
		text string
		want Fault
		back string // what String makes of it, if not text
	}{
		{text: "delay=200ms", want: Fault{Name: "delay", Delay: 200 * time.Millisecond}},
		{text: "Delay=1m@read+WRITE#2+:a/*.tmp", want: Fault{Name: "delay", Delay: time.Minute,
			Commands: []smb.Command{smb.CommandRead, smb.CommandWrite}, Nth: 2, Onward: true, Path: "a/*.tmp"},
			back: "delay=1m0s@READ+WRITE#2+:a/*.tmp"},
		{text: "drop", want: Fault{Name: "drop"}},
		{text: "drop@NEGOTIATE", want: Fault{Name: "drop", Commands: []smb.Command{smb.CommandNegotiate}}},
		{text: "cut@QUERY_DIRECTORY#3", want: Fault{Name: "cut", Commands: []smb.Command{smb.CommandQueryDirectory}, Nth: 3}},
		{text: "wrong-signature:#1=@:x", want: Fault{Name: "wrong-signature", Path: "#1=@:x"}},
		{text: "wrong-credit=+5", want: Fault{Name: "wrong-credit", Credits: 5}},
		{text: "wrong-credit=-1@ECHO", want: Fault{Name: "wrong-credit", Credits: -1, Commands: []smb.Command{smb.CommandEcho}}},
		{text: "refuse-close", want: Fault{Name: "refuse-close"}},
		{text: "refuse-close@CLOSE", want: Fault{Name: "refuse-close", Commands: []smb.Command{smb.CommandClose}}},
		{text: "refuse-close=0xC000009A#1", want: Fault{Name: "refuse-close", Status: smb.StatusInsufficientResources, Nth: 1},
			back: "refuse-close=STATUS_INSUFFICIENT_RESOURCES#1"},
		{text: "never-answer@LOCK", want: Fault{Name: "never-answer", Commands: []smb.Command{smb.CommandLock}}},
		{text: "no-resources", want: Fault{Name: "no-resources"}},
		{text: "no-resources=3", want: Fault{Name: "no-resources", Nth: 3}},
		{text: "no-resources#3", want: Fault{Name: "no-resources", Nth: 3}, back: "no-resources=3"},
		{text: "no-resources=10+:*.log", want: Fault{Name: "no-resources", Nth: 10, Onward: true, Path: "*.log"}},
		{text: "status=disk_full@WRITE", want: Fault{Name: "status", Status: smb.StatusDiskFull, Commands: []smb.Command{smb.CommandWrite}},
			back: "status=STATUS_DISK_FULL@WRITE"},
		{text: "status=0xC0FFEE00", want: Fault{Name: "status", Status: 0xC0FFEE00}},
	} {
		got, err := ParseFault(test.text)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %+v, %v; want %+v", test.text, got, err, test.want)
			continue
		}
		back := test.back
		if back == "" {
			back = test.text
		}
		if got.String() != back {
			t.Errorf("%s: as text %q, want %q", test.text, got.String(), back)
		}
		if again, err := ParseFault(got.String()); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%s: read again %+v, %v", test.text, again, err)
		}
	}
}

func TestParseFaultRefuses(t *testing.T) {
	for _, test := range []struct{ text, why string }{
		{"", "none of delay, drop"},
		{"explode", "none of delay, drop"},
		{"delay", "write delay=DURATION"},
		{"delay=", "write delay=DURATION"},
		{"delay=soon", "invalid duration"},
		{"delay=-1s", "not more than 0"},
		{"delay=2h", "at most 1h"},
		{"drop=1", "takes no value"},
		{"drop@", "no SMB2 command"},
		{"drop@READ+", "no SMB2 command"},
		{"drop@command 0x0000", "no SMB2 command"},
		{"drop@CANCEL", "never answered"},
		{"drop#", "not a number from 1 on"},
		{"drop#0", "not a number from 1 on"},
		{"drop#-1", "not a number from 1 on"},
		{"drop#+1", "not a number from 1 on"},
		{"drop#99999999999999999999", "not a number from 1 on"},
		{"drop:", "no path"},
		{"drop:[", "not a pattern"},
		{"wrong-credit", "write wrong-credit=+N|-N"},
		{"wrong-credit=5", "+ or -"},
		{"wrong-credit=+x", "not a number"},
		{"wrong-credit=+0", "0 or more than"},
		{"wrong-credit=-70000", "more than 65536"},
		{"refuse-close@READ", "CLOSE and no other"},
		{"refuse-close=STATUS_SUCCESS@CLOSE", "not an error"},
		{"refuse-close=", "write refuse-close=STATUS"},
		{"no-resources=x", "not a number"},
		{"no-resources=3#4", "once"},
		{"no-resources@READ", "CREATE and no other"},
		{"status", "write status=STATUS"},
		{"status=STATUS_PENDING", "not an error"},
		{"status=nonsense", "no status name"},
	} {
		f, err := ParseFault(test.text)
		if err == nil || !strings.Contains(err.Error(), test.why) || !strings.Contains(err.Error(), `"`+test.text+`"`) {
			t.Errorf("%q: got %v, %v; want an error with %q", test.text, f, err, test.why)
		}
	}
}

// TestFaultsListed reads every listed fault with and without its value.
func TestFaultsListed(t *testing.T) {
	examples := map[string]string{"DURATION": "1s", "+N|-N": "+1", "[STATUS]": "0xC0000001", "[N[+]]": "2+", "STATUS": "0xC0000001"}
	for _, kind := range Faults() {
		if kind.Text == "" {
			t.Errorf("%s has no description", kind.Name)
		}
		_, err := ParseFault(kind.Name)
		if optional := kind.Value == "" || kind.Value[0] == '['; optional != (err == nil) {
			t.Errorf("%s without a value: %v", kind.Name, err)
		}
		if kind.Value == "" {
			continue
		}
		if _, err := ParseFault(kind.Name + "=" + examples[kind.Value]); err != nil {
			t.Errorf("%s=%s: %v", kind.Name, kind.Value, err)
		}
	}
}

func TestFaultsCheckedAtStart(t *testing.T) {
	for _, f := range []Fault{{}, {Name: "delay"}, {Name: "status"}, {Name: "drop", Onward: true}, {Name: "drop", Nth: -1}, {Name: "drop", Path: "["}} {
		s := New()
		s.Faults = []Fault{f}
		if err := s.Start(); err == nil {
			t.Errorf("%+v: the server starts", f)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func FuzzParseFault(f *testing.F) {
	for _, seed := range []string{"delay=1m@read+WRITE#2+:a/*.tmp", "wrong-credit=-1", "no-resources=3+", "refuse-close=0xC000009A#1", "status=disk_full:[a-z]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fault, err := ParseFault(text)
		if err != nil {
			return
		}
		if again, err := ParseFault(fault.String()); err != nil || !reflect.DeepEqual(again, fault) {
			t.Fatalf("%q is %+v, written as %q, read again as %+v, %v", text, fault, fault, again, err)
		}
	})
}
