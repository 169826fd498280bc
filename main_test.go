package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hirochachacha/go-smb2"
	"github.com/rogpeppe/go-internal/testscript"

	"err32/smb"
	"err32/smb/lab"
	"err32/smb/smbdtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"err32": main})
}

// scriptCommands are what scripts have besides testscript's own commands.
var scriptCommands = map[string]func(*testscript.TestScript, bool, []string){
	"exits":      exits,
	"interrupts": interrupts,
	"appears":    appears,
	"json":       jsonValue,
	"remote":     remoteCommand,
}

// TestScripts runs err32 as a process, without a server. The first word of a
// script's name is the command it is about.
func TestScripts(t *testing.T) {
	runScripts(t, "testdata/script", func(*testscript.Env) error { return nil })
}

// TestServerScripts runs err32 against the built-in lab, and against smbd where
// it is installed. Each script finds in its environment:
//
//	ADDR    host:port of the server
//	SHARE   //host:port/share
//	FOLDER  a folder of the share for this script alone
//	TARGET  $SHARE/$FOLDER
//	ADMIN   USER%PASSWORD of a user who may read the server's tables
//	PLAIN   USER%PASSWORD of one who may not
//	HASH    the NT hash of ADMIN's password
func TestServerScripts(t *testing.T) {
	t.Run("lab", func(t *testing.T) {
		srv := lab.New()
		srv.Users = []lab.User{{Name: "root", Password: "pw1", Groups: []string{lab.Administrators}}, {Name: "plain", Password: "pw2"}}
		if err := srv.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := srv.Close(); err != nil {
				t.Error(err)
			}
		})
		// MD4 of "pw1" in UTF-16, as `openssl dgst -md4` has it.
		const hash = "48b8efc2f1caff1d40153937b3db9c5a"
		serverScripts(t, srv.Addr(), "share", "root%pw1", "plain%pw2", hash)
	})
	t.Run("smbd", func(t *testing.T) {
		srv := smbdtest.Start(t, smbdtest.Config{Share: []string{"force create mode = 0666", "force directory mode = 0777"}})
		serverScripts(t, srv.Addr, srv.Share, srv.User+"%"+srv.Password, srv.PlainUser+"%"+srv.PlainPassword, srv.NTHash)
	})
}

func serverScripts(t *testing.T, addr, share, admin, plain, hash string) {
	runScripts(t, "testdata/script/server", func(env *testscript.Env) error {
		folder := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
		target := "//" + addr + "/" + share
		for name, value := range map[string]string{
			"ADDR": addr, "SHARE": target, "FOLDER": folder, "TARGET": target + "/" + folder,
			"ADMIN": admin, "PLAIN": plain, "HASH": hash,
		} {
			env.Setenv(name, value)
		}
		r, err := newRemote(env.Getenv)
		if err != nil {
			return err
		}
		env.Values[remoteKey{}] = r
		env.Defer(r.close)
		return r.share.Mkdir(folder, 0o777)
	})
}

// remote is a script's folder on the server, seen by a client of its own:
// go-smb2.
type remote struct {
	conn    net.Conn
	session *smb2.Session
	share   *smb2.Share
	folder  string
	locked  map[string]*smb.Open // by path, each on a connection of its own
}

type remoteKey struct{}

func newRemote(getenv func(string) string) (*remote, error) {
	user, password, _ := strings.Cut(getenv("ADMIN"), "%")
	conn, err := net.Dial("tcp", getenv("ADDR"))
	if err != nil {
		return nil, err
	}
	r := &remote{conn: conn, folder: getenv("FOLDER"), locked: map[string]*smb.Open{}}
	dialer := smb2.Dialer{Initiator: &smb2.NTLMInitiator{User: user, Password: password}}
	if r.session, err = dialer.Dial(conn); err == nil {
		r.share, err = r.session.Mount(strings.TrimPrefix(getenv("SHARE"), "//"+getenv("ADDR")+"/"))
	}
	if err != nil {
		conn.Close()
	}
	return r, err
}

func (r *remote) close() {
	for path := range r.locked {
		r.unlock(path)
	}
	r.share.Umount()
	r.session.Logoff()
	r.conn.Close()
}

