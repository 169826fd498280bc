package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"err32/smb"
	"err32/smb/smbdtest"
)

// These tests ask a real server what it makes of paths, patterns and locks,
// and compare. Where it goes its own way against the specification, they say
// so.

func liveTree(t *testing.T) *smb.Tree {
	t.Helper()
	// Locks are not passed on to the kernel, which knows none of no bytes and
	// none that stack.
	srv := smbdtest.Start(t, smbdtest.Config{Share: []string{"mangled names = no", "posix locking = no"}})
	ctx := context.Background()
	conn, err := smb.Dial(ctx, srv.Addr, &smb.Config{Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	session, err := conn.LogOn(ctx, smb.NTLM{User: srv.User, Password: srv.Password}.Mechanism(), 0)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := session.TreeConnect(ctx, srv.Share)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// statusOf returns the status of a call to a server, STATUS_SUCCESS of none.
func statusOf(t *testing.T, err error) smb.NTStatus {
	t.Helper()
	if err == nil {
		return smb.StatusSuccess
	}
	var oe *smb.OpError
	if !errors.As(err, &oe) || oe.Status == smb.StatusSuccess {
		t.Fatal(err)
	}
	return oe.Status
}

func liveCreate(t *testing.T, tree *smb.Tree, name string, dir bool) *smb.Open {
	t.Helper()
	m := &smb.CreateRequest{Name: name, Access: smb.FileReadData | smb.FileWriteData | smb.FileReadAttributes | smb.Synchronize,
		Share: smb.ShareRead | smb.ShareWrite | smb.ShareDelete, Disposition: smb.OpenIf}
	if dir {
		m.Access = smb.FileReadData | smb.Synchronize
		m.Options = smb.DirectoryFile
	}
	o, err := tree.Create(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestPatternsLikeSamba(t *testing.T) {
	tree := liveTree(t)
	ctx := context.Background()
	names := []string{"a", "ab", "abc", "a.b", "A.TXT", "ab.txt", "abc.txt", "a.b.txt", ".a", "x.", "noext", "ж.txt", "long name.tar.gz"}
	v := newVolume(volumeLimits{Nodes: 100}, time.Now)
	dir, status := v.create(v.root, "d", true, 0)
	if status != smb.StatusSuccess {
		t.Fatal(status)
	}
	d := liveCreate(t, tree, "d", true)
	defer d.Close(ctx)
	for _, name := range names {
		if err := liveCreate(t, tree, `d\`+name, false).Close(ctx); err != nil {
			t.Fatal(err)
		}
		if _, status := v.create(dir, name, false, 0); status != smb.StatusSuccess {
			t.Fatal(name, status)
		}
	}
	patterns := []string{"*", "*.*", "?", "??", "???", "a*", "A*", "*.txt", "*.TXT", "*b*", "a?", "a?c*", "?.*", "*.b.*", ".*", "*.", "*..",
		"a", "A", "AB.TXT", "Ж.*", "missing", ".", "..", "..*", "*a*a*", "???.txt", "????????.???",
		"<", "<.txt", "<.<", `<"`, `<"*`, "a<", ">", ">>", ">>>", "a>>", ">.txt", ">>>.txt", `a"txt`, `ab"`, `x"`, `>>>"`, ">>>>>>>>.>>>", `>>>>>>>>">>>`,
		`"a`, `*"`, `*"txt`, "<b", "<txt", "a<txt", "ab>.txt", "<<", "<.", "a.<", `>">`, `>>">>`, `>>"">>`, `>>""">>`}
	for _, pattern := range patterns {
		var want []string
		err := d.ReadDirectory(ctx, pattern, func(e smb.DirectoryEntry) error {
			want = append(want, e.Name)
			return nil
		})
		if s := statusOf(t, err); s != smb.StatusSuccess && s != smb.StatusNoSuchFile && s != smb.StatusNoMoreFiles {
			t.Errorf("%s: %v", pattern, s)
			continue
		}
		var got []string
		for _, e := range entries(dir, pattern) {
			got = append(got, e.name)
		}
		switch pattern {
		case "*.*": // matches all names, says [MS-FSA] 2.1.4.4; for smbd those with a dot
			got = slices.DeleteFunc(got, func(name string) bool { return !strings.Contains(name, ".") })
		case ">", ">>", ">>>": // for smbd > takes a dot that is the last character
			want = slices.DeleteFunc(want, func(name string) bool { return strings.HasSuffix(name, ".") })
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s matches %q; for smbd %q", pattern, got, want)
		}
	}
}

func TestPathsLikeSamba(t *testing.T) {
	tree := liveTree(t)
	ctx := context.Background()
	v := newVolume(volumeLimits{Nodes: 100}, time.Now)
	for _, dir := range []string{"d", `d\e`} {
		liveCreate(t, tree, dir, true).Close(ctx)
		_, parent, leaf, _ := v.lookup(dir)
		if _, status := v.create(parent, leaf, true, 0); status != smb.StatusSuccess {
			t.Fatal(status)
		}
	}
	for _, file := range []string{"f", `d\g`, `d\e\h`} {
		liveCreate(t, tree, file, false).Close(ctx)
		_, parent, leaf, _ := v.lookup(file)
		if _, status := v.create(parent, leaf, false, 0); status != smb.StatusSuccess {
			t.Fatal(status)
		}
	}
	// What smbd answers against the specification, as parsePathname and lookup
	// have it.
	differs := map[string]smb.NTStatus{
		`f\`:             smb.StatusSuccess,
		".":              smb.StatusObjectNameInvalid, // "." and ".." it resolves in its own way
		`d\.`:            smb.StatusObjectNameInvalid,
		`d\.\g`:          smb.StatusObjectPathNotFound,
		`.\f`:            smb.StatusObjectPathNotFound,
		`d\..\f`:         smb.StatusSuccess,
		`d\..\..\f`:      smb.StatusObjectPathSyntaxBad,
		"f::$DATA":       smb.StatusObjectNameInvalid, // it has no streams without a module for them
		"f::$data":       smb.StatusObjectNameInvalid,
		"d::$DATA":       smb.StatusObjectNameInvalid,
		"missing::$DATA": smb.StatusObjectNameInvalid,
		"f/g":            smb.StatusObjectPathNotFound,
	}
	long := strings.Repeat("n", 255)
	for _, path := range []string{"", "f", "F", `D\G`, `d\e\H`, "missing", `d\missing`, `missing\f`, `f\g`, `f\g\h`, `d\g\x`, `\f`, `\`, `f\`, `d\`,
		`d\\g`, `d\\`, ".", "..", `d\.`, `d\.\g`, `.\f`, `d\..`, `d\..\f`, `d\e\..\g`, `..\f`, `d\..\..\f`, `d\e\..\..\..`, "...",
		"f::$DATA", "f::$data", "f:", "f::", "f:s:$DATA", "f:s", "d::$DATA", `d::$DATA\g`, "missing::$DATA", "::$DATA", "f::$DATAX",
		"f*", "f?", "f<", "f>", `f"`, "f|", "f/g", "f\x01", "f\x1f", "f\x7f", "f ", "f.", long, long + "n", `d\` + long, `missing*\f`} {
		_, _, _, got := v.lookup(path)
		o, err := tree.Create(ctx, &smb.CreateRequest{Name: path, Access: smb.FileReadAttributes, Share: smb.ShareRead | smb.ShareWrite | smb.ShareDelete, Disposition: smb.OpenFile})
		want := statusOf(t, err)
		if err == nil {
			o.Close(ctx)
		}
		if other, ok := differs[path]; ok {
			if got == want || want != other {
				t.Errorf("%q: %v; from smbd %v, where it used to answer %v", path, got, want, other)
			}
		} else if got != want {
			t.Errorf("%q: %v; from smbd %v", path, got, want)
		}
	}
}

func TestRangeLocksLikeSamba(t *testing.T) {
	tree := liveTree(t)
	ctx := context.Background()
	var files []*smb.Open
	owners := []*open{{}, {}, {}}
	for range owners {
		files = append(files, liveCreate(t, tree, "locked", false))
	}
	if _, err := files[0].WriteAt(ctx, make([]byte, 40), 0); err != nil {
		t.Fatal(err)
	}
	var locks rangeLocks
	rnd := rand.New(rand.NewPCG(1, 2))
	bases := []uint64{0, 0, 1<<63 - 10, 1<<64 - 26} // of locks; the last can reach the last byte
	buf := make([]byte, 16)
	seen := map[string]int{}
	for step := range 4000 {
		who, off, length := rnd.IntN(len(owners)), rnd.Uint64N(21), rnd.Uint64N(6)
		var op string
		var got, want bool
		switch rnd.IntN(6) {
		case 0, 1:
			off += bases[rnd.IntN(len(bases))]
			exclusive := rnd.IntN(2) == 0
			e := smb.LockElement{Offset: off, Length: length, Flags: smb.LockShared | smb.LockFailImmediately}
			if exclusive {
				e.Flags = smb.LockExclusive | smb.LockFailImmediately
			}
			op = fmt.Sprintf("lock, exclusive %t", exclusive)
			got = locks.add(owners[who], off, length, exclusive)
			want = statusIs(t, files[who].Lock(ctx, e), smb.StatusLockNotGranted)
		case 2, 3:
			op = "unlock"
			off += bases[rnd.IntN(len(bases))]
			if own := slices.DeleteFunc(slices.Clone(locks.locks), func(l rangeLock) bool { return l.owner != owners[who] }); len(own) > 0 && rnd.IntN(4) > 0 {
				l := own[rnd.IntN(len(own))]
				off, length = l.offset, l.length
			}
			got = locks.remove(owners[who], off, length)
			want = statusIs(t, files[who].Lock(ctx, smb.LockElement{Offset: off, Length: length, Flags: smb.LockUnlock}), smb.StatusRangeNotLocked)
		case 4:
			op = "read"
			got = !locks.conflicts(owners[who], off, length, false)
			_, err := files[who].ReadAt(ctx, buf[:length], off)
			want = statusIs(t, err, smb.StatusFileLockConflict)
		case 5:
			op = "write"
			got = !locks.conflicts(owners[who], off, length, true)
			_, err := files[who].WriteAt(ctx, buf[:length], off)
			want = statusIs(t, err, smb.StatusFileLockConflict)
		}
		if got != want {
			t.Fatalf("step %d: %s of %d bytes at %d by %d: %t; from smbd %t", step, op, length, off, who, got, want)
		}
		seen[fmt.Sprint(op, got)]++
	}
	if len(seen) != 10 {
		t.Errorf("some results never came: %v", seen)
	}
	for _, r := range []struct{ off, length uint64 }{{1<<64 - 1, 1<<64 - 1}, {1<<64 - 1, 1}, {1<<64 - 1, 2}, {1<<64 - 1, 0}, {1, 1<<64 - 1}, {2, 1<<64 - 1}} {
		e := smb.LockElement{Offset: r.off, Length: r.length, Flags: smb.LockShared | smb.LockFailImmediately}
		status := statusOf(t, files[0].Lock(ctx, e))
		if got, want := validRange(r.off, r.length), status != smb.StatusInvalidLockRange; got != want {
			t.Errorf("%d bytes at %d: %t; smbd answers %v", r.length, r.off, got, status)
		}
	}
}

// statusIs reports whether a call succeeded; it may fail with this status only.
func statusIs(t *testing.T, err error, status smb.NTStatus) bool {
	t.Helper()
	got := statusOf(t, err)
	if got != smb.StatusSuccess && got != status {
		t.Fatal(err)
	}
	return got == smb.StatusSuccess
}
