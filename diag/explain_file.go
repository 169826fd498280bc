package diag

import "err32/smb"

// fileTexts holds the everyday statuses of file access that are not about a file
// in use, and those that are no errors.
var fileTexts = map[smb.NTStatus]codeText{
	smb.StatusSuccess: {"The operation was done.", []string{"Nothing to do."}, "[MS-ERREF] 2.3.1"},
	smb.StatusBufferOverflow: {
		"The first part of a longer answer, and not an error: more is to come. A read from a named pipe ends so when the " +
			"message is longer than the buffer.",
		[]string{"Nothing to do: the client reads on."},
		"[MS-SMB2] 3.3.4.4",
	},
	smb.StatusMoreProcessingRequired: {
		"Not an error: the log-on needs another round of messages.",
		[]string{"Nothing to do: the client goes on with the log-on."},
		"[MS-SMB2] 3.3.5.5",
	},
	smb.StatusNoMoreFiles: {
		"The end of a directory listing, and not an error.",
		[]string{"Nothing to do."},
		"[MS-SMB2] 3.3.5.18",
	},
	smb.StatusInvalidParameter: {
		"The server refuses the request as malformed or contradictory.",
		[]string{"It is a fault of the client, or a request that this server does not know. Capture it, and update both."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusNotSupported: {
		"The server does not do this: the request, the option or the protocol version.",
		[]string{"Check what the server offers. During negotiation: no common SMB version, or SMB 1 is switched off."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusNotImplemented: {
		"The server does not know this operation.",
		[]string{"Check the server's version and what it offers."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusObjectNameCollision: {
		"A file or directory of this name exists already.",
		[]string{"Choose another name, or open the existing file instead of creating it."},
		"[MS-FSA] 2.1.5.1",
	},
	smb.StatusObjectNameInvalid: {
		"The name has characters or a form that the server does not accept.",
		[]string{"Check the name for any of \" * / : < > ? \\ |, and for a blank or a dot at its end."},
		"[MS-FSA] 2.1.5.1",
	},
	smb.StatusFileIsADirectory: {
		"The path names a directory, and the operation needs a file. Windows programs report it as \"access denied\" (5).",
		[]string{"Check the path."},
		"[MS-FSA] 2.1.5.1",
	},
	smb.StatusNotADirectory: {
		"The path names a file, and the operation needs a directory.",
		[]string{"Check the path."},
		"[MS-FSA] 2.1.5.1",
	},
	smb.StatusDirectoryNotEmpty: {
		"The directory still has entries. A deleted file counts until its last open is closed.",
		[]string{"List the directory. If it looks empty, look for opens below it: err32 table //SERVER --path PATH."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusFileDeleted: {
		"The file was deleted while this handle was open.",
		[]string{"Find out who deletes it; create or open it again."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusDiskFull: {
		"The server's volume is full.",
		[]string{"Free space on the volume. Deleted files that are still open keep their space: err32 table //SERVER."},
		"[MS-ERREF] 2.3.1",
	},
}
