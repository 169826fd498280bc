package diag

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"err32/smb"
	"err32/smb/smbdtest"
)

// dialects are those that are tried, with the strongest protection that client
// and server both have in it.
var dialects = []struct {
	dialect             smb.Dialect
	signing, encryption string
}{
	{smb.SMB202, "HMAC-SHA256", ""},
	{smb.SMB210, "HMAC-SHA256", ""},
	{smb.SMB300, "AES-CMAC", "AES-128-CCM"},
	{smb.SMB302, "AES-CMAC", "AES-128-CCM"},
	{smb.SMB311, "AES-GMAC", "AES-128-GCM"},
}

// protection is how a server protects its messages.
type protection struct {
	name string
	cfg  serverConfig
}

var protections = []protection{
	{"unprotected", serverConfig{}},
	{"signed", serverConfig{signing: smb.Required}},
	{"sealed", serverConfig{encryption: smb.Required}},
}

// The same verdicts whatever the dialect and the protection, and the report
// names what was used: by what passes on the wire, and what smbstatus says.
func TestReproProtocols(t *testing.T) {
	t.Parallel()
	for _, d := range dialects {
		for _, p := range protections {
			want := ServerInfo{Dialect: d.dialect.String()}
			switch p.name {
			case "signed":
				want.Signing = d.signing
			case "sealed":
				if want.Encryption = d.encryption; d.encryption == "" {
					continue
				}
			}
			cfg := p.cfg
			cfg.maxDialect = d.dialect
			t.Run(d.dialect.String()+" "+p.name, func(t *testing.T) {
				t.Parallel()
				eachServer(t, bothServers, cfg, func(t *testing.T, srv *testServer) {
					checkProtocol(t, srv, d.dialect, &want)
					checkNothingLeft(t, srv)
				})
			})
		}
	}
}

// checkProtocol runs one kind that is freed at once and one that is not, and
// compares the report with what was to be used and was.
func checkProtocol(t *testing.T, srv *testServer, dialect smb.Dialect, want *ServerInfo) {
	t.Helper()
	w := newWire(t, srv.addr)
	var passed traffic
	w.watch(passed.add)
	for _, kind := range []smb.DisconnectKind{smb.DisconnectFIN, smb.DisconnectLeak} {
		k := outcomeOf(srv.is, kind)
		o := reproOf(srv.endpoint(""), kind, 300*time.Millisecond)
		if k.freed() {
			o.Wait = k.wait()
		}
		o.Endpoint.Target.Port = portOf(t, w.addr())
		var status smbdtest.Status
		smbd, isSmbd := srv.backstage.(smbdServer)
		o.OnEvent = func(e Event) {
			if isSmbd && e.What == whatDisconnect && kind == smb.DisconnectLeak {
				status = smbd.Status(t)
			}
		}
		r := Repro(t.Context(), o)
		k.check(t, o, r, true)
		if got := r.Server; got.Dialect != want.Dialect || got.Signing != want.Signing || got.Encryption != want.Encryption {
			t.Errorf("%s: the report says %s, want %s", kind, text(got), text(want))
		}
		if isSmbd && kind == smb.DisconnectLeak {
			checkSmbstatus(t, r, status, dialect)
		}
	}
	passed.check(t, dialect, want)
}

// traffic counts the server's frames, after the log-on, by how they are
// protected.
type traffic struct {
	dialects              map[smb.Dialect]bool // in the answers to NEGOTIATE
	sealed, signed, plain int
}

// add looks at one frame, [MS-SMB2] 2.2.1.2, 2.2.4 and 2.2.41.
func (n *traffic) add(frame []byte) {
	const prefix, header = 4, 64
	m := frame[min(prefix, len(frame)):]
	if len(m) < header {
		return
	}
	command, flags := smb.Command(binary.LittleEndian.Uint16(m[12:])), smb.HeaderFlags(binary.LittleEndian.Uint32(m[16:]))
	switch {
	case string(m[:4]) == "\xfdSMB":
		n.sealed++
	case command == smb.CommandNegotiate && len(m) >= header+6:
		if n.dialects == nil {
			n.dialects = map[smb.Dialect]bool{}
		}
		n.dialects[smb.Dialect(binary.LittleEndian.Uint16(m[header+4:]))] = true
	case command == smb.CommandSessionSetup:
	case flags&smb.FlagSigned != 0:
		n.signed++
	case flags&smb.FlagAsync == 0: // an interim answer is not signed
		n.plain++
	}
}

// check compares the traffic of whole runs with what was to be used. go-smb2
// signs also where it need not.
func (n *traffic) check(t *testing.T, dialect smb.Dialect, want *ServerInfo) {
	t.Helper()
	if len(n.dialects) != 1 || !n.dialects[dialect] {
		t.Errorf("on the wire there were the dialects %v, want %v", n.dialects, dialect)
	}
	used, others := n.plain, n.sealed
	switch {
	case want.Encryption != "":
		used, others = n.sealed, n.signed+n.plain
	case want.Signing != "":
		used, others = n.signed, n.sealed+n.plain
	}
	if used < 30 || others > 0 {
		t.Errorf("frames on the wire: %d sealed, %d signed, %d plain", n.sealed, n.signed, n.plain)
	}
}

