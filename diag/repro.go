package diag

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"err32/smb"
)

// leakedOpens is how many handles of the file the handle-leak case opens.
const leakedOpens = 10

// repro is one run of the repro command: its phases in order, and what
// clean-up must undo.
type repro struct {
	o      ReproOptions
	rec    *Recorder
	report *Report
	res    *ReproResult
	notes  sync.Mutex // guards report.Notes

	path      string // of the run's file, below the share
	observer  *observer
	holder    *client
	holderID  smb.GUID
	opens     []*smb.Open
	forget    func() // removes the record of the holder's session; nil before there is one
	contender contender
	made      bool // the file was asked for: it may be there
	gone      bool // the holder has disconnected
}

// Repro makes a file on a share, holds it open, makes the holder go away, and
// watches until the file is free or the wait ends. Whatever happens, also when
// ctx ends, it then removes what it made. The report says all; it is never
// nil.
func Repro(ctx context.Context, o ReproOptions) *Report {
	r := &repro{o: o, rec: NewRecorder(o.OnEvent), report: newReport("repro", o.Endpoint)}
	wait, interval := Milliseconds(o.Wait), Milliseconds(o.Interval)
	r.res = &ReproResult{
		WaitMS: &wait, IntervalMS: &interval,
		Case: o.Case, Disconnect: o.Disconnect.String(), RetryFrom: o.RetryFrom,
		Opens:      OpensOverTime{Before: []OpenRow{}, Held: []OpenRow{}, After: []OpenRow{}, End: []OpenRow{}},
		OtherTries: []OtherTry{}, LeftBehind: []string{},
	}
	r.report.Repro = r.res
	failed := r.run(ctx)
	r.cleanUp(failed)
	if r.forget != nil {
		r.forget()
	}
	r.finish(ctx, failed)
	return r.report
}

// newReport begins a report.
func newReport(command string, e Endpoint) *Report {
	r := &Report{
		Schema: Schema, Command: command, Started: now(),
		Tool:  Tool{Version: e.Version, OS: runtime.GOOS, Arch: runtime.GOARCH},
		Again: e.Again,
		Notes: []string{},
	}
	port := e.Target.Port
	if port == 0 {
		port = DefaultPort
	}
	r.Target = &TargetInfo{Server: e.Target.Server, Port: port, Share: e.Target.Share, Path: e.Target.Path, User: e.Credentials.name(), Lab: e.Lab}
	return r
}

func (r *repro) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.notes.Lock()
	r.report.Notes = append(r.report.Notes, text)
	r.notes.Unlock()
	r.rec.Record(ActorTool, whatNote, text)
}

// run goes through the phases. Its error, if any, ends the run.
func (r *repro) run(ctx context.Context) *RunError {
	for _, phase := range []func(context.Context) *RunError{
		r.look, r.prepare, r.hold, r.baseline, r.disconnect, r.watch,
	} {
		if failed := phase(ctx); failed != nil {
			return failed
		}
		if ctx.Err() != nil {
			return newRunError("repro", ctx.Err())
		}
		if !r.gone && r.provesNothing() {
			return nil
		}
	}
	return nil
}

// provesNothing reports whether the contender was let in beside the holder.
func (r *repro) provesNothing() bool {
	e := gather(r.rec.Events())
	return e.allowedHeld != 0
}

