package smb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bookkeeper is a server that keeps the books of [MS-SMB2] 3.3.1.1 and 3.3.5.2.3
// itself and answers everything with success, in any order.
type bookkeeper struct {
	next    uint64 // the MessageId that has to come next
	granted uint64 // MessageIds below this one have been granted
	waiting []*fakeRequest
	most    int // ids that one request used at most
	taken   int
}

// take enters a request. Ids are used in order, without a gap, and never
// before they are granted.
func (b *bookkeeper) take(r *fakeRequest) error {
	charge := max(int(r.CreditCharge), 1)
	if r.MessageID != b.next {
		return fmt.Errorf("%v has MessageId %d, not %d", r.Command, r.MessageID, b.next)
	}
	b.next += uint64(charge)
	if b.next > b.granted {
		return fmt.Errorf("%v uses %d ids from %d on, and %d are granted", r.Command, charge, r.MessageID, b.granted)
	}
	if r.Credits == 0 {
		return fmt.Errorf("%v asks for no credits", r.Command)
	}
	if need := payload(r.body); charge*65536 < need {
		return fmt.Errorf("%v of %d bytes has the CreditCharge %d", r.Command, need, charge)
	}
	b.most = max(b.most, charge)
	b.taken++
	b.waiting = append(b.waiting, r)
	return nil
}

// payload is what a request carries or asks for.
func payload(m Message) int {
	switch m := m.(type) {
	case *ReadRequest:
		return int(m.Length)
	case *WriteRequest:
		return len(m.Data)
	case *QueryDirectoryRequest:
		return int(m.MaxOutput)
	}
	return 0
}

// serve answers until the client goes. policy says how many credits a response
// grants, given what is asked and how many would be left with none.
func (b *bookkeeper) serve(f *fakeServer, policy func(r *fakeRequest, left int) int) error {
	random := rand.New(rand.NewPCG(1, 2))
	frames := make(chan []byte)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		defer close(frames)
		for {
			frame, err := ReadFrame(f.nc, MaxFrame)
			if err != nil {
				return
			}
			select {
			case frames <- frame:
			case <-stop:
				return
			}
		}
	}()
	for {
		var frame []byte
		ok := true
		if len(b.waiting) == 0 || random.IntN(3) > 0 {
			select {
			case frame, ok = <-frames:
			case <-time.After(time.Millisecond): // the client has no more to send
			}
		}
		if !ok {
			return nil
		}
		if frame != nil {
			requests, err := f.take(frame)
			if err != nil {
				return err
			}
			for _, r := range requests {
				if err := b.take(r); err != nil {
					return err
				}
			}
			continue
		}
		if len(b.waiting) == 0 {
			continue
		}
		i := random.IntN(len(b.waiting))
		r := b.waiting[i]
		b.waiting = append(b.waiting[:i], b.waiting[i+1:]...)
		if err := b.answer(f, r, policy, random.IntN(4) == 0); err != nil {
			return nil // the client has gone
		}
	}
}

func (b *bookkeeper) answer(f *fakeServer, r *fakeRequest, policy func(*fakeRequest, int) int, interim bool) error {
	n := policy(r, int(b.granted-b.next))
	b.granted += uint64(n)
	h := r.reply(StatusSuccess)
	if interim { // the credits come with the interim response, [MS-SMB2] 3.3.4.2
		p := r.pending(r.MessageID + 1)
		p.Credits = uint16(n)
		if err := f.write(f.encode(r, p, nil)); err != nil {
			return err
		}
		h, n = r.final(r.MessageID+1, StatusSuccess), 0
	}
	h.Credits = uint16(n)
	var m Message
	switch q := r.body.(type) {
	case *EchoRequest:
		m = &EchoResponse{}
	case *ReadRequest:
		m = &ReadResponse{Data: make([]byte, q.Length)}
	case *WriteRequest:
		m = &WriteResponse{Count: uint32(len(q.Data))}
	case *CreateRequest:
		m = &CreateResponse{FileID: sampleFile}
	case *CloseRequest:
		m = &CloseResponse{}
	default:
		return fmt.Errorf("unexpected %v", r.Command)
	}
	return f.write(f.encode(r, h, m))
}

