package lab_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"err32/smb"
)

// smbclient is an unmodified smbclient that talks to a server.
type smbclient struct {
	t        *testing.T
	program  string
	options  []string // before the service
	service  string
	user     string
	password string
}

// newSmbclient makes a client of a server, by way of addr.
func newSmbclient(t *testing.T, srv server, options ...string) *smbclient {
	t.Helper()
	options = append([]string{"--configfile=" + toolConf(t), "--port=" + srv.port()}, options...)
	return &smbclient{
		t: t, program: sambaTool(t, "smbclient", "smbclient"), options: options,
		service: "//" + srv.host() + "/" + srv.share, user: srv.user, password: srv.password,
	}
}

// try runs commands and returns the output.
func (c *smbclient) try(commands ...string) (string, error) {
	c.t.Helper()
	args := append(slices.Clone(c.options), "--user="+c.user+"%"+c.password, c.service, "--command="+strings.Join(commands, "; "))
	return runTool(c.t, c.program, args...)
}

// do runs commands that succeed.
func (c *smbclient) do(commands ...string) string {
	c.t.Helper()
	out, err := c.try(commands...)
	if err != nil || strings.Contains(out, "NT_STATUS_") {
		c.t.Fatalf("smbclient %q: %v\n%s", commands, err, out)
	}
	return out
}

// fail runs commands of which the last fails with a status.
func (c *smbclient) fail(status string, commands ...string) {
	c.t.Helper()
	if out, _ := c.try(commands...); !strings.Contains(out, status) {
		c.t.Errorf("smbclient %q: no %s in:\n%s", commands, status, out)
	}
}

// listed is a line of smbclient's ls.
type listed struct {
	attributes string
	size       string
	written    time.Time
}

// A line is "  NAME      ATTRIBUTES SIZE  DATE", and the attributes may be
// missing.
var lsLine = regexp.MustCompile(`(?m)^  (\S.*?) +([A-Za-z]+ )? *(\d+)  (\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})$`)

// lsTime is how smbclient prints a time.
const lsTime = "Mon Jan _2 15:04:05 2006"

func (c *smbclient) ls(commands ...string) map[string]listed {
	c.t.Helper()
	out := c.do(commands...)
	all := make(map[string]listed)
	for _, m := range lsLine.FindAllStringSubmatch(out, -1) {
		if _, twice := all[m[1]]; twice {
			c.t.Errorf("%s is listed twice:\n%s", m[1], out)
		}
		all[m[1]] = listed{strings.TrimSpace(m[2]), m[3], c.time(m[4])}
	}
	if !strings.Contains(out, "blocks of size") {
		c.t.Errorf("smbclient was not told how big the disk is:\n%s", out)
	}
	return all
}

func (c *smbclient) time(s string) time.Time {
	c.t.Helper()
	when, err := time.Parse(lsTime, strings.TrimSuffix(s, " UTC"))
	if err != nil {
		c.t.Error(err)
	}
	return when
}

// info is smbclient's allinfo, by key.
func (c *smbclient) info(path string) map[string]string {
	c.t.Helper()
	all := make(map[string]string)
	for line := range strings.Lines(c.do("allinfo " + path)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			all[key] = strings.TrimSpace(value)
		}
	}
	return all
}

// recent reports whether the server can have set the time during the test:
// the clocks are the same, and smbclient cuts seconds off.
func recent(when time.Time) bool {
	age := time.Since(when)
	return -time.Second < age && age < 2*time.Minute
}

// localFile writes random data to a file of this machine.
func localFile(t *testing.T, size int) (path string, data []byte) {
	t.Helper()
	data = make([]byte, size)
	rand.NewChaCha8([32]byte{byte(size)}).Read(data)
	path = filepath.Join(t.TempDir(), "local")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, data
}

// remoteFile reads a file of the share with the module's own client.
func remoteFile(t *testing.T, tree *smb.Tree, path string) []byte {
	t.Helper()
	ctx := context.Background()
	o, err := tree.Create(ctx, &smb.CreateRequest{
		Name: path, Access: smb.FileReadData | smb.FileReadAttributes, Share: smb.ShareRead, Disposition: smb.OpenFile, Options: smb.NonDirectoryFile,
	})
	if err != nil {
		t.Error(err)
		return nil
	}
	data := make([]byte, o.Created.EndOfFile)
	for n := 0; n < len(data); {
		k, err := o.ReadAt(ctx, data[n:], uint64(n))
		if err != nil {
			t.Errorf("%s at %d of %d: %v", path, n, len(data), err)
			return nil
		}
		n += k
	}
	if n, err := o.ReadAt(ctx, make([]byte, 1), uint64(len(data))); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("%s goes on after its end: %d, %v", path, n, err)
	}
	if err := o.Close(ctx); err != nil {
		t.Error(err)
	}
	return data
}

