//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package diag

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What is no record of this user's own is passed over, and left where it is.
func TestSessionRecordsForeign(t *testing.T) {
	dir := t.TempDir()
	good := `{"schema":"err32/1","server":"fs1","port":445,"share":"data","user":"alice","session_id":"0x12","command":"hold","pid":1,"started":"2026-01-02T03:04:05Z","paths":["a"]}`
	write := func(name, text string, mode os.FileMode) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil { // past the umask
			t.Fatal(err)
		}
		return name
	}
	write("session-good.json", good, 0o600)
	write("session-older.json", strings.Replace(good, "2026", "2025", 1), 0o400)
	write("session-cut.json", good[:40], 0o600)
	write("session-empty.json", "", 0o600)
	write("session-other.json", strings.Replace(good, "err32/1", "err33/1", 1), 0o600)
	write("session-list.json", "["+good+"]", 0o600)
	write("session-no-id.json", strings.Replace(good, "0x12", "", 1), 0o600)
	write("session-long.json", good+strings.Repeat(" ", recordSize), 0o600)
	write("session-writable.json", good, 0o622)
	write("other.json", good, 0o600)
	write("session-other.txt", good, 0o600)
	outside := filepath.Join(t.TempDir(), "session-outside.json")
	if err := os.WriteFile(outside, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "session-link.json")); err != nil {
		t.Fatal(err)
	}
	if f, err := openRecord(filepath.Join(dir, "session-link.json")); err == nil { // put there after the listing
		f.Close()
		t.Error("a link was followed")
	}
	if err := os.Mkdir(filepath.Join(dir, "session-folder.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, "session-fifo.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := write("session-foreign.json", good, 0o600)
	if os.Geteuid() == 0 {
		if err := os.Chown(foreign, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
	before := recordFiles(t, dir)
	records, err := readSessionRecords(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range records {
		names = append(names, filepath.Base(r.file))
	}
	want := []string{"session-older.json", "session-good.json"}
	if os.Geteuid() != 0 {
		want = append(want, "session-foreign.json") // it could not be given away
	}
	if !slices.Equal(names, want) {
		t.Errorf("read %q, want %q", names, want)
	}
	if after := recordFiles(t, dir); !slices.Equal(after, before) {
		t.Errorf("files %q, were %q", after, before)
	}
}
