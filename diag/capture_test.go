package diag

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"err32/smb"
)

var updateCaptures = flag.Bool("update-captures", false, "write testdata/capture anew from testdata/wire")

// wireFrame is one frame of a recording in testdata/wire.
type wireFrame struct {
	fromServer bool
	b          []byte
}

// loadWire reads a recorded session: its frames, and the session key.
func loadWire(t testing.TB, name string) (frames []wireFrame, key []byte) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", "wire", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	var token []byte
	var into *[]byte
	for line := range strings.Lines(string(text)) {
		switch line = strings.TrimSuffix(line, "\n"); {
		case strings.HasPrefix(line, "#"):
		case line == ">" || line == "<":
			frames = append(frames, wireFrame{fromServer: line == "<"})
			into = &frames[len(frames)-1].b
		case line == "key":
			into = &key
		case line == "token":
			into = &token
		default:
			b, err := hex.DecodeString(line)
			if err != nil {
				t.Fatal(err)
			}
			*into = append(*into, b...)
		}
	}
	return frames, key
}

// recordedSessions are recordings of this tool's client with a server.
var recordedSessions = []string{
	"session-2.0.2", "session-2.1-signed", "session-3.0-encrypted", "session-3.0.2", "session-3.1.1", "session-3.1.1-signed",
	"session-3.1.1-encrypted", "session-3.1.1-share", "session-3.1.1-guest", "session-async", "session-info",
	"peer-smbclient-2.0.2", "peer-smbclient-3.1.1",
}

// replay gives the frames of a recording to a capture as a tap sees them, a
// millisecond apart. Each frame's plain text is returned; nil for one that
// stays encrypted. A recording is of one connection or of several, one after
// the other.
func replay(t testing.TB, c *Capture, frames []wireFrame, key []byte, after func(i int)) [][]byte {
	t.Helper()
	at := time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)
	var s *captureStream
	var l *captureListener
	var all [][]byte
	for i, f := range frames {
		if h, _, _, err := smb.SplitCompound(f.b); s == nil || err == nil && h.Command == smb.CommandNegotiate && !f.fromServer {
			s, l = c.stream(ActorHolder), newCaptureListener(Credentials{})
			s.connected(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 17), Port: 49152 + i}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 445})
		}
		frame := bytes.Clone(f.b)
		plain, why := l.plain(frame, f.fromServer)
		if !bytes.Equal(frame, f.b) {
			t.Fatalf("frame %d was changed", i)
		}
		if h, _, _, err := smb.SplitCompound(plain); err == nil && h.Command == smb.CommandSessionSetup && f.fromServer && h.Status == smb.StatusSuccess {
			l.loggedOn(h.SessionID, key) // the password was not recorded
		}
		at = at.Add(time.Millisecond)
		if why == "" {
			s.message(at, f.fromServer, plain)
			all = append(all, plain)
		} else {
			s.opaque(at, f.fromServer, plain, why)
			all = append(all, nil)
		}
		if after != nil {
			after(i)
		}
	}
	return all
}

