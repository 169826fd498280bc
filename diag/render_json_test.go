package diag

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"testing"
)

// withoutNulls makes what encoding/json writes for a nil list the empty one.
func withoutNulls(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			withoutNulls(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type() != reflect.TypeFor[Time]() {
				withoutNulls(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		for i := range v.Len() {
			withoutNulls(v.Index(i))
		}
	}
}

// RenderJSON must say what encoding/json says.
func TestRenderJSON(t *testing.T) {
	inputs := reportInputs(t)
	inputs["zero report"] = &Report{}
	inputs["zero repro"] = &Report{Repro: &ReproResult{}}
	inputs["zero hold"] = &Report{Hold: &HoldResult{}}
	inputs["zero table"] = &Report{Table: &TableResult{Opens: make([]OpenRow, 1), Sessions: make([]SessionRow, 1)}}
	inputs["zero who"] = &Report{Who: &WhoResult{PathHolders: &PathHolders{}}}
	inputs["who of nothing"] = &Report{Who: &WhoResult{Paths: []PathHolders{}}}
	inputs["zero release"] = &Report{Release: &ReleaseResult{Actions: make([]ReleaseAction, 1)}}
	inputs["odd texts"] = &Report{Notes: []string{"\xff\"\\\b\f\n\r\t\x00</script>&\u2028\U0001F600\U000e0041\u009b\u202e"}}
	inputs["odd numbers"] = &Report{Events: []Event{{T: -0.001}, {T: 1e9}, {T: 123456.789}}}
	for name, r := range inputs {
		t.Run(name, func(t *testing.T) {
			got := renderJSON(t, r)
			if !json.Valid(got) || !bytes.HasSuffix(got, []byte("\n}\n")) {
				t.Fatalf("not one JSON object and a newline: %s", got)
			}
			for _, c := range string(got) {
				if c != '\n' && hiddenRune(c) {
					t.Errorf("raw %U", c)
				}
			}
			withoutNulls(reflect.ValueOf(r))
			want, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			var g, w any
			if err := errors.Join(json.Unmarshal(got, &g), json.Unmarshal(want, &w)); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(g, w) {
				t.Errorf("got\n%s\nencoding/json\n%s", got, want)
			}
		})
	}
}

func TestParseReportRoundTrip(t *testing.T) {
	for file, r := range reportInputs(t) {
		again, err := ParseReport(renderJSON(t, r))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if !reflect.DeepEqual(r, again) {
			t.Errorf("%s: not the same report after writing and reading it", file)
		}
		has := map[string]bool{"repro": r.Repro != nil, "hold": r.Hold != nil, "table": r.Table != nil, "who": r.Who != nil, "release": r.Release != nil, "report": r.Comparison != nil}
		if !has[r.Command] && r.Error == nil {
			t.Errorf("%s: the result was not read", file)
		}
	}
	for _, bad := range []string{``, `[]`, `{}`, `{"schema":"err32/2"}`, `{"schema":"err32/1","command":"table","sessions":1}`, `{"schema":"err32/1"}`, `{"schema":"err32/1","command":"frob"}`} {
		if r, err := ParseReport([]byte(bad)); err == nil {
			t.Errorf("ParseReport(%s) = %+v, want an error", bad, r)
		}
	}
}

func TestRenderJSONNotFinite(t *testing.T) {
	r := &Report{Events: []Event{{T: Millisecond(math.NaN())}}}
	if err := RenderJSON(io.Discard, r); err == nil {
		t.Error("a time that is not a number was written")
	}
}

func BenchmarkRenderJSON(b *testing.B) {
	r := bigTable(18000)
	b.ReportAllocs()
	for b.Loop() {
		if err := RenderJSON(io.Discard, r); err != nil {
			b.Fatal(err)
		}
	}
}
