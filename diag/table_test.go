package diag

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"err32/smb"
)

// rowOf returns the one row of a file.
func rowOf(t *testing.T, r *Report, sharePath string) OpenRow {
	t.Helper()
	var found []OpenRow
	for _, row := range r.Table.Opens {
		if row.SharePath == sharePath {
			found = append(found, row)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d rows of %s: %s", len(found), sharePath, text(r.Table.Opens))
	}
	return found[0]
}

func readTable(t *testing.T, o TableOptions) *Report {
	t.Helper()
	r := Table(t.Context(), o)
	if r.ExitCode() != 0 || r.Table == nil {
		t.Fatal(text(r))
	}
	return r
}

// tableHabits is what servers' tables tell differently.
type tableHabits struct {
	byClient    bool // the opens of one client are listed when asked for
	pipes       bool // the tool's own pipes are listed as opens, and counted
	idle        bool // how long a session has been idle is known
	connections bool // the id, user and age of a connection are known
	why         string
}

var sambaTable = tableHabits{why: "Samba lists no pipes, compares `\\\\client` with users' names, and makes up the idle time and all of a connection but its number of opens"}

var tablesOf = map[serverKind]tableHabits{
	onSmbd:  sambaTable,
	onSamba: sambaTable,
	onWindows: {byClient: true, pipes: true, idle: true, connections: true,
		why: "the documents of Windows: pipes are opens like others, and a UserName that begins with `\\\\` names a client"},
	onNT4: {pipes: true, idle: true, connections: true,
		why: "as windows, but for the filter by client, which came with Windows 7"},
}

// basis is how a row's client is known where its user has one session.
func (h tableHabits) basis() string {
	if h.byClient {
		return BasisExact
	}
	return BasisOnlySession
}

// ofOthers are the opens that are not the tool's own.
func ofOthers(rows []OpenRow) []OpenRow {
	return slices.DeleteFunc(slices.Clone(rows), func(r OpenRow) bool { return r.Own })
}

func TestTable(t *testing.T) {
	t.Parallel()
	eachServer(t, everyServer, serverConfig{}, testTable)
}

func testTable(t *testing.T, srv *testServer) {
	habits := tablesOf[srv.is]
	basis := habits.basis()
	srv.folder(t, "Some Folder", "deeper")
	srv.writeFiles(t, "plain.txt", "admin.txt", "Some Folder/deeper/ö 日本.txt", "Some Folder/two.txt", "Some Folderlike.txt")
	open := func(session *smb.Session, share, name string, mask smb.AccessMask) *smb.Open {
		return openFile(t, session, share, smb.CreateRequest{
			Name: name, Access: mask, Share: smb.ShareRead | smb.ShareWrite | smb.ShareDelete, Disposition: smb.OpenIf,
		})
	}
	plain := srv.logOnFrom(t, "127.0.0.2", srv.plainUser, srv.plainPassword)
	locked := open(plain, srv.share, "plain.txt", smb.FileReadData|smb.FileWriteData)
	lock := smb.LockElement{Offset: 0, Length: 1, Flags: smb.LockExclusive | smb.LockFailImmediately}
	if err := locked.Lock(t.Context(), lock); err != nil {
		t.Fatal(err)
	}
	open(plain, srv.share, `Some Folder\deeper\ö 日本.txt`, smb.FileReadData)
	open(plain, srv.share, `Some Folderlike.txt`, smb.FileWriteData)
	open(plain, srv.hidden, "in hidden.txt", smb.FileReadAttributes)
	admin := srv.logOnFrom(t, "127.0.0.3", srv.user, srv.password)
	open(admin, srv.share, "admin.txt", smb.FileReadData)
	open(admin, srv.share, `Some Folder\two.txt`, smb.Delete)

	all := TableOptions{Endpoint: srv.endpoint("")}
	all.Endpoint.Target.Share = ""
	r := readTable(t, all)
	// The second of the tool's pipes may be opened while the first lists the opens.
	others := ofOthers(r.Table.Opens)
	if own := len(r.Table.Opens) - len(others); len(others) != 6 || (own > 0) != habits.pipes || own > ownPipes || len(r.Table.Sessions) != 3 {
		t.Fatalf("%d opens, %d sessions: %s", len(r.Table.Opens), len(r.Table.Sessions), text(r.Table))
	}
	for _, want := range []OpenRow{
		{Share: srv.share, SharePath: "plain.txt", User: srv.plainUser, Access: []string{"read", "write"}, Locks: 1, Client: "127.0.0.2", ClientBasis: basis},
		{Share: srv.share, SharePath: `Some Folder\deeper\ö 日本.txt`, User: srv.plainUser, Access: []string{"read"}, Client: "127.0.0.2", ClientBasis: basis},
		{Share: srv.share, SharePath: "Some Folderlike.txt", User: srv.plainUser, Access: []string{"write"}, Client: "127.0.0.2", ClientBasis: basis},
		{Share: srv.hidden, SharePath: "in hidden.txt", User: srv.plainUser, Access: []string{}, Client: "127.0.0.2", ClientBasis: basis},
		// The tool's own session, of the same user, has nothing open.
		{Share: srv.share, SharePath: "admin.txt", User: srv.user, Access: []string{"read"}, Client: "127.0.0.3", ClientBasis: basis},
		{Share: srv.share, SharePath: `Some Folder\two.txt`, User: srv.user, Access: []string{}, Client: "127.0.0.3", ClientBasis: basis},
	} {
		got := rowOf(t, r, want.SharePath)
		want.ID, want.Path, want.Candidates = got.ID, got.Path, []string{} // compared with the server's tools
		if text(got) != text(want) {
			t.Errorf("row %s, want %s", text(got), text(want))
		}
	}
	checkTableRows(t, srv, others)
	checkSessions(t, srv, habits, r.Table.Sessions)
	checkConnections(t, srv, habits, r.Table.Connections)

	testTableFilters(t, srv, all)

	// A second client of the same user makes it one of two, unless the server tells them apart.
	srv.logOnFrom(t, "127.0.0.4", srv.plainUser, srv.plainPassword)
	checkTwoClients(t, habits, rowOf(t, readTable(t, all), "plain.txt"), "127.0.0.2", "127.0.0.4")
	byCandidate := all
	byCandidate.Client = "127.0.0.4"
	possible := 4
	if habits.byClient {
		possible = 0
	}
	if n := len(readTable(t, byCandidate).Table.Opens); n != possible {
		t.Errorf("%d opens may be of the second client, want %d: %s", n, possible, habits.why)
	}

	// A young session of the tool's user from the tool's address cannot be told from its own.
	srv.logOnFrom(t, "127.0.0.1", srv.user, srv.password)
	r = readTable(t, all)
	if slices.ContainsFunc(r.Table.Sessions, func(s SessionRow) bool { return s.Own }) ||
		!slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "could not be told which") }) {
		t.Errorf("sessions %s, notes %q: its own cannot be known", text(r.Table.Sessions), r.Notes)
	}
	checkTwoClients(t, habits, rowOf(t, r, "admin.txt"), "127.0.0.3", "127.0.0.1")
}

