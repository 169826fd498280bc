package smb

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// NTStatus is the result of an operation, as the Status field of every SMB2
// header carries it, [MS-ERREF] 2.3. The two highest bits are its severity:
// 0 success, 1 informational, 2 warning, 3 error.
type NTStatus uint32

// String returns the specification's name, such as "STATUS_SHARING_VIOLATION",
// or "NTSTATUS 0xC0001234" for a status without a name here.
func (s NTStatus) String() string {
	if i, ok := findStatus(s); ok {
		return statusTable[i].name
	}
	return "NTSTATUS " + s.Hex()
}

// Known reports whether the status has a name here.
func (s NTStatus) Known() bool {
	_, ok := findStatus(s)
	return ok
}

// Hex returns the value as eight hexadecimal digits: "0xC0000043".
func (s NTStatus) Hex() string {
	return fmt.Sprintf("0x%08X", uint32(s))
}

// Win32 returns the Win32 error that a Windows application sees for the
// status: what RtlNtStatusToDosError makes of it. Success is 0. ok is false
// where no mapping is known.
func (s NTStatus) Win32() (code uint32, ok bool) {
	i, found := findStatus(s)
	if !found || statusTable[i].win32 == noWin32 {
		return 0, false
	}
	return statusTable[i].win32, true
}

// IsError reports whether the severity is error (3).
func (s NTStatus) IsError() bool { return s>>30 == 3 }

// IsWarning reports whether the severity is warning (2), such as
// STATUS_BUFFER_OVERFLOW: the operation was done in part.
func (s NTStatus) IsWarning() bool { return s>>30 == 2 }

// Statuses returns every status that has a name here, lowest value first.
func Statuses() []NTStatus {
	all := make([]NTStatus, len(statusTable))
	for i, row := range statusTable {
		all[i] = row.status
	}
	return all
}

// StatusesOf returns the statuses that an application sees as the Win32 error
// code, lowest value first. Several may map to one code: 5 alone stands for
// STATUS_ACCESS_DENIED, STATUS_DELETE_PENDING, STATUS_CANNOT_DELETE and more.
func StatusesOf(code uint32) []NTStatus {
	var found []NTStatus
	for _, row := range statusTable {
		if row.win32 == code && code != noWin32 {
			found = append(found, row.status)
		}
	}
	return found
}

// ParseNTStatus reads a status written as a name of [MS-ERREF] 2.3.1, in any
// case, with or without "STATUS_" or "NT_STATUS_" before it, as hexadecimal
// "0xC0000043", or as a decimal number, signed (-1073741757) or unsigned
// (3221225539). A number need not have a name here.
func ParseNTStatus(s string) (NTStatus, error) {
	if mask, ok, err := parseHexMask(s); ok {
		if err != nil {
			return 0, fmt.Errorf("%q is not a 32-bit hexadecimal status", s)
		}
		return NTStatus(mask), nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		if n < -1<<31 || n > 1<<32-1 {
			return 0, fmt.Errorf("status %s does not fit in 32 bits", s)
		}
		return NTStatus(uint32(n)), nil
	}
	name := strings.ToUpper(s)
	name = strings.TrimPrefix(name, "NT_")
	name = strings.TrimPrefix(name, "STATUS_")
	if status, ok := statusByName()["STATUS_"+name]; ok {
		return status, nil
	}
	return 0, fmt.Errorf("%q is no status name known here and no number", s)
}

var statusByName = sync.OnceValue(func() map[string]NTStatus {
	names := make(map[string]NTStatus, len(statusTable))
	for _, row := range statusTable {
		names[row.name] = row.status
	}
	return names
})

// findStatus returns the index of s in statusTable.
func findStatus(s NTStatus) (int, bool) {
	return slices.BinarySearchFunc(statusTable, s, func(row statusRow, s NTStatus) int {
		return cmp.Compare(row.status, s)
	})
}

// fsError returns the error of package fs or os that says the same as the
// status to a program that knows nothing of SMB, for errors.Is, or nil.
// STATUS_DELETE_PENDING is not among them: Windows programs see it as "access
// denied", which it is not.
func fsError(s NTStatus) error {
	switch s {
	case StatusObjectNameNotFound, StatusObjectPathNotFound, StatusNoSuchFile:
		return fs.ErrNotExist
	case StatusObjectNameCollision, StatusDirectoryNotEmpty:
		return fs.ErrExist
	case StatusAccessDenied, StatusNetworkAccessDenied, StatusPrivilegeNotHeld:
		return fs.ErrPermission
	case StatusFileClosed:
		return fs.ErrClosed
	case StatusIOTimeout:
		return os.ErrDeadlineExceeded
	}
	return nil
}
