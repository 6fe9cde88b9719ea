package layout

// CellText is what stands in a cell of the page, its lines joined for reading.
func (p *Page) CellText(c *Cell) string { return c.text(p) }
