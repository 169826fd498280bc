package diag

import (
	"context"
	"io"
	"net"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"err32/smb"
)

// What cannot be done is an error with a clear text, the server's status where
// it gave one, and nothing left behind.
func TestReproCannot(t *testing.T) {
	t.Parallel()
	eachServer(t, bothServers, serverConfig{}, testReproCannot)
}

func testReproCannot(t *testing.T, srv *testServer) {
	srv.writeFiles(t, "a file")
	refusing := closedPort(t)
	closedShare, closedFolder, notClosed := srv.closedFolder(t)
	for _, test := range []struct {
		name   string
		set    func(*Endpoint)
		status string
		text   string
	}{
		{"wrong password", func(e *Endpoint) { e.Credentials.Password = "wrong" }, "0xC000006D", "password is wrong"},
		{"unknown user", func(e *Endpoint) { e.Credentials.User = "nobody-of-this-name" }, "0xC000006D", "user name"},
		{"wrong hash", func(e *Endpoint) {
			e.Credentials.Password, e.Credentials.NTHash = "", make([]byte, 16)
		}, "0xC000006D", "password is wrong"},
		{"unknown share", func(e *Endpoint) { e.Target.Share = "nosuch" }, "0xC00000CC", "no share of this name"},
		{"share that is none", func(e *Endpoint) { e.Target.Share = "IPC$" }, "", ""},
		{"missing folder", func(e *Endpoint) { e.Target.Path = `no\such\folder` }, "0xC000003A", "no folder of this name"},
		{"a file", func(e *Endpoint) { e.Target.Path = "a file" }, "0xC000003A", "no folder of this name"},
		{"read-only folder", func(e *Endpoint) {
			e.Target.Share, e.Target.Path = closedShare, closedFolder
			e.Credentials = Credentials{User: srv.plainUser, Password: srv.plainPassword}
		}, "0xC0000022", "no right"},
		{"refused port", func(e *Endpoint) { e.Target.Port = refusing }, "", "nothing listens on this port"},
		{"unknown host", func(e *Endpoint) { e.Target.Server = "no-such-host.invalid" }, "", "could not be resolved"},
		{"anonymous", func(e *Endpoint) { e.Credentials = Credentials{Anonymous: true} }, "0xC0000022", "no right"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.name == "read-only folder" && notClosed != nil {
				t.Skip(notClosed)
			}
			e := srv.endpoint("")
			test.set(&e)
			r := Repro(t.Context(), reproOf(e, smb.DisconnectFIN, time.Second))
			checkFailed(t, r)
			if r.Error == nil {
				return
			}
			if test.status != "" && r.Error.Status != test.status || !strings.Contains(r.Error.Text, test.text) {
				t.Errorf("error %s, want status %s and %q", text(r.Error), test.status, test.text)
			}
			for _, secret := range []string{srv.password, srv.ntHash} {
				if strings.Contains(text(r), secret) {
					t.Error("the report shows a secret")
				}
			}
			if len(r.Repro.LeftBehind) > 0 {
				t.Errorf("left behind: %q", r.Repro.LeftBehind)
			}
		})
	}
	checkNothingLeft(t, srv)
}

// checkFailed: the run could not be done, and says so.
func checkFailed(t *testing.T, r *Report) {
	t.Helper()
	if r.Error == nil || r.Error.Op == "" || r.Error.Text == "" || r.Verdict != nil || r.Interrupted || r.ExitCode() != 1 {
		t.Errorf("exit code %d, want an error that says what failed: %s", r.ExitCode(), text(r))
	}
}

// closedPort is a port of the loopback interface that nothing listens on.
func closedPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return portOf(t, l.Addr().String())
}

// A listener that takes connections and says nothing, or what is no SMB, ends
// the run within about the time-out.
func TestReproNoServer(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"silent": "", "http": "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "closing": "close",
		"huge frame": "\x00\xff\xff\xff\xfeSMB", "smb1": "\x00\x00\x00\x23\xffSMB" + strings.Repeat("\x00", 0x1f),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var served sync.WaitGroup
			served.Go(func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					served.Go(func() {
						defer c.Close()
						if answer == "close" {
							return
						}
						io.WriteString(c, answer)
						io.Copy(io.Discard, c)
					})
				}
			})
			defer served.Wait()
			defer l.Close()
			const timeout = 500 * time.Millisecond
			e := Endpoint{
				Target:      Target{Server: "127.0.0.1", Port: portOf(t, l.Addr().String()), Share: "share"},
				Credentials: Credentials{User: "u", Password: "p"}, Timeout: timeout,
			}
			begin := time.Now()
			r := Repro(t.Context(), reproOf(e, smb.DisconnectFIN, time.Second))
			took := time.Since(begin)
			checkFailed(t, r)
			if took > timeout+time.Second || name == "silent" && took < timeout {
				t.Errorf("took %v, want about %v", took, timeout)
			}
		})
	}
}

// moment is when something happens to a run.
type moment struct {
	name string
	at   func() func(Event) bool // makes a function that is true at the moment
}

// nth is the nth event of the actor with the word.
func nth(n int, actor, what string) moment {
	return moment{what + " of the " + actor, func() func(Event) bool {
		seen := 0
		return func(e Event) bool {
			if e.Actor == actor && e.What == what {
				seen++
			}
			return seen == n
		}
	}}
}