// write sends one frame; the client may have gone.
func (f *fakeServer) write(msg []byte) error {
	b := append(AppendFrameHeader(nil), msg...)
	if err := FinishFrame(b, 0); err != nil {
		return err
	}
	_, err := f.nc.Write(b)
	return err
}

// TestCreditBooks lets many goroutines work at once on servers that are more
// or less generous. The servers' own books must never be overdrawn, no id may
// be left out, and everything has to come to its end.
func TestCreditBooks(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy func(r *fakeRequest, left int) int
		chain  bool // two credits can be had at once
		most   int  // the largest charge that must have been seen
	}{
		{"as many as asked for", func(r *fakeRequest, _ int) int { return int(r.Credits) }, true, 8},
		{"as many as used", func(r *fakeRequest, _ int) int { return max(int(r.CreditCharge), 1) }, true, 8},
		{"one each time", func(*fakeRequest, int) int { return 1 }, false, 1},
		{"none, until none is left", func(_ *fakeRequest, left int) int {
			if left == 0 {
				return 3
			}
			return 0
		}, true, 2},
		{"a handful now and then", func(r *fakeRequest, left int) int {
			if r.MessageID%5 == 0 || left == 0 {
				return 7
			}
			return 0
		}, true, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, tree := fakeShare(t, SMB311, &Config{Credits: 64})
				conn := tree.session.conn
				state := conn.state()
				conn.mu.Lock()
				books := &bookkeeper{next: conn.credits.nextID, granted: conn.credits.nextID + uint64(state.available)}
				conn.mu.Unlock()
				served := make(chan error, 1)
				go func() { served <- books.serve(f, c.policy) }()

				var workers sync.WaitGroup
				for i := range 12 {
					workers.Go(func() { creditWork(t, tree, i, c.chain) })
				}
				workers.Wait()
				state = conn.state()
				if state.pending != 0 || state.available != state.held {
					t.Errorf("in the end: %+v", state)
				}
				conn.Close()
				f.hangUp()
				if err := <-served; err != nil {
					t.Error(err)
				}
				if left := int(books.granted - books.next); left != state.available {
					t.Errorf("the client counts %d credits, the server %d", state.available, left)
				}
				if books.most < c.most {
					t.Errorf("the largest of %d requests used %d credits, not %d", books.taken, books.most, c.most)
				}
			})
		})
	}
}

// creditWork does a bit of everything.
func creditWork(t *testing.T, tree *Tree, seed int, chain bool) {
	ctx := context.Background()
	o := &Open{ID: sampleFile, tree: tree}
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	buf := make([]byte, 1<<20)
	for range 25 {
		var err error
		size := 1 + random.IntN(1<<random.IntN(21))
		switch random.IntN(4) {
		case 0:
			err = tree.session.Echo(ctx)
		case 1:
			for n, m := 0, 0; n < size && err == nil; n += m {
				m, err = o.ReadAt(ctx, buf[:size-n], uint64(n))
			}
		case 2:
			_, err = o.WriteAt(ctx, buf[:size], 0)
		case 3:
			if chain {
				_, err = tree.CreateClose(ctx, &CreateRequest{Name: "a"})
			}
		}
		// Where the server takes credits back there may be one left, and a
		// chain needs two.
		if err != nil && !errors.Is(err, errFewCredits) {
			t.Error(err)
			return
		}
	}
}

