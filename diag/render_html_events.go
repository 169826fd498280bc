package diag

import (
	"fmt"
	"slices"
	"strconv"
)

// htmlEventRows is how many events a page shows, half of them from each end of
// the run. Those that the verdict rests on are shown besides.
const htmlEventRows = 2000

// htmlProofs is how many events, and rows of them, are named at the verdict; a
// run names less than ten.
const htmlProofs = 200

// htmlEvents is the table of the events.
type htmlEvents struct {
	Title string
	Since string // what the times count from
	Cited bool   // there are events that the verdict rests on
	Rows  []htmlEvent
	More  string // how many were left out
}

// htmlEvent is a row of it: an event, or a gap where events were left out.
type htmlEvent struct {
	ID     string // of the row; empty where another row has it
	Gap    string
	Class  string
	Cited  bool
	Number int
	Time   string
	Actor  string
	What   string
	Detail string
	Name   string // of the status
	Status string
	Win32  string
}

// htmlPart is a piece of a sentence; with Href it is a link.
type htmlPart struct {
	Text string
	Href string
}

// eventLinks knows where on the page each event is found.
type eventLinks struct {
	shown []bool           // by index
	href  map[int]string   // by number
	gaps  map[int]eventGap // by the index of the first one left out
	cited map[int]bool     // by number
}

type eventGap struct {
	id       string
	from, to int // indexes
}

func newEventLinks(r *Report) *eventLinks {
	l := &eventLinks{shown: make([]bool, len(r.Events)), href: map[int]string{}, gaps: map[int]eventGap{}, cited: map[int]bool{}}
	if r.Verdict != nil {
		for _, id := range r.Verdict.Because {
			l.cited[id] = true
		}
	}
	link := func(number int, id string) {
		if _, ok := l.href[number]; !ok { // a damaged file may use a number twice
			l.href[number] = "#" + id
		}
	}
	for i := range r.Events {
		n := r.Events[i].ID
		l.shown[i] = i < htmlEventRows/2 || i >= len(r.Events)-htmlEventRows/2 || l.cited[n]
		if l.shown[i] {
			link(n, "event-"+strconv.Itoa(n))
		}
	}
	for i := 0; i < len(r.Events); i++ {
		if l.shown[i] {
			continue
		}
		gap := eventGap{id: "left-out-" + strconv.Itoa(len(l.gaps)+1), from: i, to: i}
		for ; gap.to+1 < len(r.Events) && !l.shown[gap.to+1]; gap.to++ {
		}
		for ; i <= gap.to; i++ {
			link(r.Events[i].ID, gap.id)
		}
		l.gaps[gap.from] = gap
	}
	return l
}

// to is a link to an event, or its number where the page does not have it.
func (l *eventLinks) to(number int) htmlPart {
	return htmlPart{strconv.Itoa(number), l.href[number]}
}

// because writes numbers as numbersText does, the ends of each row of them as
// links. What is too many to be read is counted.
func (l *eventLinks) because(n []int) []htmlPart {
	var parts []htmlPart
	for i, shown := 0, 0; i < len(n); shown++ {
		if shown == htmlProofs {
			return append(parts, htmlPart{Text: fmt.Sprintf(" and %d more", len(n)-i)})
		}
		j := i
		for j+1 < len(n) && n[j+1] == n[j]+1 {
			j++
		}
		if i > 0 {
			parts = append(parts, htmlPart{Text: ", "})
		}
		parts = append(parts, l.to(n[i]))
		if j > i+1 {
			parts = append(parts, htmlPart{Text: "–"}, l.to(n[j]))
		} else {
			j = i
		}
		i = j + 1
	}
	return parts
}

// table makes the rows of the events; nil where there are none.
func (l *eventLinks) table(r *Report) *htmlEvents {
	if len(r.Events) == 0 {
		return nil
	}
	t := &htmlEvents{Title: "Events: " + strconv.Itoa(len(r.Events)), Since: sinceText(r)}
	used := map[string]bool{}
	left := 0
	for i := range r.Events {
		if gap, ok := l.gaps[i]; ok {
			count := gap.to - gap.from + 1
			left += count
			text := fmt.Sprintf("%d–%d: %s left out here", r.Events[gap.from].ID, r.Events[gap.to].ID, counted(count, "event", "events"))
			t.Rows = append(t.Rows, htmlEvent{ID: gap.id, Gap: text})
		}
		if !l.shown[i] {
			continue
		}
		e := &r.Events[i]
		row := htmlEvent{
			ID: "event-" + strconv.Itoa(e.ID), Number: e.ID, Time: momentText(e.T), Cited: l.cited[e.ID],
			Actor: fitText(visibleText(e.Actor)), What: fitText(visibleText(e.What)), Detail: fitText(visibleText(e.Detail)),
			Name: fitText(visibleText(e.StatusName)), Status: fitText(visibleText(e.Status)), Class: markOf(e),
		}
		if row.Name == row.Status { // the number of one that has no name
			row.Name = ""
		}
		if e.Win32 != nil && *e.Win32 != 0 {
			row.Win32 = strconv.FormatUint(uint64(*e.Win32), 10)
		}
		if used[row.ID] {
			row.ID = ""
		}
		used[row.ID] = true
		t.Cited = t.Cited || row.Cited
		t.Rows = append(t.Rows, row)
	}
	if left > 0 {
		t.More = fmt.Sprintf("%d of %d events are left out here; the report in JSON has them all.", left, len(r.Events))
	}
	return t
}

// sinceText says what the times of events count from.
func sinceText(r *Report) string {
	if r.Repro != nil && slices.ContainsFunc(r.Events, func(e Event) bool { return e.What == whatDisconnect }) {
		return "disconnect"
	}
	return "start"
}

// The marks of events.
const (
	markDone    = "done"
	markRefused = "refused" // error 32
	markFailed  = "failed"  // any other error
	markFree    = "free"    // the contender got the file
	markGone    = "gone"    // the disconnect
)

// markOf is the mark of an event.
func markOf(e *Event) string {
	failed := e.Status != "" && answerText(e.StatusName, e.Status, nil) != "ok"
	switch {
	case e.What == whatDisconnect:
		return markGone
	case failed && e.Win32 != nil && *e.Win32 == 32:
		return markRefused
	case failed:
		return markFailed
	case e.Actor == ActorContender && (e.What == whatRelease || e.What == whatTry && e.Status != ""):
		return markFree
	}
	return markDone
}
