package diag

// Advice about the server's tables.
const (
	adviceAdministrator = "Use an account of the server's group Administrators. On a Samba without domain that group must " +
		"be mapped first: net groupmap add sid=S-1-5-32-544 ntgroup=Administrators unixgroup=root type=builtin."
	adviceListAgain = "List again: err32 table //SERVER. Ids and sessions change from one moment to the next."
)

// win32Texts holds the Win32 errors whose meaning is more than that of the one
// status behind them: several statuses become the same error, or the calls that
// read a server's tables, [MS-SRVS], return it.
var win32Texts = map[uint32]codeText{
	2: {
		"There is no such file. From an attempt to close an open (NetrFileClose) on Samba from 4.21 on it says nothing: " +
			"those versions answer 2 even when the open was closed.",
		[]string{"Check the name.", "After a close: " + adviceListAgain},
		"[MS-ERREF] 2.2",
	},
	5: {
		"Several answers of a server end as \"access denied\": missing rights, but also a file that is marked for deletion " +
			"and still open somewhere (STATUS_DELETE_PENDING), a read-only file that is to be deleted " +
			"(STATUS_CANNOT_DELETE), and a directory that is opened as a file. When the server's tables are read, it means " +
			"that the user is no administrator of the server.",
		[]string{
			"Find out which status it was; a capture or err32's own output shows it. If the file is marked for deletion, " +
				"permissions are not the cause.",
			"Reading the tables: " + adviceAdministrator,
			"Ending a session on Samba: 5 may also mean that there is no such session.",
		},
		"[MS-ERREF] 2.2, [MS-SRVS] 3.1.4.2",
	},
	6: {
		"The handle is not valid: the open behind it was closed, by the program, by an administrator, or with a lost " +
			"connection.",
		[]string{adviceReopen},
		"[MS-SMB2] 3.3.5.10, 3.3.5.2.7.2",
	},
	33: {
		"Another open has locked the bytes that were to be read, written or locked. It is not a share-mode problem: the " +
			"file could be opened, only this range is closed.",
		[]string{
			adviceLocks,
			"End the program that holds the lock. A lock goes when its open is closed.",
		},
		"[MS-SMB2] 3.3.5.12, 3.3.5.13, 3.3.5.14.2",
	},
	38: {
		"Usually the end of the file. From an open in a cluster it can be STATUS_FILE_FORCED_CLOSED: the server has an open " +
			"of the same application with the same or a newer instance version.",
		[]string{"While reading, nothing to do. From an open: err32 explain STATUS_FILE_FORCED_CLOSED."},
		"[MS-SMB2] 3.3.5.9.13, [MS-ERREF] 2.2",
	},
	59: {
		"The network failed, or the server does not know the session any more (STATUS_USER_SESSION_DELETED): ended by an " +
			"administrator, replaced by a new log-on, or lost with a restart of the server.",
		[]string{"Log on again and reopen the files.", adviceNetwork},
		"[MS-SMB2] 3.3.5.2.9, [MS-ERREF] 2.2",
	},
	64: {
		"The connection to the share is gone: the TCP connection was closed or reset, or the server removed the share's " +
			"connection.",
		[]string{"Connect again and reopen the files.", adviceNetwork},
		"[MS-SMB2] 3.3.5.2.11, 3.3.7.1",
	},
	124: {
		"The server does not give its table in the form (information level) that was asked for. Samba lists opens in level " +
			"3 only, and sessions in levels 0 and 1 only.",
		[]string{"Ask for another level. err32 table tries them by itself."},
		"[MS-SRVS] 3.1.4.2, 3.1.4.5",
	},
	234: {
		"There is more than this answer holds. Not an error: the rest of a table is fetched with further calls, the rest of " +
			"a pipe's message with further reads.",
		[]string{"Nothing to do: err32 table fetches the rest."},
		"[MS-SRVS] 3.1.4.2",
	},
	1232: {
		"The server's machine cannot be reached, or the path belongs to a DFS namespace and lies on another server " +
			"(STATUS_PATH_NOT_COVERED).",
		[]string{"Check routing and firewall.", "For a DFS path: find the real server, and ask that one."},
		"[MS-ERREF] 2.2",
	},
	1394: {
		"The session has no key, or its log-on has expired (STATUS_NETWORK_SESSION_EXPIRED).",
		[]string{"Authenticate again. A guest or anonymous log-on has no key: use a real user where signing is required."},
		"[MS-SMB2] 3.3.5.2.9, [MS-ERREF] 2.2",
	},
	2221: {
		"The user name in a request for sessions or opens matches none.",
		[]string{adviceListAgain, "Write the user as the table shows it; Samba shows Unix names."},
		"[MS-SRVS] 3.1.4.5",
	},
	2312: {
		"The server has no session from a client of this name: it ended meanwhile, or the client is listed under another name.",
		[]string{adviceListAgain, "Write the client as the table shows it; it is often its IP address."},
		"[MS-SRVS] 3.1.4.5, 3.1.4.6",
	},
	2314: {
		"The server has no open with this id: it was closed meanwhile, or the id is from an older list.",
		[]string{adviceListAgain + " If it is not listed any more, the open is gone."},
		"[MS-SRVS] 3.1.4.4",
	},
	2351: {
		"The name of a client or server is not in the form that the call needs: a client's name begins with two backslashes.",
		[]string{"Write it as \\\\CLIENT. An IP address is written the same way: \\\\192.0.2.7."},
		"[MS-SRVS] 3.1.4.5",
	},
}
