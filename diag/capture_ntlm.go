package diag

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"strings"
	"unicode/utf16"

	"github.com/oiweiwei/go-msrpc/ssp/crypto"
)

// ntHash is the NTOWFv1 of the password, [MS-NLMP] 3.3.1; nil where there is
// none.
func (c Credentials) ntHash() []byte {
	switch {
	case c.Anonymous:
		return nil
	case c.NTHash != nil:
		return c.NTHash
	}
	sum, err := crypto.MD4(utf16Bytes(c.Password))
	if err != nil {
		return nil
	}
	return sum
}

// ntlmOverheard is what was heard of an NTLM log-on, [MS-NLMP] 1.3.1.1.
type ntlmOverheard struct {
	challenge    []byte // the server's
	authenticate []byte // the whole AUTHENTICATE_MESSAGE
}

// The types of NTLM messages, and where their fields are, [MS-NLMP] 2.2.1.2 and
// 2.2.1.3.
const (
	ntlmChallenge    = 2
	ntlmAuthenticate = 3

	ntlmServerChallengeAt = 24
	ntlmNTResponseAt      = 20
	ntlmDomainAt          = 28
	ntlmUserAt            = 36
	ntlmSessionKeyAt      = 52
	ntlmFlagsAt           = 60
	ntlmAuthenticateSize  = 64

	ntlmKeyExchange = 0x40000000 // NTLMSSP_NEGOTIATE_KEY_EXCH
)

// hear takes a token, bare or in SPNEGO.
func (o *ntlmOverheard) hear(token []byte) {
	at := bytes.Index(token, ntlmSignature)
	if at < 0 {
		return
	}
	message := token[at:]
	switch fieldAt(message, len(ntlmSignature), 4) {
	case ntlmChallenge:
		if len(message) >= ntlmServerChallengeAt+8 {
			o.challenge = bytes.Clone(message[ntlmServerChallengeAt : ntlmServerChallengeAt+8])
		}
	case ntlmAuthenticate:
		if len(message) >= ntlmAuthenticateSize {
			o.authenticate = bytes.Clone(message)
		}
	}
}

// sessionKey computes the ExportedSessionKey of an NTLMv2 log-on, [MS-NLMP]
// 3.3.2 and 3.4.5; nil where the hash is not the user's, or not enough was
// heard.
func (o *ntlmOverheard) sessionKey(ntHash []byte) []byte {
	b := o.authenticate
	if b == nil || o.challenge == nil || ntHash == nil {
		return nil
	}
	response, user, domain := o.payload(ntlmNTResponseAt), o.payload(ntlmUserAt), o.payload(ntlmDomainAt)
	const proof = 16 // bytes of NTProofStr
	if len(response) < proof {
		return nil
	}
	upper := utf16Bytes(strings.ToUpper(utf16Text(user)))
	var key []byte
	for _, d := range [][]byte{domain, nil} { // some leave the domain out
		responseKey := hmacMD5(ntHash, upper, d)
		if hmac.Equal(hmacMD5(responseKey, o.challenge, response[proof:]), response[:proof]) {
			key = hmacMD5(responseKey, response[:proof])
			break
		}
	}
	if key != nil && binary.LittleEndian.Uint32(b[ntlmFlagsAt:])&ntlmKeyExchange != 0 {
		exchanged := o.payload(ntlmSessionKeyAt)
		c, err := rc4.NewCipher(key)
		if len(exchanged) != len(key) || err != nil {
			return nil
		}
		exported := make([]byte, len(key))
		c.XORKeyStream(exported, exchanged)
		return exported
	}
	return key
}

// payload returns what a field of the AUTHENTICATE_MESSAGE points to.
func (o *ntlmOverheard) payload(at int) []byte {
	b := o.authenticate
	size, offset := fieldAt(b, at, 2), fieldAt(b, at+4, 4)
	if offset+size > uint64(len(b)) {
		return nil
	}
	return b[offset : offset+size]
}

func hmacMD5(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(md5.New, key)
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}

func utf16Bytes(s string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}

func utf16Text(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}
