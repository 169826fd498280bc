package diag

import (
	"strings"
	"testing"
	"time"

	"err32/smb"
	"err32/smb/lab"
)

// faultyLab is a lab that does something wrong.
func faultyLab(t *testing.T, faults ...string) *testServer {
	t.Helper()
	return startLab(t, onWindows, serverConfig{}, func(s *lab.Server) {
		for _, text := range faults {
			f, err := lab.ParseFault(text)
			if err != nil {
				t.Fatal(err)
			}
			s.Faults = append(s.Faults, f)
		}
	})
}

// TestProbeNotClosed probes where the CLOSE at the end of a chain fails: an open
// that stayed would be in everybody's way. It is closed by its id, and what
// cannot be closed either way is an error.
func TestProbeNotClosed(t *testing.T) {
	t.Parallel()
	probe := func(tree *smb.Tree) error {
		_, err := tree.TryCreate(t.Context(), probeRequest("f.txt", smb.FileReadData, 0), time.Second)
		return err
	}
	read := func(tree *smb.Tree) error {
		a, err := tree.TryRead(t.Context(), probeRequest("f.txt", smb.FileReadData, 0), time.Second, 0, 8, 9)
		if len(a.Reads) != 3 || a.Reads[1] != smb.StatusSuccess || a.Reads[2] != smb.StatusEndOfFile {
			t.Error(a)
		}
		return err
	}
	look := func(tree *smb.Tree) error {
		_, info, err := tree.Look(t.Context(), probeRequest("f.txt", statAccess, 0))
		if info == nil || info.EndOfFile != 9 {
			t.Error(info)
		}
		return err
	}
	for name, do := range map[string]func(*smb.Tree) error{"probe": probe, "read": read, "look": look} {
		t.Run(name, func(t *testing.T) {
			srv := faultyLab(t, "refuse-close#1:f.txt")
			tree := clientOf(t, srv)
			mustMake(t, tree, "f.txt")
			if err := do(tree); err != nil {
				t.Error(err)
			}
			if opens := opensOf(t, srv, "f.txt"); len(opens) != 0 {
				t.Error(text(opens))
			}
			srv = faultyLab(t, "refuse-close:f.txt")
			tree = clientOf(t, srv)
			mustMake(t, tree, "f.txt")
			if err := do(tree); err == nil {
				t.Error("the open stays, and nobody says so")
			}
		})
	}
}

