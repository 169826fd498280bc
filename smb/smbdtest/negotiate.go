package smbdtest

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// negotiate sends one NEGOTIATE and returns the name of the server that answered it: Samba puts its NetBIOS name in the
// ServerGuid field. It is written here, small and apart from the module's client, so that a fault in that client cannot
// look like a server that does not start.
func negotiate(addr string, deadline time.Time) (name string, err error) {
	const step = 2 * time.Second // a listener that is no SMB server may never answer
	if d := time.Now().Add(step); d.Before(deadline) {
		deadline = d
	}
	c, err := (&net.Dialer{Deadline: deadline}).Dial("tcp", addr)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := c.SetDeadline(deadline); err != nil {
		return "", err
	}
	if _, err := c.Write(negotiateRequest()); err != nil {
		return "", err
	}
	// The frame's length, the header and the response as far as ServerGuid, [MS-SMB2] 2.1, 2.2.1.2 and 2.2.4.
	const header, guid, guidEnd = 4, 4 + 64 + 8, 4 + 64 + 24
	b := make([]byte, guidEnd)
	if _, err := io.ReadFull(c, b); err != nil {
		return "", fmt.Errorf("answer to NEGOTIATE: %w", err)
	}
	if !bytes.Equal(b[header:header+4], []byte("\xfeSMB")) {
		return "", fmt.Errorf("answer to NEGOTIATE starts with % x, not SMB2", b[:header+4])
	}
	if status := binary.LittleEndian.Uint32(b[header+8:]); status != 0 {
		return "", fmt.Errorf("NEGOTIATE: status 0x%08x", status)
	}
	return string(bytes.TrimRight(b[guid:guidEnd], "\x00")), nil
}

// negotiateRequest offers every dialect of SMB2, [MS-SMB2] 2.2.3, with the one context that 3.1.1 asks for, 2.2.3.1.1.
func negotiateRequest() []byte {
	le := binary.LittleEndian
	b := make([]byte, 4+64, 4+160)
	copy(b[4:], "\xfeSMB")
	le.PutUint16(b[8:], 64) // StructureSize
	le.PutUint16(b[18:], 1) // CreditRequest

	dialects := []uint16{0x0202, 0x0210, 0x0300, 0x0302, 0x0311}
	const contexts = 112                          // header 64, request 36, dialects 10, and 2 to align
	b = le.AppendUint16(b, 36)                    // StructureSize
	b = le.AppendUint16(b, uint16(len(dialects))) // DialectCount
	b = le.AppendUint16(b, 1)                     // SecurityMode: signing enabled
	b = le.AppendUint16(b, 0)                     // Reserved
	b = le.AppendUint32(b, 0)                     // Capabilities
	b = append(b, make([]byte, 16)...)            // ClientGuid
	_, _ = rand.Read(b[len(b)-16:])               // never fails
	b = le.AppendUint32(b, contexts)              // NegotiateContextOffset
	b = le.AppendUint32(b, 1)                     // NegotiateContextCount, Reserved2
	for _, d := range dialects {
		b = le.AppendUint16(b, d)
	}
	b = append(b, 0, 0)
	b = le.AppendUint16(b, 1)  // SMB2_PREAUTH_INTEGRITY_CAPABILITIES
	b = le.AppendUint16(b, 38) // DataLength
	b = le.AppendUint32(b, 0)  // Reserved
	b = le.AppendUint16(b, 1)  // HashAlgorithmCount
	b = le.AppendUint16(b, 32) // SaltLength
	b = le.AppendUint16(b, 1)  // SHA-512
	b = append(b, make([]byte, 32)...)
	_, _ = rand.Read(b[len(b)-32:])
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}
