package pdf

import (
	"encoding/binary"
	"encoding/hex"
	"math"

	"github.com/mivaa/mivaa/internal/layout"
)

// point is a corner of a path, as shown.
type point struct{ x, y float64 }

// path finds the rulings of a path: the horizontal and vertical lines of a
// stroked one, the boxes of a filled one; thin boxes are lines.
func (r *pageReader) path(object uint64, outer matrix) {
	n := r.count(fnPathCount, object)
	if n < 2 || n > maxSegments || !r.ok(fnPathMode, object, r.arg(0), r.arg(4)) {
		return
	}
	mode := r.result(8)
	filled := binary.LittleEndian.Uint32(mode) != fillNone
	stroked := binary.LittleEndian.Uint32(mode[4:]) != 0
	m, ok := r.objectMatrix(object)
	if !ok {
		return
	}
	m = m.then(outer)
	with, ok := r.ink(object, filled, stroked, m)
	if !ok {
		return
	}
	var corners []point
	curved := false
	finish := func() {
		r.subpath(corners, with, curved)
		corners, curved = corners[:0], false
	}
	for i := range uint64(n) {
		r.budget--
		segment := r.call(fnPathSegment, object, i)
		if segment == 0 || !r.ok(fnSegmentPoint, segment, r.arg(0), r.arg(4)) {
			return
		}
		x, y := m.apply(r.float32(0), r.float32(4))
		shownX, shownY := r.view.point(x, y)
		p := point{float64(shownX), float64(shownY)}
		switch r.count(fnSegmentType, segment) {
		case segmentMove:
			finish()
		case segmentBezier:
			curved = true
		}
		corners = append(corners, p)
		if r.ok(fnSegmentClose, segment) {
			corners = append(corners, corners[0])
			start := corners[0]
			finish()
			corners = append(corners, start)
		}
	}
	finish()
}

// ink is what a path is drawn with.
type ink struct {
	colour  string // "" for white
	stroked bool   // else it is filled
	width   float64
}

// ink returns what a path is drawn with; ok is false for nothing that anybody
// sees. What is filled and has a white edge counts as filled.
func (r *pageReader) ink(object uint64, filled, stroked bool, m matrix) (with ink, ok bool) {
	var edge ink
	if stroked {
		edge.colour, stroked = r.colour(fnStrokeColor, object)
		edge.stroked = true
		if r.ok(fnStrokeWidth, object, r.arg(0)) {
			edge.width = r.float32(0) * math.Sqrt(math.Abs(m.a*m.d-m.b*m.c))
		}
	}
	if stroked && edge.colour != "" {
		return edge, true
	}
	if filled {
		with.colour, filled = r.colour(fnFillColor, object)
	}
	if filled && (with.colour != "" || !stroked) {
		return with, true
	}
	return edge, stroked
}

// colour returns a colour of an object, "" for white; seen is false where it is
// clear. A colour that the engine does not tell counts as black.
func (r *pageReader) colour(of fn, object uint64) (hexes string, seen bool) {
	if !r.ok(of, object, r.arg(0), r.arg(4), r.arg(8), r.arg(12)) {
		return "000000", true
	}
	c := r.result(16)
	if c[0] >= 250 && c[4] >= 250 && c[8] >= 250 {
		return "", c[12] > 0
	}
	return hex.EncodeToString([]byte{c[0], c[4], c[8]}), c[12] > 0
}

// subpath records the rulings of one part of a path.
func (r *pageReader) subpath(corners []point, with ink, curved bool) {
	if len(corners) < 2 || curved {
		return
	}
	if with.stroked {
		for i := range len(corners) - 1 {
			r.stroke(corners[i], corners[i+1], with)
		}
		return
	}
	low, high := corners[0], corners[0]
	for i, p := range corners {
		low = point{min(low.x, p.x), min(low.y, p.y)}
		high = point{max(high.x, p.x), max(high.y, p.y)}
		if i > 0 && !straight(corners[i-1], p) {
			return // filled, but no box
		}
	}
	width, height := high.x-low.x, high.y-low.y
	switch {
	case len(corners) > 6:
		return
	case width <= thin && height <= thin:
		return
	case height <= thin:
		middle := (low.y + high.y) / 2
		r.ruling(point{low.x, middle}, point{high.x, middle}, with)
	case width <= thin:
		middle := (low.x + high.x) / 2
		r.ruling(point{middle, low.y}, point{middle, high.y}, with)
	case width > 0.95*r.out.Width && height > 0.95*r.out.Height:
		return // the page's background
	default:
		r.box(low, high, with)
	}
}

// stroke records a line that is drawn; a thick one is a box.
func (r *pageReader) stroke(a, b point, with ink) {
	if with.width <= thin || !straight(a, b) {
		r.ruling(a, b, with)
		return
	}
	low, high := point{min(a.x, b.x), min(a.y, b.y)}, point{max(a.x, b.x), max(a.y, b.y)}
	if half := with.width / 2; high.y-low.y < high.x-low.x {
		low.y, high.y = low.y-half, high.y+half
	} else {
		low.x, high.x = low.x-half, high.x+half
	}
	r.box(low, high, with)
}

// box records a filled box if it is on the page and not white.
func (r *pageReader) box(low, high point, with ink) {
	if with.colour != "" && len(r.out.Rulings) < maxRulings && high.x >= 0 && high.y >= 0 && low.x <= r.out.Width && low.y <= r.out.Height {
		r.out.Rulings = append(r.out.Rulings, layout.Ruling{
			X0: float32(low.x), Y0: float32(low.y), X1: float32(high.x), Y1: float32(high.y), Fill: with.colour,
		})
	}
}

// slope is how much, in points, a straight line may deviate.
const slope = 0.5

func straight(a, b point) bool {
	return math.Abs(a.x-b.x) <= slope || math.Abs(a.y-b.y) <= slope
}

// ruling records the line if it is horizontal or vertical, on the page and long
// enough. What is filled white has to lie on a colour: else it is no line. One
// that is drawn white may go on with others where cells end, though the page is
// white there.
func (r *pageReader) ruling(a, b point, with ink) {
	if len(r.out.Rulings) >= maxRulings || !straight(a, b) || math.Abs(a.x-b.x)+math.Abs(a.y-b.y) < short {
		return
	}
	low, high := point{min(a.x, b.x), min(a.y, b.y)}, point{max(a.x, b.x), max(a.y, b.y)}
	if high.x < 0 || high.y < 0 || low.x > r.out.Width || low.y > r.out.Height {
		return
	}
	if with.colour == "" && !with.stroked && !r.onColour(float32(low.x+high.x)/2, float32(low.y+high.y)/2) {
		return
	}
	r.out.Rulings = append(r.out.Rulings, layout.Ruling{
		X0: float32(low.x), Y0: float32(low.y), X1: float32(high.x), Y1: float32(high.y),
	})
}

// maxUnder bounds how many boxes are looked at for what lies under a line.
const maxUnder = 256

// onColour reports whether a point lies on one of the boxes drawn last.
func (r *pageReader) onColour(x, y float32) bool {
	rs := r.out.Rulings
	for _, l := range rs[max(0, len(rs)-maxUnder):] {
		if l.Fill != "" && x > l.X0-1 && x < l.X1+1 && y > l.Y0-1 && y < l.Y1+1 {
			return true
		}
	}
	return false
}
