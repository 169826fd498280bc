package diag

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Outputs are the files that a run writes besides what it prints.
type Outputs struct {
	Reports []string // of --report, each in the format of its ending
	Bundle  string   // of --bundle; empty for none
	Capture string   // of --capture; empty for none
	Force   bool     // files may be overwritten
	Redact  bool     // names are replaced, in what is printed too

	redactor *Redactor // nil before Begin, and without Redact
	capture  *Capture  // nil where nothing is captured
	keyBegun bool      // the key was written, and will be again
}

// Check says whether the files could be written: none is overwritten without
// Force, and the folders must be there and let files be made.
func (o *Outputs) Check() error {
	seen := map[string]bool{}
	for _, f := range o.files() {
		if f.name == "" {
			return fmt.Errorf("--%s is empty", f.flag)
		}
		if ending := strings.ToLower(filepath.Ext(f.name)); f.ending != "" && ending != f.ending {
			return fmt.Errorf("--%s %s: the name does not end in %s", f.flag, f.name, f.ending)
		}
		if f.flag == "report" {
			if _, err := FormatOf(f.name); err != nil {
				return err
			}
		}
		if seen[filepath.Clean(f.name)] {
			return fmt.Errorf("%s is to be written twice", f.name)
		}
		seen[filepath.Clean(f.name)] = true
		if err := checkNewFile(f.name, o.Force); err != nil {
			return err
		}
		if err := checkFolder(f.name); err != nil {
			return err
		}
	}
	return nil
}

type outputFile struct{ flag, name, ending string }

func (o *Outputs) files() []outputFile {
	var files []outputFile
	for _, name := range o.Reports {
		files = append(files, outputFile{"report", name, ""})
	}
	if o.Bundle != "" {
		files = append(files, outputFile{"bundle", o.Bundle, ".zip"})
	}
	if o.Capture != "" {
		files = append(files, outputFile{"capture", o.Capture, ".pcapng"})
	}
	if key := o.KeyFile(); key != "" {
		files = append(files, outputFile{"redact", key, ""})
	}
	return files
}

// KeyFile is where the pseudonyms are resolved: beside the first of the other
// files. It is empty without Redact, and where there is no other file.
func (o *Outputs) KeyFile() string {
	first := cmp.Or(append(append([]string{}, o.Reports...), o.Bundle, o.Capture)...)
	if !o.Redact || first == "" {
		return ""
	}
	return first + ".key.json"
}

// Redactor replaces names in whatever the run prints; nil where they are to
// stay.
func (o *Outputs) Redactor() *Redactor { return o.redactor }

// Begin prepares the outputs of a run on e, whose messages are captured if that
// was asked for.
func (o *Outputs) Begin(e *Endpoint) error {
	if o.Redact {
		o.redactor = NewRedactor()
		o.redactor.learnEndpoint(e)
	}
	var err error
	switch {
	case o.Capture != "":
		o.capture, err = CreateCapture(o.Capture, o.Force, o.redactor)
	case o.Bundle != "":
		o.capture, err = createTemporaryCapture(filepath.Dir(o.Bundle), o.redactor)
	}
	if err != nil {
		return fmt.Errorf("writing the capture: %w", err)
	}
	e.Capture = o.capture
	// A killed run leaves the capture, which its owner wants to read.
	if key := o.KeyFile(); key != "" && o.capture != nil {
		if err := o.redactor.WriteKeyFile(key, o.Force); err != nil {
			return fmt.Errorf("writing the key of the pseudonyms: %w", err)
		}
		o.keyBegun = true
	}
	return nil
}

// Event tells the capture of an event.
func (o *Outputs) Event(e Event) { o.capture.Event(e) }

// Write writes all files at the end of a run, and returns the report as it is to
// be printed. The error joins what went wrong; it does not keep other files from
// being written.
func (o *Outputs) Write(r *Report) (*Report, error) {
	if o.Redact {
		if o.redactor == nil { // the run did not begin
			o.redactor = NewRedactor()
		}
		r = o.redactor.Report(r)
	}
	var failed []error
	note := func(what string, err error) {
		if err != nil {
			failed = append(failed, fmt.Errorf("writing %s: %w", what, err))
		}
	}
	note("the capture", o.capture.Close())
	if n := o.capture.Dropped(); n > 0 {
		with := *r
		with.Notes = append(slices.Clone(r.Notes), fmt.Sprintf("The capture lacks %s, of which the names could not be replaced for certain.", counted(n, "message", "messages")))
		r = &with
	}
	for _, file := range o.Reports {
		note("the report", WriteReportFile(file, r, o.Force))
	}
	if o.Bundle != "" {
		err := writeBundle(o.Bundle, r, o.capture.Name(), o.Force)
		note("the bundle", err)
		switch {
		case o.capture == nil || o.Capture != "":
		case err != nil:
			if _, gone := os.Stat(o.capture.Name()); gone == nil {
				failed = append(failed, fmt.Errorf("the capture is kept as %s", o.capture.Name()))
			}
		default:
			if err := os.Remove(o.capture.Name()); !errors.Is(err, fs.ErrNotExist) {
				note("the bundle", err)
			}
		}
	}
	if key := o.KeyFile(); key != "" {
		note("the key of the pseudonyms", o.redactor.WriteKeyFile(key, o.Force || o.keyBegun))
	}
	return r, errors.Join(failed...)
}
