package lab

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"err32/smb"
)

// fuzzInput makes an input of records.
type fuzzInput []byte

func (in *fuzzInput) add(flags byte, chain []byte) {
	if len(chain) < 1<<16 {
		*in = append(append(*in, flags, byte(len(chain)), byte(len(chain)>>8)), chain...)
	}
}

// request adds a request on its own.
func (in *fuzzInput) request(flags byte, m smb.Message) {
	in.add(flags, smb.Append(nil, smb.Header{CreditCharge: 1, Credits: 8}, m))
}

// fuzzScenes are inputs that lead two clients into what a server has to
// untangle.
func fuzzScenes() map[string]fuzzInput {
	const second, pipes = fuzzSecondClient, fuzzPipes
	first := smb.FileID{}
	open := func(name string, level smb.OplockLevel, contexts ...smb.CreateContext) *smb.CreateRequest {
		m := openRequest(name)
		m.OplockLevel, m.Contexts = level, contexts
		return m
	}
	alone := func(name string) *smb.CreateRequest {
		m := openRequest(name)
		m.Share = 0
		return m
	}
	dir := openRequest("")
	dir.Disposition, dir.Options, dir.Access = smb.OpenFile, smb.DirectoryFile, smb.FileReadData
	chain := func(related bool, messages ...smb.Message) []byte {
		var all [][]byte
		for i, m := range messages {
			h := smb.Header{CreditCharge: 1, Credits: 1}
			if related && i > 0 {
				h.Flags = smb.FlagRelated
			}
			all = append(all, smb.Append(nil, h, m))
		}
		return (&rawClient{}).compound(all...)
	}
	lock := func(flags smb.LockFlags) *smb.LockRequest {
		return &smb.LockRequest{Locks: []smb.LockElement{{Offset: 1, Length: 10, Flags: flags}}}
	}
	scenes := map[string]func(in *fuzzInput){
		"read and write": func(in *fuzzInput) {
			in.request(0, open("a", 0))
			in.request(0, &smb.WriteRequest{Data: []byte("0123456789")})
			in.request(0, &smb.ReadRequest{Length: 100})
			in.request(0, &smb.FlushRequest{})
			in.request(0, &smb.QueryInfoRequest{Type: smb.InfoFile, Class: 18, MaxOutput: 1000})
			in.request(0, &smb.CloseRequest{PostQueryAttributes: true})
		},
		"an oplock is broken and the holder closes": func(in *fuzzInput) {
			in.request(0, open("a", smb.OplockBatch))
			in.request(second, open("a", smb.OplockBatch))
			in.request(0, &smb.OplockBreakAck{Level: smb.OplockII})
			in.request(second, alone("a"))
			in.request(0, &smb.CloseRequest{})
			in.request(second, &smb.CloseRequest{})
		},
		"a lease is broken and its holder leaves": func(in *fuzzInput) {
			in.request(0, open("a", smb.OplockLease, smb.Lease{V2: true, Key: smb.GUID{1}, State: cacheRWH}.Context()))
			in.request(second, open("a", smb.OplockLease, smb.Lease{Key: smb.GUID{2}, State: cacheRWH}.Context()))
			in.request(0, &smb.LeaseBreakAck{Key: smb.GUID{1}, New: cacheRH})
			in.request(0, &smb.LogoffRequest{})
		},
		"durable opens": func(in *fuzzInput) {
			in.request(0, open("a", smb.OplockBatch, smb.DurableRequest()))
			in.request(0, open("b", smb.OplockBatch, smb.DurableV2Request{CreateGUID: smb.GUID{3}}.Context()))
			in.request(0, &smb.LogoffRequest{})
			in.request(second, open("a", smb.OplockBatch, smb.DurableReconnect(smb.FileID{Persistent: 1})))
			in.request(second, open("b", smb.OplockBatch, smb.DurableV2Reconnect{FileID: smb.FileID{Persistent: 2}, CreateGUID: smb.GUID{3}}.Context()))
		},
		"a lock that waits is cancelled": func(in *fuzzInput) {
			in.request(0, open("a", 0))
			in.request(second, open("a", 0))
			in.request(0, lock(smb.LockExclusive))
			in.request(second, lock(smb.LockShared))
			in.add(second, smb.Append(nil, smb.Header{MessageID: 1}, &smb.CancelRequest{}))
			in.request(second, lock(smb.LockExclusive))
			in.request(0, lock(smb.LockUnlock))
			in.request(second, lock(smb.LockExclusive))
			in.request(second, &smb.TreeDisconnectRequest{})
		},
		"a compound": func(in *fuzzInput) {
			in.add(0, chain(true, open("a", 0), &smb.WriteRequest{FileID: smb.RelatedFileID, Data: []byte("x")}, &smb.CloseRequest{FileID: smb.RelatedFileID}))
			in.add(0, chain(true, alone("missing\\a"), &smb.ReadRequest{FileID: smb.RelatedFileID, Length: 1}, &smb.CloseRequest{FileID: smb.RelatedFileID}))
			in.add(0, chain(false, &smb.EchoRequest{}, &smb.EchoRequest{}, open("b", 0)))
			in.add(second, chain(true, open("b", smb.OplockBatch), lock(smb.LockExclusive), &smb.CloseRequest{FileID: smb.RelatedFileID}))
		},
		"a compound that waits": func(in *fuzzInput) {
			in.request(0, open("a", smb.OplockBatch))
			in.add(second, chain(true, open("a", smb.OplockBatch), &smb.WriteRequest{FileID: smb.RelatedFileID, Data: []byte("x")}, &smb.CloseRequest{FileID: smb.RelatedFileID}))
			in.request(second, &smb.EchoRequest{})
			in.request(0, &smb.CloseRequest{})
		},
		"directories": func(in *fuzzInput) {
			in.request(0, dir)
			in.request(0, &smb.ChangeNotifyRequest{FileID: first, Filter: 0xFFF, MaxOutput: 4096, Flags: smb.NotifyWatchTree})
			in.request(second, open("new", 0))
			in.request(second, &smb.SetInfoRequest{Type: smb.InfoFile, Class: 10, Input: smb.AppendInfo(nil, &smb.RenameInfo{Name: "other"})})
			in.request(second, &smb.SetInfoRequest{Type: smb.InfoFile, Class: 13, Input: []byte{1}})
			in.request(second, &smb.SetInfoRequest{Type: smb.InfoFile, Class: 20, Input: make([]byte, 8)})
			in.request(second, &smb.CloseRequest{})
			in.request(0, &smb.QueryDirectoryRequest{Class: 37, Pattern: "*", MaxOutput: 4096})
			in.request(0, &smb.ChangeNotifyRequest{Filter: 0xFFF, MaxOutput: 16})
			in.request(0, &smb.CloseRequest{})
		},
		"copies": func(in *fuzzInput) {
			in.request(0, open("a", 0))
			in.request(0, &smb.WriteRequest{Data: bytes.Repeat([]byte("0123456789"), 5000)})
			in.request(0, open("b", 0))
			second := smb.FileID{Persistent: 1}
			in.request(0, &smb.IOCTLRequest{Code: smb.FSCTLSrvRequestResumeKey, MaxOutput: 64})
			for _, code := range []uint32{smb.FSCTLSrvCopyChunk, smb.FSCTLSrvCopyChunkWrite} {
				in.request(0, &smb.IOCTLRequest{Code: code, FileID: second, MaxOutput: 64, Input: (&smb.CopyChunks{
					Chunks: []smb.CopyChunk{{Length: 100}, {SourceOffset: 40000, TargetOffset: 1 << 20, Length: 10000}, {SourceOffset: 50000, Length: 1}},
				}).AppendTo(nil)})
			}
			in.request(0, &smb.IOCTLRequest{Code: smb.FSCTLSetSparse, FileID: second, MaxOutput: 64})
			in.request(0, &smb.IOCTLRequest{Code: smb.FSCTLSetZeroData, Input: numbers(100, 30000)})
			in.request(0, &smb.IOCTLRequest{Code: smb.FSCTLQueryAllocatedRanges, FileID: second, MaxOutput: 64, Input: numbers(0, 1<<21)})
		},
		"changes": func(in *fuzzInput) {
			in.request(second, open("b", smb.OplockBatch))
			in.request(0, open("a", smb.OplockExclusive))
			in.request(0, &smb.WriteRequest{Offset: 100_000, Data: []byte("0123456789")})
			for _, info := range []smb.Info{
				&smb.EndOfFileInfo{EndOfFile: 70_001}, &smb.EndOfFileInfo{EndOfFile: 1 << 44}, &smb.AllocationInfo{Size: 5000},
				&smb.AllocationInfo{Size: 1 << 20}, &smb.PositionInfo{Offset: 7}, &smb.ModeInfo{Mode: 2},
				&smb.RenameInfo{Name: "b", ReplaceIfExists: true}, &smb.RenameInfo{Name: "d"}, &smb.DispositionInfo{DeletePending: true},
			} {
				typ, class := info.Class()
				in.request(0, &smb.SetInfoRequest{Type: typ, Class: class, Input: smb.AppendInfo(nil, info)})
				in.request(0, &smb.QueryInfoRequest{Type: smb.InfoFile, Class: 18, MaxOutput: 1000})
			}
			in.request(0, &smb.QueryInfoRequest{Type: smb.InfoSecurity, Additional: 7, MaxOutput: 1000})
			in.request(0, &smb.QueryInfoRequest{Type: smb.InfoType(2), Class: 5, MaxOutput: 1000})
			in.request(0, open("d", 0))
		},
		"every disposition": func(in *fuzzInput) {
			for d := range smb.OverwriteIf + 1 {
				m := openRequest("a")
				m.Disposition, m.Options, m.Attributes = d, smb.DeleteOnClose, smb.AttributeHidden
				in.request(0, m)
				m.Options, m.OplockLevel = 0, smb.OplockLease
				m.Contexts = []smb.CreateContext{smb.Lease{V2: true, Key: smb.GUID{byte(d)}, State: cacheRWH}.Context(), smb.MaximalAccessRequest(), smb.OnDiskIDRequest()}
				in.request(second, m)
				in.request(second, &smb.WriteRequest{Data: []byte("x")})
				in.request(0, &smb.LeaseBreakAck{Key: smb.GUID{byte(d)}})
				in.request(0, &smb.CloseRequest{})
			}
		},
		"a pipe": func(in *fuzzInput) {
			in.request(pipes, &smb.CreateRequest{Name: "srvsvc", Access: smb.FileReadData | smb.FileWriteData, Disposition: smb.OpenFile})
			in.request(pipes, &smb.ReadRequest{Length: 1024})
			in.request(pipes, &smb.IOCTLRequest{Code: smb.FSCTLPipeTransceive, MaxOutput: 1024, Input: []byte{5, 0, 11, 3, 16, 0, 0, 0, 72, 0, 0, 0}})
			in.request(pipes, &smb.CloseRequest{})
		},
		"log-ons": func(in *fuzzInput) {
			in.request(0, &smb.SessionSetupRequest{SecurityBuffer: []byte("NTLMSSP\x00\x01\x00\x00\x00\x15\x82\x08\x62")})
			in.add(fuzzKeepSession, smb.Append(nil, smb.Header{Credits: 4}, &smb.SessionSetupRequest{SecurityBuffer: []byte("NTLMSSP\x00\x01\x00\x00\x00\x15\x82\x08\x62")}))
			in.request(0, &smb.TreeConnectRequest{Path: `\\lab\share`})
			in.request(0, &smb.TreeDisconnectRequest{})
		},
		"not SMB2": func(in *fuzzInput) {
			in.add(fuzzRaw, []byte("\xFFSMB\x72\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0c\x00\x02SMB 2.???\x00"))
			in.add(fuzzRaw|second, slices.Concat([]byte("\xFDSMB"), make([]byte, 60)))
		},
	}
	inputs := make(map[string]fuzzInput)
	for name, scene := range scenes {
		in := fuzzInput{4}
		scene(&in)
		inputs[name] = in
	}
	return inputs
}

