package diag

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"err32/smb"
)

// wire stands between a run and its server and passes every frame on, so that
// something can happen at any one of the server's, or to all.
type wire struct {
	listener net.Listener
	server   string
	tasks    sync.WaitGroup

	mu       sync.Mutex
	count    int
	armed    int                // do something at the frame of this number
	do       func() (pass bool) // before it goes to the client; false cuts the connection
	happened time.Time          // when that was; zero before
	each     func(frame []byte) // sees every frame; may be nil
	sockets  []net.Conn
	paused   chan struct{} // closed at resume; nil unless paused
	killed   bool
}

func newWire(t testing.TB, server string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, server: server}
	w.tasks.Go(w.accept)
	t.Cleanup(func() {
		w.kill()
		w.resume()
		w.tasks.Wait()
	})
	return w
}

func (w *wire) addr() string { return w.listener.Addr().String() }

// kill ends the listener and every connection.
func (w *wire) kill() error {
	err := w.listener.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.killed = true
	for _, c := range w.sockets {
		c.Close()
	}
	return err
}

// pause lets nothing pass any more until resume. Connections are still taken,
// and what is sent on them too.
func (w *wire) pause() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused = make(chan struct{})
	return nil
}

func (w *wire) resume() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.paused != nil {
		close(w.paused)
		w.paused = nil
	}
	return nil
}

// gate waits while the wire is paused.
func (w *wire) gate() {
	w.mu.Lock()
	paused := w.paused
	w.mu.Unlock()
	if paused != nil {
		<-paused
	}
}

// requests is where what a client sends goes to.
type requests struct {
	*wire
	server net.Conn
}

func (r requests) Write(b []byte) (int, error) {
	r.gate()
	return r.server.Write(b)
}

// arm begins a new count, and lets something happen at the nth frame.
func (w *wire) arm(n int, do func() (pass bool)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count, w.armed, w.do, w.happened = 0, n, do, time.Time{}
}

// watch lets each see every frame from now on.
func (w *wire) watch(each func(frame []byte)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.each = each
}

// since says how long ago it happened; ok is false if it has not.
func (w *wire) since() (ago time.Duration, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.happened), !w.happened.IsZero()
}

// pass counts a frame, and reports whether it may go on.
func (w *wire) pass(frame []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.each != nil {
		w.each(frame)
	}
	if w.count++; w.count != w.armed {
		return true
	}
	w.happened = time.Now()
	return w.do()
}

func (w *wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", w.server)
		if err != nil {
			client.Close()
			continue
		}
		w.mu.Lock()
		if w.killed {
			client.Close()
			server.Close()
		}
		w.sockets = append(w.sockets, client, server)
		w.mu.Unlock()
		w.tasks.Go(func() {
			io.Copy(requests{w, server}, client)
			server.Close()
		})
		w.tasks.Go(func() {
			w.answers(client, server)
			client.Close()
			server.Close()
		})
	}
}

// answers passes the server's frames on, [MS-SMB2] 2.1, until it is told to
// cut the connection.
func (w *wire) answers(client, server net.Conn) {
	for {
		header := make([]byte, 4)
		if _, err := io.ReadFull(server, header); err != nil {
			return
		}
		frame := append(header, make([]byte, binary.BigEndian.Uint32(header))...)
		if _, err := io.ReadFull(server, frame[4:]); err != nil {
			return
		}
		w.gate()
		if !w.pass(frame) {
			return
		}
		if _, err := client.Write(frame); err != nil {
			return
		}
	}
}

// wireRun is a run whose every message something happens at.
type wireRun struct {
	kind smb.DisconnectKind
	from string
}

func (r wireRun) String() string { return r.kind.String() + " " + r.from }

// Ctrl-C at each message of a run: it ends soon, and leaves nothing.
func TestReproInterruptedAtEveryMessage(t *testing.T) {
	t.Parallel()
	runs := []wireRun{{smb.DisconnectFIN, "other"}, {smb.DisconnectLeak, "same"}}
	atEveryMessage(t, runs, func(t *testing.T, o ReproOptions, w *wire, n int) (happened bool) {
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		w.arm(n, func() bool { interrupt(); return true })
		r := Repro(ctx, o)
		took, happened := w.since()
		if !happened {
			return false
		}
		// The run may have been over when it was interrupted.
		if !r.Interrupted && r.Error != nil || r.Interrupted && r.ExitCode() != 130 || len(r.Repro.LeftBehind) > 0 || took > 2*time.Second {
			t.Errorf("interrupted at message %d, ended %v later: %s", n, took, text(r))
		}
		return true
	})
}

// A connection lost at each message of a run: it ends soon, with an error or
// with the right verdict, and leaves nothing that can be removed.
func TestReproCutAtEveryMessage(t *testing.T) {
	t.Parallel()
	runs := []wireRun{{smb.DisconnectFIN, "same"}, {smb.DisconnectLeak, "other"}}
	atEveryMessage(t, runs, func(t *testing.T, o ReproOptions, w *wire, n int) (happened bool) {
		w.arm(n, func() bool { return false })
		r := Repro(t.Context(), o)
		took, happened := w.since()
		if !happened {
			return false
		}
		if took > busy || r.Interrupted || len(r.Repro.LeftBehind) > 0 {
			t.Errorf("cut at message %d, ended %v later: %s", n, took, text(r))
		}
		stale := o.Disconnect == smb.DisconnectLeak
		switch {
		case r.Error != nil:
			checkFailed(t, r)
		case r.Verdict == nil || (r.Verdict.Code == 32) != stale:
			t.Errorf("cut at message %d: %s", n, text(r))
		}
		return true
	})
}

func atEveryMessage(t *testing.T, runs []wireRun, run func(t *testing.T, o ReproOptions, w *wire, n int) (happened bool)) {
	eachServer(t, bothServers, serverConfig{}, func(t *testing.T, srv *testServer) {
		together(t, runs, wireRun.String, func(t *testing.T, kind wireRun) {
			w := newWire(t, srv.addr)
			dir := srv.folder(t, kind.String())
			o := reproOf(srv.endpoint(dir), kind.kind, 60*time.Millisecond)
			o.RetryFrom, o.Endpoint.Target.Port = kind.from, portOf(t, w.addr())
			n := 1
			for ; run(t, o, w, n); n++ {
				if files := srv.files(t, dir); len(files) > 0 {
					t.Fatalf("message %d: left %q", n, files)
				}
			}
			if n < 30 {
				t.Errorf("only %d messages", n-1)
			}
		})
		checkNothingLeft(t, srv)
	})
}
