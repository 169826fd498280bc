package lab

import (
	"bytes"
	"context"
	"net"
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

// The server takes caching itself after 35 s, [MS-SMB2] notes <217> and <247>.
func TestBreakTimeout(t *testing.T) {
	for _, set := range []time.Duration{0, 35 * time.Second, 3 * time.Second} {
		bubble(t, func(s *Server) { s.Temperament.BreakTimeout = set }, func(t *testing.T, s *Server) {
			limit := set
			if limit == 0 {
				limit = 35 * time.Second
			}
			a, b := newHolder(t, s), newHolder(t, s)
			if l := leaseOf(t, a.open(leased(held(), 1, cacheRWH))); l.State != cacheRWH || l.Epoch != 11 {
				t.Fatalf("%+v", l)
			}
			w := b.start(ctx, held())
			a.wantLeaseBreak(1, cacheRWH, cacheRH, true, 12)
			time.Sleep(limit - 1)
			if w.over() {
				t.Fatal("the CREATE did not wait")
			}
			if l := leaseOf(t, a.open(leased(held(), 1, cacheRWH))); l.State != cacheRWH || l.Flags != smb.LeaseBreakInProgress {
				t.Errorf("during the break: %+v", l)
			}
			time.Sleep(1)
			if !w.over() || w.err != nil || w.took != limit {
				t.Fatalf("the CREATE took %v: %v", w.took, w.err)
			}
			wantRefusal(t, "late acknowledgment", a.tree.AckLeaseBreak(ctx, smb.GUID{1}, cacheRH), smb.StatusUnsuccessful)
			if l := leaseOf(t, a.open(leased(held(), 1, 0))); l.State != 0 || l.Flags != 0 {
				t.Errorf("after the break: %+v", l)
			}
			a.wantNoBreak()
		})
	}
}

// An acknowledgment that comes just as the time is over is either in time or
// not, and the CREATE goes on once.
func TestBreakTimeoutRace(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		a, b := newHolder(t, s), newHolder(t, s)
		for range 200 {
			o := a.open(leased(held(), 1, cacheRWH))
			w := b.start(ctx, held())
			a.nextBreak()
			time.Sleep(35 * time.Second)
			if err := a.tree.AckLeaseBreak(ctx, smb.GUID{1}, cacheRH); err != nil {
				wantRefusal(t, "acknowledgment", err, smb.StatusUnsuccessful)
			}
			if !w.over() || w.err != nil {
				t.Fatal(w.err)
			}
			// What the time-out of this break left behind must not end the next.
			for _, o := range []*smb.Open{o, w.o} {
				if err := o.Close(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
		a.wantNoBreak()
	})
}

// A batch oplock breaks before share modes are looked at; a client that closes
// the file instead of acknowledging lets the other in.
func TestBatchBreaksBeforeShareModes(t *testing.T) {
	for _, closes := range []bool{false, true} {
		bubble(t, nil, func(t *testing.T, s *Server) {
			a, b := newHolder(t, s), newHolder(t, s)
			m := with(held(), smb.OplockBatch)
			m.Share = 0
			o := a.open(m)
			w := b.start(ctx, held())
			a.wantOplockBreak(o, smb.OplockII)
			time.Sleep(time.Second)
			if w.over() {
				t.Fatal("the CREATE did not wait")
			}
			if closes {
				if err := o.Close(ctx); err != nil {
					t.Fatal(err)
				}
			} else if err := o.AckOplockBreak(ctx, smb.OplockII); err != nil {
				t.Fatal(err)
			}
			if !w.over() || w.took != time.Second {
				t.Fatalf("the CREATE took %v", w.took)
			}
			if closes && w.err != nil {
				t.Error(w.err)
			} else if !closes {
				wantRefusal(t, "CREATE", w.err, smb.StatusSharingViolation)
			}
		})
	}
}

// A share mode in the way breaks handle caching, whose client may close what it
// kept open for nobody, and then counts.
func TestConflictBreaksHandles(t *testing.T) {
	for _, closes := range []bool{false, true} {
		bubble(t, nil, func(t *testing.T, s *Server) {
			a, b := newHolder(t, s), newHolder(t, s)
			m := leased(held(), 1, cacheRWH)
			m.Share = smb.ShareRead
			o := a.open(m)
			w := b.start(ctx, held())
			a.wantLeaseBreak(1, cacheRWH, cacheRW, true, 12)
			if w.over() {
				t.Fatal("the CREATE did not wait")
			}
			if closes {
				if err := o.Close(ctx); err != nil {
					t.Fatal(err)
				}
				if !w.over() || w.err != nil {
					t.Error(w.err)
				}
				return
			}
			if err := a.tree.AckLeaseBreak(ctx, smb.GUID{1}, cacheRW); err != nil {
				t.Fatal(err)
			}
			if !w.over() {
				t.Fatal("the CREATE waits on")
			}
			wantRefusal(t, "CREATE", w.err, smb.StatusSharingViolation)
		})
	}
}

// An exclusive oplock, which is none of handles, stays where share modes
// conflict.
func TestConflictLeavesExclusive(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		a, b := newHolder(t, s), newHolder(t, s)
		m := with(held(), smb.OplockExclusive)
		m.Share = 0
		a.open(m)
		_, err := b.tree.Create(ctx, held())
		wantRefusal(t, "CREATE", err, smb.StatusSharingViolation)
		a.wantNoBreak()
	})
}

