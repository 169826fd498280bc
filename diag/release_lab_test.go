package diag

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"err32/smb"
	"err32/smb/lab"
)

// releaseLab starts a practice server with an administrator, "admin", and a user
// "plain"; their passwords are their names.
func releaseLab(t *testing.T, temperament lab.Temperament) (*lab.Server, Endpoint) {
	t.Helper()
	srv := lab.New()
	srv.Temperament = temperament
	srv.Users = []lab.User{{Name: "admin", Password: "admin", Groups: []string{lab.Administrators}}, {Name: "plain", Password: "plain"}}
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	host, port, err := net.SplitHostPort(srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return srv, Endpoint{
		Target:      Target{Server: host, Port: n, Share: "share"},
		Credentials: Credentials{User: "admin", Password: "admin"},
		Timeout:     stepTime, Version: "test",
	}
}

// labClient is a client of the practice server, from one of the addresses of
// the loopback interface.
type labClient struct {
	t       *testing.T
	conn    *smb.Conn
	session *smb.Session
	tree    *smb.Tree
}

func newLabClient(t *testing.T, srv *lab.Server, ip, user string) *labClient {
	t.Helper()
	ctx := context.Background()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	socket, err := dialer.DialContext(ctx, "tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	c := &labClient{t: t}
	if c.conn, err = smb.NewConn(ctx, socket, "127.0.0.1", &smb.Config{Timeout: stepTime}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.conn.Close() })
	if c.session, err = c.conn.LogOn(ctx, smb.NTLM{User: user, Password: user, Server: "127.0.0.1"}.Mechanism(), 0); err != nil {
		t.Fatal(err)
	}
	if c.tree, err = c.session.TreeConnect(ctx, "share"); err != nil {
		t.Fatal(err)
	}
	return c
}

// open opens a file, which is made if need be, for nobody else.
func (c *labClient) open(path string) *smb.Open {
	c.t.Helper()
	return c.create(smb.CreateRequest{Name: path, Access: access("rw")})
}

func (c *labClient) create(m smb.CreateRequest) *smb.Open {
	c.t.Helper()
	m.Disposition, m.Options = smb.OpenIf, smb.NonDirectoryFile
	o, err := c.tree.Create(context.Background(), &m)
	if err != nil {
		c.t.Fatal(err)
	}
	return o
}

// labOpens are the files that are open on the server, as "path of user on
// client".
func labOpens(srv *lab.Server) string {
	var list []string
	for _, o := range srv.Opens() {
		if !o.Pipe {
			list = append(list, strings.TrimSuffix(fmt.Sprintf("%s of %s on %s", o.Path, o.User, o.Client), " of  on "))
		}
	}
	return strings.Join(list, ", ")
}

func wantOpens(t *testing.T, srv *lab.Server, want string) {
	t.Helper()
	if got := labOpens(srv); got != want {
		t.Errorf("open: %s; want %s", got, want)
	}
}

// Samba from 4.21 on answers "not found" when it succeeds, and closes later.
func TestReleaseOpenNotFound(t *testing.T) {
	t.Parallel()
	temperament := lab.Samba()
	temperament.SRVSVC.FileCloseNotFound = true
	srv, e := releaseLab(t, temperament)
	c := newLabClient(t, srv, "127.0.0.2", "plain")
	c.open("a.dat")
	c.open("b.dat")
	before := srv.Books()
	r := free(t, ReleaseOptions{Endpoint: e, Path: "a.dat", DryRun: true}, 0, ReleaseNotAsked)
	eventually(t, stepTime, func() bool { return srv.Books().Connections == before.Connections }, func() string { return "connections are left" })
	if after := srv.Books(); after.Sessions != before.Sessions || after.Opens != before.Opens {
		t.Errorf("a dry run changed %+v to %+v", before, after)
	}
	r = free(t, ReleaseOptions{Endpoint: e, Open: r.Release.Actions[0].Opens[0].ID}, 0, ReleaseDone)
	wantOpens(t, srv, "b.dat of plain on 127.0.0.2")
	answered := false
	for _, event := range r.Events {
		answered = answered || strings.Contains(event.Detail, "ERROR_FILE_NOT_FOUND")
	}
	if !answered {
		t.Error(text(r.Events))
	}
}

// Windows lists pipes, and refuses those without rights.
func TestReleaseWindows(t *testing.T) {
	t.Parallel()
	srv, e := releaseLab(t, lab.Windows())
	c := newLabClient(t, srv, "127.0.0.2", "plain")
	c.open("a.dat")
	c.open("a.dat2")
	ipc, err := c.session.TreeConnect(t.Context(), "IPC$")
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := ipc.OpenPipe(t.Context(), "srvsvc")
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close(context.Background())
	for _, o := range srv.Opens() {
		if o.Pipe {
			r := free(t, ReleaseOptions{Endpoint: e, Open: fmt.Sprintf("0x%X", o.ID)}, 1, ReleaseRefused)
			if !strings.Contains(r.Error.Text, "named pipe") {
				t.Error(text(r))
			}
		}
	}
	if n := srv.Books().Opens; n != 3 {
		t.Errorf("%d opens, want 3", n)
	}
	free(t, ReleaseOptions{Endpoint: e, Path: `C:\Shares\share\a.dat`}, 0, ReleaseDone)
	wantOpens(t, srv, "a.dat2 of plain on 127.0.0.2")

	plain := e
	plain.Credentials = Credentials{User: "plain", Password: "plain"}
	r := Free(t.Context(), ReleaseOptions{Endpoint: plain, Stale: true})
	if r.ExitCode() != 1 || !strings.Contains(strings.Join(r.Notes, " "), "Administrators or Server Operators") {
		t.Error(text(r))
	}
}

// --session on servers that end just what is asked for.
func TestReleaseSessionLab(t *testing.T) {
	t.Parallel()
	for _, temperament := range []lab.Temperament{lab.Windows(), lab.NT4(), lab.Samba()} {
		t.Run(temperament.Name, func(t *testing.T) {
			srv, e := releaseLab(t, temperament)
			newLabClient(t, srv, "127.0.0.2", "plain").open("plain.dat")
			newLabClient(t, srv, "127.0.0.2", "admin").open("admin.dat")
			newLabClient(t, srv, "127.0.0.3", "plain").open("other.dat")
			all := "plain.dat of plain on 127.0.0.2, admin.dat of admin on 127.0.0.2, other.dat of plain on 127.0.0.3"
			asked := ""
			o := ReleaseOptions{Endpoint: e, Client: "127.0.0.2", User: "PLAIN", Confirm: func(text string) (bool, error) { asked = text; return true, nil }}
			o.DryRun = true
			free(t, o, 0, ReleaseNotAsked)
			wantOpens(t, srv, all)
			o.DryRun = false
			free(t, o, 0, ReleaseDone)
			samba := temperament.Name == "samba"
			wantOpens(t, srv, "admin.dat of admin on 127.0.0.2, other.dat of plain on 127.0.0.3")
			// Samba ends whole processes, and what is in one is not told: it may go too.
			if !strings.Contains(asked, `\plain.dat`) || strings.Contains(asked, `\admin.dat`) != samba {
				t.Errorf("asked %s", asked)
			}
			if r := Free(t.Context(), o); r.ExitCode() != 1 || !strings.Contains(r.Error.Text, "the server lists none") {
				t.Error(text(r))
			}
			newLabClient(t, srv, "127.0.0.1", "plain").open("here.dat")
			free(t, ReleaseOptions{Endpoint: e, Client: "127.0.0.1"}, 0, ReleaseDone) // with the run's own
			if got := labOpens(srv); strings.Contains(got, "here.dat") || !strings.Contains(got, "other.dat") {
				t.Errorf("open: %s", got)
			}
		})
	}
}

// A client that came back without what it had is stale; one that is there, or
// alone and silent, is not.
func TestReleaseStale(t *testing.T) {
	t.Parallel()
	srv, e := releaseLab(t, lab.Windows())
	durable := newLabClient(t, srv, "127.0.0.4", "plain")
	durable.create(smb.CreateRequest{Name: "durable.dat", Access: access("rw"), OplockLevel: smb.OplockBatch, Contexts: []smb.CreateContext{smb.DurableRequest()}})
	if err := durable.session.Leave(t.Context(), smb.DisconnectFIN, durable.tree, nil); err != nil {
		t.Fatal(err)
	}
	old := newLabClient(t, srv, "127.0.0.2", "plain")
	old.open("stale.dat")
	newLabClient(t, srv, "127.0.0.3", "plain").open("alone.dat")
	waitSilent(t, e, "127.0.0.2", 2)
	newLabClient(t, srv, "127.0.0.2", "plain")
	live := newLabClient(t, srv, "127.0.0.5", "plain")
	live.open("live.dat")

	o := ReleaseOptions{Endpoint: e, Stale: true, DryRun: true}
	r := Free(t.Context(), o)
	var found []string
	for _, a := range r.Release.Actions {
		found = append(found, a.Opens[0].SharePath)
		if a.Detail == "" {
			t.Errorf("not said why %s is stale", a.Opens[0].SharePath)
		}
	}
	if strings.Join(found, " ") != "durable.dat stale.dat" || r.ExitCode() != 0 {
		t.Fatal(text(r))
	}
	below := o
	below.Endpoint.Target.Path = "stale.dat"
	if r := Free(t.Context(), below); len(r.Release.Actions) != 1 {
		t.Error(text(r))
	}

	// While the question is asked the old client gives a sign of life.
	alive := o
	alive.DryRun = false
	alive.Endpoint.Target.Path = "stale.dat"
	alive.Confirm = func(string) (bool, error) { return true, old.session.Echo(context.Background()) }
	r = free(t, alive, 1, ReleaseRefused)
	if !strings.Contains(r.Error.Text, "stale no more") {
		t.Error(text(r))
	}

	o.DryRun = false
	o.Endpoint.Target.Path = "durable.dat"
	free(t, o, 0, ReleaseDone)
	wantOpens(t, srv, "stale.dat of plain on 127.0.0.2, alone.dat of plain on 127.0.0.3, live.dat of plain on 127.0.0.5")
	waitSilent(t, e, "127.0.0.2", 1)
	newLabClient(t, srv, "127.0.0.2", "plain")
	eventually(t, stepTime, func() bool {
		o.Endpoint.Target.Path = "stale.dat"
		r = Free(t.Context(), o)
		return len(r.Release.Actions) == 1
	}, func() string { return text(r) })
	wantOpens(t, srv, "alone.dat of plain on 127.0.0.3, live.dat of plain on 127.0.0.5")
}

// fakeTables is srvsvc of a server whose table a test writes.
type fakeTables struct {
	smb.ServerServiceHandler // what is not asked for
	rows                     []smb.FileInfo
	closed                   []uint32
	onClose                  func(id uint32) smb.Win32Error
}

func (f *fakeTables) Unpaged() bool { return true }

func (f *fakeTables) FileEnum(uint32, string, string) ([]smb.FileInfo, smb.Win32Error) {
	return f.rows, 0
}

func (f *fakeTables) SessionEnum(uint32, string, string) ([]smb.SessionInfo, smb.Win32Error) {
	return nil, 0
}

func (f *fakeTables) FileClose(id uint32) smb.Win32Error {
	f.closed = append(f.closed, id)
	return f.onClose(id)
}

// fakePipe joins a client of srvsvc to a server of it.
type fakePipe struct{ *smb.RPCServer }

func (p fakePipe) Write(_ context.Context, b []byte) error { return p.RPCServer.Write(b) }

func (p fakePipe) Read(_ context.Context, b []byte) (int, error) {
	part, _ := p.RPCServer.Read(len(b))
	return copy(b, part), nil
}

// The id is another open's by the time the question is answered, or several
// opens'; nothing is closed then.
func TestReleaseReusedID(t *testing.T) {
	t.Parallel()
	_, e := releaseLab(t, lab.Windows())
	row := smb.FileInfo{ID: 7, Path: `C:\Shares\share\a.dat`, User: "plain", Permissions: 3}
	other := func(change func(*smb.FileInfo)) []smb.FileInfo {
		changed := row
		change(&changed)
		return []smb.FileInfo{changed}
	}
	for _, test := range []struct {
		name   string
		then   []smb.FileInfo // the table when the question is answered
		done   string
		closed int
		after  []smb.FileInfo // the table after the close
	}{
		{"the same", []smb.FileInfo{row}, ReleaseDone, 1, nil},
		{"more locks", other(func(f *smb.FileInfo) { f.Locks = 2 }), ReleaseDone, 1, nil},
		{"another path", other(func(f *smb.FileInfo) { f.Path = `C:\Shares\share\b.dat` }), ReleaseRefused, 0, nil},
		{"another user", other(func(f *smb.FileInfo) { f.User = "admin" }), ReleaseRefused, 0, nil},
		{"another access", other(func(f *smb.FileInfo) { f.Permissions = 1 }), ReleaseRefused, 0, nil},
		{"several", []smb.FileInfo{row, row}, ReleaseRefused, 0, nil},
		{"gone", nil, ReleaseDone, 0, nil},
		{"taken by another after the close", []smb.FileInfo{row}, ReleaseDone, 1, other(func(f *smb.FileInfo) { f.User = "admin" })},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake := &fakeTables{rows: []smb.FileInfo{row, {ID: 8, Path: row.Path, User: row.User}}}
			fake.onClose = func(uint32) smb.Win32Error { fake.rows = test.after; return 0 }
			r := newRelease(ReleaseOptions{Endpoint: e, Open: "7", Confirm: func(string) (bool, error) { fake.rows = test.then; return true, nil }})
			if failed := r.connect(t.Context()); failed != nil {
				t.Fatal(text(failed))
			}
			defer r.table.observer.leave(t.Context())
			var err error
			if r.table.observer.tables, err = smb.NewServerService(t.Context(), fakePipe{smb.NewServerServiceServer(fake)}, ""); err != nil {
				t.Fatal(err)
			}
			rows, failed := r.choose(t.Context())
			if failed == nil {
				failed = r.closeOpens(t.Context(), rows)
			}
			if failed != nil || len(r.res.Actions) != 1 || r.res.Actions[0].Done != test.done || len(fake.closed) != test.closed {
				t.Errorf("closed %v, %s, %s", fake.closed, text(failed), text(r.res.Actions))
			}
		})
	}
}

