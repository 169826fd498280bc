package lab

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"err32/smb"
)

// Log-ons that are begun and not finished are few, and cost little also with
// the largest tokens.
func TestHostileLogOns(t *testing.T) {
	const connections = 40
	s := startHostile(t, connections*2*mib, hostileLimits)
	var all []*rawClient
	for range connections {
		c := dialRaw(t, s)
		c.negotiate(smb.SMB311)
		for _, token := range [][]byte{bytes.Repeat([]byte{0x60}, 0xFFFF), bytes.Repeat([]byte{0xA1, 0x82}, 0x7FFF), nil} {
			if r := c.call(&smb.SessionSetupRequest{SecurityBuffer: token}); !r.header.Status.IsError() {
				t.Fatalf("a senseless token: %v", r.header.Status)
			}
		}
		begun := 0
		for range 3 * 8 {
			r := c.call(&smb.SessionSetupRequest{SecurityBuffer: ntlmNegotiate(0xFFFF - 16)})
			switch r.header.Status {
			case smb.StatusMoreProcessingRequired:
				begun++
			case smb.StatusTooManySessions:
			default:
				t.Fatal(r.header.Status)
			}
		}
		if begun != 8 {
			t.Errorf("%d log-ons are under way, want 8", begun)
		}
		all = append(all, c)
	}
	for _, c := range all {
		c.nc.Close()
	}
}

// A session is not counted twice: after the limit a log-off makes room.
func TestHostileSessions(t *testing.T) {
	limits := hostileLimits
	limits.Sessions = 5
	s := startHostile(t, 32*mib, limits)
	c := dialRaw(t, s)
	c.negotiate(smb.SMB311)
	for range 5 {
		c.logOn()
	}
	last, signer := c.session, c.signer
	c.session, c.signer = 0, nil
	c.want(smb.StatusTooManySessions, &smb.SessionSetupRequest{SecurityBuffer: ntlmNegotiate(0)})
	c.session, c.signer = last, signer
	c.want(smb.StatusSuccess, &smb.LogoffRequest{})
	c.logOn()
	c.nc.Close()
}

// What clients can have too many of is refused, and goes with them.
func TestHostileFloods(t *testing.T) {
	limits := hostileLimits
	status := func(r response) smb.NTStatus { return r.header.Status }
	for name, flood := range map[string]struct {
		least, most int // how many are granted
		share       string
		send        func(c *rawClient, n int) smb.NTStatus
	}{
		"tree connects": {limits.Trees - 1, limits.Trees - 1, "share", func(c *rawClient, n int) smb.NTStatus {
			return status(c.call(&smb.TreeConnectRequest{Path: `\\lab\share`}))
		}},
		"opens": {limits.Opens - 1, limits.Opens, "share", func(c *rawClient, n int) smb.NTStatus {
			return status(c.call(openRequest(fmt.Sprintf("file-%d", n))))
		}},
		"opens of one file": {limits.Opens - 1, limits.Opens, "share", func(c *rawClient, n int) smb.NTStatus {
			m := openRequest("file")
			m.OplockLevel = smb.OplockII
			return status(c.call(m))
		}},
		"watches": {limits.Watches, limits.Watches, "share", func(c *rawClient, n int) smb.NTStatus {
			dir := openRequest("")
			dir.Disposition = smb.OpenFile
			if n >= 3*limits.Watches {
				return smb.StatusInsufficientResources // enough of that
			}
			id := c.want(smb.StatusSuccess, dir).body.(*smb.CreateResponse).FileID
			if err := c.send(c.message(&smb.ChangeNotifyRequest{FileID: id, MaxOutput: 1000, Filter: smb.NotifyEA})); err != nil {
				c.t.Fatal(err)
			}
			all, err := c.receive()
			if err != nil {
				c.t.Fatal(err)
			}
			if status := all[0].header.Status; status != smb.StatusPending {
				return status
			}
			return smb.StatusSuccess
		}},
		"pipes": {limits.Pipes, limits.Pipes, "IPC$", func(c *rawClient, n int) smb.NTStatus {
			return status(c.call(&smb.CreateRequest{Name: "srvsvc", Access: smb.FileReadData, Disposition: smb.OpenFile}))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := startHostile(t, 32*mib, limits)
			c := dialRaw(t, s)
			c.negotiate(smb.SMB311)
			c.logOn()
			c.connect(flood.share)
			granted := 0
			for n := range limits.Opens + 50 {
				switch status := flood.send(c, n); status {
				case smb.StatusSuccess:
					granted++
				case smb.StatusInsufficientResources:
				default:
					t.Fatal(status)
				}
			}
			if granted < flood.least || granted > flood.most {
				t.Errorf("%d were granted, want %d to %d", granted, flood.least, flood.most)
			}
			c.nc.Close()
		})
	}
}