// mustMake makes a file of 9 bytes in two steps that need no CLOSE: the tree
// it is made by goes.
func mustMake(t *testing.T, tree *smb.Tree, path string) {
	t.Helper()
	other, err := tree.Session().TreeConnect(t.Context(), tree.Share)
	if err != nil {
		t.Fatal(err)
	}
	o := mustCreate(t, other, smb.CreateRequest{Name: path, Access: smb.FileWriteData, Disposition: smb.CreateFile})
	if _, err := o.WriteAt(t.Context(), []byte(fileContent), 0); err != nil {
		t.Fatal(err)
	}
	if err := other.Disconnect(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestProbeLateAnswer probes over a slow network: an answer that only takes long
// is waited for, as long as the time-out allows.
func TestProbeLateAnswer(t *testing.T) {
	t.Parallel()
	srv := faultyLab(t, "delay=200ms@CREATE:f.txt")
	tree := clientOf(t, srv)
	mustMake(t, tree, "f.txt")
	begin := time.Now()
	a, err := tree.TryCreate(t.Context(), probeRequest("f.txt", smb.FileReadData, 0), 20*time.Millisecond)
	if err != nil || a.Cancelled || a.Pending || a.Status != smb.StatusSuccess || time.Since(begin) < 150*time.Millisecond {
		t.Errorf("%+v %v after %v", a, err, time.Since(begin))
	}
}

// TestProbePatience probes a file whose holder does not answer a break, with
// more patience than one network step is given, and with less.
func TestProbePatience(t *testing.T) {
	t.Parallel()
	srv := serve(t, onWindows, serverConfig{})
	srv.writeFiles(t, "f")
	holdCaching(t, srv, cachings[0], "f", "rw", "r")
	for _, patience := range []time.Duration{400 * time.Millisecond, 100 * time.Millisecond} {
		e := srv.plainEndpoint("f")
		e.Timeout = 200 * time.Millisecond
		c, err := e.connect(t.Context(), srv.share, smb.GUID{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.conn.Close()
		begin := time.Now()
		a, err := c.tree.TryCreate(t.Context(), probeRequest("f", smb.FileReadData, shareAll), patience)
		if took := time.Since(begin); err != nil || !a.Cancelled || !a.Pending || took < patience || took > patience+stepTime/2 {
			t.Errorf("%+v %v after %v", a, err, took)
		}
		if opens := opensOf(t, srv, "f"); len(opens) != 1 {
			t.Error(text(opens))
		}
	}
}

// TestWhoDisconnected asks for a file that only a disconnected durable handle
// has open. It stands in the table without a user, and the first open that
// conflicts with it ends it: without probes nothing can be said.
func TestWhoDisconnected(t *testing.T) {
	t.Parallel()
	srv := serve(t, onWindows, serverConfig{})
	srv.writeFiles(t, "f")
	m := openRequest(t, "f", "rw", "none")
	m.OplockLevel, m.Contexts = smb.OplockBatch, []smb.CreateContext{smb.DurableRequest()}
	o := mustCreate(t, clientOf(t, srv), m)
	o.Tree().Session().Conn().Close()
	eventually(t, stepTime, func() bool {
		_, p := runWho(t, unprobed(whoOf(srv.endpoint(""), "rw:none", "f")))
		return len(p.Opens) == 1 && p.Opens[0].User == ""
	}, func() string { return text(srv.opens(t)) })
	r, p := runWho(t, unprobed(whoOf(srv.endpoint(""), "rw:none", "f")))
	if r.ExitCode() != 1 || p.State != StateStale || !strings.Contains(strings.Join(p.Reasons, "; "), "whose client is disconnected") {
		t.Error(text(r))
	}
	r, p = runWho(t, whoOf(srv.endpoint(""), "rw:none", "f"))
	if r.ExitCode() != 0 || p.State != StateFree {
		t.Error(text(r))
	}
}

// TestWhoSeveral asks for several files at once, and for one that many have
// open in the same way.
func TestWhoSeveral(t *testing.T) {
	t.Parallel()
	eachServer(t, bothServers, serverConfig{}, func(t *testing.T, srv *testServer) {
		srv.writeFiles(t, "many", "free", "locked")
		for range 5 {
			tree := clientOf(t, srv)
			for range 3 {
				heldBy(t, tree, "many", "r", "r")
			}
		}
		r, p := runWho(t, whoOf(srv.endpoint(""), "rw:none", "many"))
		if want := (aggregate{smb.ShareRead, smb.ShareRead}).wantHolders(); r.ExitCode() != 32 || p.Holders != want || len(p.Opens) != 15 {
			t.Error(text(r))
		}
		if err := heldBy(t, clientOf(t, srv), "locked", "rw", "rwd").Lock(t.Context(), smb.LockElement{Length: 1, Flags: smb.LockExclusive | smb.LockFailImmediately}); err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			paths []string
			code  int
		}{
			{[]string{"free", "FREE"}, 0},
			{[]string{"free", "many"}, 32},
			{[]string{"locked", "free"}, 33},
			{[]string{"locked", "many", "free"}, 32},
			{[]string{"free", "none"}, 1},
		} {
			r := Who(t.Context(), whoOf(srv.endpoint(""), "r:none", test.paths...))
			if r.ExitCode() != test.code || len(r.Who.Paths) != len(test.paths) {
				t.Errorf("%v: %s", test.paths, text(r))
			}
		}
	})
}
