package diag

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"err32/smb"
)

// BenchmarkDeadPeer lets the server go away with 200 CREATEs under way, by RST
// and by FIN, and measures until the last of them is back. A proxy stands for
// the server's end: only it can tell the moment exactly.
func BenchmarkDeadPeer(b *testing.B) {
	srv := serveSmbd(b, serverConfig{})
	srv.writeFiles(b, "a.dat")
	for _, kind := range []string{"rst", "fin"} {
		b.Run(kind, func(b *testing.B) {
			var back measured // milliseconds
			for b.Loop() {
				for range 3 * benchRounds {
					back = append(back, deadPeer(b, srv, kind == "rst"))
				}
			}
			b.Logf("all 200 back after ms %v", back)
			b.ReportMetric(back.median(), "ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func deadPeer(b *testing.B, srv *testServer, reset bool) (ms float64) {
	b.Helper()
	const calls = 200
	ctx := context.Background()
	p := newMuteProxy(b, srv.addr)
	defer p.close()
	e := srv.endpoint("")
	e.Target.Port = p.listener.Addr().(*net.TCPAddr).Port
	c, err := e.connect(ctx, srv.share, smb.GUID{})
	if err != nil {
		b.Fatal(err)
	}
	defer c.leave(ctx)
	for range calls { // until the server has granted enough credits
		if err := c.conn.Echo(ctx); err != nil {
			b.Fatal(err)
		}
	}
	p.mute()
	var pending []*smb.PendingCreate
	for range calls {
		create, err := c.tree.StartCreate(ctx, &smb.CreateRequest{
			Name: "a.dat", Access: smb.FileReadData, Share: smb.ShareRead, Disposition: smb.OpenFile,
		})
		if err != nil {
			b.Fatal(err)
		}
		pending = append(pending, create)
	}
	var wg, waiting sync.WaitGroup
	var last time.Time
	var mu sync.Mutex
	waiting.Add(calls)
	for _, create := range pending {
		wg.Go(func() {
			waiting.Done()
			_, err := create.Wait(ctx)
			now := time.Now()
			mu.Lock()
			defer mu.Unlock()
			if last = now; err == nil {
				b.Error("a CREATE succeeded without a server")
			}
		})
	}
	waiting.Wait()
	died := p.die(reset)
	wg.Wait()
	return float64(last.Sub(died).Microseconds()) / 1000
}

// muteProxy passes one connection on to a server until it is told to leave the
// client without answers.
type muteProxy struct {
	listener net.Listener
	accepted chan struct{} // closed once client and server are set
	client   *net.TCPConn
	server   net.Conn
	tasks    sync.WaitGroup
}

func newMuteProxy(b *testing.B, addr string) *muteProxy {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	p := &muteProxy{listener: l, accepted: make(chan struct{})}
	p.tasks.Go(func() {
		defer close(p.accepted)
		client, err := l.Accept()
		if err != nil {
			b.Error(err)
			return
		}
		if p.server, err = net.Dial("tcp", addr); err != nil {
			b.Error(err)
			client.Close()
			return
		}
		p.client = client.(*net.TCPConn)
		p.tasks.Go(func() { io.Copy(p.server, client) })
		p.tasks.Go(func() { io.Copy(client, p.server) })
	})
	return p
}

// mute ends the server's side alone. What the client sends from now on stays
// in the socket.
func (p *muteProxy) mute() { p.server.Close() }

// die ends the client's side and returns when it did.
func (p *muteProxy) die(reset bool) time.Time {
	at := time.Now()
	if reset {
		p.client.SetLinger(0)
		p.client.Close()
	} else {
		p.client.CloseWrite()
	}
	return at
}

func (p *muteProxy) close() {
	p.listener.Close()
	<-p.accepted
	if p.server != nil {
		p.server.Close()
		p.client.Close()
	}
	p.tasks.Wait()
}