// open opens a file, sharing all, with err32's own client and on a connection
// of its own: go-smb2 has no LOCK, and shares too little to remove a file that
// others have.
func (r *remote) open(getenv func(string) string, path string, access smb.AccessMask) (*smb.Open, error) {
	ctx := context.Background()
	conn, err := smb.Dial(ctx, getenv("ADDR"), nil)
	if err != nil {
		return nil, err
	}
	user, password, _ := strings.Cut(getenv("ADMIN"), "%")
	session, err := conn.LogOn(ctx, smb.NTLM{User: user, Password: password}.Mechanism(), 0)
	var tree *smb.Tree
	if err == nil {
		tree, err = session.TreeConnect(ctx, strings.TrimPrefix(getenv("SHARE"), "//"+getenv("ADDR")+"/"))
	}
	var open *smb.Open
	if err == nil {
		open, err = tree.Create(ctx, &smb.CreateRequest{
			Name: path, Access: access, Share: smb.ShareRead | smb.ShareWrite | smb.ShareDelete, Disposition: smb.OpenFile,
		})
	}
	if err != nil {
		conn.Close()
	}
	return open, err
}

// leave closes an open, and its connection.
func leave(open *smb.Open) error {
	defer open.Tree().Session().Conn().Close()
	return open.Close(context.Background())
}

// lock locks a file's first byte until unlock or the end.
func (r *remote) lock(getenv func(string) string, path string) error {
	open, err := r.open(getenv, path, smb.FileReadData|smb.FileWriteData)
	if err != nil {
		return err
	}
	r.locked[path] = open
	return open.Lock(context.Background(), smb.LockElement{Length: 1, Flags: smb.LockExclusive | smb.LockFailImmediately})
}

func (r *remote) unlock(path string) error {
	open := r.locked[path]
	if open == nil {
		return fmt.Errorf("%s is not locked", path)
	}
	delete(r.locked, path)
	return leave(open)
}

// remove removes a file, or marks it for that where others have it open.
func (r *remote) remove(getenv func(string) string, path string) error {
	open, err := r.open(getenv, path, smb.Delete)
	if err != nil {
		return err
	}
	return errors.Join(open.Remove(context.Background()), leave(open))
}