// Ids that several opens share are refused at the first listing.
func TestReleaseSharedID(t *testing.T) {
	t.Parallel()
	_, e := releaseLab(t, lab.Samba())
	row := smb.FileInfo{ID: 7, Path: `C:\srv\share\a.dat`, User: "plain"}
	second := row
	second.Path = `C:\srv\share\b.dat`
	fake := &fakeTables{rows: []smb.FileInfo{row, second}}
	r := newRelease(ReleaseOptions{Endpoint: e, Open: "0x7"})
	if failed := r.connect(t.Context()); failed != nil {
		t.Fatal(text(failed))
	}
	defer r.table.observer.leave(t.Context())
	var err error
	if r.table.observer.tables, err = smb.NewServerService(t.Context(), fakePipe{smb.NewServerServiceServer(fake)}, ""); err != nil {
		t.Fatal(err)
	}
	if _, failed := r.choose(t.Context()); failed == nil || !strings.Contains(failed.Text, "would close them all") || len(fake.closed) > 0 {
		t.Errorf("closed %v: %s", fake.closed, text(failed))
	}
}

// What names a client chose does not reach the terminal as it is.
func TestReleaseQuestionIsPlain(t *testing.T) {
	r := newRelease(ReleaseOptions{})
	r.res.Actions = []ReleaseAction{{What: "open", Name: "0x7", Detail: "x\x1b[2J", Opens: []OpenRow{{ID: "0x7", Path: "C:\\a\x1b]0;x\a\u202e", User: "u\r\n"}}}}
	if text := r.describe(); strings.ContainsAny(text, "\x1b\r\a\u202e") || strings.Count(text, "\n") != 2 {
		t.Errorf("%q", text)
	}
}

