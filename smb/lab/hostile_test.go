package lab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"err32/smb"
)

// hostileLimits keep the floods of these tests short.
var hostileLimits = Limits{
	Connections: 64, Opens: 300, Pipes: 20, Locks: 500, Watches: 20, Trees: 16, Pending: 32, WriteTime: time.Second, ReadTime: time.Second,
}

// startHostile starts a server with a client that goes on with its work while
// others are hostile. When the test ends the server must have kept to the
// memory, in bytes above what there was, have served the client, be left by
// everybody but that client, and close.
func startHostile(t *testing.T, memory uint64, limits Limits, more ...func(*Server)) *Server {
	t.Helper()
	s := testServer()
	s.Limits = limits
	for _, f := range more {
		f(s)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeServer(t, s) })
	stop := make(chan struct{})
	var running sync.WaitGroup
	good := newGoodClient(t, s)
	running.Go(func() { good.work(stop) })
	peak := watchMemory(&running, stop)
	t.Cleanup(func() {
		wait(t, "the others' connections to end", func() bool { return s.Books().Connections == 1 })
		close(stop)
		running.Wait()
		good.leave()
		if got := peak(); got > memory {
			t.Errorf("the memory grew by %d bytes, want at most %d", got, memory)
		}
	})
	return s
}

// watchMemory returns by how many bytes the heap grew at most until stop.
func watchMemory(running *sync.WaitGroup, stop <-chan struct{}) (peak func() uint64) {
	percent := debug.SetGCPercent(20) // so that what counts is what is in use
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most := m.HeapAlloc, m.HeapAlloc
	running.Go(func() {
		defer debug.SetGCPercent(percent)
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	})
	return func() uint64 { return most - before }
}

// wait waits until what the test waits for has happened.
func wait(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(rawTime); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("waited %v for %s", rawTime, what)
			return
		}
	}
}

// goodClient is a client that does what clients do.
type goodClient struct {
	t    *testing.T
	tree *smb.Tree
}

func newGoodClient(t *testing.T, s *Server) *goodClient {
	t.Helper()
	c, err := smb.Dial(ctx, s.Addr(), &smb.Config{Timeout: rawTime})
	if err != nil {
		t.Fatal(err)
	}
	session, err := logOn(c)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := session.TreeConnect(ctx, "share")
	if err != nil {
		t.Fatal(err)
	}
	return &goodClient{t, tree}
}

// work goes on until stop, and does its work at least once after that.
func (g *goodClient) work(stop <-chan struct{}) {
	data := []byte("what was written is what is read")
	for n, last := 0, false; !last; n++ {
		select {
		case <-stop:
			last = true
		case <-time.After(5 * time.Millisecond):
		}
		err := g.once(fmt.Sprintf("good-%d", n%4), data)
		if status, _ := smb.StatusOf(err); status == smb.StatusInsufficientResources && !last {
			continue // there is no room for anybody; there must be at the end
		}
		if err != nil {
			g.t.Errorf("the good client, round %d: %v", n, err)
			return
		}
	}
}

func (g *goodClient) once(name string, data []byte) error {
	o, err := openFile(g.tree, name)
	if err != nil {
		return err
	}
	if _, err := o.WriteAt(ctx, data, 0); err != nil {
		return err
	}
	got := make([]byte, len(data))
	if _, err := o.ReadAt(ctx, got, 0); err != nil || !bytes.Equal(got, data) {
		return fmt.Errorf("it read %q, %w", got, err)
	}
	return o.Close(ctx)
}

func (g *goodClient) leave() {
	if err := g.tree.Session().Leave(context.Background(), smb.DisconnectClose, g.tree, nil); err != nil {
		g.t.Error(err)
	}
}

const mib = 1 << 20

// Whoever does not speak the protocol is dropped.
func TestHostileFrames(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 32))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	echo := smb.Append(nil, smb.Header{}, &smb.EchoRequest{})
	edit := func(at int, b ...byte) []byte {
		m := bytes.Clone(echo)
		copy(m[at:], b)
		return frame(m)
	}
	s := startHostile(t, 32*mib, hostileLimits)
	for name, b := range map[string][]byte{
		"noise":                            noise,
		"framed noise":                     frame(noise[:1000]),
		"an empty message":                 frame(nil),
		"half a header":                    frame(echo[:40]),
		"16 MiB":                           {0, 0xFF, 0xFF, 0xFF},
		"more than a log-on needs":         {0, 0x02, 0x00, 0x01},
		"a NetBIOS session request":        append([]byte{0x81, 0, 0, 68}, noise[:68]...),
		"HTTP":                             []byte("GET / HTTP/1.1\r\nHost: lab\r\n\r\n"),
		"SMB1 junk":                        frame(append([]byte("\xFFSMB"), noise[:500]...)),
		"an SMB1 NEGOTIATE of no use":      frame(append([]byte("\xFFSMBr"), make([]byte, 40)...)),
		"an encrypted frame of nobody":     frame(append([]byte("\xFDSMB"), make([]byte, 100)...)),
		"a compressed frame":               frame(append([]byte("\xFCSMB"), make([]byte, 100)...)),
		"a request before NEGOTIATE":       frame(echo),
		"a CANCEL, then nothing of use":    append(edit(12, 12), noise[:200]...),
		"a response":                       edit(16, 1),
		"an unknown command":               edit(12, 0x13),
		"a MessageId that was not given":   edit(24, 7),
		"the highest MessageId":            edit(24, 255, 255, 255, 255, 255, 255, 255, 255),
		"NextCommand beyond the end":       edit(20, 0xF8, 0xFF, 0xFF, 0xFF),
		"NextCommand within the header":    edit(20, 8),
		"NextCommand not a multiple of 8":  edit(20, 65),
		"NextCommand leaves half a header": frame(append(edit(20, 72)[4:], make([]byte, 40)...)),
	} {
		t.Run(name, func(t *testing.T) {
			c := dialRaw(t, s)
			c.write(b)
			c.ended()
		})
	}
}

