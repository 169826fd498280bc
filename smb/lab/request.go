package lab

import (
	"errors"

	"err32/smb"
)

// The causes that end a connection besides the network's.
var (
	errSilent   = errors.New("the client has been silent for too long")
	errCredits  = errors.New("the client used a MessageId it was not given")
	errProtocol = errors.New("the client does not speak SMB2")
	errUnsigned = errors.New("the client did not sign what it must")
	errSlow     = errors.New("the client began a message and did not send the rest in time")
	errSeal     = errors.New("the client sent what its session's key does not decrypt")
	errAltered  = errors.New("the client remembers the negotiation otherwise than it was")
	errAdmin    = errors.New("an administrator ended it")
	errFault    = errors.New("the server was told to end it (fault)")
)

// chain is a frame's requests, [MS-SMB2] 3.3.5.2.7, and the answers to them so
// far.
type chain struct {
	conn   *conn
	sealer *session // whose key the frame was encrypted with; nil for plain text

	// What related requests take over from the one before.
	sessionID uint64
	treeID    uint32
	fileID    *smb.FileID
	failed    smb.NTStatus // there is no file, and this is why
	broken    bool         // there is no session or tree: the related ones fail

	answers []answer
	unsent  int  // bytes of answers
	size    int  // bytes of all answers so far
	frame   int  // bytes of the frame, which stays in memory while a request of it waits
	given   bool // the reading of the connection was given away
}

// request is one request being run.
type request struct {
	chain   *chain
	conn    *conn
	header  smb.Header
	msg     []byte
	body    smb.Message
	last    bool // no other follows it in its chain
	first   bool
	session *session
	tree    *tree

	sealed    bool
	mustSign  bool // the answer is signed
	asyncID   uint64
	cancelled chan struct{}
	isOver    bool          // cancelled was closed
	answered  chan struct{} // of one that waits: closed when it has its answer
	signWith  *session
	sent      func(msg []byte) // takes the answer as it goes out
	wrong     faultEffect
}

func (r *request) server() *Server { return r.conn.server }

// handle runs the requests of a frame. mine is false when the reading of the
// connection was given away meanwhile. An error ends the connection.
func (c *conn) handle(frame []byte) (mine bool, err error) {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.ended {
		return false, nil
	}
	ch := &chain{conn: c, frame: len(frame)}
	defer ch.release()
	if id, sealed := smb.TransformSessionID(frame); sealed {
		session := c.sessions[id]
		if session == nil || session.incoming == nil {
			return false, errSeal
		}
		if frame, err = session.incoming.Open(frame); err != nil {
			return false, errSeal
		}
		ch.sealer = session
	} else if isSMB1(frame) {
		return true, c.negotiateSMB1(frame)
	}
	given := c.window.high // what is granted from here on, the client cannot know yet
	for first := true; frame != nil; first = false {
		if !first {
			s.mu.Unlock() // a long chain does not keep the others waiting
			s.mu.Lock()
		}
		h, msg, rest, err := smb.SplitCompound(frame)
		if err != nil {
			return false, errors.Join(errProtocol, err)
		}
		if c.ended {
			return false, nil
		}
		frame = rest
		r := &request{chain: ch, conn: c, header: h, msg: msg, first: first, last: rest == nil, sealed: ch.sealer != nil, cancelled: make(chan struct{})}
		if h.Command == smb.CommandCancel {
			c.cancel(r)
			continue
		}
		if h.Flags&smb.FlagResponse != 0 || h.Command > smb.CommandOplockBreak && first {
			// [MS-SMB2] 3.3.5.2.6. An unknown command further on in a compound is
			// refused as Samba does it: what came before has its answers.
			return false, errProtocol
		}
		if !c.window.take(h.MessageID, c.charge(h), given) {
			return false, errCredits
		}
		c.lastRequest = s.now()
		body, status := r.run()
		if c.ended {
			return false, nil
		}
		if body != nil {
			r.answer(body, status)
		}
	}
	ch.flush()
	return !ch.given, nil
}

