package pdf

import (
	"encoding/binary"

	"github.com/mivaa/mivaa/internal/layout"
)

// maxLinks is one more than a record holds, so that the record says it was cut.
const maxLinks = layout.MaxLinks + 1

// Types of actions (fpdf_doc.h).
const (
	actionGoTo = 1
	actionURI  = 3
)

// links reads the page's links to URIs: see layout.Link for why no others.
func (r *pageReader) links() {
	// The position (in and out), the link, its rectangle.
	const posAt, linkAt, rectAt = 0, 4, 8
	position := uint32(0)
	for range 2 * maxLinks {
		binary.LittleEndian.PutUint32(r.result(4), position)
		if len(r.out.Links) == maxLinks || !r.ok(fnLinkEnumerate, r.page, r.arg(posAt), r.arg(linkAt)) {
			return
		}
		b := r.result(8)
		position = binary.LittleEndian.Uint32(b)
		link := uint64(binary.LittleEndian.Uint32(b[4:]))
		if link == 0 || !r.ok(fnLinkRect, link, r.arg(rectAt)) { // left, top, right, bottom
			continue
		}
		l := layout.Link{Box: r.view.box(r.float32(rectAt), r.float32(rectAt+4), r.float32(rectAt+8), r.float32(rectAt+12))}
		if a := r.call(fnLinkAction, link); a != 0 && r.count(fnActionType, a) == actionURI {
			l.URI = r.bytes8(func(buf, size uint64) uint64 { return r.call(fnActionURI, r.doc, a, buf, size) })
		}
		if l.URI != "" {
			r.out.Links = append(r.out.Links, l)
		}
	}
}

// target is where a destination leads, or an action if there is no
// destination: to a page (from 1) or to a URI.
func (e *engine) target(doc, dest uint64, action func() uint64) (page int, uri string) {
	if dest == 0 {
		a := action()
		if a == 0 {
			return 0, ""
		}
		switch e.count(fnActionType, a) {
		case actionURI:
			return 0, e.bytes8(func(buf, size uint64) uint64 { return e.call(fnActionURI, doc, a, buf, size) })
		case actionGoTo:
			dest = e.call(fnActionDest, doc, a)
		}
	}
	if dest == 0 {
		return 0, ""
	}
	return e.count(fnDestPage, doc, dest) + 1, ""
}
