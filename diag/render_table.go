package diag

import (
	"fmt"
	"strconv"
)

// table writes the server's tables, every row of them.
func (p *reportPage) table(r *Report) error {
	t := r.Table
	if err := p.openTable(t.Opens); err != nil {
		return err
	}
	if err := p.sessionTable(t.Sessions); err != nil {
		return err
	}
	if err := p.connectionTable(t.Connections); err != nil {
		return err
	}
	if r.Error != nil || r.Interrupted {
		return p.timeline(r)
	}
	return nil
}

// tableHeading writes a heading with its count, and reports whether there is
// anything to count.
func (p *reportPage) tableHeading(what string, n int) bool {
	if n == 0 {
		p.heading(what + ": none listed")
		return false
	}
	p.heading(fmt.Sprintf("%s: %d", what, n))
	return true
}

func (p *reportPage) openTable(opens []OpenRow) error {
	if !p.tableHeading("Opens", len(opens)) {
		return nil
	}
	g := grid{
		columns: []gridColumn{openIDColumn, openPathColumn, openUserColumn, openClientColumn, openAccessColumn},
		rows:    make([][]string, len(opens)),
	}
	for i := range opens {
		o := &opens[i]
		g.rows[i] = []string{
			visibleText(o.ID), sharedPathText(o), userText(o.User),
			clientText(o), openAccessText(o),
		}
	}
	return p.grid(g)
}

func (p *reportPage) sessionTable(sessions []SessionRow) error {
	if !p.tableHeading("Sessions", len(sessions)) {
		return nil
	}
	g := grid{columns: []gridColumn{
		{title: "client", lines: 3},
		{title: "user", lines: 3},
		{title: "opens", right: true, rigid: true},
		{title: "age", right: true, rigid: true},
		{title: "idle", right: true, rigid: true},
		{title: "", rigid: true, optional: true},
	}}
	for i := range sessions {
		s := &sessions[i]
		opens, own := "-", ""
		if s.Opens != nil {
			opens = strconv.Itoa(*s.Opens)
		}
		if s.Own {
			own = "this run"
		}
		g.rows = append(g.rows, []string{
			visibleName(s.Client), userText(s.User), opens, agoText(s.AgeS), agoText(s.IdleS), own,
		})
	}
	return p.grid(g)
}

func agoText(s *int64) string {
	if s == nil {
		return "-"
	}
	return secondsText(*s)
}

func (p *reportPage) connectionTable(connections []ConnectionRow) error {
	if !p.tableHeading("Connections to shares", len(connections)) {
		return nil
	}
	g := grid{columns: []gridColumn{
		{title: "share", lines: 3},
		{title: "id", rigid: true, right: true},
		{title: "user", lines: 3},
		{title: "opens", right: true, rigid: true},
		{title: "age", right: true, rigid: true},
	}}
	for i := range connections {
		c := &connections[i]
		g.rows = append(g.rows, []string{
			visibleName(c.Share), visibleText(c.ID), visibleText(c.User), strconv.Itoa(c.Opens), agoText(c.AgeS),
		})
	}
	return p.grid(g)
}
