package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mivaa/mivaa/internal/layout"
)

func TestPagesInOrder(t *testing.T) {
	t.Parallel()
	w := newWriter()
	for i := range 150 {
		w.page(text(fmt.Sprintf("This is page %d.", i+1)))
	}
	w.catalog = "/PageLabels << /Nums [0 << /S /r >> 4 << /S /D >>] >>"
	p := newPool(t, Config{})
	d := openBytes(t, p, w.bytes(), "")
	pages, err := readAll(t.Context(), t, d, all(d))
	if err != nil {
		t.Fatal(err)
	}
	for i, page := range pages {
		if want := fmt.Sprintf("This is page %d.\n", i+1); page.Text != want || page.Status != layout.StatusOK {
			t.Fatalf("page %d: %q, want %q (%s %s)", i+1, page.Text, want, page.Status, page.Error)
		}
	}
	if got := []string{pages[0].Label, pages[3].Label, pages[4].Label}; !cmp.Equal(got, []string{"i", "iv", "1"}) {
		t.Errorf("labels: %q", got)
	}
	// Any order, and any selection.
	if _, err := readAll(t.Context(), t, d, []int{7, 8, 150, 3, 3, 1}); err != nil {
		t.Error(err)
	}
	if _, err := readAll(t.Context(), t, d, []int{151}); codeOf(err) != CodeInternal {
		t.Errorf("page beyond the end: %v", err)
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	w := newWriter()
	w.page(text("one"))
	w.page(text("two"))
	w.info = "<< /Title (A title) /Author (\xfe\xff\x00M\x00\xfc) /Producer (test) /CreationDate (D:20240229123000+01'00') >>"
	first, second := len(w.objects)+2, len(w.objects)+3
	root := w.object(fmt.Sprintf("<< /Type /Outlines /First %d 0 R /Last %d 0 R /Count 1 >>", first, first))
	// The second level's next leads back to the first: a ring.
	w.object(fmt.Sprintf("<< /Title (Chapter) /Parent %d 0 R /First %d 0 R /Last %d 0 R /Dest [%s /Fit] >>", root, second, second, w.pages[0]))
	w.object(fmt.Sprintf("<< /Title (Section) /Parent %d 0 R /Next %d 0 R /Dest [%s /Fit] >>", first, first, w.pages[1]))
	file := w.stream("/Type /EmbeddedFile", []byte("attached"))
	w.catalog = fmt.Sprintf("/Outlines %d 0 R /MarkInfo << /Marked true >> /Names << /EmbeddedFiles << /Names [(a.txt) << /Type /Filespec /F (a.txt) /UF (a.txt) /EF << /F %d 0 R >> >>] >> >>", root, file)
	d := openBytes(t, newPool(t, Config{Readers: 1}), w.bytes(), "")
	want := Info{
		PageCount: 2, Version: "1.7", Title: "A title", Author: "Mü", Producer: "test",
		CreatedAt: "2024-02-29T12:30:00+01:00", Tagged: true,
		Attachments: []string{"a.txt"},
	}
	if diff := cmp.Diff(want, d.Info()); diff != "" {
		t.Error(diff)
	}
	if !d.HasOutline() {
		t.Error("no outline")
	}
	plain := newWriter()
	plain.page(text("no more"))
	if openBytes(t, d.pool, plain.bytes(), "").HasOutline() {
		t.Error("an outline where there is none")
	}
	outline, err := d.Outline(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]OutlineItem{{"Chapter", 1, 1}, {"Section", 2, 2}}, outline); diff != "" {
		t.Error(diff)
	}
}

func TestParseDate(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"D:20240229123000+01'00'": "2024-02-29T12:30:00+01:00",
		"D:20240229123000-0730":   "2024-02-29T12:30:00-07:30",
		"D:20240229123000Z":       "2024-02-29T12:30:00Z",
		"20240229":                "2024-02-29T00:00:00Z",
		"D:2024":                  "2024-01-01T00:00:00Z",
		"D:20241399":              "",
		"yesterday":               "",
		"":                        "",
		"D:":                      "",
		"D:202":                   "",
	} {
		if got := parseDate(in); got != want {
			t.Errorf("parseDate(%q) = %q, want %q", in, got, want)
		}
	}
}