// checkTwoClients: the open is the first's of two clients of its user.
func checkTwoClients(t *testing.T, habits tableHabits, row OpenRow, first, second string) {
	t.Helper()
	if habits.byClient {
		if row.ClientBasis != BasisExact || row.Client != first {
			t.Errorf("row %s, want %s: %s", text(row), first, habits.why)
		}
		return
	}
	want := []string{first, second}
	slices.Sort(want)
	slices.Sort(row.Candidates)
	if row.ClientBasis != BasisOneOf || row.Client != "" || !slices.Equal(row.Candidates, want) {
		t.Errorf("row %s, want one of %q: %s", text(row), want, habits.why)
	}
}

// checkTableRows compares the opens with what the server has, and smbd's with
// rpcclient.
func checkTableRows(t *testing.T, srv *testServer, rows []OpenRow) {
	t.Helper()
	var got, want, paths []string
	for _, row := range rows {
		got = append(got, row.ID+" "+row.Path)
		paths = append(paths, row.Path)
	}
	for _, o := range srv.opens(t) {
		want = append(want, o.ID+" "+o.Local)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("rows %q, the server has %q", got, want)
	}
	if smbd, ok := srv.backstage.(smbdServer); ok {
		slices.Sort(paths)
		if listed := netFileEnum(t, smbd); !slices.Equal(paths, listed) {
			t.Errorf("paths %q, rpcclient has %q", paths, listed)
		}
	}
}

