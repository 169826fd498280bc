package diag

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"
)

// parsedPage is a page as a browser reads it.
type parsedPage struct {
	t   testing.TB
	all []*html.Node // its elements, in order
}

func parsePage(t testing.TB, r *Report) parsedPage {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(rendered(t, RenderHTML, r)))
	if err != nil {
		t.Fatal(err)
	}
	p := parsedPage{t: t}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			p.all = append(p.all, n)
		}
	}
	return p
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// textOf is what a reader sees of n.
func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// find returns the elements of a name, with a class where one is given.
func (p parsedPage) find(name, class string) []*html.Node {
	var found []*html.Node
	for _, n := range p.all {
		if (name == "" || n.Data == name) && (class == "" || slices.Contains(strings.Fields(attr(n, "class")), class)) {
			found = append(found, n)
		}
	}
	return found
}

func (p parsedPage) byID(id string) *html.Node {
	for _, n := range p.all {
		if attr(n, "id") == id {
			return n
		}
	}
	return nil
}

// skeleton are the elements of the page and the names of their attributes. Code
// elements are left out: backquotes in a text make them.
func (p parsedPage) skeleton() []string {
	var all []string
	for _, n := range p.all {
		if n.Data == "code" {
			continue
		}
		s := n.Data
		for _, a := range n.Attr {
			if a.Key != "class" {
				s += " " + a.Key
			}
		}
		all = append(all, s)
	}
	return all
}

// everywhere are reports of all commands that have name in every place that
// takes a text.
func everywhere(name string) map[string]*Report {
	o := OpenRow{ID: name, Path: name, Share: name, SharePath: name, User: name, Access: []string{name}, Client: name, ClientBasis: BasisExact}
	code := uint32(5)
	common := Report{
		Schema: name, Command: name, Again: name, Tool: Tool{name, name, name}, Target: &TargetInfo{Server: name, Share: name, Path: name, User: name},
		Server:  &ServerInfo{Dialect: name, Signing: name, Name: name, Version: name, Comment: name, GUID: name},
		Verdict: &Verdict{Name: name, Summary: name, Because: []int{1, 2, 99}, Next: []string{name}}, Notes: []string{name},
		Error: &RunError{Op: name, Text: name, Status: name, StatusName: name, Object: name},
		Events: []Event{
			{ID: 1, T: -1, Actor: name, What: name, Detail: name, Status: name, StatusName: name, Win32: &code},
			{ID: 2, Actor: ActorHolder, What: whatDisconnect, Detail: name}, {ID: 2, T: 1, Actor: ActorContender, What: whatRelease, Detail: name},
		},
	}
	repro, hold, table, who, several, release, compared := common, common, common, common, common, common, common
	after := Millisecond(5)
	repro.Repro = &ReproResult{
		Case: name, File: name, Holder: &HolderInfo{SessionID: name, FileID: name, Access: []string{name}, Share: []string{name}}, Disconnect: name,
		Contender: name, RetryFrom: name, Release: Release{Released: true, AfterMS: &after}, TableSeen: true, Opens: OpensOverTime{Held: []OpenRow{o}},
		OtherTries: []OtherTry{{name, name, name, name, name}}, LeftBehind: []string{name},
	}
	hold.Hold = &HoldResult{Held: 1, Asked: 2, Disconnect: name, Access: []string{name}, Share: []string{name}, SessionIDs: []string{name},
		Refused: []Refusal{{name, name, name}}, LeftBehind: []string{name}}
	table.Table = &TableResult{Opens: []OpenRow{o}, Sessions: []SessionRow{{Client: name, User: name}}, Connections: []ConnectionRow{{Share: name, ID: name, User: name}}}
	path := PathHolders{
		Path: name, Opens: []OpenRow{o}, HoldersFrom: name, Wanted: Wanted{Access: []string{name}, Share: []string{name}, Why: name},
		AllowedNow: []AllowedNow{{[]string{name}, []string{name}, name}}, State: name, Reasons: []string{name}, Expect: []string{name},
		Probes: []ProbeResult{{Name: name, Access: []string{name}, Status: name, StatusName: name}},
	}
	who.Who, several.Who = &WhoResult{PathHolders: &path}, &WhoResult{Paths: []PathHolders{path, path}}
	release.Release = &ReleaseResult{Actions: []ReleaseAction{{What: "open", Name: name, Opens: []OpenRow{o}, Done: name, Detail: name}, {What: name, Name: name, Opens: []OpenRow{o}, Done: name, Detail: name}}}
	compared.Comparison = &Comparison{Compared: []ComparedRun{{Name: name, Command: name}}, Parts: []ComparedPart{{Name: name}}, Differences: []Difference{{Part: name, What: name, User: name, Client: name, A: name, B: name, Note: name}}}
	return map[string]*Report{"repro": &repro, "hold": &hold, "table": &table, "who": &who, "several": &several, "release": &release, "comparison": &compared}
}

