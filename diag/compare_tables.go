package diag

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// openGroup are the opens of one path by one user, in both runs.
type openGroup struct{ a, b []*OpenRow }

// openKey is what makes opens of two runs comparable. SMB names are the same in
// any case of letters.
type openKey struct{ share, path, user string }

func keyOf(o *OpenRow) openKey {
	path := o.SharePath
	if o.Share == "" {
		path = o.Path
	}
	return openKey{strings.ToLower(o.Share), strings.ToLower(path), strings.ToLower(o.User)}
}

func (k openKey) compare(l openKey) int {
	return cmp.Or(cmp.Compare(k.share, l.share), cmp.Compare(k.path, l.path), cmp.Compare(k.user, l.user))
}

// opens compares two tables of opens, in any order. What a run has open itself
// is no part of either. Without names only their number is left to compare.
func (c *comparing) opens(a, b []OpenRow) {
	groups := map[openKey]*openGroup{}
	group := func(o *OpenRow) *openGroup {
		k := keyOf(o)
		if groups[k] == nil {
			groups[k] = &openGroup{}
		}
		return groups[k]
	}
	n, m := 0, 0
	for i := range a {
		if o := &a[i]; !o.Own {
			g := group(o)
			g.a = append(g.a, o)
			n++
		}
	}
	for i := range b {
		if o := &b[i]; !o.Own {
			g := group(o)
			g.b = append(g.b, o)
			m++
		}
	}
	if !c.named {
		c.shared([]item{{what: "opens listed", value: fmt.Sprint(n)}}, []item{{what: "opens listed", value: fmt.Sprint(m)}})
		return
	}
	for _, k := range slices.SortedFunc(maps.Keys(groups), openKey.compare) {
		c.openGroup(groups[k])
	}
}

// openGroup pairs the opens of one path and user: first those that are the same
// in all, then those of one client, then those of which one run does not know
// the client. The others are in one run only.
func (c *comparing) openGroup(g *openGroup) {
	all := func(o *OpenRow) string { return clientName(o) + "\x00" + accessWords(o) }
	client := func(o *OpenRow) string { return strings.ToLower(o.Client) }
	a, b := pairOpens(g.a, g.b, all, func(_, _ *OpenRow) { c.part.Same++ })
	a, b = pairOpens(a, b, client, c.changedOpen)
	knownA, unknownA := byKnownClient(a)
	knownB, unknownB := byKnownClient(b)
	for len(unknownA) > 0 && len(knownB) > 0 {
		c.changedOpen(unknownA[0], knownB[0])
		unknownA, knownB = unknownA[1:], knownB[1:]
	}
	for len(knownA) > 0 && len(unknownB) > 0 {
		c.changedOpen(knownA[0], unknownB[0])
		knownA, unknownB = knownA[1:], unknownB[1:]
	}
	c.spareOpens(append(knownA, unknownA...), func(d *Difference, value string) { d.A = value })
	c.spareOpens(append(knownB, unknownB...), func(d *Difference, value string) { d.B = value })
}

// byKnownClient divides opens by whether the table told their client.
func byKnownClient(opens []*OpenRow) (known, unknown []*OpenRow) {
	for _, o := range opens {
		if o.Client != "" {
			known = append(known, o)
		} else {
			unknown = append(unknown, o)
		}
	}
	return known, unknown
}

// pairOpens takes out of a and b, which it puts in order, the pairs that have
// the same key.
func pairOpens(a, b []*OpenRow, key func(*OpenRow) string, pair func(x, y *OpenRow)) (restA, restB []*OpenRow) {
	if len(a) == 0 || len(b) == 0 {
		return a, b
	}
	order := func(x, y *OpenRow) int {
		return cmp.Or(cmp.Compare(key(x), key(y)), cmp.Compare(clientWords(x), clientWords(y)), cmp.Compare(accessWords(x), accessWords(y)))
	}
	slices.SortFunc(a, order)
	slices.SortFunc(b, order)
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch k, l := key(a[i]), key(b[j]); {
		case k < l:
			restA, i = append(restA, a[i]), i+1
		case k > l:
			restB, j = append(restB, b[j]), j+1
		default:
			pair(a[i], b[j])
			i, j = i+1, j+1
		}
	}
	return append(restA, a[i:]...), append(restB, b[j:]...)
}

// changedOpen notes an open that both runs have, with its clients where these
// are not one that both know.
func (c *comparing) changedOpen(x, y *OpenRow) {
	d := openDifference(x)
	d.A, d.B = accessWords(x), accessWords(y)
	if x.Client == "" || y.Client == "" {
		d.Client = ""
		d.A, d.B = d.A+"; client "+clientWords(x), d.B+"; client "+clientWords(y)
	}
	c.differ(1, d)
}

