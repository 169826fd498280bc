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

// ReleaseOptions says what the release command ends. One of Open, Path, Client,
// PreviousSession, Stale and Mine is set.
type ReleaseOptions struct {
	Endpoint        Endpoint
	Open            string // id of an open in the server's table, "0x…"
	Path            string // below the target's share, or the server's own
	Client          string // every session of this client
	User            string // with Client: of this user only
	PreviousSession uint64 // a dead session of the same user
	Stale           bool   // the opens below the target's path that are stale
	Mine            bool   // the sessions of killed runs, from Records
	Records         []SessionRecord
	DryRun          bool
	// Confirm asks whether to go on; nil goes on without asking. The text
	// says what will be done, in several lines.
	Confirm func(text string) (bool, error)
	OnEvent func(Event)
}

// release is one run of the release command.
type release struct {
	o      ReleaseOptions
	table  *table
	report *Report
	rec    *Recorder
	res    *ReleaseResult
}

// verifyTime is how long a server may take to do what it was told: Samba
// answers before it has.
const verifyTime = 5 * time.Second

// Free is the release command: it ends opens or sessions that stand in the way. It lists them just
// before, checks that they still are what was meant, asks, acts, and lists
// again. The report is never nil.
func Free(ctx context.Context, o ReleaseOptions) *Report {
	rec, report := NewRecorder(o.OnEvent), newReport("release", o.Endpoint)
	r := &release{o: o, rec: rec, report: report, res: &ReleaseResult{DryRun: o.DryRun, Actions: []ReleaseAction{}}}
	r.table = &table{o: TableOptions{Endpoint: o.Endpoint}, rec: rec, report: report, res: &TableResult{}}
	report.Release = r.res
	failed := r.run(ctx)
	if obs := r.table.observer; obs != nil {
		cleanUp, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
		obs.cut = obs.cut || ctx.Err() != nil
		obs.leave(cleanUp)
		cancel()
	}
	switch {
	case ctx.Err() != nil:
		report.Interrupted = true
	case failed != nil:
		report.Error = failed
	default:
		report.Verdict, report.Error = r.judge()
	}
	report.Events = rec.Events()
	report.Finished = Time{time.Now()}
	return report
}

func (r *release) run(ctx context.Context) *RunError {
	switch {
	case r.o.PreviousSession != 0:
		return r.endPrevious(ctx, r.o.PreviousSession, "")
	case r.o.Mine:
		return r.endMine(ctx)
	}
	if failed := r.observe(ctx); failed != nil {
		return failed
	}
	if r.o.Client != "" {
		return r.endSessions(ctx)
	}
	rows, failed := r.choose(ctx)
	if failed != nil {
		return failed
	}
	return r.closeOpens(ctx, rows)
}

// observe connects, and needs the right to read the tables.
func (r *release) observe(ctx context.Context) *RunError {
	e := r.o.Endpoint
	o, err := e.observe(ctx, "")
	if err != nil {
		return newRunError("connect to "+e.Target.Address(), err)
	}
	r.table.observer = o
	r.report.Server = &ServerInfo{}
	o.describe(r.report.Server)
	r.rec.Record(ActorObserver, whatConnect, r.report.Server.connectText(e.Credentials))
	if o.denied != nil {
		r.table.note("%s", o.whyNoTable(o.denied))
		r.table.note("Without the table nothing can be told apart, so nothing was ended. A session whose id is known can be ended without rights: --previous-session 0x…, or --mine.")
		return newRunError("read the server's tables", o.denied)
	}
	return nil
}

// list reads the opens that keep is true for, joined to their clients.
func (r *release) list(ctx context.Context, keep func(*OpenRow) bool) ([]OpenRow, *RunError) {
	t, o := r.table, r.table.observer
	sessions, err := o.tables.SessionEnum(ctx, "", "")
	if err == nil {
		t.res.Sessions = t.sessionRows(sessions)
	}
	rows, err := o.opens(ctx, keep)
	if err != nil {
		return nil, newRunError("read the server's tables", err)
	}
	t.markOwnPipes(rows)
	t.joinClients(ctx, rows)
	r.rec.Record(ActorObserver, whatList, countOpens(len(rows)))
	return rows, nil
}

