package diag

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"err32/smb"
	"err32/smb/lab"
	"err32/smb/smbdtest"
)

// rareSite is a server all of whose names are words that no text of err32 has.
type rareSite struct {
	*testServer
	names []string // that reports of it may have
}

// The names of a rareSite, besides those of odd….
const (
	rarePlainUser = "Persephone"
	rareDomain    = "HYPERBOREA"
	rareFile      = "Rumpelstiltskin.tmp"
	rareFree      = "Wolpertinger.dat"
	rareFolder    = "Kumquat Grove"
	rareMissing   = "Nonesuchia"
	rareOwner     = "Yggdrasil"
)

// serveRare starts a server of that kind. The clients of the lab are told by
// their addresses, which stand for names here: smbd's users have the names that
// they have on this machine.
func serveRare(t *testing.T, kind serverKind) *rareSite {
	t.Helper()
	s := &rareSite{names: []string{
		oddShare, oddServer, oddComment, rareFile, rareFree, rareFolder, rareMissing, rareDomain, rareOwner,
		"localhost", "127.0.0.1", "127.0.0.2", "127.0.0.3",
	}}
	if kind != onSmbd {
		s.testServer = startLab(t, kind, serverConfig{}, func(l *lab.Server) {
			l.Users = []lab.User{{Name: oddUser, Password: oddPassword, Groups: []string{lab.Administrators}}, {Name: rarePlainUser, Password: oddPassword}}
			l.Shares = []lab.Share{{Name: oddShare}}
			l.Name = oddServer
		})
		s.user, s.plainUser, s.password, s.plainPassword, s.share = oddUser, rarePlainUser, oddPassword, oddPassword, oddShare
		s.names = append(s.names, oddUser, rarePlainUser)
		return s
	}
	dir := t.TempDir()
	if err := errors.Join(os.Chmod(dir, 0o777), os.Chmod(filepath.Dir(dir), 0o755)); err != nil { // for both users
		t.Fatal(err)
	}
	srv := smbdtest.Start(t, smbdtest.Config{
		Keepalive: true, Global: []string{"server string = " + oddComment},
		Share: []string{"[" + oddShare + "]", "path = " + dir, "read only = no"},
	})
	s.testServer = smbdAsServer(srv)
	s.backstage = smbdServer{srv}
	s.share = oddShare
	return s
}

// endpointOf is a path on the server, for one of its users.
func (s *rareSite) endpointOf(who, password, path string) Endpoint {
	e := s.endpoint(path)
	e.Target.Server = "localhost"
	e.Credentials = Credentials{User: who, Password: password}
	e.Again = "err32 x --user=" + who + " '" + e.Target.String() + "'"
	return e
}

