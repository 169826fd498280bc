package smb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestHostileServer: whatever breaks the protocol ends the connection, with an
// error that says what it was, for the request under way and for all others.
func TestHostileServer(t *testing.T) {
	echo := func(f *fakeServer, r *fakeRequest) []byte {
		return f.encode(r, r.reply(StatusSuccess), &EchoResponse{})
	}
	patched := func(b []byte, at int, v byte) []byte {
		b[at] ^= v
		return b
	}
	const (
		plain = iota
		signed
		sealed
	)
	for _, c := range []struct {
		name string
		kind int
		act  func(f *fakeServer, r *fakeRequest)
		text string
		is   error
	}{
		{"a wrong signature", signed, func(f *fakeServer, r *fakeRequest) { f.send(patched(echo(f, r), 50, 1)) }, "ECHO response: the signature does not match", ErrSignature},
		{"a changed message", signed, func(f *fakeServer, r *fakeRequest) { f.send(patched(echo(f, r), 66, 1)) }, "", ErrSignature},
		{"a missing signature", signed, func(f *fakeServer, r *fakeRequest) { f.send(patched(echo(f, r), flagsAt, byte(FlagSigned))) }, "", ErrSignature},
		{"a status without a signature", signed, func(f *fakeServer, r *fakeRequest) {
			f.send(Append(nil, r.reply(StatusAccessDenied), &ErrorResponse{To: CommandEcho}))
		}, "", ErrSignature},
		{"a final STATUS_PENDING without a signature", signed, func(f *fakeServer, r *fakeRequest) {
			f.send(Append(nil, r.reply(StatusPending), &ErrorResponse{To: CommandEcho}))
		}, "", ErrSignature},
		{"an answer in plain text", sealed, func(f *fakeServer, r *fakeRequest) { f.send(echo(f, r)) }, "ECHO response: the server answered an encrypted request in plain text", ErrNotEncrypted},
		{"an interim answer in plain text", sealed, func(f *fakeServer, r *fakeRequest) { f.send(f.encode(r, r.pending(1), nil)) }, "", ErrNotEncrypted},
		{"a changed encrypted answer", sealed, func(f *fakeServer, r *fakeRequest) { f.send(patched(f.seal(echo(f, r)), 60, 1)) }, "Signature does not match", errUnsealed},
		{"an unknown session", sealed, func(f *fakeServer, r *fakeRequest) {
			f.session = 0xBAD
			f.send(f.seal(echo(f, r)))
		}, "TRANSFORM_HEADER: SessionId 0xBAD has no key here", nil},
		{"another SessionId inside", sealed, func(f *fakeServer, r *fakeRequest) {
			r.SessionID++
			f.send(f.seal(echo(f, r)))
		}, "ECHO response: SessionId is not the TRANSFORM_HEADER's", nil},
		{"encryption without a cipher", plain, func(f *fakeServer, r *fakeRequest) {
			s, err := NewSealer(CipherAES128CCM, f.key)
			if err != nil {
				f.t.Fatal(err)
			}
			b, err := s.Seal(nil, echo(f, r), f.session)
			if err != nil {
				f.t.Fatal(err)
			}
			f.send(b)
		}, "TRANSFORM_HEADER: SessionId 0x5E5510 has no key here", nil},
		{"encryption within encryption", sealed, func(f *fakeServer, r *fakeRequest) { f.send(f.seal(f.seal(echo(f, r)))) }, "header: ProtocolId is FD 53 4D 42", nil},
		{"only a TRANSFORM_HEADER", sealed, func(f *fakeServer, r *fakeRequest) { f.send(f.seal(echo(f, r))[:transformHeaderSize]) }, "no more than the transform header's 52", nil},
		{"half a TRANSFORM_HEADER", sealed, func(f *fakeServer, r *fakeRequest) { f.send(f.seal(echo(f, r))[:40]) }, "header: ProtocolId is FD 53 4D 42", nil},
		{"compression", plain, func(f *fakeServer, r *fakeRequest) { f.send(patched(echo(f, r), 0, 2)) }, "header: ProtocolId is FC 53 4D 42, not FE 53 4D 42", nil},
		{"an SMB1 answer", plain, func(f *fakeServer, r *fakeRequest) { f.send(patched(echo(f, r), 0, 1)) }, "header: ProtocolId is FF 53 4D 42, not FE 53 4D 42", nil},
		{"no bytes", plain, func(f *fakeServer, _ *fakeRequest) { f.send(nil) }, "header: ProtocolId at offset 0 (4 bytes) is outside the 0-byte message", nil},
		{"garbage", plain, func(f *fakeServer, _ *fakeRequest) { f.send(bytes.Repeat([]byte{0xA5}, 100)) }, "header: ProtocolId is A5 A5 A5 A5", nil},
		{"a NetBIOS session message", plain, func(f *fakeServer, _ *fakeRequest) { f.raw([]byte{0x83, 0, 0, 1, 0x8F}) }, "Direct TCP header: Zero is 0x83: this is not an SMB2 server", nil},
		{"a text protocol", plain, func(f *fakeServer, _ *fakeRequest) { f.raw([]byte("220 ready\r\n")) }, "Direct TCP header: Zero is 0x32", nil},
		{"a message of 16 MiB", plain, func(f *fakeServer, _ *fakeRequest) { f.raw([]byte{0, 0xFF, 0xFF, 0xFF}) }, "StreamProtocolLength is 16777215; at most 1114112 are expected", nil},
		{"half a message", plain, func(f *fakeServer, r *fakeRequest) {
			f.raw([]byte{0, 0, 0, 68})
			f.raw(echo(f, r)[:40])
			f.hangUp()
		}, "", ErrServerClosed},
		{"half a length", plain, func(f *fakeServer, _ *fakeRequest) { f.raw([]byte{0, 0}); f.hangUp() }, "", ErrServerClosed},
		{"a request", plain, func(f *fakeServer, r *fakeRequest) { f.send(r.msg) }, "ECHO response: Flags mark it as a request", nil},
		{"another command", plain, func(f *fakeServer, r *fakeRequest) {
			h := r.reply(StatusSuccess)
			f.send(Append(nil, h, &LogoffResponse{}))
		}, "ECHO response: Command is LOGOFF", nil},
		{"a chain that leads out", plain, func(f *fakeServer, r *fakeRequest) { f.send(patched(echo(f, r), 20, 0x48)) }, "header: NextCommand is 72 in a 68-byte message", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := protections[c.kind]
				p.cfg.Timeout = time.Minute
				f, tree := fakeShare(t, p.dialect, &p.cfg)
				conn := tree.session.conn
				first := fails(func() error { return tree.session.Echo(context.Background()) })
				r := f.next(CommandEcho)
				second := fails(func() error { return tree.session.Echo(context.Background()) })
				f.next(CommandEcho)
				c.act(f, r)
				for _, call := range []*asyncResult[struct{}]{first, second} {
					err := call.error()
					if err == nil || !strings.Contains(err.Error(), c.text) || c.is != nil && !errors.Is(err, c.is) {
						t.Errorf("Echo: %v, want %q, %v", err, c.text, c.is)
					}
					if _, ok := StatusOf(err); ok {
						t.Errorf("%v passes for a server's answer", err)
					}
				}
				if conn.Err() == nil {
					t.Fatal("the connection goes on")
				}
				conn.tasks.Wait() // its goroutines have ended by themselves
				if _, err := f.nc.Write([]byte{0}); err == nil {
					t.Error("the socket is still open")
				}
			})
		})
	}
}

