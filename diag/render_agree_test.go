package diag

import (
	"encoding/csv"
	"encoding/json"
	"html"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// reportFacts is what every form of a report must say alike, read from that
// form alone.
type reportFacts struct {
	verdict, code string
	summary       string // without blanks
	started       time.Time
	released      string  // "yes", "no" or ""
	release       float64 // ms; of no release, how long the run waited
	cited         []int
	opens         []string // their ids
}

var (
	factVerdict = regexp.MustCompile(`^(?:## )?(?:Verdict: (.+)|Comparison) \(exit code (\d+)\)$`)
	factCited   = regexp.MustCompile(`\[([\d,– ]+)\]\.?$`)
	factStarted = regexp.MustCompile(`^(?:- \*\*|  )Started(?::\*\*)? +(\S+ \S+) UTC`)
	factFree    = regexp.MustCompile(`^(?:- \*\*|  )Free(?::\*\*)? +(.+)$`)
	factRelease = regexp.MustCompile(`^(not within the )?([\d.]+) (ms|s)( after the disconnect| that the run waited)$`)
	factOpen    = regexp.MustCompile(`^(?:\||) +(0x[0-9A-F]+) `)
)

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// expandNumbers reads "6, 9–11".
func expandNumbers(t *testing.T, s string) []int {
	t.Helper()
	var all []int
	for _, part := range strings.Split(s, ", ") {
		first, last, many := strings.Cut(part, "–")
		if !many {
			last = first
		}
		a, err := strconv.Atoi(first)
		b, err2 := strconv.Atoi(last)
		if err != nil || err2 != nil {
			t.Fatalf("%q are no numbers", s)
		}
		for ; a <= b; a++ {
			all = append(all, a)
		}
	}
	return all
}

func (f *reportFacts) readRelease(t *testing.T, s string) {
	t.Helper()
	m := factRelease.FindStringSubmatch(s)
	if m == nil {
		t.Fatalf("%q tells no release", s)
	}
	f.released = "yes"
	if m[1] != "" {
		f.released = "no"
	}
	f.release, _ = strconv.ParseFloat(m[2], 64)
	if m[3] == "s" {
		f.release *= 1000
	}
}

func (f *reportFacts) readStarted(t *testing.T, s string) {
	t.Helper()
	var err error
	if f.started, err = time.Parse("2006-01-02 15:04:05.000", s); err != nil {
		t.Fatal(err)
	}
}

// factsOfLines reads the form of a terminal and, unescaped, that in Markdown.
func factsOfLines(t *testing.T, page string) (f reportFacts) {
	t.Helper()
	inVerdict := false
	for _, line := range strings.Split(page, "\n") {
		if m := factVerdict.FindStringSubmatch(line); m != nil {
			f.verdict, f.code = m[1], m[2]
			inVerdict = true
			continue
		}
		if inVerdict && (line != "" || f.summary == "") {
			f.summary = strings.TrimSpace(f.summary + " " + strings.TrimSpace(line))
			continue
		}
		inVerdict = false
		if m := factStarted.FindStringSubmatch(line); m != nil {
			f.readStarted(t, m[1])
		}
		if m := factFree.FindStringSubmatch(line); m != nil {
			f.readRelease(t, m[1])
		}
		if m := factOpen.FindStringSubmatch(line); m != nil {
			f.opens = append(f.opens, m[1])
		}
	}
	if m := factCited.FindStringSubmatch(f.summary); m != nil {
		f.cited = expandNumbers(t, m[1])
		f.summary = strings.TrimSuffix(f.summary, m[0])
	}
	f.summary = squeeze(f.summary)
	return f
}

// unmarkdown takes back what escapes Markdown.
func unmarkdown(page string) string {
	page = regexp.MustCompile("\\\\([\\\\`*_\\[\\]|~{}!])").ReplaceAllString(page, "$1")
	return html.UnescapeString(page)
}

func factsOfHTML(t *testing.T, p parsedPage) (f reportFacts) {
	t.Helper()
	if n := p.byID("answer-title"); n != nil {
		m := factVerdict.FindStringSubmatch(textOf(n))
		if m == nil {
			t.Fatalf("%q is no verdict", textOf(n))
		}
		f.verdict, f.code = m[1], m[2]
	}
	for _, n := range p.find("p", "summary") {
		f.summary = squeeze(textOf(n))
	}
	for _, n := range p.find("p", "because") {
		if m := factCited.FindStringSubmatch(textOf(n)); m != nil {
			f.cited = expandNumbers(t, m[1])
		}
	}
	for _, n := range p.find("dt", "") {
		switch value := textOf(n.NextSibling); textOf(n) {
		case "Started":
			started, _, _ := strings.Cut(value, " UTC")
			f.readStarted(t, started)
		case "Free":
			f.readRelease(t, value)
		}
	}
	for _, n := range p.find("th", "") {
		if attr(n, "scope") == "row" && attr(n, "data-column") == "id" {
			f.opens = append(f.opens, textOf(n))
		}
	}
	return f
}

// factsOfJSON reads a saved report as a script would, without this package.
func factsOfJSON(t *testing.T, data []byte) (f reportFacts) {
	t.Helper()
	var r struct {
		Started time.Time
		Verdict *struct {
			Code    int
			Name    string
			Summary string
			Because []int
		}
		Release json.RawMessage
		Holder  any
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	f.started = r.Started
	if v := r.Verdict; v != nil {
		f.verdict, f.code, f.summary, f.cited = visibleText(v.Name), strconv.Itoa(v.Code), squeeze(visibleText(v.Summary)), v.Because
	}
	if r.Release != nil && r.Holder != nil {
		var release struct {
			Released bool
			After    float64 `json:"after_ms"`
			Waited   float64 `json:"waited_ms"`
		}
		if err := json.Unmarshal(r.Release, &release); err != nil {
			t.Fatal(err)
		}
		f.released, f.release = "no", release.Waited
		if release.Released {
			f.released, f.release = "yes", release.After
		}
	}
	var all any
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	// An open is what has an id and a client_basis, wherever it stands.
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if _, ok := v["client_basis"]; ok {
				f.opens = append(f.opens, v["id"].(string))
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(all)
	return f
}

// The forms of a report cannot drift apart: what each of them shows is read
// from it, and compared.
func TestFormatsAgree(t *testing.T) {
	narrowSymbols(t, false)
	for file, r := range reportInputs(t) {
		t.Run(file, func(t *testing.T) {
			want := factsOfJSON(t, renderJSON(t, r))
			if r.Comparison != nil { // its verdict has no name for people
				want.verdict = ""
			}
			page := parsePage(t, r)
			got := map[string]reportFacts{
				"table":    factsOfLines(t, renderTable(t, r, 200)),
				"markdown": factsOfLines(t, unmarkdown(string(rendered(t, RenderMarkdown, r)))),
				"html":     factsOfHTML(t, page),
			}
			rows, err := csv.NewReader(strings.NewReader(string(rendered(t, RenderCSV, r)))).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			if id := slices.Index(rows[0], "id"); id >= 0 { // not of a comparison
				inCSV := want // which has the opens alone
				inCSV.opens = nil
				for _, row := range rows[1:] {
					inCSV.opens = append(inCSV.opens, row[id])
				}
				got["csv"] = inCSV
			}
			for format, g := range got {
				if g.verdict != want.verdict || g.code != want.code || g.summary != want.summary {
					t.Errorf("%s: verdict %q (%s) %q, want %q (%s) %q", format, g.verdict, g.code, g.summary, want.verdict, want.code, want.summary)
				}
				if !g.started.Equal(want.started) {
					t.Errorf("%s: started %v, want %v", format, g.started, want.started)
				}
				if g.released != want.released || math.Abs(g.release-want.release) > 0.5 {
					t.Errorf("%s: released %q after %v ms, want %q after %v", format, g.released, g.release, want.released, want.release)
				}
				// who shows the evidence itself on a terminal and in Markdown.
				if !slices.Equal(g.cited, want.cited) && (format == "html" || r.Who == nil) {
					t.Errorf("%s: rests on %v, want %v", format, g.cited, want.cited)
				}
				if a, b := distinct(g.opens), distinct(want.opens); !slices.Equal(a, b) {
					t.Errorf("%s: opens %v, want %v", format, a, b)
				}
			}
			for _, row := range page.find("tr", "") {
				number, isEvent := strings.CutPrefix(attr(row, "id"), "event-")
				n, _ := strconv.Atoi(number)
				marked := slices.Contains(strings.Fields(attr(row, "class")), "cited")
				if isEvent && marked != slices.Contains(want.cited, n) {
					t.Errorf("html: event %d is marked as what the verdict rests on: %v; it rests on %v", n, marked, want.cited)
				}
			}
		})
	}
}

func distinct(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}
