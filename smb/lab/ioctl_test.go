package lab

import (
	"bytes"
	"testing"

	"err32/smb"
)

// control runs a file system control and returns its output.
func (h *hand) control(id smb.FileID, code uint32, input []byte, most uint32) ([]byte, smb.NTStatus) {
	h.t.Helper()
	body, status := h.do(&smb.IOCTLRequest{Code: code, FileID: id, Input: input, MaxOutput: most})
	if body == nil {
		return nil, status
	}
	return body.(*smb.IOCTLResponse).Output, status
}

func (h *hand) write(id smb.FileID, offset uint64, data []byte) {
	h.t.Helper()
	h.want(smb.StatusSuccess, &smb.WriteRequest{FileID: id, Offset: offset, Data: data})
}

func (h *hand) read(id smb.FileID, offset uint64, length uint32) []byte {
	h.t.Helper()
	body := h.want(smb.StatusSuccess, &smb.ReadRequest{FileID: id, Offset: offset, Length: length})
	if body == nil {
		return nil
	}
	return body.(*smb.ReadResponse).Data
}

func TestControlsRefused(t *testing.T) {
	h := newHand(t)
	defer h.close()
	file := h.open("f", 0)
	for _, test := range []struct {
		code   uint32
		id     smb.FileID
		status smb.NTStatus
	}{
		{smb.FSCTLDFSGetReferrals, smb.RelatedFileID, smb.StatusFSDriverRequired},
		{smb.FSCTLDFSGetReferrals, file, smb.StatusInvalidParameter},
		{smb.FSCTLQueryNetworkInterfaceInfo, smb.RelatedFileID, smb.StatusNotSupported},
		{smb.FSCTLGetReparsePoint, file, smb.StatusNotAReparsePoint},
		{smb.FSCTLLMRRequestResiliency, file, smb.StatusInvalidDeviceRequest},
		{smb.FSCTLSrvEnumerateSnapshots, file, smb.StatusInvalidDeviceRequest},
		{smb.FSCTLPipeTransceive, file, smb.StatusInvalidDeviceRequest},
		{smb.FSCTLGetReparsePoint, smb.FileID{Volatile: 12345}, smb.StatusFileClosed},
	} {
		if out, status := h.control(test.id, test.code, nil, 1024); status != test.status || out != nil {
			t.Errorf("0x%08X: %v with %d bytes, want %v", test.code, status, len(out), test.status)
		}
	}
	one, status := h.control(file, smb.FSCTLCreateOrGetObjectID, nil, 64)
	two, _ := h.control(h.open("g", 0), smb.FSCTLCreateOrGetObjectID, nil, 64)
	if status != smb.StatusSuccess || len(one) != 64 || bytes.Equal(one[:16], two[:16]) {
		t.Errorf("object ids of two files: %x and %x, %v", one, two, status)
	}
}