// sameFile compares a file of this machine with what it should hold.
func sameFile(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return
	}
	sameBytes(t, filepath.Base(path), got, want)
}

func sameBytes(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	t.Errorf("%s: %d bytes instead of %d, different from byte %d on", what, len(got), len(want), at)
}

// smbclientModes are the dialects and protections smbclient is tried with, and
// what is to be seen of them on the wire.
var smbclientModes = []struct {
	options []string
	dialect uint16
	sent    string
}{
	{nil, 0x311, ""},
	{[]string{"--max-protocol=SMB2_02"}, 0x202, ""},
	{[]string{"--max-protocol=SMB2_10"}, 0x210, ""},
	{[]string{"--max-protocol=SMB3_00"}, 0x300, ""},
	{[]string{"--max-protocol=SMB3"}, 0x311, ""},
	{[]string{"--max-protocol=SMB3_11"}, 0x311, ""},
	// These begin with an SMB1 NEGOTIATE.
	{[]string{"--max-protocol=SMB2_02", "--option=client min protocol=CORE"}, 0x202, ""},
	{[]string{"--option=client min protocol=CORE"}, 0x311, ""},
	{[]string{"--max-protocol=SMB2_02", "--client-protection=sign"}, 0x202, "signed"},
	{[]string{"--max-protocol=SMB3_02", "--client-protection=sign"}, 0x302, "signed"},
	{[]string{"--client-protection=sign"}, 0x311, "signed"},
	{[]string{"--max-protocol=SMB3_00", "--client-protection=encrypt"}, 0x300, "sealed"},
	{[]string{"--client-protection=encrypt"}, 0x311, "sealed"},
}

// TestSmbclient leads smbclient through the life of a file.
func TestSmbclient(t *testing.T) {
	sambaTool(t, "smbclient", "smbclient")
	eachServer(t, serverConfig{}, func(t *testing.T, srv server) {
		tree := srv.tree(t)
		local, data := localFile(t, 300_001)
		for i, mode := range smbclientModes {
			t.Run(fmt.Sprint(mode.options), func(t *testing.T) {
				r := startRelay(t, "127.0.0.1:0", srv.addr)
				through := srv
				through.addr = r.addr()
				useSmbclient(t, newSmbclient(t, through, mode.options...), tree, fmt.Sprintf("dir %d", i), local, data)
				dialect, counts := r.seen()
				if dialect != mode.dialect {
					t.Errorf("dialect 0x%x, want 0x%x", dialect, mode.dialect)
				}
				if mode.sent != "" && (len(counts) > 1 || counts[mode.sent] == 0) {
					t.Errorf("requests by protection: %v, want all %s", counts, mode.sent)
				}
			})
		}
	})
}

