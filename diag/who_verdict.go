package diag

import (
	"fmt"
	"slices"
	"strings"

	"err32/smb"
)

// evidence is what the liveness of a path's opens is judged by.
func (w *who) evidence(p *PathHolders) livenessEvidence {
	pending := func(cancelled bool) bool {
		return slices.ContainsFunc(p.Probes, func(r ProbeResult) bool { return r.Pending && (r.Status == "") == cancelled })
	}
	return livenessEvidence{
		opens: p.Opens, sessions: w.table.res.Sessions, samba: w.table.observer.isSamba(), seen: p.TableSeen,
		probed: p.HoldersFrom == "probes", holders: p.Holders, noBreak: pending(true), gaveWay: pending(false),
	}
}

// judgePath draws the conclusions about one path.
func (w *who) judgePath(p *PathHolders, s stat) {
	state, reasons := judgeLiveness(w.evidence(p))
	p.State, p.Reasons = state, append(p.Reasons, reasons...)
	if p.State != StateFree {
		p.Expect = expectancy(w.table.observer.isSamba(), p.Opens)
	}
	p.Reasons = append(p.Reasons, w.lockReasons(p)...)
	if p.Directory {
		p.Reasons = append(p.Reasons, w.folderReason(p))
	}
	if p.HoldersFrom == "probes" && p.Holders.Access == (Modes{No, No, No}) && p.Holders.Share.Delete == No {
		p.Reasons = append(p.Reasons, "nobody has data access to it, and yet deleting is refused: another stream of the file is open, and does not share deleting")
	}
	if _, others := p.ofStream(); len(others) > 0 {
		p.Reasons = append(p.Reasons, fmt.Sprintf("%s listed for other streams of the file: those count where it is to be deleted, and for nothing else", counted(len(others), "open is", "opens are")))
	}
	p.AllowedNow = allowedNow(p.Holders)
	for i := range p.AllowedNow {
		if p.HoldersFrom == "table" && p.AllowedNow[i].Allowed == No {
			p.AllowedNow[i].Allowed = Unknown // see tableAnswer
		}
	}
	if p.Wanted.Why != "" {
		return // it was tried
	}
	answer, why := w.tableAnswer(p, s, w.wantedAccess(s))
	if noRight := w.noRight(p, s); noRight != "" {
		answer, why = Unknown, noRight
	}
	p.Wanted.Why = why
	if answer == Yes {
		allowed := true
		p.Wanted.Allowed = &allowed
	}
}

// folderReason says what holds of a folder beyond its own opens.
func (w *who) folderReason(p *PathHolders) string {
	const rule = "it is a folder, which is not probed; as long as anything below it is open, it cannot be renamed or removed"
	if !p.TableSeen {
		return rule
	}
	switch n := w.below[fileOf(p.Path)]; n {
	case 0:
		return rule + ", but nothing below it is listed"
	case 1:
		return rule + ": 1 open below it is listed, and shown with --recursive"
	default:
		return fmt.Sprintf("%s: %d opens below it are listed, and shown with --recursive", rule, n)
	}
}

// judge is the verdict on all paths: 33 when a lock was met, 32 when a wanted
// open was refused. Of several paths a refused one comes first.
func (w *who) judge() (*Verdict, *RunError) {
	v := &Verdict{Code: 0, Name: "NO_ERROR", Because: []int{}, Next: []string{}}
	var refused, locked, undecided, unreachable []string
	for _, p := range w.paths {
		switch {
		case p.Locked != nil && *p.Locked:
			locked = append(locked, p.Path)
		case p.Wanted.Allowed != nil && !*p.Wanted.Allowed:
			refused = append(refused, p.Path)
		case !p.Exists:
			unreachable = append(unreachable, p.Path)
		case p.Wanted.Allowed == nil:
			undecided = append(undecided, p.Path)
		}
	}
	want := w.wantedText()
	switch {
	case len(refused) > 0:
		v.Code, v.Name = 32, "ERROR_SHARING_VIOLATION"
		v.Summary = fmt.Sprintf("%s of %s is refused now.", capital(want), listPaths(refused))
		v.Next = append(v.Next, w.askHolders(refused)...)
	case len(locked) > 0:
		v.Code, v.Name = 33, "ERROR_LOCK_VIOLATION"
		v.Summary, v.Next = w.lockVerdict(locked, want)
	case len(unreachable) > 0:
		p := w.pathNamed(unreachable[0])
		return nil, withStatus(&RunError{Op: "look at " + p.Path, Text: strings.Join(p.Reasons, "; ")}, p.StatStatus)
	case len(undecided) > 0 && !w.o.Recursive:
		p := w.pathNamed(undecided[0])
		failed := &RunError{Op: "tell whether " + want + " of " + listPaths(undecided) + " would be let in", Text: p.Wanted.Why, Undecided: true}
		if i := slices.IndexFunc(p.Probes, func(r ProbeResult) bool { return r.Name == wantedName }); i >= 0 {
			return nil, withStatus(failed, p.Probes[i].Status)
		}
		return nil, failed
	case w.o.Recursive:
		v.Summary = w.recursiveSummary(undecided, want)
	case w.o.Probe && !w.paths[0].Directory:
		v.Summary = capital(want) + " is let in now."
	default:
		v.Summary = capital(want) + " would be let in now, by the server's table: it lists no open of " + listPaths(w.names()) + "."
	}
	for _, e := range w.rec.Events() {
		if e.What == whatProbe || e.What == whatList || e.What == whatRead || e.What == whatStat {
			v.Because = append(v.Because, e.ID)
		}
	}
	return v, nil
}

