package lab

import (
	"testing"

	"err32/smb"
)

// Requests that are not protected as the session requires are refused.
func TestHostileUnprotected(t *testing.T) {
	t.Run("signing", func(t *testing.T) {
		s := startHostile(t, 32*mib, hostileLimits, func(s *Server) { s.Signing = smb.Required })
		for _, d := range smb.Dialects {
			c := dialRaw(t, s).ready(d)
			id := c.open("file")
			signer := c.signer
			c.signer = nil
			c.want(smb.StatusAccessDenied, &smb.CloseRequest{FileID: id})
			c.want(smb.StatusAccessDenied, &smb.LogoffRequest{})
			c.signer = signer
			wrong := c.message(&smb.CloseRequest{FileID: id})
			wrong[len(wrong)-1] ^= 1
			if r, err := c.try(wrong); err != nil || r.header.Status != smb.StatusAccessDenied {
				t.Errorf("%v: a wrong signature: %v, %v", d, r.header.Status, err)
			}
			c.want(smb.StatusSuccess, &smb.CloseRequest{FileID: id})
			c.nc.Close()
		}
	})
	t.Run("a CANCEL that anybody could have sent", func(t *testing.T) {
		s := startHostile(t, 32*mib, hostileLimits, func(s *Server) { s.Signing = smb.Required })
		c := dialRaw(t, s).ready(smb.SMB311)
		first, second := c.open("locked"), c.open("locked")
		c.want(smb.StatusSuccess, &smb.LockRequest{FileID: first, Locks: []smb.LockElement{{Length: 1, Flags: smb.LockExclusive}}})
		waits := c.nextID
		c.pend(second)
		cancel := func(h *smb.Header) { h.MessageID, h.CreditCharge = waits, 0 }
		next := c.nextID
		wrong := c.message(&smb.CancelRequest{}, cancel)
		wrong[50] ^= 1
		c.send(wrong)
		signer := c.signer
		c.signer = nil
		c.send(c.message(&smb.CancelRequest{}, cancel))
		c.signer, c.nextID = signer, next
		c.want(smb.StatusSuccess, &smb.EchoRequest{}) // and not the LOCK's answer
		next = c.nextID
		c.send(c.message(&smb.CancelRequest{}, cancel))
		c.nextID = next
		if all, err := c.receive(); err != nil || all[0].header.Status != smb.StatusCancelled {
			t.Errorf("after a good CANCEL: %+v, %v", all, err)
		}
		c.nc.Close()
	})
	t.Run("TREE_CONNECT in 3.1.1", func(t *testing.T) {
		s := startHostile(t, 32*mib, hostileLimits)
		c := dialRaw(t, s)
		c.negotiate(smb.SMB311)
		c.logOn()
		c.signer = nil
		c.send(c.message(&smb.TreeConnectRequest{Path: `\\lab\share`}))
		c.ended()
	})
	t.Run("encryption", func(t *testing.T) {
		s := startHostile(t, 32*mib, hostileLimits, func(s *Server) { s.Encryption = smb.Required })
		for _, d := range []smb.Dialect{smb.SMB300, smb.SMB302, smb.SMB311} {
			c := dialRaw(t, s)
			c.negotiate(d)
			c.logOn()
			c.want(smb.StatusAccessDenied, &smb.TreeConnectRequest{Path: `\\lab\share`})
			c.encrypt()
			c.connect("share")
			id := c.open("file")
			sealer := c.sealer
			c.sealer = nil
			c.want(smb.StatusAccessDenied, &smb.CloseRequest{FileID: id})
			c.sealer = sealer
			c.want(smb.StatusSuccess, &smb.CloseRequest{FileID: id})
			c.session++ // in the TRANSFORM_HEADER and below it
			c.send(c.message(&smb.EchoRequest{}))
			c.ended()
		}
	})
	t.Run("a frame that was changed", func(t *testing.T) {
		s := startHostile(t, 32*mib, hostileLimits)
		c := dialRaw(t, s).ready(smb.SMB311)
		c.encrypt()
		c.want(smb.StatusSuccess, &smb.EchoRequest{})
		sealed, err := c.sealer.Seal(nil, c.message(&smb.EchoRequest{}), c.session)
		if err != nil {
			t.Fatal(err)
		}
		sealed[len(sealed)-1] ^= 1
		c.write(frame(sealed))
		c.ended()
	})
	t.Run("another session's key", func(t *testing.T) {
		s := startHostile(t, 32*mib, hostileLimits)
		c := dialRaw(t, s).ready(smb.SMB311)
		c.encrypt()
		sealer, unsealer, one := c.sealer, c.unsealer, c.session
		c.sealer = nil
		c.logOn()
		sealed, err := sealer.Seal(nil, c.message(&smb.LogoffRequest{}), one)
		if err != nil {
			t.Fatal(err)
		}
		c.write(frame(sealed))
		c.unsealer = unsealer
		if all, err := c.receive(); err != nil || all[0].header.Status != smb.StatusAccessDenied {
			t.Errorf("a LOGOFF of another session: %+v, %v", all, err)
		}
		c.nc.Close()
	})
}
