package smb

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"github.com/pion/dtls/v3/pkg/crypto/ccm"
)

// Cipher is an encryption algorithm, [MS-SMB2] 2.2.3.1.2. Dialects 3.0 and
// 3.0.2 encrypt with AES-128-CCM, 3.1.1 negotiates; 0 is no encryption.
type Cipher uint16

// The ciphers.
const (
	CipherAES128CCM Cipher = 1 // AES-128-CCM
	CipherAES128GCM Cipher = 2 // AES-128-GCM
	CipherAES256CCM Cipher = 3 // AES-256-CCM
	CipherAES256GCM Cipher = 4 // AES-256-GCM
)

// String returns the cipher's name, as "AES-128-CCM", and nothing for 0, no
// encryption.
func (c Cipher) String() string {
	switch c {
	case 0:
		return ""
	case CipherAES128CCM:
		return "AES-128-CCM"
	case CipherAES128GCM:
		return "AES-128-GCM"
	case CipherAES256CCM:
		return "AES-256-CCM"
	case CipherAES256GCM:
		return "AES-256-GCM"
	}
	return fmt.Sprintf("Cipher(0x%04X)", uint16(c))
}

// Fields of the SMB2 TRANSFORM_HEADER, [MS-SMB2] 2.2.41, by their offsets. All
// from Nonce to the end is the additional authenticated data.
const (
	transformSignatureAt = 4
	transformNonceAt     = 20
	transformSizeAt      = 36 // OriginalMessageSize, then 2 reserved bytes
	transformFlagsAt     = 42
	transformSessionAt   = 44
	transformHeaderSize  = 52

	transformTagSize   = 16     // of Signature
	transformEncrypted = 0x0001 // the one value of Flags/EncryptionAlgorithm

	// maxSealed is the largest message that can be sent encrypted: with its
	// header it must fit the 3-byte length of direct TCP, [MS-SMB2] 2.1.
	maxSealed = 1<<24 - 1 - transformHeaderSize
)

// transformProtocolID is 0xFD 'S' 'M' 'B' read as a little-endian number.
const transformProtocolID = 0x424D53FD

var (
	errUnsealed   = errors.New("smb: encrypted message: Signature does not match (wrong key, or altered on the way)")
	errNoNonce    = errors.New("smb: encryption: every nonce of this key has been used")
	errSealLength = fmt.Errorf("smb: encryption: the message is larger than the %d bytes a frame can carry", maxSealed)
)

// Sealer encrypts or decrypts a session's messages with one key, that is in
// one direction, [MS-SMB2] 3.1.4.3. It may be used by several goroutines at
// once.
type Sealer struct {
	aead cipher.AEAD
	// The nonces are prefix and then start, start+1, … for 2^64-1 messages.
	// Both begin at random because the channels of a session share its keys.
	prefix [4]byte
	start  uint64
	sealed atomic.Uint64 // messages sealed so far
}

// NewSealer returns a sealer for c with its key of 16 or 32 bytes.
func NewSealer(c Cipher, key []byte) (*Sealer, error) {
	size := 16
	switch c {
	case CipherAES128CCM, CipherAES128GCM:
	case CipherAES256CCM, CipherAES256GCM:
		size = 32
	default:
		return nil, fmt.Errorf("smb: unknown cipher 0x%04X", uint16(c))
	}
	if len(key) != size {
		return nil, fmt.Errorf("smb: %v key has %d bytes, want %d", c, len(key), size)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("smb: %v: %w", c, err)
	}
	s := &Sealer{}
	if c == CipherAES128CCM || c == CipherAES256CCM {
		s.aead, err = ccm.NewCCM(block, transformTagSize, 11)
	} else {
		s.aead, err = cipher.NewGCM(block) // nonces of 12 bytes
	}
	if err != nil {
		return nil, fmt.Errorf("smb: %v: %w", c, err)
	}
	var start [8]byte
	rand.Read(s.prefix[:]) // never fails
	rand.Read(start[:])
	s.start = binary.LittleEndian.Uint64(start[:])
	return s, nil
}