// A page shown in four ways, with the same things at the same places on paper.
func TestGeometry(t *testing.T) {
	t.Parallel()
	content := "BT /F1 10 Tf 20 0 0 20 100 600 Tm (A) Tj ET\n" + // 200 points, to see the scale
		"0 0 0 RG 1 w 100 500 m 300 500 l S\n" +
		"0.5 0.5 0.5 rg 400 100 1 200 re f\n" +
		"0.8 0.9 1 rg 100 100 100 50 re f\n" +
		"1 1 1 rg 10 10 50 1 re f\n" // white: no line
	link := "/Annots [<< /Type /Annot /Subtype /Link /Rect [100 100 200 150] /A << /S /URI /URI (https://example.org/) >> >>" +
		" << /Type /Annot /Subtype /Link /Rect [100 200 200 250] /A << /S /URI /URI (https://example.net/) >> >>" +
		" << /Type /Annot /Subtype /Link /Rect [300 200 400 250] /Dest [%s /Fit] >>]" // within the document: not recorded
	image := "/MediaBox [10 20 622 812] /Rotate %d"
	w := newWriter()
	w.page(text("target"))
	for _, rotation := range []int{0, 90, 180, 270} {
		w.page(content, fmt.Sprintf(image, rotation), fmt.Sprintf(link, w.pages[0]))
	}
	d := openBytes(t, newPool(t, Config{Readers: 1}), w.bytes(), "")
	pages, err := readAll(t.Context(), t, d, []int{2, 3, 4, 5})
	if err != nil {
		t.Fatal(err)
	}
	type geometry struct {
		Width, Height float64
		Rotation      int
		Base, Angle   float32
		Size          float32
		Rulings       [][4]float32
		First, Second layout.Box
	}
	want := []geometry{
		{612, 792, 0, 212, 0, 200, [][4]float32{{90, 312, 290, 312}, {390.5, 512, 390.5, 712}}, layout.Box{90, 662, 190, 712}, layout.Box{90, 562, 190, 612}},
		{792, 612, 90, 0, 90, 200, [][4]float32{{480, 90, 480, 290}, {80, 390.5, 280, 390.5}}, layout.Box{80, 90, 130, 190}, layout.Box{180, 90, 230, 190}},
		{612, 792, 180, 0, 180, 200, [][4]float32{{322, 480, 522, 480}, {221.5, 80, 221.5, 280}}, layout.Box{422, 80, 522, 130}, layout.Box{422, 180, 522, 230}},
		{792, 612, 270, 0, -90, 200, [][4]float32{{312, 322, 312, 522}, {512, 221.5, 712, 221.5}}, layout.Box{662, 422, 712, 522}, layout.Box{562, 422, 612, 522}},
	}
	for i, page := range pages {
		if len(page.Lines) != 1 || len(page.Links) != 2 || page.Links[0].URI != "https://example.org/" || page.Links[1].URI != "https://example.net/" {
			t.Fatalf("page %d: %+v", page.Number, page)
		}
		l := page.Lines[0]
		got := geometry{page.Width, page.Height, page.Rotation, l.Base, l.Angle, l.Runs[0].Size, nil, page.Links[0].Box, page.Links[1].Box}
		for _, r := range page.Rulings {
			if r.Fill == "" {
				got.Rulings = append(got.Rulings, [4]float32{r.X0, r.Y0, r.X1, r.Y1})
			} else if (layout.Box{r.X0, r.Y0, r.X1, r.Y1}) != page.Links[0].Box || r.Fill != "cce6ff" {
				t.Errorf("rotation %d: filled box %v", page.Rotation, r)
			}
		}
		if page.Rotation != 0 {
			got.Base = 0 // of turned text: the layouter's business
		}
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Errorf("rotation %d:\n%s", page.Rotation, diff)
		}
	}
}

