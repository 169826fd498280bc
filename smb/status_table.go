package smb

// The statuses that an SMB client meets, [MS-ERREF] 2.3.1; the two of facility
// 0x05D are from [MS-SMB2] 3.3.5.4 and 3.3.5.7.
const (
	StatusSuccess                          NTStatus = 0x00000000 // STATUS_SUCCESS
	StatusTimeout                          NTStatus = 0x00000102 // STATUS_TIMEOUT
	StatusPending                          NTStatus = 0x00000103 // STATUS_PENDING
	StatusReparse                          NTStatus = 0x00000104 // STATUS_REPARSE
	StatusMoreEntries                      NTStatus = 0x00000105 // STATUS_MORE_ENTRIES
	StatusOplockBreakInProgress            NTStatus = 0x00000108 // STATUS_OPLOCK_BREAK_IN_PROGRESS
	StatusNotifyCleanup                    NTStatus = 0x0000010B // STATUS_NOTIFY_CLEANUP
	StatusNotifyEnumDir                    NTStatus = 0x0000010C // STATUS_NOTIFY_ENUM_DIR
	StatusBufferOverflow                   NTStatus = 0x80000005 // STATUS_BUFFER_OVERFLOW
	StatusNoMoreFiles                      NTStatus = 0x80000006 // STATUS_NO_MORE_FILES
	StatusDeviceBusy                       NTStatus = 0x80000011 // STATUS_DEVICE_BUSY
	StatusInvalidEAName                    NTStatus = 0x80000013 // STATUS_INVALID_EA_NAME
	StatusEAListInconsistent               NTStatus = 0x80000014 // STATUS_EA_LIST_INCONSISTENT
	StatusInvalidEAFlag                    NTStatus = 0x80000015 // STATUS_INVALID_EA_FLAG
	StatusNoMoreEntries                    NTStatus = 0x8000001A // STATUS_NO_MORE_ENTRIES
	StatusStoppedOnSymlink                 NTStatus = 0x8000002D // STATUS_STOPPED_ON_SYMLINK
	StatusUnsuccessful                     NTStatus = 0xC0000001 // STATUS_UNSUCCESSFUL
	StatusNotImplemented                   NTStatus = 0xC0000002 // STATUS_NOT_IMPLEMENTED
	StatusInvalidInfoClass                 NTStatus = 0xC0000003 // STATUS_INVALID_INFO_CLASS
	StatusInfoLengthMismatch               NTStatus = 0xC0000004 // STATUS_INFO_LENGTH_MISMATCH
	StatusInvalidHandle                    NTStatus = 0xC0000008 // STATUS_INVALID_HANDLE
	StatusInvalidParameter                 NTStatus = 0xC000000D // STATUS_INVALID_PARAMETER
	StatusNoSuchDevice                     NTStatus = 0xC000000E // STATUS_NO_SUCH_DEVICE
	StatusNoSuchFile                       NTStatus = 0xC000000F // STATUS_NO_SUCH_FILE
	StatusInvalidDeviceRequest             NTStatus = 0xC0000010 // STATUS_INVALID_DEVICE_REQUEST
	StatusEndOfFile                        NTStatus = 0xC0000011 // STATUS_END_OF_FILE
	StatusWrongVolume                      NTStatus = 0xC0000012 // STATUS_WRONG_VOLUME
	StatusNoMediaInDevice                  NTStatus = 0xC0000013 // STATUS_NO_MEDIA_IN_DEVICE
	StatusMoreProcessingRequired           NTStatus = 0xC0000016 // STATUS_MORE_PROCESSING_REQUIRED
	StatusNoMemory                         NTStatus = 0xC0000017 // STATUS_NO_MEMORY
	StatusInvalidLockSequence              NTStatus = 0xC000001E // STATUS_INVALID_LOCK_SEQUENCE
	StatusInvalidViewSize                  NTStatus = 0xC000001F // STATUS_INVALID_VIEW_SIZE
	StatusAccessDenied                     NTStatus = 0xC0000022 // STATUS_ACCESS_DENIED
	StatusBufferTooSmall                   NTStatus = 0xC0000023 // STATUS_BUFFER_TOO_SMALL
	StatusObjectTypeMismatch               NTStatus = 0xC0000024 // STATUS_OBJECT_TYPE_MISMATCH
	StatusNotLocked                        NTStatus = 0xC000002A // STATUS_NOT_LOCKED
	StatusDiskCorruptError                 NTStatus = 0xC0000032 // STATUS_DISK_CORRUPT_ERROR
	StatusObjectNameInvalid                NTStatus = 0xC0000033 // STATUS_OBJECT_NAME_INVALID
	StatusObjectNameNotFound               NTStatus = 0xC0000034 // STATUS_OBJECT_NAME_NOT_FOUND
	StatusObjectNameCollision              NTStatus = 0xC0000035 // STATUS_OBJECT_NAME_COLLISION
	StatusObjectPathInvalid                NTStatus = 0xC0000039 // STATUS_OBJECT_PATH_INVALID
	StatusObjectPathNotFound               NTStatus = 0xC000003A // STATUS_OBJECT_PATH_NOT_FOUND
	StatusObjectPathSyntaxBad              NTStatus = 0xC000003B // STATUS_OBJECT_PATH_SYNTAX_BAD
	StatusDataError                        NTStatus = 0xC000003E // STATUS_DATA_ERROR
	StatusCRCError                         NTStatus = 0xC000003F // STATUS_CRC_ERROR
	StatusSharingViolation                 NTStatus = 0xC0000043 // STATUS_SHARING_VIOLATION
	StatusQuotaExceeded                    NTStatus = 0xC0000044 // STATUS_QUOTA_EXCEEDED
	StatusEAsNotSupported                  NTStatus = 0xC000004F // STATUS_EAS_NOT_SUPPORTED
	StatusEATooLarge                       NTStatus = 0xC0000050 // STATUS_EA_TOO_LARGE
	StatusNonexistentEAEntry               NTStatus = 0xC0000051 // STATUS_NONEXISTENT_EA_ENTRY
	StatusNoEAsOnFile                      NTStatus = 0xC0000052 // STATUS_NO_EAS_ON_FILE
	StatusEACorruptError                   NTStatus = 0xC0000053 // STATUS_EA_CORRUPT_ERROR
	StatusFileLockConflict                 NTStatus = 0xC0000054 // STATUS_FILE_LOCK_CONFLICT
	StatusLockNotGranted                   NTStatus = 0xC0000055 // STATUS_LOCK_NOT_GRANTED
	StatusDeletePending                    NTStatus = 0xC0000056 // STATUS_DELETE_PENDING
	StatusInvalidOwner                     NTStatus = 0xC000005A // STATUS_INVALID_OWNER
	StatusNoLogonServers                   NTStatus = 0xC000005E // STATUS_NO_LOGON_SERVERS
	StatusNoSuchLogonSession               NTStatus = 0xC000005F // STATUS_NO_SUCH_LOGON_SESSION
	StatusPrivilegeNotHeld                 NTStatus = 0xC0000061 // STATUS_PRIVILEGE_NOT_HELD
	StatusNoSuchUser                       NTStatus = 0xC0000064 // STATUS_NO_SUCH_USER
	StatusWrongPassword                    NTStatus = 0xC000006A // STATUS_WRONG_PASSWORD
	StatusPasswordRestriction              NTStatus = 0xC000006C // STATUS_PASSWORD_RESTRICTION
	StatusLogonFailure                     NTStatus = 0xC000006D // STATUS_LOGON_FAILURE
	StatusAccountRestriction               NTStatus = 0xC000006E // STATUS_ACCOUNT_RESTRICTION
	StatusInvalidLogonHours                NTStatus = 0xC000006F // STATUS_INVALID_LOGON_HOURS
	StatusInvalidWorkstation               NTStatus = 0xC0000070 // STATUS_INVALID_WORKSTATION
	StatusPasswordExpired                  NTStatus = 0xC0000071 // STATUS_PASSWORD_EXPIRED
	StatusAccountDisabled                  NTStatus = 0xC0000072 // STATUS_ACCOUNT_DISABLED
	StatusNoneMapped                       NTStatus = 0xC0000073 // STATUS_NONE_MAPPED
	StatusInvalidACL                       NTStatus = 0xC0000077 // STATUS_INVALID_ACL
	StatusInvalidSID                       NTStatus = 0xC0000078 // STATUS_INVALID_SID
	StatusInvalidSecurityDescr             NTStatus = 0xC0000079 // STATUS_INVALID_SECURITY_DESCR
	StatusRangeNotLocked                   NTStatus = 0xC000007E // STATUS_RANGE_NOT_LOCKED
	StatusDiskFull                         NTStatus = 0xC000007F // STATUS_DISK_FULL
	StatusFileInvalid                      NTStatus = 0xC0000098 // STATUS_FILE_INVALID
	StatusAllottedSpaceExceeded            NTStatus = 0xC0000099 // STATUS_ALLOTTED_SPACE_EXCEEDED
	StatusInsufficientResources            NTStatus = 0xC000009A // STATUS_INSUFFICIENT_RESOURCES
	StatusDeviceNotConnected               NTStatus = 0xC000009D // STATUS_DEVICE_NOT_CONNECTED
	StatusMediaWriteProtected              NTStatus = 0xC00000A2 // STATUS_MEDIA_WRITE_PROTECTED
	StatusDeviceNotReady                   NTStatus = 0xC00000A3 // STATUS_DEVICE_NOT_READY
	StatusBadImpersonationLevel            NTStatus = 0xC00000A5 // STATUS_BAD_IMPERSONATION_LEVEL
	StatusInstanceNotAvailable             NTStatus = 0xC00000AB // STATUS_INSTANCE_NOT_AVAILABLE
	StatusPipeNotAvailable                 NTStatus = 0xC00000AC // STATUS_PIPE_NOT_AVAILABLE
	StatusInvalidPipeState                 NTStatus = 0xC00000AD // STATUS_INVALID_PIPE_STATE
	StatusPipeBusy                         NTStatus = 0xC00000AE // STATUS_PIPE_BUSY
	StatusIllegalFunction                  NTStatus = 0xC00000AF // STATUS_ILLEGAL_FUNCTION
	StatusPipeDisconnected                 NTStatus = 0xC00000B0 // STATUS_PIPE_DISCONNECTED
	StatusPipeClosing                      NTStatus = 0xC00000B1 // STATUS_PIPE_CLOSING
	StatusPipeConnected                    NTStatus = 0xC00000B2 // STATUS_PIPE_CONNECTED
	StatusPipeListening                    NTStatus = 0xC00000B3 // STATUS_PIPE_LISTENING
	StatusInvalidReadMode                  NTStatus = 0xC00000B4 // STATUS_INVALID_READ_MODE
	StatusIOTimeout                        NTStatus = 0xC00000B5 // STATUS_IO_TIMEOUT
	StatusFileForcedClosed                 NTStatus = 0xC00000B6 // STATUS_FILE_FORCED_CLOSED
	StatusFileIsADirectory                 NTStatus = 0xC00000BA // STATUS_FILE_IS_A_DIRECTORY
	StatusNotSupported                     NTStatus = 0xC00000BB // STATUS_NOT_SUPPORTED
	StatusRemoteNotListening               NTStatus = 0xC00000BC // STATUS_REMOTE_NOT_LISTENING
	StatusDuplicateName                    NTStatus = 0xC00000BD // STATUS_DUPLICATE_NAME
	StatusBadNetworkPath                   NTStatus = 0xC00000BE // STATUS_BAD_NETWORK_PATH
	StatusNetworkBusy                      NTStatus = 0xC00000BF // STATUS_NETWORK_BUSY
	StatusDeviceDoesNotExist               NTStatus = 0xC00000C0 // STATUS_DEVICE_DOES_NOT_EXIST
	StatusInvalidNetworkResponse           NTStatus = 0xC00000C3 // STATUS_INVALID_NETWORK_RESPONSE
	StatusUnexpectedNetworkError           NTStatus = 0xC00000C4 // STATUS_UNEXPECTED_NETWORK_ERROR
	StatusNetworkNameDeleted               NTStatus = 0xC00000C9 // STATUS_NETWORK_NAME_DELETED
	StatusNetworkAccessDenied              NTStatus = 0xC00000CA // STATUS_NETWORK_ACCESS_DENIED
	StatusBadDeviceType                    NTStatus = 0xC00000CB // STATUS_BAD_DEVICE_TYPE
	StatusBadNetworkName                   NTStatus = 0xC00000CC // STATUS_BAD_NETWORK_NAME
	StatusTooManyNames                     NTStatus = 0xC00000CD // STATUS_TOO_MANY_NAMES
	StatusTooManySessions                  NTStatus = 0xC00000CE // STATUS_TOO_MANY_SESSIONS
	StatusSharingPaused                    NTStatus = 0xC00000CF // STATUS_SHARING_PAUSED
	StatusRequestNotAccepted               NTStatus = 0xC00000D0 // STATUS_REQUEST_NOT_ACCEPTED
	StatusNetWriteFault                    NTStatus = 0xC00000D2 // STATUS_NET_WRITE_FAULT
	StatusNotSameDevice                    NTStatus = 0xC00000D4 // STATUS_NOT_SAME_DEVICE
	StatusFileRenamed                      NTStatus = 0xC00000D5 // STATUS_FILE_RENAMED
	StatusVirtualCircuitClosed             NTStatus = 0xC00000D6 // STATUS_VIRTUAL_CIRCUIT_CLOSED
	StatusPipeEmpty                        NTStatus = 0xC00000D9 // STATUS_PIPE_EMPTY
	StatusNoSuchDomain                     NTStatus = 0xC00000DF // STATUS_NO_SUCH_DOMAIN
	StatusOplockNotGranted                 NTStatus = 0xC00000E2 // STATUS_OPLOCK_NOT_GRANTED
	StatusInvalidOplockProtocol            NTStatus = 0xC00000E3 // STATUS_INVALID_OPLOCK_PROTOCOL
	StatusInternalError                    NTStatus = 0xC00000E5 // STATUS_INTERNAL_ERROR
	StatusInvalidUserBuffer                NTStatus = 0xC00000E8 // STATUS_INVALID_USER_BUFFER
	StatusUnexpectedIOError                NTStatus = 0xC00000E9 // STATUS_UNEXPECTED_IO_ERROR
	StatusDirectoryNotEmpty                NTStatus = 0xC0000101 // STATUS_DIRECTORY_NOT_EMPTY
	StatusFileCorruptError                 NTStatus = 0xC0000102 // STATUS_FILE_CORRUPT_ERROR
	StatusNotADirectory                    NTStatus = 0xC0000103 // STATUS_NOT_A_DIRECTORY
	StatusNameTooLong                      NTStatus = 0xC0000106 // STATUS_NAME_TOO_LONG
	StatusFilesOpen                        NTStatus = 0xC0000107 // STATUS_FILES_OPEN
	StatusConnectionInUse                  NTStatus = 0xC0000108 // STATUS_CONNECTION_IN_USE
	StatusTooManyOpenedFiles               NTStatus = 0xC000011F // STATUS_TOO_MANY_OPENED_FILES
	StatusCancelled                        NTStatus = 0xC0000120 // STATUS_CANCELLED
	StatusCannotDelete                     NTStatus = 0xC0000121 // STATUS_CANNOT_DELETE
	StatusFileDeleted                      NTStatus = 0xC0000123 // STATUS_FILE_DELETED
	StatusFileClosed                       NTStatus = 0xC0000128 // STATUS_FILE_CLOSED
	StatusTimeDifferenceAtDC               NTStatus = 0xC0000133 // STATUS_TIME_DIFFERENCE_AT_DC
	StatusLocalDisconnect                  NTStatus = 0xC000013B // STATUS_LOCAL_DISCONNECT
	StatusRemoteDisconnect                 NTStatus = 0xC000013C // STATUS_REMOTE_DISCONNECT
	StatusLinkTimeout                      NTStatus = 0xC000013F // STATUS_LINK_TIMEOUT
	StatusInvalidConnection                NTStatus = 0xC0000140 // STATUS_INVALID_CONNECTION
	StatusInvalidLevel                     NTStatus = 0xC0000148 // STATUS_INVALID_LEVEL
	StatusPipeBroken                       NTStatus = 0xC000014B // STATUS_PIPE_BROKEN
	StatusLogonTypeNotGranted              NTStatus = 0xC000015B // STATUS_LOGON_TYPE_NOT_GRANTED
	StatusInvalidDeviceState               NTStatus = 0xC0000184 // STATUS_INVALID_DEVICE_STATE
	StatusIODeviceError                    NTStatus = 0xC0000185 // STATUS_IO_DEVICE_ERROR
	StatusTrustedRelationshipFailure       NTStatus = 0xC000018D // STATUS_TRUSTED_RELATIONSHIP_FAILURE
	StatusTrustFailure                     NTStatus = 0xC0000190 // STATUS_TRUST_FAILURE
	StatusNetlogonNotStarted               NTStatus = 0xC0000192 // STATUS_NETLOGON_NOT_STARTED
	StatusAccountExpired                   NTStatus = 0xC0000193 // STATUS_ACCOUNT_EXPIRED
	StatusPossibleDeadlock                 NTStatus = 0xC0000194 // STATUS_POSSIBLE_DEADLOCK
	StatusNetworkCredentialConflict        NTStatus = 0xC0000195 // STATUS_NETWORK_CREDENTIAL_CONFLICT
	StatusRemoteSessionLimit               NTStatus = 0xC0000196 // STATUS_REMOTE_SESSION_LIMIT
	StatusFSDriverRequired                 NTStatus = 0xC000019C // STATUS_FS_DRIVER_REQUIRED
	StatusInvalidLockRange                 NTStatus = 0xC00001A1 // STATUS_INVALID_LOCK_RANGE
	StatusNetworkOpenRestriction           NTStatus = 0xC0000201 // STATUS_NETWORK_OPEN_RESTRICTION
	StatusNoUserSessionKey                 NTStatus = 0xC0000202 // STATUS_NO_USER_SESSION_KEY
	StatusUserSessionDeleted               NTStatus = 0xC0000203 // STATUS_USER_SESSION_DELETED
	StatusInsuffServerResources            NTStatus = 0xC0000205 // STATUS_INSUFF_SERVER_RESOURCES
	StatusInvalidBufferSize                NTStatus = 0xC0000206 // STATUS_INVALID_BUFFER_SIZE
	StatusConnectionDisconnected           NTStatus = 0xC000020C // STATUS_CONNECTION_DISCONNECTED
	StatusConnectionReset                  NTStatus = 0xC000020D // STATUS_CONNECTION_RESET
	StatusPasswordMustChange               NTStatus = 0xC0000224 // STATUS_PASSWORD_MUST_CHANGE
	StatusNotFound                         NTStatus = 0xC0000225 // STATUS_NOT_FOUND
	StatusDuplicateObjectID                NTStatus = 0xC000022A // STATUS_DUPLICATE_OBJECTID
	StatusObjectIDExists                   NTStatus = 0xC000022B // STATUS_OBJECTID_EXISTS
	StatusRetry                            NTStatus = 0xC000022D // STATUS_RETRY
	StatusDomainControllerNotFound         NTStatus = 0xC0000233 // STATUS_DOMAIN_CONTROLLER_NOT_FOUND
	StatusAccountLockedOut                 NTStatus = 0xC0000234 // STATUS_ACCOUNT_LOCKED_OUT
	StatusConnectionRefused                NTStatus = 0xC0000236 // STATUS_CONNECTION_REFUSED
	StatusGracefulDisconnect               NTStatus = 0xC0000237 // STATUS_GRACEFUL_DISCONNECT
	StatusConnectionInvalid                NTStatus = 0xC000023A // STATUS_CONNECTION_INVALID
	StatusNetworkUnreachable               NTStatus = 0xC000023C // STATUS_NETWORK_UNREACHABLE
	StatusHostUnreachable                  NTStatus = 0xC000023D // STATUS_HOST_UNREACHABLE
	StatusPortUnreachable                  NTStatus = 0xC000023F // STATUS_PORT_UNREACHABLE
	StatusRequestAborted                   NTStatus = 0xC0000240 // STATUS_REQUEST_ABORTED
	StatusConnectionAborted                NTStatus = 0xC0000241 // STATUS_CONNECTION_ABORTED
	StatusUserMappedFile                   NTStatus = 0xC0000243 // STATUS_USER_MAPPED_FILE
	StatusConnectionCountLimit             NTStatus = 0xC0000246 // STATUS_CONNECTION_COUNT_LIMIT
	StatusPathNotCovered                   NTStatus = 0xC0000257 // STATUS_PATH_NOT_COVERED
	StatusTooManyLinks                     NTStatus = 0xC0000265 // STATUS_TOO_MANY_LINKS
	StatusFileIsOffline                    NTStatus = 0xC0000267 // STATUS_FILE_IS_OFFLINE
	StatusDFSUnavailable                   NTStatus = 0xC000026D // STATUS_DFS_UNAVAILABLE
	StatusVolumeDismounted                 NTStatus = 0xC000026E // STATUS_VOLUME_DISMOUNTED
	StatusNotAReparsePoint                 NTStatus = 0xC0000275 // STATUS_NOT_A_REPARSE_POINT
	StatusIOReparseTagInvalid              NTStatus = 0xC0000276 // STATUS_IO_REPARSE_TAG_INVALID
	StatusIOReparseTagMismatch             NTStatus = 0xC0000277 // STATUS_IO_REPARSE_TAG_MISMATCH
	StatusIOReparseDataInvalid             NTStatus = 0xC0000278 // STATUS_IO_REPARSE_DATA_INVALID
	StatusIOReparseTagNotHandled           NTStatus = 0xC0000279 // STATUS_IO_REPARSE_TAG_NOT_HANDLED
	StatusObjectIDNotFound                 NTStatus = 0xC00002F0 // STATUS_OBJECTID_NOT_FOUND
	StatusShutdownInProgress               NTStatus = 0xC00002FE // STATUS_SHUTDOWN_IN_PROGRESS
	StatusServerShutdownInProgress         NTStatus = 0xC00002FF // STATUS_SERVER_SHUTDOWN_IN_PROGRESS
	StatusHostDown                         NTStatus = 0xC0000350 // STATUS_HOST_DOWN
	StatusNetworkSessionExpired            NTStatus = 0xC000035C // STATUS_NETWORK_SESSION_EXPIRED
	StatusDowngradeDetected                NTStatus = 0xC0000388 // STATUS_DOWNGRADE_DETECTED
	StatusAuthenticationFirewallFailed     NTStatus = 0xC0000413 // STATUS_AUTHENTICATION_FIREWALL_FAILED
	StatusNTLMBlocked                      NTStatus = 0xC0000418 // STATUS_NTLM_BLOCKED
	StatusFileSystemLimitation             NTStatus = 0xC0000427 // STATUS_FILE_SYSTEM_LIMITATION
	StatusRequestOutOfSequence             NTStatus = 0xC000042A // STATUS_REQUEST_OUT_OF_SEQUENCE
	StatusServerUnavailable                NTStatus = 0xC0000466 // STATUS_SERVER_UNAVAILABLE
	StatusFileNotAvailable                 NTStatus = 0xC0000467 // STATUS_FILE_NOT_AVAILABLE
	StatusShareUnavailable                 NTStatus = 0xC0000480 // STATUS_SHARE_UNAVAILABLE
	StatusDiskQuotaExceeded                NTStatus = 0xC0000802 // STATUS_DISK_QUOTA_EXCEEDED
	StatusVirusInfected                    NTStatus = 0xC0000906 // STATUS_VIRUS_INFECTED
	StatusCannotBreakOplock                NTStatus = 0xC0000909 // STATUS_CANNOT_BREAK_OPLOCK
	StatusInvalidSignature                 NTStatus = 0xC000A000 // STATUS_INVALID_SIGNATURE
	StatusAuthTagMismatch                  NTStatus = 0xC000A002 // STATUS_AUTH_TAG_MISMATCH
	StatusHashNotSupported                 NTStatus = 0xC000A100 // STATUS_HASH_NOT_SUPPORTED
	StatusHashNotPresent                   NTStatus = 0xC000A101 // STATUS_HASH_NOT_PRESENT
	StatusSMBNoPreauthIntegrityHashOverlap NTStatus = 0xC05D0000 // STATUS_SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP
	StatusSMBBadClusterDialect             NTStatus = 0xC05D0001 // STATUS_SMB_BAD_CLUSTER_DIALECT
)

