package smb

import (
	"slices"
	"time"
)

// ServerServiceHandler answers the calls of [MS-SRVS] for one client; a server
// has one for each pipe, which knows whose it is and what they may see.
//
// A method returns 0 or a Win32 error, with which its other results are
// ignored. It is called from [RPCServer.Write] and [RPCServer.Read], in the
// order of the requests and never two at a time for one RPCServer. Slices that
// it returns are handed over.
//
// The level is the information level that the client asks for, one that the
// call has in [MS-SRVS]; a handler may refuse it with ErrorInvalidLevel. The
// rows of the methods that end in Enum are the complete list, already
// filtered. The strings the client filters by are at most 1023 UTF-16 units,
// and "" where it sent none or an empty one; all that [MS-SRVS] says about
// their form beyond that, and about the caller's rights, is the handler's.
type ServerServiceHandler interface {
	// Unpaged reports whether the enumerations are answered as Samba does:
	// with all rows at once, whatever PreferedMaximumLength and ResumeHandle
	// say. Otherwise they are cut into pages as [MS-SRVS] 3.1.4.1 has it.
	Unpaged() bool

	// ConnectionEnum is NetrConnectionEnum, levels 0 and 1. The qualifier is
	// a share, or a client when it begins with `\\`.
	ConnectionEnum(level uint32, qualifier string) ([]ConnectionInfo, Win32Error)

	// FileEnum is NetrFileEnum, levels 2 and 3.
	FileEnum(level uint32, basePath, user string) ([]FileInfo, Win32Error)
	// FileGetInfo is NetrFileGetInfo, levels 2 and 3; ErrorFileNotFound when
	// no open has the id.
	FileGetInfo(level, id uint32) (FileInfo, Win32Error)
	// FileClose is NetrFileClose; NerrFileIDNotFound when no open has the id.
	FileClose(id uint32) Win32Error

	// SessionEnum is NetrSessionEnum, levels 0, 1, 2, 10 and 502.
	SessionEnum(level uint32, client, user string) ([]SessionInfo, Win32Error)
	// SessionDel is NetrSessionDel. Both filters may be "", which is to be
	// refused.
	SessionDel(client, user string) Win32Error

	// ShareEnum is NetrShareEnum, levels 0, 1, 2, 501, 502 and 503,
	// NetrShareEnumSticky, which lists neither special nor temporary shares,
	// and, with level 2, NetrShareCheck.
	ShareEnum(level uint32) ([]ShareInfo, Win32Error)
	// ShareGetInfo is NetrShareGetInfo, levels 0, 1, 2, 501, 502, 503 and
	// 1005; NerrNetNameNotFound when there is no such share. The name is not
	// empty.
	ShareGetInfo(level uint32, name string) (ShareInfo, Win32Error)

	// ServerGetInfo is NetrServerGetInfo, levels 100, 101 and 102.
	ServerGetInfo(level uint32) (ServerInfo, Win32Error)
	// ServerDiskEnum is NetrServerDiskEnum: drives such as "C:", at most 26.
	ServerDiskEnum() ([]string, Win32Error)
	// RemoteTOD is NetrRemoteTOD: the server's time, whose location gives the
	// time zone sent, and the time since its start.
	RemoteTOD() (now time.Time, up time.Duration, code Win32Error)
}

// NewServerServiceServer returns the server's end of a newly opened pipe
// "srvsvc". Calls that h has no method for are answered ERROR_NOT_SUPPORTED,
// where smbtorture's rpc.srvsvc wants an answer, or with the fault
// nca_op_rng_error.
func NewServerServiceServer(h ServerServiceHandler) *RPCServer {
	return newRPCServer(rpcInterface{
		syntax:  serverServiceSyntax,
		address: `\PIPE\srvsvc`,
		call:    func(opnum uint16, stub []byte) ([]byte, uint32) { return serveServerService(h, opnum, stub) },
	})
}

// serveServerService carries out one call.
func serveServerService(h ServerServiceHandler, opnum uint16, stub []byte) (answer []byte, fault uint32) {
	c := newServedCall(opnum)
	if c == nil {
		return nil, rpcFaultOpRange
	}
	n := newNDRReader(stub, nil)
	if c.request(n); n.err != nil {
		return nil, rpcFaultBadStub
	}
	c.serve(h)
	n = newNDRWriter()
	if c.response(n); n.err != nil {
		return nil, rpcFaultUnspecified
	}
	return n.buf, 0
}

