package diag

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
)

// comparison writes what differs between two runs, part by part.
func (p *reportPage) comparison(c *Comparison) error {
	if err := p.comparedRuns(c.Compared); err != nil {
		return err
	}
	rest := c.Differences
	for _, part := range c.Parts {
		p.heading(comparedHeading(&part))
		n := 0
		for n < len(rest) && rest[n].Part == part.Name {
			n++
		}
		if n > 0 {
			if err := p.differences(rest[:n]); err != nil {
				return err
			}
		}
		rest = rest[n:]
	}
	if len(rest) > 0 { // a saved comparison that is not in order
		p.heading("More differences")
		return p.differences(rest)
	}
	return nil
}

// comparedRuns says which runs A and B are.
func (p *reportPage) comparedRuns(runs []ComparedRun) error {
	p.heading("Compared")
	mixed := slices.ContainsFunc(runs, func(r ComparedRun) bool { return r.Redacted != runs[0].Redacted })
	g := grid{columns: []gridColumn{
		{title: "", rigid: true}, {title: "file", lines: 3}, {title: "command", rigid: true}, {title: "started"},
		{title: "verdict", lines: 3}, {title: "state", optional: true},
	}}
	for i := range runs {
		r := &runs[i]
		verdict, started := "none", "-"
		if r.VerdictCode != nil {
			verdict = joinNonEmpty(" ", fmt.Sprint(*r.VerdictCode), visibleText(r.VerdictName))
		}
		if !r.Started.IsZero() {
			started = r.Started.UTC().Format("2006-01-02 15:04:05")
		}
		g.rows = append(g.rows, []string{runLetter(i), visibleName(r.Name), visibleText(r.Command), started, verdict, stateOfRun(r, mixed)})
	}
	return p.grid(g)
}

// runLetter is what a comparison calls a run.
func runLetter(i int) string {
	if i < 2 {
		return "AB"[i : i+1]
	}
	return "?"
}

// stateOfRun says what a reader has to know of a run before comparing it; with
// mixed also which of two has pseudonyms.
func stateOfRun(r *ComparedRun, mixed bool) string {
	var state []string
	switch {
	case r.Interrupted:
		state = append(state, "incomplete, interrupted")
	case r.Incomplete:
		state = append(state, "incomplete")
	}
	if r.Redacted && mixed {
		state = append(state, "redacted")
	}
	return strings.Join(state, ", ")
}

// comparedHeading gives the counts of a part.
func comparedHeading(p *ComparedPart) string {
	var counts []string
	for _, c := range []struct {
		n    int
		what string
	}{{p.Changed, "%d changed"}, {p.OnlyA, "%d only in A"}, {p.OnlyB, "%d only in B"}} {
		if c.n > 0 {
			counts = append(counts, fmt.Sprintf(c.what, c.n))
		}
	}
	switch {
	case len(counts) == 0:
		counts = append(counts, fmt.Sprintf("all %d the same", p.Same))
	case p.Same > 0:
		counts = append(counts, fmt.Sprintf("%d the same", p.Same))
	}
	name := visibleText(p.Name)
	if name != "" && name[0] >= 'a' && name[0] <= 'z' {
		name = strings.ToUpper(name[:1]) + name[1:]
	}
	return name + ": " + strings.Join(counts, ", ")
}

func (p *reportPage) differences(differences []Difference) error {
	g := grid{
		columns: []gridColumn{
			{title: "what", lines: 6, first: true}, {title: "user", lines: 3, optional: true}, {title: "client", lines: 6, optional: true},
			{title: "A", lines: 8}, {title: "B", lines: 8}, {title: "B against A", lines: 4, optional: true},
		},
		rows: make([][]string, len(differences)),
	}
	for i := range differences {
		d := &differences[i]
		g.rows[i] = []string{visibleName(d.What), visibleName(d.User), visibleName(d.Client), presentText(d.A), presentText(d.B), visibleText(d.Note)}
	}
	return p.grid(g)
}

// presentText is empty nowhere: what a run does not have is a dash.
func presentText(s string) string {
	if s == "" {
		return "-"
	}
	return visibleName(s)
}

// comparisonCSV writes the differences, with a header line.
func comparisonCSV(c *csv.Writer, comparison *Comparison) {
	c.Write([]string{"part", "what", "user", "client", "a", "b", "note"})
	for i := range comparison.Differences {
		d := &comparison.Differences[i]
		c.Write([]string{csvText(d.Part), csvText(d.What), csvText(d.User), csvText(d.Client), csvText(d.A), csvText(d.B), csvText(d.Note)})
	}
}
