package diag

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"err32/smb"
)

// probe runs the data probes, the wanted open, and the search for a lock.
func (w *who) probe(ctx context.Context, p *PathHolders, s stat) *RunError {
	pr := w.prober(p.Path, s)
	h, err := pr.run(ctx)
	if err == nil {
		err = w.tryWanted(ctx, pr, p)
	}
	if err == nil && !pr.gaveUp && h.Share.Read == Yes {
		err = w.tryRead(ctx, p, s)
	}
	p.Probes = pr.results
	if err != nil {
		return newRunError("probe "+p.Path, err)
	}
	if answer, _ := h.allows(w.wantedAccess(s), w.o.WantShare); pr.noRead == "" && pr.noDelete == "" &&
		p.Wanted.Allowed != nil && answer != Unknown && (answer == Yes) != *p.Wanted.Allowed {
		h = HolderModes{unknownModes(), unknownModes()}
		p.Reasons = append(p.Reasons, "the wanted open met another answer than the probes before it lead to: somebody opened or closed the file between them. Run it again")
	}
	if h != (HolderModes{unknownModes(), unknownModes()}) {
		p.Holders, p.HoldersFrom = h, "probes"
	}
	return nil
}

// prober prepares the probes of one file.
func (w *who) prober(path string, s stat) *prober {
	o := w.table.observer
	pr := &prober{tree: o.tree, path: path, patience: w.o.ProbeTimeout, allowed: s.allowed}
	pr.record = func(r ProbeResult, a smb.Attempt) {
		detail := r.Name + " access " + strings.Join(wordsOrNone(r.Access), "+") + " share " + strings.Join(wordsOrNone(r.Share), "+")
		if r.Skipped != "" {
			w.rec.Record(ActorContender, whatProbe, detail+": "+r.Skipped)
			return
		}
		w.rec.RecordStatus(ActorContender, whatProbe, detail, a.Status)
	}
	// [MS-FSA] 2.1.5.1.2.2 and [MS-SMB2] 3.3.5.9: bits that a server may force.
	if s.parent&smb.FileWriteData == 0 && !w.table.observer.isSamba() {
		pr.noRead = "the user may not write to the folder, and the server then shares reading whatever is asked for"
	}
	if o.tree.Flags()&smb.ShareRestrictExclusiveOpens != 0 {
		if s.allowed&smb.FileWriteAttributes != 0 {
			pr.defeat = smb.FileWriteAttributes
		} else {
			pr.noRead = "the share restricts exclusive opens"
		}
	}
	if o.tree.Flags()&smb.ShareForceSharedDelete != 0 {
		pr.noDelete = "the share forces deleting to be shared"
	}
	return pr
}

func wordsOrNone(words []string) []string {
	if len(words) == 0 {
		return []string{"none"}
	}
	return words
}

// wantedName is the name of the probe that is the wanted open itself.
const wantedName = "wanted"

// tryWanted tries the wanted open itself, whatever the rights that the server
// tells: only an attempt shows what it meets.
func (w *who) tryWanted(ctx context.Context, pr *prober, p *PathHolders) error {
	answer, err := pr.probe(ctx, wantedName, w.o.WantAccess, w.o.WantShare)
	if err != nil {
		return err
	}
	last := pr.results[len(pr.results)-1]
	switch {
	case answer != Unknown:
		allowed := answer == No
		p.Wanted.Allowed = &allowed
		p.Wanted.Why = "tried: " + last.StatusName
	case last.Skipped != "":
		p.Wanted.Why = "tried, and not answered: " + last.Skipped
	default:
		p.Wanted.Why = "tried: " + last.StatusName + ", which is not a matter of share modes"
	}
	return nil
}

// tryRead looks for a byte-range lock with reads of one byte, at the start and
// at the end. It takes no lock. A file whose data the server would have to
// fetch from elsewhere is left alone.
func (w *who) tryRead(ctx context.Context, p *PathHolders, s stat) error {
	if s.attributes&(smb.AttributeOffline|smb.AttributeRecallOnOpen|smb.AttributeRecallOnDataAccess) != 0 {
		p.Reasons = append(p.Reasons, "the file's data lies elsewhere (offline), so that no byte was read to look for locks")
		return nil
	}
	offsets := []uint64{0}
	if s.size > 1 {
		offsets = append(offsets, s.size-1)
	}
	a, err := w.table.observer.tree.TryRead(ctx, probeRequest(p.Path, smb.FileReadData, shareAll), w.o.ProbeTimeout, offsets...)
	if err != nil || len(a.Reads) == 0 {
		return err
	}
	decided := true
	for i, status := range a.Reads {
		w.rec.RecordStatus(ActorContender, whatRead, fmt.Sprintf("one byte at %d", offsets[i]), status)
		decided = decided && (status == smb.StatusSuccess || status == smb.StatusEndOfFile)
	}
	i := slices.Index(a.Reads, smb.StatusFileLockConflict)
	if locked := i >= 0; locked || decided {
		p.Locked = &locked
	}
	if i >= 0 {
		p.Reasons = append(p.Reasons, fmt.Sprintf("a read of the byte at offset %d met a byte-range lock (error 33)", offsets[i]))
	}
	return nil
}

// lockReasons says who has byte-range locks, as far as the table tells, and
// what the reads could not find.
func (w *who) lockReasons(p *PathHolders) []string {
	var reasons []string
	var holders []*OpenRow
	for i := range p.Opens {
		if p.Opens[i].Locks > 0 {
			holders = append(holders, &p.Opens[i])
		}
	}
	if w.table.observer.isSamba() && len(holders) > 1 {
		reasons = append(reasons, fmt.Sprintf("the file has %s; Samba shows those of the whole file with each of its %d opens, so that any of these may have them", countLocks(holders[0].Locks), len(holders)))
	} else {
		for _, row := range holders {
			reasons = append(reasons, fmt.Sprintf("open %s of %s has %s", row.ID, userOf(row), countLocks(row.Locks)))
		}
	}
	found := p.Locked != nil && *p.Locked
	switch {
	case found && w.seen && len(holders) == 0:
		reasons = append(reasons, "the table lists no open with locks: a program on the server itself has it, or the lock has gone since")
	case !found && len(holders) > 0 && p.Locked != nil:
		reasons = append(reasons, "the reads of the first and the last byte met no lock: it lies elsewhere, or is shared and lets read; who touches the locked part meets error 33")
	case !found && len(holders) > 0:
		reasons = append(reasons, "who touches the locked part meets error 33")
	case !found && !w.seen && p.Locked != nil && p.State != StateFree:
		reasons = append(reasons, "only the first and the last byte were read: a lock elsewhere, or a shared one, which lets read, would show in the server's table alone")
	}
	return reasons
}

func countLocks(n int) string {
	if n == 1 {
		return "1 byte-range lock"
	}
	return fmt.Sprintf("%d byte-range locks", n)
}

// holderOf names the user of an open, and the client as far as it is known.
func holderOf(row *OpenRow) string {
	if row.ClientBasis == BasisUnknown {
		return userOf(row)
	}
	return userOf(row) + " on " + clientText(row)
}

// noUser is how a sentence calls the user of an open that has none.
const noUser = "no user (disconnected)"

func userOf(row *OpenRow) string {
	if row.User == "" {
		return noUser
	}
	return row.User
}
