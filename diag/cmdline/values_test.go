package cmdline

import (
	"testing"
	"time"
)

// words are the flags of a line.
type words map[string]string

func (w words) String(name string) string { return w[name] }

func TestValues(t *testing.T) {
	v := Values{Flags: words{"wait": "1m30s", "from": "OTHER", "count": "1000000"}}
	if got := Parsed(&v, "wait", ParseDuration); got != 90*time.Second {
		t.Errorf("--wait is %v", got)
	}
	if got := Parsed(&v, "from", OneOf("same", "other")); got != "other" {
		t.Errorf("--from is %q", got)
	}
	if got := Parsed(&v, "count", Within(1, 1_000_000)); got != 1_000_000 {
		t.Errorf("--count is %d", got)
	}
	if v.Err != nil {
		t.Error(v.Err)
	}
}

func TestValuesRefused(t *testing.T) {
	as := func(parse any) func(*Values) {
		return func(v *Values) {
			switch parse := parse.(type) {
			case func(string) (time.Duration, error):
				Parsed(v, "x", parse)
			case func(string) (int, error):
				Parsed(v, "x", parse)
			case func(string) (string, error):
				Parsed(v, "x", parse)
			}
		}
	}
	for _, tt := range []struct {
		value string
		read  func(*Values)
		want  string
	}{
		{"3", as(ParseDuration), `--x: "3" is not a duration such as 500ms, 30s or 2m`},
		{"", as(ParseDuration), `--x: "" is not a duration such as 500ms, 30s or 2m`},
		{"-3s", as(ParseDuration), `--x: -3s is negative`},
		{"0", as(ParsePositive), `--x: 0 is no time at all`},
		{"-1ms", as(ParsePositive), `--x: -1ms is negative`},
		{"0", as(Within(1, 9)), `--x: "0" is not a whole number from 1 to 9`},
		{"10", as(Within(1, 9)), `--x: "10" is not a whole number from 1 to 9`},
		{"1.5", as(Within(1, 9)), `--x: "1.5" is not a whole number from 1 to 9`},
		{"c", as(OneOf("a", "b")), `--x: "c" is none of a, b`},
		{"", as(OneOf("a", "b")), `--x: "" is none of a, b`},
	} {
		v := Values{Flags: words{"x": tt.value}}
		if tt.read(&v); v.Err == nil || v.Err.Error() != tt.want {
			t.Errorf("%q: %v, want %s", tt.value, v.Err, tt.want)
		}
		first := v.Err
		if v.Failf("another mistake"); v.Err != first {
			t.Errorf("%q: the first mistake became %v", tt.value, v.Err)
		}
	}
}
