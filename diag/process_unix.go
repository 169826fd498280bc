//go:build unix

package diag

import (
	"errors"
	"syscall"
)

// processRuns reports whether a process has this id. A new process may have the
// id of one that ended: then it counts as running, and nothing of it is touched.
func processRuns(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
