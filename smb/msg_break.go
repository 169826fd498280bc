package smb

// The StructureSizes that tell the forms of OPLOCK_BREAK apart.
const (
	oplockBreakSize = 24
	leaseBreakSize  = 44
	leaseAckSize    = 36
)

// OplockBreak is the SMB2 OPLOCK_BREAK Notification, [MS-SMB2] 2.2.23.1: the
// server takes an oplock down to Level.
type OplockBreak struct {
	Level  OplockLevel
	FileID FileID
}

// OplockBreakAck is the SMB2 OPLOCK_BREAK Acknowledgment, [MS-SMB2] 2.2.24.1.
// A break of level II needs none.
type OplockBreakAck OplockBreak

// OplockBreakAckResponse is the server's answer to it, [MS-SMB2] 2.2.25.1.
type OplockBreakAckResponse OplockBreak

func (*OplockBreak) Command() Command            { return CommandOplockBreak }
func (*OplockBreakAck) Command() Command         { return CommandOplockBreak }
func (*OplockBreakAckResponse) Command() Command { return CommandOplockBreak }

func (m *OplockBreak) appendBody(b []byte, _ int) []byte {
	b = le.AppendUint16(b, oplockBreakSize)
	b = append(b, byte(m.Level))
	b = appendZero(b, 5) // Reserved, Reserved2
	return appendFileID(b, m.FileID)
}

func (m *OplockBreakAck) appendBody(b []byte, start int) []byte {
	return (*OplockBreak)(m).appendBody(b, start)
}

func (m *OplockBreakAckResponse) appendBody(b []byte, start int) []byte {
	return (*OplockBreak)(m).appendBody(b, start)
}

func (m *OplockBreak) decode(d *decoder) {
	d.size(oplockBreakSize)
	r := OplockBreak{Level: OplockLevel(d.u8("OplockLevel"))}
	d.skip("Reserved", 5)
	r.FileID = d.fileID("FileId")
	if d.err == nil {
		*m = r
	}
}

func (m *OplockBreakAck) decode(d *decoder)         { (*OplockBreak)(m).decode(d) }
func (m *OplockBreakAckResponse) decode(d *decoder) { (*OplockBreak)(m).decode(d) }

// LeaseState is what a lease allows the client to cache, [MS-SMB2] 2.2.13.2.8.
type LeaseState uint32

// The bits of a LeaseState.
const (
	LeaseRead   LeaseState = 0x1 // SMB2_LEASE_READ_CACHING
	LeaseHandle LeaseState = 0x2 // SMB2_LEASE_HANDLE_CACHING
	LeaseWrite  LeaseState = 0x4 // SMB2_LEASE_WRITE_CACHING
)

// LeaseBreak is the lease form of the notification, [MS-SMB2] 2.2.23.2.
type LeaseBreak struct {
	NewEpoch    uint16
	AckRequired bool
	Key         GUID // LeaseKey
	Current     LeaseState
	New         LeaseState
}

const leaseBreakAckRequired = 0x1 // SMB2_NOTIFY_BREAK_LEASE_FLAG_ACK_REQUIRED

func (*LeaseBreak) Command() Command { return CommandOplockBreak }

func (m *LeaseBreak) appendBody(b []byte, _ int) []byte {
	b = le.AppendUint16(b, leaseBreakSize)
	b = le.AppendUint16(b, m.NewEpoch)
	var flags uint32
	if m.AckRequired {
		flags = leaseBreakAckRequired
	}
	b = le.AppendUint32(b, flags)
	b = append(b, m.Key[:]...)
	b = le.AppendUint32(b, uint32(m.Current))
	b = le.AppendUint32(b, uint32(m.New))
	return appendZero(b, 12) // BreakReason, AccessMaskHint, ShareMaskHint
}

func (m *LeaseBreak) decode(d *decoder) {
	d.size(leaseBreakSize)
	r := LeaseBreak{NewEpoch: d.u16("NewEpoch"), AckRequired: d.u32("Flags")&leaseBreakAckRequired != 0}
	r.Key = d.guid("LeaseKey")
	r.Current, r.New = LeaseState(d.u32("CurrentLeaseState")), LeaseState(d.u32("NewLeaseState"))
	d.skip("BreakReason, AccessMaskHint, ShareMaskHint", 12)
	if d.err == nil {
		*m = r
	}
}

// LeaseBreakAck is the lease form of the acknowledgment, [MS-SMB2] 2.2.24.2.
// Its New state is at most the one the server asked for.
type LeaseBreakAck struct {
	Key GUID // LeaseKey
	New LeaseState
}

// LeaseBreakAckResponse is the server's answer to it, [MS-SMB2] 2.2.25.2.
type LeaseBreakAckResponse LeaseBreakAck

func (*LeaseBreakAck) Command() Command         { return CommandOplockBreak }
func (*LeaseBreakAckResponse) Command() Command { return CommandOplockBreak }

func (m *LeaseBreakAck) appendBody(b []byte, _ int) []byte {
	b = le.AppendUint16(b, leaseAckSize)
	b = appendZero(b, 6) // Reserved, Flags
	b = append(b, m.Key[:]...)
	b = le.AppendUint32(b, uint32(m.New))
	return le.AppendUint64(b, 0) // LeaseDuration
}

func (m *LeaseBreakAckResponse) appendBody(b []byte, start int) []byte {
	return (*LeaseBreakAck)(m).appendBody(b, start)
}

func (m *LeaseBreakAck) decode(d *decoder) {
	d.size(leaseAckSize)
	d.skip("Reserved, Flags", 6)
	r := LeaseBreakAck{Key: d.guid("LeaseKey"), New: LeaseState(d.u32("LeaseState"))}
	d.skip("LeaseDuration", 8)
	if d.err == nil {
		*m = r
	}
}

func (m *LeaseBreakAckResponse) decode(d *decoder) { (*LeaseBreakAck)(m).decode(d) }