// newTestCapture begins a capture in a folder of the test.
func newTestCapture(t testing.TB, redactor *Redactor) *Capture {
	t.Helper()
	c, err := CreateCapture(filepath.Join(t.TempDir(), "test.pcapng"), false, redactor)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// capturedPacket is one packet of a capture as another program reads it.
type capturedPacket struct {
	at           time.Time
	from, to     netip.AddrPort
	seq, ack     uint32
	payload      []byte
	comment      string
	fromServer   bool
	checksumGood bool
}

// readCapture reads a capture to its end.
func readCapture(t testing.TB, file string) []capturedPacket {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewNgReader(f, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	if s := r.SectionInfo(); s.Application != "err32" || s.Hardware != "" || s.OS != "" {
		t.Errorf("the section says %+v", s)
	}
	var packets []capturedPacket
	for {
		data, info, options, err := r.ReadPacketDataWithOptions()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("packet %d: %v", len(packets), err)
		}
		p := capturedPacket{at: info.Timestamp, fromServer: options.Flags.Direction == pcapgo.NgEpbFlagDirectionInbound}
		if len(options.Comments) == 1 {
			p.comment = options.Comments[0]
		}
		packet := gopacket.NewPacket(data, layers.LinkTypeEthernet, gopacket.Default)
		tcp, ok := packet.TransportLayer().(*layers.TCP)
		if !ok {
			t.Fatalf("packet %d is no TCP: %v", len(packets), packet)
		}
		source, destination := packet.NetworkLayer().NetworkFlow().Endpoints()
		from, _ := netip.AddrFromSlice(source.Raw())
		to, _ := netip.AddrFromSlice(destination.Raw())
		p.from, p.to = netip.AddrPortFrom(from, uint16(tcp.SrcPort)), netip.AddrPortFrom(to, uint16(tcp.DstPort))
		p.seq, p.ack, p.payload = tcp.Seq, tcp.Ack, tcp.Payload
		sum := tcp.Checksum
		if err := tcp.SetNetworkLayerForChecksum(packet.NetworkLayer()); err != nil {
			t.Fatal(err)
		}
		again := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(again, gopacket.SerializeOptions{ComputeChecksums: true}, tcp, gopacket.Payload(tcp.Payload)); err != nil {
			t.Fatal(err)
		}
		p.checksumGood = binary.BigEndian.Uint16(again.Bytes()[16:]) == sum
		packets = append(packets, p)
	}
	return packets
}

// assemble puts the streams of a capture together by their sequence numbers,
// and returns the frames in the order in which they began.
func assemble(t testing.TB, packets []capturedPacket) []wireFrame {
	t.Helper()
	type direction struct{ from, to netip.AddrPort }
	next := map[direction]uint32{}
	splitters := map[direction]*frameSplitter{}
	var frames []wireFrame
	var last time.Time
	for i, p := range packets {
		d, back := direction{p.from, p.to}, direction{p.to, p.from}
		if splitters[d] == nil {
			splitters[d], next[d] = &frameSplitter{}, 1
		}
		if next[back] == 0 {
			next[back] = 1
		}
		if p.seq != next[d] || p.ack != next[back] {
			t.Fatalf("packet %d: sequence %d, want %d; acknowledged %d, want %d", i, p.seq, next[d], p.ack, next[back])
		}
		if !p.checksumGood {
			t.Errorf("packet %d: the TCP checksum is wrong", i)
		}
		if p.at.Before(last) {
			t.Errorf("packet %d is of %v, after %v", i, p.at, last)
		}
		last = p.at
		next[d] += uint32(len(p.payload))
		splitters[d].split(p.payload, func(b []byte) { frames = append(frames, wireFrame{p.fromServer, bytes.Clone(b)}) })
	}
	for d, s := range splitters {
		if len(s.pending) > 0 || s.lost {
			t.Errorf("%v ends in the middle of a frame", d)
		}
	}
	return frames
}

func TestCaptureGolden(t *testing.T) {
	for _, name := range []string{"session-2.1-signed", "session-3.1.1", "session-3.1.1-encrypted"} {
		t.Run(name, func(t *testing.T) {
			frames, key := loadWire(t, name)
			c := newTestCapture(t, nil)
			replay(t, c, frames, key, func(i int) {
				switch i {
				case 7:
					c.Event(Event{ID: 1, Actor: ActorHolder, What: whatConnect})
				case 9:
					c.Event(Event{ID: 2, Actor: ActorTool, What: whatNote})
				case 11:
					c.Event(Event{ID: 3, Actor: ActorHolder, What: whatOpen})
				case len(frames) - 3:
					c.Event(Event{ID: 10, Actor: ActorHolder, What: whatList})
				}
			})
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(c.Name())
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("..", "testdata", "capture", name+".pcapng")
			if *updateCaptures {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("the capture of %d bytes is not %s of %d", len(got), golden, len(want))
			}
		})
	}
}

// TestCaptureRecorded reads captures of recorded sessions back: all messages
// are there as they were, but for what is blanked.
func TestCaptureRecorded(t *testing.T) {
	for _, name := range recordedSessions {
		t.Run(name, func(t *testing.T) {
			frames, key := loadWire(t, name)
			c := newTestCapture(t, nil)
			plains := replay(t, c, frames, key, func(i int) {
				if i%10 == 0 { // the file is whole at any moment
					readCapture(t, c.Name())
				}
			})
			c.Close()
			packets := readCapture(t, c.Name())
			got := assemble(t, packets)
			if len(got) != len(plains) {
				t.Fatalf("%d frames of %d", len(got), len(plains))
			}
			blanked := 0
			for i, plain := range plains {
				if plain == nil {
					t.Fatalf("frame %d was not decrypted", i)
				}
				if got[i].fromServer != frames[i].fromServer || len(got[i].b) != len(plain) {
					t.Fatalf("frame %d goes the other way, or has %d bytes instead of %d", i, len(got[i].b), len(plain))
				}
				h, _, _, err := smb.SplitCompound(plain)
				if err != nil {
					t.Fatal(err)
				}
				switch h.Command {
				case smb.CommandSessionSetup, smb.CommandRead:
					if !bytes.Equal(got[i].b, plain) {
						blanked++
					}
				default:
					if !bytes.Equal(got[i].b, plain) {
						t.Errorf("frame %d, %v, was changed", i, h.Command)
					}
				}
				if bytes.Contains(got[i].b, []byte("NTLMSSP")) {
					t.Errorf("frame %d has a token of NTLM", i)
				}
			}
			if blanked < 3 {
				t.Errorf("only %d frames were blanked", blanked)
			}
			for i, p := range packets {
				if !strings.HasPrefix(p.comment, "holder: ") || !strings.HasSuffix(p.comment, "; no event      ") || strings.Contains(p.comment, "malformed") {
					t.Errorf("packet %d: comment %q", i, p.comment)
				}
			}
		})
	}
}

// TestCaptureEvents checks which event the messages of which actor go to.
func TestCaptureEvents(t *testing.T) {
	type step struct {
		message string // the actor who sends one
		create  bool   // it is a CREATE
		event   Event
		want    string // what the message's comment ends in at the end of the run
	}
	for _, test := range []struct {
		name  string
		steps []step
	}{
		{"in turn", []step{
			{message: ActorHolder, want: "; event 1"}, {message: ActorContender, want: "; event 2"}, {message: ActorHolder, want: "; event 1"},
			{event: Event{ID: 1, Actor: ActorHolder, What: whatConnect}},
			{event: Event{ID: 2, Actor: ActorContender, What: whatTry}},
			{message: ActorHolder, want: "; event 12345678"},
			{event: Event{ID: 12345678, Actor: ActorHolder, What: whatOpen}},
			{message: ActorHolder, want: "; no event"},
		}},
		{"the tool's own and the observer's", []step{
			{message: ActorObserver, want: "; event 2"},
			{event: Event{ID: 1, Actor: ActorTool, What: whatNote}},
			{event: Event{ID: 2, Actor: ActorTool, What: whatPrepare}},
			{message: ActorTool, want: "; event 3"}, {message: ActorObserver, want: "; event 4"}, {message: ActorHolder, want: "; event 3"},
			{event: Event{ID: 3, Actor: ActorTool, What: whatClose}},
			{message: ActorObserver, want: "; event 4"},
			{event: Event{ID: 4, Actor: ActorTool, What: whatRemove}},
		}},
		{"a retry on the holder's connection", []step{
			{message: ActorHolder, want: "; event 1"},
			{event: Event{ID: 1, Actor: ActorContender, What: whatTry}},
		}},
		{"tries that are not all events", []step{
			{message: ActorContender, create: true, want: "; no event"}, {message: ActorContender, want: "; no event"},
			{message: ActorContender, create: true, want: "; event 5"}, {message: ActorContender, want: "; event 5"},
			{event: Event{ID: 5, Actor: ActorContender, What: whatTry}},
			{message: ActorContender, want: "; no event"},
			{message: ActorContender, create: true, want: "; event 6"},
			{event: Event{ID: 6, Actor: ActorContender, What: whatTry}},
		}},
		{"a probe on the observer's connection", []step{
			{message: ActorObserver, want: "; event 7"},
			{event: Event{ID: 7, Actor: ActorContender, What: whatProbe}},
		}},
		{"a disconnect is told of before", []step{
			{message: ActorHolder, want: "; event 1"},
			{event: Event{ID: 1, Actor: ActorHolder, What: whatDisconnect}},
			{message: ActorHolder, want: "; event 1"},
		}},
		{"and what comes after may have an event of its own", []step{
			{event: Event{ID: 1, Actor: ActorHolder, What: whatDisconnect}},
			{message: ActorHolder, want: "; event 2"},
			{event: Event{ID: 2, Actor: ActorHolder, What: whatEcho}},
			{message: ActorHolder, want: "; no event"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newTestCapture(t, nil)
			traces := map[string]*smb.Trace{}
			for _, s := range test.steps {
				if s.message != "" && traces[s.message] == nil {
					traces[s.message] = c.trace(s.message)
					traces[s.message].Connected(&net.TCPAddr{IP: net.IPv6loopback, Port: 1000 + len(traces)}, &net.TCPAddr{IP: net.IPv6loopback, Port: 445})
				}
			}
			var want []string
			for _, s := range test.steps {
				if s.message == "" {
					c.Event(s.event)
					continue
				}
				if s.create {
					traces[s.message].Sent(time.Now(), smb.Append(nil, smb.Header{MessageID: 7}, &smb.CreateRequest{Name: "a.txt"}))
					want = append(want, s.message+": CREATE request a.txt"+s.want)
				} else {
					traces[s.message].Sent(time.Now(), smb.Append(nil, smb.Header{MessageID: 7}, &smb.EchoRequest{}))
					want = append(want, s.message+": ECHO request"+s.want)
				}
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			for i, p := range readCapture(t, c.Name()) {
				if got := strings.TrimRight(p.comment, " "); got != want[i] {
					t.Errorf("message %d: %q, want %q", i, got, want[i])
				}
			}
		})
	}
}

// TestCaptureLong checks a message that no packet holds.
func TestCaptureLong(t *testing.T) {
	c := newTestCapture(t, nil)
	trace := c.trace(ActorHolder)
	trace.Connected(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 17), Port: 50000}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 445})
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	write := smb.Append(nil, smb.Header{MessageID: 1}, &smb.WriteRequest{Data: data})
	echo := smb.Append(nil, smb.Header{MessageID: 2}, &smb.EchoRequest{})
	at := time.Now()
	for _, message := range [][]byte{write, echo} {
		trace.Sent(at, message)
		at = at.Add(-time.Hour) // time does not go back in the file
	}
	c.Close()
	packets := readCapture(t, c.Name())
	frames := assemble(t, packets)
	if len(frames) != 2 || !bytes.Equal(frames[0].b, write) || !bytes.Equal(frames[1].b, echo) {
		t.Errorf("%d frames that are not what was sent", len(frames))
	}
	for i, p := range packets {
		if first := i == 0 || i == len(packets)-1; (p.comment != "") != first {
			t.Errorf("packet %d has the comment %q", i, p.comment)
		}
	}
}

