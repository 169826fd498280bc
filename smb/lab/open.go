package lab

import (
	"time"

	"err32/smb"
)

// open is an entry of the open table, [MS-SMB2] 3.3.1.10: what Windows calls a
// handle.
type open struct {
	id       smb.FileID // Open.FileId (volatile) and Open.DurableFileId (persistent)
	globalID uint32     // Open.FileGlobalId: the id in NetrFileEnum
	since    time.Time

	session *session // nil while a durable open is disconnected
	tree    *tree    // nil with it
	share   *share

	node    *node          // nil for a pipe
	place   int            // in node.opens
	pipe    *pipe          // nil for a file
	access  smb.AccessMask // Open.GrantedAccess
	sharing smb.ShareAccess
	options smb.CreateOptions
	closed  bool

	deleteOnClose bool // FILE_DELETE_ON_CLOSE was asked for at CREATE
	position      uint64
	kept          keptTimes
	lockSequences lockSequences
	listing       *listing // where QUERY_DIRECTORY goes on
	watch         *watch   // what CHANGE_NOTIFY has seen

	oplock  smb.OplockLevel // Open.OplockLevel
	lease   *lease          // nil without one
	durable *durability
}

// owner is the name of the user who opened it, empty for a disconnected one,
// [MS-SMB2] 3.3.4.20.
func (o *open) owner() string {
	if o.session == nil {
		return ""
	}
	return o.session.userName()
}

// path is the file's path below the share, as it is now, or the pipe's name. It
// is not kept: there may be many opens, and paths are up to 64 KiB long.
func (o *open) path() string {
	if o.node == nil {
		return o.pipe.name
	}
	return o.node.path()
}

// addOpen enters o into the open table.
func (s *Server) addOpen(o *open) {
	s.lastOpen++
	o.since = s.now()
	o.globalID = s.nextGlobalID()
	o.id = smb.FileID{Persistent: s.lastOpen, Volatile: s.lastOpen<<16 | uint64(s.rand16())}
	s.opens[o.id.Persistent] = o
	s.openIDs[o.globalID] = o
	if o.session != nil {
		o.session.opens[o.id.Volatile] = o
	}
	if o.node != nil {
		o.place = len(o.node.opens)
		o.node.opens = append(o.node.opens, o)
	}
	if o.pipe != nil {
		s.pipes++
	}
	s.granted++
	s.logOpen(o)
}

// nextGlobalID returns an id that no open in the table has.
func (s *Server) nextGlobalID() uint32 {
	for {
		s.lastGlobalID++
		if s.lastGlobalID != 0 && s.openIDs[s.lastGlobalID] == nil {
			return s.lastGlobalID
		}
	}
}

// closeReason is what ended an open, for the log.
type closeReason string

// The ways an open ends.
const (
	closedByClient   closeReason = "closed by the client"
	closedWithTree   closeReason = "the client left the share"
	closedByLogoff   closeReason = "the client logged off"
	closedByLoss     closeReason = "the connection was lost"
	closedByLinger   closeReason = "the client has been silent for too long"
	closedByAdmin    closeReason = "an administrator closed it"
	closedByPrevious closeReason = "the user logged on again and named the old session"
	closedByExpiry   closeReason = "the durable open was not claimed in time"
	closedByConflict closeReason = "the disconnected durable open stood in another's way"
	closedByServer   closeReason = "the server stopped"
)

// closeOpen takes o out of the table and does what its end brings: locks and
// caching go, a file that was to be deleted is when this was its last open.
func (s *Server) closeOpen(o *open, why closeReason) {
	if o.closed {
		return
	}
	o.closed = true
	delete(s.opens, o.id.Persistent)
	delete(s.openIDs, o.globalID)
	if o.session != nil {
		delete(o.session.opens, o.id.Volatile)
	}
	s.released++
	s.logClose(o, why)
	if o.pipe != nil {
		s.pipes--
		o.pipe.close()
		return
	}
	n := o.node
	last := n.opens[len(n.opens)-1]
	n.opens[o.place], last.place = last, o.place
	n.opens[len(n.opens)-1] = nil
	n.opens = n.opens[:len(n.opens)-1]
	s.locks -= n.locks.count(o)
	n.locks.drop(o)
	s.endDurability(o)
	s.endCaching(o)
	s.endWatch(o)
	if o.deleteOnClose {
		n.deletePending = true
		s.endWatches(n)
	}
	if len(n.opens) == 0 {
		if n.deletePending {
			s.deleteNode(n)
		}
		n.release()
	}
	n.wake()
}

// deleteNode removes a file or an empty directory for good. A directory that
// got a child meanwhile stays.
func (s *Server) deleteNode(n *node) {
	parent := n.parent
	if status := n.volume.remove(n); status != smb.StatusSuccess {
		n.deletePending = false
		return
	}
	s.notifyChange(parent, n, changeRemoved)
}

// wake lets every request look again that waits for something about the file:
// an open, a lock or caching that goes.
func (n *node) wake() {
	if n.waiting != nil {
		close(n.waiting)
		n.waiting = nil
	}
}

// change is closed at the next wake.
func (n *node) change() <-chan struct{} {
	if n.waiting == nil {
		n.waiting = make(chan struct{})
	}
	return n.waiting
}

// fileOpen finds the open that a request names, [MS-SMB2] 3.3.5.2.7.2: by its
// FileId, or in a related request of a compound by the request before. Where
// that named none that is there, the related ones fail as it did.
func (r *request) fileOpen(id smb.FileID) (*open, smb.NTStatus) {
	if id == smb.RelatedFileID && r.header.Flags&smb.FlagRelated != 0 {
		if r.chain.failed != smb.StatusSuccess {
			return nil, r.chain.failed
		}
		if r.chain.fileID == nil {
			return nil, smb.StatusInvalidHandle
		}
		id = *r.chain.fileID
	}
	o := r.session.opens[id.Volatile]
	if o == nil || o.id.Persistent != id.Persistent || o.closed || o.tree != r.tree {
		r.chain.failed, r.chain.fileID = smb.StatusFileClosed, nil
		return nil, smb.StatusFileClosed
	}
	r.chain.fileID = &smb.FileID{Persistent: id.Persistent, Volatile: id.Volatile}
	return o, smb.StatusSuccess
}
