package diag

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"err32/smb"
)

// choose finds the opens that were meant.
func (r *release) choose(ctx context.Context) ([]OpenRow, *RunError) {
	switch {
	case r.o.Open != "":
		return r.only(ctx, "the open "+r.o.Open, r.hasID(r.o.Open))
	case r.o.Path != "":
		return r.only(ctx, "the path "+r.o.Path, r.hasPath(r.o.Path))
	}
	return r.stale(ctx)
}

// stale finds the opens below the target that are stale, and says why each is.
func (r *release) stale(ctx context.Context) ([]OpenRow, *RunError) {
	rows, failed := r.list(ctx, r.below)
	if failed != nil {
		return nil, failed
	}
	var stale []OpenRow
	for _, row := range rows {
		if why, ok := r.isStale(row); ok {
			stale = append(stale, row)
			r.rec.Record(ActorTool, whatNote, why)
		}
	}
	if r.table.observer.isSamba() {
		r.table.note("Samba does not keep how long a session has been idle, and does not list disconnected durable handles, so none of its opens can be called stale; give --open or --session.")
	}
	return stale, nil
}

// isStale judges one open by what was listed last.
func (r *release) isStale(row OpenRow) (why string, stale bool) {
	if row.Own || isPipe(&row) || !r.knowsOwnSession(row) {
		return "", false
	}
	state, reasons := judgeLiveness(livenessEvidence{opens: []OpenRow{row}, sessions: r.table.res.Sessions, samba: r.table.observer.isSamba(), seen: true})
	return strings.Join(reasons, "; "), state == StateStale
}

// knowsOwnSession reports whether this run's own session cannot pass for a
// younger one of the open's user and client: it would make that one look stale.
func (r *release) knowsOwnSession(row OpenRow) bool {
	if row.User == "" || slices.ContainsFunc(r.table.res.Sessions, func(s SessionRow) bool { return s.Own }) {
		return true
	}
	return !sameUser(row.User, r.o.Endpoint.Credentials.User) || !strings.EqualFold(row.Client, hostOf(r.table.observer.conn.LocalAddr().String()))
}

