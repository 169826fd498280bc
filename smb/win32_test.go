package smb

import "testing"

func TestWin32TableAgainstSpecification(t *testing.T) {
	spec := make(map[string]uint32)
	for _, row := range readRows(t, "win32.csv", "name,value", 2500) {
		spec[row[0]] = parseUint32(t, row[1])
	}
	codes := Win32Codes()
	if len(codes) < 150 {
		t.Fatalf("only %d codes", len(codes))
	}
	for i, code := range codes {
		name := Win32Name(code)
		if want, ok := spec[name]; !ok {
			t.Errorf("%d: %q is not in [MS-ERREF] 2.2", code, name)
		} else if code != want {
			t.Errorf("%s is %d, want %d", name, code, want)
		}
		if i > 0 && codes[i-1] >= code {
			t.Errorf("%d is not above its predecessor %d", code, codes[i-1])
		}
		if got, ok := Win32ByName(name); !ok || got != code {
			t.Errorf("Win32ByName(%q) = %d, %t", name, got, ok)
		}
	}
}

// A status never maps to a code that the tool could not name.
func TestWin32NamesCoverMapping(t *testing.T) {
	for _, s := range Statuses() {
		if code, ok := s.Win32(); ok && Win32Name(code) == "" {
			t.Errorf("%s maps to %d, which has no name", s, code)
		}
	}
}

func TestWin32Name(t *testing.T) {
	for _, test := range []struct {
		code uint32
		name string
	}{
		{0, "ERROR_SUCCESS"},
		{5, "ERROR_ACCESS_DENIED"},
		{32, "ERROR_SHARING_VIOLATION"},
		{33, "ERROR_LOCK_VIOLATION"},
		{124, "ERROR_INVALID_LEVEL"},
		{234, "ERROR_MORE_DATA"},
		{0x8AD, "NERR_UserNotFound"},
		{0x908, "NERR_ClientNameNotFound"},
		{0x90A, "NERR_FileIdNotFound"},
		{0x92F, "NERR_InvalidComputer"},
		{4711, ""},
		{0xFFFFFFFF, ""},
	} {
		if got := Win32Name(test.code); got != test.name {
			t.Errorf("Win32Name(%d) = %q, want %q", test.code, got, test.name)
		}
	}
	if code, ok := Win32ByName("nerr_fileidnotfound"); !ok || code != 2314 {
		t.Errorf("Win32ByName in lower case = %d, %t", code, ok)
	}
	if code, ok := Win32ByName("ERROR_NO_SUCH_THING"); ok {
		t.Errorf("Win32ByName of an unknown name = %d", code)
	}
}
