package smb

// FSVolumeInfo is a FileFsVolumeInformation, [MS-FSCC] 2.5.9: 18 bytes and the
// label.
type FSVolumeInfo struct {
	CreationTime    uint64 // VolumeCreationTime, in 100 ns since 1601
	SerialNumber    uint32 // VolumeSerialNumber
	SupportsObjects bool
	Label           string // VolumeLabel
}

func (*FSVolumeInfo) Class() (InfoType, uint8) { return InfoFileSystem, FileFsVolumeInformation }

func (i *FSVolumeInfo) appendTo(b []byte) []byte {
	b = le.AppendUint64(b, i.CreationTime)
	b = le.AppendUint32(b, i.SerialNumber)
	size := len(b)
	b = le.AppendUint32(b, 0) // VolumeLabelLength
	b = appendFlag(b, i.SupportsObjects)
	b = append(b, 0) // Reserved
	label := len(b)
	b = appendUTF16(b, i.Label)
	le.PutUint32(b[size:], uint32(len(b)-label))
	return b
}

func (i *FSVolumeInfo) decode(d *decoder) {
	*i = FSVolumeInfo{CreationTime: d.u64("VolumeCreationTime"), SerialNumber: d.u32("VolumeSerialNumber")}
	size := d.u32("VolumeLabelLength")
	i.SupportsObjects = d.flag("SupportsObjects")
	d.skip("Reserved", 1)
	i.Label = d.nextText("VolumeLabel", uint64(size))
}

// FSSizeInfo is a FileFsSizeInformation, [MS-FSCC] 2.5.8, of 24 bytes. Units
// are allocation units, or clusters.
type FSSizeInfo struct {
	TotalUnits     uint64 // TotalAllocationUnits
	AvailableUnits uint64 // AvailableAllocationUnits
	SectorsPerUnit uint32 // SectorsPerAllocationUnit
	BytesPerSector uint32
}

func (*FSSizeInfo) Class() (InfoType, uint8) { return InfoFileSystem, FileFsSizeInformation }

func (i *FSSizeInfo) appendTo(b []byte) []byte {
	b = le.AppendUint64(b, i.TotalUnits)
	b = le.AppendUint64(b, i.AvailableUnits)
	b = le.AppendUint32(b, i.SectorsPerUnit)
	return le.AppendUint32(b, i.BytesPerSector)
}

func (i *FSSizeInfo) decode(d *decoder) {
	*i = FSSizeInfo{
		TotalUnits: d.u64("TotalAllocationUnits"), AvailableUnits: d.u64("AvailableAllocationUnits"),
		SectorsPerUnit: d.u32("SectorsPerAllocationUnit"), BytesPerSector: d.u32("BytesPerSector"),
	}
}

// FSFullSizeInfo is a FileFsFullSizeInformation, [MS-FSCC] 2.5.4, of 32 bytes.
type FSFullSizeInfo struct {
	TotalUnits           uint64 // TotalAllocationUnits
	CallerAvailableUnits uint64 // CallerAvailableAllocationUnits: quotas count
	ActualAvailableUnits uint64 // ActualAvailableAllocationUnits
	SectorsPerUnit       uint32 // SectorsPerAllocationUnit
	BytesPerSector       uint32
}

func (*FSFullSizeInfo) Class() (InfoType, uint8) { return InfoFileSystem, FileFsFullSizeInformation }

func (i *FSFullSizeInfo) appendTo(b []byte) []byte {
	b = le.AppendUint64(b, i.TotalUnits)
	b = le.AppendUint64(b, i.CallerAvailableUnits)
	b = le.AppendUint64(b, i.ActualAvailableUnits)
	b = le.AppendUint32(b, i.SectorsPerUnit)
	return le.AppendUint32(b, i.BytesPerSector)
}

func (i *FSFullSizeInfo) decode(d *decoder) {
	*i = FSFullSizeInfo{
		TotalUnits: d.u64("TotalAllocationUnits"), CallerAvailableUnits: d.u64("CallerAvailableAllocationUnits"),
		ActualAvailableUnits: d.u64("ActualAvailableAllocationUnits"),
		SectorsPerUnit:       d.u32("SectorsPerAllocationUnit"), BytesPerSector: d.u32("BytesPerSector"),
	}
}

// DeviceType is the kind of device a volume is on, [MS-FSCC] 2.5.10.
type DeviceType uint32

// The device types of a volume.
const (
	DeviceCDROM DeviceType = 2 // FILE_DEVICE_CD_ROM
	DeviceDisk  DeviceType = 7 // FILE_DEVICE_DISK
)

// DeviceCharacteristics are what is special about it, [MS-FSCC] 2.5.10.
type DeviceCharacteristics uint32

