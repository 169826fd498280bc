package diag

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// bundled returns the files of a bundle by their names, without the folder,
// which all of them are in.
func bundled(t *testing.T, name, folder string) map[string][]byte {
	t.Helper()
	z, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := map[string][]byte{}
	for _, f := range z.File {
		inside, ok := strings.CutPrefix(f.Name, folder+"/")
		if !ok || strings.Contains(inside, "/") {
			t.Errorf("%q is not in the folder %s", f.Name, folder)
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r) // checks the sum, too
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		r.Close()
		files[inside] = b
	}
	return files
}

// Every report of testdata becomes a bundle that holds what each format holds.
func TestBundle(t *testing.T) {
	packets := bytes.Repeat([]byte("a packet"), 10_000)
	capture := filepath.Join(t.TempDir(), "run.pcapng")
	if err := os.WriteFile(capture, packets, 0o600); err != nil {
		t.Fatal(err)
	}
	for file, r := range reportInputs(t) {
		name, folder := filepath.Join(t.TempDir(), "ticket 42.zip"), "ticket 42"
		if r.Redacted { // the name of the file may be one of the site's
			folder = "err32-" + strings.NewReplacer("-", "", ":", "", "T", "-").Replace(r.Started.UTC().Format("2006-01-02T15:04:05"))
		}
		if err := writeBundle(name, r, capture, false); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		files := bundled(t, name, folder)
		want := map[string][]byte{"capture.pcapng": packets}
		for _, f := range Formats {
			if f.Ending != ".txt" {
				want["report"+f.Ending] = rendered(t, func(w io.Writer, r *Report) error { return f.Render(w, r, 0) }, r)
			}
		}
		readme := string(files["README.txt"])
		for inside, b := range want {
			if !bytes.Equal(files[inside], b) {
				t.Errorf("%s: %s is not what the format writes", file, inside)
			}
			if !strings.Contains(readme, inside) {
				t.Errorf("%s: README.txt does not name %s", file, inside)
			}
		}
		if len(files) != len(want)+1 {
			t.Errorf("%s: the bundle has %d files, want %d and README.txt", file, len(files), len(want))
		}
		if v := r.Verdict; v != nil && !strings.Contains(unwrapped(readme), unwrapped(visibleText(v.Summary))) {
			t.Errorf("%s: README.txt does not tell the verdict %q:\n%s", file, v.Summary, readme)
		}
		for line := range strings.SplitSeq(readme, "\n") {
			if cellWidth(line) > 80 {
				t.Errorf("%s: README.txt has a line of %d cells: %s", file, cellWidth(line), line)
			}
		}
		again, err := ParseReport(files["report.json"])
		if err != nil || !bytes.Equal(renderJSON(t, again), files["report.json"]) {
			t.Errorf("%s: report.json is not read back as it was: %v", file, err)
		}
	}
}

// unwrapped is a text without its spaces and line ends.
func unwrapped(s string) string { return strings.Join(strings.Fields(s), "") }

// What README.txt says of redaction follows the report.
func TestBundleReadme(t *testing.T) {
	for folder, redacted := range map[string]bool{"fs01": false, "err32-20261122-093000": true} {
		name := filepath.Join(t.TempDir(), "fs01.zip")
		r := &Report{Schema: Schema, Command: "table", Redacted: redacted, Interrupted: true, Incomplete: true}
		r.Started.Time = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)
		if err := writeBundle(name, r, "", false); err != nil {
			t.Fatal(err)
		}
		files := bundled(t, name, folder)
		readme := string(files["README.txt"])
		if strings.Contains(unwrapped(readme), unwrapped("has the key, a file that ends in .key.json")) != redacted ||
			strings.Contains(readme, "Nothing is redacted") == redacted {
			t.Errorf("redacted %v:\n%s", redacted, readme)
		}
		if !strings.Contains(readme, "incomplete") || !strings.Contains(readme, "Interrupted") {
			t.Errorf("an interrupted run:\n%s", readme)
		}
		if _, there := files["capture.pcapng"]; there || strings.Contains(readme, "pcapng") {
			t.Error("there is a capture where nothing was captured")
		}
	}
}

// The same report makes the same bytes, whenever it is written, and every file
// has the report's time, which is no local one.
func TestBundleDeterministic(t *testing.T) {
	dir := t.TempDir()
	finished := time.Date(2026, 11, 22, 23, 30, 14, 0, time.UTC)
	r := &Report{Schema: Schema, Command: "table", Finished: Time{finished}}
	elsewhere := *r
	elsewhere.Finished.Time = finished.In(time.FixedZone("", 9*3600))
	var bundles [][]byte
	for i, r := range []*Report{r, r, &elsewhere} {
		name := filepath.Join(dir, []string{"1", "2", "3"}[i], "b.zip")
		if err := os.Mkdir(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := writeBundle(name, r, "", false); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		bundles = append(bundles, b)
	}
	if !bytes.Equal(bundles[0], bundles[1]) || !bytes.Equal(bundles[0], bundles[2]) {
		t.Error("three bundles of one report differ")
	}
	z, err := zip.NewReader(bytes.NewReader(bundles[0]), int64(len(bundles[0])))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		if !f.Modified.Equal(finished) {
			t.Errorf("%s is of %v, want %v", f.Name, f.Modified, finished)
		}
	}
}

// No file replaces another one, no bundle is left half written, and a capture
// that is gone does not take the report with it.
func TestBundleFails(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "b.zip")
	r := &Report{Schema: Schema, Command: "table"}
	if err := writeBundle(name, r, filepath.Join(dir, "gone.pcapng"), false); err == nil || !strings.Contains(err.Error(), "gone.pcapng") {
		t.Errorf("a capture that is gone: %v", err)
	}
	if files := bundled(t, name, "b"); len(files["report.json"]) == 0 {
		t.Errorf("without its capture the bundle has no report")
	}
	before, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeBundle(name, r, "", false); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("over an existing file: %v", err)
	}
	if after, err := os.ReadFile(name); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the existing file was changed (%v)", err)
	}
	if err := writeBundle(filepath.Join(dir, "c.zip"), r, dir, false); err == nil { // opens, and cannot be read
		t.Error("a folder was taken for a capture")
	}
	var left []string
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if err != nil || !slices.Equal(left, []string{"b.zip"}) {
		t.Errorf("left in the folder: %v (%v)", left, err)
	}
}

func TestBundleFolder(t *testing.T) {
	for name, want := range map[string]string{
		"a/b.zip": "b", "run.2026.zip": "run.2026", "RUN.ZIP": "RUN", "a b.zip": "a b",
		".zip": "err32", "...zip": "err32", "a..zip": "a", `..\x.zip`: ".._x", "a:b\n.zip": "a_b_",
	} {
		if filepath.Separator == '\\' && strings.Contains(name, `\`) {
			continue // a path there
		}
		if got := bundleFolder(filepath.FromSlash(name)); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
