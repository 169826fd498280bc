package lab

import (
	"maps"
	"math"
	"slices"

	"err32/smb"
)

// setSparse makes a file sparse or not any more, [MS-FSA] 2.1.5.10.36: that is
// told, and FSCTL_QUERY_ALLOCATED_RANGES tells where it has holes. Memory for
// holes is taken for no file.
func (r *request) setSparse(o *open, input []byte) smb.NTStatus {
	n := o.node
	switch {
	case o.access&(smb.FileWriteData|smb.FileWriteAttributes|smb.FileAppendData) == 0:
		return smb.StatusAccessDenied
	case n.dir:
		return smb.StatusInvalidParameter
	}
	attrs := n.attrs | smb.AttributeSparseFile
	if len(input) > 0 && input[0] == 0 {
		attrs &^= smb.AttributeSparseFile
	}
	if attrs != n.attrs {
		s := r.server()
		n.attrs = attrs
		o.noteChange(s.now())
		s.notifyChange(n.parent, n, changeKind{smb.ChangeModified, smb.NotifyAttributes})
	}
	return smb.StatusSuccess
}

// allocatedRanges tells which parts of a range of the file are no holes,
// [MS-FSA] 2.1.5.10.22.
func (r *request) allocatedRanges(o *open, m *smb.IOCTLRequest) ([]byte, smb.NTStatus) {
	n := o.node
	if o.access&smb.FileReadData == 0 {
		return nil, smb.StatusAccessDenied
	}
	want, err := smb.ParseFileRange(m.Input)
	if err != nil || n.dir || want.Offset > math.MaxInt64 || want.Length > math.MaxInt64-want.Offset {
		return nil, smb.StatusInvalidParameter
	}
	from, to := want.Offset, min(want.Offset+want.Length, n.content.size())
	if from >= to {
		return nil, smb.StatusSuccess
	}
	ranges := []smb.FileRange{{Offset: from, Length: to - from}}
	if n.attrs&smb.AttributeSparseFile != 0 {
		ranges = n.content.written(from, to)
	}
	var out []byte
	for _, found := range ranges {
		out = found.AppendTo(out)
	}
	if int64(len(out)) > int64(m.MaxOutput) {
		return nil, smb.StatusBufferTooSmall
	}
	return out, smb.StatusSuccess
}

// setZeroData makes a range of the file zeros, and a hole as far as it can be,
// [MS-FSA] 2.1.5.10.39.
func (r *request) setZeroData(o *open, input []byte) smb.NTStatus {
	s, n := r.server(), o.node
	if o.access&smb.FileWriteData == 0 {
		return smb.StatusAccessDenied
	}
	z, err := smb.ParseZeroData(input)
	switch {
	case err != nil, n.dir, z.End > math.MaxInt64, z.Offset > z.End:
		return smb.StatusInvalidParameter
	case z.Offset == z.End:
		return smb.StatusSuccess
	case n.locks.conflicts(o, z.Offset, z.End-z.Offset, true):
		return smb.StatusFileLockConflict
	}
	s.breakForChange(n, o)
	n.content.zero(z.Offset, z.End)
	o.noteWrite(s.now())
	s.notifyChange(n.parent, n, changeModified)
	return smb.StatusSuccess
}

// written returns the parts between from and to that memory is taken for.
func (c *content) written(from, to uint64) []smb.FileRange {
	var ranges []smb.FileRange
	for _, i := range slices.Sorted(maps.Keys(c.chunks)) {
		begin := max(i*chunkSize, from)
		end := min(i*chunkSize+uint64(len(c.chunks[i])), to)
		if begin >= end {
			continue
		}
		if last := len(ranges) - 1; last >= 0 && ranges[last].Offset+ranges[last].Length == begin {
			ranges[last].Length += end - begin
			continue
		}
		ranges = append(ranges, smb.FileRange{Offset: begin, Length: end - begin})
	}
	return ranges
}

// zero makes what lies between from and to zeros. Memory that only zeros would
// be in is given back.
func (c *content) zero(from, to uint64) {
	for i, chunk := range c.chunks {
		start := i * chunkSize
		size := uint64(len(chunk))
		if start+size <= from || start >= to {
			continue
		}
		first, last := max(from, start)-start, min(to-start, size)
		if first == 0 && (last == size || start+last >= c.length) {
			c.resize(i, 0)
			continue
		}
		clear(chunk[first:last])
	}
}
