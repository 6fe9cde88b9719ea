package layout

import "slices"

// bands makes tables of what stands between horizontal lines of one width, as
// in papers: columns are parted by white.
func (f *finder) bands() {
	used := make([]bool, len(f.rules.across))
	for i := range f.rules.across {
		if used[i] || f.rules.across[i].hi-f.rules.across[i].lo < 6*f.em {
			continue
		}
		if stack := f.alike(i, used); len(stack) >= 2 {
			f.stack(stack)
		}
	}
}

// alike returns the lines from rule i downwards that are as wide as that, in
// one piece or in several.
func (f *finder) alike(i int, used []bool) []rule {
	first := f.rules.across[i]
	slack := max(meet, 0.02*(first.hi-first.lo))
	var stack []rule
	for k, end := i, min(i+maxAlike, len(f.rules.across)); k < end; {
		at := f.rules.across[k].at
		var pieces []int
		lo, hi, sum := first.hi, first.lo, float32(0)
		for ; k < end && f.rules.across[k].at <= at+near; k++ {
			r := f.rules.across[k]
			if r.lo < first.lo-slack || r.hi > first.hi+slack || used[k] {
				continue
			}
			pieces = append(pieces, k)
			lo, hi, sum = min(lo, r.lo), max(hi, r.hi), sum+r.hi-r.lo
		}
		if sum < 0.8*(first.hi-first.lo) || lo > first.lo+slack || hi < first.hi-slack {
			continue
		}
		for _, p := range pieces {
			used[p] = true
		}
		stack = append(stack, rule{at: at, lo: lo, hi: hi})
	}
	return stack
}

// band is what stands between two horizontal lines.
type band struct {
	top, bottom float32
	lines       []textLine
}

// stack makes tables of horizontal lines of one width. Text that runs on
// between two of them parts two tables.
func (f *finder) stack(rs []rule) {
	if f.labelled(rs) {
		return
	}
	lo, hi := rs[0].lo-f.em, rs[0].hi+f.em
	words := f.within(Box{lo, rs[0].at, hi, rs[len(rs)-1].at})
	lines := f.textLines(words)
	var run []band
	flush := func() {
		if len(run) > 0 {
			f.bandTable(run, rs[0].lo, rs[0].hi)
		}
		run = nil
	}
	next := 0
	for k := 1; k < len(rs); k++ {
		b := band{top: rs[k-1].at, bottom: rs[k].at}
		for next < len(lines) && lines[next].base-0.3*lines[next].size < b.bottom {
			b.lines = append(b.lines, lines[next])
			next++
		}
		if len(b.lines) == 0 {
			if b.bottom-b.top > 1.5*f.em {
				flush()
			}
			continue // a double line
		}
		if f.isProse(b.lines, rs[0].hi-rs[0].lo) {
			flush()
			continue
		}
		run = append(run, b)
	}
	flush()
}

// isProse reports whether lines are running text, a caption or the like, and
// no rows of a table of this width.
func (f *finder) isProse(lines []textLine, width float32) bool {
	if isCaption(f.text(lines[0].words)) {
		return true
	}
	single, wide := 0, 0
	for _, l := range lines {
		t := f.chunked(l, gapRiver)
		if len(t.chunks) == 1 {
			single++
			if t.chunks[0].u1-t.chunks[0].u0 > 0.6*width {
				wide++
			}
		}
	}
	return wide >= 2 && 2*wide > len(lines) || len(lines) > 2 && single == len(lines)
}

// bandTable makes a table of bands, the first of which heads the columns if
// there is more than one.
func (f *finder) bandTable(run []band, lo, hi float32) {
	var head, body []tableLine
	edges := []float32{run[0].top}
	for i, b := range run {
		edges = append(edges, b.bottom)
		for _, l := range b.lines {
			t := f.chunked(l, gapChunk)
			if i == 0 && len(run) > 1 {
				head = append(head, t)
			} else {
				body = append(body, t)
			}
		}
	}
	cols := f.columns(body)
	if len(run) == 1 || len(body) < 2 {
		cols = f.columns(slices.Concat(head, body))
	}
	if len(cols) < 2 || len(cols) > maxColumns || len(head) > maxHead {
		return
	}
	t := &tabulation{f: f, cols: cols, edges: edges, box: Box{lo, run[0].top, hi, run[len(run)-1].bottom}, ruled: true}
	t.partial = f.partial(t.box)
	if len(run) > 2 {
		head, body = t.outside(head, body)
	}
	t.make(head, body)
	if t.grid.rows >= 2 && f.likelyBands(t) {
		f.accept(t.grid)
	}
}

// outside adds the rows above the first and below the last of lines that part
// each row from the next: the head often has a line under it only, and the last
// row none.
func (t *tabulation) outside(head, body []tableLine) (_, _ []tableLine) {
	f := t.f
	first, last := &body[0], &body[len(body)-1]
	if len(head) > 0 {
		first = &head[0]
	}
	far := rowDistant * f.em
	above := f.textLines(f.within(Box{t.box[0] - f.em, t.box[1] - far, t.box[2] + f.em, t.box[1]}))
	below := f.textLines(f.within(Box{t.box[0] - f.em, t.box[3], t.box[2] + f.em, t.box[3] + far}))
	if len(below) > 0 {
		l := &below[0]
		if row := f.fitting(*l, t.cols); row != nil && l.base-last.base < rowDistant*last.size && abs(l.size-last.size) < 0.15*last.size {
			body = append(body, row...)
			t.box[3] = l.base + 0.4*l.size
		}
	}
	if len(above) > 0 {
		l := &above[len(above)-1]
		if row := f.fitting(*l, t.cols); row != nil && first.base-l.base < rowDistant*first.size && !isCaption(f.text(l.words)) {
			head, body = row, slices.Concat(head, body)
			t.box[1] = l.base - l.size
		}
	}
	return head, body
}

// partial returns the lines within a box that are narrower than it: they part
// the rows of a head under what heads several columns.
func (f *finder) partial(box Box) []rule {
	var out []rule
	for _, r := range f.rules.across {
		if r.at > box[1]+near && r.at < box[3]-near && r.lo >= box[0]-meet && r.hi <= box[2]+meet && r.hi-r.lo < 0.95*(box[2]-box[0]) {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b rule) int { return compare(a.at, b.at) })
	return out
}
