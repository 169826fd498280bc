package lab

import (
	"slices"

	"err32/smb"
)

// create opens or creates a file, directory or pipe, [MS-SMB2] 3.3.5.9 and
// [MS-FSA] 2.1.5.1. The checks come in the order the specification gives:
// parameters, path and delete-pending, breaks of batch oplocks, rights, share
// modes.
func (r *request) create(m *smb.CreateRequest) (smb.Message, smb.NTStatus) {
	s := r.server()
	if len(s.opens) >= s.Limits.Opens {
		return nil, smb.StatusInsufficientResources
	}
	if r.tree.share.volume == nil {
		return r.openPipe(m)
	}
	if status := checkCreate(m); status != smb.StatusSuccess {
		return nil, status
	}
	if o, answer, status := r.claimDurable(m); o != nil || status != smb.StatusSuccess {
		return answer, status
	}
	for {
		answer, status, retry := r.tryCreate(m)
		if !retry && answer == nil {
			return nil, status
		}
		if !retry {
			return answer, status
		}
		if r.session.ended || r.session.trees[r.tree.id] != r.tree {
			return nil, smb.StatusCancelled
		}
	}
}

// The create options by what they mean for the lab.
const (
	optionsNotSupported = smb.OpenByFileID | smb.ReserveOpfilter
	optionsKnown        = smb.CreateOptions(0x00FFFFFF)
)

// reservedAccess are the access bits that nothing defines.
const reservedAccess smb.AccessMask = 0x0CE0FE00

// checkCreate checks a CREATE by itself.
func checkCreate(m *smb.CreateRequest) smb.NTStatus {
	switch {
	case m.Access == 0, m.Access&reservedAccess != 0:
		return smb.StatusAccessDenied
	case m.Share&^(smb.ShareRead|smb.ShareWrite|smb.ShareDelete) != 0,
		m.Disposition > smb.OverwriteIf,
		m.Options&^optionsKnown != 0,
		m.Options&smb.DirectoryFile != 0 && m.Options&smb.NonDirectoryFile != 0,
		m.Options&smb.DeleteOnClose != 0 && m.Access&(smb.Delete|smb.GenericAll|smb.MaximumAllowed) == 0:
		return smb.StatusInvalidParameter
	case m.Options&smb.DirectoryFile != 0 && !slices.Contains([]smb.Disposition{smb.OpenFile, smb.CreateFile, smb.OpenIf}, m.Disposition):
		return smb.StatusInvalidParameter
	case m.Options&optionsNotSupported != 0:
		return smb.StatusNotSupported
	case len(m.Name) > 0 && m.Name[0] == '\\':
		return smb.StatusInvalidParameter
	}
	return smb.StatusSuccess
}

// expand turns generic bits and MAXIMUM_ALLOWED into what they stand for,
// [MS-SMB2] 2.2.13.1.1.
func expand(access, most smb.AccessMask) smb.AccessMask {
	for _, g := range []struct{ bit, means smb.AccessMask }{
		{smb.GenericRead, 0x00120089}, {smb.GenericWrite, 0x00120116}, {smb.GenericExecute, 0x001200A0}, {smb.GenericAll, allAccess},
		{smb.MaximumAllowed, most},
	} {
		if access&g.bit != 0 {
			access = access&^g.bit | g.means
		}
	}
	return access
}

