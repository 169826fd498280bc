//go:build !linux

package smb

import "net"

// vanish needs a socket filter that drops what arrives before TCP acknowledges it, which Linux has.
func vanish(*net.TCPConn) error { return DisconnectVanish.Supported() }

// discardUnread does nothing here: there is no portable read that neither waits nor disturbs a Read in progress.
func discardUnread(*net.TCPConn) error { return nil }
