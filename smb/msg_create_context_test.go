package smb

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// contextSamples are the create contexts with their data, written by hand from
// [MS-SMB2] 2.2.13.2 and 2.2.14.2, and what finds them: in a request, or in a
// response.
var contextSamples = []struct {
	name    string
	context CreateContext
	data    string
	find    func([]CreateContext) (CreateContext, bool, error)
}{
	{"durable request", DurableRequest(), strings.Repeat("00", 16), func(c []CreateContext) (CreateContext, bool, error) {
		ok, err := (&CreateRequest{Contexts: c}).Durable()
		return DurableRequest(), ok, err
	}},
	{"durable response", DurableResponse(), strings.Repeat("00", 8), func(c []CreateContext) (CreateContext, bool, error) {
		ok, err := (&CreateResponse{Contexts: c}).Durable()
		return DurableResponse(), ok, err
	}},
	{"durable reconnect", DurableReconnect(sampleFile), `000102030405060708090a0b0c0d0e0f`, func(c []CreateContext) (CreateContext, bool, error) {
		id, ok, err := (&CreateRequest{Contexts: c}).DurableReconnect()
		return DurableReconnect(id), ok, err
	}},
	{"durable request v2", DurableV2Request{Timeout: 60000, Flags: DurablePersistent, CreateGUID: sampleGUID}.Context(),
		`60ea0000 02000000 0000000000000000 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff`, func(c []CreateContext) (CreateContext, bool, error) {
			r, ok, err := (&CreateRequest{Contexts: c}).DurableV2()
			return r.Context(), ok, err
		}},
	{"durable response v2", DurableV2Response{Timeout: 60000, Flags: DurablePersistent}.Context(), `60ea0000 02000000`, func(c []CreateContext) (CreateContext, bool, error) {
		r, ok, err := (&CreateResponse{Contexts: c}).DurableV2()
		return r.Context(), ok, err
	}},
	{"durable reconnect v2", DurableV2Reconnect{FileID: sampleFile, CreateGUID: sampleGUID, Flags: DurablePersistent}.Context(),
		`000102030405060708090a0b0c0d0e0f f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff 02000000`, func(c []CreateContext) (CreateContext, bool, error) {
			r, ok, err := (&CreateRequest{Contexts: c}).DurableV2Reconnect()
			return r.Context(), ok, err
		}},
	{"lease", Lease{Key: sampleGUID, State: LeaseRead | LeaseWrite, Flags: LeaseBreakInProgress}.Context(),
		`f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff 05000000 02000000 0000000000000000`, func(c []CreateContext) (CreateContext, bool, error) {
			l, ok, err := (&CreateResponse{Contexts: c}).Lease()
			return l.Context(), ok, err
		}},
	{"lease v2", Lease{V2: true, Key: sampleGUID, State: LeaseRead | LeaseHandle, Flags: LeaseParentKeySet, ParentKey: GUID{0: 1, 15: 2}, Epoch: 0x1234}.Context(),
		`f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff 03000000 04000000 0000000000000000 01000000000000000000000000000002 3412 0000`,
		func(c []CreateContext) (CreateContext, bool, error) {
			l, ok, err := (&CreateRequest{Contexts: c}).Lease()
			return l.Context(), ok, err
		}},
	{"maximal access", MaximalAccessSince(0x01DA111122223333), `333322221111da01`, func(c []CreateContext) (CreateContext, bool, error) {
		since, ok, err := (&CreateRequest{Contexts: c}).MaximalAccess()
		return MaximalAccessSince(since), ok, err
	}},
	{"maximal access at all events", MaximalAccessRequest(), ``, func(c []CreateContext) (CreateContext, bool, error) {
		_, ok, err := (&CreateRequest{Contexts: c}).MaximalAccess()
		return MaximalAccessRequest(), ok, err
	}},
	{"maximal access response", MaximalAccess{Status: StatusNoneMapped, Access: 0x89}.Context(), `730000c0 89000000`, func(c []CreateContext) (CreateContext, bool, error) {
		a, ok, err := (&CreateResponse{Contexts: c}).MaximalAccess()
		return a.Context(), ok, err
	}},
	{"on-disk id", OnDiskIDRequest(), ``, func(c []CreateContext) (CreateContext, bool, error) {
		ok, err := (&CreateRequest{Contexts: c}).OnDiskID()
		return OnDiskIDRequest(), ok, err
	}},
	{"on-disk id response", OnDiskID{File: 7, Volume: 8}.Context(), `0700000000000000 0800000000000000` + strings.Repeat("00", 16),
		func(c []CreateContext) (CreateContext, bool, error) {
			id, ok, err := (&CreateResponse{Contexts: c}).OnDiskID()
			return id.Context(), ok, err
		}},
	{"allocation size", AllocationSize(0x12345), `4523010000000000`, func(c []CreateContext) (CreateContext, bool, error) {
		size, ok, err := (&CreateRequest{Contexts: c}).AllocationSize()
		return AllocationSize(size), ok, err
	}},
	{"timewarp", Timewarp(0x01DA111122223333), `333322221111da01`, func(c []CreateContext) (CreateContext, bool, error) {
		when, ok, err := (&CreateRequest{Contexts: c}).Timewarp()
		return Timewarp(when), ok, err
	}},
	{"application instance", AppInstanceID(sampleGUID), `1400 0000 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff`, func(c []CreateContext) (CreateContext, bool, error) {
		id, ok, err := (&CreateRequest{Contexts: c}).AppInstanceID()
		return AppInstanceID(id), ok, err
	}},
}

