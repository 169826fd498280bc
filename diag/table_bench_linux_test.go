package diag

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkTable lists the opens of a server, with err32 table --json and with
// rpcclient's netfileenum, from the process's start to its exit and with the
// output in a file. Each listing of err32 must have every row. The first of
// each, which also waits for Samba's rpcd to start, is not counted.
func BenchmarkTable(b *testing.B) {
	rpcclient, err := exec.LookPath("rpcclient")
	if err != nil {
		b.Skip("rpcclient is not installed; smbd's tests need Samba's clients too")
	}
	srv := serveSmbd(b, serverConfig{})
	err32 := build(b, "..")
	makeFiles(b, srv, 10_000, "ten")
	waitIdle := idleWaiter(b, srv)
	makeFiles(b, srv, 6_383, "more", "a")
	makeFiles(b, srv, 1_617, "more", "b")
	user := srv.user + "%" + srv.password

	for _, held := range []struct {
		opens   int
		folders []string // held by a connection each
	}{
		{1_000, []string{"ten/d00"}},
		{10_000, []string{"ten"}},
		{16_383, []string{"ten", "more/a"}}, // Samba's pointer ids repeat from here on
		{18_000, []string{"ten", "more"}},
	} {
		b.Run(strconv.Itoa(held.opens), func(b *testing.B) {
			defer waitIdle()
			for _, path := range held.folders {
				h := startHolding(b, err32, "hold", "--all", "--share", "rw", "--disconnect", "fin", "-U", user, benchTarget(srv, path))
				defer h.end(b)
			}
			var wall, cpu, peerWall, peerCPU measured
			for b.Loop() {
				for round := range benchRounds + 1 {
					pw, pc, out := timed(b, rpcclient, "-p", strconv.Itoa(srv.port), "127.0.0.1", "-U", user, "-c", "netfileenum")
					if n := strings.Count(out, ".dat"); n != held.opens {
						b.Fatalf("rpcclient lists %d opens, not %d", n, held.opens)
					}
					w, c, out := timed(b, err32, "table", "--json", "-U", user, "//"+srv.addr)
					if err := checkTable(out, held.opens); err != nil {
						b.Fatal(err)
					}
					if round == 0 {
						continue
					}
					wall, cpu = append(wall, w.Seconds()), append(cpu, c.Seconds())
					peerWall, peerCPU = append(peerWall, pw.Seconds()), append(peerCPU, pc.Seconds())
				}
			}
			b.Logf("err32      wall s %v   CPU s %v", wall, cpu)
			b.Logf("rpcclient  wall s %v   CPU s %v", peerWall, peerCPU)
			b.Logf("ratios     wall   %v   CPU   %v", wall.over(peerWall), cpu.over(peerCPU))
			b.ReportMetric(wall.over(peerWall).median(), "wall/rpcclient")
			b.ReportMetric(cpu.over(peerCPU).median(), "cpu/rpcclient")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// timed runs a program to its end.
func timed(b *testing.B, name string, args ...string) (wall, cpu time.Duration, out string) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "out")
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = file, file
	begin := time.Now()
	err = cmd.Run()
	wall = time.Since(begin)
	text, readErr := os.ReadFile(path)
	if err != nil || readErr != nil {
		b.Fatalf("%s: %v, %v\n%s", filepath.Base(name), err, readErr, text[:min(len(text), 2000)])
	}
	return wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), string(text)
}

// checkTable checks that a report has so many opens, all different and of one
// file each.
func checkTable(report string, opens int) error {
	var r TableResult
	if err := json.Unmarshal([]byte(report), &r); err != nil {
		return err
	}
	paths := map[string]bool{}
	for _, row := range r.Opens {
		paths[row.Path] = true
	}
	if len(r.Opens) != opens || len(paths) != opens {
		return fmt.Errorf("err32 lists %d opens of %d files, not %d", len(r.Opens), len(paths), opens)
	}
	return nil
}
