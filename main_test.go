package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

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
}

// TestScripts runs err32 as a process, without a server. The first word of a
// script's name is the command it is about.
func TestScripts(t *testing.T) {
	runScripts(t, "testdata/script", func(*testscript.Env) error { return nil })
}

// TestServerScripts runs err32 against smbd. Each script finds in its
// environment:
//
//	ADDR    host:port of the server
//	SHARE   //host:port/share
//	FOLDER  a folder of the share for this script alone
//	TARGET  $SHARE/$FOLDER
//	DIR     the same folder on disk
//	ADMIN   USER%PASSWORD of a user who may read the server's tables
//	PLAIN   USER%PASSWORD of one who may not
//	HASH    the NT hash of ADMIN's password
func TestServerScripts(t *testing.T) {
	srv := smbdtest.Start(t, smbdtest.Config{})
	runScripts(t, "testdata/script/server", func(env *testscript.Env) error {
		folder := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
		dir := filepath.Join(srv.Dir, folder)
		share := "//" + srv.Addr + "/" + srv.Share
		for name, value := range map[string]string{
			"ADDR": srv.Addr, "SHARE": share, "FOLDER": folder, "TARGET": share + "/" + folder, "DIR": dir,
			"ADMIN": srv.User + "%" + srv.Password, "PLAIN": srv.PlainUser + "%" + srv.PlainPassword, "HASH": srv.NTHash,
		} {
			env.Setenv(name, value)
		}
		return errors.Join(os.Mkdir(dir, 0o777), os.Chmod(dir, 0o777))
	})
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
// sends it SIGINT once a file matches PATTERN, and checks its exit code. What
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
	found := waitForFile(ts.MkAbs(args[1]))
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
	if !waitForFile(ts.MkAbs(args[0])) {
		ts.Fatalf("no file %s", args[0])
	}
}

// waitForFile polls, for there is nothing else that tells of another process's
// file on every system.
func waitForFile(pattern string) bool {
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); time.Sleep(2 * time.Millisecond) {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return true
		}
	}
	return false
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
