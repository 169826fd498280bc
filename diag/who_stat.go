package diag

import (
	"context"
	"strings"

	"err32/smb"
)

// stat is what the open for attributes told.
type stat struct {
	status     smb.NTStatus
	attributes smb.FileAttributes
	allowed    smb.AccessMask // what the user may ask for
	known      bool           // allowed is the server's word on this very file
	parent     smb.AccessMask // the same of the folder the file is in; 0 when not known
	size       uint64         // in bytes
	links      uint32         // names that the file has; 0 when not known
}

// statAccess is what the first open asks for. An open with no other access
// breaks no oplock and no lease, [MS-FSA] 2.1.4.12, and meets no share mode.
const statAccess = smb.FileReadAttributes | smb.Synchronize

// stat opens the path for its attributes alone, and closes it at once.
func (w *who) stat(ctx context.Context, p *PathHolders) (s stat, err error) {
	tree := w.table.observer.tree
	answer, info, err := tree.Look(ctx, &smb.CreateRequest{
		Name: p.Path, Access: statAccess, Share: shareAll, Disposition: smb.OpenFile,
		Options:  smb.OpenReparsePoint | smb.OpenNoRecall,
		Contexts: []smb.CreateContext{smb.MaximalAccessRequest(), smb.OnDiskIDRequest()},
	})
	status, answered := smb.StatusOf(err)
	if err != nil && !answered {
		return s, err
	}
	s.status = status
	p.StatStatus = status.Hex()
	w.rec.RecordStatus(ActorTool, whatStat, p.Path, status)
	if status != smb.StatusSuccess {
		return s, nil
	}
	p.Exists, p.Directory = true, answer.Attributes&smb.AttributeDirectory != 0
	s.attributes, s.size, s.allowed = answer.Attributes, answer.EndOfFile, tree.MaximalAccess()
	if info != nil {
		s.links = info.Links
	}
	if most, ok, err := answer.MaximalAccess(); ok && err == nil && most.Status == smb.StatusSuccess {
		s.allowed, s.known = most.Access, true
	}
	if w.o.Probe || w.o.WantAccess&smb.Delete&^s.allowed != 0 {
		s.parent = w.parentAccess(ctx, p.Path)
	}
	if s.parent&smb.FileDeleteChild != 0 {
		s.allowed |= smb.Delete // [MS-FSA] 2.1.5.1.2.1
	}
	return s, nil
}

// parentAccess is what the user may do with the folder of a path, 0 when that
// is not known.
func (w *who) parentAccess(ctx context.Context, path string) smb.AccessMask {
	answer, err := w.table.observer.tree.CreateClose(ctx, &smb.CreateRequest{
		Name: path[:max(strings.LastIndexByte(path, '\\'), 0)], Access: statAccess, Share: shareAll, Disposition: smb.OpenFile,
		Options: smb.DirectoryFile, Contexts: []smb.CreateContext{smb.MaximalAccessRequest()},
	})
	if err != nil {
		return 0
	}
	most, _, _ := answer.MaximalAccess()
	return most.Access
}

// endsAtStat answers a path that could not even be opened for its attributes.
func (w *who) endsAtStat(p *PathHolders, status smb.NTStatus) {
	p.Reasons = append(p.Reasons, statReason(status))
	p.Wanted.Why = "the path could not be opened at all: " + status.String()
	switch {
	case status == smb.StatusObjectNameNotFound || status == smb.StatusObjectPathNotFound:
		p.State = StateFree
	case len(p.Opens) > 0:
		state, reasons := judgeLiveness(w.evidence(p))
		p.State, p.Reasons = state, append(p.Reasons, reasons...)
		p.Expect = expectancy(w.table.observer.isSamba(), p.Opens)
	case status == smb.StatusDeletePending && !w.seen:
		p.Reasons = append(p.Reasons, "whose open that is takes the right to read the server's tables to see")
	}
}

// statReason is the advice that a stat open's refusal leads to.
func statReason(status smb.NTStatus) string {
	switch status {
	case smb.StatusDeletePending:
		return "the file is marked for deletion and goes when its last open is closed: no new open is let in until then, and programs show that as \"access denied\" (error 5)"
	case smb.StatusFileNotAvailable:
		return "a persistent handle whose client is not connected owns the file: the server keeps it for that client until its time is over"
	case smb.StatusAccessDenied:
		return "the user may not even read its attributes, or not pass through a folder on the way: this is a matter of rights, not of share modes"
	case smb.StatusObjectNameNotFound:
		return "there is no such file: nobody can have it open under this name"
	case smb.StatusObjectPathNotFound:
		return "a folder on the way to it is not there, or hidden from this user"
	case smb.StatusObjectNameInvalid, smb.StatusObjectPathSyntaxBad:
		return "no file of this server can have such a name"
	case smb.StatusPathNotCovered:
		return "the path leads to another server (DFS): ask that one, under its own name and share"
	case smb.StatusStoppedOnSymlink:
		return "a folder on the way to it is a symbolic link: ask for the path that it leads to"
	case smb.StatusSharingViolation:
		return "even an open for attributes alone is refused, which no share mode of another open does: the server's own file system, or a program on the server, has the file"
	}
	return "an open for attributes alone, which no share mode touches, meets " + status.String()
}
