package smb

// ReadRequest is the SMB2 READ Request, [MS-SMB2] 2.2.19, without RDMA.
type ReadRequest struct {
	FileID       FileID
	Offset       uint64 // in bytes; 0 on a pipe
	Length       uint32 // in bytes, at most MaxReadSize
	MinimumCount uint32 // fewer bytes than this fail with STATUS_END_OF_FILE
}

func (*ReadRequest) Command() Command { return CommandRead }

// dataOffset is where this package asks the server to put READ data: right
// behind the response's fixed part.
const dataOffset = headerSize + 16

func (m *ReadRequest) appendBody(b []byte, _ int) []byte {
	b = le.AppendUint16(b, 49)
	b = append(b, dataOffset, 0) // Padding, Flags
	b = le.AppendUint32(b, m.Length)
	b = le.AppendUint64(b, m.Offset)
	b = appendFileID(b, m.FileID)
	b = le.AppendUint32(b, m.MinimumCount)
	b = appendZero(b, 12) // Channel, RemainingBytes, ReadChannelInfo
	return append(b, 0)   // Buffer
}

func (m *ReadRequest) decode(d *decoder) {
	d.size(49)
	d.skip("Padding, Flags", 2)
	r := ReadRequest{Length: d.u32("Length"), Offset: d.u64("Offset"), FileID: d.fileID("FileId"), MinimumCount: d.u32("MinimumCount")}
	d.skip("Channel, RemainingBytes, ReadChannelInfo", 12)
	if d.err == nil {
		*m = r
	}
}

// ReadResponse is the SMB2 READ Response, [MS-SMB2] 2.2.20.
type ReadResponse struct {
	Data []byte
}

func (*ReadResponse) Command() Command { return CommandRead }

func (m *ReadResponse) appendBody(b []byte, _ int) []byte {
	b = le.AppendUint16(b, 17)
	b = append(b, dataOffset, 0)
	b = le.AppendUint32(b, uint32(len(m.Data)))
	b = appendZero(b, 8) // DataRemaining, Reserved2
	return append(b, m.Data...)
}

func (m *ReadResponse) decode(d *decoder) {
	d.size(17)
	offset := d.u8("DataOffset")
	d.skip("Reserved", 1)
	size := d.u32("DataLength")
	d.skip("DataRemaining, Reserved2", 8)
	data := d.at("Data", uint64(offset), uint64(size))
	if d.err == nil {
		m.Data = data
	}
}

// WriteRequest is the SMB2 WRITE Request, [MS-SMB2] 2.2.21, without RDMA.
type WriteRequest struct {
	FileID FileID
	Offset uint64 // in bytes; 0 on a pipe
	Flags  uint32
	Data   []byte
}

func (*WriteRequest) Command() Command { return CommandWrite }

func (m *WriteRequest) appendBody(b []byte, start int) []byte {
	b = le.AppendUint16(b, 49)
	offset := len(b)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint32(b, uint32(len(m.Data)))
	b = le.AppendUint64(b, m.Offset)
	b = appendFileID(b, m.FileID)
	b = appendZero(b, 12) // Channel, RemainingBytes, WriteChannelInfo
	b = le.AppendUint32(b, m.Flags)
	putOffset(b, start, offset)
	if len(m.Data) == 0 {
		return append(b, 0)
	}
	return append(b, m.Data...)
}

func (m *WriteRequest) decode(d *decoder) {
	d.size(49)
	offset, size := d.u16("DataOffset"), d.u32("Length")
	r := WriteRequest{Offset: d.u64("Offset"), FileID: d.fileID("FileId")}
	d.skip("Channel, RemainingBytes, WriteChannelInfo", 12)
	r.Flags = d.u32("Flags")
	r.Data = d.at("Data", uint64(offset), uint64(size))
	if d.err == nil {
		*m = r
	}
}

// WriteResponse is the SMB2 WRITE Response, [MS-SMB2] 2.2.22.
type WriteResponse struct {
	Count uint32 // bytes written
}

func (*WriteResponse) Command() Command { return CommandWrite }

func (m *WriteResponse) appendBody(b []byte, _ int) []byte {
	b = le.AppendUint16(b, 17)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint32(b, m.Count)
	return appendZero(b, 8) // Remaining, WriteChannelInfo
}

func (m *WriteResponse) decode(d *decoder) {
	d.size(17)
	d.skip("Reserved", 2)
	count := d.u32("Count")
	d.skip("Remaining, WriteChannelInfo", 8)
	if d.err == nil {
		m.Count = count
	}
}
