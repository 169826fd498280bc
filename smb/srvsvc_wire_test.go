package smb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// The recordings were made with these five files and one of another user held
// open by two clients on the machine itself, each session younger than a
// second.
func TestRecordedAdmin(t *testing.T) {
	f := loadFlow(t, "srvsvc-admin.txt")
	for _, piece := range []int{0, 1, 7} {
		t.Run(fmt.Sprintf("pieces of %d", piece), func(t *testing.T) {
			testRecordedAdmin(t, f, f.pipe(piece))
		})
	}
}

func testRecordedAdmin(t *testing.T, f flow, p *scriptPipe) {
	ctx := context.Background()
	s, err := NewServerService(ctx, p, `\\FILESRV`)
	if err != nil {
		t.Fatal(err)
	}

	info, err := s.ServerInfo(ctx)
	wantInfo := ServerInfo{
		Platform: 500, Name: "FILESRV", Major: 6, Minor: 1, Type: 0x809A03, Comment: "Samba 4.17.12-Debian",
	}
	if info.Type &= 0xFFFFFF; err != nil || info != wantInfo {
		t.Errorf("ServerInfo = %+v, %v", info, err)
	}

	now, err := s.RemoteTOD(ctx)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := time.Parse(time.RFC3339Nano, strings.TrimPrefix(f.mark(t, "NetrRemoteTOD at "), "NetrRemoteTOD at "))
	if err != nil {
		t.Fatal(err)
	}
	if d := asked.Sub(now); d < 0 || d > time.Second || now.Location() != time.UTC {
		t.Errorf("RemoteTOD = %v, asked at %v", now, asked)
	}

	shares, err := s.ShareEnum(ctx)
	wantShares := []ShareInfo{
		{Level: 2, Name: "data", Remark: "Test data", MaxUses: 0xFFFFFFFF, CurrentUses: 2, Path: `C:\srv\data`},
		{Level: 2, Name: "archive$", MaxUses: 0xFFFFFFFF, Path: `C:\srv\data\projects`},
		{Level: 2, Name: "IPC$", Type: STypeIPC | STypeSpecial, Remark: "IPC Service (Samba 4.17.12-Debian)",
			MaxUses: 0xFFFFFFFF, CurrentUses: 1, Path: `C:\var\tmp`},
	}
	if err != nil || !reflect.DeepEqual(shares, wantShares) {
		t.Errorf("ShareEnum = %+v, %v", shares, err)
	}

	sessions, err := s.SessionEnum(ctx, "", "")
	if err != nil {
		t.Fatal(err)
	}
	opens := map[string]uint32{}
	for _, i := range sessions {
		if i.Level != 1 || i.Known() != SessionHasUser|SessionHasOpens|SessionHasTimes|SessionHasFlags {
			t.Errorf("session %+v is not of level 1", i)
		}
		if i.Client != "127.0.0.1" || i.Age > time.Second || i.Idle != 0 || i.Flags != 0 {
			t.Errorf("session %+v", i)
		}
		opens[i.User] += i.Opens
	}
	if len(sessions) != 3 || !reflect.DeepEqual(opens, map[string]uint32{"root": 5, "games": 1}) {
		t.Errorf("SessionEnum = %+v", sessions)
	}

	connections, err := s.ConnectionEnum(ctx, "data")
	if err != nil {
		t.Fatal(err)
	}
	var open []uint32
	for _, c := range connections {
		open = append(open, c.Opens)
		if c.ID != 2 || c.Type != STypeIPC || c.Users != 1 || c.Age != 3*time.Second || c.User != "dummy_user" || c.Name != "IPC$" {
			t.Errorf("connection %+v", c)
		}
	}
	if slices.Sort(open); !slices.Equal(open, []uint32{1, 5}) {
		t.Errorf("ConnectionEnum = %+v", connections)
	}
	if connections, err = s.ConnectionEnum(ctx, `\\127.0.0.1`); err != nil || len(connections) != 1 {
		t.Errorf("ConnectionEnum of a client = %+v, %v", connections, err)
	}

	type key struct{ path, user string }
	wantFiles := map[key]uint32{
		{`C:\srv\data\a.txt`, "root"}:                  3,
		{`C:\srv\data\a.txt`, "games"}:                 1,
		{`C:\srv\data\annual report 2024.txt`, "root"}: 3,
		{`C:\srv\data\Grüße 🎉.txt`, "root"}:            3,
		{`C:\srv\data\projects\readme.txt`, "root"}:    3,
		{`C:\srv\data\ro.txt`, "root"}:                 1,
	}
	var readOnly uint32
	files := map[key]uint32{}
	rows := 0
	err = s.FileEnum(ctx, "", "", func(i FileInfo) error {
		rows++
		files[key{i.Path, i.User}] = i.Permissions
		if strings.HasSuffix(i.Path, `\ro.txt`) {
			readOnly = i.ID
		}
		if i.Locks != 0 {
			t.Errorf("row %+v", i)
		}
		return nil
	})
	if err != nil || rows != 6 || !reflect.DeepEqual(files, wantFiles) {
		t.Errorf("FileEnum = %v, %v", files, err)
	}
	rows = 0
	err = s.FileEnum(ctx, "", "games", func(i FileInfo) error {
		rows++
		if i.User != "games" {
			t.Errorf("row %+v", i)
		}
		return nil
	})
	if err != nil || rows != 1 {
		t.Errorf("FileEnum of games: %d rows, %v", rows, err)
	}
	err = s.FileEnum(ctx, "", "nobody", func(i FileInfo) error { return fmt.Errorf("row %+v", i) })
	if err != nil {
		t.Errorf("FileEnum of nobody: %v", err)
	}

	if err := s.FileClose(ctx, readOnly); err != nil {
		t.Errorf("FileClose: %v", err)
	}
	err = s.FileClose(ctx, 0xFFFFFFF0)
	if want := "srvsvc: NetrFileClose: ERROR_FILE_NOT_FOUND (2)"; err == nil || err.Error() != want {
		t.Errorf("FileClose of no open: %v, want %s", err, want)
	}
	err = s.SessionDel(ctx, `\\192.0.2.1`, "")
	if want := "srvsvc: NetrSessionDel: ERROR_ACCESS_DENIED (5)"; err == nil || err.Error() != want {
		t.Errorf("SessionDel of no session: %v, want %s", err, want)
	}
	for _, call := range []struct {
		opnum uint16
		stub  []byte
	}{{10, make([]byte, 12)}, {200, nil}} {
		err = s.rpc.call(ctx, call.opnum, call.stub, func(n *ndr) { n.fetch("anything") })
		var fault *RPCFault
		if !errors.As(err, &fault) || fault.Status != 0x1C010002 || !strings.Contains(err.Error(), "nca_op_rng_error") {
			t.Errorf("opnum %d: %v", call.opnum, err)
		}
	}
	if len(p.wrote) != len(p.want) || len(p.answers) != 0 {
		t.Errorf("%d of %d recorded requests were made, %d bytes were left unread", len(p.wrote), len(p.want), len(p.answers))
	}
}

