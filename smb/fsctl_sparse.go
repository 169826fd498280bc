package smb

// FileRange is a FILE_ALLOCATED_RANGE_BUFFER, [MS-FSCC] 2.3.52, in bytes: the
// input of FSCTL_QUERY_ALLOCATED_RANGES, and an element of its output.
type FileRange struct {
	Offset uint64
	Length uint64
}

// AppendTo appends the encoded range to b.
func (r FileRange) AppendTo(b []byte) []byte {
	return le.AppendUint64(le.AppendUint64(b, r.Offset), r.Length)
}

// ParseFileRange decodes the range that b begins with.
func ParseFileRange(b []byte) (FileRange, error) {
	d := &decoder{what: "FILE_ALLOCATED_RANGE_BUFFER", msg: b}
	r := FileRange{Offset: d.u64("FileOffset"), Length: d.u64("Length")}
	return r, d.err
}

// ZeroData is the input of FSCTL_SET_ZERO_DATA, [MS-FSCC] 2.3.85: the range
// from Offset up to End becomes zeros.
type ZeroData struct {
	Offset uint64 // FileOffset, in bytes
	End    uint64 // BeyondFinalZero, in bytes
}

// AppendTo appends the encoded input to b.
func (z ZeroData) AppendTo(b []byte) []byte {
	return le.AppendUint64(le.AppendUint64(b, z.Offset), z.End)
}

// ParseZeroData decodes the input.
func ParseZeroData(b []byte) (ZeroData, error) {
	d := &decoder{what: "FILE_ZERO_DATA_INFORMATION", msg: b}
	z := ZeroData{Offset: d.u64("FileOffset"), End: d.u64("BeyondFinalZero")}
	return z, d.err
}

// ObjectIDBuffer is a FILE_OBJECTID_BUFFER, [MS-FSCC] 2.1.3, of 64 bytes.
type ObjectIDBuffer struct {
	ObjectID      GUID
	BirthVolumeID GUID
	BirthObjectID GUID
	DomainID      GUID
}

// AppendTo appends the encoded buffer to b.
func (o *ObjectIDBuffer) AppendTo(b []byte) []byte {
	for _, g := range [...]GUID{o.ObjectID, o.BirthVolumeID, o.BirthObjectID, o.DomainID} {
		b = append(b, g[:]...)
	}
	return b
}
