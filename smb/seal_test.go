package smb

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
)

// sealedFrames are frames encrypted by others, each with its key. Microsoft's
// are from the articles "Encryption in SMB 3.0: A protocol perspective" and
// "SMB 3.1.1 Encryption in Windows 10", the others were recorded with Samba
// 4.17.12 and decrypted with OpenSSL.
var sealedFrames = []struct {
	name      string
	cipher    Cipher
	key       string
	sessionID uint64
	frame     string
	msg       string
}{
	{"Microsoft, SMB 3.0 WRITE request", CipherAES128CCM, "261b72350558f2e9dcf613070383edbf", 0x8e40014000011, `
			fd534d4281a286535415445dae393921e44fa42e66e69a111892584fb5ed524a744da3ee870000000000010011000014
			00e4080025c8fee16605a437832d1cd52da9f4645333482a175fe5384563f45fcdafaef38bc62ba4d5c62897996625a4
			4c29be5658de2e6117585779e7b59ffd971278d08580d7fa899e410e910eabf5aa1db43050b33b49182637759ac15d84
			bfcdf5b6b238993c0f4cf4d6012023f6c627297075d84b7803912d0a9639634453595ef3e33ffe4e7ac2ab`, `
			fe534d4240000100000000000900400008000000000000000400000000000000fffe0000010000001100001400e40800
			000000000000000000000000000000003100700017000000000000000000000015010000390000020100000039020000
			00000000000000007000000000000000536d623320656e6372797074696f6e2074657374696e67`},
	{"Microsoft, SMB 3.0 WRITE response", CipherAES128CCM, "8fe2b57ec34d2db5b1a9727f526bbdb5", 0x8e40014000011, `
			fd534d42a6015530a18f6d9affe22afae8e6648486000000000000001100001400e40800500000000000010011000014
			00e40800dbf46435c5f14169293ce079e344479bf670227e49873f458672c3098dac467dd5809f369d67409166515787
			1483e01f7becd02064eac3e235f913668bbc2f097980d4b378f1993eff6e60d177309e5b`, `
			fe534d4240000100000000000900210009000000000000000400000000000000fffe0000010000001100001400e40800
			0000000000000000000000000000000011000000170000000000000000000000`},
	{"Microsoft, SMB 3.1.1 WRITE request", CipherAES128GCM, "a2f5e80e5d59103034f32e52f698e5ec", 0x100000000025, `
			fd534d42bd73d97d2bc9001bcafac0fdff5feebcc7d6822d269caf48904c664c00000000870000000000010025000000
			001000006ecdd2a7afc7b47763057a041b8fd4daffe990b70c9e09d36c084e02d14ef247f8bde38acf6256f8b1d3b56f
			77fbdeb312fea5e92cbcc1ed8fb2ebbfaa75e49a4a394bb44576545567c24d4c014d47c9fbdfdafd2c4f9b72f8d25645
			2620a299f48e29e53d6b61d1c13a19e91af013f00d17e3abc2fc3d36c8c1b6b93973253852dbd442e46ee8`, `
			fe534d4240000100000000000900010008000000000000000500000000000000fffe0000010000002500000000100000
			000000000000000000000000000000003100700017000000000000000000000006000000040000000100000004000000
			00000000000000007000000000000000536d623320656e6372797074696f6e2074657374696e67`},
	{"Microsoft, SMB 3.1.1 WRITE response", CipherAES128GCM, "748c50868c90f302962a5c35f5f9a8bf", 0x100000000025, `
			fd534d42acbe1cb7ed343adf1725ef144d90d4b0e06831dd2e8eb7b40000000000000000500000000000010025000000
			0010000026bbbf949983a6c1c796559d0f2c510cb651d1f7b6ac8ded32a2a0b8f2d793a815c6f6b848d69767a215841a
			42d400ae6ddb5f0b44173a014973321fdd7950da6179159b82e03c9e18a050ff0ea1c967`, `
			fe534d4240000100000000000900010001000000000000000500000000000000fffe0000010000002500000000100000
			0000000000000000000000000000000011000000170000000000000000000000`},
	{"smbclient, TREE_CONNECT request", CipherAES256CCM, "2c4d85c9ba841ed59ff93479448cae18fa0f09d25f4cbf7cadf1f4b98b3fd5f9", 0x5c79676a, `
			fd534d427f753e5ad3f92f7292af79f2e7368dde010000000000000084caa8000000000068000000000001006a67795c
			0000000076a4ca32ae5b50deb25d171d23eafb76d670681946d016e6626fd0f75e6215ce958b760412fda01901689deb
			cb28c9f686a6a558828db3a83b9a5db52da16743c4670fdc556f693c0edbaf646d8fde1034fad1c237e6545be904d2ab
			5d6d3c73794b9f985f4265d6`, `
			fe534d424000010000000000030001001000000000000000030000000000000000000000000000006a67795c00000000
			0000000000000000000000000000000009000000480020005c005c003100320037002e0030002e0030002e0031005c00
			4900500043002400`},
	{"smbd, TREE_CONNECT response", CipherAES256CCM, "32c37c62366075f3b5a75c1062db1206607290c9e9adf5138eb39b6704a3a885", 0x5c79676a, `
			fd534d42ead14caf4753e7e4c0b5687092df6d3d01000000000000002406a5000000000050000000000001006a67795c
			000000002d24d5b1c12b335aa2663cb48e10d408ad31913171e24e9b16dc383caaf6b548bd73c0fb4aced29720caf20e
			6f8babb6817ef5a5ce205aa156112c9d02e5fcca7c3fb93015be89ebc5e1ddd6dff20dc8`, `
			fe534d4240000100000000000300010011000000000000000300000000000000000000008b88e1f46a67795c00000000
			00000000000000000000000000000000100002000000000000000000a9001f00`},
	{"smbclient, TREE_CONNECT request", CipherAES256GCM, "a6df1de2ce9e77428ba635a6bfc0bf3a326249e969d586b00585f6a62c57df90", 0xc7eef2ed, `
			fd534d425157791c4da6794475c879ee2818cf9c0100000000000000290562f2000000006800000000000100edf2eec7
			00000000faa297e4136d5937eb3ee6f238a3bfd3565fc96010d0343233aee76f10992d450a211b6d39481eaf828368b2
			5a4cf365fa418db6b8f6d267c5d5bfd788423eaa4347b8fb9577c65d7e6e572f20d34b19a4d90ea220a1ae96907feac9
			52d0491664c5c9c8e38ed979`, `
			fe534d42400001000000000003000100100000000000000003000000000000000000000000000000edf2eec700000000
			0000000000000000000000000000000009000000480020005c005c003100320037002e0030002e0030002e0031005c00
			4900500043002400`},
	{"smbd, TREE_CONNECT response", CipherAES256GCM, "131fc6df52a6c90bfca75e5a17865ee44b3ff44f1359ccff130dce37af85b6ed", 0xc7eef2ed, `
			fd534d4200e3093f0a724fb604d86c3ce8583fe9010000000000000079550481000000005000000000000100edf2eec7
			0000000025a085e26a4ebb731d779128d2625673f1e69948cb6d4270ec27783470f79e6428d261ff90b544980addb8c2
			8938ddc584eb764682a2d6b4b8f4dbe3f19d4264e2f5fa45631aad3e49ae411bfab26413`, `
			fe534d42400001000000000003000100110000000000000003000000000000000000000083503b67edf2eec700000000
			00000000000000000000000000000000100002000000000000000000a9001f00`},
}