type statusRow struct {
	status NTStatus
	name   string
	win32  uint32 // noWin32 where none is known
}

// noWin32 is ERROR_MR_MID_NOT_FOUND, which RtlNtStatusToDosError answers for a
// status that it cannot map.
const noWin32 = 317

// statusTable holds every status above, lowest value first, with the Win32 error
// that RtlNtStatusToDosError gives for it.
var statusTable = []statusRow{
	{StatusSuccess, "STATUS_SUCCESS", 0},
	{StatusTimeout, "STATUS_TIMEOUT", 1460},
	{StatusPending, "STATUS_PENDING", 997},
	{StatusReparse, "STATUS_REPARSE", 741},
	{StatusMoreEntries, "STATUS_MORE_ENTRIES", 234},
	{StatusOplockBreakInProgress, "STATUS_OPLOCK_BREAK_IN_PROGRESS", 742},
	{StatusNotifyCleanup, "STATUS_NOTIFY_CLEANUP", 745},
	{StatusNotifyEnumDir, "STATUS_NOTIFY_ENUM_DIR", 1022},
	{StatusBufferOverflow, "STATUS_BUFFER_OVERFLOW", 234},
	{StatusNoMoreFiles, "STATUS_NO_MORE_FILES", 18},
	{StatusDeviceBusy, "STATUS_DEVICE_BUSY", 170},
	{StatusInvalidEAName, "STATUS_INVALID_EA_NAME", 254},
	{StatusEAListInconsistent, "STATUS_EA_LIST_INCONSISTENT", 255},
	{StatusInvalidEAFlag, "STATUS_INVALID_EA_FLAG", 255},
	{StatusNoMoreEntries, "STATUS_NO_MORE_ENTRIES", 259},
	{StatusStoppedOnSymlink, "STATUS_STOPPED_ON_SYMLINK", noWin32},
	{StatusUnsuccessful, "STATUS_UNSUCCESSFUL", 31},
	{StatusNotImplemented, "STATUS_NOT_IMPLEMENTED", 1},
	{StatusInvalidInfoClass, "STATUS_INVALID_INFO_CLASS", 87},
	{StatusInfoLengthMismatch, "STATUS_INFO_LENGTH_MISMATCH", 24},
	{StatusInvalidHandle, "STATUS_INVALID_HANDLE", 6},
	{StatusInvalidParameter, "STATUS_INVALID_PARAMETER", 87},
	{StatusNoSuchDevice, "STATUS_NO_SUCH_DEVICE", 2},
	{StatusNoSuchFile, "STATUS_NO_SUCH_FILE", 2},
	{StatusInvalidDeviceRequest, "STATUS_INVALID_DEVICE_REQUEST", 1},
	{StatusEndOfFile, "STATUS_END_OF_FILE", 38},
	{StatusWrongVolume, "STATUS_WRONG_VOLUME", 34},
	{StatusNoMediaInDevice, "STATUS_NO_MEDIA_IN_DEVICE", 21},
	{StatusMoreProcessingRequired, "STATUS_MORE_PROCESSING_REQUIRED", 234},
	{StatusNoMemory, "STATUS_NO_MEMORY", 8},
	{StatusInvalidLockSequence, "STATUS_INVALID_LOCK_SEQUENCE", 5},
	{StatusInvalidViewSize, "STATUS_INVALID_VIEW_SIZE", 5},
	{StatusAccessDenied, "STATUS_ACCESS_DENIED", 5},
	{StatusBufferTooSmall, "STATUS_BUFFER_TOO_SMALL", 122},
	{StatusObjectTypeMismatch, "STATUS_OBJECT_TYPE_MISMATCH", 6},
	{StatusNotLocked, "STATUS_NOT_LOCKED", 158},
	{StatusDiskCorruptError, "STATUS_DISK_CORRUPT_ERROR", 1393},
	{StatusObjectNameInvalid, "STATUS_OBJECT_NAME_INVALID", 123},
	{StatusObjectNameNotFound, "STATUS_OBJECT_NAME_NOT_FOUND", 2},
	{StatusObjectNameCollision, "STATUS_OBJECT_NAME_COLLISION", 183},
	{StatusObjectPathInvalid, "STATUS_OBJECT_PATH_INVALID", 161},
	{StatusObjectPathNotFound, "STATUS_OBJECT_PATH_NOT_FOUND", 3},
	{StatusObjectPathSyntaxBad, "STATUS_OBJECT_PATH_SYNTAX_BAD", 161},
	{StatusDataError, "STATUS_DATA_ERROR", 23},
	{StatusCRCError, "STATUS_CRC_ERROR", 23},
	{StatusSharingViolation, "STATUS_SHARING_VIOLATION", 32},
	{StatusQuotaExceeded, "STATUS_QUOTA_EXCEEDED", 1816},
	{StatusEAsNotSupported, "STATUS_EAS_NOT_SUPPORTED", 282},
	{StatusEATooLarge, "STATUS_EA_TOO_LARGE", 255},
	{StatusNonexistentEAEntry, "STATUS_NONEXISTENT_EA_ENTRY", 1392},
	{StatusNoEAsOnFile, "STATUS_NO_EAS_ON_FILE", 1392},
	{StatusEACorruptError, "STATUS_EA_CORRUPT_ERROR", 1392},
	{StatusFileLockConflict, "STATUS_FILE_LOCK_CONFLICT", 33},
	{StatusLockNotGranted, "STATUS_LOCK_NOT_GRANTED", 33},
	{StatusDeletePending, "STATUS_DELETE_PENDING", 5},
	{StatusInvalidOwner, "STATUS_INVALID_OWNER", 1307},
	{StatusNoLogonServers, "STATUS_NO_LOGON_SERVERS", 1311},
	{StatusNoSuchLogonSession, "STATUS_NO_SUCH_LOGON_SESSION", 1312},
	{StatusPrivilegeNotHeld, "STATUS_PRIVILEGE_NOT_HELD", 1314},
	{StatusNoSuchUser, "STATUS_NO_SUCH_USER", 1317},
	{StatusWrongPassword, "STATUS_WRONG_PASSWORD", 86},
	{StatusPasswordRestriction, "STATUS_PASSWORD_RESTRICTION", 1325},
	{StatusLogonFailure, "STATUS_LOGON_FAILURE", 1326},
	{StatusAccountRestriction, "STATUS_ACCOUNT_RESTRICTION", 1327},
	{StatusInvalidLogonHours, "STATUS_INVALID_LOGON_HOURS", 1328},
	{StatusInvalidWorkstation, "STATUS_INVALID_WORKSTATION", 1329},
	{StatusPasswordExpired, "STATUS_PASSWORD_EXPIRED", 1330},
	{StatusAccountDisabled, "STATUS_ACCOUNT_DISABLED", 1331},
	{StatusNoneMapped, "STATUS_NONE_MAPPED", 1332},
	{StatusInvalidACL, "STATUS_INVALID_ACL", 1336},
	{StatusInvalidSID, "STATUS_INVALID_SID", 1337},
	{StatusInvalidSecurityDescr, "STATUS_INVALID_SECURITY_DESCR", 1338},
	{StatusRangeNotLocked, "STATUS_RANGE_NOT_LOCKED", 158},
	{StatusDiskFull, "STATUS_DISK_FULL", 112},
	{StatusFileInvalid, "STATUS_FILE_INVALID", 1006},
	{StatusAllottedSpaceExceeded, "STATUS_ALLOTTED_SPACE_EXCEEDED", 1344},
	{StatusInsufficientResources, "STATUS_INSUFFICIENT_RESOURCES", 1450},
	{StatusDeviceNotConnected, "STATUS_DEVICE_NOT_CONNECTED", 1167},
	{StatusMediaWriteProtected, "STATUS_MEDIA_WRITE_PROTECTED", 19},
	{StatusDeviceNotReady, "STATUS_DEVICE_NOT_READY", 21},
	{StatusBadImpersonationLevel, "STATUS_BAD_IMPERSONATION_LEVEL", 1346},
	{StatusInstanceNotAvailable, "STATUS_INSTANCE_NOT_AVAILABLE", 231},
	{StatusPipeNotAvailable, "STATUS_PIPE_NOT_AVAILABLE", 231},
	{StatusInvalidPipeState, "STATUS_INVALID_PIPE_STATE", 230},
	{StatusPipeBusy, "STATUS_PIPE_BUSY", 231},
	{StatusIllegalFunction, "STATUS_ILLEGAL_FUNCTION", 1},
	{StatusPipeDisconnected, "STATUS_PIPE_DISCONNECTED", 233},
	{StatusPipeClosing, "STATUS_PIPE_CLOSING", 232},
	{StatusPipeConnected, "STATUS_PIPE_CONNECTED", 535},
	{StatusPipeListening, "STATUS_PIPE_LISTENING", 536},
	{StatusInvalidReadMode, "STATUS_INVALID_READ_MODE", 230},
	{StatusIOTimeout, "STATUS_IO_TIMEOUT", 121},
	{StatusFileForcedClosed, "STATUS_FILE_FORCED_CLOSED", 38},
	{StatusFileIsADirectory, "STATUS_FILE_IS_A_DIRECTORY", 5},
	{StatusNotSupported, "STATUS_NOT_SUPPORTED", 50},
	{StatusRemoteNotListening, "STATUS_REMOTE_NOT_LISTENING", 51},
	{StatusDuplicateName, "STATUS_DUPLICATE_NAME", 52},
	{StatusBadNetworkPath, "STATUS_BAD_NETWORK_PATH", 53},
	{StatusNetworkBusy, "STATUS_NETWORK_BUSY", 54},
	{StatusDeviceDoesNotExist, "STATUS_DEVICE_DOES_NOT_EXIST", 55},
	{StatusInvalidNetworkResponse, "STATUS_INVALID_NETWORK_RESPONSE", 58},
	{StatusUnexpectedNetworkError, "STATUS_UNEXPECTED_NETWORK_ERROR", 59},
	{StatusNetworkNameDeleted, "STATUS_NETWORK_NAME_DELETED", 64},
	{StatusNetworkAccessDenied, "STATUS_NETWORK_ACCESS_DENIED", 65},
	{StatusBadDeviceType, "STATUS_BAD_DEVICE_TYPE", 66},
	{StatusBadNetworkName, "STATUS_BAD_NETWORK_NAME", 67},
	{StatusTooManyNames, "STATUS_TOO_MANY_NAMES", 68},
	{StatusTooManySessions, "STATUS_TOO_MANY_SESSIONS", 69},
	{StatusSharingPaused, "STATUS_SHARING_PAUSED", 70},
	{StatusRequestNotAccepted, "STATUS_REQUEST_NOT_ACCEPTED", 71},
	{StatusNetWriteFault, "STATUS_NET_WRITE_FAULT", 88},
	{StatusNotSameDevice, "STATUS_NOT_SAME_DEVICE", 17},
	{StatusFileRenamed, "STATUS_FILE_RENAMED", 5},
	{StatusVirtualCircuitClosed, "STATUS_VIRTUAL_CIRCUIT_CLOSED", 240},
	{StatusPipeEmpty, "STATUS_PIPE_EMPTY", 232},
	{StatusNoSuchDomain, "STATUS_NO_SUCH_DOMAIN", 1355},
	{StatusOplockNotGranted, "STATUS_OPLOCK_NOT_GRANTED", 300},
	{StatusInvalidOplockProtocol, "STATUS_INVALID_OPLOCK_PROTOCOL", 301},
	{StatusInternalError, "STATUS_INTERNAL_ERROR", 1359},
	{StatusInvalidUserBuffer, "STATUS_INVALID_USER_BUFFER", 1784},
	{StatusUnexpectedIOError, "STATUS_UNEXPECTED_IO_ERROR", noWin32},
	{StatusDirectoryNotEmpty, "STATUS_DIRECTORY_NOT_EMPTY", 145},
	{StatusFileCorruptError, "STATUS_FILE_CORRUPT_ERROR", 1392},
	{StatusNotADirectory, "STATUS_NOT_A_DIRECTORY", 267},
	{StatusNameTooLong, "STATUS_NAME_TOO_LONG", 206},
	{StatusFilesOpen, "STATUS_FILES_OPEN", 2401},
	{StatusConnectionInUse, "STATUS_CONNECTION_IN_USE", 2404},
	{StatusTooManyOpenedFiles, "STATUS_TOO_MANY_OPENED_FILES", 4},
	{StatusCancelled, "STATUS_CANCELLED", 995},
	{StatusCannotDelete, "STATUS_CANNOT_DELETE", 5},
	{StatusFileDeleted, "STATUS_FILE_DELETED", 5},
	{StatusFileClosed, "STATUS_FILE_CLOSED", 6},
	{StatusTimeDifferenceAtDC, "STATUS_TIME_DIFFERENCE_AT_DC", 1398},
	{StatusLocalDisconnect, "STATUS_LOCAL_DISCONNECT", 64},
	{StatusRemoteDisconnect, "STATUS_REMOTE_DISCONNECT", 64},
	{StatusLinkTimeout, "STATUS_LINK_TIMEOUT", 59},
	{StatusInvalidConnection, "STATUS_INVALID_CONNECTION", 59},
	{StatusInvalidLevel, "STATUS_INVALID_LEVEL", 124},
	{StatusPipeBroken, "STATUS_PIPE_BROKEN", 109},
	{StatusLogonTypeNotGranted, "STATUS_LOGON_TYPE_NOT_GRANTED", 1385},
	{StatusInvalidDeviceState, "STATUS_INVALID_DEVICE_STATE", 22},
	{StatusIODeviceError, "STATUS_IO_DEVICE_ERROR", 1117},
	{StatusTrustedRelationshipFailure, "STATUS_TRUSTED_RELATIONSHIP_FAILURE", 1789},
	{StatusTrustFailure, "STATUS_TRUST_FAILURE", 1790},
	{StatusNetlogonNotStarted, "STATUS_NETLOGON_NOT_STARTED", 1792},
	{StatusAccountExpired, "STATUS_ACCOUNT_EXPIRED", 1793},
	{StatusPossibleDeadlock, "STATUS_POSSIBLE_DEADLOCK", 1131},
	{StatusNetworkCredentialConflict, "STATUS_NETWORK_CREDENTIAL_CONFLICT", 1219},
	{StatusRemoteSessionLimit, "STATUS_REMOTE_SESSION_LIMIT", 1220},
	{StatusFSDriverRequired, "STATUS_FS_DRIVER_REQUIRED", 588},
	{StatusInvalidLockRange, "STATUS_INVALID_LOCK_RANGE", noWin32},
	{StatusNetworkOpenRestriction, "STATUS_NETWORK_OPEN_RESTRICTION", noWin32},
	{StatusNoUserSessionKey, "STATUS_NO_USER_SESSION_KEY", 1394},
	{StatusUserSessionDeleted, "STATUS_USER_SESSION_DELETED", 59},
	{StatusInsuffServerResources, "STATUS_INSUFF_SERVER_RESOURCES", 1130},
	{StatusInvalidBufferSize, "STATUS_INVALID_BUFFER_SIZE", 1784},
	{StatusConnectionDisconnected, "STATUS_CONNECTION_DISCONNECTED", 64},
	{StatusConnectionReset, "STATUS_CONNECTION_RESET", 64},
	{StatusPasswordMustChange, "STATUS_PASSWORD_MUST_CHANGE", 1907},
	{StatusNotFound, "STATUS_NOT_FOUND", 1168},
	{StatusDuplicateObjectID, "STATUS_DUPLICATE_OBJECTID", 5010},
	{StatusObjectIDExists, "STATUS_OBJECTID_EXISTS", 5010},
	{StatusRetry, "STATUS_RETRY", 1237},
	{StatusDomainControllerNotFound, "STATUS_DOMAIN_CONTROLLER_NOT_FOUND", 1908},
	{StatusAccountLockedOut, "STATUS_ACCOUNT_LOCKED_OUT", 1909},
	{StatusConnectionRefused, "STATUS_CONNECTION_REFUSED", 1225},
	{StatusGracefulDisconnect, "STATUS_GRACEFUL_DISCONNECT", 1226},
	{StatusConnectionInvalid, "STATUS_CONNECTION_INVALID", 1229},
	{StatusNetworkUnreachable, "STATUS_NETWORK_UNREACHABLE", 1231},
	{StatusHostUnreachable, "STATUS_HOST_UNREACHABLE", 1232},
	{StatusPortUnreachable, "STATUS_PORT_UNREACHABLE", 1234},
	{StatusRequestAborted, "STATUS_REQUEST_ABORTED", 1235},
	{StatusConnectionAborted, "STATUS_CONNECTION_ABORTED", 1236},
	{StatusUserMappedFile, "STATUS_USER_MAPPED_FILE", 1224},
	{StatusConnectionCountLimit, "STATUS_CONNECTION_COUNT_LIMIT", 1238},
	{StatusPathNotCovered, "STATUS_PATH_NOT_COVERED", 1232},
	{StatusTooManyLinks, "STATUS_TOO_MANY_LINKS", 1142},
	{StatusFileIsOffline, "STATUS_FILE_IS_OFFLINE", 4350},
	{StatusDFSUnavailable, "STATUS_DFS_UNAVAILABLE", 1201},
	{StatusVolumeDismounted, "STATUS_VOLUME_DISMOUNTED", 21},
	{StatusNotAReparsePoint, "STATUS_NOT_A_REPARSE_POINT", 4390},
	{StatusIOReparseTagInvalid, "STATUS_IO_REPARSE_TAG_INVALID", 4393},
	{StatusIOReparseTagMismatch, "STATUS_IO_REPARSE_TAG_MISMATCH", 4394},
	{StatusIOReparseDataInvalid, "STATUS_IO_REPARSE_DATA_INVALID", 4392},
	{StatusIOReparseTagNotHandled, "STATUS_IO_REPARSE_TAG_NOT_HANDLED", 1920},
	{StatusObjectIDNotFound, "STATUS_OBJECTID_NOT_FOUND", 2},
	{StatusShutdownInProgress, "STATUS_SHUTDOWN_IN_PROGRESS", 1115},
	{StatusServerShutdownInProgress, "STATUS_SERVER_SHUTDOWN_IN_PROGRESS", 1255},
	{StatusHostDown, "STATUS_HOST_DOWN", 1256},
	{StatusNetworkSessionExpired, "STATUS_NETWORK_SESSION_EXPIRED", 1394},
	{StatusDowngradeDetected, "STATUS_DOWNGRADE_DETECTED", 1265},
	{StatusAuthenticationFirewallFailed, "STATUS_AUTHENTICATION_FIREWALL_FAILED", noWin32},
	{StatusNTLMBlocked, "STATUS_NTLM_BLOCKED", noWin32},
	{StatusFileSystemLimitation, "STATUS_FILE_SYSTEM_LIMITATION", noWin32},
	{StatusRequestOutOfSequence, "STATUS_REQUEST_OUT_OF_SEQUENCE", noWin32},
	{StatusServerUnavailable, "STATUS_SERVER_UNAVAILABLE", noWin32},
	{StatusFileNotAvailable, "STATUS_FILE_NOT_AVAILABLE", noWin32},
	{StatusShareUnavailable, "STATUS_SHARE_UNAVAILABLE", noWin32},
	{StatusDiskQuotaExceeded, "STATUS_DISK_QUOTA_EXCEEDED", noWin32},
	{StatusVirusInfected, "STATUS_VIRUS_INFECTED", noWin32},
	{StatusCannotBreakOplock, "STATUS_CANNOT_BREAK_OPLOCK", noWin32},
	{StatusInvalidSignature, "STATUS_INVALID_SIGNATURE", noWin32},
	{StatusAuthTagMismatch, "STATUS_AUTH_TAG_MISMATCH", noWin32},
	{StatusHashNotSupported, "STATUS_HASH_NOT_SUPPORTED", noWin32},
	{StatusHashNotPresent, "STATUS_HASH_NOT_PRESENT", noWin32},
	{StatusSMBNoPreauthIntegrityHashOverlap, "STATUS_SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP", noWin32},
	{StatusSMBBadClusterDialect, "STATUS_SMB_BAD_CLUSTER_DIALECT", noWin32},
}
