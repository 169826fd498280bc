package smb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// fault is a fault PDU.
func fault(t testing.TB, callID, status uint32) []byte {
	t.Helper()
	h := rpcHeader{ptype: rpcFault, flags: rpcFirstFrag | rpcLastFrag, callID: callID}
	b, err := appendRPC(nil, h, &rpcFaultPDU{status: status}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pdu is a response PDU with any header.
func pdu(t testing.TB, h rpcHeader, stub []byte) []byte {
	t.Helper()
	b, err := appendRPC(nil, h, &rpcResponsePDU{}, stub)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// patched returns b with the byte at i set to v.
func patched(b []byte, i int, v byte) []byte {
	b = bytes.Clone(b)
	b[i] = v
	return b
}

const both = rpcFirstFrag | rpcLastFrag

func TestRPCBindAnswers(t *testing.T) {
	good := bindAck(t, 4280)
	nak, err := appendRPC(nil, rpcHeader{ptype: rpcBindNak, flags: both, callID: 1}, &rpcBindNakPDU{reason: 4}, []byte{1, 5, 0})
	if err != nil {
		t.Fatal(err)
	}
	other, err := appendRPC(nil, rpcHeader{ptype: rpcBindAck, flags: both, callID: 1}, &rpcBindAckPDU{
		maxXmitFrag: 4280, maxRecvFrag: 4280, results: []rpcResult{{transfer: serverServiceSyntax}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	two, err := appendRPC(nil, rpcHeader{ptype: rpcBindAck, flags: both, callID: 1}, &rpcBindAckPDU{
		maxXmitFrag: 4280, maxRecvFrag: 4280, results: make([]rpcResult, 2),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	small := bytes.Clone(good)
	le.PutUint16(small[18:], 100) // max_recv_frag
	for _, tt := range []struct {
		name   string
		answer []byte
		want   string
	}{
		{"bind_nak", nak, "protocol_version_not_supported"},
		{"fault", fault(t, 1, 0x1C010003), "rpc fault nca_unk_if (0x1C010003)"},
		{"other transfer syntax", other, "which was not offered"},
		{"tiny fragments", small, "max_recv_frag is 100"},
		{"response", pdu(t, rpcHeader{ptype: rpcResponse, flags: both, callID: 1}, nil), "PDU type 2"},
		{"wrong call", bindAckOf(t, 9), "answers call 9, not 1"},
		{"version 4", patched(good, 0, 4), "rpc_vers"},
		{"big-endian", patched(good, 4, 0), "packed_drep"},
		{"short frag_length", patched(good, 8, 15), "frag_length"},
		{"authenticated", patched(good, 10, 16), "auth_length at byte 10 is 16"},
		{"sec_addr beyond the PDU", patched(good, 25, 0xFF), "sec_addr port_spec"},
		{"two results", two, "n_results is 2"},
		{"a missing result", patched(good, 40, 2), "result at byte"},
		{"nothing", nil, io.ErrUnexpectedEOF.Error()},
	} {
		_, err := NewServerService(context.Background(), &scriptPipe{answers: tt.answer}, "")
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "srvsvc: rpc bind: ") {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func bindAckOf(t *testing.T, callID byte) []byte { return patched(bindAck(t, 4280), 12, callID) }

// TestRPCFragments reads a response in fragments and pieces of many sizes.
func TestRPCFragments(t *testing.T) {
	c := &fileEnumCall{enumeration: enumeration{level: 3, resumable: true}, files: judgedFiles}
	stub := writeStub(t, c.response)
	for _, frag := range []int{25, 27, 32, 100, 4280, 0xFFFF} {
		for _, piece := range []int{0, 1, 24, 33} {
			s, p := newScripted(t, responsePDUs(t, 2, stub, frag), responsePDUs(t, 3, []byte{5, 0, 0, 0}, frag))
			p.piece = piece
			var got []FileInfo
			err := s.FileEnum(context.Background(), "", "", func(f FileInfo) error {
				got = append(got, f)
				return nil
			})
			if err != nil || fmt.Sprint(got) != fmt.Sprint(judgedFiles) {
				t.Fatalf("fragments of %d in pieces of %d: %+v, %v", frag, piece, got, err)
			}
			if err := s.FileClose(context.Background(), 1); !errors.Is(err, ErrorAccessDenied) {
				t.Fatalf("the next call: %v", err)
			}
		}
	}
}

func TestRPCLargestFragment(t *testing.T) {
	files := make([]FileInfo, 2000)
	for i := range files {
		files[i] = FileInfo{ID: uint32(i), Path: "path", User: "user"}
	}
	c := &fileEnumCall{enumeration: enumeration{level: 3, resumable: true}, files: files}
	s, _ := newScripted(t, responsePDUs(t, 2, writeStub(t, c.response), 0xFFFF))
	rows := 0
	if err := s.FileEnum(context.Background(), "", "", func(FileInfo) error { rows++; return nil }); err != nil || rows != len(files) {
		t.Errorf("%d rows, %v", rows, err)
	}
}

// TestRPCRequestFragments sends a request longer than the server takes at
// once.
func TestRPCRequestFragments(t *testing.T) {
	p := &scriptPipe{answers: append(bindAck(t, rpcMinFrag), responsePDUs(t, 2, []byte{0, 0, 0, 0}, 4280)...)}
	s, err := NewServerService(context.Background(), p, `\\server`)
	if err != nil {
		t.Fatal(err)
	}
	user := strings.Repeat("user", 500)
	if err := s.SessionDel(context.Background(), `\\client`, user); err != nil {
		t.Fatal(err)
	}
	var stub []byte
	requests := p.wrote[1:]
	for i, b := range requests {
		h, err := parseRPCHeader(b)
		if err != nil || int(h.fragLength) != len(b) || len(b) > rpcMinFrag || h.callID != 2 {
			t.Fatalf("fragment %d of %d bytes: %+v, %v", i, len(b), h, err)
		}
		if first, last := h.flags&rpcFirstFrag != 0, h.flags&rpcLastFrag != 0; first != (i == 0) || last != (i == len(requests)-1) {
			t.Errorf("fragment %d has flags %#x", i, h.flags)
		}
		var head rpcRequestPDU
		part, err := parseRPC(b[rpcHeaderSize:], &head)
		if err != nil || head.opnum != opNetrSessionDel {
			t.Fatalf("fragment %d: %+v, %v", i, head, err)
		}
		if i < len(requests)-1 && len(part)%8 != 0 {
			t.Errorf("fragment %d carries %d bytes, no multiple of 8", i, len(part))
		}
		stub = append(stub, part...)
	}
	got := &sessionDelCall{}
	n := newNDRReader(stub, nil)
	got.request(n)
	if n.err != nil || got.user != user || got.client != `\\client` || len(requests) != 3 {
		t.Errorf("%d fragments: %+v, %v", len(requests), got, n.err)
	}
}

// TestRPCAnswers: after a fault the pipe serves on, after nonsense it does not.
func TestRPCAnswers(t *testing.T) {
	ok := []byte{0, 0, 0, 0}
	response := func(flags uint8, callID uint32, stub []byte) []byte {
		return pdu(t, rpcHeader{ptype: rpcResponse, flags: flags, callID: callID}, stub)
	}
	for _, tt := range []struct {
		name   string
		answer []byte
		want   string // part of the error, "" for none
		usable bool
	}{
		{"good", response(both, 2, ok), "", true},
		{"padded", response(both, 2, make([]byte, 16)), "", true},
		{"padded in another fragment", append(response(rpcFirstFrag, 2, ok), response(rpcLastFrag, 2, ok)...), "", true},
		{"padded by an empty fragment", append(response(rpcFirstFrag, 2, ok), response(rpcLastFrag, 2, nil)...), "", true},
		{"fault", fault(t, 2, 0x1C00001B), "rpc fault nca_s_fault_remote_no_memory (0x1C00001B)", true},
		{"Win32 fault", fault(t, 2, 5), "rpc fault ERROR_ACCESS_DENIED (0x00000005)", true},
		{"unknown fault", fault(t, 2, 0x12345678), "rpc fault 0x12345678", true},
		{"fault in the middle", append(response(rpcFirstFrag, 2, []byte{0, 0}), fault(t, 2, 0x1C00000D)...), "nca_s_fault_cancel", true},
		{"too much behind the end", response(both, 2, make([]byte, 20)), "16 bytes or more stand behind", false},
		{"far too much behind the end", append(response(rpcFirstFrag, 2, ok), response(0, 2, make([]byte, 100))...), "100 bytes or more stand behind", false},
		{"empty", response(both, 2, nil), "return value at byte 0 is missing", false},
		{"empty fragments", append(response(rpcFirstFrag, 2, nil), response(0, 2, nil)...), "carries no data", false},
		{"wrong call", response(both, 7, ok), "answers call 7, not 2", false},
		{"not the first", response(rpcLastFrag, 2, ok), "out of turn", false},
		{"first twice", append(response(rpcFirstFrag, 2, []byte{0, 0}), response(both, 2, []byte{0, 0})...), "out of turn", false},
		{"bind_ack", bindAckOf(t, 2), "PDU type 12", false},
		{"short fault", append([]byte{5, 0, 3, 3, 0x10, 0, 0, 0, 26, 0, 0, 0, 2, 0, 0, 0}, make([]byte, 10)...), "fault: status", false},
		{"nothing", nil, io.ErrUnexpectedEOF.Error(), false},
		{"half a header", response(both, 2, ok)[:10], io.ErrUnexpectedEOF.Error(), false},
		{"half a body", response(both, 2, ok)[:26], io.ErrUnexpectedEOF.Error(), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, p := newScripted(t)
			if p.answers = tt.answer; tt.usable {
				p.answers = append(bytes.Clone(tt.answer), response(both, 3, ok)...)
			}
			err := s.FileClose(context.Background(), 1)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "srvsvc: NetrFileClose: ")):
				t.Errorf("%v, want %q", err, tt.want)
			}
			err2 := s.FileClose(context.Background(), 1)
			if tt.usable && err2 != nil {
				t.Errorf("the next call: %v", err2)
			}
			if !tt.usable && (err2 == nil || !strings.Contains(err2.Error(), "of no use since an earlier call")) {
				t.Errorf("the next call: %v", err2)
			}
		})
	}
}

func TestRPCContext(t *testing.T) {
	s, p := newScripted(t)
	ctx, cancel := context.WithCancel(context.Background())
	p.ended = context.Canceled
	if err := s.FileClose(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// A call waits for its turn no longer than its context.
	s, _ = newScripted(t)
	s.turn <- struct{}{}
	cancel()
	for name, err := range map[string]error{
		"FileClose":      s.FileClose(ctx, 1),
		"FileEnum":       s.FileEnum(ctx, "", "", nil),
		"SessionEnum":    second(s.SessionEnum(ctx, "", "")),
		"ConnectionEnum": second(s.ConnectionEnum(ctx, "data")),
		"ShareEnum":      second(s.ShareEnum(ctx)),
		"ServerInfo":     second(s.ServerInfo(ctx)),
	} {
		if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "srvsvc: Netr") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestRPCPipeThatLies(t *testing.T) {
	for _, n := range []int{-1, 0, 1 << 20} {
		_, err := NewServerService(context.Background(), lyingPipe(n), "")
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("the pipe returned %d bytes", n)) {
			t.Errorf("%d: %v", n, err)
		}
	}
}

type lyingPipe int

func (p lyingPipe) Write(context.Context, []byte) error       { return nil }
func (p lyingPipe) Read(context.Context, []byte) (int, error) { return int(p), nil }
