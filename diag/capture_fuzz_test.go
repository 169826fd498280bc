package diag

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"

	"err32/smb"
)

// FuzzCaptureTap gives streams of any bytes to a tap, in pieces. What passes is
// not changed, and the file can be read whatever it was. In the input, each
// piece is its direction and length in a byte, and its bytes.
func FuzzCaptureTap(f *testing.F) {
	for _, name := range []string{"session-3.1.1", "session-3.1.1-encrypted", "session-2.1-signed"} {
		frames, _ := loadWire(f, name)
		var input []byte
		for _, frame := range frames[:min(14, len(frames))] {
			stream := append(binary.BigEndian.AppendUint32(nil, uint32(len(frame.b))), frame.b...)
			for len(stream) > 0 {
				n := min(127, len(stream))
				direction := byte(0)
				if frame.fromServer {
					direction = 0x80
				}
				input = append(append(input, direction|byte(n)), stream[:n]...)
				stream = stream[n:]
			}
		}
		f.Add(input)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, input []byte) {
		c, err := createTemporaryCapture(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(c.Name())
		socket := &shortSocket{write: -1, read: 1 << 20}
		tap := c.tap(socket, Credentials{User: "root", Password: "x"})
		buffer := make([]byte, 128)
		for i := 0; len(input) > 0; i++ {
			direction, n := input[0]&0x80, min(int(input[0]&0x7F), len(input)-1)
			piece := bytes.Clone(input[1 : 1+n])
			if direction == 0 {
				tap.Write(piece)
			} else {
				socket.in = piece
				got, _ := tap.Read(buffer)
				piece = buffer[:got]
			}
			if !bytes.Equal(piece, input[1:1+n]) {
				t.Fatal("what passes was changed")
			}
			input = input[1+n:]
			c.Event(Event{ID: i, Actor: ActorContender, What: whatTry})
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		for _, frame := range assemble(t, readCapture(t, c.Name())) {
			for rest := frame.b; rest != nil; {
				_, msg, next, err := smb.SplitCompound(rest)
				if err != nil {
					break
				}
				if _, token, found := bytes.Cut(msg[smbHeader:], ntlmSignature); found && len(bytes.Trim(token, "\x00")) > 0 {
					t.Fatalf("a token in %x", msg)
				}
				rest = next
			}
		}
	})
}

// FuzzBlankMessages checks that nothing of a log-on or of a file's data is left,
// whatever the lengths say, and that blanking twice changes nothing.
func FuzzBlankMessages(f *testing.F) {
	for _, name := range []string{"session-3.1.1", "session-2.1-signed", "session-info"} {
		frames, _ := loadWire(f, name)
		for _, frame := range frames {
			f.Add(frame.b, frame.fromServer, true)
		}
	}
	f.Fuzz(func(t *testing.T, message []byte, fromServer, hint bool) {
		rules := blankRules{readsPipe: func(smb.Header) bool { return false }, hint: hint}
		got := bytes.Clone(message)
		blankMessages(got, fromServer, rules)
		again := bytes.Clone(got)
		if blankMessages(again, fromServer, rules); !bytes.Equal(again, got) {
			t.Errorf("blanked twice:\n%x\n%x", got, again)
		}
		for rest := got; rest != nil; {
			h, msg, next, err := smb.SplitCompound(rest)
			if err != nil {
				if zeros := bytes.Trim(rest[min(smbHeader, len(rest)):], "\x00"); len(zeros) > 0 {
					t.Errorf("%x is left", zeros)
				}
				break
			}
			fixed := len(msg)
			switch {
			case h.Command == smb.CommandSessionSetup && fromServer:
				fixed = smbHeader + 8
			case h.Command == smb.CommandSessionSetup:
				fixed = smbHeader + 24
			case h.Command == smb.CommandRead && fromServer:
				fixed = smbHeader + 16
			}
			if left := bytes.Trim(msg[min(fixed, len(msg)):], "\x00"); len(left) > 0 {
				t.Errorf("%v: %x is left", h.Command, left)
			}
			rest = next
		}
	})
}
