package lab

import (
	"testing"
	"testing/synctest"
	"time"

	"err32/smb"
)

// durableV1 and durableV2 return m asking for a durable open with a batch
// oplock.
func durableV1(m *smb.CreateRequest) *smb.CreateRequest {
	m = with(m, smb.OplockBatch)
	m.Contexts = append(m.Contexts, smb.DurableRequest())
	return m
}

func durableV2(m *smb.CreateRequest, create byte, timeout time.Duration) *smb.CreateRequest {
	if m.OplockLevel == smb.OplockNone {
		m = with(m, smb.OplockBatch)
	}
	ask := smb.DurableV2Request{Timeout: uint32(timeout / time.Millisecond), CreateGUID: smb.GUID{create}}
	m.Contexts = append(m.Contexts, ask.Context())
	return m
}

// claims of o: by version 1, and by version 2 with a CreateGuid.
func claimV1(o *smb.Open) *smb.CreateRequest {
	return &smb.CreateRequest{Name: "anything", Contexts: []smb.CreateContext{smb.DurableReconnect(o.ID)}}
}

func claimV2(o *smb.Open, create byte) *smb.CreateRequest {
	return &smb.CreateRequest{Contexts: []smb.CreateContext{smb.DurableV2Reconnect{FileID: o.ID, CreateGUID: smb.GUID{create}}.Context()}}
}

// lost is a client whose connection is lost with the one open that m asks for.
func lost(t *testing.T, s *Server, m *smb.CreateRequest) *smb.Open {
	t.Helper()
	a := newHolder(t, s)
	o := a.open(m)
	a.leave()
	synctest.Wait()
	return o
}

func wantDurable(t *testing.T, o *smb.Open, v1, v2 bool) {
	t.Helper()
	one, err1 := o.Created.Durable()
	_, two, err2 := o.Created.DurableV2()
	if one != v1 || two != v2 || err1 != nil || err2 != nil {
		t.Errorf("durable %v, version 2 %v, want %v, %v; %v, %v", one, two, v1, v2, err1, err2)
	}
}

// How long a disconnected open stays: 2 min for version 1, [MS-SMB2] note <335>,
// and for version 2 what the client says but at most 300 s, 3.3.5.9.10, and
// 180 s when it says nothing.
func TestDurableExpiry(t *testing.T) {
	for name, c := range map[string]struct {
		m    *smb.CreateRequest
		stay time.Duration
	}{
		"v1":           {durableV1(held()), 2 * time.Minute},
		"v2 default":   {durableV2(held(), 1, 0), 180 * time.Second},
		"v2 asked":     {durableV2(held(), 1, 10*time.Second), 10 * time.Second},
		"v2 too long":  {durableV2(held(), 1, time.Hour), 300 * time.Second},
		"v2 with keys": {durableV2(leased(held(), 1, cacheRH), 1, 1500*time.Millisecond), 1500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, s *Server) {
				o := lost(t, s, c.m)
				if r, ok, _ := o.Created.DurableV2(); ok && time.Duration(r.Timeout)*time.Millisecond != c.stay {
					t.Errorf("the server says it stays %d ms", r.Timeout)
				}
				time.Sleep(c.stay - 1)
				wantOpens(t, s, "before the time is over", 1)
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				wantOpens(t, s, "after", 0)
				_, err := newHolder(t, s).tree.Create(ctx, claimV1(o))
				wantRefusal(t, "claim after expiry", err, smb.StatusObjectNameNotFound)
			})
		})
	}
}

// A claim at the very moment of expiry succeeds or not, but what was claimed
// stays.
func TestDurableExpiryRace(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		for range 200 {
			o := lost(t, s, durableV2(held(), 1, time.Second))
			b := newHolder(t, s)
			time.Sleep(time.Second)
			back, err := b.tree.Create(ctx, claimV2(o, 1))
			if err != nil {
				wantRefusal(t, "claim", err, smb.StatusObjectNameNotFound)
			} else if err := back.Close(ctx); err != nil {
				t.Fatal(err)
			}
			b.leave()
			synctest.Wait()
			wantOpens(t, s, "after", 0)
		}
	})
}

