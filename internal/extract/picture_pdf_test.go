//go:build !race

// With the race detector the reader, which is this test binary, takes minutes
// to compile the engine.

package extract

import (
	"bytes"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// A real page, by a real reader.
func TestPicturesOfAPDF(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	pool, err := pdf.New(pdf.Config{Readers: 1, CacheDir: filepath.Join(os.TempDir(), fmt.Sprintf("mivaa-pdf-test-%d", os.Getuid()))})
	e.ok(err)
	defer func() { e.ok(pool.Close()) }()
	p := NewPictures(PicturesConfig{Open: DrawFromPool(pool), Documents: e.docs, Blobs: e.blobs})
	defer func() { e.ok(p.Close()) }()
	id := e.submitBytes(smallPDF(), Options{}).Document.ID
	page, err := p.Page(t.Context(), id, 1, 72)
	e.ok(err)
	if c, kind, err := image.DecodeConfig(bytes.NewReader(page.Data)); err != nil || kind != "jpeg" || c.Width != 300 || c.Height != 200 {
		t.Errorf("%s of %d by %d, %v", kind, c.Width, c.Height, err)
	}
	list, err := p.Images(t.Context(), id, 1)
	e.ok(err)
	if len(list) != 1 || list[0].Name != "p1-1.png" || list[0].Box != [4]float32{10, 110, 110, 190} {
		t.Fatalf("images: %+v", list)
	}
	got, err := p.Image(t.Context(), id, list[0].Name)
	e.ok(err)
	if c, kind, err := image.DecodeConfig(bytes.NewReader(got.Data)); err != nil || kind != "png" || c.Width != 2 || c.Height != 1 {
		t.Errorf("%s of %d by %d, %v", kind, c.Width, c.Height, err)
	}
	broken := e.submitBytes("%PDF-1.7\nno more than that", Options{}).Document.ID
	if _, err := p.Page(t.Context(), broken, 1, 72); jobs.Code(err) != pdf.CodeDamaged {
		t.Errorf("a damaged PDF: %v", err)
	}
}

// A real PDF from its bytes to an archive: what it shows, holds and carries.
func TestArchiveOfAPDF(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	pool, err := pdf.New(pdf.Config{Readers: 1, CacheDir: filepath.Join(os.TempDir(), fmt.Sprintf("mivaa-pdf-test-%d", os.Getuid()))})
	e.ok(err)
	defer func() { e.ok(pool.Close()) }()
	p := NewPictures(PicturesConfig{Open: DrawFromPool(pool), Documents: e.docs, Blobs: e.blobs})
	defer func() { e.ok(p.Close()) }()
	e.extractor.Open, e.results.Pictures = FromPool(pool), p
	id := e.submitBytes(carryingPDF(), Options{}).Document.ID
	e.run()
	archive, _ := e.read(id, as(Zip))
	files := map[string]string{}
	for _, f := range filesOf(t, archive) {
		files[f.name] = f.content
	}
	if _, kind, err := image.DecodeConfig(strings.NewReader(files["images/p1-1.png"])); err != nil || kind != "png" {
		t.Errorf("the image: %s, %v", kind, err)
	}
	if got := files["attachments/1-note.txt"]; got != "a note" {
		t.Errorf("the attached file is %q, of %d files", got, len(files))
	}
	if md := files["document.md"]; !strings.Contains(md, "![](images/p1-1.png)") || files["missing.json"] != "" {
		t.Errorf("markdown %q, missing %s", md, files["missing.json"])
	}
	w := e.whole(id)
	if len(w.FormFields) != 1 || w.FormFields[0].Value != "typed in" || len(w.Annotations) != 1 || w.Annotations[0].Text != "Look!" || len(w.Attachments) != 1 {
		t.Errorf("fields %+v, remarks %+v, files %+v", w.FormFields, w.Annotations, w.Attachments)
	}
	if len(w.Images) != 1 || len(w.Images[0].SHA256) != 64 || w.Images[0].Width != 8 {
		t.Errorf("images %+v", w.Images)
	}
}

// carryingPDF is a page with an image, a remark and a field of a form, in a
// document that carries a file.
func carryingPDF() string {
	return writePDF(
		"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R] >> /Names << /EmbeddedFiles << /Names [(n) 8 0 R] >> >> >>",
		"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >> /Annots [6 0 R 7 0 R] >>",
		"<< /Length 30 >>\nstream\nq 100 0 0 80 10 10 cm /I Do Q \nendstream",
		"<< /Type /XObject /Subtype /Image /Width 8 /Height 8 /BitsPerComponent 1 /ColorSpace /DeviceGray /Filter /ASCIIHexDecode /Length 17 >>\nstream\nff00ff00ff00ff00>\nendstream",
		"<< /Type /Annot /Subtype /Widget /FT /Tx /T (field) /V (typed in) /Rect [150 10 250 30] >>",
		"<< /Type /Annot /Subtype /Text /Contents (Look!) /Rect [150 50 170 70] >>",
		"<< /Type /Filespec /F (note.txt) /UF (note.txt) /EF << /F 9 0 R >> >>",
		"<< /Type /EmbeddedFile /Length 6 >>\nstream\na note\nendstream",
	)
}

// smallPDF is a page of 300 by 200 points with an image of two pixels on it.
// PDFium finds the objects without a table of where they are.
func smallPDF() string {
	return writePDF(
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >> >>",
		"<< /Length 30 >>\nstream\nq 100 0 0 80 10 10 cm /I Do Q \nendstream",
		"<< /Type /XObject /Subtype /Image /Width 2 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceRGB /Filter /ASCIIHexDecode /Length 13 >>\nstream\nff00000000ff>\nendstream",
	)
}

// writePDF writes objects, from number 1, of which the first is the catalog.
func writePDF(objects ...string) string {
	var b strings.Builder
	b.WriteString("%PDF-1.7\n")
	for i, o := range objects {
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\n%%%%EOF\n", len(objects)+1)
	return b.String()
}
