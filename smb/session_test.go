package smb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

// logOnFake begins a log-on.
func logOnFake(c *Conn, m Mechanism) *asyncResult[*Session] {
	return async(func() (*Session, error) { return c.LogOn(context.Background(), m, 0) })
}

// TestSessionSignature: the last SESSION_SETUP response proves the key,
// [MS-SMB2] 3.2.5.3.1.
func TestSessionSignature(t *testing.T) {
	wrong := func(msg []byte) []byte { msg[signatureAt] ^= 1; return msg }
	missing := func(msg []byte) []byte {
		msg[flagsAt] &^= byte(FlagSigned)
		clear(msg[signatureAt:headerSize])
		return msg
	}
	right := func(msg []byte) []byte { return msg }
	for _, c := range []struct {
		name    string
		dialect Dialect
		signing Policy
		act     func([]byte) []byte
		good    bool
	}{
		{"right", SMB311, Auto, right, true},
		{"wrong", SMB311, Auto, wrong, false},
		{"missing", SMB311, Auto, missing, false},
		{"right", SMB300, Auto, right, true},
		{"wrong", SMB300, Auto, wrong, false},
		{"missing", SMB300, Auto, missing, true}, // a server that does not sign
		{"missing and required", SMB300, Required, missing, false},
		{"wrong", SMB202, Required, wrong, false},
		{"missing and required", SMB202, Required, missing, false},
		{"right", SMB202, Required, right, true},
	} {
		t.Run(fmt.Sprintf("%s in %v", c.name, c.dialect), func(t *testing.T) {
			f, client := newFakeServer(t, c.dialect)
			conn := f.connect(client, &Config{Signing: c.signing})
			log := logOnFake(conn, &fakeMechanism{key: f.key})
			f.send(c.act(f.admit(0)))
			s, err := log.wait()
			if c.good != (err == nil) || err != nil && (!errors.Is(err, ErrSignature) || !strings.HasPrefix(err.Error(), "smb: log on server: SESSION_SETUP response: ")) {
				t.Errorf("LogOn: %v", err)
			}
			if err == nil && s.ID() != fakeSession {
				t.Errorf("SessionId %#x", s.ID())
			}
		})
	}
	t.Run("a key that the server does not have", func(t *testing.T) {
		f, client := newFakeServer(t, SMB311)
		log := logOnFake(f.connect(client, nil), &fakeMechanism{key: []byte("fedcba9876543210")})
		f.send(f.admit(0))
		if err := log.error(); !errors.Is(err, ErrSignature) {
			t.Errorf("LogOn: %v", err)
		}
	})
}

