package smb

// diskEnumCall is NetrServerDiskEnum, [MS-SRVS] 3.1.4.19.
type diskEnumCall struct {
	server    string
	level     uint32
	preferred uint32
	resume    uint32
	resumable bool
	disks     []string // such as "C:"; the last is ""
	total     uint32   // without the last
	result    uint32
}

// maxDisks is the most that a server lists, with the empty one at the end.
const maxDisks = 27

func (c *diskEnumCall) op() (uint16, string) { return opNetrServerDiskEnum, "NetrServerDiskEnum" }

func (c *diskEnumCall) request(n *ndr) {
	n.optional("ServerName", &c.server)
	n.uint32("Level", &c.level)
	c.container(n)
	n.uint32("PreferedMaximumLength", &c.preferred)
	n.handle("ResumeHandle", &c.resume, &c.resumable)
}

func (c *diskEnumCall) serve(h ServerServiceHandler) {
	c.disks = nil
	if c.level != 0 {
		c.result = uint32(ErrorInvalidLevel)
		return
	}
	disks, code := h.ServerDiskEnum()
	if c.result = uint32(code); code == 0 {
		disks = disks[:min(len(disks), maxDisks-1)]
		c.total = uint32(len(disks))
		c.disks = append(disks, "")
	}
}

func (c *diskEnumCall) response(n *ndr) {
	c.container(n)
	n.uint32("TotalEntries", &c.total)
	n.handle("ResumeHandle", &c.resume, &c.resumable)
	n.uint32("return value", &c.result)
}

func (c *diskEnumCall) returned() Win32Error { return Win32Error(c.result) }

// container lays out a DISK_ENUM_CONTAINER, [MS-SRVS] 2.2.4.92.
func (c *diskEnumCall) container(n *ndr) {
	entries := uint32(len(c.disks))
	present := entries != 0
	n.uint32("EntriesRead", &entries)
	n.pointer("Buffer", &present)
	if n.err == nil && present && entries > maxDisks {
		n.fail("EntriesRead", "is %d; the limit is %d", entries, maxDisks)
	}
	if n.err != nil || !present {
		c.disks = nil
		return
	}
	n.constant("Buffer max_count", entries)
	n.constant("Buffer offset", 0)
	n.constant("Buffer actual_count", entries)
	if !n.writing {
		c.disks = make([]string, entries)
	}
	for i := range c.disks {
		layoutDisk(n, &c.disks[i])
	}
}

// layoutDisk lays out a DISK_INFO, [MS-SRVS] 2.2.4.91: a varying string of at
// most three characters with its NUL.
func layoutDisk(n *ndr, disk *string) {
	text := appendZero(appendUTF16(nil, *disk), 2)
	count := uint32(len(text) / 2)
	n.constant("Disk offset", 0)
	n.uint32("Disk actual_count", &count)
	if n.err == nil && count > 3 {
		n.fail("Disk", "has %d characters; the limit is 3", count)
	}
	if n.err != nil {
		return
	}
	if !n.writing {
		text = make([]byte, 2*count)
	}
	n.bytes("Disk", text)
	if !n.writing {
		*disk = string(appendUTF8(nil, text))
		if n.err == nil && len(appendUTF16(nil, *disk)) > 4 {
			n.fail("Disk", "has no NUL")
		}
	}
}
