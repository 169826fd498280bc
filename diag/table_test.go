package diag

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"err32/smb"
	"err32/smb/smbdtest"
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

func TestTable(t *testing.T) {
	t.Parallel()
	srv := serve(t, smbdtest.Config{})
	folder(t, srv, "Some Folder", "deeper")
	for _, name := range []string{"plain.txt", "admin.txt", "Some Folder/deeper/ö 日本.txt", "Some Folder/two.txt", "Some Folderlike.txt"} {
		writeFile(t, srv, name)
	}
	open := func(session *smb.Session, share, name string, mask smb.AccessMask) *smb.Open {
		return openFile(t, session, share, smb.CreateRequest{
			Name: name, Access: mask, Share: smb.ShareRead | smb.ShareWrite | smb.ShareDelete, Disposition: smb.OpenIf,
		})
	}
	plain := logOnFrom(t, srv, "127.0.0.2", srv.PlainUser, srv.PlainPassword)
	locked := open(plain, srv.Share, "plain.txt", smb.FileReadData|smb.FileWriteData)
	lock := smb.LockElement{Offset: 0, Length: 1, Flags: smb.LockExclusive | smb.LockFailImmediately}
	if err := locked.Lock(t.Context(), lock); err != nil {
		t.Fatal(err)
	}
	open(plain, srv.Share, `Some Folder\deeper\ö 日本.txt`, smb.FileReadData)
	open(plain, srv.Share, `Some Folderlike.txt`, smb.FileWriteData)
	open(plain, srv.Hidden, "in hidden.txt", smb.FileReadAttributes)
	admin := logOnFrom(t, srv, "127.0.0.3", srv.User, srv.Password)
	open(admin, srv.Share, "admin.txt", smb.FileReadData)
	open(admin, srv.Share, `Some Folder\two.txt`, smb.Delete)

	all := TableOptions{Endpoint: endpointOf(srv, "")}
	all.Endpoint.Target.Share = ""
	r := readTable(t, all)
	if len(r.Table.Opens) != 6 || len(r.Table.Sessions) != 3 {
		t.Fatalf("%d opens, %d sessions: %s", len(r.Table.Opens), len(r.Table.Sessions), text(r.Table))
	}
	for _, want := range []OpenRow{
		{Share: srv.Share, SharePath: "plain.txt", User: srv.PlainUser, Access: []string{"read", "write"}, Locks: 1, Client: "127.0.0.2", ClientBasis: BasisOnlySession},
		{Share: srv.Share, SharePath: `Some Folder\deeper\ö 日本.txt`, User: srv.PlainUser, Access: []string{"read"}, Client: "127.0.0.2", ClientBasis: BasisOnlySession},
		{Share: srv.Share, SharePath: "Some Folderlike.txt", User: srv.PlainUser, Access: []string{"write"}, Client: "127.0.0.2", ClientBasis: BasisOnlySession},
		{Share: srv.Hidden, SharePath: "in hidden.txt", User: srv.PlainUser, Access: []string{}, Client: "127.0.0.2", ClientBasis: BasisOnlySession},
		// The tool's own session, of the same user, has nothing open.
		{Share: srv.Share, SharePath: "admin.txt", User: srv.User, Access: []string{"read"}, Client: "127.0.0.3", ClientBasis: BasisOnlySession},
		{Share: srv.Share, SharePath: `Some Folder\two.txt`, User: srv.User, Access: []string{}, Client: "127.0.0.3", ClientBasis: BasisOnlySession},
	} {
		got := rowOf(t, r, want.SharePath)
		want.ID, want.Path, want.Candidates = got.ID, got.Path, []string{} // compared with the server's tools
		if text(got) != text(want) {
			t.Errorf("row %s, want %s", text(got), text(want))
		}
	}
	checkTableAgainstSamba(t, srv, r.Table.Opens)
	checkSessions(t, srv, r.Table.Sessions)
	for _, c := range r.Table.Connections {
		if c.Share != srv.Share && c.Share != srv.Hidden || c.ID != "" || c.User != "" || c.AgeS != nil {
			t.Errorf("connection %s: Samba knows none of this", text(c))
		}
	}

	testTableFilters(t, srv, all)

	// A second client of the same user makes it one of two.
	logOnFrom(t, srv, "127.0.0.4", srv.PlainUser, srv.PlainPassword)
	row := rowOf(t, readTable(t, all), "plain.txt")
	slices.Sort(row.Candidates)
	if row.ClientBasis != BasisOneOf || row.Client != "" || !slices.Equal(row.Candidates, []string{"127.0.0.2", "127.0.0.4"}) {
		t.Errorf("row %s, want one of two clients", text(row))
	}
	byCandidate := all
	byCandidate.Client = "127.0.0.4"
	if n := len(readTable(t, byCandidate).Table.Opens); n != 4 {
		t.Errorf("%d opens may be of the second client, want 4", n)
	}

	// A young session of the tool's user from the tool's address cannot be told from its own.
	logOnFrom(t, srv, "127.0.0.1", srv.User, srv.Password)
	r = readTable(t, all)
	if slices.ContainsFunc(r.Table.Sessions, func(s SessionRow) bool { return s.Own }) ||
		!slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "could not be told which") }) {
		t.Errorf("sessions %s, notes %q: its own cannot be known", text(r.Table.Sessions), r.Notes)
	}
	row = rowOf(t, r, "admin.txt")
	slices.Sort(row.Candidates)
	if row.ClientBasis != BasisOneOf || !slices.Equal(row.Candidates, []string{"127.0.0.1", "127.0.0.3"}) {
		t.Errorf("row %s, want one of two clients", text(row))
	}
}

