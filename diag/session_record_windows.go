package diag

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// The lock is on a byte far beyond the record's end: Windows lets nobody read
// what is locked.
const lockedByte = 1 << 30

func lockFile(f *os.File, flags uint32) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{Offset: lockedByte})
}

// lockRecord locks a record for as long as the file is open.
func lockRecord(f *os.File) error {
	return os.NewSyscallError("LockFileEx", lockFile(f, windows.LOCKFILE_EXCLUSIVE_LOCK))
}

// recordLocked reports whether the run that wrote a record goes on, or whether
// that cannot be told.
func recordLocked(f *os.File) bool { return lockFile(f, windows.LOCKFILE_FAIL_IMMEDIATELY) != nil }

func openRecord(name string) (*os.File, error) { return os.Open(name) }

// ownRecord leaves it to the rights on the user's own folder who may write to
// it.
func ownRecord(fs.FileInfo) bool { return true }
