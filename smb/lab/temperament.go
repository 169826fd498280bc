package lab

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"err32/smb"
)

// Temperament is whose habits a server has where servers differ: how long the
// opens of a client stay that has gone, and what the tables show. The zero
// value of every field is what [MS-SMB2] and [MS-SRVS] say, or never.
//
// Every temperament speaks the same SMB2 dialects, also nt4, which stands for
// servers that knew SMB1 only.
type Temperament struct {
	// Name is "windows", "samba" or "nt4".
	Name string

	// KeepAlive is set on every TCP connection that the server accepts. It
	// decides how long the server takes to notice that a client has vanished
	// without a packet: Idle, and Interval for each of Count probes.
	KeepAlive net.KeepAliveConfig

	// Linger is how long the opens of a lost connection stay, counted from the
	// client's last request, whatever ended the connection. 0: they go with the
	// connection, [MS-SMB2] 3.3.7.1.
	Linger time.Duration

	// Autodisconnect is how long a client may send nothing before its
	// connection counts as lost. 0: for ever.
	Autodisconnect time.Duration

	// SparesOpens exempts connections from Autodisconnect that have anything
	// open.
	SparesOpens bool

	// DurableV1Timeout is how long a disconnected durable open waits to be
	// claimed, Open.DurableOpenTimeout in [MS-SMB2] 3.3.5.9.6. 0: durable opens
	// are not granted, neither of version 1 nor 2.
	DurableV1Timeout time.Duration

	// DurableV2Default is the same of a version 2 open whose client does not
	// say how long, and DurableV2Most the longest it may say, [MS-SMB2]
	// 3.3.5.9.10.
	DurableV2Default, DurableV2Most time.Duration

	// BreakTimeout is how long a client may take to acknowledge the break of an
	// oplock or lease, [MS-SMB2] 3.3.2.1 and 3.3.2.5. 0: 35 s.
	BreakTimeout time.Duration

	// SRVSVC is what the server's tables show, and how.
	SRVSVC SRVSVC
}

// SRVSVC is how a server answers [MS-SRVS] where servers differ.
type SRVSVC struct {
	// Major and Minor are the version in SERVER_INFO_101, and Comment its
	// comment.
	Major, Minor uint32
	Comment      string

	// Folder is what the local path of a share begins with; its name follows.
	Folder string

	// FileEnumLevels and SessionEnumLevels are the levels that NetrFileEnum
	// and NetrSessionEnum know; others are ERROR_INVALID_LEVEL (124).
	FileEnumLevels, SessionEnumLevels []uint32

	// PermissionBits are the bits of Open.GrantedAccess that
	// fi3_permissions shows.
	PermissionBits smb.AccessMask

	// FileIDsByClient puts the number of the client, which is its server
	// process's, into the high 16 bits of the ids in NetrFileEnum.
	FileIDsByClient bool

	HidesDisconnected bool // NetrFileEnum leaves out disconnected durable opens
	HidesPipes        bool // NetrFileEnum leaves out pipes
	LocksOfWholeFile  bool // fi3_num_locks counts the locks of all opens of the file
	IdleAlwaysZero    bool // sesi*_idle_time is 0, however long the client has been silent

	IgnoresBasePath       bool // NetrFileEnum lists every path
	NoClientFilter        bool // a UserName of NetrFileEnum that begins with `\\` is a user's name, not a client's
	IgnoresSessionFilters bool // NetrSessionEnum lists every client and user
	IgnoresPaging         bool // PreferedMaximumLength and ResumeHandle are ignored: all comes in one answer

	// FileCloseAsync answers NetrFileClose before the file is closed.
	FileCloseAsync bool
	// FileCloseNotFound answers a NetrFileClose that succeeds with
	// ERROR_FILE_NOT_FOUND (2), as Samba does from 4.21 on.
	FileCloseNotFound bool
	// NoFileGetInfo answers NetrFileGetInfo with an RPC fault.
	NoFileGetInfo bool

	// SessionDelEndsConnection makes NetrSessionDel end the connections of the
	// sessions, with what other users have on them, after it has answered: on
	// Samba they are processes, which are told to end.
	SessionDelEndsConnection bool
	// SessionDelKeepsDurable leaves the durable opens of a session that
	// NetrSessionDel ends waiting to be claimed. Otherwise they are closed with
	// the others, [MS-SMB2] 3.3.4.12.
	SessionDelKeepsDurable bool
	// SessionDelDenies answers NetrSessionDel for a client that is not there
	// with ERROR_ACCESS_DENIED (5).
	SessionDelDenies bool

	// ConnectionsMadeUp fills in CONNECTION_INFO_1 without looking: but for
	// coni1_num_opens all is constant (id the number of rows, type 3, users 1,
	// time 3, user dummy_user, netname IPC$). CONNECTION_INFO_0 is one row.
	ConnectionsMadeUp bool
	// NoConnectionsOfClient knows no computer name for NetrConnectionEnum's
	// Qualifier, only shares.
	NoConnectionsOfClient bool
}