// exists reports whether something in the folder, or in a folder of it that the
// pattern names, matches the pattern.
func (r *remote) exists(pattern string) (bool, error) {
	found, err := r.share.Glob(r.folder + `\` + strings.ReplaceAll(pattern, "/", `\`))
	return len(found) > 0, err
}

// remoteCommand is the script command "remote touch NAME…", "remote mkdir
// NAME…", "remote remove NAME…", "remote lock NAME…", "remote unlock NAME…" or
// "[!] remote exists PATTERN", about the script's folder on the server.
func remoteCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg && args[0] != "exists" {
		ts.Fatalf("usage: remote touch|mkdir|remove|lock|unlock NAME…, or [!] remote exists PATTERN")
	}
	r := ts.Value(remoteKey{}).(*remote)
	for _, name := range args[1:] {
		path := r.folder + `\` + strings.ReplaceAll(name, "/", `\`)
		switch args[0] {
		case "touch":
			ts.Check(r.share.WriteFile(path, nil, 0o666))
		case "mkdir":
			ts.Check(r.share.Mkdir(path, 0o777))
		case "remove":
			ts.Check(r.remove(ts.Getenv, path))
		case "lock":
			ts.Check(r.lock(ts.Getenv, path))
		case "unlock":
			ts.Check(r.unlock(path))
		case "exists":
			found, err := r.exists(name)
			ts.Check(err)
			if found == neg {
				ts.Fatalf("remote %s: found %v", name, found)
			}
		default:
			ts.Fatalf("remote %s is not known", args[0])
		}
	}
}

func runScripts(t *testing.T, dir string, setup func(*testscript.Env) error) {
	scripts, err := filepath.Glob(dir + "/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts in %s (%v)", dir, err)
	}
	testscript.Run(t, testscript.Params{
		Files: scripts,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else the race detector adds a second to every process
			return setup(env)
		},
		Cmds:                scriptCommands,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// exits is the script command "exits CODE CMD…": it runs CMD and checks its
// exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE CMD…")
	}
	checkExit(ts, args[0], args[1:], ts.Exec(args[1], args[2:]...))
}

func checkExit(ts *testscript.TestScript, want string, cmd []string, err error) {
	code, notNumber := strconv.Atoi(want)
	ts.Check(notNumber)
	got := 0
	if err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", cmd[0], err)
		}
		got = exit.ExitCode()
	}
	if got != code {
		ts.Fatalf("%q exited with %d, want %d", cmd, got, code)
	}
}

// interrupts is the script command "interrupts CODE PATTERN CMD…": it runs CMD,
// sends it SIGINT once a file matches PATTERN, or one on the server if it is
// written remote:PATTERN, and checks its exit code. What
// CMD wrote is in the files stdout.txt and stderr.txt.
func interrupts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: interrupts CODE PATTERN CMD…")
	}
	stdout, err := os.Create(ts.MkAbs("stdout.txt"))
	ts.Check(err)
	defer stdout.Close()
	stderr, err := os.Create(ts.MkAbs("stderr.txt"))
	ts.Check(err)
	defer stderr.Close()
	cmd := exec.Command(args[2], args[3:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), stdout, stderr
	cmd.Env = append(os.Environ(), "GORACE="+ts.Getenv("GORACE"))
	ts.Check(cmd.Start())
	pattern, onServer := strings.CutPrefix(args[1], "remote:")
	found := waitFor(func() bool {
		if onServer {
			found, _ := ts.Value(remoteKey{}).(*remote).exists(pattern)
			return found
		}
		return fileExists(ts.MkAbs(pattern))
	})
	ts.Check(cmd.Process.Signal(os.Interrupt))
	err = cmd.Wait()
	if !found {
		ts.Fatalf("no file %s; %q wrote:\n%s%s", args[1], args[2:], ts.ReadFile("stdout.txt"), ts.ReadFile("stderr.txt"))
	}
	checkExit(ts, args[0], args[2:], err)
}

// appears is the script command "appears PATTERN": it waits until a file
// matches PATTERN.
func appears(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: appears PATTERN")
	}
	if !waitFor(func() bool { return fileExists(ts.MkAbs(args[0])) }) {
		ts.Fatalf("no file %s", args[0])
	}
}

// waitFor polls, for there is nothing else that tells of another process's work
// on every system.
func waitFor(done func() bool) bool {
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); time.Sleep(2 * time.Millisecond) {
		if done() {
			return true
		}
	}
	return false
}

func fileExists(pattern string) bool {
	found, _ := filepath.Glob(pattern)
	return len(found) > 0
}

// jsonValue is the script command "json PATH REGEXP", or "! json PATH" for what
// must not be there: in the object on the last command's stdout it finds the
// value at PATH, keys and indexes with dots between them, and matches its
// compact JSON, or a string's text, as a whole. A negative index counts from
// the end.
func jsonValue(ts *testscript.TestScript, neg bool, args []string) {
	if neg && len(args) != 1 || !neg && len(args) != 2 {
		ts.Fatalf("usage: json PATH REGEXP, or ! json PATH")
	}
	var value any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &value))
	there := true
	for key := range strings.SplitSeq(args[0], ".") {
		switch v := value.(type) {
		case map[string]any:
			value, there = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			ts.Check(err)
			if i < 0 {
				i += len(v)
			}
			if there = 0 <= i && i < len(v); there {
				value = v[i]
			}
		default:
			there = false
		}
		if !there {
			break
		}
	}
	switch {
	case neg && there:
		ts.Fatalf("%s is there", args[0])
	case !neg && !there:
		ts.Fatalf("%s is not there", args[0])
	case neg:
		return
	}
	text, ok := value.(string)
	if !ok {
		b, err := json.Marshal(value)
		ts.Check(err)
		text = string(b)
	}
	re, err := regexp.Compile(`(?s)^(?:` + args[1] + `)$`)
	ts.Check(err)
	if !re.MatchString(text) {
		ts.Fatalf("%s is %s, want %s", args[0], text, args[1])
	}
}
