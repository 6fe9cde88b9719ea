package layout

import "slices"

// How deep regions are cut. Each level looks at every fragment once or twice
// and sorts it, so these are what bounds the cost.
const (
	maxDepth   = 12
	maxBuckets = 1024
	maxKnown   = 8
)

// orderer cuts a page into regions that are read one after the other. It is an
// XY-cut that lets lines cross a gutter: what crosses (a title, a wide figure's
// caption) parts what is above from what is below.
type orderer struct {
	frags  []fragment
	em     float32   // the size that most of the page has
	leaves [][]int   // the regions, in reading order; each in the order of the file
	known  []float32 // gutters found so far
	cover  [maxBuckets + 1]int32

	marks   []mark
	rulings []Ruling
	feet    [][]int // of the columns that are being read
	within  int     // how deep in such columns
}

// cut appends the region's leaves. It reports whether the first and the last
// of them are plain: whether text that stands above or below could belong to
// them.
func (o *orderer) cut(region []int, depth int) (first, last bool) {
	if len(region) == 0 {
		return false, false
	}
	if depth < maxDepth && len(region) >= 4 {
		if g, ok := o.gutter(region); ok {
			o.columns(region, g, depth)
			return false, false
		}
		if above, below, ok := o.gap(region); ok {
			first, plain := o.cut(above, depth+1)
			at := len(o.leaves)
			next, last := o.cut(below, depth+1)
			if plain && next { // the white parted no columns: undo
				o.leaves[at-1] = append(o.leaves[at-1], o.leaves[at]...)
				slices.Sort(o.leaves[at-1])
				o.leaves = slices.Delete(o.leaves, at, at+1)
			}
			return first, last
		}
	}
	o.leaves = append(o.leaves, region)
	return true, true
}

// gutter looks for a vertical band that hardly anything crosses and that has
// columns of text, not cells of a table, on both sides. It returns its middle.
func (o *orderer) gutter(region []int) (float32, bool) {
	if x, ok := o.again(region); ok || len(region) < 6 { // too few for bands
		return x, ok
	}
	l, r := o.frags[region[0]].u0, o.frags[region[0]].u1
	for _, i := range region {
		l, r = min(l, o.frags[i].u0), max(r, o.frags[i].u1)
	}
	if r-l < 10*o.em {
		return 0, false
	}
	n := min(maxBuckets, int((r-l)/2)+1)
	scale := float32(n) / (r - l)
	clear(o.cover[:n+1])
	bucket := func(u float32) int { return max(0, min(n-1, int((u-l)*scale))) }
	for _, i := range region {
		f := &o.frags[i]
		o.cover[bucket(f.u0)]++
		o.cover[bucket(f.u1)+1]--
	}
	for i := 1; i < n; i++ {
		o.cover[i] += o.cover[i-1]
	}
	least := slices.Min(o.cover[n/10 : max(n-n/10, n/10+1)])
	if int(least) > len(region)/3 {
		return 0, false
	}
	// What reaches a little into the white makes a band too narrow: where none
	// is found, more may lie in it.
	for more, over := range [...]int{len(region) / 50, max(len(region)/25, 1)} {
		for _, b := range o.bands(n, least+int32(over)) {
			// A bucket touched at its edge counts as covered: allow for both ends.
			if float32(b.b-b.a+2)/scale < 0.7*o.em {
				break
			}
			x := l + (float32(b.a)+float32(b.b-b.a)/2)/scale
			if s := o.split(region, x); s.columns(o.em) && (more == 0 || s.wordy() >= 12) {
				return x, true
			}
		}
	}
	return 0, false
}

// white is buckets[a:b] that hardly anything covers.
type white struct{ a, b int }

// bands returns the widest bands that no more than limit covers: four are
// enough for what is a column.
func (o *orderer) bands(n int, limit int32) []white {
	var bands []white
	for i := n / 10; i < n-n/10; i++ {
		if o.cover[i] > limit {
			continue
		}
		j := i
		for j < n && o.cover[j] <= limit {
			j++
		}
		for i > 0 && o.cover[i-1] <= limit {
			i--
		}
		bands = append(bands, white{i, j})
		i = j
	}
	slices.SortStableFunc(bands, func(a, b white) int { return (b.b - b.a) - (a.b - a.a) })
	return bands[:min(4, len(bands))]
}

