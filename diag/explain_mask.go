package diag

import (
	"fmt"
	"strconv"
	"strings"

	"err32/smb"
)

// cutMaskWord splits "access 0x12019f" or "access:0x12019f" into the kind and
// the mask. ok is false when query does not begin with such a word.
func cutMaskWord(query string) (kind, mask string, ok bool) {
	for _, kind := range []string{ReadingAccess, ReadingShare, ReadingPermissions} {
		if len(query) < len(kind) || !strings.EqualFold(query[:len(kind)], kind) {
			continue
		}
		rest := query[len(kind):]
		if rest == "" || rest[0] == ':' || rest[0] == ' ' || rest[0] == '=' {
			return kind, strings.TrimSpace(strings.TrimLeft(rest, ":= ")), true
		}
	}
	return "", "", false
}

func explainMask(kind, text string) (Reading, error) {
	text = strings.ToLower(text)
	value, isNumber, err := maskNumber(text)
	if err != nil {
		return Reading{}, err
	}
	switch kind {
	case ReadingAccess:
		mask := smb.AccessMask(value)
		if !isNumber {
			if mask, err = smb.ParseAccess(text); err != nil {
				return Reading{}, err
			}
		}
		return accessReading(mask), nil
	case ReadingShare:
		if isNumber {
			text = fmt.Sprintf("0x%x", value)
		}
		share, err := smb.ParseShare(text)
		if err != nil {
			return Reading{}, err
		}
		return shareReading(share), nil
	}
	if !isNumber {
		return Reading{}, fmt.Errorf("permissions %q is no number; write it as 0x23 or 35", text)
	}
	return permissionsReading(value), nil
}

// maskNumber reads a mask written as a hexadecimal or decimal number.
func maskNumber(text string) (value uint32, isNumber bool, err error) {
	if !hexNumber.MatchString(text) && !decimalNumber.MatchString(text) {
		return 0, false, nil
	}
	base, digits := 10, text
	if hexNumber.MatchString(text) {
		base, digits = 16, text[2:]
	}
	v, err := strconv.ParseUint(digits, base, 32)
	if err != nil {
		return 0, true, fmt.Errorf("mask %q is no number of 32 bits", text)
	}
	return uint32(v), true, nil
}

// accessMeanings says what each bit of an access mask allows.
var accessMeanings = map[smb.AccessMask]string{
	smb.FileReadData:        "read the content; list a directory (read)",
	smb.FileWriteData:       "change the content; add files to a directory (write)",
	smb.FileAppendData:      "append to the content; add subdirectories to a directory (write)",
	smb.FileReadEA:          "read extended attributes",
	smb.FileWriteEA:         "change extended attributes",
	smb.FileExecute:         "run the file; pass through a directory (read)",
	smb.FileDeleteChild:     "delete entries of a directory",
	smb.FileReadAttributes:  "read size, times and attributes",
	smb.FileWriteAttributes: "change times and attributes",
	smb.Delete:              "delete or rename (delete)",
	smb.ReadControl:         "read the owner and the permissions",
	smb.WriteDAC:            "change the permissions",
	smb.WriteOwner:          "change the owner",
	smb.Synchronize:         "wait for the handle; SMB2 servers ignore it",
	smb.AccessSystem:        "read or change the audit entries; needs a privilege",
	smb.MaximumAllowed:      "all that the user may have; the server decides what that is",
	smb.GenericAll:          "every right of a file: read, write and delete",
	smb.GenericExecute:      "FILE_EXECUTE, READ_CONTROL, FILE_READ_ATTRIBUTES, SYNCHRONIZE (read)",
	smb.GenericWrite: "FILE_WRITE_DATA, FILE_APPEND_DATA, FILE_WRITE_ATTRIBUTES, FILE_WRITE_EA, READ_CONTROL, " +
		"SYNCHRONIZE (write)",
	smb.GenericRead: "FILE_READ_DATA, FILE_READ_ATTRIBUTES, FILE_READ_EA, READ_CONTROL, SYNCHRONIZE (read)",
}

