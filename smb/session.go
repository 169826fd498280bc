package smb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// Session is a user's log-on on a connection, [MS-SMB2] 3.2.1.3.
type Session struct {
	conn  *Conn
	id    uint64
	flags SessionFlags

	// The keys' users are set once, before the session is handed out.
	signer          *Signer // nil: no key, messages go unsigned
	signingRequired bool
	outgoing        *Sealer // nil: no cipher
	incoming        *Sealer
	encryptData     bool // every message is encrypted
}

// maxLegs bounds the exchange of log-on tokens.
const maxLegs = 10

// LogOn sets up a session, [MS-SMB2] 3.2.4.2.3. A previous session id that is
// not 0 names a dead session of the same user which the server is to end
// first, [MS-SMB2] 3.3.5.5.3.
func (c *Conn) LogOn(ctx context.Context, mechanism Mechanism, previousSessionID uint64) (*Session, error) {
	s, err := c.logOn(ctx, mechanism, previousSessionID)
	if err != nil {
		return nil, asOpError(err, "log on", c.server)
	}
	return s, nil
}

func (c *Conn) logOn(ctx context.Context, mechanism Mechanism, previousSessionID uint64) (*Session, error) {
	s := &Session{conn: c}
	preauth := c.negotiated.preauth
	token, err := mechanism.Next(ctx, nil)
	if err != nil {
		return nil, err
	}
	for range maxLegs {
		calls, err := c.start(ctx, s, request{keep: true, msg: &SessionSetupRequest{
			SecurityMode: c.securityMode(), PreviousSessionID: previousSessionID, SecurityBuffer: token,
		}})
		if err != nil {
			return nil, err
		}
		m, status, err := calls[0].result(ctx, "log on", c.server, StatusMoreProcessingRequired)
		if err != nil {
			return nil, err
		}
		answer := m.(*SessionSetupResponse)
		id := calls[0].header.SessionID
		if id == 0 || s.id != 0 && s.id != id {
			return nil, &DecodeError{"SESSION_SETUP response", "SessionId", fmt.Sprintf("is 0x%X after 0x%X", id, s.id)}
		}
		s.id = id
		preauth.Add(calls[0].sent)
		if status == StatusSuccess {
			// The answer's token may still hold a check of the mechanism's own.
			if len(answer.SecurityBuffer) > 0 {
				if _, err := mechanism.Next(ctx, bytes.Clone(answer.SecurityBuffer)); err != nil {
					return nil, err
				}
			}
			s.flags = answer.Flags
			return s, s.establish(mechanism.SessionKey(), preauth, calls[0])
		}
		preauth.Add(calls[0].msg)
		if token, err = mechanism.Next(ctx, bytes.Clone(answer.SecurityBuffer)); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("the server wants more than %d log-on messages", maxLegs)
}

// establish derives the session's keys and decides on signing and encryption,
// [MS-SMB2] 3.2.5.3.1 and 3.2.5.3.3. The last response must be signed with
// the new key unless the session is a guest's or anonymous.
func (s *Session) establish(key []byte, preauth PreauthHash, last *call) error {
	c := s.conn
	// Samba up to 4.17 does not say that an anonymous session is one.
	nobody := s.flags&(SessionGuest|SessionAnonymous) != 0 || len(key) == 0
	if nobody {
		if c.cfg.Signing == Required || c.cfg.Encryption == Required {
			return errors.New("the server took the user for a guest or for nobody, and such a session can neither be signed nor encrypted")
		}
		return s.register()
	}
	keys := DeriveSessionKeys(c.negotiated.dialect, c.negotiated.cipher, key, preauth[:])
	signer, err := NewSigner(c.negotiated.signing, keys.Signing)
	if err != nil {
		return err
	}
	// Before 3.1.1 a server that does not sign may leave its last response
	// unsigned too.
	signed := last.header.Flags&FlagSigned != 0
	if must := c.negotiated.dialect == SMB311 || s.mustSign(); (must || signed) && (!signed || !signer.Verify(last.msg)) {
		return fmt.Errorf("SESSION_SETUP response: %w", ErrSignature)
	}
	s.signer, s.signingRequired = signer, s.mustSign()
	if c.negotiated.cipher != 0 {
		if s.outgoing, err = NewSealer(c.negotiated.cipher, keys.ClientToServer); err != nil {
			return err
		}
		if s.incoming, err = NewSealer(c.negotiated.cipher, keys.ServerToClient); err != nil {
			return err
		}
	}
	s.encryptData = s.flags&SessionEncryptData != 0 || c.cfg.Encryption == Required
	if s.encryptData && s.outgoing == nil {
		return errors.New("the server requires encryption, and no cipher was agreed on")
	}
	return s.register()
}

func (s *Session) mustSign() bool {
	return s.conn.cfg.Signing == Required || s.conn.negotiated.securityMode&SigningRequired != 0
}

// register makes the session known to the connection's reader.
func (s *Session) register() error {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if s.conn.err != nil {
		return s.conn.err
	}
	if s.conn.sessions[s.id] != nil {
		return &DecodeError{"SESSION_SETUP response", "SessionId", fmt.Sprintf("0x%X belongs to another session already", s.id)}
	}
	s.conn.sessions[s.id] = s
	return nil
}

// ID is the SessionId, which names the session to the server.
func (s *Session) ID() uint64 { return s.id }

// Conn is the connection the session is on.
func (s *Session) Conn() *Conn { return s.conn }

// Flags say whether the user was taken for a guest or for nobody.
func (s *Session) Flags() SessionFlags { return s.flags }

// SigningAlgorithm is what signs the session's messages; ok is false when
// they are not signed: none is required, or they are encrypted instead.
func (s *Session) SigningAlgorithm() (a SigningAlgorithm, ok bool) {
	return s.conn.negotiated.signing, s.signer != nil && s.signingRequired && !s.encryptData
}

// Cipher is what encrypts all of the session's messages; ok is false when they
// are not encrypted.
func (s *Session) Cipher() (c Cipher, ok bool) {
	return s.conn.negotiated.cipher, s.encryptData
}

// LogOff ends the session, [MS-SMB2] 3.2.4.23. The server closes what it has
// open, but for durable opens.
func (s *Session) LogOff(ctx context.Context) error {
	_, _, err := s.conn.roundTrip(ctx, s, request{msg: &LogoffRequest{}}, "log off", "")
	if err == nil {
		s.conn.mu.Lock()
		delete(s.conn.sessions, s.id)
		s.conn.mu.Unlock()
	}
	return err
}

// Echo asks the server for a sign of life within the session.
func (s *Session) Echo(ctx context.Context) error {
	_, _, err := s.conn.roundTrip(ctx, s, request{msg: &EchoRequest{}}, "echo", "")
	return err
}
