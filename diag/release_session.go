package diag

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// clientListing is what the server lists of the client whose sessions are to
// end.
type clientListing struct {
	at       time.Time
	sessions []SessionRow // but for the run's own
	own      bool         // the run's own session may end with them
	sure     []OpenRow    // theirs
	unsure   []OpenRow    // what may go with them
}

// listClient lists what the client has.
func (r *release) listClient(ctx context.Context, client string) (*clientListing, *RunError) {
	rows, failed := r.list(ctx, nil)
	if failed != nil {
		return nil, failed
	}
	// Samba ends the process that serves a session, with all sessions that it
	// serves: those of one client machine.
	samba := r.table.observer.isSamba()
	l := &clientListing{at: time.Now()}
	for _, s := range r.table.res.Sessions {
		asked := r.o.User == "" || sameUser(s.User, r.o.User)
		switch {
		case !sameClient(s.Client, client):
		case s.Own:
			l.own = l.own || asked || samba
		case asked:
			l.sessions = append(l.sessions, s)
		}
	}
	for _, row := range rows {
		theirs := r.o.User == "" || sameUser(row.User, r.o.User)
		switch {
		case row.Own || row.User == "" || !theirs && !samba:
		case theirs && isOfClient(&row, client):
			l.sure = append(l.sure, row)
		case isOfClient(&row, client) || row.Client == "" && mayBeOfClient(&row, client, samba):
			l.unsure = append(l.unsure, row)
		}
	}
	return l, nil
}

