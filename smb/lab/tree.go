package lab

import (
	"slices"
	"strings"
	"time"

	"err32/smb"
)

// share is a share being served.
type share struct {
	Share
	volume  *volume // nil for IPC$
	encrypt bool
}

// ipcName is the share of the named pipes.
const ipcName = "IPC$"

// shareNamed finds a share.
func (s *Server) shareNamed(name string) *share {
	if fold(name) == ipcName {
		return &s.ipc
	}
	for i := range s.shares {
		if fold(s.shares[i].Name) == fold(name) {
			return &s.shares[i]
		}
	}
	return nil
}

// tree is a tree connect, [MS-SMB2] 3.3.1.9.
type tree struct {
	id      uint32
	session *session
	share   *share
	since   time.Time
}

// treeConnect connects to a share, [MS-SMB2] 3.3.5.7.
func (r *request) treeConnect(m *smb.TreeConnectRequest) (smb.Message, smb.NTStatus) {
	s := r.server()
	if r.conn.dialect == smb.SMB311 && r.session.user != nil && !r.mustSign && !r.sealed {
		s.endConn(r.conn, errUnsigned)
		return nil, smb.StatusAccessDenied
	}
	parts := strings.Split(strings.TrimPrefix(m.Path, `\\`), `\`)
	if !strings.HasPrefix(m.Path, `\\`) || len(parts) != 2 || parts[0] == "" {
		return nil, smb.StatusBadNetworkName
	}
	share := s.shareNamed(parts[1])
	switch {
	case share == nil:
		return nil, smb.StatusBadNetworkName
	case !share.mayConnect(r.session):
		return nil, smb.StatusAccessDenied
	case share.encrypt && r.conn.cipher == 0:
		return nil, smb.StatusAccessDenied
	case len(r.session.trees) >= s.Limits.Trees:
		return nil, smb.StatusInsufficientResources
	}
	s.lastTreeID++
	t := &tree{id: s.lastTreeID, session: r.session, share: share, since: s.now()}
	r.session.trees[t.id] = t
	r.header.TreeID, r.chain.treeID = t.id, t.id
	answer := &smb.TreeConnectResponse{ShareType: smb.ShareDisk, ShareFlags: share.Flags, MaximalAccess: t.maximalAccess()}
	if share.volume == nil {
		answer.ShareType = smb.SharePipe
	}
	return answer, smb.StatusSuccess
}

// mayConnect reports whether the session's user is let in.
func (s *share) mayConnect(session *session) bool {
	if s.volume == nil || session.admin() {
		return true
	}
	if session.user == nil {
		return false
	}
	return s.Groups == nil || slices.ContainsFunc(session.user.Groups, func(g string) bool { return slices.Contains(s.Groups, g) })
}

// The access that users have at most: everything, or what reading takes.
const (
	allAccess  smb.AccessMask = 0x001F01FF // FILE_ALL_ACCESS
	readAccess smb.AccessMask = 0x001200A9 // FILE_GENERIC_READ and FILE_GENERIC_EXECUTE
)

// maximalAccess is the most the tree's user may ask for.
func (t *tree) maximalAccess() smb.AccessMask {
	if !t.share.mayConnect(t.session) {
		return 0 // another user took over the session
	}
	if t.share.ReadOnly && !t.session.admin() {
		return readAccess
	}
	return allAccess
}

// treeDisconnect leaves a share and closes everything open on it, durable opens
// too, [MS-SMB2] 3.3.5.8.
func (r *request) treeDisconnect() (smb.Message, smb.NTStatus) {
	s := r.server()
	for _, o := range r.session.opens {
		if o.tree == r.tree {
			s.closeOpen(o, closedWithTree)
		}
	}
	delete(r.session.trees, r.tree.id)
	r.abortAll(func(p *request) bool { return p.tree == r.tree })
	return &smb.TreeDisconnectResponse{}, smb.StatusSuccess
}

// volumeID is the serial number of every share's volume.
const volumeID = 0x45523332
