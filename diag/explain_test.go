package diag

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"err32/smb"
)

func mustExplain(t *testing.T, words ...string) *Explanation {
	t.Helper()
	e, err := Explain(words)
	if err != nil {
		t.Fatalf("Explain(%q): %v", words, err)
	}
	return e
}

// readings writes the readings as "kind value name", to compare them.
func readings(e *Explanation) []string {
	var all []string
	for _, r := range e.Readings {
		all = append(all, strings.TrimSpace(r.Kind+" "+r.Value+" "+r.Name))
	}
	return all
}

func TestExplainReadings(t *testing.T) {
	const (
		sharing = "ntstatus 0xC0000043 STATUS_SHARING_VIOLATION"
		error32 = "win32 32 ERROR_SHARING_VIOLATION"
		fileID  = "win32 2314 NERR_FileIdNotFound"
	)
	for _, test := range []struct {
		query string
		want  []string
	}{
		{"32", []string{error32}},
		{"+32", []string{error32}},
		{"33", []string{"win32 33 ERROR_LOCK_VIOLATION"}},
		{"5", []string{"win32 5 ERROR_ACCESS_DENIED"}},
		{"0xC0000043", []string{sharing}},
		{"0Xc0000043", []string{sharing}},
		{"c0000043", []string{sharing}},
		{"C0000043", []string{sharing}},
		{"-1073741757", []string{sharing}},
		{"3221225539", []string{sharing}},
		{"STATUS_SHARING_VIOLATION", []string{sharing}},
		{"NT_STATUS_SHARING_VIOLATION", []string{sharing}},
		{"nt_status_sharing_violation", []string{sharing}},
		{"sharing_violation", []string{sharing}},
		{"Sharing Violation", []string{sharing}},
		{"sharing-violation", []string{sharing}},
		{"ERROR_SHARING_VIOLATION", []string{error32}},
		{"error_sharing_violation", []string{error32}},
		{"WERR_SHARING_VIOLATION", []string{error32}},
		{"access_denied", []string{"ntstatus 0xC0000022 STATUS_ACCESS_DENIED", "win32 5 ERROR_ACCESS_DENIED"}},
		{"access denied", []string{"ntstatus 0xC0000022 STATUS_ACCESS_DENIED", "win32 5 ERROR_ACCESS_DENIED"}},
		{"NERR_FileIdNotFound", []string{fileID}},
		{"fileidnotfound", []string{fileID}},
		{"WERR_NERR_FILEIDNOTFOUND", []string{fileID}},
		{"2314", []string{fileID}},
		{"ERROR_INTERNAL_ERROR", []string{"win32 1359 ERROR_INTERNAL_ERROR"}},
		{"NERR_InternalError", []string{"win32 2140 NERR_InternalError"}},
		{"internal_error", []string{"ntstatus 0xC00000E5 STATUS_INTERNAL_ERROR", "win32 2140 NERR_InternalError"}},
		{"0x90A", []string{fileID}},
		{"NT_STATUS_OK", []string{"ntstatus 0x00000000 STATUS_SUCCESS"}},
		{"0x80070020", []string{"hresult 0x80070020 HRESULT_FROM_WIN32(32)"}},
		{"-2147024864", []string{"hresult 0x80070020 HRESULT_FROM_WIN32(32)"}},
		{"80070020", []string{"hresult 0x80070020 HRESULT_FROM_WIN32(32)"}},
		{"80000005", []string{"ntstatus 0x80000005 STATUS_BUFFER_OVERFLOW"}},
		{"0x103", []string{"ntstatus 0x00000103 STATUS_PENDING", "win32 259 ERROR_NO_MORE_ITEMS"}},
		{"0x20", []string{error32}},
		{"0xC0DE1234", []string{"ntstatus 0xC0DE1234"}},
		{"4711", []string{"win32 4711"}},
		{"0x4242", []string{"ntstatus 0x00004242", "win32 16962"}},
		{"0x12019f", []string{"access 0x0012019F"}},
		{"0x80000000", []string{"access 0x80000000"}},
		{"access:0x12019f", []string{"access 0x0012019F"}},
		{"access 0x12019f", []string{"access 0x0012019F"}},
		{"ACCESS:0x12019F", []string{"access 0x0012019F"}},
		{"access 1180063", []string{"access 0x0012019F"}},
		{"access rwd", []string{"access 0x00110083"}},
		{"share 0x3", []string{"share 0x00000003"}},
		{"share:rw", []string{"share 0x00000003"}},
		{"share none", []string{"share 0x00000000"}},
		{"permissions:0x23", []string{"permissions 0x00000023"}},
		{"permissions 35", []string{"permissions 0x00000023"}},
	} {
		for _, words := range [][]string{{test.query}, strings.Fields(test.query)} {
			e, err := Explain(words)
			if err != nil {
				t.Errorf("Explain(%q): %v", words, err)
				continue
			}
			if got := readings(e); !slices.Equal(got, test.want) {
				t.Errorf("Explain(%q) = %q, want %q", words, got, test.want)
			}
			for _, r := range e.Readings {
				if r.Meaning == "" || len(r.Advice) == 0 || r.Source == "" {
					t.Errorf("Explain(%q): %s %s lacks meaning, advice or source", words, r.Kind, r.Value)
				}
			}
		}
	}
}

