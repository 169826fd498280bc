package lab

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"err32/smb"
)

// Server is an SMB2 server. Its fields are set between New and Start (or the
// first ServeConn) and not changed afterwards; the methods may be called from
// any goroutine.
type Server struct {
	// Listen is the address to serve, "127.0.0.1:0" by default.
	Listen string
	// Name is the server's name in srvsvc and in log-ons, at most 15 bytes.
	Name string
	// Users may log on; there is no guest.
	Users []User
	// Shares are served besides IPC$; one named "share" by default.
	Shares []Share
	// Temperament is whose habits the server has, Windows by default.
	Temperament Temperament
	// Faults are what the server does wrong.
	Faults []Fault
	// MinDialect and MaxDialect bound what is negotiated: 2.0.2 and 3.1.1 by
	// default.
	MinDialect, MaxDialect smb.Dialect
	// Signing Required refuses what is not signed, Encryption Required what is
	// not encrypted. Encryption Off offers no cipher.
	Signing, Encryption smb.Policy
	// Limits bound what clients may cost.
	Limits Limits
	// Log is called for every event, in their order, by one goroutine at a
	// time; nil for none. It may block without holding up the server.
	Log func(Event)

	mu      sync.Mutex // guards all that follows, and everything it leads to
	begun   bool
	closing chan struct{} // closed by Close
	closed  bool
	ln      net.Listener
	guid    smb.GUID
	started time.Time
	shares  []share // Shares, being served
	ipc     share
	tasks   tasks
	log     eventLog

	conns        map[*conn]struct{}
	sessions     map[uint64]*session // the global session table
	opens        map[uint64]*open    // the global open table, by the persistent id
	openIDs      map[uint32]*open    // the same by the id in NetrFileEnum
	leases       map[leaseID]*lease
	lastConn     uint64
	lastOpen     uint64
	lastGlobalID uint32
	lastTreeID   uint32
	pipes        int // of opens
	locks        int // of all opens
	watches      int
	granted      uint64 // opens so far
	released     uint64
	faults       faultState
}

// User is someone who can log on by NTLMv2.
type User struct {
	Name     string
	Password string
	Groups   []string // Administrators among them may read and change the tables
}

// Administrators is the group that may use srvsvc's administrative calls, and
// has every access to every share.
const Administrators = "Administrators"

func (u User) admin() bool { return slices.Contains(u.Groups, Administrators) }

// Share is a folder that clients can connect to. It begins empty, and lives in
// memory.
type Share struct {
	Name    string
	Comment string
	// ReadOnly lets only administrators write.
	ReadOnly bool
	// Groups may connect; nil for everyone.
	Groups []string
	// Flags are announced to clients, as smb.ShareEncryptData, which is also
	// enforced.
	Flags smb.ShareFlags
}

// Limits bound what clients may cost. Zero values mean the defaults.
//
// A connection on which nobody has logged on costs at most about 1.5 MiB, most
// of it for the tokens of log-ons under way. One with a session costs at most
// about Message for what it sends, as much for waiting requests, and twice
// Unread and Transfer for what it is sent and does not read, and for a moment
// as much again while that is put together.
type Limits struct {
	// Connections is how many there may be at a time: 1024. Further ones are
	// closed at once.
	Connections int
	// Sessions is how many one connection may have, 64, and LogOns how many of
	// them may be under way: 8. More are STATUS_TOO_MANY_SESSIONS.
	Sessions, LogOns int
	// Trees is how many tree connects a session may have: 256. This and the
	// next five are STATUS_INSUFFICIENT_RESOURCES beyond that.
	Trees int
	// Opens is how many entries the open table may have, 65536, and Pipes how
	// many of them may be named pipes: 1024.
	Opens, Pipes int
	// Locks is how many byte-range locks there may be in all: 16384. And Watches
	// is how many opens of directories may have asked for changes: 1024.
	Locks, Watches int
	// Pending is how many requests of one connection may wait: 512.
	Pending int
	// Message is the largest message in bytes, 8 MiB and 64 KiB, at least
	// 128 KiB and at most smb.MaxFrame. A longer one ends the connection, and so
	// does one of more than 128 KiB before the first log-on.
	Message int
	// Transfer is the largest READ and WRITE in bytes: 8 MiB, and at most Message
	// less 64 KiB. Larger ones are STATUS_INVALID_PARAMETER.
	Transfer int
	// Credits is how many one connection is given: 8192, at most 65535.
	Credits int
	// Memory is for the data of the files in one share, in bytes, 1 GiB, and
	// Files is how many there may be: 100 000. Beyond that the disk is full.
	Memory int64
	Files  int
	// Unread is how many bytes a client may leave unread before it is read from
	// no further, and how many the answers to one compound may have: 16 MiB.
	// The rest of such a compound is STATUS_INSUFFICIENT_RESOURCES.
	Unread int
	// ReadTime is how long a client may take over a message, from its first byte
	// to its last, and WriteTime how long it may take to read one: 30 s. Then
	// its connection ends.
	ReadTime, WriteTime time.Duration
	// IdleLogOn is how long a connection may stay without a session: 45 s.
	IdleLogOn time.Duration
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		field *int
		value int
	}{
		{&l.Connections, 1024}, {&l.Sessions, 64}, {&l.LogOns, 8}, {&l.Trees, 256}, {&l.Opens, 1 << 16}, {&l.Pipes, 1024},
		{&l.Locks, 1 << 14}, {&l.Watches, 1024}, {&l.Pending, 512}, {&l.Message, 8<<20 + 64<<10}, {&l.Transfer, 8 << 20}, {&l.Credits, 8192},
		{&l.Files, 100_000}, {&l.Unread, 16 << 20},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	l.Message = min(max(l.Message, logOnMessage), smb.MaxFrame)
	l.Transfer = min(l.Transfer, l.Message-64<<10)
	l.Credits = min(l.Credits, 1<<16-1)
	if l.Memory <= 0 {
		l.Memory = 1 << 30
	}
	if l.ReadTime <= 0 {
		l.ReadTime = 30 * time.Second
	}
	if l.WriteTime <= 0 {
		l.WriteTime = 30 * time.Second
	}
	if l.IdleLogOn <= 0 {
		l.IdleLogOn = 45 * time.Second
	}
	return l
}

