package diag

import (
	"context"
	"encoding/json"
	"time"
)

// Schema is the version of the JSON report.
const Schema = "err32/1"

// Time is a moment, written as RFC 3339 in UTC with milliseconds.
type Time struct{ time.Time }

// now is this moment, to the millisecond that a report keeps.
func now() Time { return Time{time.Now().Truncate(time.Millisecond)} }

// MarshalJSON writes the time; the zero time is null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
}

// Report is everything a run found out, as plain data: the JSON of a saved
// run, and all that a renderer may read.
type Report struct {
	Schema      string      `json:"schema"`
	Command     string      `json:"command"`
	Tool        Tool        `json:"tool"`
	Again       string      `json:"again,omitempty"` // the command line that ran, for a POSIX shell, without secrets and without where the output went
	Redacted    bool        `json:"redacted"`        // names of users, hosts, shares and files are pseudonyms
	Started     Time        `json:"started"`
	Finished    Time        `json:"finished"`
	Target      *TargetInfo `json:"target,omitempty"`
	Server      *ServerInfo `json:"server,omitempty"`
	Verdict     *Verdict    `json:"verdict,omitempty"`
	Notes       []string    `json:"notes"` // what could not be seen or done, and why
	Events      []Event     `json:"events"`
	Error       *RunError   `json:"error,omitempty"`       // only where the run could not be done
	Interrupted bool        `json:"interrupted,omitempty"` // ended by a signal, after clean-up
	Incomplete  bool        `json:"incomplete,omitempty"`  // not all was done that was asked for: it failed or was interrupted

	Repro *ReproResult `json:"-"` // at most one of these is set; its keys stand beside the ones above
	Hold  *HoldResult  `json:"-"`
	Table *TableResult `json:"-"`
	Who   *WhoResult   `json:"-"`

	Release *ReleaseResult `json:"-"`

	Comparison *Comparison `json:"-"`
}

