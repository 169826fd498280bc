package smb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// negotiated is what client and server agreed on, [MS-SMB2] 3.2.1.2. It does
// not change after NEGOTIATE.
type negotiated struct {
	request      NegotiateRequest
	dialect      Dialect
	securityMode SecurityMode
	capabilities Capabilities
	multiCredit  bool // requests may use more than one credit
	serverGUID   GUID
	maxTransact  uint32 // bytes
	maxRead      uint32
	maxWrite     uint32
	signing      SigningAlgorithm
	cipher       Cipher // 0: none
	preauth      PreauthHash
	clockOffset  time.Duration // server's clock less ours, when clockKnown
	clockKnown   bool
}

// ServerGUID is the server's identity, [MS-SMB2] 2.2.4.
func (c *Conn) ServerGUID() GUID { return c.negotiated.serverGUID }

// CanEncrypt reports whether a cipher was agreed on.
func (c *Conn) CanEncrypt() bool { return c.negotiated.cipher != 0 }

// ClockOffset is the server's clock less the client's, from the SystemTime of
// NEGOTIATE and good to half that round trip; ok is false when the server did
// not tell.
func (c *Conn) ClockOffset() (offset time.Duration, ok bool) {
	return c.negotiated.clockOffset, c.negotiated.clockKnown
}

// fileTime converts a FILETIME, 100 ns since 1601, [MS-DTYP] 2.3.3.
func fileTime(t uint64) time.Time {
	const unixEpoch = 11644473600 // seconds from 1601 to 1970
	return time.Unix(int64(t/1e7)-unixEpoch, int64(t%1e7)*100)
}

// Dialect is the dialect in use.
func (c *Conn) Dialect() Dialect { return c.negotiated.dialect }

// MaxReadSize is the largest READ in bytes that the server takes.
func (c *Conn) MaxReadSize() uint32 { return c.negotiated.maxRead }

// MaxWriteSize is the largest WRITE in bytes that the server takes.
func (c *Conn) MaxWriteSize() uint32 { return c.negotiated.maxWrite }

// smallestMaxSize is the least MaxTransactSize, MaxReadSize and MaxWriteSize a
// server may offer, [MS-SMB2] 3.2.5.2.
const smallestMaxSize = 64 << 10

// negotiate agrees on a dialect and what goes with it, [MS-SMB2] 3.2.4.2.2.2
// and 3.2.5.2.
func (c *Conn) negotiate(ctx context.Context) error {
	offer, err := c.negotiateRequest()
	if err != nil {
		return err
	}
	asked := time.Now()
	calls, err := c.start(ctx, nil, request{msg: offer, keep: true})
	if err != nil {
		return err
	}
	m, _, err := calls[0].result(ctx, "negotiate", c.server)
	if err != nil {
		if status, ok := StatusOf(err); ok && status == StatusNotSupported {
			return fmt.Errorf("the server speaks none of the dialects %v to %v: %w", c.cfg.MinDialect, c.cfg.MaxDialect, err)
		}
		return err
	}
	n, err := readNegotiateResponse(offer, m.(*NegotiateResponse))
	if err != nil {
		return err
	}
	if serverTime := m.(*NegotiateResponse).SystemTime; serverTime != 0 {
		middle := asked.Add(time.Since(asked) / 2)
		n.clockOffset, n.clockKnown = fileTime(serverTime).Sub(middle), true
	}
	if n.dialect == SMB311 {
		n.preauth.Add(calls[0].sent)
		n.preauth.Add(calls[0].msg)
	}
	if c.cfg.Encryption == Required && n.cipher == 0 {
		return fmt.Errorf("encryption is required, but the server offers none in dialect %v", n.dialect)
	}
	c.mu.Lock()
	c.negotiated = n
	c.mu.Unlock()
	return nil
}