// moments are one in each phase of a run whose holder leaks its handle.
var moments = []moment{
	nth(1, ActorHolder, whatConnect),
	nth(1, ActorContender, whatConnect),
	nth(1, ActorTool, whatPrepare),
	nth(1, ActorObserver, whatList),
	nth(1, ActorHolder, whatOpen),
	nth(1, ActorContender, whatTry),
	nth(1, ActorHolder, whatDisconnect),
	{"a later try", nth(3, ActorContender, whatTry).at},
}

// once returns a function for OnEvent that calls do at the moment, once.
func (m moment) once(do func()) func(Event) {
	var done sync.Once
	at := m.at()
	return func(e Event) {
		if at(e) {
			done.Do(do)
		}
	}
}

// A server that hangs, and one that is killed, in each phase of a run.
func TestReproServerFails(t *testing.T) {
	t.Parallel()
	together(t, moments, func(m moment) string { return m.name }, func(t *testing.T, m moment) {
		eachServer(t, bothServers, serverConfig{fails: true}, func(t *testing.T, srv *testServer) {
			testServerFails(t, srv, m)
		})
	})
}

func testServerFails(t *testing.T, srv *testServer, m moment) {
	// The first call behind \srvsvc takes its time: not on the short time-out.
	if r := Table(t.Context(), TableOptions{Endpoint: srv.endpoint("")}); r.Error != nil {
		t.Fatal(text(r))
	}
	const timeout = 1500 * time.Millisecond
	for _, fail := range []struct {
		name  string
		do    func() error
		bound time.Duration
	}{
		{"paused", srv.pause, 3*timeout + cleanUpTimeSilent + 2*time.Second},
		{"killed", srv.kill, timeout + time.Second},
	} {
		o := reproOf(srv.endpoint(""), smb.DisconnectLeak, 15*time.Second)
		o.Endpoint.Timeout = timeout
		var failed time.Time
		o.OnEvent = m.once(func() {
			if err := fail.do(); err != nil {
				t.Error(err)
			}
			failed = time.Now()
		})
		r := Repro(t.Context(), o)
		took := time.Since(failed)
		if failed.IsZero() {
			t.Fatalf("%s: the moment did not come: %s", fail.name, text(r))
		}
		checkFailed(t, r)
		if took > fail.bound {
			t.Errorf("%s: ended %v later, want at most %v", fail.name, took, fail.bound)
		}
		if strings.Contains(text(r), "deadline exceeded") || strings.Contains(text(r), "EOF") {
			t.Errorf("%s: words of a library in the report: %s", fail.name, text(r))
		}
		if fail.name == "paused" {
			if err := srv.resume(); err != nil {
				t.Fatal(err)
			}
			waitIdle(t, srv)
		}
		for _, file := range srv.files(t, "") {
			if !strings.Contains(strings.Join(r.Repro.LeftBehind, "\n"), path.Base(file)) {
				t.Errorf("%s: %s is there and not named in left_behind %q", fail.name, file, r.Repro.LeftBehind)
			}
			srv.remove(t, file)
		}
	}
}

// Ctrl-C at each event of a run: it ends soon, and leaves nothing.
func testInterrupted(t *testing.T, srv *testServer) {
	type run struct {
		kind smb.DisconnectKind
		from string
	}
	var runs []run
	for _, kind := range supported(t, smb.DisconnectClose, smb.DisconnectFIN, smb.DisconnectVanish, smb.DisconnectFreeze, smb.DisconnectLeak) {
		runs = append(runs, run{kind, "other"}, run{kind, "same"})
	}
	together(t, runs, func(r run) string { return r.kind.String() + " " + r.from }, func(t *testing.T, r run) {
		dir := srv.folder(t, "interrupted "+r.kind.String()+" "+r.from)
		o := reproOf(srv.endpoint(dir), r.kind, 150*time.Millisecond)
		o.RetryFrom, o.Interval = r.from, 30*time.Millisecond
		if r.kind == smb.DisconnectLeak && r.from == "other" {
			o.Case, o.Access, o.Share = "handle-leak", access("r"), smb.ShareRead
		}
		for n := 1; interruptAt(t, srv, o, n); n++ {
		}
	})
}

// interruptAt interrupts a run at its nth event, and reports whether that came
// before the run had ended.
func interruptAt(t *testing.T, srv *testServer, o ReproOptions, n int) bool {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var at time.Time
	o.OnEvent = func(e Event) {
		if e.ID == n {
			at = time.Now()
			interrupt()
		}
	}
	r := Repro(ctx, o)
	if at.IsZero() {
		return false
	}
	took := time.Since(at)
	if !r.Interrupted || r.ExitCode() != 130 || r.Error != nil || len(r.Repro.LeftBehind) > 0 || took > 2*time.Second {
		t.Errorf("interrupted at event %d, ended %v later: %s", n, took, text(r))
	}
	if files := srv.files(t, o.Endpoint.Target.Path); len(files) > 0 {
		t.Errorf("interrupted at event %d: left %q: %s", n, files, text(r))
	}
	return true
}