// namedAccess reports whether every bit of mask is a named access right.
func namedAccess(mask uint32) bool {
	for bit := smb.AccessMask(1); bit != 0; bit <<= 1 {
		if _, named := accessMeanings[bit]; smb.AccessMask(mask)&bit != 0 && !named {
			return false
		}
	}
	return mask != 0
}

// expandGeneric adds what the generic bits of a mask stand for on a file,
// [MS-SMB2] 2.2.13.1.1, as far as the share-mode check looks at it.
func expandGeneric(mask smb.AccessMask) smb.AccessMask {
	for _, g := range []struct{ generic, classes smb.AccessMask }{
		{smb.GenericAll, smb.FileReadData | smb.FileWriteData | smb.Delete},
		{smb.GenericExecute, smb.FileExecute},
		{smb.GenericWrite, smb.FileWriteData | smb.FileAppendData},
		{smb.GenericRead, smb.FileReadData},
	} {
		if mask&g.generic != 0 {
			mask |= g.classes
		}
	}
	return mask
}

func accessReading(mask smb.AccessMask) Reading {
	r := Reading{Kind: ReadingAccess, Value: fmt.Sprintf("0x%08X", uint32(mask)), Source: "[MS-SMB2] 2.2.13.1, [MS-FSA] 2.1.5.1.2.2"}
	for bit := smb.AccessMask(1); bit != 0; bit <<= 1 {
		if mask&bit == 0 {
			continue
		}
		meaning, named := accessMeanings[bit]
		if !named {
			meaning = "no meaning in the specification"
		}
		r.Bits = append(r.Bits, MaskBit{Value: fmt.Sprintf("0x%08X", uint32(bit)), Name: bit.Bits()[0], Meaning: meaning})
	}
	classes := expandGeneric(mask).Classes()
	r.Classes = classes.Words()
	r.NeedsShare = classes.Words()
	switch {
	case mask == 0:
		r.Meaning = "An open that asks for nothing. Servers refuse it as STATUS_ACCESS_DENIED."
		r.Advice = []string{"Ask for at least FILE_READ_ATTRIBUTES (0x80)."}
		return r
	case mask&smb.MaximumAllowed != 0:
		r.Meaning = "The server grants what the user may have, and that takes part in the share-mode check: for a user with " +
			"full rights read, write and delete, so that the open conflicts with nearly every other. "
		r.Advice = []string{"Where a sharing violation must be avoided, ask for the rights that are needed and no more."}
	case classes == 0:
		r.Meaning = "No read, write or delete access: such an open takes no part in the share-mode check. It never meets a " +
			"sharing violation and never causes one."
		r.Advice = []string{"Nothing to do."}
		return r
	}
	if classes != 0 {
		words, atLeast := joinAnd(classes.Words()), ""
		if mask&smb.MaximumAllowed != 0 {
			atLeast = " at least"
		}
		r.Meaning += fmt.Sprintf("For the share-mode check this is %s access%s. The open meets a sharing violation unless every "+
			"other open that can read, write or delete shares %s. Its own share mode decides in turn what it allows others.",
			words, atLeast, words)
		r.Advice = append(r.Advice, "To try it on a test file: err32 hold //SERVER/SHARE/FILE --access "+letters(classes)+" --share none.")
	}
	if expandGeneric(mask) != mask {
		r.Meaning += " Generic bits are replaced by the rights listed before the check."
	}
	return r
}

