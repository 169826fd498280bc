package lab

import (
	"err32/smb"
)

// close closes an open, [MS-SMB2] 3.3.5.10.
func (r *request) close(m *smb.CloseRequest) (smb.Message, smb.NTStatus) {
	o, status := r.fileOpen(m.FileID)
	if status != smb.StatusSuccess {
		return nil, status
	}
	answer := &smb.CloseResponse{}
	n := o.node
	r.server().closeOpen(o, closedByClient)
	if m.PostQueryAttributes && n != nil {
		answer.PostQueryAttributes = true
		answer.Times, answer.Attributes = n.times(), n.attributes()
		answer.AllocationSize, answer.EndOfFile = n.content.allocation(), n.content.size()
	}
	return answer, smb.StatusSuccess
}

// flush has nothing to do: files live in memory, [MS-SMB2] 3.3.5.11.
func (r *request) flush(m *smb.FlushRequest) (smb.Message, smb.NTStatus) {
	o, status := r.fileOpen(m.FileID)
	if status != smb.StatusSuccess {
		return nil, status
	}
	if o.node != nil && o.access&(smb.FileWriteData|smb.FileAppendData) == 0 && !o.node.dir {
		return nil, smb.StatusAccessDenied
	}
	return &smb.FlushResponse{}, smb.StatusSuccess
}

// read reads from a file or pipe, [MS-SMB2] 3.3.5.12.
func (r *request) read(m *smb.ReadRequest) (smb.Message, smb.NTStatus) {
	o, status := r.fileOpen(m.FileID)
	if status != smb.StatusSuccess {
		return nil, status
	}
	if uint64(m.Length) > uint64(r.conn.response.MaxReadSize) {
		return nil, smb.StatusInvalidParameter
	}
	if o.pipe != nil {
		return r.readPipe(o, m)
	}
	n := o.node
	switch {
	case n.dir:
		return nil, smb.StatusInvalidDeviceRequest
	case o.access&(smb.FileReadData|smb.FileExecute) == 0:
		return nil, smb.StatusAccessDenied
	case m.Offset > maxOffset || uint64(m.Length) > maxOffset-m.Offset:
		return nil, smb.StatusInvalidParameter
	case n.locks.conflicts(o, m.Offset, uint64(m.Length), false):
		return nil, smb.StatusFileLockConflict
	}
	size := n.content.size()
	if m.Offset >= size && m.Length > 0 {
		return nil, smb.StatusEndOfFile
	}
	b := make([]byte, min(uint64(m.Length), size-min(m.Offset, size)))
	b = b[:n.content.readAt(b, m.Offset)]
	if len(b) < int(m.MinimumCount) {
		return nil, smb.StatusEndOfFile
	}
	o.position = m.Offset + uint64(len(b))
	o.noteRead(r.server().now())
	return &smb.ReadResponse{Data: b}, smb.StatusSuccess
}

// maxOffset is the last byte a file can have: offsets are signed.
const maxOffset = 1<<63 - 1

// write writes to a file or pipe, [MS-SMB2] 3.3.5.13.
func (r *request) write(m *smb.WriteRequest) (smb.Message, smb.NTStatus) {
	o, status := r.fileOpen(m.FileID)
	if status != smb.StatusSuccess {
		return nil, status
	}
	if len(m.Data) > int(r.conn.response.MaxWriteSize) {
		return nil, smb.StatusInvalidParameter
	}
	if o.pipe != nil {
		return r.writePipe(o, m)
	}
	s, n := r.server(), o.node
	offset, size := m.Offset, uint64(len(m.Data))
	switch {
	case n.dir:
		return nil, smb.StatusInvalidDeviceRequest
	case o.access&(smb.FileWriteData|smb.FileAppendData) == 0:
		return nil, smb.StatusAccessDenied
	case o.access&smb.FileWriteData == 0 && offset < n.content.size():
		return nil, smb.StatusAccessDenied // may only append
	case offset > maxOffset || size > maxOffset-offset:
		return nil, smb.StatusInvalidParameter
	case n.locks.conflicts(o, offset, size, true):
		return nil, smb.StatusFileLockConflict
	}
	s.breakForChange(n, o)
	if status := n.content.writeAt(m.Data, offset); status != smb.StatusSuccess {
		return nil, status
	}
	o.position = offset + size
	o.noteWrite(s.now())
	s.notifyChange(n.parent, n, changeModified)
	return &smb.WriteResponse{Count: uint32(size)}, smb.StatusSuccess
}

// times are the file's times as they go over the wire.
func (n *node) times() smb.FileTimes {
	return smb.FileTimes{
		Creation: fileTime(n.created), LastAccess: fileTime(n.accessed), LastWrite: fileTime(n.written), Change: fileTime(n.changed),
	}
}
