package lab

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"err32/smb"
)

func newTestFile(t *testing.T, bytes int64) *node {
	t.Helper()
	v := newVolume(volumeLimits{Bytes: bytes, Nodes: 10}, time.Now)
	n, status := v.create(v.root, "f", false, 0)
	if status != smb.StatusSuccess {
		t.Fatal(status)
	}
	return n
}

func wantStatus(t *testing.T, what string, got, want smb.NTStatus) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// checkCharge compares what a file is charged with the memory it has.
func checkCharge(t *testing.T, c *content) {
	t.Helper()
	var held int64
	for i, chunk := range c.chunks {
		held += int64(cap(chunk))
		if len(chunk) > chunkSize || i*chunkSize >= c.length {
			t.Fatalf("chunk %d of %d bytes in a file of %d", i, len(chunk), c.length)
		}
	}
	if c.held != held || c.volume.bytes != held {
		t.Fatalf("%d bytes are held, %d charged to the file and %d to the volume", held, c.held, c.volume.bytes)
	}
}

// TestContentLikeBytes does the same to a content and to a slice of bytes.
func TestContentLikeBytes(t *testing.T) {
	const limit = 400 << 10
	seen := map[smb.NTStatus]int{}
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		c := &newTestFile(t, limit).content
		var model []byte
		grow := func(size int) {
			if size > len(model) {
				model = append(model, make([]byte, size-len(model))...)
			}
		}
		for step := range 600 {
			off, size := rnd.IntN(300<<10), rnd.IntN(1<<rnd.IntN(19))
			switch rnd.IntN(5) {
			case 0, 1:
				b := bytes.Repeat([]byte{byte(1 + step%255)}, size)
				status := c.writeAt(b, uint64(off))
				seen[status]++
				if status == smb.StatusSuccess && size > 0 {
					grow(off + size)
					copy(model[off:], b)
				}
			case 2:
				status := c.truncate(uint64(off))
				seen[status]++
				if status == smb.StatusSuccess {
					grow(off)
					model = model[:off]
				}
			case 3:
				got := bytes.Repeat([]byte{0xAA}, size)
				n := c.readAt(got, uint64(off))
				var want []byte
				if off < len(model) {
					want = model[off:min(len(model), off+size)]
				}
				if n != len(want) || !bytes.Equal(got[:n], want) {
					t.Fatalf("seed %d, step %d: reading %d bytes at %d of %d is wrong", seed, step, size, off, len(model))
				}
			case 4:
				if rnd.IntN(10) == 0 {
					if status := c.truncate(0); status != smb.StatusSuccess {
						t.Fatal(status)
					}
					model = nil
				}
			}
			if c.size() != uint64(len(model)) {
				t.Fatalf("seed %d, step %d: the size is %d, want %d", seed, step, c.size(), len(model))
			}
			checkCharge(t, c)
		}
		all := make([]byte, len(model)+1)
		if n := c.readAt(all, 0); n != len(model) || !bytes.Equal(all[:n], model) {
			t.Fatalf("seed %d: the content differs at the end", seed)
		}
		wantStatus(t, "truncate", c.truncate(0), smb.StatusSuccess)
		checkCharge(t, c)
		if c.volume.bytes != 0 {
			t.Fatalf("an empty file is charged %d bytes", c.volume.bytes)
		}
	}
	if seen[smb.StatusSuccess] == 0 || seen[smb.StatusDiskFull] == 0 || len(seen) != 2 {
		t.Errorf("the results were %v", seen)
	}
}

// TestContentRanges has the cases of smbtorture's smb2.rw.invalid, with the
// answers it wants of Windows.
func TestContentRanges(t *testing.T) {
	c := &newTestFile(t, 1<<20).content
	one := []byte{1}
	for _, tt := range []struct {
		off  uint64
		b    []byte
		want smb.NTStatus
	}{
		{math.MaxInt64, nil, smb.StatusSuccess},
		{math.MaxInt64, one, smb.StatusInvalidParameter},
		{math.MaxInt64 - 1, one, smb.StatusInvalidParameter},
		{math.MaxInt64 + 1, nil, smb.StatusInvalidParameter},
		{math.MaxUint64, nil, smb.StatusInvalidParameter},
		{math.MaxUint64, one, smb.StatusInvalidParameter},
		{1 << 63, one, smb.StatusInvalidParameter},
		{0xfffffff0000, one, smb.StatusInvalidParameter},
		{0xfffffff0000, nil, smb.StatusSuccess},
		{0xfffffff0000 - 1, one, smb.StatusDiskFull},
		{5, nil, smb.StatusSuccess},
	} {
		if got := c.writeAt(tt.b, tt.off); got != tt.want {
			t.Errorf("writing %d bytes at %#x: %v, want %v", len(tt.b), tt.off, got, tt.want)
		}
	}
	for size, want := range map[uint64]smb.NTStatus{
		math.MaxUint64: smb.StatusInvalidParameter, 1 << 63: smb.StatusInvalidParameter, math.MaxInt64: smb.StatusInvalidParameter,
		0xfffffff0001: smb.StatusInvalidParameter, 0xfffffff0000: smb.StatusDiskFull, 1<<20 + 1: smb.StatusDiskFull,
	} {
		wantStatus(t, "truncate", c.truncate(size), want)
		wantStatus(t, "setAllocation", c.setAllocation(size), want)
	}
	if c.size() != 0 || c.allocation() != 0 || c.held != 0 {
		t.Errorf("after refused calls: size %d, allocation %d, %d bytes held", c.size(), c.allocation(), c.held)
	}
	if n := c.readAt(make([]byte, 10), math.MaxUint64); n != 0 {
		t.Errorf("%d bytes read at the last offset", n)
	}
}

