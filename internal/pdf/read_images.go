package pdf

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"

	"github.com/mivaa/mivaa/internal/layout"
)

// formatBGRA is the form of a bitmap with transparency (fpdfview.h).
const formatBGRA = 4

// filterJPEG is what a PDF calls a JPEG.
const filterJPEG = "DCTDecode"

// eachImage loads a page and tells f of its images, until f returns false.
func (e *engine) eachImage(doc uint64, number int, f func(page, object uint64, box layout.Box) bool) error {
	page := e.call(fnLoadPage, doc, uint64(number-1))
	if page == 0 {
		return errPageLoad
	}
	defer e.call(fnClosePage, page)
	r := pageReader{engine: e, doc: doc, page: page, out: &layout.Glyphs{}, budget: maxObjects}
	r.found = func(object uint64, box layout.Box) {
		if !f(page, object, box) {
			r.budget = 0
		}
	}
	r.geometry()
	r.objects()
	return nil
}

// images lists the images of a page.
func (e *engine) images(doc uint64, number int) ([]ImageInfo, error) {
	list := []ImageInfo{}
	err := e.eachImage(doc, number, func(_, object uint64, box layout.Box) bool {
		w, h := e.imageSize(object)
		info := ImageInfo{Box: box, Width: w, Height: h, MediaType: PNG}
		if e.jpeg(object, w, h, func([]byte) {}) {
			info.MediaType = JPEG
		}
		list = append(list, info)
		return len(list) < layout.MaxImages
	})
	return list, err
}

// image reads one of them. There is no data where there is no such image.
func (e *engine) image(doc uint64, r imageRequest) (w, h int, data []byte, err error) {
	n, failed := 0, error(nil)
	err = e.eachImage(doc, r.Page, func(page, object uint64, _ layout.Box) bool {
		if n++; n <= r.Index {
			return true
		}
		w, h, data, failed = e.readImage(doc, page, object)
		return false
	})
	return w, h, data, errors.Join(err, failed)
}

func (e *engine) readImage(doc, page, object uint64) (w, h int, data []byte, err error) {
	w, h = e.imageSize(object)
	if e.jpeg(object, w, h, func(b []byte) { data = bytes.Clone(b) }) {
		return w, h, data, nil
	}
	return e.png(doc, page, object, w, h)
}

// imageSize is the image's own size, at least 1 by 1: a document may say anything.
func (e *engine) imageSize(object uint64) (w, h int) {
	if e.ok(fnImageSize, object, e.arg(0), e.arg(4)) {
		size := e.result(8)
		w, h = int(int32(binary.LittleEndian.Uint32(size))), int(int32(binary.LittleEndian.Uint32(size[4:])))
	}
	return max(w, 1), max(h, 1)
}

// jpeg lends f the JPEG as which the document holds the image, if it does and
// everybody shows it alike: grey or with three colours. Those for printers, with
// four, are shown in false colours by some. It reports whether there is one.
func (e *engine) jpeg(object uint64, w, h int, f func(data []byte)) bool {
	is := false
	if e.mayBeJPEG(object, w, h) {
		e.raw(object, maxPicture, func(data []byte) {
			if is = isJPEG(data, w, h); is {
				f(data)
			}
		})
	}
	return is
}

// mayBeJPEG reports whether the document says that the image is one.
func (e *engine) mayBeJPEG(object uint64, w, h int) bool {
	return bounded(w, h) && e.count(fnImageFilterCount, object) == 1 &&
		e.bytes8(func(buf, size uint64) uint64 { return e.call(fnImageFilter, object, 0, buf, size) }) == filterJPEG
}

// isJPEG reports whether data is a JPEG of that size that everybody shows alike.
func isJPEG(data []byte, w, h int) bool {
	config, err := jpeg.DecodeConfig(bytes.NewReader(data))
	return err == nil && config.Width == w && config.Height == h && config.ColorModel != color.CMYKModel
}

// raw lends f the image's data as the document holds it, where that has 1 to
// most bytes, and returns how many it has.
func (e *engine) raw(object uint64, most int, f func(data []byte)) int {
	n := uint32(e.call(fnImageRaw, object, 0, 0))
	if n == 0 || int(n) > most {
		return int(n)
	}
	p := e.call(fnMalloc, uint64(n))
	if p == 0 {
		return int(n)
	}
	defer e.call(fnFree, p)
	if uint32(e.call(fnImageRaw, object, p, uint64(n))) != n {
		return int(n)
	}
	if data, ok := e.mem.Read(uint32(p), n); ok {
		f(data)
	}
	return int(n)
}

