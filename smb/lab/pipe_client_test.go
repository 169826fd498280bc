package lab

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"err32/smb"
)

const testUser, testPassword = "alice", "pass word 1"

// testServer is a server for pipe clients: the user alice, an administrator,
// and the share "share". It is closed at the end of the test or bubble by the
// caller.
func testServer(faults ...string) *Server {
	s := New()
	s.Users = []User{{Name: testUser, Password: testPassword, Groups: []string{Administrators}}}
	for _, text := range faults {
		f, err := ParseFault(text)
		if err != nil {
			panic(err)
		}
		s.Faults = append(s.Faults, f)
	}
	return s
}

func closeServer(t testing.TB, s *Server) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if b := s.Books(); b.Connections+b.Sessions+b.Opens != 0 || b.Granted != b.Released {
		t.Errorf("the books after Close: %+v", b)
	}
}

// pipeConn connects over net.Pipe: also in a bubble of testing/synctest.
func pipeConn(t *testing.T, s *Server, cfg *smb.Config) (*smb.Conn, error) {
	t.Helper()
	client, server := net.Pipe()
	s.ServeConn(server)
	return smb.NewConn(context.Background(), client, "lab", cfg)
}

func logOn(c *smb.Conn) (*smb.Session, error) {
	return c.LogOn(context.Background(), smb.NTLM{User: testUser, Password: testPassword}.Mechanism(), 0)
}

// pipeTree connects over net.Pipe, logs on and connects to the share.
func pipeTree(t *testing.T, s *Server, cfg *smb.Config) *smb.Tree {
	t.Helper()
	c, err := pipeConn(t, s, cfg)
	if err != nil {
		t.Fatal(err)
	}
	session, err := logOn(c)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := session.TreeConnect(context.Background(), "share")
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// openFile opens a file that is created if need be, and shares nothing.
func openFile(tree *smb.Tree, name string) (*smb.Open, error) {
	return tree.Create(context.Background(), &smb.CreateRequest{
		Name: name, Access: smb.FileReadData | smb.FileWriteData, Disposition: smb.OpenIf,
	})
}

func mustOpen(t *testing.T, tree *smb.Tree, name string) *smb.Open {
	t.Helper()
	o, err := openFile(tree, name)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func wantRefusal(t *testing.T, what string, err error, want smb.NTStatus) {
	t.Helper()
	if got, ok := smb.StatusOf(err); !ok || got != want {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func wantOpens(t *testing.T, s *Server, when string, want int) {
	t.Helper()
	if got := s.Books().Opens; got != want {
		t.Errorf("%s the open table has %d entries, want %d", when, got, want)
	}
}

// conn returns the server's side of its only connection.
func (s *Server) onlyConn(t *testing.T) *conn {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) != 1 {
		t.Fatalf("there are %d connections", len(s.conns))
	}
	for c := range s.conns {
		return c
	}
	return nil
}

// sleepUntil sleeps until d after begin.
func sleepUntil(begin time.Time, d time.Duration) { time.Sleep(time.Until(begin.Add(d))) }
