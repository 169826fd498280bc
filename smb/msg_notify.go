package smb

// NotifyFlags are the Flags of CHANGE_NOTIFY, [MS-SMB2] 2.2.35.
type NotifyFlags uint16

// NotifyWatchTree asks for changes below subdirectories too: SMB2_WATCH_TREE.
const NotifyWatchTree NotifyFlags = 0x1

// NotifyFilter says which changes are wanted, [MS-SMB2] 2.2.35.
type NotifyFilter uint32

// The kinds of changes.
const (
	NotifyFileName    NotifyFilter = 0x001 // FILE_NOTIFY_CHANGE_FILE_NAME
	NotifyDirName     NotifyFilter = 0x002 // FILE_NOTIFY_CHANGE_DIR_NAME
	NotifyAttributes  NotifyFilter = 0x004 // FILE_NOTIFY_CHANGE_ATTRIBUTES
	NotifySize        NotifyFilter = 0x008 // FILE_NOTIFY_CHANGE_SIZE
	NotifyLastWrite   NotifyFilter = 0x010 // FILE_NOTIFY_CHANGE_LAST_WRITE
	NotifyLastAccess  NotifyFilter = 0x020 // FILE_NOTIFY_CHANGE_LAST_ACCESS
	NotifyCreation    NotifyFilter = 0x040 // FILE_NOTIFY_CHANGE_CREATION
	NotifyEA          NotifyFilter = 0x080 // FILE_NOTIFY_CHANGE_EA
	NotifySecurity    NotifyFilter = 0x100 // FILE_NOTIFY_CHANGE_SECURITY
	NotifyStreamName  NotifyFilter = 0x200 // FILE_NOTIFY_CHANGE_STREAM_NAME
	NotifyStreamSize  NotifyFilter = 0x400 // FILE_NOTIFY_CHANGE_STREAM_SIZE
	NotifyStreamWrite NotifyFilter = 0x800 // FILE_NOTIFY_CHANGE_STREAM_WRITE
)

// ChangeNotifyRequest is the SMB2 CHANGE_NOTIFY Request, [MS-SMB2] 2.2.35.
type ChangeNotifyRequest struct {
	Flags     NotifyFlags
	MaxOutput uint32 // bytes of output the client takes
	FileID    FileID // of a directory
	Filter    NotifyFilter
}

func (*ChangeNotifyRequest) Command() Command { return CommandChangeNotify }

func (m *ChangeNotifyRequest) appendBody(b []byte, _ int) []byte {
	b = le.AppendUint16(b, 32)
	b = le.AppendUint16(b, uint16(m.Flags))
	b = le.AppendUint32(b, m.MaxOutput)
	b = appendFileID(b, m.FileID)
	b = le.AppendUint32(b, uint32(m.Filter))
	return le.AppendUint32(b, 0) // Reserved
}

func (m *ChangeNotifyRequest) decode(d *decoder) {
	d.size(32)
	r := ChangeNotifyRequest{Flags: NotifyFlags(d.u16("Flags")), MaxOutput: d.u32("OutputBufferLength"), FileID: d.fileID("FileId")}
	r.Filter = NotifyFilter(d.u32("CompletionFilter"))
	d.skip("Reserved", 4)
	if d.err == nil {
		*m = r
	}
}

// ChangeNotifyResponse is the SMB2 CHANGE_NOTIFY Response, [MS-SMB2] 2.2.36.
// With STATUS_NOTIFY_ENUM_DIR it is empty: there were more changes than fit.
type ChangeNotifyResponse struct {
	Output []byte // Changes
}

func (*ChangeNotifyResponse) Command() Command { return CommandChangeNotify }

func (m *ChangeNotifyResponse) appendBody(b []byte, start int) []byte {
	return appendOutput(b, start, m.Output)
}

func (m *ChangeNotifyResponse) decode(d *decoder) {
	if out := decodeOutput(d); d.err == nil {
		m.Output = out
	}
}

// ChangeAction is what happened to a file, [MS-FSCC] 2.7.1.
type ChangeAction uint32

// The actions.
const (
	ChangeAdded          ChangeAction = 1 // FILE_ACTION_ADDED
	ChangeRemoved        ChangeAction = 2 // FILE_ACTION_REMOVED
	ChangeModified       ChangeAction = 3 // FILE_ACTION_MODIFIED
	ChangeRenamedFrom    ChangeAction = 4 // FILE_ACTION_RENAMED_OLD_NAME
	ChangeRenamedTo      ChangeAction = 5 // FILE_ACTION_RENAMED_NEW_NAME; comes right behind the old name
	ChangeAddedStream    ChangeAction = 6 // FILE_ACTION_ADDED_STREAM
	ChangeRemovedStream  ChangeAction = 7 // FILE_ACTION_REMOVED_STREAM
	ChangeModifiedStream ChangeAction = 8 // FILE_ACTION_MODIFIED_STREAM
)

// Change is a FILE_NOTIFY_INFORMATION, [MS-FSCC] 2.7.1.
type Change struct {
	Action ChangeAction
	Name   string // below the watched directory, with backslashes
}

// AppendChanges encodes changes as the output of a CHANGE_NOTIFY response.
func AppendChanges(b []byte, changes []Change) []byte {
	list := listWriter{align: 4}
	for _, c := range changes {
		b = list.next(b)
		b = le.AppendUint32(b, uint32(c.Action))
		b = appendName(b, c.Name)
	}
	return b
}

// ParseChanges decodes the output of a CHANGE_NOTIFY response.
func ParseChanges(b []byte) ([]Change, error) {
	var changes []Change
	err := readList("FILE_NOTIFY_INFORMATION", b, 12, func(d *decoder) {
		c := Change{Action: ChangeAction(d.u32("Action"))}
		c.Name = d.name("FileName")
		changes = append(changes, c)
	})
	if err != nil {
		return nil, err
	}
	return changes, nil
}
