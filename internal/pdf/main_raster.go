package pdf

import "github.com/mivaa/mivaa/internal/layout"

// openRaster opens the document as the picture that it is.
func (w *readerMain) openRaster() error {
	w.engine.source.reset(w.request.Size)
	return w.heavy(func() (err error) {
		w.raster, err = openRaster(w.engine.source, w.request.Size, w.request.Media, int64(w.engine.memory.limit))
		return err
	})
}

// heavy runs f, with the garbage collector on if the document is a picture.
func (w *readerMain) heavy(f func() error) error {
	if w.request.Media == PDF {
		return f()
	}
	// The whole process may have twice as much as PDFium; the rest is not the heap's.
	return withCollector(int64(w.engine.memory.limit/2*3), f)
}

// pixels is how many pixels what is drawn may have.
func (w *readerMain) pixels() int { return pixelsWithin(w.engine.memory.limit) }

func (w *readerMain) rasterPage(number int) (byte, []byte, error) {
	var page layout.Page
	err := w.heavy(func() (err error) { page, err = w.raster.read(number); return err })
	if err != nil {
		return 0, nil, err
	}
	w.record = encodeRecord(w.record[:0], &page)
	return framePageRecord, w.record, nil
}

func (w *readerMain) listImages(number int) ([]ImageInfo, error) {
	if w.raster != nil {
		return w.raster.images(number)
	}
	return w.engine.images(w.doc, number)
}
