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

// code writes a command so that a POSIX shell reads it as one, however many
// lines it takes; only a quoted word that is longer than a line is torn.
func (p *textSheet) code(s string) {
	const goesOn = ` \`
	width := p.width - indent - len(goesOn)
	line := ""
	for _, word := range shellWords(s) {
		if line != "" && cellWidth(line)+1+cellWidth(word) > width {
			p.line(indent, line+goesOn)
			line = ""
		}
		line = joinNonEmpty(" ", line, word)
		if cellWidth(line) > width { // a single word, then
			parts := wrapText(line, width, 0)
			end := len(parts) - 1
			for _, part := range parts[:end] {
				if !strings.Contains(word, "'") {
					part += `\`
				}
				p.line(indent, part)
			}
			line = parts[end]
		}
	}
	p.line(indent, line)
}

// shellWords splits a command line at the spaces that stand outside single
// quotes.
func shellWords(s string) []string {
	var words []string
	quoted, begin := false, 0
	for i := range len(s) {
		switch {
		case s[i] == '\'' && (quoted || i == 0 || s[i-1] != '\\'):
			quoted = !quoted
		case s[i] == ' ' && !quoted:
			words = append(words, s[begin:i])
			begin = i + 1
		}
	}
	return append(words, s[begin:])
}

func (p *textSheet) title(s string) { p.prose(0, "", s) }

func (p *textSheet) paragraph(s string) { p.prose(indent, "", s) }

func (p *textSheet) item(s string) { p.prose(indent+2, "- ", s) }
