package lab

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"slices"
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
		if at, ok := fileIDAt[command]; ok && flags&fuzzKeepFileID == 0 {
			c.putFileID(s, msg, uint64(at))
		}
		if command == smb.CommandIOCTL && len(msg) >= 92 && le.Uint32(msg[68:])&^0xC000 == smb.FSCTLSrvCopyChunk&^0xC000 {
			c.putFileID(s, msg, uint64(le.Uint32(msg[88:]))) // the resume key
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

// putFileID puts a FileId where there is the number of an open.
func (c *fuzzClient) putFileID(s *Server, msg []byte, at uint64) {
	le := binary.LittleEndian
	if at+16 > uint64(len(msg)) || le.Uint64(msg[at:]) >= 16 {
		return
	}
	if ids := c.opens(s); len(ids) > 0 {
		id := ids[le.Uint64(msg[at:])%uint64(len(ids))]
		le.PutUint64(msg[at:], id.Persistent)
		le.PutUint64(msg[at+8:], id.Volatile)
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
	if len(s.conns)+len(s.sessions)+len(s.opens)+len(s.openIDs)+len(s.leases)+s.locks+s.pipes+s.watches != 0 || s.granted != s.released {
		t.Errorf("after Close: %d connections, %d sessions, %d opens (%d), %d leases, %d locks, %d pipes, %d watches, %d granted, %d released",
			len(s.conns), len(s.sessions), len(s.opens), len(s.openIDs), len(s.leases), s.locks, s.pipes, s.watches, s.granted, s.released)
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

// TestServerInputs plays the inputs that FuzzServer begins with to every kind
// of server.
func TestServerInputs(t *testing.T) {
	for name, in := range allInputs(t) {
		t.Run(name, func(t *testing.T) {
			for first := range 1 << 7 {
				if first&7 < len(smb.Dialects) && !t.Failed() {
					in[0] = byte(first)
					fuzzServer(t, in)
				}
			}
		})
	}
}

// FuzzServer checks that nothing two clients send makes the server panic, hang
// or lose count.
func FuzzServer(f *testing.F) {
	for _, in := range allInputs(f) {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzzServer(t, data) })
}

// fuzzLogOn plays frames to a connection on which nobody has logged on yet. Of
// SMB2 messages the MessageId, and a SessionId other than 0, are put in.
func fuzzLogOn(t testing.TB, data []byte) {
	watchdog := time.AfterFunc(time.Minute, func() { panic("the server hangs") })
	defer watchdog.Stop()
	le := binary.LittleEndian
	s := testServer()
	nc, server := net.Pipe()
	s.ServeConn(server)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		io.Copy(io.Discard, nc)
	}()
	for id := uint64(0); len(data) >= 3; {
		n := int(le.Uint16(data[1:]))
		b := slices.Clone(data[3:min(3+n, len(data))])
		data = data[3+len(b):]
		nc.SetWriteDeadline(time.Now().Add(rawTime))
		if _, err := nc.Write(frame(b)[:4]); err != nil {
			break
		}
		if len(b) >= 64 && bytes.HasPrefix(b, []byte("\xFESMB")) {
			le.PutUint64(b[24:], id)
			s.mu.Lock()
			for session := range s.sessions {
				if le.Uint64(b[40:]) != 0 {
					le.PutUint64(b[40:], session)
				}
			}
			s.mu.Unlock()
			id++
		} else if bytes.HasPrefix(b, []byte("\xFFSMB")) {
			id++
		}
		if _, err := nc.Write(b); err != nil {
			break
		}
	}
	nc.SetWriteDeadline(time.Now().Add(rawTime))
	nc.Write([]byte{0})
	closeServer(t, s)
	<-drained
	nc.Close()
}

// FuzzLogOn checks that nothing a client sends to log on makes the server panic,
// hang or lose count.
func FuzzLogOn(f *testing.F) {
	for _, in := range recordedLogOns(f) {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzzLogOn(t, data) })
}
