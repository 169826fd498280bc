package smb

// OplockLevel is a level of client caching, [MS-SMB2] 2.2.13.
type OplockLevel uint8

// The oplock levels.
const (
	OplockNone      OplockLevel = 0x00 // SMB2_OPLOCK_LEVEL_NONE
	OplockII        OplockLevel = 0x01 // SMB2_OPLOCK_LEVEL_II
	OplockExclusive OplockLevel = 0x08 // SMB2_OPLOCK_LEVEL_EXCLUSIVE
	OplockBatch     OplockLevel = 0x09 // SMB2_OPLOCK_LEVEL_BATCH
	OplockLease     OplockLevel = 0xFF // SMB2_OPLOCK_LEVEL_LEASE: a lease context says more
)

// Disposition says what CREATE does when the file exists or not,
// [MS-SMB2] 2.2.13.
type Disposition uint32

// The create dispositions.
const (
	Supersede   Disposition = 0 // FILE_SUPERSEDE: replace, or create
	OpenFile    Disposition = 1 // FILE_OPEN: open, or fail
	CreateFile  Disposition = 2 // FILE_CREATE: fail, or create
	OpenIf      Disposition = 3 // FILE_OPEN_IF: open, or create
	Overwrite   Disposition = 4 // FILE_OVERWRITE: truncate, or fail
	OverwriteIf Disposition = 5 // FILE_OVERWRITE_IF: truncate, or create
)

// CreateOptions are the CreateOptions of CREATE, [MS-SMB2] 2.2.13.
type CreateOptions uint32

// The create options.
const (
	DirectoryFile           CreateOptions = 0x00000001 // FILE_DIRECTORY_FILE
	WriteThrough            CreateOptions = 0x00000002 // FILE_WRITE_THROUGH
	SequentialOnly          CreateOptions = 0x00000004 // FILE_SEQUENTIAL_ONLY
	NoIntermediateBuffering CreateOptions = 0x00000008 // FILE_NO_INTERMEDIATE_BUFFERING
	SynchronousIOAlert      CreateOptions = 0x00000010 // FILE_SYNCHRONOUS_IO_ALERT; ignored
	SynchronousIONonalert   CreateOptions = 0x00000020 // FILE_SYNCHRONOUS_IO_NONALERT; ignored
	NonDirectoryFile        CreateOptions = 0x00000040 // FILE_NON_DIRECTORY_FILE
	CompleteIfOplocked      CreateOptions = 0x00000100 // FILE_COMPLETE_IF_OPLOCKED; ignored
	NoEAKnowledge           CreateOptions = 0x00000200 // FILE_NO_EA_KNOWLEDGE
	OpenRemoteInstance      CreateOptions = 0x00000400 // FILE_OPEN_REMOTE_INSTANCE; ignored
	RandomAccess            CreateOptions = 0x00000800 // FILE_RANDOM_ACCESS
	DeleteOnClose           CreateOptions = 0x00001000 // FILE_DELETE_ON_CLOSE
	OpenByFileID            CreateOptions = 0x00002000 // FILE_OPEN_BY_FILE_ID: STATUS_NOT_SUPPORTED
	OpenForBackup           CreateOptions = 0x00004000 // FILE_OPEN_FOR_BACKUP_INTENT
	NoCompression           CreateOptions = 0x00008000 // FILE_NO_COMPRESSION
	OpenRequiringOplock     CreateOptions = 0x00010000 // FILE_OPEN_REQUIRING_OPLOCK; ignored
	DisallowExclusive       CreateOptions = 0x00020000 // FILE_DISALLOW_EXCLUSIVE; ignored
	ReserveOpfilter         CreateOptions = 0x00100000 // FILE_RESERVE_OPFILTER: STATUS_NOT_SUPPORTED
	OpenReparsePoint        CreateOptions = 0x00200000 // FILE_OPEN_REPARSE_POINT
	OpenNoRecall            CreateOptions = 0x00400000 // FILE_OPEN_NO_RECALL
	OpenForFreeSpaceQuery   CreateOptions = 0x00800000 // FILE_OPEN_FOR_FREE_SPACE_QUERY; ignored
)

// impersonation is the ImpersonationLevel every client sends.
const impersonation = 2

// FileAttributes are the attributes of a file, [MS-FSCC] 2.6.
type FileAttributes uint32

