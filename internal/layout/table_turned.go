package layout

// takeTurned puts turned text of an upright page into the cells of tables that it
// stands in: heads of narrow columns, and names of groups of rows.
func (f *finder) takeTurned() {
	if f.turn != 0 || len(f.grids) == 0 {
		return
	}
	for first, last := 0, 0; first < len(f.words); first = last {
		i := f.words[first].frag
		for last < len(f.words) && f.words[last].frag == i {
			last++
		}
		t := f.frags[i].turn
		if t == 0 || t%90 != 0 {
			continue
		}
		c := f.cellAround(boxOf(f.frags, []int{i}).onPage(t))
		for w := first; w < last && c != nil; w++ {
			c.words = append(c.words, w)
			f.taken[w] = true
		}
	}
}

// cellAround returns the cell that a box is in, or nil where there is none, or
// has been enough looking.
func (f *finder) cellAround(b Box) *gridCell {
	for k := range f.grids {
		g := &f.grids[k]
		if f.left--; f.left < 0 {
			return nil
		}
		if b.within(g.box) != b {
			continue
		}
		f.left -= len(g.cells)
		for i := range g.cells {
			if c := &g.cells[i]; b.within(c.box) == b {
				return c
			}
		}
	}
	return nil
}
