package diag

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	smb2 "github.com/hirochachacha/go-smb2"

	"err32/smb"
)

// tshark runs tshark on a capture of a server on port, and returns its lines.
func tshark(t testing.TB, file string, port int, args ...string) []string {
	t.Helper()
	program, err := exec.LookPath("tshark")
	if err != nil {
		if os.Getenv("ERR32_REQUIRE_TSHARK") != "" {
			t.Fatal("ERR32_REQUIRE_TSHARK is set: ", err)
		}
		t.Skip("no tshark: ", err)
	}
	all := []string{"-n", "-r", file}
	if port != DefaultPort {
		all = append(all, "-d", "tcp.port=="+strconv.Itoa(port)+",nbss")
	}
	all = append(all, args...)
	cmd := exec.Command(program, all...)
	settings := t.TempDir() // the user's own do not count
	cmd.Env = append(os.Environ(), "HOME="+settings, "WIRESHARK_CONFIG_DIR="+settings)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark %s: %v\n%s", strings.Join(all, " "), err, &stderr)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })
}

// dissectedPacket is a packet as tshark reads it: its fields by name, with
// commas where there are several of one.
type dissectedPacket map[string]string

// first is a field of the first message of a chain.
func (p dissectedPacket) first(field string) string {
	value, _, _ := strings.Cut(p[field], ",")
	return value
}

