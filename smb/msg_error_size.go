package smb

// BufferTooSmall is the answer to a request, with STATUS_BUFFER_TOO_SMALL,
// whose output would take size bytes, [MS-SMB2] 2.2.2.2.2. Dialect 3.1.1 has
// the size in an error context.
func BufferTooSmall(to Command, dialect Dialect, size uint32) *ErrorResponse {
	m := &ErrorResponse{To: to}
	if dialect == SMB311 {
		m.ContextCount = 1
		m.Data = le.AppendUint32(m.Data, 4) // ErrorDataLength
		m.Data = le.AppendUint32(m.Data, 0) // ErrorId: SMB2_ERROR_ID_DEFAULT
	}
	m.Data = le.AppendUint32(m.Data, size)
	return m
}
