package pdf

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/mivaa/mivaa/internal/layout"
)

const (
	// maxAnnotations bounds the annotations looked at on a page, links included.
	maxAnnotations = 20_000
	// maxMarked bounds the stretches of text looked up on a page: each one is a
	// walk over its characters.
	maxMarked = 200

	annotationHidden = 1 << 1 // a flag

	annotationWidget = 20 // subtypes (fpdf_annot.h)
)

// annotationKinds are the subtypes that are told, in words. Links are told
// elsewhere, pop-ups repeat what they belong to, and the rest is decoration.
var annotationKinds = map[int]string{
	1: "text", 3: "free_text", 4: "line", 5: "square", 6: "circle", 7: "polygon", 8: "polyline", 9: "highlight", 10: "underline",
	11: "squiggly", 12: "strike_out", 13: "stamp", 14: "caret", 15: "ink", 17: "file_attachment", 18: "sound", 19: "movie", 28: "redact",
}

// annotations reads what people put on the page: remarks, and the fields of a
// form.
func (r *pageReader) annotations() {
	marked := maxMarked
	for i := range uint64(min(max(r.count(fnAnnotCount, r.page), 0), maxAnnotations)) {
		a := r.call(fnAnnot, r.page, i)
		if a == 0 {
			continue
		}
		r.annotation(a, &marked)
		r.call(fnAnnotClose, a)
	}
}

func (r *pageReader) annotation(a uint64, marked *int) {
	subtype := r.count(fnAnnotSubtype, a)
	if subtype == annotationWidget {
		r.field(a)
		return
	}
	kind, told := annotationKinds[subtype]
	// One more than a record holds, so that the record says it was cut.
	if !told || len(r.out.Annotations) > layout.MaxAnnotations || r.count(fnAnnotFlags, a)&annotationHidden != 0 {
		return
	}
	box, ok := r.annotationBox(a)
	if !ok {
		return
	}
	r.out.Annotations = append(r.out.Annotations, layout.Annotation{
		Kind: kind, Box: box, Text: r.annotationText(a, "Contents"), Author: r.annotationText(a, "T"),
		Modified: parseDate(r.annotationText(a, "M")), Marked: r.underMarks(a, marked),
	})
}

func (r *pageReader) annotationBox(a uint64) (layout.Box, bool) {
	if !r.ok(fnAnnotRect, a, r.arg(0)) { // left, top, right, bottom
		return layout.Box{}, false
	}
	return r.view.box(r.float32(0), r.float32(4), r.float32(8), r.float32(12)), true
}

func (r *pageReader) annotationText(a uint64, key string) string {
	k := r.cString(key)
	defer r.call(fnFree, k)
	return r.utf16(func(buf, size uint64) uint64 { return r.call(fnAnnotText, a, k, buf, size) })
}

// underMarks returns the text under a highlight and the like.
func (r *pageReader) underMarks(a uint64, left *int) string {
	var parts []string
	for i := range uint64(max(r.count(fnAnnotQuadCount, a), 0)) {
		if *left--; *left < 0 {
			break
		}
		if !r.ok(fnAnnotQuad, a, i, r.arg(0)) { // four corners
			continue
		}
		x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
		for c := range uint32(4) {
			x, y := r.float32(8*c), r.float32(8*c+4)
			x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x), max(y1, y)
		}
		if text := strings.TrimSpace(r.bounded(x0, y1, x1, y0)); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "\n")
}

// bounded returns the text in a rectangle of the page's own coordinates, as much
// as fits the scratch memory.
func (r *pageReader) bounded(left, top, right, bottom float64) string {
	n := r.count(fnTextBounded, r.text, api.EncodeF64(left), api.EncodeF64(top), api.EncodeF64(right), api.EncodeF64(bottom), r.arg(0), scratchSize/2)
	if n <= 0 {
		return ""
	}
	b := r.result(2 * min(uint32(n), scratchSize/2))
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return fromUTF16(units)
}

// fieldKinds are PDFium's types of form fields, in words.
var fieldKinds = map[int]string{1: "button", 2: "checkbox", 3: "radio", 4: "choice", 5: "choice", 6: "text", 7: "signature"}

const (
	fieldReadOnly = 1 << 0 // flags
	fieldRequired = 1 << 1
	fieldPassword = 1 << 13 // of a text: what is typed is not to be seen
)

// field reads a field of a form where it stands.
func (r *pageReader) field(a uint64) {
	form := r.formOf(r.doc)
	if form == 0 || len(r.out.Fields) > layout.MaxFields {
		return
	}
	kind := fieldKinds[r.count(fnFieldType, form, a)]
	box, ok := r.annotationBox(a)
	if kind == "" || !ok {
		return
	}
	flags := r.count(fnFieldFlags, form, a)
	f := layout.Field{
		Kind: kind, Box: box, ReadOnly: flags&fieldReadOnly != 0, Required: flags&fieldRequired != 0,
		Name: r.fieldText(fnFieldName, form, a), Label: r.fieldText(fnFieldLabel, form, a),
	}
	switch kind {
	case "checkbox", "radio":
		// How the button looks is its state: its name, or Off. PDFium's own answer
		// would need a page as it is shown.
		if state := r.annotationText(a, "AS"); state != "" && state != "Off" {
			f.Checked, f.Value = true, state
		}
	case "text":
		if flags&fieldPassword == 0 {
			f.Value = r.fieldText(fnFieldValue, form, a)
		}
	case "choice":
		f.Value = r.fieldText(fnFieldValue, form, a)
		for i := range uint64(min(max(r.count(fnFieldOptionCount, form, a), 0), layout.MaxOptions)) {
			f.Options = append(f.Options, r.utf16(func(buf, size uint64) uint64 { return r.call(fnFieldOption, form, a, i, buf, size) }))
		}
	}
	r.out.Fields = append(r.out.Fields, f)
}

func (r *pageReader) fieldText(f fn, form, a uint64) string {
	return r.utf16(func(buf, size uint64) uint64 { return r.call(f, form, a, buf, size) })
}

// formInfoSize is more than FPDF_FORMFILLINFO has: its version and pointers to
// functions, none of which PDFium calls while fields are only read.
const formInfoSize = 512

// formOf returns the form of the document, 0 for none. It is made for the first
// field that is met, and lives as long as the instance.
func (e *engine) formOf(doc uint64) uint64 {
	if e.formDoc == doc {
		return e.form
	}
	e.formDoc, e.form = doc, 0
	if e.count(fnFormType, doc) == 0 {
		return 0
	}
	info := e.call(fnMalloc, formInfoSize)
	if info == 0 || !e.mem.Write(uint32(info), make([]byte, formInfoSize)) || !e.mem.WriteUint32Le(uint32(info), 1) {
		return 0
	}
	e.form = e.call(fnFormInit, doc, info)
	return e.form
}
