package smb

import "context"

// FileInfo is one open file, directory or pipe, FILE_INFO_3 in [MS-SRVS]
// 2.2.4.7; FILE_INFO_2 has the ID alone.
type FileInfo struct {
	// ID names the open in FileClose. Servers make it from 32 bits of
	// something longer: it may be given to another open later, and on Samba
	// several opens may share one.
	ID uint32
	// Permissions are the open's access: 1 read, 2 write, 4 create. Servers
	// disagree about the higher bits; Samba sends only the lowest two of the
	// granted access mask.
	Permissions uint32
	// Locks is the number of byte-range locks: of this open on Windows, of
	// the whole file on Samba.
	Locks uint32
	// Path is the server's local path, such as `C:\srv\data\a.txt`.
	Path string
	// User is the name of the user who opened it, "" for a disconnected
	// durable open on Windows.
	User string
}

// fileArms are the levels of a FILE_ENUM_UNION and of a FILE_INFO.
var fileArms = []uint32{2, 3}

// layout lays out FILE_INFO_<level>.
func (f *FileInfo) layout(n *ndr, level uint32) {
	n.uint32("fi3_id", &f.ID)
	if level == 2 {
		return
	}
	n.uint32("fi3_permissions", &f.Permissions)
	n.uint32("fi3_num_locks", &f.Locks)
	n.string("fi3_pathname", &f.Path)
	n.string("fi3_username", &f.User)
}

// FileEnum calls row for every open on the server, NetrFileEnum level 3 in
// [MS-SRVS] 3.1.4.2, while the answer comes in: besides 16 bytes a row, no
// memory grows with the table.
//
// The server lists only opens whose local path begins with basePath and that
// were made by user, or, when user begins with `\\`, by that client; "" stands
// for all. Samba ignores basePath. The list moves while it is read: over
// several pages an open may be missed or come twice.
//
// Rows may come before an error does. An error from row ends the listing, is
// returned as it is, and leaves s usable; row is then not called again. It
// must not call methods of s.
func (s *ServerService) FileEnum(ctx context.Context, basePath, user string, row func(FileInfo) error) error {
	c := &fileEnumCall{
		enumeration: newEnumeration(3), server: s.name, basePath: basePath, user: user, row: row,
	}
	_, name := c.op()
	if err := s.take(ctx, name); err != nil {
		return err
	}
	defer s.give()
	err := s.enumerate(ctx, c, &c.enumeration, maxOpens, func() error { return c.stop })
	if c.stop != nil {
		return c.stop
	}
	return err
}

func layoutFile(n *ndr, f *FileInfo, level uint32) { f.layout(n, level) }

// fileEnumCall is NetrFileEnum.
type fileEnumCall struct {
	enumeration
	server   string
	basePath string
	user     string

	files []FileInfo           // to be written
	row   func(FileInfo) error // takes what is read
	stop  error                // what row returned
}

func (c *fileEnumCall) op() (uint16, string) { return opNetrFileEnum, "NetrFileEnum" }

func (c *fileEnumCall) request(n *ndr) {
	n.optional("ServerName", &c.server)
	n.optional("BasePath", &c.basePath)
	n.optional("UserName", &c.user)
	requestTail(n, &c.enumeration, fileArms, layoutFile)
}

func (c *fileEnumCall) serve(h ServerServiceHandler) {
	if !c.begin(fileArms, c.basePath, c.user) {
		return
	}
	rows, code := h.FileEnum(c.level, c.basePath, c.user)
	c.files = page(&c.enumeration, h, rows, code, layoutFile)
}

func (c *fileEnumCall) response(n *ndr) {
	c.entries = uint32(len(c.files))
	if c.container(n, fileArms, maxOpens) {
		if n.writing {
			ndrArray(n, "Buffer", c.entries, &c.files, func(n *ndr, f *FileInfo) { f.layout(n, c.level) })
		} else {
			c.readRows(n)
		}
	}
	c.responseTail(n)
}

// fileHead is what is kept of a row between its fixed part and its strings,
// which come after the fixed parts of all rows.
type fileHead struct {
	id, permissions, locks uint32
	present                uint32 // the strings that are not NULL
}

// fileHeadBlock is the number of rows whose heads are allocated together, and
// let go together once they were given out.
const fileHeadBlock = 4096

func (c *fileEnumCall) readRows(n *ndr) {
	n.constant("Buffer max_count", c.entries)
	var f FileInfo
	layout := func(n *ndr) { f.layout(n, c.level) }
	var blocks [][]fileHead
	var block []fileHead
	for left := c.entries; left > 0; left-- {
		present := n.fixed(layout)
		if n.err != nil {
			return
		}
		if len(block) == cap(block) {
			block = make([]fileHead, 0, min(left, fileHeadBlock))
			blocks = append(blocks, nil)
		}
		block = append(block, fileHead{f.ID, f.Permissions, f.Locks, present})
		blocks[len(blocks)-1] = block
	}
	for i, block := range blocks {
		for _, h := range block {
			f.ID, f.Permissions, f.Locks = h.id, h.permissions, h.locks
			n.deferred(h.present, layout)
			if n.err != nil {
				return
			}
			if c.stop == nil {
				c.stop = c.row(f)
			}
		}
		blocks[i] = nil
	}
}

// FileClose ends the open with that id for its owner, NetrFileClose in
// [MS-SRVS] 3.1.4.4. What it returns is not the last word: Samba closes after
// it has answered, every open with that id, and from 4.21 on answers
// ERROR_FILE_NOT_FOUND also when it did. List the opens again to know.
func (s *ServerService) FileClose(ctx context.Context, id uint32) error {
	return s.once(ctx, &fileCloseCall{server: s.name, id: id})
}

// fileCloseCall is NetrFileClose.
type fileCloseCall struct {
	server string
	id     uint32
	result uint32
}

func (c *fileCloseCall) op() (uint16, string) { return opNetrFileClose, "NetrFileClose" }

func (c *fileCloseCall) request(n *ndr) {
	n.optional("ServerName", &c.server)
	n.uint32("FileId", &c.id)
}

func (c *fileCloseCall) serve(h ServerServiceHandler) { c.result = uint32(h.FileClose(c.id)) }

func (c *fileCloseCall) response(n *ndr) { n.uint32("return value", &c.result) }

func (c *fileCloseCall) returned() Win32Error { return Win32Error(c.result) }

// fileGetInfoCall is NetrFileGetInfo, [MS-SRVS] 3.1.4.3.
type fileGetInfoCall struct {
	infoCall
	server string
	id     uint32
	info   FileInfo
}

func (c *fileGetInfoCall) op() (uint16, string) { return opNetrFileGetInfo, "NetrFileGetInfo" }

func (c *fileGetInfoCall) request(n *ndr) {
	n.optional("ServerName", &c.server)
	n.uint32("FileId", &c.id)
	n.uint32("Level", &c.level)
}

func (c *fileGetInfoCall) serve(h ServerServiceHandler) {
	if c.begin(fileArms) {
		var code Win32Error
		c.info, code = h.FileGetInfo(c.level, c.id)
		c.end(code)
	}
}

func (c *fileGetInfoCall) response(n *ndr) {
	c.infoResponse(n, fileArms, func(n *ndr) { c.info.layout(n, c.level) })
}
