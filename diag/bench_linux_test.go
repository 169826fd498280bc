package diag

// The benchmarks compare err32 with its peers on one private smbd, in turn,
// and report ratios: on a shared machine only those carry over. They take
// minutes and do not run with the tests:
//
//	go test ./diag -run '^$' -bench . -benchtime 1x
//
// Each iteration is a whole measurement of several rounds. The metrics are
// medians; the log below them has the extremes in brackets. Without smbd they
// skip.

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// benchRounds is how often each program is measured.
const benchRounds = 7

// build builds the package in dir, as a user would, and returns the program's
// path.
func build(b *testing.B, dir string) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "program")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// makeFiles makes FOLDER/dDD/fNNNNN.dat on the server's disk, 1000 a folder:
// Samba is slow with more.
func makeFiles(b *testing.B, srv *testServer, n int, path ...string) {
	b.Helper()
	for i := range n {
		in := append(slices.Clone(path), fmt.Sprintf("d%02d", i/1000))
		if i%1000 == 0 {
			srv.folder(b, in...)
		}
		srv.writeFiles(b, strings.Join(append(in, fmt.Sprintf("f%05d.dat", i)), "/"))
	}
}

// benchTarget is err32's way to name a folder of the server's share.
func benchTarget(srv *testServer, path string) string {
	return "//" + srv.addr + "/" + srv.share + "/" + path
}

// idleWaiter returns a function that waits until the server has no session but
// the one it looks with, and no open. Looking keeps Samba's rpcd running.
func idleWaiter(b *testing.B, srv *testServer) func() {
	b.Helper()
	ctx := context.Background()
	o, err := srv.endpoint("").observe(ctx, "")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { o.leave(ctx) })
	if o.denied != nil {
		b.Fatal(o.denied)
	}
	return func() {
		b.Helper()
		deadline := time.Now().Add(30 * time.Second)
		for {
			sessions, err := o.tables.SessionEnum(ctx, "", "")
			if err != nil {
				b.Fatal(err)
			}
			rows, err := o.opens(ctx, nil)
			if err != nil {
				b.Fatal(err)
			}
			if len(sessions) == 1 && len(rows) == 0 {
				return
			}
			if time.Now().After(deadline) {
				b.Fatalf("the server still has %d sessions and %d opens", len(sessions), len(rows))
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// holding is a program that holds files.
type holding struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout *bufio.Reader
	stderr bytes.Buffer
	ready  string        // what it printed after the word
	wall   time.Duration // from its start until it printed it
}

// startHolding starts a program and waits for its line "ready".
func startHolding(b *testing.B, name string, args ...string) *holding {
	b.Helper()
	h := &holding{cmd: exec.Command(name, args...)}
	h.cmd.Stderr = &h.stderr
	stdin, err := h.cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := h.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	h.stdin, h.stdout = stdin, bufio.NewReader(stdout)
	begin := time.Now()
	if err := h.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { // for a benchmark that fails
		h.cmd.Process.Kill()
		h.cmd.Wait()
	})
	line, err := h.stdout.ReadString('\n')
	h.wall = time.Since(begin)
	rest, isReady := strings.CutPrefix(line, "ready")
	if err != nil || !isReady {
		h.cmd.Process.Kill()
		h.cmd.Wait() // stderr is complete then
		b.Fatalf("%s is not ready: %q, %v\n%s", filepath.Base(name), line, err, &h.stderr)
	}
	h.ready = strings.TrimSpace(rest)
	return h
}

// end makes the program leave and returns the rest of its output.
func (h *holding) end(b *testing.B) []byte {
	b.Helper()
	h.cmd.Process.Signal(os.Interrupt)
	h.stdin.Close()
	rest, err := io.ReadAll(h.stdout)
	h.cmd.Wait() // the peer knows of no signal
	if err != nil {
		b.Fatal(err)
	}
	return rest
}

// cpu is the processor time of all threads that the program has had.
func (h *holding) cpu(b *testing.B) time.Duration {
	b.Helper()
	const schedClock = 2 // CPUCLOCK_SCHED
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^h.cmd.Process.Pid<<3|schedClock), &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}

// memory reads a field of /proc/PID/status, in bytes.
func (h *holding) memory(b *testing.B, field string) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) == 3 && f[0] == field+":" && f[2] == "kB" {
			kb, err := strconv.ParseFloat(f[1], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kb * 1024
		}
	}
	b.Fatalf("/proc/PID/status has no %s", field)
	return 0
}

// measured are the values of several rounds.
type measured []float64

func (m measured) median() float64 {
	s := slices.Sorted(slices.Values(m))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// over divides round by round.
func (m measured) over(o measured) measured {
	r := make(measured, len(m))
	for i := range m {
		r[i] = m[i] / o[i]
	}
	return r
}

// String returns "median (least..most)".
func (m measured) String() string {
	return fmt.Sprintf("%.4g (%.4g..%.4g)", m.median(), slices.Min(m), slices.Max(m))
}
