package smb

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

var securitySample = &SecurityDescriptor{
	Control: SecuritySelfRelative | DACLPresent | SACLPresent | DACLProtected,
	Owner:   SIDAdministrators, Group: SIDUsers,
	DACL: []ACE{
		{Type: AccessDeniedACE, Flags: ObjectInheritACE | ContainerInheritACE, Mask: 0x001F01FF, SID: SIDGuests},
		{Type: AccessAllowedACE, Flags: InheritedACE, Mask: 0x001200A9, SID: SIDEveryone},
	},
	SACL: []ACE{{Type: SystemMandatoryLabelACE, Mask: 1, SID: NewSID(16, 0x2000)}},
}

// securityBytes is written by hand from [MS-DTYP] 2.4.6, 2.4.5 and 2.4.4.
const securityBytes = `01 00 1490 14000000 24000000 34000000 50000000
	01 02 000000000005 20000000 20020000
	01 02 000000000005 20000000 21020000
	02 00 1c00 0100 0000
	11 00 1400 01000000 01 01 000000000010 00200000
	02 00 3400 0200 0000
	01 03 1800 ff011f00 01 02 000000000005 20000000 22020000
	00 10 1400 a9001200 01 01 000000000001 00000000`

func TestSecurityDescriptor(t *testing.T) {
	want := wireHex(t, securityBytes)
	if got := securitySample.AppendTo([]byte("abc")); !bytes.Equal(got[3:], want) {
		t.Errorf("AppendTo:\n got %x\nwant %x", got[3:], want)
	}
	got, err := ParseSecurityDescriptor(want)
	if err != nil || !reflect.DeepEqual(got, securitySample) {
		t.Errorf("ParseSecurityDescriptor = %+v, %v", got, err)
	}
	hostile(t, want, func(b []byte) (any, error) { return ParseSecurityDescriptor(b) })
}

func TestSecurityDescriptorParts(t *testing.T) {
	for _, c := range []struct {
		name string
		sd   SecurityDescriptor
		b    string
	}{
		{"nothing", SecurityDescriptor{Control: SecuritySelfRelative}, `01 00 0080 00000000 00000000 00000000 00000000`},
		{"a list that allows all", SecurityDescriptor{Control: SecuritySelfRelative | DACLPresent}, `01 00 0480 00000000 00000000 00000000 00000000`},
		{"a list that allows nothing", SecurityDescriptor{Control: SecuritySelfRelative | DACLPresent, DACL: []ACE{}},
			`01 00 0480 00000000 00000000 00000000 14000000 02 00 0800 0000 0000`},
		{"an entry with a GUID", SecurityDescriptor{Control: SecuritySelfRelative | DACLPresent, DACL: []ACE{{Type: 5, Data: []byte("some body...")}}},
			`01 00 0480 00000000 00000000 00000000 14000000 04 00 1800 0100 0000 05 00 1000 736f6d6520626f64792e2e2e`},
		{"an entry with a condition", SecurityDescriptor{Control: SecuritySelfRelative | DACLPresent, DACL: []ACE{{Type: AccessAllowedCallbackACE, Mask: 1, SID: SIDEveryone, Data: []byte("artx")}}},
			`01 00 0480 00000000 00000000 00000000 14000000 02 00 2000 0100 0000 09 00 1800 01000000 01 01 000000000001 00000000 61727478`},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := wireHex(t, c.b)
			if got := c.sd.AppendTo(nil); !bytes.Equal(got, want) {
				t.Errorf("AppendTo:\n got %x\nwant %x", got, want)
			}
			if got, err := ParseSecurityDescriptor(want); err != nil || !reflect.DeepEqual(*got, c.sd) {
				t.Errorf("ParseSecurityDescriptor = %+v, %v", got, err)
			}
		})
	}
	// The bits that follow from the content are set.
	sd := SecurityDescriptor{DACL: []ACE{{SID: SIDEveryone}}}
	if got, err := ParseSecurityDescriptor(sd.AppendTo(nil)); err != nil || got.Control != SecuritySelfRelative|DACLPresent {
		t.Errorf("%+v, %v", got, err)
	}
	// 64 KiB are all that a list can say it has.
	sd = SecurityDescriptor{DACL: make([]ACE, 5000)}
	for i := range sd.DACL {
		sd.DACL[i].SID = SIDEveryone
	}
	if got, err := ParseSecurityDescriptor(sd.AppendTo(nil)); err != nil || len(got.DACL) != (1<<16-1-8)/20 {
		t.Errorf("%d entries of 5000, %v", len(got.DACL), err)
	}
}

func TestSecurityDescriptorRefuses(t *testing.T) {
	whole := wireHex(t, securityBytes)
	for _, c := range []struct {
		name string
		at   int
		v    []byte
		want string
	}{
		{"another revision", 0, []byte{2}, "Revision is 2, not 1"},
		{"an absolute one", 3, []byte{0x10}, "Control is 0x1014, without SR"},
		{"an owner in the fixed part", 4, []byte{8}, "OwnerSid at offset 8 is outside the 132-byte descriptor"},
		{"an owner behind the end", 4, []byte{0xFF}, "OwnerSid at offset 255 is outside"},
		{"another SID revision", 0x14, []byte{3}, "OwnerSid.Revision is 3, not 1"},
		{"too many sub-authorities", 0x15, []byte{16}, "OwnerSid.SubAuthorityCount is 16; it can be 15"},
		{"a list shorter than its header", 0x52, []byte{7}, "Dacl.AclSize is 7"},
		{"a list longer than its message", 0x52, []byte{0x35}, "Dacl at offset 80 (53 bytes) is outside the 132-byte message"},
		{"more entries than fit", 0x54, []byte{3}, "Dacl.Ace[2].AceType at offset 52"},
		{"an entry without a body", 0x5A, []byte{4}, "Dacl.Ace[0].AceSize is 4"},
		{"an odd entry", 0x5A, []byte{0x19}, "Dacl.Ace[0].AceSize is 25"},
		{"an entry longer than its list", 0x5A, []byte{0x30}, "Dacl.Ace[0] at offset 8 (48 bytes) is outside the 52-byte message"},
		{"a SID longer than its entry", 0x61, []byte{3}, "Dacl.Ace[0].Sid.SubAuthority at offset 24"},
	} {
		b := bytes.Clone(whole)
		copy(b[c.at:], c.v)
		_, err := ParseSecurityDescriptor(b)
		if err == nil || !strings.Contains(err.Error(), "SECURITY_DESCRIPTOR: "+c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func FuzzParseSecurityDescriptor(f *testing.F) {
	f.Add(securitySample.AppendTo(nil))
	for _, name := range sessionFlows(f) {
		eachAnswer(f, loadSessionFlow(f, name), func(request, answer Message) {
			if q, ok := request.(*QueryInfoRequest); ok && q.Type == InfoSecurity {
				if answer, ok := answer.(*QueryInfoResponse); ok {
					f.Add(answer.Output)
				}
			}
		})
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		sd, err := ParseSecurityDescriptor(b)
		if err != nil {
			if de := (*DecodeError)(nil); !errors.As(err, &de) || de.Field == "" {
				t.Fatalf("not a DecodeError with a field: %v", err)
			}
			return
		}
		again, err := ParseSecurityDescriptor(sd.AppendTo(nil))
		if err != nil || !reflect.DeepEqual(again, sd) {
			t.Fatalf("encoded again it is another descriptor: %+v, %v\n%+v", again, err, sd)
		}
	})
}
