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
	// Samba ends the process that serves the client, whoever its users are.
	user := r.o.User
	samba := r.table.observer.isSamba()
	if samba {
		user = ""
	}
	ended := r.sessionsOf(client, user)
	others := slices.DeleteFunc(slices.Clone(ended), func(s SessionRow) bool { return s.Own })
	if len(others) == 0 {
		return &RunError{Op: "end the sessions of " + a.Name, Text: "the only one is this run's own; nothing was ended"}
	}
	unsure := 0
	for _, row := range rows {
		switch {
		case row.Own || row.User == "" || user != "" && !strings.EqualFold(row.User, user):
		case isOfClient(&row, client):
			a.Opens = append(a.Opens, row)
		case row.Client == "" && (row.ClientBasis == BasisUnknown && samba || slices.ContainsFunc(row.Candidates, func(c string) bool { return sameClient(c, client) })):
			a.Opens = append(a.Opens, row)
			unsure++
		}
	}
	a.Detail = describeSessions(others, len(a.Opens), unsure)
	if samba && r.o.User != "" {
		a.Detail += "; Samba ends every user's on that client"
	}
	if len(others) < len(ended) {
		a.Detail += "; this run's own goes with them"
	}
	r.res.Actions = append(r.res.Actions, a)
	if goOn, failed := r.confirm(); !goOn {
		return failed
	}
	return r.endSession(ctx, &r.res.Actions[0], client, user)
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
	text := fmt.Sprintf("%s of %s, live or not, with %s", countSessions(len(sessions)), strings.Join(wordsOrNone(users), ", "), countOpens(opens))
	if unsure > 0 {
		text += fmt.Sprintf(", of which %d may be another client's", unsure)
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
func (r *release) endSession(ctx context.Context, a *ReleaseAction, client, user string) *RunError {
	before := a.Opens
	begin := time.Now()
	err := r.table.observer.tables.SessionDel(ctx, `\\`+client, r.o.User)
	r.rec.Record(ActorTool, whatClose, "sessions of "+a.Name+answerDetail(err))
	if err != nil && !isRefusal(err) && r.table.observer.conn.Err() == nil {
		a.Done, a.Detail = ReleaseUnproved, "the server was told, and no answer came"
		return newRunError("end the sessions of "+a.Name, err)
	}
	answer := err
	if !isRefusal(answer) {
		answer = nil // the call ended this run's own connection with the others
	}
	gone, failed := r.isGone(ctx, answer, func(ctx context.Context) (bool, *RunError) {
		rows, failed := r.listAgain(ctx)
		if failed != nil {
			return false, failed
		}
		for _, was := range before {
			if isOfClient(&was, client) && slices.ContainsFunc(rows, func(row OpenRow) bool { return sameOpen(row, was) }) {
				return false, nil
			}
		}
		limit := int64(time.Since(begin)/time.Second) + 1
		return !slices.ContainsFunc(r.sessionsOf(client, user), func(s SessionRow) bool { return !s.Own && s.AgeS != nil && *s.AgeS > limit }), nil
	})
	if failed != nil {
		a.Done, a.Detail = ReleaseUnproved, "the server was told; whether it did could not be seen"
		return failed
	}
	if errors.Is(answer, smb.ErrorAccessDenied) && !slices.ContainsFunc(before, func(row OpenRow) bool { return isOfClient(&row, client) }) {
		gone = false // what is too young to be judged has not gone
	}
	r.settle(a, gone, answer)
	return nil
}

// listAgain is list for when the server may end this run's own connection at any
// moment: it then connects once more.
func (r *release) listAgain(ctx context.Context) ([]OpenRow, *RunError) {
	if r.table.observer.conn.Err() == nil {
		rows, failed := r.list(ctx, nil)
		if failed == nil || ctx.Err() != nil || r.table.observer.conn.Err() == nil {
			return rows, failed
		}
	}
	if failed := r.observe(ctx); failed != nil {
		return nil, failed
	}
	return r.list(ctx, nil)
}
