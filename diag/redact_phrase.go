package diag

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"err32/smb"
)

// textForm is what a text of a report may be, as far as that tells where a name
// stands in it.
type textForm int

const (
	aSentence  textForm = iota
	aStep               // RunError.Op: what failed
	anError             // a RunError in one line
	aWholePath          // nothing but a path
)

// formedText is a text of a report.
type formedText struct {
	text *string
	form textForm
}

// form is what the event's detail is.
func (e *Event) form() textForm {
	succeeded := e.Status == smb.StatusSuccess.Hex()
	switch {
	case e.What == whatPrepare, e.What == whatStat,
		e.What == whatOpen && e.Status != "" && !succeeded,
		e.What == whatTry && e.Actor == ActorTool,
		e.What == whatRemove && succeeded:
		return aWholePath
	}
	return aSentence
}

// Event returns the event with the names in it replaced.
func (r *Redactor) Event(e Event) Event {
	if r == nil {
		return e
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Detail = r.formed(e.Detail, e.form())
	return e
}

// namePhrase is a sentence of err32's that has names in it, or the part of one by
// which they are found. A name may be any words, also those of a sentence: so
// what stands around it must be what err32 itself writes there.
type namePhrase struct {
	form  textForm
	has   string // in every such text, without regard to the regular expression
	text  *regexp.Regexp
	slots []nameSlot // for each group of text
}

// nameSlot is a place in a phrase where names stand.
type nameSlot struct {
	pattern string
	replace func(r *Redactor, s string) string // what is no name stays as it is
}

var nameSlots = map[string]nameSlot{
	"user":   {`([^;]+?)`, (*Redactor).userIfAny},
	"log-on": {`([^,]+)`, (*Redactor).userIfAny},
	"users":  {`(.+?)`, func(r *Redactor, s string) string { return r.each(s, r.user, r.knowsUser) }},
	"host":   {`([^\s,;]+?)`, (*Redactor).host},
	"client": {`(.+?)`, func(r *Redactor, s string) string { return r.clients(s) }},
	"who": {`([^\s,;]+?(?:,\S.*?)?)`, func(r *Redactor, s string) string { // CLIENT[,USER], or the id of a session
		if isID.MatchString(s) {
			return s
		}
		return r.flagValue(flagClientUser, s)
	}},
	"share":  {`(.+?)`, (*Redactor).share},
	"path":   {`(.+?)`, (*Redactor).path},
	"paths":  {`(.+?)`, func(r *Redactor, s string) string { return r.each(s, r.path, r.knowsPath) }},
	"target": {`(//.+?)`, (*Redactor).target},
	"object": {`(.+?)`, (*Redactor).object},

	// In Go's quotes.
	"quoted user": {quotedText, func(r *Redactor, s string) string { return requoted(s, r.user) }},
	"quoted host": {quotedText, func(r *Redactor, s string) string { return requoted(s, r.host) }},
	"quoted path": {quotedText, func(r *Redactor, s string) string { return requoted(s, r.path) }},

	// What looks like a name and is none.
	"kept": {`(.+?)`, func(_ *Redactor, s string) string { return s }},

	// What the server says of itself.
	"server":  {`(.*?)`, (*Redactor).serverSaid},
	"comment": {`(.*)`, (*Redactor).comment},
}

const quotedText = `("(?:[^"\\]|\\.)*")`

var isID = regexp.MustCompile(`^0x[0-9A-Fa-f]+$`)

// namePhrases are all that there are. {…} is a slot. Of two that take the same
// place the first one counts.
var namePhrases = []namePhrase{
	// Events.
	sentence(`\srvsvc, `, `^\\srvsvc, {server}(?:, {comment})?$`),
	sentence("SMB ", `^SMB [0-9.]+(?:, (?:AES|HMAC)-[A-Z0-9-]+)*, {log-on}$`),
	sentence(": a new log-on of ", `: a new log-on of {user} named it$`),
	sentence("sessions of ", `^sessions of {who}: `),

	// Why they failed.
	sentence("could not be resolved", `the name {quoted host} could not be resolved`),
	sentence("a file called ", `a file called {quoted path}, which is no name`),
	sentence(" is not one of files", `the share {share} is not one of files`),
	sentence(": STATUS_", `(?:^|[( ])(?:create|close|read|write|flush|lock|ioctl|query info|set info|list|find|tree connect|tree disconnect|validate negotiate) {object}: STATUS_[A-Z0-9_]+ \(0x`),
	sentence("which is not below ", `it is {path}, which is not below {target}; nothing was ended$`),
	sentence("session ", `(?:^|; )session {who}: `),

	// Log-on.
	sentence("no password for user ", `no password for user {quoted user} \(from `),
	sentence(" of the authentication file differ", `the user {quoted user} from {kept} and the user {quoted user} of the authentication file differ`),
	sentence("the password from ", `the password from {kept}(?: is not (?:used|valid UTF-8)| holds a NUL|: )`),
	sentence("the user name from ", `the user name from {kept} (?:is not valid UTF-8|holds a control)`),
	sentence(" names no user; write ", `^{kept} names no user; write {kept}$`),
	sentence("", `^(?:(?:ERR32_)?PASSWD_FILE|authentication file): open {path}: `),
	sentence("authentication file ", `^authentication file {path}: `),
	sentence(" is empty; --no-pass", `the first line of {path} is empty; --no-pass`),
	sentence("", `^(?:(?:ERR32_)?PASSWD_FILE: |authentication file: )?{path} (?:is longer than [0-9]+ bytes|is UTF-16 text|is not valid UTF-8|holds a NUL)`),
	sentence(" can be read by others", `^{path} can be read by others \(mode [0-7]+\); chmod 600 {path}$`),

	// Whose an open is, and whether they are there.
	sentence("open ", `open 0x[0-9A-F]+ of {user} cannot be joined to one client`),
	sentence("open ", `open 0x[0-9A-F]+ is {user}'s on {host}, of which no session is listed`),
	sentence("; that ", `; that {user} on {host} has [0-9]+ sessions may mean`),
	sentence("open ", `open 0x[0-9A-F]+: the session of {user} on {host} that has opens has been silent for`),
	sentence("open ", `open 0x[0-9A-F]+: {user} on {host} (?:sent a request [0-9]|has sent nothing for [0-9]|has [0-9]+ sessions, silent)`),
	sentence(" byte-range lock", `open 0x[0-9A-F]+ of {user} has [0-9]+ byte-range lock`),
	sentence("open ", `open 0x[0-9A-F]+ of {user} on {host}: `),
	sentence("Ask ", `^Ask {user}(?: on {client})? \(open 0x[0-9A-F]+\) to `),

	// What would be let in.
	sentence(" is refused now.", `, share [a-z+]+, of {paths} is refused now\.$`),
	sentence("A part of ", `^A part of {paths} is locked: `),
	sentence("it lists no open of ", `: it lists no open of {paths}\.$`),
	sentence("err32 table ", "^`err32 table {target} --path '{path}'` lists who has it open"),

	// What is left.
	sentence(" could not be removed: ", `^[0-9]+ files? from {path} on could not be removed: `),
	sentence(" could not be removed: ", `^{target} could not be removed: `),
	sentence("The record of session ", `^The record of session 0x[0-9A-Fa-f]+ could not be removed: remove {path}: `),
	sentence("The record of session ", `^The record of session 0x[0-9A-Fa-f]+ could not be removed: `),
	sentence(" could not be removed: ", `^{path} could not be removed: `),
	sentence(" was not removed: ", `^{path} was not removed: the server did not say`),
	sentence("No record of the session ", `^No record of the session could be written \((?:open|mkdir|write|lock|flock) {path}: `),

	// Sessions, and what of theirs is ended.
	sentence("young ones of ", `one of several young ones of {user} from {host}; it could not be told`),
	sentence("pipes to srvsvc of ", `pipes to srvsvc of {user} are the tool's own`),
	sentence(", live or not", `[0-9]+ sessions? of {users}, live or not, with `),
	sentence(" port ", `session 0x[0-9A-Fa-f]+ of {user} on {host} port [0-9]+`),
	sentence(" and had ", ` and had {paths} of share {share}(?:; its record is kept)?$`),
	sentence("another open by now: ", `the id means another open by now: {path} of {user}(?:$|; )`),
	sentence(" before, and lists none now", `the server listed no open of {path} before, and lists none now`),
	sentence(" as before: ", `the server lists (?:no open|1 open|[0-9]+ opens) of {path} as before: it is not`),
	sentence("nobody was let in to ", `nobody was let in to {path} before, and an open of it is now`),
	sentence("nobody held ", `nobody held {path} before, and nobody does now`),
	sentence("an open of ", `an open of {path} (?:is still refused: it is not|meets STATUS_)`),

	// Comparisons.
	sentence("; client ", `^(?:[0-9]+ opens: )?[a-z0-9, ]+; client {client}$`),

	// Steps that failed. What follows "open" may be anything, so these come last.
	failedStep("//", `^[a-z ]+ {target}$`),
	failedStep("connect to ", `^connect to {host}$`),
	failedStep(" as the ", `^(?:open|use) {path} as the (?:holder|contender)$`),
	failedStep("open ", `^open {path}$`),
	failedStep("look at ", `^look at {path}$`),
	failedStep("probe ", `^probe {path}$`),
	failedStep("tell whether ", `^tell whether an open with .*?, share [a-z+]+, of {paths} would be let in$`),
	sentence(" the path ", `^(?:find|end) the path {path}$`),
	sentence(" the sessions of ", `^(?:find|end) the sessions of {who}$`),
	sentence("read the records ", `^read the records of killed runs in {path}$`),
}

var slotText = regexp.MustCompile(`\{([a-z -]+)\}`)

func sentence(has, text string) namePhrase   { return newPhrase(aSentence, has, text) }
func failedStep(has, text string) namePhrase { return newPhrase(aStep, has, text) }

func newPhrase(form textForm, has, text string) namePhrase {
	p := namePhrase{form: form, has: has}
	for _, m := range slotText.FindAllStringSubmatch(text, -1) {
		p.slots = append(p.slots, nameSlots[m[1]])
	}
	p.text = regexp.MustCompile(`(?s)` + slotText.ReplaceAllStringFunc(text, func(slot string) string {
		return nameSlots[strings.Trim(slot, "{}")].pattern
	}))
	return p
}

// namedPart is a part of a text that is known to be a name, and what stands for
// it.
type namedPart struct {
	begin, end int
	out        string
}

// namedParts are those that a text of err32's has, in their order. It makes
// their names known.
func (r *Redactor) namedParts(s string, form textForm) []namedPart {
	if form == anError {
		what, why, ok := strings.Cut(s, ": ")
		parts := r.namedParts(what, aStep)
		if !ok {
			return parts
		}
		for _, p := range r.namedParts(why, aSentence) {
			behind := len(what) + len(": ")
			parts = append(parts, namedPart{p.begin + behind, p.end + behind, p.out})
		}
		return parts
	}
	var parts []namedPart
	var taken [][2]int
	for i := range namePhrases {
		p := &namePhrases[i]
		if p.form == aStep && form != aStep || !strings.Contains(s, p.has) {
			continue
		}
		for _, m := range p.text.FindAllStringSubmatchIndex(s, -1) {
			if slices.ContainsFunc(taken, func(t [2]int) bool { return m[0] < t[1] && t[0] < m[1] }) {
				continue
			}
			taken = append(taken, [2]int{m[0], m[1]})
			for j, slot := range p.slots {
				if begin, end := m[2*j+2], m[2*j+3]; begin < end {
					parts = append(parts, namedPart{begin, end, slot.replace(r, s[begin:end])})
				}
			}
		}
	}
	slices.SortFunc(parts, func(a, b namedPart) int { return a.begin - b.begin })
	return parts
}

// learnFormed makes the names known that a text of err32's has.
func (r *Redactor) learnFormed(s string, form textForm) {
	if form == aWholePath {
		r.path(s)
		return
	}
	r.namedParts(s, form)
}

// formed returns what stands for a text of err32's.
func (r *Redactor) formed(s string, form textForm) string {
	if form == aWholePath {
		return r.path(s)
	}
	return r.replaced(s, r.namedParts(s, form))
}

// each replaces the names of a list, which may end with how many more there are.
// A name may have a comma itself, if it is known.
func (r *Redactor) each(s string, replace func(string) string, known func(string) bool) string {
	more := moreText.FindString(s)
	names := strings.Split(strings.TrimSuffix(s, more), ", ")
	const most = 8 // commas of one name
	var out []string
	for i := 0; i < len(names); {
		n := min(len(names)-i, most)
		for n > 1 && !known(strings.Join(names[i:i+n], ", ")) {
			n--
		}
		out = append(out, replace(strings.Join(names[i:i+n], ", ")))
		i += n
	}
	return strings.Join(out, ", ") + more
}

var moreText = regexp.MustCompile(` and [0-9]+ more$`)

func (r *Redactor) knowsUser(name string) bool {
	_, user := splitDomain(name)
	return r.pseudonyms[kindUser][folded(user)] != ""
}

func (r *Redactor) knowsPath(path string) bool {
	for name := range strings.SplitSeq(path, `\`) {
		if r.pseudonyms[kindPath][folded(name)] == "" {
			return false
		}
	}
	return true
}

// userIfAny is what stands for a user, who may be nobody.
func (r *Redactor) userIfAny(s string) string {
	if s == "-" || s == noUser || s == "anonymous" {
		return s
	}
	return r.user(s)
}

// requoted replaces what stands in Go's quotes.
func requoted(s string, replace func(string) string) string {
	name, err := strconv.Unquote(s)
	if err != nil {
		return s
	}
	return strconv.Quote(replace(name))
}

// serverSaid is what stands for a server's name; where it has told none, its
// comment is in that place.
func (r *Redactor) serverSaid(s string) string {
	switch plain := plainComment(s); {
	case plain == s:
		return s
	case plain != "" || strings.Contains(s, " "):
		return r.comment(s)
	}
	return r.host(s)
}

// comment is what stands for a server's comment.
func (r *Redactor) comment(s string) string {
	r.replace(s, commentText(s))
	return commentText(s)
}

// commentSamba is what Samba says of itself in a server's comment.
var commentSamba = regexp.MustCompile(`(?i)\bsamba\b(?: [0-9]+(?:\.[0-9]+)*(?:-(?:Debian|Ubuntu)\b)?)?`)

// plainComment is what of a server's comment tells nothing of the site.
func plainComment(comment string) string { return commentSamba.FindString(comment) }

// commentText is what stands for a server's comment in a text.
func commentText(comment string) string {
	if plain := plainComment(comment); plain != "" || comment == "" {
		return plain
	}
	return "(its comment)"
}