// What nobody sees is no line, and a thick line is a box.
func TestInk(t *testing.T) {
	t.Parallel()
	w := newWriter()
	w.page("1 1 1 rg 100 700 200 1 re f\n" + // white on white
		"1 1 1 RG 1 w 100 650 m 300 650 l S\n" + // ... and drawn
		"0.8 0.9 1 rg 100 500 200 50 re f\n" +
		"150 500 m 150 550 l S\n" + // white on a colour
		"1 1 1 rg 250 500 1 50 re f\n" +
		"1 1 1 RG 40 w 100 300 m 300 300 l S\n" + // white and thick
		"1 0 0 RG 20 w 100 200 m 300 200 l S\n" + // thick
		"q 0.1 0 0 0.1 0 0 cm 10 w 1000 1000 m 3000 1000 l S Q\n" + // not as thick as it says
		"1 1 1 RG 1 w 0.2 0.4 0.6 rg 400 500 50 50 re B\n") // a colour with a white edge
	d := openBytes(t, newPool(t, Config{Readers: 1}), w.bytes(), "")
	pages, err := readAll(t.Context(), t, d, []int{1})
	if err != nil {
		t.Fatal(err)
	}
	want := []layout.Ruling{
		{X0: 100, Y0: 142, X1: 300, Y1: 142},
		{X0: 100, Y0: 242, X1: 300, Y1: 292, Fill: "cce6ff"},
		{X0: 150, Y0: 242, X1: 150, Y1: 292},
		{X0: 250.5, Y0: 242, X1: 250.5, Y1: 292},
		{X0: 100, Y0: 582, X1: 300, Y1: 602, Fill: "ff0000"},
		{X0: 100, Y0: 692, X1: 300, Y1: 692},
		{X0: 400, Y0: 242, X1: 450, Y1: 292, Fill: "336699"},
	}
	if diff := cmp.Diff(want, pages[0].Rulings); diff != "" {
		t.Error(diff)
	}
}

func TestImagesAndFonts(t *testing.T) {
	t.Parallel()
	w := newWriter()
	image := w.stream("/Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8", []byte{0})
	form := w.stream(fmt.Sprintf("/Type /XObject /Subtype /Form /BBox [0 0 100 100] /Matrix [1 0 0 1 0 100] /Resources << /XObject << /I %d 0 R >> >>", image),
		[]byte("q 50 0 0 50 0 0 cm /I Do Q"))
	w.page("q 100 0 0 200 72 500 cm /I Do Q q 2 0 0 2 300 0 cm /F Do Q BT /F2 10 Tf 72 400 Td (Code) Tj ET",
		fmt.Sprintf("/Resources << /XObject << /I %d 0 R /F %d 0 R >> /Font << /F2 << /Type /Font /Subtype /Type1 /BaseFont /Courier-Bold >> >> >>", image, form))
	d := openBytes(t, newPool(t, Config{Readers: 1}), w.bytes(), "")
	pages, err := readAll(t.Context(), t, d, []int{1})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]layout.Box{{72, 92, 172, 292}, {300, 492, 400, 592}}, pages[0].Images); diff != "" {
		t.Error("images", diff)
	}
	if diff := cmp.Diff([]layout.Font{{Name: "Courier-Bold", Bold: true, Mono: true}}, pages[0].Fonts); diff != "" {
		t.Error("fonts", diff)
	}
}

