package pdf

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"golang.org/x/image/tiff"

	"github.com/mivaa/mivaa/internal/layout"
)

// flag is a picture with a red corner at the top left and a blue one at the
// bottom right.
func flag(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(m, m.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(m, image.Rect(0, 0, w/4, h/4), image.NewUniform(red), image.Point{}, draw.Src)
	draw.Draw(m, image.Rect(w-w/4, h-h/4, w, h), image.NewUniform(blue), image.Point{}, draw.Src)
	return m
}

func asPNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// crc is what a chunk of a PNG ends with.
func crc(b []byte) uint32 { return crc32.ChecksumIEEE(b) }

func asTIFF(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tiff.Encode(&b, m, &tiff.Options{Compression: tiff.Deflate}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withChunk puts a chunk of a PNG behind its header.
func withChunk(b []byte, kind string, data []byte) []byte {
	const header = 8 + 25
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	chunk = append(append(append(chunk, kind...), data...), 0, 0, 0, 0)
	binary.BigEndian.PutUint32(chunk[len(chunk)-4:], crc(chunk[4:len(chunk)-4]))
	return append(append(bytes.Clone(b[:header]), chunk...), b[header:]...)
}

// withSegment puts a segment of a JPEG behind its beginning.
func withSegment(b []byte, marker byte, data []byte) []byte {
	segment := binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(data)+2))
	return append(append(bytes.Clone(b[:2]), append(segment, data...)...), b[2:]...)
}

// turned is an Exif segment that says how a picture is shown.
func turned(o orientation) []byte {
	d := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01")
	d = binary.BigEndian.AppendUint16(d, tagOrientation)
	d = binary.BigEndian.AppendUint16(d, kindShort)
	d = binary.BigEndian.AppendUint32(d, 1)
	d = binary.BigEndian.AppendUint16(d, uint16(o))
	return append(d, 0, 0, 0, 0, 0, 0)
}

// chained makes one TIFF of several, all in the same byte order.
func chained(t testing.TB, files ...[]byte) []byte {
	t.Helper()
	var out []byte
	last := 4 // where the pointer to the next directory stands
	for _, f := range files {
		base := uint32(len(out))
		at := binary.LittleEndian.Uint32(f[4:])
		n := int(binary.LittleEndian.Uint16(f[at:]))
		f = bytes.Clone(f)
		for i := range n {
			entry := f[int(at)+2+12*i:]
			kind, count := binary.LittleEndian.Uint16(entry[2:]), binary.LittleEndian.Uint32(entry[4:])
			offset := binary.LittleEndian.Uint32(entry[8:])
			tag := binary.LittleEndian.Uint16(entry)
			if int64(count)*kindSize(kind) > 4 || tag == tagStrips {
				binary.LittleEndian.PutUint32(entry[8:], offset+base)
			}
		}
		out = append(out, f...)
		binary.LittleEndian.PutUint32(out[last:], base+at)
		last = int(base+at) + 2 + 12*n
	}
	return out
}

func TestRaster(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Readers: 1})
	meter := func(dpi float64) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(dpi/0.0254+0.5))
		return append(binary.BigEndian.AppendUint32(b, uint32(dpi/0.0254+0.5)), 1)
	}
	jfif := func(x, y byte) []byte { return []byte{'J', 'F', 'I', 'F', 0, 1, 1, 1, 0, x, 0, y, 0, 0} }
	m := flag(400, 600)
	for name, c := range map[string]struct {
		data          []byte
		width, height float64
		media         string // of the image in it
		pixels        image.Point
	}{
		"png":                 {asPNG(t, m), 842 * 2 / 3.0, 842, PNG, image.Pt(400, 600)},
		"png that says":       {withChunk(asPNG(t, m), "pHYs", meter(100)), 288, 432, PNG, image.Pt(400, 600)},
		"png like a poster":   {withChunk(asPNG(t, m), "pHYs", meter(30)), 842 * 2 / 3.0, 842, PNG, image.Pt(400, 600)},
		"jpeg":                {asJPEG(t, m), 842 * 2 / 3.0, 842, JPEG, image.Pt(400, 600)},
		"jpeg that says":      {withSegment(asJPEG(t, m), 0xe0, jfif(200, 100)), 144, 432, JPEG, image.Pt(400, 600)},
		"jpeg of a camera":    {withSegment(asJPEG(t, turnedBack(m, 6)), 0xe1, turned(6)), 842 * 2 / 3.0, 842, PNG, image.Pt(400, 600)},
		"jpeg mirrored":       {withSegment(asJPEG(t, turnedBack(m, 7)), 0xe1, turned(7)), 842 * 2 / 3.0, 842, PNG, image.Pt(400, 600)},
		"jpeg on its head":    {withSegment(asJPEG(t, turnedBack(m, 3)), 0xe1, turned(3)), 842 * 2 / 3.0, 842, PNG, image.Pt(400, 600)},
		"jpeg turned another": {withSegment(asJPEG(t, turnedBack(m, 8)), 0xe1, turned(8)), 842 * 2 / 3.0, 842, PNG, image.Pt(400, 600)},
		"tiff":                {asTIFF(t, m), 400, 600, PNG, image.Pt(400, 600)}, // says 72
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := openBytes(t, p, c.data, "")
			pages, err := readAll(t.Context(), t, d, all(d))
			if err != nil || len(pages) != 1 {
				t.Fatal(len(pages), err)
			}
			page := pages[0]
			if !page.NeedsOCR || page.Text != "" || len(page.Images) != 1 || !close2(page.Width, c.width) || !close2(page.Height, c.height) {
				t.Errorf("page %+v", page)
			}
			data := page.ImageData[0]
			if data.Width != c.pixels.X || data.Height != c.pixels.Y || data.MediaType != c.media {
				t.Errorf("its image %+v", data)
			}
			drawn, err := d.Picture(t.Context(), 1, 72, 95)
			if err != nil {
				t.Fatal(err)
			}
			corners(t, drawn)
			list, err := d.Images(t.Context(), 1)
			if err != nil || len(list) != 1 || list[0].MediaType != c.media || list[0].Width != c.pixels.X || list[0].Height != c.pixels.Y {
				t.Errorf("images %+v, %v", list, err)
			}
			whole, err := d.Image(t.Context(), 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			if whole.MediaType != c.media || whole.Width != c.pixels.X || whole.Height != c.pixels.Y {
				t.Errorf("image: %s of %d by %d", whole.MediaType, whole.Width, whole.Height)
			}
			corners(t, whole)
			if sum := fmt.Sprintf("%x", sha256.Sum256(c.data)); bytes.Equal(whole.Data, c.data) && data.SHA256 != sum {
				t.Errorf("its hash is %q, want %s", data.SHA256, sum)
			}
			if _, err := d.Image(t.Context(), 1, 1); !errors.Is(err, ErrNoImage) {
				t.Errorf("a second image: %v", err)
			}
			if items, err := d.Outline(t.Context()); err != nil || len(items) > 0 {
				t.Errorf("outline %v, %v", items, err)
			}
		})
	}
}

