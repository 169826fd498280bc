package lab

import (
	"bytes"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"err32/smb"
)

// An acknowledgment that comes just as the time is over is either in time or
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
// The time-out of a break that was acknowledged at that very moment leaves the
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
		other := leased(held(), 1, cacheRH)
		other.Name = "other.dat"
		wantGranted(t, a.open(other), "-") // [MS-SMB2] 3.3.5.9.8: Lease.FileDeleteOnClose
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
