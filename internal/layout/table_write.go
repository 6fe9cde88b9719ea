package layout

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxTableCells bounds the places of a table, those that are empty with the
// others: it is far above what fits a page.
const maxTableCells = 100_000

// tableUnits returns what is put in order: the fragments, and behind them one
// for each table, as large as that. free are those that count.
func tableUnits(frags []fragment, grids []grid) (units []fragment, free []int) {
	taken := make([]bool, len(frags))
	for k := range grids {
		for _, i := range grids[k].frags {
			taken[i] = true
		}
	}
	free = make([]int, 0, len(frags))
	for i := range frags {
		if !taken[i] {
			free = append(free, i)
		}
	}
	if len(grids) == 0 {
		return frags, free
	}
	units = slices.Clone(frags)
	for k := range grids {
		g := &grids[k]
		first := &frags[g.frags[0]]
		free = append(free, len(units))
		units = append(units, fragment{
			first: first.first, last: first.first, turn: g.turn, inset: first.inset, size: first.size,
			u0: g.box[0], v0: g.box[1], u1: g.box[2], v1: g.box[3], base: g.box[3],
		})
	}
	// In the order of the file: a table comes where its first fragment does.
	slices.SortStableFunc(free, func(a, b int) int { return units[a].first - units[b].first })
	return units, free
}

// tableParts takes a region apart into what stands above, in and below its
// tables. A part is a table's unit alone, or fragments.
func tableParts(region []int, units []fragment, frags int) [][]int {
	var tables []int
	for _, i := range region {
		if i >= frags {
			tables = append(tables, i)
		}
	}
	if len(tables) == 0 {
		return [][]int{region}
	}
	slices.SortStableFunc(tables, func(a, b int) int { return compare(units[a].v0, units[b].v0) })
	between := make([][]int, len(tables)+1)
	for _, i := range region {
		if i >= frags {
			continue
		}
		k := 0
		for k < len(tables) && units[i].base > (units[tables[k]].v0+units[tables[k]].v1)/2 {
			k++
		}
		between[k] = append(between[k], i)
	}
	var parts [][]int
	for k, p := range between {
		if len(p) > 0 {
			parts = append(parts, p)
		}
		if k < len(tables) {
			parts = append(parts, tables[k:k+1])
		}
	}
	return parts
}

// lines makes the lines of a table, row by row: number is its own, from 1.
func (g *grid) lines(frags []fragment, marks []mark, region, number int) []row {
	var out []row
	for i := 0; i < len(g.cells); {
		var in []int
		j := i
		for ; j < len(g.cells) && g.cells[j].row == g.cells[i].row; j++ {
			in = append(in, g.cells[j].frags...)
		}
		i = j
		for _, of := range byTurn(frags, in) {
			for _, r := range rows(frags, marks, of, region) {
				r.grid = number
				out = append(out, r)
			}
		}
	}
	return out
}

// byTurn parts fragments by the direction of their writing, the direction of the
// first of them first. Each part is in the order of the file.
func byTurn(frags []fragment, of []int) [][]int {
	var parts [][]int
	for _, i := range of {
		k := slices.IndexFunc(parts, func(p []int) bool { return frags[p[0]].turn == frags[i].turn })
		if k < 0 {
			k, parts = len(parts), append(parts, nil)
		}
		parts[k] = append(parts[k], i)
	}
	for _, p := range parts {
		slices.Sort(p)
	}
	return parts
}

// homes returns the cell of each fragment, counted over all tables from 1; 0
// is no cell.
func homes(frags int, grids []grid) []int32 {
	if len(grids) == 0 {
		return nil
	}
	out := make([]int32, frags)
	n := int32(0)
	for k := range grids {
		for c := range grids[k].cells {
			n++
			for _, i := range grids[k].cells[c].frags {
				out[i] = n
			}
		}
	}
	return out
}