// checkSmbstatus compares what the report says with the holder's row of
// smbstatus, which names the algorithm with the length of its key, and names
// one of signing also for a session in which nothing but the log-on was signed.
func checkSmbstatus(t *testing.T, r *Report, status smbdtest.Status, dialect smb.Dialect) {
	t.Helper()
	i := slices.IndexFunc(status.Sessions, func(s smbdtest.Session) bool {
		id, err := strconv.ParseUint(s.ID, 10, 64)
		return err == nil && fmt.Sprintf("0x%X", id) == r.Repro.Holder.SessionID
	})
	if i < 0 {
		t.Fatalf("session %s is none of %s", r.Repro.Holder.SessionID, text(status.Sessions))
	}
	got, want := r.Server, status.Sessions[i]
	if want.Dialect != sambaDialects[dialect] {
		t.Errorf("smbstatus says dialect %s, want %s", want.Dialect, sambaDialects[dialect])
	}
	if encryption := strings.TrimPrefix(want.Encryption, "-"); got.Encryption != encryption {
		t.Errorf("encryption %q, smbstatus says %q", got.Encryption, encryption)
	}
	if signing := strings.Replace(want.Signing, "AES-128-", "AES-", 1); got.Signing != "" && got.Signing != signing {
		t.Errorf("signing %q, smbstatus says %q", got.Signing, signing)
	}
}

// What the client asks for, where the server leaves it the choice.
func TestReproPolicies(t *testing.T) {
	t.Parallel()
	together(t, bothServers, func(k serverKind) string { return string(k) }, func(t *testing.T, k serverKind) {
		testPolicies(t, serve(t, k, serverConfig{}), serve(t, k, serverConfig{sealedShares: true}))
	})
}

func testPolicies(t *testing.T, srv, encrypted *testServer) {
	for _, test := range []struct {
		name       string
		srv        *testServer
		set        func(*Endpoint)
		contender  string
		dialect    string
		signing    string
		encryption string
	}{
		{"signing required", srv, func(e *Endpoint) { e.Signing = smb.Required }, "go-smb2", "3.1.1", "AES-GMAC", ""},
		{"signing required, 2.1", srv, func(e *Endpoint) { e.Signing, e.MaxDialect = smb.Required, smb.SMB210 }, "go-smb2", "2.1", "HMAC-SHA256", ""},
		{"signing required, 3.0", srv, func(e *Endpoint) { e.Signing, e.MaxDialect = smb.Required, smb.SMB300 }, "go-smb2", "3.0", "AES-CMAC", ""},
		{"at most 2.0.2", srv, func(e *Endpoint) { e.MaxDialect = smb.SMB202 }, "go-smb2", "2.0.2", "", ""},
		// go-smb2 cannot be told to encrypt: the tool's own client contends.
		{"encryption required", srv, func(e *Endpoint) { e.Encryption = smb.Required }, "err32", "3.1.1", "", "AES-128-GCM"},
		{"encryption required, 3.0", srv, func(e *Endpoint) { e.Encryption, e.MaxDialect = smb.Required, smb.SMB300 }, "err32", "3.0", "", "AES-128-CCM"},
		{"encryption off", srv, func(e *Endpoint) { e.Encryption = smb.Off }, "err32", "3.1.1", "", ""},
		{"encrypted share", encrypted, func(*Endpoint) {}, "go-smb2", "3.1.1", "", "AES-128-GCM"},
		{"encrypted share, 3.0.2", encrypted, func(e *Endpoint) { e.MaxDialect = smb.SMB302 }, "go-smb2", "3.0.2", "", "AES-128-CCM"},
	} {
		e := test.srv.endpoint("")
		test.set(&e)
		r := Repro(t.Context(), reproOf(e, smb.DisconnectLeak, 100*time.Millisecond))
		if r.ExitCode() != 32 || r.Repro.Contender != test.contender {
			t.Errorf("%s: exit code %d, contender %q: %s", test.name, r.ExitCode(), r.Repro.Contender, text(r))
			continue
		}
		if s := r.Server; s.Dialect != test.dialect || s.Signing != test.signing || s.Encryption != test.encryption {
			t.Errorf("%s: %s", test.name, text(s))
		}
		noted := slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "go-smb2") })
		if noted != (test.contender == "err32") {
			t.Errorf("%s: notes %q", test.name, r.Notes)
		}
	}
	checkNothingLeft(t, srv)
	checkNothingLeft(t, encrypted)
}

// A client that may not encrypt cannot use a share that must be.
func TestReproEncryptionRefused(t *testing.T) {
	t.Parallel()
	eachServer(t, bothServers, serverConfig{encryption: smb.Required}, testEncryptionRefused)
}

func testEncryptionRefused(t *testing.T, srv *testServer) {
	for name, set := range map[string]func(*Endpoint){
		"off":       func(e *Endpoint) { e.Encryption = smb.Off },
		"too old":   func(e *Endpoint) { e.MaxDialect = smb.SMB210 },
		"old asked": func(e *Endpoint) { e.Encryption, e.MaxDialect = smb.Required, smb.SMB210 },
	} {
		e := srv.endpoint("")
		set(&e)
		r := Repro(t.Context(), reproOf(e, smb.DisconnectFIN, time.Second))
		if r.ExitCode() != 1 || r.Verdict != nil || r.Error.Text == "" {
			t.Errorf("%s: %s", name, text(r))
		}
	}
	checkNothingLeft(t, srv)
}
