package smb

// BasicInfo is a FileBasicInformation, [MS-FSCC] 2.4.7, of 40 bytes. In a
// SET_INFO a time of 0 means "leave it", -1 "leave it from now on, whatever
// this open does" and -2 "take that back"; Attributes of 0 mean "leave them".
type BasicInfo struct {
	Times      FileTimes
	Attributes FileAttributes
}

func (*BasicInfo) Class() (InfoType, uint8) { return InfoFile, FileBasicInformation }

func (i *BasicInfo) appendTo(b []byte) []byte {
	b = i.Times.appendTo(b)
	b = le.AppendUint32(b, uint32(i.Attributes))
	return le.AppendUint32(b, 0) // Reserved
}

func (i *BasicInfo) decode(d *decoder) {
	*i = BasicInfo{Times: d.fileTimes(), Attributes: FileAttributes(d.u32("FileAttributes"))}
	d.skip("Reserved", 4)
}

// StandardInfo is a FileStandardInformation, [MS-FSCC] 2.4.47, of 24 bytes.
// Sizes are in bytes.
type StandardInfo struct {
	AllocationSize uint64
	EndOfFile      uint64
	Links          uint32 // NumberOfLinks, without deleted ones
	DeletePending  bool
	Directory      bool
}

func (*StandardInfo) Class() (InfoType, uint8) { return InfoFile, FileStandardInformation }

func (i *StandardInfo) appendTo(b []byte) []byte {
	b = le.AppendUint64(b, i.AllocationSize)
	b = le.AppendUint64(b, i.EndOfFile)
	b = le.AppendUint32(b, i.Links)
	b = appendFlag(b, i.DeletePending)
	b = appendFlag(b, i.Directory)
	return appendZero(b, 2) // Reserved
}

func (i *StandardInfo) decode(d *decoder) {
	*i = StandardInfo{
		AllocationSize: d.u64("AllocationSize"), EndOfFile: d.u64("EndOfFile"), Links: d.u32("NumberOfLinks"),
		DeletePending: d.flag("DeletePending"), Directory: d.flag("Directory"),
	}
	d.skip("Reserved", 2)
}

// InternalInfo is a FileInternalInformation, [MS-FSCC] 2.4.27, of 8 bytes: the
// number of the file on its volume.
type InternalInfo struct {
	FileID uint64 // IndexNumber
}

func (*InternalInfo) Class() (InfoType, uint8) { return InfoFile, FileInternalInformation }

func (i *InternalInfo) appendTo(b []byte) []byte { return le.AppendUint64(b, i.FileID) }
func (i *InternalInfo) decode(d *decoder)        { i.FileID = d.u64("IndexNumber") }

// IDInfo is a FileIdInformation, [MS-FSCC] 2.4.26, of 24 bytes.
type IDInfo struct {
	VolumeSerialNumber uint64
	FileID             [16]byte
}

func (*IDInfo) Class() (InfoType, uint8) { return InfoFile, FileIdInformation }

func (i *IDInfo) appendTo(b []byte) []byte {
	return append(le.AppendUint64(b, i.VolumeSerialNumber), i.FileID[:]...)
}

func (i *IDInfo) decode(d *decoder) {
	*i = IDInfo{VolumeSerialNumber: d.u64("VolumeSerialNumber"), FileID: d.guid("FileId")}
}

// AccessInfo is a FileAccessInformation, [MS-FSCC] 2.4.1, of 4 bytes.
type AccessInfo struct {
	Access AccessMask // AccessFlags: what the open was granted
}

func (*AccessInfo) Class() (InfoType, uint8) { return InfoFile, FileAccessInformation }

func (i *AccessInfo) appendTo(b []byte) []byte { return le.AppendUint32(b, uint32(i.Access)) }
func (i *AccessInfo) decode(d *decoder)        { i.Access = AccessMask(d.u32("AccessFlags")) }

// PositionInfo is a FilePositionInformation, [MS-FSCC] 2.4.40, of 8 bytes.
type PositionInfo struct {
	Offset uint64 // CurrentByteOffset
}

func (*PositionInfo) Class() (InfoType, uint8) { return InfoFile, FilePositionInformation }

func (i *PositionInfo) appendTo(b []byte) []byte { return le.AppendUint64(b, i.Offset) }
func (i *PositionInfo) decode(d *decoder)        { i.Offset = d.u64("CurrentByteOffset") }

// ModeInfo is a FileModeInformation, [MS-FSCC] 2.4.31, of 4 bytes: those of the
// create options that say how the open is used.
type ModeInfo struct {
	Mode CreateOptions
}

// ModeOptions are the create options that a ModeInfo can hold.
const ModeOptions = WriteThrough | SequentialOnly | NoIntermediateBuffering | SynchronousIOAlert | SynchronousIONonalert

func (*ModeInfo) Class() (InfoType, uint8) { return InfoFile, FileModeInformation }

