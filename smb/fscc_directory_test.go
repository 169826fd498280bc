package smb

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

const sampleDirTimes = "1111111111111111 2222222222222222 3333333333333333 4444444444444444"

// directorySamples are lists of two entries of every class, written by hand
// from [MS-FSCC] 2.4.10, .15, .8, .33, .22 and .24.
var directorySamples = []struct {
	class uint8
	b     string
}{
	{FileDirectoryInformation, `50000000 01000000 ` + sampleDirTimes + ` 0500000000000000 0010000000000000 80000000 0a000000
		61002e00740078007400 000000000000
		00000000 02000000 ` + sampleDirTimes + ` 0000000000000000 0000000000000000 10000000 08000000
		c40020003dd800de`},
	{FileFullDirectoryInformation, `50000000 01000000 ` + sampleDirTimes + ` 0500000000000000 0010000000000000 80000000 0a000000 09000000
		61002e00740078007400 0000
		00000000 02000000 ` + sampleDirTimes + ` 0000000000000000 0000000000000000 10000000 08000000 00000000
		c40020003dd800de`},
	{FileBothDirectoryInformation, `68000000 01000000 ` + sampleDirTimes + ` 0500000000000000 0010000000000000 80000000 0a000000 09000000
		06 00 41007e003100 000000000000000000000000000000000000
		61002e00740078007400
		00000000 02000000 ` + sampleDirTimes + ` 0000000000000000 0000000000000000 10000000 08000000 00000000
		00 00 000000000000000000000000000000000000000000000000
		c40020003dd800de`},
	{FileNamesInformation, `18000000 01000000 0a000000 61002e00740078007400 0000
		00000000 02000000 08000000 c40020003dd800de`},
	{FileIdBothDirectoryInformation, `78000000 01000000 ` + sampleDirTimes + ` 0500000000000000 0010000000000000 80000000 0a000000 09000000
		06 00 41007e003100 000000000000000000000000000000000000 0000 7700000000000000
		61002e00740078007400 000000000000
		00000000 02000000 ` + sampleDirTimes + ` 0000000000000000 0000000000000000 10000000 08000000 00000000
		00 00 000000000000000000000000000000000000000000000000 0000 7800000000000000
		c40020003dd800de`},
	{FileIdFullDirectoryInformation, `60000000 01000000 ` + sampleDirTimes + ` 0500000000000000 0010000000000000 80000000 0a000000 09000000 00000000 7700000000000000
		61002e00740078007400 000000000000
		00000000 02000000 ` + sampleDirTimes + ` 0000000000000000 0000000000000000 10000000 08000000 00000000 00000000 7800000000000000
		c40020003dd800de`},
}

// sampleEntries are those entries as far as the class carries them.
func sampleEntries(class uint8) []DirectoryEntry {
	entries := []DirectoryEntry{
		{FileIndex: 1, Times: sampleTimes, EndOfFile: 5, AllocationSize: 4096, Attributes: AttributeNormal, EASize: 9, ShortName: "A~1", FileID: 0x77, Name: "a.txt"},
		{FileIndex: 2, Times: sampleTimes, Attributes: AttributeDirectory, FileID: 0x78, Name: "Ä 😀"},
	}
	for i := range entries {
		e := &entries[i]
		switch class {
		case FileDirectoryInformation:
			e.EASize, e.ShortName, e.FileID = 0, "", 0
		case FileFullDirectoryInformation:
			e.ShortName, e.FileID = "", 0
		case FileBothDirectoryInformation:
			e.FileID = 0
		case FileIdFullDirectoryInformation:
			e.ShortName = ""
		case FileNamesInformation:
			*e = DirectoryEntry{FileIndex: e.FileIndex, Name: e.Name}
		}
	}
	return entries
}

// listOf encodes entries.
func listOf(t testing.TB, class uint8, entries []DirectoryEntry) []byte {
	t.Helper()
	list := NewDirectoryList(class, 1<<30)
	for i := range entries {
		if !list.Add(&entries[i]) {
			t.Fatalf("no room for entry %d", i)
		}
	}
	return list.Bytes()
}

