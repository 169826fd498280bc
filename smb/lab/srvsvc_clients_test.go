package lab_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"err32/smb"
)

// rpcclient is an unmodified rpcclient. Its own output tells next to nothing
// of some answers, and so it is made to print each as it decoded it.
type rpcclient struct {
	t       *testing.T
	program string
	args    []string
}

func newRpcclient(t *testing.T, srv server, user, password string) *rpcclient {
	t.Helper()
	return &rpcclient{t, sambaTool(t, "rpcclient", "smbclient"), []string{
		"--configfile=" + toolConf(t), "--port=" + srv.port(), "--user=" + user + "%" + password, "--debuglevel=10", "--debug-stdout", srv.host(),
	}}
}

// field is a line "name : value" of a decoded answer.
type field struct{ name, value string }

var fieldLine = regexp.MustCompile(`^\s*(\w+)\s*: (.+)$`)

// call runs a command and returns the answer's fields in their order.
func (c *rpcclient) call(command, function string) []field {
	c.t.Helper()
	out, _ := runTool(c.t, c.program, append(slices.Clone(c.args), "--command="+command)...)
	_, answer, ok := strings.Cut(out, "out: struct srvsvc_"+function+"\n")
	if !ok {
		c.t.Errorf("rpcclient %q: no answer to %s in:\n%s", command, function, tail(out))
		return nil
	}
	var fields []field
	for line := range strings.Lines(answer) {
		m := fieldLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			continue
		}
		fields = append(fields, field{m[1], strings.Trim(m[2], "'")})
		if m[1] == "result" {
			return fields
		}
	}
	c.t.Errorf("rpcclient %q: the answer has no result:\n%s", command, tail(answer))
	return fields
}

// tail is the end of a tool's output, which may be long.
func tail(out string) string { return out[max(0, len(out)-2000):] }

// values are the values of the fields called name.
func values(fields []field, name string) []string {
	var all []string
	for _, f := range fields {
		if f.name == name && f.value != "*" { // a pointer, and the field is the next
			all = append(all, f.value)
		}
	}
	return all
}

// value is the one value of the field called name.
func value(fields []field, name string) string {
	if all := values(fields, name); len(all) == 1 {
		return all[0]
	}
	return fmt.Sprintf("%q", values(fields, name))
}

