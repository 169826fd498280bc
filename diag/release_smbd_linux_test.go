package diag

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"err32/smb"
	"err32/smb/smbdtest"
)

// TestRelease is all that one smbd with Samba's defaults is enough for: it
// never finds out that a client has vanished.
func TestRelease(t *testing.T) {
	t.Parallel()
	srv := smbdtest.Start(t, smbdtest.Config{})
	type part struct {
		name string
		test func(*testing.T, *smbdtest.Server)
	}
	parts := []part{
		{"open", testReleaseOpen},
		{"open of smbclient", testReleaseSmbclient},
		{"refused", testReleaseRefused},
		{"previous session", testReleasePrevious},
		{"previous session of another user", testReleasePreviousOther},
		{"previous session that is none", testReleasePreviousNone},
		{"stale", testReleaseStaleSamba},
		{"session", testReleaseSession},
		{"without rights", testReleaseNoTable},
	}
	together(t, parts, func(p part) string { return p.name }, func(t *testing.T, p part) { p.test(t, srv) })
	waitNoSessions(t, srv)
}

func testReleaseOpen(t *testing.T, srv *smbdtest.Server) {
	e := endpointOf(srv, "")
	for _, kind := range []smb.DisconnectKind{smb.DisconnectVanish, smb.DisconnectFreeze} {
		t.Run(kind.String(), func(t *testing.T) {
			path := "open-" + kind.String() + ".dat"
			writeFile(t, srv, path)
			writeFile(t, srv, "other-"+path)
			holdSilently(t, e, path, kind)
			holdSilently(t, e, "other-"+path, kind)
			id := idOf(t, e, path)
			wantHeld(t, e, path) // the dry run has done nothing

			begin := time.Now()
			r := free(t, ReleaseOptions{Endpoint: e, Open: id}, 0, ReleaseDone)
			wantFree(t, e, path)
			if took := time.Since(begin); took > time.Second {
				t.Errorf("it took %v until the next open was let in", took)
			}
			if row := r.Release.Actions[0].Opens[0]; row.SharePath != path || row.User != srv.User {
				t.Errorf("ended %s", text(row))
			}
			wantHeld(t, e, "other-"+path)

			// The id is one that was.
			r = Free(t.Context(), ReleaseOptions{Endpoint: e, Open: id})
			if r.ExitCode() != 1 || len(r.Release.Actions) != 0 || !strings.Contains(r.Error.Text, "lists no such open") {
				t.Error(text(r))
			}
			wantHeld(t, e, "other-"+path)
			free(t, releasePath(e, "other-"+path), 0, ReleaseDone)
		})
	}
}

// A stock client that is stopped with a file open.
func testReleaseSmbclient(t *testing.T, srv *smbdtest.Server) {
	smbclient, err := exec.LookPath("smbclient")
	if err != nil {
		if os.Getenv("ERR32_REQUIRE_SAMBA") == "1" {
			t.Fatal(err)
		}
		t.Skip("smbd is installed without smbclient")
	}
	e := endpointOf(srv, "")
	const path = "smbclient.dat"
	writeFile(t, srv, path)
	cmd := exec.Command(smbclient, "--configfile="+srv.Conf, "--port="+strconv.Itoa(srv.Port), "--user="+srv.PlainUser+"%"+srv.PlainPassword, "//127.0.0.1/"+srv.Share)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() // also one that is stopped
		cmd.Wait()
	})
	if _, err := io.WriteString(in, "open "+path+"\n"); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() bool { return len(srv.Status(t).Opens[path]) == 1 }, func() string { return "smbclient has not opened it: " + out.String() })
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	wantHeld(t, e, path)
	r := free(t, releasePath(e, path), 0, ReleaseDone)
	wantFree(t, e, path)
	if row := r.Release.Actions[0].Opens[0]; row.User != srv.PlainUser {
		t.Error(text(row))
	}
}

