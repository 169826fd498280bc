package lab

import (
	"strings"

	"err32/smb"
)

// pipe is an open named pipe: the one there is, srvsvc.
type pipe struct {
	rpc   *smb.RPCServer
	ready chan struct{} // closed when there is something to read, or the end
	over  bool
}

// openPipe opens a named pipe, [MS-SMB2] 3.3.5.9 for IPC$.
func (r *request) openPipe(m *smb.CreateRequest) (smb.Message, smb.NTStatus) {
	s := r.server()
	if m.Access == 0 {
		return nil, smb.StatusAccessDenied
	}
	if name := strings.TrimPrefix(m.Name, `\`); fold(name) != "SRVSVC" {
		return nil, smb.StatusObjectNameNotFound
	}
	o := &open{
		session: r.session, tree: r.tree, share: r.tree.share, path: `\PIPE\srvsvc`,
		access: expand(m.Access, allAccess), sharing: m.Share, options: m.Options,
	}
	o.pipe = &pipe{rpc: s.newServerService(r.session), ready: make(chan struct{})}
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

// writePipe hands a message to the pipe.
func (r *request) writePipe(o *open, m *smb.WriteRequest) (smb.Message, smb.NTStatus) {
	if err := o.pipe.rpc.Write(m.Data); err != nil {
		return nil, smb.StatusPipeDisconnected
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
			return nil, smb.StatusInsufficientResources
		case waitCancelled, waitGone:
			return nil, smb.StatusCancelled
		}
		if o.pipe.over {
			return nil, smb.StatusFileClosed
		}
	}
}
