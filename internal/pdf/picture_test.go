package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mivaa/mivaa/internal/layout"
)

// decode checks that a picture is what it says and returns it.
func decode(t testing.TB, p Picture) image.Image {
	t.Helper()
	m, kind, err := image.Decode(bytes.NewReader(p.Data))
	if err != nil {
		t.Fatal(err)
	}
	if "image/"+kind != p.MediaType || m.Bounds() != image.Rect(0, 0, p.Width, p.Height) {
		t.Fatalf("a %s of %v says it is %s of %d by %d", kind, m.Bounds(), p.MediaType, p.Width, p.Height)
	}
	return m
}

// near says whether a pixel has a colour, as far as a JPEG keeps it.
func near(t testing.TB, m image.Image, x, y int, want color.RGBA) {
	t.Helper()
	r, g, b, _ := m.At(x, y).RGBA()
	for i, got := range []uint32{r, g, b} {
		if d := int(got>>8) - int([]uint8{want.R, want.G, want.B}[i]); d < -12 || d > 12 {
			t.Errorf("at %d, %d: %02x%02x%02x, want %v", x, y, r>>8, g>>8, b>>8, want)
			return
		}
	}
}

var (
	red    = color.RGBA{R: 255, A: 255}
	blue   = color.RGBA{B: 255, A: 255}
	paper  = color.RGBA{255, 255, 255, 255}
	square = "1 0 0 rg 0 692 100 100 re f 0 0 1 rg 512 0 100 100 re f" // red at the top left, blue at the bottom right
)

func TestPicture(t *testing.T) {
	t.Parallel()
	w := newWriter()
	w.page(square)
	w.page(square, "/Rotate 90")
	d := openBytes(t, newPool(t, Config{Readers: 1}), w.bytes(), "")
	for _, c := range []struct{ page, dpi, width, height int }{
		{1, 72, 612, 792}, {1, 144, 1224, 1584}, {2, 72, 792, 612},
		{1, 1, 153, 198}, {1, 10_000, 2550, 3300}, // brought to 18 and 300
	} {
		p, err := d.Picture(t.Context(), c.page, c.dpi, 90)
		if err != nil {
			t.Fatal(err)
		}
		m := decode(t, p)
		if p.MediaType != JPEG || p.Width != c.width || p.Height != c.height {
			t.Errorf("page %d at %d: %s of %d by %d", c.page, c.dpi, p.MediaType, p.Width, p.Height)
		}
		near(t, m, p.Width/2, p.Height/2, paper)
		x, y := p.Width/20, p.Height/20
		if c.page == 1 {
			near(t, m, x, y, red)
			near(t, m, p.Width-x, p.Height-y, blue)
		} else {
			near(t, m, p.Width-x, y, red)
			near(t, m, x, p.Height-y, blue)
		}
	}
	if _, err := d.Picture(t.Context(), 3, 72, 80); codeOf(err) != CodeInternal {
		t.Errorf("page beyond the end: %v", err)
	}
}

// However large a page says it is, its picture is not.
func TestPictureOfHugePage(t *testing.T) {
	t.Parallel()
	w := newWriter()
	for _, box := range []string{"[0 0 14400 14400]", "[0 0 1000000 10]", "[0 0 3 1000000]", "[0 0 0.001 0.001]", "[0 0 1e30 1e30]", "[5 5 5 5]"} {
		w.page(square, "/MediaBox "+box)
	}
	d := openBytes(t, newPool(t, Config{Readers: 1}), w.bytes(), "")
	for n := range 6 {
		p, err := d.Picture(t.Context(), n+1, 300, 80)
		if err != nil {
			t.Errorf("page %d: %v", n+1, err)
			continue
		}
		decode(t, p)
		if n == 0 && p.Width*p.Height < mostPixels*9/10 {
			t.Errorf("page 1: %d by %d: less than there may be", p.Width, p.Height)
		}
	}
}

func TestFit(t *testing.T) {
	t.Parallel()
	nan := 0.0
	nan /= nan
	for _, size := range [][2]float64{{612, 792}, {1e9, 1e9}, {1e9, 1}, {0, 0}, {-5, 3}, {nan, 1}, {1, nan}, {14400, 14400}} {
		for _, dpi := range []int{LowestDPI, 96, HighestDPI} {
			w, h := fit(size[0], size[1], dpi, mostPixels)
			if !bounded(w, h) {
				t.Errorf("%v at %d: %d by %d", size, dpi, w, h)
			}
		}
	}
}

