package smb

import (
	"bufio"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
)

// readRows reads a file of testdata: lines of comma-separated fields, comment
// lines beginning with "#", and one heading line, which is checked.
func readRows(t *testing.T, file, heading string, atLeast int) [][]string {
	t.Helper()
	f, err := os.Open("../testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows [][]string
	columns := strings.Count(heading, ",") + 1
	sawHeading := false
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "#"):
		case !sawHeading:
			if line != heading {
				t.Fatalf("%s: heading is %q, want %q", file, line, heading)
			}
			sawHeading = true
		default:
			row := strings.Split(line, ",")
			if len(row) != columns {
				t.Fatalf("%s: %q has %d fields, want %d", file, line, len(row), columns)
			}
			rows = append(rows, row)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if len(rows) < atLeast {
		t.Fatalf("%s: %d rows, want at least %d", file, len(rows), atLeast)
	}
	return rows
}

func parseUint32(t *testing.T, s string) uint32 {
	t.Helper()
	v, err := strconv.ParseUint(s, 0, 32)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(v)
}

// specStatuses returns the statuses of [MS-ERREF] 2.3.1, name to value.
func specStatuses(t *testing.T) map[string]NTStatus {
	statuses := make(map[string]NTStatus)
	for _, row := range readRows(t, "ntstatus.csv", "name,value", 1700) {
		statuses[row[0]] = NTStatus(parseUint32(t, row[1]))
	}
	return statuses
}

func TestStatusTableAgainstSpecification(t *testing.T) {
	spec := specStatuses(t)
	for i, row := range statusTable {
		if want, ok := spec[row.name]; !ok {
			t.Errorf("%s is not in [MS-ERREF] 2.3.1", row.name)
		} else if row.status != want {
			t.Errorf("%s is 0x%08X, want 0x%08X", row.name, uint32(row.status), uint32(want))
		}
		if i > 0 && statusTable[i-1].status >= row.status {
			t.Errorf("%s is not above its predecessor %s", row.name, statusTable[i-1].name)
		}
		if got := row.status.String(); got != row.name {
			t.Errorf("0x%08X.String() = %q, want %q", uint32(row.status), got, row.name)
		}
	}
}

// Every constant carries the specification's value for its own name, and the
// table and the constants hold the same statuses.
func TestStatusConstantsAgainstSpecification(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "status_table.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	spec := specStatuses(t)
	byFoldedName := make(map[string]string) // "sharingviolation" to "STATUS_SHARING_VIOLATION"
	for name := range spec {
		if rest, ok := strings.CutPrefix(name, "STATUS_"); ok {
			byFoldedName[strings.ToLower(strings.ReplaceAll(rest, "_", ""))] = name
		}
	}
	constants := make(map[NTStatus]string)
	for _, decl := range file.Decls {
		block, ok := decl.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST {
			continue
		}
		for _, s := range block.Specs {
			constant := s.(*ast.ValueSpec)
			goName, exported := strings.CutPrefix(constant.Names[0].Name, "Status")
			if !exported {
				continue
			}
			value := NTStatus(parseUint32(t, constant.Values[0].(*ast.BasicLit).Value))
			name := byFoldedName[strings.ToLower(goName)]
			if want, ok := spec[name]; !ok {
				t.Errorf("Status%s has no name in [MS-ERREF] 2.3.1", goName)
			} else if value != want {
				t.Errorf("Status%s is 0x%08X, want 0x%08X", goName, uint32(value), uint32(want))
			}
			if value.String() != name {
				t.Errorf("Status%s prints as %q, want %q", goName, value, name)
			}
			constants[value] = name
		}
	}
	if len(constants) != len(statusTable) {
		t.Errorf("%d constants, %d rows in the table", len(constants), len(statusTable))
	}
}

// The mapping agrees with two programs that are independent of each other.
// Where they differ, Wine's is taken: it follows a newer Windows.
func TestWin32AgainstOtherPrograms(t *testing.T) {
	differ := map[string]bool{"STATUS_DUPLICATE_OBJECTID": true, "STATUS_OBJECTID_EXISTS": true}
	wine, samba := make(map[string]string), make(map[string]string)
	for _, row := range readRows(t, "ntstatus_win32.csv", "name,wine,samba", 900) {
		wine[row[0]], samba[row[0]] = row[1], row[2]
	}
	agreed := 0
	for _, status := range Statuses() {
		code, ok := status.Win32()
		if status == StatusSuccess {
			if code != 0 || !ok {
				t.Errorf("success maps to %d, %t", code, ok)
			}
			continue
		}
		got := ""
		if ok {
			got = strconv.FormatUint(uint64(code), 10)
		}
		name := status.String()
		if got != wine[name] {
			t.Errorf("%s maps to %q, in Wine to %q", name, got, wine[name])
		}
		switch {
		case samba[name] == "":
		case got == samba[name]:
			agreed++
		case !differ[name]:
			t.Errorf("%s maps to %q, in Samba to %q", name, got, samba[name])
		}
	}
	if agreed < 150 {
		t.Errorf("only %d mappings were confirmed by Samba", agreed)
	}
}

