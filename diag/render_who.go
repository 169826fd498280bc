package diag

import (
	"slices"
	"strings"
)

// who writes what was found out about each path. Where several were looked at,
// a table of all comes first, and what it says of a free one is all.
func (p *reportPage) who(r *Report) error {
	several := r.Who.PathHolders == nil
	paths := r.Who.Paths
	if several {
		if err := p.pathTable(paths); err != nil {
			return err
		}
	} else {
		paths = []PathHolders{*r.Who.PathHolders}
	}
	var expect []string // is the same for every path of a server, as a rule
	for i := range paths {
		h := &paths[i]
		for _, s := range h.Expect {
			if !slices.Contains(expect, s) {
				expect = append(expect, s)
			}
		}
		if several && h.Exists && h.State == StateFree {
			continue
		}
		heading := "Who has it"
		if several {
			heading = pathText(h)
		}
		p.heading(heading)
		if err := p.pathHolders(h, several, r.Error); err != nil {
			return err
		}
	}
	p.list("How long such an open stays", expect)
	if r.Error != nil && !r.Error.Undecided || r.Interrupted {
		return p.timeline(r)
	}
	return nil
}

// pathText names a path; that of the share itself is empty.
func pathText(h *PathHolders) string {
	if h.Path == "" {
		return `\`
	}
	return visibleName(h.Path)
}

// pathTable writes one line for each path.
func (p *reportPage) pathTable(paths []PathHolders) error {
	if !p.tableHeading("Paths", len(paths)) {
		return nil
	}
	g := grid{columns: []gridColumn{
		{title: "path", lines: 4, first: true}, {title: "state"}, {title: "they have"}, {title: "they share"}, {title: "wanted"},
	}}
	for i := range paths {
		h := &paths[i]
		have, share := "-", "-"
		if h.hasHolders() {
			have, share = modesText(h.Holders.Access), modesText(h.Holders.Share)
		}
		g.rows = append(g.rows, []string{pathText(h), stateText(h), have, share, wantedAnswer(&h.Wanted)})
	}
	return p.grid(g)
}

func stateText(h *PathHolders) string {
	if h.State == StateFree && !h.Exists {
		return "not there"
	}
	return visibleText(h.State)
}

// hasHolders reports whether there is something to say of the holders' modes.
func (h *PathHolders) hasHolders() bool {
	nobody := HolderModes{Modes{No, No, No}, Modes{Yes, Yes, Yes}}
	return h.HoldersFrom != "" && h.Holders != nobody
}

// pathHolders writes all that is known of one path. What would be let in is
// left out where there are several: that is asked of one. failed is the run's
// error, which may have said why already.
func (p *reportPage) pathHolders(h *PathHolders, several bool, failed *RunError) error {
	p.field("State", stateText(h))
	for _, reason := range h.Reasons {
		p.item(visibleText(reason))
	}
	if h.hasHolders() {
		p.field("They have", modesText(h.Holders.Access))
		p.field("They share", modesText(h.Holders.Share))
		p.field("Known from", sourceText(h.HoldersFrom))
	}
	wanted := openForText(h.Wanted.Access) + ", sharing " + sharingText(h.Wanted.Share) + ": " + wantedAnswer(&h.Wanted)
	if failed == nil || failed.Text != h.Wanted.Why {
		wanted = joinNonEmpty("; ", wanted, visibleText(h.Wanted.Why))
	}
	p.field("Wanted", wanted)
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
	if several || h.State == StateFree {
		return nil
	}
	return p.allowedTable(h.AllowedNow)
}

func sourceText(from string) string {
	switch from {
	case "probes":
		return "the probes below"
	case "table":
		return "the server's table of opens, which does not tell what is shared"
	}
	return visibleText(from)
}

// modesText lists the classes that are there, and those of which it is not
// known.
func modesText(m Modes) string {
	var yes, unknown []string
	for _, class := range []struct{ name, answer string }{{"read", m.Read}, {"write", m.Write}, {"delete", m.Delete}} {
		switch class.answer {
		case Yes:
			yes = append(yes, class.name)
		case No:
		default:
			unknown = append(unknown, class.name)
		}
	}
	switch {
	case len(unknown) == 3:
		return "not known"
	case len(unknown) == 0 && len(yes) == 0:
		return "nothing"
	case len(unknown) == 0:
		return andText(yes)
	case len(yes) == 0:
		return andText(unknown) + " not known; nothing else"
	}
	return andText(yes) + "; " + andText(unknown) + " not known"
}

// andText lists words as a sentence does: "read, write and delete".
func andText(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return visibleList(words)
	}
	return visibleList(words[:last]) + " and " + visibleText(words[last])
}

// openForText says what an open asks for.
func openForText(access []string) string {
	if len(access) == 0 {
		return "attributes"
	}
	return andText(access)
}

// sharingText says what an open lets others do.
func sharingText(share []string) string {
	var missing []string
	for _, word := range shareAll.Words() {
		if !slices.Contains(share, word) {
			missing = append(missing, word)
		}
	}
	switch {
	case len(share) == 0:
		return "nothing"
	case len(missing) == 0:
		return "all"
	case len(missing) == 1:
		return "all but " + missing[0]
	}
	return visibleList(share)
}

func wantedAnswer(w *Wanted) string {
	switch {
	case w.Allowed == nil:
		return "not known"
	case *w.Allowed:
		return "let in"
	}
	return "refused"
}

// probeTable writes the probes and what they met.
func (p *reportPage) probeTable(probes []ProbeResult) error {
	p.heading("Probes")
	g := grid{columns: []gridColumn{{title: "probe"}, {title: "open for"}, {title: "answer", lines: 6, first: true}}}
	for i := range probes {
		r := &probes[i]
		g.rows = append(g.rows, []string{visibleText(r.Name), openForText(r.Access) + ", sharing " + sharingText(r.Share), p.probeAnswer(r)})
	}
	return p.grid(g)
}

func (p *reportPage) probeAnswer(r *ProbeResult) string {
	number := ""
	if p.wide(leastNumbers) {
		number = r.Status
	}
	s := "refused: " + answerText(r.StatusName, number, nil)
	switch {
	case r.Skipped != "" && r.Pending:
		return "none: " + visibleText(r.Skipped)
	case r.Skipped != "":
		return "not run: " + visibleText(r.Skipped)
	case answerText(r.StatusName, r.Status, nil) == "ok":
		s = "let in"
	}
	if r.Pending {
		s += ", once a client that caches the file had given way"
	}
	return s
}

// allowedTable writes which opens would be let in: a line for each access, a
// column for each share mode, and nothing where nothing is known.
func (p *reportPage) allowedTable(rows []AllowedNow) error {
	if !slices.ContainsFunc(rows, func(r AllowedNow) bool { return r.Allowed != Unknown }) {
		return nil
	}
	p.heading("What would be let in now, by what it shares")
	var accesses, shares []string
	answers := map[[2]string]string{}
	for _, r := range rows {
		access, share := openForText(r.Access), sharingText(r.Share)
		if strings.HasPrefix(share, "all but") {
			share = andText(r.Share)
		}
		if !slices.Contains(accesses, access) {
			accesses = append(accesses, access)
		}
		if !slices.Contains(shares, share) {
			shares = append(shares, share)
		}
		answers[[2]string{access, share}] = visibleText(r.Allowed)
	}
	g := grid{columns: []gridColumn{{title: "open for"}}}
	for _, share := range shares {
		g.columns = append(g.columns, gridColumn{title: share, allowed: true})
	}
	for _, access := range accesses {
		row := []string{access}
		for _, share := range shares {
			row = append(row, answers[[2]string{access, share}])
		}
		g.rows = append(g.rows, row)
	}
	return p.grid(g)
}
