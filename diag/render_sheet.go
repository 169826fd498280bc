package diag

// sheet is what a report is written on: a page of text, or Markdown. Its texts
// are visible text already. Errors of the writer are kept, and come out of
// close.
type sheet interface {
	title(s string)          // first of all
	heading(s string)        // begins a section
	field(key, value string) // of a section; the value is not empty
	paragraph(s string)
	item(s string) // of a list
	code(s string) // a command to be copied
	grid(g grid) error
	columns() int // how wide a grid is best, in terminal cells; 0 for as wide as it likes
	close() error
}

// reportPage writes the parts that every report is made of.
type reportPage struct {
	sheet
}

// field writes a key and its value; nothing where the value is empty.
func (p *reportPage) field(key, value string) {
	if value != "" {
		p.sheet.field(key, value)
	}
}

// list writes a section of items, which it makes visible; nothing where there
// are none.
func (p *reportPage) list(heading string, items []string) {
	if len(items) == 0 {
		return
	}
	p.heading(heading)
	for _, s := range items {
		p.item(visibleText(s))
	}
}

// wide reports whether there is room for a grid of this many terminal cells.
func (p *reportPage) wide(cells int) bool {
	n := p.columns()
	return n == 0 || n >= cells
}
