package lab

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"err32/smb"
)

// What waits for Server.Log is bounded: a log that is not read costs no more.
const (
	maxEvents    = 4096
	maxEventName = 1024 // bytes of a name or text
)

// eventLog holds the events that wait for Server.Log. A goroutine delivers
// them, which runs while there are any.
type eventLog struct {
	mu         sync.Mutex
	queue      []Event
	delivering bool
	lost       int // since the last one that was queued
	closed     bool
}

// event puts e into the log. It never waits.
func (s *Server) event(e Event) {
	l := &s.log
	if s.Log == nil {
		return
	}
	e.At = s.now()
	for _, name := range []*string{&e.Client, &e.User, &e.Share, &e.Path, &e.Text} {
		*name = cut(*name)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return
	case len(l.queue) >= maxEvents:
		l.lost++
		return
	}
	l.sayLost(e.At)
	l.queue = append(l.queue, e)
	if !l.delivering {
		l.delivering = true
		s.tasks.start("calling Log", s.deliver)
	}
}

// sayLost queues the event that says what was lost before.
func (l *eventLog) sayLost(at time.Time) {
	if l.lost > 0 {
		l.queue = append(l.queue, Event{At: at, What: EventLost, Text: fmt.Sprintf("%d missing, because the log was not read in time", l.lost)})
		l.lost = 0
	}
}

// deliver calls Log with every event there is.
func (s *Server) deliver() {
	l := &s.log
	for {
		l.mu.Lock()
		if len(l.queue) == 0 {
			l.sayLost(s.now())
		}
		events := l.queue
		l.queue = nil
		l.delivering = len(events) > 0
		l.mu.Unlock()
		if len(events) == 0 {
			return
		}
		for _, e := range events {
			s.Log(e)
		}
	}
}

// close takes no more events. Those there are still go to Log.
func (l *eventLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

// cut returns s, or where it is very long, its beginning.
func cut(s string) string {
	if len(s) <= maxEventName {
		return s
	}
	n := maxEventName
	for n > maxEventName-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

func (s *Server) logConn(c *conn) {
	s.event(Event{What: EventConnect, Conn: c.id, Client: c.client})
}

func (s *Server) logConnEnd(c *conn, cause error) {
	s.event(Event{What: EventDisconnect, Conn: c.id, Client: c.client, Text: causeText(cause)})
}

// causeText says in plain words why a connection ended.
func causeText(cause error) string {
	var decode *smb.DecodeError
	switch {
	case errors.As(cause, &decode):
		return fmt.Sprintf("%v: in its %s, %s is wrong", errProtocol, decode.Message, decode.Field)
	case errors.Is(cause, io.EOF), errors.Is(cause, io.ErrClosedPipe):
		return "the client closed the connection"
	case errors.Is(cause, io.ErrUnexpectedEOF):
		return "the client closed the connection in the middle of a message"
	case errors.Is(cause, syscall.ECONNRESET), errors.Is(cause, syscall.EPIPE):
		return "the client reset the connection"
	case errors.Is(cause, syscall.ETIMEDOUT):
		return "the client does not answer keep-alive probes or acknowledge data"
	case errors.Is(cause, net.ErrClosed):
		return "the server stopped"
	case errors.Is(cause, os.ErrDeadlineExceeded):
		return "the client does not read what it is sent"
	}
	return cause.Error()
}

// sessionEvent is an event about a session.
func sessionEvent(what EventKind, session *session) Event {
	e := Event{What: what, Client: session.client, User: session.userName()}
	if session.conn != nil {
		e.Conn = session.conn.id
	}
	return e
}

func (s *Server) logLogon(session *session) {
	e, c := sessionEvent(EventLogon, session), session.conn
	e.Text = "SMB " + c.dialect.String()
	switch {
	case session.user == nil:
		e.Text += ", anonymous"
	case session.encrypted:
		e.Text += ", encrypted with " + c.cipher.String()
	case session.mustSign:
		e.Text += ", signed with " + c.signing.String()
	}
	s.event(e)
}

func (s *Server) logLogonFailure(session *session, l *logon, status smb.NTStatus) {
	e := sessionEvent(EventLogonFailed, session)
	_, e.User = l.user()
	e.Status = status
	s.event(e)
}

func (s *Server) logLogoff(session *session, why closeReason) {
	e := sessionEvent(EventLogoff, session)
	e.Text = string(why)
	s.event(e)
}

// openEvent is an event about an open.
func openEvent(what EventKind, o *open) Event {
	e := Event{What: what}
	if o.session != nil {
		e = sessionEvent(what, o.session)
	}
	e.Share, e.Path, e.ID, e.Access, e.Sharing = o.share.Name, o.path(), o.globalID, o.access, o.sharing
	return e
}

func (s *Server) logOpen(o *open) { s.event(openEvent(EventOpen, o)) }

func (s *Server) logClose(o *open, why closeReason) {
	e := openEvent(EventClose, o)
	if why == closedByAdmin {
		e.What = EventAdminClose
	}
	if why != closedByClient {
		e.Text = string(why)
	}
	s.event(e)
}

// logBreak logs that the client of an open was told to go down to what it may
// still cache.
func (s *Server) logBreak(o *open, to smb.LeaseState) {
	e := openEvent(EventBreak, o)
	e.Text = "may cache nothing"
	if to != 0 {
		e.Text = "may cache"
		for _, kept := range []struct {
			bit  smb.LeaseState
			text string
		}{{smb.LeaseRead, " reads"}, {smb.LeaseWrite, " writes"}, {smb.LeaseHandle, " the handle"}} {
			if to&kept.bit != 0 {
				e.Text += kept.text
			}
		}
	}
	s.event(e)
}

// requestEvent is an event about a request.
func requestEvent(what EventKind, r *request) Event {
	e := Event{What: what, Conn: r.conn.id, Client: r.conn.client}
	if r.session != nil {
		e.User = r.session.userName()
	}
	if r.tree != nil {
		e.Share = r.tree.share.Name
	}
	if name, ok := r.filePath(); ok {
		e.Path = name
	}
	return e
}

// logRefusal logs a CREATE that failed.
func (s *Server) logRefusal(r *request, status smb.NTStatus) {
	m, ok := r.body.(*smb.CreateRequest)
	if !ok || !status.IsError() {
		return
	}
	e := requestEvent(EventOpenRefused, r)
	e.Access, e.Sharing, e.Status = m.Access, m.Share, status
	s.event(e)
}

// logFault logs that a fault befalls a request.
func (s *Server) logFault(r *request, f *Fault) {
	e := requestEvent(EventFault, r)
	e.Text = f.String() + " befalls " + r.header.Command.String()
	s.event(e)
}
