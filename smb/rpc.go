package smb

import (
	"context"
	"fmt"
	"io"
)

// pipeConn is an open named pipe. Read returns at least one byte, and never
// more than len(b), of what the server wrote, as a stream without message
// borders: one call may return part of a fragment or several.
type pipeConn interface {
	Write(ctx context.Context, b []byte) error
	Read(ctx context.Context, b []byte) (int, error)
}

// readAhead is a pipe that keeps several reads under way. It must be told how
// many more messages are certain to come: a read that no message answers
// cannot be taken back from Samba, which then answers no LOGOFF either.
type readAhead interface {
	Expect(messages int)
}

const (
	// rpcMaxFrag is the fragment size offered for both directions. Servers
	// grant no more (Samba answers 5840 to an offer of 65535), and one that
	// sends larger fragments all the same is still understood.
	rpcMaxFrag = 5840

	// rpcMinFrag is the least a server may grant, MustRecvFragSize in [C706]
	// 12.6.3.1.
	rpcMinFrag = 1432

	// rpcMaxPadding is how many bytes a server may leave behind the last
	// parameter of a response: less than one alignment unit of any kind.
	rpcMaxPadding = 15
)

// rpcClient is the client side of one connection-oriented, unauthenticated
// DCE/RPC association with one interface, over a named pipe ([MS-RPCE]
// 2.1.1.2). It does one call at a time and is not safe for concurrent use.
type rpcClient struct {
	pipe    pipeConn
	maxSend int    // largest fragment the server takes
	callID  uint32 // of the last call
	err     error  // why the association can carry no further call

	buf   []byte // buf[start:end] came in and was not used yet
	start int
	end   int
}

// dialRPC binds to the interface over p. The pipe is not closed on failure.
func dialRPC(ctx context.Context, p pipeConn, abstract rpcSyntax) (*rpcClient, error) {
	c := &rpcClient{pipe: p, maxSend: rpcMaxFrag, callID: 1, buf: make([]byte, 4*rpcMaxFrag)}
	if err := c.bind(ctx, abstract); err != nil {
		return nil, fmt.Errorf("rpc bind: %w", err)
	}
	return c, nil
}

func (c *rpcClient) bind(ctx context.Context, abstract rpcSyntax) error {
	h := rpcHeader{ptype: rpcBind, flags: rpcFirstFrag | rpcLastFrag, callID: c.callID}
	b, err := appendRPC(nil, h, &rpcBindPDU{
		maxXmitFrag: rpcMaxFrag, maxRecvFrag: rpcMaxFrag,
		contexts: []rpcContext{{abstract: abstract, transfers: []rpcSyntax{ndrSyntax}}},
	}, nil)
	if err != nil {
		return err
	}
	if err := c.pipe.Write(ctx, b); err != nil {
		return err
	}
	h, body, err := c.fragment(ctx)
	if err != nil {
		return err
	}
	switch h.ptype {
	case rpcBindAck:
		var ack rpcBindAckPDU
		if _, err := parseRPC(body, &ack); err != nil {
			return fmt.Errorf("bind_ack: %w", err)
		}
		if err := ack.check(abstract); err != nil {
			return err
		}
		if ack.maxRecvFrag < rpcMinFrag {
			return fmt.Errorf("bind_ack: max_recv_frag is %d, less than %d", ack.maxRecvFrag, rpcMinFrag)
		}
		c.maxSend = min(rpcMaxFrag, int(ack.maxRecvFrag))
		return nil
	case rpcBindNak:
		var nak rpcBindNakPDU
		if _, err := parseRPC(body, &nak); err != nil {
			return fmt.Errorf("bind_nak: %w", err)
		}
		return fmt.Errorf("the server refuses: %v", &nak)
	case rpcFault:
		return parseFault(body)
	}
	return fmt.Errorf("the server answers with PDU type %d", h.ptype)
}

// call sends one request and lets decode read the response's stub data as its
// fragments come in. A *RPCFault leaves the association usable; after any
// other error it is not, because the rest of the response may still be coming.
func (c *rpcClient) call(ctx context.Context, opnum uint16, stub []byte, decode func(*ndr)) error {
	if c.err != nil {
		return fmt.Errorf("the pipe is of no use since an earlier call: %w", c.err)
	}
	c.callID++
	if err := c.send(ctx, opnum, stub); err != nil {
		c.err = err
		return err
	}
	r := rpcReply{c: c}
	n := newNDRReader(nil, func() ([]byte, error) { return r.next(ctx) })
	decode(n)
	if n.err == nil {
		n.err = r.drain(ctx, len(n.buf))
	}
	if r.fault != nil {
		return r.fault
	}
	c.err = n.err
	return n.err
}

