package smbdtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// makeFolders makes the folders the configuration names. The shares are open to both users.
func (s *Server) makeFolders() error {
	for _, name := range []string{"private", "lock", "state", "cache", "pid", "rpc"} {
		mode := os.FileMode(0o755)
		if name == "private" {
			mode = 0o700
		}
		if err := os.Mkdir(filepath.Join(s.base, name), mode); err != nil {
			return err
		}
	}
	for _, dir := range []string{s.Dir, s.HiddenDir} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			return err
		}
		if err := os.Chmod(dir, 0o777); err != nil { // past the umask
			return err
		}
	}
	return nil
}

// common are the settings that smbd and the tools that write its databases must agree on. They keep all of Samba's files in
// the server's folder.
func (s *Server) common() []string {
	dir := func(name string) string { return filepath.Join(s.base, name) }
	return []string{
		"private dir = " + dir("private"),
		"lock directory = " + dir("lock"),
		"state directory = " + dir("state"),
		"cache directory = " + dir("cache"),
		"pid directory = " + dir("pid"),
		"ncalrpc dir = " + dir("rpc"),
		"passdb backend = tdbsam:" + dir("private/passdb.tdb"),
		"log file = " + dir("log"),
		"guest account = " + s.guest,
	}
}

// writeConf writes smb.conf. The last of two equal settings wins in Samba, so the caller's lines come last in each section.
func (s *Server) writeConf(cfg Config) error {
	var b strings.Builder
	section := func(name string, groups ...[]string) {
		fmt.Fprintf(&b, "[%s]\n", name)
		for _, line := range slices.Concat(groups...) {
			fmt.Fprintf(&b, "\t%s\n", line)
		}
	}
	global := []string{
		"server role = standalone server",
		"workgroup = ERR32",
		"netbios name = " + s.Name,
		"disable netbios = yes",
		"interfaces = " + s.interfaces(),
		"bind interfaces only = yes",
		fmt.Sprintf("smb ports = %d", s.Port),
		"logging = file",
		"max log size = 0",
		"log level = 1",
		"rpc start on demand helpers = yes",
		"map to guest = never",
		"load printers = no",
		"printing = bsd",
		"printcap name = /dev/null",
		"disable spoolss = yes",
	}
	if cfg.MinProtocol != "" {
		global = append(global, "server min protocol = "+cfg.MinProtocol)
	}
	if cfg.MaxProtocol != "" {
		global = append(global, "server max protocol = "+cfg.MaxProtocol)
	}
	if cfg.Keepalive {
		global = append(global, "socket options = TCP_NODELAY SO_KEEPALIVE TCP_KEEPIDLE=3 TCP_KEEPINTVL=1 TCP_KEEPCNT=3")
	}
	section("global", s.common(), global, cfg.Global)

	share := []string{
		"read only = no",
		// With root each file has its maker's user id; these let the other user at it.
		"force create mode = 0666",
		"force directory mode = 0777",
	}
	section(s.Share, []string{"path = " + s.Dir}, share, cfg.Share)
	section(s.Hidden, []string{"path = " + s.HiddenDir}, share, cfg.Share)
	return os.WriteFile(s.Conf, []byte(b.String()), 0o644)
}

// interfaces is what smbd binds to: loopback addresses only.
func (s *Server) interfaces() string {
	if s.Addr6 != "" {
		return "127.0.0.1/8 ::1/128"
	}
	if strings.Contains(s.host, ":") {
		return s.host + "/128"
	}
	return s.host + "/8"
}
