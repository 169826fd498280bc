package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	smb2 "github.com/hirochachacha/go-smb2"

	"err32/smb"
	"err32/smb/smbdtest"
)

// logonServer does just enough of a server for a client to log on, to prove
// its key by signing a TREE_CONNECT, and to see the answer's signature: that
// there is no such share.
type logonServer struct {
	listener net.Listener
	tasks    sync.WaitGroup

	mu      sync.Mutex
	results []string // of each connection
}

func startLogonServer(t *testing.T) *logonServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &logonServer{listener: l}
	s.tasks.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			s.tasks.Go(func() {
				defer nc.Close()
				nc.SetDeadline(time.Now().Add(20 * time.Second))
				result := new(logonConn).serve(nc)
				s.mu.Lock()
				defer s.mu.Unlock()
				s.results = append(s.results, result)
			})
		}
	})
	return s
}

// stop returns how the connections ended.
func (s *logonServer) stop() []string {
	s.listener.Close()
	s.tasks.Wait()
	return s.results
}

type logonConn struct {
	preauth smb.PreauthHash
	logon   *logon
	signer  *smb.Signer
	result  []string
}

func (c *logonConn) serve(nc net.Conn) string {
	for {
		msg, err := smb.ReadFrame(nc, 1<<16)
		if err != nil {
			break
		}
		answer, err := c.answer(msg)
		if err != nil {
			c.result = append(c.result, err.Error())
			break
		}
		if _, err := nc.Write(answer); err != nil {
			break
		}
	}
	return strings.Join(c.result, ", ")
}

func (c *logonConn) answer(msg []byte) ([]byte, error) {
	h, m, err := smb.ParseRequest(msg)
	if err != nil {
		return nil, err
	}
	h.Flags, h.Credits, h.SessionID = smb.FlagResponse, 10, 1
	var body smb.Message
	switch m := m.(type) {
	case *smb.NegotiateRequest:
		c.preauth.Add(msg)
		h.SessionID = 0
		body = &smb.NegotiateResponse{
			SecurityMode: smb.SigningEnabled | smb.SigningRequired, Dialect: smb.SMB311,
			MaxTransactSize: 1 << 16, MaxReadSize: 1 << 16, MaxWriteSize: 1 << 16,
			SecurityBuffer: negotiateHint(), Contexts: []smb.NegotiateContext{smb.PreauthContext(make([]byte, 32))},
		}
	case *smb.SessionSetupRequest:
		if c.logon == nil {
			c.logon = newLogon("LAB", findLogonUser, time.Now())
		}
		c.preauth.Add(msg)
		reply, _, status := c.logon.next(m.SecurityBuffer)
		h.Status = status
		if body = (&smb.SessionSetupResponse{SecurityBuffer: reply}); status == smb.StatusSuccess || status == smb.StatusMoreProcessingRequired {
			break
		}
		body = &smb.ErrorResponse{To: h.Command}
	case *smb.TreeConnectRequest:
		if h.Status = smb.StatusBadNetworkName; c.signer != nil && !c.signer.Verify(msg) {
			return nil, errors.New("TREE_CONNECT: wrong signature")
		}
		c.result = append(c.result, "TREE_CONNECT")
		body = &smb.ErrorResponse{To: h.Command}
	case *smb.LogoffRequest:
		body = &smb.LogoffResponse{}
	default:
		return nil, fmt.Errorf("%v", h.Command)
	}
	if h.Command == smb.CommandSessionSetup && h.Status != smb.StatusMoreProcessingRequired {
		c.result = append(c.result, c.outcome(h.Status))
		if key := c.logon.sessionKey(); key != nil {
			if c.signer, err = smb.NewSigner(smb.SigningAESCMAC, smb.DeriveSessionKeys(smb.SMB311, 0, key, c.preauth[:]).Signing); err != nil {
				return nil, err
			}
		}
	}
	if c.signer != nil {
		h.Flags |= smb.FlagSigned
	}
	framed := smb.Append(smb.AppendFrameHeader(nil), h, body)
	if c.signer != nil {
		c.signer.Sign(framed[4:])
	}
	c.preauth.Add(framed[4:])
	return framed, smb.FinishFrame(framed, 0)
}