// mostHashed is how many bytes of a page's images are hashed: they are read for
// that alone.
const mostHashed = 2 * maxPicture

// imageData tells what an image is. What is too small to say anything is not
// looked into.
func (r *pageReader) imageData(object uint64, box layout.Box, tag int) layout.ImageData {
	w, h := r.imageSize(object)
	d := layout.ImageData{Width: w, Height: h, MediaType: PNG, Alt: r.altOf(tag)}
	const icon = 12 // points
	if box[2]-box[0] < icon || box[3]-box[1] < icon {
		return d
	}
	claims := r.mayBeJPEG(object, w, h)
	r.hashed += r.raw(object, min(maxPicture, mostHashed-r.hashed), func(data []byte) {
		sum := sha256.Sum256(data)
		d.SHA256 = hex.EncodeToString(sum[:])
		if claims && isJPEG(data, w, h) {
			d.MediaType = JPEG
		}
	})
	return d
}

// png draws the image as it is, with its mask, and encodes it. An image that is
// too large is made smaller.
func (e *engine) png(doc, page, object uint64, width, height int) (w, h int, data []byte, err error) {
	scale := 1.0
	if most := float64(pixelsWithin(e.memory.limit)); float64(width)*float64(height) > most {
		scale = math.Sqrt(most / (float64(width) * float64(height)))
	}
	scale = min(scale, longest/float64(width), longest/float64(height))
	for {
		w, h = max(int(float64(width)*scale), 1), max(int(float64(height)*scale), 1)
		data, err = e.pngOf(doc, page, object, w, h)
		if !errors.Is(err, errSize) || w*h < 1000 {
			return w, h, data, err
		}
		scale /= 2
	}
}

// pngOf draws the image in a size.
func (e *engine) pngOf(doc, page, object uint64, w, h int) ([]byte, error) {
	// PDFium draws it as large as it stands on the page, in points: as many points as
	// it is to have pixels. The page is closed afterwards, and with it this change.
	for i, v := range []float32{float32(w), 0, 0, float32(h), 0, 0} {
		e.mem.WriteFloat32Le(e.scratch+uint32(4*i), v)
	}
	if !e.ok(fnSetMatrix, object, e.arg(0)) {
		return nil, errImage
	}
	bitmap := e.call(fnImageRender, doc, page, object)
	if bitmap == 0 {
		return nil, errImage
	}
	defer e.call(fnBitmapDestroy, bitmap)
	if e.count(fnBitmapFormat, bitmap) != formatBGRA || e.count(fnBitmapWidth, bitmap) != w || e.count(fnBitmapHeight, bitmap) != h {
		return nil, errors.New("a bitmap of another form than asked for")
	}
	if e.memory.refused {
		return nil, nil // the caller says so
	}
	pixels, stride, err := e.pixels(bitmap, w, h)
	if err != nil {
		return nil, err
	}
	out := bounds{left: maxPicture}
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&out, goImage(pixels, stride, w, h)); err != nil {
		return nil, err
	}
	return out.buf.Bytes(), nil
}

var errImage = fail(CodeDamaged, "damaged: PDFium cannot draw it")

// goImage turns a bitmap, in its place, into an image of Go: grey where it has
// no colours, which is a third of the bytes.
func goImage(pixels []byte, stride, w, h int) image.Image {
	grey := true
	for y := range h {
		row := pixels[y*stride:][:w*bytesPerPixel]
		for i := 0; i < len(row); i += bytesPerPixel {
			row[i], row[i+2] = row[i+2], row[i]
			grey = grey && row[i] == row[i+1] && row[i] == row[i+2] && row[i+3] == 0xff
		}
	}
	rect := image.Rect(0, 0, w, h)
	if !grey {
		return &image.NRGBA{Pix: pixels, Stride: stride, Rect: rect}
	}
	for y := range h {
		row := pixels[y*stride:][:w*bytesPerPixel]
		for x := range w {
			pixels[y*w+x] = row[x*bytesPerPixel] // never ahead of what is read
		}
	}
	return &image.Gray{Pix: pixels, Stride: w, Rect: rect}
}
