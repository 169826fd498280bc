package lab

import "err32/smb"

// oplockCaching is what an oplock of the level allows.
func oplockCaching(level smb.OplockLevel) smb.LeaseState {
	switch level {
	case smb.OplockII:
		return cacheR
	case smb.OplockExclusive:
		return cacheRW
	case smb.OplockBatch:
		return cacheRWH
	}
	return 0
}

// The access that leaves caching alone. An open with no other neither breaks
// what others cache nor keeps them from caching, [MS-FSA] 2.1.4.12.
const (
	harmlessToOplocks smb.AccessMask = smb.FileReadAttributes | smb.FileWriteAttributes | smb.Synchronize
	harmlessToLeases  smb.AccessMask = harmlessToOplocks | smb.ReadControl
)

// countsForCaching reports whether the open keeps others from caching writes.
func (o *open) countsForCaching() bool { return o.access&^harmlessToLeases != 0 }

// locksForbidCaching reports whether a byte-range lock within the file keeps
// everybody from caching what they read of it, [MS-FSA] 2.1.5.18.
func (n *node) locksForbidCaching() bool {
	locks := n.locks.locks // by offset
	return len(locks) > 0 && n.content.allocation() > locks[0].offset
}

// grantOplock gives the open an oplock of the level, or level II, or none,
// [MS-SMB2] 3.3.5.9.
func (s *Server) grantOplock(o *open, level smb.OplockLevel, answer *smb.CreateResponse) {
	switch level {
	case smb.OplockII, smb.OplockExclusive, smb.OplockBatch:
	default:
		return
	}
	if level != smb.OplockII && !o.mayCacheAlone() {
		level = smb.OplockII
	}
	if level == smb.OplockII && !o.mayShareLevelII() {
		return
	}
	o.lease = &lease{node: o.node, opens: []*open{o}, level: level, state: oplockCaching(level)}
	o.oplock = level
	answer.OplockLevel = level
}

// mayCacheAlone reports whether nobody else uses the file, as an exclusive and
// a batch oplock require.
func (o *open) mayCacheAlone() bool {
	for _, other := range o.node.opens {
		if other != o && (other.countsForCaching() || other.lease != nil && other.lease.state != 0) {
			return false
		}
	}
	return true
}

// mayShareLevelII reports whether what others cache leaves room for level II:
// that and read caching do.
func (o *open) mayShareLevelII() bool {
	for _, l := range o.node.leases() {
		if l.state&^smb.LeaseRead != 0 {
			return false
		}
	}
	return !o.node.locksForbidCaching()
}

// oplockBreakAck takes the acknowledgment of an oplock break, [MS-SMB2]
// 3.3.5.22.1.
func (r *request) oplockBreakAck(m *smb.OplockBreakAck) (smb.Message, smb.NTStatus) {
	s := r.server()
	o := r.session.opens[m.FileID.Volatile]
	if o == nil || o.id.Persistent != m.FileID.Persistent {
		return nil, smb.StatusFileClosed
	}
	l := o.lease
	switch {
	case l != nil && !l.isOplock(), l == nil && m.Level != smb.OplockNone && m.Level != smb.OplockII:
		return nil, smb.StatusInvalidParameter
	case l != nil && l.level == smb.OplockNone:
		return nil, smb.StatusInvalidOplockProtocol // a break of level II is not acknowledged, [MS-FSA] 2.1.5.19
	case l == nil || !l.inProgress:
		return nil, smb.StatusInvalidDeviceState
	case m.Level == smb.OplockLease:
		s.endBreak(l, 0)
		return nil, smb.StatusInvalidParameter
	case m.Level != smb.OplockNone && m.Level != smb.OplockII && (m.Level != smb.OplockExclusive || o.oplock != smb.OplockBatch):
		s.endBreak(l, 0)
		return nil, smb.StatusInvalidOplockProtocol
	}
	s.endBreak(l, oplockCaching(m.Level)&l.to)
	return &smb.OplockBreakAckResponse{Level: o.oplock, FileID: o.id}, smb.StatusSuccess
}
