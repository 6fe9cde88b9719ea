package browser

import (
	"bytes"
	"fmt"
)

// longPDF makes a document of pages of text: each its number as a heading, and
// paragraphs that differ from page to page.
func longPDF(pages int, name string) []byte {
	var out bytes.Buffer
	var at []int
	object := func(body string) {
		at = append(at, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", len(at), body)
	}
	out.WriteString("%PDF-1.4\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	var kids bytes.Buffer
	for i := range pages {
		fmt.Fprintf(&kids, "%d 0 R ", 4+2*i)
	}
	object(fmt.Sprintf("<< /Type /Pages /Count %d /Kids [ %s] >>", pages, &kids))
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	for i := range pages {
		object(fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F 3 0 R >> >> >>", 5+2*i))
		text := textOf(i+1, name)
		object(fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(text), text))
	}
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&out, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&out, "trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	return out.Bytes()
}

// textOf is the content of a page.
func textOf(n int, name string) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "BT /F 20 Tf 72 760 Td (Part %d of %s) Tj ET\n", n, name)
	for line := range 44 {
		gap := 0
		if line > 0 && line%11 == 0 {
			gap = 8
		}
		y := 726 - 15*line - gap*(line/11)
		fmt.Fprintf(&b, "BT /F 11 Tf 72 %d Td (Line %d on page %d: a sentence that is long enough to reach from margin to margin.) Tj ET\n", y, line+1, n)
	}
	return b.String()
}
