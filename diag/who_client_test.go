package diag

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"err32/smb"
)

// clientOf connects one more client of the plain user to the server's share.
func clientOf(t *testing.T, srv *testServer) *smb.Tree {
	t.Helper()
	c, err := srv.plainEndpoint("").connect(t.Context(), srv.share, smb.GUID{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.conn.Close() })
	return c.tree
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

// sambaTool is a program of Samba's and the flags that every one of them takes,
// for the plain user on the server.
func sambaTool(t *testing.T, srv *testServer, name string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("ERR32_REQUIRE_SAMBA") == "1" {
			t.Fatal(err)
		}
		t.Skip("smbd is installed without " + name)
	}
	port := "--port="
	if name == "smbtorture" {
		port = "--smb-ports="
	}
	dir := t.TempDir()
	args = append([]string{
		"--configfile=/dev/null", "--option=private dir=" + dir, "--option=lock directory=" + dir, "--option=state directory=" + dir, "--option=cache directory=" + dir,
		"--option=pid directory=" + dir, "--option=netbios name=CLIENT", port + strconv.Itoa(srv.port), "--user=" + srv.plainUser + "%" + srv.plainPassword,
		"//127.0.0.1/" + srv.share,
	}, args...)
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	return cmd
}
