package smb

// ErrorResponse is the SMB2 ERROR Response, [MS-SMB2] 2.2.2: what a failed
// request gets, and the interim answer of one that goes on (STATUS_PENDING).
// The status itself is in the header.
type ErrorResponse struct {
	ContextCount uint8   // of the error contexts in Data, in dialect 3.1.1
	Data         []byte  // ErrorData
	To           Command // the command it answers; not on the wire
}

// Command is the command of the request that the response answers.
func (m *ErrorResponse) Command() Command { return m.To }

func (m *ErrorResponse) appendBody(b []byte, _ int) []byte {
	b = le.AppendUint16(b, 9)
	b = append(b, m.ContextCount, 0)
	b = le.AppendUint32(b, uint32(len(m.Data)))
	if len(m.Data) == 0 {
		return append(b, 0)
	}
	return append(b, m.Data...)
}

func (m *ErrorResponse) decode(d *decoder) {
	d.size(9)
	r := ErrorResponse{To: m.To, ContextCount: d.u8("ErrorContextCount")}
	d.skip("Reserved", 1)
	r.Data = d.next("ErrorData", uint64(d.u32("ByteCount")))
	if d.err == nil {
		*m = r
	}
}
