package smb

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
)

// fuzzMessages checks that what parses is the same message after it has been
// encoded again.
func fuzzMessages(f *testing.F, response bool, parse func([]byte) (Header, Message, error)) {
	for _, s := range samples {
		if s.response() == response {
			f.Add(s.encode())
		}
	}
	for _, name := range sessionFlows(f) {
		loadSessionFlow(f, name).messages(f, func(fromServer bool, msg []byte) {
			if fromServer == response && len(msg) < 1<<12 {
				f.Add(msg)
			}
		})
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		if len(msg) > 1<<16 {
			return // longer than a name and what follows it can be told apart
		}
		h, m, err := parse(msg)
		if err != nil {
			if de := (*DecodeError)(nil); !errors.As(err, &de) || de.Field == "" {
				t.Fatalf("not a DecodeError with a field: %v", err)
			}
			return
		}
		again := Append(nil, h, m)
		h2, m2, err := parse(again)
		if err != nil {
			t.Fatalf("%v\nof %+v\nencoded as %x", err, m, again)
		}
		if h2 != h || !reflect.DeepEqual(m2, m) {
			t.Fatalf("encoded again it is another message:\n%+v %+v\n%+v %+v", h, m, h2, m2)
		}
	})
}

func FuzzParseRequest(f *testing.F) { fuzzMessages(f, false, ParseRequest) }

func FuzzParseResponse(f *testing.F) { fuzzMessages(f, true, ParseResponse) }

func FuzzReadFrame(f *testing.F) {
	frame := func(msg []byte) []byte {
		b := append(AppendFrameHeader(nil), msg...)
		if err := FinishFrame(b, 0); err != nil {
			f.Fatal(err)
		}
		return b
	}
	f.Add(frame(nil), 0)
	f.Add(frame(samples[0].encode()), 1<<10)
	f.Add([]byte{0, 0xFF, 0xFF, 0xFF, 0}, 1<<16)
	f.Add([]byte{0x85, 0, 0, 0}, 1<<16)
	f.Fuzz(func(t *testing.T, b []byte, limit int) {
		limit &= 1<<20 - 1
		r := bytes.NewReader(b)
		msg, err := ReadFrame(r, limit)
		if err != nil {
			de := (*DecodeError)(nil)
			if !errors.As(err, &de) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatal(err)
			}
			return
		}
		if len(msg) > limit {
			t.Fatalf("%d bytes, the limit is %d", len(msg), limit)
		}
		if again := frame(msg); !bytes.Equal(again, b[:len(again)]) || r.Len() != len(b)-len(again) {
			t.Fatalf("framed again: %x, of %x, %d bytes left", again, b, r.Len())
		}
	})
}
