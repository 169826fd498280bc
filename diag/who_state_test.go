package diag

import (
	"testing"

	"err32/smb"
)

// wholeFile is all of a file that who must not change. The time of the last
// access is not among it: to read a byte may change that.
type wholeFile struct {
	disk     diskState // of smbd
	seen     fileState // where it can be read
	basic    smb.BasicInfo
	standard smb.StandardInfo
}

// wholeState looks at a file on the server's disk and over the wire.
func wholeState(t *testing.T, srv *testServer, path string) (s wholeFile) {
	t.Helper()
	if smbd, ok := srv.backstage.(smbdServer); ok {
		s.disk = stateOnDisk(t, smbd.onDisk(path))
	}
	if path != "exclusive" && path != "locked" || srv.is == onSmbd {
		s.seen = srv.lookAt(t, path)
	}
	o := mustCreate(t, clientOf(t, srv), smb.CreateRequest{Name: path, Access: smb.FileReadAttributes, Share: shareAll, Disposition: smb.OpenFile})
	query(t, o, &s.basic)
	query(t, o, &s.standard)
	mustClose(t, o)
	s.basic.Times.LastAccess = 0
	return s
}

func query(t *testing.T, o *smb.Open, info smb.Info) {
	t.Helper()
	typ, class := info.Class()
	b, err := o.QueryInfo(t.Context(), typ, class, 100)
	if err == nil {
		err = smb.ParseInfo(b, info)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// setAttributes gives a file attributes.
func setAttributes(t *testing.T, tree *smb.Tree, path string, attributes smb.FileAttributes) {
	t.Helper()
	o := mustCreate(t, tree, smb.CreateRequest{Name: path, Access: smb.FileWriteAttributes, Share: shareAll, Disposition: smb.OpenFile})
	info := &smb.BasicInfo{Attributes: attributes}
	typ, class := info.Class()
	if err := o.SetInfo(t.Context(), typ, class, smb.AppendInfo(nil, info)); err != nil {
		t.Fatal(err)
	}
	mustClose(t, o)
}
