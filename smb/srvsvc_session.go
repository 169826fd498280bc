package smb

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// SessionFields says which fields of a SessionInfo the server has told.
type SessionFields uint8

// The fields of a SessionInfo besides Client.
const (
	SessionHasUser       SessionFields = 1 << iota // User
	SessionHasOpens                                // Opens
	SessionHasTimes                                // Age and Idle
	SessionHasFlags                                // Flags
	SessionHasClientType                           // ClientType
	SessionHasTransport                            // Transport
)

// The bits of SessionInfo.Flags, [MS-SRVS] 2.2.2.3.
const (
	SessGuest        uint32 = 0x1 // SESS_GUEST: logged on by the guest account
	SessNoEncryption uint32 = 0x2 // SESS_NOENCRYPTION: logged on without password encryption
)

// SessionInfo is one session on the server: SESSION_INFO_502, or what levels
// 2, 1, 10 or 0 have of it, [MS-SRVS] 2.2.4.11 to 2.2.4.15.
type SessionInfo struct {
	// Level is the information level this row came in.
	Level uint32
	// Client is the client's name, in practice mostly its address. As a
	// filter it is written with `\\` before it.
	Client string
	// User is the name of the session's user.
	User string
	// Opens is the number of files, directories and pipes the session has
	// open. Samba counts the opens of that process and user.
	Opens uint32
	// Age is the time since the session began, in whole seconds.
	Age time.Duration
	// Idle is the time since its last request, in whole seconds. On Samba it
	// is always 0.
	Idle time.Duration
	// Flags tells how the user logged on: SessGuest, SessNoEncryption.
	Flags uint32
	// ClientType is a text the client has sent about itself.
	ClientType string
	// Transport is the name of the transport, such as `\Device\NetbiosSmb`.
	Transport string
}

// Known returns the fields the row's level has; the others are zero.
func (s SessionInfo) Known() SessionFields {
	switch s.Level {
	case 1:
		return SessionHasUser | SessionHasOpens | SessionHasTimes | SessionHasFlags
	case 2:
		return SessionHasUser | SessionHasOpens | SessionHasTimes | SessionHasFlags | SessionHasClientType
	case 10:
		return SessionHasUser | SessionHasTimes
	case 502:
		return SessionHasUser | SessionHasOpens | SessionHasTimes | SessionHasFlags | SessionHasClientType | SessionHasTransport
	}
	return 0
}

// layout lays out SESSION_INFO_<level>; the fields stand in one order at all
// levels.
func (s *SessionInfo) layout(n *ndr, level uint32) {
	s.Level = level
	known := s.Known()
	n.string("cname", &s.Client)
	if known&SessionHasUser != 0 {
		n.string("username", &s.User)
	}
	if known&SessionHasOpens != 0 {
		n.uint32("num_opens", &s.Opens)
	}
	if known&SessionHasTimes != 0 {
		n.seconds("time", &s.Age)
		n.seconds("idle_time", &s.Idle)
	}
	if known&SessionHasFlags != 0 {
		n.uint32("user_flags", &s.Flags)
	}
	if known&SessionHasClientType != 0 {
		n.string("cltype_name", &s.ClientType)
	}
	if known&SessionHasTransport != 0 {
		n.string("transport", &s.Transport)
	}
}

// seconds lays out a DWORD that counts seconds. A negative number is read as 0:
// Samba sends -1 for what began within this second.
func (n *ndr) seconds(field string, d *time.Duration) {
	v := uint32(*d / time.Second)
	n.uint32(field, &v)
	if !n.writing && !n.deferring && n.err == nil {
		*d = time.Duration(max(0, int32(v))) * time.Second
	}
}

// sessionLevels are the levels of NetrSessionEnum, the most telling first.
var sessionLevels = []uint32{502, 2, 1, 10, 0}

