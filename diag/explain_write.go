package diag

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// The kinds of readings as a reader is told of them.
var readingTitles = map[string]string{
	ReadingNTStatus:    "NTSTATUS",
	ReadingWin32:       "Win32 error",
	ReadingHRESULT:     "HRESULT",
	ReadingAccess:      "access mask",
	ReadingShare:       "share mode",
	ReadingPermissions: "permissions in the server's table",
}

// minWidth is the narrowest page that WriteText lays out.
const minWidth = 40

// WriteText writes the explanation as text for a page of width columns; below
// 40 it is laid out for 40. A word that does not fit stands alone on its line.
func (e *Explanation) WriteText(w io.Writer, width int) error {
	p := textPage{width: max(width, minWidth)}
	if len(e.Readings) > 1 {
		p.paragraph("", fmt.Sprintf("%s can be read in %d ways.", e.Query, len(e.Readings)))
		p.line("")
	}
	for i, r := range e.Readings {
		if i > 0 {
			p.line("")
		}
		r.write(&p)
	}
	for _, hint := range e.Hints {
		p.line("")
		p.paragraph("", hint)
	}
	_, err := w.Write(p.text.Bytes())
	return err
}

func (r *Reading) write(p *textPage) {
	p.paragraph("", strings.Join(strings.Fields(r.Value+" "+r.Name+" ("+readingTitles[r.Kind]+")"), " "))
	p.line("")
	if r.Severity != "" {
		p.field("Severity", fmt.Sprintf("%s, facility 0x%03X", r.Severity, *r.Facility))
	}
	switch {
	case r.Win32 != nil:
		p.field("Win32", strings.TrimSpace(fmt.Sprintf("%d %s", *r.Win32, r.Win32Name)))
	case r.Kind == ReadingNTStatus:
		p.field("Win32", "no mapping known")
	}
	for i, s := range r.Statuses {
		p.field(first(i, "NTSTATUS"), s.Status+" "+s.StatusName)
	}
	for i, b := range r.Bits {
		p.item(first(i, "Bits"), b.Value+" ", b.Name+": "+b.Meaning)
	}
	if r.Kind == ReadingAccess {
		p.field("Classes", orNone(joinAnd(r.Classes)))
	}
	if r.Kind == ReadingShare {
		p.field("Denies", orNone(joinAnd(r.Denies)))
	}
	p.field("Meaning", r.Meaning)
	for i, advice := range r.Advice {
		number := ""
		if len(r.Advice) > 1 {
			number = fmt.Sprintf("%d. ", i+1)
		}
		p.item(first(i, "To do"), number, advice)
	}
	p.field("Source", r.Source)
}

// first returns label for the first of several lines.
func first(i int, label string) string {
	if i > 0 {
		return ""
	}
	return label
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// textPage collects text in lines of limited width.
type textPage struct {
	width int
	text  bytes.Buffer
}

func (p *textPage) line(s string) {
	p.text.WriteString(strings.TrimRight(s, " "))
	p.text.WriteByte('\n')
}

// labelWidth is the column at which the text of a field begins.
const labelWidth = 12

// field writes a label and its text, which is indented as a block.
func (p *textPage) field(label, text string) { p.item(label, "", text) }

// item writes a label, a mark and a text, which is indented as a block behind
// the mark.
func (p *textPage) item(label, mark, text string) {
	p.paragraph(fmt.Sprintf("  %-*s%s", labelWidth-2, label, mark), text)
}

// paragraph writes text after lead, broken between words; further lines are
// indented as far as lead reaches.
func (p *textPage) paragraph(lead, text string) {
	indent := strings.Repeat(" ", len(lead))
	line, empty := lead, true
	for _, word := range strings.Fields(text) {
		if !empty && len(line)+1+len(word) > p.width {
			p.line(line)
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	p.line(line)
}