// sameClient compares names of clients, which some servers list with `\\`
// before them.
func sameClient(a, b string) bool {
	return strings.EqualFold(strings.TrimLeft(a, `\`), strings.TrimLeft(b, `\`))
}

func isOfClient(row *OpenRow, client string) bool {
	return row.Client != "" && sameClient(row.Client, client)
}

// mayBeOfClient reports whether an open that could not be joined to one client
// may be this one's. On Samba also a user may have opens who has no session:
// those of a share with a forced user.
func mayBeOfClient(row *OpenRow, client string, samba bool) bool {
	return row.ClientBasis == BasisUnknown && samba || slices.ContainsFunc(row.Candidates, func(c string) bool { return sameClient(c, client) })
}

// describe says what ending the sessions takes from whom.
func (l *clientListing) describe() string {
	var users []string
	for _, s := range l.sessions {
		if !slices.Contains(users, s.User) {
			users = append(users, s.User)
		}
	}
	slices.Sort(users)
	text := fmt.Sprintf("%s of %s, live or not, with %s", countSessions(len(l.sessions)), strings.Join(users, ", "), countOpens(len(l.sure)+len(l.unsure)))
	if len(l.unsure) > 0 {
		text += fmt.Sprintf(", of which %d may be others' and stay", len(l.unsure))
	}
	if l.own {
		text += "; this run's own session may go with them"
	}
	return text
}

// endSessions ends every session of a client, or of a user on it, with all that
// it has open.
func (r *release) endSessions(ctx context.Context) *RunError {
	client := strings.TrimLeft(r.o.Client, `\`)
	before, failed := r.listClient(ctx, client)
	if failed != nil {
		return failed
	}
	name := client
	if r.o.User != "" {
		name += "," + r.o.User
	}
	switch {
	case len(before.sessions) == 0 && before.own:
		return &RunError{Op: "end the sessions of " + name, Text: "the only one is this run's own; nothing was ended"}
	case len(before.sessions) == 0:
		return &RunError{Op: "find the sessions of " + name, Text: "the server lists none; nothing was ended"}
	}
	a := ReleaseAction{What: "session", Name: name, Opens: append(slices.Clone(before.sure), before.unsure...), Detail: before.describe()}
	if a.Opens == nil {
		a.Opens = []OpenRow{}
	}
	if r.table.observer.isSamba() && r.o.User != "" {
		a.Detail += "; Samba also ends other users' sessions that the same of its processes serves"
	}
	r.res.Actions = append(r.res.Actions, a)
	if goOn, failed := r.confirm(); !goOn {
		return failed
	}
	if r.o.Confirm != nil {
		if proceed, failed := r.recheckClient(ctx, &r.res.Actions[0], client, &before); !proceed {
			return failed
		}
	}
	return r.endSession(ctx, &r.res.Actions[0], client, before)
}

// recheckClient looks once more what the client has: nothing is ended that was
// not shown.
func (r *release) recheckClient(ctx context.Context, a *ReleaseAction, client string, listing **clientListing) (proceed bool, failed *RunError) {
	now, failed := r.listClient(ctx, client)
	if failed != nil {
		return false, failed
	}
	fresh := 0
	for _, row := range now.sure {
		if !slices.ContainsFunc((*listing).sure, func(was OpenRow) bool { return sameOpen(was, row) }) {
			fresh++
		}
	}
	switch {
	case fresh > 0:
		a.Done, a.Detail = ReleaseRefused, "the client is at work: it has opened "+countOpens(fresh)+" more since this was shown"
	case len(now.sessions) == 0:
		a.Done, a.Detail = ReleaseDone, "they went by themselves before they were ended"
	default:
		*listing = now
		return true, nil
	}
	return false, nil
}

// endSession ends the sessions, and looks whether they and what was theirs have
// gone.
func (r *release) endSession(ctx context.Context, a *ReleaseAction, client string, before *clientListing) *RunError {
	err := r.table.observer.tables.SessionDel(ctx, `\\`+client, r.o.User)
	r.rec.Record(ActorTool, whatClose, "sessions of "+a.Name+answerDetail(err))
	a.Done, a.Detail = ReleaseUnproved, "the server was told; whether it did could not be seen"
	answer := err
	if err != nil && !isRefusal(err) {
		answer = nil // the call may have ended this run's own session with the others
		if failed := r.observe(ctx); failed != nil {
			return failed
		}
	}
	unclear := false
	gone, failed := r.isGone(ctx, answer, func(ctx context.Context) (gone bool, failed *RunError) {
		now, failed := r.listClientAgain(ctx, client)
		if failed != nil {
			return false, failed
		}
		gone, unclear = before.haveGone(now)
		return gone, nil
	})
	if failed != nil {
		return failed
	}
	if !gone && unclear && answer == nil {
		a.Detail = "the server took the call, and lists a session as young as one that was to end: that one, or the client has come back"
		return nil
	}
	r.settle(a, gone, answer)
	return nil
}

// listClientAgain is listClient for when the server may end this run's own
// session at any moment: it then connects once more.
func (r *release) listClientAgain(ctx context.Context, client string) (*clientListing, *RunError) {
	l, failed := r.listClient(ctx, client)
	if failed == nil || ctx.Err() != nil {
		return l, failed
	}
	if failed := r.observe(ctx); failed != nil {
		return nil, failed
	}
	return r.listClient(ctx, client)
}

// haveGone compares with what is listed now. A session that has become older by
// the time that passed is the one that was there; servers count whole seconds,
// so that it may be a client that came back where that one was young: then it is
// unclear.
func (l *clientListing) haveGone(now *clientListing) (gone, unclear bool) {
	for _, was := range l.sure {
		if slices.ContainsFunc(now.sure, func(row OpenRow) bool { return sameOpen(row, was) }) {
			return false, false
		}
	}
	gone = true
	passed := int64(now.at.Sub(l.at).Round(time.Second) / time.Second)
	const rounding = 2 // of both ages, and of the time between
	for _, s := range now.sessions {
		for _, was := range l.sessions {
			switch {
			case was.AgeS == nil || s.AgeS == nil:
				return false, true
			case !strings.EqualFold(was.User, s.User):
			case max(*s.AgeS-*was.AgeS-passed, *was.AgeS+passed-*s.AgeS) <= rounding:
				if *was.AgeS > rounding {
					return false, false
				}
				gone, unclear = false, true
			}
		}
	}
	return gone, unclear
}