// choose finds the opens that were meant.
func (r *release) choose(ctx context.Context) ([]OpenRow, *RunError) {
	switch {
	case r.o.Open != "":
		return r.only(ctx, "the open "+r.o.Open, r.hasID(r.o.Open))
	case r.o.Path != "":
		return r.only(ctx, "the path "+r.o.Path, r.hasPath(r.o.Path))
	}
	rows, failed := r.list(ctx, func(row *OpenRow) bool { return r.below(row) })
	if failed != nil {
		return nil, failed
	}
	e := livenessEvidence{sessions: r.table.res.Sessions, samba: r.table.observer.isSamba(), seen: true}
	var stale []OpenRow
	for _, row := range rows {
		e.opens = []OpenRow{row}
		state, reasons := judgeLiveness(e)
		if state != StateStale {
			continue
		}
		stale = append(stale, row)
		r.rec.Record(ActorTool, whatNote, strings.Join(reasons, "; "))
	}
	if len(stale) == 0 && r.table.observer.isSamba() {
		r.table.note("Samba does not keep how long a session has been idle, so none of its opens can be called stale; give --open or --session.")
	}
	return stale, nil
}

// below reports whether a row lies on the target's share and path, of which
// either may be missing.
func (r *release) below(row *OpenRow) bool {
	t := r.o.Endpoint.Target
	if row.Own || t.Share != "" && !strings.EqualFold(row.Share, t.Share) {
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

// hasPath matches the whole path: below the target's share, with the share's
// name before it, or the server's own.
func (r *release) hasPath(path string) func(*OpenRow) bool {
	path = strings.Trim(strings.ReplaceAll(path, "/", `\`), `\`)
	share := r.o.Endpoint.Target.Share
	return func(row *OpenRow) bool {
		if share != "" && strings.EqualFold(row.Share, share) && strings.EqualFold(row.SharePath, path) {
			return true
		}
		return strings.EqualFold(row.Share+`\`+row.SharePath, path) || strings.EqualFold(row.Path, path)
	}
}

// only lists what matches, and refuses unless it is one open.
func (r *release) only(ctx context.Context, what string, keep func(*OpenRow) bool) ([]OpenRow, *RunError) {
	rows, failed := r.list(ctx, keep)
	if failed != nil {
		return nil, failed
	}
	switch {
	case len(rows) == 0:
		return nil, &RunError{Op: "find " + what, Text: "the server lists no such open; nothing was ended"}
	case rows[0].Own:
		return nil, &RunError{Op: "end " + what, Text: "it is this run's own; nothing was ended"}
	case len(rows) > 1:
		r.res.Actions = append(r.res.Actions, ReleaseAction{What: "open", Name: what, Opens: rows, Done: ReleaseRefused, Detail: "several opens match"})
		return nil, &RunError{Op: "end " + what, Text: fmt.Sprintf("%s match it; nothing was ended. Give --open with the id of one", countOpens(len(rows)))}
	}
	return rows, nil
}

// closeOpens closes opens by their ids, one after the other.
func (r *release) closeOpens(ctx context.Context, rows []OpenRow) *RunError {
	for _, row := range rows {
		r.res.Actions = append(r.res.Actions, ReleaseAction{What: "open", Name: row.ID, Opens: []OpenRow{row}})
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
	return a.ID == b.ID && strings.EqualFold(a.Path, b.Path) && strings.EqualFold(a.User, b.User)
}

// closeOpen checks that the id still means the same, closes it, and looks.
func (r *release) closeOpen(ctx context.Context, a *ReleaseAction) *RunError {
	row := a.Opens[0]
	now, failed := r.list(ctx, r.hasID(row.ID))
	switch {
	case failed != nil:
		return failed
	case len(now) == 0:
		a.Done, a.Detail = ReleaseDone, "it went by itself before it was closed"
		return nil
	case len(now) > 1:
		a.Done, a.Detail = ReleaseRefused, fmt.Sprintf("%s have this id by now", countOpens(len(now)))
		return nil
	case !sameOpen(now[0], row):
		a.Done, a.Detail = ReleaseRefused, fmt.Sprintf("the id means another open by now: %s of %s", now[0].Path, now[0].User)
		return nil
	}
	id, _ := strconv.ParseUint(row.ID, 0, 32)
	err := r.table.observer.tables.FileClose(ctx, uint32(id))
	r.rec.Record(ActorTool, whatClose, "open "+row.ID+answerDetail(err))
	if err != nil && !isRefusal(err) {
		return newRunError("close open "+row.ID, err)
	}
	gone, failed := r.isGone(ctx, r.hasID(row.ID), func(rows []OpenRow) bool {
		return !slices.ContainsFunc(rows, func(other OpenRow) bool { return sameOpen(other, row) })
	})
	if failed != nil {
		return failed
	}
	r.settle(a, gone, err)
	return nil
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
		a.Done, a.Detail = ReleaseFailed, r.needsRight()
	case err != nil:
		a.Done, a.Detail = ReleaseFailed, plainText(err)
	default:
		a.Done, a.Detail = ReleaseFailed, fmt.Sprintf("the server took the call, and lists it still after %v", verifyTime)
	}
}

// needsRight says what the server wants for the right to do this.
func (r *release) needsRight() string {
	if r.table.observer.isSamba() {
		return "the server refuses: on Samba this takes root or the privilege SeDiskOperatorPrivilege (net rpc rights grant 'DOMAIN\\user' SeDiskOperatorPrivilege), and for sessions membership in Domain Admins"
	}
	return "the server refuses: this takes a member of its group Administrators or Server Operators"
}

// isGone lists until gone is true of what keep lets through, for a while:
// servers act after they have answered.
func (r *release) isGone(ctx context.Context, keep func(*OpenRow) bool, gone func([]OpenRow) bool) (bool, *RunError) {
	for begin, wait := time.Now(), 5*time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		rows, failed := r.list(ctx, keep)
		switch {
		case failed != nil:
			return false, failed
		case gone(rows):
			return true, nil
		case time.Since(begin) > verifyTime:
			return false, nil
		}
		pause(ctx, wait)
	}
}

// confirm shows what will be done and asks. goOn is false where that is the end
// of the run.
func (r *release) confirm() (goOn bool, failed *RunError) {
	if len(r.res.Actions) == 0 {
		return false, nil
	}
	mark := func(done string) {
		for i := range r.res.Actions {
			if r.res.Actions[i].Done == releaseUndecided {
				r.res.Actions[i].Done = done
			}
		}
	}
	if r.o.DryRun {
		mark(ReleaseNotAsked)
		return false, nil
	}
	if r.o.Confirm == nil {
		return true, nil
	}
	yes, err := r.o.Confirm(r.describe())
	if err != nil {
		mark(ReleaseNotAsked)
		return false, newRunError("ask whether to go on", err)
	}
	if !yes {
		mark(ReleaseDeclined)
	}
	return yes, nil
}

// describe says what will be done, for the question.
func (r *release) describe() string {
	var b strings.Builder
	for _, a := range r.res.Actions {
		fmt.Fprintf(&b, "%s %s", a.What, a.Name)
		if a.Detail != "" {
			fmt.Fprintf(&b, " (%s)", a.Detail)
		}
		b.WriteString("\n")
		for _, row := range a.Opens {
			fmt.Fprintf(&b, "  %s  %s  user %s, client %s, access %s\n", row.ID, row.Path, row.User, clientText(&row), openAccessText(&row))
		}
	}
	return b.String()
}

// judge is the verdict on what was done.
func (r *release) judge() (*Verdict, *RunError) {
	v := &Verdict{Code: 0, Name: "NO_ERROR", Because: []int{}, Next: []string{}}
	count := map[string]int{}
	for _, a := range r.res.Actions {
		count[a.Done]++
	}
	bad := count[ReleaseFailed] + count[ReleaseRefused]
	switch n := len(r.res.Actions); {
	case n == 0:
		v.Summary = "There was nothing to end."
	case bad > 0:
		var why []string
		for _, a := range r.res.Actions {
			if a.Done == ReleaseFailed || a.Done == ReleaseRefused {
				why = append(why, a.What+" "+a.Name+": "+a.Detail)
			}
		}
		return nil, &RunError{Op: fmt.Sprintf("end %d of %d", bad, n), Text: strings.Join(why, "; ")}
	case r.o.DryRun:
		v.Summary = fmt.Sprintf("Nothing was done (--dry-run): %d would be ended.", n)
	case count[ReleaseDeclined] > 0:
		v.Summary = "Nothing was done: the answer was no."
	case count[ReleaseUnproved] > 0:
		v.Summary = "It was done, and the server took it; whether it worked cannot be seen without the right to read its table."
		v.Next = append(v.Next, "Try what was refused before: it is let in if the session was the holder's.")
	default:
		v.Summary = fmt.Sprintf("%d ended, and the server lists it no more.", count[ReleaseDone])
	}
	for _, e := range r.rec.Events() {
		if e.What == whatList || e.What == whatClose {
			v.Because = append(v.Because, e.ID)
		}
	}
	return v, nil
}
