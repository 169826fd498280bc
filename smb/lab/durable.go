package lab

import "err32/smb"

type durability struct{}

// claimDurable runs a CREATE that reconnects a durable open. All nil: it does not.
func (r *request) claimDurable(m *smb.CreateRequest) (*open, smb.Message, smb.NTStatus) {
	return nil, nil, smb.StatusSuccess
}

// grantDurability makes the new open durable if the CREATE asks for it and may have it.
func (s *Server) grantDurability(r *request, o *open, m *smb.CreateRequest, answer *smb.CreateResponse) {
}

// disconnectOpen takes an open that stays from its session; others are left alone.
func (s *Server) disconnectOpen(o *open) {}

// endDurability stops what waits for a closed open to be claimed.
func (s *Server) endDurability(o *open) {}
