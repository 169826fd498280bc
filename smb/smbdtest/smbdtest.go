// Package smbdtest starts a private Samba server for a test, as net/http/httptest starts a web server.
//
//	srv := smbdtest.Start(t, smbdtest.Config{Global: []string{"server signing = mandatory"}})
//	// dial srv.Addr, log on as srv.User with srv.Password, use srv.Share; its folder on disk is srv.Dir
//
// The server listens on a high port of the loopback interface only, keeps all its state in one temporary folder, and is
// gone with that folder when the test ends. If the test process itself is killed, smbd sees the end of its standard input
// and leaves too. Any number of servers may run at once. Tests skip when no smbd is installed; with ERR32_REQUIRE_SAMBA=1
// in the environment they fail instead.
//
// # Users
//
// The server has two users. Both names are accounts of this machine, because Samba asks for one, but no account is created
// or changed: the passwords live in the server's own database.
//
//   - Server.User is the account that runs the test, root or not. Its primary group is mapped to BUILTIN\Administrators, so
//     it may read the server's tables and close files ([MS-SRVS] 3.1.4), unless Config.NoAdmin is set.
//   - Server.PlainUser is a system account such as daemon, without any right beyond the shares.
//
// Without root, smbd cannot change its user id and does not try to: the two users differ in name, password and rights over
// SMB, but all files belong to the account that runs the test. With root, files belong to the user who made them, and the
// shares let both users write each other's files.
//
// # By hand
//
// A person or a shell script starts a server that runs until interrupted, with
//
//	go test -v -timeout 0 ./smb/smbdtest -run TestServe -smbdtest.serve=127.0.0.1:4455 -smbdtest.conf='server signing = mandatory'
package smbdtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Names of the two shares every server has. Both are writable by both users.
const (
	ShareName  = "share"
	HiddenName = "hidden$"
)

// requireEnv, set to 1, turns a missing smbd from a skip into a failure.
const requireEnv = "ERR32_REQUIRE_SAMBA"

// Config says how the server is set up. The zero value is a server with Samba's defaults, SMB 2.0.2 to 3.1.1.
type Config struct {
	// Global holds further smb.conf lines for the [global] section, for example "server signing = mandatory" or
	// "smb encrypt = required". They win over the harness's own. "netbios name" is the one that may not be set: Start
	// knows its server by it.
	Global []string

	// Share holds further smb.conf lines for both shares.
	Share []string

	// MinProtocol and MaxProtocol are Samba's names: SMB2_02, SMB2_10, SMB3_00, SMB3_02, SMB3_11. Empty means Samba's
	// default (SMB2_02 and SMB3_11).
	MinProtocol, MaxProtocol string

	// Keepalive lets the server find out within 6 s that a client has vanished (TCP keep-alive after 3 s, 3 probes, 1 s
	// apart). Samba's default leaves that to the kernel, which first asks after two hours.
	Keepalive bool

	// NoAdmin leaves User without rights on the server's tables, as on a server that has no mapping of
	// BUILTIN\Administrators.
	NoAdmin bool

	// Listen is the address to listen on, "127.0.0.1:4455". Empty means a free port of 127.0.0.1, and the same port of
	// [::1] where there is one.
	Listen string

	// Password of both users. Empty means a random one for each.
	Password string
}

// Server is a running smbd. Its fields must not be changed.
type Server struct {
	Addr  string // "127.0.0.1:port"
	Addr6 string // "[::1]:port", or "" where the machine has no IPv6 loopback or Config.Listen was set
	Port  int
	Name  string // NetBIOS name, different for each server

	User, Password, NTHash                string // may read the server's tables, unless Config.NoAdmin; NTHash is 32 hex digits
	PlainUser, PlainPassword, PlainNTHash string // may not

	Share     string // ShareName
	Dir       string // folder of Share on disk
	Hidden    string // HiddenName
	HiddenDir string // folder of Hidden on disk

	Conf string // path of smb.conf, for Samba's tools: smbclient -s Conf

	base  string // folder of everything
	host  string // of Addr
	guest string // account that guests are
	tools tools

	mu    sync.Mutex
	cmd   *exec.Cmd
	stdin *os.File // closing it ends smbd
}

// Require skips the test when no smbd is installed or this OS cannot run the harness; with ERR32_REQUIRE_SAMBA=1 it fails
// the test instead. Start calls it.
func Require(t testing.TB) {
	t.Helper()
	_, err := findTools()
	switch {
	case err == nil:
	case os.Getenv(requireEnv) == "1":
		t.Fatalf("%v, and %s=1", err, requireEnv)
	default:
		t.Skip(err)
	}
}