// hold has the administrator open a file to read and write, with one range of
// it locked.
func hold(t *testing.T, tree *smb.Tree, name string) *smb.Open {
	t.Helper()
	ctx := context.Background()
	o, err := tree.Create(ctx, &smb.CreateRequest{
		Name: name, Access: smb.FileReadData | smb.FileWriteData, Share: smb.ShareRead, Disposition: smb.OpenIf, Options: smb.NonDirectoryFile,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Lock(ctx, smb.LockElement{Offset: 10, Length: 5, Flags: smb.LockExclusive | smb.LockFailImmediately}); err != nil {
		t.Fatal(err)
	}
	return o
}

// TestRpcclient reads the server's tables with rpcclient while a file is held.
func TestRpcclient(t *testing.T) {
	sambaTool(t, "rpcclient", "smbclient")
	eachServer(t, serverConfig{}, func(t *testing.T, srv server) {
		hold(t, srv.tree(t), "held.txt")
		c := newRpcclient(t, srv, srv.user, srv.password)

		info := c.call("srvinfo", "NetSrvGetInfo")
		if value(info, "result") != "WERR_OK" || value(info, "platform_id") != "PLATFORM_ID_NT (500)" || value(info, "server_name") == "" {
			t.Errorf("srvinfo: %v", info)
		}

		for _, command := range []string{"netshareenumall", "netshareenum", "netshareenumall 2", "netshareenumall 502"} {
			function := "NetShareEnumAll"
			if command == "netshareenum" {
				function = "NetShareEnum"
			}
			shares := c.call(command, function)
			names := values(shares, "name")
			// NetrShareEnumSticky lists no special shares.
			if ipc := slices.Contains(names, "IPC$"); value(shares, "result") != "WERR_OK" || !slices.Contains(names, srv.share) || ipc != (function == "NetShareEnumAll") {
				t.Errorf("%s: %v", command, shares)
			}
		}

		share := c.call("netsharegetinfo "+srv.share, "NetShareGetInfo")
		if value(share, "result") != "WERR_OK" || value(share, "name") != srv.share || !slices.Contains(values(share, "type"), "STYPE_DISKTREE (0x0)") || value(share, "current_users") != "0x00000001 (1)" {
			t.Errorf("netsharegetinfo: %v", share)
		}
		if none := c.call("netsharegetinfo missing", "NetShareGetInfo"); value(none, "result") == "WERR_OK" {
			t.Errorf("netsharegetinfo of a share that is not there: %v", none)
		}

		files := c.call("netfileenum", "NetFileEnum")
		at := slices.IndexFunc(files, func(f field) bool { return f.name == "path" && strings.HasSuffix(f.value, `\held.txt`) })
		if value(files, "result") != "WERR_OK" || at < 0 || !slices.Contains(values(files, "user"), srv.user) ||
			!slices.Contains(values(files, "num_locks"), "0x00000001 (1)") || !slices.Contains(values(files, "permissions"), "0x00000003 (3)") {
			t.Errorf("netfileenum: %v", files)
		}

		client := srv.host() // everybody is on this machine; rpcclient makes one backslash of two
		for _, level := range []string{"0", "1"} {
			sessions := c.call(`netsessenum \\\\`+client+" "+srv.user+" "+level, "NetSessEnum")
			if value(sessions, "result") != "WERR_OK" || len(values(sessions, "client")) < 2 {
				t.Errorf("netsessenum %s: %v", level, sessions)
			}
			if level == "1" && !slices.Contains(values(sessions, "user"), srv.user) {
				t.Errorf("netsessenum %s: %v", level, sessions)
			}
		}

		now := time.Now()
		tod := c.call("netremotetod", "NetRemoteTOD")
		var elapsed int64
		if _, err := fmt.Sscanf(value(tod, "elapsed"), "0x%x", &elapsed); err != nil || now.Sub(time.Unix(elapsed, 0)).Abs() > 5*time.Second {
			t.Errorf("netremotetod: %v", tod)
		}
	})
}

// TestRpcclientRights: who is not an administrator sees the shares and the
// server's name, and no tables.
func TestRpcclientRights(t *testing.T) {
	sambaTool(t, "rpcclient", "smbclient")
	eachServer(t, serverConfig{}, func(t *testing.T, srv server) {
		hold(t, srv.tree(t), "held.txt")
		c := newRpcclient(t, srv, srv.plainUser, srv.plainPassword)
		for _, call := range []struct{ command, function, result string }{
			{"srvinfo 101", "NetSrvGetInfo", "WERR_OK"},
			{"netshareenumall 1", "NetShareEnumAll", "WERR_OK"},
			{"netremotetod", "NetRemoteTOD", "WERR_OK"},
			{"netfileenum", "NetFileEnum", "WERR_ACCESS_DENIED"},
			{"netsessenum", "NetSessEnum", "WERR_ACCESS_DENIED"},
			{"netconnenum " + srv.share, "NetConnEnum", "WERR_ACCESS_DENIED"},
		} {
			answer := c.call(call.command, call.function)
			if got := value(answer, "result"); got != call.result {
				t.Errorf("%s: %s, want %s", call.command, got, call.result)
			}
			if call.result != "WERR_OK" && len(values(answer, "path"))+len(values(answer, "user")) > 0 {
				t.Errorf("%s tells all the same: %v", call.command, answer)
			}
		}
	})
}

// netRPC is an unmodified net, of the commands that speak only to port 445.
type netRPC struct {
	t       *testing.T
	program string
	options []string
}

// newNetRPC lets net find the server at port 445 of a loopback address of its
// own.
func newNetRPC(t *testing.T, srv server) *netRPC {
	t.Helper()
	program := sambaTool(t, "net", "samba-common-bin")
	address, err := freeAddress()
	if err != nil {
		t.Skipf("net speaks to port 445 only, and it cannot be listened on here: %v", err)
	}
	host, _, err := net.SplitHostPort(startRelay(t, address, srv.addr).addr())
	if err != nil {
		t.Fatal(err)
	}
	return &netRPC{t, program, []string{"--configfile=" + toolConf(t), "--server=" + host, "--ipaddress=" + host, "--user=" + srv.user + "%" + srv.password}}
}

// freeAddress finds a loopback address whose port 445 is free.
func freeAddress() (string, error) {
	for i := 0; ; i++ {
		address := fmt.Sprintf("127.32.%d.%d:445", os.Getpid()%250, 1+i)
		l, err := net.Listen("tcp", address)
		if err == nil {
			return address, l.Close()
		}
		if i == 200 || errors.Is(err, os.ErrPermission) {
			return "", err
		}
	}
}

func (n *netRPC) run(args ...string) (string, error) {
	n.t.Helper()
	return runTool(n.t, n.program, append(append([]string{"rpc"}, args...), n.options...)...)
}

// netFile is a line of "net rpc file".
type netFile struct{ id, user, permissions, locks, path string }

var netFileLine = regexp.MustCompile(`(?m)^\s*(\d+)\s+(\S+)\s+(0x\w+)\s+(\d+)\s+(.+)$`)

// files lists the open files.
func (n *netRPC) files(args ...string) []netFile {
	n.t.Helper()
	out, err := n.run(append([]string{"file"}, args...)...)
	if err != nil {
		n.t.Fatalf("net rpc file %q: %v\n%s", args, err, out)
	}
	var all []netFile
	for _, m := range netFileLine.FindAllStringSubmatch(out, -1) {
		all = append(all, netFile{m[1], m[2], m[3], m[4], strings.TrimSpace(m[5])})
	}
	return all
}

// of returns the file called name.
func of(files []netFile, name string) (netFile, bool) {
	i := slices.IndexFunc(files, func(f netFile) bool { return strings.HasSuffix(f.path, `\`+name) })
	if i < 0 {
		return netFile{}, false
	}
	return files[i], true
}

// TestNetRPCFile lists and closes open files with "net rpc file".
func TestNetRPCFile(t *testing.T) {
	sambaTool(t, "net", "samba-common-bin")
	eachServer(t, serverConfig{}, func(t *testing.T, srv server) {
		ctx := context.Background()
		n := newNetRPC(t, srv)
		tree := srv.tree(t)
		held, other := hold(t, tree, "held.txt"), hold(t, tree, "other.txt")

		for _, args := range [][]string{nil, {"user", srv.user}} {
			files := n.files(args...)
			for _, name := range []string{"held.txt", "other.txt"} {
				if f, ok := of(files, name); !ok || f.user != srv.user || f.permissions != "0x03" || f.locks != "1" {
					t.Errorf("net rpc file %q: %s: %+v", args, name, f)
				}
			}
		}
		if files := n.files("user", srv.plainUser); len(files) > 0 {
			t.Errorf("net rpc file user %s: %+v", srv.plainUser, files)
		}

		f, _ := of(n.files(), "held.txt")
		if out, err := n.run("file", "close", f.id); err != nil {
			t.Errorf("net rpc file close %s: %v\n%s", f.id, err, out)
		}
		_, err := held.ReadAt(ctx, make([]byte, 1), 0)
		if status, ok := smb.StatusOf(err); !ok || status != smb.StatusFileClosed {
			t.Errorf("read with the open that was closed: %v", err)
		}
		if err := other.Close(ctx); err != nil {
			t.Errorf("the other open: %v", err)
		}
		if files := n.files(); len(files) > 0 {
			if _, ok := of(files, "held.txt"); ok {
				t.Errorf("after the close: %+v", files)
			}
		}
		again, err := srv.tree(t).Create(ctx, &smb.CreateRequest{Name: "held.txt", Access: smb.FileReadData, Disposition: smb.OpenFile})
		if err != nil {
			t.Errorf("the file is not free: %v", err)
		} else if err := again.Close(ctx); err != nil {
			t.Error(err)
		}
		if out, err := n.run("file", "close", f.id); err == nil {
			t.Errorf("net rpc file close %s again succeeds:\n%s", f.id, out)
		}
	})
}

// TestNetRPCShare lists the shares with "net rpc share list".
func TestNetRPCShare(t *testing.T) {
	sambaTool(t, "net", "samba-common-bin")
	eachServer(t, serverConfig{}, func(t *testing.T, srv server) {
		out, err := newNetRPC(t, srv).run("share", "list")
		lines := strings.Split(out, "\n")
		if err != nil || !slices.Contains(lines, srv.share) || !slices.Contains(lines, "IPC$") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
