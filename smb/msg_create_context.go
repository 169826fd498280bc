package smb

import (
	"fmt"
	"slices"
	"strings"
)

// CreateContext is one create context as it stands on the wire,
// [MS-SMB2] 2.2.13.2: an open set, known by its name. Contexts that this
// package does not know pass through unchanged.
type CreateContext struct {
	Name string // four bytes for the usual ones, 16 for the GUIDs
	Data []byte
}

// The names of the create contexts, [MS-SMB2] 2.2.13.2. The last four are
// GUIDs.
const (
	ContextEAs                = "ExtA" // SMB2_CREATE_EA_BUFFER: a FullEAInfo
	ContextSecurity           = "SecD" // SMB2_CREATE_SD_BUFFER: a SecurityDescriptor
	ContextDurableRequest     = "DHnQ" // SMB2_CREATE_DURABLE_HANDLE_REQUEST, and its answer
	ContextDurableReconnect   = "DHnC" // SMB2_CREATE_DURABLE_HANDLE_RECONNECT
	ContextAllocationSize     = "AlSi" // SMB2_CREATE_ALLOCATION_SIZE
	ContextMaximalAccess      = "MxAc" // SMB2_CREATE_QUERY_MAXIMAL_ACCESS_REQUEST, and its answer
	ContextTimewarp           = "TWrp" // SMB2_CREATE_TIMEWARP_TOKEN
	ContextOnDiskID           = "QFid" // SMB2_CREATE_QUERY_ON_DISK_ID, and its answer
	ContextLease              = "RqLs" // SMB2_CREATE_REQUEST_LEASE and …_V2, and their answers
	ContextDurableV2Request   = "DH2Q" // SMB2_CREATE_DURABLE_HANDLE_REQUEST_V2, and its answer
	ContextDurableV2Reconnect = "DH2C" // SMB2_CREATE_DURABLE_HANDLE_RECONNECT_V2

	ContextAppInstanceID      = "\x45\xBC\xA6\x6A\xEF\xA7\xF7\x4A\x90\x08\xFA\x46\x2E\x14\x4D\x74" // SMB2_CREATE_APP_INSTANCE_ID
	ContextAppInstanceVersion = "\xB9\x82\xD0\xB7\x3B\x56\x07\x4F\xA0\x7B\x52\x4A\x81\x16\xA0\x10" // SMB2_CREATE_APP_INSTANCE_VERSION
	ContextSVHDXOpenDevice    = "\x9C\xCB\xCF\x9E\x04\xC1\xE6\x43\x98\x0E\x15\x8D\xA1\xF6\xEC\x83" // SVHDX_OPEN_DEVICE_CONTEXT
	ContextReserved           = "\x93\xAD\x25\x50\x9C\xB4\x11\xE7\xB4\x23\x83\xDE\x96\x8B\xCD\x7C" // SMB2_CREATECONTEXT_RESERVED
)

// FindContext returns the data of the first context of the name.
func FindContext(contexts []CreateContext, name string) (data []byte, ok bool) {
	for _, c := range contexts {
		if c.Name == name {
			return c.Data, true
		}
	}
	return nil, false
}

// MaximalAccessRequest asks what access the user may have at most,
// [MS-SMB2] 2.2.13.2.5.
func MaximalAccessRequest() CreateContext { return CreateContext{Name: ContextMaximalAccess} }

// MaximalAccessSince asks the same unless the file's ChangeTime is still the
// given one, in 100 ns since 1601: then the server answers STATUS_NONE_MAPPED,
// [MS-SMB2] 3.3.5.9.5.
func MaximalAccessSince(time uint64) CreateContext {
	return CreateContext{Name: ContextMaximalAccess, Data: le.AppendUint64(nil, time)}
}

// MaximalAccess returns the time of a MaximalAccessSince, 0 when the client
// sent none; ok is false when it does not ask.
func (m *CreateRequest) MaximalAccess() (since uint64, ok bool, err error) {
	d := exactContext(m.Contexts, ContextMaximalAccess, 0, 8)
	if d == nil {
		return 0, false, nil
	}
	if len(d.msg) > 0 {
		since = d.u64("Timestamp")
	}
	return since, d.err == nil, d.err
}

// MaximalAccess is the answer to MaximalAccessRequest, [MS-SMB2] 2.2.14.2.5.
type MaximalAccess struct {
	Status NTStatus // of the query; Access is meaningless when it failed
	Access AccessMask
}

