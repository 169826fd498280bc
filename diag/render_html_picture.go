package diag

import (
	"fmt"
	"slices"
)

// htmlPicture is the timeline as a drawing: a lane for each actor, from left to
// right as time goes. Places across are in percent, so that it fits a phone as
// well as a page while its letters keep their size.
type htmlPicture struct {
	Title  string
	Lanes  []*pictureLane
	Lines  []pictureLine // the disconnect, the release
	Ticks  []pictureTick
	Before string // how wide the side before the disconnect is; empty for none
	Split  bool   // that side has a scale of its own
	Words  [][]htmlPart
	Legend []pictureKey

	Top, Down, Axis, AxisText, Height int // places down, in pixels; Down is all lanes
}

// pictureLane is what one actor did.
type pictureLane struct {
	Name, Role                string
	NameY, Y, Top, Mid, Floor int // of the name; of the marks
	Bars                      []pictureBar
	Marks                     []pictureMark
}

// pictureBar is a time that something lasted.
type pictureBar struct {
	Class, X, Width, Title string
	Y, Height              int
}

// pictureMark is an event, or several of one sort that are too near to each
// other to be told apart.
type pictureMark struct {
	Class, X, Title, Href string
}

// pictureLine is a moment across all lanes.
type pictureLine struct {
	Class, X, Label, Anchor string
	Shift                   int // of the label, to the side
	From, Y                 int // of the line; of the label
}

// pictureKey explains a mark.
type pictureKey struct{ Class, Text string }

const (
	mostLanes = 6   // actors of a run; there are four
	mostSlots = 240 // marks of a sort in a lane

	laneHeight = 52

	leastBar = 0.4 // percent of the width: what is shorter could not be seen
)

// roles say what the actors are, for readers who meet them first here.
var roles = map[string]string{
	ActorHolder:    "has the file open",
	ActorContender: "wants the file",
	ActorObserver:  "reads the server's tables",
	ActorTool:      "this tool",
}

// newHTMLPicture draws the events of a report; nil where there are none.
func newHTMLPicture(r *Report, links *eventLinks) *htmlPicture {
	if len(r.Events) == 0 {
		return nil
	}
	d := &pictureDrawing{
		report: r, links: links, used: map[string]bool{},
		scale:   newTimeScale(r.Events, sinceText(r) == "disconnect"),
		picture: &htmlPicture{Top: 4},
	}
	d.lines()
	if len(d.picture.Lines) > 0 {
		d.picture.Top = 44 // room for their labels
	}
	d.lanes()
	d.legend()
	p := d.picture
	p.Down = laneHeight * len(p.Lanes)
	p.Axis = p.Top + p.Down
	p.AxisText, p.Height = p.Axis+18, p.Axis+26
	p.Ticks = d.scale.ticks()
	if d.scale.zero > 0 {
		p.Before, p.Split = percent(d.scale.zero), d.scale.split
	}
	p.Title = fmt.Sprintf("Timeline of %s by %s", counted(len(r.Events), "event", "events"), counted(len(p.Lanes), "actor", "actors"))
	return p
}

// pictureDrawing is a picture in the making.
type pictureDrawing struct {
	report  *Report
	links   *eventLinks
	scale   timeScale
	picture *htmlPicture
	used    map[string]bool // classes, for the legend
}

// lanes draws the events of each actor, and says them in words.
func (d *pictureDrawing) lanes() {
	byActor := map[string][]*Event{}
	var actors []string
	for i := range d.report.Events {
		e := &d.report.Events[i]
		name := e.Actor
		if _, ok := byActor[name]; !ok && len(actors) == mostLanes {
			name = actors[mostLanes-1]
		} else if !ok {
			actors = append(actors, name)
		}
		byActor[name] = append(byActor[name], e)
	}
	order := []string{ActorHolder, ActorContender, ActorObserver, ActorTool}
	slices.SortStableFunc(actors, func(a, b string) int { return place(order, a) - place(order, b) })
	for i, actor := range actors {
		y := d.picture.Top + laneHeight*i
		lane := &pictureLane{Name: fitRunes(visibleText(actor), 24), Role: roles[actor], NameY: y + 15, Y: y, Top: y + 24, Mid: y + 34, Floor: y + 44}
		lane.Marks = d.marks(byActor[actor])
		d.picture.Lanes = append(d.picture.Lanes, lane)
	}
	d.held()
	for _, actor := range actors {
		d.actorWords(actor, byActor[actor])
	}
}