// tools are the paths of the Samba programs the harness needs.
type tools struct{ smbd, pdbedit, net, smbstatus string }

func findTools() (tools, error) {
	if runtime.GOOS != "linux" {
		return tools{}, fmt.Errorf("smbd is not installed, or not usable by these tests, on %s: they need Linux", runtime.GOOS)
	}
	var t tools
	for _, f := range []struct {
		name string
		path *string
	}{{"smbd", &t.smbd}, {"pdbedit", &t.pdbedit}, {"net", &t.net}, {"smbstatus", &t.smbstatus}} {
		*f.path = lookPath(f.name)
		if *f.path == "" {
			return tools{}, fmt.Errorf("smbd is not installed: %s not found (Debian: apt-get install samba)", f.name)
		}
	}
	return t, nil
}

// lookPath also looks where the PATH of an ordinary user or a service may not lead.
func lookPath(name string) string {
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	for _, dir := range []string{"/usr/bin", "/usr/sbin", "/usr/local/sbin", "/usr/local/samba/sbin", "/usr/local/samba/bin"} {
		if p, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return p
		}
	}
	return ""
}

// Start starts a server and returns when it takes sessions and tree connects. The server and all it wrote are removed when
// the test ends, and the test fails if a process of it should be left. Start fails the test with the end of smbd's log when
// the server does not come up, and skips it as Require does.
func Start(t testing.TB, cfg Config) *Server {
	t.Helper()
	Require(t)
	s, err := newServer(cfg)
	if s != nil {
		t.Cleanup(func() { s.cleanup(t) })
	}
	if err == nil {
		err = s.start(cfg)
	}
	if err != nil {
		t.Fatalf("smbdtest: %v", err)
	}
	return s
}

// newServer prepares folders and accounts. A non-nil server must be cleaned up even with an error.
func newServer(cfg Config) (*Server, error) {
	found, err := findTools()
	if err != nil {
		return nil, err
	}
	base, err := makeBase()
	if err != nil {
		return nil, err
	}
	s := &Server{
		Name:  fmt.Sprintf("E32%010X", rand.Uint64N(1<<40)), // at most 15 characters
		Share: ShareName, Dir: filepath.Join(base, "share"),
		Hidden: HiddenName, HiddenDir: filepath.Join(base, "hidden"),
		Conf: filepath.Join(base, "smb.conf"),
		base: base, tools: found,
	}
	if err := s.makeFolders(); err != nil {
		return s, err
	}
	return s, s.makeAccounts(cfg)
}

// makeBase makes the server's folder. Samba puts Unix sockets below it, whose paths must stay under 108 bytes.
func makeBase() (string, error) {
	const longest = 108 - len("/rpc/np/") - 40
	base, err := os.MkdirTemp("", "smbd")
	if err == nil && len(base) > longest {
		if err := os.Remove(base); err != nil {
			return "", err
		}
		base, err = os.MkdirTemp("/tmp", "smbd")
	}
	if err != nil {
		return "", err
	}
	// The plain user has to pass through it to the shares.
	return base, os.Chmod(base, 0o711)
}

// start runs smbd. A port that is free now may be taken before smbd binds it, so that other ports are tried.
func (s *Server) start(cfg Config) error {
	const tries = 5
	for try := 1; ; try++ {
		err := s.pickAddress(cfg.Listen)
		if err == nil {
			err = s.writeConf(cfg)
		}
		if err != nil {
			return err
		}
		if err = s.startProcess(); err == nil {
			err = s.waitReady()
		}
		if err == nil {
			return nil
		}
		err = fmt.Errorf("smbd did not come up on %s: %w\n%s", s.Addr, err, s.logTail(40))
		if killErr := s.kill(); killErr != nil {
			return fmt.Errorf("%w\n%w", err, killErr)
		}
		if try == tries || cfg.Listen != "" {
			return err
		}
	}
}

// pickAddress sets Addr, Addr6 and Port.
func (s *Server) pickAddress(listen string) error {
	if listen != "" {
		host, port, err := net.SplitHostPort(listen)
		if err != nil {
			return err
		}
		if s.Port, err = strconv.Atoi(port); err != nil {
			return fmt.Errorf("port of %q: %w", listen, err)
		}
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			return fmt.Errorf("%q is not a loopback address", listen)
		}
		s.Addr, s.Addr6, s.host = listen, "", host
		return nil
	}
	// Below the range from which kernels take the ports of outgoing connections, so that none of those is in the way.
	const low, high, tries = 20000, 32000, 200
	var last error
	for range tries {
		port := low + rand.IntN(high-low)
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if last = tryListen(addr); last != nil {
			continue
		}
		s.Addr, s.Addr6, s.host, s.Port = addr, "", "127.0.0.1", port
		if tryListen("[::1]:0") == nil {
			s.Addr6 = net.JoinHostPort("::1", strconv.Itoa(port))
			if last = tryListen(s.Addr6); last != nil {
				continue
			}
		}
		return nil
	}
	return fmt.Errorf("no free port on 127.0.0.1: %w", last)
}

