package diag

import (
	"bufio"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// Widths of the page, in terminal cells.
const (
	defaultWidth = 80
	leastWidth   = 60
	proseWidth   = 100 // longer lines of running text are hard to read
)

// RenderTable writes the report as a page for people, on a terminal of width
// columns: 80 where width is not positive, 60 where it is less. No line is
// wider, counted in terminal cells. Whatever cannot be seen or would act on a
// terminal is written as <U+…>, so that names from a server can do no harm.
// The error is that of w.
func RenderTable(w io.Writer, r *Report, width int) error {
	switch {
	case width <= 0:
		width = defaultWidth
	case width < leastWidth:
		width = leastWidth
	}
	return writeReport(&textSheet{w: bufio.NewWriterSize(w, 64<<10), width: width}, r)
}

// RenderMarkdown writes the report in Markdown for issue trackers, in less than
// 60 000 characters: long tables are cut, and the rows left out are counted. What
// would be taken for markup, or for the name of a person, is escaped. The error
// is that of w.
func RenderMarkdown(w io.Writer, r *Report) error {
	return writeReport(&markdownSheet{w: bufio.NewWriterSize(w, 64<<10)}, r)
}

// writeReport writes the same on every sheet.
func writeReport(on sheet, r *Report) error {
	p := &reportPage{on}
	p.head(r)
	p.failure(r)
	p.verdict(r)
	if err := p.result(r); err != nil {
		return err
	}
	p.list("Notes", r.Notes)
	if r.Verdict != nil {
		next := "What to do"
		if r.Repro != nil {
			next = "What frees the file"
		}
		p.list(next, r.Verdict.Next)
	}
	if r.Again != "" {
		p.heading("To run it again")
		p.code(visibleText(r.Again))
	}
	return p.close()
}

// result writes what the command found; of a run that did not get so far, what
// happened.
func (p *reportPage) result(r *Report) error {
	switch {
	case r.Repro != nil:
		return p.repro(r)
	case r.Hold != nil:
		return p.hold(r)
	case r.Table != nil:
		return p.table(r)
	case r.Who != nil:
		return p.who(r)
	case r.Release != nil:
		return p.release(r)
	case r.Comparison != nil:
		return p.comparison(r.Comparison)
	}
	return p.timeline(r)
}

// RenderError returns the error as one line: the operation, the text, and of
// the status name, the status and the Win32 error those that the text does not
// give already. It is empty for nil.
func RenderError(e *RunError) string {
	if e == nil {
		return ""
	}
	line := oneLine(e.Text)
	if op := oneLine(e.Op); op != "" && !startsWithWord(strings.TrimPrefix(line, "smb: "), op) {
		line = joinNonEmpty(": ", op, line)
	}
	said := strings.ToLower(line)
	var codes []string
	for _, s := range []string{oneLine(e.StatusName), oneLine(e.Status)} {
		if s != "" && !strings.Contains(said, strings.ToLower(s)) {
			codes = append(codes, s)
			said += " " + strings.ToLower(s)
		}
	}
	status := strings.Join(codes, " ")
	win32 := ""
	if e.Win32 != nil && *e.Win32 != 0 && !saysWin32(said, *e.Win32) {
		win32 = win32Text(*e.Win32)
	}
	return joinNonEmpty(": ", line, joinNonEmpty(", ", status, win32))
}

// win32Number finds what a text calls a Win32 error.
var win32Number = regexp.MustCompile(`\b(?:error|win32)[ =:]+(\d+)\b|\berror_[a-z_]+ \((\d+)\)`)

func saysWin32(lower string, code uint32) bool {
	for _, m := range win32Number.FindAllStringSubmatch(lower, -1) {
		if m[1]+m[2] == strconv.FormatUint(uint64(code), 10) {
			return true
		}
	}
	return false
}

func win32Text(code uint32) string {
	return "error " + strconv.FormatUint(uint64(code), 10)
}

// startsWithWord reports whether s begins with word, as a word of its own.
func startsWithWord(s, word string) bool {
	rest, ok := strings.CutPrefix(strings.ToLower(s), strings.ToLower(word))
	return ok && (rest == "" || strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, " "))
}

// oneLine is s as visible text with each run of white space made one space.
func oneLine(s string) string {
	return visibleText(strings.Join(strings.Fields(s), " "))
}

// joinNonEmpty is strings.Join without the empty ones.
func joinNonEmpty(sep string, parts ...string) string {
	kept := parts[:0:0]
	for _, s := range parts {
		if s != "" {
			kept = append(kept, s)
		}
	}
	return strings.Join(kept, sep)
}
