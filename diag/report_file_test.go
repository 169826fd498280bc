package diag

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A file that could not be written whole is not there, nor is anything else, and
// the error names it and not the file that was to become it.
func TestWriteNewFileFails(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "run.json")
	for what, fails := range map[string]error{
		"of its own":  errors.New("no luck"),
		"of the file": &fs.PathError{Op: "write", Path: "run.json", Err: errors.New("no luck")},
	} {
		err := writeNewFile(name, false, func(w io.Writer) error {
			if _, err := io.WriteString(w, "half"); err != nil {
				t.Error(err)
			}
			var at *fs.PathError
			if errors.As(fails, &at) {
				at.Path = w.(*os.File).Name()
			}
			return fails
		})
		if err == nil || err.Error() != name+": no luck" || !strings.HasSuffix(fails.Error(), "no luck") {
			t.Errorf("an error %s: %v", what, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left in the folder: %v (%v)", entries, err)
	}
}

// With force the old file stays until the new one is whole.
func TestWriteNewFileForce(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "run.json")
	if err := os.WriteFile(name, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	write := func(text string, fails error) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return errors.Join(err, fails)
		}
	}
	holds := func(want string) {
		t.Helper()
		if b, err := os.ReadFile(name); err != nil || string(b) != want {
			t.Errorf("the file holds %q, want %q (%v)", b, want, err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("in the folder: %v (%v)", entries, err)
		}
	}
	if err := writeNewFile(name, false, write("new", nil)); err == nil {
		t.Error("a file was overwritten without force")
	}
	holds("old")
	if err := writeNewFile(name, true, write("half", errors.New("no luck"))); err == nil {
		t.Error("a file was written that could not be")
	}
	holds("old")
	if err := writeNewFile(name, true, write("new", nil)); err != nil {
		t.Error(err)
	}
	holds("new")
	if info, err := os.Stat(name); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v (%v)", info.Mode(), err)
	}
}

// Files that could not be written are told of before a run, and looking leaves
// nothing behind.
func TestOutputsCheck(t *testing.T) {
	dir := t.TempDir()
	there := filepath.Join(dir, "there.json")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	new := filepath.Join(dir, "new")
	for want, o := range map[string]Outputs{
		"":                                {Reports: []string{new + ".json", new + ".txt"}, Bundle: new + ".zip", Capture: new + ".pcapng", Redact: true},
		"there.json exists already":       {Reports: []string{there}},
		"is to be written twice":          {Reports: []string{new + ".md", dir + "/./new.md"}},
		"there.json is not a folder":      {Bundle: filepath.Join(there, "b.zip")},
		"none":                            {Capture: filepath.Join(dir, "none", "c.pcapng")},
		"the name does not end in .zip":   {Bundle: new + ".tar"},
		"key.json exists already":         {Reports: []string{new + ".md"}, Redact: true},
		filepath.Join(closed, "run.json"): {Reports: []string{filepath.Join(closed, "run.json")}},
	} {
		key := new + ".md.key.json"
		if strings.HasPrefix(want, "key") {
			if err := os.WriteFile(key, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if strings.HasPrefix(want, closed) && (runtime.GOOS == "windows" || os.Geteuid() == 0) {
			continue // nothing is closed to root, nor on Windows by a mode
		}
		err := o.Check()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
		os.Remove(key)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("in the folder: %v (%v)", entries, err)
	}
}
