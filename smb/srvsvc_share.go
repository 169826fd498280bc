package smb

import (
	"context"
	"errors"
	"fmt"
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
// no more, [MS-SRVS] 2.2.4.23 and 2.2.4.24. A share's password is not kept.
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
}

func (s *ShareInfo) layout(n *ndr, level uint32) {
	s.Level = level
	n.string("netname", &s.Name)
	n.uint32("type", (*uint32)(&s.Type))
	n.string("remark", &s.Remark)
	if level != 2 {
		return
	}
	n.uint32("shi2_permissions", &s.Permissions)
	n.uint32("shi2_max_uses", &s.MaxUses)
	n.uint32("shi2_current_uses", &s.CurrentUses)
	n.string("shi2_path", &s.Path)
	n.secret("shi2_passwd")
}

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

// shareEnumCall is NetrShareEnum, level 1 or 2.
type shareEnumCall struct {
	enumeration
	server string

	shares []ShareInfo
}

func (c *shareEnumCall) op() (uint16, string) { return opNetrShareEnum, "NetrShareEnum" }

func (c *shareEnumCall) request(n *ndr) {
	n.optional("ServerName", &c.server)
	c.requestTail(n)
}

func (c *shareEnumCall) response(n *ndr) {
	enumRows(n, &c.enumeration, &c.shares, func(n *ndr, s *ShareInfo) { s.layout(n, c.level) })
	c.responseTail(n)
}