// charge is how many MessageIds a request uses, [MS-SMB2] 3.3.5.2.3.
func (c *conn) charge(h smb.Header) uint16 {
	if !c.multiCredit() {
		return 1
	}
	return max(h.CreditCharge, 1)
}

func (c *conn) multiCredit() bool { return c.negotiated && c.dialect != smb.SMB202 }

// run checks a request and hands it to its command. No body: no answer.
func (r *request) run() (smb.Message, smb.NTStatus) {
	status := r.admit()
	var body smb.Message
	if status == smb.StatusSuccess {
		r.wrong = r.server().faultsFor(r)
		if status = r.wrong.status; status == smb.StatusSuccess {
			body, status = r.dispatch()
		}
	}
	if r.gone() {
		return nil, status
	}
	if body == nil {
		r.server().logRefusal(r, status)
		return r.fails(status), status
	}
	r.chain.failed = smb.StatusSuccess
	return body, status
}

// fails is the answer to a request that failed. The related requests behind it
// fail too if it was to make what they are about.
func (r *request) fails(status smb.NTStatus) smb.Message {
	switch r.header.Command {
	case smb.CommandCreate:
		r.chain.failed, r.chain.fileID = status, nil
	case smb.CommandSessionSetup, smb.CommandTreeConnect:
		r.chain.broken = true
	}
	return &smb.ErrorResponse{To: r.header.Command}
}

// gone reports whether the connection has ended: nobody waits for an answer.
func (r *request) gone() bool { return r.conn.ended }

// dispatch runs the request's command.
func (r *request) dispatch() (smb.Message, smb.NTStatus) {
	switch m := r.body.(type) {
	case *smb.NegotiateRequest:
		return r.negotiate(m)
	case *smb.SessionSetupRequest:
		return r.sessionSetup(m)
	case *smb.LogoffRequest:
		return r.logoff()
	case *smb.TreeConnectRequest:
		return r.treeConnect(m)
	case *smb.TreeDisconnectRequest:
		return r.treeDisconnect()
	case *smb.CreateRequest:
		return r.create(m)
	case *smb.CloseRequest:
		return r.close(m)
	case *smb.FlushRequest:
		return r.flush(m)
	case *smb.ReadRequest:
		return r.read(m)
	case *smb.WriteRequest:
		return r.write(m)
	case *smb.LockRequest:
		return r.lock(m)
	case *smb.IOCTLRequest:
		return r.ioctl(m)
	case *smb.EchoRequest:
		return &smb.EchoResponse{}, smb.StatusSuccess
	case *smb.QueryDirectoryRequest:
		return r.queryDirectory(m)
	case *smb.ChangeNotifyRequest:
		return r.changeNotify(m)
	case *smb.QueryInfoRequest:
		return r.queryInfo(m)
	case *smb.SetInfoRequest:
		return r.setInfo(m)
	case *smb.OplockBreakAck:
		return r.oplockBreakAck(m)
	case *smb.LeaseBreakAck:
		return r.leaseBreakAck(m)
	}
	return nil, smb.StatusInvalidParameter
}

// admit checks what is checked of every request before it is run, and finds
// its session and tree, [MS-SMB2] 3.3.5.2.
func (r *request) admit() smb.NTStatus {
	c, h := r.conn, &r.header
	related := h.Flags&smb.FlagRelated != 0
	if related && !r.first {
		h.SessionID, h.TreeID = r.chain.sessionID, r.chain.treeID
	}
	r.chain.sessionID, r.chain.treeID = h.SessionID, h.TreeID
	if !related || r.first {
		r.chain.fileID, r.chain.failed, r.chain.broken = nil, smb.StatusSuccess, related
	}
	if !c.negotiated && h.Command != smb.CommandNegotiate {
		c.server.endConn(c, errProtocol)
		return smb.StatusInvalidParameter
	}
	status := r.findSession()
	if related && (r.chain.broken || status == smb.StatusUserSessionDeleted) {
		return smb.StatusInvalidParameter // [MS-SMB2] 3.3.5.2.7.2 and its note 269
	}
	if status != smb.StatusSuccess {
		return status
	}
	if r.chain.size >= c.server.Limits.Unread {
		return smb.StatusInsufficientResources
	}
	_, body, err := smb.ParseRequest(r.msg)
	if err != nil {
		return smb.StatusInvalidParameter
	}
	r.body = body
	if c.multiCredit() && h.Command != smb.CommandNegotiate && c.payload(body) > max(uint64(h.CreditCharge), 1)*64<<10 {
		return smb.StatusInvalidParameter
	}
	return r.findTree()
}