// A claimed open is the old one: its locks, its oplock, no expiry.
func TestDurableClaim(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		a := newHolder(t, s)
		o := a.open(durableV1(held()))
		wantDurable(t, o, true, false)
		if _, err := o.WriteAt(ctx, []byte("text"), 0); err != nil {
			t.Fatal(err)
		}
		if err := o.Lock(ctx, smb.LockElement{Length: 2, Flags: smb.LockExclusive | smb.LockFailImmediately}); err != nil {
			t.Fatal(err)
		}
		a.leave()
		time.Sleep(time.Minute)

		b := newHolder(t, s)
		back := b.open(claimV1(o))
		if c := back.Created; back.ID.Persistent != o.ID.Persistent || c.OplockLevel != smb.OplockBatch || c.Action != smb.Opened || c.EndOfFile != 4 {
			t.Errorf("%+v", c)
		}
		_, err := newHolder(t, s).tree.Create(ctx, claimV1(o))
		wantRefusal(t, "second claim", err, smb.StatusObjectNameNotFound)
		time.Sleep(time.Hour)
		if err := b.tree.Session().Echo(ctx); err != nil {
			t.Fatal(err)
		}
		if err := back.Lock(ctx, smb.LockElement{Length: 2, Flags: smb.LockUnlock}); err != nil {
			t.Errorf("the lock is gone: %v", err)
		}
		w := newHolder(t, s).start(ctx, held())
		b.wantOplockBreak(back, smb.OplockII)
		if err := back.AckOplockBreak(ctx, smb.OplockNone); err != nil || !w.over() || w.err != nil {
			t.Error(err, w.err)
		}
	})
}

// Who may not claim, [MS-SMB2] 3.3.5.9.7 and 3.3.5.9.12.
func TestDurableClaimRefused(t *testing.T) {
	guid := smb.GUID{7}
	tree := func(t *testing.T, s *Server, user, password string) *smb.Tree {
		c, err := pipeConn(t, s, &smb.Config{ClientGUID: guid})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		session, err := c.LogOn(ctx, smb.NTLM{User: user, Password: password}.Mechanism(), 0)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := session.TreeConnect(ctx, "share")
		if err != nil {
			t.Fatal(err)
		}
		return tree
	}
	v2lease := func(key byte) smb.CreateContext {
		return smb.Lease{V2: true, Key: smb.GUID{key}, State: cacheRWH}.Context()
	}
	claim := func(name string, contexts ...smb.CreateContext) *smb.CreateRequest {
		return &smb.CreateRequest{Name: name, OplockLevel: smb.OplockLease, Contexts: contexts}
	}
	bubble(t, nil, func(t *testing.T, s *Server) {
		a := &holder{t, tree(t, s, testUser, testPassword)}
		o := a.open(durableV2(leased(held(), 1, cacheRWH), 1, 0))
		back := smb.DurableV2Reconnect{FileID: o.ID, CreateGUID: smb.GUID{1}}.Context()
		b := tree(t, s, testUser, testPassword)
		_, err := b.Create(ctx, claim("held.dat", back, v2lease(1)))
		wantRefusal(t, "still connected", err, smb.StatusObjectNameNotFound)
		a.leave()
		synctest.Wait()
		for _, c := range []struct {
			what string
			tree *smb.Tree
			m    *smb.CreateRequest
			want smb.NTStatus
		}{
			{"another user", tree(t, s, "bob", "pass word 2"), claim("held.dat", back, v2lease(1)), smb.StatusAccessDenied},
			{"another client", newHolder(t, s).tree, claim("held.dat", back, v2lease(1)), smb.StatusObjectNameNotFound},
			{"another CreateGuid", b, claim("held.dat", smb.DurableV2Reconnect{FileID: o.ID, CreateGUID: smb.GUID{2}}.Context(), v2lease(1)), smb.StatusObjectNameNotFound},
			{"another id", b, claim("held.dat", smb.DurableV2Reconnect{FileID: smb.FileID{Persistent: 99}, CreateGUID: smb.GUID{1}}.Context(), v2lease(1)), smb.StatusObjectNameNotFound},
			{"no lease", b, claim("held.dat", back), smb.StatusObjectNameNotFound},
			{"another key", b, claim("held.dat", back, v2lease(2)), smb.StatusObjectNameNotFound},
			{"another version", b, claim("held.dat", back, smb.Lease{Key: smb.GUID{1}, State: cacheRWH}.Context()), smb.StatusObjectNameNotFound},
			{"another file", b, claim("other.dat", back, v2lease(1)), smb.StatusInvalidParameter},
			{"both versions", b, claim("held.dat", back, v2lease(1), smb.DurableReconnect(o.ID)), smb.StatusInvalidParameter},
			{"asking as well", b, claim("held.dat", back, v2lease(1), smb.DurableRequest()), smb.StatusInvalidParameter},
			{"persistent", b, claim("held.dat", smb.DurableV2Reconnect{FileID: o.ID, CreateGUID: smb.GUID{1}, Flags: smb.DurablePersistent}.Context(), v2lease(1)), smb.StatusInvalidParameter},
		} {
			_, err := c.tree.Create(ctx, c.m)
			wantRefusal(t, c.what, err, c.want)
		}
		got, err := b.Create(ctx, claim("HELD.dat", back, v2lease(1)))
		if err != nil {
			t.Fatal(err)
		}
		wantGranted(t, got, "RHW")
	})
}