// Whatever a name says, the page is built as for a harmless one.
func TestHTMLHostile(t *testing.T) {
	harmless := map[string][]string{}
	for command, r := range everywhere("x") {
		harmless[command] = parsePage(t, r).skeleton()
	}
	more := []string{`" onload="alert(1)`, "</title></style></svg></td>", "javascript:alert(1)", "]]>", "--><script>", "{{.Policy}}", "é שלום", "\xff\xfe", "a\u2028b"}
	for _, name := range append(more, hostileNames...) {
		for command, r := range everywhere(name) {
			for _, c := range string(rendered(t, RenderHTML, r)) {
				if c != '\n' && c != '\t' && hiddenRune(c) || unicode.Is(unicode.Bidi_Control, c) {
					t.Errorf("%s of %q: raw %U", command, name, c)
				}
			}
			p := parsePage(t, r)
			if got := p.skeleton(); !reflect.DeepEqual(got, harmless[command]) {
				t.Errorf("%s of %q: the page is built otherwise than for a harmless name:\n%q\n%q", command, name, got, harmless[command])
			}
			for _, n := range p.all {
				if href := attr(n, "href"); href != "" && href != "data:," && p.byID(strings.TrimPrefix(href, "#")) == nil {
					t.Errorf("%s of %q: a link to %q", command, name, href)
				}
			}
			if s := textOf(p.byID("environment")); !strings.Contains(s, visibleName(name)) {
				t.Errorf("%s of %q: the name is not there in\n%s", command, name, s)
			}
		}
	}
}

// The policy must let in the style of the page, and no more.
func TestHTMLPolicy(t *testing.T) {
	p := parsePage(t, hostileReport())
	styles := p.find("style", "")
	if len(styles) != 1 || len(p.find("script", "")) != 0 {
		t.Fatalf("%d styles, %d scripts", len(styles), len(p.find("script", "")))
	}
	hash := sha256.Sum256([]byte(textOf(styles[0])))
	policy := ""
	for _, n := range p.find("meta", "") {
		if attr(n, "http-equiv") == "Content-Security-Policy" {
			policy = attr(n, "content")
		}
	}
	for _, want := range []string{"default-src 'none'", "style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("%q is not in the policy %q", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
	for _, n := range p.all {
		for _, a := range n.Attr {
			if a.Key == "style" || a.Key == "src" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
	}
	for _, bad := range []string{"url(", "@import", "expression("} {
		if strings.Contains(textOf(styles[0]), bad) {
			t.Errorf("%s in the style", bad)
		}
	}
}

// checkLinks fails where a link leads nowhere, or an id is there twice.
func (p parsedPage) checkLinks() {
	p.t.Helper()
	ids := map[string]bool{}
	for _, n := range p.all {
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				p.t.Errorf("the id %s twice", id)
			}
			ids[id] = true
		}
	}
	for _, n := range p.find("a", "") {
		if href := attr(n, "href"); !strings.HasPrefix(href, "#") || !ids[href[1:]] {
			p.t.Errorf("a link to %q", href)
		}
	}
	for _, n := range p.all {
		for _, key := range []string{"aria-labelledby", "aria-describedby"} {
			for _, id := range strings.Fields(attr(n, key)) {
				if !ids[id] {
					p.t.Errorf("%s names %q", key, id)
				}
			}
		}
	}
}

