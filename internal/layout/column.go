package layout

import "slices"

// columns reads the columns beside a gutter: whatever lies between two lines
// that cross it, first on its left, then on its right.
func (o *orderer) columns(region []int, x float32, depth int) {
	if len(o.known) < maxKnown {
		o.known = append(o.known, x)
	}
	crown, region := o.crown(region)
	o.cut(crown, depth+1)
	across, zones := o.zones(region, x)
	var wide []int // lines across with nothing between them
	flush := func() {
		slices.Sort(wide)
		o.cut(wide, depth+1)
		wide = nil
	}
	last := 0
	for k := range zones {
		if len(zones[k].left) > 0 && len(zones[k].right) > 0 {
			last = k
		}
	}
	for k := range zones {
		z := &zones[k]
		if len(z.left)+len(z.right) > 0 {
			flush()
			o.zone(z, x, k == last, depth+1)
		}
		if k < len(across) {
			wide = append(append(wide, across[k]), z.row...)
		}
	}
	flush()
}

// crown takes from a region the lines at its top that stand in the middle of it
// with nothing at their sides: a title over three columns crosses no gutter.
func (o *orderer) crown(region []int) (crown, rest []int) {
	byBase := slices.Clone(region)
	slices.SortStableFunc(byBase, func(a, b int) int { return compare(o.frags[a].base, o.frags[b].base) })
	l, r := o.frags[region[0]].u0, o.frags[region[0]].u1
	for _, i := range region {
		l, r = min(l, o.frags[i].u0), max(r, o.frags[i].u1)
	}
	n := 0
	for n < len(byBase) {
		next, middle := o.middle(byBase[n:], l, r)
		if !middle {
			break
		}
		n += next
	}
	if n == 0 || n == len(byBase) {
		return nil, region
	}
	crown = slices.Clone(byBase[:n])
	slices.Sort(crown)
	for _, i := range region {
		if _, in := slices.BinarySearch(crown, i); !in {
			rest = append(rest, i)
		}
	}
	return crown, rest
}

// middle reports whether the first line of what is sorted by baselines stands in
// the middle between l and r, in one piece, and of how many fragments it is.
func (o *orderer) middle(byBase []int, l, r float32) (n int, ok bool) {
	first := &o.frags[byBase[0]]
	if first.solid() {
		return 0, false
	}
	u0, u1 := first.u0, first.u1
	var width float32
	for n < len(byBase) && o.frags[byBase[n]].base-first.base < 0.5*o.em {
		f := &o.frags[byBase[n]]
		u0, u1 = min(u0, f.u0), max(u1, f.u1)
		width += f.u1 - f.u0
		n++
	}
	// White inside it would part columns.
	return n, u0 > l+2*o.em && abs(u0+u1-l-r) < 2*o.em && u1-u0-width < float32(n)*o.em
}

// zone is what lies between two things that cross a gutter: on its left, on its
// right, and beside the lower of the two.
type zone struct{ left, right, row []int }

// zones divides the region by what crosses x, from the top: zones[i] is above
// across[i].
func (o *orderer) zones(region []int, x float32) (across []int, zones []zone) {
	for _, i := range region {
		if o.beside(&o.frags[i], x) == 0 {
			across = append(across, i)
		}
	}
	slices.SortStableFunc(across, func(a, b int) int { return compare(o.frags[a].base, o.frags[b].base) })
	zones = make([]zone, len(across)+1)
	for _, i := range region {
		f := &o.frags[i]
		side := o.beside(f, x)
		if side == 0 {
			continue
		}
		k, _ := slices.BinarySearchFunc(across, f.base, func(a int, base float32) int {
			_, bottom := o.reach(&o.frags[a])
			return compare(bottom, base)
		})
		z := &zones[k]
		top := f.base
		if k < len(across) {
			top, _ = o.reach(&o.frags[across[k]])
		}
		switch {
		case f.base > top:
			z.row = append(z.row, i)
		case side < 0:
			z.left = append(z.left, i)
		default:
			z.right = append(z.right, i)
		}
	}
	return across, zones
}

