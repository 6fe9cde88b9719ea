package browser

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var pictures = flag.String("pictures", "", "write pictures of the pages into this folder")

// largest is how many bytes a picture of docs/images may have.
const largest = 150 << 10

// TestPictures takes the pictures of docs/images: make pictures.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("pictures are taken by make pictures")
	}
	if err := os.MkdirAll(*pictures, 0o755); err != nil {
		t.Fatal(err)
	}
	w := furnish(t)
	running := w.upload("filename=archive-1998-2026.pdf&owner=library", longPDF(8000, "the archive"))
	w.until(running.JobID, "some pages", func(now job) bool { return now.StepsDone > 300 })
	wanted := map[string][]look{
		"jobs": {light, dark, phone}, "job": {light, dark, phone}, "review": {light}, "document": {light}, "page": {light, dark},
		"instances": {light}, "figures": {light}, "chunks": {},
	}
	if os.Getenv("PICTURES") == "all" { // to look at, not to keep
		for name := range wanted {
			wanted[name] = []look{light, dark, phone}
		}
	}
	for _, l := range []look{light, dark, phone} {
		b := open(t, l)
		for _, p := range w.pages() {
			if !slices.ContainsFunc(wanted[p.name], func(of look) bool { return of.name == l.name }) {
				continue
			}
			b.visit(w.url(p.path))
			b.settle()
			data := reduce(t, b.picture())
			if len(data) > largest && os.Getenv("PICTURES") == "" {
				t.Errorf("%s in %s: %d bytes", p.name, l.name, len(data))
			}
			if err := os.WriteFile(filepath.Join(*pictures, p.name+"-"+l.name+".png"), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// picture is what a person sees of the page without scrolling.
func (b *tab) picture() []byte {
	b.t.Helper()
	got, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng})
	if err != nil {
		b.t.Fatal(err)
	}
	return got.Data
}

// reduce makes a PNG small: 256 colours are enough for a page.
func reduce(t *testing.T, data []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	few := image.NewPaletted(full.Bounds(), palette(full))
	draw.Draw(few, few.Bounds(), full, full.Bounds().Min, draw.Src)
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// palette is the colours of an image that most of its pixels have, no two of
// them too alike to tell apart.
func palette(img image.Image) color.Palette {
	count := map[color.RGBA]int{}
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			count[color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)]++
		}
	}
	byUse := make([]color.RGBA, 0, len(count))
	for c := range count {
		byUse = append(byUse, c)
	}
	slices.SortFunc(byUse, func(a, b color.RGBA) int {
		if n := count[b] - count[a]; n != 0 {
			return n
		}
		return int(a.R)<<16 + int(a.G)<<8 + int(a.B) - int(b.R)<<16 - int(b.G)<<8 - int(b.B)
	})
	var p color.Palette
	for _, apart := range []int{12, 6, 0} { // wide steps first, then what still fits
		for _, c := range byUse {
			if len(p) == 256 {
				return p
			}
			if !slices.ContainsFunc(p, func(o color.Color) bool { return near(o.(color.RGBA), c, apart) }) {
				p = append(p, c)
			}
		}
	}
	return p
}

func near(a, b color.RGBA, apart int) bool {
	d := func(x, y uint8) int { return max(int(x)-int(y), int(y)-int(x)) }
	return d(a.R, b.R)+d(a.G, b.G)+d(a.B, b.B) <= apart
}
