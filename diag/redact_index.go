package diag

import (
	"unicode"
	"unicode/utf8"
)

// nameIndex finds the longest name that begins at a word of a text. The zero
// value is empty.
type nameIndex struct {
	next  map[indexStep]int32
	kinds []uint8 // what names end at a place: a bit for each nameKind
}

// indexStep leads from a place in the index, which is the beginning of some
// names, to the one behind the next word. Place 0 is before all words.
type indexStep struct {
	from int32
	word string // folded
}

// word is a run of letters and digits, or one other character.
type word struct {
	begin, end int
	key        string // folded
}

// words splits a text. Everything in it is in some word.
func words(s string) []word {
	var all []word
	for i := 0; i < len(s); {
		begin := i
		c, size := utf8.DecodeRuneInString(s[i:])
		i += size
		for isWordRune(c) && i < len(s) {
			if c, size = utf8.DecodeRuneInString(s[i:]); !isWordRune(c) {
				break
			}
			i += size
		}
		all = append(all, word{begin, i, folded(s[begin:i])})
	}
	return all
}

func isWordRune(c rune) bool {
	return c == '_' || unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.IsMark(c)
}

func (x *nameIndex) add(kind nameKind, name string) {
	if x.next == nil {
		x.next, x.kinds = map[indexStep]int32{}, []uint8{0}
	}
	at := int32(0)
	for _, w := range words(name) {
		step := indexStep{at, w.key}
		to, ok := x.next[step]
		if !ok {
			to = int32(len(x.kinds))
			x.kinds = append(x.kinds, 0)
			x.next[step] = to
		}
		at = to
	}
	x.kinds[at] |= 1 << kind
}

// longest returns how many of the words the longest name of some of the kinds
// takes, and of which of these it is; 0 where none begins here.
func (x *nameIndex) longest(text []word, kinds uint8) (count int, found uint8) {
	at, ok := int32(0), false
	for i, w := range text {
		if at, ok = x.next[indexStep{at, w.key}]; !ok {
			break
		}
		if x.kinds[at]&kinds != 0 {
			count, found = i+1, x.kinds[at]&kinds
		}
	}
	return count, found
}
