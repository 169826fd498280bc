package lab

import (
	"err32/smb"
)

// lockSequences are the last LOCK requests that succeeded, by which one that a
// client sends again after a failure is known: the number under each index,
// Open.LockSequenceArray of [MS-SMB2] 3.3.1.10.
type lockSequences map[uint32]uint32

// The indexes that a client may use.
const maxLockSequence = 64

// lock takes and gives up byte-range locks, [MS-SMB2] 3.3.5.14.
func (r *request) lock(m *smb.LockRequest) (smb.Message, smb.NTStatus) {
	o, status := r.fileOpen(m.FileID)
	if status != smb.StatusSuccess {
		return nil, status
	}
	if o.node == nil || o.node.dir {
		return nil, smb.StatusInvalidDeviceRequest
	}
	number, index := m.Sequence&0xF, m.Sequence>>4
	counted := r.countsLocks(o) && index >= 1 && index <= maxLockSequence
	if last, ok := o.lockSequences[index]; ok && counted {
		if last == number {
			return &smb.LockResponse{}, smb.StatusSuccess
		}
		delete(o.lockSequences, index)
	}
	if m.Locks[0].Flags&smb.LockUnlock != 0 {
		status = r.unlockRanges(o, m.Locks)
	} else {
		status = r.lockRanges(o, m.Locks)
	}
	if status != smb.StatusSuccess {
		return nil, status
	}
	if counted {
		if o.lockSequences == nil {
			o.lockSequences = make(lockSequences)
		}
		o.lockSequences[index] = number
	}
	return &smb.LockResponse{}, smb.StatusSuccess
}

// countsLocks reports whether the server knows a LOCK that is sent again: on
// durable opens, and in SMB 3 on all, as servers with multichannel do.
func (r *request) countsLocks(o *open) bool {
	return r.conn.dialect >= smb.SMB300 || r.conn.dialect == smb.SMB210 && o.durable != nil
}

// unlockRanges gives up ranges in their order, until one is not held or is no
// unlock: those before it stay given up, [MS-SMB2] 3.3.5.14.1.
func (r *request) unlockRanges(o *open, ranges []smb.LockElement) smb.NTStatus {
	for _, l := range ranges {
		if l.Flags != smb.LockUnlock {
			return smb.StatusInvalidParameter
		}
		if !o.node.locks.remove(o, l.Offset, l.Length) {
			return smb.StatusRangeNotLocked
		}
		r.server().locks--
		o.node.wake()
	}
	return smb.StatusSuccess
}

// lockRanges takes all ranges or none, [MS-SMB2] 3.3.5.14.2. Only a single one
// may wait for others.
func (r *request) lockRanges(o *open, ranges []smb.LockElement) smb.NTStatus {
	s, n := r.server(), o.node
	for _, l := range ranges {
		kind := l.Flags &^ smb.LockFailImmediately
		if kind != smb.LockShared && kind != smb.LockExclusive || len(ranges) > 1 && kind == l.Flags {
			return smb.StatusInvalidParameter
		}
	}
	if o.access&(smb.FileReadData|smb.FileWriteData|smb.FileAppendData|smb.FileExecute) == 0 {
		return smb.StatusAccessDenied
	}
	if len(ranges) > s.Limits.Locks-s.locks {
		return smb.StatusInsufficientResources
	}
	s.breakForChange(n, o)
	for i, l := range ranges {
		status := smb.StatusInvalidLockRange
		if validRange(l.Offset, l.Length) {
			status = r.lockRange(o, l)
		}
		if status != smb.StatusSuccess {
			r.undoLocks(o, ranges[:i])
			return status
		}
	}
	return smb.StatusSuccess
}

// lockRange takes one range, and waits for it if it may.
func (r *request) lockRange(o *open, l smb.LockElement) smb.NTStatus {
	n := o.node
	for !n.locks.add(o, l.Offset, l.Length, l.Flags&smb.LockExclusive != 0) {
		if l.Flags&smb.LockFailImmediately != 0 {
			return smb.StatusLockNotGranted
		}
		result := r.wait(n.change(), -1)
		switch {
		case o.closed:
			return smb.StatusRangeNotLocked
		case result == waitRefused:
			return r.refused()
		case result != waitDone:
			return smb.StatusCancelled
		}
	}
	r.server().locks++
	return smb.StatusSuccess
}

// undoLocks gives up the ranges taken before one was refused.
func (r *request) undoLocks(o *open, ranges []smb.LockElement) {
	for _, l := range ranges {
		if o.node.locks.undo(o, l.Offset, l.Length, l.Flags&smb.LockExclusive != 0) {
			r.server().locks--
		}
	}
	if len(ranges) > 0 {
		o.node.wake()
	}
}
