package diag

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"err32/smb"
)

// Explanation is what a code, a name or a mask means, as plain data. A number
// may be read in more than one way; all readings are listed.
type Explanation struct {
	Query    string    `json:"query"` // as it was asked, words joined by blanks
	Readings []Reading `json:"readings"`
	Hints    []string  `json:"hints"` // how to ask for another reading
}

// The kinds of a Reading.
const (
	ReadingNTStatus    = "ntstatus"    // [MS-ERREF] 2.3
	ReadingWin32       = "win32"       // Win32 or LAN Manager error, [MS-ERREF] 2.2
	ReadingHRESULT     = "hresult"     // HRESULT that wraps a Win32 error, [MS-ERREF] 2.1.2
	ReadingAccess      = "access"      // access mask of an open, [MS-SMB2] 2.2.13.1
	ReadingShare       = "share"       // share mode of an open, [MS-SMB2] 2.2.13
	ReadingPermissions = "permissions" // permissions in the server's table, [MS-SRVS] 2.2.4.7
)

// Reading is one way to read what was asked.
type Reading struct {
	Kind     string `json:"kind"`               // one of the Reading… words
	Value    string `json:"value"`              // decimal for Win32, else 0x%08X
	Name     string `json:"name"`               // empty without one, and for masks
	Severity string `json:"severity,omitempty"` // of an NTSTATUS: "success", "informational", "warning", "error"
	Facility *int   `json:"facility,omitempty"` // of an NTSTATUS; 0 is the general one

	Win32     *uint32     `json:"win32,omitempty"` // what a Windows application sees; nil where no mapping is known
	Win32Name string      `json:"win32_name,omitempty"`
	Statuses  []StatusRef `json:"statuses,omitempty"` // of a Win32 error: the NTSTATUS codes that become it

	Bits       []MaskBit `json:"bits,omitempty"`        // of a mask, lowest first
	Classes    []string  `json:"classes,omitempty"`     // "read", "write", "delete": what takes part in the share-mode check
	NeedsShare []string  `json:"needs_share,omitempty"` // of an access mask: what every other open must share
	Denies     []string  `json:"denies,omitempty"`      // of a share mode: what others may not do meanwhile

	Meaning string   `json:"meaning"`
	Advice  []string `json:"advice"` // what to do, the likeliest first
	Source  string   `json:"source"` // sections of the specifications
}

// StatusRef names an NTSTATUS.
type StatusRef struct {
	Status     string `json:"status"` // 0x%08X
	StatusName string `json:"status_name"`
}

// MaskBit is one bit of a mask.
type MaskBit struct {
	Value   string `json:"value"` // 0x%08X
	Name    string `json:"name"`  // hexadecimal where the specification has no name
	Meaning string `json:"meaning"`
}

