package diag

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"err32/smb"
)

// previousTime is how long a session that a log-on has named may take to go. By
// [MS-SMB2] 3.3.5.5.3 it is gone when the log-on is answered.
const previousTime = time.Second

// endPrevious logs on as the same user and names the dead session: the server
// ends it as if its connection were lost, [MS-SMB2] 3.3.5.5.3. That takes no
// right but the user's own.
func (r *release) endPrevious(ctx context.Context) *RunError {
	r.res.Actions = append(r.res.Actions, ReleaseAction{What: "previous-session", Name: fmt.Sprintf("0x%X", r.o.PreviousSession), Opens: []OpenRow{}})
	if goOn, failed := r.confirm(); !goOn {
		return failed
	}
	t := r.o.Endpoint.Target
	var paths []string
	if t.Share != "" && t.Path != "" {
		paths = []string{t.Path}
	}
	if failed := r.connect(ctx); failed != nil {
		return failed
	}
	_, failed := r.endAndLook(ctx, &r.res.Actions[0], r.o.PreviousSession, t.Share, paths)
	return failed
}

// endMine ends the sessions that killed runs of the tool have left on the
// target's server.
func (r *release) endMine(ctx context.Context) *RunError {
	all, err := readSessionRecords(r.o.StateDir)
	if err != nil {
		return newRunError("read the records of killed runs in "+r.o.StateDir, err)
	}
	var records []SessionRecord
	for _, record := range all {
		if !r.concernsRecord(&record) {
			r.table.note("A killed run left session %s, which is not this server's and user's.", &record)
			continue
		}
		records = append(records, record)
		r.res.Actions = append(r.res.Actions, ReleaseAction{What: "previous-session", Name: record.SessionID, Opens: []OpenRow{},
			Detail: fmt.Sprintf("left by err32 %s, process %d, which began %s and had %s of share %s", record.Command, record.PID,
				record.Started.UTC().Format("2006-01-02 15:04:05 MST"), strings.Join(record.Paths, ", "), record.Share)})
	}
	if goOn, failed := r.confirm(); !goOn {
		return failed
	}
	if failed := r.connect(ctx); failed != nil {
		return failed
	}
	for i := range records {
		if failed := r.endRecorded(ctx, &r.res.Actions[i], &records[i]); failed != nil {
			return failed
		}
	}
	return nil
}

// endRecorded ends the session of one record. The record goes too, unless the
// file is still held: then something was not as it seemed, and a later try may
// do.
func (r *release) endRecorded(ctx context.Context, a *ReleaseAction, record *SessionRecord) *RunError {
	id, err := strconv.ParseUint(record.SessionID, 0, 64)
	if err != nil || id == 0 {
		a.Done, a.Detail = ReleaseRefused, "its record has no session id"
		return nil
	}
	found, failed := r.endAndLook(ctx, a, id, record.Share, record.Paths)
	switch {
	case failed != nil:
		return failed
	case found == foundHeld:
		a.Done = ReleaseUnproved // others may hold it, and of a killed run that is no failure
		a.Detail += "; its record is kept"
		return nil
	case found == foundFree:
		a.Done = ReleaseDone // also when the server had ended it before
	}
	if err := record.forget(); err != nil {
		r.table.note("The record of session %s could not be removed: %s.", record.SessionID, plainText(err))
	}
	return nil
}

// concernsRecord reports whether a record is of the target's server and of the
// user that logs on.
func (r *release) concernsRecord(record *SessionRecord) bool {
	t, c := r.o.Endpoint.Target, r.o.Endpoint.Credentials
	port := t.Port
	if port == 0 {
		port = DefaultPort
	}
	domain := record.Domain == "" || c.Domain == "" || strings.EqualFold(record.Domain, c.Domain)
	return strings.EqualFold(record.Server, t.Server) && record.Port == port && domain && (sameUser(record.User, c.User) || sameUser(c.User, record.User))
}

