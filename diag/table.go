package diag

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"err32/smb"
)

// TableOptions says what the table command shows. Empty filters let everything
// through; they compare without regard to case.
type TableOptions struct {
	Endpoint Endpoint // a share and path in its target limit the opens to what lies there
	Path     string   // part of an open's path, with either kind of slash
	User     string   // name of the user
	Client   string   // name or address of the client
	OnEvent  func(Event)
}

// table is one run of the table command.
type table struct {
	o        TableOptions
	rec      *Recorder
	report   *Report
	res      *TableResult
	observer *observer
	second   *smb.Pipe // a pipe for the smaller calls, beside the long one

	noConnections               bool // they were not asked for
	listedOpens, listedSessions int  // before the filters
}

// Table reads the server's opens, sessions and connections, and joins them as
// far as the protocol allows. The report is never nil.
func Table(ctx context.Context, o TableOptions) *Report {
	t := &table{o: o, rec: NewRecorder(o.OnEvent), report: newReport("table", o.Endpoint)}
	t.res = &TableResult{Opens: []OpenRow{}, Sessions: []SessionRow{}, Connections: []ConnectionRow{}}
	failed := t.run(ctx)
	if t.observer != nil {
		cleanUp, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
		t.observer.cut = t.observer.cut || ctx.Err() != nil
		if t.second != nil && !t.observer.cut && t.observer.conn.Err() == nil {
			t.second.Close(cleanUp)
		}
		t.observer.leave(cleanUp)
		cancel()
	}
	t.report.end(ctx, t.rec, failed, func() (*Verdict, *RunError) {
		t.report.Table = t.res
		return &Verdict{Code: 0, Name: "NO_ERROR", Because: []int{}, Next: []string{}, Summary: t.summary()}, nil
	})
	return t.report
}

// summary counts what is shown, and what the server lists besides.
func (t *table) summary() string {
	opens, sessions := len(t.res.Opens), len(t.res.Sessions)
	if opens == t.listedOpens && sessions == t.listedSessions {
		return fmt.Sprintf("The server lists %s and %s.", countOpens(opens), countSessions(sessions))
	}
	return fmt.Sprintf("Of the %s and %s that the server lists, %d and %d are what was asked for.",
		countOpens(t.listedOpens), countSessions(t.listedSessions), opens, sessions)
}

func countSessions(n int) string {
	if n == 1 {
		return "1 session"
	}
	return fmt.Sprintf("%d sessions", n)
}

func (t *table) note(format string, args ...any) {
	t.report.Notes = append(t.report.Notes, fmt.Sprintf(format, args...))
}

func (t *table) run(ctx context.Context) *RunError {
	e := t.o.Endpoint
	o, err := e.observe(ctx, "")
	if err != nil {
		return newRunError("connect to "+e.Target.Address(), err)
	}
	t.observer = o
	t.report.Server = &ServerInfo{}
	o.describe(t.report.Server)
	if o.denied != nil {
		t.note("%s", o.whyNoTable(o.denied))
		return newRunError("read the server's tables", o.denied)
	}
	if share := e.Target.Share; share != "" && len(o.shares) > 0 &&
		!slices.ContainsFunc(o.shares, func(s shareRoot) bool { return strings.EqualFold(s.share, share) }) {
		return newRunError("find "+e.Target.String(), &smb.OpError{Op: "find", Path: share, Status: smb.StatusBadNetworkName})
	}
	var wg sync.WaitGroup
	var sessions []smb.SessionInfo
	var sessionsErr, connectionsErr error
	wg.Go(func() { sessions, connectionsErr, sessionsErr = t.smallerTables(ctx) })
	rows, err := o.opens(ctx, nil)
	wg.Wait()
	if err != nil {
		t.note("%s", o.whyNoTable(err))
		return newRunError("read the server's tables", err)
	}
	if sessionsErr != nil {
		t.note("The sessions could not be read (%s), so no open could be joined to its client.", plainText(sessionsErr))
	}
	if connectionsErr != nil {
		t.note("The connections could not be read: %s.", plainText(connectionsErr))
	}
	if t.noConnections {
		t.note("The connections were left out: Samba would walk through its whole table of opens once for each share, and tells nothing of a connection but how many opens it has.")
	}
	t.res.Sessions = t.sessionRows(sessions)
	t.markOwnPipes(rows)
	t.joinClients(ctx, rows)
	t.listedOpens, t.listedSessions = len(rows), len(t.res.Sessions)
	t.filter(rows)
	return nil
}

