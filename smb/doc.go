// Package smb is the codec of SMB2, and a client that leaves nothing to a
// library that a study of sharing violations must choose itself: any desired
// access and share access, PreviousSessionId, compounds, and the socket in
// hand, so that a client can go away in every way real clients do. Over the
// named pipe \srvsvc it reads a server's tables of opens, sessions and
// connections. The codec goes both ways: package lab is a server made of it.
//
// The client speaks dialects 2.0.2 to 3.1.1 over TCP. It does not do multichannel,
// compression, RDMA, SMB1, DFS referrals, durable handles or change
// notification, though the codec has the latter two.
//
//	conn, err := smb.Dial(ctx, "server:445", nil)
//	session, err := conn.LogOn(ctx, smb.NTLM{User: "u", Password: "p"}.Mechanism(), 0)
//	tree, err := session.TreeConnect(ctx, "share")
//	open, err := tree.Create(ctx, &smb.CreateRequest{Name: `dir\a.txt`, Access: smb.FileReadData, Disposition: smb.OpenFile})
//
// Where what is, by section of [MS-SMB2]:
//
//	2.1                    frame.go       Direct TCP framing
//	2.2.1                  header.go      packet header, compound chains
//	2.2.2 … 2.2.40         msg_*.go       one file for the messages of a kind, both directions
//	2.2.41, 3.1.4.3        seal.go        encryption
//	3.1.4.1                sign.go        signing
//	3.1.4.2                kdf.go         keys
//	3.1.5.2, 3.2.4.1.2     credit.go      credits and MessageIds
//	3.2.4.1, 3.2.4.24      call.go        sending, waiting, CANCEL
//	3.2.4.2.2, 3.2.5.2     negotiate.go   dialect, ciphers, preauth.go the hash over it
//	3.2.4.2.3, 3.2.5.3     session.go     log-on; auth.go its mechanism
//	3.2.4.2.4, 3.2.5.5     tree.go        shares
//	3.2.4.3 … 3.2.4.20     open.go        files
//	3.2.5.1                conn.go        receiving
//	3.2.5.19               breaks.go      oplock and lease breaks
//	[MS-FSA] 2.1.5.1.2.2   access.go      access, share modes, the rule of their conflict
//	[MS-ERREF] 2.3         status.go      NTSTATUS
//	[MS-FSCC] 2.4, 2.5     fscc*.go       what QUERY_INFO, SET_INFO and QUERY_DIRECTORY carry
//	[MS-DTYP] 2.4          security_descriptor.go, sid.go
//	[MS-RPCE]              rpc*.go        DCE/RPC over pipe.go; ndr.go its encoding
//	[MS-SRVS]              srvsvc*.go     the server's tables
//
// How a client goes away is in disconnect.go and leave.go.
package smb
