package diag

import (
	"math"
	"sync"
	"time"

	"err32/smb"
)

// The actors of a run, as events name them.
const (
	ActorHolder    = "holder"    // the open under study and the client behind it
	ActorContender = "contender" // the client that wants the file
	ActorObserver  = "observer"  // reads the server's tables over \srvsvc
	ActorTool      = "err32"     // the tool itself: phases, clean-up, decisions
)

// Event is one thing that happened in a run. Events are numbered from 1 in the
// order they were recorded, and all their times come from one monotonic clock.
type Event struct {
	ID         int         `json:"id"`
	T          Millisecond `json:"t_ms"` // since the disconnect, or since the start of a run that has none; negative before it
	Actor      string      `json:"actor"`
	What       string      `json:"what"` // one of the What… words
	Detail     string      `json:"detail,omitempty"`
	Status     string      `json:"status,omitempty"`      // NTSTATUS as 0x%08X; empty where no server answered
	StatusName string      `json:"status_name,omitempty"` // STATUS_…
	Win32      *uint32     `json:"win32,omitempty"`       // the Win32 error an application sees; nil when there is none
}

// Millisecond is a duration in milliseconds, kept to a thousandth.
type Millisecond float64

// Milliseconds converts d, rounded to a microsecond.
func Milliseconds(d time.Duration) Millisecond {
	return Millisecond(math.Round(float64(d)/1e3) / 1e3)
}

// Recorder collects the events of one run. Its methods may be called from
// several goroutines.
type Recorder struct {
	mu       sync.Mutex
	start    time.Time
	events   []Event
	at       []time.Duration // of each event, since start
	zero     time.Duration   // what t_ms counts from
	onRecord func(Event)
}

// NewRecorder starts the clock of a run. onRecord, if not nil, is called with
// every event as it is recorded, in order; it must not call the Recorder.
func NewRecorder(onRecord func(Event)) *Recorder {
	return &Recorder{start: time.Now(), onRecord: onRecord}
}

// Record adds an event that has no NTSTATUS and returns its id.
func (r *Recorder) Record(actor, what, detail string) int {
	return r.add(Event{Actor: actor, What: what, Detail: detail})
}

// RecordStatus adds an event that a server answered with status.
func (r *Recorder) RecordStatus(actor, what, detail string, status smb.NTStatus) int {
	e := Event{Actor: actor, What: what, Detail: detail, Status: status.Hex(), StatusName: status.String()}
	if w, ok := status.Win32(); ok {
		e.Win32 = &w
	}
	return r.add(e)
}

func (r *Recorder) add(e Event) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.addAt(time.Since(r.start), e)
}

// addAt adds an event of the moment now, since start. The mutex is held.
func (r *Recorder) addAt(now time.Duration, e Event) int {
	e.ID = len(r.events) + 1
	e.T = Milliseconds(now - r.zero)
	r.events = append(r.events, e)
	r.at = append(r.at, now)
	if r.onRecord != nil {
		r.onRecord(e)
	}
	return e.ID
}

// RecordZero records an event that has no NTSTATUS and makes its moment the time
// 0 of all events, those already recorded included.
func (r *Recorder) RecordZero(actor, what, detail string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.zero = time.Since(r.start)
	for i := range r.events {
		r.events[i].T = Milliseconds(r.at[i] - r.zero)
	}
	return r.addAt(r.zero, Event{Actor: actor, What: what, Detail: detail})
}

// Events returns a copy of what was recorded so far.
func (r *Recorder) Events() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Event(nil), r.events...)
}
