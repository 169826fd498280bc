package lab

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"time"

	smb2 "github.com/hirochachacha/go-smb2"
)

// goSMB2Life is the life of a stock client.
func (c *crowd) goSMB2Life(rnd *rand.Rand, addr string) {
	c.lives.Add(1)
	nc, err := net.Dial("tcp", addr)
	if !c.note("dial", err) {
		return
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(rawTime))
	dialects := []uint16{0x202, 0x210, 0x300, 0x302, 0x311}
	d := smb2.Dialer{
		Negotiator: smb2.Negotiator{SpecifiedDialect: dialects[rnd.IntN(len(dialects))], RequireMessageSigning: rnd.IntN(3) == 0},
		Initiator:  &smb2.NTLMInitiator{User: testUser, Password: testPassword},
	}
	session, err := d.Dial(nc)
	if !c.note("go-smb2: log on", err) {
		return
	}
	// On a connection that has ended it waits for ever without a context.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	session = session.WithContext(ctx)
	share, err := session.Mount("share")
	if !c.note("go-smb2: mount", err) {
		return
	}
	share = share.WithContext(ctx)
	var files []*smb2.File
	for range rnd.IntN(10) {
		f, err := share.OpenFile(fmt.Sprintf("file-%d", rnd.IntN(crowdFiles)), os.O_RDWR|os.O_CREATE, 0o600)
		if !c.note("go-smb2: open", err) {
			continue
		}
		// Files that are left open must not be closed by finalizers: on a
		// connection that ends meanwhile they panic.
		runtime.SetFinalizer(f, nil)
		c.opens.Add(1)
		files = append(files, f)
		_, err = f.WriteAt(make([]byte, rnd.IntN(100_000)), 0)
		c.note("go-smb2: write", err)
		_, err = io.CopyN(io.Discard, f, 1000)
		c.note("go-smb2: read", err)
		_, err = f.Stat()
		c.note("go-smb2: stat", err)
	}
	switch rnd.IntN(4) {
	case 0:
		for _, f := range files {
			c.note("go-smb2: close", f.Close())
		}
		c.note("go-smb2: unmount", share.Umount())
		c.note("go-smb2: log off", session.Logoff())
	case 1:
		c.note("go-smb2: log off", session.Logoff())
	case 2:
		nc.(*net.TCPConn).SetLinger(0)
	}
}