func TestRecordedUser(t *testing.T) {
	ctx := context.Background()
	p := loadFlow(t, "srvsvc-user.txt").pipe(0)
	s, err := NewServerService(ctx, p, `\\FILESRV`)
	if err != nil {
		t.Fatal(err)
	}
	denied := func(name string, err error) {
		t.Helper()
		var code Win32Error
		if !errors.As(err, &code) || code != ErrorAccessDenied || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", name, err)
		}
	}
	denied("FileEnum", s.FileEnum(ctx, "", "", func(FileInfo) error { return errors.New("a row came") }))
	_, err = s.SessionEnum(ctx, "", "")
	denied("SessionEnum", err)
	_, err = s.ConnectionEnum(ctx, "data")
	denied("ConnectionEnum", err)
	if shares, err := s.ShareEnum(ctx); err != nil || len(shares) != 3 || shares[0].Path != `C:\srv\data` {
		t.Errorf("ShareEnum = %+v, %v", shares, err)
	}
	denied("FileClose", s.FileClose(ctx, 0xFFFFFFF0))
	if len(p.wrote) != len(p.want) || len(p.answers) != 0 {
		t.Errorf("%d of %d recorded requests were made, %d bytes were left unread", len(p.wrote), len(p.want), len(p.answers))
	}
}

