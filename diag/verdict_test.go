package diag

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"err32/smb"
)

var updateEvents = flag.Bool("update-events", false, "record the runs of testdata/events again, against smbd")

const recordings = "../testdata/events"

// recording is one run against a real server, and the verdict on it.
type recording struct {
	About   string   `json:"about"`
	Events  []Event  `json:"events"`
	Verdict *Verdict `json:"verdict"` // null when the run did not get far enough for one
}

// The steps that a verdict may stand on, as step writes them.
const (
	stepHeld         = "holder open STATUS_SUCCESS"
	stepRefusedHeld  = "contender try STATUS_SHARING_VIOLATION"
	stepAllowed      = "contender try STATUS_SUCCESS"
	stepDisconnected = "holder disconnect"
	stepRefusedAfter = "contender try STATUS_SHARING_VIOLATION after the disconnect"
	stepListedAfter  = "observer list after the disconnect"
	stepReleased     = "contender release after the disconnect"
	stepWaited       = "err32 waited after the disconnect"
)

// recorded are the runs and what a person who reads their events must find.
// The verdicts in the files are compared in every word; this says what matters
// in them.
var recorded = []struct {
	name    string
	about   string
	set     func(*ReproOptions)
	plain   bool             // by the user who may not read the tables
	stop    func(Event) bool // the run is interrupted when this happens; nil: never
	code    int              // -1: no verdict
	because []string
	summary []string
	next    []string
}{
	{
		name: "close", about: "the control experiment: the holder does everything right",
		set:     func(o *ReproOptions) { o.Disconnect = smb.DisconnectClose },
		because: []string{stepHeld, stepRefusedHeld, stepDisconnected, stepReleased},
		summary: []string{"met error 32", "(close)", "nothing was left behind"}, next: []string{"Nothing is in the way"},
	},
	{
		name: "logoff", about: "the session ends without a CLOSE",
		set:     func(o *ReproOptions) { o.Disconnect = smb.DisconnectLogoff },
		because: []string{stepHeld, stepRefusedHeld, stepDisconnected, stepReleased},
		summary: []string{"met error 32", "(logoff)"}, next: []string{"Nothing is in the way"},
	},
	{
		name: "fin", about: "the holder's process dies",
		set:     func(o *ReproOptions) { o.Disconnect = smb.DisconnectFIN },
		because: []string{stepHeld, stepRefusedHeld, stepDisconnected, stepReleased},
		summary: []string{"met error 32", "(fin)"}, next: []string{"Nothing is in the way"},
	},
	{
		name: "rst", about: "the holder's connection is reset",
		set:     func(o *ReproOptions) { o.Disconnect = smb.DisconnectRST },
		because: []string{stepHeld, stepRefusedHeld, stepDisconnected, stepReleased},
		summary: []string{"met error 32", "(rst)"}, next: []string{"Nothing is in the way"},
	},
	{
		name: "vanish_freed", about: "the holder vanishes, and the server's keep-alive gives it up after 6 s",
		set:  func(o *ReproOptions) { o.Wait = 20 * time.Second; o.Interval = 500 * time.Millisecond },
		code: 32, because: []string{stepHeld, stepRefusedHeld, stepDisconnected, stepRefusedAfter, stepListedAfter, stepReleased},
		summary: []string{"vanished", "could not know", "until the server freed the file after 6.", "stayed in the server's table"},
		next:    []string{"keep-alive", "TCP_KEEPIDLE", "deadtime", "net rpc file close"},
	},
	{
		name: "vanish_held", about: "the holder vanishes, and the run looks for 1.5 s only",
		set:  func(o *ReproOptions) { o.Wait = 1500 * time.Millisecond },
		code: 32, because: []string{stepHeld, stepRefusedHeld, stepDisconnected, stepRefusedAfter, stepWaited, stepListedAfter},
		summary: []string{"vanished", "for all of the 1.5 s", "was not freed", "stayed in the server's table"},
		next:    []string{"keep-alive"},
	},
	{
		name: "freeze", about: "the holder hangs",
		set:  func(o *ReproOptions) { o.Disconnect = smb.DisconnectFreeze },
		code: 32, because: []string{stepHeld, stepRefusedHeld, stepDisconnected, stepRefusedAfter, stepWaited, stepListedAfter},
		summary: []string{"hangs", "was not freed", "stayed in the server's table"}, next: []string{"Ending the hung program", "Keep-alives do not help"},
	},
	{
		name: "leak", about: "the holder's program never closes its handle",
		set:  func(o *ReproOptions) { o.Disconnect = smb.DisconnectLeak; o.Wait = 1500 * time.Millisecond },
		code: 32, because: []string{stepHeld, stepRefusedHeld, stepDisconnected, stepRefusedAfter, stepWaited, stepListedAfter},
		summary: []string{"never closed its handle", "nothing is wrong", "like any other"}, next: []string{"Ending the program"},
	},
	{
		name: "leak_same", about: "the case of Q153260: the retry comes from the client that leaked the handle",
		set:  func(o *ReproOptions) { o.Disconnect, o.RetryFrom = smb.DisconnectLeak, "same" },
		code: 32, because: []string{stepHeld, stepRefusedHeld, stepDisconnected, stepRefusedAfter, stepWaited, stepListedAfter},
		summary: []string{"never closed its handle"}, next: []string{"Ending the program"},
	},
	{
		name: "handle_leak", about: "the pattern of Q277673: ten handles of one name",
		set: func(o *ReproOptions) {
			o.Case, o.Disconnect, o.Access, o.Share = "handle-leak", smb.DisconnectLeak, access("r"), smb.ShareRead
		},
		code: 32, because: []string{stepHeld, stepRefusedHeld, stepDisconnected, stepRefusedAfter, stepWaited, stepListedAfter},
		summary: []string{"never closed its handle"}, next: []string{"Ending the program"},
	},
	{
		name: "no_table_rights", about: "the user may not read the server's tables",
		set: func(o *ReproOptions) { o.Disconnect = smb.DisconnectFreeze }, plain: true,
		code: 32, because: []string{stepHeld, stepRefusedHeld, stepDisconnected, stepRefusedAfter, stepWaited},
		summary: []string{"hangs", "was not freed"}, next: []string{"Ending the hung program"},
	},
	{
		name: "no_conflict", about: "the holder shares all that the contender wants",
		set:     func(o *ReproOptions) { o.Share = smb.ShareRead | smb.ShareWrite },
		because: []string{stepHeld, stepAllowed},
		summary: []string{"do not conflict", "Nothing was disconnected"}, next: []string{"Choose modes that conflict"},
	},
	{
		name: "interrupted_early", about: "interrupted before the contender had tried",
		set: func(*ReproOptions) {}, code: -1,
		stop: func(e Event) bool { return e.What == whatOpen },
	},
	{
		name: "interrupted_soon", about: "interrupted before a server had to know that the holder was gone",
		set: func(o *ReproOptions) { o.Disconnect = smb.DisconnectFreeze }, code: -1,
		stop: func(e Event) bool { return e.What == whatTry && e.T > 0 && e.T < 10 },
	},
	{
		name: "interrupted_late", about: "interrupted when the open had long been stale",
		set:  func(o *ReproOptions) { o.Disconnect, o.Wait = smb.DisconnectFreeze, time.Minute },
		stop: func(e Event) bool { return e.What == whatTry && e.T > 1500 },
		code: 32, because: []string{stepHeld, stepRefusedHeld, stepDisconnected, stepListedAfter, stepRefusedAfter},
		summary: []string{"hangs", "all of the 1.", "was not freed"}, next: []string{"Ending the hung program"},
	},
}

