package lab

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"err32/smb"
)

// Fault is something the server does wrong, and to which requests it does it.
// Faults befall requests whose answers they spoil; what the server sends unasked
// (breaks, and the interim STATUS_PENDING of a request that waits) they leave
// alone. Where several befall one request, all do, and the first that refuses
// it says how.
//
// The text form is
//
//	NAME[=VALUE][@COMMAND[+COMMAND…]][#N[+]][:PATH]
//
// and reads: do NAME to the Nth request (with a + after it: to the Nth and all
// after it) of these commands about files that PATH matches. What is left out
// does not limit it. Examples:
//
//	delay=200ms@READ+WRITE                    every READ and WRITE is answered 200 ms late
//	drop@WRITE#3                              the connection ends instead of the third WRITE's answer
//	refuse-close:*.tmp                        nobody can close a file called *.tmp
//	no-resources=10+                          the tenth open and all after it fail
//	status=STATUS_DISK_FULL@WRITE:logs/*      every WRITE to a file in logs fails
type Fault struct {
	// Name is one of those that Faults lists.
	Name string

	Delay   time.Duration // of delay: by how much the answer is late
	Credits int           // of wrong-credit: how many more the answer says were granted, less than 0 for fewer
	Status  smb.NTStatus  // of status, and of refuse-close if not STATUS_UNEXPECTED_NETWORK_ERROR

	// Commands are those it befalls, nil for every one. Those of no-resources
	// (CREATE) and refuse-close (CLOSE) are given.
	Commands []smb.Command

	// Nth limits it to the Nth request that it could befall, counted from 1
	// over all connections, and with Onward to that and all after it. 0: every
	// one.
	Nth    int
	Onward bool

	// Path limits it to requests about files that the pattern matches:
	// path.Match on the path below the share, in any case, with slashes or
	// backslashes. A pattern without either is matched with the last name
	// alone. Empty: any request, but no-resources and refuse-close then leave
	// named pipes alone, so that the server's tables can be read.
	Path string
}

// The names of the faults.
const (
	faultDelay          = "delay"
	faultDrop           = "drop"
	faultCut            = "cut"
	faultWrongSignature = "wrong-signature"
	faultWrongCredit    = "wrong-credit"
	faultRefuseClose    = "refuse-close"
	faultNeverAnswer    = "never-answer"
	faultNoResources    = "no-resources"
	faultStatus         = "status"
)

// FaultKind describes the faults of one name.
type FaultKind struct {
	Name string
	// Value is what stands after "=", as "DURATION", in brackets when it may be
	// left out. Empty: nothing may stand there.
	Value string
	// Text says in a line what the server does.
	Text string
}

// Faults returns what faults there are.
func Faults() []FaultKind {
	return []FaultKind{
		{faultDelay, "DURATION", "answer late by DURATION, as 200ms; other answers do not wait for it"},
		{faultDrop, "", "do what was asked, and end the connection instead of answering"},
		{faultCut, "", "do what was asked, and end the connection in the middle of the answer"},
		{faultWrongSignature, "", "sign the answer wrongly; of an encrypted one, damage the tag"},
		{faultWrongCredit, "+N|-N", "say in the answer that N credits more or fewer were granted than were"},
		{faultRefuseClose, "[STATUS]", "fail CLOSE with STATUS, STATUS_UNEXPECTED_NETWORK_ERROR if not given; the open stays"},
		{faultNeverAnswer, "", "do what was asked and never answer"},
		{faultNoResources, "[N[+]]", "fail the Nth open (N+: and all after it) with STATUS_INSUFF_SERVER_RESOURCES"},
		{faultStatus, "STATUS", "fail with STATUS, by its name or number, and do nothing"},
	}
}

// onlyCommand is the command of a fault that is about one; ok is false for the
// others.
func (f *Fault) onlyCommand() (c smb.Command, ok bool) {
	switch f.Name {
	case faultRefuseClose:
		return smb.CommandClose, true
	case faultNoResources:
		return smb.CommandCreate, true
	}
	return 0, false
}

// ParseFault reads the text form of a fault. STATUS is read by
// smb.ParseNTStatus, DURATION by time.ParseDuration; commands are the names of
// [MS-SMB2] 2.2.1.2 in any case.
func ParseFault(text string) (Fault, error) {
	f, err := parseFault(text)
	if err == nil {
		err = f.check()
	}
	if err != nil {
		return Fault{}, fmt.Errorf("fault %q: %w", text, err)
	}
	return f, nil
}