// logOnOver logs on as the user of a session, naming it.
func (r *release) logOnOver(ctx context.Context, name string, id uint64) *RunError {
	e := r.o.Endpoint
	if e.Credentials.Anonymous {
		return &RunError{Op: "log on over session " + name, Text: "an anonymous log-on cannot end anybody's session: it takes the same user"}
	}
	conn, err := e.dial(ctx, smb.GUID{})
	if err != nil {
		return newRunError("connect to "+e.Target.Address(), err)
	}
	defer conn.Close()
	session, err := conn.LogOn(ctx, e.Credentials.mechanism(e.Target.Server), id)
	if err != nil {
		return newRunError("log on as the user of session "+name, wantsEncryption(conn, err))
	}
	guest := session.Flags()&smb.SessionGuest != 0
	session.LogOff(ctx)
	if guest {
		return &RunError{Op: "log on as the user of session " + name, Text: "the server took the user for a guest, who cannot end anybody's session"}
	}
	r.rec.Record(ActorTool, whatClose, "session "+name+": a new log-on of "+e.Credentials.String()+" named it")
	return nil
}

// What was seen of a file or of the table once a session was to be gone.
type found int

const (
	foundNothing found = iota // it cannot be told
	foundGone                 // what was in the way before is not any more
	foundHeld                 // what was in the way before still is
	foundFree                 // nothing was in the way before, and nothing is
)

// endAndLook ends a session by a log-on, and looks before and after: at the
// table, where the user may read it, else at the first of the paths, if there
// is one, by an open of it.
func (r *release) endAndLook(ctx context.Context, a *ReleaseAction, id uint64, share string, paths []string) (found, *RunError) {
	w, failed := r.witness(ctx, share, paths)
	if failed != nil {
		return foundNothing, failed
	}
	if failed := r.logOnOver(ctx, a.Name, id); failed != nil {
		return foundNothing, failed
	}
	a.Done, a.Detail = ReleaseUnproved, "the server was told; what became of it could not be seen"
	for begin, wait := time.Now(), 5*time.Millisecond; ; wait *= 2 {
		result, detail, failed := w.after(ctx, a)
		if failed != nil {
			return foundNothing, failed
		}
		if result == foundHeld && time.Since(begin) < previousTime {
			pause(ctx, wait)
			continue
		}
		a.Detail = detail
		switch result {
		case foundGone:
			a.Done = ReleaseDone
		case foundHeld:
			a.Done = ReleaseFailed
		}
		return result, nil
	}
}

// witness sees what a log-on over a session has done, compared with when it was
// made.
type witness interface {
	after(ctx context.Context, a *ReleaseAction) (found, string, *RunError)
}

// witness has a first look. Whether the user may read the table shows when it is
// asked for.
func (r *release) witness(ctx context.Context, share string, paths []string) (witness, *RunError) {
	o := r.table.observer
	if o.denied == nil {
		w := &tableWitness{r: r, share: share, paths: paths}
		rows, err := o.opens(ctx, w.meant())
		if err == nil {
			r.rec.Record(ActorObserver, whatList, countOpens(len(rows)))
			w.opens = rows
			w.sessions, err = w.count(ctx)
		}
		if err == nil {
			return w, nil
		}
		if !isRefusal(err) {
			return nil, newRunError("read the server's tables", err)
		}
		o.denied = err
	}
	w := &fileWitness{r: r, share: share, paths: paths}
	return w, w.before(ctx)
}

// tellsNothing is why a log-on that named a session may have done nothing.
const tellsNothing = "the server ends the session if it exists and is the same user's, and says nothing about it either way"

// tableWitness compares the server's tables.
type tableWitness struct {
	r        *release
	share    string
	paths    []string
	opens    []OpenRow
	sessions int
}

// meant are the opens that the session may have: those of the paths, or
// without any those of the user.
func (w *tableWitness) meant() func(*OpenRow) bool {
	var files []func(*OpenRow) bool
	for _, path := range w.paths {
		files = append(files, w.r.table.observer.isFile(w.share, path))
	}
	return func(row *OpenRow) bool {
		if isPipe(row) {
			return false
		}
		if len(files) == 0 {
			return sameUser(row.User, w.r.o.Endpoint.Credentials.User)
		}
		return slices.ContainsFunc(files, func(isFile func(*OpenRow) bool) bool { return isFile(row) })
	}
}

// count counts the user's sessions.
func (w *tableWitness) count(ctx context.Context) (n int, err error) {
	sessions, err := w.r.table.observer.tables.SessionEnum(ctx, "", "")
	for _, s := range sessions {
		if sameUser(s.User, w.r.o.Endpoint.Credentials.User) {
			n++
		}
	}
	return n, err
}

