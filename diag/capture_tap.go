package diag

import (
	"bytes"
	"encoding/binary"
	"net"
	"sync"
	"time"

	"err32/smb"
)

// captureTap is a socket whose messages are seen on their way. Whatever they
// are, they pass unchanged.
type captureTap struct {
	net.Conn
	stream *captureStream

	mu       sync.Mutex // guards what follows
	listener *captureListener
	out, in  frameSplitter
}

func newCaptureTap(socket net.Conn, stream *captureStream, who Credentials) *captureTap {
	return &captureTap{Conn: socket, stream: stream, listener: newCaptureListener(who)}
}

// Write sees the bytes before they are sent: afterwards the answer could be
// seen first.
func (t *captureTap) Write(b []byte) (int, error) {
	t.see(&t.out, false, b)
	n, err := t.Conn.Write(b)
	if n < len(b) { // what will be written next is not known
		t.mu.Lock()
		t.out.lose()
		t.mu.Unlock()
	}
	return n, err
}

func (t *captureTap) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	if n > 0 && n <= len(b) {
		t.see(&t.in, true, b[:n])
	}
	return n, err
}

// see takes a piece of the stream in one direction.
func (t *captureTap) see(s *frameSplitter, fromServer bool, b []byte) {
	at := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	s.split(b, func(frame []byte) {
		plain, why := t.listener.plain(frame, fromServer)
		if why != "" {
			t.stream.opaque(at, fromServer, plain, why)
		} else {
			t.stream.message(at, fromServer, plain)
		}
	})
}

// frameSplitter cuts a stream into frames, [MS-SMB2] 2.1, wherever its pieces
// begin and end.
type frameSplitter struct {
	pending []byte // the frame that has begun, its header included
	lost    bool   // there is no telling any more where a frame begins
}

const frameHeader = 4

// split takes the next piece, and calls each for every frame that it completes.
// The frame is valid until each returns.
func (s *frameSplitter) split(b []byte, each func(frame []byte)) {
	for len(b) > 0 && !s.lost {
		want := frameHeader
		if len(s.pending) >= frameHeader {
			want += int(binary.BigEndian.Uint32(s.pending))
		}
		n := min(want-len(s.pending), len(b))
		s.pending = append(s.pending, b[:n]...)
		b = b[n:]
		if len(s.pending) < frameHeader {
			return
		}
		if s.pending[0] != 0 {
			s.lose()
			return
		}
		if frame := s.pending[frameHeader:]; len(frame) == int(binary.BigEndian.Uint32(s.pending)) {
			each(frame)
			if s.pending = s.pending[:0]; cap(s.pending) > 1<<20 {
				s.pending = nil
			}
		}
	}
}

func (s *frameSplitter) lose() { s.pending, s.lost = nil, true }

// captureListener follows the frames of a connection, and decrypts what it can:
// it knows the password.
type captureListener struct {
	ntHash []byte // of the user; nil where nobody logs on

	dialect  smb.Dialect
	cipher   smb.Cipher
	preauth  smb.PreauthHash // of the connection
	session  smb.PreauthHash // of the log-on under way
	logon    ntlmOverheard
	sessions map[uint64]sealerPair
}

// sealerPair decrypts the messages of a session.
type sealerPair struct{ toServer, toClient *smb.Sealer }

func newCaptureListener(who Credentials) *captureListener {
	return &captureListener{ntHash: who.ntHash(), sessions: map[uint64]sealerPair{}}
}

// plain returns the messages of a frame in plain text, or the frame and why it
// could not be decrypted.
func (l *captureListener) plain(frame []byte, fromServer bool) (plain []byte, why string) {
	if id, ok := smb.TransformSessionID(frame); ok {
		keys, known := l.sessions[id]
		sealer := keys.toServer
		if fromServer {
			sealer = keys.toClient
		}
		if !known {
			return frame, "encrypted, with a key that is not known"
		}
		plain, err := sealer.Open(bytes.Clone(frame)) // which it spoils
		if err != nil {
			return frame, "encrypted, and could not be decrypted"
		}
		return plain, ""
	}
	l.listen(frame, fromServer)
	return frame, ""
}

// listen takes from the messages before encryption what the keys are made of.
func (l *captureListener) listen(message []byte, fromServer bool) {
	h, msg, _, err := smb.SplitCompound(message)
	if err != nil {
		return
	}
	switch {
	case h.Command == smb.CommandNegotiate && !fromServer:
		l.preauth = smb.PreauthHash{}
		l.preauth.Add(msg)
	case h.Command == smb.CommandNegotiate:
		l.preauth.Add(msg)
		if _, m, err := smb.ParseResponse(msg); err == nil {
			if r, ok := m.(*smb.NegotiateResponse); ok {
				l.agreed(r)
			}
		}
	case h.Command == smb.CommandSessionSetup && !fromServer:
		_, m, err := smb.ParseRequest(msg)
		r, ok := m.(*smb.SessionSetupRequest)
		if err != nil || !ok {
			return
		}
		if h.SessionID == 0 {
			l.session, l.logon = l.preauth, ntlmOverheard{}
		}
		l.session.Add(msg)
		l.logon.hear(r.SecurityBuffer)
	case h.Command == smb.CommandSessionSetup && h.Status == smb.StatusMoreProcessingRequired:
		l.session.Add(msg)
		if _, m, err := smb.ParseResponse(msg); err == nil {
			if r, ok := m.(*smb.SessionSetupResponse); ok {
				l.logon.hear(r.SecurityBuffer)
			}
		}
	case h.Command == smb.CommandSessionSetup && h.Status == smb.StatusSuccess:
		l.loggedOn(h.SessionID, l.logon.sessionKey(l.ntHash))
	}
}

// agreed takes what was negotiated.
func (l *captureListener) agreed(r *smb.NegotiateResponse) {
	l.dialect, l.cipher = r.Dialect, 0
	if r.Dialect >= smb.SMB300 && r.Dialect < smb.SMB311 {
		l.cipher = smb.CipherAES128CCM
	}
	for _, c := range r.Contexts {
		if ids, err := c.IDs(); c.Type == smb.NegotiateEncryption && err == nil && len(ids) == 1 {
			l.cipher = smb.Cipher(ids[0])
		}
	}
}

// loggedOn makes the keys of a session. Without them its encrypted messages
// stay as they are.
func (l *captureListener) loggedOn(id uint64, key []byte) {
	const most = 64 // a library has one; the ids are the server's choice
	if key == nil || l.cipher == 0 || len(l.sessions) >= most {
		return
	}
	keys := smb.DeriveSessionKeys(l.dialect, l.cipher, key, l.session[:])
	toServer, err1 := smb.NewSealer(l.cipher, keys.ClientToServer)
	toClient, err2 := smb.NewSealer(l.cipher, keys.ServerToClient)
	if err1 == nil && err2 == nil {
		l.sessions[id] = sealerPair{toServer, toClient}
	}
}
