package smb

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

// fromHex reads hexadecimal text with spaces.
func fromHex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFSCTLWire compares with bytes laid out by hand after the specification.
func TestFSCTLWire(t *testing.T) {
	key := ResumeKey{0: 0xA1, 23: 0xA2}
	keyBytes := "a1" + strings.Repeat("00", 22) + "a2"
	for _, test := range []struct {
		name  string
		value any
		wire  string
		parse func([]byte) (any, error)
	}{
		{"SRV_REQUEST_RESUME_KEY", key, keyBytes + "00000000 00000000", func(b []byte) (any, error) { return ParseResumeKey(b) }},
		{"SRV_COPYCHUNK_COPY", &CopyChunks{Source: key, Chunks: []CopyChunk{{1, 2, 3}, {1 << 40, 5, 6}}},
			keyBytes + "02000000 00000000" +
				"0100000000000000 0200000000000000 03000000 00000000" +
				"0000000000010000 0500000000000000 06000000 00000000",
			func(b []byte) (any, error) { return ParseCopyChunks(b) }},
		{"SRV_COPYCHUNK_RESPONSE", CopyChunkResult{1, 2, 3}, "01000000 02000000 03000000", func(b []byte) (any, error) { return ParseCopyChunkResult(b) }},
		{"FILE_ALLOCATED_RANGE_BUFFER", FileRange{1, 2}, "0100000000000000 0200000000000000", func(b []byte) (any, error) { return ParseFileRange(b) }},
		{"FILE_ZERO_DATA_INFORMATION", ZeroData{1, 2}, "0100000000000000 0200000000000000", func(b []byte) (any, error) { return ParseZeroData(b) }},
	} {
		wire := fromHex(t, test.wire)
		got := test.value.(interface{ AppendTo([]byte) []byte }).AppendTo([]byte("x"))
		if !bytes.Equal(got, append([]byte("x"), wire...)) {
			t.Errorf("%s: %x, want %x", test.name, got[1:], wire)
		}
		back, err := test.parse(wire)
		if err != nil || !reflect.DeepEqual(back, test.value) {
			t.Errorf("%s: %+v, %v, want %+v", test.name, back, err, test.value)
		}
		need := len(wire)
		if test.name == "SRV_REQUEST_RESUME_KEY" {
			need -= 4 // Context is optional
		}
		for n := range need {
			if _, err := test.parse(wire[:n]); err == nil {
				t.Errorf("%s: %d of its %d bytes are taken", test.name, n, need)
			}
		}
	}
	many := append(make([]byte, 24), 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0)
	if _, err := ParseCopyChunks(many); err == nil {
		t.Error("4294967295 chunks in no bytes are taken")
	}
}

func TestObjectIDBuffer(t *testing.T) {
	got := (&ObjectIDBuffer{GUID{1}, GUID{2}, GUID{3}, GUID{4}}).AppendTo(nil)
	zeros := strings.Repeat("00", 15)
	if want := fromHex(t, "01"+zeros+"02"+zeros+"03"+zeros+"04"+zeros); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}
