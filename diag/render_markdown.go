package diag

import (
	"bufio"
	"fmt"
	"strings"
	"unicode/utf8"
)

// markdownLimit is how many characters a page in Markdown has at most: issue
// trackers take 65 536 (GitHub) or 32 767 and more (Jira) in one text.
const markdownLimit = 60_000

// markdownSheet writes a report in GitHub's Markdown. Long tables are cut, and
// what is left out is counted.
type markdownSheet struct {
	w    *bufio.Writer
	size int    // characters so far
	last string // kind of the last block
	more int    // blocks that were left out because the page is full
}

// markdownRows is how many rows of a table are shown.
const markdownRows = 60

func (m *markdownSheet) columns() int { return 0 }

func (m *markdownSheet) write(kind, s string) {
	if m.last != "" && (m.last != kind || kind == "paragraph" || kind == "heading") {
		s = "\n" + s
	}
	const lastLine = 100 // room for what close says
	n := utf8.RuneCountInString(s)
	if m.more > 0 || m.size+n > markdownLimit-lastLine {
		m.more++
		return
	}
	m.last = kind
	m.size += n
	m.w.WriteString(s)
}

func (m *markdownSheet) title(s string)   { m.write("heading", "# "+markdownText(s)+"\n") }
func (m *markdownSheet) heading(s string) { m.write("heading", "## "+markdownText(s)+"\n") }

func (m *markdownSheet) field(key, value string) {
	m.write("list", "- **"+markdownText(key)+":** "+m.fitting(value)+"\n")
}

func (m *markdownSheet) paragraph(s string) { m.write("paragraph", m.fitting(s)+"\n") }

func (m *markdownSheet) item(s string) { m.write("list", "- "+m.fitting(s)+"\n") }

func (m *markdownSheet) code(s string) {
	fence := "```"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	m.write("paragraph", fence+"\n"+s+"\n"+fence+"\n")
}

// fitting is s as Markdown, shortened where the page is nearly full.
func (m *markdownSheet) fitting(s string) string {
	const most, least = 4000, 200
	room := most
	if m.size > markdownLimit*3/4 {
		room = least
	}
	if utf8.RuneCountInString(s) > room {
		s = shortenMiddle(s, room)
	}
	return markdownText(s)
}

func (m *markdownSheet) grid(g grid) error {
	g = g.withoutEmpty()
	var b strings.Builder
	rule := "|"
	b.WriteString("|")
	for _, c := range g.columns {
		b.WriteString(" " + markdownText(c.title) + " |")
		if c.right {
			rule += " ---: |"
		} else {
			rule += " --- |"
		}
	}
	b.WriteString("\n" + rule + "\n")
	// What is behind this table needs room too.
	room := (markdownLimit*3/4 - m.size) / 2
	shown := 0
	for _, row := range g.rows {
		line := "|"
		for i, cell := range row {
			if most := max(g.columns[i].lines, 1) * proseWidth; utf8.RuneCountInString(cell) > most {
				cell = shortenMiddle(cell, most)
			}
			line += " " + markdownText(cell) + " |"
		}
		if shown == markdownRows || b.Len()+len(line) > room {
			break
		}
		b.WriteString(line + "\n")
		shown++
	}
	m.write("table", b.String())
	if left := len(g.rows) - shown; left > 0 {
		m.paragraph(fmt.Sprintf("… and %d more rows; the report in JSON has them all.", left))
	}
	return nil
}

func (m *markdownSheet) close() error {
	if m.more > 0 {
		fmt.Fprintf(m.w, "\n… and %d more lines and tables; the report in JSON has them all.\n", m.more)
	}
	return m.w.Flush()
}

// markdownText escapes what Markdown or HTML would take for markup, and what
// issue trackers would take for the name of a person or another issue.
func markdownText(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch r {
		case '\\', '`', '*', '_', '[', ']', '|', '~', '{', '}', '!':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '&':
			b.WriteString("&amp;")
		case '@':
			b.WriteString("&#64;")
		case '#':
			b.WriteString("&#35;")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
