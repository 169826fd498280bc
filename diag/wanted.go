package diag

import (
	"strings"

	"err32/smb"
)

// WantedOpen is the open that who judges.
type WantedOpen struct {
	Access smb.AccessMask
	Share  smb.ShareAccess
}

// ParseWanted reads ACCESS[:SHARE] in the letters of smb.ParseAccess and
// smb.ParseShare. Without SHARE the open shares everything.
func ParseWanted(s string) (WantedOpen, error) {
	access, share, ok := strings.Cut(s, ":")
	w := WantedOpen{Share: shareAll}
	var err error
	if w.Access, err = smb.ParseAccess(access); err != nil {
		return w, err
	}
	if ok {
		w.Share, err = smb.ParseShare(share)
	}
	return w, err
}

// genericAccess is what the generic bits stand for with files,
// [MS-SMB2] 2.2.13.1.1.
var genericAccess = []struct{ bit, means smb.AccessMask }{
	{smb.GenericRead, 0x00120089},
	{smb.GenericWrite, 0x00120116},
	{smb.GenericExecute, 0x001200A0},
	{smb.GenericAll, 0x001F01FF},
}

// expandAccess turns generic bits into what they stand for, and MAXIMUM_ALLOWED
// into most.
func expandAccess(access, most smb.AccessMask) smb.AccessMask {
	for _, g := range genericAccess {
		if access&g.bit != 0 {
			access = access&^g.bit | g.means
		}
	}
	if access&smb.MaximumAllowed != 0 {
		access = access&^smb.MaximumAllowed | most
	}
	return access
}

// wantedAccess is the access that the wanted open would be granted.
func (w *who) wantedAccess(s stat) smb.AccessMask {
	most := s.allowed
	if s.attributes&smb.AttributeReadonly != 0 {
		most &^= smb.FileWriteData | smb.FileAppendData
	}
	return expandAccess(w.o.WantAccess, most)
}

// noRight says why the wanted open would be refused whatever the share modes,
// or nothing.
func (w *who) noRight(p *PathHolders, s stat) string {
	access := w.wantedAccess(s)
	switch beyond := access &^ s.allowed; {
	case s.attributes&smb.AttributeReadonly != 0 && !p.Directory && access.Classes()&smb.ShareWrite != 0:
		return "the file has the read-only attribute: an open for writing meets \"access denied\" (error 5), whatever the share modes"
	case s.known && beyond != 0:
		return "by what the server tells of the user's rights, " + beyond.String() + " is not among them: the open meets \"access denied\" (error 5), whatever the share modes"
	}
	return ""
}
