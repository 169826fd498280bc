package smb

import (
	"errors"
	"fmt"
	"slices"
)

const (
	// rpcServerMaxFrag is the fragment size granted and sent, as Windows has
	// it. Longer fragments that come are taken all the same.
	rpcServerMaxFrag = 4280
	// rpcMaxRequest is the longest stub data of a request that is carried
	// out: several times what the longest parameters need.
	rpcMaxRequest = 1 << 16
	// rpcMaxWaiting is how many bytes may wait: of a fragment that is not yet
	// complete, and of requests behind an unread answer.
	rpcMaxWaiting = 1 << 17
	// rpcMaxContexts is the most presentation contexts of one bind or
	// alter_context, and of an association.
	rpcMaxContexts = 32
)

// The statuses of the faults that an RPCServer sends, [C706] appendix N.2, and
// one that is a Win32 error.
const (
	rpcFaultBadStub     = 1783       // RPC_X_BAD_STUB_DATA
	rpcFaultUnspecified = 0x1C000012 // nca_s_fault_unspec
	rpcFaultNoMemory    = 0x1C00001B // nca_s_fault_remote_no_memory
	rpcFaultOpRange     = 0x1C010002 // nca_op_rng_error
	rpcFaultUnknownIf   = 0x1C010003 // nca_unk_if
	rpcFaultProtocol    = 0x1C01000B // nca_proto_error
)

// ErrRPCFull is returned by [RPCServer.Write] when too much waits already;
// nothing of the message was taken.
var ErrRPCFull = errors.New("smb: the pipe is full")

// rpcInterface is what an RPCServer serves.
type rpcInterface struct {
	syntax  rpcSyntax
	address string // secondary address
	// call carries out one call on its stub data, and returns the answer's or
	// the status of a fault.
	call func(opnum uint16, stub []byte) (answer []byte, fault uint32)
}

// RPCServer is the server's end of one connection-oriented DCE/RPC association
// over a named pipe ([C706] chapter 12, [MS-RPCE] 2.1.1.2): bytes in, bytes
// out. It has no goroutines and never waits. It is not safe for concurrent
// use.
//
// It takes little-endian PDUs and the transfer syntax NDR 2.0 without
// authentication: a bind that brings its own is answered bind_nak
// authentication_type_not_recognized, since a pipe's client is known from its
// session. What comes behind an unread answer waits until that was read.
//
// One association keeps at most 128 KiB that came in, 64 KiB of a request's
// stub data, and one answer, which is as long as the handler makes it.
type RPCServer struct {
	served rpcInterface
	err    error  // why the association has ended
	in     []byte // came in and was not used yet

	bound    bool
	maxSend  int      // largest fragment the client takes
	contexts []uint16 // the presentation contexts that were accepted

	requesting bool // a request's first fragment came, and not its last
	request    rpcCall
	tooLong    bool

	message    []byte // what is left of the message being read
	responding bool   // there are more fragments of the response
	response   rpcCall
	begun      bool // its first fragment was made
}

// rpcCall is a request or its response.
type rpcCall struct {
	id      uint32
	context uint16
	opnum   uint16
	stub    []byte
}

func newRPCServer(i rpcInterface) *RPCServer { return &RPCServer{served: i} }

// Err returns why the association has ended, nil while it goes on. It ends
// when the client breaks the protocol so that no answer is possible; answers
// that are there can still be read.
func (s *RPCServer) Err() error { return s.err }

// Write takes what a client wrote to the pipe: a PDU, part of one, or several.
// Requests are carried out at once where no answer waits to be read. After an
// error other than [ErrRPCFull] the association has ended, and the pipe is to
// be closed; every later Write returns the same error.
func (s *RPCServer) Write(b []byte) error {
	if s.err != nil {
		return s.err
	}
	if len(b) > rpcMaxWaiting-len(s.in) {
		return ErrRPCFull
	}
	s.in = append(s.in, b...)
	s.work()
	return s.err
}

// Read returns up to n bytes of the next message, which is one PDU; more says
// that the message has more bytes (STATUS_BUFFER_OVERFLOW). It returns nil
// when nothing is there to be read. The bytes are the caller's.
func (s *RPCServer) Read(n int) (b []byte, more bool) {
	if len(s.message) == 0 {
		return nil, false
	}
	n = min(max(n, 0), len(s.message))
	b, s.message = s.message[:n:n], s.message[n:]
	if len(s.message) > 0 {
		return b, true
	}
	s.message = nil
	if s.responding {
		s.fragment()
	} else {
		s.work()
	}
	return b, false
}

