package diag

import (
	"regexp"
	"slices"
	"strings"
)

// comparison is what stands for a comparison of two runs. Their names may have
// been replaced already, but for those of their files.
func (r *Redactor) comparison(c *Comparison) *Comparison {
	if c == nil {
		return nil
	}
	out := Comparison{slices.Clone(c.Compared), slices.Clone(c.Parts), slices.Clone(c.Differences)}
	for i := range out.Compared {
		out.Compared[i].Name = r.path(out.Compared[i].Name)
	}
	for i := range out.Differences {
		r.difference(&out.Differences[i])
	}
	return &out
}

func (r *Redactor) difference(d *Difference) {
	d.User = r.user(d.User)
	d.Client = r.clients(d.Client)
	switch d.Part {
	case PartOpens:
		d.What = r.pathInShare(d.What)
	case PartConnections:
		if d.What != "connections listed" {
			d.What = r.share(d.What)
		}
	case PartRefused:
		if d.What != "opens refused" {
			d.What = r.path(d.What)
		}
	case PartHolders:
		path, what, isOf := strings.Cut(d.What, ": ")
		switch {
		case d.A == "" || d.B == "": // only one run looked at it
			d.What = r.path(d.What)
		case isOf && path != "paths":
			d.What = r.path(path) + ": " + what
		case d.What == "path":
			d.A, d.B = r.path(d.A), r.path(d.B)
		}
	case PartSettings:
		if redact := r.setting(d.What); redact != nil {
			d.A, d.B = redact(d.A), redact(d.B)
		}
	default:
		d.What = r.text(d.What)
	}
}

// setting is what redacts the values of a setting; nil where that is no name.
func (r *Redactor) setting(what string) func(string) string {
	named := func(redact func(string) string) func(string) string {
		return func(s string) string {
			if s == "none" {
				return s
			}
			return redact(s)
		}
	}
	switch what {
	case "target server", "server name":
		return named(r.host)
	case "target share":
		return named(r.share)
	case "target path":
		return named(r.path)
	case "user":
		return named(r.user)
	case "command line":
		return named(r.command)
	case "server comment":
		return named(func(s string) string {
			r.replace(s, commentText(s))
			return plainComment(s)
		})
	case "server guid":
		return func(string) string { return "" }
	}
	return nil
}

// pathInShare is what stands for share\path, or a path of the server's own.
func (r *Redactor) pathInShare(s string) string {
	share, below := cutComponent(s)
	if share == "" || below == "" || hasDrive(s) {
		return r.path(s)
	}
	return r.share(share) + r.path(below)
}

var clientWordsText = regexp.MustCompile(`(?s)^(one of )?(.*?)( \(only session\)| and [0-9]+ more)?$`)

// clients is what stands for the client of an open, as a comparison writes it.
func (r *Redactor) clients(s string) string {
	if s == "" || s == "unknown" {
		return s
	}
	s, own := strings.CutSuffix(s, ", this run")
	end := ""
	if own {
		end = ", this run"
	}
	m := clientWordsText.FindStringSubmatch(s)
	all := strings.Split(m[2], ", ")
	for i := range all {
		all[i] = r.host(all[i])
	}
	return m[1] + strings.Join(all, ", ") + m[3] + end
}

// texts are those in which names may stand anywhere.
func (c *Comparison) texts() []formedText {
	var all []formedText
	add := func(text *string, form textForm) { all = append(all, formedText{text, form}) }
	for i := range c.Differences {
		d := &c.Differences[i]
		if d.Part == PartSettings { // done, or no name
			continue
		}
		if d.Part == PartLeftBehind || d.Part == PartNotes || d.Part == PartEnded {
			add(&d.What, aSentence)
		}
		if d.Part != PartHolders || d.What != "path" {
			form := aSentence
			if d.Part == PartVerdict && d.What == "error" {
				form = anError
			}
			add(&d.A, form)
			add(&d.B, form)
		}
		add(&d.Note, aSentence)
	}
	return all
}