// TestCaptureComments checks what is said of messages with names that do harm.
func TestCaptureComments(t *testing.T) {
	c := newTestCapture(t, nil)
	trace := c.trace(ActorContender)
	trace.Connected(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 17), Port: 50000}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 445})
	ask := func(id uint64, m smb.Message) {
		trace.Sent(time.Now(), smb.Append(nil, smb.Header{MessageID: id, SessionID: 9, TreeID: 5}, m))
	}
	answer := func(id uint64, status smb.NTStatus, m smb.Message) {
		h := smb.Header{MessageID: id, SessionID: 9, TreeID: 5, Status: status, Flags: smb.FlagResponse}
		trace.Received(time.Now(), smb.Append(nil, h, m))
	}
	open := smb.FileID{Persistent: 3, Volatile: 4}
	ask(1, &smb.TreeConnectRequest{Path: `\\server\data`})
	answer(1, 0, &smb.TreeConnectResponse{ShareType: smb.ShareDisk})
	ask(2, &smb.CreateRequest{Name: "a\x1b[31m\n\u202egnp.exe"})
	answer(2, smb.StatusSharingViolation, &smb.ErrorResponse{To: smb.CommandCreate})
	ask(3, &smb.CreateRequest{Name: `docs\a.txt`})
	answer(3, 0, &smb.CreateResponse{FileID: open})
	ask(4, &smb.ReadRequest{FileID: open, Length: 100})
	answer(4, 0, &smb.ReadResponse{Data: []byte("somebody's secret")})
	ask(5, &smb.CloseRequest{FileID: open})
	answer(5, 0, &smb.CloseResponse{})
	ask(6, &smb.CloseRequest{FileID: open})
	ask(7, &smb.CreateRequest{Name: strings.Repeat("ü", 30000)})
	ask(8, &smb.CreateRequest{})
	c.Close()
	want := []string{
		`TREE_CONNECT request \\server\data`,
		`TREE_CONNECT response \\server\data: STATUS_SUCCESS (0x00000000)`,
		"CREATE request a<U+001B>[31m<U+000A><U+202E>gnp.exe",
		"CREATE response a<U+001B>[31m<U+000A><U+202E>gnp.exe: STATUS_SHARING_VIOLATION (0xC0000043), Win32 error 32",
		`CREATE request docs\a.txt`,
		`CREATE response docs\a.txt: STATUS_SUCCESS (0x00000000)`,
		`READ request docs\a.txt`,
		`READ response docs\a.txt: STATUS_SUCCESS (0x00000000), data blanked`,
		`CLOSE request docs\a.txt`,
		`CLOSE response docs\a.txt: STATUS_SUCCESS (0x00000000)`,
		"CLOSE request",
		"CREATE request " + strings.Repeat("ü", 492) + "…",
		`CREATE request \\server\data`,
	}
	var got []string
	for _, p := range readCapture(t, c.Name()) {
		if p.comment != "" {
			got = append(got, strings.TrimPrefix(strings.TrimSuffix(p.comment, "; no event      "), "contender: "))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d comments, want %d: %q", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("message %d:\n got %q\nwant %q", i, got[i], want[i])
		}
	}
	if b, _ := os.ReadFile(c.Name()); bytes.Contains(b, []byte("somebody's secret")) {
		t.Error("what was read from a file is in the capture")
	}
}

