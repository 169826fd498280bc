//go:build !linux

package smb

import (
	"net"
	"runtime"
)

// vanishSupport is the error: vanish needs a socket filter that drops what
// arrives before TCP acknowledges it, which Linux has.
func vanishSupport() error { return unsupportedVanish("on " + runtime.GOOS) }

func vanish(*net.TCPConn) error { return vanishSupport() }

// discardUnread does nothing here: there is no portable read that neither
// waits nor disturbs a Read in progress.
func discardUnread(*net.TCPConn) error { return nil }
