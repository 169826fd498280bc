package lab

import (
	"strings"
	"testing"

	"err32/smb"
)

// state reads a lease state from letters, and an oplock level from one.
func state(letters string) (s smb.LeaseState, level smb.OplockLevel) {
	switch letters {
	case "s":
		return 0, smb.OplockII
	case "x":
		return 0, smb.OplockExclusive
	case "b":
		return 0, smb.OplockBatch
	case "-":
		return 0, smb.OplockNone
	}
	for i, bit := range []smb.LeaseState{smb.LeaseRead, smb.LeaseHandle, smb.LeaseWrite} {
		if strings.Contains(letters, "RHW"[i:i+1]) {
			s |= bit
		}
	}
	return s, smb.OplockLease
}

// asking returns m asking for what the letters say, a lease with the key.
func asking(m *smb.CreateRequest, key byte, letters string) *smb.CreateRequest {
	if s, level := state(letters); level == smb.OplockLease {
		return leased(m, key, s)
	} else {
		return with(m, level)
	}
}

func wantGranted(t *testing.T, o *smb.Open, letters string) {
	t.Helper()
	s, level := state(letters)
	if o.Created.OplockLevel != level {
		t.Errorf("the level is %v, want %v", o.Created.OplockLevel, level)
	} else if level == smb.OplockLease && leaseOf(t, o).State != s {
		t.Errorf("the lease is %v, want %v", leaseOf(t, o).State, s)
	}
}

// What one client holds, what a second asks for, what the first is broken to
// and the second is given: the results of Windows 7 as smbtorture's smb2.lease
// has them (tests request, break and oplock). "s", "x" and "b" are oplocks,
// level II, exclusive and batch; "-" is none, the empty text a lease of nothing.
func TestLeaseMatrix(t *testing.T) {
	for _, row := range strings.Split(`
		R,R,R,R      R,RH,R,RH      R,RW,R,R      R,RHW,R,RH
		RH,R,RH,R    RH,RH,RH,RH    RH,RW,RH,R    RH,RHW,RH,RH
		RW,R,R,R     RW,RH,R,RH     RW,RW,R,R     RW,RHW,R,RH
		RHW,R,RH,R   RHW,RH,RH,RH   RHW,RW,RH,R   RHW,RHW,RH,RH
		R,s,R,s      R,x,R,s        R,b,R,s
		RH,s,RH,-    RH,x,RH,-      RH,b,RH,-
		RW,s,R,s     RW,x,R,s       RW,b,R,s
		RHW,s,RH,-   RHW,x,RH,-     RHW,b,RH,-
		s,R,s,R      s,RH,s,R       s,RW,s,R      s,RHW,s,R
		x,R,s,R      x,RH,s,R       x,RW,s,R      x,RHW,s,R
		b,R,s,R      b,RH,s,R       b,RW,s,R      b,RHW,s,R
		s,s,s,s      s,x,s,s        x,x,s,s       b,b,s,s
		-,s,-,s      -,x,-,s        -,b,-,s       -,RHW,-,RH
		-,H,-,       -,W,-,         -,HW,-,`, "\n") {
		for _, cell := range strings.Fields(row) {
			t.Run(cell, func(t *testing.T) {
				c := strings.Split(cell, ",")
				bubble(t, nil, func(t *testing.T, s *Server) {
					a, b := newHolder(t, s), newHolder(t, s)
					o := a.open(asking(held(), 1, c[0]))
					wantGranted(t, o, c[0])
					if c[0] == c[2] {
						wantGranted(t, b.open(asking(held(), 2, c[1])), c[3])
						a.wantNoBreak()
						return
					}
					w := b.start(ctx, asking(held(), 2, c[1]))
					from, level := state(c[0])
					to, toLevel := state(c[2])
					var err error
					if level == smb.OplockLease {
						a.wantLeaseBreak(1, from, to, true, 12)
						err = a.tree.AckLeaseBreak(ctx, smb.GUID{1}, to)
					} else {
						a.wantOplockBreak(o, toLevel)
						err = o.AckOplockBreak(ctx, toLevel)
					}
					if err != nil || !w.over() || w.err != nil {
						t.Fatal(err, w.err)
					}
					wantGranted(t, w.o, c[3])
				})
			})
		}
	}
}

