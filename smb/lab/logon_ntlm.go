package lab

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/oiweiwei/go-msrpc/ssp/crypto"
	"github.com/oiweiwei/go-msrpc/ssp/ntlm"

	"err32/smb"
)

// ntlmAcceptor is the server's side of one NTLMSSP exchange, [MS-NLMP] 3.2.5.1.
// It accepts NTLMv2 only, with extended session security and 128-bit keys.
type ntlmAcceptor struct {
	server string
	find   func(domain, user string) (ntHash [16]byte, ok bool)
	now    time.Time

	challenge  [8]byte   // ServerChallenge, random
	sent       []byte    // NEGOTIATE_MESSAGE and CHALLENGE_MESSAGE, which the MIC is over; nil before
	flags      ntlm.Flag // NegFlg
	domain     string
	user       string
	anonymous  bool
	micPresent bool
	key        []byte // ExportedSessionKey
}

// The flags a server of ours agrees to if the client offers them, and those it
// sets itself, [MS-NLMP] 2.2.2.5.
const (
	ntlmSupported = ntlm.NegotiateUnicode | ntlm.NegotiateSign | ntlm.NegotiateSeal | ntlm.NegotiateExtendedSessionSecurity |
		ntlm.NegotiateKeyExchange | ntlm.Negotiate128 | ntlm.Negotiate56 | ntlm.NegotiateVersion
	ntlmOwn = ntlm.RequestTarget | ntlm.NegotiateNTLM | ntlm.NegotiateAlwaysSign | ntlm.TargetTypeServer | ntlm.NegotiateTargetInfo
	// Without Unicode names cannot be read, without the others nothing signed
	// that is worth it.
	ntlmRequired = ntlm.NegotiateUnicode | ntlm.NegotiateExtendedSessionSecurity | ntlm.Negotiate128
)

// Where an AUTHENTICATE_MESSAGE, [MS-NLMP] 2.2.1.3, has what is read here. A
// field is its length, that again, and its offset.
const (
	ntlmLMResponse = 12
	ntlmNTResponse = 20
	ntlmDomain     = 28
	ntlmUser       = 36
	ntlmSessionKey = 52
	ntlmFlags      = 60
	ntlmFixed      = 64 // what every client sends
	ntlmMIC        = ntlm.MICOffset
	ntlmMICEnd     = ntlmMIC + 16
)

// ntlmMaxName is the longest name looked up or kept, in bytes of UTF-16.
const ntlmMaxName = 512

// next takes NEGOTIATE_MESSAGE, then AUTHENTICATE_MESSAGE.
func (n *ntlmAcceptor) next(token []byte) ([]byte, smb.NTStatus) {
	if n.sent == nil {
		return n.negotiate(token)
	}
	return nil, n.authenticate(token)
}

// ntlmMessage reports whether b is a message of that type with at least size
// bytes.
func ntlmMessage(b []byte, typ ntlm.MessageType, size int) bool {
	return len(b) >= size && bytes.HasPrefix(b, ntlm.NTLMSignature) && binary.LittleEndian.Uint32(b[8:]) == uint32(typ)
}

