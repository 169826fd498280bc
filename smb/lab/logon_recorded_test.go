package lab

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oiweiwei/go-msrpc/ssp/ntlm"
	"github.com/oiweiwei/go-msrpc/ssp/spnego"

	"err32/smb"
)

// recordedLogon is a log-on that was recorded between the client of package
// smb and a smbd, with the session key it came to.
type recordedLogon struct {
	hint                       []byte
	init, challenge, resp, end []byte // SPNEGO tokens
	key                        []byte
}

func loadRecordedLogon(t testing.TB, path string) recordedLogon {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r recordedLogon
	var setups [][]byte
	for _, block := range recordedBlocks(t, string(text)) {
		if block.mark == "key" {
			r.key = block.data
		}
		if len(setups) == 4 || block.mark != ">" && block.mark != "<" {
			continue
		}
		parse := smb.ParseRequest
		if block.mark == "<" {
			parse = smb.ParseResponse
		}
		_, m, err := parse(block.data)
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *smb.NegotiateResponse:
			r.hint = m.SecurityBuffer
		case *smb.SessionSetupRequest:
			setups = append(setups, m.SecurityBuffer)
		case *smb.SessionSetupResponse:
			setups = append(setups, m.SecurityBuffer)
		}
	}
	if len(setups) != 4 {
		t.Fatalf("%s holds %d log-on tokens", path, len(setups))
	}
	r.init, r.challenge, r.resp, r.end = setups[0], setups[1], setups[2], setups[3]
	return r
}

type recordedBlock struct {
	mark string
	data []byte
}

// recordedBlocks takes a recording apart: hex lines, each block of them under
// its mark.
func recordedBlocks(t testing.TB, text string) (blocks []recordedBlock) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
		case line == ">" || line == "<" || line == "token" || line == "key":
			blocks = append(blocks, recordedBlock{mark: line})
		default:
			last := &blocks[len(blocks)-1]
			last.data = append(last.data, unhex(t, line)...)
		}
	}
	return blocks
}

func recordedLogons(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"session-*.txt", "peer-*.txt"} {
		paths, err := filepath.Glob(filepath.Join("..", "..", "testdata", "wire", pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no recordings %s: %v", pattern, err)
		}
		all = append(all, paths...)
	}
	return all
}

// TestLogonRecorded checks MIC and mechListMIC against what smbd accepted and
// said itself; and that smbclient's and smbtorture's tokens are read as far as
// that is possible without their password.
func TestLogonRecorded(t *testing.T) {
	withKey := 0
	for _, path := range recordedLogons(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			r := loadRecordedLogon(t, path)
			if !bytes.Equal(r.hint, negotiateHint()) {
				t.Errorf("negotiateHint %x, smbd's %x", negotiateHint(), r.hint)
			}
			var init spnego.NegTokenInit
			var challenge, resp, end spnego.NegTokenResp
			for _, d := range []struct {
				token []byte
				into  interface {
					Unmarshal(context.Context, []byte) error
				}
			}{{r.init, &init}, {r.challenge, &challenge}, {r.resp, &resp}, {r.end, &end}} {
				if err := decodeToken(d.into, d.token); err != nil {
					t.Fatal(err)
				}
			}
			l := newTestLogon()
			if _, _, status := l.next(r.init); status != smb.StatusMoreProcessingRequired {
				t.Fatal(status)
			}
			l.ntlm.sent = bytes.Join([][]byte{init.MechToken, challenge.ResponseToken}, nil)
			if _, _, status := l.next(r.resp); status != smb.StatusLogonFailure {
				t.Fatalf("without the password: %v", status)
			}
			if _, user := l.user(); user == "" || !l.ntlm.micPresent {
				t.Errorf("user %q, MIC: %v", user, l.ntlm.micPresent)
			}
			if r.key == nil || len(end.MechListMIC) == 0 {
				return
			}
			withKey++
			l.ntlm.key = r.key
			a := bytes.Clone(resp.ResponseToken)
			clear(a[ntlmMIC:ntlmMICEnd])
			if mic := hmacMD5(r.key, l.ntlm.sent, a); !bytes.Equal(mic, resp.ResponseToken[ntlmMIC:ntlmMICEnd]) {
				t.Errorf("MIC %x, smbd accepted %x", mic, resp.ResponseToken[ntlmMIC:ntlmMICEnd])
			}
			if mic := l.ntlm.signature(clientToServer, l.mechList); !bytes.Equal(mic, resp.MechListMIC) {
				t.Errorf("the client's mechListMIC %x, smbd accepted %x", mic, resp.MechListMIC)
			}
			if mic := l.ntlm.signature(serverToClient, l.mechList); !bytes.Equal(mic, end.MechListMIC) {
				t.Errorf("mechListMIC %x, smbd's %x", mic, end.MechListMIC)
			}
			if got := negTokenResp(acceptCompleted, nil, nil, end.MechListMIC); !bytes.Equal(got, r.end) {
				t.Errorf("the last token %x, smbd's %x", got, r.end)
			}
			if got := negTokenResp(acceptIncomplete, ntlmOID, challenge.ResponseToken, nil); !bytes.Equal(got, r.challenge) {
				t.Errorf("the second token %x, smbd's %x", got, r.challenge)
			}
		})
	}
	if withKey < 5 {
		t.Errorf("only %d recordings with a key and a mechListMIC", withKey)
	}
}

// FuzzLogon gives the server any two tokens, and the client's real ones with
// another one in place of either.
func FuzzLogon(f *testing.F) {
	l := newTestLogon()
	init, resp := clientTokens(f, l)
	proof := logonProof(f, resp)
	f.Add(init, resp)
	f.Add(init[bytes.Index(init, ntlm.NTLMSignature):], unhex(f, specAuthenticate))
	f.Add(negotiateHint(), []byte{})
	for _, path := range recordedLogons(f) {
		r := loadRecordedLogon(f, path)
		f.Add(r.init, r.resp)
		f.Add(r.challenge, r.end)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		// Its challenge is random: nobody can know an answer.
		fresh := newTestLogon()
		for _, token := range [][]byte{first, second, second} {
			if _, done, status := fresh.next(token); status == smb.StatusSuccess && !fresh.anonymous() {
				t.Errorf("a log-on without the challenge: %x %x", first, second)
			} else if done {
				break
			}
		}
		begun := l.again()
		begun.next(second)
		if begun.granted && !begun.anonymous() && !bytes.Contains(second, proof) {
			t.Errorf("a log-on without a proof: %x", second)
		}
	})
}

// logonProof is the NTProofStr within a client's last token.
func logonProof(t testing.TB, resp []byte) []byte {
	t.Helper()
	var tok spnego.NegTokenResp
	if err := tok.Unmarshal(context.Background(), resp); err != nil {
		t.Fatal(err)
	}
	nt, ok := ntlmField(tok.ResponseToken, ntlmNTResponse)
	if !ok || len(nt) < 16 {
		t.Fatal("no response")
	}
	return nt[:16]
}
