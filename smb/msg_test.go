package smb

import (
	"bytes"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// The values that the samples share. On the wire the FileId is 00 01 … 0F, the
// GUID F0 F1 … FF, and the four times are 11…, 22…, 33…, 44….
var (
	sampleFile  = FileID{Persistent: 0x0706050403020100, Volatile: 0x0F0E0D0C0B0A0908}
	sampleGUID  = GUID{0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF}
	sampleTimes = FileTimes{0x1111111111111111, 0x2222222222222222, 0x3333333333333333, 0x4444444444444444}
)

// sample is one message with all its fields set and its body, which is written
// by hand from the tables of [MS-SMB2] section 2.2. Offsets in a body count from
// the header, 64 bytes before it.
type sample struct {
	name string
	h    Header
	m    Message
	body string
}

func (s sample) response() bool { return s.h.Flags&FlagResponse != 0 }

func (s sample) encode() []byte { return Append(nil, s.h, s.m) }

func (s sample) parse(msg []byte) (Header, Message, error) {
	if s.response() {
		return ParseResponse(msg)
	}
	return ParseRequest(msg)
}

var samples = []sample{
	{"NEGOTIATE request", Header{}, &NegotiateRequest{
		SecurityMode: SigningEnabled | SigningRequired,
		Capabilities: CapLargeMTU | CapEncryption,
		ClientGUID:   sampleGUID,
		Dialects:     []Dialect{SMB202, SMB300, SMB311},
		Contexts: []NegotiateContext{
			{NegotiatePreauthIntegrity, []byte{1, 0, 2, 0, 1, 0, 0xAA, 0xBB}},
			{NegotiateEncryption, []byte{1, 0, 2, 0}},
		},
	}, `2400 0300 0300 0000 44000000 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff
		70000000 0200 0000
		0202 0003 1103 0000 00000000
		0100 0800 00000000 0100 0200 0100 aabb
		0200 0400 00000000 0100 0200`},
	{"NEGOTIATE request of 2.1", Header{}, &NegotiateRequest{
		SecurityMode: SigningEnabled, Capabilities: CapLargeMTU, ClientGUID: sampleGUID, Dialects: []Dialect{SMB202, SMB210},
	}, `2400 0200 0100 0000 04000000 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff 0000000000000000 0202 1002`},
	{"NEGOTIATE response", Header{}, &NegotiateResponse{
		SecurityMode: SigningEnabled, Dialect: SMB311, ServerGUID: sampleGUID, Capabilities: CapDFS | CapLargeMTU,
		MaxTransactSize: 0x100000, MaxReadSize: 0x200000, MaxWriteSize: 0x300000,
		SystemTime: 0x01DA111122223333, ServerStartTime: 0x01D9444455556666,
		SecurityBuffer: []byte("token"),
		Contexts:       []NegotiateContext{{NegotiateSigning, []byte{1, 0, 2, 0}}},
	}, `4100 0100 1103 0100 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff 05000000
		00001000 00002000 00003000 333322221111da01 666655554444d901
		8000 0500 88000000
		746f6b656e 000000
		0800 0400 00000000 0100 0200`},
	{"SESSION_SETUP request", Header{}, &SessionSetupRequest{
		Flags: SessionBinding, SecurityMode: SigningRequired, Capabilities: CapDFS, Channel: 0x0BADCAFE,
		PreviousSessionID: 0x1122334455667788, SecurityBuffer: []byte("abc"),
	}, `1900 01 02 01000000 fecaad0b 5800 0300 8877665544332211 616263`},
	{"SESSION_SETUP response", Header{Status: StatusMoreProcessingRequired}, &SessionSetupResponse{
		Flags: SessionEncryptData, SecurityBuffer: []byte("abc"),
	}, `0900 0400 4800 0300 616263`},
	{"LOGOFF request", Header{}, &LogoffRequest{}, `0400 0000`},
	{"LOGOFF response", Header{}, &LogoffResponse{}, `0400 0000`},
	{"TREE_CONNECT request", Header{}, &TreeConnectRequest{Path: `\\s\IPC$`},
		`0900 0000 4800 1000 5c005c0073005c004900500043002400`},
	{"TREE_CONNECT response", Header{}, &TreeConnectResponse{
		ShareType: ShareDisk, ShareFlags: ShareEncryptData | ShareForceSharedDelete, Capabilities: 0x70, MaximalAccess: 0x001F01FF,
	}, `1000 01 00 00820000 70000000 ff011f00`},
	{"TREE_DISCONNECT request", Header{}, &TreeDisconnectRequest{}, `0400 0000`},
	{"TREE_DISCONNECT response", Header{}, &TreeDisconnectResponse{}, `0400 0000`},
	{"CREATE request", Header{}, &CreateRequest{
		OplockLevel: OplockBatch, Access: 0x00120089, Attributes: AttributeNormal, Share: ShareRead | ShareDelete,
		Disposition: OpenIf, Options: NonDirectoryFile | DeleteOnClose, Name: `d\ä😀`,
		Contexts: []CreateContext{MaximalAccessRequest(), {Name: "DHnQ", Data: make([]byte, 16)}, OnDiskIDRequest()},
	}, `3900 00 09 02000000 0000000000000000 0000000000000000
		89001200 80000000 05000000 03000000 40100000
		7800 0a00 88000000 54000000
		64005c00e4003dd800de 000000000000
		18000000 1000 0400 0000 0000 00000000 4d784163 00000000
		28000000 1000 0400 0000 1800 10000000 44486e51 00000000 00000000000000000000000000000000
		00000000 1000 0400 0000 0000 00000000 51466964`},
	{"CREATE request of a share's root", Header{}, &CreateRequest{
		Access: FileReadAttributes, Share: ShareRead, Disposition: OpenFile, Options: DirectoryFile,
	}, `3900 00 00 02000000 0000000000000000 0000000000000000
		80000000 00000000 01000000 01000000 01000000 7800 0000 00000000 00000000 00`},
	{"CREATE response", Header{}, &CreateResponse{
		OplockLevel: OplockII, Action: Created, Times: sampleTimes, AllocationSize: 0x2000, EndOfFile: 0x1FFF,
		Attributes: AttributeReadonly, FileID: sampleFile,
		Contexts: []CreateContext{{Name: ContextMaximalAccess, Data: []byte{0, 0, 0, 0, 0xFF, 1, 0x1F, 0}}},
	}, `5900 01 00 02000000 1111111111111111 2222222222222222 3333333333333333 4444444444444444
		0020000000000000 ff1f000000000000 01000000 00000000 000102030405060708090a0b0c0d0e0f
		98000000 20000000
		00000000 1000 0400 0000 1800 08000000 4d784163 00000000 00000000 ff011f00`},
	{"CLOSE request", Header{}, &CloseRequest{PostQueryAttributes: true, FileID: sampleFile},
		`1800 0100 00000000 000102030405060708090a0b0c0d0e0f`},
	{"CLOSE response", Header{}, &CloseResponse{
		PostQueryAttributes: true, Times: sampleTimes, AllocationSize: 0x2000, EndOfFile: 0x1FFF, Attributes: AttributeNormal,
	}, `3c00 0100 00000000 1111111111111111 2222222222222222 3333333333333333 4444444444444444
		0020000000000000 ff1f000000000000 80000000`},
	{"FLUSH request", Header{}, &FlushRequest{FileID: sampleFile}, `1800 0000 00000000 000102030405060708090a0b0c0d0e0f`},
	{"FLUSH response", Header{}, &FlushResponse{}, `0400 0000`},
	{"READ request", Header{}, &ReadRequest{FileID: sampleFile, Offset: 0x123456789A, Length: 0x10000, MinimumCount: 7},
		`3100 50 00 00000100 9a78563412000000 000102030405060708090a0b0c0d0e0f 07000000 00000000 00000000 0000 0000 00`},
	{"READ response", Header{}, &ReadResponse{Data: []byte("data")}, `1100 50 00 04000000 00000000 00000000 64617461`},
	{"READ response of a message that goes on", Header{Status: StatusBufferOverflow}, &ReadResponse{Data: []byte("data")},
		`1100 50 00 04000000 00000000 00000000 64617461`},
	{"WRITE request", Header{}, &WriteRequest{FileID: sampleFile, Offset: 0x123456789A, Flags: 1, Data: []byte("data")},
		`3100 7000 04000000 9a78563412000000 000102030405060708090a0b0c0d0e0f 00000000 00000000 0000 0000 01000000 64617461`},
	{"WRITE response", Header{}, &WriteResponse{Count: 0x12345}, `1100 0000 45230100 00000000 0000 0000`},
	{"LOCK request", Header{}, &LockRequest{FileID: sampleFile, Sequence: 0x00000013, Locks: []LockElement{
		{Offset: 0x10, Length: 0x20, Flags: LockExclusive | LockFailImmediately}, {Offset: 1 << 63, Length: 1, Flags: LockUnlock},
	}}, `3000 0200 13000000 000102030405060708090a0b0c0d0e0f
		1000000000000000 2000000000000000 12000000 00000000
		0000000000000080 0100000000000000 04000000 00000000`},
	{"LOCK response", Header{}, &LockResponse{}, `0400 0000`},
	{"IOCTL request", Header{}, &IOCTLRequest{Code: FSCTLPipeTransceive, FileID: sampleFile, Input: []byte("in"), MaxOutput: 0x400},
		`3900 0000 17c01100 000102030405060708090a0b0c0d0e0f 78000000 02000000 00000000 00000000 00000000 00040000 01000000 00000000 696e`},
	{"IOCTL response", Header{}, &IOCTLResponse{Code: FSCTLPipeTransceive, FileID: sampleFile, Output: []byte("out")},
		`3100 0000 17c01100 000102030405060708090a0b0c0d0e0f 70000000 00000000 70000000 03000000 00000000 00000000 6f7574`},
	{"IOCTL response of a copy of too much", Header{Status: StatusInvalidParameter}, &IOCTLResponse{Code: FSCTLSrvCopyChunk, FileID: sampleFile, Output: []byte("out")},
		`3100 0000 f2401400 000102030405060708090a0b0c0d0e0f 70000000 00000000 70000000 03000000 00000000 00000000 6f7574`},
	{"CANCEL request", Header{Flags: FlagAsync, AsyncID: 0x99}, &CancelRequest{}, `0400 0000`},
	{"ECHO request", Header{}, &EchoRequest{}, `0400 0000`},
	{"ECHO response", Header{}, &EchoResponse{}, `0400 0000`},
	{"QUERY_DIRECTORY request", Header{}, &QueryDirectoryRequest{
		Class: FileDirectoryInformation, Flags: DirectoryRestart | DirectoryIndex, FileIndex: 9, FileID: sampleFile, Pattern: "*.t", MaxOutput: 0x8000,
	}, `2100 01 05 09000000 000102030405060708090a0b0c0d0e0f 6000 0600 00800000 2a002e007400`},
	{"QUERY_DIRECTORY response", Header{}, &QueryDirectoryResponse{Output: []byte("list")}, `0900 4800 04000000 6c697374`},
	{"CHANGE_NOTIFY request", Header{}, &ChangeNotifyRequest{
		Flags: NotifyWatchTree, MaxOutput: 0x1000, FileID: sampleFile, Filter: NotifyFileName | NotifyStreamWrite,
	}, `2000 0100 00100000 000102030405060708090a0b0c0d0e0f 01080000 00000000`},
	{"CHANGE_NOTIFY response", Header{}, &ChangeNotifyResponse{Output: []byte("list")}, `0900 4800 04000000 6c697374`},
	{"CHANGE_NOTIFY response of more than fits", Header{Status: StatusNotifyEnumDir}, &ChangeNotifyResponse{}, `0900 4800 00000000`},
	{"CHANGE_NOTIFY interrupted by the end of its open", Header{Status: StatusNotifyCleanup}, &ErrorResponse{Data: []byte{}, To: CommandChangeNotify},
		`0900 00 00 00000000 00`},
	{"QUERY_INFO request", Header{}, &QueryInfoRequest{
		Type: InfoSecurity, Class: 3, MaxOutput: 0x1000, Additional: 7, Flags: 2, FileID: sampleFile, Input: []byte("in"),
	}, `2900 03 03 00100000 6800 0000 02000000 07000000 02000000 000102030405060708090a0b0c0d0e0f 696e`},
	{"QUERY_INFO response", Header{Status: StatusBufferOverflow}, &QueryInfoResponse{Output: []byte("out")}, `0900 4800 03000000 6f7574`},
	{"SET_INFO request", Header{}, &SetInfoRequest{
		Type: InfoFile, Class: FileDispositionInformation, Additional: 5, FileID: sampleFile, Input: []byte{1},
	}, `2100 01 0d 01000000 6000 0000 05000000 000102030405060708090a0b0c0d0e0f 01`},
	{"SET_INFO response", Header{}, &SetInfoResponse{}, `0200`},
	{"OPLOCK_BREAK notification", Header{MessageID: UnsolicitedID}, &OplockBreak{Level: OplockII, FileID: sampleFile},
		`1800 01 00 00000000 000102030405060708090a0b0c0d0e0f`},
	{"OPLOCK_BREAK acknowledgment", Header{}, &OplockBreakAck{Level: OplockII, FileID: sampleFile},
		`1800 01 00 00000000 000102030405060708090a0b0c0d0e0f`},
	{"OPLOCK_BREAK response", Header{}, &OplockBreakAckResponse{Level: OplockII, FileID: sampleFile},
		`1800 01 00 00000000 000102030405060708090a0b0c0d0e0f`},
	{"lease break notification", Header{MessageID: UnsolicitedID}, &LeaseBreak{
		NewEpoch: 3, AckRequired: true, Key: sampleGUID, Current: LeaseRead | LeaseHandle | LeaseWrite, New: LeaseRead,
	}, `2c00 0300 01000000 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff 07000000 01000000 00000000 00000000 00000000`},
	{"lease break acknowledgment", Header{}, &LeaseBreakAck{Key: sampleGUID, New: LeaseRead},
		`2400 0000 00000000 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff 01000000 0000000000000000`},
	{"lease break response", Header{}, &LeaseBreakAckResponse{Key: sampleGUID, New: LeaseRead},
		`2400 0000 00000000 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff 01000000 0000000000000000`},
	{"ERROR response", Header{Status: StatusSharingViolation}, &ErrorResponse{ContextCount: 1, Data: []byte("redirect"), To: CommandCreate},
		`0900 01 00 08000000 7265646972656374`},
	{"ERROR response without data", Header{Status: StatusPending, Flags: FlagAsync, AsyncID: 8}, &ErrorResponse{Data: []byte{}, To: CommandLock},
		`0900 00 00 00000000 00`},
}

func init() {
	for i := range samples {
		s := &samples[i]
		s.h.Command = s.m.Command()
		s.h.CreditCharge, s.h.Credits = 1, 0x1F
		if s.h.MessageID == 0 {
			s.h.MessageID = 0x42
		}
		s.h.SessionID = 0x0000040000000011
		if s.h.Flags&FlagAsync == 0 {
			s.h.TreeID = 0x33
		}
		if !strings.Contains(s.name, "request") && !strings.Contains(s.name, "acknowledgment") {
			s.h.Flags |= FlagResponse
		}
	}
}

func TestMessages(t *testing.T) {
	seen := map[reflect.Type]bool{}
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			seen[reflect.TypeOf(s.m)] = true
			msg := s.encode()
			if body := wireHex(t, s.body); !bytes.Equal(msg[headerSize:], body) {
				t.Errorf("body:\n got %x\nwant %x", msg[headerSize:], body)
			}
			h, m, err := s.parse(msg)
			if err != nil {
				t.Fatal(err)
			}
			if h != s.h {
				t.Errorf("header:\n got %+v\nwant %+v", h, s.h)
			}
			if !reflect.DeepEqual(m, s.m) {
				t.Errorf("message:\n got %+v\nwant %+v", m, s.m)
			}
			// Behind another message of a chain all offsets count from its own header.
			chain := Append([]byte("12345678"), s.h, s.m)
			if !bytes.Equal(chain[8:], msg) {
				t.Errorf("at offset 8: %x", chain[8:])
			}
		})
	}
	// Every message type that the parser knows is among the samples.
	for c := range Command(len(commandNames)) {
		for _, m := range []Message{newRequest(c, nil), newResponse(&Header{Command: c}, nil)} {
			if m != nil && !seen[reflect.TypeOf(m)] {
				t.Errorf("no sample of %T", m)
			}
		}
	}
}

