package diag

import "strings"

// release writes what was to be ended, and what became of it.
func (p *reportPage) release(r *Report) error {
	for _, a := range r.Release.Actions {
		p.heading(visibleText(strings.ReplaceAll(a.What, "-", " ") + " " + a.Name))
		p.field("Result", strings.ReplaceAll(a.Done, "-", " "))
		if a.Detail != "" {
			p.field("Detail", visibleText(a.Detail))
		}
		if len(a.Opens) > 0 {
			if err := p.openTable(a.Opens); err != nil {
				return err
			}
		}
	}
	if r.Error != nil || r.Interrupted {
		return p.timeline(r)
	}
	return nil
}
