package pdf

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"math"
)

// Flags of rendering (fpdfview.h).
const (
	renderAnnotations = 0x01
	renderRGB         = 0x10 // red first, which is what image.RGBA has
)

const white = 0xffffffff

// bytesPerPixel is of every bitmap that is used here.
const bytesPerPixel = 4

// pixelsWithin is how many pixels a bitmap may have in a sandbox of so many
// bytes: the document has to fit beside it.
func pixelsWithin(limit uint64) int {
	return int(min(mostPixels, limit*2/5/bytesPerPixel))
}

// fit returns the size in pixels of what is width by height points at so many
// dots an inch, brought within the bounds of a picture without changing its form.
func fit(width, height float64, dpi, most int) (w, h int) {
	// What a hostile page says of its size: not a number, nothing, the infinite.
	const least, huge = 1.0, 1e7
	width, height = min(max(width, least), huge), min(max(height, least), huge)
	if width != width || height != height {
		width, height = least, least
	}
	scale := float64(dpi) / 72
	scale = min(scale, longest/width, longest/height, math.Sqrt(float64(most)/(width*height)))
	w, h = max(int(width*scale), 1), max(int(height*scale), 1)
	return w, h
}

// picture draws a page. The JPEG is encoded from PDFium's own memory: the
// bitmap, up to 100 MB, is never copied.
func (e *engine) picture(doc uint64, r renderRequest) (w, h int, data []byte, err error) {
	page := e.call(fnLoadPage, doc, uint64(r.Page-1))
	if page == 0 {
		return 0, 0, nil, errPageLoad
	}
	defer e.call(fnClosePage, page)
	w, h = fit(asFloat32(e.call(fnPageWidth, page)), asFloat32(e.call(fnPageHeight, page)), r.DPI, pixelsWithin(e.memory.limit))
	bitmap := e.call(fnBitmapCreate, uint64(w), uint64(h), 0)
	if bitmap == 0 {
		return 0, 0, nil, errBitmap
	}
	defer e.call(fnBitmapDestroy, bitmap)
	e.call(fnBitmapFill, bitmap, 0, 0, uint64(w), uint64(h), white)
	e.call(fnRender, bitmap, page, 0, 0, uint64(w), uint64(h), 0, renderAnnotations|renderRGB)
	if e.memory.refused {
		return 0, 0, nil, nil // the caller says so: what is drawn is not the page
	}
	pixels, stride, err := e.pixels(bitmap, w, h)
	if err != nil {
		return 0, 0, nil, err
	}
	data, err = encodeJPEG(&image.RGBA{Pix: pixels, Stride: stride, Rect: image.Rect(0, 0, w, h)}, r.Quality)
	return w, h, data, err
}

var (
	errPageLoad = fail(CodeDamaged, "damaged: PDFium cannot load it")
	errBitmap   = fail(CodeOutOfMemory, "PDFium has no memory for the picture")
	errSize     = fail(CodeTooLarge, "the picture has more than %d MiB", maxPicture>>20)
)

// pixels is a bitmap's memory, valid until the bitmap is destroyed.
func (e *engine) pixels(bitmap uint64, w, h int) (pixels []byte, stride int, err error) {
	stride = e.count(fnBitmapStride, bitmap)
	at := uint32(e.call(fnBitmapBuffer, bitmap))
	if at == 0 || stride < w*bytesPerPixel || stride > w*bytesPerPixel+64 {
		return nil, 0, errors.New("a bitmap of another form than asked for")
	}
	pixels, ok := e.mem.Read(at, uint32(stride*h))
	if !ok {
		return nil, 0, errors.New("a bitmap out of range")
	}
	return pixels, stride, nil
}

// encodeJPEG gives up some quality where the picture would be too large to hand
// over: noise at 25 million pixels.
func encodeJPEG(m *image.RGBA, quality int) ([]byte, error) {
	for {
		out := bounds{left: maxPicture}
		err := jpeg.Encode(&out, m, &jpeg.Options{Quality: quality})
		if err == nil {
			return out.buf.Bytes(), nil
		}
		if !errors.Is(err, errSize) || quality <= 10 {
			return nil, err
		}
		quality /= 2
	}
}

// bounds is a buffer that takes so many bytes and no more.
type bounds struct {
	buf  bytes.Buffer
	left int
}

// Write implements io.Writer.
func (b *bounds) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errSize
	}
	return b.buf.Write(p)
}