func TestHTMLStructure(t *testing.T) {
	for file, r := range reportInputs(t) {
		t.Run(file, func(t *testing.T) {
			p := parsePage(t, r)
			p.checkLinks()
			level := 0
			for _, n := range p.all {
				if len(n.Data) == 2 && n.Data[0] == 'h' && n.Data[1] >= '1' && n.Data[1] <= '6' {
					next := int(n.Data[1] - '0')
					if next > level+1 || next == 1 && level > 0 {
						t.Errorf("<%s> %s after a heading of level %d", n.Data, textOf(n), level)
					}
					level = next
				}
			}
			for _, n := range p.find("table", "") {
				if c := n.FirstChild; c == nil || c.NextSibling == nil || c.NextSibling.Data != "caption" || textOf(c.NextSibling) == "" {
					t.Error("a table without a caption")
				}
			}
			for _, e := range r.Events {
				row := p.byID("event-" + strconv.Itoa(e.ID))
				if row == nil {
					t.Fatalf("no row for event %d", e.ID)
				}
				for _, s := range []string{strconv.Itoa(e.ID), strconv.FormatFloat(math.Abs(float64(e.T)), 'f', 1, 64), visibleText(e.Actor), visibleText(e.What), visibleText(e.Detail), visibleText(e.Status), visibleText(e.StatusName)} {
					if !strings.Contains(textOf(row), s) {
						t.Errorf("%q is not in the row %q", s, textOf(row))
					}
				}
			}
			if len(r.Events) > 0 && len(p.find("svg", "timeline")) != 1 {
				t.Error("no timeline")
			}
		})
	}
}