// TestCaptureFile checks which files are made and overwritten.
func TestCaptureFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.pcapng")
	if err := os.WriteFile(name, bytes.Repeat([]byte("old"), 10000), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateCapture(name, false, nil); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("over an existing file: %v", err)
	}
	link := filepath.Join(dir, "link.pcapng")
	if err := os.Symlink(name, link); err == nil {
		if _, err := CreateCapture(link, true, nil); err == nil {
			t.Error("a symbolic link was followed")
		}
	}
	if _, err := CreateCapture(dir, true, nil); err == nil {
		t.Error("a folder was taken for a file")
	}
	if b, _ := os.ReadFile(name); len(b) != 30000 {
		t.Errorf("the file that was to stay has %d bytes", len(b))
	}
	c, err := CreateCapture(name, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	temporary, err := createTemporaryCapture(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Capture{c, temporary} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		info, err := os.Stat(c.Name())
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v", c.Name(), info.Mode())
		}
		if packets := readCapture(t, c.Name()); len(packets) != 0 {
			t.Errorf("%s has %d packets", c.Name(), len(packets))
		}
	}
	if base := filepath.Base(temporary.Name()); filepath.Dir(temporary.Name()) != dir || !strings.HasPrefix(base, ".err32-") || filepath.Ext(base) != ".pcapng" {
		t.Errorf("the temporary capture is %s", temporary.Name())
	}
}

