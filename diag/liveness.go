package diag

import (
	"fmt"
	"strings"

	"err32/smb"
)

// How old the last request of a session may be for its client to count as
// there. Windows clients that have a file open ask for something more often
// than that (not measured); what is older proves nothing by itself.
const livelyIdleS = 60

// livenessEvidence is all that the state of a path's opens is judged by.
type livenessEvidence struct {
	opens    []OpenRow
	sessions []SessionRow
	samba    bool // the server keeps no idle times
	seen     bool // the table of opens was read
	probed   bool
	holders  HolderModes
	noBreak  bool // a client that caches the file did not give way to a probe
	gaveWay  bool // one did
}

// judgeLiveness says whether those who have a file open are there, and why it
// says so. It is a function of the evidence alone.
func judgeLiveness(e livenessEvidence) (state string, reasons []string) {
	because := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	if e.gaveWay {
		because("the server had a probe wait (STATUS_PENDING) and then answered: as a rule that is a client that caches the file and gave way, and so was there a moment ago")
	}
	if e.noBreak {
		because("the server had a probe wait (STATUS_PENDING) until it was cancelled: a client that caches the file was asked to give way and did not answer in time; it may be gone")
	}
	switch {
	case len(e.opens) == 0:
		return judgeUnlisted(e, reasons)
	case e.probed && !e.noBreak && e.holders.nobody():
		return StateFree, append(reasons, "no probe met an open with data access: what the table lists asks for attributes only, or was let go a moment ago")
	}
	live, stale := 0, 0
	for _, row := range e.opens {
		switch {
		case row.Own:
			live++
			because("open %s is this run's own", row.ID)
			continue
		case row.User == "":
			stale++
			because("open %s has no user: a durable handle whose client is disconnected", row.ID)
			continue
		}
		switch rowState, why := judgeRow(row, e); rowState {
		case StateLive:
			live++
			because("%s", why)
		case StateStale:
			stale++
			because("%s", why)
		default:
			because("%s", why)
		}
	}
	switch len(e.opens) {
	case live:
		return StateLive, reasons
	case stale:
		return StateStale, reasons
	}
	if live > 0 && stale == 0 || stale > 0 && live == 0 {
		because("not every open could be judged")
	} else if live > 0 {
		because("some of the opens are live, others stale")
	}
	return StateUnknown, reasons
}

// judgeUnlisted judges a file that no open is listed of.
func judgeUnlisted(e livenessEvidence, reasons []string) (string, []string) {
	switch {
	case e.probed && !e.noBreak && e.holders.nobody():
		return StateFree, append(reasons, "no probe met an open with data access: nobody has the file, or it was let go a moment ago")
	case e.probed && refused(e.holders):
		why := "probes were refused, but the table lists no open of it: a program on the server itself has it, it was opened by another name (a hard or symbolic link), or the server hides opens"
		if !e.seen {
			why = "probes were refused, but who holds the file cannot be seen without the table"
		}
		return StateUnknown, append(reasons, why)
	case e.noBreak:
		return StateUnknown, reasons
	case e.seen:
		return StateFree, append(reasons, "the server's table lists no open of it")
	}
	return StateUnknown, append(reasons, "neither the table nor probes could tell")
}

// nobody reports whether probes met no open with data access. One that is
// against deleting and has no access is of another stream of the file.
func (h *HolderModes) nobody() bool {
	return h.Access == Modes{No, No, No} && h.Share.Read != No && h.Share.Write != No && h.Share.Delete != No
}

// refused reports whether a probe met an open.
func refused(h HolderModes) bool {
	for _, m := range []Modes{h.Share, {Read: flip(h.Access.Read), Write: flip(h.Access.Write), Delete: flip(h.Access.Delete)}} {
		if m.Read == No || m.Write == No || m.Delete == No {
			return true
		}
	}
	return false
}

func flip(answer string) string {
	switch answer {
	case Yes:
		return No
	case No:
		return Yes
	}
	return answer
}

