package diag

import "fmt"

// repro writes what the repro command found.
func (p *reportPage) repro(r *Report) error {
	held := r.Repro.Holder != nil // else the run ended before there was anything to show
	if held {
		p.whoHeldWhat(r.Repro)
	}
	if err := p.timeline(r); err != nil {
		return err
	}
	if held {
		if err := p.opensOverTime(r); err != nil {
			return err
		}
	}
	if err := p.otherTries(r.Repro.OtherTries); err != nil {
		return err
	}
	p.list("Left behind", r.Repro.LeftBehind)
	return nil
}

func (p *reportPage) whoHeldWhat(r *ReproResult) {
	p.heading("Who held what")
	p.field("Case", visibleText(r.Case))
	p.field("File", visibleName(r.File))
	if h := r.Holder; h != nil {
		p.field("Holder", accessText(h.Access)+"; "+sharesText(h.Share))
		p.field("Its open", joinNonEmpty(", ", prefixed("session ", h.SessionID), prefixed("file ", h.FileID)))
	}
	p.field("Disconnect", disconnectText(r.Disconnect))
	p.field("Contender", contenderText(r))
	if r.WaitMS != nil && r.IntervalMS != nil {
		p.field("Tries", triesText(*r.IntervalMS)+", for "+durationText(*r.WaitMS)+" at most")
	}
	p.field("Error 32", fmt.Sprintf("while the holder lived: %s; after the disconnect: %s",
		yesNo(r.Error32WhileHeld), yesNo(r.Error32AfterDisconnect)))
	if r.Release.Released || r.Release.WaitedMS > 0 {
		p.field("Free", releaseText(&r.Release))
	}
}

func contenderText(r *ReproResult) string {
	from := map[string]string{
		"other": "from a client of its own",
		"same":  "from the holder's own client",
	}[r.RetryFrom]
	if r.Contender == "go-smb2" {
		return joinNonEmpty(", ", "go-smb2, an ordinary client", from)
	}
	return joinNonEmpty(", ", visibleText(r.Contender), from)
}

func triesText(interval Millisecond) string {
	if interval == 0 {
		return "one after the other without a pause"
	}
	return "one every " + durationText(interval)
}

func releaseText(r *Release) string {
	switch {
	case r.Released && r.AfterMS != nil:
		return durationText(*r.AfterMS) + " after the disconnect"
	case r.Released:
		return "yes"
	}
	return "not within the " + durationText(r.WaitedMS) + " that the run waited"
}

// otherTries writes what other operations of the contender met.
func (p *reportPage) otherTries(tries []OtherTry) error {
	if len(tries) == 0 {
		return nil
	}
	p.heading("What other operations met")
	g := grid{columns: []gridColumn{
		{title: "operation", rigid: true},
		{title: "when", rigid: true},
		{title: "status", lines: 4},
		{title: "as the program got it", lines: 6},
	}}
	for _, t := range tries {
		g.rows = append(g.rows, []string{
			visibleText(t.Operation), visibleText(t.When),
			answerText(t.StatusName, t.Status, nil), visibleText(t.Text),
		})
	}
	return p.grid(g)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// prefixed is s as visible text behind prefix; empty where s is.
func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + visibleText(s)
}
