package smb

import "fmt"

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

// DirectoryEntry is one entry of a FileDirectoryInformation list,
// [MS-FSCC] 2.4.10. Sizes are in bytes.
type DirectoryEntry struct {
	FileIndex      uint32
	Times          FileTimes
	EndOfFile      uint64
	AllocationSize uint64
	Attributes     FileAttributes
	Name           string
}

const directoryEntryHeader = 64

// AppendDirectory encodes entries as a FileDirectoryInformation list.
func AppendDirectory(b []byte, entries []DirectoryEntry) []byte {
	for i, e := range entries {
		start := len(b)
		b = le.AppendUint32(b, 0) // NextEntryOffset
		b = le.AppendUint32(b, e.FileIndex)
		b = e.Times.appendTo(b)
		b = le.AppendUint64(b, e.EndOfFile)
		b = le.AppendUint64(b, e.AllocationSize)
		b = le.AppendUint32(b, uint32(e.Attributes))
		size := len(b)
		b = le.AppendUint32(b, 0)
		b = appendUTF16(b, e.Name)
		le.PutUint32(b[size:], uint32(len(b)-size-4))
		if i < len(entries)-1 {
			b = pad8(b, start)
			le.PutUint32(b[start:], uint32(len(b)-start))
		}
	}
	return b
}

// ParseDirectory decodes a FileDirectoryInformation list. Each entry lies
// behind the one before it, so the list ends.
func ParseDirectory(b []byte) ([]DirectoryEntry, error) {
	var entries []DirectoryEntry
	for i := 0; len(b) > 0; i++ {
		d := &decoder{what: fmt.Sprintf("FileDirectoryInformation[%d]", i), msg: b}
		next := d.u32("NextEntryOffset")
		if next != 0 && (next < directoryEntryHeader || uint64(next) >= uint64(len(b))) {
			d.fail("NextEntryOffset", "is %d in %d bytes", next, len(b))
		} else if next != 0 {
			d.msg = b[:next]
		}
		e := DirectoryEntry{FileIndex: d.u32("FileIndex"), Times: d.fileTimes(), EndOfFile: d.u64("EndOfFile"),
			AllocationSize: d.u64("AllocationSize"), Attributes: FileAttributes(d.u32("FileAttributes"))}
		size := d.u32("FileNameLength")
		if size%2 != 0 {
			d.fail("FileNameLength", "is odd: %d", size)
		}
		e.Name = decodeUTF16(d.next("FileName", uint64(size)))
		if d.err != nil {
			return nil, d.err
		}
		entries = append(entries, e)
		if next == 0 {
			break
		}
		b = b[next:]
	}
	return entries, nil
}
