package lab

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/asn1"
	"fmt"
	"slices"
	"time"

	"github.com/oiweiwei/go-msrpc/ssp/ntlm"
	"github.com/oiweiwei/go-msrpc/ssp/spnego"

	"err32/smb"
)

// logon is the server's side of one log-on: NTLMSSP in SPNEGO's wrapping,
// [RFC 4178] and [MS-SPNG], or bare.
//
// The acceptors of the library that the client's side uses are not used here:
// its NTLM one accepts NTLMv1, requires the MIC that older and anonymous
// clients do not send, and echoes flags it does not know; its SPNEGO one takes
// the first token for NTLM's whatever the client prefers, and writes answers
// that [RFC 4178] 4.2.2 does not allow. Its decoders do serve.
type logon struct {
	ntlm        ntlmAcceptor
	begun       bool
	ended       bool
	granted     bool
	mechList    []byte // the client's MechTypeList, which mechListMIC is over; nil without SPNEGO
	micRequired bool   // NTLM is not the client's first choice: it must prove that this was its list
}

// newLogon begins a log-on to the server of that NetBIOS name, now by the
// server's clock. find returns the MD4 of a user's UTF-16 password; the names
// are as the client sent them, and user names compare case-insensitively.
func newLogon(server string, find func(domain, user string) (ntHash [16]byte, ok bool), now time.Time) *logon {
	l := &logon{ntlm: ntlmAcceptor{server: server, find: find, now: now}}
	rand.Read(l.ntlm.challenge[:])
	return l
}

// next takes the client's next token and returns the answer's. The log-on is
// done with any status but STATUS_MORE_PROCESSING_REQUIRED: it succeeded with
// STATUS_SUCCESS, was refused with STATUS_LOGON_FAILURE, or was not understood
// with STATUS_INVALID_PARAMETER.
func (l *logon) next(token []byte) (reply []byte, done bool, status smb.NTStatus) {
	switch {
	case l.ended:
		return nil, true, smb.StatusInvalidParameter
	case l.begun && l.mechList == nil || !l.begun && bytes.HasPrefix(token, ntlm.NTLMSignature):
		reply, status = l.ntlm.next(token)
	case !l.begun:
		reply, status = l.negotiate(token)
	default:
		reply, status = l.respond(token)
	}
	l.begun = true
	l.ended = status != smb.StatusMoreProcessingRequired
	l.granted = status == smb.StatusSuccess
	return reply, l.ended, status
}

// user is who the client says it is, as it says it; proved once next has
// returned STATUS_SUCCESS. An anonymous client has no name.
func (l *logon) user() (domain, name string) { return l.ntlm.domain, l.ntlm.user }

// anonymous reports whether the log-on has succeeded without a user, which
// proves nothing: the caller decides whether that is enough.
func (l *logon) anonymous() bool { return l.granted && l.ntlm.anonymous }

// sessionKey is the key both sides share, 16 bytes; nil unless the log-on has
// succeeded, and after an anonymous one, whose key everybody knows.
func (l *logon) sessionKey() []byte {
	if !l.granted || l.ntlm.anonymous {
		return nil
	}
	return l.ntlm.key
}

// The object identifiers in DER.
var (
	spnegoOID = []byte{0x06, 0x06, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x02}                         // 1.3.6.1.5.5.2
	ntlmOID   = []byte{0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A} // 1.3.6.1.4.1.311.2.2.10
)

// The DER tags of SPNEGO's tokens.
const (
	derOctetString   = 0x04
	derEnumerated    = 0x0A
	derGeneralString = 0x1B
	derSequence      = 0x30
	derApplication0  = 0x60
	derContext0      = 0xA0 // [1] is one more, and so on
)

// negState says how a negotiation stands, [RFC 4178] 4.2.2.
type negState byte

const (
	acceptCompleted  negState = 0
	acceptIncomplete negState = 1
	requestMIC       negState = 3
)

// der encodes one element; its content is shorter than 64 KiB.
func der(tag byte, content ...[]byte) []byte {
	all := bytes.Join(content, nil)
	switch n := len(all); {
	case n < 0x80:
		return append([]byte{tag, byte(n)}, all...)
	case n < 0x100:
		return append([]byte{tag, 0x81, byte(n)}, all...)
	default:
		return append([]byte{tag, 0x82, byte(n >> 8), byte(n)}, all...)
	}
}

