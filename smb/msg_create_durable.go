package smb

// DurableFlags are the Flags of the version 2 durable contexts,
// [MS-SMB2] 2.2.13.2.11.
type DurableFlags uint32

// DurablePersistent asks for, or grants, a handle that survives the server
// too: SMB2_DHANDLE_FLAG_PERSISTENT.
const DurablePersistent DurableFlags = 0x2

// DurableRequest asks for a durable open, [MS-SMB2] 2.2.13.2.3.
func DurableRequest() CreateContext {
	return CreateContext{Name: ContextDurableRequest, Data: make([]byte, 16)}
}

// Durable reports whether the client asks for a durable open. A context of
// the wrong length is an error.
func (m *CreateRequest) Durable() (bool, error) {
	d := exactContext(m.Contexts, ContextDurableRequest, 16)
	if d == nil {
		return false, nil
	}
	return d.err == nil, d.err
}

// DurableResponse grants a durable open, [MS-SMB2] 2.2.14.2.3.
func DurableResponse() CreateContext {
	return CreateContext{Name: ContextDurableRequest, Data: make([]byte, 8)}
}

// Durable reports whether the server granted a durable open.
func (m *CreateResponse) Durable() (bool, error) {
	d := exactContext(m.Contexts, ContextDurableRequest, 8)
	if d == nil {
		return false, nil
	}
	return d.err == nil, d.err
}

// DurableReconnect asks for the durable open id back, [MS-SMB2] 2.2.13.2.4.
// Only the persistent part of id counts. The answer has no context of its own.
func DurableReconnect(id FileID) CreateContext {
	return CreateContext{Name: ContextDurableReconnect, Data: appendFileID(nil, id)}
}

// DurableReconnect returns the open that the client asks back; ok is false
// when it asks for none.
func (m *CreateRequest) DurableReconnect() (id FileID, ok bool, err error) {
	d := exactContext(m.Contexts, ContextDurableReconnect, 16)
	if d == nil {
		return id, false, nil
	}
	id = d.fileID("Data")
	return id, d.err == nil, d.err
}

// DurableV2Request asks for a durable or persistent open,
// [MS-SMB2] 2.2.13.2.11. It exists from dialect 3.0 on.
type DurableV2Request struct {
	Timeout    uint32 // milliseconds; 0 lets the server choose
	Flags      DurableFlags
	CreateGUID GUID // the client's name of the open
}

// Context returns r as it stands in a CREATE request.
func (r DurableV2Request) Context() CreateContext {
	b := le.AppendUint32(make([]byte, 0, 32), r.Timeout)
	b = le.AppendUint32(b, uint32(r.Flags))
	b = appendZero(b, 8)
	return CreateContext{Name: ContextDurableV2Request, Data: append(b, r.CreateGUID[:]...)}
}

// DurableV2 returns what the client asks for; ok is false when it does not.
func (m *CreateRequest) DurableV2() (r DurableV2Request, ok bool, err error) {
	d := exactContext(m.Contexts, ContextDurableV2Request, 32)
	if d == nil {
		return r, false, nil
	}
	r = DurableV2Request{Timeout: d.u32("Timeout"), Flags: DurableFlags(d.u32("Flags"))}
	d.skip("Reserved", 8)
	r.CreateGUID = d.guid("CreateGuid")
	return r, d.err == nil, d.err
}

// DurableV2Response grants a durable or persistent open,
// [MS-SMB2] 2.2.14.2.12.
type DurableV2Response struct {
	Timeout uint32 // milliseconds for which the server keeps a disconnected open
	Flags   DurableFlags
}

// Context returns r as it stands in a CREATE response.
func (r DurableV2Response) Context() CreateContext {
	b := le.AppendUint32(make([]byte, 0, 8), r.Timeout)
	return CreateContext{Name: ContextDurableV2Request, Data: le.AppendUint32(b, uint32(r.Flags))}
}

// DurableV2 returns what the server granted; ok is false when it granted
// nothing.
func (m *CreateResponse) DurableV2() (r DurableV2Response, ok bool, err error) {
	d := exactContext(m.Contexts, ContextDurableV2Request, 8)
	if d == nil {
		return r, false, nil
	}
	r = DurableV2Response{Timeout: d.u32("Timeout"), Flags: DurableFlags(d.u32("Flags"))}
	return r, d.err == nil, d.err
}

// DurableV2Reconnect asks for a durable open back, [MS-SMB2] 2.2.13.2.12. The
// answer has no context of its own.
type DurableV2Reconnect struct {
	FileID     FileID // only the persistent part counts
	CreateGUID GUID   // of the request that opened it
	Flags      DurableFlags
}

// Context returns r as it stands in a CREATE request.
func (r DurableV2Reconnect) Context() CreateContext {
	b := appendFileID(make([]byte, 0, 36), r.FileID)
	b = append(b, r.CreateGUID[:]...)
	return CreateContext{Name: ContextDurableV2Reconnect, Data: le.AppendUint32(b, uint32(r.Flags))}
}

// DurableV2Reconnect returns the open that the client asks back; ok is false
// when it asks for none.
func (m *CreateRequest) DurableV2Reconnect() (r DurableV2Reconnect, ok bool, err error) {
	d := exactContext(m.Contexts, ContextDurableV2Reconnect, 36)
	if d == nil {
		return r, false, nil
	}
	r = DurableV2Reconnect{FileID: d.fileID("FileId"), CreateGUID: d.guid("CreateGuid"), Flags: DurableFlags(d.u32("Flags"))}
	return r, d.err == nil, d.err
}