// A run that is interrupted at the question has done nothing.
func TestReleaseInterrupted(t *testing.T) {
	t.Parallel()
	srv, e := releaseLab(t, lab.Windows())
	newLabClient(t, srv, "127.0.0.2", "plain").open("a.dat")
	ctx, cancel := context.WithCancel(t.Context())
	r := Free(ctx, ReleaseOptions{Endpoint: e, Path: "a.dat", Confirm: func(string) (bool, error) {
		cancel()
		return false, ctx.Err()
	}})
	if r.ExitCode() != 130 || len(r.Release.Actions) != 1 || r.Release.Actions[0].Done != ReleaseNotAsked {
		t.Error(text(r))
	}
	checkReadBack(t, r)
	wantOpens(t, srv, "a.dat of plain on 127.0.0.2")
}

// nt4 keeps what a lost connection left: a machine that crashed.
func TestReleaseMineLab(t *testing.T) {
	t.Parallel()
	srv, e := releaseLab(t, lab.NT4())
	dir := filepath.Join(t.TempDir(), "state")
	e.Credentials = Credentials{User: "plain", Password: "plain"}
	for _, path := range []string{"a.dat", "b.dat"} {
		c, err := e.connect(t.Context(), "share", smb.GUID{})
		if err != nil {
			t.Fatal(err)
		}
		lc := &labClient{t: t, tree: c.tree}
		lc.open(path)
		crashedRecord(t, dir, e, c, path)
		if err := c.session.Leave(t.Context(), smb.DisconnectFIN, c.tree, nil); err != nil {
			t.Fatal(err)
		}
	}
	wantOpens(t, srv, "a.dat of plain on 127.0.0.1, b.dat of plain on 127.0.0.1")
	o := ReleaseOptions{Endpoint: e, Mine: true, StateDir: dir, DryRun: true}
	r := Free(t.Context(), o)
	if r.ExitCode() != 0 || len(r.Release.Actions) != 2 || r.Server != nil {
		t.Error(text(r))
	}
	wantOpens(t, srv, "a.dat of plain on 127.0.0.1, b.dat of plain on 127.0.0.1")
	for _, elsewhere := range []Endpoint{
		{Target: Target{Server: "localhost", Port: e.Target.Port}, Credentials: e.Credentials},
		{Target: Target{Server: e.Target.Server, Port: 1}, Credentials: e.Credentials},
		{Target: e.Target, Credentials: Credentials{User: "admin", Password: "admin"}},
	} {
		o := ReleaseOptions{Endpoint: elsewhere, Mine: true, StateDir: dir}
		r := Free(t.Context(), o)
		if r.ExitCode() != 0 || len(r.Release.Actions) != 0 || len(r.Notes) != 2 || !strings.Contains(r.Notes[0], "of plain on 127.0.0.1") {
			t.Error(text(r))
		}
	}
	o.DryRun = false
	r = Free(t.Context(), o)
	if r.ExitCode() != 0 || len(r.Release.Actions) != 2 || r.Release.Actions[0].Done != ReleaseDone || r.Release.Actions[1].Done != ReleaseDone {
		t.Error(text(r))
	}
	wantOpens(t, srv, "")
	wantRecords(t, dir, 0)
	if r = Free(t.Context(), o); r.ExitCode() != 0 || len(r.Release.Actions) != 0 || r.Verdict.Summary != "There was nothing to end." {
		t.Error(text(r))
	}
}

