package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gopacket/gopacket/pcapgo"
	"github.com/hirochachacha/go-smb2"
	"github.com/rogpeppe/go-internal/testscript"

	"err32/diag"
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
	"signalled":  signalled,
	"appears":    appears,
	"json":       jsonValue,
	"packets":    packets,
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
		Condition:           scriptCondition,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// scriptCondition knows [tmpfs]: a file system can be mounted in a namespace of
// one's own.
func scriptCondition(name string) (bool, error) {
	if name != "tmpfs" {
		return false, fmt.Errorf("condition %s is not known", name)
	}
	return exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", os.TempDir()).Run() == nil, nil
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
	cmd := startCommand(ts, args[2:])
	pattern, onServer := strings.CutPrefix(args[1], "remote:")
	found := waitFor(func() bool {
		if onServer {
			found, _ := ts.Value(remoteKey{}).(*remote).exists(pattern)
			return found
		}
		return fileExists(ts.MkAbs(pattern))
	})
	ts.Check(cmd.Process.Signal(os.Interrupt))
	err := cmd.Wait()
	if !found {
		ts.Fatalf("no file %s; %q wrote:\n%s%s", args[1], args[2:], ts.ReadFile("stdout.txt"), ts.ReadFile("stderr.txt"))
	}
	checkExit(ts, args[0], args[2:], err)
}

// startCommand starts a command that writes to the files stdout.txt and
// stderr.txt.
func startCommand(ts *testscript.TestScript, words []string) *exec.Cmd {
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), os.Environ()
	for _, name := range []string{"GORACE", "HOME", "XDG_STATE_HOME"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	stdout, err := os.Create(ts.MkAbs("stdout.txt"))
	ts.Check(err)
	defer stdout.Close()
	stderr, err := os.Create(ts.MkAbs("stderr.txt"))
	ts.Check(err)
	defer stderr.Close()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	ts.Check(cmd.Start())
	return cmd
}

// signalled is the script command "signalled CODE PHASE CMD…", about a run that
// a signal ends. It is run twice, for SIGINT and for SIGTERM, each time on a lab
// of its own, whose address stands for LAB in CMD. The lab knows the user
// admin%pw1, and keeps what a lost client had open unless TEMPERAMENT is another
// one than nt4. In its share go-smb2 has the file "held" open, after one
// NEGOTIATE, two SESSION_SETUPs and one TREE_CONNECT. PHASE says when the signal
// is sent: it is a fault of the lab, once that has befallen a request, /REGEXP/
// for an event of the lab, or the file ./ready, which CMD writes.
//
// The run must end with CODE, and say nothing on stderr. It must have written
// the report in every form, all of them the same, and nothing else: interrupted
// and incomplete with CODE 130, and neither with another one. Nothing may be
// left on the server. The report is on stdout then, as JSON.
func signalled(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: signalled CODE PHASE CMD…")
	}
	outputs := ts.MkAbs("outputs")
	words := slices.Concat(args[2:], []string{"--bundle", filepath.Join(outputs, "run.zip"), "--capture", filepath.Join(outputs, "run.pcapng")})
	for _, f := range diag.Formats {
		words = append(words, "--report", filepath.Join(outputs, "run"+f.Ending))
	}
	ts.Setenv("XDG_STATE_HOME", ts.MkAbs("state"))
	saved := ""
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		ts.Check(os.Mkdir(outputs, 0o700))
		os.Remove(ts.MkAbs("ready"))
		err := onLab(cmp.Or(ts.Getenv("TEMPERAMENT"), "nt4"), args[1], words, func(words []string, reached func() bool) error {
			cmd := startCommand(ts, words)
			inTime := waitFor(func() bool { return reached() || args[1] == "./ready" && fileExists(ts.MkAbs(args[1])) })
			ts.Check(cmd.Process.Signal(sig))
			err := cmd.Wait()
			if !inTime {
				return errors.New("the phase was not reached")
			}
			if code := cmd.ProcessState.ExitCode(); strconv.Itoa(code) != args[0] {
				return fmt.Errorf("exit code %d, want %s (%v)", code, args[0], err)
			}
			return nil
		})
		stdout, stderr := ts.ReadFile("stdout.txt"), ts.ReadFile("stderr.txt")
		if err == nil {
			err = checkOutputs(outputs, stdout, args[0] == "130")
		}
		if err == nil && stderr != "" {
			err = errors.New("there is something on stderr")
		}
		if err != nil {
			ts.Fatalf("%v in %s: %v; %q wrote:\n%s%s", sig, args[1], err, args[2:], stdout, stderr)
		}
		saved = ts.ReadFile(filepath.Join(outputs, "run.json"))
		ts.Check(os.RemoveAll(outputs))
	}
	fmt.Fprint(ts.Stdout(), saved)
}