// wantedText names the open that was asked about.
func (w *who) wantedText() string {
	access := expandAccess(w.o.WantAccess, 0)
	if access.Classes() == 0 && w.o.WantAccess&smb.MaximumAllowed != 0 {
		return fmt.Sprintf("an open with all access there is, share %s,", w.o.WantShare)
	}
	return fmt.Sprintf("an open with access %s, share %s,", access.Classes(), w.o.WantShare)
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// askHolders says who could let the wanted open in, as far as the table tells.
func (w *who) askHolders(refused []string) (next []string) {
	const most = 3
	for _, path := range refused {
		of, _ := w.pathNamed(path).ofStream()
		for i := range of {
			if row := &of[i]; len(next) < most {
				next = append(next, fmt.Sprintf("Ask %s (open %s) to close the file; if that client is gone, err32 release ends its open.", holderOf(row), row.ID))
			}
		}
	}
	if len(next) == 0 {
		next = append(next, "Ask the holder to close it; if the client is gone, err32 release ends its open.")
	}
	return next
}

// lockVerdict is the summary where a byte-range lock was met, and what to do.
func (w *who) lockVerdict(locked []string, want string) (summary string, next []string) {
	summary = fmt.Sprintf("A part of %s is locked: a byte-range lock, not a share mode, refuses what is done there.", listPaths(locked))
	for _, path := range locked {
		p := w.pathNamed(path)
		if p.Wanted.Allowed != nil && !*p.Wanted.Allowed {
			summary += fmt.Sprintf(" Besides, %s is refused.", want)
		}
		for i := range p.Opens {
			if row := &p.Opens[i]; row.Locks > 0 {
				next = append(next, fmt.Sprintf("Ask %s (open %s) to let go of the lock, or to close the file.", holderOf(row), row.ID))
			}
		}
	}
	if len(next) == 0 {
		next = append(next, "See err32 table, as an administrator, for the open that has locks.")
	}
	return summary, next
}

// recursiveSummary is the answer where nothing that was found is known to
// refuse the wanted open.
func (w *who) recursiveSummary(undecided []string, want string) string {
	switch {
	case len(w.paths) == 0:
		return "Nothing below the folder is open."
	case len(undecided) == 0:
		return fmt.Sprintf("Of what is open below the folder, nothing refuses %s.", strings.TrimSuffix(want, ","))
	}
	return fmt.Sprintf("Somebody has %s below the folder open; of %d of them it is not known whether %s would be let in: --probe finds out.",
		countFiles(len(w.paths)), len(undecided), strings.TrimSuffix(want, ","))
}

func (w *who) names() []string {
	var names []string
	for _, p := range w.paths {
		names = append(names, p.Path)
	}
	return names
}

func (w *who) pathNamed(path string) *PathHolders {
	i := slices.IndexFunc(w.paths, func(p PathHolders) bool { return p.Path == path })
	return &w.paths[i]
}

func listPaths(paths []string) string {
	const most = 3
	if len(paths) <= most {
		return strings.Join(paths, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(paths[:most], ", "), len(paths)-most)
}

// withStatus adds the status that a server answered with, written as a number,
// to an error. An empty one changes nothing.
func withStatus(e *RunError, hex string) *RunError {
	status, err := smb.ParseNTStatus(hex)
	if err != nil {
		return e
	}
	e.Status, e.StatusName = status.Hex(), status.String()
	if code, ok := status.Win32(); ok {
		e.Win32 = &code
	}
	return e
}
