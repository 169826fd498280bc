package lab

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"err32/smb"
)

var (
	// stressTime makes the short tests of what many or hostile clients do long
	// ones.
	stressTime = flag.Duration("lab.stress", 0, "run TestStress with 200 clients for so long, as 30s, and the floods in full")
	stressSeed = flag.Uint64("lab.seed", 0, "the seed of TestStress; 0 for another one each time")
)

// TestStress has many clients open, hold, lock, write and die, each in its own
// random way, in all dialects, signed and encrypted: with -lab.stress=30s it is
// 200 of them for half a minute, otherwise 24 for two seconds. When all have
// gone nothing may be left of them. Run it with -race.
//
// A failure prints the seed, for -lab.seed. What each client does follows from
// it; when it does it does not.
func TestStress(t *testing.T) {
	before := goleak.IgnoreCurrent()
	clients, d := 24, 2*time.Second
	if *stressTime > 0 {
		clients, d = 200, *stressTime
	}
	seed := *stressSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	windows, nt4 := Windows(), NT4()
	windows.DurableV1Timeout, windows.DurableV2Default, windows.DurableV2Most = 300*time.Millisecond, 300*time.Millisecond, 600*time.Millisecond
	windows.BreakTimeout, nt4.BreakTimeout = 200*time.Millisecond, 200*time.Millisecond
	nt4.Linger, nt4.Autodisconnect = 500*time.Millisecond, 2*time.Second
	var servers []*Server
	for _, temperament := range []Temperament{windows, nt4} {
		s := testServer()
		s.Temperament = temperament
		s.Log = func(Event) {}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		servers = append(servers, s)
	}
	end := time.Now().Add(d)
	crowds := []*crowd{{t: t, end: end}, {t: t, end: end, deletes: true}}
	var running sync.WaitGroup
	for i := range clients {
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		s, crowd := servers[i%len(servers)], crowds[i%len(servers)]
		live := crowd.life
		if i%5 == 4 {
			live = crowd.goSMB2Life
		}
		running.Go(func() {
			for time.Now().Before(crowd.end) && !t.Failed() {
				live(rnd, s.Addr())
			}
		})
	}
	running.Wait()
	for i, s := range servers {
		c := crowds[i]
		t.Logf("server %d: %d lives, %d opens, %d refusals", i, c.lives.Load(), c.opens.Load(), c.refused.Load())
		if c.lives.Load() < int64(clients/2) || c.opens.Load() < int64(clients/2) {
			t.Error("the clients have hardly lived")
		}
		wait(t, fmt.Sprintf("server %d to be left", i), func() bool {
			b := s.Books()
			return b.Connections+b.Sessions+b.Opens == 0
		})
		b := s.Books()
		if b.Connections+b.Sessions+b.Opens != 0 || b.Granted != b.Released || b.Granted == 0 {
			t.Errorf("the books of server %d when all have gone: %+v", i, b)
		}
		s.mu.Lock()
		if s.locks != 0 || s.pipes != 0 || s.watches != 0 || len(s.leases) != 0 || len(s.openIDs) != 0 {
			t.Errorf("server %d has %d locks, %d pipes, %d watches, %d leases, %d ids of opens", i, s.locks, s.pipes, s.watches, len(s.leases), len(s.openIDs))
		}
		checkVolume(t, s.shares[0].volume)
		s.mu.Unlock()
		closeServer(t, s)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// crowdFiles is how many files they use.
const crowdFiles = 40

// crowd is what the clients of one server in TestStress have in common.
type crowd struct {
	t                     *testing.T
	end                   time.Time
	deletes               bool // now and then one ends everybody's sessions
	lives, opens, refused atomic.Int64
}

// note takes the result of what a client did. To be refused, and to lose the
// connection, is life; that a client and the server do not understand each other
// is not.
func (c *crowd) note(what string, err error) bool {
	if err == nil {
		return true
	}
	c.refused.Add(1)
	var malformed *smb.DecodeError
	// Without the session the server cannot sign that there is none.
	if errors.Is(err, smb.ErrSignature) && !c.deletes || errors.Is(err, smb.ErrNotEncrypted) || errors.As(err, &malformed) {
		c.t.Errorf("%s: %v", what, err)
	}
	if status, ok := smb.StatusOf(err); ok {
		switch {
		case status == smb.StatusInvalidParameter && what == "open": // its lease key is that of a file that was renamed
		case status == smb.StatusInvalidParameter, status == smb.StatusNotSupported, status == smb.StatusInternalError:
			c.t.Errorf("%s: %v", what, err)
		}
	}
	return false
}

// configuration is how a client talks.
func configuration(rnd *rand.Rand) *smb.Config {
	d := smb.Dialects[rnd.IntN(len(smb.Dialects))]
	cfg := &smb.Config{MinDialect: d, MaxDialect: d, Timeout: rawTime, Credits: 1 + rnd.IntN(200)}
	if rnd.IntN(3) == 0 {
		cfg.Signing = smb.Required
	}
	if d >= smb.SMB300 && rnd.IntN(3) == 0 {
		cfg.Encryption = smb.Required
	}
	if d == smb.SMB311 {
		cfg.Ciphers = []smb.Cipher{smb.Cipher(1 + rnd.IntN(4))}
		cfg.SigningAlgorithms = []smb.SigningAlgorithm{smb.SigningAlgorithm(rnd.IntN(3))}
	}
	return cfg
}

// stressed is one client in one of its lives.
type stressed struct {
	*crowd
	rnd   *rand.Rand
	nc    net.Conn
	tree  *smb.Tree
	opens []*smb.Open
	key   smb.GUID // of its leases
}

// life is a client's life from the connection to its end.
func (c *crowd) life(rnd *rand.Rand, addr string) {
	c.lives.Add(1)
	ctx, cancel := context.WithTimeout(context.Background(), rawTime)
	defer cancel()
	nc, err := net.Dial("tcp", addr)
	if !c.note("dial", err) {
		return
	}
	defer nc.Close()
	if rnd.IntN(20) == 0 {
		nc.Write(make([]byte, rnd.IntN(100))) // it says nothing sensible
		return
	}
	conn, err := smb.NewConn(ctx, nc, "lab", configuration(rnd))
	if !c.note("negotiate", err) {
		return
	}
	defer conn.Close()
	session, err := logOn(conn)
	if !c.note("log on", err) {
		return
	}
	tree, err := session.TreeConnect(ctx, "share")
	if !c.note("tree connect", err) {
		return
	}
	s := &stressed{crowd: c, rnd: rnd, nc: nc, tree: tree, key: smb.GUID{byte(rnd.Uint32()), byte(rnd.Uint32())}}
	var beside sync.WaitGroup
	defer beside.Wait()
	breaks, stop := context.WithCancel(ctx)
	defer stop()
	answers := rnd.IntN(2) == 0
	beside.Go(func() { s.takeBreaks(breaks, answers) })
	for range rnd.IntN(30) {
		if conn.Err() != nil {
			break
		}
		s.act(ctx)
	}
	s.die(ctx)
}

// takeBreaks takes the breaks, and acknowledges them or not.
func (s *stressed) takeBreaks(ctx context.Context, answers bool) {
	for {
		b, err := s.tree.Session().Conn().NextBreak(ctx)
		if err != nil {
			return
		}
		if answers && b.Lease != nil && b.Lease.AckRequired {
			s.tree.AckLeaseBreak(ctx, b.Lease.Key, b.Lease.New)
		}
	}
}

// act does one thing that clients do.
func (s *stressed) act(ctx context.Context) {
	if len(s.opens) == 0 || s.rnd.IntN(4) == 0 {
		s.open(ctx)
		return
	}
	i := s.rnd.IntN(len(s.opens))
	o := s.opens[i]
	switch s.rnd.IntN(12) {
	case 0:
		s.note("close", o.Close(ctx))
		s.opens = slices.Delete(s.opens, i, i+1)
	case 1, 2:
		_, err := o.WriteAt(ctx, make([]byte, s.rnd.IntN(200_000)), uint64(s.rnd.IntN(100_000)))
		s.note("write", err)
	case 3, 4:
		_, err := o.ReadAt(ctx, make([]byte, 1+s.rnd.IntN(200_000)), uint64(s.rnd.IntN(100_000)))
		s.note("read", err)
	case 5:
		s.note("lock", o.Lock(ctx, s.lock(smb.LockFailImmediately), s.lock(smb.LockFailImmediately)))
	case 6:
		short, cancel := context.WithTimeout(ctx, time.Duration(s.rnd.IntN(20))*time.Millisecond)
		defer cancel()
		s.note("lock and wait", o.Lock(short, s.lock(0)))
	case 7:
		s.note("remove", o.Remove(ctx))
	case 8:
		s.list(ctx)
	case 9:
		info := &smb.RenameInfo{Name: s.name(), ReplaceIfExists: s.rnd.IntN(2) == 0}
		typ, class := info.Class()
		s.note("rename", o.SetInfo(ctx, typ, class, smb.AppendInfo(nil, info)))
	case 10:
		s.note("echo", s.tree.Session().Echo(ctx))
	case 11:
		if s.rnd.IntN(5) == 0 {
			s.administrate(ctx)
		}
	}
}

// name is one of the few files that all clients use.
func (s *stressed) name() string { return fmt.Sprintf("file-%d", s.rnd.IntN(crowdFiles)) }

func (s *stressed) lock(flags smb.LockFlags) smb.LockElement {
	return smb.LockElement{Offset: uint64(s.rnd.IntN(20)), Length: uint64(s.rnd.IntN(5)), Flags: flags | smb.LockFlags(1+s.rnd.IntN(2))}
}

// open opens a file in a random way.
func (s *stressed) open(ctx context.Context) {
	m := openRequest(s.name())
	m.Share = smb.ShareAccess(s.rnd.IntN(8))
	m.Disposition = []smb.Disposition{smb.OpenIf, smb.OpenIf, smb.OpenFile, smb.OverwriteIf, smb.Supersede, smb.CreateFile}[s.rnd.IntN(6)]
	if s.rnd.IntN(3) > 0 {
		m.Share = smb.ShareRead | smb.ShareWrite | smb.ShareDelete
	}
	if s.rnd.IntN(10) == 0 {
		m.Options |= smb.DeleteOnClose
	}
	dialect := s.tree.Session().Conn().Dialect()
	switch n := s.rnd.IntN(6); {
	case n == 0:
		m.OplockLevel = []smb.OplockLevel{smb.OplockII, smb.OplockExclusive, smb.OplockBatch}[s.rnd.IntN(3)]
	case n == 1:
		m.OplockLevel = smb.OplockBatch
		m.Contexts = append(m.Contexts, smb.DurableRequest())
	case n == 2 && dialect >= smb.SMB210:
		key := s.key
		copy(key[2:], m.Name)
		m.OplockLevel = smb.OplockLease
		m.Contexts = append(m.Contexts, smb.Lease{V2: dialect >= smb.SMB300, Key: key, State: cacheRWH}.Context())
		if dialect >= smb.SMB300 {
			m.Contexts = append(m.Contexts, smb.DurableV2Request{CreateGUID: smb.GUID(random(16))}.Context())
		}
	}
	o, err := s.tree.Create(ctx, m)
	if s.note("open", err) {
		s.crowd.opens.Add(1)
		s.opens = append(s.opens, o)
	}
}

// list lists the folder.
func (s *stressed) list(ctx context.Context) {
	folder, err := s.tree.Create(ctx, &smb.CreateRequest{Access: smb.FileReadData, Share: smb.ShareRead | smb.ShareWrite | smb.ShareDelete, Disposition: smb.OpenFile, Options: smb.DirectoryFile})
	if !s.note("open the folder", err) {
		return
	}
	seen := make(map[string]bool)
	s.note("list", folder.ReadDirectory(ctx, "*", func(e smb.DirectoryEntry) error {
		seen[e.Name] = true
		return nil
	}))
	if s.note("close the folder", folder.Close(ctx)) && !seen["."] {
		s.t.Errorf("the folder lists %v", slices.Collect(maps.Keys(seen)))
	}
}

// administrate reads the server's table, and closes what somebody has open or
// ends somebody's sessions.
func (s *stressed) administrate(ctx context.Context) {
	ipc, err := s.tree.Session().TreeConnect(ctx, "IPC$")
	if !s.note("connect to IPC$", err) {
		return
	}
	pipe, err := ipc.OpenPipe(ctx, "srvsvc")
	if !s.note("open the pipe", err) {
		return
	}
	service, err := smb.NewServerService(ctx, pipe, "lab")
	if !s.note("bind", err) {
		return
	}
	var ids []uint32
	s.note("NetrFileEnum", service.FileEnum(ctx, "", "", func(f smb.FileInfo) error {
		ids = append(ids, f.ID)
		return nil
	}))
	if len(ids) > 0 {
		service.FileClose(ctx, ids[s.rnd.IntN(len(ids))])
	}
	if s.rnd.IntN(30) == 0 && s.deletes {
		service.SessionDel(ctx, "", testUser) // everybody's, its own too
	}
	s.note("close the pipe", pipe.Close(ctx))
	if s.rnd.IntN(2) == 0 {
		s.note("disconnect from IPC$", ipc.Disconnect(ctx))
	}
}

// die ends the client, or what is left of it, in one of the ways clients end.
func (s *stressed) die(ctx context.Context) {
	session, tcp := s.tree.Session(), s.nc.(*net.TCPConn)
	pause := time.Duration(s.rnd.IntN(30)) * time.Millisecond
	// What is under way when it dies.
	var under sync.WaitGroup
	defer under.Wait()
	for range s.rnd.IntN(3) {
		m, l := openRequest(s.name()), s.lock(0)
		var o *smb.Open
		if len(s.opens) > 0 {
			o = s.opens[s.rnd.IntN(len(s.opens))]
		}
		under.Go(func() {
			short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			if o != nil {
				o.Lock(short, l)
			} else {
				s.tree.Create(short, m)
			}
		})
	}
	switch s.rnd.IntN(9) {
	case 0:
		s.note("leave", session.Leave(ctx, smb.DisconnectClose, s.tree, s.opens))
	case 1:
		s.note("log off", session.LogOff(ctx))
		time.Sleep(pause)
	case 2:
		s.note("disconnect", s.tree.Disconnect(ctx))
		time.Sleep(pause)
	case 3:
		session.Leave(ctx, smb.DisconnectFIN, s.tree, s.opens)
	case 4:
		session.Leave(ctx, smb.DisconnectRST, s.tree, s.opens)
	case 5:
		session.Leave(ctx, smb.DisconnectFreeze, s.tree, s.opens)
		time.Sleep(10 * pause)
	case 6:
		for range 3 { // what it has open is forgotten
			time.Sleep(pause)
			s.note("echo", session.Echo(ctx))
		}
	case 7: // in the middle of a message
		tcp.Write(frame(make([]byte, 2000))[:s.rnd.IntN(1500)])
		tcp.SetLinger(s.rnd.IntN(2) - 1)
	case 8: // the client goes on in a new session that ends the old one
		conn, err := smb.Dial(ctx, tcp.RemoteAddr().String(), configuration(s.rnd))
		if !s.note("dial again", err) {
			return
		}
		defer conn.Close()
		_, err = conn.LogOn(ctx, smb.NTLM{User: testUser, Password: testPassword}.Mechanism(), session.ID())
		s.note("log on again", err)
	}
}