// onLab lets run run a command on a lab as signalled has it; reached tells it
// whether the phase is. The error is run's, or says what is left on the lab.
func onLab(temperament, phase string, words []string, run func(words []string, reached func() bool) error) (err error) {
	srv := lab.New()
	srv.Users = []lab.User{{Name: "admin", Password: "pw1", Groups: []string{lab.Administrators}}}
	if srv.Temperament, err = lab.TemperamentNamed(temperament); err != nil {
		return err
	}
	var reached atomic.Bool
	if expression, ok := strings.CutPrefix(phase, "/"); ok {
		event, err := regexp.Compile(strings.TrimSuffix(expression, "/"))
		if err != nil {
			return err
		}
		srv.Log = func(e lab.Event) { reached.CompareAndSwap(false, event.MatchString(e.String())) }
	} else if phase != "./ready" {
		fault, err := lab.ParseFault(phase)
		if err != nil {
			return err
		}
		srv.Faults = []lab.Fault{fault}
		srv.Log = func(e lab.Event) { reached.CompareAndSwap(false, e.What == lab.EventFault) }
	}
	if err := srv.Start(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.Close()) }()
	words = slices.Clone(words)
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "LAB", srv.Addr())
	}
	env := map[string]string{"ADDR": srv.Addr(), "SHARE": "//" + srv.Addr() + "/share", "ADMIN": "admin%pw1"}
	connect := func() (*remote, error) { return newRemote(func(name string) string { return env[name] }) }
	other, err := connect()
	if err != nil {
		return err
	}
	held, err := other.share.Create("held")
	if err == nil {
		err = run(words, reached.Load)
		held.Close() // fails where the run has ended it
	}
	other.close()
	if err != nil {
		return err
	}
	var opens []lab.OpenInfo
	if !waitFor(func() bool {
		opens = slices.DeleteFunc(srv.Opens(), func(o lab.OpenInfo) bool { return o.Pipe })
		return len(opens) == 0
	}) {
		return fmt.Errorf("left open on the server: %+v", opens)
	}
	if other, err = connect(); err != nil {
		return err
	}
	defer other.close()
	files, err := other.share.ReadDir("")
	for _, f := range files {
		if f.Name() != "held" {
			err = errors.Join(err, fmt.Errorf("%s is left on the server", f.Name()))
		}
	}
	return err
}

// checkOutputs says what is wrong with the files in a folder, all of one run
// that wrote every format, a bundle and a capture.
func checkOutputs(folder, stdout string, interrupted bool) error {
	saved, err := os.ReadFile(filepath.Join(folder, "run.json"))
	if err != nil {
		return err
	}
	r, err := diag.ParseReport(saved)
	switch {
	case err != nil:
		return err
	case r.Interrupted != interrupted || r.Incomplete != interrupted:
		return fmt.Errorf("the report says interrupted %v, incomplete %v; want %v", r.Interrupted, r.Incomplete, interrupted)
	}
	bundled, err := unzip(filepath.Join(folder, "run.zip"))
	if err != nil {
		return err
	}
	want := map[string]bool{"run.zip": true, "run.pcapng": true}
	for _, f := range diag.Formats {
		want["run"+f.Ending] = true
		var rendered strings.Builder
		if err := f.Render(&rendered, r, 0); err != nil {
			return err
		}
		got, err := os.ReadFile(filepath.Join(folder, "run"+f.Ending))
		switch {
		case err != nil:
			return err
		case string(got) != rendered.String():
			return fmt.Errorf("run%s is not what run.json makes", f.Ending)
		case f.Ending == ".txt" && !strings.HasSuffix(stdout, string(got)):
			return errors.New("stdout is not what run.json makes")
		case f.Ending != ".txt" && bundled["run/report"+f.Ending] != string(got):
			return fmt.Errorf("report%s in run.zip is not run%s", f.Ending, f.Ending)
		}
	}
	capture, err := os.ReadFile(filepath.Join(folder, "run.pcapng"))
	if err != nil {
		return err
	}
	if bundled["run/capture.pcapng"] != string(capture) || bundled["run/README.txt"] == "" {
		return errors.New("run.zip has no README.txt, or not the capture")
	}
	if _, err := countPackets(capture); err != nil {
		return fmt.Errorf("run.pcapng: %w", err)
	}
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		if !want[e.Name()] {
			return fmt.Errorf("%s is left in the folder", e.Name())
		}
	}
	return err
}

// countPackets reads a whole capture.
func countPackets(capture []byte) (n int, err error) {
	r, err := pcapgo.NewNgReader(bytes.NewReader(capture), pcapgo.DefaultNgReaderOptions)
	for n = -1; err == nil; n++ {
		_, _, err = r.ReadPacketData()
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// packets is the script command "packets FILE": the capture has some, and can be
// read to its end.
func packets(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: packets FILE")
	}
	if n, err := countPackets([]byte(ts.ReadFile(args[0]))); err != nil || n == 0 {
		ts.Fatalf("%s: %d packets, %v", args[0], n, err)
	}
}

// unzip returns what is in a zip file, by name.
func unzip(name string) (map[string]string, error) {
	archive, err := zip.OpenReader(name)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	files := map[string]string{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, f.Name, err)
		}
		files[f.Name] = string(b)
	}
	return files, nil
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