// payload is how many bytes a request or its answer carries, for its credit
// charge, [MS-SMB2] 3.3.5.2.5.
func (c *conn) payload(m smb.Message) uint64 {
	switch m := m.(type) {
	case *smb.ReadRequest:
		return uint64(m.Length)
	case *smb.WriteRequest:
		return uint64(len(m.Data))
	case *smb.IOCTLRequest:
		return max(uint64(len(m.Input)), uint64(m.MaxOutput))
	case *smb.QueryDirectoryRequest:
		return uint64(m.MaxOutput)
	case *smb.ChangeNotifyRequest:
		return uint64(m.MaxOutput)
	case *smb.QueryInfoRequest:
		return max(uint64(len(m.Input)), uint64(m.MaxOutput))
	case *smb.SetInfoRequest:
		return uint64(len(m.Input))
	}
	return 0
}

// findSession finds the request's session and checks its signature or
// encryption, [MS-SMB2] 3.3.5.2.4, 3.3.5.2.9.
func (r *request) findSession() smb.NTStatus {
	c, h := r.conn, &r.header
	signed := h.Flags&smb.FlagSigned != 0
	if h.Command == smb.CommandNegotiate {
		return smb.StatusSuccess
	}
	if h.Command == smb.CommandSessionSetup {
		// A log-on has no session yet; a second one on a session is signed by
		// it, and so is the wish to bind a session of another connection.
		if s := c.server.sessions[h.SessionID]; s != nil && s.conn != c && s.signer != nil && signed && !r.sealed {
			if !s.signer.Verify(r.msg) {
				return smb.StatusAccessDenied
			}
			r.mustSign, r.signWith = true, s
		} else if s := c.sessions[h.SessionID]; s != nil && s.established {
			r.session, r.signWith = s, s
			if r.sealed && r.chain.sealer != s {
				return smb.StatusAccessDenied
			}
			if signed && !r.sealed && (s.signer == nil || !s.signer.Verify(r.msg)) {
				return smb.StatusAccessDenied
			}
			r.mustSign = signed && !r.sealed && s.signer != nil
		}
		return smb.StatusSuccess
	}
	if h.Command == smb.CommandEcho && h.SessionID == 0 {
		return smb.StatusSuccess
	}
	s := c.sessions[h.SessionID]
	if s == nil || !s.established {
		return smb.StatusUserSessionDeleted
	}
	r.session = s
	s.lastRequest = c.server.now()
	switch {
	case r.sealed:
		if r.chain.sealer != s {
			return smb.StatusAccessDenied
		}
	case s.encrypted:
		return smb.StatusAccessDenied
	case signed:
		if s.signer == nil {
			return smb.StatusSuccess // a null session's message: nothing to check it with
		}
		if !s.signer.Verify(r.msg) {
			return smb.StatusAccessDenied
		}
		r.mustSign, r.signWith = true, s
	case s.mustSign:
		return smb.StatusAccessDenied
	}
	return smb.StatusSuccess
}

// findTree finds the request's tree connect, [MS-SMB2] 3.3.5.2.11.
func (r *request) findTree() smb.NTStatus {
	switch r.header.Command {
	case smb.CommandNegotiate, smb.CommandSessionSetup, smb.CommandLogoff, smb.CommandTreeConnect, smb.CommandEcho, smb.CommandOplockBreak:
		return smb.StatusSuccess
	}
	t := r.session.trees[r.header.TreeID]
	if t == nil {
		return smb.StatusNetworkNameDeleted
	}
	if t.share.encrypt && !r.sealed && r.conn.cipher != 0 {
		return smb.StatusAccessDenied
	}
	r.tree = t
	return smb.StatusSuccess
}
