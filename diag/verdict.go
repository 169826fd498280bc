package diag

import (
	"fmt"
	"slices"
	"strings"

	"err32/smb"
)

// The words that events say what happened with.
const (
	whatConnect     = "connect"     // a connection, a dialect and a log-on; detail: with what
	whatPrepare     = "prepare"     // the file of the run was made
	whatOpen        = "open"        // the holder opened it
	whatWrite       = "write"       // the holder wrote a part
	whatList        = "list"        // the server's table was read; detail: how many opens of the file
	whatTry         = "try"         // the contender tried to open the file
	whatDisconnect  = "disconnect"  // the holder went away; detail begins with the kind
	whatEcho        = "echo"        // the leaking holder's session showed a sign of life
	whatRelease     = "release"     // the contender got the file
	whatWaited      = "waited"      // the time to look ran out
	whatClose       = "close"       // clean-up ended what the holder left
	whatRemove      = "remove"      // clean-up removed the file
	whatStat        = "stat"        // a path was opened for its attributes alone
	whatProbe       = "probe"       // a data probe, closed at once
	whatRead        = "read"        // reads of one byte, to meet a lock
	whatOther       = "other"       // another operation of the contender
	whatNote        = "note"        // a decision of the tool
	whatInterrupted = "interrupted" // a signal ended the run
)

// settle is how long a server may take to notice a disconnect before the open
// counts as stale: what it frees sooner is no fault.
const settle Millisecond = 1000

// evidence is what the events of a reproduction add up to. Zero ids mean that
// the event is missing.
type evidence struct {
	held          int // the holder's open
	refusedHeld   int // the contender's first refusal while the holder lived
	allowedHeld   int // or that it was not refused
	disconnected  int
	kind          string
	refusedAfter  int // the contender's last refusal after the disconnect
	refusedAfterT Millisecond
	released      int
	releasedT     Millisecond
	waited        int // the wait ended without a release
	waitedT       Millisecond
	listedAfter   int // the last listing after the disconnect that still had the open
}

// gather reads the events in order.
func gather(events []Event) (e evidence) {
	for _, v := range events {
		refused := v.Win32 != nil && *v.Win32 == 32
		switch {
		case v.Actor == ActorHolder && v.What == whatOpen && v.Status == smb.StatusSuccess.Hex():
			e.held = v.ID
		case v.What == whatTry && e.disconnected == 0 && refused && e.refusedHeld == 0:
			e.refusedHeld = v.ID
		case v.What == whatTry && e.disconnected == 0 && v.Status == smb.StatusSuccess.Hex():
			e.allowedHeld = v.ID
		case v.What == whatTry && refused:
			e.refusedAfter, e.refusedAfterT = v.ID, v.T
		case v.What == whatDisconnect:
			e.disconnected = v.ID
			e.kind, _, _ = strings.Cut(v.Detail, ":")
		case v.What == whatRelease:
			e.released, e.releasedT = v.ID, v.T
		case v.What == whatWaited:
			e.waited, e.waitedT = v.ID, v.T
		case v.What == whatList && e.disconnected != 0 && !strings.HasPrefix(v.Detail, "no open"):
			e.listedAfter = v.ID
		}
	}
	return e
}

// stale reports whether error 32 outlasted the disconnect: whether the
// contender met it after the time in which the server may notice, or to the
// end of a shorter wait.
func (e *evidence) stale() bool {
	if e.disconnected == 0 || e.refusedHeld == 0 || e.refusedAfter == 0 {
		return false
	}
	return e.refusedAfterT > settle || e.released == 0 && e.waited != 0
}

