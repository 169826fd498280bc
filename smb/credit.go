package smb

// creditWindow keeps a connection's credits and MessageIds,
// [MS-SMB2] 3.2.4.1.2 and 3.2.4.1.6. A credit is the right to use one
// MessageId; the ids are used in order without a gap. The window is guarded by
// its connection's mutex.
type creditWindow struct {
	nextID    uint64
	available int // ids from nextID on that the server has granted
	inFlight  int // ids of requests whose first answer, interim or final, is outstanding
	target    int // how many the client would like to have in all
	waiters   []chan struct{}
}

// newCreditWindow starts with the one credit every connection has.
func newCreditWindow(target int) creditWindow {
	return creditWindow{available: 1, target: target}
}

// take uses n ids and returns the first. The caller has seen that n are
// available.
func (w *creditWindow) take(n int) uint64 {
	id := w.nextID
	w.nextID += uint64(n)
	w.available -= n
	w.inFlight += n
	return id
}

// giveBack undoes the last take of n ids, for a request that is not sent after
// all.
func (w *creditWindow) giveBack(n int) {
	w.nextID -= uint64(n)
	w.available += n
	w.inFlight -= n
}

// held is how many credits there will be once the requests under way are
// answered, if the server goes on granting as many as it takes. Answers that
// follow an interim one bring no credits, [MS-SMB2] 3.3.4.3.
func (w *creditWindow) held() int { return w.available + w.inFlight }

// ask is the CreditRequest of a request with this charge: as many as it uses,
// and what is missing to the target.
func (w *creditWindow) ask(charge int) uint16 {
	missing := max(w.target-w.held(), 0)
	return uint16(min(charge+missing, 0xFFFF))
}

// grant adds credits that a response brought.
func (w *creditWindow) grant(n uint16) {
	w.available += int(n)
	w.wake()
}

// settle takes note of the first answer to a request that used n ids.
func (w *creditWindow) settle(n int) {
	w.inFlight -= n
	w.wake()
}

// wake tells the first waiter to look again.
func (w *creditWindow) wake() {
	if len(w.waiters) > 0 {
		select {
		case w.waiters[0] <- struct{}{}:
		default:
		}
	}
}

// enqueue adds a waiter; only the first of the queue may take.
func (w *creditWindow) enqueue() chan struct{} {
	c := make(chan struct{}, 1)
	w.waiters = append(w.waiters, c)
	return c
}

// leave removes a waiter and lets the next one look.
func (w *creditWindow) leave(c chan struct{}) {
	for i := range w.waiters {
		if w.waiters[i] == c {
			w.waiters = append(w.waiters[:i], w.waiters[i+1:]...)
			break
		}
	}
	w.wake()
}

// creditPayload is how many bytes one credit is good for, [MS-SMB2] 3.1.5.2.
const creditPayload = 65536

// creditCharge is the CreditCharge of a request that carries or asks for a
// payload of n bytes, [MS-SMB2] 3.1.5.2.
func creditCharge(n uint32) int {
	if n == 0 {
		return 1
	}
	return int((uint64(n)-1)/creditPayload) + 1
}
