//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package diag

import (
	"errors"
	"io/fs"
	"os"
)

// lockRecord fails: without a lock nothing would tell whether a run goes on.
func lockRecord(*os.File) error { return errors.ErrUnsupported }

func recordLocked(*os.File) bool { return true }

func openRecord(name string) (*os.File, error) { return os.Open(name) }

func ownRecord(fs.FileInfo) bool { return false }
