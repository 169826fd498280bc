package diag

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"err32/smb"
)

// BenchmarkRelease polls a held file without pause, as repro --interval 0
// does, lets the holder close it at a moment that the poller does not know,
// and measures until the contender has it. The unit is the contender's own
// refused try, a CREATE answered by STATUS_SHARING_VIOLATION, in the same run.
func BenchmarkRelease(b *testing.B) {
	srv := serveSmbd(b, serverConfig{})
	ctx := context.Background()
	e := srv.endpoint("")
	srv.writeFiles(b, "held.dat")
	holder, err := e.connect(ctx, srv.share, smb.GUID{1})
	if err != nil {
		b.Fatal(err)
	}
	defer holder.leave(ctx)
	own, err := e.connect(ctx, srv.share, smb.GUID{2})
	if err != nil {
		b.Fatal(err)
	}
	stock, err := e.connectStock(ctx)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []contender{&ownContender{client: own}, stock} {
		defer c.leave(ctx)
		b.Run(c.name(), func(b *testing.B) {
			var sent, answered, trips measured // of each round: medians, in microseconds
			for b.Loop() {
				for range benchRounds {
					s, a, t := releases(ctx, b, holder, c)
					sent, answered, trips = append(sent, s.median()), append(answered, a.median()), append(trips, t.median())
				}
			}
			b.Logf("refused try us %v   to the file, from CLOSE sent us %v, from CLOSE answered us %v", trips, sent, answered)
			b.Logf("in refused tries: from CLOSE sent %v, from CLOSE answered %v", sent.over(trips), answered.over(trips))
			b.ReportMetric(sent.over(trips).median(), "trips-from-close-sent")
			b.ReportMetric(answered.over(trips).median(), "trips-from-close-answered")
			b.ReportMetric(trips.median(), "us/trip")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// releases lets the holder close the file 100 times. It returns how long it
// took from each CLOSE and from its answer until the contender had the file,
// and how long the refused tries took, in microseconds.
func releases(ctx context.Context, b *testing.B, holder *client, c contender) (sent, answered, trips measured) {
	b.Helper()
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
	for range 100 {
		o, err := holder.tree.Create(ctx, &smb.CreateRequest{
			Name: "held.dat", Access: access("rw"), Disposition: smb.OpenFile, Options: smb.NonDirectoryFile,
		})
		if err != nil {
			b.Fatal(err)
		}
		type closing struct {
			sent, answered time.Time
			err            error
		}
		closed := make(chan closing, 1)
		time.AfterFunc(2*time.Millisecond+rand.N(time.Millisecond), func() {
			k := closing{sent: time.Now()}
			k.err = o.Close(ctx)
			k.answered = time.Now()
			closed <- k
		})
		status := smb.StatusSharingViolation
		var free time.Time
		for begin := time.Now(); status == smb.StatusSharingViolation; begin = free {
			if status, err = c.open(ctx, "held.dat"); err != nil {
				b.Fatal(err)
			}
			free = time.Now()
			if status == smb.StatusSharingViolation {
				trips = append(trips, us(free.Sub(begin)))
			}
		}
		if err := c.letGo(); err != nil {
			b.Fatal(err)
		}
		k := <-closed
		if k.err != nil || status != smb.StatusSuccess {
			b.Fatalf("CLOSE: %v; the contender met %v", k.err, status)
		}
		sent, answered = append(sent, us(free.Sub(k.sent))), append(answered, us(free.Sub(k.answered)))
	}
	return sent, answered, trips
}
