package lab

import (
	"cmp"
	"slices"
	"time"

	"err32/smb"
)

// OpenInfo is an entry of the open table, [MS-SMB2] 3.3.1.10, as it was at one
// moment.
type OpenInfo struct {
	FileID smb.FileID // as the client knows it
	ID     uint32     // as NetrFileEnum lists it; samba's temperament may give one to several
	Since  time.Time

	Pipe   bool // not a file or directory
	Share  string
	Path   string // below the share, with backslashes
	Local  string // the server's own path, as NetrFileEnum lists it
	Access smb.AccessMask
	Shared smb.ShareAccess
	Locks  int // byte ranges this open has locked

	User      string // empty for an anonymous one, as are the next two for a disconnected durable open
	Client    string
	SessionID uint64

	Durable      bool
	Disconnected bool // the connection it came by is lost
}

// Opens returns the open table at this moment, the oldest first.
func (s *Server) Opens() []OpenInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	service := serverService{server: s}
	list := make([]OpenInfo, 0, len(s.opens))
	for _, o := range s.opens {
		info := OpenInfo{
			FileID: o.id, ID: service.fileID(o), Since: o.since,
			Pipe: o.pipe != nil, Share: o.share.Name, Path: o.path(), Local: service.localPath(o), Access: o.access, Shared: o.sharing,
			User: o.owner(), Durable: o.durable != nil, Disconnected: o.session == nil || o.session.conn == nil,
		}
		if o.node != nil {
			info.Path, info.Locks = o.node.path(), o.node.locks.count(o) // the path it has now
		}
		if o.session != nil {
			info.Client, info.SessionID = o.session.client, o.session.id
		}
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b OpenInfo) int { return cmp.Compare(a.FileID.Persistent, b.FileID.Persistent) })
	return list
}
