package diag

// The states of a path's opens.
const (
	StateFree    = "free"    // nobody has it open with data access
	StateLive    = "live"    // a client that is there has it
	StateStale   = "stale"   // a client that is gone left it
	StateUnknown = "unknown" // the server gives no evidence either way
)

// Wanted is the open that was asked about.
type Wanted struct {
	Access  []string `json:"access"`
	Share   []string `json:"share"`
	Allowed *bool    `json:"allowed"` // null where it could not be told
	Why     string   `json:"why"`
}

// AllowedNow is one field of the matrix of what would be allowed now.
type AllowedNow struct {
	Access  []string `json:"access"`
	Share   []string `json:"share"`
	Allowed string   `json:"allowed"` // "yes", "no" or "unknown"
}

// PathHolders is what was found out about one path.
type PathHolders struct {
	Path        string        `json:"path"` // below the share
	Exists      bool          `json:"exists"`
	Directory   bool          `json:"directory"`
	StatStatus  string        `json:"stat_status"` // what an open met that asks for attributes only
	Opens       []OpenRow     `json:"opens"`
	TableSeen   bool          `json:"table_seen"`
	Holders     HolderModes   `json:"holders"`
	HoldersFrom string        `json:"holders_from"` // "probes", "table", or empty where neither could tell
	Wanted      Wanted        `json:"wanted"`
	AllowedNow  []AllowedNow  `json:"allowed_now"`
	Locked      *bool         `json:"locked"` // a read of one byte met a byte-range lock; null where none was tried
	State       string        `json:"state"`  // one of the State… words
	Reasons     []string      `json:"reasons"`
	Expect      []string      `json:"expect"` // what the server does with such an open, and when
	Probes      []ProbeResult `json:"probes"`
}

// WhoResult is the result of the who command. The keys of a single path stand
// beside the report's own.
type WhoResult struct {
	*PathHolders               // of a single path; nil of several
	Paths        []PathHolders `json:"paths,omitempty"`
}

// severalPaths is the result of the who command on several paths.
type severalPaths struct {
	Paths []PathHolders `json:"paths"`
}
