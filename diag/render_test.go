package diag

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/rogpeppe/go-internal/txtar"
)

var updateReports = flag.Bool("update-reports", false, "write what the renderers give into testdata/report")

// narrowSymbols takes the choice of how wide a symbol such as "…" is from the
// environment that the test runs in.
func narrowSymbols(t testing.TB, wide bool) {
	was := twwidth.IsEastAsian()
	twwidth.SetEastAsian(wide)
	t.Cleanup(func() { twwidth.SetEastAsian(was) })
}

// reportInputs returns the reports of testdata/report by file.
func reportInputs(t testing.TB) map[string]*Report {
	t.Helper()
	files, err := filepath.Glob("../testdata/report/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	reports := map[string]*Report{}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ParseReport(a.Files[0].Data)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		reports[file] = r
	}
	return reports
}

func renderTable(t testing.TB, r *Report, width int) string {
	t.Helper()
	var b bytes.Buffer
	if err := RenderTable(&b, r, width); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func renderJSON(t testing.TB, r *Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := RenderJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func rendered(t testing.TB, render func(io.Writer, *Report) error, r *Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := render(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRenderGolden(t *testing.T) {
	narrowSymbols(t, false)
	for file, r := range reportInputs(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := []txtar.File{
				{Name: "table 80", Data: []byte(renderTable(t, r, 80))},
				{Name: "table 120", Data: []byte(renderTable(t, r, 120))},
				{Name: "json", Data: renderJSON(t, r)},
				{Name: "markdown", Data: rendered(t, RenderMarkdown, r)},
				{Name: "csv", Data: bytes.ReplaceAll(rendered(t, RenderCSV, r), []byte("\r\n"), []byte("\n"))},
				{Name: "html", Data: rendered(t, RenderHTML, r)},
			}
			if *updateReports {
				a.Files = append(a.Files[:1], got...)
				if err := os.WriteFile(file, txtar.Format(a), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if len(a.Files) != 1+len(got) {
				t.Fatalf("%d sections, want %d", len(a.Files), 1+len(got))
			}
			for i, want := range a.Files[1:] {
				if want.Name != got[i].Name || !bytes.Equal(want.Data, got[i].Data) {
					t.Errorf("section %q: got\n%s\nwant\n%s", want.Name, got[i].Data, want.Data)
				}
			}
		})
	}
}

// checkPage fails where page could harm a terminal or has a line that is too
// wide.
func checkPage(t *testing.T, page string, width int) {
	t.Helper()
	for _, line := range strings.Split(page, "\n") {
		if n := cellWidth(line); n > width {
			t.Errorf("%d cells in a page of %d: %q", n, width, line)
		}
		if strings.TrimRight(line, " ") != line {
			t.Errorf("blanks at the end of %q", line)
		}
		for _, r := range line {
			if r == utf8.RuneError || unicode.Is(unicode.C, r) || unicode.Is(unicode.Bidi_Control, r) ||
				unicode.Is(unicode.Z, r) && r != ' ' {
				t.Errorf("raw %U in %q", r, line)
			}
		}
	}
}

func TestRenderTableWidths(t *testing.T) {
	for _, wide := range []bool{false, true} {
		t.Run(fmt.Sprintf("wide symbols %v", wide), func(t *testing.T) {
			narrowSymbols(t, wide)
			for _, r := range reportInputs(t) {
				for _, width := range []int{60, 61, 67, 73, 79, 80, 81, 99, 100, 119, 120, 133, 200} {
					checkPage(t, renderTable(t, r, width), width)
				}
			}
		})
	}
}

func TestRenderTableOddWidths(t *testing.T) {
	narrowSymbols(t, false)
	for _, r := range reportInputs(t) {
		for width, as := range map[int]int{-1: 80, 0: 80, 1: 60, 59: 60} {
			if renderTable(t, r, width) != renderTable(t, r, as) {
				t.Errorf("a page of %d is not as one of %d", width, as)
			}
		}
	}
}

// The widths are those of Unicode's EastAsianWidth.txt: W is two cells, a
// nonspacing mark none.
func TestCellWidth(t *testing.T) {
	narrowSymbols(t, false)
	for s, want := range map[string]int{
		"":          0,
		"abc":       3,
		"日本":        4,
		"한글":        4,
		"é":         1,
		"e\u0301":   1,
		"ｆ":         2,
		"ﾊ":         1,
		"a日\u0301b": 4,
		"😀":         2,
		"שלום":      4,
	} {
		if got := cellWidth(s); got != want {
			t.Errorf("cellWidth(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestVisibleText(t *testing.T) {
	for s, want := range map[string]string{
		`builds\new.txt`:   `builds\new.txt`,
		"\x1b[31m":         "<U+001B>[31m",
		"a\nb\tc\x7f":      "a<U+000A>b<U+0009>c<U+007F>",
		"\u009b1m":         "<U+009B>1m",
		"exe\u202egpj":     "exe<U+202E>gpj",
		"a\u200fb\u2066":   "a<U+200F>b<U+2066>",
		"zero\u200bwidth":  "zero<U+200B>width",
		"no\u00a0break":    "no<U+00A0>break",
		"filler\u3164":     "filler<U+3164>",
		"mac\uf022":        "mac<U+F022>",
		"\U000e0041":       "<U+E0041>",
		"\xff\xfea":        "<0xFF><0xFE>a",
		"replaced \ufffd.": "replaced \ufffd.",
		"日本 é ä שלום":      "日本 é ä שלום",
		"line\u2028end":    "line<U+2028>end",
	} {
		if got := visibleText(s); got != want {
			t.Errorf("visibleText(%q) = %q, want %q", s, got, want)
		}
	}
	if got, want := visibleName(" a "), "<U+0020>a<U+0020>"; got != want {
		t.Errorf("visibleName = %q, want %q", got, want)
	}
}

func TestWrapText(t *testing.T) {
	narrowSymbols(t, false)
	for _, tt := range []struct {
		s     string
		width int
		most  int
		want  []string
	}{
		{"", 5, 0, []string{""}},
		{"the quick brown fox", 10, 0, []string{"the quick", "brown fox"}},
		{`dir\sub\name.txt`, 10, 0, []string{`dir\sub\`, "name.txt"}},
		{"abcdefghijkl", 5, 0, []string{"abcde", "fghij", "kl"}},
		{"ab abcdefghij", 5, 0, []string{"ab", "abcde", "fghij"}},
		{"日本語日本語", 5, 0, []string{"日本", "語日", "本語"}},
		{"abcde\u0301f", 5, 0, []string{"abcde\u0301", "f"}},
		{"abcdefghijklmnopqrstuvwxyz", 6, 2, []string{"abcde…", "uvwxyz"}},
	} {
		got := wrapText(tt.s, tt.width, tt.most)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("wrapText(%q, %d, %d) = %q, want %q", tt.s, tt.width, tt.most, got, tt.want)
		}
	}
}

func FuzzRenderTable(f *testing.F) {
	f.Add("", uint8(87))
	f.Add("a\x1b[31mb", uint8(60))
	f.Add("\u202e日本\xff|\n", uint8(80))
	f.Add(strings.Repeat("e\u0301 ", 90), uint8(200))
	f.Fuzz(func(t *testing.T, s string, width uint8) {
		o := OpenRow{ID: s, Path: s, User: s, Access: []string{s}, Locks: 1, Client: s, ClientBasis: BasisExact}
		events := []Event{{ID: 1, Actor: s, What: s, Detail: s, Status: s, StatusName: s + "x"}}
		common := Report{
			Command: s, Target: &TargetInfo{Server: s, Share: s, Path: s}, Server: &ServerInfo{Name: s, Comment: s},
			Verdict: &Verdict{Name: s, Summary: s, Next: []string{s}}, Notes: []string{s}, Events: events,
			Error: &RunError{Op: s, Text: s, Status: s, StatusName: s},
		}
		table, repro := common, common
		table.Table = &TableResult{
			Opens: []OpenRow{o}, Sessions: []SessionRow{{Client: s, User: s}}, Connections: []ConnectionRow{{Share: s, ID: s, User: s}},
		}
		other := o
		other.Path += "x"
		repro.Repro = &ReproResult{
			File: s, Disconnect: s, Contender: s, TableSeen: true, Opens: OpensOverTime{Held: []OpenRow{o, other}},
			OtherTries: []OtherTry{{Operation: s, When: s, Status: s, Text: s}}, LeftBehind: []string{s},
		}
		who, several, release := common, common, common
		path := PathHolders{
			Path: s, Opens: []OpenRow{o}, HoldersFrom: s, Wanted: Wanted{Access: []string{s}, Share: []string{s}, Why: s},
			AllowedNow: []AllowedNow{{[]string{s}, []string{s, s + "x"}, s}}, State: s, Reasons: []string{s}, Expect: []string{s},
			Probes: []ProbeResult{{Name: s, Access: []string{s, s}, Status: s, StatusName: s}, {Skipped: s}},
		}
		who.Who, several.Who = &WhoResult{PathHolders: &path}, &WhoResult{Paths: []PathHolders{path, path}}
		release.Release = &ReleaseResult{Actions: []ReleaseAction{
			{What: "open", Name: s, Opens: []OpenRow{o}, Done: s, Detail: s}, {What: s, Name: s, Opens: []OpenRow{o, other}, Done: s, Detail: s},
		}}
		cells := max(60, int(width))
		for _, r := range []*Report{&table, &repro, &who, &several, &release} {
			checkPage(t, renderTable(t, r, cells), cells)
			if !json.Valid(renderJSON(t, r)) {
				t.Errorf("not JSON: %s", renderJSON(t, r))
			}
		}
	})
}

func TestTimelineCollapses(t *testing.T) {
	code := uint32(32)
	try := Event{Actor: ActorContender, What: "try", Status: "0xC0000043", StatusName: "STATUS_SHARING_VIOLATION", Win32: &code}
	list := Event{Actor: ActorObserver, What: "list", Detail: "1 open"}
	numbered := func(events ...Event) []Event {
		for i := range events {
			events[i].ID = i + 1
			events[i].T = Millisecond(10 * i)
		}
		return events
	}
	many := func(n int, e ...Event) []Event {
		var all []Event
		for range n {
			all = append(all, e...)
		}
		return all
	}
	gone := Event{Actor: ActorContender, What: "try", Status: "0x00000000", StatusName: "STATUS_SUCCESS"}
	for _, tt := range []struct {
		name   string
		events []Event
		cited  []int
		want   string
	}{
		{"a run", append(many(120, try), gone), nil, "1 2–120 121"},
		{"few are shown", append(many(3, try), gone), nil, "1 2 3 4"},
		{"a cited one is shown", many(20, try), []int{10}, "1 2–9 10 11–20"},
		{"with lists between", append(many(50, try, list), gone), nil, "1 2 3–100 101"},
		{"a change is shown", append(append(many(10, try, list), Event{Actor: ActorObserver, What: "list", Detail: "0 opens"}), many(10, try)...), nil, "1 2 3–20 21 22–31"},
		{"other events repeat", many(5, gone), nil, "1 2 3 4 5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cited := map[int]bool{}
			for _, id := range tt.cited {
				cited[id] = true
			}
			var numbers []string
			for _, row := range timelineRows(numbered(tt.events...), cited, true) {
				numbers = append(numbers, row[0])
			}
			if got := strings.Join(numbers, " "); got != tt.want {
				t.Errorf("rows %s, want %s", got, tt.want)
			}
		})
	}
	long := timelineRows(numbered(many(5000, gone)...), map[int]bool{2500: true}, true)
	if n := len(long); n != 403 {
		t.Errorf("%d rows of a long timeline, want its ends, two gaps and the cited one", n)
	}
}

func TestRenderError(t *testing.T) {
	code := func(n uint32) *uint32 { return &n }
	for _, tt := range []struct {
		err  *RunError
		want string
	}{
		{nil, ""},
		{&RunError{Op: "log on", Text: "wrong password", Status: "0xC000006D", StatusName: "STATUS_LOGON_FAILURE", Win32: code(1326)},
			"log on: wrong password: STATUS_LOGON_FAILURE 0xC000006D, error 1326"},
		{&RunError{Op: "create", Text: "smb: create a.txt: STATUS_ACCESS_DENIED (0xc0000022)", Status: "0xC0000022", StatusName: "STATUS_ACCESS_DENIED", Win32: code(5)},
			"smb: create a.txt: STATUS_ACCESS_DENIED (0xc0000022): error 5"},
		{&RunError{Op: "tree connect", Text: "Win32 error 67: no such share", Status: "0xC00000CC", StatusName: "STATUS_BAD_NETWORK_NAME", Win32: code(67)},
			"tree connect: Win32 error 67: no such share: STATUS_BAD_NETWORK_NAME 0xC00000CC"},
		{&RunError{Op: "connect", Text: "dial tcp 127.0.0.1:1: connection refused"}, "connect: dial tcp 127.0.0.1:1: connection refused"},
		{&RunError{Op: "read", Text: "error 320", Win32: code(32)}, "read: error 320: error 32"},
		{&RunError{Op: "op", Text: "two\r\n lines \x1b[2J", Status: "0xC0FFEE00", StatusName: "0xC0FFEE00"}, "op: two lines <U+001B>[2J: 0xC0FFEE00"},
		{&RunError{Text: "just text"}, "just text"},
	} {
		if got := RenderError(tt.err); got != tt.want {
			t.Errorf("RenderError = %q, want %q", got, tt.want)
		}
	}
}

func TestDurationText(t *testing.T) {
	for ms, want := range map[Millisecond]string{
		0: "0.0 ms", 412.34: "412.3 ms", 6012.281: "6.012 s", 61000.6: "61.001 s",
		119.9996e3: "120.000 s", 120e3: "2 min 0 s", 7140e3: "1 h 59 min", 90000e3: "1 d 1 h",
		999.94: "999.9 ms", 999.96: "1.000 s", 2e16: "231481481 d 11 h", math.MaxFloat64: "11574074074 d 1 h",
	} {
		if got := durationText(ms); got != want {
			t.Errorf("durationText(%v) = %q, want %q", ms, got, want)
		}
	}
}

func TestSecondsText(t *testing.T) {
	for s, want := range map[int64]string{-5: "-5 s", 59: "59 s", 3599: "59 min 59 s", 86399: "23 h 59 min", 90061: "1 d 1 h", math.MaxInt64: "106751991167300 d 15 h"} {
		if got := secondsText(s); got != want {
			t.Errorf("secondsText(%d) = %q, want %q", s, got, want)
		}
	}
}

var errFull = errors.New("disk full")

// fullWriter takes n bytes and no more.
type fullWriter struct{ n int }

func (w *fullWriter) Write(b []byte) (int, error) {
	if len(b) > w.n {
		return 0, errFull
	}
	w.n -= len(b)
	return len(b), nil
}

func TestRenderWriteErrors(t *testing.T) {
	r := bigTable(5000)
	for name, render := range map[string]func(io.Writer) error{
		"table": func(w io.Writer) error { return RenderTable(w, r, 80) },
		"json":  func(w io.Writer) error { return RenderJSON(w, r) },
	} {
		for _, n := range []int{0, 100_000} {
			if err := render(&fullWriter{n}); !errors.Is(err, errFull) {
				t.Errorf("%s after %d bytes: %v, want %v", name, n, err, errFull)
			}
		}
	}
}

// bigTable is a table of n opens.
func bigTable(n int) *Report {
	opens := make([]OpenRow, n)
	for i := range opens {
		path := fmt.Sprintf(`bench\folder number %03d\a file of the bench %06d.dat`, i/1000, i)
		opens[i] = OpenRow{
			ID: fmt.Sprintf("0x%08X", i), Path: `C:\srv\projects\` + path, Share: "projects", SharePath: path, User: `EXAMPLE\alice`,
			Access: []string{"read", "write"}, Client: "10.20.0.7", ClientBasis: BasisOnlySession,
		}
	}
	return &Report{Schema: Schema, Command: "table", Table: &TableResult{Opens: opens}}
}

func TestBigTableIsComplete(t *testing.T) {
	page := renderTable(t, bigTable(2000), 200)
	for _, id := range []string{"0x00000000", "0x000007CF"} {
		if n := strings.Count(page, id); n != 1 {
			t.Errorf("open %s is there %d times", id, n)
		}
	}
	if n := strings.Count(page, "(only session)"); n != 2000 {
		t.Errorf("%d rows, want 2000", n)
	}
}

// A table must not change what is in its cells.
func TestTableKeepsTexts(t *testing.T) {
	narrowSymbols(t, false)
	for _, path := range []string{`a  b   c.txt`, `%s%d.txt`, `Not Title-case camelCase_snake.TXT`, `0`, `-`, `a|b&<c>"d"`, `日本  語`} {
		r := &Report{Command: "table", Table: &TableResult{Opens: []OpenRow{{ID: "0x1", Path: path, User: "bob", ClientBasis: BasisUnknown}}}}
		want := "\n  0x1  " + path + "  "
		if page := renderTable(t, r, 80); !strings.Contains(page, want) {
			t.Errorf("%q is not in\n%s", want, page)
		}
	}
}

func BenchmarkRenderTable(b *testing.B) {
	r := bigTable(18000)
	for _, width := range []int{80, 120, 200} {
		b.Run(fmt.Sprintf("18000 rows, width %d", width), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := RenderTable(io.Discard, r, width); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
