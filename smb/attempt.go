package smb

import (
	"context"
	"errors"
	"time"
)

// Attempt is what a CREATE met that asked only to learn the answer.
type Attempt struct {
	Status    NTStatus // the answer; meaningless when Cancelled
	Pending   bool     // STATUS_PENDING came first: the server waits for a client that caches the file
	Cancelled bool     // it was given up with CANCEL, because no answer followed in time
	Read      NTStatus // what the READ met, of TryRead, once the CREATE has succeeded
}

// TryCreate opens a file and closes it at once, as one chain of related
// requests, and returns what the server said. When the server takes the CREATE
// up and does not answer it within patience, it is cancelled; the oplock or
// lease break that it waits for goes on all the same, [MS-SMB2] 3.3.5.16. An
// error says what kept the answer from coming.
func (t *Tree) TryCreate(ctx context.Context, m *CreateRequest, patience time.Duration) (Attempt, error) {
	return t.try(ctx, m, patience)
}

// TryRead is TryCreate with a READ of one byte at each of the offsets between
// the CREATE and the CLOSE. A byte-range lock of another open answers it with
// STATUS_FILE_LOCK_CONFLICT: then Attempt.Read is that, and else the status of
// the last READ. No lock is taken.
func (t *Tree) TryRead(ctx context.Context, m *CreateRequest, patience time.Duration, offsets ...uint64) (Attempt, error) {
	return t.try(ctx, m, patience, offsets...)
}

func (t *Tree) try(ctx context.Context, m *CreateRequest, patience time.Duration, offsets ...uint64) (Attempt, error) {
	chain := []request{{msg: m}}
	for _, offset := range offsets {
		chain = append(chain, request{msg: &ReadRequest{FileID: RelatedFileID, Offset: offset, Length: 1}})
	}
	chain = append(chain, request{msg: &CloseRequest{FileID: RelatedFileID}})
	calls, err := t.start(ctx, chain...)
	if err != nil {
		return Attempt{}, &OpError{Op: "create", Path: m.Name, Err: err}
	}
	limited, stop := context.WithTimeout(ctx, patience)
	defer stop()
	_, _, err = calls[0].result(limited, "create", m.Name)
	a := Attempt{Pending: calls[0].wasPending()}
	status, answered := StatusOf(err)
	switch {
	case answered:
		a.Status = status
	case err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) && a.Pending:
		a.Cancelled = true
		for _, call := range calls[1:] {
			call.abandon() // they fail as the CREATE does
		}
		return a, nil
	case err != nil:
		return a, err
	}
	for i, call := range calls[1:] {
		_, _, err := call.result(ctx, "read", m.Name)
		status, answered := StatusOf(err)
		if err != nil && !answered {
			return a, err
		}
		if i < len(offsets) && a.Read != StatusFileLockConflict {
			a.Read = status
		}
	}
	return a, nil
}

// wasPending reports whether the server had taken the request up with
// STATUS_PENDING.
func (k *call) wasPending() bool {
	k.conn.mu.Lock()
	defer k.conn.mu.Unlock()
	return k.interim
}