func close2(a, b float64) bool { return a-b < 0.02 && b-a < 0.02 }

// corners checks where red and blue are.
func corners(t testing.TB, p Picture) {
	t.Helper()
	m := decode(t, p)
	x, y := p.Width/10, p.Height/10
	near(t, m, x, y, red)
	near(t, m, p.Width-x, p.Height-y, blue)
	near(t, m, p.Width-x, y, paper)
	near(t, m, x, p.Height-y, paper)
}

// turnedBack is a picture as it is stored to be shown upright by way of o.
func turnedBack(m *image.RGBA, o orientation) *image.RGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	sw, sh := w, h
	if o.sideways() {
		sw, sh = h, w
	}
	out := image.NewRGBA(image.Rect(0, 0, sw, sh))
	for y := range h {
		for x := range w {
			sx, sy := o.source(x, y, sw, sh)
			out.SetRGBA(sx, sy, m.RGBAAt(x, y))
		}
	}
	return out
}

// Orientations as the specification of TIFF has them: where the first row and the
// first column of what is stored are shown.
func TestOrientation(t *testing.T) {
	t.Parallel()
	const w, h = 3, 2                                                               // as stored
	for o, want := range map[orientation]struct{ first, right, below image.Point }{ // as shown: the first pixel, the next in its row, the one under it
		1: {image.Pt(0, 0), image.Pt(1, 0), image.Pt(0, 1)},
		2: {image.Pt(2, 0), image.Pt(1, 0), image.Pt(2, 1)},
		3: {image.Pt(2, 1), image.Pt(1, 1), image.Pt(2, 0)},
		4: {image.Pt(0, 1), image.Pt(1, 1), image.Pt(0, 0)},
		5: {image.Pt(0, 0), image.Pt(0, 1), image.Pt(1, 0)},
		6: {image.Pt(1, 0), image.Pt(1, 1), image.Pt(0, 0)},
		7: {image.Pt(1, 2), image.Pt(1, 1), image.Pt(0, 2)},
		8: {image.Pt(0, 2), image.Pt(0, 1), image.Pt(1, 2)},
	} {
		for shown, stored := range map[image.Point]image.Point{want.first: {}, want.right: {X: 1}, want.below: {Y: 1}} {
			if x, y := o.source(shown.X, shown.Y, w, h); image.Pt(x, y) != stored {
				t.Errorf("orientation %d: shown at %v is %d, %d, want %v", o, shown, x, y, stored)
			}
		}
	}
}

