package diag

import (
	"archive/zip"
	"bufio"
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// bundleForms are the forms of the report that a bundle holds, by the names of
// their formats, and what each is for.
var bundleForms = [][2]string{
	{"html", "the whole report, for people: any browser opens it, without a network"},
	{"markdown", "the report for an issue tracker, to be pasted there; long tables are cut"},
	{"csv", "the opens in the server's table, for a spreadsheet"},
	{"json", "the whole report as data, for programs; the other forms are made of it"},
}

// writeBundle writes a zip file with the report in every form that people read,
// and the capture if there is one, in a folder of the bundle's name, or where
// the report is redacted, of its time: the file may be named after a server. The
// same report makes the same bytes. The key of the pseudonyms is not in it. A capture
// that cannot be read is left out, and is an error.
func writeBundle(name string, r *Report, capture string, force bool) error {
	var packets *os.File
	var unread error
	if capture != "" {
		if packets, unread = os.Open(capture); unread == nil {
			defer packets.Close()
		}
	}
	folder := bundleFolder(name)
	if r.Redacted {
		folder = "err32-" + r.Started.UTC().Format("20060102-150405")
	}
	err := writeNewFile(name, force, func(w io.Writer) error {
		b := bundle{zip.NewWriter(w), folder, r.Finished}
		return b.write(r, packets)
	})
	return errors.Join(err, unread)
}

// bundleFolder is the name of the folder in a bundle: its file's, as far as a
// folder can be named like that on every system.
func bundleFolder(name string) string {
	base := filepath.Base(name)
	folder := strings.Map(func(c rune) rune {
		if c < ' ' || strings.ContainsRune(`<>:"/\|?*`, c) {
			return '_'
		}
		return c
	}, strings.TrimSuffix(base, filepath.Ext(base)))
	return cmp.Or(strings.TrimRight(folder, ". "), "err32")
}

// bundle is a zip file that is being written.
type bundle struct {
	zip    *zip.Writer
	folder string
	made   Time // of every file
}

// write writes the files; packets is nil where there is no capture.
func (b *bundle) write(r *Report, packets *os.File) error {
	var files [][2]string // names, and what they are
	var formats []Format
	for _, form := range bundleForms {
		format, err := ParseFormat(form[0])
		if err != nil {
			return err
		}
		formats = append(formats, format)
		files = append(files, [2]string{"report" + format.Ending, form[1]})
	}
	const capture = "capture.pcapng"
	if packets != nil {
		files = append(files, [2]string{capture, "the run's SMB messages, for Wireshark; log-on tokens and what was read from files are blanked"})
	}
	err := b.add("README.txt", func(w io.Writer) error { return bundleReadme(w, r, files) })
	for i, format := range formats {
		if err == nil {
			err = b.add(files[i][0], func(w io.Writer) error { return format.Render(w, r, 0) })
		}
	}
	if err == nil && packets != nil {
		err = b.add(capture, func(w io.Writer) error {
			_, err := io.Copy(w, packets)
			return err
		})
	}
	return errors.Join(err, b.zip.Close())
}

func (b *bundle) add(name string, write func(io.Writer) error) error {
	h := &zip.FileHeader{Name: b.folder + "/" + name, Method: zip.Deflate, Modified: b.made.UTC()}
	h.SetMode(0o600) // it names users, clients and files
	w, err := b.zip.CreateHeader(h)
	if err != nil {
		return err
	}
	return write(w)
}

// bundleReadme tells somebody who knows nothing of the run what happened and
// what to open.
func bundleReadme(w io.Writer, r *Report, files [][2]string) error {
	p := &reportPage{&textSheet{w: bufio.NewWriter(w), width: defaultWidth}}
	p.head(r)
	p.failure(r)
	p.verdict(r)
	p.heading("What is in this folder")
	for _, f := range files {
		p.item(f[0] + ": " + f[1])
	}
	p.heading("Who may read it")
	if r.Redacted {
		p.paragraph("The names of users, hosts, shares and files are replaced by pseudonyms, the same one for a name in all of these files. " +
			"Whoever made this bundle has the key, a file that ends in .key.json and is not in here: ask them what stands for what. " +
			"No password is in any of these files.")
	} else {
		p.paragraph("Nothing is redacted: these files name users, hosts, shares and files. No password is in any of them. " +
			"A bundle with pseudonyms, for those who are not to know the names, is made by the following; " +
			"it has no capture, whose names only the run itself can replace.")
		p.code("err32 report report.json --redact --bundle redacted.zip")
	}
	p.heading("To read report.json in a terminal, or write it in another form")
	p.code("err32 report report.json")
	p.code("err32 report report.json --report again.html")
	return p.close()
}
