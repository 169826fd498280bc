package smb

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"err32/smb/smbdtest"
)

var updateWire = flag.Bool("update-wire", false, "record testdata/wire anew from an smbd, with smbclient and smbtorture")

// recording is what was run to record a flow of this package's client, and is
// run again when it is replayed.
type recording struct {
	name   string
	server smbdtest.Config
	client Config
	user   func(*smbdtest.Server) NTLM
	run    func(t *testing.T, r *recordedRun)
}

var recordings = []recording{
	{name: "session-2.0.2", server: smbdtest.Config{MaxProtocol: "SMB2_02"}, run: runFile},
	{name: "session-2.1-signed", server: smbdtest.Config{MaxProtocol: "SMB2_10", Global: []string{"server signing = mandatory"}}, run: runFile},
	{name: "session-3.0-encrypted", server: smbdtest.Config{MaxProtocol: "SMB3_00", Global: []string{"smb encrypt = required"}}, run: runFile},
	{name: "session-3.0.2", server: smbdtest.Config{MaxProtocol: "SMB3_02"}, run: runFile},
	{name: "session-3.1.1", run: runFile},
	{name: "session-3.1.1-signed", client: Config{Signing: Required}, run: runFile},
	{name: "session-3.1.1-encrypted", client: Config{Encryption: Required, Ciphers: []Cipher{CipherAES256CCM}}, run: runFile},
	{name: "session-3.1.1-share", server: smbdtest.Config{Share: []string{"smb encrypt = required"}}, run: runFile},
	{name: "session-3.1.1-guest", server: smbdtest.Config{Global: []string{"map to guest = bad user"}, Share: []string{"guest ok = yes"}},
		user: func(*smbdtest.Server) NTLM { return NTLM{User: "no such user", Password: "x"} }, run: runGuest},
	{name: "session-async", client: Config{Signing: Required}, run: runAsync},
}

// recordedRun is one run of a recording, with a real server or the recorded
// one.
type recordedRun struct {
	addr      string // of the server that is recorded, "" in a replay
	dial      func(*Config) (*Conn, error)
	mechanism Mechanism
	other     NTLM // for a second client
}