// Where another holds the file too nothing shows whether the session went: that
// is said, and its record stays. It goes with the next run that finds the file
// free.
func TestReleaseMineStillHeld(t *testing.T) {
	t.Parallel()
	srv, e := releaseLab(t, lab.NT4())
	dir := t.TempDir()
	e.Credentials = Credentials{User: "plain", Password: "plain"}
	shared := smb.CreateRequest{Name: "a.dat", Access: smb.FileReadData, Share: shareAll}
	other := newLabClient(t, srv, "127.0.0.2", "admin").create(shared)
	c, err := e.connect(t.Context(), "share", smb.GUID{})
	if err != nil {
		t.Fatal(err)
	}
	(&labClient{t: t, tree: c.tree}).create(shared)
	crashedRecord(t, dir, e, c, "a.dat")
	if err := c.session.Leave(t.Context(), smb.DisconnectFIN, c.tree, nil); err != nil {
		t.Fatal(err)
	}
	o := ReleaseOptions{Endpoint: e, Mine: true, StateDir: dir}
	r := free(t, o, 0, ReleaseUnproved)
	if !strings.Contains(r.Release.Actions[0].Detail, "its record is kept") {
		t.Error(text(r))
	}
	wantOpens(t, srv, "a.dat of admin on 127.0.0.2")
	wantRecords(t, dir, 1)
	if err := other.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	free(t, o, 0, ReleaseDone)
	wantRecords(t, dir, 0)
}

