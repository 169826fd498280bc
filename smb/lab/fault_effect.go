package lab

import (
	"path"
	"slices"
	"strings"
	"time"

	"err32/smb"
)

// faultEffect is what the faults that befall a request do to it. The zero value
// is nothing.
type faultEffect struct {
	status         smb.NTStatus // it is refused with this, and not run
	silent         bool         // it is not answered
	credits        int          // the answer says it grants so many more
	delay          time.Duration
	drop, cut      bool
	wrongSignature bool
}

// faultState counts for each of Server.Faults the requests it could befall.
type faultState []int

// faultsFor returns what befalls a request.
func (s *Server) faultsFor(r *request) (e faultEffect) {
	if len(s.Faults) == 0 {
		return e
	}
	if s.faults == nil {
		s.faults = make(faultState, len(s.Faults))
	}
	for i := range s.Faults {
		f := &s.Faults[i]
		if !f.concerns(r) {
			continue
		}
		s.faults[i]++
		if n := s.faults[i]; f.Nth == 0 || n == f.Nth || f.Onward && n > f.Nth {
			e.join(f.effect())
			s.logFault(r, f)
		}
	}
	return e
}

// concerns reports whether f could befall r.
func (f *Fault) concerns(r *request) bool {
	if only, fixed := f.onlyCommand(); fixed {
		if r.header.Command != only || f.Path == "" && r.tree != nil && r.tree.share.volume == nil {
			return false
		}
	} else if f.Commands != nil && !slices.Contains(f.Commands, r.header.Command) {
		return false
	}
	if f.Path == "" {
		return true
	}
	name, ok := r.filePath()
	if !ok {
		return false
	}
	name = slashed(name)
	if !strings.Contains(f.pattern(), "/") {
		name = path.Base(name)
	}
	matched, _ := path.Match(f.pattern(), name) // check has seen the pattern
	return matched
}

// pattern is Path as it is matched.
func (f *Fault) pattern() string { return slashed(f.Path) }

// slashed is a path in the form in which faults match paths.
func slashed(p string) string {
	return strings.TrimPrefix(fold(strings.ReplaceAll(p, `\`, "/")), "/")
}

// filePath is the path below the share of the file that the request is about.
func (r *request) filePath() (name string, ok bool) {
	var id smb.FileID
	switch m := r.body.(type) {
	case *smb.CreateRequest:
		return m.Name, true
	case *smb.CloseRequest:
		id = m.FileID
	case *smb.FlushRequest:
		id = m.FileID
	case *smb.ReadRequest:
		id = m.FileID
	case *smb.WriteRequest:
		id = m.FileID
	case *smb.LockRequest:
		id = m.FileID
	case *smb.IOCTLRequest:
		id = m.FileID
	case *smb.QueryDirectoryRequest:
		id = m.FileID
	case *smb.ChangeNotifyRequest:
		id = m.FileID
	case *smb.QueryInfoRequest:
		id = m.FileID
	case *smb.SetInfoRequest:
		id = m.FileID
	case *smb.OplockBreakAck:
		id = m.FileID
	default:
		return "", false
	}
	if id == smb.RelatedFileID && r.header.Flags&smb.FlagRelated != 0 && r.chain.fileID != nil {
		id = *r.chain.fileID
	}
	if o := r.session.opens[id.Volatile]; o != nil && o.id.Persistent == id.Persistent {
		return o.path(), true
	}
	return "", false
}

// effect is what f does to a request.
func (f *Fault) effect() (e faultEffect) {
	switch f.Name {
	case faultDelay:
		e.delay = f.Delay
	case faultDrop:
		e.drop = true
	case faultCut:
		e.cut = true
	case faultWrongSignature:
		e.wrongSignature = true
	case faultWrongCredit:
		e.credits = f.Credits
	case faultNeverAnswer:
		e.silent = true
	case faultNoResources:
		e.status = smb.StatusInsuffServerResources
	case faultStatus:
		e.status = f.Status
	case faultRefuseClose:
		if e.status = f.Status; e.status == smb.StatusSuccess {
			e.status = smb.StatusUnexpectedNetworkError
		}
	}
	return e
}

// join adds another effect on the same request, or on another one whose answer
// goes out in the same frame.
func (e *faultEffect) join(other faultEffect) {
	if e.status == smb.StatusSuccess {
		e.status = other.status
	}
	e.silent = e.silent || other.silent
	e.credits += other.credits
	e.delay = max(e.delay, other.delay)
	e.drop = e.drop || other.drop
	e.cut = e.cut || other.cut
	e.wrongSignature = e.wrongSignature || other.wrongSignature
}

// Where a message has its signature, [MS-SMB2] 2.2.1, and a frame its
// TRANSFORM_HEADER's, [MS-SMB2] 2.2.41, behind the frame's own 4 bytes.
const (
	signatureAt = 48
	tagAt       = 4 + 4
)

// grant is what the answer says it grants when granted is what it does.
func (e *faultEffect) grant(granted uint16) uint16 {
	return uint16(min(max(int(granted)+e.credits, 0), 1<<16-1))
}

// frame is what becomes of a finished frame that goes out now. sealed: it is
// encrypted.
func (e *faultEffect) frame(b []byte, sealed bool, now time.Time) outFrame {
	f := outFrame{b: b}
	if e.wrongSignature && sealed {
		b[tagAt] ^= 0xFF
	}
	if e.delay > 0 {
		f.due = now.Add(e.delay)
	}
	switch {
	case e.drop:
		f.b, f.end = nil, errFault
	case e.cut:
		f.b, f.end = b[:len(b)/2], errFault
	}
	return f
}
