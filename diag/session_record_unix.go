//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package diag

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockRecord locks a record for as long as the file is open.
func lockRecord(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != unix.EINTR {
			return os.NewSyscallError("flock", err)
		}
	}
}

// recordLocked reports whether the run that wrote a record goes on, or whether
// that cannot be told.
func recordLocked(f *os.File) bool {
	return unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) != nil
}

// openRecord opens a record, and waits for nothing should it be something else.
func openRecord(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
}

// ownRecord reports whether only this user can have written the file.
func ownRecord(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && info.Mode().Perm()&0o022 == 0
}