// TestRecordEvents writes the recordings, when it is told to.
func TestRecordEvents(t *testing.T) {
	if !*updateEvents {
		t.Skip("records what happens on smbd: only with -update-events")
	}
	srv := serveSmbd(t, serverConfig{})
	for _, r := range recorded {
		t.Run(r.name, func(t *testing.T) {
			e := srv.endpoint("")
			if r.plain {
				e = srv.plainEndpoint("")
			}
			o := reproOf(e, smb.DisconnectVanish, 300*time.Millisecond)
			o.Interval = 100 * time.Millisecond
			r.set(&o)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			disconnected := false
			o.OnEvent = func(e Event) {
				disconnected = disconnected || e.What == whatDisconnect
				if !disconnected {
					e.T = -1 // as it will be once time 0 is known
				}
				if r.stop != nil && r.stop(e) {
					stop()
				}
			}
			report := Repro(ctx, o)
			if report.Error != nil || report.Interrupted != (r.stop != nil) {
				t.Fatal(text(report))
			}
			b, err := json.MarshalIndent(recording{r.about, report.Events, report.Verdict}, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(recordings, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(recordings, r.name+".json"), append(b, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestJudgeRecorded(t *testing.T) {
	files, err := filepath.Glob(recordings + "/*.json")
	if err != nil || len(files) != len(recorded) {
		t.Fatalf("%d recordings, want %d (%v)", len(files), len(recorded), err)
	}
	for _, r := range recorded {
		t.Run(r.name, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join(recordings, r.name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var file recording
			if err := json.Unmarshal(b, &file); err != nil {
				t.Fatal(err)
			}
			given := slices.Clone(file.Events)
			v := Judge(file.Events)
			if !reflect.DeepEqual(v, file.Verdict) {
				t.Errorf("verdict %s, the file has %s", text(v), text(file.Verdict))
			}
			if !reflect.DeepEqual(file.Events, given) {
				t.Error("the events were changed")
			}
			if r.code < 0 || v == nil {
				if r.code >= 0 || v != nil {
					t.Errorf("verdict %s, want code %d", text(v), r.code)
				}
				return
			}
			name := map[int]string{0: "NO_ERROR", 32: "ERROR_SHARING_VIOLATION"}[r.code]
			if v.Code != r.code || v.Name != name {
				t.Errorf("code %d, name %s; want %d, %s", v.Code, v.Name, r.code, name)
			}
			var because []string
			for _, id := range v.Because {
				because = append(because, step(file.Events, id))
			}
			want := slices.Sorted(slices.Values(r.because))
			if slices.Sort(because); !slices.Equal(because, want) {
				t.Errorf("because %q, want %q", because, want)
			}
			for _, phrase := range r.summary {
				if !strings.Contains(v.Summary, phrase) {
					t.Errorf("summary %q lacks %q", v.Summary, phrase)
				}
			}
			if r.plain && strings.Contains(v.Summary, "table") {
				t.Errorf("summary %q speaks of a table that nobody saw", v.Summary)
			}
			for _, phrase := range r.next {
				if !slices.ContainsFunc(v.Next, func(n string) bool { return strings.Contains(n, phrase) }) {
					t.Errorf("next %q lacks %q", v.Next, phrase)
				}
			}
		})
	}
}

// step says what the event with this id shows.
func step(events []Event, id int) string {
	after := ""
	for _, e := range events {
		if e.ID == id {
			return strings.TrimSpace(e.Actor+" "+e.What+" "+e.StatusName) + after
		}
		if e.What == whatDisconnect {
			after = " after the disconnect"
		}
	}
	return "nothing"
}

// Lists at the edges of the rules, made by hand.
func TestJudgeEdges(t *testing.T) {
	win32 := uint32(32)
	denied := uint32(5)
	event := func(at Millisecond, actor, what string) Event { return Event{T: at, Actor: actor, What: what} }
	status := func(at Millisecond, actor, what string, s smb.NTStatus, w *uint32) Event {
		return Event{T: at, Actor: actor, What: what, Status: s.Hex(), StatusName: s.String(), Win32: w}
	}
	open := status(-5, ActorHolder, whatOpen, smb.StatusSuccess, nil)
	refused := func(at Millisecond) Event {
		return status(at, ActorContender, whatTry, smb.StatusSharingViolation, &win32)
	}
	allowed := func(at Millisecond) Event {
		return status(at, ActorContender, whatTry, smb.StatusSuccess, nil)
	}
	gone := func(kind smb.DisconnectKind) Event {
		e := event(0, ActorHolder, whatDisconnect)
		e.Detail = kind.String() + ": " + disconnectStory(kind)
		return e
	}
	release := func(at Millisecond) Event { return event(at, ActorContender, whatRelease) }
	list := func(at Millisecond, detail string) Event {
		e := event(at, ActorObserver, whatList)
		e.Detail = detail
		return e
	}
	fin, vanish := gone(smb.DisconnectFIN), gone(smb.DisconnectVanish)
	const none = -1
	for _, test := range []struct {
		name    string
		events  []Event
		code    int
		because []int
		summary string
	}{
		{"no events", nil, none, nil, ""},
		{"no open", []Event{event(0, ActorTool, whatPrepare), refused(1)}, none, nil, ""},
		{"open refused", []Event{status(-5, ActorHolder, whatOpen, smb.StatusSharingViolation, &win32), refused(-1), fin, refused(1)}, none, nil, ""},
		{"open and no more", []Event{open}, none, nil, ""},
		{"no disconnect", []Event{open, refused(-1)}, none, nil, ""},
		{"no try while held", []Event{open, fin, refused(1), refused(2000)}, none, nil, ""},
		{"no try after the disconnect", []Event{open, refused(-1), vanish}, none, nil, ""},
		{"table alone proves nothing", []Event{open, refused(-1), vanish, list(2000, "1 open of the file")}, none, nil, ""},

		{"freed at once", []Event{open, refused(-1), fin, allowed(0.2), release(0.2)}, 0, []int{1, 2, 3, 5}, "within 0.2 ms"},
		{"refused within the grace, then freed", []Event{open, refused(-1), fin, refused(0.3), refused(999), allowed(1000), release(1000)}, 0, []int{1, 2, 3, 7}, "within 1.0 s"},
		{"refused at the end of the grace", []Event{open, refused(-1), fin, refused(1000), allowed(1020), release(1020)}, 0, []int{1, 2, 3, 6}, "within 1.0 s"},
		{"refused just after the grace", []Event{open, refused(-1), fin, refused(1000.001), allowed(1020), release(1020)}, 32, []int{1, 2, 3, 4, 6}, "freed the file after 1.0 s"},
		// Nobody looked between the grace and the release.
		{"freed late, not refused late", []Event{open, refused(-1), fin, refused(1), allowed(30000), release(30000)}, 0, []int{1, 2, 3, 6}, "within 30.0 s"},
		{"never refused after", []Event{open, refused(-1), vanish, allowed(5000), release(5000)}, 0, []int{1, 2, 3, 5}, "within 5.0 s"},
		{"the run ended within the grace", []Event{open, refused(-1), vanish, refused(300)}, none, nil, ""},
		{"the run ended after the grace", []Event{open, refused(-1), vanish, refused(1200)}, 32, []int{1, 2, 3, 4}, "all of the 1.2 s"},
		{"a wait shorter than the grace", []Event{open, refused(-1), vanish, refused(300), event(300.1, ActorTool, whatWaited)}, 32, []int{1, 2, 3, 4, 5}, "all of the 300.1 ms"},
		{"no listing still had it", []Event{open, refused(-1), vanish, list(1, "no open of the file"), refused(1500), event(1500, ActorTool, whatWaited)}, 32, []int{1, 2, 3, 5, 6}, "was not freed"},
		{"the last listing that had it", []Event{open, refused(-1), vanish, list(1, "1 open of the file"), list(500, "10 opens of the file"), refused(1500), list(1600, "no open of the file"), event(1600, ActorTool, whatWaited)},
			32, []int{1, 2, 3, 5, 6, 8}, "stayed in the server's table"},
		{"a listing before the disconnect", []Event{open, list(-3, "1 open of the file"), refused(-1), vanish, refused(1500), event(1500, ActorTool, whatWaited)}, 32, []int{1, 3, 4, 5, 6}, "was not freed"},

		{"another refusal while held", []Event{open, status(-1, ActorContender, whatTry, smb.StatusAccessDenied, &denied), fin, refused(1500)}, none, nil, ""},
		{"another refusal after", []Event{open, refused(-1), vanish, status(1500, ActorContender, whatTry, smb.StatusAccessDenied, &denied)}, none, nil, ""},
		{"let in while held", []Event{open, allowed(-1)}, 0, []int{1, 2}, "do not conflict"},
		{"let in and disconnected all the same", []Event{open, allowed(-1), fin, refused(1500)}, 0, []int{1, 2}, "do not conflict"},
	} {
		t.Run(test.name, func(t *testing.T) {
			events := slices.Clone(test.events)
			for i := range events {
				events[i].ID = i + 1
			}
			v := Judge(events)
			if v == nil {
				if test.code != none {
					t.Fatalf("no verdict, want code %d", test.code)
				}
				return
			}
			if v.Code != test.code || !slices.Equal(v.Because, test.because) || !strings.Contains(v.Summary, test.summary) {
				t.Errorf("verdict %s, want code %d because of %v with %q", text(v), test.code, test.because, test.summary)
			}
			if test.code == 32 && len(v.Next) == 0 {
				t.Error("no advice")
			}
			if strings.Contains(v.Summary, "table") != slices.ContainsFunc(v.Because, func(id int) bool { return events[id-1].What == whatList }) {
				t.Errorf("because %v does not go with the summary %q", v.Because, v.Summary)
			}
		})
	}
}

// The verdict counts on ids, not on where an event stands in the list.
func TestJudgeUsesIDs(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(recordings, "leak.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file recording
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	const shift = 1000
	for i := range file.Events {
		file.Events[i].ID += shift
	}
	v := Judge(file.Events)
	for i := range v.Because {
		v.Because[i] -= shift
	}
	if !reflect.DeepEqual(v, file.Verdict) {
		t.Errorf("verdict %s, want %s", text(v), text(file.Verdict))
	}
}
