package smb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// tables is a ServerServiceHandler with fixed answers.
type tables struct {
	unpaged     bool
	refuse      Win32Error // every call's answer, if not 0
	connections []ConnectionInfo
	files       []FileInfo
	sessions    []SessionInfo
	shares      []ShareInfo
	server      ServerInfo
	disks       []string
	now         time.Time
	up          time.Duration

	calls []string // what was asked
}

func (h *tables) asked(format string, args ...any) Win32Error {
	h.calls = append(h.calls, fmt.Sprintf(format, args...))
	return h.refuse
}

func (h *tables) Unpaged() bool { return h.unpaged }

func (h *tables) ConnectionEnum(level uint32, qualifier string) ([]ConnectionInfo, Win32Error) {
	return slices.Clone(h.connections), h.asked("ConnectionEnum %d %q", level, qualifier)
}

func (h *tables) FileEnum(level uint32, basePath, user string) ([]FileInfo, Win32Error) {
	return slices.Clone(h.files), h.asked("FileEnum %d %q %q", level, basePath, user)
}

func (h *tables) FileGetInfo(level, id uint32) (FileInfo, Win32Error) {
	if code := h.asked("FileGetInfo %d %d", level, id); code != 0 {
		return FileInfo{}, code
	}
	for _, f := range h.files {
		if f.ID == id {
			return f, 0
		}
	}
	return FileInfo{}, ErrorFileNotFound
}

func (h *tables) FileClose(id uint32) Win32Error { return h.asked("FileClose %d", id) }

func (h *tables) SessionEnum(level uint32, client, user string) ([]SessionInfo, Win32Error) {
	return slices.Clone(h.sessions), h.asked("SessionEnum %d %q %q", level, client, user)
}

func (h *tables) SessionDel(client, user string) Win32Error {
	return h.asked("SessionDel %q %q", client, user)
}

func (h *tables) ShareEnum(level uint32) ([]ShareInfo, Win32Error) {
	return slices.Clone(h.shares), h.asked("ShareEnum %d", level)
}

func (h *tables) ShareGetInfo(level uint32, name string) (ShareInfo, Win32Error) {
	if code := h.asked("ShareGetInfo %d %q", level, name); code != 0 {
		return ShareInfo{}, code
	}
	for _, s := range h.shares {
		if s.Name == name {
			return s, 0
		}
	}
	return ShareInfo{}, NerrNetNameNotFound
}

func (h *tables) ServerGetInfo(level uint32) (ServerInfo, Win32Error) {
	return h.server, h.asked("ServerGetInfo %d", level)
}

func (h *tables) ServerDiskEnum() ([]string, Win32Error) { return h.disks, h.asked("ServerDiskEnum") }

func (h *tables) RemoteTOD() (time.Time, time.Duration, Win32Error) {
	return h.now, h.up, h.asked("RemoteTOD")
}

