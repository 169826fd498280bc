// Command gosmb2 is the peer of the hold benchmark: the shortest program that
// opens many files with go-smb2 and holds them.
//
//	gosmb2 ADDRESS USER PASSWORD SHARE FOLDER FILES WORKERS
//
// The files are FOLDER\dDD\fNNNNN.dat, 1000 a folder. Once all are open it
// prints "ready" and the milliseconds that took, and holds them until its
// standard input ends.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hirochachacha/go-smb2"
)

func main() {
	a := os.Args[1:]
	files, err := strconv.Atoi(a[5])
	check(err)
	workers, err := strconv.Atoi(a[6])
	check(err)
	socket, err := net.Dial("tcp", a[0])
	check(err)
	d := smb2.Dialer{Initiator: &smb2.NTLMInitiator{User: a[1], Password: a[2]}}
	session, err := d.Dial(socket)
	check(err)
	share, err := session.Mount(a[3])
	check(err)

	begin := time.Now()
	held := make([]*smb2.File, files)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < files; i = int(next.Add(1)) - 1 {
				f, err := share.OpenFile(fmt.Sprintf(`%s\d%02d\f%05d.dat`, a[4], i/1000, i), os.O_RDWR, 0)
				check(err)
				held[i] = f
			}
		})
	}
	wg.Wait()
	fmt.Println("ready", float64(time.Since(begin).Microseconds())/1000)
	io.Copy(io.Discard, os.Stdin)
	for _, f := range held {
		f.Name() // keeps them: their finalizers close them
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
