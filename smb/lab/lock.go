package lab

import (
	"err32/smb"
)

// lock takes and gives up byte-range locks, [MS-SMB2] 3.3.5.14.
func (r *request) lock(m *smb.LockRequest) (smb.Message, smb.NTStatus) {
	o, status := r.fileOpen(m.FileID)
	if status != smb.StatusSuccess {
		return nil, status
	}
	if o.node == nil || o.node.dir {
		return nil, smb.StatusInvalidDeviceRequest
	}
	if m.Locks[0].Flags&smb.LockUnlock != 0 {
		return r.unlockRanges(o, m.Locks)
	}
	return r.lockRanges(o, m.Locks)
}

// unlockRanges gives up ranges in their order, until one is not held.
func (r *request) unlockRanges(o *open, ranges []smb.LockElement) (smb.Message, smb.NTStatus) {
	for _, l := range ranges {
		if l.Flags != smb.LockUnlock && l.Flags != smb.LockUnlock|smb.LockFailImmediately {
			return nil, smb.StatusInvalidParameter
		}
	}
	for _, l := range ranges {
		if !o.node.locks.remove(o, l.Offset, l.Length) {
			return nil, smb.StatusRangeNotLocked
		}
		o.node.wake()
	}
	return &smb.LockResponse{}, smb.StatusSuccess
}

// lockRanges takes all ranges or none. Only a single one may wait for others.
func (r *request) lockRanges(o *open, ranges []smb.LockElement) (smb.Message, smb.NTStatus) {
	s, n := r.server(), o.node
	for _, l := range ranges {
		kind := l.Flags &^ smb.LockFailImmediately
		if kind != smb.LockShared && kind != smb.LockExclusive {
			return nil, smb.StatusInvalidParameter
		}
		if len(ranges) > 1 && l.Flags&smb.LockFailImmediately == 0 {
			return nil, smb.StatusInvalidParameter
		}
		if !validRange(l.Offset, l.Length) {
			return nil, smb.StatusInvalidLockRange
		}
		if o.access&(smb.FileReadData|smb.FileWriteData|smb.FileAppendData|smb.FileExecute) == 0 {
			return nil, smb.StatusAccessDenied
		}
	}
	s.breakForChange(n, o)
	for i, l := range ranges {
		for !n.locks.add(o, l.Offset, l.Length, l.Flags&smb.LockExclusive != 0) {
			if l.Flags&smb.LockFailImmediately != 0 {
				r.undoLocks(o, ranges[:i])
				return nil, smb.StatusLockNotGranted
			}
			switch r.wait(n.change(), -1) {
			case waitCancelled:
				if o.closed {
					return nil, smb.StatusRangeNotLocked
				}
				return nil, smb.StatusCancelled
			case waitRefused:
				return nil, smb.StatusInsufficientResources
			case waitGone:
				return nil, smb.StatusCancelled
			}
			if o.closed {
				return nil, smb.StatusRangeNotLocked
			}
		}
	}
	return &smb.LockResponse{}, smb.StatusSuccess
}

// undoLocks gives up the ranges taken before one was refused.
func (r *request) undoLocks(o *open, ranges []smb.LockElement) {
	for _, l := range ranges {
		o.node.locks.undo(o, l.Offset, l.Length, l.Flags&smb.LockExclusive != 0)
	}
	if len(ranges) > 0 {
		o.node.wake()
	}
}