func shareReading(share smb.ShareAccess) Reading {
	r := Reading{Kind: ReadingShare, Value: fmt.Sprintf("0x%08X", uint32(share)), Source: "[MS-SMB2] 2.2.13, [MS-FSA] 2.1.5.1.2.2"}
	for _, b := range []struct {
		bit           smb.ShareAccess
		name, meaning string
	}{
		{smb.ShareRead, "FILE_SHARE_READ", "others may read or run the file"},
		{smb.ShareWrite, "FILE_SHARE_WRITE", "others may change the file or append to it"},
		{smb.ShareDelete, "FILE_SHARE_DELETE", "others may delete or rename the file"},
	} {
		if share&b.bit != 0 {
			r.Bits = append(r.Bits, MaskBit{Value: fmt.Sprintf("0x%08X", uint32(b.bit)), Name: b.name, Meaning: b.meaning})
		}
	}
	denied := (smb.ShareRead | smb.ShareWrite | smb.ShareDelete) &^ share
	r.Denies = denied.Words()
	if denied == 0 {
		r.Meaning = "Others may read, write and delete while this open lasts. It causes a sharing violation only for an open " +
			"that does not share the access this one has."
		r.Advice = []string{"Nothing to do."}
		return r
	}
	words := joinOr(denied.Words())
	r.Meaning = fmt.Sprintf("While this open lasts, an open that asks for %s access meets a sharing violation. This open itself "+
		"is refused if another open already has %s access. Opens that look at attributes alone are not concerned. Both hold "+
		"only if this open has read, write or delete access itself.", words, words)
	if share == 0 {
		r.Meaning = "Exclusive: " + strings.ToLower(r.Meaning[:1]) + r.Meaning[1:]
	}
	r.Advice = []string{"To try it on a test file: err32 hold //SERVER/SHARE/FILE --access r --share " + letters(share) + "."}
	return r
}

// permissionBits are the bits of fi3_permissions, [MS-SRVS] 2.2.4.7, beside
// the access right that has the same bit.
var permissionBits = []struct {
	bit     uint32
	name    string
	meaning string
}{
	{0x01, "PERM_FILE_READ", "the open may read"},
	{0x02, "PERM_FILE_WRITE", "the open may write"},
	{0x04, "PERM_FILE_CREATE", "the open may create or append"},
	{0x08, "ACCESS_EXEC", "run; on Windows FILE_READ_EA"},
	{0x10, "ACCESS_DELETE", "delete; on Windows FILE_WRITE_EA"},
	{0x20, "ACCESS_ATRIB", "change attributes; on Windows FILE_EXECUTE"},
	{0x40, "ACCESS_PERM", "change permissions; on Windows FILE_DELETE_CHILD"},
}

func permissionsReading(mask uint32) Reading {
	r := Reading{Kind: ReadingPermissions, Value: fmt.Sprintf("0x%08X", mask), Source: "[MS-SRVS] 2.2.4.7, [MS-SMB2] 3.3.4.20"}
	rest := mask
	for _, b := range permissionBits {
		if mask&b.bit != 0 {
			r.Bits = append(r.Bits, MaskBit{Value: fmt.Sprintf("0x%08X", b.bit), Name: b.name, Meaning: b.meaning})
			rest &^= b.bit
		}
	}
	for bit := smb.AccessMask(1); bit != 0; bit <<= 1 {
		if smb.AccessMask(rest)&bit != 0 {
			r.Bits = append(r.Bits, MaskBit{
				Value:   fmt.Sprintf("0x%08X", uint32(bit)),
				Name:    bit.Bits()[0],
				Meaning: "not in [MS-SRVS]; as an access mask " + bit.Bits()[0],
			})
		}
	}
	var classes smb.ShareAccess
	if mask&0x1 != 0 {
		classes |= smb.ShareRead
	}
	if mask&0x6 != 0 {
		classes |= smb.ShareWrite
	}
	r.Classes = classes.Words()
	r.Meaning = "The permissions of an open in the server's table. Trust the bits 0x1, 0x2 and 0x4 only: servers put the access " +
		"mask of the open here, whose higher bits have another meaning than those that [MS-SRVS] names."
	if classes == 0 {
		r.Meaning += " Without these three the open looks at attributes, or it was opened to delete or to run the file: " +
			"Samba tells no more than read and write."
	}
	r.Advice = []string{"Share modes are not in the table. What an open denies to others shows only when another open is tried."}
	return r
}

// letters writes classes as --access and --share take them.
func letters(s smb.ShareAccess) string {
	text := ""
	for _, word := range s.Words() {
		text += word[:1]
	}
	if text == "" {
		return "none"
	}
	return text
}

func joinAnd(words []string) string { return joinLast(words, " and ") }
func joinOr(words []string) string  { return joinLast(words, " or ") }

func joinLast(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + last + words[len(words)-1]
}