func (i *ModeInfo) appendTo(b []byte) []byte { return le.AppendUint32(b, uint32(i.Mode)) }
func (i *ModeInfo) decode(d *decoder)        { i.Mode = CreateOptions(d.u32("Mode")) }

// AlignmentInfo is a FileAlignmentInformation, [MS-FSCC] 2.4.3, of 4 bytes.
type AlignmentInfo struct {
	Requirement uint32 // of buffers, in bytes less one: 0 is FILE_BYTE_ALIGNMENT
}

func (*AlignmentInfo) Class() (InfoType, uint8) { return InfoFile, FileAlignmentInformation }

func (i *AlignmentInfo) appendTo(b []byte) []byte { return le.AppendUint32(b, i.Requirement) }
func (i *AlignmentInfo) decode(d *decoder)        { i.Requirement = d.u32("AlignmentRequirement") }

// AllInfo is a FileAllInformation, [MS-FSCC] 2.4.2: 96 bytes and the name.
type AllInfo struct {
	Basic     BasicInfo
	Standard  StandardInfo
	Internal  InternalInfo
	EA        EAInfo
	Access    AccessInfo
	Position  PositionInfo
	Mode      ModeInfo
	Alignment AlignmentInfo
	Name      NameInfo
}

func (*AllInfo) Class() (InfoType, uint8) { return InfoFile, FileAllInformation }

func (i *AllInfo) parts() [9]Info {
	return [...]Info{&i.Basic, &i.Standard, &i.Internal, &i.EA, &i.Access, &i.Position, &i.Mode, &i.Alignment, &i.Name}
}

func (i *AllInfo) appendTo(b []byte) []byte {
	for _, part := range i.parts() {
		b = part.appendTo(b)
	}
	return b
}

func (i *AllInfo) decode(d *decoder) {
	for _, part := range i.parts() {
		part.decode(d)
	}
}

// NetworkOpenInfo is a FileNetworkOpenInformation, [MS-FSCC] 2.4.34, of 56
// bytes. Sizes are in bytes.
type NetworkOpenInfo struct {
	Times          FileTimes
	AllocationSize uint64
	EndOfFile      uint64
	Attributes     FileAttributes
}

func (*NetworkOpenInfo) Class() (InfoType, uint8) { return InfoFile, FileNetworkOpenInformation }

func (i *NetworkOpenInfo) appendTo(b []byte) []byte {
	b = i.Times.appendTo(b)
	b = le.AppendUint64(b, i.AllocationSize)
	b = le.AppendUint64(b, i.EndOfFile)
	b = le.AppendUint32(b, uint32(i.Attributes))
	return le.AppendUint32(b, 0) // Reserved
}

func (i *NetworkOpenInfo) decode(d *decoder) {
	*i = NetworkOpenInfo{
		Times: d.fileTimes(), AllocationSize: d.u64("AllocationSize"), EndOfFile: d.u64("EndOfFile"),
		Attributes: FileAttributes(d.u32("FileAttributes")),
	}
	d.skip("Reserved", 4)
}

// AttributeTagInfo is a FileAttributeTagInformation, [MS-FSCC] 2.4.6, of 8
// bytes.
type AttributeTagInfo struct {
	Attributes FileAttributes
	ReparseTag uint32 // with AttributeReparsePoint
}

func (*AttributeTagInfo) Class() (InfoType, uint8) { return InfoFile, FileAttributeTagInformation }

func (i *AttributeTagInfo) appendTo(b []byte) []byte {
	return le.AppendUint32(le.AppendUint32(b, uint32(i.Attributes)), i.ReparseTag)
}

func (i *AttributeTagInfo) decode(d *decoder) {
	*i = AttributeTagInfo{Attributes: FileAttributes(d.u32("FileAttributes")), ReparseTag: d.u32("ReparseTag")}
}

// CompressionInfo is a FileCompressionInformation, [MS-FSCC] 2.4.9, of 16
// bytes. The shifts are powers of two, in bytes.
type CompressionInfo struct {
	Size         uint64 // CompressedFileSize
	Format       uint16 // CompressionFormat; 0 is none
	UnitShift    uint8
	ChunkShift   uint8
	ClusterShift uint8
}

func (*CompressionInfo) Class() (InfoType, uint8) { return InfoFile, FileCompressionInformation }

func (i *CompressionInfo) appendTo(b []byte) []byte {
	b = le.AppendUint64(b, i.Size)
	b = le.AppendUint16(b, i.Format)
	return append(b, i.UnitShift, i.ChunkShift, i.ClusterShift, 0, 0, 0)
}

func (i *CompressionInfo) decode(d *decoder) {
	*i = CompressionInfo{
		Size: d.u64("CompressedFileSize"), Format: d.u16("CompressionFormat"),
		UnitShift: d.u8("CompressionUnitShift"), ChunkShift: d.u8("ChunkShift"), ClusterShift: d.u8("ClusterShift"),
	}
	d.skip("Reserved", 3)
}