// The file attributes.
const (
	AttributeReadonly           FileAttributes = 0x00000001 // FILE_ATTRIBUTE_READONLY
	AttributeHidden             FileAttributes = 0x00000002 // FILE_ATTRIBUTE_HIDDEN
	AttributeSystem             FileAttributes = 0x00000004 // FILE_ATTRIBUTE_SYSTEM
	AttributeDirectory          FileAttributes = 0x00000010 // FILE_ATTRIBUTE_DIRECTORY
	AttributeArchive            FileAttributes = 0x00000020 // FILE_ATTRIBUTE_ARCHIVE
	AttributeNormal             FileAttributes = 0x00000080 // FILE_ATTRIBUTE_NORMAL: none of the others
	AttributeTemporary          FileAttributes = 0x00000100 // FILE_ATTRIBUTE_TEMPORARY
	AttributeSparseFile         FileAttributes = 0x00000200 // FILE_ATTRIBUTE_SPARSE_FILE
	AttributeReparsePoint       FileAttributes = 0x00000400 // FILE_ATTRIBUTE_REPARSE_POINT
	AttributeCompressed         FileAttributes = 0x00000800 // FILE_ATTRIBUTE_COMPRESSED
	AttributeOffline            FileAttributes = 0x00001000 // FILE_ATTRIBUTE_OFFLINE
	AttributeNotContentIndexed  FileAttributes = 0x00002000 // FILE_ATTRIBUTE_NOT_CONTENT_INDEXED
	AttributeEncrypted          FileAttributes = 0x00004000 // FILE_ATTRIBUTE_ENCRYPTED
	AttributeIntegrityStream    FileAttributes = 0x00008000 // FILE_ATTRIBUTE_INTEGRITY_STREAM
	AttributeNoScrubData        FileAttributes = 0x00020000 // FILE_ATTRIBUTE_NO_SCRUB_DATA
	AttributeRecallOnOpen       FileAttributes = 0x00040000 // FILE_ATTRIBUTE_RECALL_ON_OPEN
	AttributePinned             FileAttributes = 0x00080000 // FILE_ATTRIBUTE_PINNED
	AttributeUnpinned           FileAttributes = 0x00100000 // FILE_ATTRIBUTE_UNPINNED
	AttributeRecallOnDataAccess FileAttributes = 0x00400000 // FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS
)

// CreateRequest is the SMB2 CREATE Request, [MS-SMB2] 2.2.13.
type CreateRequest struct {
	OplockLevel OplockLevel
	Access      AccessMask
	Attributes  FileAttributes
	Share       ShareAccess
	Disposition Disposition
	Options     CreateOptions
	Name        string // below the share, with backslashes, not beginning with one
	Contexts    []CreateContext
}

func (*CreateRequest) Command() Command { return CommandCreate }

func (m *CreateRequest) appendBody(b []byte, start int) []byte {
	b = le.AppendUint16(b, 57)
	b = append(b, 0, byte(m.OplockLevel))
	b = le.AppendUint32(b, impersonation)
	b = appendZero(b, 16) // SmbCreateFlags, Reserved
	b = le.AppendUint32(b, uint32(m.Access))
	b = le.AppendUint32(b, uint32(m.Attributes))
	b = le.AppendUint32(b, uint32(m.Share))
	b = le.AppendUint32(b, uint32(m.Disposition))
	b = le.AppendUint32(b, uint32(m.Options))
	fields := len(b) // NameOffset, NameLength, CreateContextsOffset, CreateContextsLength
	b = appendZero(b, 12)
	putOffset(b, start, fields)
	name := len(b)
	b = appendUTF16(b, m.Name)
	le.PutUint16(b[fields+2:], uint16(len(b)-name))
	if len(m.Contexts) > 0 {
		b = pad8(b, start)
		contexts := len(b)
		le.PutUint32(b[fields+4:], uint32(contexts-start))
		b = appendCreateContexts(b, m.Contexts)
		le.PutUint32(b[fields+8:], uint32(len(b)-contexts))
	} else if m.Name == "" {
		b = append(b, 0) // the Buffer has at least one byte
	}
	return b
}

