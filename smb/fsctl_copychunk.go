package smb

// ResumeKey is a server's name for an open that is to be copied from,
// [MS-SMB2] 2.2.32.3.
type ResumeKey [24]byte

// AppendTo appends the SRV_REQUEST_RESUME_KEY Response, of 32 bytes.
func (k ResumeKey) AppendTo(b []byte) []byte {
	b = append(b, k[:]...)
	return appendZero(b, 8) // ContextLength and Context: none
}

// ParseResumeKey decodes the output of FSCTL_SRV_REQUEST_RESUME_KEY.
func ParseResumeKey(b []byte) (k ResumeKey, err error) {
	d := &decoder{what: "SRV_REQUEST_RESUME_KEY", msg: b}
	copy(k[:], d.next("ResumeKey", uint64(len(k))))
	d.skip("ContextLength", 4)
	return k, d.err
}

// CopyChunk is a part of a file to be copied, [MS-SMB2] 2.2.31.1.1, in bytes.
type CopyChunk struct {
	SourceOffset uint64
	TargetOffset uint64
	Length       uint32
}

// CopyChunks is the input of FSCTL_SRV_COPYCHUNK and FSCTL_SRV_COPYCHUNK_WRITE,
// [MS-SMB2] 2.2.31.1.
type CopyChunks struct {
	Source ResumeKey // SourceKey
	Chunks []CopyChunk
}

const copyChunkSize = 24

// AppendTo appends the encoded input to b.
func (c *CopyChunks) AppendTo(b []byte) []byte {
	b = append(b, c.Source[:]...)
	b = le.AppendUint32(b, uint32(len(c.Chunks)))
	b = le.AppendUint32(b, 0) // Reserved
	for _, chunk := range c.Chunks {
		b = le.AppendUint64(b, chunk.SourceOffset)
		b = le.AppendUint64(b, chunk.TargetOffset)
		b = le.AppendUint32(b, chunk.Length)
		b = le.AppendUint32(b, 0) // Reserved
	}
	return b
}

// ParseCopyChunks decodes the input.
func ParseCopyChunks(b []byte) (*CopyChunks, error) {
	d := &decoder{what: "SRV_COPYCHUNK_COPY", msg: b}
	c := &CopyChunks{}
	copy(c.Source[:], d.next("SourceKey", uint64(len(c.Source))))
	count := d.u32("ChunkCount")
	d.skip("Reserved", 4)
	if have := uint64(len(b)) - min(d.off, uint64(len(b))); d.err == nil && uint64(count)*copyChunkSize > have {
		d.fail("Chunks", "are %d in %d bytes", count, have)
	}
	for range count {
		if d.err != nil {
			break
		}
		c.Chunks = append(c.Chunks, CopyChunk{SourceOffset: d.u64("SourceOffset"), TargetOffset: d.u64("TargetOffset"), Length: d.u32("Length")})
		d.skip("Reserved", 4)
	}
	if d.err != nil {
		return nil, d.err
	}
	return c, nil
}

// CopyChunkResult is the output of both, [MS-SMB2] 2.2.32.1, of 12 bytes: what
// was copied, or with STATUS_INVALID_PARAMETER the most the server takes.
type CopyChunkResult struct {
	Chunks     uint32 // ChunksWritten: or the most there may be
	ChunkBytes uint32 // ChunkBytesWritten: of a chunk that was not copied to its end; or the most in one
	TotalBytes uint32 // TotalBytesWritten: or the most in all
}

// AppendTo appends the encoded output to b.
func (r CopyChunkResult) AppendTo(b []byte) []byte {
	b = le.AppendUint32(b, r.Chunks)
	b = le.AppendUint32(b, r.ChunkBytes)
	return le.AppendUint32(b, r.TotalBytes)
}

// ParseCopyChunkResult decodes the output.
func ParseCopyChunkResult(b []byte) (CopyChunkResult, error) {
	d := &decoder{what: "SRV_COPYCHUNK_RESPONSE", msg: b}
	r := CopyChunkResult{Chunks: d.u32("ChunksWritten"), ChunkBytes: d.u32("ChunkBytesWritten"), TotalBytes: d.u32("TotalBytesWritten")}
	return r, d.err
}
