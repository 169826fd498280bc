package smb

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"err32/smb/smbdtest"
)

// liveDial connects to a real server. Nothing in these tests takes long.
func liveDial(t *testing.T, addr string, cfg Config) *Conn {
	t.Helper()
	cfg.Timeout = 30 * time.Second
	c, err := Dial(context.Background(), addr, &cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func liveLogOn(t *testing.T, c *Conn, user NTLM) *Session {
	t.Helper()
	s, err := c.LogOn(context.Background(), user.Mechanism(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// liveTree connects a user to the share.
func liveTree(t *testing.T, srv *smbdtest.Server, user NTLM, cfg Config) *Tree {
	t.Helper()
	tree, err := liveLogOn(t, liveDial(t, srv.Addr, cfg), user).TreeConnect(context.Background(), srv.Share)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func admin(srv *smbdtest.Server) NTLM { return NTLM{User: srv.User, Password: srv.Password} }

func plainUser(srv *smbdtest.Server) NTLM {
	return NTLM{User: srv.PlainUser, Password: srv.PlainPassword}
}

// sambaDialects are smbstatus's names.
var sambaDialects = map[Dialect]string{SMB202: "SMB2_02", SMB210: "SMB2_10", SMB300: "SMB3_00", SMB302: "SMB3_02", SMB311: "SMB3_11"}

// TestLive goes through the life of a file with every dialect and every
// protection, and asks the server what it thinks is in use.
func TestLive(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789"), 30_000)
	for _, mode := range []struct {
		name   string
		server smbdtest.Config
		// by dialect, as smbstatus names them
		signing, cipher map[Dialect]string
		share           bool
	}{
		{name: "plain"},
		{name: "signing mandatory", server: smbdtest.Config{Global: []string{"server signing = mandatory"}}, signing: map[Dialect]string{
			SMB202: "HMAC-SHA256", SMB210: "HMAC-SHA256", SMB300: "AES-128-CMAC", SMB302: "AES-128-CMAC", SMB311: "AES-128-GMAC",
		}},
		{name: "encryption required", server: smbdtest.Config{Global: []string{"smb encrypt = required"}}, cipher: map[Dialect]string{
			SMB300: "AES-128-CCM", SMB302: "AES-128-CCM", SMB311: "AES-128-GCM",
		}},
		{name: "encrypted share", server: smbdtest.Config{Share: []string{"smb encrypt = required"}}, share: true},
	} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			srv := smbdtest.Start(t, mode.server)
			for _, d := range Dialects {
				t.Run(d.String(), func(t *testing.T) {
					ctx := context.Background()
					c := liveDial(t, srv.Addr, Config{MinDialect: d, MaxDialect: d})
					if c.Dialect() != d {
						t.Fatalf("dialect %v", c.Dialect())
					}
					want(t, "echo without a session", c.Echo(ctx), StatusSuccess)
					s, err := c.LogOn(ctx, admin(srv).Mechanism(), 0)
					if d < SMB300 && mode.cipher != nil {
						want(t, "log on without encryption", err, StatusAccessDenied)
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					tree, err := s.TreeConnect(ctx, srv.Share)
					if d < SMB300 && mode.share {
						want(t, "tree connect without encryption", err, StatusAccessDenied)
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					if _, ok := tree.Cipher(); ok != (mode.share || mode.cipher != nil) {
						t.Errorf("encrypted: %v", ok)
					}
					if tree.Type() != ShareDisk || tree.MaximalAccess()&FileReadData == 0 {
						t.Errorf("share type %d, maximal access %v", tree.Type(), tree.MaximalAccess())
					}
					if !mode.share { // smbstatus shows sessions, not trees
						checkStatus(t, srv, d, mode.signing[d], mode.cipher[d])
					}
					useFile(t, tree, text)
					want(t, "echo", s.Echo(ctx), StatusSuccess)
					want(t, "tree disconnect", tree.Disconnect(ctx), StatusSuccess)
					want(t, "log off", s.LogOff(ctx), StatusSuccess)
					if s := c.state(); s.pending != 0 || s.available != s.held {
						t.Errorf("in the end: %+v", s)
					}
				})
			}
		})
	}
}

// checkStatus compares with smbstatus, which writes "-" for nothing.
func checkStatus(t *testing.T, srv *smbdtest.Server, d Dialect, signing, cipher string) {
	t.Helper()
	sessions := srv.Status(t).Sessions
	if len(sessions) != 1 {
		t.Fatalf("%d sessions", len(sessions))
	}
	s := sessions[0]
	if s.Dialect != sambaDialects[d] || signing != "" && s.Signing != signing || cipher != "" && s.Encryption != cipher || cipher == "" && s.Encryption != "-" {
		t.Errorf("smbstatus: %s, signing %s, encryption %s; want %s, %q, %q", s.Dialect, s.Signing, s.Encryption, sambaDialects[d], signing, cipher)
	}
}

// TestLiveAlgorithms has each algorithm of 3.1.1 that is not the first choice.
func TestLiveAlgorithms(t *testing.T) {
	t.Parallel()
	srv := smbdtest.Start(t, smbdtest.Config{})
	text := bytes.Repeat([]byte("0123456789"), 1000)
	for _, cfg := range []Config{
		{Signing: Required, SigningAlgorithms: []SigningAlgorithm{SigningHMACSHA256}},
		{Signing: Required, SigningAlgorithms: []SigningAlgorithm{SigningAESCMAC}},
		{Encryption: Required, Ciphers: []Cipher{CipherAES128CCM}},
		{Encryption: Required, Ciphers: []Cipher{CipherAES256CCM}},
		{Encryption: Required, Ciphers: []Cipher{CipherAES256GCM}},
	} {
		t.Run(fmt.Sprint(cfg.SigningAlgorithms, cfg.Ciphers), func(t *testing.T) {
			tree := liveTree(t, srv, admin(srv), cfg)
			if a, ok := tree.Session().SigningAlgorithm(); ok != (cfg.Signing == Required) || ok && a != cfg.SigningAlgorithms[0] {
				t.Errorf("signed %v, %v", ok, a)
			}
			if a, ok := tree.Cipher(); ok != (cfg.Encryption == Required) || ok && a != cfg.Ciphers[0] {
				t.Errorf("encrypted %v, %v", ok, a)
			}
			useFile(t, tree, text)
			want(t, "log off", tree.Session().LogOff(context.Background()), StatusSuccess)
		})
	}
}

// TestLiveUsers logs on in every way there is.
func TestLiveUsers(t *testing.T) {
	t.Parallel()
	srv := smbdtest.Start(t, smbdtest.Config{
		Global: []string{"map to guest = bad user"}, Share: []string{"guest ok = yes", "guest only = no"},
	})
	hash, err := hex.DecodeString(srv.PlainNTHash)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		user   NTLM
		share  string
		signed bool
		flags  SessionFlags
		status NTStatus
	}{
		{name: "password", user: plainUser(srv), share: srv.Share, signed: true},
		{name: "NT hash", user: NTLM{User: srv.PlainUser, NTHash: hash}, share: srv.Share, signed: true},
		{name: "wrong password", user: NTLM{User: srv.PlainUser, Password: "wrong"}, status: StatusLogonFailure},
		{name: "wrong hash", user: NTLM{User: srv.PlainUser, NTHash: make([]byte, 16)}, status: StatusLogonFailure},
		{name: "guest", user: NTLM{User: "nobody at all", Password: "x"}, share: srv.Share, flags: SessionGuest},
		{name: "anonymous", user: NTLM{}, share: "IPC$"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			cfg := Config{}
			if c.signed {
				cfg.Signing = Required
			}
			s, err := liveDial(t, srv.Addr, cfg).LogOn(ctx, c.user.Mechanism(), 0)
			want(t, "log on", err, c.status)
			if err != nil {
				return
			}
			if c.flags != 0 && s.Flags() != c.flags {
				t.Errorf("session flags %d", s.Flags())
			}
			if _, ok := s.SigningAlgorithm(); ok != c.signed {
				t.Errorf("signed: %v", ok)
			}
			tree, err := s.TreeConnect(ctx, c.share)
			if err != nil {
				t.Fatal(err)
			}
			if c.share != "IPC$" {
				useFile(t, tree, []byte("some text"))
			}
			want(t, "log off", s.LogOff(ctx), StatusSuccess)

			if !c.signed { // what cannot be protected is refused where it has to be
				_, err := liveDial(t, srv.Addr, Config{Signing: Required}).LogOn(ctx, c.user.Mechanism(), 0)
				if _, ok := StatusOf(err); err == nil || ok {
					t.Errorf("with signing required: %v", err)
				}
			}
		})
	}
}

// TestLiveIPv6 also has the server named by an address with colons.
func TestLiveIPv6(t *testing.T) {
	t.Parallel()
	srv := smbdtest.Start(t, smbdtest.Config{})
	if srv.Addr6 == "" {
		t.Skip("no IPv6 loopback on this machine")
	}
	s := liveLogOn(t, liveDial(t, srv.Addr6, Config{}), admin(srv))
	tree, err := s.TreeConnect(context.Background(), srv.Hidden)
	if err != nil {
		t.Fatal(err)
	}
	useFile(t, tree, []byte("some text"))
}

// exclusive is an open that shares nothing.
func exclusive(name string) *CreateRequest {
	return &CreateRequest{Name: name, Access: FileReadData | FileWriteData, Disposition: OpenIf, Options: NonDirectoryFile}
}

// TestLivePreviousSession: the holder vanishes, and its user logs on again and
// names the dead session: the server frees what it held.
func TestLivePreviousSession(t *testing.T) {
	if err := DisconnectVanish.Supported(); err != nil {
		t.Skipf("%v (%s)", err, runtime.GOOS)
	}
	t.Parallel()
	ctx := context.Background()
	srv := smbdtest.Start(t, smbdtest.Config{})
	holder := liveTree(t, srv, admin(srv), Config{})
	o, err := holder.Create(ctx, exclusive("held.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.WriteAt(ctx, []byte("half of the da"), 0); err != nil {
		t.Fatal(err)
	}
	if err := holder.Session().Leave(ctx, DisconnectVanish, holder, []*Open{o}); err != nil {
		t.Fatal(err)
	}
	if err := holder.Session().Echo(ctx); !errors.Is(err, ErrFrozen) {
		t.Errorf("the holder speaks: %v", err)
	}

	other := liveTree(t, srv, plainUser(srv), Config{})
	_, err = other.CreateClose(ctx, exclusive("held.txt"))
	want(t, "open while the dead session holds the file", err, StatusSharingViolation)

	// Somebody else's log-on ends nothing.
	stranger := liveDial(t, srv.Addr, Config{})
	if _, err := stranger.LogOn(ctx, plainUser(srv).Mechanism(), holder.Session().ID()); err != nil {
		t.Fatal(err)
	}
	_, err = other.CreateClose(ctx, exclusive("held.txt"))
	want(t, "open after a stranger's log-on", err, StatusSharingViolation)

	again := liveDial(t, srv.Addr, Config{})
	if _, err := again.LogOn(ctx, admin(srv).Mechanism(), holder.Session().ID()); err != nil {
		t.Fatal(err)
	}
	_, err = other.CreateClose(ctx, exclusive("held.txt"))
	want(t, "open after the user's own log-on", err, StatusSuccess)
}

// TestLiveBreaks: an open that another client is in the way of breaks a batch
// oplock, and a lease, and goes on when the break is acknowledged.
func TestLiveBreaks(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	srv := smbdtest.Start(t, smbdtest.Config{})
	tree := liveTree(t, srv, admin(srv), Config{Signing: Required})
	other := liveTree(t, srv, plainUser(srv), Config{})
	shared := &CreateRequest{
		Access: FileReadData | FileWriteData, Share: ShareRead | ShareWrite | ShareDelete, Disposition: OpenIf, Options: NonDirectoryFile,
	}
	breakBy := func(t *testing.T, name string) (Break, *asyncResult[*CreateResponse]) {
		t.Helper()
		m := *shared
		m.Name = name
		opened := async(func() (*CreateResponse, error) { return other.CreateClose(ctx, &m) })
		b, err := tree.Session().Conn().NextBreak(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return b, opened
	}
	t.Run("oplock", func(t *testing.T) {
		m := *shared
		m.Name, m.OplockLevel = "oplock.txt", OplockBatch
		o, err := tree.Create(ctx, &m)
		if err != nil {
			t.Fatal(err)
		}
		b, opened := breakBy(t, m.Name)
		if b.Oplock == nil || *b.Oplock != (OplockBreak{OplockII, o.ID}) {
			t.Errorf("%+v", b.Oplock)
		}
		want(t, "acknowledge", o.AckOplockBreak(ctx, OplockII), StatusSuccess)
		opened.must(t)
		want(t, "close", o.Close(ctx), StatusSuccess)
	})
	t.Run("lease", func(t *testing.T) {
		m := *shared
		m.Name, m.OplockLevel = "lease.txt", OplockLease
		lease := append(sampleGUID[:], le.AppendUint32(nil, uint32(LeaseRead|LeaseHandle|LeaseWrite))...)
		m.Contexts = []CreateContext{{Name: "RqLs", Data: append(lease, make([]byte, 12)...)}}
		o, err := tree.Create(ctx, &m)
		if err != nil {
			t.Fatal(err)
		}
		b, opened := breakBy(t, m.Name)
		if l := b.Lease; l == nil || l.Key != sampleGUID || !l.AckRequired || l.Current != LeaseRead|LeaseHandle|LeaseWrite || l.New&LeaseWrite != 0 {
			t.Fatalf("%+v", b.Lease)
		}
		want(t, "acknowledge", tree.AckLeaseBreak(ctx, b.Lease.Key, b.Lease.New), StatusSuccess)
		opened.must(t)
		want(t, "close", o.Close(ctx), StatusSuccess)
	})
}

// TestLiveCancel: a LOCK, and an open that waits for somebody's oplock, are
// called off by their contexts; nothing stays behind.
func TestLiveCancel(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	srv := smbdtest.Start(t, smbdtest.Config{})
	pending := make(chan struct{}, 10)
	trace := &Trace{Received: func(_ time.Time, msg []byte) {
		if h, err := parseHeader(msg); err == nil && h.Status == StatusPending && (h.Command == CommandLock || h.Command == CommandCreate) {
			pending <- struct{}{}
		}
	}}
	for _, cfg := range []Config{{}, {Signing: Required}, {Encryption: Required}, {MaxDialect: SMB202, Signing: Required}} {
		t.Run(fmt.Sprintf("%v, signing %v, encryption %v", cfg.MaxDialect, cfg.Signing, cfg.Encryption), func(t *testing.T) {
			holder := liveTree(t, srv, admin(srv), Config{})
			m := &CreateRequest{
				Name: "cancel.txt", Access: FileReadData | FileWriteData, Share: ShareRead | ShareWrite, Disposition: OpenIf, OplockLevel: OplockBatch,
			}
			held, err := holder.Create(ctx, m)
			if err != nil {
				t.Fatal(err)
			}

			cfg.Trace = trace
			tree := liveTree(t, srv, plainUser(srv), cfg)
			conn := tree.Session().Conn()
			m.OplockLevel = OplockNone
			create := func(ctx context.Context) error {
				_, err := tree.Create(ctx, m)
				return err
			}
			cancelled := func(what string, do func(context.Context) error) {
				t.Helper()
				short, cancel := context.WithCancel(ctx)
				done := fails(func() error { return do(short) })
				<-pending
				cancel()
				if err := done.error(); !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v", what, err)
				}
				want(t, "echo", conn.Echo(ctx), StatusSuccess) // the final answer came before this one
				if s := conn.state(); s.pending != 0 {
					t.Errorf("%s: %+v", what, s)
				}
			}
			cancelled("create that waits for an oplock", create)
			b, err := holder.Session().Conn().NextBreak(ctx)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "acknowledge", held.AckOplockBreak(ctx, b.Oplock.Level), StatusSuccess)

			o, err := tree.Create(ctx, m)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "lock", held.Lock(ctx, LockElement{Length: 1, Flags: LockExclusive | LockFailImmediately}), StatusSuccess)
			cancelled("lock", func(ctx context.Context) error { return o.Lock(ctx, someLock) })
			want(t, "close", o.Close(ctx), StatusSuccess)
			if opens := srv.Status(t).Opens["cancel.txt"]; len(opens) != 1 {
				t.Errorf("%d opens are left, not the holder's one", len(opens))
			}
			want(t, "leave", holder.Session().Leave(ctx, DisconnectClose, holder, []*Open{held}), StatusSuccess)
		})
	}
}

// TestLiveConcurrent has many goroutines at work on one connection.
func TestLiveConcurrent(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	srv := smbdtest.Start(t, smbdtest.Config{})
	tree := liveTree(t, srv, admin(srv), Config{Credits: 40, Signing: Required})
	var workers sync.WaitGroup
	for i := range 30 {
		workers.Go(func() {
			m := exclusive(fmt.Sprintf("file %d", i))
			o, err := tree.Create(ctx, m)
			if err != nil {
				t.Error(err)
				return
			}
			_, err = tree.CreateClose(ctx, m)
			want(t, "open again", err, StatusSharingViolation)
			text := bytes.Repeat([]byte{byte(i)}, 200_000)
			if _, err := o.WriteAt(ctx, text, 0); err != nil {
				t.Error(err)
			}
			buf := make([]byte, len(text))
			for n := 0; n < len(buf); {
				k, err := o.ReadAt(ctx, buf[n:], uint64(n))
				if err != nil {
					t.Error(err)
					return
				}
				n += k
			}
			if !bytes.Equal(buf, text) {
				t.Error("other data was read than written")
			}
			want(t, "close", o.Close(ctx), StatusSuccess)
		})
	}
	workers.Wait()
	if s := tree.Session().Conn().state(); s.pending != 0 || s.available != s.held {
		t.Errorf("in the end: %+v", s)
	}
	want(t, "leave", tree.Session().Leave(ctx, DisconnectClose, tree, nil), StatusSuccess)
}
