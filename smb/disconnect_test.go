package smb

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// tcpPair returns the two ends of a connection over loopback.
func tcpPair(t *testing.T) (client, peer *net.TCPConn) {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err = net.DialTCP("tcp", nil, l.Addr().(*net.TCPAddr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	peer, err = l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	for _, c := range []*net.TCPConn{client, peer} {
		if err := c.SetKeepAlive(false); err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return client, peer
}

// pass sends text from one end and reads it at the other.
func pass(t *testing.T, from, to *net.TCPConn, text string) {
	t.Helper()
	if _, err := io.WriteString(from, text); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(to, make([]byte, len(text))); err != nil {
		t.Fatal(err)
	}
}

func TestParseDisconnect(t *testing.T) {
	// The words are DESIGN.md's; scripts and saved reports hold them.
	words := []string{"close", "logoff", "fin", "rst", "vanish", "freeze", "leak"}
	if len(words) != len(DisconnectKinds) {
		t.Errorf("kinds: %v", DisconnectKinds)
	}
	for _, word := range words {
		k, err := ParseDisconnect(word)
		if err != nil || k.String() != word {
			t.Errorf("ParseDisconnect(%q): %v, %v", word, k, err)
		}
		if b, err := json.Marshal(k); string(b) != `"`+word+`"` {
			t.Errorf("JSON of %s: %s, %v", word, b, err)
		}
	}
	for _, word := range []string{"", "FIN", "pull"} {
		if k, err := ParseDisconnect(word); err == nil {
			t.Errorf("ParseDisconnect(%q) = %v, want an error", word, k)
		}
	}
	_, err := ParseDisconnect("pull")
	const want = `unknown disconnect kind "pull": want close, logoff, fin, rst, vanish, freeze, leak`
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestDisconnectSupported(t *testing.T) {
	for _, k := range DisconnectKinds {
		if err := k.Supported(); k != DisconnectVanish && err != nil {
			t.Errorf("%s: %v", k, err)
		}
	}
	err := DisconnectVanish.Supported()
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v is not errors.ErrUnsupported", err)
	}
	want := DisconnectVanish
	if err != nil {
		want = DisconnectFreeze
	}
	if got := DefaultDisconnect(); got != want {
		t.Errorf("default %s, want %s, for vanish: %v", got, want, err)
	}
}

func TestCloseFIN(t *testing.T) {
	for name, unread := range map[string]bool{"nothing unread": false, "unread data": true} {
		t.Run(name, func(t *testing.T) {
			if unread && runtime.GOOS != "linux" {
				t.Skip("only Linux can throw it away first")
			}
			client, peer := tcpPair(t)
			pass(t, client, peer, "request")
			if unread {
				pass(t, peer, client, "response")
				if _, err := io.WriteString(peer, "more"); err != nil {
					t.Fatal(err)
				}
			}
			if err := closeFIN(client); err != nil {
				t.Fatal(err)
			}
			if _, err := peer.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("the peer reads %v, want EOF", err)
			}
			// An RST behind the FIN would have cleared the peer's connection by now, and be its pending error.
			if err := pendingError(peer); err != nil {
				t.Errorf("after the FIN came %v", err)
			}
		})
	}
}

func TestCloseRST(t *testing.T) {
	client, peer := tcpPair(t)
	pass(t, client, peer, "request")
	if err := closeRST(client); err != nil {
		t.Fatal(err)
	}
	if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer reads %v, want ECONNRESET", err)
	}
}