// Explain says what words mean. They are one code (32, 0xC0000043, c0000043,
// -1073741757, 0x80070020), one name with or without its prefix
// (STATUS_SHARING_VIOLATION, sharing_violation, NERR_FileIdNotFound,
// WERR_ACCESS_DENIED), or a mask after the word that says which (access
// 0x12019f, access:rw, share:none, permissions:0x23).
//
// A decimal number up to 2147483647 is a Win32 error; other decimal numbers,
// and hexadecimal ones from 0x80000000 on, are an NTSTATUS. Smaller hexadecimal
// numbers can be either. Every error is one of usage.
func Explain(words []string) (*Explanation, error) {
	query := strings.Join(strings.Fields(strings.Join(words, " ")), " ")
	if query == "" {
		return nil, errors.New("nothing to explain; " + accepted)
	}
	e := &Explanation{Query: query, Hints: []string{}}
	if kind, mask, ok := cutMaskWord(query); ok {
		reading, err := explainMask(kind, mask)
		if err != nil {
			if e.name(query) == nil { // "access denied"
				return e, nil
			}
			return nil, err
		}
		e.Readings = []Reading{reading}
		return e, nil
	}
	var err error
	if hexNumber.MatchString(query) || decimalNumber.MatchString(query) || bareStatus.MatchString(query) {
		err = e.number(query)
	} else {
		err = e.name(query)
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

const accepted = "write a number (32, 0xC0000043, -1073741757), a name (STATUS_SHARING_VIOLATION, " +
	"sharing_violation, NERR_FileIdNotFound), or a mask (access:0x12019f, access:rw, share:none, permissions:0x23)"

var (
	hexNumber     = regexp.MustCompile(`^0[xX]`)
	decimalNumber = regexp.MustCompile(`^[-+]?[0-9]+$`)
	bareStatus    = regexp.MustCompile(`^[0-9a-fA-F]{8}$`) // c0000043
)

// number adds every reading of a code written as a number.
func (e *Explanation) number(text string) error {
	if bareStatus.MatchString(text) {
		if !decimalNumber.MatchString(text) {
			return e.number("0x" + text)
		}
		// Eight decimal digits may be hexadecimal too: 80000005.
		v, err := strconv.ParseUint(text, 16, 32)
		if err != nil {
			return err
		}
		if code := uint32(v); smb.NTStatus(code).Known() || code>>16 == hresultWin32 {
			e.highNumber(code)
		}
	}
	if decimalNumber.MatchString(text) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < -1<<31 || n > 1<<32-1 {
			return fmt.Errorf("%s does not fit in 32 bits; %s", text, accepted)
		}
		switch {
		case n >= 0 && n < 1<<31 && (len(e.Readings) == 0 || smb.Win32Name(uint32(n)) != ""):
			e.Readings = append(e.Readings, win32Reading(uint32(n)))
		case n < 0 || n >= 1<<31:
			e.highNumber(uint32(n))
		}
		return nil
	}
	v, err := strconv.ParseUint(text[2:], 16, 32)
	if err != nil {
		return fmt.Errorf("%s is no hexadecimal number of 32 bits; %s", text, accepted)
	}
	code := uint32(v)
	if code >= 1<<31 {
		e.highNumber(code)
	} else {
		if status := smb.NTStatus(code); status.Known() {
			e.Readings = append(e.Readings, statusReading(status))
		}
		if smb.Win32Name(code) != "" {
			e.Readings = append(e.Readings, win32Reading(code))
		}
	}
	switch isMask := namedAccess(code); {
	case isMask && !e.anyName():
		e.Readings = []Reading{accessReading(smb.AccessMask(code))}
	case isMask && code < 1<<31:
		e.Hints = append(e.Hints, fmt.Sprintf("As an access mask: err32 explain access 0x%X", code))
	case len(e.Readings) == 0:
		e.Readings = append(e.Readings, statusReading(smb.NTStatus(code)), win32Reading(code))
	}
	return nil
}

// highNumber adds the reading of a code with the highest bit set.
func (e *Explanation) highNumber(code uint32) {
	if code>>16 == hresultWin32 && !smb.NTStatus(code).Known() {
		e.Readings = append(e.Readings, hresultReading(code))
		return
	}
	e.Readings = append(e.Readings, statusReading(smb.NTStatus(code)))
}

func (e *Explanation) anyName() bool {
	for _, r := range e.Readings {
		if r.Name != "" {
			return true
		}
	}
	return false
}

// name adds every reading of a code written by name.
func (e *Explanation) name(text string) error {
	word := foldName(text)
	status, isStatus := smb.NTStatus(0), false
	if word.statuses {
		status, isStatus = statusNames()[word.name]
	}
	if isStatus {
		e.Readings = append(e.Readings, statusReading(status))
	}
	if code, ok := smb.Win32ByName(text); ok {
		e.Readings = append(e.Readings, win32Reading(code))
	} else if word.win32 {
		for _, code := range win32Names()[word.name] {
			// A Win32 error that is only another word for the status adds nothing.
			if !isStatus || !sameError(status, code) {
				e.Readings = append(e.Readings, win32Reading(code))
			}
		}
	}
	if len(e.Readings) > 0 {
		return nil
	}
	if near := nearNames(word); len(near) > 0 {
		return fmt.Errorf("%q is no code, name or mask known here; did you mean %s? Else %s",
			text, strings.Join(near, ", "), accepted)
	}
	return fmt.Errorf("%q is no code, name or mask known here; %s", text, accepted)
}

// sameError reports whether the Win32 error code stands for the status and for
// nothing else.
func sameError(status smb.NTStatus, code uint32) bool {
	_, ownText := win32Texts[code]
	mapped, ok := status.Win32()
	return ok && mapped == code && !ownText
}

func textOfStatus(s smb.NTStatus) (codeText, bool) {
	for _, texts := range []map[smb.NTStatus]codeText{statusTexts, logonTexts, fileTexts} {
		if text, ok := texts[s]; ok {
			return text, true
		}
	}
	return codeText{}, false
}

var severities = [4]string{"success", "informational", "warning", "error"}

func statusReading(s smb.NTStatus) Reading {
	facility := int(s >> 16 & 0xFFF)
	r := Reading{Kind: ReadingNTStatus, Value: s.Hex(), Severity: severities[s>>30], Facility: &facility}
	if code, ok := s.Win32(); ok {
		r.Win32, r.Win32Name = &code, smb.Win32Name(code)
	}
	text, ok := textOfStatus(s)
	switch {
	case ok:
		r.Name = s.String()
	case s.Known():
		r.Name = s.String()
		text = codeText{
			"A status that says nothing about share modes or lost clients; its name says what is wrong.",
			[]string{"Look the name up in [MS-ERREF] 2.3.1."},
			"[MS-ERREF] 2.3.1",
		}
	default:
		text = codeText{
			"A status that has no name here: of another facility than file service, or one that a vendor defined.",
			[]string{"Look the number up in [MS-ERREF] 2.3.1, or in the documents of the server's maker."},
			"[MS-ERREF] 2.3",
		}
	}
	r.Meaning, r.Advice, r.Source = text.meaning, text.advice, text.source
	return r
}

func win32Reading(code uint32) Reading {
	r := Reading{Kind: ReadingWin32, Value: strconv.FormatUint(uint64(code), 10), Name: smb.Win32Name(code)}
	statuses := smb.StatusesOf(code)
	for _, s := range statuses {
		r.Statuses = append(r.Statuses, StatusRef{Status: s.Hex(), StatusName: s.String()})
	}
	text, ok := win32Texts[code]
	if !ok && len(statuses) == 1 {
		text, ok = textOfStatus(statuses[0])
	}
	switch {
	case ok:
	case len(statuses) > 1:
		text = codeText{
			"Several answers of a server become this error; which one it was decides what to do.",
			[]string{"Find out the status, for example from a capture, and explain that: err32 explain " + statuses[0].String() + "."},
			"[MS-ERREF] 2.2, 2.3.1",
		}
	case r.Name != "":
		text = codeText{
			"An error that says nothing about share modes or lost clients; its name says what is wrong.",
			[]string{"Look the name up in [MS-ERREF] 2.2."},
			"[MS-ERREF] 2.2",
		}
	default:
		text = codeText{
			"An error that has no name here: file service does not use it.",
			[]string{"Look the number up in [MS-ERREF] 2.2, or ask Windows: net helpmsg " + r.Value + "."},
			"[MS-ERREF] 2.2",
		}
	}
	r.Meaning, r.Advice, r.Source = text.meaning, text.advice, text.source
	return r
}

// hresultWin32 is the upper half of an HRESULT that wraps a Win32 error.
const hresultWin32 = 0x8007

func hresultReading(code uint32) Reading {
	r := win32Reading(code & 0xFFFF)
	win32 := code & 0xFFFF
	r.Kind, r.Value = ReadingHRESULT, fmt.Sprintf("0x%08X", code)
	r.Win32, r.Win32Name = &win32, r.Name
	r.Name = fmt.Sprintf("HRESULT_FROM_WIN32(%d)", win32)
	r.Source = "[MS-ERREF] 2.1.2, " + r.Source
	return r
}
