package smb

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// fileTable is the stub data of an answer with rows made by hand, as Samba
// sends a long table: its referent ids repeat after 32 768 pointers. Here they
// are all the same.
func fileTable(rows int, total, resume, result uint32) []byte {
	var b []byte
	u32 := func(vs ...uint32) {
		for _, v := range vs {
			b = le.AppendUint32(b, v)
		}
	}
	text := func(s string) {
		u32(uint32(len(s)+1), 0, uint32(len(s)+1))
		b = appendZero(appendUTF16(b, s), 2)
		b = appendZero(b, -len(b)&3)
	}
	u32(3, 3, 0x20000, uint32(rows))
	if rows == 0 {
		u32(0)
	} else {
		u32(0x20000, uint32(rows))
	}
	for i := range rows {
		u32(uint32(i), 3, 0, 0x20000, 0x20000)
	}
	for i := range rows {
		text(tablePath(i))
		text("root")
	}
	u32(total, 0x20000, resume, result)
	return b
}

func tablePath(i int) string {
	return fmt.Sprintf(`C:\srv\data\folder-%02d\file-%06d.txt`, i/1000, i)
}

func TestFileEnumLongTable(t *testing.T) {
	const rows = 40000
	s, _ := newScripted(t, responsePDUs(t, 2, fileTable(rows, rows, 0, 0), 4280))
	next := 0
	err := s.FileEnum(context.Background(), "", "", func(f FileInfo) error {
		if want := (FileInfo{ID: uint32(next), Permissions: 3, Path: tablePath(next), User: "root"}); f != want {
			return fmt.Errorf("row %d is %+v", next, f)
		}
		next++
		return nil
	})
	if err != nil || next != rows {
		t.Errorf("%d rows, %v", next, err)
	}
}

// TestFileEnumStreams: the first row comes out as soon as its strings are in.
func TestFileEnumStreams(t *testing.T) {
	table := responsePDUs(t, 2, fileTable(1000, 1000, 0, 0), 4280)
	s, p := newScripted(t)
	// The fixed parts are 20 bytes a row; five fragments hold them all.
	p.answers = table[:7*4280]
	rows := 0
	err := s.FileEnum(context.Background(), "", "", func(FileInfo) error { rows++; return nil })
	if err == nil || rows < 50 {
		t.Errorf("%d rows came from seven fragments, %v", rows, err)
	}
}

