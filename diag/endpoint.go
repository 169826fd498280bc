package diag

import (
	"time"

	"err32/smb"
)

// Endpoint is a server, who logs on to it, and how: what every command that
// talks to a server is given.
type Endpoint struct {
	Target      Target
	Credentials Credentials
	Timeout     time.Duration // of one network step
	MaxDialect  smb.Dialect
	Signing     smb.Policy // Auto or Required
	Encryption  smb.Policy // Auto, Required or Off
	Version     string     // of the tool, for the report
	Lab         bool       // Target is the built-in lab server, which runs for this run only
}
