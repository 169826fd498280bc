package cmdline

import (
	"os"
	"path/filepath"
	"testing"
)

func TestReadyFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "ready")
	for _, held := range []int{1, 10000} { // the second run meets the first one's file
		if err := RemoveReadyFile(name); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(name); err == nil {
			t.Fatal("the file of an earlier run is still there")
		}
		if err := WriteReadyFile(name, held); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != "ready 10000\n" {
		t.Errorf("the file holds %q, %v", got, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestRemoveReadyFileRefuses(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "mine")
	if err := os.WriteFile(mine, []byte("ready, steady"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{mine, dir, filepath.Join(dir, "none", "ready")} {
		if err := RemoveReadyFile(name); err == nil {
			t.Errorf("RemoveReadyFile(%s): no error", name)
		}
	}
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
}
