package layout

// headerRows returns how many rows head the columns of a table: the first, and
// those that stand with it under what heads several columns.
func (f *finder) headerRows(g *grid) int {
	head, all := 1, 0
	for i := range g.cells {
		c := &g.cells[i]
		if c.row >= head {
			break
		}
		for _, w := range c.words {
			if x := &f.words[w]; x.digits > x.letters && c.col > 0 && c.row == 0 {
				return 0 // figures head nothing
			}
		}
		head = max(head, c.row+c.rowSpan)
		if all++; c.colSpan > 1 && c.colSpan < g.cols {
			head = max(head, c.row+c.rowSpan+1)
		}
	}
	if head >= g.rows || head > 4 {
		return min(1, g.rows-1)
	}
	return head
}