func TestFileEnumPages(t *testing.T) {
	const more = uint32(ErrorMoreData)
	tests := []struct {
		name  string
		pages [][]byte
		rows  int
		sent  []uint32 // resume handles
		err   string
	}{
		{"one", [][]byte{fileTable(3, 3, 0, 0)}, 3, []uint32{0}, ""},
		{"three", [][]byte{fileTable(3, 7, 3, more), fileTable(3, 4, 6, more), fileTable(1, 1, 0, 0)}, 7, []uint32{0, 3, 6}, ""},
		{"handle set but nothing more", [][]byte{fileTable(2, 2, 2, 0)}, 2, []uint32{0}, ""},
		{"page filtered away", [][]byte{fileTable(0, 9, 5, more), fileTable(2, 2, 0, 0)}, 2, []uint32{0, 5}, ""},
		{"handle echoed", [][]byte{fileTable(3, 7, 3, more), fileTable(3, 4, 3, more)}, 6, []uint32{0, 3},
			"srvsvc: NetrFileEnum: the server answers ERROR_MORE_DATA (234) without getting on (resume handle 3, then 3, 6 rows)"},
		{"cut off between pages", [][]byte{fileTable(3, 7, 3, more)}, 3, []uint32{0, 3},
			"srvsvc: NetrFileEnum: unexpected EOF"},
		{"refused after rows", [][]byte{fileTable(3, 3, 0, 8)}, 3, []uint32{0},
			"srvsvc: NetrFileEnum: ERROR_NOT_ENOUGH_MEMORY (8)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, p := newScripted(t)
			for i, page := range tt.pages {
				p.answers = append(p.answers, responsePDUs(t, uint32(i+2), page, 4280)...)
			}
			rows := 0
			err := s.FileEnum(context.Background(), `C:\`, "root", func(FileInfo) error { rows++; return nil })
			if rows != tt.rows || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("%d rows, %v", rows, err)
			}
			var sent []uint32
			for _, b := range p.wrote[1:] {
				c := newCall(opNetrFileEnum).(*fileEnumCall)
				n := newNDRReader(b[rpcRequestHeaderSize:], nil)
				if c.request(n); n.err != nil || c.basePath != `C:\` || c.user != "root" || c.level != 3 || c.preferred != maxPreferredLength {
					t.Fatalf("request %+v, %v", c, n.err)
				}
				sent = append(sent, c.resume)
			}
			if fmt.Sprint(sent) != fmt.Sprint(tt.sent) {
				t.Errorf("resume handles sent %v, want %v", sent, tt.sent)
			}
		})
	}
}

// TestFileEnumEndless: a server that counts its handle on and never sends a
// row is left.
func TestFileEnumEndless(t *testing.T) {
	s, p := newScripted(t)
	for i := range uint32(1000) {
		p.answers = append(p.answers, responsePDUs(t, i+2, fileTable(0, 9, i+1, uint32(ErrorMoreData)), 4280)...)
	}
	err := s.FileEnum(context.Background(), "", "", func(FileInfo) error { return nil })
	if !errors.Is(err, ErrorMoreData) || len(p.wrote) > 100 {
		t.Errorf("%d requests, %v", len(p.wrote), err)
	}
}

func TestFileEnumStop(t *testing.T) {
	s, _ := newScripted(t,
		responsePDUs(t, 2, fileTable(500, 900, 500, uint32(ErrorMoreData)), 4280),
		responsePDUs(t, 3, []byte{0, 0, 0, 0}, 4280))
	stop := errors.New("enough")
	rows := 0
	err := s.FileEnum(context.Background(), "", "", func(FileInfo) error {
		if rows++; rows == 2 {
			return stop
		}
		return nil
	})
	if err != stop || rows != 2 {
		t.Errorf("%d rows, %v", rows, err)
	}
	if err := s.FileClose(context.Background(), 1); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

func TestFileEnumNonsense(t *testing.T) {
	word := func(at int, v uint32) []byte {
		b := fileTable(2, 2, 0, 0)
		le.PutUint32(b[at:], v)
		return b
	}
	for _, tt := range []struct {
		stub []byte
		want string
	}{
		{word(0, 2), "Level at byte 0 is 2, not 3 as asked"},
		{word(4, 2), "switch value at byte 4 is 2, not 3"},
		{word(12, 3), "Buffer max_count at byte 20 is 2, not 3"},
		{word(12, maxOpens+1), "EntriesRead at byte 12 is 16777217; the limit is 16777216"},
		{word(16, 0), "Buffer at byte 16 is NULL with EntriesRead 2"},
		{word(64+4, 1), "fi3_pathname at byte 64 has offset 1, not 0"},
	} {
		s, _ := newScripted(t, responsePDUs(t, 2, tt.stub, 4280))
		err := s.FileEnum(context.Background(), "", "", func(FileInfo) error { return nil })
		var e *NDRError
		if !errors.As(err, &e) || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}

// TestFileEnumClaims: a table that never comes costs nothing.
func TestFileEnumClaims(t *testing.T) {
	table := fileTable(2, 2, 0, 0)
	le.PutUint32(table[12:], maxOpens)
	le.PutUint32(table[20:], maxOpens)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c := newCall(opNetrFileEnum)
	n := newNDRReader(table, nil)
	c.response(n)
	runtime.ReadMemStats(&after)
	if n.err == nil {
		t.Error("two rows pass for 16777216")
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<18 {
		t.Errorf("%d bytes were allocated", got)
	}
}

func TestSessionEnumLevels(t *testing.T) {
	answer := func(callID, level, result uint32, sessions ...SessionInfo) []byte {
		c := &sessionEnumCall{enumeration: enumeration{level: level, resumable: true, result: result}, sessions: sessions}
		return responsePDUs(t, callID, writeStub(t, c.response), 4280)
	}
	level := uint32(ErrorInvalidLevel)
	s, p := newScripted(t,
		answer(2, 502, level), answer(3, 2, level), answer(4, 1, level),
		answer(5, 10, 0, SessionInfo{Client: "c", User: "u", Opens: 3, Age: time.Minute}),
		answer(6, 10, 0), answer(7, 10, level), answer(8, 0, level))
	sessions, err := s.SessionEnum(context.Background(), "", "")
	if want := (SessionInfo{Level: 10, Client: "c", User: "u", Age: time.Minute}); err != nil || len(sessions) != 1 || sessions[0] != want {
		t.Errorf("SessionEnum = %+v, %v", sessions, err)
	}
	// The level that worked is asked for at once the next time.
	if sessions, err = s.SessionEnum(context.Background(), "", ""); err != nil || len(sessions) != 0 || len(p.wrote) != 6 {
		t.Errorf("SessionEnum = %+v, %v after %d writes", sessions, err, len(p.wrote))
	}
	if _, err = s.SessionEnum(context.Background(), "", ""); !errors.Is(err, ErrorInvalidLevel) {
		t.Errorf("no level left: %v", err)
	}
}

func TestShareEnumLevels(t *testing.T) {
	for _, result := range []Win32Error{ErrorAccessDenied, ErrorInvalidLevel} {
		c2 := &shareEnumCall{enumeration: enumeration{level: 2, result: uint32(result)}}
		c1 := &shareEnumCall{enumeration: enumeration{level: 1}, shares: []ShareInfo{{Name: "data"}}}
		s, _ := newScripted(t, responsePDUs(t, 2, writeStub(t, c2.response), 4280), responsePDUs(t, 3, writeStub(t, c1.response), 4280))
		shares, err := s.ShareEnum(context.Background())
		if want := (ShareInfo{Level: 1, Name: "data"}); err != nil || len(shares) != 1 || shares[0] != want {
			t.Errorf("after %v: %+v, %v", result, shares, err)
		}
	}
}

func TestSessionDelOfAll(t *testing.T) {
	s, p := newScripted(t)
	if err := s.SessionDel(context.Background(), "", ""); err == nil || len(p.wrote) != 1 {
		t.Errorf("%v after %d writes", err, len(p.wrote))
	}
}

func TestNULInArgument(t *testing.T) {
	s, p := newScripted(t)
	err := s.SessionDel(context.Background(), `\\a`+"\x00b", "")
	if err == nil || !strings.Contains(err.Error(), "ClientName") || len(p.wrote) != 1 {
		t.Errorf("%v after %d writes", err, len(p.wrote))
	}
}

func TestRemoteTOD(t *testing.T) {
	answer := func(c *remoteTODCall) ([]byte, bool) { return responsePDUs(t, 2, writeStub(t, c.response), 4280), true }
	good, _ := answer(&remoteTODCall{time: timeOfDay{elapsed: 0xFFFFFFFF, hunds: 99}})
	s, _ := newScripted(t, good)
	got, err := s.RemoteTOD(context.Background())
	if want := "2106-02-07T06:28:15.99Z"; err != nil || got.Format(time.RFC3339Nano) != want {
		t.Errorf("RemoteTOD = %v, %v, want %s", got, err, want)
	}
	null, _ := answer(&remoteTODCall{null: true})
	s, _ = newScripted(t, null)
	if _, err = s.RemoteTOD(context.Background()); err == nil {
		t.Error("no time passes for a time")
	}
	le.PutUint32(good[24+4+5*4:], 100) // tod_hunds
	s, _ = newScripted(t, good)
	if _, err = s.RemoteTOD(context.Background()); err == nil || !strings.Contains(err.Error(), "tod_hunds") {
		t.Errorf("100 hundredths: %v", err)
	}
}

func BenchmarkFileEnum(b *testing.B) {
	const rows = 10000
	table := responsePDUs(b, 2, fileTable(rows, rows, 0, 0), 5840)
	b.SetBytes(int64(len(table)))
	b.ReportAllocs()
	for b.Loop() {
		s, _ := newScripted(b, table)
		n := 0
		err := s.FileEnum(context.Background(), "", "", func(FileInfo) error { n++; return nil })
		if err != nil || n != rows {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
