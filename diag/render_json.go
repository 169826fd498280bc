package diag

import (
	"encoding/json"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// RenderJSON writes the report as one JSON object, the one that
// [Report.MarshalJSON] describes, except that a list which is nil is [] here
// too. Members are indented by two spaces; each row of a table and each event
// is one line. Runes that must not reach a terminal are escaped, < > & are
// not. It streams: what it holds does not grow with the tables. The error is
// that of w, or says that a number is not finite.
func RenderJSON(w io.Writer, r *Report) error {
	e := &jsonEncoder{w: w}
	e.buf = append(e.buf, "{\n"...)
	n := e.members(reflect.ValueOf(r).Elem(), 1, 0)
	switch {
	case r.Repro != nil:
		e.members(reflect.ValueOf(r.Repro).Elem(), 1, n)
	case r.Hold != nil:
		e.members(reflect.ValueOf(r.Hold).Elem(), 1, n)
	case r.Table != nil:
		e.members(reflect.ValueOf(r.Table).Elem(), 1, n)
	case r.Who != nil && r.Who.PathHolders != nil:
		e.members(reflect.ValueOf(r.Who.PathHolders).Elem(), 1, n)
	case r.Who != nil:
		e.members(reflect.ValueOf(severalPaths{r.Who.Paths}), 1, n)
	case r.Release != nil:
		e.members(reflect.ValueOf(r.Release).Elem(), 1, n)
	case r.Comparison != nil:
		e.members(reflect.ValueOf(r.Comparison).Elem(), 1, n)
	}
	e.buf = append(e.buf, "\n}\n"...)
	e.flush(0)
	return e.err
}

// jsonEncoder writes the plain data that a report is made of.
type jsonEncoder struct {
	w     io.Writer
	buf   []byte
	err   error
	plans map[reflect.Type][]jsonMember
}

// jsonMember is a field of a struct, as its tag says.
type jsonMember struct {
	index     int
	key       string // quoted, with its colon
	omitEmpty bool
}

// oneLineDepth in place of a depth puts a value on one line.
const oneLineDepth = -1

// flush hands on what there is, once it is more than size bytes.
func (e *jsonEncoder) flush(size int) {
	if len(e.buf) <= size {
		return
	}
	if e.err == nil {
		_, e.err = e.w.Write(e.buf)
	}
	e.buf = e.buf[:0]
}

func (e *jsonEncoder) plan(t reflect.Type) []jsonMember {
	if p, ok := e.plans[t]; ok {
		return p
	}
	if e.plans == nil {
		e.plans = map[reflect.Type][]jsonMember{}
	}
	var p []jsonMember
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name != "-" {
			p = append(p, jsonMember{i, strconv.Quote(name) + ": ", options == "omitempty"})
		}
	}
	e.plans[t] = p
	return p
}

// members writes the fields of v behind the n that there are already, and
// returns how many there are then.
func (e *jsonEncoder) members(v reflect.Value, depth, n int) int {
	for _, m := range e.plan(v.Type()) {
		f := v.Field(m.index)
		if m.omitEmpty && f.IsZero() {
			continue
		}
		e.separate(depth, n)
		e.buf = append(e.buf, m.key...)
		e.value(f, depth)
		n++
	}
	return n
}

// separate begins the next element of a list or object that has n already.
func (e *jsonEncoder) separate(depth, n int) {
	if n > 0 {
		e.buf = append(e.buf, ',')
		if depth == oneLineDepth {
			e.buf = append(e.buf, ' ')
		} else {
			e.buf = append(e.buf, '\n')
		}
	}
	e.indent(depth)
}

func (e *jsonEncoder) indent(depth int) {
	for range depth {
		e.buf = append(e.buf, "  "...)
	}
}

func (e *jsonEncoder) value(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			e.buf = append(e.buf, "null"...)
			return
		}
		e.value(v.Elem(), depth)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Time]() {
			e.other(v)
			return
		}
		e.brackets('{', '}', depth, v.NumField() > 0, func(inner int) { e.members(v, inner, 0) })
	case reflect.Slice:
		e.slice(v, depth)
	case reflect.String:
		e.buf = appendJSONString(e.buf, v.String())
	case reflect.Bool:
		e.buf = strconv.AppendBool(e.buf, v.Bool())
	case reflect.Int, reflect.Int64:
		e.buf = strconv.AppendInt(e.buf, v.Int(), 10)
	case reflect.Uint32:
		e.buf = strconv.AppendUint(e.buf, v.Uint(), 10)
	case reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			e.other(v) // which says that it cannot
		} else {
			e.buf = strconv.AppendFloat(e.buf, f, 'f', -1, 64)
		}
	default:
		e.other(v)
	}
}

// slice writes rows one a line, texts too, numbers all on one.
func (e *jsonEncoder) slice(v reflect.Value, depth int) {
	inner, row := depth, depth
	switch v.Type().Elem().Kind() {
	case reflect.Struct:
		row = oneLineDepth
	case reflect.String:
	default:
		inner = oneLineDepth
	}
	e.brackets('[', ']', inner, v.Len() > 0, func(inner int) {
		for i := range v.Len() {
			e.separate(inner, i)
			e.value(v.Index(i), row)
			e.flush(64 << 10)
		}
	})
}

// brackets writes a list or object; its content gets the depth to write at.
func (e *jsonEncoder) brackets(left, right byte, depth int, some bool, content func(depth int)) {
	e.buf = append(e.buf, left)
	switch {
	case !some:
	case depth == oneLineDepth:
		content(oneLineDepth)
	default:
		e.buf = append(e.buf, '\n')
		content(depth + 1)
		e.buf = append(e.buf, '\n')
		e.indent(depth)
	}
	e.buf = append(e.buf, right)
}

// other leaves v to encoding/json.
func (e *jsonEncoder) other(v reflect.Value) {
	b, err := json.Marshal(v.Interface())
	if err != nil && e.err == nil {
		e.err = err
	}
	e.buf = append(e.buf, b...)
}

// appendJSONString appends s in quotes.
func appendJSONString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	unit := func(u rune) {
		b = append(b, '\\', 'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15])
	}
	b = append(b, '"')
	for s != "" {
		plain := 0
		for plain < len(s) && s[plain] >= ' ' && s[plain] < 0x7F && s[plain] != '"' && s[plain] != '\\' {
			plain++
		}
		b = append(b, s[:plain]...)
		r, size := utf8.DecodeRuneInString(s[plain:]) // a byte that is not UTF-8 comes out as U+FFFD
		s = s[plain+size:]
		switch {
		case size == 0:
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '\r':
			b = append(b, '\\', 'r')
		case r == '\t':
			b = append(b, '\\', 't')
		case !hiddenRune(r):
			b = utf8.AppendRune(b, r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			unit(high)
			unit(low)
		default:
			unit(r)
		}
	}
	return append(b, '"')
}
