package diag

import (
	"net"

	"err32/smb"
)

// Capture writes the SMB messages of a run to a file that Wireshark opens. A nil
// *Capture takes everything and writes nothing.
type Capture struct{}

// CreateCapture begins a capture in a new file, or with force in one that is
// overwritten. With a redactor it is one without names. The error is that of the
// file system.
func CreateCapture(name string, force bool, redactor *Redactor) (*Capture, error) { return nil, nil }

// createTemporaryCapture begins a capture in a file of its own in folder.
func createTemporaryCapture(folder string, redactor *Redactor) (*Capture, error) { return nil, nil }

// Name is the file's; empty for nil.
func (c *Capture) Name() string { return "" }

// trace sees one connection of an actor.
func (c *Capture) trace(actor string) *smb.Trace { return nil }

// tap sees the messages of a library that has no hooks, between it and its
// socket. who logs on over it.
func (c *Capture) tap(socket net.Conn, who Credentials) net.Conn { return socket }

// Event tells of an event, which the messages of its actor since the last one
// belong to.
func (c *Capture) Event(e Event) {}

// Close ends the capture. The error is the first that kept a message from being
// written.
func (c *Capture) Close() error { return nil }
