package diag

import (
	"context"
	"fmt"
	"time"

	"err32/smb"
)

// How long clean-up may take: it must end even when the server does not
// answer any more.
const (
	cleanUpTime       = 10 * time.Second
	cleanUpTimeSilent = 2 * time.Second       // after the server has stopped answering
	cleanUpTimeFile   = 10 * time.Millisecond // more for each of many files
	cleanUpRetry      = 20 * time.Millisecond
	cleanUpPatience   = 5 * time.Second // for a server to free what it was told to
)

// cleanUp ends everything the run has on the server and removes its file. It
// has a time of its own: the run's context may have ended.
func (r *repro) cleanUp(failed *RunError) {
	limit := cleanUpTime
	if failed != nil && failed.Status == "" && !r.answers() {
		limit = cleanUpTimeSilent
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if r.holder != nil {
		r.endHolder(ctx)
	}
	if r.contender != nil {
		r.contender.leave(ctx)
	}
	if r.made {
		r.removeFile(ctx)
	}
	if r.observer != nil {
		r.observer.leave(ctx)
	}
}

// answers reports whether the server still answers on the observer's
// connection.
func (r *repro) answers() bool {
	if r.observer == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return r.observer.conn.Echo(ctx) == nil
}

// endHolder frees what the holder has, whichever way it went.
func (r *repro) endHolder(ctx context.Context) {
	switch {
	case r.holder.conn.Err() == nil && (!r.gone || r.o.Disconnect == smb.DisconnectLeak):
		if err := smb.CloseAll(ctx, r.opens); err == nil && len(r.opens) > 0 {
			r.rec.RecordStatus(ActorTool, whatClose, "the holder's "+countOpens(len(r.opens)), smb.StatusSuccess)
		}
		r.holder.leave(ctx)
	default:
		silent := r.gone && (r.o.Disconnect == smb.DisconnectVanish || r.o.Disconnect == smb.DisconnectFreeze)
		r.holder.conn.Close()
		if silent {
			r.rec.Record(ActorTool, whatClose, "the silent connection, by TCP FIN")
		}
	}
}

// removeFile deletes the run's file, on the observer's connection or on a new
// one when that has ended or ends over it.
func (r *repro) removeFile(ctx context.Context) {
	why := ""
	for range 2 {
		if lost := r.observer.conn.Err(); lost != nil {
			c, err := r.o.Endpoint.connect(ctx, r.o.Endpoint.Target.Share, smb.GUID{})
			if err != nil {
				why = plainText(err)
				break
			}
			r.observer = &observer{client: c, denied: lost}
		}
		why = removePatiently(ctx, r.observer.tree, r.path, time.Now().Add(cleanUpPatience))
		if why == "" || r.observer.conn.Err() == nil {
			break
		}
	}
	if why == "" {
		r.rec.RecordStatus(ActorTool, whatRemove, r.path, smb.StatusSuccess)
		return
	}
	where := r.o.Endpoint.Target
	where.Path = r.path
	r.res.LeftBehind = append(r.res.LeftBehind, fmt.Sprintf("%s could not be removed: %s", where, why))
	r.rec.Record(ActorTool, whatRemove, r.path+" could not be removed: "+why)
}

// removePatiently removes a file that the tool made, and returns why it could
// not, or "". A server that was just told of a holder's end may still hold the
// open for a moment. A file that is not there is as good as removed.
func removePatiently(ctx context.Context, tree *smb.Tree, path string, patience time.Time) string {
	for {
		status, err := removeFile(ctx, tree, path)
		switch {
		case err != nil:
			return plainText(err)
		case status == smb.StatusSuccess, status == smb.StatusObjectNameNotFound:
			return ""
		case status != smb.StatusSharingViolation || time.Now().After(patience):
			return fmt.Sprintf("%s (%s): %s", status, status.Hex(), statusText(status))
		}
		if pause(ctx, cleanUpRetry); ctx.Err() != nil {
			return "the server still holds an open of it"
		}
	}
}

// removeFile opens a file to be deleted when that open is closed, and closes
// it. The error is not a server's answer.
func removeFile(ctx context.Context, tree *smb.Tree, path string) (smb.NTStatus, error) {
	_, err := tree.CreateClose(ctx, &smb.CreateRequest{
		Name:        path,
		Access:      smb.Delete | smb.FileReadAttributes,
		Share:       smb.ShareRead | smb.ShareWrite | smb.ShareDelete,
		Disposition: smb.OpenFile,
		Options:     smb.NonDirectoryFile | smb.DeleteOnClose,
	})
	if status, ok := smb.StatusOf(err); ok {
		return status, nil
	}
	return smb.StatusSuccess, err
}

// finish completes the report.
func (r *repro) finish(ctx context.Context, failed *RunError) {
	if ctx.Err() != nil {
		r.report.Interrupted = true
		r.rec.Record(ActorTool, whatInterrupted, "by a signal; what the run made was cleaned up")
	} else {
		r.report.Error = failed
	}
	r.report.Events = r.rec.Events()
	r.report.finish()
	if r.report.Error == nil {
		r.report.Verdict = Judge(r.report.Events)
	}
	if v := r.report.Verdict; v != nil && v.Code != 0 && r.o.Endpoint.Lab {
		v.Next = []string{labAdvice} // what frees a file on other servers does not hold there
	}
	e := gather(r.report.Events)
	r.res.Error32WhileHeld = e.refusedHeld != 0
	r.res.Error32AfterDisconnect = e.stale()
	if e.released != 0 {
		after := e.releasedT
		r.res.Release = Release{Released: true, AfterMS: &after, WaitedMS: after}
	} else {
		r.res.Release.WaitedMS = max(e.waitedT, e.refusedAfterT)
	}
}

// labAdvice leads from the built-in server to the user's own.
const labAdvice = "This was the built-in lab server, which has the habits of the one in Q153260: it keeps what a lost client had open until that client " +
	"has been silent for some seconds. See what yours does: err32 repro -U USER //SERVER/SHARE."
