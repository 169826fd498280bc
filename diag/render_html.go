package diag

import (
	"bufio"
	"crypto/sha256"
	_ "embed" // the page's template and style
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
)

var (
	//go:embed render_html.tmpl
	htmlText string
	//go:embed render_html.css
	htmlStyle string

	htmlTemplate = template.Must(template.New("report").Parse(htmlText))
)

// htmlPolicy lets the page use the one style that is in it, and nothing else:
// no script runs and nothing is fetched, whatever the report holds.
var htmlPolicy = func() string {
	hash := sha256.Sum256([]byte(htmlStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; img-src data:; base-uri 'none'; form-action 'none'"
}()

// RenderHTML writes the report as one page that needs no network and no script:
// for screens and phones, light and dark, and for paper. Long tables are cut,
// and the rows left out are counted. The error is that of w.
func RenderHTML(w io.Writer, r *Report) error {
	page, err := newHTMLPage(r)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(w, 64<<10)
	if err := htmlTemplate.Execute(b, page); err != nil {
		return err
	}
	return b.Flush()
}

// htmlPage is what the template shows, in the order of the page. Its texts are
// visible text. What is nil has nothing to say.
type htmlPage struct {
	Policy string
	Style  template.CSS
	Title  string
	Of     string // the target
	When   string
	Nav    []htmlPart

	State   string // how the outcome is marked: "good", "bad", "open" or "plain"
	Failed  []*htmlSection
	Verdict *htmlVerdict
	Plain   string // in place of both
	Next    []*htmlSection

	Picture      *htmlPicture
	PictureFirst bool // before what was found

	Found       []*htmlSection
	More        int // sections of these that were left out
	Events      *htmlEvents
	Environment []*htmlSection
	Again       []*htmlSection
	Notes       []*htmlSection
	LeftBehind  []*htmlSection

	Tool   string
	Schema string
}

// htmlVerdict is the answer and the events that prove it.
type htmlVerdict struct {
	Title   string
	Summary string
	Because []htmlPart
}

func newHTMLPage(r *Report) (*htmlPage, error) {
	links := newEventLinks(r)
	page := &htmlPage{
		Policy: htmlPolicy, Style: template.CSS(htmlStyle), Schema: fitText(visibleText(r.Schema)),
		State: htmlState(r), Plain: plainOutcome(r), Events: links.table(r), Picture: newHTMLPicture(r, links),
		// Of the other commands the tables say more than when they were read.
		PictureFirst: r.Table == nil && r.Who == nil && r.Release == nil,
	}
	page.head(r)
	page.verdict(r, links)
	var left []string
	var err error
	page.Found, page.More = htmlSections("found", func(p *reportPage) { left, err = p.found(r) })
	page.LeftBehind, _ = htmlSections("left", func(p *reportPage) { p.list("Left behind", left) })
	page.Notes, _ = htmlSections("notes", func(p *reportPage) { p.list("Notes: what could not be seen or done", r.Notes) })
	if r.Again != "" {
		page.Again, _ = htmlSections("again", func(p *reportPage) {
			p.heading("To run it again")
			p.code(visibleText(r.Again))
		})
	}
	page.nav()
	return page, err
}

// htmlSections returns what is written, under ids that begin with id, and how
// many sections were left out.
func htmlSections(id string, write func(p *reportPage)) ([]*htmlSection, int) {
	s := &htmlSheet{}
	write(&reportPage{s})
	for i, section := range s.sections {
		section.ID = fmt.Sprintf("%s-%d", id, i+1)
	}
	return s.sections, s.more
}

func (page *htmlPage) head(r *Report) {
	s := &htmlSheet{}
	(&reportPage{s}).head(r)
	page.Title = fitText(s.name)
	for _, b := range s.blocks() {
		for _, f := range b.Fields {
			switch f.Key {
			case "Target":
				page.Of = f.Value
			case "Started":
				page.When = f.Value
			case "Tool":
				page.Tool = f.Value
			}
		}
		page.Environment = []*htmlSection{{ID: "environment", Title: "Environment", Blocks: s.blocks()}}
	}
}

func (page *htmlPage) verdict(r *Report, links *eventLinks) {
	page.Failed, _ = htmlSections("failed", func(p *reportPage) { p.failure(r) })
	v := r.Verdict
	if v == nil {
		return
	}
	alone := Report{Comparison: r.Comparison, Verdict: &Verdict{Code: v.Code, Name: v.Name, Summary: v.Summary}} // the events come as links
	sections, _ := htmlSections("answer", func(p *reportPage) { p.verdict(&alone) })
	page.Verdict = &htmlVerdict{Title: sections[0].Title, Because: links.because(v.Because)}
	for _, b := range sections[0].Blocks {
		page.Verdict.Summary = b.Text
	}
	next := "What to do"
	if r.Repro != nil {
		next = "What frees the file"
	}
	page.Next, _ = htmlSections("next", func(p *reportPage) { p.list(next, v.Next) })
}

// nav links to the parts of the page.
func (page *htmlPage) nav() {
	link := func(there bool, id, text string) {
		if there {
			page.Nav = append(page.Nav, htmlPart{text, "#" + id})
		}
	}
	link(page.Picture != nil && page.PictureFirst, "timeline", "Timeline")
	link(page.Found != nil, "found", "What was found")
	link(page.Picture != nil && !page.PictureFirst, "timeline", "Timeline")
	link(page.Events != nil, "events", "Events")
	link(page.Environment != nil, "environment", "Environment")
	link(page.Again != nil, "again-1", "To run it again")
	link(page.Notes != nil, "notes-1", "Notes")
	link(page.LeftBehind != nil, "left-1", "Left behind")
}

// found writes what the command found without its events, and returns what was
// left behind: both have places of their own.
func (p *reportPage) found(r *Report) (left []string, err error) {
	without := *r
	without.Events = nil
	switch {
	case r.Repro != nil:
		if r.Repro.Holder != nil {
			p.whoHeldWhat(r.Repro)
			if err = p.opensWithChanges(r); err != nil {
				return nil, err
			}
		}
		return r.Repro.LeftBehind, p.otherTries(r.Repro.OtherTries)
	case r.Hold != nil:
		hold := *r.Hold
		left, hold.LeftBehind = hold.LeftBehind, nil
		without.Hold = &hold
	}
	return left, p.result(&without)
}

// htmlState is how the report's outcome is marked.
func htmlState(r *Report) string {
	switch {
	case r.Incomplete || r.Interrupted || r.Error != nil:
		return "open"
	case r.Verdict == nil, r.Comparison != nil, r.Verdict.Code == 0 && r.undecidedPath(): // neither good nor bad
		return "plain"
	case r.Verdict.Code == 0:
		return "good"
	}
	return "bad"
}

// undecidedPath reports whether who could not tell of some path what would be let
// in.
func (r *Report) undecidedPath() bool {
	return r.Who != nil && slices.ContainsFunc(r.Who.all(), func(p PathHolders) bool { return p.Wanted.Allowed == nil })
}

// plainOutcome says what there is in place of a verdict.
func plainOutcome(r *Report) string {
	if r.Table != nil {
		return "The tables were read. There was nothing to judge."
	}
	return "Nothing was judged."
}
