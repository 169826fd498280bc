package lab

import "err32/smb"

// Fault is something the server does wrong.
type Fault struct{ Name string }

type faultState struct{}

func checkFaults(faults []Fault) error { return nil }

// faultFor returns the fault that befalls a request, or nil.
func (s *Server) faultFor(r *request) *Fault { return nil }

// refuse says how the request is to fail; not answered: it gets no answer.
func (f *Fault) refuse(r *request) (status smb.NTStatus, answered bool) {
	return smb.StatusSuccess, true
}

// send sends the frame that the fault befalls.
func (f *Fault) send(c *conn, frame []byte) { c.out.put(outFrame{b: frame}) }
