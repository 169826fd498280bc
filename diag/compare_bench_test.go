package diag

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"
)

var bigReports = flag.String("big-reports", "", "write the reports of BenchmarkBigReport into this folder, to try the program on")

// runOfSize is a report of 10 000 events and 50 000 opens: of table, with all of
// them in one list, or of repro, with a quarter of them at each moment.
func runOfSize(command string) *Report {
	r := bigTable(50_000)
	opens := r.Table.Opens
	r.Command, r.Tool = command, Tool{Version: "test", OS: "linux", Arch: "amd64"}
	r.Again = "err32 " + command + " //fs01/projects"
	r.Started = Time{time.Date(2026, 8, 5, 9, 14, 2, 0, time.UTC)}
	r.Finished = Time{r.Started.Add(time.Hour)}
	r.Target = &TargetInfo{Server: "fs01", Port: 445, Share: "projects", User: `EXAMPLE\admin`}
	r.Server = &ServerInfo{Dialect: "3.1.1", Signing: "AES-GMAC", Name: "FS01", Version: "10.0"}
	r.Verdict = &Verdict{Code: 32, Name: "ERROR_SHARING_VIOLATION", Summary: "It is in use.", Because: []int{3, 9999}}
	code := uint32(32)
	for i := range 10_000 {
		e := Event{ID: i + 1, T: Millisecond(i-100) * 100, Actor: ActorContender, What: whatTry, Detail: fmt.Sprintf(`bench\a file of the bench %06d.dat`, i%977)}
		switch {
		case i == 100:
			e = Event{ID: i + 1, Actor: ActorHolder, What: whatDisconnect, Detail: "vanish"}
		case i%3 == 0:
			e.Actor, e.What, e.Detail = ActorObserver, whatList, fmt.Sprintf("%d opens of the file", i%7)
		default:
			e.Status, e.StatusName, e.Win32 = "0xC0000043", "STATUS_SHARING_VIOLATION", &code
		}
		r.Events = append(r.Events, e)
	}
	if command == "repro" {
		free := Millisecond(989_900)
		r.Table = nil
		r.Repro = &ReproResult{
			File: "bench", Holder: &HolderInfo{SessionID: "0x1", FileID: "0x1:0x1", Access: []string{"read"}}, Disconnect: "vanish",
			Contender: "go-smb2", RetryFrom: "other", Error32WhileHeld: true, Error32AfterDisconnect: true, TableSeen: true,
			Release: Release{Released: true, AfterMS: &free, WaitedMS: free},
			Opens:   OpensOverTime{Before: opens[:12_500], Held: opens[12_500:25_000], After: opens[25_000:37_500], End: opens[37_500:]},
		}
		return r
	}
	n := 100
	for i := range 500 {
		r.Table.Sessions = append(r.Table.Sessions, SessionRow{Client: fmt.Sprintf("10.20.%d.%d", i/250, i%250), User: `EXAMPLE\alice`, Opens: &n})
	}
	return r
}

// peak is how much memory the process took at most while work went on, by what
// Go has from the system and has not given back.
func peak(work func()) (most uint64) {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	read := func() {
		metrics.Read(sample)
		most = max(most, sample[0].Value.Uint64()-sample[1].Value.Uint64())
	}
	done := make(chan struct{})
	var task sync.WaitGroup
	task.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				read()
			case <-done:
				read()
				return
			}
		}
	})
	work()
	close(done)
	task.Wait()
	return most
}

// BenchmarkBigReport writes a report of 10 000 events and 50 000 opens in every
// form, one after another and all at once: less than 5 s and 500 MiB is the aim.
//
//	go test ./diag -run '^$' -bench BigReport -benchtime 1x
//
// The program itself, on the same reports:
//
//	go test ./diag -run '^$' -bench BigReport/none -big-reports /tmp/big && cd /tmp/big &&
//	/usr/bin/time -v err32 report table.json --report x.txt --report x.md --report x.html --report x.csv --json >x.json
func BenchmarkBigReport(b *testing.B) {
	for _, command := range []string{"table", "repro"} {
		r, after := runOfSize(command), runOfSize(command)
		if *bigReports != "" {
			for name, r := range map[string]*Report{command: r, command + "_after": after} {
				if err := WriteReportFile(filepath.Join(*bigReports, name+".json"), r, true); err != nil {
					b.Fatal(err)
				}
			}
		}
		written := func(name string, o Outputs) {
			b.Run(command+"/"+name, func(b *testing.B) {
				folder := b.TempDir()
				for i := range o.Reports {
					o.Reports[i] = filepath.Join(folder, o.Reports[i])
				}
				if o.Bundle != "" {
					o.Bundle = filepath.Join(folder, o.Bundle)
				}
				o.Force = true
				most := uint64(0)
				for b.Loop() {
					runtime.GC()
					most = max(most, peak(func() {
						o.redactor = nil
						if _, err := o.Write(r); err != nil {
							b.Fatal(err)
						}
					}))
				}
				size := int64(0)
				files, _ := filepath.Glob(filepath.Join(folder, "*"))
				for _, file := range files {
					if info, err := os.Stat(file); err == nil {
						size += info.Size()
					}
				}
				b.ReportMetric(float64(most)/(1<<20), "peak-MiB")
				b.ReportMetric(float64(size)/(1<<20), "written-MiB")
			})
		}
		all := func() (files []string) {
			for _, f := range Formats {
				files = append(files, "x"+f.Ending)
			}
			return files
		}
		for _, f := range Formats {
			written(f.Name, Outputs{Reports: []string{"x" + f.Ending}})
		}
		written("bundle", Outputs{Bundle: "x.zip"})
		written("all", Outputs{Reports: all(), Bundle: "x.zip"})
		written("all redacted", Outputs{Reports: all(), Bundle: "x.zip", Redact: true})
		b.Run(command+"/read", func(b *testing.B) {
			data := renderJSON(b, r)
			most := uint64(0)
			for b.Loop() {
				runtime.GC()
				most = max(most, peak(func() {
					if _, err := ParseReport(data); err != nil {
						b.Fatal(err)
					}
				}))
			}
			b.ReportMetric(float64(most)/(1<<20), "peak-MiB")
		})
		b.Run(command+"/compare", func(b *testing.B) {
			for b.Loop() {
				compared(b, r, after)
			}
		})
	}
}
