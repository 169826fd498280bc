package lab

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"err32/smb"
)

var ctx = context.Background()

func TestFaultDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer("delay=200ms@READ", "delay=1s@WRITE")
		defer closeServer(t, s)
		tree := pipeTree(t, s, nil)
		defer tree.Session().Conn().Close()
		begin := time.Now()
		o := mustOpen(t, tree, "a.txt")
		took := make(map[string]time.Duration)
		var mu sync.Mutex
		var all sync.WaitGroup
		step := func(name string, f func() error) {
			all.Go(func() {
				if err := f(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				mu.Lock()
				defer mu.Unlock()
				took[name] = time.Since(begin)
			})
			synctest.Wait() // it was sent
		}
		step("write", func() error { _, err := o.WriteAt(ctx, []byte("0123456789"), 0); return err })
		step("read", func() error {
			b := make([]byte, 10)
			n, err := o.ReadAt(ctx, b, 0)
			if string(b[:n]) != "0123456789" {
				t.Errorf("READ before the WRITE's answer: %q, want what was written", b[:n])
			}
			return err
		})
		step("echo", func() error { return tree.Session().Echo(ctx) })
		all.Wait()
		if took["echo"] != 0 || took["read"] != 200*time.Millisecond || took["write"] != time.Second {
			t.Errorf("answers came after %v", took)
		}
	})
}

// A server that closes does not wait for the answers it holds back.
func TestFaultDelayEndsWithServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer("delay=1h@ECHO")
		tree := pipeTree(t, s, nil)
		begin := time.Now()
		done := make(chan error)
		go func() { done <- tree.Session().Echo(ctx) }()
		synctest.Wait()
		closeServer(t, s)
		wantError(t, "ECHO", <-done, smb.ErrServerClosed)
		if d := time.Since(begin); d != 0 {
			t.Errorf("that took %v", d)
		}
		tree.Session().Conn().Close()
	})
}

func TestFaultDrop(t *testing.T) {
	s := testServer("drop@WRITE#2")
	defer closeServer(t, s)
	tree := pipeTree(t, s, nil)
	o := mustOpen(t, tree, "a.txt")
	if _, err := o.WriteAt(ctx, []byte("one"), 0); err != nil {
		t.Fatal(err)
	}
	_, err := o.WriteAt(ctx, []byte("two"), 3)
	wantError(t, "second WRITE", err, smb.ErrServerClosed)
	tree.Session().Conn().Close()

	// It was done all the same, and the next is none of the fault's.
	tree = pipeTree(t, s, nil)
	defer tree.Session().Conn().Close()
	o = mustOpen(t, tree, "a.txt")
	b := make([]byte, 10)
	if n, err := o.ReadAt(ctx, b, 0); err != nil || string(b[:n]) != "onetwo" {
		t.Errorf("the file has %q, %v", b[:n], err)
	}
	if _, err := o.WriteAt(ctx, []byte("three"), 6); err != nil {
		t.Errorf("third WRITE: %v", err)
	}
}

// Whatever the command, the connection ends instead of its answer.
func TestFaultDropEveryStep(t *testing.T) {
	for _, command := range []string{"NEGOTIATE", "SESSION_SETUP", "SESSION_SETUP#2", "TREE_CONNECT", "CREATE", "CLOSE", "TREE_DISCONNECT", "LOGOFF"} {
		t.Run(command, func(t *testing.T) {
			s := testServer("drop@" + command)
			defer closeServer(t, s)
			reached, err := wholeLife(t, s)
			wantError(t, command, err, smb.ErrServerClosed)
			if want, _, _ := strings.Cut(command, "#"); reached != want {
				t.Errorf("the client came to %s", reached)
			}
		})
	}
}

