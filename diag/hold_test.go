package diag

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"err32/smb"
)

// holdOf holds the files of a folder for as long as it takes to say so.
func holdOf(e Endpoint, names ...string) HoldOptions {
	o := HoldOptions{
		Endpoint: e, Access: access("rw"), Disconnect: smb.DisconnectClose, For: time.Millisecond,
	}
	for _, name := range names {
		t := e.Target
		if t.Path != "" && name != "" {
			name = `\` + name
		}
		t.Path += name
		o.Targets = append(o.Targets, t)
	}
	return o
}

// checkHeldNothing: what a hold that was cut short or refused must leave.
func checkHeldNothing(t *testing.T, srv *testServer, dir string, r *Report, files int) {
	t.Helper()
	eventually(t, lingerTime+5*time.Second, func() bool { return len(srv.opensIn(t, dir)) == 0 }, func() string {
		return "still open: " + text(srv.opensIn(t, dir))
	})
	if left := srv.files(t, dir); len(left) != files || len(r.Hold.LeftBehind) > 0 {
		t.Errorf("%d files in the folder, want %d; left behind %q", len(left), files, r.Hold.LeftBehind)
	}
}

// TestHold is all that one server with its defaults is enough for.
func TestHold(t *testing.T) {
	t.Parallel()
	rest := []serverPart{
		{"all", testHoldAll},
		{"refused", testHoldRefused},
		{"count", testHoldCount},
		{"collision", testHoldCollision},
		{"interrupted", testHoldInterrupted},
		{"not ready", testHoldNotReady},
		{"cannot", testHoldCannot},
		{"shared", testHoldShared},
	}
	eachServer(t, everyServer, serverConfig{}, func(t *testing.T, srv *testServer) {
		parts := []serverPart{{"kinds", testHoldKinds}}
		if slices.Contains(bothServers, srv.is) {
			parts = append(parts, rest...)
		}
		runParts(t, srv, parts)
	})
}

// manyFiles makes 300 files in nested folders, and returns their paths below
// the share.
func manyFiles(t *testing.T, srv *testServer, dir string) []string {
	t.Helper()
	var paths []string
	for _, sub := range []string{"", "a", "a/b", "a/b/c d", "ö"} {
		if sub != "" {
			srv.folder(t, append([]string{dir}, strings.Split(sub, "/")...)...)
		}
		for i := range 60 {
			paths = append(paths, strings.ReplaceAll(fmt.Sprintf("%s/%s/file %d.txt", dir, sub, i), "//", "/"))
		}
	}
	srv.writeFiles(t, paths...)
	srv.folder(t, dir, "empty")
	slices.Sort(paths)
	return paths
}

func testHoldAll(t *testing.T, srv *testServer) {
	dir := srv.folder(t, "all")
	want := manyFiles(t, srv, dir)
	o := holdOf(srv.endpoint(dir), "")
	o.All, o.Share = true, smb.ShareRead
	var held map[string][]serverOpen
	var progress []int
	o.OnProgress = func(n, asked int) {
		if asked != len(want) {
			t.Errorf("progress %d of %d, want %d", n, asked, len(want))
		}
		progress = append(progress, n)
	}
	o.OnReady = func(n int) error {
		held = srv.opensIn(t, dir)
		if n != len(want) {
			t.Errorf("ready with %d files, want %d", n, len(want))
		}
		return nil
	}
	r := Hold(t.Context(), o)
	if r.ExitCode() != 0 || r.Hold.Held != len(want) || r.Hold.Asked != len(want) {
		t.Fatal(text(r))
	}
	var paths []string
	for path, opens := range held {
		paths = append(paths, path)
		if len(opens) != 1 || opens[0].Access != uint32(o.Access) || opens[0].Sharing != uint32(smb.ShareRead) {
			t.Errorf("%s: %s", path, text(opens))
		}
	}
	if slices.Sort(paths); !slices.Equal(paths, want) {
		t.Errorf("the server has %d paths, want the %d files", len(paths), len(want))
	}
	if !slices.IsSorted(progress) || len(progress) < 2 || progress[len(progress)-1] != len(want) {
		t.Errorf("progress %v", progress)
	}
	checkHeldNothing(t, srv, dir, r, len(want))
}

// With one file of many refused, nothing is held.
func testHoldRefused(t *testing.T, srv *testServer) {
	dir := srv.folder(t, "refused")
	all := manyFiles(t, srv, dir)
	other := srv.logOnFrom(t, "127.0.0.1", srv.plainUser, srv.plainPassword)
	taken := []string{`refused\a\b\file 7.txt`, `refused\ö\file 30.txt`}
	for _, path := range taken {
		openFile(t, other, srv.share, smb.CreateRequest{Name: path, Access: smb.FileReadData, Share: smb.ShareRead, Disposition: smb.OpenFile})
	}
	o := holdOf(srv.endpoint(dir), "")
	o.All = true
	o.OnReady = func(int) error {
		t.Error("ready although a file was refused")
		return nil
	}
	r := Hold(t.Context(), o)
	if r.ExitCode() != 32 || r.Verdict == nil || r.Verdict.Name != "ERROR_SHARING_VIOLATION" || r.Hold.Held != 0 || r.Hold.Asked != len(all) {
		t.Fatal(text(r))
	}
	if len(r.Hold.Refused) == 0 {
		t.Fatal("no refusal is listed")
	}
	for _, refusal := range r.Hold.Refused {
		if !slices.Contains(taken, refusal.Path) || refusal.Status != "0xC0000043" || refusal.StatusName != "STATUS_SHARING_VIOLATION" {
			t.Errorf("refusal %s, want some of %q", text(refusal), taken)
		}
	}
	if opens := srv.opensIn(t, dir); len(opens) != len(taken) {
		t.Errorf("the server has %s, want only those of the other client", text(opens))
	}
	if err := other.Conn().Close(); err != nil {
		t.Error(err)
	}
	checkHeldNothing(t, srv, dir, r, len(all))
}

func testHoldCount(t *testing.T, srv *testServer) {
	dir := srv.folder(t, "count")
	o := holdOf(srv.endpoint(dir), "name with spaces")
	o.Count = 150
	var files []string
	o.OnReady = func(int) error {
		files = srv.files(t, dir)
		return nil
	}
	r := Hold(t.Context(), o)
	if r.ExitCode() != 0 || r.Hold.Held != 150 {
		t.Fatal(text(r))
	}
	if len(files) != 150 || path.Base(files[0]) != "name with spaces-000001" || path.Base(files[149]) != "name with spaces-000150" {
		t.Errorf("%d files were made: %q", len(files), files)
	}
	checkHeldNothing(t, srv, dir, r, 0)
}

// A file that is there already stops a hold that makes its own, and stays as
// it is.
func testHoldCollision(t *testing.T, srv *testServer) {
	dir := srv.folder(t, "collision")
	srv.writeFiles(t, "collision/made-000070")
	o := holdOf(srv.endpoint(dir), "made")
	o.Count = 300
	r := Hold(t.Context(), o)
	if r.ExitCode() != 1 || r.Error == nil || r.Error.StatusName != "STATUS_OBJECT_NAME_COLLISION" || r.Hold.Held != 0 {
		t.Fatal(text(r))
	}
	checkHeldNothing(t, srv, dir, r, 1)
	if now := srv.lookAt(t, "collision/made-000070"); now.content != fileContent {
		t.Errorf("the file that was there holds %q", now.content)
	}
}

// Each way to leave: what the server still lists right after it, and that all
// is gone at the end.
func testHoldKinds(t *testing.T, srv *testServer) {
	together(t, outcomesOn(t, srv.is), outcome.String, func(t *testing.T, k outcome) {
		dir := srv.folder(t, "leave by "+k.kind.String())
		o := holdOf(srv.endpoint(dir), "held")
		o.Count, o.Disconnect = 5, k.kind
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		looked := make(chan struct{})
		o.OnEvent = func(e Event) {
			if e.What != whatDisconnect {
				return
			}
			go func() { // beside the hold, which a silent kind keeps going until ctx ends
				defer close(looked)
				defer stop()
				want := 0
				if k.stale() {
					want = 5
				}
				eventually(t, 5*time.Second, func() bool { return len(srv.opensIn(t, dir)) == want }, func() string {
					return fmt.Sprintf("opens %s, want %d", text(srv.opensIn(t, dir)), want)
				})
			}()
		}
		r := Hold(ctx, o)
		<-looked
		if r.ExitCode() != 0 || r.Hold.Held != 5 || r.Hold.Disconnect != k.kind.String() {
			t.Error(text(r))
		}
		checkHeldNothing(t, srv, dir, r, 0)
	})
}

// Ctrl-C while the files are being opened.
func testHoldInterrupted(t *testing.T, srv *testServer) {
	dir := srv.folder(t, "interrupted")
	for _, count := range []int{64, 128, 256, 384} {
		for _, duration := range []time.Duration{0, time.Minute} {
			ctx, interrupt := context.WithCancel(t.Context())
			o := holdOf(srv.endpoint(dir), "made")
			o.Count, o.For = 500, duration
			o.OnProgress = func(n, asked int) {
				if n >= count {
					interrupt()
				}
			}
			o.OnReady = func(n int) error {
				t.Error("ready although it was interrupted")
				return nil
			}
			r := Hold(ctx, o)
			interrupt()
			if !r.Interrupted || r.ExitCode() != 130 || r.Error != nil || r.Verdict != nil {
				t.Errorf("at %d: %s", count, text(r))
			}
			checkHeldNothing(t, srv, dir, r, 0)
		}
	}
	// While they are held: that is how a hold without a duration ends.
	for _, test := range []struct {
		duration time.Duration
		code     int
	}{{0, 0}, {time.Minute, 130}} {
		ctx, interrupt := context.WithCancel(t.Context())
		o := holdOf(srv.endpoint(dir), "made")
		o.Count, o.For = 50, test.duration
		o.OnReady = func(int) error { interrupt(); return nil }
		r := Hold(ctx, o)
		if r.ExitCode() != test.code || r.Hold.Held != 50 {
			t.Errorf("held for %v: %s", test.duration, text(r))
		}
		checkHeldNothing(t, srv, dir, r, 0)
	}
}

// What waits for the files to be held cannot be told.
func testHoldNotReady(t *testing.T, srv *testServer) {
	dir := srv.folder(t, "not ready")
	o := holdOf(srv.endpoint(dir), "made")
	o.Count = 10
	o.OnReady = func(int) error { return errors.New("no space left on device") }
	r := Hold(t.Context(), o)
	checkFailed(t, r)
	if r.Error != nil && !strings.Contains(r.Error.Text, "no space left on device") {
		t.Errorf("error %s", text(r.Error))
	}
	checkHeldNothing(t, srv, dir, r, 0)
}

func testHoldCannot(t *testing.T, srv *testServer) {
	dir := srv.folder(t, "cannot")
	srv.folder(t, dir, "empty")
	srv.writeFiles(t, "cannot/there")
	for _, test := range []struct {
		name    string
		targets []string
		set     func(*HoldOptions)
		status  string
	}{
		{"missing file", []string{"there", "missing"}, func(*HoldOptions) {}, "STATUS_OBJECT_NAME_NOT_FOUND"},
		{"missing folder", []string{`missing\there`}, func(*HoldOptions) {}, "STATUS_OBJECT_PATH_NOT_FOUND"},
		{"a folder", []string{"empty"}, func(*HoldOptions) {}, "STATUS_FILE_IS_A_DIRECTORY"},
		{"all of a file", []string{"there"}, func(o *HoldOptions) { o.All = true }, "STATUS_NOT_A_DIRECTORY"},
		{"all of an empty folder", []string{"empty"}, func(o *HoldOptions) { o.All = true }, ""},
		{"wrong password", []string{"there"}, func(o *HoldOptions) { o.Endpoint.Credentials.Password = "wrong" }, "STATUS_LOGON_FAILURE"},
		{"refused port", []string{"there"}, func(o *HoldOptions) { o.Endpoint.Target.Port = closedPort(t) }, ""},
	} {
		o := holdOf(srv.endpoint(dir), test.targets...)
		test.set(&o)
		r := Hold(t.Context(), o)
		checkFailed(t, r)
		if r.Error != nil && r.Error.StatusName != test.status || r.Hold.Held != 0 {
			t.Errorf("%s: held %d, error %s, want %s", test.name, r.Hold.Held, text(r.Error), test.status)
		}
		checkHeldNothing(t, srv, dir, r, 1)
	}
}

// The same file held twice by one client, and by a second run.
func testHoldShared(t *testing.T, srv *testServer) {
	srv.writeFiles(t, "one")
	o := holdOf(srv.endpoint(""), "one", "one", "one")
	o.Access, o.Share = access("r"), smb.ShareRead
	o.OnReady = func(int) error {
		second := holdOf(srv.plainEndpoint(""), "one")
		second.Access, second.Share = access("r"), smb.ShareRead
		if r := Hold(t.Context(), second); r.ExitCode() != 0 {
			t.Errorf("modes that go together: %s", text(r))
		}
		second.Share = 0
		if r := Hold(t.Context(), second); r.ExitCode() != 32 {
			t.Errorf("modes that do not: %s", text(r))
		}
		return nil
	}
	if r := Hold(t.Context(), o); r.ExitCode() != 0 || r.Hold.Held != 3 {
		t.Error(text(r))
	}
}

// A server that is killed while the files are held.
func TestHoldServerKilled(t *testing.T) {
	t.Parallel()
	eachServer(t, bothServers, serverConfig{fails: true}, testHoldServerKilled)
}

func testHoldServerKilled(t *testing.T, srv *testServer) {
	o := holdOf(srv.endpoint(""), "made")
	o.Count, o.For = 3, time.Minute
	o.OnReady = func(int) error { return srv.kill() }
	begin := time.Now()
	r := Hold(t.Context(), o)
	checkFailed(t, r)
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("ended after %v", took)
	}
	if left := strings.Join(r.Hold.LeftBehind, "\n"); !strings.Contains(left, "made-000001") || !strings.Contains(left, "3 files") {
		t.Errorf("left behind %q, want the three files named", r.Hold.LeftBehind)
	}
}

// A server that hangs while the files are held, and then Ctrl-C.
func TestHoldServerPaused(t *testing.T) {
	t.Parallel()
	eachServer(t, bothServers, serverConfig{fails: true}, testHoldServerPaused)
}

func testHoldServerPaused(t *testing.T, srv *testServer) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	o := holdOf(srv.endpoint(""), "made")
	o.Count, o.For, o.Endpoint.Timeout = 3, 0, time.Second
	o.OnReady = func(int) error {
		interrupt()
		return srv.pause()
	}
	begin := time.Now()
	r := Hold(ctx, o)
	checkFailed(t, r)
	if took := time.Since(begin); took > cleanUpTime {
		t.Errorf("ended after %v", took)
	}
	if left := strings.Join(r.Hold.LeftBehind, "\n"); !strings.Contains(left, "made-000001") || !strings.Contains(left, "3 files") {
		t.Errorf("left behind %q, want the three files named", r.Hold.LeftBehind)
	}
	if err := srv.resume(); err != nil {
		t.Fatal(err)
	}
	checkNothingLeft(t, srv)
}

// Ctrl-C, and a lost connection, at each message of a hold that makes files: a
// file that is left is named, and one that was there before is not touched.
func TestHoldAtEveryMessage(t *testing.T) {
	t.Parallel()
	eachServer(t, bothServers, serverConfig{}, testHoldAtEveryMessage)
}

func testHoldAtEveryMessage(t *testing.T, srv *testServer) {
	type event struct {
		name string
		cut  bool
	}
	together(t, []event{{"interrupted", false}, {"cut", true}}, func(e event) string { return e.name }, func(t *testing.T, ev event) {
		w := newWire(t, srv.addr)
		dir := srv.folder(t, ev.name)
		e := srv.endpoint(dir)
		e.Target.Port = portOf(t, w.addr())
		n := 1
		for happened := true; happened; n++ {
			ctx, interrupt := context.WithCancel(t.Context())
			w.arm(n, func() bool {
				if !ev.cut {
					interrupt()
				}
				return !ev.cut
			})
			o := holdOf(e, "made")
			o.Count = 10
			r := Hold(ctx, o)
			interrupt()
			var took time.Duration
			if took, happened = w.since(); happened && took > 5*time.Second || ev.cut && r.Interrupted {
				t.Errorf("message %d: ended %v later: %s", n, took, text(r))
			}
			for _, file := range srv.files(t, dir) {
				if !strings.Contains(strings.Join(r.Hold.LeftBehind, "\n"), path.Base(file)) {
					t.Errorf("message %d: %s is left and not named in %q", n, file, r.Hold.LeftBehind)
				}
				if !ev.cut {
					t.Errorf("message %d: %s is left although the server was there", n, file)
				}
				srv.remove(t, file)
			}
		}
		if n < 15 {
			t.Errorf("only %d messages", n-1)
		}
	})
	checkNothingLeft(t, srv)
}