func TestExplainErrors(t *testing.T) {
	for _, test := range []struct {
		query, want string
	}{
		{"", "nothing to explain"},
		{"sharing_violatoin", "did you mean ERROR_SHARING_VIOLATION, STATUS_SHARING_VIOLATION?"},
		{"STATUS_SHARING_VIOLATOIN", "did you mean STATUS_SHARING_VIOLATION?"},
		{"lock_conflict", "STATUS_FILE_LOCK_CONFLICT"},
		{"zzzzzzzz", "write a number (32, 0xC0000043"},
		{"99999999999", "does not fit in 32 bits"},
		{"-2147483649", "does not fit in 32 bits"},
		{"99999999999999999999999", "does not fit in 32 bits"},
		{"0x1C0000043", "no hexadecimal number of 32 bits"},
		{"0x", "no hexadecimal number of 32 bits"},
		{"0xC000004G", "no hexadecimal number of 32 bits"},
		{"share 9", "only the bits 0x1, 0x2 and 0x4"},
		{"share", "share is empty"},
		{"access q", "none of r, w, x, a, d"},
		{"access 0x1ffffffff", "no number of 32 bits"},
		{"permissions rw", "is no number"},
		{"ERROR_", "is no code, name or mask"},
	} {
		e, err := Explain([]string{test.query})
		if err == nil {
			t.Errorf("Explain(%q) = %q, want an error", test.query, readings(e))
		} else if !strings.Contains(err.Error(), test.want) {
			t.Errorf("Explain(%q): %q does not say %q", test.query, err, test.want)
		}
	}
	if _, err := Explain([]string{"zzzzzzzz"}); err == nil || strings.Contains(err.Error(), "did you mean") {
		t.Errorf("a word like no other: %v", err)
	}
	if _, err := Explain([]string{"a"}); err == nil || strings.Contains(err.Error(), "did you mean") {
		t.Errorf("one letter: %v", err)
	}
}