// TestOtherSession: a session's request cannot be answered with the keys of
// another session of the same connection.
func TestOtherSession(t *testing.T) {
	for _, p := range protections[1:] {
		for inside := range 2 {
			t.Run(fmt.Sprintf("%s, SessionId of session %d", p.name, inside), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f, client := newFakeServer(t, SMB311)
					p.cfg.Timeout = time.Minute
					c := f.connect(client, &p.cfg)
					one := f.logOn(c, 0)
					f.session++
					f.key = []byte("another session!")
					f.logOn(c, 0)
					echo := fails(func() error { return one.Echo(context.Background()) })
					if _, err := ReadFrame(f.nc, MaxFrame); err != nil { // sealed for the first session, or not
						t.Fatal(err)
					}
					c.mu.Lock()
					h := Header{Command: CommandEcho, Flags: FlagResponse, MessageID: c.credits.nextID - 1, SessionID: fakeSession + uint64(inside)}
					c.mu.Unlock()
					f.send(f.seal(Append(nil, h, &EchoResponse{})))
					if err := echo.error(); err == nil || !strings.Contains(err.Error(), "SessionId is not the TRANSFORM_HEADER's, or not the request's") {
						t.Errorf("Echo: %v", err)
					}
				})
			})
		}
	}
}

// TestMalformedAnswers: an answer that is well framed and signed, and makes no
// sense, fails its request and nothing else.
func TestMalformedAnswers(t *testing.T) {
	f, tree := fakeShare(t, SMB311, &Config{Signing: Required})
	ctx := context.Background()
	o := &Open{Path: "a.txt", ID: sampleFile, tree: tree}
	for _, c := range []struct {
		name   string
		do     func() error
		answer Message
		text   string
	}{
		{"READ of more than was asked for", func() error { _, err := o.ReadAt(ctx, make([]byte, 4), 0); return err },
			&ReadResponse{Data: []byte("12345")}, "smb: read a.txt: smb: READ response: DataLength is more than was asked for"},
		{"WRITE of more than was sent", func() error { _, err := o.WriteAt(ctx, []byte("abc"), 0); return err },
			&WriteResponse{Count: 4}, "WRITE response: Count does not fit what was sent"},
		{"WRITE of nothing", func() error { _, err := o.WriteAt(ctx, []byte("abc"), 0); return err },
			&WriteResponse{}, "WRITE response: Count does not fit what was sent"},
		{"a list that leads out", func() error { return o.ReadDirectory(ctx, "*", func(DirectoryEntry) error { return nil }) },
			&QueryDirectoryResponse{Output: bytes.Repeat([]byte{0xF0}, 80)}, "FileDirectoryInformation[0]: NextEntryOffset is 4042322160 in 80 bytes"},
	} {
		done := fails(c.do)
		r := f.frame()[0]
		f.answer(r, r.reply(StatusSuccess), c.answer)
		if err := done.error(); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := tree.session.conn.Err(); err != nil {
		t.Errorf("the connection ended: %v", err)
	}
}
