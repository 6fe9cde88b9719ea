package layout

import "slices"

// rule is a horizontal or vertical line: at is where, lo to hi its reach.
type rule struct {
	at, lo, hi float32
	fill       bool // nothing drew it: it is where a colour ends
}

// rules are the lines of a page in the frame of its writing, each whole: what
// was drawn piece by piece, or twice, is one.
type rules struct {
	across, down []rule // horizontal and vertical
	fills        []Box
}

const (
	// near is how far apart, in points, two lines may be that are the same, and
	// how far from each other two may end that meet.
	near = 1.0
	meet = 2.5
	// maxMeetings bounds how many pairs of lines are looked at. A drawing may
	// have more; a table has a few thousand.
	maxMeetings = 400_000
)

// newRules collects rulings of a page.
func newRules(p *Page, rulings []Ruling, turn int16, em float32) rules {
	var r rules
	var recent, cells []Ruling
	for _, l := range rulings {
		box := Box{}
		box[0], box[1] = rotate(l.X0, l.Y0, turn)
		box[2], box[3] = rotate(l.X1, l.Y1, turn)
		box = box.round()
		if l.Fill == "" {
			r.add(box, false)
			continue
		}
		l.X0, l.Y0, l.X1, l.Y1 = box[0], box[1], box[2], box[3]
		if r.isCell(l, recent, p, em) {
			cells = append(cells, l)
		}
		if len(recent) == 32 {
			recent = recent[1:]
		}
		recent = append(recent, l)
	}
	for _, l := range whole(cells) {
		r.fills = append(r.fills, Box{l.X0, l.Y0, l.X1, l.Y1})
		r.add(Box{l.X0, l.Y0, l.X1, l.Y0}, true)
		r.add(Box{l.X0, l.Y1, l.X1, l.Y1}, true)
		r.add(Box{l.X0, l.Y0, l.X0, l.Y1}, true)
		r.add(Box{l.X1, l.Y0, l.X1, l.Y1}, true)
	}
	r.across, r.down = joined(r.across), joined(r.down)
	return r
}

// whole makes one box of those of one colour that lie upon each other, line by
// line as behind code: nobody sees where one ends. Cells that lie side by side
// are left alone.
func whole(boxes []Ruling) []Ruling {
	type strip struct{ top, bottom int }
	beside := map[strip]int{}
	key := func(l Ruling) strip { return strip{int(l.Y0), int(l.Y1)} }
	for _, l := range boxes {
		beside[key(l)]++
	}
	slices.SortStableFunc(boxes, func(a, b Ruling) int {
		if a.X0 != b.X0 {
			return compare(a.X0, b.X0)
		}
		return compare(a.Y0, b.Y0)
	})
	var out []Ruling
	for _, l := range boxes {
		if n := len(out); n > 0 {
			o := &out[n-1]
			if o.Fill == l.Fill && abs(o.X0-l.X0) < near && abs(o.X1-l.X1) < near && l.Y0 <= o.Y1+near && beside[key(l)] == 1 {
				o.Y1 = max(o.Y1, l.Y1)
				continue
			}
		}
		out = append(out, l)
	}
	return out
}

// isCell reports whether a filled box may be a cell or a row of them, and not
// the shade behind a single line of a cell's text, or behind half the page.
func (r *rules) isCell(l Ruling, recent []Ruling, p *Page, em float32) bool {
	w, h := l.X1-l.X0, l.Y1-l.Y0
	if w < 5 || h < 0.8*em || float64(w)*float64(h) > 0.6*p.Width*p.Height {
		return false
	}
	for _, o := range recent {
		if o.Fill == l.Fill && l.X0 >= o.X0-meet && l.X1 <= o.X1+meet && l.Y0 >= o.Y0-meet && l.Y1 <= o.Y1+meet {
			return false
		}
	}
	return true
}

func (r *rules) add(b Box, fill bool) {
	if b[2]-b[0] > b[3]-b[1] {
		r.across = append(r.across, rule{at: (b[1] + b[3]) / 2, lo: b[0], hi: b[2], fill: fill})
	} else {
		r.down = append(r.down, rule{at: (b[0] + b[2]) / 2, lo: b[1], hi: b[3], fill: fill})
	}
}

// joined makes one of the pieces of a line.
func joined(pieces []rule) []rule {
	slices.SortFunc(pieces, func(a, b rule) int { return compare(a.at, b.at) })
	var out []rule
	for i := 0; i < len(pieces); {
		j := i
		for j < len(pieces) && pieces[j].at <= pieces[i].at+near {
			j++
		}
		same := pieces[i:j]
		slices.SortFunc(same, func(a, b rule) int {
			if a.lo != b.lo {
				return compare(a.lo, b.lo)
			}
			return compare(a.hi, b.hi)
		})
		from := len(out)
		for _, p := range same {
			if n := len(out); n > from && p.lo <= out[n-1].hi+meet {
				out[n-1].hi = max(out[n-1].hi, p.hi)
				out[n-1].fill = out[n-1].fill && p.fill
				continue
			}
			out = append(out, p)
		}
		i = j
	}
	return out
}

// covers returns how much of a to b the rules reach over.
func covers(rs []rule, a, b float32) float32 {
	var sum float32
	at := a
	for _, r := range rs { // by lo
		lo, hi := max(r.lo, at), min(r.hi, b)
		if hi > lo {
			sum += hi - lo
			at = hi
		}
	}
	return sum
}

// web is lines that hang together: each meets another of the other direction.
type web struct {
	across, down []int
}

// webs returns what hangs together, or nothing for a drawing.
func (r *rules) webs() []web {
	n := len(r.across)
	parent := make([]int, n+len(r.down))
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	looked := 0
	for i := range r.across {
		a := &r.across[i]
		k, _ := slices.BinarySearchFunc(r.down, a.lo-meet, func(d rule, x float32) int { return compare(d.at, x) })
		for ; k < len(r.down) && r.down[k].at <= a.hi+meet; k++ {
			if looked++; looked > maxMeetings {
				return nil
			}
			if d := &r.down[k]; a.at >= d.lo-meet && a.at <= d.hi+meet {
				parent[find(i)] = find(n + k)
			}
		}
	}
	number := map[int]int{}
	var out []web
	for i := range parent {
		root := find(i)
		k, ok := number[root]
		if !ok {
			k = len(out)
			number[root] = k
			out = append(out, web{})
		}
		if i < n {
			out[k].across = append(out[k].across, i)
		} else {
			out[k].down = append(out[k].down, i-n)
		}
	}
	return out
}
