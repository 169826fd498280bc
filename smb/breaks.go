package smb

import (
	"context"
	"fmt"
	"time"
)

// Break is an oplock or lease break that the server sent unasked,
// [MS-SMB2] 2.2.23. One of Oplock and Lease is set.
type Break struct {
	At     time.Time
	Oplock *OplockBreak
	Lease  *LeaseBreak
}

// maxBreaks bounds the breaks that wait to be taken. There is at most one for
// each open, so a server that passes it is not a sane one.
const maxBreaks = 1 << 17

// breakQueue holds breaks until the caller takes them; none is dropped.
type breakQueue struct {
	breaks []Break
	ready  chan struct{} // capacity 1
}

// NextBreak returns the oldest break that was not taken yet, and waits for one
// if need be. When the connection has ended and none is left, the error says
// why.
func (c *Conn) NextBreak(ctx context.Context) (Break, error) {
	for {
		c.mu.Lock()
		if len(c.breaks.breaks) > 0 {
			b := c.breaks.breaks[0]
			c.breaks.breaks = c.breaks.breaks[1:]
			if len(c.breaks.breaks) > 0 {
				c.breaks.signal() // for whoever else waits
			}
			c.mu.Unlock()
			return b, nil
		}
		err := c.err
		c.mu.Unlock()
		if err != nil {
			return Break{}, &OpError{Op: "wait for a break", Err: err}
		}
		select {
		case <-c.breaks.ready:
		case <-c.ended:
		case <-ctx.Done():
			return Break{}, ctx.Err()
		}
	}
}

func (q *breakQueue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// takeBreak queues a break notification. Servers send it unsigned,
// [MS-SMB2] 3.3.4.6. Anything else that answers no request is dropped,
// [MS-SMB2] 3.2.5.1.2.
func (c *Conn) takeBreak(h Header, msg []byte) error {
	if h.Command != CommandOplockBreak {
		return nil
	}
	_, m, err := ParseResponse(msg)
	if err != nil {
		return err
	}
	b := Break{At: time.Now()}
	switch m := m.(type) {
	case *OplockBreak:
		b.Oplock = m
	case *LeaseBreak:
		b.Lease = m
	default:
		return &DecodeError{"OPLOCK_BREAK notification", "Status", "is " + h.Status.String()}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.breaks.breaks) >= maxBreaks {
		return fmt.Errorf("the server sent %d oplock breaks that nobody took", maxBreaks)
	}
	c.breaks.breaks = append(c.breaks.breaks, b)
	c.breaks.signal()
	return nil
}

// AckOplockBreak answers an oplock break of this open with the level the
// client goes down to, [MS-SMB2] 3.2.4.17. A break of level II needs no answer.
func (o *Open) AckOplockBreak(ctx context.Context, level OplockLevel) error {
	_, _, err := o.tree.roundTrip(ctx, request{msg: &OplockBreakAck{Level: level, FileID: o.ID}}, "acknowledge oplock break", o.Path)
	return err
}

// AckLeaseBreak answers a lease break with the state the client goes down to,
// [MS-SMB2] 3.2.4.18. The tree is the one the lease was got on.
func (t *Tree) AckLeaseBreak(ctx context.Context, key GUID, state LeaseState) error {
	_, _, err := t.roundTrip(ctx, request{msg: &LeaseBreakAck{Key: key, New: state}}, "acknowledge lease break", t.Share)
	return err
}
