package smb

import (
	"context"
	"fmt"
	"time"
)

// ServerInfo describes a server, SERVER_INFO_101 in [MS-SRVS] 2.2.4.41.
type ServerInfo struct {
	// Platform is 500 for Windows NT and all that say they are one, [MS-SRVS]
	// 2.2.2.6.
	Platform uint32
	// Name is the server's NetBIOS or host name.
	Name string
	// Major and Minor are the version of the operating system the server is
	// or, like Samba, pretends to be.
	Major, Minor uint32
	// Type holds the SV_TYPE bits, [MS-SRVS] 2.2.2.7: what software runs.
	Type uint32
	// Comment is the server's description. Samba's has its version by default.
	Comment string
}

func (i *ServerInfo) layout(n *ndr) {
	n.uint32("sv101_platform_id", &i.Platform)
	n.string("sv101_name", &i.Name)
	n.uint32("sv101_version_major", &i.Major)
	n.uint32("sv101_version_minor", &i.Minor)
	n.uint32("sv101_type", &i.Type)
	n.string("sv101_comment", &i.Comment)
}

// ServerInfo describes the server, NetrServerGetInfo level 101 in [MS-SRVS]
// 3.1.4.17.
func (s *ServerService) ServerInfo(ctx context.Context) (ServerInfo, error) {
	c := &serverGetInfoCall{server: s.name, level: 101}
	if err := s.once(ctx, c); err != nil {
		return ServerInfo{}, err
	}
	if c.null {
		return ServerInfo{}, fmt.Errorf("srvsvc: NetrServerGetInfo: the server sends no information")
	}
	return c.info, nil
}

// serverGetInfoCall is NetrServerGetInfo, level 101.
type serverGetInfoCall struct {
	server string
	level  uint32
	info   ServerInfo
	null   bool // the answer has no information
	result uint32
}

func (c *serverGetInfoCall) op() (uint16, string) { return opNetrServerGetInfo, "NetrServerGetInfo" }

func (c *serverGetInfoCall) request(n *ndr) {
	n.optional("ServerName", &c.server)
	n.uint32("Level", &c.level)
}

func (c *serverGetInfoCall) response(n *ndr) {
	present := !c.null
	n.constant("switch value", c.level)
	n.pointer("InfoStruct", &present)
	if c.null = !present; present {
		n.structure(c.info.layout)
	}
	n.uint32("return value", &c.result)
}

func (c *serverGetInfoCall) returned() Win32Error { return Win32Error(c.result) }

// timeOfDay is TIME_OF_DAY_INFO, [MS-SRVS] 2.2.4.105.
type timeOfDay struct {
	elapsed  uint32 // seconds since 1970-01-01 00:00:00 UTC
	msecs    uint32 // milliseconds since the server's start
	hours    uint32 // of the day; this to hunds is the time in UTC
	mins     uint32
	secs     uint32
	hunds    uint32 // hundredths of a second
	timezone uint32 // minutes west of Greenwich, a signed number
	tick     uint32 // of the clock, in 0.1 ms
	day      uint32 // of the month, from 1
	month    uint32 // from 1
	year     uint32
	weekday  uint32 // from 0 for Sunday
}

func (t *timeOfDay) layout(n *ndr) {
	n.uint32("tod_elapsedt", &t.elapsed)
	n.uint32("tod_msecs", &t.msecs)
	n.uint32("tod_hours", &t.hours)
	n.uint32("tod_mins", &t.mins)
	n.uint32("tod_secs", &t.secs)
	n.uint32("tod_hunds", &t.hunds)
	n.uint32("tod_timezone", &t.timezone)
	n.uint32("tod_tinterval", &t.tick)
	n.uint32("tod_day", &t.day)
	n.uint32("tod_month", &t.month)
	n.uint32("tod_year", &t.year)
	n.uint32("tod_weekday", &t.weekday)
	if n.err == nil && t.hunds > 99 {
		n.fail("tod_hunds", "is %d, more than 99", t.hunds)
	}
}

// RemoteTOD returns the server's clock in UTC, NetrRemoteTOD in [MS-SRVS]
// 3.1.4.21, in steps of 10 ms or, from a server that leaves the hundredths
// out, of a second.
func (s *ServerService) RemoteTOD(ctx context.Context) (time.Time, error) {
	c := &remoteTODCall{server: s.name}
	if err := s.once(ctx, c); err != nil {
		return time.Time{}, err
	}
	if c.null {
		return time.Time{}, fmt.Errorf("srvsvc: NetrRemoteTOD: the server sends no time")
	}
	t := time.Unix(int64(c.time.elapsed), int64(c.time.hunds)*int64(10*time.Millisecond))
	return t.UTC(), nil
}

// remoteTODCall is NetrRemoteTOD.
type remoteTODCall struct {
	server string
	time   timeOfDay
	null   bool // the answer has no time
	result uint32
}

func (c *remoteTODCall) op() (uint16, string) { return opNetrRemoteTOD, "NetrRemoteTOD" }

func (c *remoteTODCall) request(n *ndr) { n.optional("ServerName", &c.server) }

func (c *remoteTODCall) response(n *ndr) {
	present := !c.null
	n.pointer("BufferPtr", &present)
	if c.null = !present; present {
		n.structure(c.time.layout)
	}
	n.uint32("return value", &c.result)
}

func (c *remoteTODCall) returned() Win32Error { return Win32Error(c.result) }
