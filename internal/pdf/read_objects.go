package pdf

import (
	"encoding/binary"
	"encoding/hex"
	"math"

	"github.com/mivaa/mivaa/internal/layout"
)

// Types of page objects, segments and fills (fpdf_edit.h).
const (
	objectPath  = 2
	objectImage = 3
	objectForm  = 5

	segmentLine   = 0
	segmentBezier = 1
	segmentMove   = 2

	fillNone = 0
)

const (
	// maxDepth bounds nested forms: PDFium has read them all, but the same form
	// may hang in many others.
	maxDepth = 8
	// One more than a record holds, so that the record says it was cut.
	maxRulings = layout.MaxRulings + 1
	maxImages  = layout.MaxImages + 1
	// maxSegments: a path of more is a drawing, not a table.
	maxSegments = 1000

	// thin is the greatest width, in points, of a filled box that is a line.
	thin = 3.0
	// short is the least length of a ruling: less is a dot or a letter's stem.
	short = 3.0
)

// objects looks through the page's objects for images and rulings.
func (r *pageReader) objects() {
	for i := range uint64(max(r.count(fnObjectCount, r.page), 0)) {
		if r.budget <= 0 {
			return
		}
		r.object(r.call(fnObject, r.page, i), identity, 0)
	}
}

func (r *pageReader) object(object uint64, outer matrix, depth int) {
	r.budget--
	if object == 0 {
		return
	}
	switch r.count(fnObjectType, object) {
	case objectImage:
		if m, ok := r.objectMatrix(object); ok && len(r.out.Images) < maxImages {
			// An image is drawn into the unit square.
			if box := r.corners(m.then(outer), 0, 0, 1, 1); box[2] > box[0] && box[3] > box[1] {
				r.out.Images = append(r.out.Images, box)
				if r.found != nil {
					r.found(object, box)
				} else {
					r.out.ImageData = append(r.out.ImageData, r.imageData(object, box))
				}
			}
		}
	case objectPath:
		if r.found == nil && len(r.out.Rulings) < maxRulings {
			r.path(object, outer)
		}
	case objectForm:
		m, ok := r.objectMatrix(object)
		if !ok || depth == maxDepth {
			return
		}
		m = m.then(outer)
		for i := range uint64(max(r.count(fnFormCount, object), 0)) {
			if r.budget <= 0 {
				return
			}
			r.object(r.call(fnFormObject, object, i), m, depth+1)
		}
	}
}

func (r *pageReader) objectMatrix(object uint64) (matrix, bool) {
	if !r.ok(fnObjectMatrix, object, r.arg(0)) {
		return matrix{}, false
	}
	return r.matrixAt(0), true
}

// corners is the box, as shown, around a rectangle under a matrix.
func (r *pageReader) corners(m matrix, x0, y0, x1, y1 float64) layout.Box {
	ax, ay := m.apply(x0, y0)
	bx, by := m.apply(x1, y0)
	cx, cy := m.apply(x1, y1)
	dx, dy := m.apply(x0, y1)
	return r.view.box(min(ax, bx, cx, dx), min(ay, by, cy, dy), max(ax, bx, cx, dx), max(ay, by, cy, dy))
}

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
	if !ok || !filled && !stroked {
		return
	}
	fill := ""
	if !stroked {
		if fill = r.fill(object); fill == "" {
			return
		}
	}
	m = m.then(outer)
	var corners []point
	curved := false
	finish := func() {
		r.subpath(corners, fill, curved)
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

// fill returns the colour an object is filled with, or "" for white and for
// nothing: what nobody sees is neither line nor box. A colour that the engine
// does not tell counts as black.
func (r *pageReader) fill(object uint64) string {
	if !r.ok(fnFillColor, object, r.arg(0), r.arg(4), r.arg(8), r.arg(12)) {
		return "000000"
	}
	c := r.result(16)
	if c[12] == 0 || c[0] >= 250 && c[4] >= 250 && c[8] >= 250 {
		return ""
	}
	return hex.EncodeToString([]byte{c[0], c[4], c[8]})
}

// subpath records the rulings of one part of a path, which is filled with a
// colour or, where that is "", stroked.
func (r *pageReader) subpath(corners []point, fill string, curved bool) {
	if len(corners) < 2 || curved {
		return
	}
	if fill == "" {
		for i := range len(corners) - 1 {
			r.ruling(corners[i], corners[i+1])
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
		r.ruling(point{low.x, middle}, point{high.x, middle})
	case width <= thin:
		middle := (low.x + high.x) / 2
		r.ruling(point{middle, low.y}, point{middle, high.y})
	case width > 0.95*r.out.Width && height > 0.95*r.out.Height:
		return // the page's background
	default:
		r.box(low, high, fill)
	}
}

// box records a filled box if it is on the page.
func (r *pageReader) box(low, high point, fill string) {
	if len(r.out.Rulings) < maxRulings && high.x >= 0 && high.y >= 0 && low.x <= r.out.Width && low.y <= r.out.Height {
		r.out.Rulings = append(r.out.Rulings, layout.Ruling{
			X0: float32(low.x), Y0: float32(low.y), X1: float32(high.x), Y1: float32(high.y), Fill: fill,
		})
	}
}

// slope is how much, in points, a straight line may deviate.
const slope = 0.5

func straight(a, b point) bool {
	return math.Abs(a.x-b.x) <= slope || math.Abs(a.y-b.y) <= slope
}

// ruling records the line if it is horizontal or vertical, on the page and long enough.
func (r *pageReader) ruling(a, b point) {
	if len(r.out.Rulings) >= maxRulings || !straight(a, b) || math.Abs(a.x-b.x)+math.Abs(a.y-b.y) < short {
		return
	}
	low, high := point{min(a.x, b.x), min(a.y, b.y)}, point{max(a.x, b.x), max(a.y, b.y)}
	if high.x < 0 || high.y < 0 || low.x > r.out.Width || low.y > r.out.Height {
		return
	}
	r.out.Rulings = append(r.out.Rulings, layout.Ruling{
		X0: float32(low.x), Y0: float32(low.y), X1: float32(high.x), Y1: float32(high.y),
	})
}
