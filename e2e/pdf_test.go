package e2e

import (
	"bytes"
	"compress/zlib"
	"crypto/md5"
	"crypto/rc4"
	"fmt"
	"math/rand/v2"
	"strings"
)

// pdfWriter writes the plainest PDF there is.
type pdfWriter struct {
	buf     bytes.Buffer
	offsets []int
	key     []byte // of the encryption; nil: none
	trailer string // more entries
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
	if w.key != nil {
		key := md5.Sum(append(bytes.Clone(w.key), byte(n), byte(n>>8), byte(n>>16), 0, 0))
		data = rc4Of(key[:len(w.key)+5], data)
	}
	w.object(n, fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(data), data))
}

// bytes ends the file; object 1 is its catalog.
func (w *pdfWriter) bytes() []byte {
	at := w.buf.Len()
	fmt.Fprintf(&w.buf, "xref\n0 %d\n0000000000 65535 f \n", len(w.offsets)+1)
	for _, o := range w.offsets {
		fmt.Fprintf(&w.buf, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&w.buf, "trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n", len(w.offsets)+1, w.trailer, at)
	return w.buf.Bytes()
}

// document makes a PDF of pages with the given contents.
func document(contents []string, resources string, more func(w *pdfWriter, free int)) []byte {
	return documentIn(newPDF(), contents, resources, more)
}

func documentIn(w *pdfWriter, contents []string, resources string, more func(w *pdfWriter, free int)) []byte {
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
				// Long, and nothing that is kept: the page costs time rather than memory.
				w.stream(free+i, dict, strings.Repeat("q Q ", 64<<10))
				continue
			}
			w.stream(free+i, fmt.Sprintf("%s /Resources << /XObject << /X %d 0 R >> >>", dict, free+i+1), strings.Repeat("/X Do\n", 10))
		}
	})
}

// slowPDF makes a document of small pages that take a while to read: each draws
// the same form of some thousand curves.
func slowPDF(pages int, name string) []byte {
	contents := make([]string, pages)
	for i := range contents {
		contents[i] = textPage(i+1, name, 5) + "/X0 Do\n"
	}
	return document(contents, fmt.Sprintf("/XObject << /X0 %d 0 R >>", 4+2*pages), func(w *pdfWriter, free int) {
		w.stream(free, "/Type /XObject /Subtype /Form /BBox [0 0 595 842]", strings.Repeat("10 10 m 20 30 40 50 60 70 c S\n", 2000))
	})
}

// swellPDF makes a document of pages of text, the content of one of which is half
// a gigabyte once it is inflated.
func swellPDF(pages, bomb int) []byte {
	contents := make([]string, pages)
	for i := range contents {
		contents[i] = textPage(i+1, "swell", 10)
	}
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	for range 512 {
		_, _ = z.Write(bytes.Repeat([]byte("q Q "), 1<<18)) // a buffer takes all
	}
	_ = z.Close()
	contents[bomb-1] = ""
	return document(contents, "", func(w *pdfWriter, _ int) {
		w.stream(5+2*(bomb-1), "/Filter /FlateDecode", packed.String())
	})
}

// bigPDF makes a document of one page that is about so many bytes long and
// cannot be compressed.
func bigPDF(size int) []byte {
	noise := make([]byte, size)
	rng := rand.NewChaCha8([32]byte{})
	_, _ = rng.Read(noise) // never fails
	return document([]string{textPage(1, "big", 5)}, "", func(w *pdfWriter, free int) { w.stream(free, "", string(noise)) })
}

// encryptedPDF makes a document that only a password opens, with RC4 of 40 bits
// (ISO 32000-1, 7.6.3): the weakest there is, and the shortest to write down.
func encryptedPDF(password string) []byte {
	const id = "0123456789abcdef"
	const padding = "\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A"
	const permissions = -4
	padded := (password + padding)[:32]
	ownerKey := md5.Sum([]byte(padded))
	owner := rc4Of(ownerKey[:5], padded)
	h := md5.New()
	h.Write([]byte(padded + owner))
	h.Write([]byte("\xfc\xff\xff\xff")) // the permissions, low byte first
	h.Write([]byte(id))

	w := newPDF()
	w.key = h.Sum(nil)[:5]
	w.trailer = fmt.Sprintf("/ID [<%x> <%x>] /Encrypt << /Filter /Standard /V 1 /R 2 /Length 40 /P %d /O <%x> /U <%x> >>",
		id, id, permissions, owner, rc4Of(w.key, padding))
	return documentIn(w, []string{textPage(1, "secret", 5)}, "", nil)
}

func rc4Of(key []byte, data string) string {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic(err)
	}
	out := make([]byte, len(data))
	c.XORKeyStream(out, []byte(data))
	return string(out)
}