func useSmbclient(t *testing.T, c *smbclient, tree *smb.Tree, dir, local string, data []byte) {
	back := filepath.Join(t.TempDir(), "back")
	q := func(format string, args ...any) string { return fmt.Sprintf(format, args...) }

	c.do(q(`mkdir "%s"`, dir), q(`put "%s" "%s\first Ä.txt"`, local, dir))
	sameBytes(t, "after put", remoteFile(t, tree, dir+`\first Ä.txt`), data)
	c.fail("NT_STATUS_OBJECT_NAME_COLLISION", q(`mkdir "%s"`, dir))

	all := c.ls(q(`ls "%s\*"`, dir))
	f, d := all["first Ä.txt"], all["."]
	if len(all) != 3 || all[".."].attributes != "D" || f.attributes != "A" || f.size != fmt.Sprint(len(data)) || !recent(f.written) ||
		d.attributes != "D" || !recent(d.written) {
		t.Errorf("ls: %+v", all)
	}
	if top := c.ls("ls")[dir]; top.attributes != "D" {
		t.Errorf("ls of the share: %+v", top)
	}

	info := c.info(q(`"%s\first Ä.txt"`, dir))
	for _, key := range []string{"create_time", "access_time", "write_time", "change_time"} {
		if !recent(c.time(info[key])) {
			t.Errorf("allinfo: %s is %q", key, info[key])
		}
	}
	if info["attributes"] != "A (20)" || info["stream"] != fmt.Sprintf("[::$DATA], %d bytes", len(data)) {
		t.Errorf("allinfo: %v", info)
	}

	c.do(q(`get "%s\first Ä.txt" "%s"`, dir, back))
	sameFile(t, back, data)
	c.do(q(`rename "%s\first Ä.txt" "%s\second.txt"`, dir, dir))
	if all := c.ls(q(`ls "%s\*"`, dir)); len(all) != 3 || all["second.txt"].size != f.size {
		t.Errorf("ls after rename: %v", all)
	}
	sameBytes(t, "after rename", remoteFile(t, tree, dir+`\second.txt`), data)
	c.fail("NT_STATUS_OBJECT_NAME_NOT_FOUND", q(`get "%s\first Ä.txt" "%s"`, dir, back))

	// A shorter file takes the place of the longer one.
	if err := os.WriteFile(back, data[:1000], 0o600); err != nil {
		t.Fatal(err)
	}
	c.do(q(`put "%s" "%s\second.txt"`, back, dir))
	sameBytes(t, "after the second put", remoteFile(t, tree, dir+`\second.txt`), data[:1000])

	c.fail("NT_STATUS_DIRECTORY_NOT_EMPTY", q(`rmdir "%s"`, dir))
	c.do(q(`del "%s\second.txt"`, dir))
	if all := c.ls(q(`ls "%s\*"`, dir)); len(all) != 2 {
		t.Errorf("ls after del: %v", all)
	}
	c.do(q(`rmdir "%s"`, dir))
	c.fail("NT_STATUS_NO_SUCH_FILE", q(`ls "%s"`, dir))
	if all := c.ls("ls"); all[dir] != (listed{}) || all["."].attributes != "D" {
		t.Errorf("ls after rmdir: %v", all)
	}
}

// TestSmbclientLargeFile carries 64 MiB there and back.
func TestSmbclientLargeFile(t *testing.T) {
	sambaTool(t, "smbclient", "smbclient")
	local, data := localFile(t, 64<<20)
	for _, options := range [][]string{nil, {"--max-protocol=SMB2_02"}, {"--client-protection=encrypt"}} {
		t.Run(fmt.Sprint(options), func(t *testing.T) {
			eachServer(t, serverConfig{}, func(t *testing.T, srv server) {
				back := filepath.Join(t.TempDir(), "back")
				c := newSmbclient(t, srv, options...)
				c.do(fmt.Sprintf(`put "%s" large; get large "%s"; ls large`, local, back))
				sameFile(t, back, data)
				if large := c.ls("ls large")["large"]; large.size != fmt.Sprint(len(data)) {
					t.Errorf("ls: %+v", large)
				}
				sameBytes(t, "as this module's client reads it", remoteFile(t, srv.tree(t), "large"), data)
			})
		})
	}
}

