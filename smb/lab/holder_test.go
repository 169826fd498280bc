package lab

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"err32/smb"
)

// holder is a client with one file, held.dat, and what it caches of it.
type holder struct {
	t    *testing.T
	tree *smb.Tree
}

// newHolder connects a client of its own.
func newHolder(t *testing.T, s *Server) *holder {
	t.Helper()
	h := &holder{t, pipeTree(t, s, nil)}
	t.Cleanup(func() { h.leave() })
	return h
}

// leave ends the connection with no further word.
func (h *holder) leave() { h.tree.Session().Conn().Close() }

// held is a CREATE of held.dat that shares everything.
func held() *smb.CreateRequest {
	return &smb.CreateRequest{
		Name: "held.dat", Access: smb.FileReadData | smb.FileWriteData, Share: smb.ShareRead | smb.ShareWrite | smb.ShareDelete,
		Disposition: smb.OpenIf,
	}
}

// with returns m asking for an oplock, or for a lease with the key.
func with(m *smb.CreateRequest, oplock smb.OplockLevel) *smb.CreateRequest {
	m.OplockLevel = oplock
	return m
}

func leased(m *smb.CreateRequest, key byte, state smb.LeaseState) *smb.CreateRequest {
	m.OplockLevel = smb.OplockLease
	m.Contexts = append(m.Contexts, smb.Lease{V2: true, Key: smb.GUID{key}, State: state, Epoch: 10}.Context())
	return m
}

// open opens, which must succeed at once.
func (h *holder) open(m *smb.CreateRequest) *smb.Open {
	h.t.Helper()
	begin := time.Now()
	o, err := h.tree.Create(ctx, m)
	if err != nil {
		h.t.Fatal(err)
	}
	if d := time.Since(begin); d != 0 {
		h.t.Errorf("the open took %v", d)
	}
	return o
}

// waiting is a CREATE that waits for somebody.
type waiting struct {
	o    *smb.Open
	err  error
	took time.Duration
	done chan struct{}
}

// start sends a CREATE in the background, until it has come to a stop.
func (h *holder) start(ctx context.Context, m *smb.CreateRequest) *waiting {
	w := &waiting{done: make(chan struct{})}
	begin := time.Now()
	go func() {
		defer close(w.done)
		w.o, w.err = h.tree.Create(ctx, m)
		w.took = time.Since(begin)
	}()
	synctest.Wait()
	return w
}

func (w *waiting) over() bool {
	synctest.Wait()
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// nextBreak takes the break that has come.
func (h *holder) nextBreak() smb.Break {
	h.t.Helper()
	synctest.Wait()
	ctx, cancel := context.WithTimeout(ctx, time.Nanosecond)
	defer cancel()
	b, err := h.tree.Session().Conn().NextBreak(ctx)
	if err != nil {
		h.t.Fatalf("no break came: %v", err)
	}
	return b
}

func (h *holder) wantNoBreak() {
	h.t.Helper()
	synctest.Wait()
	ctx, cancel := context.WithTimeout(ctx, time.Nanosecond)
	defer cancel()
	if b, err := h.tree.Session().Conn().NextBreak(ctx); err == nil {
		h.t.Errorf("a break came: %+v %+v", b.Oplock, b.Lease)
	}
}

func (h *holder) wantLeaseBreak(key byte, from, to smb.LeaseState, ack bool, epoch uint16) {
	h.t.Helper()
	want := smb.LeaseBreak{Key: smb.GUID{key}, Current: from, New: to, AckRequired: ack, NewEpoch: epoch}
	if b := h.nextBreak(); b.Lease == nil || *b.Lease != want {
		h.t.Errorf("the break is %+v %+v, want %+v", b.Oplock, b.Lease, want)
	}
}

func (h *holder) wantOplockBreak(o *smb.Open, to smb.OplockLevel) {
	h.t.Helper()
	want := smb.OplockBreak{Level: to, FileID: o.ID}
	if b := h.nextBreak(); b.Oplock == nil || *b.Oplock != want {
		h.t.Errorf("the break is %+v %+v, want %+v", b.Oplock, b.Lease, want)
	}
}

// lease returns the lease in the answer to a CREATE.
func leaseOf(t *testing.T, o *smb.Open) smb.Lease {
	t.Helper()
	l, ok, err := o.Created.Lease()
	if err != nil || !ok || o.Created.OplockLevel != smb.OplockLease {
		t.Fatalf("no lease: %v, %v, level %v", ok, err, o.Created.OplockLevel)
	}
	return l
}

// bubble runs a test on a server in fake time.
func bubble(t *testing.T, set func(*Server), test func(t *testing.T, s *Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := testServer()
		s.Users = append(s.Users, User{Name: "bob", Password: "pass word 2"})
		if set != nil {
			set(s)
		}
		t.Cleanup(func() {
			closeServer(t, s)
			if len(s.leases) > 0 {
				t.Errorf("%d leases are left", len(s.leases))
			}
		})
		test(t, s)
	})
}