// Who waits for a client does not wait for its death.
func TestHolderDiesDuringBreak(t *testing.T) {
	durable := func(m *smb.CreateRequest) *smb.CreateRequest {
		m.Contexts = append(m.Contexts, smb.DurableRequest())
		return m
	}
	for name, m := range map[string]func() *smb.CreateRequest{
		"lease":         func() *smb.CreateRequest { return leased(held(), 1, cacheRWH) },
		"batch":         func() *smb.CreateRequest { return with(held(), smb.OplockBatch) },
		"durable lease": func() *smb.CreateRequest { return durable(leased(held(), 1, cacheRWH)) },
		"durable batch": func() *smb.CreateRequest { return durable(with(held(), smb.OplockBatch)) },
	} {
		for _, temperament := range []Temperament{Windows(), NT4()} {
			t.Run(name+" "+temperament.Name, func(t *testing.T) {
				bubble(t, func(s *Server) { s.Temperament = temperament }, func(t *testing.T, s *Server) {
					a, b := newHolder(t, s), newHolder(t, s)
					a.open(m())
					w := b.start(ctx, held())
					a.nextBreak()
					time.Sleep(time.Second)
					a.leave()
					if !w.over() || w.err != nil || w.took != time.Second {
						t.Fatalf("the CREATE took %v: %v", w.took, w.err)
					}
					// nt4 keeps the open, but not what it cached.
					want := 1
					if temperament.Linger > 0 {
						want = 2
					}
					wantOpens(t, s, "after the death", want)
				})
			})
		}
	}
}

// A lost connection whose opens linger cannot be told: its caching goes at once.
func TestLingeringIsNotWaitedFor(t *testing.T) {
	bubble(t, func(s *Server) { s.Temperament = NT4() }, func(t *testing.T, s *Server) {
		a, b := newHolder(t, s), newHolder(t, s)
		m := with(held(), smb.OplockBatch)
		m.Share = smb.ShareRead
		a.open(m)
		a.leave()
		synctest.Wait()
		_, err := b.tree.Create(ctx, held())
		wantRefusal(t, "CREATE against the share mode", err, smb.StatusSharingViolation)
		m = held()
		m.Access = smb.FileReadData
		b.open(m)
		wantOpens(t, s, "with both", 2)
	})
}

// CANCEL ends the wait, not the break, [MS-SMB2] 3.3.5.16.
func TestCancelWaitingCreate(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		a, b := newHolder(t, s), newHolder(t, s)
		a.open(leased(held(), 1, cacheRWH))
		ctx, cancel := context.WithCancel(ctx)
		w := b.start(ctx, held())
		a.nextBreak()
		cancel()
		if !w.over() || w.err == nil || w.took != 0 {
			t.Fatalf("the CREATE took %v: %v", w.took, w.err)
		}
		wantOpens(t, s, "after CANCEL", 1)
		if err := a.tree.AckLeaseBreak(context.Background(), smb.GUID{1}, cacheRH); err != nil {
			t.Error(err)
		}
		b.open(held())
		a.wantNoBreak()
	})
}

