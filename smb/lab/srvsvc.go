package lab

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"err32/smb"
)

// serverService answers srvsvc for one session. Its methods run within a
// request, with the server's mutex held.
type serverService struct {
	server  *Server
	session *session
}

func (s *Server) newServerService(session *session) *smb.RPCServer {
	return smb.NewServerServiceServer(&serverService{s, session})
}

func (h *serverService) habits() *SRVSVC { return &h.server.Temperament.SRVSVC }

// denied is the answer to who may not read the tables: [MS-SRVS] 3.1.4 wants a
// member of the Administrators or Server Operators group.
func (h *serverService) denied() bool { return !h.session.admin() }

// Unpaged reports whether enumerations come in one piece.
func (h *serverService) Unpaged() bool { return h.habits().IgnoresPaging }

// localPath is the server's own path of an open, [MS-SMB2] 3.3.4.20.
func (h *serverService) localPath(o *open) string {
	if o.node == nil {
		return o.path()
	}
	return h.sharePath(o.share) + strings.TrimSuffix(`\`+o.node.path(), `\`)
}

// sharePath is where the server says a share is.
func (h *serverService) sharePath(s *share) string {
	if s.volume == nil {
		return ""
	}
	return h.habits().Folder + s.Name
}

// listed reports whether the table of opens shows o.
func (h *serverService) listed(o *open) bool {
	return (o.node != nil || !h.habits().HidesPipes) && (o.session != nil || !h.habits().HidesDisconnected)
}

// fileInfo is the row of an open.
func (h *serverService) fileInfo(o *open) smb.FileInfo {
	row := smb.FileInfo{ID: h.fileID(o), Permissions: uint32(o.access & h.habits().PermissionBits), Path: h.localPath(o), User: o.owner()}
	if o.node != nil {
		row.Locks = uint32(o.node.locks.count(o))
		if h.habits().LocksOfWholeFile {
			row.Locks = uint32(o.node.locks.total())
		}
	}
	return row
}

// fileID is the id of an open in the table.
func (h *serverService) fileID(o *open) uint32 {
	if h.habits().FileIDsByClient && o.session != nil {
		return o.session.client16()<<16 | o.globalID&0xFFFF
	}
	return o.globalID
}

// withID returns the opens that the table shows under an id: one, or with ids
// that hold the client's number perhaps several.
func (h *serverService) withID(id uint32) []*open {
	if !h.habits().FileIDsByClient {
		if o := h.server.openIDs[id]; o != nil && h.listed(o) {
			return []*open{o}
		}
		return nil
	}
	var found []*open
	for _, o := range h.server.opens {
		if h.listed(o) && h.fileID(o) == id {
			found = append(found, o)
		}
	}
	return found
}

// FileEnum lists the opens, in the order of their ids.
func (h *serverService) FileEnum(level uint32, basePath, user string) ([]smb.FileInfo, smb.Win32Error) {
	switch {
	case h.denied():
		return nil, smb.ErrorAccessDenied
	case !slices.Contains(h.habits().FileEnumLevels, level):
		return nil, smb.ErrorInvalidLevel
	}
	if h.habits().IgnoresBasePath {
		basePath = ""
	}
	client, byClient := strings.CutPrefix(user, `\\`)
	byClient = byClient && !h.habits().NoClientFilter
	rows := make([]smb.FileInfo, 0, len(h.server.opens))
	for _, o := range h.server.opens {
		if !h.listed(o) {
			continue
		}
		switch {
		case user == "":
		case byClient:
			if o.session == nil || fold(o.session.client) != fold(client) {
				continue
			}
		case fold(o.owner()) != fold(user):
			continue
		}
		row := h.fileInfo(o)
		if len(basePath) > len(row.Path) || !strings.EqualFold(row.Path[:len(basePath)], basePath) {
			continue
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b smb.FileInfo) int { return cmp.Compare(a.ID, b.ID) })
	return rows, 0
}

// FileGetInfo is the row of one open.
func (h *serverService) FileGetInfo(_, id uint32) (smb.FileInfo, smb.Win32Error) {
	switch found := h.withID(id); {
	case h.habits().NoFileGetInfo:
		return smb.FileInfo{}, smb.ErrorNotSupported
	case h.denied():
		return smb.FileInfo{}, smb.ErrorAccessDenied
	case len(found) == 0:
		return smb.FileInfo{}, smb.ErrorFileNotFound
	default:
		return h.fileInfo(found[0]), 0
	}
}

// fileCloseDelay is how long Samba's other process takes to do what NetrFileClose
// or NetrSessionDel was answered for. Not measured: a few milliseconds.
const fileCloseDelay = 5 * time.Millisecond

// FileClose closes an open, durable or not, [MS-SMB2] 3.3.4.17.
func (h *serverService) FileClose(id uint32) smb.Win32Error {
	if h.denied() {
		return smb.ErrorAccessDenied
	}
	found := h.withID(id)
	if h.habits().FileCloseAsync {
		// Whoever has it is told; the answer is the same when nobody has.
		h.server.after(fileCloseDelay, func() {
			for _, o := range found {
				h.server.closeOpen(o, closedByAdmin)
			}
		})
		if h.habits().FileCloseNotFound {
			return smb.ErrorFileNotFound
		}
		return 0
	}
	if len(found) == 0 {
		return smb.NerrFileIDNotFound
	}
	h.server.closeOpen(found[0], closedByAdmin)
	return 0
}

// clientFilter reads the ClientName of NetrSessionEnum and NetrSessionDel.
func clientFilter(client string) (name string, code smb.Win32Error) {
	name, ok := strings.CutPrefix(client, `\\`)
	if client != "" && (!ok || name == "") {
		return "", smb.NerrInvalidComputer
	}
	return name, 0
}

// SessionEnum lists the sessions, the oldest first, [MS-SMB2] 3.3.4.18.
func (h *serverService) SessionEnum(level uint32, client, user string) ([]smb.SessionInfo, smb.Win32Error) {
	switch {
	case h.denied():
		return nil, smb.ErrorAccessDenied
	case !slices.Contains(h.habits().SessionEnumLevels, level):
		return nil, smb.ErrorInvalidLevel
	}
	if h.habits().IgnoresSessionFilters {
		client, user = "", ""
	}
	name, code := clientFilter(client)
	if code != 0 {
		return nil, code
	}
	rows := []smb.SessionInfo{}
	now := h.server.now()
	for _, s := range h.sessions(name, user) {
		row := smb.SessionInfo{
			Level: level, Client: s.client, User: s.userName(), Opens: h.opensOf(s), Age: now.Sub(s.since),
			Idle: now.Sub(s.lastRequest), Transport: `\Device\NetbiosSmb`,
		}
		if h.habits().IdleAlwaysZero {
			row.Idle = 0
		}
		rows = append(rows, row)
	}
	switch {
	case len(rows) > 0 || client == "" && user == "":
		return rows, 0
	case client != "":
		return nil, smb.NerrClientNameNotFound
	}
	return nil, smb.NerrUserNotFound
}

// opensOf counts what a session has open, which the table of opens lists.
func (h *serverService) opensOf(s *session) uint32 {
	n := uint32(0)
	for _, o := range s.opens {
		if h.listed(o) {
			n++
		}
	}
	return n
}

// sessions returns the sessions of a client and a user, "" for any, the oldest
// first.
func (h *serverService) sessions(client, user string) []*session {
	var found []*session
	for _, s := range h.server.sessions {
		if s.established && (client == "" || fold(s.client) == fold(client)) && (user == "" || fold(s.userName()) == fold(user)) {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *session) int { return a.since.Compare(b.since) })
	return found
}

// SessionDel ends sessions with every open they have, [MS-SMB2] 3.3.4.12.
func (h *serverService) SessionDel(client, user string) smb.Win32Error {
	if h.denied() {
		return smb.ErrorAccessDenied
	}
	name, code := clientFilter(client)
	switch {
	case client == "" && user == "":
		return smb.ErrorInvalidParameter
	case code != 0:
		return code
	}
	found := h.sessions(name, user)
	if len(found) == 0 && h.habits().SessionDelDenies {
		return smb.ErrorAccessDenied
	}
	if len(found) == 0 {
		return smb.NerrClientNameNotFound
	}
	for _, s := range found {
		c := s.conn
		switch {
		case h.habits().SessionDelEndsConnection && c != nil:
			// The answer to this call may go over it too.
			h.server.after(fileCloseDelay, func() { h.server.endConn(c, errAdmin) })
		case h.habits().SessionDelKeepsDurable:
			h.server.dropSession(s, closedByAdmin)
		default:
			h.server.endSession(s, closedByAdmin)
		}
	}
	return 0
}

// ConnectionEnum lists the tree connects to a share or from a client, [MS-SMB2]
// 3.3.4.19.
func (h *serverService) ConnectionEnum(_ uint32, qualifier string) ([]smb.ConnectionInfo, smb.Win32Error) {
	if h.denied() {
		return nil, smb.ErrorAccessDenied
	}
	if qualifier == "" {
		return nil, smb.ErrorInvalidParameter
	}
	client, byClient := strings.CutPrefix(qualifier, `\\`)
	share := h.server.shareNamed(qualifier)
	if byClient && h.habits().NoConnectionsOfClient {
		return nil, smb.NerrNetNameNotFound
	}
	if !byClient && share == nil {
		return nil, smb.NerrNetNameNotFound
	}
	rows := []smb.ConnectionInfo{}
	now := h.server.now()
	for _, s := range h.sessions("", "") {
		for _, t := range s.trees {
			if byClient && fold(s.client) != fold(client) || !byClient && t.share != share {
				continue
			}
			row := smb.ConnectionInfo{ID: t.id, Type: t.share.stype(), Users: 1, Age: now.Sub(t.since), User: s.userName(), Name: s.client}
			if byClient {
				row.Name = t.share.Name
			}
			for _, o := range s.opens {
				if o.tree == t {
					row.Opens++
				}
			}
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b smb.ConnectionInfo) int { return cmp.Compare(a.ID, b.ID) })
	if h.habits().ConnectionsMadeUp {
		for i := range rows {
			rows[i] = smb.ConnectionInfo{
				ID: uint32(len(rows)), Type: smb.STypeIPC, Opens: rows[i].Opens, Users: 1, Age: 3 * time.Second, User: "dummy_user", Name: ipcName,
			}
		}
	}
	return rows, 0
}

func (s *share) stype() smb.SType {
	if s.volume == nil {
		return smb.STypeIPC | smb.STypeSpecial
	}
	if strings.HasSuffix(s.Name, "$") {
		return smb.STypeDisk | smb.STypeSpecial
	}
	return smb.STypeDisk
}

// privileged reports whether only administrators may ask for this level of
// share information, [MS-SRVS] 3.1.4.8.
func privileged(level uint32) bool { return level == 2 || level == 502 || level == 503 }

// ShareEnum lists the shares.
func (h *serverService) ShareEnum(level uint32) ([]smb.ShareInfo, smb.Win32Error) {
	if privileged(level) && h.denied() {
		return nil, smb.ErrorAccessDenied
	}
	rows := []smb.ShareInfo{h.shareInfo(&h.server.ipc, level)}
	for i := range h.server.shares {
		rows = append(rows, h.shareInfo(&h.server.shares[i], level))
	}
	return rows, 0
}

// ShareGetInfo describes one share.
func (h *serverService) ShareGetInfo(level uint32, name string) (smb.ShareInfo, smb.Win32Error) {
	if privileged(level) && h.denied() {
		return smb.ShareInfo{}, smb.ErrorAccessDenied
	}
	s := h.server.shareNamed(name)
	if s == nil {
		return smb.ShareInfo{}, smb.NerrNetNameNotFound
	}
	return h.shareInfo(s, level), 0
}

func (h *serverService) shareInfo(s *share, level uint32) smb.ShareInfo {
	row := smb.ShareInfo{Level: level, Name: s.Name, Type: s.stype(), Remark: s.Comment, MaxUses: 0xFFFFFFFF, Path: h.sharePath(s)}
	for _, session := range h.server.sessions {
		for _, t := range session.trees {
			if t.share == s {
				row.CurrentUses++
			}
		}
	}
	return row
}

// The SV_TYPE bits of a file server, [MS-SRVS] 2.2.2.7.
const (
	svTypeWorkstation = 0x1
	svTypeServer      = 0x2
	svTypeNT          = 0x1000
	svTypeServerNT    = 0x8000
)

// ServerGetInfo describes the server.
func (h *serverService) ServerGetInfo(level uint32) (smb.ServerInfo, smb.Win32Error) {
	if level == 102 && h.denied() {
		return smb.ServerInfo{}, smb.ErrorAccessDenied
	}
	const windowsNT = 500
	t := &h.server.Temperament
	disconnect := uint32(0xFFFFFFFF)
	if t.Autodisconnect > 0 {
		disconnect = uint32(t.Autodisconnect / time.Minute)
	}
	return smb.ServerInfo{
		Platform: windowsNT, Name: h.server.Name, Major: t.SRVSVC.Major, Minor: t.SRVSVC.Minor,
		Type:    svTypeWorkstation | svTypeServer | svTypeNT | svTypeServerNT,
		Comment: t.SRVSVC.Comment, Users: 0xFFFFFFFF, Disconnect: disconnect, UserPath: `c:\`,
	}, 0
}

// ServerDiskEnum names the drive that the shares are on.
func (h *serverService) ServerDiskEnum() ([]string, smb.Win32Error) {
	if h.denied() {
		return nil, smb.ErrorAccessDenied
	}
	return []string{"C:"}, 0
}

// RemoteTOD is the server's clock.
func (h *serverService) RemoteTOD() (now time.Time, up time.Duration, code smb.Win32Error) {
	now = h.server.now()
	return now.UTC(), now.Sub(h.server.started), 0
}
