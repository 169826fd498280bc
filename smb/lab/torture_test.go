package lab_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var updateTorture = flag.Bool("update-torture", false, "write testdata/lab/torture.txt anew from what smbtorture says now")

// tortureSuites are smbtorture's test suites that the lab is tried with.
var tortureSuites = []string{
	"rpc.srvsvc", "smb2.compound", "smb2.connect", "smb2.credits", "smb2.deny", "smb2.durable-open", "smb2.durable-v2-open",
	"smb2.lease", "smb2.lock", "smb2.oplock", "smb2.session", "smb2.sharemode",
}

const (
	tortureList  = "../../testdata/lab/torture.txt"
	tortureTime  = 60 * time.Second // one test may take
	tortureLanes = 8                // tests at a time: most of them only wait
)

// verdict is how a test ends.
type verdict struct {
	word   string // "pass", "fail" or "skip"
	reason string // not for "pass"
}

// TestTorture runs smbtorture's tests, each on a lab of its own, and compares
// with testdata/lab/torture.txt: what passed once has to pass, and what failed
// and passes now is to be entered in the list.
func TestTorture(t *testing.T) {
	program := sambaTool(t, "smbtorture", "samba-testsuite")
	if testing.Short() {
		t.Skip("smbtorture takes a minute: not with -short")
	}
	head, listed, err := readTortureList()
	if err != nil {
		t.Fatal(err)
	}
	known := tortureTests(t, program)
	results := make(map[string]verdict)
	var mu sync.Mutex
	var running sync.WaitGroup
	lanes := make(chan struct{}, tortureLanes)
	for _, name := range known {
		want, ok := listed[name]
		if !ok && !*updateTorture {
			t.Errorf("%s is not in %s; go test with -update-torture enters it", name, tortureList)
			continue
		}
		running.Go(func() {
			lanes <- struct{}{}
			defer func() { <-lanes }()
			t.Run(name, func(t *testing.T) {
				got := torture(t, program, startLab(t, serverConfig{}), name)
				mu.Lock()
				results[name] = got
				mu.Unlock()
				switch {
				case *updateTorture:
				case want.word == "pass" && got.word != "pass":
					t.Errorf("%s: %s", got.word, got.reason)
				case want.word != got.word:
					t.Errorf("%s, and the list says %s: go test with -update-torture enters it (%s)", got.word, want.word, got.reason)
				}
			})
		})
	}
	running.Wait()
	if *updateTorture {
		if err := writeTortureList(head, listed, results); err != nil {
			t.Fatal(err)
		}
		return
	}
	for name := range listed {
		if !slices.Contains(known, name) {
			t.Errorf("%s is in %s, and smbtorture has no such test", name, tortureList)
		}
	}
}

// torture runs one of smbtorture's tests on a server.
func torture(t *testing.T, program string, srv server, name string) verdict {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), tortureTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, program,
		"--configfile="+toolConf(t), "--smb-ports="+srv.port(), "--user="+srv.user+"%"+srv.password,
		"--option=torture:user2name="+srv.plainUser, "--option=torture:user2password="+srv.plainPassword, "--format=subunit", "--fullname", "//"+srv.host()+"/"+srv.share, name)
	cmd.Dir = t.TempDir()
	cmd.WaitDelay = time.Second
	out, err := cmd.Output() // what goes to standard error is in between the lines, at any place
	if ctx.Err() != nil {
		return verdict{"fail", fmt.Sprintf("hangs: no result within %v", tortureTime)}
	}
	return parseSubunit(out, err)
}

// parseSubunit finds the result of a test, which is the line "success: NAME",
// or "failure: NAME [" with the reason in the following lines, up to "]".
func parseSubunit(out []byte, exit error) verdict {
	words := map[string]string{"success": "pass", "failure": "fail", "error": "fail", "skip": "skip"}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		kind, _, ok := strings.Cut(lines.Text(), ": ")
		word := words[kind]
		if !ok || word == "" {
			continue
		}
		var reason []string
		if strings.HasSuffix(lines.Text(), "[") {
			for lines.Scan() && lines.Text() != "]" {
				line := lines.Text()
				line = strings.TrimPrefix(line, "(")
				line = strings.TrimPrefix(line, "../../source4/torture/")
				line = strings.Replace(line, "): ", ": ", 1)
				line, _, _ = strings.Cut(line, ": (../../source4/") // the same place again
				reason = append(reason, strings.Join(strings.Fields(line), " "))
			}
		}
		return verdict{word, strings.Join(reason, " ")}
	}
	if exit == nil {
		exit = errors.New("exit code 0")
	}
	return verdict{"fail", fmt.Sprintf("smbtorture ends without a result: %v", exit)}
}

// tortureTests are the names of the tests there are, as smbtorture takes them.
// It lists "smb2.lock.range.range" for smb2.lock.range.
func tortureTests(t *testing.T, program string) []string {
	t.Helper()
	var all []string
	for _, suite := range tortureSuites {
		out, err := exec.Command(program, "--configfile="+toolConf(t), "--list", suite).Output()
		if err != nil {
			t.Fatal(err)
		}
		before := len(all)
		for name := range strings.Lines(string(out)) {
			name = strings.TrimSpace(name)
			if i := strings.LastIndexByte(name, '.'); i >= 0 && strings.HasSuffix(name[:i], name[i:]) {
				name = name[:i]
			}
			if name == suite || strings.HasPrefix(name, suite+".") {
				all = append(all, name)
			}
		}
		if len(all) == before {
			t.Fatalf("smbtorture lists no tests of %s:\n%s", suite, out)
		}
	}
	return all
}

// readTortureList reads lines "WORD NAME  REASON". What comes before the first
// of them, comments, is kept.
func readTortureList() (head string, listed map[string]verdict, err error) {
	text, err := os.ReadFile(tortureList)
	if err != nil {
		return "", nil, err
	}
	listed = make(map[string]verdict)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			head += line
			continue
		}
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, reason, _ := strings.Cut(rest, "  ")
		if !slices.Contains([]string{"pass", "fail", "skip"}, word) || (word == "pass") != (reason == "") {
			return "", nil, fmt.Errorf("%s: %q: want \"pass NAME\", or \"fail NAME  REASON\" or \"skip NAME  REASON\"", tortureList, line)
		}
		if _, twice := listed[name]; twice {
			return "", nil, fmt.Errorf("%s: %s stands twice", tortureList, name)
		}
		listed[name] = verdict{word, reason}
	}
	return head, listed, nil
}

// writeTortureList enters results in the list. A reason that was written by
// hand stays as long as the verdict does.
func writeTortureList(head string, listed, results map[string]verdict) error {
	for name, got := range results {
		if old, ok := listed[name]; !ok || old.word != got.word {
			listed[name] = got
		}
	}
	var lines []string
	for name, v := range listed {
		line := v.word + " " + name
		if v.word != "pass" {
			line += "  " + v.reason
		}
		lines = append(lines, line+"\n")
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[len("pass "):], b[len("pass "):]) })
	return os.WriteFile(tortureList, []byte(head+strings.Join(lines, "")), 0o644)
}