// newServedCall returns an empty call to read a request into, nil for an
// opnum that is not answered.
func newServedCall(opnum uint16) serverCall {
	e := enumeration{level: anyLevel}
	switch opnum {
	case opNetrConnectionEnum:
		return &connectionEnumCall{enumeration: e}
	case opNetrFileEnum:
		return &fileEnumCall{enumeration: e}
	case opNetrFileGetInfo:
		return &fileGetInfoCall{}
	case opNetrFileClose:
		return &fileCloseCall{}
	case opNetrSessionEnum:
		return &sessionEnumCall{enumeration: e}
	case opNetrSessionDel:
		return &sessionDelCall{}
	case opNetrShareEnum, opNetrShareEnumSticky:
		return &shareEnumCall{enumeration: e, sticky: opnum == opNetrShareEnumSticky}
	case opNetrShareGetInfo:
		return &shareGetInfoCall{}
	case opNetrShareCheck:
		return &shareCheckCall{}
	case opNetrServerGetInfo:
		return &serverGetInfoCall{}
	case opNetrServerDiskEnum:
		return &diskEnumCall{}
	case opNetrRemoteTOD:
		return &remoteTODCall{}
	case opNetrCharDevEnum, opNetrCharDevQEnum, opNetrServerTransportEnum:
		return &emptyEnumCall{enumeration: e, opnum: opnum}
	case opNetrShareAdd, opNetrShareSetInfo, opNetrShareDel, opNetrShareDelSticky, opNetprNameValidate:
		return &refusedCall{opnum: opnum}
	}
	return nil
}

// longQualifier reports whether one of the strings is longer than 1023 UTF-16
// units, the most that the calls of [MS-SRVS] 3.1.4 take.
func longQualifier(s ...string) bool {
	return slices.ContainsFunc(s, func(s string) bool { return len(appendUTF16(nil, s)) > 2*1023 })
}

// begin reports whether a request of this level and with these filters may go
// to the handler; if not, the answer is set.
func (e *enumeration) begin(levels []uint32, filters ...string) bool {
	switch {
	case !slices.Contains(levels, e.level):
		e.result = uint32(ErrorInvalidLevel)
	case longQualifier(filters...):
		e.result = uint32(ErrorInvalidParameter)
	default:
		return true
	}
	return false
}

// page sets e to what the handler answered and returns the rows to be sent:
// those from the resume handle on, as many as the preferred length holds.
//
// The handle counts the rows of the filtered list, where [MS-SRVS] counts
// those of the whole: a client that goes on sends the same filters. A length
// too small for the next row is NERR_BufTooSmall in every call; [MS-SRVS] says
// so for some.
func page[T any](e *enumeration, h ServerServiceHandler, rows []T, code Win32Error, layout func(*ndr, *T, uint32)) []T {
	e.total, e.result = 0, uint32(code)
	if code != 0 {
		return nil
	}
	if h.Unpaged() {
		e.total = uint32(len(rows))
		return rows
	}
	start := 0
	if e.resumable {
		start = int(min(uint64(e.resume), uint64(len(rows))))
	}
	rows = rows[start:]
	e.total = uint32(len(rows))
	count := len(rows)
	if e.preferred != maxPreferredLength {
		count = fit(rows, e.level, uint64(e.preferred), layout)
	}
	switch {
	case count == len(rows):
		e.resume = 0
	case count == 0:
		e.result = uint32(NerrBufTooSmall)
	default:
		e.result = uint32(ErrorMoreData)
		e.resume = uint32(start + count)
	}
	return rows[:count]
}

// fit returns how many of the rows take at most size bytes, each counted as it
// is on the wire.
func fit[T any](rows []T, level uint32, size uint64, layout func(*ndr, *T, uint32)) int {
	n := newNDRWriter()
	for i := range rows {
		n.buf = n.buf[:0]
		n.structure(func(n *ndr) { layout(n, &rows[i], level) })
		if n.err != nil || uint64(len(n.buf)) > size {
			return i
		}
		size -= uint64(len(n.buf))
	}
	return len(rows)
}
