package diag

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"err32/smb"
)

// Capture writes the SMB messages of a run to a file that Wireshark opens. A nil
// *Capture takes everything and writes nothing.
//
// Every packet goes to the file at once and whole, so that a run which is killed
// leaves a file that can be read.
type Capture struct {
	name     string
	redactor *Redactor
	start    time.Time

	mu      sync.Mutex // guards what follows
	file    *os.File   // nil once it is closed
	size    int64      // of the file
	block   bytes.Buffer
	writer  *pcapgo.NgWriter // into block
	err     error            // the first that kept something from being written; nothing is written after it
	last    time.Time        // of the packets: a file's times do not go back
	dropped uint64           // messages that could not be redacted
	next    map[[2]netip.AddrPort]*sequence
	actors  map[string]*captureActor
}

// captureActor is an actor that has exchanged messages.
type captureActor struct {
	waiting []int64 // where in the file the comments have room for the event that is to come
	tried   int     // how many of these are of messages before the last CREATE
	begun   int     // the event that the next messages belong to until one comes; 0 for none
}

// captureUsage is the comment on the whole file.
const captureUsage = "The SMB2 messages of a run of err32 as they were sent and received, in plain text also where they were encrypted. " +
	"Ethernet, IP and TCP are made around them with the real ports; there are no handshakes and no acknowledgements. " +
	"Log-on tokens, and what was read from files, are blanked with zeros. " +
	"Where the port is another one than 445: tshark -d tcp.port==PORT,nbss; in Wireshark, Decode As, NBSS."

// CreateCapture begins a capture in a new file, or with force in one that is
// overwritten. With a redactor it is one without names. The error is that of the
// file system.
func CreateCapture(name string, force bool, redactor *Redactor) (*Capture, error) {
	if err := checkNewFile(name, force); err != nil {
		return nil, err
	}
	flags := os.O_RDWR | os.O_CREATE
	if !force {
		flags |= os.O_EXCL
	}
	f, err := os.OpenFile(name, flags, 0o600)
	if err != nil {
		return nil, err
	}
	// What is overwritten may be readable by others, and this names users,
	// clients and files.
	if err = f.Chmod(0o600); err == nil {
		err = f.Truncate(0)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return newCapture(f, redactor)
}

// createTemporaryCapture begins a capture in a file of its own in folder.
func createTemporaryCapture(folder string, redactor *Redactor) (*Capture, error) {
	f, err := os.CreateTemp(folder, ".err32-*.pcapng")
	if err != nil {
		return nil, err
	}
	return newCapture(f, redactor)
}

// newCapture begins a capture in an empty file. When that fails, the file is
// removed.
func newCapture(f *os.File, redactor *Redactor) (*Capture, error) {
	c := &Capture{
		name: f.Name(), redactor: redactor, start: time.Now(), file: f,
		next: map[[2]netip.AddrPort]*sequence{}, actors: map[string]*captureActor{},
	}
	// Nothing here says on which machine the run was.
	c.writer, c.err = pcapgo.NewNgWriterInterface(&c.block,
		pcapgo.NgInterface{Name: "smb", Description: "SMB2 messages", LinkType: layers.LinkTypeEthernet, TimestampResolution: 9},
		pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{Application: "err32", Comment: captureUsage}})
	c.flush()
	if c.err != nil {
		return nil, errors.Join(c.err, f.Close(), os.Remove(f.Name()))
	}
	return c, nil
}

// Name is the file's; empty for nil.
func (c *Capture) Name() string {
	if c == nil {
		return ""
	}
	return c.name
}

// trace sees one connection of an actor.
func (c *Capture) trace(actor string) *smb.Trace {
	if c == nil {
		return nil
	}
	s := c.stream(actor)
	return &smb.Trace{
		Connected: s.connected,
		Sent:      func(at time.Time, message []byte) { s.message(at, false, message) },
		Received:  func(at time.Time, message []byte) { s.message(at, true, message) },
	}
}

// tap sees the messages of a library that has no hooks, between it and its
// socket. who logs on over it.
func (c *Capture) tap(socket net.Conn, who Credentials) net.Conn {
	if c == nil {
		return socket
	}
	s := c.stream(ActorContender)
	s.connected(socket.LocalAddr(), socket.RemoteAddr())
	return newCaptureTap(socket, s, who)
}

// Event tells of an event, which the messages of its actor since the last one
// belong to.
func (c *Capture) Event(e Event) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range c.exchangedFor(e) {
		if a := c.actors[name]; a != nil {
			if e.What == whatTry { // of tries that follow each other at once, not every one is an event
				c.fillIn(a, a.tried, noEventMark)
			}
			c.fillIn(a, len(a.waiting), eventMark(e.ID))
			a.begun = 0
			if e.What == whatDisconnect { // it is told of before it is done
				a.begun = e.ID
			}
		}
	}
}

