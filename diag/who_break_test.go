package diag

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"err32/smb"
)

// caching is what a holder caches of its file.
type caching struct {
	name   string
	oplock smb.OplockLevel
	lease  smb.LeaseState // with OplockLease
}

var cachings = []caching{
	{"lease RWH", smb.OplockLease, smb.LeaseRead | smb.LeaseWrite | smb.LeaseHandle},
	{"lease RH", smb.OplockLease, smb.LeaseRead | smb.LeaseHandle},
	{"lease RW", smb.OplockLease, smb.LeaseRead | smb.LeaseWrite},
	{"batch oplock", smb.OplockBatch, 0},
	{"exclusive oplock", smb.OplockExclusive, 0},
	{"level II", smb.OplockII, 0},
}

// cachingHolder is a client that has one file open and caches it.
type cachingHolder struct {
	open *smb.Open
	key  smb.GUID
}

// holdCaching opens a file as one more client, which must be granted the
// caching.
func holdCaching(t *testing.T, srv *testServer, c caching, path, access, share string) *cachingHolder {
	t.Helper()
	h := &cachingHolder{key: smb.GUID{1, 2, 3}}
	m := openRequest(t, path, access, share)
	m.OplockLevel = c.oplock
	if c.oplock == smb.OplockLease {
		m.Contexts = []smb.CreateContext{smb.Lease{Key: h.key, State: c.lease}.Context()}
	}
	h.open = mustCreate(t, clientOf(t, srv), m)
	granted, _, err := h.open.Created.Lease()
	if err != nil || h.open.Created.OplockLevel != c.oplock || granted.State != c.lease {
		t.Fatalf("%s was not granted: %v %v %v", c.name, h.open.Created.OplockLevel, granted.State, err)
	}
	return h
}

func (h *cachingHolder) conn() *smb.Conn { return h.open.Tree().Session().Conn() }

// give answers one break: the holder closes its file, or gives up what it is
// told to.
func (h *cachingHolder) give(ctx context.Context, closes bool) error {
	b, err := h.conn().NextBreak(ctx)
	if err != nil {
		return err
	}
	pause(ctx, 30*time.Millisecond) // a client takes its time; smbd says STATUS_PENDING after half a millisecond
	switch {
	case closes:
		return h.open.Close(ctx)
	case b.Lease != nil && b.Lease.AckRequired:
		return h.open.Tree().AckLeaseBreak(ctx, h.key, b.Lease.New)
	case b.Oplock != nil && h.open.Created.OplockLevel != smb.OplockII:
		return h.open.AckOplockBreak(ctx, b.Oplock.Level)
	}
	return nil
}

// giveAll answers every break until the test ends.
func (h *cachingHolder) giveAll(t *testing.T, closes bool) {
	done := make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		for {
			if err := h.give(ctx, closes); err != nil {
				done <- err
				return
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; ctx.Err() == nil {
			t.Error(err)
		}
	})
}

