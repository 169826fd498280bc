package diag

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"err32/smb"
)

// captureStory follows the messages of one connection, to say what each is
// about.
type captureStory struct {
	asked map[uint64]askedFor      // the requests under way, by MessageId
	paths map[smb.FileID]string    // of what is open
	trees map[captureTree]treeName // by their ids
}

// askedFor is what a response is the answer to.
type askedFor struct {
	command smb.Command
	tree    captureTree
	name    string // of the file or share; may be empty
	file    smb.FileID
}

type captureTree struct {
	session uint64
	tree    uint32
}

// treeName is a tree connect.
type treeName struct {
	share string
	pipe  bool // it holds named pipes, not files
}

func newCaptureStory() *captureStory {
	return &captureStory{asked: map[uint64]askedFor{}, paths: map[smb.FileID]string{}, trees: map[captureTree]treeName{}}
}

// readsPipe reports whether a READ response is of a named pipe.
func (s *captureStory) readsPipe(h smb.Header) bool {
	a, ok := s.asked[h.MessageID]
	return ok && a.command == smb.CommandRead && s.trees[a.tree].pipe
}

// maxComment bounds a comment: a name may have 32 767 characters.
const maxComment = 1000

// tell describes a chain of messages in a line. Names are kept for the answers
// only where named is true.
func (s *captureStory) tell(chain []byte, named bool) string {
	var parts []string
	last := askedFor{} // the request before this one in the chain
	for rest := chain; rest != nil; {
		h, msg, next, err := smb.SplitCompound(rest)
		if err != nil {
			parts = append(parts, "a message that cannot be read, blanked")
			break
		}
		part := ""
		if h.Flags&smb.FlagResponse != 0 {
			part = s.response(h, msg)
		} else {
			part, last = s.request(h, msg, last, named)
		}
		parts = append(parts, part)
		rest = next
	}
	text := visibleText(strings.Join(parts, " + "))
	if len(text) > maxComment {
		end := maxComment
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end] + "…"
	}
	return text
}

// request remembers a request and describes it.
func (s *captureStory) request(h smb.Header, msg []byte, before askedFor, named bool) (string, askedFor) {
	a := askedFor{command: h.Command, tree: captureTree{h.SessionID, h.TreeID}}
	related := h.Flags&smb.FlagRelated != 0
	if related {
		a.tree = before.tree
	}
	_, m, err := smb.ParseRequest(msg)
	if err == nil {
		switch m := m.(type) {
		case *smb.TreeConnectRequest:
			a.name = m.Path
		case *smb.CreateRequest:
			a.name = cmp.Or(m.Name, s.trees[a.tree].share)
		default:
			if id, ok := requestFile(m); ok && related && id == smb.RelatedFileID {
				a.name = before.name
			} else if ok {
				a.name, a.file = s.paths[id], id
			}
		}
	}
	if !named {
		a.name = ""
	}
	if h.Command != smb.CommandCancel { // it has the MessageId of what it cancels
		s.asked[h.MessageID] = a
	}
	text := joinNonEmpty(" ", h.Command.String()+" request", a.name)
	return text + blanked(h.Command == smb.CommandSessionSetup, "log-on token", err), a
}

// response finds what is answered, and describes the answer.
func (s *captureStory) response(h smb.Header, msg []byte) string {
	if h.MessageID == smb.UnsolicitedID {
		_, m, _ := smb.ParseResponse(msg)
		name := ""
		if b, ok := m.(*smb.OplockBreak); ok {
			name = s.paths[b.FileID]
		}
		return joinNonEmpty(" ", h.Command.String()+" notification", name)
	}
	a, pipe := s.asked[h.MessageID], s.readsPipe(h)
	if h.Status != smb.StatusPending || h.Flags&smb.FlagAsync == 0 {
		delete(s.asked, h.MessageID)
	}
	_, m, err := smb.ParseResponse(msg)
	if err == nil && a.command == h.Command {
		switch m := m.(type) {
		case *smb.TreeConnectResponse:
			s.trees[captureTree{h.SessionID, h.TreeID}] = treeName{a.name, m.ShareType == smb.SharePipe}
		case *smb.CreateResponse:
			s.paths[m.FileID] = a.name
		case *smb.CloseResponse:
			delete(s.paths, a.file)
		}
	}
	text := joinNonEmpty(" ", h.Command.String()+" response", a.name)
	text += fmt.Sprintf(": %s (%s)", h.Status, h.Status.Hex())
	if code, ok := h.Status.Win32(); ok && code != 0 {
		text += fmt.Sprintf(", Win32 error %d", code)
	}
	switch m := m.(type) {
	case *smb.SessionSetupResponse:
		// The token itself is gone; the last response may have had none.
		return text + blanked(h.Status != smb.StatusSuccess || len(msg) > smbHeader+8, "log-on token", err)
	case *smb.ReadResponse:
		return text + blanked(len(m.Data) > 0 && !pipe, "data", err)
	}
	return text + blanked(false, "", err)
}

// blanked says what of a message was blanked, or that it is malformed.
func blanked(is bool, what string, err error) string {
	switch {
	case err != nil:
		return ", malformed"
	case is:
		return ", " + what + " blanked"
	}
	return ""
}

// requestFile returns the open that a request names.
func requestFile(m smb.Message) (smb.FileID, bool) {
	switch m := m.(type) {
	case *smb.CloseRequest:
		return m.FileID, true
	case *smb.FlushRequest:
		return m.FileID, true
	case *smb.ReadRequest:
		return m.FileID, true
	case *smb.WriteRequest:
		return m.FileID, true
	case *smb.LockRequest:
		return m.FileID, true
	case *smb.IOCTLRequest:
		return m.FileID, true
	case *smb.QueryDirectoryRequest:
		return m.FileID, true
	case *smb.ChangeNotifyRequest:
		return m.FileID, true
	case *smb.QueryInfoRequest:
		return m.FileID, true
	case *smb.SetInfoRequest:
		return m.FileID, true
	case *smb.OplockBreakAck:
		return m.FileID, true
	}
	return smb.FileID{}, false
}
