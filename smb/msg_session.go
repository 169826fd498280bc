package smb

// SessionSetupFlags are the Flags of SESSION_SETUP requests, [MS-SMB2] 2.2.5.
type SessionSetupFlags uint8

// SessionBinding binds an existing session to a further connection.
const SessionBinding SessionSetupFlags = 0x01 // SMB2_SESSION_FLAG_BINDING

// SessionSetupRequest is the SMB2 SESSION_SETUP Request, [MS-SMB2] 2.2.5.
type SessionSetupRequest struct {
	Flags             SessionSetupFlags
	SecurityMode      SecurityMode
	Capabilities      Capabilities
	Channel           uint32
	PreviousSessionID uint64 // a dead session of the same user that the server is to end
	SecurityBuffer    []byte // GSS token
}

func (*SessionSetupRequest) Command() Command { return CommandSessionSetup }

func (m *SessionSetupRequest) appendBody(b []byte, start int) []byte {
	b = le.AppendUint16(b, 25)
	b = append(b, byte(m.Flags), byte(m.SecurityMode))
	b = le.AppendUint32(b, uint32(m.Capabilities))
	b = le.AppendUint32(b, m.Channel)
	offset := len(b)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, uint16(len(m.SecurityBuffer)))
	b = le.AppendUint64(b, m.PreviousSessionID)
	putOffset(b, start, offset)
	return append(b, m.SecurityBuffer...)
}

func (m *SessionSetupRequest) decode(d *decoder) {
	d.size(25)
	r := SessionSetupRequest{
		Flags:        SessionSetupFlags(d.u8("Flags")),
		SecurityMode: SecurityMode(d.u8("SecurityMode")),
		Capabilities: Capabilities(d.u32("Capabilities")),
		Channel:      d.u32("Channel"),
	}
	offset, size := d.u16("SecurityBufferOffset"), d.u16("SecurityBufferLength")
	r.PreviousSessionID = d.u64("PreviousSessionId")
	r.SecurityBuffer = d.at("SecurityBuffer", uint64(offset), uint64(size))
	if d.err == nil {
		*m = r
	}
}

// SessionFlags are the SessionFlags of SESSION_SETUP responses,
// [MS-SMB2] 2.2.6.
type SessionFlags uint16

// The session flags.
const (
	SessionGuest       SessionFlags = 0x1 // SMB2_SESSION_FLAG_IS_GUEST
	SessionAnonymous   SessionFlags = 0x2 // SMB2_SESSION_FLAG_IS_NULL
	SessionEncryptData SessionFlags = 0x4 // SMB2_SESSION_FLAG_ENCRYPT_DATA
)

// SessionSetupResponse is the SMB2 SESSION_SETUP Response, [MS-SMB2] 2.2.6.
type SessionSetupResponse struct {
	Flags          SessionFlags
	SecurityBuffer []byte // GSS token
}

func (*SessionSetupResponse) Command() Command { return CommandSessionSetup }

func (m *SessionSetupResponse) appendBody(b []byte, start int) []byte {
	b = le.AppendUint16(b, 9)
	b = le.AppendUint16(b, uint16(m.Flags))
	offset := len(b)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, uint16(len(m.SecurityBuffer)))
	putOffset(b, start, offset)
	return append(b, m.SecurityBuffer...)
}

func (m *SessionSetupResponse) decode(d *decoder) {
	d.size(9)
	r := SessionSetupResponse{Flags: SessionFlags(d.u16("SessionFlags"))}
	offset, size := d.u16("SecurityBufferOffset"), d.u16("SecurityBufferLength")
	r.SecurityBuffer = d.at("SecurityBuffer", uint64(offset), uint64(size))
	if d.err == nil {
		*m = r
	}
}
