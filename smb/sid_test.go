package smb

import (
	"bytes"
	"strings"
	"testing"
)

// sidSamples are SIDs of [MS-DTYP] 2.4.2.4 and others, their text of 2.4.2.1
// and their packets of 2.4.2.2.
var sidSamples = []struct {
	sid     SID
	text, b string
}{
	{SIDEveryone, "S-1-1-0", `01 01 000000000001 00000000`},
	{SIDCreatorOwner, "S-1-3-0", `01 01 000000000003 00000000`},
	{SIDCreatorGroup, "S-1-3-1", `01 01 000000000003 01000000`},
	{SIDNetwork, "S-1-5-2", `01 01 000000000005 02000000`},
	{SIDAnonymous, "S-1-5-7", `01 01 000000000005 07000000`},
	{SIDAuthenticatedUsers, "S-1-5-11", `01 01 000000000005 0b000000`},
	{SIDLocalSystem, "S-1-5-18", `01 01 000000000005 12000000`},
	{SIDAdministrators, "S-1-5-32-544", `01 02 000000000005 20000000 20020000`},
	{SIDUsers, "S-1-5-32-545", `01 02 000000000005 20000000 21020000`},
	{SIDGuests, "S-1-5-32-546", `01 02 000000000005 20000000 22020000`},
	{NewSID(5, 21, 1, 2, 0xFFFFFFFF).Append(1001), "S-1-5-21-1-2-4294967295-1001", `01 05 000000000005 15000000 01000000 02000000 ffffffff e9030000`},
	{NewSID(0x0102030405AB, 7), "S-1-0x0102030405AB-7", `01 01 0102030405ab 07000000`},
	{NewSID(1, make([]uint32, 15)...), "S-1-1" + strings.Repeat("-0", 15), `01 0f 000000000001` + strings.Repeat("00000000", 15)},
}

func TestSID(t *testing.T) {
	for _, s := range sidSamples {
		t.Run(s.text, func(t *testing.T) {
			if got := s.sid.String(); got != s.text {
				t.Errorf("String = %q", got)
			}
			if got, err := ParseSID(s.text); err != nil || got != s.sid {
				t.Errorf("ParseSID = %v, %v", got, err)
			}
			want := wireHex(t, s.b)
			if got := s.sid.appendTo(nil); !bytes.Equal(got, want) {
				t.Errorf("packet: %x, want %x", got, want)
			}
			hostile(t, want, func(b []byte) (any, error) {
				d := &decoder{what: "test", msg: b}
				sid := d.sid("Sid")
				return sid, d.err
			})
			d := &decoder{what: "test", msg: want}
			if got := d.sid("Sid"); got != s.sid || d.err != nil || got.IsZero() {
				t.Errorf("decoded: %v, %v", got, d.err)
			}
		})
	}
	if none := (SID{}); !none.IsZero() || none.String() != "" {
		t.Errorf("the zero SID is %q", none)
	}
	if s := NewSID(1, make([]uint32, 20)...); len(s.SubAuthorities()) != 15 || s.Append(1) != s {
		t.Errorf("a SID of 20: %v", s)
	}
}

func TestParseSIDRefuses(t *testing.T) {
	for _, text := range []string{
		"", "S", "S-1", "S-1-5", "S-2-5-32", "X-1-5-32", "S-1-5-", "S-1-5--1", "S-1-5-4294967296", "S-1-4294967296-1", "S-1-0x1000000000000-1",
		"S-1-0x-1", "S-1-5-0x20", "S-1-5-32-544 ", "S-1-5" + strings.Repeat("-0", 16),
	} {
		if s, err := ParseSID(text); err == nil || !s.IsZero() {
			t.Errorf("ParseSID(%q) = %v, %v", text, s, err)
		}
	}
}
