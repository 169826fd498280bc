package diag

import (
	"context"
	"fmt"
	"testing"

	"err32/smb"
)

// holderState is what one open has and shares, as the share-mode check sees it.
type holderState struct {
	access smb.AccessMask
	share  smb.ShareAccess
}

// holderStates are all ways to hold a file: seven sets of access classes and
// eight share modes. Classes have two bits in turn, which must make no
// difference.
func holderStates() []holderState {
	var all []holderState
	for classes := smb.ShareAccess(1); classes < 8; classes++ {
		for share := range smb.ShareAccess(8) {
			s := holderState{share: share}
			for _, bit := range []struct {
				class smb.ShareAccess
				masks [2]smb.AccessMask
			}{
				{smb.ShareRead, [2]smb.AccessMask{smb.FileReadData, smb.FileExecute}},
				{smb.ShareWrite, [2]smb.AccessMask{smb.FileWriteData, smb.FileAppendData}},
				{smb.ShareDelete, [2]smb.AccessMask{smb.Delete, smb.Delete}},
			} {
				if classes&bit.class != 0 {
					s.access |= bit.masks[int(classes^share)&1]
				}
			}
			all = append(all, s)
		}
	}
	return all
}

// heldFile is a file and how it is held.
type heldFile struct {
	path  string
	opens []holderState
}

// aggregate is what all opens of a file together have and share: those without
// data access do not count, [MS-FSA] 2.1.5.1.2.2.
type aggregate struct{ access, share smb.ShareAccess }

func aggregateOf(opens []holderState) aggregate {
	a := aggregate{share: shareAll}
	for _, o := range opens {
		if classes := o.access.Classes(); classes != 0 {
			a.access |= classes
			a.share &= o.share
		}
	}
	return a
}

// wantHolders is what probes can tell of an aggregate: all of it, but the
// access of holders who share nothing.
func (a aggregate) wantHolders() HolderModes {
	h := HolderModes{unknownModes(), unknownModes()}
	for _, c := range classes {
		*h.Share.of(c.share) = yesOrNo(a.share&c.share != 0)
		if a.share != 0 {
			*h.Access.of(c.share) = yesOrNo(a.access&c.share != 0)
		}
	}
	return h
}

func yesOrNo(b bool) string {
	if b {
		return Yes
	}
	return No
}

