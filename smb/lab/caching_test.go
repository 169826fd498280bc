package lab

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"err32/smb"
)

// TestCachingStress lets clients open a few files with all kinds of caching,
// answer breaks or not, close, vanish and come back. However it goes, no open
// waits for longer than the breaks of all others, one after the other, and in
// the end nothing is left.
func TestCachingStress(t *testing.T) {
	const clients, steps = 12, 40
	bubble(t, nil, func(t *testing.T, s *Server) {
		var all sync.WaitGroup
		for i := range clients {
			all.Go(func() {
				rnd := rand.New(rand.NewPCG(1, uint64(i)))
				for left := steps; left > 0; {
					left -= stressClient(t, s, rnd, byte(i+1), left)
				}
			})
		}
		all.Wait()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		wantOpens(t, s, "after all", 0)
		s.mu.Lock()
		defer s.mu.Unlock()
		if n := len(s.conns) + len(s.leases); n != 0 {
			t.Errorf("%d connections and %d leases are left", len(s.conns), len(s.leases))
		}
	})
}

// stressClient is one connection of a client; it returns how many steps it took.
func stressClient(t *testing.T, s *Server, rnd *rand.Rand, id byte, steps int) (took int) {
	c, err := pipeConn(t, s, &smb.Config{ClientGUID: smb.GUID{id}})
	if err != nil {
		t.Error(err)
		return steps
	}
	var acks sync.WaitGroup
	defer acks.Wait()
	defer c.Close()
	session, err := logOn(c)
	if err != nil {
		t.Error(err)
		return steps
	}
	tree, err := session.TreeConnect(ctx, "share")
	if err != nil {
		t.Error(err)
		return steps
	}
	seed := rnd.Uint64()
	var byID sync.Map // *smb.Open by smb.FileID
	acks.Go(func() { answerBreaks(c, tree, &byID, rand.New(rand.NewPCG(seed, 2))) })
	var opens []*smb.Open
	for ; took < steps; took++ {
		switch n := rnd.IntN(20); {
		case n == 0:
			return took + 1 // and vanishes
		case n < 8 && len(opens) > 0:
			i := rnd.IntN(len(opens))
			opens[i].Close(ctx) // may be gone with a break
			opens[i] = opens[len(opens)-1]
			opens = opens[:len(opens)-1]
		case n < 10 && len(opens) > 0:
			opens[rnd.IntN(len(opens))].WriteAt(ctx, []byte("x"), 0)
		default:
			begin := time.Now()
			if o, err := tree.Create(ctx, stressCreate(rnd, id)); err == nil {
				opens = append(opens, o)
				byID.Store(o.ID, o)
			} else if _, answered := smb.StatusOf(err); !answered {
				t.Errorf("CREATE: %v", err)
			}
			if d := time.Since(begin); d > 12*3*defaultBreakTimeout {
				t.Errorf("a CREATE took %v", d)
			}
		}
	}
	return took
}

func stressCreate(rnd *rand.Rand, id byte) *smb.CreateRequest {
	m := held()
	file := byte(rnd.IntN(3))
	m.Name = string('a' + rune(file))
	if rnd.IntN(4) == 0 {
		m.Share = smb.ShareAccess(rnd.IntN(8))
	}
	if rnd.IntN(8) == 0 {
		m.Disposition = smb.OverwriteIf
	}
	switch rnd.IntN(4) {
	case 0:
		m = with(m, []smb.OplockLevel{smb.OplockII, smb.OplockExclusive, smb.OplockBatch}[rnd.IntN(3)])
	case 1, 2:
		m = leased(m, 1+file, smb.LeaseState(rnd.IntN(8)))
	}
	if rnd.IntN(3) == 0 {
		m.Contexts = append(m.Contexts, smb.DurableRequest())
	}
	return m
}

// answerBreaks acknowledges breaks in time, late, wrongly or never.
func answerBreaks(c *smb.Conn, tree *smb.Tree, opens *sync.Map, rnd *rand.Rand) {
	for {
		b, err := c.NextBreak(ctx)
		if err != nil {
			return
		}
		switch rnd.IntN(8) {
		case 0:
			continue
		case 1:
			time.Sleep(defaultBreakTimeout)
		case 2:
			time.Sleep(time.Second)
		}
		if b.Lease != nil {
			tree.AckLeaseBreak(ctx, b.Lease.Key, b.Lease.New&smb.LeaseState(rnd.IntN(8)))
			tree.AckLeaseBreak(ctx, b.Lease.Key, b.Lease.New)
		} else if o, ok := opens.Load(b.Oplock.FileID); ok {
			o.(*smb.Open).AckOplockBreak(ctx, b.Oplock.Level)
		}
	}
}
