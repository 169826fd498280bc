package lab

import (
	"bytes"
	"context"
	"encoding/binary"
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
	Connections: 64, Opens: 300, Pipes: 20, Locks: 500, Trees: 16, Pending: 32, WriteTime: time.Second, ReadTime: time.Second,
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

// Log-ons that are begun and not finished are few, and cost little also with
// the largest tokens.
func TestHostileLogOns(t *testing.T) {
	const connections = 40
	s := startHostile(t, connections*2*mib, hostileLimits)
	var all []*rawClient
	for range connections {
		c := dialRaw(t, s)
		c.negotiate(smb.SMB311)
		for _, token := range [][]byte{bytes.Repeat([]byte{0x60}, 0xFFFF), bytes.Repeat([]byte{0xA1, 0x82}, 0x7FFF), nil} {
			if r := c.call(&smb.SessionSetupRequest{SecurityBuffer: token}); !r.header.Status.IsError() {
				t.Fatalf("a senseless token: %v", r.header.Status)
			}
		}
		begun := 0
		for range 3 * 8 {
			r := c.call(&smb.SessionSetupRequest{SecurityBuffer: ntlmNegotiate(0xFFFF - 16)})
			switch r.header.Status {
			case smb.StatusMoreProcessingRequired:
				begun++
			case smb.StatusTooManySessions:
			default:
				t.Fatal(r.header.Status)
			}
		}
		if begun != 8 {
			t.Errorf("%d log-ons are under way, want 8", begun)
		}
		all = append(all, c)
	}
	for _, c := range all {
		c.nc.Close()
	}
}

// A session is not counted twice: after the limit a log-off makes room.
func TestHostileSessions(t *testing.T) {
	limits := hostileLimits
	limits.Sessions = 5
	s := startHostile(t, 32*mib, limits)
	c := dialRaw(t, s)
	c.negotiate(smb.SMB311)
	for range 5 {
		c.logOn()
	}
	last, signer := c.session, c.signer
	c.session, c.signer = 0, nil
	c.want(smb.StatusTooManySessions, &smb.SessionSetupRequest{SecurityBuffer: ntlmNegotiate(0)})
	c.session, c.signer = last, signer
	c.want(smb.StatusSuccess, &smb.LogoffRequest{})
	c.logOn()
	c.nc.Close()
}

// What clients can have too many of is refused, and goes with them.
func TestHostileFloods(t *testing.T) {
	limits := hostileLimits
	status := func(r response) smb.NTStatus { return r.header.Status }
	for name, flood := range map[string]struct {
		least, most int // how many are granted
		share       string
		send        func(c *rawClient, n int) smb.NTStatus
	}{
		"tree connects": {limits.Trees - 1, limits.Trees - 1, "share", func(c *rawClient, n int) smb.NTStatus {
			return status(c.call(&smb.TreeConnectRequest{Path: `\\lab\share`}))
		}},
		"opens": {limits.Opens - 1, limits.Opens, "share", func(c *rawClient, n int) smb.NTStatus {
			return status(c.call(openRequest(fmt.Sprintf("file-%d", n))))
		}},
		"opens of one file": {limits.Opens - 1, limits.Opens, "share", func(c *rawClient, n int) smb.NTStatus {
			m := openRequest("file")
			m.OplockLevel = smb.OplockII
			return status(c.call(m))
		}},
		"pipes": {limits.Pipes, limits.Pipes, "IPC$", func(c *rawClient, n int) smb.NTStatus {
			return status(c.call(&smb.CreateRequest{Name: "srvsvc", Access: smb.FileReadData, Disposition: smb.OpenFile}))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := startHostile(t, 32*mib, limits)
			c := dialRaw(t, s)
			c.negotiate(smb.SMB311)
			c.logOn()
			c.connect(flood.share)
			granted := 0
			for n := range limits.Opens + 50 {
				switch status := flood.send(c, n); status {
				case smb.StatusSuccess:
					granted++
				case smb.StatusInsufficientResources:
				default:
					t.Fatal(status)
				}
			}
			if granted < flood.least || granted > flood.most {
				t.Errorf("%d were granted, want %d to %d", granted, flood.least, flood.most)
			}
			c.nc.Close()
		})
	}
}

// Locks are few in all, also when one request asks for many, and a request that
// is refused leaves none behind.
func TestHostileLocks(t *testing.T) {
	s := startHostile(t, 32*mib, hostileLimits)
	c := dialRaw(t, s).ready(smb.SMB311)
	id := c.open("locked")
	locks := func(from, n int) *smb.LockRequest {
		m := &smb.LockRequest{FileID: id}
		for i := range n {
			m.Locks = append(m.Locks, smb.LockElement{Offset: uint64(from + i), Length: 1, Flags: smb.LockExclusive | smb.LockFailImmediately})
		}
		return m
	}
	c.want(smb.StatusInsufficientResources, locks(0, 0xFFFF))
	c.want(smb.StatusSuccess, locks(0, 300))
	c.want(smb.StatusInsufficientResources, locks(1000, 201))
	c.want(smb.StatusSuccess, locks(1000, 200))
	c.want(smb.StatusInsufficientResources, locks(2000, 1))
	c.want(smb.StatusSuccess, &smb.LockRequest{FileID: id, Locks: []smb.LockElement{{Offset: 5, Length: 1, Flags: smb.LockUnlock}}})
	c.want(smb.StatusSuccess, locks(2000, 1))
	c.want(smb.StatusSuccess, &smb.CloseRequest{FileID: id})
	id = c.open("locked")
	c.want(smb.StatusSuccess, locks(0, 500))
	c.nc.Close()
}

// pend sends a LOCK that has to wait and takes its interim response.
func (c *rawClient) pend(id smb.FileID, more ...func(*smb.Header)) smb.NTStatus {
	c.t.Helper()
	if err := c.send(c.message(&smb.LockRequest{FileID: id, Locks: []smb.LockElement{{Length: 1, Flags: smb.LockExclusive}}}, more...)); err != nil {
		c.t.Fatal(err)
	}
	all, err := c.receive()
	if err != nil {
		c.t.Fatal(err)
	}
	return all[0].header.Status
}

// Requests that wait are few. They end with their connection.
func TestHostileWaits(t *testing.T) {
	s := startHostile(t, 32*mib, hostileLimits)
	c := dialRaw(t, s).ready(smb.SMB311)
	first, second := c.open("locked"), c.open("locked")
	c.want(smb.StatusSuccess, &smb.LockRequest{FileID: first, Locks: []smb.LockElement{{Length: 1, Flags: smb.LockExclusive}}})
	waiting := 0
	for range 3 * hostileLimits.Pending {
		switch status := c.pend(second); status {
		case smb.StatusPending:
			waiting++
		case smb.StatusInsufficientResources:
		default:
			t.Fatal(status)
		}
	}
	if waiting != hostileLimits.Pending {
		t.Errorf("%d requests wait, want %d", waiting, hostileLimits.Pending)
	}
	c.nc.Close()
}

// A request that waits keeps the frame it came in, so that these may not be
// many when they are large.
func TestHostileWaitsInLargeFrames(t *testing.T) {
	const size, connections = 4 * mib, 4
	limits := hostileLimits
	limits.Unread = 16 * mib
	// Each keeps 16 MiB of frames; one frame is on its way, on both sides.
	s := startHostile(t, connections*(16+4*4)*mib+32*mib, limits)
	var all []*rawClient
	for range connections {
		c := dialRaw(t, s).ready(smb.SMB210)
		all = append(all, c)
		first, second := c.open("locked"), c.open("locked")
		c.try(c.message(&smb.LockRequest{FileID: first, Locks: []smb.LockElement{{Length: 1, Flags: smb.LockExclusive | smb.LockFailImmediately}}}))
		waiting := 0
		for range 8 {
			// An ECHO with much behind it, and the LOCK at the end.
			echo := append(c.message(&smb.EchoRequest{}), make([]byte, size)...)
			lock := c.message(&smb.LockRequest{FileID: second, Locks: []smb.LockElement{{Length: 1, Flags: smb.LockExclusive}}})
			if err := c.send(c.compound(echo, lock)); err != nil {
				t.Fatal(err)
			}
			for got := 0; got < 2; {
				answers, err := c.receive()
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range answers {
					if got++; r.header.Status == smb.StatusPending {
						waiting++
					}
				}
			}
		}
		if waiting < 1 || waiting > 4 {
			t.Errorf("%d requests wait in frames of 4 MiB each, want 1 to 4", waiting)
		}
	}
	for _, c := range all {
		c.nc.Close()
	}
}

// A client that asks for much and reads nothing is read from no further, and
// is dropped in time.
func TestHostileNeverReads(t *testing.T) {
	limits := hostileLimits
	limits.Unread = 8 * mib
	// Beyond Unread there may be the READ that reached it, twice while it is
	// encrypted, and the file itself.
	s := startHostile(t, (8+4*4+4+16)*mib, limits)
	c := dialRaw(t, s).ready(smb.SMB311)
	id := c.open("large")
	for i := range 4 {
		c.want(smb.StatusSuccess, &smb.WriteRequest{FileID: id, Offset: uint64(i) * mib, Data: make([]byte, mib)}, charge(16))
	}
	if c.credits = 8000; c.call(&smb.EchoRequest{}).header.Credits < 2000 {
		t.Fatal("there are too few credits for the test")
	}
	c.encrypt()
	begin := time.Now()
	for range 31 {
		if c.send(c.message(&smb.ReadRequest{FileID: id, Length: 4 * mib}, charge(64))) != nil {
			break
		}
	}
	wait(t, "the server to drop it", func() bool { return s.Books().Connections == 1 })
	if d := time.Since(begin); d < limits.WriteTime {
		t.Errorf("it was dropped after %v", d)
	}
	c.nc.Close()
}

func charge(n uint16) func(*smb.Header) {
	return func(h *smb.Header) { h.CreditCharge = n }
}

// One frame that asks for more than a client may leave unread gets so much and
// no more.
func TestHostileLargeCompound(t *testing.T) {
	s := startHostile(t, (16+4*16)*mib, hostileLimits)
	c := dialRaw(t, s).ready(smb.SMB210)
	c.credits = 8000
	id := c.open("large")
	c.want(smb.StatusSuccess, &smb.WriteRequest{FileID: id, Data: make([]byte, mib)}, charge(16))
	var reads [][]byte
	for range 200 {
		reads = append(reads, c.message(&smb.ReadRequest{FileID: id, Length: mib}, charge(16)))
	}
	if err := c.send(c.compound(reads...)); err != nil {
		t.Fatal(err)
	}
	served, refused := 0, 0
	for served+refused < len(reads) {
		answers, err := c.receive()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range answers {
			switch r.header.Status {
			case smb.StatusSuccess:
				served++
			case smb.StatusInsufficientResources:
				refused++
			default:
				t.Fatal(r.header.Status)
			}
		}
	}
	if served != 16 {
		t.Errorf("%d READs of 1 MiB were served, want 16", served)
	}
	c.want(smb.StatusSuccess, &smb.CloseRequest{FileID: id})
	c.nc.Close()
}

// A million requests in chains as long as the credits allow are answered.
func TestHostileTinyCompounds(t *testing.T) {
	requests := 100_000
	if *stressTime > 0 {
		requests = 1_000_000
	}
	s := startHostile(t, 64*mib, hostileLimits)
	c := dialRaw(t, s).ready(smb.SMB210)
	c.signer, c.credits = nil, 8000
	c.want(smb.StatusSuccess, &smb.EchoRequest{})
	c.credits = 1
	const chain = 4000
	for sent := 0; sent < requests; sent += chain {
		var all [][]byte
		for range chain {
			all = append(all, c.message(&smb.EchoRequest{}))
		}
		if err := c.send(c.compound(all...)); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < chain; {
			answers, err := c.receive()
			if err != nil {
				t.Fatal(err)
			}
			got += len(answers)
		}
	}
	c.nc.Close()
}

// Credits that a frame's answers grant cannot be used by that frame.
func TestHostileCredits(t *testing.T) {
	s := startHostile(t, 64*mib, hostileLimits)
	for name, ids := range map[string]func(c *rawClient) [][]byte{
		"more than there are": func(c *rawClient) (all [][]byte) {
			for range 100_000 {
				all = append(all, c.message(&smb.EchoRequest{}))
			}
			return all
		},
		"used twice": func(c *rawClient) [][]byte {
			again := c.nextID
			return [][]byte{c.message(&smb.EchoRequest{}), c.message(&smb.EchoRequest{}, func(h *smb.Header) { h.MessageID = again })}
		},
		"used before": func(c *rawClient) [][]byte {
			return [][]byte{c.message(&smb.EchoRequest{}, func(h *smb.Header) { h.MessageID = 0 })}
		},
		"a charge beyond them": func(c *rawClient) [][]byte {
			return [][]byte{c.message(&smb.EchoRequest{}, charge(0xFFFF))}
		},
		"far ahead": func(c *rawClient) [][]byte {
			return [][]byte{c.message(&smb.EchoRequest{}, func(h *smb.Header) { h.MessageID = 1 << 40 })}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := dialRaw(t, s).ready(smb.SMB210)
			c.t, c.signer = t, nil
			if err := c.send(c.compound(ids(c)...)); err != nil {
				t.Log(err) // the server may not have read it all
			}
			c.ended()
		})
	}
	t.Run("a charge too low", func(t *testing.T) {
		c := dialRaw(t, s).ready(smb.SMB210)
		id := c.open("file")
		for _, m := range []smb.Message{
			&smb.ReadRequest{FileID: id, Length: 64<<10 + 1},
			&smb.WriteRequest{FileID: id, Data: make([]byte, 64<<10+1)},
			&smb.QueryInfoRequest{FileID: id, Type: smb.InfoFile, Class: 18, MaxOutput: 1 << 20},
			&smb.QueryDirectoryRequest{FileID: id, Class: 37, Pattern: "*", MaxOutput: 1<<32 - 1},
			&smb.ChangeNotifyRequest{FileID: id, MaxOutput: 1 << 31},
			&smb.IOCTLRequest{FileID: id, Code: smb.FSCTLPipeTransceive, MaxOutput: 1<<32 - 1},
		} {
			c.want(smb.StatusInvalidParameter, m)
		}
		c.nc.Close()
	})
}

