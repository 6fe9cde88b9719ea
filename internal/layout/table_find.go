package layout

import "slices"

// grid is a table while a page is read: which fragments stand in which cell.
// Its numbers are in the frame of its writing, as those of fragments.
type grid struct {
	frags      []int // all of its fragments, ascending
	box        Box   // u0, v0, u1, v1
	turn       int16
	rows, cols int
	header     int // rows from the top that head the columns
	ruled      bool
	cells      []gridCell // by row, then by column
}

// gridCell is a cell of a grid.
type gridCell struct {
	row, col         int
	rowSpan, colSpan int
	box              Box
	words            []int
	frags            []int
}

// Limits of a search. They are far above what a table has; a file made to hurt
// meets them.
const (
	maxLooks   = 64     // how often every word and every line may be looked at
	maxPlaces  = 20_000 // rows times columns
	maxColumns = 100
	maxHead    = 12   // lines of a head
	maxAlike   = 1000 // lines among which those of one width are looked for
)

// findTables finds the tables of a page. A fragment that reaches from one cell
// into the next is cut: the fragments returned are those to go on with.
//
// Three kinds of evidence are tried, the strongest first, and a word belongs to
// the first table that takes it: lines that cross, lines above and below rows,
// and words that stand in columns. A table that is none is worse than one that
// is missed, so each kind has to pass the vetoes of table_veto.go.
func findTables(frags []fragment, marks []mark, p *Page) ([]fragment, []grid) {
	if len(frags) < 2 || len(frags) > MaxLines {
		return frags, nil
	}
	f := newFinder(frags, marks, p)
	f.search()
	f.takeTurned()
	f.insets()
	if len(f.grids) == 0 {
		return frags, nil
	}
	return f.settle()
}

// search looks among the text that is aimed at.
func (f *finder) search() {
	f.lattices()
	f.bands()
	f.stacks()
	f.aligned()
}

// finder looks for the tables of a page among text of one direction: first what
// most of the page has, then what stands by itself.
type finder struct {
	page  *Page
	frags []fragment
	marks []mark
	words []word // of all text
	taken []bool // words that are in a table
	grids []grid

	// What is aimed at.
	turn   int16
	among  []int   // fragments
	em     float32 // the size that most of the text has
	rules  rules
	order  []int      // the words from top to bottom
	left   int        // how many words and lines may still be looked at
	mono   bool       // most of the text is typewritten
	single []*lattice // with one column, to be looked at when no other has taken their text
}

// word is a stretch of a fragment without a space.
type word struct {
	first, last int // marks
	frag        int
	u0, u1      float32
	base, size  float32
	letters     int
	digits      int
	bold        bool
}

func newFinder(frags []fragment, marks []mark, p *Page) *finder {
	f := &finder{page: p, frags: frags, marks: marks}
	count := map[int16]int{}
	var most int16
	for i := range frags {
		f.split(i)
		t := frags[i].turn
		count[t] += frags[i].last - frags[i].first
		if n := count[t] - count[most]; n > 0 || n == 0 && t < most {
			most = t
		}
	}
	f.taken = make([]bool, len(f.words))
	var of []int
	for i := range frags {
		if frags[i].turn == most {
			of = append(of, i)
		}
	}
	f.aim(most, of, p.Rulings)
	return f
}

// aim makes the finder look among fragments of one direction, ascending, and
// rulings.
func (f *finder) aim(turn int16, among []int, rulings []Ruling) {
	f.turn, f.among = turn, among
	f.em = usual(f.frags, among)
	f.rules = newRules(f.page, rulings, turn, f.em)
	f.single = nil
	f.order = make([]int, 0, len(f.words))
	k, typed := 0, 0
	for _, i := range among {
		for k < len(f.words) && f.words[k].frag < i {
			k++
		}
		for ; k < len(f.words) && f.words[k].frag == i; k++ {
			f.order = append(f.order, k)
			if f.typewritten(k) {
				typed++
			}
		}
	}
	slices.SortStableFunc(f.order, func(a, b int) int { return compare(f.words[a].middle(), f.words[b].middle()) })
	f.mono = 2*typed >= len(f.order)
	f.left = maxLooks * (len(f.order) + len(f.rules.across) + len(f.rules.fills))
}

func (f *finder) typewritten(word int) bool {
	return f.page.Fonts[f.marks[f.words[word].first].font].Mono
}

// split appends the words of a fragment.
func (f *finder) split(i int) {
	g := &f.frags[i]
	for k := g.first; k < g.last; k++ {
		m := &f.marks[k]
		n := len(f.words)
		if k == g.first || m.space || m.u0-f.marks[k-1].u1 > 0.5*m.size {
			f.words = append(f.words, word{first: k, frag: i, u0: m.u0, u1: m.u1, base: g.base, size: g.size, bold: true})
			n++
		}
		w := &f.words[n-1]
		w.last = k + 1
		w.u0, w.u1 = min(w.u0, m.u0), max(w.u1, m.u1)
		switch {
		case m.r >= '0' && m.r <= '9':
			w.digits++
		case m.letters() > 0:
			w.letters++
		}
		w.bold = w.bold && f.page.Fonts[m.font].Bold
	}
}

// middle is the height at which a word counts as standing.
func (w *word) middle() float32 { return w.base - 0.3*w.size }

