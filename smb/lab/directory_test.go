package lab

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"err32/smb"
)

// page asks for one page of a listing and returns the names on it.
func (h *hand) page(m *smb.QueryDirectoryRequest) ([]string, smb.NTStatus) {
	h.t.Helper()
	body, status := h.do(m)
	if body == nil {
		return nil, status
	}
	out := body.(*smb.QueryDirectoryResponse).Output
	if len(out) > int(m.MaxOutput) {
		h.t.Errorf("%d bytes, asked for %d", len(out), m.MaxOutput)
	}
	entries, err := smb.ParseDirectory(m.Class, out)
	if err != nil {
		h.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	return names, status
}

// pages asks until there are no more.
func (h *hand) pages(m smb.QueryDirectoryRequest) []string {
	h.t.Helper()
	var all []string
	for {
		names, status := h.page(&m)
		if status == smb.StatusNoMoreFiles {
			return all
		}
		if status != smb.StatusSuccess || len(names) == 0 {
			h.t.Fatalf("after %d names: %v with %d", len(all), status, len(names))
		}
		all = append(all, names...)
		m.Flags &^= smb.DirectoryRestart | smb.DirectoryReopen
	}
}

// directoryClasses are the classes a directory can be listed in.
var directoryClasses = []uint8{
	smb.FileDirectoryInformation, smb.FileFullDirectoryInformation, smb.FileBothDirectoryInformation,
	smb.FileNamesInformation, smb.FileIdBothDirectoryInformation, smb.FileIdFullDirectoryInformation,
}

func TestQueryDirectoryPages(t *testing.T) {
	h := newHand(t)
	defer h.close()
	dir := h.open("d", smb.DirectoryFile)
	want := []string{".", ".."}
	for i := range 300 {
		want = append(want, fmt.Sprintf("file with a name %03d", i))
		h.make(`d\`+want[len(want)-1], 0)
	}
	for _, class := range directoryClasses {
		for _, size := range []uint32{200, 1000, 4096, 64 << 10} {
			if got := h.pages(smb.QueryDirectoryRequest{Class: class, Flags: smb.DirectoryReopen, FileID: dir, Pattern: "*", MaxOutput: size}); !slices.Equal(got, want) {
				t.Errorf("class %d in pages of %d bytes: %d names, want %d", class, size, len(got), len(want))
			}
		}
		single := smb.QueryDirectoryRequest{Class: class, Flags: smb.DirectoryRestart | smb.DirectorySingleEntry, FileID: dir, Pattern: "*", MaxOutput: 4096}
		for i := range 5 {
			if names, status := h.page(&single); status != smb.StatusSuccess || !slices.Equal(names, want[i:i+1]) {
				t.Errorf("class %d, entry %d alone: %q, %v", class, i, names, status)
			}
			single.Flags &^= smb.DirectoryRestart
		}
	}
}

func TestQueryDirectoryPatterns(t *testing.T) {
	h := newHand(t)
	defer h.close()
	dir := h.open("d", smb.DirectoryFile)
	for _, name := range []string{"a.txt", "B.TXT", "c.doc", "a long name.text"} {
		h.make(`d\`+name, 0)
	}
	for _, test := range []struct {
		pattern string
		want    []string
	}{
		{"", []string{".", "..", "a long name.text", "a.txt", "B.TXT", "c.doc"}},
		{"*.txt", []string{"a.txt", "B.TXT"}},
		{"A.TXT", []string{"a.txt"}},
		{"?.*", []string{"a.txt", "B.TXT", "c.doc"}},
		{"c*", []string{"c.doc"}},
	} {
		m := smb.QueryDirectoryRequest{Class: smb.FileNamesInformation, Flags: smb.DirectoryReopen, FileID: dir, Pattern: test.pattern, MaxOutput: 4096}
		if got := h.pages(m); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.pattern, got, test.want)
		}
	}
	m := smb.QueryDirectoryRequest{Class: smb.FileNamesInformation, FileID: dir, Pattern: "none", MaxOutput: 4096, Flags: smb.DirectoryReopen}
	h.want(smb.StatusNoSuchFile, &m)
	for _, dots := range []string{".", ".."} { // without a wildcard they match nothing, as TestPatternsLikeSamba has it from smbd
		h.want(smb.StatusNoSuchFile, &smb.QueryDirectoryRequest{Class: m.Class, FileID: dir, Pattern: dots, MaxOutput: m.MaxOutput, Flags: m.Flags})
	}
	m.Flags = smb.DirectoryReopen
	h.want(smb.StatusNoSuchFile, &m)
	m.Flags = 0
	h.want(smb.StatusNoMoreFiles, &m)
	m.Flags = smb.DirectoryRestart
	h.want(smb.StatusNoMoreFiles, &m)
	m.Flags = smb.DirectoryReopen
	h.want(smb.StatusNoSuchFile, &m)
}

func TestQueryDirectoryRefused(t *testing.T) {
	h := newHand(t)
	defer h.close()
	dir := h.open("d", smb.DirectoryFile)
	h.make(`d\a name that takes more than sixteen bytes`, 0)
	base := smb.QueryDirectoryRequest{Class: smb.FileDirectoryInformation, FileID: dir, Pattern: "*", MaxOutput: 4096}
	for _, test := range []struct {
		what   string
		change func(*smb.QueryDirectoryRequest)
		status smb.NTStatus
	}{
		{"a file", func(m *smb.QueryDirectoryRequest) { m.FileID = h.open("f", 0) }, smb.StatusInvalidParameter},
		{"without FILE_LIST_DIRECTORY", func(m *smb.QueryDirectoryRequest) {
			m.FileID = h.openAs("d", smb.DirectoryFile, smb.FileReadAttributes)
		}, smb.StatusAccessDenied},
		{"a closed open", func(m *smb.QueryDirectoryRequest) { m.FileID.Volatile++ }, smb.StatusFileClosed},
		{"a class of files", func(m *smb.QueryDirectoryRequest) { m.Class = smb.FileBasicInformation }, smb.StatusInvalidInfoClass},
		{"a pattern with a path", func(m *smb.QueryDirectoryRequest) { m.Pattern = `d\*` }, smb.StatusObjectNameInvalid},
		{"less than an entry", func(m *smb.QueryDirectoryRequest) { m.MaxOutput = 63 }, smb.StatusInfoLengthMismatch},
		{"less than the entry there is", func(m *smb.QueryDirectoryRequest) { m.Pattern, m.MaxOutput = "a*", 80 }, smb.StatusInfoLengthMismatch},
		{"more than the server gives", func(m *smb.QueryDirectoryRequest) { m.MaxOutput = 8<<20 + 1 }, smb.StatusInvalidParameter},
	} {
		m := base
		test.change(&m)
		if _, status := h.do(&m); status != test.status {
			t.Errorf("%s: %v, want %v", test.what, status, test.status)
		}
	}
}

// TestQueryDirectoryChanges changes a directory while it is listed: what stays
// is listed once, and what is gone not at all.
func TestQueryDirectoryChanges(t *testing.T) {
	h := newHand(t)
	defer h.close()
	dir := h.open("d", smb.DirectoryFile)
	name := func(i int) string { return fmt.Sprintf("file%03d", i) }
	for i := range 100 {
		h.make(`d\`+name(i), 0)
	}
	m := smb.QueryDirectoryRequest{Class: smb.FileNamesInformation, FileID: dir, Pattern: "file*", MaxOutput: 1500}
	before, status := h.page(&m)
	if status != smb.StatusSuccess || len(before) < 10 || len(before) > 60 {
		t.Fatalf("the first page has %d names, %v", len(before), status)
	}
	last := len(before) - 1
	h.remove(`d\` + name(last)) // where the listing stands
	h.remove(`d\` + name(3))
	h.remove(`d\` + name(last+1))
	h.remove(`d\` + name(90))
	h.make(`d\file000 a`, 0) // behind it
	after := h.pages(m)
	var want []string
	for i := last + 2; i < 100; i++ {
		if i != 90 {
			want = append(want, name(i))
		}
	}
	if !slices.Equal(after, want) {
		t.Errorf("after the changes: %q, want %q", after, want)
	}
	h.make(`d\file999`, 0) // comes too late
	if names, status := h.page(&m); status != smb.StatusNoMoreFiles {
		t.Errorf("after the end: %q, %v", names, status)
	}
}

func TestQueryDirectoryLarge(t *testing.T) {
	h := newHand(t)
	defer h.close()
	dir := h.open("d", smb.DirectoryFile)
	h.s.mu.Lock()
	v := h.tree.share.volume
	parent := v.root.child("d")
	for i := range 99_000 {
		if _, status := v.create(parent, fmt.Sprintf("file%06d.txt", i), false, 0); status != smb.StatusSuccess {
			h.s.mu.Unlock()
			t.Fatal(status)
		}
	}
	h.s.mu.Unlock()
	begin := time.Now()
	got := h.pages(smb.QueryDirectoryRequest{Class: smb.FileIdBothDirectoryInformation, FileID: dir, Pattern: "*", MaxOutput: 64 << 10})
	if len(got) != 99_002 {
		t.Errorf("%d names, want 99002", len(got))
	}
	if slices.Sort(got[2:]); len(slices.Compact(got)) != 99_002 {
		t.Error("names come twice")
	}
	for range 100 { // by their names
		m := smb.QueryDirectoryRequest{Class: smb.FileIdBothDirectoryInformation, Flags: smb.DirectoryReopen, FileID: dir, Pattern: "FILE098765.txt", MaxOutput: 4096}
		if names, status := h.page(&m); status != smb.StatusSuccess || len(names) != 1 {
			t.Fatalf("one file of many: %q, %v", names, status)
		}
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("listing took %v", took)
	}
}