// reach is how far down the page something bars what stands beside it.
func (o *orderer) reach(f *fragment) (top, bottom float32) {
	if f.solid() {
		return f.v0, f.v1
	}
	return f.base - 0.3*o.em, f.base + 0.3*o.em
}

// solid reports whether the fragment stands for a table or a figure.
func (f *fragment) solid() bool { return f.first == f.last }

// beside reports on which side of x the fragment is: -1 left, 1 right, 0 if it
// crosses x. What reaches over a little does not: a gutter that is right for
// most of a page may be off by that at its foot.
func (o *orderer) beside(f *fragment, x float32) int {
	const over = 2
	switch l, r := x-f.u0, f.u1-x; {
	case r <= 0 || r < over*o.em && r < l:
		return -1
	case l <= 0 || l < over*o.em && l <= r:
		return 1
	}
	return 0
}

// on returns what of the region is on one side of x.
func (o *orderer) on(region []int, x float32, side int) []int {
	var out []int
	for _, i := range region {
		if o.beside(&o.frags[i], x) == side {
			out = append(out, i)
		}
	}
	return out
}

// zone reads what is left and right of a gutter. It may have a better gutter of
// its own, or none: a figure that stands over both columns is no text. In the
// last of the zones the notes at the columns' feet come after the text of both.
func (o *orderer) zone(z *zone, x float32, last bool, depth int) {
	left, right := z.left, z.right
	if len(left) > 0 && len(right) > 0 && depth < maxDepth {
		both := slices.Concat(left, right)
		slices.Sort(both)
		if g, ok := o.gutter(both); ok && o.split(both, g).crossing == 0 {
			left, right = o.on(both, g, -1), o.on(both, g, 1)
		} else if s := o.split(both, x); s.turns > 1 && s.wordy() < 6 {
			o.cut(both, depth)
			return
		}
	}
	if !last {
		o.cut(left, depth)
		o.cut(right, depth)
		return
	}
	o.within++
	for _, column := range [][]int{left, right} {
		if _, ok := o.gutter(column); !ok { // of three columns two are on one side
			var notes []int
			column, notes = o.foot(column)
			o.feet = append(o.feet, notes)
		}
		o.cut(column, depth)
	}
	if o.within--; o.within == 0 {
		feet := o.feet
		o.feet = nil
		for _, notes := range feet {
			o.cut(notes, depth)
		}
	}
}

// smaller is the size of notes, as a part of that of the text they belong to.
const smaller = 0.92

// foot takes from a column the notes that stand below its text: in smaller type
// to its end, below a line or with a mark of their own.
func (o *orderer) foot(column []int) (body, notes []int) {
	byBase := slices.Clone(column)
	slices.SortStableFunc(byBase, func(a, b int) int { return compare(o.frags[a].base, o.frags[b].base) })
	size := usual(o.frags, column)
	k := len(byBase)
	for k > 0 && o.frags[byBase[k-1]].size <= smaller*size && !o.frags[byBase[k-1]].solid() {
		k--
	}
	if k == 0 || k == len(byBase) {
		return column, nil
	}
	// Raised marks of the text's last line, and what else is small in it.
	for k < len(byBase) && o.frags[byBase[k]].base-o.frags[byBase[k-1]].base < 0.6*size {
		k++
	}
	if k == len(byBase) || !o.noted(&o.frags[byBase[k-1]], &o.frags[byBase[k]]) {
		return column, nil
	}
	at := o.frags[byBase[k]].base
	for _, i := range column {
		if o.frags[i].base < at {
			body = append(body, i)
		} else {
			notes = append(notes, i)
		}
	}
	return body, notes
}

// noted reports whether notes begin with f, which stands below the text's last
// line.
func (o *orderer) noted(text, f *fragment) bool {
	if isNoteMark(o.marks[f.first].r) {
		return true
	}
	if f.turn != 0 {
		return false
	}
	for _, r := range o.rulings {
		if abs(r.Y1-r.Y0) < 1 && r.Y0 > text.base && r.Y0 < f.base && r.X0 < f.u1 && r.X1 > f.u0 && r.X1-r.X0 > 2*f.size {
			return true
		}
	}
	return false
}
