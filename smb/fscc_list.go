package smb

import "fmt"

// listWriter links the entries of a list of [MS-FSCC], each of which begins
// with NextEntryOffset.
type listWriter struct {
	align int // of an entry, in bytes
	begun bool
	first int // where the first entry begins
	last  int // where the last one does
}

// next ends the entry that b ends with, if there is one, and begins another.
func (w *listWriter) next(b []byte) []byte {
	if !w.begun {
		w.begun, w.first = true, len(b)
	} else {
		b = appendZero(b, -(len(b)-w.first)&(w.align-1))
		le.PutUint32(b[w.last:], uint32(len(b)-w.last))
	}
	w.last = len(b)
	return le.AppendUint32(b, 0) // NextEntryOffset
}

// readList calls each with a decoder of every entry of a list, which stands
// behind NextEntryOffset. An entry has at least size bytes and lies behind the
// one before it, so the list ends. An empty b is an empty list.
func readList(what string, b []byte, size uint32, each func(d *decoder)) error {
	for i := 0; len(b) > 0; i++ {
		d := &decoder{what: what, msg: b}
		next := d.u32("NextEntryOffset")
		if next != 0 && (next < size || uint64(next) >= uint64(len(b))) {
			d.fail("NextEntryOffset", "is %d in %d bytes", next, len(b))
		} else if next != 0 {
			d.msg = b[:next:next]
		}
		if d.err == nil {
			each(d)
		}
		if d.err != nil {
			d.err.(*DecodeError).Message = fmt.Sprintf("%s[%d]", what, i)
			return d.err
		}
		if next == 0 {
			return nil
		}
		b = b[next:]
	}
	return nil
}

// appendName appends a name and before it its length, in bytes.
func appendName(b []byte, name string) []byte {
	size := len(b)
	b = le.AppendUint32(b, 0)
	b = appendUTF16(b, name)
	le.PutUint32(b[size:], uint32(len(b)-size-4))
	return b
}

// name reads what appendName writes.
func (d *decoder) name(field string) string {
	return d.nextText(field, uint64(d.u32(field+"Length")))
}

// nextText reads n bytes of UTF-16.
func (d *decoder) nextText(field string, n uint64) string {
	if n%2 != 0 {
		d.fail(field, "has the odd length %d for UTF-16", n)
	}
	return decodeUTF16(d.next(field, n))
}

// flag reads a Boolean of one byte.
func (d *decoder) flag(field string) bool { return d.u8(field) != 0 }

func appendFlag(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}