var ciphers = []Cipher{CipherAES128CCM, CipherAES128GCM, CipherAES256CCM, CipherAES256GCM}

// countingSealer returns a sealer with the key 00 01 02 … .
func countingSealer(t testing.TB, c Cipher) *Sealer {
	t.Helper()
	key := make([]byte, 16)
	if c == CipherAES256CCM || c == CipherAES256GCM {
		key = make([]byte, 32)
	}
	for i := range key {
		key[i] = byte(i)
	}
	s, err := NewSealer(c, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// setNonce makes the sealer's next nonce the one of a recorded frame.
func (s *Sealer) setNonce(frame []byte) {
	nonce := frame[transformNonceAt:][:s.aead.NonceSize()]
	n := copy(s.prefix[:], nonce[:len(nonce)-8])
	s.start = binary.LittleEndian.Uint64(nonce[n:])
	s.sealed.Store(0)
}

func TestSealerRecorded(t *testing.T) {
	for _, tt := range sealedFrames {
		t.Run(fmt.Sprintf("%v, %s", tt.cipher, tt.name), func(t *testing.T) {
			s, err := NewSealer(tt.cipher, wireHex(t, tt.key))
			if err != nil {
				t.Fatal(err)
			}
			frame, want := wireHex(t, tt.frame), wireHex(t, tt.msg)
			if id, ok := TransformSessionID(frame); !ok || id != tt.sessionID {
				t.Errorf("TransformSessionID is 0x%x, %v, want 0x%x", id, ok, tt.sessionID)
			}
			msg, err := s.Open(bytes.Clone(frame))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(msg, want) {
				t.Fatalf("message is\n%x, want\n%x", msg, want)
			}
			s.setNonce(frame)
			used := bytes.Repeat([]byte{0xEE}, len(frame)+transformTagSize) // by an earlier message
			got, err := s.Seal(used[:0], want, tt.sessionID)
			if err != nil {
				t.Fatal(err)
			}
			if reserved := frame[transformNonceAt+s.aead.NonceSize() : transformSizeAt]; !bytes.Equal(reserved, make([]byte, len(reserved))) {
				// The sender left something in the Nonce's reserved bytes, which
				// are authenticated: all but they and the Signature is as ours.
				clear(reserved)
				clear(frame[transformSignatureAt:transformNonceAt])
				clear(got[transformSignatureAt:transformNonceAt])
			}
			if !bytes.Equal(got, frame) {
				t.Errorf("frame is\n%x, recorded was\n%x", got, frame)
			}
		})
	}
}

// Large messages, against frames computed with OpenSSL.
func TestSealerLarge(t *testing.T) {
	msg := make([]byte, 1<<20+13)
	for i := range msg {
		msg[i] = byte(i*7 + i>>8)
	}
	var nonce [transformHeaderSize]byte
	for i := range 16 {
		nonce[transformNonceAt+i] = byte(0xA0 + i)
	}
	for c, want := range map[Cipher]string{
		CipherAES128CCM: "163b343deeff78aac238ba811e232d97604e42e286125e331e2cf18a1271abeb",
		CipherAES128GCM: "bc10af3123da03f9a627374c7d39dddfc21ec8b7f5d86c5c9433dab4d0719145",
		CipherAES256CCM: "7229dfd49c8752eea1adb009cebdf782424ac216e1faa88304e1335e61c3ca4f",
		CipherAES256GCM: "5b9648837ad80f45005910ffcfc4a0ef4c06b2f18fd0a128ba81977498676a72",
	} {
		s := countingSealer(t, c)
		s.setNonce(nonce[:])
		frame, err := s.Seal(nil, msg, 0x1122334455667788)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(frame); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%v: SHA-256 of the frame is %x, want %s", c, sum, want)
		}
		got, err := s.Open(frame)
		if err != nil || !bytes.Equal(got, msg) {
			t.Errorf("%v: opened message differs, error %v", c, err)
		}
	}
}

func TestSealerSizes(t *testing.T) {
	all := bytes.Repeat([]byte("0123456789abcdefg"), 1<<18/17)
	for _, c := range ciphers {
		s := countingSealer(t, c)
		sizes := []int{1<<16 - 1, 1 << 16, 1<<16 + 1, 1<<17 + 5}
		for n := 1; n < 300; n++ {
			sizes = append(sizes, n)
		}
		for _, n := range sizes {
			frame, err := s.Seal([]byte("before"), all[:n], 7)
			if err != nil {
				t.Fatalf("%v, %d bytes: %v", c, n, err)
			}
			if !bytes.HasPrefix(frame, []byte("before")) || len(frame) != len("before")+transformHeaderSize+n {
				t.Fatalf("%v, %d bytes: appended frame has %d bytes", c, n, len(frame))
			}
			got, err := s.Open(frame[len("before"):])
			if err != nil || !bytes.Equal(got, all[:n]) {
				t.Fatalf("%v, %d bytes: opened message differs, error %v", c, n, err)
			}
		}
	}
}

func TestSealerSealsInPlace(t *testing.T) {
	want := []byte("a message that was built where its frame is to be")
	for _, c := range ciphers {
		for _, room := range []int{0, transformTagSize} {
			s := countingSealer(t, c)
			buf := make([]byte, 4+transformHeaderSize+len(want), 4+transformHeaderSize+len(want)+room)
			copy(buf[4+transformHeaderSize:], want)
			frame, err := s.Seal(buf[:4], buf[4+transformHeaderSize:], 7)
			if err != nil {
				t.Fatal(err)
			}
			if moved := &frame[0] != &buf[0]; moved != (room == 0) {
				t.Errorf("%v with %d bytes of room: moved is %v", c, room, moved)
			}
			got, err := s.Open(frame[4:])
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v with %d bytes of room: %q, error %v", c, room, got, err)
			}
		}
	}
}