func parseFault(text string) (f Fault, err error) {
	text, path, hasPath := strings.Cut(text, ":")
	text, nth, hasNth := strings.Cut(text, "#")
	text, commands, hasCommands := strings.Cut(text, "@")
	name, value, hasValue := strings.Cut(text, "=")
	f.Name = strings.ToLower(name)
	kind, err := kindOf(f.Name)
	if err != nil {
		return f, err
	}
	switch {
	case hasPath && path == "":
		return f, errors.New(`there is no path after ":"`)
	case hasValue && kind.Value == "":
		return f, fmt.Errorf("%s takes no value", f.Name)
	case value == "" && kind.Value != "" && (hasValue || kind.Value[0] != '['):
		return f, fmt.Errorf("write %s=%s", f.Name, strings.Trim(kind.Value, "[]"))
	case hasNth && hasValue && f.Name == faultNoResources:
		return f, fmt.Errorf("write the number once, as %s=%s", f.Name, nth)
	}
	f.Path = path
	if f.Name == faultNoResources && hasValue {
		nth, hasNth = value, true
	}
	if hasNth {
		if f.Nth, f.Onward, err = parseNth(nth); err != nil {
			return f, err
		}
	}
	if hasCommands {
		if f.Commands, err = parseCommands(commands); err != nil {
			return f, err
		}
	}
	switch {
	case f.Name == faultDelay:
		f.Delay, err = time.ParseDuration(value)
	case f.Name == faultWrongCredit:
		if value[0] != '+' && value[0] != '-' {
			return f, fmt.Errorf("%q does not begin with + or -", value)
		}
		if f.Credits, err = strconv.Atoi(value); err != nil {
			return f, fmt.Errorf("%q is not a number", value)
		}
	case f.Name == faultStatus, f.Name == faultRefuseClose && hasValue:
		if f.Status, err = smb.ParseNTStatus(value); err == nil && f.Status == smb.StatusSuccess {
			err = fmt.Errorf("%v is not an error", f.Status)
		}
	}
	return f, err
}

func kindOf(name string) (FaultKind, error) {
	kinds := Faults()
	if i := slices.IndexFunc(kinds, func(k FaultKind) bool { return k.Name == name }); i >= 0 {
		return kinds[i], nil
	}
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	return FaultKind{}, fmt.Errorf("%q is none of %s", name, strings.Join(names, ", "))
}

// parseNth reads "3" and "3+".
func parseNth(s string) (n int, onward bool, err error) {
	digits, onward := strings.CutSuffix(s, "+")
	n, err = strconv.Atoi(digits)
	if err != nil || n < 1 || digits[0] == '+' {
		return 0, false, fmt.Errorf("%q is not a number from 1 on", s)
	}
	return n, onward, nil
}

func parseCommands(s string) ([]smb.Command, error) {
	var commands []smb.Command
	for name := range strings.SplitSeq(s, "+") {
		c := smb.Command(0)
		for c <= smb.CommandOplockBreak && !strings.EqualFold(c.String(), name) {
			c++
		}
		if c > smb.CommandOplockBreak {
			return nil, fmt.Errorf("%q is no SMB2 command", name)
		}
		commands = append(commands, c)
	}
	return commands, nil
}

// check reports what is wrong with a fault.
func (f *Fault) check() error {
	if _, err := kindOf(f.Name); err != nil {
		return err
	}
	only, fixed := f.onlyCommand()
	switch {
	case f.Name == faultDelay && (f.Delay <= 0 || f.Delay > time.Hour):
		return fmt.Errorf("%v is not more than 0 and at most 1h", f.Delay)
	case f.Name == faultWrongCredit && (f.Credits == 0 || f.Credits < -1<<16 || f.Credits > 1<<16):
		return fmt.Errorf("%d is 0 or more than 65536 credits", f.Credits)
	case (f.Name == faultStatus || f.Name == faultRefuseClose && f.Status != 0) && !f.Status.IsError():
		return fmt.Errorf("%v is not an error", f.Status)
	case fixed && f.Commands != nil && !slices.Equal(f.Commands, []smb.Command{only}):
		return fmt.Errorf("it befalls %v and no other command", only)
	case slices.Contains(f.Commands, smb.CommandCancel):
		return errors.New("CANCEL is never answered")
	case f.Nth < 0:
		return fmt.Errorf("%d is not a number from 1 on", f.Nth)
	case f.Onward && f.Nth == 0:
		return errors.New("there is no number to go on from")
	}
	if _, err := path.Match(f.pattern(), ""); err != nil {
		return fmt.Errorf("%q is not a pattern: %w", f.Path, err)
	}
	return nil
}

// String returns the text form. ParseFault reads it as the same fault.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.Name)
	nth := ""
	if f.Nth > 0 {
		nth = strconv.Itoa(f.Nth)
		if f.Onward {
			nth += "+"
		}
	}
	switch {
	case f.Name == faultDelay:
		b.WriteString("=" + f.Delay.String())
	case f.Name == faultWrongCredit:
		fmt.Fprintf(&b, "=%+d", f.Credits)
	case f.Name == faultNoResources && nth != "":
		b.WriteString("=" + nth)
		nth = ""
	case f.Status != 0 && f.Status.Known():
		b.WriteString("=" + f.Status.String())
	case f.Status != 0:
		b.WriteString("=" + f.Status.Hex())
	}
	for i, c := range f.Commands {
		b.WriteByte("@+"[min(i, 1)])
		b.WriteString(c.String())
	}
	if nth != "" {
		b.WriteString("#" + nth)
	}
	if f.Path != "" {
		b.WriteString(":" + f.Path)
	}
	return b.String()
}

func checkFaults(faults []Fault) error {
	for i := range faults {
		if err := faults[i].check(); err != nil {
			return fmt.Errorf("fault %q: %w", faults[i], err)
		}
	}
	return nil
}
