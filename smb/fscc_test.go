package smb

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// infoSamples are contents of every class with all their fields set, and their
// bytes, which are written by hand from the tables of [MS-FSCC] 2.4 and 2.5.
var infoSamples = []struct {
	info Info
	b    string
}{
	{&BasicInfo{Times: sampleTimes, Attributes: AttributeHidden | AttributeArchive},
		`1111111111111111 2222222222222222 3333333333333333 4444444444444444 22000000 00000000`},
	{&StandardInfo{AllocationSize: 0x2000, EndOfFile: 0x1FFF, Links: 3, DeletePending: true},
		`0020000000000000 ff1f000000000000 03000000 01 00 0000`},
	{&InternalInfo{FileID: 0x0102030405060708}, `0807060504030201`},
	{&EAInfo{Size: 0x123}, `23010000`},
	{&AccessInfo{Access: 0x001F01FF}, `ff011f00`},
	{&NameInfo{Name: `\d\ä`}, `08000000 5c0064005c00e400`},
	{&RenameInfo{ReplaceIfExists: true, RootDirectory: 0x55, Name: `d\b`}, `01 00000000000000 5500000000000000 06000000 64005c006200`},
	{&RenameInfo{Name: "b"}, `00 00000000000000 0000000000000000 02000000 6200 0000`},
	{&LinkInfo{ReplaceIfExists: true, Name: `d\b`}, `01 00000000000000 0000000000000000 06000000 64005c006200`},
	{&DispositionInfo{DeletePending: true}, `01`},
	{&PositionInfo{Offset: 0x1234}, `3412000000000000`},
	{&FullEAInfo{EAs: []EA{{Flags: EANeeded, Name: "A", Value: []byte("xyz")}, {Name: "BC", Value: []byte{}}}},
		`10000000 80 01 0300 4100 78797a 000000
		 00000000 00 02 0000 424300`},
	{&ModeInfo{Mode: WriteThrough | SynchronousIONonalert}, `22000000`},
	{&AlignmentInfo{Requirement: 7}, `07000000`},
	{&AllInfo{
		Basic:    BasicInfo{Times: sampleTimes, Attributes: AttributeNormal},
		Standard: StandardInfo{AllocationSize: 0x2000, EndOfFile: 0x1FFF, Links: 1, Directory: true},
		Internal: InternalInfo{FileID: 0x77}, EA: EAInfo{Size: 4}, Access: AccessInfo{Access: 0x89}, Position: PositionInfo{Offset: 2},
		Mode: ModeInfo{Mode: SequentialOnly}, Alignment: AlignmentInfo{Requirement: 1}, Name: NameInfo{Name: `\a`},
	}, `1111111111111111 2222222222222222 3333333333333333 4444444444444444 80000000 00000000
		0020000000000000 ff1f000000000000 01000000 00 01 0000
		7700000000000000 04000000 89000000 0200000000000000 04000000 01000000 04000000 5c006100`},
	{&AllocationInfo{Size: 0x2000}, `0020000000000000`},
	{&EndOfFileInfo{EndOfFile: 0x1FFF}, `ff1f000000000000`},
	{&AlternateNameInfo{Name: "A~1"}, `06000000 41007e003100`},
	{&StreamInfo{Streams: []Stream{{Size: 5, AllocationSize: 4096, Name: "::$DATA"}, {Size: 1, AllocationSize: 8, Name: ":s:$DATA"}}},
		`28000000 0e000000 0500000000000000 0010000000000000 3a003a0024004400410054004100 0000
		 00000000 10000000 0100000000000000 0800000000000000 3a0073003a0024004400410054004100`},
	{&PipeInfo{ReadMode: PipeMessageMode, CompletionMode: PipeCompleteOperation}, `01000000 01000000`},
	{&PipeLocalInfo{
		Type: PipeMessageMode, Configuration: PipeFullDuplex, MaximumInstances: ^uint32(0), CurrentInstances: 2, InboundQuota: 3,
		ReadDataAvailable: 4, OutboundQuota: 5, WriteQuotaAvailable: 6, State: PipeConnected, End: PipeServerEnd,
	}, `01000000 02000000 ffffffff 02000000 03000000 04000000 05000000 06000000 03000000 01000000`},
	{&CompressionInfo{Size: 0x1FFF, Format: 2, UnitShift: 16, ChunkShift: 12, ClusterShift: 9}, `ff1f000000000000 0200 10 0c 09 000000`},
	{&NetworkOpenInfo{Times: sampleTimes, AllocationSize: 0x2000, EndOfFile: 0x1FFF, Attributes: AttributeNormal},
		`1111111111111111 2222222222222222 3333333333333333 4444444444444444 0020000000000000 ff1f000000000000 80000000 00000000`},
	{&AttributeTagInfo{Attributes: AttributeReparsePoint, ReparseTag: 0xA000000C}, `00040000 0c0000a0`},
	{&NormalizedNameInfo{Name: `d\a`}, `06000000 64005c006100`},
	{&IDInfo{VolumeSerialNumber: 0x0102030405060708, FileID: sampleGUID}, `0807060504030201 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff`},
	{&DispositionExInfo{Flags: DispositionDelete | DispositionIgnoreReadonly}, `11000000`},
	{&RenameExInfo{Flags: RenameReplaceIfExists | RenamePOSIXSemantics, Name: `d\b`}, `03000000 00000000 0000000000000000 06000000 64005c006200`},

	{&FSVolumeInfo{CreationTime: 0x01DA111122223333, SerialNumber: 0xCAFE, SupportsObjects: true, Label: "lab"},
		`333322221111da01 feca0000 06000000 01 00 6c0061006200`},
	{&FSSizeInfo{TotalUnits: 0x100000, AvailableUnits: 0x80000, SectorsPerUnit: 8, BytesPerSector: 512},
		`0000100000000000 0000080000000000 08000000 00020000`},
	{&FSDeviceInfo{Type: DeviceDisk, Characteristics: DeviceIsMounted}, `07000000 20000000`},
	{&FSAttributeInfo{Attributes: FSCasePreservedNames | FSUnicodeOnDisk | FSPersistentACLs | FSNamedStreams, MaxComponent: 255, Name: "NTFS"},
		`0e000400 ff000000 08000000 4e00540046005300`},
	{&FSControlInfo{
		FreeSpaceStartFiltering: 1, FreeSpaceThreshold: 2, FreeSpaceStopFiltering: 3, DefaultQuotaThreshold: NoQuota, DefaultQuotaLimit: 5,
		Flags: FSContentIndexDisabled | FSQuotaTrack,
	}, `0100000000000000 0200000000000000 0300000000000000 ffffffffffffffff 0500000000000000 09000000 00000000`},
	{&FSFullSizeInfo{TotalUnits: 0x100000, CallerAvailableUnits: 0x70000, ActualAvailableUnits: 0x80000, SectorsPerUnit: 8, BytesPerSector: 512},
		`0000100000000000 0000070000000000 0000080000000000 08000000 00020000`},
	{&FSObjectIDInfo{ObjectID: sampleGUID, Extended: [48]byte{0: 0xAA, 47: 0xBB}},
		`f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff aa` + strings.Repeat("00", 46) + `bb`},
	{&FSSectorSizeInfo{
		Logical: 512, PhysicalForAtomicity: 4096, PhysicalForPerformance: 8192, EffectiveForAtomicity: 1024,
		Flags: SectorAlignedDevice | SectorTrimEnabled, SectorAlignment: ^uint32(0), PartitionAlignment: 1,
	}, `00020000 00100000 00200000 00040000 09000000 ffffffff 01000000`},
}

