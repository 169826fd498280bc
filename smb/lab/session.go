package lab

import (
	"encoding/binary"
	"hash/fnv"
	"io"
	"time"

	"err32/smb"
)

// session is a user's log-on, [MS-SMB2] 3.3.1.8.
type session struct {
	server *Server
	conn   *conn // nil once the connection is lost and the temperament lets its opens linger
	client string
	id     uint64
	user   *User // nil for an anonymous one; a further log-on may change it

	established bool // the log-on has succeeded
	ended       bool
	logon       *logon          // under way: the first, or a further one of an established session
	preauth     smb.PreauthHash // over the log-on under way
	previous    uint64          // PreviousSessionId of the log-on under way
	signing     smb.SigningAlgorithm
	signer      *smb.Signer // nil for a session that began as an anonymous one
	incoming    *smb.Sealer // nil without a cipher
	outgoing    *smb.Sealer
	mustSign    bool // unsigned requests are refused
	encrypted   bool // plain requests are refused

	since       time.Time
	lastRequest time.Time
	trees       map[uint32]*tree
	opens       map[uint64]*open // by the volatile id
	linger      *time.Timer
}

// userName is the name the session table shows.
func (s *session) userName() string {
	if s.user == nil {
		return ""
	}
	return s.user.Name
}

// admin reports whether the session's user is an administrator.
func (s *session) admin() bool { return s.user != nil && s.user.admin() }

// newSession enters a session whose log-on begins.
func (s *Server) newSession(c *conn) *session {
	session := &session{
		server: s, conn: c, client: c.client, since: s.now(), lastRequest: s.now(), preauth: c.preauth,
		trees: make(map[uint32]*tree), opens: make(map[uint64]*open),
	}
	for session.id == 0 || s.sessions[session.id] != nil {
		session.id = binary.LittleEndian.Uint64(random(8)) >> 8
	}
	s.sessions[session.id] = session
	c.sessions[session.id] = session
	return session
}

// sessionSetup takes one step of a log-on, [MS-SMB2] 3.3.5.5.
func (r *request) sessionSetup(m *smb.SessionSetupRequest) (smb.Message, smb.NTStatus) {
	c, s := r.conn, r.server()
	if m.Flags&smb.SessionBinding != 0 {
		return nil, r.refuseBinding()
	}
	session := c.sessions[r.header.SessionID]
	switch {
	case r.header.SessionID == 0:
		if len(c.sessions) >= s.Limits.Sessions || c.logOns() >= s.Limits.LogOns {
			return nil, smb.StatusTooManySessions
		}
		session = s.newSession(c)
	case session == nil:
		return nil, smb.StatusUserSessionDeleted
	}
	r.header.SessionID = session.id
	r.chain.sessionID = session.id
	if session.logon == nil {
		session.logon = newLogon(s.Name, s.findUser, s.now())
		session.previous = m.PreviousSessionID
		if session.established {
			session.preauth = c.preauth
		}
	}
	if c.dialect == smb.SMB311 {
		session.preauth.Add(r.msg)
	}
	reply, done, status := session.logon.next(m.SecurityBuffer)
	if status == smb.StatusMoreProcessingRequired && !done {
		if c.dialect == smb.SMB311 {
			r.sent = session.preauth.Add
		}
		return &smb.SessionSetupResponse{SecurityBuffer: reply}, status
	}
	finished := session.logon
	session.logon = nil
	if status == smb.StatusSuccess {
		status = session.establish(r, finished, m)
	}
	if status != smb.StatusSuccess {
		s.logLogonFailure(session, finished, status)
		s.endSession(session, closedByLogoff)
		return nil, status
	}
	answer := &smb.SessionSetupResponse{SecurityBuffer: reply}
	if session.user == nil {
		answer.Flags |= smb.SessionAnonymous
	}
	if session.encrypted {
		answer.Flags |= smb.SessionEncryptData
	}
	return answer, status
}

// establish makes a session of a log-on that has succeeded, or renews one.
func (session *session) establish(r *request, l *logon, m *smb.SessionSetupRequest) smb.NTStatus {
	c, s := r.conn, r.server()
	domain, name := l.user()
	user := s.userNamed(domain, name)
	if l.anonymous() {
		user = nil
	} else if user == nil {
		return smb.StatusLogonFailure
	}
	if session.established {
		// The keys stay, and the opens with the rights they have. That another
		// user takes over [MS-SMB2] 3.3.5.5.3 leaves to sessions that have
		// expired; Windows and Samba let it happen at any time.
		if user != session.user {
			session.user = user
			s.logLogon(session)
		}
		return smb.StatusSuccess
	}
	if user == nil && (s.Signing == smb.Required || s.Encryption == smb.Required || c.dialect == smb.SMB311) {
		return smb.StatusAccessDenied // nothing could be signed
	}
	session.user = user
	session.mustSign = s.Signing == smb.Required || smb.SecurityMode(m.SecurityMode)&smb.SigningRequired != 0
	if key := l.sessionKey(); user != nil {
		keys := smb.DeriveSessionKeys(c.dialect, c.cipher, key, session.preauth[:])
		var err error
		session.signing = c.signing
		if session.signer, err = smb.NewSigner(c.signing, keys.Signing); err != nil {
			return smb.StatusInternalError
		}
		if c.cipher != 0 {
			if session.incoming, err = smb.NewSealer(c.cipher, keys.ClientToServer); err != nil {
				return smb.StatusInternalError
			}
			if session.outgoing, err = smb.NewSealer(c.cipher, keys.ServerToClient); err != nil {
				return smb.StatusInternalError
			}
		}
		session.encrypted = s.Encryption == smb.Required
		// The last answer proves the key: it is signed whenever the session may be.
		r.mustSign, r.signWith = true, session
	}
	session.established = true
	c.limit.Store(int64(s.Limits.Message))
	s.checkSilence(c) // from now on another limit counts
	s.endPrevious(session)
	s.logLogon(session)
	return smb.StatusSuccess
}

