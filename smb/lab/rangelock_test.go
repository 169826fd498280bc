package lab

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestLocksOfNoBytes has what Windows answers, as smbtorture's
// smb2.lock.zerobytelength asks it: with an exclusive lock of the first range,
// is one of the second granted? The owner makes no difference.
func TestLocksOfNoBytes(t *testing.T) {
	for _, tt := range []struct {
		off1, len1, off2, len2 uint64
		want                   bool
	}{
		{10, 0, 10, 0, true}, {10, 0, 9, 1, true}, {10, 0, 10, 1, true}, {10, 0, 11, 1, true},
		{10, 0, 9, 2, false}, {10, 0, 10, 2, true}, {10, 0, 9, 3, false},
		{9, 1, 10, 0, true}, {10, 1, 10, 0, true}, {11, 1, 10, 0, true},
		{9, 2, 10, 0, false}, {10, 2, 10, 0, true}, {9, 3, 10, 0, false},
		{0, 0, 0, 0, true}, {0, 0, 0, 1, true}, {0, 1, 0, 0, true}, {0, 0, 0, math.MaxUint64, true},
		{100, 10, 102, 0, false}, {100, 10, 102, 5, false}, // smb2.lock.errorcode
	} {
		for _, other := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d+%d,%d+%d,other=%t", tt.off1, tt.len1, tt.off2, tt.len2, other), func(t *testing.T) {
				var locks rangeLocks
				first, second := &open{}, &open{}
				if !other {
					second = first
				}
				if !locks.add(first, tt.off1, tt.len1, true) {
					t.Fatal("the first lock is refused")
				}
				if got := locks.add(second, tt.off2, tt.len2, true); got != tt.want {
					t.Errorf("the second lock is granted: %t", got)
				}
				if tt.want && !locks.remove(second, tt.off2, tt.len2) || !locks.remove(first, tt.off1, tt.len1) || locks.total() != 0 {
					t.Error("cannot unlock")
				}
			})
		}
	}
}

// TestReadOfNoBytes: smbtorture's smb2.lock.zerobyteread.
func TestReadOfNoBytes(t *testing.T) {
	var locks rangeLocks
	owner, other := &open{}, &open{}
	locks.add(owner, 0, 10, true)
	if locks.conflicts(other, 5, 0, false) {
		t.Error("a read of no bytes conflicts with a lock around it")
	}
	locks.remove(owner, 0, 10)
	locks.add(owner, 5, 0, true)
	for off := range uint64(8) {
		if locks.conflicts(other, off, 0, false) {
			t.Errorf("a read of no bytes at %d conflicts with a lock of no bytes at 5", off)
		}
	}
}

// TestStackedLocks: smbtorture's smb2.lock.stacking and valid-request.
func TestStackedLocks(t *testing.T) {
	var locks rangeLocks
	a, b := &open{}, &open{}
	step := func(what string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %t", what, got)
		}
	}
	step("exclusive", locks.add(a, 0, 10, true), true)
	step("exclusive over one's own exclusive", locks.add(a, 0, 10, true), false)
	step("shared over one's own exclusive", locks.add(a, 0, 10, false), true)
	step("shared over that", locks.add(a, 0, 10, false), true)
	step("another's shared", locks.add(b, 0, 10, false), false)
	if locks.count(a) != 3 || locks.count(b) != 0 || locks.total() != 3 {
		t.Errorf("%d and %d locks of %d", locks.count(a), locks.count(b), locks.total())
	}
	step("write with a shared lock over the exclusive one", !locks.conflicts(a, 0, 1, true), false)
	step("another's unlock", locks.remove(b, 0, 10), false)
	step("unlock of a part", locks.remove(a, 0, 5), false)
	step("first unlock", locks.remove(a, 0, 10), true)
	step("another's shared once the exclusive one is gone", locks.add(b, 0, 10, false), true)
	step("second unlock", locks.remove(a, 0, 10), true)
	step("third unlock", locks.remove(a, 0, 10), true)
	step("fourth unlock", locks.remove(a, 0, 10), false)
	step("drop", locks.drop(b), true)
	step("drop of nothing", locks.drop(b), false)
	step("shared", locks.add(a, 0, 10, false), true)
	step("exclusive over one's own shared", locks.add(a, 0, 10, true), false)
	step("unlock after a refused lock", locks.remove(a, 0, 10), true)

	step("exclusive", locks.add(a, 0, 10, true), true)
	step("shared", locks.add(a, 0, 10, false), true)
	step("taking back the shared one", locks.undo(a, 0, 10, false), true)
	step("another's read", !locks.conflicts(b, 0, 10, false), false)
	step("one's own read", !locks.conflicts(a, 0, 10, false), true)
	step("one's own write", !locks.conflicts(a, 0, 10, true), true)
	step("taking back a shared one that is not there", locks.undo(a, 0, 10, false), false)
}

func TestValidRange(t *testing.T) {
	for _, tt := range []struct {
		off, length uint64
		want        bool
	}{
		{0, 0, true}, {0, 1, true}, {0, math.MaxUint64, true}, {1, math.MaxUint64, true}, {2, math.MaxUint64, false},
		{math.MaxUint64, 0, true}, {math.MaxUint64, 1, true}, {math.MaxUint64, 2, false}, {math.MaxUint64, math.MaxUint64, false},
	} {
		if got := validRange(tt.off, tt.length); got != tt.want {
			t.Errorf("%d bytes at %d: %t", tt.length, tt.off, got)
		}
	}
}

