package smb

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
)

// TestNegotiateRefusals: what a server may not choose, [MS-SMB2] 3.2.5.2. The
// socket is closed and the error says why.
func TestNegotiateRefusals(t *testing.T) {
	choice := func(typ uint16, ids ...uint16) NegotiateContext {
		if typ == NegotiatePreauthIntegrity {
			b := le.AppendUint16(nil, uint16(len(ids)))
			b = le.AppendUint16(b, 2)
			for _, id := range ids {
				b = le.AppendUint16(b, id)
			}
			return NegotiateContext{typ, append(b, 1, 2)}
		}
		return ListContext(typ, ids)
	}
	contexts := func(c ...NegotiateContext) func(*NegotiateResponse) {
		return func(m *NegotiateResponse) { m.Contexts = c }
	}
	preauth := choice(NegotiatePreauthIntegrity, hashSHA512)
	for _, c := range []struct {
		name   string
		cfg    Config
		change func(*NegotiateResponse)
		text   string
	}{
		{"a dialect that was not offered", Config{MaxDialect: SMB302}, nil, "chose dialect 3.1.1, which was not offered"},
		{"an older dialect than allowed", Config{MinDialect: SMB300}, func(m *NegotiateResponse) { m.Dialect = SMB202 }, "chose dialect 2.0.2, which was not offered"},
		{"the wildcard dialect", Config{}, func(m *NegotiateResponse) { m.Dialect = 0x02FF }, "chose dialect 0x02FF, which was not offered"},
		{"a small MaxTransactSize", Config{}, func(m *NegotiateResponse) { m.MaxTransactSize = 65535 }, "takes 65535 bytes at a time; 65536 are the least"},
		{"a small MaxReadSize", Config{}, func(m *NegotiateResponse) { m.MaxReadSize = 0 }, "takes 0 bytes at a time"},
		{"a small MaxWriteSize", Config{}, func(m *NegotiateResponse) { m.MaxWriteSize = 4096 }, "takes 4096 bytes at a time"},
		{"no contexts", Config{}, contexts(), "3.1.1 without a preauth integrity hash"},
		{"no preauth context", Config{}, contexts(choice(NegotiateEncryption, 2)), "3.1.1 without a preauth integrity hash"},
		{"two preauth contexts", Config{}, contexts(preauth, preauth), "sent negotiate context 1 twice"},
		{"an unknown hash", Config{}, contexts(choice(NegotiatePreauthIntegrity, 2)), "unknown preauth integrity hash 0x0002"},
		{"two hashes", Config{}, contexts(choice(NegotiatePreauthIntegrity, 1, 1)), "chose 2 algorithms in negotiate context 1"},
		{"two ciphers", Config{}, contexts(preauth, choice(NegotiateEncryption, 1, 2)), "chose 2 algorithms in negotiate context 2"},
		{"no cipher in the context", Config{}, contexts(preauth, choice(NegotiateEncryption)), "chose 0 algorithms in negotiate context 2"},
		{"two encryption contexts", Config{}, contexts(preauth, choice(NegotiateEncryption, 1), choice(NegotiateEncryption, 2)), "sent negotiate context 2 twice"},
		{"a cipher that was not offered", Config{Ciphers: []Cipher{CipherAES256GCM}}, contexts(preauth, choice(NegotiateEncryption, 2)), "chose the cipher AES-128-GCM, which was not offered"},
		{"a cipher when none was offered", Config{Encryption: Off}, contexts(preauth, choice(NegotiateEncryption, 2)), "chose the cipher AES-128-GCM, which was not offered"},
		{"a signing algorithm that was not offered", Config{SigningAlgorithms: []SigningAlgorithm{SigningAESGMAC}}, contexts(preauth, choice(NegotiateSigning, 1)), "chose the signing algorithm AES-CMAC, which was not offered"},
		{"two signing contexts", Config{}, contexts(preauth, choice(NegotiateSigning, 1), choice(NegotiateSigning, 1)), "sent negotiate context 8 twice"},
		{"a context cut short", Config{}, contexts(preauth, NegotiateContext{NegotiateEncryption, []byte{1, 0, 2}}), "NEGOTIATE context: Ids at offset 2 (2 bytes) is outside the 3-byte message"},
		{"no cipher where one is required", Config{Encryption: Required}, contexts(preauth), "encryption is required, but the server offers none in dialect 3.1.1"},
		{"no common cipher where one is required", Config{Encryption: Required}, contexts(preauth, choice(NegotiateEncryption, 0)), "encryption is required, but the server offers none"},
		{"an old dialect where encryption is required", Config{Encryption: Required}, func(m *NegotiateResponse) { m.Dialect = SMB210 }, "encryption is required, but the server offers none in dialect 2.1"},
		{"3.0 without encryption where it is required", Config{Encryption: Required}, func(m *NegotiateResponse) { m.Dialect = SMB300 }, "encryption is required, but the server offers none in dialect 3.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, client := newFakeServer(t, SMB311)
			if c.change != nil {
				c.change(&f.negotiate)
			}
			dial := dialFake(client, &c.cfg)
			f.greet()
			_, err := dial.wait()
			if err == nil || !strings.HasPrefix(err.Error(), "smb: negotiate server: ") || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v, want %q", err, c.text)
			}
			if _, err := f.nc.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("the socket is still open: %v", err)
			}
		})
	}
}