// recordedInputs are the recordings of whole sessions in testdata/wire as
// inputs, but for what is encrypted, and the recorded calls of srvsvc.
func recordedInputs(t testing.TB) map[string]fuzzInput {
	paths, err := filepath.Glob(filepath.Join("..", "..", "testdata", "wire", "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	inputs := make(map[string]fuzzInput)
	for _, p := range paths {
		name := strings.TrimSuffix(filepath.Base(p), ".txt")
		in := fuzzInput{4}
		calls := strings.HasPrefix(name, "srvsvc-")
		if calls {
			in.request(fuzzPipes, &smb.CreateRequest{Name: "srvsvc", Access: smb.FileReadData | smb.FileWriteData, Disposition: smb.OpenFile})
		}
		files := make(map[smb.FileID]uint64)
		for _, b := range recordedRequests(t, p) {
			if calls {
				in.request(fuzzPipes, &smb.IOCTLRequest{Code: smb.FSCTLPipeTransceive, MaxOutput: 1 << 16, Input: b})
				continue
			}
			if number(b, files) {
				in.add(0, b)
			}
		}
		inputs[name] = in
	}
	return inputs
}

// recordedLogOns are the frames with which recorded clients begin.
func recordedLogOns(t testing.TB) []fuzzInput {
	paths, err := filepath.Glob(filepath.Join("..", "..", "testdata", "wire", "[ps]e*.txt")) // peer-… and session-…
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	var inputs []fuzzInput
	for _, p := range paths {
		var in fuzzInput
		for _, b := range recordedRequests(t, p)[:5] {
			in.add(0, b)
		}
		inputs = append(inputs, in)
	}
	smb1 := append([]byte("\xFFSMBr"), make([]byte, 27)...)
	var in fuzzInput
	in.add(0, append(smb1, "\x00\x18\x00\x02SMB 2.002\x00\x02SMB 2.???\x00"...))
	in.request(0, &smb.NegotiateRequest{Dialects: []smb.Dialect{smb.SMB202}})
	in.request(0, &smb.SessionSetupRequest{SecurityBuffer: ntlmNegotiate(0)})
	return append(inputs, in)
}

// recordedRequests are the blocks under ">" in a recording.
func recordedRequests(t testing.TB, path string) (all [][]byte) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mine := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch b, err := hex.DecodeString(line); {
		case line == ">":
			mine = true
			all = append(all, nil)
		case err != nil || line == "":
			mine = false
		case mine:
			all[len(all)-1] = append(all[len(all)-1], b...)
		}
	}
	return all
}

// number puts numbers in place of the FileIds of a recorded chain of requests.
// It reports false for what comes before the log-on has succeeded.
func number(chain []byte, files map[smb.FileID]uint64) bool {
	le := binary.LittleEndian
	for b := chain; b != nil; {
		h, msg, rest, err := smb.SplitCompound(b)
		if err != nil || h.Command <= smb.CommandSessionSetup {
			return false
		}
		if at, ok := fileIDAt[h.Command]; ok && len(msg) >= at+16 {
			id := smb.FileID{Persistent: le.Uint64(msg[at:]), Volatile: le.Uint64(msg[at+8:])}
			if id != smb.RelatedFileID {
				if _, ok := files[id]; !ok {
					files[id] = uint64(len(files))
				}
				le.PutUint64(msg[at:], files[id])
			}
		}
		b = rest
	}
	return true
}

func allInputs(t testing.TB) map[string]fuzzInput {
	inputs := fuzzScenes()
	for name, in := range recordedInputs(t) {
		inputs[fmt.Sprintf("recorded %s", name)] = in
	}
	return inputs
}

// numbers are numbers of 8 bytes each.
func numbers(all ...uint64) (b []byte) {
	for _, n := range all {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return b
}