// checkTableAgainstSamba compares the opens with smbstatus and rpcclient.
func checkTableAgainstSamba(t *testing.T, srv *smbdtest.Server, rows []OpenRow) {
	t.Helper()
	var got, want []string
	for _, row := range rows {
		got = append(got, row.ID+" "+row.Path)
	}
	for _, opens := range srv.Status(t).Opens {
		for _, o := range opens {
			path := `C:` + strings.ReplaceAll(filepath.Join(o.Dir, o.Path), "/", `\`)
			want = append(want, fmt.Sprintf("0x%X %s", uint32(o.Pid)<<16|o.ShareFileID, path))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("rows %q, smbstatus has %q", got, want)
	}
	var paths []string
	for _, row := range rows {
		paths = append(paths, row.Path)
	}
	if slices.Sort(paths); !slices.Equal(paths, netFileEnum(t, srv)) {
		t.Errorf("paths %q, rpcclient has %q", paths, netFileEnum(t, srv))
	}
}

// netFileEnum is what rpcclient's command of that name lists: the paths.
func netFileEnum(t *testing.T, srv *smbdtest.Server) []string {
	t.Helper()
	rpcclient, err := exec.LookPath("rpcclient")
	if err != nil {
		t.Skip("rpcclient is not installed (Debian: apt-get install smbclient)")
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

func checkSessions(t *testing.T, srv *smbdtest.Server, rows []SessionRow) {
	t.Helper()
	var got []string
	for _, s := range rows {
		if s.Opens == nil || s.AgeS == nil || *s.AgeS < 0 || *s.AgeS > 120 || s.IdleS != nil {
			t.Errorf("session %s: Samba knows opens and age, and no idle time", text(s))
			continue
		}
		got = append(got, fmt.Sprintf("%s %s %d own=%t", s.Client, s.User, *s.Opens, s.Own))
	}
	want := []string{
		"127.0.0.1 " + srv.User + " 0 own=true",
		"127.0.0.2 " + srv.PlainUser + " 4 own=false",
		"127.0.0.3 " + srv.User + " 2 own=false",
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("sessions %q, want %q", got, want)
	}
}

func testTableFilters(t *testing.T, srv *smbdtest.Server, all TableOptions) {
	t.Helper()
	for _, test := range []struct {
		name     string
		set      func(*TableOptions)
		opens    []string // share paths
		sessions int
	}{
		{"user", func(o *TableOptions) { o.User = strings.ToUpper(srv.PlainUser) }, []string{`Some Folder\deeper\ö 日本.txt`, "Some Folderlike.txt", "in hidden.txt", "plain.txt"}, 1},
		{"no such user", func(o *TableOptions) { o.User = "root2" }, nil, 0},
		{"client", func(o *TableOptions) { o.Client = "127.0.0.3" }, []string{`Some Folder\two.txt`, "admin.txt"}, 1},
		{"part of a path", func(o *TableOptions) { o.Path = "TXT" }, []string{`Some Folder\deeper\ö 日本.txt`, `Some Folder\two.txt`, "Some Folderlike.txt", "admin.txt", "in hidden.txt", "plain.txt"}, 3},
		{"path with slashes", func(o *TableOptions) { o.Path = "folder/deeper/Ö" }, []string{`Some Folder\deeper\ö 日本.txt`}, 3},
		{"path from the share on", func(o *TableOptions) { o.Path = `share\plain` }, []string{"plain.txt"}, 3},
		{"share", func(o *TableOptions) { o.Endpoint.Target.Share = "HIDDEN$" }, []string{"in hidden.txt"}, 3},
		{"folder", func(o *TableOptions) {
			o.Endpoint.Target.Share, o.Endpoint.Target.Path = srv.Share, "some folder"
		}, []string{`Some Folder\deeper\ö 日本.txt`, `Some Folder\two.txt`}, 3},
		{"file", func(o *TableOptions) {
			o.Endpoint.Target.Share, o.Endpoint.Target.Path = srv.Share, `Some Folder\TWO.txt`
		}, []string{`Some Folder\two.txt`}, 3},
		{"all at once", func(o *TableOptions) { o.User, o.Client, o.Path = srv.PlainUser, "127.0.0.2", "hidden" }, []string{"in hidden.txt"}, 1},
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
	srv := serve(t, smbdtest.Config{})
	none := serve(t, smbdtest.Config{NoAdmin: true})
	for name, e := range map[string]Endpoint{"plain user": plainEndpointOf(srv, ""), "no mapping": endpointOf(none, "")} {
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
	srv := serve(t, smbdtest.Config{})
	for name, set := range map[string]func(*Endpoint){
		"STATUS_LOGON_FAILURE": func(e *Endpoint) { e.Credentials.Password = "wrong" },
		"":                     func(e *Endpoint) { e.Target.Port = closedPort(t) },
	} {
		e := endpointOf(srv, "")
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
	srv := serve(t, smbdtest.Config{})
	writeFile(t, srv, "held")
	openFile(t, logOnFrom(t, srv, "127.0.0.2", srv.User, srv.Password), srv.Share, smb.CreateRequest{
		Name: "held", Access: smb.FileReadData, Disposition: smb.OpenFile,
	})
	for _, cut := range []bool{false, true} {
		w := newWire(t, srv.Addr)
		e := endpointOf(srv, "")
		e.Target.Port = portOf(t, w.listener)
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
				if len(r.Table.Opens) != 1 {
					t.Errorf("cut %t at message %d: %s", cut, n, text(r))
				}
			}
		}
		if n < 15 {
			t.Errorf("only %d messages", n-1)
		}
	}
}
