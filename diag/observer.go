package diag

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"err32/smb"
)

// observer reads the server's tables over \srvsvc, on a connection of its own
// that outlives the holder.
type observer struct {
	*client
	pipe   *smb.Pipe
	tables *smb.ServerService
	info   smb.ServerInfo
	shares []shareRoot
	offset *Millisecond // server's clock less ours; nil when unknown
	denied error        // why the tables cannot be read; nil when they can
	cut    bool         // a call was given up before its answer came
}

// shareRoot is where a share begins in the server's own paths.
type shareRoot struct {
	share string
	path  string // such as `C:\srv\data`, without a separator at its end
}

// observe connects an observer with a tree of share, if that is not empty, and
// opens its pipe. That the tables cannot be read is no error here: denied says
// why.
func (e Endpoint) observe(ctx context.Context, share string) (*observer, error) {
	c, err := e.as(ActorObserver).connect(ctx, share, smb.GUID{})
	if err != nil {
		return nil, err
	}
	o := &observer{client: c}
	o.denied = o.openTables(ctx, e.Target.Server)
	o.cut = unanswered(o.denied)
	if o.denied != nil && ctx.Err() != nil {
		o.leave(ctx)
		return nil, ctx.Err()
	}
	return o, nil
}

// openTables opens \srvsvc and asks what it needs to know of the server.
func (o *observer) openTables(ctx context.Context, server string) error {
	var err error
	if o.pipe, o.tables, err = o.openServerService(ctx, server); err != nil {
		return err
	}
	// Neither of these needs rights; what fails is left unknown.
	if o.info, err = o.tables.ServerInfo(ctx); err != nil && !isRefusal(err) {
		return err
	}
	if err := o.readClock(ctx); err != nil {
		return err
	}
	shares, err := o.tables.ShareEnum(ctx)
	if err != nil && !isRefusal(err) {
		return err
	}
	for _, s := range shares {
		if s.Path != "" && s.Type.Kind() == smb.STypeDisk {
			o.shares = append(o.shares, shareRoot{s.Name, strings.TrimRight(s.Path, `\`)})
		}
	}
	return nil
}

// openServerService opens a pipe to \srvsvc and binds to it. The pipe is
// returned also when the binding fails: it is to be closed all the same.
func (c *client) openServerService(ctx context.Context, server string) (*smb.Pipe, *smb.ServerService, error) {
	ipc, err := c.session.TreeConnect(ctx, "IPC$")
	if err != nil {
		return nil, nil, err
	}
	pipe, err := ipc.OpenPipe(ctx, "srvsvc")
	if err != nil {
		return nil, nil, err
	}
	tables, err := smb.NewServerService(ctx, pipe, `\\`+server)
	return pipe, tables, err
}

// readClock compares the server's clock with ours. NEGOTIATE's has 100 ns;
// NetrRemoteTOD, for servers that leave it out, 10 ms at best.
func (o *observer) readClock(ctx context.Context) error {
	before := time.Now()
	clock, err := o.tables.RemoteTOD(ctx)
	offset, known := clock.Sub(before.Add(time.Since(before)/2)), err == nil
	if negotiated, ok := o.conn.ClockOffset(); ok {
		offset, known = negotiated, true
	}
	if known {
		ms := Milliseconds(offset.Round(time.Millisecond))
		o.offset = &ms
	}
	if err != nil && !isRefusal(err) {
		return err
	}
	return nil
}

// isRefusal reports whether a call was answered, if only by a refusal: the
// pipe can then still be used.
func isRefusal(err error) bool {
	var win32 smb.Win32Error
	var fault *smb.RPCFault
	return errors.As(err, &win32) || errors.As(err, &fault)
}

// unanswered reports whether a call was given up before the server answered it.
func unanswered(err error) bool {
	_, answered := smb.StatusOf(err)
	return err != nil && !answered && !isRefusal(err)
}

// isSamba reports whether the server is Samba: its comment says so by default,
// and where the administrator gave it another, its ServerGuid is its NetBIOS
// name (measured, Samba 4.17).
func (o *observer) isSamba() bool {
	if strings.Contains(strings.ToLower(o.info.Comment), "samba") {
		return true
	}
	guid := o.conn.ServerGUID()
	return o.info.Name != "" && strings.EqualFold(strings.TrimRight(string(guid[:]), "\x00"), o.info.Name)
}

// describe adds what the server said of itself over \srvsvc.
func (o *observer) describe(info *ServerInfo) {
	o.client.describe(info)
	info.Name, info.Comment, info.ClockOffsetMS = o.info.Name, o.info.Comment, o.offset
	if o.info.Major != 0 {
		info.Version = fmt.Sprintf("%d.%d", o.info.Major, o.info.Minor)
	}
}

// whyNoTable says why the tables cannot be seen and how to change that.
func (o *observer) whyNoTable(err error) string {
	if !errors.Is(err, smb.ErrorAccessDenied) {
		return "The server's tables could not be read: " + plainText(err) + "."
	}
	why := "The server's tables could not be read (" + smb.ErrorAccessDenied.Error() + "): "
	const samba = "on Samba the user must be in BUILTIN\\Administrators, mapped once, as root on the server, with " +
		"`net groupmap add sid=S-1-5-32-544 ntgroup=Administrators unixgroup=GROUP type=builtin` (GROUP is a Unix group of the user's)"
	if o.isSamba() {
		return why + samba + "."
	}
	return why + "the user must be in the server's group Administrators or Server Operators; " + samba + "."
}

// opens lists the opens for which keep is true, mapped to shares.
func (o *observer) opens(ctx context.Context, keep func(*OpenRow) bool) ([]OpenRow, error) {
	rows := []OpenRow{}
	if o.denied != nil {
		return rows, o.denied
	}
	err := o.tables.FileEnum(ctx, "", "", func(f smb.FileInfo) error {
		row := o.newOpenRow(f)
		if keep == nil || keep(&row) {
			if len(rows) == cap(rows) {
				rows = slices.Grow(rows, len(rows)+1) // append alone copies large tables several times over
			}
			rows = append(rows, row)
		}
		return nil
	})
	if err != nil {
		o.cut = o.cut || unanswered(err)
		return nil, err
	}
	return rows, nil
}

func (o *observer) newOpenRow(f smb.FileInfo) OpenRow {
	row := OpenRow{
		ID:          "0x" + strings.ToUpper(strconv.FormatUint(uint64(f.ID), 16)),
		Path:        f.Path,
		User:        f.User,
		Access:      permissionWords(f.Permissions),
		Locks:       int(f.Locks),
		ClientBasis: BasisUnknown,
		Candidates:  []string{},
	}
	row.Share, row.SharePath = o.shareOf(f.Path)
	return row
}

// permissionWords names the bits of FILE_INFO_3 that servers agree on,
// [MS-SRVS] 2.2.4.7. The higher ones collide with those of an access mask.
func permissionWords(p uint32) []string {
	words := []string{}
	for i, word := range []string{"read", "write", "create"} {
		if p&(1<<i) != 0 {
			words = append(words, word)
		}
	}
	return words
}

// shareOf finds the share with the longest root that the server's path lies
// in. Windows and Samba compare paths without regard to case.
func (o *observer) shareOf(path string) (share, below string) {
	longest := -1
	for _, s := range o.shares {
		n := len(s.path)
		if n <= longest || len(path) < n || !strings.EqualFold(path[:n], s.path) {
			continue
		}
		if len(path) == n {
			share, below, longest = s.share, "", n
		} else if path[n] == '\\' {
			share, below, longest = s.share, path[n+1:], n
		}
	}
	return share, below
}

// isFile returns a filter for the opens of one file of a share. Where the
// share's root is not known the end of the path must do.
func (o *observer) isFile(share, path string) func(*OpenRow) bool {
	known := false
	for _, s := range o.shares {
		known = known || strings.EqualFold(s.share, share)
	}
	suffix := `\` + path
	return func(row *OpenRow) bool {
		if known && row.Share != "" {
			return strings.EqualFold(row.Share, share) && strings.EqualFold(row.SharePath, path)
		}
		n := len(row.Path) - len(suffix)
		return n >= 0 && strings.EqualFold(row.Path[n:], suffix)
	}
}

// leave closes the pipe and logs off. After a call that was given up it just
// closes the connection: Samba answers no LOGOFF before a READ of a pipe that
// is under way, and never that READ once the pipe is closed.
func (o *observer) leave(ctx context.Context) {
	if o.cut {
		o.conn.Close()
		return
	}
	if o.pipe != nil && o.conn.Err() == nil {
		o.pipe.Close(ctx)
	}
	o.client.leave(ctx)
}

// leaveAtEnd is leave at the end of a run whose ctx may have ended.
func (o *observer) leaveAtEnd(ctx context.Context) {
	cleanUp, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	o.cut = o.cut || ctx.Err() != nil
	o.leave(cleanUp)
}
