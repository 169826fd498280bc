package lab

import (
	"time"

	"err32/smb"
)

// volumeLimits bound what a volume may cost.
type volumeLimits struct {
	Bytes int64 // memory that holds the contents of files
	Nodes int   // files and directories besides the root
}

// volume is the tree of files behind a share, in memory, with what [MS-FSA]
// 2.1.1.1 has of a Volume. There are no streams, links or reparse
// points. Names keep their case and are found in any; they are compared
// upcased rune by rune as Unicode has it, which for a few letters is not what
// NTFS's table has. It has no lock of its own: the server's mutex guards it.
type volume struct {
	limits volumeLimits
	now    func() time.Time
	root   *node

	lastID uint64
	nodes  int   // that count against the limit: removed ones until they are released
	bytes  int64 // of memory that chunks of contents take
}

// newVolume returns a volume that holds its root only. now tells the time for
// new and moved files.
func newVolume(limits volumeLimits, now func() time.Time) *volume {
	v := &volume{limits: limits, now: now}
	v.root = v.newNode(nil, "", true, 0)
	return v
}

// free returns how many bytes the contents of files may still grow by.
func (v *volume) free() int64 { return max(0, v.limits.Bytes-v.bytes) }

// charge takes n bytes of the volume's memory; it reports false, and takes
// nothing, when there are not so many.
func (v *volume) charge(n int64) bool {
	if n > v.free() {
		return false
	}
	v.bytes += n
	return true
}

// lookup finds what path names, [MS-FSA] 2.1.5.1 phases 5 to 7.
//
// Where the parent exists, parent and leaf are set, whatever the status; n is
// nil with STATUS_OBJECT_NAME_NOT_FOUND, which is when leaf can be created. The
// root has neither parent nor leaf. A file asked for with a trailing backslash
// is STATUS_OBJECT_NAME_INVALID, a directory with "::$DATA"
// STATUS_FILE_IS_A_DIRECTORY, anything in a directory that waits for its
// deletion STATUS_DELETE_PENDING. parsePathname has the rules for the path
// itself. The caller who creates a file where nothing was must itself refuse a
// path that ends in a backslash.
func (v *volume) lookup(path string) (n, parent *node, leaf string, status smb.NTStatus) {
	p, status := parsePathname(path)
	if status != smb.StatusSuccess {
		return nil, nil, "", status
	}
	if len(p.names) == 0 {
		return v.root, nil, "", smb.StatusSuccess
	}
	parent = v.root
	for _, name := range p.names[:len(p.names)-1] {
		parent = parent.child(name)
		if parent == nil || !parent.dir {
			return nil, nil, "", smb.StatusObjectPathNotFound
		}
		if parent.deletePending {
			return nil, nil, "", smb.StatusDeletePending
		}
	}
	leaf = p.names[len(p.names)-1]
	n = parent.child(leaf)
	switch {
	case n == nil:
		status = smb.StatusObjectNameNotFound
	case p.data && n.dir:
		status = smb.StatusFileIsADirectory
	case p.slash && !n.dir:
		status = smb.StatusObjectNameInvalid
	}
	return n, parent, leaf, status
}

// create makes a file or directory, [MS-FSA] 2.1.5.1.1. Attributes that
// applications cannot set are dropped; a file gets FILE_ATTRIBUTE_ARCHIVE, a
// directory FILE_ATTRIBUTE_DIRECTORY. The volume's limit of nodes is
// STATUS_DISK_FULL.
func (v *volume) create(parent *node, leaf string, dir bool, attrs smb.FileAttributes) (*node, smb.NTStatus) {
	if status := v.canHold(parent, leaf); status != smb.StatusSuccess {
		return nil, status
	}
	if parent.child(leaf) != nil {
		return nil, smb.StatusObjectNameCollision
	}
	if parent.unitsWith(leaf) > maxPathUnits {
		return nil, smb.StatusObjectNameInvalid
	}
	if v.nodes >= v.limits.Nodes {
		return nil, smb.StatusDiskFull
	}
	n := v.newNode(parent, leaf, dir, attrs)
	v.nodes++
	parent.insert(n)
	parent.touch()
	return n, smb.StatusSuccess
}

// remove takes a file or an empty directory out of the tree. Its content stays
// for those who have it open, until release; with no opens it goes at once. The
// root cannot go: STATUS_CANNOT_DELETE. A second removal is
// STATUS_DELETE_PENDING. Whether the opens and the attributes allow it is for
// the caller to know.
func (v *volume) remove(n *node) smb.NTStatus {
	switch {
	case n == v.root:
		return smb.StatusCannotDelete
	case n.removed:
		return smb.StatusDeletePending
	case len(n.children) > 0:
		return smb.StatusDirectoryNotEmpty
	}
	n.parent.take(n)
	n.parent.touch()
	n.removed = true
	n.release()
	return smb.StatusSuccess
}

// rename moves n to newLeaf in newParent, [MS-FSA] 2.1.5.15.12. It replaces
// nothing: another file of that name is STATUS_OBJECT_NAME_COLLISION, so the
// caller who may replace it removes it first. The root, what waits for its
// deletion, and a directory into itself are STATUS_ACCESS_DENIED.
func (v *volume) rename(n, newParent *node, newLeaf string) smb.NTStatus {
	if n == v.root || n.removed || n.deletePending {
		return smb.StatusAccessDenied
	}
	if status := v.canHold(newParent, newLeaf); status != smb.StatusSuccess {
		return status
	}
	if newParent.within(n) {
		return smb.StatusAccessDenied
	}
	if other := newParent.child(newLeaf); other != nil && other != n {
		return smb.StatusObjectNameCollision
	}
	if newParent == n.parent && newLeaf == n.name {
		return smb.StatusSuccess
	}
	// A directory takes what is below it along, and all of that must keep a
	// path that can be sent.
	if units := newParent.unitsWith(newLeaf); units > n.pathUnits() && units+n.depthUnits() > maxPathUnits {
		return smb.StatusObjectNameInvalid
	}
	n.parent.take(n)
	n.parent.touch()
	n.parent, n.name, n.key = newParent, newLeaf, fold(newLeaf)
	newParent.insert(n)
	newParent.touch()
	n.changed = v.now()
	if !n.dir {
		n.attrs |= attributeArchive
	}
	return smb.StatusSuccess
}

// canHold reports whether a file called leaf may be put into parent.
func (v *volume) canHold(parent *node, leaf string) smb.NTStatus {
	switch {
	case parent == nil: // what lookup has for the root
		return smb.StatusObjectNameInvalid
	case parent.volume != v:
		return smb.StatusNotSameDevice
	case !parent.dir:
		return smb.StatusObjectPathNotFound
	case parent.removed || parent.deletePending:
		return smb.StatusDeletePending
	case !validName(leaf):
		return smb.StatusObjectNameInvalid
	}
	return smb.StatusSuccess
}

func (v *volume) newNode(parent *node, name string, dir bool, attrs smb.FileAttributes) *node {
	v.lastID++
	now := v.now()
	n := &node{
		id: v.lastID, volume: v, parent: parent, name: name, key: fold(name), dir: dir,
		attrs:   attrs & settableAttributes,
		created: now, accessed: now, written: now, changed: now,
		content: content{volume: v},
	}
	if dir {
		n.attrs |= smb.AttributeDirectory
	} else {
		n.attrs |= attributeArchive
	}
	return n
}
