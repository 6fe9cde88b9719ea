package layout

import "slices"

// The white between columns, in ems.
const (
	gapChunk  = 0.45 // less between two words of a line, and they stand together
	gapRiver  = 0.6  // the least width of the white that parts columns of many lines
	gapNarrow = 0.9  // ... of few, in which white lies above white by chance
	fewLines  = 4
)

// chunk is the words of a line that stand together.
type chunk struct {
	words    []int
	u0, u1   float32
	col, end int // the columns it stands in: col to end-1
}

// tableLine is a line of what may be a table.
type tableLine struct {
	chunks     []chunk
	base, size float32
	full       int // columns with text
}

// column is the reach of a column's text.
type column struct{ lo, hi float32 }

// chunked takes a line apart at gaps.
func (f *finder) chunked(l textLine, gap float32) tableLine {
	t := tableLine{base: l.base, size: l.size}
	from := 0
	for k := range l.words {
		w := &f.words[l.words[k]]
		n := len(t.chunks)
		if k > 0 && (w.u0-t.chunks[n-1].u1 < gap*l.size || f.dots(w)) && !(f.dots(&f.words[l.words[k-1]]) && !f.dots(w)) {
			c := &t.chunks[n-1]
			c.words, c.u1 = l.words[from:k+1], max(c.u1, w.u1)
			continue
		}
		from = k
		t.chunks = append(t.chunks, chunk{words: l.words[k : k+1], u0: w.u0, u1: w.u1})
	}
	return t
}

// dots reports whether a word ends in dots that lead to the next one.
func (f *finder) dots(w *word) bool {
	if w.last-w.first < 3 {
		return false
	}
	for k := w.last - 3; k < w.last; k++ {
		if f.marks[k].r != '.' {
			return false
		}
	}
	return true
}

// columns finds the columns of lines: what lies between the white that none of
// them crosses, or hardly any where that shows more columns of figures.
func (f *finder) columns(lines []tableLine) []column {
	lines = telling(lines)
	out := f.columnsBut(lines, 0)
	if few := len(lines) / 8; few > 0 && f.counting(lines) {
		if more := f.columnsBut(lines, few); len(more) > len(out) {
			return more
		}
	}
	return out
}

// counting reports whether much of what stands in the lines is figures.
func (f *finder) counting(lines []tableLine) bool {
	n, all := 0, 0
	for i := range lines {
		for _, c := range lines[i].chunks {
			all++
			if letters, digits := f.count(c.words); digits > letters {
				n++
			}
		}
	}
	return 5*n >= 2*all
}

// telling returns the lines that say where columns are: one stretch says
// nothing if it is wide, or if there are enough lines of several.
func telling(lines []tableLine) []tableLine {
	if len(lines) == 0 {
		return nil
	}
	lo, hi := lines[0].chunks[0].u0, lines[0].chunks[0].u1
	several := 0
	for i := range lines {
		cs := lines[i].chunks
		if len(cs) > 1 {
			several++
		}
		lo, hi = min(lo, cs[0].u0), max(hi, cs[len(cs)-1].u1)
	}
	out := make([]tableLine, 0, len(lines))
	for _, l := range lines {
		if len(l.chunks) > 1 || several < 3 && l.chunks[0].u1-l.chunks[0].u0 <= 0.4*(hi-lo) {
			out = append(out, l)
		}
	}
	return out
}

// columnsBut finds the columns of lines between the white that at most few of
// them cross.
func (f *finder) columnsBut(lines []tableLine, few int) []column {
	type step struct {
		at float32
		by int
	}
	var steps []step
	for i := range lines {
		for _, c := range lines[i].chunks {
			steps = append(steps, step{c.u0, 1}, step{c.u1, -1})
		}
	}
	slices.SortFunc(steps, func(a, b step) int {
		if a.at != b.at {
			return compare(a.at, b.at)
		}
		return b.by - a.by
	})
	least := gapRiver * usualSize(lines)
	if len(lines) < fewLines {
		least *= gapNarrow / gapRiver
	}
	var out []column
	depth := 0
	for _, s := range steps {
		depth += s.by
		n := len(out)
		switch {
		case s.by < 0 && depth == few:
			out[n-1].hi = s.at
		case s.by < 0 || depth != few+1:
		case n == 0 || s.at-out[n-1].hi >= least:
			out = append(out, column{s.at, s.at})
		}
	}
	return out
}