func TestSealerRefuses(t *testing.T) {
	for _, tt := range sealedFrames {
		t.Run(fmt.Sprintf("%v, %s", tt.cipher, tt.name), func(t *testing.T) {
			key := wireHex(t, tt.key)
			s, err := NewSealer(tt.cipher, key)
			if err != nil {
				t.Fatal(err)
			}
			frame := wireHex(t, tt.frame)
			for i := range frame {
				if _, err := s.Open(bytes.Clone(frame[:i])); err == nil {
					t.Errorf("open takes the frame cut to %d bytes", i)
				}
				for bit := range 8 {
					altered := bytes.Clone(frame)
					altered[i] ^= 1 << bit
					if _, err := s.Open(altered); err == nil {
						t.Errorf("open takes the frame with bit %d of byte %d changed", bit, i)
					}
				}
			}
			if _, err := s.Open(append(bytes.Clone(frame), 0)); err == nil {
				t.Error("open takes the frame with a byte more")
			}
			key[0] ^= 1
			other, err := NewSealer(tt.cipher, key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := other.Open(bytes.Clone(frame)); !errors.Is(err, errUnsealed) {
				t.Errorf("open with another key: %v", err)
			}
		})
	}
}

func TestSealerErrorsNameTheField(t *testing.T) {
	s := countingSealer(t, CipherAES128GCM)
	good, err := s.Seal(nil, []byte("a message"), 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(f []byte) []byte
		want   string
	}{
		{"nothing", func(f []byte) []byte { return nil }, "0 bytes"},
		{"a header alone", func(f []byte) []byte { return f[:transformHeaderSize] }, "52 bytes"},
		{"a plain message", func(f []byte) []byte { f[0] = 0xFE; return f }, "ProtocolId 0x424D53FE"},
		{"flags 0", func(f []byte) []byte { f[42] = 0; return f }, "Flags/EncryptionAlgorithm 0x0000"},
		{"flags 0x0101", func(f []byte) []byte { f[43] = 1; return f }, "Flags/EncryptionAlgorithm 0x0101"},
		{"size 0", func(f []byte) []byte { clear(f[36:40]); return f }, "OriginalMessageSize 0,"},
		{"size too small", func(f []byte) []byte { f[36]--; return f }, "OriginalMessageSize 8,"},
		{"size too large", func(f []byte) []byte { f[36]++; return f }, "OriginalMessageSize 10,"},
		{"size the largest", func(f []byte) []byte {
			binary.LittleEndian.PutUint32(f[36:], math.MaxUint32)
			return f
		}, "OriginalMessageSize 4294967295,"},
		{"cut", func(f []byte) []byte { return f[:len(f)-1] }, "but 8 bytes follow"},
		{"tag", func(f []byte) []byte { f[4] ^= 1; return f }, "Signature"},
		{"nonce", func(f []byte) []byte { f[20] ^= 1; return f }, "Signature"},
		{"session", func(f []byte) []byte { f[44] ^= 1; return f }, "Signature"},
		{"message", func(f []byte) []byte { f[52] ^= 1; return f }, "Signature"},
	} {
		_, err := s.Open(tt.change(bytes.Clone(good)))
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "smb: ") {
			t.Errorf("%s: error %v does not say %q", tt.name, err, tt.want)
		}
	}
}