// work uses what came in until there is an answer to be read.
func (s *RPCServer) work() {
	used := 0
	for s.err == nil && len(s.message) == 0 {
		rest := s.in[used:]
		if len(rest) < rpcHeaderSize {
			break
		}
		h, err := parseRPCHeaderAuth(rest)
		if err != nil {
			s.err = err
			break
		}
		if len(rest) < int(h.fragLength) {
			break
		}
		used += int(h.fragLength)
		s.err = s.pdu(h, rest[rpcHeaderSize:h.fragLength])
	}
	switch {
	case s.err != nil:
		s.in, s.request = nil, rpcCall{}
		s.err = fmt.Errorf("rpc: %w", s.err)
	case used == len(s.in):
		s.in = nil
	default:
		s.in = s.in[used:]
	}
}

// pdu takes one PDU. The body is not kept.
func (s *RPCServer) pdu(h rpcHeader, body []byte) error {
	switch h.ptype {
	case rpcBind, rpcAlterContext:
		return s.bind(h, body)
	case rpcRequest:
		return s.fragmentOf(h, body)
	case rpcOrphaned:
		if s.requesting && s.request.id == h.callID {
			s.requesting, s.request = false, rpcCall{}
		}
		return nil
	case rpcCancel, rpcAuth3: // every call has been answered; nobody is authenticated
		return nil
	}
	return fmt.Errorf("the client sends PDU type %d", h.ptype)
}

// bind answers a bind or an alter_context.
func (s *RPCServer) bind(h rpcHeader, body []byte) error {
	alter := h.ptype == rpcAlterContext
	if s.requesting {
		return fmt.Errorf("PDU type %d comes between the fragments of a request", h.ptype)
	}
	if h.authLength != 0 {
		return s.refuse(h, rpcNakAuth)
	}
	var p rpcBindPDU
	if _, err := parseRPC(body, &p); err != nil {
		return fmt.Errorf("PDU type %d: %w", h.ptype, err)
	}
	switch {
	case alter != s.bound || len(p.contexts) == 0:
		return s.refuse(h, rpcNakUnspecified)
	case len(p.contexts) > rpcMaxContexts:
		return s.refuse(h, rpcNakLimit)
	}
	ack := rpcBindAckPDU{assocGroup: p.assocGroup}
	for _, c := range p.contexts {
		ack.results = append(ack.results, s.negotiate(c))
	}
	answer := rpcHeader{ptype: rpcAlterContextResp, flags: rpcFirstFrag | rpcLastFrag, callID: h.callID}
	if !alter {
		s.bound = true
		s.maxSend = min(rpcServerMaxFrag, max(rpcMinFrag, int(p.maxRecvFrag)))
		answer.ptype = rpcBindAck
		ack.secAddr = append([]byte(s.served.address), 0)
		if ack.assocGroup == 0 {
			ack.assocGroup = 1 // a group means nothing here
		}
	}
	ack.maxXmitFrag = uint16(s.maxSend)
	ack.maxRecvFrag = min(rpcServerMaxFrag, max(rpcMinFrag, p.maxXmitFrag))
	return s.send(answer, &ack, nil)
}

// refuse answers a bind with bind_nak. An alter_context can only be answered
// with a fault.
func (s *RPCServer) refuse(h rpcHeader, reason uint16) error {
	if h.ptype == rpcAlterContext {
		return s.fault(h.callID, 0, rpcFaultProtocol)
	}
	h = rpcHeader{ptype: rpcBindNak, flags: rpcFirstFrag | rpcLastFrag, callID: h.callID}
	// The one version understood, 5.0, follows the reason.
	return s.send(h, &rpcBindNakPDU{reason: reason}, []byte{1, 5, 0})
}

// negotiate accepts a presentation context or says why not.
func (s *RPCServer) negotiate(c rpcContext) rpcResult {
	refused := func(reason uint16) rpcResult { return rpcResult{result: rpcProviderRejected, reason: reason} }
	i := s.served.syntax
	if c.abstract.uuid != i.uuid || c.abstract.major != i.major || c.abstract.minor > i.minor {
		return refused(rpcNoAbstractSyntax)
	}
	switch {
	case slices.Contains(c.transfers, ndrSyntax):
	case len(c.transfers) == 1 && c.transfers[0].isBindTimeFeatures():
		return rpcResult{result: rpcNegotiateAck} // of no feature
	default:
		return refused(rpcNoTransferSyntax)
	}
	if !slices.Contains(s.contexts, c.id) {
		if len(s.contexts) >= rpcMaxContexts {
			return refused(rpcLimitExceeded)
		}
		s.contexts = append(s.contexts, c.id)
	}
	return rpcResult{result: rpcAccepted, transfer: ndrSyntax}
}

