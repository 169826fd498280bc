package smb

import (
	"net"
	"time"
)

// Trace holds hooks that see a connection at work. Any of them may be nil.
// They run in the order of the messages, one at a time for each direction,
// while the connection waits: they must not block, must not call it, and must
// not keep the slices they are given.
type Trace struct {
	// Connected gets the addresses of the two ends, before any message.
	Connected func(local, remote net.Addr)

	// Sent gets every message, or chain of related messages, that is sent, in
	// plain text: before encryption, with its signature.
	Sent func(at time.Time, message []byte)

	// Received gets every message or chain that arrives, after decryption.
	Received func(at time.Time, message []byte)
}

func (t *Trace) connected(local, remote net.Addr) {
	if t != nil && t.Connected != nil {
		t.Connected(local, remote)
	}
}

func (t *Trace) sent(message []byte) {
	if t != nil && t.Sent != nil {
		t.Sent(time.Now(), message)
	}
}

func (t *Trace) received(message []byte) {
	if t != nil && t.Received != nil {
		t.Received(time.Now(), message)
	}
}
