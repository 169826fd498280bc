package smb

import (
	"context"
	"fmt"
	"time"
)

// ServerInfo describes a server, SERVER_INFO_101 in [MS-SRVS] 2.2.4.41. Level
// 100 has Platform and Name alone, level 102 has more.
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

	// The following are of level 102, which the client does not ask for.

	// Users is how many users may log on.
	Users uint32
	// Disconnect is the idle time in minutes after which a session is ended,
	// 0xFFFFFFFF for never.
	Disconnect uint32
	// Hidden is 1 for a server that does not announce itself, else 0.
	Hidden uint32
	// Announce is the time between announcements, in seconds, and
	// AnnounceDelta how far it varies, in milliseconds.
	Announce, AnnounceDelta uint32
	// UserPath is the path of the users' directories, by custom `c:\`.
	UserPath string
}

// serverArms are the levels of a SERVER_INFO: all but 100, 101 and 102 are
// here for the NULL pointer that refuses them.
var serverArms = []uint32{
	100, 101, 102, 103, 502, 503, 599, 1005, 1107, 1010, 1016, 1017, 1018,
	1501, 1502, 1503, 1506, 1510, 1511, 1512, 1513, 1514, 1515, 1516, 1518,
	1523, 1528, 1529, 1530, 1533, 1534, 1535, 1536, 1538, 1539, 1540, 1541,
	1542, 1543, 1544, 1545, 1546, 1547, 1548, 1549, 1550, 1552, 1553, 1554,
	1555, 1556,
}

// layout lays out SERVER_INFO_<level>.
func (i *ServerInfo) layout(n *ndr, level uint32) {
	n.uint32("sv101_platform_id", &i.Platform)
	n.string("sv101_name", &i.Name)
	if level == 100 {
		return
	}
	n.uint32("sv101_version_major", &i.Major)
	n.uint32("sv101_version_minor", &i.Minor)
	n.uint32("sv101_type", &i.Type)
	n.string("sv101_comment", &i.Comment)
	if level != 102 {
		return
	}
	n.uint32("sv102_users", &i.Users)
	n.uint32("sv102_disc", &i.Disconnect)
	n.uint32("sv102_hidden", &i.Hidden)
	n.uint32("sv102_announce", &i.Announce)
	n.uint32("sv102_anndelta", &i.AnnounceDelta)
	n.constant("sv102_licenses", 0)
	n.string("sv102_userpath", &i.UserPath)
}

// ServerInfo describes the server, NetrServerGetInfo level 101 in [MS-SRVS]
// 3.1.4.17.
func (s *ServerService) ServerInfo(ctx context.Context) (ServerInfo, error) {
	c := &serverGetInfoCall{server: s.name, infoCall: infoCall{level: 101}}
	if err := s.once(ctx, c); err != nil {
		return ServerInfo{}, err
	}
	if c.null {
		return ServerInfo{}, fmt.Errorf("srvsvc: NetrServerGetInfo: the server sends no information")
	}
	return c.info, nil
}

// serverGetInfoCall is NetrServerGetInfo.
type serverGetInfoCall struct {
	infoCall
	server string
	info   ServerInfo
}

func (c *serverGetInfoCall) op() (uint16, string) { return opNetrServerGetInfo, "NetrServerGetInfo" }

func (c *serverGetInfoCall) request(n *ndr) {
	n.optional("ServerName", &c.server)
	n.uint32("Level", &c.level)
}

func (c *serverGetInfoCall) serve(h ServerServiceHandler) {
	if c.begin(serverArms[:3]) {
		var code Win32Error
		c.info, code = h.ServerGetInfo(c.level)
		c.end(code)
	}
}

func (c *serverGetInfoCall) response(n *ndr) {
	c.infoResponse(n, serverArms, func(n *ndr) { c.info.layout(n, c.level) })
}

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

func (c *remoteTODCall) serve(h ServerServiceHandler) {
	now, up, code := h.RemoteTOD()
	if c.result = uint32(code); code != 0 {
		c.null = true
		return
	}
	_, east := now.Zone()
	now = now.UTC()
	c.time = timeOfDay{
		elapsed: uint32(now.Unix()), msecs: uint32(up.Milliseconds()),
		hours: uint32(now.Hour()), mins: uint32(now.Minute()), secs: uint32(now.Second()), hunds: uint32(now.Nanosecond() / 1e7),
		timezone: uint32(-east / 60), tick: 310,
		day: uint32(now.Day()), month: uint32(now.Month()), year: uint32(now.Year()), weekday: uint32(now.Weekday()),
	}
}

func (c *remoteTODCall) response(n *ndr) {
	present := !c.null
	n.pointer("BufferPtr", &present)
	if c.null = !present; present {
		n.structure(c.time.layout)
	}
	n.uint32("return value", &c.result)
}

func (c *remoteTODCall) returned() Win32Error { return Win32Error(c.result) }
