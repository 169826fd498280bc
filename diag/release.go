package diag

import (
	"context"
	"fmt"
	"slices"
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
	Mine            bool   // the sessions of killed runs, from the records in StateDir
	StateDir        string
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

// Free is the release command: it ends opens or sessions that stand in the way.
// It lists them, asks, checks just before that they still are what was meant,
// acts, and lists again. The report is never nil.
func Free(ctx context.Context, o ReleaseOptions) *Report {
	r := newRelease(o)
	report := r.report
	failed := r.run(ctx)
	r.mark(ReleaseNotAsked)
	if r.table.observer != nil {
		r.table.observer.leaveAtEnd(ctx)
	}
	for i := len(report.Notes) - 1; i >= 0; i-- { // each listing has its own
		if slices.Contains(report.Notes[:i], report.Notes[i]) {
			report.Notes = slices.Delete(report.Notes, i, i+1)
		}
	}
	report.end(ctx, r.rec, failed, r.judge)
	return report
}

func newRelease(o ReleaseOptions) *release {
	rec, report := NewRecorder(o.OnEvent), newReport("release", o.Endpoint)
	r := &release{o: o, rec: rec, report: report, res: &ReleaseResult{DryRun: o.DryRun, Actions: []ReleaseAction{}}}
	r.table = &table{o: TableOptions{Endpoint: o.Endpoint}, rec: rec, report: report, res: &TableResult{}}
	report.Release = r.res
	return r
}

func (r *release) run(ctx context.Context) *RunError {
	switch {
	case r.o.PreviousSession != 0:
		return r.endPrevious(ctx)
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
	if failed := r.connect(ctx); failed != nil {
		return failed
	}
	o := r.table.observer
	if o.denied != nil {
		return r.noTable(o.denied)
	}
	share := r.o.Endpoint.Target.Share
	if share != "" && len(o.shares) > 0 && !slices.ContainsFunc(o.shares, func(s shareRoot) bool { return strings.EqualFold(s.share, share) }) {
		return newRunError("find "+r.o.Endpoint.Target.String(), &smb.OpError{Op: "find", Path: share, Status: smb.StatusBadNetworkName})
	}
	return nil
}

// noTable says that the tables cannot be read, and what can be done all the
// same.
func (r *release) noTable(err error) *RunError {
	if isRefusal(err) || r.table.observer.denied != nil {
		r.table.note("%s", r.table.observer.whyNoTable(err))
		r.table.note("Without the table nothing can be told apart, so nothing was ended. A session whose id is known can be ended without rights: --previous-session 0x…, or --mine.")
	}
	return newRunError("read the server's tables", err)
}

// connect makes the run's connection, with the tables where the user may read
// them, in place of the one that was lost.
func (r *release) connect(ctx context.Context) *RunError {
	e := r.o.Endpoint
	if lost := r.table.observer; lost != nil {
		lost.conn.Close()
		r.table.observer = nil
	}
	o, err := e.observe(ctx, "")
	if err != nil {
		return newRunError("connect to "+e.Target.Address(), err)
	}
	r.table.observer = o
	r.report.Server = &ServerInfo{}
	o.describe(r.report.Server)
	r.rec.Record(ActorObserver, whatConnect, r.report.Server.connectText(e.Credentials))
	return nil
}

// list reads the opens that keep is true for, joined to their clients.
func (r *release) list(ctx context.Context, keep func(*OpenRow) bool) ([]OpenRow, *RunError) {
	t := r.table
	sessions, sessionsErr := t.observer.tables.SessionEnum(ctx, "", "")
	if sessionsErr != nil && !isRefusal(sessionsErr) {
		return nil, r.noTable(sessionsErr)
	}
	rows, failed := r.opens(ctx, keep)
	if failed != nil {
		return nil, failed
	}
	t.res.Sessions = t.sessionRows(sessions)
	if sessionsErr != nil {
		t.note("The sessions could not be read (%s), so no open could be joined to its client.", plainText(sessionsErr))
	}
	t.markOwnPipes(rows)
	t.joinClients(ctx, rows)
	return rows, nil
}

// opens reads the opens that keep is true for and nothing else, so that what
// follows happens as soon as can be.
func (r *release) opens(ctx context.Context, keep func(*OpenRow) bool) ([]OpenRow, *RunError) {
	rows, err := r.table.observer.opens(ctx, keep)
	if err != nil {
		return nil, r.noTable(err)
	}
	r.rec.Record(ActorObserver, whatList, countOpens(len(rows)))
	return rows, nil
}

// confirm shows what will be done and asks. goOn is false where that is the end
// of the run.
func (r *release) confirm() (goOn bool, failed *RunError) {
	switch {
	case len(r.res.Actions) == 0 || r.o.DryRun:
		return false, nil
	case r.o.Confirm == nil:
		return true, nil
	}
	yes, err := r.o.Confirm(r.describe())
	if err != nil {
		return false, newRunError("ask whether to go on", err)
	}
	if !yes {
		r.mark(ReleaseDeclined)
	}
	return yes, nil
}

// mark says what became of the actions of which that is not known yet.
func (r *release) mark(done string) {
	for i := range r.res.Actions {
		if r.res.Actions[i].Done == releaseUndecided {
			r.res.Actions[i].Done = done
		}
	}
}

// describe says what will be done, for the question.
func (r *release) describe() string {
	var b strings.Builder
	for _, a := range r.res.Actions {
		fmt.Fprintf(&b, "%s %s", strings.ReplaceAll(a.What, "-", " "), visibleText(a.Name))
		if a.Detail != "" {
			fmt.Fprintf(&b, " (%s)", visibleText(a.Detail))
		}
		b.WriteString("\n")
		for i := range a.Opens {
			row := &a.Opens[i]
			fmt.Fprintf(&b, "  %s  %s  user %s, client %s, access %s\n",
				row.ID, visibleName(row.Path), userText(row.User), clientText(row), openAccessText(row))
		}
	}
	return b.String()
}

// judge is the verdict on what was done.
func (r *release) judge() (*Verdict, *RunError) {
	v := &Verdict{Code: 0, Name: "NO_ERROR", Because: []int{}, Next: []string{}}
	count := map[string]int{}
	var why []string
	for _, a := range r.res.Actions {
		count[a.Done]++
		if a.Done == ReleaseFailed || a.Done == ReleaseRefused {
			why = append(why, a.What+" "+a.Name+": "+a.Detail)
		}
	}
	switch n := len(r.res.Actions); {
	case n == 0:
		v.Summary = "There was nothing to end."
	case len(why) > 0:
		return nil, &RunError{Op: fmt.Sprintf("end %d of %d", len(why), n), Text: strings.Join(why, "; ")}
	case r.o.DryRun:
		v.Summary = fmt.Sprintf("Nothing was done (--dry-run): %d would be ended.", n)
	case count[ReleaseDeclined] > 0:
		v.Summary = "Nothing was done: the answer was no."
	case count[ReleaseUnproved] > 0:
		v.Summary = fmt.Sprintf("The server was told to end %d; of %d it was not seen whether that worked.", n, count[ReleaseUnproved])
		v.Next = append(v.Next, "Try what was refused before: it is let in if the session was the holder's.")
	default:
		v.Summary = fmt.Sprintf("%d ended, and seen to be gone.", count[ReleaseDone])
	}
	for _, e := range r.rec.Events() {
		if e.What == whatList || e.What == whatClose || e.What == whatTry {
			v.Because = append(v.Because, e.ID)
		}
	}
	return v, nil
}
