package smb

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

const (
	// maxPreferredLength asks for all entries at once, [MS-SRVS] 2.2.2.2.
	maxPreferredLength = 0xFFFFFFFF

	// The most rows taken from one enumeration: far above what servers hold,
	// and small enough for a hostile one not to fill the memory.
	maxOpens = 1 << 24
	maxRows  = 1 << 20

	// maxEmptyPages is how many pages in a row may bring no rows: a server
	// filters after it has cut the page ([MS-SRVS] 3.1.4.5).
	maxEmptyPages = 64
)

// enumeration holds the parameters that all Netr*Enum calls end with.
type enumeration struct {
	level     uint32
	entries   uint32 // rows in this answer
	preferred uint32 // PreferedMaximumLength, in bytes
	total     uint32 // rows from the resume position on, this answer's included
	resume    uint32 // resume handle
	resumable bool   // the resume handle is not NULL
	result    uint32
}

func newEnumeration(level uint32) enumeration {
	return enumeration{level: level, preferred: maxPreferredLength, resumable: true}
}

func (e *enumeration) returned() Win32Error { return Win32Error(e.result) }

// requestTail lays out what an enumeration's request ends with. The call's
// union has the levels arms, whose rows are laid out by layout.
//
// No rows are sent, in a container that is never NULL, which Samba does not
// bear. Rows that other clients send, because the parameter goes both ways, are
// read over.
func requestTail[T any](n *ndr, e *enumeration, arms []uint32, layout func(n *ndr, row *T, level uint32)) {
	if n.writing {
		e.entries = 0
	}
	if e.container(n, arms, maxRows) {
		var ignored []T
		ndrArray(n, "Buffer", e.entries, &ignored, func(n *ndr, row *T) { layout(n, row, e.level) })
		e.entries = 0
	}
	e.requestEnd(n)
}

// requestEnd lays out what follows the *_ENUM_STRUCT in a request.
func (e *enumeration) requestEnd(n *ndr) {
	n.uint32("PreferedMaximumLength", &e.preferred)
	n.handle("ResumeHandle", &e.resume, &e.resumable)
}

// container lays out a *_ENUM_STRUCT and its container up to the array of
// entries rows, at most limit, and reports whether the array follows: an empty
// one is written as NULL. Behind a level that is none of arms there is nothing,
// as Samba has it; [MS-SRVS] leaves it open.
func (e *enumeration) container(n *ndr, arms []uint32, limit uint32) (array bool) {
	asked := e.level
	n.uint32("Level", &e.level)
	if !n.writing && n.err == nil && asked != anyLevel && e.level != asked {
		n.fail("Level", "is %d, not %d as asked", e.level, asked)
	}
	n.constant("switch value", e.level)
	if n.err != nil || !slices.Contains(arms, e.level) {
		e.entries = 0
		return false
	}
	present := true
	n.pointer("container", &present)
	if !present || n.err != nil {
		e.entries = 0
		return false
	}
	n.uint32("EntriesRead", &e.entries)
	if n.err == nil && e.entries > limit {
		n.fail("EntriesRead", "is %d; the limit is %d", e.entries, limit)
	}
	array = e.entries != 0
	n.pointer("Buffer", &array)
	if n.err == nil && !array && e.entries != 0 {
		n.fail("Buffer", "is NULL with EntriesRead %d", e.entries)
	}
	return array && n.err == nil
}

// anyLevel, as the level of an enumeration to be read, takes any.
const anyLevel = 0xFFFFFFFF

// responseTail lays out what follows the *_ENUM_STRUCT in a response.
func (e *enumeration) responseTail(n *ndr) {
	n.uint32("TotalEntries", &e.total)
	n.handle("ResumeHandle", &e.resume, &e.resumable)
	n.uint32("return value", &e.result)
}

// enumRows lays out the *_ENUM_STRUCT of a response with all its rows.
func enumRows[T any](n *ndr, e *enumeration, arms []uint32, rows *[]T, layout func(n *ndr, row *T, level uint32)) {
	e.entries = uint32(len(*rows))
	if e.container(n, arms, maxRows) {
		ndrArray(n, "Buffer", e.entries, rows, func(n *ndr, row *T) { layout(n, row, e.level) })
	} else if !n.writing {
		*rows = nil
	}
}

// enumerate repeats call, whose enumeration is e, while the server has more to
// give: while it answers ERROR_MORE_DATA, whatever it puts into the resume
// handle (Samba echoes it). It calls page after each answer with rows, and
// ends with its error. The caller holds the turn.
func (s *ServerService) enumerate(ctx context.Context, call serverCall, e *enumeration, limit uint64, page func() error) error {
	_, name := call.op()
	var rows uint64
	empty := 0
	for {
		sent := e.resume
		err := s.do(ctx, call)
		if err != nil && !errors.Is(err, ErrorMoreData) {
			return err
		}
		rows += uint64(e.entries)
		if e.entries != 0 {
			if err := page(); err != nil {
				return err
			}
			empty = 0
		}
		if err == nil {
			return nil
		}
		if empty++; !e.resumable || e.resume == sent || empty > maxEmptyPages {
			return fmt.Errorf("srvsvc: %s: the server answers %w without getting on (resume handle %d, then %d, %d rows)",
				name, ErrorMoreData, sent, e.resume, rows)
		}
		if rows > limit {
			return fmt.Errorf("srvsvc: %s: the server lists more than %d rows", name, limit)
		}
	}
}
