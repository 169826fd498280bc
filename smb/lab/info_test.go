package lab_test

import (
	"context"
	"testing"

	"err32/smb"
)

// openFor opens a file or directory for a test, creating it if need be, with
// all others allowed. The connection's end closes it.
func openFor(t *testing.T, tree *smb.Tree, name string, access smb.AccessMask, options smb.CreateOptions) *smb.Open {
	t.Helper()
	o, err := tree.Create(context.Background(), &smb.CreateRequest{
		Name: name, Access: access, Share: smb.ShareRead | smb.ShareWrite | smb.ShareDelete, Disposition: smb.OpenIf, Options: options,
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// statusFrom is what a server answered: STATUS_SUCCESS without an error.
func statusFrom(t *testing.T, err error) smb.NTStatus {
	t.Helper()
	if err == nil {
		return smb.StatusSuccess
	}
	status, ok := smb.StatusOf(err)
	if !ok {
		t.Fatal(err)
	}
	return status
}

// everything is all the access that QUERY_INFO and SET_INFO want.
const everything = smb.FileReadData | smb.FileWriteData | smb.FileAppendData | smb.FileReadEA | smb.FileWriteEA | smb.FileReadAttributes |
	smb.FileWriteAttributes | smb.Delete | smb.ReadControl | smb.Synchronize

// TestQueryInfo asks the lab and smbd for the classes and compares status and
// length.
func TestQueryInfo(t *testing.T) {
	const file, fs, security = smb.InfoFile, smb.InfoFileSystem, smb.InfoSecurity
	const any = -1 // the length is the server's own affair
	tests := []struct {
		typ    smb.InfoType
		class  uint8
		max    uint32
		status smb.NTStatus
		length int
	}{
		{file, smb.FileBasicInformation, 1024, 0, 40},
		{file, smb.FileBasicInformation, 40, 0, 40},
		{file, smb.FileBasicInformation, 39, smb.StatusInfoLengthMismatch, 0},
		{file, smb.FileStandardInformation, 1024, 0, 24},
		{file, smb.FileStandardInformation, 23, smb.StatusInfoLengthMismatch, 0},
		{file, smb.FileInternalInformation, 1024, 0, 8},
		{file, smb.FileEaInformation, 1024, 0, 4},
		{file, smb.FileAccessInformation, 1024, 0, 4},
		{file, smb.FilePositionInformation, 1024, 0, 8},
		{file, smb.FileModeInformation, 1024, 0, 4},
		{file, smb.FileAlignmentInformation, 1024, 0, 4},
		{file, smb.FileAllInformation, 1024, 0, 96 + 4 + 2*len(`\query.txt`)},
		{file, smb.FileAllInformation, 110, 0, 110}, // STATUS_BUFFER_OVERFLOW, which the client takes
		{file, smb.FileAllInformation, 99, smb.StatusInfoLengthMismatch, 0},
		{file, smb.FileNormalizedNameInformation, 1024, 0, 4 + 2*len("query.txt")},
		{file, smb.FileStreamInformation, 1024, 0, any},
		{file, smb.FileCompressionInformation, 1024, 0, 16},
		{file, smb.FileNetworkOpenInformation, 1024, 0, 56},
		{file, smb.FileNetworkOpenInformation, 55, smb.StatusInfoLengthMismatch, 0},
		{file, smb.FileAttributeTagInformation, 1024, 0, 8},
		{file, smb.FileAlternateNameInformation, 1024, 0, any},
		{file, smb.FileBothDirectoryInformation, 1024, smb.StatusInvalidInfoClass, 0},
		{file, smb.FileRenameInformation, 1024, smb.StatusInvalidInfoClass, 0},
		{file, 200, 1024, smb.StatusInvalidInfoClass, 0},
		{fs, smb.FileFsVolumeInformation, 1024, 0, any},
		{fs, smb.FileFsSizeInformation, 1024, 0, 24},
		{fs, smb.FileFsSizeInformation, 23, smb.StatusInfoLengthMismatch, 0},
		{fs, smb.FileFsFullSizeInformation, 1024, 0, 32},
		{fs, smb.FileFsDeviceInformation, 1024, 0, 8},
		{fs, smb.FileFsAttributeInformation, 1024, 0, any},
		{fs, smb.FileFsControlInformation, 1024, 0, 48},
		{fs, smb.FileFsObjectIdInformation, 1024, 0, 64},
		{fs, smb.FileFsSectorSizeInformation, 1024, 0, 28},
		{fs, 200, 1024, smb.StatusInvalidInfoClass, 0},
		{security, 0, 1024, 0, 20}, // no part was asked for
		{security, 0, 19, smb.StatusBufferTooSmall, 0},
	}
	eachServer(t, serverConfig{}, func(t *testing.T, srv server) {
		ctx := context.Background()
		tree := srv.tree(t)
		o := openFor(t, tree, "query.txt", everything, 0)
		if _, err := o.WriteAt(ctx, []byte("12345"), 0); err != nil {
			t.Fatal(err)
		}
		for _, test := range tests {
			out, err := o.QueryInfo(ctx, test.typ, test.class, test.max)
			if status := statusFrom(t, err); status != test.status || test.length != any && len(out) != test.length {
				t.Errorf("type %d class %d in %d bytes: %v with %d bytes, want %v with %d", test.typ, test.class, test.max, status, len(out), test.status, test.length)
			}
		}
		var all smb.AllInfo
		out, err := o.QueryInfo(ctx, smb.InfoFile, smb.FileAllInformation, 1024)
		if err == nil {
			err = smb.ParseInfo(out, &all)
		}
		if err != nil || all.Standard.EndOfFile != 5 || all.Standard.Links != 1 || all.Basic.Attributes != smb.AttributeArchive ||
			all.Access.Access != everything || all.Name.Name != `\query.txt` {
			t.Errorf("FileAllInformation: %+v, %v", all, err)
		}
		// Without FILE_READ_ATTRIBUTES and FILE_READ_EA some is not told.
		blind := openFor(t, tree, "query.txt", smb.FileReadData, 0)
		for class, want := range map[uint8]smb.NTStatus{
			smb.FileBasicInformation: smb.StatusAccessDenied, smb.FileAllInformation: smb.StatusAccessDenied,
			smb.FileNetworkOpenInformation: smb.StatusAccessDenied, smb.FileAttributeTagInformation: smb.StatusAccessDenied,
			smb.FileFullEaInformation: smb.StatusAccessDenied, smb.FileStandardInformation: smb.StatusSuccess,
		} {
			_, err := blind.QueryInfo(ctx, smb.InfoFile, class, 1024)
			if status := statusFrom(t, err); status != want {
				t.Errorf("class %d without FILE_READ_ATTRIBUTES: %v, want %v", class, status, want)
			}
		}
	})
}

// setting is a SET_INFO of a file class and what servers say to it.
type setting struct {
	what   string
	open   *smb.Open
	info   smb.Info
	status smb.NTStatus
}

func set(t *testing.T, settings ...setting) {
	t.Helper()
	for _, s := range settings {
		typ, class := s.info.Class()
		err := s.open.SetInfo(context.Background(), typ, class, smb.AppendInfo(nil, s.info))
		if status := statusFrom(t, err); status != s.status {
			t.Errorf("%s: %v, want %v", s.what, status, s.status)
		}
	}
}

// TestSetInfo sets what can be set.
func TestSetInfo(t *testing.T) {
	eachServer(t, serverConfig{}, func(t *testing.T, srv server) {
		ctx := context.Background()
		tree := srv.tree(t)
		o := openFor(t, tree, "set.txt", everything, 0)
		reader := openFor(t, tree, "set.txt", smb.FileReadData|smb.FileReadAttributes, 0)
		dir := openFor(t, tree, "set.dir", everything, smb.DirectoryFile)
		set(t,
			setting{"the end of the file", o, &smb.EndOfFileInfo{EndOfFile: 10}, 0},
			setting{"allocation without access", reader, &smb.AllocationInfo{Size: 10}, smb.StatusAccessDenied},
			setting{"the position", o, &smb.PositionInfo{Offset: 7}, 0},
			setting{"attributes without access", reader, &smb.BasicInfo{Attributes: smb.AttributeHidden}, smb.StatusAccessDenied},
			setting{"deletion without access", reader, &smb.DispositionInfo{DeletePending: true}, smb.StatusAccessDenied},
		)
		var all smb.AllInfo
		read := func() *smb.AllInfo {
			t.Helper()
			out, err := o.QueryInfo(ctx, smb.InfoFile, smb.FileAllInformation, 1024)
			if err == nil {
				err = smb.ParseInfo(out, &all)
			}
			if err != nil {
				t.Fatal(err)
			}
			return &all
		}
		if read().Standard.EndOfFile != 10 {
			t.Errorf("the end of the file is %d, want 10", all.Standard.EndOfFile)
		}

		// Times: 0 leaves one, a time set stays whatever is written after it.
		const day = 24 * 3600 * 10_000_000
		const then = 130_000_000_000_000_000 / day * day
		set(t, setting{"times", o, &smb.BasicInfo{Times: smb.FileTimes{LastAccess: then + day, LastWrite: then + 2*day}, Attributes: smb.AttributeHidden}, 0})
		if _, err := o.WriteAt(ctx, []byte("x"), 0); err != nil {
			t.Fatal(err)
		}
		got := read().Basic
		if got.Times.LastAccess != then+day || got.Times.LastWrite != then+2*day || got.Times.Creation == 0 || got.Attributes&smb.AttributeHidden == 0 {
			t.Errorf("after setting times and hidden: %+v", got)
		}
		set(t, setting{"no times", o, &smb.BasicInfo{Attributes: smb.AttributeNormal}, 0})
		if after := read().Basic; after.Times.LastWrite != then+2*day || after.Attributes != smb.AttributeNormal {
			t.Errorf("after a SET_INFO without times: %+v", after)
		}

		// What cannot be deleted.
		set(t, setting{"read-only", o, &smb.BasicInfo{Attributes: smb.AttributeReadonly}, 0},
			setting{"deletion of a read-only file", o, &smb.DispositionInfo{DeletePending: true}, smb.StatusCannotDelete},
			setting{"normal", o, &smb.BasicInfo{Attributes: smb.AttributeNormal}, 0},
			setting{"deletion", o, &smb.DispositionInfo{DeletePending: true}, 0})
		if s := read().Standard; !s.DeletePending || s.Links != 0 {
			t.Errorf("marked for deletion: %+v", s)
		}
		set(t, setting{"no deletion", o, &smb.DispositionInfo{}, 0})
		if s := read().Standard; s.DeletePending || s.Links != 1 {
			t.Errorf("not marked any more: %+v", s)
		}
		child := openFor(t, tree, `set.dir\child`, everything, 0)
		set(t, setting{"deletion of a directory with a file", dir, &smb.DispositionInfo{DeletePending: true}, smb.StatusDirectoryNotEmpty},
			setting{"deletion of the file", child, &smb.DispositionInfo{DeletePending: true}, 0})
		if err := child.Close(ctx); err != nil {
			t.Fatal(err)
		}
		set(t, setting{"deletion of the empty directory", dir, &smb.DispositionInfo{DeletePending: true}, 0})
	})
}

// TestSetInfoRefused has what [MS-FSA] 2.1.5.15 refuses and smbd 4.17 does not:
// it truncates by the name of the file, with the user's rights, when the open
// does not allow it, and takes the attribute of directories for a file.
func TestSetInfoRefused(t *testing.T) {
	tree := startLab(t, serverConfig{}).tree(t)
	o := openFor(t, tree, "set.txt", everything, 0)
	reader := openFor(t, tree, "set.txt", smb.FileReadData|smb.FileReadAttributes, 0)
	dir := openFor(t, tree, "set.dir", everything, smb.DirectoryFile)
	set(t,
		setting{"the end without access", reader, &smb.EndOfFileInfo{EndOfFile: 10}, smb.StatusAccessDenied},
		setting{"the end of a directory", dir, &smb.EndOfFileInfo{EndOfFile: 10}, smb.StatusInvalidParameter},
		setting{"allocation of a directory", dir, &smb.AllocationInfo{Size: 10}, smb.StatusInvalidParameter},
		setting{"a negative end", o, &smb.EndOfFileInfo{EndOfFile: 1 << 63}, smb.StatusInvalidParameter},
		setting{"a file to be a directory", o, &smb.BasicInfo{Attributes: smb.AttributeDirectory}, smb.StatusInvalidParameter},
		setting{"a time before 1601", o, &smb.BasicInfo{Times: smb.FileTimes{Creation: 1<<64 - 3}}, smb.StatusInvalidParameter},
		setting{"an asynchronous open to be synchronous", o, &smb.ModeInfo{Mode: smb.SynchronousIOAlert}, smb.StatusInvalidParameter},
		setting{"a link", o, &smb.LinkInfo{Name: "link"}, smb.StatusNotSupported},
		setting{"extended attributes", o, &smb.FullEAInfo{EAs: []smb.EA{{Name: "a", Value: []byte("b")}}}, smb.StatusEAsNotSupported},
	)
	for class, want := range map[uint8]smb.NTStatus{
		smb.FileStandardInformation: smb.StatusInvalidInfoClass, 200: smb.StatusInvalidInfoClass,
		smb.FileBasicInformation: smb.StatusInfoLengthMismatch, smb.FileRenameInformation: smb.StatusInfoLengthMismatch,
	} {
		err := o.SetInfo(context.Background(), smb.InfoFile, class, []byte{0})
		if status := statusFrom(t, err); status != want {
			t.Errorf("one byte of class %d: %v, want %v", class, status, want)
		}
	}
	err := o.SetInfo(context.Background(), smb.InfoSecurity, 0, (&smb.SecurityDescriptor{}).AppendTo(nil))
	if status := statusFrom(t, err); status != smb.StatusInvalidDeviceRequest {
		t.Errorf("a security descriptor: %v", status)
	}
}

// TestRename renames files and directories.
func TestRename(t *testing.T) {
	eachServer(t, serverConfig{}, func(t *testing.T, srv server) {
		ctx := context.Background()
		tree := srv.tree(t)
		file := openFor(t, tree, "old.txt", everything, 0)
		if _, err := file.WriteAt(ctx, []byte("old"), 0); err != nil {
			t.Fatal(err)
		}
		weak := openFor(t, tree, "old.txt", smb.FileReadAttributes, 0)
		taken := openFor(t, tree, "taken.txt", everything, 0)
		dir := openFor(t, tree, "dir", everything, smb.DirectoryFile)
		set(t,
			setting{"without DELETE", weak, &smb.RenameInfo{Name: "new.txt"}, smb.StatusAccessDenied},
			setting{"to nothing", file, &smb.RenameInfo{Name: ""}, smb.StatusInvalidParameter},
			setting{"to a name that is taken", file, &smb.RenameInfo{Name: "taken.txt"}, smb.StatusObjectNameCollision},
			setting{"over an open file", file, &smb.RenameInfo{Name: "TAKEN.txt", ReplaceIfExists: true}, smb.StatusAccessDenied},
			setting{"into a directory that is not there", file, &smb.RenameInfo{Name: `none\new.txt`}, smb.StatusObjectPathNotFound},
			setting{"over a directory", file, &smb.RenameInfo{Name: "dir", ReplaceIfExists: true}, smb.StatusAccessDenied},
			setting{"to another case", file, &smb.RenameInfo{Name: "Old.TXT"}, 0},
		)
		if err := taken.Close(ctx); err != nil {
			t.Fatal(err)
		}
		set(t, setting{"over a closed file", file, &smb.RenameInfo{Name: "taken.txt", ReplaceIfExists: true}, 0},
			setting{"into a directory that somebody may delete", file, &smb.RenameInfo{Name: `dir\inside.txt`}, smb.StatusSharingViolation})
		if err := dir.Close(ctx); err != nil {
			t.Fatal(err)
		}
		set(t, setting{"into a directory", file, &smb.RenameInfo{Name: `dir\inside.txt`}, 0})
		dir = openFor(t, tree, "dir", everything, smb.DirectoryFile)
		set(t, setting{"a directory with an open file in it", dir, &smb.RenameInfo{Name: "dir2"}, smb.StatusAccessDenied})
		for _, o := range []*smb.Open{file, weak} {
			if err := o.Close(ctx); err != nil {
				t.Fatal(err)
			}
		}
		set(t, setting{"a directory with a closed file in it", dir, &smb.RenameInfo{Name: "dir2"}, 0})
		moved := openFor(t, tree, `dir2\inside.txt`, smb.FileReadData, 0)
		b := make([]byte, 10)
		if n, _ := moved.ReadAt(ctx, b, 0); string(b[:n]) != "old" {
			t.Errorf("the renamed file holds %q", b[:n])
		}
	})
}
