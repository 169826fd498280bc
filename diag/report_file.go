package diag

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// CheckReportFile says whether a report could be written to a file: an existing
// one is not overwritten without force, and the folder must be there.
func CheckReportFile(name string, force bool) error {
	if _, err := FormatOf(name); err != nil {
		return err
	}
	info, err := os.Stat(filepath.Dir(name))
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", filepath.Dir(name))
	}
	info, err = os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", name)
	case !force:
		return fmt.Errorf("%s exists already; --force overwrites it", name)
	}
	return nil
}

// WriteReportFile writes the report in the format that the file's name ends in.
// The file appears whole or not at all, and only its owner may read it: it names
// users, clients and files.
func WriteReportFile(name string, r *Report, force bool) (err error) {
	if err := CheckReportFile(name, force); err != nil {
		return err
	}
	format, err := FormatOf(name)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".err32-report-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	err = format.Render(f, r, 0)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if !force {
		// A link fails where somebody made the file meanwhile; a rename would not.
		if err = os.Link(f.Name(), name); err == nil {
			return os.Remove(f.Name())
		}
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s exists already; --force overwrites it", name)
		}
	}
	err = os.Rename(f.Name(), name) // also where the file system has no links
	return err
}
