package smb

import (
	"context"
	"fmt"
)

// serverServiceSyntax is the interface srvsvc 3.0,
// 4b324fc8-1670-01d3-1278-5a47bf6ee188, [MS-SRVS] 1.9.
var serverServiceSyntax = rpcSyntax{
	uuid:  GUID{0xc8, 0x4f, 0x32, 0x4b, 0x70, 0x16, 0xd3, 0x01, 0x12, 0x78, 0x5a, 0x47, 0xbf, 0x6e, 0xe1, 0x88},
	major: 3,
}

// The opnums of [MS-SRVS] 3.1.4 that this package calls or answers.
const (
	opNetrCharDevEnum         = 0 // no longer in the specification
	opNetrCharDevQEnum        = 3 // no longer in the specification
	opNetrConnectionEnum      = 8
	opNetrFileEnum            = 9
	opNetrFileGetInfo         = 10
	opNetrFileClose           = 11
	opNetrSessionEnum         = 12
	opNetrSessionDel          = 13
	opNetrShareAdd            = 14
	opNetrShareEnum           = 15
	opNetrShareGetInfo        = 16
	opNetrShareSetInfo        = 17
	opNetrShareDel            = 18
	opNetrShareDelSticky      = 19
	opNetrShareCheck          = 20
	opNetrServerGetInfo       = 21
	opNetrServerDiskEnum      = 23
	opNetrServerTransportEnum = 26
	opNetrRemoteTOD           = 28
	opNetprNameValidate       = 33
	opNetrShareEnumSticky     = 36
)

// ServerService is a client of the Server Service Remote Protocol, [MS-SRVS],
// over the named pipe "srvsvc": it reads a server's tables of opens, sessions
// and connections, and ends them.
//
// Every method names the call in its error. A [Win32Error] (errors.As) is the
// server's refusal, a [*RPCFault] its failure to run the call; both leave the
// ServerService usable. After any other error, also the end of a context in
// the middle of a call, the pipe is in an unknown state: all later calls fail,
// and a new pipe is needed.
//
// The methods may be called concurrently; the calls then take turns.
type ServerService struct {
	rpc  *rpcClient
	name string        // ServerName of every call
	turn chan struct{} // holds one token while a call uses rpc and the levels

	sessionLevel int // index into sessionLevels where SessionEnum starts
	shareLevel   int // index into shareLevels where ShareEnum starts
}

// NewServerService binds to srvsvc 3.0 over p, which must be the open pipe
// "srvsvc" of the share IPC$. The serverName is handed to the server in every
// call as it is; by custom it is `\\host`, and "" is sent as NULL. Servers do
// not use it except to choose between several names of their own ([MS-SRVS]
// 2.2.1.1). The pipe stays the caller's, who closes it.
func NewServerService(ctx context.Context, p pipeConn, serverName string) (*ServerService, error) {
	rpc, err := dialRPC(ctx, p, serverServiceSyntax)
	if err != nil {
		return nil, fmt.Errorf("srvsvc: %w", err)
	}
	return &ServerService{rpc: rpc, name: serverName, turn: make(chan struct{}, 1)}, nil
}

// serverCall is one call of the interface: its parameters, which are both in
// and out, and the layout of its request and of its response. The client
// writes the one and reads the other, a server the other way round and in
// between sets the response from the request with serve.
type serverCall interface {
	op() (opnum uint16, name string)
	request(n *ndr)
	serve(h ServerServiceHandler)
	response(n *ndr)
	returned() Win32Error
}

// do makes one call. The caller holds the turn.
func (s *ServerService) do(ctx context.Context, c serverCall) error {
	opnum, name := c.op()
	err := s.exchange(ctx, opnum, c)
	if err == nil && c.returned() != 0 {
		err = c.returned()
	}
	if err != nil {
		return fmt.Errorf("srvsvc: %s: %w", name, err)
	}
	return nil
}

func (s *ServerService) exchange(ctx context.Context, opnum uint16, c serverCall) error {
	n := newNDRWriter()
	c.request(n)
	if n.err != nil {
		return n.err
	}
	return s.rpc.call(ctx, opnum, n.buf, c.response)
}

// take waits for the turn; give hands it on.
func (s *ServerService) take(ctx context.Context, call string) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("srvsvc: %s: %w", call, ctx.Err())
	}
}

func (s *ServerService) give() { <-s.turn }

// once takes the turn and makes one call.
func (s *ServerService) once(ctx context.Context, c serverCall) error {
	_, name := c.op()
	if err := s.take(ctx, name); err != nil {
		return err
	}
	defer s.give()
	return s.do(ctx, c)
}