// New returns a server that is not started: set its fields, then Start it.
func New() *Server {
	return &Server{
		Listen:      "127.0.0.1:0",
		Name:        "ERR32-LAB",
		Shares:      []Share{{Name: "share"}},
		Temperament: Windows(),
		MinDialect:  smb.SMB202,
		MaxDialect:  smb.SMB311,
		closing:     make(chan struct{}),
	}
}

// begin makes the server ready for its first connection. The caller holds mu.
func (s *Server) begin() error {
	if s.closed {
		return net.ErrClosed
	}
	if s.begun {
		return nil
	}
	if err := s.Check(); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	s.Limits = s.Limits.withDefaults()
	s.conns = make(map[*conn]struct{})
	s.sessions = make(map[uint64]*session)
	s.opens = make(map[uint64]*open)
	s.openIDs = make(map[uint32]*open)
	s.leases = make(map[leaseID]*lease)
	rand.Read(s.guid[:])
	s.started = s.now()
	limits := volumeLimits{Bytes: s.Limits.Memory, Nodes: s.Limits.Files}
	for _, sh := range s.Shares {
		s.shares = append(s.shares, share{Share: sh, volume: newVolume(limits, s.now), encrypt: sh.Flags&smb.ShareEncryptData != 0})
	}
	s.ipc = share{Share: Share{Name: ipcName, Comment: "Remote IPC"}}
	s.begun = true
	return nil
}

// Check says what is wrong with the server's fields, as Start does.
func (s *Server) Check() error {
	if s.Name == "" || len(s.Name) > 15 {
		return fmt.Errorf("the name %q has not 1 to 15 bytes", s.Name)
	}
	seen := make(map[string]bool)
	for _, u := range s.Users {
		if err := checkName("user", u.Name, `\/@:`, seen); err != nil {
			return err
		}
	}
	clear(seen)
	seen[fold(ipcName)] = true
	for _, share := range s.Shares {
		if err := checkName("share", share.Name, `\/:*?"<>|`, seen); err != nil {
			return err
		}
	}
	if s.MinDialect > s.MaxDialect {
		return fmt.Errorf("no dialect lies between %v and %v", s.MinDialect, s.MaxDialect)
	}
	if s.Encryption == smb.Required && s.MaxDialect < smb.SMB300 {
		return fmt.Errorf("dialect %v has no encryption", s.MaxDialect)
	}
	return checkFaults(s.Faults)
}

// checkName refuses names that are empty, too long, or seen before, and those
// with one of the characters.
func checkName(what, name, characters string, seen map[string]bool) error {
	const most = 80 // [MS-SRVS] 2.2.4.23, of shares
	switch i := strings.IndexAny(name, characters); {
	case name == "":
		return fmt.Errorf("a %s has no name", what)
	case i >= 0:
		return fmt.Errorf("the name of %s %s has a %q", what, name, name[i])
	case len(name) > most:
		return fmt.Errorf("the name of %s %s has %d bytes, more than %d", what, name, len(name), most)
	case seen[fold(name)]:
		return fmt.Errorf("there is a %s %s already", what, name)
	}
	seen[fold(name)] = true
	return nil
}