// endPrevious ends the session that the client says it has lost, if it is the
// same user's, as a lost connection would, [MS-SMB2] 3.3.5.5.3.
func (s *Server) endPrevious(session *session) {
	old := s.sessions[session.previous]
	if old == nil || old == session || !old.established || old.user != session.user {
		return
	}
	s.dropSession(old, closedByPrevious)
}

// refuseBinding answers the wish to bind a session to a further connection,
// [MS-SMB2] 3.3.5.5: the server offers no multichannel. It looks for the session
// all the same, as Windows does (note 290), and at the signing algorithm, as
// Samba does.
func (r *request) refuseBinding() smb.NTStatus {
	session := r.server().sessions[r.header.SessionID]
	switch {
	case session == nil || !session.established:
		return smb.StatusUserSessionDeleted
	case session.signer == nil || session.signing == r.conn.signing:
		return smb.StatusRequestNotAccepted
	case session.signing == smb.SigningAESGMAC:
		return smb.StatusRequestOutOfSequence
	case r.conn.signing == smb.SigningAESGMAC:
		return smb.StatusNotSupported
	}
	return smb.StatusRequestNotAccepted
}

// logoff ends the session, [MS-SMB2] 3.3.5.6. Its durable opens stay.
func (r *request) logoff() (smb.Message, smb.NTStatus) {
	r.server().dropSession(r.session, closedByLogoff)
	r.abortAll(func(p *request) bool { return p.session == r.session })
	return &smb.LogoffResponse{}, smb.StatusSuccess
}

// dropSession ends a session but for its durable opens, which then wait to be
// claimed.
func (s *Server) dropSession(session *session, why closeReason) {
	for _, o := range session.opens {
		s.disconnectOpen(o)
	}
	s.endSession(session, why)
}

// endSession ends a session with all its opens.
func (s *Server) endSession(session *session, why closeReason) {
	if session.ended {
		return
	}
	session.ended = true
	for _, o := range session.opens {
		s.closeOpen(o, why)
	}
	clear(session.trees)
	delete(s.sessions, session.id)
	if session.linger != nil {
		session.linger.Stop()
	}
	if c := session.conn; c != nil {
		delete(c.sessions, session.id)
		if session.established && !c.loggedOn() {
			c.alone = s.now()
			c.silence.Reset(s.Limits.IdleLogOn)
		}
		for _, r := range c.pending {
			if r.session == session {
				r.abort()
			}
		}
	}
	if session.established {
		s.logLogoff(session, why)
	}
}

// loseSession deals with a session whose connection is lost, [MS-SMB2]
// 3.3.7.1: durable opens stay as the client may come back, and the others for
// as long as the temperament says.
func (s *Server) loseSession(session *session) {
	session.conn = nil
	for _, o := range session.opens {
		s.disconnectOpen(o)
	}
	stay := s.Temperament.Linger - s.now().Sub(session.lastRequest)
	if s.Temperament.Linger <= 0 || stay <= 0 || len(session.opens) == 0 || s.closed {
		why := closedByLoss
		switch {
		case s.closed:
			why = closedByServer
		case s.Temperament.Linger > 0 && len(session.opens) > 0:
			why = closedByLinger
		}
		s.endSession(session, why)
		return
	}
	session.linger = s.after(stay, func() { s.endSession(session, closedByLinger) })
}

// findUser returns the hash of a user's password, for the log-on.
func (s *Server) findUser(domain, name string) (hash [16]byte, ok bool) {
	if u := s.userNamed(domain, name); u != nil {
		return ntHash(u.Password), true
	}
	return hash, false
}

// userNamed finds a user; a standalone server takes any domain for its own.
func (s *Server) userNamed(_, name string) *User {
	for i := range s.Users {
		if fold(s.Users[i].Name) == fold(name) {
			return &s.Users[i]
		}
	}
	return nil
}

// client16 is a number of the client's, as Samba's process id is.
func (s *session) client16() uint32 {
	h := fnv.New32a()
	io.WriteString(h, s.client)
	return h.Sum32() & 0x7FFF // so that nobody shows the ids made with it as negative
}