// TestCreditTurns: whoever waits for credits gets them in the order of asking,
// also when one of them gives up.
func TestCreditTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, tree := fakeShare(t, SMB311, &Config{Credits: 4})
		conn := tree.session.conn
		var busy []*fakeRequest
		for conn.state().available > 0 {
			fails(func() error { return conn.Echo(context.Background()) })
			busy = append(busy, f.next(CommandEcho))
		}
		o := &Open{ID: sampleFile, tree: tree}
		buf := make([]byte, 1<<20)
		big := fails(func() error { _, err := o.ReadAt(context.Background(), buf[:2*65536], 0); return err })
		synctest.Wait()
		ctx, cancel := context.WithCancel(context.Background())
		gone := fails(func() error { return o.Flush(ctx) })
		synctest.Wait()
		small := fails(func() error { return tree.session.Echo(context.Background()) })
		synctest.Wait()
		cancel()
		if err := gone.error(); !errors.Is(err, context.Canceled) {
			t.Errorf("Flush: %v", err)
		}

		grant := func(n uint16) {
			r := busy[0]
			busy = busy[1:]
			h := r.reply(StatusSuccess)
			h.Credits = n
			f.answer(r, h, &EchoResponse{})
			synctest.Wait()
		}
		grant(1) // enough for the small one, and for another, but it is not their turn
		late := fails(func() error { return tree.session.Echo(context.Background()) })
		synctest.Wait()
		if s := conn.state(); s.available != 1 {
			t.Errorf("%+v: somebody jumped the queue", s)
		}
		grant(1)
		r := f.next(CommandRead)
		if r.CreditCharge != 2 {
			t.Errorf("READ has the CreditCharge %d", r.CreditCharge)
		}
		grant(1)
		echo := f.next(CommandEcho)
		f.answer(echo, echo.reply(StatusSuccess), &EchoResponse{})
		if err := small.error(); err != nil {
			t.Error(err)
		}
		echo = f.next(CommandEcho)
		f.answer(echo, echo.reply(StatusSuccess), &EchoResponse{})
		if err := late.error(); err != nil {
			t.Error(err)
		}
		f.answer(r, r.reply(StatusEndOfFile), nil)
		if err := big.error(); err != io.EOF {
			t.Error(err)
		}
		for len(busy) > 0 {
			grant(1)
		}
	})
}

// TestCreditsNever: a server that can never be sent anything again ends the
// connection; one that grants too few for a request fails that request.
func TestCreditsNever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, tree := fakeShare(t, SMB311, &Config{Credits: 1})
		conn := tree.session.conn
		_, err := tree.CreateClose(context.Background(), &CreateRequest{Name: "a"})
		if !errors.Is(err, errFewCredits) || !strings.Contains(err.Error(), "too few credits: the server granted 1, and the request needs 2") {
			t.Errorf("a chain with one credit: %v", err)
		}
		echo := fails(func() error { return conn.Echo(context.Background()) })
		r := f.next(CommandEcho)
		h := r.reply(StatusSuccess)
		h.Credits = 0
		f.answer(r, h, &EchoResponse{})
		if err := echo.error(); err != nil {
			t.Errorf("the request that was answered: %v", err)
		}
		<-conn.Done()
		if err := conn.Echo(context.Background()); err == nil || !strings.Contains(err.Error(), "granted no credit") {
			t.Errorf("the next: %v", err)
		}
	})
}

// TestCreditCharge has the values of [MS-SMB2] 3.1.5.2.
func TestCreditCharge(t *testing.T) {
	for n, want := range map[uint32]int{0: 1, 1: 1, 65536: 1, 65537: 2, 1 << 20: 16, 1<<20 + 1: 17, 0xFFFFFFFF: 65536} {
		if got := creditCharge(n); got != want {
			t.Errorf("creditCharge(%d) = %d, want %d", n, got, want)
		}
	}
}

// TestSmallMessages: in dialect 2.0.2, and without the large MTU, nothing goes
// above 64 KiB and one credit, [MS-SMB2] 3.2.4.1.5.
func TestSmallMessages(t *testing.T) {
	for _, d := range []Dialect{SMB202, SMB300} {
		t.Run(d.String(), func(t *testing.T) {
			f, client := newFakeServer(t, d)
			f.negotiate.Capabilities &^= CapLargeMTU
			tree := f.treeConnect(f.logOn(f.connect(client, nil), 0), &TreeConnectResponse{})
			c := tree.session.conn
			if c.MaxReadSize() != 65536 || c.MaxWriteSize() != 65536 {
				t.Errorf("sizes %d, %d", c.MaxReadSize(), c.MaxWriteSize())
			}
			o := &Open{ID: sampleFile, tree: tree}
			write := fails(func() error { _, err := o.WriteAt(context.Background(), make([]byte, 100_000), 0); return err })
			for _, size := range []uint32{65536, 100_000 - 65536} {
				r := f.next(CommandWrite)
				if n := len(r.body.(*WriteRequest).Data); n != int(size) || d == SMB202 && r.CreditCharge != 0 || r.CreditCharge > 1 {
					t.Errorf("WRITE of %d bytes with the CreditCharge %d", n, r.CreditCharge)
				}
				f.answer(r, r.reply(StatusSuccess), &WriteResponse{Count: size})
			}
			if err := write.error(); err != nil {
				t.Error(err)
			}
		})
	}
}
