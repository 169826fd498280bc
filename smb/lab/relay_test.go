package lab_test

import (
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"net"
	"sync"
	"testing"
)

// relay passes a client's connections on to a server and counts how the
// client's messages are protected. The client cannot be believed: it may say
// that it signs and not do it.
type relay struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu      sync.Mutex
	conns   []net.Conn
	dialect uint16         // that the server chose last
	counts  map[string]int // of requests after the log-on: "plain", "signed", "sealed"
}

// startRelay relays from address to target until the test ends.
func startRelay(t *testing.T, address, target string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, target: target, counts: make(map[string]int)}
	r.running.Go(r.accept)
	t.Cleanup(func() {
		l.Close()
		r.mu.Lock()
		for _, c := range r.conns {
			c.Close()
		}
		r.mu.Unlock()
		r.running.Wait()
	})
	return r
}

func (r *relay) addr() string { return r.listener.Addr().String() }

// seen is what went by so far; the counts begin anew.
func (r *relay) seen() (dialect uint16, counts map[string]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts = maps.Clone(r.counts)
	clear(r.counts)
	return r.dialect, counts
}

func (r *relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", r.target)
		if err != nil {
			client.Close()
			continue
		}
		r.mu.Lock()
		r.conns = append(r.conns, client, server)
		r.mu.Unlock()
		r.running.Go(func() { pass(server, client, r.request) })
		r.running.Go(func() { pass(client, server, r.response) })
	}
}

// pass copies frames, [MS-SMB2] 2.1, until one side ends.
func pass(to, from net.Conn, look func(message []byte)) {
	defer to.Close()
	defer from.Close()
	for {
		frame := make([]byte, 4)
		if _, err := io.ReadFull(from, frame); err != nil {
			return
		}
		size := binary.BigEndian.Uint32(frame) & 0xFFFFFF
		frame = append(frame, make([]byte, size)...)
		if _, err := io.ReadFull(from, frame[4:]); err != nil {
			return
		}
		look(frame[4:])
		if _, err := to.Write(frame); err != nil {
			return
		}
	}
}

var errShort = errors.New("message is too short for a header")

// request counts a request, [MS-SMB2] 2.2.1 and 2.2.41. NEGOTIATE and
// SESSION_SETUP come before there is a key.
func (r *relay) request(message []byte) {
	kind := "plain"
	switch command, flags, err := headerOf(message); {
	case err != nil:
		kind = err.Error()
	case message[0] == 0xFD:
		kind = "sealed"
	case command <= 1:
		return
	case flags&0x8 != 0:
		kind = "signed"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[kind]++
}

// response takes the dialect from an answer to NEGOTIATE, [MS-SMB2] 2.2.4.
func (r *relay) response(message []byte) {
	if command, _, err := headerOf(message); err == nil && message[0] == 0xFE && command == 0 && len(message) >= 64+6 {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.dialect = binary.LittleEndian.Uint16(message[64+4:])
	}
}

func headerOf(message []byte) (command uint16, flags uint32, err error) {
	if len(message) < 52 {
		return 0, 0, errShort
	}
	return binary.LittleEndian.Uint16(message[12:]), binary.LittleEndian.Uint32(message[16:]), nil
}
