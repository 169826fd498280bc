package smb

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// OpError is a failed operation: what was done, to what, and the server's
// answer or what kept it from coming. The NTSTATUS is never lost:
//
//	var e *smb.OpError
//	if errors.As(err, &e) && e.Status == smb.StatusSharingViolation { … }
//
// errors.Is with fs.ErrNotExist, fs.ErrExist, fs.ErrPermission and the like
// works beside it.
type OpError struct {
	Op     string   // "create", "tree connect", "log on", …
	Path   string   // the object, as the caller named it; may be empty
	Status NTStatus // the server's answer; StatusSuccess when Err says what failed
	Err    error    // nil when Status says it all
}

func (e *OpError) Error() string {
	what := e.Op
	if e.Path != "" {
		what += " " + e.Path
	}
	if e.Err != nil {
		return fmt.Sprintf("smb: %s: %v", what, e.Err)
	}
	return fmt.Sprintf("smb: %s: %s (%s)", what, e.Status, e.Status.Hex())
}

// Unwrap returns the cause when it was not a status.
func (e *OpError) Unwrap() error { return e.Err }

// Is makes errors.Is match the error of package io/fs that the status means.
func (e *OpError) Is(target error) bool {
	if e.Err != nil {
		return false
	}
	err := fsError(e.Status)
	return err != nil && err == target
}

// StatusOf returns the NTSTATUS that a server answered with, if err is such an
// answer or was caused by one.
func StatusOf(err error) (NTStatus, bool) {
	var e *OpError
	for errors.As(err, &e) {
		if e.Err == nil {
			return e.Status, true
		}
		err = e.Err
	}
	return 0, false
}

// asOpError returns err if it is an *OpError already, and else makes it one.
func asOpError(err error, op, path string) error {
	if e, ok := err.(*OpError); ok {
		return e
	}
	return &OpError{Op: op, Path: path, Err: err}
}

// The causes of an ended connection that are not the network's, and of a
// request that came to nothing. Test with errors.Is.
var (
	// ErrFrozen ends the requests of a connection that was told to freeze or
	// to vanish.
	ErrFrozen = errors.New("the connection was made to go silent")

	// ErrSignature is a message whose signature is wrong or missing.
	ErrSignature = errors.New("the signature does not match: the message was changed on its way, or client and server disagree on the key")

	// ErrNotEncrypted is an unencrypted answer in an encrypted session.
	ErrNotEncrypted = errors.New("the server answered an encrypted request in plain text")

	// ErrServerClosed is a connection that the server closed.
	ErrServerClosed = fmt.Errorf("the server closed the connection: %w", io.ErrUnexpectedEOF)
)

// timeoutError is a network step that took too long.
type timeoutError struct{ text string }

func (e *timeoutError) Error() string        { return e.text }
func (e *timeoutError) Timeout() bool        { return true }
func (e *timeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }
