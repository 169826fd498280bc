package diag

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"err32/smb"
	"err32/smb/lab"
)

// lingerTime is in place of nt4's 15 min: how long a client may be silent
// before what it has open goes. It is longer than a busy machine needs from the
// holder's last request to the first refusal that counts, a second after the
// disconnect.
const lingerTime = 4 * time.Second

// labKeepAlive is in place of the two hours of the other temperaments: the
// shortest that WithKeepAlive makes.
const labKeepAlive = 4 * time.Second

var labTemperaments = map[serverKind]lab.Temperament{
	onWindows: lab.Windows().WithKeepAlive(labKeepAlive),
	onSamba:   lab.Samba().WithKeepAlive(labKeepAlive),
	onNT4:     lab.NT4().WithLinger(lingerTime),
}

// labServer is a lab, as its own table and one more client show it.
type labServer struct {
	*lab.Server
	admin lab.User
	front *wire // what pause and kill befall; nil without them
}

// closedShare is one that only administrators may write to.
const closedShare = "closed"

func serveLab(t testing.TB, kind serverKind, cfg serverConfig) *testServer {
	t.Helper()
	return startLab(t, kind, cfg, func(*lab.Server) {})
}

// startLab starts a lab that more is to be set of than serverConfig has.
func startLab(t testing.TB, kind serverKind, cfg serverConfig, set func(*lab.Server)) *testServer {
	t.Helper()
	srv := &testServer{
		is: kind, user: "root", password: labPassword, ntHash: labNTHash, plainUser: "plain", plainPassword: rand.Text(),
		share: "share", hidden: "hidden$",
	}
	s := lab.New()
	admin := lab.User{Name: srv.user, Password: srv.password, Groups: []string{lab.Administrators}}
	s.Users = []lab.User{admin, {Name: srv.plainUser, Password: srv.plainPassword}}
	if cfg.noAdmin {
		s.Users[0].Groups = nil
	}
	var flags smb.ShareFlags
	if cfg.sealedShares {
		flags = smb.ShareEncryptData
	}
	s.Shares = []lab.Share{{Name: srv.share, Flags: flags}, {Name: srv.hidden, Flags: flags}, {Name: closedShare, ReadOnly: true}}
	s.Temperament = labTemperaments[kind]
	s.Signing, s.Encryption = cfg.signing, cfg.encryption
	if cfg.maxDialect != 0 {
		s.MaxDialect = cfg.maxDialect
	}
	set(s)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if b := s.Books(); b.Granted != b.Released || b.Opens != 0 || b.Sessions != 0 || b.Connections != 0 {
			t.Errorf("after the lab has closed its books say %+v", b)
		}
	})
	side := labServer{Server: s, admin: admin}
	srv.addr = s.Addr()
	srv.port = portOf(t, srv.addr)
	if cfg.fails {
		side.front = newWire(t, s.Addr())
		srv.addr = side.front.addr()
		srv.port = portOf(t, srv.addr)
	} else {
		srv.addr6 = serveIPv6(t, s, srv.port)
	}
	srv.backstage = side
	return srv
}

// The administrator's password, and its NT hash, which is the MD4 of its
// UTF-16LE form, [MS-NLMP] 3.3.1, computed with OpenSSL.
const (
	labPassword = "err32 lab 1"
	labNTHash   = "d4327fcf6adf1bb8bf8c2d9b8d192b84"
)

// serveIPv6 lets the lab serve [::1] too, on the same port, where there is one.
func serveIPv6(t testing.TB, s *lab.Server, port int) string {
	t.Helper()
	l, err := net.Listen("tcp6", fmt.Sprintf("[::1]:%d", port))
	if err != nil {
		return ""
	}
	var task sync.WaitGroup
	task.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.ServeConn(c)
		}
	})
	t.Cleanup(func() { // before the server's own
		l.Close()
		task.Wait()
	})
	return l.Addr().String()
}

