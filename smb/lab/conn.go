package lab

import (
	"bufio"
	"errors"
	"net"
	"os"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"err32/smb"
)

// conn is a connection, [MS-SMB2] 3.3.1.7. One goroutine at a time reads from
// it and runs the requests in the order they come in; one that has to wait
// gives the reading to another goroutine (request.wait).
type conn struct {
	server *Server
	nc     net.Conn
	id     uint64
	client string // Connection.ClientName: the client's address
	since  time.Time

	negotiated bool
	dialect    smb.Dialect
	request    smb.NegotiateRequest // for FSCTL_VALIDATE_NEGOTIATE_INFO
	response   smb.NegotiateResponse
	signing    smb.SigningAlgorithm
	cipher     smb.Cipher // 0 for none
	preauth    smb.PreauthHash

	sessions    map[uint64]*session
	window      window
	pending     map[uint64]*request // requests that wait, by AsyncId
	lastAsyncID uint64
	held        int // bytes of the frames that these came in
	lastRequest time.Time
	alone       time.Time   // when it was last left without a session
	silence     *time.Timer // Temperament.Autodisconnect, or Limits.IdleLogOn

	in    *bufio.Reader // of the goroutine that reads
	limit atomic.Int64  // of a message, in bytes

	ended bool
	over  chan struct{} // closed when ended
	out   outbox
}

// newConn enters a connection. The caller holds mu.
func (s *Server) newConn(nc net.Conn) *conn {
	s.lastConn++
	c := &conn{
		server: s, nc: nc, id: s.lastConn, client: clientName(nc), since: s.now(), lastRequest: s.now(), alone: s.now(),
		in:       bufio.NewReader(nc),
		sessions: make(map[uint64]*session), pending: make(map[uint64]*request), over: make(chan struct{}),
	}
	c.window.init(s.Limits.Credits)
	c.out.init()
	c.limit.Store(min(logOnMessage, int64(s.Limits.Message)))
	s.conns[c] = struct{}{}
	s.logConn(c)
	c.silence = s.after(s.Limits.IdleLogOn, func() { s.checkSilence(c) })
	return c
}

// clientName is the name that the session table shows for a client.
func clientName(nc net.Conn) string {
	addr := nc.RemoteAddr()
	if addr == nil {
		return "unknown"
	}
	if host, _, err := net.SplitHostPort(addr.String()); err == nil {
		return host
	}
	return addr.String()
}

// logOnMessage is the longest message, in bytes, that a client may send before
// it has logged on: a token of 64 KiB, with room.
const logOnMessage = 128 << 10

// loggedOn reports whether there is a session whose log-on has succeeded.
func (c *conn) loggedOn() bool {
	for _, s := range c.sessions {
		if s.established {
			return true
		}
	}
	return false
}

// logOns counts the log-ons under way.
func (c *conn) logOns() int {
	n := 0
	for _, s := range c.sessions {
		if s.logon != nil {
			n++
		}
	}
	return n
}

// checkSilence ends a connection on which nobody is logged on for too long, or
// that has sent nothing for the temperament's Autodisconnect, and otherwise
// looks again later.
func (s *Server) checkSilence(c *conn) {
	if c.ended {
		return
	}
	wait := time.Minute // until what decides may have changed
	if !c.loggedOn() {
		wait = min(wait, s.Limits.IdleLogOn-s.now().Sub(c.alone))
	} else if limit := c.silenceLimit(); limit > 0 {
		wait = min(wait, limit-s.now().Sub(c.lastRequest))
	}
	if wait <= 0 {
		s.endConn(c, errSilent)
		return
	}
	c.silence.Reset(wait)
}

// read takes frames and runs what is in them until the connection ends or a
// request gives the reading away.
func (c *conn) read() {
	for {
		if !c.out.room(c.server.Limits.Unread, c.over) {
			return
		}
		frame, err := c.readFrame()
		if err == nil {
			var mine bool
			if mine, err = c.handle(frame); err == nil {
				if !mine {
					return
				}
				continue
			}
		}
		c.server.mu.Lock()
		c.server.endConn(c, err)
		c.server.mu.Unlock()
		return
	}
}

