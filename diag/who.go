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

// WhoOptions says what the who command looks at.
type WhoOptions struct {
	Endpoint     Endpoint // its target is the first of Targets
	Targets      []Target // of one server and share
	Recursive    bool     // every held file below the one target
	Probe        bool     // run the data probes
	ProbeTimeout time.Duration
	WantAccess   smb.AccessMask
	WantShare    smb.ShareAccess
	OnEvent      func(Event)
}

// who is one run of the who command.
type who struct {
	o      WhoOptions
	table  *table // the tables, and the connection to the share
	report *Report
	rec    *Recorder
	rows   []OpenRow // of the paths asked about
	seen   bool      // the table of opens was read
	paths  []PathHolders
}

// Who finds out who has files open, with which modes, whether the holder is
// alive, and what would be allowed now. Without Probe it disturbs nobody: it
// opens for attributes only, which breaks no caching. The report is never nil.
func Who(ctx context.Context, o WhoOptions) *Report {
	rec, report := NewRecorder(o.OnEvent), newReport("who", o.Endpoint)
	w := &who{o: o, rec: rec, report: report}
	w.table = &table{o: TableOptions{Endpoint: o.Endpoint}, rec: rec, report: report, res: &TableResult{}}
	failed := w.run(ctx)
	w.leave(ctx)
	if len(w.paths) > 0 {
		report.Who = &WhoResult{Paths: w.paths}
		if len(w.paths) == 1 && !o.Recursive {
			report.Who = &WhoResult{PathHolders: &w.paths[0]}
		}
	}
	switch {
	case ctx.Err() != nil:
		report.Interrupted = true
	case failed != nil:
		report.Error = failed
	default:
		report.Verdict, report.Error = w.judge()
	}
	report.Events = rec.Events()
	report.Finished = Time{time.Now()}
	return report
}

func (w *who) leave(ctx context.Context) {
	o := w.table.observer
	if o == nil {
		return
	}
	cleanUp, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	o.cut = o.cut || ctx.Err() != nil
	o.leave(cleanUp)
}

func (w *who) run(ctx context.Context) *RunError {
	e := w.o.Endpoint
	o, err := e.observe(ctx, e.Target.Share)
	if err != nil {
		return newRunError("connect to "+e.Target.String(), err)
	}
	w.table.observer = o
	w.report.Server = &ServerInfo{}
	o.describe(w.report.Server)
	w.rec.Record(ActorTool, whatConnect, w.report.Server.connectText(e.Credentials))
	for _, t := range w.o.Targets {
		p := PathHolders{Path: t.Path, Opens: []OpenRow{}, Reasons: []string{}, Expect: []string{}, Probes: []ProbeResult{}, AllowedNow: []AllowedNow{},
			Holders: HolderModes{unknownModes(), unknownModes()}, State: StateUnknown}
		p.Wanted = Wanted{Access: w.o.WantAccess.Classes().Words(), Share: w.o.WantShare.Words()}
		w.paths = append(w.paths, p)
	}
	stats := make([]stat, len(w.paths))
	for i := range w.paths {
		if stats[i], err = w.stat(ctx, &w.paths[i]); err != nil {
			return newRunError("look at "+w.paths[i].Path, err)
		}
	}
	if failed := w.readTables(ctx); failed != nil {
		return failed
	}
	if w.o.Recursive {
		w.spread()
		stats = make([]stat, len(w.paths))
		for i := range stats {
			stats[i].allowed = o.tree.MaximalAccess()
		}
	}
	for i := range w.paths {
		if failed := w.examine(ctx, &w.paths[i], stats[i]); failed != nil {
			return failed
		}
	}
	return nil
}

// stat is what the open for attributes told.
type stat struct {
	status  smb.NTStatus
	allowed smb.AccessMask // MaximalAccess
	parent  smb.AccessMask // of the folder the file is in; 0 when not known
	size    uint64
}

// statAccess is what the first open asks for. An open with no other access
// breaks no oplock and no lease, [MS-FSA] 2.1.4.12, and meets no share mode.
const statAccess = smb.FileReadAttributes | smb.Synchronize

// stat opens the path for its attributes alone, and closes it at once.
func (w *who) stat(ctx context.Context, p *PathHolders) (s stat, err error) {
	tree := w.table.observer.tree
	answer, err := tree.CreateClose(ctx, &smb.CreateRequest{
		Name: p.Path, Access: statAccess, Share: shareAll, Disposition: smb.OpenFile,
		Options:  smb.OpenReparsePoint | smb.OpenNoRecall,
		Contexts: []smb.CreateContext{smb.MaximalAccessRequest(), smb.OnDiskIDRequest()},
	})
	status, answered := smb.StatusOf(err)
	if err != nil && !answered {
		return s, err
	}
	s.status = status
	p.StatStatus = status.Hex()
	w.rec.RecordStatus(ActorTool, whatStat, p.Path, status)
	if status != smb.StatusSuccess {
		return s, nil
	}
	p.Exists, p.Directory = true, answer.Attributes&smb.AttributeDirectory != 0
	s.size, s.allowed = answer.EndOfFile, tree.MaximalAccess()
	if most, ok, err := answer.MaximalAccess(); ok && err == nil && most.Status == smb.StatusSuccess {
		s.allowed = most.Access
	}
	if w.o.Probe {
		s.parent = w.parentAccess(ctx, p.Path)
	}
	return s, nil
}