// smallerTables reads the sessions and the connections of every disk share on
// a pipe of its own, while the opens are being read.
func (t *table) smallerTables(ctx context.Context) (sessions []smb.SessionInfo, connectionsErr, sessionsErr error) {
	var tables *smb.ServerService
	var err error
	if t.second, tables, err = t.observer.openServerService(ctx, t.o.Endpoint.Target.Server); err != nil {
		return nil, err, err
	}
	sessions, sessionsErr = tables.SessionEnum(ctx, "", "")
	opens := 0
	for _, s := range sessions {
		opens += int(s.Opens)
	}
	if t.observer.isSamba() && opens > maxSambaOpens {
		t.noConnections = true
		return sessions, nil, sessionsErr
	}
	for _, s := range t.observer.shares {
		connections, err := tables.ConnectionEnum(ctx, s.share)
		if err != nil {
			return sessions, err, sessionsErr
		}
		for _, c := range connections {
			t.res.Connections = append(t.res.Connections, t.connectionRow(s.share, c))
		}
	}
	return sessions, nil, sessionsErr
}

// maxSambaOpens is from how many opens on Samba's connections are left out:
// for each share it walks through the whole table, in the process that is to
// list the opens too, and all it has to tell is their number.
const maxSambaOpens = 1000

// connectionRow leaves out what Samba fills in without knowing it.
func (t *table) connectionRow(share string, c smb.ConnectionInfo) ConnectionRow {
	row := ConnectionRow{Share: share, Opens: int(c.Opens)}
	if !t.observer.isSamba() {
		age := int64(c.Age / time.Second)
		row.ID, row.User, row.AgeS = fmt.Sprintf("0x%X", c.ID), c.User, &age
	}
	return row
}

// sessionRows puts the sessions into the report's terms and marks the tool's
// own.
func (t *table) sessionRows(sessions []smb.SessionInfo) []SessionRow {
	rows := make([]SessionRow, 0, len(sessions))
	samba := t.observer.isSamba()
	for _, s := range sessions {
		row := SessionRow{Client: s.Client, User: s.User}
		known := s.Known()
		if known&smb.SessionHasOpens != 0 {
			n := int(s.Opens)
			row.Opens = &n
		}
		if known&smb.SessionHasTimes != 0 {
			age := int64(s.Age / time.Second)
			row.AgeS = &age
			if !samba {
				idle := int64(s.Idle / time.Second)
				row.IdleS = &idle
			}
		}
		rows = append(rows, row)
	}
	if samba && len(rows) > 0 {
		t.note("Samba does not keep how long a session has been idle, nor who a connection belongs to.")
	}
	t.markOwn(rows)
	return rows
}

// markOwn marks the tool's own session: the one of its user and address that
// is as old as it. Where several fit, none is marked.
func (t *table) markOwn(rows []SessionRow) {
	host := hostOf(t.observer.conn.LocalAddr().String())
	age := int64(time.Since(t.observer.since)/time.Second) + 1
	own := -1
	for i, row := range rows {
		if !strings.EqualFold(row.Client, host) || row.AgeS == nil || *row.AgeS > age || !sameUser(row.User, t.o.Endpoint.Credentials.User) {
			continue
		}
		if own >= 0 {
			t.note("The tool's own session is one of several young ones of %s from %s; it could not be told which.", row.User, row.Client)
			return
		}
		own = i
	}
	if own >= 0 {
		rows[own].Own = true
	}
}

// ownPipes is how many pipes Table itself opens.
const ownPipes = 2

// markOwnPipes marks the tool's own opens: its pipes to srvsvc. Windows lists
// pipes by its documentation, [MS-SMB2] 3.3.4.20, which was not seen on a
// server; Samba does not list them.
func (t *table) markOwnPipes(rows []OpenRow) {
	var found []*OpenRow
	for i := range rows {
		name := rows[i].Path[strings.LastIndexByte(rows[i].Path, '\\')+1:]
		if rows[i].Share == "" && strings.EqualFold(name, "srvsvc") && sameUser(rows[i].User, t.o.Endpoint.Credentials.User) {
			found = append(found, &rows[i])
		}
	}
	if len(found) > ownPipes {
		t.note("%d of the %d pipes to srvsvc of %s are the tool's own; it could not be told which.", ownPipes, len(found), t.o.Endpoint.Credentials.User)
		return
	}
	for _, row := range found {
		row.Own = true
	}
}

// sameUser compares the name in a table with the one logged on with, which may
// be written user@domain.
func sameUser(listed, user string) bool {
	name, _, _ := strings.Cut(user, "@")
	return strings.EqualFold(listed, user) || strings.EqualFold(listed, name)
}