// runs are reports of every command, those that failed too.
func (s *rareSite) runs(t *testing.T) map[string]*Report {
	t.Helper()
	ctx := context.Background()
	admin := func(path string) Endpoint { return s.endpointOf(s.user, s.password, path) }
	plain := func(path string) Endpoint { return s.endpointOf(s.plainUser, s.plainPassword, path) }
	all := map[string]*Report{}

	session := s.logOnFrom(t, "127.0.0.2", s.plainUser, s.plainPassword)
	folder := openFile(t, session, oddShare, smb.CreateRequest{Name: rareFolder, Access: smb.FileReadAttributes, Disposition: smb.OpenIf, Options: smb.DirectoryFile})
	if err := folder.Close(ctx); err != nil {
		t.Fatal(err)
	}
	hold := func(from *smb.Session, path string, share smb.ShareAccess) *smb.Open {
		return openFile(t, from, oddShare, smb.CreateRequest{
			Name: path, Access: smb.FileReadData | smb.FileWriteData, Share: share, Disposition: smb.OpenIf, Options: smb.NonDirectoryFile,
		})
	}
	inFolder, inRoot := rareFolder+`\`+rareFile, rareFile
	free := hold(session, rareFree, 0)
	if _, err := free.WriteAt(ctx, []byte("text"), 0); err != nil {
		t.Fatal(err)
	}
	if err := free.Close(ctx); err != nil {
		t.Fatal(err)
	}

	// Repro, with the right to read the tables and without, and as it fails.
	repro := func(name string, e Endpoint, change func(*ReproOptions)) {
		o := reproOf(e, smb.DisconnectFIN, 300*time.Millisecond)
		if change != nil {
			change(&o)
		}
		all["repro "+name] = Repro(ctx, o)
	}
	repro("", admin(rareFolder), nil)
	repro("in the share", admin(""), func(o *ReproOptions) { o.RetryWith = "own" })
	repro("without rights", plain(rareFolder), func(o *ReproOptions) { o.Disconnect, o.RetryFrom = smb.DisconnectClose, "same" })
	repro("held still", admin(rareFolder), func(o *ReproOptions) { o.Disconnect = smb.DisconnectLeak })
	repro("no such folder", admin(rareMissing), nil)
	wrong := admin("")
	wrong.Target.Share = rareMissing
	repro("no such share", wrong, nil)
	wrong = admin("")
	wrong.Credentials.Password += "x"
	wrong.Credentials.Domain = rareDomain
	repro("wrong password", wrong, nil)
	wrong = admin("")
	wrong.Target.Port = closedPort(t)
	repro("nobody listens", wrong, nil)

	// Hold.
	held := hold(session, inFolder, 0)
	other := s.logOnFrom(t, "127.0.0.3", s.plainUser, s.plainPassword)
	heldOnce := hold(other, inRoot, smb.ShareRead|smb.ShareWrite|smb.ShareDelete)
	holdOf := func(name string, e Endpoint, change func(*HoldOptions)) {
		o := HoldOptions{Endpoint: e, Targets: []Target{e.Target}, For: time.Millisecond, Access: access("rw"), Share: smb.ShareRead}
		if change != nil {
			change(&o)
		}
		all["hold "+name] = Hold(ctx, o)
	}
	holdOf("", admin(rareFree), nil)
	holdOf("refused", admin(inRoot), nil)
	holdOf("refused in a folder", plain(inFolder), nil)
	holdOf("all refused", admin(rareFolder), func(o *HoldOptions) { o.All = true })
	holdOf("no such file", admin(rareMissing), nil)
	holdOf("no such folder", admin(rareMissing), func(o *HoldOptions) { o.All = true })
	holdOf("some", admin(rareFolder+`\`+rareOwner), func(o *HoldOptions) { o.Count = 2 })

	// Table.
	all["table"] = Table(ctx, TableOptions{Endpoint: admin("")})
	all["table of one"] = Table(ctx, TableOptions{Endpoint: admin(rareFolder), User: s.plainUser, Client: "127.0.0.2", Path: rareFile})
	all["table without rights"] = Table(ctx, TableOptions{Endpoint: plain("")})
	wrong = admin(inRoot)
	wrong.Target.Share = rareMissing
	all["table of no share"] = Table(ctx, TableOptions{Endpoint: wrong})

	// Who.
	for _, e := range []Endpoint{admin(""), plain("")} {
		for _, probe := range []bool{false, true} {
			who := func(name string, paths ...string) *WhoOptions {
				o := whoOf(e, "rw:none", paths...)
				o.Probe, o.ProbeTimeout = probe, time.Second
				all[strings.Join([]string{"who", e.Credentials.User, name, map[bool]string{true: "probed", false: "by the table"}[probe]}, " ")] = Who(ctx, o)
				return &o
			}
			who("held", inFolder)
			who("held in the share", inRoot)
			who("free", rareFree)
			who("several", rareFree, inRoot, inFolder)
			who("many", rareFree, inRoot, inFolder, strings.ToUpper(rareFree), rareFolder)
			who("missing", rareMissing)
			o := whoOf(e, "rw:none", rareFolder)
			o.Probe, o.Recursive = probe, true
			all["who recursive "+e.Credentials.User+map[bool]string{true: " probed"}[probe]] = Who(ctx, o)
		}
	}
	if err := heldOnce.Lock(ctx, smb.LockElement{Length: 1 << 62, Flags: smb.LockExclusive | smb.LockFailImmediately}); err != nil {
		t.Fatal(err)
	}
	locked := whoOf(admin(""), "r", inRoot, rareFree)
	locked.Targets, locked.ProbeTimeout = locked.Targets[:1], time.Second
	all["who locked"] = Who(ctx, locked)

	// Release. What is left for the end is that which ends something.
	release := func(name string, o ReleaseOptions) { all["release "+name] = Free(ctx, o) }
	release("path", ReleaseOptions{Endpoint: admin(""), Path: inFolder, DryRun: true})
	release("no path", ReleaseOptions{Endpoint: admin(""), Path: rareMissing})
	release("no open", ReleaseOptions{Endpoint: admin(""), Open: "0xFFFFFFF0"})
	release("other path", ReleaseOptions{Endpoint: admin(rareFolder), Path: `C:\` + rareMissing})
	second := hold(other, inRoot, smb.ShareRead|smb.ShareWrite|smb.ShareDelete)
	release("several", ReleaseOptions{Endpoint: admin(""), Path: inRoot})
	if err := second.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for _, row := range all["table"].Table.Opens {
		if strings.HasSuffix(row.Path, rareFile) {
			release("not below "+row.SharePath, ReleaseOptions{Endpoint: admin(rareMissing), Open: row.ID})
		}
	}
	release("stale", ReleaseOptions{Endpoint: admin(""), Stale: true, DryRun: true})
	release("without rights", ReleaseOptions{Endpoint: plain(""), Stale: true})
	release("no session", ReleaseOptions{Endpoint: admin(""), Client: "127.0.0.3", User: rareOwner})
	release("own session", ReleaseOptions{Endpoint: admin(""), Client: "127.0.0.1", User: s.user, DryRun: true})
	release("previous session", ReleaseOptions{Endpoint: admin(inRoot), PreviousSession: 0x7777})
	release("previous session without rights", ReleaseOptions{Endpoint: plain(inFolder), PreviousSession: 0x7777})
	release("previous session, free", ReleaseOptions{Endpoint: plain(rareFree), PreviousSession: 0x7777})
	release("previous session, free, seen", ReleaseOptions{Endpoint: admin(rareFree), PreviousSession: 0x7777})
	release("previous session, missing", ReleaseOptions{Endpoint: plain(rareMissing), PreviousSession: 0x7777})
	release("mine", ReleaseOptions{Endpoint: admin(""), Mine: true, StateDir: s.records(t)})
	release("mine without rights", ReleaseOptions{Endpoint: plain(""), Mine: true, StateDir: s.records(t)})
	release("session shown", ReleaseOptions{Endpoint: admin(""), Client: "127.0.0.2", User: s.plainUser, DryRun: true})
	release("session", ReleaseOptions{Endpoint: admin(""), Client: "127.0.0.2", User: s.plainUser})
	release("all of a client", ReleaseOptions{Endpoint: admin(""), Client: "127.0.0.3"})
	held.Close(ctx)
	return all
}

// records are what killed runs left of sessions, here and elsewhere.
func (s *rareSite) records(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i, r := range []SessionRecord{
		{Server: "localhost", Port: s.port, User: s.user, Share: oddShare, SessionID: "0x7777", Paths: []string{rareFile, rareFolder + `\` + rareFile}},
		{Server: "localhost", Port: s.port, User: s.plainUser, Share: oddShare, SessionID: "0x7778", Paths: []string{rareFree}},
		{Server: rareMissing, Port: 445, User: rareOwner, Domain: rareDomain, Share: oddShare, SessionID: "0x7779", Paths: []string{rareFree}},
	} {
		r.Schema, r.Command, r.PID, r.Started = Schema, "hold", 1, now()
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, strings.Replace(recordPattern, "*", string(rune('a'+i)), 1)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// rewritten is a copy of a report with all its texts rewritten.
func rewritten(t *testing.T, r *Report, rewrite func(string) string) *Report {
	t.Helper()
	var b bytes.Buffer
	if err := RenderJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	out, err := ParseReport(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	rewriteTexts(reflect.ValueOf(out), rewrite)
	return out
}

func rewriteTexts(v reflect.Value, rewrite func(string) string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(rewrite(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			rewriteTexts(v.Elem(), rewrite)
		}
	case reflect.Slice:
		for i := range v.Len() {
			rewriteTexts(v.Index(i), rewrite)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Time]() {
			return
		}
		for i := range v.NumField() {
			rewriteTexts(v.Field(i), rewrite)
		}
	}
}

// textsOf are the texts of a report, each with where it is.
func textsOf(r *Report) (all []string) {
	var walk func(at string, v reflect.Value)
	walk = func(at string, v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			all = append(all, at+": "+v.String())
		case reflect.Pointer:
			if !v.IsNil() {
				walk(at, v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(at, v.Index(i))
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type() != reflect.TypeFor[Time]() {
					walk(v.Type().Name()+"."+v.Type().Field(i).Name, v.Field(i))
				}
			}
		}
	}
	walk("", reflect.ValueOf(r))
	return all
}

// pseudonymDigits are the numbers of pseudonyms, which are others where two names
// of a place are the same word; then it need not be told either what kind of name
// one is.
var pseudonymDigits = regexp.MustCompile(`\b(user|host|domain|share|path)-[1-9][0-9]*`)

func withoutDigits(s string, kinds bool) string {
	if kinds {
		return pseudonymDigits.ReplaceAllString(s, "$1")
	}
	return pseudonymDigits.ReplaceAllString(s, "name")
}

// sameRedacted redacts a report, and compares it with the texts of one that
// differed from it in names alone.
func sameRedacted(t *testing.T, name string, want []string, ordinary *Report, kinds bool) {
	t.Helper()
	got := textsOf(NewRedactor().Report(ordinary))
	was := textsOf(ordinary)
	if len(want) != len(got) {
		t.Fatalf("%s: %d texts, want %d", name, len(got), len(want))
	}
	for i := range want {
		if withoutDigits(want[i], kinds) != withoutDigits(got[i], kinds) {
			t.Errorf("%s: %s\nbecame %s\nwant   %s", name, was[i], got[i], want[i])
		}
	}
}

// TestRedactOrdinary lets a place's names be words that err32's texts are full
// of. Its reports are those of a place whose names are in no text, with the one
// put in the place of the other: redacted, both must be the same.
func TestRedactOrdinary(t *testing.T) {
	for _, kind := range []serverKind{onWindows, onSamba, onSmbd} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			site := serveRare(t, kind)
			reports := site.runs(t)
			if name := reports["table"].Server.Name; name != oddServer {
				site.names = append(site.names, name)
			}
			if kind == onSmbd {
				site.giveRareUsers(t, reports)
			}
			addComparisons(t, reports)
			redacted := map[string][]string{}
			for name, r := range reports {
				redacted[name] = textsOf(NewRedactor().Report(rewritten(t, r, func(s string) string { return s })))
			}
			var list []string
			for w := range ownWords {
				if w != "NONE" && w != "SRVSVC" { // none is also a setting in a comparison, srvsvc a name that SMB has itself
					list = append(list, w)
				}
			}
			slices.Sort(list)
			for turn := 0; turn < len(list); turn += 131 {
				site.testWords(t, reports, redacted, func(i int) string { return list[(turn+i*61)%len(list)] }, turn, true)
			}
			for i, word := range []string{"root", "share", "open", "SERVER"} { // all names the same
				site.testWords(t, reports, redacted, func(int) string { return word }, i, false)
			}
			if t.Failed() {
				return
			}
			// The runs must have said enough for that to prove anything.
			said := map[string]bool{}
			for _, r := range reports {
				for i := range r.Events {
					said[r.Events[i].What] = true
				}
			}
			for _, what := range []string{whatConnect, whatPrepare, whatOpen, whatRemove, whatStat, whatTry, whatClose, whatNote} {
				if !said[what] {
					t.Errorf("no run has an event %q", what)
				}
			}
		})
	}
}

// testWords puts words in the place of the names.
func (s *rareSite) testWords(t *testing.T, reports map[string]*Report, redacted map[string][]string, word func(i int) string, turn int, kinds bool) {
	t.Helper()
	var pairs []string
	for i, name := range s.names {
		w := word(i)
		switch (turn + i) % 3 {
		case 0:
			w = strings.ToLower(w)
		case 1:
			w = w[:1] + strings.ToLower(w[1:])
		}
		if name == oddComment && strings.EqualFold(w, "samba") {
			w = "server" // Samba's own comment stays
		}
		ending := filepath.Ext(name)
		if strings.Contains(name, "127.") {
			ending = ""
		}
		pairs = append(pairs, name, w+ending, strings.ToUpper(name), strings.ToUpper(w+ending), strings.ToLower(name), strings.ToLower(w+ending))
	}
	replace := strings.NewReplacer(pairs...)
	for name, r := range reports {
		ordinary := rewritten(t, r, replace.Replace)
		for _, text := range textsOf(ordinary) {
			folded := strings.ToLower(text)
			for _, rare := range s.names {
				if strings.Contains(folded, strings.ToLower(rare)) {
					t.Fatalf("%s: %q could not be replaced in %s", name, rare, text)
				}
			}
		}
		sameRedacted(t, name, redacted[name], ordinary, kinds)
		if t.Failed() {
			return
		}
	}
}

// giveRareUsers puts rare names in the place of the users', where these stand for
// the users.
func (s *rareSite) giveRareUsers(t *testing.T, reports map[string]*Report) {
	t.Helper()
	const as, takes = "as root on the server", "takes root or"
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if isOrdinary(folded(me.Username)) && me.Username != "root" {
		t.Skipf("the texts have the word %s, which is this user's name: they cannot be told apart", me.Username)
	}
	name := regexp.MustCompile(`\b(?:` + regexp.QuoteMeta(s.user) + `|` + regexp.QuoteMeta(s.plainUser) + `)\b`)
	for what, r := range reports {
		reports[what] = rewritten(t, r, func(text string) string {
			text = strings.NewReplacer(as, "\x00", takes, "\x01").Replace(text)
			text = name.ReplaceAllStringFunc(text, func(user string) string {
				if user == s.user {
					return oddUser
				}
				return rarePlainUser
			})
			return strings.NewReplacer("\x00", as, "\x01", takes).Replace(text)
		})
	}
	s.names = append(s.names, oddUser, rarePlainUser)
}

// addComparisons compares every two runs of a command.
func addComparisons(t *testing.T, reports map[string]*Report) {
	t.Helper()
	var names []string
	for name := range reports {
		names = append(names, name)
	}
	slices.Sort(names)
	for i := 1; i < len(names); i++ {
		a, b := names[i-1], names[i]
		r, err := compareRuns(SavedRun{rareFile, reports[a]}, SavedRun{rareFree, reports[b]}, true)
		if err != nil {
			t.Fatal(err)
		}
		reports[a+" and "+b] = r
	}
}
