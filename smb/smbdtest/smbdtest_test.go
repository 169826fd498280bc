package smbdtest_test

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"err32/smb/smbdtest"
)

// command runs one of Samba's own client programs against the server, and returns all it wrote.
func command(t *testing.T, srv *smbdtest.Server, user, password, name string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed (Debian: apt-get install smbclient)", name)
	}
	args = append([]string{"--configfile=" + srv.Conf, "--port=" + strconv.Itoa(srv.Port), "--user=" + user + "%" + password}, args...)
	out, err := exec.Command(path, args...).CombinedOutput()
	return string(out), err
}

func smbclient(t *testing.T, srv *smbdtest.Server, user, password, share, commands string) (string, error) {
	t.Helper()
	return command(t, srv, user, password, "smbclient", "//127.0.0.1/"+share, "--command="+commands)
}

func fileEnum(t *testing.T, srv *smbdtest.Server, user, password string) (string, error) {
	t.Helper()
	return command(t, srv, user, password, "rpcclient", "127.0.0.1", "--command=netfileenum")
}

// hold starts an smbclient that has the file open until the test ends, and returns when the server lists it.
func hold(t *testing.T, srv *smbdtest.Server, name string) {
	t.Helper()
	path, err := exec.LookPath("smbclient")
	if err != nil {
		t.Skip("smbclient is not installed (Debian: apt-get install smbclient)")
	}
	cmd := exec.Command(path, "--configfile="+srv.Conf, "--port="+strconv.Itoa(srv.Port), "--user="+srv.User+"%"+srv.Password,
		"//127.0.0.1/"+srv.Share)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait() // its exit code says nothing that matters here
	})
	if _, err := io.WriteString(in, "open "+name+"\n"); err != nil {
		t.Fatal(err)
	}
	// smbclient keeps its own answer in a buffer, so the server is asked.
	for deadline := time.Now().Add(20 * time.Second); ; {
		out, err := fileEnum(t, srv, srv.User, srv.Password)
		if err == nil && strings.Contains(out, name) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("smbclient did not open %s: %v\n%s", name, err, out)
		}
	}
}

