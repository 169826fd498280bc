package diag

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// composedText is a text that the source puts together: what it is made of.
type composedText struct {
	where string // file and line
	form  textForm
	parts []textPart
}

// textPart is a part of a composed text: a constant, or an expression and the
// verb it is printed with.
type textPart struct {
	constant   string
	expression string
	verb       string
}

func (c *composedText) String() string {
	var b strings.Builder
	for _, p := range c.parts {
		if b.WriteString(p.constant); p.expression != "" {
			b.WriteString("{" + p.expression + "}")
		}
	}
	return b.String()
}

// textsFrom are the files whose texts get into reports. Renderers write what is
// redacted already.
func textsFrom(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(file string) bool {
		return strings.HasSuffix(file, "_test.go") || slices.ContainsFunc([]string{"render", "explain", "redact", "bundle", "capture", "compare", "report_", "outputs", "format", "target"},
			func(p string) bool { return strings.HasPrefix(file, p) })
	})
}

// composedTexts finds every text in the source that is put together of a constant
// and something else.
func composedTexts(t *testing.T) []composedText {
	t.Helper()
	var all []composedText
	for _, file := range textsFrom(t) {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		source := func(n ast.Node) string {
			var b bytes.Buffer
			if err := printer.Fprint(&b, set, n); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
		inside := map[ast.Expr]bool{} // parts of a text that is found already
		steps := map[ast.Expr]bool{}
		var flatten func(e ast.Expr, verb string) []textPart
		flatten = func(e ast.Expr, verb string) []textPart {
			if strings.ContainsAny(verb[1:], "dfoX") { // a number
				return []textPart{{expression: source(e), verb: verb}}
			}
			inside[e] = true
			switch e := e.(type) {
			case *ast.ParenExpr:
				return flatten(e.X, verb)
			case *ast.BasicLit:
				if s, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
					return []textPart{{constant: s}}
				}
			case *ast.BinaryExpr:
				if e.Op == token.ADD {
					return append(flatten(e.X, verb), flatten(e.Y, verb)...)
				}
			case *ast.CallExpr:
				if parts := printed(e, flatten); parts != nil {
					return parts
				}
			}
			return []textPart{{expression: source(e), verb: verb}}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			var e ast.Expr
			switch n := n.(type) {
			case *ast.CallExpr:
				if name := source(n.Fun); name == "newRunError" {
					steps[n.Args[0]] = true
				}
				e = n
			case *ast.KeyValueExpr:
				if source(n.Key) == "Op" {
					steps[n.Value] = true
				}
				return true
			case *ast.BinaryExpr:
				e = n
			default:
				return true
			}
			if inside[e] {
				return true
			}
			step := steps[e]
			parts := flatten(e, "%s")
			if len(parts) < 2 || !slices.ContainsFunc(parts, func(p textPart) bool { return p.constant != "" }) {
				delete(inside, e)
				return true
			}
			c := composedText{where: set.Position(e.Pos()).String(), parts: parts}
			if step {
				c.form = aStep
			}
			all = append(all, c)
			return true
		})
	}
	return all
}

var verbText = regexp.MustCompile(`%(?:\[[0-9]+\])?[-+# 0-9.]*[a-zA-Z%]`)

// printed are the parts of a call that has a format and what it prints; nil for
// any other call.
func printed(call *ast.CallExpr, flatten func(ast.Expr, string) []textPart) []textPart {
	for i, arg := range call.Args {
		l, ok := arg.(*ast.BasicLit)
		if !ok || l.Kind != token.STRING {
			continue
		}
		format, err := strconv.Unquote(l.Value)
		values := call.Args[i+1:]
		if n := len(verbText.FindAllString(strings.ReplaceAll(format, "%%", ""), -1)); err != nil || n == 0 || n != len(values) {
			return nil
		}
		var parts []textPart
		for format != "" {
			at := verbText.FindStringIndex(format)
			if at == nil {
				parts = append(parts, textPart{constant: format})
				break
			}
			if at[0] > 0 {
				parts = append(parts, textPart{constant: format[:at[0]]})
			}
			if verb := format[at[0]:at[1]]; verb == "%%" {
				parts = append(parts, textPart{constant: "%"})
			} else {
				parts = append(parts, flatten(values[0], verb)...)
				values = values[1:]
			}
			format = format[at[1]:]
		}
		return parts
	}
	return nil
}

