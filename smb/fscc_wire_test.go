package smb

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"
)

// eachAnswer calls each for every request of a recording that was answered.
func eachAnswer(t testing.TB, flow *sessionFlow, each func(request, answer Message)) {
	t.Helper()
	type id struct{ session, message uint64 }
	requests := map[id]Message{}
	flow.messages(t, func(fromServer bool, msg []byte) {
		parse := ParseRequest
		if fromServer {
			parse = ParseResponse
		}
		h, m, err := parse(msg)
		if err != nil {
			t.Fatal(err)
		}
		if !fromServer {
			requests[id{h.SessionID, h.MessageID}] = m
		} else if request := requests[id{h.SessionID, h.MessageID}]; request != nil {
			each(request, m)
		}
	})
}

// TestRecordedInfo decodes everything of [MS-FSCC] and [MS-DTYP] that other
// programs wrote, and encodes it again.
func TestRecordedInfo(t *testing.T) {
	seen := map[string]int{}
	same := func(t *testing.T, what string, got, want []byte, err error) {
		t.Helper()
		seen[what]++
		// Zeros may follow: the padding of the last entry of a list.
		if extra := len(want) - len(got); extra > 0 && extra < 8 && len(bytes.Trim(want[len(got):], "\x00")) == 0 {
			want = want[:len(got)]
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v, encoded again:\n got %x\nwant %x", what, err, got, want)
		}
	}
	for _, name := range sessionFlows(t) {
		t.Run(name, func(t *testing.T) {
			security := func(what string, b []byte) {
				sd, err := ParseSecurityDescriptor(b)
				if err != nil {
					t.Fatalf("%v\n%x", err, b)
				}
				again, err := ParseSecurityDescriptor(sd.AppendTo(nil)) // the order of the parts is free
				if err != nil || !reflect.DeepEqual(again, sd) {
					t.Errorf("encoded again it is another descriptor: %+v, %v\n%+v", again, err, sd)
				}
				seen[what]++
			}
			eachAnswer(t, loadSessionFlow(t, name), func(request, answer Message) {
				switch request := request.(type) {
				case *CreateRequest:
					contexts(t, request, answer, seen)
					if b, ok := FindContext(request.Contexts, ContextEAs); ok {
						list := FullEAInfo{}
						err := ParseInfo(b, &list)
						same(t, "ExtA", AppendInfo(nil, &list), b, err)
					}
					if b, ok := FindContext(request.Contexts, ContextSecurity); ok {
						security("SecD", b)
					}
				case *SetInfoRequest:
					if _, failed := answer.(*ErrorResponse); failed {
						return
					}
					if request.Type == InfoSecurity {
						security("set security", request.Input)
						return
					}
					info := NewInfo(request.Type, request.Class)
					if info == nil {
						t.Fatalf("SET_INFO of class %d", request.Class)
					}
					err := ParseInfo(request.Input, info)
					same(t, findInfo(request.Type, request.Class).name, AppendInfo(nil, info), request.Input, err)
				case *QueryInfoRequest:
					answer, ok := answer.(*QueryInfoResponse)
					if !ok || uint64(len(answer.Output)) == uint64(request.MaxOutput) {
						return // refused, or cut short
					}
					if request.Type == InfoSecurity {
						security("security", answer.Output)
						return
					}
					info := NewInfo(request.Type, request.Class)
					if info == nil {
						t.Fatalf("QUERY_INFO of class %d", request.Class)
					}
					err := ParseInfo(answer.Output, info)
					same(t, findInfo(request.Type, request.Class).name, AppendInfo(nil, info), answer.Output, err)
				case *QueryDirectoryRequest:
					if answer, ok := answer.(*QueryDirectoryResponse); ok {
						entries, err := ParseDirectory(request.Class, answer.Output)
						same(t, findInfo(InfoFile, request.Class).name, listOf(t, request.Class, entries), answer.Output, err)
					}
				case *ChangeNotifyRequest:
					if answer, ok := answer.(*ChangeNotifyResponse); ok {
						changes, err := ParseChanges(answer.Output)
						same(t, "changes", AppendChanges(nil, changes), answer.Output, err)
						for _, c := range changes {
							if c.Action < ChangeAdded || c.Action > ChangeModifiedStream || c.Name == "" {
								t.Errorf("%+v", c)
							}
						}
					}
				}
			})
		})
	}
	for _, what := range []string{
		"changes", "security", "SecD", "ExtA", "DHnQ", "DHnC", "DH2Q", "DH2C", "MxAc", "QFid", "AlSi", "TWrp", "RqLs 32", "RqLs 52",
		"granted DHnQ", "granted DH2Q", "granted MxAc", "granted QFid", "granted RqLs 32", "granted RqLs 52",
		"FileBasicInformation", "FileRenameInformation", "FileAllInformation", "FileIdBothDirectoryInformation", "FileNamesInformation",
	} {
		if seen[what] == 0 {
			t.Errorf("the recordings hold no %s", what)
		}
	}
	t.Log(seen)
}

