package diag

// Comparison is what differs between two saved runs, A and B.
type Comparison struct {
	Compared    []ComparedRun  `json:"compared"`    // A, then B
	Parts       []ComparedPart `json:"parts"`       // what was compared, each with its counts
	Differences []Difference   `json:"differences"` // part by part
}

// ComparedRun is one of the two runs.
type ComparedRun struct {
	Name        string `json:"name"` // its file's, without the folder
	Command     string `json:"command"`
	Started     Time   `json:"started"`
	Finished    Time   `json:"finished"`
	VerdictCode *int   `json:"verdict_code"` // null where the run has no verdict
	VerdictName string `json:"verdict_name"`
	Interrupted bool   `json:"interrupted"`
	Incomplete  bool   `json:"incomplete"` // what is not in it may not have been reached
	Redacted    bool   `json:"redacted"`
}

// ComparedPart counts what was compared. Opens, sessions and connections are
// counted one by one, however few lines they take in the differences.
type ComparedPart struct {
	Name    string `json:"name"` // one of the Part… words
	Same    int    `json:"same"`
	Changed int    `json:"changed"`
	OnlyA   int    `json:"only_a"`
	OnlyB   int    `json:"only_b"`
}

// The parts of a comparison.
const (
	PartSettings    = "settings"    // what ran, and with which server
	PartVerdict     = "verdict"     // what it came to
	PartTimes       = "times"       // error 32, and for how long
	PartHolders     = "holders"     // of who: state, modes, probes
	PartOpens       = "opens"       // of the server's table
	PartSessions    = "sessions"    // of the server's table
	PartConnections = "connections" // of the server's table
	PartTries       = "tries"       // what other operations met
	PartRefused     = "refused"     // opens that were refused
	PartEnded       = "ended"       // of release: what became of it
	PartLeftBehind  = "left behind" // what could not be removed
	PartNotes       = "notes"
)

// Difference is one thing that is not the same in both runs.
type Difference struct {
	Part   string `json:"part"`             // one of the Part… words
	What   string `json:"what"`             // a setting, a time, a path, a share
	User   string `json:"user,omitempty"`   // of an open, a session or a connection
	Client string `json:"client,omitempty"` // of an open or a session, as far as it is known; empty where the runs do not agree on it
	A      string `json:"a"`                // as A has it; empty where A has no such thing
	B      string `json:"b"`
	Note   string `json:"note,omitempty"` // what the difference comes to

	AMS *Millisecond `json:"a_ms,omitempty"` // of a time: the numbers
	BMS *Millisecond `json:"b_ms,omitempty"`
}