// look connects the clients: the holder alone, so that a wrong password is
// tried only once, then the others side by side, for the server's helpers
// behind \srvsvc need their time to start.
func (r *repro) look(ctx context.Context) *RunError {
	e := r.o.Endpoint
	rand.Read(r.holderID[:])
	var err error
	if r.holder, err = e.as(ActorHolder).connect(ctx, e.Target.Share, r.holderID); err != nil {
		return newRunError("connect to "+e.Target.String(), err)
	}
	s := &ServerInfo{}
	r.report.Server = s
	r.holder.describe(s)
	r.rec.Record(ActorHolder, whatConnect, s.connectText(e.Credentials))
	var wg sync.WaitGroup
	var observerErr, contenderErr error
	wg.Go(func() { r.observer, observerErr = e.observe(ctx, e.Target.Share) })
	if r.o.RetryFrom != "same" {
		wg.Go(func() { r.contender, contenderErr = r.connectContender(ctx) })
	} else {
		r.contender = &ownContender{client: r.holder, borrowed: true}
	}
	wg.Wait()
	if observerErr != nil {
		return newRunError("connect the observer to "+e.Target.String(), observerErr)
	}
	if contenderErr != nil {
		return newRunError("connect the contender to "+e.Target.String(), contenderErr)
	}
	r.observer.describe(s)
	r.holder.describe(s)
	r.res.Contender = r.contender.name()
	r.rec.Record(ActorContender, whatConnect, r.contender.name()+", from "+r.retryFrom())
	if r.observer.denied != nil {
		r.note("%s", r.observer.whyNoTable(r.observer.denied))
	} else {
		r.rec.Record(ActorObserver, whatConnect, strings.Join(nonEmpty(`\srvsvc`, s.Name, s.Comment), ", "))
	}
	return nil
}

func (r *repro) retryFrom() string {
	if r.o.RetryFrom == "same" {
		return "the holder's own client"
	}
	return "another client"
}

// connectContender connects go-smb2, or the tool's own client where that was
// asked for or go-smb2 cannot do it.
func (r *repro) connectContender(ctx context.Context) (contender, error) {
	var why error
	if r.o.RetryWith != "own" {
		stock, err := r.o.Endpoint.connectStock(ctx)
		if err == nil {
			return stock, nil
		}
		why = err
	}
	c, err := r.o.Endpoint.as(ActorContender).connect(ctx, r.o.Endpoint.Target.Share, smb.GUID{})
	if err != nil {
		return nil, err
	}
	if why != nil {
		r.noteSwitch(why)
	}
	return &ownContender{client: c}, nil
}

func (r *repro) noteSwitch(why error) {
	r.note("The tool's own client contends: go-smb2 failed for a reason of its own (%s).", plainText(why))
}

