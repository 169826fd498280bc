package smb

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"
)

// fakeServer is the server's end of a connection, which a test plays by hand:
// it takes the client's frames one by one and answers what it likes.
type fakeServer struct {
	t       *testing.T
	nc      net.Conn
	dialect Dialect
	cipher  Cipher
	signing SigningAlgorithm
	key     []byte // session key

	negotiate NegotiateResponse // what it answers; changed by a test before connect
	preauth   PreauthHash
	session   uint64
	keys      SessionKeys
	signer    *Signer // the session's, when there is one
	in, out   *Sealer
}

// fakeRequest is one request as it arrived.
type fakeRequest struct {
	Header
	msg    []byte
	body   Message
	sealed bool
}

// fakeSession and fakeTree are the ids that the fake server gives out.
const (
	fakeSession = 0x5E5510
	fakeTree    = 0x7EE
)

var fakeGUID = GUID{0: 0xAB, 15: 0xCD}

func newFakeServer(t *testing.T, d Dialect) (*fakeServer, net.Conn) {
	client, server := net.Pipe()
	// A test that goes wrong ends all the same.
	for _, nc := range []net.Conn{client, server} {
		nc.SetDeadline(time.Now().Add(15 * time.Second))
	}
	f := &fakeServer{t: t, nc: server, dialect: d, key: []byte("0123456789abcdef"), session: fakeSession}
	f.negotiate = NegotiateResponse{
		SecurityMode: SigningEnabled, Dialect: d, ServerGUID: fakeGUID,
		MaxTransactSize: 1 << 20, MaxReadSize: 1 << 20, MaxWriteSize: 1 << 20, SecurityBuffer: []byte("hint"),
	}
	if d > SMB202 {
		f.negotiate.Capabilities = CapLargeMTU
	}
	switch {
	case d == SMB311:
		f.signing, f.cipher = SigningAESGMAC, CipherAES128GCM
		f.negotiate.Contexts = []NegotiateContext{
			PreauthContext([]byte("salt")),
			ListContext(NegotiateEncryption, []Cipher{f.cipher}),
			ListContext(NegotiateSigning, []SigningAlgorithm{f.signing}),
		}
	case d >= SMB300:
		f.signing, f.cipher = SigningAESCMAC, CipherAES128CCM
		f.negotiate.Capabilities |= CapEncryption
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return f, client
}

// frame takes the next frame and returns the messages in it.
func (f *fakeServer) frame() []*fakeRequest {
	f.t.Helper()
	b, err := ReadFrame(f.nc, MaxFrame)
	if err != nil {
		f.t.Fatalf("fake server: %v", err)
	}
	requests, err := f.take(b)
	if err != nil {
		f.t.Fatalf("fake server: %v", err)
	}
	return requests
}

// take decrypts a frame, takes it apart, and checks what is signed.
func (f *fakeServer) take(b []byte) (requests []*fakeRequest, err error) {
	id, sealed := TransformSessionID(b)
	if sealed {
		if id != f.session || f.in == nil {
			f.t.Errorf("fake server: encrypted for session %#x", id)
		}
		if b, err = f.in.Open(b); err != nil {
			return nil, err
		}
	}
	for b != nil {
		var msg []byte
		if _, msg, b, err = SplitCompound(b); err != nil {
			return nil, err
		}
		h, m, err := ParseRequest(msg)
		if err != nil {
			return nil, err
		}
		if h.Flags&FlagSigned != 0 && (sealed || f.signer == nil || !f.signer.Verify(msg)) {
			f.t.Errorf("fake server: the signature of %v is wrong", h.Command)
		}
		requests = append(requests, &fakeRequest{h, msg, m, sealed})
	}
	return requests, nil
}

// next takes a frame with one request.
func (f *fakeServer) next(c Command) *fakeRequest {
	f.t.Helper()
	requests := f.frame()
	if len(requests) != 1 || requests[0].Command != c {
		f.t.Fatalf("fake server: got %d requests, the first is %v; want one %v", len(requests), requests[0].Command, c)
	}
	return requests[0]
}

// reply is the header of an ordinary response: it grants as much as was asked
// for.
func (r *fakeRequest) reply(status NTStatus) Header {
	return Header{
		CreditCharge: r.CreditCharge, Status: status, Command: r.Command, Credits: r.Credits, Flags: FlagResponse | r.Flags&FlagRelated,
		MessageID: r.MessageID, TreeID: r.TreeID, SessionID: r.SessionID,
	}
}

// pending is the header of an interim response.
func (r *fakeRequest) pending(asyncID uint64) Header {
	h := r.reply(StatusPending)
	h.Flags |= FlagAsync
	h.TreeID, h.AsyncID = 0, asyncID
	return h
}

// final is the header of the response after an interim one.
func (r *fakeRequest) final(asyncID uint64, status NTStatus) Header {
	h := r.pending(asyncID)
	h.Status, h.Credits = status, 0
	return h
}

// encode encodes a response, signed if the request was.
func (f *fakeServer) encode(r *fakeRequest, h Header, m Message) []byte {
	if m == nil {
		m = &ErrorResponse{To: h.Command}
	}
	signed := r.Flags&FlagSigned != 0 && f.signer != nil && h.Status != StatusPending
	if signed {
		h.Flags |= FlagSigned
	}
	msg := Append(nil, h, m)
	if signed {
		f.signer.Sign(msg)
	}
	return msg
}

// answer sends a response, encrypted if the request was.
func (f *fakeServer) answer(r *fakeRequest, h Header, m Message) {
	f.t.Helper()
	msg := f.encode(r, h, m)
	if r.sealed {
		msg = f.seal(msg)
	}
	f.send(msg)
}

func (f *fakeServer) seal(msg []byte) []byte {
	f.t.Helper()
	b, err := f.out.Seal(nil, msg, f.session)
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// send sends one frame.
func (f *fakeServer) send(msg []byte) {
	f.t.Helper()
	b := append(AppendFrameHeader(nil), msg...)
	if err := FinishFrame(b, 0); err != nil {
		f.t.Fatal(err)
	}
	f.raw(b)
}

func (f *fakeServer) raw(b []byte) {
	f.t.Helper()
	if _, err := f.nc.Write(b); err != nil {
		f.t.Fatalf("fake server: %v", err)
	}
}

// async runs one step of the client while the test plays the server.
func async[T any](step func() (T, error)) *asyncResult[T] {
	r := &asyncResult[T]{done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.value, r.err = step()
	}()
	return r
}

type asyncResult[T any] struct {
	done  chan struct{}
	value T
	err   error
}

func (r *asyncResult[T]) wait() (T, error) {
	<-r.done
	return r.value, r.err
}

// fails is async for a step that has no result.
func fails(step func() error) *asyncResult[struct{}] {
	return async(func() (struct{}, error) { return struct{}{}, step() })
}

func (r *asyncResult[T]) error() error {
	_, err := r.wait()
	return err
}

// must returns the result of a step that has to succeed.
func (r *asyncResult[T]) must(t *testing.T) T {
	t.Helper()
	v, err := r.wait()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// greet answers NEGOTIATE.
func (f *fakeServer) greet() {
	f.t.Helper()
	r := f.next(CommandNegotiate)
	f.preauth.Add(r.msg)
	msg := f.encode(r, r.reply(StatusSuccess), &f.negotiate)
	f.preauth.Add(msg)
	f.send(msg)
}

// connect makes a connection.
func (f *fakeServer) connect(client net.Conn, cfg *Config) *Conn {
	f.t.Helper()
	dial := async(func() (*Conn, error) { return NewConn(context.Background(), client, "server", cfg) })
	f.greet()
	c := dial.must(f.t)
	f.t.Cleanup(func() { c.Close() })
	return c
}

// admit answers the first SESSION_SETUP of a log-on with the given flags. It
// returns the final response for the caller to send.
func (f *fakeServer) admit(flags SessionFlags) (msg []byte) {
	f.t.Helper()
	preauth := f.preauth
	r := f.next(CommandSessionSetup)
	preauth.Add(r.msg)
	first := r.reply(StatusMoreProcessingRequired)
	first.SessionID = f.session
	msg = f.encode(r, first, &SessionSetupResponse{SecurityBuffer: []byte("challenge")})
	preauth.Add(msg)
	f.send(msg)
	r = f.next(CommandSessionSetup)
	if r.SessionID != f.session {
		f.t.Errorf("second SESSION_SETUP of session %#x", r.SessionID)
	}
	preauth.Add(r.msg)

	f.keys = DeriveSessionKeys(f.dialect, f.cipher, f.key, preauth[:])
	var err error
	if f.signer, err = NewSigner(f.signing, f.keys.Signing); err != nil {
		f.t.Fatal(err)
	}
	if f.cipher != 0 {
		if f.in, err = NewSealer(f.cipher, f.keys.ClientToServer); err != nil {
			f.t.Fatal(err)
		}
		if f.out, err = NewSealer(f.cipher, f.keys.ServerToClient); err != nil {
			f.t.Fatal(err)
		}
	}
	r.Flags |= FlagSigned // this response is signed whatever the request was
	return f.encode(r, r.reply(StatusSuccess), &SessionSetupResponse{Flags: flags, SecurityBuffer: []byte("accept")})
}

// fakeMechanism logs on with two tokens and a fixed key.
type fakeMechanism struct {
	key  []byte
	said [][]byte // what the server said
	err  error    // returned for the server's last token
}

func (m *fakeMechanism) Next(_ context.Context, token []byte) ([]byte, error) {
	m.said = append(m.said, bytes.Clone(token))
	if string(token) == "accept" {
		return nil, m.err
	}
	return []byte("token"), nil
}

func (m *fakeMechanism) SessionKey() []byte { return m.key }
func (m *fakeMechanism) String() string     { return "fake" }

// logOn makes a session.
func (f *fakeServer) logOn(c *Conn, flags SessionFlags) *Session {
	f.t.Helper()
	log := async(func() (*Session, error) { return c.LogOn(context.Background(), &fakeMechanism{key: f.key}, 0) })
	f.send(f.admit(flags))
	return log.must(f.t)
}

// treeConnect connects to a share.
func (f *fakeServer) treeConnect(s *Session, m *TreeConnectResponse) *Tree {
	f.t.Helper()
	connect := async(func() (*Tree, error) { return s.TreeConnect(context.Background(), "share") })
	r := f.next(CommandTreeConnect)
	h := r.reply(StatusSuccess)
	h.TreeID = fakeTree
	f.answer(r, h, m)
	if s.mustValidate() {
		f.validate()
	}
	return connect.must(f.t)
}

// validate answers FSCTL_VALIDATE_NEGOTIATE_INFO as an honest server does.
func (f *fakeServer) validate() {
	f.t.Helper()
	r := f.next(CommandIOCTL)
	m := r.body.(*IOCTLRequest)
	f.answer(r, r.reply(StatusSuccess), &IOCTLResponse{Code: m.Code, FileID: m.FileID, Output: f.negotiateInfo()})
}

// negotiateInfo is a VALIDATE_NEGOTIATE_INFO response, [MS-SMB2] 2.2.32.6.
func (f *fakeServer) negotiateInfo() []byte {
	b := le.AppendUint32(nil, uint32(f.negotiate.Capabilities))
	b = append(b, f.negotiate.ServerGUID[:]...)
	b = le.AppendUint16(b, uint16(f.negotiate.SecurityMode))
	return le.AppendUint16(b, uint16(f.negotiate.Dialect))
}

// fakeShare brings a client as far as a tree of a disk share.
func fakeShare(t *testing.T, d Dialect, cfg *Config) (*fakeServer, *Tree) {
	t.Helper()
	f, client := newFakeServer(t, d)
	s := f.logOn(f.connect(client, cfg), 0)
	return f, f.treeConnect(s, &TreeConnectResponse{ShareType: ShareDisk})
}

// hangUp ends the connection as a dying server does.
func (f *fakeServer) hangUp() { f.nc.Close() }
