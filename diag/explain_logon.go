package diag

import "err32/smb"

// logonTexts holds the statuses that end a log-on.
var logonTexts = map[smb.NTStatus]codeText{
	smb.StatusLogonFailure: {
		"The server does not accept this user name and password. Servers answer this for an unknown user too, so as not to " +
			"tell which names exist.",
		[]string{"Check user, domain and password. A local user of the server: SERVER\\USER."},
		"[MS-SMB2] 3.3.5.5.3",
	},
	smb.StatusAccountDisabled: {
		"The user's account is disabled.",
		[]string{"Enable the account, or use another one."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusAccountLockedOut: {
		"The user's account is locked after too many wrong passwords.",
		[]string{"Unlock it. Then look for a service or a saved connection that still has an old password."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusAccountExpired: {
		"The user's account has an end date, and it has passed.",
		[]string{"Extend the account, or use another one."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusAccountRestriction: {
		"The password is right, but a rule forbids this log-on: for example an empty password over the network.",
		[]string{"Look for the rule: empty password, hours, computers, protected users, or an authentication policy."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusLogonTypeNotGranted: {
		"The user may not log on to this server over the network.",
		[]string{"On Windows, check the user rights \"Access this computer from the network\" and \"Deny access\" to it."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusPasswordExpired: {
		"The password is right but has expired.",
		[]string{"Change it, then log on again."},
		"[MS-SMB2] 3.3.5.5.3",
	},
	smb.StatusPasswordMustChange: {
		"The password must be changed before the first log-on.",
		[]string{"Change it, then log on again."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusNoLogonServers: {
		"The server reaches no domain controller to check the password.",
		[]string{"Check the server's DNS and its way to the domain controllers. A local user of the server works meanwhile."},
		"[MS-ERREF] 2.3.1",
	},
	smb.StatusTimeDifferenceAtDC: {
		"The clocks of client and domain controller differ too much for Kerberos, as a rule by more than five minutes.",
		[]string{"Set the clocks by NTP."},
		"[MS-ERREF] 2.3.1",
	},
}