// Judge draws the verdict from the events of a reproduction, and from nothing
// else. It is nil when they do not reach far enough for one.
func Judge(events []Event) *Verdict {
	e := gather(events)
	switch {
	case e.held == 0:
		return nil
	case e.allowedHeld != 0:
		return &Verdict{
			Code: 0, Name: "NO_ERROR",
			Summary: "The chosen modes do not conflict: while the holder had the file open, the contender could open it for reading and writing. " +
				"Nothing was disconnected, for it would have proved nothing.",
			Because: []int{e.held, e.allowedHeld},
			Next:    []string{"Choose modes that conflict with an ordinary open, such as --access rw --share none."},
		}
	case e.refusedHeld == 0 || e.disconnected == 0:
		return nil
	case e.released != 0 && !e.stale():
		return &Verdict{
			Code: 0, Name: "NO_ERROR",
			Summary: fmt.Sprintf("While the holder lived, the contender met error 32. After the disconnect (%s) the server freed the file within %s: nothing was left behind.",
				e.kind, seconds(e.releasedT)),
			Because: []int{e.held, e.refusedHeld, e.disconnected, e.released},
			Next:    []string{"Nothing is in the way: the server notices this kind of disconnect at once."},
		}
	case !e.stale():
		return nil
	}
	v := &Verdict{Code: 32, Name: "ERROR_SHARING_VIOLATION", Because: []int{e.held, e.refusedHeld, e.disconnected, e.refusedAfter}}
	if e.listedAfter != 0 {
		v.Because = append(v.Because, e.listedAfter)
	}
	var end string
	if e.released != 0 {
		v.Because = append(v.Because, e.released)
		end = fmt.Sprintf("Error 32 went on until the server freed the file after %s", seconds(e.releasedT))
	} else {
		last := e.refusedAfterT
		if e.waited != 0 {
			v.Because = append(v.Because, e.waited)
			last = e.waitedT
		}
		end = fmt.Sprintf("Error 32 went on for all of the %s that the run looked, and the file was not freed", seconds(last))
	}
	slices.Sort(v.Because)
	v.Summary = fmt.Sprintf("%s. %s.", staleStory(e.kind), end)
	switch {
	case e.listedAfter == 0:
	case e.kind == smb.DisconnectLeak.String():
		v.Summary += " The open is in the server's table like any other."
	default:
		v.Summary += " The open stayed in the server's table after its client was gone."
	}
	v.Next = staleAdvice(e.kind)
	return v
}

// staleStory says what the disconnect was, as the server sees it.
func staleStory(kind string) string {
	switch kind {
	case smb.DisconnectVanish.String():
		return "The holder vanished without a packet, and the server could not know"
	case smb.DisconnectFreeze.String():
		return "The holder hangs: its kernel still answers, so to the server it is alive"
	case smb.DisconnectLeak.String():
		return "The holder's program never closed its handle, and its session goes on: to the server nothing is wrong"
	case smb.DisconnectClose.String(), smb.DisconnectLogoff.String():
		return "The holder told the server that it was leaving (" + kind + ")"
	}
	return "The holder's connection was lost (" + kind + "), which the server was told"
}

// staleAdvice says what frees the file, least force first.
func staleAdvice(kind string) []string {
	const byID = "An administrator can close the open by its id in the server's table: `net rpc file close ID` or Close-SmbOpenFile."
	const samba = "On Samba let the kernel find dead clients sooner: `socket options = TCP_NODELAY SO_KEEPALIVE TCP_KEEPIDLE=60 TCP_KEEPINTVL=10 TCP_KEEPCNT=6`. " +
		"With Linux's defaults it takes 2 hours and 11 minutes; `deadtime` does not help, it spares clients with open files."
	switch kind {
	case smb.DisconnectVanish.String():
		return []string{"It is freed when the server's TCP keep-alive gives the dead client up.", samba, byID}
	case smb.DisconnectFreeze.String():
		return []string{"Ending the hung program frees the file: its kernel then closes the connection.", byID + " Keep-alives do not help: the client's kernel answers them."}
	case smb.DisconnectLeak.String():
		return []string{"Ending the program that leaked the handle frees the file; until then retries from the same client and from any other meet error 32.", byID}
	}
	return []string{byID}
}

// seconds writes a duration as people read it: milliseconds below a second.
func seconds(t Millisecond) string {
	if t < 1000 {
		return fmt.Sprintf("%.1f ms", float64(t))
	}
	return fmt.Sprintf("%.1f s", float64(t)/1000)
}