// Requests that are not protected as the session requires are refused.
func TestHostileUnprotected(t *testing.T) {
	t.Run("signing", func(t *testing.T) {
		s := startHostile(t, 32*mib, hostileLimits, func(s *Server) { s.Signing = smb.Required })
		for _, d := range smb.Dialects {
			c := dialRaw(t, s).ready(d)
			id := c.open("file")
			signer := c.signer
			c.signer = nil
			c.want(smb.StatusAccessDenied, &smb.CloseRequest{FileID: id})
			c.want(smb.StatusAccessDenied, &smb.LogoffRequest{})
			c.signer = signer
			wrong := c.message(&smb.CloseRequest{FileID: id})
			wrong[len(wrong)-1] ^= 1
			if r, err := c.try(wrong); err != nil || r.header.Status != smb.StatusAccessDenied {
				t.Errorf("%v: a wrong signature: %v, %v", d, r.header.Status, err)
			}
			c.want(smb.StatusSuccess, &smb.CloseRequest{FileID: id})
			c.nc.Close()
		}
	})
	t.Run("a CANCEL that anybody could have sent", func(t *testing.T) {
		s := startHostile(t, 32*mib, hostileLimits, func(s *Server) { s.Signing = smb.Required })
		c := dialRaw(t, s).ready(smb.SMB311)
		first, second := c.open("locked"), c.open("locked")
		c.want(smb.StatusSuccess, &smb.LockRequest{FileID: first, Locks: []smb.LockElement{{Length: 1, Flags: smb.LockExclusive}}})
		waits := c.nextID
		c.pend(second)
		cancel := func(h *smb.Header) { h.MessageID, h.CreditCharge = waits, 0 }
		next := c.nextID
		wrong := c.message(&smb.CancelRequest{}, cancel)
		wrong[50] ^= 1
		c.send(wrong)
		signer := c.signer
		c.signer = nil
		c.send(c.message(&smb.CancelRequest{}, cancel))
		c.signer, c.nextID = signer, next
		c.want(smb.StatusSuccess, &smb.EchoRequest{}) // and not the LOCK's answer
		next = c.nextID
		c.send(c.message(&smb.CancelRequest{}, cancel))
		c.nextID = next
		if all, err := c.receive(); err != nil || all[0].header.Status != smb.StatusCancelled {
			t.Errorf("after a good CANCEL: %+v, %v", all, err)
		}
		c.nc.Close()
	})
	t.Run("TREE_CONNECT in 3.1.1", func(t *testing.T) {
		s := startHostile(t, 32*mib, hostileLimits)
		c := dialRaw(t, s)
		c.negotiate(smb.SMB311)
		c.logOn()
		c.signer = nil
		c.send(c.message(&smb.TreeConnectRequest{Path: `\\lab\share`}))
		c.ended()
	})
	t.Run("encryption", func(t *testing.T) {
		s := startHostile(t, 32*mib, hostileLimits, func(s *Server) { s.Encryption = smb.Required })
		for _, d := range []smb.Dialect{smb.SMB300, smb.SMB302, smb.SMB311} {
			c := dialRaw(t, s)
			c.negotiate(d)
			c.logOn()
			c.want(smb.StatusAccessDenied, &smb.TreeConnectRequest{Path: `\\lab\share`})
			c.encrypt()
			c.connect("share")
			id := c.open("file")
			sealer := c.sealer
			c.sealer = nil
			c.want(smb.StatusAccessDenied, &smb.CloseRequest{FileID: id})
			c.sealer = sealer
			c.want(smb.StatusSuccess, &smb.CloseRequest{FileID: id})
			c.session++ // in the TRANSFORM_HEADER and below it
			c.send(c.message(&smb.EchoRequest{}))
			c.ended()
		}
	})
	t.Run("a frame that was changed", func(t *testing.T) {
		s := startHostile(t, 32*mib, hostileLimits)
		c := dialRaw(t, s).ready(smb.SMB311)
		c.encrypt()
		c.want(smb.StatusSuccess, &smb.EchoRequest{})
		sealed, err := c.sealer.Seal(nil, c.message(&smb.EchoRequest{}), c.session)
		if err != nil {
			t.Fatal(err)
		}
		sealed[len(sealed)-1] ^= 1
		c.write(frame(sealed))
		c.ended()
	})
	t.Run("another session's key", func(t *testing.T) {
		s := startHostile(t, 32*mib, hostileLimits)
		c := dialRaw(t, s).ready(smb.SMB311)
		c.encrypt()
		sealer, unsealer, one := c.sealer, c.unsealer, c.session
		c.sealer = nil
		c.logOn()
		sealed, err := sealer.Seal(nil, c.message(&smb.LogoffRequest{}), one)
		if err != nil {
			t.Fatal(err)
		}
		c.write(frame(sealed))
		c.unsealer = unsealer
		if all, err := c.receive(); err != nil || all[0].header.Status != smb.StatusAccessDenied {
			t.Errorf("a LOGOFF of another session: %+v, %v", all, err)
		}
		c.nc.Close()
	})
}

