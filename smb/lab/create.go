package lab

import (
	"slices"
	"strings"

	"err32/smb"
)

// create opens or creates a file, directory or pipe, [MS-SMB2] 3.3.5.9 and
// [MS-FSA] 2.1.5.1. The checks come in the order the specification gives:
// parameters, path and delete-pending, breaks of batch oplocks, rights, share
// modes.
func (r *request) create(m *smb.CreateRequest) (smb.Message, smb.NTStatus) {
	if r.tree.share.volume == nil {
		if r.server().full() {
			return nil, smb.StatusInsufficientResources
		}
		return r.openPipe(m)
	}
	c := &creation{request: r, m: m, most: r.tree.maximalAccess()}
	var status smb.NTStatus
	if c.lease, status = r.leaseRequested(m); status != smb.StatusSuccess {
		return nil, status
	}
	if c.durable, status = r.durableRequested(m); status != smb.StatusSuccess {
		return nil, status
	}
	answer, status := c.run()
	if status != smb.StatusSuccess {
		return nil, status
	}
	id := answer.FileID
	r.chain.fileID = &id
	return answer, status
}

// run gives the client back what it has open, or opens anew.
func (c *creation) run() (*smb.CreateResponse, smb.NTStatus) {
	if c.durable.reclaim || c.durable.reclaimV2 {
		return c.claimDurable(c.m, c.durable) // whatever else it asks for
	}
	if status := checkCreate(c.m); status != smb.StatusSuccess {
		return nil, status
	}
	if status := checkContexts(c.m); status != smb.StatusSuccess {
		return nil, status
	}
	if c.durable.v2 {
		if answer, status := c.duplicates(c.durable); answer != nil || status != smb.StatusSuccess {
			return answer, status
		}
	}
	if c.m.Options&smb.NoIntermediateBuffering != 0 {
		c.m.Access &^= smb.FileAppendData // [MS-SMB2] 3.3.5.9
	}
	c.access = expand(c.m.Access, c.most)
	for {
		answer, status, retry := c.try()
		if !retry {
			return answer, status
		}
		if c.session.ended || c.session.trees[c.tree.id] != c.tree {
			return nil, smb.StatusCancelled
		}
	}
}

// full reports whether the open table holds all it may.
func (s *Server) full() bool { return len(s.opens) >= s.Limits.Opens }

