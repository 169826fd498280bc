package diag

import "errors"

// writeBundle writes a zip file with the report in every form that people read,
// and the capture if there is one.
func writeBundle(name string, r *Report, capture string, force bool) error {
	return errors.New("--bundle is not built yet")
}