// The characteristics that a server meets.
const (
	DeviceRemovableMedia DeviceCharacteristics = 0x001 // FILE_REMOVABLE_MEDIA
	DeviceReadOnly       DeviceCharacteristics = 0x002 // FILE_READ_ONLY_DEVICE
	DeviceWriteOnceMedia DeviceCharacteristics = 0x008 // FILE_WRITE_ONCE_MEDIA
	DeviceRemote         DeviceCharacteristics = 0x010 // FILE_REMOTE_DEVICE
	DeviceIsMounted      DeviceCharacteristics = 0x020 // FILE_DEVICE_IS_MOUNTED
	DeviceVirtualVolume  DeviceCharacteristics = 0x040 // FILE_VIRTUAL_VOLUME
	DeviceSecureOpen     DeviceCharacteristics = 0x100 // FILE_DEVICE_SECURE_OPEN
)

// FSDeviceInfo is a FileFsDeviceInformation, [MS-FSCC] 2.5.10, of 8 bytes.
type FSDeviceInfo struct {
	Type            DeviceType
	Characteristics DeviceCharacteristics
}

func (*FSDeviceInfo) Class() (InfoType, uint8) { return InfoFileSystem, FileFsDeviceInformation }

func (i *FSDeviceInfo) appendTo(b []byte) []byte {
	return le.AppendUint32(le.AppendUint32(b, uint32(i.Type)), uint32(i.Characteristics))
}

func (i *FSDeviceInfo) decode(d *decoder) {
	*i = FSDeviceInfo{Type: DeviceType(d.u32("DeviceType")), Characteristics: DeviceCharacteristics(d.u32("Characteristics"))}
}

// FSObjectIDInfo is a FileFsObjectIdInformation, [MS-FSCC] 2.5.6, of 64 bytes.
type FSObjectIDInfo struct {
	ObjectID GUID
	Extended [48]byte // ExtendedInfo
}

func (*FSObjectIDInfo) Class() (InfoType, uint8) { return InfoFileSystem, FileFsObjectIdInformation }

func (i *FSObjectIDInfo) appendTo(b []byte) []byte {
	return append(append(b, i.ObjectID[:]...), i.Extended[:]...)
}

func (i *FSObjectIDInfo) decode(d *decoder) {
	i.ObjectID = d.guid("ObjectId")
	copy(i.Extended[:], d.next("ExtendedInfo", uint64(len(i.Extended))))
}

// SectorFlags are the Flags of an FSSectorSizeInfo.
type SectorFlags uint32

// The sector flags.
const (
	SectorAlignedDevice    SectorFlags = 0x1 // SSINFO_FLAGS_ALIGNED_DEVICE
	SectorPartitionAligned SectorFlags = 0x2 // SSINFO_FLAGS_PARTITION_ALIGNED_ON_DEVICE
	SectorNoSeekPenalty    SectorFlags = 0x4 // SSINFO_FLAGS_NO_SEEK_PENALTY
	SectorTrimEnabled      SectorFlags = 0x8 // SSINFO_FLAGS_TRIM_ENABLED
)

// FSSectorSizeInfo is a FileFsSectorSizeInformation, [MS-FSCC] 2.5.7, of 28
// bytes. All but Flags is in bytes.
type FSSectorSizeInfo struct {
	Logical                uint32 // LogicalBytesPerSector
	PhysicalForAtomicity   uint32 // PhysicalBytesPerSectorForAtomicity
	PhysicalForPerformance uint32 // PhysicalBytesPerSectorForPerformance
	EffectiveForAtomicity  uint32 // FileSystemEffectivePhysicalBytesPerSectorForAtomicity
	Flags                  SectorFlags
	SectorAlignment        uint32 // ByteOffsetForSectorAlignment; all ones is "not known"
	PartitionAlignment     uint32 // ByteOffsetForPartitionAlignment, likewise
}

func (*FSSectorSizeInfo) Class() (InfoType, uint8) {
	return InfoFileSystem, FileFsSectorSizeInformation
}

func (i *FSSectorSizeInfo) appendTo(b []byte) []byte {
	for _, v := range [...]uint32{
		i.Logical, i.PhysicalForAtomicity, i.PhysicalForPerformance, i.EffectiveForAtomicity,
		uint32(i.Flags), i.SectorAlignment, i.PartitionAlignment,
	} {
		b = le.AppendUint32(b, v)
	}
	return b
}

func (i *FSSectorSizeInfo) decode(d *decoder) {
	*i = FSSectorSizeInfo{
		Logical: d.u32("LogicalBytesPerSector"), PhysicalForAtomicity: d.u32("PhysicalBytesPerSectorForAtomicity"),
		PhysicalForPerformance: d.u32("PhysicalBytesPerSectorForPerformance"),
		EffectiveForAtomicity:  d.u32("FileSystemEffectivePhysicalBytesPerSectorForAtomicity"),
		Flags:                  SectorFlags(d.u32("Flags")), SectorAlignment: d.u32("ByteOffsetForSectorAlignment"),
		PartitionAlignment: d.u32("ByteOffsetForPartitionAlignment"),
	}
}