// checkContexts checks the create contexts that matter to every CREATE.
func checkContexts(m *smb.CreateRequest) smb.NTStatus {
	if _, _, err := m.AllocationSize(); err != nil {
		return smb.StatusInvalidParameter
	}
	if _, _, err := m.MaximalAccess(); err != nil {
		return smb.StatusInvalidParameter
	}
	if _, err := m.OnDiskID(); err != nil {
		return smb.StatusInvalidParameter
	}
	switch _, earlier, err := m.Timewarp(); {
	case err != nil:
		return smb.StatusInvalidParameter
	case earlier:
		return smb.StatusObjectNameNotFound // there are no snapshots, [MS-SMB2] 3.3.5.9.4
	}
	return smb.StatusSuccess
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

// creation is a CREATE under way.
type creation struct {
	*request
	m       *smb.CreateRequest
	lease   *leaseRequest // nil for none
	durable durableRequest
	most    smb.AccessMask // that the user may have
	access  smb.AccessMask // that is asked for
}

// try runs a CREATE once. With retry the request has waited for a break, and
// everything is to be looked at again.
func (c *creation) try() (answer *smb.CreateResponse, status smb.NTStatus, retry bool) {
	if c.server().full() {
		return nil, smb.StatusInsufficientResources, false
	}
	n, parent, leaf, status := c.tree.share.volume.lookup(c.m.Name)
	if status != smb.StatusSuccess && (n != nil || parent == nil || status != smb.StatusObjectNameNotFound) {
		return nil, status, false
	}
	if !c.server().leaseKeyFits(c.lease, n) {
		return nil, smb.StatusInvalidParameter, false
	}
	if n == nil {
		answer, status = c.createNew(parent, leaf)
		return answer, status, false
	}
	return c.openExisting(n)
}

// openExisting opens a file or directory, [MS-FSA] 2.1.5.1.2.
func (c *creation) openExisting(n *node) (answer *smb.CreateResponse, status smb.NTStatus, retry bool) {
	s, m := c.server(), c.m
	if status := c.checkKind(n); status != smb.StatusSuccess {
		return nil, status, false
	}
	c.closeInstance(n, c.durable)
	c.flushFor(n)
	if s.breakBatch(n, c.lease, m, sharedAccess(c.access, m.Disposition)) {
		return c.waitForBreak(n)
	}
	if status := c.checkAccess(n); status != smb.StatusSuccess {
		return nil, status, false
	}
	access := sharedAccess(c.access, m.Disposition)
	if m.Options&smb.DeleteOnClose != 0 || n.conflict(access, m.Share) != nil {
		if s.breakHandles(n, c.lease) {
			return c.waitForBreak(n)
		}
	}
	if n.conflict(access, m.Share) != nil {
		return nil, smb.StatusSharingViolation, false
	}
	if s.breakForOpen(n, c.lease, m, access) {
		return c.waitForBreak(n)
	}
	if n.removed {
		return nil, 0, true // with a durable open that was in the way
	}
	action := smb.Opened
	if overwrites(m.Disposition) {
		if status := c.overwrite(n); status != smb.StatusSuccess {
			return nil, status, false
		}
		action = smb.Overwritten
		if m.Disposition == smb.Supersede {
			action = smb.Superseded
		}
	}
	return c.opened(n, action), smb.StatusSuccess, false
}

// checkKind checks whether the CREATE can be one of what is there.
func (c *creation) checkKind(n *node) smb.NTStatus {
	m := c.m
	switch {
	case n.deletePending:
		return smb.StatusDeletePending
	case m.Disposition == smb.CreateFile:
		return smb.StatusObjectNameCollision
	case n.dir && m.Options&smb.NonDirectoryFile != 0:
		return smb.StatusFileIsADirectory
	case !n.dir && m.Options&smb.DirectoryFile != 0:
		return smb.StatusNotADirectory
	case overwrites(m.Disposition) && n.dir && n.parent == nil:
		return smb.StatusAccessDenied
	case overwrites(m.Disposition) && n.dir:
		return smb.StatusObjectNameCollision
	}
	return smb.StatusSuccess
}

// flushFor sends the answers that precede the CREATE in its chain if the client
// itself may cache something of the file: it could not know what a break is
// about before it has the answer that granted that.
func (c *creation) flushFor(n *node) {
	for _, o := range n.opens {
		if o.lease != nil && o.session != nil && o.session.conn == c.conn {
			c.chain.flush()
			return
		}
	}
}

// waitForBreak waits until something changes about the file.
func (c *creation) waitForBreak(n *node) (answer *smb.CreateResponse, status smb.NTStatus, retry bool) {
	switch c.wait(n.change(), -1) {
	case waitDone, waitTimeout:
		return nil, 0, true
	case waitCancelled:
		return nil, smb.StatusCancelled, false
	case waitRefused:
		return nil, c.refused(), false
	}
	return nil, smb.StatusCancelled, false
}

func overwrites(d smb.Disposition) bool {
	return d == smb.Supersede || d == smb.Overwrite || d == smb.OverwriteIf
}

// sharedAccess is the access that the share modes of other opens must allow:
// to overwrite a file is to write it, to supersede it to delete it.
func sharedAccess(access smb.AccessMask, d smb.Disposition) smb.AccessMask {
	switch {
	case d == smb.Supersede:
		return access | smb.Delete
	case overwrites(d):
		return access | smb.FileWriteData
	}
	return access
}

// checkAccess checks the user's rights and the read-only attribute,
// [MS-FSA] 2.1.5.1.2.1.
func (c *creation) checkAccess(n *node) smb.NTStatus {
	m, access := c.m, c.access
	if access&smb.AccessSystem != 0 {
		if !c.session.admin() {
			return smb.StatusPrivilegeNotHeld
		}
		access &^= smb.AccessSystem
	}
	if access&^c.most != 0 || overwrites(m.Disposition) && c.most&smb.FileWriteData == 0 {
		return smb.StatusAccessDenied
	}
	if n.attrs&smb.AttributeReadonly != 0 && !n.dir {
		if expand(m.Access&^smb.MaximumAllowed, 0)&(smb.FileWriteData|smb.FileAppendData) != 0 || overwrites(m.Disposition) {
			return smb.StatusAccessDenied
		}
		if m.Options&smb.DeleteOnClose != 0 {
			return smb.StatusCannotDelete
		}
		if m.Access&smb.MaximumAllowed != 0 {
			c.access &^= smb.FileWriteData | smb.FileAppendData
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
func (c *creation) createNew(parent *node, leaf string) (*smb.CreateResponse, smb.NTStatus) {
	m, dir := c.m, c.m.Options&smb.DirectoryFile != 0
	_, eas := smb.FindContext(m.Contexts, smb.ContextEAs)
	switch {
	case m.Disposition == smb.OpenFile, m.Disposition == smb.Overwrite:
		return nil, smb.StatusObjectNameNotFound
	case c.access&smb.AccessSystem != 0 && !c.session.admin():
		return nil, smb.StatusPrivilegeNotHeld
	case c.access&^(c.most|smb.AccessSystem) != 0, c.most&smb.FileWriteData == 0:
		return nil, smb.StatusAccessDenied
	case m.Attributes&smb.AttributeReadonly != 0 && m.Options&smb.DeleteOnClose != 0:
		return nil, smb.StatusCannotDelete
	case eas:
		return nil, smb.StatusEAsNotSupported
	case !dir && strings.HasSuffix(m.Name, `\`):
		return nil, smb.StatusObjectNameInvalid
	}
	v := c.tree.share.volume
	n, status := v.create(parent, leaf, dir, m.Attributes)
	if status != smb.StatusSuccess {
		return nil, status
	}
	if status := c.allocate(n); status != smb.StatusSuccess {
		v.remove(n)
		return nil, status
	}
	c.server().notifyChange(parent, n, changeAdded)
	return c.opened(n, smb.Created), smb.StatusSuccess
}

// allocate reserves what the CREATE asks for in a file that is empty.
func (c *creation) allocate(n *node) smb.NTStatus {
	size, ok, _ := c.m.AllocationSize()
	if !ok || n.dir {
		return smb.StatusSuccess
	}
	return n.content.setAllocation(size)
}

// overwrite empties a file that is opened for it, [MS-FSA] 2.1.5.1.2.
func (c *creation) overwrite(n *node) smb.NTStatus {
	if status := n.content.truncate(0); status != smb.StatusSuccess {
		return status
	}
	n.content.trimAllocation()
	if status := c.allocate(n); status != smb.StatusSuccess {
		return status
	}
	n.attrs = c.m.Attributes&settableAttributes | smb.AttributeArchive
	n.touch()
	c.server().notifyChange(n.parent, n, changeModified)
	return smb.StatusSuccess
}

// opened enters the open into the open table, grants what the CREATE asked for
// besides it, and answers.
func (c *creation) opened(n *node, action smb.CreateAction) *smb.CreateResponse {
	s, m := c.server(), c.m
	o := &open{
		session: c.session, tree: c.tree, share: c.tree.share, node: n,
		access: c.access, sharing: m.Share, options: m.Options, deleteOnClose: m.Options&smb.DeleteOnClose != 0,
	}
	s.addOpen(o)
	answer := &smb.CreateResponse{Action: action}
	s.grantCaching(o, c.lease, m, answer)
	s.grantDurability(c.request, o, c.durable, answer)
	c.answerContexts(o, answer)
	o.describe(answer)
	return answer
}

// describe fills in what CREATE tells about the file.
func (o *open) describe(answer *smb.CreateResponse) {
	n := o.node
	answer.FileID = o.id
	answer.Times = n.times()
	answer.AllocationSize, answer.EndOfFile = n.content.allocation(), n.content.size()
	answer.Attributes = n.attributes()
}

// answerContexts answers the create contexts that ask something.
func (c *creation) answerContexts(o *open, answer *smb.CreateResponse) {
	if since, ok, _ := c.m.MaximalAccess(); ok {
		most := smb.MaximalAccess{Access: c.most}
		if since != 0 && since == fileTime(o.node.changed) {
			most = smb.MaximalAccess{Status: smb.StatusNoneMapped} // [MS-SMB2] 3.3.5.9.5
		}
		answer.Contexts = append(answer.Contexts, most.Context())
	}
	if ok, _ := c.m.OnDiskID(); ok {
		answer.Contexts = append(answer.Contexts, smb.OnDiskID{File: o.node.id, Volume: volumeID}.Context())
	}
}
