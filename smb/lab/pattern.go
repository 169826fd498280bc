package lab

import (
	"strings"
	"unicode/utf16"
)

// The wildcards of [MS-FSA] 2.1.4.4. The last three stand for * ? and . as DOS
// had them; clients put them in place of those.
const (
	wildStar    = '*'
	wildMark    = '?'
	wildDOSStar = '<' // DOS_STAR
	wildDOSMark = '>' // DOS_QM
	wildDOSDot  = '"' // DOS_DOT
	wildcards   = `*?<>"`
)

// pattern is an expression that names are matched with.
type pattern struct {
	expr []uint16 // upcased, in UTF-16 units: ? stands for one of these
	wild bool     // has wildcards
	all  bool     // matches every name

	now, next []bool // scratch of match
}

// validPattern reports whether a QUERY_DIRECTORY may ask for s: a file name that
// may have wildcards, "." or ".."; or nothing, for "*", [MS-FSA] 2.1.5.6.3.
// Others are STATUS_OBJECT_NAME_INVALID.
func validPattern(s string) bool { return s == "" || validComponent(s, `/:\|`) }

// compilePattern makes a pattern of s. The empty one is "*".
func compilePattern(s string) *pattern {
	if s == "" {
		s = "*"
	}
	p := &pattern{
		expr: utf16.Encode([]rune(fold(s))),
		wild: strings.ContainsAny(s, wildcards),
		all:  s == "*" || s == "*.*",
	}
	p.now = make([]bool, len(p.expr)+1)
	p.next = make([]bool, len(p.expr)+1)
	return p
}

// match reports whether the expression matches a name, which is upcased,
// [MS-FSA] 2.1.4.4. It steps through the name with the set of all places in the
// expression that can be reached, so that it takes at most the product of
// their lengths, whatever the expression.
func (p *pattern) match(key string) bool {
	if key == "" {
		return false
	}
	if p.all {
		return true
	}
	clear(p.now)
	p.now[0] = true
	lastDot := strings.LastIndexByte(key, '.')
	for i, r := range key {
		if r < 0x10000 {
			p.step(uint16(r), i == lastDot)
			continue
		}
		hi, lo := utf16.EncodeRune(r)
		p.step(uint16(hi), false)
		p.step(uint16(lo), false)
	}
	for i, e := range p.expr { // what can match the end of the name
		if p.now[i] && (e == wildStar || e == wildDOSStar || e == wildDOSMark || e == wildDOSDot) {
			p.now[i+1] = true
		}
	}
	return p.now[len(p.expr)]
}

// step moves on over one unit of the name. Places reached without consuming it
// lie further on in the expression, so that one pass finds them all.
func (p *pattern) step(c uint16, lastDot bool) {
	clear(p.next)
	for i, e := range p.expr {
		if !p.now[i] {
			continue
		}
		switch e {
		case wildStar:
			p.next[i] = true
			p.now[i+1] = true
		case wildDOSStar: // up to the last dot, with it or without
			if lastDot {
				p.next[i+1] = true
			} else {
				p.next[i] = true
			}
			p.now[i+1] = true
		case wildDOSMark: // a dot ends a run of them
			if c == '.' {
				p.now[i+1] = true
			} else {
				p.next[i+1] = true
			}
		case wildDOSDot:
			if c == '.' {
				p.next[i+1] = true
			}
		case wildMark:
			p.next[i+1] = true
		default:
			if e == c {
				p.next[i+1] = true
			}
		}
	}
	p.now, p.next = p.next, p.now
}