// parentAccess is what the user may do with the folder of a path, 0 when that
// is not known.
func (w *who) parentAccess(ctx context.Context, path string) smb.AccessMask {
	answer, err := w.table.observer.tree.CreateClose(ctx, &smb.CreateRequest{
		Name: path[:max(strings.LastIndexByte(path, '\\'), 0)], Access: statAccess, Share: shareAll, Disposition: smb.OpenFile,
		Options: smb.DirectoryFile, Contexts: []smb.CreateContext{smb.MaximalAccessRequest()},
	})
	if err != nil {
		return 0
	}
	most, _, _ := answer.MaximalAccess()
	return most.Access
}

// readTables reads the sessions and, once for all paths, the opens.
func (w *who) readTables(ctx context.Context) *RunError {
	t, o := w.table, w.table.observer
	if o.denied == nil {
		rows, err := o.opens(ctx, w.concerns)
		switch {
		case ctx.Err() != nil:
			return newRunError("read the server's tables", ctx.Err())
		case err != nil:
			o.denied = err
		default:
			w.rows, w.seen = rows, true
		}
	}
	if o.denied != nil {
		w.note("%s", o.whyNoTable(o.denied))
		return nil
	}
	sessions, err := o.tables.SessionEnum(ctx, "", "")
	if err != nil {
		w.note("The sessions could not be read (%s), so no open could be joined to its client.", plainText(err))
	} else {
		t.res.Sessions = t.sessionRows(sessions)
	}
	t.markOwnPipes(w.rows)
	t.joinClients(ctx, w.rows)
	w.rec.Record(ActorObserver, whatList, countOpens(len(w.rows)))
	return nil
}

func (w *who) note(format string, args ...any) { w.table.note(format, args...) }

// concerns reports whether a row is one of a path that was asked about, or of
// one of its streams.
func (w *who) concerns(row *OpenRow) bool {
	return slices.ContainsFunc(w.o.Targets, func(t Target) bool { return w.isOf(row, t.Path, w.o.Recursive) })
}

// isOf reports whether a row is one of the path, of its streams, or, with
// below, of something in it.
func (w *who) isOf(row *OpenRow, path string, below bool) bool {
	if row.Share == "" {
		return !below && w.table.observer.isFile(w.o.Endpoint.Target.Share, path)(row)
	}
	if !strings.EqualFold(row.Share, w.o.Endpoint.Target.Share) {
		return false
	}
	rest, ok := cutPrefixFold(row.SharePath, path)
	return ok && (rest == "" || rest[0] == ':' || below && (path == "" || rest[0] == '\\'))
}

func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}

// spread makes a path of every file below the target that somebody has open.
func (w *who) spread() {
	root := w.paths[0]
	w.paths = nil
	for i := range w.rows {
		row := &w.rows[i]
		name, _, _ := strings.Cut(row.SharePath, ":")
		if row.Own || strings.EqualFold(name, root.Path) && root.Directory {
			continue
		}
		if !slices.ContainsFunc(w.paths, func(p PathHolders) bool { return strings.EqualFold(p.Path, name) }) {
			p := root
			p.Path, p.Directory, p.Exists = name, false, true
			w.paths = append(w.paths, p)
		}
	}
	slices.SortFunc(w.paths, func(a, b PathHolders) int { return strings.Compare(a.Path, b.Path) })
}

// examine finds out about one path what the stat open did not settle.
func (w *who) examine(ctx context.Context, p *PathHolders, s stat) *RunError {
	p.TableSeen = w.seen
	for _, row := range w.rows {
		if w.isOf(&row, p.Path, false) {
			p.Opens = append(p.Opens, row)
		}
	}
	if s.status != smb.StatusSuccess && !w.o.Recursive {
		w.endsAtStat(p, s.status)
		return nil
	}
	if w.seen {
		p.Holders, p.HoldersFrom = tableModes(p.Opens), "table"
	}
	if w.o.Probe && !p.Directory {
		if failed := w.probe(ctx, p, s); failed != nil {
			return failed
		}
	}
	w.judgePath(p)
	return nil
}

// tableModes is what the table alone tells of the holders: servers agree on the
// bits for read and write only, and tell no share mode.
func tableModes(rows []OpenRow) HolderModes {
	h := HolderModes{Modes{No, No, No}, Modes{Yes, Yes, Yes}}
	for _, row := range rows {
		h.Share = unknownModes()
		h.Access.Delete = Unknown // not among the bits that servers agree on
		for word, field := range map[string]*string{"read": &h.Access.Read, "write": &h.Access.Write} {
			if slices.Contains(row.Access, word) {
				*field = Yes
			} else if *field == No {
				*field = Unknown // EXECUTE is of the class read, APPEND of write
			}
		}
	}
	return h
}

