package lab

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"err32/smb"
)

// The input of FuzzServer is a byte that says what server there is, and then
// records of what two logged-on clients send: a byte of flags, a length of two
// bytes, and a chain of requests. What a client must know to be listened to is
// put in as it is sent, unless a flag says to leave it: MessageIds, SessionId,
// TreeId, signatures, and for a FileId below 16 that of the session's open with
// this number.
const (
	fuzzSecondClient = 1 << iota
	fuzzKeepMessageID
	fuzzKeepSession
	fuzzKeepTree
	fuzzKeepFileID
	fuzzNotSigned
	fuzzPipes // TreeId is that of IPC$
	fuzzRaw   // nothing is put in; the frame goes out as it is
)

// The first byte: a dialect by its number, and
const (
	fuzzSign = 1 << (3 + iota)
	fuzzEncrypt
	fuzzNT4
	fuzzSamba
)

// fileIDAt is where requests have their FileId.
var fileIDAt = map[smb.Command]int{
	smb.CommandClose: 72, smb.CommandFlush: 72, smb.CommandRead: 80, smb.CommandWrite: 80, smb.CommandLock: 72, smb.CommandIOCTL: 72,
	smb.CommandQueryDirectory: 72, smb.CommandChangeNotify: 72, smb.CommandQueryInfo: 88, smb.CommandSetInfo: 80, smb.CommandOplockBreak: 72,
}

// fuzzClient is a client that FuzzServer has logged on.
type fuzzClient struct {
	t       testing.TB
	nc      net.Conn
	conn    *conn
	session *session
	sealer  *smb.Sealer // nil: it does not encrypt
	trees   [2]uint32   // the share and IPC$

	lastID uint64
	mu     sync.Mutex
	sent   map[uint64]bool // MessageIds
	raw    bool            // it may have sent others
	done   chan struct{}   // closed when nothing more comes
}

