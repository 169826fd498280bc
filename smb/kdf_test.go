package smb

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// wireHex decodes hexadecimal text, white space apart.
func wireHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	// Microsoft's article "SMB 2 and SMB 3 security in Windows 10: the anatomy
	// of signing and cryptographic keys", SMB 3.1.1 example.
	anatomyPreauth = `0dd13628cc3ed218ef9df9772d436d0887ab9814bfae63a80aa845f36909db79
		28622dddad522d9751640a459762c5a9d6bb084cbb3ce6bdadef5d5bce3c6c01`
	// Microsoft's article "SMB 3.1.1 Encryption in Windows 10".
	encryptionPreauth = `b23f3cbfd69487d9832b79b1594a367cdd950909b774c3a4c412b4fcea9edddb
		a7db256ba2ea30e977f11f9b113247578e0e915c6d2a513b8f2fca5707dc8770`
	// Sessions of smbclient and smbd 4.17.12.
	samba256CCMPreauth = `6ad1f0a0f27fd90b023dbc434d2c535deb7328cdc2c27ace3d65953028e8e36b
		f8f753c0ef1ef91c3da9468c096b9e3e5d09a4bfe526243b1055f6ad4c941b5e`
	samba256GCMPreauth = `943f55338649565fb37d1eb1edfdaacedd74f5fe4bf2e194139ec7b2808955d3
		4b951bf738561126b30b9568dc485e0e0184e6d19e47967bd108bd9a2a727ef1`
	// Counting bytes, for keys computed with OpenSSL's KBKDF.
	countingPreauth = `000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
		202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f`
)

