package smb

import "math"

// EAInfo is a FileEaInformation, [MS-FSCC] 2.4.13, of 4 bytes.
type EAInfo struct {
	Size uint32 // EaSize: of all extended attributes together, in bytes
}

func (*EAInfo) Class() (InfoType, uint8) { return InfoFile, FileEaInformation }

func (i *EAInfo) appendTo(b []byte) []byte { return le.AppendUint32(b, i.Size) }
func (i *EAInfo) decode(d *decoder)        { i.Size = d.u32("EaSize") }

// EANeeded marks an extended attribute without which a program cannot make
// sense of the file: FILE_NEED_EA.
const EANeeded uint8 = 0x80

// EA is an extended attribute, [MS-FSCC] 2.4.16.
type EA struct {
	Flags uint8
	Name  string // ASCII, less than 255 bytes
	Value []byte // less than 64 KiB; in a SET_INFO an empty one deletes the attribute
}

// FullEAInfo is a FileFullEaInformation, [MS-FSCC] 2.4.16: a list, also the data
// of the create context ContextEAs. A QUERY_INFO may name the attributes that
// it wants in its Input, for ParseEANames.
type FullEAInfo struct {
	EAs []EA
}

func (*FullEAInfo) Class() (InfoType, uint8) { return InfoFile, FileFullEaInformation }

func (i *FullEAInfo) appendTo(b []byte) []byte {
	list := listWriter{align: 4}
	for _, ea := range i.EAs {
		name, value := ea.Name[:min(len(ea.Name), math.MaxUint8)], ea.Value[:min(len(ea.Value), math.MaxUint16)]
		b = list.next(b)
		b = append(b, ea.Flags, byte(len(name)))
		b = le.AppendUint16(b, uint16(len(value)))
		b = append(append(b, name...), 0)
		b = append(b, value...)
	}
	return b
}

func (i *FullEAInfo) decode(d *decoder) {
	i.EAs = nil
	d.err = readList(d.what, d.msg, 9, func(d *decoder) {
		ea := EA{Flags: d.u8("Flags")}
		nameSize, valueSize := d.u8("EaNameLength"), d.u16("EaValueLength")
		ea.Name = d.eaName(nameSize)
		ea.Value = d.next("EaValue", uint64(valueSize))
		i.EAs = append(i.EAs, ea)
	})
}

// AppendEANames encodes the names of extended attributes for the Input of a
// QUERY_INFO of FileFullEaInformation, [MS-FSCC] 2.4.16.1.
func AppendEANames(b []byte, names []string) []byte {
	list := listWriter{align: 4}
	for _, name := range names {
		name = name[:min(len(name), math.MaxUint8)]
		b = list.next(b)
		b = append(b, byte(len(name)))
		b = append(append(b, name...), 0)
	}
	return b
}

// ParseEANames decodes them.
func ParseEANames(b []byte) ([]string, error) {
	var names []string
	err := readList("FILE_GET_EA_INFORMATION", b, 6, func(d *decoder) {
		names = append(names, d.eaName(d.u8("EaNameLength")))
	})
	if err != nil {
		return nil, err
	}
	return names, nil
}

// eaName reads a name of n bytes and the NUL behind it.
func (d *decoder) eaName(n uint8) string {
	b := d.next("EaName", uint64(n)+1)
	if b == nil {
		return ""
	}
	if b[n] != 0 {
		d.fail("EaName", "does not end with NUL")
	}
	return string(b[:n])
}
