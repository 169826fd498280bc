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

// HoldOptions says what the hold command does.
type HoldOptions struct {
	Endpoint   Endpoint
	Targets    []Target // files of one share; the endpoint's target names server and share
	Count      int      // above 0: make NAME-000001 … of the one target, and remove them at the end
	All        bool     // the one target is a folder: hold every file below it
	Access     smb.AccessMask
	Share      smb.ShareAccess
	Disconnect smb.DisconnectKind
	For        time.Duration         // how long to hold; 0: until ctx ends
	StateDir   string                // where a record of the session is kept while it lasts; empty for none
	OnReady    func(held int) error  // called once all are held, may be nil
	OnProgress func(held, asked int) // called now and then while opening, may be nil
	OnEvent    func(Event)           // may be nil
}

// openWindow is how many CREATE requests are kept under way: enough that the
// server always has the next one.
const openWindow = 128

// maxRefusals is how many refused files are listed by name.
const maxRefusals = 100

// maxHeldFiles is how many held files are listed by name.
const maxHeldFiles = 1000

// hold is one run of the hold command.
type hold struct {
	o      HoldOptions
	rec    *Recorder
	report *Report
	res    *HoldResult

	client   *client
	forget   func() // removes the record of the session; nil before there is one
	paths    []string
	opens    []*smb.Open
	answered int      // of paths
	made     []string // files to be removed
	doubtful []string // files that may have been made: no answer came
	gone     bool
	early    bool         // a signal came before For was over
	worst    smb.NTStatus // the first refusal, a sharing violation before others
}

// Hold opens files, holds them, and leaves in the way that was asked for. It
// holds all of them or none. The report is never nil.
func Hold(ctx context.Context, o HoldOptions) *Report {
	h := &hold{o: o, rec: NewRecorder(o.OnEvent), report: newReport("hold", o.Endpoint)}
	h.res = &HoldResult{
		Disconnect: o.Disconnect.String(), Access: o.Access.Classes().Words(), Share: o.Share.Words(),
		Files: []string{}, SessionIDs: []string{}, Refused: []Refusal{}, LeftBehind: []string{},
	}
	h.report.Hold = h.res
	failed := h.run(ctx)
	h.cleanUp()
	if h.forget != nil {
		h.forget()
	}
	h.finish(ctx, failed)
	return h.report
}

func (h *hold) run(ctx context.Context) *RunError {
	e := h.o.Endpoint
	var err error
	if h.client, err = e.as(ActorHolder).connect(ctx, e.Target.Share, smb.GUID{}); err != nil {
		return newRunError("connect to "+e.Target.String(), err)
	}
	h.report.Server = &ServerInfo{}
	h.client.describe(h.report.Server)
	h.res.SessionIDs = append(h.res.SessionIDs, fmt.Sprintf("0x%X", h.client.session.ID()))
	h.rec.Record(ActorHolder, whatConnect, h.report.Server.connectText(e.Credentials))
	if err := h.choose(ctx); err != nil {
		return newRunError("list "+h.o.Targets[0].String(), err)
	}
	h.res.Asked = len(h.paths)
	if h.forget, err = recordSession(h.o.StateDir, "hold", e, h.client, h.paths); err != nil {
		h.report.Notes = append(h.report.Notes, noRecord(err))
	}
	begin := time.Now()
	err = h.openAll(ctx)
	h.res.OpenMS = Milliseconds(time.Since(begin))
	if err != nil {
		return newRunError("hold the files", err)
	}
	if h.refused() > 0 {
		return nil // nothing counts as held: clean-up closes what was opened
	}
	h.res.Held = len(h.opens)
	h.res.Files = slices.Clone(h.paths[:min(len(h.paths), maxHeldFiles)])
	h.res.FilesMore = h.res.Held - len(h.res.Files)
	h.rec.RecordStatus(ActorHolder, whatOpen, fmt.Sprintf("%d of %d files, access %s, share %s", h.res.Held, h.res.Asked, h.o.Access.Classes(), h.o.Share), smb.StatusSuccess)
	if h.o.OnReady != nil {
		if err := h.o.OnReady(h.res.Held); err != nil {
			return newRunError("say that all files are held", err)
		}
	}
	held := time.Now()
	failed := h.wait(ctx)
	h.early = h.o.For > 0 && ctx.Err() != nil
	h.res.HeldMS = Milliseconds(time.Since(held))
	if failed != nil {
		return failed
	}
	return h.leave(ctx)
}

