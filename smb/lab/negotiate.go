package lab

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"err32/smb"
)

// wildcardDialect answers an SMB1 NEGOTIATE that offers "SMB 2.???": the client
// is to come again with an SMB2 NEGOTIATE, [MS-SMB2] 3.3.5.3.2.
const wildcardDialect smb.Dialect = 0x02FF

// isSMB1 reports whether a frame begins like an SMB1 message.
func isSMB1(frame []byte) bool { return bytes.HasPrefix(frame, []byte("\xFFSMB")) }

// negotiateSMB1 answers the SMB1 NEGOTIATE that older and Windows clients begin
// with, if it offers SMB2, [MS-SMB2] 3.3.5.3.
func (c *conn) negotiateSMB1(frame []byte) error {
	const smb1Header, negotiateCommand = 32, 0x72
	if c.negotiated || len(frame) < smb1Header || frame[4] != negotiateCommand {
		return errProtocol
	}
	var dialect smb.Dialect
	switch offers := frame[smb1Header:]; {
	case c.server.MaxDialect > smb.SMB202 && bytes.Contains(offers, []byte("\x02SMB 2.???\x00")):
		dialect = wildcardDialect
	case c.server.MinDialect <= smb.SMB202 && bytes.Contains(offers, []byte("\x02SMB 2.002\x00")):
		dialect = smb.SMB202
	default:
		return c.refuseSMB1(frame[:smb1Header])
	}
	if !c.window.take(0, 1, c.window.high) {
		return errCredits
	}
	m := c.server.negotiateResponse(dialect, 0)
	if dialect == smb.SMB202 {
		c.negotiated, c.dialect, c.response = true, dialect, *m
		// What the client will say it sent, should it ask for that to be confirmed:
		// SMB1 has no place for the rest.
		c.request = smb.NegotiateRequest{Dialects: []smb.Dialect{dialect}}
	}
	h := smb.Header{Flags: smb.FlagResponse, Credits: c.window.grant(1)}
	c.send(smb.Append(nil, h, m), nil, nil)
	return nil
}

// refuseSMB1 tells a client that speaks SMB1 alone that none of its dialects
// will do, DialectIndex 0xFFFF in [MS-CIFS] 2.2.4.52.2, and ends the connection.
func (c *conn) refuseSMB1(header []byte) error {
	const statusAt, flagsAt, reply = 5, 9, 0x80
	b := append(smb.AppendFrameHeader(nil), header...)
	clear(b[4+statusAt : 4+flagsAt])
	b[4+flagsAt] |= reply
	b = append(b, 1, 0xFF, 0xFF, 0, 0) // WordCount, DialectIndex, ByteCount
	if err := smb.FinishFrame(b, 0); err != nil {
		return err
	}
	c.out.put(outFrame{b: b, end: errProtocol})
	return nil
}

// negotiateResponse is what the server says of itself.
func (s *Server) negotiateResponse(d smb.Dialect, asked smb.Capabilities) *smb.NegotiateResponse {
	m := &smb.NegotiateResponse{
		SecurityMode: smb.SigningEnabled, Dialect: d, ServerGUID: s.guid,
		MaxTransactSize: uint32(s.Limits.Transfer), MaxReadSize: uint32(s.Limits.Transfer), MaxWriteSize: uint32(s.Limits.Transfer),
		SystemTime: fileTime(s.now()), ServerStartTime: 0, SecurityBuffer: negotiateHint(),
	}
	if s.Signing == smb.Required {
		m.SecurityMode |= smb.SigningRequired
	}
	if d == smb.SMB202 {
		m.MaxTransactSize, m.MaxReadSize, m.MaxWriteSize = 64<<10, 64<<10, 64<<10
		return m
	}
	m.Capabilities = smb.CapLargeMTU | smb.CapLeasing
	if d >= smb.SMB300 && d < smb.SMB311 && s.Encryption != smb.Off {
		m.Capabilities |= asked & smb.CapEncryption
	}
	return m
}

