package diag

import (
	"os"
	"slices"
	"strings"
	"testing"

	"err32/smb"
	"err32/smb/smbdtest"
)

// TestWhoNotThere asks for what is not there.
func TestWhoNotThere(t *testing.T) {
	t.Parallel()
	eachServer(t, bothServers, serverConfig{}, func(t *testing.T, srv *testServer) {
		srv.makeFolder(t, "dir")
		for path, want := range map[string]struct{ status, text string }{
			"none":         {"STATUS_OBJECT_NAME_NOT_FOUND", "there is no such file"},
			`dir\none`:     {"STATUS_OBJECT_NAME_NOT_FOUND", "there is no such file"},
			`none\none.x`:  {"STATUS_OBJECT_PATH_NOT_FOUND", "a folder on the way to it is not there"},
			`dir\a*b`:      {"STATUS_OBJECT_NAME_INVALID", "can have such a name"},
			`dir\none\b.c`: {"STATUS_OBJECT_PATH_NOT_FOUND", "a folder on the way to it is not there"},
		} {
			for _, o := range []WhoOptions{whoOf(srv.plainEndpoint(""), "rw:none", path), unprobed(whoOf(srv.endpoint(""), "r:rwd", path))} {
				r, p := runWho(t, o)
				if r.ExitCode() != 1 || r.Error.StatusName != want.status || !strings.Contains(r.Error.Text, want.text) || p.Exists || len(p.Opens) != 0 || len(p.Probes) != 0 {
					t.Errorf("%s: %s", path, text(r))
				}
			}
			o := whoOf(srv.endpoint(""), "rw:none", path)
			o.Recursive = true
			if r := Who(t.Context(), o); r.ExitCode() != 1 || r.Error.StatusName != want.status {
				t.Errorf("recursive %s: %s", path, text(r))
			}
		}
	})
}