func TestBothUsersShareFiles(t *testing.T) {
	srv := smbdtest.Start(t, smbdtest.Config{})
	local := filepath.Join(t.TempDir(), "upload")
	if err := os.WriteFile(local, []byte("from outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, u := range []struct{ name, password string }{{srv.User, srv.Password}, {srv.PlainUser, srv.PlainPassword}} {
		for share, dir := range map[string]string{srv.Share: srv.Dir, srv.Hidden: srv.HiddenDir} {
			// Both users write the same file, so the second must be let at what the first made.
			out, err := smbclient(t, srv, u.name, u.password, share, "put "+local+" shared.txt; ls; mkdir d-"+u.name)
			if err != nil || !strings.Contains(out, "shared.txt") {
				t.Errorf("%s on %s: %v\n%s", u.name, share, err, out)
			}
			if got, err := os.ReadFile(filepath.Join(dir, "shared.txt")); string(got) != "from outside" {
				t.Errorf("%s on %s: the file on disk holds %q, %v", u.name, share, got, err)
			}
		}
	}
	if out, err := smbclient(t, srv, srv.User, "wrong", srv.Share, "ls"); err == nil || !strings.Contains(out, "NT_STATUS_LOGON_FAILURE") {
		t.Errorf("a wrong password: %v\n%s", err, out)
	}
}

func TestNTHash(t *testing.T) {
	srv := smbdtest.Start(t, smbdtest.Config{})
	for _, u := range []struct{ name, hash string }{{srv.User, srv.NTHash}, {srv.PlainUser, srv.PlainNTHash}} {
		out, err := command(t, srv, u.name, u.hash, "smbclient", "--pw-nt-hash", "//127.0.0.1/"+srv.Share, "--command=ls")
		if err != nil {
			t.Errorf("%s: %v\n%s", u.name, err, out)
		}
	}
}

func TestTableRights(t *testing.T) {
	srv := smbdtest.Start(t, smbdtest.Config{})
	if err := os.WriteFile(filepath.Join(srv.Dir, "held.txt"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	hold(t, srv, "held.txt")
	out, err := fileEnum(t, srv, srv.User, srv.Password)
	if err != nil || !strings.Contains(out, "held.txt") {
		t.Errorf("admin: %v\n%s", err, out)
	}
	out, _ = fileEnum(t, srv, srv.PlainUser, srv.PlainPassword)
	if !strings.Contains(out, "WERR_ACCESS_DENIED") {
		t.Errorf("plain user: no WERR_ACCESS_DENIED:\n%s", out)
	}
}

func TestNoAdmin(t *testing.T) {
	srv := smbdtest.Start(t, smbdtest.Config{NoAdmin: true})
	out, _ := fileEnum(t, srv, srv.User, srv.Password)
	if !strings.Contains(out, "WERR_ACCESS_DENIED") {
		t.Errorf("no WERR_ACCESS_DENIED:\n%s", out)
	}
}

func TestStatus(t *testing.T) {
	srv := smbdtest.Start(t, smbdtest.Config{MaxProtocol: "SMB3_02", Global: []string{"server signing = mandatory"}})
	if err := os.WriteFile(filepath.Join(srv.Dir, "held.txt"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if st := srv.Status(t); len(st.Opens) != 0 {
		t.Errorf("opens before: %+v", st.Opens)
	}
	before := time.Now()
	hold(t, srv, "held.txt")
	st := srv.Status(t)
	if len(st.Opens) != 1 || len(st.Opens["held.txt"]) != 1 || len(st.Sessions) != 1 {
		t.Fatalf("want one open and one session: %+v", st)
	}
	open, session := st.Opens["held.txt"][0], st.Sessions[0]
	// smbclient opens to read and write data, and shares both.
	if open.AccessMask != 0x3 || open.ShareMode != 0x3 || open.Dir != srv.Dir || open.Path != "held.txt" || open.Pid != session.Pid {
		t.Errorf("open: %+v", open)
	}
	if d := open.OpenedAt.Sub(before); d < -time.Minute || d > time.Minute {
		t.Errorf("opened at %v, now is %v", open.OpenedAt, before)
	}
	if session.User != srv.User || session.Dialect != "SMB3_02" || session.Signing != "AES-128-CMAC" || session.Encryption != "-" {
		t.Errorf("session: %+v", session)
	}
	pids, err := srv.Pids()
	if err != nil || !slices.Contains(pids, session.Pid) {
		t.Errorf("process %d, which serves the session, is not among %v, %v", session.Pid, pids, err)
	}
}

// naming lists the command lines that hold conf: a second look, apart from the harness's own.
func naming(t *testing.T, conf string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Fatalf("no processes: %v", err)
	}
	var found []string
	for _, f := range files {
		if line, err := os.ReadFile(f); err == nil && strings.Contains(string(line), conf) {
			found = append(found, string(line))
		}
	}
	return found
}

// TestKill has a client on, and the RPC helpers running, which smbd starts apart from itself.
func TestKill(t *testing.T) {
	for name, end := range map[string]func(*smbdtest.Server) error{"kill": (*smbdtest.Server).Kill, "stop": (*smbdtest.Server).Stop} {
		t.Run(name, func(t *testing.T) {
			srv := smbdtest.Start(t, smbdtest.Config{})
			if out, err := fileEnum(t, srv, srv.User, srv.Password); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			c, err := net.Dial("tcp", srv.Addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			pids, err := srv.Pids()
			if err != nil {
				t.Fatal(err)
			}
			if all := naming(t, srv.Conf); len(all) < 3 {
				t.Errorf("processes that name the configuration: %q", all)
			}
			names := make(map[string]bool)
			for _, pid := range pids {
				if b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm")); err == nil {
					names[strings.TrimSpace(string(b))] = true
				}
			}
			if !names["smbd"] || !names["samba-dcerpcd"] || !names["rpcd_classic"] {
				t.Errorf("running: %v", names)
			}
			for range 2 { // twice is no error
				if err := end(srv); err != nil {
					t.Fatal(err)
				}
			}
			if left := naming(t, srv.Conf); len(left) != 0 {
				t.Errorf("processes left: %q", left)
			}
			if _, err := net.Dial("tcp", srv.Addr); err == nil {
				t.Error("the port still answers")
			}
			if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the client's connection: %v, want its end", err)
			}
		})
	}
}

func TestPause(t *testing.T) {
	srv := smbdtest.Start(t, smbdtest.Config{})
	if err := srv.Pause(); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", srv.Addr) // the kernel accepts
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// Something that is no SMB: a running smbd hangs up at once.
	if _, err := c.Write([]byte("\x00\x00\x00\x04none")); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a paused server: %v, want no answer", err)
	}
	if err := srv.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a resumed server: %v, want the end of the connection", err)
	}
	if err := srv.Pause(); err != nil { // the clean-up has to cope with it
		t.Fatal(err)
	}
}

func TestSeveralAtOnce(t *testing.T) {
	smbdtest.Require(t)
	const n = 4
	servers := make([]*smbdtest.Server, n)
	t.Run("start", func(t *testing.T) {
		var all sync.WaitGroup
		for i := range servers {
			all.Go(func() { servers[i] = smbdtest.Start(t, smbdtest.Config{}) })
		}
		all.Wait()
		names := make(map[string]bool)
		for _, srv := range servers {
			if srv == nil {
				t.FailNow() // its own Start has said why
			}
			if out, err := smbclient(t, srv, srv.User, srv.Password, srv.Share, "mkdir of-"+srv.Name); err != nil {
				t.Errorf("%s: %v\n%s", srv.Name, err, out)
			}
			if _, err := os.Stat(filepath.Join(srv.Dir, "of-"+srv.Name)); err != nil {
				t.Error(err)
			}
			names[srv.Name] = true
		}
		if len(names) != n {
			t.Errorf("names: %v", names)
		}
	})
	for _, srv := range servers {
		if srv == nil {
			continue
		}
		if _, err := os.Stat(filepath.Dir(srv.Conf)); !os.IsNotExist(err) {
			t.Errorf("after the test the folder of %s is there: %v", srv.Name, err)
		}
	}
}

func TestIPv6(t *testing.T) {
	srv := smbdtest.Start(t, smbdtest.Config{})
	if srv.Addr6 == "" {
		t.Skip("this machine has no IPv6 loopback")
	}
	out, err := command(t, srv, srv.User, srv.Password, "smbclient", "//::1/"+srv.Share, "--command=ls")
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestProtocols checks that a server capped at one dialect comes up at all, as it has to be asked in a dialect it speaks.
func TestProtocols(t *testing.T) {
	for _, p := range []string{"SMB2_02", "SMB2_10", "SMB3_00", "SMB3_02", "SMB3_11"} {
		srv := smbdtest.Start(t, smbdtest.Config{MinProtocol: p, MaxProtocol: p})
		if out, err := smbclient(t, srv, srv.User, srv.Password, srv.Share, "ls"); err != nil {
			t.Errorf("%s: %v\n%s", p, err, out)
		}
	}
}

func TestLongTempDir(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	if err := os.MkdirAll(long, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", long)
	srv := smbdtest.Start(t, smbdtest.Config{})
	if out, err := fileEnum(t, srv, srv.User, srv.Password); err != nil { // needs the Unix sockets
		t.Errorf("%v\n%s", err, out)
	}
}
