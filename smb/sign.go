package smb

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash"
	"sync"

	macsubtle "github.com/tink-crypto/tink-go/v2/mac/subtle"
)

// SigningAlgorithm is a signing algorithm, [MS-SMB2] 2.2.3.1.7. Dialects 2.0.2
// and 2.1 sign with HMAC-SHA256, 3.0 and 3.0.2 with AES-CMAC; 3.1.1 negotiates
// and without a negotiated algorithm signs with AES-CMAC.
type SigningAlgorithm uint16

// The signing algorithms.
const (
	SigningHMACSHA256 SigningAlgorithm = 0 // HMAC-SHA256, its first 16 bytes
	SigningAESCMAC    SigningAlgorithm = 1 // AES-CMAC, AES-128-CMAC of [RFC4493]
	SigningAESGMAC    SigningAlgorithm = 2 // AES-GMAC, AES-128-GMAC of [RFC4543]
)

// String returns the algorithm's name: "HMAC-SHA256", "AES-CMAC", "AES-GMAC".
func (a SigningAlgorithm) String() string {
	switch a {
	case SigningHMACSHA256:
		return "HMAC-SHA256"
	case SigningAESCMAC:
		return "AES-CMAC"
	case SigningAESGMAC:
		return "AES-GMAC"
	}
	return fmt.Sprintf("SigningAlgorithm(0x%04X)", uint16(a))
}

// Where the header has the fields that signing needs, [MS-SMB2] 2.2.1.2.
const (
	commandAt   = 12
	flagsAt     = 16
	messageIDAt = 24
	signatureAt = 48 // Signature, 16 bytes to the end of the header
)

// Signer signs and verifies the messages of one session on one connection,
// [MS-SMB2] 3.1.4.1 and 3.1.5.1. It may be used by several goroutines at once.
type Signer struct {
	cmac    *macsubtle.AESCMAC // for AES-CMAC
	gmac    cipher.AEAD        // for AES-GMAC
	scratch sync.Pool          // of *signScratch
}

// signScratch is one computation's working memory, reused from message to
// message.
type signScratch struct {
	hmac  hash.Hash
	nonce [12]byte
	sum   [sha256.Size]byte
}

// NewSigner returns a signer with the session's signing key of 16 bytes.
func NewSigner(alg SigningAlgorithm, key []byte) (*Signer, error) {
	if len(key) != 16 {
		return nil, fmt.Errorf("smb: signing key has %d bytes, want 16", len(key))
	}
	s := &Signer{}
	s.scratch.New = func() any { return new(signScratch) }
	switch alg {
	case SigningHMACSHA256:
		key := append([]byte(nil), key...)
		s.scratch.New = func() any { return &signScratch{hmac: hmac.New(sha256.New, key)} }
	case SigningAESCMAC:
		cmac, err := macsubtle.NewAESCMAC(key, 16)
		if err != nil {
			return nil, fmt.Errorf("smb: signing: %w", err)
		}
		s.cmac = cmac
	case SigningAESGMAC:
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("smb: signing: %w", err)
		}
		if s.gmac, err = cipher.NewGCM(block); err != nil {
			return nil, fmt.Errorf("smb: signing: %w", err)
		}
	default:
		return nil, fmt.Errorf("smb: unknown signing algorithm 0x%04X", uint16(alg))
	}
	return s, nil
}

// Sign writes the Signature field of msg, one SMB2 message with its header and,
// in a compound, its padding. The header is otherwise complete:
// SMB2_FLAGS_SIGNED is among what is signed, and AES-GMAC reads MessageId,
// Command and Flags for its nonce.
func (s *Signer) Sign(msg []byte) {
	clear(msg[signatureAt:headerSize])
	s.compute(msg, (*[16]byte)(msg[signatureAt:headerSize]))
}

// Verify reports whether the Signature field of msg, one SMB2 message with its
// header and, in a compound, its padding, is right. The caller has checked that
// the message is signed and goes the right way. The field is zeroed during the
// call and put back, so that msg need not be copied: nobody else may read or
// write msg meanwhile. A message shorter than its header is not right.
func (s *Signer) Verify(msg []byte) bool {
	if len(msg) < headerSize {
		return false
	}
	field := (*[16]byte)(msg[signatureAt:headerSize])
	var want [16]byte
	got := *field
	clear(field[:])
	s.compute(msg, &want)
	*field = got
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// compute stores in sum the signature of msg, whose Signature field is zero.
// sum may lie in msg.
func (s *Signer) compute(msg []byte, sum *[16]byte) {
	if s.cmac != nil {
		mac, _ := s.cmac.ComputeMAC(msg) // 16 bytes and no error for any message
		*sum = [16]byte(mac)
		return
	}
	w := s.scratch.Get().(*signScratch)
	defer s.scratch.Put(w)
	if s.gmac != nil {
		// The nonce of 3.1.4.1: MessageId, and 32 bits that tell apart the two
		// directions, and a CANCEL from the request whose MessageId it repeats.
		var bits uint32
		if HeaderFlags(binary.LittleEndian.Uint32(msg[flagsAt:]))&FlagResponse != 0 {
			bits = 0x1
		} else if Command(binary.LittleEndian.Uint16(msg[commandAt:])) == CommandCancel {
			bits = 0x2
		}
		copy(w.nonce[:8], msg[messageIDAt:])
		binary.LittleEndian.PutUint32(w.nonce[8:], bits)
		s.gmac.Seal(w.sum[:0], w.nonce[:], nil, msg)
	} else {
		w.hmac.Reset()
		w.hmac.Write(msg)
		w.hmac.Sum(w.sum[:0])
	}
	copy(sum[:], w.sum[:])
}