// fileBits are the bits of an access mask that stand for files: all but the
// generic ones.
const fileBits smb.AccessMask = 0x01FFFFFF

// Windows is a Windows server of the years since 2012. None was measured:
// what is said here is from its documentation.
//
//   - A lost connection frees its opens, but for durable ones, [MS-SMB2]
//     3.3.7.1.
//   - Keep-alive: first after KeepAliveTime, 2 h, then every KeepAliveInterval,
//     1 s, 10 times: the defaults of TCP/IP (SIO_KEEPALIVE_VALS in the Windows
//     Sockets documentation). Whether the server service turns it on, and with
//     which times, no source was found for.
//   - Autodisconnect is 15 min by default and spares clients with open files
//     ("CIFS and SMB Timeouts in Windows", Microsoft Open Specifications
//     blog, 2013; KB Q297684).
//   - Durable opens: 2 min, [MS-SMB2] note <335>. Version 2: 180 s when the
//     client does not say (Windows Server 2012 R2; 60 s in 2012) and 300 s at
//     most ("SMB 2.x and SMB 3.0 Timeouts in Windows", the same blog; [MS-SMB2]
//     3.3.5.9.10, notes <343> and <344>: up to 2012 R2 as long as it says).
//   - Breaks: 35 s, [MS-SMB2] notes <217>, <246> and <247>.
//   - The tables are as [MS-SRVS] 3.1.4.2 and 3.1.4.5 and [MS-SMB2] 3.3.4.18
//     to 3.3.4.20 describe them; the `\\client` filter is in the documentation
//     of NetFileEnum.
func Windows() Temperament {
	return Temperament{
		Name:             "windows",
		KeepAlive:        net.KeepAliveConfig{Enable: true, Idle: 2 * time.Hour, Interval: time.Second, Count: 10},
		Autodisconnect:   15 * time.Minute,
		SparesOpens:      true,
		DurableV1Timeout: 2 * time.Minute,
		DurableV2Default: 180 * time.Second,
		DurableV2Most:    300 * time.Second,
		BreakTimeout:     35 * time.Second,
		SRVSVC: SRVSVC{
			Major: 10, Folder: `C:\Shares\`,
			FileEnumLevels: []uint32{2, 3}, SessionEnumLevels: []uint32{0, 1, 2, 10, 502},
			PermissionBits: fileBits,
		},
	}
}

// Samba is smbd 4.17 on Linux with its defaults. Measured: the keep-alive, what
// FIN, RST and silence do to opens, the levels, and the version; the rest is
// read from its source.
//
//   - A lost connection frees its opens at once, but for durable ones
//     (source3/smbd/smbXsrv_session.c, smbXsrv_session_logoff_all).
//   - Keep-alive is on, with the kernel's times: 7200 s, then 9 times 75 s
//     (source3/smbd/smb2_process.c sets SO_KEEPALIVE; tcp(7)).
//   - deadtime is 10080 min and spares clients with open files
//     (docs-xml/smbdotconf/misc/deadtime.xml, source3/smbd/conn_idle.c).
//   - Durable opens: 16 min; version 2: 60 s when the client does not say, 300 s
//     at most (source3/smbd/smb2_create.c). Disconnected ones are in no table
//     and never in anybody's way (source3/locking/share_mode_lock.c).
//   - Breaks: 35 s (source3/include/local.h, OPLOCK_BREAK_TIMEOUT).
//   - The tables: source3/rpc_server/srvsvc/srv_srvsvc_nt.c.
func Samba() Temperament {
	return Temperament{
		Name:             "samba",
		KeepAlive:        net.KeepAliveConfig{Enable: true, Idle: 7200 * time.Second, Interval: 75 * time.Second, Count: 9},
		Autodisconnect:   10080 * time.Minute,
		SparesOpens:      true,
		DurableV1Timeout: 16 * time.Minute,
		DurableV2Default: 60 * time.Second,
		DurableV2Most:    300 * time.Second,
		BreakTimeout:     35 * time.Second,
		SRVSVC: SRVSVC{
			Major: 6, Minor: 1, Comment: "Samba 4.17", Folder: `C:\srv\`,
			FileEnumLevels: []uint32{3}, SessionEnumLevels: []uint32{0, 1},
			PermissionBits:    smb.FileReadData | smb.FileWriteData,
			FileIDsByClient:   true,
			HidesDisconnected: true, HidesPipes: true, LocksOfWholeFile: true, IdleAlwaysZero: true,
			IgnoresBasePath: true, NoClientFilter: true, IgnoresSessionFilters: true, IgnoresPaging: true,
			FileCloseAsync: true, NoFileGetInfo: true,
			SessionDelEndsConnection: true, SessionDelKeepsDurable: true, SessionDelDenies: true,
			ConnectionsMadeUp: true, NoConnectionsOfClient: true,
		},
	}
}

// NT4 is the server that one meets in the stories of KB Q153260 and Q277673: it
// does not act on the loss of a connection. What the client had open stays in
// the tables, in everybody's way, until the client has been silent for
// Autodisconnect.
//
// That is the stories' server, not a measured one. Q153260 has the stale
// entries in the client's redirector, Q277673 has handles that nothing closes;
// here a server has them, where others can see them. 15 min is the default
// Autodisconnect of Windows NT Server 4.0 (KB Q297684, Q138365), which by later
// documentation spares clients with open files, so that a real one may have
// kept them for longer. No durable opens: SMB1 had none. No keep-alive: it
// could tell the server nothing that it acts on.
func NT4() Temperament {
	t := Windows()
	t.Name = "nt4"
	t.KeepAlive = net.KeepAliveConfig{}
	t.Linger, t.Autodisconnect, t.SparesOpens = 15*time.Minute, 15*time.Minute, false
	t.DurableV1Timeout, t.DurableV2Default, t.DurableV2Most = 0, 0, 0
	t.SRVSVC.Major, t.SRVSVC.NoClientFilter = 4, true // the filter came with Windows 7, documentation of NetFileEnum
	return t
}

// Temperaments returns all there are, the default first.
func Temperaments() []Temperament { return []Temperament{Windows(), Samba(), NT4()} }

// TemperamentNamed returns the temperament of that name.
func TemperamentNamed(name string) (Temperament, error) {
	all := Temperaments()
	if i := slices.IndexFunc(all, func(t Temperament) bool { return t.Name == name }); i >= 0 {
		return all[i], nil
	}
	var names []string
	for _, t := range all {
		names = append(names, t.Name)
	}
	return Temperament{}, fmt.Errorf("temperament %q is none of %s", name, strings.Join(names, ", "))
}

// WithLinger returns t with the opens of a lost client staying for d after its
// last request. A temperament whose Autodisconnect takes clients with files
// open, as nt4's does, gets d for that too; the others go on noticing a loss as
// they do.
func (t Temperament) WithLinger(d time.Duration) Temperament {
	if t.Autodisconnect > 0 && !t.SparesOpens {
		t.Autodisconnect = d
	}
	t.Linger = d
	return t
}

// LeastKeepAlive is the shortest time that WithKeepAlive can do.
const LeastKeepAlive = 4 * time.Second

// WithKeepAlive returns t with a keep-alive that takes a client for dead which
// has given no sign of life for about d, in whole seconds and 4 s at least: a
// probe after seven tenths of the time, and three more to the end.
func (t Temperament) WithKeepAlive(d time.Duration) Temperament {
	const probes = 3
	interval := max(d/10, time.Second).Round(time.Second)
	t.KeepAlive = net.KeepAliveConfig{Enable: true, Idle: max(d-probes*interval, time.Second).Round(time.Second), Interval: interval, Count: probes}
	return t
}

// silenceLimit is how long a client that is logged on may send nothing before
// its connection is ended, as things are now. 0: for ever.
func (c *conn) silenceLimit() time.Duration {
	t := &c.server.Temperament
	for _, s := range c.sessions {
		if t.SparesOpens && len(s.opens) > 0 {
			return 0
		}
	}
	return t.Autodisconnect
}
