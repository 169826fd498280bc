package lab

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"err32/smb"
)

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
			time.Sleep(time.Nanosecond)
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
