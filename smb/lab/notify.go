package lab

import "err32/smb"

type watch struct{}

type changeKind int

const (
	changeAdded changeKind = iota
	changeRemoved
	changeModified
)

func (s *Server) notifyChange(parent, n *node, kind changeKind) {}

func (s *Server) endWatch(o *open) {}

func (r *request) changeNotify(m *smb.ChangeNotifyRequest) (smb.Message, smb.NTStatus) {
	return nil, smb.StatusNotSupported
}