// TestCaptureFails checks that a run goes on when the capture cannot be
// written, and learns of it at the end.
func TestCaptureFails(t *testing.T) {
	frames, key := loadWire(t, "session-3.1.1")
	c := newTestCapture(t, nil)
	writable := c.file
	replay(t, c, frames, key, func(i int) {
		if i == 9 {
			f, err := os.Open(c.Name()) // nothing can be written to this one
			if err != nil {
				t.Fatal(err)
			}
			c.file = f
		}
	})
	c.Event(Event{ID: 1, Actor: ActorHolder, What: whatConnect})
	writable.Close()
	err := c.Close()
	if err == nil || !strings.Contains(err.Error(), c.Name()) {
		t.Errorf("Close says %v", err)
	}
	if again := c.Close(); again == nil || again.Error() != err.Error() {
		t.Errorf("Close says %v, and then %v", err, again)
	}
	if packets := readCapture(t, c.Name()); len(packets) != 10 {
		t.Errorf("%d packets, want the 10 before", len(packets))
	}
}

// TestCaptureRedacted checks that what the Redactor refuses is left out, is
// counted, and does not tear the stream.
func TestCaptureRedacted(t *testing.T) {
	r := NewRedactor()
	unknown := smb.Append(nil, smb.Header{MessageID: 2}, &smb.EchoRequest{})
	unknown[12] = 0x77 // Command
	if r.message(bytes.Clone(unknown)) != nil {
		t.Fatal("the Redactor takes a message of a command that there is not")
	}
	c := newTestCapture(t, r)
	trace := c.trace(ActorHolder)
	trace.Connected(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 17), Port: 50000}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 4455})
	ask := func(id uint64, m smb.Message) {
		trace.Sent(time.Now(), smb.Append(nil, smb.Header{MessageID: id, TreeID: 1}, m))
	}
	ask(1, &smb.CreateRequest{Name: `Unmistakable\Folder\Palimpsest.docx`})
	trace.Sent(time.Now(), unknown)
	trace.Received(time.Now(), smb.Append(nil, smb.Header{MessageID: 1, Flags: smb.FlagResponse}, &smb.CreateResponse{FileID: smb.FileID{Volatile: 8}}))
	ask(3, &smb.CloseRequest{FileID: smb.FileID{Volatile: 8}})
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	packets := readCapture(t, c.Name())
	if frames := assemble(t, packets); len(frames) != 3 {
		t.Errorf("%d frames, want 3", len(frames))
	}
	name := strings.TrimPrefix(packets[0].comment, "holder: CREATE request ")
	for i, p := range packets {
		if p.from.Port() != 4455 && p.to.Port() != 4455 || p.from.Addr() == netip.MustParseAddr("192.0.2.17") || p.to.Addr() == netip.MustParseAddr("192.0.2.17") {
			t.Errorf("packet %d goes from %v to %v", i, p.from, p.to)
		}
		if short := strings.TrimSuffix(name, "; no event      "); !strings.Contains(p.comment, " "+short) {
			t.Errorf("packet %d: comment %q does not name %q", i, p.comment, short)
		}
	}
	b, err := os.ReadFile(c.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"Unmistakable", "Palimpsest"} {
		if bytes.Contains(b, []byte(word)) || bytes.Contains(b, utf16Bytes(word)) {
			t.Errorf("%q is in the capture", word)
		}
	}
	file, err := pcapgo.NewNgReader(bytes.NewReader(b), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, _, err = file.ReadPacketData()
	}
	if i, err := file.Interface(0); err != nil || i.Statistics.PacketsDropped != 1 {
		t.Errorf("the file counts %+v, %v; want 1 message dropped", i.Statistics, err)
	}
}