func TestDirectory(t *testing.T) {
	if len(directorySamples) != len(directoryClasses) {
		t.Errorf("%d samples of %d classes", len(directorySamples), len(directoryClasses))
	}
	for _, s := range directorySamples {
		t.Run(findInfo(InfoFile, s.class).name, func(t *testing.T) {
			entries, want := sampleEntries(s.class), wireHex(t, s.b)
			if got := listOf(t, s.class, entries); !bytes.Equal(got, want) {
				t.Errorf("DirectoryList:\n got %x\nwant %x", got, want)
			}
			if got, err := ParseDirectory(s.class, want); err != nil || !reflect.DeepEqual(got, entries) {
				t.Errorf("ParseDirectory = %+v, %v", got, err)
			}
			hostile(t, want, func(b []byte) (any, error) {
				if len(b) == 0 {
					return entries, nil // an empty list is no list cut short
				}
				return ParseDirectory(s.class, b)
			})
			// A fixed part is at least as long as InfoSize says: with one byte
			// less even an entry without a name does not fit.
			size, _ := InfoSize(InfoFile, s.class)
			if NewDirectoryList(s.class, uint32(size-1)).Add(&DirectoryEntry{}) || !NewDirectoryList(s.class, uint32(size)).Add(&DirectoryEntry{}) {
				t.Errorf("an entry without a name does not have %d bytes", size)
			}
		})
	}
	if NewDirectoryList(FileBasicInformation, 100) != nil {
		t.Error("a list of FileBasicInformation")
	}
	if _, err := ParseDirectory(FileBasicInformation, nil); err == nil || !strings.Contains(err.Error(), "FileInformationClass is 4") {
		t.Errorf("ParseDirectory of FileBasicInformation: %v", err)
	}
}

// TestDirectoryListFills has lists of every size: what is in one is always
// sound and fits, and an entry that was refused leaves no trace.
func TestDirectoryListFills(t *testing.T) {
	for class := range directoryClasses {
		entries := sampleEntries(class)
		entries = append(entries, entries...)
		whole := listOf(t, class, entries)
		n := 0
		for limit := range len(whole) + 10 {
			list := NewDirectoryList(class, uint32(limit))
			added := 0
			for added < len(entries) && list.Add(&entries[added]) {
				added++
			}
			list.Add(&DirectoryEntry{Name: strings.Repeat("x", limit)}) // never fits
			b := list.Bytes()
			got, err := ParseDirectory(class, b)
			if err != nil || len(b) > limit || len(got) != added || added > 0 && !reflect.DeepEqual(got, entries[:added]) {
				t.Fatalf("class %d in %d bytes: %d entries, %x, %v", class, limit, added, b, err)
			}
			if added < n || (added == len(entries)) != (limit >= len(whole)) {
				t.Errorf("class %d in %d bytes: %d entries, with one byte less %d", class, limit, added, n)
			}
			n = added
		}
	}
}

func TestDirectoryShortName(t *testing.T) {
	b := listOf(t, FileBothDirectoryInformation, []DirectoryEntry{{ShortName: "ABCDEFGHIJKLM", Name: "n"}})
	got, err := ParseDirectory(FileBothDirectoryInformation, b)
	if err != nil || got[0].ShortName != "ABCDEFGHIJKL" || got[0].Name != "n" {
		t.Errorf("a short name of 13 characters: %+v, %v", got, err)
	}
	for _, n := range []byte{1, 25, 26, 0xFF} {
		b[68] = n // ShortNameLength
		if _, err := ParseDirectory(FileBothDirectoryInformation, b); err == nil || !strings.Contains(err.Error(), "FileBothDirectoryInformation[0]: ShortNameLength is") {
			t.Errorf("ShortNameLength %d: %v", n, err)
		}
	}
}

func FuzzParseDirectory(f *testing.F) {
	for _, s := range directorySamples {
		f.Add(s.class, listOf(f, s.class, sampleEntries(s.class)))
	}
	for _, name := range sessionFlows(f) {
		eachAnswer(f, loadSessionFlow(f, name), func(request, answer Message) {
			if list, ok := answer.(*QueryDirectoryResponse); ok {
				f.Add(request.(*QueryDirectoryRequest).Class, list.Output)
			}
		})
	}
	f.Fuzz(func(t *testing.T, class uint8, b []byte) {
		entries, err := ParseDirectory(class, b)
		if err != nil {
			if de := (*DecodeError)(nil); !errors.As(err, &de) || de.Field == "" {
				t.Fatalf("not a DecodeError with a field: %v", err)
			}
			return
		}
		again, err := ParseDirectory(class, listOf(t, class, entries))
		if err != nil || !reflect.DeepEqual(again, entries) {
			t.Fatalf("encoded again it is another list: %+v, %v\n%+v", again, err, entries)
		}
	})
}
