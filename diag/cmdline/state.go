package cmdline

import (
	"os"
	"path/filepath"
	"runtime"
)

// StateDir is the folder in which runs keep what a later one may need: err32 in
// XDG_STATE_HOME, or in the place the system has for such files. It is empty
// where the user has no folder.
func StateDir() string {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "err32")
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return ""
		}
		return filepath.Join(dir, "err32")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "state", "err32")
}
