package smb

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// closeWindow is how many CLOSE requests Leave keeps under way.
const closeWindow = 256

// Leave makes the session's client go away in the way that kind describes,
// with what it has open on tree. After DisconnectClose, DisconnectFIN and
// DisconnectRST the connection is closed; otherwise it stays, silent or not,
// until Conn.Close.
func (s *Session) Leave(ctx context.Context, kind DisconnectKind, tree *Tree, opens []*Open) error {
	switch kind {
	case DisconnectClose:
		return s.leaveClosing(ctx, tree, opens)
	case DisconnectLogoff:
		return s.LogOff(ctx)
	case DisconnectFIN, DisconnectRST, DisconnectVanish:
		tcp, ok := s.conn.nc.(*net.TCPConn)
		if !ok {
			return &OpError{Op: "disconnect by " + kind.String(), Err: fmt.Errorf("the connection is not TCP: %w", errors.ErrUnsupported)}
		}
		if kind == DisconnectVanish {
			if err := vanish(tcp); err != nil {
				return &OpError{Op: "disconnect by vanish", Err: err}
			}
			s.conn.goSilent()
			return nil
		}
		s.conn.end(net.ErrClosed)
		defer s.conn.tasks.Wait()
		if kind == DisconnectFIN {
			return closeFIN(tcp)
		}
		return closeRST(tcp)
	case DisconnectFreeze:
		s.conn.goSilent()
		return nil
	case DisconnectLeak:
		return nil
	}
	return &OpError{Op: "disconnect", Err: fmt.Errorf("kind %v is not known", kind)}
}

// leaveClosing is how a client leaves that does everything right. It goes
// through all steps and returns the first error.
func (s *Session) leaveClosing(ctx context.Context, tree *Tree, opens []*Open) error {
	err := CloseAll(ctx, opens)
	if tree != nil {
		err = firstError(err, tree.Disconnect(ctx))
	}
	return errors.Join(firstError(err, s.LogOff(ctx)), s.conn.Close())
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// CloseAll closes opens with many CLOSE requests under way at once, and
// returns the first error after trying them all.
func CloseAll(ctx context.Context, opens []*Open) error {
	var first error
	var pending []*PendingClose
	wait := func(n int) {
		for _, p := range pending[:n] {
			first = firstError(first, p.Wait(ctx))
		}
		pending = append(pending[:0], pending[n:]...)
	}
	for _, o := range opens {
		if len(pending) >= closeWindow {
			wait(closeWindow / 2)
		}
		p, err := o.StartClose(ctx)
		if err != nil {
			first = firstError(first, err)
			if ctx.Err() != nil || o.tree.session.conn.Err() != nil {
				break
			}
			continue
		}
		pending = append(pending, p)
	}
	wait(len(pending))
	return first
}
