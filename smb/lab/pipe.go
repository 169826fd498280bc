package lab

import (
	"errors"
	"strings"

	"err32/smb"
)

// pipe is an open named pipe: the one there is, srvsvc.
type pipe struct {
	name  string
	rpc   *smb.RPCServer
	ready chan struct{} // closed when there is something to read, or the end
	over  bool
}

// openPipe opens a named pipe, [MS-SMB2] 3.3.5.9 for IPC$.
func (r *request) openPipe(m *smb.CreateRequest) (smb.Message, smb.NTStatus) {
	s := r.server()
	switch {
	case m.Access == 0:
		return nil, smb.StatusAccessDenied
	case s.pipes >= s.Limits.Pipes:
		return nil, smb.StatusInsufficientResources
	}
	if name := strings.TrimPrefix(m.Name, `\`); fold(name) != "SRVSVC" {
		return nil, smb.StatusObjectNameNotFound
	}
	o := &open{
		session: r.session, tree: r.tree, share: r.tree.share,
		access: expand(m.Access, allAccess), sharing: m.Share, options: m.Options,
	}
	o.pipe = &pipe{name: `\PIPE\srvsvc`, rpc: s.newServerService(r.session), ready: make(chan struct{})}
	s.addOpen(o)
	id := o.id
	r.chain.fileID = &id
	return &smb.CreateResponse{FileID: o.id, Action: smb.Opened, Attributes: smb.AttributeNormal}, smb.StatusSuccess
}

func (p *pipe) close() {
	p.over = true
	p.wake()
}

func (p *pipe) wake() {
	close(p.ready)
	p.ready = make(chan struct{})
}

// write gives the pipe what the client sends. One that has too much to answer
// already can be written to again once its answers are read.
func (p *pipe) write(b []byte) smb.NTStatus {
	switch err := p.rpc.Write(b); {
	case errors.Is(err, smb.ErrRPCFull):
		return smb.StatusInsufficientResources
	case err != nil:
		return smb.StatusPipeDisconnected
	}
	return smb.StatusSuccess
}

// writePipe hands a message to the pipe.
func (r *request) writePipe(o *open, m *smb.WriteRequest) (smb.Message, smb.NTStatus) {
	if status := o.pipe.write(m.Data); status != smb.StatusSuccess {
		return nil, status
	}
	o.pipe.wake()
	return &smb.WriteResponse{Count: uint32(len(m.Data))}, smb.StatusSuccess
}

// readPipe takes what the pipe has, and waits for it if need be.
func (r *request) readPipe(o *open, m *smb.ReadRequest) (smb.Message, smb.NTStatus) {
	b, status := r.takePipe(o, int(m.Length))
	if b == nil {
		return nil, status
	}
	return &smb.ReadResponse{Data: b}, status
}

func (r *request) takePipe(o *open, most int) ([]byte, smb.NTStatus) {
	for {
		if b, more := o.pipe.rpc.Read(most); b != nil {
			if more {
				return b, smb.StatusBufferOverflow
			}
			return b, smb.StatusSuccess
		}
		switch r.wait(o.pipe.ready, -1) {
		case waitRefused:
			return nil, r.refused()
		case waitCancelled, waitGone:
			return nil, smb.StatusCancelled
		}
		if o.pipe.over {
			return nil, smb.StatusFileClosed
		}
	}
}