// contexts decodes the create contexts of a recorded request and of its
// answer, and encodes them again.
func contexts(t *testing.T, request *CreateRequest, answer Message, seen map[string]int) {
	t.Helper()
	created, ok := answer.(*CreateResponse)
	if !ok {
		created = &CreateResponse{}
	}
	check := func(prefix string, of []CreateContext, again CreateContext, ok bool, err error) {
		t.Helper()
		if data, there := FindContext(of, again.Name); !ok && err == nil && !there {
			return
		} else if !ok || err != nil || !bytes.Equal(data, again.Data) {
			t.Errorf("%s%s: %v, %v, encoded again:\n got %x\nwant %x", prefix, again.Name, ok, err, again.Data, data)
		}
		what := prefix + again.Name
		if again.Name == ContextLease {
			what += map[int]string{leaseV1Size: " 32", leaseV2Size: " 52"}[len(again.Data)]
		}
		seen[what]++
	}
	asked := func(again CreateContext, ok bool, err error) { t.Helper(); check("", request.Contexts, again, ok, err) }
	granted := func(again CreateContext, ok bool, err error) {
		t.Helper()
		check("granted ", created.Contexts, again, ok, err)
	}
	ok, err := request.Durable()
	asked(DurableRequest(), ok, err)
	id, ok, err := request.DurableReconnect()
	asked(DurableReconnect(id), ok, err)
	v2, ok, err := request.DurableV2()
	asked(v2.Context(), ok, err)
	reconnect, ok, err := request.DurableV2Reconnect()
	asked(reconnect.Context(), ok, err)
	lease, ok, err := request.Lease()
	asked(lease.Context(), ok, err)
	since, ok, err := request.MaximalAccess()
	if since != 0 {
		asked(MaximalAccessSince(since), ok, err)
	} else {
		asked(MaximalAccessRequest(), ok, err)
	}
	ok, err = request.OnDiskID()
	asked(OnDiskIDRequest(), ok, err)
	size, ok, err := request.AllocationSize()
	asked(AllocationSize(size), ok, err)
	when, ok, err := request.Timewarp()
	asked(Timewarp(when), ok, err)

	ok, err = created.Durable()
	granted(DurableResponse(), ok, err)
	grant, ok, err := created.DurableV2()
	granted(grant.Context(), ok, err)
	lease, ok, err = created.Lease()
	granted(lease.Context(), ok, err)
	access, ok, err := created.MaximalAccess()
	granted(access.Context(), ok, err)
	disk, ok, err := created.OnDiskID()
	granted(disk.Context(), ok, err)
}

func FuzzParseInfo(f *testing.F) {
	for _, s := range infoSamples {
		typ, class := s.info.Class()
		f.Add(uint8(typ), class, AppendInfo(nil, s.info))
	}
	for _, name := range sessionFlows(f) {
		eachAnswer(f, loadSessionFlow(f, name), func(request, answer Message) {
			switch request := request.(type) {
			case *SetInfoRequest:
				f.Add(uint8(request.Type), request.Class, request.Input)
			case *QueryInfoRequest:
				if answer, ok := answer.(*QueryInfoResponse); ok {
					f.Add(uint8(request.Type), request.Class, answer.Output)
				}
			}
		})
	}
	f.Fuzz(func(t *testing.T, typ, class uint8, b []byte) {
		info := NewInfo(InfoType(typ), class)
		if info == nil {
			return
		}
		if err := ParseInfo(b, info); err != nil {
			if de := (*DecodeError)(nil); !errors.As(err, &de) || de.Field == "" {
				t.Fatalf("not a DecodeError with a field: %v", err)
			}
			return
		}
		again := NewInfo(InfoType(typ), class)
		if err := ParseInfo(AppendInfo(nil, info), again); err != nil || !reflect.DeepEqual(again, info) {
			t.Fatalf("encoded again it is something else: %+v, %v\n%+v", again, err, info)
		}
	})
}

func FuzzParseChanges(f *testing.F) {
	f.Add(AppendChanges(nil, changeSample))
	for _, name := range sessionFlows(f) {
		eachAnswer(f, loadSessionFlow(f, name), func(_, answer Message) {
			if answer, ok := answer.(*ChangeNotifyResponse); ok {
				f.Add(answer.Output)
			}
		})
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		changes, err := ParseChanges(b)
		if err != nil {
			if de := (*DecodeError)(nil); !errors.As(err, &de) || de.Field == "" {
				t.Fatalf("not a DecodeError with a field: %v", err)
			}
			return
		}
		again, err := ParseChanges(AppendChanges(nil, changes))
		if err != nil || !slices.Equal(again, changes) {
			t.Fatalf("encoded again it is another list: %+v, %v\n%+v", again, err, changes)
		}
	})
}
