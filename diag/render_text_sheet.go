package diag

import (
	"bufio"
	"fmt"
	"strings"
)

// textSheet is a page for people, on a terminal. No line is wider than width,
// counted in terminal cells.
type textSheet struct {
	w     *bufio.Writer
	width int
	begun bool
}

const (
	indent   = 2  // of what stands below a heading
	keyWidth = 12 // of the keys of fields
)

func (p *textSheet) columns() int { return p.width }

func (p *textSheet) close() error { return p.w.Flush() }

func (p *textSheet) line(spaces int, s string) {
	if s = strings.TrimRight(s, " "); s != "" {
		for range spaces {
			p.w.WriteByte(' ')
		}
		p.w.WriteString(s)
	}
	p.w.WriteByte('\n')
	p.begun = true
}

// prose writes s between two margins, first before its first line.
func (p *textSheet) prose(left int, first, s string) {
	width := min(p.width, proseWidth) - left
	for i, l := range wrapText(s, width, 0) {
		if i == 0 && first != "" {
			p.line(left-len(first), first+l)
			continue
		}
		p.line(left, l)
	}
}

// heading begins a section, with an empty line before it.
func (p *textSheet) heading(s string) {
	if p.begun {
		p.line(0, "")
	}
	p.prose(0, "", s)
}

// field writes a key and its value, shortened where it passes eight lines.
func (p *textSheet) field(key, value string) {
	left := indent + keyWidth
	for i, l := range wrapText(value, min(p.width, proseWidth)-left, 8) {
		if i == 0 {
			p.line(indent, fmt.Sprintf("%-*s%s", keyWidth, key, l))
			continue
		}
		p.line(left, l)
	}
}

func (p *textSheet) title(s string) { p.prose(0, "", s) }

func (p *textSheet) paragraph(s string) { p.prose(indent, "", s) }

func (p *textSheet) item(s string) { p.prose(indent+2, "- ", s) }