func tryListen(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return l.Close()
}

// startProcess starts smbd in the foreground, in a session of its own: when smbd ends it signals its whole process group.
func (s *Server) startProcess() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close() // smbd has its own copy
	out, err := os.OpenFile(filepath.Join(s.base, "stdout"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return errors.Join(err, w.Close())
	}
	defer out.Close()
	cmd := exec.Command(s.tools.smbd, "--configfile="+s.Conf, "--log-basename="+s.base, "--foreground", "--no-process-group")
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.base, r, out, out
	cmd.SysProcAttr = newSession()
	if err := cmd.Start(); err != nil {
		return errors.Join(err, w.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd, s.stdin = cmd, w
	return nil
}

// waitReady waits until smbd answers a NEGOTIATE on each of its addresses, with the name that only this server has, and
// would not refuse a tree connect for want of its notify daemon.
func (s *Server) waitReady() error {
	const limit, pause = 20 * time.Second, 5 * time.Millisecond
	deadline := time.Now().Add(limit)
	for _, addr := range []string{s.Addr, s.Addr6} {
		for addr != "" {
			name, err := negotiate(addr, deadline)
			if err == nil && strings.EqualFold(name, s.Name) {
				break
			}
			switch {
			case err == nil:
				return fmt.Errorf("another SMB server, %q, answers on %s", name, addr)
			case s.exited():
				return fmt.Errorf("smbd ended (%s: %w)", addr, err)
			case time.Now().After(deadline):
				return fmt.Errorf("no answer within %s: %w", limit, err)
			}
			time.Sleep(pause)
		}
	}
	// Only now: an smbd that has not begun to listen may not have emptied the names that an earlier try has left.
	for {
		registered, err := s.notifyDaemonRegistered()
		switch {
		case err != nil:
			return fmt.Errorf("looking for smbd's notify daemon: %w", err)
		case registered:
			return nil
		case s.exited():
			return errors.New("smbd ended before its notify daemon had registered")
		case time.Now().After(deadline):
			return fmt.Errorf("smbd's notify daemon has not registered within %s", limit)
		}
		time.Sleep(pause)
	}
}

// Stop ends the server in the orderly way (SIGTERM): clients see FIN. What does not leave within 5 s is killed. It may be
// called more than once.
func (s *Server) Stop() error { return s.stop() }

// Kill ends every process of the server with SIGKILL, as a crash would. The folders stay until the test ends. It may be
// called more than once.
func (s *Server) Kill() error { return s.kill() }

// Pause stops every process of the server with SIGSTOP and returns when all have stopped. The kernel goes on accepting
// connections and acknowledging data, and nobody answers: a hung server.
func (s *Server) Pause() error { return s.pause() }

// Resume lets a paused server go on.
func (s *Server) Resume() error { return s.resume() }

// Pids lists the server's living processes: smbd, its children, and the RPC helpers it started.
func (s *Server) Pids() ([]int, error) { return s.pids() }

// cleanup ends the server and removes its folder. The end of the log is shown for a test that failed.
func (s *Server) cleanup(t testing.TB) {
	if err := s.kill(); err != nil {
		t.Errorf("smbdtest: %v", err)
	}
	if tail := s.logTail(20); t.Failed() && tail != "" {
		t.Logf("smbdtest: %s", tail)
	}
	if err := os.RemoveAll(s.base); err != nil {
		t.Errorf("smbdtest: %v", err)
	}
}

// logTail returns the last lines of what smbd wrote.
func (s *Server) logTail(lines int) string {
	var b strings.Builder
	for _, name := range []string{"stdout", "log.smbd", "log"} {
		text, err := os.ReadFile(filepath.Join(s.base, name))
		if err != nil || len(text) == 0 {
			continue // not every server comes as far as each of them
		}
		all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
		fmt.Fprintf(&b, "end of smbd's %s:\n%s\n", name, strings.Join(all[max(0, len(all)-lines):], "\n"))
	}
	return b.String()
}