// newFuzzClient connects a client over net.Pipe and makes its session by hand,
// which is faster than a log-on.
func newFuzzClient(t testing.TB, s *Server, d smb.Dialect) *fuzzClient {
	nc, server := net.Pipe()
	s.ServeConn(server)
	c := &fuzzClient{t: t, nc: nc, sent: map[uint64]bool{smb.UnsolicitedID: true}, done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		if c.conn == nil || conn.id > c.conn.id {
			c.conn = conn
		}
	}
	conn := c.conn
	conn.negotiated, conn.dialect, conn.signing = true, d, smb.SigningHMACSHA256
	conn.response = *s.negotiateResponse(d, smb.CapEncryption)
	conn.window.high = conn.window.most
	conn.limit.Store(int64(s.Limits.Message))
	session := s.newSession(conn)
	session.user, session.established = &s.Users[0], true
	session.mustSign, session.encrypted = s.Signing == smb.Required, s.Encryption == smb.Required
	key := make([]byte, 16)
	var err error
	if session.signer, err = smb.NewSigner(conn.signing, key); err != nil {
		t.Fatal(err)
	}
	if s.Encryption == smb.Required {
		conn.cipher = smb.CipherAES128GCM
		for _, sealer := range []**smb.Sealer{&session.incoming, &session.outgoing, &c.sealer} {
			if *sealer, err = smb.NewSealer(conn.cipher, key); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, share := range []*share{&s.shares[0], &s.ipc} {
		s.lastTreeID++
		c.trees[i] = s.lastTreeID
		session.trees[s.lastTreeID] = &tree{id: s.lastTreeID, session: session, share: share, since: s.now()}
	}
	c.session = session
	go c.read()
	return c
}

// read checks what the server sends: every message is sound, signed rightly,
// and answers a request.
func (c *fuzzClient) read() {
	defer close(c.done)
	verifier, err := smb.NewSigner(smb.SigningHMACSHA256, make([]byte, 16))
	if err != nil {
		c.t.Error(err)
		return
	}
	for {
		b, err := smb.ReadFrame(c.nc, smb.MaxFrame)
		if err != nil {
			return
		}
		if _, sealed := smb.TransformSessionID(b); sealed {
			if b, err = c.sealer.Open(b); err != nil {
				c.t.Errorf("the server's encryption: %v", err)
				return
			}
		}
		for b != nil {
			h, msg, rest, err := smb.SplitCompound(b)
			if err == nil {
				_, _, err = smb.ParseResponse(msg)
			}
			if err != nil {
				c.t.Errorf("the server sent %x: %v", b, err)
				return
			}
			c.mu.Lock()
			known := c.sent[h.MessageID] || c.raw
			c.mu.Unlock()
			if !known {
				c.t.Errorf("the server answers MessageId %d, which was not sent", h.MessageID)
			}
			if h.Flags&smb.FlagSigned != 0 && !verifier.Verify(msg) {
				c.t.Errorf("the signature of the response to %v is wrong", h.Command)
			}
			b = rest
		}
	}
}

// opens are the FileIds of the session's opens, the oldest first.
func (c *fuzzClient) opens(s *Server) []smb.FileID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []smb.FileID
	for _, o := range c.session.opens {
		ids = append(ids, o.id)
	}
	slices.SortFunc(ids, func(a, b smb.FileID) int { return int(a.Persistent) - int(b.Persistent) })
	return ids
}

// send sends a record. It returns when the server has taken it; a record before
// it has then been run, or waits.
func (c *fuzzClient) send(s *Server, flags byte, chain []byte) bool {
	chain = slices.Clone(chain)
	size := len(chain)
	if c.sealer != nil && flags&fuzzRaw == 0 {
		size += 52 // SMB2 TRANSFORM_HEADER
	}
	c.nc.SetWriteDeadline(time.Now().Add(rawTime))
	if _, err := c.nc.Write(frame(make([]byte, size))[:4]); err != nil {
		return false
	}
	if flags&fuzzRaw == 0 {
		c.finish(s, flags, chain)
		if c.sealer != nil {
			sealed, err := c.sealer.Seal(nil, chain, c.session.id)
			if err != nil {
				c.t.Fatal(err)
			}
			chain = sealed
		}
	} else {
		c.mu.Lock()
		c.raw = true
		c.mu.Unlock()
	}
	_, err := c.nc.Write(chain)
	return err == nil
}

// finish puts into a chain what the server must be told.
func (c *fuzzClient) finish(s *Server, flags byte, chain []byte) {
	le := binary.LittleEndian
	for rest := chain; len(rest) >= 64; {
		msg := rest
		next := int(le.Uint32(rest[20:])) &^ 7
		if next >= 64 && next <= len(rest)-64 {
			msg, rest = rest[:next], rest[next:]
		} else {
			next, rest = 0, nil
		}
		le.PutUint32(msg[20:], uint32(next))
		copy(msg, "\xFESMB\x40\x00")
		le.PutUint16(msg[6:], le.Uint16(msg[6:])&0xF)
		command := smb.Command(le.Uint16(msg[12:]) % 19)
		le.PutUint16(msg[12:], uint16(command))
		headerFlags := smb.HeaderFlags(le.Uint32(msg[16:])) &^ (smb.FlagResponse | smb.FlagSigned)
		if flags&fuzzKeepMessageID == 0 && command != smb.CommandCancel {
			le.PutUint64(msg[24:], c.lastID)
			c.lastID += uint64(max(le.Uint16(msg[6:]), 1))
		}
		c.mu.Lock()
		c.sent[le.Uint64(msg[24:])] = true
		c.mu.Unlock()
		if flags&fuzzKeepTree == 0 && headerFlags&smb.FlagAsync == 0 {
			le.PutUint32(msg[36:], c.trees[flags/fuzzPipes&1])
		}
		if flags&fuzzKeepSession == 0 {
			le.PutUint64(msg[40:], c.session.id)
		}
		if at, ok := fileIDAt[command]; ok && flags&fuzzKeepFileID == 0 && len(msg) >= at+16 && le.Uint64(msg[at:]) < 16 {
			if ids := c.opens(s); len(ids) > 0 {
				id := ids[le.Uint64(msg[at:])%uint64(len(ids))]
				le.PutUint64(msg[at:], id.Persistent)
				le.PutUint64(msg[at+8:], id.Volatile)
			}
		}
		if flags&fuzzNotSigned == 0 && c.sealer == nil {
			headerFlags |= smb.FlagSigned
		}
		le.PutUint32(msg[16:], uint32(headerFlags))
		if headerFlags&smb.FlagSigned != 0 {
			c.session.signer.Sign(msg)
		}
	}
}

// fuzzServer plays an input to a server and checks what is left of it.
func fuzzServer(t testing.TB, data []byte) {
	if len(data) == 0 {
		return
	}
	watchdog := time.AfterFunc(time.Minute, func() { panic("the server hangs") })
	defer watchdog.Stop()
	s := testServer()
	s.Limits = Limits{Memory: 4 << 20, Files: 64, Opens: 64, Pending: 16, Unread: 1 << 20, Message: 128 << 10, Credits: 1 << 14}
	if data[0]&fuzzSign != 0 {
		s.Signing = smb.Required
	}
	dialect := smb.Dialects[int(data[0]&7)%len(smb.Dialects)]
	if data[0]&fuzzEncrypt != 0 && dialect >= smb.SMB300 {
		s.Encryption = smb.Required
	}
	switch {
	case data[0]&fuzzNT4 != 0:
		s.Temperament = NT4()
	case data[0]&fuzzSamba != 0:
		s.Temperament = Samba()
	}
	clients := [2]*fuzzClient{newFuzzClient(t, s, dialect), newFuzzClient(t, s, dialect)}
	for data = data[1:]; len(data) >= 3; {
		flags, n := data[0], int(binary.LittleEndian.Uint16(data[1:]))
		chain := data[3:min(3+n, len(data))]
		data = data[3+len(chain):]
		clients[flags&fuzzSecondClient].send(s, flags, chain)
	}
	for _, c := range clients {
		// The server has run the last frame when it takes the first byte of another.
		c.nc.SetWriteDeadline(time.Now().Add(rawTime))
		c.nc.Write([]byte{0})
	}
	if b := s.Books(); b.Granted-b.Released != uint64(b.Opens) {
		t.Errorf("the books before Close: %+v", b)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for _, c := range clients {
		<-c.done
		c.nc.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns)+len(s.sessions)+len(s.opens)+len(s.openIDs)+len(s.leases) != 0 || s.granted != s.released {
		t.Errorf("after Close: %d connections, %d sessions, %d opens (%d), %d leases, %d granted, %d released",
			len(s.conns), len(s.sessions), len(s.opens), len(s.openIDs), len(s.leases), s.granted, s.released)
	}
	checkVolume(t, s.shares[0].volume)
}

// checkVolume checks that a volume nobody has open keeps the right books.
func checkVolume(t testing.TB, v *volume) {
	nodes, bytes := 0, int64(0)
	var walk func(n *node)
	walk = func(n *node) {
		if len(n.opens) != 0 || n.locks.total() != 0 || n.deletePending || n.removed {
			t.Errorf("%q is left with %d opens, %d locks, delete-pending %v, removed %v", n.path(), len(n.opens), n.locks.total(), n.deletePending, n.removed)
		}
		bytes += n.content.held
		for _, c := range n.children {
			nodes++
			if c.parent != n {
				t.Errorf("%q is in a directory that it does not know", c.path())
			}
			walk(c)
		}
	}
	walk(v.root)
	if v.nodes != nodes || v.bytes != bytes {
		t.Errorf("the volume counts %d files and %d bytes; there are %d and %d", v.nodes, v.bytes, nodes, bytes)
	}
}

// fuzzInput makes an input of records.
type fuzzInput []byte

func (in *fuzzInput) add(flags byte, chain []byte) {
	if len(chain) < 1<<16 {
		*in = append(append(*in, flags, byte(len(chain)), byte(len(chain)>>8)), chain...)
	}
}

// request adds a request on its own.
func (in *fuzzInput) request(flags byte, m smb.Message) {
	in.add(flags, smb.Append(nil, smb.Header{CreditCharge: 1, Credits: 8}, m))
}

// fuzzScenes are inputs that lead two clients into what a server has to
// untangle.
func fuzzScenes() map[string]fuzzInput {
	const second, pipes = fuzzSecondClient, fuzzPipes
	first := smb.FileID{}
	open := func(name string, level smb.OplockLevel, contexts ...smb.CreateContext) *smb.CreateRequest {
		m := openRequest(name)
		m.OplockLevel, m.Contexts = level, contexts
		return m
	}
	alone := func(name string) *smb.CreateRequest {
		m := openRequest(name)
		m.Share = 0
		return m
	}
	dir := openRequest("")
	dir.Disposition, dir.Options, dir.Access = smb.OpenFile, smb.DirectoryFile, smb.FileReadData
	chain := func(related bool, messages ...smb.Message) []byte {
		var all [][]byte
		for i, m := range messages {
			h := smb.Header{CreditCharge: 1, Credits: 1}
			if related && i > 0 {
				h.Flags = smb.FlagRelated
			}
			all = append(all, smb.Append(nil, h, m))
		}
		return (&rawClient{}).compound(all...)
	}
	lock := func(flags smb.LockFlags) *smb.LockRequest {
		return &smb.LockRequest{Locks: []smb.LockElement{{Offset: 1, Length: 10, Flags: flags}}}
	}
	scenes := map[string]func(in *fuzzInput){
		"read and write": func(in *fuzzInput) {
			in.request(0, open("a", 0))
			in.request(0, &smb.WriteRequest{Data: []byte("0123456789")})
			in.request(0, &smb.ReadRequest{Length: 100})
			in.request(0, &smb.FlushRequest{})
			in.request(0, &smb.QueryInfoRequest{Type: smb.InfoFile, Class: 18, MaxOutput: 1000})
			in.request(0, &smb.CloseRequest{PostQueryAttributes: true})
		},
		"an oplock is broken and the holder closes": func(in *fuzzInput) {
			in.request(0, open("a", smb.OplockBatch))
			in.request(second, open("a", smb.OplockBatch))
			in.request(0, &smb.OplockBreakAck{Level: smb.OplockII})
			in.request(second, alone("a"))
			in.request(0, &smb.CloseRequest{})
			in.request(second, &smb.CloseRequest{})
		},
		"a lease is broken and its holder leaves": func(in *fuzzInput) {
			in.request(0, open("a", smb.OplockLease, smb.Lease{V2: true, Key: smb.GUID{1}, State: cacheRWH}.Context()))
			in.request(second, open("a", smb.OplockLease, smb.Lease{Key: smb.GUID{2}, State: cacheRWH}.Context()))
			in.request(0, &smb.LeaseBreakAck{Key: smb.GUID{1}, New: cacheRH})
			in.request(0, &smb.LogoffRequest{})
		},
		"durable opens": func(in *fuzzInput) {
			in.request(0, open("a", smb.OplockBatch, smb.DurableRequest()))
			in.request(0, open("b", smb.OplockBatch, smb.DurableV2Request{CreateGUID: smb.GUID{3}}.Context()))
			in.request(0, &smb.LogoffRequest{})
			in.request(second, open("a", smb.OplockBatch, smb.DurableReconnect(smb.FileID{Persistent: 1})))
			in.request(second, open("b", smb.OplockBatch, smb.DurableV2Reconnect{FileID: smb.FileID{Persistent: 2}, CreateGUID: smb.GUID{3}}.Context()))
		},
		"a lock that waits is cancelled": func(in *fuzzInput) {
			in.request(0, open("a", 0))
			in.request(second, open("a", 0))
			in.request(0, lock(smb.LockExclusive))
			in.request(second, lock(smb.LockShared))
			in.add(second, smb.Append(nil, smb.Header{MessageID: 1}, &smb.CancelRequest{}))
			in.request(second, lock(smb.LockExclusive))
			in.request(0, lock(smb.LockUnlock))
			in.request(second, lock(smb.LockExclusive))
			in.request(second, &smb.TreeDisconnectRequest{})
		},
		"a compound": func(in *fuzzInput) {
			in.add(0, chain(true, open("a", 0), &smb.WriteRequest{FileID: smb.RelatedFileID, Data: []byte("x")}, &smb.CloseRequest{FileID: smb.RelatedFileID}))
			in.add(0, chain(true, alone("missing\\a"), &smb.ReadRequest{FileID: smb.RelatedFileID, Length: 1}, &smb.CloseRequest{FileID: smb.RelatedFileID}))
			in.add(0, chain(false, &smb.EchoRequest{}, &smb.EchoRequest{}, open("b", 0)))
			in.add(second, chain(true, open("b", smb.OplockBatch), lock(smb.LockExclusive), &smb.CloseRequest{FileID: smb.RelatedFileID}))
		},
		"a compound that waits": func(in *fuzzInput) {
			in.request(0, open("a", smb.OplockBatch))
			in.add(second, chain(true, open("a", smb.OplockBatch), &smb.WriteRequest{FileID: smb.RelatedFileID, Data: []byte("x")}, &smb.CloseRequest{FileID: smb.RelatedFileID}))
			in.request(second, &smb.EchoRequest{})
			in.request(0, &smb.CloseRequest{})
		},
		"directories": func(in *fuzzInput) {
			in.request(0, dir)
			in.request(0, &smb.ChangeNotifyRequest{FileID: first, Filter: 0xFFF, MaxOutput: 4096, Flags: smb.NotifyWatchTree})
			in.request(second, open("new", 0))
			in.request(second, &smb.SetInfoRequest{Type: smb.InfoFile, Class: 10, Input: smb.AppendInfo(nil, &smb.RenameInfo{Name: "other"})})
			in.request(second, &smb.SetInfoRequest{Type: smb.InfoFile, Class: 13, Input: []byte{1}})
			in.request(second, &smb.SetInfoRequest{Type: smb.InfoFile, Class: 20, Input: make([]byte, 8)})
			in.request(second, &smb.CloseRequest{})
			in.request(0, &smb.QueryDirectoryRequest{Class: 37, Pattern: "*", MaxOutput: 4096})
			in.request(0, &smb.ChangeNotifyRequest{Filter: 0xFFF, MaxOutput: 16})
			in.request(0, &smb.CloseRequest{})
		},
		"a pipe": func(in *fuzzInput) {
			in.request(pipes, &smb.CreateRequest{Name: "srvsvc", Access: smb.FileReadData | smb.FileWriteData, Disposition: smb.OpenFile})
			in.request(pipes, &smb.ReadRequest{Length: 1024})
			in.request(pipes, &smb.IOCTLRequest{Code: smb.FSCTLPipeTransceive, MaxOutput: 1024, Input: []byte{5, 0, 11, 3, 16, 0, 0, 0, 72, 0, 0, 0}})
			in.request(pipes, &smb.CloseRequest{})
		},
		"log-ons": func(in *fuzzInput) {
			in.request(0, &smb.SessionSetupRequest{SecurityBuffer: []byte("NTLMSSP\x00\x01\x00\x00\x00\x15\x82\x08\x62")})
			in.add(fuzzKeepSession, smb.Append(nil, smb.Header{Credits: 4}, &smb.SessionSetupRequest{SecurityBuffer: []byte("NTLMSSP\x00\x01\x00\x00\x00\x15\x82\x08\x62")}))
			in.request(0, &smb.TreeConnectRequest{Path: `\\lab\share`})
			in.request(0, &smb.TreeDisconnectRequest{})
		},
		"not SMB2": func(in *fuzzInput) {
			in.add(fuzzRaw, []byte("\xFFSMB\x72\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0c\x00\x02SMB 2.???\x00"))
			in.add(fuzzRaw|second, slices.Concat([]byte("\xFDSMB"), make([]byte, 60)))
		},
	}
	inputs := make(map[string]fuzzInput)
	for name, scene := range scenes {
		in := fuzzInput{4}
		scene(&in)
		inputs[name] = in
	}
	return inputs
}

// recordedInputs are the recordings of whole sessions in testdata/wire as
// inputs, but for what is encrypted, and the recorded calls of srvsvc.
func recordedInputs(t testing.TB) map[string]fuzzInput {
	paths, err := filepath.Glob(filepath.Join("..", "..", "testdata", "wire", "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	inputs := make(map[string]fuzzInput)
	for _, p := range paths {
		name := strings.TrimSuffix(filepath.Base(p), ".txt")
		in := fuzzInput{4}
		calls := strings.HasPrefix(name, "srvsvc-")
		if calls {
			in.request(fuzzPipes, &smb.CreateRequest{Name: "srvsvc", Access: smb.FileReadData | smb.FileWriteData, Disposition: smb.OpenFile})
		}
		files := make(map[smb.FileID]uint64)
		for _, b := range recordedRequests(t, p) {
			if calls {
				in.request(fuzzPipes, &smb.IOCTLRequest{Code: smb.FSCTLPipeTransceive, MaxOutput: 1 << 16, Input: b})
				continue
			}
			if number(b, files) {
				in.add(0, b)
			}
		}
		inputs[name] = in
	}
	return inputs
}

// recordedRequests are the blocks under ">" in a recording.
func recordedRequests(t testing.TB, path string) (all [][]byte) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mine := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch b, err := hex.DecodeString(line); {
		case line == ">":
			mine = true
			all = append(all, nil)
		case err != nil || line == "":
			mine = false
		case mine:
			all[len(all)-1] = append(all[len(all)-1], b...)
		}
	}
	return all
}

// number puts numbers in place of the FileIds of a recorded chain of requests.
// It reports false for what comes before the log-on has succeeded.
func number(chain []byte, files map[smb.FileID]uint64) bool {
	le := binary.LittleEndian
	for b := chain; b != nil; {
		h, msg, rest, err := smb.SplitCompound(b)
		if err != nil || h.Command <= smb.CommandSessionSetup {
			return false
		}
		if at, ok := fileIDAt[h.Command]; ok && len(msg) >= at+16 {
			id := smb.FileID{Persistent: le.Uint64(msg[at:]), Volatile: le.Uint64(msg[at+8:])}
			if id != smb.RelatedFileID {
				if _, ok := files[id]; !ok {
					files[id] = uint64(len(files))
				}
				le.PutUint64(msg[at:], files[id])
			}
		}
		b = rest
	}
	return true
}

// TestServerInputs plays the inputs that FuzzServer begins with to every kind
// of server.
func TestServerInputs(t *testing.T) {
	for name, in := range allInputs(t) {
		t.Run(name, func(t *testing.T) {
			for first := range 1 << 7 {
				if first&7 < len(smb.Dialects) {
					in[0] = byte(first)
					fuzzServer(t, in)
				}
			}
		})
	}
}

func allInputs(t testing.TB) map[string]fuzzInput {
	inputs := fuzzScenes()
	for name, in := range recordedInputs(t) {
		inputs[fmt.Sprintf("recorded %s", name)] = in
	}
	return inputs
}

// FuzzServer checks that nothing two clients send makes the server panic, hang
// or lose count.
func FuzzServer(f *testing.F) {
	for _, in := range allInputs(f) {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzzServer(t, data) })
}
