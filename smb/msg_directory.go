package smb

// DirectoryFlags are the Flags of QUERY_DIRECTORY, [MS-SMB2] 2.2.33.
type DirectoryFlags uint8

// The QUERY_DIRECTORY flags.
const (
	DirectoryRestart     DirectoryFlags = 0x01 // SMB2_RESTART_SCANS
	DirectorySingleEntry DirectoryFlags = 0x02 // SMB2_RETURN_SINGLE_ENTRY
	DirectoryIndex       DirectoryFlags = 0x04 // SMB2_INDEX_SPECIFIED
	DirectoryReopen      DirectoryFlags = 0x10 // SMB2_REOPEN
)

// QueryDirectoryRequest is the SMB2 QUERY_DIRECTORY Request, [MS-SMB2] 2.2.33.
type QueryDirectoryRequest struct {
	Class     uint8 // a directory information class of [MS-FSCC] 2.4
	Flags     DirectoryFlags
	FileIndex uint32
	FileID    FileID
	Pattern   string // with * and ?
	MaxOutput uint32 // bytes of output the client takes
}

func (*QueryDirectoryRequest) Command() Command { return CommandQueryDirectory }

func (m *QueryDirectoryRequest) appendBody(b []byte, start int) []byte {
	b = le.AppendUint16(b, 33)
	b = append(b, m.Class, byte(m.Flags))
	b = le.AppendUint32(b, m.FileIndex)
	b = appendFileID(b, m.FileID)
	fields := len(b) // FileNameOffset, FileNameLength
	b = le.AppendUint32(b, 0)
	b = le.AppendUint32(b, m.MaxOutput)
	putOffset(b, start, fields)
	name := len(b)
	b = appendUTF16(b, m.Pattern)
	le.PutUint16(b[fields+2:], uint16(len(b)-name))
	if m.Pattern == "" {
		b = append(b, 0)
	}
	return b
}

func (m *QueryDirectoryRequest) decode(d *decoder) {
	d.size(33)
	r := QueryDirectoryRequest{
		Class: d.u8("FileInformationClass"), Flags: DirectoryFlags(d.u8("Flags")),
		FileIndex: d.u32("FileIndex"), FileID: d.fileID("FileId"),
	}
	offset, size := d.u16("FileNameOffset"), d.u16("FileNameLength")
	r.MaxOutput = d.u32("OutputBufferLength")
	r.Pattern = d.text("FileName", uint64(offset), uint64(size))
	if d.err == nil {
		*m = r
	}
}

// QueryDirectoryResponse is the SMB2 QUERY_DIRECTORY Response,
// [MS-SMB2] 2.2.34.
type QueryDirectoryResponse struct {
	Output []byte // entries of the class that was asked for
}

func (*QueryDirectoryResponse) Command() Command { return CommandQueryDirectory }

func (m *QueryDirectoryResponse) appendBody(b []byte, start int) []byte {
	return appendOutput(b, start, m.Output)
}

func (m *QueryDirectoryResponse) decode(d *decoder) {
	if out := decodeOutput(d); d.err == nil {
		m.Output = out
	}
}
