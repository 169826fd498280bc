package smb

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// request is one message to be sent.
type request struct {
	msg     Message
	tree    uint32
	payload uint32 // bytes that it carries or asks for, whichever is more
	sign    bool   // even if the session does not require it
	seal    bool   // even if the session does not require it
	keep    bool   // keep the encoded message in call.sent
}

// call is a request under way. Its fields are guarded by the connection's
// mutex until done is closed.
type call struct {
	conn      *Conn
	session   *Session // nil before a log-on
	command   Command
	messageID uint64
	charge    int // MessageIds used
	tree      uint32
	signed    bool
	sealed    bool
	begun     time.Time // when it was sent: the time-out counts from there

	asyncID   uint64
	interim   bool // STATUS_PENDING has come
	abandoned bool // nobody waits any more

	sent   []byte        // the request, if it was to be kept
	done   chan struct{} // closed when the call is over
	header Header
	msg    []byte // the final response; nil when err is set
	err    error
}

// start sends requests: one, or several as a chain of related operations in
// one frame, [MS-SMB2] 3.2.4.1.4. It waits for credits, not for answers.
func (c *Conn) start(ctx context.Context, s *Session, requests ...request) ([]*call, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	need := 0
	for _, r := range requests {
		need += c.charge(r)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.awaitCredits(ctx, need); err != nil {
		return nil, err
	}
	calls, err := c.queue(s, requests)
	if err != nil {
		c.credits.giveBack(need)
		return nil, err
	}
	for _, call := range calls {
		c.pending[call.messageID] = call
	}
	c.wakeWriter()
	return calls, nil
}

// charge is the number of credits of a request. Before dialect 2.1, and
// without the large MTU, every request costs one.
func (c *Conn) charge(r request) int {
	if !c.negotiated.multiCredit {
		return 1
	}
	return creditCharge(r.payload)
}

// affordable is the most of size bytes that one request may carry or ask for
// with the credits there are. A server that grants few must not be asked for
// more than it will ever grant.
func (c *Conn) affordable(size uint32) uint32 {
	if !c.negotiated.multiCredit {
		return size // one credit is enough
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return uint32(min(uint64(size), uint64(max(c.credits.held(), 1))*creditPayload))
}

// errFewCredits is a request that needs more credits than there will be.
var errFewCredits = errors.New("too few credits")

// awaitCredits returns with the mutex held, as it was called, once need
// credits may be taken. Requests are served in the order they came.
func (c *Conn) awaitCredits(ctx context.Context, need int) error {
	if c.err == nil && len(c.credits.waiters) == 0 && c.credits.available >= need {
		return nil
	}
	turn := c.credits.enqueue()
	defer c.credits.leave(turn)
	timeout, stop := c.timer(time.Now())
	defer stop()
	for {
		switch {
		case c.err != nil:
			return c.err
		case c.credits.waiters[0] == turn && c.credits.available >= need:
			return nil
		case c.credits.waiters[0] == turn && len(c.pending) == 0:
			return fmt.Errorf("%w: the server granted %d, and the request needs %d", errFewCredits, c.credits.available, need)
		}
		c.mu.Unlock()
		var err error
		select {
		case <-turn:
		case <-c.ended:
		case <-ctx.Done():
			err = ctx.Err()
		case <-timeout:
			err = &timeoutError{fmt.Sprintf("no credit to send with for %v: the server does not answer", c.cfg.Timeout)}
		}
		c.mu.Lock()
		if err != nil {
			return err
		}
	}
}

// timer returns a channel that fires when the configured time-out has passed
// since begin; stop frees it.
func (c *Conn) timer(begin time.Time) (<-chan time.Time, func()) {
	if c.cfg.Timeout <= 0 {
		return nil, func() {}
	}
	t := time.NewTimer(time.Until(begin.Add(c.cfg.Timeout)))
	return t.C, func() { t.Stop() }
}

// queue encodes, signs and seals the requests into the writer's buffer. The
// credits for them are there, and the mutex is held: on the wire the
// MessageIds are in order.
func (c *Conn) queue(s *Session, requests []request) ([]*call, error) {
	now := time.Now()
	calls := make([]*call, len(requests))
	block := make([]call, len(requests))
	frame := len(c.out)
	c.out = AppendFrameHeader(c.out)
	seal := s != nil && s.outgoing != nil && (s.encryptData || requests[0].seal)
	sign := s != nil && s.signer != nil && !seal && (s.signingRequired || requests[0].sign)
	if seal {
		c.out = appendZero(c.out, transformHeaderSize)
	}
	for i, r := range requests {
		charge := c.charge(r)
		h := Header{CreditCharge: uint16(charge), TreeID: r.tree, Credits: c.credits.ask(charge)}
		if c.negotiated.dialect == SMB202 || c.negotiated.dialect == 0 {
			h.CreditCharge = 0
		}
		h.MessageID = c.credits.take(charge)
		if s != nil {
			h.SessionID = s.id
		}
		if i > 0 {
			h.Flags |= FlagRelated
		}
		if sign {
			h.Flags |= FlagSigned
		}
		start := len(c.out)
		c.out = Append(c.out, h, r.msg)
		if i < len(requests)-1 {
			c.out = pad8(c.out, start)
			le.PutUint32(c.out[start+20:], uint32(len(c.out)-start)) // NextCommand
		}
		if sign {
			s.signer.Sign(c.out[start:])
		}
		block[i] = call{conn: c, session: s, command: r.msg.Command(), messageID: h.MessageID, charge: charge,
			tree: r.tree, signed: sign, sealed: seal, begun: now, done: make(chan struct{})}
		if r.keep {
			block[i].sent = append([]byte(nil), c.out[start:]...)
		}
		calls[i] = &block[i]
	}
	return calls, c.finishFrame(s, frame, seal)
}

// finishFrame closes the frame that begins at start of the writer's buffer. A
// message to be sealed has left room for the TRANSFORM_HEADER before it.
func (c *Conn) finishFrame(s *Session, start int, seal bool) error {
	message := c.out[start+frameHeader:]
	if seal {
		message = message[transformHeaderSize:]
	}
	c.cfg.Trace.sent(message)
	if seal {
		sealed, err := s.outgoing.Seal(c.out[:start+frameHeader], message, s.id)
		if err != nil {
			c.out = c.out[:start]
			return err
		}
		c.out = sealed
	}
	if err := FinishFrame(c.out, start); err != nil {
		c.out = c.out[:start]
		return err
	}
	return nil
}

func (c *Conn) wakeWriter() {
	select {
	case c.outReady <- struct{}{}:
	default:
	}
}

// wait returns when the call is over, or gives it up when ctx ends or the
// time-out passes: it is then cancelled on the server too.
func (k *call) wait(ctx context.Context) error {
	select {
	case <-k.done:
		return k.err
	default:
	}
	timeout, stop := k.conn.timer(k.begun)
	defer stop()
	select {
	case <-k.done:
		return k.err
	case <-ctx.Done():
		k.abandon()
		return ctx.Err()
	case <-timeout:
		if k.abandon() {
			return &timeoutError{fmt.Sprintf("the server said STATUS_PENDING and nothing more within %v", k.conn.cfg.Timeout)}
		}
		return &timeoutError{fmt.Sprintf("no answer within %v", k.conn.cfg.Timeout)}
	}
}

// abandon sends CANCEL for a call that nobody waits for any more,
// [MS-SMB2] 3.2.4.24. The entry stays until the final answer, for its credits
// and in case it is an open after all. It reports whether the server had
// taken the request up.
func (k *call) abandon() (interim bool) {
	c := k.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil || k.abandoned {
		return k.interim
	}
	select {
	case <-k.done: // the answer came while the caller gave up
		k.abandoned = true
		c.closeLate(k)
		return k.interim
	default:
	}
	k.abandoned = true
	switch k.command {
	case CommandNegotiate, CommandSessionSetup:
		// There is no session yet to cancel anything in.
	case CommandClose, CommandTreeDisconnect, CommandLogoff:
		// What is to be given up is better given up late than never.
	default:
		c.queueCancel(k)
	}
	return k.interim
}

// queueCancel sends CANCEL. It uses the MessageId of the request it cancels,
// takes no credit and has no answer. The mutex is held.
func (c *Conn) queueCancel(k *call) {
	h := Header{MessageID: k.messageID}
	if k.interim {
		h.Flags, h.AsyncID = FlagAsync, k.asyncID
	}
	if k.session != nil {
		h.SessionID = k.session.id
	}
	if k.signed {
		h.Flags |= FlagSigned
	}
	start := len(c.out)
	c.out = AppendFrameHeader(c.out)
	if k.sealed {
		c.out = appendZero(c.out, transformHeaderSize)
	}
	message := len(c.out)
	c.out = Append(c.out, h, &CancelRequest{})
	if k.signed {
		k.session.signer.Sign(c.out[message:])
	}
	if c.finishFrame(k.session, start, k.sealed) == nil {
		c.wakeWriter()
	}
}

// closeLate closes the open that an abandoned CREATE got after all. If its
// chain has closed it before, the server says so and nothing is lost. The
// mutex is held.
func (c *Conn) closeLate(k *call) {
	if k.command != CommandCreate || k.header.Status.IsError() {
		return
	}
	_, m, err := ParseResponse(k.msg)
	created, ok := m.(*CreateResponse)
	if err != nil || !ok {
		return
	}
	c.tasks.Add(1)
	go func() {
		defer c.tasks.Done()
		calls, err := c.start(context.Background(), k.session, request{msg: &CloseRequest{FileID: created.FileID}, tree: k.tree})
		if err == nil {
			calls[0].wait(context.Background())
		}
	}()
}

// authenticate checks that a response is signed or sealed as its request was,
// [MS-SMB2] 3.2.5.1.3 and 3.2.5.1.1. Interim responses may be unsigned: Samba
// does not sign them.
func (k *call) authenticate(h Header, msg []byte, sealedBy *Session, interim bool) error {
	switch {
	case sealedBy != nil && (sealedBy != k.session || h.SessionID != sealedBy.id):
		return &DecodeError{k.command.String() + " response", "SessionId", "is not the TRANSFORM_HEADER's, or not the request's"}
	case sealedBy != nil:
		return nil
	case k.sealed:
		return fmt.Errorf("%s response: %w", k.command, ErrNotEncrypted)
	case !k.signed || interim:
		return nil
	}
	if h.Flags&FlagSigned == 0 || !k.session.signer.Verify(msg) {
		return fmt.Errorf("%s response: %w", k.command, ErrSignature)
	}
	return nil
}

// result waits for the call and decodes its response. A status other than
// success, and those in more, is an error.
func (k *call) result(ctx context.Context, op, path string, more ...NTStatus) (Message, NTStatus, error) {
	if err := k.wait(ctx); err != nil {
		return nil, 0, &OpError{Op: op, Path: path, Err: err}
	}
	status := k.header.Status
	accepted := status == StatusSuccess
	for _, s := range more {
		accepted = accepted || status == s
	}
	if !accepted {
		return nil, status, &OpError{Op: op, Path: path, Status: status}
	}
	_, m, err := ParseResponse(k.msg)
	if err != nil {
		return nil, status, &OpError{Op: op, Path: path, Err: err}
	}
	return m, status, nil
}

// roundTrip sends one request and waits for its answer.
func (c *Conn) roundTrip(ctx context.Context, s *Session, r request, op, path string, more ...NTStatus) (Message, NTStatus, error) {
	calls, err := c.start(ctx, s, r)
	if err != nil {
		return nil, 0, &OpError{Op: op, Path: path, Err: err}
	}
	return calls[0].result(ctx, op, path, more...)
}

// Echo asks the server for a sign of life, [MS-SMB2] 3.2.4.25. It works with
// and without a session.
func (c *Conn) Echo(ctx context.Context) error {
	_, _, err := c.roundTrip(ctx, nil, request{msg: &EchoRequest{}}, "echo", "")
	return err
}
