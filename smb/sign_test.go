package smb

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// signedMessages are messages signed by others, each with its signing key.
// Those without a source come from smbclient, smbtorture and smbd 4.17.12.
var signedMessages = []struct {
	name string
	alg  SigningAlgorithm
	key  string
	msg  string
}{
	{"2.0.2, recorded elsewhere (SMBLibrary)", SigningHMACSHA256, "d38354cc374339f0524f789146789921", `
			fe534d4240000100280100c00b00070009000000000000000400000000000000fffe0000010000000100000000040000
			fbd284340324c62fbebb65dd1051f3ae0900000000000000ff`},
	{"2.1, recorded elsewhere (SMBLibrary)", SigningHMACSHA256, "04e707571f8e0353b77a94c3653b87b5", `
			fe534d4240000100280100c00b00070009000000000000000400000000000000fffe0000010000000500000000040000
			a164ffe53d6811981f386772e387e06f0900000000000000ff`},
	{"3.1.1, TREE_CONNECT request of smbclient", SigningHMACSHA256, "3cae4f79d94736a7af88704f5fac6195", `
			fe534d42400001000000000003000100180000000000000003000000000000000000000000000000efc98d9700000000
			0b7e6d1631ba1eac91ca2a636e0401fc09000000480020005c005c003100320037002e0030002e0030002e0031005c00
			4900500043002400`},
	{"3.1.1, TREE_CONNECT response of smbd", SigningHMACSHA256, "3cae4f79d94736a7af88704f5fac6195", `
			fe534d42400001000000000003000100190000000000000003000000000000000000000018b8d799efc98d9700000000
			c948d178b2bc7c0b3c08cd98c2a2eafd100002000000000000000000a9001f00`},
	{"3.1.1, SESSION_SETUP response (Microsoft, anatomy)", SigningAESCMAC, "73fe7a9a77bef0bde49c650d8ccb5f76", `
			fe534d4240000100000000000100800009000000000000000300000000000000fffe0000000000001900000000100000
			ebe146da120ba25fc3376a49dfe31bc10900000048001d00a11b3019a0030a0100a3120410010000003b453cdc352416
			4200000000`},
	{"3.1.1, binding SESSION_SETUP request (Microsoft, anatomy)", SigningAESCMAC, "73fe7a9a77bef0bde49c650d8ccb5f76", `
			fe534d4240000100000000000100800008000000000000000200000000000000fffe0000000000001900000000100000
			68bd0c58f613ce1334b1eb51c68d39ea19000101010000000000000058004a000000000000000000604806062b060105
			0502a03e303ca00e300c060a2b06010401823702020aa22a04284e544c4d5353500001000000978208e2000000000000
			00000000000000000000060380250000000f`},
	{"CHANGE_NOTIFY request of smbtorture", SigningAESGMAC, "2a1c4ebb2c5c767516c571bda450060c", `
			fe534d4240000100000000000f00010018000000000000000800000000000000000000004281e1d3d1b8a9a900000000
			fcb3c1aff2c440aebc9e6fc658de8a7b20000100e8030000f4c0c0f0000000005a4344c5000000000300000000000000`},
	{"CANCEL request with the same MessageId", SigningAESGMAC, "2a1c4ebb2c5c767516c571bda450060c", `
			fe534d4240000000000000000c000000180000000000000008000000000000000000000000000000d1b8a9a900000000
			3e9b449f0a396ca970549166702375e704000000`},
	{"CHANGE_NOTIFY response of smbd with the same MessageId", SigningAESGMAC, "2a1c4ebb2c5c767516c571bda450060c", `
			fe534d4240000100200100c00f00010019000000000000000800000000000000000000004281e1d3d1b8a9a900000000
			0192c5f285c7b07fffd4cbdfa2ceaf49090000000000000000`},
	{"CANCEL request with an AsyncId", SigningAESGMAC, "ecbf030708be57e0447fa7f38fa4c3e6", `
			fe534d4240000000000000000c0000001a000000000000000a000000000000000a0000000000000081feb7ef00000000
			5d851046bb82186b26ecf8fce3b1fdc004000000`},
	{"LOCK response with an AsyncId", SigningAESGMAC, "ecbf030708be57e0447fa7f38fa4c3e6", `
			fe534d4240000100200100c00a0000001b000000000000000a000000000000000a0000000000000081feb7ef00000000
			cc5deb9c745a5230a030ca8aa0d68f8a090000000000000000`},
}

func TestSignerRecorded(t *testing.T) {
	for _, tt := range signedMessages {
		t.Run(fmt.Sprintf("%v, %s", tt.alg, tt.name), func(t *testing.T) {
			s, err := NewSigner(tt.alg, wireHex(t, tt.key))
			if err != nil {
				t.Fatal(err)
			}
			want := wireHex(t, tt.msg)
			msg := bytes.Clone(want)
			if !s.Verify(msg) {
				t.Error("verify refuses the recorded signature")
			}
			if !bytes.Equal(msg, want) {
				t.Error("verify changed the message")
			}
			copy(msg[signatureAt:], "what stood there")
			if s.Verify(msg) {
				t.Error("verify takes any signature")
			}
			s.Sign(msg)
			if !bytes.Equal(msg, want) {
				t.Errorf("signature is %x, recorded was %x", msg[signatureAt:headerSize], want[signatureAt:headerSize])
			}
		})
	}
}

