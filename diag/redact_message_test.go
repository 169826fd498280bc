package diag

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"err32/smb"
)

// secrets are names that no message may have once it is redacted.
var secrets = []string{"quetzalcoatl", "zanzibar", "xylophone", "mnemonic", "oklahoma", "kumquat"}

// knowing is a Redactor that knows some of them.
func knowing() *Redactor {
	r := NewRedactor()
	r.Host("zanzibar")
	r.Share("xylophone")
	r.User(`oklahoma\kumquat`)
	return r
}

func utf16LE(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func infoBytes(i smb.Info) []byte { return smb.AppendInfo(nil, i) }

func directoryBytes(t testing.TB, class uint8, names ...string) []byte {
	t.Helper()
	list := smb.NewDirectoryList(class, 1<<20)
	for _, name := range names {
		if !list.Add(&smb.DirectoryEntry{Name: name, ShortName: "KUMQUA~1", FileID: 7, EndOfFile: 9}) {
			t.Fatal("the list is full")
		}
	}
	return list.Bytes()
}

// redactedMessage is a request and what must become of it.
type redactedMessage struct {
	name       string
	give, want smb.Message
}

func namedRequests() []redactedMessage {
	id := smb.FileID{Persistent: 1, Volatile: 2}
	blob := []byte("NTLMSSP\x00quetzalcoatl oklahoma kumquat")
	lease := smb.Lease{Key: smb.GUID{1, 2, 3}}.Context()
	rename := &smb.RenameInfo{ReplaceIfExists: true, Name: `mnemonic\quetzalcoatl.docx`}
	return []redactedMessage{
		{"negotiate",
			&smb.NegotiateRequest{Dialects: []smb.Dialect{smb.SMB311}, Contexts: []smb.NegotiateContext{
				smb.PreauthContext([]byte("salt")), {Type: 0x0005, Data: utf16LE("ZANZIBAR")}, {Type: 0x0100, Data: []byte("mnemonic")}}},
			&smb.NegotiateRequest{Dialects: []smb.Dialect{smb.SMB311}, Contexts: []smb.NegotiateContext{
				smb.PreauthContext([]byte("salt")), {Type: 0x0005, Data: utf16LE("host-1")}}}},
		{"log-on", &smb.SessionSetupRequest{PreviousSessionID: 5, SecurityBuffer: blob}, &smb.SessionSetupRequest{PreviousSessionID: 5}},
		{"tree", &smb.TreeConnectRequest{Path: `\\Zanzibar\XYLOPHONE`}, &smb.TreeConnectRequest{Path: `\\host-1\share-1`}},
		{"pipes", &smb.TreeConnectRequest{Path: `\\zanzibar\IPC$`}, &smb.TreeConnectRequest{Path: `\\host-1\IPC$`}},
		{"create",
			&smb.CreateRequest{Name: `Mnemonic\quetzalcoatl.docx:kumquat`, Access: 3, Contexts: []smb.CreateContext{
				lease, {Name: smb.ContextEAs, Data: []byte("oklahoma....")}, {Name: "mnem", Data: []byte("kumquat")}, smb.MaximalAccessRequest()}},
			&smb.CreateRequest{Name: `path-1\path-2.docx:path-3`, Access: 3, Contexts: []smb.CreateContext{lease, smb.MaximalAccessRequest()}}},
		{"create the run's file", &smb.CreateRequest{Name: `mnemonic\err32-0a1b2c3d.tmp`}, &smb.CreateRequest{Name: `path-1\err32-0a1b2c3d.tmp`}},
		{"create by id", &smb.CreateRequest{Name: "quet", Options: smb.OpenByFileID}, &smb.CreateRequest{Options: smb.OpenByFileID}},
		{"pipe", &smb.CreateRequest{Name: "srvsvc"}, &smb.CreateRequest{Name: "srvsvc"}},
		{"write", &smb.WriteRequest{FileID: id, Data: []byte("from quetzalcoatl")}, &smb.WriteRequest{FileID: id, Data: make([]byte, 17)}},
		{"rename", &smb.SetInfoRequest{Type: smb.InfoFile, Class: smb.FileRenameInformation, FileID: id, Input: infoBytes(rename)},
			&smb.SetInfoRequest{Type: smb.InfoFile, Class: smb.FileRenameInformation, FileID: id,
				Input: infoBytes(&smb.RenameInfo{ReplaceIfExists: true, Name: `path-1\path-2.docx`})}},
		{"link", &smb.SetInfoRequest{Type: smb.InfoFile, Class: smb.FileLinkInformation, Input: infoBytes((*smb.LinkInfo)(rename))},
			&smb.SetInfoRequest{Type: smb.InfoFile, Class: smb.FileLinkInformation, Input: infoBytes(&smb.LinkInfo{ReplaceIfExists: true, Name: `path-1\path-2.docx`})}},
		{"delete", &smb.SetInfoRequest{Type: smb.InfoFile, Class: smb.FileDispositionInformation, Input: []byte{1}},
			&smb.SetInfoRequest{Type: smb.InfoFile, Class: smb.FileDispositionInformation, Input: []byte{1}}},
		{"set rights", &smb.SetInfoRequest{Type: smb.InfoSecurity, Input: []byte("quetzalcoatl's SID, and more")},
			&smb.SetInfoRequest{Type: smb.InfoSecurity, Input: make([]byte, 28)}},
		{"directory", &smb.QueryDirectoryRequest{Class: smb.FileNamesInformation, Pattern: "quetzal*.docx"},
			&smb.QueryDirectoryRequest{Class: smb.FileNamesInformation, Pattern: "path-1*.docx"}},
		{"transceive", &smb.IOCTLRequest{Code: smb.FSCTLPipeTransceive, Input: utf16LE("zanzibar")}, &smb.IOCTLRequest{Code: smb.FSCTLPipeTransceive, Input: make([]byte, 16)}},
		{"referrals", &smb.IOCTLRequest{Code: smb.FSCTLDFSGetReferrals, Input: utf16LE(`..\zanzibar\xylophone`)}, &smb.IOCTLRequest{Code: smb.FSCTLDFSGetReferrals}},
		{"extended attributes", &smb.QueryInfoRequest{Type: smb.InfoFile, Class: smb.FileFullEaInformation, Input: smb.AppendEANames(nil, []string{"mnemonic"})},
			&smb.QueryInfoRequest{Type: smb.InfoFile, Class: smb.FileFullEaInformation}},
		{"lock", &smb.LockRequest{FileID: id, Locks: []smb.LockElement{{Offset: 1, Length: 2}}}, &smb.LockRequest{FileID: id, Locks: []smb.LockElement{{Offset: 1, Length: 2}}}},
		{"close", &smb.CloseRequest{FileID: id}, &smb.CloseRequest{FileID: id}},
	}
}

// answers are responses, to requests where these say what they hold.
func namedAnswers(t testing.TB) []struct {
	redactedMessage
	to     smb.Message
	status smb.NTStatus
} {
	blob := []byte("quetzalcoatl oklahoma kumquat zanzibar")
	query := func(typ smb.InfoType, class uint8) smb.Message { return &smb.QueryInfoRequest{Type: typ, Class: class} }
	output := func(i smb.Info) smb.Message { return &smb.QueryInfoResponse{Output: infoBytes(i)} }
	zeros := func(n int) smb.Message { return &smb.QueryInfoResponse{Output: make([]byte, n)} }
	plainEntries := func(class uint8, names ...string) []byte {
		list := smb.NewDirectoryList(class, 1<<20)
		for _, n := range names {
			list.Add(&smb.DirectoryEntry{Name: n, FileID: 7, EndOfFile: 9})
		}
		return list.Bytes()
	}
	return []struct {
		redactedMessage
		to     smb.Message
		status smb.NTStatus
	}{
		{redactedMessage{"negotiate",
			&smb.NegotiateResponse{Dialect: smb.SMB311, ServerGUID: smb.GUID([]byte("zanzibar........")), SecurityBuffer: blob, Contexts: []smb.NegotiateContext{{Type: 0x0005, Data: utf16LE("zanzibar")}}},
			&smb.NegotiateResponse{Dialect: smb.SMB311, Contexts: []smb.NegotiateContext{{Type: 0x0005, Data: utf16LE("host-1")}}}}, nil, 0},
		{redactedMessage{"challenge", &smb.SessionSetupResponse{SecurityBuffer: blob}, &smb.SessionSetupResponse{}}, nil, smb.StatusMoreProcessingRequired},
		{redactedMessage{"read", &smb.ReadResponse{Data: blob}, &smb.ReadResponse{Data: make([]byte, len(blob))}}, nil, 0},
		{redactedMessage{"call", &smb.IOCTLResponse{Code: smb.FSCTLPipeTransceive, Output: blob}, &smb.IOCTLResponse{Code: smb.FSCTLPipeTransceive, Output: make([]byte, len(blob))}}, nil, 0},
		{redactedMessage{"negotiated",
			&smb.IOCTLResponse{Code: smb.FSCTLValidateNegotiateInfo, Output: []byte("CAPSzanzibar........moDI")},
			&smb.IOCTLResponse{Code: smb.FSCTLValidateNegotiateInfo, Output: []byte("CAPS\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00moDI")}}, nil, 0},
		{redactedMessage{"referrals", &smb.IOCTLResponse{Code: smb.FSCTLDFSGetReferrals, Output: utf16LE("zanzibar")}, &smb.IOCTLResponse{Code: smb.FSCTLDFSGetReferrals}}, nil, 0},
		{redactedMessage{"a link", &smb.ErrorResponse{To: smb.CommandCreate, ContextCount: 1, Data: utf16LE(`\mnemonic\quetzalcoatl`)}, &smb.ErrorResponse{To: smb.CommandCreate}}, nil, smb.StatusStoppedOnSymlink},
		{redactedMessage{"too small", &smb.ErrorResponse{To: smb.CommandQueryInfo, Data: []byte{9, 0, 0, 0}}, &smb.ErrorResponse{To: smb.CommandQueryInfo, Data: []byte{9, 0, 0, 0}}}, nil, smb.StatusBufferTooSmall},
		{redactedMessage{"names", &smb.QueryDirectoryResponse{Output: directoryBytes(t, smb.FileNamesInformation, ".", "Quetzalcoatl.docx", "mnemonic")},
			&smb.QueryDirectoryResponse{Output: plainEntries(smb.FileNamesInformation, ".", "path-1.docx", "path-2")}}, &smb.QueryDirectoryRequest{Class: smb.FileNamesInformation, Pattern: "*"}, 0},
		{redactedMessage{"entries", &smb.QueryDirectoryResponse{Output: directoryBytes(t, smb.FileIdBothDirectoryInformation, "..", "Quetzalcoatl.docx", "mnemonic")},
			&smb.QueryDirectoryResponse{Output: plainEntries(smb.FileIdBothDirectoryInformation, "..", "path-1.docx", "path-2")}}, &smb.QueryDirectoryRequest{Class: smb.FileIdBothDirectoryInformation, Pattern: "*"}, 0},
		{redactedMessage{"entries of nobody knows what", &smb.QueryDirectoryResponse{Output: directoryBytes(t, smb.FileNamesInformation, "Quetzalcoatl")},
			&smb.QueryDirectoryResponse{Output: make([]byte, len(directoryBytes(t, smb.FileNamesInformation, "Quetzalcoatl")))}}, nil, 0},
		{redactedMessage{"all of a file", output(&smb.AllInfo{Name: smb.NameInfo{Name: `\mnemonic\quetzalcoatl.docx`}}), output(&smb.AllInfo{Name: smb.NameInfo{Name: `\path-1\path-2.docx`}})},
			query(smb.InfoFile, smb.FileAllInformation), 0},
		{redactedMessage{"name", output(&smb.NameInfo{Name: `\mnemonic`}), output(&smb.NameInfo{Name: `\path-1`})}, query(smb.InfoFile, smb.FileNameInformation), 0},
		{redactedMessage{"streams", output(&smb.StreamInfo{Streams: []smb.Stream{{Name: "::$DATA", Size: 1}, {Name: ":kumquat:$DATA", Size: 2}}}),
			output(&smb.StreamInfo{Streams: []smb.Stream{{Name: "::$DATA", Size: 1}, {Name: ":path-1:$DATA", Size: 2}}})}, query(smb.InfoFile, smb.FileStreamInformation), 0},
		{redactedMessage{"standard", output(&smb.StandardInfo{EndOfFile: 77}), output(&smb.StandardInfo{EndOfFile: 77})}, query(smb.InfoFile, smb.FileStandardInformation), 0},
		{redactedMessage{"volume", output(&smb.FSVolumeInfo{SerialNumber: 7, Label: "quetzalcoatl"}), output(&smb.FSVolumeInfo{SerialNumber: 7, Label: "path-1"})}, query(smb.InfoFileSystem, smb.FileFsVolumeInformation), 0},
		{redactedMessage{"rights", &smb.QueryInfoResponse{Output: blob}, zeros(len(blob))}, query(smb.InfoSecurity, 0), 0},
		{redactedMessage{"an answer cut off", &smb.QueryInfoResponse{Output: infoBytes(&smb.NameInfo{Name: `\quetzalcoatl`})[:20]}, zeros(20)}, query(smb.InfoFile, smb.FileNameInformation), smb.StatusBufferOverflow},
		{redactedMessage{"of nobody knows what", &smb.QueryInfoResponse{Output: blob}, zeros(len(blob))}, nil, 0},
		{redactedMessage{"changes", &smb.ChangeNotifyResponse{Output: smb.AppendChanges(nil, []smb.Change{{Action: 4, Name: `mnemonic\kumquat.txt`}, {Action: 5, Name: "quetzalcoatl"}})},
			&smb.ChangeNotifyResponse{Output: smb.AppendChanges(nil, []smb.Change{{Action: 4, Name: `path-1\path-2.txt`}, {Action: 5, Name: "path-3"}})}}, nil, 0},
	}
}

func TestRedactMessage(t *testing.T) {
	check := func(t *testing.T, r *Redactor, h smb.Header, m redactedMessage, parse func([]byte) (smb.Header, smb.Message, error)) {
		t.Helper()
		plain := smb.Append(nil, h, m.give)
		before := bytes.Clone(plain)
		got := r.message(plain)
		if !bytes.Equal(plain, before) {
			t.Error("the message itself changed")
		}
		// Appended and parsed, so that the two have one form.
		_, want, err := parse(smb.Append(nil, h, m.want))
		if err != nil {
			t.Fatal(err)
		}
		header, have, err := parse(got)
		if err != nil {
			t.Fatalf("%v in % X", err, got)
		}
		h.Command = m.give.Command()
		if header != h {
			t.Errorf("the header became %+v, want %+v", header, h)
		}
		if !reflect.DeepEqual(have, want) {
			t.Errorf("it became\n%+v, want\n%+v", have, want)
		}
		if left := leaks(got, secrets); len(left) > 0 {
			t.Errorf("%q are left in % X", left, got)
		}
		if again := r.message(got); again == nil {
			t.Error("it cannot be redacted again")
		}
	}
	for _, m := range namedRequests() {
		t.Run("request "+m.name, func(t *testing.T) {
			check(t, knowing(), smb.Header{Credits: 3, MessageID: 7, TreeID: 5, SessionID: 9, Signature: [16]byte{1, 2, 3}}, m, smb.ParseRequest)
		})
	}
	for _, m := range namedAnswers(t) {
		t.Run("response "+m.name, func(t *testing.T) {
			r := knowing()
			if m.to != nil {
				if r.message(smb.Append(nil, smb.Header{MessageID: 7, SessionID: 9}, m.to)) == nil {
					t.Fatal("the request was not understood")
				}
				// An answer that says to wait is not the last one.
				interim := smb.Header{MessageID: 7, SessionID: 9, AsyncID: 3, Status: smb.StatusPending, Flags: smb.FlagResponse | smb.FlagAsync}
				if r.message(smb.Append(nil, interim, &smb.ErrorResponse{To: m.to.Command()})) == nil {
					t.Fatal("the interim answer was not understood")
				}
			}
			check(t, r, smb.Header{Status: m.status, Flags: smb.FlagResponse, MessageID: 7, SessionID: 9}, m.redactedMessage, smb.ParseResponse)
			if m.to != nil && len(r.queries) != 0 {
				t.Error("a request that is answered is remembered")
			}
		})
	}
}

// A chain keeps its messages apart, each at a multiple of eight.
func TestRedactChain(t *testing.T) {
	var plain []byte
	names := []string{"quetzalcoatl", "mnemonic.docx", "k"}
	for i, name := range names {
		start := len(plain)
		plain = smb.Append(plain, smb.Header{MessageID: uint64(i)}, &smb.CreateRequest{Name: name})
		if i < len(names)-1 {
			plain = append(plain, make([]byte, -len(plain)&7)...)
			binary.LittleEndian.PutUint32(plain[start+20:], uint32(len(plain)-start))
		}
	}
	rest := knowing().message(plain)
	for i, want := range []string{"path-1", "path-2.docx", "path-3"} {
		if rest == nil {
			t.Fatalf("the chain ends after %d messages", i)
		}
		_, msg, next, err := smb.SplitCompound(rest)
		if err != nil {
			t.Fatal(err)
		}
		h, m, err := smb.ParseRequest(msg)
		if err != nil || h.MessageID != uint64(i) || m.(*smb.CreateRequest).Name != want {
			t.Errorf("message %d became %+v %+v, %v", i, h, m, err)
		}
		rest = next
	}
	if rest != nil {
		t.Error("the chain goes on")
	}
}

func TestRedactMessageRefuses(t *testing.T) {
	r := knowing()
	good := smb.Append(nil, smb.Header{}, &smb.EchoRequest{})
	app := smb.AppInstanceID(smb.GUID([]byte("....Zanzibar....")))
	short := NewRedactor()
	short.User("pat")
	short.Path(`pdf\x.pdf`)
	for name, plain := range map[string][]byte{
		"nothing":                               nil,
		"SMB1":                                  append([]byte("\xFFSMB"), good[4:]...),
		"an encrypted message":                  append([]byte("\xFDSMB"), good[4:]...),
		"half a header":                         good[:40],
		"half a message":                        smb.Append(nil, smb.Header{}, &smb.TreeConnectRequest{Path: "abc"})[:70],
		"an unknown command":                    append(append(bytes.Clone(good[:12]), 0x13, 0), good[14:]...),
		"a name in a place where there is none": smb.Append(nil, smb.Header{}, &smb.CreateRequest{Name: "x", Contexts: []smb.CreateContext{app}}),
		"a name in UTF-16":                      smb.Append(nil, smb.Header{Signature: [16]byte(utf16LE("ZANzibar"))}, &smb.EchoRequest{}),
	} {
		if got := r.message(plain); got != nil {
			t.Errorf("%s became % X", name, got)
		}
	}
	// Nor is a message lost for what only looks like a name.
	if got := short.message(smb.Append(nil, smb.Header{}, &smb.CreateRequest{Name: `pdf\pat.pdf`})); got == nil {
		t.Error("a message is lost over an ending, or a part of a pseudonym")
	} else if _, m, err := smb.ParseRequest(got); err != nil || !strings.HasSuffix(m.(*smb.CreateRequest).Name, ".pdf") {
		t.Errorf("%+v, %v", m, err)
	}
}

// Where a name of the site reads like a pseudonym, no message is lost over it.
func TestRedactMessageOddNames(t *testing.T) {
	r := NewRedactor()
	r.Host("host-1")
	r.Share("SHARE-1")
	r.Path("path-1.txt")
	for _, m := range []smb.Message{&smb.TreeConnectRequest{Path: `\\host-1\share-1`}, &smb.CreateRequest{Name: `x.txt`}, &smb.CreateRequest{Name: "path-1.txt"}} {
		if r.message(smb.Append(nil, smb.Header{}, m)) == nil {
			t.Errorf("%+v is lost", m)
		}
	}
}

// What a message takes does not grow with the number of the names that begin
// like a word of the pseudonyms.
func TestRedactMessageManyNames(t *testing.T) {
	r := NewRedactor()
	for i := range 250_000 {
		r.Path(fmt.Sprintf("pattern-%06d", i))
	}
	plain := smb.Append(nil, smb.Header{}, &smb.CreateRequest{Name: "pattern-000001"})
	begin := time.Now()
	for range 20_000 {
		if r.message(plain) == nil {
			t.Fatal("the message is lost")
		}
	}
	if took := time.Since(begin); took > 20*time.Second { // less than one where nothing else runs
		t.Errorf("it took %v", took)
	}
}

// Recordings of real clients and servers go through whole.
func TestRedactRecorded(t *testing.T) {
	for _, name := range append(recordedSessions, "peer-smbtorture", "peer-smbtorture-info") {
		t.Run(name, func(t *testing.T) {
			frames, key := loadWire(t, name)
			r := NewRedactor()
			c := newTestCapture(t, r)
			sent := 0
			for _, plain := range replay(t, c, frames, key, nil) {
				if plain != nil {
					sent++
				}
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			if c.dropped != 0 || sent == 0 {
				t.Errorf("%d of %d messages were left out", c.dropped, sent)
			}
			var names []string
			for _, n := range append(r.names[kindPath], r.names[kindHost]...) {
				if n = strings.TrimSuffix(n, ".dat"); len(n) > 5 && n != "share" {
					names = append(names, n)
				}
			}
			if len(names) == 0 {
				t.Fatal("no name was found")
			}
			for _, p := range readCapture(t, c.Name()) {
				if left := leaks(append([]byte(p.comment), p.payload...), names); len(left) > 0 {
					t.Errorf("%q are left in %q", left, p.comment)
				}
			}
			dissect(t, c.Name(), DefaultPort)
		})
	}
}

func FuzzRedactMessage(f *testing.F) {
	for _, m := range namedRequests() {
		f.Add(smb.Append(nil, smb.Header{}, m.give))
	}
	for _, m := range namedAnswers(f) {
		f.Add(smb.Append(nil, smb.Header{Flags: smb.FlagResponse, Status: m.status}, m.give))
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		r := knowing()
		got := r.message(plain)
		if got == nil {
			return
		}
		if left := leaks(got, []string{"zanzibar", "xylophone", "oklahoma", "kumquat"}); len(left) > 0 {
			t.Errorf("%q are left in % X, which became % X", left, plain, got)
		}
		for rest := got; rest != nil; {
			_, msg, next, err := smb.SplitCompound(rest)
			if err != nil {
				t.Fatalf("% X became % X: %v", plain, got, err)
			}
			if h, m := knowing().oneMessage(msg); m == nil {
				t.Fatalf("% X became % X, whose %s is not sound", plain, got, h.Command)
			}
			rest = next
		}
	})
}
