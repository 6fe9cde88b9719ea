package pdf

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/layout"
)

// annotated is a page with remarks, and a form of every kind of field.
func annotated() []byte {
	w := newWriter()
	helper := "/Rect [100 600 200 620] /F 4"
	address := len(w.objects) + 1
	w.object(fmt.Sprintf("<< /T (address) /Kids [%d 0 R] >>", address+1))
	w.object(fmt.Sprintf("<< /Type /Annot /Subtype /Widget /FT /Tx /Parent %d 0 R /T (city) /TU (Your town) /V (K\\366ln) /Ff 2 %s >>", address, helper))
	secret := w.object("<< /Type /Annot /Subtype /Widget /FT /Tx /T (secret) /V (hush) /Ff 8192 " + helper + " >>")
	look := w.stream("/Type /XObject /Subtype /Form /BBox [0 0 10 10]", nil)
	box := w.object(fmt.Sprintf("<< /Type /Annot /Subtype /Widget /FT /Btn /T (agree) /V /Yes /AS /Yes /AP << /N << /Yes %d 0 R /Off %d 0 R >> >> %s >>", look, look, helper))
	choice := w.object("<< /Type /Annot /Subtype /Widget /FT /Ch /T (colour) /V (red) /Opt [(red) (green)] /Ff 1 " + helper + " >>")
	w.catalog = fmt.Sprintf("/AcroForm << /Fields [%d 0 R %d 0 R %d 0 R %d 0 R] >>", address, secret, box, choice)
	note := w.object("<< /Type /Annot /Subtype /Text /Rect [300 700 320 720] /Contents (Check\\rthis) /T (Ann) /M (D:20240229123000Z) >>")
	mark := w.object("<< /Type /Annot /Subtype /Highlight /Rect [72 715 200 735] /QuadPoints [72 735 120 735 72 715 120 715] >>")
	hidden := w.object("<< /Type /Annot /Subtype /Text /Rect [300 700 320 720] /Contents (hidden) /F 2 >>")
	link := w.object("<< /Type /Annot /Subtype /Link /Rect [72 600 100 610] /A << /S /URI /URI (https://example.org) >> >>")
	w.page(text("marked words here"), fmt.Sprintf("/Annots [%d 0 R %d 0 R %d 0 R %d 0 R %d 0 R %d 0 R %d 0 R %d 0 R 99 0 R]", address+1, secret, box, choice, note, mark, hidden, link))
	w.page(text("no remarks"))
	return w.bytes()
}

func TestAnnotationsAndForms(t *testing.T) {
	t.Parallel()
	d := openBytes(t, newPool(t, Config{Readers: 1}), annotated(), "")
	pages := readPages(t, d)
	at := layout.Box{100, 172, 200, 192}
	wantFields := []layout.Field{
		{Name: "address.city", Label: "Your town", Kind: "text", Value: "Köln", Required: true, Box: at},
		{Name: "secret", Kind: "text", Box: at},
		{Name: "agree", Kind: "checkbox", Value: "Yes", Checked: true, Box: at},
		{Name: "colour", Kind: "choice", Value: "red", Options: []string{"red", "green"}, ReadOnly: true, Box: at},
	}
	if diff := cmp.Diff(wantFields, pages[0].Fields); diff != "" {
		t.Error(diff)
	}
	wantRemarks := []layout.Annotation{
		{Kind: "text", Box: layout.Box{300, 72, 320, 92}, Text: "Check\nthis", Author: "Ann", Modified: "2024-02-29T12:30:00Z"},
		{Kind: "highlight", Box: layout.Box{72, 57, 200, 77}, Marked: "marked w"},
	}
	if diff := cmp.Diff(wantRemarks, pages[0].Annotations); diff != "" {
		t.Error(diff)
	}
	if len(pages[0].Links) != 1 {
		t.Errorf("links are told as such: %v", pages[0].Links)
	}
	if len(pages[1].Annotations)+len(pages[1].Fields) > 0 {
		t.Errorf("a page without: %+v", pages[1])
	}
}

func TestImageData(t *testing.T) {
	t.Parallel()
	w := newWriter()
	grey := bytes.Repeat([]byte{7, 99}, 8*8/2)
	packed := flate(grey)
	image := w.stream("/Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode", packed)
	w.page("q 100 0 0 50 72 600 cm /I Do Q q 5 0 0 5 72 500 cm /I Do Q", fmt.Sprintf("/Resources << /XObject << /I %d 0 R >> >>", image))
	d := openBytes(t, newPool(t, Config{Readers: 1}), w.bytes(), "")
	sum := sha256.Sum256(packed)
	want := []layout.ImageData{
		{Width: 8, Height: 8, MediaType: PNG, SHA256: hex.EncodeToString(sum[:])},
		{Width: 8, Height: 8, MediaType: PNG}, // an icon
	}
	if diff := cmp.Diff(want, readPages(t, d)[0].ImageData); diff != "" {
		t.Error(diff)
	}
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	w := newWriter()
	content := bytes.Repeat([]byte("attached "), 1000)
	file := w.stream("/Type /EmbeddedFile /Subtype /text#2Fxml /Filter /FlateDecode /Params << /Size 9000 /ModDate (D:20240229) >>", flate(content))
	empty := w.stream("/Type /EmbeddedFile", nil)
	names := ""
	for i, f := range []int{file, empty} {
		names += fmt.Sprintf("(%d) %d 0 R ", i, w.object(fmt.Sprintf("<< /Type /Filespec /F (f%d.xml) /UF (f%d.xml) /EF << /F %d 0 R >> >>", i, i, f)))
	}
	w.catalog = "/Names << /EmbeddedFiles << /Names [" + names + "] >> >>"
	w.page(text("carries files"))
	d := openBytes(t, newPool(t, Config{Readers: 1}), w.bytes(), "")
	list, err := d.AttachedFiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Attachment{{Name: "f0.xml", MediaType: "text/xml", ModifiedAt: "2024-02-29T00:00:00Z", Size: len(content)}, {Name: "f1.xml", Size: 0}}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Error(diff)
	}
	for i, want := range [][]byte{content, {}} {
		got, err := d.AttachedFile(t.Context(), i)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("file %d: %d bytes, %v", i, len(got), err)
		}
	}
	for _, i := range []int{-1, 2, 1 << 20} {
		if _, err := d.AttachedFile(t.Context(), i); !errors.Is(err, ErrNoAttachment) {
			t.Errorf("file %d: %v", i, err)
		}
	}
}

// readPages reads all pages of the document, which must be possible.
func readPages(t *testing.T, d *Document) []layout.Page {
	t.Helper()
	var numbers []int
	for n := range d.Info().PageCount {
		numbers = append(numbers, n+1)
	}
	pages, err := readAll(t.Context(), t, d, numbers)
	if err != nil {
		t.Fatal(err)
	}
	return pages
}