// Of an RPC call without end little is kept.
func TestHostileRPC(t *testing.T) {
	s := startHostile(t, 32*mib, hostileLimits)
	c := dialRaw(t, s)
	c.negotiate(smb.SMB311)
	c.logOn()
	c.connect("IPC$")
	c.credits = 200
	pipe := &smb.CreateRequest{Name: "srvsvc", Access: smb.FileReadData | smb.FileWriteData, Disposition: smb.OpenFile}
	open := func() smb.FileID { return c.want(smb.StatusSuccess, pipe).body.(*smb.CreateResponse).FileID }
	// One fragment is announced larger than what may wait, and one call has no
	// last fragment.
	fragment := func(flags byte, size int) []byte {
		b := append([]byte{5, 0, 0, flags, 0x10, 0, 0, 0}, make([]byte, size-8)...)
		binary.LittleEndian.PutUint16(b[8:], uint16(size))
		return b
	}
	for name, b := range map[string][]byte{
		"noise":               bytes.Repeat([]byte{0xA5}, 60000),
		"1 MiB in one WRITE":  make([]byte, mib),
		"calls without a end": bytes.Repeat(fragment(1, 4000), 30),
	} {
		id := open()
		refused := false
		for range 100 {
			if r := c.call(&smb.WriteRequest{FileID: id, Data: b}, charge(16)); r.header.Status.IsError() {
				refused = true
				break
			}
		}
		if !refused {
			t.Errorf("%s: 100 WRITEs were taken", name)
		}
		c.want(smb.StatusSuccess, &smb.CloseRequest{FileID: id})
	}
	id := open()
	first, rest := fragment(1, 60000), bytes.Repeat(fragment(0, 60000), 1)
	c.want(smb.StatusSuccess, &smb.WriteRequest{FileID: id, Data: first})
	for range 200 {
		c.want(smb.StatusSuccess, &smb.WriteRequest{FileID: id, Data: rest})
	}
	c.nc.Close()
}

// There are so many connections and no more.
func TestHostileConnections(t *testing.T) {
	s := startHostile(t, 32*mib, hostileLimits)
	var all []*rawClient
	for range hostileLimits.Connections - 1 {
		all = append(all, dialRaw(t, s))
	}
	wait(t, "the connections", func() bool { return s.Books().Connections == hostileLimits.Connections })
	dialRaw(t, s).ended()
	all[0].nc.Close()
	wait(t, "one to end", func() bool { return s.Books().Connections == hostileLimits.Connections-1 })
	all[0] = dialRaw(t, s).ready(smb.SMB311)
	for _, c := range all {
		c.nc.Close()
	}
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