// isPipe reports whether an open is one of a named pipe: where it is listed at
// all, its path has no drive, [MS-SMB2] 3.3.4.20.
func isPipe(row *OpenRow) bool {
	name := strings.TrimLeft(row.Path, `\`)
	if rest, ok := cutPrefixFold(name, `pipe\`); ok {
		name = rest
	}
	return row.Share == "" && !strings.ContainsAny(name, `\:`)
}

// below reports whether a row lies on the target's share and path, of which
// either may be missing.
func (r *release) below(row *OpenRow) bool {
	t := r.o.Endpoint.Target
	if t.Share == "" {
		return true
	}
	if !strings.EqualFold(row.Share, t.Share) {
		return false
	}
	rest, ok := cutPrefixFold(row.SharePath, t.Path)
	return ok && (t.Path == "" || rest == "" || rest[0] == '\\' || rest[0] == ':')
}

func (r *release) hasID(id string) func(*OpenRow) bool {
	want, err := strconv.ParseUint(id, 0, 32)
	return func(row *OpenRow) bool {
		have, err2 := strconv.ParseUint(row.ID, 0, 32)
		return err == nil && err2 == nil && have == want
	}
}

// hasPath matches the whole path: below the target's share, or, where the
// target has none, with the share's name before it; or the server's own.
func (r *release) hasPath(path string) func(*OpenRow) bool {
	path = strings.Trim(strings.ReplaceAll(path, "/", `\`), `\`)
	share := r.o.Endpoint.Target.Share
	return func(row *OpenRow) bool {
		switch {
		case strings.EqualFold(row.Path, path):
			return true
		case row.Share == "":
			return false
		case share != "":
			return strings.EqualFold(row.Share, share) && strings.EqualFold(row.SharePath, path)
		}
		return strings.EqualFold(row.Share+`\`+row.SharePath, path)
	}
}

// only lists what matches, and refuses unless it is one open that may be ended.
func (r *release) only(ctx context.Context, what string, keep func(*OpenRow) bool) ([]OpenRow, *RunError) {
	rows, failed := r.list(ctx, keep)
	if failed != nil {
		return nil, failed
	}
	refuse := func(detail, text string) ([]OpenRow, *RunError) {
		r.res.Actions = append(r.res.Actions, ReleaseAction{What: "open", Name: what, Opens: rows, Done: ReleaseRefused, Detail: detail})
		return nil, &RunError{Op: "end " + what, Text: text}
	}
	switch {
	case len(rows) == 0:
		return nil, &RunError{Op: "find " + what, Text: "the server lists no such open; nothing was ended"}
	case len(rows) > 1 && r.o.Open != "":
		return refuse("several opens have this id", countOpens(len(rows))+" have this id, and the server would close them all; nothing was ended. Give --session for the client, or end it on the server itself")
	case len(rows) > 1:
		return refuse("several opens match", countOpens(len(rows))+" match it; nothing was ended. Give --open with the id of one")
	case rows[0].Own:
		return refuse("it is this run's own", "it is this run's own; nothing was ended")
	case isPipe(&rows[0]):
		return refuse("it is a named pipe, not a file", "it is a named pipe, not a file; nothing was ended")
	case !r.below(&rows[0]):
		return refuse("it is not below the target", fmt.Sprintf("it is %s, which is not below %s; nothing was ended", visibleName(rows[0].Path), r.o.Endpoint.Target))
	}
	return rows, nil
}

// closeOpens closes opens by their ids, one after the other.
func (r *release) closeOpens(ctx context.Context, rows []OpenRow) *RunError {
	for _, row := range rows {
		a := ReleaseAction{What: "open", Name: row.ID, Opens: []OpenRow{row}}
		if r.o.Stale {
			a.Detail, _ = r.isStale(row)
		}
		r.res.Actions = append(r.res.Actions, a)
	}
	if goOn, failed := r.confirm(); !goOn {
		return failed
	}
	for i := range r.res.Actions {
		if failed := r.closeOpen(ctx, &r.res.Actions[i]); failed != nil {
			return failed
		}
	}
	return nil
}

// sameOpen reports whether two rows are of one open, as far as a table tells.
func sameOpen(a, b OpenRow) bool {
	return a.ID == b.ID && strings.EqualFold(a.Path, b.Path) && strings.EqualFold(a.User, b.User) && slices.Equal(a.Access, b.Access)
}

// closeOpen checks that the id still means the same, closes it, and looks.
func (r *release) closeOpen(ctx context.Context, a *ReleaseAction) *RunError {
	row := a.Opens[0]
	if proceed, failed := r.recheck(ctx, a, row); !proceed {
		return failed
	}
	id, err := strconv.ParseUint(row.ID, 0, 32)
	if err != nil {
		return newRunError("close open "+row.ID, err)
	}
	err = r.table.observer.tables.FileClose(ctx, uint32(id))
	r.rec.Record(ActorTool, whatClose, "open "+row.ID+answerDetail(err))
	if err != nil && !isRefusal(err) {
		a.Done, a.Detail = ReleaseUnproved, "the server was told, and no answer came"
		return newRunError("close open "+row.ID, err)
	}
	gone, failed := r.isGone(ctx, err, func(ctx context.Context) (bool, *RunError) {
		rows, failed := r.opens(ctx, r.hasID(row.ID))
		return !slices.ContainsFunc(rows, func(other OpenRow) bool { return sameOpen(other, row) }), failed
	})
	if failed != nil {
		a.Done, a.Detail = ReleaseUnproved, "the server was told; whether it did could not be seen"
		return failed
	}
	r.settle(a, gone, err)
	return nil
}

// recheck looks once more whether the id means what was shown: the answer to
// the question may have taken its time.
func (r *release) recheck(ctx context.Context, a *ReleaseAction, row OpenRow) (proceed bool, failed *RunError) {
	enumerate := r.opens
	if r.o.Stale {
		enumerate = r.list // its client may have come back
	}
	now, failed := enumerate(ctx, r.hasID(row.ID))
	if failed != nil {
		return false, failed
	}
	switch {
	case len(now) == 0:
		a.Done, a.Detail = ReleaseDone, "it went by itself before it was closed"
		return false, nil
	case len(now) > 1:
		a.Done, a.Detail = ReleaseRefused, fmt.Sprintf("%s have this id by now", countOpens(len(now)))
		return false, nil
	case !sameOpen(now[0], row):
		a.Done, a.Detail = ReleaseRefused, fmt.Sprintf("the id means another open by now: %s of %s", now[0].Path, userText(now[0].User))
		return false, nil
	}
	if r.o.Stale {
		if why, stale := r.isStale(now[0]); !stale {
			a.Done, a.Detail = ReleaseRefused, "it is stale no more: "+why
			return false, nil
		}
	}
	return true, nil
}

func answerDetail(err error) string {
	if err == nil {
		return ": the server took it"
	}
	return ": " + plainText(err)
}

// settle says what became of an action.
func (r *release) settle(a *ReleaseAction, gone bool, err error) {
	switch {
	case gone:
		a.Done, a.Detail = ReleaseDone, "the server no longer lists it"
	case errors.Is(err, smb.ErrorAccessDenied):
		a.Done, a.Detail = ReleaseFailed, r.needsRight(a.What)
	case err != nil:
		a.Done, a.Detail = ReleaseFailed, plainText(err)
	default:
		a.Done, a.Detail = ReleaseFailed, fmt.Sprintf("the server took the call, and lists it still after %v", verifyTime)
	}
}

// needsRight says what the server wants for the right to do this.
func (r *release) needsRight(what string) string {
	switch {
	case !r.table.observer.isSamba():
		return "the server refuses: this takes a member of its group Administrators or Server Operators"
	case what == "session":
		return "the server refuses: on Samba ending sessions takes root or a member of Domain Admins"
	}
	return "the server refuses: on Samba closing an open takes root or SeDiskOperatorPrivilege, which BUILTIN\\Administrators have unless it was revoked (net rpc rights grant 'DOMAIN\\user' SeDiskOperatorPrivilege)"
}

// isGone looks until gone, for a while: servers act after they have answered.
// One that has refused does nothing later.
func (r *release) isGone(ctx context.Context, answer error, look func(context.Context) (bool, *RunError)) (bool, *RunError) {
	patience := verifyTime
	if errors.Is(answer, smb.ErrorAccessDenied) {
		patience = 0
	}
	for begin, wait := time.Now(), 5*time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		gone, failed := look(ctx)
		if failed != nil || gone || time.Since(begin) >= patience {
			return gone && failed == nil, failed
		}
		pause(ctx, wait)
	}
}
