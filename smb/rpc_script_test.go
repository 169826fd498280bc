package smb

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// scriptPipe is a pipe whose server has already written all it will ever
// write.
type scriptPipe struct {
	answers []byte // what is still to be read
	piece   int    // the most bytes one Read returns; 0 for all
	wrote   [][]byte
	want    [][]byte // if not nil, what has to be written, in order
	ended   error    // returned by Read at the end; io.ErrUnexpectedEOF if nil
}

func (p *scriptPipe) Write(ctx context.Context, b []byte) error {
	if p.want != nil {
		i := len(p.wrote)
		if i >= len(p.want) {
			return fmt.Errorf("write %d is one too many: %x", i, b)
		}
		if !bytes.Equal(b, p.want[i]) {
			return fmt.Errorf("write %d is not the recorded one:\n got %x\nwant %x", i, b, p.want[i])
		}
	}
	p.wrote = append(p.wrote, bytes.Clone(b))
	return ctx.Err()
}

func (p *scriptPipe) Read(ctx context.Context, b []byte) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if len(p.answers) == 0 {
		if p.ended != nil {
			return 0, p.ended
		}
		return 0, io.ErrUnexpectedEOF
	}
	if p.piece > 0 && len(b) > p.piece {
		b = b[:p.piece]
	}
	n := copy(b, p.answers)
	p.answers = p.answers[n:]
	return n, nil
}

// flow is one recorded conversation with a server's pipe srvsvc.
type flow struct {
	marks    []string // the comment before each write
	requests [][]byte // what the client wrote
	answers  [][]byte // what it read after each write, all pieces joined
}

// loadFlow reads a file of testdata/wire: hex lines under ">" (client to
// server) and "<" (server to client), and comments.
func loadFlow(t testing.TB, name string) flow {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", "wire", name))
	if err != nil {
		t.Fatal(err)
	}
	var f flow
	var mark string
	var into *[]byte
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "# "):
			mark = line[2:]
		case line == ">":
			f.marks = append(f.marks, mark)
			f.requests = append(f.requests, nil)
			f.answers = append(f.answers, nil)
			into = &f.requests[len(f.requests)-1]
		case line == "<":
			into = &f.answers[len(f.answers)-1]
		default:
			b, err := hex.DecodeString(line)
			if err != nil || into == nil {
				t.Fatalf("%s:%d: %q: %v", name, i+1, line, err)
			}
			*into = append(*into, b...)
		}
	}
	if len(f.requests) == 0 {
		t.Fatalf("%s holds no conversation", name)
	}
	return f
}

// flowFiles are the recorded conversations.
func flowFiles(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "testdata", "wire", "srvsvc-*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recorded conversations: %v", err)
	}
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return paths
}

// pipe returns a server that answers as recorded, wants the recorded requests
// and gives at most piece bytes at a time.
func (f flow) pipe(piece int) *scriptPipe {
	return &scriptPipe{answers: bytes.Join(f.answers, nil), want: f.requests, piece: piece}
}

// mark returns the first comment that begins with prefix.
func (f flow) mark(t testing.TB, prefix string) string {
	t.Helper()
	for _, m := range f.marks {
		if strings.HasPrefix(m, prefix) {
			return m
		}
	}
	t.Fatalf("the recording has no %q", prefix)
	return ""
}

// recordedCall is one answered call of a recorded conversation.
type recordedCall struct {
	mark     string
	opnum    uint16
	request  []byte // stub data
	response []byte // stub data of all fragments
}

// calls returns the answered calls of the conversation.
func (f flow) calls(t testing.TB) []recordedCall {
	t.Helper()
	var calls []recordedCall
	for i := range f.requests {
		h, err := parseRPCHeader(f.requests[i])
		if err != nil {
			t.Fatal(err)
		}
		if h.ptype != rpcRequest {
			continue
		}
		var head rpcRequestPDU
		stub, err := parseRPC(f.requests[i][rpcHeaderSize:], &head)
		if err != nil {
			t.Fatal(err)
		}
		call := recordedCall{mark: f.marks[i], opnum: head.opnum, request: stub}
		for rest := f.answers[i]; len(rest) > 0; {
			h, err := parseRPCHeader(rest)
			if err != nil {
				t.Fatal(err)
			}
			if h.ptype != rpcResponse {
				break
			}
			var head rpcResponsePDU
			part, err := parseRPC(rest[rpcHeaderSize:h.fragLength], &head)
			if err != nil {
				t.Fatal(err)
			}
			call.response = append(call.response, part...)
			rest = rest[h.fragLength:]
		}
		if call.response != nil {
			calls = append(calls, call)
		}
	}
	return calls
}

// newCall returns an empty call, to read a request or a response into: as the
// server has it, and knowing the level where a response does not tell.
func newCall(opnum uint16) serverCall {
	call := newServedCall(opnum)
	switch c := call.(type) {
	case *fileEnumCall:
		c.row = func(f FileInfo) error {
			c.files = append(c.files, f)
			return nil
		}
	case *fileGetInfoCall:
		c.level = 3
	case *shareGetInfoCall:
		c.level = 2
	case *serverGetInfoCall:
		c.level = 101
	}
	return call
}

// writeStub encodes with layout.
func writeStub(t testing.TB, layout func(*ndr)) []byte {
	t.Helper()
	n := newNDRWriter()
	layout(n)
	if n.err != nil {
		t.Fatal(n.err)
	}
	return n.buf
}

// chunked reads b in chunks of at most size bytes, each overwritten once the
// next one was asked for.
func chunked(b []byte, size int) *ndr {
	var last []byte
	return newNDRReader(nil, func() ([]byte, error) {
		for i := range last {
			last[i] = 0xEE
		}
		if len(b) == 0 {
			return nil, io.EOF
		}
		last = bytes.Clone(b[:min(size, len(b))])
		b = b[len(last):]
		return last, nil
	})
}

// bindAck is a server's acceptance as Samba sends it.
func bindAck(t testing.TB, maxFrag uint16) []byte {
	t.Helper()
	h := rpcHeader{ptype: rpcBindAck, flags: rpcFirstFrag | rpcLastFrag, callID: 1}
	b, err := appendRPC(nil, h, &rpcBindAckPDU{
		maxXmitFrag: maxFrag, maxRecvFrag: maxFrag, assocGroup: 0x53f0,
		secAddr: []byte("\\pipe\\srvsvc\x00"), results: []rpcResult{{transfer: ndrSyntax}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// responsePDUs is the answer to a call in fragments of at most maxFrag bytes.
func responsePDUs(t testing.TB, callID uint32, stub []byte, maxFrag int) []byte {
	t.Helper()
	var b []byte
	var err error
	h := rpcHeader{ptype: rpcResponse, flags: rpcFirstFrag, callID: callID}
	for {
		part := stub[:min(len(stub), maxFrag-rpcHeaderSize-8)]
		stub = stub[len(part):]
		if len(stub) == 0 {
			h.flags |= rpcLastFrag
		}
		if b, err = appendRPC(b, h, &rpcResponsePDU{allocHint: uint32(len(stub))}, part); err != nil {
			t.Fatal(err)
		}
		if len(stub) == 0 {
			return b
		}
		h.flags = 0
	}
}

// newScripted returns a client bound to a server that then sends answers.
func newScripted(t testing.TB, answers ...[]byte) (*ServerService, *scriptPipe) {
	t.Helper()
	p := &scriptPipe{answers: append(bindAck(t, 4280), bytes.Join(answers, nil)...)}
	s, err := NewServerService(context.Background(), p, `\\server`)
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}
