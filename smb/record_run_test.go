package smb

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"
)

// want fails the test unless err carries the status; StatusSuccess means no
// error.
func want(t testing.TB, what string, err error, status NTStatus) {
	t.Helper()
	got, ok := StatusOf(err)
	if status == StatusSuccess && err != nil || status != StatusSuccess && (!ok || got != status) {
		t.Errorf("%s: %v, want %v", what, err, status)
	}
}

// runFile does with one file what a client does, one step after the other.
func runFile(t *testing.T, r *recordedRun) {
	ctx := context.Background()
	s := r.logOn(t, nil)
	tree, err := s.TreeConnect(ctx, "share")
	if err != nil {
		t.Fatal(err)
	}
	useFile(t, tree, []byte("twenty bytes of text"))
	want(t, "echo", s.Echo(ctx), StatusSuccess)
	want(t, "tree disconnect", tree.Disconnect(ctx), StatusSuccess)
	_, err = s.TreeConnect(ctx, "nowhere")
	want(t, "tree connect to nowhere", err, StatusBadNetworkName)
	want(t, "log off", s.LogOff(ctx), StatusSuccess)
	want(t, "close", s.Conn().Close(), StatusSuccess)
}

// useFile makes, uses and removes a file.
func useFile(t *testing.T, tree *Tree, text []byte) {
	t.Helper()
	ctx := context.Background()
	const name = "flow é😀.txt"
	create := &CreateRequest{
		Name: name, Access: FileReadData | FileWriteData | FileReadAttributes | Delete | Synchronize,
		Share: ShareRead | ShareWrite, Disposition: OpenIf, Options: NonDirectoryFile,
		Contexts: []CreateContext{MaximalAccessRequest(), OnDiskIDRequest()},
	}
	_, err := tree.Create(ctx, &CreateRequest{Name: name, Access: FileReadData, Disposition: OpenFile})
	want(t, "open what is not there", err, StatusObjectNameNotFound)
	o, err := tree.Create(ctx, create)
	if err != nil {
		t.Fatal(err)
	}
	if o.Created.Action != Created || o.ID == (FileID{}) {
		t.Errorf("CREATE response %+v", o.Created)
	}
	if a, ok, err := o.Created.MaximalAccess(); !ok || err != nil || a.Status != StatusSuccess || a.Access&FileReadData == 0 {
		t.Errorf("MxAc %+v, %v, %v", a, ok, err)
	}
	if id, ok, err := o.Created.OnDiskID(); !ok || err != nil || id.File == 0 {
		t.Errorf("QFid %+v, %v, %v", id, ok, err)
	}
	if n, err := o.WriteAt(ctx, text, 0); n != len(text) || err != nil {
		t.Errorf("WriteAt = %d, %v", n, err)
	}
	want(t, "flush", o.Flush(ctx), StatusSuccess)
	buf := make([]byte, len(text)+100)
	n := 0
	for n < len(text) {
		m, err := o.ReadAt(ctx, buf[n:], uint64(n))
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	if !bytes.Equal(buf[:n], text) {
		t.Errorf("ReadAt: %d bytes, not the %d that were written", n, len(text))
	}
	if _, err := o.ReadAt(ctx, buf, uint64(len(text))); err != io.EOF {
		t.Errorf("ReadAt the end: %v", err)
	}

	_, err = tree.CreateClose(ctx, &CreateRequest{Name: name, Access: Delete, Share: ShareRead | ShareWrite | ShareDelete, Disposition: OpenFile})
	want(t, "open for deletion", err, StatusSharingViolation)
	create.Disposition, create.Contexts = OpenFile, nil
	create.Access &^= Delete
	create.Share |= ShareDelete
	second, err := tree.Create(ctx, create)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "lock", o.Lock(ctx, LockElement{Offset: 5, Length: 10, Flags: LockExclusive | LockFailImmediately}), StatusSuccess)
	err = second.Lock(ctx, LockElement{Offset: 14, Length: 1, Flags: LockShared | LockFailImmediately})
	want(t, "lock what is locked", err, StatusLockNotGranted)
	_, err = second.ReadAt(ctx, buf[:10], 0)
	want(t, "read what is locked", err, StatusFileLockConflict)
	want(t, "unlock", o.Lock(ctx, LockElement{Offset: 5, Length: 10, Flags: LockUnlock}), StatusSuccess)
	want(t, "close", second.Close(ctx), StatusSuccess)
	want(t, "close again", second.Close(ctx), StatusFileClosed)

	info, err := o.QueryInfo(ctx, InfoFile, FileStandardInformation, 24)
	if err != nil || len(info) != 24 || le.Uint64(info[8:]) != uint64(len(text)) {
		t.Errorf("FileStandardInformation %x, %v", info, err)
	}
	want(t, "set end of file", o.SetInfo(ctx, InfoFile, FileEndOfFileInformation, le.AppendUint64(nil, 7)), StatusSuccess)
	checkList(t, tree, name)
	_, err = o.IOCTL(ctx, 0x00090028, nil, 0) // FSCTL_IS_VOLUME_MOUNTED says nothing on a file server
	if _, ok := StatusOf(err); err != nil && !ok {
		t.Errorf("ioctl: %v", err)
	}
	want(t, "remove", o.Remove(ctx), StatusSuccess)
	want(t, "close", o.Close(ctx), StatusSuccess)
	_, err = tree.CreateClose(ctx, create)
	want(t, "open what was removed", err, StatusObjectNameNotFound)
}

