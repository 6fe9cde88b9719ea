package layout

// kept is the least part of the characters that are in the text of a page that
// was put in order.
const kept = 0.995

// whole reports whether every character that can be seen is in exactly one
// block, but for half a percent.
func (p *Page) whole() bool {
	want, got, next := p.Chars-p.Unshown, 0, 0
	for i := range p.Blocks {
		b := &p.Blocks[i]
		for j := max(b.First, next); j <= b.Last && j < len(p.Lines); j++ {
			for _, r := range p.Text[p.Lines[j].Start:p.Lines[j].End] {
				if r != ' ' {
					got++
				}
			}
		}
		if b.First < next {
			return false // a line in two blocks
		}
		next = b.Last + 1
	}
	lost := want - got
	return float64(max(lost, -lost)) <= (1-kept)*float64(want)
}

// streamOrder makes lines of fragments in the order of the file: what follows
// on the same baseline is one line.
func streamOrder(frags []fragment) []row {
	var out []row
	for i := range frags {
		f := &frags[i]
		if n := len(out); n > 0 && out[n-1].turn == f.turn && out[n-1].takes(f) && follows(&out[n-1], f) {
			out[n-1].add(i, f)
			continue
		}
		out = append(out, newRow(i, f))
	}
	return bounded(out)
}

// follows reports whether f stands behind all of the row, in its direction.
func follows(w *row, f *fragment) bool {
	return f.u0 >= w.u1-overlap*f.size || f.rtl && f.u1 <= w.u0+overlap*f.size
}