// TestNobody: guests and anonymous users have no key, so their sessions are
// neither signed nor encrypted, and are refused where that is required.
func TestNobody(t *testing.T) {
	for _, flags := range []SessionFlags{SessionGuest, SessionAnonymous} {
		for _, c := range []struct {
			name string
			cfg  Config
			mode SecurityMode
			good bool
		}{
			{"nothing required", Config{}, SigningEnabled, true},
			{"the server requires signing", Config{}, SigningEnabled | SigningRequired, true},
			{"signing required", Config{Signing: Required}, SigningEnabled, false},
			{"encryption required", Config{Encryption: Required}, SigningEnabled, false},
		} {
			t.Run(fmt.Sprintf("%s, flags %d", c.name, flags), func(t *testing.T) {
				f, client := newFakeServer(t, SMB311)
				f.negotiate.SecurityMode = c.mode
				log := logOnFake(f.connect(client, &c.cfg), &fakeMechanism{})
				msg := f.admit(flags)
				msg[flagsAt] &^= byte(FlagSigned) // there is no key to sign with
				clear(msg[signatureAt:headerSize])
				f.send(msg)
				s, err := log.wait()
				if !c.good {
					if err == nil || !strings.Contains(err.Error(), "can neither be signed nor encrypted") {
						t.Errorf("LogOn: %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if s.Flags() != flags {
					t.Errorf("flags %d", s.Flags())
				}
				_, signed := s.SigningAlgorithm()
				_, sealed := s.Cipher()
				echo := fails(func() error { return s.Echo(context.Background()) })
				r := f.next(CommandEcho)
				if signed || sealed || r.Flags&FlagSigned != 0 || r.sealed {
					t.Errorf("signed %v, encrypted %v; ECHO flags %#x, encrypted %v", signed, sealed, r.Flags, r.sealed)
				}
				f.answer(r, r.reply(StatusSuccess), &EchoResponse{})
				if err := echo.error(); err != nil {
					t.Error(err)
				}
				// A share that requires encryption cannot be used.
				connect := async(func() (*Tree, error) { return s.TreeConnect(context.Background(), "share") })
				r = f.next(CommandTreeConnect)
				f.answer(r, r.reply(StatusSuccess), &TreeConnectResponse{ShareFlags: ShareEncryptData})
				if _, err := connect.wait(); err == nil || !strings.Contains(err.Error(), "the share requires encryption") {
					t.Errorf("TreeConnect: %v", err)
				}
			})
		}
	}
}

// TestProtection: who decides what is signed and what is encrypted.
func TestProtection(t *testing.T) {
	for _, c := range []struct {
		name               string
		dialect            Dialect
		cfg                Config
		mode               SecurityMode
		flags              SessionFlags
		share              ShareFlags
		signed, treeSigned bool // the session's messages; the TREE_CONNECT
		sealed, treeSealed bool // the session's messages; those on the tree
	}{
		{name: "nothing in 2.1", dialect: SMB210},
		{name: "nothing in 3.1.1", dialect: SMB311, treeSigned: true},
		{name: "the client signs", dialect: SMB202, cfg: Config{Signing: Required}, signed: true, treeSigned: true},
		{name: "the server signs", dialect: SMB300, mode: SigningRequired, signed: true, treeSigned: true},
		{name: "the client encrypts", dialect: SMB311, cfg: Config{Encryption: Required}, sealed: true, treeSealed: true},
		{name: "the server encrypts", dialect: SMB302, flags: SessionEncryptData, sealed: true, treeSealed: true},
		{name: "both want both", dialect: SMB311, cfg: Config{Signing: Required, Encryption: Required}, mode: SigningRequired, flags: SessionEncryptData, sealed: true, treeSealed: true},
		{name: "the share encrypts", dialect: SMB311, share: ShareEncryptData, treeSigned: true, treeSealed: true},
		{name: "the share encrypts and the server signs", dialect: SMB300, mode: SigningRequired, share: ShareEncryptData, signed: true, treeSigned: true, treeSealed: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			f, client := newFakeServer(t, c.dialect)
			f.negotiate.SecurityMode |= c.mode
			s := f.logOn(f.connect(client, &c.cfg), c.flags)
			check := func(r *fakeRequest, signed, sealed bool) {
				t.Helper()
				if r.Flags&FlagSigned != 0 != signed || r.sealed != sealed {
					t.Errorf("%v: flags %#x, encrypted %v; want signed %v, encrypted %v", r.Command, r.Flags, r.sealed, signed, sealed)
				}
			}
			connect := async(func() (*Tree, error) { return s.TreeConnect(ctx, "share") })
			r := f.next(CommandTreeConnect)
			check(r, c.treeSigned, c.sealed)
			if path := r.body.(*TreeConnectRequest).Path; path != `\\server\share` {
				t.Errorf("path %s", path)
			}
			h := r.reply(StatusSuccess)
			h.TreeID = fakeTree
			f.answer(r, h, &TreeConnectResponse{ShareFlags: c.share})
			if s.mustValidate() {
				f.validate()
			}
			tree := connect.must(t)

			echo := fails(func() error { return s.Echo(ctx) })
			r = f.next(CommandEcho)
			check(r, c.signed, c.sealed)
			f.answer(r, r.reply(StatusSuccess), &EchoResponse{})
			if err := echo.error(); err != nil {
				t.Error(err)
			}
			flush := fails(func() error { return (&Open{tree: tree}).Flush(ctx) })
			r = f.next(CommandFlush)
			check(r, c.signed && !c.treeSealed, c.treeSealed)
			f.answer(r, r.reply(StatusSuccess), &FlushResponse{})
			if err := flush.error(); err != nil {
				t.Error(err)
			}
			// An ECHO outside of any session is never protected.
			echo = fails(func() error { return s.Conn().Echo(ctx) })
			r = f.next(CommandEcho)
			check(r, false, false)
			f.answer(r, r.reply(StatusSuccess), &EchoResponse{})
			if err := echo.error(); err != nil {
				t.Error(err)
			}

			if a, ok := s.SigningAlgorithm(); ok != c.signed || ok && a != f.signing {
				t.Errorf("SigningAlgorithm = %v, %v", a, ok)
			}
			if a, ok := s.Cipher(); ok != c.sealed || ok && a != f.cipher {
				t.Errorf("Session.Cipher = %v, %v", a, ok)
			}
			if a, ok := tree.Cipher(); ok != c.treeSealed || ok && a != f.cipher {
				t.Errorf("Tree.Cipher = %v, %v", a, ok)
			}
		})
	}
}

// TestEncryptionImpossible: a server or share that encrypts, and no cipher.
func TestEncryptionImpossible(t *testing.T) {
	f, client := newFakeServer(t, SMB311)
	f.cipher = 0
	f.negotiate.Contexts = f.negotiate.Contexts[:1]
	f.signing = SigningAESCMAC
	conn := f.connect(client, &Config{Encryption: Off})
	log := logOnFake(conn, &fakeMechanism{key: f.key})
	f.send(f.admit(SessionEncryptData))
	if err := log.error(); err == nil || !strings.Contains(err.Error(), "the server requires encryption, and no cipher was agreed on") {
		t.Errorf("LogOn: %v", err)
	}
	s := f.logOn(conn, 0)
	connect := async(func() (*Tree, error) { return s.TreeConnect(context.Background(), "share") })
	r := f.next(CommandTreeConnect)
	f.answer(r, r.reply(StatusSuccess), &TreeConnectResponse{ShareFlags: ShareEncryptData})
	if _, err := connect.wait(); err == nil || !strings.Contains(err.Error(), "smb: tree connect share: the share requires encryption") {
		t.Errorf("TreeConnect: %v", err)
	}
}

// TestLogOn goes through the messages of a log-on.
func TestLogOn(t *testing.T) {
	f, client := newFakeServer(t, SMB311)
	conn := f.connect(client, &Config{Signing: Required})
	m := &fakeMechanism{key: f.key}
	log := async(func() (*Session, error) { return conn.LogOn(context.Background(), m, 0xDEAD) })
	r := f.next(CommandSessionSetup)
	q := r.body.(*SessionSetupRequest)
	if q.PreviousSessionID != 0xDEAD || q.SecurityMode != SigningEnabled|SigningRequired || q.Flags != 0 || string(q.SecurityBuffer) != "token" || r.SessionID != 0 {
		t.Errorf("SESSION_SETUP %+v of session %#x", q, r.SessionID)
	}
	f.answer(r, r.reply(StatusLogonFailure), nil)
	_, err := log.wait()
	want(t, "LogOn", err, StatusLogonFailure)
	if err == nil || err.Error() != "smb: log on server: STATUS_LOGON_FAILURE (0xC000006D)" || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("LogOn: %v", err)
	}

	s := f.logOn(conn, 0) // the connection is as good as before
	if got := len(m.said); got != 1 || m.said[0] != nil {
		t.Errorf("the mechanism heard %q", m.said)
	}
	off := fails(func() error { return s.LogOff(context.Background()) })
	r = f.next(CommandLogoff)
	f.answer(r, r.reply(StatusSuccess), &LogoffResponse{})
	if err := off.error(); err != nil {
		t.Error(err)
	}
	conn.mu.Lock()
	if len(conn.sessions) != 0 {
		t.Errorf("%d sessions are left", len(conn.sessions))
	}
	conn.mu.Unlock()
}

