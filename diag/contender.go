package diag

import (
	"context"

	"err32/smb"
)

// contender is a client that wants the file for reading and writing and lets
// others read and write it: what an ordinary program asks for.
type contender interface {
	// name is "go-smb2" or "err32".
	name() string

	// open opens the file. The error is not a server's answer but what kept it
	// from coming.
	open(ctx context.Context, path string) (smb.NTStatus, error)

	// letGo closes what open has got. An error means that the contender is of
	// no more use.
	letGo() error

	// leave ends the contender's session, if it has one of its own.
	leave(ctx context.Context)
}

// The contender's own access and share mode: those of go-smb2's OpenFile, so
// that both kinds contend for the same.
const (
	contenderAccess = smb.FileReadData | smb.FileWriteData | smb.FileReadAttributes | smb.Synchronize
	contenderShare  = smb.ShareRead | smb.ShareWrite
)

// ownContender contends with the tool's own client, in a session of its own or
// in the holder's.
type ownContender struct {
	client   *client
	borrowed bool // the session is the holder's
}

func (c *ownContender) name() string { return "err32" }

func (c *ownContender) open(ctx context.Context, path string) (smb.NTStatus, error) {
	_, err := c.client.tree.CreateClose(ctx, &smb.CreateRequest{
		Name:        path,
		Access:      contenderAccess,
		Share:       contenderShare,
		Disposition: smb.OpenFile,
		Options:     smb.NonDirectoryFile,
	})
	if status, ok := smb.StatusOf(err); ok {
		return status, nil
	}
	return smb.StatusSuccess, err
}

// letGo has nothing to do: open sends the CLOSE in one frame with the CREATE.
func (c *ownContender) letGo() error { return nil }

func (c *ownContender) leave(ctx context.Context) {
	if !c.borrowed {
		c.client.leave(ctx)
	}
}
