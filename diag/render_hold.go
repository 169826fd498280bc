package diag

import "fmt"

// hold writes what the hold command did.
func (p *reportPage) hold(r *Report) error {
	h := r.Hold
	p.heading("What was held")
	p.field("Opens", fmt.Sprintf("%d of %d", h.Held, h.Asked))
	p.field("Access", accessText(h.Access)+"; "+sharesText(h.Share))
	p.field("Sessions", visibleList(h.SessionIDs))
	p.field("Opened in", openedText(h))
	p.field("Held for", durationText(h.HeldMS))
	p.field("Left by", disconnectText(h.Disconnect))
	if err := p.refused(h); err != nil {
		return err
	}
	if err := p.timeline(r); err != nil {
		return err
	}
	p.list("Left behind", h.LeftBehind)
	return nil
}

func openedText(h *HoldResult) string {
	s := durationText(h.OpenMS)
	if h.Held > 1 && h.OpenMS > 0 {
		s += fmt.Sprintf(", %.0f a second", float64(h.Held)/float64(h.OpenMS)*1e3)
	}
	return s
}

func (p *reportPage) refused(h *HoldResult) error {
	if len(h.Refused) == 0 {
		return nil
	}
	p.heading(fmt.Sprintf("Refused: %d", len(h.Refused)+h.RefusedMore))
	g := grid{columns: []gridColumn{
		{title: "path", lines: 4},
		{title: "status", lines: 3},
	}}
	for _, f := range h.Refused {
		g.rows = append(g.rows, []string{visibleName(f.Path), answerText(f.StatusName, f.Status, nil)})
	}
	if err := p.grid(g); err != nil {
		return err
	}
	if h.RefusedMore > 0 {
		p.paragraph(fmt.Sprintf("… and %d more.", h.RefusedMore))
	}
	return nil
}