// A session that is listed afterwards is the one that was to end if it has aged
// as much as the clock; one that is young by then has come back.
func TestReleaseSessionsGone(t *testing.T) {
	at := time.Now()
	listing := func(after time.Duration, opens []OpenRow, ages ...int64) *clientListing {
		l := &clientListing{at: at.Add(after), sure: opens}
		for _, age := range ages {
			l.sessions = append(l.sessions, SessionRow{Client: "c", User: "u", AgeS: &age})
		}
		return l
	}
	open := []OpenRow{{ID: "0x7"}}
	for _, test := range []struct {
		before, now   *clientListing
		gone, unclear bool
	}{
		{listing(0, nil, 100), listing(0, nil), true, false},
		{listing(0, nil, 100), listing(0, nil, 100), false, false},
		{listing(0, nil, 100), listing(4*time.Second, nil, 103), false, false},
		{listing(0, nil, 100), listing(4*time.Second, nil, 3), true, false},
		{listing(0, nil, 100, 200), listing(time.Second, nil, 0, 201), false, false},
		{listing(0, nil, 0), listing(0, nil, 0), false, true},
		{listing(0, nil, 1), listing(5*time.Second, nil, 6), false, true},
		{listing(0, nil, 1, 300), listing(5*time.Second, nil, 6, 305), false, false},
		{listing(0, open, 100), listing(0, open), false, false},
		{listing(0, open, 100), listing(0, nil, 0), true, false},
		{listing(0, nil, 0), &clientListing{at: at, sessions: []SessionRow{{User: "u"}}}, false, true},
	} {
		if gone, unclear := test.before.haveGone(test.now); gone != test.gone || unclear != test.unclear {
			t.Errorf("%s then %s: gone %v, unclear %v", text(test.before.sessions), text(test.now.sessions), gone, unclear)
		}
	}
}