func TestDeriveSessionKeys(t *testing.T) {
	for _, tt := range []struct {
		name                        string
		dialect                     Dialect
		cipher                      Cipher
		sessionKey, preauth         string
		signing, c2s, s2c, appliKey string // "-" where the source does not say
	}{{
		name: "2.0.2: the session key itself", dialect: SMB202,
		sessionKey: "d38354cc374339f0524f789146789921",
		signing:    "d38354cc374339f0524f789146789921",
		appliKey:   "d38354cc374339f0524f789146789921",
	}, {
		name: "2.1: its first 16 bytes", dialect: SMB210,
		sessionKey: "04e707571f8e0353b77a94c3653b87b5ffffffffffffffffffffffffffffffff",
		signing:    "04e707571f8e0353b77a94c3653b87b5",
		appliKey:   "04e707571f8e0353b77a94c3653b87b5",
	}, {
		name: "2.1: padded on the right", dialect: SMB210,
		sessionKey: "04e707571f8e0353",
		signing:    "04e707571f8e03530000000000000000",
		appliKey:   "04e707571f8e03530000000000000000",
	}, {
		name: "3.0: Microsoft, anatomy, first channel", dialect: SMB300, cipher: CipherAES128CCM,
		sessionKey: "7cd451825d0450d235424e44ba6e78cc",
		signing:    "0b7e9c5cac36c0f6ea9ab275298cedce",
		c2s:        "fad27796665b313ebb578f388632b4f7", // EncryptionKey: the article sees it as the client
		s2c:        "b0f0427f7ceb416d1d9dcc0cd4f99447",
		appliKey:   "bb23a4575aa26c721af525af15a87b4f",
	}, {
		name: "3.0: Microsoft, anatomy, second channel", dialect: SMB300, cipher: CipherAES128CCM,
		sessionKey: "4e01a2b313bcf660cc250bef021aede6",
		signing:    "ba1a17dbbfec349bca105563d598952f",
		c2s:        "-", s2c: "-", appliKey: "-",
	}, {
		name: "3.0: Microsoft, encryption", dialect: SMB300, cipher: CipherAES128CCM,
		sessionKey: "b4546771b515f766a86735532dd6c4f0",
		signing:    "-",
		c2s:        "261b72350558f2e9dcf613070383edbf",
		s2c:        "8fe2b57ec34d2db5b1a9727f526bbdb5",
		appliKey:   "-",
	}, {
		name: "3.0.2: only the first 16 bytes count, and no cipher is negotiated", dialect: SMB302,
		sessionKey: "b4546771b515f766a86735532dd6c4f0ffffffffffffffffffffffffffffffff",
		signing:    "-",
		c2s:        "261b72350558f2e9dcf613070383edbf",
		s2c:        "8fe2b57ec34d2db5b1a9727f526bbdb5",
		appliKey:   "-",
	}, {
		name: "3.0: a short session key (OpenSSL)", dialect: SMB300,
		sessionKey: "0102030405060708",
		signing:    "1c885bcf66a193cbabd26754d66c786e",
		c2s:        "-", s2c: "-", appliKey: "-",
	}, {
		name: "3.1.1: Microsoft, anatomy", dialect: SMB311, cipher: CipherAES128GCM,
		sessionKey: "270e1ba896585eeb7af3472d3b4c75a7", preauth: anatomyPreauth,
		signing:  "73fe7a9a77bef0bde49c650d8ccb5f76",
		c2s:      "629bcbc54422a0f572b97f45989b6073", // EncryptionKey: the article sees it as the client
		s2c:      "e2af0dcefac68da71a0dfbd0d1350d74",
		appliKey: "6d7ad7954e9ec61e907b4d473dc178ff",
	}, {
		name: "3.1.1: Microsoft, encryption", dialect: SMB311, cipher: CipherAES128GCM,
		sessionKey: "419fddf34c1e001909d362ae7fb6af79", preauth: encryptionPreauth,
		signing:  "-",
		c2s:      "a2f5e80e5d59103034f32e52f698e5ec",
		s2c:      "748c50868c90f302962a5c35f5f9a8bf",
		appliKey: "-",
	}, {
		name: "3.1.1: smbd, AES-256-CCM", dialect: SMB311, cipher: CipherAES256CCM,
		sessionKey: "43049e72eea23e7a7e31676bc79e7f9b", preauth: samba256CCMPreauth,
		signing:  "98e8068277080a408ca0239a08669ff2",
		c2s:      "2c4d85c9ba841ed59ff93479448cae18fa0f09d25f4cbf7cadf1f4b98b3fd5f9",
		s2c:      "32c37c62366075f3b5a75c1062db1206607290c9e9adf5138eb39b6704a3a885",
		appliKey: "9a2f4d16c8628714ad196ec5fc530cba",
	}, {
		name: "3.1.1: smbd, AES-256-GCM", dialect: SMB311, cipher: CipherAES256GCM,
		sessionKey: "8effe782c3852ba8a4c608eaff626f9b", preauth: samba256GCMPreauth,
		signing:  "88a4bfdbe5c469ccc21d927b8fb9ffe7",
		c2s:      "a6df1de2ce9e77428ba635a6bfc0bf3a326249e969d586b00585f6a62c57df90",
		s2c:      "131fc6df52a6c90bfca75e5a17865ee44b3ff44f1359ccff130dce37af85b6ed",
		appliKey: "b2b65896ec648c260083de409687f109",
	}, {
		name: "3.1.1: a Kerberos key of 32 bytes is used whole for AES-256 keys only (OpenSSL)", dialect: SMB311, cipher: CipherAES256GCM,
		sessionKey: "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20", preauth: countingPreauth,
		signing:  "642df97abaeb00e8df6b88ee4e44e762",
		c2s:      "851ab84df74ad03e30645a861779cd8df256522bf7149d5ed14961504d479c1a",
		s2c:      "841e548281892bd647a82cb8da69dd7b5a05cac6b6f024966030908f62138d0e",
		appliKey: "c2266618f2812fd1482f2eaaf406bd9c",
	}, {
		name: "3.1.1: and cut to 16 bytes for AES-128 keys (OpenSSL)", dialect: SMB311, cipher: CipherAES128CCM,
		sessionKey: "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20", preauth: countingPreauth,
		signing:  "642df97abaeb00e8df6b88ee4e44e762",
		c2s:      "fa5c6971b3aa207eee774b41d5bf36ce",
		s2c:      "33782d93e8e99efd8cac5f718a04ef91",
		appliKey: "c2266618f2812fd1482f2eaaf406bd9c",
	}, {
		name: "3.1.1: no cipher", dialect: SMB311,
		sessionKey: "270e1ba896585eeb7af3472d3b4c75a7", preauth: anatomyPreauth,
		signing:  "73fe7a9a77bef0bde49c650d8ccb5f76",
		appliKey: "6d7ad7954e9ec61e907b4d473dc178ff",
	}} {
		t.Run(tt.name, func(t *testing.T) {
			k := DeriveSessionKeys(tt.dialect, tt.cipher, wireHex(t, tt.sessionKey), wireHex(t, tt.preauth))
			for _, key := range []struct {
				name string
				got  []byte
				want string
			}{
				{"signing", k.Signing, tt.signing},
				{"clientToServer", k.ClientToServer, tt.c2s},
				{"serverToClient", k.ServerToClient, tt.s2c},
				{"application", k.Application, tt.appliKey},
			} {
				if key.want != "-" && !bytes.Equal(key.got, wireHex(t, key.want)) {
					t.Errorf("%s key is %x, want %s", key.name, key.got, key.want)
				}
			}
		})
	}
}

func TestDeriveSessionKeysLeavesInputAlone(t *testing.T) {
	sessionKey := wireHex(t, "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20")
	before := bytes.Clone(sessionKey)
	k := DeriveSessionKeys(SMB210, 0, sessionKey, nil)
	k.Signing[0] ^= 0xFF
	if !bytes.Equal(sessionKey, before) {
		t.Error("the signing key shares memory with the session key")
	}
}
