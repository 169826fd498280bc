package smb

import "fmt"

// DirectoryEntry is what QUERY_DIRECTORY says of one file, [MS-FSCC] 2.4.10,
// .15, .8, .33, .22 and .24. A class carries some of it: FileNamesInformation
// only FileIndex and Name, the others all but what is noted. Sizes are in
// bytes.
type DirectoryEntry struct {
	FileIndex      uint32
	Times          FileTimes
	EndOfFile      uint64
	AllocationSize uint64
	Attributes     FileAttributes
	EASize         uint32 // or the reparse tag; not in FileDirectoryInformation
	ShortName      string // the 8.3 name, at most 12 UTF-16 units; in the "Both" classes
	FileID         uint64 // in the "Id" classes
	Name           string
}

// directoryClass says which parts a class carries.
type directoryClass struct{ namesOnly, ea, shortName, fileID bool }

var directoryClasses = map[uint8]directoryClass{
	FileDirectoryInformation:       {},
	FileFullDirectoryInformation:   {ea: true},
	FileBothDirectoryInformation:   {ea: true, shortName: true},
	FileNamesInformation:           {namesOnly: true},
	FileIdBothDirectoryInformation: {ea: true, shortName: true, fileID: true},
	FileIdFullDirectoryInformation: {ea: true, fileID: true},
}

// shortNameSize is the length of the ShortName field.
const shortNameSize = 24

// appendEntry appends e behind its NextEntryOffset.
func (c directoryClass) appendEntry(b []byte, e *DirectoryEntry) []byte {
	b = le.AppendUint32(b, e.FileIndex)
	if !c.namesOnly {
		b = e.Times.appendTo(b)
		b = le.AppendUint64(b, e.EndOfFile)
		b = le.AppendUint64(b, e.AllocationSize)
		b = le.AppendUint32(b, uint32(e.Attributes))
	}
	size := len(b)
	b = le.AppendUint32(b, 0) // FileNameLength
	if c.ea {
		b = le.AppendUint32(b, e.EASize)
	}
	if c.shortName {
		short := appendUTF16(nil, e.ShortName)
		short = short[:min(len(short), shortNameSize)]
		b = append(b, byte(len(short)), 0)
		b = append(b, short...)
		b = appendZero(b, shortNameSize-len(short))
	}
	if c.fileID {
		if c.shortName {
			b = appendZero(b, 2) // Reserved2
		} else {
			b = appendZero(b, 4) // Reserved
		}
		b = le.AppendUint64(b, e.FileID)
	}
	name := len(b)
	b = appendUTF16(b, e.Name)
	le.PutUint32(b[size:], uint32(len(b)-name))
	return b
}

// entry reads what appendEntry writes.
func (c directoryClass) entry(d *decoder) DirectoryEntry {
	e := DirectoryEntry{FileIndex: d.u32("FileIndex")}
	if !c.namesOnly {
		e.Times = d.fileTimes()
		e.EndOfFile, e.AllocationSize = d.u64("EndOfFile"), d.u64("AllocationSize")
		e.Attributes = FileAttributes(d.u32("FileAttributes"))
	}
	size := d.u32("FileNameLength")
	if c.ea {
		e.EASize = d.u32("EaSize")
	}
	if c.shortName {
		n := d.u8("ShortNameLength")
		d.skip("Reserved", 1)
		short := d.next("ShortName", shortNameSize)
		if n > shortNameSize || n%2 != 0 {
			d.fail("ShortNameLength", "is %d", n)
		}
		if d.err == nil {
			e.ShortName = decodeUTF16(short[:n])
		}
	}
	if c.fileID {
		if c.shortName {
			d.skip("Reserved2", 2)
		} else {
			d.skip("Reserved", 4)
		}
		e.FileID = d.u64("FileId")
	}
	e.Name = d.nextText("FileName", uint64(size))
	return e
}

// DirectoryList fills the output of a QUERY_DIRECTORY response entry by entry.
type DirectoryList struct {
	class directoryClass
	limit uint64
	list  listWriter
	out   []byte
}

// NewDirectoryList begins a list of the class of at most limit bytes. It
// returns nil if QUERY_DIRECTORY has no such class here.
func NewDirectoryList(class uint8, limit uint32) *DirectoryList {
	c, ok := directoryClasses[class]
	if !ok {
		return nil
	}
	return &DirectoryList{class: c, limit: uint64(limit), list: listWriter{align: 8}}
}

// Add appends an entry and reports whether there was room for it; without room
// the list stays as it was.
func (l *DirectoryList) Add(e *DirectoryEntry) bool {
	list, out := l.list, l.out
	grown := l.class.appendEntry(l.list.next(out), e)
	if uint64(len(grown)) <= l.limit {
		l.out = grown
		return true
	}
	l.list = list
	if list.begun {
		le.PutUint32(out[list.last:], 0) // it may lead to the entry that is not there
	}
	return false
}

// Bytes returns the list, which Add may change until it is sent.
func (l *DirectoryList) Bytes() []byte { return l.out }

// ParseDirectory decodes a list of the class.
func ParseDirectory(class uint8, b []byte) ([]DirectoryEntry, error) {
	c, ok := directoryClasses[class]
	if !ok {
		return nil, &DecodeError{"directory list", "FileInformationClass", fmt.Sprintf("is %d, which is not known", class)}
	}
	info := findInfo(InfoFile, class)
	var entries []DirectoryEntry
	err := readList(info.name, b, uint32(info.size), func(d *decoder) {
		entries = append(entries, c.entry(d))
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}
