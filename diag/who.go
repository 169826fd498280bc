package diag

import (
	"context"
	"strings"
	"time"

	"err32/smb"
)

// WhoOptions says what the who command looks at.
type WhoOptions struct {
	Endpoint     Endpoint      // its target is the first of Targets
	Targets      []Target      // of one server and share
	Recursive    bool          // every held file below the one target
	Probe        bool          // run the data probes
	ProbeTimeout time.Duration // how long a client that caches the file may take to give way; 0 means 2 s
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
	root   *string          // the share's folder in the server's own terms, such as `C:\srv\data`; nil when not known
	rows   []OpenRow        // of the paths asked about
	files  map[string][]int // the rows of each file, by fileOf
	below  map[string]int   // how many opens are listed below each path that is a folder, by fileOf
	seen   bool             // the table of opens was read
	paths  []PathHolders
}

const defaultProbeTimeout = 2 * time.Second

// Who finds out who has files open, with which modes, whether the holder is
// alive, and what would be allowed now. Without Probe it disturbs nobody: it
// opens for attributes only, which breaks no caching. The report is never nil.
func Who(ctx context.Context, o WhoOptions) *Report {
	if o.ProbeTimeout <= 0 {
		o.ProbeTimeout = defaultProbeTimeout
	}
	rec, report := NewRecorder(o.OnEvent), newReport("who", o.Endpoint)
	w := &who{o: o, rec: rec, report: report}
	w.table = &table{o: TableOptions{Endpoint: o.Endpoint}, rec: rec, report: report, res: &TableResult{}}
	failed := w.run(ctx)
	if w.table.observer != nil {
		w.table.observer.leaveAtEnd(ctx)
	}
	if len(w.paths) > 0 {
		report.Who = &WhoResult{Paths: w.paths}
		if len(w.paths) == 1 && !o.Recursive {
			report.Who = &WhoResult{PathHolders: &w.paths[0]}
		}
	}
	report.end(ctx, rec, failed, w.judge)
	return report
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
	for _, root := range o.shares {
		if strings.EqualFold(root.share, e.Target.Share) {
			w.root = &root.path
		}
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
	if w.o.Recursive && stats[0].status == smb.StatusSuccess {
		if !w.seen {
			return newRunError("read the server's tables", o.denied)
		}
		if w.root == nil {
			return &RunError{Op: "find what is open below " + e.Target.String(), Text: "the server does not tell where the share lies on its disk"}
		}
		if stats, err = w.spread(ctx, stats[0]); err != nil {
			return newRunError("look at what is open below "+e.Target.String(), err)
		}
	}
	for i := range w.paths {
		if failed := w.examine(ctx, &w.paths[i], stats[i]); failed != nil {
			return failed
		}
	}
	return nil
}

// examine finds out about one path what the stat open did not settle.
func (w *who) examine(ctx context.Context, p *PathHolders, s stat) *RunError {
	p.TableSeen = w.seen
	for _, i := range w.files[fileOf(p.Path)] {
		p.Opens = append(p.Opens, w.rows[i])
	}
	if s.status != smb.StatusSuccess {
		w.endsAtStat(p, s.status)
		return nil
	}
	p.Wanted.Access = w.wantedAccess(s).Classes().Words()
	if w.seen {
		p.Holders, p.HoldersFrom = w.tableModes(p), "table"
	}
	if w.o.Probe && !p.Directory {
		if failed := w.probe(ctx, p, s); failed != nil {
			return failed
		}
	}
	w.judgePath(p, s)
	return nil
}

func (w *who) note(format string, args ...any) { w.table.note(format, args...) }
