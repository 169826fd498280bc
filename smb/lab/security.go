package lab

import "err32/smb"

// querySecurity answers a QUERY_INFO for the security descriptor, [MS-SMB2]
// 3.3.5.20.3 and [MS-FSA] 2.1.5.14. All files of a share have the same: what
// the share lets users do.
func (r *request) querySecurity(o *open, m *smb.QueryInfoRequest) (smb.Message, smb.NTStatus) {
	if o.pipe != nil {
		return nil, smb.StatusNotSupported
	}
	parts := m.Additional
	switch {
	case parts&(smb.OwnerSecurity|smb.GroupSecurity|smb.DACLSecurity|smb.LabelSecurity) != 0 && o.access&smb.ReadControl == 0,
		parts&smb.SACLSecurity != 0 && o.access&smb.AccessSystem == 0:
		return nil, smb.StatusAccessDenied
	}
	var sd smb.SecurityDescriptor
	if parts&smb.OwnerSecurity != 0 {
		sd.Owner = smb.SIDAdministrators
	}
	if parts&smb.GroupSecurity != 0 {
		sd.Group = smb.SIDUsers
	}
	if parts&smb.DACLSecurity != 0 {
		sd.DACL = o.share.accessList(o.node.dir)
	}
	out := sd.AppendTo(nil)
	if int64(len(out)) > int64(m.MaxOutput) {
		return smb.BufferTooSmall(smb.CommandQueryInfo, r.conn.dialect, uint32(len(out))), smb.StatusBufferTooSmall
	}
	return &smb.QueryInfoResponse{Output: out}, smb.StatusSuccess
}

// accessList is what the share lets users do with a file or directory, as a
// DACL.
func (s *share) accessList(dir bool) []smb.ACE {
	var flags smb.ACEFlags
	if dir {
		flags = smb.ObjectInheritACE | smb.ContainerInheritACE
	}
	most := allAccess
	if s.ReadOnly {
		most = readAccess
	}
	list := []smb.ACE{{Type: smb.AccessAllowedACE, Flags: flags, Mask: most, SID: smb.SIDEveryone}}
	if s.ReadOnly {
		list = append(list, smb.ACE{Type: smb.AccessAllowedACE, Flags: flags, Mask: allAccess, SID: smb.SIDAdministrators})
	}
	return list
}

// setSecurity refuses a SET_INFO of the security descriptor: the files have
// none of their own, and to take one without keeping to it would be a lie,
// [MS-FSA] 2.1.5.17.
func (r *request) setSecurity(o *open, m *smb.SetInfoRequest) smb.NTStatus {
	parts := m.Additional
	switch {
	case parts&(smb.OwnerSecurity|smb.GroupSecurity|smb.LabelSecurity) != 0 && o.access&smb.WriteOwner == 0,
		parts&smb.DACLSecurity != 0 && o.access&smb.WriteDAC == 0,
		parts&smb.SACLSecurity != 0 && o.access&smb.AccessSystem == 0:
		return smb.StatusAccessDenied
	}
	return smb.StatusInvalidDeviceRequest
}
