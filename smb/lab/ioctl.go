package lab

import (
	"math"

	"err32/smb"
)

// ioctl runs a file system control, [MS-SMB2] 3.3.5.15.
func (r *request) ioctl(m *smb.IOCTLRequest) (smb.Message, smb.NTStatus) {
	if m.MaxOutput > r.conn.response.MaxTransactSize || int64(len(m.Input)) > int64(r.conn.response.MaxTransactSize) {
		return nil, smb.StatusInvalidParameter
	}
	answer := &smb.IOCTLResponse{Code: m.Code, FileID: m.FileID}
	switch m.Code { // those that are about no file
	case smb.FSCTLValidateNegotiateInfo, smb.FSCTLDFSGetReferrals, smb.FSCTLDFSGetReferralsEx, smb.FSCTLQueryNetworkInterfaceInfo, smb.FSCTLPipeWait:
		if m.FileID != smb.RelatedFileID {
			return nil, smb.StatusInvalidParameter
		}
	}
	switch m.Code {
	case smb.FSCTLValidateNegotiateInfo:
		out, ok := r.validateNegotiate(m.Input)
		if !ok || int64(m.MaxOutput) < int64(len(out)) {
			// Somebody in between changed the NEGOTIATE: not worth an answer.
			r.server().endConn(r.conn, errAltered)
			return nil, smb.StatusAccessDenied
		}
		answer.Output = out
		return answer, smb.StatusSuccess
	case smb.FSCTLDFSGetReferrals, smb.FSCTLDFSGetReferralsEx:
		return nil, smb.StatusFSDriverRequired // no DFS here
	case smb.FSCTLQueryNetworkInterfaceInfo: // no multichannel either
		return nil, smb.StatusNotSupported
	case smb.FSCTLPipeWait:
		return answer, smb.StatusSuccess
	}
	o, status := r.fileOpen(m.FileID)
	if status != smb.StatusSuccess {
		return nil, status
	}
	answer.FileID = o.id
	if o.pipe != nil {
		answer.Output, status = r.pipeControl(o, m)
	} else {
		answer.Output, status = r.fileControl(o, m)
	}
	if status != smb.StatusSuccess && answer.Output == nil {
		return nil, status
	}
	return answer, status
}

// pipeControl runs a control of a named pipe.
func (r *request) pipeControl(o *open, m *smb.IOCTLRequest) ([]byte, smb.NTStatus) {
	if m.Code != smb.FSCTLPipeTransceive {
		return nil, smb.StatusInvalidDeviceRequest
	}
	if status := o.pipe.write(m.Input); status != smb.StatusSuccess {
		return nil, status
	}
	return r.takePipe(o, int(m.MaxOutput))
}

// fileControl runs a control of a file or directory, [MS-FSA] 2.1.5.10. Those
// that are not there are STATUS_INVALID_DEVICE_REQUEST, resilient handles,
// compression and previous versions among them.
func (r *request) fileControl(o *open, m *smb.IOCTLRequest) (out []byte, status smb.NTStatus) {
	switch m.Code {
	case smb.FSCTLCreateOrGetObjectID:
		return r.objectID(o, m)
	case smb.FSCTLGetReparsePoint, smb.FSCTLDeleteReparsePoint:
		return nil, smb.StatusNotAReparsePoint
	case smb.FSCTLSrvRequestResumeKey:
		return r.resumeKey(o, m)
	case smb.FSCTLSrvCopyChunk, smb.FSCTLSrvCopyChunkWrite:
		return r.copyChunks(o, m)
	case smb.FSCTLSetSparse:
		return nil, r.setSparse(o, m.Input)
	case smb.FSCTLQueryAllocatedRanges:
		return r.allocatedRanges(o, m)
	case smb.FSCTLSetZeroData:
		return nil, r.setZeroData(o, m.Input)
	}
	return nil, smb.StatusInvalidDeviceRequest
}

// objectID tells the object id of a file, which is made of what is unique about
// it already.
func (r *request) objectID(o *open, m *smb.IOCTLRequest) ([]byte, smb.NTStatus) {
	volume := r.server().guid
	id := &smb.ObjectIDBuffer{ObjectID: volume, BirthVolumeID: volume}
	for i := range 8 {
		id.ObjectID[8+i] ^= byte(o.node.id >> (8 * i))
	}
	id.BirthObjectID = id.ObjectID
	out := id.AppendTo(nil)
	if int64(m.MaxOutput) < int64(len(out)) {
		return nil, smb.StatusInvalidParameter
	}
	return out, smb.StatusSuccess
}

