package diag

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"err32/smb"
)

// check looks at all of a report that the kind, the options and the server's
// rights decide.
func (k outcome) check(t *testing.T, o ReproOptions, r *Report, tables bool) {
	t.Helper()
	if r.Error != nil || r.Interrupted || r.Verdict == nil {
		t.Fatalf("the run could not be done: %s", text(r))
	}
	res := r.Repro
	if r.ExitCode() != k.code || r.Verdict.Code != k.code || !strings.Contains(r.Verdict.Summary, k.story()) {
		t.Errorf("exit code %d, want %d; verdict %s", r.ExitCode(), k.code, text(r.Verdict))
	}
	if !res.Error32WhileHeld || res.Error32AfterDisconnect != k.stale() {
		t.Errorf("error 32 while held %t, after the disconnect %t; want true, %t", res.Error32WhileHeld, res.Error32AfterDisconnect, k.stale())
	}
	k.checkRelease(t, o, res.Release)
	if res.TableSeen != tables {
		t.Errorf("table_seen %t, want %t; notes %q", res.TableSeen, tables, r.Notes)
	}
	if tables {
		k.checkOpens(t, res)
	}
	if len(res.LeftBehind) > 0 {
		t.Errorf("left behind: %q", res.LeftBehind)
	}
	if res.Disconnect != k.kind.String() || res.RetryFrom != o.RetryFrom {
		t.Errorf("disconnect %q, retry from %q; want %q, %q", res.Disconnect, res.RetryFrom, k.kind, o.RetryFrom)
	}
	contender := "go-smb2"
	if o.RetryWith == "own" || o.RetryFrom == "same" {
		contender = "err32"
	}
	if res.Contender != contender {
		t.Errorf("contender %q, want %q; notes %q", res.Contender, contender, r.Notes)
	}
	checkEvents(t, r.Events)
}

// story is what the verdict says of the kind.
func (k outcome) story() string {
	if !k.stale() {
		return "disconnect (" + k.kind.String() + ") the server freed"
	}
	return map[smb.DisconnectKind]string{
		smb.DisconnectFIN: "connection was lost (fin)", smb.DisconnectRST: "connection was lost (rst)",
		smb.DisconnectVanish: "vanished without a packet", smb.DisconnectFreeze: "holder hangs", smb.DisconnectLeak: "never closed its handle",
	}[k.kind]
}

func (k outcome) checkRelease(t *testing.T, o ReproOptions, got Release) {
	t.Helper()
	if got.Released != k.freed() || (got.AfterMS != nil) != k.freed() {
		t.Fatalf("release %s, want released %t", text(got), k.freed())
	}
	low, high := Milliseconds(k.from), Milliseconds(k.to)
	if !k.freed() {
		low, high = Milliseconds(o.Wait), Milliseconds(o.Wait+busy)
	}
	if got.WaitedMS < low || got.WaitedMS > high || k.freed() && *got.AfterMS != got.WaitedMS {
		t.Errorf("release %s, want between %v and %v ms: %s", text(got), low, high, k.why)
	}
}

// checkOpens: right after the disconnect the row is gone only if the server
// knew, and at the end only if it freed the file.
func (k outcome) checkOpens(t *testing.T, res *ReproResult) {
	t.Helper()
	held := 1
	if res.Case == "handle-leak" {
		held = leakedOpens
	}
	end := held
	if k.freed() {
		end = 0
	}
	if len(res.Opens.Before) != 0 || len(res.Opens.Held) != held || len(res.Opens.End) != end || k.stale() && len(res.Opens.After) != held {
		t.Errorf("want 0, %d, %d (if the server could not know) and %d opens: %s", held, held, end, text(res.Opens))
	}
	for _, row := range slices.Concat(res.Opens.Held, res.Opens.After, res.Opens.End) {
		if !row.Own || row.SharePath != res.File || row.Share == "" || row.ID == "" || !slices.Equal(row.Access, []string{"read", "write"}) {
			t.Errorf("row %s, want an own one of %s", text(row), res.File)
		}
	}
}

// checkEvents: numbered from 1, in the order of their times, with time 0 at
// the disconnect.
func checkEvents(t *testing.T, events []Event) {
	t.Helper()
	for i, e := range events {
		if e.ID != i+1 || i > 0 && e.T < events[i-1].T {
			t.Errorf("event %s is out of order", text(e))
		}
		if e.What == whatDisconnect && e.T != 0 {
			t.Errorf("the disconnect is at %v ms, not at 0", e.T)
		}
	}
}

