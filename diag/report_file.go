package diag

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// checkNewFile says whether a file could be written: an existing one is not
// overwritten without force, and the folder must be there.
func checkNewFile(name string, force bool) error {
	info, err := os.Stat(filepath.Dir(name))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	case !info.IsDir():
		return fmt.Errorf("%s: %s is not a folder", name, filepath.Dir(name))
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

// checkFolder says whether a new file could be made in the folder of name.
func checkFolder(name string) error {
	f, err := createBeside(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// createBeside makes a file that is to become name.
func createBeside(name string) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".err32-*")
	var at *fs.PathError
	if errors.As(err, &at) {
		err = fmt.Errorf("%s: %w", name, at.Err)
	}
	return f, err
}

// WriteReportFile writes the report in the format that the file's name ends in,
// as writeNewFile does.
func WriteReportFile(name string, r *Report, force bool) error {
	format, err := FormatOf(name)
	if err != nil {
		return err
	}
	return writeNewFile(name, force, func(w io.Writer) error { return format.Render(w, r, 0) })
}

// writeNewFile writes a file that appears whole or not at all, and never in
// place of another one without force. Only its owner may read it: it names
// users, clients and files.
func writeNewFile(name string, force bool, write func(io.Writer) error) (err error) {
	if err := checkNewFile(name, force); err != nil {
		return err
	}
	f, err := createBeside(name)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	err = cmp.Or(write(f), f.Sync(), f.Close())
	var at *fs.PathError
	if errors.As(err, &at) && at.Path == f.Name() { // a name that says nothing to anybody
		err = at.Err
	}
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
