package lab

import (
	"err32/smb"
)

// setInfo answers SET_INFO, [MS-SMB2] 3.3.5.21.
func (r *request) setInfo(m *smb.SetInfoRequest) (smb.Message, smb.NTStatus) {
	o, status := r.fileOpen(m.FileID)
	if status != smb.StatusSuccess {
		return nil, status
	}
	if len(m.Input) == 0 || int64(len(m.Input)) > int64(r.conn.response.MaxTransactSize) {
		return nil, smb.StatusInvalidParameter
	}
	switch {
	case o.pipe != nil, m.Type == infoQuota:
		status = smb.StatusNotSupported
	case m.Type == smb.InfoFile:
		status = r.setFileInfo(o, m)
	case m.Type == smb.InfoFileSystem: // not over the network, as Windows has it
		status = smb.StatusAccessDenied
	case m.Type == smb.InfoSecurity:
		status = r.setSecurity(o, m)
	default:
		status = smb.StatusInvalidParameter
	}
	if status != smb.StatusSuccess {
		return nil, status
	}
	return &smb.SetInfoResponse{}, smb.StatusSuccess
}

// setFileInfo sets a file class, [MS-FSA] 2.1.5.15.
func (r *request) setFileInfo(o *open, m *smb.SetInfoRequest) smb.NTStatus {
	info := smb.NewInfo(smb.InfoFile, m.Class)
	switch info.(type) {
	case *smb.BasicInfo, *smb.RenameInfo, *smb.RenameExInfo, *smb.DispositionInfo, *smb.DispositionExInfo, *smb.AllocationInfo,
		*smb.EndOfFileInfo, *smb.PositionInfo, *smb.ModeInfo:
	case *smb.LinkInfo, *smb.PipeInfo:
		return smb.StatusNotSupported
	case *smb.FullEAInfo:
		if o.access&smb.FileWriteEA == 0 {
			return smb.StatusAccessDenied
		}
		return smb.StatusEAsNotSupported
	default:
		return smb.StatusInvalidInfoClass
	}
	if size, _ := smb.InfoSize(smb.InfoFile, m.Class); len(m.Input) < size {
		return smb.StatusInfoLengthMismatch
	}
	if smb.ParseInfo(m.Input, info) != nil {
		return smb.StatusInvalidParameter
	}
	switch i := info.(type) {
	case *smb.BasicInfo:
		return r.setBasic(o, i)
	case *smb.RenameInfo:
		return r.rename(o, renaming{path: i.Name, root: i.RootDirectory, replace: i.ReplaceIfExists})
	case *smb.RenameExInfo:
		if i.Flags&^(smb.RenameReplaceIfExists|smb.RenameIgnoreReadonly) != 0 {
			return smb.StatusNotSupported
		}
		return r.rename(o, renaming{
			path: i.Name, root: i.RootDirectory,
			replace: i.Flags&smb.RenameReplaceIfExists != 0, replaceReadonly: i.Flags&smb.RenameIgnoreReadonly != 0,
		})
	case *smb.DispositionInfo:
		return r.setDisposition(o, i.DeletePending, false)
	case *smb.DispositionExInfo:
		if i.Flags&^(smb.DispositionDelete|smb.DispositionForceImageSectionCheck|smb.DispositionIgnoreReadonly) != 0 {
			return smb.StatusNotSupported
		}
		readonly := i.Flags&smb.DispositionIgnoreReadonly != 0 && o.access&smb.FileWriteAttributes != 0
		return r.setDisposition(o, i.Flags&smb.DispositionDelete != 0, readonly)
	case *smb.AllocationInfo:
		return r.setAllocation(o, i.Size)
	case *smb.EndOfFileInfo:
		return r.setEndOfFile(o, i.EndOfFile)
	case *smb.PositionInfo:
		return o.setPosition(i.Offset)
	case *smb.ModeInfo:
		return o.setMode(i.Mode)
	}
	return smb.StatusInvalidInfoClass
}

// setDisposition marks the file to be deleted when its last open closes, or
// takes that back, [MS-FSA] 2.1.5.15.3.
func (r *request) setDisposition(o *open, remove, readonly bool) smb.NTStatus {
	s, n := r.server(), o.node
	if o.access&smb.Delete == 0 {
		return smb.StatusAccessDenied
	}
	if !remove {
		n.deletePending = false
		return smb.StatusSuccess
	}
	for {
		switch {
		case n == n.volume.root:
			return smb.StatusAccessDenied
		case n.attrs&smb.AttributeReadonly != 0 && !readonly:
			return smb.StatusCannotDelete
		case len(n.children) > 0:
			return smb.StatusDirectoryNotEmpty
		}
		if !r.breakForRemove(n, o) {
			break
		}
		if status := r.awaitBreak(o, n); status != smb.StatusSuccess {
			return status
		}
	}
	n.deletePending = true
	s.endWatches(n)
	return smb.StatusSuccess
}

// mayResize checks what both ways to change a file's size need.
func (s *Server) mayResize(o *open) smb.NTStatus {
	switch {
	case o.node.dir:
		return smb.StatusInvalidParameter
	case o.access&smb.FileWriteData == 0:
		return smb.StatusAccessDenied
	}
	return smb.StatusSuccess
}

// setAllocation reserves space, or truncates the file, [MS-FSA] 2.1.5.15.1.
func (r *request) setAllocation(o *open, size uint64) smb.NTStatus {
	s, n := r.server(), o.node
	if status := s.mayResize(o); status != smb.StatusSuccess {
		return status
	}
	s.breakForChange(n, o)
	before := n.content.size()
	if status := n.content.setAllocation(size); status != smb.StatusSuccess {
		return status
	}
	if n.content.size() == before {
		o.noteChange(s.now())
		return smb.StatusSuccess
	}
	o.noteWrite(s.now())
	s.notifyChange(n.parent, n, changeSize)
	return smb.StatusSuccess
}

// setEndOfFile sets the length of the file, [MS-FSA] 2.1.5.15.5.
func (r *request) setEndOfFile(o *open, size uint64) smb.NTStatus {
	s, n := r.server(), o.node
	if status := s.mayResize(o); status != smb.StatusSuccess {
		return status
	}
	s.breakForChange(n, o)
	if status := n.content.truncate(size); status != smb.StatusSuccess {
		return status
	}
	o.noteWrite(s.now())
	s.notifyChange(n.parent, n, changeSize)
	return smb.StatusSuccess
}

// setPosition sets the position that is told with the open, and used for
// nothing, [MS-FSA] 2.1.5.15.10.
func (o *open) setPosition(offset uint64) smb.NTStatus {
	if offset > maxOffset || o.options&smb.NoIntermediateBuffering != 0 && offset%sectorSize != 0 {
		return smb.StatusInvalidParameter
	}
	o.position = offset
	return smb.StatusSuccess
}

// setMode changes how the open is used, [MS-FSA] 2.1.5.15.8. It makes no
// difference to files in memory.
func (o *open) setMode(mode smb.CreateOptions) smb.NTStatus {
	const synchronous = smb.SynchronousIOAlert | smb.SynchronousIONonalert
	switch {
	case mode&^(smb.WriteThrough|smb.SequentialOnly|synchronous) != 0,
		mode&synchronous == synchronous,
		(mode&synchronous != 0) != (o.options&synchronous != 0):
		return smb.StatusInvalidParameter
	}
	const settable = smb.WriteThrough | smb.SequentialOnly | synchronous
	o.options = o.options&^settable | mode&settable
	return smb.StatusSuccess
}
