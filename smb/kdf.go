package smb

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// SessionKeys holds the keys of one session. The clear session key itself is
// not kept.
type SessionKeys struct {
	Signing        []byte // Session.SigningKey, 16 bytes
	ClientToServer []byte // the client's EncryptionKey, the server's DecryptionKey; nil without a cipher
	ServerToClient []byte // the client's DecryptionKey, the server's EncryptionKey; nil without a cipher
	Application    []byte // what GSS applications over the session get, 16 bytes
}

// DeriveSessionKeys computes a session's keys, [MS-SMB2] 3.2.5.3.1 and
// 3.3.5.5.3. sessionKey is the key as the authentication mechanism gives it,
// of any length (NTLM gives 16 bytes, Kerberos up to 32). preauth is
// Session.PreauthIntegrityHashValue, used by dialect 3.1.1 only. c is the
// negotiated cipher of dialect 3.1.1, 0 for none; dialects 3.0 and 3.0.2
// always have AES-128-CCM, whatever c is, and 2.0.2 and 2.1 have no cipher.
func DeriveSessionKeys(d Dialect, c Cipher, sessionKey, preauth []byte) SessionKeys {
	// Session.SessionKey: the first 16 bytes, padded with zeros on the right.
	short := make([]byte, 16)
	copy(short, sessionKey)

	switch {
	case d < SMB300:
		return SessionKeys{Signing: short, Application: short}
	case d < SMB311:
		return SessionKeys{
			Signing:        deriveKey(short, []byte("SMB2AESCMAC\x00"), []byte("SmbSign\x00"), 128),
			ClientToServer: deriveKey(short, []byte("SMB2AESCCM\x00"), []byte("ServerIn \x00"), 128),
			ServerToClient: deriveKey(short, []byte("SMB2AESCCM\x00"), []byte("ServerOut\x00"), 128),
			Application:    deriveKey(short, []byte("SMB2APP\x00"), []byte("SmbRpc\x00"), 128),
		}
	}
	// 3.1.4.2 sets L by the cipher alone, but the signing algorithms and
	// Session.ApplicationKey take 128 bits: L = 256 and Session.FullSessionKey
	// are for the cipher keys only, as Windows and Samba have it.
	k := SessionKeys{
		Signing:     deriveKey(short, []byte("SMBSigningKey\x00"), preauth, 128),
		Application: deriveKey(short, []byte("SMBAppKey\x00"), preauth, 128),
	}
	if c == 0 {
		return k
	}
	cipherKey, bits := short, 128
	if c == CipherAES256CCM || c == CipherAES256GCM {
		cipherKey, bits = sessionKey, 256
	}
	k.ClientToServer = deriveKey(cipherKey, []byte("SMBC2SCipherKey\x00"), preauth, bits)
	k.ServerToClient = deriveKey(cipherKey, []byte("SMBS2CCipherKey\x00"), preauth, bits)
	return k
}

// deriveKey is the key derivation of [MS-SMB2] 3.1.4.2: [SP800-108] 5.1, counter
// mode, HMAC-SHA256, r = 32. ki is the key derivation key; label and context
// are given with their terminating NUL where the specification counts it. bits
// is L, 128 or 256: either comes out of the first block.
func deriveKey(ki, label, context []byte, bits int) []byte {
	mac := hmac.New(sha256.New, ki)
	mac.Write([]byte{0, 0, 0, 1}) // i, the block's number
	mac.Write(label)
	mac.Write([]byte{0})
	mac.Write(context)
	mac.Write(binary.BigEndian.AppendUint32(nil, uint32(bits)))
	return mac.Sum(nil)[: bits/8 : bits/8]
}
