package lab

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"err32/smb"
)

// testTime is a clock that goes on by a second each time it is read.
func testTime() func() time.Time {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

func newTestVolume(nodes int) *volume {
	return newVolume(volumeLimits{Bytes: 1 << 20, Nodes: nodes}, testTime())
}

// make creates what path names: a directory when it ends in a backslash.
func (v *volume) make(t *testing.T, path string) *node {
	t.Helper()
	_, parent, leaf, status := v.lookup(path)
	if status != smb.StatusObjectNameNotFound {
		t.Fatalf("looking up %q: %v", path, status)
	}
	n, status := v.create(parent, leaf, strings.HasSuffix(path, `\`), 0)
	if status != smb.StatusSuccess {
		t.Fatalf("creating %q: %v", path, status)
	}
	return n
}

// dirEntry is an entry of a listing: the name is the node's, or "." or "..".
type dirEntry struct {
	name string
	node *node
}

// entries lists a directory as QUERY_DIRECTORY does.
func entries(dir *node, pattern string) []dirEntry {
	var list []dirEntry
	newListing(pattern).walk(dir, func(name string, n *node) bool {
		list = append(list, dirEntry{name, n})
		return true
	}, false)
	return list
}

func names(list []dirEntry) []string {
	var s []string
	for _, e := range list {
		s = append(s, e.name)
	}
	return s
}

func TestLookup(t *testing.T) {
	v := newTestVolume(20)
	d := v.make(t, `Dir\`)
	f := v.make(t, `dir\File.txt`)
	long := strings.Repeat("ж", 255)
	for _, tt := range []struct {
		path   string
		n      *node
		parent *node
		leaf   string
		status smb.NTStatus
	}{
		{"", v.root, nil, "", smb.StatusSuccess},
		{"DIR", d, v.root, "DIR", smb.StatusSuccess},
		{`dir\`, d, v.root, "dir", smb.StatusSuccess},
		{`dir\file.TXT`, f, d, "file.TXT", smb.StatusSuccess},
		{`dir\\file.txt`, f, d, "file.txt", smb.StatusSuccess},
		{`dir\file.txt::$Data`, f, d, "file.txt", smb.StatusSuccess},
		{`dir\file.txt\`, f, d, "file.txt", smb.StatusObjectNameInvalid},
		{`dir::$DATA`, d, v.root, "dir", smb.StatusFileIsADirectory},
		{`dir\new`, nil, d, "new", smb.StatusObjectNameNotFound},
		{`new\`, nil, v.root, "new", smb.StatusObjectNameNotFound},
		{"new::$DATA", nil, v.root, "new", smb.StatusObjectNameNotFound},
		{long, nil, v.root, long, smb.StatusObjectNameNotFound},
		{`none\new`, nil, nil, "", smb.StatusObjectPathNotFound},
		{`dir\file.txt\new`, nil, nil, "", smb.StatusObjectPathNotFound},
		{`dir\file.txt\..\..\dir`, d, v.root, "dir", smb.StatusSuccess},
		{`dir\file.txt\..\none`, nil, d, "none", smb.StatusObjectNameNotFound},
		{".", v.root, nil, "", smb.StatusSuccess},
		{`dir\..`, v.root, nil, "", smb.StatusSuccess},
		{`dir\..\dir`, nil, nil, "", smb.StatusInvalidParameter}, // [MS-SMB2] 3.3.5.9, note 303
		{"..", nil, nil, "", smb.StatusObjectPathSyntaxBad},
		{`..\..\..`, nil, nil, "", smb.StatusObjectPathSyntaxBad}, // smbtorture's smb2.mkdir
		{`dir\file.txt\..\..\..`, nil, nil, "", smb.StatusObjectPathSyntaxBad},
		{`\dir`, nil, nil, "", smb.StatusInvalidParameter},
		{`\`, nil, nil, "", smb.StatusInvalidParameter},
		{long + "n", nil, nil, "", smb.StatusObjectNameInvalid},
		{strings.Repeat("𝄞", 128), nil, nil, "", smb.StatusObjectNameInvalid}, // 256 UTF-16 units
		{strings.Repeat(`d\`, 16380) + "d", nil, nil, "", smb.StatusObjectNameInvalid},
		{"::$DATA", nil, nil, "", smb.StatusObjectNameInvalid},
		{`dir\::$DATA`, nil, nil, "", smb.StatusObjectNameInvalid},
		{`new::$DATA\`, nil, nil, "", smb.StatusObjectNameInvalid},
		{`new:s:$DATA`, nil, nil, "", smb.StatusObjectNameInvalid},
		{`dir::$INDEX_ALLOCATION`, nil, nil, "", smb.StatusObjectNameInvalid},
		{"a\xff", nil, nil, "", smb.StatusObjectNameInvalid},
	} {
		n, parent, leaf, status := v.lookup(tt.path)
		if n != tt.n || parent != tt.parent || leaf != tt.leaf || status != tt.status {
			t.Errorf("%.40q: %v, %v, %.20q, %v", tt.path, n, parent, leaf, status)
		}
	}
	for c := range rune(0x80) {
		bad := c < 0x20 || strings.ContainsRune(`"*/:<>?|`, c)
		_, _, _, status := v.lookup("a" + string(c) + "b")
		want := smb.StatusObjectNameNotFound
		if bad {
			want = smb.StatusObjectNameInvalid
		}
		if c == '\\' {
			want = smb.StatusObjectPathNotFound
		}
		if status != want {
			t.Errorf("with %q: %v", c, status)
		}
	}
	d.deletePending = true
	if n, _, _, status := v.lookup("dir"); n != d || status != smb.StatusSuccess {
		t.Errorf("a directory that waits for its deletion: %v", status)
	}
	if _, _, _, status := v.lookup(`dir\new`); status != smb.StatusDeletePending {
		t.Errorf("in a directory that waits for its deletion: %v", status)
	}
	if _, status := v.create(d, "new", false, 0); status != smb.StatusDeletePending {
		t.Errorf("creating there: %v", status)
	}
}

func TestCreate(t *testing.T) {
	v := newTestVolume(4)
	rootWritten := v.root.written
	f, status := v.create(v.root, "Name", false, smb.AttributeReadonly|smb.AttributeNormal|smb.AttributeDirectory|smb.AttributeReparsePoint)
	wantStatus(t, "create", status, smb.StatusSuccess)
	if f.attributes() != smb.AttributeReadonly|attributeArchive || f.dir || f.name != "Name" || f.path() != "Name" || f.parent != v.root {
		t.Errorf("%v %q", f.attributes(), f.path())
	}
	if f.attrs = 0; f.attributes() != smb.AttributeNormal {
		t.Errorf("no attributes: %v", f.attributes())
	}
	if !v.root.written.After(rootWritten) || !f.created.Equal(f.changed) || f.created.IsZero() {
		t.Error("the times are wrong")
	}
	_, status = v.create(v.root, "NAME", true, 0)
	wantStatus(t, "the same name", status, smb.StatusObjectNameCollision)
	_, status = v.create(f, "below", false, 0)
	wantStatus(t, "in a file", status, smb.StatusObjectPathNotFound)
	for _, name := range []string{"", ".", "..", `a\b`, "a*"} {
		_, status = v.create(v.root, name, false, 0)
		wantStatus(t, name, status, smb.StatusObjectNameInvalid)
	}
	_, status = v.create(nil, "", true, 0)
	wantStatus(t, "the root", status, smb.StatusObjectNameInvalid)
	_, status = v.create(newTestVolume(1).root, "a", false, 0)
	wantStatus(t, "on another volume", status, smb.StatusNotSameDevice)

	d := v.make(t, `d\`)
	if d.attributes() != smb.AttributeDirectory || d.id == f.id || d.id == v.root.id {
		t.Errorf("%v, ids %d %d %d", d.attributes(), v.root.id, f.id, d.id)
	}
	v.make(t, `d\1`)
	v.make(t, `d\2`)
	_, status = v.create(d, "3", false, 0)
	wantStatus(t, "one too many", status, smb.StatusDiskFull)
}

func TestRemove(t *testing.T) {
	v := newTestVolume(3)
	d := v.make(t, `d\`)
	f := v.make(t, `d\f`)
	wantStatus(t, "write", f.content.writeAt([]byte("text"), 0), smb.StatusSuccess)
	wantStatus(t, "root", v.remove(v.root), smb.StatusCannotDelete)
	wantStatus(t, "not empty", v.remove(d), smb.StatusDirectoryNotEmpty)

	f.opens = []*open{{}}
	f.release() // it is in the tree
	wantStatus(t, "open", v.remove(f), smb.StatusSuccess)
	wantStatus(t, "again", v.remove(f), smb.StatusDeletePending)
	if _, _, _, status := v.lookup(`d\f`); status != smb.StatusObjectNameNotFound {
		t.Errorf("a removed file: %v", status)
	}
	if f.path() != `d\f` || v.bytes != clusterSize || v.nodes != 2 {
		t.Errorf("a removed open file: %q, %d bytes, %d nodes", f.path(), v.bytes, v.nodes)
	}
	again := v.make(t, `d\f`)
	if again.id == f.id {
		t.Error("an id is used again")
	}
	b := make([]byte, 9)
	if n := f.content.readAt(b, 0); string(b[:n]) != "text" {
		t.Errorf("a removed file reads %q", b[:n])
	}
	f.release() // still open
	if v.bytes != clusterSize {
		t.Error("released while open")
	}
	f.opens = nil
	f.release()
	f.release()
	if v.bytes != 0 || v.nodes != 2 {
		t.Errorf("after the release: %d bytes, %d nodes", v.bytes, v.nodes)
	}
	wantStatus(t, "write", again.content.writeAt([]byte("text"), 0), smb.StatusSuccess)
	again.release()
	if v.bytes != clusterSize {
		t.Error("a file that is in the tree was released")
	}
	wantStatus(t, "closed", v.remove(again), smb.StatusSuccess)
	wantStatus(t, "empty", v.remove(d), smb.StatusSuccess)
	if v.bytes != 0 || v.nodes != 0 {
		t.Errorf("at the end: %d bytes, %d nodes", v.bytes, v.nodes)
	}
	_, status := v.create(d, "new", false, 0)
	wantStatus(t, "in a removed directory", status, smb.StatusDeletePending)
}

func TestRename(t *testing.T) {
	v := newTestVolume(20)
	a, b := v.make(t, `a\`), v.make(t, `b\`)
	f, g := v.make(t, `a\f`), v.make(t, `b\g`)
	wantStatus(t, "onto another", v.rename(f, b, "G"), smb.StatusObjectNameCollision)
	wantStatus(t, "to itself", v.rename(f, a, "f"), smb.StatusSuccess)
	changed := f.changed
	f.attrs = 0
	wantStatus(t, "case", v.rename(f, a, "F"), smb.StatusSuccess)
	if f.path() != `a\F` || !f.changed.After(changed) || f.attrs != attributeArchive || len(a.children) != 1 {
		t.Errorf("%q, %v, %v", f.path(), f.changed, f.attrs)
	}
	aWritten, bWritten := a.written, b.written
	wantStatus(t, "move", v.rename(f, b, "new"), smb.StatusSuccess)
	if n, _, _, _ := v.lookup(`B\NEW`); n != f || len(a.children) != 0 || !a.written.After(aWritten) || !b.written.After(bWritten) {
		t.Error("the file was not moved")
	}
	wantStatus(t, "a directory", v.rename(b, a, "c"), smb.StatusSuccess)
	if g.path() != `a\c\g` || b.attrs != smb.AttributeDirectory {
		t.Errorf("%q, %v", g.path(), b.attrs)
	}
	wantStatus(t, "into itself", v.rename(a, a, "x"), smb.StatusAccessDenied)
	wantStatus(t, "below itself", v.rename(a, b, "x"), smb.StatusAccessDenied)
	wantStatus(t, "into a file", v.rename(f, g, "x"), smb.StatusObjectPathNotFound)
	wantStatus(t, "root", v.rename(v.root, a, "x"), smb.StatusAccessDenied)
	wantStatus(t, "to the root", v.rename(f, nil, ""), smb.StatusObjectNameInvalid)
	wantStatus(t, "a bad name", v.rename(f, a, "x*"), smb.StatusObjectNameInvalid)
	wantStatus(t, "to another volume", v.rename(f, newTestVolume(1).root, "x"), smb.StatusNotSameDevice)
	f.deletePending = true
	wantStatus(t, "what goes", v.rename(f, a, "x"), smb.StatusAccessDenied)
	f.deletePending = false
	a.deletePending = true
	wantStatus(t, "into what goes", v.rename(f, a, "x"), smb.StatusDeletePending)
}

// TestPathLimit: no move makes a path that is too long to be sent, at any depth.
func TestPathLimit(t *testing.T) {
	v := newTestVolume(1000)
	chain := func(first string) (top, bottom *node) {
		top = v.make(t, first+`\`)
		bottom = top
		for bottom.pathUnits()+256 <= 20_000 {
			n, status := v.create(bottom, strings.Repeat("n", 255), true, 0)
			wantStatus(t, "create", status, smb.StatusSuccess)
			bottom = n
		}
		return top, bottom
	}
	top, bottom := chain("1")
	other, otherBottom := chain("2")
	if got, want := bottom.pathUnits(), len(bottom.path()); got != want || top.depthUnits() != want-1 {
		t.Errorf("%d and %d units below, of %d", got, top.depthUnits(), want)
	}
	wantStatus(t, "too deep", v.rename(top, otherBottom, "1"), smb.StatusObjectNameInvalid)
	high := other
	for high.pathUnits()+1+1+top.depthUnits() <= maxPathUnits {
		high = high.children[0]
	}
	wantStatus(t, "one too deep", v.rename(top, high, "1"), smb.StatusObjectNameInvalid)
	wantStatus(t, "just not too deep", v.rename(top, high.parent, "1"), smb.StatusSuccess)
	if got := len(bottom.path()); got > maxPathUnits {
		t.Errorf("a path of %d", got)
	}
	n := bottom
	for n.unitsWith(strings.Repeat("n", 255)) <= maxPathUnits {
		c, status := v.create(n, strings.Repeat("n", 255), true, 0)
		wantStatus(t, "create", status, smb.StatusSuccess)
		n = c
	}
	_, status := v.create(n, strings.Repeat("n", 255), true, 0)
	wantStatus(t, "create too deep", status, smb.StatusObjectNameInvalid)
}

func TestEntries(t *testing.T) {
	v := newTestVolume(20)
	d := v.make(t, `d\`)
	for _, name := range []string{"b.txt", "a", "C.TXT", "ab"} {
		v.make(t, `d\`+name)
	}
	for pattern, want := range map[string][]string{
		"":      {".", "..", "a", "ab", "b.txt", "C.TXT"},
		"*":     {".", "..", "a", "ab", "b.txt", "C.TXT"},
		"*.*":   {".", "..", "a", "ab", "b.txt", "C.TXT"},
		"<.txt": {"b.txt", "C.TXT"},
		"A*":    {"a", "ab"},
		"c.txt": {"C.TXT"},
		".":     nil,
		"none":  nil,
		"?":     {".", "..", "a"},
	} {
		if got := names(entries(d, pattern)); !slices.Equal(got, want) {
			t.Errorf("%s: %q", pattern, got)
		}
	}
	all := entries(d, "*")
	if all[0].node != d || all[1].node != v.root || all[2].node.path() != `d\a` {
		t.Error("the entries are not the right nodes")
	}
	all = entries(v.root, "*")
	if !slices.Equal(names(all), []string{".", "..", "d"}) || all[0].node != v.root || all[1].node != v.root {
		t.Errorf("the root has %q", names(all))
	}
}

// TestManyNodes goes through the order of children while they come and go.
func TestManyNodes(t *testing.T) {
	v := newTestVolume(2000)
	for i := range 2000 {
		v.make(t, fmt.Sprintf("n%d", i*7919%2000))
	}
	for i := range 1000 {
		n, _, _, status := v.lookup(fmt.Sprintf("N%d", i*2))
		wantStatus(t, "lookup", status, smb.StatusSuccess)
		wantStatus(t, "remove", v.remove(n), smb.StatusSuccess)
	}
	if list := entries(v.root, "*"); len(list) != 1002 || !slices.IsSortedFunc(list, func(a, b dirEntry) int { return strings.Compare(a.node.key, b.node.key) }) {
		t.Errorf("%d entries", len(list))
	}
	if v.nodes != 1000 {
		t.Errorf("%d nodes", v.nodes)
	}
}
