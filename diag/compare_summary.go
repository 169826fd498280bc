package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// summary says what matters first, in a sentence or two.
func (c *comparing) summary() string {
	if len(c.Differences) == 0 {
		n := 0
		for _, p := range c.Parts {
			n += p.Same
		}
		if !c.named || c.a.Command != c.b.Command {
			return fmt.Sprintf("Nothing differs of what could be compared: %d things are the same.", n)
		}
		return fmt.Sprintf("Nothing differs: %d things are the same.", n)
	}
	return cmp.Or(c.resultSummary(), c.verdictSummary()) + " " + c.settingsSummary()
}

// resultSummary compares what both runs were made for; empty where that is not
// the same thing.
func (c *comparing) resultSummary() string {
	switch a, b := c.a, c.b; {
	case a.Repro != nil && b.Repro != nil:
		return c.freeSummary()
	case a.Hold != nil && b.Hold != nil && a.Hold.Held != b.Hold.Held:
		return fmt.Sprintf("%s held in A and %d in B.", counted(a.Hold.Held, "file was", "files were"), b.Hold.Held)
	case a.Hold != nil && b.Hold != nil && a.Hold.Held > 0:
		x, y := a.Hold.OpenMS, b.Hold.OpenMS
		return fmt.Sprintf("Opening %s took %s in A and %s in B.", counted(a.Hold.Held, "file", "files"), roundTime(x, y), roundTime(y, x))
	case a.Who != nil && b.Who != nil && a.Who.PathHolders != nil && b.Who.PathHolders != nil:
		return c.whoSummary(a.Who.PathHolders, b.Who.PathHolders)
	}
	for _, part := range c.Parts {
		if part.Name == PartOpens && c.named {
			return opensSummary(&part)
		}
	}
	return ""
}

// freeSummary compares when the file came free, which is what repro is for.
func (c *comparing) freeSummary() string {
	a, b := c.a.Repro, c.b.Repro
	x, y := a.freedAt(), b.freedAt()
	switch {
	case x != nil && y != nil:
		if freeText(a) == freeText(b) {
			return "The file came free after " + roundTime(*x, 0) + " in both runs."
		}
		s := fmt.Sprintf("The file came free after %s in A and %s in B", roundTime(*x, *y), roundTime(*y, *x))
		d, word := *y-*x, "later"
		if d < 0 {
			d, word = -d, "sooner"
		}
		if c.withinGrain() {
			return s + ", which is the same as far as the tries can tell."
		}
		return s + ": " + roundTime(d, max(*x, *y)) + " " + word + "."
	case x != nil && b.waitedInVain():
		return fmt.Sprintf("The file came free after %s in A, and not within the %s that B waited%s%s.", roundTime(*x, 0), roundTime(b.Release.WaitedMS, *x), cutText(c.b), tooShort(b, *x))
	case y != nil && a.waitedInVain():
		return fmt.Sprintf("The file came free after %s in B, and not within the %s that A waited%s%s.", roundTime(*y, 0), roundTime(a.Release.WaitedMS, *y), cutText(c.a), tooShort(a, *y))
	case a.waitedInVain() && b.waitedInVain():
		return fmt.Sprintf("The file came free in neither run: not within %s in A%s, not within %s in B%s.",
			roundTime(a.Release.WaitedMS, b.Release.WaitedMS), cutText(c.a), roundTime(b.Release.WaitedMS, a.Release.WaitedMS), cutText(c.b))
	}
	return ""
}

// waitedInVain reports whether the contender tried and never got the file.
func (r *ReproResult) waitedInVain() bool { return !r.Release.Released && r.Release.WaitedMS > 0 }

// tooShort says that a run did not wait for as long as the other one had to.
func tooShort(r *ReproResult, needed Millisecond) string {
	if r.Release.WaitedMS < needed {
		return ", which is too short to tell a difference"
	}
	return ""
}

// cutText says that a run's waiting did not come to its end; what the file did
// later nobody saw.
func cutText(r *Report) string {
	switch {
	case r.Interrupted:
		return " until it was interrupted"
	case r.Incomplete:
		return " until it failed"
	}
	return ""
}

// whoSummary compares who has one path.
func (c *comparing) whoSummary(a, b *PathHolders) string {
	what := "The file"
	if c.named && !strings.EqualFold(a.Path, b.Path) {
		what = "What is looked at, which is not the same path,"
	}
	switch {
	case a.State != b.State:
		return fmt.Sprintf("%s is %s in A and %s in B.", what, stateText(a), stateText(b))
	case wantedAnswer(&a.Wanted) != wantedAnswer(&b.Wanted):
		return fmt.Sprintf("%s is %s in both runs. The wanted open: %s in A, %s in B.", what, stateText(a), wantedAnswer(&a.Wanted), wantedAnswer(&b.Wanted))
	}
	return fmt.Sprintf("%s is %s in both runs.", what, stateText(a))
}

func opensSummary(p *ComparedPart) string {
	if p.OnlyA+p.OnlyB+p.Changed == 0 {
		return "The opens are the same: " + fmt.Sprint(p.Same) + "."
	}
	return fmt.Sprintf("%s only in A and %d only in B; %d changed and %d are the same.", counted(p.OnlyA, "open is", "opens are"), p.OnlyB, p.Changed, p.Same)
}

// verdictSummary compares the verdicts.
func (c *comparing) verdictSummary() string {
	verdict := func(r *Report) string {
		switch {
		case r.Verdict != nil:
			return joinNonEmpty(" ", fmt.Sprint(r.Verdict.Code), r.Verdict.Name)
		case r.Interrupted:
			return "none (interrupted)"
		case r.Error != nil && !r.Error.Undecided:
			return "none (the run failed)"
		}
		return "none"
	}
	switch x, y := verdict(c.a), verdict(c.b); {
	case x != y:
		return "The verdict: " + x + " in A, " + y + " in B."
	case c.a.Verdict == nil:
		return "Neither run has a verdict."
	}
	return "The verdict is the same in both runs: " + verdict(c.a) + "."
}

// settingsSummary names settings that differ: a difference in the results may
// be theirs.
func (c *comparing) settingsSummary() string {
	const most = 4
	var names []string
	for _, d := range c.Differences {
		if d.Part == PartSettings && d.What != "command line" {
			names = append(names, d.What)
		}
	}
	switch {
	case len(names) == 0 && slices.ContainsFunc(c.Differences, func(d Difference) bool { return d.Part == PartSettings }):
		return "The command lines differ; all other settings are the same."
	case len(names) == 0:
		return "All settings that both have are the same."
	}
	more := ""
	if len(names) > most {
		more = fmt.Sprintf(" and %d more", len(names)-most)
		names = names[:most]
	}
	return "Settings that differ: " + strings.Join(names, ", ") + more + "."
}