// TestHoles: what was not written takes no memory and reads as zeros.
func TestHoles(t *testing.T) {
	c := &newTestFile(t, 10<<20).content
	wantStatus(t, "write", c.writeAt([]byte("end"), 9<<20), smb.StatusSuccess)
	if c.held != clusterSize || c.size() != 9<<20+3 || c.allocation() != 9<<20+clusterSize {
		t.Errorf("%d bytes held, size %d, allocation %d", c.held, c.size(), c.allocation())
	}
	b := bytes.Repeat([]byte{1}, 200<<10)
	if n := c.readAt(b, 1<<20); n != len(b) || !bytes.Equal(b, make([]byte, len(b))) {
		t.Errorf("%d bytes of a hole are not all zero", n)
	}
	// What is cut off does not come back.
	wantStatus(t, "truncate", c.truncate(9<<20+1), smb.StatusSuccess)
	wantStatus(t, "truncate", c.truncate(9<<20+3), smb.StatusSuccess)
	if n := c.readAt(b, 9<<20); n != 3 || string(b[:3]) != "e\x00\x00" {
		t.Errorf("%q", b[:n])
	}
	wantStatus(t, "truncate", c.truncate(100), smb.StatusSuccess)
	if c.held != 0 {
		t.Errorf("%d bytes held for a hole", c.held)
	}
}

func TestWriteIsWholeOrNothing(t *testing.T) {
	c := &newTestFile(t, 128<<10).content
	first := bytes.Repeat([]byte{1}, 100<<10)
	wantStatus(t, "write", c.writeAt(first, 0), smb.StatusSuccess)
	wantStatus(t, "write too much", c.writeAt(bytes.Repeat([]byte{2}, 100<<10), 50<<10), smb.StatusDiskFull)
	got := make([]byte, 200<<10)
	if n := c.readAt(got, 0); !bytes.Equal(got[:n], first) {
		t.Error("a refused write changed the file")
	}
	wantStatus(t, "write to the brim", c.writeAt(bytes.Repeat([]byte{2}, 78<<10), 50<<10), smb.StatusSuccess)
	wantStatus(t, "write one more", c.writeAt([]byte{3}, 128<<10), smb.StatusDiskFull)
	checkCharge(t, c)
}

func TestAllocation(t *testing.T) {
	n := newTestFile(t, 1<<20)
	c := &n.content
	step := func(what string, status, want smb.NTStatus, size, allocation uint64) {
		t.Helper()
		wantStatus(t, what, status, want)
		if c.size() != size || c.allocation() != allocation {
			t.Errorf("%s: size %d, allocation %d; want %d and %d", what, c.size(), c.allocation(), size, allocation)
		}
	}
	step("reserve", c.setAllocation(100_000), smb.StatusSuccess, 0, 102_400)
	step("write", c.writeAt(make([]byte, 5000), 0), smb.StatusSuccess, 5000, 102_400)
	if c.held != 8192 {
		t.Errorf("%d bytes held; what is reserved takes none", c.held)
	}
	step("reserve less", c.setAllocation(50_000), smb.StatusSuccess, 5000, 53_248)
	step("reserve less than the file", c.setAllocation(4000), smb.StatusSuccess, 4096, 4096)
	step("reserve the same", c.setAllocation(4096), smb.StatusSuccess, 4096, 4096)
	step("reserve too much", c.setAllocation(2<<20), smb.StatusDiskFull, 4096, 4096)
	step("reserve", c.setAllocation(20_000), smb.StatusSuccess, 4096, 20_480)
	n.release()
	step("close", smb.StatusSuccess, smb.StatusSuccess, 4096, 4096)
	step("reserve", c.setAllocation(40_000), smb.StatusSuccess, 4096, 40_960)
	step("grow within", c.truncate(30_000), smb.StatusSuccess, 30_000, 40_960)
	step("cut by more than a cluster", c.truncate(10_000), smb.StatusSuccess, 10_000, 12_288)
	step("reserve nothing", c.setAllocation(0), smb.StatusSuccess, 0, 0)
	checkCharge(t, c)
}
