package smb

// SecurityMode is the signing half of NEGOTIATE and SESSION_SETUP,
// [MS-SMB2] 2.2.3.
type SecurityMode uint16

// The bits of a SecurityMode.
const (
	SigningEnabled  SecurityMode = 0x1 // SMB2_NEGOTIATE_SIGNING_ENABLED
	SigningRequired SecurityMode = 0x2 // SMB2_NEGOTIATE_SIGNING_REQUIRED
)

// Capabilities are the Capabilities of NEGOTIATE, [MS-SMB2] 2.2.3.
type Capabilities uint32

// The capability bits.
const (
	CapDFS               Capabilities = 0x01 // SMB2_GLOBAL_CAP_DFS
	CapLeasing           Capabilities = 0x02 // SMB2_GLOBAL_CAP_LEASING
	CapLargeMTU          Capabilities = 0x04 // SMB2_GLOBAL_CAP_LARGE_MTU: requests of more than one credit
	CapMultiChannel      Capabilities = 0x08 // SMB2_GLOBAL_CAP_MULTI_CHANNEL
	CapPersistentHandles Capabilities = 0x10 // SMB2_GLOBAL_CAP_PERSISTENT_HANDLES
	CapDirectoryLeasing  Capabilities = 0x20 // SMB2_GLOBAL_CAP_DIRECTORY_LEASING
	CapEncryption        Capabilities = 0x40 // SMB2_GLOBAL_CAP_ENCRYPTION: in 3.0 and 3.0.2
)

// The negotiate context types of dialect 3.1.1 that this package reads,
// [MS-SMB2] 2.2.3.1.
const (
	NegotiatePreauthIntegrity = 0x0001
	NegotiateEncryption       = 0x0002
	NegotiateSigning          = 0x0008
)

// NegotiateContext is one entry of a 3.1.1 negotiate context list as it stands
// on the wire, [MS-SMB2] 2.2.3.1.
type NegotiateContext struct {
	Type uint16
	Data []byte
}

// hashSHA512 is the only preauth integrity hash there is, [MS-SMB2] 2.2.3.1.1.
const hashSHA512 = 0x0001

// PreauthContext offers SHA-512 with a salt.
func PreauthContext(salt []byte) NegotiateContext {
	b := le.AppendUint16(nil, 1)
	b = le.AppendUint16(b, uint16(len(salt)))
	b = le.AppendUint16(b, hashSHA512)
	return NegotiateContext{NegotiatePreauthIntegrity, append(b, salt...)}
}

// ListContext encodes the contexts that are a count and 16-bit ids.
func ListContext[T ~uint16](typ uint16, ids []T) NegotiateContext {
	b := le.AppendUint16(nil, uint16(len(ids)))
	for _, id := range ids {
		b = le.AppendUint16(b, uint16(id))
	}
	return NegotiateContext{typ, b}
}

// IDs returns the ids of a context written by ListContext or PreauthContext.
func (c NegotiateContext) IDs() ([]uint16, error) {
	d := &decoder{what: "NEGOTIATE context", msg: c.Data}
	n := d.u16("Count")
	if c.Type == NegotiatePreauthIntegrity {
		d.skip("SaltLength", 2)
	}
	b := d.next("Ids", 2*uint64(n))
	ids := make([]uint16, len(b)/2)
	for i := range ids {
		ids[i] = le.Uint16(b[2*i:])
	}
	return ids, d.err
}

func appendContexts(b []byte, start int, contexts []NegotiateContext) []byte {
	for _, c := range contexts {
		b = pad8(b, start)
		b = le.AppendUint16(b, c.Type)
		b = le.AppendUint16(b, uint16(len(c.Data)))
		b = le.AppendUint32(b, 0)
		b = append(b, c.Data...)
	}
	return b
}

// contexts decodes a list of n contexts at offset off. Their number is bounded
// by the bytes there are: each takes at least eight.
func (d *decoder) contexts(off uint64, n uint16) []NegotiateContext {
	if n == 0 || d.err != nil {
		return nil
	}
	if off < headerSize {
		d.fail("NegotiateContextOffset", "is %d, inside the header", off)
		return nil
	}
	list := &decoder{what: d.what, msg: d.msg, off: off}
	var contexts []NegotiateContext
	for i := range n {
		if i > 0 {
			list.off = (list.off + 7) &^ 7
		}
		c := NegotiateContext{Type: list.u16("NegotiateContextList.ContextType")}
		size := list.u16("NegotiateContextList.DataLength")
		list.skip("NegotiateContextList.Reserved", 4)
		c.Data = list.next("NegotiateContextList.Data", uint64(size))
		if list.err != nil {
			d.err = list.err
			return nil
		}
		contexts = append(contexts, c)
	}
	return contexts
}

// NegotiateRequest is the SMB2 NEGOTIATE Request, [MS-SMB2] 2.2.3.
type NegotiateRequest struct {
	SecurityMode SecurityMode
	Capabilities Capabilities
	ClientGUID   GUID
	Dialects     []Dialect
	Contexts     []NegotiateContext // with SMB311 among Dialects only
}