func TestSignerRefuses(t *testing.T) {
	for _, tt := range signedMessages {
		t.Run(fmt.Sprintf("%v, %s", tt.alg, tt.name), func(t *testing.T) {
			key := wireHex(t, tt.key)
			s, err := NewSigner(tt.alg, key)
			if err != nil {
				t.Fatal(err)
			}
			msg := wireHex(t, tt.msg)
			for i := range msg {
				for bit := range 8 {
					altered := bytes.Clone(msg)
					altered[i] ^= 1 << bit
					if s.Verify(altered) {
						t.Errorf("verify takes the message with bit %d of byte %d changed", bit, i)
					}
				}
			}
			for i := range msg {
				cut := bytes.Clone(msg[:i])
				if s.Verify(cut) {
					t.Errorf("verify takes the message cut to %d bytes", i)
				}
				if !bytes.Equal(cut, msg[:i]) {
					t.Errorf("verify changed the message cut to %d bytes", i)
				}
			}
			if s.Verify(append(bytes.Clone(msg), 0)) {
				t.Error("verify takes the message with a byte more")
			}
			key[15] ^= 1
			other, err := NewSigner(tt.alg, key)
			if err != nil {
				t.Fatal(err)
			}
			if other.Verify(msg) {
				t.Error("verify takes the message under another key")
			}
			for _, alg := range []SigningAlgorithm{SigningHMACSHA256, SigningAESCMAC, SigningAESGMAC} {
				s, err := NewSigner(alg, wireHex(t, tt.key))
				if err != nil {
					t.Fatal(err)
				}
				if got := s.Verify(msg); got != (alg == tt.alg) {
					t.Errorf("verify by %v says %v", alg, got)
				}
			}
		})
	}
}

// The examples of RFC 4493, section 4.
func TestSignerCMAC(t *testing.T) {
	const text = `6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51
		30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710`
	s, err := NewSigner(SigningAESCMAC, wireHex(t, "2b7e151628aed2a6abf7158809cf4f3c"))
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]string{
		0:  "bb1d6929e95937287fa37d129b756746",
		16: "070a16b46b4d4144f79bdd9dd04a287c",
		40: "dfa66747de9ae63030ca32611497c827",
		64: "51f0bebf7e3b9d92fc49741779363cfe",
	} {
		var got [16]byte
		s.compute(wireHex(t, text)[:n], &got)
		if hex.EncodeToString(got[:]) != want {
			t.Errorf("%d bytes: %x, want %s", n, got, want)
		}
	}
}

func TestNewSignerErrors(t *testing.T) {
	for n := range 65 {
		if n == 16 {
			continue
		}
		key := bytes.Repeat([]byte{0xA7}, n)
		for _, alg := range []SigningAlgorithm{SigningHMACSHA256, SigningAESCMAC, SigningAESGMAC} {
			_, err := NewSigner(alg, key)
			if err == nil {
				t.Fatalf("%v takes a key of %d bytes", alg, n)
			}
			if !strings.Contains(err.Error(), fmt.Sprintf("%d bytes", n)) || strings.Contains(strings.ToLower(err.Error()), "a7a7") {
				t.Errorf("%v, key of %d bytes: %v", alg, n, err)
			}
		}
	}
	if _, err := NewSigner(3, make([]byte, 16)); err == nil || !strings.Contains(err.Error(), "0x0003") {
		t.Errorf("unknown algorithm: %v", err)
	}
}

// One signer serves the writing and the reading goroutine of a connection.
func TestSignerConcurrent(t *testing.T) {
	for _, alg := range []SigningAlgorithm{SigningHMACSHA256, SigningAESCMAC, SigningAESGMAC} {
		s, err := NewSigner(alg, wireHex(t, "2b7e151628aed2a6abf7158809cf4f3c"))
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for id := range 4 {
			wg.Go(func() {
				msg := make([]byte, 200+id)
				for i := range 200 {
					msg[messageIDAt], msg[messageIDAt+1] = byte(i), byte(id)
					s.Sign(msg)
					if !s.Verify(msg) {
						t.Errorf("%v: goroutine %d refuses its own message %d", alg, id, i)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

// What a message costs in memory must not grow with it.
func TestSignerAllocations(t *testing.T) {
	for _, alg := range []SigningAlgorithm{SigningHMACSHA256, SigningAESCMAC, SigningAESGMAC} {
		s, err := NewSigner(alg, make([]byte, 16))
		if err != nil {
			t.Fatal(err)
		}
		msg := make([]byte, 1<<20)
		s.Sign(msg) // the first one sets up what the others reuse
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 4 {
			s.Sign(msg)
			if !s.Verify(msg) {
				t.Fatalf("%v refuses its own signature", alg)
			}
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 256<<10 {
			t.Errorf("%v takes %d bytes of memory to sign and verify 1 MiB 4 times", alg, used)
		}
	}
}

func TestSigningAlgorithmString(t *testing.T) {
	for alg, want := range map[SigningAlgorithm]string{
		0: "HMAC-SHA256", 1: "AES-CMAC", 2: "AES-GMAC", 3: "SigningAlgorithm(0x0003)",
	} {
		if got := alg.String(); got != want {
			t.Errorf("%d prints %q, want %q", uint16(alg), got, want)
		}
	}
}

func BenchmarkSigner(b *testing.B) {
	for _, alg := range []SigningAlgorithm{SigningHMACSHA256, SigningAESCMAC, SigningAESGMAC} {
		s, err := NewSigner(alg, make([]byte, 16))
		if err != nil {
			b.Fatal(err)
		}
		for _, size := range []int{200, 64 << 10} {
			msg := make([]byte, size)
			rand.Read(msg)
			b.Run(fmt.Sprintf("sign/%v/%d", alg, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					s.Sign(msg)
				}
			})
			b.Run(fmt.Sprintf("verify/%v/%d", alg, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if !s.Verify(msg) {
						b.Fatal("own signature refused")
					}
				}
			})
		}
	}
}