// TestWhoNames asks for files by names in another case, beyond ASCII, and long
// ones, whose holders opened them by yet another.
func TestWhoNames(t *testing.T) {
	t.Parallel()
	eachServer(t, everyServer, serverConfig{}, func(t *testing.T, srv *testServer) {
		long := strings.Repeat("long folder name ", 5) + "x"
		deep := strings.Join([]string{long, long, long, long, long}, "/")
		srv.makeFolder(t, deep)
		for _, names := range [][3]string{ // on the disk, as its holder says it, as it is asked for
			{"Mixed.TXT", "mixed.txt", "MIXED.txt"},
			{"Größe-Ω-文件-ÅÉ.txt", "GRÖßE-ω-文件-åé.TXT", "größe-Ω-文件-ÅÉ.txt"},
			{"with space & 'quote' #1.x", "With Space & 'Quote' #1.X", "WITH SPACE & 'quote' #1.x"},
			{"𝒜-beyond-the-bmp", "𝒜-Beyond-The-BMP", "𝒜-BEYOND-the-bmp"},
			{"trail~2.txt", "TRAIL~2.txt", "trail~2.TXT"},
			{deep + "/File.dat", strings.ToUpper(deep) + "/FILE.DAT", deep + "/file.DAT"},
			{strings.Repeat("n", 200), strings.Repeat("N", 200), strings.Repeat("n", 200)},
		} {
			for i := range names {
				names[i] = strings.ReplaceAll(names[i], "/", `\`)
			}
			srv.writeFiles(t, strings.ReplaceAll(names[0], `\`, "/"))
			heldBy(t, clientOf(t, srv), names[1], "rw", "r")
			r, p := runWho(t, whoOf(srv.endpoint(""), "rw:none", names[2]))
			if want := (aggregate{smb.ShareRead | smb.ShareWrite, smb.ShareRead}).wantHolders(); r.ExitCode() != 32 || p.Holders != want || len(p.Opens) != 1 || p.Opens[0].User != srv.plainUser {
				t.Errorf("%s: %s", names[0], text(r))
			}
			if r, p := runWho(t, unprobed(whoOf(srv.endpoint(""), "rw:none", names[2]))); r.ExitCode() != 1 || len(p.Opens) != 1 {
				t.Errorf("%s without probes: %s", names[0], text(r))
			}
		}
		// A file whose name begins or ends as another's is not that.
		srv.writeFiles(t, "mixed.txt2", "ixed.txt")
		for _, path := range []string{"mixed.txt2", "ixed.txt"} {
			if r, p := runWho(t, unprobed(whoOf(srv.endpoint(""), "rw:none", path))); r.ExitCode() != 0 || len(p.Opens) != 0 || p.State != StateFree {
				t.Error(text(r))
			}
		}
	})
}

// TestWhoReadonly asks for a file with the read-only attribute, with which
// servers refuse writing before they look at share modes.
func TestWhoReadonly(t *testing.T) {
	t.Parallel()
	eachServer(t, bothServers, serverConfig{}, func(t *testing.T, srv *testServer) {
		srv.writeFiles(t, "f", "free")
		tree := clientOf(t, srv)
		for _, path := range []string{"f", "free"} {
			setAttributes(t, tree, path, smb.AttributeReadonly)
		}
		heldBy(t, tree, "f", "r", "r")
		for _, e := range []Endpoint{srv.endpoint(""), srv.plainEndpoint("")} {
			r, p := runWho(t, whoOf(e, "rw:none", "f"))
			want := aggregate{smb.ShareRead, smb.ShareRead}.wantHolders()
			want.Share.Write = Unknown
			if r.ExitCode() != 1 || r.Error.StatusName != "STATUS_ACCESS_DENIED" || p.Holders != want || p.Wanted.Allowed != nil {
				t.Error(text(r))
			}
			if r, _ := runWho(t, whoOf(e, "r:none", "f")); r.ExitCode() != 32 {
				t.Error(text(r))
			}
			if r, _ := runWho(t, whoOf(e, "r:none", "free")); r.ExitCode() != 0 {
				t.Error(text(r))
			}
			for _, path := range []string{"f", "free"} {
				if r, _ := runWho(t, unprobed(whoOf(e, "rw:none", path))); r.ExitCode() != 1 || !strings.Contains(r.Error.Text, "read-only attribute") {
					t.Error(text(r))
				}
			}
		}
		if r, _ := runWho(t, unprobed(whoOf(srv.endpoint(""), "r:none", "free"))); r.ExitCode() != 0 {
			t.Error(text(r))
		}
	})
}

// TestWhoWithoutRights asks as a user who may only read: that takes probes
// away, and what they would tell is not known.
func TestWhoWithoutRights(t *testing.T) {
	t.Parallel()
	eachServer(t, bothServers, serverConfig{}, func(t *testing.T, srv *testServer) {
		share, path := closedShare, "f"
		if srv.is == onSmbd {
			if os.Getuid() != 0 {
				t.Skip("without root smbd does not tell the users' files apart")
			}
			share = srv.share
			srv.makeFolder(t, "dir")
			srv.writeFiles(t, "dir/f")
			disk := srv.backstage.(smbdServer).onDisk
			for path, mode := range map[string]os.FileMode{"dir/f": 0o644, "dir": 0o755} {
				if err := os.Chmod(disk(path), mode); err != nil {
					t.Fatal(err)
				}
			}
			path = `dir\f`
		}
		c, err := srv.endpoint("").connect(t.Context(), share, smb.GUID{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.conn.Close() })
		m := openRequest(t, path, "rw", "r")
		m.Disposition = smb.OpenIf
		mustCreate(t, c.tree, m)
		e := srv.plainEndpoint("")
		e.Target.Share = share

		r, p := runWho(t, whoOf(e, "rw:none", path))
		want := aggregate{smb.ShareRead | smb.ShareWrite, smb.ShareRead}.wantHolders()
		want.Share.Write, want.Share.Delete = Unknown, Unknown // P2 and P3 were not run
		if r.ExitCode() != 1 || r.Error.StatusName != "STATUS_ACCESS_DENIED" || p.Holders != want {
			t.Error(text(r))
		}
		for _, probe := range p.Probes[1:3] {
			if probe.Skipped == "" || probe.Status != "" {
				t.Error(text(probe))
			}
		}
		for want, code := range map[string]int{"r:rwd": 0, "r:none": 32, "r:rd": 32, "w:rwd": 1, "d:rwd": 1, "0x80:none": 0} {
			if r, _ := runWho(t, whoOf(e, want, path)); r.ExitCode() != code {
				t.Errorf("%s: %s", want, text(r))
			}
		}
		if r, _ := runWho(t, unprobed(whoOf(e, "rw:none", path))); r.ExitCode() != 1 || !strings.Contains(r.Error.Text, "FILE_WRITE_DATA is not among them") {
			t.Error(text(r))
		}
		if srv.is != onSmbd {
			return
		}
		// A folder that cannot be passed through is no matter of share modes.
		if err := os.Chmod(srv.backstage.(smbdServer).onDisk("dir"), 0o700); err != nil {
			t.Fatal(err)
		}
		if r, _ := runWho(t, whoOf(e, "r:rwd", path)); r.ExitCode() != 1 || r.Error.StatusName != "STATUS_ACCESS_DENIED" || !strings.Contains(r.Error.Text, "matter of rights") {
			t.Error(text(r))
		}
	})
}

// TestWhoFolder asks for folders, which have opens of their own and opens below
// them, and for all that is held below.
func TestWhoFolder(t *testing.T) {
	t.Parallel()
	eachServer(t, everyServer, serverConfig{}, func(t *testing.T, srv *testServer) {
		srv.makeFolder(t, "dir/sub")
		srv.makeFolder(t, "dirt")
		srv.writeFiles(t, "dir/a", "dir/B", "dir/sub/c", "dir/free", "dirt/x")
		tree := clientOf(t, srv)
		for path, access := range map[string]string{`dir\a`: "rw", `dir\B`: "r", `dir\sub\c`: "d", `dirt\x`: "rw"} {
			heldBy(t, tree, path, access, "r")
		}
		heldBy(t, tree, `dir\a`, "r", "rw")
		for _, o := range []WhoOptions{whoOf(srv.endpoint(""), "rw:none", "DIR"), unprobed(whoOf(srv.endpoint(""), "rw:none", "dir"))} {
			r, p := runWho(t, o)
			if r.ExitCode() != 0 || !p.Directory || len(p.Opens) != 0 || len(p.Probes) != 0 || !strings.Contains(strings.Join(p.Reasons, "; "), "4 opens below it are listed") {
				t.Error(text(r))
			}
		}
		if _, err := tree.CreateClose(t.Context(), &smb.CreateRequest{Name: "dir", Access: smb.FileReadData | smb.FileWriteData, Disposition: smb.OpenFile}); err != nil {
			t.Errorf("an open for reading and writing of the folder meets %v", err)
		}
		if r, p := runWho(t, whoOf(srv.plainEndpoint(""), "rw:none", "dir")); r.ExitCode() != 1 || !p.Directory || !strings.Contains(strings.Join(p.Reasons, "; "), "it is a folder, which is not probed") {
			t.Error(text(r))
		}

		// The folder itself is held.
		o := mustCreate(t, tree, smb.CreateRequest{Name: `dir\sub`, Access: smb.FileReadData, Share: smb.ShareRead, Disposition: smb.OpenFile, Options: smb.DirectoryFile})
		if r, p := runWho(t, whoOf(srv.endpoint(""), "rw:none", `dir\sub`)); r.ExitCode() != 1 || len(p.Opens) != 1 {
			t.Error(text(r))
		}
		mustClose(t, o)

		recursive := whoOf(srv.endpoint(""), "rw:none", "dir")
		recursive.Recursive = true
		r := Who(t.Context(), recursive)
		var paths []string
		for _, p := range r.Who.Paths {
			paths = append(paths, p.Path)
		}
		if want := []string{`dir\B`, `dir\a`, `dir\sub\c`}; r.ExitCode() != 32 || !slices.Equal(paths, want) {
			t.Error(text(r))
		}
		for i, want := range []aggregate{{smb.ShareRead, smb.ShareRead}, {smb.ShareRead | smb.ShareWrite, smb.ShareRead}, {smb.ShareDelete, smb.ShareRead}} {
			if p := r.Who.Paths[i]; p.Holders != want.wantHolders() || len(p.Opens) == 0 {
				t.Error(text(p))
			}
		}
		quiet := unprobed(recursive)
		if r := Who(t.Context(), quiet); r.ExitCode() != 0 || len(r.Who.Paths) != 3 || !strings.Contains(r.Verdict.Summary, "of 3 of them it is not known") {
			t.Error(text(r))
		}
		quiet.Targets[0].Path = "dirt"
		if r := Who(t.Context(), quiet); len(r.Who.Paths) != 1 {
			t.Error(text(r))
		}
		quiet.Endpoint = srv.plainEndpoint("")
		if r := Who(t.Context(), quiet); r.ExitCode() != 1 {
			t.Errorf("without the table nothing below a folder can be listed: %s", text(r))
		}
	})
}

// TestWhoOtherShare asks for a file through one share whose holder has it open
// through another, with a folder that lies within the first one's.
func TestWhoOtherShare(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for d := dir; d != "/" && d != os.TempDir(); d = d[:strings.LastIndexByte(d, '/')] {
		os.Chmod(d, 0o755)
	}
	if err := os.Mkdir(dir+"/in", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/in/f", []byte(fileContent), 0o666); err != nil {
		t.Fatal(err)
	}
	os.Chmod(dir+"/in", 0o777)
	os.Chmod(dir+"/in/f", 0o666)
	srv := smbdAsServer(smbdtest.Start(t, smbdtest.Config{Share: []string{
		"[outer]", "path = " + dir, "read only = no", "[inner]", "path = " + dir + "/in", "read only = no",
	}}))
	c, err := srv.plainEndpoint("").connect(t.Context(), "inner", smb.GUID{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.conn.Close() })
	heldBy(t, c.tree, "f", "rw", "r")
	for share, path := range map[string]string{"outer": `IN\f`, "inner": "F"} {
		e := srv.endpoint("")
		e.Target.Share = share
		for _, o := range []WhoOptions{whoOf(e, "rw:none", path), unprobed(whoOf(e, "rw:none", path))} {
			r, p := runWho(t, o)
			if want := map[bool]int{true: 32, false: 1}[o.Probe]; r.ExitCode() != want || len(p.Opens) != 1 {
				t.Errorf("%s: %s", share, text(r))
			}
		}
		o := unprobed(whoOf(e, "rw:none", ""))
		o.Recursive = true
		if r := Who(t.Context(), o); len(r.Who.Paths) != 1 || !strings.EqualFold(r.Who.Paths[0].Path, path) {
			t.Error(text(r))
		}
	}
}

// TestWhoOtherNames asks for a file whose holder has it open by another name, a
// hard link, and for streams of a file, on smbd.
func TestWhoOtherNames(t *testing.T) {
	t.Parallel()
	srv := smbdAsServer(smbdtest.Start(t, smbdtest.Config{Share: []string{"vfs objects = streams_xattr"}}))
	srv.writeFiles(t, "one", "main")
	disk := srv.backstage.(smbdServer).onDisk
	if err := os.Link(disk("one"), disk("two")); err != nil {
		t.Fatal(err)
	}
	tree := clientOf(t, srv)
	heldBy(t, tree, "one", "rw", "r")
	if r, p := runWho(t, unprobed(whoOf(srv.endpoint(""), "rw:none", "two"))); r.ExitCode() != 1 || !strings.Contains(p.Wanted.Why, "2 names") {
		t.Error(text(r))
	}
	if r, p := runWho(t, whoOf(srv.endpoint(""), "rw:none", "two")); r.ExitCode() != 32 || !strings.Contains(strings.Join(p.Reasons, "; "), "another name") {
		t.Error(text(r))
	}

	_, err := tree.Create(t.Context(), &smb.CreateRequest{Name: "main:extra", Access: smb.FileReadData | smb.FileWriteData, Share: smb.ShareRead, Disposition: smb.OpenIf})
	if err != nil {
		t.Skipf("the folder's file system keeps no streams: %v", err)
	}
	for _, test := range []struct {
		path, want string
		probe      bool
		code       int
	}{
		{"main", "rw:none", true, 0},
		{"main", "rw:none", false, 1}, // Samba has an open of the file itself beside that of a stream
		{"main", "d:rwd", true, 32},
		{"main", "d:rwd", false, 1},
		{"main", "0x80:none", false, 0},
		{"main::$DATA", "rw:none", true, 0},
		{"main:extra", "rw:none", true, 32},
		{"main:EXTRA:$DATA", "r:rwd", true, 0},
		{"main:extra", "rw:none", false, 1},
	} {
		o := whoOf(srv.endpoint(""), test.want, test.path)
		o.Probe = test.probe
		r, p := runWho(t, o)
		if r.ExitCode() != test.code || len(p.Opens) != 2 {
			t.Errorf("%s %s, probes %v: %s", test.path, test.want, test.probe, text(r))
		}
		wanted, err := ParseWanted(test.want)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tree.CreateClose(t.Context(), &smb.CreateRequest{Name: test.path, Access: wanted.Access, Share: wanted.Share, Disposition: smb.OpenFile})
		if met, _ := smb.StatusOf(err); test.code != 1 && (met == smb.StatusSuccess) != (test.code == 0) {
			t.Errorf("%s %s: exit code %d, and it meets %v", test.path, test.want, r.ExitCode(), err)
		}
		if test.path != "main" || !test.probe {
			continue
		}
		if reasons := strings.Join(p.Reasons, "; "); p.State == StateFree || !strings.Contains(reasons, "another stream of the file is open") {
			t.Error(text(p))
		}
	}
}

// TestWhoSambaByAnyName asks a Samba whose comment does not say so. Its idle
// times are 0 for ever, and prove nothing.
func TestWhoSambaByAnyName(t *testing.T) {
	t.Parallel()
	srv := smbdAsServer(smbdtest.Start(t, smbdtest.Config{Global: []string{"server string = Files of the house"}}))
	srv.writeFiles(t, "f")
	heldBy(t, clientOf(t, srv), "f", "rw", "r")
	for _, o := range []WhoOptions{whoOf(srv.endpoint(""), "rw:none", "f"), unprobed(whoOf(srv.endpoint(""), "rw:none", "f"))} {
		r, p := runWho(t, o)
		if p.State != StateUnknown || !strings.Contains(strings.Join(p.Reasons, "; "), "Samba does not keep how long") || !strings.Contains(p.Expect[0], "Samba") {
			t.Error(text(r))
		}
	}
}
