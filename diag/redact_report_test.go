package diag

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// redactedField says what is done with a text of a report, and how a name in it
// is found out.
type redactedField struct {
	kind nameKind
	kept bool   // it can hold no name
	free bool   // a text in which names may stand
	give string // what is put into the field; %s is the name
}

// redactedFields is every text of a report. A field that is missing here was
// added without anybody deciding what --redact does with it.
var redactedFields = func() map[string]redactedField {
	all := map[string]redactedField{}
	kept := func(names ...string) {
		for _, n := range names {
			all[n] = redactedField{kept: true}
		}
	}
	name := func(kind nameKind, give string, names ...string) {
		for _, n := range names {
			all[n] = redactedField{kind: kind, give: give}
		}
	}
	free := func(names ...string) {
		for _, n := range names {
			all[n] = redactedField{free: true}
		}
	}
	kept("Report.Schema", "Report.Command", "Tool.Version", "Tool.OS", "Tool.Arch",
		"ServerInfo.Dialect", "ServerInfo.Signing", "ServerInfo.Encryption", "ServerInfo.Version",
		"Verdict.Name", "Event.Actor", "Event.What", "Event.Status", "Event.StatusName", "RunError.Status", "RunError.StatusName",
		"OpenRow.ID", "OpenRow.Access", "OpenRow.ClientBasis", "ConnectionRow.ID",
		"HolderInfo.SessionID", "HolderInfo.FileID", "HolderInfo.Access", "HolderInfo.Share",
		"OtherTry.Operation", "OtherTry.When", "OtherTry.Status", "OtherTry.StatusName",
		"ReproResult.Case", "ReproResult.Disconnect", "ReproResult.Contender", "ReproResult.RetryFrom",
		"HoldResult.Disconnect", "HoldResult.Access", "HoldResult.Share", "HoldResult.SessionIDs", "Refusal.Status", "Refusal.StatusName",
		"Wanted.Access", "Wanted.Share", "AllowedNow.Access", "AllowedNow.Share", "AllowedNow.Allowed",
		"Modes.Read", "Modes.Write", "Modes.Delete", "ProbeResult.Name", "ProbeResult.Access", "ProbeResult.Share", "ProbeResult.Status", "ProbeResult.StatusName",
		"PathHolders.StatStatus", "PathHolders.HoldersFrom", "PathHolders.State", "ReleaseAction.What", "ReleaseAction.Done",
		"ComparedRun.Command", "ComparedRun.VerdictName", "ComparedPart.Name", "Difference.Part")
	name(kindUser, `%s`, "OpenRow.User", "SessionRow.User", "ConnectionRow.User", "TargetInfo.User", "Difference.User")
	name(kindHost, `%s`, "TargetInfo.Server", "ServerInfo.Name", "OpenRow.Client", "OpenRow.Candidates", "SessionRow.Client", "Difference.Client")
	name(kindShare, `%s`, "TargetInfo.Share", "OpenRow.Share", "ConnectionRow.Share")
	name(kindPath, `%s`, "TargetInfo.Path", "OpenRow.Path", "OpenRow.SharePath", "ReproResult.File", "HoldResult.Files", "Refusal.Path", "PathHolders.Path",
		"RunError.Object", "ComparedRun.Name", "Difference.What")
	name(kindUser, "err32 table --user=%s //x", "Report.Again")
	name(kindUser, "10.1.1.1,%s", "ReleaseAction.Name")
	name(kindText, "our %s", "ServerInfo.GUID", "ServerInfo.Comment")
	free("Verdict.Summary", "Verdict.Next", "Report.Notes", "Event.Detail", "RunError.Op", "RunError.Text", "ReproResult.LeftBehind", "HoldResult.LeftBehind",
		"OtherTry.Text", "Wanted.Why", "PathHolders.Reasons", "PathHolders.Expect", "ProbeResult.Skipped", "ReleaseAction.Detail",
		"Difference.A", "Difference.B", "Difference.Note")
	return all
}()

// eachText calls each with every text below v, made where there is none, and the
// type and field that it is in.
func eachText(v reflect.Value, field string, each func(field string, text reflect.Value)) {
	switch v.Kind() {
	case reflect.String:
		each(field, v)
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		eachText(v.Elem(), field, each)
	case reflect.Slice:
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			eachText(v.Index(i), field, each)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Time]() {
			return
		}
		for i := range v.NumField() {
			eachText(v.Field(i), v.Type().Name()+"."+v.Type().Field(i).Name, each)
		}
	}
}