// The waiting client dies: nothing is left of its CREATE.
func TestWaiterDies(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		a, b := newHolder(t, s), newHolder(t, s)
		a.open(leased(held(), 1, cacheRWH))
		w := b.start(ctx, held())
		b.leave()
		if !w.over() || w.err == nil {
			t.Fatal("the CREATE outlives its connection")
		}
		if err := a.tree.AckLeaseBreak(ctx, smb.GUID{1}, 0); err != nil {
			t.Error(err)
		}
		wantOpens(t, s, "after the death", 1)
	})
}

// The server ends with everybody waiting.
func TestCloseDuringBreak(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		a, b := newHolder(t, s), newHolder(t, s)
		a.open(leased(held(), 1, cacheRWH))
		w := b.start(ctx, held())
		closeServer(t, s)
		if !w.over() || w.err == nil || w.took != 0 {
			t.Fatalf("the CREATE took %v: %v", w.took, w.err)
		}
	})
}

// A write takes level II from everybody, the writer among them, and read
// caching from the others; nobody is waited for, [MS-FSA] 2.1.4.12.
func TestChangeBreaksReadCaching(t *testing.T) {
	changes := map[string]func(*smb.Open) error{
		"write": func(o *smb.Open) error { _, err := o.WriteAt(ctx, []byte("x"), 0); return err },
		"lock": func(o *smb.Open) error {
			return o.Lock(ctx, smb.LockElement{Length: 1, Flags: smb.LockExclusive | smb.LockFailImmediately})
		},
		"end of file": func(o *smb.Open) error {
			return o.SetInfo(ctx, smb.InfoFile, 20, make([]byte, 8)) // FileEndOfFileInformation
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, s *Server) {
				a, b, c := newHolder(t, s), newHolder(t, s), newHolder(t, s)
				level2 := a.open(with(held(), smb.OplockII))
				b.open(leased(held(), 1, cacheR))
				own := c.open(leased(held(), 2, cacheR))
				if err := change(own); err != nil {
					t.Fatal(err)
				}
				a.wantOplockBreak(level2, smb.OplockNone)
				b.wantLeaseBreak(1, cacheR, 0, false, 12)
				c.wantNoBreak()
				wantRefusal(t, "acknowledgment of level II", level2.AckOplockBreak(ctx, smb.OplockNone), smb.StatusInvalidOplockProtocol)
				wantRefusal(t, "acknowledgment of R", b.tree.AckLeaseBreak(ctx, smb.GUID{1}, 0), smb.StatusUnsuccessful)

				own2 := a.open(with(held(), smb.OplockII))
				if name != "lock" && own2.Created.OplockLevel == smb.OplockII {
					if err := change(own2); err != nil {
						t.Fatal(err)
					}
					a.wantOplockBreak(own2, smb.OplockNone)
				}
			})
		})
	}
}

// An overwrite does not wait for read and handle caching to end; it must be
// acknowledged all the same.
func TestOverwriteDoesNotWaitForHandles(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		a, b := newHolder(t, s), newHolder(t, s)
		a.open(leased(held(), 1, cacheRH))
		m := held()
		m.Disposition = smb.OverwriteIf
		b.open(m)
		a.wantLeaseBreak(1, cacheRH, 0, true, 12)
		wantRefusal(t, "too much kept", a.tree.AckLeaseBreak(ctx, smb.GUID{1}, cacheR), smb.StatusRequestNotAccepted)
		if err := a.tree.AckLeaseBreak(ctx, smb.GUID{1}, 0); err != nil {
			t.Error(err)
		}
		wantRefusal(t, "another key", a.tree.AckLeaseBreak(ctx, smb.GUID{9}, 0), smb.StatusObjectNameNotFound)
	})
}

// Opens for attributes alone break nothing, [MS-FSA] 2.1.4.12.
func TestAttributesBreakNothing(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		a, b := newHolder(t, s), newHolder(t, s)
		stat := func(access smb.AccessMask) *smb.CreateRequest {
			m := held()
			m.Access, m.Share = access, 0
			return m
		}
		o := a.open(leased(held(), 1, cacheRWH))
		b.open(stat(smb.FileReadAttributes | smb.FileWriteAttributes | smb.ReadControl | smb.Synchronize))
		a.wantNoBreak()
		if err := o.Close(ctx); err != nil {
			t.Fatal(err)
		}
		o = a.open(with(held(), smb.OplockBatch))
		b.open(stat(smb.FileReadAttributes | smb.FileWriteAttributes | smb.Synchronize))
		a.wantNoBreak()
		w := b.start(ctx, stat(smb.ReadControl))
		a.wantOplockBreak(o, smb.OplockII)
		if w.over() {
			t.Error("READ_CONTROL did not wait for the oplock")
		}
	})
}

