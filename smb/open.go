package smb

import (
	"context"
	"errors"
	"io"
)

// Open is what Windows calls a handle: a file, directory or pipe that the
// server holds open for this client, [MS-SMB2] 3.2.1.6.
type Open struct {
	Path    string // below the share, as the caller named it
	ID      FileID
	Created *CreateResponse // the server's answer to CREATE; whoever holds many may set it to nil
	tree    *Tree
}

// PendingCreate is a CREATE that was sent and not waited for yet.
type PendingCreate struct {
	tree *Tree
	path string
	call *call
}

// StartCreate sends a CREATE, [MS-SMB2] 3.2.4.3, and returns without the
// answer, so that many can be under way from one goroutine. It waits only for
// credits. The caller must Wait for it.
func (t *Tree) StartCreate(ctx context.Context, m *CreateRequest) (*PendingCreate, error) {
	calls, err := t.start(ctx, request{msg: m})
	if err != nil {
		return nil, &OpError{Op: "create", Path: m.Name, Err: err}
	}
	return &PendingCreate{tree: t, path: m.Name, call: calls[0]}, nil
}

// Wait returns the open, or why there is none. When ctx ends first, the CREATE
// is cancelled, and closed should it succeed all the same.
func (p *PendingCreate) Wait(ctx context.Context) (*Open, error) {
	m, _, err := p.call.result(ctx, "create", p.path)
	if err != nil {
		return nil, err
	}
	r := m.(*CreateResponse)
	return &Open{Path: p.path, ID: r.FileID, Created: r, tree: p.tree}, nil
}

// Create opens or creates a file or directory, [MS-SMB2] 3.2.4.3.
func (t *Tree) Create(ctx context.Context, m *CreateRequest) (*Open, error) {
	p, err := t.StartCreate(ctx, m)
	if err != nil {
		return nil, err
	}
	return p.Wait(ctx)
}

// CreateClose opens a file and closes it at once, as one chain of related
// requests: the shortest time an open can be there. A status in the error is
// CREATE's, unless the file could not be closed either way.
func (t *Tree) CreateClose(ctx context.Context, m *CreateRequest) (*CreateResponse, error) {
	calls, err := t.start(ctx, request{msg: m}, request{msg: &CloseRequest{FileID: RelatedFileID}})
	if err != nil {
		return nil, &OpError{Op: "create", Path: m.Name, Err: err}
	}
	r, _, err := calls[0].result(ctx, "create", m.Name)
	if err != nil {
		calls[1].wait(ctx) // fails with the same status; its credits are settled
		return nil, err
	}
	created := r.(*CreateResponse)
	if _, _, err := calls[1].result(ctx, "close", m.Name); err != nil {
		if _, answered := StatusOf(err); !answered {
			return nil, err
		}
		// A server may give a chain up whose CREATE took its time,
		// [MS-SMB2] 3.3.5.2.7: the open is there, and is closed by its name.
		if err := (&Open{Path: m.Name, ID: created.FileID, tree: t}).Close(ctx); err != nil {
			return nil, err
		}
	}
	return created, nil
}

// Tree is the tree the open is on.
func (o *Open) Tree() *Tree { return o.tree }

// Close gives the open up, [MS-SMB2] 3.2.4.5.
func (o *Open) Close(ctx context.Context) error {
	_, _, err := o.tree.roundTrip(ctx, request{msg: &CloseRequest{FileID: o.ID}}, "close", o.Path)
	return err
}

// PendingClose is a CLOSE that was sent and not waited for yet.
type PendingClose struct {
	path string
	call *call
}

// StartClose sends a CLOSE and returns without the answer. The caller must
// Wait for it.
func (o *Open) StartClose(ctx context.Context) (*PendingClose, error) {
	calls, err := o.tree.start(ctx, request{msg: &CloseRequest{FileID: o.ID}})
	if err != nil {
		return nil, &OpError{Op: "close", Path: o.Path, Err: err}
	}
	return &PendingClose{o.Path, calls[0]}, nil
}

// Wait returns when the server has answered the CLOSE.
func (p *PendingClose) Wait(ctx context.Context) error {
	_, _, err := p.call.result(ctx, "close", p.path)
	return err
}

// ReadAt reads up to len(b) bytes from offset, [MS-SMB2] 3.2.4.6; at the end
// of the file it returns io.EOF. It sends one READ, of at most MaxReadSize and
// of what the credits allow.
func (o *Open) ReadAt(ctx context.Context, b []byte, offset uint64) (int, error) {
	c := o.tree.session.conn
	var m Message
	err := errFewCredits
	for errors.Is(err, errFewCredits) { // the server has taken some back meanwhile
		size := uint32(min(uint64(len(b)), uint64(c.affordable(c.negotiated.maxRead))))
		m, _, err = o.tree.roundTrip(ctx, request{msg: &ReadRequest{FileID: o.ID, Offset: offset, Length: size}, payload: size}, "read", o.Path)
	}
	if err != nil {
		if status, ok := StatusOf(err); ok && status == StatusEndOfFile {
			return 0, io.EOF
		}
		return 0, err
	}
	return o.take("read", b, m.(*ReadResponse).Data)
}