// prepare makes the run's file.
func (r *repro) prepare(ctx context.Context) *RunError {
	id := make([]byte, 4)
	rand.Read(id)
	name := "err32-" + hex.EncodeToString(id) + ".tmp"
	r.path = name
	if folder := r.o.Endpoint.Target.Path; folder != "" {
		r.path = folder + `\` + name
	}
	r.made = true // even if the answer does not come
	_, err := r.observer.tree.CreateClose(ctx, &smb.CreateRequest{
		Name:        r.path,
		Access:      smb.FileWriteData | smb.FileReadAttributes | smb.Delete | smb.Synchronize,
		Share:       smb.ShareRead | smb.ShareWrite | smb.ShareDelete,
		Disposition: smb.CreateFile,
		Options:     smb.NonDirectoryFile,
		Attributes:  smb.AttributeNormal,
	})
	if err != nil {
		var refused *smb.OpError
		if _, answered := smb.StatusOf(err); answered && errors.As(err, &refused) && refused.Op == "create" {
			r.made = false // else the file was made, and could not be closed
		}
		return newRunError("create a file in "+r.o.Endpoint.Target.String(), err)
	}
	r.res.File = r.path
	r.rec.RecordStatus(ActorTool, whatPrepare, r.path, smb.StatusSuccess)
	rows, failed := r.list(ctx)
	r.res.Opens.Before = rows
	return failed
}

// list reads the rows of the run's file from the server's table. A table that
// cannot be read is noted once and no error; the end of ctx is one.
func (r *repro) list(ctx context.Context) ([]OpenRow, *RunError) {
	o := r.observer
	if o.denied != nil {
		return []OpenRow{}, nil
	}
	rows, err := o.opens(ctx, o.isFile(r.o.Endpoint.Target.Share, r.path))
	if err != nil {
		if ctx.Err() != nil {
			return []OpenRow{}, newRunError("read the server's table", ctx.Err())
		}
		o.denied = err
		r.note("%s", o.whyNoTable(err))
		return []OpenRow{}, nil
	}
	r.res.TableSeen = true
	if r.gone && len(r.res.Opens.Held) > 0 {
		rows = onlyHeld(rows, r.res.Opens.Held)
	}
	for i := range rows {
		rows[i].Own = true // nobody else knows the file's name
	}
	r.rec.Record(ActorObserver, whatList, countOpens(len(rows))+" of the file")
	return rows, nil
}

// onlyHeld keeps the holder's opens: the contender's own may be among the rows
// for the moment that it has the file.
func onlyHeld(rows, held []OpenRow) []OpenRow {
	return slices.DeleteFunc(rows, func(row OpenRow) bool {
		return !slices.ContainsFunc(held, func(h OpenRow) bool { return h.ID == row.ID })
	})
}

func countOpens(n int) string {
	switch n {
	case 0:
		return "no open"
	case 1:
		return "1 open"
	}
	return fmt.Sprintf("%d opens", n)
}

// hold opens the file as the holder and writes a part of it.
func (r *repro) hold(ctx context.Context) *RunError {
	count := 1
	if r.o.Case == "handle-leak" {
		count = leakedOpens
	}
	var err error
	if r.forget, err = recordSession(r.o.StateDir, "repro", r.o.Endpoint, r.holder, []string{r.path}); err != nil {
		r.note("%s", noRecord(err))
	}
	for range count {
		o, err := r.holder.tree.Create(ctx, &smb.CreateRequest{
			Name: r.path, Access: r.o.Access, Share: r.o.Share,
			Disposition: smb.OpenFile, Options: smb.NonDirectoryFile,
		})
		if err != nil {
			return newRunError("open "+r.path+" as the holder", err)
		}
		r.opens = append(r.opens, o)
	}
	r.res.Holder = &HolderInfo{
		SessionID: fmt.Sprintf("0x%X", r.holder.session.ID()),
		FileID:    r.opens[0].ID.String(),
		Access:    r.o.Access.Classes().Words(),
		Share:     r.o.Share.Words(),
	}
	detail := fmt.Sprintf("access %s, share %s", r.o.Access.Classes(), r.o.Share)
	if count > 1 {
		detail += fmt.Sprintf(", %d times", count)
	}
	r.rec.RecordStatus(ActorHolder, whatOpen, detail, smb.StatusSuccess)
	if r.o.Access&smb.FileWriteData != 0 {
		part := []byte("the first part of what the holder was writing\n")
		if _, err := r.opens[0].WriteAt(ctx, part, 0); err != nil {
			return newRunError("write as the holder", err)
		}
		r.rec.RecordStatus(ActorHolder, whatWrite, fmt.Sprintf("%d bytes", len(part)), smb.StatusSuccess)
	}
	return nil
}

// baseline shows that the contender is refused while the holder lives.
func (r *repro) baseline(ctx context.Context) *RunError {
	rows, failed := r.list(ctx)
	if failed != nil {
		return failed
	}
	r.res.Opens.Held = rows
	status, failed := r.try(ctx)
	if failed != nil {
		return failed
	}
	r.recordTry(status)
	switch {
	case status == smb.StatusSuccess:
		r.letGo()
		return nil
	case status != smb.StatusSharingViolation:
		return newRunError("open "+r.path+" as the contender", &smb.OpError{Op: "create", Path: r.path, Status: status})
	}
	stock, ok := r.contender.(*stockContender)
	// Without FILE_SHARE_DELETE both rename and delete must be refused;
	// with it they would change the file.
	if ok && r.o.Share&smb.ShareDelete == 0 {
		var err error
		r.res.OtherTries, err = stock.otherTries(ctx, r.path, func(operation string, status smb.NTStatus) {
			r.rec.RecordStatus(ActorContender, whatOther, operation, status)
		})
		if err != nil && isTimeout(err) {
			return newRunError("use "+r.path+" as the contender", err)
		}
	} else if ok {
		r.note("What rename and delete would meet was not tried: the holder shares delete, so they would change the file.")
	}
	return nil
}

func (r *repro) recordTry(status smb.NTStatus) {
	r.rec.RecordStatus(ActorContender, whatTry, "", status)
}

// letGo gives up what the contender has got, after that was recorded: the time
// that counts is the answer's.
func (r *repro) letGo() {
	if err := r.contender.letGo(); err != nil {
		r.note("The contender could not close the file: %s.", plainText(err))
	}
}

// try lets the contender open the file once. When go-smb2 fails without a
// server's answer, or its connection was ended, the tool's own client takes
// over.
func (r *repro) try(ctx context.Context) (smb.NTStatus, *RunError) {
	status, err := r.contender.open(ctx, r.path)
	if err == nil && !sessionLost(status) {
		return status, nil
	}
	if ctx.Err() != nil {
		return 0, newRunError("open "+r.path+" as the contender", ctx.Err())
	}
	borrowed := false
	if own, ok := r.contender.(*ownContender); ok {
		borrowed = own.borrowed
	}
	if err != nil && (isTimeout(err) || borrowed) {
		return 0, newRunError("open "+r.path+" as the contender", err)
	}
	if err == nil {
		err = &smb.OpError{Op: "create", Path: r.path, Status: status}
	}
	r.contender.leave(ctx)
	c, again := r.o.Endpoint.as(ActorContender).connect(ctx, r.o.Endpoint.Target.Share, smb.GUID{})
	if again != nil {
		return 0, newRunError("connect the contender again after "+plainText(err), again)
	}
	if r.contender.name() == "go-smb2" {
		r.noteSwitch(err)
	} else {
		r.note("The contender's session was lost (%s) and set up again.", plainText(err))
	}
	r.contender = &ownContender{client: c}
	r.res.Contender = r.contender.name()
	status, err = r.contender.open(ctx, r.path)
	if err != nil {
		return 0, newRunError("open "+r.path+" as the contender", err)
	}
	return status, nil
}

func sessionLost(s smb.NTStatus) bool {
	return s == smb.StatusUserSessionDeleted || s == smb.StatusNetworkNameDeleted || s == smb.StatusNetworkSessionExpired
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// disconnect makes the holder go away. Time counts from here: from the moment
// a kind that tells the server is begun, or one that tells nothing is done.
func (r *repro) disconnect(ctx context.Context) *RunError {
	kind := r.o.Disconnect
	silent := kind == smb.DisconnectVanish || kind == smb.DisconnectFreeze
	mark := func() {
		r.rec.RecordZero(ActorHolder, whatDisconnect, kind.String()+": "+disconnectStory(kind))
	}
	if !silent {
		mark()
	}
	r.gone = true
	if err := r.holder.session.Leave(ctx, kind, r.holder.tree, r.opens); err != nil {
		if ctx.Err() != nil || silent {
			return newRunError("disconnect by "+kind.String(), err)
		}
		r.note("The disconnect by %s met an error: %s.", kind, plainText(err))
	}
	if silent {
		mark()
	}
	if r.o.RetryFrom != "same" || kind == smb.DisconnectLeak {
		return nil
	}
	// The holder's session cannot be used any more: the same client, as its
	// GUID tells the server, comes back on a new connection.
	c, err := r.o.Endpoint.as(ActorContender).connect(ctx, r.o.Endpoint.Target.Share, r.holderID)
	if err != nil {
		return newRunError("connect the same client again", err)
	}
	r.contender = &ownContender{client: c}
	r.rec.Record(ActorContender, whatConnect, "err32, the same client on a new connection")
	return nil
}

// disconnectStory says what the holder does.
func disconnectStory(kind smb.DisconnectKind) string {
	switch kind {
	case smb.DisconnectClose:
		return "CLOSE, TREE_DISCONNECT, LOGOFF, FIN"
	case smb.DisconnectLogoff:
		return "LOGOFF without CLOSE"
	case smb.DisconnectFIN:
		return "TCP FIN without CLOSE or LOGOFF"
	case smb.DisconnectRST:
		return "TCP RST"
	case smb.DisconnectVanish:
		return "no packet any more, not even an ACK"
	case smb.DisconnectFreeze:
		return "the program reads and writes nothing more, its kernel still acknowledges"
	case smb.DisconnectLeak:
		return "the handle is never closed, the session goes on"
	}
	return ""
}

// watch follows table and contender until the file is free or the wait ends.
func (r *repro) watch(ctx context.Context) *RunError {
	beside, giveUp := context.WithCancel(ctx)
	defer giveUp()
	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { r.watchTable(beside, over) })
	if r.o.Disconnect == smb.DisconnectLeak {
		wg.Go(func() { r.showLife(beside, over) })
	}
	failed := r.contend(ctx)
	close(over)
	if failed != nil {
		giveUp() // a server that does not answer is not waited for once more
		wg.Wait()
		return failed
	}
	wg.Wait()
	rows, failed := r.list(ctx)
	r.res.Opens.End = rows
	return failed
}

// recordEvery is the least time between two recorded tries that met the same:
// polling without pause would fill the report.
const recordEvery = 100 * time.Millisecond

// contend tries to open the file again and again.
func (r *repro) contend(ctx context.Context) *RunError {
	begin := time.Now()
	var last smb.NTStatus
	var recorded time.Time
	proved := false // a try was recorded that would prove the open stale
	for n := 1; ; n++ {
		status, failed := r.try(ctx)
		if failed != nil {
			return failed
		}
		now := time.Now()
		elapsed := now.Sub(begin)
		over := elapsed >= r.o.Wait
		proof := !proved && elapsed >= proofAfter
		if status != last || now.Sub(recorded) >= recordEvery || over || proof {
			r.recordTry(status)
			last, recorded, proved = status, now, elapsed >= proofAfter
		}
		switch {
		case status == smb.StatusSuccess:
			r.rec.Record(ActorContender, whatRelease, fmt.Sprintf("the contender has the file, at try %d since the disconnect", n))
			r.letGo()
			return nil
		case status != smb.StatusSharingViolation:
			return newRunError("open "+r.path+" as the contender", &smb.OpError{Op: "create", Path: r.path, Status: status})
		case over:
			r.rec.Record(ActorTool, whatWaited, fmt.Sprintf("the wait of %v is over, after %d tries", r.o.Wait, n))
			return nil
		}
		if r.o.Interval > 0 {
			pause(ctx, min(r.o.Interval, r.o.Wait-elapsed, untilProof(elapsed)))
		}
		if ctx.Err() != nil {
			return newRunError("wait for the release", ctx.Err())
		}
	}
}

// untilProof is how long it is until the first refusal that proves the open
// stale. However long the interval, one try falls there: else the run could
// not tell a server that noticed at once from one that did not.
func untilProof(elapsed time.Duration) time.Duration {
	if elapsed >= proofAfter {
		return math.MaxInt64
	}
	return proofAfter - elapsed
}

// proofAfter is when a try would prove the open stale.
const proofAfter = time.Duration(settle)*time.Millisecond + time.Millisecond

// tablePause is the least pause between two listings; a listing that took the
// server longer is given a longer pause.
const tablePause = 500 * time.Millisecond

// watchTable lists the file's opens until the watch is over. A listing that
// has begun is finished: one given up would cost the pipe.
func (r *repro) watchTable(ctx context.Context, over <-chan struct{}) {
	for first := true; r.observer.denied == nil; first = false {
		begin := time.Now()
		rows, failed := r.list(ctx)
		if failed != nil {
			return
		}
		if first {
			r.res.Opens.After = rows
		}
		pause := time.NewTimer(max(tablePause, 10*time.Since(begin)))
		select {
		case <-pause.C:
		case <-over:
			pause.Stop()
			return
		case <-ctx.Done():
			pause.Stop()
			return
		}
	}
}

// showLife sends an ECHO in the leaking holder's session every second.
func (r *repro) showLife(ctx context.Context, over <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-over:
			return
		case <-ctx.Done():
			return
		}
		if err := r.holder.session.Echo(ctx); err != nil {
			if ctx.Err() == nil {
				r.note("The leaking holder's session gave no sign of life any more: %s.", plainText(err))
			}
			return
		}
		r.rec.RecordStatus(ActorHolder, whatEcho, "the session is alive", smb.StatusSuccess)
	}
}
