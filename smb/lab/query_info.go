package lab

import "err32/smb"

// queryInfo answers QUERY_INFO, [MS-SMB2] 3.3.5.20.
func (r *request) queryInfo(m *smb.QueryInfoRequest) (smb.Message, smb.NTStatus) {
	o, status := r.fileOpen(m.FileID)
	if status != smb.StatusSuccess {
		return nil, status
	}
	if m.MaxOutput > r.conn.response.MaxTransactSize {
		return nil, smb.StatusInvalidParameter
	}
	var info smb.Info
	switch m.Type {
	case smb.InfoFile:
		info, status = r.fileInfo(o, m.Class)
	case smb.InfoFileSystem:
		info, status = r.fileSystemInfo(o, m.Class)
	case smb.InfoSecurity:
		return r.querySecurity(o, m)
	case infoQuota:
		return nil, smb.StatusNotSupported
	default:
		return nil, smb.StatusInvalidParameter
	}
	if status != smb.StatusSuccess {
		return nil, status
	}
	if size, _ := smb.InfoSize(m.Type, m.Class); int64(m.MaxOutput) < int64(size) {
		return nil, smb.StatusInfoLengthMismatch
	}
	out := smb.AppendInfo(nil, info)
	if int64(len(out)) > int64(m.MaxOutput) {
		return &smb.QueryInfoResponse{Output: out[:m.MaxOutput]}, smb.StatusBufferOverflow
	}
	return &smb.QueryInfoResponse{Output: out}, smb.StatusSuccess
}

// infoQuota is SMB2_0_INFO_QUOTA: a volume here has no quotas.
const infoQuota smb.InfoType = 4

// fileInfo returns what a file class says of the open, [MS-FSA] 2.1.5.12.
func (r *request) fileInfo(o *open, class uint8) (smb.Info, smb.NTStatus) {
	switch class {
	case smb.FileBasicInformation, smb.FileAllInformation, smb.FileNetworkOpenInformation, smb.FileAttributeTagInformation,
		smb.FilePipeInformation, smb.FilePipeLocalInformation:
		if o.access&smb.FileReadAttributes == 0 {
			return nil, smb.StatusAccessDenied
		}
	case smb.FileFullEaInformation:
		if o.access&smb.FileReadEA == 0 {
			return nil, smb.StatusAccessDenied
		}
	case smb.FileIdInformation:
		if r.conn.dialect < smb.SMB300 {
			return nil, smb.StatusNotSupported
		}
	case smb.FileNormalizedNameInformation:
		if r.conn.dialect < smb.SMB311 {
			return nil, smb.StatusNotSupported
		}
	}
	if o.pipe != nil {
		return pipeInfo(class)
	}
	n := o.node
	switch class {
	case smb.FileBasicInformation:
		return o.basicInfo(), smb.StatusSuccess
	case smb.FileStandardInformation:
		return o.standardInfo(), smb.StatusSuccess
	case smb.FileInternalInformation:
		return &smb.InternalInfo{FileID: n.id}, smb.StatusSuccess
	case smb.FileEaInformation:
		return &smb.EAInfo{}, smb.StatusSuccess
	case smb.FileAccessInformation:
		return &smb.AccessInfo{Access: o.access}, smb.StatusSuccess
	case smb.FilePositionInformation:
		return &smb.PositionInfo{Offset: o.position}, smb.StatusSuccess
	case smb.FileModeInformation:
		return &smb.ModeInfo{Mode: o.options & smb.ModeOptions}, smb.StatusSuccess
	case smb.FileAlignmentInformation:
		return &smb.AlignmentInfo{}, smb.StatusSuccess
	case smb.FileAllInformation:
		return o.allInfo(), smb.StatusSuccess
	case smb.FileNormalizedNameInformation:
		return &smb.NormalizedNameInfo{Name: n.path()}, smb.StatusSuccess
	case smb.FileAlternateNameInformation:
		if n == n.volume.root {
			return nil, smb.StatusObjectNameNotFound
		}
		return &smb.AlternateNameInfo{Name: n.shortName()}, smb.StatusSuccess
	case smb.FileStreamInformation:
		return n.streamInfo(), smb.StatusSuccess
	case smb.FileCompressionInformation:
		return &smb.CompressionInfo{Size: n.content.size()}, smb.StatusSuccess
	case smb.FileNetworkOpenInformation:
		return &smb.NetworkOpenInfo{
			Times: n.times(), AllocationSize: n.content.allocation(), EndOfFile: n.content.size(), Attributes: n.attributes(),
		}, smb.StatusSuccess
	case smb.FileAttributeTagInformation:
		return &smb.AttributeTagInfo{Attributes: n.attributes()}, smb.StatusSuccess
	case smb.FileIdInformation:
		return o.idInfo(), smb.StatusSuccess
	case smb.FileFullEaInformation:
		return nil, smb.StatusNoEAsOnFile
	case smb.FileNameInformation: // for local callers only, [MS-FSA] 2.1.5.12.19
		return nil, smb.StatusNotSupported
	case smb.FilePipeInformation, smb.FilePipeLocalInformation:
		return nil, smb.StatusInvalidParameter
	}
	return nil, smb.StatusInvalidInfoClass
}

