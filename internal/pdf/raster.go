package pdf

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"runtime/debug"

	"golang.org/x/image/tiff"

	"github.com/mivaa/mivaa/internal/layout"
)

// raster is a document that is a picture, or several: a PNG, a JPEG, a TIFF. It
// is decoded in a reader, like any document, and never kept decoded.
type raster struct {
	src   io.ReaderAt
	size  int64
	media string
	limit int64 // most bytes that a decoded picture may have
	pages []rasterPage
}

// rasterPage is a page, which is one picture.
type rasterPage struct {
	at            int64 // of a TIFF: where its directory is
	width, height int   // in pixels, as stored
	turn          orientation
	xdpi, ydpi    float64 // 0: not known
	bytesPerPixel int64   // decoded
	strips        *tiffJPEG
}

// openRaster finds the pages of a picture, and refuses what cannot be decoded
// in limit bytes.
func openRaster(src io.ReaderAt, size int64, media string, limit int64) (r *raster, err error) {
	defer recovered(&err)
	r = &raster{src: src, size: size, media: media, limit: limit}
	if media == TIFF {
		r.pages, err = tiffPages(src, size)
	} else {
		r.pages, err = r.onePage()
	}
	for _, p := range r.pages {
		if err == nil && (p.width < 1 || p.height < 1) {
			err = errPages
		}
	}
	return r, damagedUnless(err)
}

// onePage is what a PNG or a JPEG has.
func (r *raster) onePage() ([]rasterPage, error) {
	decode, look := png.DecodeConfig, pngLooks
	if r.media == JPEG {
		decode, look = jpeg.DecodeConfig, jpegLooks
	}
	config, err := decode(r.reader())
	if err != nil {
		return nil, err
	}
	p := rasterPage{width: config.Width, height: config.Height, turn: upright, bytesPerPixel: pixelBytes(config.ColorModel)}
	head := make([]byte, min(r.size, longestHeader))
	if _, err := r.src.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	look(head, &p)
	return []rasterPage{p}, nil
}

// longestHeader is how far into a picture its resolution and orientation are
// looked for.
const longestHeader = 256 << 10

func (r *raster) reader() *io.SectionReader { return io.NewSectionReader(r.src, 0, r.size) }

// pixelBytes is what a decoded pixel takes.
func pixelBytes(m color.Model) int64 {
	switch m {
	case color.GrayModel:
		return 1
	case color.Gray16Model:
		return 2
	case color.YCbCrModel:
		return 3
	case color.RGBA64Model, color.NRGBA64Model:
		return 8
	}
	if _, ok := m.(color.Palette); ok {
		return 1
	}
	return 4
}

// decode decodes a page, from 1.
func (r *raster) decode(number int) (m image.Image, err error) {
	defer recovered(&err)
	p, err := r.page(number)
	if err != nil {
		return nil, err
	}
	if most := r.limit / p.bytesPerPixel; int64(p.width) > most/int64(p.height) {
		return nil, fail(CodeTooLarge, "a picture of %d by %d pixels is too large: decoded it would have more than %d MiB", p.width, p.height, r.limit>>20)
	}
	switch {
	case p.strips != nil:
		m, err = p.strips.decode(r.src, p)
	case r.media == TIFF:
		m, err = tiff.Decode(&tiffPage{ReaderAt: r.src, directory: p.at})
	case r.media == JPEG:
		m, err = jpeg.Decode(r.reader())
	default:
		m, err = png.Decode(r.reader())
	}
	if err != nil {
		return nil, damagedUnless(err)
	}
	if m.Bounds().Dx() != p.width || m.Bounds().Dy() != p.height {
		return nil, fail(CodeDamaged, "damaged: the picture has another size than it says")
	}
	return m, nil
}

func (r *raster) page(number int) (*rasterPage, error) {
	if number < 1 || number > len(r.pages) {
		return nil, fail(CodeInternal, "page %d of %d asked for", number, len(r.pages))
	}
	return &r.pages[number-1], nil
}

// damagedUnless is what decoding failed with: the picture's fault, unless the
// source could not be read.
func damagedUnless(err error) error {
	if _, ours := errors.AsType[*Error](err); err == nil || ours {
		return err
	}
	if errors.Is(err, errSourceRead) {
		return err
	}
	return fail(CodeDamaged, "the picture is damaged, or of a kind that is not read: %w", err)
}

// recovered turns a panic of a decoder into an error.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fail(CodeDamaged, "the picture is damaged: its decoder gave up: %v", p)
	}
}

// read makes the record of a page. There is no text on it before it is
// recognised; that it can be decoded is found out now.
func (r *raster) read(number int) (layout.Page, error) {
	if _, err := r.decode(number); err != nil {
		return layout.Page{}, err
	}
	p := &r.pages[number-1]
	width, height := p.points()
	list, err := r.images(number)
	if err != nil {
		return layout.Page{}, err
	}
	data := layout.ImageData{Width: list[0].Width, Height: list[0].Height, MediaType: list[0].MediaType}
	if b, ok := r.original(p); ok {
		data.SHA256 = fmt.Sprintf("%x", sha256.Sum256(b))
	}
	return layout.Read(layout.Glyphs{
		Number: number, Width: width, Height: height, Images: []layout.Box{list[0].Box}, ImageData: []layout.ImageData{data},
	}), nil
}