// wholeLife connects, opens a file and leaves in order. It returns the command
// that failed.
func wholeLife(t *testing.T, s *Server) (failed string, err error) {
	c, err := pipeConn(t, s, nil)
	if err != nil {
		return "NEGOTIATE", err
	}
	defer c.Close()
	session, err := logOn(c)
	if err != nil {
		return "SESSION_SETUP", err
	}
	tree, err := session.TreeConnect(ctx, "share")
	if err != nil {
		return "TREE_CONNECT", err
	}
	o, err := openFile(tree, "a.txt")
	if err != nil {
		return "CREATE", err
	}
	if err := o.Close(ctx); err != nil {
		return "CLOSE", err
	}
	if err := tree.Disconnect(ctx); err != nil {
		return "TREE_DISCONNECT", err
	}
	return "LOGOFF", session.LogOff(ctx)
}

// tap keeps what is read from a connection.
type tap struct {
	net.Conn
	mu   sync.Mutex
	read []byte
}

func (c *tap) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = append(c.read, b[:n]...)
	return n, err
}

func TestFaultCut(t *testing.T) {
	s := testServer("cut@ECHO#2")
	defer closeServer(t, s)
	client, server := net.Pipe()
	s.ServeConn(server)
	wire := &tap{Conn: client}
	c, err := smb.NewConn(ctx, wire, "lab", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	session, err := logOn(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Echo(ctx); err != nil {
		t.Fatal(err)
	}
	wantError(t, "second ECHO", session.Echo(ctx), smb.ErrServerClosed)
	wire.mu.Lock()
	defer wire.mu.Unlock()
	rest := wire.read
	for {
		if len(rest) < 4 {
			t.Fatalf("the wire ends with %d bytes of a frame", len(rest))
		}
		size := int(binary.BigEndian.Uint32(rest))
		if len(rest) < 4+size {
			if got, whole := len(rest), 4+64+4; 4+size != whole || got != whole/2 { // header and ECHO response, [MS-SMB2] 2.2.29
				t.Errorf("the wire ends with %d bytes of a frame of %d, want %d of %d", got, 4+size, whole/2, whole)
			}
			return
		}
		rest = rest[4+size:]
	}
}

func TestFaultWrongSignature(t *testing.T) {
	var last []byte
	trace := &smb.Trace{Received: func(_ time.Time, msg []byte) { last = slices.Clone(msg) }}
	for _, d := range smb.Dialects {
		s := testServer("wrong-signature@ECHO#2")
		c, err := pipeConn(t, s, &smb.Config{Signing: smb.Required, MaxDialect: d, Trace: trace})
		if err != nil {
			t.Fatal(err)
		}
		session, err := logOn(c)
		if err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		signer := s.sessions[session.ID()].signer
		s.mu.Unlock()
		if err := session.Echo(ctx); err != nil {
			t.Errorf("%v: first ECHO: %v", d, err)
		}
		wantError(t, d.String()+": second ECHO", session.Echo(ctx), smb.ErrSignature)
		c.Close()
		closeServer(t, s)
		if signer.Verify(last) {
			t.Errorf("%v: the signature is right", d)
		}
		// One byte of it is wrong: of another message it would be all others.
		wrong := slices.Clone(last)
		signer.Sign(last)
		differ := 0
		for i := range last {
			if last[i] != wrong[i] {
				differ++
			}
		}
		if differ != 1 {
			t.Errorf("%v: the signature differs from the message's in %d bytes", d, differ)
		}
	}
}

func TestFaultWrongSignatureEncrypted(t *testing.T) {
	s := testServer("wrong-signature@ECHO#2")
	defer closeServer(t, s)
	c, err := pipeConn(t, s, &smb.Config{Encryption: smb.Required})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	session, err := logOn(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Echo(ctx); err != nil {
		t.Fatal(err)
	}
	if err := session.Echo(ctx); err == nil || !strings.Contains(err.Error(), "encrypted message: Signature does not match") {
		t.Errorf("second ECHO: %v", err)
	}
}

// An answer that is not signed has no signature to damage.
func TestFaultWrongSignatureUnsigned(t *testing.T) {
	s := testServer("wrong-signature@ECHO")
	defer closeServer(t, s)
	tree := pipeTree(t, s, nil)
	defer tree.Session().Conn().Close()
	if err := tree.Session().Echo(ctx); err != nil {
		t.Error(err)
	}
}

func TestFaultWrongCredit(t *testing.T) {
	for _, test := range []struct {
		fault string
		more  int
	}{{"wrong-credit=+100@ECHO#2", 100}, {"wrong-credit=-1@ECHO#2", -1}} {
		var granted uint16
		trace := &smb.Trace{Received: func(_ time.Time, msg []byte) { granted = binary.LittleEndian.Uint16(msg[14:]) }} // CreditResponse
		s := testServer(test.fault)
		tree := pipeTree(t, s, &smb.Config{Trace: trace})
		c := s.onlyConn(t)
		for i := 1; i <= 3; i++ {
			s.mu.Lock()
			before := c.window.high
			s.mu.Unlock()
			if err := tree.Session().Echo(ctx); err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			truth := int(c.window.high - before)
			s.mu.Unlock()
			want := truth
			if i == 2 {
				want += test.more
			}
			if int(granted) != want {
				t.Errorf("%s: ECHO %d says %d credits where %d were granted", test.fault, i, granted, truth)
			}
		}
		tree.Session().Conn().Close()
		closeServer(t, s)
	}
}

// A client that is granted nothing any more has to stop.
func TestFaultWrongCreditStarves(t *testing.T) {
	s := testServer("wrong-credit=-65536")
	defer closeServer(t, s)
	c, err := pipeConn(t, s, nil)
	if err == nil {
		<-c.Done()
		err = c.Err()
		c.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "no credit") {
		t.Errorf("NEGOTIATE that grants nothing: %v", err)
	}
}

func TestFaultRefuseClose(t *testing.T) {
	s := testServer("refuse-close#1")
	defer closeServer(t, s)
	holder, other := pipeTree(t, s, nil), pipeTree(t, s, nil)
	defer holder.Session().Conn().Close()
	defer other.Session().Conn().Close()
	o := mustOpen(t, holder, "a.txt")
	wantRefusal(t, "CLOSE", o.Close(ctx), smb.StatusUnexpectedNetworkError)
	wantOpens(t, s, "after the refused CLOSE", 1)
	_, err := openFile(other, "a.txt")
	wantRefusal(t, "another's open", err, smb.StatusSharingViolation)
	if err := holder.Session().LogOff(ctx); err != nil {
		t.Fatal(err)
	}
	wantOpens(t, s, "after LOGOFF", 0)
	if err := mustOpen(t, other, "a.txt").Close(ctx); err != nil {
		t.Errorf("the second CLOSE: %v", err)
	}
}

// The server's tables can be read while CLOSE is refused and opens fail.
func TestFaultsSpareThePipe(t *testing.T) {
	s := testServer("refuse-close", "no-resources=2+")
	defer closeServer(t, s)
	tree := pipeTree(t, s, nil)
	defer tree.Session().Conn().Close()
	mustOpen(t, tree, "a.txt")
	ipc, err := tree.Session().TreeConnect(ctx, "IPC$")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		pipe, err := ipc.OpenPipe(ctx, "srvsvc")
		if err != nil {
			t.Fatal(err)
		}
		if err := pipe.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	_, err = openFile(tree, "b.txt")
	wantRefusal(t, "the second open", err, smb.StatusInsuffServerResources)
}

func TestFaultNeverAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer("never-answer@CREATE#1")
		defer closeServer(t, s)
		tree := pipeTree(t, s, &smb.Config{Timeout: 10 * time.Second})
		defer tree.Session().Conn().Close()
		begin := time.Now()
		_, err := openFile(tree, "a.txt")
		if d := time.Since(begin); !errors.Is(err, os.ErrDeadlineExceeded) || d != 10*time.Second {
			t.Errorf("CREATE: %v after %v", err, d)
		}
		// The client knows of no open, and the server has one.
		wantOpens(t, s, "after the CREATE", 1)
		_, err = openFile(tree, "a.txt")
		wantRefusal(t, "another CREATE", err, smb.StatusSharingViolation)
	})
}

