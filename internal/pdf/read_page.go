package pdf

import (
	"math"

	"github.com/mivaa/mivaa/internal/layout"
)

// pageReader takes one page apart.
type pageReader struct {
	*engine
	doc, page, text uint64
	view            view
	out             *layout.Glyphs
	fonts           map[uint64]int // font handle to its index in out.Fonts
	alone           []uint64       // text objects in forms that have no tag
	budget          int            // objects and segments still looked at
	marked          map[int]int    // marked content ids to Glyph.Tag; nil: the page has no tags
	drawn           map[uint64]int // text objects to Glyph.Tag, where that is a form's
	kids            int            // children of structure elements still looked at
	hashed          int            // bytes of images that were hashed

	// found is told of each image, in the order of the record. Where it is given,
	// nothing but images is looked for.
	found func(object uint64, box layout.Box)
}

// maxObjects bounds the objects and path segments looked at on one page, in
// search of images and rulings: a map has hundreds of thousands.
const maxObjects = 200_000

// readPage reads page number (from 1) of the open document into out, whose
// slices it reuses. It reports false if PDFium cannot load the page.
func (e *engine) readPage(doc uint64, number int, out *layout.Glyphs) bool {
	*out = layout.Glyphs{
		Number: number, Fonts: out.Fonts[:0], Glyphs: out.Glyphs[:0],
		Rulings: out.Rulings[:0], Images: out.Images[:0], Links: out.Links[:0], Tags: out.Tags[:0],
		ImageData: out.ImageData[:0], Annotations: out.Annotations[:0], Fields: out.Fields[:0],
	}
	// The last error is no help: it is 0 after a page that failed to load.
	page := e.call(fnLoadPage, doc, uint64(number-1))
	if page == 0 {
		return false
	}
	defer e.call(fnClosePage, page)
	text := e.call(fnTextLoad, page)
	if text == 0 {
		return false
	}
	defer e.call(fnTextClose, text)
	r := pageReader{engine: e, doc: doc, page: page, text: text, out: out, fonts: map[uint64]int{}, budget: maxObjects}
	r.geometry()
	out.Label = e.utf16(func(buf, size uint64) uint64 {
		return e.call(fnPageLabel, doc, uint64(number-1), buf, size)
	})
	r.tags()
	r.objects()
	r.chars()
	r.links()
	r.annotations()
	return true
}

// geometry finds how the page is shown.
func (r *pageReader) geometry() {
	r.out.Width = asFloat32(r.call(fnPageWidth, r.page))
	r.out.Height = asFloat32(r.call(fnPageHeight, r.page))
	r.out.Rotation = 90 * (r.count(fnPageRotation, r.page) & 3)
	r.view = view{rotation: r.out.Rotation}
	if r.ok(fnPageBox, r.page, r.arg(0)) { // left, top, right, bottom
		r.view.left, r.view.top = r.float32(0), r.float32(4)
		r.view.right, r.view.bottom = r.float32(8), r.float32(12)
	} else {
		r.view.top, r.view.right = r.out.Height, r.out.Width
		if r.out.Rotation%180 != 0 {
			r.view.top, r.view.right = r.out.Width, r.out.Height
		}
	}
}

// view turns the page's own coordinates (from the bottom left, before rotation)
// into points from the top left of the page as shown.
type view struct {
	left, top, right, bottom float64
	rotation                 int
}

func (v view) point(x, y float64) (float32, float32) {
	switch v.rotation {
	case 90:
		x, y = y-v.bottom, x-v.left
	case 180:
		x, y = v.right-x, y-v.bottom
	case 270:
		x, y = v.top-y, v.right-x
	default:
		x, y = x-v.left, v.top-y
	}
	return finite(x), finite(y)
}

// box is the box around two opposite corners.
func (v view) box(x0, y0, x1, y1 float64) layout.Box {
	ax, ay := v.point(x0, y0)
	bx, by := v.point(x1, y1)
	return layout.Box{min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)}
}

// angle is the clockwise angle, as shown, of a line written along (a, b).
func (v view) angle(a, b float64) float32 {
	angle := math.Mod(float64(v.rotation)-math.Atan2(b, a)*180/math.Pi, 360)
	if angle < 0 {
		angle += 360
	}
	// What is set a hair off straight is meant to be straight.
	if near := math.Round(angle/90) * 90; math.Abs(angle-near) < 0.5 {
		angle = math.Mod(near, 360)
	}
	return finite(angle)
}

// finite keeps what a hostile document may make infinite in a range that JSON
// and later sums can hold.
func finite(v float64) float32 {
	const most = 1e7
	if v != v {
		return 0
	}
	return float32(min(max(v, -most), most))
}

// matrix maps an object's coordinates to the page's.
type matrix struct{ a, b, c, d, e, f float64 }

var identity = matrix{a: 1, d: 1}

func (m matrix) apply(x, y float64) (float64, float64) {
	return m.a*x + m.c*y + m.e, m.b*x + m.d*y + m.f
}

// then is m first, n after.
func (m matrix) then(n matrix) matrix {
	return matrix{
		a: m.a*n.a + m.b*n.c, b: m.a*n.b + m.b*n.d,
		c: m.c*n.a + m.d*n.c, d: m.c*n.b + m.d*n.d,
		e: m.e*n.a + m.f*n.c + n.e, f: m.e*n.b + m.f*n.d + n.f,
	}
}

// matrixAt reads a matrix from the scratch memory.
func (e *engine) matrixAt(offset uint32) matrix {
	return matrix{
		e.float32(offset), e.float32(offset + 4), e.float32(offset + 8),
		e.float32(offset + 12), e.float32(offset + 16), e.float32(offset + 20),
	}
}
