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
	s, n := r.server(), o.node
	v := n.volume
	switch {
	case o.access&smb.Delete == 0:
		return smb.StatusAccessDenied
	case to.root != 0 || to.path == "":
		return smb.StatusInvalidParameter
	case strings.HasPrefix(to.path, ":"): // of a stream
		return smb.StatusNotSupported
	}
	target, parent, leaf, status := v.lookup(to.path)
	switch {
	case status != smb.StatusSuccess && (target != nil || parent == nil || status != smb.StatusObjectNameNotFound):
		return status
	case parent == nil || n == v.root: // the root can be neither moved nor replaced
		return smb.StatusAccessDenied
	case target == nil && !n.dir && strings.HasSuffix(to.path, `\`):
		return smb.StatusObjectNameInvalid
	case parent.conflict(newEntry(n), smb.ShareRead|smb.ShareWrite|smb.ShareDelete) != nil:
		return smb.StatusSharingViolation
	}
	s.breakForChange(n, o)
	switch {
	case n.removed || n.deletePending, n.dir && n.openBelow():
		return smb.StatusAccessDenied
	case parent == n.parent && leaf == n.name:
		return smb.StatusSuccess
	case parent.within(n):
		return smb.StatusAccessDenied
	case parent.unitsWith(leaf)+n.depthUnits() > maxPathUnits:
		return smb.StatusObjectNameInvalid
	}
	if target != nil && target != n {
		if status := r.replace(target, o, to); status != smb.StatusSuccess {
			return status
		}
	}
	oldParent, oldName := n.parent, n.name
	if status := v.rename(n, parent, leaf); status != smb.StatusSuccess {
		return status
	}
	for _, other := range n.opens {
		other.path = n.path()
	}
	s.notifyRename(oldParent, oldName, n)
	return smb.StatusSuccess
}

// newEntry is the access to a directory that it takes to put n there.
func newEntry(n *node) smb.AccessMask {
	if n.dir {
		return smb.FileAppendData // FILE_ADD_SUBDIRECTORY
	}
	return smb.FileWriteData // FILE_ADD_FILE
}

// replace removes the file whose name o's is to get.
func (r *request) replace(target *node, o *open, to renaming) smb.NTStatus {
	s := r.server()
	switch {
	case !to.replace:
		return smb.StatusObjectNameCollision
	case target.dir, target.attrs&smb.AttributeReadonly != 0 && !to.replaceReadonly:
		return smb.StatusAccessDenied
	case target.deletePending:
		return smb.StatusDeletePending
	}
	s.breakForChange(target, o)
	if len(target.opens) > 0 {
		return smb.StatusAccessDenied
	}
	if status := target.volume.remove(target); status != smb.StatusSuccess {
		return status
	}
	s.notifyChange(target.parent, target, changeRemoved)
	return smb.StatusSuccess
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
