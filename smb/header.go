package smb

import "fmt"

// headerSize is the length of every SMB2 header, [MS-SMB2] 2.2.1.
const headerSize = 64

// Command is an SMB2 command code, [MS-SMB2] 2.2.1.2.
type Command uint16

// The SMB2 commands.
const (
	CommandNegotiate      Command = 0x0000
	CommandSessionSetup   Command = 0x0001
	CommandLogoff         Command = 0x0002
	CommandTreeConnect    Command = 0x0003
	CommandTreeDisconnect Command = 0x0004
	CommandCreate         Command = 0x0005
	CommandClose          Command = 0x0006
	CommandFlush          Command = 0x0007
	CommandRead           Command = 0x0008
	CommandWrite          Command = 0x0009
	CommandLock           Command = 0x000A
	CommandIOCTL          Command = 0x000B
	CommandCancel         Command = 0x000C
	CommandEcho           Command = 0x000D
	CommandQueryDirectory Command = 0x000E
	CommandChangeNotify   Command = 0x000F
	CommandQueryInfo      Command = 0x0010
	CommandSetInfo        Command = 0x0011
	CommandOplockBreak    Command = 0x0012
)

var commandNames = [...]string{
	"NEGOTIATE", "SESSION_SETUP", "LOGOFF", "TREE_CONNECT", "TREE_DISCONNECT", "CREATE", "CLOSE", "FLUSH", "READ", "WRITE",
	"LOCK", "IOCTL", "CANCEL", "ECHO", "QUERY_DIRECTORY", "CHANGE_NOTIFY", "QUERY_INFO", "SET_INFO", "OPLOCK_BREAK",
}

// String returns the specification's name of the command.
func (c Command) String() string {
	if int(c) < len(commandNames) {
		return commandNames[c]
	}
	return fmt.Sprintf("command 0x%04X", uint16(c))
}

// HeaderFlags are the Flags of an SMB2 header, [MS-SMB2] 2.2.1.2.
type HeaderFlags uint32

// The header flags.
const (
	FlagResponse HeaderFlags = 0x00000001 // SMB2_FLAGS_SERVER_TO_REDIR
	FlagAsync    HeaderFlags = 0x00000002 // SMB2_FLAGS_ASYNC_COMMAND
	FlagRelated  HeaderFlags = 0x00000004 // SMB2_FLAGS_RELATED_OPERATIONS
	FlagSigned   HeaderFlags = 0x00000008 // SMB2_FLAGS_SIGNED
	FlagDFS      HeaderFlags = 0x10000000 // SMB2_FLAGS_DFS_OPERATIONS
	FlagReplay   HeaderFlags = 0x20000000 // SMB2_FLAGS_REPLAY_OPERATION
)

// UnsolicitedID is the MessageId of a message that answers no request: an
// oplock or lease break notification, [MS-SMB2] 2.2.23.
const UnsolicitedID = ^uint64(0)

// Header is an SMB2 packet header, [MS-SMB2] 2.2.1, in its sync or async form.
type Header struct {
	CreditCharge uint16 // in units of 64 KiB of payload; 0 in the 2.0.2 dialect
	Status       NTStatus
	Command      Command
	Credits      uint16 // asked for in a request, granted in a response
	Flags        HeaderFlags
	NextCommand  uint32 // bytes from this header to the next of a compound; 0 in the last
	MessageID    uint64
	AsyncID      uint64 // with FlagAsync only
	TreeID       uint32 // without FlagAsync only
	SessionID    uint64
	Signature    [16]byte
}

func (h *Header) appendTo(b []byte) []byte {
	b = append(b, 0xFE, 'S', 'M', 'B', headerSize, 0)
	b = le.AppendUint16(b, h.CreditCharge)
	b = le.AppendUint32(b, uint32(h.Status))
	b = le.AppendUint16(b, uint16(h.Command))
	b = le.AppendUint16(b, h.Credits)
	b = le.AppendUint32(b, uint32(h.Flags))
	b = le.AppendUint32(b, h.NextCommand)
	b = le.AppendUint64(b, h.MessageID)
	if h.Flags&FlagAsync != 0 {
		b = le.AppendUint64(b, h.AsyncID)
	} else {
		b = le.AppendUint32(b, 0)
		b = le.AppendUint32(b, h.TreeID)
	}
	b = le.AppendUint64(b, h.SessionID)
	return append(b, h.Signature[:]...)
}

// parseHeader decodes the header that msg begins with.
func parseHeader(msg []byte) (Header, error) {
	d := decoder{what: "header", msg: msg}
	if id := d.next("ProtocolId", 4); id != nil && string(id) != "\xFESMB" {
		d.fail("ProtocolId", "is % X, not FE 53 4D 42", id)
	}
	d.size(headerSize)
	h := Header{
		CreditCharge: d.u16("CreditCharge"),
		Status:       NTStatus(d.u32("Status")),
		Command:      Command(d.u16("Command")),
		Credits:      d.u16("CreditRequest/CreditResponse"),
		Flags:        HeaderFlags(d.u32("Flags")),
		NextCommand:  d.u32("NextCommand"),
		MessageID:    d.u64("MessageId"),
	}
	if h.Flags&FlagAsync != 0 {
		h.AsyncID = d.u64("AsyncId")
	} else {
		d.skip("Reserved", 4)
		h.TreeID = d.u32("TreeId")
	}
	h.SessionID = d.u64("SessionId")
	copy(h.Signature[:], d.next("Signature", 16))
	return h, d.err
}

// SplitCompound cuts off the first message of a chain, its padding included. A
// message cut off keeps the NextCommand that led to its end.
func SplitCompound(b []byte) (h Header, msg, rest []byte, err error) {
	h, err = parseHeader(b)
	if err != nil {
		return h, nil, nil, err
	}
	switch next := uint64(h.NextCommand); {
	case next == 0:
		return h, b, nil, nil
	case next%8 != 0:
		return h, nil, nil, &DecodeError{"header", "NextCommand", fmt.Sprintf("is %d, not a multiple of 8", next)}
	case next < headerSize || next+headerSize > uint64(len(b)):
		return h, nil, nil, &DecodeError{"header", "NextCommand", fmt.Sprintf("is %d in a %d-byte message", next, len(b))}
	default:
		return h, b[:next:next], b[next:], nil
	}
}
