package diag

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

// ParseReport reads a report that RenderJSON wrote, also one that PowerShell's >
// put into a file, as UTF-16 or with a byte order mark. Keys it does not know are
// passed over: a later version may have written them. The error says that data
// is not JSON, or not a report of this schema, or which key does not fit.
func ParseReport(data []byte) (*Report, error) {
	// A run that failed early has no result: its keys tell, not its command.
	type common Report
	var r Report
	has := struct {
		*common
		Release  json.RawMessage `json:"release"`
		Asked    json.RawMessage `json:"asked"`
		Sessions json.RawMessage `json:"sessions"`
		Holders  json.RawMessage `json:"holders"`
		Paths    json.RawMessage `json:"paths"`
		Actions  json.RawMessage `json:"actions"`
		Compared json.RawMessage `json:"compared"`
	}{common: (*common)(&r)}
	data = plainUTF8(data)
	if err := json.Unmarshal(data, &has); err != nil {
		return nil, unfitJSON(err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("report: schema is %q, not %q", r.Schema, Schema)
	}
	var result any
	switch {
	case r.Command == "repro" && has.Release != nil:
		r.Repro = new(ReproResult)
		result = r.Repro
	case r.Command == "hold" && has.Asked != nil:
		r.Hold = new(HoldResult)
		result = r.Hold
	case r.Command == "table" && has.Sessions != nil:
		r.Table = new(TableResult)
		result = r.Table
	case r.Command == "who" && has.Holders != nil:
		r.Who = &WhoResult{PathHolders: new(PathHolders)}
		result = r.Who
	case r.Command == "who" && has.Paths != nil:
		r.Who = new(WhoResult)
		result = r.Who
	case r.Command == "release" && has.Actions != nil:
		r.Release = new(ReleaseResult)
		result = r.Release
	case r.Command == "report" && has.Compared != nil:
		r.Comparison = new(Comparison)
		result = r.Comparison
	case !slices.Contains([]string{"repro", "hold", "table", "who", "release", "report"}, r.Command):
		return nil, fmt.Errorf("report: %q is no command that makes a report", r.Command)
	default:
		return &r, nil
	}
	if err := json.Unmarshal(data, result); err != nil {
		return nil, unfitJSON(err)
	}
	return &r, nil
}

// unfitJSON says in JSON's own terms what is wrong with a file.
func unfitJSON(err error) error {
	var unfit *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &unfit):
		return fmt.Errorf("report: %w", err)
	case unfit.Field == "":
		return fmt.Errorf("report: this is a JSON %s, not an object", unfit.Value)
	}
	return fmt.Errorf("report: the key %s holds a JSON %s, which does not fit", strings.TrimPrefix(unfit.Field, "common."), unfit.Value)
}

// plainUTF8 is a text without its byte order mark, in UTF-8.
func plainUTF8(data []byte) []byte {
	if rest, ok := bytes.CutPrefix(data, []byte("\xEF\xBB\xBF")); ok {
		return rest
	}
	rest, ok := bytes.CutPrefix(data, []byte("\xFF\xFE"))
	if !ok {
		return data
	}
	units := make([]uint16, len(rest)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(rest[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}
