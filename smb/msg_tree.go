package smb

// TreeConnectRequest is the SMB2 TREE_CONNECT Request, [MS-SMB2] 2.2.9.
type TreeConnectRequest struct {
	Path string // \\server\share
}

func (*TreeConnectRequest) Command() Command { return CommandTreeConnect }

func (m *TreeConnectRequest) appendBody(b []byte, start int) []byte {
	b = le.AppendUint16(b, 9)
	b = le.AppendUint16(b, 0) // Flags
	offset := len(b)
	b = appendZero(b, 4)
	putOffset(b, start, offset)
	path := len(b)
	b = appendUTF16(b, m.Path)
	le.PutUint16(b[offset+2:], uint16(len(b)-path))
	return b
}

func (m *TreeConnectRequest) decode(d *decoder) {
	d.size(9)
	d.skip("Flags", 2)
	offset, size := d.u16("PathOffset"), d.u16("PathLength")
	path := d.text("Path", uint64(offset), uint64(size))
	if d.err == nil {
		m.Path = path
	}
}

// ShareType is what a share holds, [MS-SMB2] 2.2.10.
type ShareType uint8

// The share types.
const (
	ShareDisk  ShareType = 0x1 // SMB2_SHARE_TYPE_DISK
	SharePipe  ShareType = 0x2 // SMB2_SHARE_TYPE_PIPE
	SharePrint ShareType = 0x3 // SMB2_SHARE_TYPE_PRINT
)

// ShareFlags are the properties of a share, [MS-SMB2] 2.2.10. Bits that this
// package does not act on are kept as they came.
type ShareFlags uint32

// The share flags that change how a client or this tool must act.
const (
	ShareRestrictExclusiveOpens ShareFlags = 0x00000100 // SMB2_SHAREFLAG_RESTRICT_EXCLUSIVE_OPENS
	ShareForceSharedDelete      ShareFlags = 0x00000200 // SMB2_SHAREFLAG_FORCE_SHARED_DELETE
	ShareEncryptData            ShareFlags = 0x00008000 // SMB2_SHAREFLAG_ENCRYPT_DATA
)

// TreeConnectResponse is the SMB2 TREE_CONNECT Response, [MS-SMB2] 2.2.10.
type TreeConnectResponse struct {
	ShareType     ShareType
	ShareFlags    ShareFlags
	Capabilities  uint32
	MaximalAccess AccessMask
}

func (*TreeConnectResponse) Command() Command { return CommandTreeConnect }

func (m *TreeConnectResponse) appendBody(b []byte, _ int) []byte {
	b = le.AppendUint16(b, 16)
	b = append(b, byte(m.ShareType), 0)
	b = le.AppendUint32(b, uint32(m.ShareFlags))
	b = le.AppendUint32(b, m.Capabilities)
	return le.AppendUint32(b, uint32(m.MaximalAccess))
}

func (m *TreeConnectResponse) decode(d *decoder) {
	d.size(16)
	r := TreeConnectResponse{ShareType: ShareType(d.u8("ShareType"))}
	d.skip("Reserved", 1)
	r.ShareFlags = ShareFlags(d.u32("ShareFlags"))
	r.Capabilities = d.u32("Capabilities")
	r.MaximalAccess = AccessMask(d.u32("MaximalAccess"))
	if d.err == nil {
		*m = r
	}
}
