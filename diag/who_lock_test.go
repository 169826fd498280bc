package diag

import (
	"strings"
	"testing"

	"err32/smb"
)

// TestWhoLocked holds byte-range locks in several places of a file of 9 bytes.
func TestWhoLocked(t *testing.T) {
	t.Parallel()
	eachServer(t, everyServer, serverConfig{}, func(t *testing.T, srv *testServer) {
		const exclusive, shared = smb.LockExclusive | smb.LockFailImmediately, smb.LockShared | smb.LockFailImmediately
		for _, test := range []struct {
			name   string
			lock   smb.LockElement
			code   int
			locked bool
			reason string
		}{
			{"whole file", smb.LockElement{Offset: 0, Length: 1 << 62, Flags: exclusive}, 33, true, "the byte at offset 0 met a byte-range lock"},
			{"first byte", smb.LockElement{Offset: 0, Length: 1, Flags: exclusive}, 33, true, "the byte at offset 0 met a byte-range lock"},
			{"last byte", smb.LockElement{Offset: 8, Length: 1, Flags: exclusive}, 33, true, "the byte at offset 8 met a byte-range lock"},
			{"middle", smb.LockElement{Offset: 4, Length: 2, Flags: exclusive}, 0, false, "lies elsewhere, or is shared"},
			{"beyond the end", smb.LockElement{Offset: 1 << 30, Length: 1, Flags: exclusive}, 0, false, "lies elsewhere, or is shared"},
			{"shared", smb.LockElement{Offset: 0, Length: 9, Flags: shared}, 0, false, "lies elsewhere, or is shared"},
		} {
			t.Run(test.name, func(t *testing.T) {
				path := "lock-" + strings.ReplaceAll(test.name, " ", "-")
				srv.writeFiles(t, path)
				holder := heldBy(t, clientOf(t, srv), path, "rw", "rwd")
				beside := heldBy(t, clientOf(t, srv), path, "r", "rwd") // holds no lock
				if err := holder.Lock(t.Context(), test.lock); err != nil {
					t.Fatal(err)
				}
				r, p := runWho(t, whoOf(srv.endpoint(""), "rw:rwd", path))
				reasons := strings.Join(p.Reasons, "; ")
				if r.ExitCode() != test.code || p.Locked == nil || *p.Locked != test.locked || !strings.Contains(reasons, test.reason) {
					t.Error(text(r))
				}
				// The row of the holder is named; Samba does not tell which it is.
				var rows []string
				for _, row := range p.Opens {
					if row.Locks > 0 {
						rows = append(rows, row.ID)
					}
				}
				samba := srv.is == onSmbd || srv.is == onSamba
				switch want := map[bool]int{false: 1, true: 2}[samba]; {
				case len(rows) != want:
					t.Errorf("%d rows have locks: %s", len(rows), text(p.Opens))
				case samba && !strings.Contains(reasons, "1 byte-range lock; Samba shows those of the whole file"):
					t.Error(reasons)
				case !samba && !strings.Contains(reasons, "open "+rows[0]+" of "+srv.plainUser+" has 1 byte-range lock"):
					t.Error(reasons)
				case test.code == 33 && !strings.Contains(strings.Join(r.Verdict.Next, " "), "(open "+rows[0]+")"):
					t.Error(r.Verdict.Next)
				}

				// Where both are in the way, the lock is what is told apart.
				r, p = runWho(t, whoOf(srv.plainEndpoint(""), "rw:none", path))
				want := map[bool]int{false: 32, true: 33}[test.locked]
				if r.ExitCode() != want || p.Wanted.Allowed == nil || *p.Wanted.Allowed {
					t.Error(text(r))
				}
				if reasons := strings.Join(p.Reasons, "; "); !test.locked && !strings.Contains(reasons, "only the first and the last byte were read") {
					t.Error(reasons)
				}
				// Without probes no byte is read; the table tells of the lock.
				r, p = runWho(t, unprobed(whoOf(srv.endpoint(""), "r:rwd", path)))
				if r.ExitCode() != 1 || p.Locked != nil || !strings.Contains(strings.Join(p.Reasons, "; "), "who touches the locked part meets error 33") {
					t.Error(text(r))
				}
				// No lock was left, and the holder's is as it was.
				if err := holder.Lock(t.Context(), smb.LockElement{Offset: test.lock.Offset, Length: test.lock.Length, Flags: smb.LockUnlock}); err != nil {
					t.Error(err)
				}
				if err := beside.Lock(t.Context(), smb.LockElement{Length: 1 << 62, Flags: exclusive}); err != nil {
					t.Error(err)
				}
			})
		}
	})
}

