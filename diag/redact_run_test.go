package diag

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"err32/smb"
	"err32/smb/lab"
	"err32/smb/smbdtest"
)

// The names of a place whose every word is unmistakable.
const (
	oddUser     = "Quetzalcoatl"
	oddPassword = "Mnemosyne-Ψ 7"
	oddShare    = "Xylophone Store"
	oddFolder   = `Kumquat Grove\Rhubarb`
	oddFile     = "Flibbertigibbet plan.docx"
	oddServer   = "ZANZIBAR"
	oddComment  = "Brobdingnag files of Lilliput"
)

// oddNTHash is the MD4 of oddPassword in UTF-16LE, computed with OpenSSL.
var oddNTHash, _ = hex.DecodeString("4d41c32cb2051218a810923c35a6de74")

// oddWords are those of the names that must be nowhere; the ones of the secrets
// must be nowhere even where nothing is redacted.
var (
	oddWords   = []string{"quetzal", "coatl", "xylophone", "kumquat", "rhubarb", "flibberti", "zanzibar", "brobdingnag", "lilliput", "localhost", "127.0.0.1"}
	oddSecrets = []string{"mnemosyne", oddPassword, hex.EncodeToString(oddNTHash)}
)

// serveOdd starts a server of that place.
func serveOdd(t *testing.T, kind serverKind) *testServer {
	t.Helper()
	if kind != onSmbd {
		return startLab(t, kind, serverConfig{}, func(s *lab.Server) {
			s.Users = []lab.User{{Name: oddUser, Password: oddPassword, Groups: []string{lab.Administrators}}}
			s.Shares = []lab.Share{{Name: oddShare}}
			s.Name = oddServer
		})
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "Zanzibar disk")
	names := filepath.Join(t.TempDir(), "names")
	if err := errors.Join(os.MkdirAll(dir, 0o777), os.Chmod(dir, 0o777), os.WriteFile(names, []byte(me.Username+" = "+oddUser+"\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	s := smbdtest.Start(t, smbdtest.Config{
		Password: oddPassword, Keepalive: true,
		Global: []string{"username map = " + names, "server string = " + oddComment},
		Share:  []string{"[" + oddShare + "]", "path = " + dir, "read only = no"},
	})
	srv := smbdAsServer(s)
	srv.backstage = smbdServer{s}
	return srv
}

func (s *testServer) oddEndpoint(path string) Endpoint {
	e := s.endpoint(path)
	e.Target.Server, e.Target.Share = "localhost", oddShare
	e.Credentials = Credentials{User: oddUser, Password: oddPassword}
	e.Again = "err32 x --user=" + oddUser + " '" + e.Target.String() + "'"
	return e
}

// makeOddFile makes the folder and the file of the place.
func makeOddFile(t *testing.T, srv *testServer) *smb.Session {
	t.Helper()
	session := srv.logOnFrom(t, "127.0.0.1", oddUser, oddPassword)
	for _, folder := range []string{"Kumquat Grove", oddFolder} {
		o := openFile(t, session, oddShare, smb.CreateRequest{Name: folder, Access: smb.FileReadAttributes, Disposition: smb.OpenIf, Options: smb.DirectoryFile})
		if err := o.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	return session
}

// written are the files of a run by name, those in a bundle too.
func written(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if all[f.Name()] = data; filepath.Ext(f.Name()) != ".zip" {
			continue
		}
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range z.File {
			r, err := entry.Open()
			if err != nil {
				t.Fatal(err)
			}
			if all[f.Name()+"/"+entry.Name], err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
			r.Close()
		}
	}
	return all
}

// TestRedactRun runs every command that meets a server, and searches whatever it
// writes.
func TestRedactRun(t *testing.T) {
	for _, kind := range []serverKind{onWindows, onSmbd} {
		t.Run(string(kind), func(t *testing.T) {
			srv := serveOdd(t, kind)
			session := makeOddFile(t, srv)
			held := openFile(t, session, oddShare, smb.CreateRequest{
				Name: oddFolder + `\` + oddFile, Access: smb.FileReadData | smb.FileWriteData, Disposition: smb.OpenIf, Options: smb.NonDirectoryFile,
			})
			defer held.Close(context.Background())
			for _, redact := range []bool{false, true} {
				for name, run := range map[string]func(Endpoint, func(Event)) *Report{
					"repro": func(e Endpoint, on func(Event)) *Report {
						o := reproOf(e, smb.DisconnectFIN, 2*time.Second)
						o.OnEvent = on
						return Repro(t.Context(), o)
					},
					"table": func(e Endpoint, on func(Event)) *Report {
						return Table(t.Context(), TableOptions{Endpoint: e, OnEvent: on})
					},
					"who": func(e Endpoint, on func(Event)) *Report {
						e.Target.Path += `\` + oddFile
						return Who(t.Context(), WhoOptions{Endpoint: e, Targets: []Target{e.Target}, WantAccess: access("rw"), Probe: true, ProbeTimeout: time.Second, OnEvent: on})
					},
					"hold": func(e Endpoint, on func(Event)) *Report {
						return Hold(t.Context(), HoldOptions{Endpoint: e, Targets: []Target{e.Target}, All: true, For: time.Millisecond, Access: access("r"),
							Share: smb.ShareRead | smb.ShareWrite | smb.ShareDelete, OnEvent: on})
					},
					"release": func(e Endpoint, on func(Event)) *Report {
						return Free(t.Context(), ReleaseOptions{Endpoint: e, Path: "", Stale: true, DryRun: true, OnEvent: on})
					},
					"log-on": func(e Endpoint, on func(Event)) *Report {
						e.Credentials.Password += "x"
						return Table(t.Context(), TableOptions{Endpoint: e, OnEvent: on})
					},
					"no such share": func(e Endpoint, on func(Event)) *Report {
						e.Target.Share = "Rhubarb"
						o := reproOf(e, smb.DisconnectFIN, time.Second)
						o.OnEvent = on
						return Repro(t.Context(), o)
					},
				} {
					t.Run(fmt.Sprintf("%s redacted %v", name, redact), func(t *testing.T) { searchRun(t, srv, name, redact, run) })
				}
			}
		})
	}
}

func searchRun(t *testing.T, srv *testServer, name string, redact bool, run func(Endpoint, func(Event)) *Report) {
	folder := t.TempDir()
	o := Outputs{Redact: redact, Bundle: filepath.Join(folder, oddServer+".zip"), Capture: filepath.Join(folder, "run.pcapng")}
	for _, f := range Formats {
		o.Reports = append(o.Reports, filepath.Join(folder, "run"+f.Ending))
	}
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	e := srv.oddEndpoint(oddFolder)
	if err := o.Begin(&e); err != nil {
		t.Fatal(err)
	}
	report := run(e, o.Event)
	if report.Error != nil && name != "log-on" && name != "no such share" && !report.Error.Undecided {
		t.Fatal(text(report.Error))
	}
	if _, err := o.Write(report); err != nil {
		t.Fatal(err)
	}
	if o.capture.dropped > 0 {
		t.Errorf("%d messages could not be redacted", o.capture.dropped)
	}
	files := written(t, folder)
	hasNames := false
	for file, data := range files {
		if strings.HasSuffix(file, ".key.json") {
			continue // it is the one place for them
		}
		if left := leaks(data, oddWords); len(left) > 0 && redact {
			t.Errorf("%s has %q", file, left)
		} else if len(left) > 5 {
			hasNames = true
		}
	}
	for file, data := range files {
		if left := leaks(data, oddSecrets); len(left) > 0 || bytes.Contains(data, oddNTHash) || bytes.Contains(data, []byte("NTLMSSP")) {
			t.Errorf("%s has %q, or the hash, or a log-on's message", file, left)
		}
	}
	if !redact {
		if !hasNames {
			t.Error("without --redact no file has the names")
		}
		return
	}
	if key := files["run.txt.key.json"]; len(leaks(key, []string{oddUser, oddShare, "Rhubarb"})) != 3 {
		t.Errorf("the key has not all names: %s", key)
	}
	packets := readCapture(t, o.Capture)
	if name != "log-on" && !slices.ContainsFunc(packets, func(p capturedPacket) bool { return bytes.Contains(p.payload, utf16LE("host-1")) }) {
		t.Error("no message has a pseudonym")
	}
	for _, p := range packets {
		if p.from.Addr().IsLoopback() || p.to.Addr().IsLoopback() {
			t.Errorf("a packet is from %s to %s", p.from, p.to)
		}
	}
	dissect(t, o.Capture, srv.port)
}
