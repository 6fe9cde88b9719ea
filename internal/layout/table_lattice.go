package layout

import "slices"

// lattice is a table of crossing lines: where its rows and columns end, and
// which of the edges between places are drawn.
type lattice struct {
	xs, ys []float32
	across [][]rule // the pieces at each of ys, by lo
	down   [][]rule // at each of xs
}

// lattices makes tables of lines that cross.
func (f *finder) lattices() {
	for _, w := range f.rules.webs() {
		if len(w.across)+len(w.down) < 4 || len(w.down) < 2 {
			continue
		}
		l := f.lattice(w)
		if l == nil {
			continue
		}
		g := f.unspan(f.fill(l))
		if g.cols == 1 {
			f.single = append(f.single, l)
		} else if f.likelyLattice(&g) {
			g = f.divide(g)
			g.header = f.headerRows(&g)
			f.accept(g)
		}
	}
}

// stacks makes tables of boxes above each other, in which no columns were
// found.
func (f *finder) stacks() {
	for _, l := range f.single {
		if g := f.fill(l); f.likelyLattice(&g) {
			g.header = f.headerRows(&g)
			f.accept(g)
		}
	}
}

// lattice finds the rows and columns of lines that hang together, or nil where
// there are too few of them or far too many.
func (f *finder) lattice(w web) *lattice {
	across, down := f.drawn(w)
	apart := max(3, 0.4*f.em)
	l := &lattice{}
	l.ys, l.across = gathered(across, apart)
	l.xs, l.down = gathered(down, apart)
	if len(l.xs) == 0 || len(l.ys) == 0 || f.labelled(across) {
		return nil
	}
	l.close(across, down, f.em)
	rows, cols := len(l.ys)-1, len(l.xs)-1
	if rows < 1 || cols < 1 || rows > maxPlaces/cols {
		return nil
	}
	return l
}

// drawn returns the lines of a web. Where columns are drawn, a colour counts
// only if it ends at one of them or goes over it: else it is behind a word.
func (f *finder) drawn(w web) (across, down []rule) {
	var strokes []float32
	for _, k := range w.down {
		if r := f.rules.down[k]; !r.fill {
			strokes = append(strokes, r.at)
		}
	}
	meets := func(r rule) bool {
		k, _ := slices.BinarySearchFunc(strokes, r.lo-meet, compare)
		return k < len(strokes) && strokes[k] <= r.hi+meet
	}
	for _, k := range w.across {
		if r := f.rules.across[k]; !r.fill || len(strokes) < 2 || meets(r) {
			across = append(across, r)
		}
	}
	for _, k := range w.down {
		if r := f.rules.down[k]; !r.fill || len(strokes) < 2 || r.hi-r.lo > 3*f.em {
			down = append(down, r)
		}
	}
	return across, down
}

// gathered puts lines that are closer than apart into one. The rules must be
// sorted by where they are.
func gathered(rs []rule, apart float32) (at []float32, pieces [][]rule) {
	for i := 0; i < len(rs); {
		j := i
		var sum, weight float32
		for j < len(rs) && rs[j].at <= rs[i].at+apart {
			n := rs[j].hi - rs[j].lo
			sum += (rs[j].at - rs[i].at) * n
			weight += n
			j++
		}
		p := slices.Clone(rs[i:j])
		slices.SortStableFunc(p, func(a, b rule) int { return compare(a.lo, b.lo) })
		at = append(at, rs[i].at+sum/max(weight, 1))
		pieces = append(pieces, p)
		i = j
	}
	return at, pieces
}

// close adds the outer lines that a table leaves out: where its other lines
// end, its outermost places do.
func (l *lattice) close(across, down []rule, em float32) {
	edge := func(rs []rule, at []float32) (lo, hi float32, before, after bool) {
		lo, hi = rs[0].lo, rs[0].hi
		for _, r := range rs {
			lo, hi = min(lo, r.lo), max(hi, r.hi)
		}
		los, his := 0, 0
		for _, r := range rs {
			if r.lo < lo+meet {
				los++
			}
			if r.hi > hi-meet {
				his++
			}
		}
		before = lo < at[0]-em && los >= 2
		after = hi > at[len(at)-1]+em && his >= 2
		return lo, hi, before, after
	}
	left, right, isLeft, isRight := edge(across, l.xs)
	top, bottom, isTop, isBottom := edge(down, l.ys)
	whole := func(a, b float32) []rule { return []rule{{lo: a, hi: b}} }
	if isLeft {
		l.xs, l.down = slices.Insert(l.xs, 0, left), slices.Insert(l.down, 0, whole(top, bottom))
	}
	if isRight {
		l.xs, l.down = append(l.xs, right), append(l.down, whole(top, bottom))
	}
	if isTop {
		l.ys, l.across = slices.Insert(l.ys, 0, top), slices.Insert(l.across, 0, whole(left, right))
	}
	if isBottom {
		l.ys, l.across = append(l.ys, bottom), append(l.across, whole(left, right))
	}
}

// below and beside report whether the lower and the right edge of a place are
// drawn.
func (l *lattice) below(row, col int) bool {
	a, b := l.xs[col], l.xs[col+1]
	return covers(l.across[row+1], a, b) >= 0.6*(b-a)
}

func (l *lattice) beside(row, col int) bool {
	a, b := l.ys[row], l.ys[row+1]
	return covers(l.down[col+1], a, b) >= 0.6*(b-a)
}