// Context returns a as it stands in a CREATE response.
func (a MaximalAccess) Context() CreateContext {
	b := le.AppendUint32(make([]byte, 0, 8), uint32(a.Status))
	return CreateContext{Name: ContextMaximalAccess, Data: le.AppendUint32(b, uint32(a.Access))}
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

// OnDiskIDRequest asks for the identity of the file on its volume,
// [MS-SMB2] 2.2.13.2.9.
func OnDiskIDRequest() CreateContext { return CreateContext{Name: ContextOnDiskID} }

// OnDiskID reports whether the client asks for the identity of the file.
func (m *CreateRequest) OnDiskID() (bool, error) {
	d := exactContext(m.Contexts, ContextOnDiskID, 0)
	if d == nil {
		return false, nil
	}
	return d.err == nil, d.err
}

// OnDiskID is the answer to OnDiskIDRequest, [MS-SMB2] 2.2.14.2.9.
type OnDiskID struct {
	File   uint64
	Volume uint64
}

// Context returns id as it stands in a CREATE response.
func (id OnDiskID) Context() CreateContext {
	b := le.AppendUint64(make([]byte, 0, 32), id.File)
	b = le.AppendUint64(b, id.Volume)
	return CreateContext{Name: ContextOnDiskID, Data: appendZero(b, 16)}
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

// AllocationSize asks that size bytes be reserved for a new file,
// [MS-SMB2] 2.2.13.2.6. Neither it nor the two below are answered.
func AllocationSize(size uint64) CreateContext {
	return CreateContext{Name: ContextAllocationSize, Data: le.AppendUint64(nil, size)}
}

// AllocationSize returns the size to reserve, in bytes; ok is false when the
// client sent none.
func (m *CreateRequest) AllocationSize() (size uint64, ok bool, err error) {
	return findUint64(m.Contexts, ContextAllocationSize, "AllocationSize")
}

// Timewarp asks for the file as it was at the time, in 100 ns since 1601,
// [MS-SMB2] 2.2.13.2.7.
func Timewarp(time uint64) CreateContext {
	return CreateContext{Name: ContextTimewarp, Data: le.AppendUint64(nil, time)}
}

// Timewarp returns the time whose version of the file is asked for; ok is
// false when the client wants the file as it is.
func (m *CreateRequest) Timewarp() (time uint64, ok bool, err error) {
	return findUint64(m.Contexts, ContextTimewarp, "Timestamp")
}

const appInstanceIDSize = 20

// AppInstanceID says on behalf of which instance of an application the file is
// opened, [MS-SMB2] 2.2.13.2.13: an earlier open of that instance gives way.
func AppInstanceID(id GUID) CreateContext {
	b := le.AppendUint16(make([]byte, 0, appInstanceIDSize), appInstanceIDSize)
	b = appendZero(b, 2) // Reserved
	return CreateContext{Name: ContextAppInstanceID, Data: append(b, id[:]...)}
}

// AppInstanceID returns the instance; ok is false when the client sent none.
func (m *CreateRequest) AppInstanceID() (id GUID, ok bool, err error) {
	d := exactContext(m.Contexts, ContextAppInstanceID, appInstanceIDSize)
	if d == nil {
		return id, false, nil
	}
	d.size(appInstanceIDSize)
	d.skip("Reserved", 2)
	id = d.guid("AppInstanceId")
	if d.err != nil {
		return GUID{}, false, d.err
	}
	return id, true, nil
}

func findUint64(contexts []CreateContext, name, field string) (v uint64, ok bool, err error) {
	d := exactContext(contexts, name, 8)
	if d == nil {
		return 0, false, nil
	}
	v = d.u64(field)
	return v, d.err == nil, d.err
}

// findContext returns a decoder of the first context of the name, or nil.
func findContext(contexts []CreateContext, name string) *decoder {
	data, ok := FindContext(contexts, name)
	if !ok {
		return nil
	}
	if len(name) != 4 {
		name = GUID([]byte(name)).String()
	}
	return &decoder{what: "create context " + name, msg: data}
}

// exactContext is findContext for a context whose length must be one of the
// sizes; the decoder has failed if it is not.
func exactContext(contexts []CreateContext, name string, sizes ...int) *decoder {
	d := findContext(contexts, name)
	if d != nil && !slices.Contains(sizes, len(d.msg)) {
		want := strings.ReplaceAll(strings.Trim(fmt.Sprint(sizes), "[]"), " ", " or ")
		d.fail("DataLength", "is %d, not %s", len(d.msg), want)
	}
	return d
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
