package diag

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"err32/smb"
)

// readTables reads the sessions and, once for all paths, the opens.
func (w *who) readTables(ctx context.Context) *RunError {
	t, o := w.table, w.table.observer
	w.below = map[string]int{}
	if o.denied == nil {
		rows, err := o.opens(ctx, w.concerns)
		switch {
		case ctx.Err() != nil:
			return newRunError("read the server's tables", ctx.Err())
		case err != nil:
			o.denied = err
		default:
			w.rows, w.seen = rows, true
		}
	}
	if o.denied != nil {
		w.note("%s", o.whyNoTable(o.denied))
		return nil
	}
	sessions, err := o.tables.SessionEnum(ctx, "", "")
	if err != nil {
		w.note("The sessions could not be read (%s), so no open could be joined to its client.", plainText(err))
	} else {
		t.res.Sessions = t.sessionRows(sessions)
	}
	t.markOwnPipes(w.rows)
	t.joinClients(ctx, w.rows)
	w.rec.Record(ActorObserver, whatList, countOpens(len(w.rows)))
	w.files = map[string][]int{}
	for i := range w.rows {
		below, _ := w.belowShare(&w.rows[i])
		file := fileOf(below)
		w.files[file] = append(w.files[file], i)
	}
	if w.root == nil && len(w.rows) > 0 {
		w.note("The server does not tell where the share lies on its disk, so opens were matched by the end of their paths; one of another folder may be among them.")
	}
	return nil
}

// concerns reports whether a row is one of a file that was asked about, in any
// of its streams, or with Recursive of something below. Of a folder it counts
// what lies below.
func (w *who) concerns(row *OpenRow) bool {
	below, ok := w.belowShare(row)
	if !ok {
		return false
	}
	file, wanted := fileOf(below), false
	for i := range w.paths {
		p := &w.paths[i]
		asked := fileOf(p.Path)
		switch rest, ok := strings.CutPrefix(file, asked); {
		case !ok:
		case rest == "":
			wanted = true
		case rest[0] == '\\' || asked == "":
			w.below[asked]++
			wanted = wanted || w.o.Recursive
		}
	}
	return wanted
}

