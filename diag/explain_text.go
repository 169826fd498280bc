package diag

import "err32/smb"

// codeText is what the tool has to say about one code.
type codeText struct {
	meaning string
	advice  []string // what to do, the likeliest first
	source  string   // sections of the specifications
}

// Advice that several codes share.
const (
	adviceTable = "List who has it open: err32 table //SERVER --path PATH. This needs administrator rights on the server."
	adviceClose = "Close a listed open whose client is gone. Windows: Computer Management, Shared Folders, Open Files, or " +
		"net file ID /close. Samba: net rpc file close ID -S SERVER -U USER. ID is decimal. Then list again: the " +
		"answer to the close alone proves nothing."
	adviceLocks = "Look for an open with locks: err32 table //SERVER --path PATH. Samba counts the locks of the whole file, " +
		"Windows those of each open."
	adviceReopen  = "Open the file again; the old handle does not come back."
	adviceReplay  = "Wait and repeat the request. SMB 3 clients do so by themselves."
	adviceNetwork = "Look for what ended the connection: server restart, firewall or NAT time-out, network change. " +
		"To see what such a loss leaves open on this server: err32 repro --disconnect vanish //SERVER/SHARE."
	adviceLeak = "Count the opens of each client: err32 table //SERVER. Many opens of one path by one client, growing and " +
		"never closed, are a handle leak: restart that program."
)

