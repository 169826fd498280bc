package diag

import (
	"strings"
)

// who writes what was found out about each path.
func (p *reportPage) who(r *Report) error {
	paths := r.Who.Paths
	if r.Who.PathHolders != nil {
		paths = []PathHolders{*r.Who.PathHolders}
	}
	for i := range paths {
		if err := p.pathHolders(&paths[i], len(paths) > 1); err != nil {
			return err
		}
	}
	if r.Error != nil || r.Interrupted {
		return p.timeline(r)
	}
	return nil
}

func (p *reportPage) pathHolders(h *PathHolders, several bool) error {
	heading := "Who has it"
	if several {
		heading = visibleName(h.Path)
	}
	p.heading(heading)
	p.field("State", h.State)
	for _, reason := range h.Reasons {
		p.prose(indent+2, "- ", visibleText(reason))
	}
	if h.HoldersFrom != "" {
		p.field("They have", modesText(h.Holders.Access))
		p.field("They share", modesText(h.Holders.Share))
		p.field("Known from", h.HoldersFrom)
	}
	wanted := "access " + strings.Join(wordsOrNone(h.Wanted.Access), "+") + ", share " + strings.Join(wordsOrNone(h.Wanted.Share), "+")
	switch {
	case h.Wanted.Allowed == nil:
		wanted += ": not known"
	case *h.Wanted.Allowed:
		wanted += ": allowed"
	default:
		wanted += ": refused"
	}
	p.field("Wanted", joinNonEmpty("; ", wanted, visibleText(h.Wanted.Why)))
	if h.Locked != nil {
		p.field("Locks", map[bool]string{true: "a read of one byte met a byte-range lock", false: "none met by reads of one byte"}[*h.Locked])
	}
	if len(h.Opens) > 0 {
		if err := p.openTable(h.Opens); err != nil {
			return err
		}
	}
	if len(h.Probes) > 0 {
		if err := p.probeTable(h.Probes); err != nil {
			return err
		}
	}
	if len(h.AllowedNow) > 0 && h.State != StateFree {
		if err := p.allowedTable(h.AllowedNow); err != nil {
			return err
		}
	}
	p.list("How long such an open stays", h.Expect)
	return nil
}

func modesText(m Modes) string {
	return "read " + m.Read + ", write " + m.Write + ", delete " + m.Delete
}

// probeTable writes the probes and what they met.
func (p *reportPage) probeTable(probes []ProbeResult) error {
	p.heading("Probes")
	g := grid{columns: []gridColumn{{title: "probe"}, {title: "access"}, {title: "share"}, {title: "met", lines: 4}}}
	for _, r := range probes {
		met := joinNonEmpty(" ", r.StatusName, r.Status)
		if r.Pending && r.Skipped == "" {
			met += ", after a client that caches the file gave way"
		}
		g.rows = append(g.rows, []string{r.Name, strings.Join(wordsOrNone(r.Access), "+"), strings.Join(wordsOrNone(r.Share), "+"), joinNonEmpty("; ", met, visibleText(r.Skipped))})
	}
	return p.grid(g)
}

// allowedTable writes which opens would be let in, a line for each access.
func (p *reportPage) allowedTable(rows []AllowedNow) error {
	p.heading("What would be let in now, by what it shares")
	g := grid{columns: []gridColumn{{title: "open for"}}}
	for _, r := range rows {
		access, share := strings.Join(r.Access, "+"), strings.Join(wordsOrNone(r.Share), "+")
		if len(g.rows) == 0 || g.rows[len(g.rows)-1][0] != access {
			g.rows = append(g.rows, []string{access})
		}
		if len(g.rows) == 1 {
			g.columns = append(g.columns, gridColumn{title: share})
		}
		last := len(g.rows) - 1
		g.rows[last] = append(g.rows[last], r.Allowed)
	}
	return p.grid(g)
}
