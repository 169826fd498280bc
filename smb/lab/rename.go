package lab

import (
	"strings"

	"err32/smb"
)

// renaming is what a rename asks for.
type renaming struct {
	path            string // the new one, below the share
	root            uint64 // RootDirectory
	replace         bool   // a file that has the name already
	replaceReadonly bool   // even if that is read-only
}

// rename gives a file another name or another directory, [MS-FSA] 2.1.5.15.12.
func (r *request) rename(o *open, to renaming) smb.NTStatus {
	switch {
	case o.access&smb.Delete == 0:
		return smb.StatusAccessDenied
	case to.root != 0 || to.path == "":
		return smb.StatusInvalidParameter
	case strings.HasPrefix(to.path, ":"): // of a stream
		return smb.StatusNotSupported
	}
	for {
		status, busy := r.tryRename(o, to)
		if busy == nil {
			return status
		}
		if status := r.awaitBreak(o, busy); status != smb.StatusSuccess {
			return status
		}
	}
}

// tryRename renames unless a file is busy with a break, for which the request
// has to wait before it looks at everything afresh.
func (r *request) tryRename(o *open, to renaming) (status smb.NTStatus, busy *node) {
	s, n := r.server(), o.node
	v := n.volume
	target, parent, leaf, status := v.lookup(to.path)
	switch {
	case status != smb.StatusSuccess && (target != nil || parent == nil || status != smb.StatusObjectNameNotFound):
		return status, nil
	case parent == nil || n == v.root: // the root can be neither moved nor replaced
		return smb.StatusAccessDenied, nil
	case target == nil && !n.dir && strings.HasSuffix(to.path, `\`):
		return smb.StatusObjectNameInvalid, nil
	case parent.conflict(newEntry(n), smb.ShareRead|smb.ShareWrite) != nil:
		// The directory is opened for it, as Windows 11 and before have it, without FILE_SHARE_DELETE.
		return smb.StatusSharingViolation, nil
	case r.breakForRename(n, o):
		return 0, n.breaking()
	}
	switch {
	case n.removed || n.deletePending, n.dir && n.openBelow():
		return smb.StatusAccessDenied, nil
	case parent == n.parent && leaf == n.name:
		return smb.StatusSuccess, nil
	case parent.within(n):
		return smb.StatusAccessDenied, nil
	case parent.unitsWith(leaf)+n.depthUnits() > maxPathUnits:
		return smb.StatusObjectNameInvalid, nil
	}
	if target != nil && target != n {
		if status, busy := r.replace(target, o, to); status != smb.StatusSuccess || busy != nil {
			return status, busy
		}
	}
	oldParent, oldName := n.parent, n.name
	if status := v.rename(n, parent, leaf); status != smb.StatusSuccess {
		return status, nil
	}
	s.notifyRename(oldParent, oldName, n)
	return smb.StatusSuccess, nil
}

// awaitBreak waits until something changes about the file that is busy.
func (r *request) awaitBreak(o *open, busy *node) smb.NTStatus {
	result := r.wait(busy.change(), -1)
	switch {
	case result == waitRefused:
		return r.refused()
	case result != waitDone:
		return smb.StatusCancelled
	case o.closed:
		return smb.StatusFileClosed
	}
	return smb.StatusSuccess
}

// breaking returns the file, of n and those below it, that a break is under way
// of.
func (n *node) breaking() *node {
	for _, l := range n.leases() {
		if l.inProgress {
			return n
		}
	}
	for _, c := range n.children {
		if busy := c.breaking(); busy != nil {
			return busy
		}
	}
	return nil
}

// newEntry is the access to a directory that it takes to put n there.
func newEntry(n *node) smb.AccessMask {
	if n.dir {
		return smb.FileAppendData // FILE_ADD_SUBDIRECTORY
	}
	return smb.FileWriteData // FILE_ADD_FILE
}

// replace removes the file whose name o's is to get.
func (r *request) replace(target *node, o *open, to renaming) (status smb.NTStatus, busy *node) {
	s := r.server()
	switch {
	case !to.replace:
		return smb.StatusObjectNameCollision, nil
	case target.dir, target.attrs&smb.AttributeReadonly != 0 && !to.replaceReadonly:
		return smb.StatusAccessDenied, nil
	case target.deletePending:
		return smb.StatusDeletePending, nil
	case r.breakForRemove(target, o):
		return 0, target
	case len(target.opens) > 0:
		return smb.StatusAccessDenied, nil
	}
	if status := target.volume.remove(target); status != smb.StatusSuccess {
		return status, nil
	}
	s.notifyChange(target.parent, target, changeRemoved)
	return smb.StatusSuccess, nil
}

// openBelow reports whether anything below the directory is open, [MS-FSA]
// 2.1.4.2.
func (n *node) openBelow() bool {
	for _, c := range n.children {
		if len(c.opens) > 0 || c.openBelow() {
			return true
		}
	}
	return false
}
