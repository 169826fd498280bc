package smb

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// breakFrame is an unsolicited message: SessionId 0, not signed,
// [MS-SMB2] 2.2.23 and 3.3.4.7.
func breakFrame(m Message) []byte {
	return Append(nil, Header{Flags: FlagResponse, MessageID: UnsolicitedID}, m)
}

// TestBreaks sends breaks before the server has answered anything else, and
// one in each dialect in between. None may be lost.
func TestBreaks(t *testing.T) {
	for _, p := range protections {
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := context.Background()
				f, client := newFakeServer(t, p.dialect)
				c := f.connect(client, &p.cfg)
				const early = 1000
				for i := range early {
					f.send(breakFrame(&OplockBreak{Level: OplockII, FileID: FileID{Volatile: uint64(i)}}))
				}
				tree := f.treeConnect(f.logOn(c, 0), &TreeConnectResponse{})

				// A lease break comes, encrypted where the session is, and then the
				// CREATE response for the open it is about.
				create := async(func() (*Open, error) { return tree.Create(ctx, &CreateRequest{Name: "a", OplockLevel: OplockLease}) })
				r := f.next(CommandCreate)
				lease := &LeaseBreak{NewEpoch: 2, AckRequired: true, Key: sampleGUID, Current: 7, New: LeaseRead}
				msg := breakFrame(lease)
				if r.sealed {
					msg = f.seal(msg)
				}
				f.send(msg)
				f.answer(r, r.reply(StatusSuccess), &CreateResponse{FileID: sampleFile})
				o := create.must(t)

				for i := range early {
					b, err := c.NextBreak(ctx)
					if err != nil || b.Lease != nil || b.Oplock == nil || b.Oplock.FileID.Volatile != uint64(i) || b.Oplock.Level != OplockII || b.At.IsZero() {
						t.Fatalf("break %d: %+v, %v", i, b, err)
					}
				}
				if b, err := c.NextBreak(ctx); err != nil || b.Oplock != nil || b.Lease == nil || *b.Lease != *lease {
					t.Fatalf("%+v, %v", b, err)
				}

				ack := fails(func() error { return tree.AckLeaseBreak(ctx, sampleGUID, LeaseRead) })
				r = f.next(CommandOplockBreak)
				if m, ok := r.body.(*LeaseBreakAck); !ok || *m != (LeaseBreakAck{sampleGUID, LeaseRead}) || r.TreeID != fakeTree {
					t.Errorf("acknowledgment %+v", r.body)
				}
				f.answer(r, r.reply(StatusSuccess), &LeaseBreakAckResponse{sampleGUID, LeaseRead})
				if err := ack.error(); err != nil {
					t.Error(err)
				}
				ack = fails(func() error { return o.AckOplockBreak(ctx, OplockNone) })
				r = f.next(CommandOplockBreak)
				if m, ok := r.body.(*OplockBreakAck); !ok || *m != (OplockBreakAck{OplockNone, sampleFile}) {
					t.Errorf("acknowledgment %+v", r.body)
				}
				f.answer(r, r.reply(StatusInvalidOplockProtocol), nil)
				want(t, "acknowledge", ack.error(), StatusInvalidOplockProtocol)
			})
		})
	}
}

// TestNextBreak: waiting ends with a break, the context, or the connection,
// whose last breaks are still handed out.
func TestNextBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, client := newFakeServer(t, SMB311)
		c := f.connect(client, nil)
		var waiting []*asyncResult[Break]
		for range 3 {
			waiting = append(waiting, async(func() (Break, error) { return c.NextBreak(context.Background()) }))
		}
		synctest.Wait()
		for range 5 {
			f.send(breakFrame(&OplockBreak{FileID: sampleFile}))
		}
		for _, w := range waiting {
			if b := w.must(t); b.Oplock == nil {
				t.Errorf("%+v", b)
			}
		}
		// What answers nothing and is no break is dropped, [MS-SMB2] 3.2.5.1.2.
		f.send(Append(nil, Header{Flags: FlagResponse, MessageID: UnsolicitedID}, &EchoResponse{}))
		f.send(Append(nil, Header{Flags: FlagResponse, MessageID: 12345}, &EchoResponse{}))
		synctest.Wait()
		f.hangUp()
		<-c.Done()
		for range 2 {
			if b, err := c.NextBreak(context.Background()); err != nil || b.Oplock == nil {
				t.Errorf("%+v, %v", b, err)
			}
		}
		if _, err := c.NextBreak(context.Background()); !errors.Is(err, ErrServerClosed) {
			t.Errorf("after the last: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f, client := newFakeServer(t, SMB311)
		c := f.connect(client, nil)
		ctx, cancel := context.WithCancel(context.Background())
		wait := async(func() (Break, error) { return c.NextBreak(ctx) })
		synctest.Wait()
		cancel()
		if _, err := wait.wait(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// TestMalformedBreak: a break that cannot be read cannot be delivered either.
func TestMalformedBreak(t *testing.T) {
	for name, msg := range map[string][]byte{
		"smb: OPLOCK_BREAK notification: FileId at offset 80 (8 bytes) is outside the 80-byte message": breakFrame(&OplockBreak{})[:80],
		"smb: OPLOCK_BREAK notification: Status is STATUS_ACCESS_DENIED": Append(nil,
			Header{Status: StatusAccessDenied, Flags: FlagResponse, MessageID: UnsolicitedID}, &ErrorResponse{To: CommandOplockBreak}),
	} {
		f, client := newFakeServer(t, SMB311)
		c := f.connect(client, nil)
		f.send(msg)
		<-c.Done()
		if err := c.Err(); err == nil || err.Error() != name {
			t.Errorf("%v, want %s", err, name)
		}
	}
}
