package diag

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// browserModules names the folder whose node_modules hold what
// testdata/browser/package.json asks for. Where it is set, the browser checks
// must be done.
const browserModules = "ERR32_BROWSER_MODULES"

// bigRun is a run with many events, which the page must cut.
func bigRun(events, opens int) *Report {
	r := &Report{Schema: Schema, Command: "repro", Repro: &ReproResult{
		File: "big.tmp", Holder: &HolderInfo{SessionID: "0x1", FileID: "0x1:0x1", Access: []string{"read", "write"}}, Disconnect: "freeze",
		Contender: "go-smb2", RetryFrom: "other", Error32WhileHeld: true, Error32AfterDisconnect: true, TableSeen: true,
	}}
	after := Millisecond(100 * (events - 4))
	code := uint32(32)
	r.Repro.Release = Release{Released: true, AfterMS: &after, WaitedMS: after}
	for i := range events {
		e := Event{ID: i + 1, T: Millisecond(100 * (i - 3)), Actor: ActorContender, What: whatTry, Status: "0xC0000043", StatusName: "STATUS_SHARING_VIOLATION", Win32: &code}
		switch i {
		case 0:
			e = Event{ID: 1, T: -300, Actor: ActorTool, What: whatNote, Detail: "begins"}
		case 1:
			e = Event{ID: 2, T: -200, Actor: ActorHolder, What: whatOpen, Detail: "big.tmp", Status: "0x00000000", StatusName: "STATUS_SUCCESS"}
		case 3:
			e = Event{ID: 4, Actor: ActorHolder, What: whatDisconnect, Detail: "freeze"}
		case events - 1:
			e = Event{ID: events, T: after, Actor: ActorContender, What: whatTry, Status: "0x00000000", StatusName: "STATUS_SUCCESS"}
		}
		r.Events = append(r.Events, e)
	}
	r.Verdict = &Verdict{Code: 32, Name: "ERROR_SHARING_VIOLATION", Summary: "It was held for long. Then it was free.", Because: []int{2, 3, 4, events / 2, events}}
	r.Repro.Opens.Held = bigTable(opens).Table.Opens
	r.Repro.Opens.After = r.Repro.Opens.Held[opens/10:]
	r.Repro.Opens.End = r.Repro.Opens.Held[opens/2:]
	return r
}

// Every report in a browser: on a phone, a screen and paper, light and dark.
func TestBrowser(t *testing.T) {
	modules := os.Getenv(browserModules)
	if modules == "" {
		t.Skip(browserModules + " does not name the folder with node_modules; see testdata/browser/package.json")
	}
	for _, module := range []string{"playwright-core", "axe-core"} {
		if _, err := os.Stat(filepath.Join(modules, "node_modules", module)); err != nil {
			t.Fatal(err)
		}
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/usr/bin/chromium"); err != nil {
		t.Fatal(err)
	}
	narrowSymbols(t, false)
	reports := map[string]*Report{
		"hostile_names": hostileReport(), "big": bigRun(10_000, 50_000),
		"one_event": {Schema: Schema, Command: "table", Events: []Event{{ID: 1, Actor: ActorObserver, What: whatConnect}}},
	}
	// The letters of a time axis must not lie on each other, however long a run takes.
	for name, times := range map[string][2]Millisecond{
		"tiny": {-0.51, 0.04}, "quick": {-4.8, 0.5}, "equal": {-999, 1050}, "late": {-61e3, 800}, "minutes": {-140, 330e3}, "hours": {-3600e3, 7.9e6}, "days": {-510, 4e8},
	} {
		r := bigRun(10, 10)
		r.Events[0].T, r.Events[1].T, r.Events[2].T = times[0], times[0]/2, times[0]/3
		for i := 4; i < 10; i++ {
			r.Events[i].T = times[1] * Millisecond(i-3) / 6
		}
		*r.Repro.Release.AfterMS = times[1]
		reports["run_"+name] = r
	}
	for file, r := range reportInputs(t) {
		reports[strings.TrimSuffix(filepath.Base(file), ".txtar")] = r
	}
	folder := t.TempDir()
	args := []string{"../testdata/browser/check.mjs"}
	if shots := os.Getenv("ERR32_BROWSER_SHOTS"); shots != "" {
		args = append(args, "--shots", shots)
	}
	for name, r := range reports {
		file := filepath.Join(folder, name+".html")
		if err := WriteReportFile(file, r, false); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, node, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := fmt.Sprintf("%d files in 6 views, 0 faults\n", len(reports)); string(out) != want {
		t.Errorf("check.mjs says\n%swant\n%s", out, want)
	}
}