// place is the index of s; behind all others where it is not there.
func place(order []string, s string) int {
	if i := slices.Index(order, s); i >= 0 {
		return i
	}
	return len(order)
}

// marks draws the events of a lane: those of one sort that fall on one place
// are one mark.
func (d *pictureDrawing) marks(events []*Event) []pictureMark {
	type slot struct {
		class string
		n     int
	}
	type group struct {
		slot
		first, last *Event
		count       int
		alike       bool
	}
	var groups []*group
	at := map[slot]*group{}
	for _, e := range events {
		s := slot{markOf(e), int(d.scale.at(clampTime(e.T)) / 100 * mostSlots)}
		g := at[s]
		if g == nil {
			g = &group{slot: s, first: e, alike: true}
			at[s] = g
			groups = append(groups, g)
		}
		g.last, g.count = e, g.count+1
		g.alike = g.alike && same(e) == same(g.first)
	}
	// What matters most is drawn last, above the others.
	order := []string{markDone, markFailed, markRefused, markGone, markFree}
	slices.SortStableFunc(groups, func(a, b *group) int { return place(order, a.class) - place(order, b.class) })
	marks := make([]pictureMark, len(groups))
	for i, g := range groups {
		d.used[g.class] = true
		title := eventWords(g.first)
		if g.count > 1 {
			title = fmt.Sprintf("%d events, #%d to #%d, %s to %s ms", g.count, g.first.ID, g.last.ID, momentText(g.first.T), momentText(g.last.T))
			if g.alike {
				title += ", all: " + whatWords(g.first)
			}
		}
		marks[i] = pictureMark{g.class, percent(d.scale.at(clampTime(g.first.T))), fitText(title), d.links.to(g.first.ID).Href}
	}
	return marks
}

func eventWords(e *Event) string {
	return fmt.Sprintf("#%d, %s ms: %s", e.ID, momentText(e.T), whatWords(e))
}

func whatWords(e *Event) string {
	answer := answerText(e.StatusName, e.Status, e.Win32)
	return joinNonEmpty(" ", visibleText(e.Actor), visibleText(e.What)) + prefixed(": ", fitRunes(e.Detail, 300)) + prefixed(" → ", fitRunes(answer, 200))
}

// held draws how long the file was held: by a client that was there, and after
// the disconnect until the contender got it.
func (d *pictureDrawing) held() {
	r := d.report
	var open, gone *Event
	for i := range r.Events {
		e := &r.Events[i]
		if open == nil && e.Actor == ActorHolder && e.What == whatOpen && markOf(e) == markDone {
			open = e
		}
		if gone == nil && markOf(e) == markGone {
			gone = e
		}
	}
	if open == nil || r.Repro == nil && r.Hold == nil {
		return
	}
	last := Event{T: d.scale.to}
	until, end := &last, htmlPart{Text: "the end of what was seen"}
	if gone != nil {
		until, end = gone, htmlPart{Text: "the disconnect"}
	}
	d.bar(open.Actor, "held", open.T, until.T, "held, the client alive: "+momentText(open.T)+" to "+momentText(until.T)+" ms")
	words := []htmlPart{{Text: "Held from " + momentText(open.T) + " ms ["}, d.links.to(open.ID), {Text: "] to " + end.Text}}
	if gone != nil {
		words = append(words, htmlPart{Text: " at " + momentText(gone.T) + " ms ["}, d.links.to(gone.ID), htmlPart{Text: "]"})
	}
	d.say(append(words, htmlPart{Text: "."})...)
	if gone == nil || r.Repro == nil {
		return
	}
	release := &r.Repro.Release
	after := release.WaitedMS
	if release.Released && release.AfterMS != nil {
		after = *release.AfterMS
	}
	if after > 0 {
		d.bar(open.Actor, "stale", gone.T, gone.T+after, "not free after the disconnect: "+releaseText(release))
	}
	if release.Released || after > 0 {
		d.say(htmlPart{Text: "Free: " + releaseText(release) + "."})
	}
}

