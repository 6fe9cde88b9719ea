package extract

import (
	"context"
	"log/slog"

	"github.com/mivaa/mivaa/internal/layout"
	"github.com/mivaa/mivaa/internal/ocr"
	"github.com/mivaa/mivaa/internal/pdf"
	"github.com/mivaa/mivaa/jobs"
)

// Recognition says how pages that are pictures get their text. Its zero value
// works: such pages stay without, and are named.
type Recognition struct {
	Engine *ocr.Engine  // nil: Tesseract is not there
	Mode   ocr.Mode     // of documents that do not say; zero: ocr.Auto
	Log    *slog.Logger // a line for each document in which it was a matter; nil: none
}

// Keys of log records.
const (
	keyJob        = "job"
	keyDocument   = "document"
	keyRecognised = "pages_recognised"
	keyNeeded     = "needs_ocr"
)

// tell says what recognising came to.
func (r Recognition) tell(job jobs.Job, f *OCRFacts) {
	if r.Log == nil {
		return
	}
	level, text := slog.LevelInfo, "Pages were recognised from their picture"
	if f.Needed != "" {
		level, text = slog.LevelWarn, "Pages that are pictures of text stay without it"
	}
	r.Log.Log(context.Background(), level, text, keyJob, job.ID, keyDocument, job.DocumentID, keyRecognised, f.Recognised, keyNeeded, f.Needed)
}

// mode is what holds for a document.
func (r Recognition) mode(o Options) ocr.Mode {
	switch {
	case o.OCR != "":
		return o.OCR
	case r.Mode != "":
		return r.Mode
	}
	return ocr.Auto
}

// of returns what recognises a document's pages; nil: nothing does.
func (r Recognition) of(o Options) pdf.Recogniser {
	if mode := r.mode(o); r.Engine != nil && mode != ocr.Off {
		return r.Engine.Reader(mode, o.OCRLanguages)
	}
	return nil
}

// OCRFacts are what recognising came to in a document.
type OCRFacts struct {
	Mode       ocr.Mode `json:"mode"`
	Engine     string   `json:"engine,omitempty"` // where pages were recognised
	Version    string   `json:"version,omitempty"`
	Languages  string   `json:"languages,omitempty"`
	Recognised int      `json:"pages_recognised"`
	Failed     string   `json:"pages_failed,omitempty"` // could not be recognised, as a selection of pages: 3,7-9
	Needed     string   `json:"needs_ocr,omitempty"`    // are without the text that stands on them, those that failed included
}

// tally is what is found out of a document's pages together.
type tally struct {
	layout.Profiler
	mode       ocr.Mode
	how        layout.OCR // of the first page that has one
	recognised int
	failed     Pages
	needed     Pages
	tables     int
	garbage    Pages
	stream     Pages
}

func (t *tally) add(p layout.Page) {
	t.Add(p)
	t.find(&p)
	if t.mode.Needed(&p) {
		t.needed = t.needed.with(p.Number)
	}
	if p.OCR == nil {
		return
	}
	if t.how.Engine == "" {
		t.how = *p.OCR
	}
	switch p.OCR.Status {
	case layout.OCROK:
		t.recognised++
	case layout.OCRFailed:
		t.failed = t.failed.with(p.Number)
	}
}

// facts are nil where recognising was no matter.
func (t *tally) facts() *OCRFacts {
	if t.how.Engine == "" && len(t.needed) == 0 {
		return nil
	}
	return &OCRFacts{
		Mode: t.mode, Engine: t.how.Engine, Version: t.how.Version, Languages: t.how.Languages,
		Recognised: t.recognised, Failed: t.failed.String(), Needed: t.needed.String(),
	}
}

// with adds a page that is behind all others.
func (p Pages) with(number int) Pages {
	if n := len(p); n > 0 && p[n-1].Last == number-1 {
		p[n-1].Last = number
		return p
	}
	return append(p, Range{number, number})
}
