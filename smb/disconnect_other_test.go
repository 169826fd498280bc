//go:build !linux

package smb

import (
	"errors"
	"net"
	"runtime"
	"testing"
)

// pendingError is known on Linux only.
func pendingError(*net.TCPConn) error { return nil }

func TestVanishUnsupported(t *testing.T) {
	client, peer := tcpPair(t)
	err := vanish(client)
	if want := "vanish is not supported on " + runtime.GOOS + ", use freeze"; err == nil || err.Error() != want {
		t.Errorf("vanish: %v, want %s", err, want)
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v is not errors.ErrUnsupported", err)
	}
	pass(t, client, peer, "the connection is as it was")
}
