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
	rows, cols := 0, 0
	for _, k := range rowFull {
		if k > 0 {
			rows++
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
	if 3*full >= n {
		return true
	}
	// To be filled in: all rows and all columns are headed.
	return 4*colFull[0] >= 3*(g.rows-1) && 4*rowFull[0] >= 3*(g.cols-1)
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
