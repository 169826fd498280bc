package diag

import (
	"math"
	"strconv"
)

// timeScale places the times of a run from left to right. What happened before
// the disconnect may have a scale of its own: it takes less than a second, and
// what follows may take hours.
type timeScale struct {
	from, to Millisecond
	zero     float64 // where 0 is, in percent; 0 for a single scale
	split    bool    // the two sides have different scales
}

const (
	leastSide = 25.0 // percent of the width that each side of the disconnect has at least
	mostTime  = 1e11 // ms; three years, which a damaged file may pass
)

// newTimeScale makes the scale for all events, with a side for what was before 0
// where 0 is the disconnect.
func newTimeScale(events []Event, sides bool) timeScale {
	s := timeScale{from: math.MaxFloat64, to: -math.MaxFloat64}
	for i := range events {
		t := clampTime(events[i].T)
		s.from, s.to = min(s.from, t), max(s.to, t)
	}
	if sides && s.from < 0 && s.to > 0 {
		linear := 100 * float64(-s.from/(s.to-s.from))
		s.zero = min(max(linear, leastSide), 100-leastSide)
		s.split = s.zero != linear
	}
	return s
}

// clampTime keeps what a report keeps of a time: microseconds, of some years.
func clampTime(t Millisecond) Millisecond {
	return Millisecond(math.Round(float64(min(max(t, -mostTime), mostTime))*1e3) / 1e3)
}

// at is the place of a time in percent of the width.
func (s *timeScale) at(t Millisecond) float64 {
	t = min(max(t, s.from), s.to)
	switch {
	case s.from >= s.to:
		return 50
	case s.zero == 0:
		return 100 * float64((t-s.from)/(s.to-s.from))
	case t < 0:
		return s.zero * float64((t-s.from)/-s.from)
	}
	return s.zero + (100-s.zero)*float64(t/s.to)
}

// percent writes a place as an SVG attribute.
func percent(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) + "%" }

// pictureTick is a time on the axis.
type pictureTick struct {
	X, Label, Anchor string
	Minor            bool // its label is left out where there is little room
}

// ticks are the round times of the axis.
func (s *timeScale) ticks() []pictureTick {
	switch {
	case s.from >= s.to:
		return []pictureTick{s.tick(s.from, false)}
	case s.zero == 0:
		return s.ticksOf(s.from, s.to, 100)
	}
	left := s.ticksOf(s.from, 0, s.zero)
	return append(left[:len(left)-1], s.ticksOf(0, s.to, 100-s.zero)...) // 0 is on both sides
}

// ticksOf are the round times of a side that has this share of the width, in
// percent. Where there is little room only every nth has a label.
func (s *timeScale) ticksOf(from, to Millisecond, share float64) []pictureTick {
	const wide, narrow = 11, 22 // percent of the width that a label takes
	step := roundStep(float64(to-from) / max(2, math.Floor(share/wide)))
	first, last := math.Ceil(float64(from)/step-1e-9), math.Floor(float64(to)/step+1e-9)
	nth := math.Ceil((last - first) / max(1, math.Floor(share/narrow)))
	var ticks []pictureTick
	for k := first; k <= last; k++ {
		major := nth <= 1 || math.Mod(k, nth) == 0
		if to == 0 && k < 0 && share < 2*narrow { // the side is so narrow that there is room for one
			major = k == first
		}
		ticks = append(ticks, s.tick(Millisecond(k*step), !major))
	}
	return ticks
}

func (s *timeScale) tick(t Millisecond, minor bool) pictureTick {
	x := s.at(t)
	anchor := "middle"
	switch {
	case x < 7:
		anchor = "start"
	case x > 93:
		anchor = "end"
	}
	return pictureTick{percent(x), axisText(t), anchor, minor}
}

// roundStep is the least step that people count in, not below least.
func roundStep(least float64) float64 {
	const second, minute, hour, day = 1e3, 60e3, 3600e3, 86400e3
	for _, step := range []float64{
		10 * second, 15 * second, 30 * second, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute,
		hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour, day,
	} {
		if least > 5*second && least <= step {
			return step
		}
	}
	unit := 1.0
	if least > day {
		unit = day
	}
	power := unit * math.Pow(10, math.Floor(math.Log10(least/unit)))
	for _, n := range []float64{1, 2, 5} {
		if least <= n*power*(1+1e-9) {
			return n * power
		}
	}
	return 10 * power
}

// axisText writes a round time in the largest unit that it is whole in, or in
// seconds.
func axisText(t Millisecond) string {
	ms := math.Round(float64(t)*1e4) / 1e4
	sign := ""
	if ms < 0 {
		sign, ms = "−", -ms
	}
	number := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	switch {
	case ms == 0:
		return "0"
	case ms >= 86400e3 && math.Mod(ms, 86400e3) == 0:
		return sign + number(ms/86400e3) + " d"
	case ms >= 3600e3 && math.Mod(ms, 3600e3) == 0:
		return sign + number(ms/3600e3) + " h"
	case ms >= 3600e3:
		return sign + number(math.Floor(ms/3600e3)) + " h " + number(math.Mod(ms, 3600e3)/60e3) + " min"
	case ms >= 60e3 && math.Mod(ms, 60e3) == 0:
		return sign + number(ms/60e3) + " min"
	case ms >= 60e3:
		return sign + number(math.Floor(ms/60e3)) + " min " + number(math.Mod(ms, 60e3)/1e3) + " s"
	case ms >= 1e3:
		return sign + number(ms/1e3) + " s"
	}
	return sign + number(ms) + " ms"
}
