package smb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// protections are the ways in which a session's messages can be protected.
var protections = []struct {
	name         string
	dialect      Dialect
	cfg          Config
	signed, seal bool
}{
	{"plain", SMB210, Config{}, false, false},
	{"signed", SMB311, Config{Signing: Required}, true, false},
	{"encrypted", SMB300, Config{Encryption: Required}, false, true},
}

var someLock = LockElement{Length: 1, Flags: LockExclusive}

// state is what a connection knows of its requests.
type state struct{ pending, held, available int }

func (c *Conn) state() state {
	c.mu.Lock()
	defer c.mu.Unlock()
	return state{len(c.pending), c.credits.held(), c.credits.available}
}

func TestPending(t *testing.T) {
	for _, p := range protections {
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, tree := fakeShare(t, p.dialect, &p.cfg)
				c := tree.session.conn
				before := c.state()
				o := &Open{ID: sampleFile, tree: tree}
				lock := fails(func() error { return o.Lock(context.Background(), someLock) })
				r := f.next(CommandLock)
				if r.sealed != p.seal || r.Flags&FlagSigned != 0 != p.signed {
					t.Errorf("LOCK with flags %#x, encrypted %v", r.Flags, r.sealed)
				}
				f.answer(r, r.pending(77), nil)
				synctest.Wait()
				if got, want := c.state(), (state{1, before.held - 1 + int(r.Credits), before.available - 1 + int(r.Credits)}); got != want {
					t.Errorf("after the interim response: %+v, want %+v", got, want)
				}
				select {
				case <-lock.done:
					t.Error("the interim response ended the request")
				default:
				}
				f.answer(r, r.final(77, StatusSuccess), &LockResponse{})
				if err := lock.error(); err != nil {
					t.Error(err)
				}
				if got := c.state(); got.pending != 0 || got.available != got.held {
					t.Errorf("after the final response: %+v", got)
				}
			})
		})
	}
}

// TestCancel ends a context before and after the interim response.
func TestCancel(t *testing.T) {
	for _, p := range protections {
		for _, interim := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, interim response %v", p.name, interim), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f, tree := fakeShare(t, p.dialect, &p.cfg)
					c := tree.session.conn
					o := &Open{ID: sampleFile, tree: tree}
					ctx, cancel := context.WithCancel(context.Background())
					lock := fails(func() error { return o.Lock(ctx, someLock) })
					r := f.next(CommandLock)
					want := Header{Command: CommandCancel, MessageID: r.MessageID, SessionID: fakeSession}
					if interim {
						f.answer(r, r.pending(77), nil)
						synctest.Wait()
						want.Flags, want.AsyncID = FlagAsync, 77
					}
					before := c.state()
					cancel()
					if err := lock.error(); !errors.Is(err, context.Canceled) {
						t.Errorf("Lock: %v", err)
					}
					got := f.next(CommandCancel)
					if p.signed {
						want.Flags |= FlagSigned
						want.Signature = got.Signature // verified when it came
					}
					if got.Header != want || got.sealed != p.seal {
						t.Errorf("CANCEL\n got %+v, encrypted %v\nwant %+v", got.Header, got.sealed, want)
					}
					if after := c.state(); after != before || after.pending != 1 {
						t.Errorf("CANCEL changed the books from %+v to %+v", before, after)
					}
					h := r.reply(StatusCancelled)
					if interim {
						h = r.final(77, StatusCancelled)
					}
					f.answer(r, h, nil)
					synctest.Wait()
					if after := c.state(); after.pending != 0 || after.available != after.held || after.held < before.held {
						t.Errorf("after the final response: %+v", after)
					}
					// The connection is as good as before, and the ids go on.
					echo := fails(func() error { return c.Echo(context.Background()) })
					e := f.next(CommandEcho)
					if e.MessageID != r.MessageID+1 {
						t.Errorf("ECHO has MessageId %d after %d", e.MessageID, r.MessageID)
					}
					f.answer(e, e.reply(StatusSuccess), &EchoResponse{})
					if err := echo.error(); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

// TestNoCancel: what gives something up is not called off, and a request whose
// context has ended before is not sent at all.
func TestNoCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, tree := fakeShare(t, SMB311, nil)
		o := &Open{ID: sampleFile, tree: tree}
		for _, step := range []struct {
			command Command
			do      func(context.Context) error
			answer  Message
		}{
			{CommandClose, o.Close, &CloseResponse{}},
			{CommandTreeDisconnect, tree.Disconnect, &TreeDisconnectResponse{}},
			{CommandLogoff, tree.session.LogOff, &LogoffResponse{}},
		} {
			ctx, cancel := context.WithCancel(context.Background())
			done := fails(func() error { return step.do(ctx) })
			r := f.next(step.command)
			cancel()
			if err := done.error(); !errors.Is(err, context.Canceled) {
				t.Errorf("%v: %v", step.command, err)
			}
			if err := step.do(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("%v: %v", step.command, err)
			}
			f.answer(r, r.reply(StatusSuccess), step.answer)
		}
		echo := fails(func() error { return tree.session.conn.Echo(context.Background()) })
		r := f.next(CommandEcho) // and nothing before it
		f.answer(r, r.reply(StatusSuccess), &EchoResponse{})
		if err := echo.error(); err != nil {
			t.Error(err)
		}
	})
}

