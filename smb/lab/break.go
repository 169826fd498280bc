package lab

import (
	"slices"
	"time"

	"err32/smb"
)

// defaultBreakTimeout is how long clients have to acknowledge a break,
// [MS-SMB2] 3.3.2.1 and 3.3.2.5.
const defaultBreakTimeout = 35 * time.Second

// breaking is the break of a lease that waits for its acknowledgment.
type breaking struct {
	inProgress bool
	to         smb.LeaseState // what the client was told to go down to
	goal       smb.LeaseState // what may be left in the end: part of to
	further    bool           // it follows another, and who waited for that waits on
	timer      *time.Timer
}

// breakCaching takes caching from a client. What it must acknowledge it keeps
// until it has, see inProgress; the file then changes. A disconnected durable
// open is closed by this.
func (s *Server) breakCaching(l *lease, lose smb.LeaseState) {
	to := l.without(lose)
	switch {
	case to == l.state:
		return
	case l.inProgress:
		// One break at a time: the next comes with the acknowledgment.
		l.goal = l.valid(l.goal &^ lose)
		return
	}
	l.changeEpoch()
	s.sendBreak(l, to)
}

// sendBreak tells the client that holds the lease to go down to a state.
func (s *Server) sendBreak(l *lease, to smb.LeaseState) {
	o := l.reachable()
	if o == nil {
		s.breakUnreachable(l, to)
		return
	}
	acknowledged := l.state != smb.LeaseRead
	h := smb.Header{Flags: smb.FlagResponse, MessageID: smb.UnsolicitedID}
	var m smb.Message
	if l.isOplock() {
		level := smb.OplockNone
		if to != 0 {
			level = smb.OplockII
		}
		h.SessionID, m = o.session.id, &smb.OplockBreak{Level: level, FileID: o.id}
	} else {
		m = &smb.LeaseBreak{NewEpoch: l.epoch, AckRequired: acknowledged, Key: l.id.key, Current: l.state, New: to}
	}
	if acknowledged {
		s.startBreak(l, to)
	} else {
		l.reduce(to)
	}
	c, sealer := s.notified(l, o)
	c.send(smb.Append(nil, h, m), sealer, nil)
	s.logBreak(o, to)
}

// notified returns the connection that a break of l, which o has, goes to, and
// the session whose key encrypts it, or nil. A lease belongs to the client, so
// that is the first connection it has, [MS-SMB2] 3.3.4.7.
func (s *Server) notified(l *lease, o *open) (*conn, *session) {
	first := o.session.conn
	if !l.isOplock() {
		for c := range s.conns {
			if c.request.ClientGUID == l.id.client && c.dialect >= smb.SMB210 && c.id < first.id && c.loggedOn() {
				first = c
			}
		}
	}
	if first == o.session.conn {
		if o.session.outgoing != nil && (o.session.encrypted || o.share.encrypt) {
			return first, o.session
		}
		return first, nil
	}
	for _, session := range first.sessions {
		if session.encrypted && session.outgoing != nil {
			return first, session
		}
	}
	return first, nil
}

// startBreak waits for the acknowledgment of a break, but not for ever.
func (s *Server) startBreak(l *lease, to smb.LeaseState) {
	timeout := s.Temperament.BreakTimeout
	if timeout <= 0 {
		timeout = defaultBreakTimeout
	}
	var timer *time.Timer
	timer = s.after(timeout, func() {
		if l.timer == timer { // it is still this break
			s.endBreak(l, 0)
		}
	})
	l.breaking = breaking{inProgress: true, to: to, goal: to, timer: timer}
}

// reachable returns an open of the lease whose client has a connection, or nil.
func (l *lease) reachable() *open {
	for _, o := range l.opens {
		if o.session != nil && o.session.conn != nil && !o.session.conn.ended {
			return o
		}
	}
	return nil
}

// breakUnreachable takes caching from a client that cannot be told. Its durable
// opens are closed with it, [MS-SMB2] 3.3.4.6 and 3.3.4.7; those of a lost
// connection that linger stay.
func (s *Server) breakUnreachable(l *lease, to smb.LeaseState) {
	l.reduce(to)
	for _, o := range slices.Clone(l.opens) {
		if o.session == nil {
			s.closeOpen(o, closedByConflict)
		}
	}
}

// reduce sets what is left of the lease.
func (l *lease) reduce(to smb.LeaseState) {
	l.state = to
	if l.isOplock() {
		l.level = smb.OplockNone
		if to != 0 {
			l.level = smb.OplockII
		}
		for _, o := range l.opens {
			o.oplock = l.level
		}
	}
}

// endBreak ends the break of a lease that goes down to a state: the client
// acknowledged it, or has not in time. What was to be taken meanwhile is taken
// now, handle caching before the rest.
func (s *Server) endBreak(l *lease, to smb.LeaseState) {
	if !l.inProgress {
		return
	}
	goal := l.goal
	l.stopBreak()
	l.reduce(to)
	for l.state&^goal != 0 && !l.inProgress {
		next := l.without(^goal)
		if l.state&smb.LeaseHandle != 0 {
			next |= smb.LeaseRead
		}
		s.sendBreak(l, next)
	}
	if l.inProgress {
		l.goal, l.further = goal, true
		return
	}
	l.node.wake()
}

// stopBreak forgets a break.
func (l *lease) stopBreak() {
	if l.timer != nil {
		l.timer.Stop()
	}
	l.breaking = breaking{}
}

// leaseBreakAck takes the acknowledgment of a lease break, [MS-SMB2]
// 3.3.5.22.2.
func (r *request) leaseBreakAck(m *smb.LeaseBreakAck) (smb.Message, smb.NTStatus) {
	s := r.server()
	l := s.leases[leaseID{r.conn.request.ClientGUID, m.Key}]
	switch {
	case l == nil:
		return nil, smb.StatusObjectNameNotFound
	case !l.inProgress:
		return nil, smb.StatusUnsuccessful
	case m.New&^l.to != 0:
		return nil, smb.StatusRequestNotAccepted
	}
	answer := &smb.LeaseBreakAckResponse{Key: m.Key, New: l.valid(m.New)}
	s.endBreak(l, answer.New)
	return answer, smb.StatusSuccess
}
