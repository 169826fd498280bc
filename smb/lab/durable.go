package lab

import (
	"slices"
	"time"

	"err32/smb"
)

// durability is what makes an open durable: it outlives its connection for a
// while, in which its client may claim it, [MS-SMB2] 3.3.1.10.
type durability struct {
	owner   *User         // Open.DurableOwner
	client  smb.GUID      // Open.ClientGuid
	timeout time.Duration // Open.DurableOpenTimeout
	expiry  *time.Timer   // runs while the open is disconnected

	v2     bool
	create smb.GUID         // Open.CreateGuid, of version 2; zero of version 1
	app    smb.GUID         // Open.AppInstanceId, of version 2; zero without one
	action smb.CreateAction // what the CREATE did, for one that is sent again
}

// durableRequest is what a CREATE says about durability.
type durableRequest struct {
	v1, v2 bool // asks for it
	ask    smb.DurableV2Request
	app    smb.GUID

	reclaim, reclaimV2 bool // asks for an open back
	id                 smb.FileID
	guid               smb.GUID
	flags              smb.DurableFlags
}

// durableRequested returns what a CREATE says about durability. Contexts that
// do not go together are STATUS_INVALID_PARAMETER, and so are those of a wrong
// length; those of version 2 do not exist before dialect 3.0.
func (r *request) durableRequested(m *smb.CreateRequest) (d durableRequest, status smb.NTStatus) {
	var err error
	if d.v1, err = m.Durable(); err != nil {
		return d, smb.StatusInvalidParameter
	}
	if d.id, d.reclaim, err = m.DurableReconnect(); err != nil {
		return d, smb.StatusInvalidParameter
	}
	if r.conn.dialect < smb.SMB300 {
		return d, smb.StatusSuccess
	}
	if d.ask, d.v2, err = m.DurableV2(); err != nil {
		return d, smb.StatusInvalidParameter
	}
	if d.app, _, err = m.AppInstanceID(); err != nil {
		return d, smb.StatusInvalidParameter
	}
	back, ok, err := m.DurableV2Reconnect()
	if err != nil {
		return d, smb.StatusInvalidParameter
	}
	if ok {
		if d.v1 || d.v2 || d.reclaim {
			return d, smb.StatusInvalidParameter // [MS-SMB2] 3.3.5.9.12
		}
		d.reclaimV2, d.id, d.guid, d.flags = true, back.FileID, back.CreateGUID, back.Flags
	}
	if d.v2 && (d.v1 || d.reclaim) {
		return d, smb.StatusInvalidParameter // 3.3.5.9.6, .7 and .10
	}
	return d, smb.StatusSuccess
}

// claimDurable runs a CREATE that asks for a durable open back, [MS-SMB2]
// 3.3.5.9.7 and 3.3.5.9.12.
func (r *request) claimDurable(m *smb.CreateRequest, d durableRequest) (*smb.CreateResponse, smb.NTStatus) {
	s := r.server()
	o := s.opens[d.id.Persistent]
	if o == nil || o.durable == nil || o.session != nil || o.share != r.tree.share {
		return nil, smb.StatusObjectNameNotFound
	}
	if d.reclaimV2 && o.durable.create != d.guid { // version 1 knows none, and may claim either
		return nil, smb.StatusObjectNameNotFound
	}
	if status := r.leaseClaims(o, m); status != smb.StatusSuccess {
		return nil, status
	}
	switch {
	case d.flags&smb.DurablePersistent != 0:
		return nil, smb.StatusInvalidParameter // it is not persistent
	case r.session.user == nil || r.session.user != o.durable.owner:
		return nil, smb.StatusAccessDenied
	}
	s.endDurability(o)
	s.reconnect(o, r)
	answer := &smb.CreateResponse{Action: smb.Opened, OplockLevel: o.oplock}
	if o.oplock == smb.OplockLease {
		o.lease.describe(answer)
	}
	o.describe(answer)
	return answer, smb.StatusSuccess
}

// leaseClaims checks the lease that a client names with the open it asks back.
func (r *request) leaseClaims(o *open, m *smb.CreateRequest) smb.NTStatus {
	named, ok, err := m.Lease()
	if err != nil {
		return smb.StatusInvalidParameter
	}
	l := o.lease
	if l == nil || l.isOplock() {
		if ok || o.oplock != smb.OplockBatch {
			return smb.StatusObjectNameNotFound
		}
		return smb.StatusSuccess
	}
	if l.id.client != r.conn.request.ClientGUID {
		return smb.StatusObjectNameNotFound
	}
	if !ok || named.V2 != l.v2 || named.Key != l.id.key || l.state&smb.LeaseHandle == 0 {
		return smb.StatusObjectNameNotFound
	}
	if n, _, _, status := o.share.volume.lookup(m.Name); (status != smb.StatusSuccess || n != o.node) && !o.node.deletePending {
		return smb.StatusInvalidParameter
	}
	return smb.StatusSuccess
}

