package smb

// LeaseFlags are the flags of a lease context, [MS-SMB2] 2.2.14.2.11.
type LeaseFlags uint32

// The lease flags.
const (
	LeaseBreakInProgress LeaseFlags = 0x2 // SMB2_LEASE_FLAG_BREAK_IN_PROGRESS, in a response
	LeaseParentKeySet    LeaseFlags = 0x4 // SMB2_LEASE_FLAG_PARENT_LEASE_KEY_SET, in version 2
)

// Lease is a lease context: what the client asks for in a request and what it
// got in a response, which have one form. Version 1, [MS-SMB2] 2.2.13.2.8 and
// 2.2.14.2.10, exists from dialect 2.1 on; version 2, 2.2.13.2.10 and
// 2.2.14.2.11, from 3.0 on.
type Lease struct {
	V2    bool // has the fields below that say so
	Key   GUID // LeaseKey
	State LeaseState
	Flags LeaseFlags

	ParentKey GUID   // ParentLeaseKey, with LeaseParentKeySet; version 2
	Epoch     uint16 // counts the changes of State; version 2
}

// The lengths tell the two versions apart.
const (
	leaseV1Size = 32
	leaseV2Size = 52
)

// Context returns l as it stands in a CREATE request or response.
func (l Lease) Context() CreateContext {
	b := append(make([]byte, 0, leaseV2Size), l.Key[:]...)
	b = le.AppendUint32(b, uint32(l.State))
	b = le.AppendUint32(b, uint32(l.Flags))
	b = appendZero(b, 8) // LeaseDuration
	if l.V2 {
		b = append(b, l.ParentKey[:]...)
		b = le.AppendUint16(b, l.Epoch)
		b = appendZero(b, 2) // Reserved
	}
	return CreateContext{Name: ContextLease, Data: b}
}

// Lease returns the lease that the client asks for; ok is false when it asks
// for none. The request's OplockLevel is OplockLease when it counts.
func (m *CreateRequest) Lease() (l Lease, ok bool, err error) { return findLease(m.Contexts) }

// Lease returns the lease that the client has now; ok is false when the server
// sent none.
func (m *CreateResponse) Lease() (l Lease, ok bool, err error) { return findLease(m.Contexts) }

func findLease(contexts []CreateContext) (l Lease, ok bool, err error) {
	d := exactContext(contexts, ContextLease, leaseV1Size, leaseV2Size)
	if d == nil {
		return l, false, nil
	}
	l = Lease{V2: len(d.msg) == leaseV2Size, Key: d.guid("LeaseKey"), State: LeaseState(d.u32("LeaseState")), Flags: LeaseFlags(d.u32("LeaseFlags"))}
	d.skip("LeaseDuration", 8)
	if l.V2 {
		l.ParentKey, l.Epoch = d.guid("ParentLeaseKey"), d.u16("Epoch")
	}
	return l, d.err == nil, d.err
}