// Half a message is waited for, but not for ever.
func TestHostileHalfMessage(t *testing.T) {
	s := startHostile(t, 32*mib, hostileLimits)
	for _, n := range []int{1, 3, 4, 5, 70} {
		c := dialRaw(t, s)
		c.write(frame(make([]byte, 1000))[:n])
		begin := time.Now()
		c.ended()
		if d := time.Since(begin); d < s.Limits.ReadTime*9/10 {
			t.Errorf("%d bytes of a message were waited for %v only", n, d)
		}
	}
	// And one that the client ends itself.
	c := dialRaw(t, s)
	c.write(frame(make([]byte, 1000))[:500])
	c.nc.(*net.TCPConn).CloseWrite()
	c.ended()
}

// A client that sends a byte a second is dropped, before the log-on and after.
func TestHostileSlowSender(t *testing.T) {
	for _, when := range []string{"before the log-on", "after the log-on"} {
		t.Run(when, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testServer()
				defer closeServer(t, s)
				c := pipeRaw(t, s)
				want := 30 * time.Second
				if when == "after the log-on" {
					c.ready(smb.SMB210)
				}
				begin := time.Now()
				for _, b := range frame(make([]byte, 1000)) {
					if c.write([]byte{b}) != nil {
						break
					}
					time.Sleep(time.Second)
				}
				if d := time.Since(begin); d < want || d > want+time.Second {
					t.Errorf("it was dropped after %v, want %v", d, want)
				}
				c.nc.Close()
			})
		})
	}
}

// A connection without a session does not stay, whatever it sends.
func TestHostileNoLogOn(t *testing.T) {
	for name, m := range map[string]smb.Message{
		"nothing":            nil,
		"ECHO":               &smb.EchoRequest{},
		"log-ons that begin": &smb.SessionSetupRequest{SecurityBuffer: ntlmNegotiate(0)},
		"log-ons that fail":  &smb.SessionSetupRequest{SecurityBuffer: []byte("no token")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testServer()
				defer closeServer(t, s)
				c := pipeRaw(t, s)
				begin := time.Now()
				if m != nil {
					c.negotiate(smb.SMB311)
				}
				for m != nil && time.Since(begin) < time.Hour {
					if _, err := c.try(c.message(m)); err != nil {
						break
					}
					time.Sleep(time.Second)
				}
				if m == nil {
					c.nc.SetReadDeadline(time.Now().Add(time.Hour))
					if _, err := c.nc.Read(make([]byte, 1)); err != io.EOF {
						t.Error(err)
					}
				}
				if d := time.Since(begin); d < 45*time.Second || d > 46*time.Second {
					t.Errorf("it was dropped after %v, want 45s", d)
				}
				c.nc.Close()
			})
		})
	}
	t.Run("after LOGOFF", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := testServer()
			defer closeServer(t, s)
			c := pipeRaw(t, s).ready(smb.SMB311)
			time.Sleep(10 * time.Minute) // a session may be silent for longer
			c.want(smb.StatusSuccess, &smb.LogoffRequest{})
			begin := time.Now()
			c.nc.SetReadDeadline(time.Now().Add(time.Hour))
			if _, err := c.nc.Read(make([]byte, 1)); err != io.EOF {
				t.Error(err)
			}
			if d := time.Since(begin); d != 45*time.Second {
				t.Errorf("it was dropped after %v, want 45s", d)
			}
			c.nc.Close()
		})
	})
}

// ntlmNegotiate is an NTLM NEGOTIATE_MESSAGE with more bytes behind it.
func ntlmNegotiate(more int) []byte {
	return append([]byte("NTLMSSP\x00\x01\x00\x00\x00\x15\x82\x08\x62"), make([]byte, more)...)
}

// Whatever is sent second, a connection negotiates once.
func TestHostileNegotiateTwice(t *testing.T) {
	s := startHostile(t, 32*mib, hostileLimits)
	smb1 := frame(slices.Concat([]byte("\xFFSMBr"), make([]byte, 27), []byte("\x00\x0c\x00\x02SMB 2.???\x00")))
	for name, send := range map[string]func(c *rawClient){
		"SMB2": func(c *rawClient) {
			c.negotiate(smb.SMB311)
			c.send(c.message(&smb.NegotiateRequest{Dialects: []smb.Dialect{smb.SMB210}}))
		},
		"SMB1": func(c *rawClient) {
			c.negotiate(smb.SMB311)
			c.write(smb1)
		},
		"SMB1 twice": func(c *rawClient) {
			c.write(smb1)
			c.write(smb1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := dialRaw(t, s)
			send(c)
			c.ended()
		})
	}
}
