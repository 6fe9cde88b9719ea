package layout

import (
	"strconv"
	"strings"
)

// What looks like a table and is none.

// crossed reports whether text runs out of a lattice as if it were not there:
// the boxes of a form.
func (f *finder) crossed(g *grid) bool {
	n := 0
	for _, i := range f.level(g.box[1], g.box[3]) {
		if i == 0 || f.words[i-1].frag != f.words[i].frag {
			continue
		}
		a, b := &f.words[i-1], &f.words[i]
		for _, x := range [...]float32{g.box[0], g.box[2]} {
			if a.u1 <= x+near && b.u0 >= x-near {
				n++
			}
		}
	}
	return n >= 2 && 4*n >= g.rows
}

// garbled reports whether most of the text is signs, as where fonts do not say
// what their letters are.
func (f *finder) garbled(g *grid) bool {
	all, said := 0, 0
	for i := range g.cells {
		for _, w := range g.cells[i].words {
			x := &f.words[w]
			all += x.last - x.first
			said += x.letters + x.digits
		}
	}
	return 2*said < all
}

// contents reports whether the last column has page numbers: whole numbers that
// do not fall. The first rows may be Roman.
func (f *finder) contents(g *grid) bool {
	n, all, last, other := 0, 0, 0, 0
	for i := range g.cells {
		c := &g.cells[i]
		if c.col+c.colSpan < g.cols {
			if letters, digits := f.count(c.words); i > 0 && g.cells[i-1].row == c.row && digits > letters {
				other++
			}
			continue
		}
		for _, w := range c.words {
			all++
			text := strings.TrimLeft(f.text([]int{w}), ". ")
			if page, err := strconv.Atoi(text); err == nil && page >= last {
				last = page
				n++
			} else if last == 0 && strings.Trim(text, "ivxlc") == "" {
				n++
			}
		}
	}
	return n >= 3 && 10*n >= 9*all-10 && 4*other <= g.rows
}

// labelled reports whether the lines, sorted by where they are, run through
// text or end at it, as those do that help to read a chart. Lines of a table
// keep clear of its text.
func (f *finder) labelled(rs []rule) bool {
	n := 0
	for _, r := range rs {
		for _, i := range f.level(r.at-f.em, r.at+f.em) {
			w := &f.words[i]
			if f.taken[i] || w.letters+w.digits == 0 || abs(w.middle()-r.at) > 0.25*w.size {
				continue
			}
			if w.u1 > r.lo-1.5*w.size && w.u0 < r.hi+1.5*w.size {
				n++
			}
		}
	}
	return n >= 3 && 2*n >= len(rs)
}

// through returns the horizontal lines that reach into a box.
func (f *finder) through(box Box) []rule {
	var out []rule
	for _, r := range f.rules.across {
		if r.at > box[1] && r.at < box[3] && r.lo < box[2] && r.hi > box[0] {
			out = append(out, r)
		}
	}
	return out
}

// bare reports whether white is most of the table: lines and labels of a chart.
func (t *tabulation) bare() bool {
	var sum float32
	for i := range t.head {
		sum += 1.2 * t.head[i].size
	}
	for i := range t.body {
		sum += 1.2 * t.body[i].size
	}
	return sum < 0.35*(t.box[3]-t.box[1])
}

// leaders reports whether dots lead to page numbers: a table of contents.
func (f *finder) leaders(lines []tableLine) bool {
	n := 0
	for i := range lines {
		dots := 0
		for _, c := range lines[i].chunks {
			for _, w := range c.words {
				if x := &f.words[w]; f.marks[x.last-1].r == '.' && (x.last-x.first == 1 || f.marks[x.last-2].r == '.') {
					dots += x.last - x.first
				}
			}
		}
		if dots >= 4 {
			n++
		}
	}
	return 3*n > len(lines)
}

// wordy reports whether the columns are running text, set side by side.
func (f *finder) wordy(t *tabulation) bool {
	type sum struct {
		lines, filled, words int
	}
	sums := make([]sum, len(t.cols))
	across := 0
	for i := range t.body {
		for _, c := range t.body[i].chunks {
			if c.end-c.col > 1 {
				if len(c.words) >= 5 {
					across++
				}
				continue
			}
			s := &sums[c.col]
			s.lines++
			s.words += len(c.words)
			if c.u1-c.u0 > 0.8*(t.cols[c.col].hi-t.cols[c.col].lo) {
				s.filled++
			}
		}
	}
	prose := 0
	for _, s := range sums {
		if s.lines >= 4 && s.words >= 4*s.lines && 5*s.filled >= 3*s.lines {
			prose++
		}
	}
	words := 0
	for i := range t.grid.cells {
		words += len(t.grid.cells[i].words)
	}
	if words > 8*len(t.grid.cells) && len(t.edges) <= t.grid.rows {
		return true
	}
	return 2*prose >= len(t.cols) && prose > 0 || across >= 3 && 4*across > len(t.body)
}

// onImage reports whether an image lies under the text: it labels that.
func (f *finder) onImage(box Box) bool { return f.page.pictured(box.onPage(f.turn)) }

// pictured reports whether an image lies under a part of the page.
func (p *Page) pictured(b Box) bool {
	area := (b[2] - b[0]) * (b[3] - b[1])
	for _, m := range p.Images {
		if w, h := min(b[2], m[2])-max(b[0], m[0]), min(b[3], m[3])-max(b[1], m[1]); w > 0 && h > 0 && w*h > 0.2*area {
			if float64(m[2]-m[0])*float64(m[3]-m[1]) < 0.8*p.Width*p.Height {
				return true
			}
		}
	}
	return false
}

// typed reports whether the text is typewritten and that around it is not: a
// listing.
func (f *finder) typed(g *grid) bool {
	n, all := 0, 0
	for i := range g.cells {
		for _, w := range g.cells[i].words {
			all++
			if f.typewritten(w) {
				n++
			}
		}
	}
	return !f.mono && 5*n >= 4*all
}

// equations reports whether the lines are mathematics.
func (f *finder) equations(t *tabulation) bool {
	n, all := 0, 0
	for i := range t.body {
		for _, c := range t.body[i].chunks {
			all++
			if strings.ContainsAny(f.text(c.words), "=+×∑∫√≤≥→") {
				n++
			}
		}
	}
	return 4*n > all
}

// text returns the characters of words, for a look at what they say.
func (f *finder) text(words []int) string {
	var sb strings.Builder
	for k, i := range words {
		if k > 0 {
			sb.WriteByte(' ')
		}
		w := &f.words[i]
		for m := w.first; m < w.last; m++ {
			sb.WriteRune(f.marks[m].r)
		}
	}
	return sb.String()
}