// TestLogOnRefused: log-ons that come to nothing.
func TestLogOnRefused(t *testing.T) {
	more := func(f *fakeServer, id uint64) {
		r := f.next(CommandSessionSetup)
		h := r.reply(StatusMoreProcessingRequired)
		h.SessionID = id
		f.answer(r, h, &SessionSetupResponse{SecurityBuffer: []byte("challenge")})
	}
	for _, c := range []struct {
		name string
		m    *fakeMechanism
		act  func(f *fakeServer)
		text string
	}{
		{"a server that is never satisfied", &fakeMechanism{}, func(f *fakeServer) {
			for range 10 {
				more(f, fakeSession)
			}
		}, "smb: log on server: the server wants more than 10 log-on messages"},
		{"no SessionId", &fakeMechanism{}, func(f *fakeServer) { more(f, 0) }, "SESSION_SETUP response: SessionId is 0x0 after 0x0"},
		{"two SessionIds", &fakeMechanism{}, func(f *fakeServer) { more(f, 7); more(f, 8) }, "SESSION_SETUP response: SessionId is 0x8 after 0x7"},
		{"a last token that is not right", &fakeMechanism{err: errors.New("the server's proof is wrong")}, func(f *fakeServer) { f.send(f.admit(0)) },
			"smb: log on server: the server's proof is wrong"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, client := newFakeServer(t, SMB311)
			c.m.key = f.key
			log := logOnFake(f.connect(client, nil), c.m)
			c.act(f)
			if err := log.error(); err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("LogOn: %v, want %q", err, c.text)
			}
		})
	}
	t.Run("a SessionId that is taken", func(t *testing.T) {
		f, client := newFakeServer(t, SMB311)
		conn := f.connect(client, nil)
		f.logOn(conn, 0)
		log := logOnFake(conn, &fakeMechanism{key: f.key})
		f.send(f.admit(0))
		if err := log.error(); err == nil || !strings.Contains(err.Error(), "SessionId 0x5E5510 belongs to another session already") {
			t.Errorf("LogOn: %v", err)
		}
	})
}