func dialFake(client net.Conn, cfg *Config) *asyncResult[*Conn] {
	return async(func() (*Conn, error) { return NewConn(context.Background(), client, "server", cfg) })
}

// TestNegotiateStatus: a refusal keeps its NTSTATUS.
func TestNegotiateStatus(t *testing.T) {
	for status, text := range map[NTStatus]string{
		StatusNotSupported: "the server speaks none of the dialects 2.1 to 3.0: smb: negotiate server: STATUS_NOT_SUPPORTED (0xC00000BB)",
		StatusAccessDenied: "smb: negotiate server: STATUS_ACCESS_DENIED (0xC0000022)",
	} {
		f, client := newFakeServer(t, SMB311)
		dial := dialFake(client, &Config{MinDialect: SMB210, MaxDialect: SMB300})
		r := f.next(CommandNegotiate)
		f.answer(r, r.reply(status), nil)
		_, err := dial.wait()
		want(t, "NewConn", err, status)
		if err == nil || !strings.HasSuffix(err.Error(), text) {
			t.Errorf("%v, want %s", err, text)
		}
	}
}

// TestNegotiateChoices: what the client takes from a good answer.
func TestNegotiateChoices(t *testing.T) {
	for _, c := range []struct {
		name    string
		dialect Dialect
		cfg     Config
		change  func(*NegotiateResponse)
		signing SigningAlgorithm
		cipher  Cipher
	}{
		{"2.0.2", SMB202, Config{}, nil, SigningHMACSHA256, 0},
		{"2.1", SMB210, Config{}, nil, SigningHMACSHA256, 0},
		{"3.0", SMB300, Config{}, nil, SigningAESCMAC, CipherAES128CCM},
		{"3.0.2 with encryption switched off", SMB302, Config{Encryption: Off}, nil, SigningAESCMAC, 0},
		{"3.0.2 without encryption", SMB302, Config{}, func(m *NegotiateResponse) { m.Capabilities &^= CapEncryption }, SigningAESCMAC, 0},
		{"3.1.1", SMB311, Config{}, nil, SigningAESGMAC, CipherAES128GCM},
		{"3.1.1 with the preauth context only", SMB311, Config{}, func(m *NegotiateResponse) { m.Contexts = m.Contexts[:1] }, SigningAESCMAC, 0},
		{"3.1.1 without a common cipher", SMB311, Config{}, func(m *NegotiateResponse) { m.Contexts[1] = ListContext(NegotiateEncryption, []Cipher{0}) }, SigningAESGMAC, 0},
		{"3.1.1 with a context that nobody knows", SMB311, Config{}, func(m *NegotiateResponse) {
			m.Contexts = append(m.Contexts, NegotiateContext{0x7777, []byte{1}}, NegotiateContext{0x7777, nil})
		}, SigningAESGMAC, CipherAES128GCM},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, client := newFakeServer(t, c.dialect)
			if c.change != nil {
				c.change(&f.negotiate)
			}
			conn := f.connect(client, &c.cfg)
			if n := conn.negotiated; n.dialect != c.dialect || n.signing != c.signing || n.cipher != c.cipher {
				t.Errorf("%v, %v, %v", n.dialect, n.signing, n.cipher)
			}
			if conn.Dialect() != c.dialect || conn.ServerGUID() != fakeGUID {
				t.Errorf("dialect %v, GUID %v", conn.Dialect(), conn.ServerGUID())
			}
		})
	}
}