// dissect has tshark read a capture whole. What is not SMB2, is malformed or is
// remarked on fails the test, and so does an answer without its request.
func dissect(t *testing.T, file string, port int) []dissectedPacket {
	t.Helper()
	fields := []string{
		"frame.number", "frame.protocols", "frame.comment", "tcp.srcport", "tcp.dstport", "tcp.analysis.flags",
		"_ws.malformed", "_ws.expert.severity", "_ws.expert.message", "_ws.col.Info",
		"smb2.cmd", "smb2.flags.response", "smb2.nt_status", "smb2.msg_id", "smb2.filename", "smb2.response_to", "srvsvc.srvsvc_NetFileInfo3.path",
	}
	args := []string{"-T", "fields", "-E", "separator=/t", "-E", "occurrence=a"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	written := readCapture(t, file)
	assemble(t, written)
	var packets []dissectedPacket
	for i, line := range tshark(t, file, port, args...) {
		p := dissectedPacket{}
		for j, value := range strings.Split(line, "\t") {
			p[fields[j]] = value
		}
		packets = append(packets, p)
		const comment = "1048576" // the severity of a packet's comment, which tshark counts among the remarks
		unanswered := p.first("smb2.flags.response") == "True" || p.first("smb2.flags.response") == "1"
		unanswered = unanswered && p.first("smb2.msg_id") != "18446744073709551615" && p.first("smb2.response_to") == ""
		if !slices.Contains(strings.Split(p["frame.protocols"], ":"), "smb2") || p["frame.comment"] == "" || p["tcp.analysis.flags"] != "" ||
			p["_ws.malformed"] != "" || p["_ws.expert.severity"] != comment || unanswered {
			t.Errorf("packet %d: %q", i+1, p)
		}
	}
	if len(packets) != len(written) {
		t.Errorf("tshark finds %d packets of %d", len(packets), len(written))
	}
	return packets
}

// captureRepro runs a reproduction with a capture.
func captureRepro(t *testing.T, o ReproOptions) (file string, report *Report) {
	t.Helper()
	c := newTestCapture(t, nil)
	o.Endpoint.Capture, o.OnEvent = c, c.Event
	report = Repro(context.Background(), o)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if report.Error != nil {
		t.Fatal(report.Error)
	}
	return c.Name(), report
}

// TestCaptureTshark runs reproductions with all kinds of protection, and looks
// at their captures as a support engineer would.
func TestCaptureTshark(t *testing.T) {
	type run struct {
		name   string
		server serverConfig
		set    func(*ReproOptions)
	}
	dialect := func(d smb.Dialect) func(*ReproOptions) { return func(o *ReproOptions) { o.Endpoint.MaxDialect = d } }
	runs := []run{
		{"2.0.2", serverConfig{}, dialect(smb.SMB202)},
		{"2.1", serverConfig{}, dialect(smb.SMB210)},
		{"2.1 signed", serverConfig{signing: smb.Required}, dialect(smb.SMB210)},
		{"3.0", serverConfig{}, dialect(smb.SMB300)},
		{"3.0 encrypted", serverConfig{encryption: smb.Required}, dialect(smb.SMB300)},
		{"3.0.2", serverConfig{}, dialect(smb.SMB302)},
		{"3.1.1", serverConfig{}, nil},
		{"3.1.1 signed", serverConfig{}, func(o *ReproOptions) { o.Endpoint.Signing = smb.Required }},
		{"3.1.1 encrypted", serverConfig{encryption: smb.Required}, nil},
		{"3.1.1 own encrypted", serverConfig{}, func(o *ReproOptions) { o.Endpoint.Encryption, o.RetryWith = smb.Required, "own" }},
		{"3.1.1 sealed shares", serverConfig{sealedShares: true}, nil},
		{"same client", serverConfig{}, func(o *ReproOptions) { o.RetryFrom = "same" }},
		{"close", serverConfig{}, func(o *ReproOptions) { o.Disconnect = smb.DisconnectClose }},
		{"vanish", serverConfig{}, func(o *ReproOptions) { o.Disconnect, o.Wait = smb.DisconnectFreeze, time.Second }},
		{"leak", serverConfig{}, func(o *ReproOptions) { o.Disconnect, o.Wait = smb.DisconnectLeak, time.Second }},
	}
	together(t, runs, func(r run) string { return r.name }, func(t *testing.T, r run) {
		eachServer(t, bothServers, r.server, func(t *testing.T, srv *testServer) {
			folder := srv.folder(t, "Kapture & ü")
			o := reproOf(srv.endpoint(folder), smb.DisconnectFIN, 5*time.Second)
			if r.set != nil {
				r.set(&o)
			}
			file, report := captureRepro(t, o)
			packets := dissect(t, file, srv.port)
			checkCaptureEvents(t, file, report)

			port := strconv.Itoa(srv.port)
			refused, opened, rows := 0, 0, 0
			for _, p := range packets {
				if p["srvsvc.srvsvc_NetFileInfo3.path"] != "" {
					rows++
				}
				if p.first("smb2.cmd") != "5" {
					continue
				}
				if strings.HasPrefix(p["frame.comment"], "holder: CREATE request "+report.Repro.File) && p.first("smb2.filename") == report.Repro.File && p["tcp.dstport"] == port {
					opened++
				}
				// The one question: which CREATE met the sharing violation?
				if p.first("smb2.nt_status") != "0xc0000043" {
					continue
				}
				refused++
				n, err := strconv.Atoi(p.first("smb2.response_to"))
				if err != nil || n < 1 || n > len(packets) {
					t.Fatalf("what answers a refused request is %q", p)
				}
				if request := packets[n-1]; request.first("smb2.filename") != report.Repro.File || request["tcp.dstport"] != port || p["tcp.srcport"] != port {
					t.Errorf("refused: %q, the answer to %q; want the file %q", p, request, report.Repro.File)
				}
				_, said, _ := strings.Cut(p["frame.comment"], ": ")
				if want := "CREATE response " + report.Repro.File + ": STATUS_SHARING_VIOLATION (0xC0000043), Win32 error 32"; !strings.HasPrefix(said, want) {
					t.Errorf("the comment is %q, want %q", said, want)
				}
			}
			if refused == 0 || opened == 0 || rows == 0 && report.Repro.TableSeen {
				t.Errorf("tshark finds %d refused CREATE, %d of the holder's, %d answers with rows of the server's table", refused, opened, rows)
			}
			checkNoSecrets(t, file, srv)
		})
	})
}

// checkCaptureEvents compares the comments with the report's events.
func checkCaptureEvents(t *testing.T, file string, report *Report) {
	t.Helper()
	named := map[string]bool{}
	for i, p := range readCapture(t, file) {
		_, mark, ok := strings.Cut(p.comment, "; ")
		if !ok {
			t.Errorf("packet %d: comment %q", i, p.comment)
		}
		named[strings.TrimSpace(mark)] = true
	}
	for _, e := range report.Events {
		exchanged := e.What == whatConnect || e.What == whatOpen || e.What == whatWrite || e.What == whatTry || e.What == whatList ||
			e.What == whatPrepare || e.What == whatRemove || e.What == whatRelease
		if own := e.What == whatConnect && report.Repro.RetryFrom == "same" && e.Actor == ActorContender; own || e.What == whatRelease {
			continue // a connection that was there; the try before it is the release
		}
		if exchanged && !named[fmt.Sprintf("event %d", e.ID)] {
			t.Errorf("no packet is of event %+v", e)
		}
	}
}

// checkNoSecrets looks for the passwords of a server's users.
func checkNoSecrets(t *testing.T, file string, srv *testServer) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{srv.password, srv.plainPassword} {
		hash := Credentials{Password: password}.ntHash()
		for _, secret := range [][]byte{
			[]byte(password), utf16Bytes(password), hash, []byte(hex.EncodeToString(hash)), utf16Bytes(hex.EncodeToString(hash)), ntlmSignature,
		} {
			if bytes.Contains(b, secret) {
				t.Errorf("%s has %q", file, secret)
			}
		}
	}
	if known := (Credentials{Password: srv.password}).ntHash(); hex.EncodeToString(known) != strings.ToLower(srv.ntHash) {
		t.Errorf("the hash that was looked for is %x, not %s", known, srv.ntHash)
	}
}