func (o *open) basicInfo() *smb.BasicInfo {
	return &smb.BasicInfo{Times: o.node.times(), Attributes: o.node.attributes()}
}

func (o *open) standardInfo() *smb.StandardInfo {
	n := o.node
	info := &smb.StandardInfo{AllocationSize: n.content.allocation(), EndOfFile: n.content.size(), Links: 1, Directory: n.dir}
	if n.deletePending {
		info.Links, info.DeletePending = 0, true
	}
	return info
}

// allInfo has the path with a backslash before it, as Windows had it before it
// came to leave it out, and as Samba has it.
func (o *open) allInfo() *smb.AllInfo {
	return &smb.AllInfo{
		Basic: *o.basicInfo(), Standard: *o.standardInfo(), Internal: smb.InternalInfo{FileID: o.node.id},
		Access: smb.AccessInfo{Access: o.access}, Position: smb.PositionInfo{Offset: o.position},
		Mode: smb.ModeInfo{Mode: o.options & smb.ModeOptions}, Name: smb.NameInfo{Name: `\` + o.node.path()},
	}
}

func (o *open) idInfo() *smb.IDInfo {
	info := &smb.IDInfo{VolumeSerialNumber: uint64(o.share.serial())}
	for i := range 8 { // FileId128 is FileId64 with zeros behind
		info.FileID[i] = byte(o.node.id >> (8 * i))
	}
	return info
}

// streamInfo lists the one stream of a file; a directory has none.
func (n *node) streamInfo() *smb.StreamInfo {
	if n.dir {
		return &smb.StreamInfo{}
	}
	return &smb.StreamInfo{Streams: []smb.Stream{{Size: n.content.size(), AllocationSize: n.content.allocation(), Name: "::$DATA"}}}
}

// pipeInfo answers for a named pipe, [MS-SMB2] 3.3.5.20.1.
func pipeInfo(class uint8) (smb.Info, smb.NTStatus) {
	switch class {
	case smb.FileStandardInformation: // a pipe counts as one to be deleted
		return &smb.StandardInfo{AllocationSize: pipeQuota, Links: 1, DeletePending: true}, smb.StatusSuccess
	case smb.FilePipeInformation:
		return &smb.PipeInfo{ReadMode: smb.PipeMessageMode}, smb.StatusSuccess
	case smb.FilePipeLocalInformation:
		return &smb.PipeLocalInfo{
			Type: smb.PipeMessageMode, Configuration: smb.PipeFullDuplex, MaximumInstances: ^uint32(0), CurrentInstances: 1,
			InboundQuota: pipeQuota, OutboundQuota: pipeQuota, WriteQuotaAvailable: pipeQuota, State: smb.PipeConnected,
		}, smb.StatusSuccess
	}
	return nil, smb.StatusNotSupported
}

// pipeQuota is the size, in bytes, that a pipe says its buffers have.
const pipeQuota = 4096