func TestWin32Unknown(t *testing.T) {
	for _, s := range []NTStatus{StatusFileNotAvailable, StatusServerUnavailable, StatusCannotBreakOplock, 0xC0001234} {
		if code, ok := s.Win32(); ok || code != 0 {
			t.Errorf("%s maps to %d, %t, want none", s, code, ok)
		}
	}
}

func TestNTStatusText(t *testing.T) {
	for _, test := range []struct {
		status         NTStatus
		text, hex      string
		known          bool
		isErr, warning bool
	}{
		{0x00000000, "STATUS_SUCCESS", "0x00000000", true, false, false},
		{0x00000103, "STATUS_PENDING", "0x00000103", true, false, false},
		{0x80000005, "STATUS_BUFFER_OVERFLOW", "0x80000005", true, false, true},
		{0xC0000043, "STATUS_SHARING_VIOLATION", "0xC0000043", true, true, false},
		{0xC0001234, "NTSTATUS 0xC0001234", "0xC0001234", false, true, false},
		{0x40000001, "NTSTATUS 0x40000001", "0x40000001", false, false, false},
		{0xFFFFFFFF, "NTSTATUS 0xFFFFFFFF", "0xFFFFFFFF", false, true, false},
	} {
		if got := test.status.String(); got != test.text {
			t.Errorf("String() = %q, want %q", got, test.text)
		}
		if got := test.status.Hex(); got != test.hex {
			t.Errorf("Hex() = %q, want %q", got, test.hex)
		}
		if got := test.status.Known(); got != test.known {
			t.Errorf("%s: Known() = %t", test.hex, got)
		}
		if e, w := test.status.IsError(), test.status.IsWarning(); e != test.isErr || w != test.warning {
			t.Errorf("%s: IsError() = %t, IsWarning() = %t", test.hex, e, w)
		}
	}
}

func TestParseNTStatus(t *testing.T) {
	for _, test := range []struct {
		text string
		want NTStatus
	}{
		{"STATUS_SHARING_VIOLATION", 0xC0000043},
		{"status_sharing_violation", 0xC0000043},
		{"NT_STATUS_SHARING_VIOLATION", 0xC0000043},
		{"sharing_violation", 0xC0000043},
		{"0xC0000043", 0xC0000043},
		{"0Xc0000043", 0xC0000043},
		{"-1073741757", 0xC0000043},
		{"3221225539", 0xC0000043},
		{"0", 0},
		{"0xC0001234", 0xC0001234},
		{"-2147483648", 0x80000000},
		{"4294967295", 0xFFFFFFFF},
	} {
		if got, err := ParseNTStatus(test.text); err != nil || got != test.want {
			t.Errorf("ParseNTStatus(%q) = %s, %v, want %s", test.text, got.Hex(), err, test.want.Hex())
		}
	}
	for _, text := range []string{"", "STATUS_", "0x", "0x1C0000043", "4294967296", "-2147483649", "SHARING", "0xZZ", "1.5"} {
		if got, err := ParseNTStatus(text); err == nil {
			t.Errorf("ParseNTStatus(%q) = %s, want an error", text, got.Hex())
		}
	}
	for _, s := range Statuses() {
		for _, text := range []string{s.String(), s.Hex()} {
			if got, err := ParseNTStatus(text); err != nil || got != s {
				t.Errorf("ParseNTStatus(%q) = %s, %v", text, got.Hex(), err)
			}
		}
	}
}

func TestStatusesOf(t *testing.T) {
	if got := StatusesOf(32); len(got) != 1 || got[0] != StatusSharingViolation {
		t.Errorf("StatusesOf(32) = %v", got)
	}
	found := make(map[NTStatus]bool)
	for _, s := range StatusesOf(5) {
		found[s] = true
	}
	for _, s := range []NTStatus{0xC0000022, 0xC0000056, 0xC0000121} { // ACCESS_DENIED, DELETE_PENDING, CANNOT_DELETE
		if !found[s] {
			t.Errorf("%s is not among StatusesOf(5)", s)
		}
	}
	if got := StatusesOf(317); len(got) != 0 { // ERROR_MR_MID_NOT_FOUND stands for "no mapping"
		t.Errorf("StatusesOf(317) = %v, want none", got)
	}
}

func TestFSError(t *testing.T) {
	for _, test := range []struct {
		status NTStatus
		want   error
	}{
		{StatusObjectNameNotFound, fs.ErrNotExist},
		{StatusObjectPathNotFound, fs.ErrNotExist},
		{StatusNoSuchFile, fs.ErrNotExist},
		{StatusObjectNameCollision, fs.ErrExist},
		{StatusAccessDenied, fs.ErrPermission},
		{StatusFileClosed, fs.ErrClosed},
		{StatusIOTimeout, os.ErrDeadlineExceeded},
		{StatusSharingViolation, nil},
		{StatusDeletePending, nil},
		{StatusSuccess, nil},
	} {
		if got := fsError(test.status); !errors.Is(got, test.want) {
			t.Errorf("fsError(%s) = %v, want %v", test.status, got, test.want)
		}
	}
}
