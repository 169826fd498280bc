package lab_test

import (
	"context"
	"fmt"
	"testing"

	"err32/smb"
)

// combination is one of the 64 ways to open a file, as the share-mode check
// sees it: three access classes and three share modes.
type combination struct {
	access smb.AccessMask
	share  smb.ShareAccess
}

// combinations are all of them. An open without an access class asks for the
// attributes only.
func combinations() []combination {
	var all []combination
	for classes := range smb.ShareAccess(8) {
		access := smb.FileReadAttributes
		for class, bit := range map[smb.ShareAccess]smb.AccessMask{
			smb.ShareRead: smb.FileReadData, smb.ShareWrite: smb.FileWriteData, smb.ShareDelete: smb.Delete,
		} {
			if classes&class != 0 {
				access |= bit
			}
		}
		for share := range smb.ShareAccess(8) {
			all = append(all, combination{access, share})
		}
	}
	return all
}

func (c combination) String() string {
	return fmt.Sprintf("access %v, share %v", c.access.Classes(), c.share)
}

// TestShareModeGrid tries every pair of opens of one file: 8 sets of access
// classes and 8 share modes for each of the two. The rule of
// [MS-FSA] 2.1.5.1.2.2, which smb.Conflicts states, the lab and smbd have to
// agree on each of the 4096 answers.
func TestShareModeGrid(t *testing.T) {
	eachServer(t, serverConfig{}, func(t *testing.T, srv server) {
		all := combinations()
		answers := tryPairs(t, srv, all)
		refused, wrong := 0, 0
		for i, first := range all {
			for j, second := range all {
				want := smb.StatusSuccess
				if smb.Conflicts(second.access, second.share, first.access, first.share) {
					want = smb.StatusSharingViolation
					refused++
				}
				if got := answers[i][j]; got != want {
					if wrong++; wrong <= 10 {
						t.Errorf("first open: %v; second: %v: %v, want %v", first, second, got, want)
					}
				}
			}
		}
		if wrong > 10 {
			t.Errorf("… and %d more of %d answers", wrong-10, len(all)*len(all))
		}
		if refused != countRefused {
			t.Errorf("smb.Conflicts refuses %d of the pairs, want %d", refused, countRefused)
		}
	})
}

// countRefused is how many of the 4096 pairs conflict, worked out by hand. Both
// opens have a class in 56*56 = 3136 pairs. In one class, 3 of the 4 cases of
// one open's access and the other's share agree, and 3 of the 4 the other way
// round: 9^3 = 729 pairs agree in every class. Those are the first open without
// a class (6^3) or the second (6^3), less both (4^3), and so 361 pairs in which
// both have one.
const countRefused = 3136 - 361

// tryPairs opens a file for each of the combinations, and then tries each
// combination on each of the files from another connection. The tries of one
// combination are under way together, one on each file, and closed again
// before the next, so that they never meet each other.
func tryPairs(t *testing.T, srv server, all []combination) [][]smb.NTStatus {
	t.Helper()
	ctx := context.Background()
	holder, contender := srv.tree(t), srv.tree(t)
	name := func(i int) string { return fmt.Sprintf("grid-%02d", i) }
	request := func(i int, c combination, d smb.Disposition) *smb.CreateRequest {
		return &smb.CreateRequest{Name: name(i), Access: c.access, Share: c.share, Disposition: d, Options: smb.NonDirectoryFile}
	}

	firsts := openAll(t, holder, len(all), func(i int) *smb.CreateRequest { return request(i, all[i], smb.CreateFile) })
	for i, first := range firsts {
		if first.err != nil {
			t.Fatalf("first open with %v: %v", all[i], first.err)
		}
	}

	answers := make([][]smb.NTStatus, len(all))
	for _, second := range all {
		tries := openAll(t, contender, len(all), func(i int) *smb.CreateRequest { return request(i, second, smb.OpenFile) })
		for i, try := range tries {
			status, answered := smb.StatusOf(try.err)
			if try.err != nil && !answered {
				t.Fatalf("first open: %v; second: %v: %v", all[i], second, try.err)
			}
			answers[i] = append(answers[i], status)
		}
		closeAll(t, tries)
	}
	closeAll(t, firsts)
	openAndRemove := func(i int) *smb.CreateRequest {
		m := request(i, combination{smb.Delete, 0}, smb.OpenFile) // nothing may be open any more
		m.Options |= smb.DeleteOnClose
		return m
	}
	rest := openAll(t, holder, len(all), openAndRemove)
	for i, r := range rest {
		if r.err != nil {
			t.Errorf("after the last close of %s: %v", name(i), r.err)
		}
	}
	closeAll(t, rest)
	if err := holder.Session().Leave(ctx, smb.DisconnectClose, holder, nil); err != nil {
		t.Error(err)
	}
	return answers
}

type opened struct {
	open *smb.Open
	err  error
}

// openAll sends n CREATEs and then waits for their answers.
func openAll(t *testing.T, tree *smb.Tree, n int, request func(int) *smb.CreateRequest) []opened {
	t.Helper()
	ctx := context.Background()
	pending := make([]*smb.PendingCreate, n)
	for i := range pending {
		var err error
		if pending[i], err = tree.StartCreate(ctx, request(i)); err != nil {
			t.Fatal(err)
		}
	}
	all := make([]opened, n)
	for i, p := range pending {
		all[i].open, all[i].err = p.Wait(ctx)
	}
	return all
}

// closeAll closes what was opened.
func closeAll(t *testing.T, all []opened) {
	t.Helper()
	ctx := context.Background()
	var pending []*smb.PendingClose
	for _, o := range all {
		if o.err != nil {
			continue
		}
		p, err := o.open.StartClose(ctx)
		if err != nil {
			t.Fatal(err)
		}
		pending = append(pending, p)
	}
	for _, p := range pending {
		if err := p.Wait(ctx); err != nil {
			t.Error(err)
		}
	}
}