// A part of a text is the name of something, or it is none.
var (
	partNames = map[string]string{ // how the name is written: the word is the rare one or the ordinary one
		"row.User": "user", "userText(now[0].User)": "user", "userOf(row)": "user", "who.user": "user", "f.user": "user", "c.User": "user", "who": "user",
		"e.Credentials.String()": "user", "t.o.Endpoint.Credentials.User": "user", "strings.Join(users, \", \")": "users",
		"row.Client": "host", "clientText(row)": "host", "r.Server": "host", "dns.Name": "host", "e.Target.Address()": "address",
		"share": "share", "record.Share": "share",
		"path": "path", "r.path": "path", "p.Path": "path", "h.made[0]": "path", "h.doubtful[0]": "path", "h.res.Refused[0].Path": "path", "rest[0]": "path",
		"w.paths[0]": "path", "w.paths[i].Path": "path", "now[0].Path": "path", "visibleName(rows[0].Path)": "path", "r.o.StateDir": "path", "e.Name": "path",
		"strings.Join(record.Paths, \", \")": "paths", "listPaths(refused)": "paths", "listPaths(undecided)": "paths", "listPaths(locked)": "paths", "listPaths(w.names())": "paths",
		"e.Target.String()": "target", "r.o.Endpoint.Target.String()": "target", "r.o.Endpoint.Target": "target", "h.o.Targets[0].String()": "target", "where": "target",
		"Target{Server: h.o.Endpoint.Target.Server, Port: h.o.Endpoint.Target.Port}": "server",
		"holderOf(row)": "holder", "&record": "record", "r.o.Path": "path", "a.Name": "who", "name": "name",
	}
	// What a name called name is, by the text.
	partCalledName = map[string]string{
		"authentication_file.go": "path", "credentials.go": "user", "release_session.go": "who", "release_previous.go": "id",
	}
	// Parts that hold no name, or are texts in which names are found by themselves.
	partsWithoutName = regexp.MustCompile(`^(?:` + strings.Join([]string{
		`count(?:ed|[A-Z]\w*)\(.*\)`, `len\(.*\)`, `seconds\(.*\)`, `plainText\(.*\)`, `\w+\.(?:Hex|ID|Seconds)\(\)`, `h\.client\.session\.ID\(\)|[cr]\.(?:holder\.)?session\.ID\(\)`, `status(?:\.\w+\(\))?`, `statusText\(status\)`,
		`[\w.]*(?:\.ID|ID)|id`, `r\.o\.Open`, `r\.o\.PreviousSession`, `idle|busy|youngest|n|count|most|ownPipes|verifyTime|maxSecretFile|r\.Port|record\.PID|record\.Command|[wrsh]\.(?:o\.)?(?:Wait|links|Share|Disconnect)|h\.o\.Share|w\.o\.WantShare`,
		`idleOfHolder\(own\)`, `offsets\[i\]`, `float64\(t\)(?: / 1000)?`, `mode\.Perm\(\)`, `seen\[key\]`, `keys`, `i \+ 1`, `o\.info\.M\w+`, `itOrThem\(.*\)`,
		`why|text|detail|because|rule|findsOut|samba|tellsNothing|byID|want|capital\(want\)|strings\.TrimSuffix\(want, ","\)|end|err|errStockUnfit|h\.text|noRecord\(err\)|answerDetail\(err\)|[\w.]*whyNoTable\(.*\)`,
		`kind(?:\.String\(\))?|e\.kind|disconnectStory\(kind\)|staleStory\(e\.kind\)`, `class|access\.Classes\(\)|[hr]\.o\.Access\.Classes\(\)|beyond\.String\(\)|\(access &\^ p\.allowed\)\.String\(\)`,
		`h\.res\.\w+`, `s\.Dialect`, `r\.contender\.name\(\)|r\.retryFrom\(\)|e\.Encryption`, `last\.\w+|r\.Skipped|r\.Name`, `strings\.Join\(wordsOrNone\(.*\), "\+"\)`,
		`prefix|source|who\.source|from|dns\.Err|smb\.ErrorAccessDenied\.Error\(\)`, `count\[.*\]`, `record\.Started\..*`, `a\.(?:What|Detail)`, `hex\.EncodeToString\(id\)`, `row\.Locks`,
		`strings\.ToUpper\(strconv\.FormatUint\(.*\)\)`, `string\(.*\)`,
	}, "|") + `)$`)
	// Texts that stand in no report, or are parts of others in this list, which
	// have what is around them.
	textsElsewhere = []string{
		`{c.Domain}\{c.User}`, `{r.Domain}\{who}`, `{r.SessionID} of {who} on {r.Server} port {r.Port}`, // names, and what --mine puts into a note
		`{row.Share}\{row.SharePath}`, `{folder}\{e.Name}`, `{folder}\{name}`, `{first.Path}-{i + 1}`, `{path}.renamed`, `\{path}`, `{below}\`, // paths
		`\\{server}`, `\\{client}`, `\\{strings.TrimLeft(client, ` + "`\\`" + `)}`, `{strings.ToLower(r.Share)}\{sharePath}`,
		`{strings.Join(paths[:most], ", ")} and {len(paths) - most} more`, // listPaths
		`,{r.o.User}`,                        // a part of the name in --session
		`{userOf(row)} on {clientText(row)}`, // holderOf
		`{what} for {name}: `,                // the question for a password
		`{strings.ReplaceAll(a.What, "-", " ")} {visibleText(a.Name)}`, ` ({visibleText(a.Detail)})`, // the question whether to go on
		"  {row.ID}  {visibleName(row.Path)}  user {userText(row.User)}, client {clientText(row)}, access {openAccessText(row)}\n",
		`the path {r.o.Path}`, `the open {r.o.Open}`, `find {what}`, `end {what}`, // one step
	}
)

// sampleOf is a part of a text as it may be written, with a word for its name.
func sampleOf(c *composedText, p *textPart, word string) (sample string, isName, ok bool) {
	kind, isName := partNames[p.expression]
	if kind == "name" {
		file, _, _ := strings.Cut(c.where, ":")
		kind, isName = partCalledName[file]
	}
	switch {
	case strings.HasSuffix(p.verb, "d"), strings.HasSuffix(p.verb, "X"), strings.HasSuffix(p.verb, "f"), strings.HasSuffix(p.verb, "o"):
		return "7", false, true
	case kind == "id":
		return "0x7777", false, true
	case isName:
	case !partsWithoutName.MatchString(p.expression):
		return "", false, false
	case strings.HasPrefix(p.expression, "countSessions"):
		return "2 sessions", false, true
	case strings.HasPrefix(p.expression, "countOpens"):
		return "2 opens", false, true
	case strings.HasPrefix(p.expression, "countFiles"):
		return "2 files", false, true
	case strings.HasPrefix(p.expression, "countLocks"):
		return "2 byte-range locks", false, true
	case strings.HasSuffix(p.expression, "ID"), strings.HasSuffix(p.expression, "r.o.Open"):
		return "0x7777", false, true
	case strings.HasPrefix(p.expression, "status"):
		return "STATUS_ACCESS_DENIED", false, true
	case strings.HasSuffix(p.expression, "want)"), p.expression == "want":
		return "an open with access read+write, share none,", false, true
	case p.expression == "prefix":
		return "ERR32_", false, true
	case p.expression == "answerDetail(err)":
		return ": the server took it", false, true
	case p.expression == "a.What":
		return "session", false, true
	default:
		return "known", false, true
	}
	switch kind {
	case "user", "host", "share", "path":
		sample = word
	case "users":
		sample = word + `, DOMAIN2\` + word
	case "paths":
		sample = word + `, data\` + word + ` and 2 more`
	case "address":
		sample = word + ":445"
	case "server":
		sample = "//" + word + ":445"
	case "target":
		sample = "//" + word + ":445/" + word + "/" + word + "/" + word
	case "holder":
		sample = word + " on " + word
	case "who":
		sample = word + "," + word
	case "record":
		sample = "0x7777 of " + word + " on " + word + " port 445"
	default:
		panic(kind)
	}
	if p.verb == "%q" {
		sample = strconv.Quote(sample)
	}
	return sample, true, true
}

// TestRedactPhrases puts an ordinary word in the place of each name in each text
// that the source composes. Where a text has a name that is not found to be one,
// it takes a phrase of namePhrases.
func TestRedactPhrases(t *testing.T) {
	const rare = "Quetzalcoatl"
	texts := composedTexts(t)
	tried := 0
	for i := range texts {
		c := &texts[i]
		if slices.Contains(textsElsewhere, c.String()) {
			continue
		}
		hasName := false
		text := func(word string) string {
			var b strings.Builder
			for j := range c.parts {
				p := &c.parts[j]
				b.WriteString(p.constant)
				if p.expression == "" {
					continue
				}
				sample, isName, ok := sampleOf(c, p, word)
				if !ok {
					t.Errorf("%s: nobody has decided whether %s is a name in %q: add it to partNames or partsWithoutName", c.where, p.expression, c)
				}
				hasName = hasName || isName
				b.WriteString(sample)
			}
			return b.String()
		}
		want := text(rare)
		if !hasName {
			continue
		}
		tried++
		for _, word := range []string{"root", "open", "share", "Will", "read on data", "x"} {
			redacted := func(word, text string) string {
				r := NewRedactor()
				for _, learn := range []func(string) string{r.User, r.Host, r.Share, r.Path} {
					learn(word)
				}
				r.Path("data")
				r.mu.Lock()
				defer r.mu.Unlock()
				return withoutDigits(r.formed(text, c.form), false)
			}
			was := text(word)
			if strings.Contains(word, " ") && strings.ContainsAny(want, "/") {
				continue
			}
			if w, g := redacted(rare, want), redacted(word, was); w != g || strings.Contains(strings.ToLower(w), strings.ToLower(rare)) {
				t.Errorf("%s: %s\n%q\nbecame %q\nwant   %q", c.where, c, was, g, w)
			}
		}
	}
	if tried < 50 {
		t.Errorf("only %d texts with names were found", tried)
	}
	if testing.Verbose() {
		fmt.Printf("%d texts, %d with names\n", len(texts), tried)
	}
}

// Texts that are not composed in one place, or whose names stand nowhere else.
func TestRedactNamesInPhrases(t *testing.T) {
	for _, test := range []struct {
		form textForm
		give string
		want string
	}{
		{aSentence, `SMB 3.1.1, AES-128-GMAC, Administrator`, `SMB 3.1.1, AES-128-GMAC, user-1`},
		{aSentence, `SMB 2.0.2, LAB\root`, `SMB 2.0.2, domain-1\user-1`},
		{aSentence, `SMB 2.0.2, anonymous`, `SMB 2.0.2, anonymous`},
		{aSentence, `\srvsvc, LAB, Samba 4.17.12-Debian`, `\srvsvc, host-1, Samba 4.17.12-Debian`},
		{aSentence, `\srvsvc, SERVER, the files of the lab`, `\srvsvc, host-1, (its comment)`},
		{aSentence, `\srvsvc, root`, `\srvsvc, host-1`},
		{aSentence, `the name "server" could not be resolved: no such host`, `the name "host-1" could not be resolved: no such host`},
		{aSentence, `the server lists a file called "open/read", which is no name`, `the server lists a file called "path-1/path-2", which is no name`},
		{aSentence, `no password for user "LAB\\root" (from --user), and no terminal`, `no password for user "domain-1\\user-1" (from --user), and no terminal`},
		{aSentence, `the user "root" from --user and the user "guest" of the authentication file differ`, `the user "user-1" from --user and the user "user-2" of the authentication file differ`},
		{aSentence, `--no-pass is given: the password from --user is not used`, `--no-pass is given: the password from --user is not used`},
		{aSentence, `the user name from --user is not valid UTF-8`, `the user name from --user is not valid UTF-8`},
		{aSentence, `--user names no user; write [DOMAIN\]USER[%PASSWORD]`, `--user names no user; write [DOMAIN\]USER[%PASSWORD]`},
		{aSentence, `PASSWD_FILE: open password: no such file or directory`, `PASSWD_FILE: open path-1: no such file or directory`},
		{aSentence, `authentication file: open root: no such file or directory`, `authentication file: open path-1: no such file or directory`},
		{aSentence, `The contender's session was lost (create open\data: STATUS_USER_SESSION_DELETED (0xC0000203)) and set up again.`,
			`The contender's session was lost (create path-1\path-2: STATUS_USER_SESSION_DELETED (0xC0000203)) and set up again.`},
		{aSentence, `create data: STATUS_ACCESS_DENIED (0xC0000022)`, `create path-1: STATUS_ACCESS_DENIED (0xC0000022)`},
		{aSentence, "`err32 table //server:4450 --path 'open 'n' read'` lists who has it open.", "`err32 table //host-1:4450 --path 'path-1'` lists who has it open."},
		{aSentence, `12 files from data on could not be removed: no`, `12 files from path-1 on could not be removed: no`},
		{aSentence, `//server/share/read me could not be removed: no`, `//host-1/share-1/path-1 could not be removed: no`},
		{aSentence, `The record of session 0x1F could not be removed: remove /home/root user/x: no.`, `The record of session 0x1F could not be removed: remove /path-1/path-2/path-3: no.`},
		{aSentence, `No record of the session could be written (mkdir /home/root user: no): should this run`, `No record of the session could be written (mkdir /path-1/path-2: no): should this run`},
		{aSentence, `2 opens: read, write; client server (only session)`, `2 opens: read, write; client host-1 (only session)`},
		{aSentence, `open; client one of server, root and 3 more`, `open; client one of host-1, host-2 and 3 more`},
		{aSentence, `open; client unknown`, `open; client unknown`},
		{aSentence, `Ask root on one of server, host and 1 more (open 0x1F) to close the file`, `Ask user-1 on one of host-1, host-2 and 1 more (open 0x1F) to close the file`},
		{aSentence, `Ask support on call on host (open 0x1F) to close the file`, `Ask user-1 on host-1 (open 0x1F) to close the file`},
		{aSentence, `Ask no user (disconnected) (open 0x1F) to close the file`, `Ask no user (disconnected) (open 0x1F) to close the file`},
		{aSentence, `the id means another open by now: data of -`, `the id means another open by now: path-1 of -`},
		{aSentence, `it is stale no more: open 0x1F: support on call on server sent a request 2 s ago`, `it is stale no more: open 0x1F: user-1 on host-1 sent a request 2 s ago`},
		{aSentence, `session server,root: the server took the call, and lists it still after 5s; session 10.0.0.1,will: no`, `session host-1,user-1: the server took the call, and lists it still after 5s; session host-2,user-2: no`},
		{aSentence, `previous-session 0x1F: an open of data is still refused: it is not a session of this user's; previous-session 0x2F: an open of read is still refused: it is not`,
			`previous-session 0x1F: an open of path-1 is still refused: it is not a session of this user's; previous-session 0x2F: an open of path-2 is still refused: it is not`},
		{aStep, `connect the observer to //server:445/data/read`, `connect the observer to //host-1:445/share-1/path-1`},
		{aStep, `connect to server:445`, `connect to host-1:445`},
		{aStep, `open read`, `open path-1`},
		{aStep, `end the path open`, `end the path path-1`},
		{aStep, `end the sessions of server,root`, `end the sessions of host-1,user-1`},
		{aStep, `read the server's tables`, `read the server's tables`},
		{anError, `open read: the user has no right to do this: STATUS_ACCESS_DENIED`, `open path-1: the user has no right to do this: STATUS_ACCESS_DENIED`},
		{anError, `end 1 of 1: session server,root: no`, `end 1 of 1: session host-1,user-1: no`},
		{aWholePath, `read`, `path-1`},
	} {
		r := NewRedactor()
		if got := r.formed(test.give, test.form); got != test.want {
			t.Errorf("%s\nbecame %s\nwant   %s", test.give, got, test.want)
		}
		if again := func() string { r := NewRedactor(); r.keeps = true; return r.formed(test.want, test.form) }(); again != test.want {
			t.Errorf("redacted again %s\nbecame %s", test.want, again)
		}
	}
}
