package lab

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"sort"
)

// rangeLock is a byte-range lock, [MS-FSA] 2.1.1.7. SMB2 has no LockKey.
type rangeLock struct {
	offset, length uint64
	exclusive      bool
	owner          *open

	// reach is the highest last byte of this lock and of all before it in the
	// list: where it is too low, so are all before.
	reach uint64
}

// last returns the last byte of the range. A lock of no bytes has the byte
// before it, which is how it conflicts with ranges that have it in their
// middle and with no others.
func (l *rangeLock) last() uint64 { return lastByte(l.offset, l.length) }

// nowhere reports whether the range is {0, 0}, which overlaps nothing.
func (l *rangeLock) nowhere() bool { return l.offset == 0 && l.length == 0 }

// compare orders locks by range; an exclusive one stands before shared ones of
// the same range.
func (l *rangeLock) compare(other rangeLock) int {
	if c := cmp.Or(cmp.Compare(l.offset, other.offset), cmp.Compare(l.length, other.length)); c != 0 || l.exclusive == other.exclusive {
		return c
	}
	if l.exclusive {
		return -1
	}
	return 1
}

// lastByte returns the last byte of a range. The ranges that wrap, which
// validRange does not let through, end at 2^64-1 here.
func lastByte(offset, length uint64) uint64 {
	switch {
	case length == 0 && offset == 0:
		return 0
	case !validRange(offset, length):
		return math.MaxUint64
	}
	return offset + length - 1
}

// validRange reports whether a LOCK may name the range: none of its bytes lies
// beyond 2^64-1. Others are STATUS_INVALID_LOCK_RANGE, [MS-FSA] 2.1.5.8.
func validRange(offset, length uint64) bool { return length == 0 || offset+length-1 >= offset }

// rangeLocks are the byte-range locks of a file. The zero value has none.
type rangeLocks struct {
	locks  []rangeLock // ordered by compare
	counts map[*open]int
}

// overlapping yields the locks that overlap a range, [MS-FSA] 2.1.4.10.
func (r *rangeLocks) overlapping(offset, length uint64) iter.Seq[*rangeLock] {
	return func(yield func(*rangeLock) bool) {
		if offset == 0 && length == 0 {
			return
		}
		last := lastByte(offset, length)
		i := sort.Search(len(r.locks), func(i int) bool { return r.locks[i].reach >= offset })
		for ; i < len(r.locks) && r.locks[i].offset <= last; i++ {
			if l := &r.locks[i]; l.last() >= offset && !l.nowhere() && !yield(l) {
				return
			}
		}
	}
}

// add locks a range for an open, or reports false when other locks do not
// allow it, [MS-FSA] 2.1.5.8. An open may put a shared lock over its exclusive
// one, but nothing exclusive over any lock, its own included.
func (r *rangeLocks) add(owner *open, offset, length uint64, exclusive bool) bool {
	for l := range r.overlapping(offset, length) {
		if exclusive || l.exclusive && l.owner != owner {
			return false
		}
	}
	l := rangeLock{offset: offset, length: length, exclusive: exclusive, owner: owner}
	i, _ := r.find(l)
	r.locks = slices.Insert(r.locks, i, l)
	r.extend(i)
	if r.counts == nil {
		r.counts = map[*open]int{}
	}
	r.counts[owner]++
	return true
}

// remove unlocks a range that an open locked as exactly that, [MS-FSA] 2.1.5.9:
// one lock of it, an exclusive one first. It reports false when there is none,
// which is STATUS_RANGE_NOT_LOCKED.
func (r *rangeLocks) remove(owner *open, offset, length uint64) bool {
	return r.undo(owner, offset, length, true) || r.undo(owner, offset, length, false)
}

// undo takes back a lock of this very kind: what a LOCK of several ranges must
// do when a later one fails, [MS-SMB2] 3.3.5.14.2. There remove could take an
// exclusive lock that the open had before.
func (r *rangeLocks) undo(owner *open, offset, length uint64, exclusive bool) bool {
	want := rangeLock{offset: offset, length: length, exclusive: exclusive}
	for i, _ := r.find(want); i < len(r.locks) && r.locks[i].compare(want) == 0; i++ {
		if r.locks[i].owner != owner {
			continue
		}
		r.locks = slices.Delete(r.locks, i, i+1)
		r.extend(i)
		r.counts[owner]--
		if r.counts[owner] == 0 {
			delete(r.counts, owner)
		}
		return true
	}
	return false
}

// drop unlocks all that an open has locked, as its close does, and reports
// whether that was anything.
func (r *rangeLocks) drop(owner *open) bool {
	if r.counts[owner] == 0 {
		return false
	}
	delete(r.counts, owner)
	r.locks = slices.DeleteFunc(r.locks, func(l rangeLock) bool { return l.owner == owner })
	reach := uint64(0)
	for i := range r.locks {
		reach = max(reach, r.locks[i].last())
		r.locks[i].reach = reach
	}
	return true
}

// conflicts reports whether locks forbid an open to read a range or to write
// it, which is STATUS_FILE_LOCK_CONFLICT, [MS-FSA] 2.1.5.3 and 2.1.5.4. Its own
// exclusive lock does not forbid it anything, its own shared lock forbids it to
// write. Nothing forbids to read or write no bytes.
func (r *rangeLocks) conflicts(owner *open, offset, length uint64, write bool) bool {
	if length == 0 {
		return false
	}
	for l := range r.overlapping(offset, length) {
		if l.exclusive && l.owner != owner || !l.exclusive && write {
			return true
		}
	}
	return false
}

// count returns how many locks an open has.
func (r *rangeLocks) count(owner *open) int { return r.counts[owner] }

// total returns how many locks there are.
func (r *rangeLocks) total() int { return len(r.locks) }

// find returns where in the list the first lock of this range and kind is or
// would be.
func (r *rangeLocks) find(want rangeLock) (int, bool) {
	return slices.BinarySearchFunc(r.locks, want, func(l, want rangeLock) int { return l.compare(want) })
}

// extend sets reach again from lock i on, after a lock came or went there. As
// soon as one keeps its reach, so do all that follow.
func (r *rangeLocks) extend(i int) {
	reach := uint64(0)
	if i > 0 {
		reach = r.locks[i-1].reach
	}
	for first := i; i < len(r.locks); i++ {
		l := &r.locks[i]
		reach = max(reach, l.last())
		if i > first && l.reach == reach {
			return
		}
		l.reach = reach
	}
}