func (d *pictureDrawing) bar(actor, class string, from, to Millisecond, title string) {
	for _, lane := range d.picture.Lanes {
		if lane.Name == actor {
			a, b := d.scale.at(clampTime(from)), d.scale.at(clampTime(to))
			lane.Bars = append(lane.Bars, pictureBar{class, percent(a), percent(max(b-a, leastBar)), title, lane.Top + 2, lane.Floor - lane.Top - 4})
			d.used[class] = true
		}
	}
}

// lines draws the disconnect, and when the file was free, across all lanes.
func (d *pictureDrawing) lines() {
	r := d.report
	for i := range r.Events {
		if e := &r.Events[i]; markOf(e) == markGone {
			label := "disconnect"
			if r.Repro != nil {
				label += prefixed(": ", fitRunes(r.Repro.Disconnect, 12))
			}
			d.line(markGone, e.T, label, 14)
			break
		}
	}
	if r.Repro == nil || sinceText(r) != "disconnect" {
		return
	}
	switch release := &r.Repro.Release; {
	case release.Released && release.AfterMS != nil:
		d.line(markFree, *release.AfterMS, "free after "+durationText(*release.AfterMS), 32)
	case !release.Released && release.WaitedMS > 0:
		d.line("kept", release.WaitedMS, "not free within "+durationText(release.WaitedMS), 32)
	}
}

func (d *pictureDrawing) line(class string, t Millisecond, label string, y int) {
	x := d.scale.at(clampTime(t))
	l := pictureLine{Class: class, X: percent(x), Label: label, Anchor: "start", Shift: 5, From: y - 10, Y: y}
	if x > 55 {
		l.Anchor, l.Shift = "end", -l.Shift
	}
	d.picture.Lines = append(d.picture.Lines, l)
}

// actorWords says what an actor's marks show.
func (d *pictureDrawing) actorWords(actor string, events []*Event) {
	name := fitRunes(visibleText(actor), 24)
	for _, e := range events {
		if markOf(e) == markFree {
			d.say(htmlPart{Text: name + ": got the file at " + momentText(e.T) + " ms ["}, d.links.to(e.ID), htmlPart{Text: "]."})
			break
		}
	}
	for _, kind := range []struct{ class, one, many string }{
		{markRefused, "refusal with error 32", "refusals with error 32"},
		{markFailed, "other error", "other errors"},
		{markDone, "other event", "other events"},
	} {
		var first, last *Event
		n := 0
		for _, e := range events {
			if markOf(e) == kind.class {
				if n++; n == 1 {
					first = e
				}
				last = e
			}
		}
		if n == 0 {
			continue
		}
		words := []htmlPart{{Text: name + ": " + counted(n, kind.one, kind.many)}}
		if n == 1 {
			words = append(words, htmlPart{Text: ", at " + momentText(first.T) + " ms ["}, d.links.to(first.ID))
		} else {
			words = append(words, htmlPart{Text: ", the first at " + momentText(first.T) + " ms ["}, d.links.to(first.ID),
				htmlPart{Text: "], the last at " + momentText(last.T) + " ms ["}, d.links.to(last.ID))
		}
		d.say(append(words, htmlPart{Text: "]."})...)
	}
}

func (d *pictureDrawing) say(words ...htmlPart) { d.picture.Words = append(d.picture.Words, words) }

// legend explains the marks that are there.
func (d *pictureDrawing) legend() {
	for _, k := range []pictureKey{
		{"held", "held, the client alive"},
		{"stale", "not free after the disconnect"},
		{markRefused, "refused with error 32"},
		{markFailed, "another error"},
		{markFree, "got the file"},
		{markDone, "any other event"},
	} {
		if d.used[k.Class] {
			d.picture.Legend = append(d.picture.Legend, k)
		}
	}
}
