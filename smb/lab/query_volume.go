package lab

import (
	"hash/crc32"

	"err32/smb"
)

// The geometry that a volume says it has, in bytes.
const (
	sectorSize     = 512
	sectorsCluster = clusterSize / sectorSize
)

// serial is the volume's serial number.
func (s *share) serial() uint32 { return crc32.ChecksumIEEE([]byte(fold(s.Name))) }

// fileSystemInfo returns what a file system class says of the volume,
// [MS-FSA] 2.1.5.13.
func (r *request) fileSystemInfo(o *open, class uint8) (smb.Info, smb.NTStatus) {
	s, v := r.server(), o.share.volume
	if v == nil {
		return nil, smb.StatusNotSupported
	}
	total, free := uint64(v.limits.Bytes)/clusterSize, uint64(v.free())/clusterSize
	switch class {
	case smb.FileFsVolumeInformation:
		return &smb.FSVolumeInfo{CreationTime: fileTime(s.started), SerialNumber: o.share.serial(), Label: o.share.Name}, smb.StatusSuccess
	case smb.FileFsSizeInformation:
		return &smb.FSSizeInfo{
			TotalUnits: total, AvailableUnits: free, SectorsPerUnit: sectorsCluster, BytesPerSector: sectorSize,
		}, smb.StatusSuccess
	case smb.FileFsFullSizeInformation:
		return &smb.FSFullSizeInfo{
			TotalUnits: total, CallerAvailableUnits: free, ActualAvailableUnits: free, SectorsPerUnit: sectorsCluster, BytesPerSector: sectorSize,
		}, smb.StatusSuccess
	case smb.FileFsDeviceInformation:
		info := &smb.FSDeviceInfo{Type: smb.DeviceDisk, Characteristics: smb.DeviceIsMounted}
		if r.tree.maximalAccess()&smb.FileWriteData == 0 {
			info.Characteristics |= smb.DeviceReadOnly
		}
		return info, smb.StatusSuccess
	case smb.FileFsAttributeInformation:
		info := &smb.FSAttributeInfo{
			Attributes:   smb.FSCasePreservedNames | smb.FSUnicodeOnDisk | smb.FSSupportsSparseFiles,
			MaxComponent: maxNameUnits, Name: "NTFS",
		}
		if r.tree.maximalAccess()&smb.FileWriteData == 0 {
			info.Attributes |= smb.FSReadOnlyVolume
		}
		return info, smb.StatusSuccess
	case smb.FileFsControlInformation:
		return &smb.FSControlInfo{DefaultQuotaThreshold: smb.NoQuota, DefaultQuotaLimit: smb.NoQuota}, smb.StatusSuccess
	case smb.FileFsObjectIdInformation:
		return &smb.FSObjectIDInfo{ObjectID: s.guid}, smb.StatusSuccess
	case smb.FileFsSectorSizeInformation:
		return &smb.FSSectorSizeInfo{
			Logical: sectorSize, PhysicalForAtomicity: clusterSize, PhysicalForPerformance: clusterSize, EffectiveForAtomicity: clusterSize,
			Flags: smb.SectorAlignedDevice | smb.SectorPartitionAligned | smb.SectorNoSeekPenalty,
		}, smb.StatusSuccess
	}
	return nil, smb.StatusInvalidInfoClass
}