func TestTIFFOfPages(t *testing.T) {
	t.Parallel()
	grey := image.NewGray(image.Rect(0, 0, 300, 100))
	file := chained(t, asTIFF(t, flag(400, 600)), asTIFF(t, grey), asTIFF(t, flag(600, 400)))
	d := openBytes(t, newPool(t, Config{Readers: 1}), file, "")
	pages, err := readAll(t.Context(), t, d, all(d))
	if err != nil || len(pages) != 3 {
		t.Fatal(len(pages), err)
	}
	for i, want := range []float64{400, 300, 600} {
		if pages[i].Width != want || pages[i].Status != layout.StatusOK {
			t.Errorf("page %d: %+v", i+1, pages[i])
		}
	}
	third, err := d.Picture(t.Context(), 3, 72, 95)
	if err != nil {
		t.Fatal(err)
	}
	corners(t, third)
	second, err := d.Picture(t.Context(), 2, 72, 95)
	if err != nil {
		t.Fatal(err)
	}
	near(t, decode(t, second), 10, 10, color.RGBA{A: 255})

	// A ring of directories ends where it began.
	at := binary.LittleEndian.Uint32(file[4:])
	n := int(binary.LittleEndian.Uint16(file[at:]))
	binary.LittleEndian.PutUint32(file[int(at)+2+12*n:], at)
	ring := openBytes(t, newPool(t, Config{Readers: 1}), file, "")
	if got := ring.Info().PageCount; got != 1 {
		t.Errorf("a ring has %d pages", got)
	}
}

// stripsTIFF is a TIFF as scanners write them: JPEGs one under the other.
func stripsTIFF(t testing.TB, m *image.RGBA, rows int) []byte {
	t.Helper()
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := []byte("II*\x00\x00\x00\x00\x00")
	var offsets, lengths []uint32
	for y := 0; y < h; y += rows {
		strip := asJPEG(t, m.SubImage(image.Rect(0, y, w, min(y+rows, h))))
		offsets, lengths = append(offsets, uint32(len(out))), append(lengths, uint32(len(strip)))
		out = append(out, strip...)
	}
	list := func(values []uint32) uint32 {
		at := uint32(len(out))
		for _, v := range values {
			out = binary.LittleEndian.AppendUint32(out, v)
		}
		return at
	}
	at1, at2 := list(offsets), list(lengths)
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)))
	entries := [][4]uint32{
		{tagWidth, kindLong, 1, uint32(w)}, {tagHeight, kindLong, 1, uint32(h)}, {tagCompression, kindShort, 1, 7}, {tagPhotometric, kindShort, 1, 6},
		{tagStrips, kindLong, uint32(len(offsets)), at1}, {tagSamples, kindShort, 1, 3}, {tagRows, kindLong, 1, uint32(rows)},
		{tagStripSizes, kindLong, uint32(len(lengths)), at2},
	}
	out = binary.LittleEndian.AppendUint16(out, uint16(len(entries)))
	for _, e := range entries {
		out = binary.LittleEndian.AppendUint16(out, uint16(e[0]))
		out = binary.LittleEndian.AppendUint16(out, uint16(e[1]))
		out = binary.LittleEndian.AppendUint32(out, e[2])
		out = binary.LittleEndian.AppendUint32(out, e[3])
	}
	return append(out, 0, 0, 0, 0)
}

func TestTIFFOfJPEGs(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Readers: 1})
	file := stripsTIFF(t, flag(400, 600), 64)
	d := openBytes(t, p, file, "")
	picture, err := d.Picture(t.Context(), 1, 72, 95)
	if err != nil {
		t.Fatal(err)
	}
	corners(t, picture)
	// Strips that are not there.
	at := binary.LittleEndian.Uint32(file[4:])
	binary.LittleEndian.PutUint32(file[at+2+12*4+8:], uint32(len(file)))
	_, err = p.Open(t.Context(), bytes.NewReader(file), int64(len(file)), "")
	wantCode(t, err, CodeDamaged)
}

