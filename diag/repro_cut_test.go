package diag

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"err32/smb"
	"err32/smb/smbdtest"
)

// wire stands between a run and its server and passes every frame on, so that
// something can happen at any one of the server's messages.
type wire struct {
	listener net.Listener
	server   string
	on       func(n int, client net.Conn) (pass bool) // before the nth message goes to the client
	tasks    sync.WaitGroup

	mu    sync.Mutex
	count int
	socks []net.Conn
}

func newWire(t *testing.T, server string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, server: server}
	w.tasks.Go(w.accept)
	t.Cleanup(func() {
		l.Close()
		w.mu.Lock()
		for _, c := range w.socks {
			c.Close()
		}
		w.mu.Unlock()
		w.tasks.Wait()
	})
	return w
}

// reset begins a new count.
func (w *wire) reset(on func(n int, client net.Conn) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count, w.on = 0, on
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
		w.socks = append(w.socks, client, server)
		w.mu.Unlock()
		w.tasks.Go(func() {
			io.Copy(server, client)
			server.Close()
		})
		w.tasks.Go(func() {
			w.answers(client, server)
			client.Close()
			server.Close()
		})
	}
}

// answers passes the server's frames on, [MS-SMB2] 2.1, until it is told not
// to.
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
		w.mu.Lock()
		w.count++
		n, on := w.count, w.on
		w.mu.Unlock()
		if !on(n, client) {
			return
		}
		if _, err := client.Write(frame); err != nil {
			return
		}
	}
}

// wireRuns are the runs whose every message something happens at.
func wireRuns(e Endpoint) map[string]ReproOptions {
	runs := map[string]ReproOptions{}
	for _, kind := range []smb.DisconnectKind{smb.DisconnectFIN, smb.DisconnectLeak} {
		for _, from := range []string{"other", "same"} {
			o := reproOf(e, kind, 60*time.Millisecond)
			o.RetryFrom = from
			runs[kind.String()+" "+from] = o
		}
	}
	return runs
}

// Ctrl-C at each message of a run: it ends soon, and leaves nothing.
func TestReproInterruptedAtEveryMessage(t *testing.T) {
	t.Parallel()
	atEveryMessage(t, func(t *testing.T, o ReproOptions, w *wire, n int) (happened bool) {
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		var at time.Time
		w.reset(func(i int, _ net.Conn) bool {
			if i == n {
				at = time.Now()
				interrupt()
			}
			return true
		})
		r := Repro(ctx, o)
		if at.IsZero() {
			return false
		}
		// The run may have been over when it was interrupted.
		if took := time.Since(at); !r.Interrupted && r.Error != nil || r.Interrupted && r.ExitCode() != 130 || len(r.Repro.LeftBehind) > 0 || took > 2*time.Second {
			t.Errorf("interrupted at message %d, ended %v later: %s", n, took, text(r))
		}
		return true
	})
}

// A connection lost at each message of a run: it ends soon, with an error or
// with the right verdict, and leaves nothing that can be removed.
func TestReproCutAtEveryMessage(t *testing.T) {
	t.Parallel()
	atEveryMessage(t, func(t *testing.T, o ReproOptions, w *wire, n int) (happened bool) {
		var at time.Time
		w.reset(func(i int, client net.Conn) bool {
			if i == n {
				at = time.Now()
			}
			return i != n
		})
		r := Repro(t.Context(), o)
		if at.IsZero() {
			return false
		}
		if took := time.Since(at); took > 3*time.Second || r.Interrupted || len(r.Repro.LeftBehind) > 0 {
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

func atEveryMessage(t *testing.T, run func(t *testing.T, o ReproOptions, w *wire, n int) (happened bool)) {
	for name := range wireRuns(Endpoint{}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := serve(t, smbdtest.Config{})
			w := newWire(t, srv.Addr)
			e := endpointOf(srv, "")
			e.Target.Port = portOf(t, w.listener)
			o := wireRuns(e)[name]
			n := 1
			for ; run(t, o, w, n); n++ {
				for _, file := range filesBelow(t, srv.Dir) {
					if !strings.Contains(file, "precious") {
						t.Fatalf("message %d: left %s", n, file)
					}
				}
			}
			t.Logf("%d messages", n-1)
			checkNothingLeft(t, srv)
		})
	}
}
