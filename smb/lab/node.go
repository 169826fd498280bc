package lab

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"err32/smb"
)

const (
	attributeArchive smb.FileAttributes = 0x0020 // FILE_ATTRIBUTE_ARCHIVE

	// settableAttributes are what applications can set: READONLY, HIDDEN,
	// SYSTEM, ARCHIVE, TEMPORARY, OFFLINE and NOT_CONTENT_INDEXED, [MS-FSA]
	// 2.1.5.1.1.
	settableAttributes smb.FileAttributes = 0x3127
)

// node is a file or directory of a volume: a File of [MS-FSA] 2.1.1.3 with its
// one Link and, for a file, its one Stream.
type node struct {
	id     uint64 // File.FileId64, never used again on the volume
	volume *volume
	parent *node // nil for the root; a removed node keeps its last
	name   string
	key    string // the name as names are compared
	dir    bool
	attrs  smb.FileAttributes // without FILE_ATTRIBUTE_NORMAL

	created, accessed, written, changed time.Time

	children []*node // of a directory, ordered by key

	opens         []*open
	deletePending bool // goes when the last open closes
	removed       bool // is out of the tree
	released      bool // has given back what it took of the volume

	content content
	locks   rangeLocks

	waiting chan struct{} // closed by wake; nil while nobody waits
}

// attributes returns what is told to clients: FILE_ATTRIBUTE_NORMAL stands for
// no attributes, [MS-FSCC] 2.6.
func (n *node) attributes() smb.FileAttributes {
	if n.attrs == 0 {
		return smb.AttributeNormal
	}
	return n.attrs
}

// path returns the names from the root down, with backslashes between; the
// root's is empty. A removed node has its last path.
func (n *node) path() string {
	var names []string
	for ; n.parent != nil; n = n.parent {
		names = append(names, n.name)
	}
	slices.Reverse(names)
	return strings.Join(names, `\`)
}

// release is called when the last open of the node has closed. Allocation
// beyond the end of the file goes, [MS-FSA] 2.1.5.5 phase 4, and a removed
// node gives back what it took of the volume.
func (n *node) release() {
	if len(n.opens) > 0 {
		return
	}
	n.content.trimAllocation()
	if n.removed && !n.released {
		n.released = true
		n.content.discard()
		n.volume.nodes--
	}
}

// touch notes that the directory's entries changed now, [MS-FSA] 2.1.5.15.12.
func (n *node) touch() {
	now := n.volume.now()
	n.accessed, n.written, n.changed = now, now, now
}

// up returns the directory that ".." stands for.
func (n *node) up() *node {
	if n.parent == nil {
		return n
	}
	return n.parent
}

// within reports whether n is other or lies below it.
func (n *node) within(other *node) bool {
	for ; n != nil; n = n.parent {
		if n == other {
			return true
		}
	}
	return false
}

// pathUnits returns the length of the path in UTF-16 units.
func (n *node) pathUnits() int {
	if n.parent == nil {
		return 0
	}
	return n.parent.unitsWith(n.name)
}

// unitsWith returns what the length of an entry's path would be.
func (n *node) unitsWith(leaf string) int {
	units := utf16Len(leaf)
	for ; n.parent != nil; n = n.parent {
		units += utf16Len(n.name) + 1
	}
	return units
}

// depthUnits returns by how many UTF-16 units the longest path below n is
// longer than its own. The depth of the recursion is bounded by the length of
// a path.
func (n *node) depthUnits() int {
	longest := 0
	for _, c := range n.children {
		longest = max(longest, 1+utf16Len(c.name)+c.depthUnits())
	}
	return longest
}

// child returns the entry of a directory with this name or 8.3 name in any case,
// or nil.
func (n *node) child(name string) *node {
	key := fold(name)
	if i, ok := n.search(key); ok {
		return n.children[i]
	}
	return n.childByShortName(key)
}

func (n *node) search(key string) (int, bool) {
	return slices.BinarySearchFunc(n.children, key, func(c *node, key string) int { return cmp.Compare(c.key, key) })
}

// insert adds c, whose name is not taken.
func (n *node) insert(c *node) {
	i, _ := n.search(c.key)
	n.children = slices.Insert(n.children, i, c)
}

// take takes c out.
func (n *node) take(c *node) {
	if i, ok := n.search(c.key); ok {
		n.children = slices.Delete(n.children, i, i+1)
	}
}
