package lab

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"err32/smb"
)

func TestTemperamentNamed(t *testing.T) {
	for _, name := range []string{"windows", "samba", "nt4"} {
		if got, err := TemperamentNamed(name); err != nil || got.Name != name {
			t.Errorf("%s: %q, %v", name, got.Name, err)
		}
	}
	if _, err := TemperamentNamed("Vista"); err == nil || !strings.Contains(err.Error(), "windows, samba, nt4") {
		t.Errorf("Vista: %v", err)
	}
	if New().Temperament.Name != Temperaments()[0].Name {
		t.Error("the default is not the first")
	}
}

// watchOpens checks that the open table has n entries until d after begin, and
// none from then on.
func watchOpens(t *testing.T, s *Server, begin time.Time, n int, d time.Duration) {
	t.Helper()
	sleepUntil(begin, d-time.Nanosecond)
	synctest.Wait()
	wantOpens(t, s, "just before "+d.String(), n)
	sleepUntil(begin, d)
	synctest.Wait()
	wantOpens(t, s, "after "+d.String(), 0)
}

// How long opens stay whose client's connection ends two seconds after its
// last request.
func TestConnectionLost(t *testing.T) {
	for _, test := range []struct {
		name string
		t    Temperament
		stay time.Duration // after the last request; 0: they go with the connection
	}{
		{"windows", Windows(), 0},
		{"samba", Samba(), 0},
		{"nt4", NT4(), 15 * time.Minute},
		{"nt4 5s", NT4().WithLinger(5 * time.Second), 5 * time.Second},
		{"nt4 twice", NT4().WithLinger(time.Hour).WithLinger(5 * time.Second), 5 * time.Second},
		{"nt4 0s", NT4().WithLinger(0), 0},
		{"windows 5s", Windows().WithLinger(5 * time.Second), 5 * time.Second},
		{"windows 1s", Windows().WithLinger(time.Second), 0}, // that has passed already
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testServer()
				s.Temperament = test.t
				tree := pipeTree(t, s, nil)
				for _, name := range []string{"a.txt", "b.txt"} {
					mustOpen(t, tree, name)
				}
				time.Sleep(time.Second)
				if err := tree.Session().Echo(ctx); err != nil {
					t.Fatal(err)
				}
				last := time.Now()
				sleepUntil(last, 2*time.Second)
				wantOpens(t, s, "before the end", 2)
				tree.Session().Conn().Close()
				synctest.Wait()
				if test.stay == 0 {
					wantOpens(t, s, "at once", 0)
				} else {
					other := pipeTree(t, s, nil)
					_, err := openFile(other, "a.txt")
					wantRefusal(t, "another's open", err, smb.StatusSharingViolation)
					other.Session().Conn().Close()
					watchOpens(t, s, last, 2, test.stay)
				}
				other := pipeTree(t, s, nil)
				if _, err := openFile(other, "a.txt"); err != nil {
					t.Errorf("another's open in the end: %v", err)
				}
				other.Session().Conn().Close()
				closeServer(t, s)
			})
		})
	}
}

// A client that is there and sends nothing.
func TestAutodisconnect(t *testing.T) {
	const never = 30 * 24 * time.Hour
	for _, test := range []struct {
		name           string
		t              Temperament
		holding, empty time.Duration
	}{
		{"windows", Windows(), never, 15 * time.Minute},
		{"samba", Samba(), never, 7 * 24 * time.Hour},
		{"nt4", NT4(), 15 * time.Minute, 15 * time.Minute},
		{"nt4 5s", NT4().WithLinger(5 * time.Second), 5 * time.Second, 5 * time.Second},
		{"none", Temperament{}, never, never},
	} {
		for _, opens := range []int{1, 0} {
			t.Run(test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := testServer()
					s.Temperament = test.t
					lines := logLines(s)
					tree := pipeTree(t, s, nil)
					want := test.empty
					if opens > 0 {
						mustOpen(t, tree, "a.txt")
						want = test.holding
					}
					// The last request counts, whatever it is.
					time.Sleep(3 * time.Second)
					if err := tree.Session().Echo(ctx); err != nil {
						t.Fatal(err)
					}
					last := time.Now()
					sleepUntil(last, want-time.Nanosecond)
					synctest.Wait()
					wantOpens(t, s, "before", opens)
					if got := s.Books().Connections; got != 1 {
						t.Fatalf("just before %v there are %d connections", want, got)
					}
					if want == never {
						tree.Session().Conn().Close()
						synctest.Wait()
					} else {
						sleepUntil(last, want)
						<-tree.Session().Conn().Done()
						wantOpens(t, s, "after", 0)
						tree.Session().Conn().Close()
					}
					closeServer(t, s)
					said := strings.Contains(strings.Join(*lines, "\n"), "disconnect: the client has been silent for too long")
					if said != (want != never) {
						t.Errorf("the log: %q", *lines)
					}
				})
			})
		}
	}
}