// tokenSocket keeps the log-on tokens that pass, both ways.
type tokenSocket struct {
	net.Conn
	mu      sync.Mutex
	out, in frameSplitter
	tokens  [][]byte
}

func (s *tokenSocket) Write(b []byte) (int, error) { s.see(&s.out, b); return s.Conn.Write(b) }
func (s *tokenSocket) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	s.see(&s.in, b[:max(n, 0)])
	return n, err
}

func (s *tokenSocket) see(splitter *frameSplitter, b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	splitter.split(b, func(frame []byte) {
		if h, _, _, err := smb.SplitCompound(frame); err == nil && h.Command == smb.CommandSessionSetup {
			s.tokens = append(s.tokens, bytes.Clone(frame[smbHeader+8:]))
		}
	})
}

// TestCaptureTokens compares a capture with the log-ons that it is of.
func TestCaptureTokens(t *testing.T) {
	eachServer(t, bothServers, serverConfig{}, func(t *testing.T, srv *testServer) {
		dial := func() *tokenSocket {
			c, err := net.Dial("tcp", srv.addr)
			if err != nil {
				t.Fatal(err)
			}
			return &tokenSocket{Conn: c}
		}
		ctx := context.Background()
		c := newTestCapture(t, nil)
		who := Credentials{User: srv.user, Password: srv.password}

		own := dial()
		conn, err := smb.NewConn(ctx, own, "127.0.0.1", &smb.Config{Trace: c.trace(ActorHolder)})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		session, err := conn.LogOn(ctx, who.mechanism("127.0.0.1"), 0)
		if err != nil {
			t.Fatal(err)
		}
		session.LogOff(ctx)
		if _, err := conn.LogOn(ctx, Credentials{User: srv.user, Password: "wrong"}.mechanism("127.0.0.1"), 0); err == nil {
			t.Error("a wrong password is right")
		}

		stock := dial()
		logOnStock(t, c.tap(stock, who), srv, nil)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(c.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*tokenSocket{own, stock} {
			if len(s.tokens) < 4 {
				t.Fatalf("only %d messages with tokens passed", len(s.tokens))
			}
			var heard ntlmOverheard
			logOns := 0
			for _, token := range s.tokens {
				heard.hear(token)
				if heard.authenticate == nil {
					continue
				}
				logOns++
				// What a password is guessed with: the server's challenge, the
				// proof and the client's challenge, [MS-NLMP] 2.2.2.7 and 2.2.2.8,
				// the key under the user's own.
				response := heard.payload(ntlmNTResponseAt)
				for _, secret := range [][]byte{heard.challenge, response[:8], response[8:16], response[32:40], heard.payload(ntlmSessionKeyAt)[:8]} {
					if len(bytes.Trim(secret, "\x00")) < 4 || bytes.Contains(b, secret) {
						t.Errorf("% x of the log-on's tokens is in the capture", secret)
					}
				}
				heard = ntlmOverheard{}
			}
			if logOns == 0 {
				t.Error("no log-on passed")
			}
		}
	})
}

// logOnStock has go-smb2 log on, use the share and log off over a socket, as
// the contender does; e says how, the server's own endpoint if it is nil.
func logOnStock(t *testing.T, socket net.Conn, srv *testServer, e *Endpoint) {
	t.Helper()
	defer socket.Close()
	if e == nil {
		own := srv.endpoint("")
		e = &own
	}
	d := smb2.Dialer{Initiator: &smb2.NTLMInitiator{
		User: e.Credentials.User, Password: e.Credentials.Password, Hash: e.Credentials.NTHash, Domain: e.Credentials.Domain,
	}}
	if e.MaxDialect != 0 {
		d.Negotiator.SpecifiedDialect = uint16(e.MaxDialect)
	}
	session, err := d.Dial(socket)
	if err != nil {
		t.Fatal(err)
	}
	share, err := session.Mount(srv.share)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := share.Stat("there is none"); !os.IsNotExist(err) {
		t.Error(err)
	}
	if err := errors.Join(share.Umount(), session.Logoff()); err != nil {
		t.Error(err)
	}
}

// TestCaptureDecrypts checks that what go-smb2 encrypts is read along, whatever
// the dialect is and whichever way the password is known.
func TestCaptureDecrypts(t *testing.T) {
	eachServer(t, bothServers, serverConfig{encryption: smb.Required}, func(t *testing.T, srv *testServer) {
		hash, err := hex.DecodeString(srv.ntHash)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			name    string
			dialect smb.Dialect
			who     Credentials
			known   bool
		}{
			{"3.1.1", 0, Credentials{User: srv.user, Password: srv.password}, true},
			{"3.1.1 hash", 0, Credentials{User: srv.user, NTHash: hash}, true},
			{"3.1.1 domain", 0, Credentials{User: srv.user, Domain: "SOMEWHERE", Password: srv.password}, true},
			{"3.0", smb.SMB300, Credentials{User: srv.user, Password: srv.password}, true},
			{"3.0.2", smb.SMB302, Credentials{User: srv.user, Password: srv.password}, true},
			{"another password", 0, Credentials{User: srv.user, Password: "wrong"}, false},
			{"none", 0, Credentials{Anonymous: true}, false},
		} {
			t.Run(test.name, func(t *testing.T) {
				socket, err := net.Dial("tcp", srv.addr)
				if err != nil {
					t.Fatal(err)
				}
				c := newTestCapture(t, nil)
				e := srv.endpoint("")
				e.MaxDialect = test.dialect
				if test.known {
					e.Credentials = test.who
				}
				logOnStock(t, c.tap(socket, test.who), srv, &e)
				c.Close()
				packets := readCapture(t, c.Name())
				assemble(t, packets)
				trees := 0
				for _, p := range packets {
					sealed := bytes.HasPrefix(p.payload[frameHeader:], []byte("\xFDSMB"))
					if sealed == test.known && (sealed || strings.Contains(p.comment, "TREE_CONNECT")) {
						t.Errorf("encrypted %v: %q", sealed, p.comment)
					}
					if sealed && !strings.Contains(p.comment, "encrypted, with a key that is not known") {
						t.Errorf("an encrypted packet has the comment %q", p.comment)
					}
					if strings.Contains(p.comment, `TREE_CONNECT request \\`) {
						trees++
					}
				}
				if test.known && trees == 0 || !test.known && slices.IndexFunc(packets, func(p capturedPacket) bool { return strings.Contains(p.comment, "encrypted") }) < 0 {
					t.Errorf("%d packets, %d of them TREE_CONNECT requests", len(packets), trees)
				}
			})
		}
	})
}

// TestCaptureTsharkRecorded has tshark read the captures in testdata, of a
// server on port 445: it needs to be told nothing.
func TestCaptureTsharkRecorded(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "capture", "*.pcapng"))
	if err != nil || len(files) == 0 {
		t.Fatal("no captures in testdata: ", err)
	}
	for _, file := range files {
		dissect(t, file, DefaultPort)
	}
}
