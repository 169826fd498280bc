package smb

import "fmt"

// Dialect is an SMB2 dialect revision, [MS-SMB2] 2.2.3. Later dialects compare
// greater.
type Dialect uint16

// The dialects this package speaks.
const (
	SMB202 Dialect = 0x0202 // SMB 2.0.2
	SMB210 Dialect = 0x0210 // SMB 2.1
	SMB300 Dialect = 0x0300 // SMB 3.0
	SMB302 Dialect = 0x0302 // SMB 3.0.2
	SMB311 Dialect = 0x0311 // SMB 3.1.1
)

// Dialects lists every dialect this package speaks, oldest first.
var Dialects = []Dialect{SMB202, SMB210, SMB300, SMB302, SMB311}

// String returns the dialect as people write it: "2.0.2", "2.1", "3.0",
// "3.0.2", "3.1.1".
func (d Dialect) String() string {
	switch d {
	case SMB202:
		return "2.0.2"
	case SMB210:
		return "2.1"
	case SMB300:
		return "3.0"
	case SMB302:
		return "3.0.2"
	case SMB311:
		return "3.1.1"
	}
	return fmt.Sprintf("0x%04X", uint16(d))
}

// ParseDialect reads a dialect as String writes it, or as Samba's options do
// (SMB2_02, SMB2_10, SMB3_00, SMB3_02, SMB3_11, SMB2, SMB3).
func ParseDialect(s string) (Dialect, error) {
	switch s {
	case "2.0.2", "2.02", "SMB2_02":
		return SMB202, nil
	case "2.1", "2.10", "SMB2_10", "SMB2":
		return SMB210, nil
	case "3.0", "3.00", "SMB3_00":
		return SMB300, nil
	case "3.0.2", "3.02", "SMB3_02":
		return SMB302, nil
	case "3.1.1", "3.11", "SMB3_11", "SMB3":
		return SMB311, nil
	}
	return 0, fmt.Errorf("dialect %q is none of 2.0.2, 2.1, 3.0, 3.0.2, 3.1.1", s)
}
