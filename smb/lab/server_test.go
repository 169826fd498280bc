package lab

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"err32/smb"
)

// stubborn is a connection whose Read takes no notice of Close.
type stubborn struct {
	net.Conn
	let chan struct{} // closed: it returns
}

func (s *stubborn) Read([]byte) (int, error) {
	<-s.let
	return 0, net.ErrClosed
}

func (s *stubborn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1234} }

// Close names what hangs, and gives it five seconds.
func TestCloseNamesWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer()
		_, server := net.Pipe()
		c := &stubborn{server, make(chan struct{})}
		s.ServeConn(c)
		begin := time.Now()
		err := s.Close()
		if d := time.Since(begin); d != 5*time.Second {
			t.Errorf("Close took %v, want 5s", d)
		}
		if err == nil || !strings.Contains(err.Error(), "reading from 192.0.2.1") || strings.Contains(err.Error(), "writing") {
			t.Errorf("Close: %v, want that it reads from 192.0.2.1", err)
		}
		close(c.let)
	})
}

// Close does not wait for what waits.
func TestCloseEndsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer()
		holder, waiter := pipeTree(t, s, nil), pipeTree(t, s, nil)
		held, err := holder.Create(ctx, openRequest("file"))
		if err != nil {
			t.Fatal(err)
		}
		second, err := waiter.Create(ctx, openRequest("file"))
		if err != nil {
			t.Fatal(err)
		}
		lock := smb.LockElement{Length: 1, Flags: smb.LockExclusive}
		if err := held.Lock(ctx, lock); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- second.Lock(ctx, lock) }()
		synctest.Wait()
		begin := time.Now()
		closeServer(t, s)
		if d := time.Since(begin); d != 0 {
			t.Errorf("Close took %v", d)
		}
		wantError(t, "the LOCK", <-done, smb.ErrServerClosed)
		for _, tree := range []*smb.Tree{holder, waiter} {
			tree.Session().Conn().Close()
		}
	})
}

// A server that is closed serves nobody, also who came before.
func TestAfterClose(t *testing.T) {
	for _, before := range []bool{false, true} {
		s := testServer()
		if before {
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
		}
		closeServer(t, s)
		if err := s.Start(); err == nil {
			t.Error("a closed server was started")
		}
		client, server := net.Pipe()
		s.ServeConn(server)
		client.SetReadDeadline(time.Now().Add(rawTime))
		if _, err := client.Read(make([]byte, 1)); err == nil || errors.Is(err, errTimeout(err)) {
			t.Errorf("a connection to a closed server: %v", err)
		}
		client.Close()
		if err := s.Close(); err != nil {
			t.Errorf("Close again: %v", err)
		}
	}
}

// errTimeout returns err if it is a timeout, else an error that is not.
func errTimeout(err error) error {
	if e, ok := err.(net.Error); ok && e.Timeout() {
		return err
	}
	return errors.New("no timeout")
}

// Connections that come while the server closes are not forgotten.
func TestCloseWhileConnecting(t *testing.T) {
	for range 20 {
		s := testServer()
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					nc, err := net.Dial("tcp", s.Addr())
					if err != nil {
						return
					}
					nc.Close()
				}
			})
		}
		time.Sleep(time.Millisecond)
		closeServer(t, s)
		close(stop)
		all.Wait()
	}
}

