package diag

import (
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// PowerShell writes what a program prints as UTF-16, and some editors begin a
// file with a byte order mark.
func TestParseReportEncodings(t *testing.T) {
	want := &Report{Schema: Schema, Command: "table", Tool: Tool{Version: "é 日本 😀"}}
	data := renderJSON(t, want)
	wide := []byte{0xFF, 0xFE}
	for _, unit := range utf16.Encode([]rune(string(data))) {
		wide = binary.LittleEndian.AppendUint16(wide, unit)
	}
	for name, data := range map[string][]byte{"UTF-8": data, "UTF-8 with a mark": append([]byte("\xEF\xBB\xBF"), data...), "UTF-16": wide} {
		if r, err := ParseReport(data); err != nil || r.Tool != want.Tool {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	for _, bad := range []string{"\xFF\xFE", "\xFF\xFE{", "\xFF\xFE{\x00}", "\xEF\xBB\xBF", "\xFE\xFF\x00{"} {
		if r, err := ParseReport([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, r)
		}
	}
}

// oddValues are what a file that was made or changed by hand may have in place
// of any value.
var oddValues = []any{
	nil, true, false, "", "x", "0x1F0003", "2026-08-05T09:14:02.123Z", "9999-12-31T23:59:59.999Z", whatTry, whatDisconnect, whatRelease, whatOpen,
	ActorHolder, ActorContender, BasisOneOf, BasisOnlySession, "STATUS_SUCCESS", "<b>`|\n\u202e\x1b[31m", strings.Repeat("é ", 3000), strings.Repeat("0", 300),
	0.0, 1.0, -1.0, 32.0, -0.04, 5e-324, math.MaxFloat64, -math.MaxFloat64, float64(math.MaxInt32), float64(1 << 62), -float64(1 << 63), 1e15,
	[]any{}, []any{nil}, []any{""}, []any{1.0, 1.0, 3.0, 2.0}, map[string]any{},
}

// handMade changes some values of a report, wherever they stand.
func handMade(random *rand.Rand, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			switch {
			case key == "schema" || key == "command":
			case random.IntN(40) == 0:
				delete(v, key)
			case random.IntN(60) == 0:
				v[key] = nil
			default:
				v[key] = handMade(random, v[key])
			}
		}
		return v
	case []any:
		for i := range v {
			v[i] = handMade(random, v[i])
		}
		switch n := len(v); {
		case n == 0 || random.IntN(8) > 0:
		case random.IntN(3) == 0:
			return append(v, v[random.IntN(n)])
		case random.IntN(2) == 0:
			random.Shuffle(n, func(i, j int) { v[i], v[j] = v[j], v[i] })
		default:
			return v[:random.IntN(n)]
		}
		return v
	}
	if random.IntN(30) > 0 {
		return v
	}
	odd := oddValues[random.IntN(len(oddValues))]
	switch v.(type) { // as a rule one that fits: else nothing is read of the file
	case string:
		if _, ok := odd.(string); !ok && random.IntN(20) > 0 {
			return "x"
		}
	case float64:
		if _, ok := odd.(float64); !ok && random.IntN(20) > 0 {
			return -7.0
		}
	case bool:
		return random.IntN(2) == 0
	}
	return odd
}

// checkReport fails where a report cannot be shown or saved in every form.
func checkReport(t *testing.T, r *Report) {
	t.Helper()
	for _, width := range []int{60, 120} {
		checkPage(t, strings.ReplaceAll(renderTable(t, r, width), "\ufffd", "?"), width) // which is what JSON makes of a byte that is not UTF-8
	}
	if n := utf8.RuneCount(rendered(t, RenderMarkdown, r)); n > markdownLimit {
		t.Errorf("%d characters of Markdown", n)
	}
	if _, err := csv.NewReader(strings.NewReader(string(rendered(t, RenderCSV, r)))).ReadAll(); err != nil {
		t.Errorf("CSV: %v", err)
	}
	page := string(rendered(t, RenderHTML, r))
	if _, err := html.Parse(strings.NewReader(page)); err != nil {
		t.Errorf("HTML: %v", err)
	}
	if strings.Contains(page, "NaN") || strings.Contains(page, "ZgotmplZ") {
		t.Errorf("no number in\n%s", page)
	}
	parsePage(t, r).checkLinks()
	if _, err := ParseReport(renderJSON(t, r)); err != nil {
		t.Errorf("what was saved cannot be read: %v", err)
	}
}

// Whatever was done to two saved runs, each of them can be shown, redacted and
// compared with the other, in every form.
func FuzzSavedRuns(f *testing.F) {
	narrowSymbols(f, false)
	inputs := reportInputs(f)
	files := slices.Sorted(maps.Keys(inputs))
	for i := range 60 {
		f.Add(uint64(i), uint8(i), uint8(i/2))
	}
	f.Fuzz(func(t *testing.T, seed uint64, first, second uint8) {
		var key [32]byte
		binary.LittleEndian.PutUint64(key[:], seed)
		random := rand.New(rand.NewChaCha8(key))
		var runs []*Report
		for _, i := range []uint8{first, second} {
			var v any
			if err := json.Unmarshal(renderJSON(t, inputs[files[int(i)%len(files)]]), &v); err != nil {
				t.Fatal(err)
			}
			data, err := json.Marshal(handMade(random, v))
			if err != nil {
				t.Fatal(err)
			}
			r, err := ParseReport(data)
			if err != nil {
				return
			}
			runs = append(runs, r)
		}
		a, b := SavedRun{"a.json", runs[0]}, SavedRun{"b.json", runs[1]}
		for _, redact := range []bool{false, true} {
			o := Outputs{Redact: redact}
			r, err := o.Compare(a, b, "1")
			if err != nil {
				r = runs[0] // which is a comparison itself
			}
			if r, err = o.Write(r); err != nil {
				t.Fatal(err)
			}
			checkReport(t, r)
		}
		checkReport(t, runs[0])
		checkReport(t, NewRedactor().Report(runs[0]))
		if err := bundleReadme(io.Discard, runs[0], nil); err != nil {
			t.Error(err)
		}
	})
}
