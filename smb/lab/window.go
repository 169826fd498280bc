package lab

// window is Connection.CommandSequenceWindow, [MS-SMB2] 3.3.1.1: the
// MessageIds that the client may use. It has been given those below high; low
// is the lowest it has not used.
type window struct {
	low, high uint64
	used      map[uint64]struct{} // above low
	most      int                 // credits the client may hold
}

func (w *window) init(most int) {
	w.high = 1 // one credit to begin with
	w.used = make(map[uint64]struct{})
	w.most = most
}

// take uses the charge MessageIds from id on, and reports whether the client
// may use them.
func (w *window) take(id uint64, charge uint16) bool {
	n := uint64(max(charge, 1))
	if id < w.low || id >= w.high || n > w.high-id {
		return false
	}
	for i := range n {
		if _, ok := w.used[id+i]; ok {
			return false
		}
	}
	for i := range n {
		w.used[id+i] = struct{}{}
	}
	for {
		if _, ok := w.used[w.low]; !ok {
			return true
		}
		delete(w.used, w.low)
		w.low++
	}
}

// grant gives the client up to asked credits, and at least one when it would
// otherwise have none, [MS-SMB2] 3.3.1.2.
func (w *window) grant(asked, charge uint16) uint16 {
	room := w.most - int(w.high-w.low)
	n := min(int(max(asked, 1)), max(room, 0), 1<<16-1)
	w.high += uint64(n)
	return uint16(n)
}