// Tool is the program that wrote the report.
type Tool struct {
	Version string `json:"version"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// TargetInfo is what the run was pointed at. Path is below the share, with
// backslashes; it never holds a password.
type TargetInfo struct {
	Server string `json:"server"`
	Port   int    `json:"port"`
	Share  string `json:"share"`
	Path   string `json:"path"`
	User   string `json:"user,omitempty"` // who logged on, with the domain where one was given; empty when anonymous or nobody did
	Lab    bool   `json:"lab"`
}

// ServerInfo is what the server said of itself, as far as it was asked.
type ServerInfo struct {
	Dialect       string       `json:"dialect"`         // "2.0.2" … "3.1.1"
	Signing       string       `json:"signing"`         // the algorithm that signs the session's messages; empty when they are not signed
	Encryption    string       `json:"encryption"`      // the cipher that encrypts them; empty when they are not encrypted
	Name          string       `json:"name"`            // NetrServerGetInfo's name, else the one of the log-on; empty when unknown
	Version       string       `json:"version"`         // NetrServerGetInfo's major.minor; empty when unknown
	Comment       string       `json:"comment"`         // NetrServerGetInfo's comment; Samba names itself here by default
	GUID          string       `json:"guid"`            // ServerGuid of NEGOTIATE
	ClockOffsetMS *Millisecond `json:"clock_offset_ms"` // server's clock less ours; null when unknown
}

// Verdict is the answer: what the run proves, and the events that prove it.
type Verdict struct {
	Code    int      `json:"code"` // the exit code's 0, 32 or 33
	Name    string   `json:"name"` // "NO_ERROR", "ERROR_SHARING_VIOLATION", "ERROR_LOCK_VIOLATION"
	Summary string   `json:"summary"`
	Because []int    `json:"because"` // event ids
	Next    []string `json:"next"`    // what to do
}

// RunError is why a run could not be done. Status is empty where the failure
// is not a server's answer.
type RunError struct {
	Op         string  `json:"op"`
	Status     string  `json:"status,omitempty"`
	StatusName string  `json:"status_name,omitempty"`
	Win32      *uint32 `json:"win32,omitempty"`
	Text       string  `json:"text"`
	Object     string  `json:"object,omitempty"`    // the path, share or host that the refused step was about
	Undecided  bool    `json:"undecided,omitempty"` // the run was done in full, and the answer cannot be told
}

// OpenRow is one open in the server's table: a row of NetrFileEnum level 3,
// [MS-SRVS] 2.2.4.7, joined to the sessions.
type OpenRow struct {
	ID          string   `json:"id"`           // FileId as "0x…"
	Path        string   `json:"path"`         // the server's own, local path
	Share       string   `json:"share"`        // the share it was mapped to; empty when none fits
	SharePath   string   `json:"share_path"`   // the path below that share
	User        string   `json:"user"`         // empty for a disconnected durable open on Windows
	Access      []string `json:"access"`       // "read", "write", "create"…: as much as the server tells
	Locks       int      `json:"locks"`        // Samba counts those of the whole file
	Client      string   `json:"client"`       // empty unless client_basis is exact or only-session
	ClientBasis string   `json:"client_basis"` // one of the Basis… words
	Candidates  []string `json:"candidates"`   // the clients it may belong to, for one-of
	Own         bool     `json:"own"`          // opened by this run of the tool
}

// How sure the client of an open is.
const (
	BasisExact       = "exact"        // the server listed the open under that client
	BasisOnlySession = "only-session" // the user has sessions from one client only
	BasisOneOf       = "one-of"       // one of the candidates
	BasisUnknown     = "unknown"      // the tables do not tell
)

// SessionRow is one session in the server's table, [MS-SRVS] 2.2.4.11 to
// 2.2.4.15. IdleS is nil where the server does not keep it (Samba always
// answers 0).
type SessionRow struct {
	Client string `json:"client"`
	User   string `json:"user"`
	Opens  *int   `json:"opens"`
	AgeS   *int64 `json:"age_s"`
	IdleS  *int64 `json:"idle_s"`
	Own    bool   `json:"own"`
}

// ConnectionRow is one tree connect in the server's table, [MS-SRVS] 2.2.4.2.
// ID and User are empty and AgeS is nil where the server makes them up, as
// Samba does.
type ConnectionRow struct {
	Share string `json:"share"`
	ID    string `json:"id"`
	Opens int    `json:"opens"`
	User  string `json:"user"`
	AgeS  *int64 `json:"age_s"`
}

// TableResult is the result of the table command.
type TableResult struct {
	Opens       []OpenRow       `json:"opens"`
	Sessions    []SessionRow    `json:"sessions"`
	Connections []ConnectionRow `json:"connections"`
}

// HolderInfo is the open under study.
type HolderInfo struct {
	SessionID string   `json:"session_id"` // "0x…"
	FileID    string   `json:"file_id"`    // persistent and volatile part, "0x…:0x…"
	Access    []string `json:"access"`     // access classes: "read", "write", "delete"
	Share     []string `json:"share"`
}

// Release is when the file became free for the contender, counted from the
// disconnect.
type Release struct {
	Released bool         `json:"released"`
	AfterMS  *Millisecond `json:"after_ms"`  // nil when not released
	WaitedMS Millisecond  `json:"waited_ms"` // how long the run looked
}

// OpensOverTime holds the observer's rows for the file at each moment.
type OpensOverTime struct {
	Before []OpenRow `json:"before"` // before the holder opened it
	Held   []OpenRow `json:"held"`   // while the holder lived
	After  []OpenRow `json:"after"`  // right after the disconnect
	End    []OpenRow `json:"end"`    // when the waiting ended
}

// OtherTry is what another operation of the contender met, for the record.
type OtherTry struct {
	Operation  string `json:"operation"` // "read", "rename", "delete"
	When       string `json:"when"`      // "held", "after"
	Status     string `json:"status"`
	StatusName string `json:"status_name"`
	Text       string `json:"text"` // as the program got it
}

// ReproResult is the result of the repro command.
type ReproResult struct {
	Case                   string        `json:"case,omitempty"`
	File                   string        `json:"file"` // path below the share of the file the run made
	Holder                 *HolderInfo   `json:"holder"`
	Disconnect             string        `json:"disconnect"`
	Contender              string        `json:"contender"`             // "go-smb2" or "err32"
	RetryFrom              string        `json:"retry_from"`            // "other" or "same"
	WaitMS                 *Millisecond  `json:"wait_ms,omitempty"`     // how long the run was to look for the release; nil in reports of the first builds
	IntervalMS             *Millisecond  `json:"interval_ms,omitempty"` // the pause between two tries
	Error32WhileHeld       bool          `json:"error32_while_held"`
	Error32AfterDisconnect bool          `json:"error32_after_disconnect"`
	Release                Release       `json:"release"`
	Opens                  OpensOverTime `json:"opens"`
	TableSeen              bool          `json:"table_seen"`
	OtherTries             []OtherTry    `json:"other_tries"`
	LeftBehind             []string      `json:"left_behind"` // what could not be removed, and why
}

// HoldResult is the result of the hold command.
type HoldResult struct {
	Held        int         `json:"held"`
	Asked       int         `json:"asked"`
	Disconnect  string      `json:"disconnect"`
	Access      []string    `json:"access"`
	Share       []string    `json:"share"`
	Files       []string    `json:"files"`      // paths below the share of the files held; at most 1000 are listed
	FilesMore   int         `json:"files_more"` // how many more were held
	SessionIDs  []string    `json:"session_ids"`
	OpenMS      Millisecond `json:"open_ms"` // from the first CREATE sent to the last one answered
	HeldMS      Millisecond `json:"held_ms"`
	Refused     []Refusal   `json:"refused"` // at most 100 are listed
	RefusedMore int         `json:"refused_more"`
	LeftBehind  []string    `json:"left_behind"`
}

// Refusal is one open that the server refused.
type Refusal struct {
	Path       string `json:"path"`
	Status     string `json:"status"`
	StatusName string `json:"status_name"`
}

// MarshalJSON writes the report as one object: the common keys, then those of
// the command.
func (r *Report) MarshalJSON() ([]byte, error) {
	type common Report // drops this method
	c := *r
	if c.Notes == nil {
		c.Notes = []string{}
	}
	if c.Events == nil {
		c.Events = []Event{}
	}
	switch {
	case r.Repro != nil:
		return json.Marshal(struct {
			*common
			*ReproResult
		}{(*common)(&c), r.Repro})
	case r.Hold != nil:
		return json.Marshal(struct {
			*common
			*HoldResult
		}{(*common)(&c), r.Hold})
	case r.Table != nil:
		return json.Marshal(struct {
			*common
			*TableResult
		}{(*common)(&c), r.Table})
	case r.Who != nil && r.Who.PathHolders == nil:
		return json.Marshal(struct {
			*common
			severalPaths
		}{(*common)(&c), severalPaths{r.Who.Paths}})
	case r.Who != nil:
		return json.Marshal(struct {
			*common
			*WhoResult
		}{(*common)(&c), r.Who})
	case r.Release != nil:
		return json.Marshal(struct {
			*common
			*ReleaseResult
		}{(*common)(&c), r.Release})
	case r.Comparison != nil:
		return json.Marshal(struct {
			*common
			*Comparison
		}{(*common)(&c), r.Comparison})
	}
	return json.Marshal((*common)(&c))
}

// end closes the report of a run: with what interrupted it, why it failed, or
// the judgement on what it found.
func (r *Report) end(ctx context.Context, rec *Recorder, failed *RunError, judge func() (*Verdict, *RunError)) {
	switch {
	case ctx.Err() != nil:
		r.Interrupted = true
	case failed != nil:
		r.Error = failed
	default:
		r.Verdict, r.Error = judge()
	}
	r.Events = rec.Events()
	r.finish()
}

// finish notes when the run ended, and whether all was done.
func (r *Report) finish() {
	r.Finished = now()
	r.Incomplete = r.Interrupted || r.Error != nil && !r.Error.Undecided
}

// ExitCode is the process's exit code for the report, as README lists them.
func (r *Report) ExitCode() int {
	switch {
	case r.Interrupted:
		return 130
	case r.Error != nil:
		return 1
	case r.Verdict != nil:
		return r.Verdict.Code
	}
	return 0
}
