package smb

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Conn is a connection to a server, [MS-SMB2] 3.2.1.2: one TCP connection on
// which a dialect was negotiated. Its methods may be called from any number of
// goroutines, with any number of requests under way.
type Conn struct {
	nc         net.Conn
	server     string // the host, as the caller named it
	cfg        Config
	negotiated negotiated

	mu       sync.Mutex // guards what follows
	out      []byte     // frames for the writer
	pending  map[uint64]*call
	sessions map[uint64]*Session
	credits  creditWindow
	breaks   breakQueue
	err      error // why the connection ended; nil while it lives

	outReady chan struct{} // tells the writer, capacity 1
	ended    chan struct{} // closed with err set
	tasks    sync.WaitGroup
}

// Dial connects to addr ("host:port") over TCP and negotiates a dialect.
func Dial(ctx context.Context, addr string, cfg *Config) (*Conn, error) {
	c := cfg.withDefaults()
	dialer := net.Dialer{KeepAlive: -1}
	if c.Timeout > 0 {
		dialer.Timeout = c.Timeout
	}
	nc, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, &OpError{Op: "connect", Path: addr, Err: err}
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	return NewConn(ctx, nc, host, cfg)
}

// NewConn negotiates a dialect on nc, which it owns from now on: when it
// fails, nc is closed. The server is called host in tree connects and errors.
func NewConn(ctx context.Context, nc net.Conn, host string, cfg *Config) (*Conn, error) {
	c := &Conn{
		nc:       nc,
		server:   host,
		cfg:      cfg.withDefaults(),
		pending:  make(map[uint64]*call),
		sessions: make(map[uint64]*Session),
		outReady: make(chan struct{}, 1),
		ended:    make(chan struct{}),
	}
	c.credits = newCreditWindow(c.cfg.Credits)
	c.breaks.ready = make(chan struct{}, 1)
	c.negotiated.maxTransact = smallestMaxSize // until it is known
	c.cfg.Trace.connected(nc.LocalAddr(), nc.RemoteAddr())
	c.tasks.Add(2)
	go c.read()
	go c.write()
	if err := c.negotiate(ctx); err != nil {
		c.Close()
		return nil, asOpError(err, "negotiate", host)
	}
	return c, nil
}

// Close closes the socket with a FIN, whatever is under way, and waits until
// the connection's goroutines have ended. It sends no LOGOFF. Later calls do
// nothing.
func (c *Conn) Close() error {
	c.end(net.ErrClosed)
	err := c.nc.Close()
	c.tasks.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Done is closed when the connection has ended; Err then says why.
func (c *Conn) Done() <-chan struct{} { return c.ended }

// Err returns why the connection ended, nil while it lives: net.ErrClosed
// after Close, ErrServerClosed, a network error, or what was wrong with the
// server's last message.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// RemoteAddr is the server's address.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// LocalAddr is the client's address.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// end records why the connection ended and fails every request under way. The
// first cause stays, and whoever brought it decides about the socket: first is
// true for that one only.
func (c *Conn) end(cause error) (first bool) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return false
	}
	c.err = cause
	calls := c.pending
	c.pending = nil
	close(c.ended)
	c.mu.Unlock()
	for _, call := range calls {
		call.err = cause
		close(call.done)
	}
	return true
}

// fail ends the connection because of what it met, and closes the socket: a
// server that breaks the protocol is not talked to any further.
func (c *Conn) fail(cause error) {
	if c.end(cause) {
		c.nc.Close()
	}
}

// goSilent stops reading and writing without touching the socket: the kernel
// goes on acknowledging what arrives. It returns when both goroutines have
// ended.
func (c *Conn) goSilent() {
	c.end(ErrFrozen)
	c.nc.SetDeadline(time.Unix(1, 0)) // wakes a blocked Read or Write
	c.tasks.Wait()
}