// TestWhoLockedUnreadable tries a file whose holder does not share reading: no
// lock can be looked for.
func TestWhoLockedUnreadable(t *testing.T) {
	t.Parallel()
	eachServer(t, bothServers, serverConfig{}, func(t *testing.T, srv *testServer) {
		srv.writeFiles(t, "f")
		holder := heldBy(t, clientOf(t, srv), "f", "rw", "none")
		if err := holder.Lock(t.Context(), smb.LockElement{Length: 9, Flags: smb.LockExclusive | smb.LockFailImmediately}); err != nil {
			t.Fatal(err)
		}
		r, p := runWho(t, whoOf(srv.endpoint(""), "r:rwd", "f"))
		if r.ExitCode() != 32 || p.Locked != nil {
			t.Error(text(r))
		}
	})
}

// TestWhoDeletePending asks for a file that is marked for deletion: to an open
// of any kind that is "access denied" in Win32 terms.
func TestWhoDeletePending(t *testing.T) {
	t.Parallel()
	eachServer(t, everyServer, serverConfig{}, func(t *testing.T, srv *testServer) {
		for _, how := range []string{"marked", "on close", "one of two"} {
			path := "delete-" + strings.ReplaceAll(how, " ", "-")
			srv.writeFiles(t, path)
			tree := clientOf(t, srv)
			beside := heldBy(t, tree, path, "r", "rwd")
			switch how {
			case "marked":
				if err := heldBy(t, tree, path, "d", "rwd").Remove(t.Context()); err != nil {
					t.Fatal(err)
				}
			case "one of two":
				o := heldBy(t, tree, path, "d", "rwd")
				if err := o.Remove(t.Context()); err != nil {
					t.Fatal(err)
				}
				mustClose(t, o)
			case "on close":
				m := openRequest(t, path, "rd", "rwd")
				m.Options |= smb.DeleteOnClose
				mustClose(t, mustCreate(t, tree, m))
			}
			for _, e := range []Endpoint{srv.endpoint(""), srv.plainEndpoint("")} {
				for _, o := range []WhoOptions{whoOf(e, "rw:none", path), unprobed(whoOf(e, "r:rwd", path))} {
					r, p := runWho(t, o)
					if r.ExitCode() != 1 || r.Error.StatusName != "STATUS_DELETE_PENDING" || !strings.Contains(r.Error.Text, "marked for deletion") ||
						p.StatStatus != "0xC0000056" || p.State != StateUnknown && p.State != StateLive {
						t.Errorf("%s: %s", how, text(r))
					}
					listed := 0
					if e.Credentials.User == srv.user {
						listed = map[string]int{"marked": 2, "on close": 1, "one of two": 1}[how]
					}
					if len(p.Opens) != listed || listed == 0 && !strings.Contains(r.Error.Text, "takes the right to read the server's tables") {
						t.Errorf("%s: %s", how, text(r))
					}
				}
			}
			mustClose(t, beside)
		}

		// A holder that deletes on close has not marked it yet: it has DELETE.
		srv.writeFiles(t, "later")
		m := openRequest(t, "later", "rd", "rwd")
		m.Options |= smb.DeleteOnClose
		mustCreate(t, clientOf(t, srv), m)
		r, p := runWho(t, whoOf(srv.plainEndpoint(""), "rw:none", "later"))
		want := aggregate{smb.ShareRead | smb.ShareDelete, shareAll}.wantHolders()
		if r.ExitCode() != 32 || p.Holders != want {
			t.Error(text(r))
		}
	})
}

// TestWhoChangesNothing compares a file, and what is held of it, before and
// after every kind of run.
func TestWhoChangesNothing(t *testing.T) {
	t.Parallel()
	eachServer(t, bothServers, serverConfig{}, func(t *testing.T, srv *testServer) {
		tree := clientOf(t, srv)
		paths := []string{"free", "held", "exclusive", "locked", "readonly"}
		srv.writeFiles(t, paths...)
		heldBy(t, tree, "held", "rw", "rw")
		heldBy(t, tree, "exclusive", "rwd", "none")
		if err := heldBy(t, tree, "locked", "rw", "rwd").Lock(t.Context(), smb.LockElement{Length: 9, Flags: smb.LockExclusive | smb.LockFailImmediately}); err != nil {
			t.Fatal(err)
		}
		setAttributes(t, tree, "readonly", smb.AttributeReadonly)
		before := map[string]wholeFile{}
		for _, path := range paths {
			before[path] = wholeState(t, srv, path)
		}
		for _, e := range []Endpoint{srv.endpoint(""), srv.plainEndpoint("")} {
			for _, want := range []string{"rw:none", "rwd:rwd", "0x02000000:none"} {
				for _, o := range []WhoOptions{whoOf(e, want, paths...), unprobed(whoOf(e, want, paths...))} {
					if r := Who(t.Context(), o); r.Who == nil {
						t.Fatal(text(r))
					}
				}
			}
			o := whoOf(e, "rw:none", "")
			o.Recursive = true
			Who(t.Context(), o)
		}
		for _, path := range paths {
			if after := wholeState(t, srv, path); after != before[path] {
				t.Errorf("%s before and after:\n%+v\n%+v", path, before[path], after)
			}
		}
	})
}