// TestWhoBreaksNothing runs who without probes, with and without the right to
// read the tables, on files of holders that cache: they are not asked to give
// anything up. With probes they are, which shows that it would be seen.
func TestWhoBreaksNothing(t *testing.T) {
	t.Parallel()
	eachServer(t, everyServer, serverConfig{}, func(t *testing.T, srv *testServer) {
		var holders []*cachingHolder
		var paths []string
		for _, c := range cachings {
			path := strings.ReplaceAll(c.name, " ", "-")
			srv.writeFiles(t, path)
			holders, paths = append(holders, holdCaching(t, srv, c, path, "rw", "r")), append(paths, path)
		}
		for _, want := range []string{"rw:none", "d:rwd", "0x80:none"} {
			for _, e := range []Endpoint{srv.endpoint(""), srv.plainEndpoint("")} {
				if r := Who(t.Context(), unprobed(whoOf(e, want, paths...))); r.Who == nil {
					t.Fatal(text(r))
				}
				r := Who(t.Context(), unprobed(whoOf(e, want, "")))
				r2 := Who(t.Context(), WhoOptions{Endpoint: e, Targets: []Target{e.Target}, Recursive: true, WantAccess: smb.Delete})
				if r.Who == nil || r2.Who == nil {
					t.Fatal(text(r), text(r2))
				}
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		for i, h := range holders {
			if err := h.conn().Echo(t.Context()); err != nil {
				t.Error(err)
			}
			if b, err := h.conn().NextBreak(ctx); err == nil {
				t.Errorf("%s was broken: %s", paths[i], text(b))
			}
		}

		o := whoOf(srv.plainEndpoint(""), "rw:none", paths...)
		o.ProbeTimeout = 100 * time.Millisecond
		Who(t.Context(), o)
		for i, h := range holders[:4] {
			ctx, cancel := context.WithTimeout(t.Context(), stepTime)
			if _, err := h.conn().NextBreak(ctx); err != nil {
				t.Errorf("%s was not broken by probes: %v", paths[i], err)
			}
			cancel()
		}
	})
}

// TestWhoBreaks runs who with probes on files of holders that cache, and give
// that up when they are asked to, close the file, or do not answer.
func TestWhoBreaks(t *testing.T) {
	t.Parallel()
	eachServer(t, bothServers, serverConfig{}, func(t *testing.T, srv *testServer) {
		for _, c := range cachings[:5] {
			for _, answer := range []string{"gives way", "closes", "is silent"} {
				path := strings.ReplaceAll(c.name+" "+answer, " ", "-")
				t.Run(path, func(t *testing.T) { testWhoBreak(t, srv, c, answer, path) })
			}
		}
	})
}

func testWhoBreak(t *testing.T, srv *testServer, c caching, answer, path string) {
	srv.writeFiles(t, path)
	// An RH lease is broken only by an open that conflicts with it, and an
	// exclusive oplock or RW lease only by one that does not.
	h := holdCaching(t, srv, c, path, "rw", "r")
	held := aggregate{smb.ShareRead | smb.ShareWrite, smb.ShareRead}.wantHolders()
	o := whoOf(srv.plainEndpoint(""), "rw:none", path)
	if answer == "is silent" {
		o.ProbeTimeout = 150 * time.Millisecond
	} else {
		h.giveAll(t, answer == "closes")
	}
	begin := time.Now()
	r, p := runWho(t, o)
	took := time.Since(begin)
	pending := func(status bool) bool {
		return slices.ContainsFunc(p.Probes, func(r ProbeResult) bool { return r.Pending && (r.Status != "") == status })
	}
	reasons := strings.Join(p.Reasons, "; ")
	switch answer {
	case "gives way":
		if r.ExitCode() != 32 || p.Holders != held || !pending(true) || pending(false) || !strings.Contains(reasons, "gave way") {
			t.Error(text(r))
		}
	case "closes":
		// It may be found by the probes before the one that makes it close.
		if r.ExitCode() != 0 || !pending(true) || pending(false) || !strings.Contains(reasons, "gave way") {
			t.Error(text(r))
		}
	case "is silent":
		if !pending(false) || !strings.Contains(reasons, "did not answer in time") || p.State != StateUnknown {
			t.Error(text(r))
		}
		// What is refused at once needs no answer: an exclusive oplock does not
		// keep a conflicting open waiting, nor does an RW lease, which smbd lets
		// wait all the same while it is being broken.
		want := 1
		if c.oplock == smb.OplockExclusive || c.name == "lease RW" && srv.is != onSmbd {
			want = 32
		}
		if r.ExitCode() != want || want == 1 && p.Wanted.Allowed != nil {
			t.Errorf("exit code %d: %s", r.ExitCode(), text(r))
		}
		cancelled := 0
		for _, r := range p.Probes {
			if r.Pending && r.Status == "" {
				cancelled++
			}
		}
		if cancelled > 2 { // the first that has to wait, and the wanted open
			t.Errorf("%d probes waited: %s", cancelled, text(p.Probes))
		}
		if took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		// The lab and smbd know of the holder only: what was cancelled is gone.
		eventually(t, stepTime, func() bool { return len(opensOf(t, srv, path)) == 1 }, func() string { return text(srv.opens(t)) })
	}
}

func opensOf(t *testing.T, srv *testServer, path string) (opens []serverOpen) {
	t.Helper()
	for _, o := range srv.opens(t) {
		if o.Path == path {
			opens = append(opens, o)
		}
	}
	return opens
}
