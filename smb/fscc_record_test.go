package smb

import (
	"bytes"
	"context"
	"testing"

	"err32/smb/smbdtest"
)

func init() {
	recordings = append(recordings, recording{
		name: "session-info", server: smbdtest.Config{Share: []string{"mangled names = yes"}}, run: runInfo,
	})
}

// runInfo asks a server for every information class that it has of a file
// whose state is known, and sets some.
func runInfo(t *testing.T, r *recordedRun) {
	ctx := context.Background()
	s := r.logOn(t, nil)
	tree, err := s.TreeConnect(ctx, "share")
	if err != nil {
		t.Fatal(err)
	}
	const rights = FileReadData | FileWriteData | FileReadAttributes | FileWriteAttributes | FileReadEA | ReadControl | Delete | Synchronize
	dir, err := tree.Create(ctx, &CreateRequest{
		Name: "d", Access: FileReadData | FileReadAttributes, Share: ShareRead | ShareWrite | ShareDelete, Disposition: CreateFile, Options: DirectoryFile,
	})
	if err != nil {
		t.Fatal(err)
	}
	lease := Lease{V2: true, Key: sampleGUID, State: LeaseRead | LeaseHandle | LeaseWrite, Epoch: 7}
	o, err := tree.Create(ctx, &CreateRequest{
		OplockLevel: OplockLease, Name: `d\long name.txt`, Access: rights, Share: ShareRead, Disposition: CreateFile, Options: NonDirectoryFile | WriteThrough,
		Contexts: []CreateContext{
			MaximalAccessSince(1), OnDiskIDRequest(), DurableV2Request{CreateGUID: sampleGUID}.Context(), lease.Context(), AllocationSize(4096),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	checkCreated(t, o.Created, lease)
	if _, err := o.WriteAt(ctx, []byte("hello"), 0); err != nil {
		t.Fatal(err)
	}
	set := func(info Info) {
		t.Helper()
		typ, class := info.Class()
		want(t, "set "+findInfo(typ, class).name, o.SetInfo(ctx, typ, class, AppendInfo(nil, info)), StatusSuccess)
	}
	when := FileTimes{Creation: 132223104000000000, LastAccess: 132223968000000000, LastWrite: 132224832000000000} // 2020-01-01, 02, 03
	set(&BasicInfo{Times: when, Attributes: AttributeHidden | AttributeArchive})
	checkInfo(t, o, when)
	checkDirectory(t, dir, when)
	checkSecurity(t, o)
	set(&RenameInfo{Name: `d\b`})
	name := AlternateNameInfo{}
	query(t, o, &name)
	if name.Name != "b" {
		t.Errorf("after the rename the alternate name is %q", name.Name)
	}
	set(&EndOfFileInfo{EndOfFile: 2})
	set(&AllocationInfo{Size: 8192})
	set(&DispositionInfo{DeletePending: true})
	standard := StandardInfo{}
	query(t, o, &standard)
	if standard.EndOfFile != 2 || !standard.DeletePending {
		t.Errorf("in the end: %+v", standard)
	}
	want(t, "close", o.Close(ctx), StatusSuccess)
	want(t, "close the directory", dir.Close(ctx), StatusSuccess)
	_, err = tree.CreateClose(ctx, &CreateRequest{Name: "d", Access: Delete, Disposition: OpenFile, Options: DirectoryFile | DeleteOnClose})
	want(t, "remove the directory", err, StatusSuccess)
	want(t, "log off", s.LogOff(ctx), StatusSuccess)
	want(t, "close the connection", s.Conn().Close(), StatusSuccess)
}

func checkCreated(t *testing.T, m *CreateResponse, lease Lease) {
	t.Helper()
	if a, ok, err := m.MaximalAccess(); !ok || err != nil || a.Status != StatusSuccess || a.Access != 0x001F01FF {
		t.Errorf("MxAc %+v, %v, %v", a, ok, err)
	}
	if id, ok, err := m.OnDiskID(); !ok || err != nil || id.File == 0 {
		t.Errorf("QFid %+v, %v, %v", id, ok, err)
	}
	if d, ok, err := m.DurableV2(); !ok || err != nil || d.Timeout == 0 || d.Flags != 0 {
		t.Errorf("DH2Q %+v, %v, %v", d, ok, err)
	}
	lease.Epoch++
	if got, ok, err := m.Lease(); !ok || err != nil || got != lease {
		t.Errorf("RqLs %+v, %v, %v", got, ok, err)
	}
	if ok, err := m.Durable(); ok || err != nil {
		t.Errorf("DHnQ %v, %v", ok, err)
	}
	contexts := map[string]CreateContext{}
	for _, c := range m.Contexts {
		contexts[c.Name] = c
	}
	a, _, _ := m.MaximalAccess()
	id, _, _ := m.OnDiskID()
	d, _, _ := m.DurableV2()
	for _, again := range []CreateContext{a.Context(), id.Context(), d.Context(), lease.Context()} {
		if got := contexts[again.Name]; !bytes.Equal(got.Data, again.Data) {
			t.Errorf("%s encoded again:\n got %x\nwant %x", again.Name, again.Data, got.Data)
		}
	}
}

// query asks for a class, with the least room that it says it needs less one
// byte, and with room enough.
func query(t *testing.T, o *Open, info Info) {
	t.Helper()
	ctx := context.Background()
	typ, class := info.Class()
	name := findInfo(typ, class).name
	size, _ := InfoSize(typ, class)
	if typ == InfoFile || class != FileFsControlInformation && class != FileFsObjectIdInformation { // of which Samba sends a part
		_, err := o.QueryInfo(ctx, typ, class, uint32(size-1))
		want(t, name+" with too little room", err, StatusInfoLengthMismatch)
	}
	b, err := o.QueryInfo(ctx, typ, class, 4096)
	if err != nil {
		t.Error(err)
		return
	}
	if err := ParseInfo(b, info); err != nil {
		t.Error(err)
		return
	}
	if again := AppendInfo(nil, info); !bytes.Equal(again, b) {
		t.Errorf("%s encoded again:\n got %x\nwant %x", name, again, b)
	}
}

// checkInfo compares the information classes of the file "long name.txt" of 5
// bytes with what is known.
func checkInfo(t *testing.T, o *Open, when FileTimes) {
	t.Helper()
	all := AllInfo{}
	query(t, o, &all)
	when.Change = all.Basic.Times.Change
	granted := FileReadData | FileWriteData | FileReadAttributes | FileWriteAttributes | FileReadEA | ReadControl | Delete | Synchronize
	attributes := AttributeHidden | AttributeArchive
	id, _, err := o.Created.OnDiskID()
	if err != nil {
		t.Fatal(err)
	}
	if all.Basic != (BasicInfo{when, attributes}) || all.Access.Access != granted || all.Name.Name != `\d\long name.txt` || all.Internal.FileID != id.File {
		t.Errorf("FileAllInformation %+v", all)
	}
	if st := all.Standard; st.EndOfFile != 5 || st.AllocationSize < 5 || st.Links != 1 || st.DeletePending || st.Directory {
		t.Errorf("FileStandardInformation %+v", st)
	}
	basic, standard, internal, ea := BasicInfo{}, StandardInfo{}, InternalInfo{}, EAInfo{}
	access, position, mode, alignment := AccessInfo{}, PositionInfo{}, ModeInfo{}, AlignmentInfo{}
	for _, info := range []Info{&basic, &standard, &internal, &ea, &access, &position, &mode, &alignment} {
		query(t, o, info)
	}
	if again := (AllInfo{basic, standard, internal, ea, access, position, mode, alignment, all.Name}); again != all {
		t.Errorf("one by one:\n%+v\n%+v", again, all)
	}
	open, tag, compression := NetworkOpenInfo{}, AttributeTagInfo{}, CompressionInfo{}
	alternate, normalized, streams := AlternateNameInfo{}, NormalizedNameInfo{}, StreamInfo{}
	for _, info := range []Info{&open, &tag, &compression, &alternate, &normalized, &streams} {
		query(t, o, info)
	}
	if open != (NetworkOpenInfo{when, standard.AllocationSize, 5, attributes}) {
		t.Errorf("FileNetworkOpenInformation %+v", open)
	}
	if tag != (AttributeTagInfo{Attributes: attributes}) {
		t.Errorf("FileAttributeTagInformation %+v", tag)
	}
	if compression.Format != 0 {
		t.Errorf("FileCompressionInformation %+v", compression)
	}
	if len(alternate.Name) == 0 || len(alternate.Name) > 12 || normalized.Name != `d\long name.txt` {
		t.Errorf("names %q and %q", alternate.Name, normalized.Name)
	}
	if len(streams.Streams) != 1 || streams.Streams[0].Name != "::$DATA" || streams.Streams[0].Size != 5 {
		t.Errorf("FileStreamInformation %+v", streams)
	}

	volume, size, device, attribute := FSVolumeInfo{}, FSSizeInfo{}, FSDeviceInfo{}, FSAttributeInfo{}
	control, full, object, sector := FSControlInfo{}, FSFullSizeInfo{}, FSObjectIDInfo{}, FSSectorSizeInfo{}
	for _, info := range []Info{&volume, &size, &device, &attribute, &control, &full, &object, &sector} {
		query(t, o, info)
	}
	if volume.Label != "share" || volume.SerialNumber == 0 {
		t.Errorf("FileFsVolumeInformation %+v", volume)
	}
	if size.TotalUnits != full.TotalUnits || size.SectorsPerUnit != full.SectorsPerUnit || size.BytesPerSector != full.BytesPerSector || size.BytesPerSector != 512 || size.AvailableUnits > size.TotalUnits {
		t.Errorf("FileFsSizeInformation %+v, FileFsFullSizeInformation %+v", size, full)
	}
	if device.Type != DeviceDisk {
		t.Errorf("FileFsDeviceInformation %+v", device)
	}
	if attribute.Name != "NTFS" || attribute.MaxComponent != 255 || attribute.Attributes&(FSCasePreservedNames|FSUnicodeOnDisk) != FSCasePreservedNames|FSUnicodeOnDisk {
		t.Errorf("FileFsAttributeInformation %+v", attribute)
	}
	if sector.Logical != 512 {
		t.Errorf("FileFsSectorSizeInformation %+v", sector)
	}
}

// checkDirectory lists the directory of the file with every class.
func checkDirectory(t *testing.T, dir *Open, when FileTimes) {
	t.Helper()
	for _, class := range []uint8{
		FileDirectoryInformation, FileFullDirectoryInformation, FileBothDirectoryInformation, FileNamesInformation,
		FileIdBothDirectoryInformation, FileIdFullDirectoryInformation,
	} {
		m, _, err := dir.tree.roundTrip(context.Background(), request{
			msg: &QueryDirectoryRequest{Class: class, Flags: DirectoryRestart, FileID: dir.ID, Pattern: "*", MaxOutput: 4096}, payload: 4096,
		}, "list", dir.Path)
		if err != nil {
			t.Fatal(err)
		}
		b := m.(*QueryDirectoryResponse).Output
		entries, err := ParseDirectory(class, b)
		if err != nil || len(entries) != 3 {
			t.Fatalf("class %d: %+v, %v", class, entries, err)
		}
		list := NewDirectoryList(class, uint32(len(b)))
		for i := range entries {
			if !list.Add(&entries[i]) {
				t.Errorf("class %d: no room for entry %d of what had room", class, i)
			}
		}
		if !bytes.Equal(list.Bytes(), b) {
			t.Errorf("class %d encoded again:\n got %x\nwant %x", class, list.Bytes(), b)
		}
		names := entries[0].Name + " " + entries[1].Name
		e := entries[2]
		if names != ". .." || e.Name != "long name.txt" {
			t.Errorf("class %d: %+v", class, entries)
		}
		if class == FileNamesInformation {
			continue
		}
		when.Change = e.Times.Change
		if e.Times != when || e.EndOfFile != 5 || e.Attributes != AttributeHidden|AttributeArchive || entries[0].Attributes&AttributeDirectory == 0 {
			t.Errorf("class %d: %+v", class, entries)
		}
		short := class == FileBothDirectoryInformation || class == FileIdBothDirectoryInformation
		if (e.ShortName != "") != short || len(e.ShortName) > 12 {
			t.Errorf("class %d: the short name is %q", class, e.ShortName)
		}
		id := class == FileIdBothDirectoryInformation || class == FileIdFullDirectoryInformation
		if (e.FileID != 0) != id {
			t.Errorf("class %d: the file id is %d", class, e.FileID)
		}
	}
}

// checkSecurity reads who owns the file and who may use it: Samba says so of
// a file with the mode 0666.
func checkSecurity(t *testing.T, o *Open) {
	t.Helper()
	m, _, err := o.tree.roundTrip(context.Background(), request{msg: &QueryInfoRequest{
		Type: InfoSecurity, MaxOutput: 4096, Additional: OwnerSecurity | GroupSecurity | DACLSecurity, FileID: o.ID,
	}, payload: 4096}, "query info", o.Path)
	if err != nil {
		t.Fatal(err)
	}
	b := m.(*QueryInfoResponse).Output
	sd, err := ParseSecurityDescriptor(b)
	if err != nil {
		t.Fatalf("%v\n%x", err, b)
	}
	again := sd.AppendTo(nil)
	if !bytes.Equal(again, b) {
		t.Errorf("encoded again:\n got %x\nwant %x", again, b)
	}
	if sd.Owner.Authority() != 5 && sd.Owner.Authority() != 22 || sd.Group.IsZero() || len(sd.DACL) < 3 || sd.SACL != nil {
		t.Errorf("%+v", sd)
	}
	everyone := false
	for _, ace := range sd.DACL {
		if ace.Type != AccessAllowedACE || ace.SID.IsZero() || ace.Data != nil {
			t.Errorf("%+v", ace)
		}
		everyone = everyone || ace.SID == SIDEveryone && ace.Mask&(FileReadData|FileWriteData) == FileReadData|FileWriteData
	}
	if !everyone {
		t.Errorf("everyone may not read and write: %+v", sd.DACL)
	}
}
