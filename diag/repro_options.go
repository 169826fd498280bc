package diag

import (
	"time"

	"err32/smb"
)

// ReproOptions says what the repro command does.
type ReproOptions struct {
	Endpoint   Endpoint
	Disconnect smb.DisconnectKind
	Access     smb.AccessMask  // of the holder
	Share      smb.ShareAccess // of the holder
	Wait       time.Duration   // how long to look for the release after the disconnect
	Interval   time.Duration   // between two tries of the contender; 0 polls without pause
	RetryFrom  string          // "other" or "same" client
	RetryWith  string          // "stock" or "own"
	Case       string          // "", "sender-disconnect" or "handle-leak"
	StateDir   string          // where a record of the holder's session is kept while it lasts; empty for none
	OnEvent    func(Event)     // progress, may be nil
}
