package diag

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

var updateWords = flag.Bool("update-words", false, "write redact_words.txt anew from the texts in the source")

// textWords are the words in the texts of this package and of smb that get into
// reports. What only renderers and explain say does not.
func textWords(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../smb/*.go")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, file := range append(files, more...) {
		base := filepath.Base(file)
		if strings.HasSuffix(base, "_test.go") || base == "status_table.go" ||
			slices.ContainsFunc([]string{"render", "explain", "redact", "bundle", "capture", "compare"}, func(p string) bool { return strings.HasPrefix(base, p) }) {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.Field:
				n.Tag = nil
			case *ast.BasicLit:
				text, err := strconv.Unquote(n.Value)
				if n.Kind != token.STRING || err != nil {
					return true
				}
				for _, w := range words(text) {
					written := text[w.begin:w.end]
					if rest := written[1:]; rest != strings.ToLower(rest) && written != w.key {
						continue // the name of a field
					}
					if utf8.RuneCountInString(w.key) > 1 && strings.Trim(w.key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == "" && !isDigits(w.key) {
						all[w.key] = true
					}
				}
			}
			return true
		})
	}
	return all
}

// A word in the list is replaced less often than a name should be, so it must
// really be in some text. What is missing costs no more than a report that is
// harder to read.
func TestOwnWords(t *testing.T) {
	all := textWords(t)
	if *updateWords {
		var sorted []string
		for w := range all {
			sorted = append(sorted, w)
		}
		slices.Sort(sorted)
		if err := os.WriteFile("redact_words.txt", []byte(strings.Join(sorted, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for w := range ownWords {
		if !all[w] {
			t.Errorf("no text has the word %s any more; go test ./diag -run OwnWords -update-words takes it out", w)
		}
	}
	for _, w := range []string{"share", "read", "file", "open", "data", "none", "user", "lab"} {
		if !isOrdinary(folded(w)) {
			t.Errorf("%q is no ordinary word", w)
		}
	}
	if missing := len(all) - len(ownWords); missing > 0 {
		t.Logf("%d words of the texts are not in the list yet", missing)
	}
}
