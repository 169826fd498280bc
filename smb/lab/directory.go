package lab

import (
	"err32/smb"
)

// listing is where an open's QUERY_DIRECTORY goes on. It knows the name it has
// come to and no more, so that it costs nothing, and whatever comes and goes in
// the directory meanwhile, each file that stays is listed once.
type listing struct {
	text    string // the pattern
	pattern *pattern
	dots    int    // how many of "." and ".." are behind
	last    string // the key of the last entry listed
	done    bool
}

// queryDirectory lists a directory, [MS-SMB2] 3.3.5.18 and [MS-FSA] 2.1.5.6.3.
func (r *request) queryDirectory(m *smb.QueryDirectoryRequest) (smb.Message, smb.NTStatus) {
	o, status := r.fileOpen(m.FileID)
	if status != smb.StatusSuccess {
		return nil, status
	}
	list := smb.NewDirectoryList(m.Class, m.MaxOutput)
	switch size, _ := smb.InfoSize(smb.InfoFile, m.Class); {
	case o.node == nil || !o.node.dir, m.MaxOutput > r.conn.response.MaxTransactSize:
		return nil, smb.StatusInvalidParameter
	case o.access&smb.FileReadData == 0: // FILE_LIST_DIRECTORY
		return nil, smb.StatusAccessDenied
	case list == nil:
		return nil, smb.StatusInvalidInfoClass
	case int64(m.MaxOutput) < int64(size):
		return nil, smb.StatusInfoLengthMismatch
	}
	first := o.listing == nil || m.Flags&smb.DirectoryReopen != 0
	switch restart := m.Flags&smb.DirectoryRestart != 0; {
	case first, restart && m.Pattern != "":
		if !validPattern(m.Pattern) {
			return nil, smb.StatusObjectNameInvalid
		}
		o.listing = newListing(m.Pattern)
	case restart:
		o.listing = newListing(o.listing.text)
	}
	full := false
	o.listing.walk(o.node, func(name string, n *node) bool {
		full = !list.Add(entryOf(name, n))
		return !full
	}, m.Flags&smb.DirectorySingleEntry != 0)
	o.noteRead(r.server().now())
	switch {
	case len(list.Bytes()) > 0:
		return &smb.QueryDirectoryResponse{Output: list.Bytes()}, smb.StatusSuccess
	case full:
		if first {
			o.listing = nil
		}
		return nil, smb.StatusInfoLengthMismatch
	case first:
		return nil, smb.StatusNoSuchFile
	}
	return nil, smb.StatusNoMoreFiles
}

// entryOf is what a listing says of a file.
func entryOf(name string, n *node) *smb.DirectoryEntry {
	e := &smb.DirectoryEntry{Times: n.times(), Attributes: n.attributes(), FileID: n.id, Name: name}
	if name == n.name && !isShortName(name) {
		e.ShortName = n.shortName()
	}
	if !n.dir {
		e.EndOfFile, e.AllocationSize = n.content.size(), n.content.allocation()
	}
	return e
}

func newListing(text string) *listing { return &listing{text: text, pattern: compilePattern(text)} }

// walk hands the entries that come next to add, in the order of their names,
// until it has no room for one, or after the first if only one is wanted. "."
// and ".." come first, both when the pattern has wildcards and matches ".", as
// smbd does it; the root has them too, both standing for itself.
func (l *listing) walk(dir *node, add func(name string, n *node) bool, single bool) {
	p := l.pattern
	for ; l.dots < 2 && p.wild && p.match("."); l.dots++ {
		name, n := ".", dir
		if l.dots == 1 {
			name, n = "..", dir.up()
		}
		if !add(name, n) {
			return
		}
		if single {
			l.dots++
			return
		}
	}
	if l.done {
		return
	}
	if !p.wild {
		n := dir.child(l.text)
		l.done = n == nil || add(n.name, n)
		return
	}
	i, found := dir.search(l.last)
	if found {
		i++
	}
	for ; i < len(dir.children); i++ {
		n := dir.children[i]
		if p.match(n.key) {
			if !add(n.name, n) {
				return
			}
			if single {
				l.last = n.key
				return
			}
		}
		l.last = n.key
	}
	l.done = true
}
