package diag

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// SessionRecord is a session that a run of the tool has on a server, kept in a
// file of the user's until the run ends: what PreviousSessionId needs to end it
// should the run be killed, [MS-SMB2] 3.3.5.5.3. It holds no secret.
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
	Paths     []string `json:"paths"` // what it had open, the first ones

	file string // it was read from
}

// recordedPaths is how many paths a record names.
const recordedPaths = 10

// recordSession writes the record of a client's session into folder, and
// returns what removes it. Without a folder nothing is written.
func recordSession(folder, command string, e Endpoint, c *client, paths []string) (forget func(), err error) {
	if folder == "" || e.Lab {
		return func() {}, nil
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
		return func() {}, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return func() {}, err
	}
	f, err := os.CreateTemp(folder, ".new-*") // with mode 0600
	if err != nil {
		return func() {}, err
	}
	_, err = f.Write(append(data, '\n'))
	err = errors.Join(err, f.Close())
	name := filepath.Join(folder, fmt.Sprintf("session-%d-%s.json", os.Getpid(), strings.TrimPrefix(r.SessionID, "0x")))
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
		return func() {}, err
	}
	return func() { os.Remove(name) }, nil
}

// noRecord is the note that a run goes on without a record.
func noRecord(err error) string {
	return "No record of the session could be written (" + plainText(err) + "): should this run be killed, release --mine will not know it."
}

// ReadSessionRecords returns what killed runs left in folder, the oldest first.
// Files that are no records are passed over. A folder that is not there holds
// none.
func ReadSessionRecords(folder string) ([]SessionRecord, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var records []SessionRecord
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), "session-") || !entry.Type().IsRegular() {
			continue
		}
		name := filepath.Join(folder, entry.Name())
		data, err := readAtMost(name, 64<<10)
		if err != nil {
			return records, err
		}
		r := SessionRecord{file: name}
		if json.Unmarshal(data, &r) != nil || r.Schema != Schema || r.PID <= 0 || processRuns(r.PID) {
			continue
		}
		records = append(records, r)
	}
	slices.SortFunc(records, func(a, b SessionRecord) int { return a.Started.Compare(b.Started.Time) })
	return records, nil
}

// readAtMost reads a small file.
func readAtMost(name string, most int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > most {
		return nil, fmt.Errorf("%s has %d bytes, more than a record of a session", name, info.Size())
	}
	return os.ReadFile(name)
}

// forget removes the record.
func (r *SessionRecord) forget() error {
	if err := os.Remove(r.file); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