// Whatever is wrong with a picture is the picture's own business.
func TestDamagedRaster(t *testing.T) {
	t.Parallel()
	p := newPool(t, Config{Readers: 1})
	m := flag(400, 600)
	huge := asPNG(t, m)
	binary.BigEndian.PutUint32(huge[16:], 60_000)
	binary.BigEndian.PutUint32(huge[20:], 60_000)
	binary.BigEndian.PutUint32(huge[29:], crc(huge[12:29]))
	for name, c := range map[string]struct {
		data       []byte
		open, read string
	}{
		"png cut off":        {asPNG(t, m)[:900], "", CodeDamaged},
		"png header alone":   {asPNG(t, m)[:20], CodeDamaged, ""},
		"png too large":      {huge, "", CodeTooLarge},
		"jpeg cut off":       {asJPEG(t, m)[:2000], "", CodeDamaged},
		"jpeg of nothing":    {[]byte("\xff\xd8\xff\xe0 and no more"), CodeDamaged, ""},
		"tiff cut off":       {asTIFF(t, m)[:300], CodeDamaged, ""},
		"tiff of nothing":    {[]byte("II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00"), CodeDamaged, ""},
		"tiff beyond itself": {[]byte("MM\x00*\xff\xff\xff\xff"), CodeDamaged, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := p.Open(t.Context(), bytes.NewReader(c.data), int64(len(c.data)), "")
			if c.open != "" {
				wantCode(t, err, c.open)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			pages, err := readAll(t.Context(), t, d, all(d))
			if err != nil || pages[0].Code != c.read {
				t.Errorf("%v, code %q %s", err, pages[0].Code, pages[0].Error)
			}
			if _, err := d.Picture(t.Context(), 1, 72, 80); codeOf(err) != c.read {
				t.Errorf("picture: %v", err)
			}
		})
	}
}

// One reader reads a picture after a PDF and the other way round.
func TestRasterBesidePDF(t *testing.T) {
	t.Parallel()
	w := newWriter()
	w.page(text("fine"))
	p := newPool(t, Config{Readers: 1})
	for range 2 {
		d := openBytes(t, p, w.bytes(), "")
		if pages, err := readAll(t.Context(), t, d, all(d)); err != nil || pages[0].Text != "fine\n" {
			t.Fatal(pages, err)
		}
		d = openBytes(t, p, asPNG(t, flag(40, 60)), "")
		if pages, err := readAll(t.Context(), t, d, all(d)); err != nil || !pages[0].NeedsOCR {
			t.Fatal(pages, err)
		}
	}
}

func TestSniff(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"junk %PDF-1.4": PDF, "\x89PNG\r\n\x1a\n...": PNG, "\xff\xd8\xff\xe1": JPEG, "II*\x00": TIFF, "MM\x00*": TIFF,
		"\xff\xd8\xff %PDF-1.4": PDF,
	} {
		r, media, err := Sniff(strings.NewReader(text))
		if err != nil || media != want {
			t.Errorf("%q is %s, %v", text, media, err)
			continue
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(r); err != nil || b.String() != text {
			t.Errorf("%q was read as %q, %v", text, &b, err)
		}
	}
	for text, want := range map[string]string{
		"GIF89a":             "not a PDF but image/gif, which is not accepted: PDF, PNG, JPEG or TIFF are",
		"PK\x03\x04\x14":     "not a PDF but an archive or Office document (application/zip), which is not accepted: PDF, PNG, JPEG or TIFF are",
		"<!DOCTYPE HTML><p>": "not a PDF but text/html, which is not accepted: PDF, PNG, JPEG or TIFF are",
		"hello":              errHeader.Error(), "": errHeader.Error(), "II": errHeader.Error(),
	} {
		_, _, err := Sniff(strings.NewReader(text))
		if wantCode(t, err, CodeNotAPDF); err == nil || err.Error() != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Whatever a picture may be, it costs an error and nothing else.
func FuzzRaster(f *testing.F) {
	m := flag(16, 24)
	for _, b := range [][]byte{asPNG(f, m), asJPEG(f, m), asTIFF(f, m), stripsTIFF(f, m, 8), withSegment(asJPEG(f, m), 0xe1, turned(6)), chained(f, asTIFF(f, m), asTIFF(f, m))} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		media, err := sniff(b)
		if err != nil || media == PDF {
			return
		}
		r, err := openRaster(byteSource(b), int64(len(b)), media, 1<<20)
		if err != nil {
			if code := codeOf(err); code != CodeDamaged {
				t.Fatalf("code %q: %v", code, err)
			}
			return
		}
		for n := range min(len(r.pages), 3) {
			list, err := r.images(n + 1)
			if err != nil || list[0].Width < 1 || list[0].Height < 1 {
				t.Fatalf("images %+v, %v", list, err)
			}
			for _, v := range list[0].Box {
				if v-v != 0 {
					t.Fatalf("box %v", list[0].Box)
				}
			}
			if _, err := r.read(n + 1); err != nil && codeOf(err) != CodeDamaged && codeOf(err) != CodeTooLarge {
				t.Fatalf("code %q: %v", codeOf(err), err)
			}
		}
	})
}
