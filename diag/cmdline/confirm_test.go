package cmdline

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// withStreams replaces stdin by what is typed, and returns what was written to
// stderr. A hand that types nothing keeps stdin open.
func withStreams(t *testing.T, typed string, end bool, do func()) (shown string) {
	t.Helper()
	in, hand, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	screen, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin, stderr := os.Stdin, os.Stderr
	os.Stdin, os.Stderr = in, out
	defer func() { os.Stdin, os.Stderr = stdin, stderr }()
	if _, err := io.WriteString(hand, typed); err != nil {
		t.Fatal(err)
	}
	if end {
		hand.Close()
	}
	do()
	hand.Close()
	out.Close()
	b, err := io.ReadAll(screen)
	if err != nil {
		t.Fatal(err)
	}
	screen.Close()
	return string(b)
}

func TestConfirm(t *testing.T) {
	for _, test := range []struct {
		typed string
		end   bool
		want  bool
	}{
		{"y\n", false, true}, {"yes\n", false, true}, {" YES \r\n", false, true}, {"Y\nn\n", false, true},
		{"\n", false, false}, {"n\n", false, false}, {"no\n", false, false}, {"yy\n", false, false}, {"yes please\n", false, false},
		{"\ny\n", false, false}, {"0\n", false, false}, {"ja\n", false, false},
		{"", true, false}, {"y", true, false}, // the end of the input is no answer
	} {
		var yes bool
		var err error
		shown := withStreams(t, test.typed, test.end, func() { yes, err = Confirm(t.Context(), "open 0x7\n  a.dat\n") })
		if yes != test.want || err != nil {
			t.Errorf("%q: %v, %v", test.typed, yes, err)
		}
		if !strings.HasPrefix(shown, "open 0x7\n  a.dat\nGo on? [y/N] ") {
			t.Errorf("shown %q", shown)
		}
	}
}

func TestConfirmInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	withStreams(t, "", false, func() {
		if yes, err := Confirm(ctx, ""); yes || !errors.Is(err, context.Canceled) {
			t.Errorf("%v, %v", yes, err)
		}
	})
}
