package smb

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// NDRError says which field of an RPC message could not be encoded or decoded,
// and why.
type NDRError struct {
	Field  string // the specification's name of the field
	Offset uint64 // in bytes, from the start of the stub or of the PDU's body
	Reason string
}

func (e *NDRError) Error() string {
	return fmt.Sprintf("%s at byte %d %s", e.Field, e.Offset, e.Reason)
}

// maxNDRString is the longest string taken from the wire, in UTF-16 code units
// with the terminating NUL: twice what the longest Windows path needs.
const maxNDRString = 1 << 16

// ndr walks over the parameters of a call in transfer syntax NDR 2.0
// ([C706] chapter 14), little-endian, and either writes or reads them. The
// layout of a structure is therefore written once, as a function that names
// its fields in order, and serves client and server, encoder and decoder.
//
// A structure inside an array or behind a pointer is laid out twice: first its
// fixed part, in which a pointer is only a referent id, then what its pointers
// point to ([C706] 14.3.12.3). The same layout function runs for both passes;
// in the second one it skips all but the strings that are there. Only NULL and
// not-NULL are told apart: equal referent ids never mean the same object.
//
// The first error sticks; all later reads leave the values alone.
type ndr struct {
	writing bool
	err     error

	// Writing: buf is all that was written.
	// Reading: buf is the rest of the current chunk, off the number of bytes
	// read before it, more fetches the next chunk (nil or io.EOF: none).
	buf  []byte
	off  uint64
	more func() ([]byte, error)

	at uint64 // where the last value began

	deferring bool   // the second pass over a structure
	present   uint32 // its pointers that are not NULL, one bit each
	field     uint   // the number of the next pointer in it
	referents uint32 // written so far

	raw  []byte // a string that lies in several chunks
	text []byte // a string in UTF-8
}

func newNDRWriter() *ndr { return &ndr{writing: true} }

// newNDRReader reads from b and then from what more returns until io.EOF; more
// may be nil. A chunk is not touched any more once the next one was asked for.
func newNDRReader(b []byte, more func() ([]byte, error)) *ndr {
	return &ndr{buf: b, more: more}
}

func (n *ndr) fail(field, format string, args ...any) {
	if n.err == nil {
		n.err = &NDRError{Field: field, Offset: n.at, Reason: fmt.Sprintf(format, args...)}
	}
}

// pos is the number of bytes written or read.
func (n *ndr) pos() uint64 {
	if n.writing {
		return uint64(len(n.buf))
	}
	return n.off
}

// fetch replaces the empty buf by the next chunk.
func (n *ndr) fetch(field string) bool {
	if n.err != nil {
		return false
	}
	err := io.EOF
	if n.more != nil {
		n.buf, err = n.more()
	}
	switch {
	case errors.Is(err, io.EOF):
		n.at = n.off
		n.fail(field, "is missing: the stub ends here")
	case err != nil:
		n.err = err
	}
	return n.err == nil
}

// read fills b.
func (n *ndr) read(field string, b []byte) bool {
	for len(b) > 0 {
		if len(n.buf) == 0 {
			if !n.fetch(field) {
				return false
			}
			continue
		}
		k := copy(b, n.buf)
		n.buf, b, n.off = n.buf[k:], b[k:], n.off+uint64(k)
	}
	return n.err == nil
}

// align writes or skips the gap before a value of size bytes, a power of two.
func (n *ndr) align(field string, size uint64) {
	if gap := -n.pos() & (size - 1); gap != 0 {
		var pad [8]byte
		if n.writing {
			n.buf = append(n.buf, pad[:gap]...)
		} else {
			n.read(field, pad[:gap])
		}
	}
	n.at = n.pos()
}

func (n *ndr) uint8(field string, v *uint8) {
	if n.err != nil || n.deferring {
		return
	}
	n.align(field, 1)
	if n.writing {
		n.buf = append(n.buf, *v)
		return
	}
	var b [1]byte
	if n.read(field, b[:]) {
		*v = b[0]
	}
}

