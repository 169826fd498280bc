package diag

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	smb2 "github.com/hirochachacha/go-smb2"

	"err32/smb"
)

// stockContender contends with an unmodified go-smb2 v1.1.0: the violation it
// meets cannot come from a request made up by this tool.
type stockContender struct {
	socket  net.Conn
	session *smb2.Session
	share   *smb2.Share
	timeout time.Duration // of one operation; 0 means none
	broken  bool          // a request may be under way; LOGOFF would make it panic
	got     *smb2.File    // what open has got, until letGo
	done    func()        // frees the context that got was opened with
}

// errStockUnfit is why go-smb2 cannot contend as the run was asked to.
var errStockUnfit = errors.New("go-smb2 cannot do what was asked for")

// connectStock logs a go-smb2 client on.
func (e Endpoint) connectStock(ctx context.Context) (*stockContender, error) {
	switch {
	case e.Credentials.Anonymous:
		return nil, fmt.Errorf("%w: it has no anonymous log-on", errStockUnfit)
	case e.Encryption != smb.Auto:
		return nil, fmt.Errorf("%w: its encryption cannot be set to %s", errStockUnfit, e.Encryption)
	}
	ctx, cancel := withTimeout(ctx, e.Timeout)
	defer cancel()
	dialer := net.Dialer{KeepAlive: -1}
	socket, err := dialer.DialContext(ctx, "tcp", e.Target.Address())
	if err != nil {
		return nil, err
	}
	socket = e.Capture.tap(socket, e.Credentials)
	d := smb2.Dialer{
		Negotiator: smb2.Negotiator{RequireMessageSigning: e.Signing == smb.Required},
		Initiator: &smb2.NTLMInitiator{
			User: e.Credentials.User, Password: e.Credentials.Password, Hash: e.Credentials.NTHash, Domain: e.Credentials.Domain,
		},
	}
	if e.MaxDialect != 0 && e.MaxDialect != smb.SMB311 {
		d.Negotiator.SpecifiedDialect = uint16(e.MaxDialect)
	}
	c := &stockContender{socket: socket, timeout: e.Timeout}
	if c.session, err = d.DialContext(ctx, socket); err != nil {
		socket.Close()
		return nil, err
	}
	if c.share, err = c.session.WithContext(ctx).Mount(e.Target.Share); err != nil {
		c.leave(ctx)
		return nil, err
	}
	return c, nil
}

func (c *stockContender) name() string { return "go-smb2" }

func (c *stockContender) open(ctx context.Context, path string) (smb.NTStatus, error) {
	ctx, cancel := withTimeout(ctx, c.timeout)
	f, err := c.share.WithContext(ctx).OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		c.got, c.done = f, cancel // a file outlives its context only unclosed
	} else {
		cancel()
	}
	return c.status(err)
}

func (c *stockContender) letGo() error {
	if c.got == nil {
		return nil
	}
	_, err := c.status(c.got.Close())
	c.done()
	c.got = nil
	return err
}

// status finds the server's answer in go-smb2's error. It loses the NTSTATUS
// of two answers, for which it has errors of package os instead.
func (c *stockContender) status(err error) (smb.NTStatus, error) {
	var response *smb2.ResponseError
	switch {
	case err == nil:
		return smb.StatusSuccess, nil
	case errors.As(err, &response):
		return smb.NTStatus(response.Code), nil
	case errors.Is(err, os.ErrNotExist):
		return smb.StatusObjectNameNotFound, nil
	case errors.Is(err, os.ErrPermission):
		return smb.StatusAccessDenied, nil
	}
	c.broken = true
	return smb.StatusSuccess, err
}

// otherTries is what reading, renaming and deleting the file meet, each done
// as a program does it. It must be called only while the holder's share mode
// is known to refuse what changes the file. Each is handed to met as it is
// answered. The error is what kept an answer from coming.
func (c *stockContender) otherTries(ctx context.Context, path string, met func(operation string, status smb.NTStatus)) ([]OtherTry, error) {
	ctx, cancel := withTimeout(ctx, c.timeout)
	defer cancel()
	share := c.share.WithContext(ctx)
	operations := []struct {
		name string
		do   func() error
	}{
		{"read", func() error {
			f, err := share.Open(path)
			if err == nil {
				err = f.Close()
			}
			return err
		}},
		{"rename", func() error { return share.Rename(path, path+".renamed") }},
		{"delete", func() error { return share.Remove(path) }},
	}
	tries := []OtherTry{}
	for _, o := range operations {
		err := o.do()
		status, failed := c.status(err)
		if failed != nil {
			return tries, failed
		}
		t := OtherTry{Operation: o.name, When: "held", Status: status.Hex(), StatusName: status.String(), Text: "ok"}
		if err != nil {
			t.Text = strings.TrimSpace(err.Error())
		}
		tries = append(tries, t)
		met(o.name, status)
	}
	return tries, nil
}

func (c *stockContender) leave(ctx context.Context) {
	c.letGo()
	// Logoff waits without a bound unless it is given one, and panics with a
	// request under way.
	if !c.broken {
		ctx, cancel := withTimeout(ctx, c.timeout)
		defer cancel()
		c.session.WithContext(ctx).Logoff()
	}
	c.socket.Close()
}

// withTimeout bounds ctx by d; 0 means no bound.
func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}