func (c *Conn) negotiateRequest() (*NegotiateRequest, error) {
	m := &NegotiateRequest{SecurityMode: c.securityMode(), ClientGUID: c.cfg.ClientGUID}
	for _, d := range Dialects {
		if d >= c.cfg.MinDialect && d <= c.cfg.MaxDialect {
			m.Dialects = append(m.Dialects, d)
		}
	}
	if len(m.Dialects) == 0 {
		return nil, fmt.Errorf("no dialect from %v to %v is known", c.cfg.MinDialect, c.cfg.MaxDialect)
	}
	if c.cfg.MaxDialect > SMB202 {
		m.Capabilities = CapLargeMTU
		if m.ClientGUID == (GUID{}) {
			if _, err := io.ReadFull(c.cfg.Rand, m.ClientGUID[:]); err != nil {
				return nil, err
			}
		}
	}
	if c.cfg.MaxDialect >= SMB300 && c.cfg.Encryption != Off {
		m.Capabilities |= CapEncryption
	}
	if m.has311() {
		salt := make([]byte, 32)
		if _, err := io.ReadFull(c.cfg.Rand, salt); err != nil {
			return nil, err
		}
		m.Contexts = []NegotiateContext{PreauthContext(salt)}
		if c.cfg.Encryption != Off {
			m.Contexts = append(m.Contexts, ListContext(NegotiateEncryption, c.cfg.Ciphers))
		}
		m.Contexts = append(m.Contexts, ListContext(NegotiateSigning, c.cfg.SigningAlgorithms))
	}
	return m, nil
}

func (c *Conn) securityMode() SecurityMode {
	if c.cfg.Signing == Required {
		return SigningEnabled | SigningRequired
	}
	return SigningEnabled
}

// readNegotiateResponse checks the server's choice against what was offered.
func readNegotiateResponse(request *NegotiateRequest, m *NegotiateResponse) (n negotiated, err error) {
	if !slices.Contains(request.Dialects, m.Dialect) {
		return n, fmt.Errorf("the server chose dialect %v, which was not offered", m.Dialect)
	}
	for _, size := range []uint32{m.MaxTransactSize, m.MaxReadSize, m.MaxWriteSize} {
		if size < smallestMaxSize {
			return n, fmt.Errorf("the server takes %d bytes at a time; %d are the least that [MS-SMB2] allows", size, smallestMaxSize)
		}
	}
	n = negotiated{
		request: *request, dialect: m.Dialect, securityMode: m.SecurityMode, capabilities: m.Capabilities,
		serverGUID:  m.ServerGUID,
		maxTransact: min(m.MaxTransactSize, MaxFrame-smallestMaxSize),
		maxRead:     min(m.MaxReadSize, MaxFrame-smallestMaxSize),
		maxWrite:    min(m.MaxWriteSize, MaxFrame-smallestMaxSize),
	}
	n.multiCredit = m.Dialect != SMB202 && m.Capabilities&CapLargeMTU != 0
	if !n.multiCredit {
		n.maxTransact, n.maxRead, n.maxWrite = smallestMaxSize, smallestMaxSize, smallestMaxSize
	}
	switch {
	case m.Dialect == SMB311:
		n.signing = SigningAESCMAC // unless a context says otherwise
		return n, n.readContexts(m.Contexts)
	case m.Dialect >= SMB300:
		n.signing = SigningAESCMAC
		if m.Capabilities&CapEncryption != 0 && request.Capabilities&CapEncryption != 0 {
			n.cipher = CipherAES128CCM
		}
	default:
		n.signing = SigningHMACSHA256
	}
	return n, nil
}