func TestSealerMaximum(t *testing.T) {
	s := countingSealer(t, CipherAES128GCM)
	msg := make([]byte, maxSealed+1)
	frame, err := s.Seal(nil, msg[:maxSealed], 7)
	if err != nil || len(frame) != 0xFFFFFF {
		t.Errorf("the largest message gives %d bytes, error %v", len(frame), err)
	}
	if _, err := s.Seal(nil, msg, 7); !errors.Is(err, errSealLength) {
		t.Errorf("a message too large: error %v", err)
	}
}

// No nonce may come twice, whoever asks for it.
func TestSealerNonces(t *testing.T) {
	for _, c := range ciphers {
		s := countingSealer(t, c)
		s.start = math.MaxUint64 - 500 // the counter passes its end on the way
		var mu sync.Mutex
		seen := make(map[string]bool)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 500 {
					frame, err := s.Seal(nil, []byte("x"), 7)
					if err != nil {
						t.Error(err)
						return
					}
					field := frame[transformNonceAt:transformSizeAt]
					mu.Lock()
					if seen[string(field)] {
						t.Errorf("%v: nonce %x came twice", c, field)
					}
					seen[string(field)] = true
					mu.Unlock()
					if used := s.aead.NonceSize(); !bytes.Equal(field[used:], make([]byte, 16-used)) {
						t.Errorf("%v: reserved bytes of nonce %x are not zero", c, field)
					}
				}
			})
		}
		wg.Wait()
		if len(seen) != 2000 {
			t.Errorf("%v: %d different nonces for 2000 messages", c, len(seen))
		}
	}
}

