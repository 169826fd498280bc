package diag

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a page in HTML shows at most; the rest is counted.
const (
	htmlRows   = 1000 // of a table
	htmlItems  = 500  // of a list
	htmlParts  = 200  // sections of what was found
	htmlLength = 4000 // characters of a text; Windows' longest path has 32 767
)

// htmlSheet collects what is written on it for the template of RenderHTML.
type htmlSheet struct {
	name     string // of the page
	sections []*htmlSection
	more     int // sections that were left out
}

type htmlSection struct {
	ID     string // on the page
	Title  string
	Blocks []*htmlBlock
}

// htmlBlock is one of its fields: what follows on a heading.
type htmlBlock struct {
	Fields []htmlField
	Text   string
	Items  [][]htmlSpan
	Code   string
	Table  *htmlTable
	More   string // what the end of it leaves out
	count  int    // of its items, those left out too
}

type htmlField struct{ Key, Value string }

// htmlSpan is a piece of running text; code is what stands in backquotes.
type htmlSpan struct {
	Code bool
	Text string
}

// htmlTable is a table with titles above its columns and before its rows.
type htmlTable struct {
	Caption string
	Columns []htmlColumn
	Rows    []htmlRow
}

type htmlColumn struct {
	Title string
	Class string
}

type htmlRow struct {
	Class string
	Cells []htmlCell
}

type htmlCell struct {
	Column string
	Text   string
	Class  string
}

func (s *htmlSheet) columns() int { return 0 }

func (s *htmlSheet) close() error { return nil }

func (s *htmlSheet) title(text string) { s.name = text }

func (s *htmlSheet) heading(text string) {
	if len(s.sections) == htmlParts {
		s.more++
		return
	}
	s.sections = append(s.sections, &htmlSection{Title: fitText(text)})
}

// block adds a block to the section; what comes before any heading is a section
// without one.
func (s *htmlSheet) block(b *htmlBlock) *htmlBlock {
	if s.more > 0 {
		return b // of a section that is not shown
	}
	if len(s.sections) == 0 {
		s.sections = append(s.sections, &htmlSection{})
	}
	last := s.sections[len(s.sections)-1]
	last.Blocks = append(last.Blocks, b)
	return b
}

// blocks are those of the last section.
func (s *htmlSheet) blocks() []*htmlBlock {
	if len(s.sections) == 0 {
		return nil
	}
	return s.sections[len(s.sections)-1].Blocks
}

// last is the block that was written last, where it is of the kind that more is
// to be added to.
func (s *htmlSheet) last(kind func(*htmlBlock) bool) *htmlBlock {
	if blocks := s.blocks(); s.more == 0 && len(blocks) > 0 && kind(blocks[len(blocks)-1]) {
		return blocks[len(blocks)-1]
	}
	return s.block(&htmlBlock{})
}

func (s *htmlSheet) field(key, value string) {
	b := s.last(func(b *htmlBlock) bool { return b.Fields != nil })
	b.Fields = append(b.Fields, htmlField{key, fitText(value)})
}

func (s *htmlSheet) paragraph(text string) { s.block(&htmlBlock{Text: fitText(text)}) }

func (s *htmlSheet) item(text string) {
	b := s.last(func(b *htmlBlock) bool { return b.Items != nil })
	if b.count++; b.count > htmlItems {
		b.More = fmt.Sprintf("… and %d more; the report in JSON has them all.", b.count-htmlItems)
		return
	}
	b.Items = append(b.Items, spansOf(fitText(text)))
}

// code keeps the whole of the text: a command that was cut would be another
// command.
func (s *htmlSheet) code(text string) { s.block(&htmlBlock{Code: text}) }

func (s *htmlSheet) grid(g grid) error {
	g = g.withoutEmpty()
	t := &htmlTable{}
	if n := len(s.sections); n > 0 {
		t.Caption = s.sections[n-1].Title
	}
	for _, c := range g.columns {
		class := ""
		if c.right {
			class = "number"
		}
		t.Columns = append(t.Columns, htmlColumn{fitRunes(c.title, 100), class})
	}
	for _, cells := range g.rows[:min(len(g.rows), htmlRows)] {
		row := htmlRow{Cells: make([]htmlCell, len(cells))}
		for i, text := range cells {
			class := t.Columns[i].Class
			if g.columns[i].allowed {
				class = map[string]string{Yes: "yes", No: "no", Unknown: "unknown"}[text]
			}
			if hasLongWord(text) {
				class = joinNonEmpty(" ", class, "long")
			}
			row.Cells[i] = htmlCell{t.Columns[i].Title, fitText(text), class}
		}
		t.Rows = append(t.Rows, row)
	}
	b := s.block(&htmlBlock{Table: t})
	if left := len(g.rows) - len(t.Rows); left > 0 {
		b.More = fmt.Sprintf("… and %d more of %d rows; the report in JSON has them all.", left, len(g.rows))
	}
	return nil
}

// fitText shortens a text that nobody would read to its end.
func fitText(s string) string { return fitRunes(s, htmlLength) }

// fitRunes shortens a text in the middle to about most characters.
func fitRunes(s string, most int) string {
	if len(s) <= most || utf8.RuneCountInString(s) <= most {
		return s
	}
	head, tail := 0, len(s)
	for range most / 2 {
		_, size := utf8.DecodeRuneInString(s[head:])
		head += size
		_, size = utf8.DecodeLastRuneInString(s[:tail])
		tail -= size
	}
	for tail < len(s) { // no mark without its letter
		r, size := utf8.DecodeRuneInString(s[tail:])
		if !unicode.Is(unicode.M, r) {
			break
		}
		tail += size
	}
	return s[:head] + "…" + s[tail:]
}

// hasLongWord reports whether a cell has a word that may be broken anywhere to
// make room; shorter ones are kept whole.
func hasLongWord(s string) bool {
	const most = 26 // STATUS_SHARING_VIOLATION fits
	n := 0
	for _, r := range s {
		if n++; r == ' ' {
			n = 0
		}
		if n > most {
			return true
		}
	}
	return false
}

// spansOf finds the code in a text. The backquotes stay: where they are part of
// a file's name nothing is lost.
func spansOf(s string) []htmlSpan {
	const quote = "`"
	var spans []htmlSpan
	for {
		before, rest, found := strings.Cut(s, quote)
		code, after, closed := strings.Cut(rest, quote)
		if !found || !closed {
			return append(spans, htmlSpan{Text: s})
		}
		if before != "" {
			spans = append(spans, htmlSpan{Text: before})
		}
		spans = append(spans, htmlSpan{Code: true, Text: quote + code + quote})
		if s = after; s == "" {
			return spans
		}
	}
}
