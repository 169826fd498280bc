//go:build !linux

package smb

import (
	"errors"
	"net"
	"testing"
)

// pendingError is known on Linux only.
func pendingError(*net.TCPConn) error { return nil }

func TestVanishUnsupported(t *testing.T) {
	client, peer := tcpPair(t)
	if err := vanish(client); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("vanish: %v", err)
	}
	pass(t, client, peer, "the connection is as it was")
}
