package diag

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"err32/smb"
)

// BenchmarkWho asks for one of 5000 files that 50 sessions hold, with err32 who
// --json and with rpcclient's netfileenum, which lists them all, from the
// process's start to its exit. First, and not counted, each runs through a
// proxy that counts its calls of NetrFileEnum: who must read the table once.
func BenchmarkWho(b *testing.B) {
	rpcclient, err := exec.LookPath("rpcclient")
	if err != nil {
		b.Skip("rpcclient is not installed; smbd's tests need Samba's clients too")
	}
	const sessions, files = 50, 100
	srv := serveSmbd(b, serverConfig{})
	err32 := build(b, "..")
	for i := range sessions {
		makeFiles(b, srv, files, "who", strconv.Itoa(i))
	}
	defer waitIdle(b, srv)
	for i := range sessions {
		defer holdFolder(b, srv, "who\\"+strconv.Itoa(i)+"\\d00", files)()
	}

	user, asked := srv.user+"%"+srv.password, `who\25\d00\f00050.dat`
	// An open for attributes alone is one that the table is answer enough for,
	// whoever has the file.
	ours := func(port int) (wall, cpu float64) {
		w, c, out := timed(b, err32, "who", "--json", "--want", "0x80", "-U", user, fmt.Sprintf("//127.0.0.1:%d/%s/%s", port, srv.share, strings.ReplaceAll(asked, `\`, "/")))
		var r PathHolders
		if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.Opens) != 1 || !strings.EqualFold(r.Opens[0].SharePath, asked) {
			b.Fatalf("err32 who: %v, opens %v", err, r.Opens)
		}
		return w.Seconds(), c.Seconds()
	}
	peer := func(port int) (wall, cpu float64) {
		w, c, out := timed(b, rpcclient, "-p", strconv.Itoa(port), "127.0.0.1", "-U", user, "-c", "netfileenum")
		if n := strings.Count(out, ".dat"); n != sessions*files {
			b.Fatalf("rpcclient lists %d opens, not %d", n, sessions*files)
		}
		return w.Seconds(), c.Seconds()
	}
	proxy := newCallProxy(b, srv.addr)
	peer(proxy.port)
	theirs := proxy.fileEnums.Swap(0)
	ours(proxy.port)
	if n := proxy.fileEnums.Load(); n != 1 || theirs != 1 {
		b.Errorf("%d calls of NetrFileEnum, and %d of rpcclient, want 1 of each", n, theirs)
	}

	var wall, cpu, peerWall, peerCPU measured
	for b.Loop() {
		for range benchRounds {
			pw, pc := peer(srv.port)
			w, c := ours(srv.port)
			wall, cpu = append(wall, w), append(cpu, c)
			peerWall, peerCPU = append(peerWall, pw), append(peerCPU, pc)
		}
	}
	b.Logf("err32      wall s %v   CPU s %v", wall, cpu)
	b.Logf("rpcclient  wall s %v   CPU s %v", peerWall, peerCPU)
	b.Logf("ratios     wall   %v   CPU   %v", wall.over(peerWall), cpu.over(peerCPU))
	b.ReportMetric(wall.over(peerWall).median(), "wall/rpcclient")
	b.ReportMetric(cpu.over(peerCPU).median(), "cpu/rpcclient")
	b.ReportMetric(0, "ns/op")
	if ratio := wall.over(peerWall).median(); ratio > 1.5 {
		b.Errorf("who takes %.2f times as long as netfileenum, want at most 1.5", ratio)
	}
}

// holdFolder opens files f00000.dat and so on of a folder in a session of their
// own. The function it returns ends that.
func holdFolder(b *testing.B, srv *testServer, folder string, files int) func() {
	b.Helper()
	ctx := context.Background()
	c, err := srv.endpoint("").connect(ctx, srv.share, smb.GUID{})
	if err != nil {
		b.Fatal(err)
	}
	for i := range files {
		_, err := c.tree.Create(ctx, &smb.CreateRequest{
			Name: fmt.Sprintf(`%s\f%05d.dat`, folder, i), Access: smb.FileReadData, Share: shareAll, Disposition: smb.OpenFile,
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return func() { c.leave(ctx) }
}

// callProxy passes connections on and counts the calls of NetrFileEnum that go
// through it.
type callProxy struct {
	port      int
	fileEnums atomic.Int64
}

func newCallProxy(b *testing.B, server string) *callProxy {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	p := &callProxy{port: listener.Addr().(*net.TCPAddr).Port}
	var all sync.WaitGroup
	b.Cleanup(func() {
		listener.Close()
		all.Wait()
	})
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.pass(b, client, server) })
		}
	})
	return p
}

// pass serves one connection until either end closes it.
func (p *callProxy) pass(b *testing.B, client net.Conn, server string) {
	defer client.Close()
	conn, err := net.Dial("tcp", server)
	if err != nil {
		b.Error(err)
		return
	}
	defer conn.Close()
	go func() {
		io.Copy(client, conn)
		client.Close()
	}()
	for {
		frame, err := smb.ReadFrame(client, smb.MaxFrame)
		if err != nil {
			return // the client is done
		}
		p.count(frame)
		out := append(smb.AppendFrameHeader(nil), frame...)
		if err := smb.FinishFrame(out, 0); err != nil {
			b.Error(err)
			return
		}
		if _, err := conn.Write(out); err != nil {
			return
		}
	}
}

// count looks for requests of opnum 9 in what is written to pipes: a request is
// PDU type 0, and has its opnum at offset 22, [C706] 12.6.4.9.
func (p *callProxy) count(frame []byte) {
	for len(frame) > 0 {
		_, msg, rest, err := smb.SplitCompound(frame)
		if err != nil {
			return // NEGOTIATE of SMB1
		}
		var pdu []byte
		switch _, m, _ := smb.ParseRequest(msg); m := m.(type) {
		case *smb.IOCTLRequest:
			pdu = m.Input
		case *smb.WriteRequest:
			pdu = m.Data
		}
		if len(pdu) >= 24 && pdu[2] == 0 && binary.LittleEndian.Uint16(pdu[22:]) == 9 {
			p.fileEnums.Add(1)
		}
		frame = rest
	}
}