func (s labServer) opens(testing.TB) []serverOpen {
	var all []serverOpen
	for _, o := range s.Opens() {
		if o.Pipe {
			continue
		}
		all = append(all, serverOpen{
			Share: o.Share, Path: strings.ReplaceAll(o.Path, `\`, "/"), ID: fmt.Sprintf("0x%X", o.ID), Local: o.Local,
			Access: uint32(o.Access), Sharing: uint32(o.Shared), Sessions: []uint64{o.SessionID},
		})
	}
	return all
}

func (s labServer) books(testing.TB) (sessions, opens int) {
	b := s.Books()
	return b.Sessions, b.Opens
}

// use lets the administrator use a share, over no network.
func (s labServer) use(t testing.TB, share string, do func(context.Context, *smb.Tree) error) {
	t.Helper()
	ctx := context.Background()
	conn, err := smb.NewConn(ctx, s.dialFrom(t, "127.0.0.1"), "127.0.0.1", &smb.Config{Timeout: stepTime})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	session, err := conn.LogOn(ctx, smb.NTLM{User: s.admin.Name, Password: s.admin.Password}.Mechanism(), 0)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := session.TreeConnect(ctx, share)
	if err == nil {
		err = do(ctx, tree)
	}
	if err := errors.Join(err, session.LogOff(ctx)); err != nil {
		t.Fatal(err)
	}
}

// with opens a file or folder of a tree for a moment.
func with(ctx context.Context, tree *smb.Tree, m smb.CreateRequest, do func(*smb.Open) error) error {
	m.Name = strings.ReplaceAll(m.Name, "/", `\`)
	m.Share = smb.ShareRead | smb.ShareWrite | smb.ShareDelete
	o, err := tree.Create(ctx, &m)
	if err != nil {
		return err
	}
	return errors.Join(do(o), o.Close(ctx))
}

func nothing(*smb.Open) error { return nil }

func (s labServer) makeFolder(t testing.TB, path string) {
	t.Helper()
	s.use(t, s.Shares[0].Name, func(ctx context.Context, tree *smb.Tree) error {
		for i := range len(path) + 1 {
			if i < len(path) && path[i] != '/' {
				continue
			}
			err := with(ctx, tree, smb.CreateRequest{
				Name: path[:i], Access: smb.FileReadAttributes, Disposition: smb.OpenIf, Options: smb.DirectoryFile,
			}, nothing)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s labServer) writeFiles(t testing.TB, paths ...string) {
	t.Helper()
	s.use(t, s.Shares[0].Name, func(ctx context.Context, tree *smb.Tree) error {
		for _, path := range paths {
			err := with(ctx, tree, smb.CreateRequest{
				Name: path, Access: smb.FileWriteData, Disposition: smb.CreateFile, Options: smb.NonDirectoryFile,
			}, func(o *smb.Open) error {
				_, err := o.WriteAt(ctx, []byte(fileContent), 0)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s labServer) lookAt(t testing.TB, path string) fileState {
	t.Helper()
	var state fileState
	s.use(t, s.Shares[0].Name, func(ctx context.Context, tree *smb.Tree) error {
		return with(ctx, tree, smb.CreateRequest{Name: path, Access: smb.FileReadData, Disposition: smb.OpenFile}, func(o *smb.Open) error {
			b := make([]byte, o.Created.EndOfFile)
			n, err := o.ReadAt(ctx, b, 0)
			state = fileState{string(b[:n]), o.Created.Times.LastWrite}
			return err
		})
	})
	return state
}

func (s labServer) filesIn(t testing.TB, share, folder string) []string {
	t.Helper()
	var files []string
	s.use(t, share, func(ctx context.Context, tree *smb.Tree) error {
		folders := []string{folder}
		for len(folders) > 0 {
			folder := folders[0]
			folders = folders[1:]
			err := with(ctx, tree, smb.CreateRequest{
				Name: folder, Access: smb.FileReadData, Disposition: smb.OpenFile, Options: smb.DirectoryFile,
			}, func(o *smb.Open) error {
				return o.ReadDirectory(ctx, "*", func(e smb.DirectoryEntry) error {
					name := path.Join(folder, e.Name)
					switch {
					case e.Name == "." || e.Name == "..":
					case e.Attributes&smb.AttributeDirectory != 0:
						folders = append(folders, name)
					default:
						files = append(files, name)
					}
					return nil
				})
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	slices.Sort(files)
	return files
}

func (s labServer) remove(t testing.TB, path string) {
	t.Helper()
	s.use(t, s.Shares[0].Name, func(ctx context.Context, tree *smb.Tree) error {
		return with(ctx, tree, smb.CreateRequest{
			Name: path, Access: smb.Delete, Disposition: smb.OpenFile, Options: smb.NonDirectoryFile | smb.DeleteOnClose,
		}, nothing)
	})
}

func (s labServer) closedFolder(testing.TB) (share, folder string, err error) {
	return closedShare, "", nil
}

// dialFrom is a connection of its own kind: not every OS has more addresses on
// its loopback network than one.
func (s labServer) dialFrom(_ testing.TB, ip string) net.Conn {
	client, server := net.Pipe()
	s.ServeConn(remoteConn{server, &net.TCPAddr{IP: net.ParseIP(ip), Port: 50000}})
	return client
}

// remoteConn says where it comes from.
type remoteConn struct {
	net.Conn
	from net.Addr
}

func (c remoteConn) RemoteAddr() net.Addr { return c.from }

// A lab cannot hang or die and be looked at afterwards: to its clients it is
// the same when the way to it does.

func (s labServer) pause() error  { return s.front.pause() }
func (s labServer) resume() error { return s.front.resume() }
func (s labServer) kill() error   { return s.front.kill() }
