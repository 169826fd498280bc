package cmdline

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// RemoveReadyFile removes what an earlier run left, so that nobody takes it for
// this run's. Any other file is an error, and so is a missing folder.
func RemoveReadyFile(name string) error {
	if _, err := os.Stat(filepath.Dir(name)); err != nil {
		return err
	}
	info, err := os.Lstat(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var content []byte
	if err == nil && info.Mode().IsRegular() {
		content, err = os.ReadFile(name)
	}
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(content, []byte("ready ")) || len(content) > 100 {
		return fmt.Errorf("%s exists, and no earlier run wrote it", name)
	}
	return os.Remove(name)
}

// WriteReadyFile makes the file appear with its whole content, "ready" and what
// is: how many files are held, or the address that is served.
func WriteReadyFile(name string, what any) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".err32-ready-*")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "ready %v\n", what)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