// readFrame waits for a frame. What follows the first byte must come in time.
func (c *conn) readFrame() ([]byte, error) {
	if _, err := c.in.Peek(1); err != nil {
		return nil, err
	}
	c.nc.SetReadDeadline(time.Now().Add(c.server.Limits.ReadTime))
	frame, err := smb.ReadFrame(c.in, int(c.limit.Load()))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errSlow
	}
	c.nc.SetReadDeadline(time.Time{})
	return frame, err
}

// endConn ends a connection, however it came to it: the socket is closed, what
// waits is given up, and the sessions are without a connection. The caller
// holds mu.
func (s *Server) endConn(c *conn, cause error) {
	if c.ended {
		return
	}
	c.ended = true
	close(c.over)
	c.out.close()
	c.nc.Close()
	c.silence.Stop()
	delete(s.conns, c)
	s.logConnEnd(c, cause)
	for _, session := range c.sessions {
		s.loseSession(session)
	}
}

// write sends what was put into the outbox until the connection ends.
func (c *conn) write() {
	for {
		frame, ok := c.out.next(c.over)
		if !ok {
			return
		}
		var err error
		if len(frame.b) > 0 {
			c.nc.SetWriteDeadline(time.Now().Add(c.server.Limits.WriteTime))
			_, err = c.nc.Write(frame.b)
		}
		if err == nil {
			err = frame.end
		}
		if err != nil {
			c.server.mu.Lock()
			c.server.endConn(c, err)
			c.server.mu.Unlock()
			return
		}
	}
}

// outbox holds the frames that wait to be sent, in order.
type outbox struct {
	mu     sync.Mutex
	frames []outFrame
	late   []outFrame // those that are not due yet, the first to be so first
	bytes  int
	closed bool
	filled chan struct{} // capacity 1: there is a frame
	taken  chan struct{} // capacity 1: a frame was taken
}

// outFrame is a frame, and when it may be sent.
type outFrame struct {
	b   []byte
	due time.Time // zero: now
	end error     // why the connection ends with it; nil if it goes on
}

func (o *outbox) init() {
	o.filled = make(chan struct{}, 1)
	o.taken = make(chan struct{}, 1)
}

func (o *outbox) put(f outFrame) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	if f.due.IsZero() {
		o.frames = append(o.frames, f)
	} else {
		i := sort.Search(len(o.late), func(i int) bool { return o.late[i].due.After(f.due) })
		o.late = slices.Insert(o.late, i, f)
	}
	o.bytes += len(f.b)
	signal(o.filled)
}

// take takes the next frame. ok is false when there is none, or none yet: then
// wait says for how long, 0 for until there is one.
func (o *outbox) take() (f outFrame, wait time.Duration, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	from := &o.frames
	if len(o.late) > 0 {
		if wait = time.Until(o.late[0].due); wait <= 0 {
			from = &o.late
		}
	}
	if len(*from) == 0 {
		return f, wait, false
	}
	f = (*from)[0]
	(*from)[0] = outFrame{}
	*from = (*from)[1:]
	o.bytes -= len(f.b)
	signal(o.taken)
	return f, 0, true
}

// next waits for the next frame; ok is false at the connection's end.
func (o *outbox) next(over <-chan struct{}) (f outFrame, ok bool) {
	for {
		f, wait, ok := o.take()
		if ok {
			return f, true
		}
		var due <-chan time.Time
		if wait > 0 {
			due = time.After(wait)
		}
		select {
		case <-o.filled:
		case <-due:
		case <-over:
			return f, false
		}
	}
}

// room waits until less than limit bytes are unsent; false at the end.
func (o *outbox) room(limit int, over <-chan struct{}) bool {
	for {
		o.mu.Lock()
		full := o.bytes >= limit
		o.mu.Unlock()
		if !full {
			return true
		}
		select {
		case <-o.taken:
		case <-over:
			return false
		}
	}
}

func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed, o.frames, o.late, o.bytes = true, nil, nil, 0
}

func signal(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
