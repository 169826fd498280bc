package diag

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// Report returns a copy of the report with all names replaced; the report itself
// stays as it is. What the server says of itself that may name the site goes:
// its GUID, which is the host's name on Samba, and its comment, but for Samba's
// version. A report that is redacted already keeps the pseudonyms it has.
func (r *Redactor) Report(report *Report) *Report {
	if r == nil {
		return report
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c := *report
	if c.Redacted {
		r.keepPseudonyms(report)
		defer func() { r.keeps = false }()
	}
	// First whatever names something by itself, so that the texts can be read
	// with all of these known.
	c.Redacted = true
	c.Target = r.targetInfo(c.Target)
	c.Server = r.serverInfo(c.Server)
	c.Again = r.command(c.Again)
	c.Error = r.runError(c.Error)
	c.Repro = r.repro(c.Repro)
	c.Hold = r.hold(c.Hold)
	c.Table = r.table(c.Table)
	c.Who = r.who(c.Who)
	c.Release = r.release(c.Release)
	c.Comparison = r.comparison(c.Comparison)
	c.Events = slices.Clone(c.Events)
	for _, t := range c.allTexts() {
		r.learnFormed(*t.text, t.form)
	}
	if c.Verdict != nil {
		v := *c.Verdict
		v.Because, v.Next = slices.Clone(v.Because), slices.Clone(v.Next)
		c.Verdict = &v
	}
	c.Notes = slices.Clone(c.Notes)
	for _, t := range c.allTexts() {
		*t.text = r.formed(*t.text, t.form)
	}
	return &c
}

// allTexts are the texts in which names may stand anywhere.
func (r *Report) allTexts() []formedText {
	var all []formedText
	add := func(text *string) { all = append(all, formedText{text, aSentence}) }
	list := func(texts []string) {
		for i := range texts {
			add(&texts[i])
		}
	}
	holders := func(p *PathHolders) {
		add(&p.Wanted.Why)
		list(p.Reasons)
		list(p.Expect)
		for i := range p.Probes {
			add(&p.Probes[i].Skipped)
		}
	}
	if r.Error != nil {
		all = append(all, formedText{&r.Error.Op, aStep}, formedText{&r.Error.Text, aSentence})
	}
	if r.Verdict != nil {
		add(&r.Verdict.Summary)
		list(r.Verdict.Next)
	}
	list(r.Notes)
	for i := range r.Events {
		all = append(all, formedText{&r.Events[i].Detail, r.Events[i].form()})
	}
	if r.Repro != nil {
		list(r.Repro.LeftBehind)
		for i := range r.Repro.OtherTries {
			add(&r.Repro.OtherTries[i].Text)
		}
	}
	if r.Hold != nil {
		list(r.Hold.LeftBehind)
	}
	if r.Who != nil {
		if r.Who.PathHolders != nil {
			holders(r.Who.PathHolders)
		}
		for i := range r.Who.Paths {
			holders(&r.Who.Paths[i])
		}
	}
	if r.Release != nil {
		for i := range r.Release.Actions {
			add(&r.Release.Actions[i].Detail)
		}
	}
	if r.Comparison != nil {
		all = append(all, r.Comparison.texts()...)
	}
	return all
}

// anyPseudonym finds the pseudonyms in a redacted report.
var anyPseudonym = regexp.MustCompile(`\b(user|host|domain|share|path)-([1-9][0-9]{0,8})`)

// keepPseudonyms makes the Redactor leave the pseudonyms of a redacted report
// alone, and give none of them to another name.
func (r *Redactor) keepPseudonyms(report *Report) {
	r.keeps = true
	data, err := json.Marshal(report)
	if err != nil {
		return // no renderer can write it either
	}
	for _, m := range anyPseudonym.FindAllSubmatch(data, -1) {
		kind := nameKind(slices.Index(kindWords[:], string(m[1])))
		r.first[kind] = max(r.first[kind], pseudonymNumber(string(m[0])))
	}
}

func (r *Redactor) targetInfo(t *TargetInfo) *TargetInfo {
	if t == nil {
		return nil
	}
	c := *t
	c.Server, c.Share, c.Path, c.User = r.host(t.Server), r.share(t.Share), r.path(t.Path), r.user(t.User)
	return &c
}

func (r *Redactor) serverInfo(s *ServerInfo) *ServerInfo {
	if s == nil {
		return nil
	}
	c := *s
	c.Name = r.host(s.Name)
	c.Comment = plainComment(s.Comment)
	r.replace(s.Comment, commentText(s.Comment))
	c.GUID = ""
	return &c
}

func (r *Redactor) runError(e *RunError) *RunError {
	if e == nil {
		return nil
	}
	c := *e
	c.Object = r.object(e.Object)
	return &c
}

// object is what stands for a path, a share or a host.
func (r *Redactor) object(name string) string {
	if name == "" {
		return ""
	}
	_, isHost := r.pseudonyms[kindHost][folded(name)]
	_, isShare := r.pseudonyms[kindShare][folded(name)]
	host, port, hasPort := strings.Cut(strings.TrimLeft(name, `\/`), ":")
	switch {
	case strings.HasPrefix(name, `\\`), strings.HasPrefix(name, "//"):
		return r.target(name)
	case isShare, ownShare(name):
		return r.share(name)
	case isHost, hasPort && host != "" && isDigits(port), strings.HasPrefix(name, "["):
		return r.host(name)
	}
	return r.path(name)
}

func (r *Redactor) repro(p *ReproResult) *ReproResult {
	if p == nil {
		return nil
	}
	c := *p
	c.File = r.path(p.File)
	if p.Holder != nil {
		h := *p.Holder
		c.Holder = &h
	}
	for _, rows := range []*[]OpenRow{&c.Opens.Before, &c.Opens.Held, &c.Opens.After, &c.Opens.End} {
		*rows = r.openRows(*rows)
	}
	c.OtherTries, c.LeftBehind = slices.Clone(p.OtherTries), slices.Clone(p.LeftBehind)
	return &c
}

func (r *Redactor) hold(h *HoldResult) *HoldResult {
	if h == nil {
		return nil
	}
	c := *h
	c.SessionIDs, c.Refused, c.LeftBehind = slices.Clone(h.SessionIDs), slices.Clone(h.Refused), slices.Clone(h.LeftBehind)
	c.Files = slices.Clone(h.Files)
	for i := range c.Files {
		c.Files[i] = r.path(c.Files[i])
	}
	for i := range c.Refused {
		c.Refused[i].Path = r.path(c.Refused[i].Path)
	}
	return &c
}

func (r *Redactor) table(t *TableResult) *TableResult {
	if t == nil {
		return nil
	}
	c := TableResult{r.openRows(t.Opens), slices.Clone(t.Sessions), slices.Clone(t.Connections)}
	for i := range c.Sessions {
		s := &c.Sessions[i]
		s.Client, s.User = r.host(s.Client), r.user(s.User)
	}
	for i := range c.Connections {
		s := &c.Connections[i]
		s.Share, s.User = r.share(s.Share), r.user(s.User)
	}
	return &c
}

func (r *Redactor) who(w *WhoResult) *WhoResult {
	if w == nil {
		return nil
	}
	c := WhoResult{Paths: slices.Clone(w.Paths)}
	if w.PathHolders != nil {
		p := r.pathHolders(*w.PathHolders)
		c.PathHolders = &p
	}
	for i := range c.Paths {
		c.Paths[i] = r.pathHolders(c.Paths[i])
	}
	return &c
}

func (r *Redactor) pathHolders(p PathHolders) PathHolders {
	p.Path = r.path(p.Path)
	p.Opens = r.openRows(p.Opens)
	p.AllowedNow, p.Reasons, p.Expect, p.Probes = slices.Clone(p.AllowedNow), slices.Clone(p.Reasons), slices.Clone(p.Expect), slices.Clone(p.Probes)
	return p
}

func (r *Redactor) release(l *ReleaseResult) *ReleaseResult {
	if l == nil {
		return nil
	}
	c := ReleaseResult{l.DryRun, slices.Clone(l.Actions)}
	for i := range c.Actions {
		a := &c.Actions[i]
		if path, ok := strings.CutPrefix(a.Name, "the path "); ok {
			a.Name = "the path " + r.path(path)
		} else if a.What == "session" {
			a.Name = r.flagValue(flagClientUser, a.Name)
		}
		a.Opens = r.openRows(a.Opens)
	}
	return &c
}

func (r *Redactor) openRows(rows []OpenRow) []OpenRow {
	rows = slices.Clone(rows)
	for i := range rows {
		row := &rows[i]
		row.Share = r.share(row.Share) // before the path, which may begin with it
		row.Path = r.path(row.Path)
		row.SharePath = r.path(row.SharePath)
		row.User = r.user(row.User)
		row.Client = r.host(row.Client)
		row.Candidates = slices.Clone(row.Candidates)
		for j := range row.Candidates {
			row.Candidates[j] = r.host(row.Candidates[j])
		}
	}
	return rows
}