func (n *ndr) uint16(field string, v *uint16) {
	if n.err != nil || n.deferring {
		return
	}
	n.align(field, 2)
	if n.writing {
		n.buf = le.AppendUint16(n.buf, *v)
		return
	}
	var b [2]byte
	if n.read(field, b[:]) {
		*v = le.Uint16(b[:])
	}
}

func (n *ndr) uint32(field string, v *uint32) {
	if !n.deferring {
		n.dword(field, v)
	}
}

// dword is uint32 in either pass.
func (n *ndr) dword(field string, v *uint32) {
	if n.err != nil {
		return
	}
	n.align(field, 4)
	if n.writing {
		n.buf = le.AppendUint32(n.buf, *v)
		return
	}
	if len(n.buf) >= 4 {
		*v = le.Uint32(n.buf)
		n.buf, n.off = n.buf[4:], n.off+4
		return
	}
	var b [4]byte
	if n.read(field, b[:]) {
		*v = le.Uint32(b[:])
	}
}

// bytes lays out a fixed array of octets.
func (n *ndr) bytes(field string, b []byte) {
	if n.err != nil || n.deferring {
		return
	}
	n.align(field, 1)
	if n.writing {
		n.buf = append(n.buf, b...)
		return
	}
	n.read(field, b)
}

// constant lays out a value that can only be want.
func (n *ndr) constant(field string, want uint32) {
	v := want
	n.uint32(field, &v)
	if n.err == nil && v != want {
		n.fail(field, "is %d, not %d", v, want)
	}
}

// pointer lays out the referent id of a unique pointer.
func (n *ndr) pointer(field string, present *bool) {
	var id uint32
	if n.writing && *present {
		n.referents++
		id = 0x20000 + 4*(n.referents-1)
	}
	n.uint32(field, &id)
	if !n.writing && n.err == nil {
		*present = id != 0
	}
}

// optional lays out a pointer parameter to a string; "" is written as NULL and
// NULL is read as "".
func (n *ndr) optional(field string, s *string) {
	present := *s != ""
	n.pointer(field, &present)
	switch {
	case n.err != nil:
	case present:
		n.stringBody(field, s)
	default:
		*s = ""
	}
}

// handle lays out a pointer parameter to a DWORD, such as a resume handle. It
// is never written as NULL.
func (n *ndr) handle(field string, v *uint32, present *bool) {
	n.pointer(field, present)
	if n.err == nil && *present {
		n.uint32(field, v)
	}
}

// string lays out a structure's pointer to a string. It is never written as
// NULL; NULL is read as "".
func (n *ndr) string(field string, s *string) { n.member(field, s, true) }

// secret lays out a structure's pointer to a string that is not for us: it is
// written as NULL, and what is read is forgotten.
func (n *ndr) secret(field string) {
	var s string
	n.member(field, &s, false)
	clear(n.text)
	clear(n.raw)
}

func (n *ndr) member(field string, s *string, present bool) {
	if n.err != nil {
		return
	}
	bit := uint32(1) << n.field
	n.field++
	if n.deferring {
		if n.present&bit != 0 {
			n.stringBody(field, s)
		} else if !n.writing {
			*s = ""
		}
		return
	}
	n.pointer(field, &present)
	if present {
		n.present |= bit
	}
}

// fixed runs the first pass of layout and returns the pointers that are not
// NULL, one bit each. A structure has at most 32.
func (n *ndr) fixed(layout func(*ndr)) uint32 {
	n.deferring, n.present, n.field = false, 0, 0
	layout(n)
	return n.present
}

// deferred runs the second pass of layout.
func (n *ndr) deferred(present uint32, layout func(*ndr)) {
	n.deferring, n.present, n.field = true, present, 0
	layout(n)
	n.deferring = false
}

// structure lays out one structure, both passes.
func (n *ndr) structure(layout func(*ndr)) {
	n.deferred(n.fixed(layout), layout)
}