// exchangedFor returns whose messages led to an event: its actor's, or those of
// the actor whose connection it used.
func (c *Capture) exchangedFor(e Event) []string {
	holderElseObserver := ActorObserver
	if c.actors[ActorHolder] != nil {
		holderElseObserver = ActorHolder
	}
	switch {
	case e.Actor == ActorContender && c.actors[ActorContender] == nil: // the retry of the same client, or a probe
		return []string{holderElseObserver}
	case e.Actor != ActorTool:
		return []string{e.Actor}
	case e.What == whatNote || e.What == whatWaited || e.What == whatInterrupted:
		return []string{ActorTool}
	case e.What == whatClose:
		return []string{ActorTool, holderElseObserver}
	}
	return []string{ActorTool, ActorObserver}
}

// eventRoom is how long eventMark is.
const eventRoom = len("; event 12345678")

// eventMark ends a comment: with an event's number, or with room for it.
func eventMark(id int) string {
	if id == 0 || id > 99999999 {
		return fmt.Sprintf("%*s", eventRoom, "")
	}
	return fmt.Sprintf("; event %-8d", id)
}

// noEventMark ends the comment on a message that led to no event.
var noEventMark = fmt.Sprintf("%-*s", eventRoom, "; no event")

// fillIn completes the first n comments that wait for an event. The mutex is
// held.
func (c *Capture) fillIn(a *captureActor, n int, mark string) {
	for _, at := range a.waiting[:n] {
		if c.err != nil || c.file == nil {
			break
		}
		_, err := c.file.WriteAt([]byte(mark), at)
		c.err = err
	}
	a.waiting = a.waiting[:copy(a.waiting, a.waiting[n:])]
	a.tried = max(a.tried-n, 0)
}

// Dropped is how many messages are not in the capture because they could not be
// redacted.
func (c *Capture) Dropped() int {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(c.dropped)
}

// Close ends the capture. The error is the first that kept a message from being
// written.
func (c *Capture) Close() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		return c.err
	}
	for _, a := range c.actors {
		if a.begun == 0 {
			c.fillIn(a, len(a.waiting), noEventMark)
		}
	}
	if c.dropped > 0 && c.err == nil {
		c.err = c.writer.WriteInterfaceStats(0, pcapgo.NgInterfaceStatistics{
			LastUpdate: c.last, PacketsReceived: pcapgo.NgNoValue64, PacketsDropped: c.dropped,
		})
		c.flush()
	}
	c.err = errors.Join(c.err, c.file.Close())
	c.file = nil
	return c.err
}

// packet writes one packet, whose comment ends in room for an event. The mutex
// is held.
func (c *Capture) packet(at time.Time, actor string, fromServer bool, data []byte, comment string) {
	if c.err != nil || c.file == nil {
		return
	}
	at = c.start.Add(at.Sub(c.start)) // by the clock that does not jump, where there is one
	if at.Before(c.last) {
		at = c.last
	}
	c.last = at
	info := gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(data), Length: len(data)}
	direction := pcapgo.NgEpbFlagDirectionOutbound
	if fromServer {
		direction = pcapgo.NgEpbFlagDirectionInbound
	}
	options := pcapgo.NgPacketOptions{Flags: &pcapgo.NgEpbFlags{Direction: direction}}
	if comment != "" {
		a := c.actors[actor]
		options.Comments = []string{comment + eventMark(a.begun)}
		// The comment is the first option, and each block, field and option
		// begins at a multiple of four.
		const blockHeader, optionHeader = 28, 4
		data := (len(data) + 3) &^ 3
		a.waiting = append(a.waiting, c.size+int64(blockHeader+data+optionHeader+len(comment)))
	}
	c.err = c.writer.WritePacketWithOptions(info, data, options)
	c.flush()
}

// flush writes to the file what the writer has made. The mutex is held.
func (c *Capture) flush() {
	c.err = errors.Join(c.err, c.writer.Flush())
	if c.err != nil {
		return
	}
	if _, c.err = c.file.WriteAt(c.block.Bytes(), c.size); c.err != nil {
		c.file.Truncate(c.size) // what is left can be read; the error is there already
		return
	}
	c.size += int64(c.block.Len())
	const keep = 1 << 20
	if c.block.Cap() > keep {
		c.block = bytes.Buffer{}
	}
	c.block.Reset()
}
