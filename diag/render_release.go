package diag

import "strings"

// release writes what was to be ended, what became of it, and what was done.
func (p *reportPage) release(r *Report) error {
	var single, other []*ReleaseAction
	for i := range r.Release.Actions {
		a := &r.Release.Actions[i]
		if a.What == "open" && len(a.Opens) == 1 {
			single = append(single, a)
		} else {
			other = append(other, a)
		}
	}
	if err := p.closedOpens(single); err != nil {
		return err
	}
	for _, a := range other {
		if err := p.releaseAction(a); err != nil {
			return err
		}
	}
	return p.timeline(r)
}

// closedOpens writes the opens that were to be closed by their ids, a line
// each, and below them what else there is to say.
func (p *reportPage) closedOpens(actions []*ReleaseAction) error {
	if len(actions) == 0 {
		return nil
	}
	p.heading("Opens to be ended")
	g := grid{columns: []gridColumn{openIDColumn, openPathColumn, {title: "user, client", lines: 6}, openAccessColumn, {title: "result"}}}
	var details []string
	for _, a := range actions {
		o := &a.Opens[0]
		g.rows = append(g.rows, []string{visibleText(o.ID), sharedPathText(o), userText(o.User) + ", " + clientText(o), openAccessText(o), doneText(a.Done)})
		if a.Detail != "" {
			details = append(details, visibleText(o.ID)+": "+visibleText(a.Detail))
		}
	}
	if err := p.grid(g); err != nil {
		return err
	}
	for _, s := range details {
		p.item(s)
	}
	return nil
}

// releaseAction writes a session that was to be ended, with all it had open.
func (p *reportPage) releaseAction(a *ReleaseAction) error {
	what := strings.ReplaceAll(a.What, "-", " ") + " " + a.Name
	if a.What == "open" { // not one but several
		what = a.Name
	}
	p.heading("To be ended: " + visibleText(what))
	p.field("Result", doneText(a.Done))
	p.field("Detail", visibleText(a.Detail))
	if len(a.Opens) == 0 {
		return nil
	}
	return p.openTable(a.Opens)
}

func doneText(done string) string {
	switch done {
	case releaseUndecided:
		return "not reached"
	case ReleaseUnproved:
		return "done, not verified"
	}
	return visibleText(strings.ReplaceAll(done, "-", " "))
}
