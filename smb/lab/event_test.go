package lab

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"err32/smb"
)

// logLines makes the server log into a slice, in UTC. The lines may be read
// once the server is closed.
func logLines(s *Server) *[]string {
	lines := new([]string)
	s.Log = func(e Event) {
		e.At = e.At.UTC()
		*lines = append(*lines, e.String())
	}
	return lines
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("the log is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer("status=STATUS_DISK_FULL@WRITE")
		lines := logLines(s)
		holder := pipeTree(t, s, nil)
		o := mustOpen(t, holder, "a.txt")
		sleepUntil(time.Now(), 1500*time.Millisecond)

		other := pipeTree(t, s, &smb.Config{Encryption: smb.Required})
		_, err := other.Create(ctx, &smb.CreateRequest{Name: "a.txt", Access: smb.GenericRead, Share: smb.ShareRead | smb.ShareWrite, Disposition: smb.OpenFile})
		wantRefusal(t, "CREATE", err, smb.StatusSharingViolation)
		o.WriteAt(ctx, []byte("x"), 0)
		if err := o.Close(ctx); err != nil {
			t.Error(err)
		}
		_, err = other.Create(ctx, &smb.CreateRequest{Access: smb.FileReadAttributes, Share: 7, Disposition: smb.OpenFile, Options: smb.DirectoryFile})
		if err != nil {
			t.Error(err)
		}
		if err := other.Session().LogOff(ctx); err != nil {
			t.Error(err)
		}
		other.Session().Conn().Close()
		synctest.Wait()
		mustOpen(t, holder, "b.txt")
		holder.Session().Conn().Close()
		synctest.Wait()

		c, err := pipeConn(t, s, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.LogOn(ctx, smb.NTLM{User: "mallory", Password: "guess"}.Mechanism(), 0)
		wantRefusal(t, "log-on", err, smb.StatusLogonFailure)
		closeServer(t, s)
		c.Close()
		wantLines(t, *lines,
			`00:00:00.000 [1] pipe connect`,
			`00:00:00.000 [1] pipe logon alice: SMB 3.1.1`,
			`00:00:00.000 [1] pipe open share\a.txt (id 1) by alice access read+write share none`,
			`00:00:01.500 [2] pipe connect`,
			`00:00:01.500 [2] pipe logon alice: SMB 3.1.1`,
			`00:00:01.500 [2] pipe open-refused share\a.txt by alice access read share read+write: STATUS_SHARING_VIOLATION (0xC0000043)`,
			`00:00:01.500 [1] pipe fault share\a.txt by alice: status=STATUS_DISK_FULL@WRITE befalls WRITE`,
			`00:00:01.500 [1] pipe close share\a.txt (id 1) by alice`,
			`00:00:01.500 [2] pipe open share (id 2) by alice access attributes share read+write+delete`,
			`00:00:01.500 [2] pipe close share (id 2) by alice: the client logged off`,
			`00:00:01.500 [2] pipe logoff alice: the client logged off`,
			`00:00:01.500 [2] pipe disconnect: the client closed the connection`,
			`00:00:01.500 [1] pipe open share\b.txt (id 3) by alice access read+write share none`,
			`00:00:01.500 [1] pipe disconnect: the client closed the connection`,
			`00:00:01.500 pipe close share\b.txt (id 3) by alice: the connection was lost`,
			`00:00:01.500 pipe logoff alice: the connection was lost`,
			`00:00:01.500 [3] pipe connect`,
			`00:00:01.500 [3] pipe logon-failed mallory: STATUS_LOGON_FAILURE (0xC000006D)`,
			`00:00:01.500 [3] pipe disconnect: the server stopped`,
		)
	})
}