func TestCaptureNil(t *testing.T) {
	var c *Capture
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if c.Name() != "" || c.trace(ActorHolder) != nil || c.tap(a, Credentials{}) != a {
		t.Error("a capture that is none is one")
	}
	c.Event(Event{ID: 1})
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestCapturePort checks a connection from a port that was used before.
func TestCapturePort(t *testing.T) {
	c := newTestCapture(t, nil)
	for range 3 {
		trace := c.trace(ActorContender)
		trace.Connected(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 17), Port: 50000}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 445})
		trace.Sent(time.Now(), smb.Append(nil, smb.Header{}, &smb.NegotiateRequest{Dialects: []smb.Dialect{smb.SMB202}}))
		trace.Received(time.Now(), smb.Append(nil, smb.Header{Flags: smb.FlagResponse}, &smb.NegotiateResponse{Dialect: smb.SMB202}))
	}
	c.Close()
	if frames := assemble(t, readCapture(t, c.Name())); len(frames) != 6 {
		t.Errorf("%d frames, want 6", len(frames))
	}
}

// TestBlankMessages checks tokens wherever a message says they are.
func TestBlankMessages(t *testing.T) {
	secret := bytes.Repeat([]byte("SECRET!!"), 8)
	request := smb.Append(nil, smb.Header{}, &smb.SessionSetupRequest{PreviousSessionID: 0x1122334455667788, SecurityBuffer: secret})
	response := smb.Append(nil, smb.Header{Flags: smb.FlagResponse, Status: smb.StatusMoreProcessingRequired}, &smb.SessionSetupResponse{SecurityBuffer: secret})
	read := smb.Append(nil, smb.Header{Flags: smb.FlagResponse}, &smb.ReadResponse{Data: secret})
	write := smb.Append(nil, smb.Header{}, &smb.WriteRequest{Data: []byte("kept")})
	chained := append(bytes.Clone(write), make([]byte, -len(write)&7)...)
	binary.LittleEndian.PutUint32(chained[20:], uint32(len(chained)))
	set := func(message []byte, at int, b ...byte) []byte {
		message = bytes.Clone(message)
		copy(message[at:], b)
		return message
	}
	kept := func(message []byte, n int) []byte { // the header, n bytes of the body, zeros
		message = bytes.Clone(message)
		clear(message[64+n:])
		return message
	}
	no := func(smb.Header) bool { return false }
	for _, test := range []struct {
		name       string
		fromServer bool
		message    []byte
		rules      blankRules
		want       []byte
	}{
		{"request", false, request, blankRules{readsPipe: no}, set(kept(request, 24), 64+14, 0, 0)},
		{"request after another", false, append(bytes.Clone(chained), request...), blankRules{readsPipe: no}, append(bytes.Clone(chained), set(kept(request, 24), 64+14, 0, 0)...)},
		{"response", true, response, blankRules{readsPipe: no}, set(kept(response, 8), 64+6, 0, 0)},
		{"length too large", false, set(request, 64+14, 0xFF, 0xFF), blankRules{readsPipe: no}, set(kept(request, 24), 64+14, 0, 0)},
		{"length too small", false, set(request, 64+14, 1, 0), blankRules{readsPipe: no}, set(kept(request, 24), 64+14, 0, 0)},
		{"offset too large", true, set(response, 64+4, 0xFF, 0xFF), blankRules{readsPipe: no}, set(kept(response, 8), 64+4, 0xFF, 0xFF, 0, 0)},
		{"token among the fields", false, set(request, 64+12, 80, 0), blankRules{readsPipe: no}, kept(request, 0)},
		{"token in the header", true, set(response, 64+4, 0, 0), blankRules{readsPipe: no}, kept(response, 0)},
		{"structure size", false, set(request, 64, 24), blankRules{readsPipe: no}, kept(request, 0)},
		{"cut off", false, request[:80], blankRules{readsPipe: no}, kept(request[:80], 0)},
		{"wrong direction", true, request, blankRules{readsPipe: no}, kept(request, 0)},
		{"unknown command", false, set(request, 12, 0x13), blankRules{readsPipe: no}, set(kept(request, 0), 12, 0x13)},
		{"next command outside", false, set(request, 20, 0xF8, 0xFF, 0xFF, 0x7F), blankRules{readsPipe: no}, set(kept(request, 0), 20, 0xF8, 0xFF, 0xFF, 0x7F)},
		{"another protocol", false, append([]byte("\xFFSMB"), secret...), blankRules{readsPipe: no}, append([]byte("\xFFSMB"), make([]byte, len(secret))...)},
		{"too short for a header", false, request[:30], blankRules{readsPipe: no}, request[:30]},
		{"read from a file", true, read, blankRules{readsPipe: no}, kept(read, 16)},
		{"read from a pipe", true, read, blankRules{readsPipe: func(smb.Header) bool { return true }}, read},
		{"read, data among the fields", true, set(read, 64+2, 70), blankRules{readsPipe: no}, kept(read, 0)},
		{"write", false, write, blankRules{readsPipe: no}, write},
		{"a token where none belongs", false, append(bytes.Clone(write), "NTLMSSP\x00\x03"...), blankRules{readsPipe: no}, append(kept(write, 0), make([]byte, 9)...)},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := bytes.Clone(test.message)
			blankMessages(got, test.fromServer, test.rules)
			if !bytes.Equal(got, test.want) {
				t.Errorf("\n got %x\nwant %x", got, test.want)
			}
			if !bytes.Equal(got, test.message) && bytes.Contains(got, secret[:8]) {
				t.Error("the secret is still there")
			}
		})
	}
}

