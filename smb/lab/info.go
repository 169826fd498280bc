package lab

import "err32/smb"

type listing struct{}

func (r *request) queryDirectory(m *smb.QueryDirectoryRequest) (smb.Message, smb.NTStatus) {
	return nil, smb.StatusNotSupported
}

func (r *request) queryInfo(m *smb.QueryInfoRequest) (smb.Message, smb.NTStatus) {
	return nil, smb.StatusNotSupported
}

func (r *request) setInfo(m *smb.SetInfoRequest) (smb.Message, smb.NTStatus) {
	return nil, smb.StatusNotSupported
}