// netFileEnum is what rpcclient's command of that name lists: the paths.
func netFileEnum(t *testing.T, srv smbdServer) []string {
	t.Helper()
	rpcclient, err := exec.LookPath("rpcclient")
	if err != nil {
		t.Skip("smbd is installed without rpcclient (Debian: apt-get install smbclient)")
	}
	out, err := exec.Command(rpcclient, "--configfile="+srv.Conf, "--port="+strconv.Itoa(srv.Port),
		"--user="+srv.User+"%"+srv.Password, "127.0.0.1", "--command=netfileenum").Output()
	if err != nil {
		t.Fatalf("rpcclient: %v\n%s", err, out)
	}
	paths := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(paths)
	return paths
}

func checkSessions(t *testing.T, srv *testServer, habits tableHabits, rows []SessionRow) {
	t.Helper()
	var got []string
	for _, s := range rows {
		if s.Opens == nil || s.AgeS == nil || *s.AgeS < 0 || *s.AgeS > 120 || (s.IdleS != nil) != habits.idle || habits.idle && *s.IdleS > *s.AgeS {
			t.Errorf("session %s: %s", text(s), habits.why)
			continue
		}
		got = append(got, fmt.Sprintf("%s %s %d own=%t", s.Client, s.User, *s.Opens, s.Own))
	}
	own := 0
	if habits.pipes {
		own = ownPipes
	}
	want := []string{
		fmt.Sprintf("127.0.0.1 %s %d own=true", srv.user, own),
		"127.0.0.2 " + srv.plainUser + " 4 own=false",
		"127.0.0.3 " + srv.user + " 2 own=false",
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("sessions %q, want %q", got, want)
	}
}

// checkConnections: the plain user is connected four times and the
// administrator twice, once for each open.
func checkConnections(t *testing.T, srv *testServer, habits tableHabits, rows []ConnectionRow) {
	t.Helper()
	if len(rows) != 6 {
		t.Errorf("%d connections, want 6: %s", len(rows), text(rows))
	}
	for _, c := range rows {
		known := c.ID != "" && (c.User == srv.user || c.User == srv.plainUser) && c.AgeS != nil && c.Opens == 1
		unknown := c.ID == "" && c.User == "" && c.AgeS == nil
		if c.Share != srv.share && c.Share != srv.hidden || habits.connections && !known || !habits.connections && !unknown {
			t.Errorf("connection %s: %s", text(c), habits.why)
		}
	}
}

func testTableFilters(t *testing.T, srv *testServer, all TableOptions) {
	t.Helper()
	for _, test := range []struct {
		name     string
		set      func(*TableOptions)
		opens    []string // share paths
		sessions int
	}{
		{"user", func(o *TableOptions) { o.User = strings.ToUpper(srv.plainUser) }, []string{`Some Folder\deeper\ö 日本.txt`, "Some Folderlike.txt", "in hidden.txt", "plain.txt"}, 1},
		{"no such user", func(o *TableOptions) { o.User = "root2" }, nil, 0},
		{"client", func(o *TableOptions) { o.Client = "127.0.0.3" }, []string{`Some Folder\two.txt`, "admin.txt"}, 1},
		{"part of a path", func(o *TableOptions) { o.Path = "TXT" }, []string{`Some Folder\deeper\ö 日本.txt`, `Some Folder\two.txt`, "Some Folderlike.txt", "admin.txt", "in hidden.txt", "plain.txt"}, 3},
		{"path with slashes", func(o *TableOptions) { o.Path = "folder/deeper/Ö" }, []string{`Some Folder\deeper\ö 日本.txt`}, 3},
		{"path from the share on", func(o *TableOptions) { o.Path = `share\plain` }, []string{"plain.txt"}, 3},
		{"share", func(o *TableOptions) { o.Endpoint.Target.Share = "HIDDEN$" }, []string{"in hidden.txt"}, 3},
		{"folder", func(o *TableOptions) {
			o.Endpoint.Target.Share, o.Endpoint.Target.Path = srv.share, "some folder"
		}, []string{`Some Folder\deeper\ö 日本.txt`, `Some Folder\two.txt`}, 3},
		{"file", func(o *TableOptions) {
			o.Endpoint.Target.Share, o.Endpoint.Target.Path = srv.share, `Some Folder\TWO.txt`
		}, []string{`Some Folder\two.txt`}, 3},
		{"all at once", func(o *TableOptions) { o.User, o.Client, o.Path = srv.plainUser, "127.0.0.2", "hidden" }, []string{"in hidden.txt"}, 1},
	} {
		o := all
		test.set(&o)
		r := readTable(t, o)
		var got []string
		for _, row := range r.Table.Opens {
			got = append(got, row.SharePath)
		}
		if slices.Sort(got); !slices.Equal(got, test.opens) || len(r.Table.Sessions) != test.sessions {
			t.Errorf("%s: opens %q, %d sessions; want %q, %d", test.name, got, len(r.Table.Sessions), test.opens, test.sessions)
		}
	}
}