// TestBlankHint checks the server's token in NEGOTIATE.
func TestBlankHint(t *testing.T) {
	answer := smb.NegotiateResponse{
		Dialect: smb.SMB311, SecurityBuffer: []byte("a hint of 23 bytes here"), Contexts: []smb.NegotiateContext{smb.PreauthContext(make([]byte, 32))},
	}
	message := smb.Append(nil, smb.Header{Flags: smb.FlagResponse}, &answer)
	got := bytes.Clone(message)
	if blankMessages(got, true, blankRules{}); !bytes.Equal(got, message) {
		t.Errorf("a hint that may stay was changed:\n got %x\nwant %x", got, message)
	}
	blankMessages(got, true, blankRules{hint: true})
	_, m, err := smb.ParseResponse(got)
	if err != nil {
		t.Fatal(err)
	}
	if r := m.(*smb.NegotiateResponse); len(r.SecurityBuffer) != 0 || len(r.Contexts) != 1 || bytes.Contains(got, []byte("hint")) {
		t.Errorf("%+v", r)
	}
	for at := range 8 { // SecurityBufferOffset, its length, and the contexts' place
		hostile := bytes.Clone(message)
		hostile[64+56+at] = 0xFF
		blankMessages(hostile, true, blankRules{hint: true})
	}
}

