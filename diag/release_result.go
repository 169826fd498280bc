package diag

// ReleaseAction is one thing that was to be ended, and what became of it.
type ReleaseAction struct {
	What   string    `json:"what"`  // "open", "session" or "previous-session"
	Name   string    `json:"name"`  // the open's id, CLIENT[,USER], or the session id
	Opens  []OpenRow `json:"opens"` // what goes with it, as listed just before
	Done   string    `json:"done"`  // one of the Release… words
	Detail string    `json:"detail"`
}

// What became of a ReleaseAction.
const (
	ReleaseDone      = "released"     // a listing afterwards, or the next open, shows that it is gone
	ReleaseUnproved  = "not-verified" // it was done, and whether it worked cannot be seen
	ReleaseFailed    = "failed"       // it is still there, or the server refused
	ReleaseRefused   = "refused"      // the tool did not do it: it is not what was meant
	ReleaseNotAsked  = "not-done"     // --dry-run
	ReleaseDeclined  = "declined"     // the answer to the question was no
	releaseUndecided = ""
)

// ReleaseResult is the result of the release command.
type ReleaseResult struct {
	DryRun  bool            `json:"dry_run"`
	Actions []ReleaseAction `json:"actions"`
}
