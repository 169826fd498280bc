package diag

import (
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// hostileNames are names that mean something to Markdown, HTML, spreadsheets or
// terminals.
var hostileNames = []string{
	"<script>alert(1)</script>", "a|b||c", "line\nbreak\r\n# heading", "\u202egnp.exe", "`code` *bold* _it_ [link](http://x) ![i](y)",
	"=cmd|' /C calc'!A0", "@everyone", "#1", "+1", "-1", "<!-- ", "&lt;", strings.Repeat("x", 255), "\x1b[31mred", "\\|", "$(rm)", "{{7*7}}",
}

func hostileReport() *Report {
	r := &Report{Schema: Schema, Command: "table", Table: &TableResult{}, Notes: hostileNames}
	for i, name := range hostileNames {
		r.Table.Opens = append(r.Table.Opens, OpenRow{ID: fmt.Sprintf("0x%X", i), Path: `C:\` + name, Share: name, SharePath: name, User: name, Client: name,
			ClientBasis: BasisOneOf, Candidates: hostileNames})
	}
	return r
}

func TestMarkdownHostile(t *testing.T) {
	page := string(rendered(t, RenderMarkdown, hostileReport()))
	for _, bad := range []string{"<", ">", "@", "\x1b", "\u202e", "\r"} {
		if strings.Contains(strings.ReplaceAll(page, "&lt;", ""), bad) {
			t.Errorf("%q is in the page as it is", bad)
		}
	}
	for _, line := range strings.Split(page, "\n") {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		bars := 0
		for i := range line {
			if line[i] == '|' && (i == 0 || strings.Count(line[:i], `\`) == strings.Count(strings.TrimRight(line[:i], `\`), `\`)) {
				bars++
			}
		}
		if bars != 6 { // five columns
			t.Errorf("%d bars in %q", bars, line)
		}
	}
}

func TestMarkdownLimit(t *testing.T) {
	r := bigTable(50_000)
	for i := range 10_000 {
		r.Notes = append(r.Notes, fmt.Sprintf("note %d: %s", i, strings.Repeat("y", 300)))
	}
	page := rendered(t, RenderMarkdown, r)
	if n := utf8.RuneCount(page); n > markdownLimit {
		t.Errorf("%d characters", n)
	}
	if !strings.Contains(string(page), "more rows; the report in JSON has them all") {
		t.Error("nothing says that rows were left out")
	}
}

func TestCSVHostile(t *testing.T) {
	r := hostileReport()
	for i := range r.Table.Opens { // as only a file that was made by hand has it
		r.Table.Opens[i].ClientBasis = r.Table.Opens[i].SharePath
	}
	rows, err := csv.NewReader(strings.NewReader(string(rendered(t, RenderCSV, r)))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1+len(hostileNames) {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows[1:] {
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) || strings.ContainsAny(cell, "\x1b\n\r\u202e") {
				t.Errorf("column %s holds %q", rows[0][i], cell)
			}
		}
	}
}

// A writer that is full ends in its error, whatever the format.
func TestFormatsWriteErrors(t *testing.T) {
	for _, f := range Formats {
		if err := f.Render(&fullWriter{}, hostileReport(), 80); !errors.Is(err, errFull) {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}