// send sends a request, in fragments where the server takes no longer ones.
func (c *rpcClient) send(ctx context.Context, opnum uint16, stub []byte) error {
	// All but the last fragment carry a multiple of eight octets of stub
	// data, [C706] 12.6.3.1.
	most := (c.maxSend - rpcRequestHeaderSize) &^ 7
	h := rpcHeader{ptype: rpcRequest, flags: rpcFirstFrag, callID: c.callID}
	for {
		part := stub[:min(most, len(stub))]
		if len(part) == len(stub) {
			h.flags |= rpcLastFrag
		}
		b, err := appendRPC(nil, h, &rpcRequestPDU{allocHint: uint32(len(stub)), opnum: opnum}, part)
		if err != nil {
			return err
		}
		if err := c.pipe.Write(ctx, b); err != nil {
			return err
		}
		stub = stub[len(part):]
		if len(stub) == 0 {
			return nil
		}
		h.flags = 0
	}
}

// fragment reads one PDU. The body is valid until the next call.
func (c *rpcClient) fragment(ctx context.Context) (rpcHeader, []byte, error) {
	if err := c.fill(ctx, rpcHeaderSize); err != nil {
		return rpcHeader{}, nil, err
	}
	h, err := parseRPCHeader(c.buf[c.start:c.end])
	if err != nil {
		return h, nil, err
	}
	if h.callID != c.callID {
		return h, nil, fmt.Errorf("the server answers call %d, not %d", h.callID, c.callID)
	}
	length := int(h.fragLength)
	if err := c.fill(ctx, length); err != nil {
		return h, nil, err
	}
	body := c.buf[c.start+rpcHeaderSize : c.start+length]
	c.start += length
	return h, body, nil
}

// fill reads until at least size bytes, at most 65535, are in the buffer.
func (c *rpcClient) fill(ctx context.Context, size int) error {
	if c.start == c.end {
		c.start, c.end = 0, 0
	}
	if len(c.buf)-c.start < size {
		to := c.buf
		if len(to) < size {
			to = make([]byte, size)
		}
		c.end = copy(to, c.buf[c.start:c.end])
		c.buf, c.start = to, 0
	}
	for c.end-c.start < size {
		n, err := c.pipe.Read(ctx, c.buf[c.end:])
		if err != nil {
			return err
		}
		if n <= 0 || n > len(c.buf)-c.end {
			return fmt.Errorf("the pipe returned %d bytes for a read of %d", n, len(c.buf)-c.end)
		}
		c.end += n
	}
	return nil
}

// rpcReply is the stub data of the response to the current call.
type rpcReply struct {
	c     *rpcClient
	begun bool
	ended bool
	fault error
}

// next returns the stub data of the next fragment, io.EOF after the last.
func (r *rpcReply) next(ctx context.Context) ([]byte, error) {
	if r.ended {
		return nil, io.EOF
	}
	h, body, err := r.c.fragment(ctx)
	if err != nil {
		return nil, err
	}
	switch h.ptype {
	case rpcResponse:
	case rpcFault:
		err := parseFault(body)
		if _, ok := err.(*RPCFault); ok {
			r.ended, r.fault = true, err
		}
		return nil, err
	default:
		return nil, fmt.Errorf("the server answers with PDU type %d", h.ptype)
	}
	if first := h.flags&rpcFirstFrag != 0; first == r.begun {
		return nil, fmt.Errorf("a response fragment has pfc_flags 0x%02X out of turn", h.flags)
	}
	r.begun = true
	r.ended = h.flags&rpcLastFrag != 0
	var head rpcResponsePDU
	stub, err := parseRPC(body, &head)
	switch {
	case err != nil:
		return nil, err
	case len(stub) == 0 && !r.ended:
		return nil, fmt.Errorf("a response fragment that is not the last carries no data")
	case len(stub) == 0:
		return nil, io.EOF
	}
	// All fragments but the last are as long as this one.
	if ahead, ok := r.c.pipe.(readAhead); ok && !r.ended && uint64(head.allocHint) > uint64(len(stub)) {
		ahead.Expect(int((uint64(head.allocHint) - uint64(len(stub))) / uint64(len(stub))))
	}
	return stub, nil
}

// drain reads what is left of the response: nothing, or padding.
func (r *rpcReply) drain(ctx context.Context, left int) error {
	for !r.ended && left <= rpcMaxPadding {
		b, err := r.next(ctx)
		if err != nil && err != io.EOF {
			return err
		}
		left += len(b)
	}
	if left > rpcMaxPadding {
		return fmt.Errorf("%d bytes or more stand behind the last parameter", left)
	}
	return nil
}
