package lab

import (
	"math/rand/v2"
	"testing"
)

func newWindow(most int) *window {
	w := new(window)
	w.init(most)
	return w
}

func TestWindow(t *testing.T) {
	type step struct {
		id     uint64
		charge uint16
		ok     bool
		ask    uint16 // of the grant that follows
		grant  uint16
	}
	for name, steps := range map[string][]step{
		"the first request":             {{id: 0, ok: true, ask: 10, grant: 10}, {id: 10, ok: true, ask: 1, grant: 1}},
		"none was given":                {{id: 1}},
		"none asked for":                {{id: 0, ok: true, ask: 0, grant: 1}, {id: 1, ok: true, ask: 0, grant: 1}},
		"used twice":                    {{id: 0, ok: true, ask: 3, grant: 3}, {id: 2, ok: true, ask: 1, grant: 1}, {id: 2}, {id: 0}},
		"used once in a charge":         {{id: 0, ok: true, ask: 4, grant: 4}, {id: 2, ok: true, ask: 1, grant: 1}, {id: 1, charge: 2}, {id: 1, charge: 1, ok: true, grant: 1}},
		"a charge beyond what is given": {{id: 0, ok: true, ask: 4, grant: 4}, {id: 1, charge: 5}, {id: 1, charge: 4, ok: true, ask: 4, grant: 4}},
		"the highest MessageId":         {{id: ^uint64(0)}, {id: ^uint64(0), charge: 2}, {id: ^uint64(0) - 1, charge: 0xFFFF}},
		"no more than most":             {{id: 0, ok: true, ask: 0xFFFF, grant: 16}, {id: 1, ok: true, ask: 5, grant: 1}, {id: 2, charge: 4, ok: true, ask: 0xFFFF, grant: 4}},
		"the lowest is left unused":     {{id: 0, ok: true, ask: 16, grant: 16}, {id: 2, charge: 15, ok: true, ask: 1, grant: 0}, {id: 17}, {id: 1, ok: true, ask: 16, grant: 16}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWindow(16)
			for i, s := range steps {
				if ok := w.take(s.id, s.charge, w.high); ok != s.ok {
					t.Fatalf("step %d: take(%d, %d) is %v", i, s.id, s.charge, ok)
				} else if !ok {
					continue
				}
				if n := w.grant(s.ask); n != s.grant {
					t.Fatalf("step %d: %d granted, want %d", i, n, s.grant)
				}
			}
		})
	}
}

// A MessageId that was granted for an earlier request of the same frame cannot
// have been known when the frame was sent.
func TestWindowLimit(t *testing.T) {
	w := newWindow(16)
	known := w.high
	if !w.take(0, 1, known) || w.grant(8) != 8 {
		t.Fatal("the first request was refused")
	}
	if w.take(1, 1, known) {
		t.Error("a MessageId was taken before it was known")
	}
	if !w.take(1, 1, w.high) {
		t.Error("the MessageId is lost")
	}
}

// Against books that note every MessageId: whatever the client asks for and
// uses, it never holds more than the limit, and never none once it was
// answered.
func TestWindowBooks(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 32))
		most := 1 + rnd.IntN(200)
		w := newWindow(most)
		holds := map[uint64]bool{0: true} // given and not used
		next := uint64(1)
		for step := range 500 {
			id := next - min(next, uint64(rnd.IntN(most+2)))
			charge := uint16(rnd.IntN(4))
			may := true
			for i := range uint64(max(charge, 1)) {
				may = may && holds[id+i]
			}
			if ok := w.take(id, charge, w.high); ok != may {
				t.Fatalf("seed %d, step %d: take(%d, %d) is %v, and the books say %v", seed, step, id, charge, ok, may)
			} else if !ok {
				continue
			}
			for i := range uint64(max(charge, 1)) {
				delete(holds, id+i)
			}
			asked := uint16(rnd.IntN(1 << rnd.IntN(17)))
			n := w.grant(asked)
			for range n {
				holds[next] = true
				next++
			}
			switch {
			case len(holds) == 0:
				t.Fatalf("seed %d, step %d: the client has no credits", seed, step)
			case len(holds) > most:
				t.Fatalf("seed %d, step %d: the client has %d credits of %d", seed, step, len(holds), most)
			case n > max(asked, 1):
				t.Fatalf("seed %d, step %d: %d granted, %d asked for", seed, step, n, asked)
			}
		}
	}
}