// variableClasses have a name or are lists; the others have one length.
var variableClasses = map[string]bool{
	"FileNameInformation": true, "FileAlternateNameInformation": true, "FileNormalizedNameInformation": true, "FileAllInformation": true,
	"FileRenameInformation": true, "FileRenameInformationEx": true, "FileLinkInformation": true, "FileFullEaInformation": true,
	"FileStreamInformation": true, "FileFsVolumeInformation": true, "FileFsAttributeInformation": true,
}

func TestInfo(t *testing.T) {
	seen := map[*infoClass]bool{}
	for _, s := range infoSamples {
		typ, class := s.info.Class()
		c := findInfo(typ, class)
		seen[c] = true
		t.Run(c.name, func(t *testing.T) {
			want := wireHex(t, s.b)
			if got := AppendInfo(nil, s.info); !bytes.Equal(got, want) {
				t.Errorf("AppendInfo:\n got %x\nwant %x", got, want)
			}
			if got := AppendInfo([]byte("abc"), s.info); !bytes.Equal(got[3:], want) {
				t.Errorf("at offset 3: %x", got[3:])
			}
			got := NewInfo(typ, class)
			if err := ParseInfo(want, got); err != nil || !reflect.DeepEqual(got, s.info) {
				t.Errorf("ParseInfo = %+v, %v", got, err)
			}
			if !variableClasses[c.name] && c.size != len(want) {
				t.Errorf("%d bytes, %d are said", len(want), c.size)
			}
			hostile(t, want, func(b []byte) (any, error) {
				info := NewInfo(typ, class)
				if len(b) == 0 && (class == FileStreamInformation || class == FileFullEaInformation) && typ == InfoFile {
					return s.info, nil // an empty list is no list cut short
				}
				if err := ParseInfo(b, info); err != nil {
					return nil, err
				}
				return info, nil
			})
		})
	}
	for i := range infoClasses {
		if c := &infoClasses[i]; c.info != nil && !seen[c] {
			t.Errorf("no sample of %s", c.name)
		}
	}
}

