package lab

import "err32/smb"

type oplockState struct{ level smb.OplockLevel }

type leaseID struct{ client, key smb.GUID }

type lease struct{}

// breakForOpen sends the breaks that a CREATE of n needs: before the rights are
// checked, and again when the share modes conflict. It reports whether the
// CREATE has to wait for them, until n changes.
func (s *Server) breakForOpen(r *request, n *node, m *smb.CreateRequest, access smb.AccessMask, conflict bool) (wait bool) {
	return false
}

// breakForChange breaks what others cache of n before o changes it or locks a range.
func (s *Server) breakForChange(n *node, o *open) {}

// grantCaching grants the oplock or lease that a CREATE asks for, as far as it can be.
func (s *Server) grantCaching(r *request, o *open, m *smb.CreateRequest, answer *smb.CreateResponse) {
}

// endCaching gives up what a closed open cached.
func (s *Server) endCaching(o *open) {}

func (r *request) oplockBreakAck(m *smb.OplockBreakAck) (smb.Message, smb.NTStatus) {
	return nil, smb.StatusNotSupported
}

func (r *request) leaseBreakAck(m *smb.LeaseBreakAck) (smb.Message, smb.NTStatus) {
	return nil, smb.StatusNotSupported
}