// TestSmbclientTree carries a folder with folders in it there and back, and
// removes it.
func TestSmbclientTree(t *testing.T) {
	sambaTool(t, "smbclient", "smbclient")
	eachServer(t, serverConfig{}, func(t *testing.T, srv server) {
		there, back := t.TempDir(), t.TempDir()
		want := make(map[string][]byte)
		for i := range 60 {
			name := filepath.Join("top", fmt.Sprintf("d%d", i%3), fmt.Sprintf("file %d.txt", i))
			want[name] = bytes.Repeat([]byte{byte(i)}, i*1000)
			if err := os.MkdirAll(filepath.Dir(filepath.Join(there, name)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(there, name), want[name], 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c := newSmbclient(t, srv)
		c.do("recurse", "prompt", fmt.Sprintf(`lcd "%s"`, there), "mput top")
		c.do("recurse", "prompt", fmt.Sprintf(`lcd "%s"`, back), "mget top")
		for name, data := range want {
			sameFile(t, filepath.Join(back, name), data)
		}
		c.do("deltree top")
		c.fail("NT_STATUS_NO_SUCH_FILE", "ls top")
	})
}

// TestSmbclientAttributes changes what a file has besides its data.
func TestSmbclientAttributes(t *testing.T) {
	sambaTool(t, "smbclient", "smbclient")
	eachServer(t, serverConfig{}, func(t *testing.T, srv server) {
		local, data := localFile(t, 5000)
		c := newSmbclient(t, srv)
		c.do(fmt.Sprintf(`put "%s" a.txt`, local), "setmode a.txt +rsh")
		if a := c.ls("ls a.txt")["a.txt"]; a.attributes != "AHSR" {
			t.Errorf("attributes %q", a.attributes)
		}
		c.fail("NT_STATUS_CANNOT_DELETE", "del a.txt")
		c.do("setmode a.txt -rsh")
		c.do("utimes a.txt 2020:01:02-03:04:05 2020:01:02-03:04:06 2020:01:02-03:04:07 -1")
		info := c.info("a.txt")
		for key, want := range map[string]string{
			"create_time": "Thu Jan  2 03:04:05 2020 UTC", "access_time": "Thu Jan  2 03:04:06 2020 UTC",
			"write_time": "Thu Jan  2 03:04:07 2020 UTC", "attributes": "A (20)",
		} {
			if info[key] != want {
				t.Errorf("allinfo: %s is %q, want %q", key, info[key], want)
			}
		}
		if out := c.do("du"); !strings.Contains(out, fmt.Sprintf("Total number of bytes: %d\n", len(data))) {
			t.Errorf("du:\n%s", out)
		}
		if out := c.do("volume"); !strings.Contains(out, "serial number 0x") {
			t.Errorf("volume:\n%s", out)
		}
		c.do("del a.txt")
	})
}

// TestSmbclientRefused has smbclient meet the answers it shows its user.
func TestSmbclientRefused(t *testing.T) {
	sambaTool(t, "smbclient", "smbclient")
	eachServer(t, serverConfig{}, func(t *testing.T, srv server) {
		ctx := context.Background()
		c := newSmbclient(t, srv)
		wrong := *c
		wrong.password = "wrong"
		wrong.fail("NT_STATUS_LOGON_FAILURE", "ls")
		wrong.user, wrong.password = "nobody at all", srv.password
		wrong.fail("NT_STATUS_LOGON_FAILURE", "ls")
		elsewhere := *c
		elsewhere.service += "-not"
		elsewhere.fail("NT_STATUS_BAD_NETWORK_NAME", "ls")
		plain := *c
		plain.user, plain.password = srv.plainUser, srv.plainPassword

		c.fail("NT_STATUS_OBJECT_NAME_NOT_FOUND", "get missing")
		c.fail("NT_STATUS_OBJECT_PATH_NOT_FOUND", `get missing\missing`)
		c.fail("NT_STATUS_OBJECT_NAME_NOT_FOUND", "rmdir missing")
		c.fail("NT_STATUS_NO_SUCH_FILE", "del missing")

		local, data := localFile(t, 3000)
		back := filepath.Join(t.TempDir(), "back")
		tree := srv.tree(t)
		plain.do(fmt.Sprintf(`put "%s" held`, local)) // not an administrator, and yet may use the share
		held, err := tree.Create(ctx, &smb.CreateRequest{Name: "held", Access: smb.FileReadData, Disposition: smb.OpenFile})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []*smbclient{c, &plain} {
			c.fail("NT_STATUS_SHARING_VIOLATION", fmt.Sprintf(`get held "%s"`, back))
			c.fail("NT_STATUS_SHARING_VIOLATION", fmt.Sprintf(`put "%s" held`, local))
			c.fail("NT_STATUS_SHARING_VIOLATION", "rename held other")
			c.fail("NT_STATUS_SHARING_VIOLATION", "del held")
			if all := c.ls("ls held"); all["held"].size != "3000" { // listing needs no open of the file
				t.Errorf("ls: %v", all)
			}
		}
		if err := held.Close(ctx); err != nil {
			t.Fatal(err)
		}
		plain.do(fmt.Sprintf(`get held "%s"`, back))
		sameFile(t, back, data)
		c.do("rename held other", "del other")
	})
}

// TestSmbclientList lists the shares.
func TestSmbclientList(t *testing.T) {
	sambaTool(t, "smbclient", "smbclient")
	eachServer(t, serverConfig{}, func(t *testing.T, srv server) {
		c := newSmbclient(t, srv, "--grepable", "--list="+srv.host())
		out, err := runTool(t, c.program, append(c.options, "--user="+c.user+"%"+c.password)...)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		shares := make(map[string]string)
		for line := range strings.Lines(out) {
			if f := strings.Split(line, "|"); len(f) == 3 {
				shares[f[1]] = f[0]
			}
		}
		if shares[srv.share] != "Disk" || shares["IPC$"] != "IPC" {
			t.Errorf("shares %v in:\n%s", shares, out)
		}
	})
}
