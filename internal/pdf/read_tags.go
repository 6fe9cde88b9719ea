package pdf

import (
	"encoding/binary"
	"math"

	"github.com/mivaa/mivaa/internal/layout"
)

const (
	// maxTagDepth bounds nested elements: real documents have a dozen levels.
	maxTagDepth = 50
	// maxTagKids bounds the children looked at for a page. Those of other pages
	// are among them: a book may hang all its paragraphs in one element.
	maxTagKids = 50_000
	maxTagName = 40 // bytes of a type
	maxTagAlt  = 2_000
	maxMarks   = 8 // marks of an object that are looked at
)

// tags reads the page's part of the structure tree: its elements, and which of
// them each marked stretch of content belongs to. A document that does not call
// itself tagged has none, whatever else is in it.
func (r *pageReader) tags() {
	if !r.ok(fnIsTagged, r.doc) {
		return
	}
	tree := r.call(fnStructTree, r.page)
	if tree == 0 {
		return
	}
	defer r.call(fnStructClose, tree)
	r.marked, r.drawn, r.kids = map[int]int{}, map[uint64]int{}, maxTagKids
	for i := range uint64(max(r.count(fnStructRoots, tree), 0)) {
		r.element(r.call(fnStructRoot, tree, i), -1, 0)
	}
	if r.kids < 0 { // as it will be for each page: better none than those of some
		r.marked, r.out.Tags = nil, r.out.Tags[:0]
	}
}

// element records an element and those below it, parents first.
func (r *pageReader) element(element uint64, parent, depth int) {
	if element == 0 || depth == maxTagDepth || len(r.out.Tags) == layout.MaxTags {
		return
	}
	tag := layout.Tag{Parent: parent}
	tag.Type = shorten(r.utf16(func(buf, size uint64) uint64 { return r.call(fnStructType, element, buf, size) }), maxTagName)
	switch tag.Type {
	case "Figure", "Formula":
		tag.Alt = shorten(r.utf16(func(buf, size uint64) uint64 { return r.call(fnStructAlt, element, buf, size) }), maxTagAlt)
	case "TH", "TD":
		tag.RowSpan, tag.ColSpan = r.spans(element)
	}
	index := len(r.out.Tags)
	r.out.Tags = append(r.out.Tags, tag)
	for i := range uint64(max(r.count(fnStructCount, element), 0)) {
		if r.kids--; r.kids < 0 {
			return
		}
		if child := r.call(fnStructChild, element, i); child != 0 {
			r.element(child, index, depth+1)
			continue
		}
		id := r.count(fnStructChildMark, element, i)
		switch _, known := r.marked[id]; {
		case id >= 0 && !known:
			r.marked[id] = index + 1
		case id < 0 && tag.Type == "TR" && len(r.out.Tags) < layout.MaxTags:
			// PDFium keeps the place of a cell without content, and no more of it.
			r.out.Tags = append(r.out.Tags, layout.Tag{Type: "TD", Parent: index})
		}
	}
}

// spans reads how many rows and columns a cell reaches over; 0 is not said.
func (r *pageReader) spans(element uint64) (rows, cols int) {
	n := min(r.count(fnStructAttributes, element), maxMarks)
	if n <= 0 {
		return 0, 0
	}
	row, col := r.cString("RowSpan"), r.cString("ColSpan")
	defer r.call(fnFree, row)
	defer r.call(fnFree, col)
	for i := range uint64(n) {
		attribute := r.call(fnStructAttribute, element, i)
		if attribute == 0 {
			continue
		}
		rows = max(rows, r.span(attribute, row))
		cols = max(cols, r.span(attribute, col))
	}
	return rows, cols
}

func (r *pageReader) span(attribute, name uint64) int {
	value := r.call(fnStructValue, attribute, name)
	if value == 0 || !r.ok(fnStructNumber, value, r.arg(0)) {
		return 0
	}
	if v := r.float32(0); v >= 1 && v <= layout.MaxSpan {
		return int(math.Round(v))
	}
	return 0
}

// tagUnder returns the tag of an object in forms whose tag is outer. Where they
// have one it is that: marks in a form are numbered anew.
func (r *pageReader) tagUnder(object uint64, outer int) int {
	if outer != 0 {
		return outer
	}
	return r.tagOf(object)
}

// renumbered takes their tags from text objects in forms whose marks have the
// numbers of the page's own content: they are others, of the form alone.
func (r *pageReader) renumbered() {
	if len(r.alone) == 0 {
		return
	}
	own := map[int]bool{}
	for i := range uint64(max(min(r.count(fnObjectCount, r.page), maxObjects), 0)) {
		if object := r.call(fnObject, r.page, i); object != 0 && r.count(fnObjectType, object) == objectText {
			own[r.count(fnObjectMarkID, object)] = true
		}
	}
	for _, object := range r.alone {
		if id := r.count(fnObjectMarkID, object); id >= 0 && own[id] {
			r.drawn[object] = 0
		}
	}
}

// tagOf returns what Glyph.Tag is for the characters of a text object.
func (r *pageReader) tagOf(object uint64) int {
	if r.marked == nil {
		return 0
	}
	if tag, in := r.drawn[object]; in {
		return tag
	}
	if tag := r.marked[r.count(fnObjectMarkID, object)]; tag > 0 {
		return tag
	}
	for i := range uint64(max(min(r.count(fnObjectMarks, object), maxMarks), 0)) {
		if r.markName(r.call(fnObjectMark, object, i)) == "Artifact" {
			return layout.TagArtifact
		}
	}
	return 0
}

// altOf returns what the figure is said to show that a tag belongs to.
func (r *pageReader) altOf(tag int) string {
	for tag--; tag >= 0; tag = r.out.Tags[tag].Parent {
		if alt := r.out.Tags[tag].Alt; alt != "" {
			return alt
		}
	}
	return ""
}

// markName reads the name of a mark, as far as it is of ASCII.
func (r *pageReader) markName(mark uint64) string {
	const size = 64
	if mark == 0 || !r.ok(fnMarkName, mark, r.arg(0), size, r.arg(size)) {
		return ""
	}
	b := r.result(size)
	name := make([]byte, 0, size/2)
	for ; len(b) >= 2; b = b[2:] {
		unit := binary.LittleEndian.Uint16(b)
		if unit == 0 || unit >= 0x80 {
			break
		}
		name = append(name, byte(unit))
	}
	return string(name)
}
