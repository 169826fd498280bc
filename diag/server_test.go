package diag

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"err32/smb"
)

// serverKind names one of the servers that runs are tried on.
type serverKind string

const (
	onSmbd    serverKind = "smbd"
	onWindows serverKind = "lab windows" // the lab with this temperament, and times short enough for a test
	onSamba   serverKind = "lab samba"
	onNT4     serverKind = "lab nt4"
)

var (
	// bothServers are enough where a server's temperament has no part in it.
	bothServers = []serverKind{onWindows, onSmbd}
	everyServer = []serverKind{onWindows, onSamba, onNT4, onSmbd}
)

// serverConfig says how a server is set up. The zero value is a server with its
// defaults, SMB 2.0.2 to 3.1.1, but for the times in which it gives clients up.
type serverConfig struct {
	maxDialect          smb.Dialect // 0: 3.1.1
	signing, encryption smb.Policy  // Auto, or Required of every client
	sealedShares        bool        // the shares require encryption
	noAdmin             bool        // nobody may read the tables
	fails               bool        // the test calls pause, resume or kill
}

// testServer is a running server with two users and two shares.
type testServer struct {
	is    serverKind
	addr  string // on 127.0.0.1
	addr6 string // on [::1]; empty where there is none
	port  int

	user, password, ntHash   string // may read the server's tables
	plainUser, plainPassword string // may not
	share, hidden            string // both users may write to both

	backstage
}

// backstage is what a test sees of a server and does to it without the tool.
// Paths have slashes.
type backstage interface {
	// opens lists the files and folders that are open, with the shares' names.
	opens(testing.TB) []serverOpen
	// books counts the sessions, and everything open.
	books(testing.TB) (sessions, opens int)

	makeFolder(t testing.TB, path string) // and those above it, for both users to write to
	writeFiles(t testing.TB, paths ...string)
	lookAt(t testing.TB, path string) fileState
	filesIn(t testing.TB, share, folder string) []string // all below it, their paths in the share
	remove(t testing.TB, path string)
	// closedFolder makes a folder that only the administrator may write to. The
	// error says why there can be none.
	closedFolder(t testing.TB) (share, folder string, err error)

	// dialFrom connects as a client with this address on the loopback network.
	dialFrom(t testing.TB, ip string) net.Conn

	pause() error // the server hangs
	resume() error
	kill() error // the server is gone, its files stay
}

// serverOpen is an open as the server has it.
type serverOpen struct {
	Share, Path     string
	ID, Local       string // as NetrFileEnum shows them
	Access, Sharing uint32
	Sessions        []uint64 // one of them has it
}

// fileState is what must stay of a file that a run does not own.
type fileState struct {
	content  string
	modified uint64 // as the server or its disk counts time
}

// fileContent is what writeFiles writes.
const fileContent = "as it was"

// serve starts a server that gives up within some seconds a client that has
// vanished. It ends with the test.
func serve(t testing.TB, kind serverKind, cfg serverConfig) *testServer {
	t.Helper()
	if kind == onSmbd {
		return serveSmbd(t, cfg)
	}
	return serveLab(t, kind, cfg)
}

// eachServer runs the test on the servers of these kinds, side by side.
func eachServer(t *testing.T, kinds []serverKind, cfg serverConfig, test func(*testing.T, *testServer)) {
	t.Helper()
	together(t, kinds, func(k serverKind) string { return string(k) }, func(t *testing.T, k serverKind) {
		test(t, serve(t, k, cfg))
	})
}

// serverPart is a part of a test that several parts share the servers of.
type serverPart struct {
	name string
	test func(*testing.T, *testServer)
}

// runParts runs the parts side by side, and checks that nothing is left.
func runParts(t *testing.T, srv *testServer, parts []serverPart) {
	t.Helper()
	together(t, parts, func(p serverPart) string { return p.name }, func(t *testing.T, p serverPart) { p.test(t, srv) })
	checkNothingLeft(t, srv)
}

// endpoint is a folder of the server's share, for the user who may read the
// server's tables.
func (s *testServer) endpoint(folder string) Endpoint {
	return Endpoint{
		Target:      Target{Server: "127.0.0.1", Port: s.port, Share: s.share, Path: folder},
		Credentials: Credentials{User: s.user, Password: s.password},
		Timeout:     stepTime,
		Version:     "test",
	}
}

// plainEndpoint is the same for the user who may not.
func (s *testServer) plainEndpoint(folder string) Endpoint {
	e := s.endpoint(folder)
	e.Credentials = Credentials{User: s.plainUser, Password: s.plainPassword}
	return e
}

// stepTime bounds a network step on a machine that is busy with other tests.
const stepTime = 10 * time.Second

// folder makes a folder of the share, which both users may write, and returns
// its path for a target.
func (s *testServer) folder(t testing.TB, names ...string) string {
	t.Helper()
	s.makeFolder(t, strings.Join(names, "/"))
	return strings.Join(names, `\`)
}

// files lists the files below a folder of the share.
func (s *testServer) files(t testing.TB, folder string) []string {
	t.Helper()
	return s.filesIn(t, s.share, strings.ReplaceAll(folder, `\`, "/"))
}

// opensIn are the opens of files in a folder of the share, by path.
func (s *testServer) opensIn(t testing.TB, folder string) map[string][]serverOpen {
	t.Helper()
	found := map[string][]serverOpen{}
	for _, o := range s.opens(t) {
		if o.Share == s.share && strings.HasPrefix(o.Path, folder+"/") {
			found[o.Path] = append(found[o.Path], o)
		}
	}
	return found
}

// logOnFrom logs on as another client, with an address of the loopback network.
func (s *testServer) logOnFrom(t testing.TB, ip, user, password string) *smb.Session {
	t.Helper()
	ctx := context.Background()
	conn, err := smb.NewConn(ctx, s.dialFrom(t, ip), "127.0.0.1", &smb.Config{Timeout: stepTime})
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

// checkNothingLeft waits until the server knows of no session and no open any
// more, and then checks that no file of a run is left. The other tests on this
// server must have ended.
func checkNothingLeft(t testing.TB, srv *testServer) {
	t.Helper()
	waitIdle(t, srv)
	for _, share := range []string{srv.share, srv.hidden} {
		for _, file := range srv.filesIn(t, share, "") {
			if strings.HasPrefix(path.Base(file), "err32-") {
				t.Errorf("left behind: %s in %s", file, share)
			}
		}
	}
}

// waitIdle waits until the server knows of no session and no open.
func waitIdle(t testing.TB, srv *testServer) {
	t.Helper()
	var sessions, opens int
	eventually(t, lingerTime+5*time.Second, func() bool {
		sessions, opens = srv.books(t)
		return sessions == 0 && opens == 0
	}, func() string {
		return fmt.Sprintf("%d sessions and %d opens are still on the server: %s", sessions, opens, text(srv.opens(t)))
	})
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

func portOf(t testing.TB, addr string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
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
