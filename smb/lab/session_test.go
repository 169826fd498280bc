package lab

import (
	"context"
	"testing"

	"err32/smb"
)

// logOnAgain logs a user on to the session there is, and returns the last
// answer.
func (c *rawClient) logOnAgain(user, password string) response {
	c.t.Helper()
	mechanism := smb.NTLM{User: user, Password: password}.Mechanism()
	var token []byte
	for {
		next, err := mechanism.Next(context.Background(), token)
		if err != nil {
			c.t.Fatal(err)
		}
		r := c.call(&smb.SessionSetupRequest{SecurityMode: smb.SigningEnabled, SecurityBuffer: next})
		if r.header.Status != smb.StatusMoreProcessingRequired {
			return r
		}
		token = r.body.(*smb.SessionSetupResponse).SecurityBuffer
	}
}

// Another user may take over a session: the keys and opens stay, and what is
// opened from then on is that user's. smbtorture's smb2.session.reauth2 and
// reauth3 have it so.
func TestAnotherUserLogsOn(t *testing.T) {
	for _, dialect := range []smb.Dialect{smb.SMB210, smb.SMB302, smb.SMB311} {
		t.Run(dialect.String(), func(t *testing.T) {
			s := testServer()
			s.Users = append(s.Users, User{Name: "bob", Password: "pass word 2", Groups: []string{"staff"}})
			s.Shares = []Share{{Name: "share", Groups: []string{"others"}}}
			t.Cleanup(func() { closeServer(t, s) })
			c := pipeRaw(t, s).ready(dialect)
			id := c.open("a")
			for _, other := range []struct {
				user, password string
				flags          smb.SessionFlags
			}{{"bob", "pass word 2", 0}, {"", "", smb.SessionAnonymous}} {
				r := c.logOnAgain(other.user, other.password)
				setup, ok := r.body.(*smb.SessionSetupResponse)
				if !ok || r.header.Status != smb.StatusSuccess || setup.Flags != other.flags || r.header.SessionID != c.session {
					t.Fatalf("%q: %v, %+v", other.user, r.header.Status, r.body)
				}
				if r.header.Flags&smb.FlagSigned == 0 {
					t.Errorf("%q: the answer is not signed", other.user)
				}
				c.want(smb.StatusSuccess, &smb.WriteRequest{FileID: id, Data: []byte(other.user + "x")})
				c.want(smb.StatusAccessDenied, openRequest("a"))
				c.want(smb.StatusAccessDenied, openRequest("new"))
				c.want(smb.StatusAccessDenied, &smb.TreeConnectRequest{Path: `\\lab\share`})
			}
			if r := c.logOnAgain(testUser, testPassword); r.header.Status != smb.StatusSuccess {
				t.Fatal(r.header.Status)
			}
			c.open("a")
			// One who cannot prove it ends the session.
			if r := c.logOnAgain("bob", "wrong"); r.header.Status != smb.StatusLogonFailure {
				t.Errorf("a wrong password: %v", r.header.Status)
			}
			c.want(smb.StatusUserSessionDeleted, &smb.ReadRequest{FileID: id, Length: 1})
		})
	}
}

// Without multichannel no session is bound to a second connection. The answers
// are those of smbd with "server multi channel support = no", and signed with
// the session's key.
func TestBindSession(t *testing.T) {
	for _, test := range []struct {
		name          string
		first, second smb.Dialect
		plain         bool // no SMB2_SESSION_FLAG_BINDING
		change        func(c *rawClient)
		want          smb.NTStatus
		unsigned      bool
	}{
		{name: "2.0.2", first: smb.SMB202, second: smb.SMB202, want: smb.StatusRequestNotAccepted},
		{name: "2.1", first: smb.SMB210, second: smb.SMB210, want: smb.StatusRequestNotAccepted},
		{name: "2.1 and 3.0", first: smb.SMB210, second: smb.SMB300, want: smb.StatusRequestNotAccepted},
		{name: "3.0 and 2.1", first: smb.SMB300, second: smb.SMB210, want: smb.StatusRequestNotAccepted},
		{name: "3.0 and 3.0.2", first: smb.SMB300, second: smb.SMB302, want: smb.StatusRequestNotAccepted},
		{name: "3.1.1", first: smb.SMB311, second: smb.SMB311, want: smb.StatusRequestNotAccepted},
		{name: "from AES-GMAC to AES-CMAC", first: smb.SMB311, second: smb.SMB302, want: smb.StatusRequestOutOfSequence},
		{name: "from AES-GMAC to HMAC-SHA256", first: smb.SMB311, second: smb.SMB210, want: smb.StatusRequestOutOfSequence},
		{name: "from AES-CMAC to AES-GMAC", first: smb.SMB302, second: smb.SMB311, want: smb.StatusNotSupported},
		{name: "without the flag", first: smb.SMB302, second: smb.SMB302, plain: true, want: smb.StatusUserSessionDeleted},
		{
			name: "an unknown session", first: smb.SMB302, second: smb.SMB302, change: func(c *rawClient) { c.session ^= 1 },
			want: smb.StatusUserSessionDeleted, unsigned: true,
		},
		{
			name: "another key", first: smb.SMB302, second: smb.SMB302,
			change: func(c *rawClient) { c.signer, _ = smb.NewSigner(smb.SigningAESCMAC, random(16)) },
			want:   smb.StatusAccessDenied, unsigned: true,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := testServer()
			t.Cleanup(func() { closeServer(t, s) })
			a := pipeRaw(t, s).ready(test.first)
			id := a.open("a")
			b := pipeRaw(t, s)
			b.negotiate(test.second)
			b.session, b.signer = a.session, a.signer
			if test.change != nil {
				test.change(b)
			}
			token, err := smb.NTLM{User: testUser, Password: testPassword}.Mechanism().Next(context.Background(), nil)
			if err != nil {
				t.Fatal(err)
			}
			m := &smb.SessionSetupRequest{SecurityMode: smb.SigningEnabled, SecurityBuffer: token, Flags: smb.SessionBinding}
			if test.plain {
				m.Flags = 0
			}
			for range 2 {
				r := b.want(test.want, m)
				if signed := r.header.Flags&smb.FlagSigned != 0; signed == test.unsigned {
					t.Errorf("signed: %t", signed)
				}
			}
			a.want(smb.StatusSuccess, &smb.WriteRequest{FileID: id, Data: []byte("x")})
		})
	}
}
