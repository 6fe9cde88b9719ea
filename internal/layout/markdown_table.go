package layout

import (
	"html"
	"slices"
	"strconv"
	"strings"
)

// table writes a table: with pipes, or as HTML where a cell spans others, which
// pipes cannot say.
func (w *markdown) table(e *Element) {
	if w.style.HTMLTables || e.Table.spans() {
		w.htmlTable(e)
		return
	}
	w.pipeTable(e)
}

// pipeTable writes a table whose cells do not span. Its first row is the head,
// as Markdown wants one; what reads Markdown makes that bold by itself.
func (w *markdown) pipeTable(e *Element) {
	t := e.Table
	next := 0
	for row := range t.Rows {
		if row > 0 {
			w.sb.WriteByte('\n')
		}
		w.sb.WriteByte('|')
		for col := range t.Cols {
			if next < len(t.Cells) && t.Cells[next].Row == row && t.Cells[next].Col == col {
				text, parts := w.cell(e, &t.Cells[next])
				if w.style.Plain || row == 0 || !marked(parts) {
					text = escape(text)
				} else {
					text = writeFaces(text, parts)
				}
				if text != "" {
					w.sb.WriteByte(' ')
					w.sb.WriteString(escapePipes(text))
				}
				next++
			}
			w.sb.WriteString(" |")
		}
		if row == 0 {
			w.sb.WriteString("\n|")
			for range t.Cols {
				w.sb.WriteString(" --- |")
			}
		}
	}
}

// cell returns what a cell of a table says, and its faces.
func (w *markdown) cell(e *Element, c *Cell) (text string, parts []stretch) {
	p := w.page
	j := joiner{keep: w.style.KeepHyphens}
	for _, s := range c.Spans {
		lines := p.Lines[e.first : e.last+1]
		k, _ := slices.BinarySearchFunc(lines, s.Start, func(l Line, at int) int { return l.End - at - 1 })
		k = min(k, len(lines)-1)
		j.next(p.Text[s.Start:s.End])
		for _, f := range w.faces(&lines[k], s.Start) {
			if f.start >= s.End {
				break
			}
			if n := len(parts); n == 0 || parts[n-1].face != f.face {
				parts = append(parts, stretch{face: f.face, start: len(j.out)})
			}
			j.put(p.Text[f.start:min(f.end, s.End)])
		}
	}
	for i := range parts {
		if parts[i].end = len(j.out); i+1 < len(parts) {
			parts[i].end = min(parts[i+1].start, len(j.out))
		}
	}
	return string(j.out), parts
}

// marked reports whether a part has a face other than that of the text.
func marked(parts []stretch) bool {
	return slices.ContainsFunc(parts, func(s stretch) bool { return s.face != face{} })
}

// escapePipes escapes what Markdown would take for the end of a cell.
func escapePipes(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// htmlTable writes a table as HTML, a line a cell: a reader of the source
// sees where one ends, and so does a program that only strips tags.
func (w *markdown) htmlTable(e *Element) {
	t, sb := e.Table, &w.sb
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
				text, _ := w.cell(e, c)
				writeHTMLCell(sb, c, text)
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