func testReleaseRefused(t *testing.T, srv *smbdtest.Server) {
	e := endpointOf(srv, "")
	dir := folder(t, srv, "refused")
	writeFile(t, srv, "refused/twice.dat")
	session := logOnFrom(t, srv, "127.0.0.3", srv.PlainUser, srv.PlainPassword)
	request := smb.CreateRequest{Name: dir + `\twice.dat`, Access: smb.FileReadData, Share: shareAll, Disposition: smb.OpenFile}
	openFile(t, session, srv.Share, request)
	openFile(t, session, srv.Share, request)

	r := free(t, releasePath(e, "refused/TWICE.dat"), 1, ReleaseRefused)
	if len(r.Release.Actions[0].Opens) != 2 || !strings.Contains(r.Error.Text, "2 opens match") {
		t.Error(text(r))
	}
	id := r.Release.Actions[0].Opens[0].ID
	elsewhere := e
	elsewhere.Target.Share = srv.Hidden
	r = free(t, ReleaseOptions{Endpoint: elsewhere, Open: id}, 1, ReleaseRefused)
	if !strings.Contains(r.Error.Text, "is not below") {
		t.Error(text(r))
	}
	noShare := e
	noShare.Target.Share = "no such share"
	if r := Free(t.Context(), ReleaseOptions{Endpoint: noShare, Open: id}); r.ExitCode() != 1 || r.Error.StatusName != "STATUS_BAD_NETWORK_NAME" {
		t.Error(text(r))
	}
	for _, o := range []ReleaseOptions{
		{Open: "0x1"}, {Path: "refused/none.dat"}, {Path: "twice.dat"}, {Path: srv.Hidden + "/refused/twice.dat"},
		{Client: "127.0.0.99"}, {Client: "127.0.0.3", User: srv.User},
	} {
		o.Endpoint = e
		r := Free(t.Context(), o)
		if r.ExitCode() != 1 || len(r.Release.Actions) != 0 || !strings.Contains(r.Error.Text, "nothing was ended") {
			t.Errorf("%+v: %s", o, text(r))
		}
	}
	declined := releasePath(e, `refused\twice.dat`)
	declined.Path, declined.Open = "", id
	asked := ""
	declined.Confirm = func(text string) (bool, error) { asked = text; return false, nil }
	free(t, declined, 0, ReleaseDeclined)
	if !strings.Contains(asked, id+"  "+`C:`+strings.ReplaceAll(srv.Dir, "/", `\`)+`\refused\twice.dat  user `+srv.PlainUser+", client ") {
		t.Errorf("asked %q", asked)
	}
	declined.Confirm = func(text string) (bool, error) { return false, errors.New("no") }
	if r := Free(t.Context(), declined); r.ExitCode() != 1 || r.Release.Actions[0].Done != ReleaseNotAsked {
		t.Error(text(r))
	}
	if n := len(opensIn(t, srv, "refused")["refused/twice.dat"]); n != 2 {
		t.Errorf("%d opens are left of 2", n)
	}
}

func testReleasePrevious(t *testing.T, srv *smbdtest.Server) {
	plain := plainEndpointOf(srv, "")
	for _, test := range []struct {
		name, done string
		user       Endpoint
		withPath   bool
	}{
		{"plain, file", ReleaseDone, plain, true},
		{"plain", ReleaseUnproved, plain, false},
		{"table, file", ReleaseDone, endpointOf(srv, ""), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := "previous-" + strings.ReplaceAll(test.name, ", ", "-") + ".dat"
			writeFile(t, srv, path)
			id := holdSilently(t, test.user, path, smb.DisconnectFreeze)
			wantHeld(t, plain, path)
			o := ReleaseOptions{Endpoint: test.user, PreviousSession: id}
			if test.withPath {
				o.Endpoint.Target.Path = path
			}
			o.DryRun = true
			free(t, o, 0, ReleaseNotAsked)
			wantHeld(t, plain, path)
			o.DryRun = false
			free(t, o, 0, test.done)
			wantFree(t, plain, path)
		})
	}
}

// The id is another user's: nothing happens to it.
func testReleasePreviousOther(t *testing.T, srv *smbdtest.Server) {
	plain := plainEndpointOf(srv, "")
	const path = "previous-other.dat"
	writeFile(t, srv, path)
	id := holdSilently(t, endpointOf(srv, ""), path, smb.DisconnectFreeze)
	free(t, ReleaseOptions{Endpoint: plain, PreviousSession: id}, 0, ReleaseUnproved)
	withPath := plain
	withPath.Target.Path = path
	r := free(t, ReleaseOptions{Endpoint: withPath, PreviousSession: id}, 1, ReleaseFailed)
	if !strings.Contains(r.Error.Text, "is still refused") {
		t.Error(text(r))
	}
	wantHeld(t, plain, path)
	free(t, releasePath(endpointOf(srv, ""), path), 0, ReleaseDone)
}

func testReleasePreviousNone(t *testing.T, srv *smbdtest.Server) {
	const none = 0x7777777777
	const path = "previous-none.dat"
	writeFile(t, srv, path)
	for _, e := range []Endpoint{plainEndpointOf(srv, ""), plainEndpointOf(srv, path), endpointOf(srv, path), plainEndpointOf(srv, "no such file")} {
		free(t, ReleaseOptions{Endpoint: e, PreviousSession: none}, 0, ReleaseUnproved)
	}
	anonymous := endpointOf(srv, "")
	anonymous.Credentials = Credentials{Anonymous: true}
	if r := Free(t.Context(), ReleaseOptions{Endpoint: anonymous, PreviousSession: none}); r.ExitCode() != 1 || !strings.Contains(r.Error.Text, "anonymous") {
		t.Error(text(r))
	}
}

func testReleaseStaleSamba(t *testing.T, srv *smbdtest.Server) {
	const path = "stale.dat"
	writeFile(t, srv, path)
	holdSilently(t, endpointOf(srv, ""), path, smb.DisconnectFreeze)
	r := Free(t.Context(), ReleaseOptions{Endpoint: endpointOf(srv, ""), Stale: true})
	if r.ExitCode() != 0 || len(r.Release.Actions) != 0 || !strings.Contains(strings.Join(r.Notes, "\n"), "none of its opens can be called stale") {
		t.Error(text(r))
	}
	wantHeld(t, endpointOf(srv, ""), path)
	free(t, releasePath(endpointOf(srv, ""), path), 0, ReleaseDone)
}

func testReleaseSession(t *testing.T, srv *smbdtest.Server) {
	e := endpointOf(srv, "")
	dir := folder(t, srv, "session")
	for _, name := range []string{"plain.dat", "admin.dat", "elsewhere.dat"} {
		writeFile(t, srv, "session/"+name)
	}
	hold := func(ip, user, password, name string) {
		openFile(t, logOnFrom(t, srv, ip, user, password), srv.Share, smb.CreateRequest{Name: dir + `\` + name, Access: access("rw"), Disposition: smb.OpenFile})
	}
	hold("127.0.0.4", srv.PlainUser, srv.PlainPassword, "plain.dat")
	hold("127.0.0.4", srv.User, srv.Password, "admin.dat")
	hold("127.0.0.5", srv.PlainUser, srv.PlainPassword, "elsewhere.dat")
	asked := ""
	o := ReleaseOptions{Endpoint: e, Client: "127.0.0.4", User: srv.PlainUser, Confirm: func(text string) (bool, error) {
		asked = text
		return true, nil
	}}
	r := free(t, o, 0, ReleaseDone)
	for _, want := range []string{"session 127.0.0.4," + srv.PlainUser, "1 session of " + srv.PlainUser + ", live or not", `\plain.dat`, `\admin.dat`, "Samba also ends other users' sessions"} {
		if !strings.Contains(asked, want) {
			t.Errorf("asked without %q: %s\n%s", want, asked, text(r))
		}
	}
	wantFree(t, e, dir+`\plain.dat`)
	wantHeld(t, e, dir+`\admin.dat`)
	o.User = ""
	free(t, o, 0, ReleaseDone)
	wantFree(t, e, dir+`\admin.dat`)
	wantHeld(t, e, dir+`\elsewhere.dat`)
}

func testReleaseNoTable(t *testing.T, srv *smbdtest.Server) {
	e := plainEndpointOf(srv, "")
	for _, o := range []ReleaseOptions{{Open: "0x1"}, {Path: "x"}, {Client: "127.0.0.1"}, {Stale: true}} {
		o.Endpoint = e
		r := Free(t.Context(), o)
		notes := strings.Join(r.Notes, "\n")
		if r.ExitCode() != 1 || r.Error.Win32 == nil || *r.Error.Win32 != 5 || !strings.Contains(notes, "net groupmap add") || !strings.Contains(notes, "--previous-session") {
			t.Errorf("%+v: %s", o, text(r))
		}
	}
}

// TestReleaseOwnAddress ends the sessions of the very address that the run
// comes from: smbd ends the run's own connection too.
func TestReleaseOwnAddress(t *testing.T) {
	t.Parallel()
	srv := smbdtest.Start(t, smbdtest.Config{})
	e := endpointOf(srv, "")
	if r := Free(t.Context(), ReleaseOptions{Endpoint: e, Client: "127.0.0.1"}); r.ExitCode() != 1 || !strings.Contains(r.Error.Text, "run's own") {
		t.Error(text(r))
	}
	writeFile(t, srv, "held.dat")
	holdSilently(t, plainEndpointOf(srv, ""), "held.dat", smb.DisconnectFreeze)
	asked := ""
	r := free(t, ReleaseOptions{Endpoint: e, Client: "127.0.0.1", Confirm: func(text string) (bool, error) { asked = text; return true, nil }}, 0, ReleaseDone)
	if !strings.Contains(asked, "this run's own session may go with them") {
		t.Errorf("asked %q: %s", asked, text(r))
	}
	wantFree(t, e, "held.dat")

	// Nothing else goes on here: the table tells also without a path.
	writeFile(t, srv, "mine.dat")
	id := holdSilently(t, e, "mine.dat", smb.DisconnectFreeze)
	r = free(t, ReleaseOptions{Endpoint: e, PreviousSession: id}, 0, ReleaseDone)
	if opens := r.Release.Actions[0].Opens; len(opens) != 1 || opens[0].SharePath != "mine.dat" {
		t.Error(text(r))
	}
	waitNoSessions(t, srv)
}

// TestReleaseReaderOnly is a user who may read the tables and change nothing.
func TestReleaseReaderOnly(t *testing.T) {
	t.Parallel()
	srv := smbdtest.Start(t, smbdtest.Config{NoAdmin: true})
	for _, args := range [][]string{
		{"groupmap", "add", "sid=S-1-5-32-544", "ntgroup=Administrators", "type=builtin", "unixgroup=" + groupOf(t, srv.PlainUser)},
		{"sam", "rights", "revoke", `BUILTIN\Administrators`, "SeDiskOperatorPrivilege"}, // which they have by default
	} {
		if out, err := exec.Command("net", append([]string{"--configfile=" + srv.Conf}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("net %q: %v: %s", args, err, out)
		}
	}
	writeFile(t, srv, "held.dat")
	openFile(t, logOnFrom(t, srv, "127.0.0.2", srv.User, srv.Password), srv.Share, smb.CreateRequest{Name: "held.dat", Access: access("rw"), Disposition: smb.OpenFile})
	e := plainEndpointOf(srv, "")
	for _, test := range []struct {
		o    ReleaseOptions
		want string
	}{
		{releasePath(e, "held.dat"), "SeDiskOperatorPrivilege"},
		{ReleaseOptions{Endpoint: e, Client: "127.0.0.2"}, "Domain Admins"},
	} {
		begin := time.Now()
		r := free(t, test.o, 1, ReleaseFailed)
		if !strings.Contains(r.Error.Text, test.want) {
			t.Error(text(r))
		}
		if took := time.Since(begin); took > verifyTime/2 {
			t.Errorf("a refusal took %v", took)
		}
		wantHeld(t, e, "held.dat")
	}
}

func groupOf(t *testing.T, user string) string {
	t.Helper()
	out, err := exec.Command("id", "-gn", user).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