// fold is the form in which names are compared: SMB's are case-insensitive.
func fold(name string) string { return strings.ToUpper(name) }

// Start listens, and serves every connection until Close.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln != nil {
		return errors.New("lab: started already")
	}
	if err := s.begin(); err != nil {
		return err
	}
	ln, err := net.Listen(network(s.Listen), s.Listen)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	s.ln = ln
	s.tasks.start("accepting connections", func() { s.accept(ln) })
	return nil
}

// network is the one that an address is of: 0.0.0.0 does not mean IPv6 too.
func network(addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	switch ip := net.ParseIP(host); {
	case ip == nil:
		return "tcp"
	case ip.To4() != nil:
		return "tcp4"
	}
	return "tcp6"
}

// Addr is the address the server listens on, as "127.0.0.1:40123". It is empty
// before Start.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln == nil {
		return ""
	}
	return s.ln.Addr().String()
}

func (s *Server) accept(ln net.Listener) {
	for {
		nc, err := ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			// Out of descriptors or the like: there may be some again soon.
			select {
			case <-s.closing:
				return
			case <-time.After(50 * time.Millisecond):
				continue
			}
		}
		if tcp, ok := nc.(*net.TCPConn); ok {
			tcp.SetKeepAliveConfig(s.Temperament.KeepAlive)
		}
		s.ServeConn(nc)
	}
}

// ServeConn serves one connection and returns at once. The server owns nc.
func (s *Server) ServeConn(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.begin(); err != nil || len(s.conns) >= s.Limits.Connections {
		nc.Close()
		return
	}
	c := s.newConn(nc)
	s.tasks.start("writing to "+c.client, c.write)
	s.tasks.start("reading from "+c.client, c.read)
}

// Close ends every connection and waits until all the server's work has ended.
// What has not after five seconds is named in the error. Later calls do
// nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.closing)
	if s.ln != nil {
		s.ln.Close()
	}
	for c := range s.conns {
		s.endConn(c, net.ErrClosed)
	}
	for _, session := range s.sessions {
		s.endSession(session, closedByServer)
	}
	for _, o := range s.opens { // the disconnected durable ones
		s.closeOpen(o, closedByServer)
	}
	s.mu.Unlock()
	s.log.close()
	return s.tasks.wait(5 * time.Second)
}

// Books are the server's counts. Granted less Released is what the open table
// holds.
type Books struct {
	Connections, Sessions, Opens int
	Granted, Released            uint64
}

// Books returns the counts at this moment.
func (s *Server) Books() Books {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Books{len(s.conns), len(s.sessions), len(s.opens), s.granted, s.released}
}

// now is the time on the server's clock.
func (s *Server) now() time.Time { return time.Now() }

// after calls f once d has passed, with mu held, unless the server closes
// before. The timer can be stopped.
func (s *Server) after(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed {
			f()
		}
	})
}

// random returns n bytes nobody can guess.
func random(n int) []byte {
	b := make([]byte, n)
	io.ReadFull(rand.Reader, b) // never fails
	return b
}

func (s *Server) rand16() uint16 { return binary.LittleEndian.Uint16(random(2)) }

// tasks counts the server's goroutines and knows what each is for.
type tasks struct {
	mu      sync.Mutex
	running map[string]int
	idle    chan struct{} // closed when none is left, once somebody waits
}

// start runs f in a goroutine of its own.
func (t *tasks) start(what string, f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running == nil {
		t.running = make(map[string]int)
	}
	t.running[what]++
	go func() {
		defer t.done(what)
		f()
	}()
}

func (t *tasks) done(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running[what]--; t.running[what] == 0 {
		delete(t.running, what)
	}
	if len(t.running) == 0 && t.idle != nil {
		close(t.idle)
		t.idle = nil
	}
}

// wait waits until nothing runs any more, at most d.
func (t *tasks) wait(d time.Duration) error {
	t.mu.Lock()
	if len(t.running) == 0 {
		t.mu.Unlock()
		return nil
	}
	idle := make(chan struct{})
	t.idle = idle
	t.mu.Unlock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-idle:
		return nil
	case <-timer.C:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var hanging []string
	for what := range t.running {
		hanging = append(hanging, what)
	}
	slices.Sort(hanging)
	return fmt.Errorf("lab: still at work %v after Close: %s", d, strings.Join(hanging, "; "))
}