// negotiateHint is the server's first token, in the NEGOTIATE response: a
// NegTokenInit2, [MS-SPNG] 2.2.1, that offers NTLM.
func negotiateHint() []byte {
	return der(derApplication0, spnegoOID, der(derContext0, der(derSequence,
		der(derContext0, der(derSequence, ntlmOID)),
		der(derContext0+3, der(derSequence, der(derContext0, der(derGeneralString, []byte(spnego.HintName))))))))
}

// negTokenResp encodes an answer, [RFC 4178] 4.2.2. Empty fields are left out.
func negTokenResp(state negState, supportedMech, responseToken, mechListMIC []byte) []byte {
	fields := der(derContext0, der(derEnumerated, []byte{byte(state)}))
	if supportedMech != nil {
		fields = append(fields, der(derContext0+1, supportedMech)...)
	}
	if responseToken != nil {
		fields = append(fields, der(derContext0+2, der(derOctetString, responseToken))...)
	}
	if mechListMIC != nil {
		fields = append(fields, der(derContext0+3, der(derOctetString, mechListMIC))...)
	}
	return der(derContext0+1, der(derSequence, fields))
}

// negotiate takes the client's NegTokenInit. The token in it belongs to the
// first mechanism of the client's list; when that is not NTLM, or there is no
// token, the client is told to go on with NTLM.
func (l *logon) negotiate(token []byte) ([]byte, smb.NTStatus) {
	var init spnego.NegTokenInit
	if err := decodeToken(&init, token); err != nil {
		return nil, smb.StatusInvalidParameter
	}
	i := slices.IndexFunc(init.MechTypes, asn1.ObjectIdentifier(ntlm.MechanismType).Equal)
	if i < 0 {
		return nil, smb.StatusLogonFailure // nothing in common
	}
	list, err := asn1.Marshal(init.MechTypes)
	if err != nil {
		return nil, smb.StatusInvalidParameter
	}
	l.mechList = list
	if i > 0 {
		l.micRequired = true
		return negTokenResp(requestMIC, ntlmOID, nil, nil), smb.StatusMoreProcessingRequired
	}
	if len(init.MechToken) == 0 {
		return negTokenResp(acceptIncomplete, ntlmOID, nil, nil), smb.StatusMoreProcessingRequired
	}
	challenge, status := l.ntlm.next(init.MechToken)
	if status != smb.StatusMoreProcessingRequired {
		return nil, status
	}
	return negTokenResp(acceptIncomplete, ntlmOID, challenge, nil), status
}

// respond takes a NegTokenResp of the client.
func (l *logon) respond(token []byte) ([]byte, smb.NTStatus) {
	var resp spnego.NegTokenResp
	if err := decodeToken(&resp, token); err != nil {
		return nil, smb.StatusInvalidParameter
	}
	reply, status := l.ntlm.next(resp.ResponseToken)
	switch status {
	case smb.StatusMoreProcessingRequired:
		return negTokenResp(acceptIncomplete, nil, reply, nil), status
	case smb.StatusSuccess:
	default:
		return nil, status
	}
	// Samba's anonymous clients cannot sign, and their signature would prove
	// nothing. Any other client that protects its messages must protect its
	// list too, [MS-SPNG] 3.1.5.1, note 8.
	signed := len(resp.MechListMIC) > 0 && l.ntlm.flags&ntlmRequired == ntlmRequired
	switch {
	case signed && !hmac.Equal(resp.MechListMIC, l.ntlm.signature(clientToServer, l.mechList)):
		return nil, smb.StatusLogonFailure
	case signed:
		return negTokenResp(acceptCompleted, nil, nil, l.ntlm.signature(serverToClient, l.mechList)), smb.StatusSuccess
	case l.ntlm.anonymous || !l.micRequired && !l.ntlm.micPresent:
		return negTokenResp(acceptCompleted, nil, nil, nil), smb.StatusSuccess
	}
	return nil, smb.StatusLogonFailure
}

// decodeToken decodes a SPNEGO token with the library.
func decodeToken(into interface {
	Unmarshal(context.Context, []byte) error
}, token []byte) (err error) {
	// A panic of its decoders must not end the server.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("SPNEGO token of %d bytes: malformed", len(token))
		}
	}()
	return into.Unmarshal(context.Background(), token)
}
