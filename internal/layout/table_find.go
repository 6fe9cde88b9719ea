package layout

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
	frags            []int
}

// findTables finds the tables of a page. A fragment that reaches from one cell
// into the next is cut: the fragments returned are those to go on with.
func findTables(frags []fragment, _ []mark, _ *Page) ([]fragment, []grid) {
	return frags, nil
}
