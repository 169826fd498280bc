package smb

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// sessionFlow is one recorded conversation with a server, from NEGOTIATE on.
// Its file in testdata/wire holds hex lines under ">" (client to server) and
// "<" (server to client), each the payload of one frame, under "token" (what
// the client's log-on mechanism said) and "key" (the session key).
type sessionFlow struct {
	head   []string // comments
	frames []flowFrame
	tokens [][]byte
	key    []byte
}

type flowFrame struct {
	fromServer bool
	b          []byte
}

// sessionFlows are the names of the recordings of whole sessions: "session-…"
// are of this package's client, "peer-…" of other programs.
func sessionFlows(t testing.TB) []string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"session-*.txt", "peer-*.txt"} {
		paths, err := filepath.Glob(filepath.Join("..", "testdata", "wire", pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no recordings %s: %v", pattern, err)
		}
		for _, p := range paths {
			names = append(names, strings.TrimSuffix(filepath.Base(p), ".txt"))
		}
	}
	return names
}

func flowPath(name string) string { return filepath.Join("..", "testdata", "wire", name+".txt") }

func loadSessionFlow(t testing.TB, name string) *sessionFlow {
	t.Helper()
	text, err := os.ReadFile(flowPath(name))
	if err != nil {
		t.Fatal(err)
	}
	f := &sessionFlow{}
	var into *[]byte
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "# "):
			f.head = append(f.head, line)
		case line == ">" || line == "<":
			f.frames = append(f.frames, flowFrame{fromServer: line == "<"})
			into = &f.frames[len(f.frames)-1].b
		case line == "token":
			f.tokens = append(f.tokens, nil)
			into = &f.tokens[len(f.tokens)-1]
		case line == "key":
			into = &f.key
		default:
			b, err := hex.DecodeString(line)
			if err != nil || into == nil {
				t.Fatalf("%s:%d: %q: %v", name, i+1, line, err)
			}
			*into = append(*into, b...)
		}
	}
	return f
}

