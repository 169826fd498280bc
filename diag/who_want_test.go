package diag

import (
	"context"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"err32/smb"
)

// wants are the opens that are judged. The hexadecimal ones are generic.
var wants = []string{"r:rwd", "rw:none", "d:rwd", "w:r", "rwd:rwd", "x:wd", "a:rw", "0x80000000:none", "0x40100000:rwd", "0x02000000:rw", "0x20080:none"}

// TestWhoWanted holds files in every way, and compares what who says of an open
// with what that open then meets: with probes always, and without them wherever
// who says anything.
func TestWhoWanted(t *testing.T) {
	t.Parallel()
	eachServer(t, bothServers, serverConfig{}, func(t *testing.T, srv *testServer) {
		files := holdAll(t, srv, false)
		contender := clientOf(t, srv)
		told, refused, wrong := 0, 0, 0
		for _, want := range wants {
			meets := map[string]smb.NTStatus{}
			wanted, err := ParseWanted(want)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				_, err := contender.CreateClose(t.Context(), &smb.CreateRequest{
					Name: f.path, Access: wanted.Access, Share: wanted.Share, Disposition: smb.OpenFile, Options: smb.NonDirectoryFile,
				})
				status, answered := smb.StatusOf(err)
				if err != nil && !answered {
					t.Fatal(err)
				}
				meets[f.path] = status
			}
			for _, o := range []WhoOptions{
				whoOf(srv.plainEndpoint(""), want, pathsOf(files)...),
				unprobed(whoOf(srv.plainEndpoint(""), want, pathsOf(files)...)),
				unprobed(whoOf(srv.endpoint(""), want, pathsOf(files)...)),
			} {
				r := Who(context.Background(), o)
				if r.Who == nil {
					t.Fatal(text(r))
				}
				for _, p := range r.Who.Paths {
					if o.Probe && p.Wanted.Allowed == nil {
						t.Errorf("%s of %s: not known: %s", want, p.Path, text(p.Wanted))
					}
					if p.Path == "nobody" && p.TableSeen && p.Wanted.Allowed == nil {
						t.Errorf("%s of a file that nobody has: %s", want, text(p.Wanted))
					}
					if p.Wanted.Allowed == nil {
						continue
					}
					told++
					if !*p.Wanted.Allowed {
						refused++
					}
					if met := meets[p.Path]; *p.Wanted.Allowed != (met == smb.StatusSuccess) || !*p.Wanted.Allowed && met != smb.StatusSharingViolation {
						if wrong++; wrong < 5 {
							t.Errorf("%s of %s, probes %v: %s, and it meets %v", want, p.Path, o.Probe, text(p.Wanted), met)
						}
					}
					if !o.Probe && !*p.Wanted.Allowed {
						t.Errorf("%s of %s: refused without having been tried", want, p.Path)
					}
				}
			}
		}
		t.Logf("%d answers, %d of them no, %d wrong", told, refused, wrong)
		if refused < len(files) || told < len(files)*len(wants) {
			t.Error("too few")
		}
	})
}