func TestHeader(t *testing.T) {
	common := Header{
		CreditCharge: 2, Status: StatusSharingViolation, Command: CommandWrite, Credits: 0x0102, NextCommand: 0x68,
		MessageID: 0x1122334455667788, SessionID: 0x99AABBCCDDEEFF00,
		Signature: [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	}
	sync, async := common, common
	sync.Flags, sync.TreeID = FlagResponse|FlagRelated|FlagSigned|FlagDFS|FlagReplay, 0x01020304
	async.Flags, async.AsyncID = FlagResponse|FlagAsync, 0x0102030405060708
	for _, c := range []struct {
		name string
		h    Header
		wire string
	}{
		{"sync, [MS-SMB2] 2.2.1.2", sync, `fe534d42 4000 0200 430000c0 0900 0201 0d000030 68000000 8877665544332211
			00000000 04030201 00ffeeddccbbaa99 0102030405060708090a0b0c0d0e0f10`},
		{"async, [MS-SMB2] 2.2.1.1", async, `fe534d42 4000 0200 430000c0 0900 0201 03000000 68000000 8877665544332211
			0807060504030201 00ffeeddccbbaa99 0102030405060708090a0b0c0d0e0f10`},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := wireHex(t, c.wire)
			if got := c.h.appendTo(nil); !bytes.Equal(got, want) {
				t.Errorf("appendTo:\n got %x\nwant %x", got, want)
			}
			h, err := parseHeader(want)
			if err != nil || h != c.h {
				t.Errorf("parseHeader = %+v, %v", h, err)
			}
		})
	}
}

