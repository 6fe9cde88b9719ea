package layout

import (
	"html"
	"strconv"
	"strings"
)

// writeTable writes a table: with pipes, or as HTML where a cell spans others,
// which pipes cannot say.
func writeTable(sb *strings.Builder, p *Page, t *Table, style Style) {
	if style.HTMLTables || t.spans() {
		writeHTMLTable(sb, p, t)
		return
	}
	writePipeTable(sb, p, t)
}

// writePipeTable writes a table whose cells do not span. Its first row is the
// head, as Markdown wants one.
func writePipeTable(sb *strings.Builder, p *Page, t *Table) {
	next := 0
	for row := range t.Rows {
		if row > 0 {
			sb.WriteByte('\n')
		}
		sb.WriteByte('|')
		for col := range t.Cols {
			if next < len(t.Cells) && t.Cells[next].Row == row && t.Cells[next].Col == col {
				if text := t.Cells[next].text(p); text != "" {
					sb.WriteByte(' ')
					sb.WriteString(escapePipes(text))
				}
				next++
			}
			sb.WriteString(" |")
		}
		if row == 0 {
			sb.WriteString("\n|")
			for range t.Cols {
				sb.WriteString(" --- |")
			}
		}
	}
}

// escapePipes escapes text for a cell between pipes.
func escapePipes(s string) string {
	return strings.ReplaceAll(escape(s), "|", `\|`)
}

// writeHTMLTable writes a table as HTML, a line a cell: a reader of the source
// sees where one ends, and so does a program that only strips tags.
func writeHTMLTable(sb *strings.Builder, p *Page, t *Table) {
	covered := make([]bool, t.Rows*t.Cols)
	next := 0
	sb.WriteString("<table>\n")
	for row := range t.Rows {
		sb.WriteString("<tr>\n")
		for col := range t.Cols {
			switch {
			case next < len(t.Cells) && t.Cells[next].Row == row && t.Cells[next].Col == col:
				c := &t.Cells[next]
				next++
				t.cover(covered, c)
				writeHTMLCell(sb, c, c.text(p))
			case !covered[row*t.Cols+col]:
				sb.WriteString("<td></td>\n")
			}
		}
		sb.WriteString("</tr>\n")
	}
	sb.WriteString("</table>")
}

// cover marks the places that a cell reaches over.
func (t *Table) cover(covered []bool, c *Cell) {
	for row := c.Row; row < c.Row+max(c.RowSpan, 1); row++ {
		for col := c.Col; col < c.Col+max(c.ColSpan, 1); col++ {
			covered[row*t.Cols+col] = true
		}
	}
}

func writeHTMLCell(sb *strings.Builder, c *Cell, text string) {
	sb.WriteString("<td")
	if c.RowSpan > 1 {
		sb.WriteString(` rowspan="` + strconv.Itoa(c.RowSpan) + `"`)
	}
	if c.ColSpan > 1 {
		sb.WriteString(` colspan="` + strconv.Itoa(c.ColSpan) + `"`)
	}
	sb.WriteByte('>')
	sb.WriteString(html.EscapeString(text))
	sb.WriteString("</td>\n")
}
