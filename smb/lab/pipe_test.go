package lab

import (
	"bytes"
	"encoding/hex"
	"testing"

	"err32/smb"
)

// A pipe with too much to answer refuses more, and goes on when its answers
// have been read.
func TestPipeFull(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// [C706] 12.6.4.3 and 12.6.4.9: bind to srvsvc, and NetrRemoteTOD.
	bind := unhex("05000b03100000004800000001000000" + "b810b810000000000100000000000100" +
		"c84f324b7016d30112785a47bf6ee18803000000" + "045d888aeb1cc9119fe808002b10486002000000")
	request := unhex("05000003100000001c00000002000000" + "0400000000001c00" + "00000000")
	s := testServer()
	t.Cleanup(func() { closeServer(t, s) })
	c := pipeRaw(t, s)
	c.negotiate(smb.SMB210)
	c.logOn()
	c.connect("IPC$")
	id := c.want(smb.StatusSuccess, &smb.CreateRequest{
		Name: "srvsvc", Access: smb.FileReadData | smb.FileWriteData, Share: smb.ShareRead | smb.ShareWrite, Disposition: smb.OpenFile,
	}).body.(*smb.CreateResponse).FileID
	read := func() []byte {
		t.Helper()
		return c.want(smb.StatusSuccess, &smb.ReadRequest{FileID: id, Length: 4096}).body.(*smb.ReadResponse).Data
	}
	c.want(smb.StatusSuccess, &smb.WriteRequest{FileID: id, Data: bind})
	requests := bytes.Repeat(request, 1000)
	written := 0
	for {
		r := c.call(&smb.WriteRequest{FileID: id, Data: requests})
		if r.header.Status == smb.StatusInsufficientResources {
			break
		}
		if written++; r.header.Status != smb.StatusSuccess || written > 1000 {
			t.Fatalf("after %d: %v", written, r.header.Status)
		}
	}
	c.want(smb.StatusInsufficientResources, &smb.IOCTLRequest{Code: smb.FSCTLPipeTransceive, FileID: id, Input: requests, MaxOutput: 4096})
	if b := read(); len(b) < 4 || b[2] != 12 {
		t.Fatalf("not a bind_ack: %x", b)
	}
	for i := range written * 1000 {
		if b := read(); len(b) < 4 || b[2] != 2 {
			t.Fatalf("%d: not a response: %x", i, b)
		}
	}
	c.want(smb.StatusSuccess, &smb.WriteRequest{FileID: id, Data: request})
	if b := read(); len(b) < 4 || b[2] != 2 {
		t.Fatalf("not a response: %x", b)
	}
}