// negotiate answers NEGOTIATE_MESSAGE, [MS-NLMP] 3.2.5.1.1. All that counts in
// it is the flags; old clients send nothing else.
func (n *ntlmAcceptor) negotiate(b []byte) ([]byte, smb.NTStatus) {
	if !ntlmMessage(b, ntlm.MessageTypeNegotiate, 16) {
		return nil, smb.StatusInvalidParameter
	}
	n.flags = ntlm.Flag(binary.LittleEndian.Uint32(b[12:]))&ntlmSupported | ntlmOwn
	if n.flags&ntlmRequired != ntlmRequired {
		return nil, smb.StatusLogonFailure
	}
	if !n.flags.IsSet(ntlm.NegotiateSign | ntlm.NegotiateSeal) {
		n.flags = n.flags.Unset(ntlm.NegotiateKeyExchange) // 3.2.5.1.2 exchanges a key for one of these only
	}
	challenge, err := (&ntlm.ChallengeMessage{
		Negotiate:       n.flags,
		ServerChallenge: n.challenge[:],
		TargetName:      n.server,
		TargetInfo: ntlm.AttrValues{ // a server of its own is its own domain
			ntlm.AttrNetBIOSComputerName: {NetBIOSComputerName: n.server},
			ntlm.AttrNetBIOSDomainName:   {NetBIOSDomainName: n.server},
			ntlm.AttrTimestamp:           {Timestamp: ntlm.TimeToFiletime(n.now)}, // has the client send a MIC
		},
		Version: ntlm.Version{ProductVersion: ntlm.Windows10, Revision: ntlm.RevisionCurrent},
	}).Marshal(context.Background())
	if err != nil {
		return nil, smb.StatusInvalidParameter
	}
	n.sent = append(bytes.Clone(b), challenge...)
	return challenge, smb.StatusMoreProcessingRequired
}

// authenticate judges AUTHENTICATE_MESSAGE, [MS-NLMP] 3.2.5.1.2.
func (n *ntlmAcceptor) authenticate(b []byte) smb.NTStatus {
	if !ntlmMessage(b, ntlm.MessageTypeAuthenticate, ntlmFixed) {
		return smb.StatusInvalidParameter
	}
	lm, ok1 := ntlmField(b, ntlmLMResponse)
	nt, ok2 := ntlmField(b, ntlmNTResponse)
	domain, ok3 := ntlmField(b, ntlmDomain)
	user, ok4 := ntlmField(b, ntlmUser)
	exchanged, ok5 := ntlmField(b, ntlmSessionKey)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ntlmName(domain) || !ntlmName(user) {
		return smb.StatusInvalidParameter
	}
	n.flags &= ntlm.Flag(binary.LittleEndian.Uint32(b[ntlmFlags:]))
	n.anonymous = len(user) == 0 && len(nt) == 0 && (len(lm) == 0 || len(lm) == 1 && lm[0] == 0)
	if len(nt) == 0 && !n.anonymous { // a user without a password
		n.domain, n.user = ntlmString(domain), ntlmString(user)
		return smb.StatusLogonFailure
	}
	// Samba's anonymous clients take extended session security back.
	if n.flags&ntlmRequired != ntlmRequired && !n.anonymous {
		return smb.StatusInvalidParameter
	}
	n.domain, n.user = ntlmString(domain), ntlmString(user)

	key := make([]byte, 16) // SessionBaseKey, zeros for an anonymous client
	if !n.anonymous {
		var status smb.NTStatus
		if key, status = n.checkResponse(nt, domain); status != smb.StatusSuccess {
			return status
		}
	}
	if n.flags.IsSet(ntlm.NegotiateKeyExchange) {
		if len(exchanged) != 16 {
			return smb.StatusInvalidParameter
		}
		key = rc4Encrypt(key, exchanged)
	}
	n.key = key
	if !n.micPresent {
		return smb.StatusSuccess
	}
	if len(b) < ntlmMICEnd || !hmac.Equal(b[ntlmMIC:ntlmMICEnd], hmacMD5(key, n.sent, b[:ntlmMIC], make([]byte, 16), b[ntlmMICEnd:])) {
		return smb.StatusLogonFailure
	}
	return smb.StatusSuccess
}

