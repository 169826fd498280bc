package smb

import "fmt"

// CreateContext is one create context as it stands on the wire,
// [MS-SMB2] 2.2.13.2: an open set, known by its name. Contexts that this
// package does not know pass through unchanged.
type CreateContext struct {
	Name string // four bytes for the usual ones, 16 for the GUIDs
	Data []byte
}

// The names of the create contexts this package builds and reads.
const (
	ContextMaximalAccess = "MxAc" // SMB2_CREATE_QUERY_MAXIMAL_ACCESS_REQUEST
	ContextOnDiskID      = "QFid" // SMB2_CREATE_QUERY_ON_DISK_ID
)

// MaximalAccessRequest asks what access the user may have at most,
// [MS-SMB2] 2.2.13.2.5.
func MaximalAccessRequest() CreateContext { return CreateContext{Name: ContextMaximalAccess} }

// OnDiskIDRequest asks for the identity of the file on its volume,
// [MS-SMB2] 2.2.13.2.9.
func OnDiskIDRequest() CreateContext { return CreateContext{Name: ContextOnDiskID} }

// MaximalAccess is the answer to MaximalAccessRequest, [MS-SMB2] 2.2.14.2.5.
type MaximalAccess struct {
	Status NTStatus // of the query; Access is meaningless when it failed
	Access AccessMask
}

// OnDiskID is the answer to OnDiskIDRequest, [MS-SMB2] 2.2.14.2.9.
type OnDiskID struct {
	File   uint64
	Volume uint64
}

// MaximalAccess returns the answer among the contexts; ok is false when the
// server sent none.
func (m *CreateResponse) MaximalAccess() (a MaximalAccess, ok bool, err error) {
	d := findContext(m.Contexts, ContextMaximalAccess)
	if d == nil {
		return a, false, nil
	}
	a = MaximalAccess{NTStatus(d.u32("QueryStatus")), AccessMask(d.u32("MaximalAccess"))}
	return a, d.err == nil, d.err
}

// OnDiskID returns the answer among the contexts; ok is false when the server
// sent none.
func (m *CreateResponse) OnDiskID() (id OnDiskID, ok bool, err error) {
	d := findContext(m.Contexts, ContextOnDiskID)
	if d == nil {
		return id, false, nil
	}
	id = OnDiskID{d.u64("DiskFileId"), d.u64("VolumeId")}
	return id, d.err == nil, d.err
}

func findContext(contexts []CreateContext, name string) *decoder {
	for _, c := range contexts {
		if c.Name == name {
			return &decoder{what: "create context " + name, msg: c.Data}
		}
	}
	return nil
}

// createContextHeader is the length of the fixed part of a create context.
const createContextHeader = 16

func appendCreateContexts(b []byte, contexts []CreateContext) []byte {
	for i, c := range contexts {
		start := len(b)
		b = appendZero(b, 4) // Next
		b = le.AppendUint16(b, createContextHeader)
		b = le.AppendUint16(b, uint16(len(c.Name)))
		b = appendZero(b, 8) // Reserved, DataOffset, DataLength
		b = append(b, c.Name...)
		if len(c.Data) > 0 {
			b = pad8(b, start)
			le.PutUint16(b[start+10:], uint16(len(b)-start))
			le.PutUint32(b[start+12:], uint32(len(c.Data)))
			b = append(b, c.Data...)
		}
		if i < len(contexts)-1 {
			b = pad8(b, start)
			le.PutUint32(b[start:], uint32(len(b)-start))
		}
	}
	return b
}

// createContexts decodes a chain of create contexts. Each link goes forward by
// at least the fixed part, so the chain ends.
func (d *decoder) createContexts(b []byte) []CreateContext {
	var contexts []CreateContext
	for i := 0; len(b) > 0 && d.err == nil; i++ {
		field := fmt.Sprintf("CreateContexts[%d]", i)
		c := &decoder{what: d.what, msg: b}
		next := c.u32(field + ".Next")
		if next != 0 && (next%8 != 0 || next < createContextHeader || uint64(next) >= uint64(len(b))) {
			c.fail(field+".Next", "is %d in %d bytes", next, len(b))
		} else if next != 0 {
			c.msg = b[:next:next]
		}
		nameOffset, nameSize := c.u16(field+".NameOffset"), c.u16(field+".NameLength")
		c.skip(field+".Reserved", 2)
		dataOffset, dataSize := c.u16(field+".DataOffset"), c.u32(field+".DataLength")
		name := c.within(field+".Name", uint64(nameOffset), uint64(nameSize))
		data := c.within(field+".Data", uint64(dataOffset), uint64(dataSize))
		if c.err != nil {
			d.err = c.err
			return nil
		}
		contexts = append(contexts, CreateContext{Name: string(name), Data: data})
		if next == 0 {
			break
		}
		b = b[next:]
	}
	return contexts
}

// within returns n bytes at offset off of a nested structure.
func (d *decoder) within(field string, off, n uint64) []byte {
	if d.err != nil || n == 0 {
		return nil
	}
	if have := uint64(len(d.msg)); off > have || n > have-off || off < d.off {
		d.fail(field, "at offset %d (%d bytes) is outside the %d bytes there are for it", off, n, have)
		return nil
	}
	return d.msg[off : off+n : off+n]
}
