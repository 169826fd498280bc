package diag

import (
	"slices"
	"testing"
	"time"

	"err32/smb"
)

// outcome is what a server does with what a holder has open who goes away in
// one of the ways.
type outcome struct {
	kind smb.DisconnectKind
	on   []serverKind
	code int // the run's exit code: 32 when error 32 outlasts the disconnect by a second

	// The server frees the file between these times after the disconnect; both
	// are 0 when it does not while the test looks.
	from, to time.Duration

	why string
}

// atOnce is short of a second for a server with nothing else to do. That no
// refusal came later than a second is in the exit code; the rest is for a busy
// machine.
const atOnce = 5 * time.Second

// busy is by how much a busy machine may be late.
const busy = 5 * time.Second

// outcomes has a line for each kind on each server. Two lines of one kind are a
// difference between servers, and say where it comes from. The times are those
// of the tests' servers: smbd with a keep-alive of 3 s and 3 probes 1 s apart,
// the lab with labKeepAlive and lingerTime.
var outcomes = []outcome{
	{smb.DisconnectClose, everyServer, 0, 0, atOnce,
		"the client gives up all it has"},

	{smb.DisconnectLogoff, everyServer, 0, 0, atOnce,
		"the session ends, and with it what is open in it; nt4 keeps opens of lost connections only"},

	{smb.DisconnectFIN, []serverKind{onSmbd, onWindows, onSamba}, 0, 0, atOnce,
		"the end of the connection ends its sessions and their opens"},
	{smb.DisconnectFIN, []serverKind{onNT4}, 32, time.Second, lingerTime + busy,
		"nt4 does not act on the loss of a connection: what the client had open stays until Linger after its last request"},

	{smb.DisconnectRST, []serverKind{onSmbd, onWindows, onSamba}, 0, 0, atOnce,
		"as after FIN"},
	{smb.DisconnectRST, []serverKind{onNT4}, 32, time.Second, lingerTime + busy,
		"as after FIN: nt4 keeps it for Linger"},

	{smb.DisconnectVanish, []serverKind{onSmbd}, 32, 4 * time.Second, 6*time.Second + busy,
		"TCP keep-alive gives the client up after 6 s without a packet"},
	{smb.DisconnectVanish, []serverKind{onWindows, onSamba}, 32, 2 * time.Second, labKeepAlive + busy,
		"TCP keep-alive gives the client up after 4 s without a packet, the shortest that the lab can be given"},
	{smb.DisconnectVanish, []serverKind{onNT4}, 32, time.Second, lingerTime + busy,
		"nt4 has no keep-alive; its Autodisconnect takes a client for gone that has been silent for as long as Linger, also one with files open"},

	{smb.DisconnectFreeze, []serverKind{onSmbd, onWindows, onSamba}, 32, 0, 0,
		"the client's kernel answers the keep-alive, and Autodisconnect, like deadtime, spares clients with files open"},
	{smb.DisconnectFreeze, []serverKind{onNT4}, 32, time.Second, lingerTime + busy,
		"Autodisconnect counts requests, and nt4's spares nobody"},

	{smb.DisconnectLeak, everyServer, 32, 0, 0,
		"the client is alive, as its ECHO says: nothing is wrong as the server sees it"},
}

func (o outcome) String() string { return o.kind.String() }

// freed reports whether the server frees the file while the test looks.
func (o outcome) freed() bool { return o.to > 0 }

// stale reports whether error 32 outlasts the disconnect.
func (o outcome) stale() bool { return o.code == 32 }

// wait is how long a run looks.
func (o outcome) wait() time.Duration {
	if o.freed() {
		return o.to + busy
	}
	return 1500 * time.Millisecond // longer than a server has to notice
}

// outcomeOf is the one line of a kind on a server.
func outcomeOf(server serverKind, kind smb.DisconnectKind) outcome {
	for _, o := range outcomes {
		if o.kind == kind && slices.Contains(o.on, server) {
			return o
		}
	}
	panic("no outcome of " + string(kind) + " on " + string(server))
}

// outcomesOn are the lines of a server.
func outcomesOn(t *testing.T, server serverKind) []outcome {
	t.Helper()
	var on []outcome
	for _, kind := range supported(t, smb.DisconnectKinds...) {
		on = append(on, outcomeOf(server, kind))
	}
	return on
}

// supported leaves out the kinds that the operating system does not let this
// user do, and says so.
func supported(t *testing.T, kinds ...smb.DisconnectKind) []smb.DisconnectKind {
	t.Helper()
	return slices.DeleteFunc(slices.Clone(kinds), func(k smb.DisconnectKind) bool {
		err := k.Supported()
		if err != nil {
			t.Logf("%s is left out: %v", k, err)
		}
		return err != nil
	})
}

// Every kind on every server has its line, only one, and the reason.
func TestOutcomes(t *testing.T) {
	for _, server := range everyServer {
		for _, kind := range smb.DisconnectKinds {
			var found []outcome
			for _, o := range outcomes {
				if o.kind == kind && slices.Contains(o.on, server) {
					found = append(found, o)
				}
			}
			if len(found) != 1 || found[0].why == "" {
				t.Errorf("%s on %s has the lines %+v, want one that says why", kind, server, found)
			}
		}
	}
}
