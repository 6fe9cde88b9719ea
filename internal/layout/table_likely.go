package layout

// What makes a table likely. A table that is none is worse than one that is
// missed: each kind has its own evidence, and must pass the vetoes.

// likelyLattice reports whether crossing lines make a table, and not a frame, a
// chart, a drawing or a form.
func (f *finder) likelyLattice(g *grid) bool {
	full, chars := 0, 0
	rowFull, colFull := make([]int, g.rows), make([]int, g.cols)
	for i := range g.cells {
		c := &g.cells[i]
		if letters, digits := f.count(c.words); letters+digits == 0 {
			continue
		}
		full++
		rowFull[c.row] += c.colSpan
		colFull[c.col]++
		for _, w := range c.words {
			chars += f.words[w].last - f.words[w].first
		}
	}
	n := len(g.cells)
	switch {
	case full < 2 || g.rows < 2:
		return false
	case g.cols == 1:
		return full >= 3 && full == n && chars <= 120*n
	case g.rows*g.cols > 4*n+8:
		return false // pieces of a drawing, not cells
	case chars > 500*full:
		return false // columns of text in frames
	case f.crossed(g):
		return false
	}
	rows, cols, pairs := 0, 0, 0
	for _, k := range rowFull {
		if k > 0 {
			rows++
		}
		if k > 1 {
			pairs++
		}
	}
	for _, k := range colFull {
		if k > 0 {
			cols++
		}
	}
	if rows < 2 || cols < 2 {
		return false
	}
	if 3*full >= n && 3*pairs >= rows {
		return true
	}
	// To be filled in: all rows and all columns are headed.
	return 4*colFull[0] >= 3*(g.rows-1) && 4*rowFull[0] >= 3*(g.cols-1)
}

// likelyBands reports whether text between horizontal lines is a table.
func (f *finder) likelyBands(t *tabulation) bool {
	g := &t.grid
	if g.rows < 2 || g.cols < 2 || g.cols <= 3 && f.leaders(t.body) || f.wordy(t) || f.garbled(g) || t.bare() {
		return false
	}
	full, pairs := 0, 0
	row := make([]int, g.rows)
	for i := range g.cells {
		c := &g.cells[i]
		full += c.rowSpan * c.colSpan
		row[c.row] += c.colSpan
	}
	for _, n := range row {
		if n > 1 {
			pairs++
		}
	}
	places := g.rows * g.cols
	switch {
	case len(t.edges) == 2:
		// A frame holds anything; a head and a full first column are a table's.
		return f.likelyAligned(t) || f.headed(g) && f.hasHead(t)
	case g.cols == 2 && f.figures(g) == 0:
		return 10*pairs >= 8*g.rows || f.headed(g) && f.hasHead(t)
	}
	return 5*full >= 2*places || f.headed(g)
}

// headed reports whether the first row and the first column are full, and of
// words: a table to be filled in.
func (f *finder) headed(g *grid) bool {
	row, col := 0, 0
	for i := range g.cells {
		if g.cells[i].row == 0 {
			row += g.cells[i].colSpan
		}
		if letters, digits := f.count(g.cells[i].words); g.cells[i].col == 0 && letters >= digits {
			col += g.cells[i].rowSpan
		}
	}
	corner := len(g.cells) > 0 && g.cells[0].row == 0 && g.cells[0].col == 0 // or it is empty
	return (row == g.cols || row == g.cols-1 && !corner) && 4*col >= 3*g.rows
}

// likelyAligned reports whether words in columns are a table: they say so by
// figures, or by a head, and nothing speaks for anything else.
func (f *finder) likelyAligned(t *tabulation) bool {
	g := &t.grid
	full := 0
	for i := range g.cells {
		full += g.cells[i].rowSpan * g.cells[i].colSpan
	}
	places := g.rows * g.cols
	switch {
	case g.rows < 3 || g.cols < 2 || 10*full < 6*places:
		return false
	case g.cols <= 6 && f.leaders(t.body) || f.typed(g) || f.wordy(t) || f.garbled(g) || f.contents(g) || f.onImage(g.box) || f.equations(t) || t.bare() || f.labelled(f.through(g.box)):
		return false
	}
	figures, headedBy := f.figures(g), f.hasHead(t)
	if g.cols > 2 && 10*full >= 9*places && f.drawnHead(t) {
		return true
	}
	if g.cols == 2 {
		return figures >= 1 && headedBy && g.rows >= 4
	}
	return figures >= 1 && (headedBy || g.rows >= 4 || figures >= 2)
}

// figures returns how many columns behind the first have figures in them.
func (f *finder) figures(g *grid) int {
	cells, figures := make([]int, g.cols), make([]int, g.cols)
	for i := range g.cells {
		c := &g.cells[i]
		if c.row == 0 || c.col == 0 || c.colSpan > 1 {
			continue
		}
		cells[c.col]++
		if letters, digits := f.count(c.words); digits > 0 && digits >= letters {
			figures[c.col]++
		}
	}
	n := 0
	for k := range cells {
		if cells[k] >= 2 && 10*figures[k] >= 6*cells[k] {
			n++
		}
	}
	return n
}

// hasHead reports whether the first line stands out: bold above what is not, on
// a colour, or with a line drawn under it.
func (f *finder) hasHead(t *tabulation) bool {
	first := t.first()
	if f.drawnHead(t) {
		return true
	}
	if !f.bold(first) {
		return false
	}
	n := 0
	for i := range t.body {
		if l := &t.body[i]; l != first && f.bold(l) {
			n++
		}
	}
	return 2*n < len(t.body)
}

// first is the first line of a table.
func (t *tabulation) first() *tableLine {
	if len(t.head) > 0 {
		return &t.head[0]
	}
	return &t.body[0]
}

// drawnHead reports whether the first line is on a colour of its own, or has a
// line under it.
func (f *finder) drawnHead(t *tabulation) bool {
	first := t.first()
	middle, left, right := first.base-0.3*first.size, t.cols[0].lo, t.cols[len(t.cols)-1].hi
	var coloured float32
	for _, b := range f.rules.fills {
		if b[1] < middle && b[3] > middle && b[3] < first.base+3*first.size {
			coloured += max(0, min(b[2], right)-max(b[0], left))
		}
	}
	if coloured > 0.8*(right-left) {
		return true
	}
	for _, e := range t.edges {
		if e > first.base && e < first.base+4*first.size {
			return true
		}
	}
	return false
}

func (f *finder) bold(l *tableLine) bool {
	for _, c := range l.chunks {
		for _, w := range c.words {
			if x := &f.words[w]; !x.bold && x.letters+x.digits > 0 {
				return false
			}
		}
	}
	return true
}
