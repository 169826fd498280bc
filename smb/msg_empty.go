package smb

// The messages of this file have no fields: a StructureSize of 4 and two
// reserved bytes.

// LogoffRequest is the SMB2 LOGOFF Request, [MS-SMB2] 2.2.7.
type LogoffRequest struct{}

// LogoffResponse is the SMB2 LOGOFF Response, [MS-SMB2] 2.2.8.
type LogoffResponse struct{}

// TreeDisconnectRequest is the SMB2 TREE_DISCONNECT Request, [MS-SMB2] 2.2.11.
type TreeDisconnectRequest struct{}

// TreeDisconnectResponse is the SMB2 TREE_DISCONNECT Response,
// [MS-SMB2] 2.2.12.
type TreeDisconnectResponse struct{}

// FlushResponse is the SMB2 FLUSH Response, [MS-SMB2] 2.2.18.
type FlushResponse struct{}

// LockResponse is the SMB2 LOCK Response, [MS-SMB2] 2.2.27.
type LockResponse struct{}

// EchoRequest is the SMB2 ECHO Request, [MS-SMB2] 2.2.28.
type EchoRequest struct{}

// EchoResponse is the SMB2 ECHO Response, [MS-SMB2] 2.2.29.
type EchoResponse struct{}

// CancelRequest is the SMB2 CANCEL Request, [MS-SMB2] 2.2.30. It has the
// MessageId or AsyncId of the request that it cancels, and no response.
type CancelRequest struct{}

func (*LogoffRequest) Command() Command          { return CommandLogoff }
func (*LogoffResponse) Command() Command         { return CommandLogoff }
func (*TreeDisconnectRequest) Command() Command  { return CommandTreeDisconnect }
func (*TreeDisconnectResponse) Command() Command { return CommandTreeDisconnect }
func (*FlushResponse) Command() Command          { return CommandFlush }
func (*LockResponse) Command() Command           { return CommandLock }
func (*EchoRequest) Command() Command            { return CommandEcho }
func (*EchoResponse) Command() Command           { return CommandEcho }
func (*CancelRequest) Command() Command          { return CommandCancel }

func (*LogoffRequest) appendBody(b []byte, _ int) []byte          { return appendEmpty(b) }
func (*LogoffResponse) appendBody(b []byte, _ int) []byte         { return appendEmpty(b) }
func (*TreeDisconnectRequest) appendBody(b []byte, _ int) []byte  { return appendEmpty(b) }
func (*TreeDisconnectResponse) appendBody(b []byte, _ int) []byte { return appendEmpty(b) }
func (*FlushResponse) appendBody(b []byte, _ int) []byte          { return appendEmpty(b) }
func (*LockResponse) appendBody(b []byte, _ int) []byte           { return appendEmpty(b) }
func (*EchoRequest) appendBody(b []byte, _ int) []byte            { return appendEmpty(b) }
func (*EchoResponse) appendBody(b []byte, _ int) []byte           { return appendEmpty(b) }
func (*CancelRequest) appendBody(b []byte, _ int) []byte          { return appendEmpty(b) }

func (*LogoffRequest) decode(d *decoder)          { decodeEmpty(d) }
func (*LogoffResponse) decode(d *decoder)         { decodeEmpty(d) }
func (*TreeDisconnectRequest) decode(d *decoder)  { decodeEmpty(d) }
func (*TreeDisconnectResponse) decode(d *decoder) { decodeEmpty(d) }
func (*FlushResponse) decode(d *decoder)          { decodeEmpty(d) }
func (*LockResponse) decode(d *decoder)           { decodeEmpty(d) }
func (*EchoRequest) decode(d *decoder)            { decodeEmpty(d) }
func (*EchoResponse) decode(d *decoder)           { decodeEmpty(d) }
func (*CancelRequest) decode(d *decoder)          { decodeEmpty(d) }

func appendEmpty(b []byte) []byte { return append(b, 4, 0, 0, 0) }

func decodeEmpty(d *decoder) {
	d.size(4)
	d.skip("Reserved", 2)
}