// probe runs the data probes, the wanted open, and the search for a lock.
func (w *who) probe(ctx context.Context, p *PathHolders, s stat) *RunError {
	o := w.table.observer
	pr := &prober{tree: o.tree, path: p.Path, patience: w.o.ProbeTimeout, allowed: s.allowed}
	pr.record = func(r ProbeResult, a smb.Attempt) {
		detail := r.Name + " access " + strings.Join(wordsOrNone(r.Access), "+") + " share " + strings.Join(wordsOrNone(r.Share), "+")
		if r.Skipped != "" {
			w.rec.Record(ActorContender, whatProbe, detail+": "+r.Skipped)
			return
		}
		w.rec.RecordStatus(ActorContender, whatProbe, detail, a.Status)
	}
	// [MS-FSA] 2.1.5.1.2.2 and [MS-SMB2] 3.3.5.9: bits that a server may force.
	if s.parent&smb.FileWriteData == 0 && !o.isSamba() {
		pr.noRead = "the user may not write to the folder, and the server then shares reading whatever is asked for"
	}
	if o.tree.Flags()&smb.ShareRestrictExclusiveOpens != 0 {
		if s.allowed&smb.FileWriteAttributes != 0 {
			pr.defeat = smb.FileWriteAttributes
		} else {
			pr.noRead = "the share restricts exclusive opens"
		}
	}
	if o.tree.Flags()&smb.ShareForceSharedDelete != 0 {
		pr.noDelete = "the share forces deleting to be shared"
	}
	h, err := pr.run(ctx)
	if err == nil {
		err = w.tryWanted(ctx, pr, p)
	}
	if err == nil && s.allowed&smb.FileReadData != 0 {
		err = w.tryRead(ctx, p, s)
	}
	p.Probes = pr.results
	if err != nil {
		return newRunError("probe "+p.Path, err)
	}
	p.Holders, p.HoldersFrom = h, "probes"
	return nil
}

func wordsOrNone(words []string) []string {
	if len(words) == 0 {
		return []string{"none"}
	}
	return words
}

// tryWanted replays the wanted open itself.
func (w *who) tryWanted(ctx context.Context, pr *prober, p *PathHolders) error {
	answer, err := pr.probe(ctx, "wanted", w.o.WantAccess, w.o.WantShare)
	if err != nil {
		return err
	}
	if last := pr.results[len(pr.results)-1]; answer != Unknown {
		allowed := answer == No
		p.Wanted.Allowed = &allowed
		p.Wanted.Why = "tried: " + last.StatusName
	}
	return nil
}

// tryRead looks for a byte-range lock with reads of one byte: at the start, at
// the end, and where the databases and word processors that lock beyond the end
// of their files do. It takes no lock.
func (w *who) tryRead(ctx context.Context, p *PathHolders, s stat) error {
	offsets := []uint64{0}
	if s.size > 1 {
		offsets = append(offsets, s.size-1)
	}
	a, err := w.table.observer.tree.TryRead(ctx, probeRequest(p.Path, smb.FileReadData, shareAll), w.o.ProbeTimeout, offsets...)
	if err != nil || a.Cancelled || a.Status != smb.StatusSuccess {
		return err
	}
	locked := a.Read == smb.StatusFileLockConflict
	p.Locked = &locked
	w.rec.RecordStatus(ActorContender, whatRead, fmt.Sprintf("one byte at each of %v", offsets), a.Read)
	return nil
}

// endsAtStat answers a path that could not even be opened for its attributes.
func (w *who) endsAtStat(p *PathHolders, status smb.NTStatus) {
	p.Reasons = append(p.Reasons, statReason(status))
	p.Wanted.Why = "the path could not be opened at all: " + status.String()
	if status == smb.StatusObjectNameNotFound || status == smb.StatusObjectPathNotFound {
		p.State = StateFree
	}
}

// statReason is the advice that a stat open's refusal leads to.
func statReason(status smb.NTStatus) string {
	switch status {
	case smb.StatusDeletePending:
		return "the file is marked for deletion and goes when its last open is closed: no new open is let in until then, and programs show it as \"access denied\""
	case smb.StatusFileNotAvailable:
		return "a persistent handle whose client is not connected owns the file: the server keeps it for that client until its time is over"
	case smb.StatusAccessDenied:
		return "the user may not even read the attributes: this is a matter of rights, not of share modes"
	case smb.StatusObjectNameNotFound:
		return "there is no such file"
	case smb.StatusObjectPathNotFound:
		return "there is no such folder"
	}
	return "an open for attributes alone, which no share mode touches, meets " + status.String()
}

// errUndecided is a wanted open of which it cannot be told whether it would be
// let in.
var errUndecided = errors.New("the tables do not tell whether the wanted open would be let in; --probe finds out")