// What is not granted: without a batch oplock or handle caching, for
// directories, by a server with no durable opens; and contexts that do not go
// together.
func TestDurableNotGranted(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		a := newHolder(t, s)
		m := with(durableV1(held()), smb.OplockExclusive)
		wantDurable(t, a.open(m), false, false)
		m = leased(held(), 1, cacheRW)
		m.Name = "rw.dat"
		wantDurable(t, a.open(durableV2(m, 1, 0)), false, false)
		m = durableV2(held(), 2, 0)
		m.Name, m.Options = "dir", smb.DirectoryFile
		wantDurable(t, a.open(m), false, false)

		m = durableV2(durableV1(held()), 3, 0)
		_, err := a.tree.Create(ctx, m)
		wantRefusal(t, "both versions", err, smb.StatusInvalidParameter)

		m = durableV2(held(), 4, 0)
		m.Name = "two.dat"
		wantDurable(t, a.open(m), false, true)
		m.Name = "three.dat"
		_, err = a.tree.Create(ctx, m)
		wantRefusal(t, "the same CreateGuid again", err, smb.StatusDuplicateObjectID)

		old := &holder{t, pipeTree(t, s, &smb.Config{MaxDialect: smb.SMB210})}
		defer old.leave()
		m = durableV2(held(), 5, 0)
		m.Name = "old.dat"
		wantDurable(t, old.open(m), false, false)
	})
	bubble(t, func(s *Server) { s.Temperament.DurableV1Timeout = 0 }, func(t *testing.T, s *Server) {
		wantDurable(t, newHolder(t, s).open(durableV1(held())), false, false)
	})
}

