package diag

import (
	"fmt"
	"strings"
)

// head writes what ran, against which server.
func (p *reportPage) head(r *Report) {
	title := joinNonEmpty(" ", "err32", visibleText(r.Command))
	if r.Target != nil && r.Target.Lab {
		title += ", on the built-in lab server, which was made for this run"
	}
	if r.Comparison != nil {
		title += ": two runs compared"
	}
	if r.Incomplete {
		title += ": incomplete"
	}
	p.title(title)
	if t := r.Target; t != nil {
		p.field("Target", targetText(t))
		p.field("User", visibleName(t.User))
	}
	if s := r.Server; s != nil {
		p.field("Server", serverText(s))
		p.field("Protection", protectionText(s))
		if o := s.ClockOffsetMS; o != nil {
			p.field("Its clock", clockText(*o))
		}
	}
	if !r.Started.IsZero() {
		run := r.Started.UTC().Format("2006-01-02 15:04:05.000") + " UTC"
		if took := r.Finished.Sub(r.Started.Time); !r.Finished.IsZero() && took >= 0 {
			run += ", took " + durationText(Milliseconds(took))
		}
		p.field("Started", run)
	}
	if t := r.Tool; t.Version != "" {
		p.field("Tool", joinNonEmpty(" ", "err32", visibleText(t.Version),
			visibleText(joinNonEmpty("/", t.OS, t.Arch))))
	}
	if r.Redacted {
		p.field("Names", "redacted: pseudonyms stand for users, hosts, shares and files")
	} else {
		p.field("Names", "not redacted: users, hosts, shares and files are named; --redact replaces them")
	}
}

func targetText(t *TargetInfo) string {
	s := `\\` + visibleName(t.Server)
	if t.Share != "" {
		s += `\` + visibleName(t.Share)
	}
	if t.Path != "" {
		s += `\` + visibleName(strings.TrimPrefix(t.Path, `\`))
	}
	if t.Port != 0 && t.Port != 445 {
		s += fmt.Sprintf(", port %d", t.Port)
	}
	return s
}

func serverText(s *ServerInfo) string {
	version, dialect := visibleText(s.Version), visibleText(s.Dialect)
	if version != "" {
		version = "version " + version
	}
	if dialect != "" {
		dialect = "SMB " + dialect
	}
	return joinNonEmpty(", ", visibleName(s.Name), visibleText(s.Comment), version, dialect)
}

func protectionText(s *ServerInfo) string {
	signing, encryption := "not signed", "not encrypted"
	if s.Encryption != "" {
		return "encrypted with " + visibleText(s.Encryption) // which takes the place of signing
	}
	if s.Signing != "" {
		signing = "signed with " + visibleText(s.Signing)
	}
	return signing + ", " + encryption
}

func clockText(offset Millisecond) string {
	switch {
	case offset > 0:
		return durationText(offset) + " ahead of ours"
	case offset < 0:
		return durationText(-offset) + " behind ours"
	}
	return "as ours"
}

// failure writes why the run could not be done, and that it was interrupted.
func (p *reportPage) failure(r *Report) {
	switch e := r.Error; {
	case e == nil:
	case e.Undecided:
		p.heading("Not decided (exit code 1)")
		p.paragraph(RenderError(e))
	default:
		p.heading("Error")
		p.paragraph(RenderError(e))
		if len(r.Events) > 0 {
			p.paragraph("What follows had been seen until then.")
		}
	}
	if r.Interrupted {
		p.heading("Interrupted")
		p.paragraph("The run was ended by a signal. What follows had been seen until then.")
	}
}

// verdict writes the answer and the numbers of the events that prove it.
func (p *reportPage) verdict(r *Report) {
	v := r.Verdict
	if v == nil {
		return
	}
	heading := "Verdict: " + visibleText(v.Name)
	if r.Comparison != nil { // which finds no fault with anything
		heading = "Comparison"
	}
	p.heading(fmt.Sprintf("%s (exit code %d)", heading, v.Code))
	s := visibleText(v.Summary)
	if len(v.Because) > 0 && r.Who == nil { // which shows the evidence in place of the events
		s = joinNonEmpty(" ", s, "["+numbersText(v.Because)+"]")
	}
	p.paragraph(s)
}

// numbersText joins numbers, three and more in a row as "4–9".
func numbersText(n []int) string {
	var b strings.Builder
	for i := 0; i < len(n); {
		j := i
		for j+1 < len(n) && n[j+1] == n[j]+1 {
			j++
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d", n[i])
		if j > i+1 {
			fmt.Fprintf(&b, "–%d", n[j])
		} else {
			j = i
		}
		i = j + 1
	}
	return b.String()
}

// counted is a number and the word for so many.
func counted(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n) + " " + several
}

// durationText writes a duration as a person says it: "412.3 ms", "6.012 s",
// "2 h 5 min".
func durationText(ms Millisecond) string {
	const most = 1e15 // s; more than that fits no int64, as a damaged file may have it
	switch {
	case ms < 999.95: // which would be rounded to 1000.0
		return fmt.Sprintf("%.1f ms", float64(ms))
	case ms < 120e3:
		return fmt.Sprintf("%.3f s", float64(ms)/1e3)
	}
	return secondsText(int64(min(ms/1e3, most)))
}

// secondsText writes whole seconds in the two largest units that fit.
func secondsText(s int64) string {
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 60*60:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	case s < 24*60*60:
		return fmt.Sprintf("%d h %d min", s/3600, s/60%60)
	}
	return fmt.Sprintf("%d d %d h", s/86400, s/3600%24)
}

// answerText writes a server's status as its name and number and the Win32
// error that an application sees; "ok" for success, empty for none.
func answerText(name, status string, win32 *uint32) string {
	const success = "STATUS_SUCCESS"
	if name == success {
		return "ok"
	}
	s := visibleText(name)
	if name != status {
		s = joinNonEmpty(" ", s, visibleText(status))
	}
	if win32 != nil && *win32 != 0 {
		s = joinNonEmpty(", ", s, win32Text(*win32))
	}
	return s
}

// sharesText says what a share access lets others do.
func sharesText(share []string) string {
	if len(share) == 0 {
		return "shares nothing"
	}
	return "shares " + visibleList(share)
}

// accessText names access classes, or what having none of them means.
func accessText(access []string) string {
	if len(access) == 0 {
		return "attributes only"
	}
	return visibleList(access)
}

// disconnectText says what the client does when it goes.
func disconnectText(kind string) string {
	means := map[string]string{
		"close":  "closes the file, logs off, ends the connection (the control)",
		"logoff": "logs off without closing the file",
		"fin":    "ends the TCP connection (FIN), nothing else",
		"rst":    "resets the TCP connection (RST), nothing else",
		"vanish": "not a packet any more, not even an ACK: the pulled cable",
		"freeze": "reads and writes no more, its kernel still ACKs: the hung client",
		"leak":   "lives on and never closes the file",
	}[kind]
	return joinNonEmpty(": ", visibleText(kind), means)
}
