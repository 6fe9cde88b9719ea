package layout

import (
	"cmp"
	"slices"
)

// What turned text has to be to be read where it stands.
const (
	insetLines  = 1.6 // ems across its writing: more than one line, which may be the label of an axis
	insetPitch  = 3   // ems between lines that belong together at most
	insetSpace  = 10  // ems between words of a line that belong together at most
	insetDepth  = 6   // how often what stands apart is taken apart
	maxInsets   = 16  // the largest of a page
	insetMeets  = 1   // points that it may reach over a table
	insetRuling = 3   // ems that its lines may stand off its text
)

// inset is text turned by right angles that stands by itself within an upright
// page, as a table that was too wide does. It is read in its own frame, and comes
// where a picture of it would.
type inset struct {
	turn  int16
	frags []int
	marks int
	box   Box // on the page
}

// insets returns what stands by itself of the turned text of an upright page:
// with no text on it, hardly any at its sides and not beside all of that, which
// is a margin.
func insets(p *Page, frags []fragment) []inset {
	var found []inset
	for _, turn := range [...]int16{90, -90, 180} {
		var of []int
		for i := range frags {
			if frags[i].turn == turn {
				of = append(of, i)
			}
		}
		if len(of) < 2 {
			continue
		}
		for _, group := range apart(frags, of, usual(frags, of), insetDepth) {
			if n := newInset(frags, group, turn); n.frags != nil {
				found = append(found, n)
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	slices.SortStableFunc(found, func(a, b inset) int { return cmp.Compare(b.marks, a.marks) })
	text := uprightText(frags)
	lo, hi := float32(far), float32(-far)
	for _, f := range text {
		lo, hi = min(lo, f.u0), max(hi, f.u1)
	}
	return slices.DeleteFunc(found[:min(len(found), maxInsets)], func(n inset) bool {
		middle := (n.box[0] + n.box[2]) / 2
		return middle < lo || middle > hi || lettersOn(n.box, text) > figureText || flanked(n.box, text) || p.pictured(n.box)
	})
}

// newInset makes an inset of a group, or none of less than two lines.
func newInset(frags []fragment, group []int, turn int16) inset {
	n := inset{turn: turn, frags: group}
	var largest float32
	for _, i := range group {
		largest = max(largest, frags[i].size)
		n.marks += frags[i].last - frags[i].first
	}
	box := boxOf(frags, group)
	if box[3]-box[1] < insetLines*largest {
		return inset{}
	}
	n.box = box.onPage(turn)
	return n
}

// apart takes fragments apart where lines, or words of a line, stand far from
// each other.
func apart(frags []fragment, of []int, em float32, depth int) [][]int {
	if depth == 0 || len(of) < 2 {
		return [][]int{of}
	}
	parts := gaps(of, insetPitch*em, func(i int) (lo, hi float32) { return frags[i].v0, frags[i].v1 })
	if len(parts) == 1 {
		parts = gaps(of, insetSpace*em, func(i int) (lo, hi float32) { return frags[i].u0, frags[i].u1 })
	}
	if len(parts) == 1 {
		return [][]int{of}
	}
	var out [][]int
	for _, part := range parts {
		out = append(out, apart(frags, part, em, depth-1)...)
	}
	return out
}

// gaps parts what reaches from lo to hi where nothing does for longer than wide.
// Each part is in the order of the file.
func gaps(of []int, wide float32, reach func(i int) (lo, hi float32)) [][]int {
	sorted := slices.Clone(of)
	slices.SortStableFunc(sorted, func(a, b int) int {
		x, _ := reach(a)
		y, _ := reach(b)
		return compare(x, y)
	})
	var out [][]int
	var end float32
	for _, i := range sorted {
		lo, hi := reach(i)
		if len(out) == 0 || lo-end > wide {
			out, end = append(out, nil), hi
		}
		n := len(out) - 1
		out[n], end = append(out[n], i), max(end, hi)
	}
	for _, part := range out {
		slices.Sort(part)
	}
	return out
}

// insets marks the fragments of insets and looks for tables among them. Turned
// text over a table of the page is none.
func (f *finder) insets() {
	if f.turn != 0 {
		return
	}
	number := int16(0)
	for _, n := range insets(f.page, f.frags) {
		if f.inTable(n.box) {
			continue
		}
		number++
		for _, i := range n.frags {
			f.frags[i].inset = number
		}
		em := usual(f.frags, n.frags)
		f.aim(n.turn, n.frags, inside(f.page.Rulings, n.box, insetRuling*em))
		f.search()
	}
}

// inTable reports whether a box reaches into one of the tables found so far.
func (f *finder) inTable(b Box) bool {
	return slices.ContainsFunc(f.grids, func(g grid) bool {
		t := b.within(g.box.onPage(g.turn))
		return t[2]-t[0] > insetMeets && t[3]-t[1] > insetMeets
	})
}

// inside returns the rulings in a box that is larger by so much.
func inside(rulings []Ruling, b Box, by float32) []Ruling {
	var out []Ruling
	for _, r := range rulings {
		if min(r.X0, r.X1) >= b[0]-by && max(r.X0, r.X1) <= b[2]+by && min(r.Y0, r.Y1) >= b[1]-by && max(r.Y0, r.Y1) <= b[3]+by {
			out = append(out, r)
		}
	}
	return out
}

// insetUnits puts one unit for each inset in the place of what that has, which
// is returned apart.
func insetUnits(units []fragment, free []int) (_ []fragment, rest []int, of [][]int) {
	for _, i := range free {
		if k := int(units[i].inset); k > len(of) {
			of = append(of, make([][]int, k-len(of))...)
		}
	}
	if len(of) == 0 {
		return units, free, nil
	}
	for _, i := range free {
		if k := units[i].inset; k > 0 {
			of[k-1] = append(of[k-1], i)
		} else {
			rest = append(rest, i)
		}
	}
	units = slices.Clone(units)
	for _, part := range of {
		first := units[part[0]].first
		box := boxOf(units, part).onPage(units[part[0]].turn)
		rest = append(rest, len(units))
		units = append(units, fragment{
			first: first, last: first, size: units[part[0]].size,
			u0: box[0], v0: box[1], u1: box[2], v1: box[3], base: box[3],
		})
	}
	slices.SortStableFunc(rest, func(a, b int) int { return units[a].first - units[b].first })
	return units, rest, of
}