// checkResponse judges an NTLMv2_RESPONSE, [MS-NLMP] 2.2.2.8 and 3.3.2, and
// returns the SessionBaseKey.
func (n *ntlmAcceptor) checkResponse(nt, domain []byte) ([]byte, smb.NTStatus) {
	// The proof of 16 bytes, then the NTLMv2_CLIENT_CHALLENGE, 2.2.2.7: its
	// versions, both 1, and from its byte 28 on the AV_PAIRs. An NTLMv1
	// response has 24 bytes.
	if len(nt) < 16+28 || nt[16] != 1 || nt[17] != 1 {
		return nil, smb.StatusLogonFailure
	}
	proof, temp := nt[:16], nt[16:]
	flags, ok := ntlmAVFlags(temp[28:])
	if !ok {
		return nil, smb.StatusInvalidParameter
	}
	n.micPresent = flags&ntlm.MICProvided != 0
	hash, known := n.find(n.domain, n.user) // an unknown user's response is computed too, so that it takes as long
	user := ntlmBytes(strings.ToUpper(n.user))
	// Some clients leave the domain out of the computation.
	for _, d := range [][]byte{domain, nil} {
		responseKey := hmacMD5(hash[:], user, d)
		if hmac.Equal(proof, hmacMD5(responseKey, n.challenge[:], temp)) && known {
			return hmacMD5(responseKey, proof), smb.StatusSuccess
		}
	}
	return nil, smb.StatusLogonFailure
}

// ntlmField returns the payload of the field at that offset.
func ntlmField(b []byte, at int) (payload []byte, ok bool) {
	size, offset := uint64(binary.LittleEndian.Uint16(b[at:])), uint64(binary.LittleEndian.Uint32(b[at+4:]))
	if size == 0 {
		return nil, true
	}
	if offset < ntlmFixed || offset+size > uint64(len(b)) {
		return nil, false
	}
	return b[offset : offset+size], true
}

// ntlmAVFlags returns the MsvAvFlags of a list of AV_PAIRs, [MS-NLMP] 2.2.2.1;
// ok is false when the list does not end as it should.
func ntlmAVFlags(b []byte) (flags uint32, ok bool) {
	for len(b) >= 4 {
		id, size := ntlm.AttrValueID(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:]))
		b = b[4:]
		if id == ntlm.AttrEOL {
			return flags, true
		}
		if size > len(b) {
			return 0, false
		}
		if id == ntlm.AttrFlags {
			if size != 4 {
				return 0, false
			}
			flags = binary.LittleEndian.Uint32(b)
		}
		b = b[size:]
	}
	return 0, false
}

// The directions of a signature, as the magic constants name them.
const (
	clientToServer = "client-to-server"
	serverToClient = "server-to-client"
)

// signature is the NTLMSSP_MESSAGE_SIGNATURE, [MS-NLMP] 3.4.4.2, of the first
// message in that direction. SPNEGO signs nothing but that.
func (n *ntlmAcceptor) signature(direction string, msg []byte) []byte {
	signKey := md5.Sum(append(bytes.Clone(n.key), "session key to "+direction+" signing key magic constant\x00"...))
	sum := hmacMD5(signKey[:], []byte{0, 0, 0, 0}, msg)[:8]
	if n.flags.IsSet(ntlm.NegotiateKeyExchange) {
		sealKey := md5.Sum(append(bytes.Clone(n.key), "session key to "+direction+" sealing key magic constant\x00"...))
		sum = rc4Encrypt(sealKey[:], sum)
	}
	return bytes.Join([][]byte{{ntlm.SignatureVersion, 0, 0, 0}, sum, {0, 0, 0, 0}}, nil) // Version, Checksum, SeqNum
}

// ntHash is what find has to return for a password: the MD4 of its UTF-16.
func ntHash(password string) [16]byte {
	sum, err := crypto.MD4(ntlmBytes(password))
	if err != nil { // no hash fails to take bytes
		return [16]byte{}
	}
	return [16]byte(sum)
}

func hmacMD5(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(md5.New, key)
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}

// rc4Encrypt is RC4K, [MS-NLMP] 6, with a key of 16 bytes; it is its own
// inverse.
func rc4Encrypt(key, b []byte) []byte {
	out := make([]byte, len(b))
	if c, err := rc4.NewCipher(key); err == nil { // only the key's length could be wrong
		c.XORKeyStream(out, b)
	}
	return out
}

func ntlmName(b []byte) bool { return len(b)%2 == 0 && len(b) <= ntlmMaxName }

func ntlmString(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

func ntlmBytes(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}
