package smb

// NameInfo is a FileNameInformation, [MS-FSCC] 2.4.32: 4 bytes and the name.
// Inside an AllInfo it is the path below the share, beginning with a backslash.
type NameInfo struct {
	Name string
}

// AlternateNameInfo is a FileAlternateNameInformation, [MS-FSCC] 2.4.5: the 8.3
// name.
type AlternateNameInfo NameInfo

// NormalizedNameInfo is a FileNormalizedNameInformation, [MS-FSCC] 2.4.35: the
// path below the share with no short names, not beginning with a backslash.
type NormalizedNameInfo NameInfo

func (*NameInfo) Class() (InfoType, uint8)          { return InfoFile, FileNameInformation }
func (*AlternateNameInfo) Class() (InfoType, uint8) { return InfoFile, FileAlternateNameInformation }
func (*NormalizedNameInfo) Class() (InfoType, uint8) {
	return InfoFile, FileNormalizedNameInformation
}

func (i *NameInfo) appendTo(b []byte) []byte           { return appendName(b, i.Name) }
func (i *AlternateNameInfo) appendTo(b []byte) []byte  { return appendName(b, i.Name) }
func (i *NormalizedNameInfo) appendTo(b []byte) []byte { return appendName(b, i.Name) }

func (i *NameInfo) decode(d *decoder)           { i.Name = d.name("FileName") }
func (i *AlternateNameInfo) decode(d *decoder)  { i.Name = d.name("FileName") }
func (i *NormalizedNameInfo) decode(d *decoder) { i.Name = d.name("FileName") }

// RenameInfo is a FileRenameInformation in the form that SMB2 uses,
// [MS-FSCC] 2.4.42.2: 20 bytes and the name, at least 24.
type RenameInfo struct {
	ReplaceIfExists bool
	RootDirectory   uint64 // 0
	Name            string // the new path, below the share
}

// LinkInfo is a FileLinkInformation in the form that SMB2 uses,
// [MS-FSCC] 2.4.28.2, which is a RenameInfo's: Name is that of the new link.
type LinkInfo RenameInfo

func (*RenameInfo) Class() (InfoType, uint8) { return InfoFile, FileRenameInformation }
func (*LinkInfo) Class() (InfoType, uint8)   { return InfoFile, FileLinkInformation }

func (i *RenameInfo) appendTo(b []byte) []byte {
	start := len(b)
	b = appendFlag(b, i.ReplaceIfExists)
	b = appendZero(b, 7) // Reserved
	return appendTarget(b, start, i.RootDirectory, i.Name)
}

func (i *RenameInfo) decode(d *decoder) {
	*i = RenameInfo{ReplaceIfExists: d.flag("ReplaceIfExists")}
	d.skip("Reserved", 7)
	i.RootDirectory, i.Name = d.target()
}

func (i *LinkInfo) appendTo(b []byte) []byte { return (*RenameInfo)(i).appendTo(b) }
func (i *LinkInfo) decode(d *decoder)        { (*RenameInfo)(i).decode(d) }

// RenameFlags are the Flags of a RenameExInfo.
type RenameFlags uint32

// The rename flags.
const (
	RenameReplaceIfExists                   RenameFlags = 0x001 // FILE_RENAME_REPLACE_IF_EXISTS
	RenamePOSIXSemantics                    RenameFlags = 0x002 // FILE_RENAME_POSIX_SEMANTICS
	RenameSuppressPinStateInheritance       RenameFlags = 0x004 // FILE_RENAME_SUPPRESS_PIN_STATE_INHERITANCE
	RenameSuppressStorageReserveInheritance RenameFlags = 0x008 // FILE_RENAME_SUPPRESS_STORAGE_RESERVE_INHERITANCE
	RenameNoIncreaseAvailableSpace          RenameFlags = 0x010 // FILE_RENAME_NO_INCREASE_AVAILABLE_SPACE
	RenameNoDecreaseAvailableSpace          RenameFlags = 0x020 // FILE_RENAME_NO_DECREASE_AVAILABLE_SPACE
	RenameIgnoreReadonly                    RenameFlags = 0x040 // FILE_RENAME_IGNORE_READONLY_ATTRIBUTE
	RenameForceResizeTargetSR               RenameFlags = 0x080 // FILE_RENAME_FORCE_RESIZE_TARGET_SR
	RenameForceResizeSourceSR               RenameFlags = 0x100 // FILE_RENAME_FORCE_RESIZE_SOURCE_SR
)

// RenameExInfo is a FileRenameInformationEx, [MS-FSCC] 2.4.43: 20 bytes and the
// name, at least 24.
type RenameExInfo struct {
	Flags         RenameFlags
	RootDirectory uint64 // 0
	Name          string // the new path, below the share
}

func (*RenameExInfo) Class() (InfoType, uint8) { return InfoFile, FileRenameInformationEx }

func (i *RenameExInfo) appendTo(b []byte) []byte {
	start := len(b)
	b = le.AppendUint32(b, uint32(i.Flags))
	b = appendZero(b, 4) // Reserved
	return appendTarget(b, start, i.RootDirectory, i.Name)
}

func (i *RenameExInfo) decode(d *decoder) {
	*i = RenameExInfo{Flags: RenameFlags(d.u32("Flags"))}
	d.skip("Reserved", 4)
	i.RootDirectory, i.Name = d.target()
}

// appendTarget appends what the renaming classes end with, and pads the whole,
// which began at start, to the 24 bytes it has at least.
func appendTarget(b []byte, start int, root uint64, name string) []byte {
	b = le.AppendUint64(b, root)
	b = appendName(b, name)
	return appendZero(b, max(0, 24-(len(b)-start)))
}

func (d *decoder) target() (root uint64, name string) {
	return d.u64("RootDirectory"), d.name("FileName")
}
