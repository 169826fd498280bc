package smb

import (
	"encoding/binary"
	"fmt"
	"io"
)

// frameHeader is the length of the Direct TCP header, [MS-SMB2] 2.1: a zero
// byte and the length of the message in three.
const frameHeader = 4

// MaxFrame is the longest message the Direct TCP header can announce.
const MaxFrame = 1<<24 - 1

// AppendFrameHeader reserves the header of a frame; FinishFrame fills it in.
func AppendFrameHeader(b []byte) []byte { return append(b, 0, 0, 0, 0) }

// FinishFrame writes the length of the frame that begins at start.
func FinishFrame(b []byte, start int) error {
	n := len(b) - start - frameHeader
	if n > MaxFrame {
		return fmt.Errorf("a message of %d bytes does not fit a frame of at most %d", n, MaxFrame)
	}
	binary.BigEndian.PutUint32(b[start:], uint32(n))
	return nil
}

// ReadFrame reads one frame of at most limit bytes. The length is checked
// before anything is allocated for it.
func ReadFrame(r io.Reader, limit int) ([]byte, error) {
	var h [frameHeader]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return nil, err
	}
	if h[0] != 0 {
		return nil, &DecodeError{"Direct TCP header", "Zero", fmt.Sprintf("is 0x%02X: this is not an SMB2 server", h[0])}
	}
	n := int(binary.BigEndian.Uint32(h[:]))
	if n > limit {
		return nil, &DecodeError{"Direct TCP header", "StreamProtocolLength", fmt.Sprintf("is %d; at most %d are expected", n, limit)}
	}
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	return b, err
}