// TestErrors: an error tells what was done, to what, and the status, and
// package io/fs's errors match beside it.
func TestErrors(t *testing.T) {
	f, tree := fakeShare(t, SMB311, nil)
	for _, c := range []struct {
		status NTStatus
		is     error
		text   string
	}{
		{StatusObjectNameNotFound, fs.ErrNotExist, "smb: create dir\\a.txt: STATUS_OBJECT_NAME_NOT_FOUND (0xC0000034)"},
		{StatusObjectNameCollision, fs.ErrExist, "smb: create dir\\a.txt: STATUS_OBJECT_NAME_COLLISION (0xC0000035)"},
		{StatusAccessDenied, fs.ErrPermission, "smb: create dir\\a.txt: STATUS_ACCESS_DENIED (0xC0000022)"},
		{StatusSharingViolation, nil, "smb: create dir\\a.txt: STATUS_SHARING_VIOLATION (0xC0000043)"},
		{0xC1234567, nil, "0xC1234567"},
	} {
		create := async(func() (*Open, error) { return tree.Create(context.Background(), &CreateRequest{Name: `dir\a.txt`}) })
		r := f.next(CommandCreate)
		f.answer(r, r.reply(c.status), nil)
		_, err := create.wait()
		want(t, "Create", err, c.status)
		if err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v, want %s", err, c.text)
		}
		for _, e := range []error{fs.ErrNotExist, fs.ErrExist, fs.ErrPermission} {
			if errors.Is(err, e) != (e == c.is) {
				t.Errorf("%v is %v: %v", err, e, errors.Is(err, e))
			}
		}
	}
	nested := &OpError{Op: "outer", Err: fmt.Errorf("because: %w", &OpError{Op: "inner", Status: StatusAccessDenied})}
	want(t, "an error within an error", nested, StatusAccessDenied)
	if _, ok := StatusOf(&OpError{Op: "x", Err: ErrServerClosed}); ok {
		t.Error("a lost connection passes for a status")
	}
}