// TestRepro is all that one server with its defaults is enough for.
func TestRepro(t *testing.T) {
	t.Parallel()
	kinds := []serverPart{
		{"disconnects", testDisconnects},
		{"without table rights", testWithoutTableRights},
		{"as the server has it", testAsServerHasIt},
	}
	rest := []serverPart{
		{"modes", testModes},
		{"handle leak", testHandleLeak},
		{"handle leak, conflict", testHandleLeakConflict},
		{"names", testNames},
		{"touches nothing else", testTouchesNothingElse},
		{"long interval", testLongInterval},
		{"without pause", testWithoutPause},
		{"ways in", testWaysIn},
		{"interrupted", testInterrupted},
	}
	eachServer(t, everyServer, serverConfig{}, func(t *testing.T, srv *testServer) {
		parts := kinds
		if slices.Contains(bothServers, srv.is) {
			parts = slices.Concat(kinds, rest)
		}
		runParts(t, srv, parts)
	})
}

// Each kind, with the retry from another client and from the same one, and by
// both of the clients that can contend.
func testDisconnects(t *testing.T, srv *testServer) {
	type combination struct {
		outcome
		from, with string
	}
	var all []combination
	for _, k := range outcomesOn(t, srv.is) {
		all = append(all, combination{k, "other", "stock"}, combination{k, "other", "own"}, combination{k, "same", "stock"})
	}
	name := func(c combination) string { return fmt.Sprintf("%s, %s, %s", c.kind, c.from, c.with) }
	together(t, all, name, func(t *testing.T, c combination) {
		o := reproOf(srv.endpoint(""), c.kind, c.wait())
		o.RetryFrom, o.RetryWith = c.from, c.with
		r := Repro(t.Context(), o)
		c.check(t, o, r, true)
		if len(r.Notes) > 0 {
			t.Errorf("notes %q, want none", r.Notes)
		}
		if r.Repro.Contender == "go-smb2" {
			checkOtherTries(t, r.Repro.OtherTries)
		}
	})
}

// checkOtherTries: a file that nothing is shared of can be neither read nor
// renamed nor deleted.
func checkOtherTries(t *testing.T, tries []OtherTry) {
	t.Helper()
	var got []string
	for _, o := range tries {
		got = append(got, o.Operation+" "+o.When+" "+o.Status+" "+o.StatusName)
	}
	const refused = " held 0xC0000043 STATUS_SHARING_VIOLATION"
	if want := []string{"read" + refused, "rename" + refused, "delete" + refused}; !slices.Equal(got, want) {
		t.Errorf("other tries %q, want %q", got, want)
	}
}

