package diag

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"err32/smb"
	"err32/smb/lab"
)

// recordFiles lists a folder of records.
func recordFiles(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func wantRecords(t *testing.T, dir string, n int) {
	t.Helper()
	if names := recordFiles(t, dir); len(names) != n {
		t.Errorf("%d files in the folder of records, want %d: %q", len(names), n, names)
	}
}

// crashedRecord writes the record of a session as a run that was killed leaves
// it: the file is there, and nobody has it locked. It returns the file's name.
func crashedRecord(t *testing.T, dir string, e Endpoint, c *client, paths ...string) string {
	t.Helper()
	had := recordFiles(t, dir)
	forget, err := recordSession(dir, "hold", e, c, paths)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range recordFiles(t, dir) {
		if !slices.Contains(had, name) {
			name = filepath.Join(dir, name)
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			forget()
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
			return name
		}
	}
	t.Fatal("no record was written")
	return ""
}

// A hold and a repro keep a record while they last, which only their user can
// read, and leave none, however they end.
func TestSessionRecordLasts(t *testing.T) {
	t.Parallel()
	srv, e := releaseLab(t, lab.Windows())
	newLabClient(t, srv, "127.0.0.1", "admin").open("a.dat").Close(t.Context())
	e.Target.Path = "a.dat"
	check := func(t *testing.T, dir, command string) {
		names := recordFiles(t, dir)
		if len(names) != 1 {
			t.Errorf("records while it lasts: %q", names)
			return
		}
		name := filepath.Join(dir, names[0])
		info, err := os.Stat(name)
		if err != nil {
			t.Error(err)
			return
		}
		folder, err := os.Stat(dir)
		if err != nil {
			t.Error(err)
			return
		}
		if runtime.GOOS != "windows" && (info.Mode() != 0o600 || folder.Mode() != os.ModeDir|0o700) {
			t.Errorf("modes %v and %v", info.Mode(), folder.Mode())
		}
		data, err := os.ReadFile(name)
		var r SessionRecord
		if err != nil || json.Unmarshal(data, &r) != nil {
			t.Errorf("%v: %s", err, data)
			return
		}
		sessions := map[string]bool{}
		for _, o := range srv.Opens() {
			sessions[fmt.Sprintf("0x%X", o.SessionID)] = true
		}
		if r.Command != command || r.PID != os.Getpid() || r.User != "admin" || r.Server != "127.0.0.1" || r.Port != e.Target.Port || !sessions[r.SessionID] ||
			len(r.Paths) != 1 || strings.Contains(string(data), `"password`) {
			t.Errorf("record %s", data)
		}
		// This run goes on: its record is left alone.
		if left, err := readSessionRecords(dir); err != nil || len(left) != 0 {
			t.Errorf("%v: taken for a killed run's: %s", err, text(left))
		}
		free := Free(context.Background(), ReleaseOptions{Endpoint: e, Mine: true, StateDir: dir})
		if free.ExitCode() != 0 || len(free.Release.Actions) != 0 {
			t.Error(text(free))
		}
	}
	t.Run("hold", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "a", "state")
		o := HoldOptions{Endpoint: e, Targets: []Target{e.Target}, Access: access("rw"), Disconnect: smb.DisconnectClose, For: time.Millisecond, StateDir: dir}
		o.OnReady = func(int) error { check(t, dir, "hold"); return nil }
		if r := Hold(t.Context(), o); r.ExitCode() != 0 || len(r.Notes) != 0 {
			t.Error(text(r))
		}
		wantRecords(t, dir, 0)
		for _, kind := range []smb.DisconnectKind{smb.DisconnectFIN, smb.DisconnectFreeze} {
			ctx, cancel := context.WithCancel(t.Context()) // Ctrl-C
			o.Disconnect, o.For = kind, 0
			o.OnReady = func(int) error { cancel(); return nil }
			Hold(ctx, o)
			wantRecords(t, dir, 0)
		}
		o.Targets[0].Path = "no such file"
		if r := Hold(t.Context(), o); r.Hold.Held != 0 {
			t.Error(text(r))
		}
		wantRecords(t, dir, 0)
	})
	t.Run("repro", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "state")
		o := reproOf(e, smb.DisconnectFIN, time.Second)
		o.Endpoint.Target.Path, o.StateDir = "", dir
		seen := false
		o.OnEvent = func(event Event) {
			if event.Actor == ActorHolder && event.What == whatOpen && !seen {
				seen = true
				check(t, dir, "repro")
			}
		}
		if r := Repro(t.Context(), o); r.ExitCode() != 32 && r.ExitCode() != 0 || !seen {
			t.Error(text(r))
		}
		wantRecords(t, dir, 0)
		ctx, cancel := context.WithCancel(t.Context())
		o.OnEvent = func(event Event) {
			if event.What == whatTry {
				cancel()
			}
		}
		if r := Repro(ctx, o); r.ExitCode() != 130 {
			t.Error(text(r))
		}
		wantRecords(t, dir, 0)
	})
	t.Run("no folder", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		o := HoldOptions{Endpoint: e, Targets: []Target{{Server: "127.0.0.1", Port: e.Target.Port, Share: "share", Path: "a.dat"}},
			Access: access("rw"), Disconnect: smb.DisconnectClose, For: time.Millisecond, StateDir: filepath.Join(file, "state")}
		r := Hold(t.Context(), o)
		if r.ExitCode() != 0 || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "release --mine will not know it") {
			t.Error(text(r))
		}
		free := Free(t.Context(), ReleaseOptions{Endpoint: e, Mine: true, StateDir: filepath.Join(file, "state")})
		if free.ExitCode() != 1 || !strings.HasPrefix(free.Error.Op, "read the records of killed runs") {
			t.Error(text(free))
		}
		free = Free(t.Context(), ReleaseOptions{Endpoint: e, Mine: true, StateDir: filepath.Join(t.TempDir(), "none")})
		if free.ExitCode() != 0 || len(free.Release.Actions) != 0 {
			t.Error(text(free))
		}
	})
}