// judgeRow judges one open by the sessions that it may belong to.
func judgeRow(row OpenRow, e livenessEvidence) (state, why string) {
	if row.Client == "" {
		return StateUnknown, fmt.Sprintf("open %s of %s cannot be joined to one client, so nothing tells whether it is there", row.ID, row.User)
	}
	var own []SessionRow // the sessions of that client and user
	for _, s := range e.sessions {
		if strings.EqualFold(s.Client, row.Client) && strings.EqualFold(s.User, row.User) && !s.Own {
			own = append(own, s)
		}
	}
	if len(own) == 0 {
		return StateUnknown, fmt.Sprintf("open %s is %s's on %s, of which no session is listed", row.ID, row.User, row.Client)
	}
	if e.samba {
		why = "Samba does not keep how long a session has been idle"
		if len(own) > 1 {
			why += fmt.Sprintf("; that %s on %s has %d sessions may mean that an older one is dead", row.User, row.Client, len(own))
		}
		return StateUnknown, fmt.Sprintf("open %s of %s on %s: %s", row.ID, row.User, row.Client, why)
	}
	idle, busy := int64(-1), int64(-1) // the longest and the shortest idle time
	youngest := int64(-1)
	for _, s := range own {
		if s.IdleS == nil || s.AgeS == nil {
			return StateUnknown, fmt.Sprintf("open %s of %s on %s: the server does not tell idle times", row.ID, row.User, row.Client)
		}
		idle = max(idle, *s.IdleS)
		if busy < 0 || *s.IdleS < busy {
			busy = *s.IdleS
		}
		if youngest < 0 || *s.AgeS < youngest {
			youngest = *s.AgeS
		}
	}
	switch {
	case len(own) == 1 && idle < livelyIdleS:
		return StateLive, fmt.Sprintf("open %s: %s on %s sent a request %d s ago", row.ID, row.User, row.Client, idle)
	case len(own) == 1:
		return StateUnknown, fmt.Sprintf("open %s: %s on %s has sent nothing for %d s: idle, or gone", row.ID, row.User, row.Client, idle)
	case withOpens(own) == 1 && idleOfHolder(own) > youngest:
		return StateStale, fmt.Sprintf("open %s: the session of %s on %s that has opens has been silent for %d s, longer than a younger session of the same user and client exists (%d s): the client came back without it",
			row.ID, row.User, row.Client, idleOfHolder(own), youngest)
	}
	return StateUnknown, fmt.Sprintf("open %s: %s on %s has %d sessions, silent for %d to %d s; which one has the open is not told", row.ID, row.User, row.Client, len(own), busy, idle)
}

// withOpens counts the sessions that have anything open.
func withOpens(sessions []SessionRow) (n int) {
	for _, s := range sessions {
		if s.Opens != nil && *s.Opens > 0 {
			n++
		}
	}
	return n
}

// idleOfHolder is the idle time of the only session that has anything open.
func idleOfHolder(sessions []SessionRow) int64 {
	for _, s := range sessions {
		if s.Opens != nil && *s.Opens > 0 {
			return *s.IdleS
		}
	}
	return 0
}

// expectancy says what a server of this kind does with the opens of a client
// that is gone, and when. measured and documented tell where it is known from.
func expectancy(samba bool, rows []OpenRow) []string {
	disconnected := false
	for _, row := range rows {
		disconnected = disconnected || row.User == ""
	}
	if samba {
		return []string{
			"A client that closed its connection (FIN or RST) is freed at once (measured, Samba 4.17).",
			"A client that vanished is freed when the kernel's TCP keep-alive gives it up: after 2 h 11 min with Linux's defaults (documented; measured with shorter times), or as `socket options` say.",
			"A client whose program hangs is never freed: its kernel answers the keep-alives (measured, Samba 4.17).",
		}
	}
	list := []string{
		"A client that closed its connection is freed at once, but for durable handles ([MS-SMB2] 3.3.7.1, documented).",
		"A client that vanished stays until TCP gives it up, which may take two hours or for ever: autodisconnect spares clients with open files (documented; not measured on Windows).",
	}
	if disconnected {
		list = append(list, "A disconnected durable handle goes after 2 to 16 minutes (version 1) or at most 5 minutes (version 2), or at once when another open conflicts with it ([MS-SMB2] 3.3.4.6, 3.3.5.9.6, 3.3.5.9.10, documented).")
	}
	return list
}

// allowedNow computes the matrix of what would be let in beside the holders.
func allowedNow(h HolderModes) []AllowedNow {
	rows := []AllowedNow{}
	for _, c := range classes {
		for _, share := range []smb.ShareAccess{0, smb.ShareRead, smb.ShareRead | smb.ShareWrite, shareAll} {
			answer, _ := h.allows(c.access, share)
			rows = append(rows, AllowedNow{Access: c.access.Classes().Words(), Share: share.Words(), Allowed: answer})
		}
	}
	return rows
}