func TestSplitCompound(t *testing.T) {
	one := Append(nil, Header{}, &EchoRequest{})
	chain := func(next uint32, tail []byte) []byte {
		b := bytes.Clone(one)
		le.PutUint32(b[20:], next)
		return append(pad8(b, 0), tail...)
	}
	h, msg, rest, err := SplitCompound(chain(72, one))
	if err != nil || h.NextCommand != 72 || len(msg) != 72 || !bytes.Equal(rest, one) {
		t.Errorf("SplitCompound = %+v, %d bytes, rest %x, %v", h, len(msg), rest, err)
	}
	for _, c := range []struct {
		name  string
		frame []byte
		want  string
	}{
		{"not aligned", chain(68, one), "not a multiple of 8"},
		{"inside the header", chain(56, one), "is 56 in a 140-byte message"},
		{"behind the end", chain(80, one), "is 80 in a 140-byte message"},
		{"at most", chain(0xFFFFFFF8, one), "is 4294967288 in a 140-byte message"},
		{"SMB1", append([]byte("\xFFSMB"), one[4:]...), "is FF 53 4D 42"},
		{"nothing", nil, "ProtocolId at offset 0 (4 bytes) is outside the 0-byte message"},
	} {
		_, _, _, err := SplitCompound(c.frame)
		if de := (*DecodeError)(nil); !errors.As(err, &de) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestHostileMessages cuts every message everywhere, and puts the maximum into
// every position where a 16- or 32-bit length or offset may stand.
func TestHostileMessages(t *testing.T) {
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			hostile(t, s.encode(), func(msg []byte) (any, error) {
				_, m, err := s.parse(msg)
				if err != nil {
					return nil, err
				}
				if c, ok := m.(*CreateResponse); ok {
					_, _, err := c.MaximalAccess()
					_, _, err2 := c.OnDiskID()
					return m, errors.Join(err, err2)
				}
				return m, nil
			})
		})
	}
	t.Run("create contexts", func(t *testing.T) {
		whole := &CreateResponse{Contexts: []CreateContext{
			{Name: ContextMaximalAccess, Data: make([]byte, 8)}, {Name: ContextOnDiskID, Data: make([]byte, 32)},
		}}
		for _, name := range []string{ContextMaximalAccess, ContextOnDiskID} {
			for n := range 16 {
				cut := &CreateResponse{Contexts: []CreateContext{{Name: name, Data: make([]byte, n)}}}
				_, ok1, err1 := cut.MaximalAccess()
				_, ok2, err2 := cut.OnDiskID()
				if want := name == ContextMaximalAccess && n >= 8; ok1 != want || (err1 != nil) != (name == ContextMaximalAccess && n < 8) {
					t.Errorf("%s of %d bytes: MaximalAccess: %v, %v", name, n, ok1, err1)
				}
				if ok2 || (err2 != nil) != (name == ContextOnDiskID) {
					t.Errorf("%s of %d bytes: OnDiskID: %v, %v", name, n, ok2, err2)
				}
			}
		}
		if _, ok, err := whole.OnDiskID(); !ok || err != nil {
			t.Errorf("OnDiskID: %v, %v", ok, err)
		}
	})
}

