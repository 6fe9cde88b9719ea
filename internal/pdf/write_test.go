package pdf

import (
	"bytes"
	"compress/zlib"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"fmt"
	"strings"
)

// writer writes small PDFs for the tests.
type writer struct {
	objects [][]byte // from number 1; 1 is the catalog, 2 the page tree
	pages   []string
	catalog string // more entries of the catalog
	info    string // the information dictionary
	key     []byte // of the encryption; nil: none
	encrypt string // the encryption dictionary
}

const fileID = "0123456789abcdef"

func newWriter() *writer { return &writer{objects: make([][]byte, 2)} }

// object adds an object and returns its number.
func (w *writer) object(body string) int {
	w.objects = append(w.objects, []byte(body))
	return len(w.objects)
}

// stream adds a stream and returns its number.
func (w *writer) stream(dict string, data []byte) int {
	number := len(w.objects) + 1
	data = w.crypt(number, data)
	return w.object(fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(data), data))
}

// flate is data compressed, for a stream with /Filter /FlateDecode.
func flate(data []byte) []byte {
	var b bytes.Buffer
	z, _ := zlib.NewWriterLevel(&b, zlib.BestSpeed)
	_, _ = z.Write(data)
	_ = z.Close()
	return b.Bytes()
}

// page adds a page with the given content; more are entries of its dictionary.
func (w *writer) page(content string, more ...string) {
	w.pageOf(w.stream("", []byte(content)), more...)
}

func (w *writer) pageOf(content int, more ...string) {
	entries := strings.Join(more, " ")
	if !strings.Contains(entries, "/MediaBox") {
		entries += " /MediaBox [0 0 612 792]"
	}
	if !strings.Contains(entries, "/Resources") {
		entries += " /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> " +
			"/F2 << /Type /Font /Subtype /Type1 /BaseFont /Courier-Bold >> >> >>"
	}
	n := w.object(fmt.Sprintf("<< /Type /Page /Parent 2 0 R /Contents %d 0 R %s >>", content, entries))
	w.pages = append(w.pages, fmt.Sprintf("%d 0 R", n))
}

// text is a content stream that shows one line a string, from the top.
func text(lines ...string) string {
	var b strings.Builder
	b.WriteString("BT /F1 12 Tf 14 TL 72 720 Td\n")
	for _, l := range lines {
		fmt.Fprintf(&b, "(%s) Tj T*\n", l)
	}
	b.WriteString("ET\n")
	return b.String()
}

// loop adds a page that draws forms nested so many levels deep, each calling
// the next so many times.
func (w *writer) loop(levels, calls int) {
	inner := w.stream("/Type /XObject /Subtype /Form /BBox [0 0 10 10]", []byte("q Q"))
	for range levels {
		inner = w.stream(fmt.Sprintf("/Type /XObject /Subtype /Form /BBox [0 0 10 10] /Resources << /XObject << /X %d 0 R >> >>", inner),
			[]byte(strings.Repeat("/X Do ", calls)))
	}
	w.page("/X Do", fmt.Sprintf("/Resources << /XObject << /X %d 0 R >> >>", inner))
}

// bomb adds a page whose content unfolds to so many bytes.
func (w *writer) bomb(size int) {
	w.pageOf(w.stream("/Filter /FlateDecode", flate(bytes.Repeat([]byte(" "), size))))
}

func (w *writer) bytes() []byte {
	w.objects[0] = []byte("<< /Type /Catalog /Pages 2 0 R " + w.catalog + " >>")
	w.objects[1] = fmt.Appendf(nil, "<< /Type /Pages /Count %d /Kids [%s] >>", len(w.pages), strings.Join(w.pages, " "))
	trailer := fmt.Sprintf("/Root 1 0 R /ID [<%x> <%x>]", fileID, fileID)
	if w.info != "" {
		trailer += fmt.Sprintf(" /Info %d 0 R", w.object(w.info))
	}
	if w.encrypt != "" {
		trailer += fmt.Sprintf(" /Encrypt %d 0 R", w.object(w.encrypt))
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	offsets := make([]int, len(w.objects))
	for i, o := range w.objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(w.objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d %s >>\nstartxref\n%d\n%%%%EOF\n", len(w.objects)+1, trailer, start)
	return b.Bytes()
}

// protect encrypts what is written from now on, with RC4 of 40 bits and a
// password in the bytes given (ISO 32000-1, 7.6.3).
func (w *writer) protect(password string) {
	const padding = "\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A"
	padded := (password + padding)[:32]
	ownerKey := md5.Sum([]byte(padded))
	owner := rc4Of(ownerKey[:5], []byte(padded))
	permissions := int32(-4)
	h := md5.New()
	h.Write([]byte(padded))
	h.Write(owner)
	_ = binary.Write(h, binary.LittleEndian, permissions)
	h.Write([]byte(fileID))
	w.key = h.Sum(nil)[:5]
	user := rc4Of(w.key, []byte(padding))
	w.encrypt = fmt.Sprintf("<< /Filter /Standard /V 1 /R 2 /Length 40 /P %d /O <%x> /U <%x> >>", permissions, owner, user)
}

func (w *writer) crypt(number int, data []byte) []byte {
	if w.key == nil {
		return data
	}
	key := md5.Sum(append(bytes.Clone(w.key), byte(number), byte(number>>8), byte(number>>16), 0, 0))
	return rc4Of(key[:10], data)
}

func rc4Of(key, data []byte) []byte {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic(err)
	}
	out := make([]byte, len(data))
	c.XORKeyStream(out, data)
	return out
}