func TestCopyChunks(t *testing.T) {
	h := newHand(t)
	defer h.close()
	from, to := h.open("from", 0), h.open("to", 0)
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<12)
	h.write(from, 0, data)
	out, status := h.control(from, smb.FSCTLSrvRequestResumeKey, nil, 32)
	if status != smb.StatusSuccess || len(out) != 32 {
		t.Fatalf("resume key: %d bytes, %v", len(out), status)
	}
	key, err := smb.ParseResumeKey(out)
	if err != nil {
		t.Fatal(err)
	}
	try := func(c smb.CopyChunks) (smb.CopyChunkResult, smb.NTStatus) {
		t.Helper()
		out, status := h.control(to, smb.FSCTLSrvCopyChunk, c.AppendTo(nil), 12)
		if out == nil {
			return smb.CopyChunkResult{}, status
		}
		result, err := smb.ParseCopyChunkResult(out)
		if err != nil {
			t.Fatal(err)
		}
		return result, status
	}
	half := uint32(len(data) / 2)
	result, status := try(smb.CopyChunks{Source: key, Chunks: []smb.CopyChunk{{SourceOffset: uint64(half), Length: half}, {TargetOffset: uint64(half), Length: half}}})
	if want := (smb.CopyChunkResult{Chunks: 2, TotalBytes: 2 * half}); status != smb.StatusSuccess || result != want {
		t.Errorf("copying: %+v, %v", result, status)
	}
	if got := h.read(to, 0, 2*half); !bytes.Equal(got, append(bytes.Clone(data[half:]), data[:half]...)) {
		t.Error("the copy differs")
	}
	limits := smb.CopyChunkResult{Chunks: 256, ChunkBytes: 1 << 20, TotalBytes: 16 << 20}
	for _, test := range []struct {
		what   string
		copy   smb.CopyChunks
		result smb.CopyChunkResult
		status smb.NTStatus
	}{
		{"an unknown key", smb.CopyChunks{Chunks: []smb.CopyChunk{{Length: 1}}}, smb.CopyChunkResult{}, smb.StatusObjectNameNotFound},
		{"no bytes", smb.CopyChunks{Source: key, Chunks: make([]smb.CopyChunk, 1)}, limits, smb.StatusInvalidParameter},
		{"a large chunk", smb.CopyChunks{Source: key, Chunks: []smb.CopyChunk{{Length: 1<<20 + 1}}}, limits, smb.StatusInvalidParameter},
		{"beyond the end", smb.CopyChunks{Source: key, Chunks: []smb.CopyChunk{{Length: 1}, {SourceOffset: uint64(len(data)), Length: 1}}},
			smb.CopyChunkResult{Chunks: 1, TotalBytes: 1}, smb.StatusInvalidViewSize},
		{"an offset that wraps", smb.CopyChunks{Source: key, Chunks: []smb.CopyChunk{{SourceOffset: 1<<64 - 1, Length: 2}}},
			smb.CopyChunkResult{}, smb.StatusInvalidParameter},
	} {
		if result, status := try(test.copy); result != test.result || status != test.status {
			t.Errorf("%s: %+v, %v, want %+v, %v", test.what, result, status, test.result, test.status)
		}
	}
	h.want(smb.StatusSuccess, &smb.LockRequest{FileID: from, Locks: []smb.LockElement{{Length: 10, Flags: smb.LockExclusive}}})
	if _, status := h.control(h.open("to", 0), smb.FSCTLSrvCopyChunk, (&smb.CopyChunks{Source: key, Chunks: []smb.CopyChunk{{Length: 1}}}).AppendTo(nil), 12); status != smb.StatusSuccess {
		t.Errorf("copying over the own lock: %v", status)
	}
}

func TestSparse(t *testing.T) {
	h := newHand(t)
	defer h.close()
	file := h.open("f", 0)
	h.write(file, 0, bytes.Repeat([]byte{1}, 3*chunkSize))
	ranges := func() (list []smb.FileRange) {
		t.Helper()
		out, status := h.control(file, smb.FSCTLQueryAllocatedRanges, smb.FileRange{Length: 1 << 40}.AppendTo(nil), 1024)
		if status != smb.StatusSuccess {
			t.Fatal(status)
		}
		for ; len(out) > 0; out = out[16:] {
			r, err := smb.ParseFileRange(out)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, r)
		}
		return list
	}
	zero := func(from, to uint64) {
		t.Helper()
		if _, status := h.control(file, smb.FSCTLSetZeroData, smb.ZeroData{Offset: from, End: to}.AppendTo(nil), 0); status != smb.StatusSuccess {
			t.Fatal(status)
		}
	}
	zero(10, 20)
	if got := h.read(file, 8, 14); !bytes.Equal(got, []byte{1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1}) {
		t.Errorf("after zeroing 10 to 20: %v", got)
	}
	if _, status := h.control(file, smb.FSCTLSetSparse, nil, 0); status != smb.StatusSuccess {
		t.Fatal(status)
	}
	if got := ranges(); len(got) != 1 || got[0] != (smb.FileRange{Length: 3 * chunkSize}) {
		t.Errorf("without a hole: %v", got)
	}
	zero(chunkSize, 2*chunkSize)
	want := []smb.FileRange{{Length: chunkSize}, {Offset: 2 * chunkSize, Length: chunkSize}}
	if got := ranges(); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("with a hole: %v, want %v", got, want)
	}
	if got := h.read(file, chunkSize-1, 3); !bytes.Equal(got, []byte{1, 0, 0}) {
		t.Errorf("around the hole: %v", got)
	}
	zero(0, 1<<62)
	if got := ranges(); len(got) != 0 {
		t.Errorf("all zeros: %v", got)
	}
	if v := h.tree.share.volume; v.bytes != 0 {
		t.Errorf("a file of zeros holds %d bytes", v.bytes)
	}
	if got := h.read(file, 3*chunkSize-1, 5); !bytes.Equal(got, []byte{0}) {
		t.Errorf("its end: %v", got)
	}
}
