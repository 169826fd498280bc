package smb

import (
	"context"
	"time"
)

// ConnectionInfo is one tree connect, CONNECTION_INFO_1 in [MS-SRVS] 2.2.4.2;
// CONNECTION_INFO_0 has the ID alone. On Samba only Opens has a meaning.
type ConnectionInfo struct {
	// ID is the server's number for the connection.
	ID uint32
	// Type is the kind of share, as in ShareInfo.
	Type SType
	// Opens is the number of files open over the connection.
	Opens uint32
	// Users is the number of users on it: 1 over SMB2.
	Users uint32
	// Age is the time since it was made, in whole seconds.
	Age time.Duration
	// User is the name of its user.
	User string
	// Name is the client's name where the share was asked for, and the
	// share's name where the client was.
	Name string
}

// connectionArms are the levels of a CONNECT_ENUM_UNION.
var connectionArms = []uint32{0, 1}

// layout lays out CONNECTION_INFO_<level>.
func (c *ConnectionInfo) layout(n *ndr, level uint32) {
	n.uint32("coni1_id", &c.ID)
	if level == 0 {
		return
	}
	n.uint32("coni1_type", (*uint32)(&c.Type))
	n.uint32("coni1_num_opens", &c.Opens)
	n.uint32("coni1_num_users", &c.Users)
	n.seconds("coni1_time", &c.Age)
	n.string("coni1_username", &c.User)
	n.string("coni1_netname", &c.Name)
}

// ConnectionEnum returns the connections made to a share, or from a client
// when the qualifier begins with `\\`, NetrConnectionEnum level 1 in [MS-SRVS]
// 3.1.4.1. The qualifier is mandatory. Samba knows no clients here.
func (s *ServerService) ConnectionEnum(ctx context.Context, qualifier string) ([]ConnectionInfo, error) {
	c := &connectionEnumCall{enumeration: newEnumeration(1), server: s.name, qualifier: qualifier}
	_, name := c.op()
	if err := s.take(ctx, name); err != nil {
		return nil, err
	}
	defer s.give()
	var connections []ConnectionInfo
	err := s.enumerate(ctx, c, &c.enumeration, maxRows, func() error {
		connections = append(connections, c.connections...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return connections, nil
}

func layoutConnection(n *ndr, c *ConnectionInfo, level uint32) { c.layout(n, level) }

// connectionEnumCall is NetrConnectionEnum.
type connectionEnumCall struct {
	enumeration
	server    string
	qualifier string

	connections []ConnectionInfo
}

func (c *connectionEnumCall) op() (uint16, string) {
	return opNetrConnectionEnum, "NetrConnectionEnum"
}

func (c *connectionEnumCall) request(n *ndr) {
	n.optional("ServerName", &c.server)
	n.optional("Qualifier", &c.qualifier)
	requestTail(n, &c.enumeration, connectionArms, layoutConnection)
}

func (c *connectionEnumCall) serve(h ServerServiceHandler) {
	if !c.begin(connectionArms, c.qualifier) {
		return
	}
	rows, code := h.ConnectionEnum(c.level, c.qualifier)
	c.connections = page(&c.enumeration, h, rows, code, layoutConnection)
}

func (c *connectionEnumCall) response(n *ndr) {
	enumRows(n, &c.enumeration, connectionArms, &c.connections, layoutConnection)
	c.responseTail(n)
}