// resumeKey names the open for a copy from it, [MS-SMB2] 3.3.5.15.5.
func (r *request) resumeKey(o *open, m *smb.IOCTLRequest) ([]byte, smb.NTStatus) {
	out := o.resumeKey().AppendTo(nil)
	if int64(m.MaxOutput) < int64(len(out)) {
		return nil, smb.StatusInvalidParameter
	}
	return out, smb.StatusSuccess
}

func (o *open) resumeKey() (k smb.ResumeKey) {
	for i := range 8 {
		k[i], k[8+i] = byte(o.id.Persistent>>(8*i)), byte(o.id.Volatile>>(8*i))
	}
	return k
}

// copyLimits are the most that one request copies, as Windows has it.
var copyLimits = smb.CopyChunkResult{Chunks: 256, ChunkBytes: 1 << 20, TotalBytes: 16 << 20}

// copyChunks copies parts of another file, [MS-SMB2] 3.3.5.15.6.
func (r *request) copyChunks(o *open, m *smb.IOCTLRequest) ([]byte, smb.NTStatus) {
	if m.MaxOutput < 12 { // the size of a result
		return nil, smb.StatusInvalidParameter
	}
	c, err := smb.ParseCopyChunks(m.Input)
	if err != nil || !withinLimits(c.Chunks) {
		return copyLimits.AppendTo(nil), smb.StatusInvalidParameter
	}
	var from *open
	for _, other := range r.session.opens {
		if other.node != nil && other.resumeKey() == c.Source {
			from = other
		}
	}
	switch {
	case from == nil:
		return nil, smb.StatusObjectNameNotFound
	case from.node.dir || o.node.dir:
		return nil, smb.StatusInvalidDeviceRequest
	case from.access&(smb.FileReadData|smb.FileExecute) == 0,
		o.access&(smb.FileWriteData|smb.FileAppendData) == 0,
		m.Code == smb.FSCTLSrvCopyChunk && o.access&smb.FileReadData == 0:
		return nil, smb.StatusAccessDenied
	}
	r.server().breakForChange(o.node, o)
	var result smb.CopyChunkResult
	for _, chunk := range c.Chunks {
		if status := r.copyChunk(from, o, chunk); status != smb.StatusSuccess {
			return result.AppendTo(nil), status
		}
		result.Chunks++
		result.TotalBytes += chunk.Length
	}
	return result.AppendTo(nil), smb.StatusSuccess
}

func withinLimits(chunks []smb.CopyChunk) bool {
	var total uint64
	for _, c := range chunks {
		if c.Length == 0 || c.Length > copyLimits.ChunkBytes {
			return false
		}
		total += uint64(c.Length)
	}
	return len(chunks) <= int(copyLimits.Chunks) && total <= uint64(copyLimits.TotalBytes)
}

// copyChunk copies one part.
func (r *request) copyChunk(from, to *open, c smb.CopyChunk) smb.NTStatus {
	length := uint64(c.Length)
	switch {
	case c.SourceOffset > math.MaxInt64-length || c.TargetOffset > math.MaxInt64-length:
		return smb.StatusInvalidParameter
	case from.node.locks.conflicts(from, c.SourceOffset, length, false), to.node.locks.conflicts(to, c.TargetOffset, length, true):
		return smb.StatusFileLockConflict
	case c.SourceOffset+length > from.node.content.size():
		return smb.StatusInvalidViewSize
	case to.access&smb.FileWriteData == 0 && c.TargetOffset < to.node.content.size():
		return smb.StatusAccessDenied // may only append
	}
	b := make([]byte, length)
	from.node.content.readAt(b, c.SourceOffset)
	if status := to.node.content.writeAt(b, c.TargetOffset); status != smb.StatusSuccess {
		return status
	}
	s := r.server()
	to.noteWrite(s.now())
	s.notifyChange(to.node.parent, to.node, changeModified)
	return smb.StatusSuccess
}
