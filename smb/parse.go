package smb

// A Message is the body of an SMB2 request or response. Each type is described
// in the section of [MS-SMB2] that its comment names.
type Message interface {
	// Command is the command the message belongs to.
	Command() Command

	// appendBody appends the body to b, whose header begins at start:
	// offsets inside a message count from there.
	appendBody(b []byte, start int) []byte

	// decode reads the body; d stands behind the header. The receiver is
	// written only when the whole body is sound.
	decode(d *decoder)
}

// Append appends the message with its header to b. h.Command is taken from m.
func Append(b []byte, h Header, m Message) []byte {
	start := len(b)
	h.Command = m.Command()
	return m.appendBody(h.appendTo(b), start)
}

// ParseRequest decodes one request of a chain; the message ends where msg ends.
// Byte slices in the result alias msg.
func ParseRequest(msg []byte) (Header, Message, error) {
	h, err := parseHeader(msg)
	if err != nil {
		return h, nil, err
	}
	if h.Flags&FlagResponse != 0 {
		return h, nil, &DecodeError{h.Command.String() + " request", "Flags", "mark it as a response"}
	}
	m := newRequest(h.Command, msg)
	if m == nil {
		return h, nil, &DecodeError{"request", "Command", "is " + h.Command.String() + ", which is not known"}
	}
	return h, m, decodeBody(h.Command.String()+" request", msg, m)
}

// ParseResponse decodes one response of a chain; the message ends where msg
// ends. A status that the command answers with an ERROR response gives an
// *ErrorResponse. Byte slices in the result alias msg.
func ParseResponse(msg []byte) (Header, Message, error) {
	h, err := parseHeader(msg)
	if err != nil {
		return h, nil, err
	}
	if h.Flags&FlagResponse == 0 {
		return h, nil, &DecodeError{h.Command.String() + " response", "Flags", "mark it as a request"}
	}
	m := newResponse(&h, msg)
	if m == nil {
		return h, nil, &DecodeError{"response", "Command", "is " + h.Command.String() + ", which is not known"}
	}
	return h, m, decodeBody(responseName(m), msg, m)
}

func responseName(m Message) string {
	switch m.(type) {
	case *ErrorResponse:
		return "ERROR response"
	case *OplockBreak:
		return "OPLOCK_BREAK notification"
	case *LeaseBreak:
		return "lease break notification"
	}
	return m.Command().String() + " response"
}

func decodeBody(what string, msg []byte, m Message) error {
	d := &decoder{what: what, msg: msg, off: headerSize}
	m.decode(d)
	return d.err
}

func newRequest(c Command, msg []byte) Message {
	switch c {
	case CommandNegotiate:
		return new(NegotiateRequest)
	case CommandSessionSetup:
		return new(SessionSetupRequest)
	case CommandLogoff:
		return new(LogoffRequest)
	case CommandTreeConnect:
		return new(TreeConnectRequest)
	case CommandTreeDisconnect:
		return new(TreeDisconnectRequest)
	case CommandCreate:
		return new(CreateRequest)
	case CommandClose:
		return new(CloseRequest)
	case CommandFlush:
		return new(FlushRequest)
	case CommandRead:
		return new(ReadRequest)
	case CommandWrite:
		return new(WriteRequest)
	case CommandLock:
		return new(LockRequest)
	case CommandIOCTL:
		return new(IOCTLRequest)
	case CommandCancel:
		return new(CancelRequest)
	case CommandEcho:
		return new(EchoRequest)
	case CommandQueryDirectory:
		return new(QueryDirectoryRequest)
	case CommandChangeNotify:
		return new(ChangeNotifyRequest)
	case CommandQueryInfo:
		return new(QueryInfoRequest)
	case CommandSetInfo:
		return new(SetInfoRequest)
	case CommandOplockBreak:
		if hasStructureSize(msg, leaseAckSize) {
			return new(LeaseBreakAck)
		}
		return new(OplockBreakAck)
	}
	return nil
}

func newResponse(h *Header, msg []byte) Message {
	if isErrorResponse(h, msg) {
		return &ErrorResponse{To: h.Command}
	}
	switch h.Command {
	case CommandNegotiate:
		return new(NegotiateResponse)
	case CommandSessionSetup:
		return new(SessionSetupResponse)
	case CommandLogoff:
		return new(LogoffResponse)
	case CommandTreeConnect:
		return new(TreeConnectResponse)
	case CommandTreeDisconnect:
		return new(TreeDisconnectResponse)
	case CommandCreate:
		return new(CreateResponse)
	case CommandClose:
		return new(CloseResponse)
	case CommandFlush:
		return new(FlushResponse)
	case CommandRead:
		return new(ReadResponse)
	case CommandWrite:
		return new(WriteResponse)
	case CommandLock:
		return new(LockResponse)
	case CommandIOCTL:
		return new(IOCTLResponse)
	case CommandEcho:
		return new(EchoResponse)
	case CommandQueryDirectory:
		return new(QueryDirectoryResponse)
	case CommandChangeNotify:
		return new(ChangeNotifyResponse)
	case CommandQueryInfo:
		return new(QueryInfoResponse)
	case CommandSetInfo:
		return new(SetInfoResponse)
	case CommandOplockBreak:
		lease := hasStructureSize(msg, leaseBreakSize) || hasStructureSize(msg, leaseAckSize)
		switch {
		case h.MessageID == UnsolicitedID && lease:
			return new(LeaseBreak)
		case h.MessageID == UnsolicitedID:
			return new(OplockBreak)
		case lease:
			return new(LeaseBreakAckResponse)
		}
		return new(OplockBreakAckResponse)
	}
	return nil
}

// isErrorResponse reports whether a response with this status carries the
// ERROR response instead of the command's own body, [MS-SMB2] 3.3.4.4: every
// failure, the interim STATUS_PENDING included, but for the statuses that
// come with data.
func isErrorResponse(h *Header, msg []byte) bool {
	switch h.Status {
	case StatusSuccess:
		return false
	case StatusMoreProcessingRequired:
		return h.Command != CommandSessionSetup
	case StatusBufferOverflow:
		return h.Command != CommandQueryInfo && h.Command != CommandRead && h.Command != CommandIOCTL
	case StatusNotifyEnumDir:
		return h.Command != CommandChangeNotify
	}
	// A copy that failed says in its own body how far it got, 3.3.5.15.6.
	return h.Command != CommandIOCTL || !hasStructureSize(msg, ioctlResponseSize)
}

// hasStructureSize tells the forms that a command's body can have from one
// another, as the lease form of a break message from the oplock form, [MS-SMB2]
// 2.2.23 to 2.2.25.
func hasStructureSize(msg []byte, size uint16) bool {
	return len(msg) >= headerSize+2 && le.Uint16(msg[headerSize:]) == size
}
