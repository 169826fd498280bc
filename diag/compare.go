package diag

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// SavedRun is a report that was read from a file.
type SavedRun struct {
	File   string
	Report *Report
}

// Compare makes the report of what differs between two saved runs. With Redact
// their names are replaced first, so that one name has the same pseudonym in
// both. The error says which of them is no run.
func (o *Outputs) Compare(a, b SavedRun, version string) (*Report, error) {
	together := o.Redact && !a.Report.Redacted && !b.Report.Redacted
	if o.Redact {
		if o.redactor == nil {
			o.redactor = NewRedactor()
		}
		a.Report, b.Report = o.redactor.Report(a.Report), o.redactor.Report(b.Report)
	}
	r, err := compareRuns(a, b, together || !a.Report.Redacted && !b.Report.Redacted)
	if err != nil {
		return nil, err
	}
	r.Tool = Tool{Version: version, OS: runtime.GOOS, Arch: runtime.GOARCH}
	r.Redacted = o.Redact || r.Redacted
	return r, nil
}

// comparing is a comparison that is being made.
type comparing struct {
	a, b  *Report
	named bool // a name means the same in both runs
	*Comparison
	part *ComparedPart
}

// compareRuns compares b with a. With named a name means the same in both.
func compareRuns(a, b SavedRun, named bool) (*Report, error) {
	for _, run := range []SavedRun{a, b} {
		if run.Report.Comparison != nil || run.Report.Command == "report" {
			return nil, fmt.Errorf("%s is a comparison itself; give the reports of two runs", run.File)
		}
	}
	started := now()
	c := &comparing{a: a.Report, b: b.Report, named: named, Comparison: &Comparison{Compared: []ComparedRun{comparedRun(a), comparedRun(b)}}}
	c.compare()
	r := &Report{
		Schema: Schema, Command: "report", Redacted: a.Report.Redacted && b.Report.Redacted, Started: started,
		Verdict: &Verdict{Name: "NO_ERROR", Summary: c.summary(), Because: []int{}, Next: []string{}},
		Notes:   c.notes(), Events: []Event{}, Comparison: c.Comparison,
	}
	r.finish()
	return r, nil
}

func comparedRun(s SavedRun) ComparedRun {
	r := s.Report
	run := ComparedRun{
		Name: filepath.Base(s.File), Command: r.Command, Started: r.Started, Finished: r.Finished,
		Interrupted: r.Interrupted, Incomplete: r.Incomplete || r.Interrupted, Redacted: r.Redacted,
	}
	if v := r.Verdict; v != nil {
		run.VerdictCode, run.VerdictName = &v.Code, v.Name
	}
	return run
}

// compare goes through all the parts. Results are compared where they are of
// one kind.
func (c *comparing) compare() {
	a, b := c.a, c.b
	c.begin(PartSettings)
	c.shared(runSettings(a), runSettings(b))
	c.begin(PartVerdict)
	c.shared(runVerdict(a), runVerdict(b))
	c.begin(PartTimes)
	c.times()
	switch {
	case a.Repro != nil && b.Repro != nil:
		c.begin(PartOpens)
		c.shared(openCounts(a.Repro), openCounts(b.Repro))
		c.begin(PartTries)
		c.items(metByOthers(a.Repro), metByOthers(b.Repro))
	case a.Hold != nil && b.Hold != nil:
		c.begin(PartRefused)
		if c.named && a.Hold.RefusedMore == 0 && b.Hold.RefusedMore == 0 {
			c.items(refusedOpens(a.Hold), refusedOpens(b.Hold))
		} else {
			c.shared(refusedCounts(a.Hold), refusedCounts(b.Hold))
		}
	case a.Table != nil && b.Table != nil:
		c.begin(PartOpens)
		c.opens(a.Table.Opens, b.Table.Opens)
		c.begin(PartSessions)
		c.rows(sessionRows(a.Table), sessionRows(b.Table))
		c.begin(PartConnections)
		c.rows(connectionRows(a.Table), connectionRows(b.Table))
	case a.Who != nil && b.Who != nil:
		c.begin(PartHolders)
		c.paths(a.Who.all(), b.Who.all())
		c.begin(PartOpens)
		c.opens(a.Who.opens(), b.Who.opens())
	case a.Release != nil && b.Release != nil:
		c.begin(PartEnded)
		c.shared(endedCounts(a.Release), endedCounts(b.Release))
		c.begin(PartOpens)
		c.opens(a.Release.opens(), b.Release.opens())
	}
	c.begin(PartLeftBehind)
	c.texts(leftBehind(a), leftBehind(b))
	c.begin(PartNotes)
	c.texts(a.Notes, b.Notes)
	c.Parts = slices.DeleteFunc(c.Parts, func(p ComparedPart) bool { return p == ComparedPart{Name: p.Name} })
	if c.Differences == nil {
		c.Differences = []Difference{}
	}
}

