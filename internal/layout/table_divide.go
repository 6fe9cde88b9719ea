package layout

// divide parts the rows of a lattice between which no lines are drawn: figures
// that stand below each other in several columns.
func (f *finder) divide(g grid) grid {
	starting := make([][]int, g.rows) // cells
	for i := range g.cells {
		starting[g.cells[i].row] = append(starting[g.cells[i].row], i)
	}
	parts := make([][]division, g.rows)
	at := make([]int, g.rows+1) // where each row has gone
	for r, cells := range starting {
		parts[r] = f.divisions(&g, cells)
		at[r+1] = at[r] + max(1, len(parts[r]))
	}
	if at[g.rows] == g.rows {
		return g
	}
	var out []gridCell
	for _, c := range g.cells {
		ps := parts[c.row]
		from, to := at[c.row], at[c.row+c.rowSpan]
		if len(ps) == 0 {
			c.row, c.rowSpan = from, to-from
			out = append(out, c)
			continue
		}
		for k := range ps {
			p := c
			p.row = from + k
			if p.words = ps[k].of(f, c.words); k > 0 {
				p.box[1] = ps[k].top
			}
			if k+1 < len(ps) {
				p.box[3] = ps[k+1].top
			}
			out = append(out, p)
		}
	}
	g.cells, g.rows = out, at[g.rows]
	return g
}

// division is one of the rows that a row of a lattice falls into.
type division struct{ top, bottom float32 }

func (d division) of(f *finder, words []int) []int {
	var out []int
	for _, i := range words {
		if v := f.words[i].middle(); v >= d.top && v < d.bottom {
			out = append(out, i)
		}
	}
	return out
}

// divisions returns the rows that a row of a lattice falls into, or none.
func (f *finder) divisions(g *grid, cells []int) []division {
	column := map[int]int{}
	var words []int
	k := 0
	for _, i := range cells {
		c := &g.cells[i]
		if c.rowSpan > 1 || c.colSpan > 1 {
			return nil
		}
		if len(c.words) > 0 {
			k++
		}
		for _, w := range c.words {
			column[w] = c.col
		}
		words = append(words, c.words...)
	}
	if k < 2 {
		return nil
	}
	lines := f.textLines(words)
	full, figures, cellsSeen := 0, 0, 0
	for _, l := range lines {
		seen := map[int]bool{}
		letters, digits := 0, 0
		for _, w := range l.words {
			if seen[column[w]] = true; column[w] > 0 {
				letters += f.words[w].letters
				digits += f.words[w].digits
			}
		}
		if len(seen) >= 2 && 4*len(seen) >= 3*k {
			full++
		}
		cellsSeen++
		if digits > letters {
			figures++
		}
	}
	if full < 3 || 10*full < 8*len(lines) || 2*figures < cellsSeen {
		return nil
	}
	var out []division
	for i, l := range lines {
		top := l.base - 0.85*l.size
		if i == 0 {
			top -= far
		} else {
			out[i-1].bottom = top
		}
		out = append(out, division{top, far})
	}
	return out
}
