package diag

import (
	"context"
	"strings"
	"testing"

	"err32/smb"
)

// holdSilently opens a file for nobody else, as a client that then goes away
// without a word. It returns the id of its session.
func holdSilently(t *testing.T, e Endpoint, path string, kind smb.DisconnectKind) uint64 {
	t.Helper()
	needKind(t, kind)
	c, err := e.connect(t.Context(), e.Target.Share, smb.GUID{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.conn.Close() })
	o, err := c.tree.Create(t.Context(), &smb.CreateRequest{Name: path, Access: access("rw"), Disposition: smb.OpenFile, Options: smb.NonDirectoryFile})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.session.Leave(t.Context(), kind, c.tree, []*smb.Open{o}); err != nil {
		t.Fatal(err)
	}
	return c.session.ID()
}

// nextOpen is what the next open of a file meets, for nobody else and by a
// client of its own.
func nextOpen(t *testing.T, e Endpoint, path string) smb.NTStatus {
	t.Helper()
	ctx := context.Background()
	c, err := e.connect(ctx, e.Target.Share, smb.GUID{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.leave(ctx)
	a, err := c.tree.TryCreate(ctx, &smb.CreateRequest{Name: path, Access: access("rw"), Disposition: smb.OpenFile, Options: smb.NonDirectoryFile}, stepTime)
	if err != nil {
		t.Fatal(err)
	}
	return a.Status
}

// wantHeld and wantFree check what the next open meets.
func wantHeld(t *testing.T, e Endpoint, path string) {
	t.Helper()
	if status := nextOpen(t, e, path); status != smb.StatusSharingViolation {
		t.Errorf("the next open of %s meets %v, want a sharing violation", path, status)
	}
}

func wantFree(t *testing.T, e Endpoint, path string) {
	t.Helper()
	if status := nextOpen(t, e, path); status != smb.StatusSuccess {
		t.Errorf("the next open of %s meets %v, want success", path, status)
	}
}

// free runs release, and checks its exit code, what became of its one action,
// and that its JSON can be read back.
func free(t *testing.T, o ReleaseOptions, code int, done string) *Report {
	t.Helper()
	r := Free(t.Context(), o)
	if r.ExitCode() != code || len(r.Release.Actions) != 1 || r.Release.Actions[0].Done != done {
		t.Fatalf("exit code %d, want %d, and one action that is %q:\n%s", r.ExitCode(), code, done, text(r))
	}
	checkReadBack(t, r)
	return r
}

func checkReadBack(t *testing.T, r *Report) {
	t.Helper()
	var b strings.Builder
	if err := RenderJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	back, err := ParseReport([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	if back.Release == nil || text(back) != text(r) {
		t.Errorf("read back as\n%s\nwas\n%s", text(back), text(r))
	}
	var page strings.Builder
	if err := RenderTable(&page, r, 100); err != nil {
		t.Error(err)
	}
	for _, a := range r.Release.Actions {
		if a.Done == releaseUndecided || !strings.Contains(page.String(), strings.ReplaceAll(a.Done, "-", " ")) {
			t.Errorf("the page does not say %q:\n%s", a.Done, page.String())
		}
	}
}

// releasePath is what --path asks for.
func releasePath(e Endpoint, path string) ReleaseOptions {
	return ReleaseOptions{Endpoint: e, Path: path}
}

// idOf is the id of the one open of a file, from a run that does nothing.
func idOf(t *testing.T, e Endpoint, path string) string {
	t.Helper()
	o := releasePath(e, path)
	o.DryRun = true
	r := free(t, o, 0, ReleaseNotAsked)
	if len(r.Release.Actions[0].Opens) != 1 {
		t.Fatal(text(r))
	}
	return r.Release.Actions[0].Opens[0].ID
}
