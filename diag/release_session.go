package diag

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"err32/smb"
)

// endSessions ends every session of a client, or of a user on it, with all that
// it has open.
func (r *release) endSessions(ctx context.Context) *RunError {
	client := strings.TrimLeft(r.o.Client, `\`)
	rows, failed := r.list(ctx, nil)
	if failed != nil {
		return failed
	}
	a := ReleaseAction{What: "session", Name: client, Opens: []OpenRow{}}
	if r.o.User != "" {
		a.Name += "," + r.o.User
	}
	asked := r.sessionsOf(client, r.o.User)
	if len(asked) == 0 {
		return &RunError{Op: "find the sessions of " + a.Name, Text: "the server lists none; nothing was ended"}
	}
	others := slices.DeleteFunc(slices.Clone(asked), func(s SessionRow) bool { return s.Own })
	if len(others) == 0 {
		return &RunError{Op: "end the sessions of " + a.Name, Text: "the only one is this run's own; nothing was ended"}
	}
	// Samba ends the process that serves a session, with all sessions that it
	// serves: those of one client machine.
	samba := r.table.observer.isSamba()
	unsure := 0
	for _, row := range rows {
		theirs := r.o.User == "" || strings.EqualFold(row.User, r.o.User)
		switch {
		case row.Own || row.User == "" || !theirs && !samba:
		case theirs && isOfClient(&row, client):
			a.Opens = append(a.Opens, row)
		case isOfClient(&row, client) || row.Client == "" && mayBeOfClient(&row, client, samba):
			a.Opens = append(a.Opens, row)
			unsure++
		}
	}
	a.Detail = describeSessions(others, len(a.Opens), unsure)
	if samba && r.o.User != "" {
		a.Detail += "; Samba also ends other users' sessions that the same of its processes serves"
	}
	if len(others) < len(asked) || samba && slices.ContainsFunc(r.sessionsOf(client, ""), func(s SessionRow) bool { return s.Own }) {
		a.Detail += "; this run's own session may go with them"
	}
	r.res.Actions = append(r.res.Actions, a)
	if goOn, failed := r.confirm(); !goOn {
		return failed
	}
	return r.endSession(ctx, &r.res.Actions[0], client)
}

// mayBeOfClient reports whether an open that could not be joined to one client
// may be this one's. On Samba also a user may have opens who has no session:
// those of a share with a forced user.
func mayBeOfClient(row *OpenRow, client string, samba bool) bool {
	return row.ClientBasis == BasisUnknown && samba || slices.ContainsFunc(row.Candidates, func(c string) bool { return sameClient(c, client) })
}

// describeSessions says what ending sessions takes from whom.
func describeSessions(sessions []SessionRow, opens, unsure int) string {
	var users []string
	for _, s := range sessions {
		if !slices.Contains(users, s.User) {
			users = append(users, s.User)
		}
	}
	slices.Sort(users)
	text := fmt.Sprintf("%s of %s, live or not, with %s", countSessions(len(sessions)), strings.Join(users, ", "), countOpens(opens))
	if unsure > 0 {
		text += fmt.Sprintf(", of which %d may be others' and stay", unsure)
	}
	return text
}

// sessionsOf are the sessions of a client, and of a user if one is given, as
// listed last.
func (r *release) sessionsOf(client, user string) []SessionRow {
	var found []SessionRow
	for _, s := range r.table.res.Sessions {
		if sameClient(s.Client, client) && (user == "" || sameUser(s.User, user)) {
			found = append(found, s)
		}
	}
	return found
}

// sameClient compares names of clients, which some servers list with `\\`
// before them.
func sameClient(a, b string) bool {
	return strings.EqualFold(strings.TrimLeft(a, `\`), strings.TrimLeft(b, `\`))
}

func isOfClient(row *OpenRow, client string) bool {
	return row.Client != "" && sameClient(row.Client, client)
}

// endSession ends the sessions, and looks: neither an open that was theirs nor a
// session that is older than the call may be left. One that is younger is a
// client that came back.
func (r *release) endSession(ctx context.Context, a *ReleaseAction, client string) *RunError {
	theirs := slices.DeleteFunc(slices.Clone(a.Opens), func(row OpenRow) bool {
		return !isOfClient(&row, client) || r.o.User != "" && !strings.EqualFold(row.User, r.o.User)
	})
	begin := time.Now()
	err := r.table.observer.tables.SessionDel(ctx, `\\`+client, r.o.User)
	r.rec.Record(ActorTool, whatClose, "sessions of "+a.Name+answerDetail(err))
	answer := err
	if err != nil && !isRefusal(err) {
		answer = nil // the call may have ended this run's own session with the others
		a.Done, a.Detail = ReleaseUnproved, "the server was told, and no answer came"
		if failed := r.observe(ctx); failed != nil {
			return failed
		}
	}
	gone, failed := r.isGone(ctx, answer, func(ctx context.Context) (bool, *RunError) {
		rows, failed := r.listAgain(ctx)
		if failed != nil {
			return false, failed
		}
		if slices.ContainsFunc(theirs, func(was OpenRow) bool {
			return slices.ContainsFunc(rows, func(row OpenRow) bool { return sameOpen(row, was) })
		}) {
			return false, nil
		}
		limit := int64(time.Since(begin)/time.Second) + 1
		return !slices.ContainsFunc(r.sessionsOf(client, r.o.User), func(s SessionRow) bool { return !s.Own && s.AgeS != nil && *s.AgeS > limit }), nil
	})
	if failed != nil {
		a.Done, a.Detail = ReleaseUnproved, "the server was told; whether it did could not be seen"
		return failed
	}
	if errors.Is(answer, smb.ErrorAccessDenied) && len(theirs) == 0 {
		gone = false // what is too young to be judged has not gone
	}
	r.settle(a, gone, answer)
	return nil
}

// listAgain is list for when the server may end this run's own session at any
// moment: it then connects once more.
func (r *release) listAgain(ctx context.Context) ([]OpenRow, *RunError) {
	rows, failed := r.list(ctx, nil)
	if failed == nil || ctx.Err() != nil {
		return rows, failed
	}
	if failed := r.observe(ctx); failed != nil {
		return nil, failed
	}
	return r.list(ctx, nil)
}
