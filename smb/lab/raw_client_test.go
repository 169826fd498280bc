package lab

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"err32/smb"
)

// rawClient is a client that can be told to break every rule: what it sends is
// its caller's, bytes and all. It has no goroutines.
type rawClient struct {
	t  testing.TB
	nc net.Conn

	dialect smb.Dialect
	preauth smb.PreauthHash
	signing smb.SigningAlgorithm
	cipher  smb.Cipher

	nextID   uint64 // MessageId
	credits  uint16 // to ask for with each request
	session  uint64
	tree     uint32
	signer   *smb.Signer // nil: sign nothing
	sealer   *smb.Sealer // nil: encrypt nothing
	unsealer *smb.Sealer
	keys     smb.SessionKeys
}

// rawTime is how long the server may take over anything that is awaited.
const rawTime = 20 * time.Second

// dialRaw connects over TCP to a server that was started.
func dialRaw(t testing.TB, s *Server) *rawClient {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &rawClient{t: t, nc: nc, credits: 64}
}

// pipeRaw connects over net.Pipe.
func pipeRaw(t testing.TB, s *Server) *rawClient {
	nc, server := net.Pipe()
	s.ServeConn(server)
	t.Cleanup(func() { nc.Close() })
	return &rawClient{t: t, nc: nc, credits: 64}
}

// frame puts the 4 bytes before a message.
func frame(message []byte) []byte {
	b := append(smb.AppendFrameHeader(nil), message...)
	if err := smb.FinishFrame(b, 0); err != nil {
		panic(err)
	}
	return b
}

// write sends bytes as they are. The server may have ended the connection.
func (c *rawClient) write(b []byte) error {
	c.nc.SetWriteDeadline(time.Now().Add(rawTime))
	_, err := c.nc.Write(b)
	return err
}

// message makes a request of the session and tree, and signs it if the client
// signs. more changes the header before that.
func (c *rawClient) message(m smb.Message, more ...func(*smb.Header)) []byte {
	h := smb.Header{MessageID: c.nextID, Credits: c.credits, SessionID: c.session, TreeID: c.tree}
	if c.dialect > smb.SMB202 {
		h.CreditCharge = 1
	}
	if c.signer != nil && c.sealer == nil {
		h.Flags |= smb.FlagSigned
	}
	for _, f := range more {
		f(&h)
	}
	c.nextID = h.MessageID + uint64(max(h.CreditCharge, 1))
	b := smb.Append(nil, h, m)
	if h.Flags&smb.FlagSigned != 0 && c.signer != nil {
		c.signer.Sign(b)
	}
	return b
}

// compound joins messages to a chain. Those of a client that signs have to be
// signed again.
func (c *rawClient) compound(messages ...[]byte) []byte {
	var b []byte
	for i, m := range messages {
		if i < len(messages)-1 {
			for len(m)%8 != 0 {
				m = append(m, 0)
			}
			putNextCommand(m, len(m))
		}
		if c.signer != nil && c.sealer == nil {
			c.signer.Sign(m)
		}
		b = append(b, m...)
	}
	return b
}

// send sends a message or chain in a frame, encrypted if the client encrypts.
func (c *rawClient) send(message []byte) error {
	if c.sealer != nil {
		sealed, err := c.sealer.Seal(nil, message, c.session)
		if err != nil {
			c.t.Fatal(err)
		}
		message = sealed
	}
	return c.write(frame(message))
}

// response is one message of the server's.
type response struct {
	header smb.Header
	body   smb.Message
	msg    []byte
}

// receive takes a frame and returns the responses in it. The error is io.EOF or
// another one when the server has ended the connection.
func (c *rawClient) receive() ([]response, error) {
	c.nc.SetReadDeadline(time.Now().Add(rawTime))
	b, err := smb.ReadFrame(c.nc, smb.MaxFrame)
	if err != nil {
		return nil, err
	}
	return c.parse(b)
}

func (c *rawClient) parse(b []byte) (all []response, err error) {
	if _, sealed := smb.TransformSessionID(b); sealed {
		if c.unsealer == nil {
			return nil, fmt.Errorf("an encrypted frame came")
		}
		if b, err = c.unsealer.Open(b); err != nil {
			return nil, err
		}
	}
	for b != nil {
		_, msg, rest, err := smb.SplitCompound(b)
		if err != nil {
			return nil, err
		}
		h, body, err := smb.ParseResponse(msg)
		if err != nil {
			return nil, err
		}
		if h.Flags&smb.FlagSigned != 0 && c.signer != nil && !c.signer.Verify(msg) {
			return nil, fmt.Errorf("the signature of a response to %v is wrong", h.Command)
		}
		all = append(all, response{h, body, msg})
		b = rest
	}
	return all, nil
}

// call sends one request and returns its final answer.
func (c *rawClient) call(m smb.Message, more ...func(*smb.Header)) response {
	c.t.Helper()
	r, err := c.try(c.message(m, more...))
	if err != nil {
		c.t.Fatalf("%v: %v", m.Command(), err)
	}
	return r
}

// try sends one request and returns its final answer, or why none came.
func (c *rawClient) try(message []byte) (response, error) {
	if err := c.send(message); err != nil {
		return response{}, err
	}
	for {
		all, err := c.receive()
		if err != nil {
			return response{}, err
		}
		for _, r := range all {
			if r.header.Status != smb.StatusPending && r.header.MessageID != smb.UnsolicitedID {
				return r, nil
			}
		}
	}
}

