package layout

import "strings"

// CellText is what stands in a cell of the page, its lines joined for reading.
func (p *Page) CellText(c *Cell) string {
	lines := make([]string, len(c.Spans))
	for i, s := range c.Spans {
		lines[i] = p.Text[s.Start:s.End]
	}
	return joinLines(strings.Join(lines, "\n"))
}
