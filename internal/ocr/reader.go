package ocr

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/pdf"
)

// Mode says which pages are recognised.
type Mode string

// The modes.
const (
	Auto  Mode = "auto"  // those that need it: pictures of text, and text that is garbage
	Off   Mode = "off"   // none
	Force Mode = "force" // all, whatever text they have
)

// Modes lists them.
func Modes() []Mode { return []Mode{Auto, Off, Force} }

// Needed says whether a page would have to be recognised, were there something
// to do it with.
func (m Mode) Needed(p *layout.Page) bool {
	if p.Status != layout.StatusOK || p.OCR != nil && p.OCR.Status != layout.OCRFailed {
		return false
	}
	return m == Force || p.NeedsOCR || p.Garbage
}

// What pages are drawn with to be recognised: what Tesseract was trained on,
// without what a stronger compression adds around letters.
const (
	dpi     = 300
	quality = 92
)

// Keys of log records.
const (
	keyPage  = "page_number"
	keyCode  = "error_code"
	keyError = "error"
	keyWords = "words"
)

// Reader recognises the pages of a document: it is a pdf.Recogniser.
type Reader struct {
	engine    *Engine
	mode      Mode
	languages string
	err       error // why no page can be recognised
}

var _ pdf.Recogniser = (*Reader)(nil)

// Reader returns what recognises a document's pages. Languages that are empty
// are the engine's. Those that are not installed cost the pages their text, and
// not the document its pages.
func (e *Engine) Reader(mode Mode, languages string) *Reader {
	r := &Reader{engine: e, mode: mode, languages: languages}
	if languages == "" {
		r.languages = e.languages
	}
	r.err = e.Check(r.languages)
	return r
}

// How is what the reader adds to a page's record.
func (r *Reader) How() layout.OCR {
	return layout.OCR{Engine: Name, Version: r.engine.version, Languages: r.languages}
}

// AtOnce implements pdf.Recogniser.
func (r *Reader) AtOnce() int { return cap(r.engine.slots) }

// Wants implements pdf.Recogniser.
func (r *Reader) Wants(page *layout.Page) bool { return r.mode != Off && r.mode.Needed(page) }

// Recognise implements pdf.Recogniser.
func (r *Reader) Recognise(ctx context.Context, page layout.Page, draw pdf.DrawFunc) (layout.Page, error) {
	select {
	case r.engine.slots <- struct{}{}: // before the picture is made: it may have 16 MiB
		defer func() { <-r.engine.slots }()
	case <-ctx.Done():
		return page, context.Cause(ctx)
	}
	if err := r.engine.enter(ctx); err != nil {
		return page, err
	}
	defer r.engine.leave()
	began := time.Now()
	out, words, err := r.recognise(ctx, page, draw)
	failed, isOurs := errors.AsType[*Error](err)
	if err != nil && !isOurs {
		return page, err
	}
	code := ""
	if isOurs {
		code = failed.Code
		out = layout.Unrecognised(page, r.How(), code, failed.Error())
		r.engine.config.Logger.Warn("page not recognised", keyPage, page.Number, keyCode, code, keyError, err)
	} else {
		r.engine.config.Logger.Debug("page recognised", keyPage, page.Number, keyWords, words)
	}
	if told := r.engine.config.Recognised; told != nil {
		told(time.Since(began), code)
	}
	return out, nil
}

// recognise returns the page as it is with what was recognised.
func (r *Reader) recognise(ctx context.Context, page layout.Page, draw pdf.DrawFunc) (layout.Page, int, error) {
	if r.err != nil {
		return page, 0, r.err
	}
	picture, err := draw(ctx, dpi, quality)
	if err != nil {
		if e, ok := errors.AsType[*pdf.Error](err); ok && e.Code != pdf.CodeInternal {
			return page, 0, &Error{CodePicture, err}
		}
		return page, 0, err
	}
	lines, err := r.engine.lines(ctx, picture, r.languages, resolution(page, picture))
	if e, ok := errors.AsType[*Error](err); ok && mayPass(e.Code) {
		r.engine.config.Logger.Warn("tesseract failed, page is tried once more", keyPage, page.Number, keyCode, e.Code, keyError, err)
		lines, err = r.engine.lines(ctx, picture, r.languages, resolution(page, picture))
	}
	if err != nil {
		return page, 0, err
	}
	lines, confidence := credible(lines)
	how := r.How()
	if len(lines) == 0 {
		return layout.Unrecognised(page, how, "", ""), 0, nil
	}
	how.Confidence = confidence
	words := 0
	for i := range lines {
		words += len(lines[i].words)
	}
	scale := page.Width / float64(picture.Width)
	return layout.Recognised(page, Name, glyphs(lines, scale), how), words, nil
}

// resolution is how many dots an inch a picture of the page has, as Tesseract
// is told. A page of a size that cannot be is as good as any.
func resolution(page layout.Page, picture pdf.Picture) int {
	const lowest, highest = 70, 600
	exact := 72 * float64(picture.Width) / page.Width
	if math.IsNaN(exact) {
		return dpi
	}
	return int(min(max(exact, lowest), highest))
}

// lines has Tesseract look at a picture once.
func (e *Engine) lines(ctx context.Context, picture pdf.Picture, languages string, resolution int) ([]line, error) {
	args := []string{"stdin", "stdout", "-l", languages, "--dpi", strconv.Itoa(resolution), "-c", "tessedit_create_tsv=1"}
	out, err := e.run(ctx, args, picture.Data, e.limits())
	if err != nil {
		return nil, err
	}
	lines, err := parseTSV(out, picture.Width, picture.Height)
	if err != nil {
		return nil, &Error{CodeOutput, fmt.Errorf("tesseract's answer makes no sense: %w", err)}
	}
	return lines, nil
}
