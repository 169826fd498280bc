package diag

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"err32/smb"
)

const schemaFile = "../testdata/schema/err32-1.json"

// schemaText is the published schema as plain data.
func schemaText(t testing.TB) map[string]any {
	t.Helper()
	data, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, data).(map[string]any)
}

// decoded is JSON as the validator wants it.
func decoded(t testing.TB, data []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func compileSchema(t testing.TB, schema any) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("err32-1.json", schema); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("err32-1.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// withoutWords drops from a schema what limits the words and numbers that a
// value may be, but for the ones that tell the commands apart.
func withoutWords(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range []string{"pattern", "format"} {
			if _, is := v[key].(string); is {
				delete(v, key)
			}
		}
		if words, is := v["enum"].([]any); is {
			delete(v, "enum")
			v["type"] = "string"
			if _, is := words[0].(json.Number); is {
				v["type"] = "integer"
			}
		}
		for _, x := range v {
			withoutWords(x)
		}
	case []any:
		for _, x := range v {
			withoutWords(x)
		}
	}
}

// spoilt reports whether a report has in its texts what no server says: the
// words of it may be spoilt, too.
func spoilt(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.ContainsFunc(v, hiddenRune)
	case map[string]any:
		for _, x := range v {
			if spoilt(x) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, spoilt)
	}
	return false
}

// Every golden report fits the schema, as it was written by hand and as it is
// rendered. Those that were made to do harm fit but for their words.
func TestSchemaGolden(t *testing.T) {
	strict := compileSchema(t, schemaText(t))
	structure := schemaText(t)
	withoutWords(structure)
	loose := compileSchema(t, structure)
	files, err := filepath.Glob("../testdata/report/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	checked := 0
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, section := range a.Files {
			if section.Name != "input.json" && section.Name != "json" {
				continue
			}
			v := decoded(t, section.Data)
			schema := strict
			if spoilt(v) {
				schema = loose
			} else {
				checked++
			}
			if err := schema.Validate(v); err != nil {
				t.Errorf("%s, %s: %v", file, section.Name, err)
			}
		}
	}
	if checked < len(files) {
		t.Errorf("only %d reports of %d files were checked in full", checked, len(files))
	}
}

// schemaKeys walks a Go type and the schema that describes it side by side.
type schemaKeys struct {
	t    *testing.T
	defs map[string]any
	used map[string]bool
}

// resolved is a schema with what it refers to.
func (w *schemaKeys) resolved(s map[string]any) map[string]any {
	ref, is := s["$ref"].(string)
	if !is {
		return s
	}
	name := strings.TrimPrefix(ref, "#/$defs/")
	def, is := w.defs[name].(map[string]any)
	if !is {
		w.t.Errorf("no %s", ref)
		return s
	}
	w.used[name] = true
	return w.resolved(def)
}

// laterKey is required of no report: those of the first builds do not have it.
const laterKey = ".redacted"

// object compares the keys of a struct with the properties of a schema.
func (w *schemaKeys) object(at string, t reflect.Type, s map[string]any) {
	properties, _ := s["properties"].(map[string]any)
	var required []string
	known := map[string]bool{}
	for i := range t.NumField() {
		f := t.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if key == "-" || f.Anonymous {
			continue
		}
		known[key] = true
		property, is := properties[key].(map[string]any)
		if !is {
			w.t.Errorf("%s.%s of %v is not in the schema", at, key, t)
			continue
		}
		if description, _ := property["description"].(string); description == "" {
			w.t.Errorf("%s.%s has no description", at, key)
		}
		if options == "" && at+"."+key != laterKey {
			required = append(required, key)
		}
		w.value(at+"."+key, f.Type, property, options == "omitempty")
	}
	for key := range properties {
		if !known[key] {
			w.t.Errorf("%s.%s is in the schema and not in %v", at, key, t)
		}
	}
	var says []string
	for _, key := range s["required"].([]any) {
		says = append(says, key.(string))
	}
	slices.Sort(says)
	slices.Sort(required)
	if !slices.Equal(says, required) {
		w.t.Errorf("%s requires %q; %v always writes %q", at, says, t, required)
	}
}

