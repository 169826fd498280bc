package smbdtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// Status is the server's own view, read from its databases by smbstatus: the outside truth for a client's tests.
type Status struct {
	Opens    map[string][]Open // by path relative to the share's folder, with slashes
	Sessions []Session
}

// Open is one open of a file.
type Open struct {
	Pid         int    // of the smbd that serves the client
	Dir         string // the share's folder on disk
	Path        string // relative to Dir, with slashes
	ShareFileID uint32 // the low part of the id NetrFileEnum shows
	UID         int
	ShareMode   uint32 // [MS-SMB2] 2.2.13 ShareAccess
	AccessMask  uint32 // [MS-SMB2] 2.2.13.1, as granted
	OpenedAt    time.Time
}

// Session is one session.
type Session struct {
	ID         string
	Pid        int
	User       string
	Remote     string // the client's address, "ipv4:127.0.0.1:60132"
	Dialect    string // Samba's name: SMB3_11
	Signing    string // "AES-128-GMAC", or "-"
	Encryption string // "AES-128-GCM", or "-"
}

// Status reads the server's tables. The time smbstatus takes grows with the square of the number of opens: about a
// second at 2000. Without root it needs a user namespace, because smbstatus insists on user id 0; where the machine
// forbids that, the test is skipped.
func (s *Server) Status(t testing.TB) Status {
	t.Helper()
	cmd := exec.Command(s.tools.smbstatus, "--configfile="+s.Conf, "--json")
	cmd.SysProcAttr = asRoot()
	out, err := run(cmd)
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) && cmd.SysProcAttr != nil {
		t.Skipf("smbstatus works only as root, and a user namespace could not be had: %v", err)
	}
	if err != nil {
		t.Fatalf("smbdtest: %v", err)
	}
	st, err := parseStatus(out)
	if err != nil {
		t.Fatalf("smbdtest: smbstatus: %v\n%s", err, out)
	}
	return st
}

type serverID struct {
	Pid string `json:"pid"`
}

type hexField struct {
	Hex string `json:"hex"`
}

type cipher struct {
	Cipher string `json:"cipher"`
}

// parseStatus reads the output of smbstatus --json.
func parseStatus(text []byte) (Status, error) {
	var doc struct {
		Sessions map[string]struct {
			SessionID  string   `json:"session_id"`
			ServerID   serverID `json:"server_id"`
			Username   string   `json:"username"`
			Hostname   string   `json:"hostname"`
			Dialect    string   `json:"session_dialect"`
			Encryption cipher   `json:"encryption"`
			Signing    cipher   `json:"signing"`
		} `json:"sessions"`
		OpenFiles map[string]struct {
			ServicePath string `json:"service_path"`
			Filename    string `json:"filename"`
			Opens       map[string]struct {
				ServerID    serverID `json:"server_id"`
				UID         int      `json:"uid"`
				ShareFileID string   `json:"share_file_id"`
				ShareMode   hexField `json:"sharemode"`
				AccessMask  hexField `json:"access_mask"`
				OpenedAt    string   `json:"opened_at"`
			} `json:"opens"`
		} `json:"open_files"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return Status{}, err
	}
	st := Status{Opens: make(map[string][]Open)}
	for _, s := range doc.Sessions {
		pid, err := strconv.Atoi(s.ServerID.Pid)
		if err != nil {
			return Status{}, fmt.Errorf("pid of session %s: %w", s.SessionID, err)
		}
		st.Sessions = append(st.Sessions, Session{ID: s.SessionID, Pid: pid, User: s.Username, Remote: s.Hostname,
			Dialect: s.Dialect, Signing: s.Signing.Cipher, Encryption: s.Encryption.Cipher})
	}
	for _, f := range doc.OpenFiles {
		for _, o := range f.Opens {
			open := Open{Dir: f.ServicePath, Path: f.Filename, UID: o.UID}
			var err error
			number := func(text string, base int) uint32 {
				n, e := strconv.ParseUint(text, base, 32)
				if e != nil && err == nil {
					err = fmt.Errorf("open of %s: %w", f.Filename, e)
				}
				return uint32(n)
			}
			open.Pid = int(number(o.ServerID.Pid, 10))
			open.ShareFileID = number(o.ShareFileID, 10)
			open.ShareMode = number(o.ShareMode.Hex, 0)
			open.AccessMask = number(o.AccessMask.Hex, 0)
			if err != nil {
				return Status{}, err
			}
			if open.OpenedAt, err = time.Parse(time.RFC3339, o.OpenedAt); err != nil {
				return Status{}, fmt.Errorf("open of %s: opened_at: %w", f.Filename, err)
			}
			st.Opens[f.Filename] = append(st.Opens[f.Filename], open)
		}
	}
	return st, nil
}
