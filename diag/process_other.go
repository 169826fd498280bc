//go:build !unix

package diag

import "os"

// processRuns reports whether a process has this id. A new process may have the
// id of one that ended: then it counts as running, and nothing of it is touched.
func processRuns(pid int) bool {
	p, err := os.FindProcess(pid) // fails on Windows when there is none
	if err != nil {
		return false
	}
	p.Release()
	return true
}