// someTables has rows of all lengths.
func someTables() *tables {
	return &tables{
		connections: []ConnectionInfo{
			{ID: 9, Type: STypeDisk, Opens: 3, Users: 1, Age: time.Hour, User: "root", Name: "192.0.2.1"},
			{ID: 10, Type: STypeIPC | STypeSpecial, User: "zoe"},
		},
		files:    judgedFiles,
		sessions: judgedSessions,
		shares: []ShareInfo{
			{Name: "data", Remark: "Test data", MaxUses: 0xFFFFFFFF, CurrentUses: 2, Path: `C:\srv\data`, Flags: 0x30},
			{Name: "tmp", Type: STypeTemporary, Permissions: 7, MaxUses: 9, Path: `C:\tmp`},
			{Name: "IPC$", Type: STypeIPC | STypeSpecial, Remark: "Remote IPC"},
		},
		server: ServerInfo{
			Platform: 500, Name: "LAB", Major: 10, Minor: 2, Type: 0x9003, Comment: "a lab",
			Users: 16, Disconnect: 15, Hidden: 1, Announce: 240, AnnounceDelta: 3000, UserPath: `c:\`,
		},
		disks: []string{"C:", "D:"},
		now:   time.Date(2024, 2, 29, 23, 59, 58, 990_000_000, time.FixedZone("", 5400)),
		up:    90 * time.Second,
	}
}

// serverPipe is a client's end of a pipe whose other end is an RPCServer.
type serverPipe struct {
	server *RPCServer
	piece  int // the most bytes one Write hands on and one Read returns
}

func (p serverPipe) Write(_ context.Context, b []byte) error {
	for part := range slices.Chunk(b, p.piece) {
		if err := p.server.Write(part); err != nil {
			return err
		}
	}
	return nil
}

func (p serverPipe) Read(_ context.Context, b []byte) (int, error) {
	got, _ := p.server.Read(min(len(b), p.piece))
	if got == nil {
		return 0, io.EOF
	}
	return copy(b, got), nil
}

// dialTables returns a client of a server that answers from h.
func dialTables(t testing.TB, h ServerServiceHandler, piece int) *ServerService {
	t.Helper()
	s, err := NewServerService(context.Background(), serverPipe{NewServerServiceServer(h), piece}, `\\server`)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestServerServiceOwnClient(t *testing.T) {
	ctx := context.Background()
	for _, piece := range []int{1, 17, 1 << 16} {
		h := someTables()
		s := dialTables(t, h, piece)
		wantShares := slices.Clone(h.shares)
		for i := range wantShares {
			wantShares[i].Level, wantShares[i].Flags = 2, 0
		}
		wantSessions := slices.Clone(h.sessions)
		for i := range wantSessions {
			wantSessions[i].Level = 502
		}
		if got, err := s.ShareEnum(ctx); err != nil || !reflect.DeepEqual(got, wantShares) {
			t.Errorf("ShareEnum = %+v, %v", got, err)
		}
		if got, err := s.SessionEnum(ctx, `\\c`, "u"); err != nil || !reflect.DeepEqual(got, wantSessions) {
			t.Errorf("SessionEnum = %+v, %v", got, err)
		}
		if got, err := s.ConnectionEnum(ctx, "data"); err != nil || !reflect.DeepEqual(got, h.connections) {
			t.Errorf("ConnectionEnum = %+v, %v", got, err)
		}
		var files []FileInfo
		err := s.FileEnum(ctx, `C:\`, "zoe", func(f FileInfo) error { files = append(files, f); return nil })
		if err != nil || !reflect.DeepEqual(files, h.files) {
			t.Errorf("FileEnum = %+v, %v", files, err)
		}
		want := ServerInfo{Platform: 500, Name: "LAB", Major: 10, Minor: 2, Type: 0x9003, Comment: "a lab"}
		if got, err := s.ServerInfo(ctx); err != nil || got != want {
			t.Errorf("ServerInfo = %+v, %v", got, err)
		}
		if got, err := s.RemoteTOD(ctx); err != nil || !got.Equal(h.now) {
			t.Errorf("RemoteTOD = %v, %v", got, err)
		}
		if err := s.FileClose(ctx, 3); err != nil {
			t.Error(err)
		}
		if err := s.SessionDel(ctx, `\\c`, ""); err != nil {
			t.Error(err)
		}
		wantCalls := []string{
			"ShareEnum 2", `SessionEnum 502 "\\\\c" "u"`, `ConnectionEnum 1 "data"`, `FileEnum 3 "C:\\" "zoe"`,
			"ServerGetInfo 101", "RemoteTOD", "FileClose 3", `SessionDel "\\\\c" ""`,
		}
		if !slices.Equal(h.calls, wantCalls) {
			t.Errorf("the handler was asked %q", h.calls)
		}
	}
}

// TestServerServiceRefusals: a code from the handler comes without rows, and a
// refused level makes the client ask for another.
func TestServerServiceRefusals(t *testing.T) {
	ctx := context.Background()
	h := someTables()
	h.refuse = ErrorAccessDenied
	s := dialTables(t, h, 1<<16)
	for name, err := range map[string]error{
		"FileEnum":       s.FileEnum(ctx, "", "", func(FileInfo) error { return errors.New("a row came") }),
		"SessionEnum":    second(s.SessionEnum(ctx, "", "")),
		"ConnectionEnum": second(s.ConnectionEnum(ctx, "data")),
		"ShareEnum":      second(s.ShareEnum(ctx)),
		"ServerInfo":     second(s.ServerInfo(ctx)),
		"RemoteTOD":      second(s.RemoteTOD(ctx)),
		"FileClose":      s.FileClose(ctx, 1),
		"SessionDel":     s.SessionDel(ctx, "", "u"),
	} {
		if !errors.Is(err, ErrorAccessDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.refuse, h.calls = ErrorInvalidLevel, nil
	s = dialTables(t, h, 1<<16)
	if _, err := s.SessionEnum(ctx, "", ""); !errors.Is(err, ErrorInvalidLevel) {
		t.Error(err)
	}
	if want := []string{
		`SessionEnum 502 "" ""`, `SessionEnum 2 "" ""`, `SessionEnum 1 "" ""`, `SessionEnum 10 "" ""`, `SessionEnum 0 "" ""`,
	}; !slices.Equal(h.calls, want) {
		t.Errorf("the handler was asked %q", h.calls)
	}
}

// serve carries out one call and reads its answer into a new one.
func serve(t *testing.T, h ServerServiceHandler, c serverCall) serverCall {
	t.Helper()
	opnum, name := c.op()
	stub, fault := serveServerService(h, opnum, writeStub(t, c.request))
	if fault != 0 {
		t.Fatalf("%s: %v", name, &RPCFault{Status: fault})
	}
	answer := newCall(opnum)
	n := newNDRReader(stub, nil)
	if answer.response(n); n.err != nil || len(n.buf) != 0 {
		t.Fatalf("%s: %v, %d bytes left", name, n.err, len(n.buf))
	}
	return answer
}

// TestServerServicePaging goes through a table by small pages.
func TestServerServicePaging(t *testing.T) {
	h := &tables{}
	for i := range 100 {
		h.files = append(h.files, FileInfo{ID: uint32(i), Path: strings.Repeat("x", i), User: "u"})
	}
	var ids []uint32
	pages := 0
	for resume, result := uint32(0), ErrorMoreData; result == ErrorMoreData; pages++ {
		c := &fileEnumCall{enumeration: enumeration{level: 3, preferred: 1000, resume: resume, resumable: true}}
		got := serve(t, h, c).(*fileEnumCall)
		result = got.returned()
		if int(got.total) != 100-len(ids) {
			t.Fatalf("TotalEntries is %d after %d rows", got.total, len(ids))
		}
		for _, f := range got.files {
			ids = append(ids, f.ID)
			if want := strings.Repeat("x", int(f.ID)); f.Path != want {
				t.Fatalf("row %+v", f)
			}
		}
		if result == ErrorMoreData && (int(got.resume) != len(ids) || len(got.files) == 0) {
			t.Fatalf("ResumeHandle is %d after %d rows", got.resume, len(ids))
		}
		if size := len(writeStub(t, got.response)); size > 1100 {
			t.Errorf("a page of 1000 bytes takes %d", size)
		}
		resume = got.resume
	}
	if len(ids) != 100 || !slices.IsSorted(ids) || pages < 10 || pages > 30 {
		t.Errorf("%d pages with rows %v", pages, ids)
	}

	for _, tt := range []struct {
		name    string
		request enumeration
		unpaged bool
		rows    int
		total   uint32
		resume  uint32
		result  Win32Error
	}{
		{"everything", enumeration{preferred: maxPreferredLength, resumable: true}, false, 100, 100, 0, 0},
		{"the end", enumeration{preferred: maxPreferredLength, resume: 98, resumable: true}, false, 2, 2, 0, 0},
		{"behind the end", enumeration{preferred: 10, resume: 100, resumable: true}, false, 0, 0, 0, 0},
		{"far behind the end", enumeration{preferred: 10, resume: 0xFFFFFFFF, resumable: true}, false, 0, 0, 0, 0},
		{"no handle", enumeration{preferred: 130}, false, 2, 100, 0, ErrorMoreData},
		{"too small", enumeration{preferred: 20, resume: 7, resumable: true}, false, 0, 93, 7, NerrBufTooSmall},
		{"no length", enumeration{resumable: true}, false, 0, 100, 0, NerrBufTooSmall},
		{"unpaged", enumeration{preferred: 20, resume: 7, resumable: true}, true, 100, 100, 7, 0},
	} {
		h.unpaged = tt.unpaged
		tt.request.level = 3
		got := serve(t, h, &fileEnumCall{enumeration: tt.request}).(*fileEnumCall)
		if len(got.files) != tt.rows || got.total != tt.total || got.resume != tt.resume || got.returned() != tt.result || got.resumable != tt.request.resumable {
			t.Errorf("%s: %d rows, %+v", tt.name, len(got.files), got.enumeration)
		}
	}
}

// TestServerServiceLevels: a level that the call does not have is refused
// before the handler, and the answer is one that clients read.
func TestServerServiceLevels(t *testing.T) {
	h := someTables()
	bad := func(level uint32) enumeration { return enumeration{level: level, resumable: true} }
	for _, c := range []serverCall{
		&fileEnumCall{enumeration: bad(1)}, &fileEnumCall{enumeration: bad(anyLevel)},
		&sessionEnumCall{enumeration: bad(3)}, &connectionEnumCall{enumeration: bad(2)},
		&shareEnumCall{enumeration: bad(1005)}, &shareEnumCall{enumeration: bad(501), sticky: true},
		&serverGetInfoCall{infoCall: infoCall{level: 502}}, &serverGetInfoCall{infoCall: infoCall{level: 7}},
		&fileGetInfoCall{infoCall: infoCall{level: 1}},
		&shareGetInfoCall{infoCall: infoCall{level: 1501}, name: "data"}, &shareGetInfoCall{infoCall: infoCall{level: 3}, name: "data"},
		&diskEnumCall{level: 1},
	} {
		opnum, name := c.op()
		stub, fault := serveServerService(h, opnum, writeStub(t, c.request))
		if fault != 0 || len(stub) < 4 || le.Uint32(stub[len(stub)-4:]) != uint32(ErrorInvalidLevel) {
			t.Errorf("%s: fault %#x, %x", name, fault, stub)
		}
	}
	if h.calls != nil {
		t.Errorf("the handler was asked %q", h.calls)
	}
}

func TestServerServiceLongQualifiers(t *testing.T) {
	h := someTables()
	all := enumeration{level: 0, preferred: maxPreferredLength}
	for length, want := range map[int]Win32Error{1023: 0, 1024: ErrorInvalidParameter} {
		s := strings.Repeat("x", length)
		for _, c := range []serverCall{
			&fileEnumCall{enumeration: enumeration{level: 3, preferred: maxPreferredLength}, basePath: s},
			&sessionEnumCall{enumeration: all, user: s}, &connectionEnumCall{enumeration: all, qualifier: s},
			&sessionDelCall{client: s},
		} {
			if got := serve(t, h, c).returned(); got != want {
				t.Errorf("%T with %d characters: %v", c, length, got)
			}
		}
	}
	if got := serve(t, h, &shareGetInfoCall{infoCall: infoCall{level: 2}}).returned(); got != ErrorInvalidParameter {
		t.Errorf("a share without a name: %v", got)
	}
}

func TestServerServiceSmallCalls(t *testing.T) {
	h := someTables()
	disks := serve(t, h, &diskEnumCall{resumable: true}).(*diskEnumCall)
	if !slices.Equal(disks.disks, []string{"C:", "D:", ""}) || disks.total != 2 || disks.result != 0 {
		t.Errorf("ServerDiskEnum: %+v", disks)
	}
	check := serve(t, h, &shareCheckCall{device: `c:\SRV\data`}).(*shareCheckCall)
	if check.stype != STypeDisk || check.result != 0 {
		t.Errorf("ShareCheck: %+v", check)
	}
	if check = serve(t, h, &shareCheckCall{}).(*shareCheckCall); check.stype != STypeIPC || check.result != 0 {
		t.Errorf("ShareCheck of IPC$: %+v", check)
	}
	if got := serve(t, h, &shareCheckCall{device: `C:\none`}).returned(); got != NerrDeviceNotShared {
		t.Errorf("ShareCheck of nothing: %v", got)
	}
	sticky := serve(t, h, &shareEnumCall{enumeration: enumeration{level: 1, preferred: maxPreferredLength}, sticky: true}).(*shareEnumCall)
	if len(sticky.shares) != 1 || sticky.shares[0].Name != "data" || sticky.total != 1 {
		t.Errorf("ShareEnumSticky: %+v", sticky)
	}
	tod := serve(t, h, &remoteTODCall{}).(*remoteTODCall)
	if want := (timeOfDay{
		elapsed: 1709245798, msecs: 90000, hours: 22, mins: 29, secs: 58, hunds: 99, timezone: 0xFFFFFFA6, tick: 310,
		day: 29, month: 2, year: 2024, weekday: 4,
	}); tod.time != want {
		t.Errorf("RemoteTOD: %+v", tod.time)
	}
	for _, c := range []serverCall{
		&emptyEnumCall{enumeration: enumeration{level: 1}, opnum: opNetrCharDevEnum},
		&emptyEnumCall{enumeration: enumeration{level: 0}, opnum: opNetrCharDevQEnum, user: "u"},
		&emptyEnumCall{enumeration: enumeration{level: 1, resumable: true}, opnum: opNetrServerTransportEnum},
		&refusedCall{opnum: opNetrShareAdd}, &refusedCall{opnum: opNetrShareSetInfo}, &refusedCall{opnum: opNetrShareDel},
		&refusedCall{opnum: opNetrShareDelSticky}, &refusedCall{opnum: opNetprNameValidate},
	} {
		if _, name := c.op(); serve(t, h, c).returned() != ErrorNotSupported {
			t.Errorf("%s is not refused", name)
		}
	}
}

// TestServerServiceBadStubs cuts every request: a fault, and never the
// handler.
func TestServerServiceBadStubs(t *testing.T) {
	h := someTables()
	for _, r := range recordedCalls(t) {
		for cut := range r.request {
			if _, fault := serveServerService(h, r.opnum, r.request[:cut]); fault != rpcFaultBadStub {
				t.Errorf("%s: fault %#x for %d of %d bytes", r.mark, fault, cut, len(r.request))
			}
		}
	}
	if h.calls != nil {
		t.Errorf("the handler was asked %q", h.calls)
	}
	for _, opnum := range []uint16{1, 24, 57, 58, 0xFFFF} {
		if _, fault := serveServerService(h, opnum, nil); fault != rpcFaultOpRange {
			t.Errorf("opnum %d: fault %#x", opnum, fault)
		}
	}
	// A row that the wire cannot carry.
	h.files = []FileInfo{{Path: "a\x00b"}}
	c := &fileEnumCall{enumeration: newEnumeration(3)}
	if _, fault := serveServerService(h, opNetrFileEnum, writeStub(t, c.request)); fault != rpcFaultUnspecified {
		t.Errorf("fault %#x", fault)
	}
}