// ndrArray lays out the elements of a conformant array of structures, whose
// length count is known from elsewhere, with its maximum count before it.
// Nothing is allocated for an element before its bytes have come in.
func ndrArray[T any](n *ndr, field string, count uint32, elements *[]T, layout func(*ndr, *T)) {
	n.constant(field+" max_count", count)
	var present []uint32
	if !n.writing {
		*elements = nil
	}
	for i := uint32(0); i < count && n.err == nil; i++ {
		if !n.writing {
			var zero T
			*elements = append(*elements, zero)
		}
		e := &(*elements)[i]
		present = append(present, n.fixed(func(n *ndr) { layout(n, e) }))
	}
	for i := uint32(0); i < count && n.err == nil; i++ {
		e := &(*elements)[i]
		n.deferred(present[i], func(n *ndr) { layout(n, e) })
	}
	if !n.writing && n.err != nil {
		*elements = nil
	}
}

// stringBody lays out a conformant and varying, NUL-terminated UTF-16 string
// ([C706] 14.3.4). When reading, what stands after the first NUL is dropped,
// a missing NUL is forgiven and an unpaired surrogate becomes U+FFFD; a string
// equal to *s leaves *s as it is, which saves the allocation.
func (n *ndr) stringBody(field string, s *string) {
	if n.writing {
		n.writeString(field, *s)
		return
	}
	var most, offset, actual uint32
	n.dword(field, &most)
	start := n.at
	n.dword(field, &offset)
	n.dword(field, &actual)
	n.at = start
	switch {
	case n.err != nil:
		return
	case offset != 0:
		n.fail(field, "has offset %d, not 0", offset)
		return
	case actual > most:
		n.fail(field, "has actual_count %d above max_count %d", actual, most)
		return
	case actual > maxNDRString:
		n.fail(field, "has %d characters; the limit is %d", actual, maxNDRString)
		return
	}
	b := n.span(field, 2*int(actual))
	if n.err != nil {
		return
	}
	n.text = appendUTF8(n.text[:0], b)
	if string(n.text) != *s {
		*s = string(n.text)
	}
}

func (n *ndr) writeString(field, s string) {
	n.align(field, 4)
	at := len(n.buf)
	n.buf = appendZero(n.buf, 12)
	n.buf = appendUTF16(n.buf, s)
	n.buf = appendZero(n.buf, 2)
	units := uint32(len(n.buf)-at-12) / 2
	for i := at + 12; i < len(n.buf)-2; i += 2 {
		if n.buf[i] == 0 && n.buf[i+1] == 0 {
			n.fail(field, "cannot carry a NUL character")
			return
		}
	}
	if units > maxNDRString {
		n.fail(field, "has %d characters; the limit is %d", units, maxNDRString)
		return
	}
	le.PutUint32(n.buf[at:], units)
	le.PutUint32(n.buf[at+8:], units)
}

// span returns the next size bytes, at most 2*maxNDRString, valid until the
// next read. Memory grows with the bytes that came in, not with size.
func (n *ndr) span(field string, size int) []byte {
	if len(n.buf) >= size {
		b := n.buf[:size]
		n.buf, n.off = n.buf[size:], n.off+uint64(size)
		return b
	}
	n.raw = n.raw[:0]
	for len(n.raw) < size {
		if len(n.buf) == 0 && !n.fetch(field) {
			return nil
		}
		k := min(size-len(n.raw), len(n.buf))
		n.raw = append(n.raw, n.buf[:k]...)
		n.buf, n.off = n.buf[k:], n.off+uint64(k)
	}
	return n.raw
}

// appendUTF8 appends the little-endian UTF-16 text b, up to its first NUL, as
// UTF-8.
func appendUTF8(dst, b []byte) []byte {
	for i := 0; i+1 < len(b); i += 2 {
		u := rune(le.Uint16(b[i:]))
		switch {
		case u == 0:
			return dst
		case u < utf8.RuneSelf:
			dst = append(dst, byte(u))
			continue
		case utf16.IsSurrogate(u):
			low := rune(utf8.RuneError)
			if i+3 < len(b) {
				low = rune(le.Uint16(b[i+2:]))
			}
			if u = utf16.DecodeRune(u, low); u != utf8.RuneError {
				i += 2
			}
		}
		dst = utf8.AppendRune(dst, u)
	}
	return dst
}