// lockModel is a file of few bytes, with the locks of each byte beside it. A
// lock of no bytes sits in a gap, before the byte at its offset.
type lockModel struct {
	base  uint64
	locks []modelLock
}

type modelLock struct {
	from, to, owner int
	exclusive       bool
}

const modelBytes = 24

// overlap goes through bytes and the gaps between them: two ranges overlap
// where both cover a byte, or one has its gap strictly inside the other. The
// gap before the first byte of a file is inside nothing.
func (m *lockModel) overlap(a, b modelLock) bool {
	for i := range modelBytes {
		if in(a, i) && in(b, i) {
			return true
		}
		if i > 0 && (a.from == a.to && a.from == i && in(b, i-1) && in(b, i) || b.from == b.to && b.from == i && in(a, i-1) && in(a, i)) {
			return true
		}
	}
	return false
}

func in(l modelLock, i int) bool { return l.from <= i && i < l.to }

func (m *lockModel) add(l modelLock) bool {
	for _, have := range m.locks {
		if m.overlap(have, l) && (l.exclusive || have.exclusive && have.owner != l.owner) {
			return false
		}
	}
	m.locks = append(m.locks, l)
	return true
}

func (m *lockModel) remove(l modelLock, kinds ...bool) bool {
	for _, l.exclusive = range kinds {
		for i, have := range m.locks {
			if have == l {
				m.locks = append(m.locks[:i], m.locks[i+1:]...)
				return true
			}
		}
	}
	return false
}

func (m *lockModel) drop(owner int) bool {
	kept := []modelLock{}
	for _, l := range m.locks {
		if l.owner != owner {
			kept = append(kept, l)
		}
	}
	dropped := len(kept) < len(m.locks)
	m.locks = kept
	return dropped
}

func (m *lockModel) conflicts(l modelLock, write bool) bool {
	for _, have := range m.locks {
		for i := l.from; i < l.to; i++ {
			if in(have, i) && (have.exclusive && have.owner != l.owner || !have.exclusive && write) {
				return true
			}
			if i > l.from && have.from == have.to && have.from == i && (have.exclusive && have.owner != l.owner || !have.exclusive && write) {
				return true
			}
		}
	}
	return false
}

// TestRangeLocksLikeModel does the same to rangeLocks and to the model, at both
// ends of the possible offsets.
func TestRangeLocksLikeModel(t *testing.T) {
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		m := lockModel{}
		if seed%2 == 1 {
			m.base = math.MaxUint64 - modelBytes + 1 // the model's last byte is the last there is
		}
		var locks rangeLocks
		owners := []*open{{}, {}, {}, {}}
		for step := range 1000 {
			from := rnd.IntN(modelBytes)
			l := modelLock{from: from, to: from + rnd.IntN(min(6, modelBytes-from+1)), owner: rnd.IntN(len(owners)), exclusive: rnd.IntN(3) == 0}
			if len(m.locks) > 0 && rnd.IntN(2) == 0 {
				l = m.locks[rnd.IntN(len(m.locks))]
			}
			off, length, owner := m.base+uint64(l.from), uint64(l.to-l.from), owners[l.owner]
			var op string
			var got, want bool
			switch rnd.IntN(8) {
			case 0, 1, 2:
				op, got, want = "add", locks.add(owner, off, length, l.exclusive), m.add(l)
			case 3, 4:
				op, got, want = "remove", locks.remove(owner, off, length), m.remove(l, true, false)
			case 5:
				op, got, want = "undo", locks.undo(owner, off, length, l.exclusive), m.remove(l, l.exclusive)
			case 6:
				write := rnd.IntN(2) == 0
				op, got, want = "conflicts", locks.conflicts(owner, off, length, write), m.conflicts(l, write)
			case 7:
				if rnd.IntN(8) == 0 {
					op, got, want = "drop", locks.drop(owner), m.drop(l.owner)
				}
			}
			if got != want {
				t.Fatalf("seed %d, step %d: %s of %+v: %t, want %t\nwith %+v", seed, step, op, l, got, want, m.locks)
			}
			if locks.total() != len(m.locks) {
				t.Fatalf("seed %d, step %d: %s leaves %d locks, want %d", seed, step, op, locks.total(), len(m.locks))
			}
			for i, o := range owners {
				n := 0
				for _, l := range m.locks {
					if l.owner == i {
						n++
					}
				}
				if locks.count(o) != n {
					t.Fatalf("seed %d, step %d: %d locks counted of %d", seed, step, locks.count(o), n)
				}
			}
			if len(locks.counts) > len(owners) || len(m.locks) == 0 && len(locks.counts) != 0 {
				t.Fatalf("counts are left over: %v", locks.counts)
			}
		}
	}
}

// BenchmarkRangeLocks adds and removes a lock among many.
func BenchmarkRangeLocks(b *testing.B) {
	for _, n := range []uint64{10, 1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var locks rangeLocks
			owner := &open{}
			for i := range n {
				locks.add(owner, i*10, 5, true)
			}
			for i := 0; b.Loop(); i++ {
				off := uint64(i)%n*10 + 5
				if !locks.add(owner, off, 5, true) || !locks.remove(owner, off, 5) {
					b.Fatal("refused")
				}
			}
		})
	}
}