// usualSize is the size that most of the lines have, about.
func usualSize(lines []tableLine) float32 {
	sizes := make([]float32, len(lines))
	for i := range lines {
		sizes[i] = lines[i].size
	}
	slices.Sort(sizes)
	if len(sizes) == 0 {
		return 1
	}
	return sizes[len(sizes)/2]
}

// arrange gives each chunk its columns. A chunk that reaches over several is
// cut where its words stand as the columns do, and spans them otherwise.
func (f *finder) arrange(lines []tableLine, cols []column) {
	for i := range lines {
		l := &lines[i]
		var out []chunk
		for _, c := range l.chunks {
			c.col, c.end = reachOver(c.u0, c.u1, cols)
			if c.end-c.col > 1 {
				if cut := f.cutUp(c, cols, l.size); cut != nil {
					out = append(out, cut...)
					continue
				}
			}
			out = append(out, c)
		}
		l.chunks = together(out)
		l.full = 0
		for _, c := range l.chunks {
			l.full += c.end - c.col
		}
	}
}

// reachOver returns the columns from u0 to u1; what lies in the white belongs
// to the nearer column.
func reachOver(u0, u1 float32, cols []column) (col, end int) {
	col, end = len(cols), 0
	for k, c := range cols {
		if u0 < c.hi && u1 > c.lo {
			col, end = min(col, k), k+1
		}
	}
	if end > col {
		return col, end
	}
	best := 0
	for k, c := range cols {
		if away(u0, u1, c) < away(u0, u1, cols[best]) {
			best = k
		}
	}
	return best, best + 1
}

func away(u0, u1 float32, c column) float32 { return max(c.lo-u1, u0-c.hi) }

// together joins the chunks of a line that stand in the same columns.
func together(cs []chunk) []chunk {
	var out []chunk
	for _, c := range cs {
		if n := len(out); n > 0 && c.col < out[n-1].end {
			p := &out[n-1]
			p.words = slices.Concat(p.words, c.words)
			p.u0, p.u1, p.end = min(p.u0, c.u0), max(p.u1, c.u1), max(p.end, c.end)
			continue
		}
		out = append(out, c)
	}
	return out
}

// cutUp cuts a chunk into one for each column that it reaches over, or returns
// nil: its words must begin where the columns do, end where they do, or stand
// in their middle.
func (f *finder) cutUp(c chunk, cols []column, size float32) []chunk {
	try := func(fits func(w *word, k int) bool, begins bool) []chunk {
		out := make([]chunk, 0, c.end-c.col)
		from, k := 0, c.col
		for i, n := range c.words {
			w := &f.words[n]
			switch {
			case begins && i > 0 && k+1 < c.end && fits(w, k+1):
				out = append(out, f.chunk(c.words[from:i], k))
				from, k = i, k+1
			case !begins && k+1 < c.end && fits(w, k) && i+1 < len(c.words):
				out = append(out, f.chunk(c.words[from:i+1], k))
				from, k = i+1, k+1
			}
		}
		out = append(out, f.chunk(c.words[from:], k))
		if len(out) != c.end-c.col {
			return nil
		}
		return out
	}
	slack := 0.4 * size
	if out := try(func(w *word, k int) bool { return abs(w.u0-cols[k].lo) < slack }, true); out != nil {
		return out
	}
	if out := try(func(w *word, k int) bool { return abs(w.u1-cols[k].hi) < slack }, false); out != nil {
		return out
	}
	// Each word to the column whose middle is nearest: they must all stand in
	// the middle then.
	out := try(func(w *word, k int) bool {
		m := (w.u0 + w.u1) / 2
		return abs(m-(cols[k].lo+cols[k].hi)/2) < abs(m-(cols[k-1].lo+cols[k-1].hi)/2)
	}, true)
	for _, p := range out {
		if abs(p.u0+p.u1-cols[p.col].lo-cols[p.col].hi) > 2*slack {
			return nil
		}
	}
	return out
}

// chunk makes one of words, in column k.
func (f *finder) chunk(words []int, k int) chunk {
	c := chunk{words: words, col: k, end: k + 1, u0: f.words[words[0]].u0}
	for _, i := range words {
		c.u1 = max(c.u1, f.words[i].u1)
	}
	return c
}