// Locks are few in all, also when one request asks for many, and a request that
// is refused leaves none behind.
func TestHostileLocks(t *testing.T) {
	s := startHostile(t, 32*mib, hostileLimits)
	c := dialRaw(t, s).ready(smb.SMB311)
	id := c.open("locked")
	locks := func(from, n int) *smb.LockRequest {
		m := &smb.LockRequest{FileID: id}
		for i := range n {
			m.Locks = append(m.Locks, smb.LockElement{Offset: uint64(from + i), Length: 1, Flags: smb.LockExclusive | smb.LockFailImmediately})
		}
		return m
	}
	c.want(smb.StatusInsufficientResources, locks(0, 0xFFFF))
	c.want(smb.StatusSuccess, locks(0, 300))
	c.want(smb.StatusInsufficientResources, locks(1000, 201))
	c.want(smb.StatusSuccess, locks(1000, 200))
	c.want(smb.StatusInsufficientResources, locks(2000, 1))
	c.want(smb.StatusSuccess, &smb.LockRequest{FileID: id, Locks: []smb.LockElement{{Offset: 5, Length: 1, Flags: smb.LockUnlock}}})
	c.want(smb.StatusSuccess, locks(2000, 1))
	c.want(smb.StatusSuccess, &smb.CloseRequest{FileID: id})
	id = c.open("locked")
	c.want(smb.StatusSuccess, locks(0, 500))
	c.nc.Close()
}

// pend sends a LOCK that has to wait and takes its interim response.
func (c *rawClient) pend(id smb.FileID, more ...func(*smb.Header)) smb.NTStatus {
	c.t.Helper()
	if err := c.send(c.message(&smb.LockRequest{FileID: id, Locks: []smb.LockElement{{Length: 1, Flags: smb.LockExclusive}}}, more...)); err != nil {
		c.t.Fatal(err)
	}
	all, err := c.receive()
	if err != nil {
		c.t.Fatal(err)
	}
	return all[0].header.Status
}

// Requests that wait are few. They end with their connection.
func TestHostileWaits(t *testing.T) {
	s := startHostile(t, 32*mib, hostileLimits)
	c := dialRaw(t, s).ready(smb.SMB311)
	first, second := c.open("locked"), c.open("locked")
	c.want(smb.StatusSuccess, &smb.LockRequest{FileID: first, Locks: []smb.LockElement{{Length: 1, Flags: smb.LockExclusive}}})
	waiting := 0
	for range 3 * hostileLimits.Pending {
		switch status := c.pend(second); status {
		case smb.StatusPending:
			waiting++
		case smb.StatusInsufficientResources:
		default:
			t.Fatal(status)
		}
	}
	if waiting != hostileLimits.Pending {
		t.Errorf("%d requests wait, want %d", waiting, hostileLimits.Pending)
	}
	c.nc.Close()
}

// A request that waits keeps the frame it came in, so that these may not be
// many when they are large.
func TestHostileWaitsInLargeFrames(t *testing.T) {
	const size, connections = 4 * mib, 4
	limits := hostileLimits
	limits.Unread = 16 * mib
	// Each keeps 16 MiB of frames; one frame is on its way, on both sides.
	s := startHostile(t, connections*(16+4*4)*mib+32*mib, limits)
	var all []*rawClient
	for range connections {
		c := dialRaw(t, s).ready(smb.SMB210)
		all = append(all, c)
		first, second := c.open("locked"), c.open("locked")
		c.try(c.message(&smb.LockRequest{FileID: first, Locks: []smb.LockElement{{Length: 1, Flags: smb.LockExclusive | smb.LockFailImmediately}}}))
		waiting := 0
		for range 8 {
			// An ECHO with much behind it, and the LOCK at the end.
			echo := append(c.message(&smb.EchoRequest{}), make([]byte, size)...)
			lock := c.message(&smb.LockRequest{FileID: second, Locks: []smb.LockElement{{Length: 1, Flags: smb.LockExclusive}}})
			if err := c.send(c.compound(echo, lock)); err != nil {
				t.Fatal(err)
			}
			for got := 0; got < 2; {
				answers, err := c.receive()
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range answers {
					if got++; r.header.Status == smb.StatusPending {
						waiting++
					}
				}
			}
		}
		if waiting < 1 || waiting > 4 {
			t.Errorf("%d requests wait in frames of 4 MiB each, want 1 to 4", waiting)
		}
	}
	for _, c := range all {
		c.nc.Close()
	}
}

// Of an RPC call without end little is kept.
func TestHostileRPC(t *testing.T) {
	s := startHostile(t, 32*mib, hostileLimits)
	c := dialRaw(t, s)
	c.negotiate(smb.SMB311)
	c.logOn()
	c.connect("IPC$")
	c.credits = 200
	pipe := &smb.CreateRequest{Name: "srvsvc", Access: smb.FileReadData | smb.FileWriteData, Disposition: smb.OpenFile}
	open := func() smb.FileID { return c.want(smb.StatusSuccess, pipe).body.(*smb.CreateResponse).FileID }
	// One fragment is announced larger than what may wait, and one call has no
	// last fragment.
	fragment := func(flags byte, size int) []byte {
		b := append([]byte{5, 0, 0, flags, 0x10, 0, 0, 0}, make([]byte, size-8)...)
		binary.LittleEndian.PutUint16(b[8:], uint16(size))
		return b
	}
	for name, b := range map[string][]byte{
		"noise":               bytes.Repeat([]byte{0xA5}, 60000),
		"1 MiB in one WRITE":  make([]byte, mib),
		"calls without a end": bytes.Repeat(fragment(1, 4000), 30),
	} {
		id := open()
		refused := false
		for range 100 {
			if r := c.call(&smb.WriteRequest{FileID: id, Data: b}, charge(16)); r.header.Status.IsError() {
				refused = true
				break
			}
		}
		if !refused {
			t.Errorf("%s: 100 WRITEs were taken", name)
		}
		c.want(smb.StatusSuccess, &smb.CloseRequest{FileID: id})
	}
	id := open()
	first, rest := fragment(1, 60000), bytes.Repeat(fragment(0, 60000), 1)
	c.want(smb.StatusSuccess, &smb.WriteRequest{FileID: id, Data: first})
	for range 200 {
		c.want(smb.StatusSuccess, &smb.WriteRequest{FileID: id, Data: rest})
	}
	c.nc.Close()
}

// There are so many connections and no more.
func TestHostileConnections(t *testing.T) {
	s := startHostile(t, 32*mib, hostileLimits)
	var all []*rawClient
	for range hostileLimits.Connections - 1 {
		all = append(all, dialRaw(t, s))
	}
	wait(t, "the connections", func() bool { return s.Books().Connections == hostileLimits.Connections })
	dialRaw(t, s).ended()
	all[0].nc.Close()
	wait(t, "one to end", func() bool { return s.Books().Connections == hostileLimits.Connections-1 })
	all[0] = dialRaw(t, s).ready(smb.SMB311)
	for _, c := range all {
		c.nc.Close()
	}
}
