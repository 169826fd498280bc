package diag

import (
	"regexp"
	"strings"
)

// namePhrases are the sentences of err32 that have names which stand nowhere
// else in a report, or are told of before the rest of it.
var namePhrases = []struct {
	has   string // in the text
	text  *regexp.Regexp
	names func(r *Redactor, match []string)
}{
	// The observer has connected: the server's name and comment.
	{`\srvsvc, `, regexp.MustCompile(`^\\srvsvc, (.*?)(?:, (.*))?$`), func(r *Redactor, m []string) {
		if plainComment(m[1]) != m[1] && m[2] == "" && strings.ContainsAny(m[1], " ") {
			r.replace(m[1], commentText(m[1]))
			return
		}
		if m[2] != "" || plainComment(m[1]) != m[1] {
			r.host(m[1])
		}
		r.replace(m[2], commentText(m[2]))
	}},
	{"SMB ", regexp.MustCompile(`^SMB [0-9.]+(?:, (?:AES|HMAC)-[A-Z0-9-]+)*, ([^,]+)$`), func(r *Redactor, m []string) { r.logOnName(m[1]) }},
	{" named it", regexp.MustCompile(`a new log-on of (.+) named it$`), func(r *Redactor, m []string) { r.logOnName(m[1]) }},
	// A record of a killed run.
	{" port ", regexp.MustCompile(`session (?:0x[0-9A-Fa-f]+ )?of (.+) on (\S+) port [0-9]+`), func(r *Redactor, m []string) {
		r.user(m[1])
		r.host(m[2])
	}},
	{" and had ", regexp.MustCompile(` and had (.*) of share (.+?)(?:; its record is kept)?$`), func(r *Redactor, m []string) {
		for path := range strings.SplitSeq(m[1], ", ") {
			r.path(path)
		}
		r.share(m[2])
	}},
	{"another open by now: ", regexp.MustCompile(`another open by now: (.+) of (.+?)(?:$|; )`), func(r *Redactor, m []string) {
		r.path(m[1])
		if !strings.HasPrefix(m[2], "no user") {
			r.user(m[2])
		}
	}},
	{", live or not", regexp.MustCompile(`sessions? of (.+), live or not`), func(r *Redactor, m []string) {
		for user := range strings.SplitSeq(m[1], ", ") {
			r.user(user)
		}
	}},
	{"young ones of ", regexp.MustCompile(`young ones of (.+) from (\S+);`), func(r *Redactor, m []string) {
		r.user(m[1])
		r.host(m[2])
	}},
	{"could not be resolved", regexp.MustCompile(`the name "([^"]+)" could not be resolved`), func(r *Redactor, m []string) { r.host(m[1]) }},
	{" on could not be removed", regexp.MustCompile(`files? from (.+) on could not be removed`), func(r *Redactor, m []string) { r.path(m[1]) }},
	{" the path ", regexp.MustCompile(`^(?:find|end) the path (.+)$`), func(r *Redactor, m []string) { r.path(m[1]) }},
	{" the sessions of ", regexp.MustCompile(`^(?:find|end) the sessions of (.+)$`), func(r *Redactor, m []string) { r.flagValue(flagClientUser, m[1]) }},
}

// logOnName makes a user known, as Credentials writes one.
func (r *Redactor) logOnName(name string) {
	if name != "anonymous" {
		r.user(name)
	}
}

// learnPhrases makes the names known that a sentence of err32's has.
func (r *Redactor) learnPhrases(s string) {
	for i := range namePhrases {
		p := &namePhrases[i]
		if !strings.Contains(s, p.has) {
			continue
		}
		if m := p.text.FindStringSubmatch(s); m != nil {
			p.names(r, m)
		}
	}
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
