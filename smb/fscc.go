package smb

// Info is the content of an information class: what QUERY_INFO returns and
// SET_INFO takes, [MS-FSCC] 2.4 and 2.5. AppendInfo encodes one, ParseInfo
// decodes it.
type Info interface {
	// Class is the info type and the class that the content belongs to.
	Class() (InfoType, uint8)

	// appendTo appends the content to b.
	appendTo(b []byte) []byte

	// decode reads the content. What the receiver holds after an error means
	// nothing.
	decode(d *decoder)
}

// infoClass is what is known of a class.
type infoClass struct {
	typ   InfoType
	class uint8
	name  string
	size  int         // see InfoSize
	info  func() Info // nil for the classes of QUERY_DIRECTORY
}

var infoClasses = []infoClass{
	{InfoFile, FileDirectoryInformation, "FileDirectoryInformation", 64, nil},
	{InfoFile, FileFullDirectoryInformation, "FileFullDirectoryInformation", 68, nil},
	{InfoFile, FileBothDirectoryInformation, "FileBothDirectoryInformation", 94, nil},
	{InfoFile, FileBasicInformation, "FileBasicInformation", 40, func() Info { return new(BasicInfo) }},
	{InfoFile, FileStandardInformation, "FileStandardInformation", 24, func() Info { return new(StandardInfo) }},
	{InfoFile, FileInternalInformation, "FileInternalInformation", 8, func() Info { return new(InternalInfo) }},
	{InfoFile, FileEaInformation, "FileEaInformation", 4, func() Info { return new(EAInfo) }},
	{InfoFile, FileAccessInformation, "FileAccessInformation", 4, func() Info { return new(AccessInfo) }},
	{InfoFile, FileNameInformation, "FileNameInformation", 8, func() Info { return new(NameInfo) }},
	{InfoFile, FileRenameInformation, "FileRenameInformation", 24, func() Info { return new(RenameInfo) }},
	{InfoFile, FileLinkInformation, "FileLinkInformation", 24, func() Info { return new(LinkInfo) }},
	{InfoFile, FileNamesInformation, "FileNamesInformation", 12, nil},
	{InfoFile, FileDispositionInformation, "FileDispositionInformation", 1, func() Info { return new(DispositionInfo) }},
	{InfoFile, FilePositionInformation, "FilePositionInformation", 8, func() Info { return new(PositionInfo) }},
	{InfoFile, FileFullEaInformation, "FileFullEaInformation", 0, func() Info { return new(FullEAInfo) }},
	{InfoFile, FileModeInformation, "FileModeInformation", 4, func() Info { return new(ModeInfo) }},
	{InfoFile, FileAlignmentInformation, "FileAlignmentInformation", 4, func() Info { return new(AlignmentInfo) }},
	{InfoFile, FileAllInformation, "FileAllInformation", 104, func() Info { return new(AllInfo) }},
	{InfoFile, FileAllocationInformation, "FileAllocationInformation", 8, func() Info { return new(AllocationInfo) }},
	{InfoFile, FileEndOfFileInformation, "FileEndOfFileInformation", 8, func() Info { return new(EndOfFileInfo) }},
	{InfoFile, FileAlternateNameInformation, "FileAlternateNameInformation", 8, func() Info { return new(AlternateNameInfo) }},
	{InfoFile, FileStreamInformation, "FileStreamInformation", 32, func() Info { return new(StreamInfo) }},
	{InfoFile, FilePipeInformation, "FilePipeInformation", 8, func() Info { return new(PipeInfo) }},
	{InfoFile, FilePipeLocalInformation, "FilePipeLocalInformation", 40, func() Info { return new(PipeLocalInfo) }},
	{InfoFile, FileCompressionInformation, "FileCompressionInformation", 16, func() Info { return new(CompressionInfo) }},
	{InfoFile, FileNetworkOpenInformation, "FileNetworkOpenInformation", 56, func() Info { return new(NetworkOpenInfo) }},
	{InfoFile, FileAttributeTagInformation, "FileAttributeTagInformation", 8, func() Info { return new(AttributeTagInfo) }},
	{InfoFile, FileIdBothDirectoryInformation, "FileIdBothDirectoryInformation", 104, nil},
	{InfoFile, FileIdFullDirectoryInformation, "FileIdFullDirectoryInformation", 80, nil},
	{InfoFile, FileNormalizedNameInformation, "FileNormalizedNameInformation", 8, func() Info { return new(NormalizedNameInfo) }},
	{InfoFile, FileIdInformation, "FileIdInformation", 24, func() Info { return new(IDInfo) }},
	{InfoFile, FileDispositionInformationEx, "FileDispositionInformationEx", 4, func() Info { return new(DispositionExInfo) }},
	{InfoFile, FileRenameInformationEx, "FileRenameInformationEx", 24, func() Info { return new(RenameExInfo) }},

	{InfoFileSystem, FileFsVolumeInformation, "FileFsVolumeInformation", 24, func() Info { return new(FSVolumeInfo) }},
	{InfoFileSystem, FileFsSizeInformation, "FileFsSizeInformation", 24, func() Info { return new(FSSizeInfo) }},
	{InfoFileSystem, FileFsDeviceInformation, "FileFsDeviceInformation", 8, func() Info { return new(FSDeviceInfo) }},
	{InfoFileSystem, FileFsAttributeInformation, "FileFsAttributeInformation", 16, func() Info { return new(FSAttributeInfo) }},
	{InfoFileSystem, FileFsControlInformation, "FileFsControlInformation", 48, func() Info { return new(FSControlInfo) }},
	{InfoFileSystem, FileFsFullSizeInformation, "FileFsFullSizeInformation", 32, func() Info { return new(FSFullSizeInfo) }},
	{InfoFileSystem, FileFsObjectIdInformation, "FileFsObjectIdInformation", 64, func() Info { return new(FSObjectIDInfo) }},
	{InfoFileSystem, FileFsSectorSizeInformation, "FileFsSectorSizeInformation", 28, func() Info { return new(FSSectorSizeInfo) }},
}

