package ocr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
)

// TestMain lets this test binary be a reader of PDFs, and any Tesseract that
// misbehaves: which one its name says.
func TestMain(m *testing.M) {
	if how, ok := strings.CutPrefix(filepath.Base(os.Args[0]), fakePrefix); ok {
		os.Exit(fake(how))
	}
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case pdf.ReaderCommand:
			os.Exit(pdf.ReaderMain(os.Args[2:]))
		case doomedCommand:
			os.Exit(doomed(os.Args[2]))
		}
	}
	os.Exit(m.Run())
}

const (
	fakePrefix    = "tesseract-that-"
	doomedCommand = "test-doomed"
)

// installedOrSkip is the Tesseract of this machine. CI has one.
func installedOrSkip(t testing.TB) *Engine {
	t.Helper()
	e, err := New(t.Context(), Config{AtOnce: 2, Logger: logger(t)})
	if errors.Is(err, ErrNotInstalled) && os.Getenv("CI") != "true" {
		t.Skip("SKIPPED: Tesseract is not installed; apt-get install tesseract-ocr tesseract-ocr-eng")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// paper is a page that is written on, as a scanner sees it: 300 dots an inch.
type paper struct {
	*image.Gray
	face map[float64]font.Face
	t    testing.TB
}

func newPaper(t testing.TB, width, height float64) *paper {
	m := image.NewGray(image.Rect(0, 0, int(width*dpi/72), int(height*dpi/72)))
	draw.Draw(m, m.Rect, image.White, image.Point{}, draw.Src)
	return &paper{m, map[float64]font.Face{}, t}
}

// write writes a line with its baseline at y, all in points.
func (p *paper) write(x, y, size float64, text string) {
	p.t.Helper()
	face := p.face[size]
	if face == nil {
		parsed, err := opentype.Parse(goregular.TTF)
		if err == nil {
			face, err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: dpi})
		}
		if err != nil {
			p.t.Fatal(err)
		}
		p.face[size] = face
	}
	d := font.Drawer{Dst: p.Gray, Src: image.NewUniform(color.Gray{20}), Face: face, Dot: fixed.P(int(x*dpi/72), int(y*dpi/72))}
	d.DrawString(text)
}

func (p *paper) jpeg() []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, p.Gray, &jpeg.Options{Quality: 85}); err != nil {
		p.t.Fatal(err)
	}
	return b.Bytes()
}

// page is a page of a scan: a picture, and the text that stands on it invisibly.
type page struct {
	paper  *paper
	hidden []string
}

// scan is a PDF of such pages, of A4.
func scan(pages ...page) []byte {
	var b bytes.Buffer
	var offsets []int
	object := func(body string) int {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(offsets), body)
		return len(offsets)
	}
	stream := func(dict, data string) int {
		return object(fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(data), data))
	}
	b.WriteString("%PDF-1.4\n")
	tree := 2 + 3*len(pages)
	kids := ""
	for _, p := range pages {
		contents, xobjects := "", ""
		if p.paper != nil {
			image := stream(fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode",
				p.paper.Rect.Dx(), p.paper.Rect.Dy()), string(p.paper.jpeg()))
			contents, xobjects = "q 595 0 0 842 0 0 cm /I Do Q\n", fmt.Sprintf("/XObject << /I %d 0 R >>", image)
		} else {
			object("null")
		}
		contents += "BT 3 Tr /F 10 Tf 12 TL 72 770 Td\n"
		for _, line := range p.hidden {
			contents += "(" + line + ") Tj T*\n"
		}
		c := stream("", contents+"ET")
		n := object(fmt.Sprintf("<< /Type /Page /Parent %d 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << %s /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
			tree-1, c, xobjects))
		kids += fmt.Sprintf("%d 0 R ", n)
	}
	object(fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", len(pages), kids))
	object(fmt.Sprintf("<< /Type /Catalog /Pages %d 0 R >>", tree-1))
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, tree, start)
	return b.Bytes()
}

func newPool(t testing.TB) *pdf.Pool {
	t.Helper()
	p, err := pdf.New(pdf.Config{
		Readers: 2, CacheDir: filepath.Join(os.TempDir(), fmt.Sprintf("mivaa-pdf-test-%d", os.Getuid())), Logger: logger(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close pool: %v", err)
		}
	})
	return p
}

func openBytes(t testing.TB, p *pdf.Pool, b []byte) *pdf.Document {
	t.Helper()
	d, err := p.Open(t.Context(), bytes.NewReader(b), int64(len(b)), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// readAll reads all pages of a document.
func readAll(ctx context.Context, d *pdf.Document, r pdf.Recogniser) ([]layout.Page, error) {
	numbers := make([]int, d.Info().PageCount)
	for i := range numbers {
		numbers[i] = i + 1
	}
	var pages []layout.Page
	for p, err := range d.Pages(ctx, numbers, r) {
		if err != nil {
			return pages, err
		}
		pages = append(pages, p)
	}
	return pages, nil
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, within time.Duration, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
		<-tick.C
	}
}
