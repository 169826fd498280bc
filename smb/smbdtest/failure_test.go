package smbdtest_test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"

	"err32/smb/smbdtest"
)

// record is a testing.TB that takes down how the code under test ended.
type record struct {
	testing.TB
	skipped, failed string
	cleanups        []func()
}

func (r *record) Helper()          {}
func (r *record) Failed() bool     { return r.failed != "" }
func (r *record) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *record) Skip(args ...any) { r.skipped = fmt.Sprint(args...); runtime.Goexit() }
func (r *record) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// runRecorded runs f as a test of its own.
func runRecorded(t *testing.T, f func(testing.TB)) *record {
	r := &record{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	for _, f := range r.cleanups {
		f()
	}
	return r
}

func TestRequireWithoutSmbd(t *testing.T) {
	for _, dir := range []string{"/usr/bin/smbd", "/usr/sbin/smbd", "/usr/local/sbin/smbd", "/usr/local/samba/sbin/smbd"} {
		if _, err := os.Stat(dir); err == nil {
			t.Skipf("%s would be found whatever PATH says", dir)
		}
	}
	t.Setenv("PATH", t.TempDir())
	t.Setenv("ERR32_REQUIRE_SAMBA", "")
	if r := runRecorded(t, smbdtest.Require); !strings.HasPrefix(r.skipped, "smbd is not installed") || r.failed != "" {
		t.Errorf("%+v", r)
	}
	t.Setenv("ERR32_REQUIRE_SAMBA", "1")
	if r := runRecorded(t, smbdtest.Require); !strings.HasPrefix(r.failed, "smbd is not installed") || r.skipped != "" {
		t.Errorf("%+v", r)
	}
}

func TestStartFails(t *testing.T) {
	smbdtest.Require(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]struct {
		cfg  smbdtest.Config
		want string
	}{
		"not loopback": {smbdtest.Config{Listen: "192.0.2.1:4455"}, "not a loopback address"},
		"taken port":   {smbdtest.Config{Listen: taken.Addr().String()}, "Address already in use"},
		"bad setting":  {smbdtest.Config{Global: []string{"server role = nonsense"}}, "nonsense"},
	} {
		r := runRecorded(t, func(tb testing.TB) { smbdtest.Start(tb, c.cfg) })
		if !strings.Contains(r.failed, c.want) {
			t.Errorf("%s: failed with %q, want %q in it", name, r.failed, c.want)
		}
	}
}
