package diag

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"err32/smb"
)

// endSessions ends every session of a client, with all that it has open.
func (r *release) endSessions(ctx context.Context) *RunError {
	t, o := r.table, r.table.observer
	client := strings.TrimLeft(r.o.Client, `\`)
	rows, failed := r.list(ctx, nil)
	if failed != nil {
		return failed
	}
	a := ReleaseAction{What: "session", Name: client, Opens: []OpenRow{}}
	if r.o.User != "" {
		a.Name += "," + r.o.User
	}
	sessions := 0
	own := false
	for _, s := range t.res.Sessions {
		if strings.EqualFold(s.Client, client) && (r.o.User == "" || o.isSamba() || strings.EqualFold(s.User, r.o.User)) {
			sessions++
			own = own || s.Own
		}
	}
	if sessions == 0 {
		return &RunError{Op: "find the sessions of " + a.Name, Text: "the server lists none; nothing was ended"}
	}
	for _, row := range rows {
		mayBe := row.Client == "" || strings.EqualFold(row.Client, client)
		if !row.Own && mayBe && (r.o.User == "" || o.isSamba() || strings.EqualFold(row.User, r.o.User)) {
			a.Opens = append(a.Opens, row)
		}
	}
	a.Detail = fmt.Sprintf("%s with every open they have, live ones too", countSessions(sessions))
	if o.isSamba() && r.o.User != "" {
		a.Detail += "; Samba ends every user's on that client"
	}
	if own {
		a.Detail += "; one of them is this run's own"
	}
	r.res.Actions = append(r.res.Actions, a)
	if goOn, failed := r.confirm(); !goOn {
		return failed
	}
	return r.endSession(ctx, &r.res.Actions[0], client)
}

func (r *release) endSession(ctx context.Context, a *ReleaseAction, client string) *RunError {
	before := a.Opens
	err := r.table.observer.tables.SessionDel(ctx, `\\`+client, r.o.User)
	r.rec.Record(ActorTool, whatClose, "sessions of "+a.Name+answerDetail(err))
	if r.table.observer.conn.Err() != nil || err != nil && !isRefusal(err) {
		// The server may have ended this run's own connection with the others.
		if failed := r.observe(ctx); failed != nil {
			return failed
		}
	}
	gone, failed := r.isGone(ctx, nil, func(rows []OpenRow) bool {
		for _, row := range rows {
			for _, was := range before {
				if sameOpen(row, was) && was.Client != "" {
					return false
				}
			}
		}
		return true
	})
	if failed != nil {
		return failed
	}
	if isRefusal(err) && !errors.Is(err, smb.ErrorAccessDenied) {
		gone = false
	}
	if errors.Is(err, smb.ErrorAccessDenied) && len(before) == 0 {
		gone = false
	}
	r.settle(a, gone, err)
	return nil
}

// endPrevious logs on as the same user and names the dead session: the server
// ends it as if its connection were lost, [MS-SMB2] 3.3.5.5.3. That takes no
// right but the user's own.
func (r *release) endPrevious(ctx context.Context, id uint64, detail string) *RunError {
	r.res.Actions = append(r.res.Actions, ReleaseAction{What: "previous-session", Name: fmt.Sprintf("0x%X", id), Opens: []OpenRow{}, Detail: detail})
	if goOn, failed := r.confirm(); !goOn {
		return failed
	}
	a := &r.res.Actions[len(r.res.Actions)-1]
	return r.logOnOver(ctx, a, r.o.Endpoint, id)
}

func (r *release) logOnOver(ctx context.Context, a *ReleaseAction, e Endpoint, id uint64) *RunError {
	if e.Credentials.Anonymous {
		return &RunError{Op: "log on over session " + a.Name, Text: "an anonymous log-on cannot end anybody's session: it takes the same user"}
	}
	conn, err := smb.Dial(ctx, e.Target.Address(), &smb.Config{MaxDialect: e.MaxDialect, Signing: e.Signing, Encryption: e.Encryption, Timeout: e.Timeout})
	if err != nil {
		return newRunError("connect to "+e.Target.Address(), err)
	}
	defer conn.Close()
	session, err := conn.LogOn(ctx, e.Credentials.mechanism(e.Target.Server), id)
	if err != nil {
		return newRunError("log on as the user of session "+a.Name, wantsEncryption(conn, err))
	}
	r.rec.Record(ActorTool, whatClose, "session "+a.Name+": a new log-on of "+e.Credentials.String()+" named it")
	session.LogOff(ctx)
	a.Done = ReleaseUnproved
	a.Detail = "the server was told; it ends the session if it exists and is the same user's, and says nothing about it either way"
	return nil
}

// endMine ends the sessions that killed runs of the tool have left on the
// target's server, or on any that the user can log on to.
func (r *release) endMine(ctx context.Context) *RunError {
	var records []SessionRecord
	for _, record := range r.o.Records {
		if r.concernsRecord(record) {
			records = append(records, record)
			r.res.Actions = append(r.res.Actions, ReleaseAction{What: "previous-session", Name: record.SessionID, Opens: []OpenRow{},
				Detail: fmt.Sprintf("left on %s by err32 %s, process %d, which began %s and had %s", record.Server, record.Command, record.PID,
					record.Started.Format("2006-01-02 15:04:05"), strings.Join(wordsOrNone(record.Paths), ", "))})
		}
	}
	if len(records) == 0 && len(r.o.Records) > 0 {
		r.table.note("%d killed runs left sessions on other servers or of other users.", len(r.o.Records))
	}
	if goOn, failed := r.confirm(); !goOn {
		return failed
	}
	for i, record := range records {
		id, err := strconv.ParseUint(record.SessionID, 0, 64)
		if err != nil {
			r.res.Actions[i].Done, r.res.Actions[i].Detail = ReleaseRefused, "its record has no session id"
			continue
		}
		if failed := r.logOnOver(ctx, &r.res.Actions[i], r.o.Endpoint, id); failed != nil {
			return failed
		}
		if err := record.forget(); err != nil {
			r.table.note("The record of session %s could not be removed: %s.", record.SessionID, plainText(err))
		}
	}
	return nil
}

// concernsRecord reports whether a record is of the target's server and of the
// user that logs on.
func (r *release) concernsRecord(record SessionRecord) bool {
	t := r.o.Endpoint.Target
	port := t.Port
	if port == 0 {
		port = DefaultPort
	}
	return strings.EqualFold(record.Server, t.Server) && record.Port == port && sameUser(record.User, r.o.Endpoint.Credentials.User)
}