func TestLogAdminClose(t *testing.T) {
	s := testServer()
	var closes []Event
	s.Log = func(e Event) {
		if e.What == EventClose || e.What == EventAdminClose {
			closes = append(closes, e)
		}
	}
	tree := pipeTree(t, s, nil)
	mustOpen(t, tree, "a.txt")
	ipc, err := tree.Session().TreeConnect(ctx, "IPC$")
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := ipc.OpenPipe(ctx, "srvsvc")
	if err != nil {
		t.Fatal(err)
	}
	service, err := smb.NewServerService(ctx, pipe, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := service.FileClose(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := pipe.Close(ctx); err != nil {
		t.Fatal(err)
	}
	tree.Session().Conn().Close()
	closeServer(t, s)
	if len(closes) != 2 {
		t.Fatalf("%d opens ended: %v", len(closes), closes)
	}
	for i, want := range []Event{
		{What: EventAdminClose, Share: "share", Path: "a.txt", ID: 1, Text: "an administrator closed it"},
		{What: EventClose, Share: "IPC$", Path: `\PIPE\srvsvc`, ID: 2},
	} {
		got := closes[i]
		if got.What != want.What || got.Share != want.Share || got.Path != want.Path || got.ID != want.ID || got.Text != want.Text {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

// What clients call things does not reach the terminal as it is.
func TestEventStringHostile(t *testing.T) {
	at := time.Date(2024, 1, 2, 3, 4, 5, 6e6, time.UTC)
	for _, test := range []struct {
		e    Event
		want string
	}{
		{Event{At: at, What: EventLogonFailed, Client: "c\r\n", User: "\x1b[2J\u202eroot\u200b", Status: smb.StatusLogonFailure},
			`03:04:05.006 c<U+000D><U+000A> logon-failed <U+001B>[2J<U+202E>root<U+200B>: STATUS_LOGON_FAILURE (0xC000006D)`},
		{Event{At: at, What: EventOpenRefused, Share: "s\u2066", Path: "a\xffb\x07ü漢.txt", Access: smb.MaximumAllowed, Status: 0xC0FFEE00, Text: "t\x9b"},
			`03:04:05.006 open-refused s<U+2066>\a<0xFF>b<U+0007>ü漢.txt access maximum share none: NTSTATUS 0xC0FFEE00 (0xC0FFEE00), t<0x9B>`},
		{Event{At: at, What: EventOpen, Share: "s", Path: "x", Access: smb.FileExecute | smb.Delete, Sharing: smb.ShareDelete},
			`03:04:05.006 open s\x access read+delete share delete`},
		{Event{At: at, What: EventOpen, Share: "s", Access: smb.GenericAll}, `03:04:05.006 open s access all share none`},
		{Event{At: at, What: EventOpen, Share: "s", Access: smb.GenericWrite}, `03:04:05.006 open s access write share none`},
	} {
		if got := test.e.String(); got != test.want {
			t.Errorf("%s\nwant\n%s", got, test.want)
		}
	}
}

// A log that is not read holds up nobody. What is lost is counted, and what is
// not is in order and comes before Close returns.
func TestLogSlow(t *testing.T) {
	for _, read := range []string{"before the next event", "while the next event comes"} {
		t.Run(read, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { logSlow(t, read == "before the next event") })
		})
	}
}

func logSlow(t *testing.T, readFirst bool) {
	s := testServer()
	var got []Event
	proceed := make(chan struct{})
	s.Log = func(e Event) {
		<-proceed
		got = append(got, e)
	}
	tree := pipeTree(t, s, nil)
	synctest.Wait() // Log has the first event
	const opens = maxEvents
	for range opens {
		if err := mustOpen(t, tree, "a.txt").Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if readFirst {
		close(proceed)
	} else {
		proceed <- struct{}{} // Log has one more
	}
	synctest.Wait()
	if e := got[len(got)-1]; readFirst && e.What != EventLost {
		t.Errorf("when all is read the last is %v", e)
	}
	tree.Session().Conn().Close()
	synctest.Wait()
	if !readFirst {
		close(proceed)
	}
	closeServer(t, s)
	const all = 2 + 2*opens // connect, logon, opens and closes
	const kept = 1 + maxEvents
	if len(got) < kept+1 {
		t.Fatalf("%d events", len(got))
	}
	for i, e := range got[2:kept] {
		want := EventOpen
		if i%2 == 1 {
			want = EventClose
		}
		if e.What != want || e.ID != uint32(i/2+1) {
			t.Fatalf("event %d is %v", i, e)
		}
	}
	if e := got[kept]; e.What != EventLost || e.Text != fmt.Sprintf("%d missing, because the log was not read in time", all-kept) {
		t.Errorf("after %d of %d events: %v", kept, all, e)
	}
	if e := got[len(got)-1]; e.What != EventLogoff || len(got) != kept+3 {
		t.Errorf("%d events, the last %v", len(got), e)
	}
}

// Close says when Log does not return.
func TestLogHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer()
		proceed := make(chan struct{})
		s.Log = func(Event) { <-proceed }
		c, err := pipeConn(t, s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err == nil || !strings.Contains(err.Error(), "calling Log") {
			t.Errorf("Close: %v", err)
		}
		close(proceed)
		c.Close()
	})
}

// Very long names are cut, at a character's end.
func TestLogLongName(t *testing.T) {
	s := testServer()
	var refused Event
	s.Log = func(e Event) {
		if e.What == EventOpenRefused {
			refused = e
		}
	}
	tree := pipeTree(t, s, nil)
	openFile(tree, strings.Repeat("ü", 20000))
	tree.Session().Conn().Close()
	closeServer(t, s)
	if want := strings.Repeat("ü", maxEventName/2) + "…"; refused.Path != want {
		t.Errorf("the path has %d bytes", len(refused.Path))
	}
}

func TestLogNotSMB(t *testing.T) {
	s := testServer()
	lines := logLines(s)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	nc.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	nc.Read(make([]byte, 1)) // until the server ends it
	nc.Close()
	closeServer(t, s)
	if len(*lines) != 2 || !strings.HasSuffix((*lines)[1], "disconnect: the client does not speak SMB2: in its Direct TCP header, Zero is wrong") {
		t.Errorf("the log is %q", *lines)
	}
}

func TestLogBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testServer()
		var breaks []string
		s.Log = func(e Event) {
			if e.What == EventBreak {
				e.At = e.At.UTC()
				breaks = append(breaks, e.String())
			}
		}
		holder, other := pipeTree(t, s, nil), pipeTree(t, s, nil)
		open := &smb.CreateRequest{Name: "a.txt", Access: smb.FileReadData, Share: smb.ShareRead, Disposition: smb.OpenIf, OplockLevel: smb.OplockBatch}
		if _, err := holder.Create(ctx, open); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Create(ctx, open); err != nil { // once the holder has not acknowledged in time
			t.Fatal(err)
		}
		holder.Session().Conn().Close()
		other.Session().Conn().Close()
		synctest.Wait()
		closeServer(t, s)
		wantLines(t, breaks, `00:00:00.000 [1] pipe break share\a.txt (id 1) by alice: may cache reads`)
	})
}
