package smbdtest

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strings"
)

// System accounts, the first usable one of which becomes the plain user, and the one that guests are. Samba lets the guest
// account in without a password, so it cannot be a user as well.
var (
	plainAccounts = []string{"daemon", "bin", "sys"}
	guestAccounts = []string{"nobody", "mail", "uucp"}
)

// makeAccounts enters the two users, with their passwords, in the server's own database.
func (s *Server) makeAccounts(cfg Config) error {
	me, err := user.Current()
	if err != nil {
		return fmt.Errorf("this process's account: %w", err)
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		return fmt.Errorf("primary group of %s: %w", me.Username, err)
	}
	s.User = me.Username
	s.PlainUser = systemAccount(me, plainAccounts)
	s.guest = systemAccount(me, guestAccounts)
	if s.PlainUser == "" || s.guest == "" {
		return fmt.Errorf("%s and %s hold no accounts for the plain user and for guests", plainAccounts, guestAccounts)
	}
	s.Password, s.PlainPassword = cfg.Password, cfg.Password
	if cfg.Password == "" {
		s.Password, s.PlainPassword = rand.Text(), rand.Text()
	}
	if err := s.addUser(s.User, s.Password); err != nil {
		return err
	}
	if err := s.addUser(s.PlainUser, s.PlainPassword); err != nil {
		return err
	}
	hashes, err := s.ntHashes()
	if err != nil {
		return err
	}
	s.NTHash, s.PlainNTHash = hashes[s.User], hashes[s.PlainUser]
	if s.NTHash == "" || s.PlainNTHash == "" {
		return fmt.Errorf("pdbedit lists no NT hash for %s or %s", s.User, s.PlainUser)
	}
	if cfg.NoAdmin {
		return nil
	}
	_, err = run(s.accountTool(s.tools.net, "groupmap", "add", "sid=S-1-5-32-544", "ntgroup=Administrators",
		"unixgroup="+group.Name, "type=builtin"))
	return err
}

// systemAccount finds one of the accounts that is not in the primary group of me, which carries the rights.
func systemAccount(me *user.User, names []string) string {
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil || name == me.Username {
			continue
		}
		groups, err := u.GroupIds()
		if err == nil && u.Gid != me.Gid && !slices.Contains(groups, me.Gid) {
			return name
		}
	}
	return ""
}

// accountTool prepares a tool that writes to the server's databases. All it has to know comes on its command line: when
// Samba's tools cannot read their configuration file they say so and go on with the machine's own databases.
func (s *Server) accountTool(path string, args ...string) *exec.Cmd {
	all := []string{"--configfile=" + os.DevNull}
	for _, setting := range s.common() {
		all = append(all, "--option="+setting)
	}
	return exec.Command(path, append(all, args...)...)
}

func (s *Server) addUser(name, password string) error {
	cmd := s.accountTool(s.tools.pdbedit, "--create", "--password-from-stdin", "--user="+name)
	cmd.Stdin = strings.NewReader(password + "\n" + password + "\n")
	_, err := run(cmd)
	return err
}

// ntHashes reads the NT hashes back, in the smbpasswd form name:uid:LM:NT:….
func (s *Server) ntHashes() (map[string]string, error) {
	out, err := run(s.accountTool(s.tools.pdbedit, "--list", "--smbpasswd-style"))
	if err != nil {
		return nil, err
	}
	hashes := make(map[string]string)
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		if f := strings.Split(lines.Text(), ":"); len(f) > 3 && len(f[3]) == 32 {
			hashes[f[0]] = f[3]
		}
	}
	return hashes, nil
}

// run runs a Samba tool to its end and returns what it wrote to standard output.
func run(cmd *exec.Cmd) ([]byte, error) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s%s", cmd.Args[0], err, out.String(), errs.String())
	}
	return out.Bytes(), nil
}
