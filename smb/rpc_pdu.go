package smb

import "fmt"

// The PDU types of connection-oriented DCE/RPC, [C706] 12.6.3.
const (
	rpcRequest          = 0
	rpcResponse         = 2
	rpcFault            = 3
	rpcBind             = 11
	rpcBindAck          = 12
	rpcBindNak          = 13
	rpcAlterContext     = 14
	rpcAlterContextResp = 15
	rpcAuth3            = 16 // [MS-RPCE] 2.2.2.6
	rpcCancel           = 18 // co_cancel
	rpcOrphaned         = 19
)

// The pfc_flags, [C706] 12.6.3.1.
const (
	rpcFirstFrag     = 0x01 // PFC_FIRST_FRAG
	rpcLastFrag      = 0x02 // PFC_LAST_FRAG
	rpcDidNotExecute = 0x20 // PFC_DID_NOT_EXECUTE
	rpcObjectUUID    = 0x80 // PFC_OBJECT_UUID
)

const (
	rpcHeaderSize        = 16
	rpcRequestHeaderSize = rpcHeaderSize + 8
)

// rpcHeader is the common header of every PDU, [C706] 12.6.3.1. Version 5.0
// and the little-endian data representation are not fields: nothing else is
// written or accepted.
type rpcHeader struct {
	ptype      uint8
	flags      uint8
	fragLength uint16 // with the header; append fills it in
	authLength uint16
	callID     uint32
}

// rpcPDU is the body of a PDU.
type rpcPDU interface {
	// layout lays out the body's fixed part as it stands behind the header,
	// which keeps the alignment.
	layout(n *ndr)
}

// appendRPC appends one PDU: header, body and the stub data behind it.
func appendRPC(b []byte, h rpcHeader, body rpcPDU, stub []byte) ([]byte, error) {
	n := &ndr{writing: true, buf: make([]byte, 0, rpcHeaderSize+64)}
	h.layout(n)
	body.layout(n)
	length := len(n.buf) + len(stub)
	if n.err == nil && length > 0xFFFF {
		n.fail("frag_length", "would be %d", length)
	}
	if n.err != nil {
		return b, n.err
	}
	le.PutUint16(n.buf[8:], uint16(length))
	return append(append(b, n.buf...), stub...), nil
}

// parseRPCHeader reads the header at the start of b, which holds at least
// rpcHeaderSize bytes. A PDU with an authentication trailer is refused.
func parseRPCHeader(b []byte) (rpcHeader, error) {
	h, err := parseRPCHeaderAuth(b)
	if err == nil {
		err = h.checkPlain()
	}
	return h, err
}

// parseRPCHeaderAuth is parseRPCHeader for any authentication trailer.
func parseRPCHeaderAuth(b []byte) (rpcHeader, error) {
	var h rpcHeader
	n := newNDRReader(b[:rpcHeaderSize], nil)
	h.layout(n)
	return h, n.err
}

// checkPlain returns an error if an authentication trailer follows.
func (h *rpcHeader) checkPlain() error {
	if h.authLength == 0 {
		return nil
	}
	return &NDRError{Field: "auth_length", Offset: 10, Reason: fmt.Sprintf("is %d without authentication", h.authLength)}
}

func (h *rpcHeader) layout(n *ndr) {
	version, minor := uint8(5), uint8(0)
	drep := [4]byte{0x10, 0, 0, 0} // little-endian, ASCII, IEEE
	n.uint8("rpc_vers", &version)
	n.uint8("rpc_vers_minor", &minor)
	if n.err == nil && (version != 5 || minor > 1) {
		n.fail("rpc_vers_minor", "makes this version %d.%d, not 5.0", version, minor)
	}
	n.uint8("PTYPE", &h.ptype)
	n.uint8("pfc_flags", &h.flags)
	n.bytes("packed_drep", drep[:])
	if n.err == nil && drep[0]&0xF0 != 0x10 {
		n.fail("packed_drep", "is %x: the integers are not little-endian", drep)
	}
	n.uint16("frag_length", &h.fragLength)
	if n.err == nil && !n.writing && h.fragLength < rpcHeaderSize {
		n.fail("frag_length", "is %d, less than the header", h.fragLength)
	}
	n.uint16("auth_length", &h.authLength)
	n.uint32("call_id", &h.callID)
}

