package diag

import (
	"context"
	"net"
	"testing"
	"time"

	"err32/smb"
	"err32/smb/lab"
	"err32/smb/smbdtest"
)

// whoServer is a server that who is tried on: the lab or smbd.
type whoServer struct {
	name string
	port int
	// The first may read the tables, the second may not.
	user, password           string
	plainUser, plainPassword string
	smbd                     *smbdtest.Server // nil of the lab
}

// eachWhoServer runs a test on the lab with the habits of Windows and, where it
// is installed, on smbd.
func eachWhoServer(t *testing.T, test func(*testing.T, *whoServer)) {
	t.Parallel()
	t.Run("lab", func(t *testing.T) {
		t.Parallel()
		test(t, startWhoLab(t, nil))
	})
	t.Run("smbd", func(t *testing.T) {
		t.Parallel()
		test(t, startWhoSmbd(t, smbdtest.Config{}))
	})
}

func startWhoLab(t *testing.T, set func(*lab.Server)) *whoServer {
	t.Helper()
	w := &whoServer{name: "lab", user: "root", password: "pass word 1", plainUser: "plain", plainPassword: "pass word 2"}
	s := lab.New()
	s.Users = []lab.User{
		{Name: w.user, Password: w.password, Groups: []string{lab.Administrators}},
		{Name: w.plainUser, Password: w.plainPassword},
	}
	if set != nil {
		set(s)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	addr, err := net.ResolveTCPAddr("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	w.port = addr.Port
	return w
}

func startWhoSmbd(t *testing.T, cfg smbdtest.Config) *whoServer {
	t.Helper()
	s := smbdtest.Start(t, cfg)
	return &whoServer{
		name: "smbd", port: s.Port, smbd: s,
		user: s.User, password: s.Password, plainUser: s.PlainUser, plainPassword: s.PlainPassword,
	}
}

// endpoint is a path of the server's share, for the administrator.
func (s *whoServer) endpoint(path string) Endpoint {
	return Endpoint{
		Target:      Target{Server: "127.0.0.1", Port: s.port, Share: "share", Path: path},
		Credentials: Credentials{User: s.user, Password: s.password},
		Timeout:     stepTime, Version: "test",
	}
}

// plainEndpoint is the same for the user who may not read the tables.
func (s *whoServer) plainEndpoint(path string) Endpoint {
	e := s.endpoint(path)
	e.Credentials = Credentials{User: s.plainUser, Password: s.plainPassword}
	return e
}

// tree connects one more client of the plain user to the share.
func (s *whoServer) tree(t *testing.T) *smb.Tree {
	t.Helper()
	c, err := s.plainEndpoint("").connect(context.Background(), "share", smb.GUID{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.conn.Close() })
	return c.tree
}

// make makes a file with a content.
func (s *whoServer) make(t *testing.T, tree *smb.Tree, path, content string) {
	t.Helper()
	o := mustCreate(t, tree, smb.CreateRequest{Name: path, Access: smb.FileWriteData, Disposition: smb.CreateFile, Options: smb.NonDirectoryFile})
	if _, err := o.WriteAt(context.Background(), []byte(content), 0); err != nil {
		t.Fatal(err)
	}
	mustClose(t, o)
}

func mustCreate(t *testing.T, tree *smb.Tree, m smb.CreateRequest) *smb.Open {
	t.Helper()
	o, err := tree.Create(context.Background(), &m)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func mustClose(t *testing.T, o *smb.Open) {
	t.Helper()
	if err := o.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// heldBy opens a file that is there, in the letters of the command line.
func heldBy(t *testing.T, tree *smb.Tree, path, access, share string) *smb.Open {
	t.Helper()
	return mustCreate(t, tree, openRequest(t, path, access, share))
}

func openRequest(t *testing.T, path, letters, share string) smb.CreateRequest {
	t.Helper()
	s, err := smb.ParseShare(share)
	if err != nil {
		t.Fatal(err)
	}
	return smb.CreateRequest{Name: path, Access: access(letters), Share: s, Disposition: smb.OpenFile, Options: smb.NonDirectoryFile}
}

// whoOf are the options of a run for paths, with probes unless that is unset.
func whoOf(e Endpoint, want string, paths ...string) WhoOptions {
	o := WhoOptions{Endpoint: e, Probe: true, ProbeTimeout: 5 * time.Second}
	wanted, err := ParseWanted(want)
	if err != nil {
		panic(err)
	}
	o.WantAccess, o.WantShare = wanted.Access, wanted.Share
	for _, path := range paths {
		t := e.Target
		t.Path = path
		o.Targets = append(o.Targets, t)
	}
	return o
}

// unprobed is o without probes.
func unprobed(o WhoOptions) WhoOptions {
	o.Probe = false
	return o
}

// runWho runs who on one path, which must lead to a result.
func runWho(t *testing.T, o WhoOptions) (*Report, *PathHolders) {
	t.Helper()
	r := Who(context.Background(), o)
	if r.Who == nil || r.Who.PathHolders == nil {
		t.Fatalf("no result: %s", text(r))
	}
	return r, r.Who.PathHolders
}

// exitOf is the exit code of a run.
func exitOf(r *Report) int {
	if r.Verdict == nil {
		return 1
	}
	return r.Verdict.Code
}
