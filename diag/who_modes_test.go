package diag

import (
	"context"
	"fmt"
	"slices"
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
// the holder states, and with pairs for each two of them that the server lets
// be, held by two clients.
func holdAll(t *testing.T, srv *testServer, pairs bool) []heldFile {
	t.Helper()
	first, second := clientOf(t, srv), clientOf(t, srv)
	mustClose(t, mustCreate(t, first, smb.CreateRequest{Name: "nobody", Access: smb.FileWriteData, Disposition: smb.CreateFile}))
	ones := []heldFile{{"attributes", []holderState{{smb.FileReadAttributes | smb.ReadControl, 0}}}}
	for i, state := range holderStates() {
		ones = append(ones, heldFile{fmt.Sprintf("one-%02d", i), []holderState{state}})
	}
	openEach(t, first, ones, 0, smb.CreateFile)
	var twos []heldFile
	for i := 0; pairs && i < len(ones); i++ {
		tries := append([]heldFile(nil), ones[i:]...)
		for j := range tries { // each of the others beside this one
			tries[j].opens = []holderState{ones[i].opens[0]}
		}
		granted := openEach(t, second, tries, 0, smb.OpenFile)
		for j, f := range tries {
			if o := granted[j]; o != nil {
				mustClose(t, o)
				twos = append(twos, heldFile{fmt.Sprintf("two-%02d-%02d", i, i+j), []holderState{ones[i+j].opens[0], f.opens[0]}})
			}
		}
	}
	openEach(t, first, twos, 0, smb.CreateFile)
	for i, o := range openEach(t, second, twos, 1, smb.OpenFile) {
		if o == nil {
			t.Errorf("%s: the second open of %v was refused", twos[i].path, twos[i].opens)
		}
	}
	return slices.Concat([]heldFile{{path: "nobody"}}, ones, twos)
}

// openEach opens each of the files as one of its holders does: all are under
// way at a time. Where share modes refuse it there is no open.
func openEach(t *testing.T, tree *smb.Tree, files []heldFile, holder int, d smb.Disposition) []*smb.Open {
	t.Helper()
	pending := make([]*smb.PendingCreate, len(files))
	for i, f := range files {
		state := f.opens[holder]
		var err error
		pending[i], err = tree.StartCreate(t.Context(), &smb.CreateRequest{
			Name: f.path, Access: state.access, Share: state.share, Disposition: d, Options: smb.NonDirectoryFile,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	opens := make([]*smb.Open, len(files))
	for i, p := range pending {
		var err error
		if opens[i], err = p.Wait(t.Context()); err != nil {
			if status, _ := smb.StatusOf(err); status != smb.StatusSharingViolation {
				t.Fatal(err)
			}
		}
	}
	return opens
}

// allStates is how many different things there are to find out: seven sets of
// access classes that somebody has times eight that all share, and nobody.
const allStates = 7*8 + 1

// TestWhoModes holds files in every way and by every pair of holders that can
// be, and compares what the probes tell, without any right on the server's
// tables, with what the server itself says of its opens.
func TestWhoModes(t *testing.T) {
	t.Parallel()
	eachServer(t, bothServers, serverConfig{}, func(t *testing.T, srv *testServer) {
		files := judged(t, srv, holdAll(t, srv, true))
		states := map[aggregate]bool{}
		r := Who(context.Background(), whoOf(srv.plainEndpoint(""), "rw:none", pathsOf(files)...))
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

// judged puts what the server itself says of the opens in place of what was
// asked for: smbd by smbstatus, the lab by its books.
func judged(t *testing.T, srv *testServer, files []heldFile) []heldFile {
	t.Helper()
	opens := map[string][]holderState{}
	for _, o := range srv.opens(t) {
		opens[o.Path] = append(opens[o.Path], holderState{smb.AccessMask(o.Access), smb.ShareAccess(o.Sharing)})
	}
	var judged []heldFile
	for _, f := range files {
		if len(opens[f.path]) != len(f.opens) {
			t.Errorf("the server has %d opens of %s, want %d", len(opens[f.path]), f.path, len(f.opens))
		}
		judged = append(judged, heldFile{f.path, opens[f.path]})
	}
	return judged
}

func pathsOf(files []heldFile) (paths []string) {
	for _, f := range files {
		paths = append(paths, f.path)
	}
	return paths
}
