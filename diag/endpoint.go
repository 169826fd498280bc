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
	Again       string     // the command line, without secrets, for the report
	Capture     *Capture   // gets every message; nil for none

	actor string // who connects, for Capture
}

// as is the endpoint for the connections of one actor.
func (e Endpoint) as(actor string) Endpoint {
	e.actor = actor
	return e
}
