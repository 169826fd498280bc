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