// Seal appends to dst the transform header and the encrypted msg, one SMB2
// message or a whole compound. msg is not changed, unless it lies in dst's
// array exactly 52 bytes, a transform header, after dst's end: then it is encrypted
// where it is. The 16 bytes behind the result serve as working
// memory; dst is not moved when it has room for them too.
func (s *Sealer) Seal(dst, msg []byte, sessionID uint64) ([]byte, error) {
	if len(msg) > maxSealed {
		return nil, errSealLength
	}
	n := s.sealed.Load()
	for n != math.MaxUint64 && !s.sealed.CompareAndSwap(n, n+1) {
		n = s.sealed.Load()
	}
	if n == math.MaxUint64 {
		return nil, errNoNonce
	}

	at := len(dst)
	dst = slices.Grow(dst, transformHeaderSize+len(msg)+transformTagSize)
	header := dst[at : at+transformHeaderSize]
	binary.LittleEndian.PutUint32(header, transformProtocolID)
	field := header[transformNonceAt:transformSizeAt]
	nonce := field[:s.aead.NonceSize()]
	random := copy(nonce, s.prefix[:len(nonce)-8])
	binary.LittleEndian.PutUint64(nonce[random:], s.start+n)
	clear(field[len(nonce):]) // Reserved
	binary.LittleEndian.PutUint32(header[transformSizeAt:], uint32(len(msg)))
	binary.LittleEndian.PutUint16(header[transformSizeAt+4:], 0) // Reserved
	binary.LittleEndian.PutUint16(header[transformFlagsAt:], transformEncrypted)
	binary.LittleEndian.PutUint64(header[transformSessionAt:], sessionID)

	// The tag comes out behind the message; its place is in the header.
	end := at + transformHeaderSize
	body := s.aead.Seal(dst[end:end], nonce, msg, header[transformNonceAt:])
	copy(header[transformSignatureAt:], body[len(msg):])
	return dst[:end+len(msg)], nil
}

// Open checks and decrypts frame, a transform header and the encrypted message,
// and returns the message. It works in place: the message lies in frame's
// array, and frame is spoilt, also when an error is returned.
func (s *Sealer) Open(frame []byte) ([]byte, error) {
	// [MS-SMB2] 3.2.5.1.1.1: the size must be greater than the header's.
	if len(frame) <= transformHeaderSize {
		return nil, fmt.Errorf("smb: encrypted message: %d bytes, no more than the transform header's %d", len(frame), transformHeaderSize)
	}
	if id := binary.LittleEndian.Uint32(frame); id != transformProtocolID {
		return nil, fmt.Errorf("smb: transform header: ProtocolId 0x%08X, want 0x%08X", id, uint32(transformProtocolID))
	}
	if flags := binary.LittleEndian.Uint16(frame[transformFlagsAt:]); flags != transformEncrypted {
		return nil, fmt.Errorf("smb: transform header: Flags/EncryptionAlgorithm 0x%04X, want 0x%04X", flags, transformEncrypted)
	}
	size, have := binary.LittleEndian.Uint32(frame[transformSizeAt:]), len(frame)-transformHeaderSize
	if uint64(size) != uint64(have) {
		return nil, fmt.Errorf("smb: transform header: OriginalMessageSize %d, but %d bytes follow", size, have)
	}

	// The tag belongs behind the message. Moving all from Nonce on to where
	// Signature began makes the room without another buffer.
	tag := [transformTagSize]byte(frame[transformSignatureAt:])
	copy(frame[transformSignatureAt:], frame[transformNonceAt:])
	copy(frame[len(frame)-transformTagSize:], tag[:])
	aad := frame[transformSignatureAt : transformHeaderSize-transformTagSize]
	body := frame[transformHeaderSize-transformTagSize:]
	msg, err := s.aead.Open(body[:0], aad[:s.aead.NonceSize()], body, aad)
	if err != nil {
		return nil, errUnsealed
	}
	return msg, nil
}

// TransformSessionID returns the SessionId of an encrypted frame's transform
// header, and false when the frame does not begin with one.
func TransformSessionID(frame []byte) (uint64, bool) {
	if len(frame) < transformHeaderSize || binary.LittleEndian.Uint32(frame) != transformProtocolID {
		return 0, false
	}
	return binary.LittleEndian.Uint64(frame[transformSessionAt:]), true
}