// holdAll makes a file for nobody, for an attribute-only holder, for each of
// the holder states, and for each pair of them that the server lets be, held by
// two clients.
func holdAll(t *testing.T, s *whoServer, pairs bool) []heldFile {
	t.Helper()
	first, second := s.tree(t), s.tree(t)
	states := holderStates()
	files := []heldFile{{path: "nobody"}, {"attributes", []holderState{{smb.FileReadAttributes | smb.ReadControl, 0}}}}
	for i, a := range states {
		files = append(files, heldFile{fmt.Sprintf("one-%02d", i), []holderState{a}})
		for j := i; pairs && j < len(states); j++ {
			files = append(files, heldFile{fmt.Sprintf("two-%02d-%02d", i, j), []holderState{a, states[j]}})
		}
	}
	request := func(f heldFile, o holderState, d smb.Disposition) *smb.CreateRequest {
		return &smb.CreateRequest{Name: f.path, Access: o.access, Share: o.share, Disposition: d, Options: smb.NonDirectoryFile}
	}
	// Many are under way at a time: it takes a second, not ten.
	made := startCreates(t, first, len(files), func(i int) *smb.CreateRequest {
		if len(files[i].opens) == 0 {
			return request(files[i], holderState{smb.FileWriteData, 0}, smb.CreateFile)
		}
		return request(files[i], files[i].opens[0], smb.CreateFile)
	})
	var seconds []int
	for i, o := range made {
		switch {
		case o.err != nil:
			t.Fatalf("%s: %v", files[i].path, o.err)
		case len(files[i].opens) == 0:
			mustClose(t, o.open)
		case len(files[i].opens) == 2:
			seconds = append(seconds, i)
		}
	}
	also := startCreates(t, second, len(seconds), func(i int) *smb.CreateRequest {
		f := files[seconds[i]]
		return request(f, f.opens[1], smb.OpenFile)
	})
	refused := map[int]bool{}
	var closes []*smb.PendingClose
	for i, o := range also {
		status, answered := smb.StatusOf(o.err)
		switch {
		case o.err == nil:
		case answered && status == smb.StatusSharingViolation:
			refused[seconds[i]] = true
			p, err := made[seconds[i]].open.StartClose(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			closes = append(closes, p)
		default:
			t.Fatal(o.err)
		}
	}
	for _, p := range closes {
		if err := p.Wait(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	var held []heldFile
	for i, f := range files {
		if !refused[i] {
			held = append(held, f)
		}
	}
	return held
}

type startedOpen struct {
	open *smb.Open
	err  error
}

func startCreates(t *testing.T, tree *smb.Tree, n int, request func(int) *smb.CreateRequest) []startedOpen {
	t.Helper()
	pending := make([]*smb.PendingCreate, n)
	for i := range pending {
		var err error
		if pending[i], err = tree.StartCreate(context.Background(), request(i)); err != nil {
			t.Fatal(err)
		}
	}
	all := make([]startedOpen, n)
	for i, p := range pending {
		all[i].open, all[i].err = p.Wait(context.Background())
	}
	return all
}

// allStates is how many different things there are to find out: seven sets of
// access classes that somebody has times eight that all share, and nobody.
const allStates = 7*8 + 1

// TestWhoModes holds files in every way and by every pair of holders that can
// be, and compares what the probes tell, without any right on the server's
// tables, with what smbd itself says of its opens; in the lab with what was
// opened.
func TestWhoModes(t *testing.T) {
	eachWhoServer(t, func(t *testing.T, s *whoServer) {
		files := holdAll(t, s, true)
		var paths []string
		for _, f := range files {
			paths = append(paths, f.path)
		}
		if s.smbd != nil {
			files = judgedBySmbstatus(t, s, files)
		}
		states := map[aggregate]bool{}
		r := Who(context.Background(), whoOf(s.plainEndpoint(""), "rw:none", paths...))
		if r.Who == nil || len(r.Who.Paths) != len(files) || r.Error != nil {
			t.Fatal(text(r.Error))
		}
		wrong := 0
		for i, f := range files {
			a := aggregateOf(f.opens)
			states[a] = true
			p := r.Who.Paths[i]
			if want := a.wantHolders(); p.Holders != want {
				if wrong++; wrong < 5 {
					t.Errorf("%s, held as %v: found %+v, want %+v", f.path, f.opens, p.Holders, want)
				}
			}
			if free := p.State == StateFree; free != (a.access == 0) {
				t.Errorf("%s, held as %v: the state is %s", f.path, f.opens, p.State)
			}
			// Whether the wanted open is let in: [MS-FSA] 2.1.5.1.2.2.
			if want := a.access == 0; p.Wanted.Allowed == nil || *p.Wanted.Allowed != want {
				t.Errorf("%s, held as %v: wanted is %s", f.path, f.opens, text(p.Wanted))
			}
		}
		t.Logf("%d wrong answers; %d files, held in %d of %d ways that can be told apart by what they have and share", wrong, len(files), len(states), allStates)
		if len(states) != allStates {
			t.Errorf("%d states were tried, want %d", len(states), allStates)
		}
	})
}

// judgedBySmbstatus puts what smbd itself says of the opens in place of what
// was asked for.
func judgedBySmbstatus(t *testing.T, s *whoServer, files []heldFile) []heldFile {
	t.Helper()
	status := s.smbd.Status(t)
	var judged []heldFile
	for _, f := range files {
		j := heldFile{path: f.path}
		for _, o := range status.Opens[f.path] {
			j.opens = append(j.opens, holderState{smb.AccessMask(o.AccessMask), smb.ShareAccess(o.ShareMode)})
		}
		if len(j.opens) != len(f.opens) {
			t.Errorf("smbstatus has %d opens of %s, want %d", len(j.opens), f.path, len(f.opens))
		}
		judged = append(judged, j)
	}
	return judged
}
