package lab_test

import (
	"context"
	"net"
	"testing"
	"time"

	"err32/smb"
	"err32/smb/lab"
	"err32/smb/smbdtest"
)

// server is a running server that a client is tried on.
type server struct {
	addr, share string

	user, password           string // an administrator
	plainUser, plainPassword string // not an administrator
}

// serverConfig says how a server is set up.
type serverConfig struct {
	encrypt bool // required of every client
	labOnly bool // the client cannot be tried on smbd
}

// eachServer runs the test on the lab and, where it is installed, on smbd: a
// test that smbd fails too asks for something wrong.
func eachServer(t *testing.T, cfg serverConfig, test func(*testing.T, server)) {
	t.Run("lab", func(t *testing.T) {
		t.Parallel()
		test(t, startLab(t, cfg))
	})
	if cfg.labOnly {
		return
	}
	t.Run("smbd", func(t *testing.T) {
		t.Parallel()
		test(t, startSmbd(t, cfg))
	})
}

func startLab(t *testing.T, cfg serverConfig) server {
	t.Helper()
	srv := server{share: "share", user: "root", password: "pass word 1", plainUser: "plain", plainPassword: "pass word 2"}
	s := lab.New()
	s.Users = []lab.User{
		{Name: srv.user, Password: srv.password, Groups: []string{lab.Administrators}},
		{Name: srv.plainUser, Password: srv.plainPassword},
	}
	s.Shares = []lab.Share{{Name: srv.share}}
	if cfg.encrypt {
		s.Encryption = smb.Required
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("the lab's end: %v", err)
		}
	})
	srv.addr = s.Addr()
	return srv
}

func startSmbd(t *testing.T, cfg serverConfig) server {
	t.Helper()
	var global []string
	if cfg.encrypt {
		global = append(global, "smb encrypt = required")
	}
	s := smbdtest.Start(t, smbdtest.Config{Global: global})
	return server{
		addr: s.Addr, share: s.Share,
		user: s.User, password: s.Password, plainUser: s.PlainUser, plainPassword: s.PlainPassword,
	}
}

func (s server) host() string { return s.addrPart(0) }
func (s server) port() string { return s.addrPart(1) }

func (s server) addrPart(i int) string {
	host, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		panic(err)
	}
	return []string{host, port}[i]
}

// logOn logs the administrator on with the module's own client. The
// connection is closed when the test ends.
func (s server) logOn(t *testing.T) *smb.Session {
	t.Helper()
	ctx := context.Background()
	c, err := smb.Dial(ctx, s.addr, &smb.Config{Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	session, err := c.LogOn(ctx, smb.NTLM{User: s.user, Password: s.password}.Mechanism(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// tree connects the administrator to the share with the module's own client.
func (s server) tree(t *testing.T) *smb.Tree {
	t.Helper()
	tree, err := s.logOn(t).TreeConnect(context.Background(), s.share)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}
