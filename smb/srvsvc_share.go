package smb

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// SType is the kind of a share with its flags, [MS-SRVS] 2.2.2.4.
type SType uint32

// The kinds and flags of a SType.
const (
	STypeDisk      SType = 0x00000000 // STYPE_DISKTREE
	STypePrinter   SType = 0x00000001 // STYPE_PRINTQ
	STypeDevice    SType = 0x00000002 // STYPE_DEVICE
	STypeIPC       SType = 0x00000003 // STYPE_IPC
	STypeTemporary SType = 0x40000000 // STYPE_TEMPORARY: gone after a restart
	STypeSpecial   SType = 0x80000000 // STYPE_SPECIAL: IPC$, ADMIN$, C$ and the like
)

// Kind returns the type without flags: STypeDisk, STypePrinter, STypeDevice or
// STypeIPC.
func (t SType) Kind() SType { return t & 0xFF }

// String returns the kind, then "+special", "+temporary" and unknown bits.
func (t SType) String() string {
	var s string
	switch t.Kind() {
	case STypeDisk:
		s = "disk"
	case STypePrinter:
		s = "printer"
	case STypeDevice:
		s = "device"
	case STypeIPC:
		s = "ipc"
	default:
		s = fmt.Sprintf("0x%X", uint32(t.Kind()))
	}
	if t&STypeSpecial != 0 {
		s += "+special"
	}
	if t&STypeTemporary != 0 {
		s += "+temporary"
	}
	if rest := t &^ (0xFF | STypeSpecial | STypeTemporary); rest != 0 {
		s += fmt.Sprintf("+0x%X", uint32(rest))
	}
	return s
}

// ShareInfo is one share: SHARE_INFO_2, or SHARE_INFO_1 where the server tells
// no more, [MS-SRVS] 2.2.4.23 and 2.2.4.24; the other levels have parts of it.
// A share's password is not kept.
type ShareInfo struct {
	// Level is the information level this row came in, 2 or 1.
	Level uint32
	// Name is the share's name, such as "data" or "IPC$".
	Name string
	// Type is its kind.
	Type SType
	// Remark is its comment.
	Remark string

	// At level 1 the following are zero.

	// Permissions are those of share-level security, which no server has now.
	Permissions uint32
	// MaxUses is the most connections allowed, 0xFFFFFFFF for no limit.
	MaxUses uint32
	// CurrentUses is the number of connections.
	CurrentUses uint32
	// Path is the server's local path of the share, which the paths of
	// FileInfo begin with.
	Path string

	// Flags are the SHI1005_FLAGS of levels 501 and 1005, [MS-SRVS] 2.2.4.29.
	// ShareEnum does not ask for them.
	Flags uint32
}

// layout lays out SHARE_INFO_<level>. Security descriptors are not sent and
// not understood.
func (s *ShareInfo) layout(n *ndr, level uint32) {
	s.Level = level
	if level == 1005 {
		n.uint32("shi1005_flags", &s.Flags)
		return
	}
	n.string("netname", &s.Name)
	if level == 0 {
		return
	}
	n.uint32("type", (*uint32)(&s.Type))
	n.string("remark", &s.Remark)
	switch level {
	case 501:
		n.uint32("shi501_flags", &s.Flags)
		return
	case 2, 502, 503:
	default:
		return
	}
	n.uint32("shi2_permissions", &s.Permissions)
	n.uint32("shi2_max_uses", &s.MaxUses)
	n.uint32("shi2_current_uses", &s.CurrentUses)
	n.string("shi2_path", &s.Path)
	n.secret("shi2_passwd")
	if level == 2 {
		return
	}
	if level == 503 {
		everyName := "*" // the share is there under every name of the server
		n.string("shi503_servername", &everyName)
	}
	n.constant("shi502_reserved", 0) // the security descriptor's length
	n.constant("shi502_security_descriptor", 0)
}

func layoutShare(n *ndr, s *ShareInfo, level uint32) { s.layout(n, level) }

// shareArms are the levels of a SHARE_ENUM_UNION.
var shareArms = []uint32{0, 1, 2, 501, 502, 503}

// shareLevels are the levels of NetrShareEnum, the most telling first.
var shareLevels = []uint32{2, 1}

// ShareEnum returns the server's shares, NetrShareEnum in [MS-SRVS] 3.1.4.8:
// at level 2, which has the paths, or at level 1 when the server does not know
// that level or wants administrators for it. The level that worked is
// remembered for later calls.
func (s *ServerService) ShareEnum(ctx context.Context) ([]ShareInfo, error) {
	if err := s.take(ctx, "NetrShareEnum"); err != nil {
		return nil, err
	}
	defer s.give()
	for {
		c := &shareEnumCall{enumeration: newEnumeration(shareLevels[s.shareLevel]), server: s.name}
		var shares []ShareInfo
		err := s.enumerate(ctx, c, &c.enumeration, maxRows, func() error {
			shares = append(shares, c.shares...)
			return nil
		})
		less := errors.Is(err, ErrorInvalidLevel) || errors.Is(err, ErrorAccessDenied)
		if less && s.shareLevel+1 < len(shareLevels) {
			s.shareLevel++
			continue
		}
		if err != nil {
			return nil, err
		}
		return shares, nil
	}
}

// shareEnumCall is NetrShareEnum.
type shareEnumCall struct {
	enumeration
	server string
	sticky bool // it is NetrShareEnumSticky, [MS-SRVS] 3.1.4.9

	shares []ShareInfo
}

func (c *shareEnumCall) op() (uint16, string) {
	if c.sticky {
		return opNetrShareEnumSticky, "NetrShareEnumSticky"
	}
	return opNetrShareEnum, "NetrShareEnum"
}

func (c *shareEnumCall) request(n *ndr) {
	n.optional("ServerName", &c.server)
	requestTail(n, &c.enumeration, shareArms, layoutShare)
}

// serve leaves out of the sticky shares, which a restart keeps, those that the
// server makes by itself and those that are there for a time. Level 501 is
// none of their levels.
func (c *shareEnumCall) serve(h ServerServiceHandler) {
	if !c.begin(shareArms) {
		return
	}
	if c.sticky && c.level == 501 {
		c.result = uint32(ErrorInvalidLevel)
		return
	}
	rows, code := h.ShareEnum(c.level)
	if c.sticky {
		rows = slices.DeleteFunc(rows, func(s ShareInfo) bool { return s.Type&(STypeSpecial|STypeTemporary) != 0 })
	}
	c.shares = page(&c.enumeration, h, rows, code, layoutShare)
}

func (c *shareEnumCall) response(n *ndr) {
	enumRows(n, &c.enumeration, shareArms, &c.shares, layoutShare)
	c.responseTail(n)
}