// choose lists the files to open.
func (h *hold) choose(ctx context.Context) error {
	first := h.o.Targets[0]
	switch {
	case h.o.Count > 0:
		for i := range h.o.Count {
			h.paths = append(h.paths, fmt.Sprintf("%s-%06d", first.Path, i+1))
		}
	case h.o.All:
		return h.walk(ctx, first.Path)
	default:
		for _, t := range h.o.Targets {
			h.paths = append(h.paths, t.Path)
		}
	}
	return nil
}

// walk adds every file below a folder. It does not follow reparse points, so
// it ends.
func (h *hold) walk(ctx context.Context, root string) error {
	folders := []string{root}
	for len(folders) > 0 {
		folder := folders[0]
		folders = folders[1:]
		d, err := h.client.tree.Create(ctx, &smb.CreateRequest{
			Name: folder, Access: smb.FileReadData | smb.FileReadAttributes | smb.Synchronize,
			Share:       smb.ShareRead | smb.ShareWrite | smb.ShareDelete,
			Disposition: smb.OpenFile, Options: smb.DirectoryFile,
		})
		if err != nil {
			return err
		}
		err = d.ReadDirectory(ctx, "*", func(e smb.DirectoryEntry) error {
			path := e.Name
			if folder != "" {
				path = folder + `\` + e.Name
			}
			switch {
			case e.Name == "." || e.Name == ".." || e.Attributes&smb.AttributeReparsePoint != 0:
			case e.Name == "" || strings.ContainsAny(e.Name, `\/`):
				return fmt.Errorf("the server lists a file called %q, which is no name", e.Name)
			case e.Attributes&smb.AttributeDirectory != 0:
				folders = append(folders, path)
			default:
				h.paths = append(h.paths, path)
			}
			return nil
		})
		if closeErr := d.Close(ctx); err == nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
	}
	if len(h.paths) == 0 {
		return errors.New("there is no file below this folder")
	}
	return nil
}

// openAll opens the files with many requests under way at once. A refusal is
// noted and no error.
func (h *hold) openAll(ctx context.Context) error {
	request := smb.CreateRequest{
		Access: h.o.Access, Share: h.o.Share, Disposition: smb.OpenFile, Options: smb.NonDirectoryFile,
	}
	if h.o.Count > 0 {
		request.Disposition, request.Attributes = smb.CreateFile, smb.AttributeNormal
	}
	h.opens = make([]*smb.Open, 0, len(h.paths))
	pending := make([]*smb.PendingCreate, 0, openWindow)
	var failed error
	for _, path := range h.paths {
		if len(pending) == openWindow {
			failed = h.take(ctx, pending[:openWindow/2])
			pending = append(pending[:0], pending[openWindow/2:]...)
		}
		if failed != nil || h.refused() > 0 {
			break // all or none
		}
		request.Name = path
		var p *smb.PendingCreate
		if p, failed = h.client.tree.StartCreate(ctx, &request); failed != nil {
			break
		}
		pending = append(pending, p)
	}
	if err := h.take(ctx, pending); failed == nil {
		failed = err
	}
	if failed == nil {
		failed = ctx.Err()
	}
	return failed
}

// take notes what CREATEs were answered, in their order. It waits for the last
// first: to wake up once for all costs less than once for each. The answers
// under way when ctx ends are waited for: only they tell which files were made.
func (h *hold) take(ctx context.Context, pending []*smb.PendingCreate) (failed error) {
	ctx, cancel := outlive(ctx, cleanUpTimeSilent)
	defer cancel()
	opens, errs := make([]*smb.Open, len(pending)), make([]error, len(pending))
	for i := len(pending) - 1; i >= 0; i-- {
		opens[i], errs[i] = pending[i].Wait(ctx)
	}
	for i, err := range errs {
		path := h.paths[h.answered]
		h.answered++
		status, refused := smb.StatusOf(err)
		switch {
		case err == nil:
			opens[i].Created = nil // of thousands it would be most of the memory
			h.opens = append(h.opens, opens[i])
			if h.o.Count > 0 {
				h.made = append(h.made, path)
			}
		case refused:
			h.refuse(path, status)
		default:
			if h.o.Count > 0 {
				h.doubtful = append(h.doubtful, path)
			}
			if failed == nil {
				failed = err
			}
		}
	}
	if h.o.OnProgress != nil && len(pending) > 0 {
		h.o.OnProgress(h.answered, len(h.paths))
	}
	return failed
}

// outlive returns a context that ends no sooner than grace after ctx does.
func outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(late, func() { timer.Stop() })
	})
	return late, func() {
		stop()
		cancel()
	}
}

func (h *hold) refused() int { return len(h.res.Refused) + h.res.RefusedMore }

func (h *hold) refuse(path string, status smb.NTStatus) {
	if h.worst == 0 || status == smb.StatusSharingViolation {
		h.worst = status
	}
	if len(h.res.Refused) >= maxRefusals {
		h.res.RefusedMore++
		return
	}
	h.res.Refused = append(h.res.Refused, Refusal{Path: path, Status: status.Hex(), StatusName: status.String()})
	h.rec.RecordStatus(ActorHolder, whatOpen, path, status)
}

// keepAlive is how often a holder shows that it lives, so that no server takes
// its session for idle.
const keepAlive = 30 * time.Second

// wait holds the files until the time is over or ctx ends.
func (h *hold) wait(ctx context.Context) *RunError {
	if h.o.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.o.For)
		defer cancel()
	}
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.client.conn.Done():
			return newRunError("hold the files", h.client.conn.Err())
		case <-tick.C:
			if err := h.client.session.Echo(ctx); err != nil && ctx.Err() == nil {
				return newRunError("hold the files", err)
			}
		}
	}
}

// leave goes away in the way that was asked for. What leaves an open behind
// needs the process to live on: it lasts until ctx ends.
func (h *hold) leave(ctx context.Context) *RunError {
	kind := h.o.Disconnect
	h.rec.Record(ActorHolder, whatDisconnect, kind.String()+": "+disconnectStory(kind))
	h.gone = true
	leaveCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	if err := h.client.session.Leave(leaveCtx, kind, h.client.tree, h.opens); err != nil {
		return newRunError("disconnect by "+kind.String(), err)
	}
	switch kind {
	case smb.DisconnectVanish, smb.DisconnectFreeze, smb.DisconnectLeak:
		<-ctx.Done()
	}
	return nil
}

// cleanUp closes what is still open and removes the files that were made.
func (h *hold) cleanUp() {
	if h.client == nil {
		return
	}
	limit := cleanUpTime + time.Duration(len(h.opens)+len(h.made))*cleanUpTimeFile
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if h.client.conn.Err() == nil && (!h.gone || h.o.Disconnect == smb.DisconnectLeak) {
		smb.CloseAll(ctx, h.opens)
	}
	h.client.leave(ctx)
	if len(h.made)+len(h.doubtful) > 0 {
		h.removeAll(ctx)
	}
}

// removeAll removes the files that were made, on a connection of its own, and
// on another one should that be lost over it.
func (h *hold) removeAll(ctx context.Context) {
	why := h.removeMade(ctx)
	if why != "" {
		why = h.removeMade(ctx)
	}
	if rest := append(h.made, h.doubtful...); why != "" && len(rest) > 0 {
		h.res.LeftBehind = append(h.res.LeftBehind, fmt.Sprintf("%s from %s on could not be removed: %s", countFiles(len(rest)), rest[0], why))
	}
}

// removeMade removes what it can, and returns why it could not go on, or "".
func (h *hold) removeMade(ctx context.Context) string {
	c, err := h.o.Endpoint.connect(ctx, h.o.Endpoint.Target.Share, smb.GUID{})
	if err != nil {
		return plainText(err)
	}
	defer c.leave(ctx)
	patience := time.Now().Add(cleanUpPatience)
	for ; len(h.made) > 0; h.made = h.made[1:] {
		why := removePatiently(ctx, c.tree, h.made[0], patience)
		if why != "" && c.conn.Err() != nil {
			return why
		}
		if why != "" {
			h.res.LeftBehind = append(h.res.LeftBehind, h.made[0]+" could not be removed: "+why)
		}
	}
	for ; len(h.doubtful) > 0; h.doubtful = h.doubtful[1:] {
		there := isThere(ctx, c.tree, h.doubtful[0])
		if there && c.conn.Err() != nil {
			return plainText(c.conn.Err())
		}
		if there {
			h.res.LeftBehind = append(h.res.LeftBehind, h.doubtful[0]+" was not removed: the server did not say whether the run made it or it was there before")
		}
	}
	return ""
}

// isThere reports whether there is a file, as far as the server tells. One that
// may be the run's is not removed: without the answer to the CREATE it may as
// well be somebody else's.
func isThere(ctx context.Context, tree *smb.Tree, path string) bool {
	_, err := tree.CreateClose(ctx, &smb.CreateRequest{
		Name: path, Access: smb.FileReadAttributes, Share: smb.ShareRead | smb.ShareWrite | smb.ShareDelete,
		Disposition: smb.OpenFile, Options: smb.NonDirectoryFile,
	})
	status, ok := smb.StatusOf(err)
	return !ok || status != smb.StatusObjectNameNotFound && status != smb.StatusObjectPathNotFound
}

// finish completes the report.
func (h *hold) finish(ctx context.Context, failed *RunError) {
	r := h.report
	cutShort := h.early || failed != nil && !h.gone && ctx.Err() != nil
	switch {
	case cutShort:
		r.Interrupted = true
		h.rec.Record(ActorTool, whatInterrupted, "by a signal; what the run made was cleaned up")
	case failed != nil:
		r.Error = failed
	case h.worst == smb.StatusSharingViolation:
		r.Verdict = &Verdict{Code: 32, Name: "ERROR_SHARING_VIOLATION",
			Summary: fmt.Sprintf("Nothing is held: %s of %s met error 32, because somebody has %s open in a way that does not go together with access %s, share %s.",
				countFiles(h.refused()), countFiles(h.res.Asked), itOrThem(h.refused()), h.o.Access.Classes(), h.o.Share),
			Next: []string{fmt.Sprintf("`err32 table %s --path '%s'` lists who has it open.",
				Target{Server: h.o.Endpoint.Target.Server, Port: h.o.Endpoint.Target.Port}, h.res.Refused[0].Path)}}
	case h.worst != 0:
		r.Error = newRunError("open "+h.res.Refused[0].Path, &smb.OpError{Op: "create", Status: h.worst})
	default:
		r.Verdict = &Verdict{Code: 0, Name: "NO_ERROR",
			Summary: fmt.Sprintf("Held %s for %s and left by %s.", countFiles(h.res.Held), seconds(h.res.HeldMS), h.o.Disconnect)}
	}
	r.Events = h.rec.Events()
	if v := r.Verdict; v != nil {
		v.Because = []int{}
		for _, e := range r.Events {
			if e.What == whatOpen || e.What == whatDisconnect {
				v.Because = append(v.Because, e.ID)
			}
		}
		if v.Next == nil {
			v.Next = []string{}
		}
	}
	r.finish()
}

func countFiles(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

func itOrThem(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}
