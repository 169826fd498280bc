package cmdline

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Columns of the help.
const (
	flagColumn = 29 // where the text of a flag begins
	helpWidth  = 80
)

// Help lays out the help of a command: how it is called, its flags in the order
// they are declared, each category under its own heading, and the Description.
func (c *Command) Help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "err32 %s - %s\n\nUsage: err32 %[1]s", c.Name, c.Usage)
	if len(c.Flags) > 0 {
		b.WriteString(" [flags]")
	}
	if c.Arguments != "" {
		b.WriteString(" " + c.Arguments)
	}
	b.WriteString("\n")
	heading := ""
	for _, f := range c.Flags {
		category := f.GetCategory()
		if category == "" {
			category = "Flags"
		}
		if category != heading {
			heading = category
			b.WriteString("\n" + heading + ":\n")
		}
		b.WriteString(describe(f))
	}
	b.WriteString("\n" + c.Description + "\n")
	return b.String()
}

func describe(f Flag) string {
	text := f.GetUsage()
	names := "      --" + f.Names()[0]
	if len(f.Names()) > 1 {
		names = fmt.Sprintf("  -%s, --%s", f.Names()[1], f.Names()[0])
	}
	if f.TakesValue() {
		placeholder, rest, _ := strings.Cut(text, ": ")
		names, text = names+" "+placeholder, rest
		if v := f.GetValue(); v != "" {
			text += " (default " + v + ")"
		}
	}
	return entry(names, text)
}

// entry lays out a name and the text about it.
func entry(name, text string) string {
	lines := wrap(text, helpWidth-flagColumn)
	if len(name) >= flagColumn {
		lines = append([]string{""}, lines...)
	}
	for i, line := range lines {
		lines[i] = strings.TrimRight(fmt.Sprintf("%-*s%s", flagColumn, name, line), " ") + "\n"
		name = ""
	}
	return strings.Join(lines, "")
}

// wrap breaks text between words into lines of at most width runes.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