// side is what is known of the text on one side.
type side struct {
	rows    int
	width   float32 // of all fragments
	l, r    float32
	letters int
	spans   int
	base    float32
}

func (s *side) add(f *fragment, em float32) {
	if s.spans == 0 {
		s.l, s.r = f.u0, f.u1
	}
	s.l, s.r = min(s.l, f.u0), max(s.r, f.u1)
	if s.spans == 0 || abs(f.base-s.base) > 0.5*em {
		s.rows++
		s.base = f.base
	}
	s.spans++
	s.width += f.u1 - f.u0
	s.letters += f.letters
}

// fill is the part of the column that its rows fill: near 1 in running text.
func (s *side) fill() float32 {
	return s.width / (float32(s.rows) * max(s.r-s.l, 1))
}

// again looks for a gutter that was one elsewhere on the page: there less has
// to speak for it.
func (o *orderer) again(region []int) (float32, bool) {
	for _, x := range o.known {
		s := o.split(region, x)
		if s.crossing == 0 && s.turns <= 1 && s.rows() >= 2 && s.wordy() >= 10 {
			return x, true
		}
	}
	return 0, false
}

// split is a region on both sides of a line down it.
type split struct {
	left, right side
	turns       int // how often the file goes from one side to the other
	crossing    int // what is on both sides
}

func (o *orderer) split(region []int, x float32) split {
	var s split
	last := 0
	for _, i := range region {
		f := &o.frags[i]
		if f.figure {
			continue
		}
		now := o.beside(f, x)
		switch now {
		case -1:
			s.left.add(f, o.em)
		case 1:
			s.right.add(f, o.em)
		default:
			s.crossing++
			last = 0
			continue
		}
		if last != 0 && now != last {
			s.turns++
		}
		last = now
	}
	return s
}

// rows is how many there are on the side with fewer.
func (s *split) rows() int { return min(s.left.rows, s.right.rows) }

// wordy is how many letters a row has on the side with fewer.
func (s *split) wordy() int {
	return min(s.left.letters/max(s.left.rows, 1), s.right.letters/max(s.right.rows, 1))
}

// columns reports whether the text left and right of the line are columns, each
// to be read to its end. The order of the file is the best witness: a table is
// written row by row, columns one after the other.
func (s *split) columns(em float32) bool {
	left, right, rows := &s.left, &s.right, s.rows()
	if rows < 3 || s.crossing > (left.rows+right.rows)/2 {
		return false
	}
	if left.r-left.l < 4*em || right.r-right.l < 4*em {
		return false
	}
	full := min(left.fill(), right.fill())
	wordy := s.wordy()
	switch {
	case s.turns == 1 && s.crossing == 0 && wordy >= 16:
		return true
	case s.turns <= max(1+rows/8, rows/3) && (rows >= 8 || full >= 0.4) && wordy >= 6:
		return true
	case full >= 0.5 && wordy >= 10 && rows >= 5 && s.turns <= rows/3:
		return true
	case full >= 0.6 && wordy >= 16 && rows >= 10: // a file sorted by lines
		return true
	}
	return false
}

// gap cuts a region at its widest horizontal band of white, if one is wide
// enough to part blocks.
func (o *orderer) gap(region []int) (above, below []int, ok bool) {
	byTop := slices.Clone(region)
	slices.SortStableFunc(byTop, func(a, b int) int { return compare(o.frags[a].v0, o.frags[b].v0) })
	bottom := o.frags[byTop[0]].v1
	widest, at := 0.5*o.em, float32(0)
	for _, i := range byTop[1:] {
		f := &o.frags[i]
		if g := f.v0 - bottom; g > widest {
			widest, at, ok = g, f.v0, true
		}
		bottom = max(bottom, f.v1)
	}
	if !ok {
		return nil, nil, false
	}
	for _, i := range region {
		if o.frags[i].v0 < at {
			above = append(above, i)
		} else {
			below = append(below, i)
		}
	}
	return above, below, true
}

func compare(a, b float32) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
