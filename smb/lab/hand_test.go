package lab

import (
	"net"
	"testing"

	"err32/smb"
)

// hand runs requests by hand: without a client, so that they can ask for what
// the module's own client never does.
type hand struct {
	t       *testing.T
	s       *Server
	conn    *conn
	session *session
	tree    *tree
}

// newHand returns an administrator's session on the share of a new server,
// which the caller closes.
func newHand(t *testing.T) *hand {
	t.Helper()
	s := testServer()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.begin(); err != nil {
		t.Fatal(err)
	}
	_, nc := net.Pipe()
	c := s.newConn(nc)
	c.negotiated, c.dialect = true, smb.SMB311
	c.response = smb.NegotiateResponse{MaxTransactSize: 8 << 20, MaxReadSize: 8 << 20, MaxWriteSize: 8 << 20}
	session := s.newSession(c)
	session.established, session.user = true, &s.Users[0]
	h := &hand{t: t, s: s, conn: c, session: session, tree: &tree{id: 1, session: session, share: &s.shares[0]}}
	session.trees[1] = h.tree
	return h
}

func (h *hand) close() { closeServer(h.t, h.s) }

// request makes a request of a message.
func (h *hand) request(m smb.Message) *request {
	return &request{
		chain: &chain{conn: h.conn, given: true}, conn: h.conn, // nobody reads
		session: h.session, tree: h.tree, body: m, last: true,
		header: smb.Header{Command: m.Command()}, cancelled: make(chan struct{}),
	}
}

// run runs a request, to its end.
func (h *hand) run(r *request) (smb.Message, smb.NTStatus) {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	body, status := r.dispatch()
	delete(h.conn.pending, r.asyncID)
	return body, status
}

func (h *hand) do(m smb.Message) (smb.Message, smb.NTStatus) { return h.run(h.request(m)) }

// want runs a request and checks its status.
func (h *hand) want(status smb.NTStatus, m smb.Message) smb.Message {
	h.t.Helper()
	body, got := h.do(m)
	if got != status {
		h.t.Errorf("%v: %v, want %v", m.Command(), got, status)
	}
	return body
}

// open opens a file or directory with all access, shared with everybody,
// creating it if need be.
func (h *hand) open(name string, options smb.CreateOptions) smb.FileID {
	h.t.Helper()
	return h.openAs(name, options, allAccess)
}

func (h *hand) openAs(name string, options smb.CreateOptions, access smb.AccessMask) smb.FileID {
	h.t.Helper()
	body, status := h.do(&smb.CreateRequest{
		Name: name, Access: access, Share: smb.ShareRead | smb.ShareWrite | smb.ShareDelete, Disposition: smb.OpenIf, Options: options,
	})
	if status != smb.StatusSuccess {
		h.t.Fatalf("%s: %v", name, status)
	}
	return body.(*smb.CreateResponse).FileID
}

// set sets a file class.
func (h *hand) set(id smb.FileID, info smb.Info) {
	h.t.Helper()
	typ, class := info.Class()
	h.want(smb.StatusSuccess, &smb.SetInfoRequest{Type: typ, Class: class, FileID: id, Input: smb.AppendInfo(nil, info)})
}

func (h *hand) closeID(id smb.FileID) {
	h.t.Helper()
	h.want(smb.StatusSuccess, &smb.CloseRequest{FileID: id})
}

// make creates a file or directory and closes it, remove deletes one.
func (h *hand) make(name string, options smb.CreateOptions) { h.closeID(h.open(name, options)) }
func (h *hand) remove(name string)                          { h.closeID(h.open(name, smb.DeleteOnClose)) }
