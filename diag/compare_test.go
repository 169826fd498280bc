package diag

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// compared compares two reports that are not redacted.
func compared(t testing.TB, a, b *Report) *Report {
	t.Helper()
	r, err := compareRuns(SavedRun{"before/a.json", a}, SavedRun{"after/b.json", b}, true)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// partOf is a part of a comparison; nil where nothing of it was compared.
func partOf(r *Report, name string) *ComparedPart {
	for i := range r.Comparison.Parts {
		if p := &r.Comparison.Parts[i]; p.Name == name {
			return p
		}
	}
	return nil
}

// differencesIn are those of one part, as "what: a -> b".
func differencesIn(r *Report, part string) []string {
	var all []string
	for _, d := range r.Comparison.Differences {
		if d.Part == part {
			all = append(all, strings.Join([]string{joinNonEmpty(", ", d.What, d.User, d.Client), ": ", d.A, " -> ", d.B}, ""))
		}
	}
	return all
}

func TestCompareWithItself(t *testing.T) {
	for file, r := range reportInputs(t) {
		if r.Comparison != nil {
			continue
		}
		same := compared(t, r, r)
		if len(same.Comparison.Differences) > 0 || !strings.HasPrefix(same.Verdict.Summary, "Nothing differs") {
			t.Errorf("%s differs from itself: %s", file, text(same.Comparison.Differences))
		}
	}
}

// Any two runs can be compared, and the comparison shown and saved.
func TestCompareAnyTwo(t *testing.T) {
	narrowSymbols(t, false)
	inputs := reportInputs(t)
	for _, r := range inputs {
		for _, s := range inputs {
			if r.Comparison != nil || s.Comparison != nil {
				continue
			}
			c := compared(t, r, s)
			for _, width := range []int{60, 80, 120} {
				checkPage(t, renderTable(t, c, width), width)
			}
			again, err := ParseReport(renderJSON(t, c))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(again.Comparison, c.Comparison) {
				t.Errorf("%s and %s: not the same comparison after writing and reading it", r.Command, s.Command)
			}
			back := compared(t, s, r)
			for _, p := range c.Comparison.Parts {
				turned := ComparedPart{p.Name, p.Same, p.Changed, p.OnlyB, p.OnlyA}
				if q := partOf(back, p.Name); q == nil || *q != turned {
					t.Errorf("%s and %s: %+v, and the other way round %+v", r.Command, s.Command, p, q)
				}
			}
			if r.Command != s.Command && !strings.Contains(strings.Join(c.Notes, " "), "only what both have was compared") {
				t.Errorf("%s and %s: no note that the commands differ: %q", r.Command, s.Command, c.Notes)
			}
		}
	}
}

// releasedAfter is a run of repro whose tries are 100 ms apart.
func releasedAfter(ms Millisecond, waited Millisecond) *Report {
	code := uint32(32)
	p := &ReproResult{File: "err32-1.tmp", Disconnect: "vanish", RetryFrom: "other", Contender: "go-smb2", Error32WhileHeld: true, TableSeen: true}
	p.Release.WaitedMS = waited
	r := &Report{Schema: Schema, Command: "repro", Verdict: &Verdict{Code: 32, Name: "ERROR_SHARING_VIOLATION"}, Repro: p}
	last := waited
	if ms > 0 {
		p.Release = Release{Released: true, AfterMS: &ms, WaitedMS: ms}
		last = ms - 100
	}
	for at := last; at > 0; at -= 100 {
		r.Events = append(r.Events, Event{ID: len(r.Events) + 1, T: at, Actor: ActorContender, What: whatTry, Win32: &code})
	}
	return r
}

// cut is a run that did not wait to the end.
func cut(r *Report, interrupted bool) *Report {
	r.Incomplete, r.Interrupted = true, interrupted
	return r
}

// releasedSometime is a run whose report does not say when the file came free.
func releasedSometime() *Report {
	r := releasedAfter(0, 4000)
	r.Repro.Release.Released = true
	return r
}

func TestCompareReleaseTimes(t *testing.T) {
	for _, tt := range []struct {
		a, b    *Report
		summary string
		note    string // of the time
	}{
		{releasedAfter(6012.3, 0), releasedAfter(902.4, 0), "The file came free after 6.0 s in A and 0.9 s in B: 5.1 s sooner.", "5.110 s sooner, × 0.15"},
		{releasedAfter(902.4, 0), releasedAfter(6012.3, 0), "The file came free after 0.9 s in A and 6.0 s in B: 5.1 s later.", "5.110 s later, × 6.7"},
		{releasedAfter(130, 0), releasedAfter(412, 0), "The file came free after 130 ms in A and 412 ms in B: 282 ms later.", "282.0 ms later, × 3.2"},
		{releasedAfter(6012.3, 0), releasedAfter(6080, 0), "The file came free after 6.0 s in A and 6.1 s in B, which is the same as far as the tries can tell.",
			"67.7 ms later; the tries were 100.0 ms apart, so it may be the same"},
		{releasedAfter(6012.3, 0), releasedAfter(6012.3, 0), "The file came free after 6.0 s in both runs.", ""},
		{releasedAfter(6012.3, 0), releasedAfter(0, 30000), "The file came free after 6.0 s in A, and not within the 30.0 s that B waited.", ""},
		{releasedAfter(0, 30000), releasedAfter(450, 0), "The file came free after 450 ms in B, and not within the 30.0 s that A waited.", ""},
		{releasedAfter(0, 30000), releasedAfter(0, 600e3), "The file came free in neither run: not within 30.0 s in A, not within 10 min 0 s in B.", ""},
		{releasedAfter(6012.3, 0), cut(releasedAfter(0, 2000), true), "The file came free after 6.0 s in A, and not within the 2.0 s that B waited until it was interrupted, which is too short to tell a difference.", ""},
		{releasedAfter(6012.3, 0), releasedAfter(0, 2000), "The file came free after 6.0 s in A, and not within the 2.0 s that B waited, which is too short to tell a difference.", ""},
		{releasedAfter(0, 5000), releasedAfter(6012.3, 0), "The file came free after 6.0 s in B, and not within the 5.0 s that A waited, which is too short to tell a difference.", ""},
		{cut(releasedAfter(0, 2000), false), releasedAfter(450, 0), "The file came free after 450 ms in B, and not within the 2.0 s that A waited until it failed.", ""},
		{releasedAfter(0, 30000), cut(releasedAfter(0, 2000), true), "The file came free in neither run: not within 30.0 s in A, not within 2.0 s in B until it was interrupted.", ""},
		{releasedSometime(), releasedAfter(6012.3, 0), "The verdict is the same in both runs: 32 ERROR_SHARING_VIOLATION.", ""},
		{releasedAfter(0, 30000), releasedSometime(), "The verdict is the same in both runs: 32 ERROR_SHARING_VIOLATION.", ""},
	} {
		tt.b.Tool.Version = "other" // so that something differs
		r := compared(t, tt.a, tt.b)
		if want := tt.summary + " Settings that differ: err32."; r.Verdict.Summary != want {
			t.Errorf("summary %q, want %q", r.Verdict.Summary, want)
		}
		note := ""
		for _, d := range r.Comparison.Differences {
			if d.What == "file free after" {
				note = d.Note
				if a, b := tt.a.Repro.freedAt(), tt.b.Repro.freedAt(); !reflect.DeepEqual(d.AMS, a) || !reflect.DeepEqual(d.BMS, b) {
					t.Errorf("%v and %v, want %v and %v", d.AMS, d.BMS, a, b)
				}
			}
		}
		if note != tt.note {
			t.Errorf("note %q, want %q", note, tt.note)
		}
	}
}

func TestCompareSettings(t *testing.T) {
	run := func() *Report {
		r := releasedAfter(1000, 0)
		r.Again = "err32 repro //fs1/data"
		r.Target = &TargetInfo{Server: "fs1", Port: 445, Share: "data", User: "alice"}
		r.Server = &ServerInfo{Dialect: "3.1.1", Signing: "AES-GMAC", Name: "FS1", Version: "10.0"}
		r.Repro.Holder = &HolderInfo{SessionID: "0x1", FileID: "0x1", Access: []string{"read"}}
		r.Notes = []string{`could not see err32-1.tmp`}
		return r
	}
	for _, tt := range []struct {
		name   string
		change func(*Report)
		want   []string // of the settings
	}{
		{"nothing but what is new in each run", func(r *Report) {
			r.Repro.File, r.Notes[0], r.Repro.Holder.SessionID, r.Started = "err32-2.tmp", "could not see err32-2.tmp", "0x2", Time{time.Unix(1e9, 0)}
		}, nil},
		{"command line", func(r *Report) { r.Again += " --wait=60s" }, []string{"command line: err32 repro //fs1/data -> err32 repro //fs1/data --wait=60s"}},
		{"server", func(r *Report) { r.Target.Server, r.Server.Name = "fs2", "FS2" }, []string{"target server: fs1 -> fs2", "server name: FS1 -> FS2"}},
		{"protection", func(r *Report) { r.Server.Signing, r.Server.Encryption, r.Server.Dialect = "", "AES-128-GCM", "3.0" },
			[]string{"dialect: 3.1.1 -> 3.0", "signing: AES-GMAC -> none", "encryption: none -> AES-128-GCM"}},
		{"modes", func(r *Report) {
			r.Repro.Holder.Access, r.Repro.Holder.Share = []string{"read", "write"}, []string{"read"}
		},
			[]string{"access: read -> read, write", "share mode: none -> read"}},
		{"how it was tried", func(r *Report) { r.Repro.Disconnect, r.Repro.RetryFrom, r.Repro.Contender = "fin", "same", "err32" },
			[]string{"disconnect: vanish -> fin", "retry from: other -> same", "retry with: go-smb2 -> err32"}},
		{"server not reached", func(r *Report) { r.Server = nil }, []string{"server answered: yes -> no"}},
		{"user", func(r *Report) { r.Target.User = "" }, []string{"user: alice -> none"}},
	} {
		a, b := run(), run()
		tt.change(b)
		r := compared(t, a, b)
		if got := differencesIn(r, PartSettings); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if tt.want == nil && len(r.Comparison.Differences) > 0 {
			t.Errorf("%s: %s", tt.name, text(r.Comparison.Differences))
		}
	}
	a, b := run(), run()
	a.Target.Lab, b.Target.Lab = true, true
	b.Target.Server, b.Target.Port, b.Server.GUID = "127.0.0.1", 40123, "1"
	if r := compared(t, a, b); len(r.Comparison.Differences) > 0 {
		t.Errorf("two labs: %s", text(r.Comparison.Differences))
	}
}

func row(path, user, client, access string, more func(*OpenRow)) OpenRow {
	o := OpenRow{Path: `C:\srv\` + path, Share: "srv", SharePath: path, User: user, Client: client, ClientBasis: BasisExact}
	if client == "" {
		o.ClientBasis = BasisUnknown
	}
	if access != "" {
		o.Access = strings.Split(access, "+")
	}
	if more != nil {
		more(&o)
	}
	return o
}

func tableOf(opens ...OpenRow) *Report {
	return &Report{Schema: Schema, Command: "table", Table: &TableResult{Opens: opens}}
}

func TestCompareOpens(t *testing.T) {
	x := func(more func(*OpenRow)) OpenRow { return row("x", "alice", "10.0.0.1", "read", more) }
	for _, tt := range []struct {
		name string
		a, b []OpenRow
		want []string
		part ComparedPart
	}{
		{"another id", []OpenRow{x(func(o *OpenRow) { o.ID = "0x1" })}, []OpenRow{x(func(o *OpenRow) { o.ID = "0x2" })}, nil, ComparedPart{Same: 1}},
		{"another case of letters", []OpenRow{x(nil)}, []OpenRow{row("X", "ALICE", "10.0.0.1", "read", nil)}, nil, ComparedPart{Same: 1}},
		{"surer of the client", []OpenRow{x(nil)}, []OpenRow{x(func(o *OpenRow) { o.ClientBasis = BasisOnlySession })}, nil, ComparedPart{Same: 1}},
		{"another access", []OpenRow{x(nil)}, []OpenRow{x(func(o *OpenRow) { o.Access, o.Locks = []string{"read", "write"}, 2 })},
			[]string{`srv\x, alice, 10.0.0.1: read -> read, write, 2 locks`}, ComparedPart{Changed: 1}},
		{"another client", []OpenRow{x(nil)}, []OpenRow{row("x", "alice", "10.0.0.2", "read", nil)},
			[]string{`srv\x, alice, 10.0.0.1: read -> `, `srv\x, alice, 10.0.0.2:  -> read`}, ComparedPart{OnlyA: 1, OnlyB: 1}},
		{"client not told", []OpenRow{x(nil)}, []OpenRow{row("x", "alice", "", "read", func(o *OpenRow) { o.ClientBasis, o.Candidates = BasisOneOf, []string{"2", "1"} })},
			[]string{`srv\x, alice: read; client 10.0.0.1 -> read; client one of 1, 2`}, ComparedPart{Changed: 1}},
		{"another user", []OpenRow{x(nil)}, []OpenRow{row("x", "bob", "10.0.0.1", "read", nil)},
			[]string{`srv\x, alice, 10.0.0.1: read -> `, `srv\x, bob, 10.0.0.1:  -> read`}, ComparedPart{OnlyA: 1, OnlyB: 1}},
		{"a leak", []OpenRow{x(nil)}, []OpenRow{x(nil), x(nil), x(nil)}, []string{`srv\x, alice, 10.0.0.1:  -> 2 opens: read`}, ComparedPart{Same: 1, OnlyB: 2}},
		{"the right ones are paired", []OpenRow{x(nil), row("x", "alice", "", "write", nil)}, []OpenRow{row("x", "alice", "", "read", nil), x(nil)},
			[]string{`srv\x, alice: write; client unknown -> read; client unknown`}, ComparedPart{Same: 1, Changed: 1}},
		{"outside the shares", []OpenRow{{Path: `C:\y`, ClientBasis: BasisUnknown}}, nil, []string{`C:\y, unknown: open -> `}, ComparedPart{OnlyA: 1}},
		{"the run's own", []OpenRow{x(func(o *OpenRow) { o.Own = true })}, nil, nil, ComparedPart{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := compared(t, tableOf(tt.a...), tableOf(tt.b...))
			if got := differencesIn(r, PartOpens); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			tt.part.Name = PartOpens
			got := ComparedPart{Name: PartOpens}
			if p := partOf(r, PartOpens); p != nil {
				got = *p
			}
			if got != tt.part {
				t.Errorf("counted %+v, want %+v", got, tt.part)
			}
		})
	}
}

// Whatever is in the tables: their order does not matter, every open is counted
// once, and no more are the same than there are equal ones.
func TestCompareOpensOfAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		table := func() []OpenRow {
			rows := make([]OpenRow, random.IntN(12))
			for i := range rows {
				rows[i] = row(fmt.Sprint(random.IntN(2)), "u", []string{"", "c", "d"}[random.IntN(3)], []string{"", "read", "write"}[random.IntN(3)], func(o *OpenRow) { o.ID = fmt.Sprint(i) })
			}
			return rows
		}
		a, b := table(), table()
		r := compared(t, tableOf(a...), tableOf(b...))
		for range 3 {
			random.Shuffle(len(a), func(i, j int) { a[i], a[j] = a[j], a[i] })
			random.Shuffle(len(b), func(i, j int) { b[i], b[j] = b[j], b[i] })
			if again := compared(t, tableOf(a...), tableOf(b...)); !reflect.DeepEqual(r.Comparison, again.Comparison) {
				t.Fatalf("in another order\n%s\nnot\n%s", text(again.Comparison), text(r.Comparison))
			}
		}
		if len(a)+len(b) == 0 {
			continue
		}
		p := partOf(r, PartOpens)
		if p.Same+p.Changed+p.OnlyA != len(a) || p.Same+p.Changed+p.OnlyB != len(b) {
			t.Fatalf("%+v for %d and %d opens", p, len(a), len(b))
		}
		count := func(rows []OpenRow) map[string]int {
			n := map[string]int{}
			for _, o := range rows {
				n[fmt.Sprint(o.Path, o.Client, o.Access)]++
			}
			return n
		}
		same, inB := 0, count(b)
		for key, n := range count(a) {
			same += min(n, inB[key])
		}
		if p.Same != same {
			t.Fatalf("%d the same, want %d, of\n%s\n%s", p.Same, same, text(a), text(b))
		}
	}
}

func TestCompareSessionsAndConnections(t *testing.T) {
	n := func(n int) *int { return &n }
	age := int64(12)
	a, b := tableOf(), tableOf()
	a.Table.Sessions = []SessionRow{{Client: "c1", User: "alice", Opens: n(1), AgeS: &age}, {Client: "c2", User: "bob", Opens: n(1)}, {Client: "me", User: "admin", Own: true}}
	b.Table.Sessions = []SessionRow{{Client: "c3", User: "carol"}, {Client: "C2", User: "bob", Opens: n(4)}, {Client: "c1", User: "alice", Opens: n(1)}}
	a.Table.Connections = []ConnectionRow{{Share: "data", ID: "0x1", Opens: 2}, {Share: "data", ID: "0x2", Opens: 0}}
	b.Table.Connections = []ConnectionRow{{Share: "data", ID: "0x7", Opens: 0}, {Share: "IPC$", ID: "0x8", Opens: 1}}
	r := compared(t, a, b)
	if got, want := differencesIn(r, PartSessions), []string{"session, bob, c2: 1 open -> 4 opens", "session, carol, c3:  -> number of opens not known"}; !slices.Equal(got, want) {
		t.Errorf("sessions %q, want %q", got, want)
	}
	if got, want := *partOf(r, PartSessions), (ComparedPart{PartSessions, 1, 1, 0, 1}); got != want {
		t.Errorf("sessions %+v, want %+v", got, want)
	}
	if got, want := differencesIn(r, PartConnections), []string{"data: 2 opens -> ", "IPC$:  -> 1 open"}; !slices.Equal(got, want) {
		t.Errorf("connections %q, want %q", got, want)
	}
	if got, want := *partOf(r, PartConnections), (ComparedPart{PartConnections, 1, 0, 1, 1}); got != want {
		t.Errorf("connections %+v, want %+v", got, want)
	}
}

func TestCompareRepro(t *testing.T) {
	a, b := releasedAfter(1000, 0), releasedAfter(1000, 0)
	o := row("err32-1.tmp", "alice", "c", "read", nil)
	a.Repro.Opens.Held, b.Repro.Opens.Held = []OpenRow{o}, []OpenRow{o}
	a.Repro.Opens.After, b.Repro.Opens.End = []OpenRow{o, o}, []OpenRow{o}
	a.Repro.OtherTries = []OtherTry{{Operation: "read", When: "held", Status: "0xC0000043", StatusName: "STATUS_SHARING_VIOLATION"}, {Operation: "rename", When: "held", Status: "0x00000000"}}
	b.Repro.OtherTries = []OtherTry{{Operation: "read", When: "held", Status: "0x00000000", StatusName: "STATUS_SUCCESS"}}
	b.Repro.Error32AfterDisconnect = true
	r := compared(t, a, b)
	for part, want := range map[string][]string{
		PartOpens: {"listed right after the disconnect: 2 -> 0", "listed when the waiting ended: 0 -> 1"},
		PartTries: {"read, held: STATUS_SHARING_VIOLATION 0xC0000043 -> STATUS_SUCCESS 0x00000000", "rename, held: 0x00000000 -> "},
		PartTimes: {"error 32 after the disconnect: no -> yes"},
	} {
		if got := differencesIn(r, part); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", part, got, want)
		}
	}
	b.Repro.TableSeen = false
	if got := differencesIn(compared(t, a, b), PartOpens); len(got) != 4 || !strings.Contains(got[0], "-> table not seen") {
		t.Errorf("without a table: %q", got)
	}
}

func TestCompareWho(t *testing.T) {
	yes, no := true, false
	path := func(name, state string) PathHolders {
		return PathHolders{Path: name, Exists: true, State: state, TableSeen: true, Holders: HolderModes{unknownModes(), unknownModes()},
			AllowedNow: allowedNow(HolderModes{unknownModes(), unknownModes()}), Probes: []ProbeResult{{Name: "P1", StatusName: "STATUS_SUCCESS", Status: "0x00000000"}}}
	}
	x, y := path("x", StateStale), path("x", StateFree)
	x.Wanted.Allowed, y.Wanted.Allowed = &no, &yes
	x.Probes[0] = ProbeResult{Name: "P1", Status: "0xC0000043", StatusName: "STATUS_SHARING_VIOLATION", Pending: true}
	x.AllowedNow[0].Allowed, y.AllowedNow[0].Allowed = No, Yes
	x.Opens = []OpenRow{row("x", "alice", "c", "read", nil)}
	one := func(p PathHolders) *Report {
		return &Report{Schema: Schema, Command: "who", Who: &WhoResult{PathHolders: &p}}
	}
	r := compared(t, one(x), one(y))
	want := []string{"state: stale -> free", "in the table: 1 open -> 0 opens", "wanted open: refused -> let in", "open for read sharing nothing: no -> yes",
		"probe P1: STATUS_SHARING_VIOLATION 0xC0000043, after STATUS_PENDING -> STATUS_SUCCESS 0x00000000"}
	if got := differencesIn(r, PartHolders); !slices.Equal(got, want) {
		t.Errorf("one path: %q, want %q", got, want)
	}
	if want := "The file is stale in A and free in B."; !strings.HasPrefix(r.Verdict.Summary, want) {
		t.Errorf("summary %q, want %q", r.Verdict.Summary, want)
	}
	if got := differencesIn(r, PartOpens); !slices.Equal(got, []string{`srv\x, alice, c: read -> `}) {
		t.Errorf("opens: %q", got)
	}
	several := func(p ...PathHolders) *Report {
		return &Report{Schema: Schema, Command: "who", Who: &WhoResult{Paths: p}}
	}
	r = compared(t, several(path("x", StateLive), path("y", StateFree)), several(path("Y", StateFree), path("z", StateFree)))
	want = []string{"paths: free: 1 -> 2", "paths: live: 1 -> 0", "x: live -> ", "z:  -> free"}
	if got := differencesIn(r, PartHolders); !slices.Equal(got, want) {
		t.Errorf("several paths: %q, want %q", got, want)
	}
}

func TestCompareHold(t *testing.T) {
	a := &Report{Schema: Schema, Command: "hold", Hold: &HoldResult{Held: 10, Asked: 10, Disconnect: "close", OpenMS: 200, HeldMS: 5000,
		Refused: []Refusal{{"x", "0xC0000043", "STATUS_SHARING_VIOLATION"}}, LeftBehind: []string{"u", "v", "v"}}}
	b := &Report{Schema: Schema, Command: "hold", Hold: &HoldResult{Held: 10, Asked: 10, Disconnect: "close", OpenMS: 100, HeldMS: 5000,
		Refused: []Refusal{{"y", "0xC0000022", "STATUS_ACCESS_DENIED"}}, LeftBehind: []string{"v", "w", "u"}}}
	r := compared(t, a, b)
	for part, want := range map[string][]string{
		PartTimes:      {"opening took: 200.0 ms -> 100.0 ms"},
		PartRefused:    {"x: STATUS_SHARING_VIOLATION 0xC0000043 -> ", "y:  -> STATUS_ACCESS_DENIED 0xC0000022"},
		PartLeftBehind: {"only in A: v -> ", "only in B:  -> w"},
	} {
		if got := differencesIn(r, part); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", part, got, want)
		}
	}
	b.Hold.RefusedMore = 7 // so that the lists are not whole
	if got, want := differencesIn(compared(t, a, b), PartRefused), []string{"opens refused: 1 -> 8"}; !slices.Equal(got, want) {
		t.Errorf("not all listed: %q, want %q", got, want)
	}
}

func TestCompareIncomplete(t *testing.T) {
	a, b := releasedAfter(1000, 0), &Report{Schema: Schema, Command: "repro", Interrupted: true}
	r := compared(t, a, b)
	if c := r.Comparison.Compared; c[0].Incomplete || !c[1].Incomplete || !c[1].Interrupted || c[1].VerdictCode != nil || *c[0].VerdictCode != 32 {
		t.Errorf("compared %s", text(c))
	}
	if want := "B was interrupted"; !strings.Contains(strings.Join(r.Notes, " "), want) {
		t.Errorf("notes %q, want %q", r.Notes, want)
	}
	if page := renderTable(t, r, 120); !strings.Contains(page, "incomplete, interrupted") {
		t.Errorf("not marked in\n%s", page)
	}
	if r.Incomplete || r.ExitCode() != 0 || r.Verdict.Code != 0 {
		t.Errorf("the comparison itself is %+v, exit code %d", r.Verdict, r.ExitCode())
	}
	b = &Report{Schema: Schema, Command: "repro", Incomplete: true, Error: &RunError{Op: "connect", Text: "connection refused"}}
	r = compared(t, a, b)
	if got, want := differencesIn(r, PartVerdict)[0], "verdict: 32 ERROR_SHARING_VIOLATION -> none"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if want := "A was"; strings.Contains(strings.Join(r.Notes, " "), want) {
		t.Errorf("notes %q", r.Notes)
	}
	a = &Report{Schema: Schema, Command: "table", Incomplete: true, Error: &RunError{Op: "connect", Text: "no answer"}}
	if r, want := compared(t, a, b), "Neither run has a verdict. Settings that differ: command."; !strings.HasPrefix(r.Verdict.Summary, want) {
		t.Errorf("summary %q, want %q", r.Verdict.Summary, want)
	}
}

func TestCompareRedacted(t *testing.T) {
	a, b := tableOf(row("path-1", "user-1", "host-1", "read", nil)), tableOf(row("path-2", "user-1", "host-1", "read", nil))
	a.Target, b.Target = &TargetInfo{Server: "host-1", Port: 445}, &TargetInfo{Server: "host-2", Port: 4450}
	a.Redacted, b.Redacted = true, true
	compare := func() *Report {
		r, err := (&Outputs{}).Compare(SavedRun{"a.json", a}, SavedRun{"b.json", b}, "1")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := compare()
	if got, want := differencesIn(r, PartSettings), []string{"target port: 445 -> 4450"}; !slices.Equal(got, want) {
		t.Errorf("settings %q, want %q", got, want)
	}
	if got, want := *partOf(r, PartOpens), (ComparedPart{Name: PartOpens, Same: 1}); got != want {
		t.Errorf("opens %+v, want %+v", got, want)
	}
	if want := "Both runs were redacted, each by itself"; len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0], want) || !r.Redacted {
		t.Errorf("notes %q, want %q; redacted %v", r.Notes, want, r.Redacted)
	}
	b.Redacted = false
	if r = compare(); len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0], "A is redacted and the other run is not") || r.Redacted {
		t.Errorf("notes %q, redacted %v", r.Notes, r.Redacted)
	}
	a.Redacted, b.Redacted = false, true
	if r = compare(); len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0], "B is redacted and the other run is not") {
		t.Errorf("notes %q", r.Notes)
	}
}

// Two runs that are redacted here are matched by name, and none is shown.
func TestCompareRedactsTogether(t *testing.T) {
	run := func(file string, opens ...OpenRow) SavedRun {
		r := tableOf(opens...)
		r.Again = "err32 table -U zwenkau //quellendorf/unterbodnitz"
		r.Target = &TargetInfo{Server: "quellendorf", Port: 445, Share: "unterbodnitz", User: "zwenkau"}
		r.Server = &ServerInfo{Dialect: "3.1.1", Name: "QUELLENDORF", GUID: "6b1c1d31-0000-0000-0000-000000000000"}
		r.Table.Sessions = []SessionRow{{Client: "oberkrossen", User: "zwenkau"}}
		return SavedRun{file, r}
	}
	same, gone, changed := row("nimritz.xlsx", "zwenkau", "oberkrossen", "read", nil), row("grobsdorf.doc", "zwenkau", "oberkrossen", "read", nil), row("posterstein.db", "zwenkau", "oberkrossen", "read", nil)
	for _, o := range []*OpenRow{&same, &gone, &changed} {
		o.Share, o.Path = "unterbodnitz", `D:\unterbodnitz\`+o.SharePath
	}
	more := changed
	more.Access = []string{"read", "write"}
	o := Outputs{Redact: true}
	r, err := o.Compare(run("/home/zwenkau/tautenhain.json", same, gone, changed), run("/home/zwenkau/mertendorf.json", more, same), "1")
	if err != nil {
		t.Fatal(err)
	}
	if r, err = o.Write(r); err != nil {
		t.Fatal(err)
	}
	if got, want := *partOf(r, PartOpens), (ComparedPart{PartOpens, 1, 1, 1, 0}); got != want {
		t.Errorf("opens %+v, want %+v", got, want)
	}
	if !r.Redacted || strings.Contains(strings.Join(r.Notes, " "), "each by itself") {
		t.Errorf("redacted %v, notes %q", r.Redacted, r.Notes)
	}
	out := strings.ToLower(renderTable(t, r, 200) + string(renderJSON(t, r)) + string(rendered(t, RenderCSV, r)))
	for _, name := range []string{"zwenkau", "quellendorf", "unterbodnitz", "oberkrossen", "nimritz", "grobsdorf", "posterstein", "tautenhain", "mertendorf", "6b1c1d31"} {
		if strings.Contains(out, name) {
			t.Errorf("%s is in\n%s", name, out)
		}
	}
}

func TestCompareRefusesComparisons(t *testing.T) {
	a := tableOf()
	c := compared(t, a, a)
	for _, pair := range [][2]*Report{{c, a}, {a, c}} {
		if r, err := compareRuns(SavedRun{"a", pair[0]}, SavedRun{"b", pair[1]}, true); err == nil || !strings.Contains(err.Error(), "is a comparison itself") {
			t.Errorf("%v, %v", r, err)
		}
	}
}

// Whatever two saved runs hold, comparing them does no harm.
func FuzzCompare(f *testing.F) {
	narrowSymbols(f, false)
	inputs := reportInputs(f)
	files := slices.Sorted(maps.Keys(inputs))
	for i, file := range files {
		f.Add(renderJSON(f, inputs[file]), renderJSON(f, inputs[files[(i+1)%len(files)]]))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		a, err := ParseReport(first)
		if err != nil {
			return
		}
		b, err := ParseReport(second)
		if err != nil {
			return
		}
		r, err := compareRuns(SavedRun{"a", a}, SavedRun{"b", b}, true)
		if err != nil {
			return
		}
		page := renderTable(t, r, 60)
		checkPage(t, strings.ReplaceAll(page, "\ufffd", "?"), 60) // which is what JSON makes of a byte that is not UTF-8
		if _, err := ParseReport(renderJSON(t, r)); err != nil {
			t.Error(err)
		}
	})
}

// 50 000 against 50 000 opens, in any order; a fifth of them is not the same.
func BenchmarkCompare(b *testing.B) {
	first, second := bigTable(50_000), bigTable(50_000)
	for i := range second.Table.Opens {
		switch o := &second.Table.Opens[i]; i % 10 {
		case 0:
			o.SharePath += "x"
		case 1:
			o.Access = []string{"read"}
		}
	}
	opens := second.Table.Opens
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(opens), func(i, j int) { opens[i], opens[j] = opens[j], opens[i] })
	b.ReportAllocs()
	for b.Loop() {
		r := compared(b, first, second)
		if got, want := *partOf(r, PartOpens), (ComparedPart{PartOpens, 40_000, 5_000, 5_000, 5_000}); got != want {
			b.Fatalf("%+v, want %+v", got, want)
		}
	}
}
