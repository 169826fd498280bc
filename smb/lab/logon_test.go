package lab

import (
	"bytes"
	"context"
	"encoding/asn1"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/oiweiwei/go-msrpc/ssp/ntlm"
	"github.com/oiweiwei/go-msrpc/ssp/spnego"

	"err32/smb"
)

// logonUser is the one user of these tests.
const logonUser, logonPassword = "Ünal", "pass wörd"

func findLogonUser(_, user string) ([16]byte, bool) {
	return ntHash(logonPassword), strings.EqualFold(user, logonUser)
}

func newTestLogon() *logon {
	return newLogon("LAB", findLogonUser, time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC))
}

// unhex decodes hex with blanks in it.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// runLogon lets the two sides talk until the server is done; the client's
// error about the last token counts.
func runLogon(t *testing.T, m smb.Mechanism, l *logon) (smb.NTStatus, error) {
	t.Helper()
	token, err := m.Next(context.Background(), nil)
	for range 5 {
		if err != nil {
			t.Fatal(err)
		}
		reply, done, status := l.next(token)
		if done != (status != smb.StatusMoreProcessingRequired) {
			t.Fatalf("done %v with %v", done, status)
		}
		if done {
			if status == smb.StatusSuccess {
				_, err = m.Next(context.Background(), reply)
			}
			return status, err
		}
		token, err = m.Next(context.Background(), reply)
	}
	t.Fatal("the log-on does not end")
	return 0, nil
}

func TestLogon(t *testing.T) {
	hash := ntHash(logonPassword)
	for _, tt := range []struct {
		name   string
		client smb.NTLM
		status smb.NTStatus
	}{
		{"password", smb.NTLM{User: logonUser, Password: logonPassword}, smb.StatusSuccess},
		{"hash", smb.NTLM{User: logonUser, NTHash: hash[:]}, smb.StatusSuccess},
		{"domain", smb.NTLM{Domain: "Any.Domain", User: logonUser, Password: logonPassword}, smb.StatusSuccess},
		{"case", smb.NTLM{Domain: "d", User: strings.ToLower(logonUser), Password: logonPassword}, smb.StatusSuccess},
		{"wrong password", smb.NTLM{User: logonUser, Password: "Pass wörd"}, smb.StatusLogonFailure},
		{"no password", smb.NTLM{User: logonUser}, smb.StatusLogonFailure},
		{"unknown user", smb.NTLM{User: "other", Password: logonPassword}, smb.StatusLogonFailure},
		{"zero hash of an unknown user", smb.NTLM{User: "other", NTHash: make([]byte, 16)}, smb.StatusLogonFailure},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, l := tt.client.Mechanism(), newTestLogon()
			status, err := runLogon(t, m, l)
			if status != tt.status || err != nil {
				t.Fatalf("%v, %v; want %v", status, err, tt.status)
			}
			if domain, user := l.user(); domain != tt.client.Domain || user != tt.client.User || l.anonymous() {
				t.Errorf("user %q of %q, anonymous: %v", user, domain, l.anonymous())
			}
			key := l.sessionKey()
			if status == smb.StatusSuccess && (len(key) != 16 || !bytes.Equal(key, m.SessionKey())) {
				t.Error("the two sides have different keys")
			}
			if status != smb.StatusSuccess && key != nil {
				t.Error("a key after a log-on that was refused")
			}
			if _, done, status := l.next(nil); !done || status != smb.StatusInvalidParameter {
				t.Errorf("a token after the end: %v, %v", done, status)
			}
		})
	}
}

func TestLogonAnonymous(t *testing.T) {
	l := newTestLogon()
	if l.anonymous() {
		t.Error("anonymous before anything was said")
	}
	status, err := runLogon(t, smb.NTLM{}.Mechanism(), l)
	if status != smb.StatusSuccess || err != nil || !l.anonymous() || l.sessionKey() != nil {
		t.Errorf("%v, %v, anonymous: %v, key: %v", status, err, l.anonymous(), l.sessionKey() != nil)
	}
}

// The messages of [MS-NLMP] 4.2.4.3.
const (
	specChallenge    = `0123456789abcdef`
	specAuthenticate = `
		4e544c4d53535000 03000000 18001800 6c000000 54005400 84000000 0c000c00 48000000 08000800 54000000 10001000
		5c000000 10001000 d8000000 358288e2 0501280a0000000f 44006f006d00610069006e00 5500730065007200
		43004f004d0050005500540045005200 86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa
		68cd0ab851e51c96aabc927bebef6a1c 01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000
		02000c0044006f006d00610069006e00 01000c005300650072007600650072000000000000000000
		c5dad2544fc9799094ce1ce90bc9d03e`
)

