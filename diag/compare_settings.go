package diag

import (
	"fmt"
	"slices"
	"strings"
)

// runSettings are what a run was told to do, and the server it did it with. Of
// the built-in lab neither its address nor its name says anything.
func runSettings(r *Report) []item {
	s := []item{{what: "command", value: r.Command}}
	add := func(what, value string) { s = append(s, item{what: what, value: orNone(value)}) }
	name := func(what, value string) { s = append(s, item{what: what, value: orNone(value), name: true}) }
	if r.Again != "" {
		name("command line", r.Again)
	}
	lab := r.Target != nil && r.Target.Lab
	if t := r.Target; t != nil {
		add("built-in lab", yesNo(lab))
		if !lab {
			name("target server", t.Server)
			add("target port", fmt.Sprint(t.Port))
		}
		name("target share", t.Share)
		name("target path", t.Path)
		name("user", t.User)
	}
	if i := r.Server; i != nil {
		add("dialect", i.Dialect)
		add("signing", i.Signing)
		add("encryption", i.Encryption)
		add("server version", i.Version)
		name("server comment", i.Comment)
		if !lab {
			name("server name", i.Name)
			name("server guid", i.GUID)
		}
	}
	if r.Target != nil {
		add("server answered", yesNo(r.Server != nil))
	}
	switch {
	case r.Repro != nil:
		add("case", r.Repro.Case)
		add("disconnect", r.Repro.Disconnect)
		if h := r.Repro.Holder; h != nil {
			add("access", strings.Join(h.Access, ", "))
			add("share mode", strings.Join(h.Share, ", "))
		}
		add("retry from", r.Repro.RetryFrom)
		add("retry with", r.Repro.Contender)
		for _, t := range []struct {
			what string
			d    *Millisecond
		}{{"wait", r.Repro.WaitMS}, {"interval", r.Repro.IntervalMS}} {
			if t.d != nil {
				add(t.what, durationText(*t.d))
			}
		}
	case r.Hold != nil:
		add("disconnect", r.Hold.Disconnect)
		add("access", strings.Join(r.Hold.Access, ", "))
		add("share mode", strings.Join(r.Hold.Share, ", "))
		add("files asked for", fmt.Sprint(r.Hold.Asked))
	case r.Who != nil:
		if all := r.Who.all(); len(all) > 0 {
			add("wanted access", strings.Join(all[0].Wanted.Access, ", "))
			add("wanted share mode", strings.Join(all[0].Wanted.Share, ", "))
			add("probes", yesNo(slices.ContainsFunc(all, func(p PathHolders) bool { return len(p.Probes) > 0 })))
		}
	case r.Release != nil:
		add("dry run", yesNo(r.Release.DryRun))
	}
	add("err32", r.Tool.Version)
	add("err32's system", joinNonEmpty("/", r.Tool.OS, r.Tool.Arch))
	return s
}

// runVerdict is what a run came to.
func runVerdict(r *Report) []item {
	verdict, summary := "none", ""
	if v := r.Verdict; v != nil {
		verdict, summary = joinNonEmpty(" ", fmt.Sprint(v.Code), v.Name), withoutRunFile(r, v.Summary)
	}
	return []item{
		{what: "verdict", value: verdict},
		{what: "summary", value: orNone(summary), name: true},
		{what: "error", value: orNone(RenderError(r.Error)), name: true},
		{what: "complete", value: yesNo(!r.Incomplete && !r.Interrupted)},
	}
}

// leftBehind is what a run could not remove.
func leftBehind(r *Report) []string {
	switch {
	case r.Repro != nil:
		return r.Repro.LeftBehind
	case r.Hold != nil:
		return r.Hold.LeftBehind
	}
	return nil
}

// openCounts are how many opens of the file the table listed at each moment.
func openCounts(r *ReproResult) []item {
	count := func(what string, opens []OpenRow) item {
		if !r.TableSeen {
			return item{what: what, value: "table not seen"}
		}
		return item{what: what, value: fmt.Sprint(len(opens))}
	}
	o := &r.Opens
	return []item{
		count("listed before the holder opened the file", o.Before), count("listed while the holder lived", o.Held),
		count("listed right after the disconnect", o.After), count("listed when the waiting ended", o.End),
	}
}

// metByOthers is what other operations of the contender met.
func metByOthers(r *ReproResult) []item {
	var all []item
	for _, t := range r.OtherTries {
		all = append(all, item{what: t.Operation + ", " + t.When, value: orNone(joinNonEmpty(" ", t.StatusName, t.Status))})
	}
	return all
}

// refusedOpens are the opens that a run of hold was refused.
func refusedOpens(h *HoldResult) []item {
	var all []item
	for _, f := range h.Refused {
		all = append(all, item{what: f.Path, value: orNone(joinNonEmpty(" ", f.StatusName, f.Status)), name: true})
	}
	return all
}

// refusedCounts are all that can be compared where not every one is listed.
func refusedCounts(h *HoldResult) []item {
	return []item{{what: "opens refused", value: fmt.Sprint(len(h.Refused) + h.RefusedMore)}}
}

// endedCounts are how many things a run of release ended, and how many not.
func endedCounts(r *ReleaseResult) []item {
	counts := map[string]int{}
	for _, a := range r.Actions {
		counts[a.Done]++
	}
	all := []item{{what: "to be ended", value: fmt.Sprint(len(r.Actions))}}
	for _, done := range []string{ReleaseDone, ReleaseUnproved, ReleaseFailed, ReleaseRefused, ReleaseNotAsked, ReleaseDeclined, releaseUndecided} {
		all = append(all, item{what: doneText(done), value: fmt.Sprint(counts[done])})
	}
	return all
}