// belowShare is the path of a row below the share that was asked for. Another
// share's folder may lie within it, or the other way round, so that the
// server's own paths decide.
func (w *who) belowShare(row *OpenRow) (below string, ok bool) {
	if w.root != nil {
		rest, ok := cutPrefixFold(row.Path, *w.root)
		if !ok || rest != "" && rest[0] != '\\' {
			return "", false
		}
		return strings.TrimPrefix(rest, `\`), true
	}
	for _, t := range w.o.Targets {
		path := t.Path
		if n := len(row.Path) - len(path); path != "" && n > 0 && row.Path[n-1] == '\\' && strings.EqualFold(row.Path[n:], path) {
			return path, true
		}
	}
	return "", false
}

// cutPrefixFold is strings.CutPrefix without regard to case.
func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	for _, want := range prefix {
		have, size := utf8.DecodeRuneInString(s)
		if size == 0 || unicode.ToUpper(have) != unicode.ToUpper(want) {
			return "", false
		}
		s = s[size:]
	}
	return s, true
}

// fileOf is what paths below a share have in common that name one file: case
// and streams are left out.
func fileOf(path string) string {
	name, _, _ := strings.Cut(path, ":")
	return strings.ToUpper(name)
}

// streamOf is the stream of a file that a path names, "" for the one that has
// no name. The type $DATA goes without saying.
func streamOf(path string) string {
	_, stream, _ := strings.Cut(strings.ToUpper(path), ":")
	return strings.TrimSuffix(strings.TrimSuffix(stream, "$DATA"), ":")
}

// spread makes a path of every file below the target that somebody has open.
func (w *who) spread(ctx context.Context, top stat) (stats []stat, err error) {
	root := w.paths[0]
	w.paths = nil
	done := map[string]bool{}
	for i := range w.rows {
		below, _ := w.belowShare(&w.rows[i])
		file := fileOf(below)
		if done[file] || w.rows[i].Own || root.Directory && file == fileOf(root.Path) {
			continue
		}
		done[file] = true
		p := root
		p.Path, _, _ = strings.Cut(below, ":")
		p.Directory = false
		w.paths = append(w.paths, p)
	}
	slices.SortFunc(w.paths, func(a, b PathHolders) int { return strings.Compare(a.Path, b.Path) })
	stats = make([]stat, len(w.paths))
	for i := range stats {
		if !w.o.Probe {
			stats[i] = stat{allowed: top.allowed} // not asked: thousands may be open
			continue
		}
		if stats[i], err = w.stat(ctx, &w.paths[i]); err != nil {
			return nil, err
		}
	}
	return stats, nil
}

// ofStream are the rows of the path's own stream; others are those of the other
// streams of the file. Share modes are kept for each stream by itself, but for
// deleting, [MS-FSA] 2.1.5.1.2.
func (p *PathHolders) ofStream() (own, others []OpenRow) {
	stream := streamOf(p.Path)
	for _, row := range p.Opens {
		name := row.Path[strings.LastIndexByte(row.Path, '\\')+1:]
		if streamOf(name) == stream {
			own = append(own, row)
		} else {
			others = append(others, row)
		}
	}
	return own, others
}

// tableModes is what the table alone tells of the holders: servers agree on the
// bits for read, write and append only, and tell no share mode.
func (w *who) tableModes(p *PathHolders) HolderModes {
	h := HolderModes{Modes{No, No, No}, Modes{Yes, Yes, Yes}}
	rows, others := p.ofStream()
	if len(others) > 0 {
		h.Share.Delete = Unknown
	}
	for _, row := range rows {
		h.Share = unknownModes()
		h.Access.Delete = Unknown // not among the bits that servers agree on
		has := func(words ...string) bool {
			return slices.ContainsFunc(words, func(word string) bool { return slices.Contains(row.Access, word) })
		}
		for field, yes := range map[*string]bool{&h.Access.Read: has("read"), &h.Access.Write: has("write", "create")} {
			if yes {
				*field = Yes
			} else if *field == No {
				*field = Unknown // EXECUTE is of the class read; Samba does not show APPEND
			}
		}
	}
	return h
}

// tableAnswer tells by the table whether an open would be let in beside what it
// lists. It never says no: a client may keep an open that no program has any
// more, and lets go of it when another is in need of the file.
func (w *who) tableAnswer(p *PathHolders, s stat, access smb.AccessMask) (answer, why string) {
	rows, others := p.ofStream()
	deletes := access&smb.Delete != 0 || w.o.WantShare&smb.ShareDelete == 0
	const findsOut = "; --probe finds out"
	switch predicted, because := p.Holders.allows(access, w.o.WantShare); {
	case access.Classes() == 0:
		return Yes, because
	case !p.TableSeen:
		return Unknown, "without the server's table nothing tells" + findsOut
	case len(rows) > 0 && predicted == No:
		return Unknown, because + ": it would be refused, unless the client only keeps the file in its cache and lets go of it when asked" + findsOut
	case len(rows) > 0:
		return Unknown, because + findsOut
	case len(others) > 0 && deletes:
		return Unknown, "another stream of the file is open, and may be against deleting it" + findsOut
	case s.links > 1 && !p.Directory:
		return Unknown, fmt.Sprintf("the file has %d names (hard links), and the table lists an open by the name it was opened with%s", s.links, findsOut)
	case shortName(p.Path):
		return Unknown, "the path looks like a short name, and the table lists opens by the long one" + findsOut
	case w.root == nil:
		return Unknown, "the server does not tell where the share lies on its disk, so its table may list the file under another path" + findsOut
	}
	return Yes, "the server's table lists no open of it"
}

// shortName reports whether a part of the path has the form that servers give
// to the second, short name of a file, as PROGRA~1.TXT.
func shortName(path string) bool {
	for part := range strings.SplitSeq(path, `\`) {
		name, _, _ := strings.Cut(part, ".")
		i := strings.LastIndexByte(name, '~')
		if i > 0 && i < len(name)-1 && len(name) <= 8 && strings.Trim(name[i+1:], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == "" {
			return true
		}
	}
	return false
}