// TestLateCreate: the CREATE that succeeds after it was given up is closed.
func TestLateCreate(t *testing.T) {
	for _, p := range protections {
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, tree := fakeShare(t, p.dialect, &p.cfg)
				ctx, cancel := context.WithCancel(context.Background())
				create := async(func() (*Open, error) { return tree.Create(ctx, &CreateRequest{Name: "a"}) })
				r := f.next(CommandCreate)
				f.answer(r, r.pending(5), nil)
				synctest.Wait()
				cancel()
				if _, err := create.wait(); !errors.Is(err, context.Canceled) {
					t.Errorf("Create: %v", err)
				}
				f.next(CommandCancel)
				f.answer(r, r.final(5, StatusSuccess), &CreateResponse{FileID: sampleFile})
				closing := f.next(CommandClose)
				if m := closing.body.(*CloseRequest); m.FileID != sampleFile || closing.TreeID != fakeTree || closing.SessionID != fakeSession {
					t.Errorf("CLOSE %+v of tree %#x", m, closing.TreeID)
				}
				f.answer(closing, closing.reply(StatusSuccess), &CloseResponse{})
				synctest.Wait()
				if s := tree.session.conn.state(); s.pending != 0 || s.available != s.held {
					t.Errorf("in the end: %+v", s)
				}
			})
		})
	}
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, tree := fakeShare(t, SMB311, &Config{Timeout: 3 * time.Second, Credits: 1})
		c := tree.session.conn
		o := &Open{Path: "a.txt", ID: sampleFile, tree: tree}
		check := func(err error, text string, after time.Duration, start time.Time) {
			t.Helper()
			var timeout net.Error
			if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) && !os.IsTimeout(errors.Unwrap(err)) {
				t.Errorf("not a time-out: %v", err)
			}
			if err == nil || err.Error() != text || time.Since(start) != after {
				t.Errorf("after %v: %v\nwant %s", time.Since(start), err, text)
			}
		}

		start := time.Now()
		lock := fails(func() error { return o.Lock(context.Background(), someLock) })
		r := f.next(CommandLock)
		f.answer(r, r.pending(1), nil)
		check(lock.error(), "smb: lock a.txt: the server said STATUS_PENDING and nothing more within 3s", 3*time.Second, start)
		f.next(CommandCancel)

		start = time.Now()
		flush := fails(func() error { return o.Flush(context.Background()) })
		f.next(CommandFlush)
		check(flush.error(), "smb: flush a.txt: no answer within 3s", 3*time.Second, start)
		f.next(CommandCancel)

		if s := c.state(); s.available != 0 {
			t.Fatalf("%+v: there are credits left", s)
		}
		start = time.Now()
		check(o.Flush(context.Background()), "smb: flush a.txt: no credit to send with for 3s: the server does not answer", 3*time.Second, start)

		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := o.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting for credits: %v", err)
		}
	})
}

// TestPeerDies has 200 requests under way, and more that wait for credits,
// when the server goes. No timer runs: in this test's clock they must all be
// back at once.
func TestPeerDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, tree := fakeShare(t, SMB311, &Config{Credits: 200, Timeout: time.Minute})
		c := tree.session.conn
		o := &Open{ID: sampleFile, tree: tree}
		for c.state().held < 200 {
			echo := fails(func() error { return c.Echo(context.Background()) })
			r := f.next(CommandEcho)
			f.answer(r, r.reply(StatusSuccess), &EchoResponse{})
			if err := echo.error(); err != nil {
				t.Fatal(err)
			}
		}
		var calls []*asyncResult[struct{}]
		for range 230 {
			calls = append(calls, fails(func() error { return o.Lock(context.Background(), someLock) }))
		}
		for range 200 {
			f.next(CommandLock)
		}
		synctest.Wait()
		if s := c.state(); s.pending != 200 || s.available != 0 {
			t.Fatalf("%+v", s)
		}
		start := time.Now()
		f.hangUp()
		for _, call := range calls {
			if err := call.error(); !errors.Is(err, ErrServerClosed) || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("a call returned %v", err)
			}
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("the last call was back after %v", d)
		}
		if err := c.Echo(context.Background()); !errors.Is(err, ErrServerClosed) {
			t.Errorf("a later call: %v", err)
		}
		if err := c.Close(); err != nil || !errors.Is(c.Err(), ErrServerClosed) {
			t.Errorf("Close: %v; Err: %v", err, c.Err())
		}
	})
}