// begin begins a part. Parts that nothing is counted in are dropped in the end.
func (c *comparing) begin(part string) {
	c.Parts = append(c.Parts, ComparedPart{Name: part})
	c.part = &c.Parts[len(c.Parts)-1]
}

// differ notes a difference that n things of the part have.
func (c *comparing) differ(n int, d Difference) {
	switch {
	case d.A == "":
		c.part.OnlyB += n
	case d.B == "":
		c.part.OnlyA += n
	default:
		c.part.Changed += n
	}
	d.Part = c.part.Name
	c.Differences = append(c.Differences, d)
}

// item is something that each run has one of at most.
type item struct {
	what, value string
	name        bool // the value is a name, or has one in it
}

// shared compares the items that both runs have.
func (c *comparing) shared(a, b []item) {
	in := map[string]*item{}
	for i := range b {
		in[b[i].what] = &b[i]
	}
	for _, x := range a {
		y := in[x.what]
		switch {
		case y == nil || !c.named && (x.name || y.name):
		case x.value == y.value:
			c.part.Same++
		default:
			c.differ(1, Difference{What: x.what, A: x.value, B: y.value})
		}
	}
}

// items compares all that either run has.
func (c *comparing) items(a, b []item) {
	c.shared(a, b)
	for _, side := range []struct {
		these, others []item
		toA           bool
	}{{a, b, true}, {b, a, false}} {
		known := map[string]bool{}
		for _, x := range side.others {
			known[x.what] = true
		}
		for _, x := range side.these {
			switch {
			case known[x.what] || !c.named && x.name:
			case side.toA:
				c.differ(1, Difference{What: x.what, A: x.value})
			default:
				c.differ(1, Difference{What: x.what, B: x.value})
			}
		}
	}
}

// texts compares lists in any order. The file that a run of repro made has
// another name in each run, which is no difference.
func (c *comparing) texts(a, b []string) {
	left := map[string]int{}
	for _, s := range b {
		left[withoutRunFile(c.b, s)]++
	}
	for _, s := range a {
		if key := withoutRunFile(c.a, s); left[key] > 0 {
			left[key]--
			c.part.Same++
		} else {
			c.differ(1, Difference{What: "only in A", A: s})
		}
	}
	for _, s := range b {
		if key := withoutRunFile(c.b, s); left[key] > 0 {
			left[key]--
			c.differ(1, Difference{What: "only in B", B: s})
		}
	}
}

// runFile stands for the name of the file that a run makes.
const runFile = "err32-….tmp"

// withoutRunFile is s without the name of the run's own file.
func withoutRunFile(r *Report, s string) string {
	if r.Repro == nil {
		return s
	}
	name := r.Repro.File[strings.LastIndex(r.Repro.File, `\`)+1:]
	if !strings.HasPrefix(name, "err32-") || !strings.HasSuffix(name, ".tmp") {
		return s
	}
	return strings.ReplaceAll(s, name, runFile)
}

// notes says what the comparison does not show.
func (c *comparing) notes() []string {
	notes := []string{}
	if c.a.Command != c.b.Command {
		notes = append(notes, fmt.Sprintf("A is a run of %s and B one of %s: only what both have was compared.", c.a.Command, c.b.Command))
	}
	if c.a.Started.After(c.b.Started.Time) && !c.b.Started.IsZero() {
		notes = append(notes, "B is the older run: what is called sooner or later here is B against A all the same.")
	}
	for i, r := range c.Compared {
		switch {
		case r.Interrupted:
			notes = append(notes, runLetter(i)+" was interrupted: what is missing in it may not have been reached.")
		case r.Incomplete:
			notes = append(notes, runLetter(i)+" failed before its end: what is missing in it may not have been reached.")
		}
	}
	const left = " Names were left out of the comparison, and tables compared by their counts."
	switch {
	case c.named:
	case c.a.Redacted && c.b.Redacted:
		notes = append(notes, "Both runs were redacted, each by itself: the same pseudonym need not stand for the same name in both."+left)
	default:
		which := "A"
		if c.b.Redacted {
			which = "B"
		}
		notes = append(notes, which+" is redacted and the other run is not: their names cannot be matched."+left)
	}
	for _, p := range c.Parts {
		if p.Name == PartOpens && c.named && (c.a.Table != nil || c.a.Who != nil) {
			notes = append(notes, "Opens are the same where share, path, user and client are: their ids are new in every run. What the runs had open themselves was left out.")
		}
	}
	return notes
}