// TestWhoExitCode runs who for one path after the other, as a script does, and
// compares its exit code with what stock clients meet: go-smb2 opens for
// reading and writing, smbclient for reading, both sharing these two.
func TestWhoExitCode(t *testing.T) {
	t.Parallel()
	eachServer(t, everyServer, serverConfig{}, func(t *testing.T, srv *testServer) {
		files := holdAll(t, srv, false)
		for i := range files { // some of them, of every kind
			files[i] = files[(i*7)%len(files)]
		}
		files = append(files[:12], heldFile{path: "nobody"}, heldFile{path: "attributes"})
		stock, err := srv.plainEndpoint("").connectStock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer stock.leave(context.Background())
		gosmb2, smbclient := map[string]smb.NTStatus{}, map[string]smb.NTStatus{}
		var commands []string
		for _, f := range files {
			status, err := stock.open(t.Context(), f.path)
			if err != nil {
				t.Fatal(err)
			}
			if err := stock.letGo(); err != nil {
				t.Fatal(err)
			}
			gosmb2[f.path] = status
			commands = append(commands, "get "+f.path+" "+os.DevNull)
		}
		out, err := sambaTool(t, srv, "smbclient", "--command="+strings.Join(commands, "; ")).CombinedOutput()
		if err != nil && !strings.Contains(string(out), "opening remote file") {
			t.Fatalf("%v: %s", err, out)
		}
		for _, f := range files {
			if strings.Contains(string(out), `STATUS_SHARING_VIOLATION opening remote file \`+f.path+"\n") {
				smbclient[f.path] = smb.StatusSharingViolation
			}
		}
		count := map[int]int{}
		for _, f := range files {
			for _, c := range []struct {
				want  string
				meets smb.NTStatus
			}{{"0xC0000000:rw", gosmb2[f.path]}, {"0x80000000:rw", smbclient[f.path]}} {
				want := map[smb.NTStatus]int{smb.StatusSuccess: 0, smb.StatusSharingViolation: 32}[c.meets]
				r, p := runWho(t, whoOf(srv.plainEndpoint(""), c.want, f.path))
				count[r.ExitCode()]++
				if r.ExitCode() != want {
					t.Errorf("%s of %s, held as %v: exit code %d, and the client meets %v: %s", c.want, f.path, f.opens, r.ExitCode(), c.meets, text(p))
				}
				for _, e := range []Endpoint{srv.endpoint(""), srv.plainEndpoint("")} {
					r, _ := runWho(t, unprobed(whoOf(e, c.want, f.path)))
					if code := r.ExitCode(); code != want && code != 1 {
						t.Errorf("%s of %s without probes: exit code %d, and the client meets %v", c.want, f.path, code, c.meets)
					}
				}
			}
		}
		if count[0] < 3 || count[32] < 3 || len(count) != 2 {
			t.Errorf("the exit codes are %v: too few of one kind", count)
		}
	})
}

// TestWhoStockHolders finds out about holders that the tool did not make:
// go-smb2 in each of its ways and smbclient, of which smbstatus is the judge.
func TestWhoStockHolders(t *testing.T) {
	t.Parallel()
	srv := serve(t, onSmbd, serverConfig{})
	ways := map[string]int{"ro": os.O_RDONLY, "wo": os.O_WRONLY, "rw": os.O_RDWR, "append": os.O_RDWR | os.O_APPEND}
	srv.writeFiles(t, append(slices.Collect(maps.Keys(ways)), "smbclient")...)
	stock, err := srv.plainEndpoint("").connectStock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stock.leave(context.Background())
	files := []heldFile{{path: "smbclient"}}
	for path, flags := range ways {
		f, err := stock.share.OpenFile(path, flags, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, heldFile{path: path})
	}
	keepRunning(t, sambaTool(t, srv, "smbclient"), "open smbclient\n")
	eventually(t, stepTime, func() bool { return len(srv.opens(t)) == len(files) }, func() string { return text(srv.opens(t)) })
	for i := range files {
		files[i].opens = make([]holderState, 1)
	}
	for _, f := range judged(t, srv, files) {
		_, p := runWho(t, whoOf(srv.plainEndpoint(""), "rw:none", f.path))
		if want := aggregateOf(f.opens).wantHolders(); p.Holders != want {
			t.Errorf("%s, held as %v: found %+v, want %+v", f.path, f.opens, p.Holders, want)
		}
	}
}

// TestWhoTortureHolders finds out about smbtorture's hold-sharemode, which has
// every access to eight files that are called what it shares of them.
// (smbstatus --json of Samba 4.17 cannot be asked: such an access makes it
// panic.)
func TestWhoTortureHolders(t *testing.T) {
	t.Parallel()
	eachServer(t, bothServers, serverConfig{}, func(t *testing.T, srv *testServer) {
		out := keepRunning(t, sambaTool(t, srv, "smbtorture", "smb2.hold-sharemode"), "")
		eventually(t, stepTime, func() bool { return strings.Contains(out.String(), "Waiting for SIGINT") }, out.String)
		for _, share := range []string{"N", "R", "W", "D", "RW", "RD", "WD", "RWD"} {
			has := aggregate{access: shareAll}
			if share != "N" {
				var err error
				if has.share, err = smb.ParseShare(strings.ToLower(share)); err != nil {
					t.Fatal(err)
				}
			}
			_, p := runWho(t, whoOf(srv.plainEndpoint(""), "rw:none", `sharemode_hold_test\`+share))
			if want := has.wantHolders(); p.Holders != want {
				t.Errorf("%s: found %+v, want %+v", share, p.Holders, want)
			}
		}
	})
}

// keepRunning runs a program until the test ends, and returns what it has
// written so far.
func keepRunning(t *testing.T, cmd *exec.Cmd, input string) *lockedBuffer {
	t.Helper()
	out := new(lockedBuffer)
	cmd.Stdout, cmd.Stderr = out, out
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	if _, err := io.WriteString(in, input); err != nil {
		t.Fatal(err)
	}
	return out
}

// lockedBuffer is written to by a program and read by a test.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
