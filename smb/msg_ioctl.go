package smb

// The control codes this package uses, [MS-SMB2] 2.2.31.
const (
	FSCTLPipeTransceive        uint32 = 0x0011C017 // FSCTL_PIPE_TRANSCEIVE
	FSCTLValidateNegotiateInfo uint32 = 0x00140204 // FSCTL_VALIDATE_NEGOTIATE_INFO
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

func (m *IOCTLResponse) appendBody(b []byte, start int) []byte {
	b = le.AppendUint16(b, 49)
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
	d.size(49)
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
