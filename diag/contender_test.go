package diag

import (
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"err32/smb"
)

// handleLease asks for a lease that caches reads and the handle,
// [MS-SMB2] 2.2.13.2.8.
func handleLease(key smb.GUID) smb.CreateContext {
	const readHandle = 0x1 | 0x2
	data := make([]byte, 32)
	copy(data, key[:])
	data[16] = readHandle
	return smb.CreateContext{Name: "RqLs", Data: data}
}

// holdLease opens a file as one more client, which caches the handle. Whoever
// conflicts with it has to wait until it has given the lease up, and that it
// does not do before pending is closed.
func holdLease(t *testing.T, session *smb.Session, share, path string, pending <-chan struct{}) {
	t.Helper()
	key := smb.GUID{1, 2, 3}
	o := openFile(t, session, share, smb.CreateRequest{
		Name: path, Access: smb.FileReadData, Share: smb.ShareRead, Disposition: smb.OpenFile,
		OplockLevel: smb.OplockLease, Contexts: []smb.CreateContext{handleLease(key)},
	})
	ctx, stop := context.WithCancel(context.Background())
	var task sync.WaitGroup
	task.Go(func() {
		b, err := session.Conn().NextBreak(ctx)
		if err != nil {
			return // it was never asked for
		}
		select {
		case <-pending:
		case <-ctx.Done():
			return
		}
		if err := o.Tree().AckLeaseBreak(ctx, key, b.Lease.New); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		task.Wait()
	})
}

// isPendingCreate reports whether a frame is the interim answer to a CREATE,
// [MS-SMB2] 2.2.1.1.
func isPendingCreate(frame []byte) bool {
	const header, create = 4, 5
	return len(frame) >= header+64 && binary.LittleEndian.Uint16(frame[header+12:]) == create &&
		smb.NTStatus(binary.LittleEndian.Uint32(frame[header+8:])) == smb.StatusPending
}

// When the server says STATUS_PENDING first, go-smb2 takes its interim answer,
// which is not signed, for a forged one where signing is required. That must
// not become the verdict: the tool's own client contends, and the report says
// so. Without signing go-smb2 goes on.
func TestContenderPending(t *testing.T) {
	t.Parallel()
	for signing, contender := range map[smb.Policy]string{smb.Auto: "go-smb2", smb.Required: "err32"} {
		t.Run(contender, func(t *testing.T) {
			eachServer(t, bothServers, serverConfig{signing: signing}, func(t *testing.T, srv *testServer) {
				testPending(t, srv, contender)
			})
		})
	}
}

func testPending(t *testing.T, srv *testServer, contender string) {
	third := srv.logOnFrom(t, "127.0.0.2", srv.plainUser, srv.plainPassword)
	w := newWire(t, srv.addr)
	pending := make(chan struct{})
	var once sync.Once
	o := reproOf(srv.endpoint(""), smb.DisconnectLeak, 300*time.Millisecond)
	o.Endpoint.Target.Port = portOf(t, w.addr())
	o.Access, o.Share = access("r"), smb.ShareRead
	o.OnEvent = func(e Event) {
		switch e.What {
		case whatPrepare:
			w.watch(func(frame []byte) {
				if isPendingCreate(frame) {
					once.Do(func() { close(pending) })
				}
			})
			holdLease(t, third, srv.share, e.Detail, pending)
		case whatWaited:
			if err := third.Conn().Close(); err != nil {
				t.Error(err)
			}
		}
	}
	r := Repro(t.Context(), o)
	select {
	case <-pending:
	default:
		t.Fatalf("the contender never had to wait: %s", text(r))
	}
	if r.ExitCode() != 32 || r.Error != nil || r.Repro.Contender != contender || len(r.Repro.LeftBehind) > 0 {
		t.Errorf("exit code %d, contender %q: %s", r.ExitCode(), r.Repro.Contender, text(r))
	}
	noted := slices.ContainsFunc(r.Notes, func(n string) bool {
		return strings.Contains(n, "own client contends") && strings.Contains(n, "go-smb2") && strings.Contains(n, "signing required")
	})
	if noted != (contender == "err32") {
		t.Errorf("notes %q", r.Notes)
	}
	checkNothingLeft(t, srv)
}

// It is go-smb2 that contends, with requests of its own: the server sees its
// session.
func TestContenderIsStock(t *testing.T) {
	t.Parallel()
	for _, p := range protections {
		t.Run(p.name, func(t *testing.T) { eachServer(t, bothServers, p.cfg, testIsStock) })
	}
}

func testIsStock(t *testing.T, srv *testServer) {
	for _, test := range []struct {
		from, with, contender string
		sessions              int // holder, observer and, if it has one of its own, contender
	}{
		{"other", "stock", "go-smb2", 3},
		{"other", "own", "err32", 3},
		{"same", "stock", "err32", 2},
	} {
		o := reproOf(srv.endpoint(""), smb.DisconnectLeak, 50*time.Millisecond)
		o.RetryFrom, o.RetryWith = test.from, test.with
		sessions := 0
		o.OnEvent = func(e Event) {
			if e.What == whatDisconnect {
				sessions, _ = srv.books(t)
			}
		}
		r := Repro(t.Context(), o)
		if r.ExitCode() != 32 || r.Repro.Contender != test.contender || sessions != test.sessions {
			t.Errorf("%s, %s: contender %q, %d sessions, want %q, %d: %s", test.from, test.with, r.Repro.Contender, sessions, test.contender, test.sessions, text(r))
		}
		// Its errors are go-smb2's own words.
		words := slices.ContainsFunc(r.Repro.OtherTries, func(o OtherTry) bool { return strings.Contains(o.Text, "response error: A file cannot be opened") })
		if words != (test.contender == "go-smb2") {
			t.Errorf("other tries %s", text(r.Repro.OtherTries))
		}
		waitIdle(t, srv)
	}
}