// take copies the data of an answer that may be longer than what was asked.
func (o *Open) take(op string, b, data []byte) (int, error) {
	if len(data) > len(b) {
		return 0, &OpError{Op: op, Path: o.Path, Err: &DecodeError{"READ response", "DataLength", "is more than was asked for"}}
	}
	return copy(b, data), nil
}

// WriteAt writes b at offset, [MS-SMB2] 3.2.4.7, in as many WRITEs as the
// server's MaxWriteSize and the credits need.
func (o *Open) WriteAt(ctx context.Context, b []byte, offset uint64) (int, error) {
	c := o.tree.session.conn
	written := 0
	for written < len(b) {
		part := b[written:min(len(b), written+int(c.affordable(c.negotiated.maxWrite)))]
		m, _, err := o.tree.roundTrip(ctx, request{
			msg: &WriteRequest{FileID: o.ID, Offset: offset + uint64(written), Data: part}, payload: uint32(len(part)),
		}, "write", o.Path)
		if errors.Is(err, errFewCredits) { // the server has taken some back meanwhile
			continue
		}
		if err != nil {
			return written, err
		}
		n := m.(*WriteResponse).Count
		if n == 0 || uint64(n) > uint64(len(part)) {
			return written, &OpError{Op: "write", Path: o.Path, Err: &DecodeError{"WRITE response", "Count", "does not fit what was sent"}}
		}
		written += int(n)
	}
	return written, nil
}

// Flush makes the server write the file to its disk, [MS-SMB2] 3.2.4.8.
func (o *Open) Flush(ctx context.Context) error {
	_, _, err := o.tree.roundTrip(ctx, request{msg: &FlushRequest{FileID: o.ID}}, "flush", o.Path)
	return err
}

// Lock takes or gives up byte-range locks, [MS-SMB2] 3.2.4.19. Without
// LockFailImmediately it waits for the range, until ctx ends or the time-out
// passes.
func (o *Open) Lock(ctx context.Context, locks ...LockElement) error {
	_, _, err := o.tree.roundTrip(ctx, request{msg: &LockRequest{FileID: o.ID, Locks: locks}}, "lock", o.Path)
	return err
}

// IOCTL sends a file system or pipe control, [MS-SMB2] 3.2.4.20, and returns
// its output of at most maxOutput bytes.
func (o *Open) IOCTL(ctx context.Context, code uint32, input []byte, maxOutput uint32) ([]byte, error) {
	m, _, err := o.tree.roundTrip(ctx, request{
		msg:     &IOCTLRequest{Code: code, FileID: o.ID, Input: input, MaxOutput: maxOutput},
		payload: max(uint32(len(input)), maxOutput),
	}, "ioctl", o.Path, StatusBufferOverflow)
	if err != nil {
		return nil, err
	}
	return m.(*IOCTLResponse).Output, nil
}

// QueryInfo returns an information class of the file, [MS-SMB2] 3.2.4.15, of
// at most maxOutput bytes, which may be cut off there.
func (o *Open) QueryInfo(ctx context.Context, typ InfoType, class uint8, maxOutput uint32) ([]byte, error) {
	m, _, err := o.tree.roundTrip(ctx, request{
		msg:     &QueryInfoRequest{Type: typ, Class: class, MaxOutput: maxOutput, FileID: o.ID},
		payload: maxOutput,
	}, "query info", o.Path, StatusBufferOverflow)
	if err != nil {
		return nil, err
	}
	return m.(*QueryInfoResponse).Output, nil
}

// SetInfo changes an information class of the file, [MS-SMB2] 3.2.4.16.
func (o *Open) SetInfo(ctx context.Context, typ InfoType, class uint8, input []byte) error {
	_, _, err := o.tree.roundTrip(ctx, request{
		msg:     &SetInfoRequest{Type: typ, Class: class, FileID: o.ID, Input: input},
		payload: uint32(len(input)),
	}, "set info", o.Path)
	return err
}

// Remove marks the file for deletion: it goes when its last open is closed,
// FileDispositionInformation, [MS-FSCC] 2.4.11. The open needs DELETE access.
func (o *Open) Remove(ctx context.Context) error {
	return o.SetInfo(ctx, InfoFile, FileDispositionInformation, []byte{1})
}

// ReadDirectory lists a directory, [MS-SMB2] 3.2.4.17, and calls entry for
// each name that fits the pattern ("*" for all), "." and ".." included.
func (o *Open) ReadDirectory(ctx context.Context, pattern string, entry func(DirectoryEntry) error) error {
	const size = 64 << 10
	flags := DirectoryRestart
	for {
		m, _, err := o.tree.roundTrip(ctx, request{
			msg:     &QueryDirectoryRequest{Class: FileDirectoryInformation, Flags: flags, FileID: o.ID, Pattern: pattern, MaxOutput: size},
			payload: size,
		}, "list", o.Path)
		if err != nil {
			if status, ok := StatusOf(err); ok && status == StatusNoMoreFiles {
				return nil
			}
			return err
		}
		entries, err := ParseDirectory(FileDirectoryInformation, m.(*QueryDirectoryResponse).Output)
		if err != nil {
			return &OpError{Op: "list", Path: o.Path, Err: err}
		}
		if len(entries) == 0 {
			return nil
		}
		for _, e := range entries {
			if err := entry(e); err != nil {
				return err
			}
		}
		flags = 0
	}
}