// What a client holds, what it asks for by a further open, and what it has then:
// smbtorture's smb2.lease.upgrade2; with what another holds beside it:
// upgrade3.
func TestLeaseUpgrade(t *testing.T) {
	for _, row := range strings.Split(`
		,R,,R       ,RH,,RH     ,RW,,RW     ,RHW,,RHW
		R,,,R       R,R,,R      R,RH,,RH    R,RW,,RW    R,RHW,,RHW
		RH,,,RH     RH,R,,RH    RH,RH,,RH   RH,RW,,RH   RH,RHW,,RHW
		RW,,,RW     RW,R,,RW    RW,RH,,RW   RW,RW,,RW   RW,RHW,,RHW
		RHW,,,RHW   RHW,R,,RHW  RHW,RH,,RHW RHW,RW,,RHW RHW,RHW,,RHW
		R,R,R,R     R,RW,R,R    R,RH,R,RH   R,RHW,R,R
		R,R,RH,R    R,RW,RH,R   R,RH,RH,RH  R,RHW,RH,R
		RH,R,R,RH   RH,RW,R,RH  RH,RH,R,RH  RH,RHW,R,RH
		RH,R,RH,RH  RH,RW,RH,RH RH,RH,RH,RH RH,RHW,RH,RH`, "\n") {
		for _, cell := range strings.Fields(row) {
			t.Run(cell, func(t *testing.T) {
				c := strings.Split(cell, ",")
				bubble(t, nil, func(t *testing.T, s *Server) {
					a, b := newHolder(t, s), newHolder(t, s)
					first := leaseOf(t, a.open(asking(held(), 1, c[0])))
					if c[2] != "" {
						wantGranted(t, b.open(asking(held(), 2, c[2])), c[2])
					}
					second := leaseOf(t, a.open(asking(held(), 1, c[1])))
					if want, _ := state(c[3]); second.State != want {
						t.Errorf("the lease is %v, want %v", second.State, want)
					}
					if changed := first.State != second.State; changed != (second.Epoch == first.Epoch+1) || !changed && first.Epoch != second.Epoch {
						t.Errorf("the epoch went from %d to %d with the state from %v to %v", first.Epoch, second.Epoch, first.State, second.State)
					}
					a.wantNoBreak()
					b.wantNoBreak()
				})
			})
		}
	}
}

// A key belongs to one file of a client, [MS-SMB2] 3.3.5.9.8; other clients
// may use the same.
func TestLeaseKey(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		a, b := newHolder(t, s), newHolder(t, s)
		o := a.open(leased(held(), 1, cacheRH))
		other := leased(held(), 1, cacheRH)
		other.Name = "other.dat"
		_, err := a.tree.Create(ctx, other)
		wantRefusal(t, "new file", err, smb.StatusInvalidParameter)
		b.open(other)
		_, err = a.tree.Create(ctx, other)
		wantRefusal(t, "another's file", err, smb.StatusInvalidParameter)
		if err := o.Close(ctx); err != nil {
			t.Fatal(err)
		}
		wantGranted(t, a.open(other), "RH")
	})
}

// No caching of directories and pipes; dialect 2.0.2 has no leases.
func TestNoCaching(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		a := newHolder(t, s)
		dir := leased(held(), 1, cacheRH)
		dir.Name, dir.Options = "dir", smb.DirectoryFile
		wantGranted(t, a.open(dir), "-")
		dir = with(dir, smb.OplockBatch)
		wantGranted(t, a.open(dir), "-")

		old := &holder{t, pipeTree(t, s, &smb.Config{MaxDialect: smb.SMB202})}
		defer old.leave()
		wantGranted(t, old.open(leased(held(), 1, cacheRWH)), "-")
	})
	bubble(t, nil, func(t *testing.T, s *Server) {
		old := &holder{t, pipeTree(t, s, &smb.Config{MaxDialect: smb.SMB210})}
		defer old.leave()
		wantGranted(t, old.open(leased(held(), 1, cacheRWH)), "-") // version 2 came with 3.0
		m := with(held(), smb.OplockLease)
		m.Name, m.Contexts = "v1.dat", []smb.CreateContext{smb.Lease{Key: smb.GUID{2}, State: cacheRWH}.Context()}
		wantGranted(t, old.open(m), "RHW")
		m.Contexts[0].Data = m.Contexts[0].Data[:31]
		_, err := old.tree.Create(ctx, m)
		wantRefusal(t, "short context", err, smb.StatusInvalidParameter)
	})
}