// SessionEnum returns the server's sessions, NetrSessionEnum in [MS-SRVS]
// 3.1.4.5, at the best level it knows: 502, and while it answers
// ERROR_INVALID_LEVEL 2, 1, 10 and 0 (Samba knows 1 and 0). The level that
// worked is remembered for later calls.
//
// Only sessions of client and user are listed; "" stands for all. The client
// begins with `\\`, or the server answers NERR_InvalidComputer. When a filter
// matches nothing, servers answer NERR_ClientNameNotFound or
// NERR_UserNotFound; Samba ignores both filters.
func (s *ServerService) SessionEnum(ctx context.Context, client, user string) ([]SessionInfo, error) {
	if err := s.take(ctx, "NetrSessionEnum"); err != nil {
		return nil, err
	}
	defer s.give()
	for {
		c := &sessionEnumCall{
			enumeration: newEnumeration(sessionLevels[s.sessionLevel]), server: s.name, client: client, user: user,
		}
		var sessions []SessionInfo
		err := s.enumerate(ctx, c, &c.enumeration, maxRows, func() error {
			sessions = append(sessions, c.sessions...)
			return nil
		})
		if errors.Is(err, ErrorInvalidLevel) && s.sessionLevel+1 < len(sessionLevels) {
			s.sessionLevel++
			continue
		}
		if err != nil {
			return nil, err
		}
		return sessions, nil
	}
}

// sessionArms are the levels of a SESSION_ENUM_UNION.
var sessionArms = sessionLevels

func layoutSession(n *ndr, s *SessionInfo, level uint32) { s.layout(n, level) }

// sessionEnumCall is NetrSessionEnum.
type sessionEnumCall struct {
	enumeration
	server string
	client string
	user   string

	sessions []SessionInfo
}

func (c *sessionEnumCall) op() (uint16, string) { return opNetrSessionEnum, "NetrSessionEnum" }

func (c *sessionEnumCall) request(n *ndr) {
	n.optional("ServerName", &c.server)
	n.optional("ClientName", &c.client)
	n.optional("UserName", &c.user)
	requestTail(n, &c.enumeration, sessionArms, layoutSession)
}

func (c *sessionEnumCall) serve(h ServerServiceHandler) {
	if !c.begin(sessionArms, c.client, c.user) {
		return
	}
	rows, code := h.SessionEnum(c.level, c.client, c.user)
	c.sessions = page(&c.enumeration, h, rows, code, layoutSession)
}

func (c *sessionEnumCall) response(n *ndr) {
	enumRows(n, &c.enumeration, sessionArms, &c.sessions, layoutSession)
	c.responseTail(n)
}

// SessionDel ends all sessions of client, of user, or, when both are given, of
// that user on that client, NetrSessionDel in [MS-SRVS] 3.1.4.6: also the live
// ones, and every open they have. The client begins with `\\`; "" stands for
// any, but not in both places. Samba ends the whole processes that serve such
// sessions, with what other users have on the same connections, and answers
// ERROR_ACCESS_DENIED also when there is none.
func (s *ServerService) SessionDel(ctx context.Context, client, user string) error {
	c := &sessionDelCall{server: s.name, client: client, user: user}
	if client == "" && user == "" {
		_, name := c.op()
		return fmt.Errorf("srvsvc: %s: neither a client nor a user is given", name)
	}
	return s.once(ctx, c)
}

// sessionDelCall is NetrSessionDel.
type sessionDelCall struct {
	server string
	client string
	user   string
	result uint32
}

func (c *sessionDelCall) op() (uint16, string) { return opNetrSessionDel, "NetrSessionDel" }

func (c *sessionDelCall) request(n *ndr) {
	n.optional("ServerName", &c.server)
	n.optional("ClientName", &c.client)
	n.optional("UserName", &c.user)
}

func (c *sessionDelCall) serve(h ServerServiceHandler) {
	if longQualifier(c.client, c.user) {
		c.result = uint32(ErrorInvalidParameter)
		return
	}
	c.result = uint32(h.SessionDel(c.client, c.user))
}

func (c *sessionDelCall) response(n *ndr) { n.uint32("return value", &c.result) }

func (c *sessionDelCall) returned() Win32Error { return Win32Error(c.result) }
