package lab

import (
	"testing"

	"err32/smb"
)

func TestQuerySecurity(t *testing.T) {
	h := newHand(t)
	defer h.close()
	const parts = smb.OwnerSecurity | smb.GroupSecurity | smb.DACLSecurity
	file := h.open("f", 0)
	ask := func(id smb.FileID, parts, most uint32) (smb.Message, smb.NTStatus) {
		return h.do(&smb.QueryInfoRequest{Type: smb.InfoSecurity, FileID: id, Additional: parts, MaxOutput: most})
	}
	for _, readOnly := range []bool{false, true} {
		h.tree.share.ReadOnly = readOnly
		body, status := ask(file, parts, 1024)
		if status != smb.StatusSuccess {
			t.Fatal(status)
		}
		sd, err := smb.ParseSecurityDescriptor(body.(*smb.QueryInfoResponse).Output)
		if err != nil {
			t.Fatal(err)
		}
		want := smb.AccessMask(0x001F01FF) // FILE_ALL_ACCESS
		if readOnly {
			want = 0x001200A9 // FILE_GENERIC_READ and FILE_GENERIC_EXECUTE
		}
		if sd.Owner.String() != "S-1-5-32-544" || sd.Group.String() != "S-1-5-32-545" || len(sd.DACL) == 0 ||
			sd.DACL[0].SID.String() != "S-1-1-0" || sd.DACL[0].Mask != want {
			t.Errorf("read-only %v: %+v", readOnly, sd)
		}
	}
	whole, _ := ask(file, parts, 1024)
	size := uint32(len(whole.(*smb.QueryInfoResponse).Output))
	body, status := ask(file, parts, size-1)
	if status != smb.StatusBufferTooSmall {
		t.Errorf("in too few bytes: %v", status)
	}
	// An error context of 12 bytes, [MS-SMB2] 2.2.2.1 and 3.3.5.20.3.
	if e := body.(*smb.ErrorResponse); e.ContextCount != 1 || string(e.Data) != string([]byte{4, 0, 0, 0, 0, 0, 0, 0, byte(size), 0, 0, 0}) {
		t.Errorf("in too few bytes: %+v, want the size %d", e, size)
	}
	h.conn.dialect = smb.SMB302
	body, _ = ask(file, parts, 0)
	if e := body.(*smb.ErrorResponse); e.ContextCount != 0 || string(e.Data) != string([]byte{byte(size), 0, 0, 0}) {
		t.Errorf("before 3.1.1: %+v, want the size %d", e, size)
	}
	if _, status := ask(h.openAs("f", 0, smb.FileReadData), parts, 1024); status != smb.StatusAccessDenied {
		t.Errorf("without READ_CONTROL: %v", status)
	}
	if _, status := ask(file, smb.SACLSecurity, 1024); status != smb.StatusAccessDenied {
		t.Errorf("the SACL without ACCESS_SYSTEM_SECURITY: %v", status)
	}
	h.want(smb.StatusAccessDenied, &smb.SetInfoRequest{Type: smb.InfoSecurity, FileID: h.openAs("f", 0, smb.FileReadData), Additional: smb.DACLSecurity, Input: []byte{1}})
}
