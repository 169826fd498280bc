package smb

// InfoType says what QUERY_INFO and SET_INFO are about, [MS-SMB2] 2.2.37.
type InfoType uint8

// The info types.
const (
	InfoFile       InfoType = 0x01 // SMB2_0_INFO_FILE
	InfoFileSystem InfoType = 0x02 // SMB2_0_INFO_FILESYSTEM
	InfoSecurity   InfoType = 0x03 // SMB2_0_INFO_SECURITY
)

// The file information classes, [MS-FSCC] 2.4, with the type that holds the
// content of one. Where a length is given it is exact, in bytes.
const (
	FileDirectoryInformation       uint8 = 1  // DirectoryEntry
	FileFullDirectoryInformation   uint8 = 2  // DirectoryEntry
	FileBothDirectoryInformation   uint8 = 3  // DirectoryEntry
	FileBasicInformation           uint8 = 4  // BasicInfo, 40 bytes
	FileStandardInformation        uint8 = 5  // StandardInfo, 24 bytes
	FileInternalInformation        uint8 = 6  // InternalInfo, 8 bytes
	FileEaInformation              uint8 = 7  // EAInfo, 4 bytes
	FileAccessInformation          uint8 = 8  // AccessInfo, 4 bytes
	FileNameInformation            uint8 = 9  // NameInfo
	FileRenameInformation          uint8 = 10 // RenameInfo
	FileLinkInformation            uint8 = 11 // LinkInfo
	FileNamesInformation           uint8 = 12 // DirectoryEntry
	FileDispositionInformation     uint8 = 13 // DispositionInfo, 1 byte
	FilePositionInformation        uint8 = 14 // PositionInfo, 8 bytes
	FileFullEaInformation          uint8 = 15 // FullEAInfo
	FileModeInformation            uint8 = 16 // ModeInfo, 4 bytes
	FileAlignmentInformation       uint8 = 17 // AlignmentInfo, 4 bytes
	FileAllInformation             uint8 = 18 // AllInfo
	FileAllocationInformation      uint8 = 19 // AllocationInfo, 8 bytes
	FileEndOfFileInformation       uint8 = 20 // EndOfFileInfo, 8 bytes
	FileAlternateNameInformation   uint8 = 21 // AlternateNameInfo
	FileStreamInformation          uint8 = 22 // StreamInfo
	FilePipeInformation            uint8 = 23 // PipeInfo, 8 bytes
	FilePipeLocalInformation       uint8 = 24 // PipeLocalInfo, 40 bytes
	FileCompressionInformation     uint8 = 28 // CompressionInfo, 16 bytes
	FileNetworkOpenInformation     uint8 = 34 // NetworkOpenInfo, 56 bytes
	FileAttributeTagInformation    uint8 = 35 // AttributeTagInfo, 8 bytes
	FileIdBothDirectoryInformation uint8 = 37 // DirectoryEntry
	FileIdFullDirectoryInformation uint8 = 38 // DirectoryEntry
	FileNormalizedNameInformation  uint8 = 48 // NormalizedNameInfo
	FileIdInformation              uint8 = 59 // IDInfo, 24 bytes
	FileDispositionInformationEx   uint8 = 64 // DispositionExInfo, 4 bytes
	FileRenameInformationEx        uint8 = 65 // RenameExInfo
)

// The file system information classes, [MS-FSCC] 2.5, likewise.
const (
	FileFsVolumeInformation     uint8 = 1  // FSVolumeInfo
	FileFsSizeInformation       uint8 = 3  // FSSizeInfo, 24 bytes
	FileFsDeviceInformation     uint8 = 4  // FSDeviceInfo, 8 bytes
	FileFsAttributeInformation  uint8 = 5  // FSAttributeInfo
	FileFsControlInformation    uint8 = 6  // FSControlInfo, 48 bytes
	FileFsFullSizeInformation   uint8 = 7  // FSFullSizeInfo, 32 bytes
	FileFsObjectIdInformation   uint8 = 8  // FSObjectIDInfo, 64 bytes
	FileFsSectorSizeInformation uint8 = 11 // FSSectorSizeInfo, 28 bytes
)

// QueryInfoRequest is the SMB2 QUERY_INFO Request, [MS-SMB2] 2.2.37.
type QueryInfoRequest struct {
	Type       InfoType
	Class      uint8
	MaxOutput  uint32 // bytes of output the client takes
	Additional uint32 // AdditionalInformation: parts of a security descriptor
	Flags      uint32
	FileID     FileID
	Input      []byte
}