// want is call for a request that has this status.
func (c *rawClient) want(status smb.NTStatus, m smb.Message, more ...func(*smb.Header)) response {
	c.t.Helper()
	r := c.call(m, more...)
	if r.header.Status != status {
		c.t.Fatalf("%v: %v, want %v", m.Command(), r.header.Status, status)
	}
	return r
}

// negotiate agrees on a dialect.
func (c *rawClient) negotiate(d smb.Dialect) {
	c.t.Helper()
	m := &smb.NegotiateRequest{SecurityMode: smb.SigningEnabled, Dialects: []smb.Dialect{d}}
	if d > smb.SMB202 {
		m.ClientGUID = smb.GUID(random(16))
		m.Capabilities = smb.CapLargeMTU | smb.CapEncryption
	}
	if d == smb.SMB311 {
		m.Contexts = []smb.NegotiateContext{
			smb.PreauthContext(random(32)),
			smb.ListContext(smb.NegotiateEncryption, []smb.Cipher{smb.CipherAES128GCM}),
			smb.ListContext(smb.NegotiateSigning, []smb.SigningAlgorithm{smb.SigningAESGMAC}),
		}
	}
	msg := c.message(m)
	r, err := c.try(msg)
	if err != nil {
		c.t.Fatal(err)
	}
	if r.header.Status != smb.StatusSuccess {
		c.t.Fatalf("NEGOTIATE: %v", r.header.Status)
	}
	c.dialect = d
	switch {
	case d == smb.SMB311:
		c.preauth.Add(msg)
		c.preauth.Add(r.msg)
		c.signing, c.cipher = smb.SigningAESGMAC, smb.CipherAES128GCM
	case d >= smb.SMB300:
		c.signing, c.cipher = smb.SigningAESCMAC, smb.CipherAES128CCM
	default:
		c.signing = smb.SigningHMACSHA256
	}
}

// logOn logs the test's user on. The client then signs.
func (c *rawClient) logOn() {
	c.t.Helper()
	mechanism := smb.NTLM{User: testUser, Password: testPassword}.Mechanism()
	preauth := c.preauth
	var token []byte
	c.session, c.signer, c.sealer = 0, nil, nil
	for {
		next, err := mechanism.Next(context.Background(), token)
		if err != nil {
			c.t.Fatal(err)
		}
		msg := c.message(&smb.SessionSetupRequest{SecurityMode: smb.SigningEnabled, SecurityBuffer: next})
		r, err := c.try(msg)
		if err != nil {
			c.t.Fatal(err)
		}
		c.session = r.header.SessionID
		preauth.Add(msg)
		setup, ok := r.body.(*smb.SessionSetupResponse)
		if !ok {
			c.t.Fatalf("SESSION_SETUP: %v", r.header.Status)
		}
		token = setup.SecurityBuffer
		if r.header.Status == smb.StatusSuccess {
			if _, err := mechanism.Next(context.Background(), token); err != nil && len(token) > 0 {
				c.t.Fatal(err)
			}
			break
		}
		preauth.Add(r.msg)
	}
	var err error
	c.keys = smb.DeriveSessionKeys(c.dialect, c.cipher, mechanism.SessionKey(), preauth[:])
	if c.signer, err = smb.NewSigner(c.signing, c.keys.Signing); err != nil {
		c.t.Fatal(err)
	}
	if c.cipher != 0 {
		if c.unsealer, err = smb.NewSealer(c.cipher, c.keys.ServerToClient); err != nil {
			c.t.Fatal(err)
		}
	}
}

// encrypt has everything encrypted from here on.
func (c *rawClient) encrypt() {
	var err error
	if c.sealer, err = smb.NewSealer(c.cipher, c.keys.ClientToServer); err != nil {
		c.t.Fatal(err)
	}
}

// connect connects to a share.
func (c *rawClient) connect(share string) {
	c.t.Helper()
	c.tree = c.want(smb.StatusSuccess, &smb.TreeConnectRequest{Path: `\\lab\` + share}).header.TreeID
}

// ready negotiates, logs on and connects to the share.
func (c *rawClient) ready(d smb.Dialect) *rawClient {
	c.t.Helper()
	c.negotiate(d)
	c.logOn()
	c.connect("share")
	return c
}

// openRequest is a CREATE that shares everything.
func openRequest(name string) *smb.CreateRequest {
	return &smb.CreateRequest{
		Name: name, Access: smb.FileReadData | smb.FileWriteData | smb.Delete, Share: smb.ShareRead | smb.ShareWrite | smb.ShareDelete,
		Disposition: smb.OpenIf,
	}
}

// open opens a file that is created if need be.
func (c *rawClient) open(name string) smb.FileID {
	c.t.Helper()
	return c.want(smb.StatusSuccess, openRequest(name)).body.(*smb.CreateResponse).FileID
}

// ended waits for the server to end the connection, and takes what it still
// sends.
func (c *rawClient) ended() {
	c.t.Helper()
	c.nc.SetReadDeadline(time.Now().Add(rawTime))
	if _, err := io.Copy(io.Discard, c.nc); err != nil {
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			c.t.Fatal("the server did not end the connection")
		}
	}
}