func (m *CreateRequest) decode(d *decoder) {
	d.size(57)
	d.skip("SecurityFlags", 1)
	r := CreateRequest{OplockLevel: OplockLevel(d.u8("RequestedOplockLevel"))}
	d.skip("ImpersonationLevel, SmbCreateFlags, Reserved", 20)
	r.Access = AccessMask(d.u32("DesiredAccess"))
	r.Attributes = FileAttributes(d.u32("FileAttributes"))
	r.Share = ShareAccess(d.u32("ShareAccess"))
	r.Disposition = Disposition(d.u32("CreateDisposition"))
	r.Options = CreateOptions(d.u32("CreateOptions"))
	nameOffset, nameSize := d.u16("NameOffset"), d.u16("NameLength")
	offset, size := d.u32("CreateContextsOffset"), d.u32("CreateContextsLength")
	r.Name = d.text("Name", uint64(nameOffset), uint64(nameSize))
	r.Contexts = d.createContexts(d.at("CreateContexts", uint64(offset), uint64(size)))
	if d.err == nil {
		*m = r
	}
}

// CreateAction is what CREATE did, [MS-SMB2] 2.2.14.
type CreateAction uint32

// The create actions.
const (
	Superseded  CreateAction = 0 // FILE_SUPERSEDED
	Opened      CreateAction = 1 // FILE_OPENED
	Created     CreateAction = 2 // FILE_CREATED
	Overwritten CreateAction = 3 // FILE_OVERWRITTEN
)

// FileTimes are the four times of a file, in 100 ns since 1601.
type FileTimes struct {
	Creation   uint64
	LastAccess uint64
	LastWrite  uint64
	Change     uint64
}

func (t *FileTimes) appendTo(b []byte) []byte {
	b = le.AppendUint64(b, t.Creation)
	b = le.AppendUint64(b, t.LastAccess)
	b = le.AppendUint64(b, t.LastWrite)
	return le.AppendUint64(b, t.Change)
}

func (d *decoder) fileTimes() FileTimes {
	return FileTimes{d.u64("CreationTime"), d.u64("LastAccessTime"), d.u64("LastWriteTime"), d.u64("ChangeTime")}
}

// CreateResponse is the SMB2 CREATE Response, [MS-SMB2] 2.2.14. Sizes are in
// bytes.
type CreateResponse struct {
	OplockLevel    OplockLevel
	Action         CreateAction
	Times          FileTimes
	AllocationSize uint64
	EndOfFile      uint64
	Attributes     FileAttributes
	FileID         FileID
	Contexts       []CreateContext
}

func (*CreateResponse) Command() Command { return CommandCreate }

func (m *CreateResponse) appendBody(b []byte, start int) []byte {
	b = le.AppendUint16(b, 89)
	b = append(b, byte(m.OplockLevel), 0)
	b = le.AppendUint32(b, uint32(m.Action))
	b = m.Times.appendTo(b)
	b = le.AppendUint64(b, m.AllocationSize)
	b = le.AppendUint64(b, m.EndOfFile)
	b = le.AppendUint32(b, uint32(m.Attributes))
	b = le.AppendUint32(b, 0)
	b = appendFileID(b, m.FileID)
	fields := len(b)
	b = appendZero(b, 8)
	if len(m.Contexts) > 0 {
		contexts := len(b)
		le.PutUint32(b[fields:], uint32(contexts-start))
		b = appendCreateContexts(b, m.Contexts)
		le.PutUint32(b[fields+4:], uint32(len(b)-contexts))
	}
	return b
}

func (m *CreateResponse) decode(d *decoder) {
	d.size(89)
	r := CreateResponse{OplockLevel: OplockLevel(d.u8("OplockLevel"))}
	d.skip("Flags", 1)
	r.Action = CreateAction(d.u32("CreateAction"))
	r.Times = d.fileTimes()
	r.AllocationSize = d.u64("AllocationSize")
	r.EndOfFile = d.u64("EndofFile")
	r.Attributes = FileAttributes(d.u32("FileAttributes"))
	d.skip("Reserved2", 4)
	r.FileID = d.fileID("FileId")
	offset, size := d.u32("CreateContextsOffset"), d.u32("CreateContextsLength")
	r.Contexts = d.createContexts(d.at("CreateContexts", uint64(offset), uint64(size)))
	if d.err == nil {
		*m = r
	}
}
