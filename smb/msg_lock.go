package smb

// LockFlags are the Flags of a lock element, [MS-SMB2] 2.2.26.1.
type LockFlags uint32

// The lock flags.
const (
	LockShared          LockFlags = 0x01 // SMB2_LOCKFLAG_SHARED_LOCK
	LockExclusive       LockFlags = 0x02 // SMB2_LOCKFLAG_EXCLUSIVE_LOCK
	LockUnlock          LockFlags = 0x04 // SMB2_LOCKFLAG_UNLOCK
	LockFailImmediately LockFlags = 0x10 // SMB2_LOCKFLAG_FAIL_IMMEDIATELY
)

// LockElement is one range of a LOCK request, [MS-SMB2] 2.2.26.1.
type LockElement struct {
	Offset uint64 // in bytes
	Length uint64 // in bytes
	Flags  LockFlags
}

const lockElementSize = 24

// LockRequest is the SMB2 LOCK Request, [MS-SMB2] 2.2.26. It has at least one
// element; more than one need LockFailImmediately.
type LockRequest struct {
	FileID   FileID
	Sequence uint32 // number (low 4 bits) and index (high 28); 0 without resilient handles
	Locks    []LockElement
}

func (*LockRequest) Command() Command { return CommandLock }

func (m *LockRequest) appendBody(b []byte, _ int) []byte {
	b = le.AppendUint16(b, 48)
	b = le.AppendUint16(b, uint16(len(m.Locks)))
	b = le.AppendUint32(b, m.Sequence)
	b = appendFileID(b, m.FileID)
	for _, l := range m.Locks {
		b = le.AppendUint64(b, l.Offset)
		b = le.AppendUint64(b, l.Length)
		b = le.AppendUint32(b, uint32(l.Flags))
		b = le.AppendUint32(b, 0)
	}
	return b
}

func (m *LockRequest) decode(d *decoder) {
	d.size(48)
	count := d.u16("LockCount")
	r := LockRequest{Sequence: d.u32("LockSequence"), FileID: d.fileID("FileId")}
	if d.err == nil && count == 0 {
		d.fail("LockCount", "is 0")
	}
	if have := uint64(len(d.msg)) - min(d.off, uint64(len(d.msg))); d.err == nil && uint64(count)*lockElementSize > have {
		d.fail("Locks", "are %d elements in %d bytes", count, have)
	}
	for range count {
		if d.err != nil {
			return
		}
		l := LockElement{Offset: d.u64("Offset"), Length: d.u64("Length"), Flags: LockFlags(d.u32("Flags"))}
		d.skip("Reserved", 4)
		r.Locks = append(r.Locks, l)
	}
	if d.err == nil {
		*m = r
	}
}
