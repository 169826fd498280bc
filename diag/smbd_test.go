package diag

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"err32/smb"
	"err32/smb/smbdtest"
)

// sambaDialects are the dialects by Samba's names, as its configuration and
// smbstatus have them.
var sambaDialects = map[smb.Dialect]string{
	smb.SMB202: "SMB2_02", smb.SMB210: "SMB2_10", smb.SMB300: "SMB3_00", smb.SMB302: "SMB3_02", smb.SMB311: "SMB3_11",
}

// smbdServer is a private smbd, as its disk and smbstatus show it.
type smbdServer struct{ *smbdtest.Server }

// serveSmbd starts smbd, or skips where none is installed.
func serveSmbd(t testing.TB, cfg serverConfig) *testServer {
	t.Helper()
	c := smbdtest.Config{Keepalive: true, NoAdmin: cfg.noAdmin, MaxProtocol: sambaDialects[cfg.maxDialect]}
	if cfg.signing == smb.Required {
		c.Global = append(c.Global, "server signing = mandatory")
	}
	if cfg.encryption == smb.Required {
		c.Global = append(c.Global, "smb encrypt = required")
	}
	if cfg.sealedShares {
		c.Share = append(c.Share, "smb encrypt = required")
	}
	return smbdAsServer(smbdtest.Start(t, c))
}

// smbdAsServer is a running smbd as a testServer.
func smbdAsServer(s *smbdtest.Server) *testServer {
	return &testServer{
		is: onSmbd, addr: s.Addr, addr6: s.Addr6, port: s.Port,
		user: s.User, password: s.Password, ntHash: s.NTHash, plainUser: s.PlainUser, plainPassword: s.PlainPassword,
		share: s.Share, hidden: s.Hidden, backstage: smbdServer{s},
	}
}

func (s smbdServer) opens(t testing.TB) []serverOpen {
	t.Helper()
	status := s.Status(t)
	var all []serverOpen
	for _, opens := range status.Opens {
		for _, o := range opens {
			open := serverOpen{
				Share: s.Share, Path: o.Path, Access: o.AccessMask, Sharing: o.ShareMode,
				// Up to Samba 4.23 an id is the process and the low part of the open's own.
				ID:    fmt.Sprintf("0x%X", uint32(o.Pid)<<16|o.ShareFileID),
				Local: `C:` + strings.ReplaceAll(filepath.Join(o.Dir, o.Path), "/", `\`),
			}
			if o.Dir == s.HiddenDir {
				open.Share = s.Hidden
			}
			for _, session := range status.Sessions {
				if id, err := strconv.ParseUint(session.ID, 10, 64); err == nil && session.Pid == o.Pid {
					open.Sessions = append(open.Sessions, id)
				}
			}
			all = append(all, open)
		}
	}
	return all
}

func (s smbdServer) books(t testing.TB) (sessions, opens int) {
	t.Helper()
	status := s.Status(t)
	return len(status.Sessions), len(status.Opens)
}

// onDisk is where a file of the share is.
func (s smbdServer) onDisk(path string) string { return filepath.Join(s.Dir, filepath.FromSlash(path)) }

func (s smbdServer) makeFolder(t testing.TB, path string) {
	t.Helper()
	for i := range len(path) + 1 {
		if i < len(path) && path[i] != '/' {
			continue
		}
		dir := s.onDisk(path[:i])
		if err := os.Mkdir(dir, 0o777); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o777); err != nil { // past the umask
			t.Fatal(err)
		}
	}
}

func (s smbdServer) writeFiles(t testing.TB, paths ...string) {
	t.Helper()
	for _, path := range paths {
		name := s.onDisk(path)
		if err := os.WriteFile(name, []byte(fileContent), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, 0o666); err != nil { // past the umask
			t.Fatal(err)
		}
	}
}

func (s smbdServer) lookAt(t testing.TB, path string) fileState {
	t.Helper()
	content, err := os.ReadFile(s.onDisk(path))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(s.onDisk(path))
	if err != nil {
		t.Fatal(err)
	}
	return fileState{string(content), uint64(info.ModTime().UnixNano())}
}

func (s smbdServer) filesIn(t testing.TB, share, folder string) []string {
	t.Helper()
	root := s.Dir
	if share == s.Hidden {
		root = s.HiddenDir
	}
	var files []string
	err := filepath.WalkDir(filepath.Join(root, folder), func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		below, err := filepath.Rel(root, name)
		files = append(files, filepath.ToSlash(below))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

func (s smbdServer) remove(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(s.onDisk(path)); err != nil {
		t.Error(err)
	}
}

func (s smbdServer) closedFolder(t testing.TB) (share, folder string, err error) {
	t.Helper()
	if os.Getuid() != 0 {
		return "", "", errors.New("without root smbd does not tell the users' files apart")
	}
	s.makeFolder(t, "closed")
	if err := os.Chmod(s.onDisk("closed"), 0o555); err != nil {
		t.Fatal(err)
	}
	return s.Share, "closed", nil
}

func (s smbdServer) dialFrom(t testing.TB, ip string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	conn, err := dialer.DialContext(t.Context(), "tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func (s smbdServer) pause() error  { return s.Pause() }
func (s smbdServer) resume() error { return s.Resume() }
func (s smbdServer) kill() error   { return s.Kill() }
