package diag

import (
	"bytes"
	"encoding/binary"

	"err32/smb"
)

// smbHeader is the length of an SMB2 header, [MS-SMB2] 2.2.1.
const smbHeader = 64

// ntlmSignature begins every NTLM message, [MS-NLMP] 2.2.1.
var ntlmSignature = []byte("NTLMSSP\x00")

// blankRules are what blanking depends on besides a message itself.
type blankRules struct {
	readsPipe func(response smb.Header) bool // whether what was read is from a named pipe
	hint      bool                           // blank what the server says of log-ons in NEGOTIATE
}

// blankMessages overwrites with zeros what a capture must not hold: the tokens
// of a log-on, and what was read from files. No length or offset in the messages
// is relied on: all that follows a message's fixed fields goes, and where these
// are not as they should be they go too.
func blankMessages(chain []byte, fromServer bool, rules blankRules) {
	for rest := chain; rest != nil; {
		h, msg, next, err := smb.SplitCompound(rest)
		if err != nil {
			keep := 4 // whatever the protocol is, this names it
			if bytes.HasPrefix(rest, []byte("\xFESMB")) {
				keep = smbHeader
			}
			clear(rest[min(keep, len(rest)):])
			return
		}
		body := msg[smbHeader:]
		kept := 0
		if (h.Flags&smb.FlagResponse != 0) == fromServer {
			kept = keptOf(h, body, fromServer, rules)
		}
		if bytes.Contains(body[:kept], ntlmSignature) { // a token where none belongs
			kept = 0
		}
		clear(body[kept:])
		rest = next
	}
}

// keptOf is how much of a message's body is kept.
func keptOf(h smb.Header, body []byte, fromServer bool, rules blankRules) int {
	switch {
	case h.Command == smb.CommandNegotiate && fromServer && rules.hint: // 2.2.4
		offset, length := fieldAt(body, 56, 2), fieldAt(body, 58, 2)
		if offset >= smbHeader+64 && offset+length <= smbHeader+uint64(len(body)) {
			clear(body[offset-smbHeader:][:length])
			clear(body[58:60])
		}
	case h.Command == smb.CommandSessionSetup && !fromServer: // [MS-SMB2] 2.2.5
		return withoutToken(body, fixedFields(body, 25, 24, fieldAt(body, 12, 2), fieldAt(body, 14, 2)), 14)
	case h.Command == smb.CommandSessionSetup: // 2.2.6, and the ERROR response, 2.2.2
		return withoutToken(body, fixedFields(body, 9, 8, fieldAt(body, 4, 2), fieldAt(body, 6, 2)), 6)
	case h.Command == smb.CommandRead && fromServer && !rules.readsPipe(h): // 2.2.20, or 2.2.2
		if fieldAt(body, 0, 2) == 9 {
			return min(8, len(body))
		}
		return fixedFields(body, 17, 16, fieldAt(body, 2, 1), fieldAt(body, 4, 4))
	case h.Command > smb.CommandOplockBreak:
		return 0
	}
	return len(body)
}

// fixedFields returns size, the length of a body's fixed fields, or 0 where its
// structure size is another one or its buffer lies among them.
func fixedFields(body []byte, structure uint64, size int, offset, length uint64) int {
	if len(body) < size || fieldAt(body, 0, 2) != structure || length > 0 && offset < smbHeader+uint64(size) {
		return 0
	}
	return size
}

// withoutToken makes the length of a token, at that place among the fixed
// fields, 0: a reader is not to take the zeros for a token.
func withoutToken(body []byte, size, lengthAt int) int {
	if size > 0 {
		clear(body[lengthAt : lengthAt+2])
	}
	return size
}

// fieldAt reads a little-endian field of some bytes; one that is not there is 0.
func fieldAt(b []byte, at, size int) uint64 {
	var field [8]byte
	if at+size <= len(b) {
		copy(field[:size], b[at:])
	}
	return binary.LittleEndian.Uint64(field[:])
}