// statusTexts holds the statuses that bear on a file in use, on a lost client
// or on a lost session.
var statusTexts = map[smb.NTStatus]codeText{
	smb.StatusSharingViolation: {
		"Another open of the same file does not share the access you ask for, or has an access that you do not share. " +
			"Only read, write and delete access are compared; an open that looks at attributes alone never conflicts. " +
			"The client behind the other open may be long gone: after a lost connection a server can keep the open " +
			"for hours.",
		[]string{
			adviceTable,
			"If its user is at work, ask them to close the file.",
			adviceClose,
			"If nothing is listed: look for a program on the server itself, ask from another client (the open may be " +
				"your own client's), and note that ksmbd lists no opens.",
			"To see how long this server keeps an open whose client is gone: err32 repro --disconnect vanish //SERVER/SHARE.",
		},
		"[MS-FSA] 2.1.5.1.2.2, [MS-SMB2] 3.3.5.9",
	},
	smb.StatusFileLockConflict: {
		"A read or write touched bytes that another open has locked. It is not a share-mode problem: the file could be " +
			"opened, only this range is closed.",
		[]string{
			adviceLocks,
			"End the program that holds the lock. A lock goes when its open is closed.",
		},
		"[MS-SMB2] 3.3.5.12, 3.3.5.13",
	},
	smb.StatusLockNotGranted: {
		"A lock was asked for without waiting, and another open has a lock on the same bytes.",
		[]string{
			adviceLocks,
			"End the program that holds the lock. A lock goes when its open is closed.",
		},
		"[MS-SMB2] 3.3.5.14.2",
	},
	smb.StatusRangeNotLocked: {
		"An unlock named bytes that this open has not locked.",
		[]string{
			"If the connection was lost before: the program got a new open, and locks do not come back with it. Restart the program.",
			"Otherwise it is a fault in the program: it unlocks twice, or other bytes than it locked.",
		},
		"[MS-SMB2] 3.3.5.14.1, [MS-FSA] 2.1.5.9",
	},
	smb.StatusDeletePending: {
		"The file is marked for deletion and goes when its last open is closed. Until then every new open fails, even one " +
			"that asks for attributes only. Windows programs report it as \"access denied\" (5), but rights are not the cause.",
		[]string{
			"Find the open that is left: err32 table //SERVER --path PATH. Do not change permissions.",
			adviceClose,
		},
		"[MS-FSA] 2.1.5.1",
	},
	smb.StatusCannotDelete: {
		"The file may not be deleted: it is marked read-only, its volume is read-only, or it runs as a program. Windows " +
			"programs report it as \"access denied\" (5).",
		[]string{
			"Clear the read-only attribute, or stop the program that runs from the file.",
		},
		"[MS-FSA] 2.1.5.1.2.1, 2.1.5.15.3",
	},
	smb.StatusAccessDenied: {
		"The rights of this user, on the file or on the share, do not allow it. Rights are checked before share modes, so " +
			"this answer says nothing about whether the file is in use. It is also the answer to an open that asks for no " +
			"access at all, to unencrypted access to a share that requires encryption, and to another user who takes " +
			"back a durable open.",
		[]string{
			"Check the permissions of the share and of the file for this user. Both must allow it.",
			"If the share requires encryption: the client must be able to encrypt (SMB 3).",
			"If it came from the server's tables (err32 table): the user must be an administrator of the server. On a " +
				"Samba without domain: net groupmap add sid=S-1-5-32-544 ntgroup=Administrators unixgroup=root type=builtin.",
		},
		"[MS-SMB2] 3.3.5.2.11, 3.3.5.9, [MS-FSA] 2.1.5.1",
	},
	smb.StatusUserMappedFile: {
		"The file is to be cut or replaced while a process has it mapped into memory.",
		[]string{
			"End the program that maps it. If no client holds the file open (err32 table //SERVER --path PATH), it runs on " +
				"the server itself: often an indexer, antivirus or backup program.",
		},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusUserSessionDeleted: {
		"The server does not know the session any more. An administrator ended it, a new log-on of the same client " +
			"replaced it, or the server was restarted. Its opens are closed, apart from durable ones that wait for " +
			"their client.",
		[]string{
			"Log on again and reopen the files. Clients log on by themselves; programs must reopen.",
			"If it comes back without a restart: find out who ends sessions (net session, Close-SmbSession, scripts).",
		},
		"[MS-SMB2] 3.3.5.2.9, 3.3.5.5.3",
	},
	smb.StatusNetworkNameDeleted: {
		"The server does not know this connection to the share any more: the share was removed or its connections were " +
			"closed, and with them the opens below it.",
		[]string{
			"Connect the share again, then reopen the files.",
			"If it comes back: check that the share still exists and who changes it.",
		},
		"[MS-SMB2] 3.3.5.2.11, 3.3.5.8",
	},
	smb.StatusNetworkSessionExpired: {
		"The time of the log-on, usually of a Kerberos ticket, is over. The session and its opens stay, but until the " +
			"client has authenticated again the server takes only CLOSE, LOCK and LOGOFF. The opens go on blocking others.",
		[]string{
			"Authenticate again on the same session. Clients do so by themselves.",
			"If the client does not: check that its user can get a new ticket, and the clocks of client, server and " +
				"domain controller.",
		},
		"[MS-SMB2] 3.3.5.2.9, 3.2.5.1.6",
	},
	smb.StatusFileClosed: {
		"The server does not know this open any more: it was closed, by the program or by an administrator, or it was " +
			"lost with an earlier connection.",
		[]string{
			adviceReopen,
			"If nobody closed it: the program uses a handle after its close, or after a reconnect.",
		},
		"[MS-SMB2] 3.3.5.10, 3.3.5.14",
	},
	smb.StatusFileForcedClosed: {
		"A clustered application opened the file with an instance version that is not newer than that of the open the " +
			"server already has, and was fenced off. Windows programs report it as \"end of file\" (38).",
		[]string{
			"Find out which cluster node owns the application now. Start it on one node only.",
		},
		"[MS-SMB2] 3.3.5.9.13",
	},
	smb.StatusInvalidHandle: {
		"The request names a handle that cannot be used. Over SMB2 it is usually the later part of a compound request " +
			"whose first part opened no file.",
		[]string{
			"Look at the first request of the compound: its status is the real cause.",
			adviceReopen,
		},
		"[MS-SMB2] 3.3.5.2.7.2",
	},
	smb.StatusObjectNameNotFound: {
		"There is no file or directory of this name. When a client takes back a durable open after a reconnect, it means " +
			"that this open is gone: timed out, closed, or kept under another lease or id.",
		[]string{
			"Check the name and, if someone may have renamed it, the folder.",
			"After a reconnect: open the file in the ordinary way.",
		},
		"[MS-FSA] 2.1.5.1, [MS-SMB2] 3.3.5.9.7, 3.3.5.9.12",
	},
	smb.StatusObjectPathNotFound: {
		"A directory on the way to the file does not exist.",
		[]string{"Check the path from the share downwards. It is the share's path, not the server's local one."},
		"[MS-FSA] 2.1.5.1",
	},
	smb.StatusFileNotAvailable: {
		"The server keeps the file for a client with a persistent handle that has lost its connection (a continuously " +
			"available share). It is also the answer to a write over an older channel of a session that has moved on.",
		[]string{
			"Wait until the client is back or its time is over, then retry. The time is set per share on the server.",
			"If the client will not come back: " + adviceTable + " On Windows such an open has no user name.",
			adviceClose,
		},
		"[MS-SMB2] 3.3.5.9, 3.3.5.2.10",
	},
	smb.StatusServerUnavailable: {
		"The server is not ready, as a rule because a cluster fails over to another node.",
		[]string{adviceReplay, "If it lasts for minutes, look at the cluster: is the role online?"},
		"[MS-SMB2] 3.3.4.4",
	},
	smb.StatusShareUnavailable: {
		"The share is not ready, as a rule because a cluster moves it to another node.",
		[]string{adviceReplay, "If it lasts for minutes, look at the cluster: is the role online?"},
		"[MS-SMB2] 3.3.4.4",
	},
	smb.StatusDuplicateObjectID: {
		"A durable open was asked for with the id (CreateGuid) of an open that exists already, and not as a repetition of " +
			"that request. It is a fault of the client, or two clients use the same ids, such as cloned machines.",
		[]string{
			"Look for clients that were cloned without new ids.",
			"Else report it to the maker of the client, with a capture.",
		},
		"[MS-SMB2] 3.3.5.9.10",
	},
	smb.StatusPending: {
		"Not an error: the answer comes later. For an open it often means that another client caches the file and is " +
			"asked to give the cache up (an oplock or lease break); servers wait up to 35 seconds for that. For a lock it " +
			"means that the lock is waited for.",
		[]string{
			"Wait. If an open regularly takes about 35 seconds, the caching client does not answer: find it with " +
				"err32 table //SERVER --path PATH.",
		},
		"[MS-SMB2] 3.3.4.2, 2.2.23",
	},
	smb.StatusOplockBreakInProgress: {
		"A success: the file was opened while another open's oplock is still being broken. Only local programs that ask " +
			"for it see this. SMB2 servers ignore the option.",
		[]string{"Nothing is wrong. Over SMB2, the same situation shows as STATUS_PENDING."},
		"[MS-SMB2] 2.2.13, 3.3.5.9",
	},
	smb.StatusCannotBreakOplock: {
		"A local program wanted to open the file only if no oplock had to be broken. SMB2 servers ignore the option, so " +
			"clients do not see this status.",
		[]string{"Look for the cause on the server itself: indexers and antivirus programs open files in this way."},
		"[MS-SMB2] 2.2.13, 3.3.5.9",
	},
	smb.StatusOplockNotGranted: {
		"The oplock was not granted. The open itself is not affected; the client only may not cache.",
		[]string{"Nothing to do, unless speed matters: then look for a second open, which keeps the first from caching."},
		"[MS-FSA] 2.1.5.18",
	},
	smb.StatusInvalidOplockProtocol: {
		"The client answered an oplock break with something that does not fit the break, or with no break under way.",
		[]string{"It is a fault of the client. Capture the break and its answer, and update the client."},
		"[MS-SMB2] 3.3.5.22.1, [MS-FSA] 2.1.5.19",
	},
	smb.StatusInsuffServerResources: {
		"The server has run out of memory or work items.",
		[]string{adviceLeak, "Check the server's memory and its limits."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusInsufficientResources: {
		"The server has no resources for the request. Samba and ksmbd answer this when the limit of open files is " +
			"reached: Samba's is per client, ksmbd's for all clients together.",
		[]string{adviceLeak, "Only if the number is rightly that high, raise \"max open files\" in smb.conf or ksmbd.conf."},
		"[MS-SMB2] 3.3.5.9",
	},
	smb.StatusTooManyOpenedFiles: {
		"The server has no file handle left, for this client or at all.",
		[]string{adviceLeak, "On Linux, check the file limit of the server process (ulimit -n, LimitNOFILE) and fs.file-max."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusRequestNotAccepted: {
		"The server takes no more: the share has reached its number of users. It is also the answer to a channel that " +
			"may not join a session, and to a lease acknowledgment that does not fit.",
		[]string{
			"List the sessions: err32 table //SERVER. Stale ones count towards the share's limit.",
			"Raise the share's user limit if the users are real.",
		},
		"[MS-SMB2] 3.3.5.7, 3.3.5.5, 3.3.5.22.2",
	},
	smb.StatusTooManySessions: {
		"The server has reached its number of sessions.",
		[]string{"List the sessions: err32 table //SERVER. Many from one client, growing, are a leak of that client."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusNetworkBusy: {
		"The server is busy. Samba answers this when a process on the server has a kernel oplock on the file.",
		[]string{"Retry. If it stays: look for programs on the server that use the file (fuser, lsof)."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusConnectionReset: {
		"The other side reset the TCP connection, or a firewall did in its name. The server drops the client's opens at " +
			"once, apart from durable ones.",
		[]string{adviceNetwork, adviceReopen},
		"[MS-SMB2] 3.3.7.1",
	},
	smb.StatusConnectionDisconnected: {
		"The TCP connection was closed. The server drops the client's opens at once, apart from durable ones.",
		[]string{adviceNetwork, adviceReopen},
		"[MS-SMB2] 3.3.7.1",
	},
	smb.StatusLocalDisconnect: {
		"This side closed the connection, as a rule because the server did not answer in time.",
		[]string{adviceNetwork, adviceReopen},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusRemoteDisconnect: {
		"The other side closed the connection. The server drops the client's opens, apart from durable ones.",
		[]string{adviceNetwork, adviceReopen},
		"[MS-SMB2] 3.3.7.1",
	},
	smb.StatusVirtualCircuitClosed: {
		"The client gave the session up because a request got no answer in time. The server may not know it and keep the " +
			"opens.",
		[]string{adviceNetwork, "After the reconnect, check whether the old opens are still listed: err32 table //SERVER --path PATH."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusConnectionAborted: {
		"This side ended the connection. If no packet told the server, it may keep the opens until its own time-out.",
		[]string{adviceNetwork, "Check whether the old opens are still listed: err32 table //SERVER --path PATH."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusConnectionInvalid: {
		"There is no connection to use: it has ended or was never made.",
		[]string{"Connect again, then reopen the files.", adviceNetwork},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusConnectionRefused: {
		"The machine answers, but nothing listens on that port, or a firewall refuses it.",
		[]string{"Check that the file service runs on the server, the port (445), and the firewall."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusIOTimeout: {
		"No answer in time: the server is down or hangs, or a firewall drops the packets without a word. If the client then " +
			"gives up, the server may keep its opens.",
		[]string{
			"Check that the server answers on port 445 from this client.",
			"Once it does, check for opens left behind: err32 table //SERVER --path PATH.",
		},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusUnexpectedNetworkError: {
		"The connection failed in a way that the client does not tell apart.",
		[]string{adviceNetwork, "Look into the client's and the server's event logs at that time."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusBadNetworkName: {
		"The server has no share of this name.",
		[]string{"Check the share's name; list the shares with smbclient -L SERVER -U USER or net view SERVER."},
		"[MS-SMB2] 3.3.5.7",
	},
	smb.StatusBadNetworkPath: {
		"The server cannot be found or reached: name resolution, routing or firewall.",
		[]string{"Check the name (nslookup SERVER) and that port 445 can be reached from this client."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusCancelled: {
		"The request was cancelled by the client, and the server confirms it. An oplock break that it had caused is not " +
			"undone.",
		[]string{"Nothing to do if you, or a time-out, cancelled it."},
		"[MS-SMB2] 3.3.5.16",
	},
	smb.StatusStoppedOnSymlink: {
		"The path leads through a symbolic link that the client has to follow by itself; the answer says where it points.",
		[]string{"Use the path that the link points to. A link to another server needs a connection there."},
		"[MS-SMB2] 2.2.2.2.1, 3.3.5.9",
	},
	smb.StatusPathNotCovered: {
		"The path belongs to a DFS namespace and lies on another server.",
		[]string{"Find the real server (dfsutil client property state PATH) and ask that one: its table holds the opens."},
		"[MS-ERREF] 2.3.1",
	},
}
