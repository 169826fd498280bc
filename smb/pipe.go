package smb

import (
	"context"
	"io"
)

// Pipe is an open named pipe on IPC$, [MS-SMB2] 3.2.4.3: a stream of bytes each
// way, as DCE/RPC uses it. It is used by one goroutine.
type Pipe struct {
	open     *Open
	reads    []*call // READs under way, the oldest first
	ready    []byte  // read and not yet taken
	expected int     // messages that are certain to come
}

// pipeRead is the size of one READ: more than any fragment a server sends.
const pipeRead = 16 << 10

// pipeReads is how many READs are kept under way at most: while one answer is
// decoded the server fills the next.
const pipeReads = 8

// Expect says how many more messages are certain to come. Only for these is
// more than one READ sent at a time: Samba neither cancels a READ of a pipe nor
// ends it at the CLOSE, and answers no LOGOFF while one waits.
func (p *Pipe) Expect(messages int) { p.expected = messages }

// OpenPipe opens a named pipe such as "srvsvc" on a tree of IPC$.
func (t *Tree) OpenPipe(ctx context.Context, name string) (*Pipe, error) {
	o, err := t.Create(ctx, &CreateRequest{
		Name:        name,
		Access:      FileReadData | FileWriteData | FileAppendData | FileReadEA | FileWriteEA | FileReadAttributes | FileWriteAttributes | ReadControl | Synchronize,
		Share:       ShareRead | ShareWrite | ShareDelete,
		Disposition: OpenFile,
	})
	if err != nil {
		return nil, err
	}
	return &Pipe{open: o}, nil
}

// Open is the open behind the pipe.
func (p *Pipe) Open() *Open { return p.open }

// Write sends b as one message.
func (p *Pipe) Write(ctx context.Context, b []byte) error {
	_, err := p.open.WriteAt(ctx, b, 0)
	return err
}

// Read reads what the server has sent, at least one byte. The bounds of the
// messages are not kept. STATUS_BUFFER_OVERFLOW, which says that more of a
// message follows, is no error.
func (p *Pipe) Read(ctx context.Context, b []byte) (int, error) {
	for len(p.ready) == 0 {
		for len(p.reads) < max(1, min(p.expected, pipeReads)) {
			calls, err := p.open.tree.start(ctx, request{msg: &ReadRequest{FileID: p.open.ID, Length: pipeRead}, payload: pipeRead})
			if err != nil {
				return 0, &OpError{Op: "read", Path: p.open.Path, Err: err}
			}
			p.reads = append(p.reads, calls[0])
		}
		m, _, err := p.reads[0].result(ctx, "read", p.open.Path, StatusBufferOverflow)
		p.reads = p.reads[1:]
		if err != nil {
			return 0, err
		}
		p.expected = max(p.expected-1, 0)
		data := m.(*ReadResponse).Data
		if len(data) == 0 {
			return 0, &OpError{Op: "read", Path: p.open.Path, Err: io.ErrUnexpectedEOF}
		}
		p.ready = data
	}
	n := copy(b, p.ready)
	p.ready = p.ready[n:]
	return n, nil
}

// Close closes the pipe. It is to be called between two messages, when no READ
// waits.
func (p *Pipe) Close(ctx context.Context) error { return p.open.Close(ctx) }