// negotiate agrees on a dialect, [MS-SMB2] 3.3.5.4.
func (r *request) negotiate(m *smb.NegotiateRequest) (smb.Message, smb.NTStatus) {
	c, s := r.conn, r.server()
	if c.negotiated {
		s.endConn(c, errProtocol)
		return nil, smb.StatusInvalidParameter
	}
	if len(m.Dialects) == 0 {
		return nil, smb.StatusInvalidParameter
	}
	var best smb.Dialect
	for _, d := range smb.Dialects {
		if d >= s.MinDialect && d <= s.MaxDialect && slices.Contains(m.Dialects, d) {
			best = max(best, d)
		}
	}
	if best == 0 || s.Encryption == smb.Required && best < smb.SMB300 {
		return nil, smb.StatusNotSupported
	}
	answer := s.negotiateResponse(best, m.Capabilities)
	c.signing, c.cipher = smb.SigningHMACSHA256, 0
	if best >= smb.SMB300 {
		c.signing = smb.SigningAESCMAC
	}
	if best == smb.SMB311 {
		if status := c.negotiateContexts(m, answer); status != smb.StatusSuccess {
			return nil, status
		}
	} else if answer.Capabilities&smb.CapEncryption != 0 {
		c.cipher = smb.CipherAES128CCM
	}
	if s.Encryption == smb.Required && c.cipher == 0 {
		return nil, smb.StatusAccessDenied
	}
	c.negotiated, c.dialect, c.request, c.response = true, best, *m, *answer
	if best == smb.SMB311 {
		c.preauth.Add(r.msg)
		r.sent = c.preauth.Add
	}
	return answer, smb.StatusSuccess
}

// negotiateContexts chooses the algorithms of dialect 3.1.1, [MS-SMB2] 3.3.5.4:
// of what the client offers the first that the server knows.
func (c *conn) negotiateContexts(m *smb.NegotiateRequest, answer *smb.NegotiateResponse) smb.NTStatus {
	const sha512 = 1
	hashes := 0
	for _, context := range m.Contexts {
		switch context.Type {
		case smb.NegotiatePreauthIntegrity:
			ids, err := context.IDs()
			if err != nil || hashes > 0 || len(ids) == 0 {
				return smb.StatusInvalidParameter
			}
			if !slices.Contains(ids, sha512) {
				return smb.StatusSMBNoPreauthIntegrityHashOverlap
			}
			hashes++
		case smb.NegotiateEncryption:
			ids, err := context.IDs()
			if err != nil || len(ids) == 0 {
				return smb.StatusInvalidParameter
			}
			if c.server.Encryption == smb.Off {
				continue
			}
			for _, id := range ids {
				if cipher := smb.Cipher(id); cipher >= smb.CipherAES128CCM && cipher <= smb.CipherAES256GCM {
					c.cipher = cipher
					break
				}
			}
		case smb.NegotiateSigning:
			ids, err := context.IDs()
			if err != nil || len(ids) == 0 {
				return smb.StatusInvalidParameter
			}
			for _, id := range ids {
				if alg := smb.SigningAlgorithm(id); alg <= smb.SigningAESGMAC {
					c.signing = alg
					answer.Contexts = append(answer.Contexts, smb.ListContext(smb.NegotiateSigning, []smb.SigningAlgorithm{alg}))
					break
				}
			}
		}
	}
	if hashes == 0 {
		return smb.StatusInvalidParameter
	}
	contexts := []smb.NegotiateContext{smb.PreauthContext(random(32))}
	if c.cipher != 0 {
		contexts = append(contexts, smb.ListContext(smb.NegotiateEncryption, []smb.Cipher{c.cipher}))
	}
	answer.Contexts = append(contexts, answer.Contexts...)
	return smb.StatusSuccess
}

// validateNegotiate answers FSCTL_VALIDATE_NEGOTIATE_INFO, [MS-SMB2]
// 3.3.5.15.12: what the client says it sent must be what arrived.
func (r *request) validateNegotiate(input []byte) ([]byte, bool) {
	c := r.conn
	if len(input) < 24 {
		return nil, false
	}
	le := binary.LittleEndian
	sent := &c.request
	if le.Uint32(input) != uint32(sent.Capabilities) || smb.GUID(input[4:20]) != sent.ClientGUID || le.Uint16(input[20:]) != uint16(sent.SecurityMode) ||
		int(le.Uint16(input[22:])) != len(sent.Dialects) || len(input) < 24+2*len(sent.Dialects) {
		return nil, false
	}
	for i, d := range sent.Dialects {
		if le.Uint16(input[24+2*i:]) != uint16(d) {
			return nil, false
		}
	}
	b := le.AppendUint32(nil, uint32(c.response.Capabilities))
	b = append(b, c.response.ServerGUID[:]...)
	b = le.AppendUint16(b, uint16(c.response.SecurityMode))
	return le.AppendUint16(b, uint16(c.response.Dialect)), true
}

// fileTime is t as a FILETIME, 100 ns since 1601, [MS-DTYP] 2.3.3.
func fileTime(t time.Time) uint64 {
	const unixEpoch = 11644473600 // seconds from 1601 to 1970
	return uint64(t.Unix()+unixEpoch)*1e7 + uint64(t.Nanosecond()/100)
}
