package smbdtest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// newSession keeps signals apart: neither does Ctrl-C at the terminal reach smbd, nor smbd's own signals the test.
func newSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// asRoot lets a program see itself as root, by a user namespace where this process is not root.
func asRoot() *syscall.SysProcAttr {
	if os.Getuid() == 0 {
		return nil
	}
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}

// process is what /proc tells about one process.
type process struct {
	pid, ppid, session int
	state              byte // 'Z' zombie, 'T' stopped
	args               []string
}

// processes reads /proc. Processes that end meanwhile are left out.
func processes() ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var all []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		p, err := readProcess(pid)
		switch {
		case err == nil:
			all = append(all, p)
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ESRCH):
		default:
			return nil, err
		}
	}
	return all, nil
}

func readProcess(pid int) (process, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return process{}, err
	}
	// "pid (name) state ppid pgrp session …"; the name may hold anything, so its end is the last parenthesis.
	var f []string
	if i := bytes.LastIndexByte(stat, ')'); i >= 0 {
		f = strings.Fields(string(stat[i+1:]))
	}
	if len(f) < 4 {
		return process{}, fmt.Errorf("%s/stat: %q", dir, stat)
	}
	p := process{pid: pid, state: f[0][0]}
	if p.ppid, err = strconv.Atoi(f[1]); err != nil {
		return process{}, fmt.Errorf("%s/stat: ppid: %w", dir, err)
	}
	if p.session, err = strconv.Atoi(f[3]); err != nil {
		return process{}, fmt.Errorf("%s/stat: session: %w", dir, err)
	}
	cmdline, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return process{}, err
	}
	p.args = strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")
	return p, nil
}

// serves tells by the command line whether the process is a Samba daemon that runs with this configuration. The RPC
// helpers leave smbd's session and have no parent of ours, but are given the configuration by name.
func (p process) serves(conf string) bool {
	name := filepath.Base(p.args[0])
	if name != "smbd" && name != "samba-dcerpcd" && !strings.HasPrefix(name, "rpcd_") {
		return false
	}
	for _, a := range p.args[1:] {
		if a == "--configfile="+conf {
			return true
		}
	}
	return false
}

// members returns the server's processes, zombies left out: those that name its configuration, those in smbd's session,
// and the descendants of all these. smbd's pid cannot be another's, as it is waited for last.
func (s *Server) members() ([]process, error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	in := make(map[int]bool)
	if s.cmd != nil {
		in[s.cmd.Process.Pid] = true
	}
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			ours := in[p.ppid] || p.serves(s.Conf) || s.cmd != nil && p.session == s.cmd.Process.Pid
			if ours && !in[p.pid] {
				in[p.pid], grown = true, true
			}
		}
	}
	var found []process
	for _, p := range all {
		if in[p.pid] && p.state != 'Z' && p.state != 'X' {
			found = append(found, p)
		}
	}
	return found, nil
}

func (s *Server) pids() ([]int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.members()
	var pids []int
	for _, p := range found {
		pids = append(pids, p.pid)
	}
	return pids, err
}

// exited tells whether smbd itself has ended; it is waited for only when the server is stopped.
func (s *Server) exited() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return true
	}
	p, err := readProcess(s.cmd.Process.Pid)
	return err != nil || p.state == 'Z'
}

// signalUntil sends sig to every process of the server that is not done yet. A process may start another while the list
// is read, so it goes on until a second list finds nothing to do either.
func (s *Server) signalUntil(sig syscall.Signal, done func(process) bool, limit time.Duration) error {
	const pause = 2 * time.Millisecond
	deadline := time.Now().Add(limit)
	for clean := 0; ; {
		found, err := s.members()
		if err != nil {
			return err
		}
		var left []process
		for _, p := range found {
			if done(p) {
				continue
			}
			left = append(left, p)
			if err := syscall.Kill(p.pid, sig); err != nil && err != syscall.ESRCH {
				return fmt.Errorf("%v to process %d (%s): %w", sig, p.pid, p.args[0], err)
			}
		}
		if len(left) == 0 {
			if clean++; clean == 2 {
				return nil
			}
			continue
		}
		clean = 0
		if time.Now().After(deadline) {
			return fmt.Errorf("%v: %d processes unmoved after %s, one is %d %q", sig, len(left), limit, left[0].pid, left[0].args)
		}
		time.Sleep(pause)
	}
}

func never(process) bool     { return false }
func stopped(p process) bool { return p.state == 'T' || p.state == 't' }
func running(p process) bool { return !stopped(p) }

const signalLimit = 10 * time.Second

func (s *Server) pause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signalUntil(syscall.SIGSTOP, stopped, signalLimit)
}

func (s *Server) resume() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signalUntil(syscall.SIGCONT, running, signalLimit)
}

func (s *Server) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	const grace = 5 * time.Second
	if err := s.signalUntil(syscall.SIGCONT, running, signalLimit); err != nil {
		return err
	}
	if s.signalUntil(syscall.SIGTERM, never, grace) == nil {
		return s.reap()
	}
	return s.killAll()
}

func (s *Server) kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.killAll()
}

func (s *Server) killAll() error {
	if err := s.signalUntil(syscall.SIGKILL, never, signalLimit); err != nil {
		return err
	}
	return s.reap()
}

// reap waits for smbd, which has ended. How it ended is of no interest: it was told to.
func (s *Server) reap() error {
	if s.cmd == nil {
		return nil
	}
	err := s.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	s.cmd = nil
	return errors.Join(err, s.stdin.Close())
}
