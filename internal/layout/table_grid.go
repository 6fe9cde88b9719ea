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
		start := f.startRows(body[from:to], t.cols)
		for i := from; i < to; i++ {
			if i > from && start[i-from] || i == from && i > 0 {
				row++
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

// reach lets the columns reach as far as their own heads do, the lowest of
// each.
func (t *tabulation) reach() {
	seen := make([]bool, len(t.cols))
	for i := len(t.head) - 1; i >= 0; i-- {
		for _, c := range t.head[i].chunks {
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

// addLine adds the chunks of a line to the cells of a row.
func (t *tabulation) addLine(row int, l *tableLine) {
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
	cells := t.grid.cells
	for i := len(cells) - 1; i >= 0; i-- {
		g := &cells[i]
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
		cells = slices.Delete(cells, i, i+1)
		i = len(cells) // it is wider now
	}
	t.grid.cells = append(cells, n)
}

// makeHead makes the rows of the head and returns how many there are. Lines are
// one row, but for those that head several columns each, with the columns'
// own heads under them.
func (t *tabulation) makeHead() int {
	under := make([]bool, len(t.cols)) // columns that share a head
	t.widen()
	for i := range t.head {
		for _, c := range t.head[i].chunks {
			for k := c.col; k < c.end && c.end-c.col > 1; k++ {
				under[k] = true
			}
		}
	}
	rows := make([]int, len(t.head))
	row, shared, last := 0, false, -1
	for i := range t.head {
		l := &t.head[i]
		in, spans := false, false
		for _, c := range l.chunks {
			in = in || under[c.col]
			spans = spans || c.end-c.col > 1
		}
		if in {
			if last >= 0 && (shared || spans || t.parted(t.head[last].base, l.base)) {
				row++
			}
			shared, last = spans, i
		}
		rows[i] = row
	}
	for i := range t.head {
		l := &t.head[i]
		for _, c := range l.chunks {
			if under[c.col] {
				t.add(rows[i], 1, c, l)
			} else {
				t.add(0, row+1, c, l)
			}
		}
	}
	return row + 1
}

// widen lets a head reach over the columns that it heads: as far as the line
// under it does, or those in whose middle it stands.
func (t *tabulation) widen() {
	for i := range t.head[:len(t.head)-1] {
		l := &t.head[i]
		for k := range l.chunks {
			c := &l.chunks[k]
			from, to := 0, len(t.cols) // the columns free for it
			if k > 0 {
				from = l.chunks[k-1].end
			}
			if k+1 < len(l.chunks) {
				to = l.chunks[k+1].col
			}
			if !t.underlined(c, l, from, to) && t.heads(i, from, to) {
				t.centre(c, l.size, from, to)
			}
		}
	}
}

// underlined widens a head to the columns over the line that is drawn under it.
func (t *tabulation) underlined(c *chunk, l *tableLine, from, to int) bool {
	for _, r := range t.partial {
		if r.at < l.base-0.1*l.size || r.at > l.base+l.size || r.lo > c.u0+l.size || r.hi < c.u1-l.size {
			continue
		}
		a, b := len(t.cols), 0
		for k := from; k < to; k++ {
			if m := (t.cols[k].lo + t.cols[k].hi) / 2; m > r.lo && m < r.hi {
				a, b = min(a, k), k+1
			}
		}
		if b > a {
			c.col, c.end = min(a, c.col), max(b, c.end)
			return true
		}
	}
	return false
}

// heads reports whether lines further down in the head have text in all of
// the columns.
func (t *tabulation) heads(line, from, to int) bool {
	for k := max(from, 1); k < to; k++ {
		found := false
		for i := line + 1; i < len(t.head); i++ {
			found = found || occupied(&t.head[i], k)
		}
		if !found {
			return false
		}
	}
	return true
}

// centre widens a head to the most columns in whose middle it stands, unless
// it stands as its own column does.
func (t *tabulation) centre(c *chunk, size float32, from, to int) {
	own := t.cols[c.col]
	slack := 0.6 * size
	if c.end-c.col > 1 || abs(c.u0-own.lo) < slack || abs(c.u1-own.hi) < slack || abs(c.u0+c.u1-own.lo-own.hi) < 2*slack {
		return
	}
	col, end := c.col, c.end
	for a := from; a <= c.col; a++ {
		for b := c.end; b <= to; b++ {
			if b-a > end-col && abs(c.u0+c.u1-t.cols[a].lo-t.cols[b-1].hi) < 2*slack {
				col, end = a, b
			}
		}
	}
	c.col, c.end = col, end
}

// parted reports whether a shorter line is drawn between two baselines.
func (t *tabulation) parted(a, b float32) bool {
	for _, r := range t.partial {
		if r.at > a-0.1*t.f.em && r.at < b-0.4*t.f.em {
			return true
		}
	}
	return false
}
