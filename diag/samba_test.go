package diag

import (
	"context"
	"encoding/json"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"err32/smb"
	"err32/smb/smbdtest"
)

// stepTime bounds a network step on a machine that is busy with other tests.
const stepTime = 10 * time.Second

// serve starts a server that notices within 6 s that a client has vanished.
func serve(t testing.TB, cfg smbdtest.Config) *smbdtest.Server {
	t.Helper()
	cfg.Keepalive = true
	return smbdtest.Start(t, cfg)
}

// endpointOf is a folder of the server's share, for the user who may read the
// server's tables.
func endpointOf(srv *smbdtest.Server, folder string) Endpoint {
	return Endpoint{
		Target:      Target{Server: "127.0.0.1", Port: srv.Port, Share: srv.Share, Path: folder},
		Credentials: Credentials{User: srv.User, Password: srv.Password},
		Timeout:     stepTime,
		Version:     "test",
	}
}

// plainEndpointOf is the same for the user who may not.
func plainEndpointOf(srv *smbdtest.Server, folder string) Endpoint {
	e := endpointOf(srv, folder)
	e.Credentials = Credentials{User: srv.PlainUser, Password: srv.PlainPassword}
	return e
}

// reproOf is what the repro command does when nothing but the kind and the
// wait are given, with a shorter interval.
func reproOf(e Endpoint, kind smb.DisconnectKind, wait time.Duration) ReproOptions {
	return ReproOptions{
		Endpoint: e, Disconnect: kind, Access: access("rw"), Wait: wait, Interval: 20 * time.Millisecond,
		RetryFrom: "other", RetryWith: "stock",
	}
}

// access is ParseAccess for letters that are known to be right.
func access(letters string) smb.AccessMask {
	mask, err := smb.ParseAccess(letters)
	if err != nil {
		panic(err)
	}
	return mask
}

// folder makes a folder of the share, which both users may write.
func folder(t testing.TB, srv *smbdtest.Server, path ...string) string {
	t.Helper()
	dir := srv.Dir
	for _, name := range path {
		dir = filepath.Join(dir, name)
		if err := os.Mkdir(dir, 0o777); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o777); err != nil { // past the umask
			t.Fatal(err)
		}
	}
	return strings.Join(path, `\`)
}

// writeFile makes a file of the share that both users may write.
func writeFile(t testing.TB, srv *smbdtest.Server, path string) {
	t.Helper()
	name := filepath.Join(srv.Dir, filepath.FromSlash(path))
	if err := os.WriteFile(name, []byte("as it was"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, 0o666); err != nil { // past the umask
		t.Fatal(err)
	}
}

// filesBelow lists the files below a folder on the server's disk.
func filesBelow(t testing.TB, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// checkNothingLeft waits until the server knows of no session and no open any
// more, and then checks that no file of a run is left. The other tests on this
// server must have ended.
func checkNothingLeft(t testing.TB, srv *smbdtest.Server) {
	t.Helper()
	waitNoSessions(t, srv)
	for _, dir := range []string{srv.Dir, srv.HiddenDir} {
		for _, file := range filesBelow(t, dir) {
			if strings.HasPrefix(filepath.Base(file), "err32-") {
				t.Errorf("left behind: %s", file)
			}
		}
	}
}

// waitNoSessions waits until the server knows of no session and no open.
func waitNoSessions(t testing.TB, srv *smbdtest.Server) {
	t.Helper()
	var status smbdtest.Status
	eventually(t, 5*time.Second, func() bool {
		status = srv.Status(t)
		return len(status.Sessions) == 0 && len(status.Opens) == 0
	}, func() string { return "still on the server: " + text(status) })
}

// eventually waits until done, and reports what it says when that takes longer
// than patience. It may be called from any goroutine.
func eventually(t testing.TB, patience time.Duration, done func() bool, say func() string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Errorf("after %v: %s", patience, say())
			return
		}
	}
}

// logOnFrom logs on from one of the addresses of the loopback interface.
func logOnFrom(t testing.TB, srv *smbdtest.Server, ip, user, password string) *smb.Session {
	t.Helper()
	ctx := context.Background()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	socket, err := dialer.DialContext(ctx, "tcp", srv.Addr)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := smb.NewConn(ctx, socket, "127.0.0.1", &smb.Config{Timeout: stepTime})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	session, err := conn.LogOn(ctx, smb.NTLM{User: user, Password: password, Server: "127.0.0.1"}.Mechanism(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// openFile opens a file as another client, in the way that is asked for.
func openFile(t testing.TB, session *smb.Session, share string, request smb.CreateRequest) *smb.Open {
	t.Helper()
	tree, err := session.TreeConnect(context.Background(), share)
	if err != nil {
		t.Fatal(err)
	}
	o, err := tree.Create(context.Background(), &request)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func portOf(t testing.TB, l net.Listener) int {
	t.Helper()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// text is a value as a test's failure shows it.
func text(v any) string {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// together runs a subtest for each of the cases side by side, and returns when
// all have ended. Unlike t.Parallel it does so whatever the number of
// processors: what these tests do most is wait.
func together[C any](t *testing.T, cases []C, name func(C) string, test func(*testing.T, C)) {
	t.Helper()
	var all sync.WaitGroup
	slots := make(chan struct{}, 8) // more would only make each other late
	for _, c := range cases {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			t.Run(name(c), func(t *testing.T) { test(t, c) })
		})
	}
	all.Wait()
}

// needKind skips where the operating system does not let this user disconnect
// in that way.
func needKind(t *testing.T, kind smb.DisconnectKind) {
	t.Helper()
	if err := kind.Supported(); err != nil {
		t.Skip(err)
	}
}