func (*QueryInfoRequest) Command() Command { return CommandQueryInfo }

func (m *QueryInfoRequest) appendBody(b []byte, start int) []byte {
	b = le.AppendUint16(b, 41)
	b = append(b, byte(m.Type), m.Class)
	b = le.AppendUint32(b, m.MaxOutput)
	offset := len(b)
	b = le.AppendUint32(b, 0) // InputBufferOffset, Reserved
	b = le.AppendUint32(b, uint32(len(m.Input)))
	b = le.AppendUint32(b, m.Additional)
	b = le.AppendUint32(b, m.Flags)
	b = appendFileID(b, m.FileID)
	if len(m.Input) == 0 {
		return append(b, 0)
	}
	putOffset(b, start, offset)
	return append(b, m.Input...)
}

func (m *QueryInfoRequest) decode(d *decoder) {
	d.size(41)
	r := QueryInfoRequest{Type: InfoType(d.u8("InfoType")), Class: d.u8("FileInfoClass"), MaxOutput: d.u32("OutputBufferLength")}
	offset := d.u16("InputBufferOffset")
	d.skip("Reserved", 2)
	size := d.u32("InputBufferLength")
	r.Additional, r.Flags = d.u32("AdditionalInformation"), d.u32("Flags")
	r.FileID = d.fileID("FileId")
	r.Input = d.at("InputBuffer", uint64(offset), uint64(size))
	if d.err == nil {
		*m = r
	}
}

// QueryInfoResponse is the SMB2 QUERY_INFO Response, [MS-SMB2] 2.2.38.
type QueryInfoResponse struct {
	Output []byte
}

func (*QueryInfoResponse) Command() Command { return CommandQueryInfo }

func (m *QueryInfoResponse) appendBody(b []byte, start int) []byte {
	return appendOutput(b, start, m.Output)
}

func (m *QueryInfoResponse) decode(d *decoder) {
	if out := decodeOutput(d); d.err == nil {
		m.Output = out
	}
}

// appendOutput writes the body that QUERY_INFO and QUERY_DIRECTORY responses
// share.
func appendOutput(b []byte, start int, output []byte) []byte {
	b = le.AppendUint16(b, 9)
	offset := len(b)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint32(b, uint32(len(output)))
	putOffset(b, start, offset)
	return append(b, output...)
}

func decodeOutput(d *decoder) []byte {
	d.size(9)
	offset, size := d.u16("OutputBufferOffset"), d.u32("OutputBufferLength")
	return d.at("OutputBuffer", uint64(offset), uint64(size))
}

// SetInfoRequest is the SMB2 SET_INFO Request, [MS-SMB2] 2.2.39.
type SetInfoRequest struct {
	Type       InfoType
	Class      uint8
	Additional uint32 // AdditionalInformation: parts of a security descriptor
	FileID     FileID
	Input      []byte
}

func (*SetInfoRequest) Command() Command { return CommandSetInfo }

func (m *SetInfoRequest) appendBody(b []byte, start int) []byte {
	b = le.AppendUint16(b, 33)
	b = append(b, byte(m.Type), m.Class)
	b = le.AppendUint32(b, uint32(len(m.Input)))
	offset := len(b)
	b = le.AppendUint32(b, 0) // BufferOffset, Reserved
	b = le.AppendUint32(b, m.Additional)
	b = appendFileID(b, m.FileID)
	putOffset(b, start, offset)
	if len(m.Input) == 0 {
		return append(b, 0)
	}
	return append(b, m.Input...)
}

func (m *SetInfoRequest) decode(d *decoder) {
	d.size(33)
	r := SetInfoRequest{Type: InfoType(d.u8("InfoType")), Class: d.u8("FileInfoClass")}
	size, offset := d.u32("BufferLength"), d.u16("BufferOffset")
	d.skip("Reserved", 2)
	r.Additional = d.u32("AdditionalInformation")
	r.FileID = d.fileID("FileId")
	r.Input = d.at("Buffer", uint64(offset), uint64(size))
	if d.err == nil {
		*m = r
	}
}

// SetInfoResponse is the SMB2 SET_INFO Response, [MS-SMB2] 2.2.40.
type SetInfoResponse struct{}

func (*SetInfoResponse) Command() Command { return CommandSetInfo }

func (*SetInfoResponse) appendBody(b []byte, _ int) []byte { return append(b, 2, 0) }

func (*SetInfoResponse) decode(d *decoder) { d.size(2) }