func TestFaultNoResources(t *testing.T) {
	for _, test := range []struct {
		fault string
		fails []int
	}{
		{"no-resources=3", []int{3}},
		{"no-resources=3+", []int{3, 4, 5}},
		{"no-resources", []int{1, 2, 3, 4, 5}},
	} {
		s := testServer(test.fault)
		first, second := pipeTree(t, s, nil), pipeTree(t, s, nil)
		for i := 1; i <= 5; i++ {
			tree := []*smb.Tree{first, second}[i%2] // counted over all connections
			o, err := openFile(tree, "a.txt")
			if slices.Contains(test.fails, i) {
				wantRefusal(t, test.fault, err, smb.StatusInsuffServerResources)
			} else if err != nil {
				t.Errorf("%s: open %d: %v", test.fault, i, err)
			} else if err := o.Close(ctx); err != nil {
				t.Error(err)
			}
		}
		first.Session().Conn().Close()
		second.Session().Conn().Close()
		closeServer(t, s)
	}
}

func TestFaultStatusByPath(t *testing.T) {
	s := testServer(`status=STATUS_DISK_FULL@WRITE:*.LOG`, `status=STATUS_ACCESS_DENIED@CREATE:Dir\*`)
	defer closeServer(t, s)
	tree := pipeTree(t, s, nil)
	defer tree.Session().Conn().Close()
	if _, err := tree.Create(ctx, &smb.CreateRequest{Name: "dir", Access: smb.FileReadData, Disposition: smb.CreateFile, Options: smb.DirectoryFile}); err != nil {
		t.Fatal(err)
	}
	_, err := openFile(tree, `dir\b.txt`)
	wantRefusal(t, `CREATE dir\b.txt`, err, smb.StatusAccessDenied)
	_, err = mustOpen(t, tree, "c.log").WriteAt(ctx, []byte("x"), 0)
	wantRefusal(t, "WRITE c.log", err, smb.StatusDiskFull)
	o := mustOpen(t, tree, "c.txt")
	if _, err := o.WriteAt(ctx, []byte("x"), 0); err != nil {
		t.Errorf("WRITE c.txt: %v", err)
	}
	if size, err := mustOpen(t, tree, "d.log").ReadAt(ctx, make([]byte, 1), 0); size != 0 || err == nil {
		t.Errorf("READ d.log: %d, %v", size, err)
	}
}