func TestEncrypted(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Readers: 1})
	old := func(password string) []byte {
		w := newWriter()
		w.protect(password)
		w.page(text("secret"))
		return w.bytes()
	}
	aes, err := os.ReadFile(filepath.Join("testdata", "aes256.pdf")) // made with qpdf, password "Schlüssel"
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		file     []byte
		password string
		code     string
		revision int
	}{
		{"rc4", old("open"), "open", "", 2},
		{"rc4 without a password", old("open"), "", CodePasswordRequired, 0},
		{"rc4 with another password", old("open"), "shut", CodePasswordWrong, 0},
		{"rc4 with a Latin-1 password", old("Schl\xfcssel"), "Schlüssel", "", 2},
		{"rc4 with Latin-1 given as it is", old("Schl\xfcssel"), "Schl\xfcssel", "", 2},
		{"aes with Latin-1 given as it is", aes, "Schl\xfcssel", "", 6},
		{"rc4 that needs no password", old(""), "", "", 2},
		{"rc4 that needs no password, with one", old(""), "any", "", 2},
		{"aes", aes, "Schlüssel", "", 6},
		{"aes without a password", aes, "", CodePasswordRequired, 0},
		{"aes with another password", aes, "Schlussel", CodePasswordWrong, 0},
		{"password with a zero", aes, "Schl\x00", CodePasswordWrong, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, err := p.Open(t.Context(), bytes.NewReader(c.file), int64(len(c.file)), c.password)
			if c.code != "" {
				wantCode(t, err, c.code)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if i := d.Info(); !i.Encrypted || i.SecurityRevision != c.revision {
				t.Errorf("info: %+v", i)
			}
			pages, err := readAll(t.Context(), t, d, []int{1})
			if err != nil {
				t.Fatal(err)
			}
			if pages[0].Text != "secret\n" {
				t.Errorf("text %q", pages[0].Text)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Readers: 1, MaxPages: 3})
	whole := newWriter()
	for range 4 {
		whole.page(text("x"))
	}
	empty := newWriter()
	for name, c := range map[string]struct {
		file []byte
		code string
	}{
		"empty":          {nil, CodeNotAPDF},
		"text":           {[]byte("Hello, world"), CodeNotAPDF},
		"header too far": {append(bytes.Repeat([]byte(" "), 2000), "%PDF-1.4"...), CodeNotAPDF},
		"header alone":   {[]byte("%PDF-1.4\n"), CodeDamaged},
		"noise":          {append([]byte("%PDF-1.4\n"), bytes.Repeat([]byte{0xde, 0xad}, 5000)...), CodeDamaged},
		"no pages":       {empty.bytes(), CodeDamaged},
		"too many pages": {whole.bytes(), CodeTooManyPages},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := p.Open(t.Context(), bytes.NewReader(c.file), int64(len(c.file)), "")
			wantCode(t, err, c.code)
		})
	}
	if _, err := p.Open(t.Context(), bytes.NewReader(nil), 5<<30, ""); codeOf(err) != CodeTooLarge {
		t.Errorf("5 GiB: %v", err)
	}
	// One damaged page costs itself.
	w := newWriter()
	w.page(text("before"))
	w.pages = append(w.pages, "9999 0 R")
	w.page(text("after"))
	d := openBytes(t, p, w.bytes(), "")
	pages, err := readAll(t.Context(), t, d, all(d))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"", CodeDamaged, ""}, codes(pages)); diff != "" {
		t.Error(diff)
	}
}

// failingSource fails from the given offset on, once it is armed.
type failingSource struct {
	io.ReaderAt
	from int64
}

var errDisk = errors.New("the disk is gone")

func (s failingSource) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > s.from {
		return 0, errDisk
	}
	return s.ReaderAt.ReadAt(p, off)
}

func TestSourceErrorIsNotTheDocuments(t *testing.T) {
	t.Parallel()
	w := newWriter()
	for i := range 200 {
		w.page(text(fmt.Sprintf("page %d", i+1)) + strings.Repeat("% padding\n", 500))
	}
	b := w.bytes()
	p := newPool(t, Config{})
	for _, from := range []int64{0, 500, 1 << 19, int64(len(b)) - 1} {
		_, err := p.Open(t.Context(), failingSource{bytes.NewReader(b), from}, int64(len(b)), "")
		if codeOf(err) != CodeInternal || !errors.Is(err, errDisk) {
			t.Errorf("fails from %d: %v (%s)", from, err, codeOf(err))
		}
	}
	// In the middle of it.
	gate := &gatedSource{ReaderAt: bytes.NewReader(b)}
	d, err := p.Open(t.Context(), gate, int64(len(b)), "")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	read := 0
	for page, err := range d.Pages(t.Context(), all(d), nil) {
		if err != nil {
			if codeOf(err) != CodeInternal || !errors.Is(err, errDisk) {
				t.Errorf("after %d pages: %v", read, err)
			}
			if read == 0 || read == len(all(d)) {
				t.Errorf("%d pages read", read)
			}
			return
		}
		if page.Status != layout.StatusOK {
			t.Fatalf("page %d: %s", page.Number, page.Error)
		}
		read++
		gate.broken.Store(true)
	}
	t.Error("no error")
}