// tryCreate runs a CREATE once. With retry the request has waited for a break,
// and everything is to be looked at again.
func (r *request) tryCreate(m *smb.CreateRequest) (answer *smb.CreateResponse, status smb.NTStatus, retry bool) {
	s, v := r.server(), r.tree.share.volume
	n, parent, leaf, status := v.lookup(m.Name)
	if status != smb.StatusSuccess && (n != nil || parent == nil || status != smb.StatusObjectNameNotFound) {
		return nil, status, false
	}
	most := r.tree.maximalAccess()
	access := expand(m.Access, most)
	if n == nil {
		o, status := r.createNew(m, parent, leaf, access)
		if status != smb.StatusSuccess {
			return nil, status, false
		}
		return s.opened(r, o, m, smb.Created), smb.StatusSuccess, false
	}

	// [MS-FSA] 2.1.5.1.2: the file is there.
	switch {
	case n.deletePending:
		return nil, smb.StatusDeletePending, false
	case m.Disposition == smb.CreateFile:
		return nil, smb.StatusObjectNameCollision, false
	case n.dir && m.Options&smb.NonDirectoryFile != 0:
		return nil, smb.StatusFileIsADirectory, false
	case !n.dir && m.Options&smb.DirectoryFile != 0:
		return nil, smb.StatusNotADirectory, false
	case n.dir && m.Disposition != smb.OpenFile && m.Disposition != smb.OpenIf:
		return nil, smb.StatusObjectNameCollision, false
	}
	if wait := s.breakForOpen(r, n, m, access, false); wait {
		return r.waitForBreak(n)
	}
	if status := checkAccess(r, n, m, access, most); status != smb.StatusSuccess {
		return nil, status, false
	}
	if m.Access&smb.MaximumAllowed != 0 && n.attrs&smb.AttributeReadonly != 0 {
		access &^= smb.FileWriteData | smb.FileAppendData
	}
	if conflict := n.conflict(sharedAccess(access, m.Disposition), m.Share); conflict != nil {
		if wait := s.breakForOpen(r, n, m, access, true); wait {
			return r.waitForBreak(n)
		}
		if conflict = n.conflict(sharedAccess(access, m.Disposition), m.Share); conflict != nil {
			return nil, smb.StatusSharingViolation, false
		}
	}
	action := smb.Opened
	if overwrites(m.Disposition) {
		if status := r.overwrite(n, m); status != smb.StatusSuccess {
			return nil, status, false
		}
		action = smb.Overwritten
		if m.Disposition == smb.Supersede {
			action = smb.Superseded
		}
	}
	return s.opened(r, r.newOpen(n, m, access), m, action), smb.StatusSuccess, false
}

// waitForBreak waits until something changes about the file.
func (r *request) waitForBreak(n *node) (answer *smb.CreateResponse, status smb.NTStatus, retry bool) {
	switch r.wait(n.change(), -1) {
	case waitDone, waitTimeout:
		return nil, 0, true
	case waitCancelled:
		return nil, smb.StatusCancelled, false
	case waitRefused:
		return nil, smb.StatusInsufficientResources, false
	}
	return nil, smb.StatusCancelled, false
}

func overwrites(d smb.Disposition) bool {
	return d == smb.Supersede || d == smb.Overwrite || d == smb.OverwriteIf
}

// sharedAccess is the access that the share modes of other opens must allow:
// an overwrite is a write.
func sharedAccess(access smb.AccessMask, d smb.Disposition) smb.AccessMask {
	if overwrites(d) {
		access |= smb.FileWriteData
	}
	return access
}

// checkAccess checks the user's rights and the read-only attribute,
// [MS-FSA] 2.1.5.1.2.1.
func checkAccess(r *request, n *node, m *smb.CreateRequest, access, most smb.AccessMask) smb.NTStatus {
	if access&smb.AccessSystem != 0 {
		if !r.session.admin() {
			return smb.StatusPrivilegeNotHeld
		}
		access &^= smb.AccessSystem
	}
	if access&^most != 0 || overwrites(m.Disposition) && most&smb.FileWriteData == 0 {
		return smb.StatusAccessDenied
	}
	if n.attrs&smb.AttributeReadonly != 0 && !n.dir {
		if expand(m.Access&^smb.MaximumAllowed, 0)&(smb.FileWriteData|smb.FileAppendData) != 0 || overwrites(m.Disposition) {
			return smb.StatusAccessDenied
		}
		if m.Options&smb.DeleteOnClose != 0 {
			return smb.StatusCannotDelete
		}
	}
	if overwrites(m.Disposition) && !attributesKept(n.attrs, m.Attributes) {
		return smb.StatusAccessDenied
	}
	return smb.StatusSuccess
}

// attributesKept reports whether an overwrite names the hidden and system
// attributes that the file has, [MS-FSA] 2.1.5.1.2.
func attributesKept(have, given smb.FileAttributes) bool {
	const kept = smb.AttributeHidden | smb.AttributeSystem
	return have&kept&^given == 0
}