// readContexts takes the server's choices of dialect 3.1.1.
func (n *negotiated) readContexts(contexts []NegotiateContext) error {
	seen := make(map[uint16]bool)
	for _, c := range contexts {
		switch c.Type {
		case NegotiatePreauthIntegrity, NegotiateEncryption, NegotiateSigning:
		default:
			continue
		}
		if seen[c.Type] {
			return fmt.Errorf("the server sent negotiate context %d twice", c.Type)
		}
		seen[c.Type] = true
		ids, err := c.IDs()
		if err != nil {
			return err
		}
		if len(ids) != 1 {
			return fmt.Errorf("the server chose %d algorithms in negotiate context %d, not one", len(ids), c.Type)
		}
		switch c.Type {
		case NegotiatePreauthIntegrity:
			if ids[0] != hashSHA512 {
				return fmt.Errorf("the server chose the unknown preauth integrity hash 0x%04X", ids[0])
			}
		case NegotiateEncryption:
			if n.cipher = Cipher(ids[0]); ids[0] != 0 && !n.offered(c.Type, ids[0]) {
				return fmt.Errorf("the server chose the cipher %v, which was not offered", n.cipher)
			}
		case NegotiateSigning:
			if n.signing = SigningAlgorithm(ids[0]); !n.offered(c.Type, ids[0]) {
				return fmt.Errorf("the server chose the signing algorithm %v, which was not offered", n.signing)
			}
		}
	}
	if !seen[NegotiatePreauthIntegrity] {
		return errors.New("the server chose dialect 3.1.1 without a preauth integrity hash")
	}
	return nil
}

func (n *negotiated) offered(typ, id uint16) bool {
	for _, c := range n.request.Contexts {
		if c.Type == typ {
			ids, err := c.IDs()
			return err == nil && slices.Contains(ids, id)
		}
	}
	return false
}

// mustValidate reports whether NEGOTIATE is to be validated: always when the
// session has a key and the client offered any 3.x dialect, whichever was
// chosen. Dialect 3.1.1 has the preauth hash for this, [MS-SMB2] 3.2.5.5.
func (s *Session) mustValidate() bool {
	return s.signer != nil && s.conn.cfg.MaxDialect >= SMB300 && s.conn.negotiated.dialect != SMB311
}

// validateNegotiate asks the server, in a signed message, what it had
// negotiated, so that nobody in between can have weakened it, and ends the
// connection if somebody has, [MS-SMB2] 3.2.5.14.12.
func (t *Tree) validateNegotiate(ctx context.Context) error {
	n := &t.session.conn.negotiated
	input := le.AppendUint32(nil, uint32(n.request.Capabilities))
	input = append(input, n.request.ClientGUID[:]...)
	input = le.AppendUint16(input, uint16(n.request.SecurityMode))
	input = le.AppendUint16(input, uint16(len(n.request.Dialects)))
	for _, d := range n.request.Dialects {
		input = le.AppendUint16(input, uint16(d))
	}
	m, _, err := t.roundTrip(ctx, request{
		msg:  &IOCTLRequest{Code: FSCTLValidateNegotiateInfo, FileID: RelatedFileID, Input: input, MaxOutput: 24},
		sign: true,
	}, "validate negotiate", t.Share)
	if err != nil {
		// A server that knows no such control says so in a signed message,
		// which proves as much. STATUS_ACCESS_DENIED is a server's way to say
		// that what it got differs from NEGOTIATE.
		status, ok := StatusOf(err)
		if ok && status == StatusAccessDenied {
			t.session.conn.fail(err)
		}
		if ok && status != StatusAccessDenied {
			return nil
		}
		return err
	}
	d := &decoder{what: "VALIDATE_NEGOTIATE_INFO response", msg: m.(*IOCTLResponse).Output}
	capabilities, guid := Capabilities(d.u32("Capabilities")), d.guid("Guid")
	mode, dialect := SecurityMode(d.u16("SecurityMode")), Dialect(d.u16("Dialect"))
	err = d.err
	if err == nil && (capabilities != n.capabilities || guid != n.serverGUID || mode != n.securityMode || dialect != n.dialect) {
		err = errNegotiateChanged
	}
	if err != nil {
		err = &OpError{Op: "validate negotiate", Path: t.Share, Err: err}
		t.session.conn.fail(err)
	}
	return err
}

var errNegotiateChanged = errors.New("the server had answered NEGOTIATE otherwise than it arrived here: somebody in between changed it")