// TestCreateContexts encodes every context, finds it behind another one, and
// refuses every other length but those that the section allows.
func TestCreateContexts(t *testing.T) {
	lengths := map[string][]int{"maximal access": {0, 8}, "maximal access at all events": {0, 8}, "lease": {32, 52}, "lease v2": {32, 52}}
	for _, s := range contextSamples {
		t.Run(s.name, func(t *testing.T) {
			data := wireHex(t, s.data)
			if !bytes.Equal(s.context.Data, data) {
				t.Errorf("encoded:\n got %x\nwant %x", s.context.Data, data)
			}
			other := CreateContext{Name: "what", Data: []byte("ever")}
			got, ok, err := s.find([]CreateContext{other, {Name: s.context.Name, Data: data}})
			if !ok || err != nil || !bytes.Equal(got.Data, data) || got.Name != s.context.Name {
				t.Errorf("found %v, %v: %x", ok, err, got.Data)
			}
			if _, ok, err := s.find([]CreateContext{other}); ok || err != nil {
				t.Errorf("found what is not there: %v, %v", ok, err)
			}
			for n := range 60 {
				b := append(bytes.Clone(data), make([]byte, 60)...)[:n]
				_, ok, err := s.find([]CreateContext{{Name: s.context.Name, Data: b}})
				allowed := n == len(data)
				for _, l := range lengths[s.name] {
					allowed = allowed || n == l
				}
				if strings.HasSuffix(s.name, "access response") || strings.HasSuffix(s.name, "id response") {
					allowed = n >= 8 && len(data) == 8 || n >= 16 && len(data) == 32 // a server may send more, or no Reserved
				}
				if ok != allowed || (err == nil) != allowed {
					t.Errorf("%d bytes: found %v, %v", n, ok, err)
				}
				if de := (*DecodeError)(nil); err != nil && (!errors.As(err, &de) || de.Field == "") {
					t.Errorf("%d bytes: not a DecodeError with a field: %v", n, err)
				}
			}
		})
	}
}

// TestContextNames compares the names with the numbers of [MS-SMB2] 2.2.13.2,
// which are big-endian.
func TestContextNames(t *testing.T) {
	for name, number := range map[string]string{
		ContextEAs: "45787441", ContextSecurity: "53656344", ContextDurableRequest: "44486e51", ContextDurableReconnect: "44486e43",
		ContextAllocationSize: "416c5369", ContextMaximalAccess: "4d784163", ContextTimewarp: "54577270", ContextOnDiskID: "51466964",
		ContextLease: "52714c73", ContextDurableV2Request: "44483251", ContextDurableV2Reconnect: "44483243",
		ContextAppInstanceID: "45BCA66AEFA7F74A9008FA462E144D74", ContextAppInstanceVersion: "B982D0B73B56074FA07B524A8116A010",
		ContextSVHDXOpenDevice: "9CCBCF9E04C1E643980E158DA1F6EC83", ContextReserved: "93AD25509CB411E7B42383DE968BCD7C",
	} {
		if want := wireHex(t, number); name != string(want) {
			t.Errorf("%q is %x, want %x", name, name, want)
		}
	}
}

func TestCreateContextErrors(t *testing.T) {
	wrong := &CreateRequest{Contexts: []CreateContext{
		{Name: ContextDurableV2Reconnect, Data: make([]byte, 35)}, {Name: ContextLease, Data: make([]byte, 33)},
		{Name: ContextAppInstanceID, Data: append([]byte{21}, make([]byte, 19)...)},
	}}
	_, _, err := wrong.DurableV2Reconnect()
	_, _, err2 := wrong.Lease()
	_, _, err3 := wrong.AppInstanceID()
	for _, c := range []struct {
		err  error
		want string
	}{
		{err, "smb: create context DH2C: DataLength is 35, not 36"},
		{err2, "smb: create context RqLs: DataLength is 33, not 32 or 52"},
		{err3, "smb: create context 6aa6bc45-a7ef-4af7-9008-fa462e144d74: StructureSize is 21, not 20"},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("%v, want %q", c.err, c.want)
		}
	}
}
