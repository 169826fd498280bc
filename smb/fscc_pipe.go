package smb

// The values of PipeInfo and PipeLocalInfo.
const (
	PipeByteStreamMode    uint32 = 0 // FILE_PIPE_BYTE_STREAM_MODE, and …_TYPE
	PipeMessageMode       uint32 = 1 // FILE_PIPE_MESSAGE_MODE, and …_TYPE
	PipeQueueOperation    uint32 = 0 // FILE_PIPE_QUEUE_OPERATION: reads and writes wait
	PipeCompleteOperation uint32 = 1 // FILE_PIPE_COMPLETE_OPERATION: they do not
	PipeInbound           uint32 = 0 // FILE_PIPE_INBOUND: from client to server only
	PipeOutbound          uint32 = 1 // FILE_PIPE_OUTBOUND: from server to client only
	PipeFullDuplex        uint32 = 2 // FILE_PIPE_FULL_DUPLEX
	PipeDisconnected      uint32 = 1 // FILE_PIPE_DISCONNECTED_STATE
	PipeListening         uint32 = 2 // FILE_PIPE_LISTENING_STATE
	PipeConnected         uint32 = 3 // FILE_PIPE_CONNECTED_STATE
	PipeClosing           uint32 = 4 // FILE_PIPE_CLOSING_STATE
	PipeClientEnd         uint32 = 0 // FILE_PIPE_CLIENT_END
	PipeServerEnd         uint32 = 1 // FILE_PIPE_SERVER_END
)

// PipeInfo is a FilePipeInformation, [MS-FSCC] 2.4.37, of 8 bytes.
type PipeInfo struct {
	ReadMode       uint32
	CompletionMode uint32
}

func (*PipeInfo) Class() (InfoType, uint8) { return InfoFile, FilePipeInformation }

func (i *PipeInfo) appendTo(b []byte) []byte {
	return le.AppendUint32(le.AppendUint32(b, i.ReadMode), i.CompletionMode)
}

func (i *PipeInfo) decode(d *decoder) {
	*i = PipeInfo{ReadMode: d.u32("ReadMode"), CompletionMode: d.u32("CompletionMode")}
}

// PipeLocalInfo is a FilePipeLocalInformation, [MS-FSCC] 2.4.38, of 40 bytes.
// Quotas are in bytes.
type PipeLocalInfo struct {
	Type                uint32 // NamedPipeType
	Configuration       uint32 // NamedPipeConfiguration
	MaximumInstances    uint32
	CurrentInstances    uint32
	InboundQuota        uint32
	ReadDataAvailable   uint32
	OutboundQuota       uint32
	WriteQuotaAvailable uint32
	State               uint32 // NamedPipeState
	End                 uint32 // NamedPipeEnd
}

func (*PipeLocalInfo) Class() (InfoType, uint8) { return InfoFile, FilePipeLocalInformation }

func (i *PipeLocalInfo) appendTo(b []byte) []byte {
	for _, v := range [...]uint32{
		i.Type, i.Configuration, i.MaximumInstances, i.CurrentInstances, i.InboundQuota,
		i.ReadDataAvailable, i.OutboundQuota, i.WriteQuotaAvailable, i.State, i.End,
	} {
		b = le.AppendUint32(b, v)
	}
	return b
}

func (i *PipeLocalInfo) decode(d *decoder) {
	*i = PipeLocalInfo{
		Type: d.u32("NamedPipeType"), Configuration: d.u32("NamedPipeConfiguration"),
		MaximumInstances: d.u32("MaximumInstances"), CurrentInstances: d.u32("CurrentInstances"),
		InboundQuota: d.u32("InboundQuota"), ReadDataAvailable: d.u32("ReadDataAvailable"),
		OutboundQuota: d.u32("OutboundQuota"), WriteQuotaAvailable: d.u32("WriteQuotaAvailable"),
		State: d.u32("NamedPipeState"), End: d.u32("NamedPipeEnd"),
	}
}
