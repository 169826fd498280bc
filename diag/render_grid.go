package diag

import (
	"bytes"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// The texts of a large table are others in every row: to look each up in a cache
// of widths takes longer than to count its cells.
func init() { twwidth.SetCacheCapacity(0) }

// grid is a table of the page: visible texts in columns.
type grid struct {
	columns []gridColumn
	rows    [][]string
}

// gridColumn is how a column of a grid is laid out.
type gridColumn struct {
	title    string
	right    bool // aligned to the right
	rigid    bool // wrapped only when nothing else helps: numbers and ids
	first    bool // the others give way first, down to half its width
	optional bool // left out where all its cells are empty
	allowed  bool // holds Yes, No or Unknown
	lines    int  // most lines of a cell, longer ones are shortened; 0 is any
}

const (
	gridGap   = 2  // cells between two columns
	leastText = 8  // a column of text is not made narrower than this while others give
	leastCell = 2  // nor any column than this: the width of a wide character
	mostRigid = 20 // a rigid column longer than this is text
)

// grid draws g below a heading. The cells are wrapped here, so that tablewriter
// gets widths that are fixed before its first row and can stream: it neither
// keeps the rows nor measures them again.
func (p *textSheet) grid(g grid) error {
	g = g.withoutEmpty()
	widths := g.widths(p.width - indent)
	t := newGridTable(&gridLines{p: p}, g.columns, widths)
	if err := t.Start(); err != nil {
		return err
	}
	titles := make([]string, len(g.columns))
	for i, c := range g.columns {
		titles[i] = strings.Join(wrapText(c.title, widths[i], 0), "\n")
	}
	t.Header(titles)
	for _, row := range g.rows {
		cells := make([]string, len(row))
		for i, s := range row {
			cells[i] = strings.Join(wrapText(s, widths[i], g.columns[i].lines), "\n")
		}
		if err := t.Append(cells); err != nil {
			return err
		}
	}
	return t.Close()
}

// withoutEmpty drops the optional columns that hold nothing.
func (g grid) withoutEmpty() grid {
	var keep []int
	for i, c := range g.columns {
		used := !c.optional
		for j := 0; j < len(g.rows) && !used; j++ {
			used = g.rows[j][i] != ""
		}
		if used {
			keep = append(keep, i)
		}
	}
	if len(keep) == len(g.columns) {
		return g
	}
	kept := grid{rows: make([][]string, len(g.rows))}
	for _, i := range keep {
		kept.columns = append(kept.columns, g.columns[i])
	}
	for j, row := range g.rows {
		for _, i := range keep {
			kept.rows[j] = append(kept.rows[j], row[i])
		}
	}
	return kept
}

// widths shares out width cells: each column gets what its longest cell
// needs, and where that is too much, the widest give way first.
func (g grid) widths(width int) []int {
	room := width - gridGap*(len(g.columns)-1)
	widths := make([]int, len(g.columns))
	least := make([]int, len(g.columns))
	sum := 0
	for i, c := range g.columns {
		n := cellWidth(c.title)
		for _, row := range g.rows {
			n = max(n, cellWidth(row[i]))
		}
		widths[i] = min(n, room)
		least[i] = min(widths[i], max(leastText, cellWidth(c.title)))
		if c.rigid && widths[i] <= mostRigid {
			least[i] = widths[i]
		}
		sum += widths[i]
	}
	for ; sum > room; sum-- {
		widest := -1
		for i := range widths {
			if widths[i] > least[i] && (widest < 0 || g.claim(widths, i) > g.claim(widths, widest)) {
				widest = i
			}
		}
		if widest < 0 { // all at their least: from now on down to one character
			for i := range least {
				least[i] = min(least[i], leastCell)
			}
			sum++
			continue
		}
		widths[widest]--
	}
	return widths
}

// claim is how wide column i is for the choice of who gives way.
func (g grid) claim(widths []int, i int) int {
	if g.columns[i].first {
		return widths[i] / 2
	}
	return widths[i]
}

// newGridTable prepares the drawing: no frame, a rule below the titles.
func newGridTable(w io.Writer, columns []gridColumn, widths []int) *tablewriter.Table {
	last := len(columns) - 1
	padding := make([]tw.Padding, len(columns))
	aligns := make([]tw.Align, len(columns))
	perColumn := tw.NewMapper[int, int]()
	for i, c := range columns {
		// Left-aligned cells are filled up with copies of this: with two blanks
		// tablewriter makes them too long first, and then cuts them.
		padding[i] = tw.Padding{Right: " ", Overwrite: true}
		aligns[i] = tw.AlignLeft
		if c.right {
			padding[i].Right = strings.Repeat(" ", gridGap)
			aligns[i] = tw.AlignRight
		}
		gap := gridGap
		if i == last {
			padding[i].Right, gap = "", 0
		}
		perColumn.Set(i, widths[i]+gap)
	}
	cell := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoFormat: tw.Off},
		Padding:    tw.CellPadding{PerColumn: padding},
		Alignment:  tw.CellAlignment{PerColumn: aligns},
	}
	return tablewriter.NewTable(w,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleLight),
			Settings: tw.Settings{
				Separators: tw.Separators{ShowHeader: tw.On, ShowFooter: tw.Off, BetweenRows: tw.Off, BetweenColumns: tw.Off},
				Lines:      tw.Lines{ShowTop: tw.Off, ShowBottom: tw.Off, ShowHeaderLine: tw.On, ShowFooterLine: tw.Off},
			},
			Streaming: true,
		})),
		tablewriter.WithConfig(tablewriter.Config{
			Header:   cell,
			Row:      cell,
			Behavior: tw.Behavior{TrimSpace: tw.Off, TrimLine: tw.Off, TrimTab: tw.Off},
			Widths:   tw.CellWidth{PerColumn: perColumn},
			Stream:   tw.StreamConfig{Enable: true, StrictColumns: true},
		}),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone), // a Config cannot say this: it is the zero value
		tablewriter.WithRowAutoWrap(tw.WrapNone))
}

// gridLines puts the lines that tablewriter draws on the page.
type gridLines struct {
	p    *textSheet
	part []byte // of a line that has not ended
}

func (l *gridLines) Write(b []byte) (int, error) {
	n := len(b)
	for {
		text, rest, ended := bytes.Cut(b, []byte{'\n'})
		l.part = append(l.part, text...)
		if !ended {
			return n, nil // an error of the page's writer comes out of Flush
		}
		l.p.line(indent, string(l.part))
		l.part, b = l.part[:0], rest
	}
}
