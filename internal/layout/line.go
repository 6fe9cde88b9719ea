package layout

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// row is a line before it is written: fragments on one baseline.
type row struct {
	frags      []int
	u0, u1     float32
	b0, b1     float32 // reach of the fragments of its own size
	base, size float32
	turn       int16
	region     int
	grid       int // of a table's line: which table, from 1
	piece      int // of a tagged page: what it belongs to; -1: no part of the text
	twice      int // marks that were dropped: drawn a second time
}

// rows groups the fragments of a region by baseline, top to bottom.
func rows(frags []fragment, marks []mark, region []int, number int) []row {
	byBase := slices.Clone(region)
	slices.SortStableFunc(byBase, func(a, b int) int { return compare(frags[a].base, frags[b].base) })
	out := make([]row, 0, len(region))
	for _, i := range byBase {
		f := &frags[i]
		joined := false
		for k := len(out) - 1; k >= 0 && k >= len(out)-3 && !joined; k-- {
			if joined = out[k].takes(f); joined {
				out[k].add(i, f)
			}
		}
		if !joined {
			w := newRow(i, f)
			w.region = number
			out = append(out, w)
		}
	}
	for k := range out {
		out[k].sort(frags)
		out[k].dedupe(frags, marks)
	}
	return out
}

// newRow makes a row of one fragment.
func newRow(i int, f *fragment) row {
	return row{frags: []int{i}, u0: f.u0, u1: f.u1, b0: f.u0, b1: f.u1, base: f.base, size: f.size, turn: f.turn}
}

// takes reports whether f stands on the row's baseline, or beside it as a
// superscript or subscript.
func (w *row) takes(f *fragment) bool {
	big, small := max(w.size, f.size), min(w.size, f.size)
	d := abs(w.base - f.base)
	if d <= 0.25*small {
		return true
	}
	if small > 0.85*big || small < 0.4*big || d > 0.5*big {
		return false
	}
	// Raised or lowered, small, short and close by: or two lines of text that
	// stand beside a large word would fall into one.
	if f.size == small {
		return f.u1-f.u0 <= 4*big && f.u0 <= w.b1+0.4*big && f.u1 >= w.b0-0.4*big
	}
	return w.u1-w.u0 <= 4*big && w.u0 <= f.u1+0.4*big && w.u1 >= f.u0-0.4*big
}

func (w *row) add(i int, f *fragment) {
	w.frags = append(w.frags, i)
	w.u0, w.u1 = min(w.u0, f.u0), max(w.u1, f.u1)
	switch {
	case 0.85*f.size >= w.size:
		w.b0, w.b1 = f.u0, f.u1
	case f.size > 0.85*w.size:
		w.b0, w.b1 = min(w.b0, f.u0), max(w.b1, f.u1)
	}
	if f.size > w.size {
		w.base, w.size = f.base, f.size
	}
}

// sort puts the fragments of a row in the order they are read.
func (w *row) sort(frags []fragment) {
	right := 0
	for _, i := range w.frags {
		if n := frags[i].letters; frags[i].rtl { // figures have no direction
			right += n
		} else {
			right -= n
		}
	}
	slices.SortStableFunc(w.frags, func(a, b int) int {
		if right > 0 {
			return compare(frags[b].u1, frags[a].u1)
		}
		return compare(frags[a].u0, frags[b].u0)
	})
}

// dedupe drops fragments that are drawn twice in the same place.
func (w *row) dedupe(frags []fragment, marks []mark) {
	w.frags = slices.CompactFunc(w.frags, func(a, b int) bool {
		f, g := &frags[a], &frags[b]
		same := f.last-f.first == g.last-g.first && f.last-f.first > 1 &&
			abs(f.u0-g.u0) < 0.1*f.size && abs(f.u1-g.u1) < 0.1*f.size &&
			slices.EqualFunc(marks[f.first:f.last], marks[g.first:g.last], func(x, y mark) bool { return x.r == y.r })
		if same {
			w.twice += f.last - f.first
		}
		return same
	})
}

// writer writes rows into a page.
type writer struct {
	page      *Page
	structure *structure
	buf       []byte
	grids     []grid
	homes     []int32 // the cells of fragments
	spans     []Span  // where the fragments of tables have gone
}

// write appends the row as a line.
func (w *writer) write(r *row, frags []fragment, marks []mark) {
	line := Line{Start: len(w.buf), Base: r.base, Angle: float32(r.turn)}
	var prev *fragment
	for at, i := range r.frags {
		f := &frags[i]
		for k := f.first; k < f.last; k++ {
			m := &marks[k]
			space, wide := m.space, false
			if k == f.first {
				space = prev != nil && (parted(prev, f, m) || at == 1 && prev.marks(f, m))
				wide = prev != nil && prev.distance(f) > gapFragment*r.size
				if r.grid > 0 && at > 0 && w.homes[r.frags[at-1]] != w.homes[i] {
					space, wide = true, true
				}
			}
			w.put(&line, m, space, wide)
			if k == f.first && r.grid > 0 {
				w.spans[i].Start = len(w.buf) - utf8.RuneLen(m.r)
			}
		}
		if r.grid > 0 {
			w.spans[i].End = len(w.buf)
		}
		prev = f
	}
	for i := range line.Runs {
		line.Runs[i].Box = line.Runs[i].Box.round()
		line.Box = line.Box.union(line.Runs[i].Box)
	}
	if line.Angle != 0 {
		m := &marks[frags[r.frags[0]].first]
		_, y := rotate(m.u0, m.v, -r.turn) // back on the page
		line.Base = y
	}
	line.Base = round2(line.Base)
	line.End = len(w.buf)
	w.buf = append(w.buf, '\n')
	w.page.Lines = append(w.page.Lines, line)
}

// put appends one mark to the line: to its last run where font and size are
// the same and no wide gap lies between (so that a run never spans two cells
// of a table), else to a new one. The space before it belongs to the run
// before.
func (w *writer) put(line *Line, m *mark, space, wide bool) {
	n := len(line.Runs)
	if space && n > 0 {
		w.buf = append(w.buf, ' ')
		line.Runs[n-1].End++
	}
	if n == 0 || line.Runs[n-1].Font != int(m.font) || line.Runs[n-1].Size != m.size || wide {
		line.Runs = append(line.Runs, Run{Start: len(w.buf), End: len(w.buf), Font: int(m.font), Size: m.size, Box: m.box})
		n++
	}
	run := &line.Runs[n-1]
	w.buf = utf8.AppendRune(w.buf, m.r)
	run.End = len(w.buf)
	run.Box = run.Box.union(m.box)
}

// distance is the white between two fragments of a row, whichever way it runs.
func (f *fragment) distance(g *fragment) float32 {
	return max(g.u0-f.u1, f.u0-g.u1)
}

// marks reports whether f is the raised mark of a note that begins with m, the
// first letter of g: no part of its first word.
func (f *fragment) marks(g *fragment, m *mark) bool {
	return f.note && g.size > 1.2*f.size && g.base-f.base > 0.15*g.size && unicode.IsLetter(m.r)
}

// parted reports whether a space comes between two fragments of a row; m is
// the first mark of the second.
func parted(f, g *fragment, m *mark) bool {
	d := f.distance(g)
	em := min(f.size, g.size)
	if m.space && !m.guess && f.last == g.first {
		return true // drawn in the file
	}
	if f.drop {
		return false
	}
	if g.cut && f.last == g.first {
		return m.space
	}
	return d > gapWord*em || f.rtl != g.rtl && d > gapGuess*em
}
