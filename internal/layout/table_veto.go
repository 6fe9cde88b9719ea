package layout

import "strings"

// likelyLattice reports whether crossing lines make a table, and not a frame, a
// chart, a drawing or a form.
func (f *finder) likelyLattice(g *grid) bool {
	full, chars := 0, 0
	rowFull, colFull := make([]int, g.rows), make([]int, g.cols)
	for i := range g.cells {
		c := &g.cells[i]
		if len(c.words) == 0 {
			continue
		}
		full++
		rowFull[c.row]++
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
	if g.rows < 2 || g.cols < 2 || f.leaders(t.body) {
		return false
	}
	full := 0
	for i := range g.cells {
		full += g.cells[i].rowSpan * g.cells[i].colSpan
	}
	if 5*full < 2*g.rows*g.cols && !headed(g) {
		return false
	}
	return !f.wordy(t)
}

// headed reports whether the first row and the first column are full: a table
// to be filled in.
func headed(g *grid) bool {
	row, col := 0, 0
	for i := range g.cells {
		if g.cells[i].row == 0 {
			row += g.cells[i].colSpan
		}
		if g.cells[i].col == 0 {
			col += g.cells[i].rowSpan
		}
	}
	return row >= g.cols-1 && 4*col >= 3*g.rows
}

// leaders reports whether dots lead to page numbers: a table of contents.
func (f *finder) leaders(lines []tableLine) bool {
	n := 0
	for i := range lines {
		for _, c := range lines[i].chunks {
			if hasLeader(f.text(c.words)) {
				n++
				break
			}
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
	for i := range t.body {
		for _, c := range t.body[i].chunks {
			if c.end-c.col > 1 {
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
	return 2*prose >= len(t.cols) && prose > 0
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