// A long run and a long table are cut, and the page says so.
func TestHTMLCuts(t *testing.T) {
	r := bigRun(10_000, 50_000)
	r.Verdict.Because = []int{2, 5000, 5001, 7000}
	for i := range 3000 {
		r.Notes = append(r.Notes, "note "+strconv.Itoa(i))
	}
	p := parsePage(t, r)
	p.checkLinks()
	rows := 0
	for _, n := range p.find("tr", "") {
		if strings.HasPrefix(attr(n, "id"), "event-") {
			rows++
		}
	}
	if rows != htmlEventRows+3 {
		t.Errorf("%d events, want %d and the 3 cited between them", rows, htmlEventRows)
	}
	for _, id := range []string{"event-1", "event-1000", "event-5000", "event-5001", "event-7000", "event-9001", "event-10000"} {
		if p.byID(id) == nil {
			t.Errorf("%s is not there", id)
		}
	}
	page := textOf(p.all[0])
	for _, want := range []string{
		"1001–4999: 3999 events left out here", "5002–6999: 1998 events left out here", "7001–9000: 2000 events left out here",
		"7997 of 10000 events are left out here; the report in JSON has them all.",
		"… and 49000 more of 50000 rows; the report in JSON has them all.",
		"… and 2500 more; the report in JSON has them all.",
		"Listed: 0 before, 50000 while held, 45000 right after the disconnect, 25000 at the end.",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if n := len(p.find("tr", "changed")); n != htmlRows {
		t.Errorf("%d rows of opens, want %d", n, htmlRows)
	}
	if n := len(p.find("", "mark")); n > 2*mostSlots {
		t.Errorf("%d marks in the timeline", n)
	}
}

// Many parts are cut too: each path that was asked of is one.
func TestHTMLManyPaths(t *testing.T) {
	r := &Report{Schema: Schema, Command: "who", Who: &WhoResult{}}
	for i := range 5000 {
		r.Who.Paths = append(r.Who.Paths, PathHolders{Path: fmt.Sprintf("a%d.txt", i), Exists: true, State: StateLive})
	}
	p := parsePage(t, r)
	if n := len(p.find("div", "part")); n != htmlParts {
		t.Errorf("%d parts, want %d", n, htmlParts)
	}
	want := fmt.Sprintf("… and %d more parts", 1+5000-htmlParts)
	if !strings.Contains(textOf(p.byID("found")), want) {
		t.Errorf("the page does not say %q", want)
	}
}

// A text of a hundred thousand letters is shortened, wherever it stands; the
// command to run again is not.
func TestHTMLLongTexts(t *testing.T) {
	const n = 100_000
	for command, r := range everywhere(strings.Repeat("y", n)) {
		r.Again = "again"
		if size := len(rendered(t, RenderHTML, r)); size > 3*n {
			t.Errorf("%s: %d bytes", command, size)
		}
		r.Again = strings.Repeat("z", n)
		if page := string(rendered(t, RenderHTML, r)); !strings.Contains(page, r.Again) {
			t.Errorf("%s: the command is not whole", command)
		}
	}
	for s, want := range map[string]string{"abcdef": "abcdef", "abcdefg": "abc…efg", "日本語日本語日本": "日本語…語日本", "abcdefe\u0301fg": "abc…fg"} {
		if got := fitRunes(s, 6); got != want {
			t.Errorf("fitRunes(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestHTMLMemory(t *testing.T) {
	r := bigRun(10_000, 50_000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := RenderHTML(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) >> 20; n > 200 {
		t.Errorf("%d MiB in all", n)
	}
}

func BenchmarkRenderHTML(b *testing.B) {
	r := bigRun(10_000, 50_000)
	b.ReportAllocs()
	for b.Loop() {
		if err := RenderHTML(io.Discard, r); err != nil {
			b.Fatal(err)
		}
	}
}

// place100 reads a place in percent.
func place100(t testing.TB, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	if err != nil || !strings.HasSuffix(s, "%") && s != "0" {
		t.Fatalf("%q is not a place: %v", s, err)
	}
	return x
}

// The picture of a run that was freed after six seconds.
func TestHTMLPicture(t *testing.T) {
	r := reportInputs(t)["../testdata/report/repro_vanish.txtar"]
	p := parsePage(t, r)
	x := map[string][]float64{} // of the marks in the frame
	for _, n := range slices.Collect(p.find("svg", "timeline")[0].Descendants()) {
		if slices.Contains(strings.Fields(attr(n, "class")), "mark") {
			at := attr(n, "x1") + attr(n, "cx")
			if at == "" {
				at = attr(n.Parent, "x")
			}
			class := strings.TrimPrefix(attr(n, "class"), "mark ")
			x[class] = append(x[class], place100(t, at))
		}
	}
	refused := 0
	for _, e := range r.Events {
		if e.Win32 != nil && *e.Win32 == 32 {
			refused++
		}
	}
	if len(x["refused"]) != refused || !slices.IsSorted(x["refused"]) {
		t.Errorf("%d refused tries at %v, want %d in order", len(x["refused"]), x["refused"], refused)
	}
	if len(x["gone"]) != 1 || len(x["free"]) != 1 {
		t.Fatalf("marks: %v", x)
	}
	gone, free := x["gone"][0], x["free"][0]
	if before := slices.IndexFunc(x["refused"], func(x float64) bool { return x > gone }); before != 1 {
		t.Errorf("%d refused tries before the disconnect, want 1", before)
	}
	if last := x["refused"][len(x["refused"])-1]; last >= free {
		t.Errorf("a try at %v was refused when the file was free at %v", last, free)
	}
	held, stale := p.find("rect", "held")[0], p.find("rect", "stale")[0]
	for _, tt := range []struct {
		what      string
		got, want float64
	}{
		{"the end of held", place100(t, attr(held, "x")) + place100(t, attr(held, "width")), gone},
		{"the begin of what was stale", place100(t, attr(stale, "x")), gone},
		{"the end of what was stale", place100(t, attr(stale, "x")) + place100(t, attr(stale, "width")), free},
	} {
		if math.Abs(tt.got-tt.want) > 0.02 {
			t.Errorf("%s is at %v, want %v", tt.what, tt.got, tt.want)
		}
	}
	// An event's mark leads to its row and tells what it says.
	links := 0
	for _, n := range p.find("a", "") {
		if attr(n, "href") == "#event-9" && attr(n, "tabindex") == "-1" {
			links++
			for _, want := range []string{"#9", "-598.0 ms", "contender", "open for writing", "STATUS_SHARING_VIOLATION", "0xC0000043", "error 32"} {
				if !strings.Contains(textOf(n), want) {
					t.Errorf("%q is not in %q", want, textOf(n))
				}
			}
		}
	}
	if links != 1 {
		t.Errorf("%d marks of event 9", links)
	}
}

func TestTimeScale(t *testing.T) {
	for _, tt := range []struct {
		from, to Millisecond
		sides    bool
	}{
		{0, 0, false}, {5, 5, false}, {0, 1e-3, false}, {0, 0.4, false}, {0, 9.1, false}, {-655.2, 6041.7, true}, {-1, 30e3, true}, {-60e3, 4, true},
		{-1e14, 1e14, true}, {-1e300, 1e300, true}, {0, 1e300, false}, {-300, 0, true}, {-20, 7.2e6, true}, {0, 61921.9, false}, {0, 3 * 86400e3, false},
		{-999, 1, true}, {-510, 44e3, true}, {-5e-324, 1, true}, {-1, 5e-324, true}, {1e14, 1e14 + 0.02, false}, {1e11 - 1e-3, 1e11, false}, {-3e-3, 2e-3, true},
	} {
		s := newTimeScale([]Event{{T: tt.from}, {T: tt.to}}, tt.sides)
		last := -1.0
		for i := range 101 {
			x := s.at(s.from + (s.to-s.from)*Millisecond(i)/100)
			if x < last || x < 0 || x > 100 || math.IsNaN(x) {
				t.Fatalf("%v: %d %% of the time is at %v after %v", tt, i, x, last)
			}
			last = x
		}
		ticks := s.ticks()
		if n := len(ticks); n < 1 || n > 16 {
			t.Errorf("%v: %d ticks", tt, n)
		}
		last = -1
		seen := map[string]bool{}
		for _, k := range ticks {
			x := place100(t, k.X)
			if x < last || seen[k.Label] {
				t.Errorf("%v: tick %s at %v after %v", tt, k.Label, x, last)
			}
			last, seen[k.Label] = x, true
		}
		if math.Abs(float64(tt.from)) < mostTime && tt.sides && tt.from < 0 && tt.to > 0 && !seen["0"] {
			t.Errorf("%v: no tick for the disconnect", tt)
		}
	}
}

func TestAxisText(t *testing.T) {
	for ms, want := range map[Millisecond]string{
		0: "0", 0.5: "0.5 ms", -200: "−200 ms", 1000: "1 s", 1500: "1.5 s", 60e3: "1 min", 90e3: "1 min 30 s", 3600e3: "1 h", 5400e3: "1 h 30 min", 2 * 86400e3: "2 d",
	} {
		if got := axisText(ms); got != want {
			t.Errorf("axisText(%v) = %q, want %q", ms, got, want)
		}
	}
}

func TestChangeText(t *testing.T) {
	all := [4]bool{true, true, true, true}
	for _, tt := range []struct {
		seen, looked [4]bool
		want         string
	}{
		{all, all, ""},
		{[4]bool{false, true, true, false}, all, "+ new while held, − gone at the end"},
		{[4]bool{false, true, true, true}, all, "+ new while held, still there at the end"},
		{[4]bool{false, true, false, false}, all, "+ new while held, − gone after the disconnect"},
		{[4]bool{true, false, false, false}, all, "− gone while held"},
		{[4]bool{false, false, true, true}, all, "+ new after the disconnect, still there at the end"},
		{[4]bool{false, false, false, true}, all, "+ new at the end"},
		{[4]bool{true, true, false, true}, all, "− gone after the disconnect, + new at the end"},
		{[4]bool{false, true, false, false}, [4]bool{true, true, false, false}, "+ new while held"},
	} {
		if got := changeText(tt.seen, tt.looked); got != tt.want {
			t.Errorf("changeText(%v, %v) = %q, want %q", tt.seen, tt.looked, got, tt.want)
		}
	}
}

// A hand-made file may cite anything, and any number of times.
func TestHTMLManyProofs(t *testing.T) {
	r := &Report{Schema: Schema, Command: "repro", Verdict: &Verdict{Code: 32, Name: "ERROR_SHARING_VIOLATION", Summary: "x"}}
	for i := range 100_000 {
		r.Verdict.Because = append(r.Verdict.Because, 2*i)
	}
	p := parsePage(t, r)
	want := "Proved by events [0, 2, 4, 6, 8, 10,"
	end := fmt.Sprintf(", %d and %d more].", 2*(htmlProofs-1), 100_000-htmlProofs)
	got := textOf(p.find("p", "because")[0])
	if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, end) {
		t.Errorf("%.60q … %.60q, want %q … %q", got, got[max(0, len(got)-60):], want, end)
	}
}

func FuzzRenderHTML(f *testing.F) {
	f.Add("", 0.0, 0.0)
	f.Add("<b>\x00`", -1e300, 1e300)
	f.Add("a``b`c", 3.5, -7200e3)
	f.Fuzz(func(t *testing.T, name string, a, b float64) {
		if math.IsNaN(a) || math.IsInf(a, 0) || math.IsNaN(b) || math.IsInf(b, 0) {
			return // JSON has none
		}
		for _, r := range everywhere(name) {
			r.Events[0].T, r.Events[2].T = Millisecond(a), Millisecond(b)
			page := string(rendered(t, RenderHTML, r))
			for _, bad := range []string{"NaN", "Inf%", "ZgotmplZ"} {
				if strings.Contains(page, bad) && !strings.Contains(name, bad[:3]) {
					t.Errorf("%s in the page", bad)
				}
			}
		}
	})
}
