package smb

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// vanish makes c fall silent for good: when it returns, the kernel sends
// nothing on the connection any more and discards what it receives before TCP
// sees it. Unread data is thrown away. The socket stays open until it is
// closed, and closing it does send FIN (or RST, by closeRST).
//
// All that was sent must have been acknowledged, or the kernel would go on
// retransmitting it; vanish waits up to 5 s for that, and fails with the
// connection as it was if it does not come about.
func vanish(c *net.TCPConn) error {
	if err := c.SetKeepAlive(false); err != nil { // its probes would tell the server that the client lives
		return err
	}
	if err := waitAcknowledged(c); err != nil {
		return err
	}
	// The filter comes before the last ACK. In the other order a segment that
	// arrives in between would leave an ACK owing, which the kernel would send
	// up to 200 ms later.
	if err := dropIncoming(c); err != nil {
		return err
	}
	return sendOwedACK(c)
}

// waitAcknowledged waits until the peer has acknowledged every byte sent.
func waitAcknowledged(c *net.TCPConn) error {
	const limit, pause = 5 * time.Second, time.Millisecond
	for deadline := time.Now().Add(limit); ; time.Sleep(pause) {
		var info *unix.TCPInfo
		err := control(c, "getsockopt TCP_INFO", func(fd int) (err error) {
			info, err = unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
			return err
		})
		if err != nil {
			return err
		}
		if info.Unacked == 0 && info.Notsent_bytes == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("vanish: the server has not acknowledged %d segments sent, %d bytes wait behind them, after %s",
				info.Unacked, info.Notsent_bytes, limit)
		}
	}
}

// dropIncoming makes the kernel drop whatever c receives.
func dropIncoming(c *net.TCPConn) error {
	return control(c, "setsockopt SO_ATTACH_FILTER", attachDropAll)
}

// attachDropAll attaches a classic BPF filter of one instruction, return 0:
// keep 0 bytes of every packet.
func attachDropAll(fd int) error {
	filter := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
}

// vanishSupport tries once, on a socket that is not connected, whether this
// process may attach a filter. Linux lets everybody, but kernels were seen
// (a 6.18) that want CAP_NET_ADMIN for it.
var vanishSupport = sync.OnceValue(func() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil // this says nothing about filters
	}
	defer unix.Close(fd)
	if errors.Is(attachDropAll(fd), unix.EPERM) {
		return unsupportedVanish("for this user: the kernel wants CAP_NET_ADMIN to filter a socket (run as root)")
	}
	return nil
})

// sendOwedACK sends a delayed ACK now. TCP_QUICKACK does so when one is owed
// and nothing is left unread; with unread data the kernel would wait for the
// reader, and tell the peer of the new window when it comes.
func sendOwedACK(c *net.TCPConn) error {
	if err := discardUnread(c); err != nil {
		return err
	}
	return control(c, "setsockopt TCP_QUICKACK", func(fd int) error {
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
	})
}

// discardUnread throws away what has arrived and was not read. It does not
// disturb a Read in progress.
func discardUnread(c *net.TCPConn) error {
	return control(c, "recv", func(fd int) error {
		b := make([]byte, 64<<10)
		for {
			n, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
			switch {
			case err == unix.EINTR:
			case err == unix.EAGAIN || err == nil && n == 0: // empty, or the peer has closed
				return nil
			case err != nil:
				return err
			}
		}
	})
}

// control runs a system call on c's descriptor beside a Read that may be
// waiting, which SyscallConn's Read would not.
func control(c *net.TCPConn, name string, call func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var callErr error
	if err := raw.Control(func(fd uintptr) { callErr = call(int(fd)) }); err != nil {
		return err
	}
	return os.NewSyscallError(name, callErr)
}
