package smb

// Stream is one stream of a file. Sizes are in bytes.
type Stream struct {
	Size           uint64
	AllocationSize uint64
	Name           string // ":name:$DATA"; "::$DATA" is the file itself
}

// StreamInfo is a FileStreamInformation, [MS-FSCC] 2.4.49: the list of a file's
// streams. A directory may have none.
type StreamInfo struct {
	Streams []Stream
}

func (*StreamInfo) Class() (InfoType, uint8) { return InfoFile, FileStreamInformation }

func (i *StreamInfo) appendTo(b []byte) []byte {
	list := listWriter{align: 8}
	for _, s := range i.Streams {
		b = list.next(b)
		size := len(b)
		b = le.AppendUint32(b, 0) // StreamNameLength
		b = le.AppendUint64(b, s.Size)
		b = le.AppendUint64(b, s.AllocationSize)
		name := len(b)
		b = appendUTF16(b, s.Name)
		le.PutUint32(b[size:], uint32(len(b)-name))
	}
	return b
}

func (i *StreamInfo) decode(d *decoder) {
	i.Streams = nil
	d.err = readList(d.what, d.msg, 24, func(d *decoder) {
		size := d.u32("StreamNameLength")
		s := Stream{Size: d.u64("StreamSize"), AllocationSize: d.u64("StreamAllocationSize")}
		s.Name = d.nextText("StreamName", uint64(size))
		i.Streams = append(i.Streams, s)
	})
}
