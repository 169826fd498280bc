package diag

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// makeOddFiles puts a named pipe among the records, and gives one of them to
// another user where that is allowed.
func makeOddFiles(t *testing.T, dir, foreign string) {
	t.Helper()
	if err := unix.Mkfifo(filepath.Join(dir, "session-fifo.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(foreign, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
}