// parseRPC reads a PDU's body and returns the stub data behind it.
func parseRPC(b []byte, body rpcPDU) ([]byte, error) {
	n := newNDRReader(b, nil)
	body.layout(n)
	return n.buf, n.err
}

// rpcSyntax is a p_syntax_id_t: an interface or a transfer syntax with its
// version, [C706] 12.6.3.1.
type rpcSyntax struct {
	uuid  GUID
	major uint16
	minor uint16
}

func (s *rpcSyntax) layout(n *ndr) {
	n.bytes("if_uuid", s.uuid[:])
	n.uint16("if_version", &s.major)
	n.uint16("if_version", &s.minor)
}

// String returns "uuid major.minor".
func (s rpcSyntax) String() string {
	return fmt.Sprintf("%v %d.%d", s.uuid, s.major, s.minor)
}

// ndrSyntax is NDR 2.0, 8a885d04-1ceb-11c9-9fe8-08002b104860, [C706] 14.
var ndrSyntax = rpcSyntax{
	uuid:  GUID{0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60},
	major: 2,
}

// rpcContext is a p_cont_elem_t: an interface and the transfer syntaxes it
// could be used with, [C706] 12.6.3.1.
type rpcContext struct {
	id        uint16
	abstract  rpcSyntax
	transfers []rpcSyntax // at most 255
}

func (c *rpcContext) layout(n *ndr) {
	transfers := uint8(len(c.transfers))
	var reserved uint8
	n.uint16("p_cont_id", &c.id)
	n.uint8("n_transfer_syn", &transfers)
	n.uint8("reserved", &reserved)
	c.abstract.layout(n)
	ndrCounted(n, transfers, &c.transfers, (*rpcSyntax).layout)
}

// rpcBindPDU is the bind and the alter_context PDU, [C706] 12.6.4.3.
type rpcBindPDU struct {
	maxXmitFrag uint16
	maxRecvFrag uint16
	assocGroup  uint32
	contexts    []rpcContext // at most 255
}

func (p *rpcBindPDU) layout(n *ndr) {
	contexts := uint8(len(p.contexts))
	var reserved8 uint8
	var reserved16 uint16
	n.uint16("max_xmit_frag", &p.maxXmitFrag)
	n.uint16("max_recv_frag", &p.maxRecvFrag)
	n.uint32("assoc_group_id", &p.assocGroup)
	n.uint8("n_context_elem", &contexts)
	n.uint8("reserved", &reserved8)
	n.uint16("reserved2", &reserved16)
	ndrCounted(n, contexts, &p.contexts, (*rpcContext).layout)
}

// ndrCounted lays out count elements without pointers. Nothing is allocated
// for an element before its bytes have come in.
func ndrCounted[T any](n *ndr, count uint8, elements *[]T, layout func(*T, *ndr)) {
	if !n.writing {
		*elements = nil
	}
	for i := range int(count) {
		if n.err != nil {
			return
		}
		if !n.writing {
			var zero T
			*elements = append(*elements, zero)
		}
		layout(&(*elements)[i], n)
	}
}

// rpcResult is a p_result_t: what became of one presentation context, [C706]
// 12.6.3.1.
type rpcResult struct {
	result   uint16 // a p_cont_def_result_t
	reason   uint16 // a p_provider_reason_t
	transfer rpcSyntax
}

// The results and reasons of an rpcResult, [C706] 12.6.3.1 and [MS-RPCE]
// 2.2.2.4.
const (
	rpcAccepted         = 0 // acceptance
	rpcProviderRejected = 2 // provider_rejection
	rpcNegotiateAck     = 3 // negotiate_ack: the reason is a bit mask

	rpcNoAbstractSyntax = 1 // abstract_syntax_not_supported
	rpcNoTransferSyntax = 2 // proposed_transfer_syntaxes_not_supported
	rpcLimitExceeded    = 3 // local_limit_exceeded
)

func (r *rpcResult) layout(n *ndr) {
	n.uint16("result", &r.result)
	n.uint16("reason", &r.reason)
	r.transfer.layout(n)
}

// rpcBindAckPDU is the bind_ack and the alter_context_resp PDU, [C706]
// 12.6.4.4.
type rpcBindAckPDU struct {
	maxXmitFrag uint16
	maxRecvFrag uint16
	assocGroup  uint32
	secAddr     []byte      // the secondary address, a NUL-terminated ASCII name
	results     []rpcResult // one for each context, at most 255
}

