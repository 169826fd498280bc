package diag

// Redactor replaces the names of users, hosts, shares and files by pseudonyms,
// the same one for a name wherever it occurs. A nil *Redactor replaces nothing.
type Redactor struct{}

// NewRedactor returns a Redactor that knows no name yet.
func NewRedactor() *Redactor { return &Redactor{} }

// User, Host, Share and Path return what stands for a name, and make the
// Redactor know it: Text replaces it from then on.
func (r *Redactor) User(name string) string  { return name }
func (r *Redactor) Host(name string) string  { return name }
func (r *Redactor) Share(name string) string { return name }
func (r *Redactor) Path(path string) string  { return path }

// Text returns s with every name that the Redactor knows, and whatever else
// looks like a path or an address, replaced.
func (r *Redactor) Text(s string) string { return s }

// Report returns a copy of the report with all names replaced.
func (r *Redactor) Report(report *Report) *Report { return report }

// WriteKeyFile writes which pseudonym stands for what, for its owner's eyes only.
func (r *Redactor) WriteKeyFile(name string, force bool) error { return nil }

// learnEndpoint makes the Redactor know what the command line says of a server
// and its user.
func (r *Redactor) learnEndpoint(e *Endpoint) {}