// A request that waits is not silence.
func TestAutodisconnectSparesWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer()
		tree, other := pipeTree(t, s, nil), pipeTree(t, s, nil)
		lock := smb.LockElement{Length: 1, Flags: smb.LockExclusive}
		share := &smb.CreateRequest{Name: "a.txt", Access: smb.FileReadData | smb.FileWriteData, Share: 7, Disposition: smb.OpenIf}
		holder, err := tree.Create(ctx, share)
		if err != nil {
			t.Fatal(err)
		}
		if err := holder.Lock(ctx, lock); err != nil {
			t.Fatal(err)
		}
		waiter, err := other.Create(ctx, share)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- waiter.Lock(ctx, lock) }()
		time.Sleep(24 * time.Hour)
		tree.Session().Conn().Close()
		if err := <-done; err != nil {
			t.Errorf("LOCK: %v", err)
		}
		other.Session().Conn().Close()
		synctest.Wait()
		closeServer(t, s)
	})
}

// Connections that never log on, or only begin to, are ended.
func TestIdleLogOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer("never-answer@SESSION_SETUP#1")
		s.Temperament = Samba()
		begin := time.Now()
		mute, server := net.Pipe()
		s.ServeConn(server)
		half, err := pipeConn(t, s, nil)
		if err != nil {
			t.Fatal(err)
		}
		go logOn(half)
		sleepUntil(begin, 45*time.Second-time.Nanosecond)
		synctest.Wait()
		if n := s.Books().Connections; n != 2 {
			t.Errorf("there are %d connections", n)
		}
		sleepUntil(begin, 45*time.Second)
		synctest.Wait()
		if n := s.Books().Connections; n != 0 {
			t.Errorf("after 45 s there are %d connections", n)
		}
		mute.Close()
		half.Close()
		closeServer(t, s)
	})
}

// Close ends what lingers, and nothing happens after it.
func TestCloseEndsLingering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer()
		s.Temperament = NT4()
		lines := logLines(s)
		tree := pipeTree(t, s, nil)
		mustOpen(t, tree, "a.txt")
		tree.Session().Conn().Close()
		synctest.Wait()
		wantOpens(t, s, "after the loss", 1)
		closeServer(t, s)
		n := len(*lines)
		time.Sleep(time.Hour)
		if len(*lines) != n {
			t.Errorf("after Close the log goes on: %q", (*lines)[n:])
		}
		if last := (*lines)[n-2]; !strings.HasSuffix(last, "close share\\a.txt (id 1) by alice: the server stopped") {
			t.Errorf("the last but one line is %q", last)
		}
	})
}

// A durable open outlives its connection by the temperament's time, whatever
// becomes of the others.
func TestConnectionLostDurable(t *testing.T) {
	v1, v2 := smb.DurableRequest(), smb.DurableV2Request{CreateGUID: smb.GUID{1}}.Context()
	v2long := smb.DurableV2Request{CreateGUID: smb.GUID{1}, Timeout: 3600_000}.Context()
	for _, test := range []struct {
		name    string
		t       Temperament
		durable smb.CreateContext
		stay    time.Duration // from the end of the connection
	}{
		{"windows", Windows(), v1, 2 * time.Minute},
		{"windows v2", Windows(), v2, 3 * time.Minute},
		{"windows v2 for an hour", Windows(), v2long, 5 * time.Minute},
		{"windows 5s", Windows().WithLinger(5 * time.Second), v1, 2 * time.Minute},
		{"samba", Samba(), v1, 16 * time.Minute},
		{"samba v2", Samba(), v2, time.Minute},
		{"samba v2 for an hour", Samba(), v2long, 5 * time.Minute},
		{"nt4 has none", NT4(), v1, 15*time.Minute - time.Second}, // from the last request
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testServer()
				s.Temperament = test.t
				tree := pipeTree(t, s, nil)
				mustOpen(t, tree, "a.txt")
				_, err := tree.Create(ctx, &smb.CreateRequest{
					Name: "b.txt", Access: smb.FileReadData, Disposition: smb.OpenIf, OplockLevel: smb.OplockBatch, Contexts: []smb.CreateContext{test.durable},
				})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				tree.Session().Conn().Close()
				end := time.Now()
				synctest.Wait()
				opens := 1
				if test.t.Linger > 0 {
					opens = 2
					wantOpens(t, s, "at once", opens)
				}
				if test.t.Linger > 0 && test.t.DurableV1Timeout > 0 {
					opens = 1
					sleepUntil(end, test.t.Linger)
				}
				watchOpens(t, s, end, opens, test.stay)
				closeServer(t, s)
			})
		})
	}
}

func TestWithKeepAlive(t *testing.T) {
	for _, d := range []time.Duration{time.Millisecond, 4 * time.Second, 10 * time.Second, time.Minute, 2 * time.Hour} {
		k := NT4().WithKeepAlive(d).KeepAlive
		whole := k.Idle%time.Second == 0 && k.Interval%time.Second == 0 && k.Idle > 0 && k.Interval > 0
		if total := k.Idle + time.Duration(k.Count)*k.Interval; !k.Enable || !whole || total != max(d, 4*time.Second) {
			t.Errorf("%v: %+v, in all %v", d, k, total)
		}
	}
}
