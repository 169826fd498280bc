package smb

import (
	"context"
	"net"
	"reflect"
	"slices"
	"testing"

	"github.com/oiweiwei/go-msrpc/dcerpc"
	judge "github.com/oiweiwei/go-msrpc/msrpc/srvs/srvsvc/v3"
)

// pipeDialer connects go-msrpc to one end of a net.Pipe.
type pipeDialer struct{ conn net.Conn }

func (d pipeDialer) DialContext(context.Context, string, string) (net.Conn, error) {
	return d.conn, nil
}

// judgeClient is go-msrpc's client of a server that answers from h.
func judgeClient(t *testing.T, h ServerServiceHandler, options ...dcerpc.Option) judge.SrvsvcClient {
	t.Helper()
	ours, theirs := net.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- pump(ours, NewServerServiceServer(h)) }()
	ctx, cancel := context.WithCancel(context.Background())
	conn, err := dcerpc.Dial(ctx, "ncacn_ip_tcp:192.0.2.1[4321]", dcerpc.WithDialer(pipeDialer{theirs}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close(ctx)
		cancel()
		ours.Close()
		theirs.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	client, err := judge.NewSrvsvcClient(ctx, conn, append(options, dcerpc.WithInsecure())...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// pump carries bytes between a stream and a server until the stream ends.
func pump(conn net.Conn, s *RPCServer) error {
	in := make([]byte, 1000)
	for {
		n, err := conn.Read(in)
		if err != nil {
			return nil
		}
		if err := s.Write(in[:n]); err != nil {
			return err
		}
		for b, _ := s.Read(777); b != nil; b, _ = s.Read(777) {
			if _, err := conn.Write(b); err != nil {
				return nil
			}
		}
	}
}

// TestJudgeClient has go-msrpc's client make every call at every level. It
// offers bind-time features, and once NDR64.
func TestJudgeClient(t *testing.T) {
	for name, options := range map[string][]dcerpc.Option{
		"NDR":           nil,
		"NDR64 and NDR": {dcerpc.WithNDR64(), dcerpc.WithNDR20()},
	} {
		t.Run(name, func(t *testing.T) {
			h := someTables()
			h.files = slices.Clone(judgedFiles)
			for i := range 300 { // an answer of several fragments
				h.files = append(h.files, FileInfo{ID: uint32(1000 + i), Path: `C:\srv\data\Grüße 🎉.txt`, User: "zoe"})
			}
			testJudgeClient(t, h, judgeClient(t, h, options...))
		})
	}
}

func testJudgeClient(t *testing.T, h *tables, client judge.SrvsvcClient) {
	ctx := context.Background()
	const server = `\\server`
	same := func(name string, got, want any, err error) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
	}

	var files2 []*judge.FileInfo2
	var files3 []*judge.FileInfo3
	for _, f := range h.files {
		files2 = append(files2, &judge.FileInfo2{ID: f.ID})
		files3 = append(files3, &judge.FileInfo3{ID: f.ID, Permissions: f.Permissions, NumLocks: f.Locks, PathName: f.Path, UserName: f.User})
	}
	fileEnum := func(level uint32, union *judge.FileEnumUnion) *judge.FileEnumUnion {
		t.Helper()
		r, err := client.FileEnum(ctx, &judge.FileEnumRequest{ServerName: server, BasePath: `C:\`, UserName: "zoe",
			Info: &judge.FileEnum{Level: level, FileInfo: union}, PreferredMaximumLength: maxLength})
		if err != nil || int(r.TotalEntries) != len(h.files) {
			t.Fatalf("FileEnum %d: %+v, %v", level, r, err)
		}
		return r.Info.FileInfo
	}
	u := fileEnum(2, &judge.FileEnumUnion{Value: &judge.FileEnumUnion_Level2{Level2: &judge.FileInfo2Container{}}})
	same("FileEnum 2", u.Value.(*judge.FileEnumUnion_Level2).Level2.Buffer, files2, nil)
	u = fileEnum(3, &judge.FileEnumUnion{Value: &judge.FileEnumUnion_Level3{Level3: &judge.FileInfo3Container{}}})
	same("FileEnum 3", u.Value.(*judge.FileEnumUnion_Level3).Level3.Buffer, files3, nil)

	f2, err := client.FileGetInfo(ctx, &judge.FileGetInfoRequest{ServerName: server, FileID: 3, Level: 2})
	same("FileGetInfo 2", f2.Info.GetValue(), files2[2], err)
	f3, err := client.FileGetInfo(ctx, &judge.FileGetInfoRequest{ServerName: server, FileID: 3, Level: 3})
	same("FileGetInfo 3", f3.Info.GetValue(), files3[2], err)
	if f3, err = client.FileGetInfo(ctx, &judge.FileGetInfoRequest{FileID: 999, Level: 3}); err == nil || f3.Return != uint32(ErrorFileNotFound) {
		t.Errorf("FileGetInfo of nothing: %+v, %v", f3, err)
	}
	if _, err := client.FileClose(ctx, &judge.FileCloseRequest{ServerName: server, FileID: 3}); err != nil {
		t.Error(err)
	}

	for _, level := range []uint32{0, 1, 2, 10, 502} {
		c := sessionCase(level)
		in, want := c.request.(*judge.SessionEnumRequest), c.response.(*judge.SessionEnumResponse)
		in.Resume = 0
		r, err := client.SessionEnum(ctx, in)
		if err != nil || !reflect.DeepEqual(r.Info, want.Info) || int(r.TotalEntries) != len(h.sessions) {
			t.Errorf("SessionEnum %d: %+v, %v", level, r, err)
		}
	}

	connection := func(level uint32, union *judge.ConnectEnumUnion) any {
		t.Helper()
		r, err := client.ConnectionEnum(ctx, &judge.ConnectionEnumRequest{ServerName: server, Qualifier: "data",
			Info: &judge.ConnectEnum{Level: level, ConnectInfo: union}, PreferredMaximumLength: maxLength})
		if err != nil {
			t.Fatalf("ConnectionEnum %d: %v", level, err)
		}
		return r.Info.ConnectInfo.GetValue()
	}
	got := connection(0, &judge.ConnectEnumUnion{Value: &judge.ConnectEnumUnion_Level0{Level0: &judge.ConnectInfo0Container{}}})
	same("ConnectionEnum 0", got.(*judge.ConnectInfo0Container).Buffer, []*judge.ConnectionInfo0{{Coni0ID: 9}, {Coni0ID: 10}}, nil)
	got = connection(1, &judge.ConnectEnumUnion{Value: &judge.ConnectEnumUnion_Level1{Level1: &judge.ConnectInfo1Container{}}})
	same("ConnectionEnum 1", got.(*judge.ConnectInfo1Container).Buffer, []*judge.ConnectionInfo1{
		{ID: 9, NumOpens: 3, NumUsers: 1, Time: 3600, UserName: "root", NetworkName: "192.0.2.1"},
		{ID: 10, Type: 0x80000003, UserName: "zoe"},
	}, nil)

	testJudgeShares(t, h, client)

	for level, want := range map[uint32]any{
		100: [2]any{uint32(500), "LAB"},
		101: [3]any{"LAB", uint32(0x9003), "a lab"},
		102: [6]any{uint32(16), int32(15), int32(1), uint32(240), uint32(3000), `c:\`},
	} {
		r, err := client.GetInfo(ctx, &judge.GetInfoRequest{ServerName: server, Level: level})
		if err != nil {
			t.Errorf("ServerGetInfo %d: %v", level, err)
			continue
		}
		switch v := r.Info.Value.(type) {
		case *judge.ServerInfo_100:
			same("ServerGetInfo 100", [2]any{v.ServerInfo100.PlatformID, v.ServerInfo100.Name}, want, nil)
		case *judge.ServerInfo_101:
			same("ServerGetInfo 101", [3]any{v.ServerInfo101.Name, v.ServerInfo101.VersionType, v.ServerInfo101.Comment}, want, nil)
		case *judge.ServerInfo_102:
			i := v.ServerInfo102
			same("ServerGetInfo 102", [6]any{i.Users, i.Disc, i.Hidden, i.Announce, i.AnnounceDelta, i.UserPath}, want, nil)
		}
	}
	tod, err := client.RemoteToD(ctx, &judge.RemoteToDRequest{ServerName: server})
	if err != nil || tod.BufferPointer.ElapsedTime != 1709245798 || tod.BufferPointer.Timezone != -90 || tod.BufferPointer.Hunds != 99 {
		t.Errorf("RemoteTOD: %+v, %v", tod, err)
	}
	disks, err := client.DiskEnum(ctx, &judge.DiskEnumRequest{ServerName: server, DiskInfo: &judge.DiskEnumContainer{}})
	if err != nil || disks.TotalEntries != 2 || len(disks.DiskInfo.Buffer) != 3 || disks.DiskInfo.Buffer[1].Disk != "D:" || disks.DiskInfo.Buffer[2].Disk != "" {
		t.Errorf("ServerDiskEnum: %+v, %v", disks, err)
	}
	if r, err := client.SessionDelete(ctx, &judge.SessionDeleteRequest{ServerName: server, ClientName: `\\c`}); err != nil {
		t.Errorf("SessionDel: %+v, %v", r, err)
	}
	if r, err := client.ShareAdd(ctx, &judge.ShareAddRequest{ServerName: server, Level: 2, ParameterError: 7,
		Info: &judge.ShareInfo{Value: &judge.ShareInfo_2{ShareInfo2: &judge.ShareInfo2{NetworkName: "new", Path: `C:\new`}}}}); err == nil || r == nil || r.Return != uint32(ErrorNotSupported) {
		t.Errorf("ShareAdd: %+v, %v", r, err)
	}
}

func testJudgeShares(t *testing.T, h *tables, client judge.SrvsvcClient) {
	ctx := context.Background()
	unions := map[uint32]*judge.ShareEnumUnion{
		0:   {Value: &judge.ShareEnumUnion_Level0{Level0: &judge.ShareInfo0Container{}}},
		1:   {Value: &judge.ShareEnumUnion_Level1{Level1: &judge.ShareInfo1Container{}}},
		2:   {Value: &judge.ShareEnumUnion_Level2{Level2: &judge.ShareInfo2Container{}}},
		501: {Value: &judge.ShareEnumUnion_Level501{Level501: &judge.ShareInfo501Container{}}},
		502: {Value: &judge.ShareEnumUnion_Level502{Level502: &judge.ShareInfo502Container{}}},
		503: {Value: &judge.ShareEnumUnion_Level503{Level503: &judge.ShareInfo503Container{}}},
	}
	for level, union := range unions {
		r, err := client.ShareEnum(ctx, &judge.ShareEnumRequest{ServerName: `\\server`,
			Info: &judge.ShareEnum{Level: level, ShareInfo: union}, PreferredMaximumLength: maxLength})
		if err != nil || int(r.TotalEntries) != len(h.shares) {
			t.Errorf("ShareEnum %d: %+v, %v", level, r, err)
			continue
		}
		var rows []any
		switch c := r.Info.ShareInfo.GetValue().(type) {
		case *judge.ShareInfo0Container:
			rows = anySlice(c.Buffer)
		case *judge.ShareInfo1Container:
			rows = anySlice(c.Buffer)
		case *judge.ShareInfo2Container:
			rows = anySlice(c.Buffer)
		case *judge.ShareInfo501Container:
			rows = anySlice(c.Buffer)
		case *judge.ShareInfo502Container:
			rows = anySlice(c.Buffer)
		case *judge.ShareInfo503Container:
			rows = anySlice(c.Buffer)
		}
		for i, s := range h.shares {
			if want := judgedShare(level, s); i >= len(rows) || !reflect.DeepEqual(rows[i], want) {
				t.Errorf("ShareEnum %d: %d rows, row %d is not %+v", level, len(rows), i, want)
			}
			one, err := client.ShareGetInfo(ctx, &judge.ShareGetInfoRequest{ServerName: `\\server`, NetName: s.Name, Level: level})
			if err != nil || !reflect.DeepEqual(one.Info.GetValue(), judgedShare(level, s)) {
				t.Errorf("ShareGetInfo %d: %+v, %v", level, one, err)
			}
		}
	}
	one, err := client.ShareGetInfo(ctx, &judge.ShareGetInfoRequest{NetName: "data", Level: 1005})
	if err != nil || one.Info.Value.(*judge.ShareInfo_1005).ShareInfo1005.Flags != 0x30 {
		t.Errorf("ShareGetInfo 1005: %+v, %v", one, err)
	}
	if one, err = client.ShareGetInfo(ctx, &judge.ShareGetInfoRequest{NetName: "none", Level: 1}); err == nil || one.Return != uint32(NerrNetNameNotFound) {
		t.Errorf("ShareGetInfo of nothing: %+v, %v", one, err)
	}
	check, err := client.ShareCheck(ctx, &judge.ShareCheckRequest{Device: `C:\tmp`})
	if err != nil || check.Type != uint32(STypeTemporary) {
		t.Errorf("ShareCheck: %+v, %v", check, err)
	}
	// This request carries the rows of an earlier answer, which do not matter.
	sticky, err := client.ShareEnumSticky(ctx, &judge.ShareEnumStickyRequest{
		Info: &judge.ShareEnum{Level: 1, ShareInfo: unions[1]}, PreferredMaximumLength: maxLength})
	if err != nil || sticky.TotalEntries != 1 {
		t.Errorf("ShareEnumSticky: %+v, %v", sticky, err)
	}
}

func anySlice[T any](rows []T) []any {
	all := make([]any, len(rows))
	for i, r := range rows {
		all[i] = r
	}
	return all
}

// judgedShare is what a level has of a share.
func judgedShare(level uint32, s ShareInfo) any {
	switch level {
	case 0:
		return &judge.ShareInfo0{NetworkName: s.Name}
	case 1:
		return &judge.ShareInfo1{NetworkName: s.Name, Type: uint32(s.Type), Remark: s.Remark}
	case 501:
		return &judge.ShareInfo501{NetworkName: s.Name, Type: uint32(s.Type), Remark: s.Remark, Flags: s.Flags}
	case 502:
		return &judge.ShareInfo502I{NetworkName: s.Name, Type: uint32(s.Type), Remark: s.Remark,
			Permissions: s.Permissions, MaxUses: s.MaxUses, CurrentUses: s.CurrentUses, Path: s.Path}
	case 503:
		return &judge.ShareInfo503I{NetworkName: s.Name, Type: uint32(s.Type), Remark: s.Remark,
			Permissions: s.Permissions, MaxUses: s.MaxUses, CurrentUses: s.CurrentUses, Path: s.Path, Servername: "*"}
	}
	return &judge.ShareInfo2{NetworkName: s.Name, Type: uint32(s.Type), Remark: s.Remark,
		Permissions: s.Permissions, MaxUses: s.MaxUses, CurrentUses: s.CurrentUses, Path: s.Path}
}