func (c *logonConn) outcome(status smb.NTStatus) string {
	domain, user := c.logon.user()
	switch {
	case status != smb.StatusSuccess:
		return status.String()
	case c.logon.anonymous():
		return "anonymous"
	}
	mic := "no MIC"
	if c.logon.ntlm.micPresent {
		mic = "MIC"
	}
	return fmt.Sprintf("%s\\%s %s", domain, user, mic)
}

// TestLogonStock logs on go-smb2, whose NTLM is its own.
func TestLogonStock(t *testing.T) {
	for _, tt := range []struct{ password, want string }{
		{logonPassword, `Dom\ünal MIC, TREE_CONNECT`},
		{"wrong", "STATUS_LOGON_FAILURE"},
	} {
		s := startLogonServer(t)
		nc, err := net.Dial("tcp", s.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		d := &smb2.Dialer{
			Negotiator: smb2.Negotiator{RequireMessageSigning: true},
			Initiator:  &smb2.NTLMInitiator{User: "ünal", Domain: "Dom", Password: tt.password},
		}
		session, err := d.DialContext(context.Background(), nc)
		if tt.password == logonPassword {
			if err != nil {
				t.Fatal(err)
			}
			if _, err = session.Mount(`\\127.0.0.1\nowhere`); err == nil || !strings.Contains(err.Error(), "share name cannot be found") {
				t.Errorf("mount: %v", err)
			}
			if err := session.Logoff(); err != nil {
				t.Error(err)
			}
		} else if err == nil {
			t.Error("logged on with a wrong password")
		}
		nc.Close()
		if got := s.stop(); len(got) != 1 || got[0] != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// TestLogonSmbclient has Samba's client log on, which checks the server's
// mechListMIC and the signature of its last SESSION_SETUP response.
func TestLogonSmbclient(t *testing.T) {
	smbdtest.Require(t)
	if _, err := exec.LookPath("smbclient"); err != nil {
		if os.Getenv("ERR32_REQUIRE_SAMBA") == "1" {
			t.Fatal(err)
		}
		t.Skipf("smbd is installed without smbclient: %v", err)
	}
	hash := ntHash(logonPassword)
	for _, tt := range []struct {
		name, answer, want string
		args               []string
	}{
		{"password", "NT_STATUS_BAD_NETWORK_NAME", `WG\Ünal MIC, TREE_CONNECT`, []string{"-W", "WG", "-U", logonUser + "%" + logonPassword}},
		{"case and domain", "NT_STATUS_BAD_NETWORK_NAME", `OTHER\üNAL MIC, TREE_CONNECT`, []string{"-U", `OTHER\üNAL%` + logonPassword}},
		{"hash", "NT_STATUS_BAD_NETWORK_NAME", `WG\Ünal MIC, TREE_CONNECT`, []string{"-W", "WG", "--pw-nt-hash", "-U", fmt.Sprintf("%s%%%x", logonUser, hash)}},
		{"no signing asked for", "NT_STATUS_BAD_NETWORK_NAME", `WG\Ünal MIC, TREE_CONNECT`, []string{"--client-protection=off", "-W", "WG", "-U", logonUser + "%" + logonPassword}},
		{"NTLMv1", "NT_STATUS_LOGON_FAILURE", "STATUS_LOGON_FAILURE", []string{"--option=client ntlmv2 auth = no", "-U", logonUser + "%" + logonPassword}},
		{"wrong password", "NT_STATUS_LOGON_FAILURE", "STATUS_LOGON_FAILURE", []string{"-U", logonUser + "%x"}},
		{"unknown user", "NT_STATUS_LOGON_FAILURE", "STATUS_LOGON_FAILURE", []string{"-U", "other%" + logonPassword}},
		{"anonymous", "", "anonymous", []string{"-N", "-U", "%"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := startLogonServer(t)
			_, port, _ := net.SplitHostPort(s.listener.Addr().String())
			cmd := exec.Command("smbclient", append([]string{"-s", os.DevNull, "-p", port, "//127.0.0.1/nowhere"}, tt.args...)...)
			cmd.Dir = t.TempDir()
			cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "KRB5CCNAME=FILE:"+cmd.Dir+"/none")
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), tt.answer) {
				t.Errorf("%v\n%s", err, out)
			}
			got := s.stop()
			if len(got) == 0 || !strings.HasPrefix(got[len(got)-1], tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