// textLine is words on one baseline, left to right.
type textLine struct {
	words []int
	base  float32
	size  float32
}

// textLines puts words on lines, top to bottom.
func (f *finder) textLines(words []int) []textLine {
	byBase := slices.Clone(words)
	slices.SortStableFunc(byBase, func(a, b int) int { return compare(f.words[a].base, f.words[b].base) })
	var out []textLine
	for _, i := range byBase {
		w := &f.words[i]
		if n := len(out); n > 0 {
			l := &out[n-1]
			small, big := min(l.size, w.size), max(l.size, w.size)
			if d := w.base - l.base; d <= 0.3*small || small <= 0.85*big && d <= 0.45*big {
				l.words = append(l.words, i)
				if w.size > l.size {
					l.base, l.size = w.base, w.size
				}
				continue
			}
		}
		out = append(out, textLine{words: []int{i}, base: w.base, size: w.size})
	}
	for k := range out {
		slices.SortStableFunc(out[k].words, func(a, b int) int { return compare(f.words[a].u0, f.words[b].u0) })
	}
	return out
}

// level returns the words that stand between two heights, top to bottom, or
// nothing when there has been enough looking: a file may draw any number of
// lines over the same text.
func (f *finder) level(top, bottom float32) []int {
	at := func(v float32) int {
		k, _ := slices.BinarySearchFunc(f.order, v, func(i int, v float32) int { return compare(f.words[i].middle(), v) })
		return k
	}
	from, to := at(top), at(bottom)
	if f.left -= to - from; from >= to || f.left < 0 {
		return nil
	}
	return f.order[from:to]
}

// within returns the words that stand in a box and in no table yet, in the
// order of the file.
func (f *finder) within(box Box) []int {
	var out []int
	for _, i := range f.level(box[1], box[3]) {
		w := &f.words[i]
		if u := (w.u0 + w.u1) / 2; !f.taken[i] && u > box[0] && u < box[2] {
			out = append(out, i)
		}
	}
	slices.Sort(out)
	return out
}

// accept makes a table of g, if no place of it has two cells: its words are
// taken.
func (f *finder) accept(g grid) {
	g.turn = f.turn
	if g.overlaps() {
		return
	}
	f.mirror(&g)
	slices.SortStableFunc(g.cells, func(a, b gridCell) int {
		if a.row != b.row {
			return a.row - b.row
		}
		return a.col - b.col
	})
	for i := range g.cells {
		for _, w := range g.cells[i].words {
			f.taken[w] = true
		}
	}
	f.grids = append(f.grids, g)
}

// mirror counts the columns of a table from the right where most of its text
// runs so.
func (f *finder) mirror(g *grid) {
	n := 0
	for i := range g.cells {
		for _, w := range g.cells[i].words {
			if x := &f.words[w]; f.frags[x.frag].rtl {
				n += x.letters
			} else {
				n -= x.letters
			}
		}
	}
	if n <= 0 {
		return
	}
	for i := range g.cells {
		c := &g.cells[i]
		c.col = g.cols - c.col - c.colSpan
	}
}

// overlaps reports whether two cells lie on one place, or one outside.
func (g *grid) overlaps() bool {
	if g.rows < 1 || g.cols < 1 || g.rows > maxPlaces/g.cols {
		return true
	}
	taken := make([]bool, g.rows*g.cols)
	for i := range g.cells {
		c := &g.cells[i]
		if c.row+c.rowSpan > g.rows || c.col+c.colSpan > g.cols {
			return true
		}
		for r := c.row; r < c.row+c.rowSpan; r++ {
			for k := c.col; k < c.col+c.colSpan; k++ {
				if taken[r*g.cols+k] {
					return true
				}
				taken[r*g.cols+k] = true
			}
		}
	}
	return false
}

// settle cuts fragments where they leave a cell and gives each to its cell.
func (f *finder) settle() ([]fragment, []grid) {
	home := make([]int, len(f.words)) // cells counted over all tables, from 1
	var cells []*gridCell
	var of []*grid
	for k := range f.grids {
		g := &f.grids[k]
		for c := range g.cells {
			cells, of = append(cells, &g.cells[c]), append(of, g)
			for _, w := range g.cells[c].words {
				home[w] = len(cells)
			}
		}
	}
	out := make([]fragment, 0, len(f.frags)+len(cells))
	next := 0
	for i := range f.frags {
		from := len(out)
		last := -1
		for ; next < len(f.words) && f.words[next].frag == i; next++ {
			w := &f.words[next]
			if home[next] != last {
				piece := f.frags[i]
				piece.first, piece.cut, piece.letters = w.first, len(out) > from, 0
				piece.u0, piece.u1 = w.u0, w.u1
				out = append(out, piece)
				if last = home[next]; last > 0 {
					cells[last-1].frags = append(cells[last-1].frags, len(out)-1)
					of[last-1].frags = append(of[last-1].frags, len(out)-1)
				}
			}
			piece := &out[len(out)-1]
			piece.last = w.last
			piece.u0, piece.u1 = min(piece.u0, w.u0), max(piece.u1, w.u1)
			for k := w.first; k < w.last; k++ {
				piece.letters += f.marks[k].letters()
			}
		}
	}
	for k := range f.grids {
		slices.Sort(f.grids[k].frags)
	}
	return out, f.grids
}
