package diag

import (
	"slices"
	"strings"
	"sync"

	"err32/smb"
)

// foldedName is a name as it was asked for, without prefix, case and
// separators, and the tables that its prefix allows.
type foldedName struct {
	name     string
	statuses bool
	win32    bool
}

// foldName takes the prefix off a name: STATUS_ and NT_STATUS_ (Samba) name an
// NTSTATUS; ERROR_, NERR_, WERR_ and WERR_NERR_ (Samba) a Win32 error.
func foldName(text string) foldedName {
	f := foldedName{name: fold(text), statuses: true, win32: true}
	for _, prefix := range []string{"NTSTATUS", "STATUS"} {
		if rest, ok := strings.CutPrefix(f.name, prefix); ok && rest != "" {
			return foldedName{name: alias(rest), statuses: true}
		}
	}
	for _, prefix := range []string{"WERR", "ERROR", "NERR"} {
		if rest, ok := strings.CutPrefix(f.name, prefix); ok && rest != "" {
			f.name, f.statuses = rest, false
		}
	}
	f.name = alias(f.name)
	return f
}

func fold(name string) string {
	return strings.ToUpper(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
}

// alias translates Samba's own word for success.
func alias(name string) string {
	if name == "OK" {
		return "SUCCESS"
	}
	return name
}

var statusNames = sync.OnceValue(func() map[string]smb.NTStatus {
	names := make(map[string]smb.NTStatus)
	for _, s := range smb.Statuses() {
		names[foldName(s.String()).name] = s
	}
	return names
})

// win32Names holds two codes for a few names: ERROR_INTERNAL_ERROR and
// NERR_InternalError fold to the same.
var win32Names = sync.OnceValue(func() map[string][]uint32 {
	names := make(map[string][]uint32)
	for _, code := range smb.Win32Codes() {
		folded := foldName(smb.Win32Name(code)).name
		names[folded] = append(names[folded], code)
	}
	return names
})

const (
	maxNear       = 5  // how many names a "did you mean" lists
	maxNameLength = 64 // longer than any name; what is longer is like none
)

// nearNames returns the specification's names that are like word: first those
// that contain it, then those that differ by a few letters.
func nearNames(word foldedName) []string {
	type match struct {
		name     string
		distance int
	}
	if len(word.name) > maxNameLength {
		return nil
	}
	var matches []match
	consider := func(folded, name string) {
		switch d := editDistance(word.name, folded); {
		case len(word.name) >= 3 && strings.Contains(folded, word.name):
			matches = append(matches, match{name, 0})
		case d <= max(1, len(word.name)/4):
			matches = append(matches, match{name, d})
		}
	}
	if word.statuses {
		for folded, s := range statusNames() {
			consider(folded, s.String())
		}
	}
	if word.win32 {
		for folded, codes := range win32Names() {
			for _, code := range codes {
				consider(folded, smb.Win32Name(code))
			}
		}
	}
	slices.SortFunc(matches, func(a, b match) int {
		if a.distance != b.distance {
			return a.distance - b.distance
		}
		if len(a.name) != len(b.name) {
			return len(a.name) - len(b.name)
		}
		return strings.Compare(a.name, b.name)
	})
	var names []string
	for _, m := range matches[:min(len(matches), maxNear)] {
		names = append(names, m.name)
	}
	return names
}

// editDistance returns how many bytes must be inserted, removed or replaced to
// make b of a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
