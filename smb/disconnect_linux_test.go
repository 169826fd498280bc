package smb

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func tcpInfo(t *testing.T, c *net.TCPConn) *unix.TCPInfo {
	t.Helper()
	var info *unix.TCPInfo
	err := control(c, "getsockopt", func(fd int) (err error) {
		info, err = unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// waitInfo waits until the kernel's view of c fulfils cond.
func waitInfo(t *testing.T, c *net.TCPConn, what string, cond func(*unix.TCPInfo) bool) *unix.TCPInfo {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(time.Millisecond) {
		info := tcpInfo(t, c)
		if cond(info) {
			return info
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come about: %+v", what, info)
		}
	}
}

// setKeepalive makes c find out within about 3 s that its other end is silent.
func setKeepalive(t *testing.T, c *net.TCPConn) {
	t.Helper()
	err := c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: 2})
	if err != nil {
		t.Fatal(err)
	}
}

// pendingError returns the error that arrived on c, as an RST leaves it.
func pendingError(c *net.TCPConn) error {
	return control(c, "SO_ERROR", func(fd int) error {
		n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && n != 0 {
			err = syscall.Errno(n)
		}
		return err
	})
}

// oweACK brings client into the state in which it has read data of the peer's and not acknowledged it yet: by turns, as in
// a dialogue of requests and responses, the kernel holds the ACK back to send it with the next request.
func oweACK(t *testing.T, client, peer *net.TCPConn, read bool) {
	t.Helper()
	for range 100 {
		pass(t, client, peer, "request")
		if _, err := io.WriteString(peer, "response"); err != nil {
			t.Fatal(err)
		}
		if read {
			if _, err := io.ReadFull(client, make([]byte, len("response"))); err != nil {
				t.Fatal(err)
			}
		}
		if tcpInfo(t, peer).Unacked > 0 {
			return
		}
	}
	t.Fatal("the kernel acknowledges at once, always")
}

// TestVanishIsSilent proves it by the kernel's own counters at both ends: after vanish returned, the client's socket sends
// no segment and the peer's receives none, although the peer sends data and repeats it.
func TestVanishIsSilent(t *testing.T) {
	needVanish(t)
	states := map[string]func(t *testing.T, client, peer *net.TCPConn){
		"after a request": func(t *testing.T, client, peer *net.TCPConn) { pass(t, client, peer, "request") },
		"an ACK owed":     func(t *testing.T, client, peer *net.TCPConn) { oweACK(t, client, peer, true) },
		"data unread":     func(t *testing.T, client, peer *net.TCPConn) { oweACK(t, client, peer, false) },
		"a reader waits": func(t *testing.T, client, peer *net.TCPConn) {
			pass(t, client, peer, "request")
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = io.Copy(io.Discard, client)
			}()
			t.Cleanup(func() {
				client.Close()
				<-done
			})
		},
	}
	for name, prepare := range states {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, peer := tcpPair(t)
			prepare(t, client, peer)
			if err := vanish(client); err != nil {
				t.Fatal(err)
			}
			sent := tcpInfo(t, client).Segs_out
			// All that the peer had sent before is acknowledged: the last ACK did go out.
			received := waitInfo(t, peer, "the last ACK", func(i *unix.TCPInfo) bool { return i.Unacked == 0 }).Segs_in

			if _, err := io.WriteString(peer, "is anybody there?"); err != nil {
				t.Fatal(err)
			}
			const repeats = 4 // takes more than a second, longer than any delayed ACK
			info := waitInfo(t, peer, "the peer's retransmission", func(i *unix.TCPInfo) bool { return i.Total_retrans >= repeats })
			if info.Unacked == 0 || info.Segs_in != received {
				t.Errorf("the peer: %d segments unacknowledged, %d segments came in, %d before", info.Unacked, info.Segs_in, received)
			}
			if now := tcpInfo(t, client).Segs_out; now != sent {
				t.Errorf("the client sent %d segments after it vanished", now-sent)
			}
		})
	}
}

// TestVanishMeetsKeepalive: the peer's probes go unanswered, and that is how it learns of it.
func TestVanishMeetsKeepalive(t *testing.T) {
	needVanish(t)
	t.Parallel()
	client, peer := tcpPair(t)
	pass(t, client, peer, "request")
	setKeepalive(t, peer)
	if err := vanish(client); err != nil {
		t.Fatal(err)
	}
	if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, syscall.ETIMEDOUT) {
		t.Errorf("the peer reads %v, want ETIMEDOUT", err)
	}
}

func TestCloseAfterVanish(t *testing.T) {
	needVanish(t)
	t.Run("FIN", func(t *testing.T) {
		client, peer := tcpPair(t)
		oweACK(t, client, peer, false)
		if err := vanish(client); err != nil {
			t.Fatal(err)
		}
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := peer.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the peer reads %v, want EOF", err)
		}
	})
	t.Run("RST", func(t *testing.T) {
		client, peer := tcpPair(t)
		if err := vanish(client); err != nil {
			t.Fatal(err)
		}
		if err := closeRST(client); err != nil {
			t.Fatal(err)
		}
		if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the peer reads %v, want ECONNRESET", err)
		}
	})
}

// TestVanishWithUnsentData: what the peer does not take would be repeated for ever, so vanish refuses.
func TestVanishWithUnsentData(t *testing.T) {
	needVanish(t)
	t.Parallel()
	client, peer := tcpPair(t)
	if err := client.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for b := make([]byte, 1<<20); ; { // until both kernels' buffers are full
		if _, err := client.Write(b); err != nil {
			break
		}
	}
	if err := vanish(client); err == nil || !strings.Contains(err.Error(), "not acknowledged") {
		t.Fatalf("vanish: %v", err)
	}
	// No filter was attached: the peer gets all of it once it reads.
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, peer); err != nil || n < 1<<20 {
		t.Errorf("the peer read %d bytes, %v", n, err)
	}
}

// TestFreezeAcknowledges: a client that neither reads nor writes is, for the peer's kernel, alive.
func TestFreezeAcknowledges(t *testing.T) {
	t.Parallel()
	client, peer := tcpPair(t)
	pass(t, client, peer, "request")
	if _, err := io.WriteString(peer, "is anybody there?"); err != nil {
		t.Fatal(err)
	}
	info := waitInfo(t, peer, "the kernel's ACK", func(i *unix.TCPInfo) bool { return i.Unacked == 0 })
	setKeepalive(t, peer)
	// More probes than the peer would send in vain, each answered.
	waitInfo(t, peer, "answers to keep-alive probes", func(i *unix.TCPInfo) bool { return i.Segs_in >= info.Segs_in+4 })
	if err := pendingError(peer); err != nil {
		t.Errorf("the peer's connection: %v", err)
	}
}

// needVanish skips where the kernel does not let this user filter a socket.
func needVanish(t *testing.T) {
	t.Helper()
	if err := DisconnectVanish.Supported(); err != nil {
		t.Skip(err)
	}
}
