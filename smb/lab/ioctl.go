package lab

import (
	"err32/smb"
)

// ioctl runs a file system control, [MS-SMB2] 3.3.5.15.
func (r *request) ioctl(m *smb.IOCTLRequest) (smb.Message, smb.NTStatus) {
	answer := &smb.IOCTLResponse{Code: m.Code, FileID: m.FileID}
	if m.MaxOutput > r.conn.response.MaxTransactSize || len(m.Input) > int(r.conn.response.MaxTransactSize) {
		return nil, smb.StatusInvalidParameter
	}
	switch m.Code {
	case smb.FSCTLValidateNegotiateInfo:
		out, ok := r.validateNegotiate(m.Input)
		if !ok || int(m.MaxOutput) < len(out) {
			// Somebody in between changed the NEGOTIATE: not worth an answer.
			r.server().endConn(r.conn, errProtocol)
			return nil, smb.StatusAccessDenied
		}
		answer.Output = out
		return answer, smb.StatusSuccess
	case smb.FSCTLPipeTransceive:
		o, status := r.fileOpen(m.FileID)
		if status != smb.StatusSuccess {
			return nil, status
		}
		if o.pipe == nil {
			return nil, smb.StatusInvalidDeviceRequest
		}
		answer.FileID = o.id
		if o.pipe.rpc.Write(m.Input) != nil {
			return nil, smb.StatusPipeDisconnected
		}
		answer.Output, status = r.takePipe(o, int(m.MaxOutput))
		if answer.Output == nil {
			return nil, status
		}
		return answer, status
	case smb.FSCTLDFSGetReferrals, smb.FSCTLDFSGetReferralsEx:
		return nil, smb.StatusFSDriverRequired // no DFS here
	case smb.FSCTLPipeWait:
		return answer, smb.StatusSuccess
	}
	if m.FileID != smb.RelatedFileID {
		if _, status := r.fileOpen(m.FileID); status != smb.StatusSuccess {
			return nil, status
		}
	}
	return nil, smb.StatusInvalidDeviceRequest
}
