package lab

import (
	"testing"

	"err32/smb"
)

const (
	exclusiveNow = smb.LockExclusive | smb.LockFailImmediately
	sharedNow    = smb.LockShared | smb.LockFailImmediately
)

// TestLockSeveral has requests of several ranges, of which a later one fails.
func TestLockSeveral(t *testing.T) {
	h := newHand(t)
	defer h.close()
	one, two := h.open("f", 0), h.open("f", 0)
	lock := func(status smb.NTStatus, id smb.FileID, locks ...smb.LockElement) {
		t.Helper()
		h.want(status, &smb.LockRequest{FileID: id, Locks: locks})
	}
	lock(0, two, smb.LockElement{Offset: 10, Length: 1, Flags: exclusiveNow})
	// All or none.
	lock(smb.StatusLockNotGranted, one, smb.LockElement{Length: 1, Flags: exclusiveNow}, smb.LockElement{Offset: 10, Length: 1, Flags: exclusiveNow})
	lock(smb.StatusInvalidLockRange, one, smb.LockElement{Length: 1, Flags: exclusiveNow}, smb.LockElement{Offset: 1<<64 - 1, Length: 2, Flags: exclusiveNow})
	lock(0, two, smb.LockElement{Length: 1, Flags: exclusiveNow})
	// What was held before a request that fails is held after it.
	lock(0, one, smb.LockElement{Offset: 20, Length: 1, Flags: exclusiveNow})
	lock(smb.StatusLockNotGranted, one, smb.LockElement{Offset: 20, Length: 1, Flags: sharedNow}, smb.LockElement{Length: 1, Flags: sharedNow})
	h.want(smb.StatusFileLockConflict, &smb.ReadRequest{FileID: two, Offset: 20, Length: 1, MinimumCount: 0})
	// Unlocks are done one by one, until one is none.
	unlock := smb.LockElement{Length: 1, Flags: smb.LockUnlock}
	lock(smb.StatusInvalidParameter, two, unlock, smb.LockElement{Offset: 5, Length: 1, Flags: exclusiveNow})
	lock(smb.StatusRangeNotLocked, two, unlock)
	// Only one range may wait.
	lock(smb.StatusInvalidParameter, one, smb.LockElement{Length: 1, Flags: smb.LockExclusive}, smb.LockElement{Offset: 1, Length: 1, Flags: exclusiveNow})
	lock(smb.StatusInvalidParameter, one, smb.LockElement{Length: 1, Flags: smb.LockShared | smb.LockExclusive})
	lock(smb.StatusInvalidParameter, one, smb.LockElement{Length: 1, Flags: smb.LockUnlock | smb.LockFailImmediately})
	lock(smb.StatusAccessDenied, h.openAs("f", 0, smb.FileReadAttributes), smb.LockElement{Length: 1, Flags: exclusiveNow})
	lock(smb.StatusInvalidDeviceRequest, h.open("d", smb.DirectoryFile), smb.LockElement{Length: 1, Flags: exclusiveNow})
}

// TestLockSequence sends requests again, [MS-SMB2] 3.3.5.14.
func TestLockSequence(t *testing.T) {
	h := newHand(t)
	defer h.close()
	file := h.open("f", 0)
	try := func(index, number uint32, flags smb.LockFlags, want smb.NTStatus) {
		t.Helper()
		h.want(want, &smb.LockRequest{FileID: file, Sequence: index<<4 | number, Locks: []smb.LockElement{{Length: 1, Flags: flags}}})
	}
	try(1, 1, exclusiveNow, smb.StatusSuccess)
	try(1, 1, exclusiveNow, smb.StatusSuccess)        // the same again
	try(1, 2, exclusiveNow, smb.StatusLockNotGranted) // another
	try(1, 1, exclusiveNow, smb.StatusLockNotGranted) // which made it forget the first
	try(64, 1, smb.LockUnlock, smb.StatusSuccess)
	try(64, 1, smb.LockUnlock, smb.StatusSuccess)
	try(65, 1, smb.LockUnlock, smb.StatusRangeNotLocked) // there is no such index
	try(65, 1, exclusiveNow, smb.StatusSuccess)
	try(65, 1, exclusiveNow, smb.StatusLockNotGranted)
	try(0, 1, exclusiveNow, smb.StatusLockNotGranted)
	h.conn.dialect = smb.SMB210
	try(2, 1, sharedNow, smb.StatusSuccess)
	try(2, 2, smb.LockUnlock, smb.StatusSuccess)
	try(2, 2, smb.LockUnlock, smb.StatusSuccess)        // the exclusive one below it
	try(2, 2, smb.LockUnlock, smb.StatusRangeNotLocked) // SMB 2.1 counts on durable opens only
	try(2, 1, exclusiveNow, smb.StatusSuccess)
	try(2, 1, exclusiveNow, smb.StatusLockNotGranted)
}
