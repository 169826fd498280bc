package diag

import (
	"os"
	"syscall"
	"testing"
)

// diskState is a file as the disk has it, but for the time of the last access
// and the content.
type diskState struct {
	mode, links, uid, gid uint64
	size, blocks          int64
	modified, changed     syscall.Timespec
	xattrs                string
}

func stateOnDisk(t *testing.T, path string) diskState {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	s := info.Sys().(*syscall.Stat_t)
	names := make([]byte, 1<<12)
	n, err := syscall.Listxattr(path, names)
	if err != nil {
		n = 0 // there are none, or the file system knows none
	}
	xattrs := ""
	for name := range splitNames(names[:n]) {
		value := make([]byte, 1<<12)
		if n, err := syscall.Getxattr(path, name, value); err == nil {
			xattrs += name + "=" + string(value[:n]) + ";"
		}
	}
	return diskState{
		mode: uint64(s.Mode), links: uint64(s.Nlink), uid: uint64(s.Uid), gid: uint64(s.Gid),
		size: s.Size, blocks: s.Blocks, modified: s.Mtim, changed: s.Ctim, xattrs: xattrs,
	}
}

// splitNames yields names that each end in a zero byte.
func splitNames(b []byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start := 0
		for i, c := range b {
			if c == 0 {
				if !yield(string(b[start:i])) {
					return
				}
				start = i + 1
			}
		}
	}
}