// A client that opens more while the question is asked is at work.
func TestReleaseSessionAtWork(t *testing.T) {
	t.Parallel()
	srv, e := releaseLab(t, lab.Windows())
	c := newLabClient(t, srv, "127.0.0.2", "plain")
	c.open("a.dat")
	o := ReleaseOptions{Endpoint: e, Client: "127.0.0.2", Confirm: func(string) (bool, error) { c.open("b.dat"); return true, nil }}
	r := free(t, o, 1, ReleaseRefused)
	if !strings.Contains(r.Error.Text, "at work") {
		t.Error(text(r))
	}
	wantOpens(t, srv, "a.dat of plain on 127.0.0.2, b.dat of plain on 127.0.0.2")
	o.Confirm = func(string) (bool, error) { return true, c.session.LogOff(context.Background()) }
	free(t, o, 0, ReleaseDone)
}

// waitSilent waits until the table, which counts in seconds, shows a client's
// session that has something open as silent for so many.
func waitSilent(t *testing.T, e Endpoint, client string, seconds int64) {
	t.Helper()
	var r *Report
	eventually(t, stepTime, func() bool {
		r = Table(t.Context(), TableOptions{Endpoint: e, Client: client})
		return r.Table != nil && slices.ContainsFunc(r.Table.Sessions, func(s SessionRow) bool {
			return s.Opens != nil && *s.Opens > 0 && s.IdleS != nil && *s.IdleS >= seconds
		})
	}, func() string { return text(r) })
}
