package lab_test

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"testing"

	"err32/smb/lab"
)

var serve = flag.String("lab.serve", "", "HOST:PORT: TestServe serves a lab there until SIGINT")

// TestServe is no test: with -lab.serve it keeps a lab up for trials by hand.
func TestServe(t *testing.T) {
	if *serve == "" {
		t.Skip("runs only with -lab.serve")
	}
	s := lab.New()
	s.Listen = *serve
	s.Users = []lab.User{{Name: "root", Password: "pw1", Groups: []string{lab.Administrators}}, {Name: "plain", Password: "pw2"}}
	s.Log = func(e lab.Event) { fmt.Println(e) }
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	ctrlC := make(chan os.Signal, 1)
	signal.Notify(ctrlC, os.Interrupt)
	<-ctrlC
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
