package lab

import (
	"math"

	"err32/smb"
)

const (
	clusterSize = 4096
	chunkSize   = 64 << 10

	// maxFileSize is the largest file in bytes: that of NTFS with clusters of
	// 4 KiB.
	maxFileSize uint64 = 1<<44 - 1<<16
)

// content is the data of a file. Memory is taken, and charged to the volume,
// for the parts of it that were written; the rest reads as zeros.
type content struct {
	volume *volume
	// chunks has the written parts by offset / chunkSize. A chunk may be
	// shorter than chunkSize; what it lacks is zero, and so is what it has
	// beyond the end of the file.
	chunks   map[uint64][]byte
	held     int64  // bytes charged to the volume
	length   uint64 // the end of the file
	reserved uint64 // allocation that was set, a multiple of clusterSize
}

// size returns the length of the file in bytes.
func (c *content) size() uint64 { return c.length }

// allocation returns Stream.AllocationSize in bytes, [MS-FSA] 2.1.1.5: whole
// clusters up to the end of the file, holes and all, or what was reserved.
func (c *content) allocation() uint64 { return max(c.reserved, wholeClusters(c.length)) }

// wholeClusters rounds n, at most maxFileSize, up to a multiple of clusterSize.
func wholeClusters(n uint64) uint64 { return (n + clusterSize - 1) &^ (clusterSize - 1) }

// fits reports whether the volume has room for the file to be size bytes long.
// Holes take no memory, but a file that as a whole could never be held is
// refused when it is made, as on a disk.
func (c *content) fits(size uint64) bool {
	need, have := wholeClusters(size), c.allocation()
	ahead := max(0, c.held-int64(have)) // memory that chunks have in advance
	return need <= have || need-have <= uint64(c.volume.free()+ahead)
}

// readAt copies what the file has at offset off into b and returns how many
// bytes that were: 0 at and beyond the end.
func (c *content) readAt(b []byte, off uint64) int {
	if off >= c.length {
		return 0
	}
	n := int(min(uint64(len(b)), c.length-off))
	for rest := b[:n]; len(rest) > 0; {
		part, chunk, at := c.part(rest, off)
		copied := 0
		if at < len(chunk) {
			copied = copy(part, chunk[at:])
		}
		clear(part[copied:])
		rest, off = rest[len(part):], off+uint64(len(part))
	}
	return n
}

// writeAt writes b at offset off; the file grows as needed. Nothing is written
// unless all is: no room is STATUS_DISK_FULL, a range that no file can have
// STATUS_INVALID_PARAMETER, [MS-FSA] 2.1.5.4.
func (c *content) writeAt(b []byte, off uint64) smb.NTStatus {
	if off > math.MaxInt64 || uint64(len(b)) > math.MaxInt64-off {
		return smb.StatusInvalidParameter
	}
	if len(b) == 0 {
		return smb.StatusSuccess
	}
	end := off + uint64(len(b))
	if end > maxFileSize {
		return smb.StatusInvalidParameter
	}
	var need int64
	for rest, at := b, off; len(rest) > 0; {
		part, chunk, i := c.part(rest, at)
		need += max(0, int64(chunkCap(i+len(part))-len(chunk)))
		rest, at = rest[len(part):], at+uint64(len(part))
	}
	if !c.fits(end) || !c.volume.charge(need) {
		return smb.StatusDiskFull
	}
	c.held += need
	if c.chunks == nil {
		c.chunks = map[uint64][]byte{}
	}
	for len(b) > 0 {
		part, chunk, i := c.part(b, off)
		if size := chunkCap(i + len(part)); size > len(chunk) {
			grown := make([]byte, size)
			copy(grown, chunk)
			chunk = grown
			c.chunks[off/chunkSize] = chunk
		}
		copy(chunk[i:], part)
		b, off = b[len(part):], off+uint64(len(part))
	}
	c.length = max(c.length, end)
	return smb.StatusSuccess
}

// part cuts from b what belongs into the chunk that holds offset off. It
// returns the chunk too, nil for a hole, and where in the chunk off is.
func (c *content) part(b []byte, off uint64) (part, chunk []byte, at int) {
	at = int(off % chunkSize)
	return b[:min(len(b), chunkSize-at)], c.chunks[off/chunkSize], at
}

// chunkCap returns the memory for a chunk of which n bytes are used: doubling,
// so that a file that grows by small writes is not copied with each.
func chunkCap(n int) int {
	size := clusterSize
	for size < n {
		size *= 2
	}
	return size
}

// truncate sets the end of the file, [MS-FSA] 2.1.5.15.5. Beyond the old end it
// reads as zeros. A size no file can have is STATUS_INVALID_PARAMETER, one the
// volume has no room for STATUS_DISK_FULL.
func (c *content) truncate(size uint64) smb.NTStatus {
	if size > maxFileSize {
		return smb.StatusInvalidParameter
	}
	if size >= c.length {
		if !c.fits(size) {
			return smb.StatusDiskFull
		}
		c.length = size
		return smb.StatusSuccess
	}
	if size+clusterSize < wholeClusters(c.length) {
		c.reserved = 0
	}
	c.cut(size)
	c.length = size
	return smb.StatusSuccess
}

// cut gives back the memory for what lies beyond size, which is below the end.
func (c *content) cut(size uint64) {
	keep := (size + chunkSize - 1) / chunkSize // chunks from here on go
	if last := (c.length - 1) / chunkSize; last+1-keep <= uint64(len(c.chunks)) {
		for i := keep; i <= last; i++ {
			c.resize(i, 0)
		}
	} else {
		for i := range c.chunks {
			if i >= keep {
				c.resize(i, 0)
			}
		}
	}
	if used := int(size % chunkSize); used > 0 {
		c.resize(size/chunkSize, used)
	}
}

// resize keeps the first used bytes of chunk i, if there is one; the rest of it
// becomes zeros or goes.
func (c *content) resize(i uint64, used int) {
	chunk, ok := c.chunks[i]
	if !ok || used >= len(chunk) {
		return
	}
	if used == 0 {
		delete(c.chunks, i)
		c.giveBack(len(chunk))
		return
	}
	clear(chunk[used:])
	if size := chunkCap(used); size < len(chunk) {
		c.chunks[i] = append(make([]byte, 0, size), chunk[:size]...)
		c.giveBack(len(chunk) - size)
	}
}

func (c *content) giveBack(n int) {
	c.held -= int64(n)
	c.volume.bytes -= int64(n)
}

// setAllocation sets Stream.AllocationSize, [MS-FSA] 2.1.5.15.1. What is reserved
// takes no memory, but more than the volume has room for is STATUS_DISK_FULL, and
// a size no file can have STATUS_INVALID_PARAMETER. A file that is longer is
// truncated.
func (c *content) setAllocation(size uint64) smb.NTStatus {
	if size > maxFileSize {
		return smb.StatusInvalidParameter
	}
	aligned := wholeClusters(size)
	if aligned == c.allocation() {
		return smb.StatusSuccess
	}
	if !c.fits(aligned) {
		return smb.StatusDiskFull
	}
	if aligned < c.length {
		c.truncate(aligned)
	}
	c.reserved = aligned
	return smb.StatusSuccess
}

// trimAllocation gives up what is reserved beyond the end of the file.
func (c *content) trimAllocation() { c.reserved = 0 }

// discard empties the file and gives back all its memory.
func (c *content) discard() {
	c.giveBack(int(c.held))
	*c = content{volume: c.volume}
}