// fullReport has every text of every result filled.
func fullReport(fill func(field string) string) *Report {
	r := &Report{}
	eachText(reflect.ValueOf(r), "", func(field string, text reflect.Value) { text.SetString(fill(field)) })
	r.Schema = Schema
	r.Release.Actions[0].What = "session"
	r.Comparison.Differences[0].Part = PartOpens
	return r
}

func TestRedactEveryField(t *testing.T) {
	n := 0
	names := map[string]string{} // by field
	undecided := map[string]bool{}
	give := func(field string) string {
		d, ok := redactedFields[field]
		switch {
		case !ok:
			undecided[field] = true
			return ""
		case d.kept:
			return "kept " + field
		case d.free:
			return "who knows `zq1known` and \\\\zq2\\zq3\\zq4 said " + field
		}
		if names[field] == "" {
			n++
			names[field] = fmt.Sprintf("Zq%dx%s", n, "vwk")
		}
		return fmt.Sprintf(d.give, names[field])
	}
	report := fullReport(give)
	for field := range undecided {
		t.Errorf("nobody has decided what --redact does with %s", field)
	}
	before := asJSON(t, report)
	r := NewRedactor()
	r.User("zq1known")
	got := r.Report(report)
	if after := asJSON(t, report); before != after {
		t.Errorf("the report itself changed:\n%s\n%s", before, after)
	}
	if !got.Redacted || report.Redacted {
		t.Error("the mark of a redacted report is wrong")
	}
	eachText(reflect.ValueOf(got), "", func(field string, text reflect.Value) {
		d, s := redactedFields[field], text.String()
		switch {
		case field == "Report.Schema", field == "ReleaseAction.What", field == "Difference.Part":
		case d.kept && s != "kept "+field:
			t.Errorf("%s became %q", field, s)
		case strings.Contains(strings.ToLower(s), "zq"):
			t.Errorf("%s still has a name: %q", field, s)
		case d.free && s != "who knows `user-1` and \\\\host-"+between(s, "host-", `\`)+`\share-`+between(s, "share-", `\`)+`\path-`+between(s, `\path-`, " ")+" said "+field:
			t.Errorf("%s became %q", field, s)
		case !d.kept && !d.free && d.kind != kindText && !strings.Contains(s, kindWords[d.kind]+"-"):
			t.Errorf("%s became %q, which is no %s", field, s, kindWords[d.kind])
		}
	})
	if got.Server.GUID != "" || got.Server.Comment != "" {
		t.Errorf("the server says of itself %+v", got.Server)
	}
	if again := r.Report(got); asJSON(t, again) != asJSON(t, got) {
		t.Errorf("a redacted report changed:\n%s\n%s", asJSON(t, got), asJSON(t, again))
	}
}

func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}

// asJSON is all of a report, whichever results it has.
func asJSON(t *testing.T, r *Report) string {
	t.Helper()
	type plain Report
	b, err := json.Marshal(struct {
		*plain
		Repro, Hold, Table, Who, Release, Comparison any
	}{(*plain)(r), r.Repro, r.Hold, r.Table, r.Who, r.Release, r.Comparison})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRedactComment(t *testing.T) {
	for give, want := range map[string]string{
		"Samba 4.17.12-Debian":           "Samba 4.17.12-Debian",
		"Samba 4.17.12-zanzibar":         "Samba 4.17.12",
		"zanzibar's samba 4.9 of Dallas": "samba 4.9",
		"our Samba server":               "Samba",
		"The files of ACME":              "",
		"":                               "",
	} {
		r := NewRedactor()
		report := r.Report(&Report{
			Server: &ServerInfo{Name: "NAS7", Comment: give, GUID: "7a616e7a-6962-6172-0000-000000000000"},
			Events: []Event{{Detail: strings.Join(nonEmpty(`\srvsvc`, "NAS7", give), ", ")}},
		})
		if report.Server.Comment != want || report.Server.GUID != "" {
			t.Errorf("%q became %+v", give, report.Server)
		}
		said := strings.TrimPrefix(report.Events[0].Detail, `\srvsvc, host-1`)
		if give != "" && said != ", "+want && said != ", (its comment)" || give == "" && said != "" {
			t.Errorf("%q became %q in the event", give, report.Events[0].Detail)
		}
	}
}

// Two runs are compared once their names are replaced, and the report of that
// goes the way of all reports.
func TestRedactComparison(t *testing.T) {
	side := func(path string) SavedRun {
		return SavedRun{File: "/home/bob/" + path + ".json", Report: &Report{Schema: Schema, Command: "table", Target: &TargetInfo{Server: "zanzibar"},
			Table: &TableResult{Opens: []OpenRow{{ID: "0x1", Path: `C:\srv\` + path, Share: "xylophone", SharePath: path, User: `oklahoma\kumquat`, Client: "10.77.0.8"}}}}}
	}
	o := Outputs{Redact: true}
	r, err := o.Compare(side("mnemonic one"), side("quetzalcoatl"), "test")
	if err != nil {
		t.Fatal(err)
	}
	differences := text(r.Comparison.Differences)
	if r, err = o.Write(r); err != nil {
		t.Fatal(err)
	}
	if got := text(r.Comparison.Differences); got != differences || !strings.Contains(got, "share-1") {
		t.Errorf("the differences\n%s\nbecame\n%s", differences, got)
	}
	if left := leaks([]byte(asJSON(t, r)), append(secrets, "bob", "10.77")); len(left) > 0 {
		t.Errorf("%q are left in %s", left, asJSON(t, r))
	}
	once := asJSON(t, r)
	if again := asJSON(t, NewRedactor().Report(r)); again != once {
		t.Errorf("redacted again\n%s\nbecame\n%s", once, again)
	}
	// One that was saved with its names.
	o = Outputs{}
	if r, err = o.Compare(side("mnemonic one"), side("quetzalcoatl"), "test"); err != nil {
		t.Fatal(err)
	}
	got := asJSON(t, NewRedactor().Report(r))
	if left := leaks([]byte(got), append(secrets, "10.77")); len(left) > 0 || !strings.Contains(got, "share-1") {
		t.Errorf("%q are left in %s", left, got)
	}
}

func TestRedactObject(t *testing.T) {
	r := NewRedactor()
	r.Host("fs01")
	r.Share("projects")
	for give, want := range map[string]string{
		"": "", "fs01": "host-1", "10.0.0.1:445": "host-2:445", "projects": "share-1", "IPC$": "IPC$", `\\fs01\projects`: `\\host-1\share-1`,
		`a\b.txt`: `path-1\path-2.txt`, "srvsvc": "srvsvc",
	} {
		if got := r.object(give); got != want && !strings.HasPrefix(give, "10.") {
			t.Errorf("%q became %q, want %q", give, got, want)
		}
	}
}

// namesOfSite makes names that are in no other text, some of them with spaces,
// other letters and an ending.
func namesOfSite(rng *rand.Rand) func(kind nameKind) string {
	letters := []string{"vw", "qx", "zk", "jh", "ÿö", "ŵž", "жщ", "语字", "qz", "xv"}
	n := 0
	return func(kind nameKind) string {
		n++
		var b strings.Builder
		for range 4 + rng.IntN(4) {
			b.WriteString(letters[rng.IntN(len(letters))])
		}
		fmt.Fprintf(&b, "%d", n)
		if kind == kindPath && rng.IntN(2) == 0 {
			b.WriteString(" " + letters[rng.IntN(len(letters))] + letters[rng.IntN(len(letters))])
		}
		s := b.String()
		if rng.IntN(3) == 0 {
			s = strings.ToUpper(s)
		}
		if kind == kindPath && rng.IntN(2) == 0 {
			s += ".xlsx"
		}
		return s
	}
}

// otherCase writes a name in another case of letters.
func otherCase(rng *rand.Rand, s string) string {
	switch rng.IntN(3) {
	case 0:
		return strings.ToLower(s)
	case 1:
		return strings.ToUpper(s)
	}
	return s
}

// reportsOfSite makes a report of each command in which the names stand wherever
// a run puts them.
func reportsOfSite(rng *rand.Rand, name func(nameKind) string) (reports []*Report, names []string) {
	pick := func(kind nameKind) string {
		s := name(kind)
		names = append(names, s)
		return s
	}
	user, domain, host, client, share := pick(kindUser), pick(kindDomain), pick(kindHost), pick(kindHost), pick(kindShare)
	folder, file, root, comment := pick(kindPath), pick(kindPath), pick(kindPath), pick(kindText)
	path := folder + `\` + file
	c := func(s string) string { return otherCase(rng, s) }
	logOn := domain + `\` + user
	unc := fmt.Sprintf(`\\%s\%s\%s`, c(host), c(share), c(path))
	texts := []string{
		fmt.Sprintf("open 0x1F of %s on %s: idle", c(logOn), c(client)),
		fmt.Sprintf("open 0x1F of %s on %s: idle", c(user), c(client)),
		unc + " could not be removed: STATUS_ACCESS_DENIED",
		strings.ReplaceAll(unc, `\`, "/") + ": no",
		fmt.Sprintf("connect to //%s:445/%s/%s", c(host), c(share), strings.ReplaceAll(path, `\`, "/")),
		fmt.Sprintf("smb://%s;%s@%s/%s", domain, user, host, share),
		c(path) + " is refused now.", "`err32 who //" + host + "/" + share + "` or " + fmt.Sprintf("%q", unc),
		"The share " + c(share) + ", " + c(file), fmt.Sprintf("err32 table --of-user=%s --client %s --path '%s'", c(user), c(client), c(path)),
		`\srvsvc, ` + host + ", " + comment, "from 10.77.0.8:51000 → [fd00:7:7::9]:445", `C:\` + root + `\` + path + ", and more",
		c(host) + ".example.net", user + "@" + domain + ".example",
	}
	row := OpenRow{ID: "0x1F", Path: `C:\` + root + `\` + path, Share: share, SharePath: path, User: logOn, Client: client, ClientBasis: BasisExact, Candidates: []string{"10.77.0.8"}}
	rows := []OpenRow{row}
	for _, command := range []string{"repro", "hold", "table", "who", "release"} {
		r := &Report{
			Schema: Schema, Command: command, Again: "err32 " + command + " --user='" + logOn + `' '` + unc + "'",
			Target: &TargetInfo{Server: host, Port: 445, Share: share, Path: path, User: logOn},
			Server: &ServerInfo{Name: c(host), Comment: comment, GUID: comment},
			Notes:  texts, Verdict: &Verdict{Summary: strings.Join(texts, "; "), Next: texts},
			Error: &RunError{Op: texts[0], Text: texts[2], Object: path},
		}
		for i, text := range texts {
			r.Events = append(r.Events, Event{ID: i + 1, Actor: ActorTool, What: whatNote, Detail: text})
		}
		switch command {
		case "repro":
			r.Repro = &ReproResult{File: path, Opens: OpensOverTime{rows, rows, rows, rows}, LeftBehind: texts, OtherTries: []OtherTry{{Text: texts[0]}}}
		case "hold":
			r.Hold = &HoldResult{Files: []string{c(path)}, Refused: []Refusal{{Path: c(path)}}, LeftBehind: texts}
		case "table":
			r.Table = &TableResult{rows, []SessionRow{{Client: `\\` + c(client), User: c(user)}}, []ConnectionRow{{Share: share, User: user}}}
		case "who":
			r.Who = &WhoResult{PathHolders: &PathHolders{Path: path, Opens: rows, Reasons: texts, Expect: texts, Wanted: Wanted{Why: texts[0]}, Probes: []ProbeResult{{Skipped: texts[0]}}}}
		case "release":
			r.Release = &ReleaseResult{Actions: []ReleaseAction{{What: "session", Name: client + "," + user, Opens: rows, Detail: texts[1]}, {What: "open", Name: "the path " + path, Opens: rows}}}
		}
		reports = append(reports, r)
	}
	return reports, append(names, "10.77.0.8", "fd00:7:7::9", "example.net")
}

// leaks returns the names that occur in data, as UTF-8 or UTF-16 of either byte
// order, in any case.
func leaks(data []byte, names []string) []string {
	var found []string
	low := bytes.ToLower(data)
	for _, name := range names {
		for _, s := range []string{strings.ToLower(name), strings.ToUpper(name), name} {
			u := utf16.Encode([]rune(s))
			little, big := make([]byte, 0, 2*len(u)), make([]byte, 0, 2*len(u))
			for _, c := range u {
				little, big = append(little, byte(c), byte(c>>8)), append(big, byte(c>>8), byte(c))
			}
			if bytes.Contains(low, []byte(strings.ToLower(s))) || bytes.Contains(data, little) || bytes.Contains(data, big) ||
				bytes.Contains(low, bytes.ToLower(little)) {
				found = append(found, name)
				break
			}
		}
	}
	return found
}

func TestRedactLeavesNoName(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		reports, names := reportsOfSite(rng, namesOfSite(rng))
		// What a name is a part of is found by the parts.
		var parts []string
		for _, n := range names {
			parts = append(parts, strings.Split(strings.TrimSuffix(n, ".xlsx"), " ")[0])
		}
		r := NewRedactor()
		for _, report := range reports {
			plain := rendered(t, func(w io.Writer, r *Report) error { return RenderJSON(w, r) }, report)
			if len(leaks(plain, parts)) < len(parts)-3 {
				t.Fatalf("the report of %s does not have the names", report.Command)
			}
			redacted := r.Report(report)
			for _, format := range Formats {
				var b bytes.Buffer
				if err := format.Render(&b, redacted, 80); err != nil {
					t.Fatal(err)
				}
				// A page breaks names at the end of a line.
				if left := leaks(bytes.ReplaceAll(b.Bytes(), []byte("\n"), nil), parts); len(left) > 0 {
					t.Fatalf("seed %d, %s as %s: %q of %q are left in\n%s", seed, report.Command, format.Name, left, names, &b)
				}
			}
			again := NewRedactor().Report(redacted)
			if asJSON(t, again) != asJSON(t, redacted) {
				t.Fatalf("seed %d: redacted again\n%s\nbecame\n%s", seed, asJSON(t, redacted), asJSON(t, again))
			}
		}
		// One name, one pseudonym.
		seen := map[string]string{}
		for kind := range kinds {
			for key, p := range r.pseudonyms[kind] {
				if other := seen[p]; kind != kindText && other != "" {
					t.Errorf("%q and %q are both %s", key, other, p)
				}
				seen[p] = key
			}
		}
		if n := len(r.names[kindUser]); n != 1 {
			t.Errorf("there is one user, and %d have pseudonyms: %q", n, r.names[kindUser])
		}
	}
}

func TestRedactedReportStays(t *testing.T) {
	for file, report := range reportInputs(t) {
		once := NewRedactor().Report(report)
		r := NewRedactor()
		twice := r.Report(once)
		if asJSON(t, once) != asJSON(t, twice) {
			t.Errorf("%s: redacted again\n%s\nbecame\n%s", file, asJSON(t, once), asJSON(t, twice))
		}
		// A name that was left in is replaced then, by a number of its own.
		once.Notes = append(slices.Clone(once.Notes), `see \\zanzibar\share-1\left`)
		note := r.Report(once).Notes[len(once.Notes)-1]
		if strings.Contains(note, "zanzibar") || strings.Contains(note, "left") || !strings.Contains(note, `\share-1\`) || strings.Contains(asJSON(t, twice), between(note, `\\`, `\`)+`"`) {
			t.Errorf("%s: a name in a redacted report became %q", file, note)
		}
	}
}

// The built-in lab's names are words that its reports are full of.
func TestRedactedLabReportReadsWell(t *testing.T) {
	for file, report := range reportInputs(t) {
		r := NewRedactor()
		for _, name := range []string{"lab", "practice", "user"} {
			r.User(name)
		}
		r.Share("share")
		r.Path(`Shares\share\file\open\read\data\none`)
		want := NewRedactor().Report(report)
		got := r.Report(report)
		if w, g := want.Verdict, got.Verdict; w != nil && anyPseudonym.ReplaceAllString(w.Summary, "$1") != anyPseudonym.ReplaceAllString(g.Summary, "$1") {
			t.Errorf("%s: the summary became\n%s, want\n%s", file, g.Summary, w.Summary)
		}
		for i := range want.Events {
			if w, g := want.Events[i].Detail, got.Events[i].Detail; anyPseudonym.ReplaceAllString(w, "$1") != anyPseudonym.ReplaceAllString(g, "$1") {
				t.Errorf("%s: event %d became\n%s, want\n%s", file, i+1, g, w)
			}
		}
	}
}

// largeReport has a table of 50 000 opens, and 10 000 events.
func largeReport() *Report {
	report := bigTable(50_000)
	for i := range 10_000 {
		report.Events = append(report.Events, Event{ID: i, Detail: fmt.Sprintf(`open bench\folder number %03d\a file of the bench %06d.dat of EXAMPLE\alice on 10.20.0.7 → STATUS_SHARING_VIOLATION`, i/1000, i)})
	}
	return report
}

func BenchmarkRedactReport(b *testing.B) {
	report := largeReport()
	b.ReportAllocs()
	for b.Loop() {
		NewRedactor().Report(report)
	}
}

func TestRedactLargeReport(t *testing.T) {
	report := largeReport()
	begin := time.Now()
	got := NewRedactor().Report(report)
	took := time.Since(begin)
	if took > 30*time.Second { // less than one where nothing else runs; it must not grow with the square
		t.Errorf("it took %v", took)
	}
	if last := got.Events[9999].Detail; strings.Contains(last, "bench") || !strings.HasPrefix(last, `open path-3\path-`) {
		t.Errorf("the last event became %s", last)
	}
	if row := got.Table.Opens[49_999]; row.Path != `C:\path-1\path-2\`+row.SharePath || strings.Contains(row.Path, "bench") {
		t.Errorf("the last open became %+v", row)
	}
}