// A page that hangs costs the request and no other.
func TestPictureOfPageThatHangs(t *testing.T) {
	t.Parallel()
	w := newWriter()
	w.loop(forever, 10)
	w.page(square)
	d := openBytes(t, newPool(t, Config{Readers: 1, PageTimeout: time.Second, PageMemory: 4 << 30}), w.bytes(), "")
	_, err := d.Picture(t.Context(), 1, 96, 80)
	wantCode(t, err, CodePageTimeout)
	if err != nil && !strings.HasPrefix(err.Error(), "draw page 1: ") {
		t.Errorf("error %q does not name the page", err)
	}
	_, err = d.Images(t.Context(), 1)
	wantCode(t, err, CodePageTimeout)
	got, err := d.Picture(t.Context(), 2, 96, 80)
	if err != nil {
		t.Fatal(err)
	}
	near(t, decode(t, got), 10, 10, red)
}

// An image that unfolds to 900 MB, from 300 KB, costs the request and no other.
func TestPictureOfBomb(t *testing.T) {
	t.Parallel()
	w := newWriter()
	bomb := w.stream("/Type /XObject /Subtype /Image /Width 17320 /Height 17320 /BitsPerComponent 8 /ColorSpace /DeviceRGB /Filter /FlateDecode",
		flate(make([]byte, 17320*17320*3)))
	w.page("500 0 0 500 50 50 cm /I Do", fmt.Sprintf("/Resources << /XObject << /I %d 0 R >> >>", bomb))
	w.page(square)
	d := openBytes(t, newPool(t, Config{Readers: 1, PageTimeout: 10 * slack * time.Second}), w.bytes(), "")
	_, err := d.Image(t.Context(), 1, 0)
	wantCode(t, err, CodeOutOfMemory)
	if _, err := d.Image(t.Context(), 1, 1); !errors.Is(err, ErrNoImage) {
		t.Errorf("a second image: %v", err)
	}
	got, err := d.Picture(t.Context(), 2, 96, 80)
	if err != nil {
		t.Fatal(err)
	}
	near(t, decode(t, got), 10, 10, red)
}

// withImages is a page with images of several kinds, the third within a form.
func withImages(photo, pixels, grey []byte) []byte {
	w := newWriter()
	xobject := func(dict string, data []byte) int { return w.stream("/Type /XObject /Subtype /Image "+dict, data) }
	a := xobject("/Width 40 /Height 20 /BitsPerComponent 8 /ColorSpace /DeviceRGB /Filter /DCTDecode", photo)
	b := xobject("/Width 4 /Height 2 /BitsPerComponent 8 /ColorSpace /DeviceGray /Filter /FlateDecode", flate(grey))
	mask := xobject("/Width 4 /Height 2 /BitsPerComponent 8 /ColorSpace /DeviceGray", []byte{255, 255, 255, 255, 0, 0, 0, 0})
	c := xobject(fmt.Sprintf("/Width 4 /Height 2 /BitsPerComponent 8 /ColorSpace /DeviceRGB /SMask %d 0 R", mask), pixels)
	form := w.stream(fmt.Sprintf("/Type /XObject /Subtype /Form /BBox [0 0 100 100] /Resources << /XObject << /C %d 0 R >> >>", c),
		[]byte("10 0 0 10 20 20 cm /C Do"))
	e := xobject("/Width 9 /Height 9 /BitsPerComponent 8 /ColorSpace /DeviceRGB /Filter /DCTDecode", []byte("no JPEG at all"))
	k := xobject("/Width 40 /Height 20 /BitsPerComponent 8 /ColorSpace /DeviceCMYK /Filter /DCTDecode", fourColours(photo))
	w.page("q 100 0 0 50 0 742 cm /A Do Q q 0 20 -10 0 300 300 cm /B Do Q q 2 0 0 2 0 0 cm /F Do Q q 9 0 0 9 9 9 cm /E Do Q q 9 0 0 9 9 9 cm /K Do Q",
		fmt.Sprintf("/Resources << /XObject << /A %d 0 R /B %d 0 R /F %d 0 R /E %d 0 R /K %d 0 R >> >>", a, b, form, e, k))
	return w.bytes()
}

