package diag

import (
	"bytes"
	"encoding/binary"
	"strings"

	"err32/smb"
)

// queryID is a request that waits for its answer. Sessions of one server have
// different ids, and a session's requests have them too.
type queryID struct {
	session, message uint64
}

// pendingQuery is what has to be known of a request to understand its answer.
type pendingQuery struct {
	command smb.Command
	typ     smb.InfoType
	class   uint8
}

// mostQueries bounds how many unanswered requests are remembered.
const mostQueries = 10_000

// message returns a chain of SMB2 messages, in plain text, with all names
// replaced; nil where that cannot be done for certain. It is made anew of what
// is understood of it, so that nothing else is left. Also replaced, by zeros, is
// what was read and written, and whatever holds names in a form of its own:
// security descriptors, extended attributes, calls of named pipes. Not there any
// more are the log-on's tokens, referrals, and contexts that are not known. The
// signatures stay, and fit no longer.
func (r *Redactor) message(plain []byte) []byte {
	if r == nil {
		return plain
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []byte
	for rest := plain; rest != nil; {
		_, msg, next, err := smb.SplitCompound(rest)
		if err != nil {
			return nil
		}
		h, m := r.oneMessage(msg)
		if m == nil {
			return nil
		}
		start := len(out)
		h.NextCommand = 0
		out = smb.Append(out, h, m)
		if next != nil {
			out = append(out, make([]byte, -len(out)&7)...)
			const nextCommand = 20
			binary.LittleEndian.PutUint32(out[start+nextCommand:], uint32(len(out)-start))
		}
		rest = next
	}
	if r.hasTrace(out) {
		return nil
	}
	return out
}

// oneMessage decodes a message and replaces the names in it; nil where it is not
// understood.
func (r *Redactor) oneMessage(msg []byte) (smb.Header, smb.Message) {
	const flags = 16
	if binary.LittleEndian.Uint32(msg[flags:])&uint32(smb.FlagResponse) == 0 {
		h, m, err := smb.ParseRequest(msg)
		if err != nil {
			return h, nil
		}
		return h, r.request(&h, m)
	}
	h, m, err := smb.ParseResponse(msg)
	if err != nil {
		return h, nil
	}
	id := queryID{h.SessionID, h.MessageID}
	q, known := r.queries[id]
	if h.Status != smb.StatusPending {
		delete(r.queries, id)
	}
	if !known || q.command != h.Command {
		q = pendingQuery{}
	}
	return h, r.response(&h, m, q)
}

func (r *Redactor) remember(h *smb.Header, q pendingQuery) {
	if len(r.queries) >= mostQueries {
		clear(r.queries)
	}
	q.command = h.Command
	r.queries[queryID{h.SessionID, h.MessageID}] = q
}

// request replaces the names in a request.
func (r *Redactor) request(h *smb.Header, m smb.Message) smb.Message {
	switch m := m.(type) {
	case *smb.NegotiateRequest:
		m.Contexts = r.negotiateContexts(m.Contexts)
	case *smb.SessionSetupRequest:
		m.SecurityBuffer = nil
	case *smb.TreeConnectRequest:
		m.Path = r.path(m.Path)
	case *smb.CreateRequest:
		m.Name = r.path(m.Name)
		if m.Options&smb.OpenByFileID != 0 {
			m.Name = ""
		}
		m.Contexts = createContexts(m.Contexts)
	case *smb.WriteRequest:
		m.Data = make([]byte, len(m.Data))
	case *smb.IOCTLRequest:
		m.Input = ioctlData(m.Code, m.Input, false)
	case *smb.QueryDirectoryRequest:
		r.remember(h, pendingQuery{class: m.Class})
		m.Pattern = r.path(m.Pattern)
	case *smb.QueryInfoRequest:
		r.remember(h, pendingQuery{typ: m.Type, class: m.Class})
		m.Input = nil
	case *smb.SetInfoRequest:
		m.Input = r.info(m.Type, m.Class, m.Input)
	case *smb.LogoffRequest, *smb.TreeDisconnectRequest, *smb.CloseRequest, *smb.FlushRequest, *smb.ReadRequest, *smb.LockRequest,
		*smb.CancelRequest, *smb.EchoRequest, *smb.ChangeNotifyRequest, *smb.OplockBreakAck, *smb.LeaseBreakAck:
	default:
		return nil
	}
	return m
}

// response replaces the names in the answer to a query.
func (r *Redactor) response(h *smb.Header, m smb.Message, q pendingQuery) smb.Message {
	switch m := m.(type) {
	case *smb.NegotiateResponse:
		m.ServerGUID, m.SecurityBuffer = smb.GUID{}, nil // the GUID is the host's name on Samba
		m.Contexts = r.negotiateContexts(m.Contexts)
	case *smb.SessionSetupResponse:
		m.SecurityBuffer = nil
	case *smb.CreateResponse:
		m.Contexts = createContexts(m.Contexts)
	case *smb.ReadResponse:
		m.Data = make([]byte, len(m.Data))
	case *smb.IOCTLResponse:
		m.Output = ioctlData(m.Code, m.Output, true)
	case *smb.QueryDirectoryResponse:
		m.Output = r.directory(q.class, m.Output)
	case *smb.QueryInfoResponse:
		m.Output = r.info(q.typ, q.class, m.Output)
	case *smb.ChangeNotifyResponse:
		m.Output = r.changes(m.Output)
	case *smb.ErrorResponse:
		size := len(m.Data) // [MS-SMB2] 2.2.2.2.2; a symbolic link has names
		if h.Status != smb.StatusBufferTooSmall || size != 4 && size != 12 {
			m.Data, m.ContextCount = nil, 0
		}
	case *smb.LogoffResponse, *smb.TreeConnectResponse, *smb.TreeDisconnectResponse, *smb.CloseResponse, *smb.FlushResponse,
		*smb.WriteResponse, *smb.LockResponse, *smb.EchoResponse, *smb.SetInfoResponse, *smb.OplockBreak, *smb.LeaseBreak,
		*smb.OplockBreakAckResponse, *smb.LeaseBreakAckResponse:
	default:
		return nil
	}
	return m
}

// The negotiate contexts besides those that smb knows, [MS-SMB2] 2.2.3.1.
const (
	negotiateCompression = 0x0003
	negotiateNetname     = 0x0005
	negotiateTransport   = 0x0006
	negotiateRDMA        = 0x0007
)

func (r *Redactor) negotiateContexts(contexts []smb.NegotiateContext) []smb.NegotiateContext {
	var kept []smb.NegotiateContext
	for _, c := range contexts {
		switch c.Type {
		case smb.NegotiatePreauthIntegrity, smb.NegotiateEncryption, smb.NegotiateSigning, negotiateCompression, negotiateTransport, negotiateRDMA:
		case negotiateNetname:
			c.Data = utf16Bytes(r.host(utf16Text(c.Data)))
		default:
			continue
		}
		kept = append(kept, c)
	}
	return kept
}

// plainCreateContexts are those that hold no names.
var plainCreateContexts = map[string]bool{
	smb.ContextDurableRequest: true, smb.ContextDurableReconnect: true, smb.ContextAllocationSize: true, smb.ContextMaximalAccess: true,
	smb.ContextTimewarp: true, smb.ContextOnDiskID: true, smb.ContextLease: true, smb.ContextDurableV2Request: true,
	smb.ContextDurableV2Reconnect: true, smb.ContextAppInstanceID: true, smb.ContextAppInstanceVersion: true,
}

func createContexts(contexts []smb.CreateContext) []smb.CreateContext {
	var kept []smb.CreateContext
	for _, c := range contexts {
		if plainCreateContexts[c.Name] {
			kept = append(kept, c)
		}
	}
	return kept
}

// ioctlData is what is left of the input of an FSCTL, or of its output.
func ioctlData(code uint32, data []byte, output bool) []byte {
	switch code {
	case smb.FSCTLPipeTransceive, smb.FSCTLPipePeek:
		return make([]byte, len(data))
	case smb.FSCTLValidateNegotiateInfo:
		data = bytes.Clone(data)
		if output && len(data) >= 20 { // Capabilities, then the server's GUID, [MS-SMB2] 2.2.32.6
			clear(data[4:20])
		}
		return data
	case smb.FSCTLSrvRequestResumeKey, smb.FSCTLSrvCopyChunk, smb.FSCTLSrvCopyChunkWrite, smb.FSCTLSetSparse, smb.FSCTLSetZeroData,
		smb.FSCTLQueryAllocatedRanges, smb.FSCTLLMRRequestResiliency, smb.FSCTLGetCompression, smb.FSCTLSetCompression,
		smb.FSCTLGetIntegrityInformation, smb.FSCTLSetIntegrityInformation:
		return data
	}
	return nil
}

// directory replaces the names of a listing. One whose class is not known, or
// that is not sound, is blanked.
func (r *Redactor) directory(class uint8, data []byte) []byte {
	entries, err := smb.ParseDirectory(class, data)
	list := smb.NewDirectoryList(class, 1<<31)
	if err != nil || list == nil {
		return make([]byte, len(data))
	}
	for i := range entries {
		e := &entries[i]
		e.Name, e.ShortName = r.path(e.Name), ""
		if e.Attributes&smb.AttributeReparsePoint == 0 {
			e.EASize = 0
		}
		list.Add(e)
	}
	return list.Bytes()
}

func (r *Redactor) changes(data []byte) []byte {
	changes, err := smb.ParseChanges(data)
	if err != nil {
		return make([]byte, len(data))
	}
	for i := range changes {
		changes[i].Name = r.path(changes[i].Name)
	}
	return smb.AppendChanges(nil, changes)
}

// info replaces the names in the content of an information class, or blanks it.
func (r *Redactor) info(typ smb.InfoType, class uint8, data []byte) []byte {
	blank := make([]byte, len(data))
	info := smb.NewInfo(typ, class)
	if info == nil || smb.ParseInfo(data, info) != nil {
		return blank
	}
	switch i := info.(type) {
	case *smb.NameInfo:
		i.Name = r.path(i.Name)
	case *smb.NormalizedNameInfo:
		i.Name = r.path(i.Name)
	case *smb.AlternateNameInfo:
		i.Name = r.path(i.Name)
	case *smb.AllInfo:
		i.Name.Name = r.path(i.Name.Name)
	case *smb.RenameInfo:
		i.Name = r.path(i.Name)
	case *smb.RenameExInfo:
		i.Name = r.path(i.Name)
	case *smb.LinkInfo:
		i.Name = r.path(i.Name)
	case *smb.StreamInfo:
		for j := range i.Streams {
			i.Streams[j].Name = r.path(i.Streams[j].Name)
		}
	case *smb.FSVolumeInfo:
		i.Label = r.path(i.Label)
	case *smb.FullEAInfo, *smb.FSObjectIDInfo:
		return blank
	}
	return smb.AppendInfo(nil, info)
}

// traceLength is how long a name is at least, in characters, whose traces are
// looked for: a shorter one is found in anything.
const traceLength = 3

// nameStart is how a name begins, folded.
type nameStart [traceLength]rune

// hasTrace reports whether a known name is left anywhere, as UTF-8 or UTF-16, in
// any case of letters. Nothing should be: this is for what nobody thought of.
func (r *Redactor) hasTrace(b []byte) bool {
	text := []rune(folded(string(b))) // one for each byte of what is no text
	if r.traceIn(text) {
		return true
	}
	for odd := range 2 {
		if odd < len(b) && r.traceIn([]rune(folded(utf16Text(b[odd:])))) {
			return true
		}
	}
	return false
}

func (r *Redactor) traceIn(text []rune) bool {
	for i := 0; i+traceLength <= len(text); i++ {
		if text[i] == 0 { // much is blanked, and this is quick
			continue
		}
		for _, n := range r.traces[nameStart(text[i:])] {
			if i+n <= len(text) && r.isTrace(text, i, i+n) {
				return true
			}
		}
	}
	return false
}

// isTrace reports whether what stands between two offsets is a name. A short one
// must be a word there, for "path-1" has "pat" in it. One that is also an ending
// that was kept is none, nor is one that reads like a pseudonym.
func (r *Redactor) isTrace(text []rune, at, end int) bool {
	name := string(text[at:end])
	known := false
	for kind := range kinds {
		_, ok := r.pseudonyms[kind][name]
		known = known || ok
	}
	if !known || isOrdinary(name) || r.endings[name] || isPseudonym.MatchString(strings.ToLower(name)) {
		return false
	}
	const long = 7 // than any word of a pseudonym
	return end-at >= long || (at == 0 || !isWordRune(text[at-1])) && (end == len(text) || !isWordRune(text[end]))
}