// Where the session is encrypted its breaks are, of oplocks as of leases.
func TestBreakEncrypted(t *testing.T) {
	bubble(t, func(s *Server) { s.Encryption = smb.Required }, func(t *testing.T, s *Server) {
		client, server := net.Pipe()
		s.ServeConn(server)
		wire := &tap{Conn: client}
		c, err := smb.NewConn(ctx, wire, "lab", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		session, err := logOn(c)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := session.TreeConnect(ctx, "share")
		if err != nil {
			t.Fatal(err)
		}
		a, b := &holder{t, tree}, newHolder(t, s)
		for _, m := range []*smb.CreateRequest{with(held(), smb.OplockBatch), leased(held(), 1, cacheRWH)} {
			o := a.open(m)
			synctest.Wait()
			wire.mu.Lock()
			wire.read = nil
			wire.mu.Unlock()
			w := b.start(ctx, held())
			if got := a.nextBreak(); (got.Oplock != nil) != (m.OplockLevel == smb.OplockBatch) {
				t.Errorf("the break is %+v", got)
			}
			wire.mu.Lock()
			if !bytes.HasPrefix(wire.read[4:], []byte("\xFDSMB")) {
				t.Errorf("the break begins with % X", wire.read[:8])
			}
			wire.mu.Unlock()
			if err := o.Close(ctx); err != nil || !w.over() {
				t.Fatal(err)
			}
			if err := w.o.Close(ctx); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// One break at a time. What is to be taken during a break is taken after its
// acknowledgment, handle caching before the rest, and the opens that wait for
// the first wait for all: smbtorture's smb2.lease.v2_breaking3.
func TestBreakGoesOn(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		a, b, c := newHolder(t, s), newHolder(t, s), newHolder(t, s)
		o := a.open(leased(held(), 1, cacheRWH))
		first := b.start(ctx, held())
		a.wantLeaseBreak(1, cacheRWH, cacheRH, true, 12)
		m := held()
		m.Disposition = smb.Overwrite
		second := c.start(ctx, m)
		a.wantNoBreak()
		if err := a.tree.AckLeaseBreak(ctx, smb.GUID{1}, cacheRH); err != nil {
			t.Fatal(err)
		}
		a.wantLeaseBreak(1, cacheRH, cacheR, true, 12)
		if err := a.open(leased(held(), 1, 0)).Close(ctx); err != nil { // lets everybody look again
			t.Fatal(err)
		}
		if first.over() || second.over() {
			t.Error("the CREATEs did not wait for the second break")
		}
		if err := a.tree.AckLeaseBreak(ctx, smb.GUID{1}, cacheR); err != nil {
			t.Fatal(err)
		}
		a.wantLeaseBreak(1, cacheR, 0, false, 12)
		if !first.over() || !second.over() || first.err != nil || second.err != nil {
			t.Fatal(first.err, second.err)
		}
		if second.o.Created.Action != smb.Overwritten {
			t.Errorf("the second was %v", second.o.Created.Action)
		}
		if err := o.Close(ctx); err != nil {
			t.Fatal(err)
		}
	})
}

// The time-out of a break that was acknowledged at that very moment leaves the
// next break alone.
func TestBreakTimeoutOfNext(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		a := newHolder(t, s)
		a.open(leased(held(), 1, cacheRWH))
		s.mu.Lock()
		var l *lease
		for _, l = range s.leases {
		}
		s.breakCaching(l, smb.LeaseWrite)
		time.Sleep(defaultBreakTimeout) // the timer waits for mu now
		s.endBreak(l, cacheRH)
		s.breakCaching(l, smb.LeaseHandle)
		s.mu.Unlock()
		synctest.Wait()
		s.mu.Lock()
		if !l.inProgress || l.state != cacheRH {
			t.Errorf("the second break is over: %v", l.state)
		}
		s.mu.Unlock()
		time.Sleep(defaultBreakTimeout)
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if l.inProgress || l.state != 0 {
			t.Errorf("the second break has no end: %v", l.state)
		}
	})
}

// A lease is the client's: its breaks go to the client's first connection, and
// to another once that is gone, [MS-SMB2] 3.3.4.7.
func TestLeaseBreakConnection(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		same := &smb.Config{ClientGUID: smb.GUID{7}}
		first, second := &holder{t, pipeTree(t, s, same)}, &holder{t, pipeTree(t, s, same)}
		defer second.leave()
		second.open(leased(held(), 1, cacheRWH))
		third := newHolder(t, s)
		w := third.start(ctx, held())
		second.wantNoBreak()
		first.wantLeaseBreak(1, cacheRWH, cacheRH, true, 12)
		if err := first.tree.AckLeaseBreak(ctx, smb.GUID{1}, cacheRH); err != nil || !w.over() {
			t.Fatal(err)
		}
		first.leave()
		synctest.Wait()
		if _, err := w.o.WriteAt(ctx, []byte("x"), 0); err != nil {
			t.Fatal(err)
		}
		second.wantLeaseBreak(1, cacheRH, 0, true, 13)
	})
}