// TestReset is the same with a TCP reset: the cause is told.
func TestReset(t *testing.T) {
	client, server := tcpPair(t)
	f, _ := newFakeServer(t, SMB311)
	f.nc = server
	c := f.connect(client, nil)
	echo := fails(func() error { return c.Echo(context.Background()) })
	f.next(CommandEcho)
	if err := closeRST(server); err != nil {
		t.Fatal(err)
	}
	if err := echo.error(); !errors.Is(err, syscall.ECONNRESET) || !strings.Contains(err.Error(), "smb: echo: receive: ") {
		t.Errorf("Echo: %v", err)
	}
	<-c.Done()
}

func TestCloseWithRequests(t *testing.T) {
	f, client := newFakeServer(t, SMB202)
	c := f.connect(client, nil)
	echo := fails(func() error { return c.Echo(context.Background()) })
	f.next(CommandEcho)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := echo.error(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Echo: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// TestChain looks at CREATE and CLOSE in one frame, [MS-SMB2] 3.2.4.1.4.
func TestChain(t *testing.T) {
	for _, p := range protections {
		for _, together := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, answered together %v", p.name, together), func(t *testing.T) {
				f, tree := fakeShare(t, p.dialect, &p.cfg)
				call := async(func() (*CreateResponse, error) {
					return tree.CreateClose(context.Background(), &CreateRequest{Name: "odd", Disposition: OpenFile})
				})
				requests := f.frame()
				if len(requests) != 2 {
					t.Fatalf("%d requests", len(requests))
				}
				create, closing := requests[0], requests[1]
				if create.Command != CommandCreate || create.NextCommand != 128 || create.Flags&FlagRelated != 0 {
					t.Errorf("first header %+v", create.Header)
				}
				// The name "odd" ends at 126: two bytes of padding, which are signed too.
				if !bytes.HasSuffix(create.msg, []byte{'o', 0, 'd', 0, 'd', 0, 0, 0}) {
					t.Errorf("CREATE ends with %x", create.msg[120:])
				}
				if closing.Command != CommandClose || closing.NextCommand != 0 || closing.Flags&FlagRelated == 0 ||
					closing.MessageID != create.MessageID+1 || closing.TreeID != fakeTree || closing.SessionID != fakeSession {
					t.Errorf("second header %+v", closing.Header)
				}
				if m := closing.body.(*CloseRequest); m.FileID != (FileID{^uint64(0), ^uint64(0)}) {
					t.Errorf("CLOSE of %v", m.FileID)
				}
				for _, r := range requests {
					if r.sealed != p.seal || r.Flags&FlagSigned != 0 != p.signed {
						t.Errorf("%v with flags %#x, encrypted %v", r.Command, r.Flags, r.sealed)
					}
				}
				f.answerChain(requests, together, &CreateResponse{FileID: sampleFile, Action: Opened}, &CloseResponse{})
				if m := call.must(t); m.FileID != sampleFile {
					t.Errorf("%+v", m)
				}
			})
		}
	}
}

// answerChain answers the requests of a chain with success, in one frame or in
// one each.
func (f *fakeServer) answerChain(requests []*fakeRequest, together bool, answers ...Message) {
	f.t.Helper()
	var frame []byte
	for i, r := range requests {
		msg := Append(nil, r.reply(StatusSuccess), answers[i])
		if together && i < len(requests)-1 {
			msg = pad8(msg, 0)
			le.PutUint32(msg[20:], uint32(len(msg)))
		}
		if r.Flags&FlagSigned != 0 {
			le.PutUint32(msg[flagsAt:], le.Uint32(msg[flagsAt:])|uint32(FlagSigned))
			f.signer.Sign(msg)
		}
		frame = append(frame, msg...)
		if together && i < len(requests)-1 {
			continue
		}
		if r.sealed {
			frame = f.seal(frame)
		}
		f.send(frame)
		frame = nil
	}
}

