package lab

import (
	"time"

	"err32/smb"
)

// keptTimes are the times of a file that an open does not change any more,
// because its client has set them itself, [MS-FSA] 2.1.5.15.2.
type keptTimes struct{ access, write, change bool }

// noteRead notes that the file was read, [MS-FSA] 2.1.4.20.
func (o *open) noteRead(now time.Time) {
	if !o.kept.access {
		o.node.accessed = now
	}
}

// noteWrite notes that the file's data were changed, [MS-FSA] 2.1.4.17.
func (o *open) noteWrite(now time.Time) {
	if !o.kept.write {
		o.node.written = now
	}
	o.noteRead(now)
	o.noteChange(now)
}

// noteChange notes that something about the file was changed, [MS-FSA] 2.1.4.18.
func (o *open) noteChange(now time.Time) {
	if !o.kept.change {
		o.node.changed = now
	}
	if !o.node.dir {
		o.node.attrs |= attributeArchive
	}
}

// The times of a SET_INFO that are none: what they do to the time.
const (
	timeLeave  = 0          // nothing
	timeKeep   = ^uint64(0) // -1: it stays as it is, whatever this open does
	timeResume = timeKeep - 1
)

// validTime reports whether a SET_INFO may have the time: it is not negative,
// but for -1 and -2.
func validTime(t uint64) bool { return int64(t) >= -2 }

// timeOf is the time of a FILETIME, in 100 ns since 1601.
func timeOf(t uint64) time.Time {
	const second, unixEpoch = 10_000_000, 11644473600 // from 1601 to 1970
	return time.Unix(int64(t/second)-unixEpoch, int64(t%second)*100)
}

// setBasic sets times and attributes, [MS-FSA] 2.1.5.15.2.
func (r *request) setBasic(o *open, i *smb.BasicInfo) smb.NTStatus {
	s, n, t := r.server(), o.node, i.Times
	switch {
	case o.access&smb.FileWriteAttributes == 0:
		return smb.StatusAccessDenied
	case !validTime(t.Creation) || !validTime(t.LastAccess) || !validTime(t.LastWrite) || !validTime(t.Change),
		i.Attributes&smb.AttributeDirectory != 0 && !n.dir,
		i.Attributes&smb.AttributeTemporary != 0 && n.dir:
		return smb.StatusInvalidParameter
	}
	var changed changeKind
	changed.action = smb.ChangeModified
	if i.Attributes != 0 {
		may := settableAttributes
		if n == n.volume.root {
			may &^= smb.AttributeHidden | smb.AttributeSystem
		}
		if attrs := n.attrs&^may | i.Attributes&may; attrs != n.attrs {
			n.attrs = attrs
			changed.filter |= smb.NotifyAttributes
		}
	}
	setTime(&n.changed, t.Change, &o.kept.change)
	for _, f := range []struct {
		to     *time.Time
		value  uint64
		kept   *bool
		filter smb.NotifyFilter
	}{
		{&n.created, t.Creation, nil, smb.NotifyCreation},
		{&n.accessed, t.LastAccess, &o.kept.access, smb.NotifyLastAccess},
		{&n.written, t.LastWrite, &o.kept.write, smb.NotifyLastWrite},
	} {
		if setTime(f.to, f.value, f.kept) {
			changed.filter |= f.filter
		}
	}
	if changed.filter == 0 {
		return smb.StatusSuccess
	}
	if !o.kept.change {
		n.changed = s.now()
	}
	s.notifyChange(n.parent, n, changed)
	return smb.StatusSuccess
}

// setTime sets one time as asked, and whether the open keeps it from now on. It
// reports whether there was a time to set.
func setTime(to *time.Time, value uint64, kept *bool) bool {
	switch value {
	case timeLeave:
		return false
	case timeKeep, timeResume:
		if kept != nil {
			*kept = value == timeKeep
		}
		return false
	}
	*to = timeOf(value)
	if kept != nil {
		*kept = true
	}
	return true
}
