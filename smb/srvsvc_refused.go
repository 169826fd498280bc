package smb

// emptyEnumCall is an enumeration of what a server here never has: character
// devices and their queues, of which [MS-SRVS] 3.1.4 only keeps the opnums and
// ERROR_NOT_SUPPORTED, and transports, NetrServerTransportEnum in 3.1.4.24.
type emptyEnumCall struct {
	enumeration
	opnum  uint16
	server string
	user   string // of NetrCharDevQEnum alone
}

var emptyEnumArms = []uint32{0, 1, 2, 3}

func (c *emptyEnumCall) op() (uint16, string) {
	switch c.opnum {
	case opNetrCharDevEnum:
		return c.opnum, "NetrCharDevEnum"
	case opNetrCharDevQEnum:
		return c.opnum, "NetrCharDevQEnum"
	}
	return c.opnum, "NetrServerTransportEnum"
}

func (c *emptyEnumCall) request(n *ndr) {
	n.optional("ServerName", &c.server)
	if c.opnum == opNetrCharDevQEnum {
		n.optional("UserName", &c.user)
	}
	c.container(n)
	c.requestEnd(n)
}

func (c *emptyEnumCall) serve(ServerServiceHandler) {
	c.result = uint32(ErrorNotSupported)
}

func (c *emptyEnumCall) response(n *ndr) {
	c.container(n)
	c.responseTail(n)
}

// container lays out the *_ENUM_STRUCT, without rows.
func (c *emptyEnumCall) container(n *ndr) {
	if c.enumeration.container(n, emptyEnumArms, 0) {
		n.constant("Buffer max_count", 0)
	}
}

// refusedCall is a call that changes the server's shares, or checks a name,
// and is answered ERROR_NOT_SUPPORTED whatever it asks.
type refusedCall struct {
	opnum  uint16
	result uint32
}

func (c *refusedCall) op() (uint16, string) {
	switch c.opnum {
	case opNetrShareAdd:
		return c.opnum, "NetrShareAdd"
	case opNetrShareSetInfo:
		return c.opnum, "NetrShareSetInfo"
	case opNetrShareDel:
		return c.opnum, "NetrShareDel"
	case opNetrShareDelSticky:
		return c.opnum, "NetrShareDelSticky"
	}
	return c.opnum, "NetprNameValidate"
}

// request reads nothing of the stub.
func (c *refusedCall) request(*ndr) {}

func (c *refusedCall) serve(ServerServiceHandler) { c.result = uint32(ErrorNotSupported) }

func (c *refusedCall) response(n *ndr) {
	if c.opnum == opNetrShareAdd || c.opnum == opNetrShareSetInfo {
		n.constant("ParmErr", 0)
	}
	n.uint32("return value", &c.result)
}

func (c *refusedCall) returned() Win32Error { return Win32Error(c.result) }
