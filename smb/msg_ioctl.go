package smb

// The control codes that a server meets, [MS-SMB2] 2.2.31 and [MS-FSCC] 2.3.
const (
	FSCTLDFSGetReferrals           uint32 = 0x00060194 // FSCTL_DFS_GET_REFERRALS
	FSCTLDFSGetReferralsEx         uint32 = 0x000601B0 // FSCTL_DFS_GET_REFERRALS_EX
	FSCTLIsPathnameValid           uint32 = 0x0009002C // FSCTL_IS_PATHNAME_VALID
	FSCTLGetCompression            uint32 = 0x0009003C // FSCTL_GET_COMPRESSION
	FSCTLFilesystemGetStatistics   uint32 = 0x00090060 // FSCTL_FILESYSTEM_GET_STATISTICS
	FSCTLGetNTFSVolumeData         uint32 = 0x00090064 // FSCTL_GET_NTFS_VOLUME_DATA
	FSCTLGetRetrievalPointers      uint32 = 0x00090073 // FSCTL_GET_RETRIEVAL_POINTERS
	FSCTLSetObjectID               uint32 = 0x00090098 // FSCTL_SET_OBJECT_ID
	FSCTLGetObjectID               uint32 = 0x0009009C // FSCTL_GET_OBJECT_ID
	FSCTLDeleteObjectID            uint32 = 0x000900A0 // FSCTL_DELETE_OBJECT_ID
	FSCTLSetReparsePoint           uint32 = 0x000900A4 // FSCTL_SET_REPARSE_POINT
	FSCTLGetReparsePoint           uint32 = 0x000900A8 // FSCTL_GET_REPARSE_POINT
	FSCTLDeleteReparsePoint        uint32 = 0x000900AC // FSCTL_DELETE_REPARSE_POINT
	FSCTLCreateOrGetObjectID       uint32 = 0x000900C0 // FSCTL_CREATE_OR_GET_OBJECT_ID
	FSCTLSetSparse                 uint32 = 0x000900C4 // FSCTL_SET_SPARSE
	FSCTLReadFileUSNData           uint32 = 0x000900EB // FSCTL_READ_FILE_USN_DATA
	FSCTLQueryOnDiskVolumeInfo     uint32 = 0x0009013C // FSCTL_QUERY_ON_DISK_VOLUME_INFO
	FSCTLGetIntegrityInformation   uint32 = 0x0009027C // FSCTL_GET_INTEGRITY_INFORMATION
	FSCTLQueryFileRegions          uint32 = 0x00090284 // FSCTL_QUERY_FILE_REGIONS
	FSCTLQueryAllocatedRanges      uint32 = 0x000940CF // FSCTL_QUERY_ALLOCATED_RANGES
	FSCTLOffloadRead               uint32 = 0x00094264 // FSCTL_OFFLOAD_READ
	FSCTLSetZeroData               uint32 = 0x000980C8 // FSCTL_SET_ZERO_DATA
	FSCTLFileLevelTrim             uint32 = 0x00098208 // FSCTL_FILE_LEVEL_TRIM
	FSCTLOffloadWrite              uint32 = 0x00098268 // FSCTL_OFFLOAD_WRITE
	FSCTLDuplicateExtentsToFile    uint32 = 0x00098344 // FSCTL_DUPLICATE_EXTENTS_TO_FILE
	FSCTLSetCompression            uint32 = 0x0009C040 // FSCTL_SET_COMPRESSION
	FSCTLSetIntegrityInformation   uint32 = 0x0009C280 // FSCTL_SET_INTEGRITY_INFORMATION
	FSCTLPipeWait                  uint32 = 0x00110018 // FSCTL_PIPE_WAIT
	FSCTLPipePeek                  uint32 = 0x0011400C // FSCTL_PIPE_PEEK
	FSCTLPipeTransceive            uint32 = 0x0011C017 // FSCTL_PIPE_TRANSCEIVE
	FSCTLSrvRequestResumeKey       uint32 = 0x00140078 // FSCTL_SRV_REQUEST_RESUME_KEY
	FSCTLLMRSetLinkTracking        uint32 = 0x001400EC // FSCTL_LMR_SET_LINK_TRACKING_INFORMATION
	FSCTLLMRRequestResiliency      uint32 = 0x001401D4 // FSCTL_LMR_REQUEST_RESILIENCY
	FSCTLQueryNetworkInterfaceInfo uint32 = 0x001401FC // FSCTL_QUERY_NETWORK_INTERFACE_INFO
	FSCTLValidateNegotiateInfo     uint32 = 0x00140204 // FSCTL_VALIDATE_NEGOTIATE_INFO
	FSCTLSrvEnumerateSnapshots     uint32 = 0x00144064 // FSCTL_SRV_ENUMERATE_SNAPSHOTS
	FSCTLSrvCopyChunk              uint32 = 0x001440F2 // FSCTL_SRV_COPYCHUNK
	FSCTLSrvReadHash               uint32 = 0x001441BB // FSCTL_SRV_READ_HASH
	FSCTLSrvCopyChunkWrite         uint32 = 0x001480F2 // FSCTL_SRV_COPYCHUNK_WRITE
)