func TestRecordedBindRefused(t *testing.T) {
	f := loadFlow(t, "srvsvc-refused.txt")
	syntax := serverServiceSyntax
	syntax.major = 9
	_, err := dialRPC(context.Background(), f.pipe(0), syntax)
	if err == nil || !strings.Contains(err.Error(), "abstract_syntax_not_supported") {
		t.Error(err)
	}
}

// TestRecordedManyFiles reads an answer of four fragments.
func TestRecordedManyFiles(t *testing.T) {
	f := loadFlow(t, "srvsvc-files.txt")
	for _, piece := range []int{0, 1, 4096} {
		p := f.pipe(piece)
		s, err := NewServerService(context.Background(), p, `\\FILESRV`)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		err = s.FileEnum(context.Background(), "", "", func(i FileInfo) error {
			seen[i.Path]++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 150 {
			if n := seen[fmt.Sprintf(`C:\srv\data\projects\file-%03d.txt`, i)]; n != 1 {
				t.Errorf("file %d came %d times", i, n)
			}
		}
		if len(seen) != 154 || len(p.answers) != 0 {
			t.Errorf("%d paths, %d bytes unread", len(seen), len(p.answers))
		}
	}
}

// recordedCalls are all answered calls of all recordings.
func recordedCalls(t testing.TB) []recordedCall {
	t.Helper()
	var calls []recordedCall
	for _, name := range flowFiles(t) {
		calls = append(calls, loadFlow(t, name).calls(t)...)
	}
	return calls
}

// TestRecordedAgain encodes what was decoded from recorded messages: what the
// client wrote must come out byte for byte, what the server wrote with the
// same meaning (its referent ids and NULLs differ).
func TestRecordedAgain(t *testing.T) {
	for _, r := range recordedCalls(t) {
		in := newCall(r.opnum)
		n := newNDRReader(r.request, nil)
		in.request(n)
		if n.err != nil || len(n.buf) != 0 {
			t.Errorf("%s: request: %v, %d bytes left", r.mark, n.err, len(n.buf))
			continue
		}
		if got := writeStub(t, in.request); !bytes.Equal(got, r.request) {
			t.Errorf("%s: request:\n got %x\nwant %x", r.mark, got, r.request)
		}
		in.response(chunked(r.response, 11))
		again := newCall(r.opnum)
		again.response(newNDRReader(writeStub(t, in.response), nil))
		if !sameCall(in, again) {
			t.Errorf("%s: response:\nread  %.500s\nagain %.500s", r.mark, fmt.Sprintf("%+v", in), fmt.Sprintf("%+v", again))
		}
	}
}

// sameCall compares what the responses say.
func sameCall(a, b serverCall) bool {
	switch a := a.(type) {
	case *fileEnumCall:
		b := b.(*fileEnumCall)
		return sameAnswer(a.enumeration, b.enumeration) && slices.Equal(a.files, b.files)
	case *sessionEnumCall:
		b := b.(*sessionEnumCall)
		return sameAnswer(a.enumeration, b.enumeration) && slices.Equal(a.sessions, b.sessions)
	case *shareEnumCall:
		b := b.(*shareEnumCall)
		return sameAnswer(a.enumeration, b.enumeration) && slices.Equal(a.shares, b.shares)
	case *connectionEnumCall:
		b := b.(*connectionEnumCall)
		return sameAnswer(a.enumeration, b.enumeration) && slices.Equal(a.connections, b.connections)
	case *serverGetInfoCall:
		b := b.(*serverGetInfoCall)
		return a.info == b.info && a.null == b.null && a.result == b.result
	case *remoteTODCall:
		b := b.(*remoteTODCall)
		return a.time == b.time && a.null == b.null && a.result == b.result
	case *fileGetInfoCall:
		b := b.(*fileGetInfoCall)
		return a.info == b.info && a.null == b.null && a.result == b.result
	case *shareGetInfoCall:
		b := b.(*shareGetInfoCall)
		return a.info == b.info && a.null == b.null && a.result == b.result
	case *diskEnumCall:
		b := b.(*diskEnumCall)
		return slices.Equal(a.disks, b.disks) && a.total == b.total && a.result == b.result
	case *shareCheckCall:
		return a.stype == b.(*shareCheckCall).stype && a.result == b.(*shareCheckCall).result
	}
	return a.returned() == b.returned()
}

func sameAnswer(a, b enumeration) bool {
	a.preferred = b.preferred // not in an answer
	a.entries = b.entries     // the number of rows, which are compared
	return a == b
}

// places returns the multiples of unit below n: all of them for most
// messages, and in the middle of a long one every seventh.
func places(n, unit int) []int {
	var at []int
	for i := 0; i < n; i += unit {
		if near := i < 2000 || i > n-2000; near || i/unit%7 == 0 {
			at = append(at, i)
		}
	}
	return at
}

// TestRecordedTruncated cuts every recorded message.
func TestRecordedTruncated(t *testing.T) {
	for _, r := range recordedCalls(t) {
		for _, cut := range places(len(r.request), 1) {
			n := newNDRReader(r.request[:cut], nil)
			if newCall(r.opnum).request(n); n.err == nil {
				t.Errorf("%s: a request of %d of %d bytes passes", r.mark, cut, len(r.request))
			}
		}
		for _, cut := range places(len(r.response), 1) {
			n := newNDRReader(r.response[:cut], nil)
			if newCall(r.opnum).response(n); n.err == nil {
				t.Errorf("%s: a response of %d of %d bytes passes", r.mark, cut, len(r.response))
			}
		}
	}
	f := loadFlow(t, "srvsvc-user.txt")
	all := f.pipe(0).answers
	for cut := range all {
		p := f.pipe(0)
		p.answers = all[:cut]
		s, err := NewServerService(context.Background(), p, `\\FILESRV`)
		if err != nil {
			continue
		}
		errs := []error{s.FileEnum(context.Background(), "", "", func(FileInfo) error { return nil })}
		_, err = s.SessionEnum(context.Background(), "", "")
		errs = append(errs, err)
		_, err = s.ConnectionEnum(context.Background(), "data")
		errs = append(errs, err)
		_, err = s.ShareEnum(context.Background())
		errs = append(errs, err)
		errs = append(errs, s.FileClose(context.Background(), 0xFFFFFFF0))
		var code Win32Error
		if last := errs[len(errs)-1]; last == nil || errors.As(last, &code) {
			t.Errorf("after %d of %d bytes the last call says %v", cut, len(all), last)
		}
	}
}

// TestRecordedAtMaximum sets the 4-byte words of every recorded message to
// their maximum, one by one. Whatever comes out, it must come without a panic and without
// memory for what never arrived.
func TestRecordedAtMaximum(t *testing.T) {
	var before, after runtime.MemStats
	for _, r := range recordedCalls(t) {
		for _, m := range []struct {
			bytes  []byte
			layout func(serverCall) func(*ndr)
		}{
			{r.request, func(c serverCall) func(*ndr) { return c.request }},
			{r.response, func(c serverCall) func(*ndr) { return c.response }},
		} {
			b := bytes.Clone(m.bytes)
			runtime.ReadMemStats(&before)
			for _, at := range places(len(b)-3, 4) {
				for _, v := range []uint32{0xFFFFFFFF, 0x7FFFFFFF, 1 << 24} {
					le.PutUint32(b[at:], v)
					m.layout(newCall(r.opnum))(newNDRReader(b, nil))
				}
				copy(b[at:], m.bytes[at:at+4])
			}
			runtime.ReadMemStats(&after)
			// A decoded message takes some times its size, as it should.
			most := uint64(3*len(b)/4+1) * uint64(1<<14+20*len(b))
			if got := after.TotalAlloc - before.TotalAlloc; got > most {
				t.Errorf("%s: the decoder allocates %d bytes, more than %d", r.mark, got, most)
			}
		}
	}
}