func (f *sessionFlow) save(t testing.TB, name string) {
	t.Helper()
	var b strings.Builder
	block := func(mark string, data []byte) {
		b.WriteString(mark + "\n")
		for len(data) > 0 {
			n := min(len(data), 64)
			fmt.Fprintf(&b, "%x\n", data[:n])
			data = data[n:]
		}
	}
	for _, line := range f.head {
		b.WriteString(line + "\n")
	}
	for _, token := range f.tokens {
		block("token", token)
	}
	if f.key != nil {
		block("key", f.key)
	}
	for _, frame := range f.frames {
		mark := ">"
		if frame.fromServer {
			mark = "<"
		}
		block(mark, frame.b)
	}
	if err := os.WriteFile(flowPath(name), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// flowKeys follows a conversation to where its messages are encrypted. One
// value serves one connection.
type flowKeys struct {
	key                            []byte
	dialect                        Dialect
	cipher                         Cipher
	preauth                        PreauthHash
	clientToServer, serverToClient *Sealer
}

// plain returns a frame in plain text.
func (k *flowKeys) plain(f flowFrame) ([]byte, error) {
	if _, sealed := TransformSessionID(f.b); sealed {
		s := k.clientToServer
		if f.fromServer {
			s = k.serverToClient
		}
		if s == nil {
			return nil, fmt.Errorf("encrypted before there is a key: %x", f.b)
		}
		return s.Open(bytes.Clone(f.b))
	}
	h, err := parseHeader(f.b)
	if err != nil {
		return nil, err
	}
	switch {
	case h.Command == CommandNegotiate && !f.fromServer:
		*k = flowKeys{key: k.key}
		k.preauth.Add(f.b)
	case h.Command == CommandNegotiate:
		k.preauth.Add(f.b)
		err = k.negotiated(f.b)
	case h.Command == CommandSessionSetup && (!f.fromServer || h.Status != StatusSuccess):
		k.preauth.Add(f.b)
	case h.Command == CommandSessionSetup && k.cipher != 0 && k.key != nil:
		keys := DeriveSessionKeys(k.dialect, k.cipher, k.key, k.preauth[:])
		if k.clientToServer, err = NewSealer(k.cipher, keys.ClientToServer); err == nil {
			k.serverToClient, err = NewSealer(k.cipher, keys.ServerToClient)
		}
	}
	return f.b, err
}

func (k *flowKeys) negotiated(msg []byte) error {
	_, m, err := ParseResponse(msg)
	if err != nil {
		return err
	}
	r := m.(*NegotiateResponse)
	k.dialect = r.Dialect
	if r.Dialect >= SMB300 && r.Capabilities&CapEncryption != 0 {
		k.cipher = CipherAES128CCM
	}
	for _, c := range r.Contexts {
		if c.Type == NegotiateEncryption {
			ids, err := c.IDs()
			if err != nil || len(ids) != 1 {
				return fmt.Errorf("ciphers %v, %v", ids, err)
			}
			k.cipher = Cipher(ids[0])
		}
	}
	return nil
}

// messages calls each for every message in plain text, chains taken apart.
func (f *sessionFlow) messages(t testing.TB, each func(fromServer bool, msg []byte)) {
	t.Helper()
	keys := &flowKeys{key: f.key}
	for _, frame := range f.frames {
		b, err := keys.plain(frame)
		if err != nil {
			t.Fatal(err)
		}
		for b != nil {
			_, msg, rest, err := SplitCompound(b)
			if err != nil {
				t.Fatal(err)
			}
			each(frame.fromServer, msg)
			b = rest
		}
	}
}

// flowRecorder is a proxy on loopback that records what passes.
type flowRecorder struct {
	listener net.Listener
	server   string
	tasks    sync.WaitGroup

	mu   sync.Mutex
	flow sessionFlow // connections one after the other
	errs []error
}

func startRecorder(t testing.TB, server string) *flowRecorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &flowRecorder{listener: l, server: server}
	r.tasks.Go(r.accept)
	return r
}

// stop waits for the connections to end and returns what was recorded.
func (r *flowRecorder) stop(t testing.TB) *sessionFlow {
	t.Helper()
	r.listener.Close()
	r.tasks.Wait()
	for _, err := range r.errs {
		t.Error(err)
	}
	return &r.flow
}

func (r *flowRecorder) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", r.server)
		if err != nil {
			client.Close()
			r.fail(err)
			continue
		}
		r.tasks.Go(func() { r.pass(client, server, false) })
		r.tasks.Go(func() { r.pass(server, client, true) })
	}
}

func (r *flowRecorder) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

// pass records each frame before the other side can answer it.
func (r *flowRecorder) pass(from, to net.Conn, fromServer bool) {
	defer from.Close()
	defer to.Close()
	for {
		b, err := ReadFrame(from, MaxFrame)
		if err != nil {
			return
		}
		r.mu.Lock()
		r.flow.frames = append(r.flow.frames, flowFrame{fromServer, b})
		r.mu.Unlock()
		framed := append(AppendFrameHeader(nil), b...)
		if err := FinishFrame(framed, 0); err != nil {
			r.fail(err)
			return
		}
		if _, err := to.Write(framed); err != nil {
			return
		}
	}
}

// recordingMechanism keeps what a mechanism says.
type recordingMechanism struct {
	Mechanism
	flow *sessionFlow
}

func (m *recordingMechanism) Next(ctx context.Context, token []byte) ([]byte, error) {
	out, err := m.Mechanism.Next(ctx, token)
	m.flow.tokens = append(m.flow.tokens, bytes.Clone(out))
	return out, err
}

func (m *recordingMechanism) SessionKey() []byte {
	m.flow.key = m.Mechanism.SessionKey()
	return m.flow.key
}

// replayMechanism says what was recorded.
type replayMechanism struct {
	flow *sessionFlow
	next int
}

func (m *replayMechanism) Next(context.Context, []byte) ([]byte, error) {
	if m.next == len(m.flow.tokens) {
		return nil, fmt.Errorf("the recorded log-on has %d tokens", m.next)
	}
	m.next++
	return m.flow.tokens[m.next-1], nil
}

func (m *replayMechanism) SessionKey() []byte { return m.flow.key }
func (m *replayMechanism) String() string     { return "replay" }
