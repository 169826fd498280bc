package lab_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sambaTool finds a program of Samba's, which the named Debian package holds.
// The test is skipped when it is not installed, and with
// ERR32_REQUIRE_SAMBA=1 it fails.
func sambaTool(t *testing.T, program, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	message := fmt.Sprintf("%s, a tool of smbd's, is not installed (Debian: apt-get install %s)", program, debianPackage)
	if os.Getenv("ERR32_REQUIRE_SAMBA") == "1" {
		t.Fatal(message)
	}
	t.Skip(message)
	return ""
}

// toolConf writes a configuration that keeps the tools away from the
// machine's own, and from each other's caches.
func toolConf(t *testing.T) string {
	t.Helper()
	base := t.TempDir()
	var b strings.Builder
	b.WriteString("[global]\n\tnetbios name = CLIENT\n\tworkgroup = ERR32\n\tdisable netbios = yes\n")
	for _, setting := range []string{"private dir", "lock directory", "state directory", "cache directory", "pid directory", "ncalrpc dir"} {
		dir := filepath.Join(base, strings.Fields(setting)[0])
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "\t%s = %s\n", setting, dir)
	}
	path := filepath.Join(base, "smb.conf")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// toolTime is how long a tool may take before it counts as hanging.
const toolTime = 60 * time.Second

// runTool runs a tool to its end in a folder of its own and returns what it
// wrote to both streams.
func runTool(t *testing.T, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), toolTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC", "HOME="+cmd.Dir)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%s hangs:\n%s", program, out)
	}
	return string(out), err
}
