package smb

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

var changeSample = []Change{{ChangeRenamedFrom, `d\a`}, {ChangeRenamedTo, `d\bc`}, {ChangeRemoved, "x"}}

func TestChanges(t *testing.T) {
	// [MS-FSCC] 2.7.1: aligned to 4 bytes.
	want := wireHex(t, `14000000 04000000 06000000 64005c006100 0000
		14000000 05000000 08000000 64005c0062006300
		00000000 02000000 02000000 7800`)
	if got := AppendChanges([]byte("abc"), changeSample); !bytes.Equal(got[3:], want) {
		t.Errorf("AppendChanges:\n got %x\nwant %x", got[3:], want)
	}
	if got, err := ParseChanges(want); err != nil || !slices.Equal(got, changeSample) {
		t.Errorf("ParseChanges = %+v, %v", got, err)
	}
	hostile(t, want, func(b []byte) (any, error) {
		if len(b) == 0 {
			return changeSample, nil // an empty list is no list cut short
		}
		return ParseChanges(b)
	})
	if b := AppendChanges(nil, nil); len(b) != 0 {
		t.Errorf("no changes: %x", b)
	}
	if _, err := ParseChanges(want[:13]); err == nil || !strings.Contains(err.Error(), "FILE_NOTIFY_INFORMATION[0]: NextEntryOffset is 20 in 13 bytes") {
		t.Errorf("cut to 13: %v", err)
	}
}

// TestNotifyStatuses has the two statuses that carry no changes: one with the
// response's own body, [MS-SMB2] 3.3.4.4, one with an ERROR response.
func TestNotifyStatuses(t *testing.T) {
	// An ERROR response is as long and says the same as an empty list.
	msg := Append(nil, Header{Flags: FlagResponse, Status: StatusNotifyEnumDir}, &ErrorResponse{To: CommandChangeNotify})
	if _, m, err := ParseResponse(msg); err != nil || len(m.(*ChangeNotifyResponse).Output) != 0 {
		t.Errorf("STATUS_NOTIFY_ENUM_DIR: %+v, %v", m, err)
	}
	msg = Append(nil, Header{Flags: FlagResponse, Status: StatusNotifyEnumDir}, &ErrorResponse{To: CommandRead})
	if _, m, err := ParseResponse(msg); err != nil || m.(*ErrorResponse).To != CommandRead {
		t.Errorf("of another command: %+v, %v", m, err)
	}
}
