package smb

import (
	"context"
	"time"
)

// Attempt is what a CREATE met that asked only to learn the answer.
type Attempt struct {
	Status    NTStatus   // the answer; meaningless when Cancelled
	Pending   bool       // STATUS_PENDING came first: the server waits, as a rule for a client that caches the file
	Cancelled bool       // it was given up with CANCEL, because no answer followed in time
	Reads     []NTStatus // what the READs of TryRead met, once the CREATE has succeeded
}

// TryCreate opens a file and closes it at once, as one chain of related
// requests, and returns what the server said. When the server has taken the
// CREATE up with STATUS_PENDING and not answered it after patience, it is
// cancelled; the oplock or lease break that it waits for goes on all the same,
// [MS-SMB2] 3.3.5.16. An error says what kept the answer from coming, or that
// the file could not be closed.
func (t *Tree) TryCreate(ctx context.Context, m *CreateRequest, patience time.Duration) (Attempt, error) {
	return t.try(ctx, m, patience)
}

// TryRead is TryCreate with a READ of one byte at each of the offsets between
// the CREATE and the CLOSE. A byte-range lock of another open answers it with
// STATUS_FILE_LOCK_CONFLICT. No lock is taken.
func (t *Tree) TryRead(ctx context.Context, m *CreateRequest, patience time.Duration, offsets ...uint64) (Attempt, error) {
	return t.try(ctx, m, patience, offsets...)
}

func (t *Tree) try(ctx context.Context, m *CreateRequest, patience time.Duration, offsets ...uint64) (Attempt, error) {
	reads := make([]Message, len(offsets))
	for i, offset := range offsets {
		reads[i] = &ReadRequest{FileID: RelatedFileID, Offset: offset, Length: 1}
	}
	calls, err := t.startChain(ctx, m, reads...)
	if err != nil {
		return Attempt{}, err
	}
	gaveUp := calls[0].waitPatiently(ctx, patience)
	for _, call := range calls[1:] {
		call.restart()
	}
	a := Attempt{Pending: calls[0].wasPending()}
	if gaveUp {
		a.Cancelled = true
		for _, call := range calls[1:] {
			call.abandon() // they fail as the CREATE does
		}
		return a, nil
	}
	created, _, err := calls[0].result(ctx, "create", m.Name)
	if err != nil {
		status, answered := StatusOf(err)
		if !answered {
			return a, err
		}
		a.Status = status
		for _, call := range calls[1:] {
			call.wait(ctx) // fails with the same status; its credits are settled
		}
		return a, nil
	}
	last := len(calls) - 1
	for _, call := range calls[1:last] {
		_, status, err := call.result(ctx, "read", m.Name)
		if _, answered := StatusOf(err); err != nil && !answered {
			return a, err
		}
		a.Reads = append(a.Reads, status)
	}
	return a, t.closeChain(ctx, calls[last], m.Name, created.(*CreateResponse))
}

// Look opens a file and closes it at once, and asks for its
// FileStandardInformation between. That is nil where the server did not tell.
func (t *Tree) Look(ctx context.Context, m *CreateRequest) (*CreateResponse, *StandardInfo, error) {
	const size = 24 // of a StandardInfo
	calls, err := t.startChain(ctx, m, &QueryInfoRequest{Type: InfoFile, Class: FileStandardInformation, MaxOutput: size, FileID: RelatedFileID})
	if err != nil {
		return nil, nil, err
	}
	r, _, err := calls[0].result(ctx, "create", m.Name)
	if err != nil {
		for _, call := range calls[1:] {
			call.wait(ctx) // fails with the same status; its credits are settled
		}
		return nil, nil, err
	}
	created, info := r.(*CreateResponse), new(StandardInfo)
	answer, _, err := calls[1].result(ctx, "query info", m.Name)
	if _, answered := StatusOf(err); err != nil && !answered {
		return nil, nil, err
	}
	if err != nil || ParseInfo(answer.(*QueryInfoResponse).Output, info) != nil {
		info = nil
	}
	return created, info, t.closeChain(ctx, calls[2], m.Name, created)
}

// startChain sends a CREATE, what is to be done with the open, and its CLOSE.
func (t *Tree) startChain(ctx context.Context, m *CreateRequest, then ...Message) ([]*call, error) {
	chain := []request{{msg: m}}
	for _, msg := range then {
		chain = append(chain, request{msg: msg})
	}
	calls, err := t.start(ctx, append(chain, request{msg: &CloseRequest{FileID: RelatedFileID}})...)
	if err != nil {
		return nil, &OpError{Op: "create", Path: m.Name, Err: err}
	}
	return calls, nil
}

// closeChain waits for the CLOSE at the end of a chain whose CREATE has
// succeeded. A server may fail it for what befell the request before it, or
// give up a chain whose CREATE took its time, [MS-SMB2] 3.3.5.2.7.2: the open
// is there, and is closed by its id.
func (t *Tree) closeChain(ctx context.Context, k *call, path string, created *CreateResponse) error {
	_, _, err := k.result(ctx, "close", path)
	if _, answered := StatusOf(err); err == nil || !answered {
		return err
	}
	return (&Open{Path: path, ID: created.FileID, tree: t}).Close(ctx)
}

// cancelTime is how long a server is waited for that was sent a CANCEL.
const cancelTime = time.Second

// waitPatiently waits until the call is over, fails, or has had no answer for
// patience though the server has taken it up with STATUS_PENDING: then it is
// cancelled, and gaveUp is true unless an answer comes all the same.
func (k *call) waitPatiently(ctx context.Context, patience time.Duration) (gaveUp bool) {
	tick := time.NewTimer(patience)
	defer tick.Stop()
	timeout, stop := k.conn.timer(k.begun)
	defer stop()
	for {
		select {
		case <-k.done:
			return false
		case <-ctx.Done():
			return false
		case <-timeout:
			if !k.wasPending() {
				return false
			}
			timeout = nil // it was answered in time: now patience counts
			continue
		case <-tick.C:
		}
		if k.wasPending() {
			break
		}
		tick.Reset(max(patience, 10*time.Millisecond)) // nothing has come at all: a slow network
	}
	k.abandon()
	limit := time.NewTimer(cancelTime)
	defer limit.Stop()
	select {
	case <-k.done:
		return k.err == nil && k.header.Status == StatusCancelled
	case <-ctx.Done():
		return false
	case <-limit.C:
		return true
	}
}

// restart makes the time-out of a call count from now.
func (k *call) restart() {
	k.conn.mu.Lock()
	defer k.conn.mu.Unlock()
	k.begun = time.Now()
}

// wasPending reports whether the server had taken the request up with
// STATUS_PENDING.
func (k *call) wasPending() bool {
	k.conn.mu.Lock()
	defer k.conn.mu.Unlock()
	return k.interim
}
