package diag

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"err32/smb"
)

func TestExplainMasks(t *testing.T) {
	for _, test := range []struct {
		query                      string
		bits, classes, needs, deny []string
		says                       string
	}{
		{
			query: "access 0x12019f",
			bits: []string{"FILE_READ_DATA", "FILE_WRITE_DATA", "FILE_APPEND_DATA", "FILE_READ_EA", "FILE_WRITE_EA",
				"FILE_READ_ATTRIBUTES", "FILE_WRITE_ATTRIBUTES", "READ_CONTROL", "SYNCHRONIZE"},
			classes: []string{"read", "write"}, needs: []string{"read", "write"},
			says: "shares read and write",
		},
		{
			query: "access 0x100080", bits: []string{"FILE_READ_ATTRIBUTES", "SYNCHRONIZE"},
			says: "never meets a sharing violation",
		},
		{
			query: "access 0x10000", bits: []string{"DELETE"}, classes: []string{"delete"}, needs: []string{"delete"},
			says: "shares delete",
		},
		{
			query: "access 0x20", bits: []string{"FILE_EXECUTE"}, classes: []string{"read"}, needs: []string{"read"},
			says: "shares read",
		},
		{
			query: "access 0x40000000", bits: []string{"GENERIC_WRITE"}, classes: []string{"write"}, needs: []string{"write"},
			says: "Generic bits are replaced",
		},
		{
			query: "access 0x10000000", bits: []string{"GENERIC_ALL"}, classes: []string{"read", "write", "delete"},
			needs: []string{"read", "write", "delete"}, says: "Generic bits are replaced",
		},
		{query: "access 0x2000000", bits: []string{"MAXIMUM_ALLOWED"}, says: "what the user may have"},
		{query: "access 0x0", says: "STATUS_ACCESS_DENIED"},
		{query: "access 0x200", bits: []string{"0x200"}, says: "never meets"},
		{
			query: "share 0x5", bits: []string{"FILE_SHARE_READ", "FILE_SHARE_DELETE"}, deny: []string{"write"},
			says: "asks for write access",
		},
		{query: "share none", deny: []string{"read", "write", "delete"}, says: "Exclusive"},
		{query: "share rwd", bits: []string{"FILE_SHARE_READ", "FILE_SHARE_WRITE", "FILE_SHARE_DELETE"}, says: "Others may read, write and delete"},
		{
			query: "permissions 0x23", bits: []string{"PERM_FILE_READ", "PERM_FILE_WRITE", "ACCESS_ATRIB"},
			classes: []string{"read", "write"}, says: "Trust the bits 0x1, 0x2 and 0x4 only",
		},
		{query: "permissions 0x4", bits: []string{"PERM_FILE_CREATE"}, classes: []string{"write"}, says: "Trust"},
		{query: "permissions 0", says: "the open looks at attributes"},
		{
			query: "permissions 0x120089", bits: []string{"PERM_FILE_READ", "ACCESS_EXEC", "FILE_READ_ATTRIBUTES", "READ_CONTROL", "SYNCHRONIZE"},
			classes: []string{"read"}, says: "Trust",
		},
	} {
		r := mustExplain(t, test.query).Readings[0]
		var bits []string
		for _, b := range r.Bits {
			bits = append(bits, b.Name)
			if b.Meaning == "" {
				t.Errorf("%s: %s has no meaning", test.query, b.Name)
			}
		}
		if !slices.Equal(bits, test.bits) {
			t.Errorf("%s: bits %q, want %q", test.query, bits, test.bits)
		}
		if !slices.Equal(r.Classes, test.classes) || !slices.Equal(r.NeedsShare, test.needs) || !slices.Equal(r.Denies, test.deny) {
			t.Errorf("%s: classes %q, needs %q, denies %q", test.query, r.Classes, r.NeedsShare, r.Denies)
		}
		if !strings.Contains(r.Meaning, test.says) {
			t.Errorf("%s: %q does not say %q", test.query, r.Meaning, test.says)
		}
	}
}

// What an explanation says of a mask agrees with what the share-mode rule does
// with it.
func TestExplainMasksFollowConflictRule(t *testing.T) {
	for mask := range smb.AccessMask(0x40) {
		access := mask | smb.Delete*(mask>>3&1)
		if access == 0 {
			continue
		}
		needs := mustExplain(t, fmt.Sprintf("access 0x%X", uint32(access))).Readings[0].NeedsShare
		for share := range smb.ShareAccess(8) {
			refused := smb.Conflicts(access, 7, smb.FileReadData, share)
			lacking := false
			for _, word := range needs {
				lacking = lacking || !slices.Contains(share.Words(), word)
			}
			if refused != lacking {
				t.Errorf("access 0x%X needs %q, yet against share %s: refused is %t", uint32(access), needs, share, refused)
			}
		}
	}
}