func hostOf(addr string) string {
	i := strings.LastIndexByte(addr, ':')
	if i < 0 {
		return addr
	}
	return strings.Trim(addr[:i], "[]")
}

// maxFilteredClients bounds the listings that ask for one client each.
const maxFilteredClients = 64

// joinClients finds out which client an open belongs to. Windows lists the
// opens of one client when asked; elsewhere the user's sessions must do, but
// for the tool's own, which has nothing open but its pipes.
func (t *table) joinClients(ctx context.Context, rows []OpenRow) {
	if exact := t.exactClients(ctx); exact != nil {
		for i := range rows {
			if client, ok := exact[rows[i].ID]; ok {
				rows[i].Client, rows[i].ClientBasis = client, BasisExact
			}
		}
	}
	clients := map[string][]string{} // by user, in lower case
	for _, s := range t.res.Sessions {
		user := strings.ToLower(s.User)
		if s.User != "" && !s.Own && !slices.Contains(clients[user], s.Client) {
			clients[user] = append(clients[user], s.Client)
		}
	}
	for i := range rows {
		row := &rows[i]
		if row.Own {
			row.Client, row.ClientBasis = hostOf(t.observer.conn.LocalAddr().String()), BasisExact
		}
		if row.ClientBasis == BasisExact {
			continue
		}
		switch found := clients[strings.ToLower(row.User)]; {
		case row.User == "" || len(found) == 0:
			row.ClientBasis = BasisUnknown
		case len(found) == 1:
			row.Client, row.ClientBasis = found[0], BasisOnlySession
		default:
			row.ClientBasis, row.Candidates = BasisOneOf, found
		}
	}
}

// exactClients asks for the opens of one client after the other. It is nil
// where that is not known to work: Samba compares the client's name with the
// users' and lists nothing.
func (t *table) exactClients(ctx context.Context) map[string]string {
	if t.observer.isSamba() {
		return nil
	}
	var clients []string
	for _, s := range t.res.Sessions {
		if s.Client != "" && !slices.Contains(clients, s.Client) {
			clients = append(clients, s.Client)
		}
	}
	if len(clients) < 2 {
		return nil // the only client is found without asking
	}
	if len(clients) > maxFilteredClients {
		t.note("There are sessions from %d clients: too many to ask for the opens of each.", len(clients))
		return nil
	}
	found := map[string]string{}
	for _, client := range clients {
		err := t.observer.tables.FileEnum(ctx, "", `\\`+strings.TrimLeft(client, `\`), func(f smb.FileInfo) error {
			id := fmt.Sprintf("0x%X", f.ID)
			if other, twice := found[id]; twice && other != client {
				return fmt.Errorf("the server listed open %s for two clients", id)
			}
			found[id] = client
			return nil
		})
		if err != nil {
			t.note("The opens could not be listed by client: %s.", plainText(err))
			return nil
		}
	}
	return found
}

// filter keeps the opens, sessions and connections that were asked for.
func (t *table) filter(rows []OpenRow) {
	target := t.o.Endpoint.Target
	path := strings.ToLower(strings.ReplaceAll(t.o.Path, "/", `\`))
	below := strings.ToLower(target.Path)
	rows = slices.DeleteFunc(rows, func(r OpenRow) bool {
		var sharePath string
		if below != "" || path != "" {
			sharePath = strings.ToLower(r.SharePath)
		}
		return target.Share != "" && !strings.EqualFold(r.Share, target.Share) ||
			below != "" && sharePath != below && !strings.HasPrefix(sharePath, below+`\`) ||
			path != "" && !strings.Contains(strings.ToLower(r.Path), path) && !strings.Contains(strings.ToLower(r.Share)+`\`+sharePath, path) ||
			t.o.User != "" && !strings.EqualFold(r.User, t.o.User) ||
			t.o.Client != "" && !strings.EqualFold(r.Client, t.o.Client) && !slices.ContainsFunc(r.Candidates, func(c string) bool { return strings.EqualFold(c, t.o.Client) })
	})
	t.res.Opens = rows
	t.res.Sessions = slices.DeleteFunc(t.res.Sessions, func(s SessionRow) bool {
		return t.o.User != "" && !strings.EqualFold(s.User, t.o.User) || t.o.Client != "" && !strings.EqualFold(s.Client, t.o.Client)
	})
	if target.Share != "" {
		t.res.Connections = slices.DeleteFunc(t.res.Connections, func(c ConnectionRow) bool { return !strings.EqualFold(c.Share, target.Share) })
	}
}
