package smb

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The syntaxes that a Windows client offers besides NDR 2.0: NDR64 and the
// features it can negotiate at bind time, [MS-RPCE] 2.2.5 and 3.3.1.5.3.
var (
	ndr64Syntax = rpcSyntax{
		uuid:  GUID{0x33, 0x05, 0x71, 0x71, 0xba, 0xbe, 0x37, 0x49, 0x83, 0x19, 0xb5, 0xdb, 0xef, 0x9c, 0xcc, 0x36},
		major: 1,
	}
	featuresSyntax = rpcSyntax{
		uuid:  GUID{0x2c, 0x1c, 0xb7, 0x6c, 0x12, 0x98, 0x40, 0x45, 0x03},
		major: 1,
	}
)

// bindPDU is a bind or an alter_context.
func bindPDU(t testing.TB, ptype uint8, maxRecv uint16, contexts ...rpcContext) []byte {
	t.Helper()
	h := rpcHeader{ptype: ptype, flags: both, callID: 1}
	b, err := appendRPC(nil, h, &rpcBindPDU{maxXmitFrag: 5840, maxRecvFrag: maxRecv, contexts: contexts}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// srvsvcContext is a context as simple clients offer it.
func srvsvcContext(id uint16) rpcContext {
	return rpcContext{id: id, abstract: serverServiceSyntax, transfers: []rpcSyntax{ndrSyntax}}
}

// requestPDUs is a request in fragments with at most most bytes of stub data.
func requestPDUs(t testing.TB, callID uint32, context, opnum uint16, stub []byte, most int) []byte {
	t.Helper()
	var b []byte
	var err error
	h := rpcHeader{ptype: rpcRequest, flags: rpcFirstFrag, callID: callID}
	for {
		part := stub[:min(len(stub), most)]
		stub = stub[len(part):]
		if len(stub) == 0 {
			h.flags |= rpcLastFrag
		}
		if b, err = appendRPC(b, h, &rpcRequestPDU{context: context, opnum: opnum}, part); err != nil {
			t.Fatal(err)
		}
		if len(stub) == 0 {
			return b
		}
		h.flags = 0
	}
}

// readMessage reads one message by at most n bytes at a time.
func readMessage(t testing.TB, s *RPCServer, n int) []byte {
	t.Helper()
	var message []byte
	for {
		b, more := s.Read(n)
		if len(b) > n || (b == nil && more) {
			t.Fatalf("Read(%d) = %d bytes, %v", n, len(b), more)
		}
		message = append(message, b...)
		if !more {
			break
		}
	}
	if message == nil {
		return nil
	}
	h, err := parseRPCHeader(message)
	if err != nil || int(h.fragLength) != len(message) {
		t.Fatalf("a message of %d bytes: %+v, %v", len(message), h, err)
	}
	return message
}

// write writes what has to be taken.
func write(t testing.TB, s *RPCServer, b []byte) {
	t.Helper()
	if err := s.Write(b); err != nil {
		t.Fatal(err)
	}
}

// readAck reads a bind_ack or an alter_context_resp.
func readAck(t *testing.T, s *RPCServer, ptype uint8) rpcBindAckPDU {
	t.Helper()
	b := readMessage(t, s, 1<<16)
	if b == nil || b[2] != ptype {
		t.Fatalf("the answer is %x, not PDU type %d", b, ptype)
	}
	var ack rpcBindAckPDU
	if rest, err := parseRPC(b[rpcHeaderSize:], &ack); err != nil || len(rest) != 0 {
		t.Fatalf("%v, %d bytes left", err, len(rest))
	}
	return ack
}

// readFault reads a fault.
func readFault(t *testing.T, s *RPCServer) uint32 {
	t.Helper()
	b := readMessage(t, s, 1<<16)
	if b == nil || b[2] != rpcFault {
		t.Fatalf("the answer is %x, not a fault", b)
	}
	var fault *RPCFault
	if err := parseFault(b[rpcHeaderSize:]); !errors.As(err, &fault) {
		t.Fatal(err)
	}
	return fault.Status
}

// boundServer has one context, number 0.
func boundServer(t testing.TB, h ServerServiceHandler, maxRecv uint16) *RPCServer {
	t.Helper()
	s := NewServerServiceServer(h)
	write(t, s, bindPDU(t, rpcBind, maxRecv, srvsvcContext(0)))
	if b := readMessage(t, s, 1<<16); b == nil || b[2] != rpcBindAck {
		t.Fatalf("the answer is %x, not a bind_ack", b)
	}
	return s
}

// TestRPCServerContexts binds as clients of Windows do, to one of several
// contexts.
func TestRPCServerContexts(t *testing.T) {
	other := serverServiceSyntax
	other.uuid[0]++
	newer, minor := serverServiceSyntax, serverServiceSyntax
	newer.major, minor.minor = 4, 1
	offered := []rpcContext{
		{id: 0, abstract: serverServiceSyntax, transfers: []rpcSyntax{ndr64Syntax}},
		{id: 1, abstract: serverServiceSyntax, transfers: []rpcSyntax{ndr64Syntax, ndrSyntax}},
		{id: 2, abstract: serverServiceSyntax, transfers: []rpcSyntax{featuresSyntax}},
		{id: 3, abstract: other, transfers: []rpcSyntax{ndrSyntax}},
		{id: 4, abstract: newer, transfers: []rpcSyntax{ndrSyntax}},
		{id: 5, abstract: minor, transfers: []rpcSyntax{ndrSyntax}},
		{id: 6, abstract: serverServiceSyntax},
	}
	s := NewServerServiceServer(someTables())
	write(t, s, bindPDU(t, rpcBind, 4280, offered...))
	ack := readAck(t, s, rpcBindAck)
	want := []rpcResult{
		{result: 2, reason: 2}, {transfer: ndrSyntax}, {result: 3}, {result: 2, reason: 1}, {result: 2, reason: 1}, {result: 2, reason: 1}, {result: 2, reason: 2},
	}
	if !reflect.DeepEqual(ack.results, want) {
		t.Errorf("results %+v", ack.results)
	}
	if ack.maxXmitFrag != 4280 || ack.maxRecvFrag != 4280 || ack.assocGroup == 0 || string(ack.secAddr) != "\\PIPE\\srvsvc\x00" {
		t.Errorf("bind_ack %+v", ack)
	}
	stub := writeStub(t, (&fileCloseCall{id: 1}).request)
	for id := range uint16(8) {
		write(t, s, requestPDUs(t, 2, id, opNetrFileClose, stub, 4000))
		if id == 1 {
			if b := readMessage(t, s, 1<<16); b[2] != rpcResponse || le.Uint16(b[20:]) != id {
				t.Errorf("context %d: %x", id, b)
			}
		} else if status := readFault(t, s); status != 0x1C010003 {
			t.Errorf("context %d: fault %#x", id, status)
		}
	}

	write(t, s, bindPDU(t, rpcAlterContext, 4280, srvsvcContext(3), offered[0]))
	ack = readAck(t, s, rpcAlterContextResp)
	if want := []rpcResult{{transfer: ndrSyntax}, {result: 2, reason: 2}}; !reflect.DeepEqual(ack.results, want) || len(ack.secAddr) != 0 {
		t.Errorf("alter_context_resp %+v", ack)
	}
	write(t, s, requestPDUs(t, 3, 3, opNetrFileClose, stub, 4000))
	if b := readMessage(t, s, 1<<16); b[2] != rpcResponse {
		t.Errorf("context 3: %x", b)
	}
}

// TestRPCServerRefusesBind: bind_nak with the reason, and for what is no bind
// a fault.
func TestRPCServerRefusesBind(t *testing.T) {
	good := bindPDU(t, rpcBind, 4280, srvsvcContext(0))
	many := make([]rpcContext, 33)
	for _, tt := range []struct {
		name   string
		b      []byte
		reason uint16
	}{
		{"authentication", patched(append(bytes.Clone(good), make([]byte, 24)...), 8, byte(len(good)+24)), 8},
		{"no context", bindPDU(t, rpcBind, 4280), 0},
		{"too many contexts", bindPDU(t, rpcBind, 4280, many...), 2},
	} {
		if tt.reason == 8 {
			tt.b = patched(tt.b, 10, 16)
		}
		s := NewServerServiceServer(someTables())
		write(t, s, tt.b)
		b := readMessage(t, s, 1<<16)
		if b == nil || b[2] != rpcBindNak || le.Uint16(b[16:]) != tt.reason {
			t.Errorf("%s: %x", tt.name, b)
			continue
		}
		// The client may try again.
		write(t, s, good)
		if ack := readAck(t, s, rpcBindAck); ack.results[0].result != 0 {
			t.Errorf("%s: then %+v", tt.name, ack)
		}
	}
	s := NewServerServiceServer(someTables())
	write(t, s, bindPDU(t, rpcAlterContext, 4280, srvsvcContext(0)))
	if status := readFault(t, s); status != 0x1C01000B {
		t.Errorf("alter_context before bind: fault %#x", status)
	}
	write(t, s, requestPDUs(t, 9, 0, opNetrFileClose, nil, 100))
	if status := readFault(t, s); status != 0x1C01000B {
		t.Errorf("request before bind: fault %#x", status)
	}
	s = boundServer(t, someTables(), 4280)
	write(t, s, good)
	if b := readMessage(t, s, 1<<16); b == nil || b[2] != rpcBindNak {
		t.Errorf("a second bind: %x", b)
	}
	// An association keeps no more than 32 contexts.
	for i := range uint16(40) {
		write(t, s, bindPDU(t, rpcAlterContext, 4280, srvsvcContext(i)))
		ack := readAck(t, s, rpcAlterContextResp)
		if want := (rpcResult{result: 2, reason: 3}); i >= 32 && ack.results[0] != want || i < 32 && ack.results[0].result != 0 {
			t.Errorf("context %d: %+v", i, ack.results)
		}
	}
}

// TestRPCServerRecorded answers what was recorded with Samba: binds with the
// same results, and calls with an answer that the client reads.
func TestRPCServerRecorded(t *testing.T) {
	for _, name := range flowFiles(t) {
		f := loadFlow(t, name)
		s := NewServerServiceServer(someTables())
		for i, b := range f.requests {
			write(t, s, b)
			got := readMessage(t, s, 1<<16)
			if got == nil {
				t.Fatalf("%s: no answer to request %d", name, i)
			}
			switch b[2] {
			case rpcBind:
				var ours, theirs rpcBindAckPDU
				_, err := parseRPC(got[rpcHeaderSize:], &ours)
				_, err2 := parseRPC(f.answers[i][rpcHeaderSize:], &theirs)
				if err != nil || err2 != nil || !reflect.DeepEqual(ours.results, theirs.results) {
					t.Errorf("%s: %+v (%v), recorded is %+v (%v)", name, ours, err, theirs, err2)
				}
			case rpcRequest:
				var head rpcRequestPDU
				if _, err := parseRPC(b[rpcHeaderSize:], &head); err != nil {
					t.Fatal(err)
				}
				if known := newCall(head.opnum) != nil; known != (got[2] == rpcResponse) {
					t.Errorf("%s: %s: PDU type %d", name, f.marks[i], got[2])
				}
			}
			for got != nil {
				got = readMessage(t, s, 1<<16)
			}
		}
	}
}

// TestRPCServerAnswerFragments reads a long answer: fragments as the client
// takes them, the bytes that remain in alloc_hint, and one message at a time.
func TestRPCServerAnswerFragments(t *testing.T) {
	h := &tables{}
	for i := range 500 {
		h.files = append(h.files, FileInfo{ID: uint32(i), Path: fmt.Sprintf(`C:\data\file-%d.txt`, i), User: "zoe"})
	}
	c := &fileEnumCall{enumeration: newEnumeration(3), files: h.files}
	request := writeStub(t, c.request)
	c.total, c.resume = 500, 0
	want := writeStub(t, c.response)
	for maxRecv, size := range map[uint16]int{0: 1432, 100: 1432, 1432: 1432, 2001: 2000, 4280: 4280, 5840: 4280, 0xFFFF: 4280} {
		for _, n := range []int{1, 16, 1024, 1 << 20} {
			s := boundServer(t, h, maxRecv)
			write(t, s, requestPDUs(t, 7, 0, opNetrFileEnum, request, 4000))
			var got []byte
			for last := false; !last; {
				b := readMessage(t, s, n)
				if b == nil {
					t.Fatal("the answer ends early")
				}
				h, _ := parseRPCHeader(b)
				last = h.flags&rpcLastFrag != 0
				if h.ptype != rpcResponse || h.callID != 7 || (h.flags&rpcFirstFrag != 0) != (got == nil) || len(b) > size || !last && len(b) < size-7 {
					t.Fatalf("a fragment of %d bytes: %+v", len(b), h)
				}
				if hint := le.Uint32(b[16:]); int(hint) != len(want)-len(got) {
					t.Fatalf("alloc_hint is %d with %d bytes left", hint, len(want)-len(got))
				}
				got = append(got, b[24:]...)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("max_recv_frag %d: the answer has %d bytes, not the %d expected", maxRecv, len(got), len(want))
			}
			if b, more := s.Read(n); b != nil || more {
				t.Fatalf("%x behind the answer", b)
			}
		}
	}
}

// TestRPCServerRequestFragments sends a request in fragments and writes of any
// size.
func TestRPCServerRequestFragments(t *testing.T) {
	client, user := `\\192.0.2.1`, strings.Repeat("user", 200)
	stub := writeStub(t, (&sessionDelCall{server: `\\s`, client: client, user: user}).request)
	for _, most := range []int{8, 16, 1000, 1 << 15} {
		pdus := requestPDUs(t, 5, 0, opNetrSessionDel, stub, most)
		for _, piece := range []int{1, 15, 25, 1 << 20} {
			h := &tables{refuse: NerrUserNotFound}
			s := boundServer(t, h, 4280)
			parts := slices.Collect(slices.Chunk(pdus, piece))
			for i, part := range parts {
				if b, _ := s.Read(10); b != nil {
					t.Fatalf("an answer after %d of %d writes", i, len(parts))
				}
				write(t, s, part)
			}
			b := readMessage(t, s, 100)
			if want := []byte{0xAD, 8, 0, 0}; len(b) != 28 || !bytes.Equal(b[24:], want) || le.Uint32(b[12:]) != 5 {
				t.Errorf("fragments of %d in pieces of %d: %x", most, piece, b)
			}
			if want := []string{fmt.Sprintf("SessionDel %q %q", client, user)}; !slices.Equal(h.calls, want) {
				t.Errorf("the handler was asked %q", h.calls)
			}
		}
	}
}

// TestRPCServerObject: the object UUID is skipped.
func TestRPCServerObject(t *testing.T) {
	h := &tables{}
	s := boundServer(t, h, 4280)
	stub := append(bytes.Repeat([]byte{0xEE}, 16), writeStub(t, (&fileCloseCall{id: 77}).request)...)
	write(t, s, patched(requestPDUs(t, 2, 0, opNetrFileClose, stub, 1000), 3, both|rpcObjectUUID))
	if b := readMessage(t, s, 100); b == nil || b[2] != rpcResponse || !slices.Equal(h.calls, []string{"FileClose 77"}) {
		t.Errorf("%x, %q", b, h.calls)
	}
}

// TestRPCServerPipelined: requests behind an unread answer wait for it, and
// not without limit.
func TestRPCServerPipelined(t *testing.T) {
	h := &tables{}
	s := boundServer(t, h, 4280)
	stub := writeStub(t, (&fileCloseCall{id: 1}).request)
	var requests []byte
	for id := range uint32(10) {
		requests = append(requests, requestPDUs(t, id, 0, opNetrFileClose, stub, 1000)...)
	}
	write(t, s, requests)
	for id := range uint32(10) {
		if len(h.calls) != int(id)+1 {
			t.Fatalf("%d calls before answer %d is read", len(h.calls), id)
		}
		if b := readMessage(t, s, 5); b == nil || le.Uint32(b[12:]) != id {
			t.Fatalf("answer %d: %x", id, b)
		}
	}
	written := 0
	var err error
	for err == nil && written < 1<<20 {
		if err = s.Write(requests); err == nil {
			written += 10
		}
	}
	if !errors.Is(err, ErrRPCFull) || written*len(requests)/10 > rpcMaxWaiting+len(requests) || s.Err() != nil {
		t.Fatalf("%d requests are taken, %v", written, err)
	}
	// Nothing of the refused message was taken, and the rest is answered.
	for range written {
		if b := readMessage(t, s, 1<<16); b == nil || b[2] != rpcResponse {
			t.Fatalf("%x", b)
		}
	}
	if b, _ := s.Read(100); b != nil || len(h.calls) != 10+written {
		t.Errorf("%d calls of %d, then %x", len(h.calls), 10+written, b)
	}
}

// TestRPCServerFaults: each leaves the association usable.
func TestRPCServerFaults(t *testing.T) {
	s := boundServer(t, &tables{}, 4280)
	good := writeStub(t, (&fileCloseCall{id: 1}).request)
	for _, tt := range []struct {
		name string
		b    []byte
		want uint32
	}{
		{"opnum", requestPDUs(t, 2, 0, 200, good, 1000), 0x1C010002},
		{"stub", requestPDUs(t, 3, 0, opNetrFileClose, good[:5], 1000), 1783},
		{"empty stub", requestPDUs(t, 4, 0, opNetrFileClose, nil, 1000), 1783},
		{"context", requestPDUs(t, 5, 9, opNetrFileClose, good, 1000), 0x1C010003},
		{"too long", requestPDUs(t, 6, 0, opNetrFileClose, make([]byte, rpcMaxRequest+8), 4256), 0x1C00001B},
	} {
		write(t, s, tt.b)
		if status := readFault(t, s); status != tt.want {
			t.Errorf("%s: fault %#x, want %#x", tt.name, status, tt.want)
		}
		write(t, s, requestPDUs(t, 7, 0, opNetrFileClose, good, 1000))
		if b := readMessage(t, s, 100); b == nil || b[2] != rpcResponse {
			t.Errorf("%s: then %x", tt.name, b)
		}
	}
	// A request that its client gives up is forgotten.
	pdus := requestPDUs(t, 8, 0, opNetrFileClose, good, 4)
	write(t, s, pdus[:28])
	for _, ptype := range []uint8{rpcCancel, rpcAuth3, rpcOrphaned} {
		write(t, s, []byte{5, 0, ptype, both, 0x10, 0, 0, 0, 16, 0, 0, 0, 8, 0, 0, 0})
	}
	write(t, s, requestPDUs(t, 9, 0, opNetrFileClose, good, 1000))
	if b := readMessage(t, s, 100); b == nil || b[2] != rpcResponse || b[12] != 9 {
		t.Errorf("behind an orphaned request: %x", b)
	}
}

// TestRPCServerProtocolErrors: the association ends, and says why.
func TestRPCServerProtocolErrors(t *testing.T) {
	stub := writeStub(t, (&fileCloseCall{id: 1}).request)
	whole := requestPDUs(t, 2, 0, opNetrFileClose, stub, 1000)
	parts := requestPDUs(t, 2, 0, opNetrFileClose, make([]byte, 16), 8) // of 32 bytes each
	for _, tt := range []struct {
		name string
		b    []byte
		want string
	}{
		{"version", patched(whole, 0, 4), "rpc_vers"},
		{"big-endian", patched(whole, 4, 0), "packed_drep"},
		{"frag_length", patched(whole, 8, 15), "frag_length"},
		{"authenticated", patched(whole, 10, 8), "auth_length at byte 10 is 8"},
		{"no body", []byte{5, 0, 0, 3, 0x10, 0, 0, 0, 16, 0, 0, 0, 2, 0, 0, 0}, "alloc_hint"},
		{"no object", patched(whole, 3, both|rpcObjectUUID), "object UUID"},
		{"a client's response", patched(whole, 2, rpcResponse), "PDU type 2"},
		{"no first fragment", patched(whole, 3, rpcLastFrag), "out of turn"},
		{"first twice", append(bytes.Clone(parts[:32]), whole...), "out of turn"},
		{"another call", append(bytes.Clone(parts[:32]), patched(parts[32:], 12, 9)...), "out of turn"},
		{"bind in between", append(bytes.Clone(parts[:32]), bindPDU(t, rpcBind, 4280, srvsvcContext(1))...), "between the fragments"},
		{"short bind", patched(bindPDU(t, rpcBind, 4280, srvsvcContext(1)), 24, 2), "p_cont_id"},
	} {
		h := &tables{}
		s := boundServer(t, h, 4280)
		err := s.Write(tt.b)
		if err == nil || !strings.Contains(err.Error(), tt.want) || s.Err() != err {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if again := s.Write(whole); again != err {
			t.Errorf("%s: the next Write: %v", tt.name, again)
		}
		if b, _ := s.Read(100); b != nil || h.calls != nil {
			t.Errorf("%s: answered %x after %q", tt.name, b, h.calls)
		}
	}
	// What was answered before can be read.
	s := boundServer(t, &tables{}, 4280)
	write(t, s, append(bytes.Clone(whole), patched(whole, 0, 4)...))
	if b := readMessage(t, s, 100); b == nil || b[2] != rpcResponse || s.Err() == nil {
		t.Errorf("%x, %v", b, s.Err())
	}
}

// FuzzRPCServer writes anything in any pieces and reads what is answered.
func FuzzRPCServer(f *testing.F) {
	for _, name := range flowFiles(f) {
		f.Add(bytes.Join(loadFlow(f, name).requests, nil), uint16(0))
	}
	bind := bindPDU(f, rpcBind, 1432, srvsvcContext(0))
	for _, c := range judgedCases() {
		opnum, _ := c.call.op()
		f.Add(append(bytes.Clone(bind), requestPDUs(f, 2, 0, opnum, writeStub(f, c.call.request), 40)...), uint16(7))
	}
	for _, opnum := range serverCalls {
		f.Add(append(bytes.Clone(bind), requestPDUs(f, 2, 0, opnum, make([]byte, 64), 100)...), uint16(100))
	}
	h := someTables()
	f.Fuzz(func(t *testing.T, b []byte, piece uint16) {
		h.calls = nil
		s := NewServerServiceServer(h)
		for part := range slices.Chunk(b, max(1, int(piece))) {
			err := s.Write(part)
			if len(s.in) > rpcMaxWaiting || len(s.request.stub) > rpcMaxRequest || len(s.contexts) > rpcMaxContexts {
				t.Fatalf("%d bytes wait, %d bytes of a request, %d contexts", len(s.in), len(s.request.stub), len(s.contexts))
			}
			for readMessage(t, s, 999) != nil {
			}
			if err != nil {
				return
			}
		}
	})
}
