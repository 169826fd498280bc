package smb

import (
	"fmt"
	"io/fs"
)

// Win32Error is the nonzero return value of a call to the Server service: a
// Win32 error code, [MS-ERREF] 2.2, or a NERR code, [MS-SRVS] 2.2.2.10.
type Win32Error uint32

// The codes that calls to the Server service are steered by, on either side.
const (
	ErrorFileNotFound      Win32Error = 2    // ERROR_FILE_NOT_FOUND
	ErrorAccessDenied      Win32Error = 5    // ERROR_ACCESS_DENIED
	ErrorNotSupported      Win32Error = 50   // ERROR_NOT_SUPPORTED
	ErrorInvalidParameter  Win32Error = 87   // ERROR_INVALID_PARAMETER
	ErrorInvalidLevel      Win32Error = 124  // ERROR_INVALID_LEVEL
	ErrorMoreData          Win32Error = 234  // ERROR_MORE_DATA
	NerrBufTooSmall        Win32Error = 2123 // NERR_BufTooSmall
	NerrUserNotFound       Win32Error = 2221 // NERR_UserNotFound
	NerrNetNameNotFound    Win32Error = 2310 // NERR_NetNameNotFound
	NerrDeviceNotShared    Win32Error = 2311 // NERR_DeviceNotShared
	NerrClientNameNotFound Win32Error = 2312 // NERR_ClientNameNotFound
	NerrFileIDNotFound     Win32Error = 2314 // NERR_FileIdNotFound
	NerrInvalidComputer    Win32Error = 2351 // NERR_InvalidComputer
)

// Error returns the code's name and number, such as "ERROR_ACCESS_DENIED (5)".
func (e Win32Error) Error() string {
	if name := Win32Name(uint32(e)); name != "" {
		return fmt.Sprintf("%s (%d)", name, uint32(e))
	}
	return fmt.Sprintf("Win32 error %d", uint32(e))
}

// Is reports whether e is the same failure as target in the terms of io/fs:
// fs.ErrPermission for ERROR_ACCESS_DENIED.
func (e Win32Error) Is(target error) bool {
	return e == ErrorAccessDenied && target == fs.ErrPermission
}
