package lab

import (
	"testing"

	"err32/smb"
)

// element is one request of a chain and the answer it should have.
type element struct {
	body    smb.Message
	related bool
	change  func(h *smb.Header)
	patch   func(msg []byte)
	want    smb.NTStatus
}

// sendChain sends the elements as one compound, and returns their answers in
// the order of the requests.
func (c *rawClient) sendChain(chain []element) []response {
	c.t.Helper()
	var messages [][]byte
	place := make(map[uint64]int)
	for i, e := range chain {
		place[c.nextID] = i
		msg := c.message(e.body, func(h *smb.Header) {
			if e.related {
				h.Flags |= smb.FlagRelated
			}
			if e.change != nil {
				e.change(h)
			}
		})
		if e.patch != nil {
			e.patch(msg)
		}
		messages = append(messages, msg)
	}
	if err := c.send(c.compound(messages...)); err != nil {
		c.t.Fatal(err)
	}
	answers := make([]response, len(chain))
	for left := len(chain); left > 0; {
		all, err := c.receive()
		if err != nil {
			c.t.Fatalf("with %d answers to come: %v", left, err)
		}
		for _, r := range all {
			if r.header.Status != smb.StatusPending {
				answers[place[r.header.MessageID]] = r
				left--
			}
		}
	}
	return answers
}

// What related requests take over from those before them, and how they fail
// with them: [MS-SMB2] 3.3.5.2.7.2, its notes 266, 269 and 270, and what
// smbtorture's smb2.compound wants.
func TestCompoundErrors(t *testing.T) {
	const (
		ok            = smb.StatusSuccess
		invalid       = smb.StatusInvalidParameter
		fileClosed    = smb.StatusFileClosed
		notFound      = smb.StatusObjectNameNotFound
		endOfFile     = smb.StatusEndOfFile
		noSession     = smb.StatusUserSessionDeleted
		internalError = smb.StatusInternalError
	)
	create := func(name string) smb.Message { return openRequest(name) }
	missing := openRequest("missing")
	missing.Disposition = smb.OpenFile
	dir := openRequest("dir")
	dir.Options, dir.Access = smb.DirectoryFile, smb.FileReadData|smb.FileReadAttributes
	last := smb.RelatedFileID
	closeLast, readLast := &smb.CloseRequest{FileID: last}, &smb.ReadRequest{FileID: last, Length: 1}
	nobody := func(h *smb.Header) { h.SessionID, h.TreeID = 1<<64-1, 1<<32-1 }
	for name, chain := range map[string][]element{
		"the first is related": {
			{body: create("a"), related: true, want: invalid},
			{body: closeLast, related: true, want: invalid},
			{body: closeLast, want: fileClosed},
		},
		"session and tree of the one before": {
			{body: create("a"), want: ok},
			{body: closeLast, related: true, change: nobody, want: ok},
		},
		"no session": {
			{body: create("a"), want: ok},
			{body: closeLast, change: nobody, want: noSession},
			{body: closeLast, change: nobody, want: noSession},
			{body: closeLast, related: true, want: invalid},
			{body: create("a"), related: true, want: invalid},
			{body: create("a"), want: ok},
			{body: closeLast, related: true, want: ok},
		},
		"a FileId that is none": {
			{body: create("a"), want: ok},
			{body: closeLast, want: fileClosed},
			{body: closeLast, related: true, want: fileClosed},
			{body: readLast, related: true, want: fileClosed},
		},
		"closed already": {
			{body: create("a"), want: ok},
			{body: closeLast, related: true, want: ok},
			{body: closeLast, related: true, want: fileClosed},
			{body: readLast, related: true, want: fileClosed},
		},
		"no file": {
			{body: missing, want: notFound},
			{body: readLast, related: true, want: notFound},
			{body: closeLast, related: true, want: notFound},
			{body: create("a"), want: ok},
			{body: closeLast, related: true, want: ok},
		},
		"what fails on a file does not close it": {
			{body: create("empty"), want: ok},
			{body: readLast, related: true, want: endOfFile},
			{body: closeLast, related: true, want: ok},
		},
		"nothing about a file": {
			{body: &smb.EchoRequest{}, want: ok},
			{body: closeLast, related: true, want: smb.StatusInvalidHandle},
		},
		"tree connect": {
			{body: &smb.TreeConnectRequest{Path: `\\lab\share`}, want: ok},
			{body: create("a"), related: true, change: nobody, want: ok},
			{body: closeLast, related: true, change: nobody, want: ok},
		},
		"no share": {
			{body: &smb.TreeConnectRequest{Path: `\\lab\none`}, want: smb.StatusBadNetworkName},
			{body: create("a"), related: true, want: invalid},
			{body: closeLast, related: true, want: invalid},
			{body: create("a"), want: ok},
			{body: closeLast, related: true, want: ok},
		},
		"an unknown command": {
			{body: create("empty"), want: ok},
			{body: readLast, related: true, want: endOfFile},
			{body: &smb.EchoRequest{}, related: true, patch: func(msg []byte) { msg[12] = 0xFF }, want: invalid},
			{body: closeLast, related: true, want: ok},
		},
		"what would have to wait in the middle": {
			{body: dir, want: ok},
			{body: &smb.ChangeNotifyRequest{FileID: last, MaxOutput: 4096, Filter: smb.NotifyFileName}, related: true, want: internalError},
			{body: &smb.QueryInfoRequest{FileID: last, Type: smb.InfoFile, Class: uint8(smb.FileBasicInformation), MaxOutput: 4096}, related: true, want: ok},
			{body: closeLast, related: true, want: ok},
		},
		"logoff": {
			{body: &smb.LogoffRequest{}, want: ok},
			{body: create("a"), related: true, want: invalid},
			{body: closeLast, related: true, want: invalid},
		},
	} {
		for _, dialect := range []smb.Dialect{smb.SMB210, smb.SMB311} {
			t.Run(name+", "+dialect.String(), func(t *testing.T) {
				s := testServer()
				t.Cleanup(func() { closeServer(t, s) })
				c := pipeRaw(t, s).ready(dialect)
				for i, got := range c.sendChain(chain) {
					e := chain[i]
					if got.header.Status != e.want {
						t.Errorf("%d, %v: %v, want %v", i, e.body.Command(), got.header.Status, e.want)
					}
					if related := got.header.Flags&smb.FlagRelated != 0; related != e.related {
						t.Errorf("%d, %v: SMB2_FLAGS_RELATED_OPERATIONS is %t in the answer", i, e.body.Command(), related)
					}
					if e.want == invalid && name == "the first is related" && got.header.Flags&smb.FlagSigned == 0 {
						t.Errorf("%d, %v: the answer is not signed", i, e.body.Command())
					}
				}
			})
		}
	}
}

// The first of a frame with an unknown command ends the connection, [MS-SMB2]
// 3.3.5.2.6.
func TestUnknownCommand(t *testing.T) {
	s := testServer()
	t.Cleanup(func() { closeServer(t, s) })
	c := pipeRaw(t, s).ready(smb.SMB210)
	msg := c.message(&smb.EchoRequest{})
	msg[12] = 0xFF
	if err := c.send(c.compound(msg, c.message(&smb.EchoRequest{}))); err != nil {
		t.Fatal(err)
	}
	c.ended()
}