var errShort = errors.New("no more")

// shortSocket takes so many bytes of a Write, and reads so many at once.
type shortSocket struct {
	net.Conn
	write, read int
	in          []byte
}

func (s *shortSocket) Write(b []byte) (int, error) {
	if s.write >= 0 && len(b) > s.write {
		return s.write, errShort
	}
	return len(b), nil
}

func (s *shortSocket) Read(b []byte) (int, error) {
	if len(s.in) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.in[:min(s.read, len(s.in))])
	s.in = s.in[n:]
	return n, nil
}

func (s *shortSocket) LocalAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 17), Port: 50000}
}
func (s *shortSocket) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 445}
}

// TestCaptureTapPieces checks that it does not matter in which pieces a stream
// comes.
func TestCaptureTapPieces(t *testing.T) {
	frames, _ := loadWire(t, "session-3.1.1-signed")
	for _, size := range []int{1, 3, 64, 100000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			c := newTestCapture(t, nil)
			socket := &shortSocket{write: -1, read: size}
			tap := c.tap(socket, Credentials{User: "root", Password: "x"})
			buffer := make([]byte, 70000)
			for _, f := range frames {
				framed := append(binary.BigEndian.AppendUint32(nil, uint32(len(f.b))), f.b...)
				if !f.fromServer {
					for b := framed; len(b) > 0; b = b[min(size, len(b)):] {
						if _, err := tap.Write(b[:min(size, len(b))]); err != nil {
							t.Fatal(err)
						}
					}
					continue
				}
				socket.in = framed
				var got []byte
				for {
					n, err := tap.Read(buffer)
					got = append(got, buffer[:n]...)
					if err != nil {
						break
					}
				}
				if !bytes.Equal(got, framed) {
					t.Fatal("what was read is not what came")
				}
			}
			c.Close()
			if got := assemble(t, readCapture(t, c.Name())); len(got) != len(frames) {
				t.Errorf("%d frames of %d", len(got), len(frames))
			}
		})
	}
}

// TestCaptureTapShortWrite checks that a write which fails half-way passes, and
// ends what is seen in that direction.
func TestCaptureTapShortWrite(t *testing.T) {
	frames, _ := loadWire(t, "session-3.1.1-signed")
	framed := append(binary.BigEndian.AppendUint32(nil, uint32(len(frames[0].b))), frames[0].b...)
	c := newTestCapture(t, nil)
	tap := c.tap(&shortSocket{write: 50}, Credentials{})
	if n, err := tap.Write(framed); n != 50 || !errors.Is(err, errShort) {
		t.Errorf("Write says %d, %v", n, err)
	}
	if n, err := tap.Write(framed[:20]); n != 20 || err != nil {
		t.Errorf("Write says %d, %v", n, err)
	}
	c.Close()
	readCapture(t, c.Name())
}
