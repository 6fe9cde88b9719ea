package layout

// upright finds the columns of vertical writing, whose letters stand upright one
// below the other, and returns for each glyph how it belongs to one: 0 not at
// all, else a part of its cell, of so many (a number of two figures lies across).
//
// What counts is where a glyph stands to the one before it in the file, for the
// scripts that are written so. Three make a column; where most of the page is
// columns, one that has no neighbour at its side does.
func upright(glyphs []Glyph) []cell {
	var cells []cell
	first, run, last := -1, 0, -1 // of the column at hand
	inColumns, others := 0, 0
	finish := func() {
		if run >= 3 {
			if cells == nil {
				cells = make([]cell, len(glyphs))
			}
			for i := first; i <= last; i++ {
				if eastern(glyphs[i].Rune) {
					cells[i] = cell{0, 1}
				}
			}
			inColumns += run
		} else {
			others += run
		}
	}
	for i := range glyphs {
		g := &glyphs[i]
		if !eastern(g.Rune) || turn(g.Angle) != 0 {
			continue
		}
		if last >= 0 && below(&glyphs[last], g) {
			run, last = run+1, i
			continue
		}
		finish()
		first, run, last = i, 1, i
	}
	finish()
	if inColumns > others && cells != nil {
		strays(glyphs, cells)
	}
	return cells
}

// cell is a glyph's place in the column: part at of parts, from its top.
type cell struct{ at, parts int8 }

// eastern reports whether r is of a script that is also written downwards.
func eastern(r rune) bool {
	return r >= 0x2E80 && r < 0xA000 || r >= 0xF900 && r < 0xFB00 || r >= 0xFE10 && r < 0xFE50 || r >= 0xFF00 && r < 0xFFF0 || r >= 0x20000 && r < 0x40000
}

// below reports whether b stands right below a.
func below(a, b *Glyph) bool {
	em, dx, dy := a.Size, abs(b.X-a.X), b.Y-a.Y
	return abs(b.Size-a.Size) < 0.05*em && dx < 0.3*em && dy > 0.5*em && dy < 1.6*em
}

// strays adds, on a page of vertical writing, the columns of one or two letters
// and the figures that lie across a column.
func strays(glyphs []Glyph, cells []cell) {
	for i := 0; i < len(glyphs); {
		if cells[i].parts > 0 || blank(&glyphs[i]) || turn(glyphs[i].Angle) != 0 {
			i++
			continue
		}
		j := i + 1
		for j < len(glyphs) && j-i <= 4 && cells[j].parts == 0 && !blank(&glyphs[j]) && besides(&glyphs[j-1], &glyphs[j]) {
			j++
		}
		if n := j - i; n == 1 && eastern(glyphs[i].Rune) || n <= 3 && (inColumn(glyphs, cells, i, i-1) || inColumn(glyphs, cells, i, j)) {
			for k := i; k < j; k++ {
				cells[k] = cell{int8(k - i), int8(n)}
			}
		}
		i = j
	}
}

func blank(g *Glyph) bool { return classify(g.Rune) <= classBreak }

// besides reports whether b stands right of a on its line.
func besides(a, b *Glyph) bool {
	return abs(b.Y-a.Y) < 0.3*a.Size && b.X > a.X && b.X < a.X+1.5*a.Size
}

// inColumn reports whether glyph i stands above or below glyph near, which is
// in a column.
func inColumn(glyphs []Glyph, cells []cell, i, near int) bool {
	if near < 0 || near >= len(glyphs) || cells[near].parts == 0 {
		return false
	}
	a, b := &glyphs[i], &glyphs[near]
	return abs(a.X-b.X) < b.Size && abs(a.Y-b.Y) < 1.6*b.Size
}

// stand gives a mark its geometry as a letter of a column: as if the writing
// were turned and the letter not.
func (m *mark) stand(x, y float32, c cell) {
	m.turn = 90
	top := y - 0.88*m.size
	step := m.size / float32(c.parts)
	m.u0 = top + step*float32(c.at)
	m.u1 = m.u0 + step
	m.v = -(x + 0.12*m.size)
}