func hostile(t *testing.T, msg []byte, parse func([]byte) (any, error)) {
	t.Helper()
	whole, err := parse(msg)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, i int, err error) {
		if err == nil {
			return
		}
		if de := (*DecodeError)(nil); !errors.As(err, &de) || de.Message == "" || de.Field == "" || de.Reason == "" {
			t.Errorf("%s %d: not a DecodeError with a field: %v", what, i, err)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	tries := uint64(0)
	for n := range msg {
		cut, err := parse(msg[:n:n])
		check("cut to", n, err)
		tries++
		// The last byte of some messages is one that only has to be there.
		if err == nil && !reflect.DeepEqual(cut, whole) {
			t.Errorf("cut to %d of %d bytes it is another message: %+v", n, len(msg), cut)
		}
	}
	for _, size := range []int{2, 4} {
		for i := 0; i+size <= len(msg); i++ {
			b := bytes.Clone(msg)
			for j := range size {
				b[i+j] = 0xFF
			}
			_, err := parse(b)
			check("maximum at", i, err)
			tries++
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / tries; each > 8<<10 {
		t.Errorf("%d bytes allocated for each parse of %d bytes", each, len(msg))
	}
}

func TestParseRefuses(t *testing.T) {
	request := func(m Message) []byte { return Append(nil, Header{}, m) }
	patch := func(b []byte, at int, v ...byte) []byte {
		copy(b[at:], v)
		return b
	}
	for _, c := range []struct {
		name  string
		parse func([]byte) (Header, Message, error)
		msg   []byte
		want  string
	}{
		{"a response as a request", ParseRequest, Append(nil, Header{Flags: FlagResponse}, &EchoResponse{}), "ECHO request: Flags mark it as a response"},
		{"a request as a response", ParseResponse, request(&EchoRequest{}), "ECHO response: Flags mark it as a request"},
		{"an unknown request", ParseRequest, patch(request(&EchoRequest{}), 12, 0x13), "Command is command 0x0013, which is not known"},
		{"an unknown response", ParseResponse, patch(Append(nil, Header{Flags: FlagResponse}, &EchoResponse{}), 12, 0x0C), "Command is CANCEL, which is not known"},
		{"StructureSize", ParseRequest, patch(request(&EchoRequest{}), 64, 5), "ECHO request: StructureSize is 5, not 4"},
		{"no locks", ParseRequest, request(&LockRequest{}), "LOCK request: LockCount is 0"},
		{"an odd name", ParseRequest, patch(request(&TreeConnectRequest{Path: "ab"}), 70, 3), "TREE_CONNECT request: Path has the odd length 3 for UTF-16"},
		{"a name in the header", ParseRequest, patch(request(&TreeConnectRequest{Path: "ab"}), 68, 8), "Path at offset 8 lies inside the 72 bytes before it"},
		{"a name in the fixed part", ParseRequest, patch(request(&TreeConnectRequest{Path: "ab"}), 68, 70), "Path at offset 70 lies inside the 72 bytes before it"},
		{"an IOCTL", ParseRequest, patch(request(&IOCTLRequest{}), 112, 0), "IOCTL request: Flags are 0x0; only FSCTLs are known"},
		{"the length of a header", ParseRequest, patch(request(&EchoRequest{}), 4, 65), "header: StructureSize is 65, not 64"},
	} {
		_, _, err := c.parse(c.msg)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
