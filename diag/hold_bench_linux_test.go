package diag

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"
)

// holdCost is what it costs a program to hold files, one value a round.
type holdCost struct {
	rate, wall, cpu, peak, anonymous measured // files a second; seconds; seconds; bytes; bytes
}

// add takes the values of a program that has just become ready. The rate is
// that of the opening alone, the other values are its whole life's.
func (c *holdCost) add(b *testing.B, h *holding, files int, opening time.Duration) {
	c.rate = append(c.rate, float64(files)/opening.Seconds())
	c.wall = append(c.wall, h.wall.Seconds())
	c.cpu = append(c.cpu, h.cpu(b).Seconds())
	c.peak = append(c.peak, h.memory(b, "VmHWM"))
	c.anonymous = append(c.anonymous, h.memory(b, "RssAnon"))
}

func (c *holdCost) log(b *testing.B, name string) {
	b.Helper()
	b.Logf("%-24s opens/s %v   whole wall s %v   CPU s %v   peak bytes %v   of these anonymous %v",
		name, c.rate, c.wall, c.cpu, c.peak, c.anonymous)
}

// BenchmarkHold holds 10 000 existing files, with err32 hold --all and with
// go-smb2 v1.1.0 from 64 goroutines and from one. Both are programs of their
// own. The peer's is the shortest there can be and is told the files' names;
// err32 brings its whole command line and lists the folders. Peak memory is
// therefore given twice: all of it, the mapped parts of the program's file
// included, and what is anonymous (heap and stacks) once all files are held.
func BenchmarkHold(b *testing.B) {
	const files = 10_000
	srv := serveSmbd(b, serverConfig{})
	err32, peer := build(b, ".."), build(b, "testdata/gosmb2")
	makeFiles(b, srv, files, "ten")
	waitIdle := idleWaiter(b, srv)

	var ours, many, one holdCost
	goSMB2 := func(c *holdCost, workers int) {
		h := startHolding(b, peer, srv.addr, srv.user, srv.password, srv.share, "ten", strconv.Itoa(files), strconv.Itoa(workers))
		ms, err := strconv.ParseFloat(h.ready, 64)
		if err != nil {
			b.Fatal(err)
		}
		c.add(b, h, files, time.Duration(ms*float64(time.Millisecond)))
		h.end(b)
		waitIdle()
	}
	for b.Loop() {
		for range benchRounds {
			goSMB2(&many, 64)
			goSMB2(&one, 1)

			h := startHolding(b, err32, "hold", "--all", "--share", "rw", "--disconnect", "fin", "--json",
				"-U", srv.user+"%"+srv.password, benchTarget(srv, "ten"))
			var cost holdCost
			cost.add(b, h, files, time.Second) // the rate comes with the report
			var report struct {
				Held   int     `json:"held"`
				OpenMS float64 `json:"open_ms"`
			}
			if err := json.Unmarshal(h.end(b), &report); err != nil || report.Held != files {
				b.Fatalf("err32 held %d files, %v: %s", report.Held, err, &h.stderr)
			}
			ours.rate = append(ours.rate, float64(files)/report.OpenMS*1000)
			ours.wall = append(ours.wall, cost.wall...)
			ours.cpu = append(ours.cpu, cost.cpu...)
			ours.peak = append(ours.peak, cost.peak...)
			ours.anonymous = append(ours.anonymous, cost.anonymous...)
			waitIdle()
		}
	}
	ours.log(b, "err32")
	many.log(b, "go-smb2, 64 goroutines")
	one.log(b, "go-smb2, one by one")
	for _, r := range []struct {
		ratio measured
		unit  string
	}{
		{ours.rate.over(many.rate), "rate/go-smb2-64"},
		{ours.rate.over(one.rate), "rate/go-smb2-1"},
		{ours.cpu.over(many.cpu), "cpu/go-smb2-64"},
		{ours.peak.over(many.peak), "peak/go-smb2-64"},
		{ours.anonymous.over(many.anonymous), "anon/go-smb2-64"},
	} {
		b.Logf("%s %v", r.unit, r.ratio)
		b.ReportMetric(r.ratio.median(), r.unit)
	}
	b.ReportMetric(ours.rate.median(), "opens/s")
	b.ReportMetric(0, "ns/op")
}
