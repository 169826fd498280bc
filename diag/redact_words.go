package diag

import (
	_ "embed"
	"strings"
	"unicode/utf8"
)

// ownWordsText is the words of the texts that err32 itself writes into reports,
// one a line, in capitals.
//
//go:embed redact_words.txt
var ownWordsText string

var ownWords = func() map[string]bool {
	all := map[string]bool{}
	for w := range strings.Lines(ownWordsText) {
		all[strings.TrimSpace(w)] = true
	}
	return all
}()

// isOrdinary reports whether a name, folded, is a word that a sentence may have
// without meaning the name.
func isOrdinary(key string) bool {
	return ownWords[key] || utf8.RuneCountInString(key) < 2 || len(key) < 5 && isDigits(key)
}
