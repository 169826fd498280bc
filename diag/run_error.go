package diag

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	smb2 "github.com/hirochachacha/go-smb2"

	"err32/smb"
)

// newRunError puts an error that ended a run into the report's terms. what is
// the step that failed, in words.
func newRunError(what string, err error) *RunError {
	e := &RunError{Op: what, Text: plainText(err)}
	if status, ok := smb.StatusOf(err); ok {
		e.Status, e.StatusName = status.Hex(), status.String()
		if w, ok := status.Win32(); ok {
			e.Win32 = &w
		}
		e.Text = statusText(status)
		var h *hint
		if errors.As(err, &h) {
			e.Text += ", " + h.text
		}
	}
	var op *smb.OpError
	if errors.As(err, &op) {
		e.Object = op.Path
	}
	var refused smb.Win32Error
	if errors.As(err, &refused) {
		code := uint32(refused)
		e.Win32 = &code
	}
	return e
}

// plainText is an error as a person wants to read it, without the names of
// packages and system calls.
func plainText(err error) string {
	var op *smb.OpError
	var network *net.OpError
	var dns *net.DNSError
	var stockContext *smb2.ContextError
	var stockTransport *smb2.TransportError
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %q could not be resolved: %s", dns.Name, dns.Err)
	case errors.Is(err, net.ErrClosed):
		return "the connection has ended"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens on this port"
	case errors.As(err, &network) && network.Op == "dial" && network.Timeout():
		return "no answer to the connection request: the host is down or a firewall drops it"
	case errors.Is(err, syscall.ECONNRESET):
		return "the server reset the connection"
	case errors.Is(err, syscall.EPIPE):
		return "the server closed the connection"
	case errors.As(err, &network) && network.Err != nil:
		return network.Err.Error()
	case errors.Is(err, smb.ErrServerClosed), errors.Is(err, io.EOF):
		return "the server closed the connection"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &stockContext) && stockContext.Timeout():
		return "the server did not answer in time"
	case errors.As(err, &op) && op.Err != nil:
		return plainText(op.Err)
	case errors.As(err, &stockTransport):
		return plainText(stockTransport.Err)
	}
	return strings.TrimPrefix(err.Error(), "smb: ")
}

// statusText says in a few words what a status means where a run cannot go on.
func statusText(s smb.NTStatus) string {
	switch s {
	case smb.StatusLogonFailure:
		return "the user name or the password is wrong"
	case smb.StatusBadNetworkName:
		return "there is no share of this name on the server"
	case smb.StatusAccessDenied:
		return "the user has no right to do this"
	case smb.StatusNotSupported:
		return "the server does not support this; of a connection: it speaks none of the dialects offered"
	case smb.StatusObjectNameNotFound, smb.StatusNoSuchFile:
		return "there is no such file or folder"
	case smb.StatusObjectPathNotFound:
		return "there is no folder of this name"
	case smb.StatusNotADirectory:
		return "this is a file; a folder is needed"
	case smb.StatusFileIsADirectory:
		return "this is a folder; a file is needed"
	case smb.StatusObjectNameCollision:
		return "there is a file of this name already; nothing was changed"
	case smb.StatusSharingViolation:
		return "the share modes of this open and of another one do not go together"
	case smb.StatusFileLockConflict:
		return "another open holds a byte-range lock here"
	case smb.StatusInsufficientResources, smb.StatusTooManyOpenedFiles:
		return "the server's limit of open files is reached"
	case smb.StatusDeletePending:
		return "the file is marked for deletion, and somebody still has it open"
	}
	return "the server refused"
}
