package lab

import (
	"testing"
	"time"

	"err32/smb"
)

// A client that asks for much and reads nothing is read from no further, and
// is dropped in time.
func TestHostileNeverReads(t *testing.T) {
	limits := hostileLimits
	limits.Unread = 8 * mib
	// Of the 124 MiB that it asks for there may be Unread and the READ that
	// reached it, a few times while it is encrypted, and the file itself.
	s := startHostile(t, (8+4*4+4+32)*mib, limits)
	c := dialRaw(t, s).ready(smb.SMB311)
	id := c.open("large")
	for i := range 4 {
		c.want(smb.StatusSuccess, &smb.WriteRequest{FileID: id, Offset: uint64(i) * mib, Data: make([]byte, mib)}, charge(16))
	}
	if c.credits = 8000; c.call(&smb.EchoRequest{}).header.Credits < 2000 {
		t.Fatal("there are too few credits for the test")
	}
	c.encrypt()
	begin := time.Now()
	for range 31 {
		if c.send(c.message(&smb.ReadRequest{FileID: id, Length: 4 * mib}, charge(64))) != nil {
			break
		}
	}
	wait(t, "the server to drop it", func() bool { return s.Books().Connections == 1 })
	if d := time.Since(begin); d < limits.WriteTime {
		t.Errorf("it was dropped after %v", d)
	}
	c.nc.Close()
}

func charge(n uint16) func(*smb.Header) {
	return func(h *smb.Header) { h.CreditCharge = n }
}

// One frame that asks for more than a client may leave unread, here for 200 MiB,
// gets so much and no more.
func TestHostileLargeCompound(t *testing.T) {
	s := startHostile(t, (16+6*16)*mib, hostileLimits)
	c := dialRaw(t, s).ready(smb.SMB210)
	c.credits = 8000
	id := c.open("large")
	c.want(smb.StatusSuccess, &smb.WriteRequest{FileID: id, Data: make([]byte, mib)}, charge(16))
	var reads [][]byte
	for range 200 {
		reads = append(reads, c.message(&smb.ReadRequest{FileID: id, Length: mib}, charge(16)))
	}
	if err := c.send(c.compound(reads...)); err != nil {
		t.Fatal(err)
	}
	served, refused := 0, 0
	for served+refused < len(reads) {
		answers, err := c.receive()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range answers {
			switch r.header.Status {
			case smb.StatusSuccess:
				served++
			case smb.StatusInsufficientResources:
				refused++
			default:
				t.Fatal(r.header.Status)
			}
		}
	}
	if served != 16 {
		t.Errorf("%d READs of 1 MiB were served, want 16", served)
	}
	c.want(smb.StatusSuccess, &smb.CloseRequest{FileID: id})
	c.nc.Close()
}

// A million requests in chains as long as the credits allow are answered.
func TestHostileTinyCompounds(t *testing.T) {
	requests := 100_000
	if *stressTime > 0 {
		requests = 1_000_000
	}
	s := startHostile(t, 64*mib, hostileLimits)
	c := dialRaw(t, s).ready(smb.SMB210)
	c.signer, c.credits = nil, 8000
	c.want(smb.StatusSuccess, &smb.EchoRequest{})
	c.credits = 1
	const chain = 4000
	for sent := 0; sent < requests; sent += chain {
		var all [][]byte
		for range chain {
			all = append(all, c.message(&smb.EchoRequest{}))
		}
		if err := c.send(c.compound(all...)); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < chain; {
			answers, err := c.receive()
			if err != nil {
				t.Fatal(err)
			}
			got += len(answers)
		}
	}
	c.nc.Close()
}

// Credits that a frame's answers grant cannot be used by that frame.
func TestHostileCredits(t *testing.T) {
	s := startHostile(t, 64*mib, hostileLimits)
	for name, ids := range map[string]func(c *rawClient) [][]byte{
		"more than there are": func(c *rawClient) (all [][]byte) {
			for range 100_000 {
				all = append(all, c.message(&smb.EchoRequest{}))
			}
			return all
		},
		"used twice": func(c *rawClient) [][]byte {
			again := c.nextID
			return [][]byte{c.message(&smb.EchoRequest{}), c.message(&smb.EchoRequest{}, func(h *smb.Header) { h.MessageID = again })}
		},
		"used before": func(c *rawClient) [][]byte {
			return [][]byte{c.message(&smb.EchoRequest{}, func(h *smb.Header) { h.MessageID = 0 })}
		},
		"a charge beyond them": func(c *rawClient) [][]byte {
			return [][]byte{c.message(&smb.EchoRequest{}, charge(0xFFFF))}
		},
		"far ahead": func(c *rawClient) [][]byte {
			return [][]byte{c.message(&smb.EchoRequest{}, func(h *smb.Header) { h.MessageID = 1 << 40 })}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := dialRaw(t, s).ready(smb.SMB210)
			c.t, c.signer = t, nil
			if err := c.send(c.compound(ids(c)...)); err != nil {
				t.Log(err) // the server may not have read it all
			}
			c.ended()
		})
	}
	t.Run("a charge too low", func(t *testing.T) {
		c := dialRaw(t, s).ready(smb.SMB210)
		id := c.open("file")
		for _, m := range []smb.Message{
			&smb.ReadRequest{FileID: id, Length: 64<<10 + 1},
			&smb.WriteRequest{FileID: id, Data: make([]byte, 64<<10+1)},
			&smb.QueryInfoRequest{FileID: id, Type: smb.InfoFile, Class: 18, MaxOutput: 1 << 20},
			&smb.QueryDirectoryRequest{FileID: id, Class: 37, Pattern: "*", MaxOutput: 1<<32 - 1},
			&smb.ChangeNotifyRequest{FileID: id, MaxOutput: 1 << 31},
			&smb.IOCTLRequest{FileID: id, Code: smb.FSCTLPipeTransceive, MaxOutput: 1<<32 - 1},
		} {
			c.want(smb.StatusInvalidParameter, m)
		}
		c.nc.Close()
	})
}
