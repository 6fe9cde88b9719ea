package layout

// What columns of white must look like to be taken for a table.
const (
	gapCell    = 0.9 // a gap, in ems, that may part cells
	rowDistant = 2.8 // how far apart, in ems, the lines of a table may be
)

// aligned makes tables of lines whose words stand in columns, without a line
// drawn. Regions keep what is read together together: the columns of a page are
// none of a table.
func (f *finder) aligned() {
	o := orderer{frags: f.frags, em: f.em, marks: f.marks, rulings: f.page.Rulings}
	o.cut(f.among, 0)
	leaf := make([]int, len(f.frags)) // from 1
	for k, l := range o.leaves {
		for _, i := range l {
			leaf[i] = k + 1
		}
	}
	words := make([][]int, len(o.leaves)+1)
	for i := range f.words {
		if w := &f.words[i]; !f.taken[i] {
			words[leaf[w.frag]] = append(words[leaf[w.frag]], i)
		}
	}
	for _, ws := range words[1:] {
		if len(ws) >= 6 {
			f.alignedIn(f.textLines(ws))
		}
	}
}

// alignedIn makes the tables of a region.
func (f *finder) alignedIn(lines []textLine) {
	ts := make([]tableLine, len(lines)) // taken apart at wide gaps
	var lo, hi float32
	for i, l := range lines {
		ts[i] = f.chunked(l, gapCell)
		n := len(ts[i].chunks)
		if i == 0 {
			lo, hi = ts[i].chunks[0].u0, ts[i].chunks[n-1].u1
		}
		lo, hi = min(lo, ts[i].chunks[0].u0), max(hi, ts[i].chunks[n-1].u1)
	}
	for i := 0; i < len(lines); {
		if len(ts[i].chunks) < 2 {
			i++
			continue
		}
		j, last, singles := i+1, i, 0
		for ; j < len(lines) && lines[j].base-lines[j-1].base <= rowDistant*max(lines[j].size, lines[j-1].size); j++ {
			if len(ts[j].chunks) > 1 {
				if j > i+1 && abs(lines[j].size-lines[last].size) > 0.2*lines[last].size {
					break
				}
				last, singles = j, 0
				continue
			}
			c := ts[j].chunks[0]
			if singles++; singles > 2 || c.u1-c.u0 > 0.5*(hi-lo) || lines[j].size > 1.08*lines[i].size {
				break // text, or a heading
			}
		}
		f.alignedRun(lines[:last+1], i)
		i = last + 1
	}
}

// alignedRun makes a table of the lines from one on, or of all but the first of
// them. The line before may be the head, set too close to show columns itself.
func (f *finder) alignedRun(all []textLine, from int) {
	lines := all[from:]
	if f.left -= len(f.rules.across) + len(f.rules.fills); f.left < 0 {
		return
	}
	for drop := 0; drop <= 2 && len(lines)-drop >= 3; drop++ {
		var head, body []tableLine
		for i, l := range lines {
			if t := f.chunked(l, gapChunk); i < drop {
				head = append(head, t)
			} else {
				body = append(body, t)
			}
		}
		cols := f.columns(body)
		if len(cols) < 2 || len(cols) > maxColumns || len(cols) < 3 && drop > 0 {
			continue
		}
		for len(head) > 0 && len(head[0].chunks) < 2 {
			head = head[1:]
		}
		if drop == 0 && from > 0 {
			head = f.closeHead(all[from-1], &body[0], cols)
		}
		first, last := &body[0], &body[len(body)-1]
		if len(head) > 0 {
			first = &head[0]
		}
		t := &tabulation{f: f, cols: cols, box: Box{cols[0].lo, first.base - first.size, cols[len(cols)-1].hi, last.base + 0.4*last.size}}
		t.partial = f.partial(t.box)
		for _, r := range f.rules.across {
			if r.at > t.box[1] && r.at < t.box[3] && r.hi-r.lo > 0.8*(t.box[2]-t.box[0]) {
				t.edges = append(t.edges, r.at)
			}
		}
		t.make(head, body)
		if f.likelyAligned(t) {
			t.grid.header = f.headerRows(&t.grid)
			f.accept(t.grid)
			return
		}
	}
}

// closeHead returns the line above a table if it heads the columns.
func (f *finder) closeHead(l textLine, first *tableLine, cols []column) []tableLine {
	if first.base-l.base > 2*max(l.size, first.size) {
		return nil
	}
	return f.fitting(l, cols)
}

// fitting returns a line as the row of a table if it stands in the columns of
// that, all but one or all.
func (f *finder) fitting(l textLine, cols []column) []tableLine {
	row := []tableLine{f.chunked(l, gapChunk)}
	f.arrange(row, cols)
	for _, c := range row[0].chunks {
		if c.end-c.col > 1 {
			return nil
		}
	}
	if row[0].full < max(2, len(cols)-1) {
		return nil
	}
	return row
}
