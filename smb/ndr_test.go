package smb

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"
)

// ndrText is a conformant varying string as it stands on the wire, made by
// hand.
func ndrText(maxCount, offset, actual uint32, units ...uint16) []byte {
	var b []byte
	b = le.AppendUint32(b, maxCount)
	b = le.AppendUint32(b, offset)
	b = le.AppendUint32(b, actual)
	for _, u := range units {
		b = le.AppendUint16(b, u)
	}
	return b
}

func TestNDRString(t *testing.T) {
	tests := []struct {
		name string
		wire []byte
		want string
		err  string // part of the error, "" for none
	}{
		{"ASCII", ndrText(3, 0, 3, 'a', 'b', 0), "ab", ""},
		{"empty", ndrText(1, 0, 1, 0), "", ""},
		{"nothing, not even a NUL", ndrText(0, 0, 0), "", ""},
		{"no NUL", ndrText(2, 0, 2, 'a', 'b'), "ab", ""},
		{"text behind the NUL", ndrText(4, 0, 4, 'a', 0, 'b', 0), "a", ""},
		{"max_count above actual_count", ndrText(0xFFFFFFFF, 0, 2, 'a', 0), "a", ""},
		{"Latin", ndrText(3, 0, 3, 0xFC, 0xDF, 0), "üß", ""},
		{"surrogate pair", ndrText(3, 0, 3, 0xD83C, 0xDF89, 0), "🎉", ""},
		{"high surrogate alone", ndrText(3, 0, 3, 0xD83C, 'a', 0), "\uFFFDa", ""},
		{"low surrogate alone", ndrText(2, 0, 2, 0xDF89, 0), "\uFFFD", ""},
		{"high surrogate at the end", ndrText(1, 0, 1, 0xD83C), "\uFFFD", ""},
		{"offset", ndrText(4, 1, 3, 'a', 'b', 0), "", "path at byte 0 has offset 1, not 0"},
		{"actual_count above max_count", ndrText(2, 0, 3, 'a', 'b', 0), "", "has actual_count 3 above max_count 2"},
		{"longer than any path", ndrText(1<<20, 0, 1<<20, 'a'), "", "has 1048576 characters; the limit is 65536"},
		{"shorter than it says", ndrText(3, 0, 3, 'a'), "", "path at byte 14 is missing"},
		{"cut in a character", ndrText(1, 0, 1, 'a')[:13], "", "path at byte 13 is missing"},
		{"cut in a count", ndrText(1, 0, 1)[:9], "", "path at byte 9 is missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for size := 1; size <= len(tt.wire); size++ {
				var got string
				n := chunked(tt.wire, size)
				n.stringBody("path", &got)
				switch {
				case tt.err == "" && (n.err != nil || got != tt.want || n.off != uint64(len(tt.wire))):
					t.Errorf("in chunks of %d: %q, %v at byte %d", size, got, n.err, n.off)
				case tt.err != "" && (n.err == nil || !strings.Contains(n.err.Error(), tt.err)):
					t.Errorf("in chunks of %d: error %v, want %q", size, n.err, tt.err)
				}
			}
		})
	}
}

func TestNDRStringWritten(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []byte
	}{
		{"", ndrText(1, 0, 1, 0)},
		{"a", ndrText(2, 0, 2, 'a', 0)},
		{"ü🎉", ndrText(4, 0, 4, 0xFC, 0xD83C, 0xDF89, 0)},
		{"ĀȀ", ndrText(3, 0, 3, 0x100, 0x200, 0)}, // a zero low byte is no NUL
	} {
		n := newNDRWriter()
		n.stringBody("s", &tt.text)
		if n.err != nil || !bytes.Equal(n.buf, tt.want) {
			t.Errorf("%q: %x, %v, want %x", tt.text, n.buf, n.err, tt.want)
		}
	}
	for _, text := range []string{"a\x00b", strings.Repeat("x", maxNDRString)} {
		n := newNDRWriter()
		n.stringBody("s", &text)
		var e *NDRError
		if !errors.As(n.err, &e) || e.Field != "s" {
			t.Errorf("a string of %d bytes: %v", len(text), n.err)
		}
	}
}

func TestNDRAlignment(t *testing.T) {
	// An octet, a gap of 1, a 16-bit word, an octet, a gap of 3, a 32-bit word.
	wire := []byte{1, 0xAA, 2, 0, 3, 0xAA, 0xAA, 0xAA, 4, 0, 0, 0}
	for size := 1; size <= len(wire); size++ {
		var a, c uint8
		var b uint16
		var d uint32
		n := chunked(wire, size)
		n.uint8("a", &a)
		n.uint16("b", &b)
		n.uint8("c", &c)
		n.uint32("d", &d)
		if n.err != nil || a != 1 || b != 2 || c != 3 || d != 4 {
			t.Errorf("in chunks of %d: %d %d %d %d, %v", size, a, b, c, d, n.err)
		}
	}
}

// TestNDRArrayClaims: a count that the data does not bear out costs nothing.
func TestNDRArrayClaims(t *testing.T) {
	wire := le.AppendUint32(nil, maxRows)
	wire = append(wire, make([]byte, 64)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n := newNDRReader(wire, nil)
	var rows []SessionInfo
	ndrArray(n, "Buffer", maxRows, &rows, func(n *ndr, s *SessionInfo) { s.layout(n, 502) })
	runtime.ReadMemStats(&after)
	if n.err == nil || rows != nil {
		t.Errorf("%d rows, %v", len(rows), n.err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<16 {
		t.Errorf("%d bytes were allocated", got)
	}
}

func FuzzNDRString(f *testing.F) {
	f.Add(ndrText(3, 0, 3, 'a', 'b', 0), uint8(1))
	f.Add(ndrText(3, 0, 3, 0xD83C, 0xDF89, 0), uint8(5))
	f.Add(ndrText(2, 1, 9, 'a'), uint8(3))
	f.Fuzz(func(t *testing.T, wire []byte, size uint8) {
		var whole, parts string
		n := newNDRReader(wire, nil)
		n.stringBody("s", &whole)
		c := chunked(wire, int(size)+1)
		c.stringBody("s", &parts)
		if (n.err == nil) != (c.err == nil) || whole != parts || n.off != c.off {
			t.Fatalf("whole: %q, %v; in chunks: %q, %v", whole, n.err, parts, c.err)
		}
		if n.err != nil {
			return
		}
		w := newNDRWriter()
		w.stringBody("s", &whole)
		var again string
		r := newNDRReader(w.buf, nil)
		r.stringBody("s", &again)
		if w.err != nil || r.err != nil || again != whole {
			t.Fatalf("%q is written and read as %q, %v, %v", whole, again, w.err, r.err)
		}
	})
}
