package diag

import (
	"fmt"
	"strings"
)

const mostCandidates = 3 // clients named for an open that may belong to more

var (
	openIDColumn     = gridColumn{title: "id", rigid: true}
	openPathColumn   = gridColumn{title: "path", lines: 4, first: true}
	openUserColumn   = gridColumn{title: "user", lines: 3}
	openClientColumn = gridColumn{title: "client", lines: 6}
	openAccessColumn = gridColumn{title: "access", lines: 4}
)

// clientText names the client of an open and how sure that is.
func clientText(o *OpenRow) string {
	s := visibleText(o.Client)
	switch o.ClientBasis {
	case BasisOnlySession:
		s += " (only session)"
	case BasisOneOf:
		some := o.Candidates[:min(len(o.Candidates), mostCandidates)]
		s = "one of " + visibleList(some)
		if more := len(o.Candidates) - len(some); more > 0 {
			s += fmt.Sprintf(" and %d more", more)
		}
	case BasisUnknown:
		s = "unknown"
	}
	if o.Own {
		return joinNonEmpty(", ", s, "this run")
	}
	return s
}

// sharedPathText is the path as users know it, share first, else the server's
// own.
func sharedPathText(o *OpenRow) string {
	if o.Share == "" {
		return visibleName(o.Path)
	}
	return visibleText(o.Share) + `\` + visibleName(strings.TrimPrefix(o.SharePath, `\`))
}

// userText is empty nowhere: a disconnected durable open has no user.
func userText(user string) string {
	if user == "" {
		return "-"
	}
	return visibleName(user)
}

// openAccessText names the access of an open, and its locks where it has any.
func openAccessText(o *OpenRow) string {
	s := "-"
	if len(o.Access) > 0 {
		s = visibleList(o.Access)
	}
	switch {
	case o.Locks == 1:
		s += ", 1 lock"
	case o.Locks > 1:
		s += fmt.Sprintf(", %d locks", o.Locks)
	}
	return s
}

// openMoments is an open and at which moments of a run the table listed it.
type openMoments struct {
	row  *OpenRow
	seen [4]bool // before, held, after, end
}

// joinMoments makes one row of each open that looks the same at every moment
// it was listed.
func joinMoments(t *OpensOverTime) []openMoments {
	type look struct{ id, path, user, client, access string }
	var joined []openMoments
	at := map[look]int{}
	for moment, rows := range [][]OpenRow{t.Before, t.Held, t.After, t.End} {
		for i := range rows {
			o := &rows[i]
			key := look{o.ID, o.Path, o.User, clientText(o), openAccessText(o)}
			k, ok := at[key]
			if !ok {
				k = len(joined)
				at[key] = k
				joined = append(joined, openMoments{row: o})
			}
			joined[k].seen[moment] = true
		}
	}
	return joined
}

// opensOverTime writes the opens of the file in the server's table, and when
// each was listed.
func (p *reportPage) opensOverTime(r *Report) error {
	p.heading("The file in the server's table of opens")
	if !r.Repro.TableSeen {
		p.paragraph("The table was not seen; the notes say why.")
		return nil
	}
	opens := &r.Repro.Opens
	joined := joinMoments(opens)
	if len(joined) == 0 {
		p.paragraph("It was not listed at any moment." + endedEarly(r))
		return nil
	}
	path := openPathColumn
	path.optional = true
	one := onePath(joined)
	if one {
		p.field("Path", visibleName(joined[0].row.Path))
	}
	g := grid{columns: []gridColumn{
		openIDColumn, path, openUserColumn, openClientColumn, openAccessColumn,
		{title: "before", rigid: true, optional: true},
		{title: "held", rigid: true},
		{title: "after", rigid: true},
		{title: "end", rigid: true},
	}}
	for _, j := range joined {
		o := j.row
		row := []string{visibleText(o.ID), "", userText(o.User), clientText(o), openAccessText(o)}
		if !one {
			row[1] = visibleName(o.Path)
		}
		for moment, seen := range j.seen {
			switch {
			case seen:
				row = append(row, "open")
			case moment == 0 && len(opens.Before) == 0:
				row = append(row, "") // which drops the column
			default:
				row = append(row, "-")
			}
		}
		g.rows = append(g.rows, row)
	}
	if err := p.grid(g); err != nil {
		return err
	}
	legend := "held: while the holder lived; after: right after the disconnect; end: when the waiting ended."
	if sameAtEnd(joined) {
		legend += " At the end the table was as right after the disconnect."
	}
	p.paragraph(legend + endedEarly(r))
	return nil
}

// endedEarly warns that an absence may mean nothing.
func endedEarly(r *Report) string {
	if r.Error != nil || r.Interrupted {
		return " The run ended early, so the later moments may not have been looked at."
	}
	return ""
}

func onePath(joined []openMoments) bool {
	for _, j := range joined {
		if j.row.Path != joined[0].row.Path {
			return false
		}
	}
	return true
}

func sameAtEnd(joined []openMoments) bool {
	for _, j := range joined {
		if j.seen[2] != j.seen[3] {
			return false
		}
	}
	return true
}
