package smb

import "strings"

// shareGetArms are the levels of a SHARE_INFO. The last three are those of
// NetrShareSetInfo alone.
var shareGetArms = []uint32{0, 1, 2, 501, 502, 503, 1005, 1004, 1006, 1501}

// shareGetInfoCall is NetrShareGetInfo, [MS-SRVS] 3.1.4.10.
type shareGetInfoCall struct {
	infoCall
	server string
	name   string
	info   ShareInfo
}

func (c *shareGetInfoCall) op() (uint16, string) { return opNetrShareGetInfo, "NetrShareGetInfo" }

func (c *shareGetInfoCall) request(n *ndr) {
	n.optional("ServerName", &c.server)
	n.stringBody("NetName", &c.name)
	n.uint32("Level", &c.level)
}

func (c *shareGetInfoCall) serve(h ServerServiceHandler) {
	switch {
	case !c.begin(shareGetArms[:7]):
	case c.name == "" || longQualifier(c.name):
		c.end(ErrorInvalidParameter)
	default:
		var code Win32Error
		c.info, code = h.ShareGetInfo(c.level, c.name)
		c.end(code)
	}
}

func (c *shareGetInfoCall) response(n *ndr) {
	c.infoResponse(n, shareGetArms, func(n *ndr) { c.info.layout(n, c.level) })
}

// shareCheckCall is NetrShareCheck, [MS-SRVS] 3.1.4.16.
type shareCheckCall struct {
	server string
	device string
	stype  SType
	result uint32
}

func (c *shareCheckCall) op() (uint16, string) { return opNetrShareCheck, "NetrShareCheck" }

func (c *shareCheckCall) request(n *ndr) {
	n.optional("ServerName", &c.server)
	n.stringBody("Device", &c.device)
}

// serve looks for a share of that path.
func (c *shareCheckCall) serve(h ServerServiceHandler) {
	shares, code := h.ShareEnum(2)
	if c.result = uint32(code); code != 0 {
		return
	}
	for _, s := range shares {
		if strings.EqualFold(s.Path, c.device) {
			c.stype = s.Type &^ STypeSpecial
			return
		}
	}
	c.result = uint32(NerrDeviceNotShared)
}

func (c *shareCheckCall) response(n *ndr) {
	n.uint32("Type", (*uint32)(&c.stype))
	n.uint32("return value", &c.result)
}

func (c *shareCheckCall) returned() Win32Error { return Win32Error(c.result) }
