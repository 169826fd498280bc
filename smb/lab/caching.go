package lab

import (
	"slices"

	"err32/smb"
)

// What breaks what, [MS-FSA] 2.1.4.12 and [MS-SMB2] 3.3.1.4. The functions here
// are called before the change. Those that return wait tell their caller to
// wait for node.change, of the node itself or one below that is breaking, and
// then to look at everything afresh.
//
//   - CREATE: breakBatch, breakHandles, breakForOpen.
//   - WRITE, LOCK, and SET_INFO of FileEndOfFileInformation and
//     FileAllocationInformation: breakForChange.
//   - SET_INFO of FileDispositionInformation, and a rename for what it
//     replaces: breakForRemove.
//   - SET_INFO of FileRenameInformation: breakForRename.

// breakBatch breaks the batch oplock that is in the way of a CREATE, before
// rights and share modes are looked at.
func (s *Server) breakBatch(n *node, want *leaseRequest, m *smb.CreateRequest, access smb.AccessMask) (wait bool) {
	for _, l := range n.leases() {
		if l.state&smb.LeaseHandle != 0 && l.isOplock() && l.breaksFor(want, access) {
			s.breakCaching(l, lostToOpen(m.Disposition))
			wait = wait || l.inProgress
		}
	}
	return wait
}

// breakHandles takes handle caching from everybody but the CREATE's own lease,
// so that opens go that share modes forbid it to stand beside.
func (s *Server) breakHandles(n *node, want *leaseRequest) (wait bool) {
	for _, l := range n.leases() {
		if !want.holds(l) && !l.isOplock() && l.state&smb.LeaseHandle != 0 {
			s.breakCaching(l, smb.LeaseHandle)
			wait = wait || l.inProgress
		}
	}
	return wait
}

// breakForOpen takes what others may not cache beside the open to come: writes,
// and everything when it overwrites the file.
func (s *Server) breakForOpen(n *node, want *leaseRequest, m *smb.CreateRequest, access smb.AccessMask) (wait bool) {
	for _, l := range n.leases() {
		if l.breaksFor(want, access) {
			s.breakCaching(l, lostToOpen(m.Disposition))
			wait = wait || l.inProgress && (l.further || l.state&smb.LeaseWrite != 0)
		}
	}
	return wait
}

// breaksFor reports whether a CREATE breaks l at all.
func (l *lease) breaksFor(want *leaseRequest, access smb.AccessMask) bool {
	harmless := harmlessToLeases
	if l.isOplock() {
		harmless = harmlessToOplocks
	}
	return !want.holds(l) && access&^harmless != 0
}

// lostToOpen is the caching that others lose to an open.
func lostToOpen(d smb.Disposition) smb.LeaseState {
	if overwrites(d) {
		return cacheRWH
	}
	return smb.LeaseWrite
}

// breakForChange takes from others what they cache of n before o changes it or
// locks a range of it. Nobody waits for that. Level II goes even where o has it
// itself.
func (s *Server) breakForChange(n *node, o *open) {
	for _, l := range n.leases() {
		if l != o.lease || l.level == smb.OplockII {
			s.breakCaching(l, cacheRWH)
		}
	}
}

// breakForRemove takes the handle caching of others before o marks n for
// deletion: handles that they keep without need would keep the file.
func (r *request) breakForRemove(n *node, o *open) (wait bool) {
	return r.server().breakHandlesOf(n, o)
}

// breakForRename takes the handle caching of others before o renames n, that of
// everything below it too, and batch oplocks of n.
func (r *request) breakForRename(n *node, o *open) (wait bool) {
	s := r.server()
	wait = s.breakBelow(n, o)
	for _, l := range n.leases() {
		if l != o.lease && l.isOplock() && l.state&smb.LeaseHandle != 0 {
			s.breakCaching(l, cacheRWH)
			wait = wait || l.inProgress
		}
	}
	return wait
}

// breakBelow is breakHandlesOf for n and all below it. Its depth is bounded by
// the length of a path.
func (s *Server) breakBelow(n *node, o *open) (wait bool) {
	wait = s.breakHandlesOf(n, o)
	for _, c := range slices.Clone(n.children) { // the end of a durable open may remove one
		wait = s.breakBelow(c, o) || wait
	}
	return wait
}

func (s *Server) breakHandlesOf(n *node, o *open) (wait bool) {
	for _, l := range n.leases() {
		if l != o.lease && !l.isOplock() && l.state&smb.LeaseHandle != 0 {
			s.breakCaching(l, smb.LeaseHandle)
			wait = wait || l.inProgress
		}
	}
	return wait
}

// grantCaching grants the oplock or lease that a CREATE asks for, as far as it
// can be. There is none of a directory.
func (s *Server) grantCaching(o *open, want *leaseRequest, m *smb.CreateRequest, answer *smb.CreateResponse) {
	switch {
	case o.node.dir:
	case want != nil:
		s.grantLease(o, want, answer)
	default:
		s.grantOplock(o, m.OplockLevel, answer)
	}
}

// endCaching gives up what a closed open cached.
func (s *Server) endCaching(o *open) {
	l := o.lease
	if l == nil {
		return
	}
	o.lease = nil
	l.opens = slices.DeleteFunc(l.opens, func(other *open) bool { return other == o })
	if len(l.opens) > 0 {
		return
	}
	l.stopBreak()
	l.state = 0
	if !l.isOplock() {
		delete(s.leases, l.id)
	}
}
