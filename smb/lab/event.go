package lab

import (
	"time"

	"err32/smb"
)

// Event is something the server did, for its log.
type Event struct {
	At   time.Time
	What string
}

type eventLog struct{}

func (l *eventLog) close() {}

func (s *Server) logConn(c *conn)                                                 {}
func (s *Server) logConnEnd(c *conn, cause error)                                 {}
func (s *Server) logLogon(session *session)                                       {}
func (s *Server) logLogonFailure(session *session, l *logon, status smb.NTStatus) {}
func (s *Server) logLogoff(session *session, why closeReason)                     {}
func (s *Server) logOpen(o *open)                                                 {}
func (s *Server) logClose(o *open, why closeReason)                               {}