// LOGOFF and a log-on that names the old session leave durable opens waiting;
// leaving the share and CLOSE end them, [MS-SMB2] 3.3.5.6, .5.3, .8, .10.
func TestDurableEnds(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(h *holder, o *smb.Open) error
		stay int
	}{
		"LOGOFF":            {func(h *holder, o *smb.Open) error { return h.tree.Session().LogOff(ctx) }, 1},
		"TREE_DISCONNECT":   {func(h *holder, o *smb.Open) error { return h.tree.Disconnect(ctx) }, 0},
		"CLOSE":             {func(h *holder, o *smb.Open) error { return o.Close(ctx) }, 0},
		"PreviousSessionId": {func(h *holder, o *smb.Open) error { return logOnAfter(h) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, s *Server) {
				a := newHolder(t, s)
				o := a.open(durableV1(held()))
				m := held()
				m.Name = "plain.dat"
				a.open(m)
				if err := c.end(a, o); err != nil {
					t.Fatal(err)
				}
				want := c.stay
				if name == "CLOSE" {
					want++
				}
				wantOpens(t, s, "after "+name, want)
				if c.stay > 0 {
					newHolder(t, s).open(claimV1(o))
				}
			})
		})
	}
}

// logOnAfter logs on again, on the same connection, naming the session of h.
func logOnAfter(h *holder) error {
	_, err := h.tree.Session().Conn().LogOn(ctx, smb.NTLM{User: testUser, Password: testPassword}.Mechanism(), h.tree.Session().ID())
	return err
}

// What a disconnected open gives way to, and what it stays beside: smbtorture's
// smb2.durable-v2-open keep-disconnected-… and purge-disconnected-….
func TestDisconnectedInTheWay(t *testing.T) {
	stat := held()
	stat.Access, stat.Share = smb.FileReadAttributes, 0
	alone := held()
	alone.Share = 0
	for name, c := range map[string]struct {
		held smb.LeaseState
		m    *smb.CreateRequest
		then func(*smb.Open) error
		stay bool
	}{
		"RH stat":      {cacheRH, stat, nil, true},
		"RWH stat":     {cacheRWH, stat, nil, true},
		"RH RH":        {cacheRH, leased(held(), 2, cacheRH), nil, true},
		"RH RWH":       {cacheRH, leased(held(), 2, cacheRWH), nil, true},
		"RWH RH":       {cacheRWH, leased(held(), 2, cacheRH), nil, false},
		"RWH RWH":      {cacheRWH, leased(held(), 2, cacheRWH), nil, false},
		"RH share 0":   {cacheRH, alone, nil, false},
		"RH and write": {cacheRH, held(), func(o *smb.Open) error { _, err := o.WriteAt(ctx, []byte("x"), 0); return err }, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, s *Server) {
				lost(t, s, durableV2(leased(held(), 1, c.held), 1, 0))
				o := newHolder(t, s).open(c.m)
				if c.then != nil {
					wantOpens(t, s, "before", 2)
					if err := c.then(o); err != nil {
						t.Fatal(err)
					}
				}
				want := 1
				if c.stay {
					want = 2
				}
				wantOpens(t, s, "with the other open", want)
			})
		})
	}
}

// A disconnected open whose end deletes the file makes room for a new one.
func TestDisconnectedDeletes(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		m := durableV1(held())
		m.Access |= smb.Delete
		m.Options = smb.DeleteOnClose
		lost(t, s, m)
		wantOpens(t, s, "disconnected", 1)
		if o := newHolder(t, s).open(held()); o.Created.Action != smb.Created {
			t.Errorf("the file was %v", o.Created.Action)
		}
		wantOpens(t, s, "anew", 1)
	})
}

// The same application instance on another machine, [MS-SMB2] 3.3.5.9.13.
func TestAppInstance(t *testing.T) {
	bubble(t, nil, func(t *testing.T, s *Server) {
		m := func(create, app byte) *smb.CreateRequest {
			m := durableV2(held(), create, 0)
			m.Share = 0
			m.Contexts = append(m.Contexts, smb.AppInstanceID(smb.GUID{app}))
			return m
		}
		a, b := newHolder(t, s), newHolder(t, s)
		first := a.open(m(1, 1))
		b.open(m(2, 1))
		a.wantNoBreak()
		wantRefusal(t, "CLOSE of the first", first.Close(ctx), smb.StatusFileClosed)
		wantOpens(t, s, "after the move", 1)
	})
}