// fourColours makes the header of a JPEG say that it has four colours.
func fourColours(photo []byte) []byte {
	b := bytes.Clone(photo)
	at := bytes.Index(b, []byte{0xff, 0xc0})
	length := int(b[at+3])
	head := append(bytes.Clone(b[:at+3]), byte(length+3))
	head = append(append(head, b[at+4:at+9]...), 4)
	components := b[at+10 : at+2+length]
	return append(append(append(head, components...), 4, 0x11, 0), b[at+2+length:]...)
}

func TestImages(t *testing.T) {
	t.Parallel()
	var photo bytes.Buffer
	m := image.NewRGBA(image.Rect(0, 0, 40, 20))
	for i := range m.Pix {
		m.Pix[i] = byte(200)
	}
	if err := jpeg.Encode(&photo, m, nil); err != nil {
		t.Fatal(err)
	}
	pixels := []byte{255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99, 98, 97}
	grey := []byte{0, 50, 100, 150, 200, 255, 1, 2}
	d := openBytes(t, newPool(t, Config{Readers: 1}), withImages(photo.Bytes(), pixels, grey), "")
	list, err := d.Images(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := []ImageInfo{
		{layout.Box{0, 0, 100, 50}, 40, 20, JPEG},
		{layout.Box{290, 472, 300, 492}, 4, 2, PNG},
		{layout.Box{40, 732, 60, 752}, 4, 2, PNG},
	}
	if len(list) != 5 || list[3].MediaType != PNG || list[4].MediaType != PNG {
		t.Fatalf("%d images: %v", len(list), list)
	}
	for i := range want {
		if list[i] != want[i] {
			t.Errorf("image %d: %+v, want %+v", i, list[i], want[i])
		}
	}
	// The record has the same boxes in the same order: names are made of it.
	pages, err := readAll(t.Context(), t, d, []int{1})
	if err != nil {
		t.Fatal(err)
	}
	for i, box := range pages[0].Images {
		if box != list[i].Box {
			t.Errorf("image %d: its box is %v in the record, %v in the list", i, box, list[i].Box)
		}
	}
	imageBytes(t, d, photo.Bytes(), pixels, grey)
}

func imageBytes(t *testing.T, d *Document, photo, pixels, grey []byte) {
	p, err := d.Image(t.Context(), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if decode(t, p); !bytes.Equal(p.Data, photo) {
		t.Error("the JPEG is not the document's own")
	}
	if p, err = d.Image(t.Context(), 1, 1); err != nil {
		t.Fatal(err)
	}
	if m, ok := decode(t, p).(*image.Gray); !ok || !bytes.Equal(m.Pix, grey) {
		t.Errorf("grey image: %v", m)
	}
	if p, err = d.Image(t.Context(), 1, 2); err != nil {
		t.Fatal(err)
	}
	coloured := decode(t, p)
	for x := range 4 {
		r, g, b, alpha := coloured.At(x, 0).RGBA()
		if got := []byte{byte(r >> 8), byte(g >> 8), byte(b >> 8)}; !bytes.Equal(got, pixels[3*x:3*x+3]) || alpha != 0xffff {
			t.Errorf("pixel %d: %v %x, want %v", x, got, alpha, pixels[3*x:3*x+3])
		}
		if _, _, _, alpha := coloured.At(x, 1).RGBA(); alpha != 0 {
			t.Errorf("pixel %d under the mask has alpha %x", x, alpha)
		}
	}
	for _, index := range []int{3, 4} {
		if p, err = d.Image(t.Context(), 1, index); err == nil {
			if decode(t, p); p.MediaType != PNG {
				t.Errorf("image %d is no JPEG that everybody shows alike, and handed out as one", index)
			}
		} else if codeOf(err) != CodeDamaged {
			t.Errorf("image %d: %v", index, err)
		}
	}
	for _, index := range []int{5, -1, layout.MaxImages} {
		if _, err := d.Image(t.Context(), 1, index); !errors.Is(err, ErrNoImage) {
			t.Errorf("image %d: %v", index, err)
		}
	}
}

// Noise is what a PNG cannot make smaller: the image is.
func TestImageTooLargeToHandOver(t *testing.T) {
	t.Parallel()
	const width, height = 3000, 2500
	noise := make([]byte, width*height*3)
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(noise)
	w := newWriter()
	n := w.stream(fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent 8 /ColorSpace /DeviceRGB", width, height), noise)
	w.page("500 0 0 500 50 50 cm /I Do", fmt.Sprintf("/Resources << /XObject << /I %d 0 R >> >>", n))
	config := Config{Readers: 1}
	if raceDetector {
		config.PageMemory = 2 << 30 // it remembers several bytes for each of the picture's
	}
	d := openBytes(t, newPool(t, config), w.bytes(), "")
	p, err := d.Image(t.Context(), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	decode(t, p)
	if p.Width != width/2 || p.Height != height/2 || len(p.Data) > maxPicture {
		t.Errorf("%d by %d in %d bytes", p.Width, p.Height, len(p.Data))
	}
}

// What a reader says is a picture is looked at like anything from outside.
func TestLyingReaderOfPictures(t *testing.T) {
	t.Parallel()
	b := []byte("%PDF-1.4 no more is needed")
	self, err := executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"picture text", "picture size", "picture huge", "picture empty", "picture gif", "kind", "exit", "length"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, Config{Readers: 1, Command: []string{self, liarCommand, how}, PageTimeout: 20 * time.Second})
			d := openBytes(t, p, b, "")
			_, err := d.Picture(t.Context(), 1, 96, 80)
			wantCode(t, err, CodeReaderCrashed)
			if how == "picture empty" {
				return // of an image it is an answer
			}
			_, err = d.Image(t.Context(), 1, 0)
			wantCode(t, err, CodeReaderCrashed)
			_, err = d.Images(t.Context(), 1)
			wantCode(t, err, CodeReaderCrashed)
		})
	}
}

