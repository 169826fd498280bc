package diag

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// unsteady are symbols that join with their neighbours into one picture on
// some terminals only, so that their width is anyone's guess.
var unsteady = &unicode.RangeTable{
	R32: []unicode.Range32{
		{Lo: 0x1F1E6, Hi: 0x1F1FF, Stride: 1}, // regional indicators
		{Lo: 0x1F3FB, Hi: 0x1F3FF, Stride: 1}, // emoji modifiers
	},
}

// hiddenRune reports whether r must not reach a terminal as it is: controls,
// bidirectional marks, blanks other than the space, what has no picture, and
// what a terminal may not show.
func hiddenRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7F
	}
	return !unicode.IsPrint(r) ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unsteady)
}

// visibleText returns s with every hidden rune written as <U+001B> and every
// byte that is not UTF-8 as <0xFF>. The form cannot be mistaken for a name on
// Windows, where < and > are not allowed; a backslash form could.
func visibleText(s string) string {
	if !strings.ContainsFunc(s, needsEscape) {
		return s
	}
	var b strings.Builder
	for i, size := 0, 0; i < len(s); i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, "<0x%02X>", s[i])
		case hiddenRune(r):
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func needsEscape(r rune) bool { return r == utf8.RuneError || hiddenRune(r) }

// visibleName is visibleText for a name or path, where a space at either end
// is part of it and would not be seen.
func visibleName(s string) string {
	const space = "<U+0020>"
	s = visibleText(s)
	if strings.HasSuffix(s, " ") {
		s = s[:len(s)-1] + space
	}
	if strings.HasPrefix(s, " ") {
		s = space + s[1:]
	}
	return s
}

// visibleList joins words, each as visible text.
func visibleList(words []string) string {
	if len(words) == 1 {
		return visibleText(words[0])
	}
	return visibleText(strings.Join(words, ", "))
}

// cellWidth returns how many terminal cells s takes: the sum over its runes,
// so that it is never less than what a terminal uses.
func cellWidth(s string) int {
	n := 0
	for i, r := range s {
		if r >= utf8.RuneSelf {
			return n + runeCells(s[i:])
		}
		n++
	}
	return n
}

func runeCells(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	if r < utf8.RuneSelf {
		return 1
	}
	return twwidth.Width(string(r))
}

// wrapText breaks s into lines of at most width cells: after a space, a comma
// or a path separator where there is one, else within the word. Where that
// makes more than most lines (0: any number), s is shortened in the middle.
func wrapText(s string, width, most int) []string {
	if cellWidth(s) <= width {
		return []string{s}
	}
	lines := breakLines(s, width, true)
	if most == 0 || len(lines) <= most {
		return lines
	}
	for n := most * width; n > most*width*2/3; n -= width/4 + 1 {
		if lines = breakLines(shortenMiddle(s, n), width, true); len(lines) <= most {
			return lines
		}
	}
	// A wide character may leave the last cell of each line empty.
	return breakLines(shortenMiddle(s, most*(width-1)), width, false)
}

func breakLines(s string, width int, atWords bool) []string {
	var lines []string
	start, cells := 0, 0        // of the line being filled
	breakAt, breakCells := 0, 0 // behind its last place to break, and the cells up to there
	for i, r := range s {
		n := runeWidth(r)
		if cells+n > width && i > start && r != ' ' {
			cut := i
			if breakAt > start {
				cut = breakAt
			} else {
				breakCells = cells
			}
			lines = append(lines, strings.TrimRight(s[start:cut], " "))
			start, cells = cut, cells-breakCells
		}
		cells += n
		if atWords && strings.ContainsRune(` ,\/`, r) && !doubledSlash(s, i) {
			breakAt, breakCells = i+1, cells
		}
	}
	return append(lines, strings.TrimRight(s[start:], " "))
}

// doubledSlash reports whether s[i] is one of the two that begin //server and
// \\server.
func doubledSlash(s string, i int) bool {
	slash := func(i int) bool { return i >= 0 && i < len(s) && (s[i] == '/' || s[i] == '\\') }
	return slash(i) && (slash(i-1) || slash(i+1))
}

// shortenMiddle returns s in at most width cells, with an ellipsis in place of
// what is left out.
func shortenMiddle(s string, width int) string {
	const ellipsis = "…"
	if cellWidth(s) <= width {
		return s
	}
	room := max(width-cellWidth(ellipsis), 0)
	head, tail := 0, len(s)
	for cells := 0; ; {
		r, size := utf8.DecodeRuneInString(s[head:])
		if cells += runeWidth(r); cells > room/2 {
			break
		}
		head += size
	}
	for cells, i := 0, len(s); ; {
		r, size := utf8.DecodeLastRuneInString(s[:i])
		if cells += runeWidth(r); cells > room-room/2 {
			break
		}
		i -= size
		if runeWidth(r) > 0 { // a mark stays with its letter
			tail = i
		}
	}
	return s[:head] + ellipsis + s[tail:]
}