// TestInfoClasses compares the numbers of the classes with the tables of
// [MS-FSCC] 2.4 and 2.5, and the sizes with what smbtorture's
// smb2.getinfo.qfile_buffercheck and qfs_buffercheck demand of a server.
func TestInfoClasses(t *testing.T) {
	numbers := map[string]uint8{
		"FileDirectoryInformation": 1, "FileFullDirectoryInformation": 2, "FileBothDirectoryInformation": 3, "FileBasicInformation": 4,
		"FileStandardInformation": 5, "FileInternalInformation": 6, "FileEaInformation": 7, "FileAccessInformation": 8,
		"FileNameInformation": 9, "FileRenameInformation": 10, "FileLinkInformation": 11, "FileNamesInformation": 12,
		"FileDispositionInformation": 13, "FilePositionInformation": 14, "FileFullEaInformation": 15, "FileModeInformation": 16,
		"FileAlignmentInformation": 17, "FileAllInformation": 18, "FileAllocationInformation": 19, "FileEndOfFileInformation": 20,
		"FileAlternateNameInformation": 21, "FileStreamInformation": 22, "FilePipeInformation": 23, "FilePipeLocalInformation": 24,
		"FileCompressionInformation": 28, "FileNetworkOpenInformation": 34, "FileAttributeTagInformation": 35,
		"FileIdBothDirectoryInformation": 37, "FileIdFullDirectoryInformation": 38, "FileNormalizedNameInformation": 48,
		"FileIdInformation": 59, "FileDispositionInformationEx": 64, "FileRenameInformationEx": 65,
		"FileFsVolumeInformation": 1, "FileFsSizeInformation": 3, "FileFsDeviceInformation": 4, "FileFsAttributeInformation": 5,
		"FileFsControlInformation": 6, "FileFsFullSizeInformation": 7, "FileFsObjectIdInformation": 8, "FileFsSectorSizeInformation": 11,
	}
	if len(numbers) != len(infoClasses) {
		t.Errorf("%d classes, %d expected", len(infoClasses), len(numbers))
	}
	for _, c := range infoClasses {
		if n, ok := numbers[c.name]; !ok || n != c.class || strings.HasPrefix(c.name, "FileFs") != (c.typ == InfoFileSystem) {
			t.Errorf("%s is class %d of type %d, want %d", c.name, c.class, c.typ, n)
		}
		info := NewInfo(c.typ, c.class)
		if (info == nil) != strings.HasSuffix(c.name, "DirectoryInformation") && c.class != FileNamesInformation {
			t.Errorf("%s: NewInfo = %T", c.name, info)
		}
		if info == nil {
			continue
		}
		if typ, class := info.Class(); typ != c.typ || class != c.class {
			t.Errorf("%T says that it is class %d of type %d", info, class, typ)
		}
	}
	for _, size := range []struct {
		typ   InfoType
		class uint8
		want  int
	}{
		{InfoFile, 4, 40}, {InfoFile, 5, 24}, {InfoFile, 6, 8}, {InfoFile, 7, 4}, {InfoFile, 8, 4}, {InfoFile, 16, 4}, {InfoFile, 17, 4},
		{InfoFile, 18, 104}, {InfoFile, 21, 8}, {InfoFile, 22, 32}, {InfoFile, 28, 16}, {InfoFile, 34, 56}, {InfoFile, 35, 8},
		{InfoFileSystem, 1, 24}, {InfoFileSystem, 3, 24}, {InfoFileSystem, 4, 8}, {InfoFileSystem, 5, 16}, {InfoFileSystem, 6, 48},
	} {
		if got, ok := InfoSize(size.typ, size.class); !ok || got != size.want {
			t.Errorf("InfoSize(%d, %d) = %d, %v, want %d", size.typ, size.class, got, ok, size.want)
		}
	}
	if _, ok := InfoSize(InfoSecurity, 0); ok || NewInfo(InfoFile, 99) != nil || NewInfo(InfoFileSystem, FileBasicInformation+20) != nil {
		t.Error("an unknown class is known")
	}
}

func TestInfoRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		info Info
		b    string
		want string
	}{
		{"a short class", new(BasicInfo), `1111`, "FileBasicInformation: CreationTime at offset 0 (8 bytes) is outside the 2-byte message"},
		{"a short part", new(AllInfo), strings.Repeat("00", 60), "FileAllInformation: DeletePending at offset 60 (1 bytes)"},
		{"an odd name", new(RenameInfo), `00 00000000000000 0000000000000000 03000000 62006300`, "FileRenameInformation: FileName has the odd length 3 for UTF-16"},
		{"a name that is longer than its message", new(NameInfo), `ffffffff 6200`, "FileNameInformation: FileName has the odd length 4294967295"},
		{"the same, even", new(NameInfo), `feffffff 6200`, "FileName at offset 4 (4294967294 bytes) is outside the 6-byte message"},
		{"an entry over the end", new(StreamInfo), `40000000 00000000 0000000000000000 0000000000000000`, "FileStreamInformation[0]: NextEntryOffset is 64 in 24 bytes"},
		{"an entry inside the one before", new(StreamInfo), `08000000` + strings.Repeat("00", 60), "FileStreamInformation[0]: NextEntryOffset is 8 in 64 bytes"},
		{"a short second entry", new(StreamInfo), `18000000 00000000 0000000000000000 0000000000000000 00000000`, "FileStreamInformation[1]: StreamNameLength at offset 4"},
		{"an attribute without NUL", new(FullEAInfo), `00000000 00 01 0000 4142`, "FileFullEaInformation[0]: EaName does not end with NUL"},
	} {
		err := ParseInfo(wireHex(t, c.b), c.info)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestEANames(t *testing.T) {
	// [MS-FSCC] 2.4.16.1
	want := wireHex(t, `08000000 02 424300 00000000 01 4100`)
	names := []string{"BC", "A"}
	if got := AppendEANames(nil, names); !bytes.Equal(got, want) {
		t.Errorf("AppendEANames:\n got %x\nwant %x", got, want)
	}
	hostile(t, want, func(b []byte) (any, error) {
		if len(b) == 0 {
			return names, nil
		}
		return ParseEANames(b)
	})
	if got, err := ParseEANames(want); err != nil || !reflect.DeepEqual(got, names) {
		t.Errorf("ParseEANames = %q, %v", got, err)
	}
}