func (*NegotiateRequest) Command() Command { return CommandNegotiate }

func (m *NegotiateRequest) has311() bool {
	for _, d := range m.Dialects {
		if d == SMB311 {
			return true
		}
	}
	return false
}

func (m *NegotiateRequest) appendBody(b []byte, start int) []byte {
	b = le.AppendUint16(b, 36)
	b = le.AppendUint16(b, uint16(len(m.Dialects)))
	b = le.AppendUint16(b, uint16(m.SecurityMode))
	b = le.AppendUint16(b, 0)
	b = le.AppendUint32(b, uint32(m.Capabilities))
	b = append(b, m.ClientGUID[:]...)
	contexts := len(b)
	b = appendZero(b, 8) // NegotiateContextOffset, Count, Reserved2; else ClientStartTime
	for _, d := range m.Dialects {
		b = le.AppendUint16(b, uint16(d))
	}
	if m.has311() {
		b = pad8(b, start)
		le.PutUint32(b[contexts:], uint32(len(b)-start))
		le.PutUint16(b[contexts+4:], uint16(len(m.Contexts)))
		b = appendContexts(b, start, m.Contexts)
	}
	return b
}

func (m *NegotiateRequest) decode(d *decoder) {
	d.size(36)
	count := d.u16("DialectCount")
	r := NegotiateRequest{SecurityMode: SecurityMode(d.u16("SecurityMode"))}
	d.skip("Reserved", 2)
	r.Capabilities = Capabilities(d.u32("Capabilities"))
	r.ClientGUID = d.guid("ClientGuid")
	offset, contexts := d.u32("NegotiateContextOffset"), d.u16("NegotiateContextCount")
	d.skip("Reserved2", 2)
	dialects := d.next("Dialects", 2*uint64(count))
	for i := 0; i+1 < len(dialects); i += 2 {
		r.Dialects = append(r.Dialects, Dialect(le.Uint16(dialects[i:])))
	}
	if r.has311() {
		r.Contexts = d.contexts(uint64(offset), contexts)
	}
	if d.err == nil {
		*m = r
	}
}

// NegotiateResponse is the SMB2 NEGOTIATE Response, [MS-SMB2] 2.2.4. Sizes are
// in bytes, times in 100 ns since 1601.
type NegotiateResponse struct {
	SecurityMode    SecurityMode
	Dialect         Dialect
	ServerGUID      GUID
	Capabilities    Capabilities
	MaxTransactSize uint32
	MaxReadSize     uint32
	MaxWriteSize    uint32
	SystemTime      uint64
	ServerStartTime uint64
	SecurityBuffer  []byte             // the server's first GSS token, may be empty
	Contexts        []NegotiateContext // with dialect SMB311 only
}

func (*NegotiateResponse) Command() Command { return CommandNegotiate }

func (m *NegotiateResponse) appendBody(b []byte, start int) []byte {
	b = le.AppendUint16(b, 65)
	b = le.AppendUint16(b, uint16(m.SecurityMode))
	b = le.AppendUint16(b, uint16(m.Dialect))
	b = le.AppendUint16(b, uint16(len(m.Contexts)))
	b = append(b, m.ServerGUID[:]...)
	b = le.AppendUint32(b, uint32(m.Capabilities))
	b = le.AppendUint32(b, m.MaxTransactSize)
	b = le.AppendUint32(b, m.MaxReadSize)
	b = le.AppendUint32(b, m.MaxWriteSize)
	b = le.AppendUint64(b, m.SystemTime)
	b = le.AppendUint64(b, m.ServerStartTime)
	offset := len(b)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, uint16(len(m.SecurityBuffer)))
	b = le.AppendUint32(b, 0)
	putOffset(b, start, offset)
	b = append(b, m.SecurityBuffer...)
	if len(m.Contexts) > 0 {
		b = pad8(b, start)
		le.PutUint32(b[offset+4:], uint32(len(b)-start))
		b = appendContexts(b, start, m.Contexts)
	}
	return b
}

func (m *NegotiateResponse) decode(d *decoder) {
	d.size(65)
	r := NegotiateResponse{
		SecurityMode: SecurityMode(d.u16("SecurityMode")),
		Dialect:      Dialect(d.u16("DialectRevision")),
	}
	contexts := d.u16("NegotiateContextCount")
	r.ServerGUID = d.guid("ServerGuid")
	r.Capabilities = Capabilities(d.u32("Capabilities"))
	r.MaxTransactSize = d.u32("MaxTransactSize")
	r.MaxReadSize = d.u32("MaxReadSize")
	r.MaxWriteSize = d.u32("MaxWriteSize")
	r.SystemTime = d.u64("SystemTime")
	r.ServerStartTime = d.u64("ServerStartTime")
	offset, size := d.u16("SecurityBufferOffset"), d.u16("SecurityBufferLength")
	contextOffset := d.u32("NegotiateContextOffset")
	r.SecurityBuffer = d.at("SecurityBuffer", uint64(offset), uint64(size))
	if r.Dialect == SMB311 {
		r.Contexts = d.contexts(uint64(contextOffset), contexts)
	}
	if d.err == nil {
		*m = r
	}
}