const ioctlIsFSCTL = 0x1 // SMB2_0_IOCTL_IS_FSCTL

// IOCTLRequest is the SMB2 IOCTL Request, [MS-SMB2] 2.2.31, always an FSCTL.
type IOCTLRequest struct {
	Code      uint32
	FileID    FileID
	Input     []byte
	MaxOutput uint32 // bytes of output the client takes
}

func (*IOCTLRequest) Command() Command { return CommandIOCTL }

func (m *IOCTLRequest) appendBody(b []byte, start int) []byte {
	b = le.AppendUint16(b, 57)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint32(b, m.Code)
	b = appendFileID(b, m.FileID)
	offset := len(b)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint32(b, uint32(len(m.Input)))
	b = appendZero(b, 12) // MaxInputResponse, OutputOffset, OutputCount
	b = le.AppendUint32(b, m.MaxOutput)
	b = le.AppendUint32(b, ioctlIsFSCTL)
	b = le.AppendUint32(b, 0)
	if len(m.Input) == 0 {
		return append(b, 0)
	}
	le.PutUint32(b[offset:], uint32(len(b)-start))
	return append(b, m.Input...)
}

func (m *IOCTLRequest) decode(d *decoder) {
	d.size(57)
	d.skip("Reserved", 2)
	r := IOCTLRequest{Code: d.u32("CtlCode"), FileID: d.fileID("FileId")}
	offset, size := d.u32("InputOffset"), d.u32("InputCount")
	d.skip("MaxInputResponse, OutputOffset, OutputCount", 12)
	r.MaxOutput = d.u32("MaxOutputResponse")
	if flags := d.u32("Flags"); d.err == nil && flags != ioctlIsFSCTL {
		d.fail("Flags", "are 0x%X; only FSCTLs are known", flags)
	}
	d.skip("Reserved2", 4)
	r.Input = d.at("Input", uint64(offset), uint64(size))
	if d.err == nil {
		*m = r
	}
}

// IOCTLResponse is the SMB2 IOCTL Response, [MS-SMB2] 2.2.32. The input that
// some servers send back is not kept.
type IOCTLResponse struct {
	Code   uint32
	FileID FileID
	Output []byte
}

func (*IOCTLResponse) Command() Command { return CommandIOCTL }

// ioctlResponseSize is the StructureSize of the response.
const ioctlResponseSize = 49

func (m *IOCTLResponse) appendBody(b []byte, start int) []byte {
	b = le.AppendUint16(b, ioctlResponseSize)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint32(b, m.Code)
	b = appendFileID(b, m.FileID)
	offset := len(b)
	b = appendZero(b, 24) // InputOffset, InputCount, OutputOffset, OutputCount, Flags, Reserved2
	end := uint32(len(b) - start)
	le.PutUint32(b[offset:], end)
	le.PutUint32(b[offset+8:], end)
	le.PutUint32(b[offset+12:], uint32(len(m.Output)))
	return append(b, m.Output...)
}

func (m *IOCTLResponse) decode(d *decoder) {
	d.size(ioctlResponseSize)
	d.skip("Reserved", 2)
	r := IOCTLResponse{Code: d.u32("CtlCode"), FileID: d.fileID("FileId")}
	d.skip("InputOffset, InputCount", 8)
	offset, size := d.u32("OutputOffset"), d.u32("OutputCount")
	d.skip("Flags, Reserved2", 8)
	r.Output = d.at("Output", uint64(offset), uint64(size))
	if d.err == nil {
		*m = r
	}
}
