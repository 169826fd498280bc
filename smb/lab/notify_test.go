package lab

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"err32/smb"
)

// told is what a CHANGE_NOTIFY was answered.
type told struct {
	changes []smb.Change
	status  smb.NTStatus
}

// notify sends a CHANGE_NOTIFY. Its answer comes over the channel.
func (h *hand) notify(m *smb.ChangeNotifyRequest) (*request, <-chan told) {
	h.t.Helper()
	r := h.request(m)
	answer := make(chan told, 1)
	go func() {
		body, status := h.run(r)
		result := told{status: status}
		if body != nil {
			var err error
			if result.changes, err = smb.ParseChanges(body.(*smb.ChangeNotifyResponse).Output); err != nil {
				h.t.Error(err)
			}
		}
		answer <- result
	}()
	synctest.Wait()
	return r, answer
}

// wantTold checks an answer that is there, or with nil that there is none.
func (h *hand) wantTold(answer <-chan told, status smb.NTStatus, changes ...smb.Change) {
	h.t.Helper()
	synctest.Wait()
	select {
	case got := <-answer:
		if got.status != status || !slices.Equal(got.changes, changes) {
			h.t.Errorf("told %v, %v, want %v, %v", got.changes, got.status, changes, status)
		}
	default:
		h.t.Errorf("told nothing, want %v, %v", changes, status)
	}
}

func (h *hand) wantNothing(answer <-chan told) {
	h.t.Helper()
	synctest.Wait()
	select {
	case got := <-answer:
		h.t.Errorf("told %v, %v, want nothing", got.changes, got.status)
	default:
	}
}

func notifyTest(name string, t *testing.T, test func(t *testing.T, h *hand, dir smb.FileID)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHand(t)
			test(t, h, h.openAs("d", smb.DirectoryFile, readAccess))
			h.close()
		})
	})
}

