package pdf

import "github.com/mivaa/mivaa/internal/layout"

// Types of page objects, segments and fills (fpdf_edit.h).
const (
	objectText  = 1
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

// objects looks through the page's objects for images and rulings, and for text
// whose tag is that of a form around it.
func (r *pageReader) objects() {
	for i := range uint64(max(r.count(fnObjectCount, r.page), 0)) {
		if r.budget <= 0 {
			return
		}
		r.object(r.call(fnObject, r.page, i), identity, 0, 0)
	}
	r.renumbered()
}

// object looks at an object that stands in so many forms, whose tag is tag.
func (r *pageReader) object(object uint64, outer matrix, depth, tag int) {
	r.budget--
	if object == 0 {
		return
	}
	switch r.count(fnObjectType, object) {
	case objectText:
		switch {
		case tag != 0:
			r.drawn[object] = tag
		case depth > 0 && r.marked != nil:
			r.alone = append(r.alone, object)
		}
	case objectImage:
		if m, ok := r.objectMatrix(object); ok && len(r.out.Images) < maxImages {
			// An image is drawn into the unit square.
			if box := r.corners(m.then(outer), 0, 0, 1, 1); box[2] > box[0] && box[3] > box[1] {
				r.out.Images = append(r.out.Images, box)
				if r.found != nil {
					r.found(object, box)
				} else {
					r.out.ImageData = append(r.out.ImageData, r.imageData(object, box, r.tagUnder(object, tag)))
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
		m, tag = m.then(outer), r.tagUnder(object, tag)
		for i := range uint64(max(r.count(fnFormCount, object), 0)) {
			if r.budget <= 0 {
				return
			}
			r.object(r.call(fnFormObject, object, i), m, depth+1, tag)
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
