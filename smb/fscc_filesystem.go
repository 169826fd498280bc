package smb

// FSAttributes are what a file system can do, [MS-FSCC] 2.5.1.
type FSAttributes uint32

// The attributes of file systems.
const (
	FSCaseSensitiveSearch       FSAttributes = 0x00000001 // FILE_CASE_SENSITIVE_SEARCH
	FSCasePreservedNames        FSAttributes = 0x00000002 // FILE_CASE_PRESERVED_NAMES
	FSUnicodeOnDisk             FSAttributes = 0x00000004 // FILE_UNICODE_ON_DISK
	FSPersistentACLs            FSAttributes = 0x00000008 // FILE_PERSISTENT_ACLS
	FSFileCompression           FSAttributes = 0x00000010 // FILE_FILE_COMPRESSION
	FSVolumeQuotas              FSAttributes = 0x00000020 // FILE_VOLUME_QUOTAS
	FSSupportsSparseFiles       FSAttributes = 0x00000040 // FILE_SUPPORTS_SPARSE_FILES
	FSSupportsReparsePoints     FSAttributes = 0x00000080 // FILE_SUPPORTS_REPARSE_POINTS
	FSSupportsRemoteStorage     FSAttributes = 0x00000100 // FILE_SUPPORTS_REMOTE_STORAGE
	FSReturnsCleanupResultInfo  FSAttributes = 0x00000200 // FILE_RETURNS_CLEANUP_RESULT_INFO
	FSSupportsPOSIXUnlinkRename FSAttributes = 0x00000400 // FILE_SUPPORTS_POSIX_UNLINK_RENAME
	FSVolumeIsCompressed        FSAttributes = 0x00008000 // FILE_VOLUME_IS_COMPRESSED
	FSSupportsObjectIDs         FSAttributes = 0x00010000 // FILE_SUPPORTS_OBJECT_IDS
	FSSupportsEncryption        FSAttributes = 0x00020000 // FILE_SUPPORTS_ENCRYPTION
	FSNamedStreams              FSAttributes = 0x00040000 // FILE_NAMED_STREAMS
	FSReadOnlyVolume            FSAttributes = 0x00080000 // FILE_READ_ONLY_VOLUME
	FSSequentialWriteOnce       FSAttributes = 0x00100000 // FILE_SEQUENTIAL_WRITE_ONCE
	FSSupportsTransactions      FSAttributes = 0x00200000 // FILE_SUPPORTS_TRANSACTIONS
	FSSupportsHardLinks         FSAttributes = 0x00400000 // FILE_SUPPORTS_HARD_LINKS
	FSSupportsEAs               FSAttributes = 0x00800000 // FILE_SUPPORTS_EXTENDED_ATTRIBUTES
	FSSupportsOpenByFileID      FSAttributes = 0x01000000 // FILE_SUPPORTS_OPEN_BY_FILE_ID
	FSSupportsUSNJournal        FSAttributes = 0x02000000 // FILE_SUPPORTS_USN_JOURNAL
	FSSupportsIntegrityStreams  FSAttributes = 0x04000000 // FILE_SUPPORT_INTEGRITY_STREAMS
	FSSupportsBlockRefcounting  FSAttributes = 0x08000000 // FILE_SUPPORTS_BLOCK_REFCOUNTING
	FSSupportsSparseVDL         FSAttributes = 0x10000000 // FILE_SUPPORTS_SPARSE_VDL
)

// FSAttributeInfo is a FileFsAttributeInformation, [MS-FSCC] 2.5.1: 12 bytes
// and the name.
type FSAttributeInfo struct {
	Attributes   FSAttributes // FileSystemAttributes
	MaxComponent uint32       // MaximumComponentNameLength, in characters
	Name         string       // FileSystemName, such as "NTFS"
}

func (*FSAttributeInfo) Class() (InfoType, uint8) { return InfoFileSystem, FileFsAttributeInformation }

func (i *FSAttributeInfo) appendTo(b []byte) []byte {
	b = le.AppendUint32(b, uint32(i.Attributes))
	b = le.AppendUint32(b, i.MaxComponent)
	return appendName(b, i.Name)
}

func (i *FSAttributeInfo) decode(d *decoder) {
	*i = FSAttributeInfo{Attributes: FSAttributes(d.u32("FileSystemAttributes")), MaxComponent: d.u32("MaximumComponentNameLength")}
	i.Name = d.name("FileSystemName")
}

// NoQuota is a quota that is not set.
const NoQuota = ^uint64(0)

// FSControlFlags are the FileSystemControlFlags of an FSControlInfo.
type FSControlFlags uint32

// The control flags.
const (
	FSQuotaTrack           FSControlFlags = 0x001 // FILE_VC_QUOTA_TRACK
	FSQuotaEnforce         FSControlFlags = 0x002 // FILE_VC_QUOTA_ENFORCE
	FSContentIndexDisabled FSControlFlags = 0x008 // FILE_VC_CONTENT_INDEX_DISABLED
	FSLogQuotaThreshold    FSControlFlags = 0x010 // FILE_VC_LOG_QUOTA_THRESHOLD
	FSLogQuotaLimit        FSControlFlags = 0x020 // FILE_VC_LOG_QUOTA_LIMIT
	FSLogVolumeThreshold   FSControlFlags = 0x040 // FILE_VC_LOG_VOLUME_THRESHOLD
	FSLogVolumeLimit       FSControlFlags = 0x080 // FILE_VC_LOG_VOLUME_LIMIT
	FSQuotasIncomplete     FSControlFlags = 0x100 // FILE_VC_QUOTAS_INCOMPLETE
	FSQuotasRebuilding     FSControlFlags = 0x200 // FILE_VC_QUOTAS_REBUILDING
)

// FSControlInfo is a FileFsControlInformation, [MS-FSCC] 2.5.2, of 48 bytes.
// All but Flags is in bytes.
type FSControlInfo struct {
	FreeSpaceStartFiltering uint64
	FreeSpaceThreshold      uint64
	FreeSpaceStopFiltering  uint64
	DefaultQuotaThreshold   uint64
	DefaultQuotaLimit       uint64
	Flags                   FSControlFlags // FileSystemControlFlags
}

func (*FSControlInfo) Class() (InfoType, uint8) { return InfoFileSystem, FileFsControlInformation }

func (i *FSControlInfo) appendTo(b []byte) []byte {
	b = le.AppendUint64(b, i.FreeSpaceStartFiltering)
	b = le.AppendUint64(b, i.FreeSpaceThreshold)
	b = le.AppendUint64(b, i.FreeSpaceStopFiltering)
	b = le.AppendUint64(b, i.DefaultQuotaThreshold)
	b = le.AppendUint64(b, i.DefaultQuotaLimit)
	b = le.AppendUint32(b, uint32(i.Flags))
	return le.AppendUint32(b, 0) // Padding
}

func (i *FSControlInfo) decode(d *decoder) {
	*i = FSControlInfo{
		FreeSpaceStartFiltering: d.u64("FreeSpaceStartFiltering"), FreeSpaceThreshold: d.u64("FreeSpaceThreshold"),
		FreeSpaceStopFiltering: d.u64("FreeSpaceStopFiltering"), DefaultQuotaThreshold: d.u64("DefaultQuotaThreshold"),
		DefaultQuotaLimit: d.u64("DefaultQuotaLimit"), Flags: FSControlFlags(d.u32("FileSystemControlFlags")),
	}
	d.skip("Padding", 4)
}
