package lab_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	smb2 "github.com/hirochachacha/go-smb2"
)

// notSmbd: go-smb2 that requires signing gives a session up when it meets the
// STATUS_PENDING that smbd does not sign.
var notSmbd = serverConfig{labOnly: true}

// goSMB2Modes are the ways go-smb2 is made to talk.
var goSMB2Modes = []struct {
	name       string
	server     serverConfig
	negotiator smb2.Negotiator
	dialect    uint16
	sent       string
}{
	{name: "default", dialect: 0x311},
	{name: "2.0.2", negotiator: smb2.Negotiator{SpecifiedDialect: 0x202}, dialect: 0x202},
	{name: "2.1", negotiator: smb2.Negotiator{SpecifiedDialect: 0x210}, dialect: 0x210},
	{name: "3.0", negotiator: smb2.Negotiator{SpecifiedDialect: 0x300}, dialect: 0x300},
	{name: "3.0.2 signed", negotiator: smb2.Negotiator{SpecifiedDialect: 0x302, RequireMessageSigning: true}, dialect: 0x302, sent: "signed", server: notSmbd},
	{name: "3.1.1 signed", negotiator: smb2.Negotiator{RequireMessageSigning: true}, dialect: 0x311, sent: "signed", server: notSmbd},
	{name: "3.0.2 encrypted", server: serverConfig{encrypt: true}, negotiator: smb2.Negotiator{SpecifiedDialect: 0x302}, dialect: 0x302, sent: "sealed"},
	{name: "3.1.1 encrypted", server: serverConfig{encrypt: true}, dialect: 0x311, sent: "sealed"},
}

// TestGoSMB2 calls go-smb2's own API from one end to the other.
func TestGoSMB2(t *testing.T) {
	for _, mode := range goSMB2Modes {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			eachServer(t, mode.server, func(t *testing.T, srv server) {
				r := startRelay(t, "127.0.0.1:0", srv.addr)
				socket, err := net.Dial("tcp", r.addr())
				if err != nil {
					t.Fatal(err)
				}
				defer socket.Close()
				if err := socket.SetDeadline(time.Now().Add(toolTime)); err != nil {
					t.Fatal(err)
				}
				d := smb2.Dialer{Negotiator: mode.negotiator, Initiator: &smb2.NTLMInitiator{User: srv.user, Password: srv.password}}
				session, err := d.Dial(socket)
				if err != nil {
					t.Fatal(err)
				}
				names, err := session.ListSharenames()
				if err != nil || !slices.Contains(names, srv.share) || !slices.Contains(names, "IPC$") {
					t.Errorf("shares %q, %v", names, err)
				}
				if _, err := session.Mount("not a share"); err == nil {
					t.Error("a share that is not there could be mounted")
				}
				share, err := session.Mount(srv.share)
				if err != nil {
					t.Fatal(err)
				}
				g := goSMB2{t, share}
				g.files()
				g.inFile()
				g.directories()
				g.attributes()
				g.fsys()
				g.copies()
				g.ok("umount", share.Umount())
				g.ok("log off", session.Logoff())
				if dialect, counts := r.seen(); dialect != mode.dialect || mode.sent != "" && (len(counts) > 1 || counts[mode.sent] == 0) {
					t.Errorf("dialect 0x%x, requests by protection %v", dialect, counts)
				}
			})
		})
	}
}

// goSMB2 is a mounted share under test.
type goSMB2 struct {
	t     *testing.T
	share *smb2.Share
}

func (g goSMB2) ok(what string, err error) {
	g.t.Helper()
	if err != nil {
		g.t.Errorf("%s: %v", what, err)
	}
}