// tableBlock makes the block of a table whose lines are rows[first:last+1].
func (w *writer) tableBlock(g *grid, rows []row, first, last int) Block {
	p := w.page
	b := Block{Kind: BlockTable, First: first, Last: last, Box: g.box.onPage(g.turn)}
	b.Size, b.Bold = p.style(p.Lines[first : last+1])
	for k := first; k <= last; k++ {
		b.Box = b.Box.union(p.Lines[k].Box)
	}
	t := &Table{Rows: g.rows, Cols: g.cols, HeaderRows: g.header, Ruled: g.ruled, Cells: make([]Cell, len(g.cells))}
	at := make(map[int32]int, len(g.cells)) // from a cell's number to its index
	for i := range g.cells {
		c := &g.cells[i]
		t.Cells[i] = Cell{Row: c.row, Col: c.col, RowSpan: c.rowSpan, ColSpan: c.colSpan, Box: c.box.onPage(g.turn)}
		if c.rowSpan == 1 {
			t.Cells[i].RowSpan = 0
		}
		if c.colSpan == 1 {
			t.Cells[i].ColSpan = 0
		}
		if len(c.frags) > 0 {
			at[w.homes[c.frags[0]]] = i
		}
	}
	for k := first; k <= last; k++ {
		before := int32(0)
		for _, i := range rows[k].frags {
			home := w.homes[i]
			c := &t.Cells[at[home]]
			if n := len(c.Spans); home == before {
				c.Spans[n-1].End = w.spans[i].End
			} else {
				c.Spans = append(c.Spans, w.spans[i])
			}
			before = home
		}
	}
	b.Table = t
	return b
}

// onPage is a box of the frame of writing at an angle, on the page.
func (b Box) onPage(turn int16) Box {
	if turn == 0 {
		return b.round()
	}
	x0, y0 := rotate(b[0], b[1], -turn)
	x1, y1 := rotate(b[2], b[3], -turn)
	return Box{x0, y0, x1, y1}.round()
}

// text is the table as plain text: a line a row, cells parted by tabs.
func (t *Table) text(p *Page) string {
	var sb strings.Builder
	row := 0
	for i := range t.Cells {
		c := &t.Cells[i]
		for ; row < c.Row; row++ {
			sb.WriteByte('\n')
		}
		if i > 0 && t.Cells[i-1].Row == c.Row {
			sb.WriteByte('\t')
		}
		sb.WriteString(c.text(p))
	}
	return sb.String()
}

// text is what stands in a cell, its lines joined for reading.
func (c *Cell) text(p *Page) string {
	return joinLines(c.lines(p))
}

// lines is what stands in a cell, as printed.
func (c *Cell) lines(p *Page) string {
	switch len(c.Spans) {
	case 0:
		return ""
	case 1:
		return p.Text[c.Spans[0].Start:c.Spans[0].End]
	}
	var sb strings.Builder
	for i, s := range c.Spans {
		if i > 0 {
			sb.WriteByte('\n')
		}
		sb.WriteString(p.Text[s.Start:s.End])
	}
	return sb.String()
}

// spans reports whether a cell of the table reaches over others.
func (t *Table) spans() bool {
	return slices.ContainsFunc(t.Cells, func(c Cell) bool { return c.RowSpan > 1 || c.ColSpan > 1 })
}

// check verifies that the table of a block whose text is p.Text[from:to] can be
// used without looking twice.
func (t *Table) check(p *Page, from, to int) error {
	if t.Rows < 1 || t.Cols < 1 || t.Rows > maxTableCells || t.Cols > maxTableCells/t.Rows || t.HeaderRows < 0 || t.HeaderRows > t.Rows {
		return fmt.Errorf("table of %d rows, %d columns, %d header rows", t.Rows, t.Cols, t.HeaderRows)
	}
	row, col := 0, -1
	for i := range t.Cells {
		c := &t.Cells[i]
		if c.Row < row || c.Row == row && c.Col <= col || c.Col < 0 {
			return fmt.Errorf("cell %d: out of order", i)
		}
		row, col = c.Row, c.Col
		if c.RowSpan < 0 || c.ColSpan < 0 || c.Row+max(c.RowSpan, 1) > t.Rows || c.Col+max(c.ColSpan, 1) > t.Cols {
			return fmt.Errorf("cell %d: outside the table", i)
		}
		for _, s := range c.Spans {
			if !p.slices(s.Start, s.End, from, to) {
				return fmt.Errorf("cell %d: offsets %d to %d do not slice the block", i, s.Start, s.End)
			}
		}
	}
	if len(t.Cells) == 0 {
		return errors.New("table without cells")
	}
	return nil
}
