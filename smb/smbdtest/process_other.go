//go:build !linux

package smbdtest

import (
	"errors"
	"syscall"
)

// Off Linux no server is ever started: Require says so before anything here could run.

func newSession() *syscall.SysProcAttr { return nil }

func asRoot() *syscall.SysProcAttr { return nil }

func (s *Server) pids() ([]int, error) { return nil, errors.ErrUnsupported }
func (s *Server) exited() bool         { return true }
func (s *Server) stop() error          { return errors.ErrUnsupported }
func (s *Server) kill() error          { return errors.ErrUnsupported }
func (s *Server) pause() error         { return errors.ErrUnsupported }
func (s *Server) resume() error        { return errors.ErrUnsupported }

func (s *Server) notifyDaemonRegistered() (bool, error) { return false, errors.ErrUnsupported }