// TestLogonSpecification has the server judge the log-on that [MS-NLMP] 4.2.4
// computes, which is one without SPNEGO and without a MIC.
func TestLogonSpecification(t *testing.T) {
	offer := func(flags uint32) []byte {
		b := append([]byte(nil), "NTLMSSP\x00\x01\x00\x00\x00"...)
		return append(binary.LittleEndian.AppendUint32(b, flags), make([]byte, 16)...)
	}
	const allFlags = 0xE28A8233
	run := func(t *testing.T, password string, flags uint32, change func(authenticate []byte) []byte) (*logon, smb.NTStatus) {
		t.Helper()
		l := newLogon("Server", func(domain, user string) ([16]byte, bool) {
			return ntHash(password), domain == "Domain" && user == "User"
		}, time.Now())
		copy(l.ntlm.challenge[:], unhex(t, specChallenge))
		reply, done, status := l.next(offer(flags))
		if done || status != smb.StatusMoreProcessingRequired {
			t.Fatal(status)
		}
		var c ntlm.ChallengeMessage
		if err := c.Unmarshal(context.Background(), reply); err != nil {
			t.Fatal(err)
		}
		if c.TargetName != "Server" || !bytes.Equal(c.ServerChallenge, unhex(t, specChallenge)) || c.Negotiate.IsSet(ntlm.NegotiateOEM) {
			t.Errorf("CHALLENGE_MESSAGE %+v", c)
		}
		_, done, status = l.next(change(unhex(t, specAuthenticate)))
		if !done {
			t.Error("not done")
		}
		return l, status
	}
	same := func(b []byte) []byte { return b }

	l, status := run(t, "Password", allFlags, same)
	if status != smb.StatusSuccess {
		t.Fatal(status)
	}
	if want := bytes.Repeat([]byte{0x55}, 16); !bytes.Equal(l.sessionKey(), want) {
		t.Errorf("session key %x, want %x", l.sessionKey(), want)
	}
	if domain, user := l.user(); domain != "Domain" || user != "User" {
		t.Errorf("%q of %q", user, domain)
	}
	if _, status := run(t, "password", allFlags, same); status != smb.StatusLogonFailure {
		t.Errorf("wrong password: %v", status)
	}

	put := func(at int, v ...byte) func([]byte) []byte {
		return func(b []byte) []byte { copy(b[at:], v); return b }
	}
	// prove makes the response right again after a change in what it is over.
	prove := func(change func([]byte) []byte) func([]byte) []byte {
		return func(b []byte) []byte {
			b = change(b)
			return put(0x84, hmacMD5(unhex(t, "0c868a403bfd7a93a3001ef22ef02e3f"), unhex(t, specChallenge), b[0x94:0xD8])...)(b)
		}
	}
	for _, tt := range []struct {
		name   string
		change func([]byte) []byte
		status smb.NTStatus
	}{
		{"NTLMv1", put(ntlmNTResponse, 24), smb.StatusLogonFailure},
		{"LM only", put(ntlmNTResponse, 0), smb.StatusLogonFailure},
		{"NTLMv2 cut in its header", put(ntlmNTResponse, 43), smb.StatusLogonFailure},
		{"NTLMv2 without an end of its pairs", put(ntlmNTResponse, 16+28+3), smb.StatusInvalidParameter},
		{"NTLMv2 cut in a pair", put(ntlmNTResponse, 16+28+8), smb.StatusInvalidParameter},
		{"response version", prove(put(0x94, 2)), smb.StatusLogonFailure},
		{"highest response version", prove(put(0x95, 2)), smb.StatusLogonFailure},
		{"response changed", put(0xA4, 0), smb.StatusLogonFailure},
		{"proof changed", put(0x84, 0), smb.StatusLogonFailure},
		{"flags in a short pair", prove(put(0xB0, 6, 0, 2, 0, 0, 0, 0, 0, 0, 0)), smb.StatusInvalidParameter},
		{"another user", put(0x54, 'V'), smb.StatusLogonFailure},
		{"another domain", put(0x48, 'E'), smb.StatusLogonFailure},
		{"odd name", put(ntlmUser, 7), smb.StatusInvalidParameter},
		{"field beyond the end", put(ntlmDomain+4, 0xE0), smb.StatusInvalidParameter},
		{"field that wraps", put(ntlmDomain+4, 0xFF, 0xFF, 0xFF, 0xFF), smb.StatusInvalidParameter},
		{"field in the header", put(ntlmDomain+4, 8), smb.StatusInvalidParameter},
		{"short session key", put(ntlmSessionKey, 15), smb.StatusInvalidParameter},
		{"no Unicode", put(ntlmFlags, 0x34), smb.StatusInvalidParameter},
		{"no extended session security", put(ntlmFlags+2, 0x80), smb.StatusInvalidParameter},
		{"no 128-bit keys", put(ntlmFlags+3, 0xC2), smb.StatusInvalidParameter},
		{"another message", put(8, 1), smb.StatusInvalidParameter},
		{"long name", func(b []byte) []byte {
			b = append(b, make([]byte, 600)...)
			return put(ntlmUser, 0x58, 2, 0x58, 2, 0xE8, 0, 0, 0)(b)
		}, smb.StatusInvalidParameter},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, status := run(t, "Password", allFlags, tt.change)
			if status != tt.status || l.sessionKey() != nil {
				t.Errorf("%v, want %v; key: %v", status, tt.status, l.sessionKey() != nil)
			}
		})
	}

	// A client that can neither sign nor seal exchanges no key.
	l, status = run(t, "Password", allFlags&^0x30, same)
	if want := unhex(t, "8de40ccadbc14a82f15cb0ad0de95ca3"); status != smb.StatusSuccess || !bytes.Equal(l.sessionKey(), want) {
		t.Errorf("%v, session key %x, want the SessionBaseKey %x", status, l.sessionKey(), want)
	}
	// A response that is right and says there is a MIC, where there is none.
	l, status = run(t, "Password", allFlags, prove(func(b []byte) []byte {
		clear(b[0xB0:0xD8])
		return put(0xB0, 6, 0, 4, 0, 2)(b)
	}))
	if status != smb.StatusLogonFailure || !l.ntlm.micPresent {
		t.Errorf("a MIC that is not there: %v", status)
	}

	for name, flags := range map[string]uint32{
		"no Unicode": allFlags &^ 1, "no extended session security": allFlags &^ 0x80000, "no 128-bit keys": allFlags &^ 0x20000000,
	} {
		if _, done, status := newTestLogon().next(offer(flags)); !done || status != smb.StatusLogonFailure {
			t.Errorf("an offer with %s: %v", name, status)
		}
	}
}

