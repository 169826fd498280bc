package diag

import (
	"encoding/json"
	"fmt"
	"io"
)

// KeySchema is the version of the JSON that resolves pseudonyms.
const KeySchema = "err32-key/1"

// keyAbout says what the file is to whoever finds it.
const keyAbout = "What the pseudonyms in the reports and captures of one run of err32 stand for. " +
	"It is for the administrator who ran it: keep it, and do not send it along with them."

// WriteKeyFile writes which pseudonym stands for what, for its owner's eyes only,
// as writeNewFile does.
func (r *Redactor) WriteKeyFile(name string, force bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return writeNewFile(name, force, r.writeKey)
}

// writeKey writes the names kind by kind, in the order of their numbers.
func (r *Redactor) writeKey(w io.Writer) error {
	about, err := json.Marshal(keyAbout)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "{\n  \"schema\": %q,\n  \"about\": %s,\n  \"names\": {", KeySchema, about); err != nil {
		return err
	}
	before := "\n"
	for _, kind := range []nameKind{kindUser, kindDomain, kindHost, kindShare, kindPath} {
		for _, name := range r.names[kind] {
			value, err := json.Marshal(name)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(w, "%s    %q: %s", before, r.pseudonyms[kind][folded(name)], value); err != nil {
				return err
			}
			before = ",\n"
		}
	}
	end := "\n  }\n}\n"
	if before == "\n" {
		end = "}\n}\n"
	}
	_, err = io.WriteString(w, end)
	return err
}
