package smb

import "crypto/sha512"

// PreauthHash is a preauthentication integrity hash value of dialect 3.1.1,
// [MS-SMB2] 3.2.5.2: SHA-512 over the value so far and the next message,
// beginning with 64 zero bytes. A connection's value covers NEGOTIATE; each
// session goes on from a copy of it through its SESSION_SETUP messages, all
// but the final response.
type PreauthHash [sha512.Size]byte

// Add takes in the next message, from its SMB2 header to the last byte on the
// wire.
func (h *PreauthHash) Add(msg []byte) {
	d := sha512.New()
	d.Write(h[:])
	d.Write(msg)
	d.Sum(h[:0])
}
