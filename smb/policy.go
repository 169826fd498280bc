package smb

import "fmt"

// Policy says whether a connection's messages are to be signed or encrypted.
type Policy int

// The policies.
const (
	Auto     Policy = iota // when the server or the share requires it
	Required               // always; a server that cannot is refused
	Off                    // never; what the server requires all the same fails
)

// String returns the flag value: "auto", "required" or "off".
func (p Policy) String() string {
	switch p {
	case Auto:
		return "auto"
	case Required:
		return "required"
	case Off:
		return "off"
	}
	return fmt.Sprintf("Policy(%d)", int(p))
}

// ParsePolicy reads what String writes.
func ParsePolicy(s string) (Policy, error) {
	switch s {
	case "auto":
		return Auto, nil
	case "required":
		return Required, nil
	case "off":
		return Off, nil
	}
	return 0, fmt.Errorf("%q is none of auto, required, off", s)
}
