package lab

import "err32/smb"

// leaseID is what a client knows a lease by: its own ClientGuid and the
// LeaseKey.
type leaseID struct{ client, key smb.GUID }

// lease is what a client may cache of a file, [MS-SMB2] 3.3.1.12. All its opens
// with one LeaseKey share a lease. An oplock is kept as a lease of its own, of
// one open, that has no id.
type lease struct {
	node  *node
	opens []*open
	level smb.OplockLevel // OplockLease, or the oplock's level

	id        leaseID
	v2        bool
	parent    smb.GUID // ParentLeaseKey
	hasParent bool
	epoch     uint16

	state smb.LeaseState
	breaking
}

// The caching that a lease may allow, beside none.
const (
	cacheR   = smb.LeaseRead
	cacheRH  = smb.LeaseRead | smb.LeaseHandle
	cacheRW  = smb.LeaseRead | smb.LeaseWrite
	cacheRWH = smb.LeaseRead | smb.LeaseWrite | smb.LeaseHandle
)

// leases returns what is cached of the file, each lease once.
func (n *node) leases() []*lease {
	var all []*lease
	for _, o := range n.opens {
		if l := o.lease; l != nil && l.opens[0] == o {
			all = append(all, l)
		}
	}
	return all
}

// isOplock reports whether it is not a lease but an oplock.
func (l *lease) isOplock() bool { return l.level != smb.OplockLease }

// without returns what is left of the state when it loses some.
func (l *lease) without(lose smb.LeaseState) smb.LeaseState { return l.valid(l.state &^ lose) }

// valid returns the state that there is next to one that there may not be. Of
// an oplock without write caching that is level II or nothing.
func (l *lease) valid(state smb.LeaseState) smb.LeaseState {
	switch {
	case state&smb.LeaseRead == 0:
		return 0
	case l.isOplock() && state&smb.LeaseWrite == 0:
		return state & smb.LeaseRead
	}
	return state
}

// leaseRequest is the lease that a CREATE asks for.
type leaseRequest struct {
	smb.Lease
	id leaseID
}

// leaseRequested returns the lease that a CREATE asks for, or nil, [MS-SMB2]
// 3.3.5.9.8 and 3.3.5.9.11.
func (r *request) leaseRequested(m *smb.CreateRequest) (*leaseRequest, smb.NTStatus) {
	if m.OplockLevel != smb.OplockLease || r.conn.dialect < smb.SMB210 {
		return nil, smb.StatusSuccess
	}
	l, ok, err := m.Lease()
	switch {
	case err != nil:
		return nil, smb.StatusInvalidParameter
	case !ok, l.V2 && r.conn.dialect < smb.SMB300:
		return nil, smb.StatusSuccess
	}
	return &leaseRequest{l, leaseID{r.conn.request.ClientGUID, l.Key}}, smb.StatusSuccess
}

// leaseKeyFits reports whether a lease may be asked for on n, nil for a file
// that is not there yet: a key belongs to one file.
func (s *Server) leaseKeyFits(want *leaseRequest, n *node) bool {
	if want == nil {
		return true
	}
	l := s.leases[want.id]
	return l == nil || l.node == n || l.node.deletePending || l.node.removed
}

// holds reports whether l is the lease that a CREATE asks for, whose opens it
// neither breaks nor waits for.
func (want *leaseRequest) holds(l *lease) bool {
	return want != nil && !l.isOplock() && l.id == want.id
}

// grantLease gives the open the lease that its CREATE asks for, or as much of
// it as can be, and says so in the answer.
func (s *Server) grantLease(o *open, want *leaseRequest, answer *smb.CreateResponse) {
	l := s.leases[want.id]
	if l != nil && l.node != o.node {
		return // the key's other file is about to go
	}
	if l == nil {
		l = &lease{node: o.node, level: smb.OplockLease, id: want.id, v2: want.V2}
		if want.V2 {
			l.epoch = want.Epoch + 1
			l.hasParent = want.Flags&smb.LeaseParentKeySet != 0
			if l.hasParent {
				l.parent = want.ParentKey
			}
		}
		s.leases[l.id] = l
	}
	l.opens = append(l.opens, o)
	o.lease, o.oplock = l, smb.OplockLease
	if len(l.opens) == 1 {
		l.state = l.grantable(want.State)
	} else if !l.inProgress && want.State != l.state && want.State&l.state == l.state && l.grantable(want.State) == want.State {
		l.state = want.State
		l.changeEpoch()
	}
	l.describe(answer)
}

// changeEpoch counts a change of the state, for clients that know epochs.
func (l *lease) changeEpoch() {
	if l.v2 {
		l.epoch++
	}
}

// describe puts the lease into the answer to a CREATE.
func (l *lease) describe(answer *smb.CreateResponse) {
	context := smb.Lease{V2: l.v2, Key: l.id.key, State: l.state}
	if l.inProgress {
		context.Flags |= smb.LeaseBreakInProgress
	}
	if l.v2 {
		context.Epoch = l.epoch
		if l.hasParent {
			context.Flags |= smb.LeaseParentKeySet
			context.ParentKey = l.parent
		}
	}
	answer.OplockLevel = smb.OplockLease
	answer.Contexts = append(answer.Contexts, context.Context())
}

// grantable returns what of the state asked for the lease can have beside what
// others have open and cache, [MS-FSA] 2.1.5.18.1 and 2.1.5.18.2: first
// without write caching, then without handle caching, [MS-SMB2] 3.3.5.9. A
// lease that there is gets all that is asked for or stays as it is.
func (l *lease) grantable(want smb.LeaseState) smb.LeaseState {
	switch want {
	case cacheR, cacheRH, cacheRW, cacheRWH:
	default:
		return 0
	}
	n := l.node
	for _, o := range n.opens {
		if o.lease != l && o.countsForCaching() {
			want &^= smb.LeaseWrite
		}
	}
	for _, other := range n.leases() {
		switch {
		case other == l || other.state == 0:
		case other.state&smb.LeaseWrite != 0:
			return 0
		case other.isOplock():
			want &^= smb.LeaseWrite | smb.LeaseHandle
		default:
			want &^= smb.LeaseWrite
		}
	}
	if n.deletePending {
		want &^= smb.LeaseHandle
	}
	if want&smb.LeaseWrite == 0 && n.locksForbidCaching() {
		return 0
	}
	return want
}
