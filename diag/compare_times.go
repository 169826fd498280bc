package diag

import (
	"fmt"
	"math"
	"strconv"
)

// times compares when error 32 was met, and how long things took.
func (c *comparing) times() {
	a, b := c.a, c.b
	switch {
	case a.Repro != nil && b.Repro != nil:
		c.shared(error32Times(a.Repro), error32Times(b.Repro))
		c.freeAfter()
		if a.Repro.waitedInVain() && b.Repro.waitedInVain() { // the others waited until then
			c.took("waited for the file", a.Repro.Release.WaitedMS, b.Repro.Release.WaitedMS)
		}
	case a.Hold != nil && b.Hold != nil:
		c.shared([]item{{what: "files held", value: strconv.Itoa(a.Hold.Held)}}, []item{{what: "files held", value: strconv.Itoa(b.Hold.Held)}})
		c.took("opening took", a.Hold.OpenMS, b.Hold.OpenMS)
		c.took("held for", a.Hold.HeldMS, b.Hold.HeldMS)
	}
	if a.Server != nil && b.Server != nil && a.Server.ClockOffsetMS != nil && b.Server.ClockOffsetMS != nil {
		x, y := *a.Server.ClockOffsetMS, *b.Server.ClockOffsetMS
		if math.Abs(float64(x-y)) < clockGrain {
			c.part.Same++
		} else {
			c.differ(1, Difference{What: "server's clock", A: clockText(x), B: clockText(y), AMS: &x, BMS: &y, Note: durationText(Millisecond(math.Abs(float64(x-y)))) + " apart"})
		}
	}
}

// clockGrain is how close the offsets of two clocks are to be the same: the time
// that a server tells is that of its last tick, and was a round trip on the way.
const clockGrain = 100

func error32Times(r *ReproResult) []item {
	return []item{
		{what: "error 32 while held", value: yesNo(r.Error32WhileHeld)},
		{what: "error 32 after the disconnect", value: yesNo(r.Error32AfterDisconnect)},
	}
}

// took compares two durations.
func (c *comparing) took(what string, a, b Millisecond) {
	x, y := durationText(a), durationText(b)
	if x == y {
		c.part.Same++
		return
	}
	c.differ(1, Difference{What: what, A: x, B: y, AMS: &a, BMS: &b, Note: apart(a, b, "longer", "shorter")})
}

// apart is what B has more or less than A: the difference, and the ratio where
// that says something.
func apart(a, b Millisecond, more, less string) string {
	word, d := more, b-a
	if d < 0 {
		word, d = less, -d
	}
	s := durationText(d) + " " + word
	if a > 0 && b > 0 && (b/a < 0.95 || b/a > 1.05) {
		s += ", × " + ratioText(float64(b/a))
	}
	return s
}

// ratioText has two digits that count.
func ratioText(ratio float64) string {
	switch {
	case ratio >= 10:
		return strconv.FormatFloat(ratio, 'f', 0, 64)
	case ratio >= 0.01:
		return strconv.FormatFloat(ratio, 'g', 2, 64)
	}
	return "less than 0.01"
}

// freeAfter compares when the file came free.
func (c *comparing) freeAfter() {
	const what = "file free after"
	a, b := c.a.Repro, c.b.Repro
	x, y := freeText(a), freeText(b)
	switch {
	case x == y:
		c.part.Same++
	case a.freedAt() == nil || b.freedAt() == nil:
		c.differ(1, Difference{What: what, A: x, B: y, AMS: a.freedAt(), BMS: b.freedAt()})
	default:
		note := apart(*a.freedAt(), *b.freedAt(), "later", "sooner")
		if grain := c.grain(); c.withinGrain() {
			note += "; the tries were " + durationText(grain) + " apart, so it may be the same"
		}
		c.differ(1, Difference{What: what, A: x, B: y, AMS: a.freedAt(), BMS: b.freedAt(), Note: note})
	}
}

// freedAt is when the contender got the file; nil where it did not.
func (r *ReproResult) freedAt() *Millisecond {
	if !r.Release.Released {
		return nil
	}
	return r.Release.AfterMS
}

// freeText says when the file came free.
func freeText(r *ReproResult) string {
	switch {
	case r.freedAt() != nil:
		return durationText(*r.freedAt())
	case r.Release.Released:
		return "free, not known when"
	case r.Release.WaitedMS > 0:
		return "not within " + durationText(r.Release.WaitedMS)
	}
	return "not waited for"
}

// grain is how exactly both runs tell when the file came free: it was between
// the last try that was refused and the one that was not.
func (c *comparing) grain() Millisecond {
	grain := Millisecond(0)
	for _, r := range []*Report{c.a, c.b} {
		at, refused := r.Repro.freedAt(), Millisecond(0)
		if at == nil {
			continue
		}
		for i := range r.Events {
			e := &r.Events[i]
			if e.What == whatTry && e.Win32 != nil && *e.Win32 == 32 && e.T <= *at {
				refused = max(refused, e.T)
			}
		}
		grain = max(grain, *at-refused)
	}
	return grain
}

// withinGrain reports whether the runs cannot tell which file came free sooner.
func (c *comparing) withinGrain() bool {
	a, b := c.a.Repro.freedAt(), c.b.Repro.freedAt()
	return a != nil && b != nil && math.Abs(float64(*b-*a)) <= float64(c.grain())
}

// roundTime is a duration as a sentence has it; beside one that takes seconds
// it is in seconds too.
func roundTime(ms, beside Millisecond) string {
	switch {
	case ms >= 120e3:
		return durationText(ms)
	case ms >= 950, ms >= 300 && beside >= 950:
		return fmt.Sprintf("%.1f s", float64(ms)/1e3)
	}
	return fmt.Sprintf("%.0f ms", float64(ms))
}
