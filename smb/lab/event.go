package lab

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"err32/smb"
)

// Event is something the server met or did, for its log. Fields that do not
// apply are zero. Names are as clients sent them, cut where they are very long:
// only String makes them fit for a terminal.
type Event struct {
	At   time.Time
	What EventKind

	Conn   uint64 // the connection's number, from 1; 0 when it has ended
	Client string // the client's address
	User   string // empty for an anonymous one

	Share   string
	Path    string // below the share
	ID      uint32 // the open's in NetrFileEnum
	Access  smb.AccessMask
	Sharing smb.ShareAccess

	Status smb.NTStatus // of what was refused
	Text   string       // why, or how
}

// EventKind says what an event is about.
type EventKind string

// The kinds of events.
const (
	EventConnect     EventKind = "connect"
	EventDisconnect  EventKind = "disconnect"
	EventLogon       EventKind = "logon"
	EventLogonFailed EventKind = "logon-failed"
	EventLogoff      EventKind = "logoff" // the session ended, however
	EventOpen        EventKind = "open"
	EventOpenRefused EventKind = "open-refused" // Access is what was asked for
	EventClose       EventKind = "close"        // the open ended, however
	EventAdminClose  EventKind = "admin-close"  // an administrator ended it through srvsvc
	EventBreak       EventKind = "break"        // the client was told to give up an oplock or lease
	EventFault       EventKind = "fault"        // one of Server.Faults befell a request
	EventLost        EventKind = "lost"         // Server.Log took too long, and events are missing here
)

// String returns the event as one line, without a line end: the local time of
// day, the connection, what happened to whom and what, and why.
func (e Event) String() string {
	var b strings.Builder
	b.WriteString(e.At.Format("15:04:05.000"))
	if e.Conn != 0 {
		fmt.Fprintf(&b, " [%d]", e.Conn)
	}
	word := func(before, name string) {
		if name != "" {
			b.WriteString(before + visible(name))
		}
	}
	word(" ", e.Client)
	b.WriteString(" " + string(e.What))
	switch {
	case e.Share != "" && e.Path != "":
		word(" ", e.Share+`\`+strings.TrimPrefix(e.Path, `\`))
	case e.Share != "":
		word(" ", e.Share)
	}
	if e.ID != 0 {
		fmt.Fprintf(&b, " (id %d)", e.ID)
	}
	switch e.What {
	case EventLogon, EventLogonFailed, EventLogoff:
		word(" ", e.User)
	default:
		word(" by ", e.User)
	}
	if e.What == EventOpen || e.What == EventOpenRefused {
		fmt.Fprintf(&b, " access %s share %s", accessText(e.Access), e.Sharing)
	}
	separator := ": "
	if e.Status != smb.StatusSuccess {
		fmt.Fprintf(&b, "%s%s (%s)", separator, e.Status, e.Status.Hex())
		separator = ", "
	}
	word(separator, e.Text)
	return b.String()
}

// accessText is an access mask by what it does to others.
func accessText(m smb.AccessMask) string {
	for _, special := range []struct {
		bit  smb.AccessMask
		text string
	}{{smb.MaximumAllowed, "maximum"}, {smb.GenericAll, "all"}} {
		if m&special.bit != 0 {
			return special.text
		}
	}
	if classes := expand(m, 0).Classes(); classes != 0 {
		return classes.String()
	}
	return "attributes"
}

// visible returns s with everything written as <U+001B> that must not reach a
// terminal as it is: controls, bidirectional marks and what has no picture; and
// as <0xFF> what is not UTF-8. No name on Windows has < or >.
func visible(s string) string {
	hidden := func(r rune) bool {
		return !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
	}
	if !strings.ContainsFunc(s, func(r rune) bool { return r == utf8.RuneError || hidden(r) }) {
		return s
	}
	var b strings.Builder
	for i, size := 0, 0; i < len(s); i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, "<0x%02X>", s[i])
		case hidden(r):
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
