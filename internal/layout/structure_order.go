package layout

import "slices"

// arranged is a page put in the order of its structure.
type arranged struct {
	rows  []row
	grids []grid
}

// arrange puts fragments in the order of the structure. What is no part of the
// document's text comes where it stands, above all else or below; what the tags
// say nothing of comes behind the text.
func (s *structure) arrange(frags []fragment, marks []mark, height float64) ([]row, []grid) {
	of := make([][]int, len(s.pieces))
	var above, below []int
	for i := range frags {
		f := &frags[i]
		switch k := marks[f.first].piece; {
		case k >= 0:
			of[k] = append(of[k], i)
		case f.turn == 0 && f.base < float32(height)/2:
			above = append(above, i)
		default:
			below = append(below, i)
		}
	}
	var out arranged
	out.add(frags, marks, above, -1)
	for k := 1; k < len(s.pieces); {
		if s.pieces[k].table == 0 {
			out.add(frags, marks, of[k], k)
			k++
			continue
		}
		to := k + 1
		for to < len(s.pieces) && s.pieces[to].table == s.pieces[k].table {
			to++
		}
		out.addTable(frags, marks, s.grid(k, to, of, frags))
		k = to
	}
	out.add(frags, marks, of[0], 0)
	out.add(frags, marks, below, -1)
	return bounded(out.rows), out.grids
}

// add appends the rows of a piece. It goes on where the file goes on: where
// that goes up, another column begins.
func (a *arranged) add(frags []fragment, marks []mark, of []int, piece int) {
	for i := 0; i < len(of); {
		j := i + 1
		for j < len(of) && frags[of[j]].turn == frags[of[i]].turn && frags[of[j]].base > frags[of[j-1]].base-1.2*frags[of[j-1]].size {
			j++
		}
		region := len(a.rows)
		for _, r := range rows(frags, marks, of[i:j], region) {
			r.piece = piece
			a.rows = append(a.rows, r)
		}
		i = j
	}
}

func (a *arranged) addTable(frags []fragment, marks []mark, g grid) {
	if len(g.frags) == 0 {
		return
	}
	a.grids = append(a.grids, g)
	a.rows = append(a.rows, g.lines(frags, marks, len(a.rows), len(a.grids))...)
}

// grid makes the grid of a table whose cells are pieces[from:to].
func (s *structure) grid(from, to int, of [][]int, frags []fragment) grid {
	g := grid{}
	var filled []int // up to which row each column is taken by cells from above
	row, col, heads := 0, 0, true
	for k := from; k < to; k++ {
		p := &s.pieces[k]
		if p.row != row {
			if row > 0 && heads && g.header == row-1 {
				g.header = row
			}
			row, col, heads = p.row, 0, true
		}
		heads = heads && p.head
		for col < len(filled) && filled[col] >= row {
			col++
		}
		if col >= maxColumns && len(g.cells) > 0 {
			g.last(of[k])
			continue
		}
		col = min(col, maxColumns-1)
		colSpan := min(p.colSpan, maxColumns-col)
		for len(filled) < col+colSpan {
			filled = append(filled, 0)
		}
		for c := col; c < col+colSpan; c++ {
			filled[c] = row + p.rowSpan - 1
		}
		c := gridCell{row: row - 1, col: col, rowSpan: p.rowSpan, colSpan: colSpan, frags: of[k]}
		col += colSpan
		if len(c.frags) == 0 {
			continue
		}
		c.box = boxOf(frags, c.frags)
		g.frags = append(g.frags, c.frags...)
		g.cells = append(g.cells, c)
	}
	if heads && g.header == row-1 && row > 1 {
		g.header = row
	}
	g.rows, g.cols = row, len(filled)
	g.settle()
	slices.Sort(g.frags)
	if len(g.frags) > 0 {
		g.box, g.turn = boxOf(frags, g.frags), frags[g.frags[0]].turn
	}
	return g
}

// last adds fragments to the last cell.
func (g *grid) last(frags []int) {
	c := &g.cells[len(g.cells)-1]
	c.frags = append(slices.Clip(c.frags), frags...)
	g.frags = append(g.frags, frags...)
}

// settle keeps cells within the table, and puts those of rows that lack some
// under the columns where they stand: many programs leave out the tags of cells
// without text.
func (g *grid) settle() {
	columns := make([]column, g.cols) // as far as cells of one column reach
	for i := range columns {
		columns[i] = column{lo: far, hi: -far}
	}
	for from := 0; from < len(g.cells); {
		to := g.rowEnd(from)
		if to-from == g.cols {
			for i := from; i < to; i++ {
				k := &columns[g.cells[i].col]
				k.lo, k.hi = min(k.lo, g.cells[i].box[0]), max(k.hi, g.cells[i].box[2])
			}
		}
		from = to
	}
	for from := 0; from < len(g.cells); {
		to := g.rowEnd(from)
		last := &g.cells[to-1]
		if end := last.col + last.colSpan; end < g.cols && last.rowSpan == 1 {
			g.shift(from, to, columns)
		}
		from = to
	}
	for i := range g.cells {
		g.cells[i].rowSpan = min(g.cells[i].rowSpan, g.rows-g.cells[i].row)
	}
}

// rowEnd returns where the row ends whose first cell is g.cells[from].
func (g *grid) rowEnd(from int) int {
	to := from + 1
	for to < len(g.cells) && g.cells[to].row == g.cells[from].row {
		to++
	}
	return to
}

// shift moves the cells of a row to the right, each as far as it stands outside
// of the columns before.
func (g *grid) shift(from, to int, columns []column) {
	spare := g.cols - g.cells[to-1].col - g.cells[to-1].colSpan
	moved := 0
	for i := from; i < to; i++ {
		c := &g.cells[i]
		c.col += moved
		middle := (c.box[0] + c.box[2]) / 2
		for spare > 0 && c.col+1 < g.cols && columns[c.col].hi < middle && columns[c.col].hi < c.box[0] && columns[c.col+1].lo < far {
			c.col++
			moved++
			spare--
		}
	}
}

// boxOf is the box around fragments, in the frame of their writing.
func boxOf(frags []fragment, of []int) Box {
	f := &frags[of[0]]
	b := Box{f.u0, f.v0, f.u1, f.v1}
	for _, i := range of[1:] {
		f := &frags[i]
		b = b.union(Box{f.u0, f.v0, f.u1, f.v1})
	}
	return b
}