func TestChangeNotify(t *testing.T) {
	names := smb.NotifyFileName | smb.NotifyDirName
	notifyTest("names", t, func(t *testing.T, h *hand, dir smb.FileID) {
		m := &smb.ChangeNotifyRequest{FileID: dir, Filter: names, MaxOutput: 4096}
		_, answer := h.notify(m)
		h.wantNothing(answer)
		h.make(`d\a`, 0)
		h.wantTold(answer, 0, smb.Change{Action: smb.ChangeAdded, Name: "a"})

		// What happens between two requests is kept.
		h.make(`d\sub`, smb.DirectoryFile)
		h.make(`d\sub\below`, 0)
		h.remove(`d\a`)
		_, answer = h.notify(m)
		h.wantTold(answer, 0, smb.Change{Action: smb.ChangeAdded, Name: "sub"}, smb.Change{Action: smb.ChangeRemoved, Name: "a"})

		// Both names of a rename come together.
		_, answer = h.notify(m)
		id := h.open(`d\sub`, smb.DirectoryFile)
		h.set(id, &smb.RenameInfo{Name: `d\sub2`})
		h.closeID(id)
		h.wantTold(answer, 0, smb.Change{Action: smb.ChangeRenamedFrom, Name: "sub"}, smb.Change{Action: smb.ChangeRenamedTo, Name: "sub2"})

		// Requests are answered in their order.
		_, first := h.notify(m)
		_, second := h.notify(m)
		h.make(`d\b`, 0)
		h.wantTold(first, 0, smb.Change{Action: smb.ChangeAdded, Name: "b"})
		h.wantNothing(second)
		h.remove(`d\b`)
		h.wantTold(second, 0, smb.Change{Action: smb.ChangeRemoved, Name: "b"})
	})
	notifyTest("tree", t, func(t *testing.T, h *hand, dir smb.FileID) {
		_, answer := h.notify(&smb.ChangeNotifyRequest{FileID: dir, Filter: names, Flags: smb.NotifyWatchTree, MaxOutput: 4096})
		h.make("elsewhere", 0)
		h.wantNothing(answer)
		h.make(`d\x`, smb.DirectoryFile)
		h.wantTold(answer, 0, smb.Change{Action: smb.ChangeAdded, Name: "x"})
		// What the first request asked for holds: below subdirectories too.
		_, answer = h.notify(&smb.ChangeNotifyRequest{FileID: dir, MaxOutput: 4096})
		h.make(`d\x\y`, 0)
		h.wantTold(answer, 0, smb.Change{Action: smb.ChangeAdded, Name: `x\y`})
		_, answer = h.notify(&smb.ChangeNotifyRequest{FileID: dir, MaxOutput: 4096})
		id := h.open(`d\x\y`, 0)
		h.set(id, &smb.RenameInfo{Name: "elsewhere2"})
		h.wantTold(answer, 0, smb.Change{Action: smb.ChangeRemoved, Name: `x\y`})
	})
	notifyTest("filters", t, func(t *testing.T, h *hand, dir smb.FileID) {
		file := h.open(`d\f`, 0)
		for _, test := range []struct {
			filter smb.NotifyFilter
			change func()
		}{
			{smb.NotifyAttributes, func() { h.set(file, &smb.BasicInfo{Attributes: smb.AttributeHidden}) }},
			{smb.NotifyCreation, func() { h.set(file, &smb.BasicInfo{Times: smb.FileTimes{Creation: 1 << 56}}) }},
			{smb.NotifyLastAccess, func() { h.set(file, &smb.BasicInfo{Times: smb.FileTimes{LastAccess: 1 << 56}}) }},
			{smb.NotifyLastWrite, func() { h.set(file, &smb.BasicInfo{Times: smb.FileTimes{LastWrite: 1 << 56}}) }},
			{smb.NotifySize, func() { h.set(file, &smb.EndOfFileInfo{EndOfFile: 5}) }},
		} {
			own := h.open("d", smb.DirectoryFile)
			_, answer := h.notify(&smb.ChangeNotifyRequest{FileID: own, Filter: test.filter, MaxOutput: 4096})
			other := h.open("d", smb.DirectoryFile)
			_, deaf := h.notify(&smb.ChangeNotifyRequest{FileID: other, Filter: smb.NotifySecurity | names, MaxOutput: 4096})
			test.change()
			h.wantTold(answer, 0, smb.Change{Action: smb.ChangeModified, Name: "f"})
			h.wantNothing(deaf)
			h.closeID(own)
			h.closeID(other)
		}
	})
	notifyTest("overflow", t, func(t *testing.T, h *hand, dir smb.FileID) {
		m := &smb.ChangeNotifyRequest{FileID: dir, Filter: names, MaxOutput: 1000}
		_, answer := h.notify(m)
		for i := range 200 {
			h.make(fmt.Sprintf(`d\%d`, i), 0)
		}
		h.wantTold(answer, 0, smb.Change{Action: smb.ChangeAdded, Name: "0"})
		_, answer = h.notify(m)
		h.wantTold(answer, smb.StatusNotifyEnumDir)
		_, answer = h.notify(m) // and it begins anew
		h.remove(`d\0`)
		h.wantTold(answer, 0, smb.Change{Action: smb.ChangeRemoved, Name: "0"})
	})
	notifyTest("ends", t, func(t *testing.T, h *hand, dir smb.FileID) {
		m := &smb.ChangeNotifyRequest{FileID: dir, Filter: names, MaxOutput: 4096}
		r, answer := h.notify(m)
		h.s.mu.Lock()
		r.abort()
		h.s.mu.Unlock()
		h.wantTold(answer, smb.StatusCancelled)

		_, answer = h.notify(m)
		h.closeID(dir)
		h.wantTold(answer, smb.StatusNotifyCleanup)
		h.want(smb.StatusFileClosed, m)

		m.FileID = h.open("d", smb.DirectoryFile)
		_, answer = h.notify(m)
		other := h.open("d", smb.DirectoryFile)
		h.set(other, &smb.DispositionInfo{DeletePending: true})
		h.wantTold(answer, smb.StatusDeletePending)
		h.want(smb.StatusDeletePending, m)
	})
	notifyTest("refused", t, func(t *testing.T, h *hand, dir smb.FileID) {
		h.want(smb.StatusInvalidParameter, &smb.ChangeNotifyRequest{FileID: h.open("f", 0), Filter: names, MaxOutput: 4096})
		h.want(smb.StatusInvalidParameter, &smb.ChangeNotifyRequest{FileID: dir, Filter: names, MaxOutput: 8<<20 + 1})
		h.want(smb.StatusAccessDenied, &smb.ChangeNotifyRequest{
			FileID: h.openAs("d", smb.DirectoryFile, smb.FileReadAttributes), Filter: names, MaxOutput: 4096,
		})
	})
}
