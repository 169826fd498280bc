package lab

import (
	"slices"

	"err32/smb"
)

// watch is what an open's CHANGE_NOTIFY requests look for and have not told yet,
// a ChangeNotifyEntry of [MS-FSA] 2.1.1.4. What the first request asked for
// holds for all.
type watch struct {
	filter smb.NotifyFilter
	tree   bool // below subdirectories too

	changes  []smb.Change
	size     int // of changes, about as on the wire
	limit    int // of size, in bytes
	overflow bool
	waiting  []*notice
	ended    smb.NTStatus // why nothing more comes; 0 for it may
}

// notice is what a CHANGE_NOTIFY waits for.
type notice struct {
	ready    chan struct{} // closed with what follows set, or when the watch ends
	told     bool
	changes  []smb.Change
	overflow bool
}

// maxUntold is how many bytes of changes are kept for an open that does not
// ask for them.
const maxUntold = 64 << 10

// changeNotify waits for changes in a directory, [MS-SMB2] 3.3.5.19 and
// [MS-FSA] 2.1.5.11.
func (r *request) changeNotify(m *smb.ChangeNotifyRequest) (smb.Message, smb.NTStatus) {
	o, status := r.fileOpen(m.FileID)
	if status != smb.StatusSuccess {
		return nil, status
	}
	switch {
	case o.node == nil || !o.node.dir, m.MaxOutput > r.conn.response.MaxTransactSize:
		return nil, smb.StatusInvalidParameter
	case o.access&smb.FileReadData == 0: // FILE_LIST_DIRECTORY
		return nil, smb.StatusAccessDenied
	case o.node.deletePending:
		return nil, smb.StatusDeletePending
	}
	s := r.server()
	if o.watch == nil {
		if s.watches >= s.Limits.Watches {
			return nil, smb.StatusInsufficientResources
		}
		s.watches++
		o.watch = &watch{filter: m.Filter, tree: m.Flags&smb.NotifyWatchTree != 0, limit: min(int(m.MaxOutput), maxUntold)}
	}
	w := o.watch
	n := &notice{ready: make(chan struct{})}
	w.waiting = append(w.waiting, n)
	w.tell()
	if !n.told {
		status := smb.StatusCancelled
		if r.wait(n.ready, -1) == waitRefused {
			status = r.refused()
		}
		if !n.told {
			w.waiting = slices.DeleteFunc(w.waiting, func(other *notice) bool { return other == n })
			if w.ended != smb.StatusSuccess {
				status = w.ended
			}
			return nil, status
		}
	}
	out := smb.AppendChanges(nil, n.changes)
	if n.overflow || int64(len(out)) > int64(m.MaxOutput) {
		return &smb.ChangeNotifyResponse{}, smb.StatusNotifyEnumDir
	}
	return &smb.ChangeNotifyResponse{Output: out}, smb.StatusSuccess
}

// add notes a change.
func (w *watch) add(c smb.Change) {
	if w.size += 12 + 2*utf16Len(c.Name); w.overflow || w.size > w.limit {
		w.overflow, w.changes = true, nil
		return
	}
	w.changes = append(w.changes, c)
}

// tell gives what there is to the oldest request that waits.
func (w *watch) tell() {
	if len(w.waiting) == 0 || !w.overflow && len(w.changes) == 0 {
		return
	}
	n := w.waiting[0]
	w.waiting = w.waiting[1:]
	n.told, n.changes, n.overflow = true, w.changes, w.overflow
	w.changes, w.size, w.overflow = nil, 0, false
	close(n.ready)
}

// end answers all requests that wait.
func (w *watch) end(status smb.NTStatus) {
	if w.ended == smb.StatusSuccess {
		w.ended = status
		for _, n := range w.waiting {
			close(n.ready)
		}
		w.waiting = nil
	}
}

// endWatch ends the watch of a closed open.
func (s *Server) endWatch(o *open) {
	if o.watch != nil {
		s.watches--
		o.watch.end(smb.StatusNotifyCleanup)
	}
}

// endWatches ends the watches of a directory that is to be deleted.
func (s *Server) endWatches(n *node) {
	for _, o := range n.opens {
		if o.watch != nil {
			s.watches--
			o.watch.end(smb.StatusDeletePending)
			o.watch = nil
		}
	}
}

// changeKind is what happened to a file.
type changeKind struct {
	action smb.ChangeAction
	filter smb.NotifyFilter // who hears of it; 0 for those who hear of names
}

// The changes that are made in more than one place.
var (
	changeAdded    = changeKind{action: smb.ChangeAdded}
	changeRemoved  = changeKind{action: smb.ChangeRemoved}
	changeModified = changeKind{smb.ChangeModified, smb.NotifySize | smb.NotifyLastWrite | smb.NotifyAttributes}
	changeSize     = changeKind{smb.ChangeModified, smb.NotifySize | smb.NotifyLastWrite}
)

// change is one change, of the entry called name in dir.
type change struct {
	dir    *node
	name   string
	action smb.ChangeAction
	filter smb.NotifyFilter // who hears of it
	unless smb.NotifyFilter // but not those
}

// notifyChange reports a change of n, which is or was in parent.
func (s *Server) notifyChange(parent, n *node, kind changeKind) {
	if parent == nil {
		return // the root is in no directory
	}
	if kind.filter == 0 {
		kind.filter = n.nameFilter()
	}
	report(change{dir: parent, name: n.name, action: kind.action, filter: kind.filter})
}

// notifyRename reports that n was called oldName in oldParent.
func (s *Server) notifyRename(oldParent *node, oldName string, n *node) {
	from, to := smb.ChangeRenamedFrom, smb.ChangeRenamedTo
	if oldParent != n.parent {
		from, to = smb.ChangeRemoved, smb.ChangeAdded
	}
	names := n.nameFilter()
	changes := []change{{dir: oldParent, name: oldName, action: from, filter: names}, {dir: n.parent, name: n.name, action: to, filter: names}}
	if !n.dir {
		// It has FILE_ATTRIBUTE_ARCHIVE now. Windows says so whether or not it
		// had it before, but only to those who do not hear of names.
		changes = append(changes, change{n.parent, n.name, smb.ChangeModified, smb.NotifyAttributes | smb.NotifyCreation, names})
	}
	report(changes...)
}

// nameFilter is the filter of those who hear of the names that come and go.
func (n *node) nameFilter() smb.NotifyFilter {
	if n.dir {
		return smb.NotifyDirName
	}
	return smb.NotifyFileName
}

// report tells of changes that belong together, [MS-FSA] 2.1.4.1.
func report(changes ...change) {
	var heard []*watch
	for _, c := range changes {
		for dir := c.dir; dir != nil; dir = dir.parent {
			for _, o := range dir.opens {
				if w := o.watch; w != nil && w.filter&c.filter != 0 && w.filter&c.unless == 0 && (w.tree || dir == c.dir) {
					w.add(smb.Change{Action: c.action, Name: c.nameBelow(dir)})
					heard = append(heard, w)
				}
			}
		}
	}
	for _, w := range heard {
		w.tell()
	}
}

// nameBelow is the path from dir to what has changed.
func (c *change) nameBelow(dir *node) string {
	name := c.name
	for d := c.dir; d != dir; d = d.parent {
		name = d.name + `\` + name
	}
	return name
}
