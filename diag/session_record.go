package diag

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// SessionRecord is a session that a run of the tool has on a server, kept in a
// file of the user's until the run ends: what PreviousSessionId needs to end it
// should the run be killed, [MS-SMB2] 3.3.5.5.3. It holds no secret.
//
// A run keeps the file locked while it lasts. The lock goes with the process,
// however it ends, and says more than a process id could: that may be another
// process's by now, or one of another machine that shares the folder.
type SessionRecord struct {
	Schema    string   `json:"schema"`
	Server    string   `json:"server"`
	Port      int      `json:"port"`
	Share     string   `json:"share"`
	User      string   `json:"user"`
	Domain    string   `json:"domain"`
	SessionID string   `json:"session_id"` // "0x…"
	Command   string   `json:"command"`
	PID       int      `json:"pid"`
	Started   Time     `json:"started"`
	Paths     []string `json:"paths"` // what it had open below the share, the first ones

	file string // it was read from
}

const (
	recordedPaths = 10       // how many paths a record names
	recordSize    = 64 << 10 // how long a record may be at most, in bytes
	recordPattern = "session-*.json"
)

// recordSession writes the record of a client's session into folder, and
// returns what removes it. Without a folder nothing is written.
func recordSession(folder, command string, e Endpoint, c *client, paths []string) (forget func(), err error) {
	forget = func() {}
	if folder == "" || e.Lab {
		return forget, nil
	}
	port := e.Target.Port
	if port == 0 {
		port = DefaultPort
	}
	r := SessionRecord{
		Schema: Schema, Server: e.Target.Server, Port: port, Share: e.Target.Share, User: e.Credentials.User, Domain: e.Credentials.Domain,
		SessionID: fmt.Sprintf("0x%X", c.session.ID()), Command: command, PID: os.Getpid(), Started: Time{c.since}, Paths: paths[:min(len(paths), recordedPaths)],
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return forget, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return forget, err
	}
	f, err := os.CreateTemp(folder, recordPattern) // new, with mode 0600
	if err != nil {
		return forget, err
	}
	remove := func() {
		err := os.Remove(f.Name()) // before the lock goes, so that nobody takes it for a killed run's
		f.Close()
		if err != nil {
			os.Remove(f.Name()) // Windows removes no open file
		}
	}
	if err = lockRecord(f); err == nil {
		_, err = f.Write(append(data, '\n'))
	}
	if err != nil {
		remove()
		return forget, err
	}
	return remove, nil
}

// noRecord is the note that a run goes on without a record.
func noRecord(err error) string {
	return "No record of the session could be written (" + plainText(err) + "): should this run be killed, release --mine will not know it."
}

// readSessionRecords returns what killed runs left in folder, the oldest first.
// What is no record is passed over, and so is what another user may have put
// there: a link, or a file that others own or may write. A folder that is not
// there holds none.
func readSessionRecords(folder string) ([]SessionRecord, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var records []SessionRecord
	for _, entry := range entries {
		if fits, _ := filepath.Match(recordPattern, entry.Name()); !fits || !entry.Type().IsRegular() {
			continue
		}
		if r, ok := readSessionRecord(filepath.Join(folder, entry.Name())); ok {
			records = append(records, r)
		}
	}
	slices.SortFunc(records, func(a, b SessionRecord) int { return a.Started.Compare(b.Started.Time) })
	return records, nil
}

// readSessionRecord reads one record, if it is one and its run has ended.
func readSessionRecord(name string) (r SessionRecord, ok bool) {
	f, err := openRecord(name)
	if err != nil {
		return r, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > recordSize || !ownRecord(info) || recordLocked(f) {
		return r, false
	}
	data, err := io.ReadAll(io.LimitReader(f, recordSize))
	if err != nil || json.Unmarshal(data, &r) != nil || r.Schema != Schema || r.Server == "" || r.SessionID == "" {
		return r, false
	}
	r.file = name
	return r, true
}

// forget removes the record.
func (r *SessionRecord) forget() error {
	if err := os.Remove(r.file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// String says which session it is.
func (r *SessionRecord) String() string {
	who := r.User
	if r.Domain != "" {
		who = r.Domain + `\` + who
	}
	return strings.TrimSpace(fmt.Sprintf("%s of %s on %s port %d", r.SessionID, who, r.Server, r.Port))
}