// conflict returns an open whose share mode an open with this access and share
// mode would violate, or nil, [MS-FSA] 2.1.5.1.2.2.
func (n *node) conflict(access smb.AccessMask, sharing smb.ShareAccess) *open {
	for _, o := range n.opens {
		if smb.Conflicts(access, sharing, o.access, o.sharing) {
			return o
		}
	}
	return nil
}

// createNew creates a file or directory and opens it, [MS-FSA] 2.1.5.1.1.
func (r *request) createNew(m *smb.CreateRequest, parent *node, leaf string, access smb.AccessMask) (*open, smb.NTStatus) {
	switch m.Disposition {
	case smb.OpenFile, smb.Overwrite:
		return nil, smb.StatusObjectNameNotFound
	}
	most := r.tree.maximalAccess()
	switch {
	case access&smb.AccessSystem != 0 && !r.session.admin():
		return nil, smb.StatusPrivilegeNotHeld
	case access&^(most|smb.AccessSystem) != 0, most&smb.FileWriteData == 0:
		return nil, smb.StatusAccessDenied
	case m.Attributes&smb.AttributeReadonly != 0 && m.Options&smb.DeleteOnClose != 0:
		return nil, smb.StatusCannotDelete
	case parent.deletePending:
		return nil, smb.StatusDeletePending
	}
	n, status := r.tree.share.volume.create(parent, leaf, m.Options&smb.DirectoryFile != 0, newAttributes(m.Attributes))
	if status != smb.StatusSuccess {
		return nil, status
	}
	r.server().notifyChange(parent, n, changeAdded)
	return r.newOpen(n, m, access), smb.StatusSuccess
}

// newAttributes are the attributes that a client may give a file at its birth.
func newAttributes(a smb.FileAttributes) smb.FileAttributes {
	return a&(smb.AttributeReadonly|smb.AttributeHidden|smb.AttributeSystem|smb.AttributeArchive|smb.AttributeTemporary|
		smb.AttributeOffline|smb.AttributeNotContentIndexed) | smb.AttributeArchive
}

// overwrite empties a file that is opened for it, [MS-FSA] 2.1.5.1.2.
func (r *request) overwrite(n *node, m *smb.CreateRequest) smb.NTStatus {
	if status := n.content.truncate(0); status != smb.StatusSuccess {
		return status
	}
	n.attrs = newAttributes(m.Attributes)
	n.touch()
	r.server().notifyChange(n.parent, n, changeModified)
	return smb.StatusSuccess
}

// newOpen enters an open of n into the open table.
func (r *request) newOpen(n *node, m *smb.CreateRequest, access smb.AccessMask) *open {
	o := &open{
		session: r.session, tree: r.tree, share: r.tree.share, node: n, path: n.path(),
		access: access, sharing: m.Share, options: m.Options, deleteOnClose: m.Options&smb.DeleteOnClose != 0,
	}
	r.server().addOpen(o)
	return o
}

// opened grants what the CREATE asked for besides the open, and answers it.
func (s *Server) opened(r *request, o *open, m *smb.CreateRequest, action smb.CreateAction) *smb.CreateResponse {
	id := o.id
	r.chain.fileID = &id
	answer := &smb.CreateResponse{Action: action}
	s.grantCaching(r, o, m, answer)
	s.grantDurability(r, o, m, answer)
	r.answerContexts(o, m, answer)
	o.describe(answer)
	return answer
}

// describe fills in what CREATE tells about the file.
func (o *open) describe(answer *smb.CreateResponse) {
	answer.FileID = o.id
	if n := o.node; n != nil {
		answer.Times = n.times()
		answer.AllocationSize, answer.EndOfFile = n.content.allocation(), n.content.size()
		answer.Attributes = n.attributes()
	}
}

// answerContexts answers the create contexts that ask something.
func (r *request) answerContexts(o *open, m *smb.CreateRequest, answer *smb.CreateResponse) {
	for _, c := range m.Contexts {
		switch c.Name {
		case smb.ContextMaximalAccess:
			answer.Contexts = append(answer.Contexts, smb.MaximalAccess{Access: r.tree.maximalAccess()}.Context())
		case smb.ContextOnDiskID:
			answer.Contexts = append(answer.Contexts, smb.OnDiskID{File: o.node.id, Volume: volumeID}.Context())
		}
	}
}