// TestChainFails: a CREATE that fails takes the CLOSE with it; a CLOSE that
// fails alone is tried once more by the open's own id.
func TestChainFails(t *testing.T) {
	f, tree := fakeShare(t, SMB311, nil)
	m := &CreateRequest{Name: "a", Disposition: OpenFile}
	call := async(func() (*CreateResponse, error) { return tree.CreateClose(context.Background(), m) })
	for _, r := range f.frame() {
		f.answer(r, r.reply(StatusSharingViolation), nil)
	}
	_, err := call.wait()
	want(t, "CreateClose", err, StatusSharingViolation)
	if err == nil || err.Error() != "smb: create a: STATUS_SHARING_VIOLATION (0xC0000043)" {
		t.Errorf("CreateClose: %v", err)
	}

	call = async(func() (*CreateResponse, error) { return tree.CreateClose(context.Background(), m) })
	requests := f.frame()
	f.answer(requests[0], requests[0].reply(StatusSuccess), &CreateResponse{FileID: sampleFile})
	f.answer(requests[1], requests[1].reply(StatusInternalError), nil)
	again := f.next(CommandClose)
	if id := again.body.(*CloseRequest).FileID; id != sampleFile {
		t.Errorf("CLOSE of %v", id)
	}
	f.answer(again, again.reply(StatusSuccess), &CloseResponse{})
	if _, err := call.wait(); err != nil {
		t.Errorf("CreateClose: %v", err)
	}
}

// TestChainCancelled: the CREATE is called off, the CLOSE is not.
func TestChainCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, tree := fakeShare(t, SMB311, nil)
		ctx, cancel := context.WithCancel(context.Background())
		call := async(func() (*CreateResponse, error) { return tree.CreateClose(ctx, &CreateRequest{Name: "a"}) })
		requests := f.frame()
		cancel()
		if _, err := call.wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("CreateClose: %v", err)
		}
		if r := f.next(CommandCancel); r.MessageID != requests[0].MessageID {
			t.Errorf("CANCEL of message %d", r.MessageID)
		}
		// The server was faster than CANCEL, and would not close within the chain.
		f.answer(requests[0], requests[0].reply(StatusSuccess), &CreateResponse{FileID: sampleFile})
		r := f.next(CommandClose)
		if id := r.body.(*CloseRequest).FileID; id != sampleFile {
			t.Errorf("CLOSE of %v", id)
		}
		f.answer(requests[1], requests[1].reply(StatusInternalError), nil)
		f.answer(r, r.reply(StatusSuccess), &CloseResponse{})
		synctest.Wait()
		if s := tree.session.conn.state(); s.pending != 0 || s.available != s.held {
			t.Errorf("in the end: %+v", s)
		}
	})
}

// TestNotSent: what cannot be sent is refused before it takes an id.
func TestNotSent(t *testing.T) {
	f, tree := fakeShare(t, SMB311, nil)
	ctx := context.Background()
	before := tree.session.conn.state()
	o := &Open{ID: sampleFile, tree: tree}
	if _, err := o.IOCTL(ctx, 1, make([]byte, MaxFrame), 0); err == nil || !strings.Contains(err.Error(), "does not fit a frame") {
		t.Errorf("an input that fits no frame: %v", err)
	}
	long := strings.Repeat("x", 0x8000)
	if _, err := tree.Create(ctx, &CreateRequest{Name: long}); err == nil || !strings.Contains(err.Error(), "32768 UTF-16 units") {
		t.Errorf("a name of 32768 characters: %v", err)
	}
	if _, err := tree.CreateClose(ctx, &CreateRequest{Name: long}); err == nil {
		t.Error("a name of 32768 characters was sent")
	}
	if _, err := tree.session.TreeConnect(ctx, long); err == nil {
		t.Error("a share name of 32768 characters was sent")
	}
	if after := tree.session.conn.state(); after != before {
		t.Errorf("books %+v, before %+v", after, before)
	}
	create := async(func() (*Open, error) { return tree.Create(ctx, &CreateRequest{Name: long[1:]}) })
	r := f.next(CommandCreate)
	if r.body.(*CreateRequest).Name != long[1:] {
		t.Error("a name of 32767 characters did not arrive")
	}
	f.answer(r, r.reply(StatusObjectNameNotFound), nil)
	_, err := create.wait()
	want(t, "Create", err, StatusObjectNameNotFound)
}
