package smb

import (
	"encoding/binary"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// DecodeError says which field of which message could not be decoded, and why.
type DecodeError struct {
	Message string // "CREATE response"
	Field   string // the specification's name of the field
	Reason  string
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("smb: %s: %s %s", e.Message, e.Field, e.Reason)
}

// decoder reads the little-endian fields of one message in order. The first
// error sticks: every later read returns zero. Offsets in SMB2 messages count
// from the start of the header, so msg is the whole message with it.
type decoder struct {
	what string // names the message in errors
	msg  []byte
	off  uint64
	err  error
}

func (d *decoder) fail(field, format string, args ...any) {
	if d.err == nil {
		d.err = &DecodeError{Message: d.what, Field: field, Reason: fmt.Sprintf(format, args...)}
	}
}

// next returns the next n bytes, or nil after an error.
func (d *decoder) next(field string, n uint64) []byte {
	if d.err != nil {
		return nil
	}
	if have := uint64(len(d.msg)); d.off > have || n > have-d.off {
		d.fail(field, "at offset %d (%d bytes) is outside the %d-byte message", d.off, n, have)
		return nil
	}
	b := d.msg[d.off : d.off+n : d.off+n]
	d.off += n
	return b
}

func (d *decoder) u8(field string) uint8 {
	if b := d.next(field, 1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) u16(field string) uint16 {
	if b := d.next(field, 2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) u32(field string) uint32 {
	if b := d.next(field, 4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) u64(field string) uint64 {
	if b := d.next(field, 8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) guid(field string) (g GUID) {
	copy(g[:], d.next(field, 16))
	return g
}

func (d *decoder) fileID(field string) FileID {
	return FileID{Persistent: d.u64(field), Volatile: d.u64(field)}
}

func (d *decoder) skip(field string, n uint64) { d.next(field, n) }

// size reads StructureSize and checks it.
func (d *decoder) size(want uint16) {
	if got := d.u16("StructureSize"); d.err == nil && got != want {
		d.fail("StructureSize", "is %d, not %d", got, want)
	}
}

// at returns the n bytes at offset off from the start of the header. Nothing
// is read, and off is not looked at, when n is 0. The fixed part has been read
// by now: a buffer that begins inside it or the header is refused.
func (d *decoder) at(field string, off, n uint64) []byte {
	if d.err != nil || n == 0 {
		return nil
	}
	have := uint64(len(d.msg))
	if off > have || n > have-off {
		d.fail(field, "at offset %d (%d bytes) is outside the %d-byte message", off, n, have)
		return nil
	}
	if off < d.off {
		d.fail(field, "at offset %d lies inside the %d bytes before it", off, d.off)
		return nil
	}
	return d.msg[off : off+n : off+n]
}

// text returns the UTF-16LE text at offset off. Unpaired surrogates become
// U+FFFD: a name is for showing and comparing, never sent back.
func (d *decoder) text(field string, off, n uint64) string {
	if n%2 != 0 {
		d.fail(field, "has the odd length %d for UTF-16", n)
		return ""
	}
	return decodeUTF16(d.at(field, off, n))
}

// decodeUTF16 decodes little-endian UTF-16; an odd last byte is dropped.
func decodeUTF16(b []byte) string {
	ascii := true
	for i := 1; i < len(b); i += 2 {
		if b[i] != 0 || b[i-1] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		s := make([]byte, len(b)/2)
		for i := range s {
			s[i] = b[2*i]
		}
		return string(s)
	}
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(u))
}

// appendUTF16 appends s in little-endian UTF-16.
func appendUTF16(b []byte, s string) []byte {
	for _, r := range s {
		if r < 0x10000 {
			b = append(b, byte(r), byte(r>>8))
			continue
		}
		hi, lo := utf16.EncodeRune(r)
		b = append(b, byte(hi), byte(hi>>8), byte(lo), byte(lo>>8))
	}
	return b
}

// maxText is the longest text a 16-bit length can name, in UTF-16 units.
const maxText = 0xFFFF / 2

// checkText refuses a text that is longer: its length would be sent modulo
// 65536, and name something else.
func checkText(s string) error {
	if len(s) <= maxText { // UTF-16 never has more units than UTF-8 has bytes
		return nil
	}
	if n := len(utf16.Encode([]rune(s))); n > maxText {
		return fmt.Errorf("the name has %d UTF-16 units; a message can carry %d", n, maxText)
	}
	return nil
}

var le = binary.LittleEndian

// appendZero appends n zero bytes.
func appendZero(b []byte, n int) []byte {
	return append(b, make([]byte, n)...)
}

// pad8 appends zero bytes until b, counted from start, is a multiple of 8 long.
func pad8(b []byte, start int) []byte {
	return appendZero(b, -(len(b)-start)&7)
}

// putOffset writes the offset of the end of b, counted from start, as a 16-bit
// field at pos.
func putOffset(b []byte, start, pos int) {
	le.PutUint16(b[pos:], uint16(len(b)-start))
}

// GUID is a 128-bit identifier in wire order.
type GUID [16]byte

// String returns the usual text form, whose first three groups are
// little-endian on the wire.
func (g GUID) String() string {
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", le.Uint32(g[0:]), le.Uint16(g[4:]), le.Uint16(g[6:]), g[8:10], g[10:])
}

// FileID is an SMB2_FILEID, [MS-SMB2] 2.2.14.1: the server's name of an open.
type FileID struct {
	Persistent uint64
	Volatile   uint64
}

// RelatedFileID stands for "the open of the previous request of this compound",
// [MS-SMB2] 3.2.4.1.4.
var RelatedFileID = FileID{^uint64(0), ^uint64(0)}

// String returns both parts as "0x…:0x…".
func (f FileID) String() string {
	return fmt.Sprintf("0x%X:0x%X", f.Persistent, f.Volatile)
}

func appendFileID(b []byte, f FileID) []byte {
	b = le.AppendUint64(b, f.Persistent)
	return le.AppendUint64(b, f.Volatile)
}