// checkList lists the share's root, where the file is 7 bytes long now.
func checkList(t *testing.T, tree *Tree, name string) {
	t.Helper()
	ctx := context.Background()
	root, err := tree.Create(ctx, &CreateRequest{Access: FileReadData | FileReadAttributes, Share: ShareRead | ShareWrite, Disposition: OpenFile, Options: DirectoryFile})
	if err != nil {
		t.Fatal(err)
	}
	found := false
	err = root.ReadDirectory(ctx, "*", func(e DirectoryEntry) error {
		if e.Name == name {
			found = e.EndOfFile == 7 && e.Attributes&AttributeDirectory == 0
		}
		return nil
	})
	if !found || err != nil {
		t.Errorf("%q of 7 bytes is not in the list; %v", name, err)
	}
	want(t, "close the root", root.Close(ctx), StatusSuccess)
}

// runGuest logs on as a user who becomes a guest.
func runGuest(t *testing.T, r *recordedRun) {
	ctx := context.Background()
	s := r.logOn(t, nil)
	if s.Flags() != SessionGuest {
		t.Errorf("session flags %#x", s.Flags())
	}
	if _, ok := s.SigningAlgorithm(); ok {
		t.Error("a guest's session is said to be signed")
	}
	tree, err := s.TreeConnect(ctx, "share")
	if err != nil {
		t.Fatal(err)
	}
	useFile(t, tree, []byte("twenty bytes of text"))
	want(t, "log off", s.LogOff(ctx), StatusSuccess)
	want(t, "close", s.Conn().Close(), StatusSuccess)
}

// runAsync has a lock wait and be cancelled, an oplock broken, and a lock wait
// and be granted.
func runAsync(t *testing.T, r *recordedRun) {
	ctx := context.Background()
	pending := make(chan struct{}, 10)
	s := r.logOn(t, &Config{Trace: &Trace{Received: func(_ time.Time, msg []byte) {
		if h, err := parseHeader(msg); err == nil && h.Status == StatusPending {
			pending <- struct{}{}
		}
	}}})
	tree, err := s.TreeConnect(ctx, "share")
	if err != nil {
		t.Fatal(err)
	}
	create := &CreateRequest{
		Name: "async.txt", Access: FileReadData | FileWriteData, Share: ShareRead | ShareWrite | ShareDelete,
		Disposition: OpenIf, OplockLevel: OplockBatch,
	}
	o, err := tree.Create(ctx, create)
	if err != nil {
		t.Fatal(err)
	}
	if o.Created.OplockLevel != OplockBatch {
		t.Errorf("oplock level %#x", o.Created.OplockLevel)
	}

	opened := make(chan error, 1)
	go func() { opened <- r.openByAnother(create) }()
	b, err := s.Conn().NextBreak(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if b.Lease != nil || b.Oplock == nil || *b.Oplock != (OplockBreak{OplockII, o.ID}) {
		t.Errorf("break %+v of %v", b, o.ID)
	}
	want(t, "acknowledge", o.AckOplockBreak(ctx, OplockII), StatusSuccess)
	if err := <-opened; err != nil {
		t.Error(err)
	}

	create.OplockLevel = OplockNone
	second, err := tree.Create(ctx, create)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "lock", o.Lock(ctx, LockElement{Length: 1, Flags: LockExclusive | LockFailImmediately}), StatusSuccess)
	short, cancel := context.WithCancel(ctx)
	go func() {
		<-pending
		cancel()
	}()
	if err := second.Lock(short, LockElement{Length: 1, Flags: LockExclusive}); !errors.Is(err, context.Canceled) {
		t.Errorf("lock that was cancelled: %v", err)
	}
	locked := make(chan error, 1)
	go func() { locked <- second.Lock(ctx, LockElement{Length: 1, Flags: LockExclusive}) }()
	<-pending
	want(t, "unlock", o.Lock(ctx, LockElement{Length: 1, Flags: LockUnlock}), StatusSuccess)
	want(t, "lock that waited", <-locked, StatusSuccess)
	want(t, "log off", s.LogOff(ctx), StatusSuccess)
	want(t, "close", s.Conn().Close(), StatusSuccess)
}

// openByAnother opens and closes the file as another user would; in a replay
// there is none.
func (r *recordedRun) openByAnother(m *CreateRequest) error {
	if r.addr == "" {
		return nil
	}
	ctx := context.Background()
	c, err := Dial(ctx, r.addr, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := c.LogOn(ctx, r.other.Mechanism(), 0)
	if err != nil {
		return err
	}
	tree, err := s.TreeConnect(ctx, "share")
	if err != nil {
		return err
	}
	other := *m
	other.OplockLevel = OplockNone
	_, err = tree.CreateClose(ctx, &other)
	return err
}