// TestNegotiateOffer looks at the request, [MS-SMB2] 3.2.4.2.2.2.
func TestNegotiateOffer(t *testing.T) {
	all := Config{Rand: new(counter), Ciphers: []Cipher{CipherAES256CCM}, Signing: Required}
	off := Config{Rand: new(counter), Encryption: Off, ClientGUID: sampleGUID}
	guid := GUID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	salt := counted(48)[16:]
	for _, c := range []struct {
		name string
		cfg  Config
		want NegotiateRequest
	}{
		{"everything", all, NegotiateRequest{
			SecurityMode: SigningEnabled | SigningRequired, Capabilities: CapLargeMTU | CapEncryption, ClientGUID: guid,
			Dialects: []Dialect{SMB202, SMB210, SMB300, SMB302, SMB311},
			Contexts: []NegotiateContext{
				{1, append([]byte{1, 0, 32, 0, 1, 0}, salt...)}, {2, []byte{1, 0, 3, 0}}, {8, []byte{3, 0, 2, 0, 1, 0, 0, 0}},
			},
		}},
		{"no encryption", off, NegotiateRequest{
			SecurityMode: SigningEnabled, Capabilities: CapLargeMTU, ClientGUID: sampleGUID, Dialects: Dialects,
			Contexts: []NegotiateContext{{1, append([]byte{1, 0, 32, 0, 1, 0}, counted(32)...)}, {8, []byte{3, 0, 2, 0, 1, 0, 0, 0}}},
		}},
		{"2.1 and 3.0", Config{Rand: new(counter), MinDialect: SMB210, MaxDialect: SMB300}, NegotiateRequest{
			SecurityMode: SigningEnabled, Capabilities: CapLargeMTU | CapEncryption, ClientGUID: guid, Dialects: []Dialect{SMB210, SMB300},
		}},
		{"2.0.2 has neither capabilities nor a GUID", Config{Rand: new(counter), MaxDialect: SMB202}, NegotiateRequest{
			SecurityMode: SigningEnabled, Dialects: []Dialect{SMB202},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, client := newFakeServer(t, SMB311)
			dial := dialFake(client, &c.cfg)
			r := f.next(CommandNegotiate)
			if m := r.body.(*NegotiateRequest); !reflect.DeepEqual(*m, c.want) {
				t.Errorf("offer\n got %+v\nwant %+v", *m, c.want)
			}
			if r.MessageID != 0 || r.SessionID != 0 || r.CreditCharge != 0 || r.Credits == 0 || r.Flags != 0 {
				t.Errorf("header %+v", r.Header)
			}
			f.hangUp()
			if _, err := dial.wait(); !errors.Is(err, ErrServerClosed) {
				t.Error(err)
			}
		})
	}
	_, client := newFakeServer(t, SMB311)
	if _, err := NewConn(context.Background(), client, "server", &Config{MinDialect: SMB311, MaxDialect: SMB300}); err == nil || !strings.Contains(err.Error(), "no dialect from 3.1.1 to 3.0 is known") {
		t.Errorf("an empty range: %v", err)
	}
}

func counted(n int) []byte {
	b := make([]byte, n)
	new(counter).Read(b)
	return b
}