// after compares. Without a path it takes both an open and a session that have
// gone to tell: a user who is at work closes files all the time.
func (w *tableWitness) after(ctx context.Context, a *ReleaseAction) (found, string, *RunError) {
	rows, failed := w.r.opens(ctx, w.meant())
	if failed != nil {
		return foundNothing, "", failed
	}
	gone := slices.DeleteFunc(slices.Clone(w.opens), func(was OpenRow) bool {
		return slices.ContainsFunc(rows, func(row OpenRow) bool { return sameOpen(row, was) })
	})
	if len(w.paths) > 0 {
		path := w.paths[0]
		switch {
		case len(gone) > 0:
			a.Opens = gone
			return foundGone, "the server no longer lists " + countOpens(len(gone)) + " of what it had open", nil
		case len(w.opens) == 0:
			return foundFree, "the server listed no open of " + path + " before, and lists none now", nil
		}
		a.Opens = rows
		return foundHeld, "the server lists " + countOpens(len(rows)) + " of " + path + " as before: it is not a session of this user's, or not the one that has the file", nil
	}
	sessions, err := w.count(ctx)
	if err != nil {
		return foundNothing, "", newRunError("read the server's tables", err)
	}
	if len(gone) > 0 && sessions < w.sessions {
		a.Opens = gone
		return foundGone, "the server lists a session of the user fewer, and no longer " + countOpens(len(gone)), nil
	}
	return foundNothing, "the server's table does not tell what became of it: " + tellsNothing, nil
}

// fileWitness opens a file for reading, sharing nothing, and closes it at once.
type fileWitness struct {
	r     *release
	share string
	paths []string
	tree  *smb.Tree
	was   smb.NTStatus // before
	why   string       // nothing can be told
}

func (w *fileWitness) before(ctx context.Context) *RunError {
	if w.share == "" || len(w.paths) == 0 {
		w.why = "it cannot be seen without the right to read the server's table, or a file to try: " + tellsNothing
		return nil
	}
	var err error
	if w.tree, err = w.r.table.observer.session.TreeConnect(ctx, w.share); err == nil {
		w.was, err = w.try(ctx)
	}
	if _, answered := smb.StatusOf(err); err != nil && !answered {
		return newRunError("open "+w.paths[0], err)
	}
	if err != nil || w.was != smb.StatusSuccess && w.was != smb.StatusSharingViolation {
		status, answered := smb.StatusOf(err)
		if !answered {
			status = w.was
		}
		w.why = "it cannot be seen: an open of " + w.paths[0] + " meets " + status.String()
	}
	return nil
}

// try opens the file. One that a client caches is taken for held.
func (w *fileWitness) try(ctx context.Context) (smb.NTStatus, error) {
	attempt, err := w.tree.TryCreate(ctx, &smb.CreateRequest{
		Name: w.paths[0], Access: smb.FileReadData, Disposition: smb.OpenFile, Options: smb.NonDirectoryFile,
	}, previousTime)
	if attempt.Cancelled {
		attempt.Status = smb.StatusSharingViolation
	}
	if err == nil {
		w.r.rec.RecordStatus(ActorTool, whatTry, w.paths[0], attempt.Status)
	}
	return attempt.Status, err
}

func (w *fileWitness) after(ctx context.Context, _ *ReleaseAction) (found, string, *RunError) {
	if w.why != "" {
		return foundNothing, w.why, nil
	}
	status, err := w.try(ctx)
	path := w.paths[0]
	switch {
	case err != nil:
		return foundNothing, "", newRunError("open "+path, err)
	case status == smb.StatusSuccess && w.was == smb.StatusSharingViolation:
		return foundGone, "nobody was let in to " + path + " before, and an open of it is now", nil
	case status == smb.StatusSuccess:
		return foundFree, "nobody held " + path + " before, and nobody does now", nil
	case status == smb.StatusSharingViolation:
		return foundHeld, "an open of " + path + " is still refused: it is not a session of this user's, or others hold the file too", nil
	}
	return foundNothing, "it cannot be seen: an open of " + path + " meets " + status.String() + " now", nil
}
