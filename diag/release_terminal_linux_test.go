package diag

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"err32/smb/smbdtest"
)

// buildTool builds err32 itself.
func buildTool(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "err32")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", name, "err32")
	cmd.Env = append(os.Environ(), "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return name
}

// crashProxy stands between a client and a server. While silent is set, the
// server does not learn of the end of a new client's connection: as if the
// machine had lost its power.
type crashProxy struct {
	net.Listener
	silent atomic.Bool
	all    sync.WaitGroup
	mu     sync.Mutex
	kept   []net.Conn
}

func startCrashProxy(t *testing.T, addr string) *crashProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &crashProxy{Listener: l}
	p.all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				client.Close()
				continue
			}
			p.all.Go(func() { p.serve(client, server, p.silent.Load()) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		for _, c := range p.kept {
			c.Close()
		}
		p.mu.Unlock()
		p.all.Wait()
	})
	return p
}

func (p *crashProxy) serve(client, server net.Conn, silent bool) {
	p.all.Go(func() {
		io.Copy(client, server)
		client.Close()
	})
	p.mu.Lock()
	p.kept = append(p.kept, client, server)
	p.mu.Unlock()
	io.Copy(server, client)
	if !silent {
		server.Close()
	}
}

// onTerminal runs a command on a terminal of its own, types keys once it shows
// the question, and returns its exit code and what it wrote to stdout and to the
// terminal.
func onTerminal(t *testing.T, cmd *exec.Cmd, keys string) (code int, stdout, screen string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminal can be made here: %v", err)
	}
	defer master.Close()
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, &out, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = cmd.Start()
	tty.Close()
	if err != nil {
		t.Fatal(err)
	}
	var shown bytes.Buffer
	b := make([]byte, 4096)
	for typed := false; ; {
		n, err := master.Read(b)
		shown.Write(b[:n])
		if err != nil {
			break // EIO: the command has ended
		}
		if !typed && strings.Contains(shown.String(), "[y/N] ") {
			typed = true
			if _, err := io.WriteString(master, keys); err != nil {
				t.Error(err)
			}
		}
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), shown.String()
}

// TestReleaseMineKilled is the whole program: `err32 hold` on a machine that
// crashes, and `err32 release --mine` by the same user, who is no administrator.
func TestReleaseMineKilled(t *testing.T) {
	t.Parallel()
	srv := smbdtest.Start(t, smbdtest.Config{})
	plain := plainEndpointOf(srv, "")
	const path = "mine.dat"
	writeFile(t, srv, path)
	program, state, ready := buildTool(t), t.TempDir(), filepath.Join(t.TempDir(), "ready")
	proxy := startCrashProxy(t, srv.Addr)
	command := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), program, append(args, "-U", srv.PlainUser+"%"+srv.PlainPassword)...)
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+state)
		return cmd
	}
	records := filepath.Join(state, "err32")
	server := "//" + proxy.Addr().String()

	proxy.silent.Store(true)
	hold := command("hold", "--ready-file", ready, server+"/"+srv.Share+"/"+path)
	if err := hold.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, stepTime, func() bool { _, err := os.Stat(ready); return err == nil }, func() string { return "hold is not ready" })
	proxy.silent.Store(false)
	// What lives is left alone, also when it does nothing.
	hold.Process.Signal(syscall.SIGSTOP)
	out, err := command("release", server, "--mine", "--yes").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("There was nothing to end.")) {
		t.Errorf("%v: %s", err, out)
	}
	hold.Process.Kill()
	hold.Wait()
	wantHeld(t, plain, path)
	wantRecords(t, records, 1)

	release := func(keys string) (int, string) {
		code, stdout, screen := onTerminal(t, command("release", server, "--mine"), keys)
		if strings.Contains(stdout+screen, srv.PlainPassword) {
			t.Errorf("the password is shown: %s%s", stdout, screen)
		}
		if !strings.Contains(screen, "err32 hold, process ") || !strings.Contains(screen, path) {
			t.Errorf("the terminal shows %q", screen)
		}
		return code, stdout + screen
	}
	for _, no := range []struct {
		keys string
		code int
	}{{"\r", 0}, {"n\r", 0}, {"yep\r", 0}, {"\x04", 0}, {"\x03", 130}, {"y\x03", 130}} {
		if code, shown := release(no.keys); code != no.code {
			t.Errorf("%q: exit code %d, want %d: %s", no.keys, code, no.code, shown)
		}
	}
	out, err = command("release", server, "--mine").CombinedOutput() // nobody to ask
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || !bytes.Contains(out, []byte("--yes")) || !bytes.Contains(out, []byte("--dry-run")) {
		t.Errorf("%v: %s", err, out)
	}
	wantHeld(t, plain, path)
	wantRecords(t, records, 1)

	if code, shown := release("YES\r"); code != 0 || !strings.Contains(shown, "1 ended, and seen to be gone.") {
		t.Errorf("exit code %d: %s", code, shown)
	}
	wantFree(t, plain, path)
	wantRecords(t, records, 0)
	waitNoSessions(t, srv)
}