// What the report says of the holder's open is what the server itself has.
func testAsServerHasIt(t *testing.T, srv *testServer) {
	dir := srv.folder(t, "seen")
	o := reproOf(srv.endpoint(dir), smb.DisconnectFreeze, 300*time.Millisecond)
	o.Access, o.Share = access("rd"), smb.ShareRead
	var held, after map[string][]serverOpen
	disconnected := false
	o.OnEvent = func(e Event) {
		switch {
		case e.What == whatTry && !disconnected:
			held = srv.opensIn(t, dir)
		case e.What == whatWaited:
			after = srv.opensIn(t, dir)
		}
		disconnected = disconnected || e.What == whatDisconnect
	}
	r := Repro(t.Context(), o)
	if r.ExitCode() != 32 {
		t.Fatal(text(r))
	}
	file := strings.ReplaceAll(r.Repro.File, `\`, "/")
	for when, opens := range map[string]map[string][]serverOpen{"held": held, "after": after} {
		if len(opens) != 1 || len(opens[file]) != 1 {
			t.Fatalf("%s: the server has %s, want one open of %s", when, text(opens), file)
		}
		open := opens[file][0]
		if open.Access != uint32(o.Access) || open.Sharing != uint32(o.Share) {
			t.Errorf("%s: the server has access 0x%x, share 0x%x; want 0x%x, 0x%x", when, open.Access, open.Sharing, uint32(o.Access), uint32(o.Share))
		}
		for _, rows := range [][]OpenRow{r.Repro.Opens.Held, r.Repro.Opens.After, r.Repro.Opens.End} {
			if len(rows) != 1 || rows[0].ID != open.ID || rows[0].Path != open.Local {
				t.Errorf("%s: rows %s, the server has %s", when, text(rows), text(open))
			}
		}
		if !slices.ContainsFunc(open.Sessions, func(id uint64) bool { return fmt.Sprintf("0x%X", id) == r.Repro.Holder.SessionID }) {
			t.Errorf("%s: session %s is none of %x", when, r.Repro.Holder.SessionID, open.Sessions)
		}
	}
	h := r.Repro.Holder
	if !slices.Equal(h.Access, []string{"read", "delete"}) || !slices.Equal(h.Share, []string{"read"}) {
		t.Errorf("holder %s", text(h))
	}
}

func testModes(t *testing.T, srv *testServer) {
	for _, test := range []struct {
		access, share string
		refused       bool
	}{
		{"rw", "rw", false},
		{"rw", "rwd", false},
		{"r", "rw", false},
		{"w", "rw", false},
		{"0x80", "none", false}, // FILE_READ_ATTRIBUTES takes no part in the check
		{"r", "r", true},
		{"r", "none", true},
		{"a", "none", true},
		{"x", "r", true},
		{"rwd", "rw", true}, // go-smb2 does not share delete
		{"d", "rwd", true},
		{"rw", "d", true},
	} {
		t.Run(test.access+" "+test.share, func(t *testing.T) {
			o := reproOf(srv.endpoint(""), smb.DisconnectLeak, 100*time.Millisecond)
			share, err := smb.ParseShare(test.share)
			if err != nil {
				t.Fatal(err)
			}
			o.Access, o.Share = access(test.access), share
			r := Repro(t.Context(), o)
			if r.Error != nil || len(r.Repro.LeftBehind) > 0 {
				t.Fatal(text(r))
			}
			if r.Repro.Error32WhileHeld != test.refused || (r.ExitCode() == 32) != test.refused {
				t.Errorf("error 32 while held %t, exit code %d; want %t: %s", r.Repro.Error32WhileHeld, r.ExitCode(), test.refused, text(r))
			}
			disconnected := slices.ContainsFunc(r.Events, func(e Event) bool { return e.What == whatDisconnect })
			if disconnected != test.refused {
				t.Errorf("disconnected %t, want only when the modes conflict", disconnected)
			}
			if !test.refused && (r.Verdict.Code != 0 || !strings.Contains(r.Verdict.Summary, "do not conflict")) {
				t.Errorf("verdict %s", text(r.Verdict))
			}
			if share&smb.ShareDelete != 0 && len(r.Repro.OtherTries) > 0 {
				t.Errorf("%s was tried although the holder shares delete", text(r.Repro.OtherTries))
			}
		})
	}
}

func testHandleLeak(t *testing.T, srv *testServer) {
	// Several handles of one client must go together, so they share what they have.
	o := reproOf(srv.endpoint(""), smb.DisconnectLeak, 300*time.Millisecond)
	o.Case, o.Access, o.Share = "handle-leak", access("r"), smb.ShareRead
	r := Repro(t.Context(), o)
	if r.ExitCode() != 32 {
		t.Fatal(text(r))
	}
	for _, rows := range [][]OpenRow{r.Repro.Opens.Held, r.Repro.Opens.After, r.Repro.Opens.End} {
		ids := map[string]bool{}
		for _, row := range rows {
			ids[row.ID] = true
		}
		if len(rows) != 10 || len(ids) != 10 {
			t.Errorf("%d rows with %d ids, want 10 of each", len(rows), len(ids))
		}
	}
}

// Handles that do not go together cannot leak side by side: the second open
// meets the first.
func testHandleLeakConflict(t *testing.T, srv *testServer) {
	o := reproOf(srv.endpoint(""), smb.DisconnectLeak, 300*time.Millisecond)
	o.Case = "handle-leak"
	r := Repro(t.Context(), o)
	if r.ExitCode() != 1 || r.Error.Status != "0xC0000043" || r.Verdict != nil || len(r.Repro.LeftBehind) > 0 {
		t.Error(text(r))
	}
}

// A user who may not read the tables gets the same verdict from the contender
// alone, and is told why and how to change it.
func testWithoutTableRights(t *testing.T, srv *testServer) {
	together(t, outcomesOn(t, srv.is), outcome.String, func(t *testing.T, k outcome) {
		o := reproOf(srv.plainEndpoint(""), k.kind, k.wait())
		r := Repro(t.Context(), o)
		k.check(t, o, r, false)
		if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "net groupmap add sid=S-1-5-32-544 ntgroup=Administrators unixgroup=GROUP type=builtin") ||
			!strings.Contains(r.Notes[0], "ERROR_ACCESS_DENIED") {
			t.Errorf("notes %q", r.Notes)
		}
		if strings.Contains(r.Verdict.Summary, "table") {
			t.Errorf("the verdict speaks of a table that was not seen: %s", r.Verdict.Summary)
		}
	})
}

// Names that take care to carry.
func testNames(t *testing.T, srv *testServer) {
	long := strings.Repeat("x", 255)
	for _, path := range [][]string{
		{"with spaces in it"},
		{"zażółć gęślą jaźń"},
		{"日本語 フォルダ"},
		{"😀 outside the BMP"},
		{long},
		{strings.Repeat("ß", 127)}, // 254 bytes on the server's disk
		{"one", "two", "three", "four", "five"},
		{"five deep", "ünï côdé", long, "x y z", "日本"},
		{"semi;colon & 'quotes' %41 $x"},
	} {
		t.Run(path[len(path)-1], func(t *testing.T) {
			dir := srv.folder(t, path...)
			o := reproOf(srv.endpoint(dir), smb.DisconnectFIN, 5*time.Second)
			r := Repro(t.Context(), o)
			outcomeOf(srv.is, smb.DisconnectFIN).check(t, o, r, true)
			if !strings.HasPrefix(r.Repro.File, dir+`\err32-`) {
				t.Errorf("file %q, want it in %q", r.Repro.File, dir)
			}
		})
	}
	t.Run("hidden$", func(t *testing.T) {
		o := reproOf(srv.endpoint(""), smb.DisconnectLeak, 300*time.Millisecond)
		o.Endpoint.Target.Share = srv.hidden
		var seen []string
		o.OnEvent = func(e Event) {
			if e.What == whatWaited {
				seen = srv.filesIn(t, srv.hidden, "")
			}
		}
		r := Repro(t.Context(), o)
		if r.ExitCode() != 32 || len(r.Repro.Opens.End) != 1 || r.Repro.Opens.End[0].Share != srv.hidden || r.Repro.Opens.End[0].SharePath != r.Repro.File {
			t.Error(text(r))
		}
		if want := []string{r.Repro.File}; !slices.Equal(seen, want) {
			t.Errorf("files in the share's folder %q, want %q", seen, want)
		}
	})
}

// The content of a file that stands in the folder already is not touched, and
// nothing else comes or goes.
func testTouchesNothingElse(t *testing.T, srv *testServer) {
	dir := srv.folder(t, "precious")
	const file = "precious/precious.txt"
	srv.writeFiles(t, file)
	before := srv.lookAt(t, file)
	for _, kind := range smb.DisconnectKinds {
		if kind == smb.DisconnectVanish {
			continue // leaves by the same clean-up as freeze, only later
		}
		if r := Repro(t.Context(), reproOf(srv.endpoint(dir), kind, 100*time.Millisecond)); r.Error != nil {
			t.Fatal(text(r))
		}
	}
	if after := srv.lookAt(t, file); after != before || after.content != fileContent {
		t.Errorf("was %v, is %v", before, after)
	}
	if files := srv.files(t, dir); len(files) != 1 {
		t.Errorf("files %q, want only the one that was there", files)
	}
}

// With an interval longer than the time a server is given to notice, what it
// freed at once must not be taken for stale, and what it did not must be.
func testLongInterval(t *testing.T, srv *testServer) {
	kinds := supported(t, smb.DisconnectFIN, smb.DisconnectRST, smb.DisconnectVanish)
	together(t, kinds, smb.DisconnectKind.String, func(t *testing.T, kind smb.DisconnectKind) {
		k := outcomeOf(srv.is, kind)
		o := reproOf(srv.endpoint(""), k.kind, 20*time.Second)
		o.Interval = 7 * time.Second // longer than the server's keep-alive needs
		r := Repro(t.Context(), o)
		if r.Verdict == nil || r.Verdict.Code != k.code || r.Repro.Error32AfterDisconnect != k.stale() || !r.Repro.Release.Released {
			t.Error(text(r))
		}
	})
}

// Polling without pause does not fill the report.
func testWithoutPause(t *testing.T, srv *testServer) {
	o := reproOf(srv.endpoint(""), smb.DisconnectLeak, 500*time.Millisecond)
	o.Interval = 0
	r := Repro(context.Background(), o)
	if r.ExitCode() != 32 || len(r.Events) > 50 {
		t.Errorf("exit code %d, %d events", r.ExitCode(), len(r.Events))
	}
}

// Over IPv6, by NT hash, and with a domain before the name.
func testWaysIn(t *testing.T, srv *testServer) {
	hash, err := hex.DecodeString(srv.ntHash)
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]func(*Endpoint){
		"IPv6":      func(e *Endpoint) { e.Target.Server = "::1" },
		"host name": func(e *Endpoint) { e.Target.Server = "localhost" },
		"NT hash":   func(e *Endpoint) { e.Credentials = Credentials{User: srv.user, NTHash: hash} },
		"domain":    func(e *Endpoint) { e.Credentials.Domain = "ERR32" },
	} {
		if name == "IPv6" && srv.addr6 == "" {
			t.Log("no IPv6 loopback")
			continue
		}
		e := srv.endpoint("")
		set(&e)
		r := Repro(t.Context(), reproOf(e, smb.DisconnectLeak, 50*time.Millisecond))
		if r.ExitCode() != 32 || r.Repro.Contender != "go-smb2" || len(r.Notes) > 0 || len(r.Repro.Opens.Held) != 1 {
			t.Errorf("%s: %s", name, text(r))
		}
	}
}