func FuzzDecodePicture(f *testing.F) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 2)), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(encodePicture(3, 2, b.Bytes()))
	f.Add(encodePicture(1<<20, 1<<20, []byte("\x89PNG\r\n\x1a\n")))
	f.Add([]byte(`[{"bbox":[0,0,1,1],"width":1,"height":1,"mime_type":"image/png"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := decodePicture(frame{framePicture, data}); err == nil && (!bounded(p.Width, p.Height) || p.MediaType != JPEG && p.MediaType != PNG) {
			t.Fatalf("allowed: %s of %d by %d", p.MediaType, p.Width, p.Height)
		}
		_, _ = decodeImageList(frame{frameImageList, data})
	})
}

// The first pages of every file, hostile ones included, and their images: drawn
// or refused by name.
func TestCorpusPictures(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(corpus, "*", "*.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("SKIPPED: no corpus in %s: hostile files are not tried", corpus)
	}
	p := newPool(t, Config{PageTimeout: 10 * time.Second})
	outcomes := map[string]int{}
	for _, file := range files {
		pictureFile(t, p, file, outcomes)
	}
	t.Log(outcomes)
}

func pictureFile(t *testing.T, p *Pool, file string, outcomes map[string]int) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	count := func(what string, err error) bool {
		code := codeOf(err)
		if err != nil && (code == "" || code == CodeInternal) {
			t.Errorf("%s: %s: %v", file, what, err)
		}
		if costsReader(code) || code == CodePageTimeout {
			t.Logf("%s: %s: %v", filepath.Base(file), what, err)
		}
		outcomes[what+" "+code]++
		return err == nil
	}
	d, err := p.Open(t.Context(), bytes.NewReader(b), int64(len(b)), "")
	if err != nil {
		return // TestCorpus looks at that
	}
	defer d.Close()
	for page := range min(2, d.Info().PageCount) {
		began := time.Now()
		if got, err := d.Picture(t.Context(), page+1, 50, 80); count("page", err) {
			decode(t, got)
		}
		list, err := d.Images(t.Context(), page+1)
		count("list", err)
		for i := range min(3, len(list)) {
			if got, err := d.Image(t.Context(), page+1, i); count("image", err) {
				if decode(t, got); got.MediaType != list[i].MediaType {
					t.Errorf("%s: page %d, image %d: %s in the list, it is %s", file, page+1, i, list[i].MediaType, got.MediaType)
				}
			}
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Logf("slow: %s took %v", filepath.Base(file), took)
		}
	}
}
