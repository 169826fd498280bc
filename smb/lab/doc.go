// Package lab is an SMB2 server with a real open table, to practise and to test
// on: what package httptest is for HTTP. Any SMB2 client can use it.
//
//	s := lab.New()
//	s.Users = []lab.User{{Name: "alice", Password: "secret", Groups: []string{lab.Administrators}}}
//	if err := s.Start(); err != nil { … }
//	defer s.Close()
//	// connect to s.Addr(), share "share"
//
// It speaks dialects 2.0.2 to 3.1.1 with signing and encryption, keeps its files
// in memory, enforces share modes as [MS-FSA] 2.1.5.1.2 has them, and has
// oplocks, leases, durable handles, byte-range locks, change notification and
// the tables of \srvsvc. A Temperament gives it the habits of one kind of
// server, a Fault makes it misbehave. Over net.Pipe (ServeConn) it runs within
// testing/synctest, so that an hour of a server's patience takes no time.
//
// It does not have named streams, multichannel, persistent and resilient
// handles, DFS, compression, reparse points, hard links, extended attributes
// or access control lists: a user may do everything on a share, or read.
//
// One mutex guards all state; a request that waits gives it up and takes
// another look when it is woken. Where what is, by section of [MS-SMB2]:
//
//	3.3.1.1, 3.3.1.2     window.go       credits and MessageIds
//	3.3.1.7, 3.3.7.1     conn.go         connections, and their loss
//	3.3.4.2, 3.3.5.2     request.go      compounds, waiting, CANCEL
//	3.3.5.3, 3.3.5.4     negotiate.go
//	3.3.5.5, 3.3.5.6     session.go      and logon*.go: SPNEGO and NTLM, [MS-NLMP]
//	3.3.5.7, 3.3.5.8     tree.go         shares
//	3.3.5.9              create.go       open.go is the open table
//	3.3.5.9.6 … 12       durable.go      durable handles
//	3.3.4.6, 3.3.4.7     break.go        oplock.go and lease.go what is broken
//	3.3.5.10 … 13        readwrite.go
//	3.3.5.14             lock.go         rangelock.go the locks themselves
//	3.3.5.15             ioctl.go
//	3.3.5.18 … 21        directory.go, notify.go, query_*.go, set_info.go
//	[MS-FSA]             volume.go, node.go, content.go   the files
//	[MS-SRVS]            srvsvc.go       the tables
package lab
