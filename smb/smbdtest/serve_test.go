package smbdtest_test

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"err32/smb/smbdtest"
)

var (
	serveAddr     = flag.String("smbdtest.serve", "", "start a server on this address and keep it until interrupted (with -timeout 0)")
	servePassword = flag.String("smbdtest.password", "", "password of both users of -smbdtest.serve; random if empty")
	serveLines    []string
)

func init() {
	flag.Func("smbdtest.conf", "a further line for the [global] section of -smbdtest.serve; may be given again", func(line string) error {
		serveLines = append(serveLines, line)
		return nil
	})
}

// TestServe is not a test but the way to start a server by hand; see the package comment.
func TestServe(t *testing.T) {
	if *serveAddr == "" {
		t.Skip("only with -smbdtest.serve")
	}
	t.Setenv("ERR32_REQUIRE_SAMBA", "1") // it was asked for, so a skip would not do
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupted)
	srv := smbdtest.Start(t, smbdtest.Config{Listen: *serveAddr, Password: *servePassword, Global: serveLines})
	fmt.Printf("addr=%s\nuser=%s%%%s\nplain=%s%%%s\nshares=%s %s\ndir=%s\nconf=%s\nready\n", srv.Addr, srv.User, srv.Password,
		srv.PlainUser, srv.PlainPassword, srv.Share, srv.Hidden, srv.Dir, srv.Conf)
	<-interrupted
}