func findInfo(typ InfoType, class uint8) *infoClass {
	for i := range infoClasses {
		if c := &infoClasses[i]; c.typ == typ && c.class == class {
			return c
		}
	}
	return nil
}

// NewInfo returns an empty content of a class for ParseInfo, or nil for a class
// that is not known here or belongs to QUERY_DIRECTORY.
func NewInfo(typ InfoType, class uint8) Info {
	if c := findInfo(typ, class); c != nil && c.info != nil {
		return c.info()
	}
	return nil
}

// InfoSize returns the least length, in bytes, that an output buffer (of a
// query) or an input buffer (of a set) must have for a class; with less the
// answer is STATUS_INFO_LENGTH_MISMATCH, [MS-SMB2] 3.3.5.20.1. A class of fixed
// length has exactly that length. With names it is the fixed part, the first
// character and its padding, [MS-FSA] 2.1.5.12 and 2.1.5.13, or for
// QUERY_DIRECTORY the fixed part alone, [MS-FSA] 2.1.5.6.3. ok is false for a
// class that is not known here.
func InfoSize(typ InfoType, class uint8) (size int, ok bool) {
	c := findInfo(typ, class)
	if c == nil {
		return 0, false
	}
	return c.size, true
}

// AppendInfo appends the content of an information class to b.
func AppendInfo(b []byte, info Info) []byte { return info.appendTo(b) }

// ParseInfo decodes b into info. Bytes behind the content are left alone, as
// servers and clients do. After an error info is not to be used.
func ParseInfo(b []byte, info Info) error {
	typ, class := info.Class()
	d := &decoder{what: findInfo(typ, class).name, msg: b}
	info.decode(d)
	return d.err
}
