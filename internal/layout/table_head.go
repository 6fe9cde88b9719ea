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

// makeHead makes the rows of the head and returns how many there are. Lines are
// one row, but for those that head several columns each, with the columns'
// own heads under them.
func (t *tabulation) makeHead() int {
	under := make([]bool, len(t.cols)) // columns that share a head
	t.widen()
	for i := range t.head {
		for _, c := range t.head[i].chunks {
			for k := c.col; k < c.end && c.end-c.col > 1; k++ {
				under[k] = true
			}
		}
	}
	rows := make([]int, len(t.head))
	row, shared, last := 0, false, -1
	for i := range t.head {
		l := &t.head[i]
		in, spans := false, false
		for _, c := range l.chunks {
			in = in || under[c.col]
			spans = spans || c.end-c.col > 1
		}
		if in {
			if last >= 0 && (shared || spans || t.parted(t.head[last].base, l.base)) {
				row++
			}
			shared, last = spans, i
		}
		rows[i] = row
	}
	for i := range t.head {
		l := &t.head[i]
		for _, c := range l.chunks {
			if under[c.col] {
				t.add(rows[i], 1, c, l)
			} else {
				t.add(0, row+1, c, l)
			}
		}
	}
	return row + 1
}

// widen lets a head reach over the columns that it heads: as far as the line
// under it does, or those in whose middle it stands. A head above another is no
// narrower than that.
func (t *tabulation) widen() {
	for i := len(t.head) - 2; i >= 0; i-- {
		l := &t.head[i]
		for k := range l.chunks {
			c := &l.chunks[k]
			free := chunk{col: 0, end: len(t.cols)}
			if k > 0 {
				free.col = l.chunks[k-1].end
			}
			if k+1 < len(l.chunks) {
				free.end = l.chunks[k+1].col
			}
			if !t.underlined(c, l, free) && t.heads(i, free) {
				t.centre(c, l.size, free, t.under(i, *c))
			}
		}
	}
}

// under returns the columns of a head and of those in the lines below it that
// it stands over.
func (t *tabulation) under(line int, c chunk) chunk {
	out := c
	for i := line + 1; i < len(t.head); i++ {
		for _, d := range t.head[i].chunks {
			if d.col < c.end && d.end > c.col {
				out.col, out.end = min(out.col, d.col), max(out.end, d.end)
			}
		}
	}
	return out
}

// underlined widens a head to the columns over the line that is drawn under it.
func (t *tabulation) underlined(c *chunk, l *tableLine, free chunk) bool {
	for _, r := range t.partial {
		if r.at < l.base-0.1*l.size || r.at > l.base+l.size || r.lo > c.u0+l.size || r.hi < c.u1-l.size {
			continue
		}
		a, b := len(t.cols), 0
		for k := free.col; k < free.end; k++ {
			if m := (t.cols[k].lo + t.cols[k].hi) / 2; m > r.lo && m < r.hi {
				a, b = min(a, k), k+1
			}
		}
		if b > a {
			c.col, c.end = min(a, c.col), max(b, c.end)
			return true
		}
	}
	return false
}

// heads reports whether lines further down in the head have text in all of
// the columns.
func (t *tabulation) heads(line int, of chunk) bool {
	for k := max(of.col, 1); k < of.end; k++ {
		found := false
		for i := line + 1; i < len(t.head); i++ {
			found = found || occupied(&t.head[i], k)
		}
		if !found {
			return false
		}
	}
	return true
}

// centre widens a head to the most of the free columns in whose middle it
// stands, the least ones among them, unless it stands as these do.
func (t *tabulation) centre(c *chunk, size float32, free, least chunk) {
	slack := 0.6 * size
	lo, hi := t.cols[least.col].lo, t.cols[least.end-1].hi
	switch {
	case c.end-c.col > 1:
		return
	case abs(c.u0+c.u1-lo-hi) < 2*slack:
		c.col, c.end = least.col, least.end
		return
	case least.end-least.col == 1 && (abs(c.u0-lo) < slack || abs(c.u1-hi) < slack):
		return
	}
	col, end := c.col, c.end
	for a := free.col; a <= least.col; a++ {
		for b := least.end; b <= free.end; b++ {
			if b-a > end-col && abs(c.u0+c.u1-t.cols[a].lo-t.cols[b-1].hi) < 2*slack {
				col, end = a, b
			}
		}
	}
	c.col, c.end = col, end
}

// parted reports whether a shorter line is drawn between two baselines.
func (t *tabulation) parted(a, b float32) bool {
	for _, r := range t.partial {
		if r.at > a-0.1*t.f.em && r.at < b-0.4*t.f.em {
			return true
		}
	}
	return false
}