// reconnect gives a disconnected open to the session and tree of a request.
func (s *Server) reconnect(o *open, r *request) {
	o.session, o.tree = r.session, r.tree
	for o.session.opens[o.id.Volatile] != nil {
		o.id.Volatile = s.lastOpen<<16 | uint64(s.rand16())
	}
	o.session.opens[o.id.Volatile] = o
}

// duplicates answers a CREATE whose CreateGuid the client has used for an open
// that is still there, [MS-SMB2] 3.3.5.9.10: with that open if the CREATE is
// marked as sent again.
func (r *request) duplicates(d durableRequest) (*smb.CreateResponse, smb.NTStatus) {
	for _, o := range r.server().opens {
		if o.durable == nil || !o.durable.v2 || o.durable.create != d.ask.CreateGUID || o.durable.client != r.conn.request.ClientGUID {
			continue
		}
		switch {
		case r.header.Flags&smb.FlagReplay == 0, o.session != r.session:
			return nil, smb.StatusDuplicateObjectID
		case o.durable.owner != r.session.user:
			return nil, smb.StatusAccessDenied
		}
		answer := &smb.CreateResponse{Action: o.durable.action, OplockLevel: o.oplock}
		if o.oplock == smb.OplockLease {
			o.lease.describe(answer)
		}
		answer.Contexts = append(answer.Contexts, smb.DurableV2Response{Timeout: milliseconds(o.durable.timeout)}.Context())
		o.describe(answer)
		return answer, smb.StatusSuccess
	}
	return nil, smb.StatusSuccess
}

// closeInstance closes the opens that an application instance has of a file on
// another machine, [MS-SMB2] 3.3.5.9.13: it has moved.
func (r *request) closeInstance(n *node, d durableRequest) {
	if d.app == (smb.GUID{}) {
		return
	}
	for _, o := range slices.Clone(n.opens) {
		if o.durable != nil && o.durable.app == d.app && o.durable.client != r.conn.request.ClientGUID {
			r.server().closeOpen(o, closedByInstance)
		}
	}
}

// closedByInstance ends opens as closeInstance says.
const closedByInstance closeReason = "the application instance opened the file on another machine"

// grantDurability makes the new open durable if the CREATE asks for it and it
// may be, [MS-SMB2] 3.3.5.9.6 and 3.3.5.9.10.
func (s *Server) grantDurability(r *request, o *open, d durableRequest, answer *smb.CreateResponse) {
	t := &s.Temperament
	if !d.v1 && !d.v2 || t.DurableV1Timeout <= 0 || !o.mayBeDurable() || r.session.user == nil {
		return
	}
	timeout := t.DurableV1Timeout
	switch {
	case d.v2 && d.ask.Timeout != 0:
		timeout = min(time.Duration(d.ask.Timeout)*time.Millisecond, t.DurableV2Most)
	case d.v2:
		timeout = t.DurableV2Default
	}
	o.durable = &durability{owner: r.session.user, client: r.conn.request.ClientGUID, timeout: timeout, action: answer.Action}
	if !d.v2 {
		answer.Contexts = append(answer.Contexts, smb.DurableResponse())
		return
	}
	o.durable.v2, o.durable.create, o.durable.app = true, d.ask.CreateGUID, d.app
	answer.Contexts = append(answer.Contexts, smb.DurableV2Response{Timeout: milliseconds(o.durable.timeout)}.Context())
}

func milliseconds(d time.Duration) uint32 { return uint32(d / time.Millisecond) }

// mayBeDurable reports whether the client may keep the handle: it has a batch
// oplock or a lease with handle caching.
func (o *open) mayBeDurable() bool {
	return o.lease != nil && o.lease.state&smb.LeaseHandle != 0
}

// disconnectOpen takes a durable open from its session, which is about to end,
// [MS-SMB2] 3.3.7.1 and 3.3.5.6. It stays for its client to claim it, for as
// long as was promised, unless its caching was being broken. Others are left to
// the session, but nobody is there any more to acknowledge a break of theirs.
func (s *Server) disconnectOpen(o *open) {
	switch l := o.lease; {
	case o.durable != nil && o.mayBeDurable() && !l.inProgress:
		delete(o.session.opens, o.id.Volatile)
		o.session, o.tree = nil, nil
		s.startExpiry(o)
	case l != nil && l.inProgress && l.reachable() == nil:
		s.endBreak(l, 0)
	}
}

// startExpiry closes the open when nobody claims it in time.
func (s *Server) startExpiry(o *open) {
	var expiry *time.Timer
	expiry = s.after(o.durable.timeout, func() {
		if o.durable.expiry == expiry { // it was not claimed while this waited for its turn
			s.closeOpen(o, closedByExpiry)
		}
	})
	o.durable.expiry = expiry
}

// endDurability stops what waits for a durable open to be claimed.
func (s *Server) endDurability(o *open) {
	if o.durable != nil && o.durable.expiry != nil {
		o.durable.expiry.Stop()
		o.durable.expiry = nil
	}
}
