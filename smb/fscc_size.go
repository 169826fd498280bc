package smb

// AllocationInfo is a FileAllocationInformation, [MS-FSCC] 2.4.4, of 8 bytes.
type AllocationInfo struct {
	Size uint64 // AllocationSize, in bytes; one with the highest bit set is negative
}

func (*AllocationInfo) Class() (InfoType, uint8) { return InfoFile, FileAllocationInformation }

func (i *AllocationInfo) appendTo(b []byte) []byte { return le.AppendUint64(b, i.Size) }
func (i *AllocationInfo) decode(d *decoder)        { i.Size = d.u64("AllocationSize") }

// EndOfFileInfo is a FileEndOfFileInformation, [MS-FSCC] 2.4.14, of 8 bytes:
// the new length of the file.
type EndOfFileInfo struct {
	EndOfFile uint64 // in bytes; one with the highest bit set is negative
}

func (*EndOfFileInfo) Class() (InfoType, uint8) { return InfoFile, FileEndOfFileInformation }

func (i *EndOfFileInfo) appendTo(b []byte) []byte { return le.AppendUint64(b, i.EndOfFile) }
func (i *EndOfFileInfo) decode(d *decoder)        { i.EndOfFile = d.u64("EndOfFile") }
