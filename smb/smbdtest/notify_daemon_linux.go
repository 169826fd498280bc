package smbdtest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// notifyDaemonRegistered tells whether smbd's notify daemon has entered its name in names.tdb. smbd starts that process
// before it listens, but does not wait for it; until it is found there, every tree connect is refused with
// STATUS_NO_MEMORY ("No notify daemon around" in the log).
func (s *Server) notifyDaemonRegistered() (bool, error) {
	f, err := os.Open(filepath.Join(s.base, "lock", "names.tdb"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	// A record is written before the hash table points at it, both under the lock of its chain. Those locks are on the
	// bytes behind the database's header; the ones within it stand for other things.
	const header = 168
	chains := syscall.Flock_t{Type: syscall.F_RDLCK, Whence: io.SeekStart, Start: header}
	switch err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &chains); {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EACCES):
		return false, nil // it is being written
	case err != nil:
		return false, err
	}
	names, err := io.ReadAll(f)
	return bytes.Contains(names, []byte("notify-daemon\x00")), err
}
