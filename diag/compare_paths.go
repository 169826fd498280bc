package diag

import (
	"fmt"
	"strings"
)

// all are the paths that were looked at.
func (w *WhoResult) all() []PathHolders {
	if w.PathHolders != nil {
		return []PathHolders{*w.PathHolders}
	}
	return w.Paths
}

// opens are those of all paths.
func (w *WhoResult) opens() []OpenRow {
	var opens []OpenRow
	for _, p := range w.all() {
		opens = append(opens, p.Opens...)
	}
	return opens
}

// paths compares who has the paths that both runs looked at. A single path is
// compared whatever its name is.
func (c *comparing) paths(a, b []PathHolders) {
	if len(a) == 1 && len(b) == 1 {
		c.shared(append(pathItems("", &a[0]), item{what: "path", value: a[0].Path, name: true}),
			append(pathItems("", &b[0]), item{what: "path", value: b[0].Path, name: true}))
		return
	}
	c.shared(pathCounts(a), pathCounts(b))
	if !c.named {
		return
	}
	in := map[string]*PathHolders{}
	for i := range b {
		in[strings.ToLower(b[i].Path)] = &b[i]
	}
	for i := range a {
		x, key := &a[i], strings.ToLower(a[i].Path)
		if y := in[key]; y != nil {
			c.shared(pathItems(nameOf(x)+": ", x), pathItems(nameOf(x)+": ", y))
			delete(in, key)
		} else {
			c.differ(1, Difference{What: nameOf(x), A: stateText(x)})
		}
	}
	for i := range b {
		if y := &b[i]; in[strings.ToLower(y.Path)] == y {
			c.differ(1, Difference{What: nameOf(y), B: stateText(y)})
		}
	}
}

// nameOf is a path's name; that of the share itself is empty.
func nameOf(h *PathHolders) string {
	if h.Path == "" {
		return `\`
	}
	return h.Path
}

// pathCounts are all that can be compared without names.
func pathCounts(paths []PathHolders) []item {
	all := []item{{what: "paths", value: fmt.Sprint(len(paths))}}
	for _, state := range []string{StateFree, StateLive, StateStale, StateUnknown} {
		n := 0
		for i := range paths {
			if paths[i].State == state {
				n++
			}
		}
		all = append(all, item{what: "paths: " + state, value: fmt.Sprint(n)})
	}
	return all
}

// pathItems are what is known of one path.
func pathItems(prefix string, h *PathHolders) []item {
	var all []item
	add := func(what, value string) { all = append(all, item{what: prefix + what, value: orNone(value)}) }
	add("state", stateText(h))
	add("folder", yesNo(h.Directory))
	add("met by an open for attributes", h.StatStatus)
	add("in the table", seenText(h))
	add("told by", h.HoldersFrom)
	for _, m := range []struct {
		who   string
		modes Modes
	}{{"holders have ", h.Holders.Access}, {"holders share ", h.Holders.Share}} {
		add(m.who+"read", m.modes.Read)
		add(m.who+"write", m.modes.Write)
		add(m.who+"delete", m.modes.Delete)
	}
	add("wanted open", wantedAnswer(&h.Wanted))
	for _, m := range h.AllowedNow {
		share := "nothing"
		if len(m.Share) > 0 {
			share = strings.Join(m.Share, ", ")
		}
		add("open for "+strings.Join(m.Access, ", ")+" sharing "+share, m.Allowed)
	}
	locked := "not known"
	if h.Locked != nil {
		locked = yesNo(*h.Locked)
	}
	add("locked", locked)
	for i := range h.Probes {
		probe := &h.Probes[i]
		answer := joinNonEmpty(" ", probe.StatusName, probe.Status)
		if probe.Pending {
			answer = joinNonEmpty(", ", answer, "after STATUS_PENDING")
		}
		if answer == "" {
			answer = "not run"
		}
		add("probe "+probe.Name, answer)
	}
	return all
}

// seenText says how many opens of a path the table listed.
func seenText(h *PathHolders) string {
	if !h.TableSeen {
		return "not seen"
	}
	return counted(len(h.Opens), "open", "opens")
}