// casesOfAFileInUse are the statuses that decide why a file cannot be had, with
// the values of [MS-ERREF] 2.3.1 and the Win32 errors that Windows programs
// report; -1 where no mapping is known.
var casesOfAFileInUse = []struct {
	value uint32
	name  string
	win32 int
}{
	{0xC0000043, "SHARING_VIOLATION", 32},
	{0xC0000054, "FILE_LOCK_CONFLICT", 33},
	{0xC0000055, "LOCK_NOT_GRANTED", 33},
	{0xC000007E, "RANGE_NOT_LOCKED", 158},
	{0xC0000056, "DELETE_PENDING", 5},
	{0xC0000121, "CANNOT_DELETE", 5},
	{0xC0000022, "ACCESS_DENIED", 5},
	{0xC0000243, "USER_MAPPED_FILE", 1224},
	{0xC0000203, "USER_SESSION_DELETED", 59},
	{0xC00000C9, "NETWORK_NAME_DELETED", 64},
	{0xC000035C, "NETWORK_SESSION_EXPIRED", 1394},
	{0xC0000128, "FILE_CLOSED", 6},
	{0xC00000B6, "FILE_FORCED_CLOSED", 38},
	{0xC0000008, "INVALID_HANDLE", 6},
	{0xC0000034, "OBJECT_NAME_NOT_FOUND", 2},
	{0xC000003A, "OBJECT_PATH_NOT_FOUND", 3},
	{0xC0000467, "FILE_NOT_AVAILABLE", -1},
	{0xC0000466, "SERVER_UNAVAILABLE", -1},
	{0xC000022A, "DUPLICATE_OBJECTID", 5010},
	{0x00000103, "PENDING", 997},
	{0x00000108, "OPLOCK_BREAK_IN_PROGRESS", 742},
	{0xC0000909, "CANNOT_BREAK_OPLOCK", -1},
	{0xC00000E2, "OPLOCK_NOT_GRANTED", 300},
	{0xC00000E3, "INVALID_OPLOCK_PROTOCOL", 301},
	{0xC0000205, "INSUFF_SERVER_RESOURCES", 1130},
	{0xC000009A, "INSUFFICIENT_RESOURCES", 1450},
	{0xC000011F, "TOO_MANY_OPENED_FILES", 4},
	{0xC00000D0, "REQUEST_NOT_ACCEPTED", 71},
	{0xC00000CE, "TOO_MANY_SESSIONS", 69},
	{0xC00000BF, "NETWORK_BUSY", 54},
	{0xC000020D, "CONNECTION_RESET", 64},
	{0xC000020C, "CONNECTION_DISCONNECTED", 64},
	{0xC000013B, "LOCAL_DISCONNECT", 64},
	{0xC000013C, "REMOTE_DISCONNECT", 64},
	{0xC00000D6, "VIRTUAL_CIRCUIT_CLOSED", 240},
	{0xC0000241, "CONNECTION_ABORTED", 1236},
	{0xC000023A, "CONNECTION_INVALID", 1229},
	{0xC0000236, "CONNECTION_REFUSED", 1225},
	{0xC00000B5, "IO_TIMEOUT", 121},
	{0xC00000C4, "UNEXPECTED_NETWORK_ERROR", 59},
	{0xC00000CC, "BAD_NETWORK_NAME", 67},
	{0xC00000BE, "BAD_NETWORK_PATH", 53},
	{0xC0000120, "CANCELLED", 995},
	{0x8000002D, "STOPPED_ON_SYMLINK", -1},
	{0xC0000257, "PATH_NOT_COVERED", 1232},
}

func TestExplainFileInUse(t *testing.T) {
	seen := make(map[string]string)
	for _, test := range casesOfAFileInUse {
		e := mustExplain(t, "STATUS_"+test.name)
		r := e.Readings[0]
		if want := fmt.Sprintf("0x%08X", test.value); r.Value != want || r.Name != "STATUS_"+test.name {
			t.Errorf("%s: got %s %s, want %s", test.name, r.Value, r.Name, want)
		}
		switch {
		case test.win32 < 0:
			if r.Win32 != nil {
				t.Errorf("%s maps to %d, want none", test.name, *r.Win32)
			}
		case r.Win32 == nil || *r.Win32 != uint32(test.win32) || r.Win32Name == "":
			t.Errorf("%s: Win32 %v %q, want %d", test.name, r.Win32, r.Win32Name, test.win32)
		}
		if _, own := statusTexts[smb.NTStatus(test.value)]; !own {
			t.Errorf("%s has no text of its own", test.name)
		}
		if r.Meaning == "" || len(r.Advice) == 0 || !strings.HasPrefix(r.Source, "[MS-") {
			t.Errorf("%s lacks meaning, advice or source", test.name)
		}
		if other, twice := seen[r.Meaning]; twice {
			t.Errorf("%s means the same as %s", test.name, other)
		}
		seen[r.Meaning] = test.name
	}
}

func TestExplainServerTableErrors(t *testing.T) {
	for code, name := range map[string]string{
		"5": "ERROR_ACCESS_DENIED", "124": "ERROR_INVALID_LEVEL", "234": "ERROR_MORE_DATA", "2221": "NERR_UserNotFound",
		"2312": "NERR_ClientNameNotFound", "2314": "NERR_FileIdNotFound", "2351": "NERR_InvalidComputer",
	} {
		e := mustExplain(t, code)
		if r := e.Readings[0]; len(e.Readings) != 1 || r.Name != name || !strings.Contains(r.Source, "[MS-SRVS]") {
			t.Errorf("%s: %q, source %s", code, readings(e), r.Source)
		}
	}
}

