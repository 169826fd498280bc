package diag

// What tests use that are about Samba alone and start their own smbd.

import (
	"testing"

	"err32/smb"
	"err32/smb/smbdtest"
)

func endpointOf(srv *smbdtest.Server, folder string) Endpoint {
	return smbdAsServer(srv).endpoint(folder)
}

func plainEndpointOf(srv *smbdtest.Server, folder string) Endpoint {
	return smbdAsServer(srv).plainEndpoint(folder)
}

func folder(t testing.TB, srv *smbdtest.Server, path ...string) string {
	t.Helper()
	return smbdAsServer(srv).folder(t, path...)
}

func writeFile(t testing.TB, srv *smbdtest.Server, path string) {
	t.Helper()
	smbdServer{srv}.writeFiles(t, path)
}

func opensIn(t testing.TB, srv *smbdtest.Server, folder string) map[string][]serverOpen {
	t.Helper()
	return smbdAsServer(srv).opensIn(t, folder)
}

func logOnFrom(t testing.TB, srv *smbdtest.Server, ip, user, password string) *smb.Session {
	t.Helper()
	return smbdAsServer(srv).logOnFrom(t, ip, user, password)
}

func waitNoSessions(t testing.TB, srv *smbdtest.Server) {
	t.Helper()
	waitIdle(t, smbdAsServer(srv))
}

// needKind skips where the operating system does not let this user disconnect
// in that way.
func needKind(t *testing.T, kind smb.DisconnectKind) {
	t.Helper()
	if err := kind.Supported(); err != nil {
		t.Skip(err)
	}
}
