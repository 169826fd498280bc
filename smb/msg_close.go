package smb

// closePostQueryAttributes asks CLOSE for the file's final attributes.
const closePostQueryAttributes = 0x0001 // SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB

// CloseRequest is the SMB2 CLOSE Request, [MS-SMB2] 2.2.15.
type CloseRequest struct {
	PostQueryAttributes bool
	FileID              FileID
}

func (*CloseRequest) Command() Command { return CommandClose }

func (m *CloseRequest) appendBody(b []byte, _ int) []byte {
	b = le.AppendUint16(b, 24)
	b = le.AppendUint16(b, closeFlags(m.PostQueryAttributes))
	b = le.AppendUint32(b, 0)
	return appendFileID(b, m.FileID)
}

func (m *CloseRequest) decode(d *decoder) {
	d.size(24)
	flags := d.u16("Flags")
	d.skip("Reserved", 4)
	id := d.fileID("FileId")
	if d.err == nil {
		*m = CloseRequest{flags&closePostQueryAttributes != 0, id}
	}
}

// CloseResponse is the SMB2 CLOSE Response, [MS-SMB2] 2.2.16. But for the
// flag all fields are zero unless the request asked for them.
type CloseResponse struct {
	PostQueryAttributes bool
	Times               FileTimes
	AllocationSize      uint64
	EndOfFile           uint64
	Attributes          FileAttributes
}

func (*CloseResponse) Command() Command { return CommandClose }

func (m *CloseResponse) appendBody(b []byte, _ int) []byte {
	b = le.AppendUint16(b, 60)
	b = le.AppendUint16(b, closeFlags(m.PostQueryAttributes))
	b = le.AppendUint32(b, 0)
	b = m.Times.appendTo(b)
	b = le.AppendUint64(b, m.AllocationSize)
	b = le.AppendUint64(b, m.EndOfFile)
	return le.AppendUint32(b, uint32(m.Attributes))
}

func (m *CloseResponse) decode(d *decoder) {
	d.size(60)
	r := CloseResponse{PostQueryAttributes: d.u16("Flags")&closePostQueryAttributes != 0}
	d.skip("Reserved", 4)
	r.Times = d.fileTimes()
	r.AllocationSize = d.u64("AllocationSize")
	r.EndOfFile = d.u64("EndofFile")
	r.Attributes = FileAttributes(d.u32("FileAttributes"))
	if d.err == nil {
		*m = r
	}
}

func closeFlags(postQuery bool) uint16 {
	if postQuery {
		return closePostQueryAttributes
	}
	return 0
}

// FlushRequest is the SMB2 FLUSH Request, [MS-SMB2] 2.2.17.
type FlushRequest struct {
	FileID FileID
}

func (*FlushRequest) Command() Command { return CommandFlush }

func (m *FlushRequest) appendBody(b []byte, _ int) []byte {
	b = le.AppendUint16(b, 24)
	b = appendZero(b, 6) // Reserved1, Reserved2
	return appendFileID(b, m.FileID)
}

func (m *FlushRequest) decode(d *decoder) {
	d.size(24)
	d.skip("Reserved", 6)
	id := d.fileID("FileId")
	if d.err == nil {
		m.FileID = id
	}
}
