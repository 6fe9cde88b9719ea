package layout

// Continues reports whether the first table of a page goes on with the last of
// the page before: nothing of the document's text stands between them, and
// their columns are the same. It is told of two records and the Profile, for
// neither page alone knows.
func Continues(before, after Page, prof Profile) bool {
	if after.Number != before.Number+1 {
		return false
	}
	t, u := lastTable(before, prof), firstTable(after, prof)
	return t != nil && u != nil && t.Cols == u.Cols && t.Ruled == u.Ruled && sameColumns(t, u)
}

// lastTable returns the table that ends the text of a page.
func lastTable(p Page, prof Profile) *Table {
	es := Elements(p, prof)
	for i := len(es) - 1; i >= 0; i-- {
		if e := &es[i]; e.Layer == LayerBody && e.Type != TypeFootnote {
			return e.Table
		}
	}
	return nil
}

// firstTable returns the table that the text of a page begins with; its title
// may stand above it once more.
func firstTable(p Page, prof Profile) *Table {
	for _, e := range Elements(p, prof) {
		if e.Layer == LayerBody && e.Type != TypeCaption {
			return e.Table
		}
	}
	return nil
}

// sameColumns reports whether each column of one table stands where that of
// the other does.
func sameColumns(t, u *Table) bool {
	a, b := t.reaches(), u.reaches()
	for k := range a {
		lo, hi := max(a[k].lo, b[k].lo), min(a[k].hi, b[k].hi)
		least := min(a[k].hi-a[k].lo, b[k].hi-b[k].lo)
		if a[k].hi > a[k].lo && b[k].hi > b[k].lo && hi-lo < 0.6*least {
			return false
		}
	}
	left, right := abs(a[0].lo-b[0].lo), abs(a[len(a)-1].hi-b[len(b)-1].hi)
	return !t.Ruled || left < 6 && right < 6
}

// reaches returns how far the cells of each column reach, of those that do not
// span others. A column may have none.
func (t *Table) reaches() []column {
	out := make([]column, t.Cols)
	for i := range t.Cells {
		c := &t.Cells[i]
		if c.ColSpan > 1 {
			continue
		}
		k := &out[c.Col]
		if k.hi <= k.lo {
			*k = column{c.Box[0], c.Box[2]}
		}
		k.lo, k.hi = min(k.lo, c.Box[0]), max(k.hi, c.Box[2])
	}
	return out
}
