package smb

import (
	"fmt"
	"strconv"
	"strings"
)

// AccessMask is the access an open asks for or was granted, [MS-SMB2] 2.2.13.1.
type AccessMask uint32

// The bits of an AccessMask for a file, pipe or printer, [MS-SMB2] 2.2.13.1.1.
const (
	FileReadData        AccessMask = 0x00000001 // FILE_READ_DATA
	FileWriteData       AccessMask = 0x00000002 // FILE_WRITE_DATA
	FileAppendData      AccessMask = 0x00000004 // FILE_APPEND_DATA
	FileReadEA          AccessMask = 0x00000008 // FILE_READ_EA
	FileWriteEA         AccessMask = 0x00000010 // FILE_WRITE_EA
	FileExecute         AccessMask = 0x00000020 // FILE_EXECUTE
	FileDeleteChild     AccessMask = 0x00000040 // FILE_DELETE_CHILD
	FileReadAttributes  AccessMask = 0x00000080 // FILE_READ_ATTRIBUTES
	FileWriteAttributes AccessMask = 0x00000100 // FILE_WRITE_ATTRIBUTES
	Delete              AccessMask = 0x00010000 // DELETE
	ReadControl         AccessMask = 0x00020000 // READ_CONTROL
	WriteDAC            AccessMask = 0x00040000 // WRITE_DAC
	WriteOwner          AccessMask = 0x00080000 // WRITE_OWNER
	Synchronize         AccessMask = 0x00100000 // SYNCHRONIZE
	AccessSystem        AccessMask = 0x01000000 // ACCESS_SYSTEM_SECURITY
	MaximumAllowed      AccessMask = 0x02000000 // MAXIMUM_ALLOWED
	GenericAll          AccessMask = 0x10000000 // GENERIC_ALL
	GenericExecute      AccessMask = 0x20000000 // GENERIC_EXECUTE
	GenericWrite        AccessMask = 0x40000000 // GENERIC_WRITE
	GenericRead         AccessMask = 0x80000000 // GENERIC_READ
)

var accessNames = []struct {
	bit  AccessMask
	name string
}{
	{FileReadData, "FILE_READ_DATA"},
	{FileWriteData, "FILE_WRITE_DATA"},
	{FileAppendData, "FILE_APPEND_DATA"},
	{FileReadEA, "FILE_READ_EA"},
	{FileWriteEA, "FILE_WRITE_EA"},
	{FileExecute, "FILE_EXECUTE"},
	{FileDeleteChild, "FILE_DELETE_CHILD"},
	{FileReadAttributes, "FILE_READ_ATTRIBUTES"},
	{FileWriteAttributes, "FILE_WRITE_ATTRIBUTES"},
	{Delete, "DELETE"},
	{ReadControl, "READ_CONTROL"},
	{WriteDAC, "WRITE_DAC"},
	{WriteOwner, "WRITE_OWNER"},
	{Synchronize, "SYNCHRONIZE"},
	{AccessSystem, "ACCESS_SYSTEM_SECURITY"},
	{MaximumAllowed, "MAXIMUM_ALLOWED"},
	{GenericAll, "GENERIC_ALL"},
	{GenericExecute, "GENERIC_EXECUTE"},
	{GenericWrite, "GENERIC_WRITE"},
	{GenericRead, "GENERIC_READ"},
}

// Bits returns the specification's name of every bit that is set, lowest
// first; bits without a name come last as one hexadecimal number.
func (m AccessMask) Bits() []string {
	var names []string
	rest := m
	for _, a := range accessNames {
		if m&a.bit != 0 {
			names = append(names, a.name)
			rest &^= a.bit
		}
	}
	if rest != 0 {
		names = append(names, fmt.Sprintf("0x%X", uint32(rest)))
	}
	return names
}

// String returns the names of the bits joined by "|", or "0".
func (m AccessMask) String() string {
	if m == 0 {
		return "0"
	}
	return strings.Join(m.Bits(), "|")
}

// The access classes that the share-mode check compares, [MS-FSA] 2.1.5.1.2.2.
const (
	accessReadClass   = FileReadData | FileExecute
	accessWriteClass  = FileWriteData | FileAppendData
	accessDeleteClass = Delete
)

// Classes returns the access classes that m has, in the terms of the share
// modes that would allow them. Attribute-only masks have none and take no part
// in the share-mode check. Generic and MAXIMUM_ALLOWED bits are not expanded:
// only the server knows what they become.
func (m AccessMask) Classes() ShareAccess {
	var s ShareAccess
	if m&accessReadClass != 0 {
		s |= ShareRead
	}
	if m&accessWriteClass != 0 {
		s |= ShareWrite
	}
	if m&accessDeleteClass != 0 {
		s |= ShareDelete
	}
	return s
}