func (g goSMB2) is(what string, err, want error) {
	g.t.Helper()
	if !errors.Is(err, want) {
		g.t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// text is what a file holds.
func (g goSMB2) text(name, want string) {
	g.t.Helper()
	got, err := g.share.ReadFile(name)
	if err != nil || string(got) != want {
		g.t.Errorf("%s holds %.50q, %v, want %.50q", name, got, err, want)
	}
}

// open opens or creates a file.
func (g goSMB2) open(name string, flag int) *smb2.File {
	g.t.Helper()
	f, err := g.share.OpenFile(name, flag, 0o666)
	if err != nil {
		g.t.Fatal(err)
	}
	return f
}

// files makes, renames and removes files.
func (g goSMB2) files() {
	s := g.share
	f, err := s.Create("a.txt")
	if err != nil {
		g.t.Fatal(err)
	}
	n, err := f.WriteString("some text")
	if n != 9 || err != nil {
		g.t.Errorf("WriteString: %d, %v", n, err)
	}
	g.ok("sync", f.Sync())
	g.ok("close", f.Close())
	g.text("a.txt", "some text")

	_, err = s.OpenFile("a.txt", os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
	g.is("create again", err, fs.ErrExist)
	_, err = s.Open("missing")
	g.is("open what is not there", err, fs.ErrNotExist)
	_, err = s.Open(`missing\missing`)
	if err == nil {
		g.t.Error("a file in a folder that is not there could be opened")
	}
	_, err = s.Stat("missing")
	g.is("stat what is not there", err, fs.ErrNotExist)

	f = g.open("a.txt", os.O_RDWR|os.O_APPEND)
	g.ok("seek", second(f.Seek(0, io.SeekEnd)))
	g.ok("write", second(f.Write([]byte(", and more"))))
	g.ok("close", f.Close())
	g.text("a.txt", "some text, and more")
	g.ok("close", g.open("a.txt", os.O_RDWR|os.O_TRUNC).Close())
	g.text("a.txt", "")
	g.ok("write file", s.WriteFile("a.txt", []byte("new"), 0o666))

	g.ok("rename", s.Rename("a.txt", "b.txt"))
	g.text("b.txt", "new")
	_, err = s.Stat("a.txt")
	g.is("stat of the old name", err, fs.ErrNotExist)
	g.ok("write file", s.WriteFile("c.txt", []byte("other"), 0o666))
	if err := s.Rename("b.txt", "c.txt"); err == nil { // go-smb2 does not ask for the replacement
		g.t.Error("rename to a name that is taken succeeded")
	}
	g.text("c.txt", "other")

	g.ok("remove", s.Remove("b.txt"))
	g.is("remove again", s.Remove("b.txt"), fs.ErrNotExist)
	g.ok("remove", s.Remove("c.txt"))
}

// inFile reads and writes at offsets.
func (g goSMB2) inFile() {
	data := bytes.Repeat([]byte("0123456789abcdef"), 200_000) // 3.2 MB: more than one request
	f := g.open("data", os.O_RDWR|os.O_CREATE)
	if n, err := f.WriteAt(data, 5); n != len(data) || err != nil {
		g.t.Errorf("WriteAt: %d, %v", n, err)
	}
	back := make([]byte, len(data))
	if n, err := f.ReadAt(back, 5); n != len(data) || err != nil && err != io.EOF {
		g.t.Errorf("ReadAt: %d, %v", n, err)
	}
	sameBytes(g.t, "ReadAt", back, data)
	if n, err := f.ReadAt(back[:5], 0); n != 5 || err != nil || !bytes.Equal(back[:5], make([]byte, 5)) {
		g.t.Errorf("before what was written: %q, %v", back[:5], err)
	}
	if n, err := f.ReadAt(back[:10], int64(len(data))); n != 5 || err != nil && err != io.EOF || string(back[:5]) != "bcdef" {
		g.t.Errorf("at the end: %d, %v, %q", n, err, back[:5])
	}
	if n, err := f.ReadAt(back, int64(len(data)+100)); n != 0 || err != io.EOF {
		g.t.Errorf("after the end: %d, %v", n, err)
	}
	if at, err := f.Seek(-5, io.SeekEnd); at != int64(len(data)) || err != nil {
		g.t.Errorf("seek: %d, %v", at, err)
	}
	if rest, err := io.ReadAll(f); string(rest) != "bcdef" || err != nil {
		g.t.Errorf("the rest: %q, %v", rest, err)
	}
	g.ok("truncate", f.Truncate(7))
	if info, err := f.Stat(); err != nil || info.Size() != 7 {
		g.t.Errorf("stat after truncate: %v, %v", info, err)
	}
	g.ok("close", f.Close())
	g.text("data", "\x00\x00\x00\x00\x0001")
	g.ok("truncate", g.share.Truncate("data", 9))
	g.text("data", "\x00\x00\x00\x00\x0001\x00\x00")
	g.ok("remove", g.share.Remove("data"))
}

// directories makes, lists and removes folders.
func (g goSMB2) directories() {
	s := g.share
	g.ok("mkdir", s.Mkdir("d", 0o777))
	g.is("mkdir again", s.Mkdir("d", 0o777), fs.ErrExist)
	g.ok("mkdir all", s.MkdirAll(`d\e\f`, 0o777))
	if info, err := s.Stat("d"); err != nil || !info.IsDir() || info.Name() != "d" {
		g.t.Errorf("stat: %v, %v", info, err)
	}
	var want []string
	for i := range 400 { // more than one answer's worth
		name := fmt.Sprintf("a rather long name of a file, so that not many go into one answer, number %03d", i)
		want = append(want, name)
		g.ok("write file", s.WriteFile(`d\e\`+name, make([]byte, i%7), 0o666))
	}
	infos, err := s.ReadDir(`d\e`)
	g.ok("read dir", err)
	if len(infos) != len(want)+1 {
		g.t.Errorf("%d entries, want %d", len(infos), len(want)+1)
	} else {
		for i, info := range infos[:len(want)] { // sorted by name, and so "f" comes last
			if info.Name() != want[i] || info.Size() != int64(i%7) || info.IsDir() || !recent(info.ModTime()) {
				g.t.Errorf("entry %d: %s, %d bytes, %v", i, info.Name(), info.Size(), info.ModTime())
			}
		}
		if last := infos[len(want)]; last.Name() != "f" || !last.IsDir() {
			g.t.Errorf("the last entry: %s", last.Name())
		}
	}
	f, err := s.Open(`d\e`)
	if err != nil {
		g.t.Fatal(err)
	}
	var names []string
	for {
		some, err := f.Readdirnames(400)
		names = append(names, some...)
		if err != nil {
			g.is("read dir in parts", err, io.EOF)
			break
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, append(want, "f")) {
		g.t.Errorf("%d names came in parts", len(names))
	}
	g.ok("close", f.Close())

	if err := s.Remove("d"); err == nil {
		g.t.Error("a folder with folders in it could be removed")
	}
	g.ok("rename", s.Rename(`d\e\f`, `d\g`))
	if matches, err := s.Glob(`d\*`); err != nil || !slices.Equal(matches, []string{`d\e`, `d\g`}) {
		g.t.Errorf("glob: %q, %v", matches, err)
	}
	g.ok("remove", s.Remove(`d\g`))
	g.ok("remove all", s.RemoveAll("d"))
	_, err = s.Stat("d")
	g.is("stat after that", err, fs.ErrNotExist)
}

// attributes sets times and the read-only attribute, and asks about the disk.
func (g goSMB2) attributes() {
	s := g.share
	g.ok("write file", s.WriteFile("a.txt", []byte("some text"), 0o666))
	access, written := time.Date(2001, 2, 3, 4, 5, 6, 700, time.UTC), time.Date(2011, 12, 13, 14, 15, 16, 1700, time.UTC)
	g.ok("chtimes", s.Chtimes("a.txt", access, written))
	info, err := s.Stat("a.txt")
	if err != nil {
		g.t.Fatal(err)
	}
	sys := info.Sys().(*smb2.FileStat)
	if !sys.LastAccessTime.Equal(access) || !info.ModTime().Equal(written) || !recent(sys.CreationTime) ||
		info.Size() != 9 || sys.EndOfFile != 9 || sys.AllocationSize < 9 || sys.FileAttributes&0x20 == 0 {
		g.t.Errorf("stat: %+v", sys)
	}
	if again, err := s.Lstat("a.txt"); err != nil || *again.Sys().(*smb2.FileStat) != *sys {
		g.t.Errorf("lstat: %+v, %v", again, err)
	}
	g.ok("chmod", s.Chmod("a.txt", 0o444))
	if info, err := s.Stat("a.txt"); err != nil || info.Mode().Perm() != 0o444 {
		g.t.Errorf("stat after chmod: %v, %v", info, err)
	}
	_, err = s.OpenFile("a.txt", os.O_RDWR, 0)
	g.is("open to write", err, fs.ErrPermission)
	g.text("a.txt", "some text")
	g.ok("chmod", s.Chmod("a.txt", 0o666))
	g.ok("remove", s.Remove("a.txt"))

	disk, err := s.Statfs("")
	if err != nil {
		g.t.Fatal(err)
	}
	if disk.BlockSize() == 0 || disk.FragmentSize() == 0 || disk.TotalBlockCount() < disk.FreeBlockCount() || disk.FreeBlockCount() < disk.AvailableBlockCount() ||
		disk.AvailableBlockCount() == 0 {
		g.t.Errorf("statfs: %+v", disk)
	}
}

// fsys walks the share as an fs.FS.
func (g goSMB2) fsys() {
	s := g.share
	files := map[string]string{"w/1.txt": "one", "w/x/2.txt": "two", "w/x/y/3.txt": "three"}
	g.ok("mkdir all", s.MkdirAll("w/x/y", 0o777))
	for name, text := range files {
		g.ok("write file", s.WriteFile(name, []byte(text), 0o666))
	}
	var walked []string
	sys := s.DirFS("w")
	err := fs.WalkDir(sys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		walked = append(walked, path)
		text, err := fs.ReadFile(sys, path)
		if string(text) != files["w/"+path] {
			g.t.Errorf("%s holds %q", path, text)
		}
		return err
	})
	if err != nil || !slices.Equal(walked, []string{"1.txt", "x/2.txt", "x/y/3.txt"}) {
		g.t.Errorf("walked through %q, %v", walked, err)
	}
	g.ok("remove all", s.RemoveAll("w"))
}

// copies has files copied, by the server itself where it can.
func (g goSMB2) copies() {
	data := bytes.Repeat([]byte("0123456789"), 250_000)
	g.ok("write file", g.share.WriteFile("from", data, 0o666))
	from, to := g.open("from", os.O_RDONLY), g.open("to", os.O_RDWR|os.O_CREATE)
	if n, err := to.ReadFrom(from); n != int64(len(data)) || err != nil {
		g.t.Errorf("copied %d bytes: %v", n, err)
	}
	g.ok("close", from.Close())
	g.ok("close", to.Close())
	back, err := g.share.ReadFile("to")
	g.ok("read file", err)
	sameBytes(g.t, "the copy", back, data)
	g.ok("remove", g.share.Remove("from"))
	g.ok("remove", g.share.Remove("to"))
}

// second is the error of a call that returns something else before it.
func second[T any](_ T, err error) error { return err }
