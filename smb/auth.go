package smb

import (
	"context"
	"fmt"

	"github.com/oiweiwei/go-msrpc/ssp/credential"
	"github.com/oiweiwei/go-msrpc/ssp/gssapi"
	"github.com/oiweiwei/go-msrpc/ssp/ntlm"
	"github.com/oiweiwei/go-msrpc/ssp/spnego"
)

// Mechanism is the client's side of one log-on: a GSS mechanism, [RFC 2743],
// in SPNEGO's wrapping, [MS-SPNG]. A value serves one log-on.
type Mechanism interface {
	// Next returns the token to send, given the server's last one; the first
	// time that is nil. After the log-on's last answer the returned token is
	// empty.
	Next(ctx context.Context, token []byte) ([]byte, error)

	// SessionKey is the key that both sides share once the log-on has
	// succeeded; empty after an anonymous one.
	SessionKey() []byte

	// String names the mechanism, such as "NTLM".
	String() string
}

// NTLM says who logs on by NTLMv2, [MS-NLMP]. Either Password or NTHash is
// used; with neither and no User the log-on is anonymous.
type NTLM struct {
	Domain   string
	User     string
	Password string
	NTHash   []byte // MD4 of the UTF-16 password, 16 bytes; nil to use Password
	Server   string // the name the client knows the server by
}

// Mechanism begins a log-on.
func (n NTLM) Mechanism() Mechanism {
	var who any
	options := []credential.Option{credential.Domain(n.Domain), credential.AllowEmptyPassword()}
	switch {
	case n.User == "" && len(n.NTHash) == 0:
		who = credential.Anonymous()
	case n.NTHash != nil:
		who = credential.NewFromNTHashBytes(n.User, n.NTHash, options...)
	default:
		who = credential.NewFromPassword(n.User, n.Password, options...)
	}
	return &gssMechanism{
		name:      "NTLM",
		anonymous: n.User == "" && len(n.NTHash) == 0,
		ctx: gssapi.NewSecurityContext(context.Background(), gssapi.WithCredential(who),
			gssapi.WithMechanismFactory(spnego.Mechanism{}), gssapi.WithMechanismFactory(ntlm.Mechanism{})),
		options: []gssapi.Option{
			gssapi.WithTargetName("cifs/" + n.Server),
			gssapi.WithRequest(gssapi.Integrity | gssapi.ReplayDetection | gssapi.Sequencing),
		},
	}
}

// gssMechanism is a mechanism of the GSS library.
type gssMechanism struct {
	name      string
	anonymous bool
	ctx       context.Context // the library keeps the security context in it
	options   []gssapi.Option
}

func (m *gssMechanism) String() string { return m.name }

func (m *gssMechanism) Next(_ context.Context, token []byte) (next []byte, err error) {
	// The library's decoders of the server's token may panic on a hostile one.
	defer func() {
		if r := recover(); r != nil {
			next, err = nil, fmt.Errorf("%s: the server's log-on token is malformed", m.name)
		}
	}()
	out, err := gssapi.InitSecurityContext(m.ctx, &gssapi.Token{Payload: token}, m.options...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	return out.Payload, nil
}

func (m *gssMechanism) SessionKey() []byte {
	if m.anonymous {
		return nil // the library's is all zeros; no server signs with it
	}
	value, ok := gssapi.GetAttribute(m.ctx, gssapi.AttributeSessionKey, m.options...)
	if !ok {
		return nil
	}
	key, _ := value.([]byte)
	return key
}