// TestLogonWithoutMIC has a client that knows neither MIC nor mechListMIC log on
// with SPNEGO. That is well only if nobody can have changed its list.
func TestLogonWithoutMIC(t *testing.T) {
	kerberos := asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2}
	negotiate := append([]byte("NTLMSSP\x00\x01\x00\x00\x00"), unhex(t, "33828ae2")...)
	for _, tt := range []struct {
		name   string
		mechs  []asn1.ObjectIdentifier
		status smb.NTStatus
	}{
		{"first", []asn1.ObjectIdentifier{asn1.ObjectIdentifier(ntlm.MechanismType), kerberos}, smb.StatusSuccess},
		{"second", []asn1.ObjectIdentifier{kerberos, asn1.ObjectIdentifier(ntlm.MechanismType)}, smb.StatusLogonFailure},
	} {
		t.Run(tt.name, func(t *testing.T) {
			init, err := (&spnego.NegTokenInit{MechTypes: tt.mechs}).Marshal(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			l := newLogon("Server", func(string, string) ([16]byte, bool) { return ntHash("Password"), true }, time.Now())
			copy(l.ntlm.challenge[:], unhex(t, specChallenge))
			for _, token := range [][]byte{init, negTokenResp(acceptIncomplete, nil, negotiate, nil)} {
				if _, _, status := l.next(token); status != smb.StatusMoreProcessingRequired {
					t.Fatal(status)
				}
			}
			reply, _, status := l.next(negTokenResp(acceptIncomplete, nil, unhex(t, specAuthenticate), nil))
			if status != tt.status || (status == smb.StatusSuccess) != bytes.Equal(reply, unhex(t, "a1073005a0030a0100")) {
				t.Errorf("%v, %x", status, reply)
			}
		})
	}
}