// Without the right to read the tables there is no result but why, and how to
// change it.
func TestTableNoRights(t *testing.T) {
	t.Parallel()
	together(t, bothServers, func(k serverKind) string { return string(k) }, func(t *testing.T, k serverKind) {
		testTableNoRights(t, serve(t, k, serverConfig{}), serve(t, k, serverConfig{noAdmin: true}))
	})
}

func testTableNoRights(t *testing.T, srv, none *testServer) {
	for name, e := range map[string]Endpoint{"plain user": srv.plainEndpoint(""), "no mapping": none.endpoint("")} {
		r := Table(t.Context(), TableOptions{Endpoint: e})
		checkFailed(t, r)
		if r.Table != nil || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "net groupmap add sid=S-1-5-32-544 ntgroup=Administrators unixgroup=GROUP type=builtin") {
			t.Errorf("%s: %s", name, text(r))
		}
	}
	checkNothingLeft(t, srv)
	checkNothingLeft(t, none)
}

func TestTableCannot(t *testing.T) {
	t.Parallel()
	eachServer(t, bothServers, serverConfig{}, testTableCannot)
}

func testTableCannot(t *testing.T, srv *testServer) {
	for name, set := range map[string]func(*Endpoint){
		"STATUS_LOGON_FAILURE": func(e *Endpoint) { e.Credentials.Password = "wrong" },
		"":                     func(e *Endpoint) { e.Target.Port = closedPort(t) },
	} {
		e := srv.endpoint("")
		set(&e)
		r := Table(t.Context(), TableOptions{Endpoint: e})
		checkFailed(t, r)
		if r.Error != nil && r.Error.StatusName != name {
			t.Errorf("error %s, want %s", text(r.Error), name)
		}
	}
	checkNothingLeft(t, srv)
}

// Ctrl-C, and a lost connection, at each message of a listing.
func TestTableAtEveryMessage(t *testing.T) {
	t.Parallel()
	eachServer(t, bothServers, serverConfig{}, testTableAtEveryMessage)
}

func testTableAtEveryMessage(t *testing.T, srv *testServer) {
	srv.writeFiles(t, "held")
	openFile(t, srv.logOnFrom(t, "127.0.0.2", srv.user, srv.password), srv.share, smb.CreateRequest{
		Name: "held", Access: smb.FileReadData, Disposition: smb.OpenFile,
	})
	for _, cut := range []bool{false, true} {
		w := newWire(t, srv.addr)
		e := srv.endpoint("")
		e.Target.Port = portOf(t, w.addr())
		n := 1
		for happened := true; happened; n++ {
			ctx, interrupt := context.WithCancel(t.Context())
			w.arm(n, func() bool {
				if !cut {
					interrupt()
				}
				return !cut
			})
			r := Table(ctx, TableOptions{Endpoint: e})
			interrupt()
			var took time.Duration
			if took, happened = w.since(); happened && took > 2*time.Second {
				t.Errorf("cut %t at message %d: ended %v later", cut, n, took)
			}
			switch {
			case r.Interrupted:
				if cut || r.ExitCode() != 130 {
					t.Errorf("cut %t at message %d: %s", cut, n, text(r))
				}
			case r.Error != nil:
				checkFailed(t, r)
			default:
				if len(ofOthers(r.Table.Opens)) != 1 {
					t.Errorf("cut %t at message %d: %s", cut, n, text(r))
				}
			}
		}
		if n < 15 {
			t.Errorf("only %d messages", n-1)
		}
	}
}