// A Win32 error names every status that becomes it.
func TestExplainWin32NamesStatuses(t *testing.T) {
	var got []string
	for _, s := range mustExplain(t, "33").Readings[0].Statuses {
		got = append(got, s.Status+" "+s.StatusName)
	}
	want := []string{"0xC0000054 STATUS_FILE_LOCK_CONFLICT", "0xC0000055 STATUS_LOCK_NOT_GRANTED"}
	if !slices.Equal(got, want) {
		t.Errorf("33 comes from %q, want %q", got, want)
	}
}

// The texts name only commands that exist.
func TestExplanationNamesCommands(t *testing.T) {
	command := regexp.MustCompile(`err32 (\w+)`)
	exist := []string{"repro", "hold", "table", "explain"}
	checked := 0
	check := func(of, text string) {
		for _, m := range command.FindAllStringSubmatch(text, -1) {
			checked++
			if !slices.Contains(exist, m[1]) {
				t.Errorf("%s names %q", of, m[0])
			}
		}
	}
	checkReadings := func(e *Explanation) {
		for _, r := range e.Readings {
			check(e.Query, r.Meaning)
			for _, advice := range r.Advice {
				check(e.Query, advice)
			}
		}
	}
	for _, s := range smb.Statuses() {
		checkReadings(mustExplain(t, s.Hex()))
	}
	for _, code := range smb.Win32Codes() {
		checkReadings(mustExplain(t, fmt.Sprint(code)))
	}
	if checked < 30 {
		t.Errorf("only %d commands found", checked)
	}
}

func TestExplanationJSON(t *testing.T) {
	b, err := json.Marshal(mustExplain(t, "0xC0000043"))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Query    string
		Readings []map[string]any
		Hints    []string
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.Query != "0xC0000043" || len(got.Readings) != 1 || got.Hints == nil {
		t.Fatalf("%s", b)
	}
	for key, want := range map[string]any{
		"kind": "ntstatus", "value": "0xC0000043", "name": "STATUS_SHARING_VIOLATION",
		"severity": "error", "facility": 0.0, "win32": 32.0, "win32_name": "ERROR_SHARING_VIOLATION",
	} {
		if got.Readings[0][key] != want {
			t.Errorf("%s is %v, want %v", key, got.Readings[0][key], want)
		}
	}
}

func TestExplainHints(t *testing.T) {
	if e := mustExplain(t, "0x20"); len(e.Hints) != 1 || !strings.Contains(e.Hints[0], "err32 explain access 0x20") {
		t.Errorf("hints of 0x20: %q", e.Hints)
	}
	if e := mustExplain(t, "0xC0000043"); len(e.Hints) != 0 {
		t.Errorf("hints of 0xC0000043: %q", e.Hints)
	}
}

// Names fall together when case, prefix and separators are dropped only where
// the two tables of [MS-ERREF] 2.2 have the same word.
func TestFoldedNames(t *testing.T) {
	if got, want := len(statusNames()), len(smb.Statuses()); got != want {
		t.Errorf("%d folded status names of %d", got, want)
	}
	for name, codes := range win32Names() {
		if len(codes) > 1 && (len(codes) != 2 || codes[0] >= 2100 || codes[1] < 2100) {
			t.Errorf("%s is %d", name, codes)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"ABC", "ABC", 0},
	} {
		if got := editDistance(test.a, test.b); got != test.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

func FuzzExplain(f *testing.F) {
	for _, seed := range []string{"32", "0xC0000043", "c0000043", "-1", "access rw", "share:0", "permissions:35", "sharing"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		e, err := Explain([]string{query})
		if err != nil {
			return
		}
		if len(e.Readings) == 0 {
			t.Errorf("%q: neither a reading nor an error", query)
		}
		for _, r := range e.Readings {
			if r.Meaning == "" || len(r.Advice) == 0 {
				t.Errorf("%q: %s %s is not explained", query, r.Kind, r.Value)
			}
		}
	})
}