func TestSealerNoncesEnd(t *testing.T) {
	s := countingSealer(t, CipherAES128GCM)
	s.sealed.Store(math.MaxUint64 - 1)
	if _, err := s.Seal(nil, []byte("x"), 7); err != nil {
		t.Fatalf("the last nonce: %v", err)
	}
	for range 3 {
		if _, err := s.Seal(nil, []byte("x"), 7); !errors.Is(err, errNoNonce) {
			t.Fatalf("after the last nonce: error %v", err)
		}
	}
}

// Two channels of one session have the same key.
func TestSealersOfOneKeyDiffer(t *testing.T) {
	for _, c := range ciphers {
		a, b := countingSealer(t, c), countingSealer(t, c)
		if a.prefix == b.prefix || a.start == b.start {
			t.Errorf("%v: two sealers begin with the same nonce or parts of it", c)
		}
	}
}

func TestNewSealerErrors(t *testing.T) {
	for n := range 65 {
		key := bytes.Repeat([]byte{0xA7}, n)
		for _, c := range ciphers {
			want := 16
			if c == CipherAES256CCM || c == CipherAES256GCM {
				want = 32
			}
			_, err := NewSealer(c, key)
			if (err == nil) != (n == want) {
				t.Errorf("%v, key of %d bytes: error %v", c, n, err)
			}
			if err != nil && strings.Contains(strings.ToLower(err.Error()), "a7a7") {
				t.Errorf("%v: the error shows the key", c)
			}
		}
	}
	for _, c := range []Cipher{0, 5} {
		if _, err := NewSealer(c, make([]byte, 16)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("0x%04X", uint16(c))) {
			t.Errorf("cipher %d: error %v", uint16(c), err)
		}
	}
}

func TestTransformSessionID(t *testing.T) {
	frame := wireHex(t, sealedFrames[0].frame)
	for n := range transformHeaderSize {
		if _, ok := TransformSessionID(frame[:n]); ok {
			t.Errorf("%d bytes are taken for a transform header", n)
		}
	}
	if id, ok := TransformSessionID(frame[:transformHeaderSize]); !ok || id != 0x8e40014000011 {
		t.Errorf("0x%x, %v", id, ok)
	}
	frame[0] = 0xFE
	if _, ok := TransformSessionID(frame); ok {
		t.Error("a plain message is taken for a transform header")
	}
}

func TestCipherString(t *testing.T) {
	for c, want := range map[Cipher]string{
		0: "", 1: "AES-128-CCM", 2: "AES-128-GCM", 3: "AES-256-CCM", 4: "AES-256-GCM", 5: "Cipher(0x0005)",
	} {
		if got := c.String(); got != want {
			t.Errorf("%d prints %q, want %q", uint16(c), got, want)
		}
	}
}

// Whatever opens must be what sealing its message gives.
func FuzzSealerOpen(f *testing.F) {
	for i, tt := range sealedFrames {
		frame := wireHex(f, tt.frame)
		for _, n := range []int{len(frame), len(frame) - 1, transformHeaderSize + 1, transformHeaderSize, 20, 0} {
			f.Add(uint8(i), frame[:n])
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, frame []byte) {
		tt := sealedFrames[int(i)%len(sealedFrames)]
		s, err := NewSealer(tt.cipher, wireHex(t, tt.key))
		if err != nil {
			t.Fatal(err)
		}
		id, ok := TransformSessionID(frame)
		msg, err := s.Open(bytes.Clone(frame))
		if err != nil {
			return
		}
		if !ok {
			t.Fatal("open takes what TransformSessionID does not")
		}
		s.setNonce(frame)
		again, err := s.Seal(nil, msg, id)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again[transformHeaderSize:], frame[transformHeaderSize:]) {
			t.Fatal("the same message seals to something else")
		}
	})
}

func BenchmarkSealer(b *testing.B) {
	for _, c := range ciphers {
		s := countingSealer(b, c)
		for _, size := range []int{200, 64 << 10} {
			msg := make([]byte, size)
			frame, err := s.Seal(nil, msg, 7)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("seal/%v/%d", c, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				buf := make([]byte, 0, transformHeaderSize+size+transformTagSize)
				for b.Loop() {
					if _, err := s.Seal(buf, msg, 7); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(fmt.Sprintf("open/%v/%d", c, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				buf := make([]byte, len(frame))
				for b.Loop() {
					copy(buf, frame)
					if _, err := s.Open(buf); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
