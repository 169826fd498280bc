package smb

import (
	"bytes"
	"context"
	"testing"
)

var serverCalls = []uint16{
	opNetrConnectionEnum, opNetrFileEnum, opNetrFileGetInfo, opNetrFileClose, opNetrSessionEnum,
	opNetrSessionDel, opNetrShareEnum, opNetrShareGetInfo, opNetrShareCheck, opNetrServerGetInfo,
	opNetrServerDiskEnum, opNetrRemoteTOD, opNetrShareEnumSticky, opNetrCharDevEnum, opNetrCharDevQEnum,
	opNetrServerTransportEnum, opNetrShareAdd, opNetprNameValidate,
}

// FuzzServerCall reads any stub data as request and as response of any call,
// and what could be read is written and read again.
func FuzzServerCall(f *testing.F) {
	for _, r := range recordedCalls(f) {
		f.Add(r.opnum, r.request, r.response)
	}
	for _, c := range judgedCases() {
		opnum, _ := c.call.op()
		f.Add(opnum, writeStub(f, c.call.request), writeStub(f, c.call.response))
	}
	f.Fuzz(func(t *testing.T, opnum uint16, request, response []byte) {
		if newCall(opnum) == nil {
			opnum = serverCalls[int(opnum)%len(serverCalls)]
		}
		first := newCall(opnum)
		n := newNDRReader(request, nil)
		if first.request(n); n.err == nil {
			stub := writeStub(t, first.request)
			again := newCall(opnum)
			n = newNDRReader(stub, nil)
			if again.request(n); n.err != nil || !bytes.Equal(writeStub(t, again.request), stub) {
				t.Fatalf("%+v is written and read as %+v, %v", first, again, n.err)
			}
		}
		// A level that has no layout here is the caller's to refuse.
		first = newCall(opnum)
		n = chunked(response, 64)
		if first.response(n); n.err == nil {
			again := newCall(opnum)
			n = newNDRReader(writeStub(t, first.response), nil)
			if again.response(n); n.err != nil || !sameCall(first, again) {
				t.Fatalf("%+v is written and read as %+v, %v", first, again, n.err)
			}
		}
	})
}

// FuzzServerService is a client of a server that sends anything.
func FuzzServerService(f *testing.F) {
	for _, name := range flowFiles(f) {
		f.Add(bytes.Join(loadFlow(f, name).answers, nil), uint16(0))
	}
	f.Add(append(bindAck(f, 4280), responsePDUs(f, 2, fileTable(9, 9, 0, 0), 100)...), uint16(7))
	f.Fuzz(func(t *testing.T, answers []byte, piece uint16) {
		ctx := context.Background()
		s, err := NewServerService(ctx, &scriptPipe{answers: answers, piece: int(piece)}, `\\server`)
		if err != nil {
			return
		}
		size := 0
		_ = s.FileEnum(ctx, "", "", func(i FileInfo) error {
			size += len(i.Path) + len(i.User)
			return nil
		})
		if size > 3*len(answers) {
			t.Fatalf("%d bytes of names come from %d bytes", size, len(answers))
		}
		_, _ = s.ServerInfo(ctx)
		_, _ = s.RemoteTOD(ctx)
		_, _ = s.ShareEnum(ctx)
		_, _ = s.SessionEnum(ctx, "", "")
		_, _ = s.ConnectionEnum(ctx, "data")
	})
}