// spareOpens notes the opens that only one run has: equal ones in one line.
func (c *comparing) spareOpens(opens []*OpenRow, set func(d *Difference, value string)) {
	key := func(o *OpenRow) string { return clientWords(o) + "\x00" + accessWords(o) }
	slices.SortFunc(opens, func(x, y *OpenRow) int { return cmp.Compare(key(x), key(y)) })
	for i := 0; i < len(opens); {
		n := 1
		for i+n < len(opens) && key(opens[i+n]) == key(opens[i]) {
			n++
		}
		d, value := openDifference(opens[i]), accessWords(opens[i])
		if n > 1 {
			value = fmt.Sprintf("%d opens: %s", n, value)
		}
		d.Client = clientWords(opens[i])
		set(&d, value)
		c.differ(n, d)
		i += n
	}
}

// openDifference names an open as users know it.
func openDifference(o *OpenRow) Difference {
	d := Difference{What: o.Path, User: o.User, Client: o.Client}
	if o.Share != "" {
		d.What = o.Share + `\` + strings.TrimPrefix(o.SharePath, `\`)
	}
	return d
}

// accessWords names the access of an open, and its locks where it has any.
func accessWords(o *OpenRow) string {
	s := "open"
	if len(o.Access) > 0 {
		s = strings.Join(o.Access, ", ")
	}
	if o.Locks > 0 {
		s += ", " + counted(o.Locks, "lock", "locks")
	}
	return s
}

// clientName is the client of an open in any case of letters; of one that is not
// known, what is known of it.
func clientName(o *OpenRow) string {
	if o.Client != "" {
		return strings.ToLower(o.Client)
	}
	return clientWords(o)
}

// clientWords names the client of an open and how sure that is.
func clientWords(o *OpenRow) string {
	switch o.ClientBasis {
	case BasisOnlySession:
		return o.Client + " (only session)"
	case BasisOneOf:
		candidates := slices.Sorted(slices.Values(o.Candidates))
		return "one of " + strings.Join(candidates[:min(len(candidates), mostCandidates)], ", ") + moreOf(len(candidates)-mostCandidates)
	case BasisUnknown:
		return "unknown"
	}
	return o.Client
}

func moreOf(n int) string {
	if n > 0 {
		return fmt.Sprintf(" and %d more", n)
	}
	return ""
}

// tableRow is a session or a connection: the name it is matched by, and what may
// have changed.
type tableRow struct {
	Difference // without A and B
	value      string
}

// rows compares sessions, or connections. Those of one name are paired by their
// values.
func (c *comparing) rows(a, b []tableRow) {
	if !c.named {
		c.shared([]item{{what: c.part.Name + " listed", value: fmt.Sprint(len(a))}}, []item{{what: c.part.Name + " listed", value: fmt.Sprint(len(b))}})
		return
	}
	name := func(r *tableRow) string { return strings.ToLower(r.What + "\x00" + r.User + "\x00" + r.Client) }
	order := func(x, y tableRow) int { return cmp.Or(cmp.Compare(name(&x), name(&y)), cmp.Compare(x.value, y.value)) }
	slices.SortFunc(a, order)
	slices.SortFunc(b, order)
	a, b = c.sameRows(a, b, order)
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case j == len(b) || i < len(a) && name(&a[i]) < name(&b[j]):
			d := a[i].Difference
			d.A = a[i].value
			c.differ(1, d)
			i++
		case i == len(a) || name(&a[i]) > name(&b[j]):
			d := b[j].Difference
			d.B = b[j].value
			c.differ(1, d)
			j++
		default:
			d := a[i].Difference
			d.A, d.B = a[i].value, b[j].value
			c.differ(1, d)
			i, j = i+1, j+1
		}
	}
}

// sameRows takes out the rows that both have, and counts them.
func (c *comparing) sameRows(a, b []tableRow, order func(x, y tableRow) int) (restA, restB []tableRow) {
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch o := order(a[i], b[j]); {
		case o < 0:
			restA, i = append(restA, a[i]), i+1
		case o > 0:
			restB, j = append(restB, b[j]), j+1
		default:
			c.part.Same++
			i, j = i+1, j+1
		}
	}
	return append(restA, a[i:]...), append(restB, b[j:]...)
}

// sessionRows are the sessions but the run's own. Their ages are always others.
func sessionRows(t *TableResult) []tableRow {
	var rows []tableRow
	for _, s := range t.Sessions {
		if s.Own {
			continue
		}
		value := "number of opens not known"
		if s.Opens != nil {
			value = counted(*s.Opens, "open", "opens")
		}
		rows = append(rows, tableRow{Difference{What: "session", User: s.User, Client: s.Client}, value})
	}
	return rows
}

func connectionRows(t *TableResult) []tableRow {
	var rows []tableRow
	for _, s := range t.Connections {
		rows = append(rows, tableRow{Difference{What: s.Share, User: s.User}, counted(s.Opens, "open", "opens")})
	}
	return rows
}

// opens are those of all that was to be ended.
func (r *ReleaseResult) opens() []OpenRow {
	var all []OpenRow
	for i := range r.Actions {
		all = append(all, r.Actions[i].Opens...)
	}
	return all
}
