package diag

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Format is a form that a report can be written in.
type Format struct {
	Name   string // of --format
	Ending string // of a file's name
	// Render writes the report. The width is that of the terminal, for the form
	// that has one.
	Render func(w io.Writer, r *Report, width int) error
}

// Formats are all there are, the default first.
var Formats = []Format{
	{"table", ".txt", RenderTable},
	{"json", ".json", func(w io.Writer, r *Report, _ int) error { return RenderJSON(w, r) }},
	{"markdown", ".md", func(w io.Writer, r *Report, _ int) error { return RenderMarkdown(w, r) }},
	{"html", ".html", func(w io.Writer, r *Report, _ int) error { return RenderHTML(w, r) }},
	{"csv", ".csv", func(w io.Writer, r *Report, _ int) error { return RenderCSV(w, r) }},
}

// ParseFormat reads the name of a format.
func ParseFormat(name string) (Format, error) {
	var names []string
	for _, f := range Formats {
		if strings.EqualFold(f.Name, name) {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Format{}, fmt.Errorf("%q is none of %s", name, strings.Join(names, ", "))
}

// FormatOf returns the format that the ending of a file's name means.
func FormatOf(file string) (Format, error) {
	ending := strings.ToLower(filepath.Ext(file))
	var endings []string
	for _, f := range Formats {
		if f.Ending == ending {
			return f, nil
		}
		endings = append(endings, f.Ending)
	}
	return Format{}, fmt.Errorf("%s: the ending %q is none of %s", file, ending, strings.Join(endings, ", "))
}