func (r *recordedRun) logOn(t *testing.T, cfg *Config) *Session {
	t.Helper()
	c, err := r.dial(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s, err := c.LogOn(context.Background(), r.mechanism, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestUpdateWire(t *testing.T) {
	if !*updateWire {
		t.Skip("records testdata/wire anew from smbd: needs -update-wire")
	}
	for _, rec := range recordings {
		t.Run(rec.name, func(t *testing.T) {
			srv := smbdtest.Start(t, rec.server)
			recorder := startRecorder(t, srv.Addr)
			user := NTLM{User: srv.User, Password: srv.Password}
			if rec.user != nil {
				user = rec.user(srv)
			}
			rec.run(t, &recordedRun{
				addr:      srv.Addr,
				dial:      func(cfg *Config) (*Conn, error) { return rec.dial(recorder.listener.Addr().String(), nil, cfg) },
				mechanism: &recordingMechanism{user.Mechanism(), &recorder.flow},
				other:     NTLM{User: srv.PlainUser, Password: srv.PlainPassword},
			})
			flow := recorder.stop(t)
			if !t.Failed() {
				flow.head = flowHead(t, rec.name)
				flow.save(t, rec.name)
			}
		})
	}
	for _, peer := range []struct {
		name, program string
		args          func(*smbdtest.Server) []string
	}{
		{"peer-smbclient-2.0.2", "smbclient", func(*smbdtest.Server) []string { return []string{"-m", "SMB2_02", "-c", smbclientCommands} }},
		{"peer-smbclient-3.1.1", "smbclient", func(*smbdtest.Server) []string { return []string{"-m", "SMB3_11", "-c", smbclientCommands} }},
		{"peer-smbtorture", "smbtorture", func(*smbdtest.Server) []string {
			return []string{"smb2.lock.cancel", "smb2.oplock.batch3", "smb2.lease.upgrade", "smb2.compound.related6", "smb2.durable-open.reopen1"}
		}},
		{"peer-smbtorture-info", "smbtorture", func(*smbdtest.Server) []string {
			return []string{"smb2.notify.mask-change", "smb2.durable-v2-open.reopen2-lease-v2", "smb2.rename.simple", "smb2.create.acldir", "smb2.create.blob", "smb2.dir.one"}
		}},
	} {
		t.Run(peer.name, func(t *testing.T) {
			srv := smbdtest.Start(t, smbdtest.Config{})
			recorder := startRecorder(t, srv.Addr)
			_, port, err := net.SplitHostPort(recorder.listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			args := append([]string{"-s", srv.Conf, "-p", port, "-U", srv.User + "%" + srv.Password, "//127.0.0.1/" + srv.Share}, peer.args(srv)...)
			cmd := exec.Command(peer.program, args...)
			cmd.Dir = t.TempDir()
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Logf("%v\n%s", err, out)
			}
			flow := recorder.stop(t)
			flow.head = flowHead(t, peer.program+" "+strings.Join(peer.args(srv), " "))
			flow.save(t, peer.name)
		})
	}
}

const smbclientCommands = "mkdir d; put smbclient.txt d/a.txt; ls d/*; allinfo d/a.txt; get d/a.txt back.txt; rename d/a.txt d/b.txt; del d/b.txt; rmdir d; volume"

func flowHead(t *testing.T, command string) []string {
	t.Helper()
	version, err := exec.Command("smbd", "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		"# server: Samba " + strings.TrimPrefix(strings.TrimSpace(string(version)), "Version ") + ", smbd",
		"# date: " + time.Now().UTC().Format(time.DateOnly),
		"# command: " + command,
		`# ">" is what the client sent, "<" what the server did, one frame each; passwords and keys were thrown away`,
	}
}

// dial connects with the recording's configuration and nothing random, over
// nc if it is given.
func (rec *recording) dial(addr string, nc net.Conn, extra *Config) (*Conn, error) {
	cfg := rec.client
	cfg.Rand = new(counter)
	cfg.Timeout = 20 * time.Second
	if extra != nil {
		cfg.Trace = extra.Trace
	}
	if nc != nil {
		return NewConn(context.Background(), nc, "127.0.0.1", &cfg)
	}
	return Dial(context.Background(), addr, &cfg)
}

// counter is a reader of 0, 1, 2, ….
type counter byte

func (c *counter) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(*c)
		*c++
	}
	return len(b), nil
}

// TestReplay runs the client against what a server once sent. The client must
// send exactly what it sent then, up to the nonces of encryption, and come to
// the same results.
func TestReplay(t *testing.T) {
	for _, rec := range recordings {
		t.Run(rec.name, func(t *testing.T) {
			flow := loadSessionFlow(t, rec.name)
			client, server := net.Pipe()
			client.SetDeadline(time.Now().Add(time.Minute)) // a replay that goes wrong ends all the same
			ended := make(chan error, 1)
			go func() {
				defer server.Close()
				ended <- flow.serve(server)
			}()
			rec.run(t, &recordedRun{
				dial:      func(cfg *Config) (*Conn, error) { return rec.dial("", client, cfg) },
				mechanism: &replayMechanism{flow: flow},
			})
			client.Close()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// serve sends what the server sent, and reads and compares what the client
// sends.
func (f *sessionFlow) serve(nc net.Conn) error {
	keys := &flowKeys{key: f.key}
	for i, frame := range f.frames {
		want, err := keys.plain(frame)
		if err != nil {
			return err
		}
		if frame.fromServer {
			framed := append(AppendFrameHeader(nil), frame.b...)
			if err := FinishFrame(framed, 0); err != nil {
				return err
			}
			if _, err := nc.Write(framed); err != nil {
				return fmt.Errorf("frame %d: %w", i, err)
			}
			continue
		}
		got, err := ReadFrame(nc, MaxFrame)
		if err != nil {
			return fmt.Errorf("frame %d of %d: %w", i, len(f.frames), err)
		}
		_, sealed := TransformSessionID(got)
		_, wasSealed := TransformSessionID(frame.b)
		if sealed && wasSealed {
			if got, err = keys.clientToServer.Open(got); err != nil {
				return fmt.Errorf("frame %d: %w", i, err)
			}
		}
		if sealed != wasSealed || !bytes.Equal(got, want) {
			return fmt.Errorf("frame %d is not what was sent then (encrypted: %v, then %v):\n got %x\nwant %x", i, sealed, wasSealed, got, want)
		}
	}
	if b, err := ReadFrame(nc, MaxFrame); err == nil {
		return fmt.Errorf("one frame too many: %x", b)
	}
	return nil
}

// TestRecordedMessages parses every message that was recorded, many of them
// written by other programs, and encodes it again.
func TestRecordedMessages(t *testing.T) {
	for _, name := range sessionFlows(t) {
		t.Run(name, func(t *testing.T) {
			n := 0
			loadSessionFlow(t, name).messages(t, func(fromServer bool, msg []byte) {
				n++
				parse := ParseRequest
				if fromServer {
					parse = ParseResponse
				}
				h, m, err := parse(msg)
				if err != nil {
					t.Errorf("message %d: %v\n%x", n, err, msg)
					return
				}
				if again, msg := Append(nil, h, m), withoutChoices(m, msg); !bytes.Equal(again, msg) {
					t.Errorf("message %d, %T %+v, encoded again:\n got %x\nwant %x", n, m, m, again, msg)
				}
			})
			if n < 20 {
				t.Errorf("only %d messages", n)
			}
		})
	}
}

// withoutChoices returns a recorded message as this package would have written
// it where the specification leaves the sender a choice.
func withoutChoices(m Message, msg []byte) []byte {
	msg = bytes.Clone(msg)
	h, _ := parseHeader(msg)
	again := len(Append(nil, h, m))
	// Zeros may follow: a name's NUL, or the padding of a chain.
	if extra := len(msg) - again; extra > 0 && extra < 8 && !bytes.ContainsFunc(msg[again:], func(r rune) bool { return r != 0 }) {
		msg = msg[:again]
	}
	switch m := m.(type) {
	case *CreateRequest: // SecurityFlags, ImpersonationLevel, SmbCreateFlags and Reserved
		msg[headerSize+2] = 0
		le.PutUint32(msg[headerSize+4:], impersonation)
		clear(msg[headerSize+8 : headerSize+24])
		if len(m.Contexts) > 0 { // DataOffset of a DataLength of 0
			c := msg[le.Uint32(msg[headerSize+48:]):]
			for next := uint32(1); next != 0; c = c[next:] {
				if next = le.Uint32(c); le.Uint32(c[12:]) == 0 {
					le.PutUint16(c[10:], 0)
				}
			}
		}
	case *CloseRequest: // Flags that are not defined
		msg[headerSize+2] &= closePostQueryAttributes
	case *ReadRequest: // Padding: where the data is to be put
		msg[headerSize+2] = dataOffset
	case *IOCTLRequest: // OutputOffset of an OutputCount of 0
		if le.Uint32(msg[headerSize+40:]) == 0 {
			le.PutUint32(msg[headerSize+36:], 0)
		}
	case *ErrorResponse: // the one byte of a Buffer that holds nothing
		if len(m.Data) == 0 && len(msg) > headerSize+8 {
			msg[headerSize+8] = 0
		}
	}
	return msg
}
