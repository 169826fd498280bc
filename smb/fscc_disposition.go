package smb

// DispositionInfo is a FileDispositionInformation, [MS-FSCC] 2.4.11, of 1 byte:
// the file goes when its last open is closed, or does not.
type DispositionInfo struct {
	DeletePending bool
}

func (*DispositionInfo) Class() (InfoType, uint8) { return InfoFile, FileDispositionInformation }

func (i *DispositionInfo) appendTo(b []byte) []byte { return appendFlag(b, i.DeletePending) }
func (i *DispositionInfo) decode(d *decoder)        { i.DeletePending = d.flag("DeletePending") }

// DispositionFlags are the Flags of a DispositionExInfo.
type DispositionFlags uint32

// The disposition flags.
const (
	DispositionDelete                 DispositionFlags = 0x01 // FILE_DISPOSITION_DELETE
	DispositionPOSIXSemantics         DispositionFlags = 0x02 // FILE_DISPOSITION_POSIX_SEMANTICS
	DispositionForceImageSectionCheck DispositionFlags = 0x04 // FILE_DISPOSITION_FORCE_IMAGE_SECTION_CHECK
	DispositionOnClose                DispositionFlags = 0x08 // FILE_DISPOSITION_ON_CLOSE
	DispositionIgnoreReadonly         DispositionFlags = 0x10 // FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE
)

// DispositionExInfo is a FileDispositionInformationEx, [MS-FSCC] 2.4.12, of 4
// bytes.
type DispositionExInfo struct {
	Flags DispositionFlags
}

func (*DispositionExInfo) Class() (InfoType, uint8) { return InfoFile, FileDispositionInformationEx }

func (i *DispositionExInfo) appendTo(b []byte) []byte { return le.AppendUint32(b, uint32(i.Flags)) }
func (i *DispositionExInfo) decode(d *decoder)        { i.Flags = DispositionFlags(d.u32("Flags")) }