// write sends what the requests have queued: all there is in one write.
func (c *Conn) write() {
	defer c.tasks.Done()
	const keep = 1 << 20 // a larger buffer is not kept for the next round
	var spare []byte
	for {
		select {
		case <-c.outReady:
		case <-c.ended:
			return
		}
		c.mu.Lock()
		b := c.out
		c.out = spare[:0]
		c.mu.Unlock()
		if len(b) > 0 {
			if _, err := c.nc.Write(b); err != nil {
				c.fail(fmt.Errorf("send: %w", err))
				return
			}
		}
		if spare = b; cap(b) > keep {
			spare = nil
		}
	}
}

// read takes the server's messages until the connection ends. It alone looks
// at incoming bytes.
func (c *Conn) read() {
	defer c.tasks.Done()
	r := bufio.NewReaderSize(c.nc, 32<<10)
	for {
		frame, err := ReadFrame(r, c.maxIncoming())
		if err != nil {
			c.fail(readCause(err))
			return
		}
		if err := c.receive(frame); err != nil {
			c.fail(err)
			return
		}
	}
}

// readCause puts the end of the stream into words.
func readCause(err error) error {
	var decode *DecodeError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ErrServerClosed
	case errors.As(err, &decode):
		return err
	}
	return fmt.Errorf("receive: %w", err)
}

// maxIncoming bounds a frame: the largest payload that can be asked for, and
// room for what stands around it.
func (c *Conn) maxIncoming() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	payload := max(c.negotiated.maxTransact, c.negotiated.maxRead)
	return int(min(uint64(payload)+smallestMaxSize, MaxFrame))
}

// receive takes one frame: a message, a chain of them, or either in a
// TRANSFORM_HEADER, [MS-SMB2] 3.2.5.1.
func (c *Conn) receive(frame []byte) error {
	var sealedBy *Session
	if id, ok := TransformSessionID(frame); ok {
		c.mu.Lock()
		s := c.sessions[id]
		c.mu.Unlock()
		if s == nil || s.incoming == nil {
			return &DecodeError{"TRANSFORM_HEADER", "SessionId", fmt.Sprintf("0x%X has no key here", id)}
		}
		plain, err := s.incoming.Open(frame)
		if err != nil {
			return err
		}
		frame, sealedBy = plain, s
	}
	c.cfg.Trace.received(frame)
	for {
		h, msg, rest, err := SplitCompound(frame)
		if err != nil {
			return err
		}
		if h.Flags&FlagResponse == 0 {
			return &DecodeError{h.Command.String() + " response", "Flags", "mark it as a request"}
		}
		if h.MessageID == UnsolicitedID {
			err = c.takeBreak(h, msg)
		} else {
			err = c.takeResponse(h, msg, sealedBy)
		}
		if err != nil || rest == nil {
			return err
		}
		frame = rest
	}
}

// takeResponse hands a response to the request it answers. A response that
// answers nothing is dropped, as [MS-SMB2] 3.2.5.1.2 has it.
func (c *Conn) takeResponse(h Header, msg []byte, sealedBy *Session) error {
	c.mu.Lock()
	call := c.pending[h.MessageID]
	c.mu.Unlock()
	if call == nil {
		return nil
	}
	if h.Command != call.command {
		return &DecodeError{call.command.String() + " response", "Command", "is " + h.Command.String()}
	}
	interim := h.Status == StatusPending && h.Flags&FlagAsync != 0
	if err := call.authenticate(h, msg, sealedBy, interim); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	c.credits.grant(h.Credits)
	if !call.interim {
		c.credits.settle(call.charge)
	}
	if interim {
		call.asyncID, call.interim = h.AsyncID, true
		return nil
	}
	delete(c.pending, h.MessageID)
	call.header, call.msg = h, msg
	close(call.done)
	if call.abandoned {
		c.closeLate(call)
	}
	if c.credits.available == 0 && len(c.pending) == 0 {
		return errors.New("the server granted no credit to send anything more with")
	}
	return nil
}
