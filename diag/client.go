package diag

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"err32/smb"
)

// client is one connection of the tool with a session on it and, where a share
// was asked for, a tree.
type client struct {
	conn    *smb.Conn
	session *smb.Session
	tree    *smb.Tree // nil when no share was asked for
	since   time.Time // when the session began
}

// connect makes a connection of its own, logs on, and connects to share unless
// that is empty. A guid other than the zero one makes the server take the
// client for another connection of the same machine.
func (e Endpoint) connect(ctx context.Context, share string, guid smb.GUID) (*client, error) {
	conn, err := e.dial(ctx, guid)
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn}
	if c.session, err = conn.LogOn(ctx, e.Credentials.mechanism(e.Target.Server), 0); err != nil {
		conn.Close()
		return nil, wantsEncryption(conn, err)
	}
	c.since = time.Now()
	if share != "" {
		if c.tree, err = c.session.TreeConnect(ctx, share); err != nil {
			err = wantsEncryption(conn, err)
		} else if c.tree.Type() != smb.ShareDisk {
			err = fmt.Errorf("the share %s is not one of files", share)
		}
		if err != nil {
			c.leave(ctx)
			return nil, err
		}
	}
	return c, nil
}

// dial makes a connection that nobody is logged on to.
func (e Endpoint) dial(ctx context.Context, guid smb.GUID) (*smb.Conn, error) {
	return smb.Dial(ctx, e.Target.Address(), &smb.Config{
		MaxDialect: e.MaxDialect,
		Signing:    e.Signing,
		Encryption: e.Encryption,
		Timeout:    e.Timeout,
		ClientGUID: guid,
		Trace:      e.Capture.trace(cmp.Or(e.actor, ActorTool)),
	})
}

// wantsEncryption adds what else a refusal may mean: a server or share that
// requires encryption has no status of its own for it, [MS-SMB2] 3.3.5.5 and
// 3.3.5.7.
func wantsEncryption(conn *smb.Conn, err error) error {
	if status, _ := smb.StatusOf(err); status != smb.StatusAccessDenied || conn.CanEncrypt() {
		return err
	}
	return &hint{err, "or the server requires encryption, which was not offered: that takes SMB 3.0 or later, and no --encrypt=off"}
}

// connectText says in one line who logged on, and with what protection.
func (s *ServerInfo) connectText(who Credentials) string {
	return strings.Join(nonEmpty("SMB "+s.Dialect, s.Signing, s.Encryption, who.String()), ", ")
}

func nonEmpty(texts ...string) []string {
	kept := texts[:0]
	for _, t := range texts {
		if t != "" {
			kept = append(kept, t)
		}
	}
	return kept
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// hint is an error with what else it may mean.
type hint struct {
	error
	text string
}

func (h *hint) Unwrap() error { return h.error }

// mechanism begins a log-on with the credentials.
func (c Credentials) mechanism(server string) smb.Mechanism {
	if c.Anonymous {
		return smb.NTLM{Server: server}.Mechanism()
	}
	return smb.NTLM{Domain: c.Domain, User: c.User, Password: c.Password, NTHash: c.NTHash, Server: server}.Mechanism()
}

// leave logs off and closes the connection. Opens that are left go with the
// session.
func (c *client) leave(ctx context.Context) {
	if c.conn.Err() == nil {
		c.session.LogOff(ctx)
	}
	c.conn.Close()
}

// describe says what was agreed on with the server.
func (c *client) describe(info *ServerInfo) {
	info.Dialect = c.conn.Dialect().String()
	info.GUID = c.conn.ServerGUID().String()
	if a, ok := c.session.SigningAlgorithm(); ok {
		info.Signing = a.String()
	}
	cipher, ok := c.session.Cipher()
	if c.tree != nil {
		cipher, ok = c.tree.Cipher()
	}
	if ok {
		info.Encryption = cipher.String()
		info.Signing = "" // a sealed message carries no signature of its own
	}
}