// pixels is the size of a page as shown, in pixels.
func (p *rasterPage) pixels() (width, height int) {
	if p.turn.sideways() {
		return p.height, p.width
	}
	return p.width, p.height
}

// Sizes of paper, in points.
const (
	longA4 = 842
	longA3 = 1191
)

// points is the size of a page as shown, in points. A picture that does not say
// how large it is, or says that it is a poster (cameras and screens write 72 dots
// an inch), is taken for a page of A4.
func (p *rasterPage) points() (width, height float64) {
	x, y := p.xdpi, p.ydpi
	if x <= 0 || y <= 0 {
		x, y = 1, 1
	}
	width, height = 72*float64(p.width)/x, 72*float64(p.height)/y
	if most := max(width, height); most > 1.05*longA3 || p.xdpi <= 0 {
		width, height = width*longA4/most, height*longA4/most
	}
	width, height = max(width, 1), max(height, 1)
	if p.turn.sideways() {
		width, height = height, width
	}
	return width, height
}

// describe is what the document says of itself.
func (r *raster) describe() description { return description{Info: Info{PageCount: len(r.pages)}} }

// images lists the one image of a page.
func (r *raster) images(number int) ([]ImageInfo, error) {
	p, err := r.page(number)
	if err != nil {
		return nil, err
	}
	info := ImageInfo{MediaType: PNG}
	info.Width, info.Height = p.pixels()
	width, height := p.points()
	info.Box = layout.Box{0, 0, float32(width), float32(height)}
	if _, ok := r.original(p); ok && r.media == JPEG {
		info.MediaType = JPEG
	}
	return []ImageInfo{info}, nil
}

// original is the document itself where that can be shown as it is.
func (r *raster) original(p *rasterPage) ([]byte, bool) {
	if r.media == TIFF || r.size > maxPicture || !bounded(p.width, p.height) || p.turn != upright || p.bytesPerPixel == 4 && r.media == JPEG {
		return nil, false
	}
	b := make([]byte, r.size)
	n, err := r.src.ReadAt(b, 0)
	return b, int64(n) == r.size && (err == nil || errors.Is(err, io.EOF))
}

// image gives the image of a page, as large as it may be.
func (r *raster) image(request imageRequest, most int) (w, h int, data []byte, err error) {
	if request.Index != 0 {
		return 0, 0, nil, nil
	}
	p, err := r.page(request.Page)
	if err != nil {
		return 0, 0, nil, err
	}
	if b, ok := r.original(p); ok {
		return p.width, p.height, b, nil
	}
	m, err := r.decode(request.Page)
	if err != nil {
		return 0, 0, nil, err
	}
	width, height := p.pixels()
	w, h = fit(float64(width), float64(height), 72, most)
	for {
		out := bounds{left: maxPicture}
		encoder := png.Encoder{CompressionLevel: png.BestSpeed}
		err := encoder.Encode(&out, plain(drawn(m, p.turn, w, h)))
		if err == nil {
			return w, h, out.buf.Bytes(), nil
		}
		if !errors.Is(err, errSize) || w*h < 1000 {
			return 0, 0, nil, err
		}
		w, h = max(w/2, 1), max(h/2, 1)
	}
}

// plain is the picture in grey where it has no colours, which is a third of the
// bytes.
func plain(m *image.RGBA) image.Image {
	for i := 0; i < len(m.Pix); i += bytesPerPixel {
		if m.Pix[i] != m.Pix[i+1] || m.Pix[i] != m.Pix[i+2] {
			return m
		}
	}
	grey := image.NewGray(m.Rect)
	for i := range grey.Pix {
		grey.Pix[i] = m.Pix[i*bytesPerPixel]
	}
	return grey
}

// picture draws a page as a JPEG.
func (r *raster) picture(request renderRequest, most int) (w, h int, data []byte, err error) {
	m, err := r.decode(request.Page)
	if err != nil {
		return 0, 0, nil, err
	}
	p := &r.pages[request.Page-1]
	width, height := p.points()
	w, h = fit(width, height, request.DPI, most)
	data, err = encodeJPEG(drawn(m, p.turn, w, h), request.Quality)
	return w, h, data, err
}

// withCollector runs f with the garbage collector on: there is no WebAssembly
// in it that would hold it up, and decoders make much garbage. limit is about
// how much memory the process may have.
func withCollector(limit int64, f func() error) error {
	const often = 50 // percent
	percent, most := debug.SetGCPercent(often), debug.SetMemoryLimit(limit)
	defer func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(most)
		debug.FreeOSMemory()
	}()
	return f()
}

// readable says whether a resolution, in dots an inch, is one that can be.
func readable(x, y float64) bool {
	const least, most = 20, 10_000
	return x >= least && x <= most && y >= least && y <= most
}

// resolve takes a resolution that the picture states.
func (p *rasterPage) resolve(x, y float64) {
	if readable(x, y) {
		p.xdpi, p.ydpi = x, y
	}
}

var errPages = errors.New("no picture in it")

// hasPrefixAt says whether text stands at a place of b.
func hasPrefixAt(b []byte, at int, text string) bool {
	return len(b) >= at+len(text) && bytes.Equal(b[at:at+len(text)], []byte(text))
}
