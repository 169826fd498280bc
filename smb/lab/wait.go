package lab

import (
	"time"

	"err32/smb"
)

// waitResult is what ended a wait.
type waitResult int

// The results of request.wait.
const (
	waitDone      waitResult = iota // the channel was closed
	waitTimeout                     // the time has passed
	waitCancelled                   // the client sent CANCEL
	waitGone                        // the connection, session, tree or server has ended: answer nothing
	waitRefused                     // too many requests wait, or this one may not: see refused
)

// wait lets the request wait until ch is closed or d has passed (d < 0: for
// ever), with mu released. The client gets an interim STATUS_PENDING the first
// time, and another goroutine goes on reading.
func (r *request) wait(ch <-chan struct{}, d time.Duration) waitResult {
	if r.gone() {
		return waitGone
	}
	if r.isOver {
		return waitCancelled
	}
	if r.asyncID == 0 && !r.goAsync() {
		return waitRefused
	}
	s := r.server()
	var timeout <-chan time.Time
	if d >= 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		timeout = timer.C
	}
	s.mu.Unlock()
	result := waitDone
	select {
	case <-ch:
	case <-timeout:
		result = waitTimeout
	case <-r.cancelled:
		result = waitCancelled
	case <-r.conn.over:
		result = waitGone
	case <-s.closing:
		result = waitGone
	}
	s.mu.Lock()
	switch {
	case r.gone() || s.closed:
		return waitGone
	case r.isOver: // whatever else has happened: its session or tree may have ended
		return waitCancelled
	}
	return result
}

// mayWait reports whether the request is one that may wait. In a compound it is
// the last one, or a CREATE, [MS-SMB2] 3.3.5.2.7, note 266.
func (r *request) mayWait() bool { return r.last || r.header.Command == smb.CommandCreate }

// refused is the answer to a request that would have to wait and was refused.
func (r *request) refused() smb.NTStatus {
	if !r.mayWait() {
		return smb.StatusInternalError // the same note
	}
	return smb.StatusInsufficientResources
}

// goAsync sends the interim response, [MS-SMB2] 3.3.4.2, and hands the reading
// on.
func (r *request) goAsync() bool {
	c, s := r.conn, r.server()
	if len(c.pending) >= s.Limits.Pending || !r.mayWait() {
		return false
	}
	if !r.chain.given {
		if c.held > 0 && c.held+r.chain.frame > s.Limits.Unread {
			return false
		}
		c.held += r.chain.frame
	}
	c.lastAsyncID++
	id := c.lastAsyncID
	// What came before it in the chain need not wait for it.
	r.chain.flush()
	interim := smb.Header{
		CreditCharge: r.header.CreditCharge, Status: smb.StatusPending, Command: r.header.Command,
		Credits: c.window.grant(r.header.Credits),
		Flags:   smb.FlagResponse | smb.FlagAsync | r.header.Flags&smb.FlagRelated, MessageID: r.header.MessageID,
		AsyncID: id, SessionID: r.header.SessionID,
	}
	r.chain.add(r, interim, &smb.ErrorResponse{To: r.header.Command}, answer{})
	r.chain.flush()
	r.asyncID = id
	r.answered = make(chan struct{})
	c.pending[id] = r
	if !r.chain.given {
		r.chain.given = true
		s.tasks.start("reading from "+c.client, c.read)
	}
	return !c.ended
}

// release gives up what a waiting request of the chain held.
func (ch *chain) release() {
	if ch.given {
		ch.conn.held -= ch.frame
	}
}

// cancel ends the wait of the request that a CANCEL names, [MS-SMB2] 3.3.5.16.
// A CANCEL is not answered and uses no credit. One that names a session must be
// protected as that requires.
func (c *conn) cancel(r *request) {
	if r.header.SessionID != 0 && r.findSession() != smb.StatusSuccess {
		return
	}
	var target *request
	if r.header.Flags&smb.FlagAsync != 0 {
		target = c.pending[r.header.AsyncID]
	} else {
		for _, p := range c.pending {
			if p.header.MessageID == r.header.MessageID {
				target = p
			}
		}
	}
	if target != nil {
		target.abort()
	}
}

// abortAll ends the waits of some of the connection's requests and lets them
// answer, before r does: it is about to answer that the session or tree has
// ended, and the client may then have forgotten the keys. [MS-SMB2] 3.3.5.6 and
// 3.3.5.8 close the opens and do not say what becomes of the requests; each says
// that its open was closed if there is a status for that, else
// STATUS_CANCELLED.
func (r *request) abortAll(some func(*request) bool) {
	c, s := r.conn, r.server()
	var aborted []*request
	for _, p := range c.pending {
		if some(p) {
			p.abort()
			aborted = append(aborted, p)
		}
	}
	for _, p := range aborted {
		s.mu.Unlock()
		select {
		case <-p.answered:
		case <-c.over:
		}
		s.mu.Lock()
	}
}

// abort ends the request's wait, now or when it begins.
func (r *request) abort() {
	if !r.isOver {
		r.isOver = true
		close(r.cancelled)
	}
}
