package lab

// window is Connection.CommandSequenceWindow, [MS-SMB2] 3.3.1.1: the
// MessageIds that the client may use. It has been given those below high; low
// is the lowest it has not used. They are never more than most apart.
type window struct {
	low, high uint64
	most      uint64   // credits the client may hold
	used      []uint64 // a bit for each MessageId from low on, at the place that is its rest by most
}

func (w *window) init(most int) {
	w.high = 1 // one credit to begin with
	w.most = uint64(max(most, 1))
	w.used = make([]uint64, (w.most+63)/64)
}

// bit is where used has a MessageId.
func (w *window) bit(id uint64) (word *uint64, mask uint64) {
	place := id % w.most
	return &w.used[place/64], 1 << (place % 64)
}

// take uses the charge MessageIds from id on, and reports whether the client
// may use them: all lie below limit, which is at most high, and none was used.
func (w *window) take(id uint64, charge uint16, limit uint64) bool {
	n := uint64(max(charge, 1))
	if id < w.low || id >= limit || n > limit-id {
		return false
	}
	for i := range n {
		if word, mask := w.bit(id + i); *word&mask != 0 {
			return false
		}
	}
	for i := range n {
		word, mask := w.bit(id + i)
		*word |= mask
	}
	for w.low < w.high {
		word, mask := w.bit(w.low)
		if *word&mask == 0 {
			break
		}
		*word &^= mask
		w.low++
	}
	return true
}

// grant gives the client the credits it asked for, at least one, as far as
// there is room, [MS-SMB2] 3.3.1.2. There is, unless it still has some: the
// lowest MessageId it was given and has not used is what leaves no room.
func (w *window) grant(asked uint16) uint16 {
	n := min(uint64(max(asked, 1)), w.most-(w.high-w.low))
	w.high += n
	return uint16(n)
}