// ParseAccess reads the letters r, w, x, a and d in any order, each once, as a
// data access mask: FILE_READ_DATA, FILE_WRITE_DATA, FILE_EXECUTE,
// FILE_APPEND_DATA and DELETE. FILE_READ_ATTRIBUTES and SYNCHRONIZE, which
// take no part in the share-mode check, are always added. A hexadecimal number
// ("0x12019f") is taken as it stands.
func ParseAccess(s string) (AccessMask, error) {
	if mask, ok, err := parseHexMask(s); ok {
		if err == nil && mask == 0 {
			err = fmt.Errorf("access 0x0 asks for nothing; servers refuse it")
		}
		return AccessMask(mask), err
	}
	if s == "" {
		return 0, fmt.Errorf(`access is empty; write one or more of r, w, x, a, d, such as "rw"`)
	}
	mask, err := parseLetters("access", s, "none of r, w, x, a, d", map[rune]AccessMask{
		'r': FileReadData, 'w': FileWriteData, 'x': FileExecute, 'a': FileAppendData, 'd': Delete,
	})
	if err != nil {
		return 0, err
	}
	return mask | FileReadAttributes | Synchronize, nil
}

// ShareAccess is what an open lets other opens do, [MS-SMB2] 2.2.13.
type ShareAccess uint32

// The bits of a ShareAccess.
const (
	ShareRead   ShareAccess = 0x1 // FILE_SHARE_READ
	ShareWrite  ShareAccess = 0x2 // FILE_SHARE_WRITE
	ShareDelete ShareAccess = 0x4 // FILE_SHARE_DELETE
)

var shareNames = []struct {
	bit  ShareAccess
	name string
}{{ShareRead, "read"}, {ShareWrite, "write"}, {ShareDelete, "delete"}}

// Words returns "read", "write" and "delete" for the bits that are set, never
// nil; bits without a name come last as one hexadecimal number.
func (s ShareAccess) Words() []string {
	words := []string{}
	rest := s
	for _, n := range shareNames {
		if s&n.bit != 0 {
			words = append(words, n.name)
			rest &^= n.bit
		}
	}
	if rest != 0 {
		words = append(words, fmt.Sprintf("0x%X", uint32(rest)))
	}
	return words
}

// String returns the words joined by "+", or "none".
func (s ShareAccess) String() string {
	if s == 0 {
		return "none"
	}
	return strings.Join(s.Words(), "+")
}

// ParseShare reads "none", or the letters r, w and d in any order, each once.
// A hexadecimal number from 0x0 to 0x7 is taken as it stands.
func ParseShare(s string) (ShareAccess, error) {
	if mask, ok, err := parseHexMask(s); ok {
		if err == nil && mask > 7 {
			err = fmt.Errorf("share %q: only the bits 0x1, 0x2 and 0x4 have a meaning", s)
		}
		return ShareAccess(mask), err
	}
	switch s {
	case "none":
		return 0, nil
	case "":
		return 0, fmt.Errorf(`share is empty; write "none" or one or more of r, w, d`)
	}
	return parseLetters("share", s, `none of r, w, d (or write "none")`, map[rune]ShareAccess{
		'r': ShareRead, 'w': ShareWrite, 'd': ShareDelete,
	})
}

// parseLetters reads letters that each stand for a bit, in any order and each
// once.
func parseLetters[M ~uint32](what, s, none string, bits map[rune]M) (mask M, err error) {
	for i, c := range s {
		bit, ok := bits[c]
		if !ok {
			return 0, fmt.Errorf("%s %q: %q at position %d is %s", what, s, c, i+1, none)
		}
		if mask&bit != 0 {
			return 0, fmt.Errorf("%s %q: %q stands twice", what, s, c)
		}
		mask |= bit
	}
	return mask, nil
}

// Conflicts reports whether an open with access a and share mode s violates
// the share mode of an existing open with access a2 and share mode s2, or the
// other way round: the rule of [MS-FSA] 2.1.5.1.2.2 for two opens of one
// stream. The masks are the granted ones.
func Conflicts(a AccessMask, s ShareAccess, a2 AccessMask, s2 ShareAccess) bool {
	c, c2 := a.Classes(), a2.Classes()
	if c == 0 || c2 == 0 {
		return false
	}
	return c&^s2 != 0 || c2&^s != 0
}

// parseHexMask reads "0x…"; ok is false when s is not written that way.
func parseHexMask(s string) (mask uint32, ok bool, err error) {
	if len(s) < 2 || (s[:2] != "0x" && s[:2] != "0X") {
		return 0, false, nil
	}
	v, err := strconv.ParseUint(s[2:], 16, 32)
	if err != nil {
		return 0, true, fmt.Errorf("%q is not a 32-bit hexadecimal mask", s)
	}
	return uint32(v), true, nil
}
