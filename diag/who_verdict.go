package diag

import (
	"fmt"
	"slices"
	"strings"

	"err32/smb"
)

// judgePath draws the conclusions about one path.
func (w *who) judgePath(p *PathHolders) {
	samba := w.table.observer.isSamba()
	e := livenessEvidence{opens: p.Opens, sessions: w.table.res.Sessions, samba: samba, seen: p.TableSeen, probed: p.HoldersFrom == "probes", holders: p.Holders}
	e.noBreak = slices.ContainsFunc(p.Probes, func(r ProbeResult) bool { return r.Pending && r.Status == "" })
	p.State, p.Reasons = judgeLiveness(e)
	if p.State != StateFree {
		p.Expect = expectancy(samba, p.Opens)
	}
	p.AllowedNow = allowedNow(p.Holders)
	if p.Wanted.Allowed != nil {
		return
	}
	answer, why := p.Holders.allows(w.o.WantAccess, w.o.WantShare)
	p.Wanted.Why = why
	if answer != Unknown {
		allowed := answer == Yes
		p.Wanted.Allowed = &allowed
	}
}

// judge is the verdict on all paths: 32 when a wanted open is refused, 33 when
// a lock is in the way.
func (w *who) judge() (*Verdict, *RunError) {
	v := &Verdict{Code: 0, Name: "NO_ERROR", Because: []int{}, Next: []string{}}
	var refused, locked, undecided, unreachable []string
	for _, p := range w.paths {
		switch {
		case p.Wanted.Allowed != nil && !*p.Wanted.Allowed:
			refused = append(refused, p.Path)
		case p.Locked != nil && *p.Locked:
			locked = append(locked, p.Path)
		case !p.Exists:
			unreachable = append(unreachable, p.Path)
		case p.Wanted.Allowed == nil && !p.Directory:
			undecided = append(undecided, p.Path)
		}
	}
	want := fmt.Sprintf("access %s, share %s", w.o.WantAccess.Classes(), w.o.WantShare)
	switch {
	case len(refused) > 0:
		v.Code, v.Name = 32, "ERROR_SHARING_VIOLATION"
		v.Summary = fmt.Sprintf("An open with %s of %s is refused now.", want, listPaths(refused))
		v.Next = append(v.Next, "Ask the holder to close it; if the client is gone, err32 release ends its open.")
	case len(locked) > 0:
		v.Code, v.Name = 33, "ERROR_LOCK_VIOLATION"
		v.Summary = fmt.Sprintf("%s can be opened, but a part of it is locked: a byte-range lock, not a share mode, is in the way.", listPaths(locked))
		v.Next = append(v.Next, "The open with locks in the list above holds it.")
	case len(unreachable) > 0:
		p := w.pathNamed(unreachable[0])
		return nil, &RunError{Op: "look at " + p.Path, Status: p.StatStatus, StatusName: statusName(p.StatStatus), Text: strings.Join(p.Reasons, "; ")}
	case len(undecided) > 0 && !w.o.Recursive:
		return nil, &RunError{Op: "tell whether an open with " + want + " of " + listPaths(undecided) + " would be let in", Text: errUndecided.Error()}
	default:
		v.Summary = fmt.Sprintf("An open with %s would be let in now.", want)
		if w.o.Recursive {
			v.Summary = "Nothing below the folder is open in a way that is known to refuse an open with " + want + "."
		}
	}
	for _, e := range w.rec.Events() {
		if e.What == whatProbe || e.What == whatList || e.What == whatRead || e.What == whatStat {
			v.Because = append(v.Because, e.ID)
		}
	}
	return v, nil
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

// statusName is the name of a status that is written as a number.
func statusName(hex string) string {
	s, err := smb.ParseNTStatus(hex)
	if err != nil {
		return ""
	}
	return s.String()
}