// cells returns the cells: rectangles of places that no edge parts.
func (l *lattice) cells() []gridCell {
	rows, cols := len(l.ys)-1, len(l.xs)-1
	right, under := make([]bool, rows*cols), make([]bool, rows*cols)
	for r := range rows {
		for c := range cols {
			right[r*cols+c] = c == cols-1 || l.beside(r, c)
			under[r*cols+c] = r == rows-1 || l.below(r, c)
		}
	}
	covered := make([]bool, rows*cols)
	var out []gridCell
	for r := range rows {
		for c := range cols {
			if covered[r*cols+c] {
				continue
			}
			w, h := 1, 1
			for !right[r*cols+c+w-1] && !covered[r*cols+c+w] {
				w++
			}
			for open(right, under, covered, cols, r, c, w, h) {
				h++
			}
			for i := r; i < r+h; i++ {
				for j := c; j < c+w; j++ {
					covered[i*cols+j] = true
				}
			}
			out = append(out, gridCell{
				row: r, col: c, rowSpan: h, colSpan: w,
				box: Box{l.xs[c], l.ys[r], l.xs[c+w], l.ys[r+h]},
			})
		}
	}
	return out
}

// open reports whether the rectangle of h rows and w columns at r, c goes on
// downwards.
func open(right, under, covered []bool, cols, r, c, w, h int) bool {
	for j := c; j < c+w; j++ {
		at := (r+h-1)*cols + j
		if under[at] || covered[at+cols] || j < c+w-1 && right[at+cols] {
			return false
		}
	}
	return true
}

// fill makes a grid of a lattice and puts the words into its cells.
func (f *finder) fill(l *lattice) grid {
	g := grid{rows: len(l.ys) - 1, cols: len(l.xs) - 1, ruled: true, cells: l.cells()}
	g.box = Box{l.xs[0], l.ys[0], l.xs[g.cols], l.ys[g.rows]}
	home := make([]int, g.rows*g.cols)
	for i := range g.cells {
		c := &g.cells[i]
		for r := c.row; r < c.row+c.rowSpan; r++ {
			for k := c.col; k < c.col+c.colSpan; k++ {
				home[r*g.cols+k] = i
			}
		}
	}
	last, before := -1, -1
	for _, i := range f.within(g.box) {
		w := &f.words[i]
		r := place(l.ys, w.middle())
		k := home[r*g.cols+place(l.xs, (w.u0+w.u1)/2)]
		// Text that runs over a line without heed stays in its cell.
		if last >= 0 && k != before && f.words[last].frag == w.frag && last == i-1 {
			if c := &g.cells[k]; w.u0 < c.box[0]-0.25*w.size && g.cells[before].row == c.row {
				k = before
			}
		}
		g.cells[k].words = append(g.cells[k].words, i)
		last, before = i, k
	}
	return compact(g)
}

// place returns between which of the bounds v lies.
func place(bounds []float32, v float32) int {
	k, _ := slices.BinarySearch(bounds, v)
	return max(0, min(k-1, len(bounds)-2))
}

// compact takes out rows and columns that are no place of their own: where no
// cell begins, or one so narrow that nothing could stand there.
func compact(g grid) grid {
	rows, cols := make([]int, g.rows+1), make([]int, g.cols+1)
	for i := range g.cells {
		rows[g.cells[i].row]++
		cols[g.cells[i].col]++
	}
	renumber := func(n []int) int {
		k := 0
		for i := range n {
			begins := n[i] > 0
			n[i] = k
			if begins {
				k++
			}
		}
		return k
	}
	newRows, newCols := renumber(rows), renumber(cols)
	for i := range g.cells {
		c := &g.cells[i]
		r, k := c.row+c.rowSpan, c.col+c.colSpan
		c.row, c.col = rows[c.row], cols[c.col]
		c.rowSpan, c.colSpan = rows[r]-c.row, cols[k]-c.col
	}
	g.rows, g.cols = newRows, newCols
	return g
}

// unspan takes apart cells that only seem to reach over columns, because no
// line is drawn or no colour ends between: white parts all of their text just
// where the other rows have the end of a column.
func (f *finder) unspan(g grid) grid {
	ends := make([]float32, g.cols+1)
	for i := range g.cells {
		c := &g.cells[i]
		ends[c.col], ends[c.col+c.colSpan] = c.box[0], c.box[2]
	}
	out := make([]gridCell, 0, len(g.cells))
	for _, c := range g.cells {
		for k := 1; k < c.colSpan && len(c.words) > 1; {
			x := ends[c.col+k]
			left, right, ok := f.partedAt(c.words, x)
			if !ok {
				k++
				continue
			}
			part := c
			part.colSpan, part.words, part.box[2] = k, left, x
			out = append(out, part)
			c.col, c.colSpan, c.words, c.box[0] = c.col+k, c.colSpan-k, right, x
			k = 1
		}
		out = append(out, c)
	}
	g.cells = out
	return g
}

// partedAt parts words at x, if each of their lines has wide white there
// between words.
func (f *finder) partedAt(words []int, x float32) (left, right []int, ok bool) {
	for _, l := range f.textLines(words) {
		k := 0
		for k < len(l.words) && f.words[l.words[k]].u1 <= x {
			k++
		}
		if k == 0 || k == len(l.words) || f.words[l.words[k]].u0-f.words[l.words[k-1]].u1 < 1.5*l.size {
			return nil, nil, false
		}
	}
	for _, i := range words {
		if f.words[i].u1 <= x {
			left = append(left, i)
		} else {
			right = append(right, i)
		}
	}
	return left, right, len(words) > 0
}
