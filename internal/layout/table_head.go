package layout

// headerRows returns how many rows head the columns of a table.
func (f *finder) headerRows(g *grid) int {
	head := 1
	for i := range g.cells {
		c := &g.cells[i]
		if c.row == 0 {
			head = max(head, c.rowSpan)
			for _, w := range c.words {
				if x := &f.words[w]; x.digits > x.letters && c.col > 0 {
					return 0 // figures head nothing
				}
			}
		}
	}
	if head >= g.rows {
		return 0
	}
	return head
}
