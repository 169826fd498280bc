package lab

import "err32/smb"

// answer is a response that waits for the rest of its chain.
type answer struct {
	msg     []byte
	session *session // who signs it; nil for nobody
	wrong   faultEffect
	sent    func(msg []byte) // takes the message as it goes out, before encryption
}

// answer puts the answer to r into its chain.
func (r *request) answer(body smb.Message, status smb.NTStatus) {
	h := smb.Header{
		CreditCharge: r.header.CreditCharge, Status: status, Command: r.header.Command,
		Flags: smb.FlagResponse | r.header.Flags&smb.FlagRelated, MessageID: r.header.MessageID,
		TreeID: r.header.TreeID, SessionID: r.header.SessionID,
	}
	if r.asyncID != 0 {
		h.Flags |= smb.FlagAsync
		h.AsyncID, h.TreeID = r.asyncID, 0
		delete(r.conn.pending, r.asyncID)
		close(r.answered)
	}
	if r.wrong.silent {
		return
	}
	if r.asyncID == 0 {
		h.Credits = r.conn.window.grant(r.header.Credits)
	}
	h.Credits = r.wrong.grant(h.Credits)
	r.chain.add(r, h, body, answer{wrong: r.wrong, sent: r.sent})
}

// add puts the answer to r, or the interim one, behind those there are.
func (ch *chain) add(r *request, h smb.Header, body smb.Message, a answer) {
	interim := h.Flags&smb.FlagAsync != 0 && h.Status == smb.StatusPending // is not signed, [MS-SMB2] 3.3.4.2
	if r.mustSign && r.signWith.signer != nil && !interim {
		a.session = r.signWith
		h.Flags |= smb.FlagSigned
	}
	a.msg = smb.Append(nil, h, body)
	if ch.unsent+len(a.msg) > maxCompound {
		ch.flush()
	}
	ch.answers = append(ch.answers, a)
	ch.unsent += len(a.msg) + 7 // with its padding
	ch.size += len(a.msg) + 7
}

// maxCompound is how long the answers of a chain together may be: what a frame
// can carry, with room for the header of an encrypted one.
const maxCompound = smb.MaxFrame - 128

// flush sends the answers there are as one compound.
func (ch *chain) flush() {
	answers, size := ch.answers, ch.unsent
	ch.answers, ch.unsent = nil, 0
	if len(answers) == 0 || ch.conn.ended {
		return
	}
	b := answers[0].msg
	if len(answers) > 1 {
		b = make([]byte, 0, size)
	}
	var wrong faultEffect
	for i := range answers {
		a := &answers[i]
		wrong.join(a.wrong)
		if i < len(answers)-1 {
			for len(a.msg)%8 != 0 {
				a.msg = append(a.msg, 0)
			}
			putNextCommand(a.msg, len(a.msg))
		}
		if a.session != nil {
			a.session.signer.Sign(a.msg)
			if a.wrong.wrongSignature {
				a.msg[signatureAt] ^= 0xFF
			}
		}
		if a.sent != nil {
			a.sent(a.msg)
		}
		if len(answers) > 1 {
			b = append(b, a.msg...)
			a.msg = nil
		}
	}
	ch.conn.send(b, ch.sealer, &wrong)
}

// putNextCommand sets NextCommand in the header that b begins with.
func putNextCommand(b []byte, next int) {
	b[20], b[21], b[22], b[23] = byte(next), byte(next>>8), byte(next>>16), byte(next>>24)
}

// send puts a message into the outbox, encrypted with the key of sealer if
// that is not nil, and with wrong done to it if that is not nil.
func (c *conn) send(message []byte, sealer *session, wrong *faultEffect) {
	frame := smb.AppendFrameHeader(nil)
	if sealer != nil {
		sealed, err := sealer.outgoing.Seal(frame, message, sealer.id)
		if err != nil {
			c.server.endConn(c, err)
			return
		}
		frame = sealed
	} else {
		frame = append(frame, message...)
	}
	if err := smb.FinishFrame(frame, 0); err != nil {
		c.server.endConn(c, err)
		return
	}
	out := outFrame{b: frame}
	if wrong != nil {
		out = wrong.frame(frame, sealer != nil, c.server.now())
	}
	c.out.put(out)
}
