package diag

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"err32/smb"
)

// captureStream is one connection in a capture.
type captureStream struct {
	capture *Capture
	actor   string

	// Guarded by the capture's mutex.
	client, server netip.AddrPort
	next           *sequence
	story          *captureStory
}

// sequence are the TCP sequence numbers of what the client and the server send
// next.
type sequence struct{ client, server uint32 }

// stream begins a connection of an actor.
func (c *Capture) stream(actor string) *captureStream {
	s := &captureStream{capture: c, actor: actor, story: newCaptureStory()}
	s.connected(nil, nil)
	return s
}

// connected tells the ends of the connection, before any message. A connection
// over no network has port 445 on one side and 0 on the other.
func (s *captureStream) connected(local, remote net.Addr) {
	c := s.capture
	c.mu.Lock()
	defer c.mu.Unlock()
	s.client, s.server = captureEnd(local, 0), captureEnd(remote, DefaultPort)
	if local == nil {
		return
	}
	if c.actors[s.actor] == nil {
		c.actors[s.actor] = &captureActor{}
	}
	// A port that is used again, without a handshake in between, would look
	// like the old connection repeating itself.
	ends := [2]netip.AddrPort{s.client, s.server}
	if c.next[ends] == nil {
		c.next[ends] = &sequence{1, 1}
	}
	s.next = c.next[ends]
}

func captureEnd(a net.Addr, port uint16) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		end := tcp.AddrPort()
		return netip.AddrPortFrom(end.Addr().Unmap().WithZone(""), end.Port())
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), port)
}

// message writes a message, or chain of them, in plain text.
func (s *captureStream) message(at time.Time, fromServer bool, plain []byte) {
	c := s.capture
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.next == nil {
		return
	}
	plain = bytes.Clone(plain)
	// tshark can read the hint of a server below port 1024 only, and calls it
	// malformed above.
	blankMessages(plain, fromServer, blankRules{readsPipe: s.story.readsPipe, hint: s.server.Port() >= 1024})
	shown := plain
	if c.redactor != nil {
		if shown = c.redactor.message(plain); shown == nil {
			c.dropped++
			s.story.tell(plain, false)
			return
		}
	}
	s.write(at, fromServer, shown, s.story.tell(shown, true))
}

// opaque writes a message as it was on the wire, encrypted.
func (s *captureStream) opaque(at time.Time, fromServer bool, frame []byte, why string) {
	c := s.capture
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.next != nil {
		s.write(at, fromServer, frame, why)
	}
}

// maxSegment is how much of a message one packet carries: an IP packet holds
// 65 535 bytes.
const maxSegment = 60000

// write makes the packets of one frame, of which the first has the comment.
func (s *captureStream) write(at time.Time, fromServer bool, message []byte, comment string) {
	comment = s.actor + ": " + comment
	if a := s.capture.actors[s.actor]; !fromServer && mayTry(message) {
		a.tried = len(a.waiting)
	}
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...)
	for len(frame) > 0 {
		n := min(len(frame), maxSegment)
		packet, err := s.segment(fromServer, frame[:n])
		if err != nil {
			s.capture.err = err
			return
		}
		s.capture.packet(at, s.actor, fromServer, packet, comment)
		frame, comment = frame[n:], ""
	}
}

// mayTry reports whether a message is, or may be, a CREATE request: an encrypted
// one does not tell.
func mayTry(message []byte) bool {
	h, _, _, err := smb.SplitCompound(message)
	return err != nil || h.Command == smb.CommandCreate
}

// segment wraps a part of the stream in TCP, IP and Ethernet.
func (s *captureStream) segment(fromServer bool, payload []byte) ([]byte, error) {
	from, to := s.client, s.server
	seq, ack := &s.next.client, &s.next.server
	if fromServer {
		from, to, seq, ack = to, from, ack, seq
	}
	tcp := &layers.TCP{
		SrcPort: layers.TCPPort(from.Port()), DstPort: layers.TCPPort(to.Port()),
		Seq: *seq, Ack: *ack, ACK: true, PSH: true, Window: 0xFFFF,
	}
	*seq += uint32(len(payload))
	// Addresses that nobody has on a network, the client's ending in 1.
	ethernet := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}}
	if fromServer {
		ethernet.SrcMAC, ethernet.DstMAC = ethernet.DstMAC, ethernet.SrcMAC
	}
	source, destination := from.Addr(), to.Addr()
	if r := s.capture.redactor; r != nil {
		source, destination = r.addr(source).Unmap(), r.addr(destination).Unmap()
	}
	var network interface {
		gopacket.NetworkLayer
		gopacket.SerializableLayer
	}
	if source.Is4() && destination.Is4() {
		ethernet.EthernetType = layers.EthernetTypeIPv4
		network = &layers.IPv4{
			Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, Flags: layers.IPv4DontFragment,
			SrcIP: source.AsSlice(), DstIP: destination.AsSlice(),
		}
	} else {
		ethernet.EthernetType = layers.EthernetTypeIPv6
		a, b := source.As16(), destination.As16()
		network = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: a[:], DstIP: b[:]}
	}
	if err := tcp.SetNetworkLayerForChecksum(network); err != nil {
		return nil, err
	}
	packet := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(packet, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		ethernet, network, tcp, gopacket.Payload(payload))
	return packet.Bytes(), err
}
