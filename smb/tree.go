package smb

import (
	"context"
	"errors"
)

// Tree is a connection to a share, [MS-SMB2] 3.2.1.4.
type Tree struct {
	Share     string // as the caller named it
	session   *Session
	id        uint32
	response  TreeConnectResponse
	sealShare bool // the share requires encryption
}

// TreeConnect connects to a share of the server, [MS-SMB2] 3.2.4.2.4.
func (s *Session) TreeConnect(ctx context.Context, share string) (*Tree, error) {
	t := &Tree{Share: share, session: s}
	path := `\\` + s.conn.server + `\` + share
	if err := checkText(path); err != nil {
		return nil, &OpError{Op: "tree connect", Path: share, Err: err}
	}
	calls, err := s.conn.start(ctx, s, request{
		msg: &TreeConnectRequest{Path: path},
		// In 3.1.1 this one is always signed, [MS-SMB2] 3.2.4.1.1: it proves
		// the preauth hash.
		sign: s.conn.negotiated.dialect == SMB311,
	})
	if err != nil {
		return nil, &OpError{Op: "tree connect", Path: share, Err: err}
	}
	m, _, err := calls[0].result(ctx, "tree connect", share)
	if err != nil {
		return nil, err
	}
	t.id = calls[0].header.TreeID
	t.response = *m.(*TreeConnectResponse)
	if t.response.ShareFlags&ShareEncryptData != 0 {
		if s.outgoing == nil {
			return nil, &OpError{Op: "tree connect", Path: share, Err: errors.New("the share requires encryption, and no cipher was agreed on")}
		}
		t.sealShare = true
	}
	if s.mustValidate() {
		if err := t.validateNegotiate(ctx); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Session is the session the tree is on.
func (t *Tree) Session() *Session { return t.session }

// Type is what the share holds.
func (t *Tree) Type() ShareType { return t.response.ShareType }

// Flags are the share's properties.
func (t *Tree) Flags() ShareFlags { return t.response.ShareFlags }

// MaximalAccess is what the user may do on the share at most.
func (t *Tree) MaximalAccess() AccessMask { return t.response.MaximalAccess }

// Cipher is what encrypts the messages of this tree; ok is false when they are
// not encrypted.
func (t *Tree) Cipher() (c Cipher, ok bool) {
	c, ok = t.session.Cipher()
	return c, ok || t.sealShare
}

// Disconnect gives the share up, [MS-SMB2] 3.2.4.22. The server closes what
// was opened through it.
func (t *Tree) Disconnect(ctx context.Context) error {
	_, _, err := t.roundTrip(ctx, request{msg: &TreeDisconnectRequest{}}, "tree disconnect", t.Share)
	return err
}

// start sends requests on this tree.
func (t *Tree) start(ctx context.Context, requests ...request) ([]*call, error) {
	for i := range requests {
		if m, ok := requests[i].msg.(*CreateRequest); ok {
			if err := checkText(m.Name); err != nil {
				return nil, err
			}
		}
		requests[i].tree = t.id
		requests[i].seal = t.sealShare
	}
	return t.session.conn.start(ctx, t.session, requests...)
}

func (t *Tree) roundTrip(ctx context.Context, r request, op, path string, more ...NTStatus) (Message, NTStatus, error) {
	calls, err := t.start(ctx, r)
	if err != nil {
		return nil, 0, &OpError{Op: op, Path: path, Err: err}
	}
	return calls[0].result(ctx, op, path, more...)
}
