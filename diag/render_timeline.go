package diag

import (
	"fmt"
	"strconv"
)

const (
	leastHidden = 3   // fewer repeats than this are shown as they are
	mostEvents  = 400 // a longer timeline is shown from both ends

	leastNumbers = 100 // on a page less wide the status names stand without their numbers
)

// timeline writes the events: number, time, who, what. Refused tries that
// repeat are shown once, followed by one row for the rest.
func (p *reportPage) timeline(r *Report) error {
	if len(r.Events) == 0 {
		return nil
	}
	cited := map[int]bool{}
	if r.Verdict != nil {
		for _, id := range r.Verdict.Because {
			cited[id] = true
		}
	}
	since := "start"
	for i := range r.Events {
		if r.Events[i].What == whatDisconnect && r.Repro != nil {
			since = "disconnect"
		}
	}
	p.heading("Timeline, in ms since the " + since)
	return p.grid(grid{
		columns: []gridColumn{
			{title: "#", right: true, rigid: true},
			{title: "ms", right: true, rigid: true},
			{title: "who", rigid: true},
			{title: "what", rigid: true},
			{title: "detail", lines: 8},
		},
		rows: timelineRows(r.Events, cited, p.wide(leastNumbers)),
	})
}

// sameEvent is what makes two events the same but for number and time.
type sameEvent struct{ actor, what, detail, status string }

func same(e *Event) sameEvent { return sameEvent{e.Actor, e.What, e.Detail, e.Status} }

// repeats reports whether e may stand for others like it: what a run does
// again and again while it waits for the file.
func repeats(e *Event) bool {
	switch e.What {
	case whatTry:
		return e.Win32 != nil && *e.Win32 == 32
	case whatList, whatEcho:
		return true
	}
	return false
}

// timelineRows makes the rows of the timeline, with the numbers of statuses or
// without. A cited event always has a row of its own.
func timelineRows(events []Event, cited map[int]bool, numbers bool) [][]string {
	var rows [][]string
	var wanted []bool          // of each row: never left out
	var shown []sameEvent      // since the last event of another sort
	var first, last, count int // the repeats held back, as indexes
	show := func(row []string, keep bool) {
		rows, wanted = append(rows, row), append(wanted, keep)
	}
	flush := func() {
		switch {
		case count >= leastHidden:
			show(hiddenRow(events[first:last+1]), true)
		default:
			for i := first; i < first+count; i++ {
				show(eventRow(&events[i], numbers), false)
			}
		}
		count = 0
	}
	for i := range events {
		e := &events[i]
		again := false
		for _, k := range shown {
			again = again || k == same(e)
		}
		if again && !cited[e.ID] {
			if count == 0 {
				first = i
			}
			last, count = i, count+1
			continue
		}
		flush()
		switch {
		case !repeats(e):
			shown = shown[:0]
		case !again && len(shown) == 4: // no loop of ours has more steps
			shown = append(shown[:0], same(e))
		case !again:
			shown = append(shown, same(e))
		}
		show(eventRow(e, numbers), cited[e.ID])
	}
	flush()
	return bothEnds(rows, wanted)
}

// bothEnds leaves out the middle of a very long timeline, except the wanted
// rows.
func bothEnds(rows [][]string, wanted []bool) [][]string {
	if len(rows) <= mostEvents {
		return rows
	}
	var kept [][]string
	left := 0
	gap := func() {
		if left > 0 {
			kept = append(kept, []string{"…", "", "", "", strconv.Itoa(left) + " more, left out here"})
		}
		left = 0
	}
	for i, row := range rows {
		if i >= mostEvents/2 && i < len(rows)-mostEvents/2 && !wanted[i] {
			left++
			continue
		}
		gap()
		kept = append(kept, row)
	}
	return kept
}

func eventRow(e *Event, numbers bool) []string {
	status := e.Status
	if !numbers && e.StatusName != "" {
		status = ""
	}
	return []string{
		strconv.Itoa(e.ID),
		momentText(e.T),
		visibleText(e.Actor),
		visibleText(e.What),
		joinNonEmpty(" → ", visibleText(e.Detail), answerText(e.StatusName, status, e.Win32)),
	}
}

// hiddenRow stands for events that were all shown before.
func hiddenRow(e []Event) []string {
	first, last := &e[0], &e[len(e)-1]
	actor, what := first.Actor, first.What
	for i := range e {
		if e[i].Actor != actor {
			actor = ""
		}
		if e[i].What != what {
			what = ""
		}
	}
	return []string{
		fmt.Sprintf("%d–%d", first.ID, last.ID),
		momentText(first.T),
		visibleText(actor),
		visibleText(what),
		fmt.Sprintf("… %d more, the same, the last at %s ms", len(e), momentText(last.T)),
	}
}

// momentText writes a time of the run in milliseconds with its sign.
func momentText(t Millisecond) string {
	s := strconv.FormatFloat(float64(t), 'f', 1, 64)
	switch {
	case s == "-0.0" || s == "0.0":
		return "0.0"
	case t > 0:
		return "+" + s
	}
	return s
}