// TestValidateNegotiate: a signed answer that differs from NEGOTIATE's ends the
// connection, [MS-SMB2] 3.2.5.14.12, in every dialect but 3.1.1.
func TestValidateNegotiate(t *testing.T) {
	patched := func(at int) func(*fakeServer, *fakeRequest) {
		return func(f *fakeServer, r *fakeRequest) {
			b := f.negotiateInfo()
			b[at] ^= 4
			f.answer(r, r.reply(StatusSuccess), &IOCTLResponse{Code: FSCTLValidateNegotiateInfo, Output: b})
		}
	}
	status := func(s NTStatus) func(*fakeServer, *fakeRequest) {
		return func(f *fakeServer, r *fakeRequest) { f.answer(r, r.reply(s), nil) }
	}
	for _, c := range []struct {
		name string
		act  func(*fakeServer, *fakeRequest)
		text string // "": all is well
	}{
		{"the same", func(f *fakeServer, r *fakeRequest) {
			f.answer(r, r.reply(StatusSuccess), &IOCTLResponse{Output: f.negotiateInfo()})
		}, ""},
		{"other Capabilities", patched(0), "somebody in between changed it"},
		{"another Guid", patched(19), "somebody in between changed it"},
		{"another SecurityMode", patched(20), "somebody in between changed it"},
		{"another Dialect", patched(22), "somebody in between changed it"},
		{"an answer cut short", func(f *fakeServer, r *fakeRequest) {
			f.answer(r, r.reply(StatusSuccess), &IOCTLResponse{Output: f.negotiateInfo()[:23]})
		}, "VALIDATE_NEGOTIATE_INFO response: Dialect at offset 22"},
		{"no signature", func(f *fakeServer, r *fakeRequest) {
			r.Flags &^= FlagSigned
			f.answer(r, r.reply(StatusInvalidDeviceRequest), nil)
		}, ErrSignature.Error()},
		{"STATUS_ACCESS_DENIED", status(StatusAccessDenied), "STATUS_ACCESS_DENIED"},
		{"a server that does not know the control", status(StatusInvalidDeviceRequest), ""},
		{"a server that wants an open for it", status(StatusFileClosed), ""},
	} {
		for _, d := range []Dialect{SMB202, SMB210, SMB300, SMB302} {
			t.Run(c.name+" in "+d.String(), func(t *testing.T) {
				f, client := newFakeServer(t, d)
				conn := f.connect(client, nil)
				s := f.logOn(conn, 0)
				connect := async(func() (*Tree, error) { return s.TreeConnect(context.Background(), "share") })
				r := f.next(CommandTreeConnect)
				h := r.reply(StatusSuccess)
				h.TreeID = fakeTree
				f.answer(r, h, &TreeConnectResponse{})
				r = f.next(CommandIOCTL)
				m := r.body.(*IOCTLRequest)
				input := wireHex(t, "44000000 00000000000000000000000000000000 0100 0500 0202 1002 0003 0203 1103")
				copy(input[4:], conn.negotiated.request.ClientGUID[:])
				if m.Code != 0x00140204 || !bytes.Equal(m.Input, input) || m.FileID != (FileID{^uint64(0), ^uint64(0)}) ||
					m.MaxOutput != 24 || r.Flags&FlagSigned == 0 || r.TreeID != fakeTree {
					t.Errorf("VALIDATE_NEGOTIATE_INFO %+v, flags %#x", m, r.Flags)
				}
				c.act(f, r)
				_, err := connect.wait()
				if c.text == "" {
					if err != nil || conn.Err() != nil {
						t.Errorf("TreeConnect: %v; the connection: %v", err, conn.Err())
					}
					return
				}
				if err == nil || !strings.Contains(err.Error(), c.text) {
					t.Errorf("TreeConnect: %v, want %q", err, c.text)
				}
				<-conn.Done()
			})
		}
	}
	t.Run("a client that offers no 3.x", func(t *testing.T) {
		f, client := newFakeServer(t, SMB210)
		s := f.logOn(f.connect(client, &Config{MaxDialect: SMB210}), 0)
		if s.mustValidate() {
			t.Error("there is nothing to validate")
		}
		f.treeConnect(s, &TreeConnectResponse{})
	})
}
