package smb

import (
	"fmt"
	"strconv"
	"strings"
)

// maxSubAuthorities is how many a SID has at most.
const maxSubAuthorities = 15

// SID is a security identifier, [MS-DTYP] 2.4.2: a user or group. SIDs compare
// with ==. The zero SID stands for none.
type SID struct {
	authority uint64 // 48 bits
	count     uint8
	sub       [maxSubAuthorities]uint32
}

// The SIDs that every server knows, [MS-DTYP] 2.4.2.4.
var (
	SIDEveryone           = NewSID(1, 0)       // EVERYONE
	SIDCreatorOwner       = NewSID(3, 0)       // CREATOR_OWNER
	SIDCreatorGroup       = NewSID(3, 1)       // CREATOR_GROUP
	SIDNetwork            = NewSID(5, 2)       // NETWORK
	SIDAnonymous          = NewSID(5, 7)       // ANONYMOUS
	SIDAuthenticatedUsers = NewSID(5, 11)      // AUTHENTICATED_USERS
	SIDLocalSystem        = NewSID(5, 18)      // LOCAL_SYSTEM
	SIDAdministrators     = NewSID(5, 32, 544) // BUILTIN_ADMINISTRATORS
	SIDUsers              = NewSID(5, 32, 545) // BUILTIN_USERS
	SIDGuests             = NewSID(5, 32, 546) // BUILTIN_GUESTS
)

// NewSID returns the SID of an identifier authority, 5 for NT's own, and at
// most 15 sub-authorities; what goes beyond that, or beyond the 48 bits of an
// authority, is left out.
func NewSID(authority uint64, sub ...uint32) SID {
	s := SID{authority: authority & (1<<48 - 1)}
	s.count = uint8(copy(s.sub[:], sub))
	return s
}

// IsZero reports whether s is no SID.
func (s SID) IsZero() bool { return s == SID{} }

// Authority is the identifier authority.
func (s SID) Authority() uint64 { return s.authority }

// SubAuthorities returns the sub-authorities, the RID last.
func (s SID) SubAuthorities() []uint32 { return s.sub[:s.count:s.count] }

// Append returns s with one more sub-authority, such as the SID of a user of
// the domain s. A SID that has 15 stays as it is.
func (s SID) Append(rid uint32) SID {
	if s.count < maxSubAuthorities {
		s.sub[s.count] = rid
		s.count++
	}
	return s
}

// String returns the text form, such as "S-1-5-32-544", [MS-DTYP] 2.4.2.1; that
// of the zero SID is empty.
func (s SID) String() string {
	if s.IsZero() {
		return ""
	}
	var b strings.Builder
	if s.authority < 1<<32 {
		fmt.Fprintf(&b, "S-1-%d", s.authority)
	} else {
		fmt.Fprintf(&b, "S-1-0x%012X", s.authority)
	}
	for _, sub := range s.SubAuthorities() {
		fmt.Fprintf(&b, "-%d", sub)
	}
	return b.String()
}

// ParseSID reads the text form.
func ParseSID(text string) (SID, error) {
	parts := strings.Split(text, "-")
	if len(parts) < 4 || (parts[0] != "S" && parts[0] != "s") || parts[1] != "1" {
		return SID{}, fmt.Errorf("%q is not a SID such as S-1-5-32-544", text)
	}
	if len(parts)-3 > maxSubAuthorities {
		return SID{}, fmt.Errorf("the SID %q has %d sub-authorities; it can have %d", text, len(parts)-3, maxSubAuthorities)
	}
	digits, base, bits := parts[2], 10, 32
	if rest, ok := strings.CutPrefix(digits, "0x"); ok {
		digits, base, bits = rest, 16, 48
	}
	authority, err := strconv.ParseUint(digits, base, bits)
	if err != nil {
		return SID{}, fmt.Errorf("the SID %q: the authority %q is no number of %d bits", text, parts[2], bits)
	}
	s := SID{authority: authority}
	for _, part := range parts[3:] {
		sub, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return SID{}, fmt.Errorf("the SID %q: the sub-authority %q is no number of 32 bits", text, part)
		}
		s = s.Append(uint32(sub))
	}
	return s, nil
}

// appendTo appends the packet form, [MS-DTYP] 2.4.2.2. The authority is
// big-endian.
func (s SID) appendTo(b []byte) []byte {
	b = append(b, 1, s.count, byte(s.authority>>40), byte(s.authority>>32), byte(s.authority>>24), byte(s.authority>>16), byte(s.authority>>8), byte(s.authority))
	for _, sub := range s.SubAuthorities() {
		b = le.AppendUint32(b, sub)
	}
	return b
}

// sid reads the packet form.
func (d *decoder) sid(field string) SID {
	if revision := d.u8(field + ".Revision"); d.err == nil && revision != 1 {
		d.fail(field+".Revision", "is %d, not 1", revision)
	}
	count := d.u8(field + ".SubAuthorityCount")
	if count > maxSubAuthorities {
		d.fail(field+".SubAuthorityCount", "is %d; it can be %d", count, maxSubAuthorities)
	}
	s := SID{}
	for _, c := range d.next(field+".IdentifierAuthority", 6) {
		s.authority = s.authority<<8 | uint64(c)
	}
	for i := 0; i < int(count) && d.err == nil; i++ {
		s = s.Append(d.u32(field + ".SubAuthority"))
	}
	if d.err != nil {
		return SID{}
	}
	return s
}