// isBindTimeFeatures reports whether the syntax is no syntax but the client's
// list of features, [MS-RPCE] 3.3.1.5.3.
func (s rpcSyntax) isBindTimeFeatures() bool {
	return [8]byte(s.uuid[:8]) == [8]byte{0x2c, 0x1c, 0xb7, 0x6c, 0x12, 0x98, 0x40, 0x45} && s.major == 1 && s.minor == 0
}

// fragmentOf takes one fragment of a request, and carries it out with its
// last.
func (s *RPCServer) fragmentOf(h rpcHeader, body []byte) error {
	if err := h.checkPlain(); err != nil {
		return err
	}
	var p rpcRequestPDU
	stub, err := parseRPC(body, &p)
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	if h.flags&rpcObjectUUID != 0 { // which object is meant does not matter
		if len(stub) < len(GUID{}) {
			return fmt.Errorf("request: the object UUID is missing")
		}
		stub = stub[len(GUID{}):]
	}
	switch first := h.flags&rpcFirstFrag != 0; {
	case first == s.requesting, !first && s.request.id != h.callID:
		return fmt.Errorf("a request fragment of call %d has pfc_flags 0x%02X out of turn", h.callID, h.flags)
	case first:
		s.requesting, s.tooLong = true, false
		s.request = rpcCall{id: h.callID, context: p.context, opnum: p.opnum}
	}
	if len(stub) > rpcMaxRequest-len(s.request.stub) {
		s.tooLong, s.request.stub = true, nil
	} else if !s.tooLong {
		s.request.stub = append(s.request.stub, stub...)
	}
	if h.flags&rpcLastFrag == 0 {
		return nil
	}
	c := s.request
	s.requesting, s.request = false, rpcCall{}
	return s.carryOut(c)
}

// carryOut carries out a request.
func (s *RPCServer) carryOut(c rpcCall) error {
	switch {
	case !s.bound:
		return s.fault(c.id, c.context, rpcFaultProtocol)
	case !slices.Contains(s.contexts, c.context):
		return s.fault(c.id, c.context, rpcFaultUnknownIf)
	case s.tooLong:
		return s.fault(c.id, c.context, rpcFaultNoMemory)
	}
	stub, status := s.served.call(c.opnum, c.stub)
	if status != 0 {
		return s.fault(c.id, c.context, status)
	}
	c.stub = stub
	s.response, s.responding, s.begun = c, true, false
	s.fragment()
	return s.err
}

// fragment makes the next fragment of the response the message to be read.
// All but the last carry a multiple of eight octets of stub data, [C706]
// 12.6.3.1.
func (s *RPCServer) fragment() {
	c := &s.response
	most := (s.maxSend - rpcRequestHeaderSize) &^ 7
	part := c.stub[:min(most, len(c.stub))]
	h := rpcHeader{ptype: rpcResponse, callID: c.id}
	if !s.begun {
		h.flags |= rpcFirstFrag
	}
	if len(part) == len(c.stub) {
		h.flags |= rpcLastFrag
	}
	left := uint32(min(uint64(len(c.stub)), 0xFFFFFFFF))
	if err := s.send(h, &rpcResponsePDU{allocHint: left, context: c.context}, part); err != nil {
		s.err = err
	}
	c.stub = c.stub[len(part):]
	s.begun = true
	if h.flags&rpcLastFrag != 0 {
		s.responding, s.response = false, rpcCall{}
	}
}

// fault answers a call with a fault. Only behind nca_s_fault_unspec the call
// may have been carried out.
func (s *RPCServer) fault(callID uint32, context uint16, status uint32) error {
	h := rpcHeader{ptype: rpcFault, flags: rpcFirstFrag | rpcLastFrag, callID: callID}
	if status != rpcFaultUnspecified {
		h.flags |= rpcDidNotExecute
	}
	return s.send(h, &rpcFaultPDU{rpcResponsePDU: rpcResponsePDU{context: context}, status: status}, nil)
}

// send makes a PDU the message to be read.
func (s *RPCServer) send(h rpcHeader, body rpcPDU, stub []byte) (err error) {
	s.message, err = appendRPC(nil, h, body, stub)
	return err
}
