package layout

import "slices"

// tabulation makes a grid of lines whose columns are known.
type tabulation struct {
	f       *finder
	cols    []column
	edges   []float32 // where horizontal lines part rows, top to bottom
	partial []rule
	box     Box
	ruled   bool
	head    []tableLine
	body    []tableLine
	heading bool // the head is being made
	grid    grid
}

// make fills the grid.
func (t *tabulation) make(head, body []tableLine) {
	f := t.f
	t.head, t.body = head, body
	f.arrange(head, t.cols)
	f.arrange(body, t.cols)
	t.reach()
	t.grid = grid{cols: len(t.cols), box: t.box, ruled: t.ruled}
	row := 0
	if len(head) > 0 {
		t.heading = true
		row = t.makeHead()
		t.heading = false
	}
	t.grid.header = row
	for from := 0; from < len(body); {
		to := from + 1
		for to < len(body) && !t.edge(body[to-1].base, body[to].base-0.6*body[to].size) {
			to++
		}
		start := make([]bool, to-from)
		if len(t.edges) < 4 || !singleEntry(body[from:to]) {
			start = f.startRows(body[from:to], t.cols)
		}
		for i := from; i < to; i++ {
			switch {
			case i > from && start[i-from] || i == from && i > 0:
				row++
			case i > from: // what goes on with a cell does not bridge it and the next
				for k := range body[i].chunks {
					body[i].chunks[k].end = body[i].chunks[k].col + 1
				}
			}
			t.addLine(row, &body[i])
		}
		from = to
	}
	t.grid.rows = row + 1
	if len(body) == 0 {
		t.grid.rows = row
	}
}

// singleEntry reports whether at most one of the lines has text in the first
// column: between two lines that are drawn, they are one row.
func singleEntry(lines []tableLine) bool {
	n := 0
	for i := range lines {
		if lines[i].chunks[0].col == 0 {
			n++
		}
	}
	return n <= 1
}

// reach lets the columns reach as far as their own heads do, the lowest of
// each.
func (t *tabulation) reach() {
	seen := make([]bool, len(t.cols))
	for _, l := range slices.Backward(t.head) {
		for _, c := range l.chunks {
			if k := &t.cols[c.col]; c.end-c.col == 1 && !seen[c.col] {
				k.lo, k.hi = min(k.lo, c.u0), max(k.hi, c.u1)
			}
			for k := c.col; k < c.end; k++ {
				seen[k] = true
			}
		}
	}
}

// edge reports whether a line is drawn across the table between two heights.
func (t *tabulation) edge(a, b float32) bool {
	for _, e := range t.edges {
		if e > a-0.1*t.f.em && e < b+0.3*t.f.em {
			return true
		}
	}
	return false
}

// addLine adds the chunks of a line to the cells of a row. A title of rows
// reaches over all of the columns.
func (t *tabulation) addLine(row int, l *tableLine) {
	if c := &l.chunks[0]; len(l.chunks) == 1 && c.col == 0 && c.end > 1 {
		c.end = len(t.cols)
	}
	for _, c := range l.chunks {
		t.add(row, 1, c, l)
	}
}

// add adds a chunk to the cell at a row, which reaches over span rows. Cells
// that it bridges become one.
func (t *tabulation) add(row, span int, c chunk, l *tableLine) {
	n := gridCell{
		row: row, col: c.col, rowSpan: span, colSpan: c.end - c.col, words: slices.Clone(c.words),
		box: Box{c.u0, l.base - 0.75*l.size, c.u1, l.base + 0.25*l.size},
	}
	cells := &t.grid.cells
	for i := len(*cells) - 1; i >= 0; i-- {
		g := &(*cells)[i]
		if g.row < row && !t.heading {
			break // only those of the head may come in another order
		}
		if g.row != row || n.col >= g.col+g.colSpan || n.col+n.colSpan <= g.col {
			continue
		}
		end := max(g.col+g.colSpan, n.col+n.colSpan)
		n.col = min(g.col, n.col)
		n.colSpan, n.rowSpan = end-n.col, max(g.rowSpan, n.rowSpan)
		n.words, n.box = append(g.words, n.words...), g.box.union(n.box)
		*cells = slices.Delete(*cells, i, i+1)
		i = len(*cells) // it is wider now
	}
	*cells = append(*cells, n)
}
