package e2e

import (
	"bytes"
	"fmt"
	"strings"
)

// pdfWriter writes the plainest PDF there is.
type pdfWriter struct {
	buf     bytes.Buffer
	offsets []int
}

func newPDF() *pdfWriter {
	w := &pdfWriter{}
	w.buf.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	return w
}

// object writes object number n (from 1, in any order).
func (w *pdfWriter) object(n int, body string) {
	for len(w.offsets) < n {
		w.offsets = append(w.offsets, 0)
	}
	w.offsets[n-1] = w.buf.Len()
	fmt.Fprintf(&w.buf, "%d 0 obj\n%s\nendobj\n", n, body)
}

func (w *pdfWriter) stream(n int, dict, data string) {
	w.object(n, fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(data), data))
}

// bytes ends the file; object 1 is its catalog.
func (w *pdfWriter) bytes() []byte {
	at := w.buf.Len()
	fmt.Fprintf(&w.buf, "xref\n0 %d\n0000000000 65535 f \n", len(w.offsets)+1)
	for _, o := range w.offsets {
		fmt.Fprintf(&w.buf, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&w.buf, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(w.offsets)+1, at)
	return w.buf.Bytes()
}

// document makes a PDF of pages with the given contents.
func document(contents []string, resources string, more func(w *pdfWriter, free int)) []byte {
	w := newPDF()
	kids := make([]string, len(contents))
	for i := range contents {
		kids[i] = fmt.Sprintf("%d 0 R", 4+2*i)
	}
	w.object(1, "<< /Type /Catalog /Pages 2 0 R >>")
	w.object(2, fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), len(kids)))
	w.object(3, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	for i, c := range contents {
		w.object(4+2*i, fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F1 3 0 R >> %s >> >>", 5+2*i, resources))
		w.stream(5+2*i, "", c)
	}
	if more != nil {
		more(w, 4+2*len(contents))
	}
	return w.bytes()
}

// textPage is the content of a page that names itself and its document, with
// enough text that reading it takes a moment.
func textPage(number int, name string, lines int) string {
	var c strings.Builder
	fmt.Fprintf(&c, "BT /F1 18 Tf 60 790 Td (Page %d of %s) Tj ET\n", number, name)
	for l := range lines {
		fmt.Fprintf(&c, "BT /F1 9 Tf 60 %d Td (Line %d of page %d tells of item %d and of nothing else that matters here.) Tj ET\n",
			760-12*l, l+1, number, (number*7919+l*104729)%100000)
	}
	return c.String()
}

// textPDF makes a document of pages of text.
func textPDF(pages int, name string) []byte {
	contents := make([]string, pages)
	for i := range contents {
		contents[i] = textPage(i+1, name, 55)
	}
	return document(contents, "", nil)
}

// loopPDF makes a document of pages of text, one of which draws forms that draw
// forms, twenty deep and ten times each: reading it takes longer than the world
// will last.
func loopPDF(pages, loop int) []byte {
	const deep = 20
	contents := make([]string, pages)
	for i := range contents {
		contents[i] = textPage(i+1, "loop", 10)
	}
	contents[loop-1] = "/X0 Do"
	first := 4 + 2*pages
	return document(contents, fmt.Sprintf("/XObject << /X0 %d 0 R >>", first), func(w *pdfWriter, free int) {
		for i := range deep {
			dict := "/Type /XObject /Subtype /Form /BBox [0 0 595 842]"
			if i == deep-1 {
				w.stream(free+i, dict+" /Resources << /Font << /F1 3 0 R >> >>", "BT /F1 9 Tf 60 700 Td (deep) Tj ET")
				continue
			}
			w.stream(free+i, fmt.Sprintf("%s /Resources << /XObject << /X %d 0 R >> >>", dict, free+i+1), strings.Repeat("/X Do\n", 10))
		}
	})
}