// In a chain the file is known by the request before.
func TestFaultInCompound(t *testing.T) {
	s := testServer("refuse-close:a.txt", "status=STATUS_DISK_FULL@CREATE:b.txt")
	defer closeServer(t, s)
	tree := pipeTree(t, s, nil)
	defer tree.Session().Conn().Close()
	for _, test := range []struct {
		name string
		want smb.NTStatus
	}{{"a.txt", smb.StatusUnexpectedNetworkError}, {"b.txt", smb.StatusDiskFull}, {"c.txt", smb.StatusSuccess}} {
		_, err := tree.CreateClose(ctx, &smb.CreateRequest{Name: test.name, Access: smb.FileReadData, Disposition: smb.OpenIf})
		if test.want != smb.StatusSuccess {
			wantRefusal(t, test.name, err, test.want)
		} else if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	wantOpens(t, s, "after the chains", 1)
}

// Several faults on one request all act.
func TestFaultsJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer("delay=1s@CLOSE", "refuse-close", "delay=3s@CLOSE", "status=STATUS_DISK_FULL@CLOSE")
		defer closeServer(t, s)
		tree := pipeTree(t, s, nil)
		defer tree.Session().Conn().Close()
		o := mustOpen(t, tree, "a.txt")
		begin := time.Now()
		wantRefusal(t, "CLOSE", o.Close(ctx), smb.StatusUnexpectedNetworkError)
		if d := time.Since(begin); d != 3*time.Second {
			t.Errorf("the answer came after %v", d)
		}
	})
}