// An open that deletes the file takes the handles that others keep for nobody:
// smbtorture's smb2.lease.unlink. The key may then be used of the next file of
// that name.
func TestDeleteBreaksHandles(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		a, b := newHolder(t, s), newHolder(t, s)
		o := a.open(leased(held(), 1, cacheRH))
		m := held()
		m.Access, m.Options = smb.Delete, smb.DeleteOnClose
		w := b.start(ctx, m)
		a.wantLeaseBreak(1, cacheRH, cacheR, true, 12)
		if w.over() {
			t.Fatal("the CREATE did not wait")
		}
		if err := a.tree.AckLeaseBreak(ctx, smb.GUID{1}, cacheR); err != nil || !w.over() || w.err != nil {
			t.Fatal(err, w.err)
		}
		if err := w.o.Close(ctx); err != nil {
			t.Fatal(err)
		}
		_, err := a.tree.Create(ctx, leased(held(), 1, cacheRH))
		wantRefusal(t, "CREATE of the file that goes", err, smb.StatusDeletePending)
		if err := o.Close(ctx); err != nil {
			t.Fatal(err)
		}
		wantGranted(t, a.open(leased(held(), 1, cacheRWH)), "RHW")
	})
}

// A break comes after the answer that granted what it breaks, also where one
// chain holds the CREATEs that got and that break it.
func TestBreakAfterGrant(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		client, server := net.Pipe()
		s.ServeConn(server)
		wire := &tap{Conn: client}
		c, err := smb.NewConn(ctx, wire, "lab", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		session, err := logOn(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := session.TreeConnect(ctx, "share"); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		id, tree := s.lastUnused(), s.lastTreeID
		s.mu.Unlock()
		frame := smb.AppendFrameHeader(nil)
		for i, m := range []*smb.CreateRequest{with(held(), smb.OplockBatch), held()} {
			h := smb.Header{CreditCharge: 1, Credits: 1, Command: smb.CommandCreate, MessageID: id + uint64(i), TreeID: tree, SessionID: session.ID()}
			start := len(frame)
			frame = smb.Append(frame, h, m)
			if i == 0 {
				for (len(frame)-start)%8 != 0 {
					frame = append(frame, 0)
				}
				putNextCommand(frame[start:], len(frame)-start)
			}
		}
		if err := smb.FinishFrame(frame, 0); err != nil {
			t.Fatal(err)
		}
		wire.mu.Lock()
		wire.read = nil
		wire.mu.Unlock()
		if _, err := client.Write(frame); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wire.mu.Lock()
		defer wire.mu.Unlock()
		var got []smb.Command
		for rest := bytes.NewReader(wire.read); rest.Len() > 0; {
			frame, err := smb.ReadFrame(rest, 1<<16)
			if err != nil {
				break // the client hung up on answers it did not ask for
			}
			h, _, _, err := smb.SplitCompound(frame)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, h.Command)
		}
		if len(got) == 0 || got[0] != smb.CommandCreate {
			t.Errorf("what came is %v", got)
		}
	})
}

// lastUnused returns the lowest MessageId that the only connection has not used.
func (s *Server) lastUnused() uint64 {
	for c := range s.conns {
		return c.window.low
	}
	return 0
}
