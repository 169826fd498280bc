package lab

import (
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		// [MS-FSA] 2.1.4.4, part 1.
		{"*", "a", true}, {"*.*", "footxt", true}, {"*.*", "foo.txt", true}, {"*", "", false}, {"a", "", false}, {"", "a", true},
		{"*foo", "nofoo", true}, {"*foo", "NoFOO", true}, {"*foo", "foot", false},
		// Part 2, the wildcards of every shell.
		{"log.txt", "LOG.TXT", true}, {"log.txt", "log.txt.bak", false}, {"foo*", "FooBar", true}, {"foo*", "barfoo", false},
		{"*foo*", "BARFOOBAR", true}, {"pre*fix", "prefix", true}, {"pre*fix", "prefi", false}, {"file*txt", "txt", false},
		{"?", "a", true}, {"?", "ab", false}, {"??", "a", false}, {"?.?", "a.b", true}, {"?.?", "a", false}, {"a?", "a", false}, {"*.", "a", false}, {"*.", "a.", true},
		{"*.b*", "a.b.c", true}, {"**", "a", true}, {"*a*a*", "aba", true}, {"*a*a*", "ab", false},
		// Those of DOS, with the answers that Microsoft's own matcher gives.
		{`<"*`, "footxt", true}, {`<"*`, "foo.txt", true}, {`<"*`, ".foo", true}, {`<"*`, "foo.", true},
		{`>">`, "a.b", true}, {`>">`, "a.", true}, {`>">`, "a", true}, {`>">`, "ab", false}, {`>">`, "a.bc", false}, {`>">`, "ab.c", false},
		{`>>">>`, "a.b", true}, {`>>"">>`, "a.b", false}, {`>>">>`, "ab.ba", true}, {`>>">>`, "ab.", true}, {`>>""">>`, "ab.", true},
		{`>>b">>`, "ab.ba", false}, {`a>>">>`, "ab.ba", true}, {`>>">>a`, "ab.ba", false}, {`>>"b>>`, "ab.ba", true}, {`>>"b>>`, "ab.b", true},
		{">>b.>>", "ab.ba", false}, {"a>>.>>", "ab.ba", true}, {">>.>>a", "ab.ba", false}, {">>.b>>", "ab.b", true},
		{`>>">>">>`, "ab.ba", true}, {`>>">>">>`, "abba", false}, {`>>"ab"ba`, "ab.ba", false}, {`ab"ba">>`, "ab.ba", true}, {`ab">>"ba`, "ab.ba", false},
		{`>>">>">>>`, "ab.ba.cab", true}, {`a>>"b>>"c>>>`, "ab.ba.cab", true},
		{"<", "a", true}, {"<", "a.", true}, {"<", "a. ", false}, {"<", "a.b", false}, {"foo<", "foo.", true}, {"foo<", "foo. ", false},
		{"<<", "a.b", true}, {"<<", "a.b.c", true}, {`<"`, "a.b.c", false}, {"<.", "a", false}, {"<.", "a.", true}, {"<.", "a.b", false},
		{"<.txt", "a.b.txt", true}, {"<.b", "a.b.c", false}, {"<b.c", "a.b.c", true},
		// ? is one UTF-16 unit, of which 𝄞 has two.
		{"?", "ж", true}, {"?", "𝄞", false}, {"??", "𝄞", true}, {"𝄞*", "𝄞.x", true}, {"<", "𝄞", true}, {"Ж>", "ж", true},
	} {
		p := compilePattern(tt.pattern)
		for range 2 { // a pattern is used again
			if got := p.match(fold(tt.name)); got != tt.want {
				t.Errorf("%s matches %q: %t", tt.pattern, tt.name, got)
			}
		}
	}
}

// TestPatternIsQuick has patterns for which a matcher that tries one way after
// the other would need longer than the test may take.
func TestPatternIsQuick(t *testing.T) {
	name := fold(strings.Repeat("a", 255))
	for _, star := range []string{"*a", "<a", "*?", "*>", `*"*`, "**a"} {
		if p := compilePattern(strings.Repeat(star, 127) + "b"); p.match(name) {
			t.Errorf("%s… matches", star)
		}
	}
	if p := compilePattern(strings.Repeat("<.", 127)); !p.match(fold(strings.Repeat("a.", 127))) {
		t.Error("<.<.… does not match")
	}
}

func TestValidPattern(t *testing.T) {
	for pattern, want := range map[string]bool{
		"": true, "*": true, ".": true, "..": true, `<>"?*.`: true, "a": true, strings.Repeat("*", 255): true,
		`a\*`: false, "a/b": false, "a:b": false, "a|b": false, "a\x00": false, strings.Repeat("*", 256): false,
	} {
		if got := validPattern(pattern); got != want {
			t.Errorf("%q: %t", pattern, got)
		}
	}
}