func (p *rpcBindAckPDU) layout(n *ndr) {
	length, results := uint16(len(p.secAddr)), uint8(len(p.results))
	var reserved8 uint8
	var reserved16 uint16
	n.uint16("max_xmit_frag", &p.maxXmitFrag)
	n.uint16("max_recv_frag", &p.maxRecvFrag)
	n.uint32("assoc_group_id", &p.assocGroup)
	n.uint16("sec_addr length", &length)
	if !n.writing && n.err == nil {
		p.secAddr = make([]byte, length)
	}
	n.bytes("sec_addr port_spec", p.secAddr)
	n.align("pad2", 4)
	n.uint8("n_results", &results)
	n.uint8("reserved", &reserved8)
	n.uint16("reserved2", &reserved16)
	ndrCounted(n, results, &p.results, (*rpcResult).layout)
}

// check returns an error unless the server accepted the bind, which had one
// context.
func (p *rpcBindAckPDU) check(abstract rpcSyntax) error {
	if len(p.results) != 1 {
		return fmt.Errorf("bind_ack: n_results is %d for one presentation context", len(p.results))
	}
	r := p.results[0]
	if r.result != rpcAccepted {
		reason := [...]string{
			"reason not specified", "abstract_syntax_not_supported",
			"proposed_transfer_syntaxes_not_supported", "local_limit_exceeded",
		}
		text := fmt.Sprintf("reason %d", r.reason)
		if int(r.reason) < len(reason) {
			text = reason[r.reason]
		}
		return fmt.Errorf("the server refuses interface %v: result %d, %s", abstract, r.result, text)
	}
	if r.transfer != ndrSyntax {
		return fmt.Errorf("the server chose transfer syntax %v, which was not offered", r.transfer)
	}
	return nil
}

// rpcBindNakPDU is the part of the bind_nak PDU that says why, [C706] 12.6.4.5.
type rpcBindNakPDU struct {
	reason uint16
}

// The reasons of a bind_nak that this package sends, [C706] 12.6.3.1 and
// [MS-RPCE] 2.2.2.5.
const (
	rpcNakUnspecified = 0 // REASON_NOT_SPECIFIED
	rpcNakLimit       = 2 // local_limit_exceeded
	rpcNakAuth        = 8 // authentication_type_not_recognized
)

func (p *rpcBindNakPDU) layout(n *ndr) { n.uint16("provider_reject_reason", &p.reason) }

// String returns the reason's name where [C706] 12.6.3.1 or [MS-RPCE]
// 2.2.2.5 has one.
func (p *rpcBindNakPDU) String() string {
	switch p.reason {
	case 0:
		return "reason not specified"
	case 1:
		return "temporary_congestion"
	case 2:
		return "local_limit_exceeded"
	case 4:
		return "protocol_version_not_supported"
	case 8:
		return "authentication_type_not_recognized"
	case 9:
		return "invalid_checksum"
	}
	return fmt.Sprintf("reason %d", p.reason)
}

// rpcRequestPDU is what stands before the stub data of a request PDU without
// an object UUID, [C706] 12.6.4.9.
type rpcRequestPDU struct {
	allocHint uint32 // bytes of stub data from here to the end of the call
	context   uint16
	opnum     uint16
}

func (p *rpcRequestPDU) layout(n *ndr) {
	n.uint32("alloc_hint", &p.allocHint)
	n.uint16("p_cont_id", &p.context)
	n.uint16("opnum", &p.opnum)
}

// rpcResponsePDU is what stands before the stub data of a response PDU,
// [C706] 12.6.4.10. The alloc_hint is never believed.
type rpcResponsePDU struct {
	allocHint uint32
	context   uint16
	cancels   uint8
}

func (p *rpcResponsePDU) layout(n *ndr) {
	var reserved uint8
	n.uint32("alloc_hint", &p.allocHint)
	n.uint16("p_cont_id", &p.context)
	n.uint8("cancel_count", &p.cancels)
	n.uint8("reserved", &reserved)
}

// rpcFaultPDU is the fault PDU up to its status, [C706] 12.6.4.7.
type rpcFaultPDU struct {
	rpcResponsePDU
	status uint32
}

func (p *rpcFaultPDU) layout(n *ndr) {
	p.rpcResponsePDU.layout(n)
	n.uint32("status", &p.status)
	if n.writing {
		n.constant("reserved2", 0)
	}
}
