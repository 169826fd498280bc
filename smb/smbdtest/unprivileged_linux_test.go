package smbdtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"err32/smb/smbdtest"
)

// TestUnprivileged runs the other tests again as an ordinary account, when this is root.
func TestUnprivileged(t *testing.T) {
	smbdtest.Require(t)
	if os.Getuid() != 0 {
		t.Skip("not root: the other tests have shown it already")
	}
	const uid = 65534 // nobody
	dir, err := os.MkdirTemp("", "smbdtest")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "smbdtest.test")
	if err := os.WriteFile(copied, program, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(copied, "-test.v", "-test.run=BothUsers|NTHash|TableRights|NoAdmin|Status|Kill|Pause")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestTableRights") {
		t.Errorf("as uid %d: %v\n%s", uid, err, out)
	}
}
