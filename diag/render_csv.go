package diag

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// csvHeader are the columns of RenderCSV.
var csvHeader = []string{"moment", "id", "share", "share_path", "path", "user", "access", "locks", "client", "client_basis", "candidates", "own"}

// RenderCSV writes the opens of a report as comma-separated values, [RFC 4180],
// with a header line: all that a spreadsheet can be used for. The moment is
// before, held, after or end in a report of repro, and empty in the others.
// Lists are joined by spaces. A cell that a spreadsheet would take for a formula
// begins with an apostrophe. A comparison has its differences in place of opens.
// The error is that of w.
func RenderCSV(w io.Writer, r *Report) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	if r.Comparison != nil {
		comparisonCSV(c, r.Comparison)
		c.Flush()
		return c.Error()
	}
	c.Write(csvHeader)
	rows := func(moment string, opens []OpenRow) {
		for i := range opens {
			o := &opens[i]
			c.Write([]string{
				moment, csvText(o.ID), csvText(o.Share), csvText(o.SharePath), csvText(o.Path), csvText(o.User), csvText(strings.Join(o.Access, " ")),
				strconv.Itoa(o.Locks), csvText(o.Client), csvText(o.ClientBasis), csvText(strings.Join(o.Candidates, " ")), strconv.FormatBool(o.Own),
			})
		}
	}
	switch {
	case r.Repro != nil:
		t := &r.Repro.Opens
		rows("before", t.Before)
		rows("held", t.Held)
		rows("after", t.After)
		rows("end", t.End)
	case r.Table != nil:
		rows("", r.Table.Opens)
	case r.Who != nil && r.Who.PathHolders != nil:
		rows("", r.Who.Opens)
	case r.Who != nil:
		for i := range r.Who.Paths {
			rows("", r.Who.Paths[i].Opens)
		}
	case r.Release != nil:
		for i := range r.Release.Actions {
			rows("", r.Release.Actions[i].Opens)
		}
	}
	c.Flush()
	return c.Error()
}

// csvText is a name as a cell: visible text, and no formula.
func csvText(s string) string {
	s = visibleText(s)
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}
