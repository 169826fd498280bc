package smb

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// DisconnectKind is a way in which a client goes away. Its value is the word
// used in flags and in JSON.
type DisconnectKind string

const (
	// DisconnectClose is the control experiment: CLOSE, TREE_DISCONNECT,
	// LOGOFF, then FIN. The server knows everything.
	DisconnectClose DisconnectKind = "close"

	// DisconnectLogoff sends LOGOFF without a CLOSE; the socket stays open. The
	// server knows that the session ended and has to close its opens itself,
	// [MS-SMB2] 3.3.5.6.
	DisconnectLogoff DisconnectKind = "logoff"

	// DisconnectFIN closes the socket in the orderly way (TCP FIN) and sends
	// nothing else, as the kernel does for a process that died. The server
	// knows that the connection ended, [MS-SMB2] 3.3.7.1.
	DisconnectFIN DisconnectKind = "fin"

	// DisconnectRST resets the connection (SO_LINGER with a time of 0, then
	// close), as the kernel of a crashed process or a middlebox does. The
	// server knows that the connection ended.
	DisconnectRST DisconnectKind = "rst"

	// DisconnectVanish never sends a packet again, not even an ACK: the pulled
	// cable, the machine without power. The socket stays open behind a filter
	// that drops all it receives, with TCP keep-alive off. The server knows
	// nothing until it sends something and is not answered, or its own
	// keep-alive gives up.
	DisconnectVanish DisconnectKind = "vanish"

	// DisconnectFreeze stops reading and writing while the kernel still
	// acknowledges what arrives: the hung process. Nothing is done to the
	// socket. The server knows nothing: its keep-alive probes are answered.
	DisconnectFreeze DisconnectKind = "freeze"

	// DisconnectLeak goes on with the session (ECHO) and never closes the
	// handle: the CloseHandle that failed. Nothing is done to the socket. As
	// the server sees it, nothing is wrong.
	DisconnectLeak DisconnectKind = "leak"
)

// DisconnectKinds are all the kinds, from the best behaved to the worst.
var DisconnectKinds = []DisconnectKind{
	DisconnectClose, DisconnectLogoff, DisconnectFIN, DisconnectRST, DisconnectVanish, DisconnectFreeze, DisconnectLeak,
}

// String returns the word used in flags and in JSON.
func (k DisconnectKind) String() string { return string(k) }

// ParseDisconnect reads the word used in flags and in JSON. The error of an
// unknown word lists the known ones.
func ParseDisconnect(s string) (DisconnectKind, error) {
	if k := DisconnectKind(s); slices.Contains(DisconnectKinds, k) {
		return k, nil
	}
	words := make([]string, len(DisconnectKinds))
	for i, k := range DisconnectKinds {
		words[i] = string(k)
	}
	return "", fmt.Errorf("unknown disconnect kind %q: want %s", s, strings.Join(words, ", "))
}

// DefaultDisconnect returns the hardest kind for a server that can be done
// here: vanish where Supported allows it, else freeze.
func DefaultDisconnect() DisconnectKind {
	if DisconnectVanish.Supported() == nil {
		return DisconnectVanish
	}
	return DisconnectFreeze
}

// Supported returns nil if this process can do k here, else an error for which
// errors.Is(err, errors.ErrUnsupported) holds and which names what to use
// instead.
func (k DisconnectKind) Supported() error {
	if k == DisconnectVanish {
		return vanishSupport()
	}
	return nil
}

// unsupportedVanish says why vanish cannot be done here.
type unsupportedVanish string

func (why unsupportedVanish) Error() string {
	return "vanish is not supported " + string(why) + ", use freeze"
}

func (unsupportedVanish) Unwrap() error { return errors.ErrUnsupported }

// closeFIN ends the connection with FIN. The FIN goes first by itself, since
// closing a socket that holds unread data sends RST on most systems. Where the
// OS allows it that data is thrown away, so that no RST follows; what arrives
// after the close is answered with RST, as it is for any process that has
// ended.
func closeFIN(c *net.TCPConn) error {
	err := c.CloseWrite()
	if err == nil {
		err = discardUnread(c)
	}
	return errors.Join(err, c.Close())
}

// closeRST ends the connection with RST.
func closeRST(c *net.TCPConn) error {
	return errors.Join(c.SetLinger(0), c.Close())
}
