package diag

import (
	"fmt"
	"slices"
	"strings"
)

// opensWithChanges writes the opens of the file at each moment, and for each of
// them what changed from moment to moment.
func (p *reportPage) opensWithChanges(r *Report) error {
	s := &htmlSheet{}
	if err := (&reportPage{s}).opensOverTime(r); err != nil {
		return err
	}
	to := p.sheet.(*htmlSheet)
	to.heading(s.sections[0].Title)
	for _, b := range s.blocks() {
		if b.Table != nil {
			to.paragraph(momentCounts(r))
			b.Table.addChanges(r)
		}
		to.block(b)
	}
	return nil
}

// momentCounts says how many opens were listed at each moment.
func momentCounts(r *Report) string {
	o := &r.Repro.Opens
	return fmt.Sprintf("Listed: %d before, %d while held, %d right after the disconnect, %d at the end.", len(o.Before), len(o.Held), len(o.After), len(o.End))
}

// addChanges adds a column for what changed, and marks the rows.
func (t *htmlTable) addChanges(r *Report) {
	o := &r.Repro.Opens
	var looked [4]bool // of a run that ended early the last tables may not have been read
	for i, rows := range [][]OpenRow{o.End, o.After, o.Held, o.Before} {
		k := len(looked) - 1 - i
		looked[k] = r.Error == nil && !r.Interrupted || len(rows) > 0 || i > 0 && looked[k+1]
	}
	const title = "change"
	t.Columns = append(t.Columns, htmlColumn{Title: title})
	for i := range t.Rows {
		row := &t.Rows[i]
		var seen [4]bool // not before, where there is no such column
		for k := range row.Cells {
			c := &row.Cells[k]
			moment := slices.Index(momentColumns, c.Column)
			switch {
			case moment < 0:
			case c.Text == "open":
				c.Class, seen[moment] = "open", true
			default:
				c.Class, c.Text = "absent", "not listed"
			}
		}
		change := changeText(seen, looked)
		if change != "" {
			row.Class = "changed"
		}
		row.Cells = append(row.Cells, htmlCell{Column: title, Text: change, Class: "change"})
	}
}

// momentColumns are those that opensOverTime has for them.
var momentColumns = []string{"before", "held", "after", "end"}

// changeText says when an open came and went; empty where it was there all the
// time.
func changeText(seen, looked [4]bool) string {
	came := [4]string{"", "new while held", "new after the disconnect", "new at the end"}
	went := [4]string{"", "gone while held", "gone after the disconnect", "gone at the end"}
	var said []string
	last := 0
	for i := 1; i < len(seen); i++ {
		if !looked[i] {
			continue
		}
		switch {
		case seen[i] && !seen[last]:
			said = append(said, "+ "+came[i])
		case !seen[i] && seen[last]:
			said = append(said, "− "+went[i])
		}
		last = i
	}
	if len(said) > 0 && seen[3] && seen[2] {
		said = append(said, "still there at the end")
	}
	return strings.Join(said, ", ")
}