// value compares a type with a schema.
func (w *schemaKeys) value(at string, t reflect.Type, s map[string]any, omitEmpty bool) {
	nullable := false
	if of, is := s["oneOf"].([]any); is && len(of) == 2 && reflect.DeepEqual(of[0], map[string]any{"type": "null"}) {
		nullable = true
		s = of[1].(map[string]any)
	}
	s = w.resolved(s)
	kind := s["type"]
	if types, is := kind.([]any); is && len(types) == 2 && types[1] == "null" {
		nullable, kind = true, types[0]
	}
	if words, is := s["enum"].([]any); is {
		kind = "string"
		if _, is := words[0].(json.Number); is {
			kind = "integer"
		}
	}
	if only, is := s["const"]; is {
		kind = "string"
		if only == true && omitEmpty {
			kind = "boolean"
		}
	}
	mayBeNull := t.Kind() == reflect.Pointer && !omitEmpty || t == reflect.TypeFor[Time]()
	if nullable && !mayBeNull || mayBeNull && !nullable && t.Kind() == reflect.Pointer {
		w.t.Errorf("%s: null in the schema: %v, in %v: %v", at, nullable, t, mayBeNull)
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	want := ""
	switch t.Kind() {
	case reflect.String:
		want = "string"
	case reflect.Bool:
		want = "boolean"
	case reflect.Int, reflect.Int64, reflect.Uint32:
		want = "integer"
	case reflect.Float64:
		want = "number"
	case reflect.Slice:
		want = "array"
		items, is := s["items"].(map[string]any)
		if !is {
			w.t.Errorf("%s: no items", at)
			return
		}
		w.value(at+"[]", t.Elem(), items, true)
	case reflect.Struct:
		if t == reflect.TypeFor[Time]() {
			want = "string"
			break
		}
		want = "object"
		if kind == nil { // the keys of a path stand beside the common ones, too
			kind = "object"
		}
		w.object(at, t, s)
	}
	if kind != want {
		w.t.Errorf("%s: %v in the schema, %s in %v", at, kind, want, t)
	}
}

// The schema has the keys of the Go types and no others.
func TestSchemaKeys(t *testing.T) {
	schema := schemaText(t)
	w := &schemaKeys{t: t, defs: schema["$defs"].(map[string]any), used: map[string]bool{"done": true}}
	w.object("", reflect.TypeFor[Report](), schema)
	results := map[string]reflect.Type{
		"repro": reflect.TypeFor[ReproResult](), "hold": reflect.TypeFor[HoldResult](), "table": reflect.TypeFor[TableResult](),
		"path": reflect.TypeFor[PathHolders](), "paths": reflect.TypeFor[severalPaths](), "release": reflect.TypeFor[ReleaseResult](),
		"comparison": reflect.TypeFor[Comparison](),
	}
	for name, result := range results {
		w.used[name] = true
		w.object(name, result, w.defs[name].(map[string]any))
	}
	for name := range w.defs {
		if !w.used[name] {
			t.Errorf("nothing refers to %s", name)
		}
	}
	// Every result that a report can have is one of these.
	report := reflect.TypeFor[Report]()
	for i := range report.NumField() {
		f := report.Field(i)
		if f.Tag.Get("json") != "-" || f.Type == reflect.TypeFor[*WhoResult]() {
			continue
		}
		if !slices.ContainsFunc([]string{"repro", "hold", "table", "release", "comparison"}, func(name string) bool { return results[name] == f.Type.Elem() }) {
			t.Errorf("%s is in no part of the schema", f.Name)
		}
	}
}

// A reader of version 1 passes over what a later one adds.
func TestSchemaTakesMoreKeys(t *testing.T) {
	schema := compileSchema(t, schemaText(t))
	for file, r := range reportInputs(t) {
		v := decoded(t, renderJSON(t, r))
		if spoilt(v) {
			continue
		}
		var add func(v any)
		add = func(v any) {
			switch v := v.(type) {
			case map[string]any:
				for _, x := range v {
					add(x)
				}
				v["added_later"] = "x"
			case []any:
				for _, x := range v {
					add(x)
				}
			}
		}
		add(v)
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// A report with any value of another type, or without any of its keys but the
// ones that may be missing, does not fit.
func TestSchemaRefuses(t *testing.T) {
	text := schemaText(t)
	schema := compileSchema(t, text)
	mayMiss := map[string]bool{}
	for at, in := range map[string]reflect.Type{
		"": reflect.TypeFor[Report](), ".target": reflect.TypeFor[TargetInfo](), ".events[]": reflect.TypeFor[Event](), ".error": reflect.TypeFor[RunError](),
		".probes[]": reflect.TypeFor[ProbeResult](), ".differences[]": reflect.TypeFor[Difference](),
	} {
		for i := range in.NumField() {
			if key, options, _ := strings.Cut(in.Field(i).Tag.Get("json"), ","); options == "omitempty" {
				mayMiss[at+"."+key] = true
			}
		}
	}
	mayMiss[".case"], mayMiss[laterKey] = true, true
	refused := func(file, at string, v any) {
		if schema.Validate(v) == nil {
			t.Errorf("%s: %s makes no difference to the schema", filepath.Base(file), at)
		}
	}
	inputs := reportInputs(t)
	fin, leak := inputs["../testdata/report/repro_fin.txtar"], inputs["../testdata/report/repro_leak.txtar"]
	inputs["a comparison"] = compared(t, fin, leak)
	tried := 0
	for file, r := range inputs {
		v := decoded(t, renderJSON(t, r))
		if spoilt(v) {
			continue
		}
		var spoil func(at string, x any)
		other := func(x any) any {
			if _, is := x.(string); is {
				return json.Number("1")
			}
			return "another type"
		}
		seen := map[string]bool{} // each kind of place once
		spoil = func(at string, x any) {
			switch x := x.(type) {
			case map[string]any:
				for key, was := range x {
					place := at + "." + key
					if seen[place] {
						spoil(place, was)
						continue
					}
					seen[place] = true
					tried++
					x[key] = other(was)
					refused(file, "another type of "+place, v)
					delete(x, key)
					if !mayMiss[place] {
						refused(file, "no "+place, v)
					}
					x[key] = was
					spoil(place, was)
				}
			case []any:
				for i, was := range x {
					x[i] = other(was)
					refused(file, "another type in "+at, v)
					x[i] = was
					spoil(at+"[]", was)
				}
			}
		}
		if err := schema.Validate(v); err != nil {
			t.Fatal(err)
		}
		spoil("", v)
	}
	if tried < 200 {
		t.Errorf("only %d values were there to be spoilt", tried)
	}
}

// Whatever a run comes to, its report fits the schema, and says what happened in
// the words that the schema lists.
func TestSchemaRuns(t *testing.T) {
	t.Parallel()
	text := schemaText(t)
	schema := compileSchema(t, text)
	event := text["$defs"].(map[string]any)["event"].(map[string]any)["properties"].(map[string]any)
	words := event["what"].(map[string]any)["examples"].([]any)
	eachServer(t, bothServers, serverConfig{}, func(t *testing.T, srv *testServer) { testSchemaRuns(t, srv, schema, words) })
}

func testSchemaRuns(t *testing.T, srv *testServer, schema *jsonschema.Schema, words []any) {
	folder := srv.folder(t, "schema")
	srv.writeFiles(t, "schema/held", "schema/free")
	e := srv.endpoint(folder)
	at := func(e Endpoint, name string) Target {
		target := e.Target
		target.Path += `\` + name
		return target
	}
	wrong, nobody, nowhere := e, e, e
	wrong.Credentials.Password = "wrong"
	nobody.Target.Port = closedPort(t)
	nowhere.Target.Share = "nowhere"
	other := srv.logOnFrom(t, "127.0.0.3", srv.user, srv.password)
	openFile(t, other, srv.share, smb.CreateRequest{Name: folder + `\held`, Access: access("rw"), Disposition: smb.OpenFile})

	var reports []*Report
	check := func(t *testing.T, r *Report) {
		t.Helper()
		v := decoded(t, renderJSON(t, r))
		if err := schema.Validate(v); err != nil {
			t.Errorf("%v\n%s", err, renderJSON(t, r))
		}
		for _, e := range r.Events {
			if !slices.Contains(words, any(e.What)) {
				t.Errorf("the schema does not list the word %q of events", e.What)
			}
		}
		if again, err := ParseReport(renderJSON(t, r)); err != nil || !bytes.Equal(renderJSON(t, again), renderJSON(t, r)) {
			t.Errorf("not the same after writing and reading it: %v", err)
		}
		reports = append(reports, r)
	}
	// Each command is run to its end, without any right, against nobody, with a
	// wrong password and share, and interrupted at its first event.
	plain := srv.plainEndpoint(folder)
	commands := map[string]func(context.Context, Endpoint, func(Event)) *Report{
		"repro": func(ctx context.Context, e Endpoint, on func(Event)) *Report {
			o := reproOf(e, smb.DisconnectFIN, time.Second)
			o.OnEvent = on
			return Repro(ctx, o)
		},
		"repro same": func(ctx context.Context, e Endpoint, on func(Event)) *Report {
			o := reproOf(e, smb.DisconnectLeak, 100*time.Millisecond)
			o.RetryFrom, o.RetryWith, o.Case, o.OnEvent = "same", "own", "handle-leak", on
			return Repro(ctx, o)
		},
		"repro without conflict": func(ctx context.Context, e Endpoint, on func(Event)) *Report {
			o := reproOf(e, smb.DisconnectClose, 100*time.Millisecond)
			o.Share, o.OnEvent = shareAll, on
			return Repro(ctx, o)
		},
		"hold": func(ctx context.Context, e Endpoint, on func(Event)) *Report {
			o := holdOf(e, "new")
			o.Count, o.OnEvent = 3, on
			return Hold(ctx, o)
		},
		"hold refused": func(ctx context.Context, e Endpoint, on func(Event)) *Report {
			o := holdOf(e, "held", "free", "none")
			o.OnEvent = on
			return Hold(ctx, o)
		},
		"table": func(ctx context.Context, e Endpoint, on func(Event)) *Report {
			return Table(ctx, TableOptions{Endpoint: e, OnEvent: on})
		},
		"who": func(ctx context.Context, e Endpoint, on func(Event)) *Report {
			return Who(ctx, WhoOptions{Endpoint: e, Targets: []Target{at(e, "held")}, WantAccess: access("rw"), OnEvent: on})
		},
		"who probing": func(ctx context.Context, e Endpoint, on func(Event)) *Report {
			return Who(ctx, WhoOptions{Endpoint: e, Targets: []Target{at(e, "held")}, WantAccess: access("rw"), Probe: true, ProbeTimeout: time.Second, OnEvent: on})
		},
		"who of several": func(ctx context.Context, e Endpoint, on func(Event)) *Report {
			return Who(ctx, WhoOptions{Endpoint: e, Targets: []Target{at(e, "held"), at(e, "free"), at(e, "none")}, WantAccess: access("r"), OnEvent: on})
		},
		"release": func(ctx context.Context, e Endpoint, on func(Event)) *Report {
			return Free(ctx, ReleaseOptions{Endpoint: e, Path: folder + `\held`, DryRun: true, OnEvent: on})
		},
		"release of nothing": func(ctx context.Context, e Endpoint, on func(Event)) *Report {
			return Free(ctx, ReleaseOptions{Endpoint: e, Open: "0xFFFFFF", OnEvent: on})
		},
	}
	for name, run := range commands {
		for how, endpoint := range map[string]Endpoint{"": e, "without rights": plain, "wrong password": wrong, "nobody there": nobody, "no such share": nowhere} {
			t.Run(joinNonEmpty(", ", name, how), func(t *testing.T) {
				check(t, run(context.Background(), endpoint, func(Event) {}))
			})
		}
		t.Run(name+", interrupted", func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if name == "table" { // which tells no events
				cancel()
			}
			r := run(ctx, e, func(Event) { cancel() })
			if !r.Interrupted || !r.Incomplete {
				t.Errorf("interrupted %v, incomplete %v", r.Interrupted, r.Incomplete)
			}
			check(t, r)
		})
	}
	t.Run("an open is ended", func(t *testing.T) {
		check(t, Free(context.Background(), ReleaseOptions{Endpoint: e, Path: folder + `\held`}))
	})
	runs := slices.Clone(reports)
	for i, a := range runs {
		b := runs[(i*7+3)%len(runs)]
		t.Run(fmt.Sprintf("comparison of %s and %s", a.Command, b.Command), func(t *testing.T) { check(t, compared(t, a, b)) })
	}
	has := map[string]bool{}
	for _, r := range reports {
		has[fmt.Sprint(r.Command, r.Repro != nil, r.Hold != nil, r.Table != nil, r.Who != nil, r.Release != nil, r.Error != nil, r.Incomplete)] = true
	}
	if len(has) < 15 {
		t.Errorf("only %d sorts of reports: %v", len(has), has)
	}
}