// TestLogonNoDomain: [MS-NLMP] 3.2.5.1.2 wants clients served that name a
// domain and compute their response without it.
func TestLogonNoDomain(t *testing.T) {
	l := newTestLogon()
	_, token := clientTokens(t, l) // of a client without a domain
	var resp spnego.NegTokenResp
	if err := resp.Unmarshal(context.Background(), token); err != nil {
		t.Fatal(err)
	}
	nt, ok := ntlmField(resp.ResponseToken, ntlmNTResponse)
	if !ok {
		t.Fatal("no response")
	}
	l.ntlm.user, l.ntlm.domain = logonUser, "NAMED"
	if _, status := l.ntlm.checkResponse(nt, ntlmBytes("NAMED")); status != smb.StatusSuccess {
		t.Error(status)
	}
}

// clientTokens are what a client with the right password says to l, which is
// not asked about the last one.
func clientTokens(t testing.TB, l *logon) (init, resp []byte) {
	t.Helper()
	m := smb.NTLM{User: logonUser, Password: logonPassword}.Mechanism()
	init, err := m.Next(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	reply, _, status := l.next(init)
	if status != smb.StatusMoreProcessingRequired {
		t.Fatal(status)
	}
	if resp, err = m.Next(context.Background(), reply); err != nil {
		t.Fatal(err)
	}
	return init, resp
}

// again is a copy of a log-on that is under way.
func (l *logon) again() *logon {
	other := *l
	other.ntlm.sent = bytes.Clone(l.ntlm.sent)
	return &other
}

// TestLogonAltered changes every byte of what is protected in the client's
// last token, and cuts it at every length.
func TestLogonAltered(t *testing.T) {
	l := newTestLogon()
	_, resp := clientTokens(t, l)
	if _, _, status := l.again().next(resp); status != smb.StatusSuccess {
		t.Fatalf("unchanged: %v", status)
	}
	var tok spnego.NegTokenResp
	if err := tok.Unmarshal(context.Background(), resp); err != nil {
		t.Fatal(err)
	}
	authenticate := bytes.Index(resp, tok.ResponseToken)
	mic := bytes.LastIndex(resp, tok.MechListMIC)
	if len(tok.ResponseToken) < 200 || len(tok.MechListMIC) != 16 || authenticate < 0 || mic < 0 {
		t.Fatalf("the client's token is not what this test expects: %x", resp)
	}
	altered := func(what string, from, size int) {
		for i := from; i < from+size; i++ {
			b := bytes.Clone(resp)
			b[i] ^= 0x10
			if _, done, status := l.again().next(b); !done || status != smb.StatusLogonFailure && status != smb.StatusInvalidParameter {
				t.Errorf("%s changed at byte %d: %v", what, i-from, status)
			}
		}
	}
	altered("AUTHENTICATE_MESSAGE", authenticate, len(tok.ResponseToken))
	altered("mechListMIC", mic, 16)

	b := bytes.Clone(resp)
	b[authenticate+ntlmMIC] ^= 1
	if _, _, status := l.again().next(b); status != smb.StatusLogonFailure {
		t.Errorf("changed MIC: %v", status)
	}
	if _, _, status := l.again().next(negTokenResp(acceptIncomplete, nil, tok.ResponseToken, nil)); status != smb.StatusLogonFailure {
		t.Errorf("mechListMIC left out: %v", status)
	}
	if _, _, status := l.again().next(tok.ResponseToken); status != smb.StatusInvalidParameter {
		t.Errorf("NTLMSSP without the SPNEGO it began with: %v", status)
	}
	for n := range resp {
		if _, done, status := l.again().next(resp[:n:n]); !done || status != smb.StatusInvalidParameter {
			t.Errorf("the first %d of %d bytes: %v", n, len(resp), status)
		}
	}
	for n := range tok.ResponseToken {
		_, done, status := l.again().next(negTokenResp(acceptIncomplete, nil, tok.ResponseToken[:n:n], tok.MechListMIC))
		if !done || status == smb.StatusSuccess {
			t.Errorf("the first %d of %d bytes of the AUTHENTICATE_MESSAGE: %v", n, len(tok.ResponseToken), status)
		}
	}
}

// TestLogonAlteredOffer changes the client's first token: that comes out when
// the last one is checked.
func TestLogonAlteredOffer(t *testing.T) {
	init, _ := clientTokens(t, newTestLogon())
	negotiate := bytes.Index(init, ntlm.NTLMSignature)
	if negotiate < 0 {
		t.Fatalf("%x", init)
	}
	for i := range init {
		m, l := smb.NTLM{User: logonUser, Password: logonPassword}.Mechanism(), newTestLogon()
		own, err := m.Next(context.Background(), nil)
		if err != nil || !bytes.Equal(own, init) {
			t.Fatalf("%x, %v", own, err)
		}
		own[i] ^= 0x20
		reply, done, status := l.next(own)
		if done {
			if status == smb.StatusSuccess || reply != nil {
				t.Errorf("byte %d changed: %v", i, status)
			}
			continue
		}
		// The client may notice.
		if resp, err := m.Next(context.Background(), reply); err == nil {
			if _, _, status := l.next(resp); status == smb.StatusSuccess {
				t.Errorf("byte %d changed and nobody noticed", i)
			}
		}
	}
	for n := range init {
		if _, done, status := newTestLogon().next(init[:n:n]); !done || status != smb.StatusInvalidParameter {
			t.Errorf("the first %d of %d bytes: %v", n, len(init), status)
		}
	}
	raw := init[negotiate:]
	for n := range raw {
		if _, done, status := newTestLogon().next(raw[:n:n]); done != (n < 16) || done && status != smb.StatusInvalidParameter {
			t.Errorf("the first %d of %d bytes of the NEGOTIATE_MESSAGE: %v", n, len(raw), status)
		}
	}
}

// TestLogonMechanisms: NTLM must be offered; when it is not the client's first
// choice, the client must go on with it and prove that it said so.
func TestLogonMechanisms(t *testing.T) {
	kerberos := asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2}
	ntlmssp := asn1.ObjectIdentifier(ntlm.MechanismType)
	offer := func(token string, mechs ...asn1.ObjectIdentifier) []byte {
		b, err := (&spnego.NegTokenInit{MechTypes: mechs, MechToken: []byte(token)}).Marshal(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if _, done, status := newTestLogon().next(offer("ticket", kerberos)); !done || status != smb.StatusLogonFailure {
		t.Errorf("Kerberos only: %v", status)
	}
	if _, done, status := newTestLogon().next(offer("")); !done || status != smb.StatusLogonFailure {
		t.Errorf("no mechanism: %v", status)
	}

	for _, tt := range []struct {
		name  string
		init  []byte
		state negState
	}{
		{"second", offer("ticket", kerberos, ntlmssp), requestMIC},
		{"no token", offer("", ntlmssp, kerberos), acceptIncomplete},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newTestLogon()
			reply, done, status := l.next(tt.init)
			// [RFC 4178] 4.2.2: [1] { SEQUENCE { [0] negState, [1] supportedMech } }
			want := append(unhex(t, "a1153013a0030a01"), byte(tt.state))
			want = append(want, unhex(t, "a10c060a2b06010401823702020a")...)
			if done || status != smb.StatusMoreProcessingRequired || !bytes.Equal(reply, want) {
				t.Fatalf("%x, %v; want %x", reply, status, want)
			}
			// NTLM's own tokens, from a client that offered NTLM alone: its
			// mechListMIC is over another list.
			m := smb.NTLM{User: logonUser, Password: logonPassword}.Mechanism()
			token, err := m.Next(context.Background(), nil)
			if err != nil {
				t.Fatal(err)
			}
			var init spnego.NegTokenInit
			if err := init.Unmarshal(context.Background(), token); err != nil {
				t.Fatal(err)
			}
			challenge, _, status := l.next(negTokenResp(acceptIncomplete, nil, init.MechToken, nil))
			if status != smb.StatusMoreProcessingRequired {
				t.Fatal(status)
			}
			token, err = m.Next(context.Background(), challenge)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, status := l.again().next(token); status != smb.StatusLogonFailure {
				t.Errorf("mechListMIC over another list: %v", status)
			}
			var resp spnego.NegTokenResp
			if err := resp.Unmarshal(context.Background(), token); err != nil {
				t.Fatal(err)
			}
			if _, _, status := l.again().next(negTokenResp(acceptIncomplete, nil, resp.ResponseToken, nil)); status != smb.StatusLogonFailure {
				t.Errorf("no mechListMIC: %v", status)
			}
			signer := ntlmAcceptor{key: m.SessionKey(), flags: l.ntlm.flags}
			mic := signer.signature(clientToServer, l.mechList)
			if _, _, status := l.next(negTokenResp(acceptIncomplete, nil, resp.ResponseToken, mic)); status != smb.StatusSuccess {
				t.Errorf("the right mechListMIC: %v", status)
			}
		})
	}
}