func TestServerConfiguration(t *testing.T) {
	for name, wrong := range map[string]func(s *Server){
		"no name":                    func(s *Server) { s.Name = "" },
		"a long name":                func(s *Server) { s.Name = "sixteen-bytes-xx" },
		"a user twice":               func(s *Server) { s.Users = append(s.Users, User{Name: strings.ToUpper(testUser)}) },
		"a user with a domain":       func(s *Server) { s.Users = []User{{Name: `d\u`}} },
		"IPC$ is there already":      func(s *Server) { s.Shares = []Share{{Name: "ipc$"}} },
		"a share twice":              func(s *Server) { s.Shares = []Share{{Name: "a"}, {Name: "A"}} },
		"a share with a slash":       func(s *Server) { s.Shares = []Share{{Name: "a/b"}} },
		"no dialect":                 func(s *Server) { s.MinDialect, s.MaxDialect = smb.SMB311, smb.SMB210 },
		"encryption without dialect": func(s *Server) { s.Encryption, s.MaxDialect = smb.Required, smb.SMB210 },
		"an unknown fault":           func(s *Server) { s.Faults = []Fault{{Name: "no fault"}} },
		"an address of another host": func(s *Server) { s.Listen = "192.0.2.1:0" },
	} {
		t.Run(name, func(t *testing.T) {
			s := testServer()
			wrong(s)
			if err := s.Start(); err == nil {
				t.Error("it was started")
			}
			if s.Addr() != "" {
				t.Errorf("it serves %s", s.Addr())
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The defaults are those that the documentation of Limits has.
func TestLimitsDefaults(t *testing.T) {
	want := Limits{
		Connections: 1024, Sessions: 64, LogOns: 8, Trees: 256, Opens: 65536, Pipes: 1024, Locks: 16384, Watches: 1024, Pending: 512,
		Message: 8<<20 + 64<<10, Transfer: 8 << 20, Credits: 8192, Memory: 1 << 30, Files: 100_000, Unread: 16 << 20,
		ReadTime: 30 * time.Second, WriteTime: 30 * time.Second, IdleLogOn: 45 * time.Second,
	}
	if got := (Limits{}).withDefaults(); got != want {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if got := want.withDefaults(); got != want {
		t.Errorf("the defaults become %+v", got)
	}
	got := Limits{Message: 1, Transfer: 1 << 30, Credits: 1 << 20}.withDefaults()
	if got.Message != 128<<10 || got.Transfer != 64<<10 || got.Credits != 65535 {
		t.Errorf("a small Message: %+v", got)
	}
	if got := (Limits{Message: 1 << 30}).withDefaults(); got.Message != smb.MaxFrame || got.Transfer != 8<<20 {
		t.Errorf("a large Message: %+v", got)
	}
}

// A client may write and read what Transfer allows, encrypted too, and no more.
func TestLimitsTransfer(t *testing.T) {
	for _, limits := range []Limits{{Transfer: 256 << 10}, {Message: smb.MaxFrame, Transfer: smb.MaxFrame}} {
		s := testServer()
		s.Limits = limits
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		c := dialRaw(t, s).ready(smb.SMB311)
		c.credits = 2000
		most := uint32(s.Limits.Transfer)
		id := c.open("file")
		for range 2 {
			c.want(smb.StatusSuccess, &smb.WriteRequest{FileID: id, Data: make([]byte, most)}, charge(uint16(most/65536+1)))
			c.want(smb.StatusInvalidParameter, &smb.WriteRequest{FileID: id, Data: make([]byte, most+1)}, charge(uint16(most/65536+1)))
			r := c.want(smb.StatusSuccess, &smb.ReadRequest{FileID: id, Length: most}, charge(uint16(most/65536+1)))
			if got := len(r.body.(*smb.ReadResponse).Data); got != int(most) {
				t.Errorf("%d bytes were read, want %d", got, most)
			}
			c.want(smb.StatusInvalidParameter, &smb.ReadRequest{FileID: id, Length: most + 1}, charge(uint16(most/65536+1)))
			c.encrypt()
		}
		c.nc.Close()
		closeServer(t, s)
	}
}

// What waits is answered before the LOGOFF or TREE_DISCONNECT that ends it, and
// says that its open was closed.
func TestEndOfSessionEndsWaits(t *testing.T) {
	for name, end := range map[string]smb.Message{"LOGOFF": &smb.LogoffRequest{}, "TREE_DISCONNECT": &smb.TreeDisconnectRequest{}} {
		t.Run(name, func(t *testing.T) {
			s := testServer()
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			defer closeServer(t, s)
			c := dialRaw(t, s).ready(smb.SMB311)
			defer c.nc.Close()
			dir := openRequest("")
			dir.Disposition = smb.OpenFile
			folder := c.want(smb.StatusSuccess, dir).body.(*smb.CreateResponse).FileID
			first, second := c.open("file"), c.open("file")
			c.want(smb.StatusSuccess, &smb.LockRequest{FileID: first, Locks: []smb.LockElement{{Length: 1, Flags: smb.LockExclusive}}})
			want := map[uint64]smb.NTStatus{}
			want[c.nextID] = smb.StatusRangeNotLocked
			if status := c.pend(second); status != smb.StatusPending {
				t.Fatal(status)
			}
			want[c.nextID] = smb.StatusNotifyCleanup
			if err := c.send(c.message(&smb.ChangeNotifyRequest{FileID: folder, MaxOutput: 1000, Filter: 1})); err != nil {
				t.Fatal(err)
			}
			if all, err := c.receive(); err != nil || all[0].header.Status != smb.StatusPending {
				t.Fatalf("CHANGE_NOTIFY: %+v, %v", all, err)
			}
			if err := c.send(c.message(end)); err != nil {
				t.Fatal(err)
			}
			for len(want) > 0 {
				all, err := c.receive()
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range all {
					if status, ok := want[r.header.MessageID]; !ok || r.header.Status != status {
						t.Fatalf("%v is answered %v, want %v (%d answers are missing)", r.header.Command, r.header.Status, status, len(want))
					}
					delete(want, r.header.MessageID)
				}
			}
			if all, err := c.receive(); err != nil || all[0].header.Command != end.Command() || all[0].header.Status != smb.StatusSuccess {
				t.Errorf("%s: %+v, %v", name, all, err)
			}
		})
	}
}
