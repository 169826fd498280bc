package diag

import (
	"slices"
	"strings"
	"testing"
	"time"

	"err32/smb"
	"err32/smb/smbdtest"
)

// sambaDialects are the dialects by Samba's names, as its configuration and
// smbstatus have them.
var sambaDialects = []struct{ samba, dialect string }{
	{"SMB2_02", "2.0.2"}, {"SMB2_10", "2.1"}, {"SMB3_00", "3.0"}, {"SMB3_02", "3.0.2"}, {"SMB3_11", "3.1.1"},
}

// protection is how a server protects its messages.
type protection struct {
	name   string
	global []string // lines of smb.conf
}

var (
	unprotected = protection{name: "unprotected"}
	signed      = protection{"signed", []string{"server signing = mandatory"}}
	sealed      = protection{"sealed", []string{"smb encrypt = required"}}
)

// The same verdicts whatever the dialect and the protection, and the report
// names what smbstatus says was used.
func TestReproProtocols(t *testing.T) {
	t.Parallel()
	for _, d := range sambaDialects {
		protections := []protection{unprotected, signed}
		if d.samba >= "SMB3" {
			protections = append(protections, sealed)
		}
		for _, p := range protections {
			t.Run(d.samba+" "+p.name, func(t *testing.T) {
				t.Parallel()
				srv := serve(t, smbdtest.Config{MaxProtocol: d.samba, Global: p.global})
				server := checkProtocol(t, srv, d.samba)
				if server.Dialect != d.dialect || (server.Signing != "") != (p.name == "signed") || (server.Encryption != "") != (p.name == "sealed") {
					t.Errorf("server %s", text(server))
				}
				checkNothingLeft(t, srv)
			})
		}
	}
}

// checkProtocol runs one kind that is freed at once and one that is not, and
// compares the report with smbstatus.
func checkProtocol(t *testing.T, srv *smbdtest.Server, samba string) *ServerInfo {
	t.Helper()
	var server *ServerInfo
	for _, k := range []kindTest{kindTests[2], kindTests[6]} {
		k.wait = 300 * time.Millisecond
		if k.freed {
			k.wait = 5 * time.Second
		}
		o := reproOf(endpointOf(srv, ""), k.kind, k.wait)
		var status smbdtest.Status
		seen := false
		o.OnEvent = func(e Event) {
			if e.What == whatTry && !seen {
				status, seen = srv.Status(t), true
			}
		}
		r := Repro(t.Context(), o)
		k.check(t, o, r, true)
		i := slices.IndexFunc(status.Sessions, func(s smbdtest.Session) bool { return sameID(s.ID, r.Repro.Holder.SessionID) })
		if i < 0 {
			t.Fatalf("session %s is none of %s", r.Repro.Holder.SessionID, text(status.Sessions))
		}
		server = r.Server
		checkProtection(t, server, status.Sessions[i], samba)
	}
	return server
}

// checkProtection compares what the report says with a row of smbstatus, which
// names the algorithm with the length of its key, and names one of signing also
// for a session in which nothing but the log-on was signed.
func checkProtection(t *testing.T, got *ServerInfo, want smbdtest.Session, samba string) {
	t.Helper()
	if want.Dialect != samba {
		t.Errorf("smbstatus says dialect %s, want %s", want.Dialect, samba)
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
	srv := serve(t, smbdtest.Config{})
	encrypted := serve(t, smbdtest.Config{Share: []string{"smb encrypt = required"}})
	for _, test := range []struct {
		name       string
		srv        *smbdtest.Server
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
		e := endpointOf(test.srv, "")
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
	srv := serve(t, smbdtest.Config{Global: sealed.global})
	for name, set := range map[string]func(*Endpoint){
		"off":       func(e *Endpoint) { e.Encryption = smb.Off },
		"too old":   func(e *Endpoint) { e.MaxDialect = smb.SMB210 },
		"old asked": func(e *Endpoint) { e.Encryption, e.MaxDialect = smb.Required, smb.SMB210 },
	} {
		e := endpointOf(srv, "")
		set(&e)
		r := Repro(t.Context(), reproOf(e, smb.DisconnectFIN, time.Second))
		if r.ExitCode() != 1 || r.Verdict != nil || r.Error.Text == "" {
			t.Errorf("%s: %s", name, text(r))
		}
	}
	checkNothingLeft(t, srv)
}
