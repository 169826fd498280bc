package lab

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// The kernel's own settings of an accepted connection are the temperament's.
func TestKeepAlive(t *testing.T) {
	for _, temperament := range Temperaments() {
		s := testServer()
		s.Temperament = temperament
		connected := make(chan struct{}, 1)
		s.Log = func(e Event) {
			if e.What == EventConnect {
				connected <- struct{}{}
			}
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		client, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		<-connected
		accepted := make(map[string]int)
		s.mu.Lock()
		for c := range s.conns {
			raw, err := c.nc.(*net.TCPConn).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			raw.Control(func(fd uintptr) {
				for _, option := range []struct {
					name        string
					level, what int
				}{
					{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE},
					{"TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE},
					{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL},
					{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT},
				} {
					accepted[option.name], err = unix.GetsockoptInt(int(fd), option.level, option.what)
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		s.mu.Unlock()
		want := map[string]map[string]int{
			"windows": {"SO_KEEPALIVE": 1, "TCP_KEEPIDLE": 7200, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 10},
			"samba":   {"SO_KEEPALIVE": 1, "TCP_KEEPIDLE": 7200, "TCP_KEEPINTVL": 75, "TCP_KEEPCNT": 9},
			"nt4":     {"SO_KEEPALIVE": 0},
		}[temperament.Name]
		if len(want) == 0 {
			t.Errorf("%s: nothing to compare with", temperament.Name)
		}
		for name, value := range want {
			if accepted[name] != value {
				t.Errorf("%s: %s is %d, want %d", temperament.Name, name, accepted[name], value)
			}
		}
		client.Close()
		closeServer(t, s)
	}
}
