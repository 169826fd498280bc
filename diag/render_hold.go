package diag

import "fmt"

// hold writes what the hold command did.
func (p *reportPage) hold(r *Report) error {
	h := r.Hold
	if len(h.SessionIDs) > 0 { // else the run did not get so far
		p.whatWasHeld(h)
	}
	if err := p.refused(h); err != nil {
		return err
	}
	if err := p.timeline(r); err != nil {
		return err
	}
	p.list("Left behind", h.LeftBehind)
	return nil
}

func (p *reportPage) whatWasHeld(h *HoldResult) {
	p.heading("What was held")
	p.field("Opens", fmt.Sprintf("%d of %d", h.Held, h.Asked))
	p.field("Access", accessText(h.Access)+"; "+sharesText(h.Share))
	p.field("Sessions", visibleList(h.SessionIDs))
	if h.Held == 0 {
		return
	}
	p.field("Opened in", openedText(h))
	p.field("Held for", durationText(h.HeldMS))
	p.field("Left by", disconnectText(h.Disconnect))
	p.heldFiles(h)
}

func openedText(h *HoldResult) string {
	s := durationText(h.OpenMS)
	if h.Held > 1 && h.OpenMS > 0 {
		s += fmt.Sprintf(", %.0f a second", float64(h.Held)/float64(h.OpenMS)*1e3)
	}
	return s
}

// heldFiles names the files that were held, of many the first.
func (p *reportPage) heldFiles(h *HoldResult) {
	const most = 20
	if len(h.Files) == 0 {
		return
	}
	p.heading(fmt.Sprintf("Files held: %d", len(h.Files)+h.FilesMore))
	shown := min(len(h.Files), most)
	for _, path := range h.Files[:shown] {
		p.item(visibleName(path))
	}
	if more := len(h.Files) + h.FilesMore - shown; more > 0 {
		named := ""
		if len(h.Files) > shown {
			named = fmt.Sprintf("; the report in JSON names %d", len(h.Files))
		}
		p.paragraph(fmt.Sprintf("… and %d more%s.", more, named))
	}
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
